#include "ui/term/canvas.h"

#include <assert.h>

#include "base/mem.h"
#include "base/str.h"
#include "ui/term/width.h"

#define REPLACEMENT 0xFFFDu
#define TAB         8
#define MAX_CSI     64 /* bytes of an escape sequence that is taken as one */

static const struct kiln_cell empty = { .ch = ' ' };

/* ---- the grid ---- */

void kiln_canvas_resize(struct kiln_canvas *c, int cols, int rows)
{
    assert(cols > 0 && rows > 0 && cols <= KILN_CANVAS_MAX && rows <= KILN_CANVAS_MAX);
    c->cells = kiln_xrealloc(c->cells, (size_t)cols * (size_t)rows, sizeof(*c->cells));
    c->cols = cols;
    c->rows = rows;
    kiln_canvas_clear(c);
}

void kiln_canvas_clear(struct kiln_canvas *c)
{
    for (size_t i = 0; i < (size_t)c->cols * (size_t)c->rows; i++)
        c->cells[i] = empty;
    c->cursor_x = c->cursor_y = -1;
}

void kiln_canvas_done(struct kiln_canvas *c)
{
    free(c->cells);
    *c = (struct kiln_canvas){ .cursor_x = -1, .cursor_y = -1 };
}

struct kiln_area kiln_canvas_area(struct kiln_canvas *c)
{
    return (struct kiln_area){ .canvas = c, .w = c->cols, .h = c->rows };
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* from + len without an overflow. */
static int end_of(int from, int len, int low, int high)
{
    int64_t end = (int64_t)from + (len > 0 ? len : 0);

    return end < low ? low : end > high ? high : (int)end;
}

struct kiln_area kiln_area_sub(const struct kiln_area *a, int x, int y, int w, int h)
{
    int left = clamp(x, 0, a->w), top = clamp(y, 0, a->h);
    int right = end_of(x, w, left, a->w), bottom = end_of(y, h, top, a->h);

    return (struct kiln_area){
        .canvas = a->canvas, .x = a->x + left, .y = a->y + top, .w = right - left, .h = bottom - top
    };
}

/* ---- characters ---- */

/* Whatever stood here goes; a wide character loses its other half too. */
static void set_cell(struct kiln_cell *row, int cols, int x, struct kiln_cell cell)
{
    if (row[x].ch == 0 && x > 0)
        row[x - 1].ch = ' ';
    if (x + 1 < cols && row[x + 1].ch == 0)
        row[x + 1].ch = ' ';
    row[x] = cell;
}

/* Only here does a character get into a cell. */
static void put(const struct kiln_area *a, int x, int y, uint32_t ch, int width,
                struct kiln_style style)
{
    struct kiln_canvas *c = a->canvas;
    struct kiln_cell *row;

    if (y < 0 || y >= a->h || x + width <= 0 || x >= a->w)
        return;
    if (x < 0 || x + width > a->w) { /* half of a wide one */
        x = clamp(x, 0, a->w - 1);
        ch = ' ';
        width = 1;
    }
    row = c->cells + (size_t)(a->y + y) * (size_t)c->cols;
    set_cell(row, c->cols, a->x + x, (struct kiln_cell){ ch, style });
    if (width == 2) {
        set_cell(row, c->cols, a->x + x + 1, (struct kiln_cell){ ' ', style });
        row[a->x + x + 1].ch = 0;
    }
}

void kiln_area_put(const struct kiln_area *a, int x, int y, uint32_t ch, struct kiln_style style)
{
    int width = kiln_char_width(ch);

    if (kiln_char_is_control(ch))
        ch = '?';
    else if (width == 0)
        ch = REPLACEMENT;
    put(a, x, y, ch, width == 2 ? 2 : 1, style);
}

void kiln_area_fill(const struct kiln_area *a, int x, int y, int w, int h, uint32_t ch,
                    struct kiln_style style)
{
    struct kiln_area in = kiln_area_sub(a, x, y, w, h);

