#include "postprocessor/manifest_old.h"

#include "base/limits.h"
#include "base/strv.h"

/* What a value must be, and what it is when it is missing or null. */
enum kind { STRING, NUMBER, TIME, STRINGS_BY_NAME, FILES, BUILDS };

struct key {
    const char *name;
    enum kind kind;
};

static const struct key root_keys[] = { { "builds", BUILDS }, { "last_run_uuid", STRING }, { 0 } };
static const struct key build_keys[] = {
    { "name", STRING },
    { "builder_type", STRING },
    { "build_time", TIME },
    { "files", FILES },
    { "artifact_id", STRING },
    { "packer_run_uuid", STRING },
    { "custom_data", STRINGS_BY_NAME },
    { 0 },
};
static const struct key file_keys[] = { { "name", STRING }, { "size", NUMBER }, { 0 } };

static const char *type_name(const struct json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "a boolean";
    case json_type_double:
        return "a fraction";
    case json_type_int:
        return "a number";
    case json_type_object:
        return "an object";
    case json_type_array:
        return "a list";
    case json_type_string:
        return "a string";
    }
    return "";
}

static bool wrong(const char *where, const struct json_object *v, const char *wanted,
                  struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_USER, "%s is %s, not %s", where, type_name(v), wanted);
}

static struct json_object *zero(enum kind kind)
{
    switch (kind) {
    case STRING:
        return json_object_new_string("");
    case NUMBER:
    case TIME:
        return json_object_new_int(0);
    case BUILDS:
        return json_object_new_array();
    case STRINGS_BY_NAME:
    case FILES:
        break;
    }
    return NULL;
}

static bool convert_object(const char *where, struct json_object *v, const struct key *keys,
                           struct json_object **ret, struct kiln_err *err);

static bool convert_list(const char *where, struct json_object *v, const struct key *keys,
                         struct json_object **ret, struct kiln_err *err)
{
    if (!json_object_is_type(v, json_type_array))
        return wrong(where, v, "a list", err);
    *ret = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        KILN_AUTO_STR place = { 0 };
        struct json_object *one = NULL;
        bool ok;

        kiln_str_addf(&place, "%s[%zu]", where, i);
        ok =
            convert_object(kiln_str_cstr(&place), json_object_array_get_idx(v, i), keys, &one, err);
        json_object_array_add(*ret, one); /* half made or not: it goes with the list */
        if (!ok)
            return false;
    }
    return true;
}

/* By name, in bytewise order. */
static bool convert_strings(const char *where, struct json_object *v, struct json_object **ret,
                            struct kiln_err *err)
{
    KILN_AUTO_STRV names = { 0 };

    if (!json_object_is_type(v, json_type_object))
        return wrong(where, v, "an object", err);
    *ret = json_object_new_object();
    json_object_object_foreach(v, key, unused)
    {
        (void)unused;
        kiln_strv_add(&names, key);
    }
    kiln_strv_sort(&names);
    KILN_STRV_FOREACH (name, &names) {
        struct json_object *value = json_object_object_get(v, name);
        KILN_AUTO_STR place = { 0 };

        kiln_str_addf(&place, "%s.%s", where, name);
        if (value && !json_object_is_type(value, json_type_string))
            return wrong(kiln_str_cstr(&place), value, "a string", err);
        json_object_object_add(*ret, name, value ? json_object_get(value) : zero(STRING));
    }
    return true;
}

/* v is not null. */
static bool convert(const char *where, struct json_object *v, enum kind kind,
                    struct json_object **ret, struct kiln_err *err)
{
    switch (kind) {
    case STRING:
        if (!json_object_is_type(v, json_type_string))
            return wrong(where, v, "a string", err);
        break;
    case NUMBER:
    case TIME:
        if (!json_object_is_type(v, json_type_int))
            return wrong(where, v, "a whole number", err);
        break;
    case STRINGS_BY_NAME:
        return convert_strings(where, v, ret, err);
    case FILES:
        return convert_list(where, v, file_keys, ret, err);
    case BUILDS:
        return convert_list(where, v, build_keys, ret, err);
    }
    *ret = json_object_get(v);
    return true;
}

static bool convert_object(const char *where, struct json_object *v, const struct key *keys,
                           struct json_object **ret, struct kiln_err *err)
{
    if (v && !json_object_is_type(v, json_type_object))
        return wrong(where[0] ? where : "it", v, "an object", err);
    *ret = json_object_new_object();
    for (; keys->name; keys++) {
        KILN_AUTO_STR place = { 0 };
        struct json_object *old = v ? json_object_object_get(v, keys->name) : NULL, *one = NULL;
        bool ok;

        kiln_str_addf(&place, "%s%s%s", where, where[0] ? "." : "", keys->name);
        if (!old && keys->kind == TIME)
            continue; /* strip_time was set */
        ok = !old || convert(kiln_str_cstr(&place), old, keys->kind, &one, err);
        json_object_object_add(*ret, keys->name, old ? one : zero(keys->kind));
        if (!ok)
            return false;
    }
    return true;
}

static unsigned line_of(const struct kiln_str *text, size_t end)
{
    unsigned line = 1;

    for (size_t i = 0; i < end && i < text->len; i++)
        line += text->data[i] == '\n';
    return line;
}

static bool parse_json(const struct kiln_str *text, struct json_object **ret, struct kiln_err *err)
{
    struct json_tokener *t = json_tokener_new_ex(KILN_MAX_JSON_DEPTH);
    enum json_tokener_error why;
    size_t end;

    json_tokener_set_flags(t, JSON_TOKENER_STRICT);
    *ret = json_tokener_parse_ex(t, text->data, (int)text->len + 1); /* with the NUL: an end */
    why = json_tokener_get_error(t);
    end = json_tokener_get_parse_end(t);
    json_tokener_free(t);
    if (why == json_tokener_success)
        return true;
    return kiln_err_set(err, KILN_ERR_USER, "line %u: %s", line_of(text, end),
                        json_tokener_error_desc(why));
}

bool kiln_manifest_parse(const struct kiln_str *text, struct json_object **ret,
                         struct kiln_err *err)
{
    struct json_object *root = NULL, *new = NULL;
    bool ok = parse_json(text, &root, err) && convert_object("", root, root_keys, &new, err);

    (void)json_object_put(root);
    if (ok)
        *ret = new;
    else
        (void)json_object_put(new);
    return ok;
}
