/* Downloads from servers that misbehave, into disks that are full, and cancelled. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "download_bed.h"

/* Cut off, then gone on with: only the rest is asked for. */
static void cut_and_resumed(void **state)
{
    struct bed *b = *state;
    size_t cut = 1 << 20;
    KILN_AUTO_FREE char *whole = kiln_xasprintf(HEAD_200 "Content-Length: %zu", ISO_SIZE);
    KILN_AUTO_FREE char *rest = kiln_xasprintf(
        "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: %zu\r\n"
        "Content-Range: bytes %zu-%zu/%zu",
        ISO_SIZE - cut, cut, ISO_SIZE - 1, ISO_SIZE);
    struct turn turns[] = { turn_of(whole, b->iso, cut),
                            turn_of(rest, b->iso + cut, ISO_SIZE - cut) };
    KILN_AUTO_FREE char *target = cached_iso(b);
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part", target);
    KILN_AUTO_FREE char *why =
        kiln_xasprintf("unexpected EOF: the server sent %zu of %zu bytes", cut, ISO_SIZE);
    KILN_AUTO_FREE char *range = kiln_xasprintf("\r\nRange: bytes=%zu-\r\n", cut);
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { 0 };

    peer_start(&p, turns, 2, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must_fail(b, &r, why);
    assert_int_equal(r.err.kind, KILN_ERR_REMOTE);
    assert_int_equal(size_of(part), cut);
    assert_int_equal(size_of(target), -1);
    must(b, &r);
    peer_stop(&p);
    same_as_iso(b, target);
    assert_int_equal(p.requests.n, 2);
    assert_null(strstr(p.requests.v[0], "Range:"));
    assert_non_null(strstr(p.requests.v[1], range));
    assert_null(strstr(p.requests.v[1], "If-Range:"));
    kiln_strv_done(&p.requests);
}

static void put_part(struct bed *b, const void *data, size_t len)
{
    KILN_AUTO_FREE char *target = cached_iso(b);
    KILN_AUTO_FREE char *name = kiln_xasprintf("cache/%s.part", kiln_path_base(target));

    put_file(b->dir, name, data, len);
}

/* A server that does not know ranges, answers 200 and sends it all: what was there is dropped. */
static void no_ranges(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *whole = kiln_xasprintf(HEAD_200 "Content-Length: %zu", ISO_SIZE);
    struct turn turns[] = { turn_of(whole, b->iso, ISO_SIZE) };
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { 0 };

    put_part(b, b->iso, 1000);
    peer_start(&p, turns, 1, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must(b, &r);
    peer_stop(&p);
    same_as_iso(b, r.got.path);
    assert_non_null(strstr(p.requests.v[0], "\r\nRange: bytes=1000-\r\n"));
    kiln_strv_done(&p.requests);
}

/* What was there is of another file, longer than this one or not: found out, and begun again. */
static void changed_on_resume(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    KILN_AUTO_FREE unsigned char *other = kiln_xcalloc(2, ISO_SIZE);
    KILN_AUTO_FREE char *target = cached_iso(b);
    AUTO_RUN r = { .urls = { url } };
    const size_t lengths[] = { 1000, ISO_SIZE, 2 * ISO_SIZE };

    for (size_t i = 0; i < KILN_COUNT(lengths); i++) {
        put_part(b, other, lengths[i]);
        must(b, &r);
        same_as_iso(b, target);
        assert_int_equal(unlink(target), 0);
    }
    kiln_http_server_stopp(&b->server);
    assert_int_equal(b->requests.n, 6);
    assert_string_equal(b->requests.v[0], "GET /a.iso 206");
    assert_string_equal(b->requests.v[1], "GET /a.iso 200");
    assert_string_equal(b->requests.v[2], "GET /a.iso 416");
    assert_string_equal(b->requests.v[4], "GET /a.iso 416");
}

/* A part that is complete already, as after a crash just before the end. */
static void complete_part(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    AUTO_RUN r = { .urls = { url } };

    put_part(b, b->iso, ISO_SIZE);
    must(b, &r);
    same_as_iso(b, r.got.path);
    kiln_http_server_stopp(&b->server);
    assert_int_equal(b->requests.n, 1);
    assert_string_equal(b->requests.v[0], "GET /a.iso 416");
}

static void wrong_range(void **state)
{
    struct bed *b = *state;
    static const char head[] = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n"
                               "Content-Length: 10\r\nContent-Range: bytes 5-14/2000";
    static const char no_range[] = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n"
                                   "Content-Length: 10";
    struct turn turns[] = { turn_of(head, "0123456789", 10), turn_of(no_range, "0123456789", 10) };
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { 0 };

    put_part(b, b->iso, 1000);
    peer_start(&p, turns, 2, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must_fail(b, &r, "the server sent the bytes from 5 on, not from 1000");
    must_fail(b, &r, "the server sent the bytes from 0 on, not from 1000");
    peer_stop(&p);
    kiln_strv_done(&p.requests);
}

static void redirects(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *good = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *to_good = kiln_xasprintf(
        "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 4\r\nLocation: %s", good);
    struct turn turns[] = {
        turn_of(to_good, "junk", 4),
        turn_of("HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n"
                "Location: file:///etc/passwd",
                "", 0),
        turn_of("HTTP/1.1 301 Moved\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /loop",
                "", 0),
    };
    KILN_AUTO_FREE char *url = NULL;
    KILN_AUTO_FREE char *target = cached_iso(b);
    struct peer p;
    AUTO_RUN r = { 0 };

    peer_start(&p, turns, 3, true);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must(b, &r);
    same_as_iso(b, target);
    assert_int_equal(unlink(target), 0);
    must_fail(b, &r, "rotocol"); /* libcurl's words for: not that one */
    must_fail(b, &r, "stopped after 10 redirects");
    peer_stop(&p);
    assert_int_equal(p.requests.n, 1 + 1 + 11);
    kiln_strv_done(&p.requests);
}

/* Bodies that end where nobody said, and lengths that lie. */
static void odd_bodies(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *with_extra = kiln_xasprintf(HEAD_200 "Content-Length: %zu", ISO_SIZE);
    KILN_AUTO_FREE char *longer = kiln_xmalloc(ISO_SIZE + 10);
    struct turn turns[] = {
        turn_of("HTTP/1.1 200 OK\r\nConnection: close", b->iso, ISO_SIZE), /* ended by the close */
        turn_of(with_extra, longer, ISO_SIZE + 10),
        turn_of(HEAD_200 "Content-Length: 0", "", 0),
        turn_of("nonsense", "", 0),
    };
    KILN_AUTO_FREE char *url = NULL;
    KILN_AUTO_FREE char *target = cached_iso(b);
    struct peer p;
    AUTO_RUN r = { 0 };

    memcpy(longer, b->iso, ISO_SIZE);
    memset(longer + ISO_SIZE, 'x', 10);
    peer_start(&p, turns, 4, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must(b, &r);
    same_as_iso(b, target);
    assert_int_equal(unlink(target), 0);
    must(b, &r);
    same_as_iso(b, target);
    assert_int_equal(unlink(target), 0);
    must_fail(b, &r, "Checksums did not match");
    must_fail(b, &r, "error downloading ISO: [http://127.0.0.1:");
    peer_stop(&p);
    kiln_strv_done(&p.requests);
}

static void stall(void **state)
{
    struct bed *b = *state;
    struct turn turns[] = {
        { .head = HEAD_200 "Content-Length: 1000", .body = "0123456789", .len = 10, .hold = true }
    };
    KILN_AUTO_FREE char *target = cached_iso(b);
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part", target);
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { .stall_us = KILN_SECOND(1) }; /* the peer may be slow to begin */

    peer_start(&p, turns, 1, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must_fail(b, &r, "stalled: less than 1 byte/s for 1s (");
    assert_int_equal(r.err.kind, KILN_ERR_TIMEOUT);
    assert_int_equal(size_of(part), 10); /* kept */
    peer_stop(&p);
    kiln_strv_done(&p.requests);
}

static void out_of_time(void **state)
{
    struct bed *b = *state;
    struct turn turns[] = {
        { .head = HEAD_200 "Content-Length: 1000", .body = "0123", .len = 4, .hold = true }
    };
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { .timeout_us = KILN_MS(50) };

    peer_start(&p, turns, 1, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must_fail(b, &r, "not done in time");
    assert_int_equal(r.err.kind, KILN_ERR_TIMEOUT);
    peer_stop(&p);
    kiln_strv_done(&p.requests);
}

static void fire(void *ud)
{
    kiln_cancel_fire(ud);
}

/* Cancelled while nothing comes: at once, the next URL is not tried, what came is kept. */
static void cancelled(void **state)
{
    struct bed *b = *state;
    struct turn turns[] = { { .head = HEAD_200 "Content-Length: 1000",
                              .body = "0123456789",
                              .len = 10,
                              .hold = true,
                              .then = fire,
                              .ud = b->cancel } };
    KILN_AUTO_FREE char *second = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { 0 };

    peer_start(&p, turns, 1, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    r.urls[1] = second;
    must_fail(b, &r, "cancelled");
    assert_int_equal(r.err.kind, KILN_ERR_CANCELLED);
    assert_null(strstr(r.err.msg, "error downloading")); /* nobody's fault */
    peer_stop(&p);
    kiln_strv_done(&p.requests);
    assert_int_equal(b->requests.n, 0);
    assert_int_equal(b->lines.n, 2); /* "Trying" the first URL, twice */
}

static void cancelled_in_hash(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *path = kiln_path_join(b->root, "a.iso");
    AUTO_RUN r = { .urls = { path } };

    b->fire_on_progress = true;
    must_fail(b, &r, "cancelled");
    assert_int_equal(r.err.kind, KILN_ERR_CANCELLED);
}

/* The server says how much there will be: more than the disk holds is known before it is full. */
static void disk_too_small(void **state)
{
    struct bed *b = *state;
    struct turn turns[] = { turn_of(HEAD_200 "Content-Length: 1152921504606846976", "0123456789",
                                    10) };
    KILN_AUTO_FREE char *target = cached_iso(b);
    KILN_AUTO_FREE char *want =
        kiln_xasprintf("%s.part needs 1152921504606846976 more bytes, ", target);
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { 0 };

    peer_start(&p, turns, 1, false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must_fail(b, &r, want);
    assert_non_null(strstr(r.err.msg, " bytes are free: No space left on device"));
    assert_int_equal(r.err.kind, KILN_ERR_SYSTEM);
    peer_stop(&p);
    kiln_strv_done(&p.requests);
}

/* A write that fails in the middle (here by a limit): named, and what fits is gone on with later.
 */
static void disk_full(void **state)
{
    struct bed *b = *state;
    KILN_AUTO_FREE char *url = server_url(b, "/a.iso");
    KILN_AUTO_FREE char *target = cached_iso(b);
    KILN_AUTO_FREE char *part = kiln_xasprintf("%s.part", target);
    struct rlimit limit, small;
    AUTO_RUN r = { .urls = { url } };

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ .rlim_cur = (1 << 20) + 5, .rlim_max = limit.rlim_max };
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    run(b, &r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_false(r.ok);
    assert_non_null(strstr(r.err.msg, ".part needs "));
    assert_non_null(strstr(r.err.msg, strerror(EFBIG)));
    assert_int_equal(size_of(part), (1 << 20) + 5);
    must(b, &r);
    same_as_iso(b, target);
    kiln_http_server_stopp(&b->server);
    assert_string_equal(b->requests.v[b->requests.n - 1], "GET /a.iso 206");
}

#define DATED_206                                                                                  \
    "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n%sContent-Length: %zu\r\n"               \
    "Content-Range: bytes %d-%zu/%zu"

/* Without a checksum a part is only gone on with if the file is of the same date. */
static void unchecked_resume(void **state)
{
    struct bed *b = *state;
    static const char first[] = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    static const char later[] = "Last-Modified: Mon, 07 Nov 1994 08:49:37 GMT\r\n";
    KILN_AUTO_FREE char *whole = kiln_xasprintf(HEAD_200 "%sContent-Length: %zu", first, ISO_SIZE);
    KILN_AUTO_FREE char *rest =
        kiln_xasprintf(DATED_206, first, ISO_SIZE - 1000, 1000, ISO_SIZE - 1, ISO_SIZE);
    KILN_AUTO_FREE char *other =
        kiln_xasprintf(DATED_206, later, ISO_SIZE - 1, 1, ISO_SIZE - 1, ISO_SIZE);
    struct turn turns[] = {
        turn_of(whole, b->iso, 1000),                  /* cut */
        turn_of(rest, b->iso + 1000, ISO_SIZE - 1000), /* gone on with */
        turn_of(whole, "x", 1),                        /* cut */
        turn_of(other, b->iso + 1, ISO_SIZE - 1),      /* of another file */
        turn_of(whole, b->iso, ISO_SIZE),              /* so all of it */
    };
    KILN_AUTO_FREE char *url = NULL;
    struct peer p;
    AUTO_RUN r = { .sum = "none" };

    peer_start(&p, turns, KILN_COUNT(turns), false);
    url = peer_url(&p, "/a.iso");
    r.urls[0] = url;
    must_fail(b, &r, "unexpected EOF");
    must(b, &r);
    same_as_iso(b, r.got.path);
    assert_int_equal(unlink(r.got.path), 0);
    must_fail(b, &r, "unexpected EOF");
    must(b, &r);
    same_as_iso(b, r.got.path);
    peer_stop(&p);
    assert_int_equal(p.requests.n, 5);
    assert_non_null(strstr(p.requests.v[1], "\r\nRange: bytes=1000-\r\n"));
    assert_non_null(strstr(p.requests.v[1], "\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    assert_non_null(strstr(p.requests.v[3], "\r\nRange: bytes=1-\r\n"));
    assert_null(strstr(p.requests.v[4], "Range:"));
    kiln_strv_done(&p.requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BED_TEST(cut_and_resumed),   BED_TEST(no_ranges),
        BED_TEST(changed_on_resume), BED_TEST(complete_part),
        BED_TEST(wrong_range),       BED_TEST(redirects),
        BED_TEST(odd_bodies),        BED_TEST(stall),
        BED_TEST(out_of_time),       BED_TEST(cancelled),
        BED_TEST(cancelled_in_hash), BED_TEST(disk_too_small),
        BED_TEST(disk_full),         BED_TEST(unchecked_resume),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
