#include "engine/powershell.h"

#include "base/encode.h"

static char *encoded(const char *program, const char *before, const char *script)
{
    KILN_AUTO_STR wide = { 0 };
    struct kiln_str command = { 0 };

    kiln_utf16_add(&wide, before, strlen(before));
    kiln_utf16_add(&wide, script, strlen(script));
    kiln_str_addf(&command, "%s -EncodedCommand ", program);
    kiln_base64_add(&command, wide.data, wide.len);
    return kiln_str_steal(&command);
}

char *kiln_powershell_command(const char *script)
{
    return encoded("powershell.exe", "$ProgressPreference = 'SilentlyContinue';", script);
}

char *kiln_powershell_bare_command(const char *script)
{
    return encoded("powershell.exe -NoProfile -NonInteractive -OutputFormat Text", "", script);
}

static bool is_single_quote(unsigned cp)
{
    return cp == '\'' || (cp >= 0x2018 && cp <= 0x201b);
}

void kiln_powershell_add_quoted(struct kiln_str *out, const char *s)
{
    size_t len = strlen(s);

    kiln_str_addc(out, '\'');
    for (size_t i = 0; i < len;) {
        unsigned cp = 0;
        size_t n = kiln_utf8_decode(s + i, len - i, &cp);

        if (n == 0)
            n = 1;
        if (is_single_quote(cp))
            kiln_str_add(out, s + i, n);
        kiln_str_add(out, s + i, n);
        i += n;
    }
    kiln_str_addc(out, '\'');
}

void kiln_powershell_add_escaped(struct kiln_str *out, const char *s)
{
    for (; *s; s++) {
        if (strchr("$\"`'", *s))
            kiln_str_addc(out, '`');
        kiln_str_addc(out, *s);
    }
}
