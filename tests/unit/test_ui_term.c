/*
 * The terminal for real: a pseudo-terminal, terminfo, and a small terminal emulator that obeys what
 * comes out. Whatever is drawn after whatever else, its screen must be the canvas; and nothing but
 * sequences that it knows may come.
 */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "ui/term/color.h"
#include "ui/term/term.h"
#include "ui/term/width.h"

/* ---- the emulator ---- */

struct screen {
    struct kiln_canvas c;
    int x, y;
    struct kiln_style style;
    uint32_t last; /* for REP */
    bool wrap;     /* the cursor stands behind the last column */
    bool acs, sync, cursor;
    int top, bottom; /* of what scrolls */
    struct kiln_str in;
};

static void clear_from(struct screen *s, int x, int n)
{
    for (int i = x; i < x + n && i < s->c.cols; i++)
        s->c.cells[s->y * s->c.cols + i] = (struct kiln_cell){ ' ', { .bg = s->style.bg } };
}

static uint32_t from_acs(uint32_t ch)
{
    static const char letters[] = "qxlkmjtuwvna`~";
    static const uint32_t lines[] = { 0x2500, 0x2502, 0x250C, 0x2510, 0x2514, 0x2518, 0x251C,
                                      0x2524, 0x252C, 0x2534, 0x253C, 0x2592, 0x25C6, 0xB7 };
    const char *at = strchr(letters, (int)ch);

    return at ? lines[at - letters] : ch;
}

static void put(struct screen *s, uint32_t ch)
{
    int width = kiln_char_width(ch);
    struct kiln_area all = kiln_canvas_area(&s->c);

    assert_false(kiln_char_is_control(ch));
    assert_true(width > 0);
    assert_false(s->wrap); /* never rely on it */
    s->last = ch;
    kiln_area_put(&all, s->x, s->y, s->acs ? from_acs(ch) : ch, s->style);
    s->x += width;
    if (s->x >= s->c.cols) {
        s->x = s->c.cols - 1;
        s->wrap = true;
    }
}

static void sgr_color(struct screen *s, uint32_t *to, const int *v, int *i)
{
    (void)s;
    if (v[*i + 1] == 5) {
        *to = KILN_COLOR_ANSI((unsigned)v[*i + 2]);
        *i += 2;
    } else {
        assert_int_equal(v[*i + 1], 2);
        *to = KILN_COLOR_RGB((unsigned)(v[*i + 2] << 16 | v[*i + 3] << 8 | v[*i + 4]));
        *i += 4;
    }
}

static void sgr(struct screen *s, const int *v, int n)
{
    for (int i = 0; i < n; i++) {
        if (v[i] == 0)
            s->style = (struct kiln_style){ 0 };
        else if (v[i] == 1)
            s->style.attr |= KILN_ATTR_BOLD;
        else if (v[i] == 2)
            s->style.attr |= KILN_ATTR_DIM;
        else if (v[i] == 4)
            s->style.attr |= KILN_ATTR_UNDERLINE;
        else if (v[i] == 7)
            s->style.attr |= KILN_ATTR_REVERSE;
        else if (v[i] >= 30 && v[i] <= 37)
            s->style.fg = KILN_COLOR_ANSI((unsigned)v[i] - 30);
        else if (v[i] >= 90 && v[i] <= 97)
            s->style.fg = KILN_COLOR_ANSI((unsigned)v[i] - 82);
        else if (v[i] >= 40 && v[i] <= 47)
            s->style.bg = KILN_COLOR_ANSI((unsigned)v[i] - 40);
        else if (v[i] >= 100 && v[i] <= 107)
            s->style.bg = KILN_COLOR_ANSI((unsigned)v[i] - 92);
        else if (v[i] == 39)
            s->style.fg = KILN_COLOR_DEFAULT;
        else if (v[i] == 49)
            s->style.bg = KILN_COLOR_DEFAULT;
        else if (v[i] == 38 || v[i] == 48)
            sgr_color(s, v[i] == 38 ? &s->style.fg : &s->style.bg, v, &i);
        else
            fail_msg("SGR %d", v[i]);
    }
}

