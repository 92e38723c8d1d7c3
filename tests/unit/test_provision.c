/* Provisioner wrappers: texts, nesting, and where kiln differs from Packer on purpose. */
#include "engine_fixture.h"

/* A provisioner that does what its script says, one letter per attempt. */
struct fake_cfg {
    const char *script; /* o: ok, f: fails, w: waits to be cancelled, W: the same, own error,
                         * s: waits and calls it a success, C: Ctrl-C, then fails */
    size_t at;
};

static bool fake_provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                           struct kiln_cancel *cancel, struct kiln_err *err)
{
    struct fake_cfg *c = cfg;
    char letter = c->script[c->at] ? c->script[c->at] : 'o';

    assert_non_null(comm);
    c->at++;
    kiln_message(b, "attempt %zu", c->at);
    switch (letter) {
    case 'f':
        return kiln_err_set(err, KILN_ERR_REMOTE, "no\n%zu", c->at);
    case 'w':
        return kiln_wait_us(cancel, KILN_SECOND(3600), err);
    case 'W':
        assert_false(kiln_wait_us(cancel, KILN_SECOND(3600), NULL));
        return kiln_err_set(err, KILN_ERR_REMOTE, "Error executing script: x");
    case 's':
        assert_false(kiln_wait_us(cancel, KILN_SECOND(3600), NULL));
        return true;
    case 'C':
        kiln_cancel_fire(KILN_CONTAINER_OF(b, struct fixture, b)->own);
        assert_true(kiln_cancel_fired(cancel));
        return kiln_err_set(err, KILN_ERR_REMOTE, "torn");
    default:
        assert_int_equal(letter, 'o');
        return true;
    }
}

static const struct kiln_schema fake_schema = { .name = "fake" };
static const struct kiln_provisioner_ops fake_ops = { .schema = &fake_schema,
                                                      .cfg_size = sizeof(struct fake_cfg),
                                                      .provision = fake_provision };
static const struct kiln_communicator_ops communicator_ops = { .type = "none" };
static struct kiln_communicator communicator = { &communicator_ops };

struct setting {
    const char *script; /* NULL: there is none */
    int64_t pause_ns, timeout_ns, max_retries;
};

struct row {
    const char *name;
    struct setting p[2], cleanup;
    const char *answers[4];
    const char *story, *error;
    enum kiln_err_kind kind;
    bool no_communicator, debug, in_step;
};

struct cast {
    struct kiln_component decls[3];
    struct fake_cfg cfgs[3];
    struct kiln_build_provisioner list[3];
};

static struct kiln_build_provisioner *hire(struct cast *cast, size_t i, const struct setting *s)
{
    cast->decls[i] =
        (struct kiln_component){ .pause_before_ns = s->pause_ns, .timeout_ns = s->timeout_ns };
    cast->cfgs[i] = (struct fake_cfg){ .script = s->script };
    cast->list[i] = (struct kiln_build_provisioner){ .ops = &fake_ops,
                                                     .decl = &cast->decls[i],
                                                     .cfg = &cast->cfgs[i],
                                                     .max_retries = s->max_retries };
    return &cast->list[i];
}

static void check_row(const struct row *row)
{
    static const struct kiln_step_ops *const steps[] = { &kiln_step_provision };
    KILN_AUTO_FREE char *story = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct cast cast = { 0 };
    FIXTURE f;
    bool ok;

    fixture_init(&f);
    f.options = (struct kiln_build_options){ .debug = row->debug, .interactive = row->debug };
    f.answers = row->answers;
    f.b.provisioners = cast.list;
    for (size_t i = 0; i < 2 && row->p[i].script; i++, f.b.n_provisioners++)
        (void)hire(&cast, i, &row->p[i]);
    if (row->cleanup.script)
        f.b.cleanup = hire(&cast, 2, &row->cleanup);
    f.b.communicator = row->no_communicator ? NULL : &communicator;
    ok = row->in_step ? kiln_steps_run(steps, 1, NULL, &f.b, &err)
                      : kiln_build_provision(&f.b, f.b.communicator, &err);
    story = fixture_story(&f);
    if (strcmp(story, row->story) != 0)
        print_error("row \"%s\"\n", row->name);
    assert_string_equal(story, row->story);
    assert_string_equal(kiln_err_text(&err), row->error ? row->error : "");
    assert_int_equal(ok, !row->error);
    assert_int_equal(err.kind, row->kind);
}

