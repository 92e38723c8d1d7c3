#include "template/node.h"

#include <assert.h>
#include <json-c/json.h>
#include <math.h>
#include <strings.h>

#include "base/mem.h"
#include "template/tree.h"

struct kiln_tree *kiln_tree_new(struct kiln_source *source)
{
    struct kiln_tree *t = kiln_xcalloc(1, sizeof(*t));

    t->source = kiln_source_ref(source);
    return t;
}

void kiln_tree_free(struct kiln_tree *t)
{
    if (!t)
        return;
    kiln_arena_done(&t->arena);
    json_object_put(t->json);
    kiln_source_unref(t->source);
    free(t);
}

void kiln_tree_freep(struct kiln_tree **t)
{
    kiln_tree_free(*t);
}

const struct kiln_node *kiln_tree_root(const struct kiln_tree *t)
{
    return t->root;
}

void *kiln_tree_alloc(struct kiln_tree *t, size_t n, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(n, size, &total))
        abort();
    return kiln_arena_alloc(&t->arena, total);
}

struct kiln_node *kiln_tree_node(struct kiln_tree *t, enum kiln_node_type type, size_t offset)
{
    struct kiln_node *node = kiln_tree_alloc(t, 1, sizeof(*node));

    *node = (struct kiln_node){ .type = type, .source = t->source, .offset = offset };
    return node;
}

const struct kiln_member *kiln_node_member(const struct kiln_node *object, const char *key)
{
    const struct kiln_member *found = NULL;

    if (!object || object->type != KILN_NODE_OBJECT)
        return NULL;
    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];

        if (strcmp(m->key, key) == 0)
            return m;
        if (!found && strcasecmp(m->key, key) == 0)
            found = m;
    }
    return found;
}

const struct kiln_node *kiln_node_get(const struct kiln_node *object, const char *key)
{
    const struct kiln_member *m = kiln_node_member(object, key);

    return m ? m->value : NULL;
}

static bool is_one_of(const char *key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

const struct kiln_node *kiln_node_without(struct kiln_tree *t, const struct kiln_node *from,
                                          const char *const *keys, size_t n)
{
    struct kiln_node *node = kiln_tree_node(t, KILN_NODE_OBJECT, from->offset);
    struct kiln_member *members = kiln_tree_alloc(t, from->u.object.n, sizeof(*members));
    size_t kept = 0;

    assert(from->type == KILN_NODE_OBJECT);
    for (size_t i = 0; i < from->u.object.n; i++)
        if (!is_one_of(from->u.object.members[i].key, keys, n))
            members[kept++] = from->u.object.members[i];
    node->u.object.members = members;
    node->u.object.n = kept;
    return node;
}

const struct kiln_node *kiln_node_new_string(struct kiln_tree *t, const char *s, size_t offset)
{
    struct kiln_node *node = kiln_tree_node(t, KILN_NODE_STRING, offset);

    node->u.string.len = strlen(s);
    node->u.string.s = kiln_arena_strndup(&t->arena, s, node->u.string.len);
    return node;
}

const struct kiln_node *kiln_node_new_object(struct kiln_tree *t, size_t offset)
{
    return kiln_tree_node(t, KILN_NODE_OBJECT, offset);
}

/*
 * The shortest digits that read back as v, placed by the decimal point: what Go prints with 'f',
 * -1. The point itself is left out of the digits, so the locale does not matter.
 */
static void add_shortest(struct kiln_str *out, double v)
{
    char text[40];
    int exponent;
    int n = 0; /* digits */

    for (int precision = 0; precision <= 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision, v);
        if (strtod(text, NULL) == v) /* NOLINT: exactly that is asked */
            break;
    }
    exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    *strchr(text, 'e') = '\0';
    for (const char *p = text; *p; p++)
        if (*p >= '0' && *p <= '9')
            text[n++] = *p; /* n never passes p */
    while (n > 1 && text[n - 1] == '0')
        n--;
    if (exponent < 0)
        kiln_str_adds(out, "0.");
    for (int i = exponent + 1; i < 0; i++)
        kiln_str_addc(out, '0');
    for (int i = 0; i < n || i <= exponent; i++) {
        if (i > 0 && i == exponent + 1)
            kiln_str_addc(out, '.');
        kiln_str_addc(out, i < n ? text[i] : '0');
    }
}

char *kiln_node_to_text(const struct kiln_node *scalar)
{
    struct kiln_str out = { 0 };
    double v;

    switch (scalar->type) {
    case KILN_NODE_NULL:
        return kiln_xstrdup("");
    case KILN_NODE_BOOL:
        return kiln_xstrdup(scalar->u.boolean ? "1" : "0");
    case KILN_NODE_STRING:
        return kiln_xstrdup(scalar->u.string.s);
    case KILN_NODE_NUMBER:
        v = scalar->u.number.value;
        if (signbit(v))
            kiln_str_addc(&out, '-');
        add_shortest(&out, fabs(v));
        return kiln_str_steal(&out);
    case KILN_NODE_LIST:
    case KILN_NODE_OBJECT:
        return NULL;
    }
    return NULL;
}

static unsigned hex4(const char *p)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];

        v = v << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

/* How long the escape at p is as written, and how many bytes of UTF-8 it stands for. */
static size_t escape_length(const char *p, size_t *ret_bytes)
{
    unsigned cp;

    *ret_bytes = 1;
    if (p[1] != 'u')
        return 2;
    cp = hex4(p + 2);
    *ret_bytes = cp < 0x80 ? 1 : cp < 0x800 ? 2 : 3;
    if (cp < 0xd800 || cp > 0xdbff || p[6] != '\\' || p[7] != 'u')
        return 6;
    cp = hex4(p + 8);
    if (cp < 0xdc00 || cp > 0xdfff)
        return 6;
    *ret_bytes = 4; /* a surrogate pair */
    return 12;
}

size_t kiln_node_text_offset(const struct kiln_node *string, size_t i)
{
    const char *text = string->source->text;
    size_t at = string->offset;

    if (string->type != KILN_NODE_STRING || at >= string->source->len || text[at] != '"')
        return at; /* made by us, or not JSON */
    at++;
    while (i > 0 && at < string->source->len && text[at] != '"') {
        size_t bytes = 1;
        size_t length = text[at] == '\\' ? escape_length(text + at, &bytes) : 1;

        if (bytes > i)
            break;
        i -= bytes;
        at += length;
    }
    return at;
}

const char *kiln_node_type_name(enum kiln_node_type type)
{
    switch (type) {
    case KILN_NODE_NULL:
        return "null";
    case KILN_NODE_BOOL:
        return "bool";
    case KILN_NODE_NUMBER:
        return "number";
    case KILN_NODE_STRING:
        return "string";
    case KILN_NODE_LIST:
        return "list";
    case KILN_NODE_OBJECT:
        return "object";
    }
    return "?";
}
