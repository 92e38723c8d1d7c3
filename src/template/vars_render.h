/* How the value of a variable is rendered, which differs from everything else. Internal. */
#ifndef KILN_TEMPLATE_VARS_RENDER_H
#define KILN_TEMPLATE_VARS_RENDER_H

#include "template/interp.h"

/**
 * Render a variable's value once. Runs such as {{ .HTTPIP }} (at most one space before the dot)
 * belong to whoever uses the variable and survive as written. Source: packer-core.md, 7.2.
 *
 * @ret_offset  on failure, the byte of raw that the error is about
 */
bool kiln_vars_render(const struct kiln_interp *ctx, const char *raw, struct kiln_str *out,
                      size_t *ret_offset, struct kiln_err *err);

/** {{user `k`}} stands in raw, which Packer therefore renders again on every pass. */
bool kiln_vars_is_open(const char *raw);

#endif
