/* The publisher of the guest's screen, against scripted servers. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/framebuffer.h"
#include "base/str.h"
#include "vm/screen.h"
#include "vnc_server.h"

#define WATCH HELLO, STEP("", SETTINGS)

/* What the watcher was told, through a pipe. */
struct news {
    bool is_frame, is_sample;
    unsigned width, height;
    uint64_t number;
};

struct bed {
    struct kiln_screen *screen;
    int pipe[2];
};

static void on_geometry(void *ud, unsigned width, unsigned height)
{
    const struct news n = { .width = width, .height = height };

    (void)!write(((struct bed *)ud)->pipe[1], &n, sizeof(n));
}

static void on_frame(void *ud, uint64_t number)
{
    const struct news n = { .is_frame = true, .number = number };

    (void)!write(((struct bed *)ud)->pipe[1], &n, sizeof(n));
}

static void on_text(void *ud, const struct kiln_text *text)
{
    (void)ud, (void)text;
}

static enum kiln_sampled on_sample(void *ud, const struct kiln_framebuffer *fb)
{
    const struct news n = { .is_sample = true, .width = fb->width, .height = fb->height };

    (void)!write(((struct bed *)ud)->pipe[1], &n, sizeof(n));
    return KILN_SAMPLED_NEW;
}

static void bed_start(struct bed *b)
{
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_screen_watcher watcher = { on_geometry, on_frame, on_text, on_sample, b };

    assert_return_code(pipe2(b->pipe, O_CLOEXEC), errno);
    b->screen = kiln_screen_new(&watcher, &err);
    if (!b->screen)
        fail_msg("%s", err.msg);
}

static void bed_end(struct bed *b)
{
    kiln_screen_free(b->screen);
    (void)close(b->pipe[0]);
    (void)close(b->pipe[1]);
}

static int64_t soon(void)
{
    return kiln_cancel_deadline(NULL, KILN_SECOND(20));
}

static struct news next(struct bed *b)
{
    struct news n = { 0 };

    assert_int_equal(kiln_wait_fd(NULL, b->pipe[0], POLLIN, soon(), NULL), KILN_WAIT_READY);
    assert_int_equal(read(b->pipe[0], &n, sizeof(n)), sizeof(n));
    return n;
}

static void quiet_for(struct bed *b, int64_t us)
{
    assert_int_equal(kiln_wait_fd(NULL, b->pipe[0], POLLIN, kiln_cancel_deadline(NULL, us), NULL),
                     KILN_WAIT_TIMEOUT);
}

static void expect_geometry(struct bed *b, unsigned width, unsigned height)
{
    struct news n = next(b);

    assert_false(n.is_frame);
    assert_int_equal(n.width, width);
    assert_int_equal(n.height, height);
}

static void expect_frame(struct bed *b)
{
    struct news n = next(b);

    assert_true(n.is_frame);
    assert_true(n.number > 0);
}

static void attach(struct bed *b, const struct server *server, int died_fd)
{
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_screen_server how = { .host = "127.0.0.1",
                                            .port = server->port,
                                            .died_fd = died_fd };

    unit_ok(kiln_screen_attach(b->screen, &how, &err), &err);
}

static bool press(struct bed *b, uint32_t keysym, bool down, struct kiln_err *err)
{
    return kiln_screen_key(b->screen, &(struct kiln_key_stroke){ keysym, 0, down }, err);
}

static void wish(struct bed *b)
{
    KILN_AUTO_ERR err = { 0 };
    int fd = -1;

    unit_fails(kiln_screen_watch(b->screen, true, &fd, &err), &err, KILN_ERR_USER,
               "the guest is not running yet");
    assert_int_equal(fd, -1);
}

static struct kiln_framebuffer get_framebuffer(struct bed *b)
{
    struct kiln_framebuffer fb = { .fd = -1 };
    KILN_AUTO_ERR err = { 0 };
    int fd = -1;

    unit_ok(kiln_screen_watch(b->screen, true, &fd, &err), &err);
    unit_ok(kiln_framebuffer_map(&fb, fd, &err), &err);
    return fb;
}

