/*
 * The guest's keyboard in the screen pane: keys as they are pressed, chords, and text that is typed
 * at a pace that a guest's keyboard controller follows. One thread.
 */
#ifndef KILN_UI_SCREEN_KEYBOARD_H
#define KILN_UI_SCREEN_KEYBOARD_H

#include "base/str.h"
#include "ui/pane.h"

struct kiln_screen_keyboard {
    struct kiln_console *console; /* borrowed */
    bool on;                      /* every key is for the guest */
    struct kiln_str text;         /* of a paste */
    size_t at;                    /* what of it is typed */
    int64_t next_us;              /* when the next character is */
};

void kiln_screen_keyboard_done(struct kiln_screen_keyboard *k);
/** On or off; says why if the keyboard cannot be had. */
void kiln_screen_keyboard_toggle(struct kiln_screen_keyboard *k);
/** Take it, and have what is done with it recorded (the boot command's pane shows it); if something
 *  is, end that. */
void kiln_screen_keyboard_record(struct kiln_screen_keyboard *k);
/** Give it back and forget what is not yet typed: another build, no controls any more. */
void kiln_screen_keyboard_release(struct kiln_screen_keyboard *k);
/** False: not for the guest. Ctrl-] is the way out. */
bool kiln_screen_keyboard_key(struct kiln_screen_keyboard *k, const struct kiln_key *key);
bool kiln_screen_keyboard_paste(struct kiln_screen_keyboard *k, const char *text, size_t len);
/** "" opens a menu. */
void kiln_screen_keyboard_chord(struct kiln_screen_keyboard *k, const char *chord);
int64_t kiln_screen_keyboard_deadline(const struct kiln_screen_keyboard *k);
void kiln_screen_keyboard_tick(struct kiln_screen_keyboard *k, int64_t now_us);

#endif
