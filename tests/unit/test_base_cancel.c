/*
 * The cancel object under threads. Nothing sleeps: a test that needs a blocked waiter looks at its
 * state in /proc, and where time has to pass, the deadline under test passes it.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "unit.h"

#define AUTO_CANCEL KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel

/* A thread in one kiln_wait_fd. */
struct waiter {
    struct kiln_cancel *c;
    int64_t deadline;
    struct kiln_err err;
    pthread_t thread;
    int fd;
    enum kiln_wait result;
    atomic_int tid;
    atomic_bool done;
};

static void *waiter_main(void *arg)
{
    struct waiter *w = arg;

    atomic_store(&w->tid, gettid());
    w->result = kiln_wait_fd(w->c, w->fd, POLLIN, w->deadline, &w->err);
    atomic_store(&w->done, true);
    return NULL;
}

/* Until the kernel says that the thread sleeps, or it is done. */
static void until_blocked(struct waiter *w)
{
    char state = 'R';

    while (state != 'S' && !atomic_load(&w->done)) {
        KILN_AUTO_STR stat = { 0 };
        KILN_AUTO_FREE char *path = kiln_xasprintf("/proc/self/task/%d/stat", atomic_load(&w->tid));
        const char *paren;

        (void)sched_yield();
        if (atomic_load(&w->tid) == 0 || !kiln_fs_read(path, 4096, &stat, NULL))
            continue;
        paren = strrchr(stat.data, ')');
        state = paren ? paren[2] : 'R';
    }
}

static void waiter_start(struct waiter *w)
{
    assert_int_equal(pthread_create(&w->thread, NULL, waiter_main, w), 0);
    until_blocked(w);
}

static void waiter_join(struct waiter *w, enum kiln_wait want)
{
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    assert_int_equal(w->result, want);
    assert_int_equal(w->err.kind, want == KILN_WAIT_READY       ? KILN_ERR_NONE
                                  : want == KILN_WAIT_TIMEOUT   ? KILN_ERR_TIMEOUT
                                  : want == KILN_WAIT_CANCELLED ? KILN_ERR_CANCELLED
                                                                : KILN_ERR_SYSTEM);
    kiln_err_clear(&w->err);
}

static void until(int64_t mono_us)
{
    while (kiln_clock_mono_us() < mono_us)
        (void)sched_yield();
}

static void test_fire_wakes_all(void **state)
{
    AUTO_CANCEL *root = kiln_cancel_new();
    AUTO_CANCEL *child = kiln_cancel_child(root, KILN_NEVER);
    AUTO_CANCEL *grandchild = kiln_cancel_child(child, KILN_NEVER);
    struct kiln_cancel *at[] = { root, child, grandchild, grandchild };
    struct waiter w[KILN_COUNT(at)];

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(at); i++) {
        w[i] = (struct waiter){ .c = at[i], .fd = -1, .deadline = KILN_NEVER };
        waiter_start(&w[i]);
    }
    kiln_cancel_fire(root);
    for (size_t i = 0; i < KILN_COUNT(at); i++)
        waiter_join(&w[i], KILN_WAIT_CANCELLED);
    assert_true(kiln_cancel_fired(grandchild));
    assert_false(kiln_cancel_timed_out(grandchild));
}

static void test_fire_stays_below(void **state)
{
    AUTO_CANCEL *root = kiln_cancel_new();
    AUTO_CANCEL *child = kiln_cancel_child(root, KILN_NEVER);
    AUTO_CANCEL *sibling = kiln_cancel_child(root, KILN_NEVER);

    (void)state;
    kiln_cancel_fire(child);
    kiln_cancel_fire(child);
    assert_true(kiln_cancel_fired(child));
    assert_false(kiln_cancel_fired(root));
    assert_false(kiln_cancel_fired(sibling));
    assert_int_equal(kiln_wait_fds(sibling, NULL, 0, kiln_cancel_now(root), NULL),
                     KILN_WAIT_TIMEOUT);
}

static struct kiln_cancel *for_handler;

static void handler(int sig)
{
    (void)sig;
    kiln_cancel_fire(for_handler);
}

static void test_fire_in_signal_handler(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_new();
    struct sigaction act = { .sa_handler = handler }, old;
    struct waiter w = { .c = c, .fd = -1, .deadline = KILN_NEVER };

    (void)state;
    for_handler = c;
    assert_int_equal(sigaction(SIGUSR1, &act, &old), 0);
    waiter_start(&w);
    assert_int_equal(pthread_kill(w.thread, SIGUSR1), 0);
    waiter_join(&w, KILN_WAIT_CANCELLED);
    assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
}

