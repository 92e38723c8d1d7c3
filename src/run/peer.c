#include "run/peer.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fdpass.h"
#include "base/fs.h"

void kiln_peer_init(struct kiln_peer *p, int fd, size_t max, size_t chunk)
{
    *p = (struct kiln_peer){ .fd = fd, .chunk = chunk, .in = KILN_STR_MAX(max + chunk) };
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

void kiln_peer_done(struct kiln_peer *p)
{
    kiln_fd_closep(&p->fd);
    while (p->n_in_fds > 0)
        kiln_fd_closep(&p->in_fds[--p->n_in_fds]);
    while (p->n_out_fds > 0)
        kiln_fd_closep(&p->out_fds[--p->n_out_fds].fd);
    kiln_str_done(&p->in);
    kiln_str_done(&p->out);
    p->at = 0;
}

bool kiln_peer_read(struct kiln_peer *p)
{
    void *space;
    ssize_t n;
    int fd;

    kiln_str_remove(&p->in, 0, p->at);
    p->at = 0;
    space = kiln_str_space(&p->in, p->chunk);
    if (!space)
        return false; /* a line over the maximum */
    n = kiln_fd_recv(p->fd, space, p->chunk, &fd);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    kiln_str_commit(&p->in, (size_t)n);
    if (fd >= 0 && p->n_in_fds < KILN_PEER_FDS)
        p->in_fds[p->n_in_fds++] = fd;
    else
        kiln_fd_closep(&fd);
    return n > 0;
}

bool kiln_peer_line(struct kiln_peer *p, const char **ret_line, size_t *ret_len)
{
    const char *start, *nl;

    if (p->at >= p->in.len)
        return false;
    start = p->in.data + p->at;
    nl = memchr(start, '\n', p->in.len - p->at);
    if (!nl)
        return false;
    *ret_line = start;
    *ret_len = (size_t)(nl + 1 - start);
    p->at += *ret_len;
    return true;
}

int kiln_peer_take_fd(struct kiln_peer *p)
{
    int fd;

    if (p->n_in_fds == 0)
        return -1;
    fd = p->in_fds[0];
    memmove(p->in_fds, p->in_fds + 1, --p->n_in_fds * sizeof(*p->in_fds));
    return fd;
}

void kiln_peer_add(struct kiln_peer *p, const char *data, size_t len, int fd)
{
    if (fd >= 0 && p->n_out_fds < KILN_PEER_FDS)
        p->out_fds[p->n_out_fds++] = (struct kiln_peer_fd){ p->sent + p->out.len, fd };
    else
        kiln_fd_closep(&fd);
    kiln_str_add(&p->out, data, len);
}

/* As many bytes as may go in one message: up to the next descriptor's, which begins one. */
static size_t message_length(const struct kiln_peer *p, bool with_fd)
{
    size_t next = with_fd ? 1 : 0;

    if (next >= p->n_out_fds)
        return p->out.len;
    return (size_t)(p->out_fds[next].at - p->sent);
}

bool kiln_peer_flush(struct kiln_peer *p)
{
    while (p->out.len > 0) {
        bool with_fd = p->n_out_fds > 0 && p->out_fds[0].at == p->sent;
        ssize_t n = kiln_fd_send(p->fd, p->out.data, message_length(p, with_fd),
                                 with_fd ? p->out_fds[0].fd : -1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        if (with_fd) {
            kiln_fd_closep(&p->out_fds[0].fd);
            memmove(p->out_fds, p->out_fds + 1, --p->n_out_fds * sizeof(*p->out_fds));
        }
        kiln_str_remove(&p->out, 0, (size_t)n);
        p->sent += (size_t)n;
    }
    return true;
}
