/* Sending: several files at once, each a small state machine that the answers move on. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "communicator/dir_walk.h"
#include "communicator/sftp.h"
#include "communicator/sftp_client.h"

#define MAX_FILES  16
#define MAX_HANDLE 256 /* the draft's limit */

#define OPEN_WRITE    2u
#define OPEN_CREATE   8u
#define OPEN_TRUNCATE 16u

enum file_state {
    FILE_FREE,
    FILE_OPENING, /* OPEN is under way */
    FILE_WRITING, /* WRITEs are, or are still to be sent */
    FILE_CLOSING, /* FSETSTAT and CLOSE are */
};

struct file {
    enum file_state state;
    int fd;
    char *path, *remote; /* owned */
    mode_t mode;
    uint64_t size, sent;
    size_t note; /* its number in what is noted */
    unsigned under_way;
    char handle[MAX_HANDLE];
    size_t handle_len;
};

struct sender {
    struct kiln_sftp sftp;
    const struct kiln_transfer *transfer;
    struct kiln_sftp_watch watch;
    uint64_t done, total;
    struct file files[MAX_FILES];
    /* of a directory: */
    struct kiln_str dir;          /* the remote one at hand */
    struct kiln_sftp_answer last; /* of the request that ask() waits for; its data is not kept */
    bool asked;
    char *block; /* KILN_SFTP_BLOCK bytes */
};

/* ---- one file ---- */

static void on_written(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                       const struct kiln_sftp_answer *a)
{
    struct file *f = ud;

    (void)offset, (void)len;
    f->under_way--;
    if (a->type != KILN_SFTP_STATUS || a->status != KILN_SFTP_OK)
        kiln_sftp_fail(s, f->remote, a);
}

/* Permissions that the server would not set are no reason to fail: Windows has none. */
static void on_mode_set(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                        const struct kiln_sftp_answer *a)
{
    (void)s, (void)offset, (void)len, (void)a;
    ((struct file *)ud)->under_way--;
}

/* What the server has of a file that is still open. A device has a size of its own. */
static void on_size(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                    const struct kiln_sftp_answer *a)
{
    struct file *f = ud;

    (void)offset, (void)len;
    f->under_way--;
    if (a->type != KILN_SFTP_ATTRS || a->size == UINT64_MAX || a->size == f->size ||
        (a->mode & S_IFMT && !S_ISREG(a->mode)) || s->err.kind != KILN_ERR_NONE)
        return;
    (void)kiln_err_set(&s->err, KILN_ERR_REMOTE,
                       "verify the upload: %llu bytes of %s were sent, the guest has %llu",
                       (unsigned long long)f->size, f->remote, (unsigned long long)a->size);
}

static void on_opened(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                      const struct kiln_sftp_answer *a)
{
    struct file *f = ud;

    (void)offset, (void)len;
    f->under_way--;
    if (a->type != KILN_SFTP_HANDLE || a->len > MAX_HANDLE) {
        kiln_sftp_fail(s, f->remote, a);
        return;
    }
    memcpy(f->handle, a->data, a->len);
    f->handle_len = a->len;
    f->state = FILE_WRITING;
}

static void release(struct file *f)
{
    kiln_fd_closep(&f->fd);
    free(f->path);
    free(f->remote);
    *f = (struct file){ .fd = -1 };
}

static bool write_block(struct sender *s, struct file *f, struct kiln_err *err)
{
    uint64_t left = f->size - f->sent;
    size_t want = left < KILN_SFTP_BLOCK ? (size_t)left : KILN_SFTP_BLOCK;
    ssize_t n = pread(f->fd, s->block, want, (off_t)f->sent);

    if (n < 0)
        return kiln_err_sys(err, errno, "read %s", f->path);
    if (n == 0)
        return kiln_err_set(err, KILN_ERR_USER, "%s became shorter while it was read", f->path);
    kiln_sent_data(s->watch.sent, f->note, s->block, (size_t)n);
    kiln_sftp_request(&s->sftp, KILN_SFTP_WRITE);
    kiln_sftp_add_string(&s->sftp, f->handle, f->handle_len);
    kiln_sftp_add_u64(&s->sftp, f->sent);
    kiln_sftp_add_string(&s->sftp, s->block, (size_t)n);
    kiln_sftp_send(&s->sftp, on_written, f, f->sent, (uint32_t)n);
    f->under_way++;
    f->sent += (uint64_t)n;
    s->done += (uint64_t)n;
    if (s->transfer && s->transfer->progress)
        s->transfer->progress(s->transfer->ud, s->done, s->total);
    return s->sftp.out.len < KILN_SFTP_QUEUE || kiln_sftp_flush(&s->sftp, err);
}

