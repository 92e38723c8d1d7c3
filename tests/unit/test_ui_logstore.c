/* The store of the log: every line in its place, whatever the file holds. */
#include "base/limits.h"
#include "base/mem.h"
#include "log_bed.h"
#include "ui/log/logscan.h"
#include "ui/log/logstore.h"

static struct kiln_logstore *opened(const struct log_bed *bed)
{
    struct kiln_logstore *s = kiln_logstore_new(bed->fd);

    kiln_logstore_grown(s, bed->size);
    return s;
}

static void done(struct log_bed *bed, struct kiln_logstore *s)
{
    kiln_logstore_free(s);
    (void)close(bed->fd);
}

/* All lines of the store, "level|build|step|text\n" each, blocks from the last to the first read.
 */
static char *everything(struct kiln_logstore *s)
{
    uint32_t n = kiln_logstore_blocks(s);
    KILN_AUTO_STRV blocks = { 0 };
    struct kiln_str out = { 0 };

    for (uint32_t b = n; b-- > 0;) {
        KILN_AUTO_STR text = { 0 };
        struct kiln_logblock *block = kiln_logstore_block(s, b, b % 2);

        for (uint32_t i = 0; i < kiln_logblock_lines(block); i++) {
            struct kiln_logline line;

            kiln_logblock_line(block, i, &line);
            kiln_str_addf(&text, "%s|%s|%s|", kiln_log_level_words[line.level], line.target,
                          kiln_logstore_step(s, &line));
            kiln_str_add(&text, line.text, line.len);
            kiln_str_addc(&text, '\n');
        }
        kiln_strv_add(&blocks, kiln_str_cstr(&text));
    }
    for (size_t i = blocks.n; i-- > 0;)
        kiln_str_adds(&out, blocks.v[i]);
    return kiln_str_steal(&out);
}

static void index_all(struct kiln_logstore *s)
{
    while (kiln_logstore_work(s, 0)) /* a block at a time */
        ;
}

/* The index agrees with what the blocks hold; how many lines there are. */
static uint64_t checked_count(struct kiln_logstore *s)
{
    uint64_t n = 0;

    index_all(s);
    for (uint32_t b = 0; b < kiln_logstore_blocks(s); b++) {
        struct kiln_logblock *block = kiln_logstore_block(s, b, false);
        uint32_t count = kiln_logstore_count(s, b);

        assert_int_equal(count == KILN_LOG_UNKNOWN, !kiln_logblock_complete(block));
        if (count != KILN_LOG_UNKNOWN)
            assert_int_equal(count, kiln_logblock_lines(block));
        n += kiln_logblock_lines(block);
    }
    return n;
}

static void test_lines(void **state)
{
    struct log_bed bed = log_bed_new();
    struct kiln_logstore *s;
    KILN_AUTO_FREE char *got = NULL;

    (void)state;
    log_bed_text(&bed, "{\"type\":\"run-start\",\"names\":[\"debian\"]}\n");
    log_bed_line(&bed, NULL, KILN_PLAIN, "of the run");
    log_bed_line(&bed, "debian", KILN_SAY, "one\n\nthree");
    log_bed_line(&bed, "debian", KILN_OUTPUT, "");
    log_bed_line(&bed, "debian", KILN_ERRLINE, "back\\slash \\n \"q\" \xc3\xa4");
    log_bed_event(&bed, (struct kiln_event){ .type = KILN_EV_LOG, .text = "deep", .len = 4 });
    log_bed_event(&bed, (struct kiln_event){
                            .type = KILN_EV_PROGRESS, .build = "debian", .name = "x", .done = 1 });
    log_bed_event(&bed, (struct kiln_event){ .type = KILN_EV_LINE,
                                             .build = "debian",
                                             .target = "debian (manifest)",
                                             .text = "m",
                                             .len = 1 });
    log_bed_event(&bed, (struct kiln_event){ .type = KILN_EV_HTTP,
                                             .build = "debian",
                                             .status = 404,
                                             .name = "GE\nT",
                                             .text = "/a",
                                             .len = 2 });
    log_bed_event(&bed, (struct kiln_event){ .type = KILN_EV_BUILD_END,
                                             .build = "debian",
                                             .status = 1,
                                             .text = "it broke",
                                             .len = 8 });
    s = opened(&bed);
    got = everything(s);
    assert_string_equal(got, "plain|||of the run\n"
                             "say|debian||one\nsay|debian||\nsay|debian||three\n"
                             "output|debian||\n"
                             "error|debian||back\\slash \\n \"q\" \xc3\xa4\n"
                             "debug|||deep\n"
                             "say|debian (manifest)||m\n"
                             "say|debian||HTTP: GE /a: 404\n"
                             "error|debian||it broke\n");
    assert_int_equal(checked_count(s), 10);
    done(&bed, s);
}

