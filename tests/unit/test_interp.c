/* The {{ }} language. Source: packer-core.md, section 6; results of Debian's packer 1.6.6. */
#include "unit.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "template/interp.h"

#define START_US INT64_C(1795219243000000) /* 2026-11-21T00:00:43Z */

static void expect_text(const struct kiln_interp *ctx, const char *text, const char *want)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    kiln_str_adds(&out, "before ");
    if (!kiln_interp_render(ctx, text, &out, NULL, &err))
        fail_msg("%s\n  failed   %s", text, kiln_err_text(&err));
    if (strcmp(kiln_str_cstr(&out) + 7, want) != 0)
        fail_msg("%s\n  became   %s\n  expected %s", text, kiln_str_cstr(&out) + 7, want);
}

static void expect_error(const struct kiln_interp *ctx, const char *text, const char *want)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    kiln_str_adds(&out, "before");
    if (kiln_interp_render(ctx, text, &out, NULL, &err))
        fail_msg("%s\n  became   %s\n  expected %s", text, kiln_str_cstr(&out), want);
    if (strcmp(kiln_err_text(&err), want) != 0)
        fail_msg("%s\n  failed   %s\n  expected %s", text, kiln_err_text(&err), want);
    assert_string_equal(kiln_str_cstr(&out), "before");
    assert_int_equal(err.kind, KILN_ERR_USER);
}

/* ---- the table of real results ---- */

/* The fixture writes a line break inside a result as U+23CE. */
static char *without_marks(const char *s)
{
    KILN_AUTO_STR out = { 0 };
    const char *mark;

    for (; (mark = strstr(s, "\xe2\x8f\x8e")); s = mark + 3) {
        kiln_str_add(&out, s, (size_t)(mark - s));
        kiln_str_addc(&out, '\n');
    }
    kiln_str_adds(&out, s);
    return kiln_str_steal(&out);
}

static void check_entry(const struct kiln_interp *ctx, const char *text, const char *result)
{
    KILN_AUTO_FREE char *want = NULL;

    result += strspn(result, " ~");
    want = without_marks(result + 2);
    if (result[0] == '=')
        expect_text(ctx, text, want);
    else
        expect_error(ctx, text, want);
}

static void expressions(void **state)
{
    KILN_AUTO_STRMAP user = { 0 };
    KILN_AUTO_STRV lines = { 0 };
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_interp ctx = { .user = &user, .start_us = START_US, .template_dir = "/t" };
    size_t n = 0;

    (void)state;
    kiln_strmap_set(&user, "a", "va");
    unit_ok(kiln_fs_read(KILN_TESTS "/fixtures/interp/expressions.txt", 1 << 20, &text, &err),
            &err);
    kiln_strv_split(&lines, kiln_str_cstr(&text), '\n');
    for (size_t i = 0; i + 1 < lines.n; i++) {
        if (lines.v[i][0] == '#' || lines.v[i][0] == '\0')
            continue;
        check_entry(&ctx, lines.v[i], lines.v[i + 1]);
        n++;
        i++;
    }
    assert_true(n > 300);
}

/* ---- what the context decides ---- */

static void names_of_the_build(void **state)
{
    const struct kiln_interp ctx = {
        .build_name = "deb", .build_type = "qemu", .template_dir = "/x", .start_us = START_US
    };
    const struct kiln_interp bare = { 0 };

    (void)state;
    expect_text(&ctx, "{{build_name}}-{{build_type}} {{template_dir}}", "deb-qemu /x");
    expect_error(&bare, "{{template_dir}}",
                 "template: root:1:2: executing \"root\" at <template_dir>: error calling "
                 "template_dir: template path not available");
    expect_text(&bare, "{{user `x`}}{{.X}}", "<no value>");
}

static void fractions_of_a_second(void **state)
{
    const struct kiln_interp ctx = { .start_us = START_US + 12340 };
    const struct kiln_interp late = { .start_us = START_US + 999999 };

    (void)state;
    expect_text(&ctx, "{{isotime `05.000 5.999999 .9 ,00 .0000000000 .00x 0.0009`}}",
                "43.012 43.01234  ,01 .012340000 .01x 0.0009");
    expect_text(&ctx, "{{strftime `%S%L`}} {{isotime}} {{timestamp}}",
                "43.012 2026-11-21T00:00:43Z 1795219243");
    expect_text(&late, "{{isotime `.000 .999999999 .9`}}", ".999 .999999 .9");
}

