#include "template/gofmt_verb.h"

#include <math.h>

#include "base/encode.h"
#include "base/mem.h"

static void add_repeated(struct kiln_str *out, char c, size_t n)
{
    char chunk[256];

    memset(chunk, c, sizeof(chunk));
    while (n > 0 && !out->failed) {
        size_t part = n < sizeof(chunk) ? n : sizeof(chunk);

        kiln_str_add(out, chunk, part);
        n -= part;
    }
}

/* Characters as Go counts them: a byte that is no UTF-8 is one. Ends early at max (in bytes: *end).
 */
static size_t count_runes(const char *s, size_t len, size_t max, size_t *end)
{
    size_t n = 0, i = 0;

    while (i < len && n < max) {
        unsigned cp;
        size_t step = kiln_utf8_decode(s + i, len - i, &cp);

        i += step ? step : 1;
        n++;
    }
    *end = i;
    return n;
}

static void pad(struct kiln_str *out, const struct kiln_go_spec *f, const char *s, size_t len)
{
    size_t ignored, room = 0, runes;

    if (f->has_width) {
        runes = count_runes(s, len, SIZE_MAX, &ignored);
        room = (size_t)f->width > runes ? (size_t)f->width - runes : 0;
    }
    if (!f->minus)
        add_repeated(out, f->zero ? '0' : ' ', room);
    kiln_str_add(out, s, len);
    if (f->minus)
        add_repeated(out, ' ', room);
}

static void pad_str(struct kiln_str *out, const struct kiln_go_spec *f, const struct kiln_str *s)
{
    pad(out, f, kiln_str_cstr(s), s->len);
}

static void print_bad_verb(struct kiln_str *out, const struct kiln_go_spec *f,
                           const struct kiln_go_value *v, unsigned verb)
{
    kiln_str_adds(out, "%!");
    kiln_str_add_utf8(out, verb);
    kiln_str_addc(out, '(');
    kiln_str_adds(out, kiln_go_type_name(v));
    if (v->kind != KILN_GO_NIL) {
        kiln_str_addc(out, '=');
        kiln_go_print_value(out, f, v, 'v');
    }
    kiln_str_addc(out, ')');
}

/* Digits of u, at most 64 of them; returns how many. */
static size_t digits_of(uint64_t u, unsigned base, bool upper, char ret[64])
{
    const char *letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char reversed[64];
    size_t n = 0;

    do {
        reversed[n++] = letters[u % base];
        u /= base;
    } while (u);
    for (size_t i = 0; i < n; i++)
        ret[i] = reversed[n - 1 - i];
    return n;
}

static const char *sign_of(const struct kiln_go_spec *f, bool negative)
{
    return negative ? "-" : f->plus ? "+" : f->space ? " " : "";
}

static const char *prefix_of(const struct kiln_go_spec *f, unsigned verb, bool leading_zero)
{
    if (verb == 'O')
        return f->sharp && !leading_zero ? "0o0" : "0o";
    if (!f->sharp)
        return "";
    switch (verb) {
    case 'b':
        return "0b";
    case 'o':
        return leading_zero ? "" : "0";
    case 'x':
        return "0x";
    case 'X':
        return "0X";
    default:
        return "";
    }
}

static void print_digits(struct kiln_str *out, const struct kiln_go_spec *f, int64_t v,
                         unsigned verb, unsigned base)
{
    char digits[64];
    const char *sign = sign_of(f, v < 0), *prefix;
    size_t n = digits_of(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, base, verb == 'X', digits);
    size_t want = 0, zeros, total, room;

    if (f->has_prec) {
        want = (size_t)f->prec;
        if (want == 0 && v == 0)
            n = 0; /* prints nothing but padding */
    } else if (f->zero && f->has_width) {
        want = (size_t)f->width - (f->width > 0 ? strlen(sign) : 0);
    }
    zeros = want > n ? want - n : 0;
    prefix = n == 0 ? "" : prefix_of(f, verb, zeros > 0 || digits[0] == '0');
    if (n == 0)
        sign = "";
    total = strlen(sign) + strlen(prefix) + zeros + n;
    room = (size_t)f->width > total ? (size_t)f->width - total : 0;
    if (!f->minus)
        add_repeated(out, ' ', room);
    kiln_str_adds(out, sign);
    kiln_str_adds(out, prefix);
    add_repeated(out, '0', zeros);
    kiln_str_add(out, digits, n);
    if (f->minus)
        add_repeated(out, ' ', room);
}

static unsigned to_rune(int64_t v)
{
    return v < 0 || v > 0x10ffff ? 0xfffd : (unsigned)v;
}

