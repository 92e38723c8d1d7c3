/* The console as a whole, without terminal and run: what is where at which size, what keys send,
 * questions, the command line, and that nothing hostile gets into a cell. */
#include "console_bed.h"

#include "ui/command.h"

#include "ui/term/width.h"

static void start(struct kiln_console *c)
{
    bed_event(c, "{\"type\":\"run-start\",\"text\":\"t.json\",\"names\":[\"debian\",\"alpine\"]}");
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"debian\",\"mono\":1000000}");
    bed_event(c,
              "{\"type\":\"plan\",\"build\":\"debian\",\"names\":[\"stepRun\",\"StepProvision\"]}");
    bed_event(c, "{\"type\":\"plan\",\"build\":\"debian\",\"id\":\"provisioner\","
                 "\"names\":[\"shell\",\"shell\"]}");
    bed_event(c, "{\"type\":\"plan\",\"build\":\"debian\",\"id\":\"post-processor\","
                 "\"names\":[\"manifest\"]}");
    bed_event(c,
              "{\"type\":\"step\",\"build\":\"debian\",\"name\":\"stepRun\",\"from\":\"pending\","
              "\"to\":\"running\",\"mono\":1000000}");
}

#define check_requests(want)                                                                       \
    do {                                                                                           \
        assert_string_equal(kiln_str_cstr(&bed_requests), (want));                                 \
        kiln_str_clear(&bed_requests);                                                             \
    } while (0)

/* ---- layout ---- */

/* No pane overlaps another, a title or the bottom line, and each has room for something. */
static void check_layout(const struct kiln_panes_layout *l, int cols, int rows, bool all)
{
    char *taken = kiln_xcalloc((size_t)cols, (size_t)rows);

    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_rect *r = &l->panes[i];

        if (r->w == 0)
            continue;
        assert_true(r->x >= 0 && r->y >= 1 && r->h >= 1 && r->w >= 20);
        assert_true(r->x + r->w <= cols && r->y + r->h <= rows - 1);
        for (int y = r->y - 1; y < r->y + r->h; y++) {
            for (int x = r->x; x < r->x + r->w; x++) {
                assert_false(taken[y * cols + x]);
                taken[y * cols + x] = 1;
            }
        }
    }
    if (all) {
        assert_true(l->panes[KILN_PANE_BUILDS].w > 0);
        assert_true(l->panes[KILN_PANE_LOG].w > 0 && l->panes[KILN_PANE_LOG].h >= 3);
    }
    free(taken);
}

static void test_layout(void **state)
{
    (void)state;
    for (int cols = KILN_CONSOLE_COLS; cols < 260; cols += 7) {
        for (int rows = KILN_CONSOLE_ROWS; rows < 90; rows += 3) {
            for (int focus = 0; focus < KILN_PANE__N; focus++) {
                for (int v = 0; v < 4; v++) {
                    const struct kiln_layout_want want = {
                        .cols = cols,
                        .rows = rows,
                        .focus = (enum kiln_pane_id)focus,
                        .shared = v & 1 ? KILN_PANE_BOOT : KILN_PANE_SCREEN,
                        .zoom = v == 3,
                        .prompt_rows = v == 2 ? 8 : 0,
                    };
                    struct kiln_panes_layout l;

                    kiln_layout_make(&l, &want);
                    check_layout(&l, cols, rows, !want.zoom && focus != KILN_PANE_HELP);
                }
            }
        }
    }
}

static const struct {
    int cols, rows;
} sizes[] = {
    { 60, 15 }, { 61, 16 }, { 74, 15 }, { 75, 24 }, { 80, 24 }, { 132, 43 }, { 200, 60 }
};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(sizes); i++) {
        struct kiln_console *c = bed_console(sizes[i].cols, sizes[i].rows);

        start(c);
        bed_shows(c, " Builds ");
        bed_shows(c, "debian");
        bed_shows(c, "\u25b8 Run");
        bed_shows(c, " Log ");
        bed_keys(c, "2");
        bed_shows(c, " Boot command ");
        bed_keys(c, "3");
        bed_shows(c, " Screen ");
        bed_keys(c, "z");
        bed_shows_not(c, " Log ");
        bed_keys(c, "z ?");
        bed_shows(c, " Help ");
        bed_keys(c, "q");
        bed_shows(c, " Log ");
        assert_false(c->quit);
        bed_keys(c, "q");
        assert_true(c->quit);
        kiln_console_free(c);
    }
}

