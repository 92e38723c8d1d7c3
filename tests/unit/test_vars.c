/* Variables: precedence, rendering, secrets; then the checks that need them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "template/template.h"
#include "template/vars_render.h"

#define START_US INT64_C(1700000000000000)

struct fixture {
    struct kiln_template *t;
    struct kiln_var_flags flags;
    struct kiln_vars vars;
    struct kiln_strv names;
    struct kiln_diag diag;
    struct kiln_strv files; /* to remove */
};

static void begin(struct fixture *f, const char *text)
{
    struct kiln_source *source = kiln_source_new("t.json", text, strlen(text));

    *f = (struct fixture){ 0 };
    f->t = kiln_template_load(source, "t.json", &f->diag);
    kiln_source_unref(source);
    if (!f->t)
        fail_msg("%s: %s", text, f->diag.items[0].text);
}

static void set(struct fixture *f, const char *k_v)
{
    kiln_strv_add(&f->flags.sets, k_v);
}

static void var_file(struct fixture *f, const char *text)
{
    char *path = NULL;
    KILN_AUTO_FD fd = kiln_fs_temp_file("vars", ".json", &path, NULL);

    assert_true(fd >= 0);
    assert_true(kiln_fs_write_all(fd, text, strlen(text), NULL));
    kiln_strv_add(&f->flags.files, path);
    kiln_strv_add_take(&f->files, path);
}

static bool resolve(struct fixture *f)
{
    return kiln_vars_resolve(f->t, &f->flags, START_US, NULL, &f->vars, &f->diag);
}

static void resolve_ok(struct fixture *f)
{
    if (!resolve(f))
        fail_msg("%s", f->diag.items[0].text);
}

static void check(const struct fixture *f, const char *name, const char *want)
{
    const char *got = kiln_strmap_get(&f->vars.values, name);

    if (!kiln_streq(got, want))
        fail_msg("%s is \"%s\", want \"%s\"", name, got ? got : "(unset)", want);
}

static void end(struct fixture *f)
{
    KILN_STRV_FOREACH (path, &f->files)
        (void)unlink(path);
    kiln_strv_done(&f->files);
    kiln_template_free(f->t);
    kiln_var_flags_done(&f->flags);
    kiln_vars_done(&f->vars);
    kiln_strv_done(&f->names);
    kiln_diag_done(&f->diag);
}

static void test_precedence(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{\"variables\":{\"a\":\"t\",\"b\":\"t\",\"c\":\"t\",\"d\":\"t\",\"r\":null}}");
    set(&f, "d=cli=1");
    set(&f, "undeclared=x");
    set(&f, "r=");
    var_file(&f, "{\"b\":\"f1\",\"c\":\"f1\",\"d\":\"f1\",\"free\":\"f1\"}");
    var_file(&f, "{\"c\":\"f2\",\"free\":null}");
    resolve_ok(&f);
    check(&f, "a", "t");
    check(&f, "b", "f1");
    check(&f, "c", "f2");
    check(&f, "d", "cli=1"); /* beats files, whatever the order of the flags */
    check(&f, "r", "");      /* empty counts as set */
    check(&f, "undeclared", "x");
    check(&f, "free", "");
    end(&f);
}

static void test_flag_mistakes(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{}");
    set(&f, "foo");
    kiln_strv_add(&f.flags.files, "/nonexistent/v.json");
    assert_false(resolve(&f));
    assert_int_equal(f.diag.errors, 2);
    assert_true(kiln_has_prefix(f.diag.items[0].text,
                                "Error reading variables in '/nonexistent/v.json': "));
    assert_string_equal(f.diag.items[1].text, "-var: No '=' value in arg: foo");
    end(&f);
}

