/* A boot command written into a template: the new text, and the file. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "template/edit.h"
#include "unit.h"

#define MAX_LINES 12

/* ---- text ---- */

static struct kiln_tree *parse(const char *text)
{
    struct kiln_source *source = kiln_source_new("t.json", text, strlen(text));
    struct kiln_diag diag = { 0 };
    struct kiln_tree *tree = kiln_json_parse(source, &diag);

    kiln_source_unref(source);
    kiln_diag_done(&diag);
    if (!tree)
        fail_msg("not JSON: %s", text);
    return tree;
}

static const struct kiln_node *first_builder(const struct kiln_tree *tree)
{
    const struct kiln_node *list = kiln_node_get(kiln_tree_root(tree), "builders");

    return list ? list->u.list.items[0] : kiln_tree_root(tree);
}

static struct kiln_strv to_strv(const char *const *lines)
{
    struct kiln_strv ret = { 0 };

    for (; *lines; lines++)
        kiln_strv_add(&ret, *lines);
    return ret;
}

static bool edit(const char *text, size_t row, const struct kiln_strv *lines, struct kiln_str *out,
                 struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = parse(text);

    return kiln_edit_boot_text(first_builder(tree), row, lines, out, err);
}

static void check_reads_back(const char *text, size_t row, const struct kiln_strv *want)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = parse(text);
    KILN_AUTO_FREE char *a = kiln_strv_join(want, "\n");
    KILN_AUTO_FREE char *b = NULL;
    KILN_AUTO_STRV got = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_edit_boot_lines(first_builder(tree), row, &got, &err), &err);
    b = kiln_strv_join(&got, "\n");
    assert_string_equal(b, a);
}