static void test_deadline(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };
    int fds[2];
    int64_t end;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    end = kiln_cancel_deadline(c, KILN_MS(3));
    assert_int_equal(kiln_wait_fd(c, fds[0], POLLIN, end, &err), KILN_WAIT_TIMEOUT);
    assert_true(kiln_cancel_now(c) >= end);
    assert_string_equal(err.msg, "timed out");
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(kiln_wait_fd(c, fds[0], POLLIN, 0, &err), KILN_WAIT_READY); /* long past */
    end = kiln_cancel_deadline(c, KILN_MS(3));
    unit_ok(kiln_wait_us(c, KILN_MS(3), &err), &err);
    assert_true(kiln_cancel_now(c) >= end);
    unit_ok(kiln_wait_us(c, -1, &err), &err);
    assert_true(kiln_cancel_deadline(c, -5) <= kiln_cancel_now(c));
    assert_true(kiln_cancel_deadline(c, INT64_MAX) == KILN_NEVER);
    kiln_cancel_fire(c);
    unit_fails(kiln_wait_us(c, KILN_SECOND(1000), &err), &err, KILN_ERR_CANCELLED, "cancelled");
    assert_int_equal(kiln_wait_fd(c, fds[0], POLLIN, 0, NULL), KILN_WAIT_CANCELLED);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_child_deadline(void **state)
{
    AUTO_CANCEL *root = kiln_cancel_new();
    AUTO_CANCEL *late = kiln_cancel_child(root, kiln_cancel_deadline(root, KILN_MS(2)));
    AUTO_CANCEL *below = kiln_cancel_child(late, KILN_NEVER);
    AUTO_CANCEL *fired = kiln_cancel_child(root, kiln_cancel_deadline(root, KILN_MS(2)));

    (void)state;
    kiln_cancel_fire(fired);
    assert_int_equal(kiln_wait_fds(below, NULL, 0, KILN_NEVER, NULL), KILN_WAIT_CANCELLED);
    assert_true(kiln_cancel_timed_out(late));
    assert_true(kiln_cancel_fired(below));
    assert_false(kiln_cancel_timed_out(below)); /* not by a deadline of its own */
    assert_false(kiln_cancel_fired(root));
    until(kiln_clock_mono_us() + KILN_MS(2));
    assert_false(kiln_cancel_timed_out(fired)); /* the first reason counts */
    kiln_cancel_fire(root);
    assert_true(kiln_cancel_timed_out(late));
}

static void test_pause_stops_the_clock(void **state)
{
    AUTO_CANCEL *root = kiln_cancel_new();
    AUTO_CANCEL *child = kiln_cancel_child(root, kiln_cancel_deadline(root, KILN_MS(50)));
    int64_t start, frozen;

    (void)state;
    kiln_cancel_pause(child); /* the whole family */
    kiln_cancel_pause(root);
    start = kiln_clock_mono_us();
    frozen = kiln_cancel_now(root);
    until(start + KILN_MS(60));
    assert_int_equal(kiln_cancel_now(root), frozen);
    assert_int_equal(kiln_cancel_now(child), frozen);
    assert_false(kiln_cancel_fired(child));
    kiln_cancel_resume(root);
    kiln_cancel_resume(root);
    assert_true(kiln_cancel_now(root) >= frozen);
    assert_true(kiln_clock_mono_us() - kiln_cancel_now(root) >= KILN_MS(60));
}