static void mode(struct screen *s, int number, bool on)
{
    if (number == 2026)
        s->sync = on;
    else if (number == 25)
        s->cursor = on;
    else if (number != 1049 && number != 2004 && number != 1000 && number != 1006 && number != 12 &&
             number != 1)
        fail_msg("mode %d", number);
}

static void csi(struct screen *s, char prefix, const int *v, int n, char final)
{
    int a = v[0] ? v[0] : 1;

    if (prefix == '?' && (final == 'h' || final == 'l')) {
        mode(s, v[0], final == 'h');
        return;
    }
    if (final == 'H') {
        s->y = a - 1;
        s->x = n > 1 && v[1] ? v[1] - 1 : 0;
        assert_true(s->y < s->c.rows && s->x < s->c.cols);
    } else if (final == 'C') {
        s->x += a;
        assert_true(s->x < s->c.cols);
    } else if (final == 'J') {
        for (int y = s->y; y < s->c.rows; y++)
            for (int x = y == s->y && v[0] == 0 ? s->x : 0; x < s->c.cols; x++)
                s->c.cells[y * s->c.cols + x] = (struct kiln_cell){ .ch = ' ' };
    } else if (final == 'K') {
        clear_from(s, s->x, s->c.cols);
    } else if (final == 'X') {
        clear_from(s, s->x, a);
    } else if (final == 'b') {
        for (int i = 0; i < a; i++)
            put(s, s->last);
    } else if (final == 'r') {
        s->top = a - 1;
        s->bottom = n > 1 ? v[1] - 1 : s->c.rows - 1;
        s->x = s->y = 0;
    } else if (final == 'm') {
        sgr(s, v, n ? n : 1);
    } else if (final != 't' && final != 'c' && final != 'l' && final != 'h') {
        fail_msg("CSI %c", final);
    }
    if (final != 'm')
        s->wrap = false;
}

static void scroll(struct screen *s, int by)
{
    int n = s->bottom - s->top, cols = s->c.cols;
    struct kiln_cell *top = s->c.cells + s->top * cols;

    memmove(by > 0 ? top : top + cols, by > 0 ? top + cols : top,
            (size_t)(n * cols) * sizeof(*top));
    for (int x = 0; x < cols; x++)
        top[(by > 0 ? n * cols : 0) + x] = (struct kiln_cell){ ' ', { .bg = s->style.bg } };
}

/* Returns the bytes taken; 0: more has to come. */
static size_t obey(struct screen *s, const char *in, size_t len)
{
    unsigned cp;
    size_t n;

    if (*in == '\r' || *in == '\n') {
        s->wrap = false;
        if (*in == '\r')
            s->x = 0;
        else if (s->y == s->bottom)
            scroll(s, 1);
        else
            assert_true(++s->y < s->c.rows);
        return 1;
    }
    if (*in == '\016' || *in == '\017') {
        s->acs = *in == '\016';
        return 1;
    }
    if (*in == '\030')
        return 1;
    if (*in != '\033') {
        n = kiln_utf8_decode(in, len, &cp);
        assert_true(n > 0);
        put(s, cp);
        return n;
    }
    if (in[1] == 'M') {
        if (s->y == s->top)
            scroll(s, -1);
        else
            s->y--;
        return 2;
    }
    if (in[1] == '(' || in[1] == ')') {
        if (in[1] == '(')
            s->acs = in[2] == '0';
        return 3;
    }
    if (in[1] == '_') { /* kitty's question */
        const char *end = memmem(in, len, "\033\\", 2);

        assert_non_null(end);
        return (size_t)(end - in) + 2;
    }
    if (in[1] == '[') {
        int v[16] = { 0 }, k = 0;
        char prefix = 0;
        size_t i = 2;

        if (in[i] == '?' || in[i] == '>')
            prefix = in[i++];
        for (; i < len && (in[i] < '@' || in[i] > '~'); i++) {
            if (in[i] == ';')
                k++;
            else if (in[i] >= '0' && in[i] <= '9')
                v[k] = v[k] * 10 + in[i] - '0';
            else
                assert_int_equal(in[i], '$');
        }
        assert_true(i < len);
        if (in[i - 1] != '$')
            csi(s, prefix, v, i > 2 ? k + 1 : 0, in[i]);
        return i + 1;
    }
    assert_non_null(strchr("\\=>78", in[1]));
    return 2;
}

