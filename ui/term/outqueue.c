#include "ui/term/outqueue.h"

#include <errno.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/macros.h"

#define MAX_QUEUE ((size_t)16 << 20)
#define SLICE_US  KILN_MS(50) /* with a limit: as much at one time as goes out in so long */

bool kiln_outqueue_empty(const struct kiln_outqueue *q)
{
    return q->at >= q->bytes.len;
}

bool kiln_outqueue_add(struct kiln_outqueue *q, const void *data, size_t len)
{
    if (q->gone || q->bytes.len + len > MAX_QUEUE)
        return false;
    kiln_str_add(&q->bytes, data, len);
    return true;
}

void kiln_outqueue_drop(struct kiln_outqueue *q)
{
    kiln_str_clear(&q->bytes);
    q->at = 0;
    q->blocked = false;
}

void kiln_outqueue_done(struct kiln_outqueue *q)
{
    kiln_str_done(&q->bytes);
}

static int64_t slice(const struct kiln_outqueue *q)
{
    int64_t n = (int64_t)q->max_bps * SLICE_US / KILN_SECOND(1);

    return n > 0 ? n : 1;
}

/* How much may go out now. */
static size_t allowance(struct kiln_outqueue *q, int64_t now_us)
{
    size_t waiting = q->bytes.len - q->at;
    int64_t gained, bound;

    if (q->max_bps <= 0)
        return waiting;
    bound = slice(q);
    gained = now_us - q->tokens_us > KILN_SECOND(1)
                 ? bound
                 : (now_us - q->tokens_us) * q->max_bps / KILN_SECOND(1);
    if (gained > 0) {
        q->tokens = q->tokens + gained < bound ? q->tokens + gained : bound;
        q->tokens_us = now_us;
    }
    return (int64_t)waiting < q->tokens ? waiting : (size_t)q->tokens;
}

int64_t kiln_outqueue_deadline(const struct kiln_outqueue *q)
{
    if (kiln_outqueue_empty(q) || q->blocked || q->gone)
        return KILN_NEVER;
    if (q->max_bps <= 0)
        return q->tokens_us;
    return q->tokens_us + (slice(q) - q->tokens) * KILN_SECOND(1) / q->max_bps + 1;
}

bool kiln_outqueue_flush(struct kiln_outqueue *q, int64_t now_us)
{
    size_t may = allowance(q, now_us);

    q->blocked = false;
    while (may > 0 && !q->gone) {
        ssize_t n = write(q->fd, q->bytes.data + q->at, may);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            q->blocked = true;
            return false;
        }
        if (n <= 0) {
            q->gone = true;
            break;
        }
        q->at += (size_t)n;
        q->sent += (uint64_t)n;
        q->tokens -= q->max_bps > 0 ? n : 0;
        may -= (size_t)n;
    }
    if (q->gone || kiln_outqueue_empty(q))
        kiln_outqueue_drop(q);
    return kiln_outqueue_empty(q);
}
