/*
 * A ring of slots, numbered by the block that they hold: the producer fills block `filled`, the
 * next worker that is free takes block `taken`, the producer writes block `written` when it is
 * done. `lock` guards the three counters, `done` of the slots, `failure` and `ended`; everything
 * else of a slot belongs to whoever has its block.
 */
#include "postprocessor/pack.h"

#include <sched.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "postprocessor/codec.h"

#define MAX_CORES 256

struct slot {
    unsigned char *in;  /* codec->block bytes */
    unsigned char *out; /* its bound */
    struct kiln_block block;
    bool done;
};

struct worker {
    struct kiln_pack *pack;
    void *state;
    pthread_t thread;
    bool running;
};

struct kiln_pack {
    int fd;
    const struct kiln_codec *codec; /* NULL: no compression */
    struct kiln_cancel *cancel;
    uint64_t len; /* bytes written */
    void *frame;
    size_t fill; /* bytes in the slot that is being filled */
    struct slot *slots;
    size_t n_slots;
    struct worker *workers;
    size_t n_workers;
    atomic_bool stop; /* workers need not finish what they do */

    pthread_mutex_t lock;
    pthread_cond_t filled_more, done_more;
    uint64_t filled, taken, written;
    bool ended;
    struct kiln_err failure; /* the first one of a worker */
};

unsigned kiln_pack_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return n < 1 ? 1 : n > MAX_CORES ? MAX_CORES : (unsigned)n;
}

/* ---- workers ---- */

static struct slot *worker_next(struct kiln_pack *p)
{
    struct slot *slot = NULL;

    (void)pthread_mutex_lock(&p->lock);
    while (p->taken == p->filled && !p->ended)
        (void)pthread_cond_wait(&p->filled_more, &p->lock);
    if (p->taken < p->filled && !p->stop)
        slot = &p->slots[p->taken++ % p->n_slots];
    (void)pthread_mutex_unlock(&p->lock);
    return slot;
}

static void worker_did(struct kiln_pack *p, struct slot *slot, struct kiln_err *err)
{
    (void)pthread_mutex_lock(&p->lock);
    if (err->kind != KILN_ERR_NONE && p->failure.kind == KILN_ERR_NONE)
        (void)kiln_err_move(&p->failure, err);
    slot->done = true;
    (void)pthread_cond_signal(&p->done_more);
    (void)pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *ud)
{
    struct worker *w = ud;
    struct slot *slot;

    while ((slot = worker_next(w->pack))) {
        KILN_AUTO_ERR err = { 0 };

        (void)w->pack->codec->compress(w->state, &slot->block, &err);
        worker_did(w->pack, slot, &err);
    }
    return NULL;
}

static bool worker_start(struct kiln_pack *p, int level, struct kiln_err *err)
{
    struct worker *w = &p->workers[p->n_workers++];

    w->pack = p;
    w->state = p->codec->open(level, err);
    w->running = w->state && kiln_thread_start(&w->thread, "compress", worker_main, w, err);
    return w->running;
}

static void end_workers(struct kiln_pack *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->ended = true;
    (void)pthread_cond_broadcast(&p->filled_more);
    (void)pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_workers; i++) {
        if (p->workers[i].running)
            (void)pthread_join(p->workers[i].thread, NULL);
        p->workers[i].running = false;
    }
}

/* ---- the caller's side ---- */

static bool start(struct kiln_pack *p, int level, struct kiln_err *err)
{
    unsigned cores = kiln_pack_cores();
    KILN_AUTO_STR head = { 0 };

    p->n_slots = cores + 2; /* one that is being filled, one that waits to be taken */
    p->slots = kiln_xcalloc(p->n_slots, sizeof(*p->slots));
    for (size_t i = 0; i < p->n_slots; i++) {
        p->slots[i].in = kiln_xmalloc(p->codec->block);
        p->slots[i].out = kiln_xmalloc(p->codec->bound(p->codec->block));
    }
    p->workers = kiln_xcalloc(cores, sizeof(*p->workers));
    while (p->n_workers < cores)
        if (!worker_start(p, level, err))
            return false;
    if (!p->codec->begin)
        return true;
    p->frame = p->codec->begin(level, &head);
    p->len = head.len;
    return kiln_fs_write_all(p->fd, kiln_str_cstr(&head), head.len, err);
}

bool kiln_pack_open(struct kiln_pack **ret, int fd, const char *codec, int level,
                    struct kiln_cancel *cancel, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_pack_freep) struct kiln_pack *p = kiln_xcalloc(1, sizeof(*p));

    p->fd = fd;
    p->cancel = cancel;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->filled_more, NULL);
    (void)pthread_cond_init(&p->done_more, NULL);
    if (codec && (!kiln_codec_find(&p->codec, codec, err) || !start(p, level, err)))
        return false;
    *ret = p;
    p = NULL;
    return true;
}

