/* Key maps: what is compiled in is right, problems are told with their line, overrides. */
#include "unit.h"

#include "base/fs.h"
#include "base/mem.h"
#include "ui/keymap.h"

static const struct {
    const char *text, *problems;
} files[] = {
    { "", "" },
    { "# only\n\n   # comments\n", "" },
    { "log / search # find\nglobal hash help\n", "" },
    { "global ctrl-x ctrl-c quit\nlist g g top\n", "" },
    { "global 1 focus builds\n", "" },
    { "global - quit\n", "" }, /* the key - */
    { "lgo / search\n", "t.conf:1: no context is called \"lgo\"; did you mean \"log\"?\n" },
    { "log / serach\n", "t.conf:1: no action is called \"serach\"; did you mean \"search\"?\n" },
    { "\nlog / xyzzyx\n", "t.conf:2: no action is called \"xyzzyx\"\n" },
    { "log ctlr-x search\n", "t.conf:1: \"ctlr-x\" is no key\n" },
    { "log\n", "t.conf:1: no keys and no action\n" },
    { "log /\n", "t.conf:1: no action follows the keys\n" },
    { "log a b c d e top\n", "t.conf:1: more than 4 keys\n" },
    { "global q quit now\n", "t.conf:1: quit takes no argument\n" },
    { "global q quit\nglobal q help\n", "t.conf:2: \"q\" is bound already, to quit in line 1\n" },
    { "list g top\nlist g g bottom\n",
      "t.conf:2: \"g\" is bound in line 1: one of the two would never be reached\n" },
    { "list g g top\nlist g bottom\n",
      "t.conf:2: \"g g\" is bound in line 1: one of the two would never be reached\n" },
    { "log q wrap\nglobal q quit\n", "" }, /* contexts do not disturb each other */
};

static void test_problems(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(files); i++) {
        struct kiln_keymap m = { 0 };
        KILN_AUTO_STR problems = { 0 };

        kiln_keymap_parse(&m, "t.conf", files[i].text, strlen(files[i].text), &problems);
        assert_string_equal(kiln_str_cstr(&problems), files[i].problems);
        kiln_keymap_done(&m);
    }
}

/* Actions that keys lead to, in the log pane; PREFIX is "…", nothing "-". */
static void check(const struct kiln_keymap *m, const char *keys, const char *want)
{
    const enum kiln_context contexts[] = { KILN_CTX_LOG, KILN_CTX_LIST, KILN_CTX_GLOBAL };
    struct kiln_key typed[KILN_KEYMAP_MAX_KEYS];
    KILN_AUTO_STRV words = { 0 };
    const struct kiln_binding *b = NULL;
    const char *is = "-";

    kiln_strv_split(&words, keys, ' ');
    for (size_t i = 0; i < words.n; i++)
        assert_true(kiln_key_from_text(words.v[i], &typed[i]));
    switch (kiln_keymap_look(m, contexts, KILN_COUNT(contexts), typed, words.n, &b)) {
    case KILN_KEYMAP_FOUND:
        is = kiln_actions[b->action].word;
        break;
    case KILN_KEYMAP_PREFIX:
        is = "\u2026";
        break;
    case KILN_KEYMAP_NONE:
        break;
    }
    assert_string_equal(is, want);
}

static void test_look(void **state)
{
    static const char text[] = "global q quit\nglobal ctrl-x ctrl-c cancel\nlog q wrap\n"
                               "list g g top\nglobal g run-to\nglobal 1 focus log\n";
    static const char own[] = "log q -\nlist g bottom\nglobal 1 focus builds\n";
    struct kiln_keymap m = { 0 };
    KILN_AUTO_STR problems = { 0 };

    (void)state;
    kiln_keymap_parse(&m, "base.conf", text, strlen(text), &problems);
    check(&m, "q", "wrap");
    check(&m, "ctrl-x", "\u2026");
    check(&m, "ctrl-x ctrl-c", "cancel");
    check(&m, "ctrl-x ctrl-d", "-");
    check(&m, "g", "\u2026");
    check(&m, "g g", "top");
    check(&m, "y", "-");
    kiln_keymap_parse(&m, "keys.conf", own, strlen(own), &problems);
    check(&m, "q", "quit");
    check(&m, "g", "bottom");
    check(&m, "1", "focus");
    assert_string_equal(m.v[m.n - 1].arg, "builds");
    assert_string_equal(kiln_str_cstr(&problems), "");
    kiln_keymap_done(&m);
}

/* The maps that are compiled in have no problems, and everything that needs no argument has a key
 * that every terminal has: no function key, no Alt. */
static void test_built_in(void **state)
{
    static const char *const names[] = { "default", "vim", "emacs" };

    (void)state;
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        struct kiln_keymap m;
        KILN_AUTO_STR problems = { 0 };
        KILN_AUTO_ERR err = { 0 };

        unit_ok(kiln_keymap_load(&m, names[i], &problems, &err), &err);
        assert_string_equal(kiln_str_cstr(&problems), "");
        for (int act = KILN_ACT_NONE + 1; act < KILN_ACT__N; act++) {
            bool plain = act == KILN_ACT_SET; /* wants words */

            for (size_t b = 0; b < m.n && !plain; b++) {
                bool simple = m.v[b].action == (enum kiln_action)act;

                for (size_t k = 0; k < m.v[b].n_keys; k++)
                    simple &=
                        !(m.v[b].keys[k].mods & KILN_MOD_ALT) && m.v[b].keys[k].code < KILN_KEY_F1;
                plain = simple;
            }
            if (!plain)
                fail_msg("%s: no plain key for %s", names[i], kiln_actions[act].word);
        }
        kiln_keymap_done(&m);
    }
}

static void test_files(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_STR problems = { 0 };
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("keymap", &err);
    KILN_AUTO_FREE char *sub = kiln_path_join(dir, "kiln");
    KILN_AUTO_FREE char *own = kiln_path_join(sub, "keys.conf");
    KILN_AUTO_STR want = { 0 };
    struct kiln_keymap m;

    (void)state;
    setenv("XDG_CONFIG_HOME", dir, 1);
    unit_ok(kiln_fs_mkdirs(sub, 0700, &err), &err);
    unit_ok(kiln_fs_write_atomic(own, "global q help\nlog / nope\n", 25, 0600, &err), &err);
    unit_ok(kiln_keymap_load(&m, "vim", &problems, &err), &err);
    kiln_str_addf(&want, "%s:2: no action is called \"nope\"\n", own);
    assert_string_equal(kiln_str_cstr(&problems), want.data);
    check(&m, "q", "help");
    kiln_keymap_done(&m);
    unit_fails(kiln_keymap_load(&m, "emcas", &problems, &err), &err, KILN_ERR_USER,
               "no key map is called \"emcas\"; there are default, vim and emacs, or a file");
    kiln_keymap_done(&m);
    unit_ok(kiln_fs_remove_tree(dir, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
