#include "bootcmd/keys.h"

const struct kiln_bootcmd_key kiln_bootcmd_keys[] = {
    { "bs", 0xFF08 },           { "del", 0xFFFF },        { "enter", 0xFF0D },
    { "esc", 0xFF1B },          { "f10", 0xFFC7 },        { "f11", 0xFFC8 },
    { "f12", 0xFFC9 },          { "f1", 0xFFBE },         { "f2", 0xFFBF },
    { "f3", 0xFFC0 },           { "f4", 0xFFC1 },         { "f5", 0xFFC2 },
    { "f6", 0xFFC3 },           { "f7", 0xFFC4 },         { "f8", 0xFFC5 },
    { "f9", 0xFFC6 },           { "return", 0xFF0D },     { "tab", 0xFF09 },
    { "up", 0xFF52 },           { "down", 0xFF54 },       { "spacebar", 0x0020 },
    { "insert", 0xFF63 },       { "home", 0xFF50 },       { "end", 0xFF57 },
    { "pageUp", 0xFF55 },       { "pageDown", 0xFF56 },   { "menu", 0xFF67 },
    { "leftAlt", 0xFFE9 },      { "leftCtrl", 0xFFE3 },   { "leftShift", 0xFFE1 },
    { "leftSuper", 0xFFEB },    { "leftOption", 0xFFE7 }, { "leftCommand", 0xFFE9 },
    { "left", 0xFF51 },         { "rightAlt", 0xFFEA },   { "rightCtrl", 0xFFE4 },
    { "rightShift", 0xFFE2 },   { "rightSuper", 0xFFEC }, { "rightOption", 0xFFE8 },
    { "rightCommand", 0xFFEA }, { "right", 0xFF53 },
};
const size_t kiln_bootcmd_n_keys = KILN_COUNT(kiln_bootcmd_keys);

const struct kiln_bootcmd_key kiln_bootcmd_shift = { "leftShift", 0xFFE1 };

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool kiln_bootcmd_begins(const char *s, size_t len, const char *word)
{
    size_t i = 0;

    while (i < len && word[i] && lower(s[i]) == lower(word[i]))
        i++;
    return !word[i];
}

const struct kiln_bootcmd_key *kiln_bootcmd_key_at(const char *s, size_t len)
{
    for (size_t i = 0; i < kiln_bootcmd_n_keys; i++) {
        if (kiln_bootcmd_begins(s, len, kiln_bootcmd_keys[i].name))
            return &kiln_bootcmd_keys[i];
    }
    return NULL;
}

bool kiln_bootcmd_shifted(uint32_t codepoint)
{
    return kiln_bootcmd_upper(codepoint) ||
           (codepoint && codepoint < 0x80 && strchr("~!@#$%^&*()_+{}|:\"<>?", (int)codepoint));
}

void kiln_bootcmd_char_name(char name[KILN_BOOTCMD_NAME_SIZE], uint32_t codepoint)
{
    KILN_AUTO_STR s = { 0 };

    if (codepoint == ' ')
        kiln_str_adds(&s, "space");
    else if (codepoint < 0x20 || (codepoint >= 0x7F && codepoint <= 0xA0))
        kiln_str_addf(&s, "U+%04X", (unsigned)codepoint);
    else
        kiln_str_add_utf8(&s, codepoint);
    (void)snprintf(name, KILN_BOOTCMD_NAME_SIZE, "%s", kiln_str_cstr(&s));
}