static const struct {
    const char *text;
    const char *lines[MAX_LINES];
    const char *want;
} texts[] = {
    /* one a line: what did not change keeps its spelling */
    { "{\n  \"boot_command\": [\n    \"\\u003cesc\\u003e\",\n    \"auto\",\n    \"a\\/b\"\n  ],\n"
      "  \"z\" :1}\n",
      { "<esc>", "automatic", "a/b" },
      "{\n  \"boot_command\": [\n    \"\\u003cesc\\u003e\",\n    \"automatic\",\n    \"a\\/b\"\n"
      "  ],\n  \"z\" :1}\n" },
    /* put in at the front, in the middle, at the end */
    { "{\"boot_command\": [\n\t\"a\",\n\t\"b\"\n]}",
      { "x", "a", "y", "b", "z" },
      "{\"boot_command\": [\n\t\"x\",\n\t\"a\",\n\t\"y\",\n\t\"b\",\n\t\"z\"\n]}" },
    /* taken away at each of these */
    { "{\"boot_command\": [\n\t\"a\",\n\t\"b\",\n\t\"c\",\n\t\"d\"\n]}",
      { "b", "d" },
      "{\"boot_command\": [\n\t\"b\",\n\t\"d\"\n]}" },
    { "{\"boot_command\": [\n\t\"a\",\n\t\"b\"\n]}", { "a" }, "{\"boot_command\": [\n\t\"a\"\n]}" },
    { "{\"boot_command\": [\n\t\"a\",\n\t\"b\"\n]}", { NULL }, "{\"boot_command\": []}" },
    /* on one line */
    { "{\"boot_command\": [ \"a\", \"b\" ]}",
      { "a", "x", "b", "c" },
      "{\"boot_command\": [ \"a\", \"x\", \"b\", \"c\" ]}" },
    { "{\"boot_command\":[\"a\",\"b\"]}", { "b", "c" }, "{\"boot_command\":[\"b\",\"c\"]}" },
    { "{\n\"boot_command\": [\"a\"]}", { "a", "b" }, "{\n\"boot_command\": [\"a\", \"b\"]}" },
    { "{\"boot_command\":[\"a\"]}", { "a", "b" }, "{\"boot_command\":[\"a\",\"b\"]}" },
    /* one in a list of lines */
    { "{\"boot_command\": [\n    \"a\"\n  ]}",
      { "x", "a", "b" },
      "{\"boot_command\": [\n    \"x\",\n    \"a\",\n    \"b\"\n  ]}" },
    /* blank lines stay where they are and do not multiply; groups on a line; CRLF */
    { "{\"boot_command\": [\n  \"a\",\n\n\n  \"b\", \"c\"\n]}",
      { "a", "x", "b", "c" },
      "{\"boot_command\": [\n  \"a\",\n  \"x\",\n\n\n  \"b\", \"c\"\n]}" },
    { "{\"boot_command\": [\r\n  \"a\",\r\n\r\n  \"b\"\r\n]}",
      { "a", "b", "c" },
      "{\"boot_command\": [\r\n  \"a\",\r\n\r\n  \"b\",\r\n  \"c\"\r\n]}" },
    { "{\"boot_command\": [\n  \"a\", \"b\",\n  \"c\", \"d\"\n]}",
      { "a", "B", "C", "d" },
      "{\"boot_command\": [\n  \"a\", \"B\",\n  \"C\", \"d\"\n]}" },
    /* the comma in front */
    { "{\"boot_command\":\n  [ \"a\"\n  , \"b\"\n  ]}",
      { "a", "x", "b", "c" },
      "{\"boot_command\":\n  [ \"a\"\n  , \"x\"\n  , \"b\"\n  , \"c\"\n  ]}" },
    /* a list where none was */
    { "{\n    \"boot_command\": []\n}", { "a" }, "{\n    \"boot_command\": [\"a\"]\n}" },
    { "{\n    \"boot_command\": [\n    ]\n}",
      { "a", "b" },
      "{\n    \"boot_command\": [\n        \"a\",\n        \"b\"\n    ]\n}" },
    { "{\n\t\"boot_command\": null\n}",
      { "a", "b" },
      "{\n\t\"boot_command\": [\n\t\t\"a\",\n\t\t\"b\"\n\t]\n}" },
    /* a string stays one, unless it has to be a list */
    { "{\"boot_command\": \"a\"}", { "b" }, "{\"boot_command\": \"b\"}" },
    { "{\"boot_command\": \"a,b\"}", { "a", "b" }, "{\"boot_command\": \"a,b\"}" },
    { "{\"boot_command\": \"a\"}", { "a,b" }, "{\"boot_command\": [\"a,b\"]}" },
    { "{\"boot_command\": \"a\"}", { "" }, "{\"boot_command\": [\"\"]}" },
    { "{\n  \"boot_command\": \"a\"\n}",
      { "a", "b" },
      "{\n  \"boot_command\": [\n    \"a\",\n    \"b\"\n  ]\n}" },
    /* weak types, other spellings of the key, escapes in new text */
    { "{\"Boot_Command\": [1e2, true, \"x\"]}",
      { "100", "1", "y" },
      "{\"Boot_Command\": [1e2, true, \"y\"]}" },
    { "{\"boot_command\": [\"a\"]}",
      { "\"q\" \\ \n\t\x01 \xC3\xA9 <enter>" },
      "{\"boot_command\": [\"\\\"q\\\" \\\\ \\n\\t\\u0001 \xC3\xA9 <enter>\"]}" },
    /* the same strings twice; brackets and quotes inside strings */
    { "{\"boot_command\": [\"<w>\", \"<\\u0077>\", \"]\\\"\", \"<w>\"]}",
      { "<w>", "n", "<w>", "]\"", "<w>" },
      "{\"boot_command\": [\"<w>\", \"n\", \"<\\u0077>\", \"]\\\"\", \"<w>\"]}" },
    /* {{ }} is text like any other */
    { "{\"boot_command\": \"{{user `k`}}\"}",
      { "{{user `k`}}<enter>" },
      "{\"boot_command\": \"{{user `k`}}<enter>\"}" },
    { "{\"boot_command\": \"{{ .Name }}\"}", { "x" }, "{\"boot_command\": \"x\"}" },
    { "{\"boot_command\": [\"{{user `k`}}\"]}", { "x" }, "{\"boot_command\": [\"x\"]}" },
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(texts); i++) {
        KILN_AUTO_STRV lines = to_strv(texts[i].lines);
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };

        unit_ok(edit(texts[i].text, 0, &lines, &out, &err), &err);
        assert_string_equal(kiln_str_cstr(&out), texts[i].want);
        check_reads_back(out.data, 0, &lines);
    }
}

