#include "communicator/scp_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"

#define MAX_SIZE (INT64_MAX / 4) /* of one file, and of all announced together */

void kiln_scp_sink_init(struct kiln_scp_sink *s, int fd, const char *dir)
{
    *s = (struct kiln_scp_sink){ .fd = fd,
                                 .dir = dir,
                                 .answers = 1, /* "I am ready" */
                                 .out = -1,
                                 .line = KILN_STR_MAX(KILN_MAX_SCP_LINE) };
    if (dir)
        kiln_str_adds(&s->path, dir);
}

void kiln_scp_sink_done(struct kiln_scp_sink *s)
{
    if (s->out != s->fd)
        kiln_fd_closep(&s->out);
    kiln_str_done(&s->line);
    kiln_str_done(&s->path);
    kiln_err_clear(&s->err);
}

bool kiln_scp_sink_complete(const struct kiln_scp_sink *s)
{
    return s->err.kind == KILN_ERR_NONE && s->state == KILN_SCP_LINE && s->line.len == 0 &&
           s->depth == 0 && s->entries > 0;
}

static bool protocol_error(struct kiln_scp_sink *s, const char *what)
{
    return kiln_err_set(&s->err, KILN_ERR_REMOTE, "scp: the guest sent %s", what);
}

/* ---- control lines ---- */

struct record {
    mode_t mode;
    uint64_t size;
    const char *name;
};

/* Digits of a number up to `end`; NULL if there are none, too many or others. */
static const char *number(const char *p, unsigned base, char end, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    const char *start = p;

    for (; *p >= '0' && *p < (char)('0' + base); p++) {
        value = value * base + (uint64_t)(*p - '0');
        if (value > max)
            return NULL;
    }
    *ret = value;
    return p > start && *p == end ? p + 1 : NULL;
}

static bool good_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= NAME_MAX && !strchr(name, '/') && !kiln_streq(name, ".") &&
           !kiln_streq(name, "..");
}

/* MODE SIZE NAME */
static bool parse(struct kiln_scp_sink *s, const char *text, struct record *ret)
{
    uint64_t mode = 0, size = 0;
    const char *p = number(text, 8, ' ', 07777, &mode);

    p = p ? number(p, 10, ' ', MAX_SIZE, &size) : NULL;
    if (!p)
        return protocol_error(s, "a record that cannot be understood");
    if (!good_name(p))
        return protocol_error(s, "a file name that leads elsewhere; it was refused");
    if (++s->entries > KILN_MAX_TREE_ENTRIES)
        return kiln_err_set(&s->err, KILN_ERR_REMOTE, "scp: more than %d files",
                            KILN_MAX_TREE_ENTRIES);
    *ret = (struct record){ .mode = (mode_t)mode & 0777, .size = size, .name = p };
    return true;
}

/* The first thing comes: there must be a place for it. Packer, too, makes that like a first
 * directory that comes. */
static bool make_place(struct kiln_scp_sink *s, mode_t mode)
{
    if (s->entries > 1 || kiln_fs_exists(s->dir))
        return true;
    s->made_dir = true;
    s->dir_mode = mode;
    return kiln_fs_mkdirs(s->dir, mode | 0700, &s->err);
}

static bool open_file(struct kiln_scp_sink *s, const struct record *r)
{
    KILN_AUTO_FREE char *path = NULL;

    if (s->fd >= 0) {
        s->out = s->fd;
        return s->entries == 1 || protocol_error(s, "more than the one file that was asked for");
    }
    if (!make_place(s, 0755))
        return false;
    path = kiln_path_join(kiln_str_cstr(&s->path), r->name);
    /* A link there may lead anywhere; a FIFO would hang the open. */
    s->out =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK,
             r->mode);
    return s->out >= 0 || kiln_err_sys(&s->err, errno, "create %s", path);
}

static bool begin_file(struct kiln_scp_sink *s, const struct record *r)
{
    if (s->total + r->size > MAX_SIZE)
        return protocol_error(s, "more than any disk can hold");
    if (!open_file(s, r))
        return false;
    s->left = r->size;
    s->total += r->size;
    s->state = s->left > 0 ? KILN_SCP_DATA : KILN_SCP_STATUS;
    return true;
}

