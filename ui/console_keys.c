/* From keys to actions. */
#include "ui/command.h"
#include "ui/console_priv.h"

static void cmdline_key(struct kiln_console *c, const struct kiln_key *key)
{
    struct kiln_cmdline *l = &c->cmdline;
    KILN_AUTO_STR text = { 0 };

    switch (kiln_cmdline_key(l, key)) {
    case KILN_CMDLINE_MORE:
        break;
    case KILN_CMDLINE_COMPLETE:
        kiln_command_complete(c, key->mods & KILN_MOD_SHIFT);
        break;
    case KILN_CMDLINE_LEFT:
        kiln_cmdline_close(l);
        break;
    case KILN_CMDLINE_DONE:
        kiln_str_adds(&text, kiln_str_cstr(&l->text));
        kiln_cmdline_close(l);
        kiln_command_run(c, kiln_str_cstr(&text));
        break;
    }
    c->dirty = true;
}

static bool pane_key(struct kiln_console *c, const struct kiln_key *key)
{
    const struct kiln_pane_ops *ops = kiln_pane_ops_of(c->focus);

    return ops->key && ops->key(c->panes[c->focus], key);
}

static void tell_unbound(struct kiln_console *c)
{
    KILN_AUTO_STR text = { 0 };

    for (size_t i = 0; i < c->n_keys; i++) {
        if (i > 0)
            kiln_str_addc(&text, ' ');
        kiln_key_to_text(&c->keys[i], &text);
    }
    kiln_console_say(c, "%s is not bound; %s", kiln_str_cstr(&text), ":help shows the keys");
}

static void mapped_key(struct kiln_console *c, const struct kiln_key *key)
{
    const enum kiln_context contexts[] = { kiln_pane_ops_of(c->focus)->context, KILN_CTX_LIST,
                                           KILN_CTX_GLOBAL };
    const struct kiln_binding *b = NULL;

    if (c->n_keys > 0 && key->code == KILN_KEY_ESC) { /* out of an unfinished sequence */
        c->n_keys = 0;
        return;
    }
    c->keys[c->n_keys++] = *key;
    switch (kiln_keymap_look(&c->keymap, contexts, KILN_COUNT(contexts), c->keys, c->n_keys, &b)) {
    case KILN_KEYMAP_PREFIX:
        if (c->n_keys < KILN_KEYMAP_MAX_KEYS)
            return;
        break;
    case KILN_KEYMAP_FOUND:
        c->n_keys = 0;
        kiln_console_action(c, b->action, b->arg);
        return;
    case KILN_KEYMAP_NONE:
        if (key->code != KILN_KEY_MOUSE)
            tell_unbound(c);
        break;
    }
    c->n_keys = 0;
}

/* A press focuses the pane under it, the wheel moves there. */
static void mouse_key(struct kiln_console *c, const struct kiln_key *key)
{
    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_rect *r = &c->layout.panes[i];

        if (r->w == 0 || key->x < r->x || key->x >= r->x + r->w || key->y < r->y - 1 ||
            key->y >= r->y + r->h)
            continue;
        if (key->button == 1)
            kiln_console_focus(c, (enum kiln_pane_id)i);
        else if (key->button == 4 || key->button == 5)
            kiln_pane_ops_of((enum kiln_pane_id)i)
                ->action(c->panes[i], key->button == 4 ? KILN_ACT_UP : KILN_ACT_DOWN, "");
        return;
    }
}

void kiln_console_key(struct kiln_console *c, const struct kiln_key *key)
{
    kiln_console_say_nothing(c);
    if (kiln_overlay_key(c, key))
        return;
    if (c->cmdline.open)
        cmdline_key(c, key);
    else if (c->n_keys > 0 || !pane_key(c, key)) {
        if (key->code == KILN_KEY_MOUSE)
            mouse_key(c, key);
        else
            mapped_key(c, key);
    }
}

void kiln_console_paste(struct kiln_console *c, const char *text, size_t len)
{
    const struct kiln_pane_ops *ops = kiln_pane_ops_of(c->focus);

    c->dirty = true;
    if (c->overlay.kind != KILN_OVERLAY_NONE)
        return;
    if (c->cmdline.open)
        kiln_cmdline_insert(&c->cmdline, text, len);
    else if (!ops->paste || !ops->paste(c->panes[c->focus], text, len))
        kiln_console_say(c, "nothing here takes a paste");
}