static void test_too_small(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    for (int cols = 1; cols < 100; cols += 9) {
        for (int rows = 1; rows < 30; rows += 3) {
            kiln_console_resize(c, cols, rows);
            (void)bed_screen(c);
        }
    }
    kiln_console_resize(c, 59, 24);
    bed_shows(c, "kiln needs 60 x 15; this is 59 x 24");
    kiln_console_free(c);
}

/* ---- what keys send ---- */

static const struct {
    const char *keys, *requests;
} sent[] = {
    { "p", "pause build=debian\n" },
    { "c", "continue build=debian\n" },
    { "n", "next build=debian\n" },
    { "e", "next-element build=debian\n" },
    { "s", "next-key build=debian\n" },
    { "r", "retry build=debian\n" },
    { "x", "skip build=debian\n" },
    { "F", "freeze build=debian\n" },
    { "C", "control build=debian on\n" },
    { "X enter", "" },
    { "X n", "" },
    { "X y", "cancel\n" },
    { "b", "break build=debian text=before:stepRun on\n" },
    { "j j b", "break build=debian text=before:provisioner.1 on\n" },
    { "j j j B", "break build=debian text=after:provisioner.2 on\n" },
    { "j j j j g", "run-to build=debian text=before:post-processor.1\n" },
    { ": b r e a k space k e y : 7 enter", "break build=debian text=key:7 on\n" },
    { ": n e x t enter", "next build=debian\n" },
    { ": r u n - t o space b o o t : e n d enter", "run-to build=debian text=boot:end\n" },
    { ": n e x t esc", "" },
    { "4 g b o o t : 3 enter", "run-to build=debian text=boot:3\n" },
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(sent); i++) {
        struct kiln_console *c = bed_console(80, 24);

        start(c);
        (void)bed_screen(c);
        kiln_str_clear(&bed_requests); /* what panes ask for by themselves */
        bed_keys(c, sent[i].keys);
        if (!kiln_streq(kiln_str_cstr(&bed_requests), sent[i].requests))
            fail_msg("%s: %s", sent[i].keys, kiln_str_cstr(&bed_requests));
        kiln_console_free(c);
    }
}

static void test_toggles(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_event(
        c, "{\"type\":\"breakpoints\",\"build\":\"debian\",\"names\":[\"run\",\"after:shell.2\"]}");
    (void)bed_screen(c);
    kiln_str_clear(&bed_requests);
    bed_keys(c, "b"); /* the way it was written */
    check_requests("break build=debian text=run\n");
    bed_keys(c, "j j j B");
    check_requests("break build=debian text=after:shell.2\n");
    bed_event(c, "{\"type\":\"breakpoints\",\"build\":\"debian\",\"names\":[\"before:stepRun\","
                 "\"before:provisioner.1\",\"boot:3\"]}");
    bed_keys(c, ": b r e a k space r u n enter");
    bed_keys(c, ": b r e a k space s h e l l enter");
    bed_keys(c, ": b r e a k space s h e l l . 2 enter");
    bed_keys(c, ": b r e a k space b o o t : 3 enter");
    check_requests("break build=debian text=run\nbreak build=debian text=shell\n"
                   "break build=debian text=shell.2 on\nbreak build=debian text=boot:3\n");
    bed_event(c, "{\"type\":\"stop\",\"build\":\"debian\",\"name\":\"pause\",\"id\":\"stepRun\","
                 "\"status\":1,\"names\":[\"continue\"]}");
    bed_keys(c, "p F");
    check_requests("continue build=debian\nthaw build=debian\n");
    kiln_console_free(c);
}

static bool refuse(const struct kiln_request *req, kiln_reply_fn *fn, void *ud)
{
    const struct kiln_reply no = { .error = "another client has the controls", .fd = -1 };

    (void)req;
    if (fn)
        fn(ud, &no);
    return true;
}

/* It is not said to be cancelled if it is not. */
static void test_cancel(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_keys(c, "X y");
    bed_shows(c, "cancelling");
    bed_answer = refuse;
    bed_keys(c, "X y");
    bed_answer = NULL;
    bed_shows_not(c, "cancelling");
    bed_shows(c, "another client has the controls");
    kiln_console_free(c);
}

