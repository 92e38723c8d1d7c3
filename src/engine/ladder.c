#include "engine/ladder.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"

struct rung {
    enum kiln_rung_state state, low; /* low: what it is when it does not hold */
    char *detail;                    /* owned; NULL: none */
    int64_t since_us;                /* when it came to that state; monotonic */
    int64_t seen_us;                 /* when it was last seen to hold; 0: never */
};

/* Lock: lock, over rungs, and held while telling: events leave in order. */
struct kiln_ladder {
    kiln_ladder_tell *tell;
    void *ud;
    pthread_mutex_t lock;
    struct rung rungs[KILN_RUNG__N];
};

static const struct {
    const char *name, *means, *look;
} table[KILN_RUNG__N] = {
#define X(id, name, means, look) [KILN_RUNG_##id] = { (name), (means), (look) },
    KILN_RUNGS(X)
#undef X
};

const char *kiln_rung_name(enum kiln_rung rung)
{
    return rung < KILN_RUNG__N ? table[rung].name : "none";
}

const char *kiln_rung_state_name(enum kiln_rung_state state)
{
    switch (state) {
    case KILN_RUNG_ABSENT:
        return "absent";
    case KILN_RUNG_UNKNOWN:
        return "unknown";
    case KILN_RUNG_WAITING:
        return "waiting";
    case KILN_RUNG_HOLDS:
        return "holds";
    }
    return "unknown";
}

struct kiln_ladder *kiln_ladder_new(kiln_ladder_tell *tell, void *ud)
{
    struct kiln_ladder *l = kiln_xcalloc(1, sizeof(*l));

    l->tell = tell;
    l->ud = ud;
    for (size_t i = 0; i < KILN_RUNG__N; i++)
        l->rungs[i].low = KILN_RUNG_WAITING;
    (void)pthread_mutex_init(&l->lock, NULL);
    return l;
}

void kiln_ladder_free(struct kiln_ladder *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < KILN_RUNG__N; i++)
        free(l->rungs[i].detail);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

static void lock(struct kiln_ladder *l)
{
    (void)pthread_mutex_lock(&l->lock);
}

static void unlock(struct kiln_ladder *l)
{
    (void)pthread_mutex_unlock(&l->lock);
}

/* ---- changes; with the lock ---- */

/* detail NULL: as it was. */
static void change(struct kiln_ladder *l, enum kiln_rung rung, enum kiln_rung_state to,
                   const char *detail)
{
    struct rung *r = &l->rungs[rung];
    enum kiln_rung_state from = r->state;
    int64_t now = kiln_clock_mono_us();

    if (to == KILN_RUNG_HOLDS)
        r->seen_us = now;
    else
        r->low = to;
    if (from == to && (!detail || kiln_streq(detail, r->detail)))
        return;
    if (from != to)
        r->since_us = now;
    r->state = to;
    if (detail) {
        free(r->detail);
        r->detail = kiln_xstrdup(detail);
    }
    if (l->tell)
        l->tell(l->ud, rung, from, to, r->detail ? r->detail : "");
}

void kiln_ladder_set(struct kiln_ladder *l, enum kiln_rung rung, enum kiln_rung_state state,
                     const char *fmt, ...)
{
    KILN_AUTO_FREE char *detail = NULL;
    va_list ap;

    if (!l)
        return;
    va_start(ap, fmt);
    detail = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    lock(l);
    change(l, rung, state, detail);
    unlock(l);
}

void kiln_ladder_reach(struct kiln_ladder *l, enum kiln_rung rung, const char *detail)
{
    if (!l)
        return;
    lock(l);
    for (unsigned i = KILN_RUNG_ADDRESS; i < rung; i++) {
        if (l->rungs[i].state != KILN_RUNG_ABSENT)
            change(l, (enum kiln_rung)i, KILN_RUNG_HOLDS,
                   l->rungs[i].state == KILN_RUNG_HOLDS ? NULL : "");
    }
    change(l, rung, KILN_RUNG_HOLDS, detail);
    unlock(l);
}

void kiln_ladder_fall(struct kiln_ladder *l, enum kiln_rung rung)
{
    if (!l)
        return;
    lock(l);
    for (unsigned i = rung; i < KILN_RUNG__N; i++) {
        if (l->rungs[i].state == KILN_RUNG_HOLDS)
            change(l, (enum kiln_rung)i, l->rungs[i].low, NULL);
    }
    unlock(l);
}

void kiln_ladder_expire(struct kiln_ladder *l, enum kiln_rung rung, int64_t us)
{
    if (!l)
        return;
    lock(l);
    if (l->rungs[rung].state == KILN_RUNG_HOLDS &&
        kiln_clock_mono_us() - l->rungs[rung].seen_us >= us)
        change(l, rung, KILN_RUNG_WAITING, NULL);
    unlock(l);
}

/* ---- looks ---- */

enum kiln_rung_state kiln_ladder_state(struct kiln_ladder *l, enum kiln_rung rung)
{
    enum kiln_rung_state state = KILN_RUNG_ABSENT;

