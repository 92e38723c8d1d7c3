/* Literals of the {{ }} language, and letters beyond ASCII. */
#include <locale.h>
#include <math.h>
#include <wctype.h>

#include "base/encode.h"
#include "base/mem.h"
#include "template/interp_priv.h"

/* ---- strings and characters ---- */

static int hex_digits(const char *s, const char *end, int n, unsigned *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++) {
        int digit = s + i < end ? kiln_hex_value(s[i]) : -1;

        if (digit < 0)
            return -1;
        *ret = *ret * 16 + (unsigned)digit;
    }
    return n;
}

static int octal_digits(const char *s, const char *end, unsigned *ret)
{
    if (end - s < 3)
        return -1;
    *ret = 0;
    for (int i = 0; i < 3; i++) {
        if (s[i] < '0' || s[i] > '7')
            return -1;
        *ret = *ret * 8 + (unsigned)(s[i] - '0');
    }
    return *ret > 255 ? -1 : 3;
}

/* The escape behind a backslash at p. Returns its length, -1 if it is none; *ret_byte: \x41, \101.
 */
static int read_escape(const char *p, const char *end, char quote, unsigned *ret, bool *ret_byte)
{
    static const char letters[] = "abfnrtv\\", codes[] = "\a\b\f\n\r\t\v\\";
    const char *known;
    int n;

    *ret_byte = false;
    if (p >= end)
        return -1;
    known = *p ? strchr(letters, *p) : NULL;
    if (known || *p == quote) {
        *ret = known ? (unsigned char)codes[known - letters] : (unsigned char)quote;
        return 1;
    }
    switch (*p) {
    case 'x':
        n = hex_digits(p + 1, end, 2, ret);
        *ret_byte = true;
        break;
    case 'u':
        n = hex_digits(p + 1, end, 4, ret);
        break;
    case 'U':
        n = hex_digits(p + 1, end, 8, ret);
        break;
    default:
        *ret_byte = true;
        return octal_digits(p, end, ret);
    }
    if (!*ret_byte && (*ret > 0x10ffff || (*ret >= 0xd800 && *ret <= 0xdfff)))
        return -1;
    return n < 0 ? -1 : n + 1;
}

static bool unquote_raw(struct kiln_arena *arena, struct kiln_span in, struct kiln_span *ret)
{
    char *copy = NULL;

    *ret = in;
    if (!memchr(in.s, '\r', in.len))
        return true;
    copy = kiln_arena_alloc(arena, in.len);
    ret->len = 0;
    for (size_t i = 0; i < in.len; i++) {
        if (in.s[i] != '\r')
            copy[ret->len++] = in.s[i];
    }
    ret->s = copy;
    return true;
}

bool kiln_interp_unquote(struct kiln_arena *arena, struct kiln_span literal, struct kiln_span *ret)
{
    struct kiln_span in = { literal.s + 1, literal.len - 2 };
    const char *p = in.s, *end = in.s + in.len;
    KILN_AUTO_STR out = { 0 };

    if (literal.s[0] == '`')
        return unquote_raw(arena, in, ret);
    *ret = in;
    if (!memchr(in.s, '\\', in.len))
        return true;
    while (p < end) {
        unsigned c;
        bool byte;
        int n;

        if (*p != '\\') {
            kiln_str_addc(&out, *p++);
            continue;
        }
        n = read_escape(p + 1, end, '"', &c, &byte);
        if (n < 0)
            return false;
        if (byte)
            kiln_str_addc(&out, (char)c);
        else
            kiln_str_add_utf8(&out, c);
        p += n + 1;
    }
    *ret = (struct kiln_span){ kiln_arena_strndup(arena, kiln_str_cstr(&out), out.len), out.len };
    return true;
}

/* ---- numbers ---- */

static void set_int(struct kiln_ast *n, int64_t v)
{
    n->u.number.value = (struct kiln_go_value){ KILN_GO_INT, .u.integer = v };
    n->u.number.as_int = v;
    n->u.number.is_int = true;
}

