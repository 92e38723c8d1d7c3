/* What is in sight of the log, and how it looks. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ui/log/pane_log.h"
#include "ui/model.h"
#include "ui/term/term.h"

#define SLICE_US  KILN_MS(4)
#define MAX_MARKS 256 /* of a line */
#define TAB       8

static const struct kiln_style plain;
static const struct kiln_style dim = { .attr = KILN_ATTR_DIM };
static const struct kiln_style mark_style = { .fg = KILN_COLOR_ANSI(0), .bg = KILN_COLOR_ANSI(11) };
static const struct kiln_style mono_mark = { .attr = KILN_ATTR_UNDERLINE | KILN_ATTR_BOLD };

int64_t kiln_logpane_soon(void)
{
    return kiln_clock_mono_us() + SLICE_US;
}

/* ---- the text of a line ---- */

static void expand_tabs(struct kiln_str *out, const char *text, size_t len)
{
    size_t column = 0;

    for (size_t i = 0; i < len;) {
        const char *tab = memchr(text + i, '\t', len - i);
        size_t n = tab ? (size_t)(tab - text) - i : len - i;

        kiln_str_add(out, text + i, n);
        column += (size_t)kiln_text_columns(text + i, n);
        i += n;
        if (!tab)
            return;
        kiln_str_add(out, "        ", TAB - column % TAB);
        column += TAB - column % TAB;
        i++;
    }
}

const char *kiln_logpane_shape(struct kiln_logpane *p, const struct kiln_logline *line,
                               size_t *ret_len)
{
    size_t n = line->len;

    if (n > KILN_LOG_SHOWN_BYTES) {
        n = KILN_LOG_SHOWN_BYTES;
        while (n > 0 && ((unsigned char)line->text[n] & 0xc0) == 0x80)
            n--;
    } else if (n == 0 || !memchr(line->text, '\t', n)) {
        *ret_len = n;
        return line->text;
    }
    kiln_str_clear(&p->text);
    expand_tabs(&p->text, line->text, n);
    if (n < line->len)
        kiln_str_addf(&p->text, " … (%zu more bytes)", line->len - n);
    *ret_len = p->text.len;
    return kiln_str_cstr(&p->text);
}

/* Bytes of the first row of what is left of a line; at least one character, however narrow it is.
 */
static size_t row_bytes(const struct kiln_logpane *p, const char *text, size_t len)
{
    size_t n = p->wrap ? kiln_text_fit(text, len, p->text_w) : len;

    if (n > 0 || len == 0)
        return n;
    for (n = 1; n < len && ((unsigned char)text[n] & 0xc0) == 0x80;)
        n++;
    return n;
}

int kiln_logpane_rows(struct kiln_logpane *p, struct kiln_logpos at)
{
    struct kiln_logline line;
    const char *text;
    size_t len;
    int rows = 0;

    if (!p->wrap || !kiln_logview_line(p->view, at, &line))
        return 1;
    text = kiln_logpane_shape(p, &line, &len);
    do {
        size_t n = row_bytes(p, text, len);

        text += n;
        len -= n;
        rows++;
    } while (len > 0);
    return rows;
}

/* ---- what is in sight ---- */

static bool same(struct kiln_logpos a, struct kiln_logpos b)
{
    return kiln_logpos_compare(a, b) == 0;
}

void kiln_logpane_to_bottom(struct kiln_logpane *p, struct kiln_logpos at, int64_t until_us)
{
    int need = p->h - kiln_logpane_rows(p, at);

    p->top = at;
    p->top_row = need < 0 ? -need : 0;
    while (need > 0) {
        int rows;

        if (kiln_logview_walk(p->view, p->top, false, false, until_us, &at) != KILN_LOG_FOUND)
            return;
        rows = kiln_logpane_rows(p, at);
        p->top = at;
        p->top_row = rows > need ? rows - need : 0;
        need -= rows;
    }
}

struct kiln_logpos kiln_logpane_last_in_sight(struct kiln_logpane *p, int64_t until_us)
{
    struct kiln_logpos at = p->top, next;
    int y = kiln_logpane_rows(p, at) - p->top_row;

    while (y < p->h &&
           kiln_logview_walk(p->view, at, true, false, until_us, &next) == KILN_LOG_FOUND) {
        at = next;
        y += kiln_logpane_rows(p, at);
    }
    return at;
}

