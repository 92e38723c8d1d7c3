/*
 * Reading members of an object into C values, with an error at the member's place when the type is
 * wrong. null counts as absent, as in Packer. Internal to template/; component options go through
 * config/ instead.
 */
#ifndef KILN_TEMPLATE_SHAPE_H
#define KILN_TEMPLATE_SHAPE_H

#include "base/strv.h"
#include "template/node.h"
#include "template/template.h"

#define KILN_VARIABLES_ARE_STRINGS                                                                 \
    "variables are strings; a list can be one string with commas: \"a,b\""

struct kiln_shape {
    struct kiln_diag *diag;
    const char *where; /* in front of every error: "provisioner 1: ", or "" */
    bool weak;         /* scalars convert to each other (packer-core.md, 5.2 and 9.1) */
};

/** `'key' expected type 'want', got …`; false. */
bool kiln_shape_error(const struct kiln_shape *shape, const char *key,
                      const struct kiln_node *value, const char *want, const char *fix);

/** "put it in quotes: …" for a number or a bool that should be a string; caller frees; else NULL.
 */
char *kiln_shape_string_fix(const struct kiln_node *value);
/** The value if it is of `type`; NULL if absent, null or (with an error) of another type. */
const struct kiln_node *kiln_shape_get(const struct kiln_shape *shape,
                                       const struct kiln_node *object, const char *key,
                                       enum kiln_node_type type);
/** Text of a member, caller frees; NULL if absent, null, empty or (with an error) no string. */
char *kiln_shape_string(const struct kiln_shape *shape, const struct kiln_node *object,
                        const char *key);
/** Appends the strings of a list; with weak, a scalar is a list of one. */
void kiln_shape_strings(const struct kiln_shape *shape, const struct kiln_node *object,
                        const char *key, struct kiln_strv *out);
/** The same for a list at hand. */
void kiln_shape_list_strings(const struct kiln_shape *shape, const char *key,
                             const struct kiln_node *list, struct kiln_strv *out);
/** A duration such as "1m30s" in nanoseconds; 0 if absent. A number is nanoseconds. */
int64_t kiln_shape_duration(const struct kiln_shape *shape, const struct kiln_node *object,
                            const char *key);
enum kiln_tristate kiln_shape_bool(const struct kiln_shape *shape, const struct kiln_node *object,
                                   const char *key);

#endif
