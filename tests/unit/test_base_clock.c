/* Durations: Go's syntax, error texts and format; Packer's words. Source: packer-core.md 2.2, 9.3.
 */
#include "base/clock.h"
#include "unit.h"

#define MS  INT64_C(1000000)
#define SEC INT64_C(1000000000)

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        { "0", 0 },
        { "-0", 0 },
        { "5s", 5 * SEC },
        { "+5s", 5 * SEC },
        { "-5s", -5 * SEC },
        { ".5s", 500 * MS },
        { "1.s", SEC },
        { "1h2m3.5s", 3723 * SEC + 500 * MS },
        { "1h1h", 7200 * SEC },
        { "10ns", 10 },
        { "1us", 1000 },
        { "1\xc2\xb5s", 1000 },
        { "1\xce\xbcs", 1000 },
        { "0.3333333333333333333h", 20 * 60 * SEC },
        { "9007199254.740993ms", INT64_C(9007199254740993) },
        { "9223372036854775807ns", INT64_MAX },
        { "-9223372036854775808ns", INT64_MIN },
        { "-2562047h47m16.854775808s", INT64_MIN },
        { "0.100000000000000000000h", 360 * SEC },
        { "0.830103483285477580700h", INT64_C(2988372539827) },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_ERR err = { 0 };
        int64_t ns = 0;

        if (!kiln_duration_parse(rows[i].text, &ns, &err))
            fail_msg("%s: %s", rows[i].text, kiln_err_text(&err));
        if (ns != rows[i].ns)
            fail_msg("%s: %lld", rows[i].text, (long long)ns);
    }
}

static void test_refuse(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "10", "time: missing unit in duration \"10\"" },
        { "1.", "time: missing unit in duration \"1.\"" },
        { "1d", "time: unknown unit \"d\" in duration \"1d\"" },
        { "5 s", "time: unknown unit \" s\" in duration \"5 s\"" },
        { "5S", "time: unknown unit \"S\" in duration \"5S\"" },
        { "1h-30m", "time: unknown unit \"h-\" in duration \"1h-30m\"" },
        { "1\xc3\xa9", "time: unknown unit \"\\xc3\\xa9\" in duration \"1\\xc3\\xa9\"" },
        { "1\"\\\n", "time: unknown unit \"\\\"\\\\\\x0a\" in duration \"1\\\"\\\\\\x0a\"" },
        { "", "time: invalid duration \"\"" },
        { "-", "time: invalid duration \"-\"" },
        { "s", "time: invalid duration \"s\"" },
        { ".", "time: invalid duration \".\"" },
        { ".s", "time: invalid duration \".s\"" },
        { "--1s", "time: invalid duration \"--1s\"" },
        { "9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\"" },
        { "9223372036854775808ns9223372036854775808ns",
          "time: invalid duration \"9223372036854775808ns9223372036854775808ns\"" },
        { "9223372036854775809ns", "time: invalid duration \"9223372036854775809ns\"" },
        { "-9223372036854775809ns", "time: invalid duration \"-9223372036854775809ns\"" },
        { "99999999999999999999s", "time: invalid duration \"99999999999999999999s\"" },
        { "3000000h", "time: invalid duration \"3000000h\"" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_ERR err = { 0 };
        int64_t ns = 77;

        unit_fails(kiln_duration_parse(rows[i].text, &ns, &err), &err, KILN_ERR_USER, rows[i].want);
        assert_int_equal(ns, 77);
    }
}

static void test_format(void **state)
{
    static const struct {
        int64_t ns;
        const char *go, *words;
    } rows[] = {
        { 0, "0s", "0 seconds" },
        { 10, "10ns", "0 seconds" },
        { 1100, "1.1\xc2\xb5s", "1 microsecond" },
        { 2200000, "2.2ms", "2 milliseconds 200 microseconds" },
        { 100 * MS, "100ms", "100 milliseconds" },
        { 1500 * MS, "1.5s", "1 second 500 milliseconds" },
        { 60 * SEC, "1m0s", "1 minute" },
        { 61 * SEC, "1m1s", "1 minute 1 second" },
        { 60500 * MS, "1m0.5s", "1 minute 500 milliseconds" },
        { 123 * SEC, "2m3s", "2 minutes 3 seconds" },
        { 4944000, "4.944ms", "4 milliseconds 944 microseconds" },
        { 7200 * SEC, "2h0m0s", "2 hours" },
        { 3600 * SEC + 1, "1h0m0.000000001s", "1 hour" },
        { 400 * 86400 * SEC, "9600h0m0s", "1 year 5 weeks" },
        { -1500 * MS, "-1.5s", "-1 second 500 milliseconds" },
        { INT64_MAX, "2562047h47m16.854775807s", "292 years 24 weeks" },
        { INT64_MIN, "-2562047h47m16.854775808s", "-292 years 24 weeks" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR go = { 0 };
        KILN_AUTO_STR words = { 0 };
        int64_t back = 0;

        kiln_duration_format(&go, rows[i].ns);
        kiln_duration_words(&words, rows[i].ns);
        assert_string_equal(go.data, rows[i].go);
        assert_string_equal(words.data, rows[i].words);
        assert_true(kiln_duration_parse(go.data, &back, NULL));
        assert_int_equal(back, rows[i].ns);
    }
}

static void test_clocks(void **state)
{
    int64_t a = kiln_clock_mono_us(), b = kiln_clock_mono_us();

    (void)state;
    assert_true(a > 0 && b >= a);
    assert_true(kiln_clock_wall_us() > INT64_C(1600000000) * 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