/* What a terminal would act on does not get into a line. */
static void test_clean(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        { "plain\ttext", "plain\ttext" },
        { "\033[31mred\033[0m", "red" },
        { "a\033[2Jb\033[1;1Hc", "a?b?c" },
        { "a\033]0;title\ab\033]52;c;eA==\033\\c", "a?b?c" },
        { "\033(Bx\033=y\0337z", "?x?y?z" },
        { "\033", "?" },
        { "a\033[", "a?[" },
        { "a\033]0;never ends", "a?]0;never ends" },
        { "bell\a back\b del\x7f", "bell? back? del?" },
        { "c1 \xc2\x9b"
          "31m",
          "c1 ?31m" },
        { "\xc2\xa0nbsp \xc3\xa4", "\xc2\xa0nbsp \xc3\xa4" },
        { "cr\rx", "cr?x" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR out = { 0 };

        kiln_logscan_clean(&out, rows[i].in, strlen(rows[i].in));
        assert_string_equal(kiln_str_cstr(&out), rows[i].want);
    }
}

static void test_blocks(void **state)
{
    static const unsigned per[] = { 1, 7, 900, 20000 }; /* the last: events over several blocks */

    (void)state;
    for (size_t k = 0; k < KILN_COUNT(per); k++) {
        struct log_bed bed = log_bed_new();
        KILN_AUTO_FREE char *got = NULL;
        struct kiln_logstore *s;
        const char *p;

        log_bed_many(&bed, 50000, per[k]);
        s = opened(&bed);
        assert_true(kiln_logstore_blocks(s) > 8);
        assert_int_equal(checked_count(s), 50000);
        p = got = everything(s);
        for (unsigned i = 0; i < 50000; i++) {
            char want[64];

            (void)snprintf(want, sizeof(want), "|line %u%s\n", i, i % 9 ? "" : " error");
            p += strcspn(p, "\n") - strlen(want) + 1;
            assert_memory_equal(p, want, strlen(want));
            p += strlen(want);
        }
        done(&bed, s);
    }
}

static char *repeated(char c, size_t n)
{
    char *s = kiln_xmalloc(n + 1);

    memset(s, c, n);
    s[n] = '\0';
    return s;
}

static void test_garbage(void **state)
{
    struct log_bed bed = log_bed_new();
    KILN_AUTO_FREE char *endless = repeated('x', 3 << 20);
    KILN_AUTO_FREE char *tail = NULL;
    KILN_AUTO_STR huge = { 0 };
    struct kiln_logstore *s;
    size_t n;

    (void)state;
    log_bed_text(&bed, "\n\n{}\nnonsense\n{\"type\":\"line\",\"text\":\"cut\n");
    log_bed_raw(&bed, "\0\0\xff\n", 4);
    log_bed_line(&bed, "debian", KILN_SAY, "first");
    log_bed_text(&bed, endless);
    log_bed_text(&bed, "\n");
    log_bed_line(&bed, "debian", KILN_SAY, "second");
    kiln_str_adds(&huge, "{\"type\":\"line\",\"level\":\"say\",\"text\":\""); /* over the limit */
    kiln_str_add(&huge, endless, KILN_MAX_EVENT);
    kiln_str_adds(&huge, "\"}\n");
    log_bed_raw(&bed, huge.data, huge.len);
    log_bed_line(&bed, "debian", KILN_SAY, "third");
    endless[KILN_MAX_EVENT / 2] = '\0';
    log_bed_line(&bed, "debian", KILN_SAY, endless); /* long, but an event */
    log_bed_text(&bed, "{\"type\":\"line\",\"level\":\"nothing\",\"text\":\"x\"}\n");
    log_bed_line(&bed, "debian", KILN_SAY, "last");
    s = opened(&bed);
    tail = everything(s);
    n = strlen("say|debian||first\nsay|debian||second\nsay|debian||third\nsay|debian||");
    assert_memory_equal(
        tail, "say|debian||first\nsay|debian||second\nsay|debian||third\nsay|debian||x", n + 1);
    assert_string_equal(tail + n + KILN_MAX_EVENT / 2, "\nsay|debian||last\n");
    index_all(s); /* counts what it cannot decode, too: only close */
    done(&bed, s);
}

