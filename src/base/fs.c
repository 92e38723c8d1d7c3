#include "base/fs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"

#define READ_CHUNK ((size_t)64 << 10)
#define COPY_CHUNK ((size_t)1 << 20)
#define COPY_PIECE ((off_t)64 << 20) /* at one time, so that people see it go on and can end it */

void kiln_fd_closep(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

bool kiln_fd_close_written(int *fd, const char *path, struct kiln_err *err)
{
    int rc = close(*fd);

    *fd = -1;
    return rc == 0 || errno == EINTR || kiln_err_sys(err, errno, "write %s", path);
}

static void closedirp(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

int kiln_fs_open_regular(const char *path, struct stat *ret_stat, struct kiln_err *err)
{
    /* O_NONBLOCK: a FIFO must not hang the open before it is refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, ret_stat) != 0)
        (void)kiln_err_sys(err, errno, "open %s", path);
    else if (S_ISREG(ret_stat->st_mode))
        return fd;
    else
        (void)kiln_err_set(err, KILN_ERR_USER, "open %s: not a regular file", path);
    kiln_fd_closep(&fd);
    return -1;
}

ssize_t kiln_fs_read_some(int fd, void *buf, size_t len)
{
    ssize_t n;

    do
        n = read(fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* How much to read at a time: the whole file and one byte, which finds the end without another
 * round. /proc and pipes do not tell. */
static size_t read_size(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        return (size_t)st.st_size + 1;
    return READ_CHUNK;
}

static bool read_fd(int fd, const char *path, size_t max, struct kiln_str *out,
                    struct kiln_err *err)
{
    size_t chunk = read_size(fd), total = 0;

    for (;;) {
        size_t len = chunk < max - total ? chunk : max - total + 1;
        void *space = kiln_str_space(out, len);
        ssize_t n;

        if (!space)
            return kiln_str_ok(out, path, err);
        n = kiln_fs_read_some(fd, space, len);
        if (n < 0)
            return kiln_err_sys(err, errno, "read %s", path);
        if (n == 0)
            return true;
        kiln_str_commit(out, (size_t)n);
        total += (size_t)n;
        if (total > max)
            return kiln_err_set(err, KILN_ERR_USER, "read %s: larger than the limit of %zu bytes",
                                path, max);
        chunk = (size_t)n < len ? len - (size_t)n : READ_CHUNK;
    }
}

bool kiln_fs_read(const char *path, size_t max, struct kiln_str *out, struct kiln_err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    KILN_AUTO_FD opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    size_t start = out->len;

    if (!is_stdin && opened < 0)
        return kiln_err_sys(err, errno, "open %s", path);
    if (read_fd(is_stdin ? STDIN_FILENO : opened, is_stdin ? "standard input" : path, max, out,
                err))
        return true;
    kiln_str_truncate(out, start);
    return false;
}

/* Whoever gave us a pipe may have made it non-blocking (Node.js does): full is no error then. */
static bool wait_writable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    return poll(&p, 1, -1) > 0 || errno == EINTR;
}

bool kiln_fs_write_all(int fd, const void *data, size_t len, struct kiln_err *err)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && wait_writable(fd))
            continue;
        if (n < 0)
            return kiln_err_sys(err, errno, "write");
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* A new file beside path; its name in *ret_temp (caller frees). */
static int open_neighbour(const char *path, mode_t mode, char **ret_temp)
{
    uint64_t nonce;

    kiln_random_bytes(&nonce, sizeof(nonce));
    *ret_temp = kiln_xasprintf("%s.%016llx", path, (unsigned long long)nonce);
    return open(*ret_temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}

/* Write a neighbour, and give it its name when it is whole.
 * @like     whose mode and owner it gets; NULL: `mode`, and ours
 * @publish  rename, which replaces, or link, which does not */
static bool write_published(const char *path, const void *data, size_t len, mode_t mode,
                            const char *like, int (*publish)(const char *from, const char *to),
                            struct kiln_err *err)
{
    KILN_AUTO_FREE char *temp = NULL;
    KILN_AUTO_FD fd = open_neighbour(path, mode, &temp);
    bool ok;

    if (fd < 0)
        return kiln_err_sys(err, errno, "create %s", path);
    if ((like && !kiln_fs_copy_owner(like, fd, err)) || !kiln_fs_write_all(fd, data, len, err)) {
        (void)unlink(temp);
        return kiln_err_wrap(err, "%s", path);
    }
    /* Without the sync a power cut may leave the new name on an empty file. */
    ok = fdatasync(fd) == 0 && publish(temp, path) == 0;
    if (!ok)
        (void)kiln_err_sys(err, errno, "write %s", path);
    (void)unlink(temp); /* after a rename there is none */
    return ok;
}

bool kiln_fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
                          struct kiln_err *err)
{
    return write_published(path, data, len, mode, NULL, rename, err);
}

bool kiln_fs_write_new(const char *path, const void *data, size_t len, mode_t mode,
                       struct kiln_err *err)
{
    return write_published(path, data, len, mode, NULL, link, err);
}

bool kiln_fs_replace(const char *path, const void *data, size_t len, struct kiln_err *err)
{
    return write_published(path, data, len, 0600, path, rename, err);
}

bool kiln_fs_copy_owner(const char *path, int fd, struct kiln_err *err)
{
    struct stat want, have;

    if (stat(path, &want) != 0 || fstat(fd, &have) != 0)
        return kiln_err_sys(err, errno, "stat %s", path);
    if ((have.st_uid != want.st_uid || have.st_gid != want.st_gid) &&
        fchown(fd, want.st_uid, want.st_gid) != 0)
        return kiln_err_sys(err, errno, "keep the owner of %s (user %u, group %u)", path,
                            (unsigned)want.st_uid, (unsigned)want.st_gid);
    if (fchmod(fd, want.st_mode & 07777) != 0) /* last: chown takes set-user-ID away */
        return kiln_err_sys(err, errno, "keep the mode of %s", path);
    return true;
}

bool kiln_fs_mkdirs(const char *path, mode_t mode, struct kiln_err *err)
{
    KILN_AUTO_FREE char *part = kiln_xstrdup(path);

    for (char *p = part + 1; *part; p++) {
        char end = *p;

        if (end != '/' && end != '\0')
            continue;
        *p = '\0';
        if (mkdir(part, mode) != 0) {
            int why = errno == EEXIST ? ENOTDIR : errno;

            /* A read-only or foreign parent says EROFS or EACCES even when it is there. */
            if (!kiln_fs_is_dir(part))
                return kiln_err_sys(err, why, "create directory %s", part);
        }
        *p = end;
        if (end == '\0')
            break;
    }
    return true;
}

#define TREE_DEPTH_MAX 512 /* one open fd for each level */

static bool remove_at(int dirfd, const char *name, const char *path, int depth,
                      struct kiln_err *err);

static bool remove_entries(int dirfd, const char *path, int depth, struct kiln_err *err)
{
    KILN_CLEANUP(closedirp) DIR *dir = fdopendir(dirfd);
    struct dirent *e;

    if (!dir) {
        (void)kiln_err_sys(err, errno, "remove %s", path);
        (void)close(dirfd);
        return false;
    }
    while ((errno = 0, e = readdir(dir))) {
        KILN_AUTO_FREE char *child = NULL;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        child = kiln_path_join(path, e->d_name);
        if (!remove_at(dirfd, e->d_name, child, depth + 1, err))
            return false;
    }
    return errno == 0 || kiln_err_sys(err, errno, "read directory %s", path);
}

static bool remove_at(int dirfd, const char *name, const char *path, int depth,
                      struct kiln_err *err)
{
    int fd;

    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR)
        return kiln_err_sys(err, errno, "remove %s", path);
    if (depth > TREE_DEPTH_MAX)
        return kiln_err_set(err, KILN_ERR_USER, "remove %s: more than %d levels deep", path,
                            TREE_DEPTH_MAX);
    fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return kiln_err_sys(err, errno, "remove %s", path);
    if (!remove_entries(fd, path, depth, err))
        return false;
    if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return kiln_err_sys(err, errno, "remove %s", path);
    return true;
}

