/* The state of a run: what of its events is left. */
#include "base/fs.h"
#include "base/mem.h"
#include "run/snapshot.h"
#include "unit.h"

/* The event as a line that names what it tells of, which is easy to compare. */
static void add(struct kiln_snapshot *s, struct kiln_event ev)
{
    KILN_AUTO_STR line = { 0 };

    ev.len = ev.text ? strlen(ev.text) : 0;
    kiln_str_addf(&line, "%d %s %s %lld %s %s%s\n", (int)ev.type, ev.build ? ev.build : "-",
                  ev.name ? ev.name : "-", (long long)ev.index, ev.to ? ev.to : "-",
                  ev.id ? ev.id : "-", ev.text ? ev.text : "");
    kiln_snapshot_add(s, &ev, line.data, line.len);
}

static void read_all(const struct kiln_snapshot *s, uint64_t from, struct kiln_str *ret)
{
    const struct kiln_snapshot_entry *e;

    for (uint64_t at = from; (e = kiln_snapshot_after(s, at)); at = e->serial) {
        assert_true(e->serial > at);
        kiln_str_add(ret, e->line, e->len);
    }
}

static size_t lines_of(const struct kiln_snapshot *s)
{
    KILN_AUTO_STR all = { 0 };
    size_t n = 0;

    read_all(s, 0, &all);
    for (size_t i = 0; i < all.len; i++)
        n += all.data[i] == '\n';
    return n;
}

/* Which pairs of events tell of the same thing. */
static void test_keys(void **state)
{
    static const struct {
        struct kiln_event a, b;
        bool same;
    } table[] = {
        { { .type = KILN_EV_STOP, .build = "x" }, { .type = KILN_EV_RESUME, .build = "x" }, true },
        { { .type = KILN_EV_STOP, .build = "x" }, { .type = KILN_EV_STOP, .build = "y" }, false },
        { { .type = KILN_EV_PROMPT, .build = "x", .index = 1 },
          { .type = KILN_EV_PROMPT_END, .build = "x", .index = 1 },
          true },
        { { .type = KILN_EV_PROMPT, .build = "x", .index = 1 },
          { .type = KILN_EV_PROMPT_END, .build = "x", .index = 2 },
          false },
        { { .type = KILN_EV_STEP, .build = "x", .index = 1, .to = "running" },
          { .type = KILN_EV_STEP, .build = "x", .index = 1, .to = "done" },
          false },
        { { .type = KILN_EV_STEP, .build = "x", .index = 1, .to = "running" },
          { .type = KILN_EV_STEP, .build = "x", .index = 1, .to = "running" },
          true },
        { { .type = KILN_EV_STEP, .build = "x", .index = 1, .to = "done" },
          { .type = KILN_EV_STEP, .build = "x", .index = 1, .to = "done", .id = "provisioner" },
          false },
        { { .type = KILN_EV_PROGRESS, .build = "x", .name = "iso", .done = 1 },
          { .type = KILN_EV_PROGRESS, .build = "x", .name = "iso", .done = 2 },
          true },
        { { .type = KILN_EV_PROGRESS, .build = "x", .name = "iso" },
          { .type = KILN_EV_PROGRESS, .build = "x", .name = "disk" },
          false },
        { { .type = KILN_EV_KEY, .build = "x", .index = 1 },
          { .type = KILN_EV_KEY, .build = "x", .index = 2 },
          true },
        { { .type = KILN_EV_HTTP, .build = "x", .name = "GET", .text = "/a" },
          { .type = KILN_EV_HTTP, .build = "x", .name = "GET", .text = "/b" },
          false },
        { { .type = KILN_EV_ARTIFACT, .build = "x", .name = "n", .id = "1" },
          { .type = KILN_EV_ARTIFACT, .build = "x", .name = "n", .id = "2" },
          false },
        { { .type = KILN_EV_SCREEN, .build = "x", .done = 640 },
          { .type = KILN_EV_FRAME, .build = "x", .index = 640 },
          false },
        { { .type = KILN_EV_RUN_START }, { .type = KILN_EV_RUN_END }, false },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        struct kiln_snapshot *s = kiln_snapshot_new(0, 0);

        add(s, table[i].a);
        add(s, table[i].b);
        if (lines_of(s) != (table[i].same ? 1 : 2))
            fail_msg("row %zu: %zu lines", i, lines_of(s));
        kiln_snapshot_free(s);
    }
}

/* A reader sees everything while it keeps up, and what is left when it does not. */
static void test_reading_on(void **state)
{
    struct kiln_snapshot *s = kiln_snapshot_new(0, 0);
    KILN_AUTO_STR all = { 0 };
    uint64_t at;

    (void)state;
    assert_null(kiln_snapshot_after(s, 0));
    add(s, (struct kiln_event){ .type = KILN_EV_RUN_START });
    add(s, (struct kiln_event){ .type = KILN_EV_KEY, .build = "x", .index = 1 });
    at = kiln_snapshot_last(s);
    assert_null(kiln_snapshot_after(s, at));
    for (int i = 2; i < 1000; i++)
        add(s, (struct kiln_event){ .type = KILN_EV_KEY, .build = "x", .index = i });
    assert_int_equal(lines_of(s), 2);
    read_all(s, at, &all);
    assert_non_null(strstr(all.data, " 999 "));
    assert_ptr_equal(strchr(all.data, '\n'), all.data + all.len - 1);
    assert_true(kiln_snapshot_lost(s) == 0);
    assert_true(kiln_snapshot_last(s) == 1000);
    kiln_snapshot_free(s);
}