void kiln_pack_free(struct kiln_pack *p)
{
    if (!p)
        return;
    p->stop = true;
    end_workers(p);
    for (size_t i = 0; i < p->n_workers; i++)
        if (p->workers[i].state)
            p->codec->close(p->workers[i].state);
    for (size_t i = 0; i < p->n_slots; i++) {
        free(p->slots[i].in);
        free(p->slots[i].out);
    }
    if (p->frame) {
        KILN_AUTO_STR dropped = { 0 };

        (void)p->codec->end(p->frame, &dropped);
    }
    kiln_err_clear(&p->failure);
    (void)pthread_cond_destroy(&p->done_more);
    (void)pthread_cond_destroy(&p->filled_more);
    (void)pthread_mutex_destroy(&p->lock);
    free(p->slots);
    free(p->workers);
    free(p);
}

void kiln_pack_freep(struct kiln_pack **p)
{
    kiln_pack_free(*p);
    *p = NULL;
}

static bool go_on(struct kiln_pack *p, struct kiln_err *err)
{
    return !kiln_cancel_fired(p->cancel) || kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
}

/* Wait for the oldest block and write it; its slot is free again. */
static bool write_oldest(struct kiln_pack *p, struct kiln_err *err)
{
    struct slot *slot = &p->slots[p->written % p->n_slots];
    bool ok = true;

    (void)pthread_mutex_lock(&p->lock);
    while (!slot->done)
        (void)pthread_cond_wait(&p->done_more, &p->lock);
    if (p->failure.kind != KILN_ERR_NONE)
        ok = kiln_err_move(err, &p->failure);
    (void)pthread_mutex_unlock(&p->lock);
    if (!ok || !go_on(p, err))
        return false;
    if (p->codec->note)
        p->codec->note(p->frame, slot->block.in, slot->block.in_len);
    if (!kiln_fs_write_all(p->fd, slot->out, slot->block.out_len, err))
        return false;
    p->len += slot->block.out_len;
    slot->done = false;
    p->written++;
    return true;
}

/* Give what was collected to the workers. */
static bool submit(struct kiln_pack *p, struct kiln_err *err)
{
    struct slot *slot = &p->slots[p->filled % p->n_slots];

    slot->block = (struct kiln_block){ .in = slot->in,
                                       .in_len = p->fill,
                                       .out = slot->out,
                                       .out_size = p->codec->bound(p->codec->block),
                                       .cancel = p->cancel,
                                       .stop = &p->stop };
    p->fill = 0;
    (void)pthread_mutex_lock(&p->lock);
    p->filled++;
    (void)pthread_cond_signal(&p->filled_more);
    (void)pthread_mutex_unlock(&p->lock);
    return p->filled - p->written < p->n_slots || write_oldest(p, err);
}

bool kiln_pack_write(struct kiln_pack *p, const void *data, size_t len, struct kiln_err *err)
{
    const unsigned char *from = data;

    if (!go_on(p, err))
        return false;
    if (!p->codec) {
        p->len += len;
        return kiln_fs_write_all(p->fd, data, len, err);
    }
    while (len > 0) {
        struct slot *slot = &p->slots[p->filled % p->n_slots];
        size_t room = p->codec->block - p->fill, n = len < room ? len : room;

        memcpy(slot->in + p->fill, from, n);
        p->fill += n;
        from += n;
        len -= n;
        if (p->fill == p->codec->block && !submit(p, err))
            return false;
    }
    return true;
}

static bool finish_frame(struct kiln_pack *p, uint32_t *ret_sum, struct kiln_err *err)
{
    KILN_AUTO_STR tail = { 0 };

    if ((p->fill || p->filled == 0) && !submit(p, err))
        return false;
    while (p->written < p->filled)
        if (!write_oldest(p, err))
            return false;
    if (p->codec->end)
        *ret_sum = p->codec->end(p->frame, &tail);
    p->frame = NULL;
    p->len += tail.len;
    return kiln_fs_write_all(p->fd, kiln_str_cstr(&tail), tail.len, err);
}

bool kiln_pack_finish(struct kiln_pack *p, uint64_t *ret_len, uint32_t *ret_sum,
                      struct kiln_err *err)
{
    uint32_t sum = 0;

    if (p->codec && !finish_frame(p, &sum, err))
        return false;
    if (ret_len)
        *ret_len = p->len;
    if (ret_sum)
        *ret_sum = sum;
    return true;
}
