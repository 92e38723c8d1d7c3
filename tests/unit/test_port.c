/* Ports and locks, with real sockets on 127.0.0.1. */
#include <errno.h>

#include "base/lock.h"
#include "net/port.h"
#include "net_peer.h"

static int listen_on(int port, int *ret_port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, 1) != 0) {
        (void)close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

/* The first of n ports in a row that nobody listens on. */
static int free_row(int n)
{
    for (int tries = 0; tries < 100; tries++) {
        int fds[4], start, port, got = 1;

        fds[0] = listen_on(0, &start);
        assert_true(fds[0] >= 0 && n <= 4);
        while (got < n && start + got < 65536 && (fds[got] = listen_on(start + got, &port)) >= 0)
            got++;
        for (int i = 0; i < got; i++)
            (void)close(fds[i]);
        if (got == n)
            return start;
    }
    fail_msg("no %d free ports in a row", n);
    return 0;
}

static struct kiln_port_search range(const char *dir, int min, int max)
{
    return (struct kiln_port_search){
        .address = "127.0.0.1", .min = min, .max = max, .lock_dir = dir, .deadline = KILN_NEVER
    };
}

/* Each port of the range is given out, the last one too, and none twice. */
static void inclusive(void **state)
{
    int start = free_row(3);
    struct kiln_port_search how = range(*state, start, start + 2);
    struct kiln_port ports[3];
    bool seen[3] = { false };
    KILN_AUTO_PORT more = KILN_PORT_INIT;
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *want =
        kiln_xasprintf("no free port on 127.0.0.1 between %d and %d: 0 in use by other programs, 3 "
                       "reserved by other builds (widen the range in the template)",
                       start, start + 2);

    for (size_t i = 0; i < 3; i++) {
        unit_ok(kiln_port_take(&how, NULL, &ports[i], &err), &err);
        assert_in_range(ports[i].port, start, start + 2);
        assert_false(seen[ports[i].port - start]);
        assert_int_equal(ports[i].listen_fd, -1);
        seen[ports[i].port - start] = true;
    }
    unit_fails(kiln_port_take(&how, NULL, &more, &err), &err, KILN_ERR_USER, want);
    kiln_port_done(&ports[1]);
    kiln_port_done(&ports[1]);
    unit_ok(kiln_port_take(&how, NULL, &more, &err), &err);
    kiln_port_done(&ports[0]);
    kiln_port_done(&ports[2]);
}

/* A foreign program in the only port: an error at once, waiting or not. */
static void taken_by_others(void **state)
{
    int port = 0;
    int fd = listen_on(0, &port);
    struct kiln_port_search how = range(*state, port, port);
    struct kiln_port p;
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *want =
        kiln_xasprintf("no free port on 127.0.0.1 between %d and %d: 1 in use by other programs, 0 "
                       "reserved by other builds (widen the range in the template)",
                       port, port);

    how.wait = true;
    unit_fails(kiln_port_take(&how, NULL, &p, &err), &err, KILN_ERR_USER, want);
    (void)close(fd);
}

static void *release(void *ud)
{
    kiln_port_done(ud);
    return NULL;
}

struct waiting {
    struct kiln_port *held;
    struct kiln_cancel *fire;
    pthread_t thread;
    unsigned calls;
};

static void on_wait(void *ud, const char *text)
{
    struct waiting *w = ud;

    assert_non_null(strstr(text, "1 of them held by other builds"));
    w->calls++;
    if (w->held)
        assert_true(kiln_thread_start(&w->thread, "release", release, w->held, NULL));
    if (w->fire)
        kiln_cancel_fire(w->fire);
}

static void waits_for_builds(void **state)
{
    int start = free_row(1);
    struct kiln_port_search how = range(*state, start, start);
    struct kiln_port held, p;
    struct waiting w = { .held = &held };
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_port_take(&how, c, &held, &err), &err);
    how.wait = true;
    how.on_wait = on_wait;
    how.ud = &w;
    unit_ok(kiln_port_take(&how, c, &p, &err), &err);
    (void)pthread_join(w.thread, NULL);
    assert_int_equal(w.calls, 1);
    assert_int_equal(p.port, start);

    /* the lock is back in one hand: a deadline, then a cancel, ends the wait of another */
    w = (struct waiting){ 0 };
    how.deadline = kiln_cancel_deadline(c, 1000);
    assert_false(kiln_port_take(&how, c, &held, &err));
    assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
    assert_int_equal(w.calls, 1);
    kiln_err_clear(&err);
    w = (struct waiting){ .fire = c };
    how.deadline = KILN_NEVER;
    assert_false(kiln_port_take(&how, c, &held, &err));
    assert_int_equal(err.kind, KILN_ERR_CANCELLED);
    kiln_port_done(&p);
}

