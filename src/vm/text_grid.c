/*
 * Where the characters of a picture are. Every pixel could be the corner of a cell, so all are
 * tried at once: the edges inside a cell (where a pixel differs from the one before it, which is
 * the same in all colours) have a hash that rolls over the picture from row to row, and each place
 * whose hash is some glyph's votes for its grid. Then the fonts that have such cells read it.
 */
#include <string.h>

#include "base/mem.h"
#include "vm/fonts.h"
#include "vm/text_cell.h"

#define PIXEL       4u
#define MANY_EDGES  8  /* a glyph with less is found everywhere, … */
#define MANY_TURNS  4  /* … and one with fewer changes from row to row in all boxes: no vote */
#define FILTER_BITS 20 /* of a hash that are looked at */
#define FACTOR      0x9e3779b1u
#define MIN_VOTES   3u
#define MIN_KNOWN   3u
#define FEW_UNKNOWN 2u  /* cells, which are a cursor or a pointer */
#define SAMPLE      512 /* cells that a font has to read */
#define MAX_SHAPES  64  /* sizes of cells */

struct shape { /* cells of one size, and the hashes of all glyphs of all fonts in it */
    unsigned width, height;
    uint32_t *filter; /* owned; a bit for each hash */
};

/* ---- hashes ---- */

/* The edges inside a row of w pixels. */
static uint32_t edges_of(uint32_t bits, unsigned w)
{
    return (bits ^ bits >> 1) & ((1u << (w - 1)) - 1);
}

/* As the sum over the rows rolls: each row times FACTOR to the power of the rows below it. False:
 * it has no vote. */
static bool hash_glyph(const struct kiln_face *f, const struct kiln_bitmap *bits, uint32_t *ret)
{
    uint32_t h = 0, last = 0;
    unsigned edges = 0, turns = 0;

    for (unsigned y = 0; y < f->height; y++) {
        uint32_t e = edges_of((uint32_t)bits->rows[y] >> (KILN_FACE_WIDTH - f->width), f->width);

        h = h * FACTOR + e;
        edges += (unsigned)__builtin_popcount(e);
        turns += e != last;
        last = e;
    }
    *ret = h;
    return edges >= MANY_EDGES && turns >= MANY_TURNS;
}

static uint32_t power(uint32_t factor, unsigned n)
{
    uint32_t p = 1;

    while (n-- > 0)
        p *= factor;
    return p;
}

static bool filter_has(const uint32_t *filter, uint32_t hash)
{
    uint32_t at = (hash * FACTOR) >> (32 - FILTER_BITS);

    return filter[at / 32] >> at % 32 & 1;
}

static void filter_add(uint32_t *filter, uint32_t hash)
{
    uint32_t at = (hash * FACTOR) >> (32 - FILTER_BITS);

    filter[at / 32] |= 1u << at % 32;
}

static void add_glyphs(struct shape *s, const struct kiln_face *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct kiln_bitmap bits = kiln_face_bits(f, i);
        uint32_t h;

        if (hash_glyph(f, &bits, &h))
            filter_add(s->filter, h);
    }
}

static size_t collect_shapes(const struct kiln_fonts *fonts, struct shape *shapes)
{
    size_t n = 0, at;

    for (size_t i = 0; i < kiln_fonts_count(fonts); i++) {
        const struct kiln_face *f = kiln_fonts_face(fonts, i);

        for (at = 0; at < n; at++)
            if (shapes[at].width == f->width && shapes[at].height == f->height)
                break;
        if (at == MAX_SHAPES)
            continue;
        if (at == n)
            shapes[n++] =
                (struct shape){ f->width, f->height, kiln_xcalloc((1u << FILTER_BITS) / 32, 4) };
        add_glyphs(&shapes[at], f);
    }
    return n;
}

/* ---- votes ---- */

struct roll { /* all arrays owned, one entry for each x where a cell could begin */
    unsigned n;
    uint8_t *edge;  /* of the current row: 1 where a pixel differs from the next one */
    uint16_t *rows; /* the edges of each of the last `height` rows, in turn */
    uint32_t *hash;
    uint16_t *count; /* of edges in the cell */
};

static void roll_init(struct roll *r, unsigned width, const struct shape *s)
{
    r->n = width - s->width + 1;
    r->edge = kiln_xcalloc(width, 1);
    r->rows = kiln_xcalloc((size_t)r->n * s->height, sizeof(*r->rows));
    r->hash = kiln_xcalloc(r->n, sizeof(*r->hash));
    r->count = kiln_xcalloc(r->n, sizeof(*r->count));
}

static void roll_done(struct roll *r)
{
    free(r->edge);
    free(r->rows);
    free(r->hash);
    free(r->count);
}

static void find_edges(const struct kiln_text_image *image, unsigned y, uint8_t *edge)
{
    const uint8_t *row = image->rgbx + (size_t)y * image->stride;

    for (unsigned x = 0; x + 1 < image->width; x++)
        edge[x] = memcmp(row + (size_t)x * PIXEL, row + ((size_t)x + 1) * PIXEL, PIXEL) != 0;
}

/* The next row of the picture comes in, the one `height` before it goes. How many edges there are
 * in a window of either is counted as it moves on: a pixel comes in, one goes. */
