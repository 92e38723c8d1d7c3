/*
 * PNG files, by libpng (kiln-png.so, loaded by the first call). No state; any thread. Memory that
 * is gone is an error; sizes are the caller's to bound (KILN_MAX_DISPLAY_PIXELS).
 */
#ifndef KILN_BASE_PNG_H
#define KILN_BASE_PNG_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define KILN_PIXEL_BYTES 4 /* R G B, and one that means nothing */

struct kiln_image {
    const uint8_t *rgbx;    /* rows top down, no padding; borrowed */
    unsigned width, height; /* pixels; not 0 */
};

/** Append a PNG file, RGB. level: of compression, 0..9. */
bool kiln_png_make(const struct kiln_image *p, int level, struct kiln_str *out,
                   struct kiln_err *err);

struct kiln_png_ops { /* of the module; use the function above */
    bool (*make)(const struct kiln_image *p, int level, struct kiln_str *out, struct kiln_err *err);
};

#endif
