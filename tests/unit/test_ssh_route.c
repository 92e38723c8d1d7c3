/* Ways to the guest that are not straight, and tunnels through it: real OpenSSH servers. */
#include "unit.h"

#include <poll.h>
#include <signal.h>

#include "base/thread.h"
#include "door.h"
#include "sshd.h"

static struct sshd target, bastion;

struct session {
    struct kiln_cancel *cancel;
    struct kiln_communicator *comm;
    struct kiln_str out;
    struct kiln_err err;
};

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct session *s = ud;

    (void)is_stderr;
    kiln_str_add(&s->out, data, len);
}

static bool log_in(struct session *s, struct kiln_ssh_config cfg)
{
    *s = (struct session){ .cancel = kiln_cancel_new() };
    return kiln_ssh_connect_consume(&s->comm, &cfg, NULL, s->cancel, &s->err);
}

static void hang_up(struct session *s)
{
    kiln_communicator_free(s->comm);
    kiln_cancel_free(s->cancel);
    kiln_str_done(&s->out);
    kiln_err_clear(&s->err);
}

static int run(struct session *s, const char *command)
{
    const struct kiln_remote remote = { command, on_output, s };
    int status = -100;

    kiln_str_clear(&s->out);
    unit_ok(s->comm->ops->run(s->comm, &remote, s->cancel, &status, &s->err), &s->err);
    return status;
}

static struct kiln_ssh_config via(const struct sshd *by)
{
    struct kiln_ssh_config cfg = sshd_login(&target);

    cfg.bastion = kiln_xmalloc(sizeof(*cfg.bastion));
    *cfg.bastion = sshd_login(by);
    cfg.bastion->is_bastion = true;
    return cfg;
}

#define NEEDS_SSHD()                                                                               \
    do {                                                                                           \
        (void)state;                                                                               \
        if (!sshd_installed())                                                                     \
            skip();                                                                                \
    } while (0)

/* ---- bastion ---- */

static void through_a_bastion(void **state)
{
    struct session s;

    NEEDS_SSHD();
    unit_ok(log_in(&s, via(&bastion)), &s.err);
    assert_int_equal(run(&s, "cat; head -c 3000000 /dev/zero; exit 3"), 3);
    assert_int_equal(s.out.len, 3000000);
    hang_up(&s);
}

static void files_through_a_bastion(void **state)
{
    NEEDS_SSHD();
    for (int sftp = 0; sftp < 2; sftp++) {
        KILN_AUTO_FREE char *from = kiln_path_join(target.dir, "source"), *back = NULL;
        KILN_AUTO_FREE char *to = kiln_path_join(target.dir, "copy");
        KILN_AUTO_STR want = { 0 };
        KILN_AUTO_STR got = { 0 };
        struct kiln_ssh_config cfg = via(&bastion);
        struct session s;
        KILN_AUTO_FD fd = -1;

        while (want.len < 5000000)
            kiln_str_addf(&want, "%zu\n", want.len);
        sshd_write(&target, "source", kiln_str_cstr(&want));
        cfg.sftp = sftp;
        unit_ok(log_in(&s, cfg), &s.err);
        unit_ok(s.comm->ops->upload(s.comm, from, to, 0600, NULL, s.cancel, &s.err), &s.err);
        fd = kiln_fs_temp_file("kiln-back", "", &back, &s.err);
        assert_return_code(fd, 0);
        unit_ok(s.comm->ops->download(s.comm, to, fd, NULL, s.cancel, &s.err), &s.err);
        unit_ok(kiln_fs_read(back, 6000000, &got, &s.err), &s.err);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.data, want.data, want.len);
        (void)unlink(back);
        hang_up(&s);
    }
}

