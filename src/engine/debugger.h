/*
 * The debugger of a build: where it stops, and what stands still then. Breakpoints are data here,
 * not code in the steps: whoever does something calls a check point before and after it.
 *
 * Stopped means stopped: the guest's CPUs are halted and the build's clock stands. A build stands
 * for one or both of two reasons, and this is the only place that pauses and resumes its clock:
 *
 * - a stop: a breakpoint, the end of a step of single stepping, or the command `pause`. The main
 *   thread stands at a check point or, after `pause`, in whatever wait it is in.
 * - a prompt: a question is open (kiln_ask). The guest is halted only in runs that want that
 *   (options->freeze): a person may be logged in to look around.
 *
 * A cancel ends every stop; nothing stops after it.
 *
 * Threads: the main thread calls check points, hold and release; the worker's reader thread the
 * commands (control.h) pause, continue, next, next-element, next-key, run-to, break, retry, skip,
 * freeze, thaw, and those of a shell (engine/shell.h), which is possible where the main thread
 * stands, not in the midst of something; all else: any. One lock over everything; QMP, the bus and
 * the cancel object are used under it, and neither calls back. Every function does nothing for a
 * build without one.
 */
#ifndef KILN_ENGINE_DEBUGGER_H
#define KILN_ENGINE_DEBUGGER_H

#include "engine/build.h"
#include "engine/place.h"

/** For b, which must have its cancel object, its bus and, if it shall obey anybody, its control. */
struct kiln_debugger *kiln_debugger_new(struct kiln_build *b);
void kiln_debugger_free(struct kiln_debugger *d); /* NULL is fine */

/* ---- the plan: PLAN and BREAKS events ---- */

/** The build begins: its provisioners, post-processors, and the breakpoints of the options. */
void kiln_debugger_begin(struct kiln_build *b);
/** The builder's steps; n 0: it has none. Breakpoints that name nothing are told. */
void kiln_debugger_steps(struct kiln_build *b, const char *const *names, size_t n);
/** What will be typed is known, or is another: elements of each row (at least one), key events of
 *  all. Breakpoints behind its end are told. Any thread. */
void kiln_debugger_boot_size(struct kiln_build *b, const size_t *elements, size_t n_rows,
                             uint64_t keys);
/** The build is over: goes on if it stood; no command is obeyed any more. */
void kiln_debugger_end(struct kiln_build *b);

/* ---- check points; main thread. They return when the build may go on or was cancelled ---- */

/** False: it shall be left out (provisioners only). */
bool kiln_debugger_before(struct kiln_build *b, enum kiln_place_list list, size_t i);
void kiln_debugger_after(struct kiln_build *b, enum kiln_place_list list, size_t i);
/* A moment of the boot command: ELEMENT, KEY or BOOT_END. */
struct kiln_boot_spot {
    struct kiln_place place;
    const char *what; /* what would be typed, free of secrets; may be NULL */
};
/** One moment, which may have several names (an element begins with a key): a stop has the name of
 *  the first that is a reason for it. True: it stopped there, and whatever may have happened. */
bool kiln_debugger_boot(struct kiln_build *b, const struct kiln_boot_spot *spots, size_t n);
/** The guest's screen shows these rows now. Any thread. A place of text (text:REGEX) stops the
 *  build, wherever that is, when it appears: when a row matches and none did before. */
void kiln_debugger_text(struct kiln_build *b, const struct kiln_strv *rows);
/** Nothing stops here, but who was paused stands. */
void kiln_debugger_stand(struct kiln_build *b);

/* ---- what else it has to know ---- */

/** A question is open: stand until release. */
void kiln_debugger_hold(struct kiln_build *b, const char *question);
void kiln_debugger_release(struct kiln_build *b);

/** The build shall do something else than what it stands in: the stop ends, and stepping. */
void kiln_debugger_let_go(struct kiln_build *b);

/** A command makes sense while the build stands (retry, skip, shell, edit …), or no longer does.
 *  It is named in STOP events; those of the debugger's own are obeyed only while offered. */
void kiln_debugger_offer(struct kiln_build *b, const char *command, bool on);

/**
 * A person drives the guest by hand: the build stands (as after `pause`, if it does not yet), its
 * guest runs, and it does not go on before this is taken back (on false; then it stands as it did,
 * the guest halted). Reader thread, or main thread to take it back.
 * USER: there is no machine, or the build is ending.
 */
bool kiln_debugger_by_hand(struct kiln_build *b, bool on, struct kiln_err *err);
/** False (USER): the guest is driven by hand, so the build does not go on. */
bool kiln_debugger_may_go(struct kiln_build *b, struct kiln_err *err);

/** Does the build stand still? Any thread; a reader thread's answer holds until it returns. */
bool kiln_debugger_standing(struct kiln_build *b);

/* The virtual machine, while there is one. Both called under the lock, within a second or two. */
struct kiln_machine {
    bool (*stop)(void *ud); /* halt the CPUs; false: they do not run anyway, or QEMU is gone */
    bool (*cont)(void *ud); /* called after a stop that was true; false: it could not */
    void (*text)(void *ud, bool on); /* kiln_debugger_text has to be called, or no more; or NULL */
    void *ud;
};
/** Copied. NULL: from now on there is none; neither function runs once this has returned. True: the
 *  one that there was is halted because of a stop, and it is the caller's now to let it run. */
bool kiln_debugger_machine(struct kiln_build *b, const struct kiln_machine *machine);

#endif
