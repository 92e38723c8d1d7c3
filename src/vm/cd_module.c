/* ISO 9660 by libarchive. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "vm/cd_ops.h"

extern const struct kiln_cd_ops kiln_cd_ops;

#define BLOCK ((size_t)64 << 10)

static void free_archive(struct archive **a)
{
    if (*a)
        (void)archive_write_free(*a);
}

static void free_entry(struct archive_entry **e)
{
    archive_entry_free(*e);
}

/* Where the image goes. libarchive must always be closed, or it loses memory; once stopped, it gets
 * no further than to the first byte of the image, which it writes when it has read everything. */
struct sink {
    int fd;
    bool stopped;
};

static la_ssize_t write_sink(struct archive *a, void *ud, const void *data, size_t len)
{
    const struct sink *sink = ud;
    KILN_AUTO_ERR err = { 0 };

    if (!sink->stopped && kiln_fs_write_all(sink->fd, data, len, &err))
        return (la_ssize_t)len;
    archive_set_error(a, err.os_errno, "%s", kiln_err_text(&err));
    return -1;
}

/* Warnings are about names that a system without Joliet and Rock Ridge sees shortened. */
static bool check(struct archive *a, int code, const char *what, struct kiln_err *err)
{
    if (code >= ARCHIVE_WARN)
        return true;
    return kiln_err_set(err, KILN_ERR_SYSTEM, "%s: %s", what, archive_error_string(a));
}

static bool check_cancel(struct kiln_cancel *cancel, struct kiln_err *err)
{
    return !kiln_cancel_fired(cancel) || kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
}

static bool put(struct archive *a, const char *name, const void *data, size_t len,
                struct kiln_err *err)
{
    la_ssize_t n = archive_write_data(a, data, len);

    if (n < 0)
        return check(a, (int)n, name, err);
    return (size_t)n == len || kiln_err_set(err, KILN_ERR_SYSTEM, "%s: grew meanwhile", name);
}

static bool put_file(struct archive *a, const char *source, int fd, off_t size,
                     struct kiln_cancel *cancel, struct kiln_err *err)
{
    char block[BLOCK];
    ssize_t n;

    for (off_t done = 0; done < size; done += n) {
        if (!check_cancel(cancel, err))
            return false;
        n = kiln_fs_read_some(fd, block, sizeof(block));
        if (n < 0)
            return kiln_err_sys(err, errno, "%s", source);
        if (n == 0)
            return kiln_err_set(err, KILN_ERR_SYSTEM, "%s: became shorter meanwhile", source);
        if (n > size - done)
            n = (ssize_t)(size - done);
        if (!put(a, source, block, (size_t)n, err))
            return false;
    }
    return true;
}

static bool put_header(struct archive *a, const char *name, const struct stat *st,
                       struct kiln_err *err)
{
    KILN_CLEANUP(free_entry) struct archive_entry *e = archive_entry_new();

    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, st->st_mode & S_IFMT);
    archive_entry_set_perm(e, st->st_mode & 0777);
    archive_entry_set_mtime(e, st->st_mtime, 0);
    if (S_ISREG(st->st_mode))
        archive_entry_set_size(e, st->st_size);
    return check(a, archive_write_header(a, e), name, err);
}

static bool put_source(struct archive *a, const struct kiln_media_entry *e,
                       struct kiln_cancel *cancel, struct kiln_err *err)
{
    struct stat st;
    KILN_AUTO_FD fd = kiln_fs_open_regular(e->source, &st, err);

    return fd >= 0 && put_header(a, e->name, &st, err) &&
           put_file(a, e->source, fd, st.st_size, cancel, err);
}

static bool put_entry(struct archive *a, const struct kiln_media_entry *e,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    struct stat st = { .st_mode = S_IFDIR | 0755, .st_mtime = time(NULL) };

    if (!check_cancel(cancel, err))
        return false;
    if (e->source)
        return put_source(a, e, cancel, err);
    if (e->content) {
        st.st_mode = S_IFREG | 0644;
        st.st_size = (off_t)strlen(e->content);
    }
    return put_header(a, e->name, &st, err) &&
           (!e->content || put(a, e->name, e->content, strlen(e->content), err));
}

static bool open_image(struct archive *a, struct sink *sink, const char *label, bool joliet,
                       struct kiln_err *err)
{
    return check(a, archive_write_set_format_iso9660(a), "ISO 9660", err) &&
           check(a, archive_write_set_format_option(a, "iso9660", "volume-id", label), "cd_label",
                 err) &&
           check(a, archive_write_set_format_option(a, "iso9660", "iso-level", "3"), "ISO 9660",
                 err) && /* files over 4 GiB */
           check(a, archive_write_set_format_option(a, "iso9660", "joliet", joliet ? "long" : NULL),
                 "Joliet", err) &&
           check(a, archive_write_set_format_option(a, "iso9660", "rockridge", "strict"),
                 "Rock Ridge", err) &&
           check(a, archive_write_open(a, sink, NULL, write_sink, NULL), "ISO 9660", err);
}

static bool write_image(const char *path, const char *label, const struct kiln_media *m,
                        struct kiln_cancel *cancel, bool joliet, struct kiln_err *err)
{
    KILN_AUTO_FD fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    struct sink sink = { .fd = fd };
    KILN_CLEANUP(free_archive) struct archive *a = archive_write_new();

    if (fd < 0)
        return kiln_err_sys(err, errno, "%s", path);
    if (!open_image(a, &sink, label, joliet, err))
        return false;
    for (size_t i = 0; i < m->n; i++) {
        if (!put_entry(a, m->v[i], cancel, err)) {
            sink.stopped = true;
            return false;
        }
    }
    return check(a, archive_write_close(a), path, err);
}

/* Joliet has paths of 240 letters at most, and libarchive says so when it has read everything.
 * Rock Ridge, which Linux reads, has any. */
static bool write_any(const char *path, const char *label, const struct kiln_media *m,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    if (write_image(path, label, m, cancel, true, &why))
        return true;
    if (why.kind != KILN_ERR_SYSTEM || !strstr(kiln_err_text(&why), "Joliet"))
        return kiln_err_move(err, &why);
    kiln_log("CD: without Joliet: %s", kiln_err_text(&why));
    return write_image(path, label, m, cancel, false, err);
}

/* Joliet names are made from those of the locale, which has to know UTF-8 for that. */
static bool write_cd(const char *path, const char *label, const struct kiln_media *m,
                     struct kiln_cancel *cancel, struct kiln_err *err)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    bool ok = write_any(path, label, m, cancel, err);

    if (utf8) {
        (void)uselocale(before);
        freelocale(utf8);
    }
    return ok;
}

const struct kiln_cd_ops kiln_cd_ops = { .write = write_cd };
