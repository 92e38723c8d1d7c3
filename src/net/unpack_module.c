/* Archives and compressed files by libarchive; but gzip by zlib, as libarchive does not look at the
 * checksum that is in it. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/unpack_ops.h"

extern const struct kiln_unpack_ops kiln_unpack_ops;

#define READ_BLOCK ((size_t)256 << 10)
#define HOLE       ((size_t)4096)
#define LOOK       ((uint64_t)16 << 20) /* bytes written between two looks at the room left */

/* The file that is made. */
struct sink {
    int fd;
    const char *from; /* for messages */
    off_t end;        /* its length so far */
    uint64_t written; /* since the last look; holes aside */
};

/* What is unpacked. */
struct origin {
    const char *path;
    struct archive *a;    /* owned */
    gzFile gz;            /* owned; NULL: libarchive reads the file itself */
    unsigned char *block; /* owned; READ_BLOCK bytes of what was in the .gz */
};

static void origin_done(struct origin *o)
{
    if (o->a)
        (void)archive_read_free(o->a);
    if (o->gz)
        (void)gzclose(o->gz);
    free(o->block);
}

static la_ssize_t read_gz(struct archive *a, void *ud, const void **ret)
{
    struct origin *o = ud;
    int n = gzread(o->gz, o->block, READ_BLOCK), code;
    const char *why = gzerror(o->gz, &code);

    *ret = o->block;
    if (n >= 0 && code == Z_OK)
        return n;
    if (code == Z_BUF_ERROR)
        why = "truncated gzip input";
    else if (kiln_has_prefix(why, o->path))
        why += strlen(o->path) + strlen(": ");
    archive_set_error(a, code == Z_ERRNO ? errno : EINVAL, "%s", why);
    return ARCHIVE_FATAL;
}

static bool bad(struct archive *a, const char *from, struct kiln_err *err)
{
    const char *why = archive_error_string(a);

    return kiln_err_set(err, KILN_ERR_USER, "unpack %s: %s", from, why ? why : "damaged");
}

static int allow_filter(struct archive *a, enum kiln_pack_filter filter)
{
    switch (filter) {
    case KILN_PACK_BZIP2:
        return archive_read_support_filter_bzip2(a);
    case KILN_PACK_XZ:
        return archive_read_support_filter_xz(a);
    case KILN_PACK_ZSTD:
        return archive_read_support_filter_zstd(a);
    case KILN_PACK_GZIP: /* undone before */
    case KILN_PACK_STORED:
        break;
    }
    return ARCHIVE_OK;
}

static int allow_format(struct archive *a, enum kiln_pack_format format)
{
    switch (format) {
    case KILN_PACK_TAR:
        return archive_read_support_format_tar(a);
    case KILN_PACK_ZIP:
        return archive_read_support_format_zip(a);
    case KILN_PACK_BARE:
        break;
    }
    return archive_read_support_format_raw(a);
}

/* To the next regular file: ARCHIVE_OK, ARCHIVE_EOF or an error. */
static int next_file(struct archive *a)
{
    struct archive_entry *e;
    int code;

    do
        code = archive_read_next_header(a, &e);
    while (code >= ARCHIVE_WARN && code != ARCHIVE_EOF &&
           (archive_entry_filetype(e) == AE_IFDIR || archive_entry_hardlink(e) ||
            archive_entry_symlink(e)));
    return code;
}

