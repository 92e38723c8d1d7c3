/* A picture in memory. All zeroes is an empty one, ready to use. Pure; one thread. */
#ifndef KILN_UI_PICTURE_H
#define KILN_UI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/png.h"

struct kiln_picture {
    uint8_t *rgbx;          /* owned; rows top down, 4 bytes a pixel, no padding */
    unsigned width, height; /* pixels */
    size_t cap;             /* bytes that rgbx has room for */
};

void kiln_picture_done(struct kiln_picture *p);
/** Make it that big; its pixels are not defined then. False if it has no pixels, more than
 *  KILN_MAX_DISPLAY_PIXELS, or memory is gone; it is empty then. */
bool kiln_picture_size(struct kiln_picture *p, unsigned width, unsigned height);
/**
 * Fill `to`, which has its size, with all of `from`: shrinking takes the average of what a pixel
 * covers, enlarging repeats pixels. The fourth byte becomes 255.
 */
void kiln_picture_scale(const struct kiln_picture *from, struct kiln_picture *to);
/** A PNG file of it, appended. level: of compression, 0..9. */
bool kiln_picture_png(const struct kiln_picture *p, int level, struct kiln_str *out,
                      struct kiln_err *err);
bool kiln_picture_equal(const struct kiln_picture *a, const struct kiln_picture *b);

/**
 * How many cells a picture takes in an area of cols x rows (all at least 1), its aspect ratio kept.
 * cell_w, cell_h: pixels of a cell; 0: not known, twice as high as wide.
 */
void kiln_picture_fit(unsigned width, unsigned height, int cols, int rows, int cell_w, int cell_h,
                      int *ret_cols, int *ret_rows);

#endif
