/* Diagnostics: their text form, places, and what must not reach a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "template/diag.h"

/* The text form of one error at the first `mark` of text. */
static void check(const char *text, const char *mark, const char *want)
{
    struct kiln_source *s = kiln_source_new("t.json", text, strlen(text));
    struct kiln_diag diag = { 0 };
    KILN_AUTO_STR got = { 0 };

    assert_false(kiln_diag_error(&diag, s, (size_t)(strstr(text, mark) - text), NULL, "bad"));
    kiln_source_unref(s); /* the item keeps it */
    kiln_diag_format_all(&diag, NULL, &got);
    assert_string_equal(kiln_str_cstr(&got), want);
    kiln_diag_done(&diag);
}

static void test_excerpt(void **state)
{
    (void)state;
    check("{\n  \"a\": X\n}", "X",
          "t.json:2:8: error: bad\n    2 |   \"a\": X\n      |        ^\n");
    check("X", "X", "t.json:1:1: error: bad\n    1 | X\n      | ^\n");
    check("a\r\nbX\r\n", "X", "t.json:2:2: error: bad\n    2 | bX\n      |  ^\n");
    /* at a newline, and at the end */
    check("ab\ncd", "\n", "t.json:1:3: error: bad\n    1 | ab\n      |   ^\n");

    /* columns count characters; the caret counts cells */
    check("\t\xc3\xa9X", "X", "t.json:1:3: error: bad\n    1 |     \xc3\xa9X\n      |      ^\n");
    check("\xe6\x97\xa5\xe6\x9c\xacX", "X",
          "t.json:1:3: error: bad\n    1 | \xe6\x97\xa5\xe6\x9c\xacX\n      |     ^\n");
    check("e\xcc\x81X", "X", "t.json:1:3: error: bad\n    1 | e\xcc\x81X\n      |  ^\n");
    /* escape sequences, C1 controls, broken UTF-8, reordering marks */
    check("\x1b[2J\xc2\x9b\xff\xe2\x80\xaeX", "X",
          "t.json:1:8: error: bad\n    1 | ?[2J???X\n      |        ^\n");
}

/* One mistake in a part that builds share is one diagnostic; each still counts for its build. */
static void test_shared(void **state)
{
    struct kiln_source *s = kiln_source_new("t.json", "{}", 2);
    struct kiln_diag diag = { 0 };
    KILN_AUTO_STR got = { 0 };
    const char *builds[] = { "a", "b", "c", "d", "e", "f" };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(builds); i++) {
        diag.build = builds[i];
        (void)kiln_diag_error(&diag, s, 0, "mend it", "bad");
        (void)kiln_diag_error(&diag, s, 0, NULL, "bad, %s", i < 2 ? "too" : builds[i]);
        (void)kiln_diag_error(&diag, NULL, KILN_NO_PLACE, NULL, "no place");
        if (i == 1)
            kiln_diag_format_all(&diag, NULL, &got);
    }
    assert_string_equal(kiln_str_cstr(&got),
                        "t.json:1:1: error: builds 'a', 'b': bad\n    1 | {}\n      | ^\n"
                        "  mend it\n"
                        "t.json:1:1: error: builds 'a', 'b': bad, too\n    1 | {}\n      | ^\n"
                        "error: build 'a': no place\nerror: build 'b': no place\n");
    assert_int_equal(diag.errors, 18);
    kiln_str_clear(&got);
    kiln_diag_format(&diag.items[0], NULL, &got);
    assert_non_null(strstr(kiln_str_cstr(&got), "builds 'a', 'b', 'c', 'd' and 2 more: bad"));
    kiln_source_unref(s);
    kiln_diag_done(&diag);
}

static void test_long_line(void **state)
{
    KILN_AUTO_STR line = { 0 };
    KILN_AUTO_STR want = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++)
        kiln_str_adds(&line, "\xc3\xa9");
    kiln_str_addc(&line, 'X');
    for (int i = 0; i < 100000; i++)
        kiln_str_adds(&line, "\xc3\xa9");
    kiln_str_adds(&want, "t.json:1:100001: error: bad\n    1 | ...");
    for (int i = 0; i < 30; i++)
        kiln_str_adds(&want, "\xc3\xa9");
    kiln_str_addc(&want, 'X');
    for (int i = 0; i < 19; i++)
        kiln_str_adds(&want, "\xc3\xa9");
    kiln_str_adds(&want, "...\n      |                                  ^\n");
    check(kiln_str_cstr(&line), "X", kiln_str_cstr(&want));
}

/* A string at the edge of the window is shown whole or not at all. */
static void test_long_line_cuts_at_quotes(void **state)
{
    KILN_AUTO_STR line = { 0 };

    (void)state;
    for (int i = 0; i < 100; i++)
        kiln_str_adds(&line, "\"secret one\", ");
    kiln_str_adds(&line, "X");
    for (int i = 0; i < 100; i++)
        kiln_str_adds(&line, ", \"secret two\"");
    check(kiln_str_cstr(&line), "X",
          "t.json:1:1401: error: bad\n"
          "    1 | ...\", \"secret one\", \"secret one\", \"secret one\", \"secret one\", X"
          ", \"secret two\", \"secret two\", \"...\n"
          "      |                                                               ^\n");
}

