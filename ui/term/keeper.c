#include "ui/term/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/mem.h"

#define MAX_RESTORE 1024

/* What both processes see. */
struct shared {
    struct termios settings;
    _Atomic size_t len; /* of restore; 0: nothing to undo */
    char restore[MAX_RESTORE];
};

struct kiln_keeper {
    struct shared *shared;
};

int kiln_tty_reopen(int fd)
{
    char path[64];
    int own;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    own = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0) /* after su, the terminal belongs to somebody else */
        own = open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return own;
}

void kiln_tty_write(int fd, const void *data, size_t len)
{
    const char *at = data;
    int64_t deadline = kiln_cancel_deadline(NULL, KILN_SECOND(1));

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EAGAIN &&
            kiln_wait_fd(NULL, fd, POLLOUT, deadline, NULL) == KILN_WAIT_READY)
            continue;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

/* ---- the keeper ---- */

static void restore(struct shared *s, int tty)
{
    size_t len = atomic_exchange(&s->len, 0);

    if (len == 0)
        return;
    kiln_tty_write(tty, s->restore, len);
    (void)tcflush(tty, TCIFLUSH); /* answers of the terminal that nobody read */
    (void)tcsetattr(tty, TCSANOW, &s->settings);
}

/* End as the console did, so that the shell sees it. */
static void end_like(int status)
{
    sigset_t set;
    int sig;

    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    sig = WTERMSIG(status);
    (void)signal(sig, SIG_DFL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, sig);
    (void)prctl(PR_SET_DUMPABLE, 0); /* one core is enough */
    (void)raise(sig);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + sig);
}

static void look_at(pid_t console, struct shared *s, int tty)
{
    int status;

    while (waitpid(console, &status, WNOHANG | WUNTRACED) == console) {
        restore(s, tty);
        if (!WIFSTOPPED(status))
            end_like(status);
        (void)raise(SIGSTOP); /* the shell takes over until fg */
        (void)kill(console, SIGCONT);
    }
}

static void keep(pid_t console, struct shared *s, int tty, const sigset_t *set)
{
    (void)signal(SIGTTOU, SIG_IGN); /* restore although another job is in the foreground */
    for (;;) {
        siginfo_t info;
        int sig = sigwaitinfo(set, &info);

        if (sig == SIGCHLD)
            look_at(console, s, tty);
        else if (sig > 0)
            (void)kill(console, sig);
    }
}

/* Nothing but the terminal stays open: connections must end with the console. */
static int only_tty(int tty)
{
    int fd = kiln_tty_reopen(tty);

    if (fd > 0)
        (void)close_range(0, (unsigned)fd - 1, 0);
    (void)close_range(fd < 0 ? 0 : (unsigned)fd + 1, ~0u, 0);
    return fd;
}

/* ---- the console ---- */

static void keeper_signals(sigset_t *set)
{
    static const int signals[] = { SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT, SIGWINCH };

    (void)sigemptyset(set);
    for (size_t i = 0; i < KILN_COUNT(signals); i++)
        (void)sigaddset(set, signals[i]);
}

bool kiln_keeper_start(struct kiln_keeper **ret, int tty, struct kiln_err *err)
{
    struct kiln_keeper *k;
    struct shared *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t keeper = getpid(), pid;
    sigset_t set, old;

    if (s == MAP_FAILED)
        return kiln_err_sys(err, errno, "memory for the terminal's keeper");
    memset(s, 0, sizeof(*s));
    if (tcgetattr(tty, &s->settings) < 0) {
        (void)munmap(s, sizeof(*s));
        return kiln_err_set(err, KILN_ERR_USER, "the console needs a terminal");
    }
    keeper_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, &old);
    pid = fork();
    if (pid > 0)
        keep(pid, s, only_tty(tty), &set);
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    if (pid < 0) {
        (void)munmap(s, sizeof(*s));
        return kiln_err_sys(err, errno, "fork of the console");
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != keeper)
        (void)raise(SIGTERM);
    k = kiln_xcalloc(1, sizeof(*k));
    k->shared = s;
    *ret = k;
    return true;
}

void kiln_keeper_free(struct kiln_keeper *k)
{
    if (!k)
        return;
    kiln_keeper_release(k);
    (void)munmap(k->shared, sizeof(*k->shared));
    free(k);
}

void kiln_keeper_hold(struct kiln_keeper *k, const void *bytes, size_t len)
{
    if (!k)
        return;
    atomic_store(&k->shared->len, 0);
    len = len < MAX_RESTORE ? len : MAX_RESTORE;
    memcpy(k->shared->restore, bytes, len);
    atomic_store(&k->shared->len, len);
}

void kiln_keeper_release(struct kiln_keeper *k)
{
    if (k)
        atomic_store(&k->shared->len, 0);
}