static void close_file(struct sender *s, struct file *f)
{
    if (s->watch.sizes) {
        kiln_sftp_request(&s->sftp, KILN_SFTP_FSTAT);
        kiln_sftp_add_string(&s->sftp, f->handle, f->handle_len);
        kiln_sftp_send(&s->sftp, on_size, f, 0, 0);
        f->under_way++;
    }
    kiln_sftp_request(&s->sftp, KILN_SFTP_FSETSTAT); /* OPEN's mode went through the umask */
    kiln_sftp_add_string(&s->sftp, f->handle, f->handle_len);
    kiln_sftp_add_mode(&s->sftp, f->mode);
    kiln_sftp_send(&s->sftp, on_mode_set, f, 0, 0);
    kiln_sftp_request(&s->sftp, KILN_SFTP_CLOSE);
    kiln_sftp_add_string(&s->sftp, f->handle, f->handle_len);
    kiln_sftp_send(&s->sftp, on_written, f, 0, 0);
    f->under_way += 2;
    f->state = FILE_CLOSING;
}

static bool advance(struct sender *s, struct file *f, struct kiln_err *err)
{
    switch (f->state) {
    case FILE_FREE:
    case FILE_OPENING:
        break;
    case FILE_WRITING:
        while (f->sent < f->size && kiln_sftp_has_room(&s->sftp)) {
            if (!write_block(s, f, err))
                return false;
        }
        if (f->sent == f->size && f->under_way == 0 && s->sftp.under_way + 3 <= KILN_SFTP_REQUESTS)
            close_file(s, f);
        break;
    case FILE_CLOSING:
        if (f->under_way == 0)
            release(f);
        break;
    }
    return true;
}

/* Send what can be sent for all files, then wait for answers. */
static bool turn(struct sender *s, struct kiln_err *err)
{
    for (size_t i = 0; i < MAX_FILES; i++) {
        if (!advance(s, &s->files[i], err))
            return false;
    }
    return s->sftp.under_way == 0 || kiln_sftp_turn(&s->sftp, err);
}

static struct file *free_file(struct sender *s)
{
    for (size_t i = 0; i < MAX_FILES; i++) {
        if (s->files[i].state == FILE_FREE)
            return &s->files[i];
    }
    return NULL;
}

static bool all_free(const struct sender *s)
{
    for (size_t i = 0; i < MAX_FILES; i++) {
        if (s->files[i].state != FILE_FREE)
            return false;
    }
    return true;
}

static bool begin_file(struct sender *s, const char *path, const char *name, const char *remote,
                       mode_t mode, struct kiln_err *err)
{
    struct file *f;
    struct stat st;

    while ((f = free_file(s)) == NULL || !kiln_sftp_has_room(&s->sftp)) {
        if (!turn(s, err))
            return false;
    }
    f->fd = kiln_fs_open_regular(path, &st, err);
    if (f->fd < 0)
        return false;
    f->path = kiln_xstrdup(path);
    f->remote = kiln_xstrdup(remote);
    f->note = kiln_sent_file(s->watch.sent, name);
    f->mode = mode & 0777;
    f->size = (uint64_t)st.st_size;
    f->state = FILE_OPENING;
    f->under_way = 1;
    kiln_sftp_request(&s->sftp, KILN_SFTP_OPEN);
    kiln_sftp_add_string(&s->sftp, remote, strlen(remote));
    kiln_sftp_add_u32(&s->sftp, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE);
    kiln_sftp_add_mode(&s->sftp, f->mode | 0200); /* or what follows may be refused */
    kiln_sftp_send(&s->sftp, on_opened, f, 0, 0);
    return true;
}

static bool begin(struct sender *s, struct kiln_channel *ch, const struct kiln_transfer *t,
                  struct kiln_sftp_watch watch, struct kiln_cancel *c, struct kiln_err *err)
{
    *s = (struct sender){ .transfer = t, .watch = watch, .block = kiln_xmalloc(KILN_SFTP_BLOCK) };
    for (size_t i = 0; i < MAX_FILES; i++)
        s->files[i].fd = -1;
    return kiln_sftp_begin(&s->sftp, ch, c, err);
}

static bool end(struct sender *s, bool ok, struct kiln_err *err)
{
    while (ok && !all_free(s))
        ok = turn(s, err);
    for (size_t i = 0; i < MAX_FILES; i++)
        release(&s->files[i]);
    kiln_sftp_end(&s->sftp);
    kiln_str_done(&s->dir);
    free(s->block);
    return ok;
}

bool kiln_sftp_put(struct kiln_channel *ch, const char *src, const char *dst, mode_t mode,
                   const struct kiln_transfer *t, struct kiln_sftp_watch watch,
                   struct kiln_cancel *c, struct kiln_err *err)
{
    const char *remote = kiln_sftp_path(dst);
    struct sender s;
    struct stat st;
    bool ok = begin(&s, ch, t, watch, c, err);

    if (ok && stat(src, &st) != 0)
        ok = kiln_err_sys(err, errno, "stat %s", src);
    s.total = ok ? (uint64_t)st.st_size : 0;
    return end(&s, ok && begin_file(&s, src, kiln_path_base(remote), remote, mode, err), err);
}