#define MS 1000000 /* nanoseconds */
#define NO_COMM                                                                                    \
    "No communicator found for provisioners! This is usually because the\n"                        \
    "`communicator` config was set to \"none\". If you have any provisioners\n"                    \
    "then a communicator is required. Please fix this to continue."
#define CLEANUP_SAYS                                                                               \
    "[say] Provisioning step had errors: Running the cleanup provisioner, if present...\n"

static const struct row rows[] = {
    { .name = "in order, first failure stops",
      .p = { { .script = "o" }, { .script = "f" } },
      .story = "[message] attempt 1\n[message] attempt 1\n",
      .error = "no\n1",
      .kind = KILN_ERR_REMOTE },
    { .name = "none", .no_communicator = true, .story = "" },
    { .name = "no communicator",
      .p = { { .script = "o" } },
      .no_communicator = true,
      .story = "",
      .error = NO_COMM,
      .kind = KILN_ERR_USER },

    { .name = "pause",
      .p = { { .script = "o", .pause_ns = 10 } },
      .story = "[say] Pausing 10ns before the next provisioner...\n[message] attempt 1\n" },
    { .name = "pause and timeout are both there, and the pause is no part of the timeout",
      .p = { { .script = "o", .pause_ns = 20 * MS, .timeout_ns = 3600000LL * MS } },
      .story = "[say] Pausing 20ms before the next provisioner...\n"
               "[say] Setting a 1h0m0s timeout for the next provisioner...\n"
               "[message] attempt 1\n" },
    { .name = "pause, then a timeout that expires",
      .p = { { .script = "w", .pause_ns = MS, .timeout_ns = MS } },
      .story = "[say] Pausing 1ms before the next provisioner...\n"
               "[say] Setting a 1ms timeout for the next provisioner...\n"
               "[message] attempt 1\n[error] Cancelling provisioner after a timeout...\n",
      .error = "provisioner fake: timed out after 1ms",
      .kind = KILN_ERR_TIMEOUT },
    { .name = "timeout, the component's own words",
      .p = { { .script = "W", .timeout_ns = MS } },
      .story = "[say] Setting a 1ms timeout for the next provisioner...\n"
               "[message] attempt 1\n[error] Cancelling provisioner after a timeout...\n",
      .error = "Error executing script: x",
      .kind = KILN_ERR_TIMEOUT },
    { .name = "a timeout that is negative expires at once",
      .p = { { .script = "w", .timeout_ns = -1000LL * MS } },
      .story = "[say] Setting a -1s timeout for the next provisioner...\n"
               "[message] attempt 1\n[error] Cancelling provisioner after a timeout...\n",
      .error = "provisioner fake: timed out after -1s",
      .kind = KILN_ERR_TIMEOUT },
    { .name = "who succeeds in spite of it succeeds",
      .p = { { .script = "s", .timeout_ns = MS } },
      .story = "[say] Setting a 1ms timeout for the next provisioner...\n"
               "[message] attempt 1\n" },

    { .name = "retries, the last error counts",
      .p = { { .script = "fff", .max_retries = 2 } },
      .story = "[message] attempt 1\n"
               "[say] Provisioner failed with \"no\\n1\", retrying with 2 trie(s) left\n"
               "[message] attempt 2\n"
               "[say] Provisioner failed with \"no\\n2\", retrying with 1 trie(s) left\n"
               "[message] attempt 3\n[say] retry limit reached.\n",
      .error = "no\n3",
      .kind = KILN_ERR_REMOTE },
    { .name = "retries, one helps",
      .p = { { .script = "fo", .max_retries = 5 } },
      .story = "[message] attempt 1\n"
               "[say] Provisioner failed with \"no\\n1\", retrying with 5 trie(s) left\n"
               "[message] attempt 2\n" },
    { .name = "negative retries",
      .p = { { .script = "f", .max_retries = -1 } },
      .story = "[message] attempt 1\n[say] retry limit reached.\n",
      .error = "no\n1",
      .kind = KILN_ERR_REMOTE },
    { .name = "each attempt has its own timeout and its own pause",
      .p = { { .script = "wo", .pause_ns = 1, .timeout_ns = MS, .max_retries = 1 } },
      .story = "[say] Pausing 1ns before the next provisioner...\n"
               "[say] Setting a 1ms timeout for the next provisioner...\n"
               "[message] attempt 1\n[error] Cancelling provisioner after a timeout...\n"
               "[say] Provisioner failed with \"provisioner fake: timed out after 1ms\", "
               "retrying with 1 trie(s) left\n"
               "[say] Pausing 1ns before the next provisioner...\n"
               "[say] Setting a 1ms timeout for the next provisioner...\n"
               "[message] attempt 2\n" },
    { .name = "no retry after Ctrl-C",
      .p = { { .script = "Cf", .max_retries = 3 } },
      .story = "[message] attempt 1\n",
      .error = "torn",
      .kind = KILN_ERR_REMOTE },

    { .name = "debug, once per provisioner and outside everything",
      .debug = true,
      .p = { { .script = "fo", .max_retries = 1, .pause_ns = 1 } },
      .answers = { "" },
      .story = "ask \"Pausing before the next provisioner . Press enter to continue.\" -> \n"
               "[say] Pausing 1ns before the next provisioner...\n[message] attempt 1\n"
               "[say] Provisioner failed with \"no\\n1\", retrying with 1 trie(s) left\n"
               "[say] Pausing 1ns before the next provisioner...\n[message] attempt 2\n" },
    { .name = "debug, Ctrl-C at the prompt",
      .debug = true,
      .p = { { .script = "o" } },
      .answers = { "^C" },
      .story = "ask \"Pausing before the next provisioner . Press enter to continue.\" -> ^C\n",
      .error = "cancelled",
      .kind = KILN_ERR_CANCELLED },

    { .name = "the step",
      .in_step = true,
      .p = { { .script = "o" } },
      .story = "step StepProvision pending>running\n[message] attempt 1\n"
               "step StepProvision running>done\nstep StepProvision done>cleaned\n" },
    { .name = "the step fails, cleanup announced though there is none",
      .in_step = true,
      .p = { { .script = "f" } },
      .story =
          "step StepProvision pending>running\n[message] attempt 1\n"
          "step StepProvision running>failed\n" CLEANUP_SAYS "step StepProvision failed>cleaned\n",
      .error = "no\n1",
      .kind = KILN_ERR_REMOTE },
    { .name = "cleanup provisioner, with its wrappers",
      .in_step = true,
      .p = { { .script = "f" } },
      .cleanup = { .script = "fo", .max_retries = 1 },
      .story = "step StepProvision pending>running\n[message] attempt 1\n"
               "step StepProvision running>failed\n" CLEANUP_SAYS "[message] attempt 1\n"
               "[say] Provisioner failed with \"no\\n1\", retrying with 1 trie(s) left\n"
               "[message] attempt 2\nstep StepProvision failed>cleaned\n",
      .error = "no\n1",
      .kind = KILN_ERR_REMOTE },
    { .name = "cleanup provisioner fails too",
      .in_step = true,
      .p = { { .script = "f" } },
      .cleanup = { .script = "f" },
      .story = "step StepProvision pending>running\n[message] attempt 1\n"
               "step StepProvision running>failed\n" CLEANUP_SAYS "[message] attempt 1\n"
               "step StepProvision failed>cleaned\n",
      .error = "Cleanup failed: no\n1. Original Provisioning error: no\n1",
      .kind = KILN_ERR_REMOTE },
    { .name = "a plain cancel runs no cleanup provisioner",
      .in_step = true,
      .p = { { .script = "C" } },
      .cleanup = { .script = "o" },
      .story = "step StepProvision pending>running\n[message] attempt 1\n"
               "step StepProvision running>failed\nstep StepProvision failed>cleaned\n",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },
    { .name = "Ctrl-C stops a cleanup provisioner",
      .in_step = true,
      .p = { { .script = "f" } },
      .cleanup = { .script = "C" },
      .story = "step StepProvision pending>running\n[message] attempt 1\n"
               "step StepProvision running>failed\n" CLEANUP_SAYS "[message] attempt 1\n"
               "step StepProvision failed>cleaned\n",
      .error = "Cleanup failed: torn. Original Provisioning error: no\n1",
      .kind = KILN_ERR_REMOTE },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_row(&rows[i]);
}