static void print_char(struct kiln_str *out, const struct kiln_go_spec *f, int64_t v, bool quoted)
{
    KILN_AUTO_STR text = { 0 };

    if (quoted) {
        kiln_str_addc(&text, '\'');
        kiln_go_add_char(&text, to_rune(v), '\'', f->plus);
        kiln_str_addc(&text, '\'');
    } else {
        kiln_str_add_utf8(&text, to_rune(v));
    }
    pad_str(out, f, &text);
}

static void print_unicode(struct kiln_str *out, const struct kiln_go_spec *f, int64_t v)
{
    struct kiln_go_spec spaces = *f;
    KILN_AUTO_STR text = { 0 };
    char digits[64];
    size_t n = digits_of((uint64_t)v, 16, true, digits);
    size_t want = f->has_prec && f->prec > 4 ? (size_t)f->prec : 4;

    kiln_str_adds(&text, "U+");
    add_repeated(&text, '0', want > n ? want - n : 0);
    kiln_str_add(&text, digits, n);
    if (f->sharp && v >= 0 && v <= 0x10ffff && kiln_go_is_printable((unsigned)v)) {
        kiln_str_adds(&text, " '");
        kiln_str_add_utf8(&text, (unsigned)v);
        kiln_str_addc(&text, '\'');
    }
    spaces.zero = false;
    pad_str(out, &spaces, &text);
}

static void print_int(struct kiln_str *out, const struct kiln_go_spec *f,
                      const struct kiln_go_value *v, unsigned verb)
{
    struct kiln_go_spec hex = *f;

    switch (verb) {
    case 'v':
        hex.sharp = f->sharp_v;
        if (f->sharp_v && v->kind == KILN_GO_BYTE)
            print_digits(out, &hex, v->u.integer, 'x', 16);
        else
            print_digits(out, f, v->u.integer, verb, 10);
        return;
    case 'd':
        print_digits(out, f, v->u.integer, verb, 10);
        return;
    case 'b':
        print_digits(out, f, v->u.integer, verb, 2);
        return;
    case 'o':
    case 'O':
        print_digits(out, f, v->u.integer, verb, 8);
        return;
    case 'x':
    case 'X':
        print_digits(out, f, v->u.integer, verb, 16);
        return;
    case 'c':
    case 'q':
        print_char(out, f, v->u.integer, verb == 'q');
        return;
    case 'U':
        print_unicode(out, f, v->u.integer);
        return;
    default:
        print_bad_verb(out, f, v, verb);
    }
}

/* The number without its sign; # keeps the point, and zeros for %g. */
static void add_magnitude(struct kiln_str *text, const struct kiln_go_spec *f, double v, char verb)
{
    bool general = strchr("gGxX", verb) != NULL;
    int prec = f->has_prec ? f->prec : general ? -1 : 6;

    kiln_go_add_float(text, v, verb, prec);
    if (!f->sharp || strchr("xX", verb))
        return;
    if (general && prec < 0 && strcspn(kiln_str_cstr(text), "eE") > 6)
        return; /* has more digits than # asks for, and with them a point */
    kiln_str_truncate(text, 0);
    if (verb == 'g' || verb == 'G')
        kiln_str_addf(text, verb == 'g' ? "%#.*g" : "%#.*G", prec < 0 ? 6 : prec, v);
    else
        kiln_str_addf(text, verb == 'f' ? "%#.*f" : verb == 'e' ? "%#.*e" : "%#.*E", prec, v);
}

static void print_float(struct kiln_str *out, const struct kiln_go_spec *f,
                        const struct kiln_go_value *v, unsigned verb)
{
    KILN_AUTO_STR text = { 0 };
    const char *sign = sign_of(f, signbit(v->u.real));
    char letter = verb == 'v' ? 'g' : verb == 'F' ? 'f' : (char)verb;

    if (verb >= 0x80 || !strchr("eEfgGxX", letter)) {
        print_bad_verb(out, f, v, verb);
        return;
    }
    kiln_str_adds(&text, sign);
    add_magnitude(&text, f, fabs(v->u.real), letter);
    if (f->zero && f->has_width && (size_t)f->width > text.len) {
        kiln_str_adds(out, sign);
        add_repeated(out, '0', (size_t)f->width - text.len);
        kiln_str_adds(out, kiln_str_cstr(&text) + strlen(sign));
    } else {
        pad_str(out, f, &text);
    }
}

static bool can_backquote(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned cp;
        size_t n = kiln_utf8_decode(s + i, len - i, &cp);

        if (n == 0 || cp == 0xfeff || (cp < ' ' && cp != '\t') || cp == '`' || cp == 0x7f)
            return false;
        i += n;
    }
    return true;
}

