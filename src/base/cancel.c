/*
 * The clock (with its pause) belongs to the root of a chain of objects; each object has its own
 * state and an eventfd. Nothing ever reads the eventfds of fired objects, so they stay readable and
 * wake every waiter of the object and of its children.
 *
 * Lock: one, root->lock, over paused, paused_at and paused_sum. kiln_cancel_fire takes none: it may
 * run in a signal handler.
 */
#include "base/cancel.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum state {
    STATE_LIVE,
    STATE_FIRED,     /* by kiln_cancel_fire, or the parent fired */
    STATE_TIMED_OUT, /* own deadline passed */
};

struct pause_clock {
    pthread_mutex_t lock;
    bool paused;
    int64_t paused_at;  /* CLOCK_MONOTONIC, µs */
    int64_t paused_sum; /* µs of all pauses that are over */
    int running_fd;     /* eventfd, readable while not paused: wakes those who stand still */
};

struct kiln_cancel {
    struct kiln_cancel *parent; /* borrowed; NULL: a root */
    _Atomic int state;          /* enum state */
    int fired_fd;               /* eventfd, readable once kiln_cancel_fire was called */
    int64_t deadline;           /* on the root's clock */
    struct pause_clock clock;   /* in use at the root only */
};

static int new_eventfd(unsigned value)
{
    int fd = eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) { /* as out of memory: no build can go on without */
        perror("kiln: eventfd");
        abort();
    }
    return fd;
}

static void raise_fd(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof(one)); /* EAGAIN: up already */

    (void)n;
}

static void lower_fd(int fd)
{
    uint64_t value;
    ssize_t n = read(fd, &value, sizeof(value)); /* EAGAIN: down already */

    (void)n;
}

static struct kiln_cancel *root_of(struct kiln_cancel *c)
{
    while (c->parent)
        c = c->parent;
    return c;
}

struct kiln_cancel *kiln_cancel_new(void)
{
    return kiln_cancel_child(NULL, KILN_NEVER);
}

struct kiln_cancel *kiln_cancel_child(struct kiln_cancel *parent, int64_t deadline)
{
    struct kiln_cancel *c = kiln_xcalloc(1, sizeof(*c));

    c->parent = parent;
    c->deadline = deadline;
    c->fired_fd = new_eventfd(0);
    if (!parent) {
        c->clock.running_fd = new_eventfd(1);
        (void)pthread_mutex_init(&c->clock.lock, NULL);
    }
    return c;
}

void kiln_cancel_free(struct kiln_cancel *c)
{
    if (!c)
        return;
    (void)close(c->fired_fd);
    if (!c->parent) {
        (void)close(c->clock.running_fd);
        (void)pthread_mutex_destroy(&c->clock.lock);
    }
    free(c);
}

void kiln_cancel_freep(struct kiln_cancel **c)
{
    kiln_cancel_free(*c);
}

/* The first reason to end sticks. */
static void settle(struct kiln_cancel *c, enum state state)
{
    int live = STATE_LIVE;

    (void)atomic_compare_exchange_strong(&c->state, &live, (int)state);
}

void kiln_cancel_fire(struct kiln_cancel *c)
{
    int saved = errno;

    settle(c, STATE_FIRED);
    raise_fd(c->fired_fd);
    errno = saved;
}

bool kiln_cancel_fired(struct kiln_cancel *c)
{
    if (!c)
        return false;
    if (atomic_load(&c->state) == STATE_LIVE) {
        if (c->parent && kiln_cancel_fired(c->parent))
            settle(c, STATE_FIRED);
        else if (c->deadline != KILN_NEVER && kiln_cancel_now(c) >= c->deadline)
            settle(c, STATE_TIMED_OUT);
    }
    return atomic_load(&c->state) != STATE_LIVE;
}

bool kiln_cancel_timed_out(struct kiln_cancel *c)
{
    return kiln_cancel_fired(c) && atomic_load(&c->state) == STATE_TIMED_OUT;
}

void kiln_cancel_pause(struct kiln_cancel *c)
{
    struct pause_clock *k = &root_of(c)->clock;

    (void)pthread_mutex_lock(&k->lock);
    if (!k->paused) {
        k->paused = true;
        k->paused_at = kiln_clock_mono_us();
        lower_fd(k->running_fd);
    }
    (void)pthread_mutex_unlock(&k->lock);
}

void kiln_cancel_resume(struct kiln_cancel *c)
{
    struct pause_clock *k = &root_of(c)->clock;

    (void)pthread_mutex_lock(&k->lock);
    if (k->paused) {
        k->paused = false;
        k->paused_sum += kiln_clock_mono_us() - k->paused_at;
        raise_fd(k->running_fd);
    }
    (void)pthread_mutex_unlock(&k->lock);
}

/* The clock's time; *ret_paused tells whether it stands still. */
static int64_t read_clock(struct kiln_cancel *c, bool *ret_paused)
{
    struct pause_clock *k;
    int64_t now;

    *ret_paused = false;
    if (!c)
        return kiln_clock_mono_us();
    k = &root_of(c)->clock;
    (void)pthread_mutex_lock(&k->lock);
    now = (k->paused ? k->paused_at : kiln_clock_mono_us()) - k->paused_sum;
    *ret_paused = k->paused;
    (void)pthread_mutex_unlock(&k->lock);
    return now;
}

int64_t kiln_cancel_now(struct kiln_cancel *c)
{
    bool paused;

    return read_clock(c, &paused);
}