/* And not a link to one, which may lead anywhere. */
static bool is_own_dir(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool begin_dir(struct kiln_scp_sink *s, const struct record *r)
{
    if (s->fd >= 0)
        return protocol_error(s, "a directory instead of a file");
    if (s->depth >= KILN_MAX_TREE_DEPTH)
        return protocol_error(s, "too many directories inside each other");
    if (!make_place(s, r->mode))
        return false;
    s->modes[s->depth++] = r->mode;
    kiln_str_addf(&s->path, "/%s", r->name);
    if (mkdir(kiln_str_cstr(&s->path), r->mode | 0700) != 0 &&
        (errno != EEXIST || !is_own_dir(kiln_str_cstr(&s->path))))
        return kiln_err_sys(&s->err, errno, "create directory %s", kiln_str_cstr(&s->path));
    return true;
}

static bool end_dir(struct kiln_scp_sink *s)
{
    if (s->depth == 0)
        return protocol_error(s, "the end of a directory that it never began");
    s->depth--;
    /* It had to be writable while it was filled. */
    if ((s->modes[s->depth] & 0700) != 0700 &&
        chmod(kiln_str_cstr(&s->path), s->modes[s->depth]) != 0)
        return kiln_err_sys(&s->err, errno, "chmod %s", kiln_str_cstr(&s->path));
    kiln_str_truncate(&s->path, (size_t)(strrchr(s->path.data, '/') - s->path.data));
    return true;
}

static bool take_line(struct kiln_scp_sink *s)
{
    const char *line = kiln_str_cstr(&s->line);
    struct record r = { 0 };

    if (strlen(line) != s->line.len)
        return protocol_error(s, "a zero byte where a record should be");
    switch (line[0]) {
    case '\1': /* a complaint; Packer, too, ends there */
    case '\2':
        return kiln_err_set(&s->err, KILN_ERR_REMOTE, "%s", line + 1);
    case 'C':
        return parse(s, line + 1, &r) && begin_file(s, &r);
    case 'D':
        return parse(s, line + 1, &r) && begin_dir(s, &r);
    case 'E':
        return end_dir(s);
    case 'T': /* times: not asked for, not used */
        return true;
    default: /* a byte from outside */
        return protocol_error(s, "something else than a record: does its shell print anything when "
                                 "it starts?");
    }
}

/* ---- the stream ---- */

static size_t feed_line(struct kiln_scp_sink *s, const char *data, size_t len)
{
    const char *end = memchr(data, '\n', len);
    size_t n = end ? (size_t)(end - data) : len;

    kiln_str_add(&s->line, data, n);
    if (s->line.failed) {
        (void)protocol_error(s, "a record without an end");
        return len;
    }
    if (!end)
        return len;
    if (take_line(s))
        s->answers++;
    kiln_str_clear(&s->line);
    return n + 1;
}

static size_t feed_data(struct kiln_scp_sink *s, const char *data, size_t len)
{
    size_t n = len < s->left ? len : (size_t)s->left;

    if (!kiln_fs_write_all(s->out, data, n, &s->err))
        return len;
    s->left -= n;
    s->done += n;
    if (s->left == 0)
        s->state = KILN_SCP_STATUS;
    return n;
}

/* After a file's bytes: zero, or a complaint (it could not be read to its end). */
static size_t feed_status(struct kiln_scp_sink *s, const char *data)
{
    if (s->out != s->fd)
        kiln_fd_closep(&s->out);
    s->out = -1;
    s->state = KILN_SCP_LINE;
    if (*data != '\0') {
        kiln_str_addc(&s->line, *data == 2 ? '\2' : '\1');
        return 1;
    }
    s->files++;
    s->answers++;
    return 1;
}

void kiln_scp_sink_feed(struct kiln_scp_sink *s, const char *data, size_t len)
{
    while (len > 0 && s->err.kind == KILN_ERR_NONE) {
        size_t n = 0;

        switch (s->state) {
        case KILN_SCP_LINE:
            n = feed_line(s, data, len);
            break;
        case KILN_SCP_DATA:
            n = feed_data(s, data, len);
            break;
        case KILN_SCP_STATUS:
            n = feed_status(s, data);
            break;
        }
        data += n;
        len -= n;
    }
}
