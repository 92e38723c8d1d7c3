/*
 * From what a person presses, or writes ("ctrl-alt-F2"), to what the guest's keyboard does. Pure.
 */
#ifndef KILN_UI_GUEST_KEYS_H
#define KILN_UI_GUEST_KEYS_H

#include "base/err.h"
#include "ui/term/key.h"

#define KILN_GUEST_KEYS_MAX 8

struct kiln_guest_keys { /* pressed in this order, released in the other one */
    uint32_t keysyms[KILN_GUEST_KEYS_MAX];
    size_t n;
};

/**
 * A key of the terminal; Shift is added for what takes it, as boot commands do. False: a key that
 * guests have not (the mouse). What terminals cannot tell apart: Ctrl-I is Tab, Ctrl-M Enter,
 * Ctrl-[ Esc, Ctrl-H may be Backspace; keys that are no characters (Super, Print …) and releases do
 * not come at all. Chords are there for those.
 */
bool kiln_guest_keys_of(const struct kiln_key *key, struct kiln_guest_keys *ret);

/** What types a character: '\n' is Enter, '\t' Tab; other control characters are none. */
bool kiln_guest_keys_of_char(uint32_t codepoint, struct kiln_guest_keys *ret);

/**
 * "ctrl-alt-F2", "alt-sysrq-b", "super", "ctrl-]": names with - (or +) between them, in any case.
 * Modifiers: ctrl alt altgr shift super; keys: those of the boot command language, sysrq, print,
 * pause, capslock, numlock, scrolllock, or one character. USER: no such key, too many.
 */
bool kiln_guest_keys_parse(const char *text, struct kiln_guest_keys *ret, struct kiln_err *err);

#endif
