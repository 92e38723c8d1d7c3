/* The wait for a guest's SSH server: behind doors that misbehave, and with one that comes late. */
#include "unit.h"

#include <sys/resource.h>

#include "base/clock.h"
#include "door.h"
#include "sshd.h"

static struct sshd sshd;

struct watched {
    struct kiln_ladder *ladder;
    struct kiln_str rungs; /* names of those that came to hold, or (in parentheses) do no longer */
    struct kiln_str last;  /* the last detail */
    bool forwarded;
};

static void on_rung(void *ud, enum kiln_rung rung, enum kiln_rung_state from,
                    enum kiln_rung_state to, const char *detail)
{
    struct watched *w = ud;

    if (from != KILN_RUNG_HOLDS && to != KILN_RUNG_HOLDS)
        return;
    kiln_str_addf(&w->rungs, to == KILN_RUNG_HOLDS ? "%s%s" : "%s(%s)", w->rungs.len > 0 ? " " : "",
                  kiln_rung_name(rung));
    kiln_str_clear(&w->last);
    kiln_str_adds(&w->last, detail);
}

static void watched_done(struct watched *w)
{
    kiln_ladder_free(w->ladder);
    kiln_str_done(&w->rungs);
    kiln_str_done(&w->last);
}
#define AUTO_WATCHED KILN_CLEANUP(watched_done) struct watched

/* Seconds until it was in, or -1 with err. */
static double wait_at(int port, int64_t timeout_us, struct watched *w, struct kiln_err *err)
{
    struct kiln_ssh_config cfg = sshd_login(&sshd);
    struct kiln_ssh_watch watch = { .forwarded = w->forwarded, .died_fd = -1 };
    struct kiln_cancel *cancel = kiln_cancel_new();
    struct kiln_communicator *comm = NULL;
    int64_t start = kiln_clock_mono_us();
    bool ok;

    watch.ladder = w->ladder = kiln_ladder_new(on_rung, w);
    cfg.port = port;
    cfg.timeout_us = timeout_us;
    ok = kiln_ssh_connect_consume(&comm, &cfg, &watch, cancel, err);
    kiln_communicator_free(comm);
    kiln_cancel_free(cancel);
    return ok ? (double)(kiln_clock_mono_us() - start) / 1e6 : -1;
}

/* Each row: what the first connections meet; the one after them is let through to a real server.
 * No bad one may hold up the next: a fresh attempt comes after at most a second. */
static const struct {
    const char *name;
    enum treatment treatments[4];
    size_t n;
    double at_most; /* seconds, before the machine's own slowness */
} doors[] = {
    { "open", { DOOR_OPEN }, 1, 0 },
    { "silent", { DOOR_SILENT, DOOR_OPEN }, 2, 1 },
    { "closes", { DOOR_CLOSE, DOOR_CLOSE, DOOR_OPEN }, 3, 1 },
    { "garbage", { DOOR_GARBAGE, DOOR_OPEN }, 2, 1 },
    { "endless", { DOOR_ENDLESS, DOOR_OPEN }, 2, 1 },
    { "banner only", { DOOR_BANNER, DOOR_OPEN }, 2, 1 },
    { "mid-kex", { DOOR_MID_KEX, DOOR_MID_KEX, DOOR_OPEN }, 3, 1 },
    { "cut", { DOOR_CUT, DOOR_OPEN }, 2, 1 },
    { "mixed", { DOOR_SILENT, DOOR_BANNER, DOOR_CUT, DOOR_OPEN }, 4, 3 },
};
#define SLOWNESS 4.0 /* of a busy machine, for a login that takes 0.05 s */

static void bad_doors_hold_nothing_up(void **state)
{
    (void)state;
    if (!sshd_installed())
        skip();
    for (size_t i = 0; i < KILN_COUNT(doors); i++) {
        AUTO_WATCHED w = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct door d;
        double took;

        door_start(&d, sshd.port, doors[i].treatments, doors[i].n);
        took = wait_at(d.port, KILN_SECOND(30), &w, &err);
        door_end(&d);
        if (took < 0 || took > doors[i].at_most + SLOWNESS)
            fail_msg("%s: %.2f s, %s", doors[i].name, took, kiln_err_text(&err));
        assert_int_equal(kiln_ladder_highest(w.ladder, false), KILN_RUNG_LOGIN);
        assert_true(kiln_has_suffix(kiln_str_cstr(&w.rungs), "login"));
    }
}

/* Every attempt takes longer than the next one takes to begin: the oldest must get through all the
 * same, and no crowd must form at the server's. */
