/* Patterns as Go's filepath.Match and Glob read them: the tables say what those gave. */
#include "unit.h"

#include <unistd.h>

#include "base/fs.h"
#include "base/glob.h"
#include "base/mem.h"

enum want { NO, YES, BAD };

static const struct {
    const char *pattern, *name;
    enum want want;
} matches[] = {
    { "abc", "abc", YES },
    { "abc", "ab", NO },
    { "ab", "abc", NO },
    { "", "", YES },
    { "*", "", YES },
    { "*", ".hidden", YES },
    { "*.txt", "a.b.txt", YES },
    { "*.txt", "a.txt.", NO },
    { "a*b*c", "aXbYbZc", YES },
    { "a*b*c", "aXbYbZ", NO },
    { "**a", "bba", YES },
    { "a?c", "abc", YES },
    { "a?c", "ac", NO },
    { "a?", "a\303\251", YES },
    { "a??", "a\303\251", NO },
    { "a?", "a\377", YES },
    { "[a-c]", "b", YES },
    { "[a-c]", "d", NO },
    { "[^a-c]", "d", YES },
    { "[^a-c]", "b", NO },
    { "[^a-c]", "", NO },
    { "[!a]", "b", NO },
    { "[!a]", "!", YES },
    { "[!a]", "a", YES },
    { "[a^]", "^", YES },
    { "[\303\240-\303\277]", "\303\251", YES },
    { "[\\]a]", "]", YES },
    { "[\\-x]", "-", YES },
    { "[x\\-z]", "y", NO },
    { "[c-a]", "b", NO },
    { "a[b]c*", "abcd", YES },
    { "\\*", "*", YES },
    { "\\*", "a", NO },
    { "\\a", "a", YES },
    { "]", "]", YES },
    { "a-b", "a-b", YES },
    { "[[:alpha:]", "p", YES },
    { "[[:alpha:]]", "p]", YES },
    { "[]a]", "a", BAD },
    { "[]", "a", BAD },
    { "[^]", "a", BAD },
    { "[^]a]", "a", BAD },
    { "[-]", "-", BAD },
    { "[x-]", "x", BAD },
    { "[-x]", "x", BAD },
    { "[a-b-d]", "a", BAD },
    { "[", "a", BAD },
    { "[^", "a", BAD },
    { "[a", "a", BAD },
    { "[a-", "a", BAD },
    { "[\\", "a", BAD },
    { "[\377]", "\377", BAD },
    { "a[", "b", BAD },
    { "*x[", "b", BAD },
    { "\\", "a", BAD },
    { "x\\", "x", BAD },
};

static void match(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(matches); i++) {
        KILN_AUTO_ERR err = { 0 };
        bool ok = kiln_glob_check(matches[i].pattern, &err);

        if (ok != (matches[i].want != BAD) ||
            (ok && kiln_glob_match(matches[i].pattern, matches[i].name) != matches[i].want))
            fail_msg("'%s' for '%s'", matches[i].pattern, matches[i].name);
        assert_string_equal(kiln_err_text(&err), ok ? "" : "syntax error in pattern");
    }
}

static int setup(void **state)
{
    static const char *const files[] = { "b.txt", "B.txt", ".h.txt", "d/x",   "d/.x",
                                         "d-e/x", "d*",    "e/f/x",  "e/g/x", "e/g/h/x" };
    char *dir = kiln_fs_temp_dir("kiln-glob", NULL);

    assert_int_equal(chdir(dir), 0);
    for (size_t i = 0; i < KILN_COUNT(files); i++) {
        KILN_AUTO_FREE char *parent = kiln_path_dir(files[i]);

        assert_true(kiln_fs_mkdirs(parent, 0755, NULL));
        assert_true(kiln_fs_write_atomic(files[i], "", 0, 0644, NULL));
    }
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(chdir("/"), 0);
    (void)kiln_fs_remove_tree(*state, NULL);
    free(*state);
    return 0;
}

static const struct {
    const char *pattern, *want;
} globs[] = {
    { "*.txt", ".h.txt B.txt b.txt" },
    { ".*", ".h.txt" },
    { "./*.txt", ".h.txt B.txt b.txt" },
    { "d*/x", "d/x d-e/x" }, /* directory by directory */
    { "d/*", "d/.x d/x" },
    { "d//*", "d/.x d/x" },
    { "e/../d/*", "d/.x d/x" },
    { "e/*/x", "e/f/x e/g/x" },
    { "*/*/*/*", "e/g/h/x" },
    { "[d]", "d" },
    { "d\\*", "d*" },
    { "d*/", "" },   /* nothing has an empty name */
    { "d*//x", "" }, /* the same */
    { "d/*/..", "" },
    { "b.txt/*", "" },
    { "none/*", "" },
    { "dangling", "dangling" },
    { "d//x", "d//x" },
    { "none", "" },
    { "", "" },
};

static void glob(void **state)
{
    KILN_AUTO_STRV found = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(globs); i++) {
        KILN_AUTO_STRV these = { 0 };
        KILN_AUTO_FREE char *all = NULL;

        unit_ok(kiln_glob(globs[i].pattern, &these, &err), &err);
        all = kiln_strv_join(&these, " ");
        if (!kiln_streq(all, globs[i].want))
            fail_msg("%s: %s", globs[i].pattern, all);
    }
    unit_fails(kiln_glob("d/[a/b]", &found, &err), &err, KILN_ERR_USER, "syntax error in pattern");
    unit_fails(kiln_glob("none/[]", &found, &err), &err, KILN_ERR_USER, "syntax error in pattern");
}

static void absolute(void **state)
{
    KILN_AUTO_FREE char *pattern = kiln_xasprintf("%s/d/[^.]", (const char *)*state);
    KILN_AUTO_FREE char *want = kiln_xasprintf("%s/d/x", (const char *)*state);
    KILN_AUTO_STRV found = { 0 }, root = { 0 };

    assert_true(kiln_glob(pattern, &found, NULL));
    assert_int_equal(found.n, 1);
    assert_string_equal(found.v[0], want);
    assert_true(kiln_glob("/pro[c]", &root, NULL));
    assert_int_equal(root.n, 1);
    assert_string_equal(root.v[0], "/proc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match),
        cmocka_unit_test_setup_teardown(glob, setup, teardown),
        cmocka_unit_test_setup_teardown(absolute, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
