/*
 * Boot commands made by doing: what a person pressed and what the guest's screen said meanwhile
 * become the elements of a boot command that does it again.
 *
 *     screen                        keys             element
 *     boot:                         auto <enter>     "<wait 'boot:$'>auto<enter>"
 *     debian login:                 root <enter>     "<wait 'debian login:$'>root<enter>"
 *     debian login: root|Password:  hunter2 <enter>  "<wait 'Password:$'><sensitive><enter>"
 *
 * Where the screen has changed since the last key, but for the echo of what was typed, an element
 * begins with a wait: for the row that tells best that the guest has come so far (telling.h), which
 * is that of the cursor, or else the last one that is new. Where there is none, it waits until the
 * screen rests; where the screen is a picture, for as long as the person did, in whole seconds.
 * While a line is being typed nothing is waited for, whatever the screen says.
 *
 * A line that the guest did not show, after a question for a password or of four characters and
 * more, may be a secret, and so is one that holds a known one. It is written as
 * {{user `name`}} if it is the value of a variable, else as KILN_RECORD_SECRET, which nobody types:
 * a person has to put something in its place. On a picture nobody can tell what is shown: what is
 * typed there is written as it is.
 *
 * Pure; one thread at a time. Times are of any clock, in microseconds.
 */
#ifndef KILN_BOOTCMD_RECORD_H
#define KILN_BOOTCMD_RECORD_H

#include <stdint.h>

#include "base/strv.h"

#define KILN_RECORD_SECRET   "<sensitive>" /* as the rest of kiln shows one */
#define KILN_RECORD_MAX_KEYS 20000         /* key events */

struct kiln_record;

/**
 * @secrets    never written; copied
 * @variables  name and value; copied
 */
struct kiln_record *kiln_record_new(const struct kiln_strv *secrets,
                                    const struct kiln_strmap *variables, int64_t now_us);
void kiln_record_free(struct kiln_record *r); /* NULL is fine */

/** Where `text` was typed, write `expression`: an address that is another one in the next build.
 * The text has no character that boot commands or templates take for anything else. Both copied. */
void kiln_record_name(struct kiln_record *r, const char *text, const char *expression);

/* The guest's screen. */
struct kiln_record_screen {
    /* UTF-8 without spaces at the ends, U+FFFD for cells that are no character or may not be shown.
     * None: it is a picture, or nothing is known. */
    const struct kiln_strv *rows;
    int cursor_row, cursor_column; /* -1: not known */
};
void kiln_record_see(struct kiln_record *r, const struct kiln_record_screen *screen,
                     int64_t now_us);

/** A key goes down or up. NULL, or why it is not recorded (static). */
const char *kiln_record_key(struct kiln_record *r, uint32_t keysym, bool down, int64_t now_us);

/** What is held is let go. */
void kiln_record_release(struct kiln_record *r, int64_t now_us);

/** The same, and it is over: nothing may follow. */
void kiln_record_end(struct kiln_record *r, int64_t now_us);

/** What can be told so far: all but the element that the last key belongs to, and that, too, once
 *  it is over. Strings of a template, before {{ }} is rendered. Borrowed. */
const struct kiln_strv *kiln_record_elements(const struct kiln_record *r);

#endif
