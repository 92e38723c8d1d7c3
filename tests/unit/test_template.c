/* The template model: what a template says, as later layers read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "template/template.h"

static struct kiln_template *load(const char *text, struct kiln_diag *diag)
{
    struct kiln_source *source = kiln_source_new("t.json", text, strlen(text));
    struct kiln_template *t = kiln_template_load(source, "t.json", diag);

    kiln_source_unref(source);
    return t;
}

static struct kiln_template *load_ok(const char *text)
{
    struct kiln_diag diag = { 0 };
    struct kiln_template *t = load(text, &diag);

    if (!t)
        fail_msg("%s: %s", text, diag.items[0].text);
    assert_int_equal(diag.n, 0);
    return t;
}

static const char full[] =
    "{\"description\": \"all of it\", \"min_packer_version\": \"1.2\", \"_note\": \"x\","
    " \"variables\": {\"b\": \"2\", \"a\": null, \"e\": \"\"}, \"sensitive-variables\": [\"a\", "
    "\"zz\"],"
    " \"builders\": [{\"type\": \"qemu\", \"disk_size\": \"1G\"},"
    "  {\"type\": \"null\", \"name\": \"n\", \"NAME\": \"m\"}, {\"type\": 5, \"name\": true}],"
    " \"provisioners\": [{\"type\": \"shell\", \"inline\": [\"x\"], \"only\": [\"qemu\", 7],"
    "   \"pause_before\": \"1m30s\", \"timeout\": \"-1ms\", \"max_retries\": 3,"
    "   \"override\": {\"qemu\": {\"inline\": [\"y\"]}}},"
    "  {\"type\": \"file\", \"except\": \"n,qemu\", \"pause_before\": 2000000.9, \"timeout\": null,"
    "   \"max_retries\": \"\", \"override\": []},"
    "  {\"type\": \"shell\", \"PAUSE_BEFORE\": \"1s\", \"override\": [{\"n\": {}}]}],"
    " \"error-cleanup-provisioner\": {\"type\": \"shell-local\", \"only\": [\"nowhere\"]},"
    " \"post-processors\": [\"manifest\", {\"type\": \"checksum\", \"name\": \"sums\", \"output\": "
    "\"o\"},"
    "  [{\"type\": \"compress\", \"keep_input_artifact\": false, \"only\": [\"qemu\"]}, "
    "\"manifest\"], []]}";

static void test_root(void **state)
{
    struct kiln_template *t = load_ok(full);

    (void)state;
    assert_string_equal(t->description, "all of it");
    assert_string_equal(t->min_version, "1.2");
    assert_int_equal(t->n_variables, 3);
    assert_string_equal(t->variables[0].name, "b");
    assert_string_equal(t->variables[0].default_value, "2");
    assert_null(t->variables[1].default_value);
    assert_string_equal(t->variables[2].default_value, "");
    assert_int_equal(t->sensitive.n, 2);
    kiln_template_free(t);
}

static void test_builders(void **state)
{
    struct kiln_template *t = load_ok(full);
    const struct kiln_component *b = t->builders.items;

    (void)state;
    assert_int_equal(t->builders.n, 3);
    assert_string_equal(b[0].type, "qemu");
    assert_string_equal(b[0].name, "qemu");
    assert_int_equal(b[0].config->u.object.n, 1);
    assert_non_null(kiln_node_get(b[0].config, "disk_size"));
    assert_int_equal(b[0].node->u.object.n, 2);
    assert_string_equal(b[1].name, "n"); /* exact spelling first; the other stays in the config */
    assert_string_equal(b[1].config->u.object.members[0].key, "NAME");
    assert_string_equal(b[2].type, "5"); /* weak */
    assert_string_equal(b[2].name, "1");
    kiln_template_free(t);
}

static void test_provisioners(void **state)
{
    struct kiln_template *t = load_ok(full);
    const struct kiln_component *p = t->provisioners.items;

    (void)state;
    assert_int_equal(t->provisioners.n, 3);
    assert_int_equal(p[0].config->u.object.n, 1);
    assert_int_equal(p[0].only.n, 2);
    assert_string_equal(p[0].only.v[1], "7");
    assert_int_equal(p[0].pause_before_ns, INT64_C(90000000000));
    assert_int_equal(p[0].timeout_ns, -1000000);
    assert_string_equal(p[0].max_retries, "3");
    assert_non_null(kiln_node_get(p[0].override, "qemu"));
    assert_int_equal(p[1].except.n, 1); /* no splitting at commas */
    assert_string_equal(p[1].except.v[0], "n,qemu");
    assert_int_equal(p[1].pause_before_ns, 2000000);
    assert_int_equal(p[1].timeout_ns, 0);
    assert_null(p[1].max_retries);
    assert_null(p[1].override);
    assert_int_equal(p[2].pause_before_ns, 1000000000);
    assert_string_equal(p[2].config->u.object.members[0].key, "PAUSE_BEFORE");
    assert_non_null(kiln_node_get(p[2].override, "n"));
    assert_string_equal(t->cleanup->type, "shell-local");
    assert_true(kiln_component_applies(t->cleanup, "qemu")); /* its lists do not count */
    kiln_template_free(t);
}

