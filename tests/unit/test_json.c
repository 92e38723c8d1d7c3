/* JSON text to nodes: values, places, limits, and each thing that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "template/tree.h"

static struct kiln_tree *parse_n(const char *text, size_t len, struct kiln_diag *diag)
{
    struct kiln_source *source = kiln_source_new("t.json", text, len);
    struct kiln_tree *tree = kiln_json_parse(source, diag);

    kiln_source_unref(source);
    return tree;
}

static struct kiln_tree *parse(const char *text, struct kiln_diag *diag)
{
    return parse_n(text, strlen(text), diag);
}

static struct kiln_tree *parse_ok(const char *text)
{
    struct kiln_diag diag = { 0 };
    struct kiln_tree *tree = parse(text, &diag);

    if (!tree)
        fail_msg("%s: %s", text, diag.items[0].text);
    assert_int_equal(diag.n, 0);
    return tree;
}

/* "LINE:COLUMN: text" of the only error. */
static void check_error(const char *text, size_t len, const char *want)
{
    struct kiln_diag diag = { 0 };
    KILN_AUTO_STR got = { 0 };

    if (parse_n(text, len, &diag))
        fail_msg("accepted: %s", text);
    assert_int_equal(diag.errors, 1);
    if (diag.items[0].offset != KILN_NO_PLACE) {
        unsigned line, column;

        kiln_source_position(diag.items[0].source, diag.items[0].offset, &line, &column);
        kiln_str_addf(&got, "%u:%u: ", line, column);
    }
    kiln_str_adds(&got, diag.items[0].text);
    if (diag.items[0].fix)
        kiln_str_addf(&got, " [%s]", diag.items[0].fix);
    assert_string_equal(kiln_str_cstr(&got), want);
    kiln_diag_done(&diag);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } bad[] = {
        { "", "unexpected end of JSON input: the file is empty "
              "[expected one JSON object: { \"name\": value, ... }]" },
        { " \n ", "unexpected end of JSON input: the file is empty "
                  "[expected one JSON object: { \"name\": value, ... }]" },
        { "{\"builders\": [\n{}\n\n",
          "2:3: unexpected end of JSON input: the '[' on line 1 is never "
          "closed [add the missing ]]" },
        { "{\"a\"", "1:5: unexpected end of JSON input: the '{' on line 1 is never closed "
                    "[add the missing }]" },
        { "\xef\xbb\xbf{}",
          "the file begins with a byte order mark [save it as UTF-8 without BOM]" },
        { "\xff\xfe{", "the file is UTF-16, JSON is UTF-8 [save it as UTF-8]" },
        { "{\"a\": 1,\n}",
          "1:8: trailing comma: nothing follows it before '}' [remove the comma]" },
        { "[1, 2, ]", "1:6: trailing comma: nothing follows it before ']' [remove the comma]" },
        { "{\"a\": 1\n \"b\": 2}",
          "1:8: missing comma between two members of an object [add a comma here]" },
        { "[\"a\" \"b\"]", "1:5: missing comma between two items of a list [add a comma here]" },
        { "[1,,2]", "1:4: comma with nothing before it [remove the comma]" },
        { "[,1]", "1:2: comma with nothing before it [remove the comma]" },
        { "{\"a\":1,,}", "1:8: comma with nothing before it [remove the comma]" },
        { "{'a': 1}", "1:2: ' does not quote a string in JSON "
                      "[put strings in double quotes: \"...\"]" },
        { "{\"a\": \xe2\x80\x9cx\xe2\x80\x9d}", "1:7: \xe2\x80\x9c does not quote a string in JSON "
                                                "[put strings in double quotes: \"...\"]" },
        { "{ // hello\n}",
          "1:3: JSON has no comments [remove it; at the top level, a key that begins "
          "with _ can hold a remark: \"_comment\": \"...\"]" },
        { "[1 # x\n]", "1:4: JSON has no comments [remove it; at the top level, a key that begins "
                       "with _ can hold a remark: \"_comment\": \"...\"]" },
        { "{\"a\":\xc2\xa0"
          "1}",
          "1:6: invisible character U+00A0 [replace it with a plain space]" },
        { "{a: 1}", "1:2: expected a key in double quotes, found 'a' [write \"a\"]" },
        { "{1: 1}", "1:2: expected a key in double quotes, found '1' [write \"1\"]" },
        { "{\"a\" 1}", "1:5: missing ':' after key \"a\" [write ':' between a key and its value]" },
        { "{\"a\" = 1}", "1:6: expected ':' after key \"a\", found '=' "
                         "[write ':' between a key and its value]" },
        { "{\"a\": }",
          "1:7: key \"a\" has no value [write null for \"not set\", or remove the key]" },
        { "{\"a\"}",
          "1:5: key \"a\" has no value [write null for \"not set\", or remove the key]" },
        { "{\"a\": True}", "1:7: True is not a JSON value [write true]" },
        { "{\"a\": None}", "1:7: None is not a JSON value [write null]" },
        { "{\"a\": nullx}", "1:7: nullx is not a JSON value [write \"nullx\"]" },
        { "{\"a\": qemu}", "1:7: qemu is not a JSON value [write \"qemu\"]" },
        { "{\"a\": {{user `x`}}}", "1:7: {{ }} stands inside strings only "
                                   "[put it in quotes: \"{{ ... }}\"]" },
        { "{\"a\": \"say \"hi\"\"}", "1:12: the string ends at this quote, but text follows it "
                                     "[write \\\" for a quote inside a string]" },
        { "[1}", "1:3: '}' does not close the '[' on line 1 [expected ] here]" },
        { "{\"a\":1]", "1:7: ']' does not close the '{' on line 1 [expected } here]" },
        { "[\"a\": 1]",
          "1:5: key and value in a list [put the pair in braces: { \"key\": value }]" },
        { "{}}", "1:3: '}' closes nothing: the template ended on line 1 "
                 "[remove it, or look for a bracket too few]" },
        { "{\"a\": 1} x",
          "1:10: text after the end of the JSON value [a file holds one JSON value]" },
        { "source \"qemu\" \"x\" {}", "1:1: expected '{', found source "
                                      "[write one JSON object: { ... }; HCL2 templates end in "
                                      ".pkr.hcl]" },
        { "[05]", "1:2: invalid number 05 [numbers have no leading zeros: write 5, or \"05\" for a "
                  "string]" },
        { "[.5]", "1:2: invalid number .5 [write 0.5]" },
        { "[5.]", "1:2: invalid number 5. [write 5]" },
        { "[+5]", "1:2: invalid number +5 [write 5]" },
        { "[1e]", "1:2: invalid number 1e [if it is meant as text, write \"1e\"]" },
        { "[-]", "1:2: invalid number - [if it is meant as text, write \"-\"]" },
        { "[10G]", "1:2: invalid number 10G [if it is meant as text, write \"10G\"]" },
        { "[0x10]", "1:2: invalid number 0x10 [if it is meant as text, write \"0x10\"]" },
        { "[1e400]", "1:2: number too large" },
        { "[\"a\nb\"]", "1:2: this string is not closed before the end of its line [close it with "
                        "\", or write \\n for a line break in it]" },
        { "[\"a", "1:2: this string is never closed [close it with \"]" },
        { "[\"a\\", "1:2: this string is never closed [close it with \"]" },
        { "[\"a\tb\"]", "1:4: tab character in a string [write \\t]" },
        { "[\"a\x1b\"]", "1:4: control character 0x1B in a string "
                         "[write it as an escape, such as \\u001b for 0x1B]" },
        { "[\"caf\xe9\"]", "1:6: invalid UTF-8: byte 0xE9 [save the file as UTF-8]" },
        { "[\"\\d+\"]",
          "1:3: invalid escape '\\d' in a string [for a backslash write two: \\\\d]" },
        { "[\"\\'\"]", "1:3: invalid escape '\\'' in a string [write ' without the backslash]" },
        { "[\"\\u12\"]", "1:3: invalid escape '\\u' in a string "
                         "[\\u is followed by four hexadecimal digits: \\u00e9]" },
        { "[\"\\u0000\"]", "1:3: a string cannot hold the NUL character [remove it]" },
        { "{\"a\":1,\"b\":2,\"\\u0061\":3}",
          "1:14: template has duplicate field: a [keep one of them; it is also on line 1]" },
        { "5", NULL }, /* fine as JSON */
    };

    (void)state;
    for (size_t i = 0; bad[i].want; i++)
        check_error(bad[i].text, strlen(bad[i].text), bad[i].want);
    check_error("[1\0]", 4, "1:3: NUL byte in JSON text [is this a text file?]");
}