/* With `listen`, the socket that comes along is the one that answers. */
static void listening(void **state)
{
    int start = free_row(1);
    struct kiln_port_search how = range(*state, start, start);
    KILN_AUTO_PORT p = KILN_PORT_INIT;
    struct sockaddr_storage addr;
    socklen_t len;
    KILN_AUTO_FD client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    KILN_AUTO_ERR err = { 0 };

    how.listen = true;
    unit_ok(kiln_port_take(&how, NULL, &p, &err), &err);
    unit_ok(kiln_port_sockaddr("localhost", p.port, &addr, &len, &err), &err);
    assert_int_equal(connect(client, (struct sockaddr *)&addr, len), 0);
}

/* Of a socket for everybody, `v6only` keeps those out that come by IPv4. */
static void one_family(void **state)
{
    KILN_AUTO_FD v6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (v6 < 0)
        skip();
    for (int v6only = 0; v6only < 2; v6only++) {
        int start = free_row(1);
        struct kiln_port_search how = range(*state, start, start);
        KILN_AUTO_PORT p = KILN_PORT_INIT;
        struct sockaddr_storage addr;
        socklen_t len;
        KILN_AUTO_FD client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        KILN_AUTO_ERR err = { 0 };

        how.address = "::";
        how.v6only = v6only;
        how.listen = true;
        unit_ok(kiln_port_take(&how, NULL, &p, &err), &err);
        unit_ok(kiln_port_sockaddr("127.0.0.1", p.port, &addr, &len, &err), &err);
        assert_int_equal(connect(client, (struct sockaddr *)&addr, len), -v6only);
    }
}

static void bad_input(void **state)
{
    static const struct {
        const char *address;
        int min, max;
        const char *want;
    } table[] = {
        { "127.0.0.1", 0, 10, "0 to 10 is no range of ports" },
        { "127.0.0.1", 10, 9, "10 to 9 is no range of ports" },
        { "127.0.0.1", 65535, 65536, "65535 to 65536 is no range of ports" },
        { "host.example", 8000, 8000,
          "'host.example' is no address to listen on (write a number, such as 127.0.0.1)" },
    };
    struct kiln_port p;
    KILN_AUTO_ERR err = { 0 };

    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        struct kiln_port_search how = range(*state, table[i].min, table[i].max);

        how.address = table[i].address;
        unit_fails(kiln_port_take(&how, NULL, &p, &err), &err, KILN_ERR_USER, table[i].want);
    }
    /* an address that is not this machine's: TEST-NET-1 */
    struct kiln_port_search how = range(*state, 8000, 9000);

    how.address = "192.0.2.1";
    assert_false(kiln_port_take(&how, NULL, &p, &err));
    assert_non_null(strstr(err.msg, "listen on 192.0.2.1 port"));
}

static void locks(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "lock");
    KILN_AUTO_FREE char *nowhere = kiln_path_join(*state, "no/lock");
    int fd = -1, other = -1;
    KILN_AUTO_ERR err = { 0 };

    assert_int_equal(kiln_lock_try(path, &fd, &err), KILN_LOCK_TAKEN);
    assert_int_equal(kiln_lock_try(path, &other, &err), KILN_LOCK_BUSY);
    assert_int_equal(other, -1);
    /* Packer removes a lock file while it is held: the next one gets a lock that holds */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kiln_lock_try(path, &other, &err), KILN_LOCK_TAKEN);
    kiln_fd_closep(&fd);
    assert_int_equal(kiln_lock_try(path, &fd, &err), KILN_LOCK_BUSY);
    kiln_fd_closep(&other);
    assert_int_equal(kiln_lock_try(path, &fd, &err), KILN_LOCK_TAKEN);
    kiln_fd_closep(&fd);
    assert_int_equal(kiln_lock_try(nowhere, &fd, &err), KILN_LOCK_ERROR);
    assert_int_equal(err.os_errno, ENOENT);
}

static void own_addresses(void **state)
{
    (void)state;
    assert_true(kiln_port_is_own("127.0.0.1"));
    assert_true(kiln_port_is_own("127.1.2.3"));
    assert_true(kiln_port_is_own("0.0.0.0"));
    assert_false(kiln_port_is_own("192.0.2.1"));
    assert_false(kiln_port_is_own("localhost"));
    assert_false(kiln_port_is_own("::1"));
    assert_false(kiln_port_is_own(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_addresses),
        cmocka_unit_test_setup_teardown(inclusive, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(taken_by_others, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(waits_for_builds, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(listening, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(one_family, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(bad_input, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(locks, enter_dir, leave_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
