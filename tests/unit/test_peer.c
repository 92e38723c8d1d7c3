/* Lines and descriptors over a Unix socket that may be full. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "run/peer.h"
#include "unit.h"

#define MAX   1000
#define CHUNK 64

static void make_pair(struct kiln_peer *a, struct kiln_peer *b)
{
    int small = 1, fds[2]; /* the least that the kernel gives */

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    kiln_peer_init(a, fds[0], MAX, CHUNK);
    kiln_peer_init(b, fds[1], MAX, CHUNK);
}

/* A descriptor that can be told from others. */
static int make_fd(char name)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], &name, 1), 1);
    (void)close(ends[1]);
    return ends[0];
}

static char name_of(int fd)
{
    char c = '?';

    assert_true(fd >= 0);
    assert_int_equal(read(fd, &c, 1), 1);
    (void)close(fd);
    return c;
}

static bool next(struct kiln_peer *from, struct kiln_peer *to, const char **line, size_t *len)
{
    for (int i = 0; i < 1000; i++) {
        if (kiln_peer_line(to, line, len))
            return true;
        (void)kiln_peer_flush(from);
        if (!kiln_peer_read(to))
            return false;
    }
    return false;
}

static void test_lines_and_fds_keep_their_order(void **state)
{
    struct kiln_peer a, b;
    const char *line;
    size_t len;

    (void)state;
    make_pair(&a, &b);
    for (int i = 0; i < 15; i++) { /* every third has a descriptor; more than the socket takes */
        KILN_AUTO_STR text = { 0 };

        kiln_str_addf(&text, "%d ", i);
        while (text.len < 900)
            kiln_str_addc(&text, 'x');
        kiln_str_addc(&text, '\n');
        kiln_peer_add(&a, text.data, text.len, i % 3 == 0 ? make_fd((char)('a' + i)) : -1);
    }
    for (int i = 0; i < 15; i++) {
        assert_true(next(&a, &b, &line, &len));
        assert_int_equal(strtol(line, NULL, 10), i);
        assert_int_equal(len, 901);
        if (i % 3 == 0)
            assert_int_equal(name_of(kiln_peer_take_fd(&b)), 'a' + i);
    }
    assert_int_equal(kiln_peer_take_fd(&b), -1);
    assert_true(a.out.len == 0 && a.n_out_fds == 0);
    kiln_peer_done(&a);
    kiln_peer_done(&b);
}

static void test_end(void **state)
{
    struct kiln_peer a, b;
    const char *line;
    size_t len;

    (void)state;
    make_pair(&a, &b);
    kiln_peer_add(&a, "one\ntwo\nhalf", 12, -1);
    assert_true(kiln_peer_flush(&a));
    kiln_peer_done(&a);
    assert_true(kiln_peer_read(&b));
    assert_true(kiln_peer_line(&b, &line, &len) && len == 4);
    assert_true(kiln_peer_line(&b, &line, &len) && memcmp(line, "two\n", 4) == 0);
    assert_false(kiln_peer_line(&b, &line, &len));
    assert_false(kiln_peer_read(&b));
    kiln_peer_add(&b, "x\n", 2, -1);
    assert_false(kiln_peer_flush(&b)); /* and no SIGPIPE */
    kiln_peer_done(&b);
}

static void test_a_line_over_the_maximum(void **state)
{
    struct kiln_peer a, b;
    char junk[CHUNK];
    int reads = 0;

    (void)state;
    make_pair(&a, &b);
    memset(junk, 'x', sizeof(junk));
    do {
        kiln_peer_add(&a, junk, sizeof(junk), -1);
        assert_true(kiln_peer_flush(&a));
    } while (kiln_peer_read(&b) && reads++ < 100);
    assert_true(reads < 20);
    assert_true(b.in.len <= MAX + CHUNK);
    kiln_peer_done(&a);
    kiln_peer_done(&b);
}

/* Whoever sends descriptors that nobody asks for does not fill our table. */
static void test_unwanted_fds(void **state)
{
    struct kiln_peer a, b;
    const char *line;
    size_t len;
    int before = dup(0), after;

    (void)state;
    make_pair(&a, &b);
    for (int i = 0; i < 100; i++) {
        kiln_peer_add(&a, "x\n", 2, make_fd('x'));
        assert_true(next(&a, &b, &line, &len));
    }
    assert_int_equal(b.n_in_fds, KILN_PEER_FDS);
    kiln_peer_done(&a);
    kiln_peer_done(&b);
    (void)close(before);
    after = dup(0);
    assert_int_equal(before, after); /* nothing leaks */
    (void)close(after);
}

/* As above, but all in one message, of which a peer takes the first only. */
static void test_more_fds_than_one_message_has(void **state)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (char[]){ "x\n" }, .iov_len = 2 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *c = &control.head;
    int fds[2] = { make_fd('1'), make_fd('2') }, before, after;
    struct kiln_peer a, b;

    (void)state;
    make_pair(&a, &b);
    msg.msg_control = &control;
    msg.msg_controllen = sizeof(control);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    assert_int_equal(sendmsg(a.fd, &msg, 0), 2);
    before = dup(0);
    (void)close(before);
    assert_true(kiln_peer_read(&b));
    assert_int_equal(name_of(kiln_peer_take_fd(&b)), '1');
    after = dup(0);
    assert_int_equal(before, after); /* the second one is nowhere */
    (void)close(after);
    kiln_peer_done(&a);
    kiln_peer_done(&b);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_and_fds_keep_their_order), cmocka_unit_test(test_end),
        cmocka_unit_test(test_a_line_over_the_maximum),        cmocka_unit_test(test_unwanted_fds),
        cmocka_unit_test(test_more_fds_than_one_message_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