    if (!l)
        return state;
    lock(l);
    state = l->rungs[rung].state;
    unlock(l);
    return state;
}

/* With the lock. */
static enum kiln_rung highest(const struct kiln_ladder *l, bool ever)
{
    for (unsigned i = KILN_RUNG__N; i-- > 0;) {
        const struct rung *r = &l->rungs[i];

        if (r->state == KILN_RUNG_HOLDS || (ever && r->seen_us > 0))
            return (enum kiln_rung)i;
    }
    return KILN_RUNG__N;
}

enum kiln_rung kiln_ladder_highest(struct kiln_ladder *l, bool ever)
{
    enum kiln_rung found = KILN_RUNG__N;

    if (!l)
        return found;
    lock(l);
    found = highest(l, ever);
    unlock(l);
    return found;
}

/* ---- words ---- */

static void add_ago(struct kiln_str *out, int64_t then_us, int64_t now)
{
    int64_t s = (now - then_us) / KILN_SECOND(1);

    kiln_duration_format(out, (s > 0 ? s : 0) * 1000000000);
}

static void add_detail(struct kiln_str *out, const struct rung *r)
{
    if (r->detail && *r->detail)
        kiln_str_addf(out, " (%s)", r->detail);
}

/* The first above `last` that is waited for; unknown ones are passed over, and a screen that stands
 * still when it has shown something. */
static enum kiln_rung next_above(const struct kiln_ladder *l, enum kiln_rung last)
{
    unsigned i = last == KILN_RUNG__N ? 0 : last + 1u;

    while (i < KILN_RUNG__N && (l->rungs[i].state != KILN_RUNG_WAITING ||
                                (i == KILN_RUNG_SCREEN && l->rungs[i].seen_us > 0)))
        i++;
    return (enum kiln_rung)i;
}

static void add_last(const struct kiln_ladder *l, enum kiln_rung last, int64_t now,
                     struct kiln_str *out)
{
    if (last == KILN_RUNG__N) {
        kiln_str_adds(out, "no rung of the ladder to the guest holds");
        return;
    }
    kiln_str_addf(out, "the last rung that holds is \"%s\": %s", table[last].name,
                  table[last].means);
    add_detail(out, &l->rungs[last]);
    kiln_str_adds(out, ", since ");
    add_ago(out, l->rungs[last].since_us, now);
}

static void add_next(const struct kiln_ladder *l, enum kiln_rung next, int64_t now,
                     struct kiln_str *out)
{
    const struct rung *r = &l->rungs[next];

    kiln_str_addf(out, ". \"%s\" does not hold", table[next].name);
    add_detail(out, r);
    if (r->seen_us > 0) {
        kiln_str_adds(out, ", though it did ");
        add_ago(out, r->seen_us, now);
        kiln_str_adds(out, " ago");
    }
    kiln_str_addf(out, ": %s", table[next].look);
}

/* What is below and has not come true says why the rest does not. */
static void add_others(const struct kiln_ladder *l, enum kiln_rung last, enum kiln_rung next,
                       int64_t now, struct kiln_str *out)
{
    const struct rung *screen = &l->rungs[KILN_RUNG_SCREEN];
    enum kiln_rung best = highest(l, true);

    for (unsigned i = 0; i < KILN_RUNG__N; i++) {
        const struct rung *r = &l->rungs[i];

        if (i == KILN_RUNG_SCREEN || i == next)
            continue;
        if (r->state == KILN_RUNG_UNKNOWN && i > (last == KILN_RUNG__N ? 0 : last) && i < next) {
            kiln_str_addf(out, "\nWhether \"%s\" holds cannot be known", table[i].name);
            add_detail(out, r);
        } else if (r->state == KILN_RUNG_WAITING && i < last) {
            kiln_str_addf(out, "\n\"%s\" does not hold", table[i].name);
            add_detail(out, r);
        }
    }
    if (best != KILN_RUNG__N && best != last && best != next && best != KILN_RUNG_SCREEN) {
        kiln_str_addf(out, "\nIt had come as far as \"%s\" ", table[best].name);
        add_ago(out, l->rungs[best].seen_us, now);
        kiln_str_adds(out, " ago");
        add_detail(out, &l->rungs[best]);
    }
    if (screen->state == KILN_RUNG_WAITING && screen->seen_us > 0) {
        kiln_str_adds(out, "\nThe screen has not changed for ");
        add_ago(out, screen->seen_us, now);
    }
}

void kiln_ladder_explain(struct kiln_ladder *l, struct kiln_str *out)
{
    int64_t now = kiln_clock_mono_us();
    enum kiln_rung last, next;

    if (!l)
        return;
    lock(l);
    last = highest(l, false);
    next = next_above(l, last);
    add_last(l, last, now, out);
    if (next < KILN_RUNG__N)
        add_next(l, next, now, out);
    add_others(l, last, next, now, out);
    unlock(l);
}
