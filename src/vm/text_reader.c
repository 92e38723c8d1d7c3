#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "vm/fonts.h"
#include "vm/text_cell.h"

#define MAX_PIXELS   (9u << 20)   /* of a screen; larger ones have no text: it would take seconds */
#define SEARCH_SHARE 10           /* of the time, one in so many goes into finding a grid, … */
#define SEARCH_US    KILN_MS(100) /* … which is not tried more often than that */
#define LATEST_US    KILN_SECOND(1) /* … but no later: somebody may wait for the text */
#define FEW_UNKNOWN  4u             /* cells, which may be a pointer */
#define MAX_ODD      16             /* with more cells that are no glyph, none has the cursor */

#define BAR 0x2581 /* U+2581, which GRUB's graphic cursor looks like on a space */

struct odd { /* a cell of two colours that is no glyph, or BAR */
    unsigned column, row;
    struct kiln_cell_shape shape;
    struct kiln_text_cell plain; /* without a cursor: unknown, or BAR */
    struct kiln_text_cell cell;
};

struct kiln_text_reader {
    struct kiln_fonts *fonts; /* borrowed */
    struct kiln_text text;
    struct kiln_grid grid;     /* face NULL: none */
    unsigned width, height;    /* of the picture */
    unsigned *known, *unknown; /* owned; of each row of text: characters but spaces, what is none */
    struct odd odd[MAX_ODD];   /* of the rows that are being read */
    unsigned n_odd;
    bool cursor_moved;
    bool doubted;      /* the grid does not fit: find a better one */
    int64_t search_us; /* not before */
};

struct kiln_text_reader *kiln_text_reader_new(struct kiln_fonts *fonts)
{
    struct kiln_text_reader *r = kiln_xcalloc(1, sizeof(*r));

    r->fonts = fonts;
    kiln_text_done(&r->text);
    return r;
}

void kiln_text_reader_free(struct kiln_text_reader *r)
{
    if (!r)
        return;
    kiln_text_done(&r->text);
    free(r->known);
    free(r->unknown);
    free(r);
}

const struct kiln_text *kiln_text_of(const struct kiln_text_reader *r)
{
    return &r->text;
}

/* ---- cells ---- */

static unsigned at_most(unsigned n, unsigned max)
{
    return n < max ? n : max;
}

/* Of a glyph and another one that is its negative, the one on the ground that what is left of it
 * has. */
static struct kiln_text_cell choose(const struct kiln_face *f, const struct kiln_glyph *g,
                                    const struct kiln_bitmap *bits, uint32_t first, uint32_t other,
                                    uint32_t ground)
{
    const struct kiln_glyph *negative = g->negative ? &f->glyphs[g->negative - 1] : NULL;
    bool is_first_ground = kiln_face_is(f, g, bits);

    if (negative && (is_first_ground ? first : other) != ground) {
        g = negative;
        is_first_ground = !is_first_ground;
    }
    return is_first_ground ? (struct kiln_text_cell){ g->code, other, first }
                           : (struct kiln_text_cell){ g->code, first, other };
}

/* False: it is no glyph, but a cursor may stand on one (s says how it looks); or it looks like a
 * cursor. `ground` is that of the last character. */
static bool read_cell(const struct kiln_text_reader *r, const struct kiln_text_image *image,
                      unsigned column, unsigned row, uint32_t *ground, struct kiln_cell_shape *s,
                      struct kiln_text_cell *ret)
{
    const struct kiln_face *f = r->grid.face;
    const struct kiln_glyph *g = NULL;
    enum kiln_cell_kind kind = kiln_cell_look(image, r->grid.x + column * f->width,
                                              r->grid.y + row * f->height, f->width, f->height, s);
    uint32_t first = kiln_cell_rgb(s->first), other = kiln_cell_rgb(s->other);

    if (column == 0)
        *ground = first;
    if (kind == KILN_CELL_GLYPH)
        g = kiln_face_find(f, &s->bits);
    if (!g) {
        *ret = (struct kiln_text_cell){ kind == KILN_CELL_EMPTY ? ' ' : 0, other, first };
        return kind != KILN_CELL_GLYPH;
    }
    *ret = choose(f, g, &s->bits, first, other, *ground);
    *ground = ret->bg;
    return ret->code != BAR;
}

