#include "run/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/ledger.h"

#define HALF_MADE_S 3600 /* a new directory older than this will not be finished any more */

/* ---- where ---- */

/* Where the runs of this user are kept; NULL without a home. */
static char *home_runs(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (state && state[0] == '/')
        return kiln_xasprintf("%s/kiln/runs", state);
    if (home && home[0] == '/')
        return kiln_xasprintf("%s/.local/state/kiln/runs", home);
    return NULL;
}

static char *temp_runs(void)
{
    return kiln_xasprintf("%s/kiln-%u/runs", kiln_path_tmp(), (unsigned)geteuid());
}

/* Nobody else may have made it, or be able to write there. */
static bool check_private(const char *path, mode_t forbidden, struct kiln_err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return kiln_err_sys(err, errno, "%s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & forbidden))
        return kiln_err_set(err, KILN_ERR_USER,
                            "%s is not a directory that only you can use; remove it", path);
    return true;
}

static bool make_private(const char *runs, struct kiln_err *err)
{
    KILN_AUTO_FREE char *parent = kiln_path_dir(runs);

    return kiln_fs_mkdirs(runs, 0700, err) && check_private(parent, 022, err) &&
           check_private(runs, 077, err);
}

/* ---- other runs ---- */

/* The lock of a run whose supervisor is dead, or -1. */
static int lock_dead(const char *run)
{
    KILN_AUTO_FREE char *path = kiln_path_join(run, "run.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        kiln_fd_closep(&fd);
    return fd;
}

static void clean(const char *run, const char *ledger, bool keep_output)
{
    KILN_AUTO_FREE char *mark = kiln_xasprintf(KILN_RUN_MARK "=%s", kiln_path_base(run));

    (void)kiln_ledger_clean(ledger, keep_output, mark, NULL);
}

static void clean_ledgers(const char *run)
{
    KILN_AUTO_STRV names = { 0 };

    (void)kiln_fs_list(run, &names, NULL);
    KILN_STRV_FOREACH (name, &names) {
        KILN_AUTO_FREE char *path = kiln_path_join(run, name);

        if (kiln_has_suffix(name, ".ledger"))
            clean(run, path, false);
    }
}

void kiln_rundir_recover(const char *run)
{
    KILN_AUTO_FD lock = lock_dead(run); /* held meanwhile: nobody else cleans the same */

    if (lock >= 0)
        clean_ledgers(run);
}

bool kiln_rundir_is_clean(const char *run)
{
    KILN_AUTO_STRV names = { 0 };

    (void)kiln_fs_list(run, &names, NULL);
    KILN_STRV_FOREACH (name, &names) {
        if (kiln_has_suffix(name, ".ledger"))
            return false;
    }
    return true;
}

void kiln_rundir_clean(const struct kiln_rundir *d, const char *ledger, bool keep_output)
{
    clean(d->path, ledger, keep_output);
}

/* Names of all runs, by age: ids begin with the time. Those with a dot are being made. */
static void list_runs(const char *runs, bool half_made, struct kiln_strv *ret)
{
    KILN_AUTO_STRV names = { 0 };

    (void)kiln_fs_list(runs, &names, NULL);
    KILN_STRV_FOREACH (name, &names) {
        if ((name[0] == '.') == half_made)
            kiln_strv_add(ret, name);
    }
}

static uint64_t log_size(const char *run)
{
    KILN_AUTO_FREE char *path = kiln_path_join(run, KILN_LOG_NAME);
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void remove_dead(const char *run)
{
    KILN_AUTO_FD lock = lock_dead(run);

    if (lock >= 0)
        (void)kiln_fs_remove_tree(run, NULL);
}

/* Remove finished runs beyond the number and the bytes that are kept. Newest first. */
static void prune(const char *runs)
{
    KILN_AUTO_STRV ids = { 0 }, half_made = { 0 };
    uint64_t bytes = 0;
    size_t kept = 0;

    list_runs(runs, false, &ids);
    for (size_t i = ids.n; i > 0; i--) {
        KILN_AUTO_FREE char *run = kiln_path_join(runs, ids.v[i - 1]);

        bytes += log_size(run);
        if (kept < KILN_RUNS_KEPT && (kept == 0 || bytes <= KILN_RUNS_KEPT_BYTES))
            kept++;
        else if (kiln_rundir_is_clean(run)) /* else it owns something that could not be removed */
            remove_dead(run);
    }
    list_runs(runs, true, &half_made);
    KILN_STRV_FOREACH (name, &half_made) {
        KILN_AUTO_FREE char *run = kiln_path_join(runs, name);
        struct stat st;

        if (stat(run, &st) == 0 && st.st_mtime + HALF_MADE_S < time(NULL))
            remove_dead(run);
    }
}

static void look_after_others(const char *runs)
{
    KILN_AUTO_STRV ids = { 0 };

    list_runs(runs, false, &ids);
    KILN_STRV_FOREACH (id, &ids) {
        KILN_AUTO_FREE char *run = kiln_path_join(runs, id);

        kiln_rundir_recover(run);
    }
    prune(runs);
}

/* ---- our own ---- */

/* It gets its name once it is locked: whoever sees it unlocked may take it for a dead run's. */
static bool make_run(struct kiln_rundir *d, const char *runs, const char *id, struct kiln_err *err)
{
    KILN_AUTO_FREE char *new = kiln_xasprintf("%s/.%s", runs, id);
    KILN_AUTO_FREE char *lock = kiln_path_join(new, "run.lock");
    KILN_AUTO_FREE char *events = kiln_path_join(new, KILN_LOG_NAME);

    if (mkdir(new, 0700) < 0)
        return kiln_err_sys(err, errno, "%s", new);
    d->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return kiln_err_sys(err, errno, "%s", lock);
    d->events_fd = open(events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    d->path = kiln_path_join(runs, id);
    return rename(new, d->path) == 0 || kiln_err_sys(err, errno, "%s", d->path);
}

static bool open_below(struct kiln_rundir *d, const char *runs, const char *id,
                       struct kiln_err *err)
{
    if (!make_private(runs, err))
        return false;
    look_after_others(runs);
    if (make_run(d, runs, id, err))
        return true;
    kiln_rundir_close(d);
    return false;
}

bool kiln_rundir_open(struct kiln_rundir *d, const char *id, struct kiln_err *err)
{
    KILN_AUTO_FREE char *home = home_runs(), *temp = temp_runs();
    KILN_AUTO_ERR first = { 0 };

    *d = (struct kiln_rundir){ .lock_fd = -1, .events_fd = -1 };
    if (home && open_below(d, home, id, &first))
        return true;
    /* A service without a home that it can write to: builds need a place for their ledgers only. */
    if (open_below(d, temp, id, err))
        return true;
    if (first.kind != KILN_ERR_NONE) {
        if (err)
            kiln_err_clear(err);
        (void)kiln_err_move(err, &first);
    }
    return kiln_err_wrap(err, "run directory (XDG_STATE_HOME can name another place)");
}

void kiln_rundir_close(struct kiln_rundir *d)
{
    kiln_fd_closep(&d->lock_fd);
    kiln_fd_closep(&d->events_fd);
    free(d->path);
    d->path = NULL;
}

/* Only those that nobody else could have made. */
static void add_runs(const char *runs, struct kiln_strv *ids, struct kiln_strmap *paths)
{
    KILN_AUTO_STRV found = { 0 };

    if (!runs || !check_private(runs, 077, NULL))
        return;
    list_runs(runs, false, &found);
    KILN_STRV_FOREACH (id, &found) {
        KILN_AUTO_FREE char *path = kiln_path_join(runs, id);

        if (!kiln_fs_is_dir(path))
            continue;
        kiln_strv_add(ids, id);
        kiln_strmap_set(paths, id, path);
    }
}

void kiln_rundir_list(struct kiln_strv *ret)
{
    KILN_AUTO_FREE char *home = home_runs(), *temp = temp_runs();
    KILN_AUTO_STRV ids = { 0 };
    KILN_AUTO_STRMAP paths = { 0 };

    add_runs(home, &ids, &paths);
    add_runs(temp, &ids, &paths);
    kiln_strv_sort(&ids);
    KILN_STRV_FOREACH (id, &ids)
        kiln_strv_add(ret, kiln_strmap_get(&paths, id));
}

bool kiln_rundir_is_going(const char *run)
{
    KILN_AUTO_FREE char *path = kiln_path_join(run, "run.lock");
    KILN_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

int kiln_rundir_open_log(const struct kiln_rundir *d)
{
    KILN_AUTO_FREE char *path = kiln_path_join(d->path, KILN_LOG_NAME);

    return d->events_fd < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
}

char *kiln_rundir_ledger(const struct kiln_rundir *d, size_t index)
{
    return kiln_xasprintf("%s/%zu.ledger", d->path, index);
}

char *kiln_rundir_frames(const struct kiln_rundir *d, size_t index)
{
    return kiln_xasprintf("%s/%zu.frames", d->path, index);
}
