/* Option tables: weak typing, overlays, defaults, errors, help. Source: packer-core.md, section 9.
 */
#include "golden.h"

#include <glob.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "config/config.h"
#include "template/template.h"

struct media {
    char *iso_url;
    int64_t port;
};

struct image_args {
    struct kiln_strv create;
    char *format;
};

struct machine {
    char *name, *cache, *password, *raw;
    bool headless;
    enum kiln_tristate agent;
    int64_t memory, wait_ns;
    struct kiln_strv keys, modes, raw_keys, tried_keys, tokens;
    struct kiln_rows args;
    struct kiln_strmap content;
    struct kiln_ints codes;
    struct image_args image;
    struct media media;
};

#define O(member) offsetof(struct machine, member)

static const char *const caches[] = { "none", "writeback", NULL };
static const char *const modes[] = { "fast", "slow", NULL };

static const struct kiln_field media_fields[] = {
    { "iso_url", KILN_STRING, offsetof(struct media, iso_url), .help = "Installer." },
    { "port", KILN_INT, offsetof(struct media, port), .def = "5900", .help = "Its port." },
    { 0 },
};
static const struct kiln_schema media_schema = { "media", "Where the bytes come from", media_fields,
                                                 NULL };

static const struct kiln_field image_fields[] = {
    { "create", KILN_STRINGS, offsetof(struct image_args, create), .def = "-q",
      .help = "For qemu-img create." },
    { "format", KILN_STRING, offsetof(struct image_args, format), .def = "qcow2" },
    { 0 },
};
static const struct kiln_schema image_schema = { "image", "", image_fields, NULL };

static const struct kiln_field machine_fields[] = {
    { "name", KILN_STRING, O(name), .def = "{{no}} default", .help = "What it is called." },
    { "cache", KILN_STRING, O(cache), .def = "writeback", .choices = caches,
      .choice_error = "unrecognized disk cache type", .help = "How the disk is cached." },
    { "password", KILN_STRING, O(password), KILN_SECRET,
      .help = "A secret that is long enough to explain that it needs more than one line of eighty "
              "columns." },
    { "tokens", KILN_STRINGS, O(tokens), .flags = KILN_SECRET },
    { "raw", KILN_STRING, O(raw), KILN_RAW,
      .def = "chmod +x {{.Path}}; {{.Vars}} /a/quite/long/command/that/does/not/fit {{.Path}}",
      .help = "Rendered later." },
    { "raw_keys", KILN_STRINGS, O(raw_keys), .flags = KILN_RAW },
    { "tried_keys", KILN_STRINGS, O(tried_keys), .flags = KILN_RAW | KILN_TRIED | KILN_HIDDEN },
    { "headless", KILN_BOOL, O(headless), .help = "No window." },
    { "agent", KILN_TRIBOOL, O(agent), .def = "true" },
    { "memory", KILN_INT, O(memory), .def = "512", .help = "MiB." },
    { "wait", KILN_DURATION, O(wait_ns), .def = "10s", .help = "Before the first key." },
    { "keys", KILN_STRINGS, O(keys), .help = "To type." },
    { "modes", KILN_STRINGS, O(modes), .choices = modes },
    { "args", KILN_STRING_ROWS, O(args), .help = NULL },
    { "content", KILN_STRING_MAP, O(content), .help = NULL },
    { "codes", KILN_INTS, O(codes), .def = "0" },
    { "image", KILN_NESTED, O(image), .nested = &image_schema, .help = "More arguments." },
    { "old_wait", KILN_DURATION, O(wait_ns), KILN_DEPRECATED,
      .help = "old_wait is deprecated; write wait." },
    { "older_wait", KILN_DURATION, 0, KILN_REMOVED, .help = "write \"wait\" instead" },
    { "secret_knob", KILN_BOOL, O(headless), .flags = KILN_HIDDEN },
    { 0 },
};
static const struct kiln_include machine_includes[] = { { &media_schema, O(media) }, { NULL, 0 } };
static const struct kiln_schema schema = { "machine", "A machine.", machine_fields,
                                           machine_includes };

/* ---- one decoding ---- */

struct decoded {
    struct machine m;
    struct kiln_strv secrets;
    struct kiln_strmap user;
    struct kiln_diag diag;
    struct kiln_tree *trees[2];
    struct kiln_source *sources[2];
    struct kiln_prepare p;
    struct kiln_interp interp;
    const struct kiln_node *nodes[2];
    bool ok;
};

