/*
 * Old templates in today's words: options that were renamed or merged get their present form.
 * Pure. Source: packer-core.md, 1.2, and what Packer does where that says little.
 *
 * All fixers of Packer 1.6.6, those for builders that kiln lacks, too: a team that changes may keep
 * one template for several builders. fix_rules.c has them in Packer's order; each works on the
 * result of the one before.
 *
 * Whether a new name that is there already keeps its value differs from one to the next, as with
 * Packer. A value of another type than Packer's fixers expect is left alone, where some of those
 * crash or lose it.
 */
#ifndef KILN_TEMPLATE_FIX_H
#define KILN_TEMPLATE_FIX_H

#include "template/diag.h"

/**
 * Append the fixed template, laid out anew (json_write.h), and a newline.
 *
 * @diag  errors, with their place: it is not JSON, or a part that fixers look at has not the shape
 *        of a template. Of a repeated key the last one counts and text after the template is left
 *        out; each is a warning.
 */
bool kiln_fix(struct kiln_source *source, struct kiln_str *out, struct kiln_diag *diag);

#endif
