/* Downloads from a real server: the cache, the list of URLs, local files, parallel builds. */
#include <sys/stat.h>

#include "download_bed.h"
#include "net/fetch.h"

static void fresh_and_cached(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso?z=1&b=2");
    KILN_AUTO_FREE char *want = cached_iso(b);
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part", want);
    KILN_AUTO_FREE char *shown =
        kiln_xasprintf("Trying http://127.0.0.1:%d/a.iso?b=2&checksum=sha256%%3A%s&z=1",
                       kiln_http_server_port(b->server), b->sha256);
    KILN_AUTO_FREE char *arrow = NULL;
    AUTO_RUN r = { .urls = { url } };

    must(b, &r);
    assert_string_equal(r.got.path, want);
    assert_string_equal(r.got.url, url);
    same_as_iso(b, want);
    assert_false(kiln_fs_exists(part));
    assert_int_equal(b->done, ISO_SIZE);
    assert_int_equal(b->total, ISO_SIZE);
    arrow = kiln_xasprintf("%s => %s", shown + strlen("Trying "), want);
    assert_int_equal(b->lines.n, 3);
    assert_string_equal(b->lines.v[1], shown);
    assert_string_equal(b->lines.v[2], arrow);

    /* other URL, server gone: from the cache */
    kiln_http_server_stopp(&b->server);
    r.urls[0] = "http://127.0.0.1:1/elsewhere.iso";
    must(b, &r);
    assert_string_equal(r.got.path, want);
    assert_int_equal(b->requests.n, 1);
}

static void damaged_cache(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *target = cached_iso(b);
    const char *name = kiln_path_base(target);
    KILN_AUTO_FREE char *in_dir = kiln_path_join("cache", name);
    AUTO_RUN r = { .urls = { url } };

    put_file(b->dir, in_dir, "", 0); /* what Packer leaves of a 404 */
    must(b, &r);
    same_as_iso(b, target);
    b->iso[ISO_SIZE / 2] ^= 1;
    put_file(b->dir, in_dir, b->iso, ISO_SIZE); /* a flipped bit */
    b->iso[ISO_SIZE / 2] ^= 1;
    must(b, &r);
    same_as_iso(b, target);
    put_file(b->dir, in_dir, b->iso, 1 << 20); /* what Packer leaves of a broken transfer */
    kiln_strv_done(&b->requests);
    must(b, &r);
    same_as_iso(b, target);
    kiln_http_server_stopp(&b->server); /* so that its last callback has been */
    assert_int_equal(b->requests.n, 1);
    assert_string_equal(b->requests.v[0], "GET /a.iso 206");
}

static void fallback(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *bad = server_url(b, "/nope.iso");
    KILN_AUTO_FREE char *good = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *line = kiln_xasprintf("Download failed %s: bad response code: 404", bad);
    AUTO_RUN r = { .urls = { bad, "http://127.0.0.1:1/refused", good } };

    must(b, &r);
    assert_string_equal(r.got.url, good);
    assert_true(kiln_strv_has(&b->lines, line));
    same_as_iso(b, r.got.path);
}

static void all_fail(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *bad = server_url(b, "/nope.iso");
    KILN_AUTO_FREE char *target = cached_iso(b);
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part", target);
    KILN_AUTO_FREE char *want = kiln_xasprintf(
        "error downloading ISO: [%s: bad response code: 404 source path error: stat "
        "/nowhere/x.iso: no such file or directory error downloading 'ftp://u:xxxxx@h/x?checksum="
        "sha256%%3A%s': kiln reads http, https and file URLs and paths]",
        bad, b->sha256);
    AUTO_RUN r = { .urls = { bad, "/nowhere/x.iso", "ftp://u:pw@h/x" } };

    run(b, &r);
    assert_false(r.ok);
    assert_string_equal(r.err.msg, want);
    assert_int_equal(r.err.kind, KILN_ERR_USER);
    assert_false(kiln_fs_exists(part)); /* nothing came: nothing is kept */
    assert_false(kiln_fs_exists(target));
}

