/* One HTTP request as an API wants it: method, headers, body, every answer's body, redirects told.
 */
#include "net/exchange.h"
#include "net_peer.h"

#include <netdb.h>
#include <stdatomic.h>

#include "base/clock.h"

static bool keep_body(void *ud, const void *data, size_t len, struct kiln_err *err)
{
    (void)err;
    kiln_str_add(ud, data, len);
    return true;
}

struct call {
    struct peer peer;
    struct kiln_cancel *cancel;
    struct kiln_exchange x;
    struct kiln_exchange_head head;
    struct kiln_str body, redirect;
    struct kiln_err err;
    char url[64];
};

static void call_open(struct call *c, const struct turn *turns, size_t n)
{
    *c = (struct call){ .cancel = kiln_cancel_new() };
    peer_start(&c->peer, turns, n, false);
    (void)snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%d/v1/x?a=b", c->peer.port);
    c->x = (struct kiln_exchange){
        .url = c->url,
        .api = true,
        .redirect = &c->redirect,
        .stall_us = KILN_SECOND(20),
        .deadline = kiln_cancel_deadline(c->cancel, KILN_SECOND(20)),
        .data = keep_body,
        .ud = &c->body,
    };
}

static void call_close(struct call *c)
{
    kiln_strv_done(&c->peer.requests);
    kiln_str_done(&c->body);
    kiln_str_done(&c->redirect);
    kiln_err_clear(&c->err);
    kiln_cancel_free(c->cancel);
}

static bool call_run(struct call *c)
{
    bool ok = kiln_exchange_run(&c->x, c->cancel, &c->head, &c->err);

    peer_stop(&c->peer);
    return ok;
}

static void posts(void **state)
{
    const struct turn turns[] = {
        { .head = "HTTP/1.1 200 OK\r\nContent-Length: 2", .body = "ok", .len = 2 }
    };
    KILN_AUTO_STRV headers = { 0 };
    struct call c;

    (void)state;
    kiln_strv_add(&headers, "X-Token: a b");
    kiln_strv_add(&headers, "Content-Type: text/x");
    call_open(&c, turns, 1);
    c.x.headers = &headers;
    c.x.body = "ab\0c";
    c.x.body_len = 4;
    unit_ok(call_run(&c), &c.err);
    assert_string_equal(kiln_str_cstr(&c.body), "ok");
    assert_true(kiln_has_prefix(c.peer.requests.v[0], "POST /v1/x?a=b HTTP/1.1\r\n"));
    assert_non_null(strstr(c.peer.requests.v[0], "\r\nX-Token: a b\r\n"));
    assert_non_null(strstr(c.peer.requests.v[0], "\r\nContent-Type: text/x\r\n"));
    assert_non_null(strstr(c.peer.requests.v[0], "\r\nContent-Length: 4\r\n"));
    assert_null(strstr(c.peer.requests.v[0], "x-www-form"));
    assert_non_null(strstr(c.peer.requests.v[0], "\r\n\r\nab"));
    call_close(&c);
}

static void puts_without_a_body(void **state)
{
    const struct turn turns[] = { { .head = "HTTP/1.1 204 No Content", .body = "", .len = 0 } };
    struct call c;

    (void)state;
    call_open(&c, turns, 1);
    c.x.method = "PUT";
    unit_ok(call_run(&c), &c.err);
    assert_true(kiln_has_prefix(c.peer.requests.v[0], "PUT /v1/x?a=b HTTP/1.1\r\n"));
    assert_int_equal(c.head.status, 204);
    call_close(&c);
}

