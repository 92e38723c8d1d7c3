#include "vm/key_queue.h"

#include <string.h>

/* Where in held[] it is, n_held if nowhere. */
static size_t find(const struct kiln_key_queue *q, uint32_t keysym)
{
    size_t i = 0;

    while (i < q->n_held && q->held[i].keysym != keysym)
        i++;
    return i;
}

bool kiln_key_queue_add(struct kiln_key_queue *q, struct kiln_key_stroke stroke,
                        struct kiln_err *err)
{
    size_t i = find(q, stroke.keysym);
    bool is_held = i < q->n_held;

    if ((stroke.down || !is_held) && q->n >= KILN_KEY_QUEUE_MAX - KILN_KEY_QUEUE_MAX_HELD)
        return kiln_err_set(err, KILN_ERR_USER, "the guest takes no more keys");
    if (stroke.down && !is_held && q->n_held == KILN_KEY_QUEUE_MAX_HELD)
        return kiln_err_set(err, KILN_ERR_USER, "%d keys are down already",
                            KILN_KEY_QUEUE_MAX_HELD);
    if (stroke.down && !is_held)
        q->held[q->n_held++] = stroke;
    if (!stroke.down && is_held)
        q->held[i] = q->held[--q->n_held];
    q->waiting[q->n++] = stroke;
    return true;
}

void kiln_key_queue_release(struct kiln_key_queue *q)
{
    while (q->n_held > 0) {
        struct kiln_key_stroke up = q->held[0];

        up.down = false;
        (void)kiln_key_queue_add(q, up, NULL);
    }
}

bool kiln_key_queue_holds(const struct kiln_key_queue *q, uint32_t keysym)
{
    return find(q, keysym) < q->n_held;
}

size_t kiln_key_queue_take(struct kiln_key_queue *q, struct kiln_key_stroke ret[KILN_KEY_QUEUE_MAX])
{
    size_t n = q->n;

    memcpy(ret, q->waiting, n * sizeof(*ret));
    explicit_bzero(q->waiting, n * sizeof(*ret));
    q->n = 0;
    return n;
}

void kiln_key_queue_clear(struct kiln_key_queue *q)
{
    explicit_bzero(q, sizeof(*q));
}
