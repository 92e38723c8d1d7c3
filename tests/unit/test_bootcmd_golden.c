/*
 * Golden key lists: tests/golden/bootcmd/NAME.txt (a boot command; the newlines of the file are not
 * part of it) -> NAME.keys. BLESS=1 rewrites the lists.
 */
#include "golden.h"

#include <glob.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "bootcmd/bootcmd.h"

#define GOLDEN      KILN_TESTS "/golden/bootcmd/"
#define INTERVAL_NS (100 * INT64_C(1000000))

static const char *const actions[] = {
    [KILN_BOOTCMD_DOWN] = "down", [KILN_BOOTCMD_UP] = "up", [KILN_BOOTCMD_PAUSE] = "pause"
};

/* One row per event: when, what, and the characters that made it. */
static void list_keys(const struct kiln_bootcmd *cmd, struct kiln_str *out)
{
    KILN_AUTO_FREE int64_t *at = kiln_xcalloc(cmd->n_events + 1, sizeof(*at));
    int64_t total = kiln_bootcmd_clock(cmd, INTERVAL_NS, at);

    for (size_t i = 0; i < cmd->n_events; i++) {
        const struct kiln_bootcmd_event *ev = &cmd->events[i];
        const struct kiln_bootcmd_element *el = &cmd->elements[ev->element];

        kiln_str_addf(out, "%8.1f s  %-5s %5X  %-12s \"%.*s\"\n", (double)at[i] / 1e9,
                      actions[ev->action], (unsigned)ev->keysym, ev->name, (int)el->len,
                      cmd->text + el->start);
    }
    kiln_str_addf(out, "%8.1f s  end\n", (double)total / 1e9);
}

static void list_notes(const struct kiln_bootcmd_notes *notes, struct kiln_str *out)
{
    for (size_t i = 0; i < notes->n; i++) {
        const struct kiln_bootcmd_note *n = &notes->v[i];

        kiln_str_addf(
            out, "%s %zu+%zu: %s%s%s\n",
            n->kind == KILN_BOOTCMD_BAD_SYNTAX || n->kind == KILN_BOOTCMD_BAD_WAIT ? "error"
                                                                                   : "warning",
            n->start, n->len, n->text, n->fix ? "; did you mean " : "", n->fix ? n->fix : "");
    }
}

static void read_command(const char *path, struct kiln_str *out)
{
    KILN_AUTO_STR file = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_fs_read(path, KILN_MAX_RENDERED, &file, &err))
        fail_msg("%s", kiln_err_text(&err));
    for (size_t i = 0; i < file.len; i++) {
        if (file.data[i] != '\n')
            kiln_str_addc(out, file.data[i]);
    }
}

static void check_file(const char *path)
{
    KILN_AUTO_FREE char *expected_path =
        kiln_xasprintf("%.*s.keys", (int)(strlen(path) - strlen(".txt")), path);
    KILN_AUTO_STR text = { 0 }, got = { 0 };
    KILN_AUTO_BOOTCMD_NOTES notes = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };

    read_command(path, &text);
    if (kiln_bootcmd_parse(kiln_str_cstr(&text), text.len, &cmd, &notes, NULL)) {
        kiln_bootcmd_lint(&cmd, &notes);
        list_keys(&cmd, &got);
    }
    list_notes(&notes, &got);
    unit_golden(expected_path, &got);
}

static void test_golden(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(GOLDEN "*.txt", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_file(found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
