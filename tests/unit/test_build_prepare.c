/* From a template's text to a prepared build, with components that only exist here. */
#include "base/mem.h"
#include "engine/build.h"
#include "unit.h"

struct cfg {
    char *text, *password, *user, *raw;
    struct kiln_strv list;
    int64_t number;
};

static const struct kiln_field fields[] = {
    { .name = "text", .type = KILN_STRING, .offset = offsetof(struct cfg, text) },
    { .name = "password",
      .type = KILN_STRING,
      .offset = offsetof(struct cfg, password),
      .flags = KILN_SECRET },
    { .name = "user",
      .type = KILN_STRING,
      .offset = offsetof(struct cfg, user),
      .flags = KILN_OPEN },
    { .name = "raw", .type = KILN_STRING, .offset = offsetof(struct cfg, raw), .flags = KILN_RAW },
    { .name = "list", .type = KILN_STRINGS, .offset = offsetof(struct cfg, list) },
    { .name = "number", .type = KILN_INT, .offset = offsetof(struct cfg, number), .def = "7" },
    { .name = "old", .type = KILN_DURATION, .flags = KILN_REMOVED },
    { 0 },
};

static const struct kiln_schema oven_schema = { .name = "oven", .summary = "b", .fields = fields };
static const struct kiln_schema kettle_schema = { .name = "kettle",
                                                  .summary = "b",
                                                  .fields = fields };
static const struct kiln_schema shell_schema = { .name = "shell",
                                                 .summary = "p",
                                                 .fields = fields };
static const struct kiln_schema zip_schema = { .name = "zip", .summary = "pp", .fields = fields };

static bool refuse_13(void *cfg, const struct kiln_prepare *p)
{
    const struct cfg *c = cfg;

    if (c->number == 13)
        return kiln_config_error(p, "number", "%s: 13 is bad luck", p->where);
    return true;
}

static const char *const oven_keys[] = { "Heat", NULL };
static const struct kiln_builder_ops oven = { .schema = &oven_schema,
                                              .cfg_size = sizeof(struct cfg),
                                              .data_keys = oven_keys,
                                              .prepare = refuse_13 };
static const struct kiln_builder_ops kettle = { .schema = &kettle_schema,
                                                .cfg_size = sizeof(struct cfg) };
static const struct kiln_provisioner_ops shell = { .schema = &shell_schema,
                                                   .cfg_size = sizeof(struct cfg),
                                                   .prepare = refuse_13 };
static const struct kiln_postprocessor_ops zip = { .schema = &zip_schema,
                                                   .cfg_size = sizeof(struct cfg),
                                                   .prepare = refuse_13 };

static const struct kiln_registry registry = {
    .builders = (const struct kiln_builder_ops *const[]){ &kettle, &oven, NULL },
    .provisioners = (const struct kiln_provisioner_ops *const[]){ &shell, NULL },
    .postprocessors = (const struct kiln_postprocessor_ops *const[]){ &zip, NULL },
};

/* Everything between a text and its build. */
struct bench {
    struct kiln_source *source;
    struct kiln_template *t;
    struct kiln_vars vars;
    struct kiln_strv names;
    struct kiln_build_options options;
    struct kiln_diag diag;
    struct kiln_strv secrets;
    struct kiln_build *b;
};

static void bench_done(struct bench *k)
{
    kiln_build_free(k->b);
    kiln_vars_done(&k->vars);
    kiln_strv_done(&k->names);
    kiln_strv_done(&k->options.except);
    kiln_strv_done(&k->secrets);
    kiln_template_free(k->t);
    kiln_source_unref(k->source);
    kiln_diag_done(&k->diag);
}

#define BENCH KILN_CLEANUP(bench_done) struct bench

