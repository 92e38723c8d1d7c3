#include "run/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/peer.h"
#include "run/rundir.h"
#include "run/socket.h"

#define MAX_CLIENTS 64
#define MAX_CALLS   8                   /* commands of one client that are not answered yet */
#define MAX_QUEUE   ((size_t)256 << 10) /* bytes to a client before it gets no more */
#define SLICE       ((size_t)64 << 10)  /* bytes that are read or queued for one client at a time */
#define NOTICE_US   KILN_MS(20)         /* between two notices that the log has grown */
#define LINGER_US   KILN_MS(1000)       /* at the end, for clients to take the rest */
#define LINGER_MS   100                 /* … as long as one takes something within this */
#define AT_ONCE     16                  /* connections accepted in one turn of the loop */

enum watch { WATCH_NOTHING, WATCH_STATE, WATCH_ALL };

struct client {
    uint64_t serial;
    struct kiln_peer peer;
    uint32_t events; /* that epoll looks for */
    bool eof;        /* it sends no more */
    enum watch watch;
    uint64_t at;             /* STATE: serial; ALL: byte of the log */
    uint64_t noticed;        /* STATE: size of the log that it knows of */
    bool controls_due;       /* it is to learn who has the controls */
    unsigned calls;          /* commands that are not answered yet */
    struct kiln_strv frames; /* builds whose frames it wants */
};

struct kiln_listener {
    const struct kiln_listener_ops *ops;
    void *ud;
    char *path;  /* of the socket; owned */
    char *hello; /* from "run" to "log"; owned */
    int fd, epoll, timer, log_fd;
    int spare; /* given up for a moment when there are no more descriptors */
    bool timer_runs;
    const struct kiln_snapshot *snapshot;
    uint64_t log_size;   /* now */
    uint64_t shown_size; /* as clients are told, at most every NOTICE_US */
    int64_t shown_us;
    struct client *clients[MAX_CLIENTS];
    size_t n;
    uint64_t serial; /* of the newest client */
    uint64_t holder; /* serial of who has the controls; 0: nobody */
};

/* epoll's data: a client's serial; these are no client's. */
#define ID_LISTEN UINT64_MAX
#define ID_TIMER  (UINT64_MAX - 1)

static void pump(struct kiln_listener *l, struct client *c);

/* ---- clients ---- */

static struct client *find(const struct kiln_listener *l, uint64_t serial)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->clients[i]->serial == serial)
            return l->clients[i];
    }
    return NULL;
}

static void unwatch(struct kiln_listener *l, struct client *c, const char *build)
{
    struct kiln_strv rest = { 0 };

    if (!kiln_strv_has(&c->frames, build))
        return;
    KILN_STRV_FOREACH (other, &c->frames) {
        if (!kiln_streq(other, build))
            kiln_strv_add(&rest, other);
    }
    kiln_strv_done(&c->frames);
    c->frames = rest;
    for (size_t i = 0; i < l->n; i++) {
        if (kiln_strv_has(&l->clients[i]->frames, build))
            return;
    }
    l->ops->unwatched(l->ud, build);
}

static void tell_controls(struct kiln_listener *l)
{
    for (size_t i = 0; i < l->n; i++)
        l->clients[i]->controls_due = l->clients[i]->watch != WATCH_NOTHING;
}

static void set_holder(struct kiln_listener *l, uint64_t serial)
{
    uint64_t before = l->holder;

    if (before == serial)
        return;
    l->holder = serial;
    if (before != 0)
        l->ops->released(l->ud);
    if ((before != 0) != (serial != 0))
        l->ops->held(l->ud, serial != 0);
    tell_controls(l);
}

static void drop(struct kiln_listener *l, struct client *c)
{
    size_t i = 0;

    while (l->clients[i] != c)
        i++;
    l->clients[i] = l->clients[--l->n];
    while (c->frames.n > 0) {
        KILN_AUTO_FREE char *build = kiln_xstrdup(c->frames.v[0]);

        unwatch(l, c, build);
    }
    if (l->holder == c->serial)
        set_holder(l, 0);
    kiln_peer_done(&c->peer);
    kiln_strv_done(&c->frames);
    free(c);
}

static const char *holder_for(const struct kiln_listener *l, const struct client *c)
{
    if (l->holder == 0)
        return "none";
    return l->holder == c->serial ? "you" : "other";
}

