#include "net/http_reply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/http_date.h"
#include "net/url.h"

void kiln_http_reply_done(struct kiln_http_reply *r)
{
    kiln_strmap_done(&r->headers);
    kiln_fd_closep(&r->fd);
    kiln_str_done(&r->body);
}

static void set(struct kiln_http_reply *r, const char *name, const char *value)
{
    kiln_strmap_set(&r->headers, name, value);
}

static void set_date(struct kiln_http_reply *r, int64_t mtime)
{
    char date[KILN_HTTP_DATE_SIZE];

    kiln_http_date_format(mtime, date);
    set(r, "Last-Modified", date);
}

static void plain_error(struct kiln_http_reply *r, unsigned status, const char *text)
{
    r->status = status;
    set(r, "Content-Type", "text/plain; charset=utf-8");
    set(r, "X-Content-Type-Options", "nosniff");
    kiln_str_addf(&r->body, "%s\n", text);
}

static void not_found(struct kiln_http_reply *r, int os_errno)
{
    if (os_errno == EACCES || os_errno == EPERM)
        plain_error(r, 403, "403 Forbidden");
    else if (os_errno == EMFILE || os_errno == ENFILE || os_errno == ENOMEM || os_errno == EIO)
        plain_error(r, 500, "500 Internal Server Error");
    else
        plain_error(r, 404, "404 page not found");
}

bool kiln_http_path(const char *uri, struct kiln_str *ret_clean, struct kiln_str *ret_plain)
{
    const char *s;

    if (!kiln_url_decode(ret_plain, uri, strcspn(uri, "?#"), NULL))
        return false;
    s = kiln_str_cstr(ret_plain);
    while (*s) {
        size_t n;

        s += strspn(s, "/");
        n = strcspn(s, "/");
        if (n == 2 && strncmp(s, "..", 2) == 0) {
            while (ret_clean->len > 0 && ret_clean->data[ret_clean->len - 1] != '/')
                kiln_str_truncate(ret_clean, ret_clean->len - 1);
            if (ret_clean->len > 0)
                kiln_str_truncate(ret_clean, ret_clean->len - 1);
        } else if (n > 0 && !(n == 1 && *s == '.')) {
            kiln_str_addc(ret_clean, '/');
            kiln_str_add(ret_clean, s, n);
        }
        s += n;
    }
    if (ret_clean->len == 0)
        kiln_str_addc(ret_clean, '/');
    return true;
}

/* Decimal digits at *s, which moves behind them. False if there is none or they are too many. */
static bool number(const char **s, uint64_t *ret)
{
    uint64_t value = 0;
    const char *start = *s;

    for (; **s >= '0' && **s <= '9'; ++*s)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(**s - '0'), &value))
            return false;
    *ret = value;
    return *s > start;
}

enum kiln_http_range kiln_http_range_parse(const char *value, uint64_t size, uint64_t *ret_offset,
                                           uint64_t *ret_length)
{
    uint64_t first = 0, last = UINT64_MAX;
    const char *s = value;

    if (!s || size == 0 || !kiln_has_prefix(s, "bytes=") || strchr(s, ','))
        return KILN_HTTP_RANGE_ALL;
    s += strlen("bytes=");
    if (*s == '-') { /* the last so many bytes */
        s++;
        if (!number(&s, &last) || *s)
            return KILN_HTTP_RANGE_BAD;
        first = last < size ? size - last : 0;
        last = last > 0 ? size - 1 : 0;
    } else {
        if (!number(&s, &first) || *s++ != '-' || (*s && !number(&s, &last)) || *s)
            return KILN_HTTP_RANGE_BAD;
    }
    if (first >= size || last < first)
        return KILN_HTTP_RANGE_BAD;
    if (last >= size)
        last = size - 1;
    *ret_offset = first;
    *ret_length = last - first + 1;
    return KILN_HTTP_RANGE_PART;
}

/* 301 to a place relative to the request's own; the query goes along. */
static void redirect(struct kiln_http_reply *r, const char *uri, const char *before,
                     const char *name, const char *after)
{
    KILN_AUTO_STR to = { 0 };

    kiln_str_adds(&to, before);
    kiln_url_add_path(&to, name);
    kiln_str_adds(&to, after);
    kiln_str_adds(&to, strchrnul(uri, '?')); /* no line ends: it was part of a request line */
    r->status = 301;
    set(r, "Location", kiln_str_cstr(&to));
}