static void roll_row(struct roll *r, const struct shape *s, unsigned y, uint32_t gone)
{
    uint16_t *row = r->rows + (size_t)(y % s->height) * r->n;
    const unsigned top = s->width - 2;
    const uint32_t mask = (2u << top) - 1;
    uint32_t e = 0, old = 0;
    unsigned in = 0, out = (unsigned)__builtin_popcount(row[0]) - (row[0] & 1);

    for (unsigned x = 0; x < top; x++) {
        e = e << 1 | r->edge[x];
        in += r->edge[x];
    }
    for (unsigned x = 0; x < r->n; x++) {
        in += r->edge[x + top] - (e >> top & 1);
        e = (e << 1 | r->edge[x + top]) & mask;
        out += (row[x] & 1) - (old >> top & 1);
        old = row[x];
        r->hash[x] = r->hash[x] * FACTOR + e - old * gone;
        r->count[x] = (uint16_t)(r->count[x] + in - out);
        row[x] = (uint16_t)e;
    }
}

struct vote {
    unsigned x, y, n;
};

static void vote(struct roll *r, const struct shape *s, unsigned y, uint32_t *votes)
{
    uint32_t *row = votes + (size_t)((y + 1) % s->height) * s->width;

    for (unsigned x = 0; x < r->n; x++)
        if (r->count[x] >= MANY_EDGES && filter_has(s->filter, r->hash[x]))
            row[x % s->width]++;
}

/* The offset that most glyphs agree on; of equals the one nearest to the corner. */
static struct vote elect(const struct kiln_text_image *image, const struct shape *s)
{
    uint32_t votes[KILN_FACE_WIDTH * KILN_FACE_HEIGHT] = { 0 };
    const uint32_t gone = power(FACTOR, s->height);
    struct vote best = { 0 };
    struct roll r;

    if (image->width < s->width || image->height < s->height)
        return best;
    roll_init(&r, image->width, s);
    for (unsigned y = 0; y < image->height; y++) {
        find_edges(image, y, r.edge);
        roll_row(&r, s, y, gone);
        if (y + 1 >= s->height)
            vote(&r, s, y, votes);
    }
    roll_done(&r);
    for (unsigned i = 0; i < s->width * s->height; i++)
        if (votes[i] > best.n)
            best = (struct vote){ i % s->width, i / s->width, votes[i] };
    return best;
}

/* ---- which font ---- */

struct sample {
    struct kiln_bitmap v[SAMPLE];
    unsigned n;
    unsigned other; /* cells that are no glyph at all */
};

static void take_sample(const struct kiln_text_image *image, unsigned w, unsigned h, unsigned x0,
                        unsigned y0, struct sample *ret)
{
    struct kiln_cell_shape shape;

    ret->n = ret->other = 0;
    for (unsigned y = y0; y + h <= image->height; y += h)
        for (unsigned x = x0; x + w <= image->width && ret->n < SAMPLE; x += w) {
            enum kiln_cell_kind kind = kiln_cell_look(image, x, y, w, h, &shape);

            if (kind == KILN_CELL_GLYPH)
                ret->v[ret->n++] = shape.bits;
            ret->other += kind == KILN_CELL_MANY;
        }
}

static unsigned count_known(const struct kiln_face *f, const struct sample *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->n; i++)
        n += kiln_face_find(f, &s->v[i]) != NULL;
    return n;
}

/* Reads the picture in all fonts of that size; of equals, the first. */
static void try_faces(const struct kiln_fonts *fonts, const struct kiln_text_image *image,
                      const struct shape *s, const struct vote *at, struct sample *sample,
                      struct kiln_grid *best, unsigned *best_known, bool *all)
{
    take_sample(image, s->width, s->height, at->x, at->y, sample);
    for (size_t i = 0; i < kiln_fonts_count(fonts); i++) {
        const struct kiln_face *f = kiln_fonts_face(fonts, i);
        unsigned known;

        if (f->width != s->width || f->height != s->height)
            continue;
        known = count_known(f, sample);
        if (known >= MIN_KNOWN && known > *best_known && known * 2 > sample->n) {
            *best = (struct kiln_grid){ f, at->x, at->y };
            *best_known = known;
            *all = known + FEW_UNKNOWN >= sample->n + sample->other;
        }
    }
}

bool kiln_grid_find(const struct kiln_fonts *fonts, const struct kiln_text_image *image,
                    struct kiln_grid *ret, bool *ret_all)
{
    struct shape shapes[MAX_SHAPES];
    size_t n = collect_shapes(fonts, shapes);
    KILN_AUTO_FREE struct sample *sample = kiln_xmalloc(sizeof(*sample));
    struct kiln_grid best = { 0 };
    unsigned known = 0;

    *ret_all = false;
    for (size_t i = 0; i < n; i++) {
        struct vote v = { 0 };

        if (!*ret_all)
            v = elect(image, &shapes[i]);
        if (v.n >= MIN_VOTES)
            try_faces(fonts, image, &shapes[i], &v, sample, &best, &known, ret_all);
        free(shapes[i].filter);
    }
    if (!best.face)
        return false;
    *ret = best;
    return true;
}
