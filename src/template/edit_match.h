/* Which lines of a list are still there after an edit. Internal to template/. */
#ifndef KILN_TEMPLATE_EDIT_MATCH_H
#define KILN_TEMPLATE_EDIT_MATCH_H

#include "base/strv.h"

#define KILN_EDIT_NEW SIZE_MAX

/* Where a line of the new list comes from. */
struct kiln_edit_origin {
    size_t slot; /* the old line in whose place it stands; KILN_EDIT_NEW: put in. Ascending. */
    bool same;   /* that old line, unchanged */
};

/** @ret  room for now->n origins. As many lines as can be are the same. */
void kiln_edit_match(const struct kiln_strv *old, const struct kiln_strv *now,
                     struct kiln_edit_origin *ret);

#endif
