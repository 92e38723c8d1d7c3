/* The editor: keys in, strings and cursor out. */
#include "base/mem.h"
#include "ui/boot/editor.h"
#include "unit.h"

/* Strings are joined with '|', the cursor is '^'. */
static char *shown(const struct kiln_editor *e)
{
    KILN_AUTO_STRV lines = { 0 };
    struct kiln_str out = { 0 };
    size_t line, byte;

    kiln_editor_get(e, &lines);
    kiln_editor_cursor(e, &line, &byte);
    if (lines.n == 0)
        kiln_str_addc(&out, '^');
    for (size_t i = 0; i < lines.n; i++) {
        kiln_str_adds(&out, i ? "|" : "");
        if (i == line) {
            kiln_str_add(&out, lines.v[i], byte);
            kiln_str_addc(&out, '^');
            kiln_str_adds(&out, lines.v[i] + byte);
        } else {
            kiln_str_adds(&out, lines.v[i]);
        }
    }
    return kiln_str_steal(&out);
}

/* "text^|more": with the cursor. */
static struct kiln_editor *open_editor(const char *text)
{
    struct kiln_editor *e = kiln_editor_new();
    KILN_AUTO_FREE char *copy = kiln_xstrdup(text);
    KILN_AUTO_STRV lines = { 0 };
    size_t line = 0, byte = 0;

    kiln_strv_split(&lines, copy, '|');
    for (size_t i = 0; i < lines.n; i++) {
        char *mark = strchr(lines.v[i], '^');

        if (mark) {
            line = i;
            byte = (size_t)(mark - lines.v[i]);
            memmove(mark, mark + 1, strlen(mark));
        }
    }
    kiln_editor_set(e, &lines);
    kiln_editor_move_to(e, line, byte);
    return e;
}

static bool press(struct kiln_editor *e, const char *name)
{
    struct kiln_key key;
    bool changed;

    if (!kiln_key_from_text(name, &key))
        fail_msg("%s is no key", name);
    return kiln_editor_key(e, &key, &changed);
}

static void press_all(struct kiln_editor *e, const char *keys)
{
    KILN_AUTO_STRV list = { 0 };

    kiln_strv_split(&list, keys, ' ');
    KILN_STRV_FOREACH (key, &list)
        assert_true(press(e, key));
}

static const struct {
    const char *text, *keys, *want;
} edits[] = {
    { "^", "a b space <", "ab <^" },
    { "ab^cd", "x enter y", "abx|y^cd" },
    { "a\xC3\xA9^b", "left delete", "a^b" },
    { "a\xC3\xA9^b", "backspace", "a^b" },
    { "a|^b", "backspace", "a^b" },
    { "a^|b", "delete", "a^b" },
    { "a^|b", "ctrl-d", "a^b" },
    { "^a", "backspace", "^a" },
    { "a^", "delete", "a^" },
    { "^", "backspace delete ctrl-k ctrl-w", "^" },
    { "abc^|de", "home x end y", "xabcy^|de" },
    { "a^bc|de", "ctrl-e right", "abc|^de" },
    { "abc|^de", "left", "abc^|de" },
    { "abc|d^e", "ctrl-home", "^abc|de" },
    { "a^bc|de", "ctrl-end", "abc|de^" },
    { "one^ two|three", "ctrl-k", "one^|three" },
    { "one^ two|three", "ctrl-k ctrl-k", "one^three" },
    { "one^ two|three", "ctrl-k ctrl-k end ctrl-y", "onethree two|^" },
    { "one two^", "ctrl-w ctrl-w", "^" },
    { "one two^", "ctrl-w ctrl-w ctrl-y", "one two^" },
    { "^one two", "alt-d alt-d x ctrl-y", "xone two^" },
    { "^<wait5s>ab c", "ctrl-right", "<wait5s^>ab c" },
    { "^<wait5s>ab c", "ctrl-right alt-f alt-f ctrl-left", "<wait5s>ab ^c" },
    { "<wait5s>ab^ c", "alt-b alt-b", "<^wait5s>ab c" },
    { "abcdef^|ab|abcdef", "down down", "abcdef|ab|abcdef^" },
    { "abcdef^|ab|abcdef", "down up", "abcdef^|ab|abcdef" },
    { "abcdef^|ab|abcdef", "down left down", "abcdef|ab|a^bcdef" },
    { "a|b^|c", "up up up", "a^|b|c" },
    { "a|b^|c", "pgdn", "a|b|c^" },
    { "a|b|c^", "pgup", "a^|b|c" },
    { "a^|b", "ctrl-n ctrl-a ctrl-p ctrl-f ctrl-b", "^a|b" },
    /* undo: a run of typing is one change, another place begins another */
    { "^", "a b c ctrl-u", "^" },
    { "^", "a b c ctrl-_ ctrl-r", "abc^" },
    { "^", "a b left c ctrl-u", "a^b" },
    { "^", "a b left c ctrl-u ctrl-u", "^" },
    { "^", "a b left c ctrl-u ctrl-u ctrl-r ctrl-r ctrl-r", "ac^b" },
    { "^", "a ctrl-u b ctrl-r", "b^" },
    { "ab^", "enter enter ctrl-u", "ab|^" },
    { "abcd^", "backspace backspace ctrl-u", "abcd^" },
    { "ab^|c", "ctrl-k ctrl-k ctrl-u", "ab^|c" },
    { "a", "ctrl-u", "^a" },
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(edits); i++) {
        struct kiln_editor *e = open_editor(edits[i].text);
        KILN_AUTO_FREE char *got = NULL;

        press_all(e, edits[i].keys);
        got = shown(e);
        if (strcmp(got, edits[i].want) != 0)
            fail_msg("%s, %s: %s, not %s", edits[i].text, edits[i].keys, got, edits[i].want);
        kiln_editor_free(e);
    }
}