static void put_cell(struct kiln_text_reader *r, unsigned column, unsigned row,
                     const struct kiln_text_cell *now)
{
    struct kiln_text_cell *cell = &r->text.cells[(size_t)row * r->text.columns + column];

    r->known[row] += now->code > ' ';
    r->unknown[row] += now->code == 0;
    if (memcmp(now, cell, sizeof(*now)) == 0)
        return;
    *cell = *now;
    r->text.row_changed[row] = r->text.generation + 1;
}

static void read_row(struct kiln_text_reader *r, const struct kiln_text_image *image, unsigned row)
{
    uint32_t ground = 0;

    r->known[row] = r->unknown[row] = 0;
    for (unsigned x = 0; x < r->text.columns; x++) {
        struct odd odd = { .column = x, .row = row };

        if (read_cell(r, image, x, row, &ground, &odd.shape, &odd.plain) || r->n_odd == MAX_ODD) {
            put_cell(r, x, row, &odd.plain);
            continue;
        }
        odd.cell = odd.plain;
        r->odd[r->n_odd++] = odd;
    }
}

/* What the cursor hides, by what was in that cell before. */
static bool look_under(struct kiln_text_reader *r, struct odd *odd)
{
    const struct kiln_face *f = r->grid.face;
    struct kiln_text_cell *cell = &odd->cell;
    uint32_t before = r->text.cells[(size_t)odd->row * r->text.columns + odd->column].code;
    struct kiln_bitmap negative = kiln_bitmap_invert(&odd->shape.bits, f->width, f->height);
    uint32_t code = kiln_cursor_find(f, &odd->shape.bits, before);

    if (!code && (code = kiln_cursor_find(f, &negative, before)))
        *cell = (struct kiln_text_cell){ 0, cell->bg, cell->fg };
    if (code == ' ')
        cell->fg = cell->bg; /* as without the cursor */
    cell->code = code;
    return code != 0;
}

/* Of cells that are no glyph, one may have the cursor on it. If more look so, they are something
 * else, and unknown. */
static void find_cursor(struct kiln_text_reader *r)
{
    unsigned found = 0;
    struct odd *at = NULL;

    for (unsigned i = 0; i < r->n_odd; i++) {
        if (r->n_odd == MAX_ODD || !look_under(r, &r->odd[i]))
            continue;
        at = &r->odd[i];
        found++;
    }
    for (unsigned i = 0; i < r->n_odd; i++) {
        if (found != 1)
            r->odd[i].cell = r->odd[i].plain;
        put_cell(r, r->odd[i].column, r->odd[i].row, &r->odd[i].cell);
    }
    r->n_odd = 0;
    if (found != 1 ||
        (r->text.cursor_column == (int)at->column && r->text.cursor_row == (int)at->row))
        return;
    r->text.cursor_column = (int)at->column;
    r->text.cursor_row = (int)at->row;
    r->cursor_moved = true;
}

/* The rows of text that these rows of pixels belong to; true: something is another than before. */
static bool read_rows(struct kiln_text_reader *r, const struct kiln_text_image *image, unsigned y,
                      unsigned rows)
{
    unsigned h = r->text.cell_height, first, end;
    bool changed;

    if (!r->grid.face || rows == 0 || y + rows <= r->grid.y)
        return false;
    first = y > r->grid.y ? (y - r->grid.y) / h : 0;
    end = at_most((y + rows - r->grid.y + h - 1) / h, r->text.rows);
    r->cursor_moved = false;
    for (unsigned row = first; row < end; row++)
        read_row(r, image, row);
    find_cursor(r);
    changed = r->cursor_moved;
    for (unsigned row = first; row < end; row++)
        changed |= r->text.row_changed[row] > r->text.generation;
    r->text.generation += changed;
    return changed;
}

/* ---- the grid ---- */

