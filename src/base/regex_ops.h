/* What the regex module offers to regex.c; see regex.h for what each does. */
#ifndef KILN_BASE_REGEX_OPS_H
#define KILN_BASE_REGEX_OPS_H

#include "base/regex.h"

struct kiln_regex_ops {
    bool (*compile)(struct kiln_regex **ret, const char *pattern, struct kiln_err *err);
    void (*free)(struct kiln_regex *re);
    bool (*find)(struct kiln_regex *re, const char *text, size_t len, size_t from,
                 size_t *ret_start, size_t *ret_end);
    bool (*given_up)(const struct kiln_regex *re);
    const char *(*pattern)(const struct kiln_regex *re);
};

/* How every struct kiln_regex begins. */
struct kiln_regex {
    const struct kiln_regex_ops *ops;
};

#endif
