/* Configuration → QEMU arguments, as text: golden/argv/NAME.txt, one switch a line. BLESS=1 writes
 * them anew. The cases are the worked examples and traps of qemu-builder.md, section 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "vm/argv.h"

#define LIST(...)                                                                                  \
    &(const struct kiln_strv)                                                                      \
    {                                                                                              \
        .v = (char *[]){ __VA_ARGS__, NULL }, .n = KILN_COUNT(((const char *[]){ __VA_ARGS__ }))   \
    }

#define DISK "output-qemu/packer-qemu"
#define COMMON                                                                                     \
    .name = "packer-qemu", .qemu_major = 7, .machine_type = "pc", .accelerator = "tcg",            \
    .memory_mib = 512, .disk_interface = "virtio", .disk_cache = "writeback",                      \
    .disk_discard = "ignore", .disk_detect_zeroes = "off", .disk_format = "qcow2",                 \
    .net_device = "virtio-net", .vnc_address = "127.0.0.1", .vnc_port = 5921, .headless = true,    \
    .tpm_device_type = "tpm-tis", .disks = LIST(DISK)
#define ISO .cdroms = LIST("/abs/a.iso")

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif

#define CASE(case_name, rows, ...)                                                                 \
    {                                                                                              \
        .name = case_name, .qemuargs = rows, .cfg = { COMMON, __VA_ARGS__ }                        \
    }

static const struct {
    const char *name;
    struct kiln_vm_config cfg;
    const char *qemuargs; /* rows end in ';', their elements in '|' */
} cases[] = {
    CASE("a-defaults", "", ISO, .forward_host_port = 2527, .forward_guest_port = 22,
         .qmp_path = "/t/q"),
    CASE("b-none-cpus", "", ISO, .machine_type = "q35", .memory_mib = 2048, .cpus = 4,
         .user_qmp_path = ""),
    CASE("c-virtio-scsi-disks", "", ISO, .disk_interface = "virtio-scsi",
         .disks = LIST(DISK, DISK "-1", DISK "-2"), .disk_discard = "unmap",
         .disk_detect_zeroes = "unmap", .disk_cache = "none"),
    CASE("d-virtio-scsi-cdroms", "", .disk_interface = "ide", .cdrom_interface = "virtio-scsi",
         .cdroms = LIST("/abs/a.iso", "/tmp/packer1.iso")),
    CASE("d-virtio-scsi-both", "", ISO, .disk_interface = "virtio-scsi",
         .cdrom_interface = "virtio-scsi"),
    CASE("d-ide-cdroms", "", .cdrom_interface = "ide",
         .cdroms = LIST("/abs/a.iso", "/tmp/packer1.iso")),
    CASE("e-qmp-floppy", "", ISO, .user_qmp_path = DISK ".monitor", .qmp_path = "/t/q",
         .floppy = "/tmp/packer2"),
    CASE("f-disk-image", "", .boot_from_disk = true),
    CASE("g-gtk", "", ISO, .headless = false),
    CASE("g-display-none", "", ISO, .headless = false, .display = "none"),
    CASE("g-sdl", "", ISO, .headless = false, .display = "sdl"),
    CASE("g-default-display", "", ISO, .headless = false, .use_default_display = true),
    CASE("g-default-display-cocoa", "", ISO, .headless = false, .use_default_display = true,
         .display = "cocoa"),
    CASE("h-efi", "", ISO, .machine_type = "q35", .efi_code = "/usr/share/OVMF/OVMF_CODE.fd",
         .efi_vars = "output-qemu/efivars.fd"),
    CASE("h-firmware", "", ISO, .firmware = "/f/bios.bin"),
    CASE("h-pflash", "", ISO, .firmware = "/f/bios.bin", .use_pflash = true),
    CASE("h-vtpm", "", ISO, .tpm_socket = "/tmp/t/vtpm.sock", .vga = "virtio"),
    CASE("i-vnc-port", "", ISO, .vnc_port = 5950, .vnc_password = true),
    CASE("i-vnc-ipv6", "", ISO, .vnc_address = "::1"),
    CASE("no-acceleration", "", ISO, .accelerator = "none", .cpu_model = "max"),
    CASE("smp-topology", "", ISO, .sockets = 2, .cores = 2),
    CASE("smp-too-many", "", ISO, .cpus = 8, .cores = 4),
    CASE("smp-fewer", "", ISO, .cpus = 2, .cores = 4),
    CASE("smp-threads", "", ISO, .sockets = 2, .cores = 3, .threads = 2),
    CASE("smp-overflow", "", ISO, .sockets = 70000, .cores = 70000),
    CASE("bridge", "", ISO, .net_bridge = "br0", .forward_host_port = 1),
    CASE("forward-everywhere", "", ISO, .forward_host_port = 3000, .forward_guest_port = 2022,
         .forward_address = "0.0.0.0"),
    CASE("trap-13-skip-nat", "", ISO, .forward_host_port = 18222, .forward_guest_port = 18222),
    CASE("commas", "", .name = "a,b", .disks = LIST("out,1/a,b"), .cdroms = LIST("/x,y.iso"),
         .qmp_path = "/t,/q"),
    CASE("old-qemu", "", ISO, .qemu_major = 1, .disk_interface = "virtio-scsi",
         .disks = LIST(DISK, DISK "-1"), .headless = false),
    CASE("qemuargs-example",
         "-netdev|user,id=mynet0,|hostfwd=tcp::3267-:22||;-device|virtio-net,netdev=mynet0|;", ISO,
         .forward_host_port = 3267, .forward_guest_port = 22),
    CASE("trap-11-second-card", "-device|e1000,netdev=user.0|;", ISO),
    CASE("trap-11-longer-name", "-device|virtio-net-pci,netdev=x|;", ISO),
    CASE("trap-11-other-switch", "--drive|x|;", ISO),
    CASE("trap-12-repeats", "-m|1G|;-serial|stdio|;-m|2G|;", ISO),
    CASE("trap-12-bare", "-boot|;--no-acpi||;", ISO),
    CASE("trap-12-bare-device", "-device|;", ISO),
    CASE("qemuargs-lose-devices", "-device|virtio-rng-pci|;-drive|file=x|;", ISO,
         .disk_interface = "virtio-scsi", .tpm_socket = "/t/s"),
    CASE("qemuargs-cannot-lose-our-qmp", "-qmp|tcp:127.0.0.1:4444,server,nowait|;;", ISO,
         .qmp_path = "/t/q", .user_qmp_path = "/u/q"),
};

