/* Dates in HTTP headers, whatever the locale. Pure. Source: RFC 9110, 5.6.7. */
#ifndef KILN_NET_HTTP_DATE_H
#define KILN_NET_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define KILN_HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and the NUL */

/** Years 0 to 9999; outside of those the nearest date that can be written. */
void kiln_http_date_format(int64_t unix_seconds, char ret_text[KILN_HTTP_DATE_SIZE]);
/** The form above only: the two obsolete ones are not written by anything of this century. */
bool kiln_http_date_parse(const char *text, int64_t *ret_unix_seconds);

#endif
