/* What can be said about a template once its variables have values: Packer's init phase. */
#include <inttypes.h>

#include "base/mem.h"
#include "template/component.h"
#include "template/interp.h"
#include "template/template.h"

struct check {
    const struct kiln_template *t;
    struct kiln_diag *diag;
    const struct kiln_strv *names; /* rendered, in template order; NULL: not known */
    const char **raw;              /* names as written, sorted; t->builders.n of them */
};

/* ---- min_packer_version ---- */

struct version {
    int64_t part[8];
};

/* "1.2.3" and shorter or longer, then perhaps "-beta" and "+meta"; one leading v is fine. */
static bool parse_version(const char *s, struct version *ret)
{
    struct version v = { 0 };

    s += *s == 'v';
    for (size_t n = 0;; n++, s++) {
        size_t digits = strspn(s, "0123456789");

        if (digits == 0 || digits > 18 || n == KILN_COUNT(v.part))
            return false;
        for (; digits > 0; digits--)
            v.part[n] = v.part[n] * 10 + (*s++ - '0');
        if (*s != '.')
            break;
    }
    s += strspn(s, "-~.+0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    *ret = v;
    return *s == '\0';
}

static void check_version(const struct check *c)
{
    const char *min = c->t->min_version;
    const struct kiln_node *root = kiln_tree_root(c->t->tree);
    const struct kiln_node *node = kiln_node_get(root, "min_packer_version");
    struct version want = { 0 }, have = { 0 };
    size_t i = 0;

    if (!min)
        return;
    if (!parse_version(min, &want)) {
        kiln_diag_error(c->diag, node->source, node->offset, "write it as \"1.9.0\"",
                        "min_version is invalid: Malformed version: %s", min);
        return;
    }
    (void)parse_version(KILN_PACKER_VERSION, &have);
    while (i < KILN_COUNT(have.part) && have.part[i] == want.part[i])
        i++;
    /* A prerelease of the very same version is older than it, and so is fine. */
    if (i < KILN_COUNT(have.part) && have.part[i] < want.part[i])
        kiln_diag_error(c->diag, node->source, node->offset,
                        "lower min_packer_version, or use a newer kiln",
                        "This template requires Packer version %s or higher; using %s", min,
                        KILN_PACKER_VERSION);
}

/* ---- builders ---- */

static void check_builders(const struct check *c)
{
    const struct kiln_node *root = kiln_tree_root(c->t->tree);
    const struct kiln_member *m = kiln_node_member(root, "builders");

    if (c->t->builders.n == 0)
        kiln_diag_error(c->diag, root->source, m ? m->key_offset : root->offset,
                        "add \"builders\": [ { \"type\": \"qemu\", ... } ]",
                        "at least one builder must be defined");
}

static bool render_names(const struct check *c, const struct kiln_vars *vars, int64_t start_us,
                         struct kiln_strv *names)
{
    struct kiln_interp ctx = {
        .user = &vars->values,
        .template_dir = c->t->dir,
        .start_us = start_us,
    };
    bool ok = true;

    for (size_t i = 0; i < c->t->builders.n; i++) {
        const struct kiln_component *b = &c->t->builders.items[i];
        const struct kiln_node *node = kiln_node_get(b->node, "name");
        KILN_AUTO_STR name = { 0 };
        KILN_AUTO_ERR err = { 0 };

        if (!kiln_interp_render_stable(&ctx, b->name, &name, &err))
            ok =
                kiln_diag_error(c->diag, b->node->source, node ? node->offset : b->node->offset,
                                NULL, "builder %zu: render 'name': %s", i + 1, kiln_err_text(&err));
        kiln_strv_add(names, kiln_str_cstr(&name));
    }
    return ok;
}

/* ---- only, except, override ---- */

/* How to mend a name that no builder has; caller frees. */
static char *name_fix(const struct check *c, const char *name)
{
    size_t n = c->t->builders.n;
    const char *near;
    KILN_AUTO_STR list = { 0 };

    for (size_t i = 0; c->names && i < n; i++)
        if (strcmp(c->names->v[i], name) == 0)
            return kiln_xasprintf("builders are named here as the template writes them: \"%s\"",
                                  c->t->builders.items[i].name);
    near = kiln_did_you_mean(name, c->raw, n);
    if (near)
        return kiln_xasprintf("did you mean \"%s\"?", near);
    for (size_t i = 0; i < n && i < 10; i++)
        kiln_str_addf(&list, "%s%s", i ? ", " : "", c->t->builders.items[i].name);
    return kiln_xasprintf("the builders are: %s%s", kiln_str_cstr(&list), n > 10 ? ", ..." : "");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_builder(const struct check *c, const char *name)
{
    return bsearch(&name, c->raw, c->t->builders.n, sizeof(*c->raw), compare_names) != NULL;
}

/* The place of item i of a list; a lone string is a list of one. */
static const struct kiln_node *list_item(const struct kiln_node *component, const char *key,
                                         size_t i)
{
    const struct kiln_node *list = kiln_node_get(component, key);

    return list->type == KILN_NODE_LIST ? list->u.list.items[i] : list;
}

static void check_list(const struct check *c, const char *where, const struct kiln_node *component,
                       const char *key, const struct kiln_strv *names)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct kiln_node *item = list_item(component, key, i);
        KILN_AUTO_FREE char *fix = NULL;

        if (is_builder(c, names->v[i]))
            continue;
        fix = c->diag->dropped ? NULL : name_fix(c, names->v[i]);
        kiln_diag_error(c->diag, item->source, item->offset, fix,
                        "%s: '%s' specified builder '%s' not found", where, key, names->v[i]);
    }
}

