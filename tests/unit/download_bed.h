/* A cache, a site with an ISO and a real server for it; what the tests of downloads share. */
#ifndef KILN_TESTS_DOWNLOAD_BED_H
#define KILN_TESTS_DOWNLOAD_BED_H

#include <sys/stat.h>

#include "net/download.h"
#include "net/http_server.h"
#include "net_peer.h"

#define ISO_SIZE ((size_t)3 << 20 | 12345)

struct bed {
    char *dir, *root, *cache;
    unsigned char *iso; /* ISO_SIZE bytes, also in root/a.iso */
    char sha256[KILN_HASH_HEX_MAX + 1];
    struct kiln_cancel *cancel;
    struct kiln_http_server *server;
    pthread_mutex_t lock; /* over the rest */
    struct kiln_strv requests, lines;
    uint64_t done, total;
    bool fire_on_progress;
};

UNUSED static void on_request(void *ud, const struct kiln_http_request *r)
{
    struct bed *b = ud;

    (void)pthread_mutex_lock(&b->lock);
    kiln_strv_addf(&b->requests, "%s %s %u", r->method, r->uri, r->status);
    (void)pthread_mutex_unlock(&b->lock);
}

UNUSED static void on_say(void *ud, const char *line)
{
    struct bed *b = ud;

    (void)pthread_mutex_lock(&b->lock);
    kiln_strv_add(&b->lines, line);
    (void)pthread_mutex_unlock(&b->lock);
}

UNUSED static void on_progress(void *ud, uint64_t done, uint64_t total)
{
    struct bed *b = ud;

    b->done = done;
    b->total = total;
    if (b->fire_on_progress)
        kiln_cancel_fire(b->cancel);
}

UNUSED static int open_bed(void **state)
{
    struct bed *b = kiln_xcalloc(1, sizeof(*b));
    struct kiln_hash_sums sums;
    KILN_CLEANUP(kiln_hash_freep) struct kiln_hash *h = NULL;
    KILN_AUTO_ERR err = { 0 };

    b->dir = kiln_fs_temp_dir("kiln-test-", NULL);
    b->root = kiln_path_join(b->dir, "root");
    b->cache = kiln_path_join(b->dir, "cache");
    b->iso = kiln_xmalloc(ISO_SIZE);
    b->cancel = kiln_cancel_new();
    (void)pthread_mutex_init(&b->lock, NULL);
    for (size_t i = 0; i < ISO_SIZE; i++)
        b->iso[i] = (unsigned char)(i * 2654435761u >> 19);
    put_file(b->dir, "root/a.iso", b->iso, ISO_SIZE);
    assert_true(kiln_hash_new(&h, KILN_HASH_BIT(KILN_HASH_SHA256), NULL));
    kiln_hash_update(h, b->iso, ISO_SIZE);
    kiln_hash_finish(h, &sums);
    memcpy(b->sha256, sums.hex[KILN_HASH_SHA256], sizeof(b->sha256));
    struct kiln_http_config config = { .port_min = 20000,
                                       .port_max = 30000,
                                       .directory = b->root,
                                       .lock_dir = b->dir,
                                       .on_request = on_request,
                                       .ud = b };
    unit_ok(kiln_http_server_start(&b->server, &config, NULL, &err), &err);
    *state = b;
    return 0;
}

UNUSED static int close_bed(void **state)
{
    struct bed *b = *state;
    bool ok;

    kiln_http_server_stop(b->server);
    ok = kiln_fs_remove_tree(b->dir, NULL);
    kiln_strv_done(&b->requests);
    kiln_strv_done(&b->lines);
    kiln_cancel_free(b->cancel);
    free(b->iso);
    free(b->dir);
    free(b->root);
    free(b->cache);
    free(b);
    return ok ? 0 : -1;
}

UNUSED static char *server_url(struct bed *b, const char *path)
{
    return kiln_xasprintf("http://127.0.0.1:%d%s", kiln_http_server_port(b->server), path);
}

UNUSED static char *peer_url(const struct peer *p, const char *path)
{
    return kiln_xasprintf("http://127.0.0.1:%d%s", p->port, path);
}

/* What a test may change of a download, and what comes of it. */
struct run {
    const char *sum; /* "none", "sha256:…"; NULL: that of the ISO */
    const char *urls[4];
    const char *target, *extension;
    int64_t stall_us, timeout_us;
    struct kiln_downloaded got;
    struct kiln_err err;
    bool ok;
};

UNUSED static void run_done(struct run *r)
{
    kiln_downloaded_done(&r->got);
    kiln_err_clear(&r->err);
}
#define AUTO_RUN KILN_CLEANUP(run_done) struct run

UNUSED static void run(struct bed *b, struct run *r)
{
    KILN_AUTO_STRV urls = { 0 };
    KILN_AUTO_FREE char *own = kiln_xasprintf("sha256:%s", b->sha256);
    struct kiln_checksum sum;
    struct kiln_download d = { .what = "ISO",
                               .urls = &urls,
                               .checksum = &sum,
                               .target = r->target,
                               .extension = r->extension,
                               .cache_dir = b->cache,
                               .stall_us = r->stall_us,
                               .timeout_us = r->timeout_us,
                               .say = on_say,
                               .progress = on_progress,
                               .ud = b };

    assert_true(kiln_checksum_parse(r->sum ? r->sum : own, &sum, NULL));
    for (size_t i = 0; i < KILN_COUNT(r->urls) && r->urls[i]; i++)
        kiln_strv_add(&urls, r->urls[i]);
    kiln_downloaded_done(&r->got);
    kiln_err_clear(&r->err);
    r->ok = kiln_download(&d, b->cancel, &r->got, &r->err);
}

UNUSED static void must(struct bed *b, struct run *r)
{
    run(b, r);
    if (!r->ok)
        fail_msg("%s", kiln_err_text(&r->err));
}

UNUSED static void must_fail(struct bed *b, struct run *r, const char *part_of_text)
{
    run(b, r);
    if (r->ok)
        fail_msg("%s came", r->got.path);
    if (!strstr(r->err.msg, part_of_text))
        fail_msg("'%s' is not in: %s", part_of_text, r->err.msg);
}

UNUSED static void same_as_iso(struct bed *b, const char *path)
{
    KILN_AUTO_STR text = { 0 };

    assert_true(kiln_fs_read(path, 64 << 20, &text, NULL));
    assert_int_equal(text.len, ISO_SIZE);
    assert_memory_equal(text.data, b->iso, ISO_SIZE);
}

/* CACHE/sha1(key).iso; sha1 by this program's own hash, whose vectors are tested elsewhere. */
UNUSED static char *cached(struct bed *b, const char *key)
{
    char hex[KILN_HASH_HEX_MAX + 1];

    assert_true(kiln_hash_text(KILN_HASH_SHA1, key, hex, NULL));
    return kiln_xasprintf("%s/%s.iso", b->cache, hex);
}

UNUSED static char *cached_iso(struct bed *b)
{
    KILN_AUTO_FREE char *key = kiln_xasprintf("sha256:%s", b->sha256);

    return cached(b, key);
}

UNUSED static off_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

#define HEAD_200 "HTTP/1.1 200 OK\r\nConnection: close\r\nAccept-Ranges: bytes\r\n"

UNUSED static struct turn turn_of(const char *head, const void *body, size_t len)
{
    return (struct turn){ .head = head, .body = body, .len = len };
}

#define BED_TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)

#endif