bool kiln_fs_remove_tree(const char *path, struct kiln_err *err)
{
    return remove_at(AT_FDCWD, path, path, 0, err);
}

#define MAX_LINKS 40 /* the kernel's own number */

char *kiln_fs_follow(const char *path)
{
    char *at = kiln_xstrdup(path), to[PATH_MAX];
    ssize_t n;

    for (int i = 0; i < MAX_LINKS && (n = readlink(at, to, sizeof(to) - 1)) >= 0; i++) {
        KILN_AUTO_FREE char *dir = kiln_path_dir(at);

        to[n] = '\0';
        free(at);
        at = *to == '/' ? kiln_xstrdup(to) : kiln_path_join(dir, to);
    }
    return at;
}

bool kiln_fs_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

bool kiln_fs_is_dir(const char *path)
{
    struct stat st;
    int saved = errno;
    bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

    errno = saved;
    return dir;
}

/* Plain read and write of what copy_file_range would not do. Returns bytes, 0 at the end, -1. */
static ssize_t copy_by_hand(int from, int to, off_t pos, size_t len)
{
    KILN_AUTO_FREE char *buf = kiln_xmalloc(COPY_CHUNK);
    ssize_t n;

    if (len > COPY_CHUNK)
        len = COPY_CHUNK;
    n = pread(from, buf, len, pos);
    for (ssize_t done = 0; done < n;) {
        ssize_t w = pwrite(to, buf + done, (size_t)(n - done), pos + done);

        if (w < 0)
            return -1;
        done += w;
    }
    return n;
}