static void slow_server_is_not_starved(void **state)
{
    static const enum treatment slow[] = { DOOR_SLOW };
    AUTO_WATCHED w = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct door d;
    double took;

    (void)state;
    if (!sshd_installed())
        skip();
    door_start(&d, sshd.port, slow, 1);
    took = wait_at(d.port, KILN_SECOND(30), &w, &err);
    door_end(&d);
    if (took < 2 || took > 12)
        fail_msg("%.2f s, %s", took, kiln_err_text(&err));
    assert_true(atomic_load(&d.most_open) <= 5);
}

static void rungs_are_told_once(void **state)
{
    static const enum treatment open[] = { DOOR_OPEN };
    AUTO_WATCHED w = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct door d;

    (void)state;
    if (!sshd_installed())
        skip();
    door_start(&d, sshd.port, open, 1);
    assert_true(wait_at(d.port, KILN_SECOND(30), &w, &err) >= 0);
    door_end(&d);
    assert_string_equal(kiln_str_cstr(&w.rungs), "port banner host-key methods login");
    assert_string_equal(kiln_str_cstr(&w.last), "key file");
}

/* The usual case: nothing listens yet. */
static void server_that_comes_late(void **state)
{
    AUTO_WATCHED w = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct sshd late;

    (void)state;
    if (!sshd_installed())
        skip();
    sshd_prepare(&late, "");
    sshd_start(&late); /* takes its time until it listens */
    free(late.key);
    late.key = kiln_xstrdup(sshd.key);
    {
        KILN_AUTO_FREE char *from = kiln_path_join(sshd.dir, "authorized");
        KILN_AUTO_FREE char *to = kiln_path_join(late.dir, "authorized");

        assert_true(kiln_fs_copy(from, to, 0600, NULL));
    }
    assert_true(wait_at(late.port, KILN_SECOND(30), &w, &err) >= 0);
    sshd_stop(&late);
    sshd_done(&late);
}

/* ---- how it ends otherwise ---- */

static const struct {
    enum treatment treatment;
    bool forwarded;
    const char *want; /* in the second line of the error */
} ends[] = {
    { DOOR_SILENT, false,
      "the last rung that holds is \"port\": the SSH port takes connections (127.0.0.1:" },
    { DOOR_SILENT, false, "\"banner\" does not hold: no SSH server spoke" },
    { DOOR_CLOSE, false, "\"banner\" does not hold: no SSH server spoke" },
    { DOOR_GARBAGE, false, "\"banner\" does not hold: no SSH server spoke" },
    { DOOR_BANNER, false, "the last rung that holds is \"banner\"" },
    { DOOR_BANNER, false,
      "\"host-key\" does not hold: an SSH server answered, but the key exchange" },
    { DOOR_SILENT, true, "Whether \"port\" holds cannot be known (QEMU accepts connections" },
    { DOOR_CLOSE, true,
      "the last rung that holds is \"address\": the guest has an address and uses it (it answers" },
    { DOOR_CLOSE, true, "\"port\" does not hold (the guest closes the connection at once)" },
    { DOOR_BANNER, true, "the last rung that holds is \"banner\"" },
};

static void timeouts_tell_what_was_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(ends); i++) {
        AUTO_WATCHED w = { .forwarded = ends[i].forwarded };
        KILN_AUTO_ERR err = { 0 };
        struct door d;

        door_start(&d, 0, &ends[i].treatment, 1);
        assert_true(wait_at(d.port, KILN_MS(300), &w, &err) < 0);
        door_end(&d);
        assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
        assert_true(kiln_has_prefix(err.msg, "Timeout waiting for SSH.\n127.0.0.1:"));
        if (!strstr(err.msg, ends[i].want))
            fail_msg("row %zu: %s", i, err.msg);
    }
}

/* What only an old attempt had reached no longer holds once a newer one has ended below. */
static void rungs_fall(void **state)
{
    static const enum treatment worse[] = { DOOR_MID_KEX, DOOR_CLOSE };
    AUTO_WATCHED w = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct door d;

    (void)state;
    door_start(&d, 0, worse, 2);
    assert_true(wait_at(d.port, KILN_MS(1200), &w, &err) < 0);
    door_end(&d);
    assert_string_equal(kiln_str_cstr(&w.rungs), "port banner (banner)");
    assert_non_null(strstr(err.msg, "\"banner\" does not hold (SSH-2.0-"));
    assert_non_null(strstr(err.msg, ", though it did "));
}