static void prepare(struct bench *k, const char *json)
{
    struct kiln_var_flags flags = { 0 };
    KILN_AUTO_STR text = { 0 };

    k->source = kiln_source_new("t.json", json, strlen(json));
    k->t = kiln_template_load(k->source, "t.json", &k->diag);
    if (!k->t || !kiln_vars_resolve(k->t, &flags, 1000, NULL, &k->vars, &k->diag) ||
        !kiln_template_check(k->t, &k->vars, 1000, &k->names, &k->diag)) {
        kiln_diag_format_all(&k->diag, NULL, &text);
        fail_msg("%s", kiln_str_cstr(&text));
        return;
    }
    k->b = kiln_build_prepare(k->t, &k->vars, &k->t->builders.items[0], k->names.v[0], &registry,
                              &k->options, 1000, "uuid-1", &k->secrets, &k->diag);
}

static const struct cfg *provisioner_cfg(const struct bench *k, size_t i)
{
    return k->b->provisioners[i].cfg;
}

static void prepared(struct bench *k, const char *json)
{
    KILN_AUTO_STR text = { 0 };

    prepare(k, json);
    kiln_diag_format_all(&k->diag, NULL, &text);
    assert_string_equal(kiln_str_cstr(&text), "");
    assert_non_null(k->b);
}

