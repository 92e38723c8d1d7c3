/* Variables: from defaults, files and flags to final values. packer-core.md, section 7. */
#include <inttypes.h>

#include "base/limits.h"
#include "base/mem.h"
#include "template/interp.h"
#include "template/shape.h"
#include "template/template.h"
#include "template/tree.h"
#include "template/vars_render.h"

#define MAX_PASSES 100

/* One value that somebody gave to a variable. Of several for one name the last counts. */
#define SHORTEST_SLIP 3 /* bytes of a name that may be a slip of another */

struct entry {
    const char *name;             /* borrowed */
    const char *raw;              /* borrowed; NULL: required, nobody gave one */
    const struct kiln_node *node; /* where it stands, or NULL: a flag */
    size_t order;
    bool failed;   /* reported */
    bool done;     /* final, no need to render it again */
    bool is_set;   /* has a value so far, at slot of the values */
    char *missing; /* owned; the variable it waits for, or NULL */
    size_t slot;   /* see is_set */
    size_t offset; /* in raw, of what waits */
};

struct resolver {
    const struct kiln_template *t;
    struct kiln_diag *diag;
    struct kiln_interp ctx;
    struct kiln_lookup own_lookup;    /* the context's: notes that something was looked up, */
    const struct kiln_lookup *lookup; /* and passes it on */
    bool looked_up;                   /* by the value that is being rendered */
    struct kiln_tree **trees;         /* of the variable files: entries point into them */
    size_t n_trees;
    struct kiln_strv split; /* names and values of flags */
    struct entry *entries;  /* sorted by name once complete */
    size_t n, cap;
    struct kiln_strmap values;
    struct kiln_strv secrets; /* what was made of things that were looked up */
};

void kiln_vars_done(struct kiln_vars *v)
{
    kiln_strmap_done(&v->values);
    kiln_strv_done(&v->sensitive);
}

void kiln_var_flags_done(struct kiln_var_flags *f)
{
    kiln_strv_done(&f->sets);
    kiln_strv_done(&f->files);
}

static void resolver_done(struct resolver *r)
{
    for (size_t i = 0; i < r->n_trees; i++)
        kiln_tree_free(r->trees[i]);
    free(r->trees);
    for (size_t i = 0; i < r->n; i++)
        free(r->entries[i].missing);
    free(r->entries);
    kiln_strv_done(&r->split);
    kiln_strmap_done(&r->values);
    kiln_strv_done(&r->secrets);
}

/* ---- collecting ---- */

static void add_entry(struct resolver *r, const char *name, const char *raw,
                      const struct kiln_node *node)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->entries = kiln_xrealloc(r->entries, r->cap, sizeof(*r->entries));
    }
    r->entries[r->n] = (struct entry){ .name = name, .raw = raw, .node = node, .order = r->n };
    r->n++;
}

static void add_defaults(struct resolver *r)
{
    for (size_t i = 0; i < r->t->n_variables; i++) {
        const struct kiln_variable *v = &r->t->variables[i];

        add_entry(r, v->name, v->default_value, v->node);
    }
}

static bool file_error(struct resolver *r, const struct kiln_node *value, const char *fix,
                       const char *what)
{
    return kiln_diag_error(r->diag, value->source, value->offset, fix,
                           "Error reading variables in '%s': %s, got %s", value->source->name, what,
                           kiln_node_type_name(value->type));
}

static void add_file_values(struct resolver *r, const struct kiln_node *root)
{
    if (root->type != KILN_NODE_OBJECT) {
        (void)file_error(r, root, "write { \"name\": \"value\", ... }", "expected an object");
        return;
    }
    for (size_t i = 0; i < root->u.object.n; i++) {
        const struct kiln_member *m = &root->u.object.members[i];
        KILN_AUTO_FREE char *what = NULL;

        if (m->value->type == KILN_NODE_STRING) {
            add_entry(r, m->key, m->value->u.string.s, m->value);
        } else if (m->value->type == KILN_NODE_NULL) {
            add_entry(r, m->key, "", m->value); /* as Packer: set, and empty */
        } else {
            what = kiln_xasprintf("variable %s: expected a string", m->key);
            (void)file_error(r, m->value,
                             m->value->type < KILN_NODE_LIST ? "put the value in quotes"
                                                             : KILN_VARIABLES_ARE_STRINGS,
                             what);
            add_entry(r, m->key, "", m->value); /* it was set, if badly */
        }
    }
}