/* ---- the bed ---- */

struct bed {
    int master, slave;
    struct kiln_term *term;
    struct kiln_canvas now;
    struct screen screen;
};

static void collect(struct bed *b)
{
    char buf[65536];
    size_t at = 0;

    do {
        ssize_t n;

        (void)kiln_term_flush(b->term);
        while ((n = read(b->master, buf, sizeof(buf))) > 0)
            kiln_str_add(&b->screen.in, buf, (size_t)n);
    } while (!kiln_term_idle(b->term));
    while (at < b->screen.in.len)
        at += obey(&b->screen, b->screen.in.data + at, b->screen.in.len - at);
    kiln_str_clear(&b->screen.in);
}

static void open_bed(struct bed *b, const char *term, int cols, int rows)
{
    struct winsize ws = { .ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows };
    KILN_AUTO_ERR err = { 0 };

    memset(b, 0, sizeof(*b));
    setenv("TERM", term, 1);
    assert_int_equal(openpty(&b->master, &b->slave, NULL, NULL, &ws), 0);
    (void)fcntl(b->master, F_SETFL, O_NONBLOCK);
    unit_ok(kiln_term_open(&b->term, b->slave, NULL, &err), &err);
    kiln_canvas_resize(&b->screen.c, cols, rows);
    b->screen.bottom = rows - 1;
    kiln_canvas_resize(&b->now, cols, rows);
    collect(b);
}

static void close_bed(struct bed *b)
{
    kiln_term_close(b->term);
    kiln_canvas_done(&b->now);
    kiln_canvas_done(&b->screen.c);
    kiln_str_done(&b->screen.in);
    close(b->master);
    close(b->slave);
}

static void draw(struct bed *b)
{
    assert_true(kiln_term_draw(b->term, &b->now));
    collect(b);
}

/* A style as the terminal is told. */
static struct kiln_style mapped(struct kiln_style s, int colors, uint32_t attrs)
{
    if (colors == 8 && s.fg >> 24 == 1 && (s.fg & 8))
        s.attr |= KILN_ATTR_BOLD;
    s.fg = kiln_color_map(s.fg, colors);
    s.bg = kiln_color_map(s.bg, colors);
    s.attr &= attrs;
    if (kiln_streq(getenv("TERM"), "linux") && (s.fg || s.bg)) /* ncv */
        s.attr &= KILN_ATTR_BOLD | KILN_ATTR_REVERSE;
    return s;
}

static void check(struct bed *b, uint32_t attrs, bool last_cell)
{
    int n = b->now.cols * b->now.rows - !last_cell, colors = kiln_term_caps(b->term)->colors;

    for (int i = 0; i < n; i++) {
        const struct kiln_cell *want = &b->now.cells[i], *is = &b->screen.c.cells[i];
        struct kiln_style style = mapped(want->style, colors, attrs);
        bool blank = want->ch == ' ' && !(style.attr & (KILN_ATTR_UNDERLINE | KILN_ATTR_REVERSE));

        if (want->ch != is->ch)
            fail_msg("cell %d: U+%04X, not U+%04X", i, is->ch, want->ch);
        if (want->ch == 0)
            continue;
        if (style.bg != is->style.bg)
            fail_msg("cell %d '%c': background %x, not %x", i, want->ch, is->style.bg, style.bg);
        if (!blank && (style.fg != is->style.fg || style.attr != is->style.attr))
            fail_msg("cell %d '%c': fg %x attr %x, not %x %x (%s)", i, want->ch, is->style.fg,
                     is->style.attr, style.fg, style.attr, getenv("TERM"));
    }
}

/* ---- random pictures ---- */

static uint32_t seed;

