#include "config/config.h"

#include <assert.h>
#include <strings.h>

#include "base/mem.h"
#include "config/value.h"

/* ---- walking the tables ---- */

/* Calls fn for every field of the schema and its includes; `base` is the struct of each or NULL. */
typedef void visit_fn(void *ud, const struct kiln_field *f, void *base);

static void visit(const struct kiln_schema *s, void *cfg, visit_fn *fn, void *ud)
{
    for (const struct kiln_field *f = s->fields; f->name; f++)
        fn(ud, f, cfg);
    for (const struct kiln_include *i = s->includes; i && i->schema; i++)
        visit(i->schema, cfg ? (char *)cfg + i->offset : NULL, fn, ud);
}

struct lookup {
    const char *key;
    bool any_case;
    const struct kiln_field *field;
    void *base;
};

static void match(void *ud, const struct kiln_field *f, void *base)
{
    struct lookup *l = ud;

    if (l->field)
        return;
    if (l->any_case ? strcasecmp(f->name, l->key) == 0 : strcmp(f->name, l->key) == 0) {
        l->field = f;
        l->base = base;
    }
}

/* Exact spelling first, then any case, as Packer. */
static const struct kiln_field *find(const struct kiln_schema *s, void *cfg, const char *key,
                                     void **ret_base)
{
    struct lookup l = { .key = key };

    visit(s, cfg, match, &l);
    if (!l.field) {
        l.any_case = true;
        visit(s, cfg, match, &l);
    }
    if (ret_base)
        *ret_base = l.base;
    return l.field;
}

/* ---- defaults and release ---- */

static void clear_field(void *ud, const struct kiln_field *f, void *base)
{
    (void)ud;
    if (f->flags & KILN_REMOVED)
        return; /* it has no place in the struct */
    if (f->type == KILN_NESTED)
        kiln_config_done(f->nested, (char *)base + f->offset);
    else
        kiln_value_clear(f, base);
}

static void set_default(void *ud, const struct kiln_field *f, void *base)
{
    clear_field(ud, f, base);
    if (f->type == KILN_NESTED)
        kiln_config_defaults(f->nested, (char *)base + f->offset);
    else if (f->def)
        kiln_value_set_default(f, base);
}

/* Packer's components take "", 0 and 0s for "not given". */
static void replace_empty(void *ud, const struct kiln_field *f, void *base)
{
    if (f->type == KILN_NESTED)
        visit(f->nested, (char *)base + f->offset, replace_empty, ud);
    else if ((f->flags & KILN_REMOVED) || !kiln_value_is_empty(f, base))
        return;
    else if (f->def)
        kiln_value_set_default(f, base);
    else
        kiln_value_clear(f, base); /* no text: whoever reads it looks for NULL */
}

void kiln_config_defaults(const struct kiln_schema *schema, void *cfg)
{
    visit(schema, cfg, set_default, NULL);
}

void kiln_config_done(const struct kiln_schema *schema, void *cfg)
{
    visit(schema, cfg, clear_field, NULL);
}

struct wanted {
    unsigned flags;
    struct kiln_strv *texts;
};

static void add_texts(void *ud, const struct kiln_field *f, void *base)
{
    const struct wanted *w = ud;

    if (f->type == KILN_NESTED)
        visit(f->nested, (char *)base + f->offset, add_texts, ud);
    else if (f->flags & w->flags)
        kiln_value_add_texts(f, base, w->texts);
}

void kiln_config_texts(const struct kiln_schema *schema, void *cfg, unsigned flags,
                       struct kiln_strv *ret)
{
    visit(schema, cfg, add_texts, &(struct wanted){ flags, ret });
}

static void add_names(void *ud, const struct kiln_field *f, void *base)
{
    const struct wanted *w = ud;

    (void)base;
    if (f->type == KILN_NESTED)
        visit(f->nested, NULL, add_names, ud);
    else if (f->flags & w->flags)
        kiln_strv_add(w->texts, f->name);
}

void kiln_config_names(const struct kiln_schema *schema, unsigned flags, struct kiln_strv *ret)
{
    visit(schema, NULL, add_names, &(struct wanted){ flags, ret });
}

/* ---- unknown and old keys ---- */

