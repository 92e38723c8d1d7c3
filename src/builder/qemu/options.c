#include "builder/qemu/qemu.h"

#define O(member) offsetof(struct kiln_qemu_options, member)

static const char *const accelerators[] = {
    "none", "kvm", "tcg", "xen", "hax", "hvf", "whpx", NULL
};
static const char *const interfaces[] = {
    "ide", "sata", "scsi", "virtio", "virtio-scsi", "sd", NULL
};
static const char *const caches[] = { "writethrough", "writeback",  "none",
                                      "unsafe",       "directsync", NULL };
static const char *const discards[] = { "unmap", "ignore", NULL };
static const char *const zeroes[] = { "unmap", "on", "off", NULL };
static const char *const formats[] = { "qcow2", "raw", NULL };
static const char *const protocols[] = { "tcp", "tcp4", "tcp6", "unix", "unixpacket", NULL };

static const struct kiln_field machine_fields[] = {
    { "accelerator", KILN_STRING, O(accelerator), .choices = accelerators,
      .choice_error = "invalid accelerator, only 'kvm', 'tcg', 'xen', 'hax', 'hvf', 'whpx', or "
                      "'none' are allowed",
      .help = "How QEMU runs the guest. Not set: kvm if a probe guest shows that it works and is "
              "faster, else tcg." },
    { "machine_type", KILN_STRING, O(machine_type), .def = "pc",
      .help = "QEMU machine, as for -machine type=." },
    { "memory", KILN_INT, O(memory), .def = "512", .help = "Memory of the guest in MiB." },
    { "cpus", KILN_INT, O(cpus), .help = "Number of CPUs; not set: sockets * cores * threads." },
    { "sockets", KILN_INT, O(sockets), .help = "CPU sockets." },
    { "cores", KILN_INT, O(cores), .help = "Cores of a socket." },
    { "threads", KILN_INT, O(threads), .help = "Threads of a core." },
    { "cpu_model", KILN_STRING, O(cpu_model), .help = "CPU, as for -cpu." },
    { "net_device", KILN_STRING, O(net_device), .def = "virtio-net",
      .help = "Network card, as for -device." },
    { "net_bridge", KILN_STRING, O(net_bridge),
      .help = "Bridge of the host, instead of user networking." },
    { "vga", KILN_STRING, O(vga), .help = "Video card, as for -vga." },
    { "firmware", KILN_STRING, O(firmware), .help = "Firmware file, for -bios." },
    { "use_pflash", KILN_BOOL, O(use_pflash),
      .help = "Give the firmware as a read-only flash drive instead." },
    { "efi_boot", KILN_BOOL, O(efi_boot), .help = "Boot with OVMF; set by either path below." },
    { "efi_firmware_code", KILN_STRING, O(efi_firmware_code),
      .help = "OVMF code file (/usr/share/OVMF/OVMF_CODE.fd)." },
    { "efi_firmware_vars", KILN_STRING, O(efi_firmware_vars),
      .help = "OVMF variables file, copied to efivars.fd (/usr/share/OVMF/OVMF_VARS.fd)." },
    { "efi_drop_efivars", KILN_BOOL, O(efi_drop_efivars),
      .help = "Do not list efivars.fd in the artifact." },
    { "vtpm", KILN_BOOL, O(vtpm), .help = "Emulated TPM 2.0, by swtpm." },
    { "use_tpm1", KILN_BOOL, O(use_tpm1), .help = "With vtpm: TPM 1.2." },
    { "tpm_device_type", KILN_STRING, O(tpm_device_type), .def = "tpm-tis", .help = "TPM device." },
    { "qemu_binary", KILN_STRING, O(qemu_binary), .def = "qemu-system-x86_64",
      .help = "Program, a path or a name that is looked up in PATH." },
    { "qemuargs", KILN_STRING_ROWS, O(qemuargs), KILN_RAW,
      .help = "Rows of QEMU arguments; a switch given here replaces all defaults of that switch. "
              "{{ .HTTPIP }}, {{ .HTTPPort }}, {{ .HTTPDir }}, {{ .OutputDir }}, {{ .Name }}, "
              "{{ .SSHHostPort }} are known." },
    { "qmp_enable", KILN_BOOL, O(qmp_enable),
      .help =
          "A QMP socket of your own, beside kiln's private one; vnc_use_password and net_bridge "
          "set it." },
    { "qmp_socket_path", KILN_STRING, O(qmp_socket_path),
      .help = "Its path (OUTPUT_DIRECTORY/VM_NAME.monitor)." },
    { "run_once", KILN_BOOL, O(run_once), KILN_HIDDEN, .help = "No effect." },
    { 0 },
};

