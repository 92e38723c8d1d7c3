/* Go's time layouts and Packer's strftime, both in UTC and for whole seconds. */
#include "template/interp_priv.h"

static const char *const days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday" };
static const char *const months[] = { "January",   "February", "March",    "April",
                                      "May",       "June",     "July",     "August",
                                      "September", "October",  "November", "December" };

enum unit {
    LITERAL, /* the zone in UTC: .text */
    YEAR,
    YEAR_OF_CENTURY,
    MONTH,
    MONTH_NAME,
    DAY,
    DAY_OF_YEAR,
    WEEKDAY,
    HOUR,
    HOUR_12,
    MINUTE,
    SECOND,
    HALF,
    HALF_LOWER,
};

/* What a layout may hold: the reference time in pieces. The first that fits counts, so that a
 * longer one stands before its beginning. */
struct piece {
    const char *token;
    enum unit unit;
    int width;        /* digits, padded with 0 (< 0: blanks); letters of a name, 0 for all */
    const char *text; /* LITERAL */
};

static const struct piece go_pieces[] = {
    { "January", MONTH_NAME, .width = 0 },
    { "Jan", MONTH_NAME, .width = 3 },
    { "Monday", WEEKDAY, .width = 0 },
    { "Mon", WEEKDAY, .width = 3 },
    { "MST", LITERAL, .text = "UTC" },
    { "002", DAY_OF_YEAR, .width = 3 },
    { "01", MONTH, .width = 2 },
    { "02", DAY, .width = 2 },
    { "03", HOUR_12, .width = 2 },
    { "04", MINUTE, .width = 2 },
    { "05", SECOND, .width = 2 },
    { "06", YEAR_OF_CENTURY, .width = 2 },
    { "15", HOUR, .width = 2 },
    { "1", MONTH, .width = 1 },
    { "2006", YEAR, .width = 4 },
    { "2", DAY, .width = 1 },
    { "__2", DAY_OF_YEAR, .width = -3 },
    { "_2", DAY, .width = -2 },
    { "3", HOUR_12, .width = 1 },
    { "4", MINUTE, .width = 1 },
    { "5", SECOND, .width = 1 },
    { "PM", HALF, .width = 0 },
    { "pm", HALF_LOWER, .width = 0 },
    { "-070000", LITERAL, .text = "+000000" },
    { "-07:00:00", LITERAL, .text = "+00:00:00" },
    { "-0700", LITERAL, .text = "+0000" },
    { "-07:00", LITERAL, .text = "+00:00" },
    { "-07", LITERAL, .text = "+00" },
    { "Z070000", LITERAL, .text = "Z" },
    { "Z07:00:00", LITERAL, .text = "Z" },
    { "Z0700", LITERAL, .text = "Z" },
    { "Z07:00", LITERAL, .text = "Z" },
    { "Z07", LITERAL, .text = "Z" },
    { 0 },
};

static const struct piece strftime_pieces[] = {
    { "%A", WEEKDAY, .width = 0 },
    { "%a", WEEKDAY, .width = 3 },
    { "%B", MONTH_NAME, .width = 0 },
    { "%b", MONTH_NAME, .width = 3 },
    { "%d", DAY, .width = 2 },
    { "%H", HOUR, .width = 2 },
    { "%I", HOUR_12, .width = 2 },
    { "%M", MINUTE, .width = 2 },
    { "%m", MONTH, .width = 2 },
    { "%p", HALF, .width = 0 },
    { "%S", SECOND, .width = 2 },
    { "%Y", YEAR, .width = 4 },
    { "%y", YEAR_OF_CENTURY, .width = 2 },
    { "%Z", LITERAL, .text = "UTC" },
    { "%z", LITERAL, .text = "+0000" },
    { "%%", LITERAL, .text = "%" },
    { 0 },
};

static const char *text_of(enum unit unit, const struct tm *tm)
{
    switch (unit) {
    case MONTH_NAME:
        return months[tm->tm_mon];
    case WEEKDAY:
        return days[tm->tm_wday];
    case HALF:
        return tm->tm_hour < 12 ? "AM" : "PM";
    case HALF_LOWER:
        return tm->tm_hour < 12 ? "am" : "pm";
    case LITERAL:
    case YEAR:
    case YEAR_OF_CENTURY:
    case MONTH:
    case DAY:
    case DAY_OF_YEAR:
    case HOUR:
    case HOUR_12:
    case MINUTE:
    case SECOND:
        break;
    }
    return NULL;
}