static void environment(void **state)
{
    const struct kiln_interp vars = { .allow_env = true };
    const struct kiln_interp other = { 0 };

    (void)state;
    assert_int_equal(setenv("KILN_TEST_ENV", "pa{{ss", 1), 0);
    assert_int_equal(unsetenv("KILN_TEST_NO_ENV"), 0);
    expect_text(&vars, "[{{env `KILN_TEST_ENV`}}{{env `KILN_TEST_NO_ENV`}}]", "[pa{{ss]");
    expect_error(&other, "{{ env `HOME`}}",
                 "template: root:1:3: executing \"root\" at <env `HOME`>: error calling env: env "
                 "vars are not allowed here");
}

static void user_variables(void **state)
{
    KILN_AUTO_STRMAP user = { 0 };
    const struct kiln_interp vars = { .user = &user, .undefined_user_is_error = true };
    const struct kiln_interp other = { .user = &user };

    (void)state;
    kiln_strmap_set(&user, "k", "{{v}}");
    expect_text(&other, "{{user `k`}} {{user `no`}}|", "{{v}} |");
    expect_text(&vars, "{{user `k`}}", "{{v}}");
    expect_error(&vars, "{{user `no`}}",
                 "template: root:1:2: executing \"root\" at <user `no`>: error calling user: "
                 "" KILN_INTERP_NOT_SET "no");
}

static void build_data_in_two_passes(void **state)
{
    static const char *const keys[] = { "ID", "Host", NULL };
    KILN_AUTO_STRMAP data = { 0 };
    const struct kiln_interp first = { .build_keys = keys };
    const struct kiln_interp second = { .build = &data, .data = &data };
    const struct kiln_interp again = { .build = &data, .data = &data, .build_keys = keys };
    const struct kiln_interp never = { 0 };

    (void)state;
    kiln_strmap_set(&data, "ID", "vm-1");
    expect_text(&again, "{{build `ID`}} {{build `Host`}}", "vm-1 {{.Host}}");
    expect_text(&first, "{{build `ID`}}", "{{.ID}}");
    expect_text(&second, "{{build `ID`}} {{.ID}} {{.Host}}", "vm-1 vm-1 <no value>");
    expect_error(&first, "{{build `X`}}",
                 "template: root:1:2: executing \"root\" at <build `X`>: error calling build: "
                 "loaded data, but couldnt find X in it.");
    expect_error(&second, "{{build `Host`}}",
                 "template: root:1:2: executing \"root\" at <build `Host`>: error calling build: "
                 "loaded data, but couldnt find Host in it.");
    expect_error(&never, "{{build `ID`}}",
                 "template: root:1:2: executing \"root\" at <build `ID`>: error calling build: "
                 "Error validating build variable: the given variable ID will not be passed into "
                 "your plugin.");
}

static void fields(void **state)
{
    KILN_AUTO_STRMAP data = { 0 };
    const struct kiln_interp loose = { .data = &data };
    const struct kiln_interp strict = { .data = &data,
                                        .strict_fields = true,
                                        .data_type = "*qemu.bootCommandTemplateData" };

    (void)state;
    kiln_strmap_set(&data, "HTTPPort", "8080");
    kiln_strmap_set(&data, "HTTPIP", "10.0.2.2");
    expect_text(&strict, "http://{{ .HTTPIP }}:{{.HTTPPort}}/{{$.HTTPIP}}",
                "http://10.0.2.2:8080/10.0.2.2");
    expect_text(&loose,
                "{{.Foo}}{{with .HTTPIP}}{{.}}{{end}}{{range $k, $v := .}} {{$k}}={{$v}}{{end}}",
                "<no value>10.0.2.2 HTTPIP=10.0.2.2 HTTPPort=8080");
    expect_text(&loose,
                "{{.}} {{len .}} {{index . `HTTPIP`}}{{index . `x`}} {{printf `%T %q` . .}}",
                "map[HTTPIP:10.0.2.2 HTTPPort:8080] 2 10.0.2.2 map[string]string "
                "map[\"HTTPIP\":\"10.0.2.2\" \"HTTPPort\":\"8080\"]");
    expect_error(&strict, "a {{.Name}}",
                 "template: root:1:4: executing \"root\" at <.Name>: can't evaluate field Name in "
                 "type *qemu.bootCommandTemplateData");
    expect_error(
        &loose, "{{.HTTPIP.Foo}}",
        "template: root:1:9: executing \"root\" at <.HTTPIP.Foo>: can't evaluate field Foo "
        "in type string");
    expect_error(&loose, "{{.HTTPIP 1}}",
                 "template: root:1:2: executing \"root\" at <.HTTPIP>: HTTPIP is not a method but "
                 "has arguments");
    expect_error(&strict, "{{.HTTPIP 1}}",
                 "template: root:1:2: executing \"root\" at <.HTTPIP>: HTTPIP has arguments but "
                 "cannot be invoked as function");
    expect_error(
        &loose, "{{index . 1}}",
        "template: root:1:2: executing \"root\" at <index . 1>: error calling index: value "
        "has type int; should be string");
    expect_error(&loose, "{{eq . .}}",
                 "template: root:1:2: executing \"root\" at <eq . .>: error calling eq: "
                 "non-comparable type map[string]string");
}

