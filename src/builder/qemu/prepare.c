#include <ctype.h>

#include "base/fs.h"
#include "base/mem.h"
#include "bootcmd/bootcmd.h"
#include "builder/qemu/boot_text.h"
#include "net/fetch.h"

/*
 * Checks between options, in the order in which Packer reports them (qemu-builder.md, 1.6). Every
 * check reports what it finds and goes on.
 */

#define is_set kiln_qemu_is_set

/* ---- sizes and names ---- */

/* digits[bkmgt]?; bare digits mean MiB. */
static bool fix_disk_size(struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    size_t digits = 0;
    char *with_unit;

    if (!kiln_is_set(o->disk_size) || kiln_streq(o->disk_size, "0")) {
        free(o->disk_size);
        o->disk_size = kiln_xstrdup("40960M");
    }
    while (isdigit((unsigned char)o->disk_size[digits]))
        digits++;
    if (digits > 0 && o->disk_size[digits] == '\0') {
        with_unit = kiln_xasprintf("%sM", o->disk_size);
        free(o->disk_size);
        o->disk_size = with_unit;
        return true;
    }
    if (digits > 0 && strchr("bkmgtBKMGT", o->disk_size[digits]) &&
        o->disk_size[digits + 1] == '\0')
        return true;
    return kiln_config_error(p, "disk_size",
                             "Invalid disk size. '%s': write digits and b, k, m, g or t, as 10G",
                             o->disk_size);
}

static void fill_names(struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    if (!kiln_is_set(o->output_directory)) {
        free(o->output_directory);
        o->output_directory = kiln_xasprintf("output-%s", p->interp->build_name);
    }
    if (!kiln_is_set(o->vm_name)) {
        free(o->vm_name);
        o->vm_name = kiln_xasprintf("packer-%s", p->interp->build_name);
    }
    if (o->memory < 10)
        o->memory = 512;
    if (o->boot_wait_ns == 0) /* "0s" means the default, too */
        o->boot_wait_ns = 10 * (int64_t)1000000000;
    if (o->ssh_host_port_min)
        o->host_port_min = o->ssh_host_port_min;
    if (o->ssh_host_port_max)
        o->host_port_max = o->ssh_host_port_max;
    if (!kiln_streq(o->format, "qcow2")) {
        o->skip_compaction = true;
        o->disk_compression = false;
    }
    if (o->use_backing_file)
        o->skip_compaction = true;
    if (o->vnc_use_password ||
        kiln_is_set(o->net_bridge)) /* Packer needs it there, and scripts know */
        o->qmp_enable = true;
}

static bool check_vm_name(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    if (!strchr(o->vm_name, '/') && !kiln_streq(o->vm_name, ".."))
        return true;
    return kiln_config_error(p, "vm_name", "vm_name '%s' must be a file name, without '/'",
                             o->vm_name);
}

/* ---- boot command ---- */

static char *join_boot_command(const struct kiln_qemu_options *o)
{
    return kiln_strv_join(&o->boot_command, "");
}

/* The override, last, wins. */
static const struct kiln_node *option_node(const struct kiln_prepare *p, const char *key)
{
    const struct kiln_node *node = NULL;

    for (size_t i = 0; i < p->n_nodes; i++) {
        const struct kiln_node *value = kiln_node_get(p->nodes[i], key);

        node = value ? value : node;
    }
    return node;
}

/* The element of boot_command, and the byte in it, that byte `at` of the joined text is from. */
static const struct kiln_node *element_at(const struct kiln_prepare *p, size_t *at)
{
    const struct kiln_node *node = option_node(p, "boot_command");

    if (!node || node->type != KILN_NODE_LIST)
        return node;
    for (size_t i = 0; i < node->u.list.n; i++) {
        const struct kiln_node *item = node->u.list.items[i];

        if (item->type != KILN_NODE_STRING)
            break;
        if (*at < item->u.string.len)
            return item;
        *at -= item->u.string.len;
    }
    return node;
}

