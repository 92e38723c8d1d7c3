/*
 * Provisioners with their wrappers, inside to outside: component, timeout, pause_before, retries,
 * debug prompt. Unlike Packer, pause_before leaves the timeout alone (and is no part of it), each
 * attempt has its own timeout, and the error is that of the last attempt.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "engine/build.h"
#include "engine/data.h"
#include "engine/debugger.h"
#include "engine/step.h"

static char *duration_text(int64_t ns)
{
    struct kiln_str s = { 0 };

    kiln_duration_format(&s, ns);
    return kiln_str_steal(&s);
}

/* What happened is that time ran out, whatever the component called it. */
static bool timed_out(struct kiln_build *b, const struct kiln_build_provisioner *p,
                      const char *limit, struct kiln_err *failure, struct kiln_err *err)
{
    kiln_error(b, "Cancelling provisioner after a timeout...");
    if (failure->kind == KILN_ERR_CANCELLED || failure->kind == KILN_ERR_TIMEOUT)
        return kiln_err_set(err, KILN_ERR_TIMEOUT, "provisioner %s: timed out after %s",
                            p->ops->schema->name, limit);
    failure->kind = KILN_ERR_TIMEOUT;
    return kiln_err_move(err, failure);
}

/* They end with the build, or with the machine that they work on. */
static struct kiln_cancel *cancel_of(const struct kiln_build *b)
{
    return b->machine_cancel ? b->machine_cancel : b->cancel;
}

static bool run_timed(struct kiln_build *b, const struct kiln_build_provisioner *p,
                      struct kiln_communicator *comm, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *cancel = NULL;
    KILN_AUTO_FREE char *limit = duration_text(p->decl->timeout_ns);
    KILN_AUTO_ERR failure = { 0 };
    int64_t deadline = KILN_NEVER;

    if (p->decl->timeout_ns != 0) {
        kiln_say(b, "Setting a %s timeout for the next provisioner...", limit);
        deadline = kiln_cancel_deadline(cancel_of(b), p->decl->timeout_ns / 1000);
    }
    cancel = kiln_cancel_child(cancel_of(b), deadline);
    if (p->ops->provision(p->cfg, b, comm, cancel, &failure))
        return true;
    if (kiln_cancel_timed_out(cancel))
        return timed_out(b, p, limit, &failure, err);
    return kiln_err_move(err, &failure);
}

static bool run_paused(struct kiln_build *b, const struct kiln_build_provisioner *p,
                       struct kiln_communicator *comm, struct kiln_err *err)
{
    KILN_AUTO_FREE char *pause = duration_text(p->decl->pause_before_ns);

    if (p->decl->pause_before_ns != 0) {
        kiln_say(b, "Pausing %s before the next provisioner...", pause);
        if (!kiln_wait_us(cancel_of(b), p->decl->pause_before_ns / 1000, err))
            return false;
    }
    return run_timed(b, p, comm, err);
}

static bool run_retried(struct kiln_build *b, const struct kiln_build_provisioner *p,
                        struct kiln_communicator *comm, struct kiln_err *err)
{
    if (p->max_retries == 0)
        return run_paused(b, p, comm, err);
    for (int64_t left = p->max_retries;; left--) {
        KILN_AUTO_ERR failure = { 0 };
        KILN_AUTO_STR quoted = { 0 };

        if (run_paused(b, p, comm, &failure))
            return true;
        if (left <= 0) {
            kiln_say(b, "retry limit reached.");
            return kiln_err_move(err, &failure);
        }
        if (kiln_cancel_fired(cancel_of(b)))
            return kiln_err_move(err, &failure);
        kiln_go_add_quoted(&quoted, kiln_err_text(&failure), strlen(kiln_err_text(&failure)));
        kiln_say(b, "Provisioner failed with %s, retrying with %lld trie(s) left",
                 kiln_str_cstr(&quoted), (long long)left);
    }
}

