/* The HTTP server over real sockets: attacks, big files, many clients, idling. */
#include <sys/resource.h>
#include <sys/stat.h>

#include "net/http_server.h"
#include "net_peer.h"

struct site {
    struct kiln_http_server *server;
    char *root, *locks;
    pthread_mutex_t lock; /* over the rest */
    pthread_cond_t more;
    struct kiln_strv seen; /* "GET /a 200 10 whole" */
    bool peer_ok;
};

static void on_request(void *ud, const struct kiln_http_request *r)
{
    struct site *s = ud;

    (void)pthread_mutex_lock(&s->lock);
    s->peer_ok = kiln_has_prefix(r->peer, "127.0.0.1:");
    kiln_strv_addf(&s->seen, "%s %s %u %llu %s", r->method, r->uri, r->status,
                   (unsigned long long)r->bytes, r->complete ? "whole" : "cut");
    (void)pthread_cond_signal(&s->more);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Wait until request number i was reported. */
static const char *seen(struct site *s, size_t i)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->seen.n <= i)
        (void)pthread_cond_wait(&s->more, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
    return s->seen.v[i];
}

static int open_site(void **state)
{
    struct site *s = kiln_xcalloc(1, sizeof(*s));
    char *dir = kiln_fs_temp_dir("kiln-test-", NULL);
    KILN_AUTO_ERR err = { 0 };

    *s = (struct site){ .root = kiln_path_join(dir, "root"), .locks = dir };
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->more, NULL);
    put_file(dir, "root/a.txt", "0123456789", 10);
    put_file(dir, "secret", "secret", 6);
    struct kiln_http_config config = { .port_min = 20000,
                                       .port_max = 30000,
                                       .directory = s->root,
                                       .lock_dir = s->locks,
                                       .on_request = on_request,
                                       .ud = s };
    unit_ok(kiln_http_server_start(&s->server, &config, NULL, &err), &err);
    *state = s;
    return 0;
}

static int close_site(void **state)
{
    struct site *s = *state;
    bool ok;

    kiln_http_server_stop(s->server);
    ok = kiln_fs_remove_tree(s->locks, NULL);
    kiln_strv_done(&s->seen);
    free(s->root);
    free(s->locks);
    free(s);
    return ok ? 0 : -1;
}

