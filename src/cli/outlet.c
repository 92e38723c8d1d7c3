#include "cli/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define HURRY_MS 1000

void kiln_outlet_init(struct kiln_outlet *o, bool patient)
{
    struct stat st;
    int fd = -1;

    *o = (struct kiln_outlet){ .fd = STDOUT_FILENO, .patient = patient };
    if (fstat(STDOUT_FILENO, &st) < 0 || patient)
        return;
    /* Opened anew, as O_NONBLOCK on the one that we were given is everybody's who has it. */
    if (S_ISFIFO(st.st_mode) || isatty(STDOUT_FILENO))
        fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    o->whole = fd >= 0 || S_ISREG(st.st_mode);
    if (fd >= 0)
        o->fd = fd;
}

static bool is_writable(const struct kiln_outlet *o, int timeout_ms)
{
    struct pollfd p = { .fd = o->fd, .events = POLLOUT };

    return poll(&p, 1, timeout_ms) > 0;
}

void kiln_outlet_flush(struct kiln_outlet *o)
{
    size_t done = 0;

    while (done < o->waits.len && is_writable(o, 0)) {
        size_t len = o->waits.len - done;
        ssize_t n;

        if (!o->whole && len > PIPE_BUF)
            len = PIPE_BUF; /* there is room for that */
        n = write(o->fd, o->waits.data + done, len);
        if (n > 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            done = o->waits.len; /* nobody reads it any more, or the disk is full */
    }
    kiln_str_remove(&o->waits, 0, done);
}

void kiln_outlet_write(struct kiln_outlet *o, const void *data, size_t len)
{
    if (!o || o->patient) {
        (void)kiln_fs_write_all(STDOUT_FILENO, data, len, NULL);
        return;
    }
    kiln_str_add(&o->waits, data, len);
    kiln_outlet_flush(o);
}

void kiln_outlet_done(struct kiln_outlet *o, bool hurry)
{
    sigset_t set;

    kiln_outlet_flush(o);
    if (o->waits.len > 0) {
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGHUP);
        (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
    while (o->waits.len > 0 && is_writable(o, hurry ? HURRY_MS : -1))
        kiln_outlet_flush(o);
    if (o->fd != STDOUT_FILENO)
        kiln_fd_closep(&o->fd);
    kiln_str_done(&o->waits);
}
