/* Output of programs to LINE events: the line rule, batching, long lines and what hides in them. */
#include "base/limits.h"
#include "engine/output.h"
#include "engine_fixture.h"

/* The story after feeding text in pieces of `step` bytes. */
static void feed_in_steps(struct fixture *f, const char *text, size_t len, size_t step,
                          struct kiln_str *ret)
{
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *o = kiln_output_new(&f->b);
    KILN_AUTO_FREE char *story = NULL;

    for (size_t i = 0; i < len; i += step)
        kiln_output_feed(o, false, text + i, len - i < step ? len - i : step);
    kiln_output_end(o);
    story = fixture_story(f);
    kiln_str_adds(ret, story);
}

static void test_rule(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "" },
        { "a\n", "[output] a\n" },
        { "a\n\nb", "[output] a\n[output] \n[output] b\n" },
        { "\n", "[output] \n" },
        { "10%\r20%\r\nx \t\n", "[output] 20%\n[output] x\n" },
        { "tail \r", "[output] tail\n" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        for (size_t step = 1; step <= strlen(rows[i].text) + 1; step++) {
            FIXTURE f;
            KILN_AUTO_STR story = { 0 };

            fixture_init(&f);
            feed_in_steps(&f, rows[i].text, strlen(rows[i].text), step, &story);
            assert_string_equal(kiln_str_cstr(&story), rows[i].want);
        }
    }
}

/* Lines leave as soon as they are complete; the two streams do not mix. */
static void test_streams(void **state)
{
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *o = NULL;
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    o = kiln_output_new(&f.b);
    kiln_output_feed(o, false, "one\ntwo\nthr", 11);
    fixture_story_is(&f, "[output] one\n[output] two\n");
    kiln_output_remote(o, true, "oops\nhm", 7);
    fixture_story_is(&f, "[error] oops\n");
    kiln_output_feed(o, false, "ee", 2);
    fixture_story_is(&f, "");
    kiln_output_feed(o, false, "\n", 1);
    fixture_story_is(&f, "[output] three\n");
    kiln_output_end(o);
    fixture_story_is(&f, "[error] hm\n");
    kiln_output_end(o);
    fixture_story_is(&f, "");
    kiln_output_feed(o, false, "again\n", 6);
    fixture_story_is(&f, "[output] again\n");
}

static void test_one_event_per_read(void **state)
{
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *o = NULL;
    KILN_AUTO_STR text = { 0 };
    off_t size;
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    o = kiln_output_new(&f.b);
    for (int i = 0; i < 800; i++)
        kiln_str_addf(&text, "%079d\n", i);
    kiln_output_feed(o, false, text.data, text.len);
    size = lseek(f.fd, 0, SEEK_END);
    assert_true(size > (off_t)text.len && size < (off_t)text.len + 800 * 1 + 300);
}

/* A line of three times the maximum: nothing is lost, and a secret is found wherever it lies. */
static void test_secret_in_long_line(void **state)
{
    static const size_t steps[] = { 1, 1000, 4096, 65536, 1000000 };
    enum { LEN = 3 * KILN_MAX_LINE };
    KILN_AUTO_FREE char *text = kiln_xmalloc(LEN);
    KILN_AUTO_STRV secrets = { 0 };

    (void)state;
    kiln_strv_add(&secrets, "hunter2hunter3");
    for (size_t i = 0; i < KILN_COUNT(steps); i++) {
        for (size_t at = KILN_MAX_LINE - 16; at <= KILN_MAX_LINE + 2; at += 2) {
            KILN_AUTO_STR story = { 0 };
            FIXTURE f;

            fixture_init(&f);
            kiln_bus_add_secrets(f.b.bus, &secrets);
            memset(text, '.', LEN);
            memcpy(text + at, secrets.v[0], 14);
            memcpy(text + 2 * at, secrets.v[0], 14);
            text[LEN - 4] = '\n';
            feed_in_steps(&f, text, LEN, steps[i], &story);
            assert_null(strstr(story.data, "hunt"));
            assert_null(strstr(story.data, "er3"));
            assert_true(story.len > LEN - 100 && story.len < LEN + 100);
            assert_true(kiln_has_suffix(story.data, "\n[output] ...\n"));
            if (steps[i] == 1)
                break; /* slow, and one place is enough */
        }
    }
}

/* The stream filter holds back what may become a secret; at the end it has to let go. */
static void test_long_line_without_end(void **state)
{
    enum { LEN = KILN_MAX_LINE + 100 };
    KILN_AUTO_FREE char *text = kiln_xmalloc(LEN);
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_STR story = { 0 };
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    kiln_strv_add(&secrets, "hunter2hunter3");
    kiln_bus_add_secrets(f.b.bus, &secrets);
    memset(text, '.', LEN);
    for (size_t i = 0; i < 7; i++)
        text[LEN - 7 + i] = "hunter2"[i];
    feed_in_steps(&f, text, LEN, 4096, &story);
    assert_true(kiln_has_suffix(story.data, "...hunter2\n"));
}

/* A progress bar that never ends its line shows its last state, however much it wrote. */
static void test_endless_progress(void **state)
{
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *o = NULL;
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    o = kiln_output_new(&f.b);
    for (int i = 0; i < 100000; i++) {
        char bar[32];
        int n = snprintf(bar, sizeof(bar), "%06d done\r", i);

        kiln_output_feed(o, false, bar, (size_t)n);
    }
    kiln_output_feed(o, false, "\n", 1);
    fixture_story_is(&f, "[output] 099999 done\n");
}

/* kiln_say & co: lines, levels, and a target while a post-processor runs. */
static void test_lines(void **state)
{
    KILN_AUTO_STR big = { 0 };
    KILN_AUTO_FREE char *story = NULL;
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    kiln_say(&f.b, "a %d", 1);
    kiln_message(&f.b, "b\nc");
    f.b.target = "fake.b (manifest)";
    kiln_error(&f.b, "%s", "");
    f.b.target = NULL;
    kiln_output(&f.b, KILN_PLAIN, "p", 1);
    fixture_story_is(&f, "[say] a 1\n[message] b\n[message] c\n[error fake.b (manifest)] \n"
                         "[plain] p\n");
    for (int i = 0; i < 30000; i++)
        kiln_str_addf(&big, "%s%07d", i ? "\n" : "", i);
    kiln_output(&f.b, KILN_OUTPUT, big.data, big.len);
    story = fixture_story(&f);
    assert_int_equal(strlen(story), 30000 * 17);
    assert_true(kiln_has_suffix(story, "[output] 0029998\n[output] 0029999\n"));
}

static void test_progress(void **state)
{
    KILN_AUTO_FREE char *story = NULL;
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    kiln_progress(&f.b, "iso", 0, 10000);
    for (uint64_t i = 1; i < 10000; i++)
        kiln_progress(&f.b, "iso", i, 10000);
    kiln_progress(&f.b, "iso", 10000, 10000);
    story = fixture_story(&f);
    assert_true(kiln_has_prefix(story, "progress iso 0/10000\n"));
    assert_true(kiln_has_suffix(story, "\nprogress iso 10000/10000\n"));
    assert_true(strlen(story) < 10 * strlen("progress iso 10000/10000\n")); /* < 1 s even here */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_one_event_per_read),
        cmocka_unit_test(test_secret_in_long_line),
        cmocka_unit_test(test_long_line_without_end),
        cmocka_unit_test(test_endless_progress),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_progress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
