/* A kiln_channel to a program on this machine: scp and sftp-server without any SSH between. */
#ifndef KILN_TESTS_PIPE_CHANNEL_H
#define KILN_TESTS_PIPE_CHANNEL_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "communicator/channel.h"

struct pipe_channel {
    struct kiln_channel base;
    pid_t pid;
    int fd;     /* stdin and stdout of the program */
    int errors; /* its stderr */
};

static inline bool pipe_write(struct kiln_channel *base, const void *data, size_t len,
                              size_t *ret_n, struct kiln_err *err)
{
    struct pipe_channel *ch = (struct pipe_channel *)base;
    ssize_t n = send(ch->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET)
        return kiln_err_sys(err, errno, "send");
    *ret_n = n > 0 ? (size_t)n : 0;
    return true;
}

static inline bool pipe_take(struct pipe_channel *ch, int fd, bool is_stderr)
{
    char buf[16384];
    ssize_t n = read(fd, buf, sizeof(buf));

    if (n > 0 && ch->base.output)
        ch->base.output(ch->base.ud, is_stderr, buf, (size_t)n);
    return n > 0;
}

/* The streams are at their end: take the rest of the messages and the exit status. */
static inline void pipe_end(struct pipe_channel *ch)
{
    int status = 0;

    while (pipe_take(ch, ch->errors, true))
        ;
    if (waitpid(ch->pid, &status, 0) == ch->pid)
        ch->base.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ch->pid = 0;
    ch->base.closed = true;
}

static inline enum kiln_wait pipe_pump(struct kiln_channel *base, struct kiln_cancel *c,
                                       int64_t deadline, struct kiln_err *err)
{
    struct pipe_channel *ch = (struct pipe_channel *)base;
    struct pollfd fds[] = { { .fd = ch->fd, .events = POLLIN },
                            { .fd = ch->errors, .events = POLLIN } };
    enum kiln_wait got;
    struct pollfd out = { .fd = ch->fd, .events = POLLOUT };

    /* Nobody says whether we wait to write or to read: look at both, as SSH does by its window. */
    if (poll(&out, 1, 0) == 0)
        fds[0].events |= POLLOUT;
    got = kiln_wait_fds(c, fds, 2, deadline, err);
    if (got != KILN_WAIT_READY)
        return got;
    if (fds[1].revents && !pipe_take(ch, ch->errors, true) && !(fds[0].revents & POLLIN)) {
        (void)shutdown(ch->fd, SHUT_WR);
        pipe_end(ch);
    } else if ((fds[0].revents & (POLLIN | POLLHUP)) && !pipe_take(ch, ch->fd, false)) {
        pipe_end(ch);
    }
    return KILN_WAIT_READY;
}

static inline bool pipe_eof(struct kiln_channel *base, struct kiln_err *err)
{
    (void)err;
    (void)shutdown(((struct pipe_channel *)base)->fd, SHUT_WR);
    return true;
}

static inline void pipe_free(struct kiln_channel *base)
{
    struct pipe_channel *ch = (struct pipe_channel *)base;

    (void)close(ch->fd);
    if (ch->pid > 0) {
        (void)kill(ch->pid, SIGKILL);
        (void)waitpid(ch->pid, NULL, 0);
    }
    (void)close(ch->errors);
    free(ch);
}

/* `command` runs in sh. */
static inline struct kiln_channel *pipe_channel_new(const char *command)
{
    static const struct kiln_channel_ops ops = { pipe_write, pipe_pump, pipe_eof, pipe_free, NULL };
    struct pipe_channel *ch = kiln_xcalloc(1, sizeof(*ch));
    int pair[2], errors[2];

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
    assert_return_code(pipe2(errors, O_CLOEXEC), errno);
    *ch = (struct pipe_channel){ .base = { .ops = &ops, .status = -1 },
                                 .fd = pair[0],
                                 .errors = errors[0] };
    ch->pid = fork();
    if (ch->pid == 0) {
        (void)dup2(pair[1], 0);
        (void)dup2(pair[1], 1);
        (void)dup2(errors[1], 2);
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    assert_true(ch->pid > 0);
    (void)close(pair[1]);
    (void)close(errors[1]);
    return &ch->base;
}

#endif
