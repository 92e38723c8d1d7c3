#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "redact/redact.h"
#include "run/command.h"
#include "run/guard.h"
#include "run/rundir.h"
#include "run/worker.h"

/* A cancelled worker that has not ended after this long is killed; its ledger does the rest. */
#define CANCEL_PATIENCE_US KILN_SECOND(90)

enum slot_state { SLOT_WAITING, SLOT_RUNNING, SLOT_OVER };

/* One build and its worker. */
struct slot {
    enum slot_state state;
    struct kiln_build *build; /* borrowed from the plan */
    pid_t pid;
    int fd;             /* our end of its socket, -1 once at its end */
    int pidfd;          /* readable once the worker is dead */
    char *ledger;       /* path; owned */
    bool ended;         /* its build-end event came */
    int64_t status;     /* of that event */
    struct kiln_str in; /* bytes of an incomplete event */
};

struct kiln_supervisor {
    const struct kiln_supervise *how;
    struct kiln_rundir dir;
    struct kiln_guard guard;
    struct kiln_redactor *redactor; /* for the supervisor's own events */
    struct slot *slots;
    size_t n;
    uint64_t seq;
    int signal_fd;
    bool cancelled;
    int64_t cancelled_us; /* monotonic */
};

/* ---- events ---- */

static void log_event(struct kiln_supervisor *s, const char *line, size_t len)
{
    KILN_AUTO_ERR err = { 0 };

    if (s->dir.events_fd < 0)
        return;
    if (!kiln_fs_write_all(s->dir.events_fd, line, len, &err))
        kiln_fd_closep(&s->dir.events_fd); /* a full disk ends the log, not the builds */
}

static void deliver(struct kiln_supervisor *s, const char *line, size_t len)
{
    struct kiln_event_box box = { 0 };

    if (kiln_event_decode(&box, line, len, NULL))
        s->how->client->event(s->how->client_ud, &box.ev);
    kiln_event_box_done(&box);
}

