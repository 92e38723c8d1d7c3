#include "ui/log/logscan.h"

#include "engine/event.h"

static bool begins(const char *s, const char *end, const char *word)
{
    size_t n = strlen(word);

    return (size_t)(end - s) >= n && memcmp(s, word, n) == 0;
}

enum kiln_logscan kiln_logscan_type(const char *event, size_t len)
{
    enum kiln_event_type type;

    if (!kiln_event_peek(event, len, &type))
        return KILN_LOGSCAN_OTHER;
    if (type == KILN_EV_LINE || type == KILN_EV_LOG || type == KILN_EV_BUILD_END ||
        type == KILN_EV_HTTP || type == KILN_EV_QEMU)
        return KILN_LOGSCAN_LINES;
    return type == KILN_EV_STEP ? KILN_LOGSCAN_STEP : KILN_LOGSCAN_OTHER;
}

uint32_t kiln_logscan_count(const char *event, size_t len)
{
    static const char key[] = ",\"text\":\"";
    const char *end = event + len, *p = memmem(event, len, key, sizeof(key) - 1);
    uint32_t n = 1;

    if (!p)
        return 0;
    p += sizeof(key) - 1;
    while ((p = memchr(p, '\\', (size_t)(end - p))) && end - p > 1) {
        n += p[1] == 'n' || begins(p, end, "\\u000a") || begins(p, end, "\\u000A");
        p += 2;
    }
    return n;
}

/* ---- text ---- */

/* ESC and what belongs to it; 0: an ESC alone. */
static size_t escape_length(const char *s, size_t len)
{
    size_t n = 2;

    if (len < 2)
        return 0;
    if (s[1] == '[') { /* CSI */
        while (n < len && s[n] >= 0x20 && s[n] < 0x40)
            n++;
    } else if (s[1] && strchr("]PX^_", s[1])) { /* OSC, DCS … up to BEL or ESC \ */
        while (n < len && s[n] != '\a' && s[n] != '\033' && s[n] != '\n')
            n++;
        if (n + 1 < len && s[n] == '\033' && s[n + 1] == '\\')
            n++;
        else if (n < len && s[n] != '\a')
            return 0;
    } else { /* ESC ( B and the like */
        for (n = 1; n < len && s[n] >= 0x20 && s[n] < 0x30;)
            n++;
    }
    return n < len && ((s[n] >= 0x30 && s[n] < 0x7f) || s[n] == '\a') ? n + 1 : 0;
}

/* Of a control character at s; 0: it is none. */
static size_t control_length(const char *s, size_t len)
{
    unsigned char c = (unsigned char)*s;

    if (c == 0xc2 && len > 1 && (unsigned char)s[1] < 0xa0)
        return 2;
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}

static bool is_clean(const char *text, size_t len)
{
    unsigned bad = 0;

    for (size_t i = 0; i < len; i++) { /* no branches: the compiler makes wide instructions of it */
        unsigned char c = (unsigned char)text[i];

        bad |= (unsigned)((c < 0x20) & (c != '\n') & (c != '\t')) | (c == 0x7f) | (c == 0xc2);
    }
    return !bad;
}

void kiln_logscan_clean(struct kiln_str *out, const char *text, size_t len)
{
    size_t i = 0;

    if (is_clean(text, len)) {
        kiln_str_add(out, text, len);
        return;
    }
    while (i < len) {
        size_t n = text[i] == '\033' ? escape_length(text + i, len - i) : 0;
        bool color = n > 2 && text[i + 1] == '[' && text[i + n - 1] == 'm';

        if (n == 0)
            n = control_length(text + i, len - i);
        if (n == 0)
            kiln_str_addc(out, text[i++]);
        else if (!color)
            kiln_str_addc(out, '?');
        i += n;
    }
}