#pragma GCC diagnostic pop

/* "-switch value" a line; a word that begins with a dash starts a new one. */
static char *as_text(const struct kiln_strv *argv)
{
    KILN_AUTO_STR text = { 0 };

    for (size_t i = 0; i < argv->n; i++)
        kiln_str_addf(&text, "%s%s", i == 0 ? "" : argv->v[i][0] == '-' ? "\n" : " ", argv->v[i]);
    kiln_str_addc(&text, '\n');
    return kiln_str_steal(&text);
}

/* Cut off the part of *text before the next `end`; false: there is none. */
static bool next_part(const char **text, char end, char **ret_part)
{
    const char *stop = strchr(*text, end);

    if (!stop)
        return false;
    *ret_part = kiln_xstrndup(*text, (size_t)(stop - *text));
    *text = stop + 1;
    return true;
}

static struct kiln_strv read_row(const char *text)
{
    struct kiln_strv row = { 0 };
    char *part;

    while (next_part(&text, '|', &part))
        kiln_strv_add_take(&row, part);
    return row;
}

static void make_argv(size_t i, struct kiln_strv *out)
{
    struct kiln_vm_config cfg = cases[i].cfg;
    const char *text = cases[i].qemuargs;
    struct kiln_strv rows[8];
    char *part;

    cfg.qemuargs = rows;
    while (next_part(&text, ';', &part)) {
        rows[cfg.n_qemuargs++] = read_row(part);
        free(part);
    }
    kiln_vm_argv(&cfg, out);
    while (cfg.n_qemuargs > 0)
        kiln_strv_done(&rows[--cfg.n_qemuargs]);
}

static void argv_matches_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        KILN_AUTO_ERR err = { 0 };
        KILN_AUTO_STR want = { 0 };
        KILN_AUTO_STRV argv = { 0 };
        KILN_AUTO_FREE char *file = kiln_xasprintf(KILN_TESTS "/golden/argv/%s.txt", cases[i].name);
        KILN_AUTO_FREE char *got = NULL;

        make_argv(i, &argv);
        got = as_text(&argv);
        if (getenv("BLESS"))
            assert_true(kiln_fs_write_atomic(file, got, strlen(got), 0644, &err));
        if (!kiln_fs_read(file, 1 << 16, &want, &err))
            fail_msg("%s", kiln_err_text(&err));
        if (strcmp(got, kiln_str_cstr(&want)) != 0)
            fail_msg("%s:\n%sinstead of\n%s", cases[i].name, got, kiln_str_cstr(&want));
    }
}

static void argv_appends(void **state)
{
    KILN_AUTO_STRV argv = { 0 };

    (void)state;
    kiln_strv_add(&argv, "qemu-system-x86_64");
    kiln_vm_argv(&cases[0].cfg, &argv);
    assert_string_equal(argv.v[0], "qemu-system-x86_64");
    assert_string_equal(argv.v[1], "-no-user-config");
    assert_null(argv.v[argv.n]);
}

static void later_boot(void **state)
{
    static const struct {
        const char *args, *want;
    } rows[] = {
        { "-boot|once=d", "cad" },
        { "-boot|c", NULL },
        { "-m|512M", NULL },
        { "-boot|order=dc,menu=on,once=d", "dc" },
        { "-boot|dc|-boot|once=d,menu=on", "dc" },
        { "-boot|once=d,order=x y", NULL },
        { "-boot", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STRV args = { 0 };
        KILN_AUTO_FREE char *got = NULL;

        kiln_strv_split(&args, rows[i].args, '|');
        got = kiln_vm_later_boot(&args);
        if (!kiln_streq(got, rows[i].want))
            fail_msg("%s: %s", rows[i].args, got ? got : "(none)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argv_matches_golden),
        cmocka_unit_test(argv_appends),
        cmocka_unit_test(later_boot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