static void test_limits(void **state)
{
    KILN_AUTO_STR text = { 0 };

    (void)state;
    for (unsigned i = 0; i < KILN_MAX_JSON_DEPTH; i++)
        kiln_str_addc(&text, '[');
    for (unsigned i = 0; i < KILN_MAX_JSON_DEPTH; i++)
        kiln_str_addc(&text, ']');
    kiln_tree_free(parse_ok(kiln_str_cstr(&text)));
    text.data[KILN_MAX_JSON_DEPTH] = '[';
    check_error(text.data, text.len, "1:65: more than 64 levels of nesting");

    kiln_str_clear(&text);
    for (unsigned i = 0; i <= KILN_MAX_JSON_KEYS; i++)
        kiln_str_addf(&text, "%c\"%u\":0", i ? ',' : '{', i);
    kiln_str_addc(&text, '}');
    check_error(text.data, text.len, "1:644252: more than 65536 keys in one object");

    kiln_str_clear(&text);
    for (unsigned i = 0; i < KILN_MAX_JSON_VALUES; i++)
        kiln_str_adds(&text, i ? ",0" : "[0");
    kiln_str_addc(&text, ']');
    check_error(text.data, text.len, "1:2000000: more than 1000000 values in one file");

    kiln_str_clear(&text);
    kiln_str_addc(&text, '[');
    for (unsigned i = 0; i <= KILN_MAX_JSON_NUMBER; i++)
        kiln_str_addc(&text, '1');
    kiln_str_addc(&text, ']');
    check_error(
        text.data, text.len,
        "1:2: invalid number 1111111111111111111111111111111111111111111111111111111111111111"
        " [at most 512 characters are read; put it in quotes]");
}