static void values_of_the_run(void **state)
{
    const struct kiln_interp ctx = { .start_us = START_US };
    KILN_AUTO_STR a = { 0 }, b = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_interp_render(&ctx, "{{uuid}}", &a, NULL, &err), &err);
    unit_ok(kiln_interp_render(&ctx, "{{uuid}}", &b, NULL, &err), &err);
    assert_int_equal(a.len, 36);
    assert_string_not_equal(a.data, b.data);
    kiln_str_clear(&a);
    unit_ok(kiln_interp_render(&ctx, "{{pwd}}", &a, NULL, &err), &err);
    assert_int_equal(a.data[0], '/');
}

/* ---- places ---- */

static const struct {
    const char *text;
    size_t offset;
    const char *message;
} places[] = {
    { "ab {{nope}}", 5, "template: root:1: function \"nope\" not defined" },
    { "a\nb {{ upper 5 }}", 13,
      "template: root:2:11: executing \"root\" at <5>: expected string; found 5" },
    { "{{\n\nx}}", 4, "template: root:3: function \"x\" not defined" },
    { "line\n{{if true}}\n", 17, "template: root:3: unexpected EOF" },
    { "{{ user `a` ", 12, "template: root:1: unclosed action" },
    { "x{{\"abc}}", 3, "template: root:1: unterminated quoted string" },
    { "\xc3\xa9{{upper}}", 4,
      "template: root:1:4: executing \"root\" at <upper>: wrong number of args for upper: want 1 "
      "got 0" },
    { "{{`a\nb`}}{{upper 1}}", 17,
      "template: root:2:12: executing \"root\" at <1>: expected string; found 1" },
    { "{{printf \"%c\" 0}}", 0, "the rendered text would hold a NUL character" },
};

static void errors_have_a_place(void **state)
{
    const struct kiln_interp ctx = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(places); i++) {
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };
        size_t offset = 999;

        assert_false(kiln_interp_render(&ctx, places[i].text, &out, &offset, &err));
        assert_string_equal(kiln_err_text(&err), places[i].message);
        assert_int_equal(offset, places[i].offset);
    }
}

/* ---- the other entry points ---- */

static const struct {
    const char *text, *error; /* NULL: fine */
} checked[] = {
    { "plain", NULL },
    { "{{.Foo}} {{env `H`}} {{upper `a` `b`}} {{user `x`}}", NULL },
    { "{{consul_key `x`}}", NULL },
    { "{{bad}}", "template: root:1: function \"bad\" not defined" },
    { "{{$x}}", "template: root:1: undefined variable \"$x\"" },
    { "{{", "template: root:1: unclosed action" },
    { "{{if .X}}", "template: root:1: unexpected EOF" },
};

static void check_only_parses(void **state)
{
    const struct kiln_interp ctx = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(checked); i++) {
        KILN_AUTO_ERR err = { 0 };

        assert_int_equal(kiln_interp_check(&ctx, checked[i].text, NULL, &err), !checked[i].error);
        assert_string_equal(kiln_err_text(&err), checked[i].error ? checked[i].error : "");
    }
}

static char *repeated(const char *head, const char *part, size_t n, const char *tail)
{
    KILN_AUTO_STR out = { 0 };

    kiln_str_adds(&out, head);
    for (size_t i = 0; i < n; i++)
        kiln_str_adds(&out, part);
    kiln_str_adds(&out, tail);
    return kiln_str_steal(&out);
}

static const struct {
    const char *text, *want;
} stable[] = {
    { "plain {{ .X", NULL },
    { "plain }} text", "plain }} text" },
    { "{{user `one`}}", "end" },
    { "{{user `loop`}}", "{{user `loop`}}" },
    { "{{user `grow`}}", NULL },
    /* braces that came from a value */
    { "{{`pa{{ss`}} {{user `one`}}", "pa{{ss end" },
    { "{{`a{{ {{b}} {{upper \"x\"}} }} {{`}}", "a{{ {{b}} X }} {{" },
    { "{{`{{split \"a\" \"b\" 3}}`}}", NULL }, /* parses, so it is meant */
    { "{{`{{ {{split \"a\" \"b\" 3}}`}}", NULL },
};

