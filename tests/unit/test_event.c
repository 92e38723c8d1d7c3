/* Encoder and decoder of events: exact bytes out, everything back, nothing half-understood. */
#include "base/limits.h"
#include "base/mem.h"
#include "engine/event.h"
#include "redact/redact.h"
#include "unit.h"

static char *encoded(const struct kiln_event *ev, const struct kiln_redactor *r)
{
    struct kiln_str out = { 0 };

    kiln_event_encode(ev, r, &out);
    return kiln_str_steal(&out);
}

static void test_exact_bytes(void **state)
{
    KILN_AUTO_STRV names = { 0 };
    const struct {
        struct kiln_event ev;
        const char *want;
    } rows[] = {
        { { .seq = 1,
            .mono_us = 2,
            .wall_us = 3,
            .type = KILN_EV_LINE,
            .level = KILN_SAY,
            .build = "null",
            .text = "a\nb",
            .len = 3 },
          "{\"seq\":1,\"mono\":2,\"wall\":3,\"type\":\"line\",\"build\":\"null\","
          "\"level\":\"say\",\"text\":\"a\\nb\"}\n" },
        { { .type = KILN_EV_LINE, .level = KILN_OUTPUT, .target = "n (manifest)", .text = "" },
          "{\"type\":\"line\",\"target\":\"n (manifest)\",\"level\":\"output\",\"text\":\"\"}\n" },
        { { .type = KILN_EV_STEP,
            .name = "stepRun",
            .from = "pending",
            .to = "running",
            .index = 4 },
          "{\"type\":\"step\",\"index\":4,\"name\":\"stepRun\",\"from\":\"pending\","
          "\"to\":\"running\"}\n" },
        { { .type = KILN_EV_KEY, .index = -1, .name = "a", .keysym = 0x61, .down = true },
          "{\"type\":\"key\",\"index\":-1,\"keysym\":97,\"down\":true,\"name\":\"a\"}\n" },
        { { .type = KILN_EV_KEY, .name = "z", .keysym = 0x7a, .scancode = 0x15 },
          "{\"type\":\"key\",\"keysym\":122,\"scancode\":21,\"name\":\"z\"}\n" },
        { { .type = KILN_EV_KEY, .name = "a", .keysym = 0x61, .scancode = 0x1e, .masked = true },
          "{\"type\":\"key\",\"masked\":true}\n" },
        { { .type = KILN_EV_PROGRESS, .name = "iso", .done = UINT64_MAX, .total = 1 },
          "{\"type\":\"progress\",\"done\":18446744073709551615,\"total\":1,\"name\":\"iso\"}\n" },
        { { .type = KILN_EV_ARTIFACT, .id = "VM", .names = &names },
          "{\"type\":\"artifact\",\"id\":\"VM\",\"names\":[\"a\",\"\",\"c\\\"d\"]}\n" },
        { { .type = KILN_EV_LOG,
            .text = "q\" b\\ t\t r\r 0\0 1\x1f \x7f \xc3\xa4 \xff\xc3.",
            .len = sizeof("q\" b\\ t\t r\r 0\0 1\x1f \x7f \xc3\xa4 \xff\xc3.") - 1 },
          "{\"type\":\"log\",\"text\":\"q\\\" b\\\\ t\\t r\\r 0\\u0000 1\\u001f \x7f \xc3\xa4 "
          "\xef\xbf\xbd\xef\xbf\xbd.\"}\n" },
    };

    (void)state;
    kiln_strv_split(&names, "a,,c\"d", ',');
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = encoded(&rows[i].ev, NULL);

        assert_string_equal(got, rows[i].want);
    }
}

static void same_text(const char *a, const char *b)
{
    assert_int_equal(!a, !b);
    if (a)
        assert_string_equal(a, b);
}

static void test_round_trip(void **state)
{
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_event_box box = { 0 };
    struct kiln_event ev = {
        .seq = UINT64_MAX,
        .mono_us = INT64_MAX,
        .wall_us = INT64_MIN,
        .build = "b\"x",
        .target = "t\xe2\x82\xac",
        .level = KILN_ERRLINE,
        .index = -7,
        .status = 9,
        .done = 5,
        .total = 6,
        .keysym = UINT32_MAX,
        .scancode = 0xb8,
        .down = true,
        .name = "n",
        .id = "",
        .from = "f",
        .to = "\\",
        .text = "a\0b\n\x01",
        .len = 5,
        .names = &names,
    };

    (void)state;
    kiln_strv_split(&names, "one,two", ',');
    for (int type = 0; type < KILN_EV__N; type++) {
        KILN_AUTO_FREE char *line = NULL;

        ev.type = (enum kiln_event_type)type;
        line = encoded(&ev, NULL);
        unit_ok(kiln_event_decode(&box, line, strlen(line) - 1, &err), &err);
        assert_int_equal(box.ev.type, type);
        assert_true(box.ev.seq == ev.seq && box.ev.mono_us == ev.mono_us);
        assert_true(box.ev.wall_us == ev.wall_us && box.ev.index == ev.index);
        assert_true(box.ev.status == ev.status && box.ev.done == ev.done);
        assert_true(box.ev.total == ev.total && box.ev.keysym == ev.keysym);
        assert_true(box.ev.scancode == ev.scancode);
        assert_true(box.ev.down && !box.ev.masked);
        assert_int_equal(box.ev.level, type == KILN_EV_LINE ? KILN_ERRLINE : KILN_SAY);
        same_text(box.ev.build, ev.build);
        same_text(box.ev.target, ev.target);
        same_text(box.ev.name, ev.name);
        same_text(box.ev.id, ev.id);
        same_text(box.ev.from, ev.from);
        same_text(box.ev.to, ev.to);
        assert_int_equal(box.ev.len, ev.len);
        assert_memory_equal(box.ev.text, ev.text, ev.len + 1);
        assert_int_equal(box.ev.names->n, 2);
        assert_string_equal(box.ev.names->v[1], "two");
    }
    unit_ok(kiln_event_decode(&box, "{\"type\":\"run-end\"}", 18, &err), &err);
    assert_null(box.ev.text);
    assert_null(box.ev.names); /* nothing of the last event is left */
    kiln_event_box_done(&box);
}

