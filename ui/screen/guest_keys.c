#include "ui/screen/guest_keys.h"

#include <strings.h>

#include "base/mem.h"
#include "bootcmd/keys.h"

#define SHIFT_L   0xFFE1u
#define CONTROL_L 0xFFE3u
#define ALT_L     0xFFE9u
#define ENTER     0xFF0Du
#define TAB       0xFF09u
#define F1        0xFFBEu
#define LATIN_1   0x100u
#define UNICODE   0x01000000u /* keysyms of all other characters */

static bool has(const struct kiln_guest_keys *keys, uint32_t keysym)
{
    for (size_t i = 0; i < keys->n; i++)
        if (keys->keysyms[i] == keysym)
            return true;
    return false;
}

static bool add(struct kiln_guest_keys *keys, uint32_t keysym)
{
    if (has(keys, keysym))
        return true;
    if (keys->n == KILN_GUEST_KEYS_MAX)
        return false;
    keys->keysyms[keys->n++] = keysym;
    return true;
}

static uint32_t keysym_of_char(uint32_t codepoint)
{
    return codepoint < LATIN_1 ? codepoint : UNICODE | codepoint;
}

static void add_char(struct kiln_guest_keys *keys, uint32_t codepoint)
{
    if (kiln_bootcmd_shifted(codepoint))
        (void)add(keys, SHIFT_L);
    (void)add(keys, keysym_of_char(codepoint));
}

bool kiln_guest_keys_of_char(uint32_t codepoint, struct kiln_guest_keys *ret)
{
    struct kiln_guest_keys keys = { 0 };

    if (codepoint == '\n')
        (void)add(&keys, ENTER);
    else if (codepoint == '\t')
        (void)add(&keys, TAB);
    else if (codepoint < ' ' || (codepoint >= 0x7F && codepoint < 0xA0) || codepoint >= KILN_KEY_UP)
        return false;
    else
        add_char(&keys, codepoint);
    *ret = keys;
    return true;
}

/* Keysym of a named key; 0: none. */
static uint32_t keysym_of_named(uint32_t code)
{
    static const uint32_t keysyms[] = {
        [KILN_KEY_UP - KILN_KEY_UP] = 0xFF52,     [KILN_KEY_DOWN - KILN_KEY_UP] = 0xFF54,
        [KILN_KEY_LEFT - KILN_KEY_UP] = 0xFF51,   [KILN_KEY_RIGHT - KILN_KEY_UP] = 0xFF53,
        [KILN_KEY_HOME - KILN_KEY_UP] = 0xFF50,   [KILN_KEY_END - KILN_KEY_UP] = 0xFF57,
        [KILN_KEY_PGUP - KILN_KEY_UP] = 0xFF55,   [KILN_KEY_PGDN - KILN_KEY_UP] = 0xFF56,
        [KILN_KEY_INSERT - KILN_KEY_UP] = 0xFF63, [KILN_KEY_DELETE - KILN_KEY_UP] = 0xFFFF,
        [KILN_KEY_TAB - KILN_KEY_UP] = TAB,       [KILN_KEY_ENTER - KILN_KEY_UP] = ENTER,
        [KILN_KEY_ESC - KILN_KEY_UP] = 0xFF1B,    [KILN_KEY_BACKSPACE - KILN_KEY_UP] = 0xFF08,
    };

    if (code >= KILN_KEY_F1 && code <= KILN_KEY_F12)
        return F1 + (code - KILN_KEY_F1);
    return code >= KILN_KEY_UP && code - KILN_KEY_UP < KILN_COUNT(keysyms)
               ? keysyms[code - KILN_KEY_UP]
               : 0;
}