static void print_quoted(struct kiln_str *out, const struct kiln_go_spec *f, const char *s,
                         size_t len)
{
    KILN_AUTO_STR text = { .max = out->max };

    if (f->sharp && can_backquote(s, len)) {
        kiln_str_addc(&text, '`');
        kiln_str_add(&text, s, len);
        kiln_str_addc(&text, '`');
    } else if (f->plus) {
        kiln_go_add_quoted_ascii(&text, s, len);
    } else {
        kiln_go_add_quoted(&text, s, len);
    }
    pad_str(out, f, &text);
}

static void print_hex(struct kiln_str *out, const struct kiln_go_spec *f, const char *s, size_t len,
                      bool upper)
{
    const char *letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    KILN_AUTO_STR text = { .max = out->max };

    if (f->has_prec && (size_t)f->prec < len)
        len = (size_t)f->prec;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (f->space && i > 0)
            kiln_str_addc(&text, ' ');
        if (f->sharp && (f->space || i == 0))
            kiln_str_adds(&text, upper ? "0X" : "0x");
        kiln_str_addc(&text, letters[c >> 4]);
        kiln_str_addc(&text, letters[c & 15]);
    }
    pad_str(out, f, &text);
}

static void print_string(struct kiln_str *out, const struct kiln_go_spec *f,
                         const struct kiln_go_value *v, unsigned verb)
{
    const char *s = v->u.string.s;
    size_t len = v->u.string.len;

    if (verb == 'x' || verb == 'X') {
        print_hex(out, f, s, len, verb == 'X');
        return;
    }
    if (f->has_prec)
        (void)count_runes(s, len, (size_t)f->prec, &len);
    if (verb == 'q' || (verb == 'v' && f->sharp_v))
        print_quoted(out, f, s, len);
    else if (verb == 'v' || verb == 's')
        pad(out, f, s, len);
    else
        print_bad_verb(out, f, v, verb);
}

static int compare_keys(const void *a, const void *b, void *keys)
{
    const struct kiln_strv *k = keys;

    return strcmp(k->v[*(const size_t *)a], k->v[*(const size_t *)b]);
}

size_t *kiln_go_sorted_keys(const struct kiln_strmap *m)
{
    size_t *order = kiln_xcalloc(m->keys.n, sizeof(*order));

    for (size_t i = 0; i < m->keys.n; i++)
        order[i] = i;
    qsort_r(order, m->keys.n, sizeof(*order), compare_keys, (void *)(uintptr_t)&m->keys);
    return order;
}

static void print_map(struct kiln_str *out, const struct kiln_go_spec *f,
                      const struct kiln_go_value *v, unsigned verb)
{
    const struct kiln_strmap *m = v->u.map;
    KILN_AUTO_FREE size_t *order = kiln_go_sorted_keys(m);

    kiln_str_adds(out, "map[");
    for (size_t i = 0; i < m->keys.n; i++) {
        struct kiln_go_value key = kiln_go_string(m->keys.v[order[i]]);
        struct kiln_go_value value = kiln_go_string(m->values.v[order[i]]);

        if (i > 0)
            kiln_str_addc(out, ' ');
        kiln_go_print_value(out, f, &key, verb);
        kiln_str_addc(out, ':');
        kiln_go_print_value(out, f, &value, verb);
    }
    kiln_str_addc(out, ']');
}

void kiln_go_print_value(struct kiln_str *out, const struct kiln_go_spec *f,
                         const struct kiln_go_value *v, unsigned verb)
{
    const char *type = kiln_go_type_name(v);

    if (out->failed)
        return;
    if (verb == 'T' || (verb == 'v' && v->kind == KILN_GO_NIL)) {
        pad(out, f, type, strlen(type));
        return;
    }
    switch (v->kind) {
    case KILN_GO_NIL:
        print_bad_verb(out, f, v, verb);
        return;
    case KILN_GO_BOOL:
        if (verb == 't' || verb == 'v')
            pad(out, f, v->u.boolean ? "true" : "false", v->u.boolean ? 4 : 5);
        else
            print_bad_verb(out, f, v, verb);
        return;
    case KILN_GO_INT:
    case KILN_GO_BYTE:
        print_int(out, f, v, verb);
        return;
    case KILN_GO_FLOAT:
        print_float(out, f, v, verb);
        return;
    case KILN_GO_STRING:
        print_string(out, f, v, verb);
        return;
    case KILN_GO_MAP:
        print_map(out, f, v, verb);
        return;
    }
}
