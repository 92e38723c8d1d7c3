#include "bootcmd/watch.h"

static size_t spaces(const char *s, size_t len, size_t pos)
{
    size_t n = 0;

    while (pos + n < len && s[pos + n] == ' ')
        n++;
    return n;
}

static bool begins(const char *s, size_t len, const char *word)
{
    size_t n = strlen(word);

    return len >= n && memcmp(s, word, n) == 0;
}

/* A word behind spaces that looks like a time; returns its end, `pos` if there is none. */
static size_t match_word(const char *s, size_t len, size_t pos, size_t *ret_start)
{
    size_t start = pos + spaces(s, len, pos), end = start;

    if (start == pos || start == len || !strchr("-0123456789", s[start]))
        return pos;
    while (end < len && s[end] != ' ' && s[end] != '>')
        end++;
    *ret_start = start;
    return end;
}

/* 'regex' at pos; returns the byte after its second quote, `pos` if it has none. */
static size_t match_regex(const char *s, size_t len, size_t pos, struct kiln_bootcmd_watch *w)
{
    size_t end = pos + 1;

    if (pos >= len || s[pos] != '\'')
        return pos;
    for (; end < len && s[end] != '\''; end++)
        end += s[end] == '\\';
    if (end >= len || end == pos + 1)
        return pos;
    w->regex = pos + 1;
    w->regex_len = end - pos - 1;
    return end + 1;
}

static size_t match_text(const char *s, size_t len, struct kiln_bootcmd_watch *w)
{
    size_t start = strlen("<wait"), quote = start + spaces(s, len, start), end;

    end = match_regex(s, len, quote, w);
    if (quote == start || end == quote)
        return 0;
    w->kind = KILN_BOOTCMD_WAIT_TEXT;
    return match_word(s, len, end, &w->limit);
}

static size_t match_stable(const char *s, size_t len, struct kiln_bootcmd_watch *w)
{
    size_t end = match_word(s, len, strlen("<waitStable"), &w->still);

    w->kind = KILN_BOOTCMD_WAIT_STABLE;
    return w->still ? match_word(s, len, end, &w->limit) : end;
}

size_t kiln_bootcmd_match_watch(const char *s, size_t len, struct kiln_bootcmd_watch *ret)
{
    size_t end = 0;

    *ret = (struct kiln_bootcmd_watch){ 0 };
    if (begins(s, len, "<waitStable"))
        end = match_stable(s, len, ret);
    else if (begins(s, len, "<wait "))
        end = match_text(s, len, ret);
    end += end ? spaces(s, len, end) : 0;
    return end > 0 && end < len && s[end] == '>' ? end + 1 : 0;
}
