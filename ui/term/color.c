#include "ui/term/color.h"

#include "base/macros.h"
#include "ui/term/canvas.h"

#define IS_ANSI(c) (((c) >> 24) == 1)
#define IS_RGB(c)  (((c) >> 24) == 2)

/* What the 16 are on most terminals; only to find the nearest. */
static const uint32_t palette[16] = {
    0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
    0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
};

static uint32_t distance(uint32_t a, uint32_t b)
{
    int r = (int)(a >> 16 & 255) - (int)(b >> 16 & 255);
    int g = (int)(a >> 8 & 255) - (int)(b >> 8 & 255), bl = (int)(a & 255) - (int)(b & 255);

    return (uint32_t)(2 * r * r + 4 * g * g + 3 * bl * bl);
}

static uint32_t nearest(uint32_t rgb, unsigned n)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < n; i++)
        if (distance(rgb, palette[i]) < distance(rgb, palette[best]))
            best = i;
    return best;
}

/* The 6 x 6 x 6 cube and the 24 greys of 256 colours. */
static uint32_t in_256(uint32_t rgb)
{
    static const uint32_t steps[6] = { 0, 95, 135, 175, 215, 255 };
    uint32_t cube = 0, index = 0, grey, level;

    for (int shift = 16; shift >= 0; shift -= 8) {
        uint32_t v = rgb >> shift & 255, k = v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;

        cube = cube << 8 | steps[k];
        index = index * 6 + k;
    }
    level = ((rgb >> 16 & 255) + (rgb >> 8 & 255) + (rgb & 255)) / 3;
    grey = level < 8 ? 0 : level > 238 ? 23 : (level - 3) / 10;
    level = 8 + 10 * grey;
    if (distance(rgb, level << 16 | level << 8 | level) < distance(rgb, cube))
        return 232 + grey;
    return 16 + index;
}

uint32_t kiln_color_map(uint32_t color, int colors)
{
    uint32_t value = color & 0xffffff;

    if (colors < 8 || (!IS_ANSI(color) && !IS_RGB(color)))
        return KILN_COLOR_DEFAULT;
    if (IS_ANSI(color)) /* a bright one of 8 colours is the plain one */
        return KILN_COLOR_ANSI(colors < 16 ? value & 7 : value & 15);
    if (colors > 256)
        return color;
    if (colors == 256)
        return KILN_COLOR_ANSI(in_256(value));
    return KILN_COLOR_ANSI(nearest(value, (unsigned)colors < 16 ? 8 : 16));
}
