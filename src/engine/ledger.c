#include "engine/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "engine/ledger_entry.h"

/* Lock: lock, over writes to fd and size, so that a write cut short can be taken back. */
struct kiln_ledger {
    pthread_mutex_t lock;
    int fd;
    off_t size;
    bool broken; /* ends in half a line that could not be taken back */
    char *path;  /* for messages */
};

/* Half a line that a crash left must go: ended by the next one it would name another, shorter path.
 */
static bool drop_half_line(struct kiln_ledger *l, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };
    const char *nl;

    if (!kiln_fs_read(l->path, KILN_LEDGER_MAX, &text, err))
        return kiln_err_wrap(err, "ledger");
    nl = text.len ? memrchr(text.data, '\n', text.len) : NULL;
    l->size = nl ? nl + 1 - text.data : 0;
    return (size_t)l->size == text.len || ftruncate(l->fd, l->size) == 0 ||
           kiln_err_sys(err, errno, "ledger %s", l->path);
}

bool kiln_ledger_open(struct kiln_ledger **ret, const char *path, struct kiln_err *err)
{
    struct kiln_ledger *l = kiln_xcalloc(1, sizeof(*l));

    (void)pthread_mutex_init(&l->lock, NULL);
    l->path = kiln_xstrdup(path);
    l->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (l->fd < 0)
        (void)kiln_err_sys(err, errno, "ledger %s", path);
    else if (drop_half_line(l, err)) {
        *ret = l;
        return true;
    }
    kiln_ledger_close(l);
    return false;
}

void kiln_ledger_close(struct kiln_ledger *l)
{
    if (!l)
        return;
    kiln_fd_closep(&l->fd);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
}

/* One line, one write. Half a line (the disk is full) is taken back. */
static bool append(struct kiln_ledger *l, char op, enum kiln_owned kind, const char *value,
                   struct kiln_err *err)
{
    KILN_AUTO_STR line = { 0 };
    ssize_t n;
    int saved;

    kiln_ledger_entry_format(&line, op, kind, value);
    (void)pthread_mutex_lock(&l->lock);
    do
        n = l->broken ? 0 : write(l->fd, line.data, line.len);
    while (n < 0 && errno == EINTR);
    saved = n < 0 ? errno : ENOSPC;
    if (n == (ssize_t)line.len)
        l->size += n;
    else if (n > 0)
        l->broken = ftruncate(l->fd, l->size) < 0;
    (void)pthread_mutex_unlock(&l->lock);
    return n == (ssize_t)line.len || kiln_err_sys(err, saved, "ledger %s", l->path);
}

bool kiln_ledger_add(struct kiln_ledger *l, enum kiln_owned kind, const char *value,
                     struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_path_abs(value);

    return append(l, '+', kind, path, err);
}

/* A drop that cannot be written is harmless: what is gone cannot be cleaned a second time. */
void kiln_ledger_drop(struct kiln_ledger *l, enum kiln_owned kind, const char *value)
{
    KILN_AUTO_FREE char *path = kiln_path_abs(value);

    (void)append(l, '-', kind, path, NULL);
}

void kiln_ledger_keep_outputs(struct kiln_ledger *l)
{
    (void)append(l, '-', KILN_OWNED_OUTPUT, KILN_LEDGER_ALL, NULL);
}

bool kiln_ledger_add_pid(void *ud, pid_t pid, struct kiln_err *err)
{
    KILN_AUTO_FREE char *value =
        kiln_xasprintf("%ld %llu", (long)pid, kiln_process_start_time(pid));

    return append(ud, '+', KILN_OWNED_PROCESS, value, err);
}

void kiln_ledger_drop_pid(struct kiln_ledger *l, pid_t pid)
{
    KILN_AUTO_FREE char *value = kiln_xasprintf("%ld", (long)pid);

    (void)append(l, '-', KILN_OWNED_PROCESS, value, NULL);
}
