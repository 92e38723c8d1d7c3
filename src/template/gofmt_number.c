#include <errno.h>
#include <float.h>

#include "base/encode.h"
#include "template/gofmt.h"

/* A double has at most 767 significant digits; more would only be zeros, and slow. */
#define MAX_DIGITS 1100

/* Shortest decimal that reads back as v, as d.ddde±xx. */
static void shortest(double v, char verb, char *ret, size_t size)
{
    /* Below DBL_MIN there are fewer digits than elsewhere; of a zero there must be some to cut. */
    for (int prec = v > 0 && v < DBL_MIN ? 0 : 14; prec <= 16; prec++) {
        (void)snprintf(ret, size, verb == 'G' ? "%.*E" : "%.*e", prec, v);
        if (strtod(ret, NULL) >= v && strtod(ret, NULL) <= v)
            return;
    }
}

/* Go's rule for %g without a precision: %e from 1e6 on and below 1e-4, else %f. */
static void add_shortest(struct kiln_str *out, double v, char verb)
{
    char text[32], *mark, *end;
    int exponent, digits;

    shortest(v, verb, text, sizeof(text));
    mark = strpbrk(text, "eE");
    exponent = (int)strtol(mark + 1, NULL, 10);
    for (end = mark; end[-1] == '0';)
        end--;
    if (end[-1] == '.')
        end--;
    digits = end - text < 2 ? 1 : (int)(end - text) - 1;
    if (exponent < -4 || exponent >= 6) {
        kiln_str_add(out, text, (size_t)(end - text));
        kiln_str_adds(out, mark);
        return;
    }
    kiln_str_addf(out, "%.*f", digits > exponent + 1 ? digits - exponent - 1 : 0, v);
}

/* C writes 0x1.8p+0 where Go writes 0x1.8p+00. */
static void add_hex(struct kiln_str *out, double v, char verb, int prec)
{
    KILN_AUTO_STR text = { 0 };
    const char *exponent;

    if (prec < 0)
        kiln_str_addf(&text, verb == 'x' ? "%a" : "%A", v);
    else
        kiln_str_addf(&text, verb == 'x' ? "%.*a" : "%.*A", prec, v);
    exponent = strpbrk(kiln_str_cstr(&text), "pP") + 2;
    kiln_str_add(out, text.data, (size_t)(exponent - text.data));
    if (strlen(exponent) == 1)
        kiln_str_addc(out, '0');
    kiln_str_adds(out, exponent);
}

void kiln_go_add_float(struct kiln_str *out, double v, char verb, int prec)
{
    if (prec > MAX_DIGITS)
        prec = MAX_DIGITS;
    switch (verb) {
    case 'e':
        kiln_str_addf(out, "%.*e", prec, v);
        break;
    case 'E':
        kiln_str_addf(out, "%.*E", prec, v);
        break;
    case 'f':
        kiln_str_addf(out, "%.*f", prec, v);
        break;
    case 'x':
    case 'X':
        add_hex(out, v, verb, prec);
        break;
    default: /* g, G */
        if (prec < 0)
            add_shortest(out, v, verb);
        else
            kiln_str_addf(out, verb == 'G' ? "%.*G" : "%.*g", prec, v);
    }
}

bool kiln_go_parse_bool(const char *s, bool *ret)
{
    static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
    static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

    for (size_t i = 0; i < KILN_COUNT(yes); i++) {
        if (kiln_streq(s, yes[i]) || kiln_streq(s, no[i])) {
            *ret = kiln_streq(s, yes[i]);
            return true;
        }
    }
    return false;
}

/* Skips 0x, 0b, 0o, 0 (octal) and returns the base. The zero of 017 stays: it is a digit. */
static int take_base(const char **p, const char *end)
{
    char c;

    if (end - *p < 2 || **p != '0')
        return 10;
    c = (char)((*p)[1] | 0x20);
    if (c != 'x' && c != 'b' && c != 'o')
        return 8;
    *p += 2;
    return c == 'x' ? 16 : c == 'b' ? 2 : 8;
}

enum kiln_go_number kiln_go_parse_int(const char *s, size_t len, int64_t *ret)
{
    const char *p = s, *end = s + len;
    bool negative = len > 0 && *p == '-', over = false, separated;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, v = 0;
    int base;

    if (len > 0 && (*p == '-' || *p == '+'))
        p++;
    base = take_base(&p, end);
    separated = base != 10; /* an underscore may follow the prefix */
    if (p == end)
        return KILN_GO_NUMBER_SYNTAX;
    for (; p < end; p++) {
        int digit = kiln_hex_value(*p);

        if (*p == '_') {
            if (!separated || p + 1 == end)
                return KILN_GO_NUMBER_SYNTAX;
            separated = false;
            continue;
        }
        if (digit < 0 || digit >= base)
            return KILN_GO_NUMBER_SYNTAX;
        separated = true;
        if (v > (limit - (uint64_t)digit) / (uint64_t)base)
            over = true;
        else
            v = v * (uint64_t)base + (uint64_t)digit;
    }
    if (over)
        return KILN_GO_NUMBER_RANGE;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return KILN_GO_NUMBER_OK;
}
