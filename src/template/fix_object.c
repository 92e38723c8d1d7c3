#include <assert.h>

#include "template/fix_rules.h"

/* How many members fixers may give an object, less those that they take away. */
#define MAX_ADDED 4

struct kiln_fix_object kiln_fix_open(struct kiln_tree *tree, const struct kiln_node *node,
                                     struct kiln_diag *diag)
{
    struct kiln_fix_object o = { .tree = tree,
                                 .n = node->u.object.n,
                                 .room = node->u.object.n + MAX_ADDED,
                                 .offset = node->offset,
                                 .diag = diag };

    o.members = kiln_tree_alloc(tree, o.room, sizeof(*o.members));
    if (o.n > 0)
        memcpy(o.members, node->u.object.members, o.n * sizeof(*o.members));
    return o;
}

const struct kiln_node *kiln_fix_close(const struct kiln_fix_object *o)
{
    struct kiln_node *node = kiln_tree_node(o->tree, KILN_NODE_OBJECT, o->offset);

    node->u.object.members = o->members;
    node->u.object.n = o->n;
    return node;
}

static struct kiln_member *find(const struct kiln_fix_object *o, const char *key)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->members[i].key, key) == 0)
            return &o->members[i];
    return NULL;
}

const struct kiln_node *kiln_fix_get(const struct kiln_fix_object *o, const char *key)
{
    const struct kiln_member *m = find(o, key);

    return m ? m->value : NULL;
}

const char *kiln_fix_get_string(const struct kiln_fix_object *o, const char *key)
{
    const struct kiln_node *v = kiln_fix_get(o, key);

    return v && v->type == KILN_NODE_STRING ? v->u.string.s : NULL;
}

void kiln_fix_drop(struct kiln_fix_object *o, const char *key)
{
    struct kiln_member *m = find(o, key);

    if (!m)
        return;
    o->n--;
    memmove(m, m + 1, (size_t)(o->members + o->n - m) * sizeof(*m));
}

void kiln_fix_set(struct kiln_fix_object *o, const char *key, const struct kiln_node *value)
{
    struct kiln_member *m = find(o, key);

    if (!m) {
        assert(o->n < o->room);
        m = &o->members[o->n++];
        *m = (struct kiln_member){ .key = key, .key_offset = value->offset };
    }
    m->value = value;
}

void kiln_fix_set_text(struct kiln_fix_object *o, const char *key, const char *text)
{
    kiln_fix_set(o, key, kiln_node_new_string(o->tree, text, o->offset));
}

void kiln_fix_rename(struct kiln_fix_object *o, const char *from, const char *to, bool replace)
{
    const struct kiln_node *value = kiln_fix_get(o, from);

    if (!value)
        return;
    kiln_fix_drop(o, from);
    if (replace || !find(o, to))
        kiln_fix_set(o, to, value);
}

const struct kiln_node *kiln_fix_list(struct kiln_tree *tree, const struct kiln_node *const *items,
                                      size_t n, size_t offset)
{
    const struct kiln_node **copy = kiln_tree_alloc(tree, n, sizeof(struct kiln_node *));
    struct kiln_node *list = kiln_tree_node(tree, KILN_NODE_LIST, offset);

    for (size_t i = 0; i < n; i++)
        copy[i] = items[i];
    list->u.list.items = copy;
    list->u.list.n = n;
    return list;
}
