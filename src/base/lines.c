#include "base/lines.h"

#include "base/limits.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t trimmed(const char *s, size_t len)
{
    while (len > 0 && is_space(s[len - 1]))
        len--;
    return len;
}

/* Where the text begins that a terminal would still show of s. */
static size_t visible(const char *s, size_t len)
{
    const char *cr = len ? memrchr(s, '\r', len) : NULL;

    return cr ? (size_t)(cr - s) + 1 : 0;
}

static void emit(struct kiln_lines *l, const char *s, size_t len)
{
    size_t start;

    len = trimmed(s, len);
    start = visible(s, len);
    l->fn(l->ud, s + start, len - start);
}

/* Bytes of s[0 … len) to cut off so that no UTF-8 sequence is torn: len if it is no UTF-8. */
static size_t whole_utf8(const char *s, size_t len)
{
    for (size_t n = len; n > 0 && len - n < 4; n--) {
        unsigned char c = (unsigned char)s[n - 1];
        size_t want = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

        if ((c & 0xc0) != 0x80)
            return n - 1 + want > len ? n - 1 : len;
    }
    return len;
}

/* Bytes that can be handed over, or forgotten, of a line of KILN_MAX_LINE bytes without an end. */
static size_t emit_piece(struct kiln_lines *l, const char *s, size_t len)
{
    size_t start = visible(s, trimmed(s, len));

    if (start > 0) /* overwritten text; what follows may fit */
        return start;
    len = whole_utf8(s, len);
    l->fn(l->ud, s, len); /* not trimmed: white space inside a line counts */
    return len;
}

/* Line text without an end: into rest, never more than the maximum. */
static void keep(struct kiln_lines *l, const char *s, size_t len)
{
    while (len > 0) {
        size_t n = KILN_MAX_LINE - l->rest.len;

        if (n == 0) {
            kiln_str_remove(&l->rest, 0, emit_piece(l, l->rest.data, l->rest.len));
            continue;
        }
        if (n > len)
            n = len;
        kiln_str_add(&l->rest, s, n);
        s += n;
        len -= n;
    }
}

static void end_line(struct kiln_lines *l, const char *s, size_t len)
{
    if (l->rest.len == 0 && len <= KILN_MAX_LINE) { /* the usual case: no copy */
        emit(l, s, len);
        return;
    }
    keep(l, s, len);
    emit(l, l->rest.data, l->rest.len);
    kiln_str_clear(&l->rest);
}

void kiln_lines_feed(struct kiln_lines *l, const void *data, size_t len)
{
    const char *s = data, *end = s + len, *nl;

    while (s < end && (nl = memchr(s, '\n', (size_t)(end - s)))) {
        end_line(l, s, (size_t)(nl - s));
        s = nl + 1;
    }
    keep(l, s, (size_t)(end - s));
}

void kiln_lines_end(struct kiln_lines *l)
{
    if (l->rest.len > 0)
        emit(l, l->rest.data, l->rest.len);
    kiln_str_clear(&l->rest);
}

void kiln_lines_done(struct kiln_lines *l)
{
    kiln_str_done(&l->rest);
}
