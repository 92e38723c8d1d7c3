/* The ledger: what is written, what survives a crash, and what cleaning does and must not do. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/process.h"
#include "engine/ledger.h"
#include "unit.h"

struct room {
    char *dir, *path; /* owned */
    struct kiln_ledger *l;
};

static void room_open(struct room *r)
{
    KILN_AUTO_ERR err = { 0 };

    unit_ok((r->dir = kiln_fs_temp_dir("kiln-ledger", &err)), &err);
    r->path = kiln_path_join(r->dir, "ledger");
    unit_ok(kiln_ledger_open(&r->l, r->path, &err), &err);
}

static void room_done(struct room *r)
{
    kiln_ledger_close(r->l);
    (void)kiln_fs_remove_tree(r->dir, NULL);
    free(r->path);
    free(r->dir);
}

#define ROOM KILN_CLEANUP(room_done) struct room

/* A file in the room; caller frees the path. */
static char *make(struct room *r, const char *name)
{
    char *path = kiln_path_join(r->dir, name);
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_write_atomic(path, "x", 1, 0600, &err), &err);
    return path;
}

static void add(struct room *r, enum kiln_owned kind, const char *path)
{
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_ledger_add(r->l, kind, path, &err), &err);
}

static void clean(struct room *r, bool keep_output)
{
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_ledger_clean(r->path, keep_output, NULL, &err), &err);
    assert_false(kiln_fs_exists(r->path));
    unit_ok(kiln_ledger_clean(r->path, keep_output, NULL, &err),
            &err); /* once more: nothing to do */
}