static bool not_modified(const struct kiln_http_ask *ask, int64_t mtime)
{
    int64_t since;

    return ask->if_modified_since && !ask->if_none_match &&
           kiln_http_date_parse(ask->if_modified_since, &since) && mtime <= since;
}

/* May a range be answered? Only if the client's part is of the file as it is now. */
static bool range_valid(const struct kiln_http_ask *ask, int64_t mtime)
{
    int64_t seen;

    return !ask->if_range || (kiln_http_date_parse(ask->if_range, &seen) && seen == mtime);
}

/* Takes fd: an open regular file. */
static void reply_file(struct kiln_http_reply *r, const struct kiln_http_ask *ask, const char *name,
                       int fd, const struct stat *st)
{
    unsigned char head[512];
    uint64_t size = (uint64_t)st->st_size;
    KILN_AUTO_FREE char *span = NULL;
    ssize_t n = pread(fd, head, sizeof(head), 0);

    r->fd = fd;
    r->status = 200;
    r->length = size;
    set(r, "Content-Type", kiln_http_type(name, head, n > 0 ? (size_t)n : 0));
    set(r, "Accept-Ranges", "bytes");
    if (!range_valid(ask, (int64_t)st->st_mtim.tv_sec))
        return;
    switch (kiln_http_range_parse(ask->range, size, &r->offset, &r->length)) {
    case KILN_HTTP_RANGE_ALL:
        return;
    case KILN_HTTP_RANGE_PART:
        r->status = 206;
        span = kiln_xasprintf("bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, r->offset,
                              r->offset + r->length - 1, size);
        break;
    case KILN_HTTP_RANGE_BAD:
        kiln_fd_closep(&r->fd);
        plain_error(r, 416, "invalid range: failed to overlap");
        span = kiln_xasprintf("bytes */%" PRIu64, size);
        break;
    }
    set(r, "Content-Range", span);
}