/* An event of the supervisor's own takes the same way as a worker's: encoded, then shown. */
static void emit(struct kiln_supervisor *s, struct kiln_event *ev)
{
    KILN_AUTO_STR line = KILN_STR_MAX(KILN_MAX_EVENT);

    ev->seq = ++s->seq;
    ev->mono_us = kiln_clock_mono_us();
    ev->wall_us = kiln_clock_wall_us();
    kiln_event_encode(ev, s->redactor, &line);
    log_event(s, line.data, line.len);
    deliver(s, line.data, line.len - 1);
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

static void command(struct slot *slot, const struct kiln_request *req)
{
    KILN_AUTO_STR line = { 0 };

    if (slot->state != SLOT_RUNNING || slot->fd < 0)
        return;
    kiln_command_encode(req, false, 0, &line);
    /* A few hundred bytes; a worker's reader thread is never busy for long. */
    (void)!send(slot->fd, line.data, line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void kiln_supervisor_answer(struct kiln_supervisor *s, const char *label, int64_t prompt,
                            const char *text)
{
    const struct kiln_request req = { .command = "answer", .number = prompt, .text = text };

    for (size_t i = 0; i < s->n; i++) {
        if (kiln_streq(s->slots[i].build->label, label))
            command(&s->slots[i], &req);
    }
}

static void cancel_all(struct kiln_supervisor *s, const char *why)
{
    const struct kiln_request req = { .command = "cancel" };

    if (s->cancelled)
        return; /* as Packer: later signals change nothing */
    s->cancelled = true;
    s->cancelled_us = kiln_clock_mono_us();
    emit_text(s, KILN_EV_LINE, NULL, KILN_ERRLINE, 0, why);
    for (size_t i = 0; i < s->n; i++)
        command(&s->slots[i], &req);
}

/* ---- workers ---- */

static size_t count(const struct kiln_supervisor *s, enum slot_state state)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->slots[i].state == state;
    return n;
}

static void fail_start(struct kiln_supervisor *s, struct slot *slot, const struct kiln_err *err)
{
    slot->state = SLOT_OVER;
    slot->status = 1;
    emit_text(s, KILN_EV_BUILD_START, slot->build->label, KILN_SAY, 0, NULL);
    emit_text(s, KILN_EV_BUILD_END, slot->build->label, KILN_SAY, 1, kiln_err_text(err));
}

static void start(struct kiln_supervisor *s, size_t i)
{
    KILN_AUTO_ERR err = { 0 };
    struct slot *slot = &s->slots[i];
    int *fds = kiln_xcalloc(s->n * 2 + 3, sizeof(int));
    size_t n = 0;

    fds[n++] = s->signal_fd;
    fds[n++] = s->dir.lock_fd;
    if (s->dir.events_fd >= 0)
        fds[n++] = s->dir.events_fd;
    for (size_t k = 0; k < s->n; k++) {
        if (s->slots[k].fd >= 0)
            fds[n++] = s->slots[k].fd;
        if (s->slots[k].pidfd >= 0)
            fds[n++] = s->slots[k].pidfd;
    }
    slot->ledger = kiln_rundir_ledger(&s->dir, i);
    slot->pid = kiln_worker_start(slot->build, slot->ledger, fds, n, &slot->fd, &err);
    free(fds);
    if (slot->pid < 0) {
        fail_start(s, slot, &err);
        return;
    }
    slot->state = SLOT_RUNNING;
    slot->pidfd = (int)syscall(SYS_pidfd_open, slot->pid, 0);
}

/* Start what may run now. */
static void start_more(struct kiln_supervisor *s)
{
    for (size_t i = 0; i < s->n && !s->cancelled; i++) {
        if (s->how->parallel > 0 && (long)count(s, SLOT_RUNNING) >= s->how->parallel)
            return;
        if (s->slots[i].state == SLOT_WAITING)
            start(s, i);
    }
}

static void take_line(struct kiln_supervisor *s, struct slot *slot, const char *line, size_t len)
{
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };

    log_event(s, line, len + 1);
    if (!kiln_event_decode(&box, line, len, &err)) { /* or a reply, which nobody waits for */
        kiln_event_box_done(&box);
        return;
    }
    if (box.ev.type == KILN_EV_BUILD_END) {
        slot->ended = true;
        slot->status = box.ev.status;
    }
    s->how->client->event(s->how->client_ud, &box.ev);
    kiln_event_box_done(&box);
}

/* Whole lines of what has come; the rest waits for more. */
static void take_lines(struct kiln_supervisor *s, struct slot *slot)
{
    size_t at = 0;
    char *nl;

    while (at < slot->in.len && (nl = memchr(slot->in.data + at, '\n', slot->in.len - at))) {
        take_line(s, slot, slot->in.data + at, (size_t)(nl - slot->in.data) - at);
        at = (size_t)(nl - slot->in.data) + 1;
    }
    kiln_str_remove(&slot->in, 0, at);
}

/* False at the end of the stream. */
static bool read_events(struct kiln_supervisor *s, struct slot *slot)
{
    static char chunk[256 << 10]; /* one thread, one loop */
    ssize_t n = read(slot->fd, chunk, sizeof(chunk));

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    kiln_str_add(&slot->in, chunk, (size_t)n);
    if (slot->in.failed) { /* a line longer than any event: not from our encoder */
        kiln_str_clear(&slot->in);
        return false;
    }
    take_lines(s, slot);
    return true;
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
static void bury(struct kiln_supervisor *s, struct slot *slot)
{
    KILN_AUTO_STR text = { 0 };
    int status = 0;

    while (slot->fd >= 0 && read_events(s, slot)) {
        struct pollfd pfd = { .fd = slot->fd, .events = POLLIN };

        if (poll(&pfd, 1, 0) <= 0)
            break;
    }
    (void)waitpid(slot->pid, &status, 0);
    kiln_fd_closep(&slot->fd);
    kiln_fd_closep(&slot->pidfd);
    kiln_rundir_clean(&s->dir, slot->ledger, slot->build->options->on_error == KILN_ON_ERROR_ABORT);
    slot->state = SLOT_OVER;
    kiln_str_done(&slot->in);
    if (slot->ended)
        return;
    slot->status = 1;
    describe_death(status, &text);
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

static void kill_the_stuck(struct kiln_supervisor *s)
{
    if (!s->cancelled || kiln_clock_mono_us() - s->cancelled_us < CANCEL_PATIENCE_US)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->slots[i].state == SLOT_RUNNING)
            (void)kill(s->slots[i].pid, SIGKILL);
    }
}

static int client_fd(const struct kiln_supervisor *s, int (*get)(void *ud))
{
    return get ? get(s->how->client_ud) : -1;
}

static void poll_once(struct kiln_supervisor *s)
{
    enum { SIGNALS, CLIENT, OUTPUT, SLOTS };
    const struct kiln_client_ops *client = s->how->client;
    struct pollfd *p = kiln_xcalloc(SLOTS + s->n * 2, sizeof(*p));
    size_t n = SLOTS;

    p[SIGNALS] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
    p[CLIENT] = (struct pollfd){ .fd = client_fd(s, client->fd), .events = POLLIN };
    /* No events: poll reports only that nobody reads it any more. Once is enough. */
    p[OUTPUT] = (struct pollfd){ .fd = s->cancelled ? -1 : client_fd(s, client->output) };
    for (size_t i = 0; i < s->n; i++) {
        p[n++] = (struct pollfd){ .fd = s->slots[i].fd, .events = POLLIN };
        p[n++] = (struct pollfd){ .fd = s->slots[i].pidfd, .events = POLLIN };
    }
    if (poll(p, (nfds_t)n, s->cancelled ? 1000 : -1) > 0) {
        if (p[SIGNALS].revents)
            read_signal(s);
        if (p[CLIENT].revents)
            client->readable(s->how->client_ud, s);
        if (p[OUTPUT].revents)
            cancel_all(s, "Cancelling build: nobody reads its output any more");
        for (size_t i = 0; i < s->n; i++) {
            struct slot *slot = &s->slots[i];

            if (p[SLOTS + i * 2].revents && slot->fd >= 0 && !read_events(s, slot))
                kiln_fd_closep(&slot->fd);
            if (p[SLOTS + i * 2 + 1].revents && slot->state == SLOT_RUNNING)
                bury(s, slot);
        }
    }
    kill_the_stuck(s);
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

static bool supervisor_init(struct kiln_supervisor *s, const struct kiln_supervise *how,
                            struct kiln_err *err)
{
    KILN_AUTO_STRV secrets = { 0 };

    *s = (struct kiln_supervisor){ .how = how, .signal_fd = -1, .n = how->plan->n_builds };
    s->dir = (struct kiln_rundir){ .lock_fd = -1, .events_fd = -1 };
    s->guard = (struct kiln_guard){ .fd = -1 };
    s->slots = kiln_xcalloc(s->n, sizeof(*s->slots));
    for (size_t i = 0; i < s->n; i++)
        s->slots[i] = (struct slot){ .build = how->plan->builds[i],
                                     .fd = -1,
                                     .pidfd = -1,
                                     .in = KILN_STR_MAX(2 * KILN_MAX_EVENT) };
    kiln_plan_secrets(how->plan, &secrets);
    return kiln_redactor_build(&secrets, &s->redactor, err);
}

static int finish(struct kiln_supervisor *s)
{
    int code = s->cancelled ? 1 : 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->slots[i].state != SLOT_OVER || s->slots[i].status != 0)
            code = 1;
        free(s->slots[i].ledger);
        kiln_str_done(&s->slots[i].in);
    }
    return code;
}

