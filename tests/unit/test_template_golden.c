/*
 * Golden diagnostics: tests/golden/errors/NAME.json (with NAME.vars as variable file, if there) is
 * loaded, its variables are resolved, it is checked -> NAME.txt. BLESS=1 rewrites the texts.
 */
#include "golden.h"

#include <glob.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "template/template.h"

#define START_US INT64_C(1700000000000000)

static void diagnose(const char *path, const char *var_file, struct kiln_diag *diag)
{
    struct kiln_source *source;
    struct kiln_template *t;
    struct kiln_var_flags flags = { 0 };
    struct kiln_vars vars = { 0 };
    KILN_AUTO_STRV names = { 0 };
    bool resolved;

    assert_true(kiln_source_read(&source, path, NULL));
    t = kiln_template_load(source, path, diag);
    kiln_source_unref(source);
    if (kiln_fs_exists(var_file))
        kiln_strv_add(&flags.files, var_file);
    if (t) {
        resolved = kiln_vars_resolve(t, &flags, START_US, NULL, &vars, diag);
        kiln_template_check(t, resolved ? &vars : NULL, START_US, &names, diag);
    }
    kiln_template_free(t);
    kiln_vars_done(&vars);
    kiln_var_flags_done(&flags);
}

static void check_file(const char *path)
{
    int stem = (int)(strlen(path) - strlen(".json"));
    KILN_AUTO_FREE char *var_file = kiln_xasprintf("%.*s.vars", stem, path);
    KILN_AUTO_FREE char *expected = kiln_xasprintf("%.*s.txt", stem, path);
    struct kiln_diag diag = { 0 };
    KILN_AUTO_STR got = { 0 };

    diagnose(path, var_file, &diag);
    if (diag.errors == 0)
        fail_msg("%s: no error", path);
    kiln_diag_format_all(&diag, NULL, &got);
    kiln_diag_done(&diag);
    unit_golden(expected, &got);
}

static void test_golden(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(chdir(KILN_TESTS "/golden/errors"), 0); /* names as a user would write them */
    assert_int_equal(glob("*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_file(found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
