#include "template/component.h"

#include "base/mem.h"
#include "template/shape.h"

static const char *const builder_keys[] = { "type", "name" };
static const char *const provisioner_keys[] = { "type",         "only",        "except", "override",
                                                "pause_before", "max_retries", "timeout" };
static const char *const postprocessor_keys[] = { "type", "name", "only", "except",
                                                  "keep_input_artifact" };

void kiln_component_done(struct kiln_component *c)
{
    free(c->type);
    free(c->name);
    free(c->max_retries);
    kiln_strv_done(&c->only);
    kiln_strv_done(&c->except);
    *c = (struct kiln_component){ 0 };
}

void kiln_component_list_done(struct kiln_component_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        kiln_component_done(&list->items[i]);
    free(list->items);
    *list = (struct kiln_component_list){ 0 };
}

bool kiln_component_applies(const struct kiln_component *c, const char *raw_builder_name)
{
    if (c->only.n > 0)
        return kiln_strv_has(&c->only, raw_builder_name);
    return !kiln_strv_has(&c->except, raw_builder_name);
}

static bool is_object(const struct kiln_shape *shape, const struct kiln_node *node)
{
    if (node->type == KILN_NODE_OBJECT)
        return true;
    return kiln_diag_error(shape->diag, node->source, node->offset,
                           "write { \"type\": \"...\", ... }", "%sexpected an object, got %s",
                           shape->where, kiln_node_type_name(node->type));
}

/* The rest of an object after its core keys; the core keys by exact spelling. */
static void set_node(struct kiln_template *t, struct kiln_component *c,
                     const struct kiln_node *node, const char *const *keys, size_t n_keys)
{
    c->node = node;
    c->config = kiln_node_without(t->tree, node, keys, n_keys);
}

static bool missing_type(const struct kiln_shape *shape, const struct kiln_node *node,
                         const char *text, const char *example)
{
    KILN_AUTO_FREE char *fix = kiln_xasprintf("add \"type\": \"%s\"", example);

    return kiln_diag_error(shape->diag, node->source, node->offset, fix, "%s%s", shape->where,
                           text);
}

static bool read_builder(struct kiln_template *t, const struct kiln_shape *shape,
                         const struct kiln_node *node, struct kiln_component *c)
{
    size_t errors = shape->diag->errors;

    if (!is_object(shape, node))
        return false;
    c->type = kiln_shape_string(shape, node, "type");
    c->name = kiln_shape_string(shape, node, "name");
    set_node(t, c, node, builder_keys, KILN_COUNT(builder_keys));
    if (shape->diag->errors > errors)
        return false;
    if (!c->type)
        return missing_type(shape, node, "missing 'type'", "qemu");
    if (!c->name)
        c->name = kiln_xstrdup(c->type);
    return true;
}

/* A map, weakly: an empty list is none, a list of one map is that map. */
static const struct kiln_node *read_override(const struct kiln_shape *shape,
                                             const struct kiln_node *node)
{
    const struct kiln_node *value = kiln_node_get(node, "override");

    if (value && value->type == KILN_NODE_LIST && value->u.list.n == 0)
        return NULL;
    if (value && value->type == KILN_NODE_LIST && value->u.list.n == 1 &&
        value->u.list.items[0]->type == KILN_NODE_OBJECT)
        return value->u.list.items[0];
    return kiln_shape_get(shape, node, "override", KILN_NODE_OBJECT);
}

static bool read_provisioner(struct kiln_template *t, const struct kiln_shape *shape,
                             const struct kiln_node *node, struct kiln_component *c)
{
    size_t errors = shape->diag->errors;

    if (!is_object(shape, node))
        return false;
    c->type = kiln_shape_string(shape, node, "type");
    kiln_shape_strings(shape, node, "only", &c->only);
    kiln_shape_strings(shape, node, "except", &c->except);
    c->override = read_override(shape, node);
    c->pause_before_ns = kiln_shape_duration(shape, node, "pause_before");
    c->timeout_ns = kiln_shape_duration(shape, node, "timeout");
    c->max_retries = kiln_shape_string(shape, node, "max_retries");
    set_node(t, c, node, provisioner_keys, KILN_COUNT(provisioner_keys));
    if (shape->diag->errors > errors)
        return false;
    if (!c->type)
        return missing_type(shape, node, "Provisioner missing 'type'", "shell");
    return true;
}

static bool read_postprocessor(struct kiln_template *t, const struct kiln_shape *shape,
                               const struct kiln_node *node, struct kiln_component *c)
{
    size_t errors = shape->diag->errors;

    if (node->type == KILN_NODE_STRING) { /* "manifest" for { "type": "manifest" } */
        c->type = node->u.string.len ? kiln_xstrdup(node->u.string.s) : NULL;
        c->node = node;
        c->config = kiln_node_new_object(t->tree, node->offset);
    } else {
        c->type = kiln_shape_string(shape, node, "type");
        c->name = kiln_shape_string(shape, node, "name");
        kiln_shape_strings(shape, node, "only", &c->only);
        kiln_shape_strings(shape, node, "except", &c->except);
        c->keep_input_artifact = kiln_shape_bool(shape, node, "keep_input_artifact");
        set_node(t, c, node, postprocessor_keys, KILN_COUNT(postprocessor_keys));
    }
    if (shape->diag->errors > errors)
        return false;
    if (!c->type)
        return missing_type(shape, node, "type is required", "manifest");
    if (!c->name)
        c->name = kiln_xstrdup(c->type);
    return true;
}

struct named {
    const char *name;
    size_t i;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);

    return by_name ? by_name : x->i < y->i ? -1 : 1;
}

