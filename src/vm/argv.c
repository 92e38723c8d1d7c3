#include "vm/argv.h"

#include <limits.h>

#include "base/mem.h"
#include "base/str.h"

/* One switch with its values in order; none: the bare switch. */
struct option {
    char *name; /* owned */
    struct kiln_strv values;
    bool from_user; /* its defaults are gone */
};

struct cmdline {
    struct option *v;
    size_t n;
};

static size_t count(const struct kiln_strv *sv)
{
    return sv ? sv->n : 0;
}

static struct option *option_get(struct cmdline *cl, const char *name)
{
    for (size_t i = 0; i < cl->n; i++) {
        if (kiln_streq(cl->v[i].name, name))
            return &cl->v[i];
    }
    cl->v = kiln_xrealloc(cl->v, cl->n + 1, sizeof(*cl->v));
    cl->v[cl->n] = (struct option){ .name = kiln_xstrdup(name) };
    return &cl->v[cl->n++];
}

static void cmdline_done(struct cmdline *cl)
{
    for (size_t i = 0; i < cl->n; i++) {
        free(cl->v[i].name);
        kiln_strv_done(&cl->v[i].values);
    }
    free(cl->v);
}

static void add(struct cmdline *cl, const char *name, const char *fmt, ...) KILN_PRINTF(3, 4);

static void add(struct cmdline *cl, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kiln_strv_add_take(&option_get(cl, name)->values, kiln_xvasprintf(fmt, ap));
    va_end(ap);
}

/* QEMU reads ",," inside a value as one comma. Caller frees. */
static char *escape(const char *s)
{
    KILN_AUTO_STR out = { 0 };

    for (; s && *s; s++) {
        kiln_str_addc(&out, *s);
        if (*s == ',')
            kiln_str_addc(&out, ',');
    }
    return kiln_str_steal(&out);
}

static void add_machine(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    if (kiln_streq(cfg->accelerator, "none"))
        add(cl, "-machine", "type=%s", cfg->machine_type);
    else
        add(cl, "-machine", "type=%s,accel=%s", cfg->machine_type, cfg->accelerator);
    if (kiln_is_set(cfg->cpu_model))
        add(cl, "-cpu", "%s", cfg->cpu_model);
}

/* sockets * cores * threads over those that are set; 0 if none is. Saturates. */
static int topology_size(const struct kiln_vm_config *cfg)
{
    const int factors[] = { cfg->sockets, cfg->cores, cfg->threads };
    int product = 0;

    for (size_t i = 0; i < KILN_COUNT(factors); i++) {
        if (factors[i] <= 0)
            continue;
        if (__builtin_mul_overflow(product ? product : 1, factors[i], &product))
            return INT_MAX;
    }
    return product;
}

static void add_cpus(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    KILN_AUTO_STR smp = { 0 };
    int max = topology_size(cfg);
    int cpus = cfg->cpus;

    if (max > 0 && (cpus <= 0 || cpus > max))
        cpus = max;
    kiln_str_addf(&smp, "%d", cpus > 0 ? cpus : 1);
    if (cfg->sockets > 0)
        kiln_str_addf(&smp, ",sockets=%d", cfg->sockets);
    if (cfg->cores > 0)
        kiln_str_addf(&smp, ",cores=%d", cfg->cores);
    if (cfg->threads > 0)
        kiln_str_addf(&smp, ",threads=%d", cfg->threads);
    add(cl, "-smp", "%s", kiln_str_cstr(&smp));
}

static void add_boot(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    /* OVMF keeps its boot order in its variables and does not know -boot once. */
    if (!kiln_is_set(cfg->efi_code))
        add(cl, "-boot", "%s", cfg->boot_from_disk ? "c" : "once=d");
    if (kiln_is_set(cfg->firmware) && !cfg->use_pflash)
        add(cl, "-bios", "%s", cfg->firmware);
}

static void add_tpm_backend(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    KILN_AUTO_FREE char *path = escape(cfg->tpm_socket);

    if (!kiln_is_set(cfg->tpm_socket))
        return;
    add(cl, "-chardev", "socket,id=vtpm,path=%s", path);
    add(cl, "-tpmdev", "emulator,id=tpm0,chardev=vtpm");
}

static bool is_scsi(const char *interface)
{
    return kiln_streq(interface, "virtio-scsi");
}

