#include "base/clock.h"

#define NS_US  INT64_C(1000)
#define NS_MS  INT64_C(1000000)
#define NS_S   INT64_C(1000000000)
#define NS_MIN (60 * NS_S)
#define NS_H   (60 * NS_MIN)
#define NS_DAY (24 * NS_H)

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t kiln_clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t kiln_clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t kiln_clock_thread_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}

/* Go's package time quotes with its own rules: bytes outside printable ASCII as \xHH. */
static void add_quoted(struct kiln_str *out, const char *s, size_t len)
{
    kiln_str_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c < ' ' || c >= 0x80)
            kiln_str_addf(out, "\\x%02x", c);
        else
            kiln_str_addf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    kiln_str_addc(out, '"');
}

static bool invalid(const char *whole, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    add_quoted(&text, whole, strlen(whole));
    return kiln_err_set(err, KILN_ERR_USER, "time: invalid duration %s", kiln_str_cstr(&text));
}

static bool missing_unit(const char *whole, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    add_quoted(&text, whole, strlen(whole));
    return kiln_err_set(err, KILN_ERR_USER, "time: missing unit in duration %s",
                        kiln_str_cstr(&text));
}

static bool unknown_unit(const char *whole, const char *unit, size_t len, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    add_quoted(&text, unit, len);
    kiln_str_adds(&text, " in duration ");
    add_quoted(&text, whole, strlen(whole));
    return kiln_err_set(err, KILN_ERR_USER, "time: unknown unit %s", kiln_str_cstr(&text));
}

static int64_t unit_ns(const char *s, size_t len)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        { "ns", 1 },
        { "us", NS_US },
        { "\xc2\xb5s", NS_US }, /* U+00B5, the micro sign */
        { "\xce\xbcs", NS_US }, /* U+03BC, the Greek mu */
        { "ms", NS_MS },
        { "s", NS_S },
        { "m", NS_MIN },
        { "h", NS_H },
    };

    for (size_t i = 0; i < KILN_COUNT(units); i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, s, len) == 0)
            return units[i].ns;
    }
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#define HUGE_NS ((uint64_t)1 << 63) /* a magnitude may reach it: -2^63 ns is a duration */

/* The digits at *p as a number; false when it is over 2^63. */
static bool take_int(const char **p, uint64_t *ret)
{
    uint64_t v = 0;

    for (; is_digit(**p); (*p)++) {
        if (v > HUGE_NS / 10)
            return false;
        v = v * 10 + (uint64_t)(**p - '0');
        if (v > HUGE_NS)
            return false;
    }
    *ret = v;
    return true;
}

/* The digits at *p as value / scale; those that do not fit any more are dropped, as Go does. */
static void take_fraction(const char **p, uint64_t *ret_value, double *ret_scale)
{
    uint64_t v = 0;
    double scale = 1;
    bool full = false;

    for (; is_digit(**p); (*p)++) {
        uint64_t next;

        if (full || v > (HUGE_NS - 1) / 10) {
            full = true;
            continue;
        }
        next = v * 10 + (uint64_t)(**p - '0');
        if (next > HUGE_NS) {
            full = true;
            continue;
        }
        v = next;
        scale *= 10;
    }
    *ret_value = v;
    *ret_scale = scale;
}

/* One term ("1.5h") at *p. */
static bool take_term(const char **p, const char *whole, uint64_t *ret_ns, struct kiln_err *err)
{
    uint64_t value, fraction = 0, unit;
    const char *start = *p, *unit_text;
    double scale = 1;
    bool digits;

    if (!take_int(p, &value))
        return invalid(whole, err);
    digits = *p != start;
    if (**p == '.') {
        const char *point = ++*p;

        take_fraction(p, &fraction, &scale);
        digits = digits || *p != point;
    }
    if (!digits)
        return invalid(whole, err);
    unit_text = *p;
    while (**p && **p != '.' && !is_digit(**p))
        (*p)++;
    if (*p == unit_text)
        return missing_unit(whole, err);
    unit = (uint64_t)unit_ns(unit_text, (size_t)(*p - unit_text));
    if (unit == 0)
        return unknown_unit(whole, unit_text, (size_t)(*p - unit_text), err);
    if (value > HUGE_NS / unit)
        return invalid(whole, err);
    value = value * unit + (uint64_t)((double)fraction * ((double)unit / scale));
    if (value > HUGE_NS)
        return invalid(whole, err);
    *ret_ns = value;
    return true;
}

bool kiln_duration_parse(const char *s, int64_t *ret_ns, struct kiln_err *err)
{
    const char *p = s;
    uint64_t sum = 0;
    bool negative = *p == '-';

    if (*p == '-' || *p == '+')
        p++;
    if (strcmp(p, "0") == 0) {
        *ret_ns = 0;
        return true;
    }
    do {
        uint64_t term = 0;

        if (!take_term(&p, s, &term, err))
            return false;
        if (term > HUGE_NS - sum)
            return invalid(s, err);
        sum += term;
    } while (*p);
    if (sum == HUGE_NS && !negative)
        return invalid(s, err);
    *ret_ns = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

/* value / unit with up to `digits` decimals and no trailing zeros. */
static void add_decimal(struct kiln_str *out, uint64_t value, uint64_t unit, int digits)
{
    uint64_t rest = value % unit;

    kiln_str_addf(out, "%llu", (unsigned long long)(value / unit));
    if (rest == 0)
        return;
    for (; rest % 10 == 0; digits--)
        rest /= 10;
    kiln_str_addf(out, ".%0*llu", digits, (unsigned long long)rest);
}

static uint64_t magnitude(int64_t ns)
{
    return ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
}

void kiln_duration_format(struct kiln_str *out, int64_t ns)
{
    uint64_t v = magnitude(ns);

    if (ns < 0)
        kiln_str_addc(out, '-');
    if (v == 0) {
        kiln_str_adds(out, "0s");
    } else if (v < NS_US) {
        kiln_str_addf(out, "%lluns", (unsigned long long)v);
    } else if (v < NS_MS) {
        add_decimal(out, v, NS_US, 3);
        kiln_str_adds(out, "\xc2\xb5s");
    } else if (v < NS_S) {
        add_decimal(out, v, NS_MS, 6);
        kiln_str_adds(out, "ms");
    } else {
        if (v >= NS_H)
            kiln_str_addf(out, "%lluh", (unsigned long long)(v / NS_H));
        if (v >= NS_MIN)
            kiln_str_addf(out, "%llum", (unsigned long long)(v % NS_H / NS_MIN));
        add_decimal(out, v % NS_MIN, NS_S, 9);
        kiln_str_addc(out, 's');
    }
}

void kiln_duration_words(struct kiln_str *out, int64_t ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        { "year", 365 * NS_DAY }, { "week", 7 * NS_DAY },   { "day", NS_DAY },
        { "hour", NS_H },         { "minute", NS_MIN },     { "second", NS_S },
        { "millisecond", NS_MS }, { "microsecond", NS_US },
    };
    uint64_t v = magnitude(ns);
    int words = 0;

    for (size_t i = 0; i < KILN_COUNT(units) && words < 2; i++) {
        unsigned long long n = v / (uint64_t)units[i].ns;

        v %= (uint64_t)units[i].ns;
        if (n == 0)
            continue;
        kiln_str_addf(out, "%s%llu %s%s",
                      words    ? " "
                      : ns < 0 ? "-"
                               : "",
                      n, units[i].name, n == 1 ? "" : "s");
        words++;
    }
    if (words == 0)
        kiln_str_adds(out, "0 seconds");
}