static void add_files(struct resolver *r, const struct kiln_strv *files)
{
    r->trees = kiln_xcalloc(files->n + 1, sizeof(struct kiln_tree *));
    for (size_t i = 0; i < files->n; i++) {
        struct kiln_source *source;
        struct kiln_tree *tree;
        KILN_AUTO_ERR err = { 0 };

        if (kiln_has_suffix(files->v[i], ".hcl")) {
            kiln_diag_error(r->diag, NULL, KILN_NO_PLACE, "write { \"name\": \"value\", ... }",
                            "Error reading variables in '%s': HCL2 is not supported yet",
                            files->v[i]);
            continue;
        }
        if (!kiln_source_read(&source, files->v[i], &err)) {
            kiln_diag_error(r->diag, NULL, KILN_NO_PLACE, NULL,
                            "Error reading variables in '%s': %s", files->v[i],
                            kiln_err_text(&err));
            continue;
        }
        source->secret = r->t->sensitive.n > 0;
        tree = kiln_json_parse_lenient(source, r->diag);
        kiln_source_unref(source);
        if (!tree)
            continue;
        r->trees[r->n_trees++] = tree;
        add_file_values(r, kiln_tree_root(tree));
    }
}

/* Packer passes over what the template does not declare, and so do we, but for what looks like a
 * slip of the fingers: the build would go on with the default. */
static void check_declared(struct resolver *r, const char *name)
{
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_FREE char *fix = NULL;
    const char *guess;

    for (size_t i = 0; i < r->t->n_variables; i++)
        kiln_strv_add(&names, r->t->variables[i].name);
    if (strlen(name) < SHORTEST_SLIP || kiln_strv_has(&names, name))
        return;
    guess = kiln_did_you_mean(name, (const char *const *)names.v, names.n);
    if (!guess)
        return;
    fix = kiln_xasprintf("did you mean \"%s\"?", guess);
    kiln_diag_warning(r->diag, NULL, KILN_NO_PLACE, fix,
                      "-var: the template has no variable \"%s\"", name);
}

static void add_sets(struct resolver *r, const struct kiln_strv *sets)
{
    for (size_t i = 0; i < sets->n; i++) {
        const char *eq = strchr(sets->v[i], '=');

        if (!eq) {
            kiln_diag_error(r->diag, NULL, KILN_NO_PLACE, "write -var 'NAME=VALUE'",
                            "-var: No '=' value in arg: %s", sets->v[i]);
            continue;
        }
        kiln_strv_add_take(&r->split, kiln_xstrndup(sets->v[i], (size_t)(eq - sets->v[i])));
        add_entry(r, r->split.v[r->split.n - 1], eq + 1, NULL);
        check_declared(r, r->split.v[r->split.n - 1]);
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);

    return by_name ? by_name : x->order < y->order ? -1 : 1;
}

static int compare_name(const void *name, const void *e)
{
    return strcmp(name, ((const struct entry *)e)->name);
}

static struct entry *find(const struct resolver *r, const char *name)
{
    return r->n ? bsearch(name, r->entries, r->n, sizeof(*r->entries), compare_name) : NULL;
}

/* Sort by name and keep the last of each; then every required variable has to have a value. */
static void settle(struct resolver *r, size_t errors)
{
    size_t kept = 0;

    if (r->n > 0)
        qsort(r->entries, r->n, sizeof(*r->entries), compare_entries);
    for (size_t i = 0; i < r->n; i++) {
        bool replaced = i + 1 < r->n && strcmp(r->entries[i].name, r->entries[i + 1].name) == 0;

        if (!replaced)
            r->entries[kept++] = r->entries[i];
    }
    r->n = kept;
    if (r->diag->errors > errors)
        return; /* it may have been in the file that could not be read */
    for (size_t i = 0; i < r->t->n_variables; i++) {
        const struct kiln_variable *v = &r->t->variables[i];
        KILN_AUTO_FREE char *fix = NULL;

        if (find(r, v->name)->raw)
            continue;
        fix = kiln_xasprintf("pass -var '%s=VALUE', or set it in a -var-file", v->name);
        kiln_diag_error(r->diag, v->node->source, v->offset, fix, "required variable not set: %s",
                        v->name);
    }
}

/* ---- rendering ---- */

static bool is_default(const struct resolver *r, const struct entry *e)
{
    return e->node && e->node->source == r->t->tree->source;
}

/* A secret that came from outside: no message may repeat any of it, and the engine's quote parts.
 */
