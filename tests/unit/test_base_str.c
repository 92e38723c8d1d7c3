/* Growing strings with a maximum, and the plain C string helpers. */
#include "base/str.h"
#include "unit.h"

static void test_append(void **state)
{
    KILN_AUTO_STR s = { 0 };

    (void)state;
    assert_string_equal(kiln_str_cstr(&s), "");
    kiln_str_adds(&s, NULL);
    kiln_str_adds(&s, "abc");
    kiln_str_addc(&s, '-');
    kiln_str_addf(&s, "%0*d|", 100, 7);
    kiln_str_add(&s, "\0z", 2);
    assert_int_equal(s.len, 107);
    assert_memory_equal(s.data, "abc-000", 7);
    assert_memory_equal(s.data + 103, "7|\0z", 5); /* with the NUL at the end */
    kiln_str_remove(&s, 1, 100);
    assert_memory_equal(s.data, "a007|\0z", 8);
    kiln_str_remove(&s, 4, 1000);
    assert_string_equal(s.data, "a007");
    kiln_str_remove(&s, 4, 1);
    kiln_str_truncate(&s, 9);
    kiln_str_truncate(&s, 2);
    assert_string_equal(s.data, "a0");
    kiln_str_clear(&s);
    assert_string_equal(s.data, "");
}

static void test_maximum(void **state)
{
    KILN_AUTO_STR s = KILN_STR_MAX(5);
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    kiln_str_adds(&s, "12345");
    unit_ok(kiln_str_ok(&s, "x", &err), &err);
    kiln_str_addf(&s, "%s", "6");
    assert_string_equal(s.data, "12345");
    unit_fails(kiln_str_ok(&s, "x", &err), &err, KILN_ERR_USER,
               "x: longer than the limit of 5 bytes");
    kiln_str_truncate(&s, 1);
    kiln_str_adds(&s, "2"); /* no-op: something is missing before it */
    assert_string_equal(s.data, "1");
    kiln_str_clear(&s);
    kiln_str_addf(&s, "%d", 123);
    kiln_str_addf(&s, "%d", 456); /* fits the room, not the maximum */
    assert_string_equal(s.data, "123");
    assert_true(s.failed);
}

static void test_space(void **state)
{
    KILN_AUTO_STR s = KILN_STR_MAX(100);
    char *p = kiln_str_space(&s, 100);

    (void)state;
    assert_string_equal(kiln_str_cstr(&s), ""); /* text even if nothing is committed */
    memset(p, 'x', 100);
    kiln_str_commit(&s, 3);
    assert_string_equal(s.data, "xxx");
    kiln_str_commit(&s, 0);
    assert_null(kiln_str_space(&s, 98));
    assert_true(s.failed);
}

static void test_steal(void **state)
{
    KILN_AUTO_STR s = KILN_STR_MAX(3);
    char *a, *b;

    (void)state;
    kiln_str_adds(&s, "abc");
    a = kiln_str_steal(&s);
    b = kiln_str_steal(&s);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "");
    kiln_str_adds(&s, "abcd");
    assert_true(s.failed);
    free(a);
    free(b);
}

static void test_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        unsigned cp; /* 0: invalid */
    } rows[] = {
        { "a", 1, 'a' },
        { "\xc2\xb5", 2, 0xb5 },
        { "\xe2\x82\xac", 3, 0x20ac },
        { "\xf0\x9f\x98\x80", 4, 0x1f600 },
        { "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
        { "\xf4\x90\x80\x80", 4, 0 }, /* beyond Unicode */
        { "\xc0\x80", 2, 0 },         /* overlong */
        { "\xe0\x9f\xbf", 3, 0 },
        { "\xf0\x8f\xbf\xbf", 4, 0 },
        { "\xed\xa0\x80", 3, 0 }, /* surrogate */
        { "\x80", 1, 0 },
        { "\xff", 1, 0 },
        { "\xe2\x82", 2, 0 },
        { "\xe2\x82q", 3, 0 },
        { "", 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR s = { 0 };
        unsigned cp = 0;

        assert_int_equal(kiln_utf8_decode(rows[i].bytes, rows[i].len, &cp),
                         rows[i].cp ? rows[i].len : 0);
        assert_int_equal(cp, rows[i].cp);
        if (!rows[i].cp)
            continue;
        kiln_str_add_utf8(&s, cp);
        assert_string_equal(s.data, rows[i].bytes);
    }
}

static void test_utf8_replacement(void **state)
{
    KILN_AUTO_STR s = { 0 };

    (void)state;
    kiln_str_add_utf8(&s, 0xd800);
    kiln_str_add_utf8(&s, 0x110000);
    assert_string_equal(s.data, "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_compare(void **state)
{
    (void)state;
    assert_true(kiln_has_prefix("abc", "ab") && kiln_has_prefix("abc", ""));
    assert_false(kiln_has_prefix("ab", "abc"));
    assert_true(kiln_has_suffix("abc", "bc") && kiln_has_suffix("abc", ""));
    assert_false(kiln_has_suffix("bc", "abc"));
    assert_true(kiln_streq(NULL, NULL) && kiln_streq("a", "a"));
    assert_false(kiln_streq(NULL, "") || kiln_streq("", NULL) || kiln_streq("a", "b"));
}

static void test_edit_distance(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned want;
    } rows[] = {
        { "", "", 0 },
        { "abc", "abc", 0 },
        { "", "abc", 3 },
        { "abc", "", 3 },
        { "acb", "abc", 1 },
        { "ca", "abc", 3 },
        { "kitten", "sitting", 3 },
        { "boot_comand", "boot_command", 1 },
    };
    char lang[300];

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        assert_int_equal(kiln_edit_distance(rows[i].a, rows[i].b), rows[i].want);
    memset(lang, 'x', sizeof(lang) - 1);
    lang[sizeof(lang) - 1] = '\0';
    assert_int_equal(kiln_edit_distance(lang, lang), 255);
    assert_int_equal(kiln_edit_distance(lang + 44, ""), 255);
}

static void test_parse_i64(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        { "0", true, 0 },
        { "-12", true, -12 },
        { "+7", true, 7 },
        { "010", true, 10 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "0x10", false, 0 },
        { "+-1", false, 0 },
        { "1e3", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        int64_t v = -99;

        assert_int_equal(kiln_parse_i64(rows[i].text, &v), rows[i].ok);
        assert_int_equal(v, rows[i].ok ? rows[i].want : -99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),    cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_space),     cmocka_unit_test(test_steal),
        cmocka_unit_test(test_utf8),      cmocka_unit_test(test_utf8_replacement),
        cmocka_unit_test(test_compare),   cmocka_unit_test(test_edit_distance),
        cmocka_unit_test(test_parse_i64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
