/* Loading modules: a module of our own (self_test_module.c) and one that is not there. */
#include "base/module.h"
#include "unit.h"

struct kiln_self_test_ops {
    int (*answer)(void);
};

static void test_load(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_self_test_ops *ops = kiln_module_load("self-test", &err);

    (void)state;
    unit_ok(ops, &err);
    assert_int_equal(ops->answer(), 42);
    assert_ptr_equal(kiln_module_load("self-test", &err), ops);
}

static void test_missing(void **state)
{
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    assert_null(kiln_module_load("no-such", &err));
    assert_int_equal(err.kind, KILN_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "/kiln-no-such.so: cannot open shared object file"));
    assert_non_null(strstr(err.msg, "the installation of kiln is incomplete"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