/* Onto a line that is shown: itself, the one before, or the one behind. */
static enum kiln_log_answer snap(struct kiln_logpane *p, struct kiln_logpos *at, int64_t until_us)
{
    enum kiln_log_answer answer = kiln_logview_walk(p->view, *at, false, true, until_us, at);

    return answer == KILN_LOG_NONE ? kiln_logview_walk(p->view, *at, true, true, until_us, at)
                                   : answer;
}

/* Rows between the top and the end of the cursor's line, but not many more than h. */
static int rows_to_cursor(struct kiln_logpane *p, int64_t until_us)
{
    struct kiln_logpos at = p->top;
    int y = kiln_logpane_rows(p, at) - p->top_row;

    while (y <= p->h && !same(at, p->cursor) &&
           kiln_logview_walk(p->view, at, true, false, until_us, &at) == KILN_LOG_FOUND)
        y += kiln_logpane_rows(p, at);
    return same(at, p->cursor) ? y : p->h + 1;
}

/* No empty rows at the end while there are lines above. */
static void fill(struct kiln_logpane *p, int64_t until_us)
{
    struct kiln_logpos at = p->top, next;
    int y = kiln_logpane_rows(p, at) - p->top_row;

    while (y < p->h) {
        enum kiln_log_answer answer = kiln_logview_walk(p->view, at, true, false, until_us, &next);

        if (answer == KILN_LOG_NONE)
            kiln_logpane_to_bottom(p, at, until_us);
        if (answer != KILN_LOG_FOUND)
            return;
        at = next;
        y += kiln_logpane_rows(p, at);
    }
}

/* What the search found: in the middle, unless it is in sight. A match far to the right is brought
 * into sight, too. */
static void show_found(struct kiln_logpane *p, int64_t until_us)
{
    struct kiln_logpos last = kiln_logpane_last_in_sight(p, until_us);
    struct kiln_logline line;
    size_t len, start, end;
    const char *text;
    int h = p->h, column;

    p->found = false;
    if (kiln_logpos_compare(p->cursor, p->top) < 0 || kiln_logpos_compare(p->cursor, last) > 0) {
        p->h = h / 2 + 1;
        kiln_logpane_to_bottom(p, p->cursor, until_us);
        p->h = h;
    }
    if (p->wrap || !kiln_logview_line(p->view, p->cursor, &line))
        return;
    text = kiln_logpane_shape(p, &line, &len);
    if (!p->search || !kiln_regex_find(p->search, text, len, 0, &start, &end))
        return;
    column = kiln_text_columns(text, start);
    if (column < p->left || column >= p->left + p->text_w)
        p->left = column < p->text_w ? 0 : column - p->text_w / 2;
}

/* Settle cursor and top. */
static enum kiln_log_answer arrange(struct kiln_logpane *p, int64_t until_us)
{
    enum kiln_log_answer answer;
    int tall;

    if (p->follow)
        p->cursor = (struct kiln_logpos){ UINT32_MAX, UINT32_MAX };
    answer = snap(p, &p->cursor, until_us);
    if (answer != KILN_LOG_FOUND)
        return answer;
    if (p->follow) {
        kiln_logpane_to_bottom(p, p->cursor, until_us);
        return answer;
    }
    if (p->found)
        show_found(p, until_us);
    if (kiln_logview_walk(p->view, p->top, true, true, until_us, &p->top) != KILN_LOG_FOUND ||
        kiln_logpos_compare(p->top, p->cursor) > 0) {
        p->top = p->cursor;
        p->top_row = 0;
    }
    tall = kiln_logpane_rows(p, p->cursor);
    if (same(p->top, p->cursor))
        p->top_row = tall <= p->h ? 0 : p->top_row > tall - p->h ? tall - p->h : p->top_row;
    else if (rows_to_cursor(p, until_us) > p->h) {
        kiln_logpane_to_bottom(p, p->cursor, until_us);
        if (tall > p->h)
            p->top_row = 0;
    }
    fill(p, until_us);
    return answer;
}

/* ---- columns ---- */

struct columns {
    int letter, time, build, step; /* widths with the blank behind; 0: not shown */
    bool mono;
};

static struct columns columns_of(const struct kiln_logpane *p, int w)
{
    const struct kiln_model *m = kiln_console_model(p->console);
    struct kiln_term *term = kiln_console_term(p->console);
    struct columns c = { 0 };
    int widest = 0, room = w >= 110 ? 20 : w >= 72 ? 12 : 6;

