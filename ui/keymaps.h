/* The key maps of keymaps/, compiled in. */
#ifndef KILN_UI_KEYMAPS_H
#define KILN_UI_KEYMAPS_H

#include <stddef.h>

struct kiln_keymap_text {
    const char *name, *text;
    size_t len;
};
extern const struct kiln_keymap_text kiln_keymaps[];
extern const size_t kiln_n_keymaps;

#endif
