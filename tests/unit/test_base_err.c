/* Errors, small allocations, and the debug log. */
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "unit.h"

static void test_set_wrap_move(void **state)
{
    KILN_AUTO_ERR a = { 0 };
    KILN_AUTO_ERR b = { 0 };

    (void)state;
    assert_string_equal(kiln_err_text(&a), "");
    assert_string_equal(kiln_err_text(NULL), "");
    assert_false(kiln_err_sys(&a, ENOENT, "open %s", "x"));
    assert_int_equal(a.os_errno, ENOENT);
    assert_false(kiln_err_wrap(&a, "template %d", 7));
    assert_string_equal(a.msg, "template 7: open x: No such file or directory");
    assert_int_equal(a.kind, KILN_ERR_SYSTEM);
    assert_false(kiln_err_set(&b, KILN_ERR_USER, "old"));
    assert_false(kiln_err_move(&b, &a));
    assert_null(a.msg);
    assert_int_equal(a.kind, KILN_ERR_NONE);
    assert_int_equal(b.kind, KILN_ERR_SYSTEM);
    assert_false(kiln_err_set(&b, KILN_ERR_USER, "%s", b.msg)); /* its own text as argument */
    assert_string_equal(b.msg, "template 7: open x: No such file or directory");
    assert_int_equal(b.os_errno, 0);
}

static void test_nobody_cares(void **state)
{
    KILN_AUTO_ERR a = { 0 };

    (void)state;
    assert_false(kiln_err_set(NULL, KILN_ERR_USER, "x"));
    assert_false(kiln_err_sys(NULL, EIO, "x"));
    assert_false(kiln_err_wrap(NULL, "x"));
    (void)kiln_err_set(&a, KILN_ERR_USER, "x");
    assert_false(kiln_err_move(NULL, &a));
    assert_null(a.msg);
    assert_false(kiln_err_move(&a, NULL));
    (void)kiln_err_wrap(&a, "alone");
    assert_string_equal(a.msg, "alone");
}

static void test_mem(void **state)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("%s-%d", "a", 1);
    KILN_AUTO_FREE char *part = kiln_xstrndup("abcdef", 3);
    KILN_AUTO_FREE void *nothing = kiln_xmalloc(0);

    (void)state;
    assert_string_equal(text, "a-1");
    assert_string_equal(part, "abc");
    assert_null(kiln_xstrdup(NULL));
    assert_non_null(nothing);
}

static void keep_line(void *ud, const char *line, size_t len)
{
    char **kept = ud;

    free(*kept);
    *kept = kiln_xstrndup(line, len);
}

static void test_log(void **state)
{
    KILN_AUTO_FREE char *kept = NULL;

    (void)state;
    kiln_log("nobody hears %d", 1);
    kiln_log_set_sink(keep_line, &kept);
    kiln_log("pid %d of %s", 7, "qemu");
    assert_string_equal(kept, "pid 7 of qemu");
    kiln_log_set_sink(NULL, NULL);
    kiln_log("nobody hears %d", 2);
    assert_string_equal(kept, "pid 7 of qemu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_wrap_move),
        cmocka_unit_test(test_nobody_cares),
        cmocka_unit_test(test_mem),
        cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