static void add_json(struct decoded *d, size_t i, const char *name, const char *json)
{
    d->sources[i] = kiln_source_new(name, json, strlen(json));
    d->trees[i] = kiln_json_parse(d->sources[i], &d->diag);
    if (!d->trees[i])
        fail_msg("not JSON: %s", json);
    d->nodes[i] = kiln_tree_root(d->trees[i]);
}

static const char *const build_keys[] = { "ID", NULL };

/* `over` may be NULL. */
static void decode(struct decoded *d, const char *json, const char *over)
{
    *d = (struct decoded){ 0 };
    kiln_strmap_set(&d->user, "x", "from x");
    kiln_strmap_set(&d->user, "list", "a,b");
    kiln_strmap_set(&d->user, "n", "7");
    kiln_strmap_set(&d->user, "braces", "{{a,b}}");
    add_json(d, 0, "t.json", json);
    if (over)
        add_json(d, 1, "over.json", over);
    d->interp =
        (struct kiln_interp){ .user = &d->user, .build_name = "deb", .build_keys = build_keys };
    d->p = (struct kiln_prepare){ .schema = &schema,
                                  .nodes = d->nodes,
                                  .n_nodes = over ? 2 : 1,
                                  .interp = &d->interp,
                                  .diag = &d->diag,
                                  .secrets = &d->secrets,
                                  .where = "builder machine" };
    d->ok = kiln_config_decode(&d->p, &d->m);
    assert_int_equal(d->ok, d->diag.errors == 0);
}

static void decode_well(struct decoded *d, const char *json, const char *over)
{
    KILN_AUTO_STR text = { 0 };

    decode(d, json, over);
    kiln_diag_format_all(&d->diag, NULL, &text);
    if (!d->ok)
        fail_msg("%s\n%s", json, kiln_str_cstr(&text));
}

static void done(struct decoded *d)
{
    kiln_config_done(&schema, &d->m);
    assert_null(d->m.name);
    assert_null(d->m.args.rows);
    kiln_strv_done(&d->secrets);
    kiln_strmap_done(&d->user);
    kiln_diag_done(&d->diag);
    for (size_t i = 0; i < 2; i++) {
        kiln_tree_free(d->trees[i]);
        kiln_source_unref(d->sources[i]);
    }
}

/* Lists as "a|b", maps as "k=v|…", rows as "a|b / c". */
static char *show(const struct machine *m, const char *what)
{
    KILN_AUTO_STR out = { 0 };
    const struct kiln_strv *list = strcmp(what, "keys") == 0         ? &m->keys
                                   : strcmp(what, "raw_keys") == 0   ? &m->raw_keys
                                   : strcmp(what, "tried_keys") == 0 ? &m->tried_keys
                                   : strcmp(what, "create") == 0     ? &m->image.create
                                                                     : NULL;

    if (list) {
        KILN_AUTO_FREE char *joined = kiln_strv_join(list, "|");

        kiln_str_adds(&out, joined);
    } else if (strcmp(what, "args") == 0) {
        for (size_t i = 0; i < m->args.n; i++) {
            KILN_AUTO_FREE char *joined = kiln_strv_join(&m->args.rows[i], "|");

            kiln_str_addf(&out, "%s%s", i ? " / " : "", joined);
        }
    } else if (strcmp(what, "codes") == 0) {
        for (size_t i = 0; i < m->codes.n; i++)
            kiln_str_addf(&out, "%s%lld", i ? "|" : "", (long long)m->codes.v[i]);
    } else {
        for (size_t i = 0; i < m->content.keys.n; i++)
            kiln_str_addf(&out, "%s%s=%s", i ? "|" : "", m->content.keys.v[i],
                          m->content.values.v[i]);
    }
    return kiln_str_steal(&out);
}

/* ---- weak typing ---- */

static const struct {
    const char *json, *want;
} strings[] = {
    { "{}", "{{no}} default" },
    { "{\"name\": null}", "{{no}} default" },
    { "{\"name\": \"\"}", "{{no}} default" },
    { "{\"name\": \"a,b\"}", "a,b" },
    { "{\"name\": 2.5}", "2.5" },
    { "{\"name\": 1e21}", "1000000000000000000000" },
    { "{\"name\": true}", "1" },
    { "{\"name\": false}", "0" },
    { "{\"NAME\": \"upper\"}", "upper" },
    { "{\"name\": \"{{user `x`}}-{{.Foo}}-{{build_name}}\"}", "from x-<no value>-deb" },
    { "{\"type\": \"m\", \"packer_bogus\": [1], \"name\": \"n\"}", "n" },
};

