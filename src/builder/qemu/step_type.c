#include "base/clock.h"
#include "base/mem.h"
#include "builder/qemu/boot_pace.h"
#include "builder/qemu/boot_watch.h"
#include "builder/qemu/retype.h"
#include "engine/debugger.h"
#include "vm/screen.h"
#include "vm/vnc.h"

/* stepTypeBootCommand: waits, connects to VNC, types. qemu-builder.md, sections 5 and 6. */

#define CONNECT_DEADLINE_US KILN_SECOND(10)
#define POWER_OFF_US        KILN_SECOND(2) /* from a lost VNC connection to QEMU's end */
#define KEY_DELAY_US        KILN_MS(10)    /* QEMU's key-delay-ms, if it is not told another */

struct typist {
    struct kiln_qemu_state *s;
    struct kiln_build *build;
    struct kiln_boot_script *script;
    struct kiln_vnc *vnc;
    struct kiln_pace *pace; /* NULL: the template says how fast */
    int64_t row;
    int64_t interval_us;
    int64_t keys; /* sent so far; the index of key events */
    bool veiled;  /* a secret was among them */
    bool reads;   /* the screen's text is kept up to date for us */
};

#define UNTYPED "before the boot command was typed"

/* QEMU is gone. Fine if nothing more is to be pressed and the guest powered off. */
static bool ended(struct typist *t, bool all_pressed, struct kiln_err *err)
{
    return all_pressed ? kiln_qemu_powered_off(t->s->qemu, UNTYPED, err)
                       : kiln_qemu_obituary_for(t->s->qemu, UNTYPED, err);
}

