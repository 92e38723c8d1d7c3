#include "engine/debugger.h"

#include <pthread.h>

#include "base/mem.h"
#include "engine/breaks.h"
#include "engine/control.h"
#include "engine/rewind.h"
#include "engine/shell.h"
#include "engine/text_watch.h"

enum { HELD_BY_STOP = 1, HELD_BY_PROMPT = 2 };

/* Where single stepping goes. */
enum goal { GOAL_NONE, GOAL_NEXT, GOAL_ELEMENT, GOAL_KEY, GOAL_PLACE };

/* Lock: lock, over all but b, cancel and shell. Behind it come those of the bus, of QMP, of the
 * shell and of the cancel object; that of control comes before. */
struct kiln_debugger {
    struct kiln_build *b;
    struct kiln_cancel *cancel; /* the build's own, whatever cleanups wait on */
    pthread_mutex_t lock;
    bool over;

    unsigned held;           /* HELD_BY_… */
    const char *why;         /* of the stop: pause, breakpoint, step */
    char *place, *text;      /* of the stop; owned */
    char *question;          /* of the prompt; owned */
    char *doing;             /* canonical name of what is being done; owned; NULL: nothing yet */
    bool skip;               /* the answer of a stop before a provisioner */
    struct kiln_strv offers; /* commands that make sense besides those that always do */
    struct kiln_machine machine; /* stop NULL: none */
    bool want_halt, halted;
    struct kiln_shell *shell;
    bool shell_runs; /* and needs a guest that does */
    bool by_hand;    /* a person drives the guest, which needs to run, too */

    bool wants_text; /* as the machine was told */
    struct kiln_text_watches watches;
    struct kiln_breaks breaks;
    enum goal goal;
    struct kiln_place_vec targets; /* GOAL_PLACE */
};

static void lock(struct kiln_debugger *d)
{
    (void)pthread_mutex_lock(&d->lock);
}

static void unlock(struct kiln_debugger *d)
{
    (void)pthread_mutex_unlock(&d->lock);
}

static void replace(char **s, char *take)
{
    free(*s);
    *s = take;
}

/* ---- standing still; all with the lock held ---- */

static void apply_halt(struct kiln_debugger *d)
{
    bool halt = d->want_halt && !d->shell_runs && !d->by_hand;

    if (!d->machine.stop || d->halted == halt)
        return;
    if (halt) {
        d->halted = d->machine.stop(d->machine.ud);
    } else {
        d->halted = !d->machine.cont(d->machine.ud);
    }
}

static void add_commands(const struct kiln_debugger *d, struct kiln_strv *names)
{
    if ((d->held & HELD_BY_STOP) && !d->by_hand)
        kiln_strv_split(names, "continue,next,run-to", ',');
    kiln_strv_add_all(names, &d->offers);
    if (kiln_shell_possible(d->shell))
        kiln_strv_add(names, "shell");
    if (d->machine.stop && !d->by_hand)
        kiln_strv_add(names, d->halted ? "thaw" : "freeze");
    kiln_strv_split(names, "break,cancel", ',');
}

static void tell_stop(struct kiln_debugger *d)
{
    KILN_AUTO_STRV names = { 0 };
    struct kiln_event ev = { .type = KILN_EV_STOP, .status = d->halted, .names = &names };

    add_commands(d, &names);
    if (d->held & HELD_BY_STOP) {
        ev.name = d->why;
        ev.id = d->place;
        ev.text = d->text;
    } else {
        ev.name = "prompt";
        ev.id = d->doing;
        ev.text = d->question;
    }
    ev.len = ev.text ? strlen(ev.text) : 0;
    kiln_emit(d->b, &ev);
}

/* The guest first: its clock may lose nothing, ours a little. */
static void hold(struct kiln_debugger *d, unsigned reason)
{
    d->held |= reason;
    if (reason == HELD_BY_STOP || d->b->options->freeze)
        d->want_halt = true;
    apply_halt(d);
    kiln_cancel_pause(d->cancel);
    tell_stop(d);
}

/* The guest first, here too. If that fails because the main thread stands in the middle of a QMP
 * command, it works once our clock goes on. */
static void release(struct kiln_debugger *d, unsigned reason)
{
    struct kiln_event ev = { .type = KILN_EV_RESUME };

    if (!(d->held & reason))
        return;
    d->held &= ~reason;
    if (reason == HELD_BY_STOP)
        d->want_halt = d->held && d->b->options->freeze;
    if (d->held) {
        apply_halt(d);
        tell_stop(d);
        return;
    }
    d->want_halt = false;
    apply_halt(d);
    kiln_emit(d->b, &ev);
    kiln_cancel_resume(d->cancel);
    apply_halt(d);
}

