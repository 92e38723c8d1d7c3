/* Any text as a key map: no crash; every binding can be reached by its own keys and no others'. */
#include <assert.h>

#include "ui/keymap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kiln_keymap m = { 0 };
    KILN_AUTO_STR problems = { 0 };

    kiln_keymap_parse(&m, "a", (const char *)data, size / 2, &problems);
    kiln_keymap_parse(&m, "b", (const char *)data + size / 2, size - size / 2, &problems);
    for (size_t i = 0; i < m.n; i++) {
        const struct kiln_binding *found = NULL;
        KILN_AUTO_STR text = { 0 };

        assert(kiln_keymap_look(&m, &m.v[i].context, 1, m.v[i].keys, m.v[i].n_keys, &found) ==
               KILN_KEYMAP_FOUND);
        assert(found == &m.v[i]);
        kiln_keymap_keys_text(found, &text);
        assert(text.len > 0);
    }
    kiln_keymap_done(&m);
    return 0;
}
