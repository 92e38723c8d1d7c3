#include "builder/qemu/screen_text.h"

#include "base/mem.h"
#include "engine/debugger.h"

#define MASK    "<sensitive>"
#define TELLING 2 /* so many characters of a secret say nothing */

#define LIKE_MIN 6 /* a shorter one is like too many words */

#define MARGIN 2 /* columns at either side that a text window may leave free */

/* Rows that are one line, if their text goes on behind the last column, or the last of a window. */
struct line {
    unsigned first, end;
};

static bool has_text(const struct kiln_text *t, unsigned row, unsigned column)
{
    return t->cells[(size_t)row * t->columns + column].code > ' ';
}

static bool goes_on(const struct kiln_text *t, unsigned row)
{
    bool reaches = false;

    for (unsigned x = t->columns > MARGIN ? t->columns - MARGIN - 1 : 0; x < t->columns; x++)
        reaches = reaches || has_text(t, row, x);
    return row + 1 < t->rows && reaches;
}

/* Of a line: a row without the margin before it, if it begins in a window. */
static void add_part(const struct kiln_text *t, const struct line *line, unsigned row,
                     struct kiln_str *out)
{
    KILN_AUTO_STR text = { 0 };
    const char *from;
    bool inside = row > line->first && !has_text(t, row - 1, t->columns - 1);

    kiln_text_row(t, row, &text);
    from = kiln_str_cstr(&text);
    for (unsigned i = 0; inside && i < MARGIN && *from == ' '; i++)
        from++;
    kiln_str_adds(out, from);
}

static void add_line(const struct kiln_text *t, const struct line *line, struct kiln_str *out)
{
    for (unsigned row = line->first; row < line->end; row++)
        add_part(t, line, row, out);
}

static struct line line_at(const struct kiln_text *t, unsigned first)
{
    struct line line = { first, first + 1 };

    while (goes_on(t, line.end - 1))
        line.end++;
    return line;
}

static bool has_changed(const struct kiln_text *t, const struct line *line, uint64_t told)
{
    for (unsigned row = line->first; row < line->end; row++)
        if (t->row_changed[row] > told)
            return true;
    return false;
}

/* Does the line show a secret that no row of it shows by itself? */
static bool spans_secret(struct kiln_build *b, const struct kiln_text *t, const struct line *line)
{
    KILN_AUTO_STR whole = { 0 }, parts = { 0 };
    KILN_AUTO_FREE char *shown = NULL;

    if (line->end - line->first == 1)
        return false;
    for (unsigned row = line->first; row < line->end; row++) {
        KILN_AUTO_STR one = { 0 };
        KILN_AUTO_FREE char *shown_row = NULL;

        add_part(t, line, row, &one);
        kiln_str_add(&whole, one.data, one.len);
        shown_row = kiln_bus_redacted(b->bus, kiln_str_cstr(&one));
        kiln_str_adds(&parts, shown_row);
    }
    shown = kiln_bus_redacted(b->bus, kiln_str_cstr(&whole));
    return !kiln_streq(shown, kiln_str_cstr(&parts));
}

static void add_colors(const struct kiln_text *t, unsigned row, struct kiln_strv *ret)
{
    const struct kiln_text_cell *cells = t->cells + (size_t)row * t->columns, *last = NULL;

    for (unsigned x = 0; x < t->columns; x++) {
        const struct kiln_text_cell *c = &cells[x];

        if (last && c->bg == last->bg && (c->fg == last->fg || c->code == ' '))
            continue;
        kiln_strv_addf(ret, "%u %06x %06x", x, c->fg, c->bg);
        last = c;
    }
}

static void say_row(struct kiln_build *b, const struct kiln_text *t, unsigned row, bool masked)
{
    struct kiln_event ev = {
        .type = KILN_EV_TEXT, .done = t->columns, .total = t->rows, .index = row, .masked = masked
    };
    KILN_AUTO_STRV colors = { 0 };
    KILN_AUTO_STR text = { 0 };

    if (masked) {
        kiln_str_adds(&text, MASK);
    } else {
        kiln_text_row(t, row, &text);
        add_colors(t, row, &colors);
        ev.names = &colors;
    }
    if (t->cursor_row == (int)row)
        ev.status = t->cursor_column + 1;
    ev.text = kiln_str_cstr(&text);
    ev.len = text.len;
    kiln_emit(b, &ev);
}

/* Does what stands before the cursor begin a secret that is being typed? */
static bool begins_secret(const struct kiln_build *b, const struct kiln_text *t,
                          const struct line *line)
{
    KILN_AUTO_STR shown = { 0 };

    if (t->cursor_row >= 0 && /* else it may be anywhere */
        (t->cursor_row < (int)line->first || t->cursor_row >= (int)line->end))
        return false;
    add_line(t, line, &shown);
    KILN_STRV_FOREACH (secret, &b->secrets) {
        for (size_t n = strlen(secret); n-- > TELLING + 1;) {
            if (shown.len >= n && memcmp(shown.data + shown.len - n, secret, n) == 0)
                return true;
        }
    }
    return false;
}

