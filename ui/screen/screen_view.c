#include "ui/screen/screen_view.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"

#define SLICE_US 5000 /* of one kiln_screen_view_work */
#define BAND     2    /* rows that are converted together: 1 to 5 ms at 200 columns */

void kiln_screen_view_done(struct kiln_screen_view *v)
{
    kiln_picture_done(&v->scaled);
    kiln_picture_done(&v->fresh);
    free(v->cells);
    free(v->stale);
    *v = (struct kiln_screen_view){ 0 };
}

static int at_least(int n, int min)
{
    return n > min ? n : min;
}

static int at_most(int n, int max)
{
    return n < max ? n : max;
}

/* ---- text ---- */

/* Text that is cut on the right is worth less than a small picture of all of it. */
static bool text_fits(const struct kiln_screen_view *v)
{
    return v->area_cols >= v->text->cols * 3 / 4;
}

bool kiln_screen_view_has_text(const struct kiln_screen_view *v)
{
    return v->text && v->text->cols > 0;
}

bool kiln_screen_view_as_text(const struct kiln_screen_view *v)
{
    if (!kiln_screen_view_has_text(v))
        return false;
    return !v->picture || (v->text_wanted && (v->text_always || text_fits(v)));
}

/* Keep what is in sight inside the text. */
static void place_text(struct kiln_screen_view *v)
{
    int spare = v->text->rows - v->area_rows;

    if (!v->scrolled) {
        v->left = 0;
        v->top = v->text->last_row + 1 - v->area_rows;
    }
    v->left = at_least(at_most(v->left, v->text->cols - v->area_cols), 0);
    v->top = at_least(at_most(v->top, spare), 0);
}

bool kiln_screen_view_scroll(struct kiln_screen_view *v, int dx, int dy)
{
    if (!kiln_screen_view_as_text(v) ||
        (v->text->cols <= v->area_cols && v->text->rows <= v->area_rows))
        return false;
    v->scrolled = true;
    v->left += dx;
    v->top += dy;
    place_text(v);
    return true;
}

/* ---- blocks ---- */

static void make_room(struct kiln_screen_view *v, int cols, int rows)
{
    const struct kiln_cell empty = { .ch = ' ' };

    if (v->cols == cols && v->rows == rows)
        return;
    v->cells = kiln_xrealloc(v->cells, (size_t)cols * (size_t)rows, sizeof(*v->cells));
    v->stale = kiln_xrealloc(v->stale, (size_t)rows, sizeof(*v->stale));
    for (int i = 0; i < cols * rows; i++)
        v->cells[i] = empty;
    memset(v->stale, true, (size_t)rows);
    v->cols = cols;
    v->rows = rows;
    kiln_picture_done(&v->scaled);
}

/* Scale the picture to pixels of cells and find the rows that are not as before. */
static void find_changes(struct kiln_screen_view *v)
{
    const size_t row = (size_t)v->cols * KILN_PIXELS_PER_CELL * KILN_PIXELS_PER_CELL * 4;
    struct kiln_picture swap;

    if (!kiln_picture_size(&v->fresh, (unsigned)v->cols * KILN_PIXELS_PER_CELL,
                           (unsigned)v->rows * KILN_PIXELS_PER_CELL))
        return;
    kiln_picture_scale(v->picture, &v->fresh);
    for (int y = 0; y < v->rows; y++) {
        if (!v->scaled.rgbx ||
            memcmp(v->fresh.rgbx + (size_t)y * row, v->scaled.rgbx + (size_t)y * row, row) != 0)
            v->stale[y] = true;
    }
    swap = v->scaled;
    v->scaled = v->fresh;
    v->fresh = swap;
}

/* ---- both ---- */

static void update(struct kiln_screen_view *v)
{
    int cols, rows;

    v->was_text = kiln_screen_view_as_text(v);
    if (v->area_cols == 0)
        return;
    if (v->was_text) {
        v->cols = v->rows = 0;
        place_text(v);
        return;
    }
    if (!v->picture || !v->ops)
        return;
    kiln_picture_fit(v->picture->width, v->picture->height, v->area_cols, v->area_rows, v->cell_w,
                     v->cell_h, &cols, &rows);
    make_room(v, cols, rows);
    find_changes(v);
}

void kiln_screen_view_set(struct kiln_screen_view *v, const struct kiln_picture *picture)
{
    v->picture = picture;
    update(v);
}

