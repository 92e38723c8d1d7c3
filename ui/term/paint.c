#include "ui/term/paint.h"

#include <assert.h>

#include "base/macros.h"
#include "base/mem.h"
#include "ui/term/color.h"
#include "ui/term/scroll.h"
#include "ui/term/width.h"

#define SKIP 4 /* columns that are rather written again than jumped over */

void kiln_paint_done(struct kiln_paint *p)
{
    kiln_canvas_done(&p->shown);
}

void kiln_paint_forget(struct kiln_paint *p)
{
    p->shown.cols = p->shown.rows = 0;
    p->x = p->y = -1;
    p->style_known = p->cursor_known = false;
}

static bool same_style(struct kiln_style a, struct kiln_style b)
{
    return a.fg == b.fg && a.bg == b.bg && a.attr == b.attr;
}

static bool same_cell(const struct kiln_cell *a, const struct kiln_cell *b)
{
    return a->ch == b->ch && same_style(a->style, b->style);
}

/* ---- style ---- */

static void set_acs(struct kiln_paint *p, bool on, struct kiln_str *out)
{
    if (p->acs != on)
        kiln_str_adds(out, on ? p->caps->smacs : p->caps->rmacs);
    p->acs = on;
}

static struct kiln_style map_style(const struct kiln_paint *p, struct kiln_style s)
{
    const struct kiln_paint_caps *caps = p->caps;

    /* A bright colour of which the terminal has no bright form. */
    if (caps->colors == 8 && s.fg >> 24 == 1 && (s.fg & 8))
        s.attr |= KILN_ATTR_BOLD;
    s.fg = kiln_color_map(s.fg, caps->setaf ? caps->colors : 0);
    s.bg = kiln_color_map(s.bg, caps->setab ? caps->colors : 0);
    s.attr &= (caps->bold ? KILN_ATTR_BOLD : 0) | (caps->dim ? KILN_ATTR_DIM : 0) |
              (caps->smul ? KILN_ATTR_UNDERLINE : 0) | (caps->rev ? KILN_ATTR_REVERSE : 0);
    if (s.fg != KILN_COLOR_DEFAULT || s.bg != KILN_COLOR_DEFAULT)
        s.attr &= ~caps->no_color_attr;
    return s;
}

static void add_color(struct kiln_paint *p, bool is_bg, uint32_t color, struct kiln_str *out)
{
    const char *cap = is_bg ? p->caps->setab : p->caps->setaf;

    if (color >> 24 == 2)
        kiln_str_addf(out, "\033[%d;2;%u;%u;%um", is_bg ? 48 : 38, color >> 16 & 255,
                      color >> 8 & 255, color & 255);
    else if (p->caps->colors > 256 && (color & 255) >= 8 &&
             (color & 255) < 16) /* terminfo may know eight colours only */
        kiln_str_addf(out, "\033[%um", (is_bg ? 92 : 82) + (color & 255));
    else if (color != KILN_COLOR_DEFAULT)
        kiln_str_adds(out, p->caps->param(cap, (int)(color & 255), 0));
}

static void add_attributes(struct kiln_paint *p, uint32_t attr, struct kiln_str *out)
{
    const struct kiln_paint_caps *caps = p->caps;

    if (attr & KILN_ATTR_BOLD)
        kiln_str_adds(out, caps->bold);
    if (attr & KILN_ATTR_DIM)
        kiln_str_adds(out, caps->dim);
    if (attr & KILN_ATTR_UNDERLINE)
        kiln_str_adds(out, caps->smul);
    if (attr & KILN_ATTR_REVERSE)
        kiln_str_adds(out, caps->rev);
}

/* Goes back to a default colour, which has no number. */
static bool uncolors(const struct kiln_paint *p, struct kiln_style s)
{
    return (s.fg == KILN_COLOR_DEFAULT && p->style.fg != s.fg) ||
           (s.bg == KILN_COLOR_DEFAULT && p->style.bg != s.bg);
}