/* After the breakpoints, the goal or the machine have changed. */
static void update_text(struct kiln_debugger *d)
{
    bool wants = kiln_text_watches_set(&d->watches, &d->breaks.set, &d->targets);

    if (d->machine.text && wants != d->wants_text)
        d->machine.text(d->machine.ud, wants);
    d->wants_text = d->machine.text && wants;
}

static void begin_stop(struct kiln_debugger *d, const char *why, char *take_place, char *take_text)
{
    d->why = why;
    replace(&d->place, take_place);
    replace(&d->text, take_text);
    d->goal = GOAL_NONE;
    kiln_place_vec_done(&d->targets);
    update_text(d);
    hold(d, HELD_BY_STOP);
}

/* Why to stop at `here`, or NULL. */
static const char *reason_at(const struct kiln_debugger *d, const struct kiln_place *here)
{
    bool end = here->kind == KILN_PLACE_BOOT_END, there = false;

    if (kiln_place_vec_hit(&d->breaks.set, here))
        return "breakpoint";
    switch (d->goal) {
    case GOAL_NONE:
        break;
    case GOAL_NEXT:
        there = here->kind == KILN_PLACE_BEFORE;
        break;
    case GOAL_ELEMENT:
        there = here->kind == KILN_PLACE_ELEMENT || end;
        break;
    case GOAL_KEY:
        there = here->kind == KILN_PLACE_KEY || end;
        break;
    case GOAL_PLACE:
        there = kiln_place_vec_hit(&d->targets, here);
        break;
    }
    return there ? "step" : NULL;
}

/* ---- the screen's text ---- */

void kiln_debugger_text(struct kiln_build *b, const struct kiln_strv *rows)
{
    struct kiln_debugger *d = b->debugger;
    struct kiln_place here = { .kind = KILN_PLACE_TEXT, .row = -1 };
    struct kiln_str place = { 0 };
    const char *why;

    if (!d)
        return;
    lock(d);
    here.name = (char *)kiln_text_watches_look(&d->watches, rows);
    why = here.name ? reason_at(d, &here) : NULL;
    if (why && !d->over && !(d->held & HELD_BY_STOP) && !kiln_cancel_fired(d->cancel) &&
        !kiln_rewind_asked(b)) {
        kiln_place_format(&here, &place);
        begin_stop(d, why, kiln_str_steal(&place),
                   kiln_xasprintf("the guest's screen shows \"%s\"", here.name));
    }
    unlock(d);
}

/* ---- the plan ---- */

static void tell_plan(struct kiln_debugger *d, enum kiln_place_list list)
{
    struct kiln_event ev = { .type = KILN_EV_PLAN,
                             .id = kiln_place_lists[list],
                             .names = &d->breaks.places.names[list] };

    if (ev.names->n)
        kiln_emit(d->b, &ev);
}

static void tell_breaks(struct kiln_debugger *d)
{
    KILN_AUTO_STRV specs = { 0 };
    struct kiln_event ev = { .type = KILN_EV_BREAKS, .names = &specs };

    kiln_breaks_list(&d->breaks, &specs);
    kiln_emit(d->b, &ev);
    update_text(d);
}

static void add_break(struct kiln_debugger *d, const char *spec)
{
    KILN_CLEANUP(kiln_place_done) struct kiln_place p = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_place_parse(spec, &p, &err) || !kiln_breaks_change(&d->breaks, &p, true, &err))
        kiln_error(d->b, "A breakpoint is ignored: %s", kiln_err_text(&err));
}

/* Those that the build begins with. */
static void add_breaks(struct kiln_debugger *d)
{
    const struct kiln_build_options *options = d->b->options;

    if (options->breaks.n && !options->interactive)
        kiln_error(d->b, "-break is ignored: there is no terminal on which somebody could go on "
                         "after a stop (a run of kiln tui or kiln build -detach needs none)");
    KILN_STRV_FOREACH (spec, &d->b->breaks) {
        if (options->interactive || !kiln_strv_has(&options->breaks, spec))
            add_break(d, spec);
    }
    if (d->breaks.set.n)
        tell_breaks(d);
}