static void test_postprocessors(void **state)
{
    struct kiln_template *t = load_ok(full);

    (void)state;
    assert_int_equal(t->n_sequences, 4);
    assert_int_equal(t->sequences[0].n, 1);
    assert_string_equal(t->sequences[0].items[0].type, "manifest");
    assert_string_equal(t->sequences[0].items[0].name, "manifest");
    assert_int_equal(t->sequences[0].items[0].config->type, KILN_NODE_OBJECT);
    assert_int_equal(t->sequences[0].items[0].keep_input_artifact, KILN_UNSET);
    assert_string_equal(t->sequences[1].items[0].name, "sums");
    assert_int_equal(t->sequences[1].items[0].config->u.object.n, 1);
    assert_int_equal(t->sequences[2].n, 2);
    assert_int_equal(t->sequences[2].items[0].keep_input_artifact, KILN_NO);
    assert_int_equal(t->sequences[2].items[0].only.n, 1);
    assert_int_equal(t->sequences[3].n, 0);
    kiln_template_free(t);
}

static void test_applies(void **state)
{
    struct kiln_template *t = load_ok(full);
    const struct kiln_component *p = t->provisioners.items;

    (void)state;
    assert_true(kiln_component_applies(&p[0], "qemu"));
    assert_false(kiln_component_applies(&p[0], "n"));
    assert_true(kiln_component_applies(&p[1], "n"));
    assert_false(kiln_component_applies(&p[1], "n,qemu"));
    assert_true(kiln_component_applies(&p[2], "anything"));
    kiln_template_free(t);
}

static void test_null_is_absent(void **state)
{
    struct kiln_template *t =
        load_ok("{\"description\": null, \"variables\": null, \"builders\": null,"
                " \"provisioners\": null, \"post-processors\": null,"
                " \"error-cleanup-provisioner\": null, \"push\": null,"
                " \"sensitive-variables\": null, \"comments\": [{\"a\": \"b\"}]}");

    (void)state;
    assert_null(t->description);
    assert_null(t->cleanup);
    assert_int_equal(t->builders.n, 0);
    kiln_template_free(t);
}

static void test_root_keys_any_case(void **state)
{
    struct kiln_template *t = load_ok("{\"Builders\": [{\"Type\": \"null\"}], \"VARIABLES\": {}}");

    (void)state;
    assert_int_equal(t->builders.n, 1);
    assert_string_equal(t->builders.items[0].type, "null");
    assert_int_equal(t->builders.items[0].config->u.object.n, 1);
    kiln_template_free(t);
}

static void test_dir(void **state)
{
    struct kiln_source *s = kiln_source_new("x", "{}", 2);
    struct kiln_diag diag = { 0 };
    static const char *const paths[][2] = { { "/a/b/t.json", "/a/b" }, { "/t.json", "/" } };
    KILN_AUTO_FREE char *cwd = getcwd(NULL, 0);
    struct kiln_template *t;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(paths); i++) {
        t = kiln_template_load(s, paths[i][0], &diag);
        assert_string_equal(t->dir, paths[i][1]);
        kiln_template_free(t);
    }
    t = kiln_template_load(s, "-", &diag);
    assert_string_equal(t->dir, cwd);
    kiln_template_free(t);
    t = kiln_template_load(s, "sub/../t.json", &diag);
    assert_string_equal(t->dir, cwd);
    kiln_template_free(t);
    kiln_source_unref(s);
}

/* Everything wrong is found in one go: a component with a mistake does not hide the others. */
static void test_collects(void **state)
{
    struct kiln_diag diag = { 0 };

    (void)state;
    assert_null(load("{\"builders\": [{}, {\"type\": []}], \"provisioners\": [5, {}],"
                     " \"post-processors\": [5], \"foo\": 1}",
                     &diag));
    assert_int_equal(diag.errors, 6);
    for (size_t i = 1; i < diag.n; i++)
        assert_true(diag.items[i].offset > diag.items[i - 1].offset);
    kiln_diag_done(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_builders),
        cmocka_unit_test(test_provisioners),
        cmocka_unit_test(test_postprocessors),
        cmocka_unit_test(test_applies),
        cmocka_unit_test(test_null_is_absent),
        cmocka_unit_test(test_root_keys_any_case),
        cmocka_unit_test(test_dir),
        cmocka_unit_test(test_collects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