/* A key that no table has, or that is there only to say that it is gone. */
struct stranger {
    const struct kiln_node *object;
    const struct kiln_member *member;
    const struct kiln_schema *schema;
    const struct kiln_field *removed; /* or NULL */
    char *path;                       /* owned */
};

struct strangers {
    struct stranger *v;
    size_t n;
};

static bool is_ignored(const char *key, const char *prefix)
{
    return !prefix[0] && (kiln_streq(key, "type") || kiln_has_prefix(key, "packer_"));
}

/* The field of a member; NULL also if another spelling of its key is the one that counts: the
 * field's own, else the first. */
static const struct kiln_field *field_of(const struct kiln_schema *s, void *cfg,
                                         const struct kiln_node *object,
                                         const struct kiln_member *m, void **ret_base)
{
    const struct kiln_field *f = find(s, cfg, m->key, ret_base);

    return f && kiln_node_member(object, f->name) == m ? f : NULL;
}

static void collect_strangers(const struct kiln_schema *s, const struct kiln_node *object,
                              const char *prefix, struct strangers *to)
{
    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];
        const struct kiln_field *f = field_of(s, NULL, object, m, NULL);
        KILN_AUTO_FREE char *below = NULL;

        if (f && f->type == KILN_NESTED && m->value->type == KILN_NODE_OBJECT) {
            below = kiln_xasprintf("%s%s.", prefix, f->name);
            collect_strangers(f->nested, m->value, below, to);
        } else if (f ? f->flags & KILN_REMOVED : !is_ignored(m->key, prefix)) {
            to->v = kiln_xrealloc(to->v, to->n + 1, sizeof(*to->v));
            to->v[to->n++] =
                (struct stranger){ object, m, s, f, kiln_xasprintf("%s%s", prefix, m->key) };
        }
    }
}

static int compare_strangers(const void *a, const void *b)
{
    return strcmp(((const struct stranger *)a)->path, ((const struct stranger *)b)->path);
}

/* What replaced a key that every component of today's Packer refuses, or NULL. */
static const char *replacement(const char *key)
{
    static const struct {
        const char *key, *fix;
    } gone[] = {
        { "iso_checksum_type", "write \"iso_checksum\": \"TYPE:SUM\" instead" },
        { "iso_checksum_url", "write \"iso_checksum\": \"file:URL\" instead" },
        { "iso_md5", "write \"iso_checksum\": \"md5:SUM\" instead" },
        { "ssh_disable_agent", "write \"ssh_disable_agent_forwarding\" instead" },
        { "ssh_host_port_max", "write \"host_port_max\" instead" },
        { "ssh_host_port_min", "write \"host_port_min\" instead" },
        { "ssh_key_path", "write \"ssh_private_key_file\" instead" },
        { "ssh_skip_nat_mapping", "write \"skip_nat_mapping\" instead" },
        { "ssh_wait_timeout", "write \"ssh_timeout\" instead" },
    };

    for (size_t i = 0; i < KILN_COUNT(gone); i++) {
        if (kiln_streq(key, gone[i].key))
            return gone[i].fix;
    }
    return NULL;
}

static void add_name(void *ud, const struct kiln_field *f, void *base)
{
    (void)base;
    if (!(f->flags & (KILN_REMOVED | KILN_HIDDEN)))
        kiln_strv_add(ud, f->name);
}

static void report_stranger(const struct kiln_prepare *p, const struct stranger *s, bool suggest)
{
    const char *fix = replacement(s->path), *near;
    const struct kiln_field *other;
    const char *in = p->where ? " in " : "", *where = p->where ? p->where : "";
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_FREE char *question = NULL;

    if (fix || s->removed) {
        if (s->removed && s->removed->help)
            fix = s->removed->help;
        kiln_diag_error(p->diag, s->object->source, s->member->key_offset, fix,
                        "Deprecated configuration key: '%s'%s%s", s->path, in, where);
        return;
    }
    other = find(s->schema, NULL, s->member->key, NULL);
    if (other)
        question = kiln_xasprintf("it is given as \"%s\", too",
                                  kiln_node_member(s->object, other->name)->key);
    else if (suggest)
        visit(s->schema, NULL, add_name, &names);
    near = kiln_did_you_mean(s->member->key, (const char *const *)names.v, names.n);
    if (near)
        question = kiln_xasprintf("did you mean \"%s\"?", near);
    kiln_diag_error(p->diag, s->object->source, s->member->key_offset, question,
                    "unknown configuration key: '\"%s\"'%s%s", s->path, in, where);
}

