#include "run/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "redact/redact.h"
#include "run/bundle.h"
#include "run/dispatch.h"
#include "run/guard.h"
#include "run/rundir.h"
#include "run/snapshot.h"

/* A cancelled worker that has not ended after this long is killed; its ledger does the rest. */
#define CANCEL_PATIENCE_US KILN_SECOND(90)

struct kiln_supervisor {
    const struct kiln_supervise *how;
    struct kiln_rundir dir;
    struct kiln_guard guard;
    struct kiln_redactor *redactor; /* for the supervisor's own events */
    struct kiln_slot *slots;
    size_t n;
    uint64_t seq;
    uint64_t log_size; /* bytes of the event log */
    bool log_gap;      /* the disk was full: events are missing in it */
    struct kiln_snapshot *snapshot;
    struct kiln_listener *listener;
    struct kiln_dispatch dispatch;
    _Atomic bool *audience; /* a client has the controls; shared with the workers */
    int signal_fd;
    bool cancelled;
};

/* ---- events ---- */

static void emit_text(struct kiln_supervisor *s, enum kiln_event_type type, const char *build,
                      enum kiln_level level, int64_t status, const char *text);

/* A full disk costs events, not builds: half a line is taken back, the next event tries again. */
static void log_failed(struct kiln_supervisor *s, const struct kiln_err *why)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf(
        "The event log of this run (kiln attach) has a gap from here on: %s", kiln_err_text(why));
    bool told = s->log_gap;

    s->log_gap = true;
    if (ftruncate(s->dir.events_fd, (off_t)s->log_size) < 0)
        kiln_fd_closep(&s->dir.events_fd);
    if (!told)
        emit_text(s, KILN_EV_LINE, NULL, KILN_ERRLINE, 0, text);
}

static void log_event(struct kiln_supervisor *s, const char *line, size_t len)
{
    KILN_AUTO_ERR err = { 0 };

    if (s->dir.events_fd < 0)
        return;
    if (kiln_fs_write_all(s->dir.events_fd, line, len, &err))
        s->log_size += len;
    else
        log_failed(s, &err);
}

/* Every event goes this way. line: with '\n'. slot: NULL for the supervisor's own. */
static void publish(struct kiln_supervisor *s, struct kiln_slot *slot, const char *line, size_t len)
{
    const struct kiln_client_ops *client = s->how->client;
    struct kiln_event_box box = { 0 };
    enum kiln_event_type type;
    bool text;

    if (!kiln_event_peek(line, len, &type))
        return;
    text = type == KILN_EV_LINE || type == KILN_EV_LOG || type == KILN_EV_QEMU;
    if (type != KILN_EV_FRAME && type != KILN_EV_TEXT)
        log_event(s, line, len);
    if (text && !client) /* not for the snapshot, and nobody prints it */
        return;
    if (kiln_event_decode(&box, line, len - 1, NULL)) {
        if (slot && type == KILN_EV_BUILD_END) {
            slot->ended = true;
            slot->status = box.ev.status;
        }
        if (!text)
            kiln_snapshot_add(s->snapshot, &box.ev, line, len);
        if (client)
            client->event(s->how->client_ud, &box.ev);
    }
    kiln_event_box_done(&box);
}

/* An event of the supervisor's own takes the same way as a worker's: encoded, then shown. */
static void emit(struct kiln_supervisor *s, struct kiln_event *ev)
{
    KILN_AUTO_STR line = { 0 }; /* the encoder keeps to KILN_MAX_EVENT, but has to see it passed */

    ev->seq = ++s->seq;
    ev->mono_us = kiln_clock_mono_us();
    ev->wall_us = kiln_clock_wall_us();
    kiln_event_encode(ev, s->redactor, &line);
    publish(s, NULL, line.data, line.len);
}

static void emit_text(struct kiln_supervisor *s, enum kiln_event_type type, const char *build,
                      enum kiln_level level, int64_t status, const char *text)
{
    struct kiln_event ev = { .type = type, .build = build, .level = level, .status = status };

    ev.text = text;
    ev.len = text ? strlen(text) : 0;
    emit(s, &ev);
}

/* ---- commands ---- */

static bool send_request(struct kiln_slot *slot, const struct kiln_request *req)
{
    KILN_AUTO_STR line = { 0 };

    kiln_command_encode(req, false, 0, &line);
    return kiln_slot_send(slot, line.data, line.len);
}

