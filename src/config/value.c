#include "config/value.h"

#include "base/clock.h"
#include "base/mem.h"
#include "template/gofmt.h"
#include "template/template.h"

/* Where a value goes and what it is called; handed down through the conversions. */
struct target {
    const struct kiln_prepare *p;
    const struct kiln_field *field;
    const char *path;
};

static bool fail(const struct target *t, const struct kiln_node *node, const char *fmt, ...)
    KILN_PRINTF(3, 4);

static bool fail(const struct target *t, const struct kiln_node *node, const char *fmt, ...)
{
    KILN_AUTO_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    return kiln_diag_error(t->p->diag, node->source, node->offset, NULL, "%s", text);
}

static bool wrong_type(const struct target *t, const struct kiln_node *node, const char *want)
{
    return fail(t, node, "'%s' expected type '%s', got %s", t->path, want,
                kiln_node_type_name(node->type));
}

/* ---- rendering ---- */

/* At the byte of the string that the engine complains about. */
static bool bad_template(const struct target *t, const struct kiln_node *node, const char *word,
                         size_t at, const struct kiln_err *err)
{
    size_t offset = node->type == KILN_NODE_STRING ? kiln_node_text_offset(node, at) : node->offset;

    return kiln_diag_error(t->p->diag, node->source, offset, NULL, "%s '%s': %s", word, t->path,
                           kiln_err_text(err));
}

/* Text of a scalar: rendered, or only checked if the field is raw. Caller frees; NULL: reported. */
static char *text_of(const struct target *t, const struct kiln_node *node, const char *want)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_STR out = { 0 };
    char *text = kiln_node_to_text(node);
    size_t at = 0;

    if (!text) {
        (void)wrong_type(t, node, want);
        return NULL;
    }
    if (node->type != KILN_NODE_STRING || !kiln_interp_has_action(text))
        return text;
    if (!kiln_interp_check(t->p->interp, text, &at, &err)) {
        (void)bad_template(t, node, "invalid", at, &err);
    } else if (t->field->flags & KILN_RAW) {
        return text;
    } else if (!kiln_interp_render(t->p->interp, text, &out, &at, &err)) {
        (void)bad_template(t, node, "render", at, &err);
    } else {
        free(text);
        return kiln_str_steal(&out);
    }
    free(text);
    return NULL;
}

/* ---- scalars ---- */

static bool to_string(const struct target *t, const struct kiln_node *node, char **ret)
{
    char *text = text_of(t, node, "string");

    if (!text)
        return false;
    free(*ret);
    *ret = text;
    return true;
}

static bool parse_bool(const struct target *t, const struct kiln_node *node, const char *text,
                       bool *ret)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
    static const char *const no[] = { "", "0", "f", "F", "false", "FALSE", "False" };

    for (size_t i = 0; i < KILN_COUNT(yes); i++) {
        if (kiln_streq(text, yes[i])) {
            *ret = true;
            return true;
        }
    }
    for (size_t i = 0; i < KILN_COUNT(no); i++) {
        if (kiln_streq(text, no[i])) {
            *ret = false;
            return true;
        }
    }
    return fail(t, node,
                "cannot parse '%s' as bool: strconv.ParseBool: parsing \"%s\": invalid syntax",
                t->path, text);
}

static bool to_bool(const struct target *t, const struct kiln_node *node, bool *ret)
{
    KILN_AUTO_FREE char *text = NULL;

    if (node->type == KILN_NODE_NUMBER) {
        *ret = node->u.number.value != 0;
        return true;
    }
    text = text_of(t, node, "bool");
    return text && parse_bool(t, node, text, ret);
}

static bool to_tribool(const struct target *t, const struct kiln_node *node,
                       enum kiln_tristate *ret)
{
    bool value = false;

    if (node->type == KILN_NODE_STRING && node->u.string.len == 0) {
        *ret = KILN_UNSET;
        return true;
    }
    if (!to_bool(t, node, &value))
        return false;
    *ret = value ? KILN_YES : KILN_NO;
    return true;
}