bool kiln_guest_keys_of(const struct kiln_key *key, struct kiln_guest_keys *ret)
{
    struct kiln_guest_keys keys = { 0 };
    uint32_t named = keysym_of_named(key->code);

    if (!named && (key->code < ' ' || key->code >= KILN_KEY_UP))
        return false;
    if (key->mods & KILN_MOD_CTRL)
        (void)add(&keys, CONTROL_L);
    if (key->mods & KILN_MOD_ALT)
        (void)add(&keys, ALT_L);
    if (key->mods & KILN_MOD_SHIFT)
        (void)add(&keys, SHIFT_L);
    if (named)
        (void)add(&keys, named);
    else
        add_char(&keys, key->code);
    *ret = keys;
    return true;
}

/* ---- chords ---- */

/* Beside those of boot commands. */
static uint32_t keysym_of_word(const char *word)
{
    static const struct {
        const char *word;
        uint32_t keysym;
    } words[] = {
        { "ctrl", CONTROL_L }, { "control", CONTROL_L }, { "alt", ALT_L },
        { "altgr", 0xFFEA },   { "shift", SHIFT_L },     { "super", 0xFFEB },
        { "win", 0xFFEB },     { "delete", 0xFFFF },     { "backspace", 0xFF08 },
        { "escape", 0xFF1B },  { "space", ' ' },         { "pgup", 0xFF55 },
        { "pgdn", 0xFF56 },    { "sysrq", 0xFF15 },      { "print", 0xFF61 },
        { "pause", 0xFF13 },   { "break", 0xFF6B },      { "capslock", 0xFFE5 },
        { "numlock", 0xFF7F }, { "scrolllock", 0xFF14 },
    };

    for (size_t i = 0; i < KILN_COUNT(words); i++)
        if (strcasecmp(word, words[i].word) == 0)
            return words[i].keysym;
    for (size_t i = 0; i < kiln_bootcmd_n_keys; i++)
        if (strcasecmp(word, kiln_bootcmd_keys[i].name) == 0)
            return kiln_bootcmd_keys[i].keysym;
    return 0;
}

/* One word of a chord. A letter is the key with that letter: ctrl-C is ctrl-c. With Shift it is the
 * capital, for QEMU's VNC server lifts Shift for a small one. */
static bool add_word(struct kiln_guest_keys *keys, const char *word, struct kiln_err *err)
{
    uint32_t keysym = keysym_of_word(word);
    unsigned codepoint = 0;
    size_t len = strlen(word);

    if (!keysym && (len == 0 || kiln_utf8_decode(word, len, &codepoint) != len || codepoint < ' '))
        return kiln_err_set(err, KILN_ERR_USER, "no key is called \"%s\"; a chord is like %s", word,
                            "ctrl-alt-F2, alt-sysrq-b, super");
    if (codepoint >= 'A' && codepoint <= 'Z' && keys->n > 0)
        codepoint += 'a' - 'A';
    if (codepoint >= 'a' && codepoint <= 'z' && has(keys, SHIFT_L))
        codepoint -= 'a' - 'A';
    if (keys->n + 2 > KILN_GUEST_KEYS_MAX)
        return kiln_err_set(err, KILN_ERR_USER, "a chord has at most %d keys",
                            KILN_GUEST_KEYS_MAX - 1);
    if (keysym)
        (void)add(keys, keysym);
    else
        add_char(keys, codepoint);
    return true;
}

bool kiln_guest_keys_parse(const char *text, struct kiln_guest_keys *ret, struct kiln_err *err)
{
    struct kiln_guest_keys keys = { 0 };
    const char *p = text;

    while (keys.n == 0 || *p) {
        size_t n = *p ? 1 + strcspn(p + 1, "-+") : 0; /* the first may be - itself */
        KILN_AUTO_FREE char *word = kiln_xstrndup(p, n);

        if (!add_word(&keys, word, err))
            return false;
        p += n;
        if (*p && p[1]) /* a separator, unless it is the last key */
            p++;
        else if (*p && !p[1])
            return kiln_err_set(err, KILN_ERR_USER, "\"%s\" ends with \"%s\"", text, p);
    }
    *ret = keys;
    return true;
}