int kiln_supervise(const struct kiln_supervise *how, struct kiln_err *err)
{
    struct kiln_supervisor s;
    KILN_AUTO_STRV labels = { 0 };
    struct kiln_event run = { .type = KILN_EV_RUN_START, .text = how->plan->tpl->path };
    int code = 1;

    if (!supervisor_init(&s, how, err) || !open_signals(&s, err))
        goto out;
    (void)setenv(KILN_RUN_MARK, how->plan->run_uuid, 1); /* for all that starts from here on */
    if (!kiln_rundir_open(&s.dir, how->plan->run_uuid, err) ||
        !kiln_guard_start(&s.guard, s.dir.path, err))
        goto out;
    for (size_t i = 0; i < s.n; i++)
        kiln_strv_add(&labels, s.slots[i].build->label);
    run.len = strlen(run.text);
    run.names = &labels;
    emit(&s, &run);
    for (start_more(&s); count(&s, SLOT_RUNNING) > 0; start_more(&s))
        poll_once(&s);
    code = finish(&s);
    emit_text(&s, KILN_EV_RUN_END, NULL, KILN_SAY, s.cancelled ? 2 : code, NULL);
out:
    kiln_guard_dismiss(&s.guard);
    kiln_rundir_close(&s.dir);
    kiln_fd_closep(&s.signal_fd);
    kiln_redactor_free(s.redactor);
    free(s.slots);
    return code;
}
