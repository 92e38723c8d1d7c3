/* Fonts of VGA cards, 256 glyphs of one size, found by how their A looks. */
#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "vm/fonts.h"

#define GLYPHS 256

uint32_t kiln_cp437(unsigned byte)
{
    static const uint16_t low[32] = {
        ' ',    0x263A, 0x263B, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25D8, 0x25CB, 0x25D9,
        0x2642, 0x2640, 0x266A, 0x266B, 0x263C, 0x25BA, 0x25C4, 0x2195, 0x203C, 0x00B6, 0x00A7,
        0x25AC, 0x21A8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221F, 0x2194, 0x25B2, 0x25BC,
    };
    static const uint16_t high[129] = {
        0x2302, 0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB,
        0x00E8, 0x00EF, 0x00EE, 0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6,
        0x00F2, 0x00FB, 0x00F9, 0x00FF, 0x00D6, 0x00DC, 0x00A2, 0x00A3, 0x00A5, 0x20A7, 0x0192,
        0x00E1, 0x00ED, 0x00F3, 0x00FA, 0x00F1, 0x00D1, 0x00AA, 0x00BA, 0x00BF, 0x2310, 0x00AC,
        0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561,
        0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255D, 0x255C, 0x255B, 0x2510, 0x2514,
        0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F, 0x255A, 0x2554, 0x2569, 0x2566,
        0x2560, 0x2550, 0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553,
        0x256B, 0x256A, 0x2518, 0x250C, 0x2588, 0x2584, 0x258C, 0x2590, 0x2580, 0x03B1, 0x00DF,
        0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5, 0x03C4, 0x03A6, 0x0398, 0x03A9, 0x03B4, 0x221E,
        0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00F7, 0x2248,
        0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, ' ',
    };

    byte &= 0xff;
    return byte < 32 ? low[byte] : byte < 127 ? byte : high[byte - 127];
}

struct size {
    unsigned height;
    uint8_t letter_a[16];
};

static const struct size sizes[] = {
    { 16, { 0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6 } },
    { 14, { 0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6 } },
    { 8, { 0x30, 0x78, 0xcc, 0xcc, 0xfc, 0xcc, 0xcc } },
};

/* A space is empty; what can be seen is not. */
static bool is_font(const uint8_t *glyphs, unsigned height)
{
    static const uint8_t none[16];

    for (unsigned code = ' '; code < 0x7f; code++)
        if ((memcmp(glyphs + (size_t)code * height, none, height) == 0) != (code == ' '))
            return false;
    return true;
}

static const uint8_t *find_glyphs(const struct size *size, const uint8_t *rom, size_t len)
{
    const uint8_t *a = memmem(rom, len, size->letter_a, size->height);
    size_t before = (size_t)'A' * size->height, at;

    if (!a || (size_t)(a - rom) < before)
        return NULL;
    at = (size_t)(a - rom) - before;
    if (len - at < (size_t)GLYPHS * size->height || !is_font(rom + at, size->height))
        return NULL;
    return rom + at;
}

static struct kiln_face *make(const char *prefix, const uint8_t *glyphs, unsigned height)
{
    KILN_AUTO_FREE char *name = kiln_xasprintf("%s 8x%u", prefix, height);
    struct kiln_face *f = kiln_face_new(name, 8, height);

    for (unsigned code = 0; code < GLYPHS; code++) {
        struct kiln_bitmap bits = { 0 };

        for (unsigned y = 0; y < height; y++)
            bits.rows[y] = (uint16_t)(glyphs[code * height + y] << 8);
        kiln_face_add(f, &bits, kiln_cp437(code), code);
    }
    return f;
}

void kiln_font_vga(const char *name, const void *data, size_t len, kiln_font_found_fn *found,
                   void *ud)
{
    for (size_t i = 0; i < KILN_COUNT(sizes); i++) {
        const uint8_t *glyphs = find_glyphs(&sizes[i], data, len);
        struct kiln_face *face;

        if (!glyphs)
            continue;
        face = make(name, glyphs, sizes[i].height);
        found(ud, kiln_face_nine(face));
        found(ud, face);
    }
}
