/*
 * Keys written as a boot command: the way back from what bootcmd.h makes of a text.
 *
 *     keys   +S +A -A -S  +< ...      +Ctrl +c -c -Ctrl             +FF0D -FF0D
 *     text   A            <<on><<off> <leftCtrlOn>c<leftCtrlOff>    <enter>
 *
 * The text, parsed, has the same key events, but for Shift: who parses holds it for every character
 * that takes it, so what people hold it for is written for other keys only. A `<` or a `{` that
 * would be read as something else is written as its key going down and up. Pure; any thread.
 */
#ifndef KILN_BOOTCMD_SPELL_H
#define KILN_BOOTCMD_SPELL_H

#include <stdint.h>

#include "base/str.h"
#include "bootcmd/keys.h"

struct kiln_bootcmd_stroke {
    uint32_t keysym; /* X11; characters above Latin-1 as 0x01000000 + code point */
    bool down;
};

/** Can a boot command press it? Not PrintScreen, Pause, CapsLock … */
bool kiln_bootcmd_can_spell(uint32_t keysym);

/** The character that a key is in a boot command, 0: none (but a named key, or none at all). */
uint32_t kiln_bootcmd_char_of(uint32_t keysym);

static inline bool kiln_bootcmd_is_shift(uint32_t keysym)
{
    return keysym == KILN_KEYSYM_LEFT_SHIFT || keysym == KILN_KEYSYM_RIGHT_SHIFT;
}

/** Append what has these keys, all of which can be spelled. */
void kiln_bootcmd_spell(const struct kiln_bootcmd_stroke *keys, size_t n, struct kiln_str *out);

#endif
