#include "vm/qemu.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/qemu_failure.h"
#include "vm/qemu_output.h"
#include "vm/qemu_watch.h"

#define LAST_BREATH_US KILN_SECOND(1) /* from closing its sockets to having ended */

struct kiln_qemu {
    struct kiln_process process;
    struct kiln_qemu_output *output; /* NULL until started */
    struct kiln_qmp *qmp;            /* NULL until connected */
    struct kiln_qemu_watch *watch;   /* NULL until connected, and once it is of no more use */
    char *qmp_path;
    char *ended_by; /* owned; as the watch has heard; NULL: its guest, or it crashed */
};

struct kiln_qmp *kiln_qemu_qmp(struct kiln_qemu *q)
{
    return q->qmp;
}

pid_t kiln_qemu_pid(const struct kiln_qemu *q)
{
    return q->process.pid;
}

int kiln_qemu_pidfd(const struct kiln_qemu *q)
{
    return q->process.pidfd;
}

bool kiln_qemu_ended(struct kiln_qemu *q)
{
    return kiln_process_ended(&q->process);
}

int kiln_qemu_exit_code(const struct kiln_qemu *q)
{
    return kiln_process_exit_code(&q->process);
}

/* Its last events are delivered. */
static void end_watch(struct kiln_qemu *q)
{
    char *ended_by = kiln_qemu_watch_free(q->watch);

    q->watch = NULL;
    if (!ended_by)
        return;
    free(q->ended_by);
    q->ended_by = ended_by;
}

const char *kiln_qemu_ended_by(struct kiln_qemu *q)
{
    end_watch(q);
    return q->ended_by;
}

char *kiln_qemu_last_words(struct kiln_qemu *q)
{
    if (kiln_process_ended(&q->process))
        kiln_qemu_output_finish(q->output); /* all of them */
    return kiln_qemu_output_last_words(q->output);
}

void kiln_qemu_free(struct kiln_qemu *q)
{
    if (!q)
        return;
    kiln_qemu_kill(q);
    end_watch(q);
    kiln_qmp_free(q->qmp);
    kiln_qemu_output_free(q->output); /* before its pipes are closed */
    kiln_process_done(&q->process);
    if (q->qmp_path)
        (void)unlink(q->qmp_path); /* QEMU does it only when it ends in peace */
    free(q->qmp_path);
    free(q->ended_by);
    free(q);
}

void kiln_qemu_freep(struct kiln_qemu **q)
{
    kiln_qemu_free(*q);
}

void kiln_qemu_kill(struct kiln_qemu *q)
{
    if (!kiln_process_ended(&q->process))
        kiln_process_stop(&q->process, 0);
}

void kiln_qemu_stop(struct kiln_qemu *q, int64_t grace_us)
{
    int64_t deadline = kiln_cancel_deadline(NULL, grace_us);

    if (!kiln_process_ended(&q->process) && q->qmp && kiln_qmp_quit(q->qmp, NULL, deadline, NULL))
        (void)kiln_process_wait(&q->process, NULL, deadline, NULL);
    if (!kiln_process_ended(&q->process))
        kiln_process_stop(&q->process, grace_us);
    end_watch(q);
}

bool kiln_qemu_wait(struct kiln_qemu *q, struct kiln_cancel *c, int64_t deadline,
                    struct kiln_err *err)
{
    if (!kiln_process_wait(&q->process, c, deadline, err))
        return kiln_err_wrap(err, "wait for QEMU to end");
    end_watch(q);
    return true;
}

static bool spawn(struct kiln_qemu *q, const struct kiln_qemu_config *cfg, struct kiln_err *err)
{
    KILN_AUTO_STRV argv = { 0 };
    struct kiln_spawn how = {
        .in = KILN_STDIO_NULL,
        .out = KILN_STDIO_PIPE,
        .err = KILN_STDIO_PIPE,
        .on_pid = cfg->on_pid,
        .ud = cfg->ud,
    };

    kiln_strv_add(&argv, cfg->binary);
    kiln_strv_add_all(&argv, cfg->args);
    how.argv = (const char *const *)argv.v;
    if (unlink(cfg->qmp_path) < 0 && errno != ENOENT)
        return kiln_err_sys(err, errno, "remove old socket %s", cfg->qmp_path);
    return kiln_process_spawn(&q->process, &how, err) &&
           kiln_qemu_output_start(&q->output, q->process.out, q->process.err, cfg->on_line, cfg->ud,
                                  err);
}

/* QMP could not be reached (*err says how). If that is because QEMU has ended, tell why it has. */
static bool explain_failure(struct kiln_qemu *q, const struct kiln_qemu_config *cfg,
                            enum kiln_qemu_failure *ret_why, struct kiln_err *err)
{
    KILN_AUTO_FREE char *said = NULL, *why = NULL;

    if (err->kind == KILN_ERR_TIMEOUT) {
        said = kiln_qemu_output_last_words(q->output);
        why = kiln_xasprintf("start %s: %s%s%s", cfg->binary, kiln_err_text(err),
                             *said ? "; it has said: " : "", said);
        return kiln_err_set(err, KILN_ERR_TIMEOUT, "%s", why);
    }
    if (err->kind != KILN_ERR_REMOTE ||
        !kiln_process_wait(&q->process, NULL, kiln_cancel_deadline(NULL, LAST_BREATH_US), NULL))
        return kiln_err_wrap(err, "start %s", cfg->binary);
    kiln_qemu_output_finish(q->output);
    said = kiln_qemu_output_last_words(q->output);
    why = kiln_qemu_obituary(q->process.status, said, ret_why);
    return kiln_err_set(err, KILN_ERR_REMOTE, "%s %s", kiln_path_base(cfg->binary), why);
}

bool kiln_qemu_start(struct kiln_qemu **ret_qemu, const struct kiln_qemu_config *cfg,
                     struct kiln_cancel *c, int64_t deadline, enum kiln_qemu_failure *ret_why,
                     struct kiln_err *err)
{
    KILN_CLEANUP(kiln_qemu_freep) struct kiln_qemu *q = kiln_xcalloc(1, sizeof(*q));
    KILN_AUTO_ERR why = { 0 };

    *ret_why = KILN_QEMU_FAILED;
    q->process = (struct kiln_process)KILN_PROCESS_INIT;
    q->qmp_path = kiln_xstrdup(cfg->qmp_path);
    if (!spawn(q, cfg, err))
        return false;
    if (!kiln_qmp_connect(&q->qmp, cfg->qmp_path, q->process.pidfd, c, deadline, &why)) {
        (void)explain_failure(q, cfg, ret_why, &why);
        return kiln_err_move(err, &why);
    }
    if (!kiln_qemu_watch_start(&q->watch, q->qmp, q->process.pidfd, q->output, cfg->on_event,
                               cfg->ud, cfg->on_death, err))
        return false;
    *ret_qemu = q;
    q = NULL; /* handed over */
    return true;
}