static void mismatch(void **state)
{
    static const char zero[] = "md5:00000000000000000000000000000000";
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/x.iso");
    KILN_AUTO_FREE char *target = cached(b, zero);
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part", target);
    KILN_AUTO_FREE char *want =
        kiln_xasprintf("error downloading ISO: [Checksums did not match for %s.\n"
                       "Expected: 00000000000000000000000000000000\n"
                       "Got: 900150983cd24fb0d6963f7d28e17f72\n*md5.digest]",
                       target);
    KILN_AUTO_FREE char *line = kiln_xasprintf("Checksum did not match, removing %s", target);
    AUTO_RUN r = { .sum = zero, .urls = { url } };

    put_file(b->dir, "root/x.iso", "abc", 3);
    run(b, &r);
    assert_false(r.ok);
    assert_string_equal(r.err.msg, want);
    assert_true(kiln_strv_has(&b->lines, line));
    assert_false(kiln_fs_exists(part));
    assert_false(kiln_fs_exists(target));
}

/* Without a checksum: asked with HEAD each time, fetched again only when it changed. */
static void unchecked(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *target = cached(b, url);
    AUTO_RUN r = { .sum = "none", .urls = { url } };

    must(b, &r);
    assert_string_equal(r.got.path, target);
    same_as_iso(b, target);
    must(b, &r);
    put_file(b->dir, "root/a.iso", b->iso, ISO_SIZE - 1);
    must(b, &r);
    assert_int_equal(size_of(target), ISO_SIZE - 1);
    kiln_http_server_stopp(&b->server);
    assert_int_equal(b->requests.n, 4);
    assert_string_equal(b->requests.v[0], "GET /a.iso 200");
    assert_string_equal(b->requests.v[1], "HEAD /a.iso 200");
    assert_string_equal(b->requests.v[2], "HEAD /a.iso 200");
    assert_string_equal(b->requests.v[3], "GET /a.iso 200");
}

static void local(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *path = kiln_path_join(b->root, "a.iso");
    KILN_AUTO_FREE char *url = kiln_xasprintf("file://%s", path);
    KILN_AUTO_FREE char *link = kiln_path_join(b->root, "link.iso");
    KILN_AUTO_FREE char *wanted = kiln_path_join(b->dir, "wanted.iso");
    KILN_AUTO_FREE char *mismatch_text =
        kiln_xasprintf("Checksums did not match for %s.\nExpected: 0", path);
    AUTO_RUN r = { .urls = { path }, .target = wanted };

    must(b, &r);
    assert_string_equal(r.got.path, path);
    assert_false(kiln_fs_exists(wanted)); /* used where it is */
    r.urls[0] = url;
    must(b, &r);
    assert_string_equal(r.got.path, path);
    assert_int_equal(symlink("a.iso", link), 0);
    r.urls[0] = link;
    must(b, &r);
    assert_string_equal(r.got.path, link); /* as named */
    assert_int_equal(chdir(b->root), 0);
    r.urls[0] = "a.iso";
    must(b, &r);
    assert_string_equal(r.got.path, path);
    r.urls[0] = "file://./a.iso";
    r.sum = "none";
    must(b, &r);
    assert_string_equal(r.got.path, path);
    r.sum = "md5:00000000000000000000000000000000";
    must_fail(b, &r, mismatch_text);
    assert_true(kiln_fs_exists(path)); /* nobody removes the user's own file */
    r.urls[0] = "./";
    must_fail(b, &r, "is a directory");
    assert_int_equal(chdir("/"), 0);
}

static void targets(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *file = kiln_path_join(b->dir, "new/my.img");
    KILN_AUTO_FREE char *dir = kiln_path_join(b->dir, "isos");
    KILN_AUTO_FREE char *cached_path = cached_iso(b);
    KILN_AUTO_FREE char *key = kiln_xstrndup(kiln_path_base(cached_path), 40);
    KILN_AUTO_FREE char *in_dir = kiln_xasprintf("%s/%s.img", dir, key);
    AUTO_RUN r = { .urls = { url }, .target = file };

    must(b, &r);
    assert_string_equal(r.got.path, file);
    same_as_iso(b, file);
    r.target = dir;
    r.extension = "img";
    must(b, &r);
    assert_string_equal(r.got.path, in_dir);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkdir(file, 0700), 0); /* a directory, whatever its name */
    r.target = file;
    must(b, &r);
    assert_true(kiln_has_prefix(r.got.path, file) && kiln_has_suffix(r.got.path, ".img"));
}