void kiln_debugger_begin(struct kiln_build *b)
{
    struct kiln_debugger *d = b->debugger;
    struct kiln_strv *names;

    if (!d)
        return;
    lock(d);
    names = d->breaks.places.names;
    for (size_t i = 0; i < b->n_provisioners; i++)
        kiln_strv_add(&names[KILN_PLACES_PROVISIONERS], b->provisioners[i].decl->type);
    for (size_t i = 0; i < b->n_sequences; i++) {
        for (size_t k = 0; k < b->sequences[i].n; k++)
            kiln_strv_add(&names[KILN_PLACES_POSTPROCESSORS], b->sequences[i].items[k].decl->type);
    }
    tell_plan(d, KILN_PLACES_PROVISIONERS);
    tell_plan(d, KILN_PLACES_POSTPROCESSORS);
    add_breaks(d);
    unlock(d);
}

void kiln_debugger_steps(struct kiln_build *b, const char *const *names, size_t n)
{
    struct kiln_debugger *d = b->debugger;
    KILN_AUTO_STRV errors = { 0 };

    if (!d || d->breaks.complete)
        return;
    lock(d);
    for (size_t i = 0; i < n; i++)
        kiln_strv_add(&d->breaks.places.names[KILN_PLACES_STEPS], names[i]);
    tell_plan(d, KILN_PLACES_STEPS);
    kiln_breaks_complete(&d->breaks, &errors);
    KILN_STRV_FOREACH (error, &errors) {
        kiln_error(b, "A breakpoint is ignored: %s", error);
    }
    if (d->breaks.set.n || errors.n)
        tell_breaks(d);
    unlock(d);
}

void kiln_debugger_boot_size(struct kiln_build *b, const size_t *elements, size_t n_rows,
                             uint64_t keys)
{
    struct kiln_debugger *d = b->debugger;
    KILN_AUTO_STRV errors = { 0 };

    if (!d)
        return;
    lock(d);
    kiln_breaks_boot(&d->breaks, elements, n_rows, keys, &errors);
    unlock(d);
    KILN_STRV_FOREACH (error, &errors)
        kiln_error(b, "A breakpoint will not be reached: %s", error);
}

void kiln_debugger_end(struct kiln_build *b)
{
    struct kiln_debugger *d = b->debugger;

    if (!d)
        return;
    lock(d);
    d->over = true;
    release(d, HELD_BY_STOP);
    unlock(d);
}

/* ---- check points ---- */

static bool is_held(struct kiln_debugger *d, unsigned reasons)
{
    bool held;

    lock(d);
    held = d->held & reasons;
    unlock(d);
    return held;
}

/* A wait of no time on a clock that stands lasts until it goes on, or a cancel. */
static void stand(struct kiln_debugger *d)
{
    while (is_held(d, HELD_BY_STOP) && kiln_wait_us(d->cancel, 0, NULL))
        ;
    if (kiln_cancel_fired(d->cancel)) {
        lock(d);
        release(d, HELD_BY_STOP);
        unlock(d);
    }
}

/* A shell of a person comes (its thread), or goes. */
static void on_shell(void *ud, bool runs)
{
    struct kiln_debugger *d = ud;

    lock(d);
    d->shell_runs = runs;
    if (d->held) {
        apply_halt(d);
        tell_stop(d);
    }
    unlock(d);
}

/* Stop here if there is a reason to. One who was paused on the way stands here now. False: no. */
static bool check(struct kiln_debugger *d, const struct kiln_place *here, const char *text)
{
    const char *why;

    lock(d);
    why = d->held & HELD_BY_STOP ? d->why : reason_at(d, here);
    if (why && !kiln_cancel_fired(d->cancel) && !kiln_rewind_asked(d->b)) {
        struct kiln_str place = { 0 };

        kiln_place_format(here, &place);
        kiln_shell_allow(d->shell);
        begin_stop(d, why, kiln_str_steal(&place), kiln_xstrdup(text));
    }
    unlock(d);
    stand(d);
    kiln_shell_end(d->shell);
    return why != NULL;
}

/* "step stepRun", "provisioner 2 (shell)" */
static char *describe(const struct kiln_debugger *d, enum kiln_place_list list, size_t i)
{
    const char *name = d->breaks.places.names[list].v[i];

    if (list == KILN_PLACES_STEPS)
        return kiln_xasprintf("step %s", name);
    return kiln_xasprintf("%s %zu (%s)", kiln_place_lists[list], i + 1, name);
}

/* A list that was never announced (tests of parts) has no places. */
static bool is_known(const struct kiln_debugger *d, enum kiln_place_list list, size_t i)
{
    return d && i < d->breaks.places.names[list].n;
}