static bool is_hidden(const struct resolver *r, const struct entry *e)
{
    return kiln_strv_has(&r->t->sensitive, e->name) && !is_default(r, e);
}

static void render_error(struct resolver *r, struct entry *e, size_t offset, struct kiln_err *err)
{
    struct kiln_source *source = e->node ? e->node->source : NULL;
    size_t place = e->node ? kiln_node_text_offset(e->node, offset) : KILN_NO_PLACE;
    KILN_AUTO_FREE char *hint = kiln_interp_hint(e->raw, offset, err);

    e->failed = true;
    if (is_hidden(r, e))
        kiln_diag_error(r->diag, source, place, "for literal braces write {{`{{`}}",
                        "error interpolating value for sensitive variable '%s': it holds {{ and is "
                        "not a valid template",
                        e->name);
    else
        kiln_diag_error(r->diag, source, place, hint, "error interpolating %s for '%s': %s",
                        is_default(r, e) ? "default value"
                        : e->node        ? "value"
                                         : "-var value",
                        e->name, kiln_err_text(err));
    kiln_err_clear(err);
}

/* The variable that an error says is not set; caller frees. NULL: it is another error. */
static char *missing_variable(const struct kiln_err *err)
{
    const char *mark = strstr(kiln_err_text(err), KILN_INTERP_NOT_SET);
    const char *name = mark ? mark + strlen(KILN_INTERP_NOT_SET) : NULL;

    return name ? kiln_xstrndup(name, strcspn(name, "\n")) : NULL;
}

/* As kiln_strmap_set, but knows where the name stands. True if that changed something. */
static bool set_value(struct resolver *r, struct entry *e, const char *value)
{
    if (!e->is_set) {
        e->is_set = true;
        e->slot = r->values.keys.n;
        kiln_strv_add(&r->values.keys, e->name);
        kiln_strv_add(&r->values.values, value);
        return true;
    }
    if (strcmp(r->values.values.v[e->slot], value) == 0)
        return false;
    kiln_strv_set(&r->values.values, e->slot, value);
    return true;
}

static bool look_up(void *ud, enum kiln_lookup_kind kind, const char *name, const char *key,
                    struct kiln_str *out, struct kiln_err *err)
{
    struct resolver *r = ud;

    r->looked_up = true;
    return r->lookup->get(r->lookup->ud, kind, name, key, out, err);
}

static void add_secret(struct kiln_strv *secrets, const char *value)
{
    if (value && value[0] != '\0' && !kiln_strv_has(secrets, value))
        kiln_strv_add(secrets, value);
}

/* True if the value is new or another than before. */
static bool render_entry(struct resolver *r, struct entry *e)
{
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_RENDERED);
    KILN_AUTO_ERR err = { 0 };
    size_t offset = 0;

    r->looked_up = false;
    if (!kiln_interp_has_action(e->raw)) {
        kiln_str_adds(&text, e->raw);
    } else if (!kiln_vars_render(&r->ctx, e->raw, &text, &offset, &err)) {
        free(e->missing);
        e->missing = missing_variable(&err);
        e->offset = offset;
        if (!e->missing)
            render_error(r, e, offset, &err);
        return false;
    }
    if (!kiln_str_ok(&text, "the value of a variable", &err)) {
        render_error(r, e, 0, &err);
        return false;
    }
    free(e->missing);
    e->missing = NULL;
    e->done = !kiln_vars_is_open(e->raw);
    if (r->looked_up) /* whoever asked knows the secret itself, but not what became of it */
        add_secret(&r->secrets, kiln_str_cstr(&text));
    return set_value(r, e, kiln_str_cstr(&text));
}

/*
 * Packer renders values with a backquoted {{user}} on each of its 100 passes; only {{uuid}} can
 * still change something once a pass changes nothing, so that is where to stop.
 */
static void render_all(struct resolver *r)
{
    bool changed = true;

    for (int pass = 0; changed && pass < MAX_PASSES; pass++) {
        changed = false;
        for (size_t i = 0; i < r->n; i++) {
            struct entry *e = &r->entries[i];

            if (!e->done && !e->failed)
                changed |= render_entry(r, e);
        }
    }
}

static void report_missing(struct resolver *r, const struct entry *e, const char *fix,
                           const char *why)
{
    kiln_diag_error(r->diag, e->node ? e->node->source : NULL,
                    e->node ? kiln_node_text_offset(e->node, e->offset) : KILN_NO_PLACE, fix,
                    "Failed to interpolate \"%s\": %s", e->name, why);
}

