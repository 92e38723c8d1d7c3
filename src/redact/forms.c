/*
 * Forms are made from tables, one row per kind of program that writes them. A row that changes
 * nothing makes the value itself once more; the redactor drops repetitions.
 */
#include "redact/forms.h"

#include "base/encode.h"
#include "base/mem.h"

/* Where forms go: those of the text at hand begin at `first`, and are kept once each. */
struct sink {
    struct kiln_strv *forms;
    size_t first;
};

static void add(struct sink *out, const char *s, size_t len)
{
    if (len < KILN_REDACT_MIN_DERIVED)
        return;
    for (size_t i = out->first; i < out->forms->n; i++) {
        if (strncmp(out->forms->v[i], s, len) == 0 && !out->forms->v[i][len])
            return;
    }
    kiln_strv_add_take(out->forms, kiln_xstrndup(s, len));
}

static void add_str(struct sink *out, struct kiln_str *s)
{
    add(out, kiln_str_cstr(s), s->len);
    kiln_str_clear(s);
}

/* Percent-encoding: everything is encoded but letters, digits and these. */
static const char *const url_safe[] = {
    "-_.~",                 /* RFC 3986; query strings */
    "-_.~/",                /* Python's quote */
    "-_.~$&+=:@",           /* Go's PathEscape */
    "-_.~$&+=:@/",          /* whole paths */
    "*-._",                 /* HTML forms, Java */
    "-_.!~*'()",            /* encodeURIComponent */
    "-_.!~*'();,/?:@&=+$#", /* encodeURI */
};

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void add_percent(const char *s, const char *safe, bool upper, bool plus, struct sink *out)
{
    KILN_AUTO_STR enc = { 0 };

    for (; *s; s++) {
        unsigned byte = (unsigned char)*s;

        if (is_alnum(*s) || strchr(safe, *s))
            kiln_str_addc(&enc, *s);
        else if (plus && byte == ' ')
            kiln_str_addc(&enc, '+');
        else if (upper)
            kiln_str_addf(&enc, "%%%02X", byte);
        else
            kiln_str_addf(&enc, "%%%02x", byte);
    }
    add_str(out, &enc);
}

static void add_url(const char *s, struct sink *out)
{
    for (size_t i = 0; i < KILN_COUNT(url_safe); i++) {
        for (int k = 0; k < 4; k++)
            add_percent(s, url_safe[i], k & 1, k & 2, out);
    }
}

