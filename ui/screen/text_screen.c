#include "ui/screen/text_screen.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"

#define PIXEL       4u
#define WIDTH       8u
#define HEIGHT      ((unsigned)KILN_FONT_ROWS)
#define MAX_ROM     (256u << 10)
#define NEAR        10  /* pixels of 128 that a glyph may differ and still be it */
#define MAX_GUESSES 512 /* of cells that are no exact glyph, per picture */
#define CURSOR_ROWS 3   /* a cursor's line is in these last ones */

/* ---- the font ---- */

static const uint8_t letter_a[] = { 0x00, 0x00, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe,
                                    0xc6, 0xc6, 0xc6, 0xc6, 0x00, 0x00, 0x00, 0x00 };

bool kiln_font_find(struct kiln_font *ret, const void *rom, size_t len)
{
    const uint8_t *at = memmem(rom, len, letter_a, sizeof(letter_a)), *first;
    size_t before = (size_t)'A' * sizeof(ret->glyphs[0]);

    if (!at || (size_t)(at - (const uint8_t *)rom) < before)
        return false;
    first = at - before;
    if (len - (size_t)(first - (const uint8_t *)rom) < sizeof(ret->glyphs))
        return false;
    memcpy(ret->glyphs, first, sizeof(ret->glyphs));
    return true;
}

bool kiln_font_load(struct kiln_font *ret, struct kiln_err *err)
{
    static const char *const places[] = {
        "/usr/share/seabios/vgabios-stdvga.bin",
        "/usr/share/qemu/vgabios-stdvga.bin",
        "/usr/share/seavgabios/vgabios-stdvga.bin",
        "/usr/local/share/qemu/vgabios-stdvga.bin",
    };

    for (size_t i = 0; i < KILN_COUNT(places); i++) {
        KILN_AUTO_STR rom = { 0 };

        if (kiln_fs_read(places[i], MAX_ROM, &rom, NULL) && kiln_font_find(ret, rom.data, rom.len))
            return true;
    }
    return kiln_err_sys(err, ENOENT, "no VGA BIOS with a font (package seabios)");
}

/* What code page 437 shows for 0..31 and from 127 on; all others are ASCII. */
static uint32_t unicode_of(unsigned code)
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

    return code < 32 ? low[code] : code < 127 ? code : high[code - 127];
}

/* ---- one cell ---- */

struct bits { /* the pixels of a cell that are not in its background's colour */
    uint64_t half[2];
};

struct shape {
    struct bits bits;
    uint32_t fg, bg; /* 0xRRGGBB */
};

static struct bits bits_of(const uint8_t rows[KILN_FONT_ROWS])
{
    struct bits b;

    memcpy(b.half, rows, sizeof(b.half));
    return b;
}

static int difference(struct bits a, struct bits b)
{
    return __builtin_popcountll(a.half[0] ^ b.half[0]) +
           __builtin_popcountll(a.half[1] ^ b.half[1]);
}

static uint32_t rgb_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Two colours at most, the more frequent one is the background; else false. `wide`: pixels of a
 * cell; a ninth only repeats or is background. */
static bool shape_at(const struct kiln_picture *p, unsigned x, unsigned y, unsigned wide,
                     struct shape *ret)
{
    uint8_t rows[KILN_FONT_ROWS] = { 0 };
    const struct bits none = { 0 };
    uint32_t first = 0, other = 0;
    bool two = false;

    for (unsigned dy = 0; dy < HEIGHT; dy++) {
        const uint8_t *row = p->rgbx + ((size_t)(y + dy) * p->width + x) * PIXEL;

        for (unsigned dx = 0; dx < wide; dx++) {
            uint32_t rgb = rgb_at(row + (size_t)dx * PIXEL);

            if (dy == 0 && dx == 0)
                first = rgb;
            if (rgb == first)
                continue;
            if (two && rgb != other)
                return false;
            two = true;
            other = rgb;
            if (dx < WIDTH)
                rows[dy] |= (uint8_t)(0x80u >> dx);
        }
    }
    *ret = (struct shape){ .bits = bits_of(rows), .fg = other, .bg = first };
    if (difference(ret->bits, none) > (int)(WIDTH * HEIGHT / 2)) {
        *ret = (struct shape){ { { ~ret->bits.half[0], ~ret->bits.half[1] } }, first, other };
    }
    return true;
}

/* ---- glyphs ---- */

