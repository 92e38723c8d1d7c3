#include "engine/rewind.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "engine/debugger.h"

/* Lock: lock, over step, asked and the firing of attempt. Nothing is called under it but that. */
struct kiln_rewind {
    struct kiln_build *b;
    pthread_mutex_t lock;
    const char *step;            /* NULL: not allowed */
    const char *command;         /* main thread */
    struct kiln_cancel *own;     /* the build's; borrowed; main thread */
    struct kiln_cancel *attempt; /* what the steps wait on; it outlives them */
    atomic_bool asked;
};

struct kiln_rewind *kiln_rewind_new(struct kiln_build *b)
{
    struct kiln_rewind *r = kiln_xcalloc(1, sizeof(*r));

    r->b = b;
    (void)pthread_mutex_init(&r->lock, NULL);
    return r;
}

void kiln_rewind_free(struct kiln_rewind *r)
{
    if (!r)
        return;
    kiln_cancel_free(r->attempt);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

static void lock(struct kiln_rewind *r)
{
    (void)pthread_mutex_lock(&r->lock);
}

static void unlock(struct kiln_rewind *r)
{
    (void)pthread_mutex_unlock(&r->lock);
}

void kiln_rewind_allow(struct kiln_build *b, const char *step, const char *command)
{
    struct kiln_rewind *r = b->rewind;

    if (!r || r->step)
        return;
    lock(r);
    kiln_cancel_free(r->attempt); /* of the time before: whoever waited on it has been cleaned up */
    r->attempt = kiln_cancel_child(b->cancel, KILN_NEVER);
    r->own = b->cancel;
    r->step = step;
    r->command = command;
    unlock(r);
    b->cancel = r->attempt;
    kiln_debugger_offer(b, command, true);
}

/* With the lock held. */
static void end(struct kiln_rewind *r)
{
    r->step = NULL;
    atomic_store(&r->asked, false);
    r->b->cancel = r->own;
}

bool kiln_rewind_forbid(struct kiln_build *b)
{
    struct kiln_rewind *r = b->rewind;
    bool ended = false, late;

    if (!r)
        return true;
    lock(r);
    late = atomic_load(&r->asked);
    if (r->step && !late) {
        end(r);
        ended = true;
    }
    unlock(r);
    if (ended)
        kiln_debugger_offer(b, r->command, false);
    return !late;
}

bool kiln_rewind_ask(struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_rewind *r = b->rewind;
    bool ok = false;

    if (!kiln_debugger_may_go(b, err))
        return false;
    if (r) {
        lock(r);
        ok = r->step && !atomic_load(&r->asked) && !kiln_cancel_fired(r->own);
        if (ok) {
            atomic_store(&r->asked, true);
            kiln_cancel_fire(r->attempt);
        }
        unlock(r);
    }
    if (!ok)
        return kiln_err_set(err, KILN_ERR_USER, "the build cannot go back now");
    if (b->prompter)
        b->prompter->answer(b->prompter, NULL);
    kiln_debugger_let_go(b);
    return true;
}

bool kiln_rewind_asked(const struct kiln_build *b)
{
    return b->rewind && atomic_load(&b->rewind->asked);
}

const char *kiln_rewind_take(struct kiln_build *b)
{
    struct kiln_rewind *r = b->rewind;
    const char *step = NULL;

    if (!kiln_rewind_asked(b))
        return NULL;
    lock(r);
    step = r->step;
    end(r);
    unlock(r);
    kiln_debugger_offer(b, r->command, false);
    return step;
}