static void kill_children_of(pid_t pid)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("/proc/%d/task/%d/children", pid, pid);
    KILN_AUTO_STR list = { 0 };
    char *p, *end;
    long child;

    if (!kiln_fs_read(path, 4096, &list, NULL))
        return; /* gone already */
    p = kiln_str_steal(&list);
    for (char *at = p; (child = strtol(at, &end, 10)) > 0; at = end) {
        kill_children_of((pid_t)child);
        (void)kill((pid_t)child, SIGKILL);
    }
    free(p);
}

/* The guest's end of the connection breaks; then the bastion's does, and nobody is there for a
 * moment. */
static void found_again_through_a_bastion(void **state)
{
    struct sshd other;
    struct session s;

    NEEDS_SSHD();
    sshd_prepare(&other, "");
    sshd_start(&other);
    unit_ok(log_in(&s, via(&other)), &s.err);
    assert_int_equal(run(&s, "kill -KILL $PPID"), KILN_STATUS_DISCONNECTED);
    assert_int_equal(run(&s, "true"), 0);
    kill_children_of(other.process.pid);
    sshd_stop(&other);
    sshd_start(&other);
    assert_int_equal(run(&s, "echo again"), 0);
    assert_string_equal(kiln_str_cstr(&s.out), "again\n");
    hang_up(&s);
    sshd_done(&other);
}

static void expect_failure(struct kiln_ssh_config cfg, enum kiln_err_kind kind, const char *text)
{
    struct session s;

    assert_false(log_in(&s, cfg));
    if (!strstr(kiln_err_text(&s.err), text))
        fail_msg("no '%s' in '%s'", text, kiln_err_text(&s.err));
    assert_int_equal(s.err.kind, kind);
    hang_up(&s);
}

static void bastion_that_lets_nobody_in(void **state)
{
    struct kiln_ssh_config cfg;
    KILN_AUTO_FREE char *want = NULL;

    NEEDS_SSHD();
    cfg = via(&bastion);
    free(cfg.bastion->key_file);
    cfg.bastion->key_file = kiln_xstrdup(target.key);
    want =
        kiln_xasprintf("ssh_bastion_host 127.0.0.1:%d refused the login of '%s': are "
                       "ssh_bastion_username, ssh_bastion_password and "
                       "ssh_bastion_private_key_file right? original error: ssh: handshake "
                       "failed: ssh: unable to authenticate, attempted methods [none publickey], "
                       "no supported methods remain",
                       bastion.port, cfg.bastion->user);
    expect_failure(cfg, KILN_ERR_REMOTE, want);
}

static void bastion_that_is_not_there(void **state)
{
    KILN_AUTO_FREE char *want = NULL;
    struct kiln_ssh_config cfg;

    NEEDS_SSHD();
    cfg = via(&bastion);
    cfg.timeout_us = KILN_MS(300);
    cfg.bastion->port = free_port();
    want =
        kiln_xasprintf("Timeout waiting for SSH.\nssh_bastion_host 127.0.0.1:%d: nothing accepted "
                       "a connection: are its address and ssh_bastion_port right?\nThe last "
                       "attempt ended with: dial tcp 127.0.0.1:%d: connect: connection refused",
                       cfg.bastion->port, cfg.bastion->port);
    expect_failure(cfg, KILN_ERR_TIMEOUT, want);
}

static void bastions_that_are_none(void **state)
{
    static const enum treatment treatments[] = { DOOR_SILENT, DOOR_CLOSE, DOOR_GARBAGE,
                                                 DOOR_ENDLESS, DOOR_BANNER };

    NEEDS_SSHD();
    for (size_t i = 0; i < KILN_COUNT(treatments); i++) {
        struct kiln_ssh_config cfg = via(&bastion);
        struct door door;

        door_start(&door, 0, &treatments[i], 1);
        cfg.timeout_us = KILN_MS(300);
        cfg.bastion->port = door.port;
        expect_failure(cfg, KILN_ERR_TIMEOUT, "ssh_bastion_host 127.0.0.1:");
        door_end(&door);
    }
}

