#include "ui/screen/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define PIXEL 4u

void kiln_picture_done(struct kiln_picture *p)
{
    free(p->rgbx);
    *p = (struct kiln_picture){ 0 };
}

bool kiln_picture_size(struct kiln_picture *p, unsigned width, unsigned height)
{
    size_t need = (size_t)width * height * PIXEL;

    if (need == 0 || need > (size_t)KILN_MAX_DISPLAY_PIXELS * PIXEL) {
        kiln_picture_done(p);
        return false;
    }
    if (need > p->cap || need < p->cap / 4) { /* a small one does not keep a big one's memory */
        kiln_picture_done(p);
        p->rgbx = malloc(need);
        if (!p->rgbx)
            return false;
        p->cap = need;
    }
    p->width = width;
    p->height = height;
    return true;
}

/* Pixels [*from, *to) of the source are what pixel i of n covers; at least one. */
static void covered(unsigned i, unsigned n, unsigned source, unsigned *from, unsigned *to)
{
    *from = (unsigned)((uint64_t)i * source / n);
    *to = (unsigned)((uint64_t)(i + 1) * source / n);
    if (*to <= *from)
        *to = *from + 1;
}

/* Of light, not of numbers (gamma 2): else thin letters on black become black. */
static void average(const struct kiln_picture *from, unsigned x0, unsigned x1, unsigned y0,
                    unsigned y1, uint8_t *pixel)
{
    uint64_t sum[3] = { 0 };
    uint64_t n = (uint64_t)(x1 - x0) * (y1 - y0);

    for (unsigned y = y0; y < y1; y++) {
        const uint8_t *p = from->rgbx + ((size_t)y * from->width + x0) * PIXEL;

        for (unsigned x = x0; x < x1; x++, p += PIXEL) {
            sum[0] += (unsigned)p[0] * p[0];
            sum[1] += (unsigned)p[1] * p[1];
            sum[2] += (unsigned)p[2] * p[2];
        }
    }
    for (int i = 0; i < 3; i++)
        pixel[i] = (uint8_t)sqrtf((float)sum[i] / (float)n);
    pixel[3] = 255;
}

void kiln_picture_scale(const struct kiln_picture *from, struct kiln_picture *to)
{
    uint8_t *pixel = to->rgbx;

    for (unsigned y = 0; y < to->height; y++) {
        unsigned y0, y1;

        covered(y, to->height, from->height, &y0, &y1);
        for (unsigned x = 0; x < to->width; x++, pixel += PIXEL) {
            unsigned x0, x1;

            covered(x, to->width, from->width, &x0, &x1);
            average(from, x0, x1, y0, y1, pixel);
        }
    }
}

bool kiln_picture_png(const struct kiln_picture *p, int level, struct kiln_str *out,
                      struct kiln_err *err)
{
    const struct kiln_image image = { p->rgbx, p->width, p->height };

    return kiln_png_make(&image, level, out, err);
}

bool kiln_picture_equal(const struct kiln_picture *a, const struct kiln_picture *b)
{
    return a->width == b->width && a->height == b->height &&
           (!a->rgbx || memcmp(a->rgbx, b->rgbx, (size_t)a->width * a->height * PIXEL) == 0);
}

void kiln_picture_fit(unsigned width, unsigned height, int cols, int rows, int cell_w, int cell_h,
                      int *ret_cols, int *ret_rows)
{
    uint64_t cw = cell_w > 0 && cell_h > 0 ? (uint64_t)cell_w : 1,
             ch = cell_w > 0 && cell_h > 0 ? (uint64_t)cell_h : 2;
    /* columns for all rows, rounded: rows * ch / height = columns * cw / width */
    uint64_t want = ((uint64_t)rows * ch * width + (uint64_t)height * cw / 2) / (height * cw);

    if (want <= (uint64_t)cols) {
        *ret_cols = want > 0 ? (int)want : 1;
        *ret_rows = rows;
        return;
    }
    want = ((uint64_t)cols * cw * height + (uint64_t)width * ch / 2) / (width * ch);
    *ret_cols = cols;
    *ret_rows = want == 0 ? 1 : want > (uint64_t)rows ? rows : (int)want;
}
