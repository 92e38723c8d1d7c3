/* Commands as clients may send them: every member, and every mistake. */
#include "base/limits.h"
#include "base/mem.h"
#include "run/command.h"
#include "unit.h"

static void test_decode(void **state)
{
    static const char line[] =
        "{\"id\":7,\"command\":\"edit\",\"build\":\"qemu.a\",\"text\":\"t\\u00e4\",\"lines\":["
        "\"a\",\"\"],"
        "\"number\":1,\"from\":9007199254740993,\"keysym\":4294967295,\"on\":true,\"cols\":80,"
        "\"rows\":24,\"later\":{\"a\":[1]}}";
    KILN_AUTO_ERR err = { 0 };
    struct kiln_command c;

    (void)state;
    unit_ok(kiln_command_decode(&c, line, sizeof(line) - 1, &err), &err);
    assert_string_equal(c.name, "edit");
    assert_true(c.has_id && c.id == 7);
    assert_string_equal(c.build, "qemu.a");
    assert_string_equal(c.args.text, "t\xc3\xa4");
    assert_int_equal(c.args.lines->n, 2);
    assert_string_equal(c.args.lines->v[1], "");
    assert_int_equal(c.args.number, 1);
    assert_true(c.args.from == 9007199254740993);
    assert_true(c.args.keysym == UINT32_MAX);
    assert_true(c.args.on);
    assert_int_equal(c.args.cols, 80);
    assert_int_equal(c.args.rows, 24);
    assert_true(c.flags & KILN_COMMAND_HOLDS);
    kiln_command_done(&c);
}

static void test_absent_members_are_zero(void **state)
{
    static const char line[] = "{\"command\":\"pause\",\"build\":null}";
    struct kiln_command c;

    (void)state;
    assert_true(kiln_command_decode(&c, line, sizeof(line) - 1, NULL));
    assert_false(c.has_id);
    assert_null(c.build);
    assert_null(c.args.text);
    assert_null(c.args.lines);
    assert_true(c.args.number == 0 && c.args.from == 0 && c.args.keysym == 0 && !c.args.on);
    kiln_command_done(&c);
}

static void test_errors(void **state)
{
    static const struct {
        const char *line, *want;
        bool has_id;
    } table[] = {
        { "", "not a JSON object on one line", false },
        { "x", "not a JSON object on one line", false },
        { "[]", "not a JSON object on one line", false },
        { "{\"id\":1", "not a JSON object on one line", false },
        { "{\"id\":1} {}", "not a JSON object on one line", false },
        { "{\"a\":[[[[[[[[[1]]]]]]]]]}", "not a JSON object on one line", false },
        { "{\"command\":\"\xff\"}", "not a JSON object on one line", false },
        { "{\"id\":1}", "there is no \"command\" in it", true },
        { "{\"id\":\"1\",\"command\":\"pause\"}", "\"id\" must be a whole number", false },
        { "{\"id\":1,\"command\":7}", "\"command\" must be a string", true },
        { "{\"id\":1,\"command\":\"dance\"}", "unknown command \"dance\"", true },
        { "{\"command\":\"pause\",\"build\":[]}", "\"build\" must be a string", false },
        { "{\"command\":\"pause\",\"build\":\"a\\u0000b\"}", "\"build\" has a NUL character in it",
          false },
        { "{\"command\":\"pause\",\"text\":\"\xc0\x8a\"}", "\"text\" is not UTF-8", false },
        { "{\"command\":\"break\"}", "\"break\" wants a \"text\"", false },
        { "{\"command\":\"preview\"}", "\"preview\" wants \"lines\"", false },
        { "{\"command\":\"edit\",\"lines\":\"x\"}", "\"lines\" must be a list of strings", false },
        { "{\"command\":\"edit\",\"lines\":[\"x\",1]}", "\"lines\" must be a list of strings",
          false },
        { "{\"command\":\"key\",\"keysym\":4294967296}", "\"keysym\" must be 0 to 4294967295",
          false },
        { "{\"command\":\"key\",\"keysym\":1.5}", "\"keysym\" must be a whole number", false },
        { "{\"command\":\"key\",\"on\":1}", "\"on\" must be true or false", false },
        { "{\"command\":\"shell\",\"cols\":10001}", "\"cols\" must be 0 to 10000", false },
        { "{\"command\":\"edit\",\"lines\":[],\"from\":-1}",
          "\"from\" must be 0 to 9223372036854775807", false },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_command c;

        unit_fails(kiln_command_decode(&c, table[i].line, strlen(table[i].line), &err), &err,
                   KILN_ERR_USER, table[i].want);
        assert_int_equal(c.has_id, table[i].has_id);
        kiln_command_done(&c);
    }
}

static void test_too_long(void **state)
{
    KILN_AUTO_STR line = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_command c;

    (void)state;
    kiln_str_adds(&line, "{\"command\":\"pause\"");
    while (line.len < KILN_MAX_COMMAND)
        kiln_str_addc(&line, ' ');
    kiln_str_addc(&line, '}');
    unit_fails(kiln_command_decode(&c, line.data, line.len, &err), &err, KILN_ERR_USER,
               "longer than 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_absent_members_are_zero),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
