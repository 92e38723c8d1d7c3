/* Child processes: real ones. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/process.h"
#include "unit.h"

#define SH(script)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        "sh", "-c", script, NULL                                                                   \
    }
#define PATIENCE                                                                                   \
    kiln_cancel_deadline(NULL, KILN_SECOND(30)) /* far beyond what anything here takes */

/* Output and exit code of a script that has to start. */
static int run(const struct kiln_spawn *how, struct kiln_str *out)
{
    KILN_AUTO_ERR err = { 0 };
    int code = -1;

    unit_ok(kiln_process_capture(how, NULL, PATIENCE, out, out, &code, &err), &err);
    return code;
}

/* No child of ours is left, not even a zombie. */
static void check_no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_exit_codes(void **state)
{
    static const struct {
        const char *script;
        int code;
    } rows[] = { { "exit 0", 0 }, { "exit 3", 3 }, { "exit 255", 255 }, { "kill -9 $$", 137 } };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_spawn how = { .argv = SH(rows[i].script) };

        assert_int_equal(run(&how, NULL), rows[i].code);
    }
    check_no_children();
}

static void test_cannot_start(void **state)
{
    static const struct {
        const char *program, *cwd, *want;
        enum kiln_err_kind kind;
    } rows[] = {
        { "no-such-program", NULL, "exec: \"no-such-program\": executable file not found in $PATH",
          KILN_ERR_USER },
        { "", NULL, "exec: \"\": executable file not found in $PATH", KILN_ERR_USER },
        { "./no/such", NULL, "fork/exec ./no/such: no such file or directory", KILN_ERR_USER },
        { "/etc/passwd", NULL, "fork/exec /etc/passwd: permission denied", KILN_ERR_USER },
        { "/etc", NULL, "fork/exec /etc: permission denied", KILN_ERR_USER },
        { "/bin/true", "/no/such", "start /bin/true: chdir /no/such: No such file or directory",
          KILN_ERR_SYSTEM },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
        KILN_AUTO_ERR err = { 0 };
        const char *const argv[] = { rows[i].program, NULL };
        struct kiln_spawn how = { .argv = argv, .cwd = rows[i].cwd, .out = KILN_STDIO_PIPE };

        unit_fails(kiln_process_spawn(&p, &how, &err), &err, rows[i].kind, rows[i].want);
        assert_int_equal(p.pid, 0);
        assert_int_equal(p.out, -1);
    }
    check_no_children();
}

static void test_find(void **state)
{
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-test-", NULL);
    KILN_AUTO_FREE char *own = kiln_path_join(dir, "sh");
    KILN_AUTO_FREE char *old = kiln_xstrdup(getenv("PATH"));
    KILN_AUTO_FREE char *path = kiln_xasprintf(".::relative:/no/such:%s:/usr/bin:/bin", dir);
    KILN_AUTO_FREE char *found = NULL;
    KILN_AUTO_FREE char *plain = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    assert_int_equal(setenv("PATH", path, 1), 0);
    unit_ok(kiln_fs_mkdirs(own, 0700, &err), &err); /* a directory is no program */
    found = kiln_process_find("sh", &err);
    assert_true(found && kiln_has_suffix(found, "/bin/sh"));
    unit_ok(kiln_fs_remove_tree(own, &err), &err);
    unit_ok(kiln_fs_write_atomic(own, "", 0, 0700, &err), &err);
    plain = kiln_process_find("sh", &err);
    assert_string_equal(plain, own);
    unit_fails(kiln_process_find("/etc/passwd", &err), &err, KILN_ERR_USER,
               "exec: \"/etc/passwd\": permission denied");
    assert_int_equal(unsetenv("PATH"), 0);
    unit_fails(kiln_process_find("sh", &err), &err, KILN_ERR_USER,
               "exec: \"sh\": executable file not found in $PATH");
    assert_int_equal(setenv("PATH", old, 1), 0);
    unit_ok(kiln_fs_remove_tree(dir, &err), &err);
}

