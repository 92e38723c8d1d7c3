/*
 * Agent forwarding: programs in the guest that ask for our ssh-agent get a channel, and each
 * channel a connection to it. The guest decides how many it opens, so they are few; an agent that
 * takes no more loses its connection, because nothing here may wait for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "communicator/ssh_link.h"

struct path {
    ssh_channel channel; /* NULL: free */
    int fd;              /* to the agent */
    bool over;
    struct ssh_channel_callbacks_struct callbacks;
};

struct kiln_forward {
    struct ssh_callbacks_struct callbacks;
    struct path paths[KILN_FORWARD_MAX];
};

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len,
                   int is_stderr, void *ud)
{
    struct path *p = ud;

    (void)session, (void)channel, (void)is_stderr;
    if (send(p->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
        p->over = true;
    return (int)len;
}

static void on_close(ssh_session session, ssh_channel channel, void *ud)
{
    (void)session, (void)channel;
    ((struct path *)ud)->over = true;
}

static ssh_channel on_open(ssh_session session, void *ud)
{
    struct kiln_forward *f = ud;
    struct path *p = NULL;

    for (size_t i = 0; i < KILN_FORWARD_MAX && !p; i++) {
        if (!f->paths[i].channel)
            p = &f->paths[i];
    }
    if (!p)
        return NULL; /* refused */
    *p = (struct path){ .fd = kiln_agent_open(NULL) };
    p->channel = p->fd >= 0 ? ssh_channel_new(session) : NULL;
    if (!p->channel) {
        kiln_fd_closep(&p->fd);
        return NULL;
    }
    p->callbacks = (struct ssh_channel_callbacks_struct){ .userdata = p,
                                                          .channel_data_function = on_data,
                                                          .channel_eof_function = on_close,
                                                          .channel_close_function = on_close };
    ssh_callbacks_init(&p->callbacks);
    (void)ssh_set_channel_callbacks(p->channel, &p->callbacks);
    return p->channel;
}

bool kiln_forward_enable(struct kiln_link *l)
{
    struct kiln_forward *f = l->forward;

    if (f)
        return true;
    f = kiln_xcalloc(1, sizeof(*f));
    f->callbacks = (struct ssh_callbacks_struct){
        .userdata = f,
        .channel_open_request_auth_agent_function = on_open,
    };
    ssh_callbacks_init(&f->callbacks);
    if (ssh_set_callbacks(l->session, &f->callbacks) != SSH_OK) {
        free(f);
        return false;
    }
    l->forward = f;
    return true;
}

static void end_path(struct path *p)
{
    (void)ssh_remove_channel_callbacks(p->channel, &p->callbacks);
    (void)ssh_channel_close(p->channel);
    ssh_channel_free(p->channel);
    kiln_fd_closep(&p->fd);
    p->channel = NULL;
}

/* What the agent answered. */
static void answer(struct path *p)
{
    char buf[4096];
    ssize_t n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || ssh_channel_write(p->channel, buf, (uint32_t)n) != n)
        p->over = true;
}

void kiln_forward_work(struct kiln_link *l)
{
    for (size_t i = 0; l->forward && i < KILN_FORWARD_MAX; i++) {
        struct path *p = &l->forward->paths[i];

        if (p->channel && !p->over)
            answer(p);
        if (p->channel && p->over)
            end_path(p);
    }
}

size_t kiln_forward_poll(const struct kiln_link *l, struct pollfd *fds)
{
    size_t n = 0;

    for (size_t i = 0; l->forward && i < KILN_FORWARD_MAX; i++) {
        const struct path *p = &l->forward->paths[i];

        if (p->channel)
            fds[n++] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
    }
    return n;
}

void kiln_forward_free(struct kiln_link *l)
{
    for (size_t i = 0; l->forward && i < KILN_FORWARD_MAX; i++) {
        if (l->forward->paths[i].channel) /* which the session took with it */
            kiln_fd_closep(&l->forward->paths[i].fd);
    }
    free(l->forward);
    l->forward = NULL;
}
