#include "engine/step.h"

#include <assert.h>
#include <ctype.h>

#include "base/encode.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/debugger.h"
#include "engine/rewind.h"

#define NO_STEP SIZE_MAX

struct kiln_steps {
    const struct kiln_step_ops *const *ops; /* borrowed; entries may be NULL */
    size_t n;
    void *state; /* the builder's */
    struct kiln_build *b;
    enum kiln_step_state *states; /* owned, n */
    size_t current;               /* whose run() is on the stack, or NO_STEP */
    struct kiln_err error;        /* of the step that failed */
    bool cancelled;
    bool aborted;                /* "abort" was the answer at -on-error=ask */
    bool said;                   /* why cleanups are skipped */
    struct kiln_cancel *unfired; /* what cleanups wait on; owned, NULL until needed */
};

static const char *const state_names[KILN_STEP__N] = {
    [KILN_STEP_PENDING] = "pending", [KILN_STEP_RUNNING] = "running",
    [KILN_STEP_PAUSED] = "paused",   [KILN_STEP_DONE] = "done",
    [KILN_STEP_FAILED] = "failed",   [KILN_STEP_CLEANED] = "cleaned",
    [KILN_STEP_SKIPPED] = "skipped",
};

#define TO(x) (1u << KILN_STEP_##x)
static const unsigned step_next[KILN_STEP__N] = {
    [KILN_STEP_PENDING] = TO(RUNNING),
    /* PENDING again: gone back over (rewind.h) */
    [KILN_STEP_RUNNING] = TO(PAUSED) | TO(DONE) | TO(FAILED) | TO(PENDING),
    [KILN_STEP_PAUSED] = TO(RUNNING),
    [KILN_STEP_DONE] = TO(CLEANED) | TO(PENDING),
    [KILN_STEP_FAILED] = TO(RUNNING) | TO(CLEANED) | TO(PENDING), /* RUNNING again: retry */
};

void kiln_step_tell(struct kiln_build *b, enum kiln_place_list list, size_t index, const char *name,
                    enum kiln_step_state from, enum kiln_step_state to)
{
    struct kiln_event ev = { .type = KILN_EV_STEP,
                             .id = kiln_place_lists[list],
                             .index = (int64_t)index,
                             .name = name,
                             .from = state_names[from],
                             .to = state_names[to] };

    kiln_emit(b, &ev);
}

/* Its number as events and places have it: holes of the list do not count. */
static size_t number_of(const struct kiln_steps *s, size_t i)
{
    size_t n = 0;

    for (size_t k = 0; k < i; k++)
        n += s->ops[k] != NULL;
    return n;
}

/* The only place that changes a state, and the only one that reports it. */
static void step_goto(struct kiln_steps *s, size_t i, enum kiln_step_state to)
{
    enum kiln_step_state from = s->states[i];

    assert(to < KILN_STEP__N && (step_next[from] & (1u << to)));
    s->states[i] = to;
    kiln_step_tell(s->b, KILN_PLACES_STEPS, number_of(s, i), s->ops[i]->name, from, to);
}

static bool failed(const struct kiln_steps *s)
{
    return s->cancelled || s->error.kind != KILN_ERR_NONE;
}

/* ---- pauses and questions ---- */

static void pause_at(struct kiln_build *b, const char *when, const char *name)
{
    KILN_AUTO_FREE char *question =
        kiln_xasprintf("Pausing %s of step '%s'. Press enter to continue.", when, name);
    const struct kiln_prompt q = { .text = question };
    KILN_AUTO_FREE char *answer = NULL;

    (void)kiln_ask(b, &q, &answer, NULL); /* nobody there: no pause */
}

void kiln_debug_pause(struct kiln_build *b, const char *fmt, ...)
{
    KILN_AUTO_FREE char *name = NULL;
    struct kiln_steps *s = b->steps;
    bool running = s && s->current != NO_STEP && s->states[s->current] == KILN_STEP_RUNNING;
    va_list ap;

    if (!b->options->debug || !kiln_can_ask(b) || kiln_cancel_fired(b->cancel))
        return;
    va_start(ap, fmt);
    name = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    if (running)
        step_goto(s, s->current, KILN_STEP_PAUSED);
    pause_at(b, "after run", name);
    if (running)
        step_goto(s, s->current, KILN_STEP_RUNNING);
}

enum answer { ANSWER_CLEAN_UP, ANSWER_ABORT, ANSWER_RETRY };