static void say_hello(struct kiln_listener *l, struct client *c)
{
    KILN_AUTO_STRV waits = { 0 };
    KILN_AUTO_STR line = { 0 };

    kiln_str_addf(&line,
                  "{\"type\":\"hello\",\"protocol\":1,%s,\"controls\":\"%s\",\"waits\":", l->hello,
                  holder_for(l, c));
    kiln_snapshot_waits(l->snapshot, &waits);
    kiln_json_add_strings(&line, &waits);
    kiln_str_adds(&line, "}\n");
    kiln_peer_add(&c->peer, line.data, line.len, -1);
}

static bool poll_for(struct kiln_listener *l, int op, int fd, uint64_t id, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data = { .u64 = id } };

    return epoll_ctl(l->epoll, op, fd, &ev) == 0;
}

static void refuse(int fd, const char *why)
{
    KILN_AUTO_STR line = { 0 };

    kiln_str_addf(&line, "{\"type\":\"reply\",\"ok\":false,\"error\":\"%s\"}\n", why);
    (void)!send(fd, line.data, line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

static bool is_ours(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static void add_client(struct kiln_listener *l, int fd)
{
    struct client *c;

    if (!is_ours(fd)) {
        refuse(fd, "this run belongs to another user");
        return;
    }
    if (l->n == MAX_CLIENTS) {
        refuse(fd, "there are too many clients already");
        return;
    }
    c = kiln_xcalloc(1, sizeof(*c));
    c->serial = ++l->serial;
    kiln_peer_init(&c->peer, fd, KILN_MAX_COMMAND, SLICE);
    l->clients[l->n++] = c;
    say_hello(l, c);
    if (poll_for(l, EPOLL_CTL_ADD, fd, c->serial, c->events = EPOLLIN))
        pump(l, c);
    else
        drop(l, c);
}

/* Without a descriptor left, a connection that waits would keep us busy for ever. */
static void turn_away(struct kiln_listener *l)
{
    kiln_fd_closep(&l->spare);
    l->spare = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    kiln_fd_closep(&l->spare);
    l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_some(struct kiln_listener *l)
{
    for (int i = 0; i < AT_ONCE; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0)
            add_client(l, fd);
        else if (errno == EMFILE || errno == ENFILE)
            turn_away(l);
        else
            return;
    }
}

/* ---- replies ---- */

static void add_reply(struct client *c, const struct kiln_caller *to, const char *rest, size_t len,
                      int fd)
{
    KILN_AUTO_STR line = { 0 };

    kiln_str_adds(&line, "{\"type\":\"reply\"");
    if (to->has_id)
        kiln_str_addf(&line, ",\"id\":%lld", (long long)to->id);
    kiln_str_add(&line, rest, len);
    kiln_peer_add(&c->peer, line.data, line.len, fd);
}

void kiln_listener_pass(struct kiln_listener *l, const struct kiln_caller *to, const char *rest,
                        size_t len, int fd)
{
    struct client *c = find(l, to->client);

    if (c && c->calls > 0)
        c->calls--;
    if (!c || !to->wanted) {
        kiln_fd_closep(&fd);
        return;
    }
    add_reply(c, to, rest, len, fd);
}

void kiln_listener_reply(struct kiln_listener *l, const struct kiln_caller *to, const char *error,
                         const char *text)
{
    KILN_AUTO_STR rest = { 0 };

    kiln_command_encode_reply(error, text, &rest);
    kiln_listener_pass(l, to, rest.data, rest.len, -1);
}

/* ---- commands ---- */

static bool start_watch(struct kiln_listener *l, struct client *c, const struct kiln_command *cmd,
                        struct kiln_err *err)
{
    bool all = kiln_streq(cmd->text, "all");

    if (!all && !kiln_streq(cmd->text, "state"))
        return kiln_err_set(err, KILN_ERR_USER, "watch what? \"text\" is \"state\" or \"all\"");
    if (all && l->log_fd < 0)
        return kiln_err_set(err, KILN_ERR_USER, "this run has no event log");
    c->watch = all ? WATCH_ALL : WATCH_STATE;
    c->at = all ? (uint64_t)cmd->args.from : 0;
    c->noticed = 0;
    c->controls_due = true;
    return true;
}

static bool control(struct kiln_listener *l, struct client *c, const struct kiln_command *cmd)
{
    if (cmd->args.on)
        set_holder(l, c->serial);
    else if (l->holder == c->serial)
        set_holder(l, 0);
    return true;
}

/* The first that commands gets the controls. */
static bool may_command(struct kiln_listener *l, struct client *c, const struct kiln_command *cmd,
                        struct kiln_err *err)
{
    if (!(cmd->flags & KILN_COMMAND_HOLDS))
        return true;
    if (l->holder == 0)
        set_holder(l, c->serial);
    return l->holder == c->serial ||
           kiln_err_set(err, KILN_ERR_USER,
                        "another client has the controls; \"control\" takes them");
}

/* False: err is the reply. True with *ret_later: the reply comes by itself. */
static bool obey(struct kiln_listener *l, struct client *c, const struct kiln_caller *from,
                 const struct kiln_command *cmd, bool *ret_later, struct kiln_err *err)
{
    *ret_later = false;
    if (kiln_streq(cmd->name, "watch"))
        return start_watch(l, c, cmd, err);
    if (kiln_streq(cmd->name, "control"))
        return control(l, c, cmd);
    if (!may_command(l, c, cmd, err))
        return false;
    if (kiln_streq(cmd->name, "answer") && !cmd->text)
        return kiln_err_set(err, KILN_ERR_USER, "\"answer\" wants a \"text\"");
    *ret_later = true;
    l->ops->command(l->ud, from, cmd);
    return true;
}

static void take_line(struct kiln_listener *l, struct client *c, const char *line, size_t len)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_command cmd;
    struct kiln_caller from = { .client = c->serial };
    bool later = false, ok = kiln_command_decode(&cmd, line, len - 1, &err);

    from.wanted = cmd.has_id || !ok; /* who sends nonsense is writing a script */
    from.has_id = cmd.has_id;
    from.id = cmd.id;
    c->calls++;
    if (ok)
        ok = obey(l, c, &from, &cmd, &later, &err);
    if (!later)
        kiln_listener_reply(l, &from, ok ? NULL : kiln_err_text(&err), NULL);
    kiln_command_done(&cmd);
}

/* It has to wait with its commands: it does not take what we say, or asks faster than we answer. */
static bool blocked(const struct client *c)
{
    return c->calls >= MAX_CALLS || c->peer.out.len > MAX_QUEUE ||
           c->peer.n_out_fds > KILN_PEER_FDS - MAX_CALLS;
}

static void take_lines(struct kiln_listener *l, struct client *c)
{
    const char *line;
    size_t len;

    while (!blocked(c) && kiln_peer_line(&c->peer, &line, &len))
        take_line(l, c, line, len);
}

/* ---- what goes to a client ---- */

/* Is there more to send than its queue holds? */
static bool due(const struct kiln_listener *l, const struct client *c)
{
    switch (c->watch) {
    case WATCH_NOTHING:
        return false;
    case WATCH_STATE:
        return c->controls_due || c->at < kiln_snapshot_last(l->snapshot) ||
               c->noticed != l->shown_size;
    case WATCH_ALL:
        return c->controls_due || c->at < l->shown_size;
    }
    return false;
}

static void add_note(struct client *c, const char *text)
{
    kiln_peer_add(&c->peer, text, strlen(text), -1);
}

static void add_state(struct kiln_listener *l, struct client *c)
{
    const struct kiln_snapshot_entry *e;

    if (c->at > 0 && c->at < kiln_snapshot_lost(l->snapshot)) {
        add_note(c, "{\"type\":\"again\"}\n");
        c->at = 0;
    }
    while (c->peer.out.len < SLICE && (e = kiln_snapshot_after(l->snapshot, c->at))) {
        c->at = e->serial;
        if (e->type != KILN_EV_FRAME || kiln_strv_has(&c->frames, e->build))
            kiln_peer_add(&c->peer, e->line, e->len, -1);
    }
    if (c->peer.out.len < SLICE && c->noticed != l->shown_size) {
        KILN_AUTO_STR line = { 0 };

        c->noticed = l->shown_size;
        kiln_str_addf(&line, "{\"type\":\"grown\",\"size\":%llu}\n",
                      (unsigned long long)c->noticed);
        add_note(c, line.data);
    }
}

/* Whole lines of the log, `max` bytes at most; false if not even one is that short. */
static bool add_slice(struct kiln_listener *l, struct client *c, size_t max)
{
    uint64_t left = l->shown_size - c->at;
    size_t want = left < max ? (size_t)left : max;
    char *space = kiln_str_space(&c->peer.out, want), *nl;
    ssize_t n = space ? pread(l->log_fd, space, want, (off_t)c->at) : -1;

    nl = n > 0 ? memrchr(space, '\n', (size_t)n) : NULL;
    if (!nl)
        return false;
    kiln_str_commit(&c->peer.out, (size_t)(nl + 1 - space));
    c->at += (uint64_t)(nl + 1 - space);
    return true;
}

static void add_log(struct kiln_listener *l, struct client *c)
{
    if (c->at < l->shown_size && !add_slice(l, c, SLICE) && !add_slice(l, c, KILN_MAX_EVENT))
        c->at = l->shown_size; /* no line: not what we wrote */
}

static void refill(struct kiln_listener *l, struct client *c)
{
    if (c->controls_due) {
        KILN_AUTO_STR line = { 0 };

        c->controls_due = false;
        kiln_str_addf(&line, "{\"type\":\"controls\",\"controls\":\"%s\"}\n", holder_for(l, c));
        add_note(c, line.data);
    }
    if (c->watch == WATCH_STATE)
        add_state(l, c);
    else if (c->watch == WATCH_ALL)
        add_log(l, c);
}

/* Send what its socket takes, a few slices at most; may drop it. */
static void pump(struct kiln_listener *l, struct client *c)
{
    uint32_t want;

    for (int i = 0; i < 4; i++) {
        if (c->peer.out.len == 0 && due(l, c))
            refill(l, c);
        if (!kiln_peer_flush(&c->peer)) {
            drop(l, c);
            return;
        }
        if (c->peer.out.len > 0)
            break;
    }
    if (c->eof && c->watch == WATCH_NOTHING && c->calls == 0 && c->peer.out.len == 0) {
        drop(l, c);
        return;
    }
    want = (c->eof || blocked(c) ? 0 : (uint32_t)EPOLLIN) |
           (c->peer.out.len > 0 || due(l, c) ? (uint32_t)EPOLLOUT : 0);
    if (want != c->events && poll_for(l, EPOLL_CTL_MOD, c->peer.fd, c->serial, want))
        c->events = want;
}

/* ---- the loop ---- */

static void serve_client(struct kiln_listener *l, struct client *c, uint32_t events)
{
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !c->eof && !blocked(c)) {
        c->eof = !kiln_peer_read(&c->peer);
        take_lines(l, c);
        if (c->eof && c->peer.in.failed) {
            static const char text[] =
                "{\"type\":\"reply\",\"ok\":false,\"error\":\"a line of more "
                "than 1 MiB\"}\n";

            add_note(c, text);
            c->watch = WATCH_NOTHING;
            c->calls = 0;
        }
    }
    if ((events & (EPOLLHUP | EPOLLERR)) && (c->eof || blocked(c)))
        drop(l, c);
    else
        pump(l, c);
}

void kiln_listener_serve(struct kiln_listener *l)
{
    struct epoll_event events[MAX_CLIENTS];
    int n = epoll_wait(l->epoll, events, MAX_CLIENTS, 0);
    uint64_t expired;

    for (int i = 0; i < n; i++) {
        struct client *c;

        if (events[i].data.u64 == ID_LISTEN) {
            accept_some(l);
        } else if (events[i].data.u64 == ID_TIMER) {
            (void)!read(l->timer, &expired, sizeof(expired));
            l->timer_runs = false; /* kiln_listener_update does the rest */
        } else if ((c = find(l, events[i].data.u64))) {
            serve_client(l, c, events[i].events);
        }
    }
}

/* That the log has grown is told now, or a little later for all that comes meanwhile. */
static void show_growth(struct kiln_listener *l)
{
    int64_t now = kiln_clock_mono_us(), wait = l->shown_us + NOTICE_US - now;
    struct itimerspec when = { 0 };

    if (wait <= 0) {
        l->shown_size = l->log_size;
        l->shown_us = now;
    } else if (!l->timer_runs) {
        when.it_value.tv_nsec = wait * 1000;
        l->timer_runs = timerfd_settime(l->timer, 0, &when, NULL) == 0;
    }
}

void kiln_listener_update(struct kiln_listener *l, uint64_t log_size)
{
    l->log_size = log_size;
    if (l->n > 0 && l->shown_size != log_size)
        show_growth(l);
    for (size_t i = l->n; i-- > 0;) {
        struct client *c = l->clients[i];

        take_lines(l, c);
        if (!(c->events & EPOLLOUT))
            pump(l, c);
    }
}

void kiln_listener_frames(struct kiln_listener *l, const struct kiln_caller *of, const char *build,
                          bool on)
{
    struct client *c = find(l, of->client);

    if (c && !on)
        unwatch(l, c, build);
    else if (c && !kiln_strv_has(&c->frames, build))
        kiln_strv_add(&c->frames, build);
}

bool kiln_listener_held(const struct kiln_listener *l)
{
    return l->holder != 0;
}

int kiln_listener_fd(const struct kiln_listener *l)
{
    return l->epoll;
}

/* ---- begin and end ---- */

static bool open_fds(struct kiln_listener *l, const char *dir, struct kiln_err *err)
{
    l->fd = kiln_socket_listen(dir, err);
    if (l->fd < 0)
        return false;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return (l->epoll >= 0 && l->timer >= 0 &&
            poll_for(l, EPOLL_CTL_ADD, l->fd, ID_LISTEN, EPOLLIN) &&
            poll_for(l, EPOLL_CTL_ADD, l->timer, ID_TIMER, EPOLLIN)) ||
           kiln_err_sys(err, errno, "control socket");
}

static char *make_hello(const char *dir, const char *run)
{
    KILN_AUTO_FREE char *log = kiln_path_join(dir, KILN_LOG_NAME);
    struct kiln_str out = { 0 };

    kiln_str_addf(&out, "\"run\":\"%s\",\"pid\":%d,\"log\":", run, (int)getpid());
    kiln_json_adds(&out, log);
    return kiln_str_steal(&out);
}

static void release(struct kiln_listener *l)
{
    while (l->n > 0)
        drop(l, l->clients[0]);
    kiln_fd_closep(&l->fd);
    kiln_fd_closep(&l->epoll);
    kiln_fd_closep(&l->timer);
    kiln_fd_closep(&l->spare);
    kiln_fd_closep(&l->log_fd);
    free(l->hello);
    free(l->path);
    free(l);
}

bool kiln_listener_open(struct kiln_listener **ret, const char *dir, const char *run, int log_fd,
                        const struct kiln_snapshot *snapshot, const struct kiln_listener_ops *ops,
                        void *ud, struct kiln_err *err)
{
    struct kiln_listener *l = kiln_xcalloc(1, sizeof(*l));

    *l = (struct kiln_listener){ .ops = ops, .ud = ud, .snapshot = snapshot, .log_fd = log_fd };
    l->fd = l->epoll = l->timer = l->spare = -1;
    l->path = kiln_path_join(dir, KILN_SOCKET_NAME);
    l->hello = make_hello(dir, run);
    if (open_fds(l, dir, err)) {
        *ret = l;
        return true;
    }
    release(l);
    return false;
}

/* Until everybody has taken everything, or nobody takes anything any more. */
static void linger(struct kiln_listener *l)
{
    int64_t end = kiln_clock_mono_us() + LINGER_US;
    struct epoll_event events[MAX_CLIENTS];
    bool waits = true;

    l->shown_size = l->log_size;
    while (waits && kiln_clock_mono_us() < end) {
        waits = false;
        for (size_t i = l->n; i-- > 0;) {
            l->clients[i]->eof = true; /* nobody listens to it any more */
            pump(l, l->clients[i]);
        }
        for (size_t i = 0; i < l->n; i++)
            waits = waits || (l->clients[i]->events & EPOLLOUT);
        if (waits && epoll_wait(l->epoll, events, MAX_CLIENTS, LINGER_MS) <= 0)
            return;
    }
}

void kiln_listener_close(struct kiln_listener *l)
{
    if (!l)
        return;
    (void)unlink(l->path); /* from here on, the log is the place to look */
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->fd, NULL);
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->timer, NULL);
    linger(l);
    release(l);
}
