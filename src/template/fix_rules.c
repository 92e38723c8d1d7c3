#include "template/fix_rules.h"

#include "base/mem.h"
#include "template/gofmt.h"

/* ---- builders ---- */

static void fix_iso_md5(struct kiln_fix_object *b)
{
    const char *md5 = kiln_fix_get_string(b, "iso_md5");
    KILN_AUTO_FREE char *sum = NULL;

    if (!md5)
        return;
    sum = md5[0] ? kiln_xasprintf("md5:%s", md5) : kiln_xstrdup("");
    kiln_fix_drop(b, "iso_md5");
    kiln_fix_drop(b, "iso_checksum_type");
    kiln_fix_set_text(b, "iso_checksum", sum);
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
static void clean_strings(struct kiln_fix_object *b, bool nested)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct kiln_node *v = b->members[i].value, *fixed = NULL;

        if (v->type == KILN_NODE_STRING) {
            fixed = clean_names(b->tree, v);
        } else if (v->type == KILN_NODE_OBJECT && !nested) {
            struct kiln_fix_object inner = kiln_fix_open(b->tree, v, b->diag);

            clean_strings(&inner, true);
            fixed = kiln_fix_close(&inner);
        }
        if (fixed)
            b->members[i].value = fixed;
    }
}

static void fix_clean_names(struct kiln_fix_object *b)
{
    clean_strings(b, false);
}

static void fix_disk_size(struct kiln_fix_object *b)
{
    const struct kiln_node *v = kiln_fix_get(b, "disk_size");
    KILN_AUTO_FREE char *text = NULL;

    if (!v || v->type != KILN_NODE_NUMBER ||
        !(v->u.number.value > -9e18 && v->u.number.value < 9e18))
        return;
    text = kiln_xasprintf("%lldM", (long long)v->u.number.value);
    kiln_fix_set_text(b, "disk_size", text);
}

static void fix_iso_checksum(struct kiln_fix_object *b)
{
    const char *url = kiln_fix_get_string(b, "iso_checksum_url"),
               *type = kiln_fix_get_string(b, "iso_checksum_type");
    const char *sum = kiln_fix_get_string(b, "iso_checksum");
    KILN_AUTO_FREE char *text = NULL;

    if (url && url[0])
        text = kiln_xasprintf("file:%s", url);
    else if (type && type[0] && sum && sum[0])
        text = kiln_xasprintf("%s:%s", type, sum);
    kiln_fix_drop(b, "iso_checksum_url");
    kiln_fix_drop(b, "iso_checksum_type");
    if (text)
        kiln_fix_set_text(b, "iso_checksum", text);
}

static void set_bool(struct kiln_fix_object *o, const char *key, bool value)
{
    struct kiln_node *node = kiln_tree_node(o->tree, KILN_NODE_BOOL, o->offset);

    node->u.boolean = value;
    kiln_fix_set(o, key, node);
}

/* {{ .CreateTime }} became {{timestamp}}. */
static const char *after_create_time(const char *p)
{
    static const char word[] = ".CreateTime";

    p += 2;
    p += strspn(p, " \t\n\f\r");
    if (!kiln_has_prefix(p, word))
        return NULL;
    p += sizeof(word) - 1;
    p += strspn(p, " \t\n\f\r");
    return kiln_has_prefix(p, "}}") ? p + 2 : NULL;
}

static void fix_create_time(struct kiln_fix_object *b)
{
    static const char *const keys[] = { "ami_name", "bundle_prefix", "snapshot_name" };

    for (size_t i = 0; i < KILN_COUNT(keys); i++) {
        const char *p = kiln_fix_get_string(b, keys[i]), *end;
        KILN_AUTO_STR text = { 0 };

        for (const char *next; p && *p; p = next) {
            end = kiln_has_prefix(p, "{{") ? after_create_time(p) : NULL;
            next = end ? end : p + 1;
            kiln_str_add(&text, end ? "{{timestamp}}" : p, end ? 13 : 1);
        }
        if (p)
            kiln_fix_set_text(b, keys[i], kiln_str_cstr(&text));
    }
}