/* What was wished for before there was a guest comes once there is one. */
static void shows_the_screen(void **state)
{
    static const struct step steps[] = {
        WATCH,
        STEP("", REQUEST("\4", "\2")),
        STEP(RED_WHITE, MORE("\4", "\2")),
        STEP("\0\0\0\1\0\0\0\0\0\2\0\3\xff\xff\xff\x21", REQUEST("\2", "\3")), /* now 2x3 */
        STEP(RED_BELOW, MORE("\2", "\3")),
    };
    static const uint8_t red_white[4 * 2 * 4] = { [20] = 255, [24] = 255, [25] = 255, [26] = 255 };
    static const uint8_t red_below[2 * 3 * 4] = { [16] = 255 };
    uint8_t pixels[sizeof(red_white)];
    struct kiln_framebuffer fb;
    struct server s;
    struct bed b;

    (void)state;
    bed_start(&b);
    wish(&b);
    server_start(&s, steps, KILN_COUNT(steps), true);
    attach(&b, &s, -1);
    expect_geometry(&b, 4, 2);
    fb = get_framebuffer(&b);
    expect_frame(&b);
    assert_int_equal(kiln_framebuffer_read(&fb, pixels), 1);
    assert_memory_equal(pixels, red_white, sizeof(red_white));
    kiln_framebuffer_done(&fb);

    expect_geometry(&b, 2, 3);
    fb = get_framebuffer(&b);
    expect_frame(&b);
    assert_int_equal(kiln_framebuffer_read(&fb, pixels), 1);
    assert_memory_equal(pixels, red_below, sizeof(red_below));
    kiln_framebuffer_done(&fb);

    server_await(&s, KILN_COUNT(steps));
    kiln_screen_free(b.screen);
    b.screen = NULL;
    expect_geometry(&b, 0, 0);
    bed_end(&b);
    assert_true(server_end(&s));
}

/* Nobody looks any more: not another request; somebody does again: it goes on. */
static void looks_away(void **state)
{
    static const struct step steps[] = {
        WATCH,
        STEP("", REQUEST("\4", "\2")),
        STEP("", "\4\1\0\0\0\0\0x"),
        STEP(RED_WHITE, "\4\0\0\0\0\0\0x"),
        STEP("", MORE("\4", "\2")),
    };
    struct kiln_framebuffer fb;
    struct server s;
    struct bed b;

    (void)state;
    bed_start(&b);
    wish(&b);
    server_start(&s, steps, KILN_COUNT(steps), true);
    attach(&b, &s, -1);
    expect_geometry(&b, 4, 2);
    assert_true(kiln_screen_watch(b.screen, false, NULL, NULL));
    assert_true(press(&b, 'x', true, NULL)); /* the update comes after this */
    quiet_for(&b, KILN_MS(100));
    assert_true(press(&b, 'x', false, NULL));
    quiet_for(&b, KILN_MS(100));
    fb = get_framebuffer(&b);
    kiln_framebuffer_done(&fb);
    expect_frame(&b);
    server_await(&s, KILN_COUNT(steps));
    bed_end(&b);
    assert_true(server_end(&s));
}

/* A sample now and then, and nothing else, until somebody watches: he need not wait for the next.
 */
static void samples(void **state)
{
    static const struct step steps[] = {
        WATCH,
        STEP("", REQUEST("\4", "\2")),
        STEP(RED_WHITE, ""),
        STEP("", MORE("\4", "\2")),
        STEP(RED_WHITE, MORE("\4", "\2")),
    };
    struct kiln_framebuffer fb;
    KILN_AUTO_ERR err = { 0 };
    struct server s;
    struct news n;
    struct bed b;

    (void)state;
    bed_start(&b);
    unit_ok(kiln_screen_sample(b.screen, &err), &err);
    server_start(&s, steps, KILN_COUNT(steps), true);
    attach(&b, &s, -1);
    expect_geometry(&b, 4, 2);
    n = next(&b);
    assert_true(n.is_sample);
    assert_int_equal(n.width, 4);
    quiet_for(&b, KILN_MS(100));
    fb = get_framebuffer(&b);
    kiln_framebuffer_done(&fb);
    server_await(&s, KILN_COUNT(steps));
    bed_end(&b);
    assert_true(server_end(&s));
}

