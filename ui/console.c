/* The console's state, and what comes from the run. */
#include "ui/console.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ui/console_priv.h"

static const struct kiln_pane_ops *const pane_ops[KILN_PANE__N] = {
#define X(id, name) [KILN_PANE_##id] = &kiln_pane_##name,
    KILN_PANES(X)
#undef X
};

const struct kiln_pane_ops *kiln_pane_ops_of(enum kiln_pane_id pane)
{
    return pane_ops[pane];
}

/* ---- what panes ask ---- */

const struct kiln_model *kiln_console_model(const struct kiln_console *c)
{
    return &c->model;
}

struct kiln_client *kiln_console_client(struct kiln_console *c)
{
    return c->client;
}

struct kiln_term *kiln_console_term(struct kiln_console *c)
{
    return c->term;
}

const struct kiln_keymap *kiln_console_keymap(const struct kiln_console *c)
{
    return &c->keymap;
}

const char *kiln_console_build(const struct kiln_console *c)
{
    return c->build;
}

int64_t kiln_console_now(const struct kiln_console *c)
{
    return c->disconnected || c->model.over ? c->model.newest_us : kiln_clock_mono_us();
}

void kiln_console_dirty(struct kiln_console *c)
{
    c->dirty = true;
}

static KILN_PRINTF(3, 0) void say(struct kiln_console *c, bool is_error, const char *fmt,
                                  va_list ap)
{
    free(c->message);
    c->message = kiln_xvasprintf(fmt, ap);
    c->message_is_error = is_error;
    c->dirty = true;
}

void kiln_console_say(struct kiln_console *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(c, false, fmt, ap);
    va_end(ap);
}

void kiln_console_error(struct kiln_console *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(c, true, fmt, ap);
    va_end(ap);
}

void kiln_console_say_nothing(struct kiln_console *c)
{
    free(c->message);
    c->message = NULL;
    c->dirty = true;
}

static void show_reply(void *ud, const struct kiln_reply *reply)
{
    struct kiln_console *c = ud;

    if (!reply->ok && c->model.over && !c->disconnected)
        return; /* it was under way when the run ended: that has been told, and how */
    if (!reply->ok)
        kiln_console_error(c, "%s", reply->error ? reply->error : "the run says no");
    else if (reply->text && reply->text[0])
        kiln_console_say(c, "%s", reply->text);
}

void kiln_console_send(struct kiln_console *c, const struct kiln_request *req, kiln_reply_fn *fn)
{
    struct kiln_request filled = *req;

    if (!filled.build)
        filled.build = c->build;
    kiln_client_send(c->client, &filled, fn, c);
}

void kiln_console_command(struct kiln_console *c, const struct kiln_request *req)
{
    kiln_console_send(c, req, show_reply);
}

void kiln_console_command_line(struct kiln_console *c, const char *text)
{
    kiln_cmdline_open(&c->cmdline, text);
    c->dirty = true;
}

/* ---- from the run ---- */

static void tell_panes(struct kiln_console *c, const struct kiln_event *ev)
{
    for (int i = 0; i < KILN_PANE__N; i++)
        if (pane_ops[i]->event)
            pane_ops[i]->event(c->panes[i], ev);
    c->dirty = true;
}

void kiln_console_show_build(struct kiln_console *c, const char *label)
{
    if (kiln_streq(c->build, label))
        return;
    free(c->build);
    c->build = kiln_xstrdup(label);
    tell_panes(c, NULL);
}

static bool is_typing(const struct kiln_console *c)
{
    return pane_ops[c->focus]->typing && pane_ops[c->focus]->typing(c->panes[c->focus]);
}

/* A question takes the focus, and gives it back when it is answered. A stop does not: who steps
 * through a boot command wants to stay there. Nor does anything while somebody types: the next keys
 * would be an answer. */
static void follow_questions(struct kiln_console *c, const struct kiln_event *ev)
{
    if (ev->type == KILN_EV_PROMPT && c->focus != KILN_PANE_PROMPT && (c->zoom || is_typing(c))) {
        kiln_console_say(c, "%s asks something; :focus prompt goes there",
                         ev->build ? ev->build : "");
    } else if (ev->type == KILN_EV_PROMPT && c->focus != KILN_PANE_PROMPT) {
        if (c->focus != KILN_PANE_HELP)
            c->back = c->focus;
        else if (c->help_back != KILN_PANE_PROMPT)
            c->back = c->help_back;
        kiln_console_focus(c, KILN_PANE_PROMPT);
        kiln_console_show_build(c, ev->build);
    } else if (!kiln_model_asks(&c->model) && c->focus == KILN_PANE_PROMPT) {
        c->zoom = false;
        kiln_console_focus(c, c->back);
    }
}

