#include "bootcmd/telling.h"

#include <ctype.h>

#include "base/mem.h"

#define MOST    60 /* characters of a row that are looked for */
#define UNKNOWN 0xFFFDu
#define NUMBER  '\1' /* in a shape */

/* ---- the piece of a row that is worth looking for ---- */

struct piece {
    const char *s;
    size_t len;
    bool first, last; /* nothing but spaces stands before it, behind it */
};

/* What screens draw boxes, bars and shadows with; and cells that nobody can read. */
static bool is_border(unsigned cp)
{
    return cp == UNKNOWN || (cp >= 0x2500 && cp < 0x2600) || cp < ' ';
}

static void trim(struct piece *p)
{
    while (p->len > 0 && *p->s == ' ') {
        p->s++;
        p->len--;
    }
    while (p->len > 0 && p->s[p->len - 1] == ' ')
        p->len--;
}

/* "[    3.141592] " */
static const char *behind_time(const char *row)
{
    const char *s = row + strspn(row, " ");
    size_t n;

    if (*s != '[')
        return row;
    s += 1 + strspn(s + 1, " ");
    n = strspn(s, "0123456789.");
    return n > 0 && s[n] == ']' ? s + n + 1 : row;
}

/* Up to the next border; *s moves behind it. */
static struct piece next_piece(const char **s, const char *row)
{
    struct piece p = { .s = *s, .first = *s == row };
    const char *end = *s + strlen(*s);

    while (*s < end) {
        unsigned cp = UNKNOWN;
        size_t n = kiln_utf8_decode(*s, (size_t)(end - *s), &cp);

        if (n == 0 || is_border(cp))
            break;
        *s += n;
    }
    p.len = (size_t)(*s - p.s);
    p.last = *s == end;
    while (*s < end) {
        unsigned cp = UNKNOWN;
        size_t n = kiln_utf8_decode(*s, (size_t)(end - *s), &cp);

        if (n > 0 && !is_border(cp) && cp != ' ')
            break;
        *s += n ? n : 1;
    }
    p.last = p.last || *s == end;
    trim(&p);
    return p;
}

/* The longest one; of a prompt the last one. */
static struct piece piece_of(const struct kiln_telling *t)
{
    const char *begin = behind_time(t->row), *s = begin;
    struct piece best = { .s = "" };

    while (*s) {
        struct piece p = next_piece(&s, t->row);

        if (p.len > 0 && (t->prompt || p.len > best.len))
            best = p;
    }
    return best;
}