static uint32_t some(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static uint32_t some_color(void)
{
    switch (some(4)) {
    case 0:
        return KILN_COLOR_ANSI(some(16));
    case 1:
        return KILN_COLOR_RGB(some(0x1000000));
    default:
        return KILN_COLOR_DEFAULT;
    }
}

/* Some rows move up or down, as a log does. */
static void move_rows(struct kiln_canvas *c)
{
    int rows = c->rows, top = (int)some((uint32_t)rows - 6),
        n = 4 + (int)some((uint32_t)(rows - top) - 4);
    int by = 1 + (int)some(3);
    struct kiln_cell *at = c->cells + top * c->cols, *moved = at + by * c->cols;
    bool up = some(2);

    if (n > by)
        memmove(up ? at : moved, up ? moved : at, (size_t)((n - by) * c->cols) * sizeof(*at));
}

static void change(struct kiln_canvas *c, bool unicode)
{
    static const uint32_t chars[] = { ' ', 'a', '-', 0x2500, 0x2502, 0x4f60, 0xe4, 0x1F600 };
    struct kiln_area all = kiln_canvas_area(c);
    struct kiln_style style = { .fg = some_color(), .bg = some_color(), .attr = some(16) };
    int x = (int)some((uint32_t)c->cols), y = (int)some((uint32_t)c->rows);
    uint32_t ch = chars[some(unicode ? KILN_COUNT(chars) : 5)];

    if (some(2))
        style = (struct kiln_style){ 0 };
    if (some(3) == 0)
        kiln_area_fill(&all, x, y, (int)some(40), 1 + (int)some(3), ch, style);
    else if (some(3) == 0)
        kiln_area_text(&all, x, y, "some text, rather long", some(22), style);
    else
        kiln_area_put(&all, x, y, ch, style);
    c->cursor_x = some(2) ? (int)some((uint32_t)c->cols) : -1;
    c->cursor_y = c->cursor_x < 0 ? -1 : (int)some((uint32_t)c->rows);
}

#define ALL_ATTRS (KILN_ATTR_BOLD | KILN_ATTR_DIM | KILN_ATTR_UNDERLINE | KILN_ATTR_REVERSE)

static const struct {
    const char *term, *colorterm, *locale;
    uint32_t attrs;
    int colors;
    bool unicode;
} terms[] = {
    { "xterm-256color", "", "C.UTF-8", ALL_ATTRS, 256, true },
    { "xterm-256color", "truecolor", "C.UTF-8", ALL_ATTRS, 1 << 24, true },
    { "xterm", "", "C.UTF-8", ALL_ATTRS, 8, true },
    { "xterm", "truecolor", "C.UTF-8", ALL_ATTRS, 1 << 24, true },
    { "linux", "", "C", ALL_ATTRS, 8, false },
    { "vt100", "", "C.UTF-8", ALL_ATTRS & ~KILN_ATTR_DIM, 0, false },
    { "screen", "", "C", ALL_ATTRS, 8, false },
    { "tmux-256color", "truecolor", "C.UTF-8", ALL_ATTRS, 1 << 24, true },
};

static void test_random_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(terms); i++) {
        struct bed b;

        setenv("COLORTERM", terms[i].colorterm, 1);
        setenv("LC_ALL", terms[i].locale, 1);
        open_bed(&b, terms[i].term, 61, 17);
        seed = (uint32_t)i;
        if (kiln_term_caps(b.term)->colors != terms[i].colors)
            fail_msg("%s: %d colours", terms[i].term, kiln_term_caps(b.term)->colors);
        for (int frame = 0; frame < 400; frame++) {
            for (uint32_t n = some(frame % 50 ? 8 : 200); n > 0; n--)
                change(&b.now, terms[i].unicode);
            if (some(3) == 0)
                move_rows(&b.now);
            draw(&b);
            check(&b, terms[i].attrs, true);
            assert_int_equal(b.screen.cursor || !terms[i].unicode,
                             b.now.cursor_x >= 0 || !terms[i].unicode);
            if (b.now.cursor_x >= 0) {
                assert_int_equal(b.screen.x, b.now.cursor_x);
                assert_int_equal(b.screen.y, b.now.cursor_y);
            }
        }
        close_bed(&b);
    }
}

