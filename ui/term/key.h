/*
 * One key press as the terminal tells it (ui/term/keyparser.c): a character, or a named key, with
 * modifiers. Terminals know no releases. Text form, for key maps: a, A, space, tab, enter, esc,
 * backspace, up, pgup, f1, ctrl-x, alt-x, shift-tab.
 */
#ifndef KILN_UI_KEY_H
#define KILN_UI_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum kiln_key_code { /* named keys; above every Unicode character */
                     KILN_KEY_UP = 0x110000,
                     KILN_KEY_DOWN,
                     KILN_KEY_LEFT,
                     KILN_KEY_RIGHT,
                     KILN_KEY_HOME,
                     KILN_KEY_END,
                     KILN_KEY_PGUP,
                     KILN_KEY_PGDN,
                     KILN_KEY_INSERT,
                     KILN_KEY_DELETE,
                     KILN_KEY_TAB,
                     KILN_KEY_ENTER,
                     KILN_KEY_ESC,
                     KILN_KEY_BACKSPACE,
                     KILN_KEY_F1,
                     KILN_KEY_F12 = KILN_KEY_F1 + 11,
                     KILN_KEY_MOUSE, /* x, y, button are set */
};

#define KILN_MOD_SHIFT 1u
#define KILN_MOD_ALT   2u
#define KILN_MOD_CTRL  4u

struct kiln_key {
    uint32_t code; /* Unicode character (upper case as typed) or enum kiln_key_code */
    uint32_t mods; /* SHIFT only with named keys */
    int x, y;      /* MOUSE: cell, from 0 */
    int button;    /* MOUSE: 1..3, 4 and 5 the wheel, negative: released */
};

/** "ctrl-x" → key; false if that is no key. */
bool kiln_key_from_text(const char *text, struct kiln_key *ret);
void kiln_key_to_text(const struct kiln_key *key, struct kiln_str *out);

#endif