static void test_rendering(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(setenv("KILN_TEST_SECRET", "pa{{ss", 1), 0);
    begin(
        &f,
        "{\"variables\":{"
        "\"a\":\"A\",\"b\":\"{{user `a`}}B\",\"c\":\"{{user `b`}}C {{upper `x`}}\","
        "\"z\":\"{{user `y`}}\",\"y\":\"{{user \\\"x\\\"}}\",\"x\":\"{{user `w`}}\",\"w\":\"end\","
        "\"env\":\"{{env `KILN_TEST_SECRET`}}\",\"of_env\":\"<{{user `env`}}>\","
        "\"one\":\"[{{ .IP }}]{{.P}}\",\"two\":\"[{{  .IP }}]\",\"mixed\":\"{{ .A }}{{user `a`}}{{ "
        ".A }}{{.B}}\","
        "\"plain\":\"}} { } {\"}}");
    set(&f, "now={{timestamp}}");
    resolve_ok(&f);
    check(&f, "c", "ABC X");
    check(&f, "z", "end");
    check(&f, "env", "pa{{ss"); /* plain text from here on; Packer fails every component */
    check(&f, "of_env", "<pa{{ss>");
    check(&f, "one", "[{{ .IP }}]{{.P}}");
    check(&f, "two", "[<no value>]");
    check(&f, "mixed", "{{ .A }}A{{ .A }}{{.B}}");
    check(&f, "plain", "}} { } {");
    check(&f, "now", "1700000000");
    end(&f);
}

/* As Packer: zx is rendered on every pass, and ay keeps what an earlier pass gave it. */
static void test_uuid_changes_each_pass(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f,
          "{\"variables\":{\"k\":\"1\",\"zx\":\"{{uuid}}{{user `k`}}\",\"ay\":\"{{user `zx`}}\"}}");
    resolve_ok(&f);
    assert_string_not_equal(kiln_strmap_get(&f.vars.values, "zx"),
                            kiln_strmap_get(&f.vars.values, "ay"));
    end(&f);
}

static void test_chain_longer_than_the_passes(void **state)
{
    KILN_AUTO_STR text = { 0 };
    struct fixture f;

    (void)state;
    kiln_str_adds(&text, "{\"variables\":{");
    for (int i = 100; i < 300; i++)
        kiln_str_addf(&text, "\"v%d\":\"{{user `v%d`}}\",", i, i + 1);
    kiln_str_adds(&text, "\"v300\":\"x\"}}");
    begin(&f, kiln_str_cstr(&text));
    assert_false(resolve(&f));
    assert_int_equal(f.diag.errors, 1);
    assert_non_null(strstr(f.diag.items[0].text, "too many levels"));
    end(&f);
}

static void test_sensitive(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f,
          "{\"variables\":{\"pw\":null,\"tok\":\"t-{{user `pw`}}\",\"same\":\"hunter2\",\"e\":\"\","
          "\"open\":\"o\"},\"sensitive-variables\":[\"pw\",\"tok\",\"same\",\"e\",\"nosuch\"]}");
    set(&f, "pw=hunter2");
    resolve_ok(&f);
    assert_int_equal(f.vars.sensitive.n, 2); /* each value once, no empty one */
    assert_string_equal(f.vars.sensitive.v[0], "hunter2");
    assert_string_equal(f.vars.sensitive.v[1], "t-hunter2");
    end(&f);
}

/* No text of an error and no quoted line holds any of a secret that came from outside. */
static void test_errors_keep_secrets(void **state)
{
    static const char *const values[] = { "s3cret{{s3cret", "{{s3cret}}", "{{user `s3cret`}}",
                                          "{{ s3cret", "{{user `s3cret` | s3cret}}" };

    (void)state;
    for (size_t i = 0; i < 2 * KILN_COUNT(values); i++) {
        const char *value = values[i / 2];
        KILN_AUTO_FREE char *flag = kiln_xasprintf("pw=%s", value);
        KILN_AUTO_FREE char *file = kiln_xasprintf("{\"pw\": \"%s\"}", value);
        KILN_AUTO_STR shown = { 0 };
        struct fixture f;

        begin(&f, "{\"variables\":{\"pw\":null},\"sensitive-variables\":[\"pw\"]}");
        if (i % 2)
            set(&f, flag);
        else
            var_file(&f, file);
        assert_false(resolve(&f));
        kiln_diag_format_all(&f.diag, NULL, &shown);
        if (strstr(kiln_str_cstr(&shown), "s3cret"))
            fail_msg("%s", kiln_str_cstr(&shown));
        end(&f);
    }
}

static void test_is_open(void **state)
{
    static const char *const open[] = { "{{user `a`}}", "x{{  user`a` }}", "{{user `a`\n}}",
                                        "{{user `a` | upper}} `}}" };
    static const char *const closed[] = {
        "",           "{{user \"a\"}}", "{{ upper `user` }}", "{{user `a` | upper}}",
        "user `a`}}", "{{user `a\n`}}"
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(open); i++)
        assert_true(kiln_vars_is_open(open[i]));
    for (size_t i = 0; i < KILN_COUNT(closed); i++)
        assert_false(kiln_vars_is_open(closed[i]));
}

