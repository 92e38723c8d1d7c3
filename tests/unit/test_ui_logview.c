/* Filters, views and searches of the log, and the regular expressions under them. */
#include "base/clock.h"
#include "base/mem.h"
#include "log_bed.h"
#include "ui/log/logview.h"

/* ---- regular expressions ---- */

static void test_regex(void **state)
{
    static const struct {
        const char *pattern, *text;
        int start, end; /* -1: no match */
    } rows[] = {
        { "b+", "abbbc", 1, 4 },
        { "error", "An ERROR here", 3, 8 },
        { "Error", "An ERROR here", -1, -1 },
        { "\\Sx", "a ax", 2, 4 }, /* \S is no capital letter */
        { "\\SX", "a ax", -1, -1 },
        { "(?-i)error", "ERROR", -1, -1 },
        { "^$", "", 0, 0 },
        { "\xc3\xa4.", "x\xc3\xa4\xc3\xb6z", 1, 5 },
        { ".", "\xc3\xa4", 0, 2 },
        { "a\\Kb", "ab", 1, 2 },
        { "(?=b\\K)", "ab", 1, 1 }, /* turned round, if anything */
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_regex *re;
        size_t start = 0, end = 0;
        bool found;

        if (!kiln_regex_new(&re, rows[i].pattern, &err)) { /* \K in (?=) is an error to some */
            assert_non_null(strstr(rows[i].pattern, "\\K)"));
            continue;
        }
        found = kiln_regex_find(re, rows[i].text, strlen(rows[i].text), 0, &start, &end);
        assert_int_equal(found, rows[i].start >= 0);
        if (found && rows[i].end > rows[i].start) {
            assert_int_equal(start, rows[i].start);
            assert_int_equal(end, rows[i].end);
        }
        kiln_regex_free(re);
    }
}

static void test_regex_in_row(void **state)
{
    static const struct {
        const char *pattern, *row;
        bool found;
    } rows[] = {
        { "login:$", "kiln login:", true },     { "login: $", "kiln login:", true },
        { "login: ", "kiln login:", true },     { "login:  ", "kiln login:", false },
        { "login: $", "kiln login: x", false }, { "^$", "", true },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_regex *re;

        unit_ok(kiln_regex_new(&re, rows[i].pattern, &err), &err);
        assert_int_equal(kiln_regex_in_row(re, rows[i].row), rows[i].found);
        kiln_regex_free(re);
    }
}

static void test_regex_errors(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_regex *re;
    char big[KILN_REGEX_MAX_PATTERN + 2];

    (void)state;
    unit_fails(kiln_regex_new(&re, "\xc3\xa4(foo", &err), &err, KILN_ERR_USER,
               "\"\xc3\xa4(foo\" at character 6: missing closing parenthesis");
    unit_fails(kiln_regex_new(&re, "a**", &err), &err, KILN_ERR_USER,
               "\"a**\" at character 3: quantifier does not follow a repeatable item");
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    unit_fails(kiln_regex_new(&re, big, &err), &err, KILN_ERR_USER,
               "a pattern of 1001 bytes is over the limit of 1000");
}

/* None of them may hold up anything: bounded work a line, then given up. */
static void test_regex_catastrophes(void **state)
{
    static const char *const patterns[] = { "(a+)+[bc]$",  "(a|a)*[bc]",     "(.+)+\\1[bc]",
                                            "(?R)?[bc]",   "(?=(a+))a*[bc]", "(?:a?){100}[cd]",
                                            ".*.*.*.*[bc]" };
    static char text[KILN_REGEX_MAX_SUBJECT + 100];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < KILN_COUNT(patterns); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_regex *re;
        size_t start, end;

        unit_ok(kiln_regex_new(&re, patterns[i], &err), &err);
        for (int k = 0; k < 200; k++)
            assert_false(kiln_regex_find(re, text, sizeof(text), 0, &start, &end));
        assert_true(kiln_regex_given_up(re));
        assert_false(kiln_regex_find(re, "b", 1, 0, &start, &end)); /* from now on nothing */
        kiln_regex_free(re);
    }
}

