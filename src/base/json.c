#include "base/json.h"

#include <json-c/json.h>

void kiln_json_putp(struct json_object **o)
{
    (void)json_object_put(*o);
}

struct json_object *kiln_json_read(const char *text, size_t len, int depth, struct kiln_err *err)
{
    struct json_tokener *tok = json_tokener_new_ex(depth);
    enum json_tokener_error why;
    struct json_object *o;

    if (!tok || len > INT32_MAX)
        abort(); /* memory is gone; every caller has a limit */
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    o = json_tokener_parse_ex(tok, text, (int)len);
    why = json_tokener_get_error(tok);
    json_tokener_free(tok);
    if (why == json_tokener_success && json_object_is_type(o, json_type_object))
        return o;
    (void)json_object_put(o);
    (void)kiln_err_set(err, KILN_ERR_REMOTE, "%s",
                       why == json_tokener_success ? "not an object"
                                                   : json_tokener_error_desc(why));
    return NULL;
}

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value) &&
                   json_object_is_type(value, type)
               ? value
               : NULL;
}

const char *kiln_json_string(struct json_object *o, const char *key)
{
    struct json_object *value = member(o, key, json_type_string);

    return value ? json_object_get_string(value) : NULL;
}

int64_t kiln_json_int(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *value = member(o, key, json_type_int);

    return value ? json_object_get_int64(value) : otherwise;
}

bool kiln_json_true(struct json_object *o, const char *key)
{
    struct json_object *value = member(o, key, json_type_boolean);

    return value && json_object_get_boolean(value);
}
