/* Which keys type a character on the layouts of guests: as on the keyboards that people buy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "bootcmd/layout.h"

/* "S+A+56": Shift, AltGr and the key of XT scancode 0x56; "-": on no key. */
static void describe(const struct kiln_layout_key *key, struct kiln_str *out)
{
    if (!key)
        kiln_str_addc(out, '-');
    else
        kiln_str_addf(out, "%s%s%02x", key->shift ? "S+" : "", key->altgr ? "A+" : "",
                      (unsigned)key->scancode);
}

static void test_keys(void **state)
{
    static const struct {
        const char *layout, *chars, *want;
    } rows[] = {
        { "us", "/@<\"|~` aZ", "35 S+03 S+33 S+28 S+2b S+29 29 39 1e S+2c" },
        { "fr", "/@<\"aQz1.~\\", "S+34 A+0b 56 04 10 S+1e 11 S+02 S+33 A+03 A+09" },
        { "de", "/@<\"yZ|\\^`", "S+08 A+10 56 S+03 2c S+15 A+56 A+0c - -" },
        { "jp", "/@<\"_|\\:*", "35 1a S+33 S+03 S+73 S+7d 7d 28 S+28" },
        { "us:dvorak", "/@<\"-", "1a S+03 S+11 S+10 28" },
        { "ch(fr)", "/@z^", "S+08 A+03 15 -" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_layout layout = { 0 };
        KILN_AUTO_STR got = { 0 };

        assert_true(kiln_layout_load(rows[i].layout, &layout, NULL));
        for (const char *c = rows[i].chars; *c; c++) {
            kiln_str_adds(&got, c == rows[i].chars ? "" : " ");
            describe(kiln_layout_find(&layout, (unsigned char)*c), &got);
        }
        if (strcmp(kiln_str_cstr(&got), rows[i].want) != 0)
            fail_msg("%s %s\n  found    %s\n  expected %s", rows[i].layout, rows[i].chars,
                     kiln_str_cstr(&got), rows[i].want);
        assert_string_equal(layout.name, rows[i].layout);
    }
}

static void test_bad_names(void **state)
{
    static const char *const rows[][2] = {
        { "frr", "there is no keyboard layout \"frr\": did you mean \"fr\"?" },
        { "uk", "there is no keyboard layout \"uk\": did you mean \"gb\"?" },
        { "klingon", "there is no keyboard layout \"klingon\"; xkb's names are in "
                     "/usr/share/X11/xkb/rules/base.lst" },
        { "us:dvorakk", "the keyboard layout \"us\" has no variant \"dvorakk\"; xkb's names are in "
                        "/usr/share/X11/xkb/rules/base.lst" },
        { "us,fr", "\"us,fr\" is no keyboard layout: write one as \"fr\", with a variant as "
                   "\"us:dvorak\" or \"ch(fr)\"" },
        { "ch(fr", "\"ch(fr\" is no keyboard layout: write one as \"fr\", with a variant as "
                   "\"us:dvorak\" or \"ch(fr)\"" },
        { "us:", "\"us:\" is no keyboard layout: write one as \"fr\", with a variant as "
                 "\"us:dvorak\" or \"ch(fr)\"" },
        { "../us", "\"../us\" is no keyboard layout: write one as \"fr\", with a variant as "
                   "\"us:dvorak\" or \"ch(fr)\"" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_layout layout = { 0 };
        KILN_AUTO_ERR err = { 0 };

        assert_false(kiln_layout_load(rows[i][0], &layout, &err));
        assert_string_equal(kiln_err_text(&err), rows[i][1]);
        assert_string_equal(layout.name, "");
    }
}

/* "+S +56 -56 -S": scancodes, or keysyms as x3c where there is none. */
static void spell(const struct kiln_bootcmd_event *events, size_t n, struct kiln_str *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct kiln_bootcmd_event *ev = &events[i];
        char sign = ev->action == KILN_BOOTCMD_PAUSE  ? '.'
                    : ev->action == KILN_BOOTCMD_DOWN ? '+'
                                                      : '-';

        kiln_str_addf(out, "%s%c%s%02x", i ? " " : "", sign, ev->scancode ? "" : "x",
                      (unsigned)(ev->scancode ? ev->scancode : ev->keysym));
    }
}

static void test_commands(void **state)
{
    static const struct {
        const char *text, *want;
        size_t notes; /* characters that the layout lacks */
    } rows[] = {
        { "", "", 0 },
        { "<enter><wait><leftShiftOn>", "+xff0d -xff0d .x00 +xffe1", 0 },
        { "@", "+b8 +10 -10 -b8", 0 },
        { "/", "+2a +08 -08 -2a", 0 },
        { "\xC2\xBF", "+2a +b8 +0c -0c -b8 -2a", 0 }, /* inverted question mark */
        { "<<on><<off>", "+56 -56", 0 },
        { "<@On>z<@oFF>", "+b8 +10 +15 -15 -10 -b8", 0 },
        { "^", "+xffe1 +x5e -x5e -xffe1", 1 },
        { "<^On>", "+xffe1 +x5e", 1 },
        { "\n", "+x0a -x0a", 1 },
        { "\xE4\xB8\xAD", "+x4e2d -x4e2d", 1 },
    };
    struct kiln_layout layout = { 0 };

    (void)state;
    assert_true(kiln_layout_load("de", &layout, NULL));
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_BOOTCMD cmd = { 0 };
        KILN_AUTO_BOOTCMD_NOTES notes = { 0 };
        KILN_AUTO_STR got = { 0 };

        assert_true(kiln_bootcmd_parse(rows[i].text, strlen(rows[i].text), &cmd, NULL, NULL));
        kiln_layout_apply(&layout, &cmd);
        spell(cmd.events, cmd.n_events, &got);
        assert_string_equal(kiln_str_cstr(&got), rows[i].want);
        kiln_bootcmd_lint_typed(&cmd, &notes);
        assert_int_equal(notes.n, rows[i].notes);
        assert_true(notes.n == 0 ||
                    strstr(notes.v[0].text, "is on no key of the keyboard layout de"));
        for (size_t k = 0; k < cmd.n_elements; k++) {
            const struct kiln_bootcmd_element *el = &cmd.elements[k];

            for (size_t e = 0; e < el->n_events; e++)
                assert_int_equal(cmd.events[el->event + e].element, k);
        }
    }
}