#define NUDGE "\4\0\0\0\0\0\xff\x14"

/* A sample for a guest that is about to be ended is not one that was asked for earlier. */
static void samples_at_once(void **state)
{
    static const struct step steps[] = {
        WATCH,
        STEP("", REQUEST("\4", "\2")),
        STEP(RED_WHITE, MORE("\4", "\2") NUDGE "\4\1\0\0\0\0\0x" NUDGE),
        STEP(RED_WHITE, MORE("\4", "\2") NUDGE),
        STEP(RED_WHITE, ""),
    };
    KILN_AUTO_ERR err = { 0 };
    struct server s;
    struct bed b;
    int64_t start;

    (void)state;
    bed_start(&b);
    server_start(&s, steps, KILN_COUNT(steps), true);
    attach(&b, &s, -1);
    unit_ok(kiln_screen_sample(b.screen, &err), &err);
    expect_geometry(&b, 4, 2);
    assert_true(next(&b).is_sample);
    kiln_screen_sample_now(b.screen); /* in vain */
    unit_ok(press(&b, 'x', true, &err), &err);
    assert_true(next(&b).is_sample); /* too late */
    start = kiln_clock_mono_us();
    kiln_screen_sample_now(b.screen);
    if (kiln_wait_fd(NULL, b.pipe[0], POLLIN, 0, NULL) != KILN_WAIT_READY)
        assert_true(kiln_clock_mono_us() - start >= KILN_MS(250));
    assert_true(next(&b).is_sample);
    server_await(&s, KILN_COUNT(steps));
    bed_end(&b);
    assert_true(server_end(&s));
}

/* A guest that draws all the time is shown thirty times a second. */
static void no_faster_than_needed(void **state)
{
    enum { UPDATES = 12 };
    struct step steps[7 + UPDATES] = { WATCH, STEP("", REQUEST("\4", "\2")) };
    size_t n = 0;
    int64_t start;
    struct server s;
    struct bed b;

    (void)state;
    while (steps[n].n_say || steps[n].n_hear)
        n++;
    for (int i = 0; i < UPDATES; i++)
        steps[n++] = (struct step)STEP(RED_WHITE, MORE("\4", "\2"));
    bed_start(&b);
    wish(&b);
    server_start(&s, steps, n, true);
    start = kiln_clock_mono_us();
    attach(&b, &s, -1);
    expect_geometry(&b, 4, 2);
    for (int i = 0; i < UPDATES; i++)
        expect_frame(&b);
    assert_true(kiln_clock_mono_us() - start >= (UPDATES - 1) * KILN_SECOND(1) / 30);
    bed_end(&b);
    (void)server_end(&s);
}

static void types_and_lets_go(void **state)
{
    static const struct step steps[] = {
        HELLO,
        STEP("", "\4\1\0\0\0\0\xff\xe3"
                 "\4\1\0\0\0\0\0a\4\1\0\0\0\0\0a"
                 "\4\0\0\0\0\0\0a"
                 "\4\1\0\0\0\0\xff\xe9"
                 "\4\1\0\0\1\0\x4e\x2d"),
        /* in any order that is a fixed one */
        STEP("", "\4\0\0\0\0\0\xff\xe3"
                 "\4\0\0\0\1\0\x4e\x2d"
                 "\4\0\0\0\0\0\xff\xe9"),
    };
    KILN_AUTO_ERR err = { 0 };
    struct server s;
    struct bed b;

    (void)state;
    bed_start(&b);
    unit_fails(press(&b, 'a', true, &err), &err, KILN_ERR_USER, "the guest is not running");
    kiln_screen_release_keys(b.screen);
    server_start(&s, steps, KILN_COUNT(steps), true);
    attach(&b, &s, -1);
    unit_ok(press(&b, 0xffe3, true, &err), &err);
    unit_ok(press(&b, 'a', true, &err), &err);
    unit_ok(press(&b, 'a', true, &err), &err); /* repeats itself */
    unit_ok(press(&b, 'a', false, &err), &err);
    unit_ok(press(&b, 0xffe9, true, &err), &err);
    unit_ok(press(&b, 0x1004e2d, true, &err), &err);
    kiln_screen_release_keys(b.screen);
    kiln_screen_release_keys(b.screen); /* nothing is left to let go of */
    server_await(&s, KILN_COUNT(steps));
    bed_end(&b);
    assert_true(server_end(&s));
}

