/* What the actions do that belong to no pane. */
#include <inttypes.h>

#include "base/mem.h"
#include "ui/boot/pane_boot.h"
#include "ui/console_priv.h"
#include "ui/places.h"
#include "ui/settings.h"
#include "ui/term/term.h"

/* ---- focus ---- */

void kiln_console_focus(struct kiln_console *c, enum kiln_pane_id pane)
{
    if (pane == KILN_PANE_BOOT || pane == KILN_PANE_SCREEN)
        c->shared = pane;
    c->focus = pane;
    c->n_keys = 0;
    c->dirty = true;
}

/* Panes that can be reached: a prompt only while something is asked, help only by its own key. */
static bool reachable(const struct kiln_console *c, enum kiln_pane_id pane)
{
    if (pane == KILN_PANE_HELP)
        return false;
    return pane != KILN_PANE_PROMPT || kiln_model_asks(&c->model);
}

/* A question may have been answered meanwhile. */
static void leave_help(struct kiln_console *c)
{
    kiln_console_focus(c, reachable(c, c->help_back) ? c->help_back : c->back);
}

static void focus_by(struct kiln_console *c, int by)
{
    int pane = (int)c->focus;

    if (c->focus == KILN_PANE_HELP) {
        leave_help(c);
        return;
    }
    do {
        pane = (pane + by + KILN_PANE__N) % KILN_PANE__N;
    } while (!reachable(c, (enum kiln_pane_id)pane));
    kiln_console_focus(c, (enum kiln_pane_id)pane);
}

static void focus_named(struct kiln_console *c, const char *name)
{
    for (int i = 0; i < KILN_PANE__N; i++) {
        enum kiln_pane_id pane = (enum kiln_pane_id)i;

        if (!kiln_streq(kiln_pane_ops_of(pane)->name, name))
            continue;
        if (pane == KILN_PANE_HELP)
            kiln_console_action(c, KILN_ACT_HELP, "");
        else if (reachable(c, pane))
            kiln_console_focus(c, pane);
        else
            kiln_console_say(c, "nothing is asked now");
        return;
    }
    kiln_console_error(c, "no pane is called \"%s\"; there are builds, boot, screen, log, prompt",
                       name);
}

static void toggle_help(struct kiln_console *c)
{
    if (c->focus == KILN_PANE_HELP) {
        leave_help(c);
        return;
    }
    c->help_back = c->focus;
    kiln_console_focus(c, KILN_PANE_HELP);
}

/* ---- builds ---- */

static void build_by(struct kiln_console *c, size_t by)
{
    const struct kiln_model *m = &c->model;

    for (size_t i = 0; i < m->n_builds; i++) {
        if (kiln_streq(m->builds[i].label, c->build)) {
            kiln_console_show_build(c, m->builds[(i + by) % m->n_builds].label);
            return;
        }
    }
}

static void command(struct kiln_console *c, const char *name, const char *text, bool on)
{
    const struct kiln_request req = { .command = name, .text = text, .on = on };

    kiln_console_command(c, &req);
}

static void toggle_pause(struct kiln_console *c)
{
    const struct kiln_model_build *b = kiln_model_find(&c->model, c->build);

    command(c, b && b->stop.on ? "continue" : "pause", NULL, false);
}

static void toggle_freeze(struct kiln_console *c)
{
    const struct kiln_model_build *b = kiln_model_find(&c->model, c->build);

    command(c, b && b->stop.halted ? "thaw" : "freeze", NULL, false);
}

void kiln_console_toggle_break(struct kiln_console *c, const char *place)
{
    const struct kiln_model_build *b = kiln_model_find(&c->model, c->build);

    command(c, "break", place, !(b && kiln_place_has_break(b, place)));
}

static void cancel_reply(void *ud, const struct kiln_reply *reply)
{
    if (reply->ok)
        kiln_console_say(ud, "cancelling: cleanup follows");
    else
        kiln_console_error(ud, "%s", reply->error ? reply->error : "the run goes on");
}

static void cancel_answer(void *ud, bool yes)
{
    struct kiln_console *c = ud;
    const struct kiln_request req = { .command = "cancel" };

    if (!yes) {
        kiln_console_say(c, "the run goes on");
        return;
    }
    kiln_client_send(c->client, &req, cancel_reply, c); /* all builds: no label */
}

static void toggle_control(struct kiln_console *c)
{
    command(c, "control", NULL, !kiln_streq(c->model.holder, "you"));
}