/* What the closed loop types again is what the command typed; no layout: a US keyboard. */
static void test_press(void **state)
{
    struct kiln_layout us = { 0 }, de = { 0 };
    struct kiln_bootcmd_event events[KILN_BOOTCMD_CHAR_EVENTS];
    KILN_AUTO_STR got = { 0 };

    (void)state;
    assert_true(kiln_layout_load("de", &de, NULL));
    spell(events, kiln_layout_press(&us, '@', events), &got);
    kiln_str_addc(&got, ' ');
    spell(events, kiln_layout_press(&de, '@', events), &got);
    kiln_str_addc(&got, ' ');
    spell(events, kiln_layout_press(&de, '^', events), &got);
    assert_string_equal(kiln_str_cstr(&got), "+xffe1 +x40 -x40 -xffe1 +b8 +10 -10 -b8 "
                                             "+xffe1 +x5e -x5e -xffe1");
}

/* As a terminal gives them: with the Shift of a US keyboard, which the layout may not want. */
static void test_by_hand(void **state)
{
    enum { SHIFT = 0xFFE1, CTRL = 0xFFE3, ENTER = 0xFF0D };
    static const struct {
        uint32_t down[3]; /* in this order, and up in the opposite one */
        const char *want;
    } rows[] = {
        { { 'z' }, "+15 -15" },
        { { SHIFT, 'A' }, "+xffe1 +1e -1e -xffe1" },
        { { '/' }, "+2a +08 -08 -2a" },
        { { SHIFT, '@' }, "+xffe1 -2a +b8 +10 -10 -b8 +2a -xffe1" },
        { { SHIFT, '<' }, "+xffe1 -2a +56 -56 +2a -xffe1" },
        { { CTRL, 'z' }, "+xffe3 +15 -15 -xffe3" },
        { { CTRL, SHIFT, ENTER }, "+xffe3 +xffe1 +xff0d -xff0d -xffe1 -xffe3" },
        { { 0x010020AC }, "+b8 +12 -12 -b8" },         /* the euro sign */
        { { SHIFT, '^' }, "+xffe1 +x5e -x5e -xffe1" }, /* a dead key there */
    };
    struct kiln_layout_hand hand = { 0 };
    struct kiln_layout de = { 0 };

    (void)state;
    assert_true(kiln_layout_load("de", &de, NULL));
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_bootcmd_event events[6 * KILN_LAYOUT_HAND_EVENTS];
        size_t n = 0;
        KILN_AUTO_STR got = { 0 };

        for (size_t k = 0; k < 3; k++)
            if (rows[i].down[k])
                n += kiln_layout_by_hand(&de, &hand, rows[i].down[k], true, events + n);
        for (size_t k = 3; k-- > 0;)
            if (rows[i].down[k])
                n += kiln_layout_by_hand(&de, &hand, rows[i].down[k], false, events + n);
        spell(events, n, &got);
        assert_string_equal(kiln_str_cstr(&got), rows[i].want);
        assert_false(hand.shift);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),     cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_press),
        cmocka_unit_test(test_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
