#include "vm/qmp.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/unix_socket.h"
#include "vm/qmp_codec.h"

#define RETRY_US KILN_MS(5) /* between looks for the socket of a QEMU that is starting */

/* Lock: lock, over everything but fd and gone, and over every use of the connection. The fd stays
 * open until the end: another thread may be polling it. */
struct kiln_qmp {
    int fd;
    atomic_bool gone; /* the connection is */
    pthread_mutex_t lock;
    struct kiln_qmp_codec codec;
    uint64_t last_id;
    kiln_qmp_event_fn *on_event;
    void *ud;
};

void kiln_qmp_free(struct kiln_qmp *q)
{
    if (!q)
        return;
    kiln_fd_closep(&q->fd);
    kiln_qmp_codec_done(&q->codec);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
}

void kiln_qmp_freep(struct kiln_qmp **q)
{
    kiln_qmp_free(*q);
}

void kiln_qmp_on_event(struct kiln_qmp *q, kiln_qmp_event_fn *fn, void *ud)
{
    q->on_event = fn;
    q->ud = ud;
}

int kiln_qmp_fd(const struct kiln_qmp *q)
{
    return atomic_load(&q->gone) ? -1 : q->fd;
}

/* The server sees it at once, too. */
static void hang_up(struct kiln_qmp *q)
{
    (void)shutdown(q->fd, SHUT_RDWR);
    atomic_store(&q->gone, true);
}

/* c NULL: the deadline is on CLOCK_MONOTONIC, and holds for the lock as well. (ThreadSanitizer does
 * not know pthread_mutex_clocklock.) */
static bool lock(struct kiln_qmp *q, const struct kiln_cancel *c, int64_t deadline,
                 struct kiln_err *err)
{
    int64_t wall;
    struct timespec until;

    if (c || deadline == KILN_NEVER)
        return pthread_mutex_lock(&q->lock) == 0;
    wall = kiln_clock_wall_us() + deadline - kiln_clock_mono_us();
    until = (struct timespec){ .tv_sec = wall / 1000000, .tv_nsec = wall % 1000000 * 1000 };
    if (pthread_mutex_timedlock(&q->lock, &until) == 0)
        return true;
    return kiln_err_set(err, KILN_ERR_TIMEOUT, "timed out behind another command");
}

/* Read once what is there. False: the connection is gone, and closed. */
static bool receive(struct kiln_qmp *q, struct kiln_err *err)
{
    char buf[16384];
    ssize_t n = recv(q->fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n > 0 && kiln_qmp_codec_feed(&q->codec, buf, (size_t)n, err))
        return true;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "QEMU closed the QMP connection");
    else if (n < 0)
        (void)kiln_err_sys(err, errno, "read from QMP socket");
    hang_up(q);
    return false;
}

/* Take the next message that is no event; events are delivered. */
static enum kiln_qmp_next take(struct kiln_qmp *q, struct kiln_qmp_message *ret_msg,
                               struct kiln_err *err)
{
    for (;;) {
        enum kiln_qmp_next got = kiln_qmp_codec_next(&q->codec, ret_msg, err);

        if (got == KILN_QMP_BAD)
            hang_up(q);
        if (got != KILN_QMP_MESSAGE || ret_msg->type != KILN_QMP_EVENT)
            return got;
        if (q->on_event)
            q->on_event(q->ud, ret_msg->name, ret_msg->data);
        kiln_qmp_message_done(ret_msg);
    }
}

static bool next_message(struct kiln_qmp *q, struct kiln_qmp_message *ret_msg,
                         struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    for (;;) {
        switch (take(q, ret_msg, err)) {
        case KILN_QMP_MESSAGE:
            return true;
        case KILN_QMP_BAD:
            return false;
        case KILN_QMP_MORE:
            break;
        }
        if (kiln_wait_fd(c, q->fd, POLLIN, deadline, err) != KILN_WAIT_READY)
            return false;
        if (!receive(q, err))
            return false;
    }
}

static bool dispatch(struct kiln_qmp *q, struct kiln_err *err)
{
    KILN_AUTO_QMP_MESSAGE stale = { 0 };
    enum kiln_qmp_next got;

    if (q->gone)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the QMP connection is gone");
    if (!receive(q, err))
        return false;
    while ((got = take(q, &stale, err)) == KILN_QMP_MESSAGE)
        kiln_qmp_message_done(&stale); /* the reply to a command that nobody waits for any more */
    return got == KILN_QMP_MORE;
}