/* An API says in the body what is wrong. */
static void reads_bodies_of_errors(void **state)
{
    const struct turn turns[] = {
        { .head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 4", .body = "no!\n", .len = 4 }
    };
    struct call c;

    (void)state;
    call_open(&c, turns, 1);
    unit_ok(call_run(&c), &c.err);
    assert_int_equal(c.head.status, 403);
    assert_string_equal(kiln_str_cstr(&c.body), "no!\n");
    call_close(&c);
}

/* Whether a token may go there is for the caller to say. */
static void tells_redirects(void **state)
{
    const struct turn turns[] = {
        { .head = "HTTP/1.1 307 T\r\nLocation: ../y\r\nContent-Length: 0", .body = "", .len = 0 },
        { .head = "HTTP/1.1 200 OK\r\nContent-Length: 0", .body = "", .len = 0 },
    };
    struct call c;
    char want[64];

    (void)state;
    call_open(&c, turns, 2);
    unit_ok(call_run(&c), &c.err);
    (void)snprintf(want, sizeof(want), "http://127.0.0.1:%d/y", c.peer.port);
    assert_int_equal(c.head.status, 307);
    assert_string_equal(kiln_str_cstr(&c.redirect), want);
    assert_int_equal(c.peer.requests.n, 1);
    call_close(&c);
}

static void refuses_headers_in_headers(void **state)
{
    KILN_AUTO_STRV headers = { 0 };
    struct call c;

    (void)state;
    kiln_strv_add(&headers, "X-Token: secret\r\nX-Evil: 1");
    call_open(&c, NULL, 0);
    c.x.headers = &headers;
    assert_false(call_run(&c));
    assert_string_equal(
        c.err.msg, "the value of header X-Token holds a line break or another control character");
    call_close(&c);
}

static void tells_challenges(void **state)
{
    const struct turn turns[] = { { .head =
                                        "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate abc=\r\n"
                                        "www-authenticate: Basic realm=x\r\nContent-Length: 0",
                                    .body = "" } };
    KILN_AUTO_STRV challenges = { 0 };
    struct call c;

    (void)state;
    call_open(&c, turns, 1);
    c.x.challenges = &challenges;
    unit_ok(call_run(&c), &c.err);
    assert_int_equal(c.head.status, 401);
    assert_int_equal(challenges.n, 2);
    assert_string_equal(challenges.v[0], "Negotiate abc=");
    assert_string_equal(challenges.v[1], "Basic realm=x");
    call_close(&c);
}

/* The other end hangs up after each answer. */
static void line_is_opened_again(void **state)
{
    const struct turn turns[] = {
        { .head = "HTTP/1.1 200 OK\r\nContent-Length: 1", .body = "1", .len = 1 },
        { .head = "HTTP/1.1 200 OK\r\nContent-Length: 1", .body = "2", .len = 1 },
    };
    struct kiln_exchange_line *line = kiln_exchange_line_new(NULL);
    struct call c;

    (void)state;
    call_open(&c, turns, 2);
    c.x.line = line;
    unit_ok(kiln_exchange_run(&c.x, c.cancel, &c.head, &c.err), &c.err);
    unit_ok(call_run(&c), &c.err);
    assert_string_equal(kiln_str_cstr(&c.body), "12");
    call_close(&c);
    kiln_exchange_line_free(line);
    kiln_exchange_line_free(NULL);
}

/* ---- a name server that does not answer ---- */

#define LOOKUP_MS 20000

static int lookup_fd = -1; /* readable: the lookup may end */
static atomic_bool lookup_over;

/* In the place of the C library's, also for libcurl. */
int getaddrinfo(const char *restrict host, const char *restrict port,
                const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
    struct pollfd p = { .fd = lookup_fd, .events = POLLIN };

    (void)host;
    (void)port;
    (void)hints;
    *ret = NULL;
    (void)poll(&p, 1, LOOKUP_MS);
    lookup_over = true;
    return EAI_AGAIN;
}

static void cancel_does_not_await_a_name_server(void **state)
{
    struct kiln_cancel *parent;
    struct call c;

    (void)state;
    lookup_fd = eventfd(0, EFD_CLOEXEC);
    call_open(&c, NULL, 0);
    parent = c.cancel;
    c.cancel = kiln_cancel_child(parent, kiln_cancel_deadline(parent, KILN_MS(50)));
    c.x.url = "http://name.invalid/";
    c.x.proxy = "";
    assert_false(call_run(&c));
    assert_int_equal(c.err.kind, KILN_ERR_CANCELLED);
    assert_false(lookup_over);
    assert_int_equal(eventfd_write(lookup_fd, 1), 0); /* stays open for the thread */
    call_close(&c);
    kiln_cancel_free(parent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts),
        cmocka_unit_test(puts_without_a_body),
        cmocka_unit_test(reads_bodies_of_errors),
        cmocka_unit_test(tells_redirects),
        cmocka_unit_test(refuses_headers_in_headers),
        cmocka_unit_test(tells_challenges),
        cmocka_unit_test(line_is_opened_again),
        cmocka_unit_test(cancel_does_not_await_a_name_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