    if (kiln_char_width(ch) != 1)
        ch = ' ';
    for (int row = 0; row < in.h; row++)
        for (int col = 0; col < in.w; col++)
            put(&in, col, row, ch, 1, style);
}

void kiln_area_cursor(const struct kiln_area *a, int x, int y)
{
    if (x < 0 || x >= a->w || y < 0 || y >= a->h)
        return;
    a->canvas->cursor_x = a->x + x;
    a->canvas->cursor_y = a->y + y;
}

/* ---- text ---- */

/* One thing of a text: what it shows and the columns it takes. */
struct glyph {
    uint32_t ch;
    int width; /* a tab: up to 8 */
    size_t bytes;
};

/* CSI: ESC [ parameters final. 0: none that ends within reason. */
static size_t csi_length(const char *s, size_t len)
{
    size_t n = 2;

    if (len < 3 || s[1] != '[')
        return 0;
    while (n < len && n < MAX_CSI && s[n] >= 0x20 && s[n] < 0x40)
        n++;
    return n < len && s[n] >= 0x40 && s[n] < 0x7f ? n + 1 : 0;
}

/* OSC, DCS and the like: ESC x … BEL or ESC \ */
static size_t string_length(const char *s, size_t len)
{
    if (len < 2 || s[1] == '\0' || !strchr("]PX^_", s[1]))
        return 0;
    for (size_t n = 2; n < len; n++) {
        if (s[n] == '\a')
            return n + 1;
        if (s[n] == '\\' && s[n - 1] == '\033')
            return n + 1;
    }
    return 0;
}

static struct glyph escape(const char *s, size_t len)
{
    size_t csi = csi_length(s, len), string = string_length(s, len);

    if (csi > 0) /* colours of a program's output: not worth a mark */
        return (struct glyph){ .ch = '?', .width = s[csi - 1] != 'm', .bytes = csi };
    return (struct glyph){ .ch = '?', .width = 1, .bytes = string > 0 ? string : 1 };
}

static struct glyph next_glyph(const char *s, size_t len, int column)
{
    unsigned char c = (unsigned char)*s;
    unsigned cp;
    size_t n;

    if (c >= 0x20 && c < 0x7f)
        return (struct glyph){ .ch = c, .width = 1, .bytes = 1 };
    if (c == '\t')
        return (struct glyph){ .ch = ' ', .width = TAB - column % TAB, .bytes = 1 };
    if (c == '\033')
        return escape(s, len);
    n = kiln_utf8_decode(s, len, &cp);
    if (n == 0)
        return (struct glyph){ .ch = REPLACEMENT, .width = 1, .bytes = 1 };
    if (kiln_char_is_control(cp))
        return (struct glyph){ .ch = '?', .width = 1, .bytes = n };
    return (struct glyph){ .ch = cp, .width = kiln_char_width(cp), .bytes = n };
}

int kiln_area_text(const struct kiln_area *a, int x, int y, const char *text, size_t len,
                   struct kiln_style style)
{
    int column = 0;

    for (size_t i = 0; i < len;) {
        struct glyph g = next_glyph(text + i, len - i, column);

        if (g.ch == ' ')
            for (int k = 0; k < g.width; k++)
                put(a, x + column + k, y, ' ', 1, style);
        else if (g.width > 0)
            put(a, x + column, y, g.ch, g.width, style);
        column += g.width;
        i += g.bytes;
    }
    return column;
}

int kiln_area_printf(const struct kiln_area *a, int x, int y, struct kiln_style style,
                     const char *fmt, ...)
{
    KILN_AUTO_STR text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    kiln_str_addvf(&text, fmt, ap);
    va_end(ap);
    return kiln_area_text(a, x, y, kiln_str_cstr(&text), text.len, style);
}

int kiln_text_columns(const char *text, size_t len)
{
    int column = 0;

    for (size_t i = 0; i < len;) {
        struct glyph g = next_glyph(text + i, len - i, column);

        column += g.width;
        i += g.bytes;
    }
    return column;
}

size_t kiln_text_fit(const char *text, size_t len, int columns)
{
    int column = 0;
    size_t i = 0;

    while (i < len) {
        struct glyph g = next_glyph(text + i, len - i, column);

        if (column + g.width > columns)
            break;
        column += g.width;
        i += g.bytes;
    }
    return i;
}
