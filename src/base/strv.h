/*
 * A list of owned strings, also usable as argv (NULL-terminated once it was written to).
 * One owner; no threads.
 */
#ifndef KILN_BASE_STRV_H
#define KILN_BASE_STRV_H

#include "base/err.h"

struct kiln_strv {
    char **v; /* owned strings, then NULL; NULL while empty */
    size_t n;
    size_t cap;
    bool borrowed; /* the strings belong to somebody else, who outlives the list */
};

#define KILN_AUTO_STRV KILN_CLEANUP(kiln_strv_done) struct kiln_strv
/* NOLINTBEGIN(bugprone-macro-parentheses): s is a name that it declares */
#define KILN_STRV_FOREACH(s, strv)                                                                 \
    for (char **s##_p_ = (strv)->v, *s = NULL; s##_p_ && (s = *s##_p_) != NULL; s##_p_++)
/* NOLINTEND(bugprone-macro-parentheses) */

void kiln_strv_done(struct kiln_strv *sv);
void kiln_strv_add(struct kiln_strv *sv, const char *s); /* copies */
void kiln_strv_addf(struct kiln_strv *sv, const char *fmt, ...) KILN_PRINTF(2, 3);
void kiln_strv_add_take(struct kiln_strv *sv, char *s); /* owns s from here on */
/** Keeps s itself, which must outlive the list. Any other change of the list makes it own all. */
void kiln_strv_add_borrowed(struct kiln_strv *sv, const char *s);
void kiln_strv_add_all(struct kiln_strv *sv, const struct kiln_strv *from);
void kiln_strv_set(struct kiln_strv *sv, size_t i, const char *s); /* i < n */
bool kiln_strv_has(const struct kiln_strv *sv, const char *s);
void kiln_strv_sort(struct kiln_strv *sv); /* bytewise */
/** Split at every `sep`; "" gives no element, "a," gives "a" and "". */
void kiln_strv_split(struct kiln_strv *sv, const char *s, char sep);
char *kiln_strv_join(const struct kiln_strv *sv, const char *sep); /* caller frees */

/** Ordered string map: keys[i] belongs to values[i]; a later set of a key replaces its value. */
struct kiln_strmap {
    struct kiln_strv keys, values;
};
#define KILN_AUTO_STRMAP KILN_CLEANUP(kiln_strmap_done) struct kiln_strmap
void kiln_strmap_done(struct kiln_strmap *m);
void kiln_strmap_set(struct kiln_strmap *m, const char *key, const char *value);
const char *kiln_strmap_get(const struct kiln_strmap *m, const char *key);     /* NULL: absent */
void kiln_strmap_copy(struct kiln_strmap *to, const struct kiln_strmap *from); /* adds */

#endif
