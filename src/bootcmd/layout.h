/*
 * Keyboards of guests that have loaded a layout of their own: which keys type a character there.
 *
 * A guest sees keys, not characters. Packer's boot command presses the keys of a US keyboard; with
 * a layout, a character presses those that type it in the guest, as scancodes: the 102nd key and
 * those of a Japanese keyboard are on no US one. Layouts are xkb's, read by libxkbcommon, which is
 * loaded when there is one. Dead keys type nothing by themselves, so they do not count.
 *
 * kiln_layout_load reads xkb's files; the rest is pure. No threads: a layout does not change.
 */
#ifndef KILN_BOOTCMD_LAYOUT_H
#define KILN_BOOTCMD_LAYOUT_H

#include "bootcmd/bootcmd.h"

#define KILN_LAYOUT_MAX_KEYS  256
#define KILN_LAYOUT_NAME_SIZE 64
#define KILN_LAYOUT_ALTGR     0xB8 /* scancode */

struct kiln_layout_key {
    uint32_t codepoint;
    uint8_t scancode; /* XT */
    bool shift, altgr;
};

struct kiln_layout {
    char name[KILN_LAYOUT_NAME_SIZE]; /* as the template has it; "": none, a US keyboard */
    size_t n;
    struct kiln_layout_key keys[KILN_LAYOUT_MAX_KEYS]; /* each code point once */
};

/**
 * @name  "fr", "us:dvorak", "ch(fr)"; xkb's names of one layout, with or without a variant
 * @err   USER: no such layout, and the name that may be meant; SYSTEM: xkb's files are missing
 */
bool kiln_layout_load(const char *name, struct kiln_layout *ret_layout, struct kiln_err *err);

/** How a character is typed; NULL: on no key, or there is no layout. */
const struct kiln_layout_key *kiln_layout_find(const struct kiln_layout *layout,
                                               uint32_t codepoint);

/**
 * The events of a character that is pressed and released, on the layout; on a US keyboard if there
 * is none or it lacks the character. Returns how many. Their element is 0.
 */
size_t kiln_layout_press(const struct kiln_layout *layout, uint32_t codepoint,
                         struct kiln_bootcmd_event ret[KILN_BOOTCMD_CHAR_EVENTS]);

/* What a person has pressed so far; all zeroes at first. */
struct kiln_layout_hand {
    bool shift;
};
#define KILN_LAYOUT_HAND_EVENTS 4 /* at most, of one key */

/**
 * A key goes down or up under a person's hand, as on a US keyboard: what the guest's keyboard does,
 * so that the guest gets the character. The Shift that the person holds is pressed or lifted for
 * that as long as the key is down. Any other key, and a character that the layout lacks, goes
 * through as it is. Returns how many events; their element is 0.
 */
size_t kiln_layout_by_hand(const struct kiln_layout *layout, struct kiln_layout_hand *hand,
                           uint32_t keysym, bool down,
                           struct kiln_bootcmd_event ret[KILN_LAYOUT_HAND_EVENTS]);

/** Let the characters of a command (also <<on>, <<off>) press the keys of the layout. Before
 *  kiln_bootcmd_mask. cmd->layout becomes the layout's name, borrowed. */
void kiln_layout_apply(const struct kiln_layout *layout, struct kiln_bootcmd *cmd);

#endif
