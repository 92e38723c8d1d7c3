#include "communicator/winrm_wait.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/powershell.h"

#define FRESH_EVERY  KILN_SECOND(1)
#define AFTER_DENIED KILN_SECOND(5) /* Packer's pace: some Windows locks an account after ten */

static const char greeting[] = "WinRM connected.";

struct waiter {
    struct kiln_winrm_client *client;
    const struct kiln_winrm_watch *watch;
    struct kiln_cancel *cancel; /* the caller's, with the time limit */
    const char *best;           /* the last rung that was told */
    struct kiln_err why;        /* of the last attempt */
    bool denied;                /* it was refused the login */
};

static void tell(struct waiter *w, const char *rung, const char *detail)
{
    if (kiln_streq(w->best, rung))
        return;
    w->best = rung;
    if (w->watch->rung)
        w->watch->rung(w->watch->ud, rung, detail);
}

/* What the greeting's command prints; the greeting is looked for when it has ended. */
static void take_output(struct waiter *w, const struct kiln_winrm_reply *reply,
                        struct kiln_str *text)
{
    for (size_t i = 0; i < reply->n_pieces; i++) {
        const struct kiln_winrm_piece *p = &reply->pieces[i];
        const char *data = reply->data.data + p->at;

        if (!p->is_stderr)
            kiln_str_add(text, data, p->len);
        if (w->watch->output)
            w->watch->output(w->watch->output_ud, p->is_stderr, data, p->len);
    }
}

static bool greet(struct waiter *w, struct kiln_winrm_job *job, struct kiln_err *err)
{
    KILN_AUTO_FREE char *command = kiln_powershell_command("Write-Output \"WinRM connected.\"");
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_CAPTURE);
    bool done = false;

    if (!kiln_winrm_job_start(job, w->client, command, false, w->cancel, err))
        return false;
    tell(w, "shell", "");
    while (!done) {
        KILN_AUTO_WINRM_REPLY reply = { 0 };

        if (!kiln_winrm_job_receive(job, w->cancel, &reply, err))
            return false;
        take_output(w, &reply, &text);
        done = reply.done;
    }
    return strstr(kiln_str_cstr(&text), greeting) ||
           kiln_err_set(err, KILN_ERR_REMOTE, "PowerShell does not work yet");
}

static bool attempt(struct waiter *w, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_winrm_job_end) struct kiln_winrm_job job = { 0 };

    w->denied = false;
    if (!kiln_winrm_client_knock(w->client, w->cancel, err))
        return false;
    if (!w->best)
        tell(w, "http", "");
    if (greet(w, &job, err))
        return true;
    w->denied = job.denied;
    if (job.rung >= KILN_WINRM_FAULT && !kiln_streq(w->best, "shell"))
        tell(w, "login", kiln_err_text(err));
    return false;
}

static bool died(const struct waiter *w, struct kiln_err *err)
{
    if (w->watch->explain)
        w->watch->explain(w->watch->died_ud, err);
    else
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "the guest ended while it was waited for");
    return false;
}

/* Until the next attempt. */
static bool rest(struct waiter *w, struct kiln_err *err)
{
    int64_t pause = w->denied ? AFTER_DENIED : FRESH_EVERY;

    switch (kiln_wait_fd(w->cancel, w->watch->died_fd, POLLIN,
                         kiln_cancel_deadline(w->cancel, pause), err)) {
    case KILN_WAIT_READY:
        return died(w, err);
    case KILN_WAIT_TIMEOUT:
        kiln_err_clear(err);
        return true;
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    return false;
}

static bool wait_for_it(struct waiter *w, struct kiln_err *err)
{
    for (;;) {
        KILN_AUTO_ERR why = { 0 };

        if (attempt(w, &why))
            return true;
        kiln_log("winrm: %s", kiln_err_text(&why));
        if (why.kind == KILN_ERR_CANCELLED)
            return kiln_err_move(err, &why);
        (void)kiln_err_move(&w->why, &why);
        if (!rest(w, err))
            return false;
    }
}

static bool timed_out(const struct waiter *w, const struct kiln_winrm_config *cfg,
                      struct kiln_err *err)
{
    const char *last = kiln_err_text(&w->why);

    return kiln_err_set(err, KILN_ERR_TIMEOUT, "Timeout waiting for WinRM.\n%s:%d: %s%s%s%s",
                        cfg->host, cfg->port,
                        !w->best                      ? "nobody answers: is WinRM on, and the "
                                                        "firewall of the guest open?"
                        : kiln_streq(w->best, "http") ? "somebody answers, but lets nobody in"
                                                      : "it lets us in, but runs no command",
                        *last ? " (last: " : "", last, *last ? ")" : "");
}

bool kiln_winrm_wait(struct kiln_winrm_client *client, const struct kiln_winrm_config *cfg,
                     const struct kiln_winrm_watch *watch, struct kiln_cancel *c,
                     struct kiln_err *err)
{
    KILN_CLEANUP(kiln_cancel_freep)
    struct kiln_cancel *limited = kiln_cancel_child(
        c, cfg->timeout_us > 0 ? kiln_cancel_deadline(c, cfg->timeout_us) : KILN_NEVER);
    struct waiter w = { .client = client, .watch = watch, .cancel = limited };
    bool ok = wait_for_it(&w, err);

    if (!ok && kiln_cancel_timed_out(limited))
        (void)timed_out(&w, cfg, err);
    kiln_err_clear(&w.why);
    return ok;
}