static void test_environment(void **state)
{
    static const char *const env[] = { "KILN_A=new", "KILN_C=1", "KILN_C=2", NULL };
    struct kiln_spawn how = { .argv = (const char *const[]){ "env", NULL }, .env = env };
    KILN_AUTO_STRV lines = { 0 };
    KILN_AUTO_STR out = { 0 };

    (void)state;
    assert_int_equal(setenv("KILN_A", "old", 1), 0);
    assert_int_equal(setenv("KILN_B", "ours", 1), 0);
    assert_int_equal(run(&how, &out), 0);
    kiln_strv_split(&lines, out.data, '\n');
    assert_true(kiln_strv_has(&lines, "KILN_A=new") && !kiln_strv_has(&lines, "KILN_A=old"));
    assert_true(kiln_strv_has(&lines, "KILN_B=ours"));
    assert_true(kiln_strv_has(&lines, "KILN_C=2") && !kiln_strv_has(&lines, "KILN_C=1"));
}

static void test_cwd_and_stdio(void **state)
{
    struct kiln_spawn how = { .argv = SH("pwd; cat"), .cwd = "/proc/.." };
    KILN_AUTO_STR out = { 0 };

    (void)state;
    assert_int_equal(run(&how, &out), 0); /* cat ends: stdin is /dev/null */
    assert_string_equal(out.data, "/\n");
}

/* Blocked and ignored signals, and open files, end with exec; ours are as they were. */
static void test_clean_slate(void **state)
{
    int leaky = fcntl(STDERR_FILENO, F_DUPFD, 100);
    KILN_AUTO_FREE char *script = kiln_xasprintf("grep -E '^Sig(Blk|Ign)' /proc/self/status |"
                                                 "cut -f2; ! test -e /proc/self/fd/%d",
                                                 leaky);
    struct kiln_spawn how = { .argv = SH(script) };
    struct sigaction ign = { .sa_handler = SIG_IGN }, old;
    KILN_AUTO_STR out = { 0 };
    sigset_t set, old_set;

    (void)state;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, &old_set);
    (void)sigaction(SIGPIPE, &ign, &old);
    assert_int_equal(run(&how, &out), 0);
    (void)sigaction(SIGPIPE, &old, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &old_set, &set);
    assert_string_equal(out.data, "0000000000000000\n0000000000000000\n");
    assert_true(sigismember(&set, SIGTERM) && !sigismember(&set, SIGUSR1));
    (void)close(leaky);
}

static void test_our_stdin_is_closed(void **state)
{
    struct kiln_spawn how = { .argv = SH("cat && echo out && echo err >&2") };
    int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    KILN_AUTO_STR out = { 0 };
    int code;

    (void)state;
    (void)close(STDIN_FILENO);
    code = run(&how, &out);
    if (saved >= 0) {
        assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
        (void)close(saved);
    }
    assert_int_equal(code, 0);
    assert_int_equal(out.len, 8);
}

/* In a process of its own: the exit code is the answer. */
static void test_setup(void **state)
{
    struct kiln_spawn how = { .argv = SH("exit 3") };
    struct sigaction ign = { .sa_handler = SIG_IGN };
    int status = 0, code = 99;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        (void)sigaction(SIGCHLD, &ign, NULL);
        (void)close(STDIN_FILENO);
        (void)close(STDERR_FILENO);
        kiln_process_setup();
        (void)kiln_process_capture(&how, NULL, PATIENCE, NULL, NULL, &code, NULL);
        _exit(fcntl(STDIN_FILENO, F_GETFD) == 0 && fcntl(STDERR_FILENO, F_GETFD) == 0 ? code : 98);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 3);
}

