/* How notes are made; the list itself is public (bootcmd.h). */
#ifndef KILN_BOOTCMD_NOTES_H
#define KILN_BOOTCMD_NOTES_H

#include "bootcmd/bootcmd.h"

/**
 * Add a note about `len` bytes from `start` on. `fix` is copied; NULL: none. Past
 * KILN_BOOTCMD_MAX_NOTES it only says, once, that there are more. notes may be NULL.
 */
void kiln_bootcmd_note(struct kiln_bootcmd_notes *notes, enum kiln_bootcmd_note_kind kind,
                       size_t start, size_t len, const char *fix, const char *fmt, ...)
    KILN_PRINTF(6, 7);

#endif
