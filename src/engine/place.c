#include "engine/place.h"

#include <ctype.h>
#include <strings.h>

#include "base/mem.h"
#include "base/regex.h"
#include "template/diag.h"

#define MAX_SPEC 1024 /* bytes; the label of a build is the longest part */

const char *const kiln_place_lists[KILN_PLACES__N] = {
    [KILN_PLACES_PROVISIONERS] = "provisioner",
    [KILN_PLACES_POSTPROCESSORS] = "post-processor",
};

static const struct {
    const char *word;
    enum kiln_place_kind kind;
} prefixes[] = {
    { "before", KILN_PLACE_BEFORE }, { "after", KILN_PLACE_AFTER }, { "boot", KILN_PLACE_ELEMENT },
    { "key", KILN_PLACE_KEY },       { "text", KILN_PLACE_TEXT },
};

/* ---- text to place ---- */

/* A number that people count from 1. */
static bool parse_number(const char *text, int64_t *ret)
{
    return isdigit((unsigned char)text[0]) && kiln_parse_i64(text, ret) && *ret > 0;
}

static bool parse_name(const char *text, struct kiln_place *p, struct kiln_err *err)
{
    const char *dot = strrchr(text, '.');
    size_t len = dot ? (size_t)(dot - text) : strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return kiln_err_set(err, KILN_ERR_USER,
                                "\"%s\" is no name of a step, provisioner or post-processor", text);
    }
    if (len == 0)
        return kiln_err_set(err, KILN_ERR_USER,
                            "a name of a step, provisioner or post-processor is missing");
    if (dot && !parse_number(dot + 1, &p->number))
        return kiln_err_set(err, KILN_ERR_USER,
                            "\"%s\" after \"%.*s.\" is no number (1, 2 …) of a provisioner",
                            dot + 1, (int)len, text);
    p->name = kiln_xstrndup(text, len);
    return true;
}

static bool parse_element(const char *text, struct kiln_place *p, struct kiln_err *err)
{
    const char *dot = strchr(text, '.');
    KILN_AUTO_FREE char *row = kiln_xstrndup(text, dot ? (size_t)(dot - text) : 0);

    p->row = -1;
    if (kiln_streq(text, "end")) {
        p->kind = KILN_PLACE_BOOT_END;
        return true;
    }
    if (!parse_number(dot ? dot + 1 : text, &p->number) || (dot && !parse_number(row, &p->row)))
        return kiln_err_set(err, KILN_ERR_USER,
                            "\"boot:\" wants the number of an element (1, 2 …), ROW.ELEMENT, or "
                            "\"end\"");
    p->number--;
    if (dot)
        p->row--;
    return true;
}

static bool parse_key(const char *text, struct kiln_place *p, struct kiln_err *err)
{
    if (!parse_number(text, &p->number))
        return kiln_err_set(err, KILN_ERR_USER,
                            "\"key:\" wants the number of a key event (1, 2 …)");
    p->number--;
    return true;
}

static bool parse_text(const char *text, struct kiln_place *p, struct kiln_err *err)
{
    struct kiln_regex *re;

    if (!text[0])
        return kiln_err_set(err, KILN_ERR_USER, "\"text:\" wants a regular expression");
    if (!kiln_regex_new(&re, text, err))
        return false;
    kiln_regex_free(re);
    p->name = kiln_xstrdup(text);
    return true;
}

static bool parse_rest(const char *text, struct kiln_place *p, struct kiln_err *err)
{
    switch (p->kind) {
    case KILN_PLACE_BEFORE:
    case KILN_PLACE_AFTER:
        return parse_name(text, p, err);
    case KILN_PLACE_ELEMENT:
    case KILN_PLACE_BOOT_END:
        return parse_element(text, p, err);
    case KILN_PLACE_KEY:
        return parse_key(text, p, err);
    case KILN_PLACE_TEXT:
        return parse_text(text, p, err);
    }
    return false;
}

static bool unknown_prefix(const char *word, const char *rest, struct kiln_err *err)
{
    const char *words[KILN_COUNT(prefixes)], *guess;

    for (size_t i = 0; i < KILN_COUNT(prefixes); i++)
        words[i] = prefixes[i].word;
    guess = kiln_did_you_mean(word, words, KILN_COUNT(words));
    if (guess)
        return kiln_err_set(err, KILN_ERR_USER, "did you mean \"%s:%s\"?", guess, rest);
    return kiln_err_set(err, KILN_ERR_USER,
                        "\"%s:\" is not known; there are before:NAME, after:NAME, boot:ELEMENT, "
                        "boot:end, key:NUMBER, text:REGEX",
                        word);
}

static bool parse_place(const char *text, struct kiln_place *p, struct kiln_err *err)
{
    const char *colon = strchr(text, ':');
    KILN_AUTO_FREE char *word = kiln_xstrndup(text, colon ? (size_t)(colon - text) : 0);

    if (!colon)
        return parse_name(text, p, err);
    for (size_t i = 0; i < KILN_COUNT(prefixes); i++) {
        if (strcasecmp(word, prefixes[i].word) != 0)
            continue;
        p->kind = prefixes[i].kind;
        return parse_rest(colon + 1, p, err);
    }
    return unknown_prefix(word, colon + 1, err);
}

/* What is between a build's name and its place. A label may hold slashes, and so may what is looked
 * for on the screen, but no other place. */
static const char *find_slash(const char *spec)
{
    const char *text = strcasestr(spec, "text:");

    if (text == spec)
        return NULL;
    return text && text[-1] == '/' ? text - 1 : strrchr(spec, '/');
}

