/*
 * Steps: a builder is a list of them, the runner does the rest: order, reverse cleanup,
 * cancellation, timing, -on-error, -debug pauses. Worker's main thread.
 * Source: packer-core.md, sections 3 and 4.
 */
#ifndef KILN_ENGINE_STEP_H
#define KILN_ENGINE_STEP_H

#include "engine/build.h"
#include "engine/place.h"

enum kiln_step_state {
    KILN_STEP_PENDING,
    KILN_STEP_RUNNING,
    KILN_STEP_PAUSED,
    KILN_STEP_DONE,
    KILN_STEP_FAILED,
    KILN_STEP_CLEANED,
    KILN_STEP_SKIPPED, /* provisioners only */
    KILN_STEP__N
};

/* How the steps before ended, for cleanups that depend on it. */
enum kiln_outcome { KILN_OUTCOME_OK, KILN_OUTCOME_FAILED, KILN_OUTCOME_CANCELLED };

struct kiln_steps;

struct kiln_step_ops {
    const char *name; /* Packer's: "StepDownload", "stepRun"; shown by -debug and -on-error */
    /* `state` is the builder's own struct, shared by its steps. */
    bool (*run)(void *state, struct kiln_build *, struct kiln_err *);
    /* Reverse order; also after a failed run(). Must finish: b->cancel is one that nobody fires
     * (for a step that `provisions`: the build's own, as long as that has not fired). NULL: none.
     */
    void (*cleanup)(void *state, struct kiln_build *, enum kiln_outcome);
    /* Runs its cleanup even under run-cleanup-provisioner (the provisioning step). */
    bool provisions;
};

/**
 * Run the steps; NULL entries are skipped. On failure err is the error of the step that failed
 * (kind CANCELLED and text "Build was cancelled." after a cancel). Cleanups have run (as -on-error
 * wants) when it returns. A retry at -on-error=ask that succeeds clears the error: the build goes
 * on.
 */
bool kiln_steps_run(const struct kiln_step_ops *const *steps, size_t n, void *state,
                    struct kiln_build *b, struct kiln_err *err);

/** The error that the build has met so far, or NULL; for cleanups (error-cleanup-provisioner). */
const char *kiln_steps_error(const struct kiln_build *b);

/** For a cleanup that fails in a way people must know: replaces that error. No-op outside steps. */
void kiln_steps_set_error(struct kiln_build *b, const char *text);

/** The STEP event of a step, provisioner or post-processor. */
void kiln_step_tell(struct kiln_build *b, enum kiln_place_list list, size_t index, const char *name,
                    enum kiln_step_state from, enum kiln_step_state to);

/** -debug: "Pausing after run of step 'NAME'. Press enter to continue."; no-op otherwise. Also for
 *  boot command elements (name "boot_command: TEXT"). */
void kiln_debug_pause(struct kiln_build *b, const char *fmt, ...) KILN_PRINTF(2, 3);

/** The provisioning step of every builder that has steps: kiln_build_provision over
 *  b->communicator; its cleanup is the error-cleanup-provisioner. Ignores `state`. */
extern const struct kiln_step_ops kiln_step_provision;

#endif