/* It never gets a worker. */
static void end_unstarted(struct kiln_supervisor *s, struct kiln_slot *slot, int64_t status,
                          const char *error)
{
    slot->state = KILN_SLOT_OVER;
    slot->status = status;
    emit_text(s, KILN_EV_BUILD_START, slot->build->label, KILN_SAY, 0, NULL);
    emit_text(s, KILN_EV_BUILD_END, slot->build->label, KILN_SAY, status, error);
}

static void cancel_slot(struct kiln_supervisor *s, struct kiln_slot *slot)
{
    const struct kiln_request req = { .command = "cancel" };

    if (slot->cancelled_us == 0)
        slot->cancelled_us = kiln_clock_mono_us();
    if (slot->state == KILN_SLOT_RUNNING) {
        if (!send_request(slot, &req)) /* it has not read what clients sent before */
            (void)kill(slot->pid, SIGTERM);
    } else if (slot->state == KILN_SLOT_WAITING && !s->cancelled) {
        end_unstarted(s, slot, 2, "Build was cancelled.");
    }
}

void kiln_supervisor_command(struct kiln_supervisor *s, const char *label,
                             const struct kiln_request *req)
{
    if (kiln_streq(req->command, "answer") && !req->text && kiln_listener_held(s->listener))
        return; /* nobody can answer here, but a client can, and may take its time */
    for (size_t i = 0; i < s->n; i++) {
        if (!kiln_streq(s->slots[i].build->label, label))
            continue;
        if (kiln_streq(req->command, "cancel"))
            cancel_slot(s, &s->slots[i]);
        else
            (void)send_request(&s->slots[i], req);
    }
}

static void cancel_all(struct kiln_supervisor *s, const char *why)
{
    if (s->cancelled)
        return; /* as Packer: later signals change nothing */
    s->cancelled = true;
    emit_text(s, KILN_EV_LINE, NULL, KILN_ERRLINE, 0, why);
    for (size_t i = 0; i < s->n; i++)
        cancel_slot(s, &s->slots[i]);
}

/* What clients of the control socket want. */

static void on_command(void *ud, const struct kiln_caller *from, const struct kiln_command *cmd)
{
    struct kiln_supervisor *s = ud;

    kiln_dispatch_command(&s->dispatch, from, cmd);
}

static void on_unwatched(void *ud, const char *build)
{
    struct kiln_supervisor *s = ud;

    kiln_dispatch_unwatched(&s->dispatch, build);
}

static void on_released(void *ud)
{
    struct kiln_supervisor *s = ud;

    kiln_dispatch_released(&s->dispatch);
}

static void on_held(void *ud, bool held)
{
    struct kiln_supervisor *s = ud;

    if (s->audience)
        *s->audience = held;
}

static const struct kiln_listener_ops listener_ops = { on_command, on_unwatched, on_released,
                                                       on_held };

static void on_cancel(void *ud, struct kiln_slot *slot)
{
    if (slot)
        cancel_slot(ud, slot);
    else
        cancel_all(ud, "Cancelling build: a client asked for it");
}

static void emit_breaks(void *ud, struct kiln_slot *slot)
{
    struct kiln_event ev = { .type = KILN_EV_BREAKS,
                             .build = slot->build->label,
                             .names = &slot->build->breaks };

    emit(ud, &ev);
}

static bool on_write(void *ud, struct kiln_slot *slot, const struct kiln_control_args *args,
                     char **ret_text, struct kiln_err *err)
{
    struct kiln_supervisor *s = ud;

    return kiln_plan_write_boot(s->how->plan, slot->build, args->number, args->lines, ret_text,
                                err);
}

static const struct kiln_dispatch_ops dispatch_ops = { on_cancel, emit_breaks, on_write };

/* ---- workers ---- */

static size_t count(const struct kiln_supervisor *s, enum kiln_slot_state state)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->slots[i].state == state;
    return n;
}

/* Start what may run now. */
static void start_more(struct kiln_supervisor *s)
{
    for (size_t i = 0; i < s->n && !s->cancelled; i++) {
        KILN_AUTO_ERR err = { 0 };

        if (s->how->parallel > 0 && (long)count(s, KILN_SLOT_RUNNING) >= s->how->parallel)
            return;
        if (s->slots[i].state == KILN_SLOT_WAITING &&
            !kiln_slot_start(&s->slots[i], kiln_rundir_ledger(&s->dir, i),
                             kiln_rundir_frames(&s->dir, i), s->guard.fd, &err))
            end_unstarted(s, &s->slots[i], 1, kiln_err_text(&err));
    }
}

