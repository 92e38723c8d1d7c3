/* The event log of one build as text for people. */
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/event.h"
#include "run/bundle_log.h"

#define START 1000000000

struct bed {
    int fd;
    struct kiln_bundle_log log;
};

static void bed_start(struct bed *b)
{
    *b = (struct bed){ .fd = memfd_create("events", MFD_CLOEXEC) };
    assert_true(b->fd >= 0);
}

static void bed_end(struct bed *b)
{
    kiln_bundle_log_done(&b->log);
    (void)close(b->fd);
}

/* at_ms: since the build began. */
static void add(struct bed *b, const char *build, int64_t at_ms, struct kiln_event ev)
{
    KILN_AUTO_STR line = { 0 };

    ev.build = build;
    ev.wall_us = START + at_ms * 1000;
    if (ev.text && !ev.len)
        ev.len = strlen(ev.text);
    kiln_event_encode(&ev, NULL, &line);
    assert_true(kiln_fs_write_all(b->fd, line.data, line.len, NULL));
}

static void raw(struct bed *b, const char *text)
{
    assert_true(kiln_fs_write_all(b->fd, text, strlen(text), NULL));
}

static void read_log(struct bed *b)
{
    KILN_AUTO_ERR err = { 0 };

    kiln_bundle_log_done(&b->log);
    unit_ok(kiln_bundle_log_read(&b->log, b->fd, "q\"a", &err), &err);
}

static void part_is(const struct bed *b, enum kiln_bundle_part part, const char *want)
{
    assert_string_equal(kiln_str_cstr(&b->log.parts[part]), want);
}

#define EV(...) ((struct kiln_event){ __VA_ARGS__ })

static void each_part_has_its_events(void **state)
{
    struct bed b;

    (void)state;
    bed_start(&b);
    add(&b, "other", 0, EV(.type = KILN_EV_BUILD_START));
    add(&b, "q\"a", 0, EV(.type = KILN_EV_BUILD_START));
    raw(&b, "{\"no\":\n\n{\"seq\":1,\"type\":\"line\",\"build\":\"q\\\"a\",\"text\":7}\n");
    add(&b, "q\"a", 500, EV(.type = KILN_EV_LINE, .level = KILN_SAY, .text = "one\n\033[2Jtwo"));
    add(&b, "q\"a", 600,
        EV(.type = KILN_EV_LINE, .level = KILN_OUTPUT, .target = "q (x)", .text = "out"));
    add(&b, "other", 700, EV(.type = KILN_EV_LINE, .text = "not mine"));
    add(&b, "q\"a", 1000, EV(.type = KILN_EV_BOOT, .text = "a"));
    add(&b, "q\"a", 1001, EV(.type = KILN_EV_KEY, .name = "a", .down = true));
    add(&b, "q\"a", 1002, EV(.type = KILN_EV_KEY, .name = "a", .scancode = 0x10));
    add(&b, "q\"a", 1003, EV(.type = KILN_EV_BOOT, .text = "s3cret", .masked = true));
    add(&b, "q\"a", 1004, EV(.type = KILN_EV_KEY, .name = "s", .down = true, .masked = true));
    add(&b, "q\"a", 2000,
        EV(.type = KILN_EV_HTTP, .name = "GET", .text = "/x", .status = 404, .done = 12));
    add(&b, "q\"a", 3000, EV(.type = KILN_EV_QEMU, .name = "stderr", .text = "oops"));
    add(&b, "q\"a", 4000, EV(.type = KILN_EV_QMP, .name = "RESET", .text = "{\"guest\":true}"));
    read_log(&b);
    part_is(&b, KILN_BUNDLE_KEYS,
            "     1.000  a\n"
            "     1.001      down  a\n"
            "     1.002      up    a  key 0x10\n"
            "     1.003  \u2022\n"
            "     1.004      down  \u2022\n");
    part_is(&b, KILN_BUNDLE_HTTP, "     2.000  404        12 bytes  GET /x\n");
    part_is(&b, KILN_BUNDLE_QEMU, "     3.000  stderr: oops\n");
    part_is(&b, KILN_BUNDLE_QMP, "     4.000  RESET {\"guest\":true}\n");
    part_is(&b, KILN_BUNDLE_LOG,
            "     0.500  ==> q\"a: one\n"
            "     0.500  ==> q\"a: ?[2Jtwo\n"
            "     0.600      q (x): out\n");
    assert_int_equal(b.log.start_us, START);
    bed_end(&b);
}

