#include "vm/film.h"

#include <assert.h>
#include <unistd.h>

#include "base/framebuffer.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/png.h"

/* A cursor is as large as a character, which a small number of tiles holds wherever it lies. */
#define TILE_W       8u
#define TILE_H       16u
#define CURSOR_TILES 2u
#define PNG_LEVEL    2 /* of compression: 10 ms for a screen of text */

struct kiln_film {
    char *dir;       /* owned */
    uint32_t *tiles; /* fingerprints, row by row; owned; NULL: none yet */
    unsigned cols, rows;
    unsigned width, height; /* of the frame that they are of */
    unsigned number;        /* of the newest file; 0: none */
};

struct kiln_film *kiln_film_new(const char *dir)
{
    struct kiln_film *f = kiln_xcalloc(1, sizeof(*f));

    f->dir = kiln_xstrdup(dir);
    return f;
}

void kiln_film_free(struct kiln_film *f)
{
    if (!f)
        return;
    free(f->dir);
    free(f->tiles);
    free(f);
}

/* ---- what is another frame ---- */

static uint32_t mix(uint32_t h, const uint8_t *p, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, p += KILN_PIXEL_BYTES) {
        h = (h ^ ((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2])) * 0x01000193u;
        h ^= h >> 15;
    }
    return h;
}

static uint32_t *fingerprint(const struct kiln_image *image, unsigned cols, unsigned rows)
{
    uint32_t *tiles = kiln_xcalloc((size_t)cols * rows, sizeof(*tiles));
    const uint8_t *line = image->rgbx;

    for (unsigned y = 0; y < image->height; y++) {
        uint32_t *row = tiles + (size_t)(y / TILE_H) * cols;

        for (unsigned x = 0; x < image->width; x += TILE_W) {
            unsigned n = image->width - x < TILE_W ? image->width - x : TILE_W;

            row[x / TILE_W] = mix(row[x / TILE_W], line + (size_t)x * KILN_PIXEL_BYTES, n);
        }
        line += (size_t)image->width * KILN_PIXEL_BYTES;
    }
    return tiles;
}

struct box {
    unsigned left, top, right, bottom; /* right, bottom: behind it */
};

static void widen(struct box *b, unsigned x, unsigned y)
{
    b->left = x < b->left ? x : b->left;
    b->top = y < b->top ? y : b->top;
    b->right = x >= b->right ? x + 1 : b->right;
    b->bottom = y >= b->bottom ? y + 1 : b->bottom;
}

/* Do they differ by more than a cursor? */
static bool differ(const uint32_t *a, const uint32_t *b, unsigned cols, unsigned rows)
{
    struct box box = { .left = cols, .top = rows };

    for (unsigned y = 0; y < rows; y++) {
        for (unsigned x = 0; x < cols; x++) {
            if (a[(size_t)y * cols + x] != b[(size_t)y * cols + x])
                widen(&box, x, y);
        }
    }
    return box.right > box.left + CURSOR_TILES || box.bottom > box.top + CURSOR_TILES;
}

static bool is_another(struct kiln_film *f, const struct kiln_image *image)
{
    unsigned cols = (image->width + TILE_W - 1) / TILE_W;
    unsigned rows = (image->height + TILE_H - 1) / TILE_H;
    uint32_t *tiles = fingerprint(image, cols, rows);

    if (f->tiles && f->width == image->width && f->height == image->height &&
        !differ(f->tiles, tiles, cols, rows)) {
        free(tiles);
        return false;
    }
    free(f->tiles);
    f->tiles = tiles;
    f->width = image->width;
    f->height = image->height;
    return true;
}

/* ---- files ---- */

static char *path_of(const struct kiln_film *f, unsigned number)
{
    return kiln_xasprintf("%s/%06u.png", f->dir, number);
}

static bool write_frame(struct kiln_film *f, const struct kiln_image *image, struct kiln_err *err)
{
    KILN_AUTO_STR png = KILN_STR_MAX(KILN_FILM_BYTES);
    KILN_AUTO_FREE char *path = path_of(f, f->number + 1);

    return kiln_png_make(image, PNG_LEVEL, &png, err) && kiln_fs_mkdirs(f->dir, 0700, err) &&
           kiln_fs_write_atomic(path, png.data, png.len, 0600, err);
}

static void keep_frame(struct kiln_film *f, const struct kiln_image *image)
{
    KILN_AUTO_ERR err = { 0 };

    if (!write_frame(f, image, &err)) {
        kiln_log("screen: no frame is kept: %s", kiln_err_text(&err));
        return;
    }
    if (++f->number > KILN_FILM_FRAMES) {
        KILN_AUTO_FREE char *oldest = path_of(f, f->number - KILN_FILM_FRAMES);

        (void)unlink(oldest);
    }
}

bool kiln_film_take(struct kiln_film *f, const struct kiln_framebuffer *fb)
{
    const struct kiln_image image = { kiln_framebuffer_pixels(fb), fb->width, fb->height };

    assert(fb->stride == fb->width * KILN_PIXEL_BYTES); /* as its writer makes it */
    if (!image.rgbx || fb->head->frame == 0 || !is_another(f, &image))
        return false;
    keep_frame(f, &image);
    return true;
}