/* How the run ended is not hidden by a command that was under way. */
static void test_end(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_event(c, "{\"type\":\"run-end\",\"status\":0}");
    bed_answer = refuse;
    bed_keys(c, "p");
    bed_shows(c, "the run is over: done");
    kiln_console_handler.end(c, NULL);
    bed_keys(c, "p");
    bed_answer = NULL;
    bed_shows(c, "another client has the controls");
    kiln_console_free(c);
}

/* What comes into sight above the cursor does not put it on another step. */
static void test_cursor_stays(void **state)
{
    struct kiln_console *c = bed_console(160, 30);

    (void)state;
    start(c);
    (void)bed_screen(c);
    bed_keys(c, "down down");
    bed_event(c,
              "{\"type\":\"progress\",\"build\":\"debian\",\"name\":\"x\",\"done\":1,\"total\":2}");
    (void)bed_screen(c);
    kiln_str_clear(&bed_requests);
    bed_keys(c, "b");
    check_requests("break build=debian text=before:provisioner.1 on\n");
    kiln_console_free(c);
}

/* The controls are taken at the start if nobody has them; else not. */
static void test_controls(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    kiln_console_handler.controls(c, "none");
    check_requests("control on\n");
    kiln_console_handler.controls(c, "you");
    bed_shows(c, "controls: you");
    kiln_console_handler.controls(c, "none");
    check_requests("");
    kiln_console_free(c);

    c = bed_console(80, 24);
    kiln_console_handler.controls(c, "other");
    check_requests("");
    bed_shows(c, "another console holds the controls");
    kiln_console_free(c);
}

/* ---- questions ---- */

#define ASK                                                                                        \
    "{\"type\":\"prompt\",\"build\":\"debian\",\"index\":4,\"text\":\"What now?\","                \
    "\"names\":[\"clean up\",\"abort\",\"retry\"]}"

static void test_question(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_keys(c, "4");
    bed_event(c, ASK);
    bed_shows(c, "What now?");
    bed_shows(c, "[clean up]  [abort]  [retry]");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "enter"); /* the first that does no harm */
    check_requests("answer build=debian text=retry number=4\n");
    bed_keys(c, "left enter enter");
    check_requests("");
    bed_keys(c, "left enter y");
    check_requests("answer build=debian text=clean up number=4\n");
    bed_event(c, "{\"type\":\"prompt-end\",\"build\":\"debian\",\"index\":4}");
    bed_shows_not(c, "What now?");
    assert_int_equal(c->focus, KILN_PANE_LOG); /* where it was */
    kiln_console_free(c);
}

/* However the keys are bound: help says so. */
static void test_help_closes(void **state)
{
    static const char *const maps[] = { "default", "vim", "emacs" };
    static const char *const keys[] = { "q", "esc", "?" };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(maps) * KILN_COUNT(keys); i++) {
        struct kiln_console *c = bed_console(80, 24);
        KILN_AUTO_FREE char *line = kiln_xasprintf("set keymap %s", maps[i / KILN_COUNT(keys)]);

        kiln_command_run(c, line);
        bed_keys(c, "?");
        bed_shows(c, "closes this");
        bed_keys(c, keys[i % KILN_COUNT(keys)]);
        bed_shows_not(c, "closes this");
        assert_false(c->quit);
        kiln_console_free(c);
    }
}

/* Of a key that two panes have for the same. */
static void test_help_tells_once(void **state)
{
    struct kiln_console *c = bed_console(100, 200);

    (void)state;
    bed_keys(c, "?");
    bed_shows(c, "search REGEX");
    bed_shows_not(c, "/, /");
    kiln_console_free(c);
}

/* A question comes, or goes, while help is shown. */
static void test_help_and_question(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_keys(c, "4 ?");
    bed_event(c, ASK);
    assert_int_equal(c->focus, KILN_PANE_PROMPT);
    bed_event(c, "{\"type\":\"prompt-end\",\"build\":\"debian\",\"index\":4}");
    assert_int_equal(c->focus, KILN_PANE_LOG);
    bed_event(c, ASK);
    bed_keys(c, "?");
    bed_event(c, "{\"type\":\"prompt-end\",\"build\":\"debian\",\"index\":4}");
    bed_shows(c, "closes this");
    bed_keys(c, "q");
    assert_int_equal(c->focus, KILN_PANE_LOG);
    bed_keys(c, "q");
    assert_true(c->quit);
    kiln_console_free(c);
}

