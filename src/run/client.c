#include "run/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/command.h"
#include "run/peer.h"
#include "run/rundir.h"
#include "run/socket.h"

#define CHUNK      ((size_t)64 << 10)
#define SLICE      ((size_t)4 << 20) /* bytes of a log that one read goes through */
#define READS      16                /* from the socket, in one call */
#define PATIENCE   KILN_SECOND(1)    /* for a run that begins or ends just now */
#define LOOK_AGAIN KILN_MS(5)

enum mode {
    LIVE,   /* connected */
    REPLAY, /* reading a file: the summary, or the log of a run that has none */
    OVER,
};

struct call {
    int64_t id;
    kiln_reply_fn *fn;
    void *ud;
};

struct kiln_client {
    struct kiln_run_info info;
    enum mode mode;
    struct kiln_peer peer;
    int epoll; /* of peer.fd: readable when there is anything to do */
    bool wants_out;
    int log_fd; /* -1: there is none */
    uint64_t log_size;
    bool grown; /* log_size is news */
    int replay_fd;
    struct kiln_str replay; /* bytes of an incomplete line */
    struct call *calls;     /* owned; that wait for their replies */
    size_t n_calls;
    int64_t id;
    char *refusal; /* what it said instead of a greeting; owned; NULL: nothing */
    struct kiln_event_box box;
};

/* ---- open ---- */

static void look_at_log(struct kiln_client *c)
{
    struct stat st;

    if (c->log_fd < 0 || fstat(c->log_fd, &st) < 0 || (uint64_t)st.st_size == c->log_size)
        return;
    c->log_size = (uint64_t)st.st_size;
    c->grown = true;
}

static int open_in(const struct kiln_client *c, const char *name)
{
    KILN_AUTO_FREE char *path = kiln_path_join(c->info.dir, name);

    return open(path, O_RDONLY | O_CLOEXEC);
}

static void begin_replay(struct kiln_client *c)
{
    look_at_log(c);
    c->mode = REPLAY;
    c->replay_fd = c->info.state == KILN_RUN_ENDED ? open_in(c, KILN_SUMMARY_NAME) : -1;
    if (c->replay_fd < 0)
        c->replay_fd = open_in(c, KILN_LOG_NAME);
}

/* Write what can be written; be woken for the rest. */
static void flush(struct kiln_client *c)
{
    struct epoll_event ev = { .events = EPOLLIN };

    (void)kiln_peer_flush(&c->peer); /* reading finds out that nobody is there */
    if ((c->peer.out.len > 0) == c->wants_out)
        return;
    c->wants_out = c->peer.out.len > 0;
    if (c->wants_out)
        ev.events |= EPOLLOUT;
    (void)epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->peer.fd, &ev);
}

static bool begin_live(struct kiln_client *c, int fd, struct kiln_err *err)
{
    const struct kiln_request watch = { .command = "watch", .text = "state" };
    struct epoll_event ev = { .events = EPOLLIN };
    KILN_AUTO_STR line = { 0 };

    kiln_peer_init(&c->peer, fd, KILN_MAX_EVENT, CHUNK);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
        return kiln_err_sys(err, errno, "epoll");
    kiln_command_encode(&watch, false, 0, &line);
    kiln_peer_add(&c->peer, line.data, line.len, -1);
    flush(c);
    return true;
}

/* A run that begins has no socket yet, one that ends has none any more: look again. */
static bool connect_or_replay(struct kiln_client *c, struct kiln_err *err)
{
    int64_t end = kiln_cancel_deadline(NULL, PATIENCE);

    while (c->info.state == KILN_RUN_GOING) {
        KILN_AUTO_ERR why = { 0 };
        struct kiln_run_info now;
        int fd = kiln_socket_connect(c->info.dir, &why);

        if (fd >= 0)
            return begin_live(c, fd, err);
        if (kiln_cancel_now(NULL) >= end)
            return kiln_err_move(err, &why);
        (void)kiln_wait_us(NULL, LOOK_AGAIN, NULL);
        if (!kiln_runs_find(&now, c->info.id, err))
            return false;
        kiln_run_info_done(&c->info);
        c->info = now;
    }
    begin_replay(c);
    return true;
}

bool kiln_client_open(struct kiln_client **ret, const char *run, struct kiln_err *err)
{
    struct kiln_client *c;
    struct kiln_run_info info;

    if (!kiln_runs_find(&info, run, err))
        return false;
    c = kiln_xcalloc(1, sizeof(*c));
    *c = (struct kiln_client){ .info = info, .peer = { .fd = -1 }, .epoll = -1, .replay_fd = -1 };
    c->log_fd = open_in(c, KILN_LOG_NAME);
    if (!connect_or_replay(c, err)) {
        kiln_client_free(c);
        return kiln_err_wrap(err, "run %s", run ? run : "");
    }
    *ret = c;
    return true;
}

