#include "config/value.h"

#include <assert.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "template/gofmt.h"
#include "template/template.h"

#define MAX_NESTING 2 /* lists of lists */

/* Which value this is; handed down through the conversions. */
struct target {
    const struct kiln_prepare *p;
    const struct kiln_field *field;
    const char *path;
    size_t index[MAX_NESTING]; /* of the element: path[1][0] */
    unsigned n_index;
    bool literal; /* a default: not a template */
};

/* What a value should look like instead. */
static const char *fix_of(enum kiln_field_type type)
{
    switch (type) {
    case KILN_STRING:
        return "write a string";
    case KILN_BOOL:
    case KILN_TRIBOOL:
        return "write true or false";
    case KILN_INT:
        return "write a whole number";
    case KILN_DURATION:
        return "write a number with its unit, such as \"90s\", \"1m30s\" or \"100ms\"";
    case KILN_STRINGS:
        return "write a list of strings";
    case KILN_STRING_ROWS:
        return "write a list of lists of strings, such as [[\"-m\", \"1G\"]]";
    case KILN_STRING_MAP:
        return "write an object of strings, such as {\"key\": \"value\"}";
    case KILN_INTS:
        return "write a list of whole numbers";
    case KILN_NESTED:
        break;
    }
    return NULL;
}

static bool fail(const struct target *t, const struct kiln_node *node, const char *fmt, ...)
    KILN_PRINTF(3, 4);

static bool fail(const struct target *t, const struct kiln_node *node, const char *fmt, ...)
{
    KILN_AUTO_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    return kiln_diag_error(t->p->diag, node->source, node->offset, fix_of(t->field->type), "%s",
                           text);
}

static void add_path(struct kiln_str *out, const struct target *t)
{
    kiln_str_adds(out, t->path);
    for (unsigned i = 0; i < t->n_index; i++)
        kiln_str_addf(out, "[%zu]", t->index[i]);
}

static struct target element(const struct target *t, size_t i)
{
    struct target e = *t;

    assert(e.n_index < MAX_NESTING);
    e.index[e.n_index++] = i;
    return e;
}

static const char *go_type(enum kiln_node_type type)
{
    switch (type) {
    case KILN_NODE_NULL:
        return "nil";
    case KILN_NODE_BOOL:
        return "bool";
    case KILN_NODE_NUMBER:
        return "float64";
    case KILN_NODE_STRING:
        return "string";
    case KILN_NODE_LIST:
        return "[]interface {}";
    case KILN_NODE_OBJECT:
        return "map[interface {}]interface {}";
    }
    return "";
}

static bool wrong_type(const struct target *t, const struct kiln_node *node, const char *want)
{
    KILN_AUTO_STR path = { 0 };

    add_path(&path, t);
    return fail(t, node, "'%s' expected type '%s', got unconvertible type '%s'",
                kiln_str_cstr(&path), want, go_type(node->type));
}

static bool cannot_parse(const struct target *t, const struct kiln_node *node, const char *type,
                         const char *function, const char *text, const char *why)
{
    KILN_AUTO_STR path = { 0 }, quoted = { 0 };

    add_path(&path, t);
    kiln_go_add_quoted(&quoted, text, strlen(text));
    return fail(t, node, "cannot parse '%s' as %s: strconv.%s: parsing %s: %s",
                kiln_str_cstr(&path), type, function, kiln_str_cstr(&quoted), why);
}

/* ---- rendering ---- */

/* Append `text`, rendered unless the field is raw; offset: where byte i of it stands. */
static bool render(const struct target *t, const struct kiln_node *node, const char *text,
                   size_t (*offset)(const struct kiln_node *, size_t), struct kiln_str *out)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *hint = NULL;
    const char *word = "invalid";
    size_t at = 0;

    if (t->literal || !kiln_interp_has_action(text)) {
        kiln_str_adds(out, text);
        return true;
    }
    if (kiln_interp_check(t->p->interp, text, &at, &err)) {
        KILN_AUTO_STR tried = { 0 };
        const bool raw = t->field->flags & KILN_RAW, trial = t->field->flags & KILN_TRIED;

        if (raw)
            kiln_str_adds(out, text);
        if ((raw && !trial) ||
            kiln_interp_render(t->p->interp, text, raw ? &tried : out, &at, &err))
            return true;
        word = "render";
    }
    hint = kiln_interp_hint(text, at, &err);
    return kiln_diag_error(t->p->diag, node->source, offset(node, at), hint, "%s '%s': %s", word,
                           t->path, kiln_err_text(&err));
}