/* Nothing changed: not a byte may. */
static void test_unchanged(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(texts); i++) {
        KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = parse(texts[i].text);
        KILN_AUTO_STRV lines = { 0 };
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };

        unit_ok(kiln_edit_boot_lines(first_builder(tree), 0, &lines, &err), &err);
        unit_ok(edit(texts[i].text, 0, &lines, &out, &err), &err);
        assert_string_equal(kiln_str_cstr(&out), texts[i].text);
    }
}

/* As Debian templates in the wild have it. */
#define DEBIAN_HEAD                                                                                \
    "{\n  \"variables\": { \"user\": \"debian\" },\n  \"builders\": [\n    {\n"                    \
    "      \"type\": \"qemu\",\n      \"_comment\": \"the installer's menu\",\n"                   \
    "      \"boot_wait\": \"5s\",\n      \"boot_command\": [\n"
#define DEBIAN_TAIL                                                                                \
    "      ],\n      \"disk_size\" : 20480,\n      \"headless\": true\n    }\n  ]\n}\n"

static void test_debian(void **state)
{
    static const char *const lines[] = {
        "<esc><wait>",
        "install <wait>",
        "preseed/url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg <wait>",
        "debian-installer=de_DE.UTF-8 <wait>",
        "netcfg/get_hostname={{ .Name }} <wait>",
        "<enter><wait>",
        NULL,
    };
    KILN_AUTO_STRV strv = to_strv(lines);
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(
        edit(
            DEBIAN_HEAD
            "        \"<esc><wait>\",\n        \"install <wait>\",\n"
            "        \"preseed/url=http:\\/\\/{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg <wait>\",\n"
            "        \"debian-installer=en_US.UTF-8 <wait>\",\n"
            "        \"auto <wait>\",\n        \"locale=en_US.UTF-8 <wait>\",\n"
            "        \"netcfg/get_hostname={{ .Name }} <wait>\",\n"
            "        \"<enter><wait>\"\n" DEBIAN_TAIL,
            0, &strv, &out, &err),
        &err);
    assert_string_equal(
        out.data, DEBIAN_HEAD
        "        \"<esc><wait>\",\n        \"install <wait>\",\n"
        "        \"preseed/url=http:\\/\\/{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg <wait>\",\n"
        "        \"debian-installer=de_DE.UTF-8 <wait>\",\n"
        "        \"netcfg/get_hostname={{ .Name }} <wait>\",\n"
        "        \"<enter><wait>\"\n" DEBIAN_TAIL);
}

#define STEPS                                                                                      \
    "{\"boot_steps\": [\n  [\"<esc>\", \"menu\"],\n  [],\n  [ \"auto<\\u0065nter>\" , \"go\" ],\n" \
    "  \"x\"\n]}"

static void test_steps(void **state)
{
    static const char *const lines[] = { "auto ", "\"q\"", NULL };
    KILN_AUTO_STRV strv = to_strv(lines);
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(edit(STEPS, 1, &strv, &out, &err), &err);
    assert_string_equal(
        out.data, "{\"boot_steps\": [\n  [\"<esc>\", \"menu\"],\n  [],\n  [ \"auto \\\"q\\\"\" "
                  ", \"go\" ],\n  \"x\"\n]}");
    kiln_str_clear(&out);
    kiln_strv_done(&strv);
    unit_ok(edit(STEPS, 0, &strv, &out, &err), &err);
    assert_non_null(strstr(out.data, "[\"\", \"menu\"]"));
}