static void test_what_is_written(void **state)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *want = NULL;
    struct stat st;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    add(&r, KILN_OWNED_FILE, "/a/../b\nc\\d");
    add(&r, KILN_OWNED_TREE, "/t");
    kiln_ledger_drop(r.l, KILN_OWNED_TREE, "/x/../t");
    add(&r, KILN_OWNED_OUTPUT, "/o ut");
    unit_ok(kiln_ledger_add_pid(r.l, getpid(), &err), &err);
    kiln_ledger_drop_pid(r.l, getpid());
    unit_ok(kiln_fs_read(r.path, 4096, &text, &err), &err);
    want = kiln_xasprintf("+ file /b\\nc\\\\d\n+ tree /t\n- tree /t\n+ output /o ut\n"
                          "+ process %d %llu\n- process %d\n",
                          getpid(), kiln_process_start_time(getpid()), getpid());
    assert_string_equal(text.data, want);
    assert_int_equal(stat(r.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_clean(void **state)
{
    KILN_AUTO_FREE char *file = NULL, *strange = NULL, *dropped = NULL, *tree = NULL, *out = NULL;
    KILN_AUTO_FREE char *inside = NULL, *kept = NULL;
    KILN_AUTO_ERR err = { 0 };
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    tree = kiln_path_join(r.dir, "tree");
    out = kiln_path_join(r.dir, "out");
    unit_ok(kiln_fs_mkdirs(tree, 0700, &err) && kiln_fs_mkdirs(out, 0700, &err), &err);
    inside = make(&r, "tree/inside");
    file = make(&r, "file");
    strange = make(&r, "new\nline \\ and \xff");
    dropped = make(&r, "dropped");
    kept = make(&r, "not listed");
    add(&r, KILN_OWNED_FILE, file);
    add(&r, KILN_OWNED_FILE, strange);
    add(&r, KILN_OWNED_FILE, dropped);
    add(&r, KILN_OWNED_TREE, tree);
    add(&r, KILN_OWNED_OUTPUT, out);
    add(&r, KILN_OWNED_FILE, "/nonexistent/kiln/file");
    kiln_ledger_drop(r.l, KILN_OWNED_FILE, dropped);
    clean(&r, true);
    assert_false(kiln_fs_exists(file));
    assert_false(kiln_fs_exists(strange));
    assert_false(kiln_fs_exists(inside) || kiln_fs_exists(tree));
    assert_true(kiln_fs_exists(dropped));
    assert_true(kiln_fs_exists(kept));
    assert_true(kiln_fs_is_dir(out));
}

static void test_output_goes_unless_kept(void **state)
{
    KILN_AUTO_FREE char *out = NULL;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    out = make(&r, "out");
    add(&r, KILN_OWNED_OUTPUT, out);
    clean(&r, false);
    assert_false(kiln_fs_exists(out));
}

/* The user has put something of that name there since. */
static void test_spares_later_output(void **state)
{
    const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    KILN_AUTO_FREE char *out = NULL;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    out = make(&r, "out");
    add(&r, KILN_OWNED_OUTPUT, out);
    assert_int_equal(utimensat(AT_FDCWD, r.path, long_ago, 0), 0);
    clean(&r, false);
    assert_true(kiln_fs_exists(out));
}

static void test_abort_keeps_outputs(void **state)
{
    KILN_AUTO_FREE char *one = NULL, *two = NULL, *other = NULL, *later = NULL;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    one = make(&r, "one");
    two = make(&r, "two");
    other = make(&r, "other");
    later = make(&r, "later");
    add(&r, KILN_OWNED_OUTPUT, one);
    add(&r, KILN_OWNED_FILE, other);
    add(&r, KILN_OWNED_OUTPUT, two);
    kiln_ledger_keep_outputs(r.l);
    add(&r, KILN_OWNED_OUTPUT, later);
    clean(&r, false);
    assert_true(kiln_fs_exists(one));
    assert_true(kiln_fs_exists(two));
    assert_false(kiln_fs_exists(other));
    assert_false(kiln_fs_exists(later));
}

/* Added twice and dropped once: it is still there. */
static void test_drop_takes_one(void **state)
{
    KILN_AUTO_FREE char *file = NULL;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    file = make(&r, "file");
    add(&r, KILN_OWNED_FILE, file);
    add(&r, KILN_OWNED_FILE, file);
    kiln_ledger_drop(r.l, KILN_OWNED_FILE, file);
    clean(&r, false);
    assert_false(kiln_fs_exists(file));
}

static void append_raw(const struct room *r, const char *bytes)
{
    KILN_AUTO_FD fd = open(r->path, O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(kiln_fs_write_all(fd, bytes, strlen(bytes), NULL));
}

/* The last line may be half of a longer path, and what a bad disk leaves may be anything. */
static void test_half_lines_and_rubbish(void **state)
{
    KILN_AUTO_FREE char *dir_line = NULL, *file = NULL, *half = NULL;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    file = make(&r, "file");
    half = make(&r, "half");
    add(&r, KILN_OWNED_FILE, file);
    append_raw(&r, "+ bogus /x\n+ tree /\n+ tree \n+ tree relative\n+ file \\q\n* tree /x\n+\n\n"
                   "+ process -1 5\n+ process 0 5\n+ process 1 5\n+ process 99999999999 1\n"
                   "+ process x\n+ process 12 \n");
    dir_line = kiln_xasprintf("+ file %s", half);
    append_raw(&r, dir_line);
    clean(&r, false);
    assert_false(kiln_fs_exists(file));
    assert_true(kiln_fs_exists(half));
}

/* A ledger that is opened again: the half line must not come to life with the next one. */
static void test_reopened(void **state)
{
    KILN_AUTO_FREE char *file = NULL, *half = NULL, *line = NULL;
    KILN_AUTO_ERR err = { 0 };
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    file = make(&r, "file");
    half = make(&r, "precious");
    line = kiln_xasprintf("+ tree %s", half); /* of …/precious/output, say */
    append_raw(&r, line);
    kiln_ledger_close(r.l);
    unit_ok(kiln_ledger_open(&r.l, r.path, &err), &err);
    add(&r, KILN_OWNED_FILE, file);
    clean(&r, false);
    assert_false(kiln_fs_exists(file));
    assert_true(kiln_fs_exists(half));
}

/* A disk without room: the add fails and leaves no half line behind. */
static void test_full_disk(void **state)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct rlimit old, small;
    bool added;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    add(&r, KILN_OWNED_FILE, "/first");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = strlen("+ file /first\n") + 7;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    added = kiln_ledger_add(r.l, KILN_OWNED_FILE, "/second", &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_false(added);
    assert_int_equal(err.kind, KILN_ERR_SYSTEM);
    add(&r, KILN_OWNED_FILE, "/third");
    kiln_err_clear(&err);
    unit_ok(kiln_fs_read(r.path, 4096, &text, &err), &err);
    assert_string_equal(text.data, "+ file /first\n+ file /third\n");
}

static void test_cannot_remove(void **state)
{
    KILN_AUTO_FREE char *dir = NULL, *file = NULL, *other = NULL, *want = NULL;
    KILN_AUTO_ERR err = { 0 };
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    dir = kiln_path_join(r.dir, "dir");
    unit_ok(kiln_fs_mkdirs(dir, 0700, &err), &err);
    file = make(&r, "file");
    other = make(&r, "other");
    add(&r, KILN_OWNED_FILE, file);
    add(&r, KILN_OWNED_FILE, dir); /* unlink() refuses a directory, for root too */
    add(&r, KILN_OWNED_FILE, other);
    want = kiln_xasprintf("remove %s: Is a directory", dir);
    unit_fails(kiln_ledger_clean(r.path, false, NULL, &err), &err, KILN_ERR_SYSTEM, want);
    assert_false(kiln_fs_exists(file));
    assert_false(kiln_fs_exists(other));
    assert_true(kiln_fs_exists(r.path)); /* for another try */
    assert_int_equal(rmdir(dir), 0);
    clean(&r, false);
}

/* ---- temporary things ---- */

static void set_tmpdir(const struct room *r, const char *sub)
{
    KILN_AUTO_FREE char *dir = kiln_path_join(r->dir, sub);

    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
}

/* The number of entries that begin with this, below $TMPDIR. */
static int entries(const struct room *r, const char *op_and_kind, const char *prefix)
{
    KILN_AUTO_FREE char *want = kiln_xasprintf("%s %s/%s", op_and_kind, kiln_path_tmp(), prefix);
    KILN_AUTO_STR text = { 0 };
    int n = 0;

    unit_ok(kiln_fs_read(r->path, 4096, &text, NULL), NULL);
    for (const char *p = kiln_str_cstr(&text); (p = strstr(p, want)); p++)
        n++;
    return n;
}

/* Where nothing can be made the entries show that they come first. */
static void test_temp_is_entered_first(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    char *path = NULL;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    set_tmpdir(&r, "missing");
    assert_int_equal(kiln_ledger_temp_file(r.l, "one", ".sh", &path, &err), -1);
    assert_int_equal(err.os_errno, ENOENT);
    assert_non_null(strstr(err.msg, "create temporary file "));
    kiln_err_clear(&err);
    assert_false(kiln_ledger_temp_dir(r.l, "two", &path, &err));
    assert_int_equal(err.os_errno, ENOENT);
    assert_non_null(strstr(err.msg, "create temporary directory "));
    assert_null(path);
    assert_int_equal(entries(&r, "+ file", "one"), 1);
    assert_int_equal(entries(&r, "- file", "one"), 1);
    assert_int_equal(entries(&r, "+ tree", "two"), 1);
    assert_int_equal(entries(&r, "- tree", "two"), 1);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

static void check_private(const char *path, mode_t want)
{
    struct stat st;

    assert_return_code(lstat(path, &st), errno);
    assert_int_equal(st.st_mode & (S_IFMT | 0777), want);
}

static void test_temp(void **state)
{
    char *removed[2], *left[2];
    KILN_AUTO_ERR err = { 0 };
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    set_tmpdir(&r, ".");
    for (int i = 0; i < 2; i++) {
        char **path = i ? removed : left;
        KILN_AUTO_FD fd = kiln_ledger_temp_file(r.l, "a", ".sh", &path[0], &err);

        unit_ok(fd >= 0, &err);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        unit_ok(kiln_fs_write_all(fd, "x", 1, &err), &err);
        unit_ok(kiln_ledger_temp_dir(r.l, "b", &path[1], &err), &err);
        check_private(path[0], S_IFREG | 0600);
        check_private(path[1], S_IFDIR | 0700);
        assert_true(kiln_has_suffix(path[0], ".sh"));
    }
    kiln_ledger_remove(r.l, KILN_OWNED_FILE, removed[0]);
    kiln_ledger_remove(r.l, KILN_OWNED_TREE, removed[1]);
    kiln_ledger_remove(r.l, KILN_OWNED_TREE, NULL);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_true(kiln_fs_exists(left[0]) && kiln_fs_exists(left[1]));
    clean(&r, false);
    assert_false(kiln_fs_exists(left[0]) || kiln_fs_exists(left[1]));
    free(left[0]);
    free(left[1]);
}

/* Somebody who lives may have taken it over. */
static void test_lock(void **state)
{
    KILN_AUTO_FREE char *free_lock = NULL, *held = NULL;
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FD fd = -1;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    free_lock = make(&r, "free.lock");
    held = make(&r, "held.lock");
    add(&r, KILN_OWNED_LOCK, free_lock);
    add(&r, KILN_OWNED_LOCK, held);
    add(&r, KILN_OWNED_LOCK, "/nonexistent/kiln/x.lock");
    assert_int_equal(kiln_lock_try(held, &fd, &err), KILN_LOCK_TAKEN);
    clean(&r, false);
    assert_false(kiln_fs_exists(free_lock));
    assert_true(kiln_fs_exists(held));
}

/* ---- processes ---- */

static void start_sleeper(struct kiln_process *p, struct room *r)
{
    /* The shell stays the leader; its child must go with it. */
    static const char *const argv[] = { "sh", "-c", "sleep 1000 & echo $!; wait", NULL };
    const struct kiln_spawn how = {
        .argv = argv, .out = KILN_STDIO_PIPE, .on_pid = kiln_ledger_add_pid, .ud = r->l
    };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_process_spawn(p, &how, &err), &err);
}

static pid_t read_pid(int fd)
{
    char buf[32];
    ssize_t n = read(fd, buf, sizeof(buf) - 1);

    assert_true(n > 1);
    buf[n] = '\0';
    return (pid_t)strtol(buf, NULL, 10);
}

static void test_kills_a_group(void **state)
{
    KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
    KILN_AUTO_ERR err = { 0 };
    char c;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    start_sleeper(&p, &r);
    (void)read_pid(p.out);
    clean(&r, false);
    unit_ok(kiln_process_wait(&p, NULL, kiln_cancel_deadline(NULL, KILN_SECOND(10)), &err), &err);
    assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGKILL);
    assert_int_equal(read(p.out, &c, 1), 0); /* the grandchild held the other end: it is gone too */
}

/* A script whose shell was killed alone: its group is known by the mark only. */
static void test_kills_what_a_dead_leader_left(void **state)
{
    static const char *const env[] = { "KILN_TEST_MARK=this run", NULL };
    static const char *const argv[] = { "sh", "-c", "sleep 1000 & echo $!; kill -9 $$", NULL };
    KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
    KILN_AUTO_FREE char *copy = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_spawn how = {
        .argv = argv, .env = env, .out = KILN_STDIO_PIPE, .on_pid = kiln_ledger_add_pid
    };
    struct pollfd out = { .events = POLLIN };
    char c;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    how.ud = r.l;
    unit_ok(kiln_process_spawn(&p, &how, &err), &err);
    (void)read_pid(p.out);
    unit_ok(kiln_process_wait(&p, NULL, kiln_cancel_deadline(NULL, KILN_SECOND(10)), &err), &err);
    copy = kiln_path_join(r.dir, "copy");
    unit_ok(kiln_fs_copy(r.path, copy, 0600, &err), &err);
    unit_ok(kiln_ledger_clean(copy, false, "KILN_TEST_MARK=another run", &err), &err);
    out.fd = p.out;
    assert_int_equal(poll(&out, 1, 0), 0); /* the child lives, and holds the other end */
    unit_ok(kiln_ledger_clean(r.path, false, env[0], &err), &err);
    assert_int_equal(read(p.out, &c, 1), 0);
}

/* The number went to somebody else, or was given back. */
static void test_spares_strangers(void **state)
{
    KILN_AUTO_PROCESS p = KILN_PROCESS_INIT;
    KILN_AUTO_FREE char *line = NULL;
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    start_sleeper(&p, &r);
    (void)read_pid(p.out);
    kiln_ledger_drop_pid(r.l, p.pid);
    line = kiln_xasprintf("+ process %d %llu\n", p.pid, kiln_process_start_time(p.pid) + 1);
    append_raw(&r, line);
    clean(&r, false);
    assert_false(kiln_process_ended(&p));
}

static void test_spares_itself(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    unit_ok(kiln_ledger_add_pid(r.l, getpid(), &err), &err);
    clean(&r, false);
}

static void test_cannot_open(void **state)
{
    struct kiln_ledger *l = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_fails(kiln_ledger_open(&l, "/nonexistent/l", &err), &err, KILN_ERR_SYSTEM,
               "ledger /nonexistent/l: No such file or directory");
    assert_null(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_output_goes_unless_kept),
        cmocka_unit_test(test_spares_later_output),
        cmocka_unit_test(test_abort_keeps_outputs),
        cmocka_unit_test(test_drop_takes_one),
        cmocka_unit_test(test_half_lines_and_rubbish),
        cmocka_unit_test(test_reopened),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_cannot_remove),
        cmocka_unit_test(test_temp_is_entered_first),
        cmocka_unit_test(test_temp),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_kills_a_group),
        cmocka_unit_test(test_kills_what_a_dead_leader_left),
        cmocka_unit_test(test_spares_strangers),
        cmocka_unit_test(test_spares_itself),
        cmocka_unit_test(test_cannot_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
