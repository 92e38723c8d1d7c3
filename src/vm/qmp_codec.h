/*
 * The QEMU Machine Protocol as bytes and messages, without I/O: feed what came from the socket,
 * take messages; encode commands. JSON documents, one to a line. No threads, no state but the
 * buffer.
 *
 * Source: QEMU docs/interop/qmp-spec.rst.
 */
#ifndef KILN_VM_QMP_CODEC_H
#define KILN_VM_QMP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct json_object;

enum kiln_qmp_type {
    KILN_QMP_GREETING, /* data: the "QMP" object */
    KILN_QMP_RETURN,   /* data: what the command returned */
    KILN_QMP_ERROR,    /* text: why the command failed */
    KILN_QMP_EVENT,    /* name: "SHUTDOWN"…; data: its "data" object or NULL */
};

struct kiln_qmp_message {
    enum kiln_qmp_type type;
    uint64_t id;              /* RETURN, ERROR: of the command; 0: none */
    const char *name;         /* EVENT; borrowed from root */
    const char *text;         /* ERROR; borrowed from root */
    struct json_object *data; /* borrowed from root; may be NULL */
    struct json_object *root; /* the whole document; owned */
};

#define KILN_AUTO_QMP_MESSAGE KILN_CLEANUP(kiln_qmp_message_done) struct kiln_qmp_message
void kiln_qmp_message_done(struct kiln_qmp_message *m);

/** Bytes that wait to become messages. All zeroes is ready to use. */
struct kiln_qmp_codec {
    struct kiln_str in; /* owned */
    size_t scanned;     /* bytes of `in` known to hold no newline */
};

void kiln_qmp_codec_done(struct kiln_qmp_codec *c);

/** Add bytes from the peer. False (REMOTE): more than KILN_MAX_QMP_MESSAGE without a newline. */
bool kiln_qmp_codec_feed(struct kiln_qmp_codec *c, const void *data, size_t len,
                         struct kiln_err *err);

enum kiln_qmp_next {
    KILN_QMP_MORE,    /* no whole message yet: feed */
    KILN_QMP_MESSAGE, /* *ret_msg holds one; the caller ends it with kiln_qmp_message_done */
    KILN_QMP_BAD,     /* not QMP (REMOTE); give the connection up */
};
enum kiln_qmp_next kiln_qmp_codec_next(struct kiln_qmp_codec *c, struct kiln_qmp_message *ret_msg,
                                       struct kiln_err *err);

/** Append the command as one line; args may be NULL and stays the caller's; id is not 0. */
void kiln_qmp_encode(struct kiln_str *out, uint64_t id, const char *command,
                     struct json_object *args);

#endif
