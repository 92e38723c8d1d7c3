/* The guest's keyboard in the screen pane: keys, pastes, chords. */
#include "screen_bed.h"

static void press(struct bed *b, uint32_t code, uint32_t mods, bool want)
{
    assert_int_equal(ops->key(b->pane, &(struct kiln_key){ .code = code, .mods = mods }), want);
}

static void keyboard(void **state)
{
    struct bed *b = *state;

    kiln_str_clear(&con.sent);
    press(b, 'a', 0, false);
    assert_true(ops->action(b->pane, KILN_ACT_KEYBOARD, ""));
    check_status(b, "keyboard: guest, Ctrl-] ends  ");
    press(b, 'A', 0, true);
    check_sent("key debian ffe1 on\nkey debian 41 on\nkey debian 41 off\nkey debian ffe1 off\n");
    press(b, KILN_KEY_ESC, 0, true);
    check_sent("key debian ff1b on\nkey debian ff1b off\n");
    press(b, ']', KILN_MOD_CTRL, true);
    check_sent("");
    press(b, 'a', 0, false);
    check_status(b, "");

    assert_true(ops->action(b->pane, KILN_ACT_KEYBOARD, ""));
    (void)snprintf(con.model.holder, sizeof(con.model.holder), "other");
    press(b, 'a', 0, true); /* taken, but not sent */
    check_sent("");
    press(b, 'a', 0, false);
    assert_true(ops->action(b->pane, KILN_ACT_KEYBOARD, ""));
    assert_string_equal(con.said,
                        "somebody else has the controls of this run; `control` takes them");
    press(b, 'a', 0, false);
}

static void pastes(void **state)
{
    KILN_AUTO_FREE char *much = kiln_xcalloc(1, 5000);
    struct bed *b = *state;

    kiln_str_clear(&con.sent);
    assert_false(ops->paste(b->pane, "x", 1));
    assert_true(ops->action(b->pane, KILN_ACT_KEYBOARD, ""));
    assert_true(ops->paste(b->pane, "aB\r\n\xff\tc\x1b[31m", 12));
    check_status(b, "keyboard: guest, Ctrl-] ends  typing 12  ");
    settle(b);
    check_sent("key debian 61 on\nkey debian 61 off\n"
               "key debian ffe1 on\nkey debian 42 on\nkey debian 42 off\nkey debian ffe1 off\n"
               "key debian ff0d on\nkey debian ff0d off\n"
               "key debian ff09 on\nkey debian ff09 off\n"
               "key debian 63 on\nkey debian 63 off\n"
               "key debian 5b on\nkey debian 5b off\nkey debian 33 on\nkey debian 33 off\n"
               "key debian 31 on\nkey debian 31 off\nkey debian 6d on\nkey debian 6d off\n");
    assert_true(ops->paste(b->pane, much, 5000));
    assert_string_equal(con.said, "not typed: 5000 bytes were pasted, 4096 is the most");
    assert_int_equal(ops->deadline(b->pane), KILN_NEVER);
    assert_true(ops->paste(b->pane, much, 4000));
    press(b, ']', KILN_MOD_CTRL, true); /* and what is not yet typed is forgotten */
    assert_int_equal(ops->deadline(b->pane), KILN_NEVER);
    check_sent("");
}

static void chords(void **state)
{
    struct bed *b = *state;
    int f2 = -1;

    kiln_str_clear(&con.sent);
    assert_true(ops->action(b->pane, KILN_ACT_CHORD, "ctrl-alt-f2"));
    check_sent("key debian ffe3 on\nkey debian ffe9 on\nkey debian ffbf on\n"
               "key debian ffbf off\nkey debian ffe9 off\nkey debian ffe3 off\n");
    assert_true(ops->action(b->pane, KILN_ACT_CHORD, "ctrl-foo"));
    assert_non_null(strstr(con.said, "no key is called \"foo\""));
    assert_true(ops->action(b->pane, KILN_ACT_CHORD, ""));
    for (size_t i = 0; i < con.menu.n; i++)
        if (kiln_streq(con.menu.v[i], "alt-F2"))
            f2 = (int)i;
    con.chosen(con.ud, f2);
    check_sent("key debian ffe9 on\nkey debian ffbf on\nkey debian ffbf off\nkey debian ffe9 "
               "off\n");
    con.chosen(con.ud, -1);
    check_sent("");
    con.chosen(con.ud, 0);
    assert_string_equal(con.line, "chord ");
    for (size_t i = 1; i < con.menu.n; i++)
        con.chosen(con.ud, (int)i); /* every one is a chord */
    assert_null(strstr(con.said, "no key is called"));
}

static void hand(struct bed *b, bool on)
{
    happen(b, (struct kiln_event){ .type = KILN_EV_RECORD, .status = on });
}

static void recording(void **state)
{
    struct bed *b = *state;

    kiln_str_clear(&con.sent);
    assert_true(ops->action(b->pane, KILN_ACT_RECORD, ""));
    check_sent("record debian on\n");
    check_status(b, "");
    hand(b, true);
    reply(&(struct kiln_reply){ .ok = true, .fd = -1 });
    check_status(b, "RECORDING  keyboard: guest, Ctrl-] ends  ");
    press(b, 'R', 0, true); /* the guest's */
    check_sent("key debian ffe1 on\nkey debian 52 on\nkey debian 52 off\nkey debian ffe1 off\n");
    press(b, ']', KILN_MOD_CTRL, true);
    assert_non_null(strstr(con.said, "the recording goes on"));
    check_status(b, "RECORDING  ");
    assert_true(ops->action(b->pane, KILN_ACT_KEYBOARD, ""));
    assert_true(ops->action(b->pane, KILN_ACT_RECORD, ""));
    check_sent("record debian off\n");
    hand(b, false);
    reply(&(struct kiln_reply){ .ok = true, .fd = -1 });
    check_status(b, "");
    assert_true(ops->action(b->pane, KILN_ACT_RECORD, ""));
    reply(&(struct kiln_reply){ .error = "there is no virtual machine now", .fd = -1 });
    assert_string_equal(con.said, "there is no virtual machine now");
    check_status(b, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        WITH_BED(keyboard),
        WITH_BED(pastes),
        WITH_BED(chords),
        WITH_BED(recording),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