/* A build has failed: what is known of it is kept beside its output. */
static void keep_bundle(struct kiln_supervisor *s, const struct kiln_slot *slot, const char *error)
{
    const struct kiln_builder_ops *ops = slot->build->ops;
    KILN_AUTO_FD log_fd = kiln_rundir_open_log(&s->dir);
    const struct kiln_bundle what = {
        .log_fd = log_fd,
        .build = slot->build->label,
        .tpl = s->how->plan->tpl->path,
        .error = error,
        .output = ops->output ? ops->output(slot->build->cfg) : NULL,
        .frames_dir = slot->frames,
    };
    KILN_AUTO_FREE char *text = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (!what.output || log_fd < 0 || slot->cancelled_us != 0)
        return;
    if (!kiln_bundle_write(&what, &text, &err))
        text = kiln_xstrdup(kiln_err_text(&err));
    if (text)
        emit_text(s, KILN_EV_LINE, slot->build->label, KILN_ERRLINE, 0, text);
}

/* The last event of a build that failed: people are told first what is kept of it. */
static void look_at_end(struct kiln_supervisor *s, const struct kiln_slot *slot, const char *line,
                        size_t len)
{
    struct kiln_event_box box = { 0 };

    if (kiln_event_decode(&box, line, len, NULL) && box.ev.status == 1)
        keep_bundle(s, slot, box.ev.text ? box.ev.text : "");
    kiln_event_box_done(&box);
}

static void take_line(void *ud, struct kiln_slot *slot, const char *line, size_t len)
{
    struct kiln_supervisor *s = ud;
    enum kiln_event_type type;

    if (kiln_event_peek(line, len, &type) && type == KILN_EV_BUILD_END)
        look_at_end(s, slot, line, len - 1);
    if (!kiln_dispatch_reply(&s->dispatch, slot, line, len))
        publish(s, slot, line, len);
}

static void describe_death(int status, struct kiln_str *out)
{
    if (WIFSIGNALED(status))
        kiln_str_addf(out, "The build's worker was killed by signal %d (%s).", WTERMSIG(status),
                      strsignal(WTERMSIG(status)));
    else
        kiln_str_addf(out, "The build's worker ended early with status %d.", WEXITSTATUS(status));
}

/* The worker is dead: read what is left, clean up what it owned, report if it did not. */
static void bury(struct kiln_supervisor *s, struct kiln_slot *slot)
{
    KILN_AUTO_STR text = { 0 };
    int status = kiln_slot_bury(slot, take_line, s);

    kiln_dispatch_over(&s->dispatch, slot);
    kiln_rundir_clean(&s->dir, slot->ledger, slot->build->options->on_error == KILN_ON_ERROR_ABORT);
    if (!slot->ended) {
        slot->status = 1;
        describe_death(status, &text);
        keep_bundle(s, slot, kiln_str_cstr(&text));
    }
    (void)kiln_fs_remove_tree(slot->frames, NULL);
    if (!slot->ended)
        emit_text(s, KILN_EV_BUILD_END, slot->build->label, KILN_SAY, 1, kiln_str_cstr(&text));
}

/* ---- the loop ---- */

