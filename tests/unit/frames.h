/* Pictures for the tests of the screen pane. */
#ifndef KILN_TESTS_FRAMES_H
#define KILN_TESTS_FRAMES_H

#include "ui/screen/text_screen.h"
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

/* Glyphs that are all different and far from each other; 32 and its like are empty. */
static inline struct kiln_font frame_font(void)
{
    struct kiln_font font = { 0 };
    uint32_t seed = 1;

    for (unsigned c = 33; c < 255; c++)
        for (unsigned y = 1; y < 13; y++) {
            seed = seed * 1664525u + 1013904223u;
            font.glyphs[c][y] = (uint8_t)(seed >> 24) & 0x7e & (uint8_t)(seed >> 16);
        }
    return font;
}

/* Text as a VGA card draws it; cells are `wide` pixels, 8 or 9. */
static inline void frame_text(struct kiln_picture *p, const struct kiln_font *font, unsigned wide,
                              unsigned col, unsigned row, const char *text, uint32_t fg,
                              uint32_t bg)
{
    for (; *text; text++, col++)
        for (unsigned y = 0; y < 16; y++)
            for (unsigned x = 0; x < wide; x++)
                frame_pixel(p, col * wide + x, row * 16 + y,
                            x < 8 && font->glyphs[(unsigned char)*text][y] & 0x80u >> x ? fg : bg);
}

#endif
