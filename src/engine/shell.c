#include "engine/shell.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "engine/control.h"

#define MAX_TERM 64
#define MAX_SIDE 1000 /* columns, rows */

/* The lock is over all but b, guest and ud. While `open`, the thread uses comm and remote without
 * it. */
struct kiln_shell {
    struct kiln_build *b;
    void (*guest)(void *ud, bool runs);
    void *ud;

    pthread_mutex_t lock;
    bool allowed, open;
    bool running; /* there is a thread to join */
    pthread_t thread;
    struct kiln_communicator *comm; /* borrowed; NULL: no connection */
    struct kiln_remote_shell remote;
    char term[MAX_TERM];
    struct kiln_cancel *cancel; /* of the shell; the build's own stands still */
};

static void lock(struct kiln_shell *s)
{
    (void)pthread_mutex_lock(&s->lock);
}

static void unlock(struct kiln_shell *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- one shell ---- */

/* The last words on the person's terminal, unless they say what the person did. */
static void explain(struct kiln_shell *s, const struct kiln_err *err)
{
    KILN_AUTO_FREE char *why = kiln_bus_redacted(s->b->bus, kiln_err_text(err));
    KILN_AUTO_STR text = { 0 };

    for (char *p = why; *p; p++) /* may quote the guest */
        *p = iscntrl((unsigned char)*p) ? '?' : *p;

    if (err->kind == KILN_ERR_CANCELLED)
        kiln_str_adds(&text, "\r\n[the build goes on]\r\n");
    else
        kiln_str_addf(&text, "\r\n[%s]\r\n", why);
    (void)send(s->remote.fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void *run(void *ud)
{
    struct kiln_shell *s = ud;
    KILN_AUTO_ERR err = { 0 };

    s->guest(s->ud, true);
    if (!s->comm->ops->shell(s->comm, &s->remote, s->cancel, &err))
        explain(s, &err);
    s->guest(s->ud, false);
    lock(s);
    kiln_fd_closep(&s->remote.fd);
    s->open = false;
    unlock(s);
    return NULL;
}

/* ---- the commands; with the lock ---- */

static bool check(const struct kiln_shell *s, struct kiln_err *err)
{
    if (!s->allowed)
        return kiln_err_set(err, KILN_ERR_USER,
                            "a shell needs a build that stands before or after a step or "
                            "provisioner: \"next\" goes on to the next one");
    if (!s->comm)
        return kiln_err_set(err, KILN_ERR_USER, "there is no connection to the guest now");
    if (!s->comm->ops->shell)
        return kiln_err_set(err, KILN_ERR_USER, "the communicator is \"%s\": it has no shells",
                            s->comm->ops->type);
    if (s->open)
        return kiln_err_set(err, KILN_ERR_USER, "a shell is open already");
    return true;
}

/* It comes from a stranger and goes to the guest: what names of terminals are made of. */
static bool take_term(struct kiln_shell *s, const char *term, struct kiln_err *err)
{
    size_t n = term ? strlen(term) : 0;
    bool ok = n < MAX_TERM;

    for (size_t i = 0; i < n && ok; i++)
        ok = isalnum((unsigned char)term[i]) || strchr("+-._", term[i]);
    if (!ok)
        return kiln_err_set(err, KILN_ERR_USER, "text: no name of a terminal (TERM)");
    (void)snprintf(s->term, sizeof(s->term), "%s", n ? term : "xterm");
    s->remote.term = s->term;
    return true;
}

static bool take_size(struct kiln_shell *s, const struct kiln_control_args *args,
                      struct kiln_err *err)
{
    if (args->cols < 1 || args->rows < 1 || args->cols > MAX_SIDE || args->rows > MAX_SIDE)
        return kiln_err_set(err, KILN_ERR_USER, "cols, rows: must be 1 to %d", MAX_SIDE);
    s->remote.size = (uint32_t)args->cols << 16 | (uint32_t)args->rows;
    return true;
}

static void join(struct kiln_shell *s)
{
    if (s->running)
        (void)pthread_join(s->thread, NULL);
    s->running = false;
    kiln_cancel_free(s->cancel);
    s->cancel = NULL;
}

static bool open_shell(struct kiln_shell *s, int *ret_fd, struct kiln_err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return kiln_err_sys(err, errno, "socketpair");
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    join(s); /* the last one, which has ended */
    s->cancel = kiln_cancel_new();
    s->remote.fd = pair[0];
    s->open = s->running = kiln_thread_start(&s->thread, "shell", run, s, err);
    if (!s->open) {
        kiln_fd_closep(&s->remote.fd);
        kiln_fd_closep(&pair[1]);
        return false;
    }
    *ret_fd = pair[1];
    return true;
}

static bool on_shell(void *ud, const struct kiln_control_args *args,
                     struct kiln_control_reply *reply, struct kiln_err *err)
{
    struct kiln_shell *s = ud;
    bool ok;

    lock(s);
    ok = check(s, err) && take_term(s, args->text, err) && take_size(s, args, err) &&
         open_shell(s, &reply->fd, err);
    unlock(s);
    return ok;
}

static bool on_size(void *ud, const struct kiln_control_args *args,
                    struct kiln_control_reply *reply, struct kiln_err *err)
{
    struct kiln_shell *s = ud;
    bool ok;

    (void)reply;
    lock(s);
    ok = s->open ? take_size(s, args, err)
                 : kiln_err_set(err, KILN_ERR_USER, "there is no open shell");
    if (ok)
        (void)eventfd_write(s->remote.resized, 1);
    unlock(s);
    return ok;
}

static const struct kiln_control_command commands[] = {
    { "shell", on_shell },
    { "shell-size", on_size },
    { 0 },
};

/* ---- the main thread ---- */

void kiln_shell_allow(struct kiln_shell *s)
{
    lock(s);
    s->comm = s->b->communicator;
    s->allowed = true;
    unlock(s);
}

void kiln_shell_end(struct kiln_shell *s)
{
    bool running;

    lock(s);
    s->allowed = false;
    running = s->running;
    if (running)
        kiln_cancel_fire(s->cancel);
    unlock(s);
    if (running)
        join(s); /* the thread needs the lock; nobody opens another one */
}

bool kiln_shell_possible(struct kiln_shell *s)
{
    bool possible;

    lock(s);
    possible = s->open || check(s, NULL);
    unlock(s);
    return possible;
}

struct kiln_shell *kiln_shell_new(struct kiln_build *b, void (*guest)(void *ud, bool runs),
                                  void *ud)
{
    struct kiln_shell *s = kiln_xcalloc(1, sizeof(*s));

    s->b = b;
    s->guest = guest;
    s->ud = ud;
    s->remote.fd = -1;
    s->remote.resized = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&s->lock, NULL);
    kiln_control_add(b->control, commands, s);
    return s;
}

void kiln_shell_free(struct kiln_shell *s)
{
    if (!s)
        return;
    kiln_shell_end(s);
    kiln_control_remove(s->b->control, commands, s);
    kiln_fd_closep(&s->remote.resized);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
