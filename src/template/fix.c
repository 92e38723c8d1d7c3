#include "template/fix.h"

#include <assert.h>

#include "base/mem.h"
#include "template/json_write.h"
#include "template/tree.h"

/* No fixer leaves an object with more members than it had; the template may get its builders. */
#define MAX_ADDED 1

/* An object in the making. Its nodes live in the tree. */
struct object {
    struct kiln_tree *tree;
    struct kiln_member *members; /* in the tree; room for MAX_ADDED more */
    size_t n, room;
    size_t offset;
};

static struct object open_object(struct kiln_tree *tree, const struct kiln_node *node)
{
    struct object o = { tree, NULL, node->u.object.n, node->u.object.n + MAX_ADDED, node->offset };

    o.members = kiln_tree_alloc(tree, o.room, sizeof(*o.members));
    if (o.n > 0)
        memcpy(o.members, node->u.object.members, o.n * sizeof(*o.members));
    return o;
}

static const struct kiln_node *close_object(const struct object *o)
{
    struct kiln_node *node = kiln_tree_node(o->tree, KILN_NODE_OBJECT, o->offset);

    node->u.object.members = o->members;
    node->u.object.n = o->n;
    return node;
}

/* Exact spelling, unlike kiln_node_member: the fixers know no other. */
static struct kiln_member *find(const struct object *o, const char *key)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->members[i].key, key) == 0)
            return &o->members[i];
    return NULL;
}

static const struct kiln_node *get(const struct object *o, const char *key)
{
    const struct kiln_member *m = find(o, key);

    return m ? m->value : NULL;
}

static const char *get_string(const struct object *o, const char *key)
{
    const struct kiln_node *v = get(o, key);

    return v && v->type == KILN_NODE_STRING ? v->u.string.s : NULL;
}

static void drop(struct object *o, const char *key)
{
    struct kiln_member *m = find(o, key);

    if (!m)
        return;
    o->n--;
    memmove(m, m + 1, (size_t)(o->members + o->n - m) * sizeof(*m));
}

static void set(struct object *o, const char *key, const struct kiln_node *value)
{
    struct kiln_member *m = find(o, key);

    if (!m) {
        assert(o->n < o->room);
        m = &o->members[o->n++];
        *m = (struct kiln_member){ .key = key, .key_offset = value->offset };
    }
    m->value = value;
}

static void set_text(struct object *o, const char *key, const char *text)
{
    set(o, key, kiln_node_new_string(o->tree, text, o->offset));
}

static void rename_key(struct object *o, const char *from, const char *to, bool replace)
{
    const struct kiln_node *value = get(o, from);

    if (!value)
        return;
    drop(o, from);
    if (replace || !find(o, to))
        set(o, to, value);
}

static bool has_type(const struct object *o, const char *type)
{
    return kiln_streq(get_string(o, "type"), type);
}

/* ---- builders ---- */

static void fix_iso_md5(struct object *b)
{
    const char *md5 = get_string(b, "iso_md5");
    KILN_AUTO_FREE char *sum = NULL;

    if (!md5)
        return;
    sum = md5[0] ? kiln_xasprintf("md5:%s", md5) : kiln_xstrdup("");
    drop(b, "iso_md5");
    drop(b, "iso_checksum_type");
    set_text(b, "iso_checksum", sum);
}

static void fix_ssh_key_path(struct object *b)
{
    if (get_string(b, "ssh_key_path"))
        rename_key(b, "ssh_key_path", "ssh_private_key_file", false);
}

static void fix_ssh_disable_agent(struct object *b)
{
    const struct kiln_node *v = get(b, "ssh_disable_agent");

    if (v && v->type == KILN_NODE_BOOL)
        rename_key(b, "ssh_disable_agent", "ssh_disable_agent_forwarding", false);
}

/* NULL: there is nothing to replace. */
static const struct kiln_node *clean_names(struct kiln_tree *tree, const struct kiln_node *string)
{
    static const char *const old[] = { "clean_image_name", "clean_ami_name" };
    KILN_AUTO_STR text = { 0 };

    for (const char *p = string->u.string.s; *p;) {
        size_t skip = 0;

        for (size_t i = 0; i < KILN_COUNT(old); i++)
            if (kiln_has_prefix(p, old[i]))
                skip = strlen(old[i]);
        if (skip > 0)
            kiln_str_adds(&text, "clean_resource_name");
        else
            kiln_str_addc(&text, *p);
        p += skip > 0 ? skip : 1;
    }
    if (kiln_streq(kiln_str_cstr(&text), string->u.string.s))
        return NULL;
    return kiln_node_new_string(tree, kiln_str_cstr(&text), string->offset);
}

