#include "template/json_scan.h"

#include "base/encode.h"
#include "base/mem.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return kiln_hex_value(c) >= 0;
}

static void skip_space(struct kiln_json_scanner *s)
{
    const char *text = s->source->text;

    while (text[s->at] == ' ' || text[s->at] == '\n' || text[s->at] == '\t' || text[s->at] == '\r')
        s->at++;
}

/* Index of a new token for the value at s->at. */
static size_t add_token(struct kiln_json_scanner *s)
{
    struct kiln_json_scan *out = s->out;

    if (out->n == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 256;
        out->tokens = kiln_xrealloc(out->tokens, out->cap, sizeof(*out->tokens));
    }
    out->tokens[out->n] = (struct kiln_json_token){ .offset = (uint32_t)s->at };
    return out->n++;
}

/* Leaves *at behind the escape that begins there. */
static bool scan_escape(struct kiln_json_scanner *s, size_t *at)
{
    const char *p = s->source->text + *at;

    if (p[1] != '\0' && strchr("\"\\/bfnrt", p[1])) {
        *at += 2;
        return true;
    }
    if (p[1] != 'u' || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]) || !is_hex(p[5]) ||
        memcmp(p + 2, "0000", 4) == 0)
        return kiln_json_explain_escape(s, *at);
    *at += 6;
    return true;
}

static bool scan_string(struct kiln_json_scanner *s)
{
    const char *text = s->source->text;
    size_t at = s->at + 1;

    for (;;) {
        unsigned char c = (unsigned char)text[at];
        unsigned cp;
        size_t n;

        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            at++;
        } else if (c == '"') {
            s->at = s->end = at + 1;
            return true;
        } else if (c == '\\') {
            if (!scan_escape(s, &at))
                return false;
        } else { /* beyond ASCII, or a control character such as the NUL that ends the text */
            n = c < 0x20 ? 0 : kiln_utf8_decode(text + at, s->source->len - at, &cp);
            if (n == 0)
                return kiln_json_explain_string(s, s->at, at);
            at += n;
        }
    }
}

static size_t skip_digits(const char *text, size_t at)
{
    while (is_digit(text[at]))
        at++;
    return at;
}

static bool scan_number(struct kiln_json_scanner *s)
{
    const char *text = s->source->text;
    size_t at = s->at + (text[s->at] == '-');
    size_t digits = skip_digits(text, at) - at;
    bool ok = digits == 1 || (digits > 1 && text[at] != '0');

    at += digits;
    if (text[at] == '.') {
        ok = ok && is_digit(text[at + 1]);
        at = skip_digits(text, at + 1);
    }
    if ((text[at] | 0x20) == 'e') {
        at += text[at + 1] == '+' || text[at + 1] == '-' ? 2 : 1;
        ok = ok && is_digit(text[at]);
        at = skip_digits(text, at);
    }
    if (text[at] == '_' || text[at] == '.' || (unsigned char)text[at] >= 0x80 ||
        ((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z'))
        ok = false; /* 10G, 0x10, 1.2.3 */
    if (!ok || at - s->at > KILN_MAX_JSON_NUMBER)
        return kiln_json_explain_number(s, s->at);
    s->at = s->end = at;
    return true;
}

static bool scan_word(struct kiln_json_scanner *s, const char *word)
{
    size_t n = strlen(word);
    const char *p = s->source->text + s->at;
    char after;

    if (strncmp(p, word, n) != 0)
        return kiln_json_explain(s, KILN_JSON_VALUE);
    after = p[n];
    if (after == '_' || is_digit(after) || (unsigned char)after >= 0x80 ||
        ((after | 0x20) >= 'a' && (after | 0x20) <= 'z'))
        return kiln_json_explain(s, KILN_JSON_VALUE);
    s->at += n;
    s->end = s->at;
    return true;
}

static bool scan_value(struct kiln_json_scanner *s);

static bool scan_member(struct kiln_json_scanner *s)
{
    const char *text = s->source->text;

    if (text[s->at] != '"')
        return kiln_json_explain(s, KILN_JSON_KEY);
    s->key = s->at;
    (void)add_token(s);
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (text[s->at] != ':')
        return kiln_json_explain(s, KILN_JSON_COLON);
    s->end = ++s->at;
    skip_space(s);
    return scan_value(s);
}

static bool limit_error(struct kiln_json_scanner *s, const char *what, unsigned max)
{
    return kiln_diag_error(s->diag, s->source, s->at, NULL, "more than %u %s", max, what);
}

/* A list or an object, from its opening bracket on. */
static bool scan_container(struct kiln_json_scanner *s, char close)
{
    const char *text = s->source->text;
    size_t token = add_token(s);
    uint32_t n = 0;

    if (s->depth == KILN_MAX_JSON_DEPTH)
        return limit_error(s, "levels of nesting", KILN_MAX_JSON_DEPTH);
    s->open[s->depth++] = (uint32_t)s->at;
    s->end = ++s->at;
    skip_space(s);
    while (text[s->at] != close || n > 0) {
        if (close == '}' && n == KILN_MAX_JSON_KEYS)
            return limit_error(s, "keys in one object", KILN_MAX_JSON_KEYS);
        if (!(close == '}' ? scan_member(s) : scan_value(s)))
            return false;
        n++;
        skip_space(s);
        if (text[s->at] == close)
            break;
        if (text[s->at] != ',')
            return kiln_json_explain(s, KILN_JSON_COMMA);
        s->end = ++s->at;
        skip_space(s);
    }
    s->end = ++s->at;
    s->depth--;
    s->out->tokens[token].n = n;
    return true;
}

static bool scan_value(struct kiln_json_scanner *s)
{
    if (s->out->n >= KILN_MAX_JSON_VALUES)
        return limit_error(s, "values in one file", KILN_MAX_JSON_VALUES);
    switch (s->source->text[s->at]) {
    case '{':
        return scan_container(s, '}');
    case '[':
        return scan_container(s, ']');
    case '"':
        (void)add_token(s);
        return scan_string(s);
    case 't':
        (void)add_token(s);
        return scan_word(s, "true");
    case 'f':
        (void)add_token(s);
        return scan_word(s, "false");
    case 'n':
        (void)add_token(s);
        return scan_word(s, "null");
    default:
        if (s->source->text[s->at] != '-' && !is_digit(s->source->text[s->at]))
            return kiln_json_explain(s, KILN_JSON_VALUE);
        (void)add_token(s);
        return scan_number(s);
    }
}

bool kiln_json_scan(struct kiln_source *source, bool lenient, struct kiln_json_scan *ret,
                    struct kiln_diag *diag)
{
    struct kiln_json_scan out = { 0 };
    struct kiln_json_scanner s = { .source = source, .diag = diag, .out = &out };

    skip_space(&s);
    if (!scan_value(&s))
        goto fail;
    out.end = s.at;
    skip_space(&s);
    if (s.at < source->len && lenient)
        kiln_diag_warning(diag, source, s.at, NULL, "text after the JSON value is ignored");
    else if (s.at < source->len && !kiln_json_explain(&s, KILN_JSON_END))
        goto fail;
    *ret = out;
    return true;
fail:
    free(out.tokens);
    return false;
}