static void test_regex_long_line(void **state)
{
    static char text[KILN_REGEX_MAX_SUBJECT + 100];
    KILN_AUTO_ERR err = { 0 };
    struct kiln_regex *re;
    size_t start, end;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + KILN_REGEX_MAX_SUBJECT - 3, "foofoo", 6); /* the second one is out of reach */
    unit_ok(kiln_regex_new(&re, "foo", &err), &err);
    assert_true(kiln_regex_find(re, text, sizeof(text), 0, &start, &end));
    assert_int_equal(start, KILN_REGEX_MAX_SUBJECT - 3);
    assert_false(kiln_regex_find(re, text, sizeof(text), end, &start, &end));
    kiln_regex_free(re);
}

/* ---- filters ---- */

static void test_filter_errors(void **state)
{
    static const struct {
        const char *spec, *want;
    } rows[] = {
        { "foo", "\"foo\": use build=NAME step=NAME level=LEVEL text=REGEX (text last), or off" },
        { "error", "did you mean level=error?" },
        { "colour=red",
          "\"colour=red\": use build=NAME step=NAME level=LEVEL text=REGEX (text last), or off" },
        { "level=eror", "no level is called \"eror\"; did you mean error?" },
        { "level=error,xyzzyx", "no level is called \"xyzzyx\"; there are: say, message, error, "
                                "output, plain, debug" },
        { "build=", "build= has no value" },
        { "build=a build=b", "build= is there twice" },
        { "text=(", "text: \"(\" at character 2: missing closing parenthesis" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_logfilter *f;

        unit_fails(kiln_logfilter_parse(&f, rows[i].spec, &err), &err, KILN_ERR_USER, rows[i].want);
    }
}

struct bench {
    struct log_bed bed;
    struct kiln_logstore *store;
    struct kiln_logview *view;
};

static void open_view(struct bench *b)
{
    b->store = kiln_logstore_new(b->bed.fd);
    kiln_logstore_grown(b->store, b->bed.size);
    b->view = kiln_logview_new(b->store);
}

static void close_view(struct bench *b)
{
    kiln_logview_free(b->view);
    kiln_logstore_free(b->store);
    (void)close(b->bed.fd);
}

static void set_filter(struct bench *b, const char *spec)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_logfilter *f;

    unit_ok(kiln_logfilter_parse(&f, spec, &err), &err);
    kiln_logview_set_filter(b->view, f);
}

static void work(struct bench *b)
{
    bool changed = false;

    while (kiln_logstore_work(b->store, 0))
        ;
    while (kiln_logview_work(b->view, 0, &changed))
        ;
}

/* The texts of all shown lines, a blank between; walked forward, and checked backward. */
static char *shown(struct bench *b)
{
    struct kiln_str out = { 0 };
    struct kiln_logpos at = { 0 }, back = { UINT32_MAX, UINT32_MAX };
    struct kiln_logline line;
    uint64_t n = 0, number, total;

    while (kiln_logview_walk(b->view, at, true, n == 0, KILN_NEVER, &at) == KILN_LOG_FOUND) {
        assert_true(kiln_logview_line(b->view, at, &line));
        assert_true(kiln_logview_number(b->view, at, &number));
        assert_int_equal(number, n);
        if (n++ > 0)
            kiln_str_addc(&out, ' ');
        kiln_str_add(&out, line.text, line.len);
    }
    assert_true(kiln_logview_total(b->view, &total));
    assert_int_equal(total, n);
    for (; n > 0; n--) {
        assert_int_equal(kiln_logview_walk(b->view, back, false, false, KILN_NEVER, &back),
                         KILN_LOG_FOUND);
        assert_true(kiln_logview_number(b->view, back, &number));
        assert_int_equal(number, n - 1);
    }
    assert_int_equal(kiln_logview_walk(b->view, back, false, false, KILN_NEVER, &back),
                     KILN_LOG_NONE);
    return kiln_str_steal(&out);
}

