/*
 * New strings, one a line, and after an empty line a builder's JSON object. Whatever is written
 * must parse, read back as what was meant, and leave what follows and precedes as it was.
 */
#include <assert.h>

#include "base/limits.h"
#include "take_line.h"
#include "template/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kiln_tree *parse(const char *text, size_t len)
{
    struct kiln_source *source = kiln_source_new("fuzz.json", text, len);
    struct kiln_diag diag = { 0 };
    struct kiln_tree *tree = kiln_json_parse(source, &diag);

    kiln_source_unref(source);
    kiln_diag_done(&diag);
    return tree;
}

static void check(const struct kiln_node *builder, const struct kiln_strv *lines)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *again = NULL;
    KILN_AUTO_FREE char *want = kiln_strv_join(lines, "");
    KILN_AUTO_FREE char *got = NULL;
    KILN_AUTO_STRV now = { 0 };
    KILN_AUTO_STR out = KILN_STR_MAX(KILN_MAX_TEMPLATE);
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_edit_boot_text(builder, 0, lines, &out, &err)) {
        assert(*kiln_err_text(&err));
        return;
    }
    again = parse(out.data, out.len);
    assert(again && kiln_edit_boot_lines(kiln_tree_root(again), 0, &now, &err));
    got = kiln_strv_join(&now, "");
    assert(strcmp(got, want) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = NULL;
    KILN_AUTO_STRV lines = { 0 };

    if (size > 4096)
        return 0;
    while (p < end) {
        char *line = take_line(&p, end);

        if (!*line) {
            free(line);
            break;
        }
        kiln_strv_add_take(&lines, line);
    }
    tree = parse(p, (size_t)(end - p));
    if (tree)
        check(kiln_tree_root(tree), &lines);
    return 0;
}
