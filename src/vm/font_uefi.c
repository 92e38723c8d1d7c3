/*
 * The font of UEFI's graphical console: a table of EFI_NARROW_GLYPH in the firmware, which holds
 * its drivers in LZMA sections. The table is found by its records for ' ', '!' and '"', which come
 * one after the other. Source: UEFI 2.10, 34.8.2 (EFI_NARROW_GLYPH) and the platform
 * initialization specification, volume 3 (GUIDed sections).
 */
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/mem.h"
#include "vm/fonts.h"

#define RECORD      22u /* code point, attributes, 19 rows */
#define ROWS        19u
#define MAX_TABLE   1024u
#define GUID        16u
#define SECTION     24u /* size and type, GUID, offset of the data, attributes */
#define MAX_STREAMS 16

static bool is_record(const uint8_t *p, unsigned code)
{
    return kiln_le16(p) == code && p[2] == 0;
}

/* The record of a space at or after `from`; NULL: there is none. */
static const uint8_t *find_table(const uint8_t *d, size_t len)
{
    static const uint8_t space[RECORD] = { ' ' };
    const uint8_t *at = d;

    while ((at = memmem(at, len - (size_t)(at - d), space, sizeof(space))) != NULL) {
        size_t left = len - (size_t)(at - d);

        if (left >= (size_t)3 * RECORD && is_record(at + RECORD, '!') &&
            is_record(at + (size_t)2 * RECORD, '"'))
            return at;
        at++;
    }
    return NULL;
}

static void add_record(struct kiln_face *face, const uint8_t *p, unsigned index)
{
    struct kiln_bitmap bits = { 0 };

    for (unsigned y = 0; y < ROWS; y++)
        bits.rows[y] = (uint16_t)(p[3 + y] << 8);
    kiln_face_add(face, &bits, kiln_le16(p), index);
}

void kiln_font_uefi(const void *data, size_t len, kiln_font_found_fn *found, void *ud)
{
    const uint8_t *p = find_table(data, len), *end = (const uint8_t *)data + len;
    struct kiln_face *face;

    if (!p)
        return;
    face = kiln_face_new("UEFI 8x19", 8, ROWS);
    for (unsigned i = 0; i < MAX_TABLE && (size_t)(end - p) >= RECORD && kiln_le16(p) != 0; i++) {
        add_record(face, p, i);
        p += RECORD;
    }
    found(ud, face);
}

void kiln_font_firmware(const void *data, size_t len, kiln_font_unpack_fn *unlzma,
                        kiln_font_found_fn *found, void *ud)
{
    /* EE4E5898-3914-4259-9D6E-DC7BD79403CF: LZMA */
    static const uint8_t lzma[GUID] = { 0x98, 0x58, 0x4e, 0xee, 0x14, 0x39, 0x59, 0x42,
                                        0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf };
    const uint8_t *d = data, *at = d, *end = d + len;

    kiln_font_uefi(data, len, found, ud);
    for (int i = 0; i < MAX_STREAMS && (at = memmem(at, (size_t)(end - at), lzma, GUID)); i++) {
        KILN_AUTO_STR out = KILN_STR_MAX(KILN_MAX_FIRMWARE);
        size_t offset;

        at += GUID;
        if (at - d < (ptrdiff_t)(SECTION - 4) || end - at < 4)
            continue;
        offset = kiln_le16(at);
        if (offset < SECTION || offset - (SECTION - 4) > (size_t)(end - at))
            continue;
        if (unlzma(at + (offset - (SECTION - 4)), (size_t)(end - at) - (offset - (SECTION - 4)),
                   &out))
            kiln_font_uefi(out.data, out.len, found, ud);
    }
}
