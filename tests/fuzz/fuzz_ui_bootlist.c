/*
 * Strings of a boot command, one a line, and after an empty line what they were rendered to
 * (nothing: not rendered). Every place of one side has a place on the other.
 */
#include <assert.h>

#include "take_line.h"
#include "ui/boot/bootlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_map(const struct kiln_bootlist *l, size_t text_len)
{
    size_t raw = 0, text = 0;

    for (size_t i = 0; i < l->map.n; i++) {
        const struct kiln_bootmap_span *s = &l->map.v[i];

        assert(s->raw == raw && s->text == text && s->raw_len > 0);
        raw += s->raw_len;
        text += s->text_len;
    }
    assert(raw == l->raw_len && (text == text_len || l->map.n == 0));
}

static void check_places(const struct kiln_bootlist *l)
{
    size_t a, n;

    for (size_t i = 0; i <= l->n_rows; i++) {
        kiln_bootlist_row_raw(l, i, &a, &n);
        assert(a + n <= l->raw_len);
    }
    for (size_t i = 0; i <= l->raw_len; i++) {
        kiln_bootlist_rows_at(l, i, &a, &n);
        assert(a + n <= l->n_rows);
        kiln_bootlist_place(l, i, &a, &n);
        assert(kiln_bootlist_raw(l, a, n) == i || l->n_lines == 0);
    }
    for (size_t i = 0; i < l->cmd.n_elements; i++)
        assert(kiln_bootlist_row_of(l, i, 0) <= l->n_rows);
    for (size_t i = 0; i < l->n_marks; i++)
        assert(l->marks[i].raw + l->marks[i].raw_len <= l->raw_len && l->marks[i].text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    KILN_AUTO_FREE char *rendered = NULL;
    KILN_AUTO_STRV lines = { 0 };
    struct kiln_bootlist l;

    if (size > 4096)
        return 0;
    while (p < end) {
        char *line = take_line(&p, end);

        if (!*line) {
            free(line);
            rendered = p < end ? kiln_xstrndup(p, (size_t)(end - p)) : NULL;
            break;
        }
        kiln_strv_add_take(&lines, line);
    }
    kiln_bootlist_make(&l, &lines, rendered, NULL, 1000000);
    check_map(&l, rendered ? strlen(rendered) : l.raw_len);
    check_places(&l);
    kiln_bootlist_done(&l);
    return 0;
}