static bool is_recording(const struct kiln_console *c)
{
    const struct kiln_model_build *b = kiln_model_find(&c->model, c->build);

    return b && b->recording;
}

static void on_event(void *ud, const struct kiln_event *ev)
{
    struct kiln_console *c = ud;
    bool recorded = is_recording(c);

    kiln_model_event(&c->model, ev);
    if (!c->build && c->model.n_builds > 0)
        c->build = kiln_xstrdup(c->model.builds[0].label);
    if (ev->type == KILN_EV_RUN_END || ev->type == KILN_EV_STOP || ev->type == KILN_EV_PROMPT)
        kiln_console_say_nothing(c); /* an old message would hide it */
    tell_panes(c, ev);
    follow_questions(c, ev);
    if (recorded && !is_recording(c) && c->focus == KILN_PANE_SCREEN && !is_typing(c))
        kiln_console_focus(c, KILN_PANE_BOOT); /* there is what became of it */
}

static void on_again(void *ud)
{
    struct kiln_console *c = ud;
    char holder[sizeof(c->model.holder)];

    memcpy(holder, c->model.holder, sizeof(holder));
    kiln_model_clear(&c->model);
    memcpy(c->model.holder, holder, sizeof(holder));
    tell_panes(c, NULL);
}

static void on_grown(void *ud, uint64_t size)
{
    struct kiln_console *c = ud;

    for (int i = 0; i < KILN_PANE__N; i++)
        if (pane_ops[i]->grown)
            pane_ops[i]->grown(c->panes[i], size);
}

static void on_controls(void *ud, const char *holder)
{
    struct kiln_console *c = ud;
    struct kiln_request take = { .command = "control", .on = true };
    bool lost = kiln_streq(c->model.holder, "you") && kiln_streq(holder, "other");

    (void)snprintf(c->model.holder, sizeof(c->model.holder), "%s", holder);
    if (lost)
        kiln_console_say(c, "another console has taken the controls");
    if (!c->asked_controls && kiln_streq(holder, "none"))
        kiln_client_send(c->client, &take, show_reply, c);
    else if (!c->asked_controls && kiln_streq(holder, "other"))
        kiln_console_say(c, "another console holds the controls: you watch (:control takes them)");
    c->asked_controls = true;
    c->dirty = true;
}

static void on_end(void *ud, const struct kiln_err *err)
{
    struct kiln_console *c = ud;

    c->disconnected = true;
    c->model.holder[0] = '\0';
    if (err)
        kiln_console_error(c, "%s", kiln_err_text(err));
    c->dirty = true;
}

const struct kiln_client_handler kiln_console_handler = {
    .event = on_event,
    .again = on_again,
    .grown = on_grown,
    .controls = on_controls,
    .end = on_end,
};

/* ---- life ---- */

struct kiln_console *kiln_console_new(struct kiln_client *client, struct kiln_term *term, int cols,
                                      int rows)
{
    struct kiln_console *c = kiln_xcalloc(1, sizeof(*c));

    c->client = client;
    c->term = term;
    c->shell_fd = -1;
    c->focus = c->back = c->help_back = KILN_PANE_BUILDS;
    c->shared = KILN_PANE_SCREEN;
    c->tick_us = KILN_NEVER;
    kiln_canvas_resize(&c->canvas, cols, rows);
    for (int i = 0; i < KILN_PANE__N; i++)
        c->panes[i] = pane_ops[i]->new (c);
    c->dirty = true;
    return c;
}

void kiln_console_free(struct kiln_console *c)
{
    if (!c)
        return;
    for (int i = 0; i < KILN_PANE__N; i++)
        pane_ops[i]->free(c->panes[i]);
    kiln_overlay_close(c);
    kiln_cmdline_done(&c->cmdline);
    kiln_keymap_done(&c->keymap);
    kiln_model_clear(&c->model);
    kiln_canvas_done(&c->canvas);
    free(c->build);
    free(c->message);
    free(c);
}

void kiln_console_resize(struct kiln_console *c, int cols, int rows)
{
    kiln_canvas_resize(&c->canvas, cols, rows);
    c->dirty = true;
}
