#include "ui/boot/bootmap.h"

#include "base/mem.h"
#include "base/str.h"

static struct kiln_bootmap_span *add_span(struct kiln_bootmap *m, enum kiln_bootmap_kind kind,
                                          size_t raw, size_t len)
{
    struct kiln_bootmap_span *last = m->n > 0 ? &m->v[m->n - 1] : NULL;

    if (len == 0)
        return last;
    if (last && last->kind == kind) { /* which of two actions made what, nobody can tell */
        last->raw_len += len;
        return last;
    }
    m->v = kiln_xrealloc(m->v, m->n + 1, sizeof(*m->v));
    last = &m->v[m->n++];
    *last = (struct kiln_bootmap_span){ .raw = raw, .raw_len = len, .kind = kind };
    return last;
}

/* Length of the {{ }} at p; 0 if it has no end. */
static size_t action_length(const char *p)
{
    const char *at = p + 2, *end;

    at += kiln_has_prefix(at, "- ") ? 2 : 0;
    if (kiln_has_prefix(at, "/*")) {
        end = strstr(at, "*/");
        at = end ? end : at;
    }
    for (; *at; at++) {
        char quote = *at;

        if (quote == '}' && at[1] == '}')
            return (size_t)(at + 2 - p);
        if (quote != '"' && quote != '`' && quote != '\'')
            continue;
        for (at++; *at && *at != quote; at++)
            at += quote != '`' && *at == '\\' && at[1];
        if (!*at)
            break;
    }
    return 0;
}

static size_t space_back(const char *raw, size_t from, size_t to)
{
    size_t n = 0;

    while (to - n > from && strchr(" \t\r\n", raw[to - n - 1]))
        n++;
    return n;
}

/* Cut raw into pieces. {{- takes away the white space before it, -}} what is behind it: that is
 * counted to the action. */
static void add_pieces(struct kiln_bootmap *m, const char *raw)
{
    const size_t mark = strlen(KILN_BOOTMAP_SECRET_MARK);
    size_t start = 0, at = 0, n;

    while (raw[at]) {
        if (kiln_has_prefix(raw + at, KILN_BOOTMAP_SECRET_MARK)) {
            (void)add_span(m, KILN_BOOTMAP_LITERAL, start, at - start);
            (void)add_span(m, KILN_BOOTMAP_SECRET, at, mark);
            start = at += mark;
        } else if (kiln_has_prefix(raw + at, "{{") && (n = action_length(raw + at)) > 0) {
            size_t before = kiln_has_prefix(raw + at, "{{- ") ? space_back(raw, start, at) : 0;
            size_t end = at + n;

            if (n >= 7 && memcmp(raw + end - 4, " -}}", 4) == 0)
                end += strspn(raw + end, " \t\r\n");
            (void)add_span(m, KILN_BOOTMAP_LITERAL, start, at - before - start);
            (void)add_span(m, KILN_BOOTMAP_ACTION, at - before, end - at + before);
            start = at = end;
        } else {
            at++;
        }
    }
    (void)add_span(m, KILN_BOOTMAP_LITERAL, start, at - start);
}

static bool found(const struct kiln_bootmap_span *s, const char *raw, const char *text, size_t len,
                  size_t at)
{
    return at + s->raw_len <= len && memcmp(raw + s->raw, text + at, s->raw_len) == 0;
}

static void place(struct kiln_bootmap_span *s, size_t text, size_t len)
{
    s->text = text;
    s->text_len = len;
}

/* Literal pieces from the left, each where it comes first. False: one is not there. */
static bool align(struct kiln_bootmap *m, size_t first, size_t end, const char *raw,
                  const char *text, size_t at, size_t len)
{
    for (size_t i = first; i < end; i++) {
        struct kiln_bootmap_span *s = &m->v[i], *next = s + 1;
        const char *hit;

        if (s->kind == KILN_BOOTMAP_LITERAL) {
            if (!found(s, raw, text, len, at))
                return false;
            place(s, at, s->raw_len);
            at += s->raw_len;
            continue;
        }
        if (i + 1 == end) {
            place(s, at, len - at);
            return true;
        }
        if (next->kind != KILN_BOOTMAP_LITERAL) { /* an action beside a secret */
            place(s, at, 0);
            continue;
        }
        hit = memmem(text + at, len - at, raw + next->raw, next->raw_len);
        if (!hit)
            return false;
        place(s, at, (size_t)(hit - text) - at);
        at = (size_t)(hit - text);
    }
    return at == len;
}

