#include "base/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"

/* What the child says before it gives up; nothing at all means that exec went well. */
struct child_report {
    enum child_stage {
        STAGE_SETUP,
        STAGE_CHDIR,
        STAGE_EXEC,
    } stage;
    int os_errno;
};

/* All that the child needs, made before fork: it may not allocate. */
struct plan {
    const struct kiln_spawn *how;
    char *path;           /* owned */
    struct kiln_strv env; /* owned; empty: ours */
    int stdio[3];         /* child's ends, owned; -1: inherit */
    int report[2], go[2]; /* owned pipes; go only with on_pid */
    pid_t parent;
};

void kiln_process_setup(void)
{
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    int fd;

    (void)sigaction(SIGCHLD, &dfl, NULL);
    do
        fd = open("/dev/null", O_RDWR); /* not close-on-exec: stands for what children inherit */
    while (fd >= 0 && fd <= STDERR_FILENO);
    kiln_fd_closep(&fd);
}

static void close_pair(int fds[2])
{
    kiln_fd_closep(&fds[0]);
    kiln_fd_closep(&fds[1]);
}

static void plan_done(struct plan *plan)
{
    free(plan->path);
    kiln_strv_done(&plan->env);
    for (int i = 0; i < 3; i++)
        kiln_fd_closep(&plan->stdio[i]);
    close_pair(plan->report);
    close_pair(plan->go);
}

static bool exec_failed(const char *path, int os_errno, struct kiln_err *err)
{
    char text[128];

    return kiln_err_set(err, KILN_ERR_USER, "fork/exec %s: %s", path,
                        kiln_errno_go(os_errno, text, sizeof(text)));
}

static bool is_program(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return false;
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return false;
    }
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Elements that are not absolute are passed over: what runs shall not depend on the cwd. */
static char *search_path(const char *name)
{
    const char *dirs = getenv("PATH");
    KILN_AUTO_STRV list = { 0 };

    kiln_strv_split(&list, dirs ? dirs : "", ':');
    KILN_STRV_FOREACH (dir, &list) {
        char *path = kiln_path_join(dir, name);

        if (*dir == '/' && is_program(path))
            return path;
        free(path);
    }
    return NULL;
}

char *kiln_process_find(const char *name, struct kiln_err *err)
{
    char *path;

    if (strchr(name, '/')) {
        char text[128];

        if (is_program(name))
            return kiln_xstrdup(name);
        (void)kiln_err_set(err, KILN_ERR_USER, "exec: \"%s\": %s", name,
                           kiln_errno_go(errno, text, sizeof(text)));
        return NULL;
    }
    path = *name ? search_path(name) : NULL;
    if (!path)
        (void)kiln_err_set(err, KILN_ERR_USER, "exec: \"%s\": executable file not found in $PATH",
                           name);
    return path;
}

/* Is the K of "K=V" at `entry` set by one of the `more`? */
static bool overridden(const char *entry, const char *const *more)
{
    size_t n = strcspn(entry, "=") + 1;

    for (; *more; more++) {
        if (strncmp(entry, *more, n) == 0)
            return true;
    }
    return false;
}

static void merge_env(struct kiln_strv *env, const char *const *more)
{
    for (char **e = environ; *e; e++) {
        if (!overridden(*e, more))
            kiln_strv_add(env, *e);
    }
    for (; *more; more++) {
        if (!overridden(*more, more + 1))
            kiln_strv_add(env, *more);
    }
}

/* Away from 0, 1 and 2, which the child overwrites one after the other. */
static int above_stdio(int fd)
{
    int high;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    (void)close(fd);
    return high;
}

static bool make_pipe(int ret_fds[2], struct kiln_err *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return kiln_err_sys(err, errno, "pipe");
    ret_fds[0] = above_stdio(fds[0]);
    ret_fds[1] = above_stdio(fds[1]);
    if (ret_fds[0] < 0 || ret_fds[1] < 0)
        return kiln_err_sys(err, errno, "pipe");
    return true;
}

