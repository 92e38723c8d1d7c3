#include "template/edit_match.h"

#include <stdint.h>

#include "base/mem.h"

/* Lists whose product is more are compared line by line at the same place. */
#define MAX_CELLS ((size_t)1 << 20)

struct match {
    char **old, **now; /* what is left between the common beginning and the common end */
    size_t n, m;
    size_t old_at, now_at; /* where that begins in the lists */
    struct kiln_edit_origin *ret;
};

static void keep(struct match *w, size_t i, size_t j)
{
    w->ret[w->now_at + j] = (struct kiln_edit_origin){ .slot = w->old_at + i, .same = true };
}

/* The longest common subsequence, by the table of its lengths. */
static void match_middle(struct match *w)
{
    size_t width = w->m + 1;
    KILN_AUTO_FREE uint32_t *len = kiln_xcalloc((w->n + 1) * width, sizeof(*len));
    size_t i = 0, j = 0;

    for (size_t a = w->n; a-- > 0;) {
        for (size_t b = w->m; b-- > 0;) {
            uint32_t down = len[(a + 1) * width + b], right = len[a * width + b + 1];

            len[a * width + b] = strcmp(w->old[a], w->now[b]) == 0
                                     ? len[(a + 1) * width + b + 1] + 1
                                 : down > right ? down
                                                : right;
        }
    }
    while (i < w->n && j < w->m) {
        if (strcmp(w->old[i], w->now[j]) == 0)
            keep(w, i++, j++);
        else if (len[(i + 1) * width + j] >= len[i * width + j + 1])
            i++;
        else
            j++;
    }
}

static void match_in_place(struct match *w)
{
    for (size_t i = 0; i < w->n && i < w->m; i++) {
        if (strcmp(w->old[i], w->now[i]) == 0)
            keep(w, i, i);
    }
}

/* Changed lines between two that stay take the places of those that went, in order. */
static void fill_slots(struct kiln_edit_origin *v, size_t n, size_t m)
{
    size_t next = 0; /* old line whose place is free */

    for (size_t j = 0; j < m;) {
        size_t end = j, limit;

        while (end < m && !v[end].same)
            end++;
        limit = end < m ? v[end].slot : n;
        for (; j < end && next < limit; j++)
            v[j].slot = next++;
        next = end < m ? limit + 1 : n;
        j = end + 1;
    }
}

void kiln_edit_match(const struct kiln_strv *old, const struct kiln_strv *now,
                     struct kiln_edit_origin *ret)
{
    struct match w = { .ret = ret };
    size_t head = 0, tail = 0;

    for (size_t j = 0; j < now->n; j++)
        ret[j] = (struct kiln_edit_origin){ .slot = KILN_EDIT_NEW };
    while (head < old->n && head < now->n && strcmp(old->v[head], now->v[head]) == 0) {
        keep(&w, head, head);
        head++;
    }
    while (head + tail < old->n && head + tail < now->n &&
           strcmp(old->v[old->n - 1 - tail], now->v[now->n - 1 - tail]) == 0) {
        tail++;
        keep(&w, old->n - tail, now->n - tail);
    }
    w.n = old->n - head - tail;
    w.m = now->n - head - tail;
    w.old_at = w.now_at = head;
    if (w.n > 0 && w.m > 0) {
        w.old = old->v + head;
        w.now = now->v + head;
        if (w.n <= MAX_CELLS / (w.m + 1))
            match_middle(&w);
        else
            match_in_place(&w);
    }
    fill_slots(ret, old->n, now->n);
}