/* ---- generated data ---- */

static void test_data_placeholders(void **state)
{
    static const struct kiln_step_ops *const steps[] = { &kiln_step_provision };
    KILN_AUTO_STRMAP env = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_interp ctx;
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    unit_ok(kiln_build_provision(&f.b, NULL, &err), &err);
    assert_null(kiln_strmap_get(&f.b.data, "ID")); /* a builder without steps */
    kiln_strmap_set(&f.b.data, "Host", "h");
    unit_ok(kiln_steps_run(steps, 1, NULL, &f.b, &err), &err);
    ctx = kiln_build_runtime_interp(&f.b);
    assert_ptr_equal(ctx.data, &f.b.data);
    assert_ptr_equal(ctx.build, &f.b.data);
    assert_string_equal(kiln_strmap_get(ctx.data, "ID"), "ERR_ID_NOT_IMPLEMENTED_BY_BUILDER");
    assert_string_equal(kiln_strmap_get(ctx.data, "PackerHTTPIP"),
                        "ERR_HTTP_IP_NOT_IMPLEMENTED_BY_BUILDER");
    assert_string_equal(kiln_strmap_get(ctx.data, "PackerHTTPPort"),
                        "ERR_HTTP_PORT_NOT_IMPLEMENTED_BY_BUILDER");
    assert_string_equal(kiln_strmap_get(ctx.data, "PackerHTTPAddr"),
                        "ERR_HTTP_ADDR_NOT_IMPLEMENTED_BY_BUILDER");
    assert_string_equal(kiln_strmap_get(ctx.data, "PackerRunUUID"), "uuid-1");
    assert_string_equal(kiln_strmap_get(ctx.data, "Host"), "h");
    kiln_build_script_env(&f.b, &env);
    assert_int_equal(env.keys.n, 2);
    assert_string_equal(kiln_strmap_get(&env, "PACKER_BUILD_NAME"), "b");
    assert_string_equal(kiln_strmap_get(&env, "PACKER_BUILDER_TYPE"), "fake");
}

static void test_data_with_http(void **state)
{
    static const struct kiln_step_ops *const steps[] = { &kiln_step_provision };
    KILN_AUTO_STRMAP env = { 0 };
    KILN_AUTO_ERR err = { 0 };
    FIXTURE f;

    (void)state;
    fixture_init(&f);
    kiln_strmap_set(&f.b.data, "PackerHTTPIP", "10.0.2.2");
    kiln_strmap_set(&f.b.data, "PackerHTTPPort", "8123");
    kiln_strmap_set(&f.b.data, "PackerHTTPAddr", "10.0.2.2:8123");
    unit_ok(kiln_steps_run(steps, 1, NULL, &f.b, &err), &err);
    kiln_build_script_env(&f.b, &env);
    assert_string_equal(kiln_strmap_get(&env, "PACKER_HTTP_ADDR"), "10.0.2.2:8123");
    assert_string_equal(kiln_strmap_get(&env, "PACKER_HTTP_IP"), "10.0.2.2");
    assert_string_equal(kiln_strmap_get(&env, "PACKER_HTTP_PORT"), "8123");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_data_placeholders),
        cmocka_unit_test(test_data_with_http),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