/* Child's end in *ret_child; for a pipe also ours in *ret_ours. */
static bool open_stdio(enum kiln_stdio what, int *ret_child, int *ret_ours, struct kiln_err *err)
{
    int fds[2] = { -1, -1 };

    switch (what) {
    case KILN_STDIO_INHERIT:
        return true;
    case KILN_STDIO_NULL:
        *ret_child = above_stdio(open("/dev/null", O_RDWR | O_CLOEXEC));
        return *ret_child >= 0 || kiln_err_sys(err, errno, "open /dev/null");
    case KILN_STDIO_PIPE:
        assert(ret_ours); /* stdin has no pipe */
        if (!make_pipe(fds, err)) {
            close_pair(fds);
            return false;
        }
        *ret_ours = fds[0];
        *ret_child = fds[1];
        return true;
    }
    return true;
}

static bool plan_init(struct plan *plan, struct kiln_process *p, const struct kiln_spawn *how,
                      struct kiln_err *err)
{
    const char *name = how->argv[0];

    *plan = (struct plan){
        .how = how,
        .stdio = { -1, -1, -1 },
        .report = { -1, -1 },
        .go = { -1, -1 },
        .parent = getpid(),
    };
    plan->path = strchr(name, '/') ? kiln_xstrdup(name) : kiln_process_find(name, err);
    if (!plan->path)
        return false;
    if (how->env)
        merge_env(&plan->env, how->env);
    return open_stdio(how->in, &plan->stdio[0], NULL, err) &&
           open_stdio(how->out, &plan->stdio[1], &p->out, err) &&
           open_stdio(how->err, &plan->stdio[2], &p->err, err) && make_pipe(plan->report, err) &&
           (!how->on_pid || make_pipe(plan->go, err));
}

/* ---- in the child: async-signal-safe calls only ---- */

static _Noreturn void child_fail(const struct plan *plan, enum child_stage stage)
{
    struct child_report report = { .stage = stage, .os_errno = errno };
    ssize_t n = write(plan->report[1], &report, sizeof(report));

    (void)n;
    _exit(127);
}

