#include "bootcmd/spell.h"

#include "bootcmd/keys.h"

#define LATIN_1  0x100u
#define UNICODE  0x01000000u /* keysyms of all characters, those of Latin-1 have their own */
#define KEYS     0xFD00u     /* a character from here to KEYS_END would be read as a key's keysym */
#define KEYS_END 0x10000u

struct speller {
    struct kiln_str *out;
    struct kiln_str angles; /* size_t each: where in out a plain `<` stands */
    struct {
        bool down, used, said; /* used: for a key or a character; said: it is written as held */
    } shift[2];
};

/* ---- keys ---- */

static const struct kiln_bootcmd_key *named(uint32_t keysym)
{
    for (size_t i = 0; i < kiln_bootcmd_n_keys; i++) {
        if (kiln_bootcmd_keys[i].keysym == keysym)
            return &kiln_bootcmd_keys[i];
    }
    return NULL;
}

uint32_t kiln_bootcmd_char_of(uint32_t keysym)
{
    uint32_t cp = keysym >= UNICODE ? keysym - UNICODE : keysym;

    if ((keysym < UNICODE && cp >= LATIN_1) || cp < ' ' || (cp >= 0x7F && cp < 0xA0) ||
        cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000) || (cp >= KEYS && cp < KEYS_END))
        return 0;
    return cp;
}

bool kiln_bootcmd_can_spell(uint32_t keysym)
{
    return kiln_bootcmd_char_of(keysym) || named(keysym);
}

/* ---- text ---- */

static void add_name(struct kiln_str *out, uint32_t keysym)
{
    uint32_t cp = kiln_bootcmd_char_of(keysym);

    if (cp)
        kiln_str_add_utf8(out, cp);
    else
        kiln_str_adds(out, named(keysym)->name);
}

static void add_switch(struct kiln_str *out, uint32_t keysym, bool on)
{
    bool key = !kiln_bootcmd_char_of(keysym);

    kiln_str_addc(out, '<');
    add_name(out, keysym);
    kiln_str_adds(out, key ? on ? "On>" : "Off>" : on ? "on>" : "off>");
}

/* Pressed and released. */
static void add_tap(struct speller *s, uint32_t keysym)
{
    uint32_t cp = kiln_bootcmd_char_of(keysym);
    struct kiln_str *out = s->out;

    if (cp == '{' && out->len > 0 && out->data[out->len - 1] == '{') { /* it is no template */
        add_switch(out, keysym, true);
        add_switch(out, keysym, false);
    } else if (cp) {
        if (cp == '<')
            kiln_str_add(&s->angles, &out->len, sizeof(out->len));
        add_name(out, keysym);
    } else {
        kiln_str_addc(out, '<');
        add_name(out, keysym);
        kiln_str_addc(out, '>');
    }
}

/* A `<` is read together with what follows: from the last one on, all that follows is known. */
static void protect_angles(struct speller *s)
{
    const size_t *at = (const void *)s->angles.data;
    struct kiln_str *out = s->out;

    for (size_t i = s->angles.len / sizeof(*at); i-- > 0;) {
        KILN_AUTO_STR rest = { 0 };

        if (!kiln_bootcmd_is_token(out->data + at[i], out->len - at[i]))
            continue;
        kiln_str_add(&rest, out->data + at[i] + 1, out->len - at[i] - 1);
        kiln_str_truncate(out, at[i]);
        add_switch(out, '<', true);
        add_switch(out, '<', false);
        kiln_str_add(out, rest.data, rest.len);
    }
}

/* ---- Shift ---- */

static uint32_t shift_keysym(size_t i)
{
    return 0xFFE1u + (uint32_t)i;
}

static void on_shift(struct speller *s, const struct kiln_bootcmd_stroke *key)
{
    size_t i = key->keysym - shift_keysym(0);

    if (key->down) {
        s->shift[i].used = s->shift[i].down && s->shift[i].used;
    } else if (s->shift[i].said) {
        add_switch(s->out, key->keysym, false);
    } else if (!s->shift[i].used) {
        add_tap(s, key->keysym);
    }
    s->shift[i].down = key->down;
    s->shift[i].said = s->shift[i].said && key->down;
}

/* Write that it is held, or no longer, before a key that has a Shift of its own or none. */
static void say_shifts(struct speller *s, bool held)
{
    for (size_t i = 0; i < 2; i++) {
        s->shift[i].used = true;
        if (s->shift[i].down && s->shift[i].said != held)
            add_switch(s->out, shift_keysym(i), held);
        s->shift[i].said = s->shift[i].down && held;
    }
}

void kiln_bootcmd_spell(const struct kiln_bootcmd_stroke *keys, size_t n, struct kiln_str *out)
{
    struct speller s = { .out = out };

    for (size_t i = 0; i < n; i++) {
        uint32_t keysym = keys[i].keysym;
        bool tap = keys[i].down && i + 1 < n && keys[i + 1].keysym == keysym && !keys[i + 1].down;

        if (kiln_bootcmd_is_shift(keysym)) {
            on_shift(&s, &keys[i]);
            continue;
        }
        if (kiln_bootcmd_shifted(kiln_bootcmd_char_of(keysym)))
            say_shifts(&s, false);
        else if (keys[i].down)
            say_shifts(&s, true);
        if (tap)
            add_tap(&s, keysym);
        else
            add_switch(out, keysym, keys[i].down);
        i += tap;
    }
    protect_angles(&s);
    kiln_str_done(&s.angles);
}
