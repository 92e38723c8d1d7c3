#include "vm/film.h"

#include <assert.h>
#include <unistd.h>

#include "base/framebuffer.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/png.h"
#include "vm/tiles.h"

#define PNG_LEVEL 2 /* of compression: 10 ms for a screen of text */

/* A cursor is as large as a character, which so many tiles hold wherever it lies. */
static const struct kiln_tiles_small cursor = { .places = 1, .columns = 2, .rows = 2 };

struct kiln_film {
    char *dir; /* owned */
    struct kiln_tiles tiles;
    unsigned number; /* of the newest file; 0: none */
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
    kiln_tiles_done(&f->tiles);
    free(f);
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
    if (!image.rgbx || fb->head->frame == 0 || !kiln_tiles_take(&f->tiles, &image, &cursor))
        return false;
    keep_frame(f, &image);
    return true;
}
