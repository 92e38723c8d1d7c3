/* Starting, watching and stopping a real QEMU (no guest: it stands still in its BIOS), and what its
 * complaints mean. Skips what needs QEMU where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/qemu.h"
#include "vm/qemu_failure.h"

#define QEMU "qemu-system-x86_64"

struct fixture {
    char *dir, *qmp;
    struct kiln_strv args;
    struct kiln_str events;
    atomic_int lines; /* printed by QEMU */
    pid_t noted;      /* by on_pid */
    bool refuse_pid;
};

static int64_t in_ms(int64_t ms)
{
    return kiln_cancel_deadline(NULL, KILN_MS(ms));
}

static int setup(void **state)
{
    struct fixture *f = kiln_xcalloc(1, sizeof(*f));

    f->dir = kiln_fs_temp_dir("kiln-qemu", NULL);
    f->qmp = kiln_path_join(f->dir, "qmp");
    kiln_strv_split(&f->args, "-machine none -nodefaults -no-user-config -display none", ' ');
    kiln_strv_add(&f->args, "-qmp");
    kiln_strv_addf(&f->args, "unix:%s,server=on,wait=off", f->qmp);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    (void)kiln_fs_remove_tree(f->dir, NULL);
    kiln_strv_done(&f->args);
    kiln_str_done(&f->events);
    free(f->qmp);
    free(f->dir);
    free(f);
    return 0;
}

static bool note_pid(void *ud, pid_t pid, struct kiln_err *err)
{
    struct fixture *f = ud;

    f->noted = pid;
    return !f->refuse_pid || kiln_err_set(err, KILN_ERR_SYSTEM, "ledger: disk full");
}

static void count_line(void *ud, bool is_stderr, const char *line, size_t len)
{
    struct fixture *f = ud;

    (void)line;
    assert_true(is_stderr && len > 0);
    atomic_fetch_add(&f->lines, 1);
}

static void note_event(void *ud, const char *name, struct json_object *data)
{
    struct fixture *f = ud;

    (void)data;
    kiln_str_addf(&f->events, "%s ", name);
}

static bool start(struct fixture *f, const char *binary, int64_t deadline, struct kiln_qemu **ret,
                  enum kiln_qemu_failure *why, struct kiln_err *err)
{
    const struct kiln_qemu_config cfg = {
        .binary = binary,
        .args = &f->args,
        .qmp_path = f->qmp,
        .on_pid = note_pid,
        .on_line = count_line,
        .on_event = note_event,
        .ud = f,
    };

    return kiln_qemu_start(ret, &cfg, NULL, deadline, why, err);
}

static struct kiln_qemu *start_or_skip(struct fixture *f)
{
    KILN_AUTO_FREE char *path = kiln_process_find(QEMU, NULL);
    KILN_AUTO_ERR err = { 0 };
    enum kiln_qemu_failure why;
    struct kiln_qemu *q = NULL;

    if (!path)
        skip();
    if (!start(f, QEMU, in_ms(20000), &q, &why, &err))
        fail_msg("%s", kiln_err_text(&err));
    return q;
}

static void start_and_stop(void **state)
{
    struct fixture *f = *state;
    struct kiln_qemu *q = start_or_skip(f);
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *status = NULL;

    assert_int_equal(f->noted, kiln_qemu_pid(q));
    assert_false(kiln_qemu_ended(q));
    assert_true(kiln_qmp_command(kiln_qemu_qmp(q), "stop", NULL, in_ms(5000), &err));
    assert_true(kiln_qmp_status(kiln_qemu_qmp(q), NULL, in_ms(5000), &status, &err));
    assert_string_equal(status, "paused");
    assert_false(kiln_qemu_wait(q, NULL, in_ms(20), &err));
    assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
    kiln_qemu_stop(q, KILN_SECOND(10));
    assert_true(kiln_qemu_ended(q));
    assert_int_equal(kiln_qemu_exit_code(q), 0); /* by QMP quit, not by a signal */
    assert_true(kiln_has_prefix(kiln_str_cstr(&f->events), "STOP SHUTDOWN"));
    kiln_qemu_stop(q, KILN_SECOND(10)); /* again: nothing */
    kiln_qemu_free(q);
    assert_false(kiln_fs_exists(f->qmp));
}

static void free_kills(void **state)
{
    struct fixture *f = *state;
    struct kiln_qemu *q = start_or_skip(f);
    pid_t pid = kiln_qemu_pid(q);

    kiln_qemu_free(q);
    assert_int_equal(kill(pid, 0), -1);
    assert_false(kiln_fs_exists(f->qmp));
}