static bool read_rune(struct kiln_ast *n, struct kiln_err *err)
{
    const char *p = n->source.s + 1, *end = n->source.s + n->source.len - 1;
    unsigned c = 0;
    bool byte;
    int len;

    if (p == end)
        return kiln_err_set(err, KILN_ERR_USER, "invalid syntax");
    if (*p == '\\') {
        len = read_escape(p + 1, end, '\'', &c, &byte);
        if (len < 0)
            return kiln_err_set(err, KILN_ERR_USER, "invalid syntax");
        len++;
    } else {
        len = (int)kiln_utf8_decode(p, (size_t)(end - p), &c);
        if (len == 0) {
            c = 0xfffd;
            len = 1;
        }
    }
    if (p + len != end)
        return kiln_err_set(err, KILN_ERR_USER, "malformed character constant: %.*s",
                            (int)n->source.len, n->source.s);
    set_int(n, c);
    return true;
}

/* strtod takes more than Go does: hex without an exponent, and no underscores. */
static bool read_float(struct kiln_span s, double *ret)
{
    KILN_AUTO_STR text = { 0 };
    bool hex = memchr(s.s, 'x', s.len) || memchr(s.s, 'X', s.len);
    char *end;

    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] != '_')
            kiln_str_addc(&text, s.s[i]);
        else if (i + 1 == s.len || s.s[i + 1] == '_')
            return false;
    }
    if (hex && !memchr(s.s, 'p', s.len) && !memchr(s.s, 'P', s.len))
        return false;
    *ret = strtod(kiln_str_cstr(&text), &end);
    return end != kiln_str_cstr(&text) && !*end && isfinite(*ret);
}

static bool bad_number(const struct kiln_ast *n, const char *what, struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_USER, "%s: \"%.*s\"", what, (int)n->source.len, n->source.s);
}

bool kiln_interp_number(struct kiln_ast *n, bool is_rune, struct kiln_err *err)
{
    const struct kiln_span s = n->source;
    KILN_AUTO_FREE char *text = kiln_xstrndup(s.s, s.len);
    bool hex = strpbrk(text, "xX") != NULL;
    bool looks_real = strpbrk(text, hex ? ".pP" : ".eEpP") != NULL;
    int64_t integer = 0;
    double real = 0;

    if (is_rune)
        return read_rune(n, err);
    switch (kiln_go_parse_int(s.s, s.len, &integer)) {
    case KILN_GO_NUMBER_OK:
        set_int(n, integer);
        return true;
    case KILN_GO_NUMBER_RANGE:
        n->u.number.value.kind = KILN_GO_NIL;
        /* An unsigned 64-bit number passes here and fails when it is used, as in Go. */
        if (*text != '-' && *text != '+' && read_float(s, &real) && real < 18446744073709551615.0)
            return true;
        return bad_number(n, "integer overflow", err);
    case KILN_GO_NUMBER_SYNTAX:
        break;
    }
    if (!read_float(s, &real))
        return bad_number(n, "illegal number syntax", err);
    if (!looks_real)
        return bad_number(n, "integer overflow", err); /* 08 */
    n->u.number.value = (struct kiln_go_value){ KILN_GO_FLOAT, .u.real = real };
    if (fabs(real) < 9e18) {
        n->u.number.as_int = (int64_t)real;
        n->u.number.is_int =
            (double)n->u.number.as_int >= real && (double)n->u.number.as_int <= real;
    }
    return true;
}

/* ---- letters ---- */

/* The C library knows Unicode's letters only in a UTF-8 locale, and the process may run in another.
 * NULL if the system has none: then only ASCII changes case. */
static locale_t unicode_locale(void)
{
    return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

bool kiln_interp_is_letter(unsigned cp)
{
    locale_t l = unicode_locale();
    bool yes = l && iswalnum_l((wint_t)cp, l) != 0;

    if (l)
        freelocale(l);
    return yes;
}

void kiln_interp_add_case(struct kiln_str *out, const char *s, size_t len, bool upper)
{
    locale_t l = (locale_t)0;

    for (size_t i = 0; i < len;) {
        unsigned cp;
        size_t n = kiln_utf8_decode(s + i, len - i, &cp);

        if (n == 0) {
            kiln_str_add_utf8(out, 0xfffd);
        } else if (n == 1) {
            bool other = upper ? cp >= 'a' && cp <= 'z' : cp >= 'A' && cp <= 'Z';

            kiln_str_addc(out, (char)(other ? cp ^ 0x20 : cp));
        } else {
            if (!l)
                l = unicode_locale();
            if (l)
                cp = (unsigned)(upper ? towupper_l((wint_t)cp, l) : towlower_l((wint_t)cp, l));
            kiln_str_add_utf8(out, cp);
        }
        i += n ? n : 1;
    }
    if (l)
        freelocale(l);
}