/* s: mapped. Attributes can only be taken away all together. */
static void set_style(struct kiln_paint *p, struct kiln_style s, struct kiln_str *out)
{
    if (p->style_known && same_style(p->style, s))
        return;
    if (!p->style_known || (p->style.attr & ~s.attr) || (uncolors(p, s) && !p->caps->op)) {
        set_acs(p, false, out); /* sgr0 ends it on some terminals, on others not */
        kiln_str_adds(out, p->caps->sgr0);
        p->style = (struct kiln_style){ 0 };
    } else if (uncolors(p, s)) {
        kiln_str_adds(out, p->caps->op);
        p->style.fg = p->style.bg = KILN_COLOR_DEFAULT;
    }
    add_attributes(p, s.attr & ~p->style.attr, out);
    if (s.fg != p->style.fg)
        add_color(p, false, s.fg, out);
    if (s.bg != p->style.bg)
        add_color(p, true, s.bg, out);
    p->style = s;
    p->style_known = true;
}

/* ---- the cursor ---- */

static void move_to(struct kiln_paint *p, int x, int y, struct kiln_str *out)
{
    const struct kiln_paint_caps *caps = p->caps;

    if (p->x == x && p->y == y)
        return;
    if (p->y == y && p->x >= 0 && x > p->x && caps->cuf)
        kiln_str_adds(out, caps->param(caps->cuf, x - p->x, 0));
    else if (p->y == y && x == 0 && caps->cr)
        kiln_str_adds(out, caps->cr);
    else if (p->y >= 0 && y == p->y + 1 && x == 0 && caps->cr)
        kiln_str_adds(out, "\r\n");
    else
        kiln_str_adds(out, caps->param(caps->cup, y, x));
    p->x = x;
    p->y = y;
}

/* ---- characters ---- */

/* What stands for a character where there is no Unicode: a letter of the VT100's line drawing set,
 * and ASCII if the terminal has not even that. */
static const struct {
    uint32_t ch;
    char acs, ascii;
} plain_forms[] = {
    { 0x2500, 'q', '-' }, { 0x2501, 'q', '=' }, { 0x2502, 'x', '|' }, { 0x250C, 'l', '+' },
    { 0x2510, 'k', '+' }, { 0x2514, 'm', '+' }, { 0x2518, 'j', '+' }, { 0x251C, 't', '+' },
    { 0x2524, 'u', '+' }, { 0x252C, 'w', '+' }, { 0x2534, 'v', '+' }, { 0x253C, 'n', '+' },
    { 0x2592, 'a', '#' }, { 0x2591, 'a', '.' }, { 0x2588, 0, '#' },   { 0x25A0, 0, '#' },
    { 0x2580, 0, '"' },   { 0x2584, 0, '_' },   { 0x25CF, 0, '*' },   { 0x25CB, 0, 'o' },
    { 0x25C6, '`', '*' }, { 0x25B6, 0, '>' },   { 0x25B8, 0, '>' },   { 0x25C0, 0, '<' },
    { 0x2190, 0, '<' },   { 0x2191, 0, '^' },   { 0x2192, 0, '>' },   { 0x2193, 0, 'v' },
    { 0x2713, 0, '+' },   { 0x2717, 0, 'x' },   { 0x2022, 0, '*' },   { 0x00B7, '~', '.' },
    { 0x2026, 0, '.' },   { 0x2013, 0, '-' },   { 0x2014, 0, '-' },   { 0x2018, 0, '\'' },
    { 0x2019, 0, '\'' },  { 0x201C, 0, '"' },   { 0x201D, 0, '"' },   { 0x00A0, 0, ' ' },
};

/* One of ours that the Linux console's usual font has not. */
static bool is_poor(uint32_t ch)
{
    return ch >= 0x2000 && !(ch >= 0x2500 && ch < 0x25A1) && ch != 0x2022;
}

/* Only here does a character leave for the terminal. */
static void add_char(struct kiln_paint *p, uint32_t ch, struct kiln_str *out)
{
    const struct kiln_paint_caps *caps = p->caps;
    char plain = '?';

    if (kiln_char_is_control(ch) || kiln_char_width(ch) == 0)
        ch = '?'; /* a pane wrote into the cells by itself */
    if (ch < 0x7f || (caps->utf8 && !(caps->poor_font && is_poor(ch)))) {
        set_acs(p, false, out);
        kiln_str_add_utf8(out, ch);
        return;
    }
    for (size_t i = 0; i < KILN_COUNT(plain_forms); i++) {
        if (plain_forms[i].ch != ch)
            continue;
        plain = plain_forms[i].ascii;
        if (plain_forms[i].acs && caps->smacs && caps->acs[(int)plain_forms[i].acs]) {
            set_acs(p, true, out);
            kiln_str_addc(out, caps->acs[(int)plain_forms[i].acs]);
            return;
        }
    }
    set_acs(p, false, out);
    kiln_str_addc(out, plain);
    if (kiln_char_width(ch) == 2)
        kiln_str_addc(out, ' ');
}