static void check_named(struct kiln_debugger *d, enum kiln_place_kind kind,
                        enum kiln_place_list list, size_t i)
{
    struct kiln_place here = { .kind = kind, .row = -1 };
    KILN_AUTO_FREE char *what = describe(d, list, i);
    KILN_AUTO_FREE char *text =
        kiln_xasprintf("%s %s", kind == KILN_PLACE_BEFORE ? "before" : "after", what);

    here.name = list == KILN_PLACES_STEPS ? d->breaks.places.names[list].v[i]
                                          : (char *)kiln_place_lists[list];
    here.number = list == KILN_PLACES_STEPS ? 0 : (int64_t)i + 1;
    (void)check(d, &here, text);
}

bool kiln_debugger_before(struct kiln_build *b, enum kiln_place_list list, size_t i)
{
    struct kiln_debugger *d = b->debugger;
    bool skip;

    if (!is_known(d, list, i))
        return true;
    if (list == KILN_PLACES_PROVISIONERS)
        kiln_debugger_offer(b, "skip", true);
    check_named(d, KILN_PLACE_BEFORE, list, i);
    kiln_debugger_offer(b, "skip", false);
    lock(d);
    skip = d->skip;
    d->skip = false;
    replace(&d->doing, kiln_place_name(&d->breaks.places, list, i));
    unlock(d);
    return !skip;
}

void kiln_debugger_after(struct kiln_build *b, enum kiln_place_list list, size_t i)
{
    if (is_known(b->debugger, list, i))
        check_named(b->debugger, KILN_PLACE_AFTER, list, i);
}

static void describe_spot(const struct kiln_boot_spot *spot, struct kiln_str *out)
{
    const struct kiln_place *p = &spot->place;

    if (p->kind == KILN_PLACE_BOOT_END)
        kiln_str_adds(out, "after the last key of the boot command");
    else
        kiln_str_addf(out, "before %s %lld of the boot command",
                      p->kind == KILN_PLACE_KEY ? "key event" : "element",
                      (long long)p->number + 1);
    if (p->row >= 0)
        kiln_str_addf(out, ", row %lld", (long long)p->row + 1);
    if (spot->what)
        kiln_str_addf(out, ": %s", spot->what);
}

bool kiln_debugger_boot(struct kiln_build *b, const struct kiln_boot_spot *spots, size_t n)
{
    bool stopped = false;

    for (size_t i = 0; b->debugger && !stopped && i < n; i++) {
        KILN_AUTO_STR text = { 0 };

        describe_spot(&spots[i], &text);
        stopped = check(b->debugger, &spots[i].place, kiln_str_cstr(&text));
    }
    return stopped;
}

void kiln_debugger_stand(struct kiln_build *b)
{
    struct kiln_debugger *d = b->debugger;

    if (!d)
        return;
    lock(d);
    if (d->held && !kiln_cancel_fired(d->cancel)) {
        kiln_shell_allow(d->shell);
        tell_stop(d);
    }
    unlock(d);
    stand(d);
    kiln_shell_end(d->shell);
}

/* ---- prompts, offers, machine ---- */

void kiln_debugger_hold(struct kiln_build *b, const char *question)
{
    struct kiln_debugger *d = b->debugger;

    if (!d)
        return;
    lock(d);
    replace(&d->question, kiln_xstrdup(question));
    kiln_shell_allow(d->shell);
    hold(d, HELD_BY_PROMPT);
    unlock(d);
}

void kiln_debugger_release(struct kiln_build *b)
{
    if (!b->debugger)
        return;
    lock(b->debugger);
    release(b->debugger, HELD_BY_PROMPT);
    unlock(b->debugger);
    kiln_shell_end(b->debugger->shell);
}

static void offer(struct kiln_debugger *d, const char *command, bool on)
{
    struct kiln_strv kept = { 0 };

    KILN_STRV_FOREACH (name, &d->offers) {
        if (!kiln_streq(name, command))
            kiln_strv_add(&kept, name);
    }
    if (on)
        kiln_strv_add(&kept, command);
    kiln_strv_done(&d->offers);
    d->offers = kept;
}

void kiln_debugger_offer(struct kiln_build *b, const char *command, bool on)
{
    if (!b->debugger)
        return;
    lock(b->debugger);
    offer(b->debugger, command, on);
    unlock(b->debugger);
}