bool kiln_place_parse(const char *spec, struct kiln_place *ret, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_place_done) struct kiln_place p = { .row = -1 };
    KILN_AUTO_ERR why = { 0 };
    const char *slash = find_slash(spec);
    bool ok;

    if (strlen(spec) > MAX_SPEC)
        return kiln_err_set(err, KILN_ERR_USER, "a place of more than %d bytes", MAX_SPEC);
    if (slash)
        p.build = kiln_xstrndup(spec, (size_t)(slash - spec));
    if (p.build && !p.build[0])
        ok = kiln_err_set(&why, KILN_ERR_USER, "the name of a build is missing before the \"/\"");
    else
        ok = parse_place(slash ? slash + 1 : spec, &p, &why);
    if (!ok)
        return kiln_err_set(err, KILN_ERR_USER, "place \"%s\": %s", spec, kiln_err_text(&why));
    *ret = p;
    p = (struct kiln_place){ 0 }; /* handed over */
    return true;
}

void kiln_place_done(struct kiln_place *p)
{
    free(p->build);
    free(p->name);
    *p = (struct kiln_place){ 0 };
}

/* ---- place to text ---- */

void kiln_place_format(const struct kiln_place *p, struct kiln_str *out)
{
    switch (p->kind) {
    case KILN_PLACE_BEFORE:
    case KILN_PLACE_AFTER:
        kiln_str_addf(out, "%s:%s", p->kind == KILN_PLACE_AFTER ? "after" : "before", p->name);
        if (p->number > 0)
            kiln_str_addf(out, ".%lld", (long long)p->number);
        break;
    case KILN_PLACE_ELEMENT:
        kiln_str_adds(out, "boot:");
        if (p->row >= 0)
            kiln_str_addf(out, "%lld.", (long long)p->row + 1);
        kiln_str_addf(out, "%lld", (long long)p->number + 1);
        break;
    case KILN_PLACE_KEY:
        kiln_str_addf(out, "key:%lld", (long long)p->number + 1);
        break;
    case KILN_PLACE_BOOT_END:
        kiln_str_adds(out, "boot:end");
        break;
    case KILN_PLACE_TEXT:
        kiln_str_addf(out, "text:%s", p->name);
        break;
    }
}

bool kiln_place_same(const struct kiln_place *a, const struct kiln_place *b)
{
    return a->kind == b->kind && a->number == b->number && a->row == b->row &&
           kiln_streq(a->name, b->name);
}

/* ---- builds ---- */

/* Only * is special: a label is taken as it is. */
static bool pattern_matches(const char *pattern, const char *s)
{
    const char *star = NULL, *again = NULL;

    while (*s) {
        if (*pattern == '*') {
            star = pattern++;
            again = s;
        } else if (*pattern == *s) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star + 1;
            s = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool kiln_place_is_for(const struct kiln_place *p, const char *label)
{
    return !p->build || pattern_matches(p->build, label);
}

/* ---- names ---- */

void kiln_places_done(struct kiln_places *places)
{
    for (size_t i = 0; i < KILN_PLACES__N; i++)
        kiln_strv_done(&places->names[i]);
}

static const char *without_step(const char *name)
{
    return strncasecmp(name, "step", 4) == 0 && name[4] ? name + 4 : name;
}

/* How many of the first i + 1 entries have the name of entry i. */
static int64_t number_of(const struct kiln_strv *names, size_t i)
{
    int64_t n = 0;

    for (size_t k = 0; k <= i; k++)
        n += kiln_streq(names->v[k], names->v[i]);
    return n;
}

bool kiln_place_names(const struct kiln_place *p, const struct kiln_places *places,
                      enum kiln_place_list list, size_t i)
{
    const struct kiln_strv *names = &places->names[list];

    if (!p->name)
        return false;
    if (list == KILN_PLACES_STEPS)
        return p->number == 0 && strcasecmp(without_step(p->name), without_step(names->v[i])) == 0;
    if (strcasecmp(p->name, kiln_place_lists[list]) == 0)
        return p->number == 0 || p->number == (int64_t)i + 1;
    if (strcasecmp(p->name, names->v[i]) != 0)
        return false;
    return p->number == 0 || p->number == number_of(names, i);
}

char *kiln_place_name(const struct kiln_places *places, enum kiln_place_list list, size_t i)
{
    if (list == KILN_PLACES_STEPS)
        return kiln_xstrdup(places->names[list].v[i]);
    return kiln_xasprintf("%s.%zu", kiln_place_lists[list], i + 1);
}

char *kiln_place_guess(const struct kiln_place *p, const struct kiln_places *places)
{
    const char *wanted = without_step(p->name), *guess;
    KILN_AUTO_STRV known = { 0 };
    struct kiln_str out = { 0 };

    for (size_t list = 0; list < KILN_PLACES__N; list++) {
        KILN_STRV_FOREACH (name, &places->names[list]) {
            kiln_strv_add(&known, list == KILN_PLACES_STEPS ? without_step(name) : name);
        }
        if (kiln_place_lists[list] && places->names[list].n)
            kiln_strv_add(&known, kiln_place_lists[list]);
    }
    guess = kiln_did_you_mean(wanted, (const char *const *)known.v, known.n);
    for (size_t i = 0; !guess && i < known.n; i++) { /* the distance heeds case, people do not */
        if (strcasecmp(wanted, known.v[i]) == 0)
            guess = known.v[i];
    }
    if (!guess)
        return NULL;
    kiln_str_addf(&out, "%s:%s", p->kind == KILN_PLACE_AFTER ? "after" : "before", guess);
    return kiln_str_steal(&out);
}
