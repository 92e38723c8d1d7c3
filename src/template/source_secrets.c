/* The guess works on the text alone: it has to do for JSON that is broken anywhere. */
#include <ctype.h>
#include <json-c/json.h>

#include "template/source.h"

/* Behind the closing quote of the string literal that begins at p (on its quote); NULL if it has
 * none. */
static const char *literal_end(const char *p, const char *end)
{
    for (p++; p < end && *p != '"' && *p != '\n'; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
    }
    return p < end && *p == '"' ? p + 1 : NULL;
}

/* As it is meant and, if that differs, as it is written: the line that is shown may have a\/b for
 * a/b. */
static void add_literal(struct kiln_strv *ret, const char *p, const char *end)
{
    KILN_AUTO_STR copy = { 0 };
    struct json_object *o;

    kiln_str_add(&copy, p, (size_t)(end - p));
    o = json_tokener_parse(kiln_str_cstr(&copy));
    if (json_object_is_type(o, json_type_string))
        kiln_strv_add(ret, json_object_get_string(o));
    (void)json_object_put(o);
    if (memchr(p, '\\', (size_t)(end - p)))
        kiln_strv_addf(ret, "%.*s", (int)(end - p - 2), p + 1);
}

/* Something without quotes: a number, or a string whose quotes were forgotten. */
static const char *add_word(struct kiln_strv *ret, const char *p, const char *end)
{
    const char *start = p;

    while (p < end && !isspace((unsigned char)*p) && !strchr(",{}[]\"", *p))
        p++;
    if (p > start && !(p - start == 4 && memcmp(start, "null", 4) == 0))
        kiln_strv_addf(ret, "%.*s", (int)(p - start), start);
    return p;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && isspace((unsigned char)*p))
        p++;
    return p;
}

/* Behind the next `"key" :`, or NULL. */
static const char *find_value(const char *p, const char *end, const char *key)
{
    KILN_AUTO_STR quoted = { 0 };

    kiln_str_addf(&quoted, "\"%s\"", key);
    while ((p = memmem(p, (size_t)(end - p), quoted.data, quoted.len))) {
        p = skip_blanks(p + quoted.len, end);
        if (p < end && *p == ':')
            return skip_blanks(p + 1, end);
    }
    return NULL;
}

/* Every string up to the closing bracket, or to something that does not belong in a list of them.
 */
static void list_names(const char *p, const char *end, struct kiln_strv *ret)
{
    const char *after;

    for (;; p = after) {
        while (p < end && (*p == ',' || *p == '[' || isspace((unsigned char)*p)))
            p++;
        if (p == end || *p != '"' || !(after = literal_end(p, end)))
            return;
        add_literal(ret, p, after);
    }
}

/* False if what is at p is not surely one value. */
static bool add_value(struct kiln_strv *ret, const char *p, const char *end)
{
    const char *after = p < end && *p == '"' ? literal_end(p, end) : add_word(ret, p, end);

    if (!after || after == p)
        return false;
    if (*p == '"')
        add_literal(ret, p, after);
    while (after < end && (*after == ' ' || *after == '\t' || *after == '\r'))
        after++;
    return after == end || strchr(",}\n", *after);
}

static void find_values(struct kiln_source *s, const struct kiln_strv *names, struct kiln_strv *ret)
{
    const char *end = s->text + s->len;

    KILN_STRV_FOREACH (name, names) {
        for (const char *p = s->text; (p = find_value(p, end, name));) {
            if (!add_value(ret, p, end))
                s->secret = true;
        }
    }
}

void kiln_source_secrets(struct kiln_source *s, const struct kiln_strv *names,
                         struct kiln_strv *ret)
{
    const char *end = s->text + s->len;
    KILN_AUTO_STRV own = { 0 };

    for (const char *p = s->text; !names && (p = find_value(p, end, "sensitive-variables"));)
        list_names(p, end, &own);
    find_values(s, names ? names : &own, ret);
}