static void test_decodes_what_others_write(void **state)
{
    static const struct {
        const char *line, *want_text;
    } rows[] = {
        { " { \"type\" : \"log\" , \"text\" : \"x\" } ", "x" },
        { "{\"type\":\"log\",\"later\":{\"a\":[1,-2.5e3,null,true,\"}\"]},\"text\":\"x\"}", "x" },
        { "{\"later\":[],\"more\":{},\"type\":\"log\",\"text\":\"x\"}", "x" },
        { "{\"type\":\"log\",\"text\":\"\\u00e4\\ud83d\\ude00\\/\\b\\f\"}",
          "\xc3\xa4\xf0\x9f\x98\x80/\b\f" },
        { "{\"type\":\"log\",\"text\":\"a\",\"text\":\"x\",\"down\":false}", "x" },
    };
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        unit_ok(kiln_event_decode(&box, rows[i].line, strlen(rows[i].line), &err), &err);
        assert_int_equal(box.ev.type, KILN_EV_LOG);
        assert_string_equal(box.ev.text, rows[i].want_text);
    }
    kiln_event_box_done(&box);
}

static void test_refuses(void **state)
{
    static const struct {
        const char *line, *want;
    } rows[] = {
        { "", "bad event at byte 0" },
        { "{}", "bad event at byte 1" },
        { "[]", "bad event at byte 0" },
        { "{\"seq\":1}", "bad event at byte 9, member type" },
        { "{\"type\":\"bogus\"}", "bad event at byte 15, member type" },
        { "{\"type\":\"log\"", "bad event at byte 13" },
        { "{\"type\":\"log\",}", "bad event at byte 14" },
        { "{\"type\":\"log\"}}", "bad event at byte 14" },
        { "{\"type\":\"log\",\"seq\":-1}", "bad event at byte 20, member seq" },
        { "{\"type\":\"log\",\"seq\":01}", "bad event at byte 22, member seq" },
        { "{\"type\":\"log\",\"seq\":1.5}", "bad event at byte 21" },
        { "{\"type\":\"log\",\"seq\":18446744073709551616}", "bad event at byte 39, member seq" },
        { "{\"type\":\"log\",\"index\":9223372036854775808}",
          "bad event at byte 41, member index" },
        { "{\"type\":\"log\",\"keysym\":4294967296}", "bad event at byte 33, member keysym" },
        { "{\"type\":\"log\",\"down\":1}", "bad event at byte 21, member down" },
        { "{\"type\":\"log\",\"level\":\"loud\"}", "bad event at byte 28, member level" },
        { "{\"type\":\"log\",\"name\":\"a\\u0000b\"}", "bad event at byte 31, member name" },
        { "{\"type\":\"log\",\"text\":\"\\x\"}", "bad event at byte 23, member text" },
        { "{\"type\":\"log\",\"text\":\"\\ud800\"}", "bad event at byte 28, member text" },
        { "{\"type\":\"log\",\"text\":\"\\udc00\"}", "bad event at byte 28, member text" },
        { "{\"type\":\"log\",\"text\":\"\xff\"}", "bad event at byte 22, member text" },
        { "{\"type\":\"log\",\"text\":\"a\nb\"}", "bad event at byte 23, member text" },
        { "{\"type\":\"log\",\"text\":\"a", "bad event at byte 23, member text" },
        { "{\"type\":\"log\",\"text\":\"a\\", "bad event at byte 24, member text" },
        { "{\"type\":\"log\",\"names\":[\"a\"", "bad event at byte 26, member names" },
        { "{\"type\":\"log\",\"names\":{}}", "bad event at byte 22, member names" },
        { "{\"type\":\"log\",\"x\":[[[[[[[[[1]]]]]]]]]}", "bad event at byte 27" },
        { "{\"type\":\"log\",\"x\":}", "bad event at byte 18" },
    };
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        unit_fails(kiln_event_decode(&box, rows[i].line, strlen(rows[i].line), &err), &err,
                   KILN_ERR_USER, rows[i].want);
        assert_null(box.ev.text);
    }
    kiln_event_box_done(&box);
}