static int number_of(enum unit unit, const struct tm *tm)
{
    switch (unit) {
    case YEAR:
        return tm->tm_year + 1900;
    case YEAR_OF_CENTURY:
        return (tm->tm_year + 1900) % 100;
    case MONTH:
        return tm->tm_mon + 1;
    case DAY:
        return tm->tm_mday;
    case DAY_OF_YEAR:
        return tm->tm_yday + 1;
    case HOUR:
        return tm->tm_hour;
    case HOUR_12:
        return tm->tm_hour % 12 ? tm->tm_hour % 12 : 12;
    case MINUTE:
        return tm->tm_min;
    case SECOND:
        return tm->tm_sec;
    case LITERAL:
    case MONTH_NAME:
    case WEEKDAY:
    case HALF:
    case HALF_LOWER:
        break;
    }
    return 0;
}

static void add_piece(struct kiln_str *out, const struct piece *piece, const struct tm *tm)
{
    const char *name = text_of(piece->unit, tm);

    if (piece->unit == LITERAL)
        kiln_str_adds(out, piece->text);
    else if (name)
        kiln_str_addf(out, "%.*s", piece->width ? piece->width : (int)strlen(name), name);
    else
        kiln_str_addf(out, piece->width < 0 ? "%*d" : "%0*d", abs(piece->width),
                      number_of(piece->unit, tm));
}

static const struct piece *find_piece(const struct piece *pieces, const char *p)
{
    for (; pieces->token; pieces++) {
        size_t n = strlen(pieces->token);

        if (strncmp(p, pieces->token, n) != 0)
            continue;
        if (pieces->width == 3 && pieces->unit != DAY_OF_YEAR && p[n] >= 'a' && p[n] <= 'z')
            continue; /* Go: "Month" is a word of its own, not Mon */
        return pieces;
    }
    return NULL;
}

/* ".000" or ",999": fractions of a second. Its length, or 0. */
static size_t fraction_length(const char *p)
{
    size_t n;

    if ((*p != '.' && *p != ',') || (p[1] != '0' && p[1] != '9'))
        return 0;
    n = 1 + strspn(p + 1, p[1] == '0' ? "0" : "9");
    return p[n] >= '0' && p[n] <= '9' ? 0 : n;
}

/* Go's fraction: that many digits, or (the layout has nines) as many of them as say something. */
static void add_fraction(struct kiln_str *out, int64_t us, const char *layout, size_t n)
{
    char digits[16];
    int len = n - 1 < 9 ? (int)n - 1 : 9;

    (void)snprintf(digits, sizeof(digits), "%06u000", (unsigned)(us % 1000000));
    while (layout[1] == '9' && len > 0 && digits[len - 1] == '0')
        len--;
    if (len > 0)
        kiln_str_addf(out, "%c%.*s", *layout, len, digits);
}

static struct tm utc(int64_t us)
{
    time_t t = (time_t)(us / 1000000);
    struct tm tm = { .tm_year = 70, .tm_mday = 1 };

    (void)gmtime_r(&t, &tm);
    return tm;
}

void kiln_interp_isotime(struct kiln_str *out, int64_t us, const char *layout)
{
    const struct tm tm = utc(us);

    while (*layout) {
        const struct piece *piece = find_piece(go_pieces, layout);
        size_t n = fraction_length(layout);

        if (strncmp(layout, "_2006", 5) == 0)
            piece = NULL; /* an underscore and the year, not the day */
        if (piece) {
            add_piece(out, piece, &tm);
            layout += strlen(piece->token);
        } else if (n > 0) {
            add_fraction(out, us, layout, n);
            layout += n;
        } else {
            kiln_str_addc(out, *layout++);
        }
    }
}

void kiln_interp_strftime(struct kiln_str *out, int64_t us, const char *format)
{
    const struct tm tm = utc(us);

    while (*format) {
        const struct piece *piece = find_piece(strftime_pieces, format);

        if (strncmp(format, "%L", 2) == 0) {
            add_fraction(out, us, ".000", 4);
            format += 2;
        } else if (piece) {
            add_piece(out, piece, &tm);
            format += strlen(piece->token);
        } else {
            kiln_str_addc(out, *format++);
        }
    }
}