static bool is_blank(const struct kiln_paint *p, const struct kiln_cell *cell)
{
    struct kiln_style s = map_style(p, cell->style);

    return cell->ch == ' ' && !(s.attr & (KILN_ATTR_UNDERLINE | KILN_ATTR_REVERSE)) &&
           (s.bg == KILN_COLOR_DEFAULT || p->caps->bce);
}

/* How many cells from x on are this very cell. */
static int run_length(const struct kiln_cell *row, int x, int cols)
{
    int n = 1;

    while (x + n < cols && same_cell(&row[x], &row[x + n]))
        n++;
    return n;
}

/* Here terminals differ. */
static void at_margin(struct kiln_paint *p)
{
    p->x = -1;
    if (p->caps->am && !p->caps->xenl)
        p->y = -1;
}

/* The shortest for n times the cell at x; the cursor is there. */
static void add_run(struct kiln_paint *p, const struct kiln_cell *cell, int n, bool to_end,
                    struct kiln_str *out)
{
    const struct kiln_paint_caps *caps = p->caps;
    int cols = p->shown.cols;

    set_style(p, map_style(p, cell->style), out);
    if (is_blank(p, cell) && to_end && n > 2 && caps->el) {
        kiln_str_adds(out, caps->el);
        return; /* the cursor stays */
    }
    if (is_blank(p, cell) && n > 8 && caps->ech && caps->cuf) {
        kiln_str_adds(out, caps->param(caps->ech, n, 0));
        return;
    }
    add_char(p, cell->ch, out);
    if (n > 6 && caps->rep && cell->ch < 0x7f) {
        kiln_str_adds(out, caps->param(caps->rep, (int)cell->ch, n - 1));
    } else {
        for (int i = 1; i < n; i++)
            add_char(p, cell->ch, out);
    }
    p->x += n;
    if (p->x >= cols)
        at_margin(p);
}

/* ---- rows ---- */

/* The last cell of the last row would scroll such a terminal. */
static int usable_cols(const struct kiln_paint *p, const struct kiln_canvas *c, int y)
{
    return c->cols - (y == c->rows - 1 && p->caps->am && !p->caps->xenl);
}

static int next_change(const struct kiln_cell *now, const struct kiln_cell *was, int x, int cols)
{
    while (x < cols && same_cell(&now[x], &was[x]))
        x++;
    return x;
}

/* Cells from x on that are written in one go: up to a gap that is worth a jump. */
static int changed_until(const struct kiln_cell *now, const struct kiln_cell *was, int x, int cols)
{
    int end = x;

    while (x < cols) {
        int next;

        while (x < cols && !same_cell(&now[x], &was[x]))
            x++;
        end = x;
        next = next_change(now, was, x, cols);
        if (next == cols || next - x > SKIP)
            break;
        for (int k = x; k < next; k++)
            if (!same_style(now[k].style, now[end - 1].style) || now[k].ch == 0 || now[k].ch > 0x7e)
                return end;
        x = next;
    }
    return end;
}

static void paint_span(struct kiln_paint *p, const struct kiln_cell *now, int x, int end, int y,
                       int cols, struct kiln_str *out)
{
    while (x < end) {
        int run = run_length(now, x, cols);
        bool to_end = x + run == p->shown.cols;

        if (!to_end && x + run > end)
            run = end - x;
        if (now[x].ch == 0) { /* came with its left half */
            x++;
            continue;
        }
        move_to(p, x, y, out);
        if (x + 1 < p->shown.cols && now[x + 1].ch == 0) {
            set_style(p, map_style(p, now[x].style), out);
            add_char(p, now[x].ch, out);
            p->x = x + 2;
            if (p->x >= p->shown.cols)
                at_margin(p);
            x += 2;
            continue;
        }
        add_run(p, &now[x], run, to_end, out);
        x += run;
    }
}