static void strings_from_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(strings); i++) {
        struct decoded d;

        decode_well(&d, strings[i].json, NULL);
        assert_string_equal(d.m.name, strings[i].want);
        done(&d);
    }
}

static const struct {
    const char *json;
    bool want;
} bools[] = {
    { "{}", false },
    { "{\"headless\": true}", true },
    { "{\"headless\": 0}", false },
    { "{\"headless\": -0.5}", true },
    { "{\"headless\": \"\"}", false },
    { "{\"headless\": \"T\"}", true },
    { "{\"headless\": \"False\"}", false },
    { "{\"headless\": \"{{user `none`}}\"}", false },
    { "{\"headless\": null}", false },
};

static void bools_from_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bools); i++) {
        struct decoded d;

        decode_well(&d, bools[i].json, NULL);
        assert_int_equal(d.m.headless, bools[i].want);
        done(&d);
    }
}

static const struct {
    const char *json;
    enum kiln_tristate want;
} tribools[] = {
    { "{}", KILN_YES }, /* the default of this table */
    { "{\"agent\": \"\"}", KILN_YES },
    { "{\"agent\": false}", KILN_NO },
    { "{\"agent\": \"0\"}", KILN_NO },
    { "{\"agent\": \"{{user `n`}}x\"}", KILN_UNSET }, /* an error */
    { "{\"agent\": 1}", KILN_YES },
};

static void tribools_know_unset(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(tribools); i++) {
        struct decoded d;

        decode(&d, tribools[i].json, NULL);
        assert_int_equal(d.ok, tribools[i].want != KILN_UNSET);
        if (d.ok)
            assert_int_equal(d.m.agent, tribools[i].want);
        done(&d);
    }
}

static const struct {
    const char *json;
    int64_t memory, wait_ns;
} numbers[] = {
    { "{}", 512, 10000000000 },
    { "{\"memory\": 2.7, \"wait\": 10}", 2, 10 },
    { "{\"memory\": -2.7, \"wait\": \"-1s\"}", -2, -1000000000 },
    { "{\"memory\": \"0x10\", \"wait\": \"1h1h\"}", 16, 7200000000000 },
    { "{\"memory\": \"010\", \"wait\": \".5s\"}", 8, 500000000 },
    { "{\"memory\": \"1_000\", \"wait\": \"1m0.5s\"}", 1000, 60500000000 },
    { "{\"memory\": true}", 1, 10000000000 },
    { "{\"memory\": \"\"}", 512, 10000000000 },
    { "{\"memory\": 0, \"wait\": \"0s\"}", 512, 10000000000 },
    { "{\"memory\": \"{{user `n`}}\", \"wait\": \"{{user `n`}}m\"}", 7, 420000000000 },
    { "{\"memory\": null, \"wait\": null}", 512, 10000000000 },
};

static void numbers_from_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(numbers); i++) {
        struct decoded d;

        decode_well(&d, numbers[i].json, NULL);
        assert_int_equal(d.m.memory, numbers[i].memory);
        assert_int_equal(d.m.wait_ns, numbers[i].wait_ns);
        done(&d);
    }
}

