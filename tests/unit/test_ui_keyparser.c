/* What a terminal sends -> keys, pastes, answers. */
#include "unit.h"

#include "ui/term/keyparser.h"

/* Everything that comes out, as text: "a ctrl-b paste(…) answer(c 62 4)"; MORE is "…". */
static void drain(struct kiln_keyparser *p, bool late, struct kiln_str *out)
{
    for (;;) {
        struct kiln_key key = { 0 };
        struct kiln_term_reply reply = { 0 };

        switch (kiln_keyparser_next(p, late, &key, &reply)) {
        case KILN_INPUT_NONE:
            return;
        case KILN_INPUT_MORE:
            assert_false(late);
            return;
        case KILN_INPUT_KEY:
            kiln_str_adds(out, out->len ? " " : "");
            kiln_key_to_text(&key, out);
            if (key.code == KILN_KEY_MOUSE)
                kiln_str_addf(out, "(%d %d,%d)", key.button, key.x, key.y);
            break;
        case KILN_INPUT_PASTE:
            kiln_str_addf(out, "%spaste(%s)", out->len ? " " : "", kiln_str_cstr(&p->paste));
            break;
        case KILN_INPUT_REPLY:
            kiln_str_addf(out, "%sanswer(%c", out->len ? " " : "", reply.final);
            for (int i = 0; i < reply.n_params; i++)
                kiln_str_addf(out, " %d", reply.params[i]);
            kiln_str_adds(out, reply.ok ? " ok)" : ")");
            break;
        }
    }
}

static const struct {
    const char *in, *want;
} typed[] = {
    { "aZ?", "a Z ?" },
    { " \t\r\n", "space tab enter ctrl-j" },
    { "\x01\x1a\x1d\x1c\x1f", "ctrl-a ctrl-z ctrl-] ctrl-\\ ctrl-_" },
    { "\x7f\x08", "backspace backspace" },
    { "\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80", "\u00e4 \u4f60 \U0001F600" },
    { "\033[A\033[B\033[C\033[D", "up down right left" },
    { "\033OA\033OB\033OH\033OF", "up down home end" },
    { "\033[H\033[F\033[1~\033[4~\033[7~\033[8~", "home end home end home end" },
    { "\033[5~\033[6~\033[2~\033[3~", "pgup pgdn insert delete" },
    { "\033OP\033[[A\033[11~\033[15~\033[24~", "f1 f1 f1 f5 f12" },
    { "\033[1;5C\033[1;2D\033[5;3~", "ctrl-right shift-left alt-pgup" },
    { "\033[Z", "shift-tab" },
    { "\033x\033X\033\r", "alt-x alt-X alt-enter" },
    { "\033\xc3\xa4", "alt-\u00e4" },
    { "\033[<0;5;7M\033[<0;5;7m", "mouse(1 4,6) mouse(-1 4,6)" },
    { "\033[<64;1;1M\033[<65;1;1M\033[<35;3;3M", "mouse(4 0,0) mouse(5 0,0)" },
    { "\033[200~ls\r\033[A\033[201~x", "paste(ls\r\033[A) x" },
    { "\033[?62;4;22c", "answer(c 62 4 22)" },
    { "\033[?2;0;1000;800S", "answer(S 2 0 1000 800)" },
    { "\033[?2026;2$y", "answer(y 2026 2)" },
    { "\033[6;20;10t", "answer(t 6 20 10)" },
    { "\033_Gi=31;OK\033\\a", "answer(_ ok) a" },
    { "\033_Gi=31;ENOENT\033\\a", "answer(_) a" },
    { "\033[99;99q\033[?1049hb", "b" },                       /* nothing that we know */
    { "\033[?1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18cb", /* more than we keep */
      "answer(c 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) b" },
    { "\xff\xc0\x80\x9bz", "z" }, /* no UTF-8, and C1 */
    { "\xc2\x9bz", "z" },
    { "\033\033[A", "esc up" },
};

