/*
 * The cancel object: one per build (or program). It carries "stop now", "stand still" and the clock
 * that deadlines are measured on. Every wait in kiln goes through the functions at the end.
 *
 * Threads: any thread may call any function but free. kiln_cancel_fire is also safe in a signal
 * handler. A forked process makes its own object: the fds of the inherited one are shared.
 * Deadlines are absolute microseconds on the object's own clock, which is CLOCK_MONOTONIC less the
 * time spent paused, so that a paused build loses nothing of its timeouts.
 */
#ifndef KILN_BASE_CANCEL_H
#define KILN_BASE_CANCEL_H

#include <poll.h>
#include <stdint.h>

#include "base/err.h"

struct kiln_cancel;

#define KILN_NEVER INT64_MAX /* a deadline that does not come */

struct kiln_cancel *kiln_cancel_new(void);
/**
 * A child: fires when its parent does, or by itself (a provisioner's `timeout`), or when `deadline`
 * of the parent's clock passes (KILN_NEVER: not by time). The parent must outlive it; NULL makes a
 * root with a deadline.
 */
struct kiln_cancel *kiln_cancel_child(struct kiln_cancel *parent, int64_t deadline);
void kiln_cancel_free(struct kiln_cancel *c); /* NULL is fine */
void kiln_cancel_freep(struct kiln_cancel **c);

void kiln_cancel_fire(struct kiln_cancel *c);
bool kiln_cancel_fired(struct kiln_cancel *c);
/** True if it fired because the child's own deadline passed. */
bool kiln_cancel_timed_out(struct kiln_cancel *c);

/**
 * Stand still / go on, together with the whole family: parents and children share one clock. While
 * paused the clock stops and waits do not return (but for cancel). Calls are not counted: one
 * resume ends any number of pauses.
 */
void kiln_cancel_pause(struct kiln_cancel *c);
void kiln_cancel_resume(struct kiln_cancel *c);

int64_t kiln_cancel_now(struct kiln_cancel *c);
/** now + timeout_us; a timeout of 0 or less gives a deadline that has passed. */
int64_t kiln_cancel_deadline(struct kiln_cancel *c, int64_t timeout_us);

enum kiln_wait {
    KILN_WAIT_READY,     /* at least one fd has revents */
    KILN_WAIT_TIMEOUT,   /* the deadline passed */
    KILN_WAIT_CANCELLED, /* the object fired */
    KILN_WAIT_ERROR,     /* poll failed; errno in err */
};

/**
 * Wait for file descriptors (n may be 0: then only deadline and cancel end it). A deadline that has
 * passed still looks at the fds once. revents are set on READY only.
 *
 * c may be NULL in cleanup that has to go on after a cancel: the deadline is then on
 * CLOCK_MONOTONIC (kiln_cancel_deadline(NULL, us)) and nothing else ends the wait.
 *
 * err is set for every result but READY: kinds TIMEOUT ("timed out"), CANCELLED ("cancelled"),
 * SYSTEM. Wrap it with what was waited for.
 */
enum kiln_wait kiln_wait_fds(struct kiln_cancel *c, struct pollfd *fds, size_t n, int64_t deadline,
                             struct kiln_err *err);
/** One fd; `events` as for poll. */
enum kiln_wait kiln_wait_fd(struct kiln_cancel *c, int fd, short events, int64_t deadline,
                            struct kiln_err *err);
/** Let `us` microseconds of build time pass; false (err CANCELLED) if cancelled meanwhile. */
bool kiln_wait_us(struct kiln_cancel *c, int64_t us, struct kiln_err *err);

#endif