/* Who only watches is told so, however much else there is to say. */
static void test_watching(void **state)
{
    struct kiln_console *c = bed_console(60, 15);

    (void)state;
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"a\",\"mono\":1}");
    bed_event(c, "{\"type\":\"stop\",\"build\":\"a\",\"name\":\"pause\",\"id\":\"x\",\"text\":"
                 "\"a text that is so long that it fills the whole line at the bottom\"}");
    kiln_console_handler.controls(c, "you");
    bed_shows(c, "so long that it fills");
    bed_shows_not(c, "controls: you");
    kiln_console_handler.controls(c, "other");
    kiln_console_say_nothing(c);
    bed_shows(c, "  watching (controls: other)\n");
    kiln_console_free(c);
}

/* Of two that ask, the one that one is about to answer stays the one. */
static void test_two_questions(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    bed_event(c, "{\"type\":\"run-start\",\"names\":[\"a\",\"b\"]}");
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"a\",\"mono\":1}");
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"b\",\"mono\":1}");
    assert_string_equal(c->build, "a");
    bed_event(c, "{\"type\":\"prompt\",\"build\":\"b\",\"index\":1,\"text\":\"b?\","
                 "\"names\":[\"abort\",\"retry\"]}");
    assert_int_equal(c->focus, KILN_PANE_PROMPT);
    assert_string_equal(c->build, "b"); /* keys of the build are for this one */
    bed_shows(c, " b ─\n");
    bed_event(c, "{\"type\":\"prompt\",\"build\":\"a\",\"index\":7,\"text\":\"a?\"}");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "enter");
    check_requests("answer build=b text=retry number=1\n");
    bed_keys(c, "up up");
    assert_string_equal(c->build, "a");
    bed_shows(c, " a ─\n");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "enter");
    check_requests("answer build=a text= number=7\n");
    bed_event(c, "{\"type\":\"prompt-end\",\"build\":\"a\",\"index\":7}");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "enter"); /* what it was on is gone: the first that does no harm */
    check_requests("answer build=b text=retry number=1\n");
    kiln_console_free(c);
}

/* A line that is asked for is typed in the pane; a secret one shows as stars and is nowhere else.
 */
static void test_typed_answers(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_event(c, "{\"type\":\"prompt\",\"build\":\"debian\",\"index\":4,\"to\":\"secret\","
                 "\"text\":\"Password:\"}");
    assert_int_equal(c->focus, KILN_PANE_PROMPT);
    kiln_str_clear(&bed_requests);
    bed_keys(c, "q : 4 x backspace left p");
    bed_shows(c, " > ****\n");
    bed_shows_not(c, "q:");
    bed_keys(c, "enter");
    check_requests("answer build=debian text=q:p4 number=4\n");
    bed_shows_not(c, "*");
    bed_keys(c, "up down"); /* no history */
    bed_shows_not(c, "*");
    bed_keys(c, "a b");
    kiln_console_paste(c, "pasted\n", 7);
    bed_shows(c, " > ********\n");
    bed_keys(c, "esc enter");
    check_requests("answer build=debian text= number=4\n");
    bed_keys(c, "z");
    bed_event(c, "{\"type\":\"prompt-end\",\"build\":\"debian\",\"index\":4}");
    bed_event(c, "{\"type\":\"prompt\",\"build\":\"debian\",\"index\":5,\"to\":\"text\","
                 "\"text\":\"Token:\"}");
    bed_keys(c, "1 2");
    bed_shows(c, " > 12\n");
    bed_keys(c, "tab");
    assert_int_not_equal(c->focus, KILN_PANE_PROMPT);
    bed_keys(c, "3");
    kiln_console_focus(c, KILN_PANE_PROMPT);
    kiln_str_clear(&bed_requests);
    bed_keys(c, "enter");
    check_requests("answer build=debian text=12 number=5\n");
    kiln_console_free(c);
}

/* q asks, unless the edit is somewhere else, too. */
static void test_leave(void **state)
{
    struct kiln_console *c = bed_console(130, 24);

    (void)state;
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"a\",\"mono\":1}");
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"a\",\"names\":[\"x\"],\"text\":\"x\"}");
    bed_keys(c, "2 enter X esc q enter");
    assert_false(c->quit);
    bed_keys(c, "W q");
    assert_true(c->quit);
    c->quit = false;
    bed_keys(c, "enter Y esc : q u i t enter");
    bed_shows(c, "Leave, and lose the edited boot command? (y/N)");
    bed_keys(c, "y");
    assert_true(c->quit);
    kiln_console_free(c);
}

