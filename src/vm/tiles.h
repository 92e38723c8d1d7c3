/*
 * Is a picture another than before? Its tiles are compared by fingerprints, so that a change in a
 * few small places (a cursor that blinks, a clock) can be told from a new picture. No threads.
 */
#ifndef KILN_VM_TILES_H
#define KILN_VM_TILES_H

#include <stdbool.h>
#include <stdint.h>

struct kiln_image;

#define KILN_TILE_WIDTH  8u /* pixels */
#define KILN_TILE_HEIGHT 16u

struct kiln_tiles {         /* all zeroes: no picture yet */
    uint32_t *prints;       /* owned; row by row */
    unsigned columns, rows; /* of tiles */
    unsigned width, height; /* of the picture, pixels */
};

/* What makes no new picture: changes in so many places of so many tiles each at most. */
struct kiln_tiles_small {
    unsigned places, columns, rows;
};
#define KILN_TILES_MAX_PLACES 4u

void kiln_tiles_done(struct kiln_tiles *t); /* release; all zeroes */
/** Another picture than the one that was taken last: true, and it is taken. small->places <=
 *  KILN_TILES_MAX_PLACES. */
bool kiln_tiles_take(struct kiln_tiles *t, const struct kiln_image *image,
                     const struct kiln_tiles_small *small);

#endif
