/* Any bytes: no crash, and the promises of bootcmd.h about elements and events hold. */
#include <assert.h>

#include "base/mem.h"
#include "bootcmd/bootcmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct kiln_bootcmd *cmd)
{
    size_t pos = 0, event = 0;

    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *e = &cmd->elements[i];

        assert(e->start == pos && e->len > 0);
        assert(e->event == event && e->n_events >= 1 && e->n_events <= 4);
        assert((e->kind == KILN_BOOTCMD_WAIT || kiln_bootcmd_watches(e)) == (e->wait_ns > 0));
        assert(e->regex + e->regex_len <= e->start + e->len);
        assert((e->regex_len > 0) == (e->kind == KILN_BOOTCMD_WAIT_TEXT));
        for (size_t k = event; k < event + e->n_events; k++)
            assert(cmd->events[k].element == i && cmd->events[k].name[0]);
        pos += e->len;
        event += e->n_events;
    }
    assert(pos == cmd->text_len && event == cmd->n_events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_BOOTCMD_NOTES notes = { 0 };
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_STR packer = { 0 };
    KILN_AUTO_ERR err = { 0 };
    const char *text = (const char *)data;

    if (!kiln_bootcmd_parse(text, size, &cmd, &notes, &err)) {
        assert(notes.n > 0 && *kiln_err_text(&err));
        for (size_t i = 0; i < notes.n; i++)
            assert(notes.v[i].start + notes.v[i].len <= size);
        return 0;
    }
    check(&cmd);
    kiln_bootcmd_lint(&cmd, &notes);
    for (size_t i = 0; i < notes.n; i++)
        assert(notes.v[i].start + notes.v[i].len <= size);
    assert(kiln_bootcmd_clock(&cmd, 1000000, NULL) >= 0);
    kiln_strv_add_take(&secrets, kiln_xstrndup(text + size / 3, size / 3));
    kiln_bootcmd_mask(&cmd, &secrets);
    check(&cmd);
    kiln_bootcmd_lint_typed(&cmd, &notes);
    for (size_t i = 0; i < notes.n; i++)
        assert(notes.v[i].start + notes.v[i].len <= size);
    kiln_bootcmd_export(&cmd, 0, size, &packer);
    return 0;
}