static void wait_sees_it_end(void **state)
{
    struct fixture *f = *state;
    struct kiln_qemu *q = start_or_skip(f);
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *words = NULL;

    assert_return_code(kill(kiln_qemu_pid(q), SIGTERM), 0);
    assert_true(kiln_qemu_wait(q, NULL, in_ms(20000), &err));
    assert_int_equal(kiln_qemu_exit_code(q), 0);
    assert_non_null(strstr(kiln_str_cstr(&f->events), "SHUTDOWN"));
    assert_int_equal(kiln_qemu_pidfd(q), -1);
    words = kiln_qemu_last_words(q);
    assert_non_null(strstr(words, "terminating on signal 15"));
    assert_non_null(strstr(words, "ended from outside, not by its guest: host-signal"));
    assert_string_equal(kiln_qemu_ended_by(q), "host-signal");
    kiln_qemu_kill(q);
    kiln_qemu_free(q);
}

/* Stopped by SIGSTOP it answers nothing and heeds no SIGTERM. */
static void stop_ends_a_stuck_one(void **state)
{
    struct fixture *f = *state;
    struct kiln_qemu *q = start_or_skip(f);

    assert_return_code(kill(kiln_qemu_pid(q), SIGSTOP), 0);
    kiln_qemu_stop(q, KILN_MS(50));
    assert_true(kiln_qemu_ended(q));
    assert_int_equal(kiln_qemu_exit_code(q), 128 + SIGKILL);
    kiln_qemu_free(q);
}