static bool run_one(struct kiln_build *b, const struct kiln_build_provisioner *p,
                    struct kiln_communicator *comm, struct kiln_err *err)
{
    static const struct kiln_prompt q = {
        .text = "Pausing before the next provisioner . Press enter to continue.",
    };
    KILN_AUTO_FREE char *answer = NULL;

    if (b->options->debug)
        (void)kiln_ask(b, &q, &answer, NULL);
    if (kiln_cancel_fired(cancel_of(b)))
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    return run_retried(b, p, comm, err);
}

static bool communicator_there(const struct kiln_communicator *comm, struct kiln_err *err)
{
    return comm || kiln_err_set(err, KILN_ERR_USER,
                                "No communicator found for provisioners! This is usually because "
                                "the\n`communicator` config was set to \"none\". If you have any "
                                "provisioners\nthen a communicator is required. Please fix this to "
                                "continue.");
}

static void tell(struct kiln_build *b, size_t i, enum kiln_step_state from, enum kiln_step_state to)
{
    kiln_step_tell(b, KILN_PLACES_PROVISIONERS, i, b->provisioners[i].decl->type, from, to);
}

/* One of the template's list, which can be stopped at and left out. */
static bool run_numbered(struct kiln_build *b, size_t i, struct kiln_communicator *comm,
                         struct kiln_err *err)
{
    bool ok;

    if (!kiln_debugger_before(b, KILN_PLACES_PROVISIONERS, i)) {
        kiln_say(b, "Skipping provisioner %zu (%s): so it was decided at the stop before it.",
                 i + 1, b->provisioners[i].decl->type);
        tell(b, i, KILN_STEP_PENDING, KILN_STEP_SKIPPED);
        return true;
    }
    if (kiln_cancel_fired(b->cancel))
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    tell(b, i, KILN_STEP_PENDING, KILN_STEP_RUNNING);
    ok = run_one(b, &b->provisioners[i], comm, err);
    tell(b, i, KILN_STEP_RUNNING, ok ? KILN_STEP_DONE : KILN_STEP_FAILED);
    if (ok)
        kiln_debugger_after(b, KILN_PLACES_PROVISIONERS, i);
    return ok;
}

bool kiln_build_provision(struct kiln_build *b, struct kiln_communicator *comm,
                          struct kiln_err *err)
{
    if (b->steps) /* builders without steps have no data of their own: Packer's file builder */
        kiln_data_complete(b);
    if (b->n_provisioners == 0)
        return true;
    if (!communicator_there(comm, err))
        return false;
    for (size_t i = 0; i < b->n_provisioners; i++) {
        if (!run_numbered(b, i, comm, err))
            return false;
    }
    return true;
}

bool kiln_build_cleanup_provision(struct kiln_build *b, struct kiln_communicator *comm,
                                  const char *cause, struct kiln_err *err)
{
    KILN_AUTO_ERR failure = { 0 };
    KILN_AUTO_FREE char *text = NULL;

    kiln_say(b, "Provisioning step had errors: Running the cleanup provisioner, if present...");
    if (!b->cleanup)
        return true;
    if (communicator_there(comm, &failure) && run_one(b, b->cleanup, comm, &failure))
        return true;
    text = kiln_xasprintf("Cleanup failed: %s. Original Provisioning error: %s",
                          kiln_err_text(&failure), cause);
    kiln_steps_set_error(b, text);
    return kiln_err_set(err, failure.kind, "%s", text);
}

/* ---- the step ---- */

static bool step_run(void *state, struct kiln_build *b, struct kiln_err *err)
{
    (void)state;
    return kiln_build_provision(b, b->communicator, err);
}

static void step_cleanup(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    (void)state;
    if (outcome == KILN_OUTCOME_FAILED)
        (void)kiln_build_cleanup_provision(b, b->communicator, kiln_steps_error(b), NULL);
}

const struct kiln_step_ops kiln_step_provision = {
    .name = "StepProvision",
    .run = step_run,
    .cleanup = step_cleanup,
    .provisions = true,
};
