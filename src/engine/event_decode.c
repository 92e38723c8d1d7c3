/*
 * The decoder reads what the encoder writes: one flat JSON object. It is hand-written because LINE
 * events arrive by the hundred megabytes. Everything is checked: a worker may have been overrun by
 * what it talked to.
 */
#include "engine/event.h"

#include <stddef.h>

#include "base/encode.h"
#include "base/limits.h"
#include "engine/event_wire.h"

struct scan {
    const char *p, *end;
    char *dst; /* where the next string goes; the arena has room for the whole line */
};

#define MAX_SKIP_DEPTH 8 /* nesting of values under keys that we do not know */

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    skip_space(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool take_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    skip_space(s);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

static bool hex4(struct scan *s, unsigned *ret)
{
    unsigned v = 0;

    if (s->end - s->p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int d = kiln_hex_value(*s->p++);

        if (d < 0)
            return false;
        v = v << 4 | (unsigned)d;
    }
    *ret = v;
    return true;
}

static bool scan_unicode_escape(struct scan *s)
{
    unsigned cp, low;

    if (!hex4(s, &cp) || (cp >= 0xdc00 && cp <= 0xdfff))
        return false;
    if (cp >= 0xd800 && cp <= 0xdbff) {
        if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
            return false;
        s->p += 2;
        if (!hex4(s, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        cp = 0x10000 + ((cp - 0xd800) << 10 | (low - 0xdc00));
    }
    s->dst += kiln_utf8_encode(s->dst, cp);
    return true;
}

static bool scan_escape(struct scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (s->p == s->end)
        return false;
    if (*s->p == 'u') {
        s->p++;
        return scan_unicode_escape(s);
    }
    at = memchr(from, *s->p, sizeof(from) - 1);
    if (!at)
        return false;
    *s->dst++ = to[at - from];
    s->p++;
    return true;
}

/* A string, unescaped into the arena with a NUL behind it. */
static bool scan_string(struct scan *s, const char **ret, size_t *ret_len)
{
    char *start = s->dst;

    if (!take(s, '"'))
        return false;
    for (;;) {
        size_t n = kiln_json_plain(s->p, (size_t)(s->end - s->p));
        unsigned cp;

        memcpy(s->dst, s->p, n);
        s->dst += n;
        s->p += n;
        if (s->p == s->end)
            return false;
        if (*s->p == '"')
            break;
        if (*s->p == '\\') {
            s->p++;
            if (!scan_escape(s))
                return false;
            continue;
        }
        n = (unsigned char)*s->p < 0x20 ? 0 : kiln_utf8_decode(s->p, (size_t)(s->end - s->p), &cp);
        if (n == 0)
            return false;
        memcpy(s->dst, s->p, n);
        s->dst += n;
        s->p += n;
    }
    s->p++;
    *ret = start;
    *ret_len = (size_t)(s->dst - start);
    *s->dst++ = '\0';
    return true;
}

/* A string that ends at its first NUL for everybody who reads it must not go on behind it. */
static bool scan_cstring(struct scan *s, const char **ret)
{
    size_t len;

    return scan_string(s, ret, &len) && strlen(*ret) == len;
}

static bool scan_u64(struct scan *s, uint64_t *ret)
{
    const char *start;
    uint64_t v = 0;

    skip_space(s);
    start = s->p;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s->p - '0'), &v))
            return false;
    }
    if (s->p == start || (*start == '0' && s->p - start > 1))
        return false;
    *ret = v;
    return true;
}

static bool scan_i64(struct scan *s, int64_t *ret)
{
    bool negative = take(s, '-');
    uint64_t v;

    if (!scan_u64(s, &v) || v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *ret = (int64_t)(negative ? 0 - v : v);
    return true;
}

static bool scan_bool(struct scan *s, bool *ret)
{
    if (take_word(s, "true"))
        *ret = true;
    else if (take_word(s, "false"))
        *ret = false;
    else
        return false;
    return true;
}

static bool scan_names(struct scan *s, struct kiln_strv *names)
{
    const char *name;

    kiln_strv_done(names);
    if (!take(s, '['))
        return false;
    if (take(s, ']'))
        return true;
    do {
        if (!scan_cstring(s, &name))
            return false;
        kiln_strv_add(names, name);
    } while (take(s, ','));
    return take(s, ']');
}

static bool scan_word(struct scan *s, const char *const *words, size_t n, unsigned *ret)
{
    const char *word;

    if (!scan_cstring(s, &word))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret = (unsigned)i;
            return true;
        }
    }
    return false;
}

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || (c && strchr("+-.eE", c));
}

static bool skip_value(struct scan *s, unsigned depth);

