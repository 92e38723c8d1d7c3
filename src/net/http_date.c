#include "net/http_date.h"

#include <time.h>

#include "base/err.h"
#include "base/macros.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

#define FIRST_SECOND INT64_C(-62167219200) /* 0000-01-01 */
#define LAST_SECOND  INT64_C(253402300799) /* 9999-12-31 23:59:59 */

void kiln_http_date_format(int64_t unix_seconds, char ret_text[KILN_HTTP_DATE_SIZE])
{
    time_t t = unix_seconds < FIRST_SECOND  ? FIRST_SECOND
               : unix_seconds > LAST_SECOND ? LAST_SECOND
                                            : unix_seconds;
    struct tm tm = { 0 };

    (void)gmtime_r(&t, &tm);
    (void)snprintf(ret_text, KILN_HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                   days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
                   (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
                   (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static bool digits(const char *s, int n, int *ret)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        value = value * 10 + (s[i] - '0');
    }
    *ret = value;
    return true;
}

static bool month(const char *s, int *ret)
{
    for (int i = 0; i < 12; i++)
        if (strncmp(s, months + (ptrdiff_t)3 * i, 3) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

bool kiln_http_date_parse(const char *text, int64_t *ret_unix_seconds)
{
    struct tm tm = { 0 };

    if (strlen(text) != KILN_HTTP_DATE_SIZE - 1 || strncmp(text + 3, ", ", 2) != 0 ||
        strcmp(text + 25, " GMT") != 0 || !digits(text + 5, 2, &tm.tm_mday) ||
        !month(text + 8, &tm.tm_mon) || !digits(text + 12, 4, &tm.tm_year) ||
        !digits(text + 17, 2, &tm.tm_hour) || !digits(text + 20, 2, &tm.tm_min) ||
        !digits(text + 23, 2, &tm.tm_sec))
        return false;
    tm.tm_year -= 1900;
    *ret_unix_seconds = (int64_t)timegm(&tm);
    return true;
}
