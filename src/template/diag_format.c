/* The text form of diagnostics. Everything printed comes from outside, so nothing reaches the
 * terminal that could move its cursor or turn text around. */
#include "template/diag.h"

#define MAX_BUILDS   4    /* whose names are shown */
#define TAB          4u   /* columns a tab is shown as: the line does not begin at column 0 */
#define LINE_MAX_ALL 120u /* bytes of a source line that is shown whole */
#define BEFORE       60u  /* bytes shown before and after the caret of a longer one */
#define AFTER        40u

struct span {
    const char *start, *end;
};

/* Zero-width and double-width ranges, for the caret only: being off by one is no harm. */
static unsigned char_width(unsigned cp)
{
    static const struct {
        unsigned first, last, width;
    } ranges[] = {
        { 0x300, 0x36f, 0 },     { 0x1100, 0x115f, 2 },   { 0x200b, 0x200d, 0 },
        { 0x20d0, 0x20ff, 0 },   { 0x2e80, 0x303e, 2 },   { 0x3041, 0xa4cf, 2 },
        { 0xac00, 0xd7a3, 2 },   { 0xf900, 0xfaff, 2 },   { 0xfe00, 0xfe0f, 0 },
        { 0xfe30, 0xfe6f, 2 },   { 0xff00, 0xff60, 2 },   { 0xffe0, 0xffe6, 2 },
        { 0x1f300, 0x1f64f, 2 }, { 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1f9ff, 2 },
        { 0x20000, 0x3fffd, 2 },
    };

    for (size_t i = 0; i < KILN_COUNT(ranges); i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

/* Control characters, and those that reorder text (a template could hide its content with them). */
static bool is_unprintable(unsigned cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x200e || cp == 0x200f ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

/* Append [p, end) made harmless; returns how many columns it takes. */
static unsigned put_text(struct kiln_str *out, const char *p, const char *end)
{
    unsigned columns = 0;

    while (p < end) {
        unsigned cp = 0;
        size_t n = kiln_utf8_decode(p, (size_t)(end - p), &cp);

        if (*p == '\t') {
            for (unsigned i = 0; i < TAB; i++)
                kiln_str_addc(out, ' ');
            columns += TAB;
        } else if (n == 0 || is_unprintable(cp)) {
            kiln_str_addc(out, '?');
            columns++;
        } else {
            kiln_str_add(out, p, n);
            columns += char_width(cp);
        }
        p += n ? n : 1;
    }
    return columns;
}

/* Text of several lines: what follows the first is indented. */
static void put_lines(struct kiln_str *out, const char *text)
{
    size_t len = strlen(text);
    const char *end, *nl;

    while (len > 0 && text[len - 1] == '\n')
        len--;
    end = text + len;
    for (; (nl = memchr(text, '\n', (size_t)(end - text))); text = nl + 1) {
        put_text(out, text, nl);
        kiln_str_adds(out, "\n  ");
    }
    put_text(out, text, end);
    kiln_str_addc(out, '\n');
}

static struct span line_around(const struct kiln_source *s, const char *at)
{
    const char *nl = memchr(at, '\n', (size_t)(s->text + s->len - at));
    struct span line = { at, nl ? nl : s->text + s->len };

    while (line.start > s->text && line.start[-1] != '\n')
        line.start--;
    if (line.end > at && line.end[-1] == '\r')
        line.end--;
    return line;
}

/*
 * A window on a long line. It begins and ends at a quote where there is one: a string that is shown
 * whole or not at all can be recognised by the redaction that runs over this text; half of one
 * could not.
 */
static struct span cut(struct span line, const char *at)
{
    struct span w = line;
    const char *quote;

    if (line.end - line.start <= (ptrdiff_t)LINE_MAX_ALL)
        return line;
    if (at - line.start > (ptrdiff_t)BEFORE) {
        w.start = at - BEFORE;
        quote = memchr(w.start, '"', (size_t)(at - w.start));
        if (quote)
            w.start = quote;
        while (w.start < at && ((unsigned char)*w.start & 0xC0) == 0x80)
            w.start++;
    }
    if (line.end - at > (ptrdiff_t)AFTER) {
        w.end = at + AFTER;
        while (w.end > at && ((unsigned char)*w.end & 0xC0) == 0x80)
            w.end--;
        quote = memrchr(at, '"', (size_t)(w.end - at));
        if (quote && quote > at)
            w.end = quote + 1;
    }
    return w;
}

/* Where `at` is once what may not be shown of the window has been replaced: of a caret within such
 * a place, its beginning. */
static unsigned column_shown(const struct kiln_diag_hide *hide, struct span w, const char *at)
{
    KILN_AUTO_STR all = { 0 }, before = { 0 }, all_shown = { 0 }, before_shown = { 0 };
    unsigned column = put_text(&before, w.start, at);
    size_t n = 0;

    if (!hide)
        return column;
    (void)put_text(&all, w.start, w.end);
    hide->replace(hide->ud, kiln_str_cstr(&all), all.len, &all_shown);
    hide->replace(hide->ud, kiln_str_cstr(&before), before.len, &before_shown);
    while (n < before_shown.len && n < all_shown.len && all_shown.data[n] == before_shown.data[n])
        n++;
    kiln_str_clear(&before);
    return n ? put_text(&before, all_shown.data, all_shown.data + n) : 0;
}

static void put_excerpt(struct kiln_str *out, const struct kiln_diag_hide *hide,
                        const struct kiln_source *s, size_t offset, unsigned line_number)
{
    const char *at = s->text + offset;
    struct span line = line_around(s, at);
    struct span w = cut(line, at);
    unsigned pad = column_shown(hide, w, at < w.end ? at : w.end);

    kiln_str_addf(out, "%5u | %s", line_number, w.start > line.start ? "..." : "");
    (void)put_text(out, w.start, w.end);
    kiln_str_addf(out, "%s\n      | ", w.end < line.end ? "..." : "");
    for (pad += w.start > line.start ? 3 : 0; pad > 0; pad--)
        kiln_str_addc(out, ' ');
    kiln_str_adds(out, "^\n");
}

/* Whose it is; of many, the first few. */
static void put_builds(struct kiln_str *out, const struct kiln_strv *builds)
{
    size_t n = builds->n <= MAX_BUILDS ? builds->n : MAX_BUILDS;

    if (n == 0)
        return;
    kiln_str_adds(out, builds->n > 1 ? "builds " : "build ");
    for (size_t i = 0; i < n; i++) {
        kiln_str_adds(out, i > 0 ? ", '" : "'");
        (void)put_text(out, builds->v[i], builds->v[i] + strlen(builds->v[i]));
        kiln_str_addc(out, '\'');
    }
    if (builds->n > n)
        kiln_str_addf(out, " and %zu more", builds->n - n);
    kiln_str_adds(out, ": ");
}

void kiln_diag_format(const struct kiln_diag_item *item, const struct kiln_diag_hide *hide,
                      struct kiln_str *out)
{
    const struct kiln_source *s = item->source;
    bool placed = s && item->offset != KILN_NO_PLACE;
    size_t offset = placed && item->offset > s->len ? s->len : item->offset;
    unsigned line = 0;
    unsigned column = 0;

    if (s)
        put_text(out, s->name, s->name + strlen(s->name));
    if (placed) {
        kiln_source_position(s, offset, &line, &column);
        kiln_str_addf(out, ":%u:%u", line, column);
    }
    kiln_str_adds(out, s ? ": " : "");
    kiln_str_adds(out, item->severity == KILN_WARNING ? "warning: " : "error: ");
    put_builds(out, &item->builds);
    put_lines(out, item->text);
    if (placed && !s->secret)
        put_excerpt(out, hide, s, offset, line);
    if (item->fix) {
        kiln_str_adds(out, "  ");
        put_lines(out, item->fix);
    }
}

void kiln_diag_format_all(const struct kiln_diag *d, const struct kiln_diag_hide *hide,
                          struct kiln_str *out)
{
    for (size_t i = 0; i < d->n; i++)
        kiln_diag_format(&d->items[i], hide, out);
    if (d->dropped)
        kiln_str_addf(out, "... and %zu more\n", d->dropped);
}