static void test_group(void **state)
{
    for (int same = 0; same < 2; same++) {
        KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
        KILN_AUTO_ERR err = { 0 };
        struct kiln_spawn how = { .argv = SH("exec sleep 1000"), .same_group = same };

        unit_ok(kiln_process_spawn(&p, &how, &err), &err);
        assert_int_equal(getpgid(p.pid), same ? getpgrp() : p.pid);
        assert_false(kiln_process_ended(&p));
        kiln_process_stop(&p, KILN_SECOND(30));
        assert_int_equal(kiln_process_exit_code(&p), 128 + SIGTERM);
        assert_true(kiln_process_ended(&p));
        kiln_process_stop(&p, 0); /* nothing left to do */
    }
    (void)state;
    check_no_children();
}

/* The letter of /proc/PID/stat: S sleeps, Z is a zombie. */
static char process_state(pid_t pid)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("/proc/%d/stat", (int)pid);
    KILN_AUTO_STR text = { 0 };
    const char *paren;

    if (!kiln_fs_read(path, 4096, &text, NULL))
        return '?';
    paren = strrchr(text.data, ')');
    return paren ? paren[2] : '?';
}

struct seen {
    pid_t pid;
    char exe[64]; /* what the child runs when it has come to its wait */
    bool answer;
};

static bool see_pid(void *ud, pid_t pid, struct kiln_err *err)
{
    struct seen *seen = ud;
    KILN_AUTO_FREE char *path = kiln_xasprintf("/proc/%d/exe", (int)pid);
    char target[256] = "";

    while (process_state(pid) == 'R')
        (void)sched_yield();
    seen->pid = pid;
    (void)!readlink(path, target, sizeof(target) - 1);
    (void)snprintf(seen->exe, sizeof(seen->exe), "%s", kiln_path_base(target));
    return seen->answer || kiln_err_set(err, KILN_ERR_USER, "the ledger is full");
}

static void test_on_pid(void **state)
{
    KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-test-", NULL);
    KILN_AUTO_FREE char *script = kiln_xasprintf("touch %s/ran", dir);
    KILN_AUTO_FREE char *ran = kiln_path_join(dir, "ran");
    KILN_AUTO_ERR err = { 0 };
    struct seen seen = { .answer = false };
    struct kiln_spawn how = { .argv = SH(script), .on_pid = see_pid, .ud = &seen };

    (void)state;
    unit_fails(kiln_process_spawn(&p, &how, &err), &err, KILN_ERR_USER, "the ledger is full");
    check_no_children();
    assert_false(kiln_fs_exists(ran));

    seen.answer = true;
    unit_ok(kiln_process_spawn(&p, &how, &err), &err);
    assert_int_equal(seen.pid, p.pid);
    assert_string_equal(seen.exe, "test_base_process");
    unit_ok(kiln_process_wait(&p, NULL, PATIENCE, &err), &err);
    assert_true(kiln_fs_exists(ran));
    unit_ok(kiln_fs_remove_tree(dir, &err), &err);
}

/* A process in between starts the child, tells its pid and dies once the test holds a pidfd. */
static void test_dies_with_its_parent(void **state)
{
    int told[2], die[2];
    pid_t between, child = 0;
    KILN_AUTO_FD pidfd = -1;
    char c;

    (void)state;
    assert_int_equal(pipe(told) | pipe(die), 0);
    between = fork();
    if (between == 0) {
        struct kiln_process p = KILN_PROCESS_INIT;
        struct kiln_spawn how = { .argv = SH("exec sleep 1000") };

        (void)close(die[1]);
        (void)(kiln_process_spawn(&p, &how, NULL) && write(told[1], &p.pid, sizeof(p.pid)) > 0 &&
               read(die[0], &c, 1) == 0);
        _exit(0);
    }
    assert_int_equal(read(told[0], &child, sizeof(child)), sizeof(child));
    pidfd = pidfd_open(child, 0);
    assert_true(pidfd >= 0);
    (void)close(die[1]);
    assert_int_equal(kiln_wait_fd(NULL, pidfd, POLLIN, PATIENCE, NULL), KILN_WAIT_READY);
    assert_int_equal(waitpid(between, NULL, 0), between);
    (void)close(told[0]);
    (void)close(told[1]);
    (void)close(die[0]);
}