static void test_filter(void **state)
{
    static const struct {
        const char *spec, *want;
    } rows[] = {
        { "", "r a1 b1 a2 a3 b2 b3" },
        { " off ", "r a1 b1 a2 a3 b2 b3" },
        { "build=qemu.a", "a1 a2 a3" },
        { "build=QEMU.*", "a1 b1 a2 a3 b2 b3" },
        { "build=*b", "b1 b2 b3" },
        { "build=*.*.*", "" },
        { "level=error", "a3 b3" },
        { "level=error,say", "r a1 a3 b3" },
        { "step=run", "b1 a2" },
        { "step=steprun", "b1 a2" },
        { "step=*r*n", "b1 a2" },
        { "step=shell", "b3" },
        { "text=[12]$", "a1 b1 a2 b2" },
        { "level=output text=A|B1", "" }, /* a capital letter: as it stands */
        { "level=output text=a|b1", "b1 a2" },
        { "build=*a  level=error step=run", "" },
    };
    struct bench b = { .bed = log_bed_new() };

    (void)state;
    log_bed_line(&b.bed, NULL, KILN_SAY, "r");
    log_bed_line(&b.bed, "qemu.a", KILN_SAY, "a1");
    log_bed_step(&b.bed, "qemu.a", NULL, "stepRun", "running");
    log_bed_step(&b.bed, "qemu.b", NULL, "stepRun", "running");
    log_bed_line(&b.bed, "qemu.b", KILN_OUTPUT, "b1");
    log_bed_line(&b.bed, "qemu.a", KILN_OUTPUT, "a2");
    log_bed_step(&b.bed, "qemu.a", NULL, "stepRun", "done");
    log_bed_step(&b.bed, "qemu.b", NULL, "stepRun", "done");
    log_bed_line(&b.bed, "qemu.a", KILN_ERRLINE, "a3");
    log_bed_line(&b.bed, "qemu.b", KILN_MESSAGE, "b2");
    log_bed_step(&b.bed, "qemu.b", "provisioner", "shell", "running");
    log_bed_line(&b.bed, "qemu.b", KILN_ERRLINE, "b3");
    open_view(&b);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = NULL;

        set_filter(&b, rows[i].spec);
        work(&b);
        got = shown(&b);
        assert_string_equal(got, rows[i].want);
    }
    close_view(&b);
}

/* ---- views ---- */

/* Without any time, walking says LATER where it does not know, and work goes on right there. */
static void test_later(void **state)
{
    struct bench b = { .bed = log_bed_new() };
    struct kiln_logpos at, last = { UINT32_MAX, UINT32_MAX };
    struct kiln_logline line;
    uint64_t total;
    bool changed = false;

    (void)state;
    log_bed_line(&b.bed, "debian", KILN_OUTPUT, "needle");
    log_bed_many(&b.bed, 30000, 50);
    open_view(&b);
    assert_true(kiln_logstore_blocks(b.store) > 5);
    set_filter(&b, "text=needle");
    assert_int_equal(kiln_logview_walk(b.view, last, false, false, 0, &at), KILN_LOG_LATER);
    assert_false(kiln_logview_total(b.view, &total));
    while (!changed)
        assert_true(kiln_logview_work(b.view, 0, &changed));
    assert_int_equal(kiln_logview_walk(b.view, last, false, false, 0, &at), KILN_LOG_FOUND);
    assert_true(kiln_logview_line(b.view, at, &line));
    assert_memory_equal(line.text, "needle", 6);
    work(&b);
    assert_true(kiln_logview_total(b.view, &total));
    assert_int_equal(total, 1);
    /* A filter by step waits for the index. */
    kiln_logview_free(b.view);
    kiln_logstore_free(b.store);
    open_view(&b);
    set_filter(&b, "step=run");
    assert_int_equal(kiln_logview_walk(b.view, last, false, false, KILN_NEVER, &at),
                     KILN_LOG_LATER);
    work(&b);
    assert_int_equal(kiln_logview_walk(b.view, last, false, false, KILN_NEVER, &at), KILN_LOG_NONE);
    close_view(&b);
}

