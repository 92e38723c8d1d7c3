/* Pictures for the tests of the screen pane. */
#ifndef KILN_TESTS_FRAMES_H
#define KILN_TESTS_FRAMES_H

#include "ui/screen/picture.h"
#include "unit.h"

static inline struct kiln_picture frame_of(unsigned width, unsigned height, uint32_t rgb)
{
    struct kiln_picture p = { 0 };

    assert_true(kiln_picture_size(&p, width, height));
    for (size_t i = 0; i < (size_t)width * height; i++) {
        p.rgbx[i * 4] = (uint8_t)(rgb >> 16);
        p.rgbx[i * 4 + 1] = (uint8_t)(rgb >> 8);
        p.rgbx[i * 4 + 2] = (uint8_t)rgb;
        p.rgbx[i * 4 + 3] = 255;
    }
    return p;
}

static inline void frame_pixel(struct kiln_picture *p, unsigned x, unsigned y, uint32_t rgb)
{
    uint8_t *at = p->rgbx + ((size_t)y * p->width + x) * 4;

    at[0] = (uint8_t)(rgb >> 16);
    at[1] = (uint8_t)(rgb >> 8);
    at[2] = (uint8_t)rgb;
}

static inline void frame_fill(struct kiln_picture *p, unsigned x, unsigned y, unsigned w,
                              unsigned h, uint32_t rgb)
{
    for (unsigned dy = 0; dy < h; dy++)
        for (unsigned dx = 0; dx < w; dx++)
            frame_pixel(p, x + dx, y + dy, rgb);
}

#endif