static bool parse_int(const struct target *t, const struct kiln_node *node, const char *text,
                      int64_t *ret)
{
    const char *why = "invalid syntax";

    if (text[0] == '\0') {
        *ret = 0;
        return true;
    }
    switch (kiln_go_parse_int(text, strlen(text), ret)) {
    case KILN_GO_NUMBER_OK:
        return true;
    case KILN_GO_NUMBER_SYNTAX:
        break;
    case KILN_GO_NUMBER_RANGE:
        why = "value out of range";
        break;
    }
    return fail(t, node, "cannot parse '%s' as int: strconv.ParseInt: parsing \"%s\": %s", t->path,
                text, why);
}

static bool to_int(const struct target *t, const struct kiln_node *node, int64_t *ret)
{
    KILN_AUTO_FREE char *text = NULL;

    if (node->type == KILN_NODE_NUMBER) {
        double v = node->u.number.value;

        if (v >= 9.2e18 || v <= -9.2e18)
            return fail(t, node, "'%s': %s is out of range", t->path, node->u.number.text);
        *ret = (int64_t)v;
        return true;
    }
    text = text_of(t, node, "int");
    return text && parse_int(t, node, text, ret);
}

static bool to_duration(const struct target *t, const struct kiln_node *node, int64_t *ret)
{
    KILN_AUTO_FREE char *text = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (node->type == KILN_NODE_NUMBER)
        return to_int(t, node, ret); /* nanoseconds */
    text = text_of(t, node, "duration");
    if (!text)
        return false;
    if (kiln_duration_parse(text, ret, &err))
        return true;
    return fail(t, node, "error decoding '%s': %s", t->path, kiln_err_text(&err));
}

/* ---- lists and maps ---- */

/* Elements of `node` as text; a string splits at commas, another scalar is one element. */
static bool to_texts(const struct target *t, const struct kiln_node *node, struct kiln_strv *ret)
{
    KILN_AUTO_FREE char *text = NULL;
    bool ok = true;

    if (node->type == KILN_NODE_OBJECT && node->u.object.n == 0)
        return true;
    if (node->type == KILN_NODE_LIST) {
        for (size_t i = 0; i < node->u.list.n; i++) {
            char *element = text_of(t, node->u.list.items[i], "string");

            ok = element && ok;
            kiln_strv_add_take(ret, element ? element : kiln_xstrdup(""));
        }
        return ok;
    }
    text = text_of(t, node, "[]string");
    if (!text)
        return false;
    if (node->type == KILN_NODE_STRING)
        kiln_strv_split(ret, text, ',');
    else
        kiln_strv_add(ret, text);
    return true;
}

/* The new elements replace the first old ones; a longer old tail stays. */
static bool to_strings(const struct target *t, const struct kiln_node *node, struct kiln_strv *to)
{
    KILN_AUTO_STRV texts = { 0 };
    bool ok = to_texts(t, node, &texts);

    for (size_t i = 0; i < texts.n; i++) {
        if (i < to->n)
            kiln_strv_set(to, i, texts.v[i]);
        else
            kiln_strv_add(to, texts.v[i]);
    }
    return ok;
}

static bool to_ints(const struct target *t, const struct kiln_node *node, struct kiln_ints *to)
{
    KILN_AUTO_STRV texts = { 0 };
    bool ok = to_texts(t, node, &texts);

    for (size_t i = 0; ok && i < texts.n; i++) {
        int64_t value = 0;

        ok = parse_int(t, node, texts.v[i], &value);
        if (i >= to->n)
            to->v = kiln_xrealloc(to->v, ++to->n, sizeof(*to->v));
        to->v[i] = value;
    }
    return ok;
}

