#include "engine/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "engine/ledger_entry.h"

#define MAX_SOCKET_DIR 90 /* bytes; "/qmp.sock" comes behind it */

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

/* Enter a new name and make the thing; *ret_fd: a file's, 0 for a directory. *ret_again: the name
 * was somebody else's. */
static bool make_entered(struct kiln_ledger *l, enum kiln_owned kind, const char *path, int *ret_fd,
                         bool *ret_again, struct kiln_err *err)
{
    int fd, saved;

    *ret_again = false;
    if (!kiln_ledger_add(l, kind, path, err))
        return false;
    fd = kind == KILN_OWNED_TREE ? mkdir(path, 0700)
                                 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    saved = errno;
    if (fd >= 0) {
        *ret_fd = fd;
        return true;
    }
    kiln_ledger_drop(l, kind, path);
    *ret_again = saved == EEXIST;
    return kiln_err_sys(err, saved, "create temporary %s %s",
                        kind == KILN_OWNED_TREE ? "directory" : "file", path);
}

/* Sockets are made in directories, and QEMU cannot have one whose path has more than 107 bytes. */
static char *temp_path(enum kiln_owned kind, const char *prefix, const char *suffix)
{
    char *path = kiln_path_temp(prefix, suffix), *shorter;

    if (kind != KILN_OWNED_TREE || strlen(path) <= MAX_SOCKET_DIR)
        return path;
    shorter = kiln_path_join("/tmp", kiln_path_base(path));
    free(path);
    return shorter;
}

static bool make_temp(struct kiln_ledger *l, enum kiln_owned kind, const char *prefix,
                      const char *suffix, char **ret_path, int *ret_fd, struct kiln_err *err)
{
    bool again = true;

    while (again) {
        KILN_AUTO_FREE char *path = temp_path(kind, prefix, suffix);
        KILN_AUTO_ERR why = { 0 };

        if (make_entered(l, kind, path, ret_fd, &again, &why)) {
            *ret_path = path;
            path = NULL; /* handed over */
            return true;
        }
        if (!again)
            return kiln_err_move(err, &why);
    }
    return false;
}

int kiln_ledger_temp_file(struct kiln_ledger *l, const char *prefix, const char *suffix,
                          char **ret_path, struct kiln_err *err)
{
    int fd = -1;

    return make_temp(l, KILN_OWNED_FILE, prefix, suffix, ret_path, &fd, err) ? fd : -1;
}

bool kiln_ledger_temp_dir(struct kiln_ledger *l, const char *prefix, char **ret_path,
                          struct kiln_err *err)
{
    int none;

    return make_temp(l, KILN_OWNED_TREE, prefix, "", ret_path, &none, err);
}

void kiln_ledger_remove(struct kiln_ledger *l, enum kiln_owned kind, char *path)
{
    if (!path)
        return;
    (void)kiln_fs_remove_tree(path, NULL); /* a file too */
    kiln_ledger_drop(l, kind, path);
    free(path);
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