static void test_pause_holds_a_ready_waiter(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_new();
    int fds[2];
    struct waiter before = { .c = c, .deadline = KILN_NEVER };
    struct waiter during = { .c = c, .deadline = 0 };

    (void)state;
    assert_int_equal(pipe(fds), 0);
    before.fd = during.fd = fds[0];
    waiter_start(&before);
    kiln_cancel_pause(c);
    until_blocked(&before);
    assert_int_equal(write(fds[1], "x", 1), 1);
    waiter_start(&during);
    until_blocked(&before);
    assert_false(atomic_load(&before.done));
    assert_false(atomic_load(&during.done));
    kiln_cancel_resume(c);
    waiter_join(&before, KILN_WAIT_READY);
    waiter_join(&during, KILN_WAIT_READY);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_pause_moves_a_deadline(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_new();
    int64_t start = kiln_clock_mono_us(), paused;
    struct waiter w = { .c = c, .fd = -1, .deadline = kiln_cancel_deadline(c, KILN_MS(30)) };

    (void)state;
    waiter_start(&w);
    kiln_cancel_pause(c);
    paused = kiln_clock_mono_us();
    until(start + KILN_MS(60));
    until_blocked(&w);
    if (atomic_load(&w.done) && paused < start + KILN_MS(30))
        fail_msg("the wait ended while paused");
    paused = kiln_clock_mono_us() - paused;
    kiln_cancel_resume(c);
    waiter_join(&w, KILN_WAIT_TIMEOUT);
    assert_true(kiln_clock_mono_us() - start >= KILN_MS(30) + paused);
}

static void test_cancel_ends_a_pause(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_new();
    AUTO_CANCEL *child = kiln_cancel_child(c, kiln_cancel_deadline(c, KILN_SECOND(1000)));
    struct waiter w = { .c = child, .fd = -1, .deadline = KILN_NEVER };

    (void)state;
    kiln_cancel_pause(c);
    waiter_start(&w);
    assert_false(atomic_load(&w.done));
    kiln_cancel_fire(c);
    waiter_join(&w, KILN_WAIT_CANCELLED);
}

/* After fork the eventfd is one and the same: the wait must end, not spin. */
static void test_fire_in_forked_copy(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_new();
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        kiln_cancel_fire(c);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(kiln_wait_fds(c, NULL, 0, KILN_NEVER, NULL), KILN_WAIT_CANCELLED);
    assert_true(kiln_cancel_fired(c));
}

static void test_many_fds(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_new();
    struct pollfd fds[64];
    int p[2];

    (void)state;
    assert_int_equal(pipe(p), 0);
    for (size_t i = 0; i < KILN_COUNT(fds); i++)
        fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = 7 };
    fds[63] = (struct pollfd){ .fd = p[1], .events = POLLOUT };
    fds[62] = (struct pollfd){ .fd = p[0], .events = POLLIN, .revents = 7 };
    assert_int_equal(kiln_wait_fds(c, fds, KILN_COUNT(fds), KILN_NEVER, NULL), KILN_WAIT_READY);
    assert_int_equal(fds[63].revents, POLLOUT);
    assert_int_equal(fds[62].revents, 0);
    assert_int_equal(fds[0].revents, 0);
    (void)close(p[0]);
    (void)close(p[1]);
}

static void test_root_with_deadline(void **state)
{
    AUTO_CANCEL *c = kiln_cancel_child(NULL, kiln_cancel_deadline(NULL, KILN_MS(2)));

    (void)state;
    assert_int_equal(kiln_wait_fds(c, NULL, 0, KILN_NEVER, NULL), KILN_WAIT_CANCELLED);
    assert_true(kiln_cancel_timed_out(c));
    kiln_cancel_pause(c);
    kiln_cancel_resume(c);
}

static void test_no_object(void **state)
{
    int64_t end = kiln_cancel_deadline(NULL, KILN_MS(2));

    (void)state;
    assert_int_equal(kiln_wait_fds(NULL, NULL, 0, end, NULL), KILN_WAIT_TIMEOUT);
    assert_true(kiln_clock_mono_us() >= end);
    assert_false(kiln_cancel_fired(NULL));
}

static void *pauser_main(void *arg)
{
    struct kiln_cancel *c = arg;

    for (int i = 0; i < 2000; i++) {
        kiln_cancel_pause(c);
        (void)kiln_cancel_now(c);
        kiln_cancel_resume(c);
    }
    return NULL;
}

static void *looper_main(void *arg)
{
    int64_t last = 0;

    while (kiln_wait_us(arg, 50, NULL)) {
        int64_t now = kiln_cancel_now(arg);

        if (now < last)
            return arg; /* the clock went back */
        last = now;
    }
    return NULL;
}

/* For ThreadSanitizer, and for a wake-up that gets lost. */
static void test_storm(void **state)
{
    AUTO_CANCEL *root = kiln_cancel_new();
    AUTO_CANCEL *child = kiln_cancel_child(root, KILN_NEVER);
    pthread_t pausers[2], loopers[3];

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(loopers); i++)
        assert_int_equal(pthread_create(&loopers[i], NULL, looper_main, i ? child : root), 0);
    for (size_t i = 0; i < KILN_COUNT(pausers); i++)
        assert_int_equal(pthread_create(&pausers[i], NULL, pauser_main, i ? child : root), 0);
    for (size_t i = 0; i < KILN_COUNT(pausers); i++)
        assert_int_equal(pthread_join(pausers[i], NULL), 0);
    kiln_cancel_fire(root);
    for (size_t i = 0; i < KILN_COUNT(loopers); i++) {
        void *wrong;

        assert_int_equal(pthread_join(loopers[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fire_wakes_all),
        cmocka_unit_test(test_fire_stays_below),
        cmocka_unit_test(test_fire_in_signal_handler),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_child_deadline),
        cmocka_unit_test(test_pause_stops_the_clock),
        cmocka_unit_test(test_pause_holds_a_ready_waiter),
        cmocka_unit_test(test_pause_moves_a_deadline),
        cmocka_unit_test(test_cancel_ends_a_pause),
        cmocka_unit_test(test_fire_in_forked_copy),
        cmocka_unit_test(test_many_fds),
        cmocka_unit_test(test_root_with_deadline),
        cmocka_unit_test(test_no_object),
        cmocka_unit_test(test_storm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
