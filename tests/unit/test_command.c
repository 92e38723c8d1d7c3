/* Commands to a worker: the lines, there and back, and what is refused. */
#include "unit.h"

#include "base/macros.h"
#include "run/command.h"

static void test_encode(void **state)
{
    const struct {
        struct kiln_command cmd;
        const char *line;
    } rows[] = {
        { { .type = KILN_CMD_CANCEL }, "{\"command\":\"cancel\"}\n" },
        { { .type = KILN_CMD_CANCEL, .prompt = 5 }, "{\"command\":\"cancel\"}\n" },
        { { .type = KILN_CMD_ANSWER, .prompt = 3, .text = (char[]){ "r" } },
          "{\"command\":\"answer\",\"prompt\":3,\"text\":\"r\"}\n" },
        { { .type = KILN_CMD_ANSWER, .prompt = INT64_MAX, .text = (char[]){ "" } },
          "{\"command\":\"answer\",\"prompt\":9223372036854775807,\"text\":\"\"}\n" },
        { { .type = KILN_CMD_ANSWER, .prompt = 3 }, "{\"command\":\"answer\",\"prompt\":3}\n" },
        { { .type = KILN_CMD_ANSWER, .prompt = 1, .text = (char[]){ "a\n\"b\\\033\xc3\xa9" } },
          "{\"command\":\"answer\",\"prompt\":1,\"text\":\"a\\n\\\"b\\\\\\u001b\xc3\xa9\"}\n" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct kiln_command back;
        const struct kiln_command *cmd = &rows[i].cmd;

        kiln_command_encode(cmd, &out);
        assert_string_equal(kiln_str_cstr(&out), rows[i].line);
        unit_ok(kiln_command_decode(&back, out.data, out.len - 1, &err), &err);
        assert_int_equal(back.type, cmd->type);
        if (cmd->type == KILN_CMD_ANSWER) {
            assert_int_equal(back.prompt, cmd->prompt);
            assert_int_equal(back.text == NULL, cmd->text == NULL);
            if (cmd->text)
                assert_string_equal(back.text, cmd->text);
        }
        kiln_command_done(&back);
        assert_null(back.text);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *line, *error;
    } rows[] = {
        { "", "command: not a JSON object" },
        { "cancel", "command: not a JSON object" },
        { "[]", "command: not a JSON object" },
        { "{\"command\":\"cancel\"", "command: not a JSON object" },
        { "{}", "command: no \"command\" in it" },
        { "{\"command\":\"dance\"}", "command: unknown command \"dance\"" },
        { "{\"command\":null}", "command: unknown command \"\"" },
        { "{\"command\":{\"a\":1}}", "command: unknown command \"{ \"a\": 1 }\"" },
        { "{\"a\":[[[[[[[[[[1]]]]]]]]]]}", "command: not a JSON object" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_command cmd;
        KILN_AUTO_ERR err = { 0 };

        unit_fails(kiln_command_decode(&cmd, rows[i].line, strlen(rows[i].line), &err), &err,
                   KILN_ERR_USER, rows[i].error);
    }
}

/* Of a wrong type is as not there: an answer that is no text answers nothing. */
static void test_odd_types(void **state)
{
    static const char line[] = "{\"command\":\"answer\",\"prompt\":\"4\",\"text\":7,\"more\":1}";
    struct kiln_command cmd;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_command_decode(&cmd, line, sizeof(line) - 1, &err), &err);
    assert_int_equal(cmd.type, KILN_CMD_ANSWER);
    assert_int_equal(cmd.prompt, 4);
    assert_null(cmd.text);
    kiln_command_done(&cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_odd_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