static void rung(struct bed *b, int64_t at_ms, int64_t index, const char *name, const char *to)
{
    add(b, "q\"a", at_ms,
        EV(.type = KILN_EV_RUNG, .index = index, .name = name, .from = "absent", .to = to,
           .text = "seen"));
}

static void step(struct bed *b, int64_t at_ms, const char *id, const char *to)
{
    add(b, "q\"a", at_ms,
        EV(.type = KILN_EV_STEP, .id = id, .name = "stepX", .from = "pending", .to = to));
}

/* How it stood when the build failed, not what its cleanup made of it. */
static void the_ladder_is_that_of_the_failure(void **state)
{
    struct bed b;

    (void)state;
    bed_start(&b);
    add(&b, "q\"a", 0, EV(.type = KILN_EV_BUILD_START));
    read_log(&b);
    assert_false(b.log.machine);
    rung(&b, 100, 0, "vm", "holds");
    rung(&b, 100, 99, "far", "holds");
    rung(&b, 100, -1, "near", "holds");
    step(&b, 200, "provisioner", "failed");
    rung(&b, 300, 4, "port", "waiting");
    step(&b, 400, NULL, "failed");
    rung(&b, 500, 4, "port", "holds"); /* while somebody was asked what to do */
    step(&b, 600, NULL, "running");
    rung(&b, 700, 1, "screen", "unknown");
    step(&b, 800, NULL, "failed");
    rung(&b, 900, 0, "vm", "waiting");
    read_log(&b);
    assert_true(b.log.machine);
    assert_string_equal(b.log.rungs[0].data, "     0.100  vm           holds    seen");
    assert_string_equal(b.log.rungs[1].data, "     0.700  screen       unknown  seen");
    assert_string_equal(b.log.rungs[4].data, "     0.300  port         waiting  seen");
    assert_int_equal(b.log.rungs[2].len, 0);
    bed_end(&b);
}

/* A log of any size gives as much; it is the end that counts. */
static void parts_are_bounded(void **state)
{
    struct bed b;
    char text[200];

    (void)state;
    memset(text, 'x', sizeof(text));
    bed_start(&b);
    add(&b, "q\"a", 0, EV(.type = KILN_EV_BUILD_START));
    for (int i = 0; i < 20000; i++) {
        add(&b, "q\"a", i, EV(.type = KILN_EV_LINE, .text = text, .len = sizeof(text)));
        add(&b, "q\"a", i,
            EV(.type = KILN_EV_QEMU, .name = "stderr", .text = text, .len = sizeof(text)));
    }
    add(&b, "q\"a", 20000, EV(.type = KILN_EV_LINE, .text = "last"));
    add(&b, "q\"a", 20000, EV(.type = KILN_EV_QEMU, .name = "stderr", .text = "last"));
    read_log(&b);
    for (size_t i = 0; i < KILN_BUNDLE__N; i++)
        assert_true(b.log.parts[i].len <= (512u << 10));
    assert_true(b.log.parts[KILN_BUNDLE_LOG].len > (400u << 10));
    assert_true(kiln_has_suffix(b.log.parts[KILN_BUNDLE_LOG].data, "==> q\"a: last\n"));
    assert_true(kiln_has_suffix(b.log.parts[KILN_BUNDLE_QEMU].data, "  stderr: last\n"));
    assert_int_equal(strspn(b.log.parts[KILN_BUNDLE_QEMU].data, " "), 4); /* a whole line */
    bed_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_has_its_events),
        cmocka_unit_test(the_ladder_is_that_of_the_failure),
        cmocka_unit_test(parts_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
