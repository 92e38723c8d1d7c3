/*
 * A build as the supervisor sees it: the worker's process, the socket to it, and how far it is. One
 * thread; nothing here blocks.
 */
#ifndef KILN_RUN_SLOT_H
#define KILN_RUN_SLOT_H

#include <sys/types.h>

#include "engine/build.h"
#include "run/peer.h"

enum kiln_slot_state { KILN_SLOT_WAITING, KILN_SLOT_RUNNING, KILN_SLOT_OVER };

struct kiln_slot {
    enum kiln_slot_state state;
    struct kiln_build *build; /* borrowed from the plan */
    pid_t pid;
    struct kiln_peer peer; /* the socket to it; closed once at its end */
    int pidfd;             /* readable once the worker is dead */
    char *ledger;          /* path; owned */
    char *frames;          /* path; owned; NULL before it was started */
    bool ended;            /* its build-end event came */
    int64_t status;        /* of that event */
    int64_t cancelled_us;  /* monotonic; 0: not cancelled */
};

void kiln_slot_init(struct kiln_slot *slot, struct kiln_build *build);
void kiln_slot_done(struct kiln_slot *slot);

/** Fork its worker. guard_fd: see worker.h. The slot keeps the paths of ledger and frames. */
bool kiln_slot_start(struct kiln_slot *slot, char *ledger, char *frames, int guard_fd,
                     struct kiln_err *err);

/** A whole line of its worker, with '\n'. */
typedef void kiln_slot_line_fn(void *ud, struct kiln_slot *slot, const char *line, size_t len);
/** Take what has come; closes the peer at the end of the stream. */
void kiln_slot_read(struct kiln_slot *slot, kiln_slot_line_fn *fn, void *ud);
/** Send a command line; false if the worker has not taken the last MiB yet, or does not run. */
bool kiln_slot_send(struct kiln_slot *slot, const char *line, size_t len);
/** The worker is dead: reads what is left, reaps it; state is OVER. Returns its wait status. */
int kiln_slot_bury(struct kiln_slot *slot, kiln_slot_line_fn *fn, void *ud);

#endif