static void test_waits(void **state)
{
    struct kiln_snapshot *s = kiln_snapshot_new(0, 0);
    KILN_AUTO_STRV waits = { 0 }, none = { 0 };

    (void)state;
    add(s, (struct kiln_event){ .type = KILN_EV_STOP, .build = "x" });
    add(s, (struct kiln_event){ .type = KILN_EV_PROMPT, .build = "x", .index = 1 });
    add(s, (struct kiln_event){ .type = KILN_EV_PROMPT, .build = "y", .index = 1 });
    add(s, (struct kiln_event){ .type = KILN_EV_STEP, .build = "z", .to = "running" });
    kiln_snapshot_waits(s, &waits);
    assert_int_equal(waits.n, 2);
    assert_string_equal(waits.v[0], "x");
    assert_string_equal(waits.v[1], "y");
    add(s, (struct kiln_event){ .type = KILN_EV_PROMPT_END, .build = "x", .index = 1 });
    add(s, (struct kiln_event){ .type = KILN_EV_RESUME, .build = "x" });
    add(s, (struct kiln_event){ .type = KILN_EV_PROMPT_END, .build = "y", .index = 1 });
    kiln_snapshot_waits(s, &none);
    assert_int_equal(none.n, 0);
    add(s, (struct kiln_event){ .type = KILN_EV_STOP, .build = "x" });
    add(s, (struct kiln_event){ .type = KILN_EV_PROMPT, .build = "x", .index = 2 });
    add(s, (struct kiln_event){ .type = KILN_EV_BUILD_END, .build = "x" }); /* it was killed */
    kiln_snapshot_waits(s, &none);
    assert_int_equal(none.n, 0);
    kiln_snapshot_free(s);
}

static void test_bounds(void **state)
{
    struct kiln_snapshot *s = kiln_snapshot_new(100, 1 << 20);
    KILN_AUTO_STR all = { 0 };

    (void)state;
    add(s, (struct kiln_event){ .type = KILN_EV_RUN_START });
    add(s, (struct kiln_event){ .type = KILN_EV_STEP, .build = "x", .to = "running" });
    for (int i = 0; i < 5000; i++) {
        KILN_AUTO_FREE char *path = kiln_xasprintf("/%d", i);

        add(s, (struct kiln_event){ .type = KILN_EV_HTTP, .build = "x", .text = path });
    }
    assert_int_equal(lines_of(s), 100);
    read_all(s, 0, &all);
    assert_non_null(strstr(all.data, "/4999\n"));
    assert_null(strstr(all.data, "/4000\n"));
    assert_non_null(strstr(all.data, "running")); /* what a guest fetches does not push it out */
    assert_true(kiln_snapshot_lost(s) > 4000 && kiln_snapshot_lost(s) < kiln_snapshot_last(s));
    kiln_snapshot_free(s);
}

static void test_bytes(void **state)
{
    KILN_AUTO_STR text = { 0 };
    struct kiln_snapshot *s = kiln_snapshot_new(0, 10000);

    (void)state;
    while (text.len < 3000)
        kiln_str_addc(&text, 'x');
    for (int i = 0; i < 10; i++)
        add(s, (struct kiln_event){
                   .type = KILN_EV_BOOT_PLAN, .build = "x", .index = i, .text = text.data });
    assert_int_equal(lines_of(s), 3);
    kiln_snapshot_free(s);
}

static void test_write(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-snapshot", &err);
    KILN_AUTO_FREE char *path = kiln_path_join(dir, "summary.jsonl");
    struct kiln_snapshot *s = kiln_snapshot_new(0, 0);
    KILN_AUTO_STR text = { 0 };

    (void)state;
    add(s, (struct kiln_event){ .type = KILN_EV_RUN_START });
    add(s, (struct kiln_event){ .type = KILN_EV_FRAME, .build = "x", .index = 12345 });
    add(s, (struct kiln_event){ .type = KILN_EV_RUN_END });
    unit_ok(kiln_snapshot_write(s, path, &err), &err);
    unit_ok(kiln_fs_read(path, 4096, &text, &err), &err);
    assert_null(strstr(text.data, "12345"));
    assert_int_equal(text.data[text.len - 1], '\n');
    assert_non_null(strchr(text.data, '\n') + 1);
    assert_true(kiln_fs_remove_tree(dir, NULL));
    kiln_snapshot_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),  cmocka_unit_test(test_reading_on),
        cmocka_unit_test(test_waits), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
