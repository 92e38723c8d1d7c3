/* The relay between the terminal and a shell in the guest: bytes pass as they are, both ways. */
#include "console_bed.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ui/shell.h"
#include "ui/term/term.h"

int kiln_client_fd(const struct kiln_client *client)
{
    (void)client;
    return -1;
}

void kiln_client_read(struct kiln_client *client, const struct kiln_client_handler *h, void *ud)
{
    (void)client;
    (void)h;
    (void)ud;
}

/* What comes from a terminal, which gives it in pieces, until it ends like this. */
static void read_until(int fd, const char *end, size_t len)
{
    char buf[8192];
    size_t at = 0;

    while (at < len || memcmp(buf + at - len, end, len) != 0) {
        ssize_t n = read(fd, buf + at, sizeof(buf) - at);

        assert_true(n > 0);
        at += (size_t)n;
    }
}

static void test_relay(void **state)
{
    static const char typed[] = "ls\r\003\033[A", printed[] = "\033[1mbin\033[m\r\n# ";
    struct winsize ws = { .ws_col = 80, .ws_row = 24 };
    struct kiln_console *c = bed_console(80, 24);
    KILN_AUTO_ERR err = { 0 };
    int master, slave, ends[2], signals;
    char buf[4096];
    sigset_t none;
    ssize_t n;

    (void)state;
    setenv("TERM", "xterm", 1);
    (void)sigemptyset(&none);
    signals = signalfd(-1, &none, SFD_NONBLOCK);
    assert_int_equal(openpty(&master, &slave, NULL, NULL, &ws), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    unit_ok(kiln_term_open(&c->term, slave, NULL, &err), &err);
    (void)kiln_term_flush(c->term);
    kiln_term_pass_through(c->term);
    assert_int_equal(write(master, typed, sizeof(typed) - 1), sizeof(typed) - 1);
    assert_int_equal(write(ends[1], printed, sizeof(printed) - 1), sizeof(printed) - 1);
    (void)shutdown(ends[1], SHUT_WR); /* the shell ends */
    kiln_shell_relay(c, ends[0], signals);
    n = read(ends[1], buf, sizeof(buf));
    assert_int_equal(n, sizeof(typed) - 1);
    assert_memory_equal(buf, typed, sizeof(typed) - 1);
    read_until(master, printed, sizeof(printed) - 1);
    kiln_term_close(c->term);
    kiln_console_free(c);
    close(master);
    close(slave);
    close(signals);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_relay) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