static void test_values_and_places(void **state)
{
    struct kiln_tree *t = parse_ok("{\n  \"s\": \"a\\u00e9\\n\", \"n\": -1.5e2, \"t\": true,\n"
                                   "  \"f\": false, \"z\": null, \"l\": [1, {}], \"\": \"\"\n}");
    const struct kiln_node *root = kiln_tree_root(t);
    const struct kiln_member *m;

    (void)state;
    assert_int_equal(root->type, KILN_NODE_OBJECT);
    assert_int_equal(root->u.object.n, 7);
    assert_int_equal(root->offset, 0);
    m = &root->u.object.members[0];
    assert_string_equal(m->key, "s");
    assert_int_equal(m->key_offset, 4);
    assert_int_equal(m->value->offset, 9);
    assert_string_equal(m->value->u.string.s, "a\xc3\xa9\n");
    assert_int_equal(m->value->u.string.len, 4);
    m = kiln_node_member(root, "n");
    assert_string_equal(m->value->u.number.text, "-1.5e2");
    assert_true(m->value->u.number.value == -150);
    assert_true(kiln_node_get(root, "t")->u.boolean);
    assert_false(kiln_node_get(root, "f")->u.boolean);
    assert_int_equal(kiln_node_get(root, "z")->type, KILN_NODE_NULL);
    assert_int_equal(kiln_node_get(root, "l")->u.list.n, 2);
    assert_int_equal(kiln_node_get(root, "l")->u.list.items[1]->type, KILN_NODE_OBJECT);
    assert_string_equal(kiln_node_get(root, "")->u.string.s, "");
    assert_null(kiln_node_get(root, "nope"));
    kiln_tree_free(t);
}

static void test_every_duplicate(void **state)
{
    struct kiln_diag diag = { 0 };

    (void)state;
    assert_null(
        parse("{\"a\":1,\"a\":2,\"b\":{\"c\":1,\"c\":2},\"l\":[{\"x\":{},\"x\":[1,{}],\"x\":3}]}",
              &diag));
    assert_int_equal(diag.errors, 4);
    for (size_t i = 0; i < diag.n; i++)
        assert_true(kiln_has_prefix(diag.items[i].text, "template has duplicate field: "));
    kiln_diag_done(&diag);
}

