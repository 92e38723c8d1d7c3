/* The canvas: what text becomes in cells, wide characters, clipping, and that nothing that acts on
 * a terminal gets in. */
#include "unit.h"

#include "base/str.h"
#include "ui/term/canvas.h"
#include "ui/term/width.h"

static const struct kiln_style plain;

/* A row as text; '>' is the right half of a wide character. */
static char *row_text(const struct kiln_canvas *c, int y)
{
    struct kiln_str out = { 0 };

    for (int x = 0; x < c->cols; x++) {
        uint32_t ch = c->cells[y * c->cols + x].ch;

        kiln_str_add_utf8(&out, ch ? ch : '>');
    }
    return kiln_str_steal(&out);
}

#define check_row(c, y, want)                                                                      \
    do {                                                                                           \
        char *row_ = row_text((c), (y));                                                           \
        assert_string_equal(row_, (want));                                                         \
        free(row_);                                                                                \
    } while (0)

static const struct {
    const char *text;
    int x;
    const char *row; /* 10 columns */
    int columns;
} texts[] = {
    { "hello", 0, "hello     ", 5 },
    { "hello", -2, "llo       ", 5 },
    { "hello", 8, "        he", 5 },
    { "a\tb", 0, "a       b ", 9 },
    { "\u4f60\u597d", 1, " \u4f60>\u597d>     ", 4 },
    { "\u4f60\u597d", -1, " \u597d>       ", 4 },
    { "\u4f60", 9, "          ", 2 },
    { "e\u0301x", 0, "ex        ", 2 },
    { "a\033[31mred\033[0mb", 0, "aredb     ", 5 },
    { "a\033[2Jb", 0, "a?b       ", 3 },
    { "a\033]0;title\ab", 0, "a?b       ", 3 },
    { "a\033]52;c;AAAA\033\\b", 0, "a?b       ", 3 },
    { "a\033Pq#\033\\b", 0, "a?b       ", 3 },
    { "a\033]no end", 0, "a?]no end ", 9 },
    { "a\033", 0, "a?        ", 2 },
    { "a\033[", 0, "a?[       ", 3 },
    { "\a\b\r\n\v\x7f", 0, "??????    ", 6 },
    { "\xc2\x9b"
      "2J",
      0, "?2J       ", 3 },
    { "\x9b"
      "2J",
      0, "\uFFFD2J       ", 3 },
    { "\xff\xfe", 0, "\uFFFD\uFFFD        ", 2 },
    { "x\u202ey\u200bz", 0, "xyz       ", 3 },
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(texts); i++) {
        struct kiln_canvas c = { 0 };
        struct kiln_area a;
        size_t len = strlen(texts[i].text);

        kiln_canvas_resize(&c, 10, 1);
        a = kiln_canvas_area(&c);
        assert_int_equal(kiln_area_text(&a, texts[i].x, 0, texts[i].text, len, plain),
                         texts[i].columns);
        assert_int_equal(kiln_text_columns(texts[i].text, len), texts[i].columns);
        check_row(&c, 0, texts[i].row);
        kiln_canvas_done(&c);
    }
}

static void test_fit(void **state)
{
    (void)state;
    assert_int_equal(kiln_text_fit("hello", 5, 3), 3);
    assert_int_equal(kiln_text_fit("hello", 5, 9), 5);
    assert_int_equal(kiln_text_fit("\u4f60\u597d", 6, 3), 3);
    assert_int_equal(kiln_text_fit("e\u0301x", 4, 1), 3);
    assert_int_equal(kiln_text_fit("a", 1, 0), 0);
}

/* Half of a wide character never stays alone. */
static void test_wide_overwritten(void **state)
{
    struct kiln_canvas c = { 0 };
    struct kiln_area a;

    (void)state;
    kiln_canvas_resize(&c, 6, 1);
    a = kiln_canvas_area(&c);
    kiln_area_text(&a, 0, 0, "\u4f60\u597d\u4f60", 9, plain);
    kiln_area_put(&a, 1, 0, 'x', plain);
    check_row(&c, 0, " x\u597d>\u4f60>");
    kiln_area_put(&a, 2, 0, 'y', plain);
    check_row(&c, 0, " xy \u4f60>");
    kiln_area_put(&a, 3, 0, 0x4f60, plain);
    check_row(&c, 0, " xy\u4f60> ");
    kiln_canvas_done(&c);
}

static void test_clipped(void **state)
{
    struct kiln_canvas c = { 0 };
    struct kiln_area all, in, out;

    (void)state;
    kiln_canvas_resize(&c, 6, 3);
    all = kiln_canvas_area(&c);
    in = kiln_area_sub(&all, 2, 1, 2, 1);
    kiln_area_text(&in, -1, 0, "abcdef", 6, plain);
    kiln_area_text(&in, 0, 1, "below", 5, plain);
    kiln_area_text(&in, 0, -1, "above", 5, plain);
    kiln_area_fill(&in, -5, 0, 6, 9, '#', plain);
    check_row(&c, 0, "      ");
    check_row(&c, 1, "  #c  ");
    check_row(&c, 2, "      ");
    out = kiln_area_sub(&in, 5, 5, 10, 10);
    assert_int_equal(out.w, 0);
    assert_int_equal(out.h, 0);
    kiln_area_put(&out, 0, 0, 'x', plain);
    kiln_area_cursor(&in, 5, 5);
    assert_int_equal(c.cursor_x, -1);
    kiln_area_cursor(&in, 1, 0);
    assert_int_equal(c.cursor_x, 3);
    assert_int_equal(c.cursor_y, 1);
    kiln_canvas_done(&c);
}

/* Whatever is put or written: every cell holds something that only prints. */
static void test_no_control_gets_in(void **state)
{
    struct kiln_canvas c = { 0 };
    struct kiln_area a;

    (void)state;
    kiln_canvas_resize(&c, 8, 1);
    a = kiln_canvas_area(&c);
    for (uint32_t ch = 0; ch < 0x3000; ch++) {
        kiln_area_put(&a, 2, 0, ch, plain);
        kiln_area_fill(&a, 4, 0, 2, 1, ch, plain);
        for (int x = 0; x < 8; x++) {
            uint32_t is = c.cells[x].ch;

            assert_true(is == 0 || (!kiln_char_is_control(is) && kiln_char_width(is) > 0));
        }
    }
    kiln_canvas_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_wide_overwritten),
        cmocka_unit_test(test_clipped),
        cmocka_unit_test(test_no_control_gets_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
