#include "ui/boot/editor.h"

#include <assert.h>

#include "base/mem.h"

#define MAX_UNDO       1000
#define MAX_UNDO_BYTES ((size_t)8 << 20)

/* The text as it was. */
struct snapshot {
    char *text; /* owned */
    size_t len, cursor;
};

struct history {
    struct snapshot *v; /* owned */
    size_t n, bytes;
};

enum change { CHANGE_NONE, CHANGE_TYPE, CHANGE_ERASE, CHANGE_KILL, CHANGE_OTHER };

struct kiln_editor {
    struct kiln_str text; /* the strings, a NUL between two of them */
    size_t cursor;        /* byte */
    size_t top;           /* byte that the first row in sight begins with */
    int goal;             /* column that up and down keep to; -1: where the cursor is */
    int cols, rows;       /* of the text when it was last drawn */
    struct kiln_str killed;
    struct history undo, redo;
    enum change last; /* typing, erasing and killing on and on is one change */
};

struct kiln_editor *kiln_editor_new(void)
{
    struct kiln_editor *e = kiln_xcalloc(1, sizeof(*e));

    e->goal = -1;
    e->cols = 80;
    e->rows = 10;
    return e;
}

static void forget(struct history *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h->bytes -= h->v[i].len;
        free(h->v[i].text);
    }
    h->n -= n;
    if (h->n > 0)
        memmove(h->v, h->v + n, h->n * sizeof(*h->v));
}

void kiln_editor_free(struct kiln_editor *e)
{
    if (!e)
        return;
    forget(&e->undo, e->undo.n);
    forget(&e->redo, e->redo.n);
    free(e->undo.v);
    free(e->redo.v);
    kiln_str_done(&e->text);
    kiln_str_done(&e->killed);
    free(e);
}

/* ---- the text ---- */

void kiln_editor_set(struct kiln_editor *e, const struct kiln_strv *lines)
{
    kiln_str_clear(&e->text);
    for (size_t i = 0; i < lines->n; i++)
        kiln_str_add(&e->text, lines->v[i], strlen(lines->v[i]) + (i + 1 < lines->n));
    forget(&e->undo, e->undo.n);
    forget(&e->redo, e->redo.n);
    e->cursor = e->top = 0;
    e->goal = -1;
    e->last = CHANGE_NONE;
}

void kiln_editor_get(const struct kiln_editor *e, struct kiln_strv *ret)
{
    const char *p = kiln_str_cstr(&e->text), *end = p + e->text.len;

    for (; e->text.len > 0 && p <= end; p += strlen(p) + 1)
        kiln_strv_add(ret, p);
}

static const char *at(const struct kiln_editor *e, size_t pos)
{
    return kiln_str_cstr(&e->text) + pos;
}

static bool is_break(const struct kiln_editor *e, size_t pos)
{
    return pos < e->text.len && *at(e, pos) == '\0';
}

static size_t line_start(const struct kiln_editor *e, size_t pos)
{
    while (pos > 0 && !is_break(e, pos - 1))
        pos--;
    return pos;
}

static size_t line_end(const struct kiln_editor *e, size_t pos)
{
    return pos + strlen(at(e, pos)); /* a NUL stands at the end of the text, too */
}

static size_t next_char(const struct kiln_editor *e, size_t pos)
{
    unsigned cp;
    size_t n = pos < e->text.len ? kiln_utf8_decode(at(e, pos), e->text.len - pos, &cp) : 0;

    return pos < e->text.len ? pos + (n ? n : 1) : pos;
}

static size_t previous_char(const struct kiln_editor *e, size_t pos)
{
    if (pos > 0)
        pos--;
    while (pos > 0 && ((unsigned char)*at(e, pos) & 0xC0) == 0x80)
        pos--;
    return pos;
}

void kiln_editor_cursor(const struct kiln_editor *e, size_t *ret_line, size_t *ret_byte)
{
    size_t start = line_start(e, e->cursor), line = 0;

    for (size_t i = 0; i < start; i++)
        line += is_break(e, i);
    *ret_line = line;
    *ret_byte = e->cursor - start;
}

void kiln_editor_move_to(struct kiln_editor *e, size_t line, size_t byte)
{
    size_t pos = 0, end;

    while (line > 0 && line_end(e, pos) < e->text.len) {
        pos = line_end(e, pos) + 1;
        line--;
    }
    end = line_end(e, pos);
    e->cursor = byte < end - pos ? pos + byte : end;
    e->goal = -1;
    e->last = CHANGE_NONE;
}

/* ---- undo ---- */

