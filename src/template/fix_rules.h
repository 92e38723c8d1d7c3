/*
 * Objects of a template in the making, and the fixers that change them; internal to fix.c. Nothing
 * is changed in place: what a fixer makes lives in the tree of the template.
 */
#ifndef KILN_TEMPLATE_FIX_RULES_H
#define KILN_TEMPLATE_FIX_RULES_H

#include "template/tree.h"

struct kiln_fix_object {
    struct kiln_tree *tree;
    struct kiln_member *members; /* in the tree; room for a few more */
    size_t n, room;
    size_t offset;
    struct kiln_diag *diag; /* borrowed; for what cannot be fixed */
};

struct kiln_fix_object kiln_fix_open(struct kiln_tree *tree, const struct kiln_node *object,
                                     struct kiln_diag *diag);
const struct kiln_node *kiln_fix_close(const struct kiln_fix_object *o);
/** Exact spelling, unlike kiln_node_get: the fixers know no other. NULL: there is none. */
const struct kiln_node *kiln_fix_get(const struct kiln_fix_object *o, const char *key);
const char *kiln_fix_get_string(const struct kiln_fix_object *o, const char *key);
void kiln_fix_drop(struct kiln_fix_object *o, const char *key);
void kiln_fix_set(struct kiln_fix_object *o, const char *key, const struct kiln_node *value);
void kiln_fix_set_text(struct kiln_fix_object *o, const char *key, const char *text);
/** `replace`: the old one wins over a new one that is there already. */
void kiln_fix_rename(struct kiln_fix_object *o, const char *from, const char *to, bool replace);
/** A list of these. */
const struct kiln_node *kiln_fix_list(struct kiln_tree *tree, const struct kiln_node *const *items,
                                      size_t n, size_t offset);

/* What a rule is about; each is applied to the result of the one before. */
enum kiln_fix_part { KILN_FIX_BUILDER, KILN_FIX_PROVISIONER, KILN_FIX_POSTPROCESSOR, KILN_FIX__N };

/** All rules of that part, in Packer's order. */
void kiln_fix_apply(struct kiln_fix_object *o, enum kiln_fix_part part);

#endif
