/*
 * Commands of clients on their way to the builds, and replies back: which builds a command is for,
 * what can be said without asking a worker, who waits for which reply. Supervisor's thread.
 */
#ifndef KILN_RUN_DISPATCH_H
#define KILN_RUN_DISPATCH_H

#include "run/control.h"
#include "run/slot.h"

struct kiln_dispatch_ops {
    /* End a build that runs or waits; slot NULL: the whole run. */
    void (*cancel)(void *ud, struct kiln_slot *slot);
    /* slot->build->breaks of a build that waits have changed. */
    void (*breaks)(void *ud, struct kiln_slot *slot);
    /* Save that boot command into the template. *ret_text: the old file's copy; the caller frees.
     */
    bool (*write)(void *ud, struct kiln_slot *slot, const struct kiln_control_args *args,
                  char **ret_text, struct kiln_err *err);
};

struct kiln_dispatch {
    struct kiln_slot *slots; /* borrowed */
    size_t n;
    struct kiln_listener *listener; /* borrowed */
    const struct kiln_dispatch_ops *ops;
    void *ud;
    int64_t id;                /* of the last command to a worker */
    struct kiln_call *calls;   /* owned; those that wait for a worker */
    struct kiln_group *groups; /* owned; the commands that they came of */
    size_t n_calls;
};

void kiln_dispatch_done(struct kiln_dispatch *d);

/** A command with KILN_COMMAND_BUILD; replies in any case. */
void kiln_dispatch_command(struct kiln_dispatch *d, const struct kiln_caller *from,
                           const struct kiln_command *cmd);
/** Is this line of a worker a reply? Then it is passed on. */
bool kiln_dispatch_reply(struct kiln_dispatch *d, struct kiln_slot *slot, const char *line,
                         size_t len);
/** The worker of this slot is dead: nobody replies any more. */
void kiln_dispatch_over(struct kiln_dispatch *d, struct kiln_slot *slot);
/** Nobody wants to see the screen of that build any more. */
void kiln_dispatch_unwatched(struct kiln_dispatch *d, const char *build);
/** Who had the controls has them no longer: no build keeps its keys pressed. */
void kiln_dispatch_released(struct kiln_dispatch *d);

#endif