/* The spans from first to end - 1 become one. */
static void merge(struct kiln_bootmap *m, size_t first, size_t end, size_t text, size_t len)
{
    struct kiln_bootmap_span *s = &m->v[first], *last = &m->v[end - 1];

    s->raw_len = last->raw + last->raw_len - s->raw;
    s->kind = KILN_BOOTMAP_ACTION;
    place(s, text, len);
    memmove(s + 1, last + 1, (m->n - end) * sizeof(*s));
    m->n -= end - first - 1;
}

static void match(struct kiln_bootmap *m, const char *raw, const char *text)
{
    size_t len = strlen(text), first = 0, end = m->n, at = 0;
    struct kiln_bootmap_span *last;

    if (m->n == 0)
        return;
    if (m->v[0].kind == KILN_BOOTMAP_LITERAL && found(&m->v[0], raw, text, len, 0)) {
        place(&m->v[0], 0, m->v[0].raw_len);
        at = m->v[0].raw_len;
        first = 1;
    }
    last = &m->v[m->n - 1];
    if (first < end && last->kind == KILN_BOOTMAP_LITERAL && len - at >= last->raw_len &&
        found(last, raw, text, len, len - last->raw_len)) {
        len -= last->raw_len;
        place(last, len, last->raw_len);
        end--;
    }
    if (first < end && !align(m, first, end, raw, text, at, len))
        merge(m, first, end, at, len - at);
    else if (first >= end && at != len)
        merge(m, 0, m->n, 0, strlen(text));
}

void kiln_bootmap_make(struct kiln_bootmap *m, const char *raw, const char *text)
{
    *m = (struct kiln_bootmap){ 0 };
    add_pieces(m, raw);
    for (size_t i = 0; i < m->n && !text; i++)
        place(&m->v[i], m->v[i].raw, m->v[i].raw_len);
    if (text)
        match(m, raw, text);
}

void kiln_bootmap_done(struct kiln_bootmap *m)
{
    free(m->v);
    *m = (struct kiln_bootmap){ 0 };
}

/* ---- questions ---- */

static size_t raw_end(const struct kiln_bootmap_span *span)
{
    return span->raw + span->raw_len;
}

static size_t text_end(const struct kiln_bootmap_span *span)
{
    return span->text + span->text_len;
}

/* The first one that ends behind `place`; NULL: none. */
static const struct kiln_bootmap_span *
find(const struct kiln_bootmap *m, size_t (*end)(const struct kiln_bootmap_span *), size_t place)
{
    size_t lo = 0, hi = m->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (end(&m->v[mid]) <= place)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < m->n ? &m->v[lo] : NULL;
}

const struct kiln_bootmap_span *kiln_bootmap_at_raw(const struct kiln_bootmap *m, size_t raw)
{
    return find(m, raw_end, raw);
}

const struct kiln_bootmap_span *kiln_bootmap_at_text(const struct kiln_bootmap *m, size_t text)
{
    return find(m, text_end, text);
}

void kiln_bootmap_to_raw(const struct kiln_bootmap *m, size_t start, size_t len, size_t *ret_start,
                         size_t *ret_len)
{
    const struct kiln_bootmap_span *a = kiln_bootmap_at_text(m, start);
    const struct kiln_bootmap_span *b = kiln_bootmap_at_text(m, start + len - 1);
    size_t end;

    if (!a || !b) {
        *ret_start = m->n > 0 ? m->v[m->n - 1].raw + m->v[m->n - 1].raw_len : 0;
        *ret_len = 0;
        return;
    }
    *ret_start = a->kind == KILN_BOOTMAP_LITERAL ? a->raw + start - a->text : a->raw;
    end = b->kind == KILN_BOOTMAP_LITERAL ? b->raw + start + len - b->text : b->raw + b->raw_len;
    *ret_len = end - *ret_start;
}

void kiln_bootmap_to_text(const struct kiln_bootmap *m, size_t raw, size_t *ret_start,
                          size_t *ret_len)
{
    const struct kiln_bootmap_span *s = kiln_bootmap_at_raw(m, raw);
    const struct kiln_bootmap_span *last = m->n > 0 ? &m->v[m->n - 1] : NULL;
    bool literal = s && s->kind == KILN_BOOTMAP_LITERAL;

    *ret_start = !s        ? (last ? last->text + last->text_len : 0)
                 : literal ? s->text + raw - s->raw
                           : s->text;
    *ret_len = !s ? 0 : literal ? 1 : s->text_len;
}
