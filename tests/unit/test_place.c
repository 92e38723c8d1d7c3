/* Places: the forms people write, what they mean, and what is said about those that mean nothing.
 */
#include "engine/place.h"

#include "base/mem.h"
#include "unit.h"

#define AUTO_PLACE KILN_CLEANUP(kiln_place_done) struct kiln_place

static void reads_and_writes_every_form(void **unused)
{
    static const struct {
        const char *spec;
        struct kiln_place want;
        const char *text;
    } rows[] = {
        { "run", { .name = "run", .row = -1 }, "before:run" },
        { "before:stepRun", { .name = "stepRun", .row = -1 }, "before:stepRun" },
        { "After:run", { KILN_PLACE_AFTER, .name = "run", .row = -1 }, "after:run" },
        { "shell.2", { .name = "shell", .number = 2, .row = -1 }, "before:shell.2" },
        { "after:shell-local.10",
          { KILN_PLACE_AFTER, .name = "shell-local", .number = 10, .row = -1 },
          "after:shell-local.10" },
        { "boot:1", { KILN_PLACE_ELEMENT, .row = -1 }, "boot:1" },
        { "boot:2.7", { KILN_PLACE_ELEMENT, .row = 1, .number = 6 }, "boot:2.7" },
        { "key:12", { KILN_PLACE_KEY, .number = 11, .row = -1 }, "key:12" },
        { "boot:end", { KILN_PLACE_BOOT_END, .row = -1 }, "boot:end" },
        { "text:a/b: [x]", { KILN_PLACE_TEXT, .name = "a/b: [x]", .row = -1 }, "text:a/b: [x]" },
        { "a/b/text:c/d",
          { KILN_PLACE_TEXT, .build = "a/b", .name = "c/d", .row = -1 },
          "text:c/d" },
        { "qemu.debian/key:1", { KILN_PLACE_KEY, .build = "qemu.debian", .row = -1 }, "key:1" },
        { "a/b*/run", { .build = "a/b*", .name = "run", .row = -1 }, "before:run" },
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_ERR err = { 0 };
        AUTO_PLACE p = { 0 }, again = { 0 };
        KILN_AUTO_STR text = { 0 };

        unit_ok(kiln_place_parse(rows[i].spec, &p, &err), &err);
        assert_true(kiln_place_same(&p, &rows[i].want));
        assert_true(kiln_streq(p.build, rows[i].want.build));
        kiln_place_format(&p, &text);
        assert_string_equal(kiln_str_cstr(&text), rows[i].text);
        unit_ok(kiln_place_parse(kiln_str_cstr(&text), &again, &err), &err);
        assert_true(kiln_place_same(&p, &again));
    }
}

#define FORMS                                                                                      \
    "there are before:NAME, after:NAME, boot:ELEMENT, boot:end, key:NUMBER, "                      \
    "text:REGEX"
#define BOOT "\"boot:\" wants the number of an element (1, 2 …), ROW.ELEMENT, or \"end\""
#define KEY  "\"key:\" wants the number of a key event (1, 2 …)"

static void says_what_is_wrong(void **unused)
{
    static const struct {
        const char *spec, *want;
    } rows[] = {
        { "", "a name of a step, provisioner or post-processor is missing" },
        { "before:", "a name of a step, provisioner or post-processor is missing" },
        { "befor:run", "did you mean \"before:run\"?" },
        { "keys:3", "did you mean \"key:3\"?" },
        { "until:run", "\"until:\" is not known; " FORMS },
        { ":run", "\":\" is not known; " FORMS },
        { "boot:", BOOT },
        { "boot:0", BOOT },
        { "boot:-1", BOOT },
        { "boot:1.", BOOT },
        { "boot:.1", BOOT },
        { "boot:1.2.3", BOOT },
        { "boot:end.1", BOOT },
        { "boot:99999999999999999999", BOOT },
        { "key:0", KEY },
        { "text:", "\"text:\" wants a regular expression" },
        { "key: 1", KEY },
        { "key:one", KEY },
        { "shell.0", "\"0\" after \"shell.\" is no number (1, 2 …) of a provisioner" },
        { "shell.", "\"\" after \"shell.\" is no number (1, 2 …) of a provisioner" },
        { "the run", "\"the run\" is no name of a step, provisioner or post-processor" },
        { "/run", "the name of a build is missing before the \"/\"" },
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *want = kiln_xasprintf("place \"%s\": %s", rows[i].spec, rows[i].want);
        KILN_AUTO_ERR err = { 0 };
        AUTO_PLACE p = { 0 };

        unit_fails(kiln_place_parse(rows[i].spec, &p, &err), &err, KILN_ERR_USER, want);
    }
}