/* Reports them by name, as Packer. */
static bool check_keys(const struct kiln_prepare *p)
{
    struct strangers all = { 0 };
    bool ok;

    for (size_t i = 0; i < p->n_nodes; i++)
        collect_strangers(p->schema, p->nodes[i], "", &all);
    if (all.n)
        qsort(all.v, all.n, sizeof(*all.v), compare_strangers);
    for (size_t i = 0; i < all.n; i++) {
        report_stranger(p, &all.v[i], i < KILN_MAX_DIAG); /* nobody sees the others */
        free(all.v[i].path);
    }
    ok = all.n == 0;
    free(all.v);
    return ok;
}

/* ---- decoding ---- */

static void check_choice(const struct kiln_prepare *p, const struct kiln_field *f, const char *path,
                         const struct kiln_node *value, const char *text)
{
    KILN_AUTO_STR allowed = { 0 };

    for (size_t i = 0; f->choices[i]; i++) {
        if (kiln_streq(f->choices[i], text))
            return;
        kiln_str_addf(&allowed, "%s%s", i ? ", " : "one of: ", f->choices[i]);
    }
    if (f->choice_error)
        (void)kiln_diag_error(p->diag, value->source, value->offset, kiln_str_cstr(&allowed), "%s",
                              f->choice_error);
    else
        (void)kiln_diag_error(p->diag, value->source, value->offset, kiln_str_cstr(&allowed),
                              "%s: \"%s\" is not allowed", path, text);
}

/* What can be said of a value once it is decoded. */
static void check_value(const struct kiln_prepare *p, const struct kiln_field *f, const char *path,
                        const struct kiln_node *value, const void *base)
{
    KILN_AUTO_STRV texts = { 0 };

    if (!f->choices && !(f->flags & KILN_SECRET))
        return;
    kiln_value_add_texts(f, base, &texts);
    KILN_STRV_FOREACH (text, &texts) {
        if (!text[0])
            continue;
        if (p->secrets && (f->flags & KILN_SECRET))
            kiln_strv_add(p->secrets, text);
        if (f->choices)
            check_choice(p, f, path, value, text);
    }
}

/* The objects that one is laid on top of. */
struct layer {
    const struct kiln_node *object;
    const struct layer *below; /* or NULL */
};

static const struct kiln_node *value_below(const struct layer *l, const char *key)
{
    for (; l; l = l->below) {
        const struct kiln_node *value = kiln_node_get(l->object, key);

        if (value && value->type != KILN_NODE_NULL)
            return value;
    }
    return NULL;
}

static bool decode_layer(const struct kiln_prepare *p, const struct kiln_schema *s,
                         const struct layer *layer, const char *prefix, void *cfg);

static bool decode_nested(const struct kiln_prepare *p, const struct kiln_field *f,
                          const struct layer *layer, const struct kiln_node *value,
                          const char *path, void *base)
{
    KILN_AUTO_FREE char *prefix = kiln_xasprintf("%s.", path);
    const struct kiln_node *old = value_below(layer->below, f->name);
    const struct layer below = { old, NULL };
    const struct layer here = { value, old && old->type == KILN_NODE_OBJECT ? &below : NULL };

    if (value->type == KILN_NODE_OBJECT)
        return decode_layer(p, f->nested, &here, prefix, (char *)base + f->offset);
    return value->type == KILN_NODE_NULL ||
           kiln_diag_error(p->diag, value->source, value->offset, "write an object: { ... }",
                           "'%s' expected a map, got a %s", path, kiln_node_type_name(value->type));
}

