/* Keys of a terminal and chords of people, as keysyms. */
#include "unit.h"

#include "base/str.h"
#include "ui/screen/guest_keys.h"

static void check(const struct kiln_guest_keys *got, const char *want)
{
    KILN_AUTO_STR text = { 0 };

    for (size_t i = 0; i < got->n; i++)
        kiln_str_addf(&text, "%s%x", i > 0 ? " " : "", got->keysyms[i]);
    assert_string_equal(kiln_str_cstr(&text), want);
}

static void keys(void **state)
{
    static const struct {
        struct kiln_key key;
        const char *want;
    } table[] = {
        { { .code = 'a' }, "61" },
        { { .code = 'A' }, "ffe1 41" },
        { { .code = '?' }, "ffe1 3f" },
        { { .code = ' ' }, "20" },
        { { .code = 0xE4 }, "e4" },
        { { .code = 0xC4 }, "ffe1 c4" },
        { { .code = 0x20AC }, "10020ac" },
        { { .code = 'c', .mods = KILN_MOD_CTRL }, "ffe3 63" },
        { { .code = 'X', .mods = KILN_MOD_CTRL | KILN_MOD_ALT }, "ffe3 ffe9 ffe1 58" },
        { { .code = KILN_KEY_ENTER }, "ff0d" },
        { { .code = KILN_KEY_ESC }, "ff1b" },
        { { .code = KILN_KEY_BACKSPACE }, "ff08" },
        { { .code = KILN_KEY_TAB, .mods = KILN_MOD_SHIFT }, "ffe1 ff09" },
        { { .code = KILN_KEY_UP, .mods = KILN_MOD_CTRL }, "ffe3 ff52" },
        { { .code = KILN_KEY_F1 }, "ffbe" },
        { { .code = KILN_KEY_F12, .mods = KILN_MOD_ALT }, "ffe9 ffc9" },
    };
    struct kiln_guest_keys got;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        assert_true(kiln_guest_keys_of(&table[i].key, &got));
        check(&got, table[i].want);
    }
    assert_false(kiln_guest_keys_of(&(struct kiln_key){ .code = KILN_KEY_MOUSE }, &got));
    assert_false(kiln_guest_keys_of(&(struct kiln_key){ .code = 7 }, &got));
}

static void characters(void **state)
{
    static const struct {
        uint32_t c;
        const char *want;
    } table[] = { { 'x', "78" }, { '"', "ffe1 22" }, { '\n', "ff0d" }, { '\t', "ff09" } };
    static const uint32_t none[] = { 0, 7, 27, 0x7f, 0x85, 0x110000 };
    struct kiln_guest_keys got;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        assert_true(kiln_guest_keys_of_char(table[i].c, &got));
        check(&got, table[i].want);
    }
    for (size_t i = 0; i < KILN_COUNT(none); i++)
        assert_false(kiln_guest_keys_of_char(none[i], &got));
}

static void chords(void **state)
{
    static const struct {
        const char *in, *want;
    } table[] = {
        { "ctrl-alt-F2", "ffe3 ffe9 ffbf" },
        { "Ctrl+Alt+Delete", "ffe3 ffe9 ffff" },
        { "ctrl-C", "ffe3 63" },
        { "alt-sysrq-b", "ffe9 ff15 62" },
        { "super", "ffeb" },
        { "a", "61" },
        { "A", "ffe1 41" },
        { "ctrl-]", "ffe3 5d" },
        { "ctrl--", "ffe3 2d" },
        { "-", "2d" },
        { "ctrl-+", "ffe3 ffe1 2b" },
        { "ctrl-shift-c", "ffe3 ffe1 43" },
        { "leftCtrl-pageUp", "ffe3 ff55" },
        { "alt-\u00e4", "ffe9 e4" },
    };
    static const struct {
        const char *in, *want;
    } bad[] = {
        { "ctrl-alt-f13", "no key is called \"f13\"; a chord is like ctrl-alt-F2, alt-sysrq-b, "
                          "super" },
        { "", "no key is called \"\"; a chord is like ctrl-alt-F2, alt-sysrq-b, super" },
        { "ctrl-", "\"ctrl-\" ends with \"-\"" },
        { "ctrl-\x01", "no key is called \"\x01\"; a chord is like ctrl-alt-F2, alt-sysrq-b, "
                       "super" },
        { "a-b-c-d-e-f-g-h-i", "a chord has at most 7 keys" },
    };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_guest_keys got;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        unit_ok(kiln_guest_keys_parse(table[i].in, &got, &err), &err);
        check(&got, table[i].want);
    }
    for (size_t i = 0; i < KILN_COUNT(bad); i++)
        unit_fails(kiln_guest_keys_parse(bad[i].in, &got, &err), &err, KILN_ERR_USER, bad[i].want);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(characters),
        cmocka_unit_test(chords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
