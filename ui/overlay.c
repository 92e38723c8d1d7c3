/* Menus and yes-or-no questions, over everything. */
#include "base/mem.h"
#include "ui/console_priv.h"

void kiln_overlay_close(struct kiln_console *c)
{
    free(c->overlay.title);
    kiln_strv_done(&c->overlay.choices);
    memset(&c->overlay, 0, sizeof(c->overlay));
    c->dirty = true;
}

bool kiln_overlay_is_for(const struct kiln_console *c, const void *ud)
{
    return c->overlay.kind != KILN_OVERLAY_NONE && c->overlay.ud == ud;
}

void kiln_console_confirm(struct kiln_console *c, const char *question,
                          void (*fn)(void *ud, bool yes), void *ud)
{
    kiln_overlay_close(c);
    c->overlay.kind = KILN_OVERLAY_CONFIRM;
    c->overlay.title = kiln_xstrdup(question);
    c->overlay.on_confirm = fn;
    c->overlay.ud = ud;
}

void kiln_console_menu(struct kiln_console *c, const char *title, const struct kiln_strv *choices,
                       void (*fn)(void *ud, int index), void *ud)
{
    kiln_overlay_close(c);
    c->overlay.kind = KILN_OVERLAY_MENU;
    c->overlay.title = kiln_xstrdup(title);
    kiln_strv_add_all(&c->overlay.choices, choices);
    c->overlay.on_menu = fn;
    c->overlay.ud = ud;
}

/* The callback may open another overlay: this one is gone by then. */
static void answer(struct kiln_console *c, int index)
{
    struct kiln_overlay o = c->overlay;

    c->overlay.kind = KILN_OVERLAY_NONE;
    kiln_overlay_close(c);
    if (o.on_menu)
        o.on_menu(o.ud, index);
    if (o.on_confirm)
        o.on_confirm(o.ud, index > 0);
}

static void menu_key(struct kiln_console *c, const struct kiln_key *key)
{
    struct kiln_overlay *o = &c->overlay;
    size_t n = o->choices.n;
    bool ctrl = key->mods & KILN_MOD_CTRL;

    if (key->code == KILN_KEY_UP || (!ctrl && key->code == 'k') || (ctrl && key->code == 'p'))
        o->at = o->at > 0 ? o->at - 1 : 0;
    else if (key->code == KILN_KEY_DOWN || (!ctrl && key->code == 'j') ||
             (ctrl && key->code == 'n'))
        o->at = o->at + 1 < n ? o->at + 1 : o->at;
    else if (key->code == KILN_KEY_ENTER && n > 0)
        answer(c, (int)o->at);
    else if (key->code >= '1' && key->code <= '9' && key->code - '1' < n)
        answer(c, (int)(key->code - '1'));
    else if (key->code == KILN_KEY_ESC || key->code == 'q' ||
             (ctrl && (key->code == 'c' || key->code == 'g')))
        answer(c, -1);
}

bool kiln_overlay_key(struct kiln_console *c, const struct kiln_key *key)
{
    switch (c->overlay.kind) {
    case KILN_OVERLAY_NONE:
        return false;
    case KILN_OVERLAY_MENU:
        menu_key(c, key);
        break;
    case KILN_OVERLAY_CONFIRM: /* only y is yes */
        answer(c, key->mods == 0 && (key->code == 'y' || key->code == 'Y'));
        break;
    }
    c->dirty = true;
    return true;
}

static void draw_menu(struct kiln_console *c, const struct kiln_area *all)
{
    const struct kiln_overlay *o = &c->overlay;
    const struct kiln_style plain = { 0 }, chosen = { .attr = KILN_ATTR_REVERSE },
                            bold = { .attr = KILN_ATTR_BOLD };
    int w = kiln_text_columns(o->title, strlen(o->title)) + 4, h = (int)o->choices.n + 2;
    struct kiln_area box, inside;
    int first;

    KILN_STRV_FOREACH (s, &o->choices) {
        int columns = kiln_text_columns(s, strlen(s)) + 7;

        w = columns > w ? columns : w;
    }
    w = w < all->w - 2 ? w : all->w - 2;
    h = h < all->h - 2 ? h : all->h - 2;
    box = kiln_area_sub(all, (all->w - w) / 2, (all->h - h) / 2, w, h);
    kiln_frame_box(&box, o->title, bold);
    inside = kiln_area_sub(&box, 1, 1, w - 2, h - 2);
    first = (int)o->at >= inside.h ? (int)o->at - inside.h + 1 : 0;
    for (int y = 0; y < inside.h && (size_t)first + (size_t)y < o->choices.n; y++) {
        size_t i = (size_t)first + (size_t)y;
        struct kiln_style style = i == o->at ? chosen : plain;

        kiln_area_fill(&inside, 0, y, inside.w, 1, ' ', style);
        kiln_area_printf(&inside, 1, y, style, "%c %s", i < 9 ? (int)('1' + i) : ' ',
                         o->choices.v[i]);
    }
}

void kiln_overlay_draw(struct kiln_console *c)
{
    struct kiln_area all = kiln_canvas_area(&c->canvas);
    const struct kiln_style bold = { .attr = KILN_ATTR_BOLD };
    int x;

    switch (c->overlay.kind) {
    case KILN_OVERLAY_NONE:
        break;
    case KILN_OVERLAY_MENU:
        draw_menu(c, &all);
        break;
    case KILN_OVERLAY_CONFIRM:
        kiln_area_fill(&all, 0, all.h - 1, all.w, 1, ' ', (struct kiln_style){ 0 });
        x = kiln_area_printf(&all, 0, all.h - 1, bold, "%s (y/N) ", c->overlay.title);
        kiln_area_cursor(&all, x < all.w ? x : all.w - 1, all.h - 1);
        break;
    }
}