static void shell_reply(void *ud, const struct kiln_reply *reply)
{
    struct kiln_console *c = ud;

    if (!reply->ok)
        kiln_console_error(c, "%s", reply->error ? reply->error : "no shell");
    else
        c->shell_fd = reply->fd;
}

static void open_shell(struct kiln_console *c)
{
    const char *term = getenv("TERM");
    const struct kiln_request req = { .command = "shell",
                                      .text = term ? term : "vt100",
                                      .cols = c->canvas.cols,
                                      .rows = c->canvas.rows };

    kiln_console_send(c, &req, shell_reply);
}

/* An action that needs a place and was given none: ask for it. */
static void with_place(struct kiln_console *c, const char *name, const char *arg)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("%s ", name);

    if (!arg[0])
        kiln_console_command_line(c, text);
    else if (kiln_streq(name, "break"))
        kiln_console_toggle_break(c, arg);
    else
        command(c, name, arg, false);
}

static void leave_answer(void *ud, bool yes)
{
    struct kiln_console *c = ud;

    c->quit = yes;
}

static void leave(struct kiln_console *c)
{
    if (kiln_boot_pane_unsaved(c->panes[KILN_PANE_BOOT]))
        kiln_console_confirm(c, "Leave, and lose the edited boot command?", leave_answer, c);
    else
        c->quit = true;
}

/* ---- all of them ---- */

static bool debug_action(struct kiln_console *c, enum kiln_action action, const char *arg)
{
    if (action == KILN_ACT_PAUSE)
        toggle_pause(c);
    else if (action == KILN_ACT_FREEZE)
        toggle_freeze(c);
    else if (action == KILN_ACT_SHELL)
        open_shell(c);
    else if (action == KILN_ACT_RUN_TO || action == KILN_ACT_BREAK)
        with_place(c, kiln_actions[action].word, arg);
    else if (action == KILN_ACT_RETYPE) /* whatever has the focus, its pane has the edit */
        (void)kiln_pane_ops_of(KILN_PANE_BOOT)->action(c->panes[KILN_PANE_BOOT], action, arg);
    else if (action == KILN_ACT_CANCEL)
        kiln_console_confirm(c, "Cancel all builds of this run and clean up?", cancel_answer, c);
    else if (action == KILN_ACT_CONTINUE || action == KILN_ACT_NEXT ||
             action == KILN_ACT_NEXT_ELEMENT || action == KILN_ACT_NEXT_KEY ||
             action == KILN_ACT_RETRY || action == KILN_ACT_SKIP)
        command(c, kiln_actions[action].word, NULL, false);
    else
        return false;
    return true;
}

static bool view_action(struct kiln_console *c, enum kiln_action action, const char *arg)
{
    if (action == KILN_ACT_HELP || (action == KILN_ACT_QUIT && c->focus == KILN_PANE_HELP))
        toggle_help(c);
    else if (action == KILN_ACT_QUIT)
        leave(c);
    else if (action == KILN_ACT_COMMAND_LINE)
        kiln_console_command_line(c, "");
    else if (action == KILN_ACT_FOCUS_NEXT || action == KILN_ACT_FOCUS_PREVIOUS)
        focus_by(c, action == KILN_ACT_FOCUS_NEXT ? 1 : -1);
    else if (action == KILN_ACT_FOCUS)
        focus_named(c, arg);
    else if (action == KILN_ACT_ZOOM)
        c->zoom = !c->zoom;
    else if (action == KILN_ACT_REDRAW && c->term)
        kiln_term_forget(c->term);
    else if (action == KILN_ACT_SUSPEND)
        c->leave = true;
    else if (action == KILN_ACT_BUILD_NEXT || action == KILN_ACT_BUILD_PREVIOUS)
        build_by(c, action == KILN_ACT_BUILD_NEXT ? 1 : c->model.n_builds - 1);
    else if (action == KILN_ACT_CONTROL)
        toggle_control(c);
    else if (action == KILN_ACT_MOUSE)
        kiln_settings_set(c, "mouse", c->mouse ? "off" : "on");
    else if (action == KILN_ACT_SET)
        kiln_settings_command(c, arg);
    else
        return false;
    return true;
}

void kiln_console_action(struct kiln_console *c, enum kiln_action action, const char *arg)
{
    const struct kiln_pane_ops *ops = kiln_pane_ops_of(c->focus);

    c->dirty = true;
    if (ops->action && ops->action(c->panes[c->focus], action, arg))
        return;
    if (!view_action(c, action, arg) && !debug_action(c, action, arg) &&
        kiln_actions[action].context != KILN_CTX_LIST)
        kiln_console_say(c, "%s does nothing here", kiln_actions[action].word);
}
