#include "ui/screen/screen_graphics.h"

#include "ui/screen/kitty.h"

#define FIRST_ID   0x6b696cu /* "kil": two ids in turn, so that there is always a picture */
#define FAST_LEVEL 1         /* of compression */

void kiln_screen_graphics_done(struct kiln_screen_graphics *g)
{
    kiln_picture_done(&g->buf);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* kitty stretches a picture over its cells, so a small one may stay small; sixel does not. */
static bool scale(struct kiln_screen_graphics *g, const struct kiln_term_caps *caps,
                  const struct kiln_picture *p, int cols, int rows)
{
    unsigned w = (unsigned)cols * (unsigned)caps->cell_w,
             h = (unsigned)rows * (unsigned)caps->cell_h;

    if (caps->pixels == KILN_PIXELS_KITTY) {
        w = caps->cell_w > 0 ? smaller(w, p->width) : p->width;
        h = caps->cell_h > 0 ? smaller(h, p->height) : p->height;
    }
    if (!kiln_picture_size(&g->buf, w, h))
        return false;
    kiln_picture_scale(p, &g->buf);
    return true;
}

static void add_kitty(struct kiln_screen_graphics *g, int cols, int rows, struct kiln_str *out)
{
    unsigned old = g->shown == KILN_PIXELS_KITTY ? g->id : 0;
    KILN_AUTO_STR png = { 0 };

    if (!kiln_picture_png(&g->buf, FAST_LEVEL, &png, NULL))
        return;
    g->id = old == FIRST_ID ? FIRST_ID + 1 : FIRST_ID;
    kiln_kitty_show(out, g->id, cols, rows, png.data, png.len);
    if (old)
        kiln_kitty_remove(out, old);
}

/* Cells that a picture may take: no terminal shows one beyond its maximum. */
static int at_most(int cells, const struct kiln_term_caps *caps, int max_pixels, int cell_pixels)
{
    int fit = cell_pixels > 0 ? max_pixels / cell_pixels : 0;

    return caps->pixels == KILN_PIXELS_SIXEL && fit > 0 && fit < cells ? fit : cells;
}

bool kiln_screen_graphics_show(struct kiln_screen_graphics *g, struct kiln_term *term,
                               const struct kiln_pixels_ops *ops, const struct kiln_area *a,
                               const struct kiln_picture *p, uint64_t frame)
{
    const struct kiln_term_caps *caps = kiln_term_caps(term);
    KILN_AUTO_STR out = { 0 };
    int cols, rows, x, y;
    bool there, moved;

    kiln_picture_fit(p->width, p->height, at_most(a->w, caps, caps->sixel_w, caps->cell_w),
                     at_most(a->h, caps, caps->sixel_h, caps->cell_h), caps->cell_w, caps->cell_h,
                     &cols, &rows);
    x = a->x + (a->w - cols) / 2;
    y = a->y + (a->h - rows) / 2;
    there = g->shown == caps->pixels && g->epoch == kiln_term_epoch(term);
    moved = g->x != x || g->y != y || g->cols != cols || g->rows != rows;
    if (there && !moved && g->frame == frame)
        return true;
    if (there && moved && g->shown == KILN_PIXELS_SIXEL)
        return !kiln_screen_graphics_hide(g, term);
    if (!kiln_term_flush(term))
        return false;
    if (!scale(g, caps, p, cols, rows))
        return true;
    kiln_str_addf(&out, "\0337\033[%d;%dH", y + 1, x + 1);
    if (caps->pixels == KILN_PIXELS_KITTY)
        add_kitty(g, cols, rows, &out);
    else
        ops->sixel(&g->buf, &out);
    kiln_str_adds(&out, "\0338");
    (void)kiln_term_raw(term, out.data, out.len); /* too much of it: none is shown */
    *g = (struct kiln_screen_graphics){
        caps->pixels, x, y, cols, rows, frame, g->id, kiln_term_epoch(term), g->buf,
    };
    return true;
}

bool kiln_screen_graphics_hide(struct kiln_screen_graphics *g, struct kiln_term *term)
{
    enum kiln_pixels was = g->shown;
    KILN_AUTO_STR out = { 0 };

    g->shown = KILN_PIXELS_NONE;
    switch (was) {
    case KILN_PIXELS_NONE:
        return false;
    case KILN_PIXELS_KITTY:
        kiln_kitty_remove(&out, g->id);
        (void)kiln_term_raw(term, out.data, out.len);
        return false;
    case KILN_PIXELS_SIXEL:
        kiln_term_forget(term);
        return true;
    }
    return false;
}