/* In the strings of the builder and of the objects right in it; that is how far Packer looks. */
static void clean_strings(struct object *b, bool nested)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct kiln_node *v = b->members[i].value, *fixed = NULL;

        if (v->type == KILN_NODE_STRING) {
            fixed = clean_names(b->tree, v);
        } else if (v->type == KILN_NODE_OBJECT && !nested) {
            struct object inner = open_object(b->tree, v);

            clean_strings(&inner, true);
            fixed = close_object(&inner);
        }
        if (fixed)
            b->members[i].value = fixed;
    }
}

static void fix_clean_names(struct object *b)
{
    clean_strings(b, false);
}

static void fix_disk_size(struct object *b)
{
    const struct kiln_node *v = get(b, "disk_size");
    KILN_AUTO_FREE char *text = NULL;

    if (!has_type(b, "qemu") || !v || v->type != KILN_NODE_NUMBER ||
        !(v->u.number.value > -9e18 && v->u.number.value < 9e18))
        return;
    text = kiln_xasprintf("%lldM", (long long)v->u.number.value);
    set_text(b, "disk_size", text);
}

static void fix_ssh_wait_timeout(struct object *b)
{
    if (get_string(b, "ssh_wait_timeout"))
        rename_key(b, "ssh_wait_timeout", "ssh_timeout", false);
}

static void fix_iso_checksum(struct object *b)
{
    const char *url = get_string(b, "iso_checksum_url"), *type = get_string(b, "iso_checksum_type");
    const char *sum = get_string(b, "iso_checksum");
    KILN_AUTO_FREE char *text = NULL;

    if (url && url[0])
        text = kiln_xasprintf("file:%s", url);
    else if (type && type[0] && sum && sum[0])
        text = kiln_xasprintf("%s:%s", type, sum);
    drop(b, "iso_checksum_url");
    drop(b, "iso_checksum_type");
    if (text)
        set_text(b, "iso_checksum", text);
}

static void fix_host_ports(struct object *b)
{
    if (!has_type(b, "qemu"))
        return;
    rename_key(b, "ssh_host_port_min", "host_port_min", true);
    rename_key(b, "ssh_host_port_max", "host_port_max", true);
}

/* ---- post-processors and provisioners ---- */

static void fix_manifest_filename(struct object *p)
{
    if (has_type(p, "manifest") && get_string(p, "filename"))
        rename_key(p, "filename", "output", true);
}

/* Without the backtick before a character that PowerShell would take for its own. */
static const struct kiln_node *unescaped(struct kiln_tree *tree, const struct kiln_node *string)
{
    KILN_AUTO_STR text = { 0 };

    for (const char *p = string->u.string.s; *p; p++) {
        if (*p == '`' && p[1] && strchr("`$\"'", p[1]))
            p++;
        kiln_str_addc(&text, *p);
    }
    return kiln_node_new_string(tree, kiln_str_cstr(&text), string->offset);
}

static const struct kiln_node *unescaped_list(struct kiln_tree *tree, const struct kiln_node *list)
{
    const struct kiln_node **items =
        kiln_tree_alloc(tree, list->u.list.n, sizeof(struct kiln_node *));
    struct kiln_node *fixed = kiln_tree_node(tree, KILN_NODE_LIST, list->offset);

    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];

        items[i] = item->type == KILN_NODE_STRING ? unescaped(tree, item) : item;
    }
    fixed->u.list.items = items;
    fixed->u.list.n = list->u.list.n;
    return fixed;
}

static void fix_powershell_escapes(struct object *p)
{
    static const char *const keys[] = { "elevated_user", "elevated_password", "environment_vars" };

    for (size_t i = 0; has_type(p, "powershell") && i < KILN_COUNT(keys); i++) {
        const struct kiln_node *v = get(p, keys[i]);

        if (v && v->type == KILN_NODE_STRING)
            set(p, keys[i], unescaped(p->tree, v));
        else if (v && v->type == KILN_NODE_LIST)
            set(p, keys[i], unescaped_list(p->tree, v));
    }
}

/* ---- the template ---- */

typedef void fixer(struct object *o);