void kiln_screen_view_set_text(struct kiln_screen_view *v, const struct kiln_text_screen *text)
{
    v->text = text;
    if (v->was_text || kiln_screen_view_as_text(v))
        update(v);
}

void kiln_screen_view_show_row(struct kiln_screen_view *v, int row)
{
    v->scrolled = true;
    if (row < v->top || row >= v->top + v->area_rows)
        v->top = row - v->area_rows / 2;
    place_text(v);
}

void kiln_screen_view_resize(struct kiln_screen_view *v, int cols, int rows)
{
    if (cols == v->area_cols && rows == v->area_rows)
        return;
    v->area_cols = at_most(cols, KILN_CANVAS_MAX);
    v->area_rows = at_most(rows, KILN_CANVAS_MAX);
    update(v);
}

void kiln_screen_view_forget(struct kiln_screen_view *v)
{
    v->cols = v->rows = 0;
    update(v);
}

bool kiln_screen_view_pending(const struct kiln_screen_view *v)
{
    return v->ops && v->scaled.rgbx && v->rows > 0 && memchr(v->stale, true, (size_t)v->rows);
}

static void convert(struct kiln_screen_view *v, int y, int n)
{
    const size_t row = (size_t)v->scaled.width * KILN_PIXELS_PER_CELL * 4;
    const struct kiln_picture band = {
        .rgbx = v->scaled.rgbx + (size_t)y * row,
        .width = v->scaled.width,
        .height = (unsigned)n * KILN_PIXELS_PER_CELL,
    };

    v->ops->cells(&band, v->symbols, v->colors, v->cols, n, v->cells + (size_t)y * (size_t)v->cols);
    memset(v->stale + y, false, (size_t)n);
}

bool kiln_screen_view_work(struct kiln_screen_view *v, int max_rows)
{
    int64_t until = kiln_clock_mono_us() + SLICE_US;

    if (!kiln_screen_view_pending(v))
        return false;
    for (int y = 0; y < v->rows; y++) {
        int n = 0;

        while (n < BAND && y + n < v->rows && v->stale[y + n])
            n++;
        if (n == 0)
            continue;
        convert(v, y, n);
        max_rows -= n;
        if (max_rows <= 0 || kiln_clock_mono_us() >= until)
            break;
    }
    return kiln_screen_view_pending(v);
}

/* ---- on the canvas ---- */

/* As the guest shows it, with its cursor, and with what is searched for. */
static struct kiln_style style_at(const struct kiln_text_screen *t, int x, int y, bool marked)
{
    struct kiln_style style = t->cells[y * t->cols + x].style;

    if (x == t->cursor_x && y == t->cursor_y)
        style.attr |= KILN_ATTR_UNDERLINE;
    if (marked)
        style.attr ^= KILN_ATTR_REVERSE;
    return style;
}

static void draw_text(const struct kiln_screen_view *v, const struct kiln_area *a)
{
    const struct kiln_text_screen *t = v->text;
    int w = at_most(t->cols, a->w), h = at_most(t->rows, a->h);
    struct kiln_area in = kiln_area_sub(a, (a->w - w) / 2, (a->h - h) / 2, w, h);
    bool marked[KILN_CANVAS_MAX] = { false };

    for (int y = 0; y < h && v->top + y < t->rows; y++) {
        if (v->search)
            kiln_text_screen_mark(t, v->search, v->top + y, marked);
        for (int x = 0; x < w && v->left + x < t->cols; x++)
            kiln_area_put(&in, x, y, t->cells[(v->top + y) * t->cols + v->left + x].ch,
                          style_at(t, v->left + x, v->top + y, marked[v->left + x]));
    }
}

static void draw_blocks(const struct kiln_screen_view *v, const struct kiln_area *a)
{
    struct kiln_area in =
        kiln_area_sub(a, at_least((a->w - v->cols) / 2, 0), at_least((a->h - v->rows) / 2, 0),
                      at_most(v->cols, a->w), at_most(v->rows, a->h));

    for (int y = 0; y < in.h; y++)
        for (int x = 0; x < in.w; x++) {
            const struct kiln_cell *cell = &v->cells[y * v->cols + x];

            kiln_area_put(&in, x, y, cell->ch, cell->style);
        }
}

void kiln_screen_view_draw(const struct kiln_screen_view *v, const struct kiln_area *a)
{
    if (kiln_screen_view_as_text(v))
        draw_text(v, a);
    else if (v->picture && v->cols > 0)
        draw_blocks(v, a);
}