static void add_disk(struct cmdline *cl, const struct kiln_vm_config *cfg, size_t i)
{
    KILN_AUTO_FREE char *path = escape(cfg->disks->v[i]);
    KILN_AUTO_STR drive = { 0 };

    if (is_scsi(cfg->disk_interface)) {
        kiln_str_addf(&drive, "if=none,file=%s,id=drive%zu", path, i);
        if (i == 0)
            add(cl, "-device", "virtio-scsi-pci,id=scsi0");
        add(cl, "-device", "scsi-hd,bus=scsi0.0,drive=drive%zu", i);
    } else {
        kiln_str_addf(&drive, "file=%s,if=%s", path, cfg->disk_interface);
    }
    kiln_str_addf(&drive, ",cache=%s,discard=%s,format=%s", cfg->disk_cache, cfg->disk_discard,
                  cfg->disk_format);
    if (kiln_is_set(cfg->disk_detect_zeroes) && !kiln_streq(cfg->disk_detect_zeroes, "off"))
        kiln_str_addf(&drive, ",detect-zeroes=%s", cfg->disk_detect_zeroes);
    add(cl, "-drive", "%s", kiln_str_cstr(&drive));
}

static bool is_old(const struct kiln_vm_config *cfg)
{
    return cfg->qemu_major == 1;
}

static void add_disks(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    if (!is_old(cfg)) {
        for (size_t i = 0; i < count(cfg->disks); i++)
            add_disk(cl, cfg, i);
    } else if (count(cfg->disks) > 0) {
        KILN_AUTO_FREE char *path = escape(cfg->disks->v[0]);

        add(cl, "-drive", "file=%s,if=%s,cache=%s,format=%s", path, cfg->disk_interface,
            cfg->disk_cache, cfg->disk_format);
    }
}

/* A drive on the virtio-scsi bus; n_scsi: devices that sit there already. */
static void add_scsi_cdrom(struct cmdline *cl, const char *path, size_t i, size_t n_scsi)
{
    if (n_scsi == 0)
        add(cl, "-device", "virtio-scsi-pci,id=scsi0");
    add(cl, "-device", "virtio-scsi-device");
    add(cl, "-device", "scsi-cd,drive=cdrom%zu", i);
    add(cl, "-drive", "file=%s,if=none,index=%zu,id=cdrom%zu,media=cdrom", path, n_scsi, i);
}

static void add_cdroms(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    size_t n_scsi = is_scsi(cfg->disk_interface) && !is_old(cfg) ? count(cfg->disks) : 0;

    for (size_t i = 0; i < count(cfg->cdroms); i++) {
        KILN_AUTO_FREE char *path = escape(cfg->cdroms->v[i]);

        if (!kiln_is_set(cfg->cdrom_interface))
            add(cl, "-drive", "file=%s,media=cdrom", path);
        else if (is_scsi(cfg->cdrom_interface))
            add_scsi_cdrom(cl, path, i, n_scsi + i);
        else
            add(cl, "-drive", "file=%s,if=%s,index=%zu,id=cdrom%zu,media=cdrom", path,
                cfg->cdrom_interface, i, i);
    }
}

static void add_flash(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    KILN_AUTO_FREE char *firmware = escape(cfg->firmware);
    KILN_AUTO_FREE char *code = escape(cfg->efi_code);
    KILN_AUTO_FREE char *vars = escape(cfg->efi_vars);

    if (*firmware && cfg->use_pflash)
        add(cl, "-drive", "file=%s,if=pflash,format=raw,readonly=on", firmware);
    if (*code)
        add(cl, "-drive", "file=%s,if=pflash,unit=0,format=raw,readonly=on", code);
    if (*vars)
        add(cl, "-drive", "file=%s,if=pflash,unit=1,format=raw", vars);
}

static void add_storage_and_devices(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    add_disks(cl, cfg);
    add(cl, "-device", "%s,netdev=user.0", cfg->net_device);
    add_cdroms(cl, cfg);
    add_flash(cl, cfg);
    if (kiln_is_set(cfg->tpm_socket))
        add(cl, "-device", "%s,tpmdev=tpm0", cfg->tpm_device_type);
    if (kiln_is_set(cfg->floppy))
        add(cl, "-fda", "%s", cfg->floppy);
}

static void add_network(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    const char *address = kiln_is_set(cfg->forward_address) ? cfg->forward_address : "127.0.0.1";

    if (kiln_is_set(cfg->net_bridge))
        add(cl, "-netdev", "bridge,id=user.0,br=%s", cfg->net_bridge);
    else if (cfg->forward_host_port == 0)
        add(cl, "-netdev", "user,id=user.0");
    else
        add(cl, "-netdev", "user,id=user.0,hostfwd=tcp:%s:%d-:%d", address, cfg->forward_host_port,
            cfg->forward_guest_port);
}

