/*
 * Errors: made where they happen, given context on the way up, shown once.
 *
 * A function that can fail takes `struct kiln_err *err` last, sets it on failure and leaves it
 * alone on success. err may be NULL where the caller does not care. No threads: an error belongs to
 * the caller that made it.
 */
#ifndef KILN_BASE_ERR_H
#define KILN_BASE_ERR_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/poison.h"

enum kiln_err_kind {
    KILN_ERR_NONE,
    KILN_ERR_USER,      /* wrong input: template, flag, file */
    KILN_ERR_REMOTE,    /* the guest, a server or a program said no */
    KILN_ERR_TIMEOUT,   /* a deadline passed */
    KILN_ERR_CANCELLED, /* somebody asked to stop */
    KILN_ERR_SYSTEM,    /* the kernel said no; os_errno tells */
};

struct kiln_err {
    enum kiln_err_kind kind; /* what the caller may decide on */
    int os_errno;            /* errno value or 0 */
    char *msg;               /* owned; outermost context first, no trailing newline */
};

#define KILN_AUTO_ERR KILN_CLEANUP(kiln_err_clear) struct kiln_err

/** Replace what err holds. Always returns false, so that a failing path is one statement. */
bool kiln_err_set(struct kiln_err *err, enum kiln_err_kind kind, const char *fmt, ...)
    KILN_PRINTF(3, 4);

/** As kiln_err_set with KILN_ERR_SYSTEM; appends ": " and the text of `os_errno`. False. */
bool kiln_err_sys(struct kiln_err *err, int os_errno, const char *fmt, ...) KILN_PRINTF(3, 4);

/** Put "context: " in front of the message that err holds; kind and errno stay. False. */
bool kiln_err_wrap(struct kiln_err *err, const char *fmt, ...) KILN_PRINTF(2, 3);

/** Move *from into *to (either may be NULL); *from is empty afterwards. False. */
bool kiln_err_move(struct kiln_err *to, struct kiln_err *from);

/** Message or "" if none; never NULL. */
const char *kiln_err_text(const struct kiln_err *err);

/** What Go calls an errno: as strerror, but "permission denied". Truncates; buf is returned. */
const char *kiln_errno_go(int os_errno, char *buf, size_t size);

/** Release the message; *err is zeroed and can be used again. */
void kiln_err_clear(struct kiln_err *err);

#endif