/* Text of a scalar, null is "". Caller frees; NULL: reported. */
static char *text_of(const struct target *t, const struct kiln_node *node, const char *want)
{
    KILN_AUTO_STR out = { 0 };

    if (node->type == KILN_NODE_STRING)
        return render(t, node, node->u.string.s, kiln_node_text_offset, &out) ? kiln_str_steal(&out)
                                                                              : NULL;
    if (node->type == KILN_NODE_LIST || node->type == KILN_NODE_OBJECT) {
        (void)wrong_type(t, node, want);
        return NULL;
    }
    return kiln_node_to_text(node);
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

static bool to_bool(const struct target *t, const struct kiln_node *node, bool *ret)
{
    KILN_AUTO_FREE char *text = NULL;

    if (node->type == KILN_NODE_NUMBER) {
        *ret = node->u.number.value < 0 || node->u.number.value > 0;
        return true;
    }
    text = text_of(t, node, "bool");
    if (!text)
        return false;
    *ret = false;
    return !text[0] || kiln_go_parse_bool(text, ret) ||
           cannot_parse(t, node, "bool", "ParseBool", text, "invalid syntax");
}

static bool to_tribool(const struct target *t, const struct kiln_node *node,
                       enum kiln_tristate *ret)
{
    KILN_AUTO_STR text = { 0 };
    bool value = false;

    if (node->type == KILN_NODE_STRING &&
        !render(t, node, node->u.string.s, kiln_node_text_offset, &text))
        return false;
    if (node->type == KILN_NODE_STRING && text.len == 0) {
        *ret = KILN_UNSET;
        return true;
    }
    if (!to_bool(t, node, &value))
        return false;
    *ret = value ? KILN_YES : KILN_NO;
    return true;
}

static bool text_to_int(const struct target *t, const struct kiln_node *node, const char *text,
                        int64_t *ret)
{
    *ret = 0;
    switch (text[0] ? kiln_go_parse_int(text, strlen(text), ret) : KILN_GO_NUMBER_OK) {
    case KILN_GO_NUMBER_OK:
        return true;
    case KILN_GO_NUMBER_SYNTAX:
        return cannot_parse(t, node, "int", "ParseInt", text, "invalid syntax");
    case KILN_GO_NUMBER_RANGE:
        break;
    }
    return cannot_parse(t, node, "int", "ParseInt", text, "value out of range");
}

static bool to_int(const struct target *t, const struct kiln_node *node, int64_t *ret)
{
    KILN_AUTO_FREE char *text = NULL;

    if (node->type == KILN_NODE_NUMBER) {
        double v = node->u.number.value;

        if (v >= 9.2e18 || v <= -9.2e18)
            return cannot_parse(t, node, "int", "ParseInt", node->u.number.text,
                                "value out of range");
        *ret = (int64_t)v;
        return true;
    }
    text = text_of(t, node, "int");
    return text && text_to_int(t, node, text, ret);
}

static bool to_duration(const struct target *t, const struct kiln_node *node, int64_t *ret)
{
    KILN_AUTO_FREE char *text = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (node->type == KILN_NODE_NUMBER)
        return to_int(t, node, ret); /* nanoseconds */
    if (node->type != KILN_NODE_STRING)
        return wrong_type(t, node, "time.Duration");
    text = text_of(t, node, "time.Duration");
    if (!text)
        return false;
    return kiln_duration_parse(text, ret, &err) ||
           fail(t, node, "error decoding '%s': %s", t->path, kiln_err_text(&err));
}

/* ---- lists ---- */

/* What a list is made from: a string in pieces, the elements of a list, or one other value. */
struct items {
    const struct kiln_node *whole;
    bool is_text; /* use .texts, which are rendered */
    struct kiln_strv texts;
    size_t n;
};

/* A template that renders to this text. */
static char *as_template(const char *text)
{
    KILN_AUTO_STR out = { 0 };
    const char *brace;

    for (; (brace = strstr(text, "{{")) != NULL; text = brace + 2) {
        kiln_str_add(&out, text, (size_t)(brace - text));
        kiln_str_adds(&out, "{{`{{`}}");
    }
    kiln_str_adds(&out, text);
    return kiln_str_steal(&out);
}

/* Are the elements rendered when they are used, and tried before? */
static bool is_late(const struct target *t)
{
    const unsigned late = KILN_RAW | KILN_TRIED;

    return (t->field->flags & late) == late && !t->literal;
}

/* One string for a list. It is rendered before it is split, as by Packer: the commas of what it
 * names part it, those within {{ }} do not. Where {{build `K`}} is {{.K}} until it is used. */
static char *text_to_split(const struct target *t, const struct kiln_node *node)
{
    KILN_AUTO_STR out = { 0 };

    if (is_late(t) && kiln_interp_render(t->p->interp, node->u.string.s, &out, NULL, NULL))
        return kiln_str_steal(&out);
    return text_of(t, node, "string"); /* which reports what is wrong */
}

static void split_text(const struct target *t, const char *text, struct items *ret)
{
    KILN_AUTO_FREE char *template = is_late(t) ? as_template(text) : NULL;

    if (template && text[0] && !strchr(text, ','))
        return; /* one element, which can wait as it was written */
    kiln_strv_split(&ret->texts, template ? template : text, ',');
    ret->is_text = true;
    ret->n = ret->texts.n;
}

static bool open_items(const struct target *t, const struct kiln_node *node, struct items *ret)
{
    KILN_AUTO_FREE char *text = NULL;

    *ret = (struct items){ .whole = node, .n = 1 };
    if (node->type == KILN_NODE_LIST) {
        ret->n = node->u.list.n;
    } else if (node->type == KILN_NODE_NULL ||
               (node->type == KILN_NODE_OBJECT && node->u.object.n == 0)) {
        ret->n = 0;
    } else if (node->type == KILN_NODE_STRING) {
        text = text_to_split(t, node);
        if (!text)
            return false;
        split_text(t, text, ret);
    }
    return true;
}

static const struct kiln_node *item_node(const struct items *items, size_t i)
{
    return items->whole->type == KILN_NODE_LIST ? items->whole->u.list.items[i] : items->whole;
}

/* Text that needs no rendering is not copied: scripts of a thousand lines are nothing else. */
static bool is_plain(const struct target *t, const struct kiln_node *node)
{
    return node->type == KILN_NODE_STRING &&
           (t->literal || !kiln_interp_has_action(node->u.string.s));
}

/* The new elements replace the first old ones; a longer old tail stays. */
static bool to_strings(const struct target *t, const struct kiln_node *node, struct kiln_strv *to)
{
    struct items items;
    bool ok = true;

    if (!open_items(t, node, &items))
        return false;
    for (size_t i = 0; i < items.n; i++) {
        const struct target e = element(t, i);
        KILN_AUTO_FREE char *text = NULL;

        if (!items.is_text && i >= to->n && is_plain(t, item_node(&items, i))) {
            kiln_strv_add_borrowed(to, item_node(&items, i)->u.string.s);
            continue;
        }
        text = items.is_text ? kiln_xstrdup(items.texts.v[i])
                             : text_of(&e, item_node(&items, i), "string");
        ok = ok && text;
        if (i < to->n)
            kiln_strv_set(to, i, text ? text : "");
        else
            kiln_strv_add(to, text ? text : "");
    }
    kiln_strv_done(&items.texts);
    return ok;
}

static bool to_ints(const struct target *t, const struct kiln_node *node, struct kiln_ints *to)
{
    struct items items;
    bool ok = true;

    if (!open_items(t, node, &items))
        return false;
    for (size_t i = 0; i < items.n; i++) {
        const struct target e = element(t, i);
        int64_t value = 0;

        ok = (items.is_text ? text_to_int(&e, node, items.texts.v[i], &value)
                            : to_int(&e, item_node(&items, i), &value)) &&
             ok;
        if (i >= to->n)
            to->v = kiln_xrealloc(to->v, ++to->n, sizeof(*to->v));
        to->v[i] = value;
    }
    kiln_strv_done(&items.texts);
    return ok;
}

static bool to_rows(const struct target *t, const struct kiln_node *node, struct kiln_rows *to)
{
    struct items items;
    bool ok = true;

    if (!open_items(t, node, &items))
        return false;
    for (size_t i = 0; i < items.n; i++) {
        const struct target e = element(t, i);

        if (i >= to->n) {
            to->rows = kiln_xrealloc(to->rows, to->n + 1, sizeof(*to->rows));
            to->rows[to->n++] = (struct kiln_strv){ 0 };
        }
        if (!items.is_text)
            ok = to_strings(&e, item_node(&items, i), &to->rows[i]) && ok;
        else if (to->rows[i].n > 0)
            kiln_strv_set(&to->rows[i], 0, items.texts.v[i]);
        else
            kiln_strv_add(&to->rows[i], items.texts.v[i]);
    }
    kiln_strv_done(&items.texts);
    return ok;
}

/* ---- maps ---- */

/* A key's own place is not handed down: errors in it point at the map's value. */
static size_t start_of(const struct kiln_node *node, size_t i)
{
    (void)i;
    return node->offset;
}

static bool merge_object(const struct target *t, const struct kiln_node *object,
                         struct kiln_strmap *to)
{
    bool ok = true;

    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];
        KILN_AUTO_FREE char *path = kiln_xasprintf("%s[%s]", t->path, m->key);
        const struct target e = { .p = t->p, .field = t->field, .path = path };
        KILN_AUTO_FREE char *value = NULL;
        KILN_AUTO_STR key = { 0 };
        bool named = render(t, m->value, m->key, start_of, &key);

        value = text_of(m->value->type == KILN_NODE_STRING ? t : &e, m->value, "string");
        if (named && value)
            kiln_strmap_set(to, kiln_str_cstr(&key), value);
        ok = ok && named && value;
    }
    return ok;
}

