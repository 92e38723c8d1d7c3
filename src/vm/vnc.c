/*
 * The reader's thread and the owner share `state`, `frames` (both atomic) and `news`, an eventfd
 * that is raised after each of the two changes. `write_lock` keeps writers apart.
 */
#include "vm/vnc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/module.h"
#include "base/tcp.h"
#include "base/thread.h"
#include "vm/vnc_ops.h"

#define WRITE_LIMIT_US KILN_SECOND(5)
#define GOODBYE_US     KILN_MS(250)

enum state {
    STATE_HANDSHAKE,
    STATE_READY,
    STATE_REFUSED, /* the handshake failed */
    STATE_LOST,
};

struct kiln_vnc {
    const struct kiln_vnc_ops *ops;
    struct kiln_vnc_session *session;
    char *password; /* owned; NULL: none */
    int fd, news;   /* owned */
    bool running;   /* there is a thread to join */
    pthread_t thread;
    pthread_mutex_t write_lock;
    _Atomic int state; /* enum state */
    _Atomic uint64_t frames;
};

static void go_to(struct kiln_vnc *v, enum state state)
{
    atomic_store(&v->state, (int)state);
    (void)eventfd_write(v->news, 1);
}

static void got_frame(void *ud)
{
    struct kiln_vnc *v = ud;

    atomic_fetch_add(&v->frames, 1);
    (void)eventfd_write(v->news, 1);
}

static void *run(void *ud)
{
    struct kiln_vnc *v = ud;

    if (!v->ops->handshake(v->session)) {
        go_to(v, STATE_REFUSED);
        return NULL;
    }
    go_to(v, STATE_READY);
    while (v->ops->handle_message(v->session))
        ;
    go_to(v, STATE_LOST);
    return NULL;
}

/* Wait for the thread to say something, and take note of it. */
static bool wait_news(struct kiln_vnc *v, struct kiln_cancel *c, int64_t deadline,
                      struct kiln_err *err)
{
    eventfd_t count;

    if (kiln_wait_fd(c, v->news, POLLIN, deadline, err) != KILN_WAIT_READY)
        return false;
    (void)eventfd_read(v->news, &count);
    return true;
}

/*
 * Let the server read what we have sent. A connection that is closed with unread bytes in it is
 * reset, and QEMU drops a client that was reset together with the keys that it has not looked at.
 */
static void say_goodbye(struct kiln_vnc *v)
{
    int64_t deadline = kiln_cancel_deadline(NULL, GOODBYE_US);
    char unread[4096];

    (void)shutdown(v->fd, SHUT_WR);
    while (atomic_load(&v->state) == STATE_READY && wait_news(v, NULL, deadline, NULL))
        ;
    if (atomic_load(&v->state) != STATE_LOST)
        return; /* the thread is still reading */
    while (kiln_wait_fd(NULL, v->fd, POLLIN, deadline, NULL) == KILN_WAIT_READY &&
           recv(v->fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
        ;
}

void kiln_vnc_free(struct kiln_vnc *v)
{
    if (!v)
        return;
    if (v->running) {
        if (atomic_load(&v->state) == STATE_READY)
            say_goodbye(v);
        (void)shutdown(v->fd, SHUT_RDWR); /* ends every read and write of the thread */
        (void)pthread_join(v->thread, NULL);
    }
    if (v->session)
        v->ops->close(v->session);
    kiln_fd_closep(&v->fd);
    kiln_fd_closep(&v->news);
    (void)pthread_mutex_destroy(&v->write_lock);
    if (v->password)
        explicit_bzero(v->password, strlen(v->password));
    free(v->password);
    free(v);
}

void kiln_vnc_freep(struct kiln_vnc **v)
{
    kiln_vnc_free(*v);
}

static bool set_up(struct kiln_vnc *v, const char *password, struct kiln_err *err)
{
    if (password && *password)
        v->password = kiln_xstrdup(password);
    v->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (v->news < 0)
        return kiln_err_sys(err, errno, "eventfd");
    if (fcntl(v->fd, F_SETFL, 0) != 0) /* blocking, which is what the library wants */
        return kiln_err_sys(err, errno, "fcntl");
    v->session = v->ops->open(v->fd, v->password, got_frame, v);
    if (!v->session)
        return kiln_err_sys(err, ENOMEM, "VNC client");
    v->running = kiln_thread_start(&v->thread, "vnc", run, v, err);
    return v->running;
}

static bool lost(struct kiln_vnc *v, struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_REMOTE, "VNC connection lost: %s", v->ops->why(v->session));
}

static bool await_handshake(struct kiln_vnc *v, struct kiln_cancel *c, int64_t deadline,
                            struct kiln_err *err)
{
    while (atomic_load(&v->state) == STATE_HANDSHAKE) {
        if (!wait_news(v, c, deadline, err))
            return false;
    }
    if (atomic_load(&v->state) == STATE_REFUSED)
        return kiln_err_set(err, KILN_ERR_REMOTE, "%s", v->ops->why(v->session));
    return true;
}

bool kiln_vnc_connect(struct kiln_vnc **ret_vnc, const char *host, int port, const char *password,
                      struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_vnc_freep) struct kiln_vnc *v = kiln_xcalloc(1, sizeof(*v));

    v->fd = v->news = -1;
    (void)pthread_mutex_init(&v->write_lock, NULL);
    v->ops = kiln_module_load("vnc", err);
    if (!v->ops)
        return false;
    if (!kiln_tcp_connect(&v->fd, host, port, c, deadline, err))
        return kiln_err_wrap(err, "Error connecting to VNC");
    if (!set_up(v, password, err) || !await_handshake(v, c, deadline, err))
        return kiln_err_wrap(err, "Error handshaking with VNC");
    *ret_vnc = v;
    v = NULL; /* handed over */
    return true;
}

