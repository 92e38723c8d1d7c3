/* From template to checked build: the supervisor's half of build.h. */
#include "base/limits.h"
#include "base/mem.h"
#include "engine/build.h"
#include "engine/data.h"
#include "engine/place.h"

/* The types of one list of the registry, for finding them and for "did you mean". */
struct types {
    const char **v; /* owned array of borrowed names */
    size_t n;
};

struct preparation {
    struct kiln_build *b;
    const struct kiln_component *builder;
    const struct kiln_registry *registry;
    struct types builders, provisioners, postprocessors;
    struct kiln_interp builder_interp;
    struct kiln_diag *diag;
};

#define TYPES_FILL(types, list)                                                                    \
    do {                                                                                           \
        while ((list)[(types)->n])                                                                 \
            (types)->n++;                                                                          \
        (types)->v = kiln_xcalloc((types)->n, sizeof(*(types)->v));                                \
        for (size_t i_ = 0; i_ < (types)->n; i_++)                                                 \
            (types)->v[i_] = (list)[i_]->schema->name;                                             \
    } while (0)

#define NOT_FOUND SIZE_MAX

static void preparation_done(struct preparation *p)
{
    free(p->builders.v);
    free(p->provisioners.v);
    free(p->postprocessors.v);
}

/* The value of a key as written, or the component. */
static const struct kiln_node *place(const struct kiln_component *decl, const char *key)
{
    const struct kiln_node *value =
        decl->node->type == KILN_NODE_OBJECT ? kiln_node_get(decl->node, key) : NULL;

    return value ? value : decl->node;
}

/* What to write instead; caller frees. */
static char *suggest(const struct types *types, const char *word)
{
    const char *guess = kiln_did_you_mean(word, types->v, types->n);
    struct kiln_str out = { 0 };

    if (guess) {
        kiln_str_addf(&out, "did you mean \"%s\"?", guess);
        return kiln_str_steal(&out);
    }
    kiln_str_adds(&out, "known are: ");
    for (size_t i = 0; i < types->n; i++)
        kiln_str_addf(&out, "%s%s", i ? ", " : "", types->v[i]);
    return kiln_str_steal(&out);
}

static size_t find_type(struct preparation *p, const struct types *types, const char *what,
                        const struct kiln_component *decl)
{
    const struct kiln_node *at = place(decl, "type");
    KILN_AUTO_FREE char *fix = NULL;

    for (size_t i = 0; i < types->n; i++) {
        if (strcmp(types->v[i], decl->type) == 0)
            return i;
    }
    fix = suggest(types, decl->type);
    (void)kiln_diag_error(p->diag, at->source, at->offset, fix, "unknown %s \"%s\"", what,
                          decl->type);
    return NOT_FOUND;
}

/* ---- one component ---- */

/* override matches raw builder names exactly, unlike other keys. null is as good as nothing. */
static const struct kiln_node *override_for(const struct kiln_component *decl, const char *builder)
{
    for (size_t i = 0; decl->override && i < decl->override->u.object.n; i++) {
        const struct kiln_member *m = &decl->override->u.object.members[i];

        if (strcmp(m->key, builder) == 0)
            return m->value->type == KILN_NODE_OBJECT ? m->value : NULL;
    }
    return NULL;
}

/* How a component is decoded and checked. */
struct recipe {
    const struct kiln_schema *schema;
    size_t cfg_size;
    bool (*prepare)(void *cfg, const struct kiln_prepare *); /* may be NULL */
    const struct kiln_interp *interp;
    const char *where;
};

/* The component's struct even if there were errors: what it holds must be released all the same. */
static void *decode(struct preparation *p, const struct recipe *r,
                    const struct kiln_component *decl)
{
    const struct kiln_node *nodes[] = { decl->config, override_for(decl, p->builder->name) };
    const struct kiln_prepare how = {
        .schema = r->schema,
        .nodes = nodes,
        .n_nodes = nodes[1] ? 2 : 1,
        .interp = r->interp,
        .diag = p->diag,
        .secrets = &p->b->secrets,
        .where = r->where,
        .debug = p->b->options->debug,
        .force = p->b->options->force,
        .network_ok = p->b->options->network_ok,
    };
    void *cfg = kiln_xcalloc(1, r->cfg_size);

    if (kiln_config_decode(&how, cfg) && r->prepare)
        (void)r->prepare(cfg, &how);
    return cfg;
}

static bool is_open(const char *secret, const struct kiln_strv *texts)
{
    KILN_STRV_FOREACH (text, texts) {
        if (strstr(text, secret))
            return true;
    }
    return false;
}

/* Passwords among the options, secrets from `first` on, that are said openly: in a name or path
 * ("packer" of the user packer, in output-qemu/packer-qemu), or so short that half of all words
 * would go with them. Hidden they would only spoil what is printed. */