static void test_not_ours(void **state)
{
    static const char *const keys[] = { "esc", "tab", "f1", "ctrl-x", "ctrl-l", "alt-x", "ctrl-z" };
    struct kiln_editor *e = open_editor("a");

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(keys); i++)
        assert_false(press(e, keys[i]));
    kiln_editor_free(e);
}

static void test_paste(void **state)
{
    static const char text[] = "x\r\ny\rz\n\x1b[31m\xff\tq";
    struct kiln_editor *e = open_editor("a^b");
    KILN_AUTO_FREE char *got = NULL;
    KILN_AUTO_FREE char *undone = NULL;
    KILN_AUTO_FREE char *big = kiln_xmalloc(KILN_EDITOR_MAX);

    (void)state;
    memset(big, 'x', KILN_EDITOR_MAX);
    assert_true(kiln_editor_paste(e, text, sizeof(text) - 1));
    got = shown(e);
    assert_string_equal(got, "ax|y|z|[31m\xEF\xBF\xBD\tq^b");
    assert_false(kiln_editor_paste(e, big, KILN_EDITOR_MAX));
    press_all(e, "ctrl-u");
    undone = shown(e);
    assert_string_equal(undone, "a^b");
    kiln_editor_free(e);
}

/* Many changes of a large text: the oldest are forgotten, the newest can be undone. */
static void test_undo_bound(void **state)
{
    KILN_AUTO_STRV lines = { 0 }, now = { 0 };
    struct kiln_editor *e = kiln_editor_new();
    KILN_AUTO_FREE char *big = kiln_xcalloc(1, 100001);

    (void)state;
    memset(big, 'x', 100000);
    kiln_strv_add(&lines, big);
    kiln_editor_set(e, &lines);
    for (int i = 0; i < 2000; i++)
        press_all(e, "enter");
    for (int i = 0; i < 10; i++)
        press_all(e, "ctrl-u");
    kiln_editor_get(e, &now);
    assert_int_equal(now.n, 1991);
    kiln_editor_free(e);
}

/* ---- drawing ---- */

static char *picture(const struct kiln_canvas *c)
{
    struct kiln_str out = { 0 };

    for (int y = 0; y < c->rows; y++) {
        size_t end = out.len;

        for (int x = 0; x < c->cols; x++) {
            uint32_t ch = c->cells[y * c->cols + x].ch;

            if (ch)
                kiln_str_add_utf8(&out, x == c->cursor_x && y == c->cursor_y ? '_' : ch);
            if (ch > ' ' || (x == c->cursor_x && y == c->cursor_y))
                end = out.len;
        }
        kiln_str_truncate(&out, end);
        kiln_str_addc(&out, '\n');
    }
    return kiln_str_steal(&out);
}

static char *draw(struct kiln_editor *e, int cols, int rows)
{
    struct kiln_canvas c = { 0 };
    struct kiln_area a;
    char *ret;

    kiln_canvas_resize(&c, cols, rows);
    a = kiln_canvas_area(&c);
    kiln_editor_draw(e, &a, true, NULL, NULL);
    ret = picture(&c);
    kiln_canvas_done(&c);
    return ret;
}

static const struct {
    const char *text, *keys;
    int cols, rows;
    const char *want;
} pictures[] = {
    { "^ab|cd", "right", 10, 3, "1 a_\n2 cd\n\n" },
    { "abcd|^", "left", 7, 3, "1 abcd_\n2\n\n" },
    /* wrapped at four columns; up and down go by rows of the screen */
    { "^abcdefghij|k", "", 7, 4, "1 _bcd\n  efgh\n  ij\n2 k\n" },
    { "abcdefghij^|k", "", 7, 4, "1 abcd\n  efgh\n  ij_\n2 k\n" },
    { "abcdefghij^|k", "up", 7, 4, "1 abcd\n  ef_h\n  ij\n2 k\n" },
    { "abc^defghij|k", "down down down", 7, 4, "1 abcd\n  efgh\n  ij\n2 k_\n" },
    { "abcd^", "", 7, 2, "1 abcd_\n\n" },
    /* it scrolls to where the cursor is */
    { "^a|b|c|d|e", "down down down", 8, 2, "3 c\n4 _\n" },
    { "a|b|c|d|e^", "up up up", 8, 3, "2 b_\n3 c\n4 d\n" },
    { "\xE4\xBD\xA0\xE5\xA5\xBD\xE5\x90\x97^", "", 7, 2,
      "1 \xE4\xBD\xA0\xE5\xA5\xBD\n  \xE5\x90\x97_\n" },
    { "a\x01\tb^", "", 14, 1, "1 a?      b_\n" },
    { "^", "", 10, 1, "1 _\n" },
    { "^a", "", 4, 1, "\n" },
};

static void test_draw(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(pictures); i++) {
        struct kiln_editor *e = open_editor(pictures[i].text);
        KILN_AUTO_FREE char *got = draw(e, pictures[i].cols, pictures[i].rows);

        if (pictures[i].keys[0]) {
            press_all(e, pictures[i].keys);
            free(got);
            got = draw(e, pictures[i].cols, pictures[i].rows);
        }
        if (strcmp(got, pictures[i].want) != 0)
            fail_msg("%s %s:\n%s not\n%s", pictures[i].text, pictures[i].keys, got,
                     pictures[i].want);
        kiln_editor_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),  cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_paste), cmocka_unit_test(test_undo_bound),
        cmocka_unit_test(test_draw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