static bool only_zeros(const unsigned char *p, size_t len)
{
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

static bool has_room(struct sink *s, size_t more, struct kiln_err *err)
{
    struct statvfs fs;

    s->written += more;
    if (s->written < LOOK)
        return true;
    s->written = 0;
    if (fstatvfs(s->fd, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize > KILN_UNPACK_SPARE)
        return true;
    return kiln_err_set(err, KILN_ERR_USER,
                        "unpack %s: the disk is almost full, and there is more in it than the %lld "
                        "MiB so far; make room, or name another place (PACKER_CACHE_DIR, "
                        "iso_target_path)",
                        s->from, (long long)(s->end >> 20));
}

/* What is only zeros is skipped: the file is empty, and cut to its length in the end. */
static bool put(struct sink *s, const unsigned char *data, size_t len, off_t at,
                struct kiln_err *err)
{
    if (at < 0 || (uint64_t)at > KILN_MAX_UNPACKED || len > KILN_MAX_UNPACKED - (uint64_t)at)
        return kiln_err_set(err, KILN_ERR_USER, "unpack %s: what is in it is longer than %llu TiB",
                            s->from, KILN_MAX_UNPACKED >> 40);
    for (size_t done = 0, n; done < len; done += n) {
        n = len - done < HOLE ? len - done : HOLE;
        if (only_zeros(data + done, n))
            continue;
        if (!has_room(s, n, err))
            return false;
        if (lseek(s->fd, at + (off_t)done, SEEK_SET) < 0)
            return kiln_err_sys(err, errno, "unpack %s", s->from);
        if (!kiln_fs_write_all(s->fd, data + done, n, err))
            return kiln_err_wrap(err, "unpack %s", s->from);
    }
    if (at + (off_t)len > s->end)
        s->end = at + (off_t)len;
    return true;
}

/* Bytes of the file. */
static uint64_t bytes_read(const struct origin *o)
{
    return (uint64_t)(o->gz ? gzoffset(o->gz) : archive_filter_bytes(o->a, -1));
}

static bool copy_data(const struct origin *o, int to, struct kiln_cancel *c,
                      struct kiln_progress *progress, struct kiln_err *err)
{
    struct sink sink = { .fd = to, .from = o->path };
    struct stat st = { 0 };
    int code;

    (void)stat(o->path, &st);
    for (;;) {
        const void *data;
        size_t len;
        la_int64_t at;

        if (kiln_cancel_fired(c))
            return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
        code = archive_read_data_block(o->a, &data, &len, &at);
        if (code == ARCHIVE_EOF)
            break;
        if (code != ARCHIVE_OK) /* of a wrong checksum in a zip libarchive but warns */
            return bad(o->a, o->path, err);
        if (!put(&sink, data, len, at, err))
            return false;
        kiln_progress_tick(progress, bytes_read(o), (uint64_t)st.st_size);
    }
    kiln_progress_end(progress, (uint64_t)st.st_size, (uint64_t)st.st_size);
    return ftruncate(to, sink.end) == 0 || kiln_err_sys(err, errno, "unpack %s", o->path);
}

static bool not_packed(const struct kiln_packing *how, const char *from, struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_USER, "unpack %s: not a .%s file", from, how->suffix);
}

static bool open_gz(struct origin *o, const struct kiln_packing *how, struct kiln_err *err)
{
    o->gz = gzopen(o->path, "rbe");
    if (!o->gz)
        return kiln_err_sys(err, errno, "unpack %s", o->path);
    o->block = kiln_xmalloc(READ_BLOCK);
    (void)gzbuffer(o->gz, READ_BLOCK);
    if (gzdirect(o->gz)) /* zlib takes anything, too */
        return not_packed(how, o->path, err);
    return archive_read_open(o->a, o, NULL, read_gz, NULL) >= ARCHIVE_WARN ||
           bad(o->a, o->path, err);
}

static bool open_origin(struct origin *o, const struct kiln_packing *how, struct kiln_err *err)
{
    o->a = archive_read_new();
    if (allow_filter(o->a, how->filter) < ARCHIVE_WARN ||
        allow_format(o->a, how->format) < ARCHIVE_WARN)
        return bad(o->a, o->path, err);
    if (how->filter == KILN_PACK_GZIP)
        return open_gz(o, how, err);
    return archive_read_open_filename(o->a, o->path, READ_BLOCK) >= ARCHIVE_WARN ||
           bad(o->a, o->path, err);
}

/* What follows the end of a tar, so that the checksum behind it is looked at. */
static bool read_rest(struct origin *o, struct kiln_cancel *c, struct kiln_err *err)
{
    la_ssize_t n = o->gz ? 1 : 0;
    const void *data;

    while (n > 0) {
        if (kiln_cancel_fired(c))
            return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
        n = read_gz(o->a, o, &data);
    }
    return n == 0 || bad(o->a, o->path, err);
}

static bool unpack(const struct kiln_packing *how, const char *from, int to, struct kiln_cancel *c,
                   struct kiln_progress *progress, struct kiln_err *err)
{
    KILN_CLEANUP(origin_done) struct origin o = { .path = from };
    int code;

    if (!open_origin(&o, how, err))
        return false;
    code = next_file(o.a);
    if (code == ARCHIVE_EOF)
        return kiln_err_set(err, KILN_ERR_USER, "unpack %s: there is no file in it", from);
    if (code < ARCHIVE_WARN)
        return bad(o.a, from, err);
    /* The raw format takes anything. */
    if (how->filter != KILN_PACK_STORED && !o.gz &&
        archive_filter_code(o.a, 0) == ARCHIVE_FILTER_NONE)
        return not_packed(how, from, err);
    if (!copy_data(&o, to, c, progress, err))
        return false;
    code = next_file(o.a);
    if (code == ARCHIVE_EOF)
        return read_rest(&o, c, err);
    if (code < ARCHIVE_WARN)
        return bad(o.a, from, err);
    return kiln_err_set(err, KILN_ERR_USER,
                        "unpack %s: expected a single file, there are more in it", from);
}

const struct kiln_unpack_ops kiln_unpack_ops = { .unpack = unpack };
