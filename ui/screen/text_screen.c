#include "ui/screen/text_screen.h"

#include <stdio.h>

#include "base/mem.h"

#define REPLACEMENT 0xfffdu

void kiln_text_screen_done(struct kiln_text_screen *t)
{
    free(t->cells);
    *t = (struct kiln_text_screen){ 0 };
}

static void resize(struct kiln_text_screen *t, int cols, int rows)
{
    if (t->cols == cols && t->rows == rows)
        return;
    t->cells = kiln_xrealloc(t->cells, (size_t)cols * (size_t)rows, sizeof(*t->cells));
    t->cols = cols;
    t->rows = rows;
    t->cursor_x = t->cursor_y = -1;
    for (int i = 0; i < cols * rows; i++)
        t->cells[i] = (struct kiln_cell){ .ch = ' ' };
}

static void put_text(struct kiln_cell *row, int cols, const char *text, size_t len)
{
    for (int x = 0; x < cols; x++) {
        unsigned ch = ' ';
        size_t n = len ? kiln_utf8_decode(text, len, &ch) : 0;

        if (len && !n) {
            ch = REPLACEMENT;
            n = 1;
        }
        row[x] = (struct kiln_cell){ .ch = ch < ' ' ? REPLACEMENT : ch };
        text += n;
        len -= n;
    }
}

/* "COLUMN INK GROUND", each from its column on. */
static void put_colors(struct kiln_cell *row, int cols, const struct kiln_strv *runs)
{
    unsigned from, fg, bg;

    for (size_t i = 0; runs && i < runs->n; i++) {
        if (sscanf(runs->v[i], "%4u %6x %6x", &from, &fg, &bg) != 3)
            continue;
        for (unsigned x = from; x < (unsigned)cols; x++)
            row[x].style = (struct kiln_style){ KILN_COLOR_RGB(fg), KILN_COLOR_RGB(bg), 0 };
    }
}

static bool is_empty(const struct kiln_text_screen *t, int row)
{
    for (int x = 0; x < t->cols; x++)
        if (t->cells[row * t->cols + x].ch != ' ')
            return false;
    return true;
}

void kiln_text_screen_event(struct kiln_text_screen *t, const struct kiln_event *ev)
{
    struct kiln_cell *row;
    int y = (int)ev->index;

    if (ev->done == 0 || ev->total == 0 || ev->done > KILN_CANVAS_MAX ||
        ev->total > KILN_CANVAS_MAX) {
        kiln_text_screen_done(t);
        return;
    }
    resize(t, (int)ev->done, (int)ev->total);
    if (ev->index < 0 || ev->index >= t->rows)
        return;
    row = t->cells + (size_t)y * (size_t)t->cols;
    put_text(row, t->cols, ev->text ? ev->text : "", ev->text ? ev->len : 0);
    put_colors(row, t->cols, ev->names);
    if (ev->status > 0 && ev->status <= t->cols) {
        t->cursor_x = (int)ev->status - 1;
        t->cursor_y = y;
    }
    t->last_row = t->rows - 1;
    while (t->last_row > 0 && is_empty(t, t->last_row))
        t->last_row--;
}

void kiln_text_screen_row(const struct kiln_text_screen *t, int row, struct kiln_str *out)
{
    const struct kiln_cell *cells = t->cells + (size_t)row * (size_t)t->cols;
    int n = t->cols;

    while (n > 0 && cells[n - 1].ch == ' ')
        n--;
    for (int x = 0; x < n; x++)
        kiln_str_add_utf8(out, cells[x].ch);
}

int kiln_text_screen_find(const struct kiln_text_screen *t, struct kiln_regex *re, int row,
                          int step)
{
    for (int i = 0; i < t->rows; i++, row += step) {
        KILN_AUTO_STR text = { 0 };
        size_t start, end;

        row = (row + t->rows) % t->rows;
        kiln_text_screen_row(t, row, &text);
        if (kiln_regex_find(re, kiln_str_cstr(&text), text.len, 0, &start, &end))
            return row;
    }
    return -1;
}

/* How many characters there are in so many bytes. */
static int columns_in(const char *text, size_t len)
{
    int n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

void kiln_text_screen_mark(const struct kiln_text_screen *t, struct kiln_regex *re, int row,
                           bool *marked)
{
    KILN_AUTO_STR text = { 0 };
    size_t from = 0, start, end;

    memset(marked, 0, (size_t)t->cols * sizeof(*marked));
    kiln_text_screen_row(t, row, &text);
    while (from < text.len && kiln_regex_find(re, text.data, text.len, from, &start, &end)) {
        int x = columns_in(text.data, start), to = columns_in(text.data, end);

        while (x < to)
            marked[x++] = true;
        if (end == start) /* nothing to be seen; go on behind the next character */
            while (++end < text.len && ((unsigned char)text.data[end] & 0xc0) == 0x80)
                ;
        from = end;
    }
}