void kiln_client_free(struct kiln_client *c)
{
    if (!c)
        return;
    kiln_run_info_done(&c->info);
    kiln_peer_done(&c->peer);
    kiln_fd_closep(&c->epoll);
    kiln_fd_closep(&c->log_fd);
    kiln_fd_closep(&c->replay_fd);
    kiln_str_done(&c->replay);
    kiln_event_box_done(&c->box);
    free(c->calls);
    free(c->refusal);
    free(c);
}

const struct kiln_run_info *kiln_client_info(const struct kiln_client *c)
{
    return &c->info;
}

int kiln_client_fd(const struct kiln_client *c)
{
    return c->mode == LIVE ? c->epoll : -1;
}

bool kiln_client_more(const struct kiln_client *c)
{
    return c->mode == REPLAY;
}

int kiln_client_log_fd(const struct kiln_client *c)
{
    return c->log_fd;
}

uint64_t kiln_client_log_size(const struct kiln_client *c)
{
    return c->log_size;
}

/* ---- replies ---- */

static void fail_at_once(kiln_reply_fn *fn, void *ud)
{
    const struct kiln_reply reply = { .error = "the run is over", .fd = -1 };

    if (fn)
        fn(ud, &reply);
}

static void fail_calls(struct kiln_client *c)
{
    while (c->n_calls > 0) { /* a callback may send more: those fail by themselves */
        struct call call = c->calls[--c->n_calls];

        fail_at_once(call.fn, call.ud);
    }
}

static void take_reply(struct kiln_client *c, struct json_object *o)
{
    struct kiln_reply reply = { .ok = kiln_json_true(o, "ok"),
                                .error = kiln_json_string(o, "error"),
                                .text = kiln_json_string(o, "text"),
                                .fd = kiln_json_true(o, "fd") ? kiln_peer_take_fd(&c->peer) : -1 };
    int64_t id = kiln_json_int(o, "id", 0);

    if (!reply.ok && !reply.error)
        reply.error = "it failed";
    for (size_t i = 0; i < c->n_calls; i++) {
        struct call call = c->calls[i];

        if (call.id != id)
            continue;
        memmove(c->calls + i, c->calls + i + 1, (--c->n_calls - i) * sizeof(*c->calls));
        if (call.fn)
            call.fn(call.ud, &reply);
        else
            kiln_fd_closep(&reply.fd);
        return;
    }
    kiln_fd_closep(&reply.fd);
    if (!reply.ok && id == 0 && !c->refusal) /* nobody asked: it does not want us */
        c->refusal = kiln_xstrdup(reply.error);
}

/* ---- what comes ---- */

static void take_event(struct kiln_client *c, enum kiln_event_type type, const char *line,
                       size_t len, const struct kiln_client_handler *h, void *ud)
{
    if (type == KILN_EV_LINE || type == KILN_EV_LOG || type == KILN_EV_QEMU ||
        !kiln_event_decode(&c->box, line, len, NULL))
        return;
    if (type == KILN_EV_RUN_END) {
        c->info.state = KILN_RUN_ENDED;
        c->info.status = c->box.ev.status;
        c->info.end_us = c->box.ev.wall_us;
    }
    if (h->event)
        h->event(ud, &c->box.ev);
}

static void take_note(struct kiln_client *c, struct json_object *o,
                      const struct kiln_client_handler *h, void *ud)
{
    const char *type = kiln_json_string(o, "type"), *holder = kiln_json_string(o, "controls");

    if (kiln_streq(type, "reply")) {
        take_reply(c, o);
    } else if (kiln_streq(type, "controls") && holder && h->controls) {
        h->controls(ud, holder);
    } else if (kiln_streq(type, "again") && h->again) {
        h->again(ud);
    } else if (kiln_streq(type, "grown")) {
        c->log_size = (uint64_t)kiln_json_int(o, "size", 0);
        c->grown = true;
    }
}

static void take_line(struct kiln_client *c, const char *line, size_t len,
                      const struct kiln_client_handler *h, void *ud)
{
    KILN_AUTO_JSON *o = NULL;
    enum kiln_event_type type;

    if (kiln_event_peek(line, len, &type)) {
        take_event(c, type, line, len, h, ud);
        return;
    }
    o = kiln_json_read(line, len, KILN_COMMAND_DEPTH, NULL);
    if (o)
        take_note(c, o, h, ud);
}

static void tell_growth(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    if (!c->grown || !h->grown)
        return;
    c->grown = false;
    h->grown(ud, c->log_size);
}

static void finish(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    KILN_AUTO_ERR err = { 0 };

    c->mode = OVER;
    kiln_fd_closep(&c->replay_fd);
    kiln_peer_done(&c->peer);
    kiln_fd_closep(&c->epoll);
    look_at_log(c);
    tell_growth(c, h, ud);
    fail_calls(c);
    if (c->info.state == KILN_RUN_GOING)
        (void)kiln_err_set(&err, KILN_ERR_REMOTE, "%s", c->refusal);
    else if (c->info.state != KILN_RUN_ENDED)
        (void)kiln_err_set(&err, KILN_ERR_REMOTE, "the run has no end: its supervisor was killed");
    if (h->end)
        h->end(ud, err.msg ? &err : NULL);
}