static bool to_map(const struct target *t, const struct kiln_node *node, struct kiln_strmap *to)
{
    bool ok = true;

    if (node->type == KILN_NODE_OBJECT)
        return merge_object(t, node, to);
    if (node->type != KILN_NODE_LIST)
        return fail(t, node, "'%s' expected a map, got '%s'", t->path, go_type(node->type));
    for (size_t i = 0; i < node->u.list.n; i++) {
        const struct kiln_node *item = node->u.list.items[i];

        if (item->type == KILN_NODE_OBJECT)
            ok = merge_object(t, item, to) && ok;
        else
            ok = fail(t, item, "'%s[%zu]' expected a map, got '%s'", t->path, i,
                      go_type(item->type));
    }
    return ok;
}

/* ---- by type ---- */

static bool decode(const struct target *t, const struct kiln_node *node, void *cfg)
{
    void *at = (char *)cfg + t->field->offset;

    switch (t->field->type) {
    case KILN_STRING:
        return to_string(t, node, at);
    case KILN_BOOL:
        return to_bool(t, node, at);
    case KILN_TRIBOOL:
        return to_tribool(t, node, at);
    case KILN_INT:
        return to_int(t, node, at);
    case KILN_DURATION:
        return to_duration(t, node, at);
    case KILN_STRINGS:
        return to_strings(t, node, at);
    case KILN_STRING_ROWS:
        return to_rows(t, node, at);
    case KILN_STRING_MAP:
        return to_map(t, node, at);
    case KILN_INTS:
        return to_ints(t, node, at);
    case KILN_NESTED:
        break;
    }
    return false;
}

bool kiln_value_decode(const struct kiln_prepare *p, const struct kiln_field *f, const char *path,
                       const struct kiln_node *node, void *cfg)
{
    const struct target t = { .p = p, .field = f, .path = path };

    return node->type == KILN_NODE_NULL || decode(&t, node, cfg);
}

void kiln_value_set_default(const struct kiln_field *f, void *cfg)
{
    struct kiln_diag diag = { 0 };
    const struct kiln_prepare p = { .diag = &diag };
    const struct target t = { .p = &p, .field = f, .path = f->name, .literal = true };
    const struct kiln_node node = { .type = KILN_NODE_STRING,
                                    .u.string = { f->def, strlen(f->def) } };

    (void)decode(&t, &node, cfg);
    assert(diag.n == 0); /* a default that does not fit its type is our bug */
    kiln_diag_done(&diag);
}