static void read_signal(struct kiln_supervisor *s)
{
    struct signalfd_siginfo si;

    if (read(s->signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
        return;
    if (si.ssi_signo == SIGINT)
        cancel_all(s, "Cancelling build after receiving interrupt");
    else if (si.ssi_signo == SIGTERM)
        cancel_all(s, "Cancelling build after receiving terminated");
    else
        cancel_all(s, "Cancelling build after receiving hangup");
}

/* True if there are some that may become so. */
static bool kill_the_stuck(struct kiln_supervisor *s)
{
    bool waits = false;

    for (size_t i = 0; i < s->n; i++) {
        struct kiln_slot *slot = &s->slots[i];

        if (slot->state != KILN_SLOT_RUNNING || slot->cancelled_us == 0)
            continue;
        waits = true;
        if (kiln_clock_mono_us() - slot->cancelled_us >= CANCEL_PATIENCE_US)
            (void)kill(slot->pid, SIGKILL);
    }
    return waits;
}

static int client_fd(const struct kiln_supervisor *s, int (*get)(void *ud))
{
    return get ? get(s->how->client_ud) : -1;
}

enum { SIGNALS, CONTROL, CLIENT, OUTPUT, SLOTS };

#define MAX_BACKLOG ((size_t)1 << 20) /* of the client, in bytes, before builds wait for it */

static size_t client_backlog(const struct kiln_supervisor *s)
{
    const struct kiln_client_ops *client = s->how->client;

    return client && client->backlog ? client->backlog(s->how->client_ud) : 0;
}

static void serve(struct kiln_supervisor *s, const struct pollfd *p)
{
    const struct kiln_client_ops *client = s->how->client;

    if (p[SIGNALS].revents)
        read_signal(s);
    if (p[CONTROL].revents)
        kiln_listener_serve(s->listener);
    if (p[CLIENT].revents && client)
        client->readable(s->how->client_ud, s);
    if (p[OUTPUT].revents && client->writable) /* if only to find out that nobody reads */
        client->writable(s->how->client_ud);
    if (p[OUTPUT].revents & ~POLLOUT)
        cancel_all(s, "Cancelling build: nobody reads its output any more");
    p += SLOTS;
    for (size_t i = 0; i < s->n; i++) {
        struct kiln_slot *slot = &s->slots[i];

        if (slot->state != KILN_SLOT_RUNNING)
            continue;
        if ((p[0].revents & POLLOUT) && slot->peer.fd >= 0)
            (void)kiln_peer_flush(&slot->peer);
        if ((p[0].revents & ~POLLOUT) && slot->peer.fd >= 0)
            kiln_slot_read(slot, take_line, s);
        if (p[1].revents)
            bury(s, slot);
        p += 2;
    }
}

static void poll_once(struct kiln_supervisor *s)
{
    const struct kiln_client_ops *client = s->how->client;
    struct pollfd *p = kiln_xcalloc(SLOTS + count(s, KILN_SLOT_RUNNING) * 2, sizeof(*p));
    size_t n = SLOTS, backlog = client_backlog(s);
    bool full = backlog > MAX_BACKLOG && !s->cancelled;

    p[SIGNALS] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
    p[CONTROL] = (struct pollfd){ .fd = kiln_listener_fd(s->listener), .events = POLLIN };
    p[CLIENT] = (struct pollfd){ .fd = client ? client_fd(s, client->fd) : -1, .events = POLLIN };
    /* Without a backlog poll reports only that nobody reads it any more. Once is enough. */
    p[OUTPUT] = (struct pollfd){
        .fd = client && (backlog || !s->cancelled) ? client_fd(s, client->output) : -1,
        .events = backlog ? POLLOUT : 0,
    };
    for (size_t i = 0; i < s->n; i++) {
        const struct kiln_peer *peer = &s->slots[i].peer;

        if (s->slots[i].state != KILN_SLOT_RUNNING)
            continue; /* poll takes no more than RLIMIT_NOFILE, unused ones included */
        p[n++] = (struct pollfd){ .fd = full && peer->out.len == 0 ? -1 : peer->fd,
                                  .events = (short)((full ? 0 : POLLIN) |
                                                    (peer->out.len > 0 ? POLLOUT : 0)) };
        p[n++] = (struct pollfd){ .fd = s->slots[i].pidfd, .events = POLLIN };
    }
    if (poll(p, (nfds_t)n, kill_the_stuck(s) ? 1000 : -1) > 0)
        serve(s, p);
    kiln_listener_update(s->listener, s->log_size);
    free(p);
}

static const int stops[] = { SIGINT, SIGTERM, SIGHUP };

static bool open_signals(struct kiln_supervisor *s, struct kiln_err *err)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < KILN_COUNT(stops); i++) {
        struct sigaction now;

        /* nohup, or a shell's background job: it shall not stop us. */
        if (sigaction(stops[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            (void)sigaddset(&set, stops[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* for good: a late one must not kill what is done */
    (void)signal(SIGPIPE, SIG_IGN);           /* poll_once notices, and the run ends in order */
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signal_fd < 0)
        return kiln_err_sys(err, errno, "signalfd");
    return true;
}

/* In memory that workers share, so that it holds at once. NULL: there is none. */
static _Atomic bool *shared_truth(void)
{
    void *p =
        mmap(NULL, sizeof(_Atomic bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static bool supervisor_init(struct kiln_supervisor *s, const struct kiln_supervise *how,
                            struct kiln_err *err)
{
    KILN_AUTO_STRV secrets = { 0 };

    *s = (struct kiln_supervisor){ .how = how, .signal_fd = -1, .n = how->plan->n_builds };
    s->dir = (struct kiln_rundir){ .lock_fd = -1, .events_fd = -1 };
    s->guard = (struct kiln_guard){ .fd = -1 };
    s->snapshot = kiln_snapshot_new(0, 0);
    s->slots = kiln_xcalloc(s->n, sizeof(*s->slots));
    s->audience = shared_truth();
    for (size_t i = 0; i < s->n; i++) {
        kiln_slot_init(&s->slots[i], how->plan->builds[i]);
        how->plan->builds[i]->audience = s->audience;
    }
    kiln_plan_secrets(how->plan, &secrets);
    return kiln_redactor_build(&secrets, &s->redactor, err);
}

static bool supervisor_open(struct kiln_supervisor *s, struct kiln_err *err)
{
    const char *id = s->how->plan->run_uuid;

    if (!open_signals(s, err))
        return false;
    (void)setenv(KILN_RUN_MARK, id, 1); /* for all that starts from here on */
    if (!kiln_rundir_open(&s->dir, id, err) || !kiln_guard_start(&s->guard, s->dir.path, err) ||
        !kiln_listener_open(&s->listener, s->dir.path, id, kiln_rundir_open_log(&s->dir),
                            s->snapshot, &listener_ops, s, err))
        return false;
    s->dispatch = (struct kiln_dispatch){
        .slots = s->slots, .n = s->n, .listener = s->listener, .ops = &dispatch_ops, .ud = s
    };
    return true;
}

static void supervisor_done(struct kiln_supervisor *s)
{
    kiln_dispatch_done(&s->dispatch);
    kiln_listener_close(s->listener);
    for (size_t i = 0; i < s->n; i++)
        kiln_slot_done(&s->slots[i]);
    kiln_guard_dismiss(&s->guard);
    kiln_rundir_close(&s->dir);
    kiln_fd_closep(&s->signal_fd);
    kiln_redactor_free(s->redactor);
    kiln_snapshot_free(s->snapshot);
    if (s->audience)
        (void)munmap(s->audience, sizeof(*s->audience));
    free(s->slots);
}

static void begin(struct kiln_supervisor *s)
{
    KILN_AUTO_STRV labels = { 0 };
    struct kiln_event run = { .type = KILN_EV_RUN_START, .text = s->how->plan->tpl->path };

    for (size_t i = 0; i < s->n; i++)
        kiln_strv_add(&labels, s->slots[i].build->label);
    run.len = strlen(run.text);
    run.names = &labels;
    emit(s, &run);
    for (size_t i = 0; i < s->n; i++) {
        if (s->slots[i].build->breaks.n > 0)
            emit_breaks(s, &s->slots[i]);
    }
}

static int end(struct kiln_supervisor *s)
{
    KILN_AUTO_FREE char *summary = kiln_path_join(s->dir.path, KILN_SUMMARY_NAME);
    int code = s->cancelled ? 1 : 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->slots[i].state != KILN_SLOT_OVER || s->slots[i].status != 0)
            code = 1;
    }
    emit_text(s, KILN_EV_RUN_END, NULL, KILN_SAY, s->cancelled ? 2 : code, NULL);
    (void)kiln_snapshot_write(s->snapshot, summary, NULL); /* the log has it all, too */
    kiln_listener_update(s->listener, s->log_size);
    return code;
}

int kiln_supervise(const struct kiln_supervise *how, struct kiln_err *err)
{
    struct kiln_supervisor s;
    int code = 1;

    if (supervisor_init(&s, how, err) && supervisor_open(&s, err)) {
        begin(&s);
        if (how->ready)
            how->ready(how->ready_ud);
        for (start_more(&s); count(&s, KILN_SLOT_RUNNING) > 0; start_more(&s))
            poll_once(&s);
        code = end(&s);
    }
    supervisor_done(&s);
    return code;
}