static void test_wait_is_cancelled(void **state)
{
    KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };
    struct kiln_spawn how = { .argv = SH("exec sleep 1000") };

    (void)state;
    unit_ok(kiln_process_spawn(&p, &how, &err), &err);
    unit_fails(kiln_process_wait(&p, c, 0, &err), &err, KILN_ERR_TIMEOUT, "timed out");
    kiln_cancel_fire(c);
    unit_fails(kiln_process_wait(&p, c, KILN_NEVER, &err), &err, KILN_ERR_CANCELLED, "cancelled");
    assert_int_not_equal(p.pid, 0);
    kiln_process_done(&p);
    check_no_children();
}

static void test_stop_ladder(void **state)
{
    KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_spawn how = { .argv = SH("trap '' TERM; echo ready; while :; do sleep 1000; done"),
                              .out = KILN_STDIO_PIPE };
    char text[16];

    (void)state;
    unit_ok(kiln_process_spawn(&p, &how, &err), &err);
    assert_true(read(p.out, text, sizeof(text)) > 0);
    kiln_process_stop(&p, KILN_MS(5));
    assert_int_equal(kiln_process_exit_code(&p), 128 + SIGKILL);
    assert_int_equal(read(p.out, text, sizeof(text)), 0); /* nobody of the group is left */
}

static void test_capture_drains_both(void **state)
{
    struct kiln_spawn how = { .argv = SH("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero;"
                                         "head -c 2000000 /dev/zero") };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_STR errs = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int code = -1;

    (void)state;
    unit_ok(kiln_process_capture(&how, NULL, PATIENCE, &out, &errs, &code, &err), &err);
    assert_int_equal(code, 0);
    assert_int_equal(out.len, KILN_MAX_CAPTURE);
    assert_int_equal(errs.len, 300000);
    unit_ok(kiln_process_capture(&how, NULL, PATIENCE, NULL, NULL, &code, &err), &err);
}

struct late {
    struct kiln_cancel *c; /* paused */
    pthread_t thread;
    pid_t pid;
};

static void *resume_when_dead(void *arg)
{
    struct late *late = arg;

    while (process_state(late->pid) != 'Z')
        (void)sched_yield();
    kiln_cancel_resume(late->c);
    return NULL;
}

static bool start_resumer(void *ud, pid_t pid, struct kiln_err *err)
{
    struct late *late = ud;

    (void)err;
    late->pid = pid;
    return pthread_create(&late->thread, NULL, resume_when_dead, late) == 0;
}

/* All of it is still in the pipe when the program has ended. */
static void test_capture_comes_late(void **state)
{
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    struct late late = { .c = c };
    struct kiln_spawn how = { .argv = SH("exec head -c 60000 /dev/zero"),
                              .on_pid = start_resumer,
                              .ud = &late };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int code = -1;

    (void)state;
    kiln_cancel_pause(c);
    unit_ok(kiln_process_capture(&how, c, KILN_NEVER, &out, NULL, &code, &err), &err);
    assert_int_equal(pthread_join(late.thread, NULL), 0);
    assert_int_equal(out.len, 60000);
}

/* Output without end must not keep the deadline from being seen, nor from a program left behind. */
static void test_capture_of_a_flood(void **state)
{
    struct kiln_spawn flood = { .argv = SH("exec yes") };
    struct kiln_spawn behind = { .argv = SH("yes & echo $! >&2") };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_STR pid = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int code = -1;

    (void)state;
    unit_fails(kiln_process_capture(&flood, NULL, kiln_cancel_deadline(NULL, KILN_MS(20)), &out,
                                    NULL, &code, &err),
               &err, KILN_ERR_TIMEOUT, "run sh: timed out");
    assert_true(out.len <= KILN_MAX_CAPTURE);
    unit_ok(kiln_process_capture(&behind, NULL, PATIENCE, NULL, &pid, &code, &err), &err);
    (void)kill((pid_t)strtol(pid.data, NULL, 10), SIGKILL); /* SIGPIPE may have been faster */
}