/* config, override, which field, result */
static const struct {
    const char *json, *over, *what, *want;
} lists[] = {
    { "{}", NULL, "keys", "" },
    { "{\"keys\": [\"a,b\", 5, true, null]}", NULL, "keys", "a,b|5|1|" },
    { "{\"keys\": \"a,b,\"}", NULL, "keys", "a|b|" },
    { "{\"keys\": \"\"}", NULL, "keys", "" },
    { "{\"keys\": 5}", NULL, "keys", "5" },
    { "{\"keys\": false}", NULL, "keys", "0" },
    { "{\"keys\": {}}", NULL, "keys", "" },
    { "{\"keys\": \"{{user `list`}}\"}", NULL, "keys", "a|b" },
    { "{\"keys\": [\"{{user `list`}}\"]}", NULL, "keys", "a,b" },
    { "{\"keys\": [\"a\", \"b\", \"c\"]}", "{\"keys\": [\"X\"]}", "keys", "X|b|c" },
    { "{\"keys\": [\"a\"]}", "{\"keys\": \"x,y\"}", "keys", "x|y" },
    { "{\"keys\": [\"a\"]}", "{\"keys\": null}", "keys", "a" },
    { "{\"keys\": [\"a\"]}", "{}", "keys", "a" },
    { "{\"raw_keys\": [\"{{.A}},{{ .B }}\"]}", NULL, "raw_keys", "{{.A}},{{ .B }}" },
    { "{\"tried_keys\": \"{{user `list`}},{{upper `c`}}\"}", NULL, "tried_keys", "a|b|C" },
    { "{\"tried_keys\": \"{{user `braces`}},d\"}", NULL, "tried_keys", "{{`{{`}}a|b}}|d" },
    { "{\"tried_keys\": \"{{user `list`}},building {{build `ID`}}\"}", NULL, "tried_keys",
      "a|b|building {{`{{`}}.ID}}" },
    { "{\"tried_keys\": \"{{build `ID`}}{{replace_all `,` `;` `a,b`}},{{.Nope}}\"}", NULL,
      "tried_keys", "{{`{{`}}.ID}}a;b|<no value>" },
    { "{\"tried_keys\": \"{{build `ID` | replace_all `,` `;`}}\"}", NULL, "tried_keys",
      "{{build `ID` | replace_all `,` `;`}}" },
    { "{\"tried_keys\": \"{{user `none`}}\"}", NULL, "tried_keys", "" },
    { "{\"tried_keys\": [\"{{user `list`}}\"]}", NULL, "tried_keys", "{{user `list`}}" },
    { "{\"codes\": [1.7, \"0x2\", true]}", NULL, "codes", "1|2|1" },
    { "{\"codes\": \"1,2\"}", NULL, "codes", "1|2" },
    { "{\"codes\": 3}", NULL, "codes", "3" },
    { "{\"codes\": []}", NULL, "codes", "" },
    { "{\"codes\": null}", NULL, "codes", "0" },
    { "{}", "{\"codes\": [4, 5]}", "codes", "4|5" },
    { "{\"codes\": [1, 2, 3]}", "{\"codes\": [9]}", "codes", "9|2|3" },
    { "{\"args\": [[\"-m\", 5], \"a,b\", []]}", NULL, "args", "-m|5 / a|b / " },
    { "{\"args\": \"a,b\"}", NULL, "args", "a / b" },
    { "{\"args\": 5}", NULL, "args", "5" },
    { "{\"args\": [[\"a\", \"b\"], [\"c\"]]}", "{\"args\": [[\"X\"]]}", "args", "X|b / c" },
    { "{\"content\": {\"/{{user `n`}}\": \"{{user `x`}}\", \"b\": 1}}", NULL, "content",
      "/7=from x|b=1" },
    { "{\"content\": [{\"a\": \"1\"}, {\"b\": \"2\"}]}", NULL, "content", "a=1|b=2" },
    { "{\"content\": []}", NULL, "content", "" },
    { "{\"content\": {\"a\": \"1\", \"b\": \"2\"}}", "{\"content\": {\"b\": \"3\", \"c\": \"4\"}}",
      "content", "a=1|b=3|c=4" },
    { "{}", NULL, "create", "-q" },
    { "{\"image\": {\"create\": [\"-x\", \"-y\"]}}", NULL, "create", "-x|-y" },
    { "{\"image\": {\"create\": [\"-x\", \"-y\"]}}", "{\"image\": {\"create\": \"-z\"}}", "create",
      "-z|-y" },
    { "{\"image\": {\"format\": \"raw\"}}", "{\"image\": {\"create\": [\"-z\"]}}", "create", "-z" },
    { "{\"image\": null}", NULL, "create", "-q" },
};

static void lists_and_overlays(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(lists); i++) {
        KILN_AUTO_FREE char *got = NULL;
        struct decoded d;

        decode_well(&d, lists[i].json, lists[i].over);
        got = show(&d.m, lists[i].what);
        if (strcmp(got, lists[i].want) != 0)
            fail_msg("%s %s: %s is \"%s\", not \"%s\"", lists[i].json,
                     lists[i].over ? lists[i].over : "", lists[i].what, got, lists[i].want);
        done(&d);
    }
}

static void scalars_are_replaced(void **state)
{
    struct decoded d;

    (void)state;
    decode_well(
        &d,
        "{\"name\": \"a\", \"memory\": 1, \"headless\": true, \"port\": 1, \"cache\": \"none\"}",
        "{\"name\": \"b\", \"headless\": \"0\", \"port\": 2, \"cache\": \"\"}");
    assert_string_equal(d.m.name, "b");
    assert_string_equal(d.m.cache, "writeback");
    assert_int_equal(d.m.memory, 1);
    assert_false(d.m.headless);
    assert_int_equal(d.m.media.port, 2);
    done(&d);
}