static void paint_row(struct kiln_paint *p, const struct kiln_canvas *c, int y,
                      struct kiln_str *out)
{
    struct kiln_cell *was = p->shown.cells + (size_t)y * (size_t)c->cols;
    const struct kiln_cell *now = c->cells + (size_t)y * (size_t)c->cols;
    int cols = usable_cols(p, c, y), x = next_change(now, was, 0, cols);

    while (x < cols) {
        int end = changed_until(now, was, x, cols);

        if (now[x].ch == 0 && x > 0) /* the right half changed: write the left one again */
            x--;
        paint_span(p, now, x, end, y, cols, out);
        x = next_change(now, was, end, cols);
    }
    memcpy(was, now, (size_t)c->cols * sizeof(*was));
}

/* Rows that have only moved. */
static void paint_scroll(struct kiln_paint *p, const struct kiln_canvas *c, struct kiln_str *out)
{
    const struct kiln_paint_caps *caps = p->caps;
    struct kiln_scroll s;

    if (p->no_scroll || !caps->csr || !caps->ri || !kiln_scroll_find(&p->shown, c, &s))
        return;
    set_style(p, (struct kiln_style){ 0 }, out); /* the rows that come in */
    kiln_str_adds(out, caps->param(caps->csr, s.top, s.bottom));
    kiln_str_adds(out, caps->param(caps->cup, s.by > 0 ? s.bottom : s.top, 0));
    for (int i = 0; i < (s.by > 0 ? s.by : -s.by); i++)
        kiln_str_adds(out, s.by > 0 ? "\n" : caps->ri);
    kiln_str_adds(out, caps->param(caps->csr, 0, c->rows - 1));
    p->x = p->y = -1;
    kiln_scroll_apply(&p->shown, &s);
}

static void paint_cursor(struct kiln_paint *p, const struct kiln_canvas *c, struct kiln_str *out)
{
    bool show = c->cursor_x >= 0 && c->cursor_y >= 0;
    const char *cap = show ? p->caps->cnorm : p->caps->civis;

    if (show)
        move_to(p, c->cursor_x, c->cursor_y, out);
    if (!p->cursor_known || p->cursor_shown != show)
        kiln_str_adds(out, cap);
    p->cursor_shown = show;
    p->cursor_known = true;
}

static bool differs(const struct kiln_paint *p, const struct kiln_canvas *c)
{
    bool show = c->cursor_x >= 0 && c->cursor_y >= 0;

    if (!p->cursor_known || show != p->cursor_shown ||
        (show && (c->cursor_x != p->x || c->cursor_y != p->y)))
        return true;
    for (int y = 0; y < c->rows; y++) {
        size_t at = (size_t)y * (size_t)c->cols;
        int cols = usable_cols(p, c, y);

        if (next_change(c->cells + at, p->shown.cells + at, 0, cols) < cols)
            return true;
    }
    return false;
}

/* From the row where the last frame was cut, so that every row has its turn. */
static bool paint_rows(struct kiln_paint *p, const struct kiln_canvas *c, struct kiln_str *out)
{
    size_t from = out->len;

    for (int i = 0; i < c->rows; i++) {
        if (p->max_bytes > 0 && out->len - from >= p->max_bytes)
            return false;
        paint_row(p, c, p->next_row, out);
        p->next_row = (p->next_row + 1) % c->rows;
    }
    p->next_row = 0;
    return true;
}

bool kiln_paint_frame(struct kiln_paint *p, const struct kiln_canvas *c, struct kiln_str *out)
{
    bool all = p->shown.cols != c->cols || p->shown.rows != c->rows, whole;

    if (!all && !differs(p, c)) {
        p->next_row = 0;
        return true;
    }
    if (p->caps->civis && (!p->cursor_known || p->cursor_shown)) { /* it shall not jump about */
        kiln_str_adds(out, p->caps->civis);
        p->cursor_known = true;
        p->cursor_shown = false;
    }
    if (all) {
        kiln_canvas_resize(&p->shown, c->cols, c->rows);
        set_style(p, (struct kiln_style){ 0 }, out);
        kiln_str_adds(out, p->caps->clear);
        p->x = p->y = 0;
        p->epoch++;
        p->next_row = 0;
    } else {
        paint_scroll(p, c, out);
    }
    whole = paint_rows(p, c, out);
    set_acs(p, false, out);
    paint_cursor(p, c, out);
    return whole;
}
