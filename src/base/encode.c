#include "base/encode.h"

static const char hex_lower[] = "0123456789abcdef";

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int kiln_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that two hex digits spell, or -1. */
static int hex_byte(const char *s)
{
    int high = kiln_hex_value(s[0]), low = high < 0 ? -1 : kiln_hex_value(s[1]);

    return low < 0 ? -1 : high << 4 | low;
}

void kiln_hex_add(struct kiln_str *out, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++) {
        char pair[2] = { hex_lower[p[i] >> 4], hex_lower[p[i] & 15] };

        kiln_str_add(out, pair, sizeof(pair));
    }
}

bool kiln_hex_decode(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err)
{
    size_t start = out->len;

    if (len % 2)
        return kiln_err_set(err, KILN_ERR_USER, "hex: odd number of digits");
    for (size_t i = 0; i < len; i += 2) {
        int byte = hex_byte(s + i);

        if (byte < 0) {
            kiln_str_truncate(out, start);
            return kiln_err_set(err, KILN_ERR_USER, "hex: not a hex digit at position %zu", i);
        }
        kiln_str_addc(out, (char)byte);
    }
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void kiln_base64_add(struct kiln_str *out, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i += 3) {
        unsigned v = (unsigned)p[i] << 16;
        char quad[4];

        if (i + 1 < len)
            v |= (unsigned)p[i + 1] << 8;
        if (i + 2 < len)
            v |= p[i + 2];
        quad[0] = base64_digits[v >> 18];
        quad[1] = base64_digits[v >> 12 & 63];
        quad[2] = i + 1 < len ? base64_digits[v >> 6 & 63] : '=';
        quad[3] = i + 2 < len ? base64_digits[v & 63] : '=';
        kiln_str_add(out, quad, sizeof(quad));
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits with up to two '=' at the end; false if they are no base64. */
static bool base64_quad(struct kiln_str *out, const char q[4])
{
    size_t n = q[3] != '=' ? 4 : q[2] != '=' ? 3 : 2;
    unsigned v = 0;

    for (size_t i = 0; i < 4; i++) {
        int digit = i < n ? base64_value(q[i]) : 0;

        if (digit < 0)
            return false;
        v = v << 6 | (unsigned)digit;
    }
    for (size_t i = 0; i + 1 < n; i++)
        kiln_str_addc(out, (char)(v >> (16 - 8 * i)));
    return true;
}

bool kiln_base64_decode(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err)
{
    size_t start = out->len, n = 0;
    bool ended = false;
    char quad[4];

    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n' || s[i] == '\r')
            continue;
        quad[n++] = s[i];
        if (n < 4 && !ended)
            continue;
        if (ended || !base64_quad(out, quad)) {
            kiln_str_truncate(out, start);
            return kiln_err_set(err, KILN_ERR_USER, "illegal base64 data at input byte %zu", i);
        }
        ended = quad[3] == '=';
        n = 0;
    }
    if (n == 0)
        return true;
    kiln_str_truncate(out, start);
    return kiln_err_set(err, KILN_ERR_USER, "illegal base64 data at input byte %zu", len);
}

/* Percent-encode all but letters, digits and those of `safe`. */
static void add_percent(struct kiln_str *out, const char *s, const char *safe)
{
    for (; *s; s++) {
        if (is_alnum((unsigned char)*s) || strchr(safe, *s))
            kiln_str_addc(out, *s);
        else if (*s == ' ' && !strchr(safe, '/'))
            kiln_str_addc(out, '+');
        else
            kiln_str_addf(out, "%%%02X", (unsigned char)*s);
    }
}

void kiln_url_add_query(struct kiln_str *out, const char *s)
{
    add_percent(out, s, "-_.~");
}

void kiln_url_add_path(struct kiln_str *out, const char *s)
{
    add_percent(out, s, "-_.~$&+:=@/");
}

bool kiln_url_decode(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err)
{
    size_t start = out->len;

    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)s[i];

        if (byte == '%') {
            byte = len - i > 2 ? hex_byte(s + i + 1) : -1;
            i += 2;
        }
        if (byte <= 0) {
            kiln_str_truncate(out, start);
            return kiln_err_set(err, KILN_ERR_USER, "invalid URL escape");
        }
        kiln_str_addc(out, (char)byte);
    }
    return true;
}