static char *ask(struct site *s, const char *method, const char *uri, const char *headers)
{
    KILN_AUTO_FREE char *request = kiln_xasprintf(
        "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, uri, headers);

    return peer_ask(kiln_http_server_port(s->server), request, strlen(request));
}

static void check(struct site *s, const char *method, const char *uri, const char *headers,
                  const char *status, const char *body)
{
    KILN_AUTO_FREE char *answer = ask(s, method, uri, headers);
    const char *got = strstr(answer, "\r\n\r\n");

    if (!kiln_has_prefix(answer, status) || !got || strcmp(got + 4, body) != 0)
        fail_msg("%s %s: %s", method, uri, answer);
}

static void requests(void **state)
{
    struct site *s = *state;

    check(s, "GET", "/a.txt", "", "HTTP/1.1 200 ", "0123456789");
    assert_string_equal(seen(s, 0), "GET /a.txt 200 10 whole");
    assert_true(s->peer_ok);
    check(s, "HEAD", "/a.txt", "", "HTTP/1.1 200 ", "");
    assert_string_equal(seen(s, 1), "HEAD /a.txt 200 10 whole");
    check(s, "GET", "/a.txt?q=1", "Range: bytes=3-5\r\n", "HTTP/1.1 206 ", "345");
    assert_string_equal(seen(s, 2), "GET /a.txt?q=1 206 3 whole");
    check(s, "POST", "/a.txt", "Content-Length: 0\r\n", "HTTP/1.1 200 ", "0123456789");
    assert_string_equal(seen(s, 3), "POST /a.txt 200 10 whole");
    check(s, "GET", "/nope", "", "HTTP/1.1 404 ", "404 page not found\n");
    assert_string_equal(seen(s, 4), "GET /nope 404 19 whole");
    check(s, "GET", "/", "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n", "HTTP/1.1 304 ",
          "");
}

/* A body that nobody wants is read past, and the answer is that of a GET. */
static void upload(void **state)
{
    KILN_AUTO_STR request = { 0 };
    KILN_AUTO_FREE char *answer = NULL;

    kiln_str_adds(&request, "PUT /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                            "Content-Length: 100000\r\n\r\n");
    for (int i = 0; i < 100000; i++)
        kiln_str_addc(&request, 'x');
    answer =
        peer_ask(kiln_http_server_port(((struct site *)*state)->server), request.data, request.len);
    assert_true(kiln_has_suffix(answer, "\r\n\r\n0123456789"));
}

static void attacks(void **state)
{
    static const char *const uris[] = {
        "/../secret",
        "/../../../../../../../../etc/passwd",
        "/%2e%2e/secret",
        "/%2e%2e%2fsecret",
        "/..%2fsecret",
        "/%2E%2E/%2E%2E/%2E%2E/%2E%2E/etc/passwd",
        "/.%2e/secret",
        "/a.txt/../../secret",
        "/..%00/secret",
        "/%2e%2e%00/secret",
        "/..;/secret",
        "/..%5csecret",
        "/%c0%ae%c0%ae/secret",
        "/%252e%252e/secret",
        "//../secret",
        "/./.././secret",
        "../secret",
        "..%2fsecret",
        "http://x/../secret",
        "/a.txt%0d%0aX-Injected:%20yes",
        "*",
    };
    struct site *s = *state;

    for (size_t i = 0; i < KILN_COUNT(uris); i++) {
        KILN_AUTO_FREE char *answer = ask(s, "GET", uris[i], "");

        if (strstr(answer, "root:") || strstr(answer, "\n\r\nsecret") || strstr(answer, "X-Inj") ||
            !kiln_has_prefix(answer, "HTTP/1.1 4"))
            fail_msg("%s: %s", uris[i], answer);
    }
    check(s, "GET", "/a.txt", "", "HTTP/1.1 200 ", "0123456789"); /* still there */
}

/* Requests that are no requests, or far too large, end without an answer or with an error. */
static void garbage(void **state)
{
    struct site *s = *state;
    int port = kiln_http_server_port(s->server);
    KILN_AUTO_STR large = { 0 };
    KILN_AUTO_FREE char *answer = NULL;
    KILN_AUTO_FREE char *answer_uri = NULL;
    KILN_AUTO_FREE char *answer_nul = NULL;

    kiln_str_adds(&large, "GET /a.txt HTTP/1.1\r\nHost: x\r\nX: ");
    for (int i = 0; i < 60000; i++)
        kiln_str_addc(&large, 'y');
    kiln_str_adds(&large, "\r\n\r\n");
    answer = peer_ask(port, large.data, large.len);
    assert_false(kiln_has_prefix(answer, "HTTP/1.1 2"));
    kiln_str_clear(&large);
    kiln_str_adds(&large, "GET /");
    for (int i = 0; i < 60000; i++)
        kiln_str_addc(&large, 'y');
    kiln_str_adds(&large, " HTTP/1.1\r\nHost: x\r\n\r\n");
    answer_uri = peer_ask(port, large.data, large.len);
    assert_false(kiln_has_prefix(answer_uri, "HTTP/1.1 2"));
    answer_nul = peer_ask(port, "GET /\0../secret HTTP/1.1\r\nConnection: close\r\n\r\n", 48);
    assert_null(strstr(answer_nul, "\nsecret"));
    check(s, "GET", "/a.txt", "", "HTTP/1.1 200 ", "0123456789");
}

/* A file larger than any socket buffer, sent to several clients at the same time. */
struct download {
    pthread_t thread;
    int port;
    bool ok;
};

#define BIG (8u << 20)

static void *download_big(void *ud)
{
    struct download *d = ud;
    static const char request[] = "GET /big HTTP/1.0\r\n\r\n";
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)d->port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    KILN_AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    KILN_AUTO_STR got = { 0 };
    char buf[65536];
    const char *body;
    ssize_t n;

    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        return NULL;
    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
        kiln_str_add(&got, buf, (size_t)n);
    body = strstr(kiln_str_cstr(&got), "\r\n\r\n");
    d->ok = body && got.len - (size_t)(body + 4 - got.data) == BIG;
    for (size_t i = 0; d->ok && i < BIG; i++)
        d->ok = (unsigned char)body[4 + i] == (unsigned char)(i * 2654435761u >> 21);
    return NULL;
}

static void big_files(void **state)
{
    struct site *s = *state;
    KILN_AUTO_FREE unsigned char *data = kiln_xmalloc(BIG);
    struct download d[4] = { 0 };

    for (size_t i = 0; i < BIG; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 21);
    put_file(s->root, "big", data, BIG);
    for (size_t i = 0; i < KILN_COUNT(d); i++) {
        d[i].port = kiln_http_server_port(s->server);
        assert_true(kiln_thread_start(&d[i].thread, "client", download_big, &d[i], NULL));
    }
    for (size_t i = 0; i < KILN_COUNT(d); i++) {
        (void)pthread_join(d[i].thread, NULL);
        assert_true(d[i].ok);
    }
}

/* A client that goes away in the middle is reported as such, and does not hurt. */
static void client_gone(void **state)
{
    struct site *s = *state;
    KILN_AUTO_FREE unsigned char *data = kiln_xcalloc(1, BIG);
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)kiln_http_server_port(s->server)),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char c;

    put_file(s->root, "big", data, BIG);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_true(send(fd, "GET /big HTTP/1.0\r\n\r\n", 21, 0) == 21 && recv(fd, &c, 1, 0) == 1);
    (void)close(fd);
    assert_string_equal(seen(s, 0), "GET /big 200 8388608 cut");
    check(s, "GET", "/a.txt", "", "HTTP/1.1 200 ", "0123456789");
}

