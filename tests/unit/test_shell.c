/* The commands `shell` and `shell-size`, with a communicator that echoes. */
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/control.h"
#include "engine/shell.h"

struct bed {
    struct kiln_build b;
    struct kiln_shell *shell;
    atomic_int guest_runs; /* balance of the calls */
    atomic_uint size;
};

static struct bed bed; /* the fake has no other way to it */

/* Says TERM and size, echoes, tells sizes; ends at end of file, fails at '!'. */
static bool fake_shell(struct kiln_communicator *c, struct kiln_remote_shell *r,
                       struct kiln_cancel *cancel, struct kiln_err *err)
{
    struct pollfd fds[] = { { .fd = r->fd, .events = POLLIN },
                            { .fd = r->resized, .events = POLLIN } };
    char text[100];
    eventfd_t count;

    (void)c;
    (void)snprintf(text, sizeof(text), "%s %ux%u %d\n", r->term, r->size >> 16, r->size & 0xffff,
                   atomic_load(&bed.guest_runs));
    (void)send(r->fd, text, strlen(text), MSG_NOSIGNAL);
    while (kiln_wait_fds(cancel, fds, KILN_COUNT(fds), KILN_NEVER, err) == KILN_WAIT_READY) {
        ssize_t n = recv(r->fd, text, sizeof(text), MSG_DONTWAIT);

        if (n == 0)
            return true;
        if (n > 0 && text[0] == '!')
            return kiln_err_set(err, KILN_ERR_REMOTE, "no \033[2J more");
        if (n > 0)
            (void)send(r->fd, text, (size_t)n, MSG_NOSIGNAL);
        if (eventfd_read(r->resized, &count) == 0)
            atomic_store(&bed.size, r->size);
    }
    return false;
}

static void guest(void *ud, bool runs)
{
    (void)ud;
    atomic_fetch_add(&bed.guest_runs, runs ? 1 : -1);
}

static int setup(void **state)
{
    *state = &bed;
    atomic_store(&bed.guest_runs, 0);
    bed.b = (struct kiln_build){ .control = kiln_control_new(),
                                 .bus = kiln_bus_new(open("/dev/null", O_WRONLY), "b") };
    bed.shell = kiln_shell_new(&bed.b, guest, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kiln_shell_free(bed.shell);
    kiln_control_free(bed.b.control);
    kiln_bus_free(bed.b.bus);
    return 0;
}

static bool call(const char *command, const char *term, int cols, int rows, int *ret_fd,
                 struct kiln_err *err)
{
    const struct kiln_control_args args = { .text = term, .cols = cols, .rows = rows };
    struct kiln_control_reply reply = KILN_CONTROL_REPLY_INIT;
    bool ok = kiln_control_call(bed.b.control, command, &args, &reply, err);

    *ret_fd = reply.fd;
    return ok;
}

static void refuses(const char *term, int cols, int rows, const char *want)
{
    KILN_AUTO_ERR err = { 0 };
    int fd;

    unit_fails(call("shell", term, cols, rows, &fd, &err), &err, KILN_ERR_USER, want);
    assert_int_equal(fd, -1);
}

static void expect(int fd, const char *want)
{
    char buf[256] = "";
    size_t n = 0, len = strlen(want);

    while (n < len) {
        ssize_t r = read(fd, buf + n, len - n);

        if (r <= 0)
            break;
        n += (size_t)r;
    }
    assert_string_equal(buf, want);
}

static void expect_end(int fd)
{
    char c;

    assert_int_equal(read(fd, &c, 1), 0);
    (void)close(fd);
}

static const struct kiln_communicator_ops ops = { .type = "fake", .shell = fake_shell };
static struct kiln_communicator fake = { &ops };

static void says_why_not(void **state)
{
    static const struct kiln_communicator_ops mute_ops = { .type = "none" };
    struct kiln_communicator mute = { &mute_ops };

    (void)state;
    refuses("vt100", 80, 24,
            "a shell needs a build that stands before or after a step or provisioner: \"next\" "
            "goes on to the next one");
    assert_false(kiln_shell_possible(bed.shell));
    kiln_shell_allow(bed.shell);
    refuses("vt100", 80, 24, "there is no connection to the guest now");
    bed.b.communicator = &mute;
    kiln_shell_allow(bed.shell);
    refuses("vt100", 80, 24, "the communicator is \"none\": it has no shells");
    bed.b.communicator = &fake;
    kiln_shell_allow(bed.shell);
    assert_true(kiln_shell_possible(bed.shell));
    refuses("vt100;reboot", 80, 24, "text: no name of a terminal (TERM)");
    refuses("a-very-long-name-of-a-terminal-that-nobody-has-ever-seen-in-any-place", 80, 24,
            "text: no name of a terminal (TERM)");
    refuses("vt100", 0, 24, "cols, rows: must be 1 to 1000");
    refuses("vt100", 80, 70000, "cols, rows: must be 1 to 1000");
    refuses("vt100", 80, -1, "cols, rows: must be 1 to 1000");
    kiln_shell_end(bed.shell);
    assert_false(kiln_shell_possible(bed.shell));
}

static void opens_and_ends(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    int fd, none;

    (void)state;
    bed.b.communicator = &fake;
    kiln_shell_allow(bed.shell);
    unit_fails(call("shell-size", NULL, 80, 24, &none, &err), &err, KILN_ERR_USER,
               "there is no open shell");
    unit_ok(call("shell", "screen.xterm-256color", 100, 30, &fd, &err), &err);
    expect(fd, "screen.xterm-256color 100x30 1\n"); /* the guest runs */
    refuses("vt100", 80, 24, "a shell is open already");
    unit_ok(call("shell-size", NULL, 120, 40, &none, &err), &err);
    while (atomic_load(&bed.size) != (120u << 16 | 40))
        (void)sched_yield();
    assert_int_equal(send(fd, "ls\n", 3, 0), 3);
    expect(fd, "ls\n");
    (void)close(fd);                                  /* the person is gone */
    while (!call("shell", NULL, 80, 24, &fd, &err)) { /* until that was noticed */
        assert_string_equal(err.msg, "a shell is open already");
        kiln_err_clear(&err);
    }
    expect(fd, "xterm 80x24 1\n");
    assert_int_equal(send(fd, "!", 1, 0), 1); /* errors are shown, and harmless */
    expect(fd, "\r\n[no ?[2J more]\r\n");
    expect_end(fd);

    while (!call("shell", "", 80, 24, &fd, &err))
        kiln_err_clear(&err);
    kiln_shell_end(bed.shell);
    assert_int_equal(atomic_load(&bed.guest_runs), 0);
    expect(fd, "xterm 80x24 1\n\r\n[the build goes on]\r\n");
    expect_end(fd);
    refuses("vt100", 80, 24,
            "a shell needs a build that stands before or after a step or provisioner: \"next\" "
            "goes on to the next one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_why_not, setup, teardown),
        cmocka_unit_test_setup_teardown(opens_and_ends, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
