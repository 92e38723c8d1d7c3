/*
 * A picture that one process writes and others look at: the guest's screen, in shared memory (a
 * sealed memfd that travels over a Unix socket). One writer; any number of readers, which cannot
 * disturb it: they map read-only (the file is sealed against other writers), and take a copy that
 * is whole (a sequence lock: the writer makes `lock` odd while it writes).
 *
 * Layout: struct kiln_framebuffer_head, then `height` rows of `stride` bytes, 4 bytes a pixel: R G
 * B 0. The size of the file never changes (sealed against shrinking and growing), so a reader
 * cannot be made to fault; a screen of another geometry is a new framebuffer. Readers check every
 * number of the head against the size of the file before they use it.
 */
#ifndef KILN_BASE_FRAMEBUFFER_H
#define KILN_BASE_FRAMEBUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KILN_FRAMEBUFFER_MAGIC 0x316b6266u /* "fbk1" */

struct kiln_framebuffer_head {
    uint32_t magic;
    uint32_t width, height; /* pixels; width * height <= KILN_MAX_DISPLAY_PIXELS */
    uint32_t stride;        /* bytes */
    _Atomic uint32_t lock;  /* odd while the writer is at work */
    uint32_t reserved;
    _Atomic uint64_t frame; /* counts what was written; 0: nothing yet */
};

struct kiln_framebuffer {
    int fd;                             /* owned */
    struct kiln_framebuffer_head *head; /* mapped; read-only for readers */
    size_t size;
    unsigned width, height; /* as checked; use these, not the head's */
    unsigned stride;
};

/** Writer: make one, all black. USER: no pixels, or too many. */
bool kiln_framebuffer_create(struct kiln_framebuffer *fb, unsigned width, unsigned height,
                             struct kiln_err *err);
/** Writer: replace rows [y, y + rows) and count a frame. rgbx: the first of them; 4 bytes a pixel
 *  (the last is written as 0), width pixels a row, no padding. One thread at a time. */
void kiln_framebuffer_write(struct kiln_framebuffer *fb, const uint8_t *rgbx, unsigned y,
                            unsigned rows);
/** Writer: are these rows, given as for kiln_framebuffer_write, what it has already? */
bool kiln_framebuffer_has(const struct kiln_framebuffer *fb, const uint8_t *rgbx, unsigned y,
                          unsigned rows);
/** Writer: its own view of the first row, which only kiln_framebuffer_write changes; the rows are
 *  fb->stride bytes apart. NULL: there is none. */
const uint8_t *kiln_framebuffer_pixels(const struct kiln_framebuffer *fb);
/** Reader: map what came over a socket. Takes fd, also on failure. REMOTE: that is no framebuffer,
 *  or one that its writer could shrink. */
bool kiln_framebuffer_map(struct kiln_framebuffer *fb, int fd, struct kiln_err *err);
/**
 * Reader: a whole copy into `rgbx` (width * height * 4 bytes). Returns the frame's number; 0 if
 * nothing was written yet or the writer is stuck in the middle (tried a bounded number of times).
 */
uint64_t kiln_framebuffer_read(const struct kiln_framebuffer *fb, uint8_t *rgbx);
/**
 * As kiln_framebuffer_read, but every step-th pixel of every step-th row only (step >= 1), so that
 * a huge screen costs its reader little: ceil(width / step) * ceil(height / step) pixels.
 */
uint64_t kiln_framebuffer_sample(const struct kiln_framebuffer *fb, unsigned step, uint8_t *rgbx);
/** All zeroes, as { .fd = -1 }, is fine and holds nothing; fb can be used again. */
void kiln_framebuffer_done(struct kiln_framebuffer *fb);

#endif