struct glyphs {
    struct bits of[256];
    int guesses; /* left */
};

static struct bits inverse(struct bits b)
{
    return (struct bits){ { ~b.half[0], ~b.half[1] } };
}

/* Exactly one of the glyphs, printable ones first (0, 32 and 255 are all empty); -1: none. */
static int exact(const struct glyphs *g, struct bits b)
{
    for (int i = 0; i < 256; i++) {
        int code = (i + ' ') % 256;

        if (g->of[code].half[0] == b.half[0] && g->of[code].half[1] == b.half[1])
            return code;
    }
    return -1;
}

static int nearest(struct glyphs *g, struct bits b)
{
    int best = -1, best_by = NEAR + 1;

    if (g->guesses-- <= 0)
        return -1;
    for (int i = 0; i < 256; i++) {
        int code = (i + ' ') % 256, by = difference(g->of[code], b);

        if (by < best_by) {
            best = code;
            best_by = by;
        }
    }
    return best;
}

/* Without the line of a cursor; false if there is none. */
static bool without_cursor(struct bits *b)
{
    uint8_t rows[KILN_FONT_ROWS];
    bool found = false;

    memcpy(rows, b->half, sizeof(rows));
    for (unsigned y = HEIGHT - CURSOR_ROWS; y < HEIGHT; y++) {
        found |= rows[y] == 0xff;
        rows[y] = rows[y] == 0xff ? 0 : rows[y];
    }
    *b = bits_of(rows);
    return found;
}

static bool cell_of(struct glyphs *g, const struct shape *s, struct kiln_cell *ret)
{
    struct kiln_style style = { KILN_COLOR_RGB(s->fg), KILN_COLOR_RGB(s->bg), 0 };
    struct bits bare = s->bits;
    int code = exact(g, s->bits);

    if (code < 0 && (code = exact(g, inverse(s->bits))) >= 0)
        style = (struct kiln_style){ KILN_COLOR_RGB(s->bg), KILN_COLOR_RGB(s->fg), 0 };
    if (code < 0 && without_cursor(&bare) && (code = exact(g, bare)) >= 0)
        style.attr = KILN_ATTR_UNDERLINE;
    if (code < 0)
        code = nearest(g, s->bits);
    *ret =
        (struct kiln_cell){ .ch = code < 0 ? 0xFFFD : unicode_of((unsigned)code), .style = style };
    return code >= 0;
}

/* ---- the screen ---- */

void kiln_text_screen_done(struct kiln_text_screen *t)
{
    free(t->cells);
    *t = (struct kiln_text_screen){ 0 };
}

static void resize(struct kiln_text_screen *t, int cols, int rows)
{
    if (t->cols == cols && t->rows == rows)
        return;
    t->cells = kiln_xrealloc(t->cells, (size_t)cols * (size_t)rows, sizeof(*t->cells));
    t->cols = cols;
    t->rows = rows;
}

bool kiln_text_screen_read(struct kiln_text_screen *t, const struct kiln_font *font,
                           const struct kiln_picture *p)
{
    unsigned wide = p->width == 720 && p->height % HEIGHT == 0 ? WIDTH + 1 : WIDTH;
    unsigned cols = p->width / wide, rows = p->height / HEIGHT;
    struct glyphs g = { .guesses = MAX_GUESSES };
    int known = 0, unknown = 0;

    if (cols == 0 || rows == 0 || cols > KILN_CANVAS_MAX || rows > KILN_CANVAS_MAX)
        return false;
    for (int i = 0; i < 256; i++)
        g.of[i] = bits_of(font->glyphs[i]);
    resize(t, (int)cols, (int)rows);
    t->last_row = 0;
    for (unsigned i = 0; i < cols * rows; i++) {
        struct shape s = { 0 };
        bool two = shape_at(p, i % cols * wide, i / cols * HEIGHT, wide, &s);

        if (!two || !cell_of(&g, &s, &t->cells[i])) {
            t->cells[i] = (struct kiln_cell){ .ch = 0xFFFD };
            unknown++;
        } else if (t->cells[i].ch != ' ' || t->cells[i].style.attr) {
            known++;
        }
        if (t->cells[i].ch != ' ' || t->cells[i].style.attr)
            t->last_row = (int)(i / cols);
        if (unknown > 64 && unknown > known)
            return false; /* a picture: soon found out */
    }
    return known > 0 && unknown <= known / 10;
}