static void drop_open_secrets(struct kiln_build *b, size_t first)
{
    KILN_AUTO_STRV texts = { 0 };
    struct kiln_strv kept = { 0 };

    kiln_strv_add(&texts, b->label);
    if (b->cfg)
        kiln_config_texts(b->ops->schema, b->cfg, KILN_OPEN, &texts);
    for (size_t i = 0; i < b->secrets.n; i++) {
        const char *secret = b->secrets.v[i];

        if (i < first || (strlen(secret) >= KILN_MIN_PASSWORD && !is_open(secret, &texts)))
            kiln_strv_add(&kept, secret);
    }
    kiln_strv_done(&b->secrets);
    b->secrets = kept;
}

static void prepare_builder(struct preparation *p)
{
    struct kiln_build *b = p->b;
    size_t at = find_type(p, &p->builders, "builder", p->builder);
    KILN_AUTO_FREE char *where = kiln_xasprintf("builder %s", p->builder->type);
    struct recipe r = { .interp = &p->builder_interp, .where = where };

    if (at == NOT_FOUND)
        return;
    b->ops = p->registry->builders[at];
    r.schema = b->ops->schema;
    r.cfg_size = b->ops->cfg_size;
    r.prepare = b->ops->prepare;
    b->cfg = decode(p, &r, p->builder);
}

static int64_t max_retries(struct preparation *p, const struct kiln_component *decl)
{
    const struct kiln_node *at = place(decl, "max_retries");
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int64_t n = 0;

    if (!decl->max_retries)
        return 0;
    if (!kiln_interp_render(&p->builder_interp, decl->max_retries, &text, NULL, &err)) {
        (void)kiln_err_wrap(&err, "failed to interpolate `max_retries`");
        (void)kiln_diag_take(p->diag, at->source, at->offset, &err);
    } else if (!kiln_parse_i64(kiln_str_cstr(&text), &n)) {
        (void)kiln_diag_error(p->diag, at->source, at->offset, NULL,
                              "`max_retries` must be a valid integer: strconv.Atoi: parsing "
                              "\"%s\": invalid syntax",
                              kiln_str_cstr(&text));
    }
    return n;
}

static void prepare_provisioner(struct preparation *p, const struct kiln_component *decl,
                                const char *where, struct kiln_build_provisioner *ret)
{
    size_t at = find_type(p, &p->provisioners, "provisioner", decl);
    struct recipe r = { .interp = &p->b->interp, .where = where };

    ret->decl = decl;
    ret->max_retries = max_retries(p, decl);
    if (at == NOT_FOUND)
        return;
    ret->ops = p->registry->provisioners[at];
    r.schema = ret->ops->schema;
    r.cfg_size = ret->ops->cfg_size;
    r.prepare = ret->ops->prepare;
    ret->cfg = decode(p, &r, decl);
}

static void prepare_provisioners(struct preparation *p)
{
    const struct kiln_component_list *list = &p->b->tpl->provisioners;
    const struct kiln_component *cleanup = p->b->tpl->cleanup;

    p->b->provisioners = kiln_xcalloc(list->n, sizeof(*p->b->provisioners));
    for (size_t i = 0; i < list->n; i++) {
        KILN_AUTO_FREE char *where =
            kiln_xasprintf("provisioner %zu (%s)", i + 1, list->items[i].type);

        if (kiln_component_applies(&list->items[i], p->builder->name))
            prepare_provisioner(p, &list->items[i], where,
                                &p->b->provisioners[p->b->n_provisioners++]);
    }
    if (cleanup) { /* its only and except mean nothing in JSON */
        KILN_AUTO_FREE char *where =
            kiln_xasprintf("error-cleanup-provisioner (%s)", cleanup->type);

        p->b->cleanup = kiln_xcalloc(1, sizeof(*p->b->cleanup));
        prepare_provisioner(p, cleanup, where, p->b->cleanup);
    }
}

static void prepare_postprocessor(struct preparation *p, const struct kiln_component *decl,
                                  const char *where, struct kiln_build_postprocessor *ret)
{
    size_t at = find_type(p, &p->postprocessors, "post-processor", decl);
    struct recipe r = { .interp = &p->b->interp, .where = where };

    ret->decl = decl;
    if (at == NOT_FOUND)
        return;
    ret->ops = p->registry->postprocessors[at];
    r.schema = ret->ops->schema;
    r.cfg_size = ret->ops->cfg_size;
    r.prepare = ret->ops->prepare;
    ret->cfg = decode(p, &r, decl);
}

/* only/except of a member drop that member; -except drops it and the rest of its sequence. */
static void prepare_sequence(struct preparation *p, const struct kiln_component_list *list,
                             size_t number, struct kiln_build_sequence *ret)
{
    ret->items = kiln_xcalloc(list->n, sizeof(*ret->items));
    for (size_t i = 0; i < list->n; i++) {
        const struct kiln_component *decl = &list->items[i];
        KILN_AUTO_FREE char *where = NULL;

        if (!kiln_component_applies(decl, p->builder->name))
            continue;
        if (kiln_strv_has(&p->b->options->except, decl->name))
            return;
        where = list->n == 1
                    ? kiln_xasprintf("post-processor %zu (%s)", number, decl->type)
                    : kiln_xasprintf("post-processor %zu.%zu (%s)", number, i + 1, decl->type);
        prepare_postprocessor(p, decl, where, &ret->items[ret->n++]);
    }
}

