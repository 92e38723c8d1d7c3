/* swtpm, the real one, and programs that fail in its place. */
#include "unit.h"

#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vm/swtpm.h"

struct fixture {
    char *dir, *fake, *path; /* fake: DIR/bin/swtpm; path: PATH before */
};

static int setup(void **state)
{
    struct fixture *f = kiln_xcalloc(1, sizeof(*f));
    KILN_AUTO_FREE char *bin = NULL;

    f->dir = kiln_fs_temp_dir("kiln-tpm", NULL);
    bin = kiln_path_join(f->dir, "bin");
    f->fake = kiln_path_join(bin, "swtpm");
    f->path = kiln_xstrdup(getenv("PATH"));
    assert_true(kiln_fs_mkdirs(bin, 0755, NULL));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(setenv("PATH", f->path, 1), 0);
    (void)kiln_fs_remove_tree(f->dir, NULL);
    free(f->dir);
    free(f->fake);
    free(f->path);
    free(f);
    return 0;
}

/* Only this is found; NULL: nothing is. */
static void use_fake(struct fixture *f, const char *script)
{
    KILN_AUTO_FREE char *bin = kiln_path_dir(f->fake);

    if (script)
        assert_true(kiln_fs_write_atomic(f->fake, script, strlen(script), 0755, NULL));
    assert_int_equal(setenv("PATH", bin, 1), 0);
}

static bool start(struct fixture *f, bool tpm1, int64_t limit_us, struct kiln_swtpm *ret,
                  struct kiln_err *err)
{
    const struct kiln_swtpm_config how = { .dir = f->dir, .tpm1 = tpm1 };

    return kiln_swtpm_start(ret, &how, NULL, kiln_cancel_deadline(NULL, limit_us), err);
}

static void serves(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *program = kiln_process_find("swtpm", NULL);
    KILN_AUTO_FREE char *socket = kiln_swtpm_socket(f->dir);

    if (!program)
        skip();
    for (int tpm1 = 0; tpm1 <= 1; tpm1++) {
        KILN_CLEANUP(kiln_swtpm_done) struct kiln_swtpm p = KILN_SWTPM_INIT;
        KILN_AUTO_ERR err = { 0 };

        unit_ok(start(f, tpm1, KILN_SECOND(20), &p, &err), &err);
        assert_true(p.process.pid > 0);
        assert_true(kiln_fs_exists(socket));
        assert_false(kiln_process_ended(&p.process));
    }
}

static void failures(void **state)
{
    struct fixture *f = *state;
    KILN_CLEANUP(kiln_swtpm_done) struct kiln_swtpm p = KILN_SWTPM_INIT;
    KILN_AUTO_ERR err = { 0 };

    use_fake(f, NULL);
    unit_fails(start(f, false, KILN_SECOND(20), &p, &err), &err, KILN_ERR_USER,
               "failed to locate swtpm (exec: \"swtpm\": executable file not found in $PATH), this "
               "is required for vTPM support: install Debian's swtpm");
    use_fake(f, "#!/bin/sh\necho >&2 \"no: $*\"\nexit 3\n");
    unit_fails(start(f, false, KILN_SECOND(20), &p, &err), &err, KILN_ERR_REMOTE,
               "swtpm ended (exit code 3): no: socket --tpmstate dir=. --ctrl "
               "type=unixio,path=vtpm.sock --tpm2");
    unit_fails(start(f, true, KILN_SECOND(20), &p, &err), &err, KILN_ERR_REMOTE,
               "swtpm ended (exit code 3): no: socket --tpmstate dir=. --ctrl "
               "type=unixio,path=vtpm.sock");
    assert_int_equal(p.process.pid, 0);
}

/* It serves, and then says more than a pipe holds. */
static void talks(void **state)
{
    struct fixture *f = *state;
    KILN_CLEANUP(kiln_swtpm_done) struct kiln_swtpm t = KILN_SWTPM_INIT;
    KILN_AUTO_ERR err = { 0 };
    static const char script[] =
        "#!/usr/bin/env python3\n"
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.bind('vtpm.sock'); s.listen()\n"
        "s.accept()\n"
        "sys.stderr.write('it talks and talks\\n' * 100000)\n";

    assert_true(kiln_fs_write_atomic(f->fake, script, strlen(script), 0755, NULL));
    {
        KILN_AUTO_FREE char *bin = kiln_path_dir(f->fake);
        KILN_AUTO_FREE char *path = kiln_xasprintf("%s:%s", bin, f->path);

        assert_int_equal(setenv("PATH", path, 1), 0);
    }
    unit_ok(start(f, false, KILN_SECOND(50), &t, &err), &err);
    unit_ok(kiln_process_wait(&t.process, NULL, kiln_cancel_deadline(NULL, KILN_SECOND(20)), &err),
            &err);
    assert_int_equal(kiln_process_exit_code(&t.process), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(serves, setup, teardown),
        cmocka_unit_test_setup_teardown(failures, setup, teardown),
        cmocka_unit_test_setup_teardown(talks, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