/* The connection is gone. A run that ended in order has left its summary. */
static void disconnected(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    struct kiln_run_info now;
    bool knew = c->info.state == KILN_RUN_ENDED;

    if (!knew && kiln_runs_find(&now, c->info.id, NULL)) {
        kiln_run_info_done(&c->info);
        c->info = now;
    }
    if (c->info.state == KILN_RUN_GOING && !c->refusal) /* the kernel is still taking it apart */
        c->info.state = KILN_RUN_DEAD;
    if (knew || c->info.state != KILN_RUN_ENDED) {
        finish(c, h, ud);
        return;
    }
    kiln_peer_done(&c->peer);
    kiln_fd_closep(&c->epoll);
    if (h->again)
        h->again(ud);
    begin_replay(c);
}

static void read_live(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    bool open = true, any = true;

    flush(c);
    for (int i = 0; i < READS && open && any; i++) {
        const char *line;
        size_t len;

        open = kiln_peer_read(&c->peer);
        any = false;
        while (kiln_peer_line(&c->peer, &line, &len)) {
            take_line(c, line, len - 1, h, ud);
            any = true;
        }
    }
    tell_growth(c, h, ud);
    if (!open)
        disconnected(c, h, ud);
}

static void replay_lines(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    const char *p = c->replay.data, *end = p + c->replay.len, *nl;
    enum kiln_event_type type;

    while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
        if (kiln_event_peek(p, (size_t)(nl - p), &type))
            take_event(c, type, p, (size_t)(nl - p), h, ud);
        p = nl + 1;
    }
    kiln_str_remove(&c->replay, 0, (size_t)(p - c->replay.data));
}

static void read_file(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    char *space = kiln_str_space(&c->replay, SLICE);
    ssize_t n = c->replay_fd >= 0 && space ? read(c->replay_fd, space, SLICE) : 0;

    tell_growth(c, h, ud);
    if (n <= 0) {
        finish(c, h, ud);
        return;
    }
    kiln_str_commit(&c->replay, (size_t)n);
    replay_lines(c, h, ud);
    if (c->replay.len > 2 * KILN_MAX_EVENT) /* no event is that long */
        kiln_str_clear(&c->replay);
}

void kiln_client_read(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    switch (c->mode) {
    case LIVE:
        read_live(c, h, ud);
        return;
    case REPLAY:
        read_file(c, h, ud);
        return;
    case OVER:
        return;
    }
}

void kiln_client_wait(struct kiln_client *c, const struct kiln_client_handler *h, void *ud)
{
    if (c->mode == LIVE)
        (void)kiln_wait_fd(NULL, c->epoll, POLLIN, KILN_NEVER, NULL);
    kiln_client_read(c, h, ud);
}

/* ---- commands ---- */

void kiln_client_send(struct kiln_client *c, const struct kiln_request *req, kiln_reply_fn *fn,
                      void *ud)
{
    KILN_AUTO_STR line = { 0 };

    if (c->mode != LIVE) {
        fail_at_once(fn, ud);
        return;
    }
    kiln_command_encode(req, fn != NULL, ++c->id, &line);
    kiln_peer_add(&c->peer, line.data, line.len, -1);
    if (fn) {
        c->calls = kiln_xrealloc(c->calls, c->n_calls + 1, sizeof(*c->calls));
        c->calls[c->n_calls++] = (struct call){ c->id, fn, ud };
    }
    flush(c);
}

struct answer {
    bool there, ok;
    char *text; /* of the reply, or its error; owned */
};

static void keep_answer(void *ud, const struct kiln_reply *reply)
{
    struct answer *a = ud;
    int fd = reply->fd;

    kiln_fd_closep(&fd);
    a->there = true;
    a->ok = reply->ok;
    a->text = kiln_xstrdup(reply->ok ? reply->text : reply->error);
}

static void forget_answer(struct kiln_client *c, const struct answer *a)
{
    for (size_t i = 0; i < c->n_calls; i++) {
        if (c->calls[i].ud == a)
            c->calls[i].fn = NULL;
    }
}

bool kiln_client_call(struct kiln_client *c, const struct kiln_request *req, int64_t timeout_us,
                      char **ret_text, struct kiln_err *err)
{
    const struct kiln_client_handler deaf = { 0 };
    int64_t end = kiln_cancel_deadline(NULL, timeout_us);
    struct answer a = { 0 };

    kiln_client_send(c, req, keep_answer, &a);
    while (!a.there) {
        if (c->mode == LIVE && kiln_wait_fd(NULL, c->epoll, POLLIN, end, err) != KILN_WAIT_READY) {
            forget_answer(c, &a);
            return kiln_err_wrap(err, "%s", req->command);
        }
        kiln_client_read(c, &deaf, NULL);
    }
    if (!a.ok) {
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "%s", a.text ? a.text : "");
        free(a.text);
        return false;
    }
    if (ret_text)
        *ret_text = a.text;
    else
        free(a.text);
    return true;
}
