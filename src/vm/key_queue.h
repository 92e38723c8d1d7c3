/*
 * Keys that people press, on their way to the guest: those that wait to be sent, and those that are
 * down. What is down can always be let go of: there is room for that in the queue. Plain data, no
 * threads; all zeroes is an empty one.
 */
#ifndef KILN_VM_KEY_QUEUE_H
#define KILN_VM_KEY_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KILN_KEY_QUEUE_MAX      512 /* keys that wait */
#define KILN_KEY_QUEUE_MAX_HELD 32  /* keys that are down at one time */

struct kiln_key_stroke {
    uint32_t keysym;  /* X11; says which key it is */
    uint8_t scancode; /* XT, of the physical key; 0: the keysym counts (vm/vnc.h) */
    bool down;
};

struct kiln_key_queue {
    struct kiln_key_stroke waiting[KILN_KEY_QUEUE_MAX];
    size_t n;
    struct kiln_key_stroke held[KILN_KEY_QUEUE_MAX_HELD]; /* once all is sent */
    size_t n_held;
};

/** USER: more keys than anybody types. */
bool kiln_key_queue_add(struct kiln_key_queue *q, struct kiln_key_stroke stroke,
                        struct kiln_err *err);
/** Let go of all that is down. */
void kiln_key_queue_release(struct kiln_key_queue *q);

bool kiln_key_queue_holds(const struct kiln_key_queue *q, uint32_t keysym);

/** Give out what waits, which is no longer in there; returns how many. They may spell a password:
 *  the caller wipes them. */
size_t kiln_key_queue_take(struct kiln_key_queue *q,
                           struct kiln_key_stroke ret[KILN_KEY_QUEUE_MAX]);
/** Nothing waits, nothing is down. */
void kiln_key_queue_clear(struct kiln_key_queue *q);

#endif