static void content_mode(void **state)
{
    struct site *s = *state;
    KILN_AUTO_STRMAP map = { 0 };
    KILN_CLEANUP(kiln_http_server_stopp) struct kiln_http_server *server = NULL;
    struct kiln_http_config config = {
        .port_min = 20000, .port_max = 30000, .content = &map, .lock_dir = s->locks
    };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *answer = NULL;

    kiln_strmap_set(&map, "/a", "text");
    unit_ok(kiln_http_server_start(&server, &config, NULL, &err), &err);
    kiln_strmap_set(&map, "/a", "changed"); /* the server has its own copy */
    answer = peer_ask(kiln_http_server_port(server), "GET /a HTTP/1.0\r\n\r\n", 19);
    assert_true(kiln_has_suffix(answer, "\r\n\r\ntext"));
}

static void not_startable(void **state)
{
    struct site *s = *state;
    KILN_AUTO_FREE char *missing = kiln_path_join(s->root, "none");
    KILN_AUTO_FREE char *file = kiln_path_join(s->root, "a.txt");
    KILN_AUTO_FREE char *want_missing = kiln_xasprintf(
        "Error finding \"%s\": stat %s: no such file or directory", missing, missing);
    KILN_AUTO_FREE char *want_file = kiln_xasprintf("http_directory: %s is not a directory", file);
    struct kiln_http_config config = {
        .port_min = 20000, .port_max = 30000, .directory = missing, .lock_dir = s->locks
    };
    struct kiln_http_server *server = NULL;
    KILN_AUTO_ERR err = { 0 };

    unit_fails(kiln_http_server_start(&server, &config, NULL, &err), &err, KILN_ERR_USER,
               want_missing);
    config.directory = file;
    unit_fails(kiln_http_server_start(&server, &config, NULL, &err), &err, KILN_ERR_USER,
               want_file);
    config.directory = s->root;
    config.address = "nowhere";
    unit_fails(kiln_http_server_start(&server, &config, NULL, &err), &err, KILN_ERR_USER,
               "Error finding port: 'nowhere' is no address to listen on (write a number, such as "
               "127.0.0.1)");
    assert_null(server);
}

/* Only this machine can reach it unless the configuration names an address. */
static void local_only(void **state)
{
    struct site *s = *state;
    KILN_AUTO_FREE char *proc = NULL;
    KILN_AUTO_STR tcp = { 0 };
    char want[32];

    (void)proc;
    assert_true(kiln_fs_read("/proc/net/tcp", 16 << 20, &tcp, NULL));
    (void)snprintf(want, sizeof(want), " 0100007F:%04X 00000000:0000 0A",
                   (unsigned)kiln_http_server_port(s->server));
    assert_non_null(strstr(kiln_str_cstr(&tcp), want));
}

/* The port is free for the next build once the server is stopped, and not before. */
static void port_kept(void **state)
{
    struct site *s = *state;
    int port = kiln_http_server_port(s->server);
    struct kiln_http_config config = {
        .port_min = port, .port_max = port, .directory = s->root, .lock_dir = s->locks
    };
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    struct kiln_http_server *server = NULL;
    KILN_AUTO_ERR err = { 0 };

    kiln_cancel_fire(c);
    assert_false(kiln_http_server_start(&server, &config, c, &err));
    assert_int_equal(err.kind, KILN_ERR_CANCELLED); /* it would have waited */
    kiln_http_server_stopp(&s->server);
    kiln_err_clear(&err);
    unit_ok(kiln_http_server_start(&s->server, &config, NULL, &err), &err);
    assert_int_equal(kiln_http_server_port(s->server), port);
}

#define SITE_TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(requests),     SITE_TEST(upload),        SITE_TEST(attacks),
        SITE_TEST(garbage),      SITE_TEST(big_files),     SITE_TEST(client_gone),
        SITE_TEST(content_mode), SITE_TEST(not_startable), SITE_TEST(local_only),
        SITE_TEST(port_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