static void fix_guest_additions(struct kiln_fix_object *b)
{
    const struct kiln_node *v = kiln_fix_get(b, "guest_additions_attach");

    if (!v || v->type != KILN_NODE_BOOL)
        return;
    kiln_fix_drop(b, "guest_additions_attach");
    kiln_fix_set_text(b, "guest_additions_mode", v->u.boolean ? "attach" : "upload");
}

static void fix_private_ip(struct kiln_fix_object *b)
{
    const struct kiln_node *v = kiln_fix_get(b, "ssh_private_ip");
    const char *text = kiln_fix_get_string(b, "ssh_private_ip");
    bool private = v && v->type == KILN_NODE_BOOL && v->u.boolean;

    if (!v || kiln_fix_get(b, "ssh_interface") || (v->type != KILN_NODE_BOOL && !text))
        return;
    if (text && !kiln_go_parse_bool(text, &private)) {
        (void)kiln_diag_error(b->diag, v->source, v->offset, "write true or false",
                              "ssh_private_ip is not a boolean, strconv.ParseBool: parsing "
                              "\"%s\": invalid syntax",
                              text);
        return;
    }
    kiln_fix_drop(b, "ssh_private_ip");
    kiln_fix_set_text(b, "ssh_interface", private ? "private_ip" : "public_ip");
}

static void fix_source_cidr(struct kiln_fix_object *b)
{
    const struct kiln_node *v = kiln_fix_get(b, "temporary_security_group_source_cidr");

    if (!v || v->type != KILN_NODE_STRING)
        return;
    kiln_fix_drop(b, "temporary_security_group_source_cidr");
    kiln_fix_set(b, "temporary_security_group_source_cidrs",
                 kiln_fix_list(b->tree, &v, 1, v->offset));
}

/* Only thin disks of ESXi can be compacted. */
static void fix_compaction(struct kiln_fix_object *b)
{
    const struct kiln_node *disk = kiln_fix_get(b, "disk_type_id"),
                           *skip = kiln_fix_get(b, "skip_compaction");

    if (!kiln_streq(kiln_fix_get_string(b, "remote_type"), "esx5") ||
        (disk && (disk->type != KILN_NODE_STRING || kiln_streq(disk->u.string.s, "thin"))))
        return;
    if (!disk)
        kiln_fix_set_text(b, "disk_type_id", "zeroedthick");
    if (!skip || skip->type == KILN_NODE_BOOL)
        set_bool(b, "skip_compaction", true);
}

static void fix_nat_mapping(struct kiln_fix_object *b)
{
    const struct kiln_node *v = kiln_fix_get(b, "ssh_skip_nat_mapping");

    if (v && (v->type == KILN_NODE_BOOL || kiln_fix_get(b, "skip_nat_mapping")))
        kiln_fix_rename(b, "ssh_skip_nat_mapping", "skip_nat_mapping", false);
}

/* These options of the builder become the first object of a list. */
static void gather(struct kiln_fix_object *b, const char *list_key, const char *const *keys)
{
    const struct kiln_node *list = kiln_fix_get(b, list_key),
                           *none = kiln_node_new_object(b->tree, b->offset);
    struct kiln_fix_object first = kiln_fix_open(b->tree, none, b->diag);
    const struct kiln_node **items;
    size_t n = list && list->type == KILN_NODE_LIST ? list->u.list.n : 0;

    if (list && list->type != KILN_NODE_LIST)
        return;
    for (; *keys; keys++) {
        const struct kiln_node *v = kiln_fix_get(b, *keys);

        if (v)
            kiln_fix_set(&first, *keys, v);
        kiln_fix_drop(b, *keys);
    }
    if (first.n == 0)
        return;
    items = kiln_tree_alloc(b->tree, n + 1, sizeof(struct kiln_node *));
    items[0] = kiln_fix_close(&first);
    for (size_t i = 0; i < n; i++)
        items[i + 1] = list->u.list.items[i];
    kiln_fix_set(b, list_key, kiln_fix_list(b->tree, items, n + 1, b->offset));
}