static void test_lenient(void **state)
{
    static const char text[] = "{\"a\":{\"x\":1},\"b\":\"2\",\"a\":\"3\",\"b\":\"4\"} junk";
    struct kiln_source *source = kiln_source_new("v.json", text, strlen(text));
    struct kiln_diag diag = { 0 };
    struct kiln_tree *t = kiln_json_parse_lenient(source, &diag);

    (void)state;
    assert_non_null(t);
    assert_int_equal(diag.errors, 0);
    assert_int_equal(diag.n, 3);
    assert_int_equal(kiln_tree_root(t)->u.object.n, 2);
    assert_string_equal(kiln_node_get(kiln_tree_root(t), "a")->u.string.s, "3");
    assert_string_equal(kiln_node_get(kiln_tree_root(t), "b")->u.string.s, "4");
    kiln_tree_free(t);
    kiln_source_unref(source);
    kiln_diag_done(&diag);
}

static void test_member_lookup(void **state)
{
    struct kiln_tree *t = parse_ok("{\"NAME\":\"upper\",\"name\":\"lower\",\"Type\":\"x\"}");
    static const char *const consumed[] = { "name", "type" };
    const struct kiln_node *root = kiln_tree_root(t);
    const struct kiln_node *rest = kiln_node_without(t, root, consumed, 2);

    (void)state;
    assert_string_equal(kiln_node_get(root, "name")->u.string.s, "lower");
    assert_string_equal(kiln_node_get(root, "Name")->u.string.s, "upper");
    assert_string_equal(kiln_node_get(root, "type")->u.string.s, "x");
    assert_int_equal(rest->u.object.n, 2); /* by exact spelling: "Type" stays */
    assert_string_equal(rest->u.object.members[1].key, "Type");
    kiln_tree_free(t);
}

static void test_weak_text(void **state)
{
    static const struct {
        const char *json, *want;
    } row[] = {
        { "0", "0" },
        { "-0.0", "-0" },
        { "1", "1" },
        { "1024", "1024" },
        { "2.50", "2.5" },
        { "-7", "-7" },
        { "1e21", "1000000000000000000000" },
        { "1e23", "100000000000000000000000" },
        { "0.001", "0.001" },
        { "1e-7", "0.0000001" },
        { "123456.789", "123456.789" },
        { "0.1", "0.1" },
        { "9007199254740993", "9007199254740992" },
        { "true", "1" },
        { "false", "0" },
        { "null", "" },
        { "\"x\"", "x" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(row); i++) {
        struct kiln_tree *t = parse_ok(row[i].json);
        KILN_AUTO_FREE char *got = kiln_node_to_text(kiln_tree_root(t));

        assert_string_equal(got, row[i].want);
        kiln_tree_free(t);
    }
}

static void test_place_inside_string(void **state)
{
    /* value: a é(2 bytes) b 😀(4, a pair) c LF é(2, escaped) d */
    struct kiln_tree *t = parse_ok("[ \"a\xc3\xa9"
                                   "b\\ud83d\\ude00c\\n\\u00e9d\"]");
    const struct kiln_node *s = kiln_tree_root(t)->u.list.items[0];
    static const size_t want[] = { 3, 4, 5, 6, 7, 7, 7, 7, 19, 20, 22, 22, 28, 29, 29 };

    (void)state;
    assert_int_equal(s->u.string.len, 13);
    for (size_t i = 0; i < KILN_COUNT(want); i++)
        assert_int_equal(kiln_node_text_offset(s, i), want[i]);
    kiln_tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),           cmocka_unit_test(test_limits),
        cmocka_unit_test(test_values_and_places), cmocka_unit_test(test_every_duplicate),
        cmocka_unit_test(test_lenient),           cmocka_unit_test(test_member_lookup),
        cmocka_unit_test(test_weak_text),         cmocka_unit_test(test_place_inside_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
