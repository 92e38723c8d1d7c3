#include "cli/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"

/* The child says on a pipe how its start went: READY, or what was wrong. */
#define READY '\n'

static void say_ready(void *ud)
{
    int *fd = ud;

    (void)!write(*fd, &(char){ READY }, 1);
    kiln_fd_closep(fd);
}

static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    (void)signal(SIGHUP, SIG_IGN);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    if (null > STDERR_FILENO)
        (void)close(null);
}

static void run(const struct kiln_supervise *how, int fd)
{
    struct kiln_supervise detached = *how;
    KILN_AUTO_ERR err = { 0 };
    int code;

    leave_terminal();
    detached.ready = say_ready;
    detached.ready_ud = &fd;
    code = kiln_supervise(&detached, &err);
    if (fd >= 0 && err.msg)
        (void)kiln_fs_write_all(fd, err.msg, strlen(err.msg), NULL);
    _exit(code);
}

static bool hear(int fd, struct kiln_err *err)
{
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_LINE);
    char chunk[1024];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0 && chunk[0] == READY)
            return true;
        if (n > 0)
            kiln_str_add(&text, chunk, (size_t)n);
    }
    return kiln_err_set(err, KILN_ERR_SYSTEM, "%s",
                        text.len ? kiln_str_cstr(&text) : "the run ended before it began");
}

/* Two forks: the run is nobody's child, so that it leaves no zombie while a console goes on. */
bool kiln_detach(const struct kiln_supervise *how, struct kiln_err *err)
{
    int ends[2];
    pid_t pid;
    bool ok;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return kiln_err_sys(err, errno, "start a run: pipe");
    pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        if (fork() == 0)
            run(how, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    if (pid < 0)
        (void)kiln_err_sys(err, errno, "start a run: fork");
    else
        (void)waitpid(pid, NULL, 0);
    ok = pid > 0 && hear(ends[0], err);
    (void)close(ends[0]);
    return ok;
}