static const struct {
    const char *text;
    size_t row;
    const char *line, *want;
} refused[] = {
    { "{\"a\": 1}", 0, "x",
      "t.json:1:1: this builder has no boot_command to write to; add \"boot_command\": [] first" },
    { "{\"boot_command\": {}}", 0, "x",
      "t.json:1:18: boot_command is an object, not a list of strings" },
    { "{\"boot_command\": [\n [\"a\"]]}", 0, "x",
      "t.json:2:2: boot_command: a list stands where a string should" },
    { "{\"boot_command\": \" {{ user `keys` }}\"}", 0, "x",
      "t.json:1:18: this is  {{ user `keys` }}: what it types stands elsewhere; change it there" },
    { "{\"boot_steps\": [[\"{{user `keys`}}\"]]}", 0, "x",
      "t.json:1:18: this is {{user `keys`}}: what it types stands elsewhere; change it there" },
    { "{\"boot_command\": []}", 1, "x",
      "t.json:1:1: this builder has one boot_command and no row 2" },
    { STEPS, 3, "x", "t.json:1:16: boot_steps has no row 4; there are 3" },
    { STEPS, 2, "x", "t.json:5:3: row 3 of boot_steps is not a list that begins with a string" },
    { "{\"boot_steps\": [[[]]]}", 0, "x",
      "t.json:1:17: row 1 of boot_steps is not a list that begins with a string" },
    { "{\"boot_steps\": \"a\"}", 0, "x",
      "t.json:1:16: boot_steps is a string, not a list of lists" },
    { "{\"boot_command\": []}", 0, "a\xff", "t.json:1:1: line 1 of the boot command is not UTF-8" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(refused); i++) {
        const char *const list[] = { refused[i].line, NULL };
        KILN_AUTO_STRV lines = to_strv(list);
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };

        unit_fails(edit(refused[i].text, refused[i].row, &lines, &out, &err), &err, KILN_ERR_USER,
                   refused[i].want);
        assert_int_equal(out.len, 0);
    }
}

/* Far more lines than the table of the comparison takes. */
static void test_many_lines(void **state)
{
    KILN_AUTO_STRV now = { 0 };
    KILN_AUTO_STR text = { 0 }, out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    kiln_str_adds(&text, "{\"boot_command\": [");
    for (int i = 0; i < 5000; i++) {
        kiln_str_addf(&text, "%s\"\\u0061%d\"", i ? ", " : "", i);
        kiln_strv_addf(&now, i % 2 ? "a%d" : "b%d", i);
    }
    kiln_str_adds(&text, "]}");
    unit_ok(edit(text.data, 0, &now, &out, &err), &err);
    assert_non_null(strstr(out.data, "\"b0\", \"\\u00611\", \"b2\""));
    check_reads_back(out.data, 0, &now);
}

/* ---- secrets ---- */

static void test_restore(void **state)
{
    static const char *const own[] = { "a", "pw=hunter2", "hunter2", "z", NULL };
    static const char *const shown[] = { "a", "pw=<sensitive>", "<sensitive>", "z", NULL };
    static const char *const lines[] = { "new", "pw=<sensitive>", "z", "<sensitiv>", NULL };
    static const char *const bad[] = { "a", "pw=<sensitive><enter>", "z", NULL };
    KILN_AUTO_STRV o = to_strv(own), s = to_strv(shown), l = to_strv(lines), b = to_strv(bad);
    KILN_AUTO_STRV ret = { 0 };
    KILN_AUTO_FREE char *got = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_edit_restore(&o, &s, &l, "<sensitive>", &ret, &err), &err);
    got = kiln_strv_join(&ret, "|");
    assert_string_equal(got, "new|pw=hunter2|z|<sensitiv>");
    unit_fails(kiln_edit_restore(&o, &s, &b, "<sensitive>", &ret, &err), &err, KILN_ERR_USER,
               "line 2 holds <sensitive>, which stands for a value that is not shown; leave that "
               "line as it is or write {{user `NAME`}}");
    assert_int_equal(ret.n, 4);
    kiln_strv_done(&s);
    kiln_strv_add_all(&s, &o); /* nothing was hidden: what was recorded brought it */
    unit_fails(kiln_edit_restore(&o, &s, &b, "<sensitive>", &ret, &err), &err, KILN_ERR_USER,
               "line 2 holds <sensitive>, which stands for a value that is not shown; write "
               "{{user `NAME`}} in its place, or what is to be typed");
}

/* ---- the file ---- */

#define BEFORE "{\"builders\": [{\"boot_command\": [\"a\"]}, {\"boot_command\": [\"b\"]}]}\n"
#define AFTER  "{\"builders\": [{\"boot_command\": [\"a\"]}, {\"boot_command\": [\"c\"]}]}\n"

static int enter(void **state)
{
    *state = kiln_fs_temp_dir("kiln-test-", NULL);
    return *state ? 0 : -1;
}

