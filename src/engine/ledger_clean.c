#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/process.h"
#include "engine/ledger.h"
#include "engine/ledger_entry.h"
#include "engine/ledger_group.h"

#define KILL_GRACE     KILN_SECOND(5) /* for the kernel to take a killed process apart */
#define OUTPUT_SLACK_S 10             /* from the ledger's last entry to the making of an output */

struct entries {
    struct kiln_ledger_entry *v; /* owned; what is still there, in order */
    size_t n, cap;
};

static void entries_done(struct entries *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->v[i].value);
    free(e->v);
}

static bool same_thing(const struct kiln_ledger_entry *added, const struct kiln_ledger_entry *drop)
{
    struct kiln_ledger_process a, d;

    if (added->kind != drop->kind)
        return false;
    if (strcmp(drop->value, KILN_LEDGER_ALL) == 0)
        return true;
    if (added->kind != KILN_OWNED_PROCESS)
        return strcmp(added->value, drop->value) == 0;
    return kiln_ledger_process_parse(added->value, &a) &&
           kiln_ledger_process_parse(drop->value, &d) && a.pid == d.pid;
}

static void entries_apply(struct entries *e, struct kiln_ledger_entry *entry)
{
    if (entry->op == '+') {
        if (e->n == e->cap) {
            e->cap = e->cap ? e->cap * 2 : 16;
            e->v = kiln_xrealloc(e->v, e->cap, sizeof(*e->v));
        }
        e->v[e->n++] = *entry;
        return;
    }
    for (size_t i = e->n; i-- > 0;) {
        if (!same_thing(&e->v[i], entry))
            continue;
        free(e->v[i].value);
        memmove(e->v + i, e->v + i + 1, (e->n - i - 1) * sizeof(*e->v));
        e->n--;
        if (strcmp(entry->value, KILN_LEDGER_ALL) != 0)
            break;
    }
    free(entry->value);
}

/* Only complete lines: the last one may be half of "/var/tmp/x". */
static void entries_read(struct entries *e, const struct kiln_str *text)
{
    const char *p = kiln_str_cstr(text), *end = p + text->len, *nl;

    for (; (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
        struct kiln_ledger_entry entry;

        if (kiln_ledger_entry_parse(p, (size_t)(nl - p), &entry))
            entries_apply(e, &entry);
    }
}

/* The pidfd is opened before the start time is looked at, so both speak of the same process; the
 * group's number cannot go to another group while its leader is there. */
static bool clean_process(const char *value, const char *mark, struct kiln_err *err)
{
    struct kiln_ledger_process p;
    KILN_AUTO_FD fd = -1;
    enum kiln_wait got;

    if (!kiln_ledger_process_parse(value, &p) || p.start == 0 || p.pid == getpid())
        return true;
    fd = pidfd_open(p.pid, 0);
    if (fd < 0 || kiln_process_start_time(p.pid) != p.start) {
        if (mark && p.pid != getpgrp()) /* it may have left children behind */
            kiln_ledger_kill_group(p.pid, mark);
        return true;
    }
    if (p.pid != getpgrp())
        (void)kill(-p.pid, SIGKILL);
    if (pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        return kiln_err_sys(err, errno, "kill process %ld", (long)p.pid);
    got = kiln_wait_fd(NULL, fd, POLLIN, kiln_cancel_deadline(NULL, KILL_GRACE), err);
    return got == KILN_WAIT_READY || kiln_err_wrap(err, "process %ld was killed", (long)p.pid);
}

static bool clean_path(const char *path, struct kiln_err *err)
{
    /* kiln_ledger_add makes every path absolute; anything else is not from us. */
    if (path[0] != '/' || path[1] == '\0')
        return true;
    return kiln_fs_remove_tree(path, err);
}

static bool clean_file(const char *path, struct kiln_err *err)
{
    if (path[0] != '/' || unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return true;
    return kiln_err_sys(err, errno, "remove %s", path);
}

/* Who holds it removes it, and may wait for it only since the dead one let go. */
static bool clean_lock(const char *path, struct kiln_err *err)
{
    KILN_AUTO_FD fd = -1;

    if (path[0] != '/' || !kiln_fs_exists(path))
        return true;
    switch (kiln_lock_try(path, &fd, err)) {
    case KILN_LOCK_TAKEN:
        return clean_file(path, err);
    case KILN_LOCK_BUSY:
        return true;
    case KILN_LOCK_ERROR:
        break;
    }
    return false;
}

/* When the file or directory was made, in seconds; 0 if the file system does not tell. */
static int64_t born(const char *path)
{
    struct statx st;

    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) < 0 ||
        !(st.stx_mask & STATX_BTIME))
        return 0;
    return st.stx_btime.tv_sec;
}

/* A directory with that name may be somebody else's by now: ours was made while the ledger was
 * written, and whatever came after that is left alone. */
static bool clean_output(const char *path, int64_t last_entry_s, struct kiln_err *err)
{
    return born(path) > last_entry_s + OUTPUT_SLACK_S || clean_path(path, err);
}

static bool clean_entry(const struct kiln_ledger_entry *e, bool keep_output, const char *mark,
                        int64_t last_entry_s, struct kiln_err *err)
{
    switch (e->kind) {
    case KILN_OWNED_PROCESS:
        return clean_process(e->value, mark, err);
    case KILN_OWNED_FILE:
        return clean_file(e->value, err);
    case KILN_OWNED_TREE:
        return clean_path(e->value, err);
    case KILN_OWNED_LOCK:
        return clean_lock(e->value, err);
    case KILN_OWNED_OUTPUT:
        return keep_output || clean_output(e->value, last_entry_s, err);
    }
    return true;
}

bool kiln_ledger_clean(const char *path, bool keep_output, const char *mark, struct kiln_err *err)
{
    KILN_CLEANUP(entries_done) struct entries live = { 0 };
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR first = { 0 };
    struct stat st = { 0 };

    if (stat(path, &st) < 0 && errno == ENOENT)
        return true;
    if (!kiln_fs_read(path, KILN_LEDGER_MAX, &text, err))
        return kiln_err_wrap(err, "ledger");
    entries_read(&live, &text);
    for (size_t i = live.n; i-- > 0;) {
        KILN_AUTO_ERR one = { 0 };

        if (!clean_entry(&live.v[i], keep_output, mark, st.st_mtime, &one) &&
            first.kind == KILN_ERR_NONE)
            (void)kiln_err_move(&first, &one);
    }
    if (first.kind != KILN_ERR_NONE)
        return kiln_err_move(err, &first);
    if (unlink(path) < 0 && errno != ENOENT)
        return kiln_err_sys(err, errno, "remove %s", path);
    return true;
}