bool kiln_debugger_standing(struct kiln_build *b)
{
    return b->debugger && is_held(b->debugger, HELD_BY_STOP | HELD_BY_PROMPT);
}

bool kiln_debugger_machine(struct kiln_build *b, const struct kiln_machine *machine)
{
    struct kiln_debugger *d = b->debugger;
    bool was_halted;

    if (!d)
        return false;
    lock(d);
    was_halted = d->halted;
    if (d->wants_text)
        d->machine.text(d->machine.ud, false);
    d->machine = machine ? *machine : (struct kiln_machine){ 0 };
    d->halted = false;
    d->wants_text = false;
    update_text(d);
    if (d->held) {
        apply_halt(d);
        tell_stop(d);
    }
    unlock(d);
    return was_halted;
}

void kiln_debugger_let_go(struct kiln_build *b)
{
    struct kiln_debugger *d = b->debugger;

    if (!d)
        return;
    lock(d);
    d->goal = GOAL_NONE;
    release(d, HELD_BY_STOP);
    unlock(d);
}

/* ---- commands; the reader thread, with the lock held ---- */

static bool do_pause(struct kiln_debugger *d)
{
    if (!(d->held & HELD_BY_STOP))
        begin_stop(d, "pause", kiln_xstrdup(d->doing),
                   d->doing ? kiln_xasprintf("paused in %s", d->doing) : kiln_xstrdup("paused"));
    return true;
}

/* The guest is in somebody's hands. */
static bool is_by_hand(const struct kiln_debugger *d, struct kiln_err *err)
{
    if (d->by_hand)
        (void)kiln_err_set(err, KILN_ERR_USER,
                           "the guest is driven by hand: end the recording first");
    return d->by_hand;
}

/* A goal without a stop is taken: the build stops when it comes there. */
static bool do_go(struct kiln_debugger *d, enum goal goal, struct kiln_err *err)
{
    if (is_by_hand(d, err))
        return false;
    if (goal == GOAL_NONE && d->held == HELD_BY_PROMPT)
        return kiln_err_set(err, KILN_ERR_USER, "a question is open: answer it");
    if (goal == GOAL_NONE && !d->held)
        return kiln_err_set(err, KILN_ERR_USER, "the build is not stopped");
    if ((goal == GOAL_ELEMENT || goal == GOAL_KEY) && !kiln_strv_has(&d->offers, "next-key"))
        return kiln_err_set(err, KILN_ERR_USER, "there is no boot command to be typed any more");
    d->goal = goal;
    release(d, HELD_BY_STOP);
    return true;
}

static bool do_run_to(struct kiln_debugger *d, const struct kiln_place *p, struct kiln_err *err)
{
    struct kiln_place_vec targets = { 0 };

    if (!kiln_place_is_for(p, d->b->label))
        return kiln_err_set(err, KILN_ERR_USER, "that place is in another build");
    if (!kiln_breaks_reach(&d->breaks, p, err) ||
        !kiln_breaks_resolve(&d->breaks, p, &targets, err))
        return false;
    kiln_place_vec_done(&d->targets);
    d->targets = targets;
    update_text(d);
    return do_go(d, GOAL_PLACE, err);
}

static bool do_break(struct kiln_debugger *d, const struct kiln_place *p, bool on,
                     struct kiln_err *err)
{
    if (!kiln_place_is_for(p, d->b->label))
        return true;
    if (!kiln_breaks_change(&d->breaks, p, on, err))
        return false;
    tell_breaks(d);
    return true;
}

static bool do_retry(struct kiln_debugger *d, struct kiln_err *err)
{
    if (!kiln_strv_has(&d->offers, "retry"))
        return kiln_err_set(err, KILN_ERR_USER,
                            "no failed step waits for an answer (see -on-error=ask)");
    d->b->prompter->answer(d->b->prompter, "r");
    return true;
}

static bool do_skip(struct kiln_debugger *d, struct kiln_err *err)
{
    if (!(d->held & HELD_BY_STOP) || !kiln_strv_has(&d->offers, "skip"))
        return kiln_err_set(err, KILN_ERR_USER, "the build is not stopped before a provisioner");
    d->skip = true;
    return do_go(d, GOAL_NONE, err);
}

static bool do_halt(struct kiln_debugger *d, bool on, struct kiln_err *err)
{
    if (is_by_hand(d, err))
        return false;
    if (!d->held)
        return kiln_err_set(err, KILN_ERR_USER, "the build is not stopped");
    if (!d->machine.stop)
        return kiln_err_set(err, KILN_ERR_USER, "there is no virtual machine now");
    d->want_halt = on;
    apply_halt(d);
    tell_stop(d);
    return true;
}

