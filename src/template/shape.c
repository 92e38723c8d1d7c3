#include "template/shape.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"

/* A bare number below this is a tiny pause that nobody means: 10 for "10s". */
#define PLAUSIBLE_NS 1000000

bool kiln_shape_error(const struct kiln_shape *shape, const char *key,
                      const struct kiln_node *value, const char *want, const char *fix)
{
    return kiln_diag_error(shape->diag, value->source, value->offset, fix,
                           "%s'%s' expected type '%s', got %s", shape->where, key, want,
                           kiln_node_type_name(value->type));
}

static const struct kiln_node *get(const struct kiln_node *object, const char *key)
{
    const struct kiln_node *value = kiln_node_get(object, key);

    return value && value->type != KILN_NODE_NULL ? value : NULL;
}

char *kiln_shape_string_fix(const struct kiln_node *value)
{
    if (value->type == KILN_NODE_NUMBER)
        return kiln_xasprintf("put it in quotes: \"%.64s\"", value->u.number.text);
    if (value->type == KILN_NODE_BOOL)
        return kiln_xasprintf("put it in quotes: \"%s\"", value->u.boolean ? "true" : "false");
    return NULL;
}

const struct kiln_node *kiln_shape_get(const struct kiln_shape *shape,
                                       const struct kiln_node *object, const char *key,
                                       enum kiln_node_type type)
{
    const struct kiln_node *value = get(object, key);
    KILN_AUTO_FREE char *fix = NULL;

    if (!value || value->type == type)
        return value;
    if (type == KILN_NODE_LIST && value->type == KILN_NODE_STRING)
        fix = kiln_xasprintf("put it in brackets: \"%s\": [\"%s\"]", key, value->u.string.s);
    else if (type == KILN_NODE_LIST)
        fix = kiln_xasprintf("put it in brackets: \"%s\": [ ... ]", key);
    else if (type == KILN_NODE_OBJECT)
        fix = kiln_xasprintf("write \"%s\": { ... }", key);
    else if (type == KILN_NODE_STRING)
        fix = kiln_shape_string_fix(value);
    (void)kiln_shape_error(shape, key, value, kiln_node_type_name(type), fix);
    return NULL;
}

char *kiln_shape_string(const struct kiln_shape *shape, const struct kiln_node *object,
                        const char *key)
{
    const struct kiln_node *value = get(object, key);
    char *text;

    if (!shape->weak || (value && value->type >= KILN_NODE_LIST))
        value = kiln_shape_get(shape, object, key, KILN_NODE_STRING);
    if (!value)
        return NULL;
    text = kiln_node_to_text(value);
    if (text[0] != '\0')
        return text;
    free(text);
    return NULL;
}

void kiln_shape_list_strings(const struct kiln_shape *shape, const char *key,
                             const struct kiln_node *list, struct kiln_strv *out)
{
    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];
        KILN_AUTO_FREE char *name = kiln_xasprintf("%s[%zu]", key, i);
        KILN_AUTO_FREE char *fix = kiln_shape_string_fix(item);

        if (item->type == KILN_NODE_STRING || (shape->weak && item->type < KILN_NODE_LIST))
            kiln_strv_add_take(out, kiln_node_to_text(item));
        else
            (void)kiln_shape_error(shape, name, item, "string", fix);
    }
}

void kiln_shape_strings(const struct kiln_shape *shape, const struct kiln_node *object,
                        const char *key, struct kiln_strv *out)
{
    const struct kiln_node *value = get(object, key);

    if (value && shape->weak && value->type < KILN_NODE_LIST)
        kiln_strv_add_take(out, kiln_node_to_text(value));
    else if ((value = kiln_shape_get(shape, object, key, KILN_NODE_LIST)))
        kiln_shape_list_strings(shape, key, value, out);
}

static int64_t number_duration(const struct kiln_shape *shape, const struct kiln_node *value,
                               const char *key)
{
    double ns = value->u.number.value;
    KILN_AUTO_FREE char *number = kiln_node_to_text(value); /* 1000 for 1e3 */
    KILN_AUTO_FREE char *fix = kiln_xasprintf("for seconds write \"%.64ss\"", number);

    if (!(ns > -9.2e18 && ns < 9.2e18)) {
        (void)kiln_diag_error(shape->diag, value->source, value->offset, NULL,
                              "%s'%s' is out of range: a number is nanoseconds", shape->where, key);
        return 0;
    }
    if (ns != 0 && ns > -PLAUSIBLE_NS && ns < PLAUSIBLE_NS)
        kiln_diag_warning(shape->diag, value->source, value->offset, fix,
                          "%s'%s': a number is nanoseconds", shape->where, key);
    return (int64_t)ns;
}

int64_t kiln_shape_duration(const struct kiln_shape *shape, const struct kiln_node *object,
                            const char *key)
{
    const struct kiln_node *value = get(object, key);
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *fix = NULL;
    int64_t ns = 0;

    if (!value)
        return 0;
    if (value->type == KILN_NODE_NUMBER)
        return number_duration(shape, value, key);
    if (value->type == KILN_NODE_BOOL)
        return value->u.boolean;
    value = kiln_shape_get(shape, object, key, KILN_NODE_STRING);
    if (!value || kiln_duration_parse(value->u.string.s, &ns, &err))
        return ns;
    if (kiln_parse_i64(value->u.string.s, &ns))
        fix = kiln_xasprintf("for seconds write \"%" PRId64 "s\"", ns);
    else
        fix = kiln_xstrdup("write a number and a unit (h, m, s, ms, us, ns): \"90s\", \"1m30s\"");
    (void)kiln_diag_error(shape->diag, value->source, value->offset, fix,
                          "%serror decoding '%s': %s", shape->where, key, kiln_err_text(&err));
    return 0;
}

enum kiln_tristate kiln_shape_bool(const struct kiln_shape *shape, const struct kiln_node *object,
                                   const char *key)
{
    const struct kiln_node *value = get(object, key);

    if (!value)
        return KILN_UNSET;
    if (value->type == KILN_NODE_BOOL)
        return value->u.boolean ? KILN_YES : KILN_NO;
    (void)kiln_shape_error(shape, key, value, "bool", "write true or false, without quotes");
    return KILN_UNSET;
}