static void add_display(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    bool ipv6 = cfg->vnc_address && strchr(cfg->vnc_address, ':') && cfg->vnc_address[0] != '[';

    add(cl, "-vnc", ipv6 ? "[%s]:%d%s%s" : "%s:%d%s%s", cfg->vnc_address, cfg->vnc_port - 5900,
        cfg->vnc_password ? ",password" : "", cfg->vnc_no_delay ? ",key-delay-ms=0" : "");
    if (!cfg->headless && !is_old(cfg)) {
        if (kiln_is_set(cfg->display) && !kiln_streq(cfg->display, "none"))
            add(cl, "-display", "%s", cfg->display);
        else if (!cfg->use_default_display)
            add(cl, "-display", "gtk");
    }
    if (kiln_is_set(cfg->vga))
        add(cl, "-vga", "%s", cfg->vga);
}

static void add_defaults(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    KILN_AUTO_FREE char *name = escape(cfg->name);
    KILN_AUTO_FREE char *qmp = escape(cfg->user_qmp_path);

    (void)option_get(cl, "-no-user-config");
    add(cl, "-name", "%s", name);
    add_machine(cl, cfg);
    add_cpus(cl, cfg);
    add(cl, "-m", "%dM", cfg->memory_mib);
    add_boot(cl, cfg);
    add_tpm_backend(cl, cfg);
    add_storage_and_devices(cl, cfg);
    add_network(cl, cfg);
    add_display(cl, cfg);
    if (*qmp)
        add(cl, "-qmp", "unix:%s,server,nowait", qmp);
}

static void apply_row(struct cmdline *cl, const struct kiln_strv *row)
{
    KILN_AUTO_STR value = { 0 };
    struct option *opt;

    if (row->n == 0)
        return;
    opt = option_get(cl, row->v[0]);
    if (!opt->from_user) {
        kiln_strv_done(&opt->values);
        opt->from_user = true;
    }
    for (size_t i = 1; i < row->n; i++)
        kiln_str_adds(&value, row->v[i]);
    if (value.len > 0)
        kiln_strv_add(&opt->values, kiln_str_cstr(&value));
}

/* Whoever replaces -device forgets the network card; Packer puts it back unless its name occurs
 * anywhere in the values. */
static void ensure_net_device(struct cmdline *cl, const struct kiln_vm_config *cfg)
{
    struct option *devices = option_get(cl, "-device");
    KILN_AUTO_FREE char *all = kiln_strv_join(&devices->values, "");

    if (!strstr(all, cfg->net_device))
        kiln_strv_addf(&devices->values, "%s,netdev=user.0", cfg->net_device);
}

static void flatten(const struct cmdline *cl, struct kiln_strv *out)
{
    for (size_t i = 0; i < cl->n; i++) {
        if (cl->v[i].values.n == 0)
            kiln_strv_add(out, cl->v[i].name);
        KILN_STRV_FOREACH (value, &cl->v[i].values) {
            kiln_strv_add(out, cl->v[i].name);
            kiln_strv_add(out, value);
        }
    }
}

void kiln_vm_argv(const struct kiln_vm_config *cfg, struct kiln_strv *out)
{
    KILN_CLEANUP(cmdline_done) struct cmdline cl = { 0 };
    KILN_AUTO_FREE char *qmp = escape(cfg->qmp_path);

    add_defaults(&cl, cfg);
    for (size_t i = 0; i < cfg->n_qemuargs; i++)
        apply_row(&cl, &cfg->qemuargs[i]);
    ensure_net_device(&cl, cfg);
    flatten(&cl, out);
    if (*qmp) {
        kiln_strv_add(out, "-qmp");
        kiln_strv_addf(out, "unix:%s,server=on,wait=off", qmp);
    }
}

#define PC_BOOT_ORDER "cad" /* of QEMU's machines pc and q35, if nobody says another */

char *kiln_vm_later_boot(const struct kiln_strv *args)
{
    KILN_AUTO_STRV options = { 0 };
    const char *order = PC_BOOT_ORDER;
    bool once = false;

    for (size_t i = 0; i + 1 < args->n; i++) {
        if (kiln_streq(args->v[i], "-boot"))
            kiln_strv_split(&options, args->v[i + 1], ',');
    }
    KILN_STRV_FOREACH (option, &options) {
        once = once || kiln_has_prefix(option, "once=");
        if (kiln_has_prefix(option, "order="))
            order = option + strlen("order=");
        else if (!strchr(option, '='))
            order = option;
    }
    return once && order[strspn(order, "abcdefghijklmnop")] == '\0' ? kiln_xstrdup(order) : NULL;
}