static void fix_vsphere(struct kiln_fix_object *b)
{
    gather(b, "network_adapters", (const char *[]){ "network", "network_card", NULL });
    gather(b, "storage",
           (const char *[]){ "disk_size", "disk_thin_provisioned", "disk_eagerly_scrub", NULL });
}

/* In an object of the component. */
static void rename_in(struct kiln_fix_object *o, const char *key, const char *from, const char *to)
{
    const struct kiln_node *v = kiln_fix_get(o, key);
    struct kiln_fix_object inner;

    if (!v || v->type != KILN_NODE_OBJECT)
        return;
    inner = kiln_fix_open(o->tree, v, o->diag);
    kiln_fix_rename(&inner, from, to, true);
    kiln_fix_set(o, key, kiln_fix_close(&inner));
}

static void fix_exclude_from_latest(struct kiln_fix_object *b)
{
    rename_in(b, "shared_image_destination", "exlude_from_latest", "exclude_from_latest");
}

/* ---- post-processors and provisioners ---- */

static void fix_vagrant_overrides(struct kiln_fix_object *p)
{
    static const char *const providers[] = { "aws", "digitalocean", "virtualbox", "vmware" };
    const struct kiln_node *none = kiln_node_new_object(p->tree, p->offset);
    struct kiln_fix_object overrides = kiln_fix_open(p->tree, none, p->diag);

    for (size_t i = 0; i < KILN_COUNT(providers); i++) {
        const struct kiln_node *v = kiln_fix_get(p, providers[i]);

        if (v)
            kiln_fix_set(&overrides, providers[i], v);
        kiln_fix_drop(p, providers[i]);
    }
    if (overrides.n > 0)
        kiln_fix_set(p, "override", kiln_fix_close(&overrides));
}

/* Strings with commas, and lists of strings. */
static bool is_tags(const struct kiln_node *v)
{
    if (!v || v->type == KILN_NODE_NULL || v->type == KILN_NODE_STRING)
        return true;
    for (size_t i = 0; v->type == KILN_NODE_LIST && i < v->u.list.n; i++)
        if (v->u.list.items[i]->type != KILN_NODE_STRING)
            return false;
    return v->type == KILN_NODE_LIST;
}

static void add_tags(const struct kiln_node *v, struct kiln_strv *out)
{
    KILN_AUTO_STRV parts = { 0 };

    if (v && v->type == KILN_NODE_STRING)
        kiln_strv_split(&parts, v->u.string.s, ',');
    if (v && v->type == KILN_NODE_STRING && parts.n == 0)
        kiln_strv_add(&parts, "");
    KILN_STRV_FOREACH (part, &parts) {
        size_t skip = strspn(part, " \t\r\n"), len = strlen(part + skip);
        KILN_AUTO_FREE char *text = NULL;

        while (len > 0 && strchr(" \t\r\n", part[skip + len - 1]))
            len--;
        text = kiln_xstrndup(part + skip, len);
        kiln_strv_add(out, text);
    }
    for (size_t i = 0; v && v->type == KILN_NODE_LIST && i < v->u.list.n; i++)
        kiln_strv_add(out, v->u.list.items[i]->u.string.s);
}

