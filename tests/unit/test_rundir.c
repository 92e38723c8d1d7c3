/* Run directories: where they are, who may use them, and what becomes of those of the dead. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/ledger.h"
#include "run/rundir.h"
#include "unit.h"

struct room {
    char *dir, *runs; /* owned */
};

static int set_up(void **state)
{
    struct room *r = kiln_xcalloc(1, sizeof(*r));
    KILN_AUTO_FREE char *home = NULL;

    r->dir = kiln_fs_temp_dir("kiln-rundir", NULL);
    r->runs = kiln_path_join(r->dir, "state/kiln/runs");
    home = kiln_path_join(r->dir, "state");
    (void)setenv("XDG_STATE_HOME", home, 1);
    (void)setenv("TMPDIR", r->dir, 1);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;

    (void)unsetenv("TMPDIR");
    (void)kiln_fs_remove_tree(r->dir, NULL);
    free(r->dir);
    free(r->runs);
    free(r);
    return 0;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_return_code(stat(path, &st), errno);
    return st.st_mode & 07777;
}

static struct kiln_rundir open_run(const char *id)
{
    struct kiln_rundir d;
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_rundir_open(&d, id, &err), &err);
    return d;
}

/* What a supervisor that was killed leaves: `bytes` of events, and a ledger that owns a file. */
static void dead_run(const struct room *r, const char *id, off_t bytes, char **ret_owned)
{
    struct kiln_rundir d = open_run(id);
    KILN_AUTO_FREE char *ledger = kiln_rundir_ledger(&d, 0);
    struct kiln_ledger *l = NULL;
    KILN_AUTO_ERR err = { 0 };

    assert_return_code(ftruncate(d.events_fd, bytes), errno);
    if (ret_owned) {
        *ret_owned = kiln_xasprintf("%s/owned-%s", r->dir, id);
        unit_ok(kiln_fs_write_atomic(*ret_owned, "x", 1, 0600, &err), &err);
        unit_ok(kiln_ledger_open(&l, ledger, &err), &err);
        unit_ok(kiln_ledger_add(l, KILN_OWNED_FILE, *ret_owned, &err), &err);
        kiln_ledger_close(l);
    }
    kiln_rundir_close(&d);
}

static void test_open(void **state)
{
    struct room *r = *state;
    struct kiln_rundir d = open_run("id-1");
    KILN_AUTO_FREE char *want = kiln_path_join(r->runs, "id-1"),
                        *ledger = kiln_rundir_ledger(&d, 7);
    KILN_AUTO_FREE char *lock = kiln_path_join(want, "run.lock");
    KILN_AUTO_FREE char *events = kiln_path_join(want, "events.jsonl");
    KILN_AUTO_FD fd = open(lock, O_RDWR | O_CLOEXEC);

    assert_string_equal(d.path, want);
    assert_true(kiln_has_suffix(ledger, "id-1/7.ledger"));
    assert_int_equal(mode_of(d.path), 0700);
    assert_int_equal(mode_of(r->runs), 0700);
    assert_int_equal(mode_of(events), 0600);
    assert_true(d.events_fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1); /* it lives */
    kiln_rundir_close(&d);
    assert_return_code(flock(fd, LOCK_EX | LOCK_NB), errno);
}

static void test_others_are_kept_out(void **state)
{
    struct room *r = *state;
    struct kiln_rundir d = open_run("id-1");

    kiln_rundir_close(&d);
    assert_return_code(chmod(r->runs, 0755), errno); /* somebody could read secrets' traces */
    d = open_run("id-2");                            /* not there, but it does run */
    assert_false(kiln_has_prefix(d.path, r->runs));
    assert_int_equal(mode_of(d.path), 0700);
    kiln_rundir_close(&d);
}

static void test_no_place_at_all(void **state)
{
    struct kiln_rundir d;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    (void)setenv("XDG_STATE_HOME", "/dev/null/a", 1);
    (void)setenv("TMPDIR", "/dev/zero/b", 1);
    assert_false(kiln_rundir_open(&d, "id-1", &err));
    /* the place that was wanted first is named */
    assert_true(kiln_has_prefix(kiln_err_text(&err),
                                "run directory (XDG_STATE_HOME can name another place): "));
    assert_non_null(strstr(kiln_err_text(&err), "create directory /dev/null: Not a directory"));
}