static int leave(void **state)
{
    bool ok = kiln_fs_remove_tree(*state, NULL);

    free(*state);
    return ok ? 0 : -1;
}

static void put(const char *path, const char *text)
{
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_write_atomic(path, text, strlen(text), 0644, &err), &err);
}

static void assert_holds(const char *path, const char *want)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_read(path, 10000, &text, &err), &err);
    assert_string_equal(kiln_str_cstr(&text), want);
}

static struct kiln_edit *open_edit(const char *path)
{
    struct kiln_source *source = NULL;
    struct kiln_edit *e;
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_source_read(&source, path, &err), &err);
    e = kiln_edit_new(path, source);
    kiln_source_unref(source);
    return e;
}

static bool write_line(struct kiln_edit *e, const char *line, char **ret, struct kiln_err *err)
{
    KILN_AUTO_STRV lines = { 0 };

    kiln_strv_add(&lines, line);
    return kiln_edit_boot(e, 1, 0, &lines, ret, err);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* Through a symlink; twice; the old ones stay. */
static void test_file(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "t.json");
    KILN_AUTO_FREE char *link = kiln_path_join(*state, "link.json");
    KILN_AUTO_FREE char *bak = kiln_xasprintf("%s.bak", path);
    KILN_AUTO_FREE char *bak1 = kiln_xasprintf("%s.bak.1", path);
    KILN_AUTO_FREE char *first = NULL;
    KILN_AUTO_FREE char *second = NULL;
    KILN_AUTO_FREE char *third = NULL;
    struct kiln_edit *e;
    struct stat st;
    KILN_AUTO_ERR err = { 0 };

    put(path, BEFORE);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(symlink("t.json", link), 0);
    e = open_edit(link);
    unit_ok(write_line(e, "c", &first, &err), &err);
    assert_holds(path, AFTER);
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(mode_of(bak), 0640);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_string_equal(kiln_path_base(first), "t.json.bak");
    assert_holds(bak, BEFORE);

    unit_ok(write_line(e, "c", &second, &err), &err); /* says so already */
    assert_string_equal(second, "");
    unit_ok(write_line(e, "b", &third, &err), &err);
    assert_holds(path, BEFORE);
    assert_string_equal(kiln_path_base(third), "t.json.bak.1");
    assert_holds(bak, BEFORE);
    assert_holds(bak1, AFTER);
    kiln_edit_free(e);
}

static void test_file_refused(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "t.json");
    KILN_AUTO_FREE char *bak = kiln_xasprintf("%s.bak", path);
    KILN_AUTO_FREE char *want =
        kiln_xasprintf("%s has been changed since it was read; it was left as it is", path);
    KILN_AUTO_FREE char *backup = NULL;
    KILN_AUTO_STRV lines = { 0 };
    struct kiln_edit *e;
    struct kiln_source *source = kiln_source_new("<stdin>", BEFORE, strlen(BEFORE));
    KILN_AUTO_ERR err = { 0 };

    put(path, BEFORE);
    e = open_edit(path);
    put(path, BEFORE "\n");
    unit_fails(write_line(e, "c", &backup, &err), &err, KILN_ERR_USER, want);
    assert_holds(path, BEFORE "\n");
    assert_false(kiln_fs_exists(bak));
    assert_int_equal(unlink(path), 0);
    assert_false(write_line(e, "c", &backup, &err));
    assert_int_equal(err.os_errno, ENOENT);
    assert_false(kiln_edit_boot(e, 2, 0, &lines, &backup, &err));
    assert_non_null(strstr(kiln_err_text(&err), "there is no builder 3"));
    kiln_edit_free(e);

    e = kiln_edit_new("-", source);
    unit_fails(write_line(e, "c", &backup, &err), &err, KILN_ERR_USER,
               "the template came from standard input: there is no file to write to");
    kiln_edit_free(e);
    kiln_source_unref(source);
    assert_null(backup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_unchanged),
        cmocka_unit_test(test_debian),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_restore),
        cmocka_unit_test_setup_teardown(test_file, enter, leave),
        cmocka_unit_test_setup_teardown(test_file_refused, enter, leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
