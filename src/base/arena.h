/*
 * Memory for many small things that are released together: parse trees. One owner; no threads.
 *
 * An allocation never fails (the program aborts when memory is gone), so whoever allocates for
 * input from outside must bound how often and how much.
 */
#ifndef KILN_BASE_ARENA_H
#define KILN_BASE_ARENA_H

#include <stddef.h>

#include "base/macros.h"

struct kiln_arena_block;

struct kiln_arena {
    struct kiln_arena_block *blocks; /* owned */
    char *next, *end;                /* free space */
};

/** Begin with memory of the caller, which must outlive the arena; {0} is a valid arena as well. */
void kiln_arena_init(struct kiln_arena *a, void *first, size_t size);
/** Release everything; the arena is empty and usable again. */
void kiln_arena_done(struct kiln_arena *a);
#define KILN_AUTO_ARENA KILN_CLEANUP(kiln_arena_done) struct kiln_arena

/** Zeroed, aligned for anything. */
void *kiln_arena_alloc(struct kiln_arena *a, size_t size);
/** n bytes of s and a NUL. */
char *kiln_arena_strndup(struct kiln_arena *a, const char *s, size_t n);

#endif