/* The file is renewed, the link to it stays. */
static void target_is_a_link(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *link = kiln_path_join(b->dir, "link.iso");
    KILN_AUTO_FREE char *real = kiln_path_join(b->dir, "far/real.iso");
    AUTO_RUN r = { .urls = { url }, .target = link };
    struct stat st;

    assert_int_equal(symlink("far/real.iso", link), 0);
    put_file(b->dir, "far/real.iso", "stale", 5);
    for (int i = 0; i < 2; i++) {
        must(b, &r);
        assert_string_equal(r.got.path, link);
        same_as_iso(b, real);
        assert_int_equal(lstat(link, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(unlink(real), 0); /* now it leads nowhere */
    }
}

static const unsigned char hello_gz[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
                                          0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00,
                                          0x20, 0x30, 0x3a, 0x36, 0x06, 0x00, 0x00, 0x00 };

static void is_hello(const char *path)
{
    KILN_AUTO_STR text = { 0 };

    assert_true(kiln_fs_read(path, 100, &text, NULL));
    assert_string_equal(kiln_str_cstr(&text), "hello\n");
}

static size_t count_lines(const struct bed *b, const char *prefix)
{
    size_t n = 0;

    KILN_STRV_FOREACH (line, &b->lines)
        n += kiln_has_prefix(line, prefix);
    return n;
}

static void packed(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.img.gz");
    KILN_AUTO_FREE char *as_it_is = server_url(b, "/a.img.gz?archive=false");
    KILN_AUTO_FREE char *local = kiln_path_join(b->root, "a.img.gz");
    KILN_AUTO_FREE char *bad = server_url(b, "/bad.xz");
    KILN_AUTO_FREE char *target = kiln_path_join(b->dir, "named.raw");
    AUTO_RUN r = { .urls = { url },
                   .sum = "md5:b1946ac92492d2347c6235b4d2611184",
                   .extension = "RAW" };
    KILN_AUTO_STR text = { 0 };

    put_file(b->dir, "root/a.img.gz", hello_gz, sizeof(hello_gz));
    put_file(b->dir, "root/bad.xz", hello_gz, sizeof(hello_gz));
    must_fail(b, &r, "Checksums did not match"); /* it is that of the packed file */
    r.sum = "sha256:4925d2d4a2e887f938e428cb8c890c598b485c906ae241975c01be1dcc373c51";
    must(b, &r);
    is_hello(r.got.path);
    assert_true(kiln_has_suffix(r.got.path, ".raw"));
    must(b, &r); /* from the cache, as it is */
    is_hello(r.got.path);
    assert_int_equal(count_lines(b, "Unpacking "), 1);
    r.urls[0] = local;
    r.target = target; /* which may be there from another file: unpacked whatever it is */
    must(b, &r);
    must(b, &r);
    assert_string_equal(r.got.path, target);
    is_hello(target);
    assert_int_equal(count_lines(b, "Unpacking "), 3);
    r.target = NULL;
    r.urls[0] = as_it_is;
    r.sum = "none";
    must(b, &r);
    assert_true(kiln_fs_read(r.got.path, 100, &text, NULL));
    assert_int_equal(text.len, sizeof(hello_gz));
    r.urls[0] = bad;
    must_fail(b, &r, "not a .xz file");
    kiln_http_server_stopp(&b->server);
    assert_int_equal(b->requests.n, 4);
}

static void escaped(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/\303\244 b%20c.iso");
    AUTO_RUN r = { .urls = { url } };

    put_file(b->dir, "root/\303\244 b c.iso", b->iso, ISO_SIZE);
    must(b, &r);
    kiln_http_server_stopp(&b->server);
    assert_string_equal(b->requests.v[0], "GET /%C3%A4%20b%20c.iso 200");
}

static void checksum_in_url(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *query =
        kiln_xasprintf("/a.iso?checksum=sha256:%s&archive=false", b->sha256);
    KILN_AUTO_FREE char *url = server_url(b, query);
    KILN_AUTO_FREE char *bad = server_url(b, "/a.iso?checksum=sha3:00");
    AUTO_RUN r = { .sum = "md5:00000000000000000000000000000000", .urls = { url } };

    must(b, &r);
    same_as_iso(b, r.got.path);
    r.urls[0] = bad;
    must_fail(b, &r, "unsupported checksum type: sha3");
    kiln_http_server_stopp(&b->server);
    assert_string_equal(b->requests.v[0], "GET /a.iso 200");
}

struct parallel {
    struct bed *bed;
    struct run run;
    pthread_t thread;
};

static void *download_too(void *ud)
{
    struct parallel *p = ud;

    run(p->bed, &p->run);
    return NULL;
}

/* Four builds want the same file: one request, four times the same result. */
static void parallel(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    struct parallel p[4] = { 0 };

    for (size_t i = 0; i < KILN_COUNT(p); i++) {
        p[i] = (struct parallel){ .bed = b, .run = { .urls = { url } } };
        assert_true(kiln_thread_start(&p[i].thread, "build", download_too, &p[i], NULL));
    }
    for (size_t i = 0; i < KILN_COUNT(p); i++) {
        (void)pthread_join(p[i].thread, NULL);
        if (!p[i].run.ok)
            fail_msg("%s", kiln_err_text(&p[i].run.err));
        run_done(&p[i].run);
    }
    kiln_http_server_stopp(&b->server);
    assert_int_equal(b->requests.n, 1);
}

/* No network: the "proxy" is the peer, and sees the whole URL. */
static void proxy(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *whole = kiln_xasprintf(HEAD_200 "Content-Length: %zu", ISO_SIZE);
    struct turn turns[] = { turn_of(whole, b->iso, ISO_SIZE) };
    static const char *const names[] = { "http_proxy", "HTTP_PROXY" };

    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        KILN_AUTO_FREE char *url = NULL;
        struct peer p;
        AUTO_RUN r = { .urls = { "http://mirror.invalid/a.iso" } };

        assert_true(kiln_fs_remove_tree(b->cache, NULL));
        peer_start(&p, turns, 1, false);
        url = peer_url(&p, "");
        assert_int_equal(setenv(names[i], url, 1), 0);
        run(b, &r);
        assert_int_equal(unsetenv(names[i]), 0);
        peer_stop(&p);
        assert_true(r.ok);
        assert_true(
            kiln_has_prefix(p.requests.v[0], "GET http://mirror.invalid/a.iso HTTP/1.1\r\n"));
        kiln_strv_done(&p.requests);
    }
}

/* Nobody but the server gets what is meant for a server of this machine. */
static void no_proxy_to_ourselves(void **state)
{
    static const char *const others[] = { NULL, "", "a.invalid,b.invalid", "*" };
    struct bed *b = *state;
    KILN_AUTO_FREE char *by_number = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *by_name = kiln_xasprintf("http://localhost%s", strrchr(by_number, ':'));

    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    for (size_t i = 0; i < KILN_COUNT(others); i++) {
        AUTO_RUN r = { .urls = { i % 2 ? by_name : by_number }, .sum = "none" };

        if (others[i])
            assert_int_equal(setenv("no_proxy", others[i], 1), 0);
        run(b, &r);
        if (!r.ok)
            fail_msg("no_proxy=%s: %s", others[i], r.err.msg);
    }
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("no_proxy"), 0);
}

