/*
 * What a guest's screen showed last: the newest frames that differ from each other by more than a
 * blinking cursor, as PNG files in a directory. They are written as they come, so that they are
 * there even if this process is killed; the file's time is the frame's.
 *
 * One thread. Of a frame only a fingerprint is kept in memory.
 */
#ifndef KILN_VM_FILM_H
#define KILN_VM_FILM_H

#include <stdbool.h>

#define KILN_FILM_FRAMES 8
#define KILN_FILM_BYTES  (4u << 20) /* of one file; larger ones are left out */

struct kiln_film;
struct kiln_framebuffer;

/** dir: copied; made with the first frame, mode 0700. */
struct kiln_film *kiln_film_new(const char *dir);
void kiln_film_free(struct kiln_film *f); /* the files stay; NULL is fine */

/**
 * Look at a frame (fb: the caller's own, as its writer). True if it is another than the last that
 * was kept; then it becomes DIR/NNNNNN.png, numbers growing. What cannot be written is left out.
 */
bool kiln_film_take(struct kiln_film *f, const struct kiln_framebuffer *fb);

#endif
