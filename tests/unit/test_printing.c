/* What the command line's printers are made of: records for machines, text that is safe for a
 * terminal, progress. */
#include "unit.h"

#include "base/clock.h"
#include "base/macros.h"
#include "cli/machine.h"
#include "cli/progress.h"
#include "cli/terminal.h"

static void test_machine_record(void **state)
{
    static const char *const fields[] = { "say", "a,b\nc\r\n,", "", NULL, "100%" };
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_machine_record(&out, 1700000000999999, "qemu", "ui", fields, KILN_COUNT(fields));
    kiln_machine_record(&out, 0, "", "version", NULL, 0);
    assert_string_equal(kiln_str_cstr(&out),
                        "1700000000,qemu,ui,say,a%!(PACKER_COMMA)b\\nc\\r\\n%!(PACKER_COMMA),,,"
                        "100%\n0,,version\n");
}

static const struct {
    const char *in, *want;
} cleaned[] = {
    { "plain\ttext\nline", "plain\ttext\nline" },
    { "h\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80", "h\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80" },
    /* colours stay, whatever else a terminal obeys does not */
    { "\033[1;32mgreen\033[0m \033[m \033[38:5:1m", "\033[1;32mgreen\033[0m \033[m \033[38:5:1m" },
    { "\033[2J\033[H", "?[2J?[H" },
    { "\033]0;title\a", "?]0;title?" },
    { "\033[31", "?[31" },
    { "\033", "?" },
    { "\033[", "?[" },
    { "\033[1\033[0m", "?[1\033[0m" },
    { "\033[?25lm", "?[?25lm" },
    { "a\rb\bc\x7f\x0e", "a?b?c??" },
    /* C1 controls, in UTF-8 and bare */
    { "\xc2\x9b"
      "2J\xc2\x85\xc2\xa0",
      "?2J?\xc2\xa0" },
    { "\x9b"
      "2J",
      "?2J" },
    /* no UTF-8, but no control either */
    { "\xff\xfe\xc3", "\xff\xfe\xc3" },
    { "\xc3\xa9\x9b", "\xc3\xa9?" },
};

static void test_terminal_clean(void **state)
{
    KILN_AUTO_STR endless = { 0 }, out = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(cleaned); i++) {
        KILN_AUTO_STR got = { 0 };

        kiln_terminal_clean(&got, cleaned[i].in, strlen(cleaned[i].in));
        if (strcmp(kiln_str_cstr(&got), cleaned[i].want) != 0)
            fail_msg("row %zu: got \"%s\"", i, kiln_str_cstr(&got));
    }
    kiln_terminal_clean(&out, "a\0b", 3);
    assert_string_equal(kiln_str_cstr(&out), "a?b");

    kiln_str_clear(&out); /* a colour that does not end is none */
    kiln_str_adds(&endless, "\033[");
    for (int i = 0; i < 100; i++)
        kiln_str_addc(&endless, '1');
    kiln_str_addc(&endless, 'm');
    kiln_terminal_clean(&out, endless.data, endless.len);
    assert_int_equal(out.data[0], '?');
}

/* Off a terminal; every row 1 MiB of 10 further on, unless it says otherwise. */
static const struct {
    int64_t at_us;
    uint64_t done, total;
    const char *name, *want; /* NULL: no line */
} steps[] = {
    { 0, 0, 10 << 20, "ISO", NULL },
    { KILN_SECOND(9), 9 << 20, 10 << 20, "ISO", NULL },
    { KILN_SECOND(10), 5 << 20, 10 << 20, "ISO",
      "ISO: 5.0 MiB / 10.0 MiB   50 %  0.5 MiB/s  ETA 11s" },
    { KILN_SECOND(19), 6 << 20, 10 << 20, "ISO", NULL },
    { KILN_SECOND(20), 10 << 20, 10 << 20, "ISO", "ISO: 10.0 MiB / 10.0 MiB  100 %  0.5 MiB/s" },
    /* something new, of unknown size, that begins in the middle: the rate is of the rest */
    { KILN_SECOND(20), 100 << 20, 0, "disk", NULL },
    { KILN_SECOND(30), 120 << 20, 0, "disk", "disk: 120.0 MiB  2.0 MiB/s" },
    /* from the start again */
    { KILN_SECOND(31), 1 << 20, 0, "disk", NULL },
    { KILN_SECOND(41), 1 << 20, 0, "disk", "disk: 1.0 MiB" },
    /* so slow that nobody wants to know */
    { KILN_SECOND(41), 0, UINT64_MAX / 2, "slow", NULL },
    { KILN_SECOND(4000), 1, UINT64_MAX / 2, "slow",
      "slow: 0.0 MiB / 8796093022208.0 MiB    0 %  0.0 MiB/s" },
};

static void test_progress_lines(void **state)
{
    struct kiln_progress_line p = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(steps); i++) {
        const struct kiln_event ev = { .type = KILN_EV_PROGRESS,
                                       .build = "qemu",
                                       .name = steps[i].name,
                                       .mono_us = steps[i].at_us + KILN_SECOND(100),
                                       .done = steps[i].done,
                                       .total = steps[i].total };
        KILN_AUTO_STR out = { 0 };
        bool shown = kiln_progress_update(&p, &ev, false, &out);

        if (shown != (steps[i].want != NULL) ||
            (shown && strcmp(kiln_str_cstr(&out), steps[i].want) != 0))
            fail_msg("row %zu: got \"%s\"", i, kiln_str_cstr(&out));
        assert_false(p.drawn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine_record),
        cmocka_unit_test(test_terminal_clean),
        cmocka_unit_test(test_progress_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