static size_t chars_in(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

/* How many bytes so many characters are; there are more. */
static size_t bytes_of(const char *s, size_t chars)
{
    size_t n = 0;

    while (chars > 0 || ((unsigned char)s[n] & 0xC0) == 0x80)
        chars -= ((unsigned char)s[n++] & 0xC0) != 0x80;
    return n;
}

/* No more than MOST characters: the end of a prompt, the beginning of others; whole words, where
 * there are some. */
static void shorten(struct piece *p, bool from_end)
{
    size_t chars = chars_in(p->s, p->len), cut;
    const char *space;

    if (chars <= MOST)
        return;
    if (from_end) {
        cut = bytes_of(p->s, chars - MOST);
        space = memchr(p->s + cut, ' ', p->len - cut);
        cut = space ? (size_t)(space - p->s) : cut;
        p->s += cut;
        p->len -= cut;
        p->first = false;
    } else {
        cut = bytes_of(p->s, MOST);
        space = memrchr(p->s, ' ', cut);
        p->len = space ? (size_t)(space - p->s) : cut;
        p->last = false;
    }
    trim(p);
}

/* ---- shapes: what a regex looks at, so that two rows can be compared ---- */

enum numbers { AS_THEY_ARE, ANY, ANY_IN_WORDS };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool ends_word(const char *s, size_t at)
{
    return at > 0 && (isalpha((unsigned char)s[at - 1]) || s[at - 1] == '_' ||
                      (unsigned char)s[at - 1] >= 0x80);
}

/* How many digits at s[at] are any number. */
static size_t number_at(const char *s, size_t len, size_t at, enum numbers numbers)
{
    size_t n = 0;

    while (at + n < len && is_digit(s[at + n]))
        n++;
    if (numbers == AS_THEY_ARE || (numbers == ANY && ends_word(s, at)))
        return 0;
    return n;
}

static void add_shape(struct kiln_str *out, const char *s, size_t len, enum numbers numbers)
{
    for (size_t i = 0; i < len;) {
        size_t n = number_at(s, len, i, numbers);

        if (n > 0) {
            kiln_str_addc(out, NUMBER);
            i += n;
        } else if (is_digit(s[i])) { /* of a word: all of them */
            while (i < len && is_digit(s[i]))
                kiln_str_addc(out, s[i++]);
        } else {
            char c = s[i++];

            if (c != ' ' || (out->len > 0 && out->data[out->len - 1] != ' '))
                kiln_str_addc(out, (char)tolower((unsigned char)c));
        }
    }
    if (out->len > 0 && out->data[out->len - 1] == ' ')
        kiln_str_truncate(out, out->len - 1);
}

bool kiln_telling_same(const char *row, const char *other)
{
    KILN_AUTO_STR a = { 0 }, b = { 0 };

    add_shape(&a, row, strlen(row), ANY_IN_WORDS);
    add_shape(&b, other, strlen(other), ANY_IN_WORDS);
    return kiln_streq(kiln_str_cstr(&a), kiln_str_cstr(&b));
}

/* ---- the regex ---- */

struct form {
    struct piece piece;
    enum numbers numbers;
    bool begin, end; /* ^ and $ */
};

static bool matches(const struct form *f, const char *row)
{
    KILN_AUTO_STR a = { 0 }, b = { 0 };

    add_shape(&a, f->piece.s, f->piece.len, f->numbers);
    add_shape(&b, row, strlen(row), f->numbers);
    if (f->begin && f->end)
        return kiln_streq(kiln_str_cstr(&a), kiln_str_cstr(&b));
    if (f->begin)
        return kiln_has_prefix(kiln_str_cstr(&b), kiln_str_cstr(&a));
    if (f->end)
        return kiln_has_suffix(kiln_str_cstr(&b), kiln_str_cstr(&a));
    return strstr(kiln_str_cstr(&b), kiln_str_cstr(&a)) != NULL;
}

static bool matches_any(const struct form *f, const struct kiln_strv *rows)
{
    KILN_STRV_FOREACH (row, rows) {
        if (matches(f, row))
            return true;
    }
    return false;
}

static void add_regex(struct kiln_str *out, const struct form *f)
{
    const char *s = f->piece.s;
    size_t len = f->piece.len;

    kiln_str_adds(out, f->begin ? "^ *" : "");
    for (size_t i = 0; i < len;) {
        size_t n = number_at(s, len, i, f->numbers);

        if (n > 0) {
            kiln_str_adds(out, "\\d+");
            i += n;
        } else if (is_digit(s[i])) {
            while (i < len && is_digit(s[i]))
                kiln_str_addc(out, s[i++]);
        } else if (s[i] == ' ' && s[i + 1] == ' ') { /* it does not end with one */
            kiln_str_adds(out, " +");
            while (s[i] == ' ')
                i++;
        } else {
            if (strchr("\\^$.|?*+()[]{}'", s[i]))
                kiln_str_addc(out, '\\');
            kiln_str_addc(out, s[i++]);
        }
    }
    kiln_str_adds(out, f->end ? "$" : "");
}

static size_t letters_of(const struct piece *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->len; i++)
        n += isalpha((unsigned char)p->s[i]) || (unsigned char)p->s[i] >= 0x80;
    return n;
}

/* Does it say anything? The end of a prompt does, however short. */
static bool says_something(const struct kiln_telling *t, const struct piece *p)
{
    return p->len > 0 && (letters_of(p) >= 2 || (t->prompt && p->last && !is_digit(*p->s)));
}

bool kiln_telling_regex(const struct kiln_telling *t, const struct kiln_strv *others,
                        struct kiln_str *out)
{
    struct piece p = piece_of(t);
    bool end = t->prompt && p.last, begin;
    enum numbers any = t->counts ? ANY_IN_WORDS : ANY;

    shorten(&p, end);
    if (!says_something(t, &p))
        return false;
    begin = end && p.first && letters_of(&p) < 2;
    const struct form forms[] = {
        { p, any, begin, end },
        { p, any, p.first, p.last },
        { p, AS_THEY_ARE, begin, end },
        { p, AS_THEY_ARE, p.first, p.last },
    };

    for (size_t i = 0; i < KILN_COUNT(forms); i++) {
        if (i >= 2 && t->counts)
            break;
        if (!matches_any(&forms[i], others)) {
            add_regex(out, &forms[i]);
            return true;
        }
    }
    return false;
}