/* Who watches a copy. */
struct copy_watch {
    bool (*step)(void *ud, uint64_t done); /* NULL: nobody */
    void *ud;
};

/* The bytes pos … end. False with errno. A file that shrinks meanwhile ends the copy. */
static bool copy_range(int from, int to, off_t pos, off_t end, const struct copy_watch *w)
{
    bool by_hand = false;

    while (pos < end) {
        off_t in = pos, out = pos;
        size_t len = (size_t)(end - pos < COPY_PIECE ? end - pos : COPY_PIECE);
        ssize_t n = by_hand ? copy_by_hand(from, to, pos, len)
                            : copy_file_range(from, &in, to, &out, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 && !by_hand) { /* other file system, old kernel, or /proc */
            by_hand = true;
            continue;
        }
        if (n <= 0)
            return n == 0;
        pos += n;
        errno = ECANCELED;
        if (w->step && !w->step(w->ud, (uint64_t)pos))
            return false;
    }
    return true;
}

static bool copy_data(int from, int to, off_t size, const struct copy_watch *w)
{
    off_t pos = 0;

    if (ioctl(to, FICLONE, from) == 0)
        return true;
    while (pos < size) {
        off_t data = lseek(from, pos, SEEK_DATA), hole;

        if (data < 0 && errno == ENXIO) /* a hole up to the end */
            break;
        if (data < 0)
            data = pos;
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0)
            hole = size;
        if (!copy_range(from, to, data, hole, w))
            return false;
        pos = hole;
    }
    return ftruncate(to, size) == 0;
}

bool kiln_fs_copy(const char *from, const char *to, mode_t mode, struct kiln_err *err)
{
    return kiln_fs_copy_watched(from, to, mode, NULL, NULL, err);
}

bool kiln_fs_copy_watched(const char *from, const char *to, mode_t mode,
                          bool (*step)(void *ud, uint64_t done), void *ud, struct kiln_err *err)
{
    const struct copy_watch watch = { step, ud };
    struct stat a, b;
    KILN_AUTO_FD in = kiln_fs_open_regular(from, &a, err);
    KILN_AUTO_FD out = -1;

    if (in < 0)
        return false;
    if (stat(to, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return kiln_err_set(err, KILN_ERR_USER, "copy %s: %s is the same file", from, to);
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (out < 0)
        return kiln_err_sys(err, errno, "create %s", to);
    if (copy_data(in, out, a.st_size, &watch))
        return kiln_fd_close_written(&out, to, err);
    if (step && errno == ECANCELED)
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    return kiln_err_sys(err, errno, "copy %s to %s", from, to);
}

static bool walk_dir(const char *dir, int depth, struct kiln_strv *files, struct kiln_err *err);

static bool walk_entry(const char *path, int depth, struct kiln_strv *files, struct kiln_err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0) /* gone since it was listed */
        return errno == ENOENT || kiln_err_sys(err, errno, "stat %s", path);
    if (S_ISDIR(st.st_mode))
        return walk_dir(path, depth + 1, files, err);
    if (S_ISREG(st.st_mode))
        kiln_strv_add(files, path);
    return true;
}

bool kiln_fs_list(const char *path, struct kiln_strv *names, struct kiln_err *err)
{
    KILN_CLEANUP(closedirp) DIR *dir = opendir(path);
    struct dirent *e;

    if (!dir)
        return kiln_err_sys(err, errno, "open directory %s", path);
    while ((errno = 0, e = readdir(dir))) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            kiln_strv_add(names, e->d_name);
    }
    if (errno)
        return kiln_err_sys(err, errno, "read directory %s", path);
    kiln_strv_sort(names);
    return true;
}

static bool walk_dir(const char *dir, int depth, struct kiln_strv *files, struct kiln_err *err)
{
    KILN_AUTO_STRV names = { 0 };

    if (depth > TREE_DEPTH_MAX)
        return kiln_err_set(err, KILN_ERR_USER, "%s: more than %d levels deep", dir,
                            TREE_DEPTH_MAX);
    if (!kiln_fs_list(dir, &names, err))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        KILN_AUTO_FREE char *path = kiln_path_join(dir, names.v[i]);

        if (!walk_entry(path, depth, files, err))
            return false;
    }
    return true;
}

bool kiln_fs_walk(const char *dir, struct kiln_strv *ret_files, struct kiln_err *err)
{
    KILN_AUTO_STRV files = { 0 };

    if (!walk_dir(dir, 0, &files, err))
        return false;
    kiln_strv_done(ret_files);
    *ret_files = files;
    files = (struct kiln_strv){ 0 };
    return true;
}
