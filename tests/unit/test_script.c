/* What scripts of all kinds share: their files, their variables, inline text, exit codes. */
#include <errno.h>
#include <sys/stat.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "engine_fixture.h"
#include "provisioner/script.h"

static void test_files(void **state)
{
    static const struct {
        const char *script, *scripts, *want;
    } rows[] = {
        { NULL, NULL, "" },          { "", NULL, "" }, { "a", NULL, "a" }, { NULL, "b c", "b c" },
        { "a", "b c b", "a b c b" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_script_config c = { .script = (char *)rows[i].script };
        KILN_AUTO_STRV files = { 0 };
        KILN_AUTO_FREE char *got = NULL;

        if (rows[i].scripts)
            kiln_strv_split(&c.scripts, rows[i].scripts, ' ');
        kiln_script_files(&c, &files);
        got = kiln_strv_join(&files, " ");
        assert_string_equal(got, rows[i].want);
        kiln_strv_done(&c.scripts);
    }
}

static void test_status(void **state)
{
    static const struct {
        int64_t codes[3];
        size_t n;
        int status;
        const char *error; /* behind "Script exited with non-zero exit status: " */
    } rows[] = {
        { { 0 }, 1, 0, NULL },
        { { 0, 2 }, 2, 2, NULL },
        { { 2 }, 1, 0, "0. Allowed exit codes are: [2]" },
        { { 0 }, 1, 1, "1. Allowed exit codes are: [0]" },
        { { 0, 3, 255 }, 3, 137, "137. Allowed exit codes are: [0 3 255]" },
        { { 0 }, 0, 0, NULL }, /* [] is [0] */
        { { 0 }, 0, 1, "1. Allowed exit codes are: [0]" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        const struct kiln_script_config c = { .valid_exit_codes = { .v = (int64_t *)rows[i].codes,
                                                                    .n = rows[i].n } };
        KILN_AUTO_FREE char *want =
            kiln_xasprintf("Script exited with non-zero exit status: %s", rows[i].error);
        KILN_AUTO_ERR err = { 0 };

        if (rows[i].error)
            unit_fails(kiln_script_check_status(&c, rows[i].status, &err), &err, KILN_ERR_REMOTE,
                       want);
        else
            unit_ok(kiln_script_check_status(&c, rows[i].status, &err), &err);
    }
}

/* Sorted, quoted, rendered; env wins over environment_vars, and both over ours. */
static void test_vars(void **state)
{
    static const struct {
        const char *vars, *key, *value, *want; /* vars: with "|"; behind the variables of kiln */
    } rows[] = {
        { "", NULL, NULL, "PACKER_BUILDER_TYPE='fake' PACKER_BUILD_NAME='b' " },
        { "B=2|A=1", NULL, NULL, "A='1' B='2' PACKER_BUILDER_TYPE='fake' PACKER_BUILD_NAME='b' " },
        { "A=it's|E=|X=a=b", NULL, NULL,
          "A='it'\"'\"'s' E='' PACKER_BUILDER_TYPE='fake' PACKER_BUILD_NAME='b' X='a=b' " },
        { "A=1|A=2", "A", "3", "A='3' PACKER_BUILDER_TYPE='fake' PACKER_BUILD_NAME='b' " },
        { "PACKER_BUILD_NAME=mine", NULL, NULL,
          "PACKER_BUILDER_TYPE='fake' PACKER_BUILD_NAME='mine' " },
        { "A={{ upper `x` }}", "Z", "{{ lower `Y` }}",
          "A='X' PACKER_BUILDER_TYPE='fake' PACKER_BUILD_NAME='b' Z='y' " },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        FIXTURE f;
        struct kiln_script_config c = { 0 };
        KILN_AUTO_STR got = { 0 };
        KILN_AUTO_ERR err = { 0 };

        fixture_init(&f);
        if (*rows[i].vars)
            kiln_strv_split(&c.environment_vars, rows[i].vars, '|');
        if (rows[i].key)
            kiln_strmap_set(&c.env, rows[i].key, rows[i].value);
        unit_ok(kiln_script_vars(&f.b, &c, "%s='%s' ", kiln_shell_add_escaped, &got, &err), &err);
        if (strcmp(kiln_str_cstr(&got), rows[i].want) != 0)
            fail_msg("row %zu: %s", i, kiln_str_cstr(&got));
        kiln_strv_done(&c.environment_vars);
        kiln_strmap_done(&c.env);
    }
}

static void test_vars_that_cannot_be_rendered(void **state)
{
    FIXTURE f;
    struct kiln_script_config c = { 0 };
    KILN_AUTO_STR got = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    fixture_init(&f);
    kiln_strv_add(&c.environment_vars, "A={{ upper `a` `b` }}");
    assert_false(kiln_script_vars(&f.b, &c, "%s=%s", NULL, &got, &err));
    assert_true(kiln_has_prefix(kiln_err_text(&err), "environment variable A: "));
    kiln_strv_done(&c.environment_vars);
}

static struct kiln_ledger *open_ledger(const char *dir)
{
    KILN_AUTO_FREE char *path = kiln_path_join(dir, "ledger");
    struct kiln_ledger *l = NULL;
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_ledger_open(&l, path, &err), &err);
    return l;
}

static void check_inline(struct fixture *f, const char *lines, const char *shebang,
                         const char *want)
{
    KILN_AUTO_STRV list = { 0 };
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_FREE char *path = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct stat st;

    kiln_strv_split(&list, lines, '|');
    unit_ok(kiln_script_write_inline(&f->b, &list, shebang, ".x", 0700, &path, &err), &err);
    assert_true(kiln_has_suffix(path, ".x"));
    assert_return_code(stat(path, &st), errno);
    assert_int_equal(st.st_mode & 07777, 0700);
    unit_ok(kiln_fs_read(path, 4096, &text, &err), &err);
    assert_string_equal(kiln_str_cstr(&text), want);
    assert_return_code(unlink(path), errno);
}

static void test_inline(void **state)
{
    FIXTURE f;
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-script", NULL);

    (void)state;
    fixture_init(&f);
    f.b.ledger = open_ledger(dir);
    check_inline(&f, "a|b c", "/bin/sh -e", "#!/bin/sh -e\na\nb c\n");
    check_inline(&f, "{{ upper `a` }}", NULL, "A\n");
    check_inline(&f, "{{`{{upper \"q\"}}`}}", NULL, "Q\n"); /* until it stays the same */
    check_inline(&f, "{{`pa{{ss`}} {{.X}}", NULL, "pa{{ss <no value>\n");
    check_inline(&f, "|x", "", "#!\n\nx\n");
    kiln_ledger_close(f.b.ledger);
    (void)kiln_fs_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),  cmocka_unit_test(test_status),
        cmocka_unit_test(test_vars),   cmocka_unit_test(test_vars_that_cannot_be_rendered),
        cmocka_unit_test(test_inline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