/* A client that hammers the keyboard of a server that does not listen. */
static void too_many_keys(void **state)
{
    static const struct step silent[] = { VERSION };
    KILN_AUTO_ERR err = { 0 };
    struct server s;
    struct bed b;

    (void)state;
    bed_start(&b);
    server_start(&s, silent, KILN_COUNT(silent), true);
    attach(&b, &s, -1);
    for (uint32_t i = 0; i < 32; i++)
        unit_ok(press(&b, 1 + i, true, &err), &err);
    unit_fails(press(&b, 100, true, &err), &err, KILN_ERR_USER, "32 keys are down already");
    while (press(&b, 1, true, &err))
        ;
    assert_string_equal(err.msg, "the guest takes no more keys");
    assert_false(press(&b, 100, false, &err));
    for (uint32_t i = 0; i < 16; i++)
        unit_ok(press(&b, 1 + i, false, &err), &err);
    kiln_screen_release_keys(b.screen);
    bed_end(&b);
    (void)server_end(&s);
}

/* Found again after it was lost, but not once QEMU has ended: its port may be somebody else's. */
static void comes_back(void **state)
{
    static const struct step steps[] = { WATCH, STEP("", REQUEST("\4", "\2")),
                                         STEP(RED_WHITE, MORE("\4", "\2")) };
    int died[2];
    struct server s;
    struct bed b;

    (void)state;
    assert_return_code(pipe2(died, O_CLOEXEC), errno);
    bed_start(&b);
    wish(&b);
    server_start_more(&s, steps, KILN_COUNT(steps), false, 1);
    attach(&b, &s, died[0]);
    for (int i = 0; i < 2; i++) {
        expect_geometry(&b, 4, 2);
        expect_frame(&b);
        expect_geometry(&b, 0, 0);
        if (i == 0)
            wish(&b);
    }
    assert_true(server_end(&s));

    (void)close(died[1]);
    server_start(&s, steps, KILN_COUNT(steps), false); /* another port, which stays unknown */
    quiet_for(&b, KILN_MS(700));
    assert_false(press(&b, 'a', true, NULL));
    attach(&b, &s, -1); /* a new QEMU */
    expect_geometry(&b, 4, 2);
    expect_frame(&b);
    server_await(&s, KILN_COUNT(steps));
    bed_end(&b);
    assert_true(server_end(&s));
    (void)close(died[0]);
}

static void hostile_servers(void **state)
{
    static const struct step bad[] = HOSTILE_UPDATES;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        const struct step steps[] = { WATCH, STEP("", REQUEST("\4", "\2")), bad[i] };
        struct news n;
        struct server s;
        struct bed b;

        bed_start(&b);
        wish(&b);
        server_start(&s, steps, KILN_COUNT(steps), false);
        attach(&b, &s, -1);
        expect_geometry(&b, 4, 2);
        do /* what was whole may be shown */
            n = next(&b);
        while (n.is_frame);
        assert_int_equal(n.width, 0);
        bed_end(&b);
        (void)server_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_screen),
        cmocka_unit_test(looks_away),
        cmocka_unit_test(samples),
        cmocka_unit_test(samples_at_once),
        cmocka_unit_test(no_faster_than_needed),
        cmocka_unit_test(types_and_lets_go),
        cmocka_unit_test(too_many_keys),
        cmocka_unit_test(comes_back),
        cmocka_unit_test(hostile_servers),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
