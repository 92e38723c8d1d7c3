#include "vm/text.h"

#include <string.h>

#include "base/mem.h"

#define REPLACEMENT 0xfffd

void kiln_text_done(struct kiln_text *t)
{
    free(t->cells);
    free(t->row_changed);
    *t = (struct kiln_text){ .cursor_column = -1, .cursor_row = -1 };
}

void kiln_text_copy(struct kiln_text *to, const struct kiln_text *from)
{
    size_t n = (size_t)from->columns * from->rows;
    struct kiln_text copy = *from;

    copy.cells = to->cells;
    copy.row_changed = to->row_changed;
    if (to->columns != from->columns || to->rows != from->rows) {
        copy.cells = kiln_xrealloc(to->cells, n ? n : 1, sizeof(*copy.cells));
        copy.row_changed =
            kiln_xrealloc(to->row_changed, from->rows ? from->rows : 1, sizeof(*copy.row_changed));
    }
    if (n > 0) {
        memcpy(copy.cells, from->cells, n * sizeof(*copy.cells));
        memcpy(copy.row_changed, from->row_changed, from->rows * sizeof(*copy.row_changed));
    }
    *to = copy;
}

void kiln_text_row(const struct kiln_text *t, unsigned row, struct kiln_str *out)
{
    const struct kiln_text_cell *cells = t->cells + (size_t)row * t->columns;
    unsigned n = t->columns;

    while (n > 0 && cells[n - 1].code == ' ')
        n--;
    for (unsigned i = 0; i < n; i++)
        kiln_str_add_utf8(out, cells[i].code ? cells[i].code : REPLACEMENT);
}

void kiln_text_all(const struct kiln_text *t, struct kiln_str *out)
{
    size_t end = out->len;

    for (unsigned y = 0; y < t->rows; y++) {
        size_t before = out->len;

        kiln_text_row(t, y, out);
        if (out->len > before)
            end = out->len;
        kiln_str_addc(out, '\n');
    }
    kiln_str_truncate(out, end);
}
