/* The console as a whole: layout, focus, command line, what keys send. */
#include "console_bed.h"

static void start(struct kiln_console *c)
{
    bed_event(c, "{\"type\":\"run-start\",\"text\":\"t.json\",\"names\":[\"debian\",\"alpine\"]}");
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"debian\",\"mono\":1000000}");
}

static const struct {
    int cols, rows;
} sizes[] = {
    { 60, 15 }, { 61, 16 }, { 74, 15 }, { 75, 24 }, { 80, 24 }, { 132, 43 }, { 200, 60 }
};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(sizes); i++) {
        struct kiln_console *c = bed_console(sizes[i].cols, sizes[i].rows);

        start(c);
        print_message("%s", bed_screen(c));
        bed_shows(c, " Builds ");
        bed_shows(c, " Log ");
        kiln_console_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
