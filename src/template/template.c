#include "template/template.h"

#include "base/fs.h"
#include "base/mem.h"
#include "template/component.h"
#include "template/shape.h"

void kiln_template_free(struct kiln_template *t)
{
    if (!t)
        return;
    kiln_component_list_done(&t->builders);
    kiln_component_list_done(&t->provisioners);
    if (t->cleanup)
        kiln_component_done(t->cleanup);
    free(t->cleanup);
    for (size_t i = 0; i < t->n_sequences; i++)
        kiln_component_list_done(&t->sequences[i]);
    free(t->sequences);
    for (size_t i = 0; i < t->n_variables; i++) {
        free(t->variables[i].name);
        free(t->variables[i].default_value);
    }
    free(t->variables);
    kiln_strv_done(&t->sensitive);
    free(t->path);
    free(t->dir);
    free(t->description);
    free(t->min_version);
    kiln_tree_free(t->tree);
    free(t);
}

static void variable_error(const struct kiln_member *m, struct kiln_diag *diag)
{
    const struct kiln_node *value = m->value;
    KILN_AUTO_FREE char *fix = kiln_shape_string_fix(value);

    if (!fix)
        fix = kiln_xstrdup(KILN_VARIABLES_ARE_STRINGS);
    kiln_diag_error(diag, value->source, value->offset, fix,
                    "variable %s: expected type 'string', got %s", m->key,
                    kiln_node_type_name(value->type));
}

static void read_variables(struct kiln_template *t, const struct kiln_node *object,
                           struct kiln_diag *diag)
{
    t->variables = kiln_xcalloc(object->u.object.n + 1, sizeof(*t->variables));
    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];
        struct kiln_variable *v = &t->variables[t->n_variables];

        if (m->value->type != KILN_NODE_STRING && m->value->type != KILN_NODE_NULL) {
            variable_error(m, diag);
            continue;
        }
        t->n_variables++;
        v->name = kiln_xstrdup(m->key);
        v->node = m->value;
        v->offset = m->key_offset;
        if (m->value->type == KILN_NODE_STRING)
            v->default_value = kiln_xstrdup(m->value->u.string.s);
    }
}

static void read_sensitive(struct kiln_template *t, const struct kiln_node *list,
                           struct kiln_diag *diag)
{
    struct kiln_shape shape = { diag, "", false };

    kiln_shape_list_strings(&shape, "sensitive-variables", list, &t->sensitive);
}

static void read_description(struct kiln_template *t, const struct kiln_node *string,
                             struct kiln_diag *diag)
{
    (void)diag;
    if (string->u.string.len > 0)
        t->description = kiln_xstrdup(string->u.string.s);
}

static void read_min_version(struct kiln_template *t, const struct kiln_node *string,
                             struct kiln_diag *diag)
{
    (void)diag;
    if (string->u.string.len > 0)
        t->min_version = kiln_xstrdup(string->u.string.s);
}

/* A list of objects of strings, without effect. */
static void check_comments(struct kiln_template *t, const struct kiln_node *list,
                           struct kiln_diag *diag)
{
    struct kiln_shape shape = { diag, "", false };

    (void)t;
    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];

        if (item->type != KILN_NODE_OBJECT)
            (void)kiln_shape_error(&shape, "comments", item, "list of objects", NULL);
        for (size_t k = 0; item->type == KILN_NODE_OBJECT && k < item->u.object.n; k++)
            if (item->u.object.members[k].value->type != KILN_NODE_STRING)
                (void)kiln_shape_error(&shape, item->u.object.members[k].key,
                                       item->u.object.members[k].value, "string", NULL);
    }
}