static void test_growth(void **state)
{
    struct log_bed bed = log_bed_new();
    KILN_AUTO_STR line = { 0 };
    struct kiln_event ev = { .type = KILN_EV_LINE, .text = "half", .len = 4 };
    struct kiln_logstore *s = opened(&bed);

    (void)state;
    assert_int_equal(checked_count(s), 0);
    log_bed_line(&bed, "debian", KILN_SAY, "whole");
    kiln_event_encode(&ev, NULL, &line);
    log_bed_raw(&bed, line.data, line.len / 2);
    kiln_logstore_grown(s, bed.size);
    assert_int_equal(checked_count(s), 1);
    log_bed_raw(&bed, line.data + line.len / 2, line.len - line.len / 2);
    kiln_logstore_grown(s, bed.size);
    assert_int_equal(checked_count(s), 2);
    for (unsigned i = 0; i < 40; i++) { /* over the ends of blocks, at any byte of an event */
        log_bed_many(&bed, 1000, 13);
        kiln_logstore_grown(s, bed.size - i % 40);
        index_all(s);
        kiln_logstore_grown(s, bed.size);
        assert_int_equal(checked_count(s), 2 + 1000 * (i + 1));
    }
    assert_int_equal(ftruncate(bed.fd, 100), 0); /* somebody else's mistake: nothing breaks */
    log_bed_many(&bed, 10, 1);
    kiln_logstore_grown(s, bed.size + 1000000);
    index_all(s);
    free(everything(s));
    done(&bed, s);
}

static void test_steps(void **state)
{
    struct log_bed bed = log_bed_new();
    KILN_AUTO_FREE char *got = NULL;
    struct kiln_logstore *s;

    (void)state;
    log_bed_line(&bed, "a", KILN_SAY, "0");
    log_bed_step(&bed, "a", NULL, "stepRun", "running");
    log_bed_step(&bed, "b", NULL, "stepDisk", "running");
    log_bed_line(&bed, "a", KILN_SAY, "1");
    log_bed_line(&bed, "b", KILN_SAY, "2");
    log_bed_step(&bed, "a", NULL, "stepRun", "done");
    log_bed_line(&bed, "a", KILN_SAY, "3");
    log_bed_step(&bed, "a", NULL, "StepProvision", "running");
    log_bed_step(&bed, "a", "provisioner", "shell", "running");
    log_bed_line(&bed, "a", KILN_SAY, "4");
    log_bed_step(&bed, "a", "provisioner", "shell", "done");
    log_bed_line(&bed, "a", KILN_SAY, "5");
    log_bed_step(&bed, "a", NULL, "StepProvision", "failed");
    log_bed_step(&bed, "a", "post-processor", "manifest", "running");
    log_bed_line(&bed, "a", KILN_SAY, "6");
    log_bed_line(&bed, "b", KILN_SAY, "7");
    s = opened(&bed);
    index_all(s);
    got = everything(s);
    assert_string_equal(got, "say|a||0\nsay|a|stepRun|1\nsay|b|stepDisk|2\nsay|a||3\n"
                             "say|a|shell|4\nsay|a|StepProvision|5\nsay|a|manifest|6\n"
                             "say|b|stepDisk|7\n");
    done(&bed, s);
}

/* A log with more labels and steps than anybody has. */
static void test_many_names(void **state)
{
    struct log_bed bed = log_bed_new();
    KILN_AUTO_FREE char *got = NULL;
    struct kiln_logstore *s;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        char name[300];

        (void)snprintf(name, sizeof(name), "%u n%0250u", i, i);
        log_bed_step(&bed, name, NULL, name, "running");
        log_bed_line(&bed, name, KILN_SAY, "x");
    }
    s = opened(&bed);
    assert_int_equal(checked_count(s), 3000);
    got = everything(s);
    assert_non_null(strstr(got, "say|…|…|x\n"));
    done(&bed, s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_clean),
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_growth),     cmocka_unit_test(test_steps),
        cmocka_unit_test(test_many_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