void kiln_shell_add_escaped(struct kiln_str *out, const char *s)
{
    for (;;) {
        size_t n = strcspn(s, "'");

        kiln_str_add(out, s, n);
        if (!s[n])
            return;
        kiln_str_adds(out, "'\"'\"'");
        s += n + 1;
    }
}

void kiln_shell_add_quoted(struct kiln_str *out, const char *s)
{
    const char *p = s;

    while (is_alnum((unsigned char)*p) || (*p && strchr("@%_-+=:,./", *p)))
        p++;
    if (p > s && !*p) {
        kiln_str_adds(out, s);
        return;
    }
    kiln_str_addc(out, '\'');
    kiln_shell_add_escaped(out, s);
    kiln_str_addc(out, '\'');
}

/* The letter of c's two-character escape: those of JSON come first. 0: none. */
static char escape_letter(unsigned c, bool json)
{
    static const char from[] = "\"\\\b\f\n\r\t\a\v", to[] = "\"\\bfnrtav";
    const char *p = c && c < 0x80 ? strchr(from, (int)c) : NULL;

    if (!p || (json && p - from > 6))
        return 0;
    return to[p - from];
}

static void add_json_char(struct kiln_str *out, unsigned cp, enum kiln_json_flags flags)
{
    char letter = escape_letter(cp, true);
    bool html = (flags & KILN_JSON_HTML) &&
                (cp == '<' || cp == '>' || cp == '&' || cp == 0x2028 || cp == 0x2029);

    if (letter)
        kiln_str_add(out, (char[]){ '\\', letter }, 2);
    else if (cp < 0x20 || html)
        kiln_str_addf(out, "\\u%04x", cp);
    else
        kiln_str_add_utf8(out, cp);
}

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Eight bytes at a time: output of programs is nearly all plain, and there is a lot of it. A borrow
 * may flag a byte above a special one, never hide one; that word is then looked at byte by byte. */
size_t kiln_json_plain(const char *s, size_t len)
{
    size_t i = 0;

    for (uint64_t v, quote, slash; len - i >= sizeof(v); i += sizeof(v)) {
        memcpy(&v, s + i, sizeof(v));
        quote = v ^ (ONES * '"');
        slash = v ^ (ONES * '\\');
        if (((v - ONES * 0x20) | (quote - ONES) | (slash - ONES) | v) & HIGHS)
            break;
    }
    while (i < len && s[i] >= 0x20 && (unsigned char)s[i] < 0x80 && s[i] != '"' && s[i] != '\\')
        i++;
    return i;
}

void kiln_json_add_string(struct kiln_str *out, const char *s, size_t len,
                          enum kiln_json_flags flags)
{
    kiln_str_addc(out, '"');
    for (size_t i = 0; i < len;) {
        size_t n = flags == KILN_JSON_PLAIN ? kiln_json_plain(s + i, len - i) : 0;
        unsigned cp = 0xfffd;

        kiln_str_add(out, s + i, n);
        i += n;
        if (i == len)
            break;
        n = kiln_utf8_decode(s + i, len - i, &cp);
        add_json_char(out, cp, flags);
        i += n ? n : 1;
    }
    kiln_str_addc(out, '"');
}

void kiln_json_adds(struct kiln_str *out, const char *s)
{
    kiln_json_add_string(out, s, strlen(s), KILN_JSON_PLAIN);
}

void kiln_json_add_strings(struct kiln_str *out, const struct kiln_strv *list)
{
    kiln_str_addc(out, '[');
    for (size_t i = 0; i < list->n; i++) {
        kiln_str_adds(out, i > 0 ? "," : "");
        kiln_json_adds(out, list->v[i]);
    }
    kiln_str_addc(out, ']');
}

