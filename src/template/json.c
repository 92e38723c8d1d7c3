/*
 * JSON text to nodes. The scanner has vouched for the text and knows the places, json-c has decoded
 * the values; walking both in step gives the tree. Strings stay where json-c put them.
 */
#include <assert.h>
#include <json-c/json.h>
#include <math.h>

#include "base/mem.h"
#include "template/json_scan.h"
#include "template/tree.h"

struct build {
    struct kiln_tree *tree;
    struct kiln_diag *diag;
    const struct kiln_json_token *token; /* next */
    bool lenient;
};

static const struct kiln_node *build_value(struct build *b, struct json_object *json);

static const struct kiln_node *build_list(struct build *b, struct json_object *json)
{
    size_t n = b->token->n;
    struct kiln_node *node = kiln_tree_node(b->tree, KILN_NODE_LIST, b->token->offset);
    const struct kiln_node **items = kiln_tree_alloc(b->tree, n, sizeof(const struct kiln_node *));

    assert(json_object_array_length(json) == n);
    b->token++;
    for (size_t i = 0; i < n; i++)
        items[i] = build_value(b, json_object_array_get_idx(json, i));
    node->u.list.items = items;
    node->u.list.n = n;
    return node;
}

/* Past the value at b->token. */
static void skip_value(struct build *b)
{
    char c = b->tree->source->text[b->token->offset];
    uint32_t n = b->token->n;

    b->token++;
    for (uint32_t i = 0; i < n; i++) {
        if (c == '{')
            b->token++;
        skip_value(b);
    }
}

/* The key at a token, decoded; caller frees. */
static char *decode_key(const struct kiln_source *source, size_t offset)
{
    const char *start = source->text + offset + 1;
    const char *p = start;
    bool escaped = false;
    struct json_object *json;
    char *key;

    for (; *p != '"'; p++) {
        if (*p == '\\') {
            escaped = true;
            p++;
        }
    }
    if (!escaped)
        return kiln_xstrndup(start, (size_t)(p - start));
    key = kiln_xstrndup(start - 1, (size_t)(p - start) + 2);
    json = json_tokener_parse(key);
    free(key);
    key = kiln_xstrdup(json_object_get_string(json));
    json_object_put(json);
    return key;
}

static void report_duplicate(struct build *b, const char *key, size_t offset, size_t earlier)
{
    struct kiln_source *source = b->tree->source;
    KILN_AUTO_FREE char *fix = NULL;
    unsigned line = 0;
    unsigned column;

    if (b->diag->dropped == 0) /* else nobody sees it, and there may be many */
        kiln_source_position(source, earlier, &line, &column);
    if (b->lenient) {
        kiln_diag_warning(b->diag, source, offset, NULL,
                          "duplicate key %s: this value replaces the one on line %u", key, line);
        return;
    }
    fix = kiln_xasprintf("keep one of them; it is also on line %u", line);
    (void)kiln_diag_error(b->diag, source, offset, fix, "template has duplicate field: %s", key);
}

/*
 * An object that names a key twice: json-c has kept the last value of each. Reports every
 * repetition and returns, by key, where the counting one stands. b->token is left as it was.
 */
static struct json_object *find_last(struct build *b, size_t n)
{
    const struct kiln_json_token *first = b->token;
    struct json_object *last = json_object_new_object();

    for (size_t i = 0; i < n; i++) {
        KILN_AUTO_FREE char *key = decode_key(b->tree->source, b->token->offset);
        struct json_object *earlier;

        if (json_object_object_get_ex(last, key, &earlier))
            report_duplicate(b, key, b->token->offset, (size_t)json_object_get_int64(earlier));
        json_object_object_add(last, key, json_object_new_int64(b->token->offset));
        b->token++;
        skip_value(b);
    }
    b->token = first;
    return last;
}

static struct kiln_member *build_unique(struct build *b, struct json_object *json, size_t n)
{
    size_t kept = (size_t)json_object_object_length(json);
    struct kiln_member *members = kiln_tree_alloc(b->tree, kept, sizeof(*members));
    struct json_object *last = find_last(b, n);
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        size_t offset = b->token->offset;
        KILN_AUTO_FREE char *key = decode_key(b->tree->source, offset);

        b->token++;
        if ((size_t)json_object_get_int64(json_object_object_get(last, key)) != offset) {
            skip_value(b);
            continue;
        }
        assert(out < kept);
        members[out++] = (struct kiln_member){
            .key = kiln_arena_strndup(&b->tree->arena, key, strlen(key)),
            .key_offset = offset,
            .value = build_value(b, json_object_object_get(json, key)),
        };
    }
    json_object_put(last);
    return members;
}

