#include "vm/tiles.h"

#include <assert.h>

#include "base/framebuffer.h"
#include "base/mem.h"
#include "base/png.h"

void kiln_tiles_done(struct kiln_tiles *t)
{
    free(t->prints);
    *t = (struct kiln_tiles){ 0 };
}

static uint32_t mix(uint32_t h, const uint8_t *p, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, p += KILN_PIXEL_BYTES) {
        h = (h ^ ((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2])) * 0x01000193u;
        h ^= h >> 15;
    }
    return h;
}

static uint32_t *fingerprint(const struct kiln_image *image, unsigned columns, unsigned rows)
{
    uint32_t *prints = kiln_xcalloc((size_t)columns * rows, sizeof(*prints));
    const uint8_t *line = image->rgbx;

    for (unsigned y = 0; y < image->height; y++) {
        uint32_t *row = prints + (size_t)(y / KILN_TILE_HEIGHT) * columns;

        for (unsigned x = 0; x < image->width; x += KILN_TILE_WIDTH) {
            unsigned n = image->width - x < KILN_TILE_WIDTH ? image->width - x : KILN_TILE_WIDTH;
            uint32_t *print = &row[x / KILN_TILE_WIDTH];

            *print = mix(*print, line + (size_t)x * KILN_PIXEL_BYTES, n);
        }
        line += (size_t)image->width * KILN_PIXEL_BYTES;
    }
    return prints;
}

struct box {
    unsigned left, top, right, bottom; /* right, bottom: behind it */
};

/* Make the box hold the tile, too; false: it would be too large. */
static bool widen(struct box *b, unsigned x, unsigned y, const struct kiln_tiles_small *small)
{
    struct box w = { x < b->left ? x : b->left, y < b->top ? y : b->top,
                     x >= b->right ? x + 1 : b->right, y >= b->bottom ? y + 1 : b->bottom };

    if (w.right - w.left > small->columns || w.bottom - w.top > small->rows)
        return false;
    *b = w;
    return true;
}

static bool differ(const struct kiln_tiles *t, const uint32_t *now,
                   const struct kiln_tiles_small *small)
{
    struct box boxes[KILN_TILES_MAX_PLACES];
    unsigned n = 0;

    for (size_t i = 0; i < (size_t)t->columns * t->rows; i++) {
        unsigned x = (unsigned)(i % t->columns), y = (unsigned)(i / t->columns), k = 0;

        if (t->prints[i] == now[i])
            continue;
        while (k < n && !widen(&boxes[k], x, y, small))
            k++;
        if (k < n)
            continue;
        if (n == small->places)
            return true;
        boxes[n++] = (struct box){ x, y, x + 1, y + 1 };
    }
    return false;
}

bool kiln_tiles_take(struct kiln_tiles *t, const struct kiln_image *image,
                     const struct kiln_tiles_small *small)
{
    struct kiln_tiles now = { .columns = (image->width + KILN_TILE_WIDTH - 1) / KILN_TILE_WIDTH,
                              .rows = (image->height + KILN_TILE_HEIGHT - 1) / KILN_TILE_HEIGHT,
                              .width = image->width,
                              .height = image->height };

    assert(small->places <= KILN_TILES_MAX_PLACES);
    now.prints = fingerprint(image, now.columns, now.rows);
    if (t->prints && t->width == now.width && t->height == now.height &&
        !differ(t, now.prints, small)) {
        kiln_tiles_done(&now);
        return false;
    }
    kiln_tiles_done(t);
    *t = now;
    return true;
}