/* ---- bytes ---- */

static void test_nothing_changes(void **state)
{
    struct bed b;
    uint64_t before;

    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    open_bed(&b, "xterm-256color", 80, 24);
    seed = 1;
    for (int i = 0; i < 100; i++)
        change(&b.now, true);
    draw(&b);
    before = kiln_term_bytes(b.term);
    for (int i = 0; i < 10; i++)
        draw(&b);
    assert_int_equal(kiln_term_bytes(b.term), before);
    close_bed(&b);
}

static void test_few_bytes(void **state)
{
    struct bed b;
    struct kiln_area all;
    uint64_t before;

    (void)state;
    open_bed(&b, "xterm-256color", 80, 24);
    all = kiln_canvas_area(&b.now);
    draw(&b);
    before = kiln_term_bytes(b.term);
    kiln_area_text(&all, 10, 5, "x", 1, (struct kiln_style){ 0 });
    draw(&b);
    assert_in_range(kiln_term_bytes(b.term) - before, 1, 8); /* a jump and a character */
    before = kiln_term_bytes(b.term);
    kiln_area_fill(&all, 0, 7, 80, 1, ' ', (struct kiln_style){ .bg = KILN_COLOR_ANSI(4) });
    draw(&b);
    assert_in_range(kiln_term_bytes(b.term) - before, 1, 16); /* erased, not written */
    for (int y = 0; y < 24; y++)
        kiln_area_printf(&all, 0, y, (struct kiln_style){ 0 },
                         "%d lines of a long log, all others %d", y * y, y);
    draw(&b);
    before = kiln_term_bytes(b.term);
    memmove(b.now.cells + 800, b.now.cells + 880, 12 * 80 * sizeof(*b.now.cells));
    kiln_area_text(&all, 0, 22, "new", 3, (struct kiln_style){ 0 });
    draw(&b);
    assert_in_range(kiln_term_bytes(b.term) - before, 1, 100); /* moved, not written */
    check(&b, ALL_ATTRS, true);
    close_bed(&b);
}

/* Cells that a pane wrote by itself. */
static void test_hostile_cells(void **state)
{
    struct bed b;

    (void)state;
    open_bed(&b, "xterm-256color", 80, 24);
    draw(&b);
    for (uint32_t i = 0; i < 80 * 24; i++)
        b.now.cells[i].ch = i % 0xa0 < 0x20 ? i % 0xa0 + 1 : i % 0xa0; /* 1 … 0x9f */
    draw(&b); /* the emulator fails on anything but printable characters */
    close_bed(&b);
}

static void test_max_bps(void **state)
{
    struct bed b;
    uint64_t before;

    (void)state;
    open_bed(&b, "xterm-256color", 80, 24);
    draw(&b);
    kiln_term_set_max_bps(b.term, 1000);
    seed = 7;
    for (int i = 0; i < 300; i++)
        change(&b.now, true);
    before = kiln_term_bytes(b.term);
    assert_true(kiln_term_draw(b.term, &b.now));
    for (int i = 0; i < 1000; i++)
        (void)kiln_term_flush(b.term);
    assert_in_range(kiln_term_bytes(b.term) - before, 0, 500);
    assert_false(kiln_term_idle(b.term));
    assert_false(kiln_term_draw(b.term, &b.now)); /* not on top of it */
    kiln_term_set_max_bps(b.term, 0);
    collect(&b);
    assert_true(kiln_term_draw(b.term, &b.now));
    close_bed(&b);
}