    c.mono = term ? kiln_term_caps(term)->colors == 0 : getenv("NO_COLOR") != NULL;
    c.letter = c.mono ? 2 : 0;
    c.time = w >= 50 ? 9 : 0;
    for (size_t i = 0; m->n_builds > 1 && i < m->n_builds; i++) {
        int n = kiln_text_columns(m->builds[i].label, strlen(m->builds[i].label));

        widest = n > widest ? n : widest;
    }
    if (widest > 0 && w >= 40)
        c.build = (widest < room ? widest : room) + 1;
    c.step = w >= 110 ? 17 : 0; /* "WaitGuestAddress" */
    return c;
}

static struct kiln_style line_style(const struct kiln_logline *line)
{
    if (line->level == KILN_ERRLINE)
        return (struct kiln_style){ .fg = KILN_COLOR_ANSI(9) };
    if (line->level == KILN_SAY)
        return (struct kiln_style){ .attr = KILN_ATTR_BOLD };
    return line->level == KILN_LOG_DEBUG ? dim : plain;
}

/* The end of a name says more than its beginning: all builds are "qemu.…". */
static void draw_name(const struct kiln_area *a, int x, int y, int w, const char *name,
                      struct kiln_style style)
{
    struct kiln_area in = kiln_area_sub(a, x, y, w, 1);
    size_t len = strlen(name);
    int over = kiln_text_columns(name, len) - w;

    kiln_area_text(&in, over > 0 ? -over : 0, 0, name, len, style);
}

static uint32_t build_color(const struct kiln_logpane *p, const char *label)
{
    static const uint32_t colors[] = { 2, 6, 5, 3, 4 }; /* as the plain printer has them */
    const struct kiln_model *m = kiln_console_model(p->console);

    for (size_t i = 0; i < m->n_builds; i++)
        if (kiln_streq(m->builds[i].label, label))
            return KILN_COLOR_ANSI(colors[i % KILN_COUNT(colors)]);
    return KILN_COLOR_DEFAULT;
}

static void draw_time(const struct kiln_area *a, int x, int y, int64_t wall_us,
                      struct kiln_style style)
{
    time_t now = (time_t)(wall_us / 1000000);
    struct tm tm;

