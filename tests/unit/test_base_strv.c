/* String lists and ordered string maps. */
#include "base/mem.h"
#include "base/strv.h"
#include "unit.h"

static void test_list(void **state)
{
    KILN_AUTO_STRV sv = { 0 };
    KILN_AUTO_STRV copy = { 0 };
    size_t n = 0;

    (void)state;
    KILN_STRV_FOREACH (s, &sv) {
        fail_msg("empty list has %s", s);
    }
    for (int i = 99; i >= 0; i--)
        kiln_strv_addf(&sv, "%02d", i);
    assert_int_equal(sv.n, 100);
    assert_null(sv.v[100]);
    kiln_strv_sort(&sv);
    KILN_STRV_FOREACH (s, &sv) {
        assert_int_equal((s[0] - '0') * 10 + s[1] - '0', n++);
    }
    assert_int_equal(n, 100);
    kiln_strv_set(&sv, 3, sv.v[3]);
    kiln_strv_add_take(&copy, kiln_xstrdup("first"));
    kiln_strv_add_all(&copy, &sv);
    assert_int_equal(copy.n, 101);
    assert_string_equal(copy.v[4], "03");
    assert_true(kiln_strv_has(&copy, "99"));
    assert_false(kiln_strv_has(&copy, "9"));
}

static void test_borrowed(void **state)
{
    char text[] = "lent"; /* not from the heap: a list that freed it would crash */
    KILN_AUTO_STRV sv = { 0 };
    KILN_AUTO_STRV owner = { 0 };
    KILN_AUTO_STRV copy = { 0 };

    (void)state;
    kiln_strv_add_borrowed(&sv, text);
    kiln_strv_add_borrowed(&sv, text);
    assert_ptr_equal(sv.v[1], text);
    kiln_strv_add_all(&copy, &sv);
    assert_ptr_not_equal(copy.v[0], text);
    kiln_strv_set(&sv, 1, "own");
    assert_ptr_not_equal(sv.v[0], text);
    assert_string_equal(sv.v[0], "lent");
    assert_string_equal(sv.v[1], "own");
    kiln_strv_add(&owner, "own");
    kiln_strv_add_borrowed(&owner, text);
    assert_ptr_not_equal(owner.v[1], text);
}

static void test_borrowed_then_added(void **state)
{
    char text[] = "lent";
    KILN_AUTO_STRV sv = { 0 };

    (void)state;
    kiln_strv_add_borrowed(&sv, text);
    kiln_strv_add(&sv, "own");
    assert_ptr_not_equal(sv.v[0], text);
    assert_string_equal(sv.v[0], "lent");
    assert_int_equal(sv.n, 2);
    assert_null(sv.v[2]);
}

static void test_split_join(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } rows[] = { { "", 0 }, { "a", 1 }, { "a,", 2 }, { ",", 2 }, { "a,b,,c", 4 } };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STRV sv = { 0 };
        KILN_AUTO_FREE char *joined = NULL;

        kiln_strv_split(&sv, rows[i].text, ',');
        assert_int_equal(sv.n, rows[i].n);
        joined = kiln_strv_join(&sv, ",");
        assert_string_equal(joined, rows[i].text);
    }
}

static void test_map(void **state)
{
    KILN_AUTO_STRMAP m = { 0 };
    KILN_AUTO_STRMAP copy = { 0 };

    (void)state;
    kiln_strmap_set(&m, "b", "1");
    kiln_strmap_set(&m, "a", "2");
    kiln_strmap_set(&m, "b", "3");
    assert_int_equal(m.keys.n, 2);
    assert_string_equal(m.keys.v[0], "b");
    assert_string_equal(kiln_strmap_get(&m, "b"), "3");
    assert_null(kiln_strmap_get(&m, "c"));
    kiln_strmap_set(&copy, "a", "old");
    kiln_strmap_copy(&copy, &m);
    assert_string_equal(copy.keys.v[0], "a");
    assert_string_equal(kiln_strmap_get(&copy, "a"), "2");
    assert_string_equal(kiln_strmap_get(&copy, "b"), "3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_borrowed),
        cmocka_unit_test(test_borrowed_then_added),
        cmocka_unit_test(test_split_join),
        cmocka_unit_test(test_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