static void defaults_stand_alone(void **state)
{
    struct machine m = { 0 };

    (void)state;
    kiln_config_defaults(&schema, &m);
    kiln_config_defaults(&schema, &m); /* releases what was there */
    assert_string_equal(m.cache, "writeback");
    assert_string_equal(m.image.format, "qcow2");
    assert_int_equal(m.media.port, 5900);
    assert_int_equal(m.codes.n, 1);
    kiln_config_done(&schema, &m);
    assert_null(m.cache);
    assert_int_equal(m.media.port, 0);
}

static void secrets_are_collected(void **state)
{
    KILN_AUTO_FREE char *all = NULL;
    struct decoded d;

    (void)state;
    decode_well(
        &d,
        "{\"password\": \"pw-{{user `n`}}\", \"tokens\": [\"t1\", \"\", \"t2\"], \"name\": \"n\"}",
        NULL);
    all = kiln_strv_join(&d.secrets, "|");
    assert_string_equal(all, "pw-7|t1|t2");
    done(&d);
}

static void what_is_set(void **state)
{
    struct decoded d;

    (void)state;
    decode_well(&d, "{\"Name\": \"\", \"memory\": null, \"image\": {\"create\": []}}",
                "{\"keys\": []}");
    assert_true(kiln_config_is_set(&d.p, "name"));
    assert_true(kiln_config_is_set(&d.p, "keys"));
    assert_true(kiln_config_is_set(&d.p, "image.create"));
    assert_false(kiln_config_is_set(&d.p, "image.format"));
    assert_false(kiln_config_is_set(&d.p, "memory"));
    assert_false(kiln_config_is_set(&d.p, "headless"));
    done(&d);
}

/* ---- golden: errors and help ---- */

/* Every tests/golden/config/NAME.json must fail, with the text of NAME.txt. */
static void golden_errors(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(chdir(KILN_TESTS "/golden/config"), 0);
    assert_int_equal(glob("*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        KILN_AUTO_FREE char *expected =
            kiln_xasprintf("%.*s.txt", (int)(strlen(path) - strlen(".json")), path);
        KILN_AUTO_STR json = { 0 }, got = { 0 };
        struct decoded d;

        assert_true(kiln_fs_read(path, 1 << 20, &json, NULL));
        decode(&d, kiln_str_cstr(&json), NULL);
        kiln_diag_format_all(&d.diag, NULL, &got);
        if (d.ok && d.diag.n == 0)
            fail_msg("%s: nothing to say", path);
        unit_golden(expected, &got);
        done(&d);
    }
    globfree(&found);
}

static void golden_help(void **state)
{
    KILN_AUTO_STR got = { 0 };

    (void)state;
    assert_int_equal(chdir(KILN_TESTS "/golden/config"), 0);
    kiln_config_help(&schema, &got);
    unit_golden("help.txt", &got);
}

/* Errors that a component reports by key are placed at the value that counts. */
static void component_errors_have_a_place(void **state)
{
    struct decoded d;

    (void)state;
    decode_well(&d, "{\"name\": \"a\", \"image\": {\"create\": [1]}}", "{  \"name\": \"b\"}");
    assert_false(kiln_config_error(&d.p, "name", "bad %d", 1));
    (void)kiln_config_error(&d.p, "image.create", "bad 2");
    (void)kiln_config_error(&d.p, "absent", "bad 3");
    kiln_config_warning(&d.p, NULL, "bad 4");
    assert_int_equal(d.diag.n, 4);
    assert_ptr_equal(d.diag.items[0].source, d.sources[1]);
    assert_int_equal(d.diag.items[0].offset, 11);
    assert_string_equal(d.diag.items[0].text, "bad 1");
    assert_int_equal(d.diag.items[1].offset, 34);
    assert_int_equal(d.diag.items[2].offset, 0);
    assert_int_equal(d.diag.items[3].severity, KILN_WARNING);
    done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_from_anything), cmocka_unit_test(bools_from_anything),
        cmocka_unit_test(tribools_know_unset),   cmocka_unit_test(numbers_from_anything),
        cmocka_unit_test(lists_and_overlays),    cmocka_unit_test(scalars_are_replaced),
        cmocka_unit_test(defaults_stand_alone),  cmocka_unit_test(secrets_are_collected),
        cmocka_unit_test(what_is_set),           cmocka_unit_test(component_errors_have_a_place),
        cmocka_unit_test(golden_errors),         cmocka_unit_test(golden_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