static void test_names(void **state)
{
    static const struct {
        const char *json, *name, *label;
    } rows[] = {
        { "{'builders':[{'type':'oven'}]}", "oven", "oven" },
        { "{'builders':[{'type':'oven','name':'x'}]}", "x", "oven.x" },
        { "{'variables':{'v':'1'},'builders':[{'type':'oven','name':'x-{{user `v`}}'}]}", "x-1",
          "oven.x-1" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR json = { 0 };
        BENCH k = { 0 };

        for (const char *p = rows[i].json; *p; p++)
            kiln_str_addc(&json, *p == '\'' ? '"' : *p);
        prepared(&k, json.data);
        assert_string_equal(k.b->name, rows[i].name);
        assert_string_equal(k.b->label, rows[i].label);
        assert_string_equal(k.b->type, "oven");
        assert_string_equal(k.b->run_uuid, "uuid-1");
        assert_ptr_equal(k.b->ops, &oven);
        assert_null(k.diag.build);
    }
}

static void test_everything_at_once(void **state)
{
    static const char json[] =
        "{\"variables\": {\"n\": \"2\", \"pw\": \"tiger\"}, \"sensitive-variables\": [\"pw\"],\n"
        " \"builders\": [{\"type\": \"oven\", \"name\": \"a\", \"password\": \"b-pass\",\n"
        "   \"text\": \"{{build_name}} {{build_type}} {{.Nope}}\"},\n"
        "   {\"type\": \"kettle\"}],\n"
        " \"provisioners\": [\n"
        "  {\"type\": \"shell\", \"text\": \"{{build `ID`}} {{build `Heat`}}\", \"raw\": "
        "\"{{.X}}\",\n"
        "   \"max_retries\": \"{{user `n`}}\", \"password\": \"{{user `pw`}}-2\"},\n"
        "  {\"type\": \"shell\", \"text\": \"not for a\", \"only\": [\"kettle\"]},\n"
        "  {\"type\": \"shell\", \"text\": \"{{.ID}} {{.WinRMPassword}}\", \"max_retries\": -3},\n"
        "  {\"type\": \"shell\", \"text\": \"base\", \"number\": 1, \"list\": [\"1\", \"2\", "
        "\"3\"],\n"
        "   \"override\": {\"a\": {\"text\": \"over\", \"list\": [\"X\"]},\n"
        "                \"kettle\": {\"text\": \"no\"}}}],\n"
        " \"error-cleanup-provisioner\": {\"type\": \"shell\", \"text\": \"c\", \"only\": "
        "[\"kettle\"]},\n"
        " \"post-processors\": [\"zip\",\n"
        "  [{\"type\": \"zip\", \"name\": \"z1\"}, {\"type\": \"zip\", \"except\": [\"a\"]},\n"
        "   {\"type\": \"zip\", \"name\": \"z3\", \"text\": \"{{build_name}}\"}],\n"
        "  [{\"type\": \"zip\", \"name\": \"z4\"}, {\"type\": \"zip\", \"name\": \"stop\"},\n"
        "   {\"type\": \"zip\", \"name\": \"z6\"}]]}";
    const struct cfg *c;
    BENCH k = { 0 };

    (void)state;
    kiln_strv_add(&k.options.except, "stop");
    prepared(&k, json);
    c = k.b->cfg;
    assert_string_equal(c->text, "a oven <no value>");
    assert_int_equal(c->number, 7);

    assert_int_equal(k.b->n_provisioners, 3);
    assert_string_equal(provisioner_cfg(&k, 0)->text, "{{.ID}} {{.Heat}}");
    assert_string_equal(provisioner_cfg(&k, 0)->raw, "{{.X}}");
    assert_int_equal(k.b->provisioners[0].max_retries, 2);
    assert_string_equal(provisioner_cfg(&k, 1)->text,
                        "Build_ID. To set this dynamically in the Packer template, you must use "
                        "the `build` function {{.WinRMPassword}}");
    assert_int_equal(k.b->provisioners[1].max_retries, -3);
    assert_string_equal(provisioner_cfg(&k, 2)->text, "over");
    assert_int_equal(provisioner_cfg(&k, 2)->number, 1);
    assert_int_equal(k.b->provisioners[2].max_retries, 0);
    assert_string_equal(provisioner_cfg(&k, 2)->list.v[0], "X");

    assert_non_null(k.b->cleanup);
    assert_string_equal(((const struct cfg *)k.b->cleanup->cfg)->text, "c");

    assert_int_equal(k.b->n_sequences, 3);
    assert_int_equal(k.b->sequences[0].n, 1);
    assert_string_equal(k.b->sequences[0].items[0].decl->name, "zip");
    assert_int_equal(k.b->sequences[1].n, 2); /* only the one that excepts itself drops out */
    assert_string_equal(k.b->sequences[1].items[1].decl->name, "z3");
    assert_string_equal(((const struct cfg *)k.b->sequences[1].items[1].cfg)->text, "a");
    assert_int_equal(k.b->sequences[2].n, 1); /* -except takes the rest along */

    assert_true(kiln_strv_has(&k.b->secrets, "tiger"));
    assert_true(kiln_strv_has(&k.b->secrets, "b-pass"));
    assert_true(kiln_strv_has(&k.b->secrets, "tiger-2"));
}

/* A password that stands in a name as well would take that name out of everything printed. */
static void test_open_passwords(void **state)
{
    static const struct {
        const char *variables, *builder, *password;
        bool hidden;
    } rows[] = {
        { "", "\"user\": \"root\"", "toor", true },
        { "", "\"user\": \"packer\"", "packer", false },
        { "", "\"user\": \"oven-packer-1\"", "packer", false },
        { "", "\"text\": \"packer\"", "packer", true },
        { "", "\"user\": \"x\"", "oven", false }, /* the build's name */
        { "", "\"user\": \"x\"", "abc", false },
        { "\"variables\": {\"p\": \"packer\"}, \"sensitive-variables\": [\"p\"],",
          "\"user\": \"packer\"", "packer", true },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *json =
            kiln_xasprintf("{%s\"builders\": [{\"type\": \"oven\", %s, \"password\": \"%s\"}]}",
                           rows[i].variables, rows[i].builder, rows[i].password);
        BENCH k = { 0 };

        prepared(&k, json);
        if (kiln_strv_has(&k.b->secrets, rows[i].password) != rows[i].hidden)
            fail_msg("row %zu", i);
    }
}

/* The lines of a template that is refused are shown: its passwords must be known all the same. */
static void test_passwords_of_refused(void **state)
{
    static const struct {
        const char *builder, *provisioner, *password;
    } rows[] = {
        { "\"password\": \"tiger\", \"number\": \"x\"", "", "tiger" },
        { "\"password\": \"tiger\", \"bogus\": 1", "", "tiger" },
        { "\"old\": \"3s\", \"password\": \"tiger\"", "", "tiger" },
        { "\"password\": \"tiger{{\"", "", "tiger{{" },
        { "\"number\": 13", "{\"type\": \"shell\", \"password\": \"tiger\"}", "tiger" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *json =
            kiln_xasprintf("{\"builders\": [{\"type\": \"oven\", %s}], \"provisioners\": [%s]}",
                           rows[i].builder, rows[i].provisioner);
        BENCH k = { 0 };

        prepare(&k, json);
        assert_null(k.b);
        if (!kiln_strv_has(&k.secrets, rows[i].password))
            fail_msg("row %zu", i);
    }
}

/* Every independent mistake, each at its place and with the build's label. */
static void test_errors(void **state)
{
    static const char json[] =
        "{\n"
        " \"builders\": [{\"type\": \"ovne\", \"name\": \"x\"}],\n"
        " \"provisioners\": [\n"
        "  {\"type\": \"sehll\"},\n"
        "  {\"type\": \"shell\", \"max_retries\": \"many\"},\n"
        "  {\"type\": \"shell\", \"max_retries\": \"{{bogus}}\"},\n"
        "  {\"type\": \"shell\", \"number\": 13},\n"
        "  {\"type\": \"shell\", \"bogus\": 1},\n"
        "  {\"type\": \"shell\", \"text\": \"{{build `Bogus`}}\"}],\n"
        " \"error-cleanup-provisioner\": {\"type\": \"shell\", \"number\": 13},\n"
        " \"post-processors\": [\"zap\", {\"type\": \"xyzzy\"}, [\"zip\",\n"
        "   {\"type\": \"zip\", \"number\": 13}]]}";
    static const struct {
        unsigned line, column;
        const char *text, *fix;
    } want[] = {
        { 2, 24, "unknown builder \"ovne\"", "did you mean \"oven\"?" },
        { 4, 12, "unknown provisioner \"sehll\"", "did you mean \"shell\"?" },
        { 5, 36,
          "`max_retries` must be a valid integer: strconv.Atoi: parsing \"many\": invalid syntax",
          NULL },
        { 6, 36, "failed to interpolate `max_retries`: ", NULL },
        { 7, 31, "provisioner 4 (shell): 13 is bad luck", NULL },
        { 8, 0, "bogus", NULL },
        { 9, 0, "Bogus", NULL },
        { 10, 59, "error-cleanup-provisioner (shell): 13 is bad luck", NULL },
        { 11, 22, "unknown post-processor \"zap\"", "did you mean \"zip\"?" },
        { 11, 38, "unknown post-processor \"xyzzy\"", NULL },
        { 12, 30, "post-processor 3.2 (zip): 13 is bad luck", NULL },
    };
    BENCH k = { 0 };

    (void)state;
    prepare(&k, json);
    assert_null(k.b);
    for (size_t i = 0; i < KILN_COUNT(want) && i < k.diag.n; i++) {
        const struct kiln_diag_item *item = &k.diag.items[i];
        unsigned line, column;

        if (!strstr(item->text, want[i].text))
            fail_msg("%zu: \"%s\"", i, item->text);
        if (want[i].fix)
            assert_string_equal(item->fix, want[i].fix);
        kiln_source_position(item->source, item->offset, &line, &column);
        assert_int_equal(line, want[i].line);
        if (want[i].column)
            assert_int_equal(column, want[i].column);
        assert_string_equal(item->builds.v[0], "ovne.x");
        assert_int_equal(item->severity, KILN_ERROR);
    }
    assert_int_equal(k.diag.n, KILN_COUNT(want));
    assert_null(k.diag.build);
}

/* A second build of the same template has its own labels and its own view. */
static void test_second_builder(void **state)
{
    struct kiln_build *other;
    BENCH k = { 0 };

    (void)state;
    prepared(&k, "{\"builders\": [{\"type\": \"oven\"}, {\"type\": \"kettle\", \"name\": \"k\"}],"
                 " \"provisioners\": [{\"type\": \"shell\", \"only\": [\"k\"]}]}");
    assert_int_equal(k.b->n_provisioners, 0);
    other = kiln_build_prepare(k.t, &k.vars, &k.t->builders.items[1], k.names.v[1], &registry,
                               &k.options, 1000, "uuid-1", &k.secrets, &k.diag);
    assert_non_null(other);
    assert_string_equal(other->label, "kettle.k");
    assert_int_equal(other->n_provisioners, 1);
    kiln_build_free(other);
    kiln_build_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),          cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_open_passwords), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_second_builder), cmocka_unit_test(test_passwords_of_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
