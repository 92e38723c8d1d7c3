/* Console fonts of any origin: all parsers see all files. What they find must be usable. */
#include "base/mem.h"
#include "vm/fonts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_glyph(const struct kiln_face *face, size_t i)
{
    const struct kiln_bitmap bits = kiln_face_bits(face, i);
    const struct kiln_glyph *found = kiln_face_find(face, &bits);

    if (!found || (!kiln_face_is(face, found, &bits) &&
                   !kiln_face_is(face, &face->glyphs[found->negative - 1], &bits)))
        abort();
    for (unsigned y = 0; y < KILN_FACE_HEIGHT; y++)
        if (bits.rows[y] & 0xffffu >> face->width)
            abort(); /* outside of its cell */
}

static void check(void *ud, struct kiln_face *face)
{
    (void)ud;
    if (!face)
        abort();
    for (int trimmed = 0; trimmed < 2; trimmed++) {
        for (size_t i = 0; i < face->n; i++)
            check_glyph(face, i);
        kiln_face_trim(face);
    }
    kiln_face_free(face);
}

/* "Packed" firmware is the plain one. */
static bool unpack(const void *data, size_t len, struct kiln_str *out)
{
    kiln_str_add(out, data, len);
    return !out->failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kiln_font_psf("psf", data, size, check, NULL);
    kiln_font_pf2("pf2", data, size, check, NULL);
    kiln_font_vga("vga", data, size, check, NULL);
    kiln_font_uefi(data, size, check, NULL);
    kiln_font_firmware(data, size, unpack, check, NULL);
    return 0;
}
