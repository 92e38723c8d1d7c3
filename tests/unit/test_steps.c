/* The step runner: order, cleanup, cancellation, -on-error, -debug; each as the story it tells. */
#include "base/clock.h"
#include "engine_fixture.h"

/* What the fake steps share. A step is named A, B, C …; its letter says what happens in it. */
struct script {
    struct fixture *f;
    const char *fails;       /* letters of steps that fail, each as often as it stands there */
    char cancels;            /* the step in which somebody presses Ctrl-C */
    const char *bad_cleanup; /* text that B's cleanup leaves as the error, or NULL */
    char used[8];            /* failures that happened */
};

static bool step_fails(struct script *s, char letter)
{
    size_t want = 0;

    for (const char *p = s->fails; p && *p; p++)
        want += *p == letter;
    return (size_t)s->used[letter - 'A']++ < want;
}

static bool run_letter(void *state, struct kiln_build *b, char letter, struct kiln_err *err)
{
    struct script *s = state;

    kiln_say(b, "run %c", letter);
    if (s->cancels == letter) {
        kiln_cancel_fire(b->cancel);
        if (step_fails(s, letter))
            return kiln_err_set(err, KILN_ERR_CANCELLED, "wait for guest: cancelled");
        return true;
    }
    if (step_fails(s, letter))
        return kiln_err_set(err, KILN_ERR_REMOTE, "%c broke (%d)", letter, s->used[letter - 'A']);
    return true;
}

static void clean_letter(void *state, struct kiln_build *b, char letter, enum kiln_outcome outcome)
{
    static const char *const names[] = { "ok", "failed", "cancelled" };
    struct script *s = state;
    const char *error = kiln_steps_error(b);

    assert_false(kiln_cancel_fired(b->cancel)); /* a cleanup can always wait */
    kiln_say(b, "clean %c %s%s%s", letter, names[outcome], error ? ": " : "", error ? error : "");
    if (letter == 'B' && s->bad_cleanup)
        kiln_steps_set_error(b, s->bad_cleanup);
}

