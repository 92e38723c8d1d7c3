#include "ui/boot/bootlist.h"

#include "base/mem.h"

#define BULLET "\xE2\x80\xA2"

void kiln_bootlist_done(struct kiln_bootlist *l)
{
    free(l->raw);
    free(l->starts);
    kiln_bootmap_done(&l->map);
    kiln_bootcmd_done(&l->cmd);
    free(l->at_ns);
    free(l->rows);
    kiln_bootcmd_notes_done(&l->notes);
    free(l->marks);
    free(l->look);
    *l = (struct kiln_bootlist){ 0 };
}

static void take_lines(struct kiln_bootlist *l, const struct kiln_strv *lines)
{
    size_t at = 0;

    l->raw = kiln_strv_join(lines, "");
    l->raw_len = strlen(l->raw);
    l->n_lines = lines->n;
    l->starts = kiln_xcalloc(lines->n + 1, sizeof(*l->starts));
    for (size_t i = 0; i < lines->n; i++) {
        l->starts[i] = at;
        at += strlen(lines->v[i]);
    }
    l->starts[lines->n] = at;
}

/* A bullet is a key that is not to be known. */
static void mask(struct kiln_bootcmd *cmd)
{
    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *e = &cmd->elements[i];

        if (e->len == strlen(BULLET) && memcmp(cmd->text + e->start, BULLET, e->len) == 0)
            kiln_bootcmd_mask_range(cmd, e->start, e->len);
    }
}

/* The {{ }} or secret that an element of a text that was not rendered lies in; NULL: none. */
static const struct kiln_bootmap_span *unknown_span(const struct kiln_bootlist *l,
                                                    const struct kiln_bootcmd_element *e)
{
    const struct kiln_bootmap_span *s =
        l->rendered ? NULL : kiln_bootmap_at_text(&l->map, e->start);

    return s && s->kind != KILN_BOOTMAP_LITERAL ? s : NULL;
}

static int64_t lasts(const struct kiln_bootlist *l, const struct kiln_bootcmd_event *ev,
                     int64_t interval_ns)
{
    return ev->action == KILN_BOOTCMD_PAUSE ? l->cmd.elements[ev->element].wait_ns : interval_ns;
}

/* One row for each event, but one for all of a {{ }} that was not rendered, which take no time. */
static void add_rows(struct kiln_bootlist *l, int64_t interval_ns)
{
    const struct kiln_bootmap_span *last = NULL;
    int64_t now = 0;

    l->rows = kiln_xcalloc(l->cmd.n_events + 1, sizeof(*l->rows));
    l->at_ns = kiln_xcalloc(l->cmd.n_events + 1, sizeof(*l->at_ns));
    for (size_t i = 0; i < l->cmd.n_events; i++) {
        const struct kiln_bootcmd_event *ev = &l->cmd.events[i];
        const struct kiln_bootmap_span *s = unknown_span(l, &l->cmd.elements[ev->element]);

        l->at_ns[i] = now;
        if (!s && __builtin_add_overflow(now, lasts(l, ev, interval_ns), &now))
            now = INT64_MAX;
        if (s && s == last)
            continue;
        l->open_end = l->open_end || s;
        l->rows[l->n_rows++] = (struct kiln_bootlist_row){
            .event = (uint32_t)i,
            .element = ev->element,
            .unknown = s != NULL,
        };
        last = s;
    }
    l->total_ns = now;
}

static void look_at(struct kiln_bootlist *l, size_t start, size_t len, unsigned look)
{
    for (size_t i = start; i < start + len && i < l->raw_len; i++)
        l->look[i] |= (uint8_t)look;
}

/* Not about "<sensitive>", which looks like a key and is none. */
static void add_marks(struct kiln_bootlist *l)
{
    l->marks = kiln_xcalloc(l->notes.n + 1, sizeof(*l->marks));
    for (size_t i = 0; i < l->notes.n; i++) {
        const struct kiln_bootcmd_note *n = &l->notes.v[i];
        const struct kiln_bootmap_span *s = kiln_bootmap_at_text(&l->map, n->start);
        struct kiln_bootlist_note *m = &l->marks[l->n_marks];
        const char *text = n->text, *rule = strstr(text, "): rule ");

        if (s && s->kind == KILN_BOOTMAP_SECRET)
            continue;
        m->error = n->kind == KILN_BOOTCMD_BAD_SYNTAX || n->kind == KILN_BOOTCMD_BAD_WAIT;
        if (n->kind == KILN_BOOTCMD_BAD_SYNTAX && rule)
            text = rule + strlen("): "); /* its place is that in the rendered text */
        m->text = text;
        m->fix = n->fix;
        kiln_bootmap_to_raw(&l->map, n->start, n->len ? n->len : 1, &m->raw, &m->raw_len);
        look_at(l, m->raw, m->raw_len, m->error ? KILN_BOOTLIST_ERROR : KILN_BOOTLIST_LINT);
        l->n_marks++;
    }
}