static kiln_reply_fn *late_fn;
static void *late_ud;

static bool answer_later(const struct kiln_request *req, kiln_reply_fn *fn, void *ud)
{
    if (!kiln_streq(req->command, "edit"))
        return false;
    late_fn = fn;
    late_ud = ud;
    return true;
}

/* What is typed between `apply` and the reply is not lost with it. */
static void test_edit_while_applying(void **state)
{
    const struct kiln_reply ok = { .ok = true, .fd = -1 };
    struct kiln_console *c = bed_console(130, 24);

    (void)state;
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"a\",\"mono\":1}");
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"a\",\"names\":[\"x\"],\"text\":\"x\"}");
    bed_answer = answer_later;
    bed_keys(c, "2 enter Y esc a enter Z");
    bed_answer = NULL;
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"a\",\"names\":[\"Yx\"],\"text\":\"Yx\"}");
    late_fn(late_ud, &ok);
    bed_shows(c, "1 YZx");
    bed_keys(c, "esc");
    bed_shows(c, " edited ─");
    kiln_console_free(c);
}

/* Keys that are meant for the guest, or for the boot command, answer nothing. */
static void test_question_while_typing(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"a\",\"mono\":1}");
    bed_event(c, "{\"type\":\"plan\",\"build\":\"a\",\"names\":[\"stepTypeBootCommand\"]}");
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"a\",\"names\":[\"x\"],\"text\":\"x\"}");
    bed_keys(c, "2 i");
    bed_event(c, "{\"type\":\"prompt\",\"build\":\"a\",\"index\":1,\"name\":\"mind the gap\","
                 "\"text\":\"Press enter\"}");
    assert_int_equal(c->focus, KILN_PANE_BOOT);
    bed_shows(c, "a asks something");
    bed_shows(c, "mind the gap");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "c");
    bed_shows(c, "1 cx");
    assert_null(strstr(kiln_str_cstr(&bed_requests), "answer"));
    bed_keys(c, "esc 5 enter");
    assert_non_null(strstr(kiln_str_cstr(&bed_requests), "answer build=a text= number=1\n"));
    kiln_console_free(c);
}

/* The question is void while "really?" is asked: y answers nothing. */
static void test_question_goes_away(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_event(c, ASK);
    (void)bed_screen(c);
    bed_keys(c, "left left enter");
    bed_shows(c, "really clean up?");
    bed_event(c, "{\"type\":\"prompt-end\",\"build\":\"debian\",\"index\":4}");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "y");
    check_requests("");
    kiln_console_free(c);
}

static void test_only_destructive(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_event(c, "{\"type\":\"prompt\",\"build\":\"debian\",\"index\":1,\"text\":\"?\","
                 "\"names\":[\"abort\",\"delete it\"]}");
    (void)bed_screen(c);
    kiln_str_clear(&bed_requests);
    bed_keys(c, "enter y enter y");
    check_requests("");
    kiln_console_free(c);
}

static void test_stop(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_event(c, "{\"type\":\"stop\",\"build\":\"debian\",\"name\":\"breakpoint\",\"id\":\"x\","
                 "\"text\":\"before stepRun\",\"names\":[\"continue\",\"skip\",\"run-to\"]}");
    bed_shows(c, "before stepRun");
    assert_int_equal(c->focus, KILN_PANE_BUILDS); /* who steps stays where he is */
    kiln_str_clear(&bed_requests);
    bed_keys(c, "5 enter");
    check_requests("continue build=debian\n");
    bed_keys(c, "right enter n");
    check_requests("");
    bed_keys(c, "right enter r u n enter");
    check_requests("run-to build=debian text=run\n");
    bed_event(c, "{\"type\":\"resume\",\"build\":\"debian\"}");
    bed_shows_not(c, "before stepRun");
    kiln_console_free(c);
}