static void prepare_sequences(struct preparation *p)
{
    const struct kiln_template *t = p->b->tpl;

    p->b->sequences = kiln_xcalloc(t->n_sequences, sizeof(*p->b->sequences));
    for (size_t i = 0; i < t->n_sequences; i++) {
        struct kiln_build_sequence *sequence = &p->b->sequences[p->b->n_sequences];

        prepare_sequence(p, &t->sequences[i], i + 1, sequence);
        if (sequence->n > 0)
            p->b->n_sequences++;
        else /* all left out: as if it were not there, or nobody would keep the artifact */
            free(sequence->items);
    }
}

/* ---- the build ---- */

static void copy_breaks(struct kiln_build *b)
{
    KILN_STRV_FOREACH (spec, &b->options->breaks) {
        struct kiln_place place;

        if (!kiln_place_parse(spec, &place, NULL))
            continue; /* the flag's reader has checked it */
        if (kiln_place_is_for(&place, b->label))
            kiln_strv_add(&b->breaks, spec);
        kiln_place_done(&place);
    }
}

static struct kiln_build *new_build(const struct kiln_template *t, const struct kiln_vars *vars,
                                    const struct kiln_component *builder, const char *name,
                                    const struct kiln_build_options *options)
{
    struct kiln_build *b = kiln_xcalloc(1, sizeof(*b));

    b->tpl = t;
    b->decl = builder;
    b->name = kiln_xstrdup(name);
    b->type = builder->type;
    b->label =
        strcmp(name, b->type) == 0 ? kiln_xstrdup(b->type) : kiln_xasprintf("%s.%s", b->type, name);
    b->options = options;
    kiln_strv_add_all(&b->secrets, &vars->sensitive);
    copy_breaks(b);
    return b;
}

struct kiln_build *kiln_build_prepare(const struct kiln_template *t, const struct kiln_vars *vars,
                                      const struct kiln_component *builder, const char *name,
                                      const struct kiln_registry *registry,
                                      const struct kiln_build_options *options, int64_t start_us,
                                      const char *run_uuid, struct kiln_strv *secrets,
                                      struct kiln_diag *diag)
{
    struct kiln_build *b = new_build(t, vars, builder, name, options);
    KILN_CLEANUP(preparation_done)
    struct preparation p = { .b = b, .builder = builder, .registry = registry, .diag = diag };
    const char *outer = diag->build;
    size_t errors = diag->errors;

    TYPES_FILL(&p.builders, registry->builders);
    TYPES_FILL(&p.provisioners, registry->provisioners);
    TYPES_FILL(&p.postprocessors, registry->postprocessors);
    b->run_uuid = kiln_xstrdup(run_uuid);
    p.builder_interp = (struct kiln_interp){
        .user = &vars->values,
        .build_name = b->name,
        .build_type = b->type,
        .template_dir = t->dir,
        .start_us = start_us,
    };

    diag->build = b->label;
    prepare_builder(&p);
    kiln_data_declare(b, b->ops ? b->ops->data_keys : NULL);
    b->interp = p.builder_interp;
    b->interp.data = &b->placeholders;
    b->interp.build_keys = b->data_keys;
    if (!options->builder_only) {
        prepare_provisioners(&p);
        prepare_sequences(&p);
    }
    drop_open_secrets(b, vars->sensitive.n);
    kiln_strv_add_all(secrets, &b->secrets);
    diag->build = outer;
    if (diag->errors == errors)
        return b;
    kiln_build_free(b);
    return NULL;
}

/* ---- release ---- */

static void cfg_free(const struct kiln_schema *schema, void *cfg)
{
    kiln_config_done(schema, cfg);
    free(cfg);
}

static void provisioner_done(struct kiln_build_provisioner *p)
{
    if (p->cfg)
        cfg_free(p->ops->schema, p->cfg);
}

static void sequence_done(struct kiln_build_sequence *seq)
{
    for (size_t i = 0; i < seq->n; i++) {
        if (seq->items[i].cfg)
            cfg_free(seq->items[i].ops->schema, seq->items[i].cfg);
    }
    free(seq->items);
}

void kiln_build_free(struct kiln_build *b)
{
    if (!b)
        return;
    if (b->cfg)
        cfg_free(b->ops->schema, b->cfg);
    for (size_t i = 0; i < b->n_provisioners; i++)
        provisioner_done(&b->provisioners[i]);
    free(b->provisioners);
    if (b->cleanup)
        provisioner_done(b->cleanup);
    free(b->cleanup);
    for (size_t i = 0; i < b->n_sequences; i++)
        sequence_done(&b->sequences[i]);
    free(b->sequences);
    kiln_strv_done(&b->secrets);
    kiln_strv_done(&b->breaks);
    kiln_strmap_done(&b->placeholders);
    kiln_strmap_done(&b->data);
    free(b->data_keys);
    free(b->run_uuid);
    free(b->label);
    free(b->name);
    free(b);
}
