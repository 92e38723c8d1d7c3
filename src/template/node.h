/*
 * The tree that every template language is read into: JSON today, HCL2 later. A node knows where it
 * came from. Nodes live in the arena of their tree (struct kiln_tree) and are immutable once built;
 * any thread may read.
 */
#ifndef KILN_TEMPLATE_NODE_H
#define KILN_TEMPLATE_NODE_H

#include <stdbool.h>

#include "template/diag.h"
#include "template/source.h"

enum kiln_node_type {
    KILN_NODE_NULL,
    KILN_NODE_BOOL,
    KILN_NODE_NUMBER,
    KILN_NODE_STRING,
    KILN_NODE_LIST,
    KILN_NODE_OBJECT,
};

struct kiln_member;

struct kiln_node {
    enum kiln_node_type type;
    struct kiln_source *source; /* borrowed from the tree */
    size_t offset;              /* first byte of the value in source */
    union {
        bool boolean;
        struct {
            double value;
            const char *text; /* as written: "1e21" */
        } number;
        struct {
            const char *s; /* UTF-8 without NUL (\u0000 is refused) */
            size_t len;
        } string;
        struct {
            const struct kiln_node *const *items;
            size_t n;
        } list;
        struct {
            const struct kiln_member *members; /* in source order, keys unique */
            size_t n;
        } object;
    } u;
};

struct kiln_member {
    const char *key;
    size_t key_offset; /* of the opening quote */
    const struct kiln_node *value;
};

struct kiln_tree; /* arena; owns its nodes and a reference to its source */

void kiln_tree_free(struct kiln_tree *t);
void kiln_tree_freep(struct kiln_tree **t);
const struct kiln_node *kiln_tree_root(const struct kiln_tree *t);

/**
 * Strict JSON (RFC 8259) through json-c. Reports syntax errors, duplicate keys (all of them), bad
 * UTF-8 and what limits.h forbids, each at its place. NULL if anything was reported.
 */
struct kiln_tree *kiln_json_parse(struct kiln_source *source, struct kiln_diag *diag);

/** Member of an object, exact name first, then case-insensitively (as Packer). NULL if absent. */
const struct kiln_member *kiln_node_member(const struct kiln_node *object, const char *key);
/** Value of a member or NULL. */
const struct kiln_node *kiln_node_get(const struct kiln_node *object, const char *key);
/** A new object in `t`: that of `from` without the members named in `keys` (exact spelling). */
const struct kiln_node *kiln_node_without(struct kiln_tree *t, const struct kiln_node *from,
                                          const char *const *keys, size_t n);
/** New nodes for values that no file holds. Strings are copied into the arena. */
const struct kiln_node *kiln_node_new_string(struct kiln_tree *t, const char *s, size_t offset);
/** A new object without members. */
const struct kiln_node *kiln_node_new_object(struct kiln_tree *t, size_t offset);
/**
 * Packer's weak conversion of a scalar to text: a number is its shortest decimal without exponent
 * (1e21 gives 22 digits), a bool "1" or "0", null "". NULL for a list or an object; caller frees.
 * Source: packer-core.md, 9.1.
 */
char *kiln_node_to_text(const struct kiln_node *scalar);
/** Where byte i of a string node's value stands in its source (escapes make it move); for carets.
 */
size_t kiln_node_text_offset(const struct kiln_node *string, size_t i);
/** "string", "number", "list" …, for messages. */
const char *kiln_node_type_name(enum kiln_node_type type);

#endif
