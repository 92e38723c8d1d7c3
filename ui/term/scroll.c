#include "ui/term/scroll.h"

#include <string.h>

#include "base/mem.h"

#define MIN_SAVED 3 /* rows that need not be written */
#define MAX_BY    40

static const struct kiln_cell *row_of(const struct kiln_canvas *c, int y)
{
    return c->cells + (size_t)y * (size_t)c->cols;
}

static uint64_t hash_row(const struct kiln_canvas *c, int y)
{
    const struct kiln_cell *row = row_of(c, y);
    uint64_t h = 14695981039346656037u;

    for (int x = 0; x < c->cols; x++) {
        h = (h ^ row[x].ch) * 1099511628211u;
        h = (h ^ row[x].style.fg) * 1099511628211u;
        h = (h ^ row[x].style.bg) * 1099511628211u;
        h = (h ^ row[x].style.attr) * 1099511628211u;
    }
    return h;
}

/* The longest stretch of rows that were `by` rows lower; returns how many of them changed. */
static int stretch(const uint64_t *was, const uint64_t *now, int rows, int by,
                   struct kiln_scroll *ret)
{
    int best = 0, first = by < 0 ? -by : 0, last = by > 0 ? rows - by : rows;

    for (int y = first; y < last; y++) {
        int begin = y, saved = 0;

        while (y < last && now[y] == was[y + by]) {
            saved += now[y] != was[y];
            y++;
        }
        if (saved > best) {
            best = saved;
            *ret = (struct kiln_scroll){ .top = by > 0 ? begin : begin + by,
                                         .bottom = by > 0 ? y - 1 + by : y - 1,
                                         .by = by };
        }
    }
    return best;
}

/* Hashes may lie; the rows do not. */
static bool is_true(const struct kiln_canvas *was, const struct kiln_canvas *now,
                    const struct kiln_scroll *s)
{
    int first = s->by > 0 ? s->top : s->top - s->by;
    int last = s->by > 0 ? s->bottom - s->by : s->bottom;

    for (int y = first; y <= last; y++)
        if (memcmp(row_of(now, y), row_of(was, y + s->by),
                   (size_t)now->cols * sizeof(*now->cells)) != 0)
            return false;
    return true;
}

bool kiln_scroll_find(const struct kiln_canvas *was, const struct kiln_canvas *now,
                      struct kiln_scroll *ret)
{
    int rows = now->rows, max = rows - 1 < MAX_BY ? rows - 1 : MAX_BY, best = MIN_SAVED - 1;
    KILN_AUTO_FREE uint64_t *hashes = kiln_xcalloc((size_t)rows * 2, sizeof(*hashes));
    struct kiln_scroll s;

    for (int y = 0; y < rows; y++) {
        hashes[y] = hash_row(was, y);
        hashes[rows + y] = hash_row(now, y);
    }
    for (int by = -max; by <= max; by++) {
        int saved = by ? stretch(hashes, hashes + rows, rows, by, &s) : 0;

        if (saved > best && is_true(was, now, &s)) {
            best = saved;
            *ret = s;
        }
    }
    return best >= MIN_SAVED;
}

void kiln_scroll_apply(struct kiln_canvas *c, const struct kiln_scroll *s)
{
    int n = s->bottom - s->top + 1, by = s->by > 0 ? s->by : -s->by;
    size_t cols = (size_t)c->cols;
    struct kiln_cell *top = c->cells + (size_t)s->top * cols, *blank;
    struct kiln_cell *moved = top + (size_t)by * cols;

    if (s->by > 0)
        memmove(top, moved, (size_t)(n - by) * cols * sizeof(*top));
    else
        memmove(moved, top, (size_t)(n - by) * cols * sizeof(*top));
    blank = s->by > 0 ? top + (size_t)(n - by) * cols : top;
    for (size_t i = 0; i < (size_t)by * cols; i++)
        blank[i] = (struct kiln_cell){ .ch = ' ' };
}