static void remember(struct history *h, const struct kiln_editor *e)
{
    struct snapshot s = { .len = e->text.len, .cursor = e->cursor };

    if (h->n == MAX_UNDO || (h->n > 0 && h->bytes + s.len > MAX_UNDO_BYTES))
        forget(h, h->n / 2 + 1);
    s.text = kiln_xmalloc(s.len + 1);
    memcpy(s.text, kiln_str_cstr(&e->text), s.len + 1);
    h->v = kiln_xrealloc(h->v, h->n + 1, sizeof(*h->v));
    h->v[h->n++] = s;
    h->bytes += s.len;
}

/* Before every change. */
static void begin_change(struct kiln_editor *e, enum change change)
{
    if (change == CHANGE_OTHER || change != e->last)
        remember(&e->undo, e);
    if (change != e->last && change == CHANGE_KILL)
        kiln_str_clear(&e->killed);
    e->last = change;
    e->goal = -1;
    forget(&e->redo, e->redo.n);
}

static bool step_back(struct kiln_editor *e, struct history *from, struct history *to)
{
    struct snapshot *s;

    if (from->n == 0)
        return false;
    remember(to, e);
    s = &from->v[--from->n];
    from->bytes -= s->len;
    kiln_str_clear(&e->text);
    kiln_str_add(&e->text, s->text, s->len);
    e->cursor = s->cursor;
    e->goal = -1;
    e->last = CHANGE_NONE;
    free(s->text);
    return true;
}

/* ---- changes ---- */

static bool insert(struct kiln_editor *e, const char *text, size_t len, enum change change)
{
    KILN_AUTO_STR tail = { 0 };

    if (len == 0 || e->text.len + len > KILN_EDITOR_MAX)
        return false;
    begin_change(e, change);
    kiln_str_add(&tail, at(e, e->cursor), e->text.len - e->cursor);
    kiln_str_truncate(&e->text, e->cursor);
    kiln_str_add(&e->text, text, len);
    kiln_str_add(&e->text, tail.data, tail.len);
    e->cursor += len;
    return true;
}

static bool erase(struct kiln_editor *e, size_t from, size_t to, enum change change)
{
    if (from >= to)
        return false;
    begin_change(e, change);
    if (change == CHANGE_KILL) {
        KILN_AUTO_STR rest = { 0 };

        if (from < e->cursor) { /* backwards: in front of what was killed before */
            kiln_str_add(&rest, e->killed.data, e->killed.len);
            kiln_str_clear(&e->killed);
        }
        kiln_str_add(&e->killed, at(e, from), to - from);
        kiln_str_add(&e->killed, rest.data, rest.len);
    }
    kiln_str_remove(&e->text, from, to - from);
    e->cursor = from;
    return true;
}

bool kiln_editor_paste(struct kiln_editor *e, const char *text, size_t len)
{
    KILN_AUTO_STR clean = { 0 };

    for (size_t i = 0; i < len;) {
        unsigned cp = 0xFFFD;
        size_t n = kiln_utf8_decode(text + i, len - i, &cp);

        i += n ? n : 1;
        if (cp == '\n' || (cp == '\r' && !(i < len && text[i] == '\n')))
            kiln_str_add(&clean, "", 1);
        else if (cp == '\t' || (cp >= 0x20 && (cp < 0x7F || cp >= 0xA0)))
            kiln_str_add_utf8(&clean, cp);
    }
    return clean.len == 0 || insert(e, clean.data, clean.len, CHANGE_OTHER);
}

/* ---- words ---- */

