/* The arena behind struct kiln_tree; for the parsers that fill one. */
#ifndef KILN_TEMPLATE_TREE_H
#define KILN_TEMPLATE_TREE_H

#include "base/arena.h"
#include "template/node.h"

struct json_object;

struct kiln_tree {
    struct kiln_source *source; /* a reference */
    struct kiln_arena arena;    /* all nodes */
    struct json_object *json;   /* owned; strings of the nodes live in it; may be NULL */
    const struct kiln_node *root;
};

struct kiln_tree *kiln_tree_new(struct kiln_source *source);
/** n * size zero bytes, aligned for any node, as long-lived as the tree. */
void *kiln_tree_alloc(struct kiln_tree *t, size_t n, size_t size);
/** A zeroed node of the tree's source. */
struct kiln_node *kiln_tree_node(struct kiln_tree *t, enum kiln_node_type type, size_t offset);

/**
 * As kiln_json_parse, but the way Packer reads variable files: of a repeated key the last value
 * counts and text after the document is ignored; both are warnings.
 */
struct kiln_tree *kiln_json_parse_lenient(struct kiln_source *source, struct kiln_diag *diag);

#endif