static bool take_in_hand(struct kiln_debugger *d, struct kiln_err *err)
{
    if (d->over || kiln_cancel_fired(d->cancel))
        return kiln_err_set(err, KILN_ERR_USER, "the build is ending");
    if (!d->machine.stop)
        return kiln_err_set(err, KILN_ERR_USER, "there is no virtual machine now");
    d->by_hand = true;
    return do_pause(d);
}

bool kiln_debugger_by_hand(struct kiln_build *b, bool on, struct kiln_err *err)
{
    struct kiln_debugger *d = b->debugger;
    bool ok;

    if (!d)
        return true;
    lock(d);
    ok = !on || take_in_hand(d, err);
    d->by_hand = on && ok;
    if (ok && d->held) {
        apply_halt(d);
        tell_stop(d);
    }
    unlock(d);
    return ok;
}

bool kiln_debugger_may_go(struct kiln_build *b, struct kiln_err *err)
{
    bool ok;

    if (!b->debugger)
        return true;
    lock(b->debugger);
    ok = !is_by_hand(b->debugger, err);
    unlock(b->debugger);
    return ok;
}

/* The handlers differ in their last line only. */
#define COMMAND(name, call)                                                                        \
    static bool on_##name(void *ud, const struct kiln_control_args *args,                          \
                          struct kiln_control_reply *reply, struct kiln_err *err)                  \
    {                                                                                              \
        struct kiln_debugger *d = ud;                                                              \
        bool ok;                                                                                   \
                                                                                                   \
        (void)args, (void)reply;                                                                   \
        lock(d);                                                                                   \
        if (d->over || kiln_cancel_fired(d->cancel))                                               \
            ok = kiln_err_set(err, KILN_ERR_USER, "the build is ending");                          \
        else                                                                                       \
            ok = (call);                                                                           \
        unlock(d);                                                                                 \
        return ok;                                                                                 \
    }

static bool with_place(struct kiln_debugger *d, const struct kiln_control_args *args, bool run_to,
                       struct kiln_err *err)
{
    KILN_CLEANUP(kiln_place_done) struct kiln_place p = { 0 };

    if (!kiln_place_parse(args->text ? args->text : "", &p, err))
        return false;
    return run_to ? do_run_to(d, &p, err) : do_break(d, &p, args->on, err);
}

COMMAND(pause, do_pause(d))
COMMAND(continue, do_go(d, GOAL_NONE, err))
COMMAND(next, do_go(d, GOAL_NEXT, err))
COMMAND(next_element, do_go(d, GOAL_ELEMENT, err))
COMMAND(next_key, do_go(d, GOAL_KEY, err))
COMMAND(run_to, with_place(d, args, true, err))
COMMAND(break, with_place(d, args, false, err))
COMMAND(retry, do_retry(d, err))
COMMAND(skip, do_skip(d, err))
COMMAND(freeze, do_halt(d, true, err))
COMMAND(thaw, do_halt(d, false, err))

static const struct kiln_control_command commands[] = {
    { "pause", on_pause },       { "continue", on_continue },
    { "next", on_next },         { "next-element", on_next_element },
    { "next-key", on_next_key }, { "run-to", on_run_to },
    { "break", on_break },       { "retry", on_retry },
    { "skip", on_skip },         { "freeze", on_freeze },
    { "thaw", on_thaw },         { 0 },
};

/* ---- life ---- */

struct kiln_debugger *kiln_debugger_new(struct kiln_build *b)
{
    struct kiln_debugger *d = kiln_xcalloc(1, sizeof(*d));

    d->b = b;
    d->cancel = b->cancel;
    (void)pthread_mutex_init(&d->lock, NULL);
    d->shell = kiln_shell_new(b, on_shell, d);
    kiln_control_add(b->control, commands, d);
    return d;
}

void kiln_debugger_free(struct kiln_debugger *d)
{
    if (!d)
        return;
    kiln_control_remove(d->b->control, commands, d);
    kiln_shell_free(d->shell);
    kiln_breaks_done(&d->breaks);
    kiln_text_watches_done(&d->watches);
    kiln_place_vec_done(&d->targets);
    kiln_strv_done(&d->offers);
    (void)pthread_mutex_destroy(&d->lock);
    free(d->place);
    free(d->text);
    free(d->question);
    free(d->doing);
    free(d);
}
