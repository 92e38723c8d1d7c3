/* What is left of a process group whose leader is gone. */
#include "engine/ledger_group.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"

#define KILL_GRACE  KILN_SECOND(5) /* for the kernel to take a killed process apart */
#define ROUNDS      100            /* a member may start another one before it is killed */
#define ENVIRON_MAX ((size_t)4 << 20)

static pid_t group_of(pid_t pid)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("/proc/%d/stat", (int)pid);
    KILN_AUTO_STR text = { 0 };
    const char *p;
    char state;
    int parent, group;

    if (!kiln_fs_read(path, 4096, &text, NULL))
        return 0;
    p = strrchr(kiln_str_cstr(&text), ')'); /* the name before it may hold anything */
    return p && sscanf(p, ") %c %d %d", &state, &parent, &group) == 3 && state != 'Z' ? group : 0;
}

static bool has_mark(pid_t pid, const char *mark)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("/proc/%d/environ", (int)pid);
    KILN_AUTO_STR text = { 0 };
    const char *p, *end;

    if (!kiln_fs_read(path, ENVIRON_MAX, &text, NULL))
        return false;
    end = kiln_str_cstr(&text) + text.len;
    for (p = kiln_str_cstr(&text); p < end; p += strlen(p) + 1) {
        if (strcmp(p, mark) == 0)
            return true;
    }
    return false;
}

/* The pidfd is opened before anything is looked at, so that all speak of the same process. */
static bool kill_member(pid_t pid, pid_t group, const char *mark)
{
    KILN_AUTO_FD fd = pidfd_open(pid, 0);

    if (fd < 0 || group_of(pid) != group || !has_mark(pid, mark) ||
        pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0)
        return false;
    (void)kiln_wait_fd(NULL, fd, POLLIN, kiln_cancel_deadline(NULL, KILL_GRACE), NULL);
    return true;
}

static size_t kill_members(pid_t group, const char *mark)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    size_t n = 0;

    if (!dir)
        return 0;
    while ((e = readdir(dir))) {
        long pid = strtol(e->d_name, NULL, 10);

        if (pid > 1 && pid != getpid() && group_of((pid_t)pid) == group)
            n += kill_member((pid_t)pid, group, mark);
    }
    (void)closedir(dir);
    return n;
}

void kiln_ledger_kill_group(pid_t group, const char *mark)
{
    for (int i = 0; i < ROUNDS && kill_members(group, mark) > 0; i++) {
    }
}
