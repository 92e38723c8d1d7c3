#include "communicator/agent.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/unix_socket.h"

struct kiln_agent_relay {
    pthread_t thread;
    struct kiln_cancel *cancel;
    int64_t timeout_us;
    int client; /* our end of the pair; closed by the thread */
    int agent;  /* closed by the thread */
    int stop;   /* eventfd; closed after the thread is gone */
};

int kiln_agent_open(struct kiln_err *err)
{
    const char *path = getenv("SSH_AUTH_SOCK");
    int fd;

    if (!path || !*path) {
        (void)kiln_err_set(err, KILN_ERR_USER, "no ssh-agent: SSH_AUTH_SOCK is not set");
        return -1;
    }
    fd = kiln_unix_connect(path, SOCK_NONBLOCK, err);
    if (fd < 0)
        (void)kiln_err_wrap(err, "ssh-agent");
    return fd;
}

/* Move what waits at `from`; false when either side is gone, or takes nothing. */
static bool move(int from, int to)
{
    char buf[4096];
    ssize_t n = recv(from, buf, sizeof(buf), MSG_DONTWAIT);

    return n > 0 && send(to, buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n;
}

static void *relay_run(void *ud)
{
    struct kiln_agent_relay *r = ud;
    int64_t deadline = KILN_NEVER; /* for the answer, while a question is open */

    for (;;) {
        struct pollfd fds[] = {
            { .fd = r->client, .events = POLLIN },
            { .fd = r->agent, .events = POLLIN },
            { .fd = r->stop, .events = POLLIN },
        };

        if (kiln_wait_fds(r->cancel, fds, KILN_COUNT(fds), deadline, NULL) != KILN_WAIT_READY ||
            fds[2].revents)
            break;
        if (fds[0].revents && !move(r->client, r->agent))
            break;
        if (fds[1].revents && !move(r->agent, r->client))
            break;
        deadline = fds[1].revents ? KILN_NEVER : kiln_cancel_deadline(r->cancel, r->timeout_us);
    }
    kiln_fd_closep(&r->client);
    kiln_fd_closep(&r->agent);
    return NULL;
}

static void relay_drop(struct kiln_agent_relay *r)
{
    kiln_fd_closep(&r->client);
    kiln_fd_closep(&r->agent);
    kiln_fd_closep(&r->stop);
    free(r);
}

bool kiln_agent_relay_new(struct kiln_agent_relay **ret, int *ret_fd, int64_t timeout_us,
                          struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_agent_relay *r = kiln_xcalloc(1, sizeof(*r));
    int pair[2] = { -1, -1 };

    *r = (struct kiln_agent_relay){ .cancel = c, .timeout_us = timeout_us, .client = -1 };
    r->agent = kiln_agent_open(err);
    r->stop = eventfd(0, EFD_CLOEXEC);
    if (r->agent < 0 || r->stop < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        if (r->agent >= 0)
            (void)kiln_err_sys(err, errno, "make a socket for the ssh-agent");
        relay_drop(r);
        return false;
    }
    r->client = pair[0];
    if (!kiln_thread_start(&r->thread, "agent", relay_run, r, err)) {
        (void)close(pair[1]);
        relay_drop(r);
        return false;
    }
    *ret = r;
    *ret_fd = pair[1];
    return true;
}

void kiln_agent_relay_free(struct kiln_agent_relay *r)
{
    if (!r)
        return;
    (void)eventfd_write(r->stop, 1);
    (void)pthread_join(r->thread, NULL);
    relay_drop(r);
}