static void add_html(struct kiln_str *out, const char *s)
{
    static const struct {
        char c;
        const char *as;
    } special[] = {
        { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&#34;" }, { '\'', "&#39;" }
    };

    for (; *s; s++) {
        const char *as = NULL;

        for (size_t i = 0; i < KILN_COUNT(special); i++)
            if (special[i].c == *s)
                as = special[i].as;
        if (as)
            kiln_str_adds(out, as);
        else
            kiln_str_addc(out, *s);
    }
}

static void add_link(struct kiln_str *out, const char *name)
{
    KILN_AUTO_STR href = { 0 };

    if (memchr(name, ':', strcspn(name, "/"))) /* or it would be read as a scheme */
        kiln_str_adds(&href, "./");
    kiln_url_add_path(&href, name);
    kiln_str_adds(out, "<a href=\"");
    add_html(out, kiln_str_cstr(&href));
    kiln_str_adds(out, "\">");
    add_html(out, name);
    kiln_str_adds(out, "</a>\n");
}

static bool is_subdir(int dir_fd, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Takes fd: an open directory. */
static void reply_listing(struct kiln_http_reply *r, int fd)
{
    KILN_AUTO_STRV names = { 0 };
    struct dirent *e;
    size_t size = 0;
    DIR *dir = fdopendir(fd);

    if (!dir) {
        not_found(r, errno);
        (void)close(fd);
        return;
    }
    while (size <= KILN_MAX_HTTP_LISTING && (e = readdir(dir))) {
        if (kiln_streq(e->d_name, ".") || kiln_streq(e->d_name, ".."))
            continue;
        kiln_strv_addf(&names, "%s%s", e->d_name, is_subdir(fd, e) ? "/" : "");
        size += strlen(e->d_name) + 1;
    }
    (void)closedir(dir);
    kiln_strv_sort(&names);
    r->body.max = KILN_MAX_HTTP_LISTING;
    kiln_str_adds(&r->body, "<!doctype html>\n"
                            "<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n");
    KILN_STRV_FOREACH (name, &names) {
        add_link(&r->body, name);
    }
    kiln_str_adds(&r->body, "</pre>\n");
    if (!kiln_str_ok(&r->body, "listing", NULL)) {
        kiln_str_done(&r->body);
        plain_error(r, 500, "Error reading directory");
        return;
    }
    r->status = 200;
    set(r, "Content-Type", "text/html; charset=utf-8");
}

/* O_NONBLOCK: a FIFO must not hang the server before it is refused. */
static int open_served(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int why = ENOENT;

    if (fd < 0)
        return -1;
    if (fstat(fd, st) != 0)
        why = errno;
    else if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
        return fd;
    (void)close(fd);
    errno = why;
    return -1;
}

static void reply_found(struct kiln_http_reply *r, const struct kiln_http_ask *ask,
                        const char *path, int fd, struct stat *st)
{
    bool listing = false;

    if (S_ISDIR(st->st_mode)) {
        KILN_AUTO_FREE char *index = kiln_path_join(path, "index.html");
        struct stat index_st;
        int index_fd = open_served(index, &index_st);

        if (index_fd >= 0 && S_ISREG(index_st.st_mode)) {
            (void)close(fd);
            fd = index_fd;
            *st = index_st;
            path = "index.html";
        } else {
            kiln_fd_closep(&index_fd);
            listing = true;
        }
    }
    set_date(r, (int64_t)st->st_mtim.tv_sec);
    if (not_modified(ask, (int64_t)st->st_mtim.tv_sec)) {
        (void)close(fd);
        r->status = 304;
    } else if (listing) {
        reply_listing(r, fd);
    } else {
        reply_file(r, ask, path, fd, st);
    }
}

static void reply_directory(struct kiln_http_reply *r, const char *root,
                            const struct kiln_http_ask *ask, const char *clean, const char *plain)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("%s%s", root, clean);
    bool slash = kiln_has_suffix(plain, "/");
    const char *name;
    struct stat st;
    int fd;

    if (kiln_has_suffix(plain, "/index.html")) {
        redirect(r, ask->uri, "./", "", "");
        return;
    }
    fd = open_served(path, &st);
    if (fd < 0) {
        not_found(r, errno);
        return;
    }
    name = kiln_path_base(clean);
    if (S_ISDIR(st.st_mode) && !slash) {
        /* "/a/b/.." is the directory "/a": only a path that names it may be made relative. */
        name = kiln_has_suffix(plain, clean) ? name : kiln_path_base(plain);
        redirect(r, ask->uri, "", name, "/");
    } else if (S_ISREG(st.st_mode) && slash) {
        redirect(r, ask->uri, "../", name, "");
    } else {
        reply_found(r, ask, path, fd, &st);
        return;
    }
    (void)close(fd);
}

static void reply_content(struct kiln_http_reply *r, const struct kiln_strmap *content,
                          const char *path)
{
    const char *text = kiln_strmap_get(content, path);
    const char *nearest = NULL;
    unsigned best = 3; /* edits; more than two are no typing error */
    KILN_AUTO_FREE char *miss = NULL;

    if (text) {
        r->status = 200;
        kiln_str_adds(&r->body, text);
        set(r, "Content-Type", kiln_http_type(NULL, kiln_str_cstr(&r->body), r->body.len));
        return;
    }
    KILN_STRV_FOREACH (key, &content->keys) {
        unsigned distance = kiln_edit_distance(path, key);

        if (distance < best) {
            best = distance;
            nearest = key;
        }
    }
    miss = nearest ? kiln_xasprintf("%s not found. Did you mean \"%s\"?", path, nearest)
                   : kiln_xasprintf("%s not found.", path);
    plain_error(r, 404, miss);
}

void kiln_http_reply_make(struct kiln_http_reply *ret, const struct kiln_http_site *site,
                          const struct kiln_http_ask *ask)
{
    KILN_AUTO_STR clean = KILN_STR_MAX(KILN_MAX_HTTP_HEADER);
    KILN_AUTO_STR plain = KILN_STR_MAX(KILN_MAX_HTTP_HEADER);

    *ret = (struct kiln_http_reply){ .fd = -1 };
    if (!kiln_http_path(ask->uri, &clean, &plain) || !kiln_str_ok(&plain, "path", NULL))
        plain_error(ret, 400, "400 Bad Request");
    else if (site->content)
        reply_content(ret, site->content, kiln_str_cstr(&clean));
    else
        reply_directory(ret, site->directory, ask, kiln_str_cstr(&clean), kiln_str_cstr(&plain));
}
