/* The line splitter: Packer's rule for white space and carriage returns, long lines, any chunking.
 */
#include "base/limits.h"
#include "base/lines.h"
#include "unit.h"

static void collect(void *ud, const char *line, size_t len)
{
    struct kiln_str *out = ud;

    kiln_str_addc(out, '[');
    kiln_str_add(out, line, len);
    kiln_str_addc(out, ']');
}

/* All lines of text, fed in pieces of `step` bytes. */
static void split(struct kiln_str *out, const char *text, size_t len, size_t step)
{
    KILN_AUTO_LINES lines = KILN_LINES_INIT(collect, out);

    for (size_t i = 0; i < len; i += step)
        kiln_lines_feed(&lines, text + i, len - i < step ? len - i : step);
    kiln_lines_end(&lines);
    kiln_lines_end(&lines); /* nothing is left */
}

static void test_rule(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "" },
        { "a", "[a]" },
        { "a\nb\n", "[a][b]" },
        { "\n\n", "[][]" },
        { "a\r\nb\r\n", "[a][b]" },
        { " a \t\v\f \n", "[ a]" },
        { "10%\r20%\r30%\n", "[30%]" },
        { "10%\r20%\r", "[20%]" },
        { "10%\r20%\r \r\n", "[20%]" },
        { "\r\n", "[]" },
        { " \n", "[]" },
        { "gone\r\xc3\xa4\n", "[\xc3\xa4]" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        for (size_t step = 1; step <= strlen(rows[i].text) + 1; step++) {
            KILN_AUTO_STR out = { 0 };

            split(&out, rows[i].text, strlen(rows[i].text), step);
            assert_string_equal(kiln_str_cstr(&out), rows[i].want);
        }
    }
}

static void test_nul_is_a_character(void **state)
{
    KILN_AUTO_STR out = { 0 };

    (void)state;
    split(&out, "a\0b\n", 4, 3);
    assert_int_equal(out.len, 5);
    assert_memory_equal(out.data, "[a\0b]", 5);
}

struct count {
    size_t lines, bytes, longest;
};

static void count(void *ud, const char *line, size_t len)
{
    struct count *c = ud;

    (void)line;
    c->lines++;
    c->bytes += len;
    if (len > c->longest)
        c->longest = len;
}

static void test_long_line(void **state)
{
    size_t len = 3 * KILN_MAX_LINE + 5;
    static const size_t steps[] = { 1000, KILN_MAX_LINE - 1, KILN_MAX_LINE, 3 * KILN_MAX_LINE + 6 };
    KILN_AUTO_STR text = { 0 };

    (void)state;
    for (size_t i = 0; i < len; i++)
        kiln_str_addc(&text, i % 10 ? 'x' : ' ');
    kiln_str_adds(&text, "\nend");
    for (size_t i = 0; i < KILN_COUNT(steps); i++) {
        struct count c = { 0 };
        KILN_AUTO_LINES lines = KILN_LINES_INIT(count, &c);

        for (size_t at = 0; at < text.len; at += steps[i])
            kiln_lines_feed(&lines, text.data + at,
                            text.len - at < steps[i] ? text.len - at : steps[i]);
        kiln_lines_end(&lines);
        assert_int_equal(c.lines, 5);
        assert_int_equal(c.bytes, len + 3);
        assert_int_equal(c.longest, KILN_MAX_LINE);
        assert_true(lines.rest.cap <= 2 * KILN_MAX_LINE);
    }
}

static void test_long_line_tears_no_character(void **state)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_str_adds(&text, "xx"); /* the limit is in the middle of a character */
    while (text.len <= KILN_MAX_LINE)
        kiln_str_adds(&text, "\xe2\x82\xac");
    split(&out, text.data, text.len, 500);
    assert_memory_equal(strchr(out.data, ']'), "][\xe2\x82\xac", 5);

    kiln_str_clear(&text);
    kiln_str_clear(&out);
    while (text.len <= KILN_MAX_LINE)
        kiln_str_addc(&text, '\x80'); /* no UTF-8 at all: cut anywhere */
    split(&out, text.data, text.len, 500);
    assert_int_equal(out.len, text.len + 4);
}

static void test_endless_progress(void **state)
{
    struct count c = { 0 };
    KILN_AUTO_LINES lines = KILN_LINES_INIT(count, &c);

    (void)state;
    for (int i = 0; i < 100000; i++)
        kiln_lines_feed(&lines, "downloading  10%\r", 17);
    kiln_lines_feed(&lines, "done\n", 5);
    assert_int_equal(c.lines, 1);
    assert_int_equal(c.bytes, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_nul_is_a_character),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_long_line_tears_no_character),
        cmocka_unit_test(test_endless_progress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