/* Signals were blocked across fork, so that no handler of ours ever runs in the child. */
static void child_signals(void)
{
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        (void)sigaction(sig, &dfl, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_wait_go(const struct plan *plan)
{
    char go;
    ssize_t n;

    if (plan->go[0] < 0)
        return;
    (void)close(plan->go[1]); /* else our own write end would keep the pipe from ending */
    do
        n = read(plan->go[0], &go, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(127);
}

static _Noreturn void child_main(const struct plan *plan)
{
    const struct kiln_spawn *how = plan->how;

    child_signals();
    if (!how->same_group && setpgid(0, 0) != 0)
        child_fail(plan, STAGE_SETUP);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        child_fail(plan, STAGE_SETUP);
    if (getppid() != plan->parent) /* it died before the signal was armed */
        _exit(127);
    child_wait_go(plan);
    for (int fd = 0; fd < 3; fd++) {
        if (plan->stdio[fd] >= 0 && dup2(plan->stdio[fd], fd) < 0)
            child_fail(plan, STAGE_SETUP);
    }
    /* Libraries open sockets without O_CLOEXEC. An old kernel may say no: ours all have it. */
    (void)close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    if (how->cwd && chdir(how->cwd) != 0)
        child_fail(plan, STAGE_CHDIR);
    (void)execve(plan->path, (char *const *)how->argv, plan->env.v ? plan->env.v : environ);
    child_fail(plan, STAGE_EXEC);
}

/* ---- in the parent ---- */

static pid_t fork_child(const struct plan *plan)
{
    sigset_t all, old;
    pid_t pid;
    int saved;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    pid = fork();
    if (pid == 0)
        child_main(plan);
    saved = errno;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return pid;
}

static bool let_go(struct plan *plan, pid_t pid, struct kiln_err *err)
{
    const struct kiln_spawn *how = plan->how;
    bool ok;

    if (!how->on_pid)
        return true;
    ok = how->on_pid(how->ud, pid, err) && kiln_fs_write_all(plan->go[1], "", 1, err);
    close_pair(plan->go);
    return ok;
}

/* Blocks until the child has called exec or given up. */
static bool read_report(struct plan *plan, struct kiln_err *err)
{
    struct child_report report;
    ssize_t n;

    kiln_fd_closep(&plan->report[1]);
    do
        n = read(plan->report[0], &report, sizeof(report));
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return true;
    if (n != sizeof(report))
        return kiln_err_sys(err, n < 0 ? errno : EPIPE, "start %s", plan->path);
    switch (report.stage) {
    case STAGE_SETUP:
        return kiln_err_sys(err, report.os_errno, "start %s", plan->path);
    case STAGE_CHDIR:
        return kiln_err_sys(err, report.os_errno, "start %s: chdir %s", plan->path, plan->how->cwd);
    case STAGE_EXEC:
        return exec_failed(plan->path, report.os_errno, err);
    }
    return true;
}

static bool start(struct plan *plan, struct kiln_process *p, struct kiln_err *err)
{
    p->pid = fork_child(plan);
    if (p->pid < 0) {
        p->pid = 0;
        return kiln_err_sys(err, errno, "fork for %s", plan->path);
    }
    p->own_group = !plan->how->same_group;
    p->pidfd = pidfd_open(p->pid, 0);
    if (p->pidfd < 0)
        return kiln_err_sys(err, errno, "pidfd_open for %s", plan->path);
    return let_go(plan, p->pid, err) && read_report(plan, err);
}

/* As it could be typed. */
static void log_command(const char *const *argv)
{
    KILN_AUTO_STR line = { 0 };

    for (size_t i = 0; argv[i]; i++) {
        kiln_str_adds(&line, i ? " " : "");
        kiln_shell_add_quoted(&line, argv[i]);
    }
    kiln_log("Executing %s", kiln_str_cstr(&line));
}

bool kiln_process_spawn(struct kiln_process *p, const struct kiln_spawn *how, struct kiln_err *err)
{
    KILN_CLEANUP(plan_done) struct plan plan;
    KILN_AUTO_PROCESS made = KILN_PROCESS_INIT;

    log_command(how->argv);
    if (!plan_init(&plan, &made, how, err) || !start(&plan, &made, err))
        return false;
    *p = made;
    made = (struct kiln_process)KILN_PROCESS_INIT;
    return true;
}

static void reaped(struct kiln_process *p, int status)
{
    p->pid = 0;
    p->status = status;
    kiln_fd_closep(&p->pidfd);
}

static void reap(struct kiln_process *p)
{
    int status = 0;
    pid_t pid;

    do
        pid = waitpid(p->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    reaped(p, status);
}

bool kiln_process_wait(struct kiln_process *p, struct kiln_cancel *c, int64_t deadline,
                       struct kiln_err *err)
{
    if (p->pid == 0)
        return true;
    if (kiln_wait_fd(c, p->pidfd, POLLIN, deadline, err) != KILN_WAIT_READY)
        return false;
    reap(p);
    return true;
}

bool kiln_process_ended(struct kiln_process *p)
{
    int status = 0;

    if (p->pid == 0)
        return true;
    if (waitpid(p->pid, &status, WNOHANG) == 0)
        return false;
    reaped(p, status);
    return true;
}

/* Not yet reaped, so neither the pid nor the group can belong to somebody else. A child that has
 * not come to its setpgid yet has no group. */
static void send_signal(const struct kiln_process *p, int sig)
{
    if (!p->own_group || kill(-p->pid, sig) != 0)
        (void)kill(p->pid, sig);
}

void kiln_process_stop(struct kiln_process *p, int64_t grace_us)
{
    if (p->pid == 0)
        return;
    send_signal(p, SIGTERM);
    (void)kiln_wait_fd(NULL, p->pidfd, POLLIN, kiln_cancel_deadline(NULL, grace_us), NULL);
    send_signal(p, SIGKILL); /* also for what is left of the group of one that did end */
    reap(p);
}

void kiln_process_done(struct kiln_process *p)
{
    if (p->pid != 0) {
        send_signal(p, SIGKILL);
        reap(p);
    }
    kiln_fd_closep(&p->out);
    kiln_fd_closep(&p->err);
}

int kiln_process_exit_code(const struct kiln_process *p)
{
    return WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status) : WEXITSTATUS(p->status);
}

#define PIPE_ROUNDS 64 /* reads that empty the largest pipe an ordinary user can have (1 MiB) */

/* One stream of kiln_process_capture. */
struct capture {
    int *fd;              /* nonblocking; closed and -1 at its end */
    struct kiln_str *out; /* NULL: nobody wants it */
    size_t kept;
};

/* One read; false when nothing is there now. */
static bool take(struct capture *s)
{
    char buf[16 << 10];
    size_t keep;
    ssize_t n;

    if (*s->fd < 0)
        return false;
    n = read(*s->fd, buf, sizeof(buf));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return errno == EINTR;
    if (n <= 0) {
        kiln_fd_closep(s->fd);
        return false;
    }
    keep = (size_t)n < KILN_MAX_CAPTURE - s->kept ? (size_t)n : KILN_MAX_CAPTURE - s->kept;
    if (s->out)
        kiln_str_add(s->out, buf, keep);
    s->kept += keep;
    return true;
}

/* What a program that has ended left in its pipe. Bounded: somebody else may still be writing. */
static void take_rest(struct capture *s)
{
    for (size_t i = 0; i < PIPE_ROUNDS && take(s); i++)
        ;
}

/* Until the program itself has ended: something it left behind may hold the pipes open for ever. */
static bool capture_all(struct kiln_process *p, struct capture s[2], struct kiln_cancel *c,
                        int64_t deadline, struct kiln_err *err)
{
    struct pollfd fds[3];

    do {
        fds[0] = (struct pollfd){ .fd = p->pidfd, .events = POLLIN };
        fds[1] = (struct pollfd){ .fd = *s[0].fd, .events = POLLIN };
        fds[2] = (struct pollfd){ .fd = *s[1].fd, .events = POLLIN };
        if (kiln_wait_fds(c, fds, KILN_COUNT(fds), deadline, err) != KILN_WAIT_READY)
            return false;
        (void)take(&s[0]);
        (void)take(&s[1]);
    } while (!fds[0].revents);
    take_rest(&s[0]);
    take_rest(&s[1]);
    reap(p);
    return true;
}

bool kiln_process_capture(const struct kiln_spawn *how, struct kiln_cancel *c, int64_t deadline,
                          struct kiln_str *out, struct kiln_str *errs, int *ret_exit_code,
                          struct kiln_err *err)
{
    KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
    struct kiln_spawn piped = *how;
    struct capture streams[2] = { { .fd = &p.out, .out = out }, { .fd = &p.err, .out = errs } };

    piped.out = piped.err = KILN_STDIO_PIPE;
    if (!kiln_process_spawn(&p, &piped, err))
        return false;
    if (fcntl(p.out, F_SETFL, O_NONBLOCK) != 0 || fcntl(p.err, F_SETFL, O_NONBLOCK) != 0)
        return kiln_err_sys(err, errno, "run %s", how->argv[0]);
    if (!capture_all(&p, streams, c, deadline, err))
        return kiln_err_wrap(err, "run %s", how->argv[0]);
    *ret_exit_code = kiln_process_exit_code(&p);
    return true;
}

unsigned long long kiln_process_start_time(pid_t pid)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("/proc/%d/stat", (int)pid);
    KILN_AUTO_STR text = { 0 };
    unsigned long long start_time = 0;
    const char *p;

    if (!kiln_fs_read(path, 4096, &text, NULL))
        return 0;
    p = strrchr(kiln_str_cstr(&text), ')'); /* the name before it may hold anything */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    if (p)
        start_time = strtoull(p, NULL, 10);
    return start_time;
}