static const struct kiln_field img_fields[] = {
    { "create", KILN_STRINGS, offsetof(struct kiln_qemu_img_args, create),
      .help = "More arguments for qemu-img create." },
    { "convert", KILN_STRINGS, offsetof(struct kiln_qemu_img_args, convert),
      .help = "More arguments for qemu-img convert." },
    { "resize", KILN_STRINGS, offsetof(struct kiln_qemu_img_args, resize),
      .help = "More arguments for qemu-img resize." },
    { 0 },
};
static const struct kiln_schema img_schema = { "qemu_img_args", "arguments for qemu-img",
                                               img_fields, NULL };

static const struct kiln_field disk_fields[] = {
    { "disk_size", KILN_STRING, O(disk_size), .def = "40960M",
      .help = "Size of the disk: digits and b, k, m, g or t; bare digits are MiB." },
    { "disk_additional_size", KILN_STRINGS, O(disk_additional_size),
      .help = "Sizes of more disks, as qemu-img takes them." },
    { "disk_interface", KILN_STRING, O(disk_interface), .def = "virtio", .choices = interfaces,
      .choice_error = "unrecognized disk interface type", .help = "How the disks are attached." },
    { "disk_cache", KILN_STRING, O(disk_cache), .def = "writeback", .choices = caches,
      .choice_error = "unrecognized disk cache type", .help = "Cache mode of the disks." },
    { "disk_discard", KILN_STRING, O(disk_discard), .def = "ignore", .choices = discards,
      .choice_error = "unrecognized disk discard type", .help = "Discard mode of the disks." },
    { "disk_detect_zeroes", KILN_STRING, O(disk_detect_zeroes), .def = "off", .choices = zeroes,
      .choice_error = "unrecognized disk detect zeroes setting",
      .help = "Zero detection of the disks." },
    { "disk_image", KILN_BOOL, O(disk_image),
      .help = "iso_url is a disk to start from, not an installer." },
    { "use_backing_file", KILN_BOOL, O(use_backing_file),
      .help = "Write changes to an overlay on that disk." },
    { "skip_resize_disk", KILN_BOOL, O(skip_resize_disk), .help = "Keep that disk's size." },
    { "skip_compaction", KILN_BOOL, O(skip_compaction),
      .help = "Do not rewrite the finished qcow2 without its free space." },
    { "disk_compression", KILN_BOOL, O(disk_compression), .help = "Compress the finished qcow2." },
    { "format", KILN_STRING, O(format), .def = "qcow2", .choices = formats,
      .choice_error = "invalid format, only 'qcow2' or 'raw' are allowed",
      .help = "Format of the result." },
    { "cdrom_interface", KILN_STRING, O(cdrom_interface),
      .help = "How the installer CD is attached; not set: QEMU's default." },
    { "qemu_img_args", KILN_NESTED, O(img_args), .nested = &img_schema,
      .help = "More arguments for qemu-img." },
    { "output_directory", KILN_STRING, O(output_directory), KILN_OPEN,
      .help = "Where the result goes (output-BUILDNAME); must not exist, but for -force." },
    { "vm_name", KILN_STRING, O(vm_name), KILN_OPEN,
      .help = "File name of the disk, used as it is (packer-BUILDNAME)." },
    { 0 },
};

