/* What redaction means, written down the slow way: unit test and fuzz target compare with it. */
#ifndef KILN_TESTS_REDACT_NAIVE_H
#define KILN_TESTS_REDACT_NAIVE_H

#include "base/str.h"
#include "base/strv.h"
#include "redact/forms.h"
#include "redact/redact.h"

/* Length of the longest form at p, 0 if none. */
static inline size_t naive_match(const struct kiln_strv *forms, const char *p, size_t len)
{
    size_t best = 0;

    KILN_STRV_FOREACH (f, forms) {
        size_t n = strlen(f);

        if (n > best && n <= len && memcmp(f, p, n) == 0)
            best = n;
    }
    return best;
}

static inline void naive_redact(const struct kiln_strv *secrets, const char *text, size_t len,
                                struct kiln_str *out)
{
    KILN_AUTO_STRV forms = { 0 };
    size_t covered = 0; /* text before this is hidden */

    KILN_STRV_FOREACH (s, secrets) {
        kiln_redact_forms(s, &forms);
    }
    for (size_t i = 0; i < len; i++) {
        size_t n = naive_match(&forms, text + i, len - i);

        if (n && i >= covered)
            kiln_str_adds(out, KILN_REDACTED);
        if (i + n > covered && n)
            covered = i + n;
        if (i >= covered)
            kiln_str_addc(out, text[i]);
    }
}

#endif
