/* What is wrong with a JSON text at the place where the scanner stopped, and how to mend it. */
#include <strings.h>

#include "base/mem.h"
#include "template/json_scan.h"

#define WORD_SHOWN 64 /* characters of an offending word that a message repeats */

static unsigned line_of(const struct kiln_json_scanner *s, size_t offset)
{
    unsigned line, column;

    kiln_source_position(s->source, offset, &line, &column);
    return line;
}

static bool is_word(char c)
{
    return c == '_' || c == '$' || (c >= '0' && c <= '9') ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The run of word characters and the given others at offset; caller frees. */
static char *word_at(const struct kiln_json_scanner *s, size_t offset, const char *others)
{
    const char *p = s->source->text + offset;
    size_t n = 0;

    if (s->source->secret)
        return kiln_xstrdup("<hidden>"); /* a password without quotes, for all we know */
    while (n < WORD_SHOWN && p[n] != '\0' && (is_word(p[n]) || strchr(others, p[n])))
        n++;
    return kiln_xstrndup(p, n);
}

/* The text between the quotes at offset, cut to a readable length; caller frees. */
static char *key_name(const struct kiln_json_scanner *s)
{
    const char *p = s->source->text + s->key + 1;
    size_t n = 0;

    while (n < WORD_SHOWN && p[n] != '\0' && p[n] != '"')
        n++;
    return kiln_xstrndup(p, n);
}

/* The offending character, for "found …"; caller frees. */
static char *found(const struct kiln_json_scanner *s)
{
    const char *p = s->source->text + s->at;
    unsigned cp = 0;
    size_t n = kiln_utf8_decode(p, s->source->len - s->at, &cp);

    if (*p == '"')
        return kiln_xstrdup("a string");
    if (n == 0 || cp < 0x20 || cp == 0x7f)
        return kiln_xasprintf("byte 0x%02X", (unsigned char)*p);
    return kiln_xasprintf("'%.*s'", (int)n, p);
}

static bool explain_eof(struct kiln_json_scanner *s)
{
    size_t open;
    char c;

    if (s->depth == 0)
        return kiln_diag_error(s->diag, s->source, KILN_NO_PLACE,
                               "expected one JSON object: { \"name\": value, ... }",
                               "unexpected end of JSON input: the file is empty");
    open = s->open[s->depth - 1];
    c = s->source->text[open];
    return kiln_diag_error(
        s->diag, s->source, s->end, c == '{' ? "add the missing }" : "add the missing ]",
        "unexpected end of JSON input: the '%c' on line %u is never closed", c, line_of(s, open));
}

static bool explain_bytes(struct kiln_json_scanner *s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s->source->text + at;

    if (at <= 1 && s->source->len >= 2 &&
        ((p[0] == 0 && (at == 1 ? p[-1] : p[1]) != 0) || p[0] >= 0xfe))
        return kiln_diag_error(s->diag, s->source, KILN_NO_PLACE, "save it as UTF-8",
                               "the file is UTF-16, JSON is UTF-8");
    if (p[0] == 0)
        return kiln_diag_error(s->diag, s->source, at, "is this a text file?",
                               "NUL byte in JSON text");
    return kiln_diag_error(s->diag, s->source, at, "save the file as UTF-8",
                           "invalid UTF-8: byte 0x%02X", p[0]);
}

/* Characters that are wrong between tokens, whatever was expected. True: not one of them. */
static bool explain_anywhere(struct kiln_json_scanner *s)
{
    const char *p = s->source->text + s->at;
    unsigned cp = 0;
    size_t n = kiln_utf8_decode(p, s->source->len - s->at, &cp);

    if (n == 0 || cp == 0)
        return explain_bytes(s, s->at);
    if (cp == '#' || (cp == '/' && (p[1] == '/' || p[1] == '*')))
        return kiln_diag_error(s->diag, s->source, s->at,
                               "remove it; at the top level, a key that begins with _ can hold a "
                               "remark: \"_comment\": \"...\"",
                               "JSON has no comments");
    if (cp == '\'' || cp == '`' || cp == 0xab || cp == 0xbb || (cp >= 0x2018 && cp <= 0x201f))
        return kiln_diag_error(s->diag, s->source, s->at, "put strings in double quotes: \"...\"",
                               "%.*s does not quote a string in JSON", (int)n, p);
    if (cp == 0xfeff && s->at == 0)
        return kiln_diag_error(s->diag, s->source, KILN_NO_PLACE, "save it as UTF-8 without BOM",
                               "the file begins with a byte order mark");
    if (cp == 0xa0 || cp == 0xfeff || cp == 0x3000 || (cp >= 0x2000 && cp <= 0x200d) ||
        cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x2060)
        return kiln_diag_error(s->diag, s->source, s->at, "replace it with a plain space",
                               "invisible character U+%04X", cp);
    return true;
}

static bool explain_trailing_comma(struct kiln_json_scanner *s)
{
    return kiln_diag_error(s->diag, s->source, s->end - 1, "remove the comma",
                           "trailing comma: nothing follows it before '%c'",
                           s->source->text[s->at]);
}

static bool explain_mismatch(struct kiln_json_scanner *s)
{
    size_t open = s->open[s->depth - 1];
    char c = s->source->text[open];

    return kiln_diag_error(
        s->diag, s->source, s->at, c == '{' ? "expected } here" : "expected ] here",
        "'%c' does not close the '%c' on line %u", s->source->text[s->at], c, line_of(s, open));
}

static bool explain_no_value(struct kiln_json_scanner *s)
{
    KILN_AUTO_FREE char *key = key_name(s);

    return kiln_diag_error(s->diag, s->source, s->at,
                           "write null for \"not set\", or remove the key",
                           "key \"%s\" has no value", key);
}

static bool explain_extra_comma(struct kiln_json_scanner *s)
{
    return kiln_diag_error(s->diag, s->source, s->at, "remove the comma",
                           "comma with nothing before it");
}

static bool explain_expected(struct kiln_json_scanner *s, const char *fix, const char *expected)
{
    KILN_AUTO_FREE char *what = found(s);

    return kiln_diag_error(s->diag, s->source, s->at, fix, "expected %s, found %s", expected, what);
}

static bool explain_word(struct kiln_json_scanner *s)
{
    static const struct {
        const char *word, *json;
    } known[] = {
        { "true", "true" }, { "false", "false" },    { "yes", "true" },  { "no", "false" },
        { "on", "true" },   { "off", "false" },      { "null", "null" }, { "none", "null" },
        { "nil", "null" },  { "undefined", "null" },
    };
    KILN_AUTO_FREE char *word = word_at(s, s->at, "-.");
    KILN_AUTO_FREE char *fix = NULL;

    if (s->depth == 0)
        return kiln_diag_error(s->diag, s->source, s->at,
                               "write one JSON object: { ... }; HCL2 templates end in .pkr.hcl",
                               "expected '{', found %s", word);
    for (size_t i = 0; i < KILN_COUNT(known) && !fix; i++)
        if (strcasecmp(word, known[i].word) == 0)
            fix = kiln_xasprintf("write %s", known[i].json);
    if (!fix)
        fix = kiln_xasprintf("write \"%s\"", word);
    return kiln_diag_error(s->diag, s->source, s->at, fix, "%s is not a JSON value", word);
}

static bool explain_value(struct kiln_json_scanner *s, char c, char before)
{
    char open = s->depth ? s->source->text[s->open[s->depth - 1]] : '\0';

    if (before == ':' && (c == ',' || c == '}' || c == ']'))
        return explain_no_value(s);
    if (open == '[' && before == ',' && c == ']')
        return explain_trailing_comma(s);
    if (open == '[' && c == '}')
        return explain_mismatch(s);
    if (open == '[' && c == ',')
        return explain_extra_comma(s);
    if (c == '+' || c == '.')
        return kiln_json_explain_number(s, s->at);
    if (is_word(c))
        return explain_word(s);
    return explain_expected(
        s, NULL, s->depth ? "a value (string, number, true, false, null, [ or {)" : "'{'");
}

static bool explain_key(struct kiln_json_scanner *s, char c, char before)
{
    KILN_AUTO_FREE char *fix = NULL;

    if (before == ',' && c == '}')
        return explain_trailing_comma(s);
    if (c == ']')
        return explain_mismatch(s);
    if (c == ',')
        return explain_extra_comma(s);
    if (c == '{' && s->end == s->at && before == '{')
        return kiln_diag_error(s->diag, s->source, s->at - 1, "put it in quotes: \"{{ ... }}\"",
                               "{{ }} stands inside strings only");
    if (is_word(c)) {
        KILN_AUTO_FREE char *word = word_at(s, s->at, "-.");

        fix = kiln_xasprintf("write \"%s\"", word);
    }
    return explain_expected(s, fix, "a key in double quotes");
}

static bool starts_value(char c)
{
    return c == '"' || c == '{' || c == '[' || c == '-' || is_word(c);
}

/* Words right behind a closing quote: most likely that quote was meant to be part of the string. */
static bool is_inner_quote(const struct kiln_json_scanner *s, char c, char before)
{
    return before == '"' && s->at == s->end && c != '"' && (is_word(c) || strchr("\\-./@%+*", c));
}

static bool explain_inner_quote(struct kiln_json_scanner *s)
{
    return kiln_diag_error(s->diag, s->source, s->end - 1, "write \\\" for a quote inside a string",
                           "the string ends at this quote, but text follows it");
}

static bool explain_colon(struct kiln_json_scanner *s, char c, char before)
{
    KILN_AUTO_FREE char *key = key_name(s);

    if (is_inner_quote(s, c, before))
        return explain_inner_quote(s);
    if (c == ',' || c == '}' || c == ']')
        return explain_no_value(s);
    if (c == '=')
        return kiln_diag_error(s->diag, s->source, s->at, "write ':' between a key and its value",
                               "expected ':' after key \"%s\", found '='", key);
    if (starts_value(c))
        return kiln_diag_error(s->diag, s->source, s->end, "write ':' between a key and its value",
                               "missing ':' after key \"%s\"", key);
    return explain_expected(s, NULL, "':' after the key");
}

static bool explain_comma(struct kiln_json_scanner *s, char c, char before)
{
    bool list = s->source->text[s->open[s->depth - 1]] == '[';

    if (is_inner_quote(s, c, before))
        return explain_inner_quote(s);
    if (c == ']' || c == '}')
        return explain_mismatch(s);
    if (c == ':' && list)
        return kiln_diag_error(s->diag, s->source, s->at,
                               "put the pair in braces: { \"key\": value }",
                               "key and value in a list");
    if (starts_value(c))
        return kiln_diag_error(s->diag, s->source, s->end, "add a comma here",
                               list ? "missing comma between two items of a list"
                                    : "missing comma between two members of an object");
    return explain_expected(s, NULL,
                            list ? "',' or ']' after the item" : "',' or '}' after the value");
}

static bool explain_end(struct kiln_json_scanner *s, char c)
{
    if (c == '}' || c == ']')
        return kiln_diag_error(
            s->diag, s->source, s->at, "remove it, or look for a bracket too few",
            "'%c' closes nothing: the template ended on line %u", c, line_of(s, s->end - 1));
    return kiln_diag_error(s->diag, s->source, s->at, "a file holds one JSON value",
                           "text after the end of the JSON value");
}

bool kiln_json_explain(struct kiln_json_scanner *s, enum kiln_json_want want)
{
    char c = s->source->text[s->at];
    char before = s->end ? s->source->text[s->end - 1] : '\0';

    if (s->at >= s->source->len)
        return explain_eof(s);
    if (!explain_anywhere(s))
        return false;
    switch (want) {
    case KILN_JSON_VALUE:
        return explain_value(s, c, before);
    case KILN_JSON_KEY:
        return explain_key(s, c, before);
    case KILN_JSON_COLON:
        return explain_colon(s, c, before);
    case KILN_JSON_COMMA:
        return explain_comma(s, c, before);
    case KILN_JSON_END:
        return explain_end(s, c);
    }
    return false;
}

bool kiln_json_explain_number(struct kiln_json_scanner *s, size_t start)
{
    KILN_AUTO_FREE char *word = word_at(s, start, ".+-");
    KILN_AUTO_FREE char *fix = NULL;
    size_t len = strlen(word);
    size_t zeros = strspn(word, "0");

    if (word[0] == '+')
        fix = kiln_xasprintf("write %s", word + 1);
    else if (word[0] == '.')
        fix = kiln_xasprintf("write 0%s", word);
    else if (len > 1 && word[len - 1] == '.')
        fix = kiln_xasprintf("write %.*s", (int)len - 1, word);
    else if (zeros > 0 && strspn(word, "0123456789") == len)
        fix = kiln_xasprintf("numbers have no leading zeros: write %s, or \"%s\" for a string",
                             zeros < len ? word + zeros : "0", word);
    else if (len >= WORD_SHOWN)
        fix = kiln_xasprintf("at most %d characters are read; put it in quotes",
                             KILN_MAX_JSON_NUMBER);
    else
        fix = kiln_xasprintf("if it is meant as text, write \"%s\"", word);
    return kiln_diag_error(s->diag, s->source, start, fix, "invalid number %s", word);
}

bool kiln_json_explain_escape(struct kiln_json_scanner *s, size_t backslash)
{
    const char *p = s->source->text + backslash;
    KILN_AUTO_FREE char *fix = NULL;

    if (p[1] == '\0' || p[1] == '\n' || p[1] == '\r')
        return kiln_json_explain_string(s, s->at, backslash + 1);
    if (kiln_has_prefix(p, "\\u0000"))
        return kiln_diag_error(s->diag, s->source, backslash, "remove it",
                               "a string cannot hold the NUL character");
    if (p[1] == 'u')
        fix = kiln_xstrdup("\\u is followed by four hexadecimal digits: \\u00e9");
    else if (p[1] == '\'')
        fix = kiln_xstrdup("write ' without the backslash");
    else if (p[1] > ' ' && p[1] < 0x7f)
        fix = kiln_xasprintf("for a backslash write two: \\\\%c", p[1]);
    else
        fix = kiln_xstrdup("for a backslash write two: \\\\");
    return kiln_diag_error(s->diag, s->source, backslash, fix,
                           "invalid escape '\\%.*s' in a string", p[1] > ' ' && p[1] < 0x7f, p + 1);
}

bool kiln_json_explain_string(struct kiln_json_scanner *s, size_t start, size_t bad)
{
    unsigned char c = (unsigned char)s->source->text[bad];

    if (bad >= s->source->len)
        return kiln_diag_error(s->diag, s->source, start, "close it with \"",
                               "this string is never closed");
    if (c == '\n' || c == '\r')
        return kiln_diag_error(s->diag, s->source, start,
                               "close it with \", or write \\n for a line break in it",
                               "this string is not closed before the end of its line");
    if (c == '\t')
        return kiln_diag_error(s->diag, s->source, bad, "write \\t", "tab character in a string");
    if (c == 0 || c >= 0x80)
        return explain_bytes(s, bad);
    return kiln_diag_error(s->diag, s->source, bad,
                           "write it as an escape, such as \\u001b for 0x1B",
                           "control character 0x%02X in a string", c);
}