static fixer *const builder_fixers[] = {
    fix_iso_md5,      fix_ssh_key_path, fix_ssh_disable_agent,
    fix_clean_names,  fix_disk_size,    fix_ssh_wait_timeout,
    fix_iso_checksum, fix_host_ports,   NULL,
};
static fixer *const provisioner_fixers[] = { fix_powershell_escapes, NULL };
static fixer *const postprocessor_fixers[] = { fix_manifest_filename, NULL };

/* A list whose objects, and those of `depth` levels of lists in it, went through the fixers. */
static const struct kiln_node *fix_list(struct kiln_tree *tree, const struct kiln_node *list,
                                        fixer *const *fixers, unsigned depth)
{
    const struct kiln_node **items =
        kiln_tree_alloc(tree, list->u.list.n, sizeof(struct kiln_node *));
    struct kiln_node *fixed = kiln_tree_node(tree, KILN_NODE_LIST, list->offset);

    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];

        items[i] = item;
        if (item->type == KILN_NODE_OBJECT) {
            struct object o = open_object(tree, item);

            for (fixer *const *f = fixers; *f; f++)
                (*f)(&o);
            items[i] = close_object(&o);
        } else if (item->type == KILN_NODE_LIST && depth > 0) {
            items[i] = fix_list(tree, item, fixers, depth - 1);
        }
    }
    fixed->u.list.items = items;
    fixed->u.list.n = list->u.list.n;
    return fixed;
}

static const struct kiln_node *one_item(struct kiln_tree *tree, const struct kiln_node *item)
{
    const struct kiln_node **items = kiln_tree_alloc(tree, 1, sizeof(struct kiln_node *));
    struct kiln_node *list = kiln_tree_node(tree, KILN_NODE_LIST, item->offset);

    items[0] = item;
    list->u.list.items = items;
    list->u.list.n = 1;
    return list;
}

static bool is_a_list(const struct kiln_node *v, const char *key, struct kiln_diag *diag)
{
    if (v->type == KILN_NODE_LIST)
        return true;
    return kiln_diag_error(diag, v->source, v->offset, "put it into [ ]",
                           "%s: expected a list, got %s", key, kiln_node_type_name(v->type));
}

static bool fix_builders(struct object *root, struct kiln_diag *diag)
{
    const struct kiln_node *list = get(root, "builders");

    if (!list || list->type == KILN_NODE_NULL) {
        set(root, "builders", kiln_tree_node(root->tree, KILN_NODE_NULL, root->offset));
        return true;
    }
    if (!is_a_list(list, "builders", diag))
        return false;
    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];

        if (item->type != KILN_NODE_OBJECT)
            return kiln_diag_error(diag, item->source, item->offset, NULL,
                                   "builder %zu: expected an object, got %s", i + 1,
                                   kiln_node_type_name(item->type));
    }
    set(root, "builders", fix_list(root->tree, list, builder_fixers, 0));
    return true;
}

/* A single one may stand for a list. */
static void fix_provisioners(struct object *root)
{
    const struct kiln_node *list = get(root, "provisioners");

    if (!list || list->type == KILN_NODE_NULL)
        return;
    if (list->type != KILN_NODE_LIST)
        list = one_item(root->tree, list);
    set(root, "provisioners", fix_list(root->tree, list, provisioner_fixers, 0));
}

static bool fix_postprocessors(struct object *root, struct kiln_diag *diag)
{
    const struct kiln_node *list = get(root, "post-processors");

    if (!list || list->type == KILN_NODE_NULL)
        return true;
    if (!is_a_list(list, "post-processors", diag))
        return false;
    set(root, "post-processors", fix_list(root->tree, list, postprocessor_fixers, 1));
    return true;
}

bool kiln_fix(struct kiln_source *source, struct kiln_str *out, struct kiln_diag *diag)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = kiln_json_parse_lenient(source, diag);
    const struct kiln_node *value = tree ? kiln_tree_root(tree) : NULL;
    struct object root;

    if (!value)
        return false;
    if (value->type != KILN_NODE_OBJECT)
        return kiln_diag_error(diag, source, value->offset, NULL,
                               "a template is an object, not a %s",
                               kiln_node_type_name(value->type));
    root = open_object(tree, value);
    if (!fix_builders(&root, diag) || !fix_postprocessors(&root, diag))
        return false;
    fix_provisioners(&root);
    kiln_json_write(close_object(&root), out);
    kiln_str_addc(out, '\n');
    return true;
}
