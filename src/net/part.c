#include "net/part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

/* A fresh set of hash threads (or the plain block), empty. */
static bool reset_buffer(struct kiln_part *p, struct kiln_err *err)
{
    p->fill = 0;
    if (p->checked) {
        kiln_hash_free(p->hash);
        p->hash = NULL;
        if (!kiln_hash_new(&p->hash, KILN_HASH_BIT(p->type), err))
            return false;
        p->buf = kiln_hash_buffer(p->hash);
        return true;
    }
    if (!p->block)
        p->block = kiln_xmalloc(KILN_HASH_BLOCK);
    p->buf = p->block;
    return true;
}

static bool take_existing(struct kiln_part *p, struct kiln_cancel *c, struct kiln_err *err)
{
    struct stat st;

    if (fstat(p->fd, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", p->path);
    if (!S_ISREG(st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "%s is in the way and not a file", p->path);
    p->mtime = (int64_t)st.st_mtim.tv_sec;
    p->pos = p->resumed = (uint64_t)st.st_size;
    if (p->pos > 0 && p->checked &&
        !kiln_hash_feed_fd(p->hash, p->fd, p->path, p->pos, c, NULL, err))
        return false;
    if (p->checked)
        p->buf = kiln_hash_buffer(p->hash);
    if (lseek(p->fd, (off_t)p->pos, SEEK_SET) < 0)
        return kiln_err_sys(err, errno, "seek in %s", p->path);
    return true;
}

bool kiln_part_open(struct kiln_part *p, const char *path, const struct kiln_checksum *sum,
                    struct kiln_cancel *c, struct kiln_err *err)
{
    p->path = path;
    p->checked = sum->kind == KILN_CHECKSUM_SUM;
    p->type = sum->type;
    p->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (p->fd < 0)
        return kiln_err_sys(err, errno, "create %s", path);
    return reset_buffer(p, err) && take_existing(p, c, err);
}

bool kiln_part_restart(struct kiln_part *p, struct kiln_err *err)
{
    if (ftruncate(p->fd, 0) != 0 || lseek(p->fd, 0, SEEK_SET) != 0)
        return kiln_err_sys(err, errno, "empty %s", p->path);
    p->pos = p->resumed = p->total = 0;
    p->stale = false;
    return reset_buffer(p, err);
}

static bool free_bytes(int fd, uint64_t *ret)
{
    struct statvfs fs;

    if (fstatvfs(fd, &fs) != 0 || fs.f_blocks == 0) /* a file system that does not count */
        return false;
    *ret = (uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
    return true;
}

static bool no_space(const struct kiln_part *p, int os_errno, struct kiln_err *err)
{
    KILN_AUTO_FREE char *need = p->total > p->pos
                                    ? kiln_xasprintf("%" PRIu64 " more bytes", p->total - p->pos)
                                    : kiln_xstrdup("more space");
    uint64_t bytes = 0;

    (void)free_bytes(p->fd, &bytes);
    return kiln_err_sys(err, os_errno, "%s needs %s, %" PRIu64 " bytes are free", p->path, need,
                        bytes);
}

bool kiln_part_start(void *ud, const struct kiln_exchange_head *head, struct kiln_err *err)
{
    struct kiln_part *p = ud;
    uint64_t room;

    if (head->status != 206 && p->pos > 0 && !kiln_part_restart(p, err))
        return false;
    if (head->offset != p->pos)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "the server sent the bytes from %" PRIu64 " on, not from %" PRIu64,
                            head->offset, p->pos);
    /* Without a checksum to tell in the end, only the date says that it is the same file. */
    p->stale = p->pos > 0 && !p->checked && head->last_modified != p->mtime;
    if (p->stale)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the file changed on the server");
    p->last_modified = head->last_modified;
    p->total = head->length < 0 ? 0 : p->pos + (uint64_t)head->length;
    if (p->total > 0 && free_bytes(p->fd, &room) && room < p->total - p->pos)
        return no_space(p, ENOSPC, err);
    return true;
}

/* Write the buffer to the file, then let the hash threads have it. */
static bool flush(struct kiln_part *p, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    if (!kiln_fs_write_all(p->fd, p->buf, p->fill, &why)) {
        /* What was written of it are bytes of the file all the same: a later try goes on there. */
        p->pos -= p->fill;
        p->fill = 0;
        if (why.os_errno == ENOSPC || why.os_errno == EDQUOT || why.os_errno == EFBIG)
            return no_space(p, why.os_errno, err);
        kiln_err_move(err, &why);
        return kiln_err_wrap(err, "%s", p->path);
    }
    if (p->checked) {
        kiln_hash_push(p->hash, p->fill);
        p->buf = kiln_hash_buffer(p->hash);
    }
    p->fill = 0;
    return true;
}

bool kiln_part_data(void *ud, const void *data, size_t len, struct kiln_err *err)
{
    struct kiln_part *p = ud;
    const char *from = data;

    while (len > 0) {
        size_t n = KILN_HASH_BLOCK - p->fill < len ? KILN_HASH_BLOCK - p->fill : len;

        memcpy(p->buf + p->fill, from, n);
        p->fill += n;
        p->pos += n;
        from += n;
        len -= n;
        if (p->fill == KILN_HASH_BLOCK && !flush(p, err))
            return false;
    }
    kiln_progress_tick(&p->progress, p->pos, p->total);
    return true;
}

bool kiln_part_finish(struct kiln_part *p, char ret_hex[KILN_HASH_HEX_MAX + 1],
                      struct kiln_err *err)
{
    struct kiln_hash_sums sums;

    if (!flush(p, err))
        return false;
    kiln_progress_end(&p->progress, p->pos, p->pos);
    ret_hex[0] = '\0';
    if (p->checked) {
        kiln_hash_finish(p->hash, &sums);
        memcpy(ret_hex, sums.hex[p->type], sizeof(sums.hex[p->type]));
    }
    return true;
}

static void set_date(struct kiln_part *p)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = p->last_modified } };

    if (p->last_modified >= 0)
        (void)futimens(p->fd, times);
}

bool kiln_part_publish(struct kiln_part *p, const char *target, struct kiln_err *err)
{
    set_date(p);
    if (!kiln_fd_close_written(&p->fd, p->path, err))
        return false;
    return rename(p->path, target) == 0 ||
           kiln_err_sys(err, errno, "rename %s to %s", p->path, target);
}

void kiln_part_done(struct kiln_part *p)
{
    if (p->fd >= 0) {
        if (p->fill > 0)
            (void)flush(p, NULL);
        if (p->pos == 0)
            (void)unlink(p->path);
        set_date(p);
        kiln_fd_closep(&p->fd);
    }
    kiln_hash_freep(&p->hash);
    kiln_freep(&p->block);
}
