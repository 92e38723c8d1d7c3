/* Commands of the control protocol: the lines, there and back, and what is refused. */
#include "unit.h"

#include "base/macros.h"
#include "run/command.h"

static void test_there_and_back(void **state)
{
    char *strings[] = { (char[]){ "<esc>" }, (char[]){ "a\"b" } };
    const struct kiln_strv lines = { .v = strings, .n = 2 };
    const struct {
        struct kiln_request req;
        const char *line;
    } rows[] = {
        { { .command = "cancel" }, "{\"id\":7,\"command\":\"cancel\"}\n" },
        { { .command = "answer", .number = 3, .text = "" },
          "{\"id\":7,\"command\":\"answer\",\"text\":\"\",\"number\":3}\n" },
        { { .command = "break", .text = "a\n\033\xc3\xa9", .on = true },
          "{\"id\":7,\"command\":\"break\",\"text\":\"a\\n\\u001b\xc3\xa9\",\"on\":true}\n" },
        { { .command = "edit", .lines = &lines, .from = INT64_MAX },
          "{\"id\":7,\"command\":\"edit\",\"lines\":[\"<esc>\",\"a\\\"b\"],"
          "\"from\":9223372036854775807}\n" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR out = { 0 }, again = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct kiln_command back;

        kiln_command_encode(&rows[i].req, true, 7, &out);
        assert_string_equal(kiln_str_cstr(&out), rows[i].line);
        unit_ok(kiln_command_decode(&back, out.data, out.len - 1, &err), &err);
        assert_true(back.has_id);
        kiln_command_encode_again(&back, back.id, &again);
        assert_string_equal(kiln_str_cstr(&again), rows[i].line);
        kiln_command_done(&back);
        assert_null(back.text);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *line, *error;
        bool has_id;
    } rows[] = {
        { "", "not a JSON object on one line", false },
        { "cancel", "not a JSON object on one line", false },
        { "[]", "not a JSON object on one line", false },
        { "{\"command\":\"cancel\"", "not a JSON object on one line", false },
        { "{\"a\":[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]}", "not a JSON object on one line",
          false },
        { "{}", "there is no \"command\" in it", false },
        { "{\"id\":1,\"command\":\"dance\"}", "unknown command \"dance\"", true },
        { "{\"command\":7}", "\"command\" must be a string", false },
        { "{\"id\":2,\"command\":\"break\"}", "\"break\" wants a \"text\"", true },
        { "{\"id\":2,\"command\":\"preview\"}", "\"preview\" wants \"lines\"", true },
        { "{\"command\":\"edit\",\"lines\":[1]}", "\"lines\" must be a list of strings", false },
        { "{\"command\":\"shell\",\"cols\":-1}", "\"cols\" must be 0 to 10000", false },
        { "{\"command\":\"break\",\"text\":\"a\\u0000b\"}", "\"text\" has a NUL character in it",
          false },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_command cmd;
        KILN_AUTO_ERR err = { 0 };

        unit_fails(kiln_command_decode(&cmd, rows[i].line, strlen(rows[i].line), &err), &err,
                   KILN_ERR_USER, rows[i].error);
        assert_int_equal(cmd.has_id, rows[i].has_id);
        kiln_command_done(&cmd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