static void check_only_except(const struct check *c, const char *where,
                              const struct kiln_component *component)
{
    if (component->only.n > 0 && component->except.n > 0) {
        const struct kiln_member *m = kiln_node_member(component->node, "except");

        kiln_diag_error(c->diag, m->value->source, m->key_offset, "remove one of them",
                        "%s: only one of 'only' or 'except' may be specified", where);
        return;
    }
    check_list(c, where, component->node, "only", &component->only);
    check_list(c, where, component->node, "except", &component->except);
}

static void check_override(const struct check *c, const char *where,
                           const struct kiln_node *override)
{
    for (size_t i = 0; override && i < override->u.object.n; i++) {
        const struct kiln_member *m = &override->u.object.members[i];
        KILN_AUTO_FREE char *fix = NULL;

        if (!is_builder(c, m->key)) {
            fix = c->diag->dropped ? NULL : name_fix(c, m->key);
            kiln_diag_error(c->diag, m->value->source, m->key_offset, fix,
                            "%s: override '%s' doesn't exist", where, m->key);
        } else if (m->value->type != KILN_NODE_OBJECT && m->value->type != KILN_NODE_NULL) {
            kiln_diag_error(c->diag, m->value->source, m->value->offset,
                            "write { \"option\": value, ... }",
                            "%s: override '%s': expected an object, got %s", where, m->key,
                            kiln_node_type_name(m->value->type));
        }
    }
}

static void check_components(const struct check *c)
{
    for (size_t i = 0; i < c->t->provisioners.n; i++) {
        KILN_AUTO_FREE char *where = kiln_xasprintf("provisioner %zu", i + 1);

        check_only_except(c, where, &c->t->provisioners.items[i]);
        check_override(c, where, c->t->provisioners.items[i].override);
    }
    for (size_t i = 0; i < c->t->n_sequences; i++)
        for (size_t k = 0; k < c->t->sequences[i].n; k++) {
            KILN_AUTO_FREE char *where = kiln_xasprintf("post-processor %zu.%zu", i + 1, k + 1);

            check_only_except(c, where, &c->t->sequences[i].items[k]);
        }
}

bool kiln_template_check(const struct kiln_template *t, const struct kiln_vars *vars,
                         int64_t start_us, struct kiln_strv *ret_names, struct kiln_diag *diag)
{
    KILN_AUTO_FREE const char **raw = kiln_xcalloc(t->builders.n + 1, sizeof(*raw));
    KILN_AUTO_STRV names = { 0 };
    struct check c = { .t = t, .diag = diag, .raw = raw };
    size_t errors = diag->errors;

    for (size_t i = 0; i < t->builders.n; i++)
        raw[i] = t->builders.items[i].name;
    qsort(raw, t->builders.n, sizeof(*raw), compare_names);
    check_builders(&c);
    if (vars && render_names(&c, vars, start_us, &names)) {
        c.names = &names;
        kiln_report_same_names(&t->builders, (const char *const *)names.v, diag);
    }
    check_components(&c);
    check_version(&c);
    if (diag->errors > errors)
        return false;
    if (vars) {
        kiln_strv_done(ret_names);
        *ret_names = names;
        names = (struct kiln_strv){ 0 };
    }
    return true;
}
