/*
 * The QEMU command line of one virtual machine. Pure: no files, no processes, no state.
 *
 * The arguments are those of today's Packer QEMU plugin (qemu-builder.md, section 3) in a fixed
 * order, with these differences: `-no-user-config`; a QMP socket of our own beside the one that a
 * template may ask for; port forwards bind 127.0.0.1 unless told otherwise; commas in paths are
 * escaped, where Packer lets QEMU read the rest of the path as options.
 */
#ifndef KILN_VM_ARGV_H
#define KILN_VM_ARGV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strv.h"

/** All pointers are borrowed; NULL and "" both mean "not set" unless a line says otherwise. */
struct kiln_vm_config {
    const char *name;
    int qemu_major; /* from kiln_qemu_version; 0: not known, taken as 2 or newer */

    const char *machine_type; /* "pc" */
    const char *accelerator;  /* "kvm", "tcg"…; "none" leaves accel= out */
    int memory_mib;
    int cpus, sockets, cores, threads; /* 0: not set */
    const char *cpu_model;

    const struct kiln_strv *disks;  /* paths, the main disk first */
    const char *disk_interface;     /* "virtio", "virtio-scsi", "ide"… */
    const char *disk_cache;         /* "writeback"… */
    const char *disk_discard;       /* "ignore", "unmap" */
    const char *disk_detect_zeroes; /* "off" and NULL are left out */
    const char *disk_format;        /* "qcow2", "raw" */
    bool boot_from_disk;            /* the main disk is the input (disk_image) */

    const struct kiln_strv *cdroms; /* paths or URLs: the installer, then the cd_files one */
    const char *cdrom_interface;
    const char *floppy; /* path of an image */

    const char *net_device; /* "virtio-net" */
    const char *net_bridge; /* not set: user networking */
    int forward_host_port;  /* 0: nothing is forwarded */
    int forward_guest_port;
    const char *forward_address; /* not set: 127.0.0.1 */

    const char *vnc_address;
    int vnc_port;      /* TCP port, 5900 and up */
    bool vnc_password; /* clients must know one; it is set over QMP */
    bool vnc_no_delay; /* keys from clients at once; QEMU's own default is 10 ms after each event */

    bool headless;
    const char *display; /* "none" counts as not set */
    bool use_default_display;
    const char *vga;

    const char *firmware; /* path; for -bios, or a read-only flash drive if use_pflash */
    bool use_pflash;
    const char *efi_code, *efi_vars; /* paths, both set or neither */
    const char *tpm_socket;          /* swtpm's control socket */
    const char *tpm_device_type;     /* "tpm-tis" */

    const char *qmp_path;      /* our socket */
    const char *user_qmp_path; /* the one of qmp_enable */

    const struct kiln_strv *qemuargs; /* rows, rendered: switch, then parts of its value */
    size_t n_qemuargs;
};

/**
 * Append the arguments, without argv[0], to *out.
 *
 * A row of qemuargs takes the place of every default of its switch; repeats add up; rows without a
 * value give the bare switch; empty rows are skipped. Our own QMP socket cannot be replaced.
 */
void kiln_vm_argv(const struct kiln_vm_config *cfg, struct kiln_strv *out);

/** The order in which a PC boots from the second time on, where that is another one (-boot once=):
 *  letters, "cad". Caller frees; NULL: it is the same. */
char *kiln_vm_later_boot(const struct kiln_strv *args);

#endif
