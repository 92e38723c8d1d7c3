#include "run/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/ledger.h"

/* Where the runs of this user are kept. Without a home, a directory of our own under /tmp. */
static char *runs_dir(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (state && state[0] == '/')
        return kiln_xasprintf("%s/kiln/runs", state);
    if (home && home[0] == '/')
        return kiln_xasprintf("%s/.local/state/kiln/runs", home);
    return kiln_xasprintf("%s/kiln-%u/runs", kiln_path_tmp(), (unsigned)geteuid());
}

/* Nobody else may have made it, or be able to write there. */
static bool check_private(const char *path, struct kiln_err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return kiln_err_sys(err, errno, "%s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return kiln_err_set(err, KILN_ERR_USER,
                            "%s is not a directory that only you can use; remove it", path);
    return true;
}

/* A run is dead if its lock can be had. */
static bool is_dead(const char *run)
{
    KILN_AUTO_FREE char *path = kiln_path_join(run, "run.lock");
    KILN_AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);

    return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void clean_ledgers(const char *run)
{
    DIR *dir = opendir(run);
    struct dirent *e;

    if (!dir)
        return;
    while ((e = readdir(dir))) {
        KILN_AUTO_FREE char *path = kiln_path_join(run, e->d_name);

        if (kiln_has_suffix(e->d_name, ".ledger"))
            (void)kiln_ledger_clean(path, false, NULL); /* best effort; tried again next time */
    }
    (void)closedir(dir);
}

static void list_runs(const char *runs, struct kiln_strv *ret)
{
    DIR *dir = opendir(runs);
    struct dirent *e;

    if (!dir)
        return;
    while ((e = readdir(dir))) {
        if (e->d_name[0] != '.')
            kiln_strv_add(ret, e->d_name);
    }
    (void)closedir(dir);
    kiln_strv_sort(ret); /* ids begin with the time, so this is their age */
}

void kiln_rundir_recover(const char *runs)
{
    KILN_AUTO_STRV ids = { 0 };

    list_runs(runs, &ids);
    for (size_t i = 0; i < ids.n; i++) {
        KILN_AUTO_FREE char *run = kiln_path_join(runs, ids.v[i]);

        if (is_dead(run))
            clean_ledgers(run);
    }
}

static uint64_t log_size(const char *run)
{
    KILN_AUTO_FREE char *path = kiln_path_join(run, "events.jsonl");
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Remove finished runs beyond the number and the bytes that are kept. Newest first. */
static void prune(const char *runs)
{
    KILN_AUTO_STRV ids = { 0 };
    uint64_t bytes = 0;
    size_t kept = 0;

    list_runs(runs, &ids);
    for (size_t i = ids.n; i > 0; i--) {
        KILN_AUTO_FREE char *run = kiln_path_join(runs, ids.v[i - 1]);

        bytes += log_size(run);
        if (kept < KILN_RUNS_KEPT && (kept == 0 || bytes <= KILN_RUNS_KEPT_BYTES))
            kept++;
        else if (is_dead(run))
            (void)kiln_fs_remove_tree(run, NULL);
    }
}

bool kiln_rundir_open(struct kiln_rundir *d, const char *id, struct kiln_err *err)
{
    KILN_AUTO_FREE char *runs = runs_dir();
    KILN_AUTO_FREE char *lock = NULL, *events = NULL;

    *d = (struct kiln_rundir){ .lock_fd = -1, .events_fd = -1 };
    if (!kiln_fs_mkdirs(runs, 0700, err) || !check_private(runs, err))
        return kiln_err_wrap(err, "run directory");
    kiln_rundir_recover(runs);
    prune(runs);
    d->path = kiln_path_join(runs, id);
    if (mkdir(d->path, 0700) < 0)
        return kiln_err_sys(err, errno, "run directory: %s", d->path);
    lock = kiln_path_join(d->path, "run.lock");
    d->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return kiln_err_sys(err, errno, "run directory: %s", lock);
    events = kiln_path_join(d->path, "events.jsonl");
    d->events_fd = open(events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return true;
}

void kiln_rundir_close(struct kiln_rundir *d)
{
    kiln_fd_closep(&d->lock_fd);
    kiln_fd_closep(&d->events_fd);
    free(d->path);
    d->path = NULL;
}

char *kiln_rundir_ledger(const struct kiln_rundir *d, size_t index)
{
    return kiln_xasprintf("%s/%zu.ledger", d->path, index);
}