static void test_growing_view(void **state)
{
    struct bench b = { .bed = log_bed_new() };
    struct kiln_logpos at;
    uint64_t total, number;

    (void)state;
    open_view(&b);
    set_filter(&b, "level=error");
    for (unsigned i = 1; i <= 20; i++) {
        log_bed_many(&b.bed, 900, 1);
        kiln_logstore_grown(b.store, b.bed.size);
        if (i % 3 == 0)
            work(&b);
        assert_int_equal(kiln_logview_end(b.view, true, KILN_NEVER, &at), KILN_LOG_FOUND);
        work(&b);
        assert_true(kiln_logview_total(b.view, &total));
        assert_int_equal(total, 100 * i);
        assert_true(kiln_logview_number(b.view, at, &number));
        assert_int_equal(number, 100 * i - 1);
    }
    close_view(&b);
}

static void test_search(void **state)
{
    struct bench b = { .bed = log_bed_new() };
    struct kiln_regex *re;
    KILN_AUTO_ERR err = { 0 };
    static const struct {
        const char *filter, *pattern;
        unsigned from; /* the how-manieth shown line */
        bool forward;
        int64_t hit; /* the how-manieth; -1: none */
        bool wrapped;
    } rows[] = {
        { "", "^line 20000$", 0, true, 20000, false },
        { "", "^line 20000$", 25000, true, 20000, true },
        { "", "^line 20000$", 25000, false, 20000, false },
        { "", "^line 20000$", 10000, false, 20000, true },
        { "", "^line 20000$", 20000, true, 20000, true }, /* nothing else: itself */
        { "", "^line 20000$", 20000, false, 20000, true },
        { "", "^line 2000[01]$", 20000, true, 20001, false },
        { "", "^line 2000[01]$", 20000, false, 20001, true },
        { "", "nowhere", 20000, true, -1, true },
        { "", "nowhere", 20000, false, -1, true },
        { "level=error", "^line 99 ", 0, true, 11, false },
        { "level=error", "^line 98 ", 0, true, -1, true },
        { "level=error", "^line 99 ", 5, false, 11, true },
    };

    (void)state;
    log_bed_many(&b.bed, 30000, 1);
    open_view(&b);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_logsearch search = { .forward = rows[i].forward };
        struct kiln_logpos hit;
        enum kiln_log_answer answer;
        uint64_t number;
        bool here = true;

        set_filter(&b, rows[i].filter);
        work(&b);
        for (unsigned k = 0; k <= rows[i].from; k++, here = false)
            assert_int_equal(
                kiln_logview_walk(b.view, search.from, true, here, KILN_NEVER, &search.from),
                KILN_LOG_FOUND);
        unit_ok(kiln_regex_new(&re, rows[i].pattern, &err), &err);
        while ((answer = kiln_logview_search(b.view, &search, re, 0, &hit)) == KILN_LOG_LATER)
            ;
        assert_int_equal(answer, rows[i].hit >= 0 ? KILN_LOG_FOUND : KILN_LOG_NONE);
        assert_int_equal(search.wrapped, rows[i].wrapped);
        if (rows[i].hit >= 0) {
            assert_true(kiln_logview_number(b.view, hit, &number));
            assert_int_equal(number, rows[i].hit);
        }
        kiln_regex_free(re);
    }
    close_view(&b);
}

static void test_empty(void **state)
{
    struct bench b = { .bed = log_bed_new() };
    struct kiln_logsearch search = { .forward = true };
    struct kiln_logpos at = { 3, 4 };
    struct kiln_logline line;
    struct kiln_regex *re;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    open_view(&b);
    unit_ok(kiln_regex_new(&re, "x", &err), &err);
    assert_int_equal(kiln_logview_end(b.view, true, KILN_NEVER, &at), KILN_LOG_NONE);
    assert_int_equal(kiln_logview_search(b.view, &search, re, 0, &at), KILN_LOG_NONE);
    assert_false(kiln_logview_line(b.view, at, &line));
    kiln_regex_free(re);
    close_view(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regex),           cmocka_unit_test(test_regex_in_row),
        cmocka_unit_test(test_regex_errors),    cmocka_unit_test(test_regex_catastrophes),
        cmocka_unit_test(test_regex_long_line), cmocka_unit_test(test_filter_errors),
        cmocka_unit_test(test_filter),          cmocka_unit_test(test_later),
        cmocka_unit_test(test_growing_view),    cmocka_unit_test(test_search),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