int64_t kiln_cancel_deadline(struct kiln_cancel *c, int64_t timeout_us)
{
    int64_t deadline;

    if (__builtin_add_overflow(kiln_cancel_now(c), timeout_us > 0 ? timeout_us : 0, &deadline))
        return KILN_NEVER;
    return deadline;
}

/* What ppoll looks at: the caller's fds, then every object of the chain, then running_fd, which
 * only a wait that stands still wants. Chains are short and most waits have one fd, so the heap is
 * the exception. */
struct poll_set {
    struct pollfd local[12];
    struct pollfd *all; /* local or owned */
    size_t n_user;
    size_t n; /* without running_fd */
};

static void poll_set_done(struct poll_set *set)
{
    if (set->all != set->local)
        free(set->all);
}

static void poll_set_fill(struct poll_set *set, struct kiln_cancel *c, const struct pollfd *fds,
                          size_t n)
{
    size_t size = n + 1;

    for (struct kiln_cancel *p = c; p; p = p->parent)
        size++;
    set->all = size <= KILN_COUNT(set->local) ? set->local : kiln_xcalloc(size, sizeof(*set->all));
    if (n)
        memcpy(set->all, fds, n * sizeof(*fds));
    set->n = set->n_user = n;
    for (struct kiln_cancel *p = c; p; p = p->parent)
        set->all[set->n++] = (struct pollfd){ .fd = p->fired_fd, .events = POLLIN };
    if (c)
        set->all[set->n] = (struct pollfd){ .fd = root_of(c)->clock.running_fd, .events = POLLIN };
}

/* The nearest of deadline and the chain's own ones. */
static int64_t nearest(struct kiln_cancel *c, int64_t deadline)
{
    for (; c; c = c->parent) {
        if (c->deadline < deadline)
            deadline = c->deadline;
    }
    return deadline;
}

/* Until cancel or resume; the caller's fds and the deadline do not count. */
static int poll_paused(struct poll_set *set)
{
    return poll(set->all + set->n_user, set->n - set->n_user + 1, -1);
}

static int poll_running(struct poll_set *set, int64_t left_us)
{
    struct timespec ts = { .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };

    return ppoll(set->all, set->n, left_us == KILN_NEVER ? NULL : &ts, NULL);
}

static enum kiln_wait cancelled(struct kiln_err *err)
{
    (void)kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    return KILN_WAIT_CANCELLED;
}

static enum kiln_wait timed_out(struct kiln_err *err)
{
    (void)kiln_err_set(err, KILN_ERR_TIMEOUT, "timed out");
    return KILN_WAIT_TIMEOUT;
}

static enum kiln_wait failed(struct kiln_err *err)
{
    (void)kiln_err_sys(err, errno, "poll");
    return KILN_WAIT_ERROR;
}

/* True if one of the caller's fds has something; copies what poll said. */
static bool take_ready(const struct poll_set *set, struct pollfd *fds)
{
    bool ready = false;

    assert(fds || set->n_user == 0);
    for (size_t i = 0; i < set->n_user; i++) {
        fds[i].revents = set->all[i].revents;
        ready = ready || fds[i].revents;
    }
    return ready;
}

/* An eventfd that is up means fired, even when it was raised by a forked copy of this process. */
static void note_fired(const struct poll_set *set, struct kiln_cancel *c)
{
    for (size_t i = set->n_user; c; c = c->parent, i++) {
        if (set->all[i].revents)
            settle(c, STATE_FIRED);
    }
}

/*
 * A wait that is blocked when the pause begins is not woken for it: whatever wakes it, an fd or the
 * deadline as it was, it then finds the clock paused, stands still, and looks again when it goes
 * on.
 */
enum kiln_wait kiln_wait_fds(struct kiln_cancel *c, struct pollfd *fds, size_t n, int64_t deadline,
                             struct kiln_err *err)
{
    KILN_CLEANUP(poll_set_done) struct poll_set set;

    poll_set_fill(&set, c, fds, n);
    for (;;) {
        int64_t now, end = nearest(c, deadline);
        bool paused;
        int rc;

        if (kiln_cancel_fired(c))
            return cancelled(err);
        now = read_clock(c, &paused);
        if (paused)
            rc = poll_paused(&set);
        else
            rc = poll_running(&set, end == KILN_NEVER ? KILN_NEVER : end > now ? end - now : 0);
        if (rc < 0 && errno != EINTR)
            return failed(err);
        if (rc >= 0)
            note_fired(&set, c);
        if (rc < 0 || paused)
            continue;
        if (kiln_cancel_fired(c))
            return cancelled(err);
        now = read_clock(c, &paused);
        if (paused)
            continue;
        if (take_ready(&set, fds))
            return KILN_WAIT_READY;
        if (now >= deadline)
            return timed_out(err);
    }
}

enum kiln_wait kiln_wait_fd(struct kiln_cancel *c, int fd, short events, int64_t deadline,
                            struct kiln_err *err)
{
    struct pollfd p = { .fd = fd, .events = events };

    return kiln_wait_fds(c, &p, 1, deadline, err);
}

bool kiln_wait_us(struct kiln_cancel *c, int64_t us, struct kiln_err *err)
{
    KILN_AUTO_ERR inner = { 0 };

    if (kiln_wait_fds(c, NULL, 0, kiln_cancel_deadline(c, us), &inner) == KILN_WAIT_TIMEOUT)
        return true;
    return kiln_err_move(err, &inner);
}