/* What to do about a variable that nobody defined; caller frees. */
static char *undefined_fix(const struct resolver *r, const char *missing)
{
    KILN_AUTO_FREE const char **names = kiln_xcalloc(r->n + 1, sizeof(*names));
    const char *near;

    for (size_t i = 0; i < r->n; i++)
        names[i] = r->entries[i].name;
    near = kiln_did_you_mean(missing, names, r->n);
    return near ? kiln_xasprintf("did you mean \"%s\"?", near)
                : kiln_xasprintf("define \"%s\" under \"variables\", or pass -var '%s=VALUE'",
                                 missing, missing);
}

static void report_undefined(struct resolver *r, const struct entry *e)
{
    KILN_AUTO_FREE char *why = kiln_xasprintf("variable not set: %s", e->missing);
    KILN_AUTO_FREE char *fix = NULL;

    if (is_hidden(r, e)) {
        report_missing(r, e, "for literal braces write {{`{{`}}",
                       "its value names a variable that is not set");
        return;
    }
    if (r->diag->dropped == 0) /* else nobody sees it, and there may be many */
        fix = undefined_fix(r, e->missing);
    report_missing(r, e, fix, why);
}

/* Everybody waits for somebody who waits: shows one circle. */
static void report_cycle(struct resolver *r, const struct entry *start)
{
    KILN_AUTO_STR why = { 0 };
    const struct entry *e = start;

    for (size_t i = 0; i < r->n; i++) { /* after so many steps we are on the circle */
        const struct entry *next = find(r, e->missing);

        if (!next->missing) { /* it has its value now; the passes were used up */
            report_missing(r, start, "let it name the last variable of the chain directly",
                           "variables build on each other in too many levels");
            return;
        }
        e = next;
    }
    start = e;
    kiln_str_addf(&why, "variables refer to each other: %s", e->name);
    do {
        e = find(r, e->missing);
        kiln_str_addf(&why, " -> %s", e->name);
    } while (e != start);
    report_missing(r, start, "give one of them a value that does not name another",
                   kiln_str_cstr(&why));
}

/* Values that still wait for a variable. Those that wait for each other's turn follow from others.
 */
static void report_unresolved(struct resolver *r)
{
    struct entry *waiting = NULL;
    size_t errors = r->diag->errors;

    for (size_t i = 0; i < r->n; i++) {
        struct entry *e = &r->entries[i];

        if (!e->missing)
            continue;
        waiting = e;
        if (!find(r, e->missing))
            report_undefined(r, e);
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].failed)
            return;
    if (waiting && r->diag->errors == errors)
        report_cycle(r, waiting);
}

static void collect_sensitive(struct resolver *r)
{
    KILN_STRV_FOREACH (name, &r->t->sensitive)
        add_secret(&r->secrets, kiln_strmap_get(&r->values, name));
}

bool kiln_vars_resolve(const struct kiln_template *t, const struct kiln_var_flags *flags,
                       int64_t start_us, const struct kiln_lookup *lookup, struct kiln_vars *ret,
                       struct kiln_diag *diag)
{
    struct resolver r = { .t = t, .diag = diag, .lookup = lookup };
    size_t errors = diag->errors;

    r.own_lookup = (struct kiln_lookup){ look_up, &r };
    r.ctx = (struct kiln_interp){
        .user = &r.values,
        .template_dir = t->dir,
        .start_us = start_us,
        .allow_env = true,
        .lookup = lookup ? &r.own_lookup : NULL,
        .undefined_user_is_error = true,
    };
    add_defaults(&r);
    add_files(&r, &flags->files);
    add_sets(&r, &flags->sets);
    settle(&r, errors);
    if (diag->errors == errors) {
        render_all(&r);
        report_unresolved(&r);
    }
    collect_sensitive(&r);
    *ret = (struct kiln_vars){ .sensitive = r.secrets };
    r.secrets = (struct kiln_strv){ 0 };
    if (diag->errors == errors) {
        ret->values = r.values;
        r.values = (struct kiln_strmap){ 0 };
    }
    resolver_done(&r);
    return diag->errors == errors;
}

bool kiln_vars_check_files(const struct kiln_template *t, const struct kiln_strv *files,
                           struct kiln_diag *diag)
{
    struct resolver r = { .t = t, .diag = diag };
    size_t errors = diag->errors;

    add_files(&r, files);
    resolver_done(&r);
    return diag->errors == errors;
}
