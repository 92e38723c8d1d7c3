#include "engine/ledger_entry.h"

#include <errno.h>
#include <limits.h>

#include "base/mem.h"

static const char *const kinds[] = {
    [KILN_OWNED_PROCESS] = "process", [KILN_OWNED_FILE] = "file",     [KILN_OWNED_TREE] = "tree",
    [KILN_OWNED_LOCK] = "lock",       [KILN_OWNED_OUTPUT] = "output",
};

void kiln_ledger_entry_format(struct kiln_str *out, char op, enum kiln_owned kind,
                              const char *value)
{
    kiln_str_addf(out, "%c %s ", op, kinds[kind]);
    for (; *value; value++) {
        if (*value == '\n')
            kiln_str_adds(out, "\\n");
        else if (*value == '\\')
            kiln_str_adds(out, "\\\\");
        else
            kiln_str_addc(out, *value);
    }
    kiln_str_addc(out, '\n');
}

static bool unescape(const char *s, size_t len, struct kiln_str *out)
{
    for (size_t i = 0; i < len; i++) {
        char c = s[i];

        if (c == '\0')
            return false;
        if (c == '\\') {
            if (++i == len || (s[i] != 'n' && s[i] != '\\'))
                return false;
            c = s[i] == 'n' ? '\n' : '\\';
        }
        kiln_str_addc(out, c);
    }
    return len > 0;
}

bool kiln_ledger_entry_parse(const char *line, size_t len, struct kiln_ledger_entry *ret)
{
    KILN_AUTO_STR value = { 0 };

    if (len < 2 || (line[0] != '+' && line[0] != '-') || line[1] != ' ')
        return false;
    for (size_t i = 0; i < KILN_COUNT(kinds); i++) {
        size_t n = strlen(kinds[i]);

        if (len - 2 <= n || memcmp(line + 2, kinds[i], n) != 0 || line[2 + n] != ' ')
            continue;
        if (!unescape(line + 3 + n, len - 3 - n, &value))
            return false;
        ret->op = line[0];
        ret->kind = (enum kiln_owned)i;
        ret->value = kiln_str_steal(&value);
        return true;
    }
    return false;
}

bool kiln_ledger_process_parse(const char *value, struct kiln_ledger_process *ret)
{
    char *end;
    long pid;

    errno = 0;
    pid = strtol(value, &end, 10);
    if (errno || end == value || pid <= 1 || pid > INT_MAX || (*end && *end != ' '))
        return false;
    ret->pid = (pid_t)pid;
    ret->start = *end ? strtoull(end + 1, &end, 10) : 0;
    return *end == '\0';
}
