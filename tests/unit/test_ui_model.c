/* The model of a run, made from events; nothing that they say makes it grow without bound. */
#include "unit.h"

#include "ui/duration.h"
#include "ui/model.h"
#include "ui/places.h"

static void take(struct kiln_model *m, const char *json)
{
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_event_decode(&box, json, strlen(json), &err), &err);
    kiln_model_event(m, &box.ev);
    kiln_event_box_done(&box);
}

#define STEP(from, to, mono)                                                                       \
    "{\"type\":\"step\",\"build\":\"b\",\"index\":1,\"name\":\"stepTwo\",\"from\":\"" from         \
    "\",\"to\":\"" to "\",\"mono\":" mono "}"

static void test_story(void **state)
{
    struct kiln_model m = { 0 };
    const struct kiln_model_build *b;
    const struct kiln_model_step *s;

    (void)state;
    take(&m, "{\"type\":\"run-start\",\"text\":\"t.json\",\"names\":[\"b\",\"c\"],\"mono\":5}");
    assert_int_equal(m.n_builds, 2);
    take(&m, "{\"type\":\"build-start\",\"build\":\"b\",\"mono\":10}");
    take(&m, "{\"type\":\"plan\",\"build\":\"b\",\"names\":[\"stepOne\",\"stepTwo\"]}");
    b = kiln_model_find(&m, "b");
    assert_int_equal(b->state, KILN_MODEL_RUNNING);
    s = &b->lists[KILN_PLACES_STEPS].v[1];
    take(&m, STEP("pending", "running", "20"));
    assert_int_equal(s->state, KILN_MODEL_RUNNING);
    take(&m, "{\"type\":\"progress\",\"build\":\"b\",\"name\":\"iso\",\"done\":10,\"total\":100,"
             "\"mono\":20}");
    take(&m, "{\"type\":\"progress\",\"build\":\"b\",\"name\":\"iso\",\"done\":60,\"total\":100,"
             "\"mono\":30}");
    assert_int_equal(b->progress.done_at_start, 10);
    assert_int_equal(b->progress.done, 60);
    take(&m, STEP("running", "paused", "40"));
    assert_int_equal(s->state, KILN_MODEL_STOPPED);
    take(&m, STEP("paused", "running", "50"));
    assert_int_equal(s->start_us, 20); /* a pause is no new start */
    take(&m, STEP("running", "failed", "60"));
    assert_null(b->progress.name);
    take(&m, STEP("failed", "cleaned", "70"));
    assert_int_equal(s->state, KILN_MODEL_CLEANED);
    assert_true(s->failed);
    assert_int_equal(kiln_step_elapsed_us(s, 1000), 40);
    take(&m, STEP("cleaned", "running", "80"));
    assert_false(s->failed);
    assert_int_equal(s->tries, 2);
    take(&m, "{\"type\":\"prompt\",\"build\":\"b\",\"index\":3,\"text\":\"?\",\"names\":[\"x\"]}");
    take(&m, "{\"type\":\"prompt\",\"build\":\"b\",\"index\":3,\"text\":\"??\"}");
    assert_int_equal(b->n_prompts, 1);
    assert_true(kiln_model_asks(&m));
    take(&m, "{\"type\":\"stop\",\"build\":\"b\",\"name\":\"pause\",\"id\":\"x\",\"status\":1}");
    assert_int_equal(b->state, KILN_MODEL_STOPPED);
    assert_true(b->stop.halted);
    take(&m, "{\"type\":\"resume\",\"build\":\"b\"}");
    assert_int_equal(b->state, KILN_MODEL_RUNNING);
    take(&m, "{\"type\":\"build-end\",\"build\":\"b\",\"status\":1,\"text\":\"no\",\"mono\":90}");
    assert_int_equal(b->state, KILN_MODEL_FAILED);
    assert_string_equal(b->error, "no");
    assert_false(kiln_model_asks(&m));
    assert_int_equal(kiln_build_elapsed_us(b, 1000), 80);
    take(&m, "{\"type\":\"run-end\",\"status\":1}");
    assert_true(m.over);
    kiln_model_clear(&m);
}

/* Numbers that no build has. */
static const char *const odd[] = {
    "{\"type\":\"step\",\"build\":\"b\",\"index\":-1,\"name\":\"x\",\"to\":\"running\"}",
    "{\"type\":\"step\",\"build\":\"b\",\"index\":9223372036854775807,\"to\":\"running\"}",
    "{\"type\":\"step\",\"build\":\"b\",\"index\":3,\"to\":\"nonsense\"}",
    "{\"type\":\"step\",\"build\":\"b\",\"id\":\"nonsense\",\"index\":3,\"to\":\"running\"}",
    "{\"type\":\"plan\",\"build\":\"b\"}",
    "{\"type\":\"boot-plan\",\"build\":\"b\",\"index\":-5}",
    "{\"type\":\"boot\",\"build\":\"b\",\"done\":18446744073709551615,\"index\":1}",
    "{\"type\":\"key\",\"build\":\"b\",\"done\":4000000000,\"index\":-9}",
    "{\"type\":\"progress\",\"build\":\"b\",\"done\":5}",
    "{\"type\":\"prompt\",\"build\":\"b\"}",
    "{\"type\":\"stop\",\"build\":\"b\"}",
    "{\"type\":\"build-end\",\"build\":\"b\",\"status\":77}",
    "{\"type\":\"artifact\",\"build\":\"b\"}",
    "{\"type\":\"build-start\"}",
    "{\"type\":\"line\"}",
};