/* An empty answer asks again: Enter alone must not throw a guest away. */
static enum answer ask_what_now(struct kiln_steps *s, const char *name)
{
    KILN_AUTO_FREE char *about =
        kiln_xasprintf("Step \"%s\" failed: %s", name, kiln_err_text(&s->error));
    KILN_AUTO_STRV choices = { 0 };
    const struct kiln_prompt q = {
        .about = about,
        .text = "[c] Clean up and exit, [a] abort without cleanup, or [r] retry step?",
        .choices = &choices,
    };
    bool answered;

    kiln_strv_split(&choices, "clean up,abort,retry", ',');
    kiln_error(s->b, "%s", kiln_err_text(&s->error));
    kiln_say(s->b, "Step \"%s\" failed", name);
    for (;;) {
        KILN_AUTO_FREE char *answer = NULL;
        KILN_AUTO_STR quoted = { 0 };

        kiln_debugger_offer(s->b, "retry", true);
        answered = kiln_ask(s->b, &q, &answer, NULL);
        kiln_debugger_offer(s->b, "retry", false);
        if (!answered)
            return ANSWER_CLEAN_UP;
        switch (tolower((unsigned char)answer[0])) {
        case 'c':
            return ANSWER_CLEAN_UP;
        case 'a':
            return ANSWER_ABORT;
        case 'r':
            return ANSWER_RETRY;
        case '\0':
            break;
        default: /* a character, not one of our enums */
            kiln_go_add_quoted(&quoted, answer, strlen(answer));
            kiln_say(s->b, "Incorrect input: %s", kiln_str_cstr(&quoted));
        }
    }
}

/* ---- cleanup ---- */

/* -on-error=abort and its relatives. */
static bool cleanup_skipped(struct kiln_steps *s, const struct kiln_step_ops *ops)
{
    switch (s->b->options->on_error) {
    case KILN_ON_ERROR_CLEANUP:
        return false;
    case KILN_ON_ERROR_ASK:
        if (!s->aborted)
            return false;
        break;
    case KILN_ON_ERROR_RUN_CLEANUP_PROVISIONER:
        if (ops->provisions)
            return false;
        break;
    case KILN_ON_ERROR_ABORT:
        break;
    }
    return failed(s);
}

static void say_skipped(struct kiln_steps *s, const char *name)
{
    if (!s->said && s->b->ledger)
        kiln_ledger_keep_outputs(s->b->ledger); /* nobody else may clean up either */
    if (s->said) {
        kiln_error(s->b, "aborted: skipping cleanup of step \"%s\"", name);
    } else if (s->cancelled) {
        kiln_error(s->b, "Interrupted, aborting...");
    } else {
        kiln_error(s->b, "%s", kiln_err_text(&s->error));
        kiln_error(s->b, "Step \"%s\" failed, aborting...", name);
    }
    s->said = true;
}

/* A cleanup must finish, so what it waits on must not have fired. Only the cleanup provisioner,
 * which runs what the template says, can be stopped. */
static void call_cleanup(struct kiln_steps *s, const struct kiln_step_ops *ops)
{
    enum kiln_outcome outcome = s->cancelled ? KILN_OUTCOME_CANCELLED
                                : failed(s)  ? KILN_OUTCOME_FAILED
                                             : KILN_OUTCOME_OK;
    struct kiln_cancel *own = s->b->cancel;

    if (!ops->provisions || kiln_cancel_fired(own)) {
        if (!s->unfired)
            s->unfired = kiln_cancel_new();
        s->b->cancel = s->unfired;
    }
    if (ops->cleanup)
        ops->cleanup(s->state, s->b, outcome);
    s->b->cancel = own;
}

static void clean_up(struct kiln_steps *s, size_t begun)
{
    for (size_t i = begun; i-- > 0;) {
        const struct kiln_step_ops *ops = s->ops[i];

        if (!ops)
            continue;
        kiln_debugger_stand(s->b);
        if (s->b->options->debug && s->states[i] == KILN_STEP_DONE)
            pause_at(s->b, "before cleanup", ops->name);
        if (cleanup_skipped(s, ops)) {
            say_skipped(s, ops->name);
            continue;
        }
        call_cleanup(s, ops);
        step_goto(s, i, KILN_STEP_CLEANED);
    }
}

/* ---- back ---- */

/* The steps from the one named `to` on are as if they had never run. Returns its index. */
static size_t go_back(struct kiln_steps *s, size_t begun, const char *to)
{
    size_t i = begun;

    kiln_err_clear(&s->error);
    while (i > 0) {
        const struct kiln_step_ops *ops = s->ops[--i];

        if (!ops)
            continue;
        call_cleanup(s, ops);
        step_goto(s, i, KILN_STEP_PENDING);
        if (kiln_streq(ops->name, to))
            break;
    }
    return i;
}