/* Choices to which more than their word belongs, of a build that is not the shown one. */
static void test_stop_choices(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    bed_event(c, "{\"type\":\"run-start\",\"names\":[\"a\",\"b\"]}");
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"a\",\"mono\":1}");
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"b\",\"mono\":1}");
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"b\",\"names\":[\"x\"],\"text\":\"x\"}");
    bed_event(c, "{\"type\":\"stop\",\"build\":\"b\",\"name\":\"pause\",\"id\":\"x\","
                 "\"names\":[\"shell\",\"run-to\",\"edit\",\"retype\"]}");
    (void)bed_screen(c);
    bed_keys(c, "5");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "enter");
    assert_non_null(strstr(kiln_str_cstr(&bed_requests), "shell build=b text="));
    kiln_console_show_build(c, "a");
    bed_keys(c, "right enter k e y : 3 enter");
    assert_non_null(strstr(kiln_str_cstr(&bed_requests), "run-to build=b text=key:3\n"));
    bed_keys(c, "right enter Y esc");
    assert_int_equal(c->focus, KILN_PANE_BOOT);
    bed_shows(c, "1 Yx");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "5 right enter");
    check_requests("retype build=b [Yx]\n");
    kiln_console_free(c);
}

/* ---- command line ---- */

static void test_completion(void **state)
{
    struct kiln_console *c = bed_console(80, 24);

    (void)state;
    start(c);
    bed_keys(c, ": f o c tab");
    bed_shows(c, "\n:focus\n");
    bed_keys(c, "tab tab");
    bed_shows(c, "\n:focus-previous\n");
    bed_keys(c, "shift-tab");
    bed_shows(c, "\n:focus-next\n");
    bed_keys(c, "ctrl-u f o c u s space s c tab");
    bed_shows(c, "\n:focus screen\n");
    bed_keys(c, "ctrl-u b r e a k space s h tab");
    bed_shows(c, "\n:break shell\n");
    bed_keys(c, "ctrl-u b r e a k space a f t e r : s t e p R tab");
    bed_shows(c, "\n:break after:stepRun\n");
    bed_keys(c, "esc : n o n s e n s e enter");
    bed_shows(c, "no command is called \"nonsense\"");
    bed_keys(c, ": q u i t space n o w enter");
    bed_shows(c, "quit takes no argument");
    assert_false(c->quit);
    bed_keys(c, ": up up");
    bed_shows(c, "\n:nonsense\n");
    bed_keys(c, "down down");
    bed_shows(c, "\n:\n");
    kiln_console_paste(c, "q\nuit\n", 6); /* runs nothing */
    bed_shows(c, "\n:q uit\n");
    kiln_console_free(c);
}

/* ---- the ladder ---- */

#define RUNG(index, name, to, text)                                                                \
    "{\"type\":\"rung\",\"build\":\"debian\",\"index\":" #index ",\"name\":\"" name                \
    "\",\"to\":\"" to "\",\"text\":\"" text "\"}"

/* While the guest is waited for: the last rung that holds, the next, and what does not hold below.
 */
static void test_ladder(void **state)
{
    struct kiln_console *c = bed_console(160, 30);

    (void)state;
    start(c);
    bed_event(c, RUNG(0, "vm", "holds", "running"));
    bed_event(c, RUNG(1, "screen", "holds", "720x400"));
    bed_event(c, RUNG(2, "answer-file", "waiting", "GET /b: 404"));
    bed_event(c, RUNG(3, "address", "holds", "it asked"));
    bed_event(c, RUNG(4, "port", "unknown", "QEMU's"));
    bed_event(c, RUNG(6, "banner", "waiting", ""));
    bed_event(c, RUNG(7, "host-key", "waiting", ""));
    bed_shows_not(c, "answer-file");
    bed_event(c, "{\"type\":\"step\",\"build\":\"debian\",\"name\":\"StepConnect\",\"from\":"
                 "\"pending\",\"to\":\"running\",\"mono\":1000000}");
    bed_shows(c, "\u25cb answer-file GET /b: 404");
    bed_shows(c, "\u2713 address it asked");
    bed_shows(c, "? port QEMU's");
    bed_shows(c, "\u25cb banner");
    bed_shows_not(c, "host-key");
    bed_shows_not(c, "720x400");
    bed_event(c, RUNG(6, "banner", "holds", "SSH-2.0-x"));
    bed_shows(c, "\u2713 banner SSH-2.0-x");
    bed_shows_not(c, "address");
    bed_shows(c, "\u25cb host-key");
    bed_event(c, "{\"type\":\"step\",\"build\":\"debian\",\"name\":\"StepConnect\",\"from\":"
                 "\"running\",\"to\":\"done\",\"mono\":2000000}");
    bed_shows_not(c, "banner");
    kiln_console_free(c);
}