static void report_note(const struct kiln_prepare *p, const struct kiln_bootcmd_note *note,
                        bool is_error)
{
    size_t at = note->start;
    const struct kiln_node *node = element_at(p, &at);
    KILN_AUTO_FREE char *fix = note->fix ? kiln_xasprintf("write %s", note->fix) : NULL;
    size_t offset;

    if (!node)
        node = p->nodes[0];
    offset = node->type == KILN_NODE_STRING ? kiln_node_text_offset(node, at) : node->offset;
    if (is_error)
        (void)kiln_diag_error(p->diag, node->source, offset, fix, "%s", note->text);
    else
        kiln_diag_warning(p->diag, node->source, offset, fix, "boot_command: %s", note->text);
}

static bool check_boot(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    KILN_AUTO_FREE char *text = join_boot_command(o);
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_BOOTCMD_NOTES notes = { 0 };
    bool ok = true;

    if (o->disable_vnc && o->boot_command.n)
        ok = kiln_config_error(p, "boot_command",
                               "A boot command cannot be used when vnc is disabled.");
    if (!kiln_bootcmd_parse(text, strlen(text), &cmd, &notes, NULL) ||
        !kiln_boot_text_regexes(&cmd, &notes, NULL)) {
        for (size_t i = 0; i < notes.n; i++)
            report_note(p, &notes.v[i], true);
        return false;
    }
    if (kiln_boot_text_lacks_server(o))
        kiln_config_warning(p, "boot_command", "%s", KILN_BOOT_TEXT_NO_SERVER);
    kiln_bootcmd_lint(&cmd, &notes);
    for (size_t i = 0; i < notes.n; i++)
        report_note(p, &notes.v[i], false);
    return ok;
}

static bool check_layout(struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_is_set(o->boot_keyboard_layout) ||
        kiln_layout_load(o->boot_keyboard_layout, &o->layout, &err))
        return true;
    return kiln_config_error(p, "boot_keyboard_layout", "%s", kiln_err_text(&err));
}

/* The string that row `i` types. */
static const struct kiln_node *step_node(const struct kiln_prepare *p, size_t i)
{
    const struct kiln_node *node = option_node(p, "boot_steps");

    for (unsigned depth = 0; depth < 2; depth++) {
        size_t at = depth == 0 ? i : 0;

        if (!node || node->type != KILN_NODE_LIST || at >= node->u.list.n)
            return p->nodes[0];
        node = node->u.list.items[at];
    }
    return node;
}

/* Packer looks at them when they are typed: a mistake keeps nobody from trying. Keys that are held
 * may be released by a later row. */
static void check_step(const struct kiln_prepare *p, size_t i, const char *text)
{
    const struct kiln_node *node = step_node(p, i);
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_BOOTCMD_NOTES notes = { 0 };

    if (kiln_bootcmd_parse(text, strlen(text), &cmd, &notes, NULL) &&
        kiln_boot_text_regexes(&cmd, &notes, NULL))
        kiln_bootcmd_lint(&cmd, &notes);
    for (size_t k = 0; k < notes.n; k++) {
        const struct kiln_bootcmd_note *note = &notes.v[k];
        KILN_AUTO_FREE char *fix = note->fix ? kiln_xasprintf("write %s", note->fix) : NULL;
        size_t offset = node->type == KILN_NODE_STRING ? kiln_node_text_offset(node, note->start)
                                                       : node->offset;

        if (note->kind != KILN_BOOTCMD_HELD)
            kiln_diag_warning(p->diag, node->source, offset, fix, "boot_steps: %s", note->text);
    }
}

static bool check_boot_steps(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    for (size_t i = 0; i < o->boot_steps.n; i++) {
        if (o->boot_steps.rows[i].n > 0)
            check_step(p, i, o->boot_steps.rows[i].v[0]);
    }
    if (o->boot_steps.n && o->boot_command.n)
        return kiln_config_error(p, "boot_steps",
                                 "boot_command and boot_steps cannot be used together");
    return true;
}

/* ---- ISO ---- */

static bool resolve_checksum(struct kiln_qemu_options *o, const struct kiln_prepare *p,
                             struct kiln_checksum *sum)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_cancel *cancel;
    bool ok;

    if (sum->kind != KILN_CHECKSUM_FILE || !p->network_ok)
        return true;
    cancel = kiln_cancel_new();
    ok = kiln_fetch_checksum(sum, o->iso_urls.v[0], cancel, &err);
    kiln_cancel_free(cancel);
    if (!ok)
        return kiln_config_error(p, "iso_checksum", "%s", kiln_err_text(&err));
    free(o->iso_checksum);
    o->iso_checksum = kiln_checksum_format(sum);
    return true;
}

