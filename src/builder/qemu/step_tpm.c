#include "builder/qemu/qemu.h"

/* stepCreatevTPM. */

#define START_DEADLINE_US KILN_SECOND(30)
#define STOP_GRACE_US     KILN_SECOND(1)

static void stop_tpm(struct kiln_qemu_state *s, struct kiln_build *b)
{
    pid_t pid = s->tpm.process.pid;

    if (pid > 0) {
        kiln_process_stop(&s->tpm.process, STOP_GRACE_US);
        kiln_ledger_drop_pid(b->ledger, pid);
    }
    kiln_swtpm_done(&s->tpm);
    kiln_ledger_remove(b->ledger, KILN_OWNED_TREE, s->tpm_dir);
    s->tpm_dir = NULL;
}

void kiln_qemu_look_at_tpm(struct kiln_qemu_state *s)
{
    pid_t pid = s->tpm.process.pid;
    KILN_AUTO_ERR why = { 0 };

    if (kiln_swtpm_serves(&s->tpm, &why))
        return;
    kiln_ledger_drop_pid(s->build->ledger, pid);
    kiln_error(s->build, "%s: the guest has no TPM any more", kiln_err_text(&why));
}

static bool start_tpm(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    struct kiln_swtpm_config how = { .tpm1 = s->o->use_tpm1,
                                     .on_pid = kiln_ledger_add_pid,
                                     .ud = b->ledger };

    if (!s->o->vtpm)
        return true;
    stop_tpm(s, b); /* a retry of the step begins again */
    if (!kiln_ledger_temp_dir(b->ledger, "kiln-vtpm", &s->tpm_dir, err))
        return false;
    how.dir = s->tpm_dir;
    return kiln_swtpm_start(&s->tpm, &how, b->cancel,
                            kiln_cancel_deadline(b->cancel, START_DEADLINE_US), err);
}

static void drop_tpm(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    (void)outcome;
    stop_tpm(state, b);
}

const struct kiln_step_ops kiln_qemu_step_tpm = { "stepCreatevTPM", start_tpm, drop_tpm, false };
