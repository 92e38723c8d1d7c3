#include "run/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "run/rundir.h"

#define DISMISSED 'd'

/* Everything inherited but the pipe goes: a reader of our output must see its end. */
static int keep_only(int fd)
{
    int null = open("/dev/null", O_RDWR);

    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        (void)dup2(null, i);
    fd = dup2(fd, STDERR_FILENO + 1);
    (void)close_range(STDERR_FILENO + 2, ~0u, 0);
    return fd;
}

static void ignore_signals(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void guard(int fd, const char *run)
{
    char c;
    ssize_t n;

    (void)setsid();
    (void)prctl(PR_SET_NAME, "kiln-guard");
    ignore_signals();
    fd = keep_only(fd);
    do
        n = read(fd, &c, 1);
    while (n < 0 && errno == EINTR);
    if (n == 0) /* nobody holds the other end any more */
        kiln_rundir_recover(run);
}

bool kiln_guard_start(struct kiln_guard *g, const char *run, struct kiln_err *err)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return kiln_err_sys(err, errno, "start the guard: pipe");
    g->pid = fork();
    if (g->pid == 0) {
        (void)close(ends[1]);
        guard(ends[0], run);
        _exit(0);
    }
    (void)close(ends[0]);
    if (g->pid < 0) {
        (void)close(ends[1]);
        return kiln_err_sys(err, errno, "start the guard: fork");
    }
    g->fd = ends[1];
    return true;
}

void kiln_guard_dismiss(struct kiln_guard *g)
{
    if (g->fd < 0)
        return;
    (void)!write(g->fd, &(char){ DISMISSED }, 1);
    kiln_fd_closep(&g->fd);
    (void)waitpid(g->pid, NULL, 0);
}
