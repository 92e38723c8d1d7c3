/*
 * Pictures of all kinds and sizes, in a font that the input brings along: 2 bytes of size, glyphs
 * of 8x16, then frames of two colours, each a byte of damage and the pixels.
 */
#include "base/mem.h"
#include "vm/fonts.h"
#include "vm/text.h"

#define GLYPHS 70

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kiln_face *make_face(const uint8_t **data, size_t *size)
{
    struct kiln_face *f = kiln_face_new("fuzz", 8, 16);

    for (unsigned i = 0; i < GLYPHS; i++) {
        struct kiln_bitmap bits = { { 0 } };

        for (unsigned y = 0; y < 16 && *size > 0; y++, (*size)--)
            bits.rows[y] = (uint16_t)(*(*data)++ << 8);
        bits.rows[i % 16] ^= (uint16_t)(i << 8); /* so that they are many, whatever the input */
        kiln_face_add(f, &bits, ' ' + i, i);
    }
    return f;
}

static void fill(uint32_t *pixels, unsigned n, const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < n && size > 0; i++)
        pixels[i] = data[i / 8 % size] & 0x80u >> i % 8 ? 0xffffff : 0;
}

static void check(const struct kiln_text *t)
{
    KILN_AUTO_STR all = { 0 };

    if ((t->columns == 0) != (t->rows == 0))
        abort();
    for (unsigned y = 0; y < t->rows; y++)
        if (t->row_changed[y] > t->generation)
            abort();
    kiln_text_all(t, &all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kiln_fonts_places places = { .none = true };
    struct kiln_fonts *fonts = kiln_fonts_new(&places);
    struct kiln_text_reader *reader = kiln_text_reader_new(fonts);
    unsigned width = size > 0 ? data[0] + 1u : 1, height = size > 1 ? data[1] + 1u : 1;
    uint32_t *pixels = kiln_xcalloc((size_t)width * height, sizeof(*pixels));
    const struct kiln_text_image image = { (const uint8_t *)pixels, width, height,
                                           (size_t)width * sizeof(*pixels) };

    data += size < 2 ? size : 2;
    size -= size < 2 ? size : 2;
    kiln_fonts_add(fonts, make_face(&data, &size));
    for (int64_t i = 0; i < 8 && size > 0; i++) {
        unsigned y = *data % height;

        fill(pixels, width * height, data, size);
        (void)kiln_text_read(reader, &image, y, height - y, i * KILN_SECOND(1));
        check(kiln_text_of(reader));
        data++;
        size--;
    }
    kiln_text_reader_free(reader);
    kiln_fonts_free(fonts);
    free(pixels);
    return 0;
}