static bool is_word(const struct kiln_editor *e, size_t pos)
{
    unsigned char c = (unsigned char)*at(e, pos);

    return pos < e->text.len && (c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
                                 ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
}

static size_t next_word(const struct kiln_editor *e, size_t pos)
{
    while (pos < e->text.len && !is_word(e, pos))
        pos = next_char(e, pos);
    while (is_word(e, pos))
        pos = next_char(e, pos);
    return pos;
}

static size_t previous_word(const struct kiln_editor *e, size_t pos)
{
    while (pos > 0 && !is_word(e, previous_char(e, pos)))
        pos = previous_char(e, pos);
    while (pos > 0 && is_word(e, previous_char(e, pos)))
        pos = previous_char(e, pos);
    return pos;
}

/* ---- rows on the screen ---- */

/* Just past the row that begins at `start`. */
static size_t row_end(const struct kiln_editor *e, size_t start)
{
    size_t len = strnlen(at(e, start), (size_t)e->cols * 8); /* a string may be very long */
    size_t fit;

    while (start + len < e->text.len && ((unsigned char)*at(e, start + len) & 0xC0) == 0x80)
        len--;
    fit = kiln_text_fit(at(e, start), len, e->cols);
    if (fit == 0 && len > 0)
        return next_char(e, start);
    return start + fit;
}

/* The beginning of the row that `pos` is on. */
static size_t row_start(const struct kiln_editor *e, size_t pos)
{
    size_t start = line_start(e, pos);

    for (;;) {
        size_t end = row_end(e, start);

        if (pos < end || end >= e->text.len || is_break(e, end))
            return start;
        start = end;
    }
}

/* The beginning of the next row; text.len + 1 if there is none. */
static size_t next_row(const struct kiln_editor *e, size_t start)
{
    size_t end = row_end(e, start);

    if (end >= e->text.len)
        return e->text.len + 1;
    return is_break(e, end) ? end + 1 : end;
}

static int column(const struct kiln_editor *e, size_t start, size_t pos)
{
    return kiln_text_columns(at(e, start), pos - start);
}

/* Onto the row that begins at `start`, near the goal column. */
static void go_to_row(struct kiln_editor *e, size_t start)
{
    size_t end = row_end(e, start);

    e->cursor = start + kiln_text_fit(at(e, start), end - start, e->goal);
    if (e->cursor == end && end < e->text.len && !is_break(e, end) && end > start)
        e->cursor = previous_char(e, end); /* its end is the next row's beginning */
}

static void move_rows(struct kiln_editor *e, int n)
{
    size_t start = row_start(e, e->cursor);
    int goal = e->goal >= 0 ? e->goal : column(e, start, e->cursor);

    for (; n < 0 && start > 0; n++)
        start = row_start(e, start - 1);
    for (; n > 0 && next_row(e, start) <= e->text.len; n--)
        start = next_row(e, start);
    e->goal = goal;
    go_to_row(e, start);
    e->last = CHANGE_NONE;
}

/* ---- keys ---- */

static bool move(struct kiln_editor *e, size_t pos)
{
    e->cursor = pos;
    e->goal = -1;
    e->last = CHANGE_NONE;
    return false;
}

static bool kill_line(struct kiln_editor *e)
{
    size_t end = line_end(e, e->cursor);

    if (end == e->cursor && end < e->text.len)
        end++; /* an empty rest: the break */
    return erase(e, e->cursor, end, CHANGE_KILL);
}

/* What the key is without its Ctrl. False: not for us; else *ret_changed is set. */
static bool ctrl_key(struct kiln_editor *e, uint32_t code, bool *ret_changed)
{
    switch (code) {
    case 'a':
        *ret_changed = move(e, line_start(e, e->cursor));
        return true;
    case 'e':
        *ret_changed = move(e, line_end(e, e->cursor));
        return true;
    case 'b':
        *ret_changed = move(e, previous_char(e, e->cursor));
        return true;
    case 'f':
        *ret_changed = move(e, next_char(e, e->cursor));
        return true;
    case 'p':
        move_rows(e, -1);
        return true;
    case 'n':
        move_rows(e, 1);
        return true;
    case 'd':
        *ret_changed = erase(e, e->cursor, next_char(e, e->cursor), CHANGE_ERASE);
        return true;
    case 'k':
        *ret_changed = kill_line(e);
        return true;
    case 'w':
        *ret_changed = erase(e, previous_word(e, e->cursor), e->cursor, CHANGE_KILL);
        return true;
    case 'y':
        *ret_changed = insert(e, e->killed.data, e->killed.len, CHANGE_OTHER);
        return true;
    case 'u':
    case '_':
        *ret_changed = step_back(e, &e->undo, &e->redo);
        return true;
    case 'r':
        *ret_changed = step_back(e, &e->redo, &e->undo);
        return true;
    case KILN_KEY_LEFT:
        *ret_changed = move(e, previous_word(e, e->cursor));
        return true;
    case KILN_KEY_RIGHT:
        *ret_changed = move(e, next_word(e, e->cursor));
        return true;
    case KILN_KEY_HOME:
        *ret_changed = move(e, 0);
        return true;
    case KILN_KEY_END:
        *ret_changed = move(e, e->text.len);
        return true;
    default: /* keys, not an enum of ours */
        return false;
    }
}

static bool alt_key(struct kiln_editor *e, uint32_t code, bool *ret_changed)
{
    switch (code) {
    case 'b':
        *ret_changed = move(e, previous_word(e, e->cursor));
        return true;
    case 'f':
        *ret_changed = move(e, next_word(e, e->cursor));
        return true;
    case 'd':
        *ret_changed = erase(e, e->cursor, next_word(e, e->cursor), CHANGE_KILL);
        return true;
    default: /* keys */
        return false;
    }
}

static bool named_key(struct kiln_editor *e, uint32_t code, bool *ret_changed)
{
    switch (code) {
    case KILN_KEY_UP:
        move_rows(e, -1);
        return true;
    case KILN_KEY_DOWN:
        move_rows(e, 1);
        return true;
    case KILN_KEY_PGUP:
        move_rows(e, -e->rows);
        return true;
    case KILN_KEY_PGDN:
        move_rows(e, e->rows);
        return true;
    case KILN_KEY_LEFT:
        return ctrl_key(e, 'b', ret_changed);
    case KILN_KEY_RIGHT:
        return ctrl_key(e, 'f', ret_changed);
    case KILN_KEY_HOME:
        return ctrl_key(e, 'a', ret_changed);
    case KILN_KEY_END:
        return ctrl_key(e, 'e', ret_changed);
    case KILN_KEY_DELETE:
        return ctrl_key(e, 'd', ret_changed);
    case KILN_KEY_BACKSPACE:
        *ret_changed = erase(e, previous_char(e, e->cursor), e->cursor, CHANGE_ERASE);
        return true;
    case KILN_KEY_ENTER:
        *ret_changed = insert(e, "", 1, CHANGE_OTHER);
        return true;
    default: /* keys */
        return false;
    }
}

bool kiln_editor_key(struct kiln_editor *e, const struct kiln_key *key, bool *ret_changed)
{
    KILN_AUTO_STR typed = { 0 };

    *ret_changed = false;
    if (key->mods == KILN_MOD_CTRL)
        return ctrl_key(e, key->code, ret_changed);
    if (key->mods == KILN_MOD_ALT)
        return alt_key(e, key->code, ret_changed);
    if (key->code >= KILN_KEY_UP)
        return (key->mods & ~KILN_MOD_SHIFT) == 0 && named_key(e, key->code, ret_changed);
    if (key->mods || key->code < 0x20 || (key->code >= 0x7F && key->code < 0xA0))
        return false;
    kiln_str_add_utf8(&typed, key->code);
    *ret_changed = insert(e, typed.data, typed.len, CHANGE_TYPE);
    return true;
}

/* ---- drawing ---- */

/* Scroll until the cursor's row is one of `rows`. */
static void scroll(struct kiln_editor *e, int rows)
{
    size_t row = row_start(e, e->cursor);
    size_t from = row;

    e->top = row_start(e, e->top < e->text.len ? e->top : e->text.len);
    if (row < e->top) {
        e->top = row;
        return;
    }
    for (int i = 1; i < rows && from > e->top; i++)
        from = row_start(e, from - 1);
    if (from > e->top)
        e->top = from;
}

static void draw_row(const struct kiln_editor *e, const struct kiln_area *a, int y, size_t line,
                     size_t in_line, size_t start, kiln_editor_style_fn *style, void *ud)
{
    size_t end = row_end(e, start);

    for (size_t pos = start; pos < end; pos = next_char(e, pos)) {
        int x = column(e, start, pos);
        size_t n = next_char(e, pos) - pos;
        struct kiln_style s =
            style ? style(ud, line, in_line + pos - start) : (struct kiln_style){ 0 };

        if (*at(e, pos) == '\t')
            kiln_area_fill(a, x, y, column(e, start, pos + 1) - x, 1, ' ', s);
        else
            (void)kiln_area_text(a, x, y, at(e, pos), n, s);
    }
}

static int digits(size_t n)
{
    int d = 1;

    for (; n >= 10; n /= 10)
        d++;
    return d;
}

void kiln_editor_draw(struct kiln_editor *e, const struct kiln_area *a, bool cursor,
                      kiln_editor_style_fn *style, void *ud)
{
    static const struct kiln_style dim = { .attr = KILN_ATTR_DIM };
    size_t lines = 1, line = 0;
    int gutter;
    struct kiln_area text;

    for (size_t i = 0; i < e->text.len; i++)
        lines += is_break(e, i);
    gutter = digits(lines) + 1;
    if (a->w < gutter + 4 || a->h < 1)
        return;
    text = kiln_area_sub(a, gutter, 0, a->w - gutter, a->h);
    e->cols = text.w - 1; /* room for the cursor behind a full row */
    e->rows = text.h;
    scroll(e, text.h);
    for (size_t i = 0; i < e->top; i++)
        line += is_break(e, i);
    for (size_t y = 0, row = e->top; (int)y < text.h && row <= e->text.len; y++) {
        size_t start = line_start(e, row), next = next_row(e, row);

        if (row == start)
            kiln_area_printf(a, 0, (int)y, dim, "%*zu", gutter - 1, line + 1);
        draw_row(e, &text, (int)y, line, row - start, row, style, ud);
        if (cursor && e->cursor >= row && e->cursor < next && row_start(e, e->cursor) == row)
            kiln_area_cursor(&text, column(e, row, e->cursor), (int)y);
        line += next <= e->text.len && is_break(e, next - 1);
        row = next;
    }
}
