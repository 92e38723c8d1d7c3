/*
 * Regular expressions of people (search, filter, waits for text): PCRE2 with bounds, so that no
 * pattern and no line can hold up a console or a build. A line on which a pattern works for too
 * long does not match; a pattern that does so again and again is given up (kiln_regex_given_up) and
 * matches nothing from then on. Without a capital letter (but in escapes such as \S) a pattern does
 * not mind case. One thread.
 */
#ifndef KILN_BASE_REGEX_H
#define KILN_BASE_REGEX_H

#include "base/err.h"

#define KILN_REGEX_MAX_PATTERN 1000        /* bytes */
#define KILN_REGEX_MAX_SUBJECT (64u << 10) /* bytes of a line that are looked at */

struct kiln_regex;

/** USER error: what is wrong and at which character. @pattern: UTF-8. */
bool kiln_regex_new(struct kiln_regex **ret, const char *pattern, struct kiln_err *err);
void kiln_regex_free(struct kiln_regex *re);

/**
 * The first match at or behind byte `from`. @text: valid UTF-8, `from` at a character of it. An
 * empty match counts. A few ms at the very most.
 */
bool kiln_regex_find(struct kiln_regex *re, const char *text, size_t len, size_t from,
                     size_t *ret_start, size_t *ret_end);
/**
 * Is it anywhere in a row of a screen, which is given without the blanks behind its text? They are
 * there for who looks at it: "login: " and "login: $" match such a row, and so does "login:$".
 */
bool kiln_regex_in_row(struct kiln_regex *re, const char *row);
bool kiln_regex_given_up(const struct kiln_regex *re);
const char *kiln_regex_pattern(const struct kiln_regex *re);

#endif