static bool skip_members(struct scan *s, bool object, unsigned depth)
{
    char *mark = s->dst;
    const char *key;
    size_t len;

    if (depth == 0)
        return false;
    if (take(s, object ? '}' : ']'))
        return true;
    do {
        if (object && (!scan_string(s, &key, &len) || !take(s, ':')))
            return false;
        if (!skip_value(s, depth - 1))
            return false;
        s->dst = mark;
    } while (take(s, ','));
    return take(s, object ? '}' : ']');
}

static bool skip_value(struct scan *s, unsigned depth)
{
    const char *text;
    size_t len;

    if (take(s, '{'))
        return skip_members(s, true, depth);
    if (take(s, '['))
        return skip_members(s, false, depth);
    if (s->p < s->end && *s->p == '"')
        return scan_string(s, &text, &len);
    if (take_word(s, "true") || take_word(s, "false") || take_word(s, "null"))
        return true;
    for (text = s->p; s->p < s->end && in_number(*s->p);)
        s->p++;
    return s->p > text;
}

static bool scan_member(struct scan *s, const struct kiln_wire_member *m,
                        struct kiln_event_box *box)
{
    void *at = (char *)&box->ev + m->offset;
    unsigned word;
    uint64_t u;

    switch (m->kind) {
    case KILN_WIRE_STRING:
        return scan_cstring(s, at);
    case KILN_WIRE_TEXT:
        return scan_string(s, &box->ev.text, &box->ev.len);
    case KILN_WIRE_NAMES:
        box->ev.names = &box->names;
        return scan_names(s, &box->names);
    case KILN_WIRE_I64:
        return scan_i64(s, at);
    case KILN_WIRE_U64:
        return scan_u64(s, at);
    case KILN_WIRE_U32:
        if (!scan_u64(s, &u) || u > UINT32_MAX)
            return false;
        *(uint32_t *)at = (uint32_t)u;
        return true;
    case KILN_WIRE_BOOL:
        return scan_bool(s, at);
    case KILN_WIRE_TYPE:
        if (!scan_word(s, kiln_wire_types, KILN_EV__N, &word))
            return false;
        box->ev.type = (enum kiln_event_type)word;
        return true;
    case KILN_WIRE_LEVEL:
        if (!scan_word(s, kiln_wire_levels, KILN_WIRE_LEVELS, &word))
            return false;
        box->ev.level = (enum kiln_level)word;
        return true;
    }
    return false;
}

static const struct kiln_wire_member *find_member(const char *key)
{
    for (size_t i = 0; i < KILN_COUNT(kiln_wire_members); i++) {
        if (strcmp(kiln_wire_members[i].key, key) == 0)
            return &kiln_wire_members[i];
    }
    return NULL;
}

/* The whole object; *ret_key is the key at which it went wrong, "" if not at a value. */
static bool scan_object(struct scan *s, struct kiln_event_box *box, const char **ret_key)
{
    bool has_type = false;

    *ret_key = "";
    if (!take(s, '{'))
        return false;
    do {
        const struct kiln_wire_member *m;
        char *mark = s->dst;
        const char *key;

        if (!scan_cstring(s, &key) || !take(s, ':'))
            return false;
        m = find_member(key);
        *ret_key = m ? m->key : "";
        s->dst = mark; /* the key is no longer needed */
        if (m ? !scan_member(s, m, box) : !skip_value(s, MAX_SKIP_DEPTH))
            return false;
        if (!m)
            s->dst = mark;
        has_type = has_type || (m && m->kind == KILN_WIRE_TYPE);
        *ret_key = "";
    } while (take(s, ','));
    if (!take(s, '}'))
        return false;
    skip_space(s);
    *ret_key = has_type ? "" : "type";
    return has_type && s->p == s->end;
}

void kiln_event_box_done(struct kiln_event_box *box)
{
    kiln_strv_done(&box->names);
    kiln_str_done(&box->arena);
    box->ev = (struct kiln_event){ 0 };
}

bool kiln_event_decode(struct kiln_event_box *box, const char *line, size_t len,
                       struct kiln_err *err)
{
    struct scan s = { .p = line, .end = line + len };
    const char *key;

    box->ev = (struct kiln_event){ 0 };
    kiln_strv_done(&box->names);
    kiln_str_clear(&box->arena);
    if (len > KILN_MAX_EVENT)
        return kiln_err_set(err, KILN_ERR_USER, "event of %zu bytes is over the limit of %u", len,
                            KILN_MAX_EVENT);
    /* Unescaping only shrinks, and the NUL takes the place of a quote: this never moves again. */
    s.dst = kiln_str_space(&box->arena, len + 1);
    if (!s.dst)
        return kiln_str_ok(&box->arena, "event", err);
    if (scan_object(&s, box, &key))
        return true;
    (void)kiln_err_set(err, KILN_ERR_USER, "bad event at byte %td%s%s", s.p - line,
                       *key ? ", member " : "", key);
    kiln_event_box_done(box);
    return false;
}