static bool to_rows(const struct target *t, const struct kiln_node *node, struct kiln_rows *to)
{
    bool ok = true;

    if (node->type != KILN_NODE_LIST)
        return wrong_type(t, node, "[][]string");
    for (size_t i = 0; i < node->u.list.n; i++) {
        if (i >= to->n) {
            to->rows = kiln_xrealloc(to->rows, to->n + 1, sizeof(*to->rows));
            to->rows[to->n++] = (struct kiln_strv){ 0 };
        }
        ok = to_strings(t, node->u.list.items[i], &to->rows[i]) && ok;
    }
    return ok;
}

static bool merge_object(const struct target *t, const struct kiln_node *object,
                         struct kiln_strmap *to)
{
    bool ok = true;

    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];
        KILN_AUTO_FREE char *value = text_of(t, m->value, "string");
        KILN_AUTO_STR key = { 0 };
        KILN_AUTO_ERR err = { 0 };

        if (!kiln_interp_render(t->p->interp, m->key, &key, NULL, &err)) {
            ok = kiln_diag_error(t->p->diag, object->source, m->key_offset, NULL, "render '%s': %s",
                                 t->path, kiln_err_text(&err));
        } else if (value) {
            kiln_strmap_set(to, kiln_str_cstr(&key), value);
        }
        ok = ok && value;
    }
    return ok;
}

static bool to_map(const struct target *t, const struct kiln_node *node, struct kiln_strmap *to)
{
    bool ok = true;

    if (node->type == KILN_NODE_OBJECT)
        return merge_object(t, node, to);
    if (node->type != KILN_NODE_LIST)
        return wrong_type(t, node, "map[string]string");
    for (size_t i = 0; i < node->u.list.n; i++) {
        const struct kiln_node *item = node->u.list.items[i];

        ok = (item->type == KILN_NODE_OBJECT ? merge_object(t, item, to)
                                             : wrong_type(t, item, "map[string]string")) &&
             ok;
    }
    return ok;
}

/* ---- by type ---- */

bool kiln_value_decode(const struct kiln_prepare *p, const struct kiln_field *f, const char *path,
                       const struct kiln_node *node, void *cfg)
{
    const struct target t = { p, f, path };
    void *at = (char *)cfg + f->offset;

    if (node->type == KILN_NODE_NULL) /* as if it were not there */
        return true;
    switch (f->type) {
    case KILN_STRING:
        return to_string(&t, node, at);
    case KILN_BOOL:
        return to_bool(&t, node, at);
    case KILN_TRIBOOL:
        return to_tribool(&t, node, at);
    case KILN_INT:
        return to_int(&t, node, at);
    case KILN_DURATION:
        return to_duration(&t, node, at);
    case KILN_STRINGS:
        return to_strings(&t, node, at);
    case KILN_STRING_ROWS:
        return to_rows(&t, node, at);
    case KILN_STRING_MAP:
        return to_map(&t, node, at);
    case KILN_INTS:
        return to_ints(&t, node, at);
    case KILN_NESTED:
        break;
    }
    return false;
}

static void clear_rows(struct kiln_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        kiln_strv_done(&rows->rows[i]);
    free(rows->rows);
    *rows = (struct kiln_rows){ 0 };
}

void kiln_value_clear(const struct kiln_field *f, void *cfg)
{
    void *at = (char *)cfg + f->offset;

    switch (f->type) {
    case KILN_STRING:
        free(*(char **)at);
        *(char **)at = NULL;
        break;
    case KILN_BOOL:
        *(bool *)at = false;
        break;
    case KILN_TRIBOOL:
        *(enum kiln_tristate *)at = KILN_UNSET;
        break;
    case KILN_INT:
    case KILN_DURATION:
        *(int64_t *)at = 0;
        break;
    case KILN_STRINGS:
        kiln_strv_done(at);
        break;
    case KILN_STRING_ROWS:
        clear_rows(at);
        break;
    case KILN_STRING_MAP:
        kiln_strmap_done(at);
        break;
    case KILN_INTS:
        free(((struct kiln_ints *)at)->v);
        *(struct kiln_ints *)at = (struct kiln_ints){ 0 };
        break;
    case KILN_NESTED:
        break;
    }
}