/* No prefix of a good event is one, and none makes the decoder read on. */
static void test_prefixes(void **state)
{
    static const char good[] =
        "{\"type\":\"log\",\"text\":\"\\u00e4\\n\xc3\xa4\",\"names\":[\"a\"]}";
    struct kiln_event_box box = { 0 };

    (void)state;
    for (size_t n = 0; n < sizeof(good) - 1; n++) {
        KILN_AUTO_FREE char *exact = kiln_xmalloc(n);

        memcpy(exact, good, n);
        assert_false(kiln_event_decode(&box, exact, n, NULL));
    }
    assert_true(kiln_event_decode(&box, good, sizeof(good) - 1, NULL));
    kiln_event_box_done(&box);
}

static void test_redacts_everything(void **state)
{
    KILN_AUTO_STRV secrets = { 0 }, names = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_event ev = {
        .type = KILN_EV_LINE,
        .build = "b-s3cret\"x",
        .target = "t s3cret\"x",
        .name = "s3cret\"x",
        .id = "s3cret\"x",
        .text = "is s3cret\"x.",
        .len = 12,
        .names = &names,
    };
    KILN_AUTO_FREE char *got = NULL;

    (void)state;
    kiln_strv_add(&secrets, "s3cret\"x");
    kiln_strv_add(&names, "/tmp/s3cret\"x");
    unit_ok(kiln_redactor_build(&secrets, &r, &err), &err);
    got = encoded(&ev, r);
    assert_string_equal(got, "{\"type\":\"line\",\"build\":\"b-<sensitive>\","
                             "\"target\":\"t <sensitive>\",\"level\":\"say\","
                             "\"name\":\"<sensitive>\",\"id\":\"<sensitive>\","
                             "\"text\":\"is <sensitive>.\",\"names\":[\"/tmp/<sensitive>\"]}\n");
}

/* 64 KiB is what one LINE event may carry; it must fit whatever the bytes are. */
static void test_a_block_always_fits(void **state)
{
    static const char fill[] = { 'a', '\n', '\x01', '"', '\xff' };
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    KILN_AUTO_FREE char *text = kiln_xmalloc(KILN_MAX_LINE);
    struct kiln_event ev = { .type = KILN_EV_LINE, .text = text, .len = KILN_MAX_LINE };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    kiln_strv_add(&secrets, "a");
    unit_ok(kiln_redactor_build(&secrets, &r, &err), &err);
    for (size_t i = 0; i < KILN_COUNT(fill); i++) {
        KILN_AUTO_STR out = { 0 };

        memset(text, fill[i], KILN_MAX_LINE);
        kiln_event_encode(&ev, r, &out);
        assert_true(out.len <= KILN_MAX_EVENT);
        assert_null(strstr(out.data, "more bytes"));
    }
}

/* What is too much is cut and says so; the cut must not leave half a secret. */
static void test_cut(void **state)
{
    enum { BIG = 2 << 20 };
    KILN_AUTO_STRV secrets = { 0 }, names = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    KILN_AUTO_FREE char *text = kiln_xmalloc(BIG + 1);
    struct kiln_event ev = {
        .type = KILN_EV_ARTIFACT, .name = text, .text = text, .len = BIG, .names = &names
    };
    struct kiln_event_box box = { 0 };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    memset(text, '\x01', BIG);
    text[BIG] = '\0';
    memcpy(text + (64 << 10) - 5, "topsecret", 9);
    kiln_strv_add(&secrets, "topsecret");
    for (int i = 0; i < 200; i++)
        kiln_strv_add(&names, text);
    unit_ok(kiln_redactor_build(&secrets, &r, &err), &err);
    kiln_event_encode(&ev, r, &out);
    assert_true(out.len <= KILN_MAX_EVENT);
    assert_null(memmem(out.data, out.len, "tops", 4));
    unit_ok(kiln_event_decode(&box, out.data, out.len - 1, &err), &err);
    assert_non_null(strstr(box.ev.text + (64 << 10), "... (2031618 more bytes)"));
    assert_true(kiln_has_suffix(box.ev.name, " more bytes)"));
    assert_true(box.ev.names->n > 2 && box.ev.names->n < 200);
    assert_true(kiln_has_suffix(box.ev.names->v[box.ev.names->n - 1], " more)"));
    kiln_event_box_done(&box);
}

static void test_too_long_to_decode(void **state)
{
    KILN_AUTO_FREE char *line = kiln_xcalloc(1, KILN_MAX_EVENT + 1);
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_fails(kiln_event_decode(&box, line, KILN_MAX_EVENT + 1, &err), &err, KILN_ERR_USER,
               "event of 1048577 bytes is over the limit of 1048576");
    kiln_event_box_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_bytes),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_decodes_what_others_write),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_redacts_everything),
        cmocka_unit_test(test_a_block_always_fits),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_too_long_to_decode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
