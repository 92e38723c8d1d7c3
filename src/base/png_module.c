/* libpng. */
#include <png.h>

#include "base/png.h"

struct png_out {
    struct kiln_str *out;
    struct kiln_err *err;
};

static void png_put(png_structp png, png_bytep data, size_t len)
{
    struct png_out *to = png_get_io_ptr(png);

    kiln_str_add(to->out, data, len);
}

static void png_flush_nothing(png_structp png)
{
    (void)png;
}

static void png_failed(png_structp png, png_const_charp text)
{
    struct png_out *to = png_get_error_ptr(png);

    (void)kiln_err_set(to->err, KILN_ERR_SYSTEM, "make a PNG: %s", text);
    png_longjmp(png, 1);
}

static void png_ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void png_rows(png_structp png, png_infop info, const struct kiln_image *p, int level)
{
    png_set_IHDR(png, info, p->width, p->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, level);
    png_set_filter(png, PNG_FILTER_TYPE_DEFAULT, PNG_FILTER_NONE | PNG_FILTER_UP);
    png_write_info(png, info);
    png_set_filler(png, 0, PNG_FILLER_AFTER);
    for (unsigned y = 0; y < p->height; y++)
        png_write_row(png, p->rgbx + (size_t)y * p->width * KILN_PIXEL_BYTES);
    png_write_end(png, info);
}

static bool make(const struct kiln_image *p, int level, struct kiln_str *out, struct kiln_err *err)
{
    struct png_out to = { .out = out, .err = err };
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &to, png_failed, png_ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    volatile bool ok = false;

    if (!info) {
        (void)kiln_err_set(err, KILN_ERR_SYSTEM, "make a PNG: out of memory");
    } else if (setjmp(png_jmpbuf(png)) == 0) {
        png_set_write_fn(png, &to, png_put, png_flush_nothing);
        png_rows(png, info, p, level);
        ok = kiln_str_ok(out, "PNG", err);
    }
    png_destroy_write_struct(png ? &png : NULL, &info);
    return ok;
}

extern const struct kiln_png_ops kiln_png_ops;
const struct kiln_png_ops kiln_png_ops = { .make = make };