static bool check_checksum(struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_CHECKSUM sum = { 0 };

    if (o->iso_skip_cache) {
        free(o->iso_checksum);
        o->iso_checksum = kiln_xstrdup("none");
    }
    if (!kiln_is_set(o->iso_checksum))
        return kiln_config_error(p, "iso_checksum", "A checksum must be specified");
    if (!kiln_checksum_parse(o->iso_checksum, &sum, &err))
        return kiln_config_error(p, "iso_checksum", "%s", kiln_err_text(&err));
    if (sum.kind == KILN_CHECKSUM_NONE)
        kiln_config_warning(p, "iso_checksum",
                            "A checksum of 'none' was specified. Since ISO files are so big,\n"
                            "a checksum is highly recommended.");
    return resolve_checksum(o, p, &sum);
}

static bool check_iso(struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    if (kiln_is_set(o->iso_url) && o->iso_urls.n)
        return kiln_config_error(p, "iso_url", "Only one of iso_url or iso_urls must be specified");
    if (!kiln_is_set(o->iso_url) && o->iso_urls.n == 0)
        return kiln_config_error(p, NULL, "One of iso_url or iso_urls must be specified");
    if (kiln_is_set(o->iso_url))
        kiln_strv_add(&o->iso_urls, o->iso_url);
    return check_checksum(o, p);
}

/* ---- HTTP, ports ---- */

static bool check_range(const struct kiln_prepare *p, const char *key, int64_t min, int64_t max,
                        const char *text)
{
    if (min <= max && min >= 1 && max <= 65535)
        return true;
    return kiln_config_error(p, key, "%s (it is %lld to %lld; ports are 1 to 65535)", text,
                             (long long)min, (long long)max);
}

static bool check_http_protocol(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    static const char key[] = "http_network_protocol";
    const char *protocol = o->http_network_protocol, *address = o->http_bind_address;
    bool v6 = kiln_streq(protocol, "tcp6");

    if (kiln_has_prefix(protocol, "unix"))
        return kiln_config_error(p, key, "a guest cannot reach a unix socket: use tcp");
    if (kiln_is_set(address) && !kiln_streq(protocol, "tcp") &&
        v6 != (strchr(address, ':') != NULL))
        return kiln_config_error(p, key, "%s, but http_bind_address %s is an IPv%d address",
                                 protocol, address, v6 ? 4 : 6);
    if (v6 && !kiln_is_set(address) && kiln_is_set(o->net_bridge))
        return kiln_config_error(p, key,
                                 "tcp6 on a bridge: name the IPv6 address in http_bind_address");
    if (v6 && !kiln_is_set(o->net_bridge) && kiln_boot_text_uses(o, ".HTTPIP"))
        kiln_config_warning(p, key,
                            "the guest finds the server at [fec0::2] only: 10.0.2.2, which "
                            "{{ .HTTPIP }} stands for, leads to IPv4");
    return true;
}

static bool check_http(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    bool ok = check_range(p, "http_port_min", o->http_port_min, o->http_port_max,
                          "http_port_min must be less than http_port_max");

    if (kiln_is_set(o->http_interface) && kiln_is_set(o->http_bind_address))
        ok = kiln_config_error(p, "http_interface",
                               "either http_interface or http_bind_address can be specified");
    if (kiln_is_set(o->http_directory) && o->http_content.keys.n)
        ok = kiln_config_error(p, "http_content",
                               "http_content cannot be used in conjunction with http_dir. "
                               "Consider writing the content to files in the directory.");
    return check_http_protocol(o, p) && ok;
}

static bool check_ports(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    bool ok = true;

    if (o->host_port_min > o->host_port_max)
        ok = kiln_config_error(p, "host_port_min", "host_port_min must be less than host_port_max");
    if (o->host_port_min < 0)
        ok = kiln_config_error(p, "host_port_min", "host_port_min must be positive");
    if (o->host_port_max > 65535)
        ok = kiln_config_error(p, "host_port_max", "host_port_max must be below 65536");
    return ok;
}

