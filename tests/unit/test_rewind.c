/* Going back to a step, as the story that the steps tell. B allows it; C is where people ask for
 * it. */
#include "engine/rewind.h"

#include "base/clock.h"
#include "engine_fixture.h"

enum where { NOWHERE, IN_B, IN_C, AT_THE_QUESTION, TOO_LATE, JUST_IN_TIME };

struct script {
    enum where where;
    int times;         /* how often they ask */
    bool then_cancel;  /* Ctrl-C as well */
    const char *heard; /* what the last one was told; NULL: fine */
    struct fixture *f;
};

static void ask(struct script *s)
{
    KILN_AUTO_ERR err = { 0 };

    if (s->times-- <= 0)
        return;
    s->heard = kiln_rewind_ask(&s->f->b, &err) ? NULL : "refused";
    if (s->then_cancel)
        kiln_cancel_fire(s->f->own);
}

static bool run_a(void *state, struct kiln_build *b, struct kiln_err *err)
{
    (void)state, (void)err;
    kiln_say(b, "run A");
    return true;
}

static bool run_b(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct script *s = state;

    kiln_say(b, "run B");
    kiln_rewind_allow(b, "stepB", "again");
    kiln_rewind_allow(b, "stepB", "again");
    if (s->where == IN_B)
        ask(s);
    return kiln_wait_us(b->cancel, 0, err);
}

static bool run_c(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct script *s = state;
    bool late;

    kiln_say(b, "run C");
    if (s->where == IN_C || s->where == JUST_IN_TIME)
        ask(s);
    if (s->where == AT_THE_QUESTION && s->times > 0)
        return kiln_err_set(err, KILN_ERR_REMOTE, "C broke");
    if (s->where == IN_C && !kiln_wait_us(b->cancel, 0, err))
        return false;
    late = s->where == TOO_LATE || s->where == JUST_IN_TIME;
    if (late && kiln_rewind_forbid(b))
        kiln_say(b, "no way back");
    if (s->where == TOO_LATE)
        ask(s);
    return true;
}

static void clean(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    static const char *const names[] = { "ok", "failed", "cancelled" };

    (void)state;
    assert_false(kiln_cancel_fired(b->cancel));
    kiln_say(b, "clean %s", names[outcome]);
}

static const struct kiln_step_ops step_a = { "stepA", run_a, NULL, false };
static const struct kiln_step_ops step_b = { "stepB", run_b, NULL, false };
static const struct kiln_step_ops step_c = { "stepC", run_c, clean, false };
static const struct kiln_step_ops *const steps[] = { &step_a, NULL, &step_b, &step_c };

static struct script *asked_at_question; /* a prompter has no room of its own */
static int withdrawn;

static bool ask_at_question(struct kiln_prompter *p, struct kiln_build *b,
                            const struct kiln_prompt *q, char **ret, struct kiln_err *err)
{
    (void)p, (void)q, (void)ret;
    kiln_say(b, "?");
    ask(asked_at_question);
    return kiln_err_set(err, KILN_ERR_USER, KILN_NOBODY_TO_ASK);
}

static void answer(struct kiln_prompter *p, const char *text)
{
    (void)p;
    assert_null(text);
    withdrawn++;
}

static const struct row {
    struct script script;
    const char *story, *heard;
    enum kiln_err_kind kind;
} rows[] = {
    { { .where = NOWHERE }, "run A|run B|run C|clean ok|", NULL, KILN_ERR_NONE },
    { { .where = IN_C, .times = 2 },
      "run A|run B|run C|clean ok|run B|run C|clean ok|run B|run C|clean ok|",
      NULL,
      KILN_ERR_NONE },
    { { .where = IN_B, .times = 1 }, "run A|run B|run B|run C|clean ok|", NULL, KILN_ERR_NONE },
    { { .where = AT_THE_QUESTION, .times = 1 },
      "run A|run B|run C|C broke|Step \"stepC\" failed|?|clean ok|run B|run C|clean ok|",
      NULL,
      KILN_ERR_NONE },
    { { .where = TOO_LATE, .times = 1 },
      "run A|run B|run C|no way back|clean ok|",
      "refused",
      KILN_ERR_NONE },
    { { .where = JUST_IN_TIME, .times = 1 },
      "run A|run B|run C|clean ok|run B|run C|no way back|clean ok|",
      NULL,
      KILN_ERR_NONE },
    { { .where = IN_C, .times = 1, .then_cancel = true },
      "run A|run B|run C|clean ok|",
      NULL,
      KILN_ERR_CANCELLED },
};

/* Lines only, with bars between them. */
static char *lines_of(struct fixture *f)
{
    KILN_AUTO_FREE char *story = fixture_story(f);
    struct kiln_str out = { 0 };
    KILN_AUTO_STRV lines = { 0 };

    kiln_strv_split(&lines, story, '\n');
    KILN_STRV_FOREACH (line, &lines) {
        if (line[0] == '[')
            kiln_str_addf(&out, "%s|", strchr(line, ']') + 2);
    }
    return kiln_str_steal(&out);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct script script = rows[i].script;
        KILN_AUTO_FREE char *story = NULL;
        KILN_AUTO_ERR err = { 0 };
        struct kiln_rewind *rewind;
        FIXTURE f;

        fixture_init(&f);
        f.options =
            (struct kiln_build_options){ .on_error = KILN_ON_ERROR_ASK, .interactive = true };
        f.prompter = (struct kiln_prompter){ ask_at_question, answer };
        f.b.rewind = rewind = kiln_rewind_new(&f.b);
        asked_at_question = &script;
        withdrawn = 0;
        script.f = &f;
        (void)kiln_steps_run(steps, KILN_COUNT(steps), &script, &f.b, &err);
        story = lines_of(&f);
        if (strcmp(story, rows[i].story) != 0)
            print_error("row %zu\n", i);
        assert_string_equal(story, rows[i].story);
        assert_int_equal(err.kind, rows[i].kind);
        assert_true(kiln_streq(script.heard, rows[i].heard));
        assert_int_equal(withdrawn, rows[i].heard ? 0 : rows[i].script.times);
        assert_ptr_equal(f.b.cancel, f.own);
        assert_null(kiln_rewind_take(&f.b));
        kiln_rewind_free(rewind);
    }
}

/* A build without one: tests of parts, and builders that never allow it. */
static void test_none(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    kiln_rewind_allow(&f.b, "stepB", "again");
    assert_ptr_equal(f.b.cancel, f.own);
    assert_false(kiln_rewind_ask(&f.b, &err));
    assert_int_equal(err.kind, KILN_ERR_USER);
    assert_true(kiln_rewind_forbid(&f.b));
    assert_false(kiln_rewind_asked(&f.b));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