/* Protected runs of every length and number, and the bytes that stand in for them. */
static void test_protected_runs(void **state)
{
    static const char *const same[] = { "{{.}}",
                                        "{{ .}}",
                                        "{{\t.A}}",
                                        "{{.A\n}}",
                                        "{{{.A}}}",
                                        "\x01"
                                        "{{.A}}\x01"
                                        "0\x02",
                                        "\x01",
                                        "{{.A}}{{.A}}{ {{.B}}{" };
    struct kiln_interp ctx = { 0 };
    KILN_AUTO_STR many = { 0 };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(same); i++) {
        kiln_str_clear(&out);
        if (!kiln_vars_render(&ctx, same[i], &out, NULL, &err))
            fail_msg("%s: %s", same[i], kiln_err_text(&err));
        assert_string_equal(kiln_str_cstr(&out), same[i]);
    }
    for (int i = 0; i < 3000; i++)
        kiln_str_adds(&many, "{{.}}");
    kiln_str_clear(&out);
    assert_true(kiln_vars_render(&ctx, kiln_str_cstr(&many), &out, NULL, &err));
    assert_string_equal(kiln_str_cstr(&out), kiln_str_cstr(&many));
}

static bool check_template(struct fixture *f, const char *text)
{
    begin(f, text);
    resolve_ok(f);
    return kiln_template_check(f->t, &f->vars, START_US, &f->names, &f->diag);
}

static void test_builder_names(void **state)
{
    struct fixture f;

    (void)state;
    assert_true(check_template(&f, "{\"variables\":{\"a\":\"1\"},\"builders\":[{\"type\":\"null\","
                                   "\"name\":\"x-{{user `a`}}\"},"
                                   "{\"type\":\"file\"}],\"provisioners\":[{\"type\":\"shell\","
                                   "\"only\":[\"x-{{user `a`}}\"]}]}"));
    assert_int_equal(f.names.n, 2);
    assert_string_equal(f.names.v[0], "x-1");
    assert_string_equal(f.names.v[1], "file");
    assert_true(kiln_component_applies(&f.t->provisioners.items[0], "x-{{user `a`}}"));
    end(&f);
    assert_false(check_template(
        &f, "{\"builders\":[{\"type\":\"null\",\"name\":\"{{env `HOME`}}\"}]}")); /* no env here */
    end(&f);
}

static void test_check_without_values(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{\"variables\":{\"a\":null},\"min_packer_version\":\"2\"}");
    assert_false(resolve(&f));
    assert_false(kiln_template_check(f.t, NULL, START_US, &f.names, &f.diag));
    assert_int_equal(f.diag.errors, 3);
    assert_null(f.names.v);
    end(&f);
}

static void test_min_version(void **state)
{
    static const struct {
        const char *version;
        bool ok;
    } row[] = {
        { "1", true },          { "v1.16", true },
        { "1.16.0", true },     { "1.16.0.0", true },
        { "1.16.0-dev", true }, { "1.9.5", true },
        { "1.9.0beta2", true }, { "1.16.1", false },
        { "1.16.0.1", false },  { "1.17.0-dev", false },
        { "2", false },         { "1.", false },
        { "", true },           { "abc", false },
        { "1.2 ", false },      { "1.99999999999999999999", false },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(row); i++) {
        KILN_AUTO_FREE char *text = kiln_xasprintf(
            "{\"builders\":[{\"type\":\"null\"}],\"min_packer_version\":\"%s\"}", row[i].version);
        struct fixture f;

        if (check_template(&f, text) != row[i].ok)
            fail_msg("min_packer_version %s", row[i].version);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_flag_mistakes),
        cmocka_unit_test(test_rendering),
        cmocka_unit_test(test_uuid_changes_each_pass),
        cmocka_unit_test(test_chain_longer_than_the_passes),
        cmocka_unit_test(test_sensitive),
        cmocka_unit_test(test_errors_keep_secrets),
        cmocka_unit_test(test_is_open),
        cmocka_unit_test(test_protected_runs),
        cmocka_unit_test(test_builder_names),
        cmocka_unit_test(test_check_without_values),
        cmocka_unit_test(test_min_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
