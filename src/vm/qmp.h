/*
 * A QMP connection to one QEMU: commands with their replies, and the events that come between.
 *
 * Blocking; every wait ends with its cancel object and deadline. Events are delivered while a
 * command waits for its reply and by kiln_qmp_dispatch, on the calling thread; call the latter when
 * kiln_qmp_fd is readable.
 *
 * Threads: any may execute commands and dispatch, one at a time: a lock is held for the length of a
 * command. Whoever must not stand behind another's (a paused build's main thread may be in the
 * middle of one) gets TIMEOUT when his own deadline comes, if he gives no cancel object.
 *
 * Errors: REMOTE (QEMU refused, or the connection is gone), TIMEOUT, CANCELLED, SYSTEM. After a
 * TIMEOUT or CANCELLED the connection is still good: a late reply is recognised and dropped.
 */
#ifndef KILN_VM_QMP_H
#define KILN_VM_QMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct json_object;
struct kiln_qmp;

/** name: "SHUTDOWN", "RESET", "STOP", "RESUME", "GUEST_PANICKED"…; data may be NULL; both borrowed.
 */
typedef void kiln_qmp_event_fn(void *ud, const char *name, struct json_object *data);

/**
 * Connect to the socket at `path` and finish the greeting.
 *
 * QEMU may still be starting: a missing or refusing socket is tried again until the deadline, or
 * until `pidfd` says that QEMU has ended (REMOTE, "QEMU has ended"). pidfd -1: not watched.
 */
bool kiln_qmp_connect(struct kiln_qmp **ret_qmp, const char *path, int pidfd, struct kiln_cancel *c,
                      int64_t deadline, struct kiln_err *err);
void kiln_qmp_free(struct kiln_qmp *q); /* NULL is fine */
void kiln_qmp_freep(struct kiln_qmp **q);

/** NULL: events are dropped. fn must not call kiln_qmp functions on q. Before other threads have q.
 */
void kiln_qmp_on_event(struct kiln_qmp *q, kiln_qmp_event_fn *fn, void *ud);

/** To poll for reading; borrowed; -1 once the connection is gone. */
int kiln_qmp_fd(const struct kiln_qmp *q);

/** Deliver the events that have come, without waiting. False: the connection is gone. */
bool kiln_qmp_dispatch(struct kiln_qmp *q, struct kiln_err *err);

/**
 * Run a command; args (borrowed, may be NULL) is its "arguments" object.
 * *ret_reply gets the returned value (json_object_put it; may be NULL); ret_reply may be NULL.
 */
bool kiln_qmp_execute(struct kiln_qmp *q, const char *command, struct json_object *args,
                      struct kiln_cancel *c, int64_t deadline, struct json_object **ret_reply,
                      struct kiln_err *err);

/** A command without arguments or an answer of interest: stop, cont, system_powerdown… */
bool kiln_qmp_command(struct kiln_qmp *q, const char *command, struct kiln_cancel *c,
                      int64_t deadline, struct kiln_err *err);

/** End QEMU; true also when it hung up instead of answering. */
bool kiln_qmp_quit(struct kiln_qmp *q, struct kiln_cancel *c, int64_t deadline,
                   struct kiln_err *err);

/** query-status: "running", "paused", "shutdown", "guest-panicked"…; caller frees. */
bool kiln_qmp_status(struct kiln_qmp *q, struct kiln_cancel *c, int64_t deadline, char **ret_status,
                     struct kiln_err *err);

/** The password that VNC clients must give from now on; QEMU uses its first 8 bytes. */
bool kiln_qmp_set_vnc_password(struct kiln_qmp *q, const char *password, struct kiln_cancel *c,
                               int64_t deadline, struct kiln_err *err);

/** Have QEMU write what it shows into a file (PPM). REMOTE: it shows nothing. */
bool kiln_qmp_screendump(struct kiln_qmp *q, const char *path, struct kiln_cancel *c,
                         int64_t deadline, struct kiln_err *err);

/** A command of the human monitor; *ret_text is what it printed (caller frees; may be NULL). */
bool kiln_qmp_human(struct kiln_qmp *q, const char *line, struct kiln_cancel *c, int64_t deadline,
                    char **ret_text, struct kiln_err *err);

#endif