static const struct kiln_field media_fields[] = {
    { "iso_url", KILN_STRING, O(iso_url), .help = "Installer or disk: http, https, file or path." },
    { "iso_urls", KILN_STRINGS, O(iso_urls), .help = "Several; the first that works is taken." },
    { "iso_checksum", KILN_STRING, O(iso_checksum),
      .help = "TYPE:HEX, HEX, file:URL of a checksum file, or none. Required." },
    { "iso_target_path", KILN_STRING, O(iso_target_path),
      .help = "Where the download is kept; not set: the cache." },
    { "iso_target_extension", KILN_STRING, O(iso_target_extension), .def = "iso",
      .help = "Extension in the cache." },
    { "iso_skip_cache", KILN_BOOL, O(iso_skip_cache),
      .help = "QEMU reads the URL itself; the server must support ranges." },
    { "iso_checksum_type", KILN_STRING, 0, KILN_REMOVED, .help = NULL },
    { "iso_checksum_url", KILN_STRING, 0, KILN_REMOVED, .help = NULL },
    { "floppy_files", KILN_STRINGS, O(floppy_files),
      .help = "Files for the root of a 1.44 MB floppy; wildcards; directories are flattened." },
    { "floppy_dirs", KILN_STRINGS, O(floppy_dirs),
      .help = "Directories for that floppy, each under its own name." },
    { "floppy_content", KILN_STRING_MAP, O(floppy_content),
      .help = "Texts for that floppy, by file name." },
    { "floppy_label", KILN_STRING, O(floppy_label), .help = "Its label, up to 8 bytes (packer)." },
    { "cd_files", KILN_STRINGS, O(cd_files),
      .help = "Files and directories for a CD; wildcards; 'dir/' is what is in it." },
    { "cd_content", KILN_STRING_MAP, O(cd_content),
      .help = "Texts for that CD, by path; they win over cd_files." },
    { "cd_label", KILN_STRING, O(cd_label),
      .help = "Its label, up to 32 bytes (packer); cloud-init looks for cidata." },
    { 0 },
};

static const struct kiln_field boot_fields[] = {
    { "boot_command", KILN_STRINGS, O(boot_command), KILN_RAW,
      .help = "Keys to type: text, <enter>, <wait5s>, <leftCtrlOn> ...; {{ .HTTPIP }}, "
              "{{ .HTTPPort }}, {{ .Name }}, {{ .SSHPublicKey }} are known. kiln's own: "
              "<wait 'regex' 90s> until the screen shows it, <waitStable 2s>." },
    { "boot_steps", KILN_STRING_ROWS, O(boot_steps), KILN_RAW,
      .help = "The same as rows [keys, description]." },
    { "boot_wait", KILN_DURATION, O(boot_wait_ns), .def = "10s",
      .help = "Pause between the start and the first key; negative: none." },
    { "boot_key_interval", KILN_DURATION, O(boot_key_interval_ns),
      .help = "Pause after each key event. Without one, keys go out as fast as the guest takes "
              "them." },
    { "boot_keyboard_layout", KILN_STRING, O(boot_keyboard_layout),
      .help = "Keyboard layout that the guest has loaded when the keys are typed, as xkb names it: "
              "fr, de, us:dvorak, ch(fr). Not set: us." },
    { "boot_keygroup_interval", KILN_DURATION, O(boot_keygroup_interval_ns), KILN_HIDDEN,
      .help = "No effect." },
    { "headless", KILN_BOOL, O(headless), .help = "No window." },
    { "display", KILN_STRING, O(display), .help = "Window, as for -display (gtk)." },
    { "use_default_display", KILN_BOOL, O(use_default_display),
      .help = "Leave the window to QEMU." },
    { "disable_vnc", KILN_BOOL, O(disable_vnc), .help = "Type nothing." },
    { "vnc_bind_address", KILN_STRING, O(vnc_bind_address), .def = "127.0.0.1",
      .help = "Address of the VNC server." },
    { "vnc_port_min", KILN_INT, O(vnc_port_min), .def = "5900", .help = "Range of its port." },
    { "vnc_port_max", KILN_INT, O(vnc_port_max), .def = "6000", .help = "Range of its port." },
    { "vnc_use_password", KILN_BOOL, O(vnc_use_password), .help = "VNC asks for a password." },
    { "vnc_password", KILN_STRING, O(vnc_password), KILN_SECRET,
      .help = "That password, at most 8 bytes; not set: a random one." },
    { "shutdown_command", KILN_STRING, O(shutdown_command),
      .help = "Command that powers the guest off; without it, QEMU is killed." },
    { "shutdown_timeout", KILN_DURATION, O(shutdown_timeout_ns), .def = "5m",
      .help = "How long that may take." },
    { 0 },
};

