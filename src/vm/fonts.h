/*
 * The fonts that guests draw their text with, read from where they are installed on the host; kiln
 * brings none along.
 *
 *     VGA text mode            QEMU's own VGA BIOS: vgabios-stdvga.bin in its data directories
 *     Linux' framebuffer       the same 8x16 font that QEMU itself has for its text consoles: in
 *       console                the QEMU binary; PSF fonts (console-setup, kbd), as far as they are
 *                              installed on the host
 *     UEFI                     in the firmware image
 *     GRUB in graphics mode    unicode.pf2 (grub-common)
 *
 * They are loaded when a reader asks for them, cheap and likely ones first. A file that is missing
 * or broken is left out. One thread at a time.
 */
#ifndef KILN_VM_FONTS_H
#define KILN_VM_FONTS_H

#include "base/str.h"
#include "vm/face.h"

struct kiln_fonts;

struct kiln_fonts_places {
    const char *qemu_binary; /* a path: its data is beside it; NULL: in the usual places */
    const char *firmware;    /* the guest's; NULL: OVMF in the usual places */
    bool none;               /* nothing is loaded: there is what kiln_fonts_add gets (tests) */
};

struct kiln_fonts *kiln_fonts_new(const struct kiln_fonts_places *places); /* copied */
void kiln_fonts_free(struct kiln_fonts *fonts);                            /* NULL is fine */

/** One more font, which fonts owns then. */
void kiln_fonts_add(struct kiln_fonts *fonts, struct kiln_face *face);
/** Load the next group of fonts; false: there are no more. */
bool kiln_fonts_load_more(struct kiln_fonts *fonts);
/** What is loaded; owned by fonts, and stays until they are freed. */
size_t kiln_fonts_count(const struct kiln_fonts *fonts);
const struct kiln_face *kiln_fonts_face(const struct kiln_fonts *fonts, size_t i);

/* ---- parsers of font files. Pure; what is broken gives nothing ---- */

/** Called with each font that is found, which the callee owns then. */
typedef void kiln_font_found_fn(void *ud, struct kiln_face *face);

/** Fonts of 8x16, 8x14 and 8x8 in code page 437 that are somewhere in `data`, and the same with 9
 *  pixels. They are called `name` and the size. */
void kiln_font_vga(const char *name, const void *data, size_t len, kiln_font_found_fn *found,
                   void *ud);
/** A PSF file (1 or 2), unpacked; if it has 8 pixels, also with 9. */
void kiln_font_psf(const char *name, const void *data, size_t len, kiln_font_found_fn *found,
                   void *ud);
/** A PFF2 file. */
void kiln_font_pf2(const char *name, const void *data, size_t len, kiln_font_found_fn *found,
                   void *ud);
/** The narrow glyphs of a UEFI driver, not packed. */
void kiln_font_uefi(const void *data, size_t len, kiln_font_found_fn *found, void *ud);
/** The same in a firmware image, which packs its drivers. */
typedef bool kiln_font_unpack_fn(const void *data, size_t len, struct kiln_str *out);
void kiln_font_firmware(const void *data, size_t len, kiln_font_unpack_fn *unlzma,
                        kiln_font_found_fn *found, void *ud);
/** What code page 437 shows for a byte. */
uint32_t kiln_cp437(unsigned byte);

#endif