static void probe(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *first = server_url(b, "/a.iso?1");
    KILN_AUTO_FREE char *second = server_url(b, "/a.iso?2");
    KILN_AUTO_FREE char *missing = server_url(b, "/none");
    KILN_AUTO_FREE char *listing = server_url(b, "/"); /* without Accept-Ranges */
    KILN_AUTO_FREE char *want = kiln_xasprintf(
        "No byte serving support. The HTTP server must support Accept-Ranges=bytes (%s: bad "
        "response code: 404; %s: no Accept-Ranges: bytes; ./a.iso: not an http or https URL)",
        missing, listing);
    KILN_AUTO_STRV urls = { 0 };
    const char *url = NULL;
    KILN_AUTO_ERR err = { 0 };

    kiln_strv_add(&urls, missing);
    kiln_strv_add(&urls, listing);
    kiln_strv_add(&urls, "./a.iso");
    unit_fails(kiln_fetch_probe_ranges(&urls, b->cancel, &url, &err), &err, KILN_ERR_REMOTE, want);
    kiln_strv_add(&urls, first);
    kiln_strv_add(&urls, second);
    kiln_strv_add(&urls, missing);
    unit_ok(kiln_fetch_probe_ranges(&urls, b->cancel, &url, &err), &err);
    assert_string_equal(url, second);
}

