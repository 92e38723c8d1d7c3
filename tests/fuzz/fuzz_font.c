/* Console fonts of any origin: all parsers see all files. What they find must be usable. */
#include "base/mem.h"
#include "vm/fonts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *ud, struct kiln_face *face)
{
    (void)ud;
    if (!face)
        abort();
    for (size_t i = 0; i < face->n; i++) {
        const struct kiln_glyph *g = &face->glyphs[i];
        const struct kiln_glyph *found = kiln_face_find(face, &g->bits);

        if (!found || (!kiln_glyph_is(found, &g->bits) &&
                       !kiln_glyph_is(&face->glyphs[found->negative - 1], &g->bits)))
            abort();
        for (unsigned y = 0; y < KILN_FACE_HEIGHT; y++)
            if ((g->bits.rows[y] & 0xffffu >> face->width) ||
                (y >= face->height && g->bits.rows[y]))
                abort(); /* outside of its cell */
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