static void test_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(typed); i++) {
        KILN_AUTO_STR whole = { 0 };
        KILN_AUTO_STR pieces = { 0 };
        struct kiln_keyparser p = { 0 }, q = { 0 };

        kiln_keyparser_feed(&p, typed[i].in, strlen(typed[i].in));
        drain(&p, false, &whole);
        assert_string_equal(kiln_str_cstr(&whole), typed[i].want);
        for (const char *c = typed[i].in; *c; c++) { /* the same, byte by byte */
            kiln_keyparser_feed(&q, c, 1);
            drain(&q, false, &pieces);
        }
        assert_string_equal(kiln_str_cstr(&pieces), typed[i].want);
        kiln_keyparser_done(&p);
        kiln_keyparser_done(&q);
    }
}

/* What has begun and does not go on. */
static const struct {
    const char *in, *want;
} cut[] = {
    { "\033", "esc" },  { "\033[", "alt-[" }, { "\033O", "alt-O" }, { "\033[1;5", "" },
    { "\xe4\xbd", "" }, { "a\033", "a esc" }, { "\033_Gi", "" },    { "\033[[", "" },
};

static void test_late(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(cut); i++) {
        KILN_AUTO_STR out = { 0 };
        struct kiln_keyparser p = { 0 };
        struct kiln_key key;
        struct kiln_term_reply reply;

        kiln_keyparser_feed(&p, cut[i].in, strlen(cut[i].in));
        drain(&p, false, &out);
        assert_int_equal(kiln_keyparser_next(&p, false, &key, &reply), KILN_INPUT_MORE);
        drain(&p, true, &out);
        assert_string_equal(kiln_str_cstr(&out), cut[i].want);
        assert_int_equal(kiln_keyparser_next(&p, false, &key, &reply), KILN_INPUT_NONE);
        kiln_keyparser_done(&p);
    }
}

static void test_long_paste_is_cut(void **state)
{
    struct kiln_keyparser p = { 0 };
    struct kiln_key key;
    struct kiln_term_reply reply;
    char chunk[4096];

    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    kiln_keyparser_feed(&p, "\033[200~", 6);
    for (size_t n = 0; n < KILN_KEYPARSER_MAX * 2; n += sizeof(chunk)) {
        kiln_keyparser_feed(&p, chunk, sizeof(chunk));
        assert_int_equal(kiln_keyparser_next(&p, false, &key, &reply), KILN_INPUT_NONE);
    }
    kiln_keyparser_feed(&p, "\033[201~", 6);
    assert_int_equal(kiln_keyparser_next(&p, false, &key, &reply), KILN_INPUT_PASTE);
    assert_int_equal(p.paste.len, KILN_KEYPARSER_MAX);
    kiln_keyparser_done(&p);
}

static const struct {
    const char *text, *canonical; /* NULL: no key */
} names[] = {
    { "a", "a" },
    { "A", "A" },
    { "ctrl-x", "ctrl-x" },
    { "ctrl-X", "ctrl-x" },
    { "ctrl-alt-x", "ctrl-alt-x" },
    { "alt-ctrl-x", "ctrl-alt-x" },
    { "ctrl-i", "tab" },
    { "ctrl-m", "enter" },
    { "ctrl-[", "esc" },
    { "ctrl-h", "backspace" },
    { "ctrl-]", "ctrl-]" },
    { "ctrl-space", "ctrl-space" },
    { "shift-tab", "shift-tab" },
    { "f12", "f12" },
    { "\u00e4", "\u00e4" },
    { "-", "-" },
    { "ctrl-", NULL },
    { "", NULL },
    { "f13", NULL },
    { "f0", NULL },
    { "ab", NULL },
    { "shift-a", NULL },
    { "ctrl-ctrl-a", NULL },
    { "ctrl-\u00e4", NULL },
    { "\x01", NULL },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        struct kiln_key key = { 0 };
        KILN_AUTO_STR out = { 0 };
        bool ok = kiln_key_from_text(names[i].text, &key);

        if (ok != (names[i].canonical != NULL))
            fail_msg("%s: %s", names[i].text, ok ? "is a key" : "is no key");
        if (!ok)
            continue;
        kiln_key_to_text(&key, &out);
        assert_string_equal(kiln_str_cstr(&out), names[i].canonical);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typed),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_long_paste_is_cut),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