#define STEP(X, ...)                                                                               \
    static bool run_##X(void *state, struct kiln_build *b, struct kiln_err *err)                   \
    {                                                                                              \
        return run_letter(state, b, #X[0], err);                                                   \
    }                                                                                              \
    static void clean_##X(void *state, struct kiln_build *b, enum kiln_outcome outcome)            \
    {                                                                                              \
        clean_letter(state, b, #X[0], outcome);                                                    \
    }                                                                                              \
    static const struct kiln_step_ops step_##X = {                                                 \
        .name = "step" #X, .run = run_##X, .cleanup = clean_##X, __VA_ARGS__                       \
    }
STEP(A, .provisions = false);
STEP(B, .provisions = true);
STEP(C, .provisions = false);

/* A step list may have holes. */
static const struct kiln_step_ops *const abc[] = { &step_A, NULL, &step_B, &step_C };

struct row {
    const char *name;
    struct script script;
    enum kiln_on_error on_error;
    bool debug, alone;
    const char *answers[8];
    const char *story; /* without STEP events */
    const char *error; /* NULL: all went well */
    enum kiln_err_kind kind;
};

static void strip_steps(char *story)
{
    char *to = story;

    for (char *p = story, *nl; (nl = strchr(p, '\n')); p = nl + 1) {
        if (kiln_has_prefix(p, "step "))
            continue;
        memmove(to, p, (size_t)(nl + 1 - p));
        to += nl + 1 - p;
    }
    *to = '\0';
}

static void check_row(const struct row *row)
{
    KILN_AUTO_FREE char *story = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct script script = row->script;
    struct kiln_cancel *own;
    FIXTURE f;
    bool ok;

    fixture_init(&f);
    own = f.b.cancel;
    f.options = (struct kiln_build_options){ .debug = row->debug,
                                             .on_error = row->on_error,
                                             .interactive = !row->alone };
    f.answers = row->answers;
    script.f = &f;
    ok = kiln_steps_run(abc, KILN_COUNT(abc), &script, &f.b, &err);
    story = fixture_story(&f);
    strip_steps(story);
    if (strcmp(story, row->story) != 0)
        print_error("row \"%s\"\n", row->name);
    assert_string_equal(story, row->story);
    assert_int_equal(ok, !row->error);
    if (row->error)
        assert_string_equal(kiln_err_text(&err), row->error);
    assert_int_equal(err.kind, row->kind);
    assert_ptr_equal(f.b.cancel, own);
    assert_null(f.b.steps);
    assert_null(kiln_steps_error(&f.b));
}

#define ASK         "ask \"[c] Clean up and exit, [a] abort without cleanup, or [r] retry step?\" -> "
#define PAUSE(name) "ask \"Pausing after run of step '" name "'. Press enter to continue.\" -> \n"
#define PAUSE_CLEAN(name)                                                                          \
    "ask \"Pausing before cleanup of step '" name "'. Press enter to continue.\" -> \n"

static const struct row rows[] = {
    { .name = "all well",
      .story = "[say] run A\n[say] run B\n[say] run C\n"
               "[say] clean C ok\n[say] clean B ok\n[say] clean A ok\n" },
    { .name = "one fails",
      .script = { .fails = "B" },
      .story = "[say] run A\n[say] run B\n"
               "[say] clean B failed: B broke (1)\n[say] clean A failed: B broke (1)\n",
      .error = "B broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "a cleanup that has something to say",
      .script = { .fails = "C", .bad_cleanup = "worse" },
      .story = "[say] run A\n[say] run B\n[say] run C\n[say] clean C failed: C broke (1)\n"
               "[say] clean B failed: C broke (1)\n[say] clean A failed: worse\n",
      .error = "worse",
      .kind = KILN_ERR_REMOTE },
    { .name = "cancelled, the step ends well",
      .script = { .cancels = 'B' },
      .story = "[say] run A\n[say] run B\n[say] clean B cancelled\n[say] clean A cancelled\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },
    { .name = "cancelled, the step fails of it",
      .script = { .cancels = 'B', .fails = "B" },
      .story = "[say] run A\n[say] run B\n[say] clean B cancelled\n[say] clean A cancelled\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },
    { .name = "cancelled in the last step",
      .script = { .cancels = 'C' },
      .story = "[say] run A\n[say] run B\n[say] run C\n[say] clean C cancelled\n"
               "[say] clean B cancelled\n[say] clean A cancelled\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },

    { .name = "abort",
      .on_error = KILN_ON_ERROR_ABORT,
      .script = { .fails = "C" },
      .story = "[say] run A\n[say] run B\n[say] run C\n[error] C broke (1)\n"
               "[error] Step \"stepC\" failed, aborting...\n"
               "[error] aborted: skipping cleanup of step \"stepB\"\n"
               "[error] aborted: skipping cleanup of step \"stepA\"\n",
      .error = "C broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "abort when all is well",
      .on_error = KILN_ON_ERROR_ABORT,
      .story = "[say] run A\n[say] run B\n[say] run C\n"
               "[say] clean C ok\n[say] clean B ok\n[say] clean A ok\n" },
    { .name = "abort when cancelled",
      .on_error = KILN_ON_ERROR_ABORT,
      .script = { .cancels = 'B' },
      .story = "[say] run A\n[say] run B\n[error] Interrupted, aborting...\n"
               "[error] aborted: skipping cleanup of step \"stepA\"\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },
    { .name = "run-cleanup-provisioner, the step itself",
      .on_error = KILN_ON_ERROR_RUN_CLEANUP_PROVISIONER,
      .script = { .fails = "B" },
      .story = "[say] run A\n[say] run B\n[say] clean B failed: B broke (1)\n"
               "[error] B broke (1)\n[error] Step \"stepA\" failed, aborting...\n",
      .error = "B broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "run-cleanup-provisioner, a later step",
      .on_error = KILN_ON_ERROR_RUN_CLEANUP_PROVISIONER,
      .script = { .fails = "C" },
      .story = "[say] run A\n[say] run B\n[say] run C\n[error] C broke (1)\n"
               "[error] Step \"stepC\" failed, aborting...\n"
               "[say] clean B failed: C broke (1)\n"
               "[error] aborted: skipping cleanup of step \"stepA\"\n",
      .error = "C broke (1)",
      .kind = KILN_ERR_REMOTE },

    { .name = "ask, clean up",
      .on_error = KILN_ON_ERROR_ASK,
      .script = { .fails = "A" },
      .answers = { "Clean" },
      .story = "[say] run A\n[error] A broke (1)\n[say] Step \"stepA\" failed\n" ASK "Clean\n"
               "[say] clean A failed: A broke (1)\n",
      .error = "A broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "ask, Enter and nonsense ask again",
      .on_error = KILN_ON_ERROR_ASK,
      .script = { .fails = "A" },
      .answers = { "", "x\"y", "c" },
      .story = "[say] run A\n[error] A broke (1)\n[say] Step \"stepA\" failed\n" ASK "\n" ASK
               "x\"y\n[say] Incorrect input: \"x\\\"y\"\n" ASK "c\n"
               "[say] clean A failed: A broke (1)\n",
      .error = "A broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "ask, nobody there",
      .on_error = KILN_ON_ERROR_ASK,
      .alone = true,
      .script = { .fails = "A" },
      .story = "[say] run A\n[error] A broke (1)\n[say] Step \"stepA\" failed\n"
               "[say] clean A failed: A broke (1)\n",
      .error = "A broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "ask, abort",
      .on_error = KILN_ON_ERROR_ASK,
      .script = { .fails = "B" },
      .answers = { "a" },
      .story = "[say] run A\n[say] run B\n[error] B broke (1)\n[say] Step \"stepB\" failed\n" ASK
               "a\n[error] B broke (1)\n[error] Step \"stepB\" failed, aborting...\n"
               "[error] aborted: skipping cleanup of step \"stepA\"\n",
      .error = "B broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "ask, a retry that helps",
      .on_error = KILN_ON_ERROR_ASK,
      .script = { .fails = "BB" },
      .answers = { "r", "R" },
      .story = "[say] run A\n[say] run B\n[error] B broke (1)\n[say] Step \"stepB\" failed\n" ASK
               "r\n[say] run B\n[error] B broke (2)\n[say] Step \"stepB\" failed\n" ASK "R\n"
               "[say] run B\n[say] run C\n"
               "[say] clean C ok\n[say] clean B ok\n[say] clean A ok\n" },
    { .name = "ask, the last error counts",
      .on_error = KILN_ON_ERROR_ASK,
      .script = { .fails = "BB" },
      .answers = { "r", "c" },
      .story = "[say] run A\n[say] run B\n[error] B broke (1)\n[say] Step \"stepB\" failed\n" ASK
               "r\n[say] run B\n[error] B broke (2)\n[say] Step \"stepB\" failed\n" ASK "c\n"
               "[say] clean B failed: B broke (2)\n[say] clean A failed: B broke (2)\n",
      .error = "B broke (2)",
      .kind = KILN_ERR_REMOTE },
    { .name = "ask, Ctrl-C at the question",
      .on_error = KILN_ON_ERROR_ASK,
      .script = { .fails = "B" },
      .answers = { "^C" },
      .story = "[say] run A\n[say] run B\n[error] B broke (1)\n[say] Step \"stepB\" failed\n" ASK
               "^C\n[say] clean B cancelled\n[say] clean A cancelled\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },
    { .name = "ask says nothing after a cancel",
      .on_error = KILN_ON_ERROR_ASK,
      .script = { .fails = "B", .cancels = 'B' },
      .story = "[say] run A\n[say] run B\n[say] clean B cancelled\n[say] clean A cancelled\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },

    { .name = "debug",
      .debug = true,
      .answers = { "", "", "", "", "", "" },
      .story = "[say] run A\n" PAUSE("stepA") "[say] run B\n" PAUSE("stepB") "[say] run C\n" PAUSE(
          "stepC")
          PAUSE_CLEAN("stepC") "[say] clean C ok\n" PAUSE_CLEAN(
              "stepB") "[say] clean B ok\n" PAUSE_CLEAN("stepA") "[say] clean A ok\n" },
    { .name = "debug, a step that fails has no pauses",
      .debug = true,
      .script = { .fails = "B" },
      .answers = { "", "" },
      .story = "[say] run A\n" PAUSE("stepA") "[say] run B\n"
                                              "[say] clean B failed: B broke (1)\n" PAUSE_CLEAN(
                                                  "stepA") "[say] clean A failed: B broke (1)\n",
      .error = "B broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "debug, the pause comes before the policy",
      .debug = true,
      .on_error = KILN_ON_ERROR_ABORT,
      .script = { .fails = "B" },
      .answers = { "", "" },
      .story = "[say] run A\n" PAUSE(
          "stepA") "[say] run B\n[error] B broke (1)\n"
                   "[error] Step \"stepB\" failed, aborting...\n" PAUSE_CLEAN(
                       "stepA") "[error] aborted: skipping cleanup of step \"stepA\"\n",
      .error = "B broke (1)",
      .kind = KILN_ERR_REMOTE },
    { .name = "debug, nobody there",
      .debug = true,
      .alone = true,
      .story = "[say] run A\n[say] run B\n[say] run C\n"
               "[say] clean C ok\n[say] clean B ok\n[say] clean A ok\n" },
    { .name = "debug, Ctrl-C at a pause",
      .debug = true,
      .answers = { "^C" },
      .story = "[say] run A\nask \"Pausing after run of step 'stepA'. Press enter to continue.\""
               " -> ^C\n[say] clean A cancelled\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_row(&rows[i]);
}

static void test_cancelled_before_the_first(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    struct script script = { 0 };
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    kiln_cancel_fire(f.b.cancel);
    unit_fails(kiln_steps_run(abc, KILN_COUNT(abc), &script, &f.b, &err), &err, KILN_ERR_CANCELLED,
               "Build was cancelled.");
    fixture_story_is(&f, "");
    kiln_cancel_free(f.own);
    f.b.cancel = f.own = kiln_cancel_new();
    unit_ok(kiln_steps_run(NULL, 0, &script, &f.b, &err), &err);
}

/* States as the console sees them; a step without cleanup, one with a pause inside. */
static bool run_bootish(void *state, struct kiln_build *b, struct kiln_err *err)
{
    (void)state;
    (void)err;
    kiln_debug_pause(b, "boot_command: %s", "<esc>");
    return true;
}

static bool run_silent_failure(void *state, struct kiln_build *b, struct kiln_err *err)
{
    (void)state;
    (void)b;
    (void)err;
    return false;
}

static void test_states(void **state)
{
    static const struct kiln_step_ops boot = { .name = "boot", .run = run_bootish };
    static const struct kiln_step_ops bad = { .name = "bad", .run = run_silent_failure };
    static const struct kiln_step_ops never = { .name = "never", .run = run_bootish };
    static const struct kiln_step_ops *const steps[] = { &boot, &bad, &never };
    KILN_AUTO_ERR err = { 0 };
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    f.options = (struct kiln_build_options){ .debug = true, .interactive = true };
    f.answers = (const char *const[]){ "", "", "", NULL };
    unit_fails(kiln_steps_run(steps, KILN_COUNT(steps), NULL, &f.b, &err), &err, KILN_ERR_USER,
               "Build was halted.");
    fixture_story_is(&f,
                     "step boot pending>running\n"
                     "step boot running>paused\n" PAUSE(
                         "boot_command: <esc>") "step boot paused>running\n"
                                                "step boot running>paused\n" PAUSE(
                                                    "boot") "step boot paused>running\n"
                                                            "step boot running>done\n"
                                                            "step bad pending>running\n"
                                                            "step bad running>failed\n"
                                                            "step bad failed>cleaned\n" PAUSE_CLEAN(
                                                                "boot") "step boot done>cleaned\n");
}

/* The clock of the build stands still while a person thinks. */
static bool slow_ask(struct kiln_prompter *p, struct kiln_build *b, const struct kiln_prompt *q,
                     char **ret, struct kiln_err *err)
{
    int64_t before = kiln_cancel_now(b->cancel), start = kiln_clock_mono_us();

    (void)p;
    (void)q;
    (void)err;
    while (kiln_clock_mono_us() - start < 10)
        continue;
    assert_true(kiln_cancel_now(b->cancel) == before);
    *ret = kiln_xstrdup("yes");
    return true;
}

static void test_ask_stops_the_clock(void **state)
{
    const struct kiln_prompt well = { .text = "well?" };
    KILN_AUTO_FREE char *answer = NULL;
    KILN_AUTO_ERR err = { 0 };
    int64_t before;
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    f.options.interactive = true;
    f.prompter.ask = slow_ask;
    unit_ok(kiln_ask(&f.b, &well, &answer, &err), &err);
    assert_string_equal(answer, "yes");
    before = kiln_cancel_now(f.b.cancel);
    while (kiln_cancel_now(f.b.cancel) == before) /* it runs again */
        continue;
    f.options.interactive = false;
    unit_fails(kiln_ask(&f.b, &well, &answer, &err), &err, KILN_ERR_USER, KILN_NOBODY_TO_ASK);
    f.options.interactive = true;
    kiln_cancel_fire(f.b.cancel);
    unit_fails(kiln_ask(&f.b, &well, &answer, &err), &err, KILN_ERR_CANCELLED, "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cancelled_before_the_first),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_ask_stops_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