/* With a limit a large difference comes in parts; in the end all of it is there. */
static void test_in_parts(void **state)
{
    struct bed b;
    int parts = 0;

    (void)state;
    open_bed(&b, "xterm-256color", 80, 24);
    draw(&b);
    seed = 9;
    for (int i = 0; i < 2000; i++)
        change(&b.now, true);
    do {
        uint64_t before = kiln_term_queued(b.term);

        kiln_term_set_max_bps(b.term, 5000);
        assert_true(kiln_term_draw(b.term, &b.now));
        assert_in_range(kiln_term_queued(b.term) - before, 1, 500 + 80 * 45); /* and one row */
        assert_in_range(++parts, 1, 24);
        if (parts == 3) /* behind it */
            b.now.cells[0] = (struct kiln_cell){ .ch = '!' };
        kiln_term_set_max_bps(b.term, 0);
        collect(&b);
    } while (kiln_term_behind(b.term));
    assert_in_range(parts, 4, 24);
    draw(&b);
    assert_false(kiln_term_behind(b.term));
    check(&b, ~0U, true);
    close_bed(&b);
}

/* A terminal that takes nothing: no call blocks. */
static void test_stuck(void **state)
{
    struct bed b;

    (void)state;
    open_bed(&b, "xterm-256color", 200, 60);
    for (int i = 0; i < 200 && kiln_term_flush(b.term); i++) {
        struct kiln_area all = kiln_canvas_area(&b.now);

        kiln_area_fill(&all, 0, 0, 200, 60, (uint32_t)(i % 2 ? 0x4e00 : 0xe4),
                       (struct kiln_style){ 0 });
        for (int k = 0; k < 500; k++)
            change(&b.now, true);
        (void)kiln_term_draw(b.term, &b.now);
    }
    assert_true(kiln_term_blocked(b.term));
    collect(&b);
    assert_true(kiln_term_idle(b.term));
    close_bed(&b);
}

/* ---- opening and giving back ---- */

static void test_refused(void **state)
{
    static const struct {
        const char *term;
        int cols, rows;
        const char *text;
    } cases[] = {
        { "nonsense", 80, 24,
          "TERM=nonsense: this machine does not know that terminal; try TERM=xterm or TERM=vt100" },
        { "dumb", 80, 24, "TERM=dumb: the console cannot place the cursor on that terminal" },
        { "xterm", 59, 24, "the terminal is too small: 59 x 24; the console needs 60 x 15" },
        { "xterm", 60, 14, "the terminal is too small: 60 x 14; the console needs 60 x 15" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        struct winsize ws = { .ws_col = (unsigned short)cases[i].cols,
                              .ws_row = (unsigned short)cases[i].rows };
        KILN_AUTO_ERR err = { 0 };
        struct kiln_term *t;
        int master, slave;

        setenv("TERM", cases[i].term, 1);
        assert_int_equal(openpty(&master, &slave, NULL, NULL, &ws), 0);
        unit_fails(kiln_term_open(&t, slave, NULL, &err), &err, KILN_ERR_USER, cases[i].text);
        close(master);
        close(slave);
    }
}

static void test_no_color(void **state)
{
    struct bed b;

    (void)state;
    setenv("NO_COLOR", "1", 1);
    setenv("COLORTERM", "truecolor", 1);
    open_bed(&b, "xterm-256color", 80, 24);
    assert_int_equal(kiln_term_caps(b.term)->colors, 0);
    close_bed(&b);
    unsetenv("NO_COLOR");
    unsetenv("COLORTERM");
}

static void test_xterm_colors(void **state)
{
    static const struct {
        const char *term, *version;
        int want;
    } cases[] = {
        { "xterm", "XTerm(379)", 1 << 24 },
        { "xterm", "XTerm(330)", 8 },
        { "xterm", "?", 8 },
        { "tmux", "XTerm(379)", 8 }, /* inherited */
        { "xterm-256color", "XTerm(100)", 256 },
    };

    (void)state;
    unsetenv("COLORTERM");
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        struct bed b;

        setenv("XTERM_VERSION", cases[i].version, 1);
        open_bed(&b, cases[i].term, 80, 24);
        assert_int_equal(kiln_term_caps(b.term)->colors, cases[i].want);
        close_bed(&b);
    }
    unsetenv("XTERM_VERSION");
}