/* ---- hostile text in every place ---- */

#define EVIL "x\\u001b[2J\\u001b]0;t\\u0007\\u009b2J\\b\\r\\u202e"

static const char *const hostile[] = {
    "{\"type\":\"run-start\",\"text\":\"" EVIL "\",\"names\":[\"" EVIL "\"]}",
    "{\"type\":\"build-start\",\"build\":\"b" EVIL "\",\"mono\":1}",
    "{\"type\":\"plan\",\"build\":\"b" EVIL "\",\"names\":[\"" EVIL "\",\"step" EVIL "\"]}",
    "{\"type\":\"plan\",\"build\":\"b" EVIL "\",\"id\":\"provisioner\",\"names\":[\"" EVIL "\"]}",
    "{\"type\":\"step\",\"build\":\"b" EVIL "\",\"name\":\"s" EVIL "\",\"to\":\"running\"}",
    "{\"type\":\"progress\",\"build\":\"b" EVIL "\",\"name\":\"" EVIL "\",\"done\":5,\"total\":9}",
    "{\"type\":\"breakpoints\",\"build\":\"b" EVIL "\",\"names\":[\"" EVIL "\"]}",
    "{\"type\":\"step\",\"build\":\"b" EVIL "\",\"index\":1,\"name\":\"StepConnect\","
    "\"to\":\"running\"}",
    "{\"type\":\"rung\",\"build\":\"b" EVIL "\",\"name\":\"" EVIL "\",\"text\":\"" EVIL "\"}",
    "{\"type\":\"boot-plan\",\"build\":\"b" EVIL "\",\"names\":[\"" EVIL "\"],\"text\":\"" EVIL
    "\"}",
    "{\"type\":\"key\",\"build\":\"b" EVIL "\",\"name\":\"" EVIL "\",\"index\":1}",
    "{\"type\":\"prompt\",\"build\":\"b" EVIL "\",\"index\":1,\"text\":\"" EVIL "\","
    "\"names\":[\"" EVIL "\"]}",
    "{\"type\":\"stop\",\"build\":\"" EVIL "\",\"name\":\"" EVIL "\",\"id\":\"" EVIL "\","
    "\"text\":\"" EVIL "\",\"names\":[\"" EVIL "\"]}",
    "{\"type\":\"artifact\",\"build\":\"b" EVIL "\",\"text\":\"" EVIL "\"}",
    "{\"type\":\"build-end\",\"build\":\"b" EVIL "\",\"status\":1,\"text\":\"" EVIL "\"}",
    "{\"type\":\"run-end\",\"status\":1}",
};

static void check_cells(struct kiln_console *c)
{
    (void)bed_screen(c);
    for (int i = 0; i < c->canvas.cols * c->canvas.rows; i++) {
        uint32_t ch = c->canvas.cells[i].ch;

        assert_true(ch == 0 || (!kiln_char_is_control(ch) && kiln_char_width(ch) > 0));
    }
}

static void test_hostile(void **state)
{
    (void)state;
    for (int zoom = -1; zoom < KILN_PANE__N; zoom++) {
        struct kiln_console *c = bed_console(120, 40);

        for (size_t i = 0; i < KILN_COUNT(hostile); i++) {
            bed_event(c, hostile[i]);
            if (zoom >= 0) {
                kiln_console_focus(c, (enum kiln_pane_id)zoom);
                c->zoom = true;
            }
            check_cells(c);
        }
        kiln_console_say(c, "a\033[2Jb");
        check_cells(c);
        kiln_console_command_line(c, "a\033[2Jb\x9b");
        check_cells(c);
        kiln_console_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_toggles),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_cursor_stays),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_question_while_typing),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_edit_while_applying),
        cmocka_unit_test(test_watching),
        cmocka_unit_test(test_two_questions),
        cmocka_unit_test(test_typed_answers),
        cmocka_unit_test(test_help_closes),
        cmocka_unit_test(test_help_and_question),
        cmocka_unit_test(test_help_tells_once),
        cmocka_unit_test(test_question_goes_away),
        cmocka_unit_test(test_only_destructive),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_choices),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_ladder),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
