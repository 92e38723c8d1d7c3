/*
 * Linux console fonts: PSF 1 and 2. Without a table of code points only ASCII is known. Source:
 * the file format as kbd's psf.h has it.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"
#include "vm/fonts.h"

#define PSF1_HEAD  4u
#define PSF2_HEAD  32u
#define MAX_GLYPHS 65536u

struct psf {
    const uint8_t *glyphs, *table, *end; /* table NULL: none */
    unsigned n, width, height;
    size_t size; /* bytes of a glyph */
    bool utf8;   /* what the table is written in; else UCS-2 */
};

static bool open_psf1(const uint8_t *d, size_t len, struct psf *ret)
{
    static const uint8_t magic[2] = { 0x36, 0x04 };

    if (len < PSF1_HEAD || memcmp(d, magic, sizeof(magic)) != 0)
        return false;
    *ret = (struct psf){ .glyphs = d + PSF1_HEAD,
                         .end = d + len,
                         .n = d[2] & 1 ? 512 : 256,
                         .width = 8,
                         .height = d[3],
                         .size = d[3] };
    if ((len - PSF1_HEAD) / ret->n < ret->size)
        return false;
    if (d[2] & 6)
        ret->table = ret->glyphs + ret->n * ret->size;
    return true;
}

static bool open_psf2(const uint8_t *d, size_t len, struct psf *ret)
{
    static const uint8_t magic[4] = { 0x72, 0xb5, 0x4a, 0x86 };
    size_t head;

    if (len < PSF2_HEAD || memcmp(d, magic, sizeof(magic)) != 0)
        return false;
    head = kiln_le32(d + 8);
    *ret = (struct psf){ .end = d + len,
                         .n = kiln_le32(d + 16),
                         .size = kiln_le32(d + 20),
                         .height = kiln_le32(d + 24),
                         .width = kiln_le32(d + 28),
                         .utf8 = true };
    if (head < PSF2_HEAD || head > len || ret->n == 0 || ret->n > MAX_GLYPHS ||
        (len - head) / ret->n < ret->size || ret->width > KILN_FACE_WIDTH ||
        ret->height > KILN_FACE_HEIGHT || ret->size != (ret->width + 7) / 8 * ret->height)
        return false;
    ret->glyphs = d + head;
    if (kiln_le32(d + 12) & 1)
        ret->table = ret->glyphs + ret->n * ret->size;
    return true;
}

/* The next code point of the current glyph, or 0 at its end. Sequences of several are no single
 * character and skipped. */
static uint32_t next_ucs2(const uint8_t **at, const uint8_t *end)
{
    bool sequence = false;

    while (end - *at >= 2) {
        uint32_t code = kiln_le16(*at);

        *at += 2;
        if (code == 0xffff)
            return 0;
        sequence |= code == 0xfffe;
        if (!sequence)
            return code;
    }
    *at = end;
    return 0;
}

static uint32_t next_utf8(const uint8_t **at, const uint8_t *end)
{
    bool sequence = false;

    while (*at < end) {
        unsigned code = 0;
        size_t n;

        if (**at == 0xff) {
            (*at)++;
            return 0;
        }
        sequence |= **at == 0xfe;
        n = kiln_utf8_decode((const char *)*at, (size_t)(end - *at), &code);
        *at += n ? n : 1;
        if (n && !sequence)
            return code;
    }
    return 0;
}

static struct kiln_bitmap glyph_bits(const struct psf *f, unsigned i)
{
    const uint8_t *p = f->glyphs + i * f->size;
    struct kiln_bitmap bits = { 0 };

    for (unsigned y = 0; y < f->height; y++) {
        unsigned row = (unsigned)*p++ << 8;

        if (f->width > 8)
            row |= *p++;
        bits.rows[y] = (uint16_t)(row & 0xffffu << (KILN_FACE_WIDTH - f->width));
    }
    return bits;
}

static void add_glyphs(const struct psf *f, struct kiln_face *face)
{
    const uint8_t *at = f->table;
    uint32_t code;

    for (unsigned i = 0; i < f->n; i++) {
        struct kiln_bitmap bits = glyph_bits(f, i);

        if (!f->table && i < 0x7f)
            kiln_face_add(face, &bits, i, i);
        while (f->table && (code = f->utf8 ? next_utf8(&at, f->end) : next_ucs2(&at, f->end)) != 0)
            kiln_face_add(face, &bits, code, i);
    }
}

void kiln_font_psf(const char *name, const void *data, size_t len, kiln_font_found_fn *found,
                   void *ud)
{
    struct kiln_face *face;
    struct psf f;

    if (!open_psf1(data, len, &f) && !open_psf2(data, len, &f))
        return;
    face = kiln_face_new(name, f.width, f.height);
    if (!face)
        return;
    add_glyphs(&f, face);
    if (f.width == 8) /* as VGA text mode shows it */
        found(ud, kiln_face_nine(face));
    found(ud, face);
}