bool kiln_go_is_printable(unsigned cp)
{
    static const struct {
        unsigned first, last;
    } hidden[] = {
        { 0x00, 0x1f },     { 0x7f, 0xa0 },       { 0xad, 0xad },        { 0x600, 0x605 },
        { 0x61c, 0x61c },   { 0x6dd, 0x6dd },     { 0x1680, 0x1680 },    { 0x180e, 0x180e },
        { 0x2000, 0x200f }, { 0x2028, 0x202f },   { 0x205f, 0x206f },    { 0x3000, 0x3000 },
        { 0xd800, 0xf8ff }, { 0xfdd0, 0xfdef },   { 0xfeff, 0xfeff },    { 0xfff0, 0xfffb },
        { 0xfffe, 0xffff }, { 0xe0000, 0xe00ff }, { 0xe01f0, 0x10ffff },
    };

    for (size_t i = 0; i < KILN_COUNT(hidden); i++) {
        if (cp >= hidden[i].first && cp <= hidden[i].last)
            return false;
    }
    return true;
}

void kiln_go_add_char(struct kiln_str *out, unsigned cp, char quote, bool ascii)
{
    char letter = cp == (unsigned char)quote ? quote : cp == '"' ? 0 : escape_letter(cp, false);

    if (letter)
        kiln_str_addf(out, "\\%c", letter);
    else if (kiln_go_is_printable(cp) && (cp < 0x80 || !ascii))
        kiln_str_add_utf8(out, cp);
    else if (cp < ' ' || cp == 0x7f)
        kiln_str_addf(out, "\\x%02x", cp);
    else if (cp < 0x10000)
        kiln_str_addf(out, "\\u%04x", cp);
    else
        kiln_str_addf(out, "\\U%08x", cp);
}

static void add_go_quoted(struct kiln_str *out, const char *s, size_t len, bool ascii)
{
    kiln_str_addc(out, '"');
    for (size_t i = 0; i < len;) {
        unsigned cp;
        size_t n = kiln_utf8_decode(s + i, len - i, &cp);

        if (n == 0)
            kiln_str_addf(out, "\\x%02x", (unsigned char)s[i++]);
        else
            kiln_go_add_char(out, cp, '"', ascii);
        i += n;
    }
    kiln_str_addc(out, '"');
}

void kiln_go_add_quoted(struct kiln_str *out, const char *s, size_t len)
{
    add_go_quoted(out, s, len, false);
}

void kiln_go_add_quoted_ascii(struct kiln_str *out, const char *s, size_t len)
{
    add_go_quoted(out, s, len, true);
}

/* What XML 1.0 allows. */
static bool is_xml(unsigned cp)
{
    return cp == '\t' || cp == '\n' || cp == '\r' || (cp >= 0x20 && cp <= 0xd7ff) ||
           (cp >= 0xe000 && cp <= 0xfffd) || cp >= 0x10000;
}

static const char *xml_reference(unsigned cp)
{
    static const struct {
        char c;
        const char *text;
    } references[] = { { '<', "&lt;" },   { '>', "&gt;" },   { '&', "&amp;" },  { '"', "&#34;" },
                       { '\'', "&#39;" }, { '\t', "&#x9;" }, { '\n', "&#xA;" }, { '\r', "&#xD;" } };

    for (size_t i = 0; i < KILN_COUNT(references); i++) {
        if (cp == (unsigned char)references[i].c)
            return references[i].text;
    }
    return NULL;
}

void kiln_xml_add_text(struct kiln_str *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned cp = 0xfffd;
        size_t n = kiln_utf8_decode(s + i, len - i, &cp);
        const char *reference = n ? xml_reference(cp) : NULL;

        if (reference)
            kiln_str_adds(out, reference);
        else
            kiln_str_add_utf8(out, n && is_xml(cp) ? cp : 0xfffd);
        i += n ? n : 1;
    }
}

static void add_utf16(struct kiln_str *out, unsigned unit)
{
    kiln_str_addc(out, (char)(unit & 0xff));
    kiln_str_addc(out, (char)(unit >> 8));
}

void kiln_utf16_add(struct kiln_str *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned cp = 0xfffd;
        size_t n = kiln_utf8_decode(s + i, len - i, &cp);

        if (n == 0)
            cp = 0xfffd;
        i += n ? n : 1;
        if (cp < 0x10000) {
            add_utf16(out, cp);
        } else {
            add_utf16(out, 0xd800 + ((cp - 0x10000) >> 10));
            add_utf16(out, 0xdc00 + ((cp - 0x10000) & 0x3ff));
        }
    }
}