static void texts(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/SUMS");
    KILN_AUTO_FREE char *missing = server_url(b, "/none");
    KILN_AUTO_FREE char *want_missing = kiln_xasprintf("%s: bad response code: 404", missing);
    KILN_AUTO_FREE char *want_large =
        kiln_xasprintf("%s: larger than a file of this kind may be", url);
    KILN_AUTO_FREE char *path = kiln_path_join(b->root, "SUMS");
    KILN_AUTO_FREE char *file_url = kiln_xasprintf("file://%s", path);
    const char *const good[] = { url, path, file_url };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_STR large = { 0 };

    put_file(b->dir, "root/SUMS", "text", 4);
    for (size_t i = 0; i < KILN_COUNT(good); i++) {
        KILN_AUTO_STR text = { 0 };

        unit_ok(kiln_fetch_text(good[i], 4, b->cancel, &text, &err), &err);
        assert_string_equal(kiln_str_cstr(&text), "text");
    }
    unit_fails(kiln_fetch_text(url, 3, b->cancel, &large, &err), &err, KILN_ERR_REMOTE, want_large);
    unit_fails(kiln_fetch_text(missing, 9, b->cancel, &large, &err), &err, KILN_ERR_REMOTE,
               want_missing);
    unit_fails(kiln_fetch_text("s3://u:pw@b/x", 9, b->cancel, &large, &err), &err, KILN_ERR_USER,
               "s3://u:xxxxx@b/x: kiln reads http, https and file URLs and paths");
}

static void checksum_files(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/iso/a.iso");
    KILN_AUTO_FREE char *sums = server_url(b, "/SUMS");
    KILN_AUTO_FREE char *arg = kiln_xasprintf("file:%s", sums);
    KILN_AUTO_FREE char *line = kiln_xasprintf("# c\n%s  iso/a.iso", b->sha256);
    KILN_AUTO_CHECKSUM sum = { 0 };
    KILN_AUTO_ERR err = { 0 };

    put_file(b->dir, "root/SUMS", line, strlen(line));
    assert_true(kiln_checksum_parse(arg, &sum, NULL));
    unit_ok(kiln_fetch_checksum(&sum, url, b->cancel, &err), &err);
    assert_int_equal(sum.kind, KILN_CHECKSUM_SUM);
    assert_string_equal(sum.hex, b->sha256);
    assert_null(sum.source);
    unit_ok(kiln_fetch_checksum(&sum, url, b->cancel, &err), &err); /* nothing left to do */
    kiln_checksum_done(&sum);
    assert_true(kiln_checksum_parse("file:./no/such", &sum, NULL));
    unit_fails(kiln_fetch_checksum(&sum, url, b->cancel, &err), &err, KILN_ERR_SYSTEM,
               "Error downloading checksum file: open ./no/such: No such file or directory");
    assert_int_equal(sum.kind, KILN_CHECKSUM_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BED_TEST(fresh_and_cached),
        BED_TEST(damaged_cache),
        BED_TEST(fallback),
        BED_TEST(all_fail),
        BED_TEST(mismatch),
        BED_TEST(unchecked),
        BED_TEST(local),
        BED_TEST(targets),
        BED_TEST(target_is_a_link),
        BED_TEST(packed),
        BED_TEST(escaped),
        BED_TEST(checksum_in_url),
        BED_TEST(parallel),
        BED_TEST(proxy),
        BED_TEST(no_proxy_to_ourselves),
        BED_TEST(probe),
        BED_TEST(texts),
        BED_TEST(checksum_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