    if (localtime_r(&now, &tm))
        kiln_area_printf(a, x, y, style, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void draw_columns(struct kiln_logpane *p, const struct kiln_area *a, int y,
                         const struct columns *c, const struct kiln_logline *line, uint32_t attr)
{
    static const char letters[KILN_LOG_LEVELS] = {
        [KILN_SAY] = '>',    [KILN_MESSAGE] = ' ', [KILN_ERRLINE] = 'E',
        [KILN_OUTPUT] = ' ', [KILN_PLAIN] = ' ',   [KILN_LOG_DEBUG] = 'd'
    };
    struct kiln_style style = { .attr = KILN_ATTR_DIM | attr };
    const char *step = kiln_logstore_step(p->store, line);
    int x = c->letter;

    if (c->letter)
        kiln_area_put(a, 0, y, (uint32_t)letters[line->level],
                      (struct kiln_style){ .attr = KILN_ATTR_BOLD | attr });
    if (c->time)
        draw_time(a, x, y, line->wall_us, style);
    x += c->time;
    style.attr = attr;
    style.fg = build_color(p, line->build);
    if (c->build)
        draw_name(a, x, y, c->build - 1, line->target, style);
    x += c->build;
    style = (struct kiln_style){ .attr = KILN_ATTR_DIM | attr };
    if (strncasecmp(step, "step", 4) == 0 && step[4])
        step += 4;
    if (c->step)
        draw_name(a, x, y, c->step - 1, step, style);
}

/* ---- lines ---- */

/* Matches of the search in the line: from, to, from, to … */
static size_t find_marks(struct kiln_logpane *p, const char *text, size_t len,
                         size_t marks[MAX_MARKS * 2])
{
    size_t n = 0, from = 0;

    while (p->search && n < MAX_MARKS && from <= len &&
           kiln_regex_find(p->search, text, len, from, &marks[n * 2], &marks[n * 2 + 1])) {
        from = marks[n * 2 + 1];
        if (from > marks[n * 2])
            n++; /* an empty match is no mark */
        else
            from++;
        while (from < len && ((unsigned char)text[from] & 0xc0) == 0x80)
            from++;
    }
    return n;
}

/* One row: bytes `begin` to `end` of the text. */
struct row {
    const struct kiln_area *area; /* of the text */
    int x, y;
    const char *text;
    size_t begin, end;
};

/* From mark to mark, so that every column is counted once. */
static void draw_marks(const struct row *r, const size_t *marks, size_t n, struct kiln_style style)
{
    size_t at = r->begin;
    int x = r->x;

    for (size_t i = 0; i < n; i++) {
        size_t from = marks[i * 2] > r->begin ? marks[i * 2] : r->begin;
        size_t to = marks[i * 2 + 1] < r->end ? marks[i * 2 + 1] : r->end;

        if (from >= to)
            continue;
        x += kiln_text_columns(r->text + at, from - at);
        if (x >= r->area->w)
            return;
        x += kiln_area_text(r->area, x, r->y, r->text + from, to - from, style);
        at = to;
    }
}

struct look {
    struct columns columns;
    struct kiln_area text; /* where text goes */
    bool focused;
};

static bool is_selected(const struct kiln_logpane *p, struct kiln_logpos at)
{
    struct kiln_logpos from, to;

    kiln_logpane_range(p, &from, &to);
    return kiln_logpos_compare(from, at) <= 0 && kiln_logpos_compare(at, to) <= 0;
}

/* The rows of a line from `skip` on, at y; returns the row behind them. */
static int draw_line(struct kiln_logpane *p, const struct kiln_area *a, const struct look *look,
                     struct kiln_logpos at, int skip, int y)
{
    bool selected = is_selected(p, at) && (p->marking || (look->focused && !p->follow));
    uint32_t attr = selected ? KILN_ATTR_REVERSE : 0;
    size_t marks[MAX_MARKS * 2], n_marks, len;
    struct kiln_logline line;
    struct kiln_style style;
    struct row row = { .area = &look->text, .x = p->wrap ? 0 : -p->left };

    if (!kiln_logview_line(p->view, at, &line))
        return y;
    style = line_style(&line);
    style.attr |= attr;
    row.text = kiln_logpane_shape(p, &line, &len);
    n_marks = find_marks(p, row.text, len, marks);
    for (int i = 0; y < a->h; i++) {
        row.end = row.begin + row_bytes(p, row.text + row.begin, len - row.begin);
        row.y = y;
        if (i >= skip) {
            if (selected)
                kiln_area_fill(a, 0, y, a->w, 1, ' ', style);
            if (i == 0)
                draw_columns(p, a, y, &look->columns, &line, attr);
            kiln_area_text(row.area, row.x, y, row.text + row.begin, row.end - row.begin, style);
            draw_marks(&row, marks, n_marks, look->columns.mono ? mono_mark : mark_style);
            y++;
        }
        row.begin = row.end;
        if (row.begin >= len)
            break;
    }
    return y;
}

static void draw_empty(struct kiln_logpane *p, const struct kiln_area *a,
                       enum kiln_log_answer answer)
{
    const char *text = "no lines yet";

    if (answer == KILN_LOG_LATER)
        text = "looking for lines that the filter shows …";
    else if (kiln_logview_filter(p->view))
        text = "no line is shown by this filter";
    kiln_area_text(a, 0, 0, text, strlen(text), dim);
}

void kiln_logpane_draw(void *pane, const struct kiln_area *a, bool focused)
{
    struct kiln_logpane *p = pane;
    struct look look = { .columns = columns_of(p, a->w), .focused = focused };
    int64_t until_us = kiln_logpane_soon();
    struct kiln_logpos at;
    enum kiln_log_answer answer;
    int x = look.columns.letter + look.columns.time + look.columns.build + look.columns.step, y = 0;

    p->stale = false;
    p->drawn_us = kiln_clock_mono_us();
    if (a->w - x < 1 || a->h < 1)
        return;
    look.text = kiln_area_sub(a, x, 0, a->w - x, a->h);
    p->h = a->h;
    p->text_w = look.text.w;
    answer = arrange(p, until_us);
    if (answer != KILN_LOG_FOUND) {
        draw_empty(p, a, answer);
        return;
    }
    at = p->top;
    for (int skip = p->top_row; y < a->h && answer == KILN_LOG_FOUND; skip = 0) {
        y = draw_line(p, a, &look, at, skip, y);
        answer = kiln_logview_walk(p->view, at, true, false, until_us, &at);
    }
    if (answer == KILN_LOG_LATER && y < a->h)
        kiln_area_text(a, 0, y, "…", strlen("…"), dim);
}
