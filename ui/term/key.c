#include "ui/term/key.h"

#include <ctype.h>

#include "base/err.h"

static const struct {
    const char *name;
    uint32_t code;
} names[] = {
    { "space", ' ' },
    { "up", KILN_KEY_UP },
    { "down", KILN_KEY_DOWN },
    { "left", KILN_KEY_LEFT },
    { "right", KILN_KEY_RIGHT },
    { "home", KILN_KEY_HOME },
    { "end", KILN_KEY_END },
    { "pgup", KILN_KEY_PGUP },
    { "pgdn", KILN_KEY_PGDN },
    { "insert", KILN_KEY_INSERT },
    { "delete", KILN_KEY_DELETE },
    { "tab", KILN_KEY_TAB },
    { "enter", KILN_KEY_ENTER },
    { "esc", KILN_KEY_ESC },
    { "backspace", KILN_KEY_BACKSPACE },
    { "mouse", KILN_KEY_MOUSE },
};

static const struct {
    const char *prefix;
    uint32_t mod;
} mods[] = { { "ctrl-", KILN_MOD_CTRL }, { "alt-", KILN_MOD_ALT }, { "shift-", KILN_MOD_SHIFT } };

/* What a terminal cannot tell apart is one key. */
static const struct {
    char ctrl;
    uint32_t code;
} same[] = {
    { 'i', KILN_KEY_TAB },       { 'm', KILN_KEY_ENTER },     { '[', KILN_KEY_ESC },
    { 'h', KILN_KEY_BACKSPACE }, { '?', KILN_KEY_BACKSPACE },
};

static bool code_from_name(const char *name, uint32_t *ret)
{
    int64_t n;
    unsigned cp;

    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        if (kiln_streq(names[i].name, name)) {
            *ret = names[i].code;
            return true;
        }
    }
    if (name[0] == 'f' && kiln_parse_i64(name + 1, &n) && n >= 1 && n <= 12) {
        *ret = (uint32_t)(KILN_KEY_F1 + n - 1);
        return true;
    }
    if (name[0] == '\0' || kiln_utf8_decode(name, strlen(name), &cp) != strlen(name) || cp <= ' ' ||
        (cp >= 0x7f && cp < 0xa0))
        return false;
    *ret = cp;
    return true;
}

static bool normalise(struct kiln_key *key)
{
    bool named = key->code >= KILN_KEY_UP;

    if (!named && (key->mods & KILN_MOD_SHIFT)) /* the character itself says it */
        return false;
    if (named || !(key->mods & KILN_MOD_CTRL))
        return true;
    if (key->code >= 'A' && key->code <= 'Z')
        key->code = (uint32_t)tolower((int)key->code);
    for (size_t i = 0; i < KILN_COUNT(same); i++) {
        if (key->code == (uint32_t)same[i].ctrl) {
            key->code = same[i].code;
            key->mods &= ~KILN_MOD_CTRL;
        }
    }
    return key->code >= KILN_KEY_UP || (key->code >= 'a' && key->code <= 'z') ||
           (key->code < 0x80 && strchr(" \\]^_", (int)key->code));
}

bool kiln_key_from_text(const char *text, struct kiln_key *ret)
{
    struct kiln_key key = { 0 };

    for (size_t i = 0; i < KILN_COUNT(mods); i++) {
        if (kiln_has_prefix(text, mods[i].prefix)) {
            if (key.mods & mods[i].mod)
                return false;
            key.mods |= mods[i].mod;
            text += strlen(mods[i].prefix);
            i = SIZE_MAX; /* again from the first: any order */
        }
    }
    if (!code_from_name(text, &key.code) || !normalise(&key))
        return false;
    *ret = key;
    return true;
}

void kiln_key_to_text(const struct kiln_key *key, struct kiln_str *out)
{
    for (size_t i = 0; i < KILN_COUNT(mods); i++)
        if (key->mods & mods[i].mod)
            kiln_str_adds(out, mods[i].prefix);
    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        if (key->code == names[i].code) {
            kiln_str_adds(out, names[i].name);
            return;
        }
    }
    if (key->code >= KILN_KEY_F1 && key->code <= KILN_KEY_F12)
        kiln_str_addf(out, "f%u", key->code - KILN_KEY_F1 + 1);
    else
        kiln_str_add_utf8(out, key->code);
}