static struct kiln_member *build_members(struct build *b, struct json_object *json, size_t n)
{
    struct kiln_member *members = kiln_tree_alloc(b->tree, n, sizeof(*members));
    size_t i = 0;

    /* json-c keeps the order of the text. */
    json_object_object_foreach(json, key, value)
    {
        size_t offset = b->token->offset;

        b->token++;
        members[i++] = (struct kiln_member){
            .key = key,
            .key_offset = offset,
            .value = build_value(b, value),
        };
    }
    return members;
}

static const struct kiln_node *build_object(struct build *b, struct json_object *json)
{
    size_t n = b->token->n;
    size_t unique = (size_t)json_object_object_length(json);
    struct kiln_node *node = kiln_tree_node(b->tree, KILN_NODE_OBJECT, b->token->offset);

    b->token++;
    node->u.object.members = unique == n ? build_members(b, json, n) : build_unique(b, json, n);
    node->u.object.n = unique;
    return node;
}

static const struct kiln_node *build_number(struct build *b)
{
    struct kiln_node *node = kiln_tree_node(b->tree, KILN_NODE_NUMBER, b->token->offset);
    const char *text = b->tree->source->text + b->token->offset;

    node->u.number.text =
        kiln_arena_strndup(&b->tree->arena, text, strspn(text, "+-.0123456789eE"));
    /* json-c would cap a whole number at 64 bits and forget the sign of -0. */
    node->u.number.value = strtod(node->u.number.text, NULL);
    if (!isfinite(node->u.number.value))
        kiln_diag_error(b->diag, b->tree->source, node->offset, NULL, "number too large");
    b->token++;
    return node;
}

static const struct kiln_node *build_value(struct build *b, struct json_object *json)
{
    struct kiln_node *node;

    switch (b->tree->source->text[b->token->offset]) {
    case '{':
        assert(json_object_is_type(json, json_type_object));
        return build_object(b, json);
    case '[':
        assert(json_object_is_type(json, json_type_array));
        return build_list(b, json);
    case '"':
        assert(json_object_is_type(json, json_type_string));
        node = kiln_tree_node(b->tree, KILN_NODE_STRING, b->token->offset);
        node->u.string.s = json_object_get_string(json);
        node->u.string.len = (size_t)json_object_get_string_len(json);
        break;
    case 't':
    case 'f':
        node = kiln_tree_node(b->tree, KILN_NODE_BOOL, b->token->offset);
        node->u.boolean = json_object_get_boolean(json);
        break;
    case 'n':
        node = kiln_tree_node(b->tree, KILN_NODE_NULL, b->token->offset);
        break;
    default:
        return build_number(b);
    }
    b->token++;
    return node;
}

/* One byte more than the value, so that json-c sees where a number ends. */
static bool decode(struct kiln_tree *tree, size_t end, struct kiln_diag *diag)
{
    struct json_tokener *tok = json_tokener_new_ex(KILN_MAX_JSON_DEPTH + 2);
    enum json_tokener_error error;
    size_t at;

    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
                                    JSON_TOKENER_ALLOW_TRAILING_CHARS);
    tree->json = json_tokener_parse_ex(tok, tree->source->text, (int)end + 1);
    error = json_tokener_get_error(tok);
    at = json_tokener_get_parse_end(tok);
    json_tokener_free(tok);
    if (error == json_tokener_success)
        return true;
    return kiln_diag_error(diag, tree->source, at, NULL, "json-c: %s",
                           json_tokener_error_desc(error));
}

static struct kiln_tree *parse(struct kiln_source *source, bool lenient, struct kiln_diag *diag)
{
    struct kiln_json_scan scan;
    struct kiln_tree *tree;
    size_t errors = diag->errors;

    if (!kiln_json_scan(source, lenient, &scan, diag))
        return NULL;
    tree = kiln_tree_new(source);
    if (decode(tree, scan.end, diag)) {
        struct build b = { tree, diag, scan.tokens, lenient };

        tree->root = build_value(&b, tree->json);
    }
    free(scan.tokens);
    if (diag->errors == errors)
        return tree;
    kiln_tree_free(tree);
    return NULL;
}

struct kiln_tree *kiln_json_parse(struct kiln_source *source, struct kiln_diag *diag)
{
    return parse(source, false, diag);
}

struct kiln_tree *kiln_json_parse_lenient(struct kiln_source *source, struct kiln_diag *diag)
{
    return parse(source, true, diag);
}
