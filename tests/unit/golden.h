/* What a test made, against a file with what it should be. */
#ifndef KILN_TESTS_GOLDEN_H
#define KILN_TESTS_GOLDEN_H

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

#define GOLDEN_MAX (1u << 20) /* bytes of such a file */

/** *got is what file `path` holds; with BLESS in the environment the file is rewritten. */
static inline void unit_golden(const char *path, const struct kiln_str *got)
{
    KILN_AUTO_STR want = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (getenv("BLESS")) {
        assert_true(kiln_fs_write_atomic(path, got->data, got->len, 0644, NULL));
        return;
    }
    if (!kiln_fs_read(path, GOLDEN_MAX, &want, &err))
        fail_msg("%s (BLESS=1 writes it)", kiln_err_text(&err));
    if (strcmp(kiln_str_cstr(got), kiln_str_cstr(&want)) != 0)
        fail_msg("%s differs (BLESS=1 rewrites it); got:\n%s", path, kiln_str_cstr(got));
}

#endif