/* Answers change what the terminal is said to be able to; keys come through beside them. */
static void test_answers(void **state)
{
    static const char in[] = "a\033[?2026;2$y\033[6;18;9t\033_Gi=31;OK\033\\\033[?62;22cb";
    struct bed b;
    struct kiln_key key = { 0 };
    char *paste;

    (void)state;
    unsetenv("TMUX");
    unsetenv("STY");
    open_bed(&b, "xterm-256color", 80, 24);
    draw(&b);
    assert_int_equal(write(b.master, in, sizeof(in) - 1), sizeof(in) - 1);
    assert_true(kiln_term_key(b.term, &key, &paste));
    assert_int_equal(key.code, 'a');
    assert_true(kiln_term_key(b.term, &key, &paste));
    assert_int_equal(key.code, 'b');
    assert_false(kiln_term_key(b.term, &key, &paste));
    assert_true(kiln_term_caps(b.term)->sync);
    assert_int_equal(kiln_term_caps(b.term)->pixels, KILN_PIXELS_KITTY);
    assert_int_equal(kiln_term_caps(b.term)->cell_w, 9);
    assert_int_equal(kiln_term_caps(b.term)->cell_h, 18);
    close_bed(&b);
}

/* What comes from the terminal, in pieces, until it ends like this. */
static void read_until(int fd, const char *end)
{
    KILN_AUTO_STR got = { 0 };
    char buf[4096];

    while (got.len < strlen(end) || !kiln_has_suffix(got.data, end)) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n;

        assert_int_equal(poll(&p, 1, 10000), 1);
        n = read(fd, buf, sizeof(buf));
        assert_true(n > 0);
        kiln_str_add(&got, buf, (size_t)n);
    }
}

/* A terminal with sixels is asked how large they may be; no answer of it is left unread. */
static void test_sixel_size(void **state)
{
    static const char first[] = "\033[?64;4c", second[] = "\033[?2;0;1000;800S\033[?64;4c";
    struct bed b;
    struct kiln_key key = { 0 };
    char *paste;

    (void)state;
    unsetenv("TMUX");
    unsetenv("STY");
    open_bed(&b, "xterm-256color", 80, 24);
    draw(&b);
    assert_int_equal(write(b.master, first, sizeof(first) - 1), sizeof(first) - 1);
    assert_false(kiln_term_key(b.term, &key, &paste));
    assert_int_equal(kiln_term_caps(b.term)->pixels, KILN_PIXELS_SIXEL);
    assert_true(kiln_term_flush(b.term));
    read_until(b.master, "\033[?2;4;0S\033[c");
    assert_int_equal(write(b.master, second, sizeof(second) - 1), sizeof(second) - 1);
    assert_false(kiln_term_key(b.term, &key, &paste));
    assert_int_equal(kiln_term_caps(b.term)->sixel_w, 1000);
    assert_int_equal(kiln_term_caps(b.term)->sixel_h, 800);
    assert_true(kiln_term_idle(b.term)); /* asked once only */
    close_bed(&b);
}

static void test_given_back(void **state)
{
    struct bed b;
    struct termios raw, after;
    char buf[4096];
    ssize_t n;

    (void)state;
    open_bed(&b, "xterm-256color", 80, 24);
    (void)tcgetattr(b.slave, &raw);
    assert_false(raw.c_lflag & (ECHO | ICANON | ISIG));
    draw(&b);
    kiln_term_mouse(b.term, true);
    collect(&b);
    kiln_term_leave(b.term);
    (void)tcgetattr(b.slave, &after);
    assert_true(after.c_lflag & ECHO);
    n = read(b.master, buf, sizeof(buf));
    assert_true(n > 0);
    assert_non_null(memmem(buf, (size_t)n, "\033[?1049l", 8));
    assert_non_null(memmem(buf, (size_t)n, "\033[?2004l", 8));
    assert_non_null(memmem(buf, (size_t)n, "\033[?1000l", 8));
    close_bed(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_pictures), cmocka_unit_test(test_nothing_changes),
        cmocka_unit_test(test_few_bytes),       cmocka_unit_test(test_hostile_cells),
        cmocka_unit_test(test_max_bps),         cmocka_unit_test(test_in_parts),
        cmocka_unit_test(test_stuck),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_color),        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_xterm_colors),    cmocka_unit_test(test_sixel_size),
        cmocka_unit_test(test_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
