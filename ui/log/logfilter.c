#include "ui/log/logfilter.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/regex.h"

struct kiln_logfilter {
    char *spec;
    char *build, *step; /* patterns; NULL: any */
    unsigned levels;    /* bits; 0: all */
    struct kiln_regex *text;
};

void kiln_logfilter_free(struct kiln_logfilter *f)
{
    if (!f)
        return;
    free(f->spec);
    free(f->build);
    free(f->step);
    kiln_regex_free(f->text);
    free(f);
}

static void free_filter(struct kiln_logfilter **f)
{
    kiln_logfilter_free(*f);
}

/* ---- text to filter ---- */

enum part { PART_BUILD, PART_STEP, PART_LEVEL, PART_TEXT, PARTS };
static const char *const part_words[PARTS] = { "build", "step", "level", "text" };

static bool parse_level(struct kiln_logfilter *f, const char *word, struct kiln_err *err)
{
    KILN_AUTO_STR list = { 0 };
    const char *near = NULL;

    for (unsigned i = 0; i < KILN_LOG_LEVELS; i++) {
        if (kiln_streq(word, kiln_log_level_words[i])) {
            f->levels |= 1u << i;
            return true;
        }
        kiln_str_addf(&list, "%s%s", i ? ", " : "", kiln_log_level_words[i]);
        if (kiln_edit_distance(word, kiln_log_level_words[i]) <= 2)
            near = kiln_log_level_words[i];
    }
    if (near)
        return kiln_err_set(err, KILN_ERR_USER, "no level is called \"%s\"; did you mean %s?", word,
                            near);
    return kiln_err_set(err, KILN_ERR_USER, "no level is called \"%s\"; there are: %s", word,
                        kiln_str_cstr(&list));
}

static bool parse_levels(struct kiln_logfilter *f, const char *value, struct kiln_err *err)
{
    KILN_AUTO_STRV words = { 0 };

    kiln_strv_split(&words, value, ',');
    KILN_STRV_FOREACH (word, &words) {
        if (!parse_level(f, word, err))
            return false;
    }
    return true;
}

static bool parse_part(struct kiln_logfilter *f, enum part part, const char *value,
                       struct kiln_err *err)
{
    if (!*value)
        return kiln_err_set(err, KILN_ERR_USER, "%s= has no value", part_words[part]);
    switch (part) {
    case PART_BUILD:
        f->build = kiln_xstrdup(value);
        return true;
    case PART_STEP:
        f->step = kiln_xstrdup(value);
        return true;
    case PART_LEVEL:
        return parse_levels(f, value, err);
    case PART_TEXT:
        if (!kiln_regex_new(&f->text, value, err))
            return kiln_err_wrap(err, "text");
        return true;
    case PARTS:
        break;
    }
    return false;
}

static bool bad_word(const char *word, struct kiln_err *err)
{
    for (unsigned i = 0; i < KILN_LOG_LEVELS; i++) {
        if (kiln_streq(word, kiln_log_level_words[i]))
            return kiln_err_set(err, KILN_ERR_USER, "did you mean level=%s?", word);
    }
    return kiln_err_set(err, KILN_ERR_USER,
                        "\"%s\": use build=NAME step=NAME level=LEVEL text=REGEX (text last), or "
                        "off",
                        word);
}

static enum part part_of(const char *word, size_t len)
{
    unsigned i = 0;

    while (i < PARTS && !(strlen(part_words[i]) == len && memcmp(part_words[i], word, len) == 0))
        i++;
    return (enum part)i;
}

/* One NAME=VALUE at *p, which moves behind it. */
static bool take_part(struct kiln_logfilter *f, const char **p, unsigned *seen,
                      struct kiln_err *err)
{
    size_t len = strcspn(*p, " ");
    KILN_AUTO_FREE char *word = kiln_xstrndup(*p, len);
    const char *equals = strchr(word, '=');
    enum part part = equals ? part_of(word, (size_t)(equals - word)) : PARTS;

    if (part == PARTS)
        return bad_word(word, err);
    if (*seen & 1u << part)
        return kiln_err_set(err, KILN_ERR_USER, "%s= is there twice", part_words[part]);
    *seen |= 1u << part;
    if (part == PART_TEXT) {
        const char *value = *p + (equals + 1 - word);

        *p += strlen(*p);
        return parse_part(f, part, value, err);
    }
    *p += len;
    return parse_part(f, part, equals + 1, err);
}

static char *trimmed(const char *s)
{
    size_t n;

    s += strspn(s, " ");
    n = strlen(s);
    while (n > 0 && s[n - 1] == ' ')
        n--;
    return kiln_xstrndup(s, n);
}

bool kiln_logfilter_parse(struct kiln_logfilter **ret_filter, const char *spec,
                          struct kiln_err *err)
{
    KILN_CLEANUP(free_filter) struct kiln_logfilter *f = kiln_xcalloc(1, sizeof(*f));
    unsigned seen = 0;
    const char *p;

    f->spec = trimmed(spec);
    if (!*f->spec || kiln_streq(f->spec, "off") || kiln_streq(f->spec, "none")) {
        *ret_filter = NULL;
        return true;
    }
    for (p = f->spec; *p; p += strspn(p, " ")) {
        if (!take_part(f, &p, &seen, err))
            return false;
    }
    *ret_filter = f;
    f = NULL;
    return true;
}

const char *kiln_logfilter_spec(const struct kiln_logfilter *f)
{
    return f->spec;
}

bool kiln_logfilter_by_step(const struct kiln_logfilter *f)
{
    return f->step != NULL;
}

bool kiln_logfilter_given_up(const struct kiln_logfilter *f)
{
    return f->text && kiln_regex_given_up(f->text);
}

/* ---- matching ---- */

/* Only * is special; the last one tried is the only one that ever has to give way. */
static bool like(const char *name, const char *pattern)
{
    const char *star = NULL, *retry = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (tolower((unsigned char)*pattern) == tolower((unsigned char)*name)) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool step_like(const char *name, const char *pattern)
{
    return like(name, pattern) || (strncasecmp(name, "step", 4) == 0 && like(name + 4, pattern));
}

bool kiln_logfilter_match(struct kiln_logfilter *f, const struct kiln_logstore *s,
                          const struct kiln_logline *line)
{
    size_t start, end;

    if (f->levels && !(f->levels & 1u << line->level))
        return false;
    if (f->build && !like(line->build, f->build))
        return false;
    if (f->step && !step_like(kiln_logstore_step(s, line), f->step))
        return false;
    return !f->text || kiln_regex_find(f->text, line->text, line->len, 0, &start, &end);
}
