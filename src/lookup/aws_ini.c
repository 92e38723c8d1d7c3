/* The files ~/.aws/config and ~/.aws/credentials. */
#include <ctype.h>

#include "base/mem.h"
#include "lookup/aws_config.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static char *trimmed(const char *s, size_t len)
{
    while (len > 0 && is_space(*s))
        s++, len--;
    while (len > 0 && is_space(s[len - 1]))
        len--;
    return kiln_xstrndup(s, len);
}

/* [profile NAME], [profile "NAME"] and [NAME] are the same. */
static bool names_section(const char *line, size_t len, const char *name)
{
    const char *end = memchr(line, ']', len);
    KILN_AUTO_FREE char *inner = trimmed(line + 1, end ? (size_t)(end - line) - 1 : len - 1);
    const char *p = inner;
    size_t n;

    if (kiln_has_prefix(p, "profile") && is_space(p[7]))
        p += 7;
    while (is_space(*p))
        p++;
    n = strlen(p);
    if (n >= 2 && *p == '"' && p[n - 1] == '"')
        return strlen(name) == n - 2 && strncmp(p + 1, name, n - 2) == 0;
    return kiln_streq(p, name);
}

/* Up to a comment, which has a space before its sign. */
static size_t value_length(const char *s, size_t len)
{
    for (size_t i = 1; i < len; i++)
        if ((s[i] == '#' || s[i] == ';') && is_space(s[i - 1]))
            return i;
    return len;
}

static void take_value(const char *line, size_t len, struct kiln_strmap *ret)
{
    const char *eq = memchr(line, '=', len);
    size_t rest = eq ? len - (size_t)(eq + 1 - line) : 0;
    KILN_AUTO_FREE char *key = eq ? trimmed(line, (size_t)(eq - line)) : NULL;
    KILN_AUTO_FREE char *value = eq ? trimmed(eq + 1, value_length(eq + 1, rest)) : NULL;

    if (!eq)
        return;
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    kiln_strmap_set(ret, key, value);
}

bool kiln_aws_ini_section(const char *text, const char *name, struct kiln_strmap *ret)
{
    bool found = false, inside = false;
    size_t key_indent = SIZE_MAX; /* of the section's keys; deeper lines belong to the key above */

    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n"), indent = 0;

        while (indent < len && is_space(line[indent]))
            indent++;
        if (indent == len || line[indent] == '#' || line[indent] == ';') {
            /* empty, or a comment */
        } else if (line[indent] == '[') {
            inside = names_section(line + indent, len - indent, name);
            found |= inside;
            key_indent = SIZE_MAX;
        } else if (inside && indent <= key_indent) {
            key_indent = indent;
            take_value(line + indent, len - indent, ret);
        }
        line += len;
        line += *line == '\n';
    }
    return found;
}
