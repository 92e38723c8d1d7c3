/*
 * The fonts that guests draw their text with, read from where they are installed on the host; kiln
 * brings none along.
 *
 *     VGA text mode, SeaBIOS,   QEMU's own VGA BIOS: vgabios-*.bin in its data directories
 *       most Linux consoles
 *
 * They are loaded when a reader asks for them, cheap and likely ones first. A file that is missing
 * or broken is left out. One thread at a time.
 */
#ifndef KILN_VM_FONTS_H
#define KILN_VM_FONTS_H

#include "vm/face.h"

struct kiln_fonts;

struct kiln_fonts_places {
    const char *qemu_binary; /* is asked where its data is; NULL: the usual places */
};

struct kiln_fonts *kiln_fonts_new(const struct kiln_fonts_places *places); /* copied */
void kiln_fonts_free(struct kiln_fonts *fonts);                            /* NULL is fine */

/** Load the next group of fonts; false: there are no more. */
bool kiln_fonts_load_more(struct kiln_fonts *fonts);
/** What is loaded; owned by fonts, and stays until they are freed. */
size_t kiln_fonts_count(const struct kiln_fonts *fonts);
const struct kiln_face *kiln_fonts_face(const struct kiln_fonts *fonts, size_t i);

/* ---- parsers of font files. Pure; what is broken gives nothing ---- */

/** Called with each font that is found, which the callee owns then. */
typedef void kiln_font_found_fn(void *ud, struct kiln_face *face);

/** 8x16, 8x14 and 8x8 of a VGA BIOS, the same with 9 pixels, code page 437. */
void kiln_font_vga(const void *rom, size_t len, kiln_font_found_fn *found, void *ud);
/** What code page 437 shows for a byte. */
uint32_t kiln_cp437(unsigned byte);

#endif