static void timeout_at_a_closed_port(void **state)
{
    AUTO_WATCHED w = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    assert_true(wait_at(free_port(), KILN_MS(300), &w, &err) < 0);
    assert_int_equal(err.kind, KILN_ERR_TIMEOUT);
    assert_non_null(strstr(err.msg, "nothing accepted a connection"));
    assert_non_null(strstr(err.msg, "connection refused"));
    assert_int_equal(kiln_ladder_highest(w.ladder, true), KILN_RUNG__N);
    assert_string_equal(kiln_str_cstr(&w.rungs), "");
}

static void key_that_cannot_be_used(void **state)
{
    AUTO_WATCHED w = { 0 };
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *good = sshd.key;
    KILN_AUTO_FREE char *want = NULL;

    (void)state;
    sshd_write(&sshd, "no-key", "nothing\n");
    sshd.key = kiln_path_join(sshd.dir, "no-key");
    want = kiln_xasprintf("ssh_private_key_file is invalid: Error setting up SSH config: Failed to "
                          "read key '%s': no key found",
                          sshd.key);
    assert_true(wait_at(free_port(), KILN_SECOND(30), &w, &err) < 0);
    free(sshd.key);
    sshd.key = good;
    good = NULL;
    assert_string_equal(err.msg, want);
}

static void explain(void *ud, struct kiln_err *err)
{
    (void)kiln_err_set(err, KILN_ERR_REMOTE, "%s", (const char *)ud);
}

static void death_of_the_guest_ends_it(void **state)
{
    static const enum treatment silent[] = { DOOR_SILENT };
    static char why[] = "QEMU ended with status 1";
    struct kiln_ssh_config cfg = sshd_login(&sshd);
    int died = eventfd(1, EFD_CLOEXEC);
    const struct kiln_ssh_watch watch = { .died_fd = died, .explain = explain, .died_ud = why };
    struct kiln_cancel *cancel = kiln_cancel_new();
    struct kiln_communicator *comm = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct door d;

    (void)state;
    door_start(&d, 0, silent, 1);
    cfg.port = d.port;
    unit_fails(kiln_ssh_connect_consume(&comm, &cfg, &watch, cancel, &err), &err, KILN_ERR_REMOTE,
               why);
    door_end(&d);
    kiln_cancel_free(cancel);
    (void)close(died);
}

static void cancel_ends_it(void **state)
{
    struct kiln_ssh_config cfg = sshd_login(&sshd);
    struct kiln_cancel *cancel = kiln_cancel_new();
    struct kiln_cancel *child =
        kiln_cancel_child(cancel, kiln_cancel_deadline(cancel, KILN_MS(100)));
    struct kiln_communicator *comm = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    cfg.port = free_port();
    unit_fails(kiln_ssh_connect_consume(&comm, &cfg, NULL, child, &err), &err, KILN_ERR_CANCELLED,
               "cancelled");
    kiln_cancel_free(child);
    kiln_cancel_free(cancel);
}

/* Hanging attempts are few, and cost next to nothing. */
static void waiting_is_cheap(void **state)
{
    static const enum treatment silent[] = { DOOR_SILENT };
    AUTO_WATCHED w = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct rusage before, after;
    struct door d;
    long wakeups;

    (void)state;
    door_start(&d, 0, silent, 1);
    assert_return_code(getrusage(RUSAGE_THREAD, &before), errno);
    assert_true(wait_at(d.port, KILN_SECOND(4), &w, &err) < 0);
    assert_return_code(getrusage(RUSAGE_THREAD, &after), errno);
    door_end(&d);
    wakeups = after.ru_nvcsw - before.ru_nvcsw;
    if (wakeups > 5 * 4)
        fail_msg("%ld wake-ups in 4 s", wakeups);
    assert_in_range(atomic_load(&d.accepted), 4, 5); /* one a second */
    assert_true(atomic_load(&d.most_open) <= 8);
}

static int group_set_up(void **state)
{
    (void)state;
    sshd_prepare(&sshd, "");
    if (sshd_installed())
        sshd_start(&sshd);
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    sshd_stop(&sshd);
    sshd_done(&sshd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_doors_hold_nothing_up),
        cmocka_unit_test(slow_server_is_not_starved),
        cmocka_unit_test(rungs_are_told_once),
        cmocka_unit_test(server_that_comes_late),
        cmocka_unit_test(timeouts_tell_what_was_reached),
        cmocka_unit_test(rungs_fall),
        cmocka_unit_test(timeout_at_a_closed_port),
        cmocka_unit_test(key_that_cannot_be_used),
        cmocka_unit_test(death_of_the_guest_ends_it),
        cmocka_unit_test(cancel_ends_it),
        cmocka_unit_test(waiting_is_cheap),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