/* ---- forward ---- */

/* What a failed step leads to; true: run it again. */
static bool retry_wanted(struct kiln_steps *s, size_t i)
{
    if (s->error.kind == KILN_ERR_NONE)
        (void)kiln_err_set(&s->error, KILN_ERR_USER, "Build was halted.");
    if (kiln_cancel_fired(s->b->cancel) || s->b->options->on_error != KILN_ON_ERROR_ASK)
        return false;
    switch (ask_what_now(s, s->ops[i]->name)) {
    case ANSWER_CLEAN_UP:
        return false;
    case ANSWER_ABORT:
        s->aborted = true;
        return false;
    case ANSWER_RETRY:
        return true;
    }
    return false;
}

static bool run_step(struct kiln_steps *s, size_t i)
{
    do {
        kiln_err_clear(&s->error);
        step_goto(s, i, KILN_STEP_RUNNING);
        s->current = i;
        if (s->ops[i]->run(s->state, s->b, &s->error)) {
            kiln_err_clear(&s->error);
            kiln_debug_pause(s->b, "%s", s->ops[i]->name);
            s->current = NO_STEP;
            step_goto(s, i, KILN_STEP_DONE);
            return true;
        }
        s->current = NO_STEP;
        if (kiln_rewind_asked(s->b))
            return false; /* broken off */
        step_goto(s, i, KILN_STEP_FAILED);
    } while (retry_wanted(s, i));
    return false;
}

/* *begun: how many steps have to be cleaned up. False: there is no next one. */
static bool run_next(struct kiln_steps *s, size_t i, size_t *begun)
{
    if (i >= s->n || kiln_cancel_fired(s->b->cancel))
        return false;
    if (!s->ops[i])
        return true;
    (void)kiln_debugger_before(s->b, KILN_PLACES_STEPS, number_of(s, i));
    if (kiln_cancel_fired(s->b->cancel))
        return false;
    *begun = i + 1;
    if (!run_step(s, i))
        return false;
    kiln_debugger_after(s->b, KILN_PLACES_STEPS, number_of(s, i));
    return true;
}

/* Returns how many steps have to be cleaned up. */
static size_t run_forward(struct kiln_steps *s)
{
    size_t begun = 0, i = 0;

    for (;;) {
        const char *to = kiln_rewind_take(s->b);

        if (to)
            i = begun = go_back(s, begun, to);
        if (run_next(s, i, &begun))
            i++;
        else if (kiln_rewind_forbid(s->b))
            break;
    }
    s->cancelled = kiln_cancel_fired(s->b->cancel);
    return begun;
}

static bool result(struct kiln_steps *s, struct kiln_err *err)
{
    if (!failed(s))
        return true;
    if (!s->cancelled)
        return kiln_err_move(err, &s->error);
    if (s->error.kind != KILN_ERR_NONE)
        kiln_log("cancelled: %s", kiln_err_text(&s->error));
    return kiln_err_set(err, KILN_ERR_CANCELLED, "Build was cancelled.");
}

static void tell_plan(const struct kiln_steps *s)
{
    KILN_AUTO_STRV names = { 0 };

    for (size_t i = 0; i < s->n; i++) {
        if (s->ops[i])
            kiln_strv_add(&names, s->ops[i]->name);
    }
    kiln_debugger_steps(s->b, (const char *const *)names.v, names.n);
}

bool kiln_steps_run(const struct kiln_step_ops *const *steps, size_t n, void *state,
                    struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_steps s = { .ops = steps, .n = n, .state = state, .b = b, .current = NO_STEP };
    bool ok;

    s.states = kiln_xcalloc(n, sizeof(*s.states));
    b->steps = &s;
    tell_plan(&s);
    clean_up(&s, run_forward(&s));
    b->steps = NULL;
    ok = result(&s, err);
    kiln_err_clear(&s.error);
    kiln_cancel_free(s.unfired);
    free(s.states);
    return ok;
}

const char *kiln_steps_error(const struct kiln_build *b)
{
    const struct kiln_steps *s = b->steps;

    return s && !s->cancelled && s->error.kind != KILN_ERR_NONE ? kiln_err_text(&s->error) : NULL;
}

void kiln_steps_set_error(struct kiln_build *b, const char *text)
{
    if (b->steps)
        (void)kiln_err_set(&b->steps->error, KILN_ERR_REMOTE, "%s", text);
}