static int listen_somewhere(int *ret_port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    for (int port = 5900; port < 6000; port++) { /* QEMU names VNC displays by port - 5900 */
        addr.sin_port = htons((uint16_t)port);
        if (bind(fd, (struct sockaddr *)&addr, len) == 0)
            break;
    }
    assert_return_code(listen(fd, 1), 0);
    assert_return_code(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

static void check_failure(struct fixture *f, enum kiln_qemu_failure want_why, const char *want)
{
    KILN_AUTO_FREE char *path = kiln_process_find(QEMU, NULL);
    KILN_AUTO_ERR err = { 0 };
    enum kiln_qemu_failure why;
    struct kiln_qemu *q = NULL;

    if (!path)
        skip();
    assert_false(start(f, QEMU, in_ms(20000), &q, &why, &err));
    assert_null(q);
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    if (!strstr(err.msg, want))
        fail_msg("'%s' is not in: %s", want, err.msg);
    assert_int_equal(why, want_why);
    assert_true(atomic_load(&f->lines) > 0);
    assert_int_equal(kill(f->noted, 0), -1);
}

static void vnc_port_in_use(void **state)
{
    struct fixture *f = *state;
    int port, fd = listen_somewhere(&port);

    kiln_strv_add(&f->args, "-vnc");
    kiln_strv_addf(&f->args, "127.0.0.1:%d", port - 5900);
    check_failure(f, KILN_QEMU_VNC_IN_USE,
                  "exited with status 1: qemu-system-x86_64: -vnc 127.0.0.1:");
    (void)close(fd);
}

static void forwarded_port_in_use(void **state)
{
    struct fixture *f = *state;
    int port, fd = listen_somewhere(&port);

    kiln_strv_add(&f->args, "-netdev");
    kiln_strv_addf(&f->args, "user,id=u,hostfwd=tcp:127.0.0.1:%d-:22", port);
    check_failure(f, KILN_QEMU_FORWARD_IN_USE, "Could not set up host forwarding rule");
    (void)close(fd);
}

static void bad_argument(void **state)
{
    struct fixture *f = *state;

    kiln_strv_add(&f->args, "-drive");
    kiln_strv_add(&f->args, "file=/nonexistent/disk,if=none");
    check_failure(f, KILN_QEMU_FAILED, "Could not open '/nonexistent/disk'");
}

static void missing_binary(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    enum kiln_qemu_failure why;
    struct kiln_qemu *q = NULL;

    assert_false(start(*state, "nope-qemu", KILN_NEVER, &q, &why, &err));
    assert_string_equal(err.msg, "exec: \"nope-qemu\": executable file not found in $PATH");
}

static void ledger_refuses(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_ERR err = { 0 };
    enum kiln_qemu_failure why;
    struct kiln_qemu *q = NULL;

    f->refuse_pid = true;
    assert_false(start(f, "/bin/true", KILN_NEVER, &q, &why, &err));
    assert_string_equal(err.msg, "ledger: disk full");
    assert_int_equal(kill(f->noted, 0), -1);
}

/* A program that is no QEMU and never opens the socket. */
static void never_answers(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_ERR err = { 0 };
    enum kiln_qemu_failure why;
    struct kiln_qemu *q = NULL;

    kiln_strv_done(&f->args);
    kiln_strv_add(&f->args, "1000");
    assert_false(start(f, "sleep", in_ms(50), &q, &why, &err));
    assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
    assert_true(kiln_has_prefix(err.msg, "start sleep: wait for QMP socket"));
    assert_int_equal(kill(f->noted, 0), -1);
}

static void says_much_before_it_ends(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_ERR err = { 0 };
    enum kiln_qemu_failure why;
    struct kiln_qemu *q = NULL;

    kiln_strv_done(&f->args);
    kiln_strv_add(&f->args, "-c");
    kiln_strv_add(&f->args, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done >&2;"
                            "printf 'the last' >&2; exit 3");
    assert_false(start(f, "sh", in_ms(20000), &q, &why, &err));
    assert_string_equal(err.msg, "sh exited with status 3: line 19998; line 19999; the last");
    assert_int_equal(atomic_load(&f->lines), 20001);
}

static void obituaries(void **state)
{
    static const struct {
        const char *said, *want;
        int status;
        enum kiln_qemu_failure why;
    } cases[] = {
        { "", "killed by signal 9 (Killed)", 9, KILN_QEMU_FAILED },
        { "", "exited with status 0", 0, KILN_QEMU_FAILED },
        { "a\nb\nc\nd\n\n", "exited with status 1: b; c; d", 1 << 8, KILN_QEMU_FAILED },
        { "q: Could not access KVM kernel module: Permission denied\nq: failed to "
          "initialize kvm: Permission denied\n",
          "exited with status 1: q: Could not access KVM kernel module: Permission denied; q: "
          "failed "
          "to initialize kvm: Permission denied (join the group kvm, or set \"accelerator\": "
          "\"tcg\")",
          1 << 8, KILN_QEMU_FAILED },
        { "q: -vnc 1.2.3.4:0: Failed to bind socket: Address already in use\n",
          "exited with status 1: q: -vnc 1.2.3.4:0: Failed to bind socket: Address already in use "
          "(the VNC port is taken; widen vnc_port_min and vnc_port_max)",
          1 << 8, KILN_QEMU_VNC_IN_USE },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        enum kiln_qemu_failure why;
        KILN_AUTO_FREE char *got = kiln_qemu_obituary(cases[i].status, cases[i].said, &why);

        assert_string_equal(got, cases[i].want);
        assert_int_equal(why, cases[i].why);
    }
}

/* Write an executable script. */
static char *script(const struct fixture *f, const char *text)
{
    KILN_AUTO_FREE char *body = kiln_xasprintf("#!/bin/sh\n%s\n", text);
    char *path = kiln_path_join(f->dir, "qemu");

    assert_true(kiln_fs_write_atomic(path, body, strlen(body), 0755, NULL));
    return path;
}

static void version_probe(void **state)
{
    static const struct {
        const char *text, *want, *error;
        int major, minor;
    } cases[] = {
        { "echo 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)'", "7.2.22", NULL, 7, 2 },
        { "echo 'QEMU emulator version 10'", "10", NULL, 10, 0 },
        { "echo 'QEMU PC emulator version 1.7.1 x'", "1.7.1", NULL, 1, 7 },
        { "echo hello", NULL, "No version found: hello", 0, 0 },
        { "exit 1", NULL, "exit status 1", 0, 0 },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        KILN_CLEANUP(kiln_qemu_version_done) struct kiln_qemu_version v = { 0 };
        KILN_AUTO_FREE char *path = script(f, cases[i].text);
        KILN_AUTO_ERR err = { 0 };
        bool ok = kiln_qemu_version_probe(&v, path, NULL, in_ms(20000), &err);

        assert_int_equal(ok, cases[i].want != NULL);
        if (ok)
            assert_string_equal(v.text, cases[i].want);
        else
            assert_string_equal(err.msg, cases[i].error);
        assert_int_equal(v.major, cases[i].major);
        assert_int_equal(v.minor, cases[i].minor);
    }
}

static void version_is_asked_once(void **state)
{
    struct fixture *f = *state;
    KILN_CLEANUP(kiln_qemu_version_done) struct kiln_qemu_version v = { 0 };
    KILN_AUTO_FREE char *count = kiln_path_join(f->dir, "count");
    KILN_AUTO_FREE char *text = kiln_xasprintf("echo x >>%s; echo version 5.1", count);
    KILN_AUTO_FREE char *path = script(f, text);
    KILN_AUTO_STR runs = { 0 };

    assert_true(kiln_qemu_version_probe(&v, path, NULL, in_ms(20000), NULL));
    assert_true(kiln_qemu_version_probe(&v, path, NULL, in_ms(20000), NULL));
    assert_true(kiln_fs_read(count, 100, &runs, NULL));
    assert_string_equal(runs.data, "x\n");
    free(script(f, "echo version 6.2.1")); /* replaced: another file */
    assert_true(kiln_qemu_version_probe(&v, path, NULL, in_ms(20000), NULL));
    assert_int_equal(v.major, 6);
}

#define FIXED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXED(start_and_stop),
        FIXED(free_kills),
        FIXED(wait_sees_it_end),
        FIXED(stop_ends_a_stuck_one),
        FIXED(vnc_port_in_use),
        FIXED(forwarded_port_in_use),
        FIXED(bad_argument),
        FIXED(missing_binary),
        FIXED(ledger_refuses),
        FIXED(never_answers),
        FIXED(says_much_before_it_ends),
        cmocka_unit_test(obituaries),
        FIXED(version_probe),
        FIXED(version_is_asked_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
