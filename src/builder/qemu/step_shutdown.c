#include "builder/qemu/retype.h"
#include "engine/output.h"

/* stepShutdown. qemu-builder.md, section 11. */

static int64_t deadline(const struct kiln_qemu_state *s, struct kiln_build *b)
{
    return kiln_cancel_deadline(b->cancel, s->o->shutdown_timeout_ns / 1000);
}

/* Until the guest has powered off; `late` is the error if it does not. @told: to shut down, so that
 * who quits QEMU then knows what he does. */
static bool wait_off(struct kiln_qemu_state *s, struct kiln_build *b, bool told, const char *late,
                     struct kiln_err *err)
{
    if (kiln_qemu_wait(s->qemu, b->cancel, deadline(s, b), err))
        return (told && kiln_streq(kiln_qemu_ended_by(s->qemu), "host-qmp-quit")) ||
               kiln_qemu_powered_off(s->qemu, "before the guest had powered off", err);
    if (err && err->kind == KILN_ERR_TIMEOUT)
        return kiln_err_set(err, KILN_ERR_TIMEOUT, "%s", late);
    return false;
}

/* Without a communicator the guest powers off by itself, when its installer is done. */
static bool await(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    kiln_say(b, "Waiting for shutdown...");
    return wait_off(s, b, false,
                    "Failed to shutdown: the guest did not power off within shutdown_timeout", err);
}

static bool command(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *out = kiln_output_new(b);
    const struct kiln_remote cmd = { .command = s->o->shutdown_command,
                                     .output = kiln_output_remote,
                                     .ud = out };
    int status;

    kiln_say(b, "Gracefully halting virtual machine...");
    /* Its exit status says nothing: the guest may go before it can be told. */
    if (!b->communicator->ops->run(b->communicator, &cmd, b->cancel, &status, err))
        return kiln_err_wrap(err, "Failed to send shutdown command");
    kiln_output_end(out);
    return wait_off(s, b, true, "Timeout while waiting for machine to shut down.", err);
}

static bool run(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;

    if (!s->communicates && !await(s, b, err))
        return false;
    kiln_retype_drop(s->retype); /* no converted disk has it, nor one that is left as it is */
    if (!s->communicates)
        return true;
    if (kiln_is_set(s->o->shutdown_command))
        return command(s, b, err);
    kiln_say(b, "Halting the virtual machine...");
    kiln_qemu_kill(s->qemu);
    return true;
}

const struct kiln_step_ops kiln_qemu_step_shutdown = { "stepShutdown", run, NULL, false };
