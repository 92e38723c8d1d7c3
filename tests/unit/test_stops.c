/* A stopped build as a question, and what answers mean. */
#include "cli/stops.h"

#include "unit.h"

static void asks_what_makes_sense(void **unused)
{
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_STR text = { 0 };
    const char *where = "before provisioner 1 (shell)";
    struct kiln_event ev = { .text = where, .len = strlen(where), .status = 1, .names = &names };

    (void)unused;
    kiln_strv_split(&names, "continue,next,run-to,skip,thaw,break,cancel", ',');
    kiln_stop_question(&ev, &text);
    assert_string_equal(kiln_str_cstr(&text),
                        "Stopped: before provisioner 1 (shell) (the guest is halted). [c] continue "
                        "(Enter), [n] next step or provisioner, [s] skip this provisioner, [q] "
                        "cancel the build:");
}

static void answers_are_commands(void **unused)
{
    static const struct {
        const char *answer, *want;
    } rows[] = {
        { "", "continue" }, { "c", "continue" }, { "N", "next" },    { "next", "next" },
        { "q", "cancel" },  { "k", NULL },       { "skip", NULL },   { "x", NULL },
        { "cc", NULL },     { " ", NULL },       { "run-to", NULL },
    };
    KILN_AUTO_STRV names = { 0 };

    (void)unused;
    kiln_strv_split(&names, "continue,next,run-to,cancel", ',');
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        const char *got = kiln_stop_command(rows[i].answer, &names);

        if (!kiln_streq(got, rows[i].want))
            fail_msg("\"%s\": %s", rows[i].answer, got ? got : "(none)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_what_makes_sense),
        cmocka_unit_test(answers_are_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