static void render_until_stable(void **state)
{
    KILN_AUTO_STRMAP user = { 0 };
    KILN_AUTO_FREE char *grow =
        repeated("{{user `grow`}}{{user `grow`}}", "long text ", 10000, ""); /* few rounds do */
    const struct kiln_interp ctx = { .user = &user };

    (void)state;
    kiln_strmap_set(&user, "one", "{{user `two`}}");
    kiln_strmap_set(&user, "two", "{{`{{user \"three\"}}`}}");
    kiln_strmap_set(&user, "three", "end");
    kiln_strmap_set(&user, "loop", "{{user `loop`}}");
    kiln_strmap_set(&user, "grow", grow);
    for (size_t i = 0; i < KILN_COUNT(stable); i++) {
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };

        assert_int_equal(kiln_interp_render_stable(&ctx, stable[i].text, &out, &err),
                         stable[i].want != NULL);
        if (stable[i].want)
            assert_string_equal(kiln_str_cstr(&out), stable[i].want);
    }
}

/* ---- hostile templates: an error, soon (else the test itself takes too long) ---- */

static const struct {
    const char *head, *part;
    size_t n;
    const char *tail, *error; /* what the error says, among other things; NULL: it works */
} hostile[] = {
    { "{{range 1000000000}}", "", 0, "{{end}}", "too much" },
    { "{{range 1000}}{{range 1000}}{{range 1000}}", "", 0, "x{{end}}{{end}}{{end}}", "too much" },
    { "{{$x := `aaaaaaaa`}}", "{{$x = print $x $x}}", 40, "{{$x}}", "too much" },
    { "{{$x := `aaaaaaaa`}}{{range 20}}{{$x = print $x $x}}{{end}}{{range 100000}}", "", 0,
      "{{if eq $x $x}}{{end}}{{end}}", "too much" },
    { "{{range 100000}}", "", 0, "{{printf `%1000d` 1}}{{end}}", "longer than" },
    { "{{printf `", "%1000000[1]d", 50, "` 1}}", "longer than" },
    { "{{printf `", "%.10000000g", 20000, "` 1.5}}", NULL },
    { "{{define `x`}}{{template `x`}}{{template `x`}}{{end}}", "{{template `x`}}", 1, "",
      "maximum template depth" },
    { "{{", "(", 100000, "", "levels of nesting" },
    { "", "{{if true}}", 100000, "", "levels of nesting" },
    { "{{if false}}", "{{else if false}}", 100000, "", "levels of nesting" },
    { "", "{{block `x` .}}", 100000, "", "levels of nesting" },
    { "", "{{$x := 1}}", 100000, "", "more than 256 variables" },
    { "{{/**/}}", "{{define \"a\"}}x{{end}}", 2, "", "multiple definition" },
    { "{{print ", "1 ", 2000000, "}}", "more than" },
    { "{{$x := 1}}", "{{$x}}", 200000, "", NULL },
    { "{{\"", "\\u00e9", 100000, "\" | upper | len}}", NULL },
    { "", "{", 100000, "", "unexpected \"{\"" },
    { "", "{{`", 100000, "", "unexpected" },
    { "", "{{- ", 10000, "-}}", "unexpected" },
    { "{{split `", "a", 100000, "` `` 99999}}", NULL },
    { "{{range 100000}}{{$y := split `", "a", 100000, "` `` 1}}{{end}}", "too much" },
};

static void hostile_templates_end(void **state)
{
    const struct kiln_interp ctx = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(hostile); i++) {
        KILN_AUTO_FREE char *text =
            repeated(hostile[i].head, hostile[i].part, hostile[i].n, hostile[i].tail);
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };
        bool ok = kiln_interp_render(&ctx, text, &out, NULL, &err);

        if (ok != !hostile[i].error || (!ok && !strstr(kiln_err_text(&err), hostile[i].error)))
            fail_msg("%zu: %s%s…\n  gave %s", i, hostile[i].head, hostile[i].part,
                     ok ? "a text" : kiln_err_text(&err));
        assert_true(out.len <= KILN_MAX_RENDERED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions),
        cmocka_unit_test(names_of_the_build),
        cmocka_unit_test(fractions_of_a_second),
        cmocka_unit_test(environment),
        cmocka_unit_test(user_variables),
        cmocka_unit_test(build_data_in_two_passes),
        cmocka_unit_test(fields),
        cmocka_unit_test(values_of_the_run),
        cmocka_unit_test(errors_have_a_place),
        cmocka_unit_test(check_only_parses),
        cmocka_unit_test(render_until_stable),
        cmocka_unit_test(hostile_templates_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