/* Let time pass, unless QEMU ends. */
static bool pass_until(struct typist *t, int64_t deadline, bool all_pressed, struct kiln_err *err)
{
    int fd = kiln_qemu_pidfd(t->s->qemu);

    if (fd < 0)
        return ended(t, all_pressed, err);
    if (kiln_cancel_now(t->build->cancel) >= deadline)
        return !kiln_cancel_fired(t->build->cancel) || kiln_wait_us(t->build->cancel, 0, err);
    switch (kiln_wait_fd(t->build->cancel, fd, POLLIN, deadline, err)) {
    case KILN_WAIT_TIMEOUT:
        if (err)
            kiln_err_clear(err);
        return true;
    case KILN_WAIT_READY:
        return ended(t, all_pressed, err);
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    return false;
}

static bool pass(struct typist *t, int64_t us, bool all_pressed, struct kiln_err *err)
{
    return pass_until(t, kiln_cancel_deadline(t->build->cancel, us), all_pressed, err);
}

/* Until the screen shows it, unless QEMU ends. */
static bool watch(struct typist *t, const struct kiln_boot_element *el, bool all_pressed,
                  struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    /* From the first wait on, or the next one would begin with what this one has seen last. */
    if (!t->reads)
        t->reads = kiln_screen_want_text(t->s->screen, true, NULL);
    if (kiln_boot_watch(t->s, el, t->build->cancel, &why))
        return true;
    if (why.kind == KILN_ERR_REMOTE)
        return ended(t, all_pressed, err);
    return kiln_err_move(err, &why);
}

static void report(struct typist *t, const struct kiln_boot_element *el,
                   const struct kiln_bootcmd_event *e)
{
    struct kiln_event ev = { .type = KILN_EV_KEY,
                             .index = t->keys++,
                             .done = (uint64_t)t->row,
                             .total = (uint64_t)el->index,
                             .status = e - el->events,
                             .name = e->name,
                             .keysym = e->keysym,
                             .scancode = e->scancode,
                             .down = e->action == KILN_BOOTCMD_DOWN,
                             .masked = e->masked };

    kiln_emit(t->build, &ev);
}

/* VNC failed with *err: most likely QEMU is about to end. A guest that powers off on the last key
 * takes VNC away before the key is released. */
static bool lost(struct typist *t, bool all_pressed, struct kiln_err *err)
{
    if (!kiln_qemu_wait(t->s->qemu, t->build->cancel,
                        kiln_cancel_deadline(t->build->cancel, POWER_OFF_US), NULL))
        return false;
    if (err)
        kiln_err_clear(err);
    return ended(t, all_pressed, err);
}

static bool send_event(struct typist *t, const struct kiln_boot_element *el, size_t i,
                       struct kiln_err *err)
{
    const struct kiln_bootcmd_event *e = &el->events[i];
    bool down = e->action == KILN_BOOTCMD_DOWN, all_pressed = i >= el->n_before_last_press;
    /* The pause begins here: telling of a key takes time on a busy host, which would add up. */
    int64_t sent = kiln_cancel_now(t->build->cancel);

    if (e->action == KILN_BOOTCMD_PAUSE && el->kind != KILN_BOOTCMD_WAIT)
        return watch(t, el, all_pressed, err);
    if (e->action == KILN_BOOTCMD_PAUSE)
        return pass(t, el->wait_ns / 1000, all_pressed, err);
    if (!kiln_vnc_scancode(t->vnc, e->keysym, e->scancode, down, t->build->cancel, err)) {
        (void)kiln_err_wrap(err, "Error running boot command");
        return lost(t, all_pressed && !down, err);
    }
    if (!t->pace) /* with a pace there is no delay (vm/argv.h) */
        t->s->keys_until = (sent > t->s->keys_until ? sent : t->s->keys_until) + KEY_DELAY_US;
    report(t, el, e);
    return pass_until(t, sent + (t->pace ? kiln_pace_interval_us(t->pace) : t->interval_us),
                      all_pressed, err);
}

static void report_element(struct typist *t, const struct kiln_boot_element *el)
{
    struct kiln_event ev = { .type = KILN_EV_BOOT,
                             .done = (uint64_t)t->row,
                             .index = el->index,
                             .masked = el->masked,
                             .text = el->what,
                             .len = strlen(el->what) };

    kiln_emit(t->build, &ev);
}

/* ---- where it can be stopped ---- */

static int64_t shown_row(const struct typist *t)
{
    return kiln_boot_script_rows(t->script) > 1 ? t->row : -1;
}

/* Before event i of an element; before the first one it is the element's place, too. Whoever stops
 * here may change what is next: the caller looks at it afterwards. */
static void stop_before(struct typist *t, const struct kiln_boot_element *el, size_t i)
{
    const struct kiln_bootcmd_event *e = &el->events[i];
    bool down = e->action == KILN_BOOTCMD_DOWN;
    KILN_AUTO_FREE char *key = kiln_xasprintf("%s %s", e->name, down ? "down" : "up");
    const struct kiln_boot_spot spots[] = {
        { { .kind = KILN_PLACE_ELEMENT, .number = el->index, .row = shown_row(t) }, el->what },
        { { .kind = KILN_PLACE_KEY, .number = t->keys, .row = -1 }, key },
    };
    size_t first = i == 0 ? 0 : 1, end = e->action == KILN_BOOTCMD_PAUSE ? 1 : 2;

    if (first < end && kiln_debugger_boot(t->build, spots + first, end - first) && t->pace)
        kiln_pace_forget(t->pace);
}

static void stop_at_end(struct typist *t)
{
    const struct kiln_boot_spot end = { { .kind = KILN_PLACE_BOOT_END, .row = -1 }, NULL };

    if (t->row + 1 == (int64_t)kiln_boot_script_rows(t->script))
        (void)kiln_debugger_boot(t->build, &end, 1);
}

/* ---- one row ---- */

/* The element to be typed now; false: the row is at its end. */
static bool next_element(struct typist *t, struct kiln_boot_element *ret)
{
    KILN_CLEANUP(kiln_boot_element_done) struct kiln_boot_element seen = { 0 };
    size_t row = (size_t)t->row;

    if (kiln_boot_script_peek(t->script, row, &seen))
        stop_before(t, &seen, 0);
    else
        stop_at_end(t);
    return kiln_boot_script_take(t->script, row, ret);
}

/* The closed loop failed; if that is because QEMU ended, all is said by how it ended. */
static bool lost_pace(struct typist *t, const struct kiln_boot_element *el, struct kiln_err *why,
                      struct kiln_err *err)
{
    bool ended = why->kind == KILN_ERR_REMOTE;

    (void)kiln_err_move(err, why);
    return ended && lost(t, el->n_before_last_press == 0, err);
}

static bool pace(struct typist *t, const struct kiln_boot_element *el,
                 bool (*side)(struct kiln_pace *, const struct kiln_boot_element *,
                              struct kiln_err *),
                 struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    return !t->pace || side(t->pace, el, &why) || lost_pace(t, el, &why, err);
}

static bool type_element(struct typist *t, const struct kiln_boot_element *el, struct kiln_err *err)
{
    report_element(t, el);
    if (el->masked) {
        kiln_qemu_screen_veil(t->s, true);
        t->veiled = true;
    }
    if (!pace(t, el, kiln_pace_before, err))
        return false;
    for (size_t i = 0; i < el->n_events; i++) {
        if (i > 0)
            stop_before(t, el, i);
        if (!send_event(t, el, i, err))
            return false;
    }
    return pace(t, el, kiln_pace_after, err);
}

static bool type_row(struct typist *t, struct kiln_err *err)
{
    struct kiln_boot_element el = { 0 };
    bool ok = kiln_boot_script_begin(t->script, (size_t)t->row, err);

    while (ok && next_element(t, &el)) {
        ok = type_element(t, &el, err);
        kiln_boot_element_done(&el);
    }
    if (ok)
        kiln_boot_script_end(t->script, (size_t)t->row);
    return ok;
}

static void debug_pause(struct typist *t, const char *description)
{
    KILN_AUTO_FREE char *source = kiln_boot_script_source(t->script, (size_t)t->row);

    if (description[0])
        kiln_debug_pause(t->build, "boot description: \"%s\", command: %s", description, source);
    else if (source[0] || t->s->o->boot_steps.n)
        kiln_debug_pause(t->build, "boot_command: %s", source);
}

static bool type_all(struct typist *t, struct kiln_err *err)
{
    kiln_say(t->build, "Typing the boot commands over VNC...");
    kiln_qemu_screen_sample(t->s); /* behind the typist's connection: QEMU has it first */
    if (kiln_boot_script_closed_loop(t->script))
        t->pace = kiln_pace_new(t->s, t->build, t->vnc);
    for (size_t i = 0; i < kiln_boot_script_rows(t->script); i++) {
        const char *description = kiln_boot_script_description(t->script, i);

        t->row = (int64_t)i;
        if (description[0])
            kiln_say(t->build, "Typing boot command for: %s", description);
        if (!type_row(t, err))
            return false;
        debug_pause(t, description);
    }
    return true;
}

/* ---- the step ---- */

/* A guest that needs no keys may be done and off before we could send any. */
static bool needs_keys(const struct kiln_qemu_options *o)
{
    KILN_AUTO_FREE char *text = kiln_strv_join(&o->boot_command, "");

    return text[0] || o->boot_steps.n;
}

static bool boot_wait(struct typist *t, struct kiln_err *err)
{
    int64_t ns = t->s->o->boot_wait_ns;
    KILN_AUTO_STR text = { 0 };

    if (ns < 0)
        return true;
    kiln_duration_format(&text, ns);
    kiln_say(t->build, "Waiting %s for boot...", kiln_str_cstr(&text));
    return pass(t, ns / 1000, !needs_keys(t->s->o), err);
}

static bool connect_vnc(struct typist *t, struct kiln_err *err)
{
    const struct kiln_qemu_state *s = t->s;
    const char *host = s->o->vnc_bind_address;
    int64_t deadline = kiln_cancel_deadline(t->build->cancel, CONNECT_DEADLINE_US);

    kiln_say(t->build, "Connecting to VM via VNC (%s:%d)", host, s->vnc_port.port);
    if (!kiln_vnc_connect(&t->vnc, host, s->vnc_port.port, s->vnc_password, t->build->cancel,
                          deadline, err))
        return false;
    return !s->o->layout.name[0] ||
           kiln_vnc_want_scancodes(t->vnc, t->build->cancel, deadline, err) ||
           kiln_err_wrap(err, "boot_keyboard_layout");
}

static bool run(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    struct typist t = { .s = s, .build = b, .script = s->boot };
    bool ok;

    if (s->o->disable_vnc)
        return true;
    t.interval_us = kiln_boot_script_interval_ns(s->boot) / 1000;
    kiln_boot_script_ready(s->boot);
    ok = kiln_retype_wanted(s->retype) ? kiln_retype_go_back(s->retype, err) : boot_wait(&t, err);
    if (ok) /* without keys, too: what is recorded, or written now, can be typed then */
        kiln_retype_begin(s->retype);
    if (ok)
        ok = connect_vnc(&t, err) ? type_all(&t, err) : lost(&t, !needs_keys(s->o), err);
    if (t.veiled)
        kiln_qemu_screen_veil(s, false);
    if (t.reads)
        (void)kiln_screen_want_text(s->screen, false, NULL);
    kiln_pace_free(t.pace);
    kiln_vnc_free(t.vnc);
    return ok;
}

const struct kiln_step_ops kiln_qemu_step_type = { "stepTypeBootCommand", run, NULL, false };
