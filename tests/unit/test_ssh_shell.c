/* A person's shell over the SSH communicator, against a real OpenSSH server. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "base/thread.h"
#include "sshd.h"

static struct sshd sshd; /* one for all tests */

struct shell {
    struct kiln_communicator *comm;
    struct kiln_cancel *cancel;
    struct kiln_remote_shell remote;
    int person; /* the other end */
    struct kiln_str seen;
    pthread_t thread;
    bool ok;
    struct kiln_err err;
};

static void *serve(void *ud)
{
    struct shell *s = ud;

    s->ok = s->comm->ops->shell(s->comm, &s->remote, s->cancel, &s->err);
    (void)shutdown(s->remote.fd, SHUT_RDWR);
    return NULL;
}

static struct shell *open_shell(void)
{
    struct shell *s;
    struct kiln_ssh_config cfg;
    int pair[2];

    if (!sshd_installed() || getuid() != 0) /* sshd must own the terminal */
        skip();
    s = kiln_xcalloc(1, sizeof(*s));
    cfg = sshd_login(&sshd);
    s->cancel = kiln_cancel_new();
    unit_ok(kiln_ssh_connect_consume(&s->comm, &cfg, NULL, s->cancel, &s->err), &s->err);
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    s->person = pair[1];
    s->remote.term = "vt100";
    s->remote.fd = pair[0];
    s->remote.resized = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->remote.size = 100u << 16 | 30;
    unit_ok(kiln_thread_start(&s->thread, "shell", serve, s, &s->err), &s->err);
    return s;
}

static void type(struct shell *s, const char *text)
{
    assert_int_equal(send(s->person, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* False: the shell has ended. */
static bool read_some(struct shell *s)
{
    char buf[4096];
    ssize_t n;

    assert_int_equal(
        kiln_wait_fd(NULL, s->person, POLLIN, kiln_cancel_deadline(NULL, KILN_SECOND(20)), NULL),
        KILN_WAIT_READY);
    n = read(s->person, buf, sizeof(buf));
    if (n <= 0)
        return false;
    kiln_str_add(&s->seen, buf, (size_t)n);
    return true;
}

static void expect(struct shell *s, const char *text)
{
    while (!strstr(kiln_str_cstr(&s->seen), text)) {
        if (!read_some(s))
            fail_msg("no \"%s\" in: %s", text, kiln_str_cstr(&s->seen));
    }
    kiln_str_clear(&s->seen);
}

static void join(struct shell *s)
{
    (void)pthread_join(s->thread, NULL);
}

static void close_shell(struct shell *s)
{
    kiln_communicator_free(s->comm);
    kiln_cancel_free(s->cancel);
    (void)close(s->remote.fd);
    (void)close(s->remote.resized);
    if (s->person >= 0)
        (void)close(s->person);
    kiln_str_done(&s->seen);
    kiln_err_clear(&s->err);
    free(s);
}

static void a_terminal(void **state)
{
    struct shell *s = open_shell();

    (void)state;
    type(s, "PS1=; exec sh\n");
    type(s, "tty | sed 's/[0-9]*$/N/'; stty size; echo $TERM-$((6*7))\n");
    expect(s, "/dev/pts/N\r\n30 100\r\nvt100-42\r\n");
    s->remote.size = 132u << 16 | 43;
    (void)eventfd_write(s->remote.resized, 1);
    type(s, "stty size\n");
    expect(s, "43 132\r\n");
    type(s, "stty -echo; printf '\\033[31mraw\\377\\n'; exit 3\n");
    expect(s, "\033[31mraw\377\r\n");
    while (read_some(s))
        ;
    join(s);
    unit_ok(s->ok, &s->err);
    close_shell(s);
}

/* Much more than any buffer holds, for a person who looks late. */
static void a_slow_person(void **state)
{
    struct shell *s = open_shell();
    size_t zeroes = 0;

    (void)state;
    type(s, "stty -echo -onlcr; echo sta''rt; head -c 20000000 /dev/zero; exit\n");
    expect(s, "start\n");
    (void)kiln_wait_us(NULL, KILN_MS(300), NULL); /* the buffers fill */
    do {
        for (size_t i = 0; i < s->seen.len; i++)
            zeroes += s->seen.data[i] == '\0';
        kiln_str_clear(&s->seen);
    } while (read_some(s));
    assert_true(zeroes >= 19900000); /* what came together with "start" was dropped */
    join(s);
    unit_ok(s->ok, &s->err);
    close_shell(s);
}

static void the_person_hangs_up(void **state)
{
    struct shell *s = open_shell();

    (void)state;
    type(s, "echo re''ady\n");
    expect(s, "ready\r\n");
    (void)close(s->person);
    s->person = -1;
    join(s);
    unit_ok(s->ok, &s->err);
    close_shell(s);
}

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    (void)is_stderr;
    kiln_str_add(ud, data, len);
}

/* The build goes on: the shell ends, the connection stays good. */
static void cancelled(void **state)
{
    KILN_AUTO_STR out = { 0 };
    const struct kiln_remote again = { "echo again", on_output, &out };
    struct shell *s = open_shell();
    KILN_AUTO_ERR err = { 0 };
    int status;

    (void)state;
    type(s, "echo re''ady\n");
    expect(s, "ready\r\n");
    kiln_cancel_fire(s->cancel);
    join(s);
    assert_false(s->ok);
    assert_int_equal(s->err.kind, KILN_ERR_CANCELLED);
    unit_ok(s->comm->ops->run(s->comm, &again, NULL, &status, &err), &err);
    assert_string_equal(kiln_str_cstr(&out), "again\n");
    close_shell(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal),
        cmocka_unit_test(a_slow_person),
        cmocka_unit_test(the_person_hangs_up),
        cmocka_unit_test(cancelled),
    };
    int failed;

    (void)signal(SIGPIPE, SIG_IGN);
    if (sshd_installed()) {
        sshd_prepare(&sshd, "");
        sshd_start(&sshd);
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (sshd_installed()) {
        sshd_stop(&sshd);
        sshd_done(&sshd);
    }
    return failed;
}