/* Always a list, also where there was nothing. */
static void fix_docker_tags(struct kiln_fix_object *p)
{
    const struct kiln_node *tag = kiln_fix_get(p, "tag"), *tags = kiln_fix_get(p, "tags"), **items;
    KILN_AUTO_STRV all = { 0 };

    if (!is_tags(tag) || !is_tags(tags))
        return;
    add_tags(tag, &all);
    add_tags(tags, &all);
    items = kiln_tree_alloc(p->tree, all.n + 1, sizeof(struct kiln_node *));
    for (size_t i = 0; i < all.n; i++)
        items[i] = kiln_node_new_string(p->tree, all.v[i], p->offset);
    kiln_fix_drop(p, "tag");
    kiln_fix_set(p, "tags", kiln_fix_list(p->tree, items, all.n, p->offset));
}

static void fix_virtualbox_override(struct kiln_fix_object *p)
{
    rename_in(p, "override", "virtualbox", "virtualbox-iso");
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

    for (size_t i = 0; i < list->u.list.n; i++) {
        const struct kiln_node *item = list->u.list.items[i];

        items[i] = item->type == KILN_NODE_STRING ? unescaped(tree, item) : item;
    }
    return kiln_fix_list(tree, items, list->u.list.n, list->offset);
}

static void fix_powershell_escapes(struct kiln_fix_object *p)
{
    static const char *const keys[] = { "elevated_user", "elevated_password", "environment_vars" };

    for (size_t i = 0; i < KILN_COUNT(keys); i++) {
        const struct kiln_node *v = kiln_fix_get(p, keys[i]);

        if (v && v->type == KILN_NODE_STRING)
            kiln_fix_set(p, keys[i], unescaped(p->tree, v));
        else if (v && v->type == KILN_NODE_LIST)
            kiln_fix_set(p, keys[i], unescaped_list(p->tree, v));
    }
}

/* ---- the rules ---- */

#define IF_STRING 1u /* only a value of this type */
#define IF_BOOL   2u
#define YIELDS    4u /* a new one that is there already wins */

struct rule {
    const char *types; /* of components: names, and beginnings with a *; NULL: all */
    const char *key;   /* goes … */
    const char *to;    /* … or is called this from now on */
    unsigned flags;
    const char *text;                          /* … or becomes this */
    void (*fix)(struct kiln_fix_object *part); /* in place of all that */
};

#define FIX(types_, fix_)                                                                          \
    {                                                                                              \
        .types = (types_), .fix = (fix_)                                                           \
    }
#define DROP(types_, key_)                                                                         \
    {                                                                                              \
        .types = (types_), .key = (key_)                                                           \
    }
#define SET(types_, key_, text_)                                                                   \
    {                                                                                              \
        .types = (types_), .key = (key_), .text = (text_)                                          \
    }
#define RENAME(types_, key_, to_, flags_)                                                          \
    {                                                                                              \
        .types = (types_), .key = (key_), .to = (to_), .flags = (flags_)                           \
    }

#define AMAZON    "amazon-*"
#define PARALLELS "parallels-iso parallels-pvm"
#define HYPERV    "hyperv-iso hyperv-vmcx"
#define SPOT      "amazon-ebs amazon-ebssurrogate amazon-ebsvolume amazon-instance"

