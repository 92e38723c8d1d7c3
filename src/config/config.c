#include "config/config.h"

#include <assert.h>
#include <strings.h>

#include "base/mem.h"
#include "config/value.h"

/* ---- walking the tables ---- */

/* Calls fn for every field of the schema and its includes; `base` is the struct of each. */
typedef void visit_fn(void *ud, const struct kiln_field *f, void *base);

static void visit(const struct kiln_schema *s, void *cfg, visit_fn *fn, void *ud)
{
    for (const struct kiln_field *f = s->fields; f->name; f++)
        fn(ud, f, cfg);
    for (const struct kiln_include *i = s->includes; i && i->schema; i++)
        visit(i->schema, (char *)cfg + i->offset, fn, ud);
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
    static const struct kiln_interp no_data = { 0 };
    struct kiln_diag diag = { 0 };
    const struct kiln_prepare p = { .interp = &no_data, .diag = &diag };
    struct kiln_node node = { .type = KILN_NODE_STRING };

    clear_field(ud, f, base);
    if (f->type == KILN_NESTED)
        kiln_config_defaults(f->nested, (char *)base + f->offset);
    if (!f->def)
        return;
    node.u.string.s = f->def;
    node.u.string.len = strlen(f->def);
    (void)kiln_value_decode(&p, f, f->name, &node, base);
    assert(diag.n == 0); /* a default that does not fit its type is our bug */
    kiln_diag_done(&diag);
}

void kiln_config_defaults(const struct kiln_schema *schema, void *cfg)
{
    visit(schema, cfg, set_default, NULL);
}

void kiln_config_done(const struct kiln_schema *schema, void *cfg)
{
    visit(schema, cfg, clear_field, NULL);
}

/* ---- unknown and old keys ---- */

static void add_name(void *ud, const struct kiln_field *f, void *base)
{
    (void)base;
    if (!(f->flags & (KILN_REMOVED | KILN_HIDDEN)))
        kiln_strv_add(ud, f->name);
}

static bool unknown_key(const struct kiln_prepare *p, const struct kiln_schema *s,
                        const struct kiln_node *object, const struct kiln_member *m,
                        const char *prefix)
{
    static const char *const removed[] = { "iso_md5",           "iso_checksum_type",
                                           "iso_checksum_url",  "ssh_key_path",
                                           "ssh_disable_agent", "ssh_host_port_min",
                                           "ssh_host_port_max", "ssh_skip_nat_mapping",
                                           "ssh_wait_timeout" };
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_FREE char *fix = NULL;
    const char *near;

    for (size_t i = 0; i < KILN_COUNT(removed); i++) {
        if (kiln_streq(m->key, removed[i]))
            return kiln_diag_error(p->diag, object->source, m->key_offset,
                                   "see `kiln help` for the option that replaces it",
                                   "Deprecated configuration key: '%s'", m->key);
    }
    visit(s, NULL, add_name, &names);
    near = kiln_did_you_mean(m->key, (const char *const *)names.v, names.n);
    if (near)
        fix = kiln_xasprintf("did you mean \"%s\"?", near);
    return kiln_diag_error(p->diag, object->source, m->key_offset, fix,
                           "unknown configuration key: '\"%s%s\"'%s%s", prefix, m->key,
                           p->where ? " in " : "", p->where ? p->where : "");
}

static bool check_keys(const struct kiln_prepare *p, const struct kiln_schema *s,
                       const struct kiln_node *object, const char *prefix)
{
    bool ok = true;

    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];
        const struct kiln_field *f = find(s, NULL, m->key, NULL);
        KILN_AUTO_FREE char *path = NULL;

        if (!f && !prefix[0] && (kiln_streq(m->key, "type") || kiln_has_prefix(m->key, "packer_")))
            continue;
        if (!f || (f->flags & KILN_REMOVED)) {
            ok = unknown_key(p, s, object, m, prefix);
            continue;
        }
        if (f->type != KILN_NESTED || m->value->type != KILN_NODE_OBJECT)
            continue;
        path = kiln_xasprintf("%s%s.", prefix, f->name);
        ok = check_keys(p, f->nested, m->value, path) && ok;
    }
    return ok;
}

/* ---- decoding ---- */