bool kiln_qmp_dispatch(struct kiln_qmp *q, struct kiln_err *err)
{
    bool ok;

    (void)pthread_mutex_lock(&q->lock);
    ok = dispatch(q, err);
    (void)pthread_mutex_unlock(&q->lock);
    return ok;
}

static bool send_all(struct kiln_qmp *q, const char *data, size_t len, struct kiln_cancel *c,
                     int64_t deadline, struct kiln_err *err)
{
    size_t whole = len;
    bool gone = false;

    while (len > 0) {
        ssize_t n;

        if (kiln_wait_fd(c, q->fd, POLLOUT, deadline, err) != KILN_WAIT_READY)
            break;
        n = send(q->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            if (errno == EPIPE || errno == ECONNRESET)
                (void)kiln_err_set(err, KILN_ERR_REMOTE, "QEMU closed the QMP connection");
            else
                (void)kiln_err_sys(err, errno, "write to QMP socket");
            gone = true;
            break;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    if (gone || (len > 0 && len < whole))
        hang_up(q); /* half a command cannot be taken back */
    return len == 0;
}

/* Wait for the reply to command `id`; replies to commands that were given up are dropped. */
static bool wait_reply(struct kiln_qmp *q, uint64_t id, struct kiln_cancel *c, int64_t deadline,
                       struct json_object **ret_reply, struct kiln_err *err)
{
    for (;;) {
        KILN_AUTO_QMP_MESSAGE m = { 0 };

        if (!next_message(q, &m, c, deadline, err))
            return false;
        if (m.type == KILN_QMP_GREETING || m.id != id)
            continue;
        if (m.type == KILN_QMP_ERROR)
            return kiln_err_set(err, KILN_ERR_REMOTE, "%s", m.text);
        if (ret_reply)
            *ret_reply = json_object_get(m.data);
        return true;
    }
}

static bool execute(struct kiln_qmp *q, const char *command, struct json_object *args,
                    struct kiln_cancel *c, int64_t deadline, struct json_object **ret_reply,
                    struct kiln_err *err)
{
    KILN_AUTO_STR line = { 0 };
    uint64_t id = ++q->last_id;

    if (q->gone)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the connection is gone");
    kiln_qmp_encode(&line, id, command, args);
    return send_all(q, line.data, line.len, c, deadline, err) &&
           wait_reply(q, id, c, deadline, ret_reply, err);
}

bool kiln_qmp_execute(struct kiln_qmp *q, const char *command, struct json_object *args,
                      struct kiln_cancel *c, int64_t deadline, struct json_object **ret_reply,
                      struct kiln_err *err)
{
    bool ok = lock(q, c, deadline, err);

    if (ok) {
        ok = execute(q, command, args, c, deadline, ret_reply, err);
        (void)pthread_mutex_unlock(&q->lock);
    }
    return ok || kiln_err_wrap(err, "QMP %s", command);
}

bool kiln_qmp_command(struct kiln_qmp *q, const char *command, struct kiln_cancel *c,
                      int64_t deadline, struct kiln_err *err)
{
    return kiln_qmp_execute(q, command, NULL, c, deadline, NULL, err);
}

bool kiln_qmp_quit(struct kiln_qmp *q, struct kiln_cancel *c, int64_t deadline,
                   struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    if (kiln_qmp_command(q, "quit", c, deadline, &why))
        return true;
    if (why.kind == KILN_ERR_REMOTE && q->gone)
        return true;
    return kiln_err_move(err, &why);
}

/* Run a command with one string argument. */
static bool execute_string(struct kiln_qmp *q, const char *command, const char *key,
                           const char *value, struct kiln_cancel *c, int64_t deadline,
                           struct json_object **ret_reply, struct kiln_err *err)
{
    struct json_object *args = json_object_new_object();
    bool ok;

    json_object_object_add(args, key, json_object_new_string(value));
    ok = kiln_qmp_execute(q, command, args, c, deadline, ret_reply, err);
    json_object_put(args);
    return ok;
}

bool kiln_qmp_status(struct kiln_qmp *q, struct kiln_cancel *c, int64_t deadline, char **ret_status,
                     struct kiln_err *err)
{
    KILN_AUTO_JSON *reply = NULL;
    const char *status;

    if (!kiln_qmp_execute(q, "query-status", NULL, c, deadline, &reply, err))
        return false;
    status = kiln_json_string(reply, "status");
    if (!status)
        return kiln_err_set(err, KILN_ERR_REMOTE, "QMP query-status: no status in the reply");
    *ret_status = kiln_xstrdup(status);
    return true;
}

bool kiln_qmp_set_vnc_password(struct kiln_qmp *q, const char *password, struct kiln_cancel *c,
                               int64_t deadline, struct kiln_err *err)
{
    return execute_string(q, "change-vnc-password", "password", password, c, deadline, NULL, err);
}

bool kiln_qmp_screendump(struct kiln_qmp *q, const char *path, struct kiln_cancel *c,
                         int64_t deadline, struct kiln_err *err)
{
    return execute_string(q, "screendump", "filename", path, c, deadline, NULL, err);
}

bool kiln_qmp_human(struct kiln_qmp *q, const char *line, struct kiln_cancel *c, int64_t deadline,
                    char **ret_text, struct kiln_err *err)
{
    struct json_object *reply = NULL;

    if (!execute_string(q, "human-monitor-command", "command-line", line, c, deadline, &reply, err))
        return false;
    if (ret_text)
        *ret_text = kiln_xstrdup(reply ? json_object_get_string(reply) : "");
    json_object_put(reply);
    return true;
}

/* 1: connected, 0: nobody listens yet, -1: it cannot work (err is set). */
static int try_connect(struct kiln_qmp *q, const char *path, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    q->fd = kiln_unix_connect(path, SOCK_NONBLOCK, &why);
    if (q->fd >= 0)
        return 1;
    if (why.os_errno == ENOENT || why.os_errno == ECONNREFUSED || why.os_errno == EAGAIN)
        return 0;
    (void)kiln_err_move(err, &why);
    return -1;
}

/* Let one retry interval pass. False: the deadline is over, cancelled, or QEMU has ended. */
static bool wait_retry(int pidfd, struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    KILN_AUTO_ERR ignored = { 0 };
    int64_t next = kiln_cancel_deadline(c, RETRY_US);
    bool last = next >= deadline;
    struct pollfd fd = { .fd = pidfd, .events = POLLIN };

    switch (kiln_wait_fds(c, &fd, pidfd < 0 ? 0 : 1, last ? deadline : next, &ignored)) {
    case KILN_WAIT_READY:
        return kiln_err_set(err, KILN_ERR_REMOTE, "QEMU has ended");
    case KILN_WAIT_TIMEOUT:
        return last ? kiln_err_move(err, &ignored) : true;
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        return kiln_err_move(err, &ignored);
    }
    return false;
}

/* The greeting comes once QEMU's main loop runs, so QEMU may also end while we wait for it. */
static bool greet(struct kiln_qmp *q, struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    KILN_AUTO_QMP_MESSAGE m = { 0 };

    if (!next_message(q, &m, c, deadline, err))
        return false;
    if (m.type != KILN_QMP_GREETING)
        return kiln_err_set(err, KILN_ERR_REMOTE, "no greeting: something else owns the socket");
    return kiln_qmp_command(q, "qmp_capabilities", c, deadline, err);
}

bool kiln_qmp_connect(struct kiln_qmp **ret_qmp, const char *path, int pidfd, struct kiln_cancel *c,
                      int64_t deadline, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_qmp_freep) struct kiln_qmp *q = kiln_xcalloc(1, sizeof(*q));
    int connected;

    q->fd = -1;
    (void)pthread_mutex_init(&q->lock, NULL);
    while ((connected = try_connect(q, path, err)) == 0) {
        if (!wait_retry(pidfd, c, deadline, err))
            return kiln_err_wrap(err, "wait for QMP socket %s", path);
    }
    if (connected < 0)
        return kiln_err_wrap(err, "QMP");
    if (!greet(q, c, deadline, err))
        return kiln_err_wrap(err, "QMP socket %s", path);
    *ret_qmp = q;
    q = NULL; /* handed over */
    return true;
}
