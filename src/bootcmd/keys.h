/* The keys of the boot command language: names, keysyms and the characters that take Shift. */
#ifndef KILN_BOOTCMD_KEYS_H
#define KILN_BOOTCMD_KEYS_H

#include "bootcmd/bootcmd.h"

/* Keysyms of keys that mean something to us. */
#define KILN_KEYSYM_SPACE       0x0020
#define KILN_KEYSYM_BACKSPACE   0xFF08
#define KILN_KEYSYM_TAB         0xFF09
#define KILN_KEYSYM_ENTER       0xFF0D
#define KILN_KEYSYM_LEFT_SHIFT  0xFFE1
#define KILN_KEYSYM_RIGHT_SHIFT 0xFFE2
#define KILN_KEYSYM_ALTGR       0xFFEA

struct kiln_bootcmd_key {
    const char *name; /* as documented: "pageUp"; matched in any case */
    uint32_t keysym;
};

/* A name stands before every name that is its beginning: the first match is the right one. */
extern const struct kiln_bootcmd_key kiln_bootcmd_keys[];
extern const size_t kiln_bootcmd_n_keys;

extern const struct kiln_bootcmd_key kiln_bootcmd_shift; /* what shifted characters press */

/** Does the text begin with `word`, in any case (ASCII; whatever the locale)? */
bool kiln_bootcmd_begins(const char *s, size_t len, const char *word);

/** The key whose name the text begins with, in any case; NULL if none. */
const struct kiln_bootcmd_key *kiln_bootcmd_key_at(const char *s, size_t len);

/** Is Shift held to type it? Upper case in Unicode (Lu), or shifted on a US keyboard. */
bool kiln_bootcmd_shifted(uint32_t codepoint);

/** Is it in Unicode's general category Lu? (iswupper() depends on the locale and differs.) */
bool kiln_bootcmd_upper(uint32_t codepoint);

/** Is what stands at s a token of the language (or one that is wrong), not a character? */
bool kiln_bootcmd_is_token(const char *s, size_t len);

/** The name of a character's event: itself, "space", or U+XXXX for what cannot be seen. */
void kiln_bootcmd_char_name(char name[KILN_BOOTCMD_NAME_SIZE], uint32_t codepoint);

#endif