static bool check_choice(const struct kiln_prepare *p, const struct kiln_field *f,
                         const struct kiln_node *value, const void *base)
{
    const char *text = *(char *const *)(const void *)((const char *)base + f->offset);
    KILN_AUTO_STR allowed = { 0 };

    if (!f->choices || f->type != KILN_STRING || !text || !text[0])
        return true;
    for (size_t i = 0; f->choices[i]; i++) {
        if (kiln_streq(f->choices[i], text))
            return true;
        kiln_str_addf(&allowed, "%s%s", i ? ", " : "one of: ", f->choices[i]);
    }
    if (f->choice_error)
        return kiln_diag_error(p->diag, value->source, value->offset, kiln_str_cstr(&allowed), "%s",
                               f->choice_error);
    return kiln_diag_error(p->diag, value->source, value->offset, kiln_str_cstr(&allowed),
                           "%s: \"%s\" is not allowed", f->name, text);
}

static void collect_secret(const struct kiln_prepare *p, const struct kiln_field *f,
                           const void *base)
{
    const char *text;

    if (!(f->flags & KILN_SECRET) || !p->secrets || f->type != KILN_STRING)
        return;
    text = *(char *const *)(const void *)((const char *)base + f->offset);
    if (text && text[0])
        kiln_strv_add(p->secrets, text);
}

static bool decode_object(const struct kiln_prepare *p, const struct kiln_schema *s,
                          const struct kiln_node *object, const char *prefix, bool first,
                          void *cfg);

static bool decode_member(const struct kiln_prepare *p, const struct kiln_field *f,
                          const struct kiln_member *m, const char *prefix, bool first, void *base)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("%s%s", prefix, f->name);
    KILN_AUTO_FREE char *below = kiln_xasprintf("%s%s.", prefix, f->name);

    if (f->flags & KILN_DEPRECATED)
        kiln_diag_warning(p->diag, m->value->source, m->key_offset, NULL, "%s", f->help);
    if (f->type == KILN_NESTED) {
        if (m->value->type == KILN_NODE_OBJECT)
            return decode_object(p, f->nested, m->value, below, first, (char *)base + f->offset);
        return kiln_diag_error(p->diag, m->value->source, m->value->offset, NULL,
                               "'%s' expected a map, got %s", path,
                               kiln_node_type_name(m->value->type));
    }
    if (first && m->value->type != KILN_NODE_NULL)
        kiln_value_clear(f, base); /* a list that is written does not overlay the default */
    if (!kiln_value_decode(p, f, path, m->value, base))
        return false;
    collect_secret(p, f, base);
    return check_choice(p, f, m->value, base);
}

static bool decode_object(const struct kiln_prepare *p, const struct kiln_schema *s,
                          const struct kiln_node *object, const char *prefix, bool first, void *cfg)
{
    bool ok = true;

    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];
        void *base;
        const struct kiln_field *f = find(s, cfg, m->key, &base);

        if (f)
            ok = decode_member(p, f, m, prefix, first, base) && ok;
    }
    return ok;
}

/* Was the key written in one of the nodes before `n`? Then a list there is overlaid. */
static bool written_before(const struct kiln_prepare *p, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (kiln_node_member(p->nodes[i], key))
            return true;
    }
    return false;
}

static bool decode_node(const struct kiln_prepare *p, size_t n, void *cfg)
{
    const struct kiln_node *object = p->nodes[n];
    bool ok = true;

    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct kiln_member *m = &object->u.object.members[i];
        void *base;
        const struct kiln_field *f = find(p->schema, cfg, m->key, &base);

        if (f)
            ok = decode_member(p, f, m, "", !written_before(p, n, m->key), base) && ok;
    }
    return ok;
}

bool kiln_config_decode(const struct kiln_prepare *p, void *cfg)
{
    bool ok = true;

    kiln_config_defaults(p->schema, cfg);
    for (size_t i = 0; i < p->n_nodes; i++)
        ok = check_keys(p, p->schema, p->nodes[i], "") && ok;
    for (size_t i = 0; ok && i < p->n_nodes; i++)
        ok = decode_node(p, i, cfg);
    return ok;
}

/* ---- for prepare() functions ---- */

static const struct kiln_member *member_of(const struct kiln_prepare *p, const char *key)
{
    for (size_t i = p->n_nodes; key && i > 0; i--) {
        const struct kiln_member *m = kiln_node_member(p->nodes[i - 1], key);

        if (m)
            return m;
    }
    return NULL;
}

bool kiln_config_is_set(const struct kiln_prepare *p, const char *key)
{
    return member_of(p, key) != NULL;
}

/* Its value, or the component. */
static const struct kiln_node *place(const struct kiln_prepare *p, const char *key)
{
    const struct kiln_member *m = member_of(p, key);

    return m ? m->value : p->nodes[0];
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
