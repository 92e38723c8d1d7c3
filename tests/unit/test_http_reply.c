/* What the HTTP server answers, without a socket. */
#include <sys/stat.h>
#include <utime.h>

#include "net/http_date.h"
#include "net/http_reply.h"
#include "net_peer.h"

static void dates(void **state)
{
    static const struct {
        int64_t at;
        const char *text;
    } table[] = {
        { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" }, /* RFC 9110, 5.6.7 */
        { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
        { 1709164800, "Thu, 29 Feb 2024 00:00:00 GMT" },
        { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
        { INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
    };
    static const char *const bad[] = {
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, x6 Nov 1994 08:49:37 GMT",
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        char text[KILN_HTTP_DATE_SIZE];
        int64_t at = 0;

        kiln_http_date_format(table[i].at, text);
        assert_string_equal(text, table[i].text);
        assert_true(kiln_http_date_parse(text, &at));
        if (table[i].at != INT64_MAX)
            assert_int_equal(at, table[i].at);
    }
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        int64_t at;

        assert_false(kiln_http_date_parse(bad[i], &at));
    }
}

static void paths(void **state)
{
    static const struct {
        const char *uri, *clean; /* NULL: refused */
    } table[] = {
        { "/", "/" },
        { "", "/" },
        { "/a/b", "/a/b" },
        { "/a/b/", "/a/b" },
        { "//a///b", "/a/b" },
        { "/a?x=/../..", "/a" },
        { "/./a/./b/.", "/a/b" },
        { "/a/../b", "/b" },
        { "/../../etc/passwd", "/etc/passwd" },
        { "/..", "/" },
        { "/a/../../..", "/" },
        { "/%2e%2e/%2E%2e/etc/passwd", "/etc/passwd" },
        { "/..%2f..%2Fetc%2fpasswd", "/etc/passwd" },
        { "/%2e%2e%2f%2e%2e%2fetc/passwd", "/etc/passwd" },
        { "/%252e%252e/x", "/%2e%2e/x" }, /* decoded once only */
        { "/..\\..\\x", "/..\\..\\x" },
        { "/...", "/..." },
        { "/..a/.b", "/..a/.b" },
        { "/a%20b", "/a b" },
        { "/a%00b", NULL },
        { "/a%", NULL },
        { "/a%4", NULL },
        { "/a%4g", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        KILN_AUTO_STR clean = { 0 }, plain = { 0 };
        bool ok = kiln_http_path(table[i].uri, &clean, &plain);

        assert_int_equal(ok, table[i].clean != NULL);
        if (ok)
            assert_string_equal(kiln_str_cstr(&clean), table[i].clean);
    }
}

static void ranges(void **state)
{
    static const struct {
        const char *value;
        enum kiln_http_range kind;
        uint64_t offset, length;
    } table[] = {
        { NULL, KILN_HTTP_RANGE_ALL, 0, 0 },
        { "bytes=0-", KILN_HTTP_RANGE_PART, 0, 100 },
        { "bytes=99-", KILN_HTTP_RANGE_PART, 99, 1 },
        { "bytes=10-19", KILN_HTTP_RANGE_PART, 10, 10 },
        { "bytes=10-10", KILN_HTTP_RANGE_PART, 10, 1 },
        { "bytes=90-1000", KILN_HTTP_RANGE_PART, 90, 10 },
        { "bytes=-5", KILN_HTTP_RANGE_PART, 95, 5 },
        { "bytes=-500", KILN_HTTP_RANGE_PART, 0, 100 },
        { "bytes=100-", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=-0", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=5-4", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=x-", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=-", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=5", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=1-2x", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=99999999999999999999-", KILN_HTTP_RANGE_BAD, 0, 0 },
        { "bytes=1-2,4-5", KILN_HTTP_RANGE_ALL, 0, 0 },
        { "lines=1-2", KILN_HTTP_RANGE_ALL, 0, 0 },
    };
    uint64_t offset, length;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        offset = length = 0;
        if (kiln_http_range_parse(table[i].value, 100, &offset, &length) != table[i].kind)
            fail_msg("%s", table[i].value);
        assert_int_equal(offset, table[i].offset);
        assert_int_equal(length, table[i].length);
    }
    assert_int_equal(kiln_http_range_parse("bytes=0-", 0, &offset, &length), KILN_HTTP_RANGE_ALL);
}

static void types(void **state)
{
    static const struct {
        const char *name, *head, *type;
    } table[] = {
        { "a.html", "x", "text/html; charset=utf-8" },
        { "a.JSON", "x", "application/json" },
        { "preseed.cfg", "d-i x", "text/plain; charset=utf-8" },
        { "user-data", "#cloud-config\n", "text/plain; charset=utf-8" },
        { NULL, "", "text/plain; charset=utf-8" },
        { NULL, " \n<!doctype html>", "text/html; charset=utf-8" },
        { NULL, "<p>", "text/html; charset=utf-8" },
        { NULL, "<pre>", "text/plain; charset=utf-8" },
        { NULL, "<?xml version", "text/xml; charset=utf-8" },
        { "a.gz", "\x1f\x8b\x08", "application/gzip" },
        { "a.iso", "a\x01", "application/octet-stream" },
        { "a.bin",
          "\x7f"
          "ELF\x02\x01",
          "application/octet-stream" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++)
        assert_string_equal(kiln_http_type(table[i].name, table[i].head, strlen(table[i].head)),
                            table[i].type);
    assert_string_equal(kiln_http_type(NULL, "a\0b", 3), "application/octet-stream");
}

/* One row, one request to a directory made by make_site. */
struct row {
    const char *uri;
    unsigned status;
    const char *body;           /* NULL: not looked at */
    const char *header, *value; /* NULL value: the header must be absent */
    const char *range, *since, *if_range;
};

#define OLD   "Sat, 01 Jan 2000 00:00:00 GMT"
#define NOW   "Sun, 01 Jan 2023 00:00:00 GMT" /* what the files are dated */
#define NEW   "Mon, 01 Jan 2024 00:00:00 GMT"
#define NOW_S 1672531200
#define HTML_HEAD                                                                                  \
    "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n"
#define NOT_FOUND "404 page not found\n"

static void make_site(const char *dir)
{
    static const char *const files[] = { "root/a.txt",   "root/sub/f & 'g'.cfg", "root/sub/x:y",
                                         "root/.hidden", "root/web/index.html",  "secret" };
    KILN_AUTO_FREE char *fifo = kiln_path_join(dir, "root/fifo");
    KILN_AUTO_FREE char *link = kiln_path_join(dir, "root/link");
    KILN_AUTO_FREE char *target = kiln_path_join(dir, "secret");
    KILN_AUTO_FREE char *empty = kiln_path_join(dir, "root/empty");
    KILN_AUTO_FREE char *sub = kiln_path_join(dir, "root/sub");
    struct utimbuf times = { NOW_S, NOW_S };

    for (size_t i = 0; i < KILN_COUNT(files); i++) {
        KILN_AUTO_FREE char *path = kiln_path_join(dir, files[i]);

        put_file(dir, files[i], "0123456789", 10);
        assert_int_equal(utime(path, &times), 0);
    }
    put_file(dir, "root/empty", "", 0);
    assert_int_equal(utime(empty, &times), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(utime(sub, &times), 0);
}

static void body_of(struct kiln_http_reply *r, struct kiln_str *out)
{
    char buf[4096];
    ssize_t n;

    if (r->fd < 0) {
        kiln_str_adds(out, kiln_str_cstr(&r->body));
        return;
    }
    assert_true(r->length < sizeof(buf));
    n = pread(r->fd, buf, r->length, (off_t)r->offset);
    assert_int_equal(n, r->length);
    kiln_str_add(out, buf, (size_t)n);
}

static void check_row(const struct kiln_http_site *site, const struct row *row)
{
    KILN_CLEANUP(kiln_http_reply_done) struct kiln_http_reply r;
    struct kiln_http_ask ask = { .uri = row->uri,
                                 .range = row->range,
                                 .if_range = row->if_range,
                                 .if_modified_since = row->since };
    KILN_AUTO_STR body = { 0 };

    kiln_http_reply_make(&r, site, &ask);
    body_of(&r, &body);
    if (r.status != row->status)
        fail_msg("%s: %u, not %u", row->uri, r.status, row->status);
    if (row->body && strcmp(kiln_str_cstr(&body), row->body) != 0)
        fail_msg("%s: body '%s'", row->uri, kiln_str_cstr(&body));
    if (row->header) {
        const char *value = kiln_strmap_get(&r.headers, row->header);

        if (!kiln_streq(value, row->value))
            fail_msg("%s: %s: %s", row->uri, row->header, value ? value : "(absent)");
    }
}

static void directory(void **state)
{
    static const struct row rows[] = {
        { "/a.txt", 200, "0123456789", "Content-Type", "text/plain; charset=utf-8", 0, 0, 0 },
        { "/a.txt?x=1", 200, "0123456789", "Last-Modified", NOW, 0, 0, 0 },
        { "//sub//x:y", 200, "0123456789", "Accept-Ranges", "bytes", 0, 0, 0 },
        { "/.hidden", 200, "0123456789", NULL, NULL, 0, 0, 0 },
        { "/link", 200, "0123456789", NULL, NULL, 0, 0, 0 }, /* out of the tree: allowed */
        { "/empty", 200, "", NULL, NULL, "bytes=0-", 0, 0 },
        /* nothing outside by name */
        { "/../secret", 404, NOT_FOUND, "X-Content-Type-Options", "nosniff", 0, 0, 0 },
        { "/%2e%2e/secret", 404, NOT_FOUND, NULL, NULL, 0, 0, 0 },
        { "/..%2fsecret", 404, NOT_FOUND, NULL, NULL, 0, 0, 0 },
        { "/sub/../../secret", 404, NOT_FOUND, NULL, NULL, 0, 0, 0 },
        { "/sub/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", 404, NOT_FOUND, NULL, NULL, 0, 0,
          0 },
        { "/a%00.txt", 400, "400 Bad Request\n", NULL, NULL, 0, 0, 0 },
        { "/a%zz", 400, NULL, NULL, NULL, 0, 0, 0 },
        { "/fifo", 404, NOT_FOUND, NULL, NULL, 0, 0, 0 },
        { "/a.txt/b", 404, NOT_FOUND, NULL, NULL, 0, 0, 0 },
        { "/nope", 404, NOT_FOUND, "Content-Type", "text/plain; charset=utf-8", 0, 0, 0 },
        /* where things are */
        { "/sub", 301, "", "Location", "sub/", 0, 0, 0 },
        { "/sub?a=b", 301, "", "Location", "sub/?a=b", 0, 0, 0 },
        { "/web/index.html", 301, "", "Location", "./", 0, 0, 0 },
        { "/a.txt/", 301, "", "Location", "../a.txt", 0, 0, 0 },
        { "/sub/f%20%26%20'g'.cfg/", 301, "", "Location", "../f%20&%20%27g%27.cfg", 0, 0, 0 },
        { "/web/", 200, "0123456789", "Content-Type", "text/html; charset=utf-8", 0, 0, 0 },
        { "/sub/", 200,
          HTML_HEAD "<a href=\"f%20&amp;%20%27g%27.cfg\">f &amp; &#39;g&#39;.cfg</a>\n"
                    "<a href=\"./x:y\">x:y</a>\n</pre>\n",
          "Content-Type", "text/html; charset=utf-8", 0, 0, 0 },
        { "/", 200,
          HTML_HEAD "<a href=\".hidden\">.hidden</a>\n<a href=\"a.txt\">a.txt</a>\n"
                    "<a href=\"empty\">empty</a>\n<a href=\"fifo\">fifo</a>\n"
                    "<a href=\"link\">link</a>\n<a href=\"sub/\">sub/</a>\n"
                    "<a href=\"web/\">web/</a>\n</pre>\n",
          NULL, NULL, 0, 0, 0 },
        /* parts and changes */
        { "/a.txt", 206, "234", "Content-Range", "bytes 2-4/10", "bytes=2-4", 0, 0 },
        { "/a.txt", 206, "89", "Content-Range", "bytes 8-9/10", "bytes=-2", 0, 0 },
        { "/a.txt", 416, "invalid range: failed to overlap\n", "Content-Range", "bytes */10",
          "bytes=10-", 0, 0 },
        { "/a.txt", 206, "9", NULL, NULL, "bytes=9-", 0, NOW },
        { "/a.txt", 200, "0123456789", "Content-Range", NULL, "bytes=9-", 0, OLD },
        { "/a.txt", 200, "0123456789", NULL, NULL, "bytes=9-", 0, "\"etag\"" },
        { "/a.txt", 304, "", "Last-Modified", NOW, 0, NOW, 0 },
        { "/a.txt", 304, "", "Content-Type", NULL, 0, NEW, 0 },
        { "/a.txt", 200, "0123456789", NULL, NULL, 0, OLD, 0 },
        { "/sub/", 304, "", NULL, NULL, 0, NOW, 0 },
    };
    KILN_AUTO_FREE char *root = kiln_path_join(*state, "root");
    struct kiln_http_site site = { .directory = root };

    make_site(*state);
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_row(&site, &rows[i]);
}

static void content(void **state)
{
    static const struct row rows[] = {
        { "/a/b.cfg", 200, "hello", "Content-Type", "text/plain; charset=utf-8", 0, 0, 0 },
        { "/a//./b.cfg?x", 200, "hello", "Last-Modified", NULL, 0, 0, 0 },
        { "/x/../page", 200, "<html><p>", "Content-Type", "text/html; charset=utf-8", 0, 0, 0 },
        { "/a/c.cfg", 404, "/a/c.cfg not found. Did you mean \"/a/b.cfg\"?\n", NULL, NULL, 0, 0,
          0 },
        { "/nothing/like/it", 404, "/nothing/like/it not found.\n", NULL, NULL, 0, 0, 0 },
        { "/", 404, "/ not found.\n", NULL, NULL, 0, 0, 0 },
        { "/noslash", 404, "/noslash not found. Did you mean \"noslash\"?\n", NULL, NULL, 0, 0, 0 },
        { "/../../etc/passwd", 404, "/etc/passwd not found.\n", NULL, NULL, 0, 0, 0 },
    };
    KILN_AUTO_STRMAP map = { 0 };
    struct kiln_http_site site = { .content = &map };

    (void)state;
    kiln_strmap_set(&map, "/a/b.cfg", "hello");
    kiln_strmap_set(&map, "/page", "<html><p>");
    kiln_strmap_set(&map, "noslash", "x");
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_row(&site, &rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(paths),
        cmocka_unit_test(ranges),
        cmocka_unit_test(types),
        cmocka_unit_test_setup_teardown(directory, enter_dir, leave_dir),
        cmocka_unit_test(content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
