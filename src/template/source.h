/*
 * Template text and places in it. A place is a byte offset; line and column are worked out when an
 * error is shown. Immutable after creation; any thread may read.
 */
#ifndef KILN_TEMPLATE_SOURCE_H
#define KILN_TEMPLATE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

struct kiln_source {
    char *name; /* owned; as the user wrote it: "debian.json", "-var-file vars.json" */
    char *text; /* owned, NUL-terminated; may hold NUL bytes before that */
    size_t len;
    unsigned refs;
    bool secret; /* diagnostics repeat none of its text: a variable file with passwords */
};

#define KILN_NO_PLACE SIZE_MAX /* an error about the file as a whole */

/** Reads at most KILN_MAX_TEMPLATE bytes; "-" is stdin. */
bool kiln_source_read(struct kiln_source **ret, const char *path, struct kiln_err *err);
/** Text that comes from elsewhere (a flag, a test); copies. */
struct kiln_source *kiln_source_new(const char *name, const char *text, size_t len);
struct kiln_source *kiln_source_ref(struct kiln_source *s);
void kiln_source_unref(struct kiln_source *s);

/** 1-based line; 1-based column in characters (UTF-8 code points). */
void kiln_source_position(const struct kiln_source *s, size_t offset, unsigned *ret_line,
                          unsigned *ret_column);

/**
 * Secrets in a text that could not be read as JSON, where lines around the mistake will be shown.
 * A guess that looks for `"name":` and takes the string behind it. If that is not a whole string,
 * how much of the text is secret cannot be known: s->secret is set, which keeps all of it from
 * being shown.
 *
 * @names  of sensitive variables; NULL: what the text itself lists as "sensitive-variables"
 * @ret    the values are appended
 */
void kiln_source_secrets(struct kiln_source *s, const struct kiln_strv *names,
                         struct kiln_strv *ret);

#endif