static const struct kiln_field net_fields[] = {
    { "http_directory", KILN_STRING, O(http_directory),
      .help = "Directory that the guest can fetch files from." },
    { "http_content", KILN_STRING_MAP, O(http_content),
      .help = "Paths and texts that it can fetch instead." },
    { "http_port_min", KILN_INT, O(http_port_min), .def = "8000", .help = "Range of the port." },
    { "http_port_max", KILN_INT, O(http_port_max), .def = "9000", .help = "Range of the port." },
    { "http_bind_address", KILN_STRING, O(http_bind_address),
      .help = "Address to listen on (127.0.0.1, which the guest reaches as 10.0.2.2)." },
    { "http_interface", KILN_STRING, O(http_interface), .help = "No effect with QEMU." },
    { "http_network_protocol", KILN_STRING, O(http_network_protocol), .def = "tcp",
      .choices = protocols,
      .choice_error = "http_network_protocol is invalid. Must be one of: [tcp tcp4 tcp6 unix "
                      "unixpacket]",
      .help = "tcp, tcp4 or tcp6: one address family only (tcp6: ::1, which the guest reaches as "
              "fec0::2)." },
    { "host_port_min", KILN_INT, O(host_port_min), .def = "2222",
      .help = "Range of the host port that leads to the guest's ssh." },
    { "host_port_max", KILN_INT, O(host_port_max), .def = "4444",
      .help = "Range of the host port that leads to the guest's ssh." },
    { "ssh_host_port_min", KILN_INT, O(ssh_host_port_min), KILN_DEPRECATED | KILN_HIDDEN,
      .help = "ssh_host_port_min is deprecated and is being replaced by host_port_min." },
    { "ssh_host_port_max", KILN_INT, O(ssh_host_port_max), KILN_DEPRECATED | KILN_HIDDEN,
      .help = "ssh_host_port_max is deprecated and is being replaced by host_port_max." },
    { "skip_nat_mapping", KILN_BOOL, O(skip_nat_mapping),
      .help = "Take the guest's port number on the host." },
    { 0 },
};

/* One table a theme, so that help has the same order. */
static const struct kiln_schema machine_schema = { "machine", "the machine", machine_fields, NULL };
static const struct kiln_schema disk_schema = { "disks", "disks and output", disk_fields, NULL };
static const struct kiln_schema boot_schema = { "boot", "keys and display", boot_fields, NULL };
static const struct kiln_schema net_schema = { "network", "files and ports", net_fields, NULL };

static const struct kiln_include includes[] = {
    { &boot_schema, 0 },
    { &net_schema, 0 },
    { &machine_schema, 0 },
    { &disk_schema, 0 },
    { &kiln_comm_schema, O(comm) },
    { 0 },
};

const struct kiln_schema kiln_qemu_schema = {
    "qemu", "installs a guest from an ISO (or changes a disk image) with QEMU", media_fields,
    includes
};
