#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "base/mem.h"

#define BLOCK_SIZE ((size_t)16 << 10)
#define ALIGNMENT  alignof(max_align_t)

struct kiln_arena_block {
    struct kiln_arena_block *older;
    max_align_t data[];
};

static size_t round_up(size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void kiln_arena_init(struct kiln_arena *a, void *first, size_t size)
{
    size_t skip = round_up((uintptr_t)first) - (uintptr_t)first;

    *a = (struct kiln_arena){ 0 };
    if (size > skip) {
        a->next = (char *)first + skip;
        a->end = (char *)first + size;
    }
}

void kiln_arena_done(struct kiln_arena *a)
{
    while (a->blocks) {
        struct kiln_arena_block *older = a->blocks->older;

        free(a->blocks);
        a->blocks = older;
    }
    *a = (struct kiln_arena){ 0 };
}

static char *new_block(struct kiln_arena *a, size_t size)
{
    struct kiln_arena_block *b = kiln_xmalloc(sizeof(*b) + size);

    b->older = a->blocks;
    a->blocks = b;
    return (char *)b->data;
}

void *kiln_arena_alloc(struct kiln_arena *a, size_t size)
{
    size_t need = round_up(size ? size : 1);
    char *p;

    if ((size_t)(a->end - a->next) >= need) {
        p = a->next;
        a->next += need;
    } else if (need > BLOCK_SIZE / 4) {
        p = new_block(a, need); /* what is left of the current block stays in use */
    } else {
        p = new_block(a, BLOCK_SIZE);
        a->next = p + need;
        a->end = p + BLOCK_SIZE;
    }
    memset(p, 0, need);
    return p;
}

char *kiln_arena_strndup(struct kiln_arena *a, const char *s, size_t n)
{
    char *copy = kiln_arena_alloc(a, n + 1);

    if (n)
        memcpy(copy, s, n);
    return copy;
}