static int compare_index(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

void kiln_report_same_names(const struct kiln_component_list *list, const char *const *names,
                            struct kiln_diag *diag)
{
    KILN_AUTO_FREE struct named *sorted = kiln_xcalloc(list->n + 1, sizeof(*sorted));
    KILN_AUTO_FREE size_t *again = kiln_xcalloc(list->n + 1, sizeof(*again));
    size_t n_again = 0, n = 0;

    for (size_t i = 0; i < list->n; i++)
        if (names[i])
            sorted[n++] = (struct named){ names[i], i };
    qsort(sorted, n, sizeof(*sorted), compare_named);
    for (size_t i = 1; i < n; i++)
        if (strcmp(sorted[i].name, sorted[i - 1].name) == 0)
            again[n_again++] = sorted[i].i;
    qsort(again, n_again, sizeof(*again), compare_index); /* report in the template's order */
    for (size_t i = 0; i < n_again; i++) {
        const struct kiln_node *node = list->items[again[i]].node;
        const struct kiln_member *m = kiln_node_member(node, "name");

        kiln_diag_error(diag, node->source, m ? m->value->offset : node->offset,
                        "give each builder a \"name\" of its own",
                        "builder %zu: builder with name '%s' already exists", again[i] + 1,
                        names[again[i]]);
    }
}

void kiln_template_read_builders(struct kiln_template *t, const struct kiln_node *list,
                                 struct kiln_diag *diag)
{
    struct kiln_component_list *out = &t->builders;
    KILN_AUTO_FREE const char **names = kiln_xcalloc(list->u.list.n + 1, sizeof(*names));

    out->items = kiln_xcalloc(list->u.list.n + 1, sizeof(*out->items));
    for (size_t i = 0; i < list->u.list.n; i++) {
        KILN_AUTO_FREE char *where = kiln_xasprintf("builder %zu: ", i + 1);
        struct kiln_shape shape = { diag, where, true };

        if (read_builder(t, &shape, list->u.list.items[i], &out->items[i]))
            names[i] = out->items[i].name;
        out->n++;
    }
    kiln_report_same_names(out, names, diag);
}

void kiln_template_read_provisioners(struct kiln_template *t, const struct kiln_node *list,
                                     struct kiln_diag *diag)
{
    struct kiln_component_list *out = &t->provisioners;

    out->items = kiln_xcalloc(list->u.list.n + 1, sizeof(*out->items));
    for (out->n = 0; out->n < list->u.list.n; out->n++) {
        KILN_AUTO_FREE char *where = kiln_xasprintf("provisioner %zu: ", out->n + 1);
        struct kiln_shape shape = { diag, where, true };

        (void)read_provisioner(t, &shape, list->u.list.items[out->n], &out->items[out->n]);
    }
}

void kiln_template_read_cleanup(struct kiln_template *t, const struct kiln_node *object,
                                struct kiln_diag *diag)
{
    struct kiln_shape shape = { diag, "On Error Cleanup Provisioner error: ", true };

    t->cleanup = kiln_xcalloc(1, sizeof(*t->cleanup));
    (void)read_provisioner(t, &shape, object, t->cleanup);
    /* Packer neither checks nor applies these here: the cleanup belongs to every build. */
    kiln_strv_done(&t->cleanup->only);
    kiln_strv_done(&t->cleanup->except);
}

static void read_sequence(struct kiln_template *t, const struct kiln_node *const *items, size_t n,
                          size_t number, struct kiln_diag *diag)
{
    struct kiln_component_list *out = &t->sequences[number - 1];

    out->items = kiln_xcalloc(n + 1, sizeof(*out->items));
    for (out->n = 0; out->n < n; out->n++) {
        const struct kiln_node *item = items[out->n];
        KILN_AUTO_FREE char *where = kiln_xasprintf("post-processor %zu.%zu: ", number, out->n + 1);
        struct kiln_shape shape = { diag, where, false };

        if (item->type == KILN_NODE_STRING || item->type == KILN_NODE_OBJECT)
            (void)read_postprocessor(t, &shape, item, &out->items[out->n]);
        else if (item->type == KILN_NODE_LIST)
            kiln_diag_error(diag, item->source, item->offset,
                            "write its items without the brackets",
                            "%ssequence not allowed to be nested in a sequence", where);
        else
            kiln_diag_error(diag, item->source, item->offset,
                            "write \"NAME\" or { \"type\": \"NAME\", ... }", "%sunknown format: %s",
                            where, kiln_node_type_name(item->type));
    }
}

void kiln_template_read_sequences(struct kiln_template *t, const struct kiln_node *list,
                                  struct kiln_diag *diag)
{
    size_t n = list->u.list.n;

    t->sequences = kiln_xcalloc(n + 1, sizeof(*t->sequences));
    for (size_t i = 0; i < n; i++) {
        const struct kiln_node *const *item = &list->u.list.items[i];

        t->n_sequences++;
        if ((*item)->type == KILN_NODE_STRING || (*item)->type == KILN_NODE_OBJECT)
            read_sequence(t, item, 1, i + 1, diag);
        else if ((*item)->type == KILN_NODE_LIST)
            read_sequence(t, (*item)->u.list.items, (*item)->u.list.n, i + 1, diag);
        else
            kiln_diag_error(diag, (*item)->source, (*item)->offset,
                            "write \"NAME\", { \"type\": \"NAME\", ... } or a list of those",
                            "post-processor %zu: bad format: %s", i + 1,
                            kiln_node_type_name((*item)->type));
    }
}