/* Characters replaced by texts; the rest stays. */
static const struct swap {
    const char *chars;
    const char *to[5];
} swaps[] = {
    { "'", { "'\\''" } },              /* between single quotes of a shell */
    { "'", { "'\"'\"'" } },            /* the same, as Packer and Python do it */
    { "'", { "''" } },                 /* PowerShell, SQL, YAML */
    { "$`\"", { "`$", "``", "`\"" } }, /* between double quotes of PowerShell */
    { "&<>", { "&amp;", "&lt;", "&gt;" } },
    { "&<>\"'", { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" } },
    { "&<>\"'", { "&amp;", "&lt;", "&gt;", "&quot;", "&#039;" } },
    { "&<>\"'", { "&amp;", "&lt;", "&gt;", "&quot;", "&#x27;" } },
    { "&<>\"'", { "&amp;", "&lt;", "&gt;", "&quot;", "&apos;" } },
    { "&<>\"'", { "&amp;", "&lt;", "&gt;", "&#34;", "&#39;" } }, /* Go */
};

static void add_swapped(const char *s, const struct swap *swap, struct sink *out)
{
    KILN_AUTO_STR enc = { 0 };

    for (; *s; s++) {
        const char *hit = strchr(swap->chars, *s);

        if (hit)
            kiln_str_adds(&enc, swap->to[hit - swap->chars]);
        else
            kiln_str_addc(&enc, *s);
    }
    add_str(out, &enc);
}

enum number { AS_IS, HEX2, OCTAL3, UTF16_LOWER, UTF16_UPPER, UTF32_LOWER };

/* Backslash escapes. */
static const struct escape {
    const char *from, *to; /* from[i] becomes a backslash and to[i] */
    const char *numbered;  /* ASCII that is written as a number, in the form of `control` */
    enum number control;   /* other control characters */
    enum number high;      /* beyond ASCII */
} escapes[] = {
#define JSON_FROM "\"\\\n\r\t\b\f"
#define JSON_TO   "\"\\nrtbf"
    { JSON_FROM, JSON_TO, "", UTF16_LOWER, UTF16_LOWER },                /* Python, Ruby */
    { JSON_FROM "/", JSON_TO "/", "", UTF16_LOWER, AS_IS },              /* json-c */
    { JSON_FROM "/", JSON_TO "/", "", UTF16_LOWER, UTF16_LOWER },        /* PHP */
    { JSON_FROM, JSON_TO, "", UTF16_UPPER, UTF16_UPPER },                /* Java */
    { JSON_FROM, JSON_TO, "<>&'", UTF16_LOWER, UTF16_LOWER },            /* in HTML */
    { "\\\n\r\t\b\f", "\\nrtbf", "\"&'+<>`", UTF16_UPPER, UTF16_UPPER }, /* .NET */
#undef JSON_FROM
#undef JSON_TO
    { "\"\\\a\b\f\n\r\t\v", "\"\\abfnrtv", "", HEX2, UTF32_LOWER }, /* Go's %+q */
    { "\"\\\a\b\f\n\r\t\v", "\"\\abfnrtv", "", OCTAL3, OCTAL3 },    /* C */
    { "'\\\a\b\033\f\n\r\t\v", "'\\abEfnrtv", "", OCTAL3, AS_IS },  /* $'…' of a shell */
    { "'\\\a\b\033\f\n\r\t\v", "'\\abEfnrtv", "", OCTAL3, OCTAL3 },
    { "'\\\n\r\t", "'\\nrt", "", HEX2, AS_IS }, /* Python */
    { "\\\n\r\t", "\\nrt", "", HEX2, AS_IS },
    { "\\\n\r\t", "\\nrt", "", HEX2, HEX2 }, /* its bytes */
/* A shell word without quotes: bash's printf %q (# and ~ only where a word begins), and others. */
#define SHELL " \t!\"$&'()*,;<>?[\\]^`{|}"
    { SHELL, SHELL, "", AS_IS, AS_IS },
    { SHELL "#~", SHELL "#~", "", AS_IS, AS_IS },
#undef SHELL
    /* Between double quotes of a shell. */
    { "$`\"\\", "$`\"\\", "", AS_IS, AS_IS },
    { "$`\"\\!", "$`\"\\!", "", AS_IS, AS_IS },
#define PUNCTUATION " \t!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~"
    { PUNCTUATION, PUNCTUATION, "", AS_IS, AS_IS }, /* regular expressions */
#undef PUNCTUATION
};

static void add_utf16(struct kiln_str *out, bool upper, unsigned unit)
{
    if (upper)
        kiln_str_addf(out, "\\u%04X", unit);
    else
        kiln_str_addf(out, "\\u%04x", unit);
}

/* One character, n bytes at s, as a number. */
static void add_number(struct kiln_str *out, enum number how, const char *s, size_t n, unsigned cp)
{
    bool upper = how == UTF16_UPPER;

    switch (how) {
    case AS_IS:
        kiln_str_add(out, s, n);
        break;
    case HEX2:
        for (size_t i = 0; i < n; i++)
            kiln_str_addf(out, "\\x%02x", (unsigned char)s[i]);
        break;
    case OCTAL3:
        for (size_t i = 0; i < n; i++)
            kiln_str_addf(out, "\\%03o", (unsigned char)s[i]);
        break;
    case UTF16_LOWER:
    case UTF16_UPPER:
        if (cp > 0xFFFF)
            add_utf16(out, upper, 0xD800 + ((cp - 0x10000) >> 10));
        add_utf16(out, upper, cp > 0xFFFF ? 0xDC00 + (cp & 0x3FF) : cp);
        break;
    case UTF32_LOWER:
        if (cp > 0xFFFF)
            kiln_str_addf(out, "\\U%08x", cp);
        else
            add_utf16(out, false, cp);
        break;
    }
}

static void add_backslashed(const char *s, const struct escape *e, struct sink *out)
{
    KILN_AUTO_STR enc = { 0 };
    size_t len = strlen(s), n;

    for (; len; s += n, len -= n) {
        const char *hit = strchr(e->from, *s);
        unsigned cp = 0xFFFD;

        n = kiln_utf8_decode(s, len, &cp);
        n = n ? n : 1;
        if (hit) {
            kiln_str_addc(&enc, '\\');
            kiln_str_addc(&enc, e->to[hit - e->from]);
        } else if (cp >= 0x80) {
            add_number(&enc, e->high, s, n, cp);
        } else if (cp < 0x20 || cp == 0x7F || strchr(e->numbered, *s)) {
            add_number(&enc, e->control, s, n, cp);
        } else {
            kiln_str_addc(&enc, *s);
        }
    }
    add_str(out, &enc);
}

/* What stands between the quotes that base/encode.h writes. */
static void add_unquoted(struct kiln_str *quoted, struct sink *out)
{
    add(out, quoted->data + 1, quoted->len - 2);
    kiln_str_clear(quoted);
}

/* What is escaped character by character. */
static void add_escaped(const char *s, struct sink *out)
{
    KILN_AUTO_STR enc = { 0 };
    size_t len = strlen(s);

    kiln_json_add_string(&enc, s, len, KILN_JSON_PLAIN);
    add_unquoted(&enc, out);
    kiln_json_add_string(&enc, s, len, KILN_JSON_HTML);
    add_unquoted(&enc, out);
    kiln_go_add_quoted(&enc, s, len);
    add_unquoted(&enc, out);
    add_url(s, out);
    for (size_t i = 0; i < KILN_COUNT(swaps); i++)
        add_swapped(s, &swaps[i], out);
    for (size_t i = 0; i < KILN_COUNT(escapes); i++)
        add_backslashed(s, &escapes[i], out);
}

static void add_url_alphabet(const char *s, size_t len, struct sink *out)
{
    KILN_AUTO_STR enc = { 0 };

    for (size_t i = 0; i < len; i++)
        kiln_str_addc(&enc, (char)(s[i] == '+' ? '-' : s[i] == '/' ? '_' : s[i]));
    add_str(out, &enc);
}

/* In both alphabets. */
static void add_base64_text(const char *s, size_t len, struct sink *out)
{
    add(out, s, len);
    add_url_alphabet(s, len, out);
}

/*
 * Base64 of a longer text that holds the value after `before` bytes (modulo 3): the digits that the
 * value alone decides. For a text that is wrapped, each line as well.
 */
static void add_base64_core(const char *s, size_t len, size_t before, struct sink *out)
{
    static const size_t first_digit[] = { 0, 2, 3 };
    static const size_t widths[] = { 64, 76 }; /* openssl and PEM; coreutils and MIME */
    KILN_AUTO_STR bytes = { 0 }, text = { 0 };
    size_t start = first_digit[before], end = (before + len) * 8 / 6;

    kiln_str_add(&bytes, "\0\0", before);
    kiln_str_add(&bytes, s, len);
    kiln_base64_add(&text, bytes.data, bytes.len);
    if (end > start)
        add_base64_text(text.data + start, end - start, out);
    for (size_t i = 0; before == 0 && i < KILN_COUNT(widths); i++) {
        for (size_t pos = 0; end > widths[i] && pos < end; pos += widths[i])
            add(out, text.data + pos, end - pos < widths[i] ? end - pos : widths[i]);
    }
}

static void add_base64(const char *s, size_t len, struct sink *out)
{
    KILN_AUTO_STR text = { 0 };

    kiln_base64_add(&text, s, len);
    add_base64_text(text.data, text.len, out);
    add_base64_text(text.data, strcspn(text.data, "="), out);
    for (size_t before = 0; before < 3; before++)
        add_base64_core(s, len, before, out);
}

static void add_binary(const char *s, struct sink *out)
{
    KILN_AUTO_STR text = { 0 }, wide = { 0 };
    size_t len = strlen(s);

    add_base64(s, len, out);
    kiln_utf16_add(&wide, s, len); /* PowerShell's -EncodedCommand */
    add_base64(wide.data, wide.len, out);
    kiln_hex_add(&text, s, len);
    add(out, text.data, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 'a')
            text.data[i] = (char)(text.data[i] - 'a' + 'A');
    }
    add_str(out, &text);
}

/* With every line end as `end`. */
static char *with_line_ends(const char *s, const char *end)
{
    struct kiln_str out = { 0 };

    for (; *s; s++) {
        if (*s == '\n')
            kiln_str_adds(&out, end);
        else if (*s != '\r' || s[1] != '\n')
            kiln_str_addc(&out, *s);
    }
    return kiln_str_steal(&out);
}

/* The value as terminals, files and variables keep it. */
static void add_variants(const char *secret, struct kiln_strv *out)
{
    static const char *const ends[] = { "\n", "\r\n" };
    size_t len = strlen(secret);

    kiln_strv_add(out, secret);
    for (size_t i = 0; strchr(secret, '\n') && i < KILN_COUNT(ends); i++)
        kiln_strv_add_take(out, with_line_ends(secret, ends[i]));
    while (len && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
        len--;
    if (len && secret[len])
        kiln_strv_add_take(out, kiln_xstrndup(secret, len));
}

/* Its lines without the white space around them. */
static void add_lines(const char *secret, struct kiln_strv *out)
{
    static const char space[] = " \t\r\n\v\f";

    while (*secret) {
        size_t len = strcspn(secret, "\n"), next = len + (secret[len] == '\n');
        size_t skip = strspn(secret, " \t\r\v\f");

        while (len > skip && strchr(space, secret[len - 1]))
            len--;
        if (len >= skip + KILN_REDACT_MIN_DERIVED)
            kiln_strv_add_take(out, kiln_xstrndup(secret + skip, len - skip));
        secret += next;
    }
}

static void add_forms(const struct kiln_strv *texts, bool escaped, bool binary,
                      struct kiln_strv *out)
{
    KILN_STRV_FOREACH (s, texts) {
        struct sink sink = { out, out->n };

        kiln_strv_add(out, s); /* however short */
        if (escaped)
            add_escaped(s, &sink);
        if (binary)
            add_binary(s, &sink);
    }
}

void kiln_redact_forms(const char *secret, struct kiln_strv *out)
{
    KILN_AUTO_STRV variants = { 0 }, lines = { 0 };
    bool large = strlen(secret) > KILN_REDACT_WHOLE_MAX;

    if (!*secret)
        return;
    add_variants(secret, &variants);
    if (strchr(secret, '\n'))
        add_lines(secret, &lines);
    /* A large one escaped is its escaped lines with something between. */
    add_forms(&variants, !large || lines.n == 0, !large, out);
    add_forms(&lines, true, !large, out);
    if (large)
        add_binary(secret, &(struct sink){ out, out->n });
}