static bool check_vnc(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    bool ok = true;

    if (o->vnc_port_min < 5900)
        ok = kiln_config_error(p, "vnc_port_min", "vnc_port_min cannot be below 5900");
    if (o->vnc_port_min > 65535 || o->vnc_port_max > 65535)
        ok = kiln_config_error(p, "vnc_port_max",
                               "vnc_port_min and vnc_port_max must both be "
                               "below 65535 to be valid TCP ports");
    if (o->vnc_port_min > o->vnc_port_max)
        ok = kiln_config_error(p, "vnc_port_min", "vnc_port_min must be less than vnc_port_max");
    if (o->vnc_use_password && kiln_is_set(o->vnc_password) && strlen(o->vnc_password) > 8)
        ok = kiln_config_error(p, "vnc_password", "password length is longer than expected %zu > 8",
                               strlen(o->vnc_password));
    return ok;
}

/* ---- machine ---- */

static bool check_disks(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    bool ok = true;

    if (o->use_backing_file && !(o->disk_image && kiln_streq(o->format, "qcow2")))
        ok = kiln_config_error(p, "use_backing_file",
                               "use_backing_file can only be enabled for QCOW2 images and when "
                               "disk_image is true");
    if (o->skip_resize_disk && !o->disk_image)
        ok = kiln_config_error(p, "skip_resize_disk",
                               "skip_resize_disk can only be used when disk_image is true");
    return ok;
}

static bool check_cpus(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    const struct {
        const char *key;
        int64_t value;
    } counts[] = { { "cpus", o->cpus },
                   { "sockets", o->sockets },
                   { "cores", o->cores },
                   { "threads", o->threads } };
    bool ok = true;

    for (size_t i = 0; i < KILN_COUNT(counts); i++) {
        if (counts[i].value < 0)
            ok = kiln_config_error(p, counts[i].key, "%s must be a positive number", counts[i].key);
        else if (counts[i].value > 4096)
            ok = kiln_config_error(p, counts[i].key, "%s is more than any machine has",
                                   counts[i].key);
    }
    return ok;
}

/* A template may be validated where its firmware is not: the build looks for the files. */
static void fill_efi(struct kiln_qemu_options *o)
{
    char **paths[] = { &o->efi_firmware_code, &o->efi_firmware_vars };
    static const char *const defaults[] = { "/usr/share/OVMF/OVMF_CODE.fd",
                                            "/usr/share/OVMF/OVMF_VARS.fd" };

    o->efi_boot =
        o->efi_boot || kiln_is_set(o->efi_firmware_code) || kiln_is_set(o->efi_firmware_vars);
    for (size_t i = 0; o->efi_boot && i < KILN_COUNT(paths); i++) {
        if (!kiln_is_set(*paths[i])) {
            free(*paths[i]);
            *paths[i] = kiln_xstrdup(defaults[i]);
        }
    }
}

static bool check_output(struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    o->output_existed = kiln_fs_exists(o->output_directory);
    if (p->force || !o->output_existed)
        return true;
    return kiln_config_error(p, "output_directory",
                             "Output directory '%s' already exists. It must not exist.",
                             o->output_directory);
}

static bool check_qemuargs(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    for (size_t i = 0; i < o->qemuargs.n; i++) {
        if (o->qemuargs.rows[i].n == 0)
            return kiln_config_error(p, "qemuargs", "row %zu of qemuargs is empty", i + 1);
    }
    return true;
}

bool kiln_qemu_prepare(void *cfg, const struct kiln_prepare *p)
{
    struct kiln_qemu_options *o = cfg;
    bool ok;

    fill_names(o, p);
    fill_efi(o);
    ok = fix_disk_size(o, p);
    ok = kiln_qemu_check_media(o, p) && ok;
    ok = check_boot(o, p) && ok;
    ok = check_layout(o, p) && ok;
    ok = check_iso(o, p) && ok;
    ok = check_http(o, p) && ok;
    ok = kiln_comm_prepare(&o->comm, p) && ok;
    ok = check_ports(o, p) && ok;
    ok = check_disks(o, p) && ok;
    ok = check_cpus(o, p) && ok;
    ok = check_output(o, p) && ok;
    ok = check_vnc(o, p) && ok;
    ok = check_boot_steps(o, p) && ok;
    ok = check_vm_name(o, p) && ok;
    return check_qemuargs(o, p) && ok;
}