static void test_odd(void **state)
{
    struct kiln_model m = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(odd); i++)
        take(&m, odd[i]);
    assert_int_equal(m.n_builds, 1);
    assert_true(m.builds[0].n_boot < 100);
    for (int i = 0; i < 3000; i++) {
        KILN_AUTO_STR json = { 0 };

        kiln_str_addf(&json, "{\"type\":\"build-start\",\"build\":\"b%d\"}", i);
        take(&m, json.data);
    }
    assert_in_range(m.n_builds, 1, 1000);
    kiln_model_clear(&m);
}

static const struct {
    const char *spec;
    enum kiln_place_list list;
    size_t i;
    bool after, hit;
} breaks[] = {
    { "stepRun", KILN_PLACES_STEPS, 0, false, true },
    { "run", KILN_PLACES_STEPS, 0, false, true },
    { "before:RUN", KILN_PLACES_STEPS, 0, false, true },
    { "deb*/before:run", KILN_PLACES_STEPS, 0, false, true },
    { "after:run", KILN_PLACES_STEPS, 0, true, true },
    { "after:run", KILN_PLACES_STEPS, 0, false, false },
    { "shell", KILN_PLACES_PROVISIONERS, 0, false, true },
    { "shell", KILN_PLACES_PROVISIONERS, 2, false, true },
    { "shell.2", KILN_PLACES_PROVISIONERS, 0, false, false },
    { "shell.2", KILN_PLACES_PROVISIONERS, 2, false, true },
    { "provisioner.3", KILN_PLACES_PROVISIONERS, 2, false, true },
    { "provisioner.3", KILN_PLACES_PROVISIONERS, 1, false, false },
    { "provisioner", KILN_PLACES_PROVISIONERS, 1, false, true },
    { "post-processor.1", KILN_PLACES_POSTPROCESSORS, 0, false, true },
    { "boot:3", KILN_PLACES_STEPS, 0, false, false },
    { "key:1", KILN_PLACES_STEPS, 0, false, false },
    { "shell.x", KILN_PLACES_PROVISIONERS, 0, false, false },
};

static void test_breaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(breaks); i++) {
        struct kiln_model m = { 0 };
        KILN_AUTO_STR json = { 0 };
        const char *hit;

        take(&m, "{\"type\":\"plan\",\"build\":\"b\",\"names\":[\"stepRun\"]}");
        take(&m, "{\"type\":\"plan\",\"build\":\"b\",\"id\":\"provisioner\","
                 "\"names\":[\"shell\",\"file\",\"shell\"]}");
        take(&m, "{\"type\":\"plan\",\"build\":\"b\",\"id\":\"post-processor\","
                 "\"names\":[\"manifest\"]}");
        kiln_str_addf(&json, "{\"type\":\"breakpoints\",\"build\":\"b\",\"names\":[\"%s\"]}",
                      breaks[i].spec);
        take(&m, json.data);
        hit = kiln_step_break(m.builds, breaks[i].list, breaks[i].i, breaks[i].after);
        if ((hit != NULL) != breaks[i].hit)
            fail_msg("%s: %s", breaks[i].spec, hit ? "a hit" : "no hit");
        kiln_model_clear(&m);
    }
}

#define RUNG(number, name, to)                                                                     \
    "{\"type\":\"rung\",\"build\":\"b\",\"index\":" number ",\"name\":\"" name                     \
    "\",\"from\":\"absent\",\"to\":\"" to "\",\"text\":\"seen\"}"

static void test_ladder(void **state)
{
    struct kiln_model m = { 0 };
    const struct kiln_model_build *b;

    (void)state;
    take(&m, RUNG("0", "vm", "holds"));
    take(&m, RUNG("1", "screen", "waiting"));
    take(&m, RUNG("4", "port", "unknown"));
    take(&m, RUNG("5", "banner", "holds"));
    take(&m, RUNG("99", "far", "holds"));
    take(&m, RUNG("-1", "near", "holds"));
    b = kiln_model_find(&m, "b");
    assert_int_equal(kiln_model_height(b), 6);
    assert_int_equal(b->rungs[1].state, KILN_MODEL_RUNG_WAITING);
    assert_int_equal(b->rungs[4].state, KILN_MODEL_RUNG_UNKNOWN);
    assert_string_equal(b->rungs[4].name, "port");
    assert_string_equal(b->rungs[4].detail, "seen");
    assert_null(b->rungs[2].name);
    take(&m, RUNG("5", "banner", "waiting"));
    take(&m, RUNG("0", "vm", "absent"));
    assert_int_equal(kiln_model_height(b), 0);
    assert_null(b->rungs[0].name);
    kiln_model_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_ladder),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