bool kiln_vnc_lost(struct kiln_vnc *v)
{
    return atomic_load(&v->state) == STATE_LOST;
}

/* Room in the socket's buffer, so that the library's blocking write does not block. */
static bool wait_writable(struct kiln_vnc *v, struct kiln_cancel *c, struct kiln_err *err)
{
    int64_t deadline = kiln_cancel_deadline(c, WRITE_LIMIT_US);

    if (kiln_wait_fd(c, v->fd, POLLOUT, deadline, err) != KILN_WAIT_READY)
        return kiln_err_wrap(err, "VNC server takes nothing");
    return true;
}

/* What can be sent. */
struct message {
    bool is_key; /* else a request for an update */
    uint32_t keysym;
    bool down;
    uint8_t scancode;
};

static bool write_message(struct kiln_vnc *v, const struct message *m)
{
    if (!m->is_key)
        return v->ops->request_update(v->session);
    return m->scancode ? v->ops->send_scancode(v->session, m->keysym, m->scancode, m->down)
                       : v->ops->send_key(v->session, m->keysym, m->down);
}

static bool send_message(struct kiln_vnc *v, const struct message *m, struct kiln_cancel *c,
                         struct kiln_err *err)
{
    bool ok;

    if (kiln_vnc_lost(v))
        return lost(v, err);
    if (!wait_writable(v, c, err))
        return false;
    (void)pthread_mutex_lock(&v->write_lock);
    ok = write_message(v, m);
    (void)pthread_mutex_unlock(&v->write_lock);
    return ok || kiln_err_set(err, KILN_ERR_REMOTE, "VNC connection lost: write failed");
}

bool kiln_vnc_key(struct kiln_vnc *v, uint32_t keysym, bool down, struct kiln_cancel *c,
                  struct kiln_err *err)
{
    return send_message(v, &(struct message){ true, keysym, down, 0 }, c, err);
}

bool kiln_vnc_want_scancodes(struct kiln_vnc *v, struct kiln_cancel *c, int64_t deadline,
                             struct kiln_err *err)
{
    v->ops->offer_scancodes(v->session);
    if (!kiln_vnc_request_update(v, c, err) || !kiln_vnc_wait_frame(v, 0, c, deadline, err))
        return false;
    return v->ops->takes_scancodes(v->session) ||
           kiln_err_set(err, KILN_ERR_REMOTE,
                        "the VNC server takes no scancodes (QEMU extended key events)");
}

bool kiln_vnc_scancode(struct kiln_vnc *v, uint32_t keysym, uint8_t scancode, bool down,
                       struct kiln_cancel *c, struct kiln_err *err)
{
    return send_message(v, &(struct message){ true, keysym, down, scancode }, c, err);
}

bool kiln_vnc_request_update(struct kiln_vnc *v, struct kiln_cancel *c, struct kiln_err *err)
{
    return send_message(v, &(struct message){ .is_key = false }, c, err);
}

void kiln_vnc_forget(struct kiln_vnc *v)
{
    v->ops->forget(v->session);
}

int kiln_vnc_news_fd(const struct kiln_vnc *v)
{
    return v->news;
}

uint64_t kiln_vnc_frames(struct kiln_vnc *v)
{
    eventfd_t count;

    (void)eventfd_read(v->news, &count); /* before the look: what comes later raises it again */
    return atomic_load(&v->frames);
}

void kiln_vnc_changes(struct kiln_vnc *v, kiln_vnc_rows_fn *fn, void *ud)
{
    v->ops->changes(v->session, fn, ud);
}

bool kiln_vnc_wait_frame(struct kiln_vnc *v, uint64_t frame, struct kiln_cancel *c,
                         int64_t deadline, struct kiln_err *err)
{
    while (atomic_load(&v->frames) <= frame) {
        if (kiln_vnc_lost(v))
            return lost(v, err);
        if (!wait_news(v, c, deadline, err))
            return kiln_err_wrap(err, "wait for the screen to change");
    }
    return true;
}
