/* Connections on the loopback interface; names come from /etc/hosts. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/tcp.h"

static int64_t soon(void)
{
    return kiln_cancel_deadline(NULL, KILN_SECOND(20));
}

/* A bound socket; backlog < 0: it does not listen. */
static int bound(int *ret_port, int backlog)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(bind(fd, (struct sockaddr *)&addr, len), 0);
    if (backlog >= 0)
        assert_return_code(listen(fd, backlog), 0);
    assert_return_code(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

/* A bare container may have no /etc/hosts, and then knows no localhost. */
static bool is_known(const char *host)
{
    struct addrinfo *found;

    if (getaddrinfo(host, NULL, NULL, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

static void connects(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost", "0.0.0.0" };
    KILN_AUTO_ERR err = { 0 };
    int port, listener = bound(&port, 5);

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(hosts); i++) {
        KILN_AUTO_FD fd = -1;
        int on = 0;
        socklen_t len = sizeof(on);

        if (!is_known(hosts[i]))
            continue;
        unit_ok(kiln_tcp_connect(&fd, hosts[i], port, NULL, soon(), &err), &err);
        assert_return_code(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
        assert_int_not_equal(on, 0);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    (void)close(listener);
}

static void refused(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    int port, fd = -1, holder = bound(&port, -1);
    KILN_AUTO_FREE char *want =
        kiln_xasprintf("dial tcp 127.0.0.1:%d: connect: connection refused", port);

    (void)state;
    assert_false(kiln_tcp_connect(&fd, "127.0.0.1", port, NULL, soon(), &err));
    assert_int_equal(err.os_errno, ECONNREFUSED);
    assert_string_equal(err.msg, want);
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    assert_int_equal(fd, -1);
    (void)close(holder);
}

/* A listener whose queue is full answers nothing at all. */
static void silence_times_out(void **state)
{
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };
    int port, listener = bound(&port, 0), fds[8], n = 0;
    KILN_AUTO_FREE char *want = kiln_xasprintf("dial tcp 127.0.0.1:%d: i/o timeout", port);

    (void)state;
    while (n < 8 && kiln_tcp_connect(&fds[n], "127.0.0.1", port, NULL,
                                     kiln_cancel_deadline(NULL, KILN_MS(50)), &err))
        n++;
    assert_true(n < 8);
    assert_string_equal(err.msg, want);
    assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
    kiln_cancel_fire(c);
    unit_fails(kiln_tcp_connect(&fds[n], "127.0.0.1", port, c, soon(), &err), &err,
               KILN_ERR_CANCELLED, "cancelled");
    while (n > 0)
        (void)close(fds[--n]);
    (void)close(listener);
}

static void unknown_name(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    int fd;

    (void)state;
    /* "no such host" or, without a resolver, "temporary failure"; in any case no such connection.
     */
    assert_false(kiln_tcp_connect(&fd, "no.such.host.invalid", 1, NULL, soon(), &err));
    assert_true(kiln_has_prefix(err.msg, "dial tcp: lookup no.such.host.invalid: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects),
        cmocka_unit_test(refused),
        cmocka_unit_test(silence_times_out),
        cmocka_unit_test(unknown_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