/* Is the secret there but for some characters, fewer than a fifth? Keys were lost, or came twice.
 * (The least edit distance to any part of the text. The secret itself is redacted by others.) */
static bool resembles(const char *secret, const char *text)
{
    size_t n = strlen(secret), best = n, most = n / 5;
    KILN_AUTO_FREE size_t *edits = NULL;

    if (n < LIKE_MIN || n - most > strlen(text)) /* more is missing */
        return false;
    edits = kiln_xcalloc(n + 1, sizeof(*edits));
    for (size_t i = 0; i <= n; i++)
        edits[i] = i;
    for (; *text; text++) {
        size_t before = 0;

        for (size_t i = 1; i <= n; i++) {
            size_t here = before + (secret[i - 1] != *text);

            before = edits[i];
            here = before + 1 < here ? before + 1 : here;
            edits[i] = edits[i - 1] + 1 < here ? edits[i - 1] + 1 : here;
        }
        best = edits[n] < best ? edits[n] : best;
    }
    return best > 0 && best <= most;
}

static bool shows_mangled_secret(const struct kiln_build *b, const struct kiln_text *t,
                                 const struct line *line)
{
    KILN_AUTO_STR shown = { 0 };

    add_line(t, line, &shown);
    KILN_STRV_FOREACH (secret, &b->secrets) {
        if (resembles(secret, kiln_str_cstr(&shown)))
            return true;
    }
    return false;
}

static void say_line(struct kiln_build *b, const struct kiln_text *t, const struct line *line,
                     bool typing_secrets)
{
    bool masked =
        spans_secret(b, t, line) ||
        (typing_secrets && (begins_secret(b, t, line) || shows_mangled_secret(b, t, line)));

    for (unsigned row = line->first; row < line->end; row++)
        say_row(b, t, row, masked);
}

void kiln_screen_text_say(struct kiln_build *b, const struct kiln_text *t, bool typing_secrets,
                          uint64_t *told)
{
    struct kiln_event none = { .type = KILN_EV_TEXT };
    uint64_t before = t->grid_changed > *told ? 0 : *told;
    struct line line = { 0 };

    *told = t->generation;
    if (t->rows == 0)
        kiln_emit(b, &none);
    while (line.end < t->rows) {
        line = line_at(t, line.end);
        if (has_changed(t, &line, before))
            say_line(b, t, &line, typing_secrets);
    }
}

static void add_row(struct kiln_build *b, const struct kiln_text *t, unsigned row, bool masked,
                    struct kiln_strv *ret)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_FREE char *shown = NULL;

    kiln_text_row(t, row, &text);
    shown = b->bus ? kiln_bus_redacted(b->bus, kiln_str_cstr(&text)) : NULL;
    if (masked || (shown && !kiln_streq(shown, kiln_str_cstr(&text))))
        kiln_strv_add(ret, "\xEF\xBF\xBD");
    else
        kiln_strv_add(ret, kiln_str_cstr(&text));
}

void kiln_screen_text_rows(struct kiln_build *b, const struct kiln_text *t, struct kiln_strv *ret)
{
    struct line line = { 0 };

    while (line.end < t->rows) {
        bool masked;

        line = line_at(t, line.end);
        masked = b->bus && spans_secret(b, t, &line);
        for (unsigned row = line.first; row < line.end; row++)
            add_row(b, t, row, masked, ret);
    }
}

void kiln_screen_text_all(struct kiln_build *b, const struct kiln_text *t, struct kiln_str *out)
{
    struct line line = { 0 };
    size_t end = out->len;

    while (line.end < t->rows) {
        bool masked;

        line = line_at(t, line.end);
        masked = b->bus && (spans_secret(b, t, &line) || shows_mangled_secret(b, t, &line));
        for (unsigned row = line.first; row < line.end; row++) {
            size_t before = out->len;

            if (masked)
                kiln_str_adds(out, MASK);
            else
                kiln_text_row(t, row, out);
            end = out->len > before ? out->len : end;
            kiln_str_addc(out, '\n');
        }
    }
    kiln_str_truncate(out, end);
}

void kiln_screen_text_check(struct kiln_build *b, const struct kiln_text *t)
{
    KILN_AUTO_STRV rows = { 0 };

    for (unsigned row = 0; row < t->rows; row++) {
        KILN_AUTO_STR text = { 0 };

        kiln_text_row(t, row, &text);
        kiln_strv_add(&rows, kiln_str_cstr(&text));
    }
    kiln_debugger_text(b, &rows);
}
