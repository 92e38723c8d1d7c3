/*
 * A growing byte string with a maximum, always NUL-terminated. One owner; no threads.
 *
 * Appending past the maximum, or when memory is gone, sets `failed`, drops the bytes and makes
 * every later append a no-op; check once with kiln_str_ok() when done (the idea is curl's dynbuf).
 */
#ifndef KILN_BASE_STR_H
#define KILN_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kiln_str {
    char *data; /* owned; NULL only before the first append (use kiln_str_cstr) */
    size_t len; /* bytes without the NUL */
    size_t cap;
    size_t max; /* 0: KILN_STR_DEFAULT_MAX */
    bool failed;
};

#define KILN_STR_DEFAULT_MAX ((size_t)1 << 30)
#define KILN_STR_MAX(n)                                                                            \
    {                                                                                              \
        .max = (n)                                                                                 \
    }
#define KILN_AUTO_STR KILN_CLEANUP(kiln_str_done) struct kiln_str

void kiln_str_done(struct kiln_str *s);  /* release; zeroed, usable again */
void kiln_str_clear(struct kiln_str *s); /* length 0, not failed; keeps memory, maximum */
void kiln_str_add(struct kiln_str *s, const void *data, size_t len);
void kiln_str_adds(struct kiln_str *s, const char *cstr); /* NULL adds nothing */
void kiln_str_addc(struct kiln_str *s, char c);
void kiln_str_addf(struct kiln_str *s, const char *fmt, ...) KILN_PRINTF(2, 3);
void kiln_str_addvf(struct kiln_str *s, const char *fmt, va_list ap) KILN_PRINTF(2, 0);
void kiln_str_add_utf8(struct kiln_str *s, unsigned codepoint); /* invalid ones give U+FFFD */
/**
 * For read() and the like: n writable bytes behind the text (NULL: over the maximum, failed is
 * set), then say how many of them were written.
 */
void *kiln_str_space(struct kiln_str *s, size_t n);
void kiln_str_commit(struct kiln_str *s, size_t n);
void kiln_str_remove(struct kiln_str *s, size_t pos, size_t n); /* clamps */
void kiln_str_truncate(struct kiln_str *s, size_t len);         /* no-op if longer */

/** False once anything was dropped; then err says what was too long. */
bool kiln_str_ok(const struct kiln_str *s, const char *what, struct kiln_err *err);
/** The text, "" if empty; borrowed until the next change. */
const char *kiln_str_cstr(const struct kiln_str *s);
/** Hand the text over to the caller (free()); *s is empty afterwards, its maximum kept. Never NULL.
 */
char *kiln_str_steal(struct kiln_str *s);

/* Plain C string helpers. */
bool kiln_has_prefix(const char *s, const char *prefix);
bool kiln_has_suffix(const char *s, const char *suffix);
bool kiln_streq(const char *a, const char *b); /* NULL equals only NULL */
/** There is a text, and it is not empty: so an option was given. */
static inline bool kiln_is_set(const char *s)
{
    return s && s[0];
}
/** Damerau-Levenshtein distance, capped at 255; for "did you mean". */
unsigned kiln_edit_distance(const char *a, const char *b);
/** Write the character (an invalid one: U+FFFD) without a NUL; returns its bytes, 1 to 4. */
size_t kiln_utf8_encode(char *ret, unsigned codepoint);
/** Length in bytes of the valid UTF-8 sequence at s (1..4), 0 if invalid; *ret_cp is set then. */
size_t kiln_utf8_decode(const char *s, size_t len, unsigned *ret_cp);
/** Decimal only, whole string; false if empty, out of range or followed by anything. */
bool kiln_parse_i64(const char *s, int64_t *ret);

#endif
