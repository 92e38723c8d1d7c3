/*
 * The way to a guest's SSH server: straight, through a SOCKS5 proxy, or on from a bastion. A route
 * outlives the connections made along it: the login at the bastion is kept, and made anew when it
 * was lost. One thread.
 */
#ifndef KILN_COMMUNICATOR_ROUTE_H
#define KILN_COMMUNICATOR_ROUTE_H

#include "communicator/ssh_ops.h"

struct kiln_route;
/** cfg, ops: borrowed. NULL: the bastion's keys cannot be used (USER). */
struct kiln_route *kiln_route_new(const struct kiln_ssh_config *cfg, const struct kiln_ssh_ops *ops,
                                  struct kiln_err *err);
void kiln_route_free(struct kiln_route *r); /* NULL is fine; connections through a bastion end */

/**
 * Before connections are made: names are looked up, and the bastion lets us in. Cheap if that is
 * done already.
 *
 * @watch  its death of the guest ends the login at the bastion, too
 * @ret_why  set, and true returned, if it is worth another try later: a name was not found
 *
 * Errors: CANCELLED, what watch->explain says, and for a bastion what kiln_ssh_wait says, with
 * ssh_bastion_host in front.
 */
bool kiln_route_open(struct kiln_route *r, const struct kiln_ssh_watch *watch,
                     struct kiln_cancel *c, int64_t deadline, struct kiln_err *ret_why,
                     struct kiln_err *err);
/** Forget looked-up names: the next kiln_route_open asks again. */
void kiln_route_refresh(struct kiln_route *r);
/** True: each connection is somebody else's work, too; do not make more than one in a second. */
bool kiln_route_is_shared(const struct kiln_route *r);

/* One connection on its way. */
struct kiln_dial;
enum kiln_dial_state {
    KILN_DIAL_BUSY, /* call again when kiln_dial_poll's fd has one of the events */
    KILN_DIAL_DONE,
    KILN_DIAL_FAILED,
};

/** Does not wait. NULL: REMOTE or SYSTEM, another try may go better. The route must be open. */
struct kiln_dial *kiln_dial_new(struct kiln_route *r, struct kiln_err *err);
void kiln_dial_free(struct kiln_dial *d); /* NULL is fine */
struct pollfd kiln_dial_poll(const struct kiln_dial *d);
/** DONE: *ret_fd, non-blocking and close-on-exec, is the caller's. FAILED: as kiln_dial_new, or
 * USER if no other try will go better (the proxy refused the login). */
enum kiln_dial_state kiln_dial_step(struct kiln_dial *d, int *ret_fd, struct kiln_err *err);

#endif