static void test_forms(void **state)
{
    struct kiln_source *s = kiln_source_new("a\nb.json", "\"pw\": \"hunter2\"", 15);
    struct kiln_diag diag = { 0 };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_STR got = { 0 };

    (void)state;
    s->secret = true;
    kiln_err_set(&err, KILN_ERR_USER, "two\n\t* lines\n\n");
    kiln_diag_take(&diag, NULL, KILN_NO_PLACE, &err);
    assert_null(err.msg);
    diag.build = "deb\x1b";
    kiln_diag_warning(&diag, s, KILN_NO_PLACE, "mend it", "whole %s", "file");
    kiln_diag_error(&diag, s, 6, NULL, "no quote");
    kiln_diag_error(&diag, s, 999, NULL, "behind the end");
    assert_int_equal(diag.errors, 3);
    kiln_diag_format_all(&diag, NULL, &got);
    assert_string_equal(kiln_str_cstr(&got),
                        "error: two\n      * lines\n"
                        "a?b.json: warning: build 'deb?': whole file\n  mend it\n"
                        "a?b.json:1:7: error: build 'deb?': no quote\n"
                        "a?b.json:1:16: error: build 'deb?': behind the end\n");
    kiln_diag_done(&diag);
    kiln_source_unref(s);
}

static void test_many(void **state)
{
    struct kiln_diag diag = { 0 };
    KILN_AUTO_STR got = { 0 };

    (void)state;
    for (int i = 0; i < KILN_MAX_DIAG; i++)
        kiln_diag_warning(&diag, NULL, KILN_NO_PLACE, NULL, "w");
    for (int i = 0; i < KILN_MAX_DIAG; i++)
        kiln_diag_error(&diag, NULL, KILN_NO_PLACE, NULL, "e");
    assert_int_equal(diag.errors, KILN_MAX_DIAG);
    assert_int_equal(diag.n, KILN_MAX_DIAG);
    assert_int_equal(diag.items[KILN_MAX_DIAG / 2].severity, KILN_ERROR); /* not crowded out */
    kiln_diag_format_all(&diag, NULL, &got);
    assert_true(kiln_has_suffix(kiln_str_cstr(&got), "error: e\n... and 100 more\n"));
    kiln_diag_done(&diag);
}

static void test_did_you_mean(void **state)
{
    static const char *const keys[] = { "disk_size", "disk_image", "cpus", "name", "iso_url" };
    static const struct {
        const char *word, *want;
    } row[] = {
        { "disk_sise", "disk_size" },
        { "disksize", "disk_size" },
        { "dsik_size", "disk_size" },
        { "diskimages", "disk_image" },
        { "cpu", "cpus" },
        { "names", "name" },
        { "abc", NULL },
        { "memory", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(row); i++) {
        const char *got = kiln_did_you_mean(row[i].word, keys, KILN_COUNT(keys));

        assert_true(kiln_streq(got, row[i].want));
    }
}

static void hide_secret(void *ud, const char *text, size_t len, struct kiln_str *out)
{
    const char *end = text + len, *secret;

    for (; (secret = memmem(text, (size_t)(end - text), ud, strlen(ud)));
         text = secret + strlen(ud)) {
        kiln_str_add(out, text, (size_t)(secret - text));
        kiln_str_adds(out, "<sensitive>");
    }
    kiln_str_add(out, text, (size_t)(end - text));
}

/* The caret belongs to the line as it is shown in the end. */
static void test_hidden(void **state)
{
    static struct {
        char secret[20];
        const char *text;
        size_t offset, caret; /* byte; column from 0, once all secrets are replaced */
    } row[] = {
        { "pw", "{\"a\": \"pw\", \"b\": 1}", 1, 1 },
        { "pw", "{\"a\": \"pw\", \"b\": 1}", 12, 21 },
        { "pw", "{\"a\": \"pw\", \"pw\": 1}", 15, 33 },
        { "a long secret", "{\"a\": \"a long secret\", \"b\": 1}", 23, 21 },
        { "a long secret", "{\"a\": \"a long secret\", \"b\": 1}", 15, 7 },
        { "none", "{\"a\":\t\"x\"}", 6, 9 },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(row); i++) {
        struct kiln_source *s = kiln_source_new("t.json", row[i].text, strlen(row[i].text));
        const struct kiln_diag_hide hide = { hide_secret, row[i].secret };
        struct kiln_diag diag = { 0 };
        KILN_AUTO_STR got = { 0 };
        const char *bar, *caret;

        (void)kiln_diag_error(&diag, s, row[i].offset, NULL, "bad");
        kiln_diag_format_all(&diag, &hide, &got);
        bar = strstr(kiln_str_cstr(&got), "\n      | ");
        caret = strchr(kiln_str_cstr(&got), '^');
        if ((size_t)(caret - bar) != row[i].caret + strlen("\n      | "))
            fail_msg("row %zu:\n%s", i, kiln_str_cstr(&got));
        kiln_source_unref(s);
        kiln_diag_done(&diag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excerpt),      cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_shared),       cmocka_unit_test(test_long_line_cuts_at_quotes),
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_many),
        cmocka_unit_test(test_did_you_mean), cmocka_unit_test(test_hidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
