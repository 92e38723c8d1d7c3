/*
 * Command line flags as Packer takes them: one dash or two, -f=v or -f v, booleans only with "=",
 * parsing stops at the first positional argument. Source: packer-core.md, 1.1 and 1.3.
 */
#ifndef KILN_CLI_FLAGS_H
#define KILN_CLI_FLAGS_H

#include "base/str.h"
#include "base/strv.h"

enum kiln_flag_kind {
    KILN_FLAG_BOOL,   /* bool */
    KILN_FLAG_STRING, /* const char * into argv */
    KILN_FLAG_NUMBER, /* long */
    KILN_FLAG_COMMAS, /* struct kiln_strv; split at commas, repeatable, accumulates */
    KILN_FLAG_EACH,   /* struct kiln_strv; repeatable */
    KILN_FLAG_PAIRS,  /* the same, each with a "=" in it */
    KILN_FLAG_CONFIG, /* -config-type: json; no target */
};

struct kiln_flag {
    const char *name; /* NULL ends the table */
    enum kiln_flag_kind kind;
    void *target;    /* NULL: accepted for Packer's sake, no effect */
    const char *arg; /* placeholder in help, NULL for a boolean */
    const char *help;
    bool *seen; /* set when the flag is given; may be NULL */
};

/** *ret_first: index of the first positional argument. Errors: USER, Go's wording. */
bool kiln_flags_parse(const struct kiln_flag *flags, int argc, char **argv, int *ret_first,
                      struct kiln_err *err);
/** One line a flag. */
void kiln_flags_help(const struct kiln_flag *flags, struct kiln_str *out);

#endif
