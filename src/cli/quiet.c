#include "cli/quiet.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

#define DISMISSED 'd'

static bool in_foreground(int tty)
{
    return tcgetpgrp(tty) == getpgrp();
}

/* ---- the restorer ---- */

/* Nothing but these two stays open: others must see the end of what we would hold. */
static void keep_only(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

    if (low > 0)
        (void)close_range(0, low - 1, 0);
    if (high > low + 1)
        (void)close_range(low + 1, high - 1, 0);
    (void)close_range(high + 1, ~0u, 0);
}

/* In a session of its own, so that neither ctrl-c nor the shell's job control concerns it. */
static void restore_at_end(int rope, int tty, const struct termios *was)
{
    sigset_t all;
    char c;
    ssize_t n;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)setsid();
    keep_only(rope, tty);
    do
        n = read(rope, &c, 1);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        (void)tcsetattr(tty, TCSANOW, was);
    _exit(0);
}

/* Without one, only SIGKILL leaves the terminal quiet. */
static void start_restorer(struct kiln_quiet *q)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    q->restorer = fork();
    if (q->restorer == 0) {
        (void)close(ends[1]);
        restore_at_end(ends[0], q->tty, &q->was);
    }
    (void)close(ends[0]);
    q->rope = ends[1];
}

static void dismiss_restorer(struct kiln_quiet *q)
{
    if (q->rope >= 0)
        (void)!write(q->rope, &(char){ DISMISSED }, 1);
    kiln_fd_closep(&q->rope);
    if (q->restorer > 0)
        (void)waitpid(q->restorer, NULL, 0);
    q->restorer = 0;
}

/* ---- echo ---- */

static void hide(struct kiln_quiet *q)
{
    struct termios quiet = q->was;

    if (!in_foreground(q->tty))
        return;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    quiet.c_lflag |= ECHONL; /* the end of the line */
    start_restorer(q);
    q->on = true;
    (void)tcsetattr(q->tty, TCSAFLUSH, &quiet);
}

/* In the background it is the shell's, which has its own idea of it. */
static void show(struct kiln_quiet *q)
{
    if (q->on && in_foreground(q->tty))
        (void)tcsetattr(q->tty, TCSANOW, &q->was);
    q->on = false;
    dismiss_restorer(q);
}

/* ---- signals ---- */

static bool is_ignored(int sig)
{
    struct sigaction now;

    return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void watch(struct kiln_quiet *q, int fd)
{
    (void)epoll_ctl(q->fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN });
}

static void open_fds(struct kiln_quiet *q)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCONT);
    if (!is_ignored(SIGTSTP))
        (void)sigaddset(&set, SIGTSTP);
    (void)sigprocmask(SIG_BLOCK, &set, &q->mask);
    q->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    q->fd = epoll_create1(EPOLL_CLOEXEC);
    watch(q, q->tty);
    watch(q, q->signals);
}

void kiln_quiet_begin(struct kiln_quiet *q, int tty)
{
    if (tcgetattr(tty, &q->was) < 0)
        return;
    q->tty = tty;
    open_fds(q);
    hide(q);
}

void kiln_quiet_end(struct kiln_quiet *q)
{
    if (q->tty < 0)
        return;
    show(q);
    kiln_fd_closep(&q->signals);
    kiln_fd_closep(&q->fd);
    q->tty = -1;
    (void)sigprocmask(SIG_SETMASK, &q->mask, NULL);
}

bool kiln_quiet_signals(struct kiln_quiet *q)
{
    struct signalfd_siginfo si;
    bool again = false;

    while (q->tty >= 0 && read(q->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        show(q);
        if (si.ssi_signo == SIGTSTP) {
            (void)raise(SIGSTOP); /* SIGCONT comes next */
            continue;
        }
        hide(q);
        again = q->on;
    }
    return again;
}