static void proxies_that_are_none(void **state)
{
    static const enum treatment treatments[] = { DOOR_SILENT, DOOR_CLOSE, DOOR_GARBAGE,
                                                 DOOR_ENDLESS, DOOR_BANNER };
    static const char *const errors[] = { "nothing accepted a connection",
                                          "ssh_proxy_host 127.0.0.1:", "this is no SOCKS5 proxy",
                                          "this is no SOCKS5 proxy", "this is no SOCKS5 proxy" };

    NEEDS_SSHD();
    for (size_t i = 0; i < KILN_COUNT(treatments); i++) {
        struct kiln_ssh_config cfg = sshd_login(&target);
        struct door door;

        door_start(&door, 0, &treatments[i], 1);
        cfg.timeout_us = KILN_MS(300);
        cfg.proxy = (struct kiln_ssh_proxy){ .host = kiln_xstrdup("127.0.0.1"), .port = door.port };
        expect_failure(cfg, KILN_ERR_TIMEOUT, errors[i]);
        door_end(&door);
    }
}

/* What the bastion says of the guest is told. */
static void guest_behind_a_bastion_is_not_there(void **state)
{
    struct kiln_ssh_config cfg;
    KILN_AUTO_FREE char *want = NULL;

    NEEDS_SSHD();
    cfg = via(&bastion);
    cfg.timeout_us = KILN_MS(500);
    cfg.port = free_port();
    want = kiln_xasprintf("ssh_bastion_host 127.0.0.1:%d: connect to 127.0.0.1:%d: Connection "
                          "refused",
                          bastion.port, cfg.port);
    expect_failure(cfg, KILN_ERR_TIMEOUT, want);
}

static void bastion_that_forwards_nothing(void **state)
{
    struct sshd strict;

    NEEDS_SSHD();
    sshd_prepare(&strict, "AllowTcpForwarding no\n");
    sshd_start(&strict);
    expect_failure(via(&strict), KILN_ERR_USER, "it is told not to do that (open failed)");
    sshd_done(&strict);
}

static void cancelled_at_the_bastion(void **state)
{
    static const enum treatment silent[] = { DOOR_BANNER };
    struct kiln_cancel *cancel, *child;
    struct kiln_communicator *comm = NULL;
    struct kiln_ssh_config cfg;
    KILN_AUTO_ERR err = { 0 };
    struct door door;

    NEEDS_SSHD();
    cancel = kiln_cancel_new();
    door_start(&door, 0, silent, 1);
    cfg = via(&bastion);
    cfg.bastion->port = door.port;
    child = kiln_cancel_child(cancel, kiln_cancel_deadline(cancel, KILN_MS(200)));
    unit_fails(kiln_ssh_connect_consume(&comm, &cfg, NULL, child, &err), &err, KILN_ERR_CANCELLED,
               "cancelled");
    kiln_cancel_free(child);
    kiln_cancel_free(cancel);
    door_end(&door);
}

/* ---- tunnels ---- */

/* Gives back what it gets, and ends when the other side does. */
struct echo {
    int listener, port;
    pthread_t thread;
};

static void *echo_serve(void *ud)
{
    int fd = *(int *)ud;
    char buf[65536];
    ssize_t n;

    free(ud);
    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
        for (ssize_t sent = 0, more; sent < n; sent += more) {
            more = send(fd, buf + sent, (size_t)(n - sent), MSG_NOSIGNAL);
            if (more <= 0)
                break;
        }
    }
    (void)close(fd);
    return NULL;
}