static bool decode_member(const struct kiln_prepare *p, const struct kiln_field *f,
                          const struct layer *layer, const struct kiln_member *m,
                          const char *prefix, void *base)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("%s%s", prefix, f->name);

    if (f->flags & KILN_DEPRECATED)
        kiln_diag_warning(p->diag, m->value->source, m->key_offset, NULL, "%s", f->help);
    if (f->type == KILN_NESTED)
        return decode_nested(p, f, layer, m->value, path, base);
    if (m->value->type != KILN_NODE_NULL && !value_below(layer->below, m->key))
        kiln_value_clear(f, base); /* a list that is written replaces the default */
    if (!kiln_value_decode(p, f, path, m->value, base)) {
        if (p->secrets && (f->flags & KILN_SECRET) && m->value->type == KILN_NODE_STRING)
            kiln_strv_add(p->secrets, m->value->u.string.s); /* its line is going to be shown */
        return false;
    }
    check_value(p, f, path, m->value, base);
    return true;
}

static bool decode_layer(const struct kiln_prepare *p, const struct kiln_schema *s,
                         const struct layer *layer, const char *prefix, void *cfg)
{
    bool ok = true;

    for (size_t i = 0; i < layer->object->u.object.n; i++) {
        const struct kiln_member *m = &layer->object->u.object.members[i];
        void *base;
        const struct kiln_field *f = field_of(s, cfg, layer->object, m, &base);

        if (f && !(f->flags & KILN_REMOVED))
            ok = decode_member(p, f, layer, m, prefix, base) && ok;
    }
    return ok;
}

/* Node i on top of those before it, then the rest. */
static bool decode_from(const struct kiln_prepare *p, size_t i, const struct layer *below,
                        void *cfg)
{
    struct layer layer = { .below = below };
    bool ok;

    if (i == p->n_nodes)
        return true;
    layer.object = p->nodes[i];
    ok = decode_layer(p, p->schema, &layer, "", cfg);
    return decode_from(p, i + 1, &layer, cfg) && ok;
}

/* Of a component that is refused for its keys: nothing else is said of it, but what is said shows
 * its lines. */
static void learn_secrets(const struct kiln_prepare *p, void *cfg)
{
    struct kiln_diag unheard = { 0 };
    struct kiln_prepare quiet = *p;

    quiet.diag = &unheard;
    (void)decode_from(&quiet, 0, NULL, cfg);
    kiln_diag_done(&unheard);
}

bool kiln_config_decode(const struct kiln_prepare *p, void *cfg)
{
    bool ok;

    kiln_config_defaults(p->schema, cfg);
    if (!check_keys(p)) {
        learn_secrets(p, cfg);
        return false;
    }
    ok = decode_from(p, 0, NULL, cfg);
    visit(p->schema, cfg, replace_empty, NULL);
    return ok;
}

/* ---- for prepare() functions ---- */

/* The value that counts; "a.b" is key b of the map a. NULL if it is absent or null. */
static const struct kiln_node *value_of(const struct kiln_prepare *p, const char *key)
{
    const char *dot = key ? strchr(key, '.') : NULL;
    KILN_AUTO_FREE char *outer = dot ? kiln_xstrndup(key, (size_t)(dot - key)) : NULL;

    for (size_t i = p->n_nodes; key && i > 0; i--) {
        const struct kiln_node *value = kiln_node_get(p->nodes[i - 1], outer ? outer : key);

        if (value && outer)
            value = value->type == KILN_NODE_OBJECT ? kiln_node_get(value, dot + 1) : NULL;
        if (value && value->type != KILN_NODE_NULL)
            return value;
    }
    return NULL;
}

bool kiln_config_is_set(const struct kiln_prepare *p, const char *key)
{
    return value_of(p, key) != NULL;
}

/* Its value, or the component. */
static const struct kiln_node *place(const struct kiln_prepare *p, const char *key)
{
    const struct kiln_node *value = value_of(p, key);

    return value ? value : p->nodes[0];
}

bool kiln_config_error(const struct kiln_prepare *p, const char *key, const char *fmt, ...)
{
    const struct kiln_node *node = place(p, key);
    KILN_AUTO_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    return kiln_diag_error(p->diag, node->source, node->offset, NULL, "%s", text);
}

void kiln_config_warning(const struct kiln_prepare *p, const char *key, const char *fmt, ...)
{
    const struct kiln_node *node = place(p, key);
    KILN_AUTO_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    kiln_diag_warning(p->diag, node->source, node->offset, NULL, "%s", text);
}
