/*
 * The terminal graphics protocol of kitty, as far as a picture that is replaced again and again
 * needs it: bytes only. Nothing is answered (q=2), the cursor stays (C=1). Pure.
 * Source: https://sw.kovidgoyal.net/kitty/graphics-protocol/
 */
#ifndef KILN_UI_KITTY_H
#define KILN_UI_KITTY_H

#include "base/str.h"

/** Show a PNG at the cursor, stretched over cols x rows cells, as picture `id` (not 0). */
void kiln_kitty_show(struct kiln_str *out, unsigned id, int cols, int rows, const void *png,
                     size_t len);
/** Take it away and forget its data. */
void kiln_kitty_remove(struct kiln_str *out, unsigned id);

#endif