static void test_the_dead_are_cleaned_up(void **state)
{
    char *owned = NULL;
    struct kiln_rundir d;

    dead_run(*state, "id-1", 0, &owned);
    assert_true(kiln_fs_exists(owned));
    d = open_run("id-2");
    assert_false(kiln_fs_exists(owned));
    kiln_rundir_close(&d);
    free(owned);
}

static void test_the_living_are_left_alone(void **state)
{
    struct room *r = *state;
    char *owned = NULL;
    struct kiln_rundir d;
    KILN_AUTO_FREE char *lock = kiln_path_join(r->runs, "id-1/run.lock");
    KILN_AUTO_FREE char *run = kiln_path_join(r->runs, "id-1");

    dead_run(r, "id-1", 0, &owned);
    {
        KILN_AUTO_FD fd = open(lock, O_RDWR | O_CLOEXEC);

        assert_return_code(flock(fd, LOCK_EX), errno);
        d = open_run("id-2");
        kiln_rundir_recover(run);
        assert_true(kiln_fs_exists(owned));
    }
    kiln_rundir_recover(run);
    assert_false(kiln_fs_exists(owned));
    kiln_rundir_close(&d);
    free(owned);
}

static bool run_exists(const struct room *r, const char *id)
{
    KILN_AUTO_FREE char *path = kiln_path_join(r->runs, id);

    return kiln_fs_exists(path);
}

static void test_only_the_newest_are_kept(void **state)
{
    struct room *r = *state;
    struct kiln_rundir d;

    for (int i = 0; i < KILN_RUNS_KEPT + 2; i++) {
        KILN_AUTO_FREE char *id = kiln_xasprintf("id-%02d", i);

        dead_run(r, id, 0, NULL);
    }
    d = open_run("id-99");
    assert_false(run_exists(r, "id-00"));
    assert_false(run_exists(r, "id-01"));
    assert_true(run_exists(r, "id-02"));
    assert_true(run_exists(r, "id-21"));
    kiln_rundir_close(&d);
}

/* Sparse files: only their size counts. */
static void test_few_large_ones_are_kept(void **state)
{
    struct room *r = *state;
    struct kiln_rundir d;

    dead_run(r, "id-1", 100, NULL);
    dead_run(r, "id-2", KILN_RUNS_KEPT_BYTES / 2, NULL);
    dead_run(r, "id-3", KILN_RUNS_KEPT_BYTES / 2, NULL);
    d = open_run("id-4");
    assert_false(run_exists(r, "id-1"));
    assert_true(run_exists(r, "id-2"));
    assert_true(run_exists(r, "id-3"));
    assert_return_code(ftruncate(d.events_fd, KILN_RUNS_KEPT_BYTES * 2), errno);
    kiln_rundir_close(&d);
    d = open_run("id-5"); /* however large, the newest stays */
    assert_false(run_exists(r, "id-3"));
    assert_true(run_exists(r, "id-4"));
    kiln_rundir_close(&d);
}

/* A supervisor that died while it made its directory; one that is at it just now. */
static void test_half_made(void **state)
{
    struct room *r = *state;
    struct kiln_rundir d = open_run("id-1");
    KILN_AUTO_FREE char *old = kiln_path_join(r->runs, ".id-old");
    KILN_AUTO_FREE char *new = kiln_path_join(r->runs, ".id-new");
    const struct timespec before[2] = { { .tv_sec = time(NULL) - 7200 },
                                        { .tv_sec = time(NULL) - 7200 } };

    kiln_rundir_close(&d);
    assert_return_code(mkdir(old, 0700), errno);
    assert_return_code(mkdir(new, 0700), errno);
    assert_return_code(utimensat(AT_FDCWD, old, before, 0), errno);
    d = open_run("id-2");
    assert_false(kiln_fs_exists(old));
    assert_true(kiln_fs_exists(new));
    kiln_rundir_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(test_open),
        T(test_others_are_kept_out),
        T(test_no_place_at_all),
        T(test_the_dead_are_cleaned_up),
        T(test_the_living_are_left_alone),
        T(test_only_the_newest_are_kept),
        T(test_few_large_ones_are_kept),
        T(test_half_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