/* Another grid, or none (NULL): what was read is void. */
static void set_grid(struct kiln_text_reader *r, const struct kiln_grid *grid,
                     const struct kiln_text_image *image)
{
    uint64_t next = r->text.generation + 1;
    struct kiln_text t = { .generation = next, .grid_changed = next };

    t.cursor_column = t.cursor_row = -1;
    kiln_text_done(&r->text);
    r->grid = grid ? *grid : (struct kiln_grid){ 0 };
    if (grid) {
        t.columns = at_most(kiln_grid_columns(grid, image), KILN_MAX_TEXT_COLUMNS);
        t.rows = at_most(kiln_grid_rows(grid, image), KILN_MAX_TEXT_ROWS);
        t.x = grid->x;
        t.y = grid->y;
        t.cell_width = grid->face->width;
        t.cell_height = grid->face->height;
        t.font = grid->face->name;
        t.cells = kiln_xcalloc((size_t)t.columns * t.rows, sizeof(*t.cells));
        t.row_changed = kiln_xcalloc(t.rows, sizeof(*t.row_changed));
        r->known = kiln_xrealloc(r->known, t.rows, sizeof(*r->known));
        r->unknown = kiln_xrealloc(r->unknown, t.rows, sizeof(*r->unknown));
    }
    r->text = t;
}

static void count(const struct kiln_text_reader *r, unsigned *ret_known, unsigned *ret_unknown)
{
    *ret_known = *ret_unknown = 0;
    for (unsigned y = 0; y < r->text.rows; y++) {
        *ret_known += r->known[y];
        *ret_unknown += r->unknown[y];
    }
}

/* Is it what a grid should be? Without one, that a picture has something to see is reason enough
 * to look for it. */
static bool fits(const struct kiln_text_reader *r)
{
    unsigned known, unknown;

    if (!r->grid.face)
        return false;
    count(r, &known, &unknown);
    return unknown <= FEW_UNKNOWN || unknown * 2 < known;
}

/* There are more cells that are none than characters: that is a picture. */
static bool is_lost(const struct kiln_text_reader *r)
{
    unsigned known, unknown;

    count(r, &known, &unknown);
    return unknown > known;
}

/* In all fonts there are, if need be. *ret_us: what it takes, but for the fonts, which are loaded
 * once; CPU time, as a busy host would make a long pause of a short search. */
static bool search(struct kiln_text_reader *r, const struct kiln_text_image *image,
                   struct kiln_grid *ret, int64_t *ret_us)
{
    bool all = false, found;

    do {
        int64_t start = kiln_clock_thread_us();

        found = kiln_grid_find(r->fonts, image, ret, &all);
        *ret_us = kiln_clock_thread_us() - start;
    } while (!all && kiln_fonts_load_more(r->fonts));
    return found;
}

static bool same_grid(const struct kiln_grid *a, const struct kiln_grid *b)
{
    return a->face == b->face && a->x == b->x && a->y == b->y;
}

static bool find_grid(struct kiln_text_reader *r, const struct kiln_text_image *image,
                      int64_t now_us)
{
    int64_t start = kiln_clock_mono_us(), took, pause;
    struct kiln_grid grid;
    bool found = search(r, image, &grid, &took);

    pause = took * SEARCH_SHARE > SEARCH_US ? took * SEARCH_SHARE : SEARCH_US;
    r->search_us = now_us + kiln_clock_mono_us() - start + (pause < LATEST_US ? pause : LATEST_US);
    r->doubted = false;
    if (found ? same_grid(&grid, &r->grid) : !r->grid.face || !is_lost(r))
        return false;
    set_grid(r, found ? &grid : NULL, image);
    return true;
}

bool kiln_text_read(struct kiln_text_reader *r, const struct kiln_text_image *image, unsigned y,
                    unsigned rows, int64_t now_us)
{
    bool changed = false;

    if (image->width != r->width || image->height != r->height) {
        changed = kiln_text_forget(r);
        r->width = image->width;
        r->height = image->height;
        y = 0;
        rows = image->height;
    }
    if ((size_t)image->width * image->height > MAX_PIXELS)
        return changed;
    changed |= read_rows(r, image, y, rows);
    r->doubted = (r->doubted || rows > 0) && !fits(r);
    if (r->doubted && now_us >= r->search_us && find_grid(r, image, now_us)) {
        (void)read_rows(r, image, 0, image->height);
        changed = true;
    }
    return changed;
}

int64_t kiln_text_due(const struct kiln_text_reader *r)
{
    return r->doubted ? r->search_us : KILN_NEVER;
}

bool kiln_text_forget(struct kiln_text_reader *r)
{
    bool had = r->grid.face != NULL;

    if (had)
        set_grid(r, NULL, NULL);
    r->width = r->height = 0;
    r->doubted = false;
    r->search_us = 0;
    return had;
}
