/* What a person does in the guest by hand, as it is recorded, in the boot command's pane. */
#include "boot_pane_bed.h"

#define HAND "{\"type\":\"record\",\"build\":\"debian\",\"status\":1,\"names\":["
#define DONE "{\"type\":\"record\",\"build\":\"debian\",\"names\":["
/* What is recorded comes behind what has been typed, and in the place of the rest. */
static void test_recorded(void **state)
{
    struct kiln_console *c = start_with(130, 24, FEW);

    (void)state;
    at_element(c, 2);
    bed_event(c, HAND "]}");
    bed_shows(c, " recording ─");
    bed_shows(c, "1 a<esc>");
    bed_shows(c, "2 b ");
    bed_event(c, HAND "\"<wait 'x'>y\"]}");
    bed_shows(c, "3 <wait 'x'>y ");
    bed_keys(c, "a");
    bed_shows(c, "the guest is driven by hand: end the recording first");
    bed_event(c, DONE "\"<wait 'x'>y\",\"z\"]}");
    bed_shows(c, " recorded ─");
    bed_shows(c, "Recorded: edit, apply or write it");
    bed_keys(c, "a down enter"); /* from the beginning */
    assert_string_equal(kiln_str_cstr(&bed_requests),
                        "retype build=debian [a<esc>] [b] [<wait 'x'>y] [z]\n");
    bed_event(c, HAND "]}");
    bed_event(c, DONE "\"<wait 'x'>y\",\"z\"]}");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "a down down enter"); /* type it */
    assert_string_equal(kiln_str_cstr(&bed_requests),
                        "edit build=debian from=3 [a<esc>] [b] [<wait 'x'>y] [z]\n");
    bed_shows(c, "the build goes on from there");
    kiln_console_free(c);
}

/* It was pressed already: the build goes on behind it, with what was added to it. */
static void test_recorded_and_pressed(void **state)
{
    struct kiln_console *c = start_with(130, 24, FEW);

    (void)state;
    bed_event(c, HAND "]}");
    bed_event(c, DONE "\"yz<enter>\"]}");
    bed_keys(c, "a enter");
    assert_string_equal(kiln_str_cstr(&bed_requests), "edit build=debian from=3 [yz<enter>]\n");
    bed_event(c, HAND "]}");
    bed_event(c, DONE "\"yz\"]}");
    bed_keys(c, "enter ctrl-e X esc");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "a enter");
    assert_string_equal(kiln_str_cstr(&bed_requests), "edit build=debian from=2 [yzX]\n");
    kiln_console_free(c);
}

/* Nobody's edit is lost, nothing of the past comes back, and a secret is not applied. */
static void test_recorded_beside_an_edit(void **state)
{
    struct kiln_console *c = start_with(130, 24, FEW);

    (void)state;
    bed_event(c, DONE "\"old\"]}");
    bed_event(c, FEW); /* it was applied */
    bed_shows(c, "2 b<enter>c");
    bed_keys(c, "enter X esc");
    bed_event(c, HAND "]}");
    bed_event(c, DONE "\"y\"]}");
    bed_shows(c, "the recording is not shown: there is another edit");
    bed_shows(c, "1 Xa<esc>");
    bed_keys(c, "u");
    bed_event(c, HAND "]}");
    bed_event(c, DONE "\"<sensitive><enter>\"]}");
    bed_shows(c, "What the guest did not show may be a secret");
    bed_keys(c, "u");
    bed_event(c, HAND "]}");
    bed_event(c, DONE "]}");
    bed_keys(c, "u");
    bed_shows(c, "2 b<enter>c");
    kiln_console_free(c);
}

/* Nor is an edit of what is being recorded; another recording goes on behind the one before; and
 * what cannot be recorded is told. */
static void test_recorded_and_edited(void **state)
{
    struct kiln_console *c = start_with(130, 24, FEW);

    (void)state;
    bed_event(c, HAND "]}");
    bed_event(c, HAND "\"one\"]}");
    bed_keys(c, "enter ctrl-e X esc");
    bed_event(c, HAND "\"one\",\"two\"]}");
    bed_shows(c, "1 oneX");
    bed_shows(c, "2 two");
    bed_event(c, DONE "\"one\",\"two\"]}");
    bed_shows_not(c, "3 two");
    bed_event(c, HAND "]}");
    bed_event(c, DONE "\"three\"],\"text\":\"a key was pressed\"}");
    bed_shows(c, "1 oneX");
    bed_shows(c, "3 three");
    bed_shows(c, "not recorded: a key was pressed");
    kiln_console_free(c);
}

/* Who looks at another build meanwhile may edit that one, and finds the recording again. */
static void test_recorded_in_another_build(void **state)
{
    struct kiln_console *c = start_with(130, 24, FEW);

    (void)state;
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"other\",\"mono\":1}");
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"other\",\"names\":[\"x\"],\"text\":\"x\"}");
    bed_event(c, HAND "]}");
    kiln_console_show_build(c, "other");
    bed_shows(c, " edit of debian ─");
    bed_keys(c, "u");
    bed_event(c, HAND "\"one\"]}");
    bed_keys(c, "enter Y esc");
    bed_shows(c, "1 Yx");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "a");
    assert_string_equal(kiln_str_cstr(&bed_requests), "edit build=other [Yx]\n");
    kiln_console_show_build(c, "debian");
    bed_shows(c, " recording ─");
    bed_shows(c, "1 one");
    bed_event(c, DONE "\"one\",\"two\"]}");
    bed_shows(c, "2 two");
    kiln_console_free(c);
}

/* Who comes later finds what was recorded, unless something was made of it. */
static void test_recorded_before(void **state)
{
    struct kiln_console *c = start_with(130, 24, FEW);

    (void)state;
    bed_event(c, DONE "\"one\",\"two\"]}");
    bed_shows(c, "1 one");
    bed_shows(c, " recorded ─");
    kiln_console_free(c);
    c = start_with(130, 24, FEW);
    bed_event(c, DONE "\"one\",\"two\"]}");
    bed_event(c, FEW);
    bed_shows_not(c, "1 one");
    kiln_console_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_recorded_and_pressed),
        cmocka_unit_test(test_recorded_beside_an_edit),
        cmocka_unit_test(test_recorded_and_edited),
        cmocka_unit_test(test_recorded_in_another_build),
        cmocka_unit_test(test_recorded_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