static void add_looks(struct kiln_bootlist *l)
{
    for (size_t i = 0; i < l->map.n; i++) {
        if (l->map.v[i].kind != KILN_BOOTMAP_LITERAL)
            look_at(l, l->map.v[i].raw, l->map.v[i].raw_len, KILN_BOOTLIST_ACTION);
    }
    for (size_t i = 0; i < l->cmd.n_elements; i++) {
        const struct kiln_bootcmd_element *e = &l->cmd.elements[i];
        size_t start, len;

        if (e->kind == KILN_BOOTCMD_LITERAL)
            continue;
        kiln_bootmap_to_raw(&l->map, e->start, e->len, &start, &len);
        look_at(l, start, len, KILN_BOOTLIST_KEY);
    }
}

void kiln_bootlist_make(struct kiln_bootlist *l, const struct kiln_strv *lines,
                        const char *rendered, const struct kiln_layout *layout, int64_t interval_ns)
{
    KILN_AUTO_ERR err = { 0 };
    const char *text;

    *l = (struct kiln_bootlist){ .rendered = rendered != NULL };
    take_lines(l, lines);
    text = rendered ? rendered : l->raw;
    kiln_bootmap_make(&l->map, l->raw, rendered);
    l->look = kiln_xcalloc(l->raw_len + 1, sizeof(*l->look));
    l->valid = kiln_bootcmd_parse(text, strlen(text), &l->cmd, &l->notes, &err);
    if (l->valid) {
        if (layout)
            kiln_layout_apply(layout, &l->cmd);
        mask(&l->cmd);
        kiln_bootcmd_lint(&l->cmd, &l->notes);
    }
    add_rows(l, interval_ns > 0 ? interval_ns : 0);
    add_marks(l);
    add_looks(l);
}

/* ---- places ---- */

size_t kiln_bootlist_raw(const struct kiln_bootlist *l, size_t line, size_t byte)
{
    size_t at;

    if (line >= l->n_lines)
        return l->raw_len;
    at = l->starts[line] + byte;
    return at < l->starts[line + 1] ? at : l->starts[line + 1];
}

void kiln_bootlist_place(const struct kiln_bootlist *l, size_t raw, size_t *ret_line,
                         size_t *ret_byte)
{
    size_t line = 0;

    while (line + 1 < l->n_lines && l->starts[line + 1] <= raw)
        line++;
    *ret_line = line;
    *ret_byte = l->n_lines > 0 ? raw - l->starts[line] : 0;
}

void kiln_bootlist_row_raw(const struct kiln_bootlist *l, size_t row, size_t *ret_start,
                           size_t *ret_len)
{
    const struct kiln_bootcmd_element *e;
    const struct kiln_bootmap_span *s;

    *ret_start = l->raw_len;
    *ret_len = 0;
    if (row >= l->n_rows)
        return;
    e = &l->cmd.elements[l->rows[row].element];
    s = unknown_span(l, e);
    if (s) {
        *ret_start = s->raw;
        *ret_len = s->raw_len;
    } else {
        kiln_bootmap_to_raw(&l->map, e->start, e->len, ret_start, ret_len);
    }
}

/* The first row of an element that ends after byte `text`. */
static size_t row_from(const struct kiln_bootlist *l, size_t text)
{
    size_t lo = 0, hi = l->n_rows;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct kiln_bootcmd_element *e = &l->cmd.elements[l->rows[mid].element];

        if (e->start + e->len <= text)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void kiln_bootlist_rows_at(const struct kiln_bootlist *l, size_t raw, size_t *ret_first,
                           size_t *ret_n)
{
    const struct kiln_bootmap_span *s = kiln_bootmap_at_raw(&l->map, raw);
    size_t start, len, end;

    kiln_bootmap_to_text(&l->map, raw, &start, &len);
    if (s && !l->rendered && s->kind != KILN_BOOTMAP_LITERAL)
        start = s->text; /* its one row */
    *ret_first = end = row_from(l, start);
    while (len > 0 && end < l->n_rows && l->cmd.elements[l->rows[end].element].start < start + len)
        end++;
    *ret_n = end - *ret_first;
}

size_t kiln_bootlist_row_of(const struct kiln_bootlist *l, uint64_t element, uint64_t event)
{
    size_t lo = 0, hi = l->n_rows;
    uint64_t want;

    if (element >= l->cmd.n_elements)
        return l->n_rows;
    want = l->cmd.elements[element].event + event;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (l->rows[mid].event < want)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}