static void refuses_long_ones(void **unused)
{
    char spec[2000];
    KILN_AUTO_ERR err = { 0 };
    AUTO_PLACE p = { 0 };

    (void)unused;
    memset(spec, 'a', sizeof(spec) - 1);
    spec[sizeof(spec) - 1] = '\0';
    unit_fails(kiln_place_parse(spec, &p, &err), &err, KILN_ERR_USER,
               "a place of more than 1024 bytes");
}

static void patterns_choose_builds(void **unused)
{
    static const struct {
        const char *pattern, *label;
        bool want;
    } rows[] = {
        { "qemu", "qemu", true },
        { "qemu", "qemu.debian", false },
        { "qemu.*", "qemu.debian", true },
        { "*", "qemu", true },
        { "*deb*n", "qemu.debian", true },
        { "*deb*x", "qemu.debian", false },
        { "a**b", "ab", true },
        { "*aab", "aaaab", true },
        { "[a-z]", "q", false },
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *spec = kiln_xasprintf("%s/run", rows[i].pattern);
        KILN_AUTO_ERR err = { 0 };
        AUTO_PLACE p = { 0 };

        unit_ok(kiln_place_parse(spec, &p, &err), &err);
        assert_int_equal(kiln_place_is_for(&p, rows[i].label), rows[i].want);
    }
}

/* ---- names against a plan ---- */

static void fill(struct kiln_places *places)
{
    kiln_strv_split(&places->names[KILN_PLACES_STEPS], "StepDownload,stepRun,StepProvision", ',');
    kiln_strv_split(&places->names[KILN_PLACES_PROVISIONERS], "shell,file,shell,shell-local", ',');
    kiln_strv_split(&places->names[KILN_PLACES_POSTPROCESSORS], "manifest,shell-local", ',');
}

/* All that a place names, as canonical names. */
static char *named(const struct kiln_place *p, const struct kiln_places *places)
{
    KILN_AUTO_STRV all = { 0 };

    for (enum kiln_place_list list = 0; list < KILN_PLACES__N; list++) {
        for (size_t i = 0; i < places->names[list].n; i++) {
            if (kiln_place_names(p, places, list, i))
                kiln_strv_add_take(&all, kiln_place_name(places, list, i));
        }
    }
    return kiln_strv_join(&all, " ");
}

static void names_what_the_plan_has(void **unused)
{
    static const struct {
        const char *spec, *want;
    } rows[] = {
        { "run", "stepRun" },
        { "STEPRUN", "stepRun" },
        { "after:download", "StepDownload" },
        { "run.1", "" },
        { "shell", "provisioner.1 provisioner.3" },
        { "shell.2", "provisioner.3" },
        { "shell.3", "" },
        { "provisioner.2", "provisioner.2" },
        { "provisioner.5", "" },
        { "provisioner", "provisioner.1 provisioner.2 provisioner.3 provisioner.4" },
        { "shell-local.1", "provisioner.4 post-processor.2" },
        { "post-processor.1", "post-processor.1" },
        { "provision", "StepProvision" },
        { "boot:1", "" },
        { "nothing", "" },
    };
    KILN_CLEANUP(kiln_places_done) struct kiln_places places = { 0 };

    (void)unused;
    fill(&places);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = NULL;
        KILN_AUTO_ERR err = { 0 };
        AUTO_PLACE p = { 0 };

        unit_ok(kiln_place_parse(rows[i].spec, &p, &err), &err);
        got = named(&p, &places);
        assert_string_equal(got, rows[i].want);
    }
}

static void guesses_names(void **unused)
{
    static const struct {
        const char *spec, *want;
    } rows[] = {
        { "donwload", "before:Download" },
        { "after:stepRnu", "after:Run" },
        { "shel.9", "before:shell" },
        { "shell.9", "before:shell" },
        { "SHELL.9", "before:shell" },
        { "provisoner", "before:provisioner" },
        { "reboot", NULL },
    };
    KILN_CLEANUP(kiln_places_done) struct kiln_places places = { 0 };

    (void)unused;
    fill(&places);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = NULL;
        KILN_AUTO_ERR err = { 0 };
        AUTO_PLACE p = { 0 };

        unit_ok(kiln_place_parse(rows[i].spec, &p, &err), &err);
        got = kiln_place_guess(&p, &places);
        if (!kiln_streq(got, rows[i].want))
            fail_msg("%s: %s", rows[i].spec, got ? got : "(none)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_every_form), cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(refuses_long_ones),           cmocka_unit_test(patterns_choose_builds),
        cmocka_unit_test(names_what_the_plan_has),     cmocka_unit_test(guesses_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
