/*
 * One console font: the pixels of a character cell, and which character it is. Cells are compared
 * as they are, whatever their colours: two cells that are each other's negative are the same
 * picture, since nobody can say which of two colours is the ink.
 *
 * Made by the parsers (font_*.c), then only read. No threads, no state.
 */
#ifndef KILN_VM_FACE_H
#define KILN_VM_FACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KILN_FACE_WIDTH  16 /* pixels of a cell at most */
#define KILN_FACE_HEIGHT 32

/* The pixels of a cell, rows top down; the leftmost pixel is bit 15. What is outside is 0. */
struct kiln_bitmap {
    uint16_t rows[KILN_FACE_HEIGHT];
};

struct kiln_glyph {
    uint32_t code;     /* Unicode */
    uint32_t negative; /* the glyph that is its negative: its place in the face + 1; 0: none */
    uint32_t index;    /* in the font it came from */
};

struct kiln_face {
    char *name;                /* owned; for people: "VGA 8x16" */
    unsigned width, height;    /* of a cell, pixels */
    struct kiln_glyph *glyphs; /* owned */
    uint8_t *pixels;           /* owned; theirs, a row in one byte or two: kiln_face_bits */
    size_t n, cap;
    uint32_t *slots; /* owned; hash table of indices + 1 */
    size_t n_slots;  /* a power of two */
};

/** NULL: no font has such cells. `name` is copied. */
struct kiln_face *kiln_face_new(const char *name, unsigned width, unsigned height);
void kiln_face_free(struct kiln_face *f); /* NULL is fine */
void kiln_face_freep(struct kiln_face **f);

/**
 * The glyph looks like `bits`. Of characters that look the same the more common one stays: ASCII,
 * then Latin, lines and blocks, Greek and Cyrillic, the rest; then the first. Left out: what is
 * empty and no space, code points that nobody can print, more than KILN_MAX_FONT_GLYPHS.
 */
void kiln_face_add(struct kiln_face *f, const struct kiln_bitmap *bits, uint32_t code,
                   unsigned index);

/** No more glyphs come: gives the room for them back. */
void kiln_face_trim(struct kiln_face *f);

struct kiln_bitmap kiln_face_bits(const struct kiln_face *f, size_t i); /* of glyph i */
/** What looks like bits or like its negative; NULL: nothing. There may be both: see `negative`. */
const struct kiln_glyph *kiln_face_find(const struct kiln_face *f, const struct kiln_bitmap *bits);
/** Is the glyph that was found what looks like bits, not its negative? */
bool kiln_face_is(const struct kiln_face *f, const struct kiln_glyph *g,
                  const struct kiln_bitmap *bits);

/**
 * As a VGA card shows it with cells of nine pixels: the ninth is empty, but for glyphs 0xb0 … 0xdf
 * (lines) it is the eighth again. f has 8 pixels and its glyphs the card's indices.
 */
struct kiln_face *kiln_face_nine(const struct kiln_face *f);

/** The negative within a cell of width x height. */
struct kiln_bitmap kiln_bitmap_invert(const struct kiln_bitmap *b, unsigned width, unsigned height);

#endif
