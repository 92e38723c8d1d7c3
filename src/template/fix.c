#include "template/fix.h"

#include "template/fix_rules.h"
#include "template/json_write.h"

/* A list whose objects, and those of `depth` levels of lists in it, went through the rules. */
static const struct kiln_node *fix_list(struct kiln_fix_object *root, const struct kiln_node *list,
                                        enum kiln_fix_part part, unsigned depth)
{
    const struct kiln_node **items =
        kiln_tree_alloc(root->tree, list->u.list.n, sizeof(struct kiln_node *));

    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];

        items[i] = item;
        if (item->type == KILN_NODE_OBJECT) {
            struct kiln_fix_object o = kiln_fix_open(root->tree, item, root->diag);

            kiln_fix_apply(&o, part);
            items[i] = kiln_fix_close(&o);
        } else if (item->type == KILN_NODE_LIST && depth > 0) {
            items[i] = fix_list(root, item, part, depth - 1);
        }
    }
    return kiln_fix_list(root->tree, items, list->u.list.n, list->offset);
}

static bool is_a_list(const struct kiln_node *v, const char *key, struct kiln_diag *diag)
{
    if (v->type == KILN_NODE_LIST)
        return true;
    return kiln_diag_error(diag, v->source, v->offset, "put it into [ ]",
                           "%s: expected a list, got %s", key, kiln_node_type_name(v->type));
}

static bool fix_builders(struct kiln_fix_object *root, struct kiln_diag *diag)
{
    const struct kiln_node *list = kiln_fix_get(root, "builders");

    if (!list || list->type == KILN_NODE_NULL) {
        kiln_fix_set(root, "builders", kiln_tree_node(root->tree, KILN_NODE_NULL, root->offset));
        return true;
    }
    if (!is_a_list(list, "builders", diag))
        return false;
    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];

        if (item->type != KILN_NODE_OBJECT)
            return kiln_diag_error(diag, item->source, item->offset, NULL,
                                   "builder %zu: expected an object, got %s", i + 1,
                                   kiln_node_type_name(item->type));
    }
    kiln_fix_set(root, "builders", fix_list(root, list, KILN_FIX_BUILDER, 0));
    return true;
}

/* A single one may stand for a list. */
static void fix_provisioners(struct kiln_fix_object *root)
{
    const struct kiln_node *list = kiln_fix_get(root, "provisioners");

    if (!list || list->type == KILN_NODE_NULL)
        return;
    if (list->type != KILN_NODE_LIST)
        list = kiln_fix_list(root->tree, &list, 1, list->offset);
    kiln_fix_set(root, "provisioners", fix_list(root, list, KILN_FIX_PROVISIONER, 0));
}

static bool fix_postprocessors(struct kiln_fix_object *root, struct kiln_diag *diag)
{
    const struct kiln_node *list = kiln_fix_get(root, "post-processors");

    if (!list || list->type == KILN_NODE_NULL)
        return true;
    if (!is_a_list(list, "post-processors", diag))
        return false;
    kiln_fix_set(root, "post-processors", fix_list(root, list, KILN_FIX_POSTPROCESSOR, 1));
    return true;
}

bool kiln_fix(struct kiln_source *source, struct kiln_str *out, struct kiln_diag *diag)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = kiln_json_parse_lenient(source, diag);
    const struct kiln_node *value = tree ? kiln_tree_root(tree) : NULL;
    size_t errors = diag->errors;
    struct kiln_fix_object root;

    if (!value)
        return false;
    if (value->type != KILN_NODE_OBJECT)
        return kiln_diag_error(diag, source, value->offset, NULL,
                               "a template is an object, not a %s",
                               kiln_node_type_name(value->type));
    root = kiln_fix_open(tree, value, diag);
    if (!fix_builders(&root, diag) || !fix_postprocessors(&root, diag))
        return false;
    fix_provisioners(&root);
    if (diag->errors > errors)
        return false;
    kiln_json_write(kiln_fix_close(&root), out);
    kiln_str_addc(out, '\n');
    return true;
}
