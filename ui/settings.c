#include "ui/settings.h"

#include "base/mem.h"
#include "ui/console_priv.h"
#include "ui/term/term.h"

static bool set_mouse(struct kiln_console *c, const char *value)
{
    c->mouse = kiln_streq(value, "on");
    if (c->term)
        kiln_term_mouse(c->term, c->mouse);
    kiln_console_say(c, c->mouse ? "the mouse is kiln's" : "the mouse is the terminal's");
    return true;
}

static bool set_max_bps(struct kiln_console *c, const char *value)
{
    int64_t bps;

    if (!kiln_parse_i64(value, &bps) || bps < 0) {
        kiln_console_error(c, "max-bps: \"%s\" is no number of bytes a second (0: no limit)",
                           value);
        return false;
    }
    if (c->term)
        kiln_term_set_max_bps(c->term, (long)bps);
    return true;
}

static bool set_keymap(struct kiln_console *c, const char *value)
{
    KILN_AUTO_STR problems = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_keymap map;

    if (!kiln_keymap_load(&map, value, &problems, &err)) {
        kiln_keymap_done(&map);
        kiln_console_error(c, "%s", kiln_err_text(&err));
        return false;
    }
    kiln_keymap_done(&c->keymap);
    c->keymap = map;
    if (problems.len > 0)
        kiln_console_error(c, "%.*s", (int)strcspn(problems.data, "\n"), problems.data);
    return true;
}

bool kiln_settings_set(struct kiln_console *c, const char *name, const char *value)
{
    if (kiln_streq(name, "mouse"))
        return set_mouse(c, value);
    if (kiln_streq(name, "max-bps"))
        return set_max_bps(c, value);
    if (kiln_streq(name, "keymap"))
        return set_keymap(c, value);
    if (kiln_streq(name, "wrap"))
        return kiln_pane_log.action(c->panes[KILN_PANE_LOG], KILN_ACT_WRAP, value);
    kiln_console_error(c, "no setting is called \"%s\"; there are keymap, max-bps, mouse, wrap",
                       name);
    return false;
}

void kiln_settings_command(struct kiln_console *c, const char *arg)
{
    KILN_AUTO_FREE char *name = kiln_xstrndup(arg, strcspn(arg, " "));
    const char *value = arg + strlen(name);

    (void)kiln_settings_set(c, name, value + strspn(value, " "));
}