/* ---- directories ---- */

static void on_asked(struct kiln_sftp *sftp, void *ud, uint64_t offset, uint32_t len,
                     const struct kiln_sftp_answer *a)
{
    struct sender *s = ud;

    (void)sftp, (void)offset, (void)len;
    s->last = *a;
    s->last.data = "";
    s->last.len = 0;
    s->asked = false;
}

/* A request about s->dir, and its answer. mode: for those that set it. */
static bool ask(struct sender *s, enum kiln_sftp_type type, mode_t mode, struct kiln_err *err)
{
    while (!kiln_sftp_has_room(&s->sftp)) {
        if (!turn(s, err))
            return false;
    }
    kiln_sftp_request(&s->sftp, type);
    kiln_sftp_add_string(&s->sftp, s->dir.data, s->dir.len);
    if (type != KILN_SFTP_STAT)
        kiln_sftp_add_mode(&s->sftp, mode);
    kiln_sftp_send(&s->sftp, on_asked, s, 0, 0);
    s->asked = true;
    while (s->asked) {
        if (!turn(s, err))
            return false;
    }
    return true;
}

static bool is_dir(struct sender *s, struct kiln_err *err)
{
    if (!ask(s, KILN_SFTP_STAT, 0, err))
        return false;
    if (s->last.type != KILN_SFTP_ATTRS) {
        kiln_sftp_fail(&s->sftp, kiln_str_cstr(&s->dir), &s->last);
        return kiln_err_move(err, &s->sftp.err);
    }
    return s->last.mode == 0 || S_ISDIR(s->last.mode) ||
           kiln_err_set(err, KILN_ERR_REMOTE, "%s: not a directory", kiln_str_cstr(&s->dir));
}

static bool enter(void *ud, const char *name, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;

    kiln_str_addf(&s->dir, "/%s", name);
    kiln_sent_enter(s->watch.sent, name);
    if (!ask(s, KILN_SFTP_MKDIR, mode | 0700, err))
        return false;
    return (s->last.type == KILN_SFTP_STATUS && s->last.status == KILN_SFTP_OK) || is_dir(s, err);
}

/* The mode last: it may forbid to write. */
static bool leave(struct sender *s, mode_t mode, struct kiln_err *err)
{
    if (!ask(s, KILN_SFTP_SETSTAT, mode, err))
        return false;
    kiln_str_truncate(&s->dir, (size_t)(strrchr(s->dir.data, '/') - s->dir.data));
    kiln_sent_leave(s->watch.sent);
    return true;
}

static bool visit_leave(void *ud, mode_t mode, struct kiln_err *err)
{
    struct sender *s = ud;

    while (!all_free(s)) {
        if (!turn(s, err))
            return false;
    }
    return leave(s, mode, err);
}

static bool visit_file(void *ud, const char *path, const char *name, mode_t mode, uint64_t size,
                       struct kiln_err *err)
{
    struct sender *s = ud;
    KILN_AUTO_FREE char *remote = kiln_xasprintf("%s/%s", kiln_str_cstr(&s->dir), name);

    (void)size;
    return begin_file(s, path, name, remote, mode, err);
}

/* It must be there; but with a slash at its end Packer makes it for contents. */
static bool find_destination(struct sender *s, const char *dst, bool contents, mode_t mode,
                             struct kiln_err *err)
{
    kiln_str_adds(&s->dir, kiln_sftp_path(dst));
    while (s->dir.len > 1 && s->dir.data[s->dir.len - 1] == '/')
        kiln_str_truncate(&s->dir, s->dir.len - 1);
    if (contents && kiln_has_suffix(dst, "/") && !ask(s, KILN_SFTP_MKDIR, mode | 0700, err))
        return false;
    return is_dir(s, err);
}

bool kiln_sftp_put_dir(struct kiln_channel *ch, const char *src, const char *dst,
                       const struct kiln_transfer *t, struct kiln_sftp_watch watch,
                       struct kiln_cancel *c, struct kiln_err *err)
{
    struct sender s;
    const struct kiln_dir_visitor visitor = { enter, visit_leave, visit_file, &s };
    bool contents = kiln_dir_means_contents(src), ok = begin(&s, ch, t, watch, c, err);
    KILN_AUTO_FREE char *name = kiln_dir_name(src);
    struct stat st;

    if (ok && stat(src, &st) != 0)
        ok = kiln_err_sys(err, errno, "stat %s", src);
    ok = ok && find_destination(&s, dst, contents, st.st_mode & 0777, err) &&
         (contents || enter(&s, name, st.st_mode & 0777, err)) &&
         kiln_dir_walk(src, &visitor, err) && (contents || visit_leave(&s, st.st_mode & 0777, err));
    return end(&s, ok, err);
}
