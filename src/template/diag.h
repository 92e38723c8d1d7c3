/*
 * Diagnostics: what is wrong with a template, where, and what to do. Collected, so that one run
 * shows every independent mistake, then printed once by the program.
 *
 * Text form of one diagnostic (colour aside):
 *     debian.json:12:7: error: unknown key "disk_sise" in builder qemu
 *        12 |       "disk_sise": "10G",
 *           |       ^
 *       did you mean "disk_size"?
 */
#ifndef KILN_TEMPLATE_DIAG_H
#define KILN_TEMPLATE_DIAG_H

#include "template/source.h"

enum kiln_severity { KILN_WARNING, KILN_ERROR };

struct kiln_diag_item {
    enum kiln_severity severity;
    struct kiln_source *source; /* a reference, or NULL: no place (a flag, the environment) */
    size_t offset;              /* in source, or KILN_NO_PLACE */
    struct kiln_strv builds;    /* those it belongs to, if it does */
    char *text;                 /* owned; one sentence, may be several lines */
    char *fix;                  /* owned; what to do, or NULL */
};

struct kiln_diag {
    struct kiln_diag_item *items;
    size_t n, cap;
    size_t errors;     /* how many errors there were, kept or not */
    size_t dropped;    /* came after KILN_MAX_DIAG were kept: counted only */
    const char *build; /* borrowed; stamped on what is added from here on; may be NULL */
};

#define KILN_MAX_DIAG 100 /* more than anybody reads */

void kiln_diag_done(struct kiln_diag *d);
/** Add one; all text is copied. fix may be NULL. What was said of another build at the same place
 *  is not said twice: this build joins it. Returns false, as kiln_err_set does. */
bool kiln_diag_error(struct kiln_diag *d, struct kiln_source *source, size_t offset,
                     const char *fix, const char *fmt, ...) KILN_PRINTF(5, 6);
void kiln_diag_warning(struct kiln_diag *d, struct kiln_source *source, size_t offset,
                       const char *fix, const char *fmt, ...) KILN_PRINTF(5, 6);
/** As kiln_diag_error with the text of err, which is cleared. False. */
bool kiln_diag_take(struct kiln_diag *d, struct kiln_source *source, size_t offset,
                    struct kiln_err *err);
/* What whoever shows the text form replaces in it first. The caret has to know. */
struct kiln_diag_hide {
    void (*replace)(void *ud, const char *text, size_t len, struct kiln_str *out); /* appends */
    void *ud;
};

/** Append the text form, as above. Control bytes from the source are shown as "?". hide: nothing is
 *  replaced here, but the caret stands where it will belong; may be NULL. */
void kiln_diag_format(const struct kiln_diag_item *item, const struct kiln_diag_hide *hide,
                      struct kiln_str *out);
/** All of them, then how many were dropped. */
void kiln_diag_format_all(const struct kiln_diag *d, const struct kiln_diag_hide *hide,
                          struct kiln_str *out);
/** The candidate nearest to `word` within distance 2 (3 for long words), or NULL. */
const char *kiln_did_you_mean(const char *word, const char *const *candidates, size_t n);

#endif