static void *echo_run(void *ud)
{
    struct echo *e = ud;
    int fd;

    while ((fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        int *arg = kiln_xmalloc(sizeof(*arg));
        pthread_t thread;

        *arg = fd;
        assert_true(kiln_thread_start(&thread, "echo", echo_serve, arg, NULL));
        (void)pthread_detach(thread);
    }
    return NULL;
}

static void echo_start(struct echo *e)
{
    struct sockaddr_in addr = { 0 };
    socklen_t len = sizeof(addr);

    e->listener = door_socket(0, true);
    assert_return_code(getsockname(e->listener, (struct sockaddr *)&addr, &len), errno);
    e->port = ntohs(addr.sin_port);
    assert_true(kiln_thread_start(&e->thread, "echo", echo_run, e, NULL));
}

static void echo_end(struct echo *e)
{
    (void)shutdown(e->listener, SHUT_RDWR);
    (void)pthread_join(e->thread, NULL);
    (void)close(e->listener);
}

static struct kiln_ssh_config with_tunnel(struct kiln_ssh_config cfg, bool remote, int to)
{
    cfg.tunnels = kiln_xcalloc(1, sizeof(*cfg.tunnels));
    cfg.n_tunnels = 1;
    cfg.tunnels[0] = (struct kiln_ssh_tunnel){
        .remote = remote, .listen_port = free_port(), .host = kiln_xstrdup("127.0.0.1"), .port = to
    };
    return cfg;
}

/* Send so much before anything is read, while a thread reads nothing: then read it all. */
static void bounce(int port, size_t total)
{
    int fd = door_socket(port, false);
    char buf[65536];
    size_t sent = 0, got = 0;

    assert_true(fd >= 0);
    while (got < total) {
        struct pollfd p = { .fd = fd, .events = sent < total ? POLLOUT : POLLIN };
        ssize_t n;

        assert_true(poll(&p, 1, 20000) != 0);
        for (size_t i = 0; i < sizeof(buf) && sent < total; i++)
            buf[i] = (char)((sent + i) % 251);
        if (sent < total) {
            size_t want = total - sent < sizeof(buf) ? total - sent : sizeof(buf);

            n = send(fd, buf, want, MSG_NOSIGNAL | MSG_DONTWAIT);
            assert_true(n > 0);
            sent += (size_t)n;
            if (sent == total)
                (void)shutdown(fd, SHUT_WR);
            n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        } else {
            n = recv(fd, buf, sizeof(buf), 0);
            assert_true(n > 0);
        }
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal((unsigned char)buf[i], (got + (size_t)i) % 251);
        got += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(recv(fd, buf, sizeof(buf), 0), 0); /* its end comes through, too */
    (void)close(fd);
}

static void tunnels_of_both_kinds(void **state)
{
    NEEDS_SSHD();
    for (int remote = 0; remote < 2; remote++) {
        struct kiln_ssh_config cfg;
        struct echo echo;
        struct session s;
        int port;

        echo_start(&echo);
        cfg = with_tunnel(remote ? sshd_login(&target) : via(&bastion), remote, echo.port);
        port = cfg.tunnels[0].listen_port;
        unit_ok(log_in(&s, cfg), &s.err);
        bounce(port, 1);
        bounce(port, 3000000);
        assert_int_equal(run(&s, "kill -KILL $PPID"), KILN_STATUS_DISCONNECTED);
        assert_int_equal(run(&s, "true"), 0); /* a new connection, with the same tunnels */
        bounce(port, 1000);
        hang_up(&s);
        for (int fd; (fd = door_socket(port, false)) >= 0; (void)close(fd))
            assert_true(remote); /* the guest's server takes a moment to see that we are gone */
        echo_end(&echo);
    }
}

/* More at one time than a hub carries: the others wait for their turn. */
static void many_through_one_tunnel(void **state)
{
    int fds[40];
    struct echo echo;
    struct session s;
    struct kiln_ssh_config cfg;
    int port;
    char c = 'x';

    NEEDS_SSHD();
    echo_start(&echo);
    cfg = with_tunnel(sshd_login(&target), false, echo.port);
    port = cfg.tunnels[0].listen_port;
    unit_ok(log_in(&s, cfg), &s.err);
    for (size_t i = 0; i < KILN_COUNT(fds); i++) {
        fds[i] = door_socket(port, false);
        assert_int_equal(send(fds[i], &c, 1, MSG_NOSIGNAL), 1);
    }
    for (size_t i = 0; i < KILN_COUNT(fds); i++) {
        assert_int_equal(recv(fds[i], &c, 1, 0), 1);
        (void)close(fds[i]);
    }
    hang_up(&s);
    echo_end(&echo);
}

static void tunnel_to_nobody(void **state)
{
    struct session s;
    struct kiln_ssh_config cfg;
    int port, fd;
    char c;

    NEEDS_SSHD();
    for (int remote = 0; remote < 2; remote++) {
        cfg = with_tunnel(sshd_login(&target), remote, free_port());
        port = cfg.tunnels[0].listen_port;
        unit_ok(log_in(&s, cfg), &s.err);
        fd = door_socket(port, false);
        assert_true(fd >= 0);
        assert_int_equal(recv(fd, &c, 1, 0), 0);
        (void)close(fd);
        assert_int_equal(run(&s, "true"), 0);
        hang_up(&s);
    }
}

static void tunnels_that_cannot_be(void **state)
{
    KILN_AUTO_FREE char *local = NULL, *remote = NULL;
    struct kiln_ssh_config cfg;
    struct sshd strict;
    struct echo taken;

    NEEDS_SSHD();
    echo_start(&taken);
    cfg = with_tunnel(sshd_login(&target), false, 1);
    cfg.tunnels[0].listen_port = taken.port;
    local = kiln_xasprintf("ssh_local_tunnels '%d:127.0.0.1:1': cannot listen on 127.0.0.1:%d: "
                           "Address already in use",
                           taken.port, taken.port);
    expect_failure(cfg, KILN_ERR_SYSTEM, local);
    echo_end(&taken);
    cfg = with_tunnel(sshd_login(&target), true, 1);
    cfg.tunnels = kiln_xrealloc(cfg.tunnels, 2, sizeof(*cfg.tunnels));
    cfg.tunnels[1] = cfg.tunnels[0]; /* the same port once more */
    cfg.tunnels[1].host = kiln_xstrdup("127.0.0.1");
    cfg.n_tunnels = 2;
    remote = kiln_xasprintf("ssh_remote_tunnels '%d:127.0.0.1:1': the guest's SSH server would not "
                            "listen on localhost:%d",
                            cfg.tunnels[1].listen_port, cfg.tunnels[1].listen_port);
    expect_failure(cfg, KILN_ERR_REMOTE, remote);
    sshd_prepare(&strict, "AllowTcpForwarding no\n");
    sshd_start(&strict);
    expect_failure(with_tunnel(sshd_login(&strict), true, 1), KILN_ERR_REMOTE,
                   "or AllowTcpForwarding off?");
    sshd_done(&strict);
}

static int group_set_up(void **state)
{
    (void)state;
    sshd_prepare(&target, "");
    sshd_prepare(&bastion, "");
    if (!sshd_installed())
        return 0;
    sshd_start(&target);
    sshd_start(&bastion);
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    sshd_done(&target);
    sshd_done(&bastion);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_a_bastion),
        cmocka_unit_test(files_through_a_bastion),
        cmocka_unit_test(found_again_through_a_bastion),
        cmocka_unit_test(bastion_that_lets_nobody_in),
        cmocka_unit_test(bastion_that_is_not_there),
        cmocka_unit_test(bastions_that_are_none),
        cmocka_unit_test(proxies_that_are_none),
        cmocka_unit_test(guest_behind_a_bastion_is_not_there),
        cmocka_unit_test(bastion_that_forwards_nothing),
        cmocka_unit_test(cancelled_at_the_bastion),
        cmocka_unit_test(tunnels_of_both_kinds),
        cmocka_unit_test(many_through_one_tunnel),
        cmocka_unit_test(tunnel_to_nobody),
        cmocka_unit_test(tunnels_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