/* A fifo whose write end the script's background process holds: hangs up when that one is dead. */
static void make_fifo(char **ret_dir, char **ret_fifo)
{
    *ret_dir = kiln_fs_temp_dir("kiln-test-", NULL);
    *ret_fifo = kiln_path_join(*ret_dir, "fifo");
    assert_int_equal(mkfifo(*ret_fifo, 0600), 0);
}

static void test_capture_timeout_kills_the_group(void **state)
{
    KILN_AUTO_FREE char *dir = NULL;
    KILN_AUTO_FREE char *fifo = NULL;
    KILN_AUTO_FREE char *script = NULL;
    KILN_AUTO_FD held = -1;
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_spawn how = { 0 };
    int code = -1;

    (void)state;
    make_fifo(&dir, &fifo);
    held = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    script = kiln_xasprintf("sleep 1000 >%s & echo on; wait", fifo);
    how.argv = SH(script);
    unit_fails(kiln_process_capture(&how, NULL, kiln_cancel_deadline(NULL, KILN_MS(100)), &out,
                                    NULL, &code, &err),
               &err, KILN_ERR_TIMEOUT, "run sh: timed out");
    assert_int_equal(code, -1);
    check_no_children();
    if (out.len) /* on a slow machine the script may not have come to its fifo */
        assert_int_equal(kiln_wait_fd(NULL, held, POLLIN, PATIENCE, NULL), KILN_WAIT_READY);
    unit_ok(kiln_fs_remove_tree(dir, &err), &err);
}

static void test_capture_leaves_a_daemon_alone(void **state)
{
    KILN_AUTO_FREE char *dir = NULL;
    KILN_AUTO_FREE char *fifo = NULL;
    KILN_AUTO_FREE char *script = NULL;
    KILN_AUTO_FD release = -1;
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_spawn how = { 0 };

    (void)state;
    make_fifo(&dir, &fifo);
    script = kiln_xasprintf("cat <%s & echo started", fifo); /* cat keeps stdout open */
    how.argv = SH(script);
    assert_int_equal(run(&how, &out), 0);
    assert_string_equal(out.data, "started\n");
    release = open(fifo, O_WRONLY | O_CLOEXEC); /* waits for cat: it does live */
    assert_true(release >= 0);
    unit_ok(kiln_fs_remove_tree(dir, &err), &err);
}

static void test_start_time(void **state)
{
    unsigned long long plain = kiln_process_start_time(getpid());

    (void)state;
    assert_true(plain > 0);
    assert_int_equal(prctl(PR_SET_NAME, ") R 1 (x 9"), 0);
    assert_int_equal(kiln_process_start_time(getpid()), plain);
    assert_int_equal(kiln_process_start_time(0x7ffffff0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_cannot_start),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_cwd_and_stdio),
        cmocka_unit_test(test_clean_slate),
        cmocka_unit_test(test_our_stdin_is_closed),
        cmocka_unit_test(test_setup),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_on_pid),
        cmocka_unit_test(test_dies_with_its_parent),
        cmocka_unit_test(test_wait_is_cancelled),
        cmocka_unit_test(test_stop_ladder),
        cmocka_unit_test(test_capture_drains_both),
        cmocka_unit_test(test_capture_comes_late),
        cmocka_unit_test(test_capture_of_a_flood),
        cmocka_unit_test(test_capture_timeout_kills_the_group),
        cmocka_unit_test(test_capture_leaves_a_daemon_alone),
        cmocka_unit_test(test_start_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