static const struct {
    const char *key;
    enum kiln_node_type type;
    /* May be NULL: only the type is checked. */
    void (*read)(struct kiln_template *t, const struct kiln_node *value, struct kiln_diag *diag);
} root_keys[] = {
    { "builders", KILN_NODE_LIST, kiln_template_read_builders },
    { "provisioners", KILN_NODE_LIST, kiln_template_read_provisioners },
    { "post-processors", KILN_NODE_LIST, kiln_template_read_sequences },
    { "error-cleanup-provisioner", KILN_NODE_OBJECT, kiln_template_read_cleanup },
    { "variables", KILN_NODE_OBJECT, read_variables },
    { "sensitive-variables", KILN_NODE_LIST, read_sensitive },
    { "min_packer_version", KILN_NODE_STRING, read_min_version },
    { "description", KILN_NODE_STRING, read_description },
    { "comments", KILN_NODE_LIST, check_comments },
    { "push", KILN_NODE_OBJECT, NULL },
};

/* A key nobody knows; one that begins with _ is a comment, which has to be a string. */
static void check_unknown_key(const struct kiln_member *m, struct kiln_diag *diag)
{
    const char *names[KILN_COUNT(root_keys)];
    KILN_AUTO_FREE char *fix = NULL;
    const char *near;

    if (m->key[0] == '_') {
        if (m->value->type != KILN_NODE_STRING)
            kiln_diag_error(diag, m->value->source, m->value->offset, "write a string",
                            "Failed to cast root level comment value in comment \"%s\" to string, "
                            "got %s",
                            m->key, kiln_node_type_name(m->value->type));
        return;
    }
    for (size_t i = 0; i < KILN_COUNT(root_keys); i++)
        names[i] = root_keys[i].key;
    near = kiln_did_you_mean(m->key, names, KILN_COUNT(names));
    fix = near ? kiln_xasprintf("did you mean \"%s\"?", near)
               : kiln_xstrdup("the keys are builders, provisioners, post-processors, variables, "
                              "sensitive-variables, error-cleanup-provisioner, "
                              "min_packer_version, description; _NAME for a comment");
    kiln_diag_error(diag, m->value->source, m->key_offset, fix,
                    "Unknown root level key in template: '%s'", m->key);
}

/* Member by member, so that errors come in the order of the text. */
static void read_root(struct kiln_template *t, const struct kiln_node *root, struct kiln_diag *diag)
{
    struct kiln_shape shape = { diag, "", false };

    for (size_t i = 0; i < root->u.object.n; i++) {
        const struct kiln_member *m = &root->u.object.members[i];
        const struct kiln_node *value;
        size_t k = 0;

        while (k < KILN_COUNT(root_keys) && kiln_node_member(root, root_keys[k].key) != m)
            k++;
        if (k == KILN_COUNT(root_keys)) {
            check_unknown_key(m, diag);
            continue;
        }
        value = kiln_shape_get(&shape, root, root_keys[k].key, root_keys[k].type);
        if (value && root_keys[k].read)
            root_keys[k].read(t, value, diag);
    }
}

static char *template_dir(const char *path)
{
    KILN_AUTO_FREE char *abs = kiln_path_abs(strcmp(path, "-") == 0 ? "./-" : path);

    return kiln_path_dir(abs);
}

struct kiln_template *kiln_template_load(struct kiln_source *source, const char *path,
                                         struct kiln_diag *diag)
{
    struct kiln_tree *tree = kiln_json_parse(source, diag);
    const struct kiln_node *root;
    struct kiln_template *t;
    size_t errors = diag->errors;

    if (!tree)
        return NULL;
    t = kiln_xcalloc(1, sizeof(*t));
    t->tree = tree;
    t->path = kiln_xstrdup(path);
    t->dir = template_dir(path);
    root = kiln_tree_root(tree);
    if (root->type == KILN_NODE_OBJECT)
        read_root(t, root, diag);
    else
        kiln_diag_error(diag, source, root->offset,
                        "a template is one object: { \"builders\": [ ... ] }",
                        "expected an object, got %s", kiln_node_type_name(root->type));
    if (diag->errors == errors)
        return t;
    kiln_template_free(t);
    return NULL;
}