static const struct rule builder_rules[] = {
    FIX(NULL, fix_iso_md5),
    FIX(NULL, fix_create_time),
    FIX("virtualbox", fix_guest_additions),
    SET("virtualbox", "type", "virtualbox-iso"),
    SET("vmware", "type", "vmware-iso"),
    DROP(PARALLELS, "headless"),
    DROP(PARALLELS, "parallels_tools_host_path"),
    RENAME(PARALLELS, "guest_os_distribution", "guest_os_type", 0),
    RENAME(NULL, "ssh_key_path", "ssh_private_key_file", IF_STRING | YIELDS),
    RENAME(NULL, "ssh_disable_agent", "ssh_disable_agent_forwarding", IF_BOOL | YIELDS),
    RENAME("scaleway", "access_key", "organization_id", IF_STRING | YIELDS),
    RENAME(AMAZON, "shutdown_behaviour", "shutdown_behavior", 0),
    RENAME(AMAZON, "enhanced_networking", "ena_support", IF_BOOL),
    FIX(AMAZON, fix_private_ip),
    FIX(AMAZON, fix_source_cidr),
    FIX("vmware-iso", fix_compaction),
    DROP("hyperv-iso", "vhd_temp_path"),
    RENAME("hyperv-vmcx", "clone_from_vmxc_path", "clone_from_vmcx_path", 0),
    RENAME(HYPERV, "cpu", "cpus", 0),
    RENAME(HYPERV, "ram_size", "memory", 0),
    FIX(NULL, fix_clean_names),
    DROP(SPOT, "spot_price_auto_product"),
    FIX("qemu", fix_disk_size),
    RENAME("virtualbox*", "ssh_host_port_min", "host_port_min", YIELDS),
    RENAME("virtualbox*", "ssh_host_port_max", "host_port_max", YIELDS),
    FIX("virtualbox*", fix_nat_mapping),
    RENAME(NULL, "ssh_wait_timeout", "ssh_timeout", IF_STRING | YIELDS),
    FIX("vsphere-iso", fix_vsphere),
    FIX(NULL, fix_iso_checksum),
    RENAME("qemu", "ssh_host_port_min", "host_port_min", 0),
    RENAME("qemu", "ssh_host_port_max", "host_port_max", 0),
    FIX("azure-chroot", fix_exclude_from_latest),
    SET("proxmox", "type", "proxmox-iso"),
};

static const struct rule provisioner_rules[] = {
    FIX(NULL, fix_virtualbox_override),
    FIX("powershell", fix_powershell_escapes),
    RENAME("ansible-local", "galaxycommand", "galaxy_command", IF_STRING | YIELDS),
};

static const struct rule postprocessor_rules[] = {
    FIX("vagrant", fix_vagrant_overrides),
    RENAME("manifest", "filename", "output", IF_STRING),
    DROP(NULL, "login_email"),
    FIX("docker-tag", fix_docker_tags),
};

static const struct {
    const struct rule *v;
    size_t n;
} rules[KILN_FIX__N] = {
    [KILN_FIX_BUILDER] = { builder_rules, KILN_COUNT(builder_rules) },
    [KILN_FIX_PROVISIONER] = { provisioner_rules, KILN_COUNT(provisioner_rules) },
    [KILN_FIX_POSTPROCESSOR] = { postprocessor_rules, KILN_COUNT(postprocessor_rules) },
};

static bool has_type(const struct kiln_fix_object *o, const char *types)
{
    const char *type = kiln_fix_get_string(o, "type");
    KILN_AUTO_STRV names = { 0 };

    if (!types)
        return true;
    kiln_strv_split(&names, types, ' ');
    KILN_STRV_FOREACH (name, &names) {
        size_t len = strlen(name) - 1;

        if (type && (name[len] == '*' ? strncmp(type, name, len) == 0 : kiln_streq(type, name)))
            return true;
    }
    return false;
}

static void apply(struct kiln_fix_object *o, const struct rule *r)
{
    const struct kiln_node *v = r->key ? kiln_fix_get(o, r->key) : NULL;

    if (r->fix)
        r->fix(o);
    else if (!v || ((r->flags & IF_STRING) && v->type != KILN_NODE_STRING) ||
             ((r->flags & IF_BOOL) && v->type != KILN_NODE_BOOL))
        return;
    else if (r->text)
        kiln_fix_set_text(o, r->key, r->text);
    else if (r->to)
        kiln_fix_rename(o, r->key, r->to, !(r->flags & YIELDS));
    else
        kiln_fix_drop(o, r->key);
}

void kiln_fix_apply(struct kiln_fix_object *o, enum kiln_fix_part part)
{
    for (size_t i = 0; i < rules[part].n; i++)
        if (has_type(o, rules[part].v[i].types))
            apply(o, &rules[part].v[i]);
}
