/*
 * The QEMU builder: installs a guest from an ISO, or changes a disk image, and leaves a disk.
 *
 *     options.c      the tables of template options
 *     prepare*.c     checks between them
 *     builder.c      the list of steps, the artifact
 *     step_*.c       the steps, in the order in which builder.c lists them
 *     boot_text.c    what the template says is typed
 *     boot_script.c  what is typed, and who may change it meanwhile
 *     retype.c       the checkpoint before it, and the way back
 *     rehearse.c     what would be typed
 *     screen.c       who looks at the guest while it runs, and types; the last frames
 *     signs.c        signs of life: what QEMU, HTTP server and network show of the guest
 *
 * All on the worker's main thread, but for what obeys commands (engine/control.h). Source:
 * qemu-builder.md; option names and step names are Packer's.
 */
#ifndef KILN_BUILDER_QEMU_QEMU_H
#define KILN_BUILDER_QEMU_QEMU_H

#include "base/process.h"
#include "bootcmd/layout.h"
#include "communicator/config.h"
#include "communicator/ssh.h"
#include "engine/step.h"
#include "net/download.h"
#include "net/http_server.h"
#include "net/port.h"
#include "vm/qemu.h"
#include "vm/qemu_img.h"
#include "vm/swtpm.h"

struct kiln_qemu_img_args {
    struct kiln_strv create, convert, resize;
};

/* The options, decoded. Strings are NULL or "" where unset. */
struct kiln_qemu_options {
    struct kiln_comm_config comm;

    /* machine */
    char *accelerator, *machine_type, *cpu_model, *qemu_binary;
    int64_t memory, cpus, sockets, cores, threads;
    char *net_device, *net_bridge, *vga, *firmware;
    bool use_pflash, efi_boot, efi_drop_efivars, vtpm, use_tpm1, run_once;
    char *efi_firmware_code, *efi_firmware_vars, *tpm_device_type;
    struct kiln_rows qemuargs;
    struct kiln_qemu_img_args img_args;

    /* disks */
    char *disk_size, *disk_interface, *disk_cache, *disk_discard, *disk_detect_zeroes, *format;
    char *cdrom_interface;
    struct kiln_strv disk_additional_size;
    bool disk_image, use_backing_file, skip_resize_disk, skip_compaction, disk_compression;

    /* what is booted */
    char *iso_url, *iso_checksum, *iso_target_path, *iso_target_extension;
    struct kiln_strv iso_urls;
    bool iso_skip_cache;

    /* removable media */
    struct kiln_strv floppy_files, floppy_dirs, cd_files;
    struct kiln_strmap floppy_content, cd_content;
    char *floppy_label, *cd_label;

    /* display and keyboard */
    bool headless, use_default_display, vnc_use_password, disable_vnc;
    char *display, *vnc_bind_address, *vnc_password;
    int64_t vnc_port_min, vnc_port_max;
    struct kiln_strv boot_command;
    struct kiln_rows boot_steps;
    int64_t boot_wait_ns, boot_key_interval_ns, boot_keygroup_interval_ns;
    char *boot_keyboard_layout;
    struct kiln_layout layout; /* that one, once prepared; not an option */
    bool qmp_enable;
    char *qmp_socket_path;

    /* HTTP server and ports */
    char *http_directory, *http_bind_address, *http_interface, *http_network_protocol;
    struct kiln_strmap http_content;
    int64_t http_port_min, http_port_max, host_port_min, host_port_max;
    int64_t ssh_host_port_min, ssh_host_port_max; /* old names */
    bool skip_nat_mapping;

    /* result */
    char *output_directory, *vm_name;
    bool output_existed; /* when the build was prepared; not an option */
    char *shutdown_command;
    int64_t shutdown_timeout_ns;
};

extern const struct kiln_schema kiln_qemu_schema;
bool kiln_qemu_prepare(void *cfg, const struct kiln_prepare *p);
bool kiln_qemu_check_media(const struct kiln_qemu_options *o, const struct kiln_prepare *p);

void kiln_qemu_rehearse(void *cfg, struct kiln_build *b, struct kiln_rehearsal *ret);

#define KILN_QEMU_HTTP_IP "10.0.2.2" /* the host, as a guest behind QEMU's user network sees it */

/* What the steps share. */
struct kiln_qemu_state {
    const struct kiln_qemu_options *o;
    struct kiln_build *build; /* for callbacks */
    char *qemu_binary;        /* full path */
    struct kiln_downloaded iso;
    bool made_output;       /* output_directory is ours */
    struct kiln_strv disks; /* paths: OUT/NAME, OUT/NAME-1 … */
    char *work_dir;         /* private directory for sockets */
    struct kiln_swtpm tpm;
    char *tpm_dir;     /* its state and socket; NULL: no TPM */
    char *floppy, *cd; /* temporary images, in the ledger; NULL: none */
    struct kiln_http_server *http;
    int http_port;             /* 0: no server */
    char *http_ip;             /* as the guest sees it */
    char *guest_address;       /* on a bridge, once known; NULL: a forwarded port */
    struct kiln_port ssh_port; /* forwarded host port */
    struct kiln_port vnc_port;
    char *vnc_password; /* NULL: none */
    char *efivars;      /* path of the copy, or NULL */
    char *qmp_path;
    char *later_boot; /* NULL: as the first time (vm/argv.h) */
    struct kiln_qemu *qemu;
    struct kiln_cancel *died; /* fires when QEMU dies; owned; NULL before it is started */
    struct kiln_screen *screen;
    _Atomic bool driven;           /* a person has recorded what he did in the guest */
    struct kiln_layout_hand hand;  /* a person's, on the guest's keyboard; for commands only */
    uint64_t text_told;            /* the generation of its text that events have told */
    struct kiln_film *film;        /* its last frames; NULL: none are kept */
    _Atomic int64_t veiled_until;  /* no frames before, for a secret was typed; monotonic */
    _Atomic int64_t reset_us;      /* when the guest was reset last; monotonic; 0: never */
    _Atomic uint64_t qemu_printed; /* bytes */
    struct kiln_boot_script *boot;
    struct kiln_boot_record *record;
    struct kiln_retype *retype;
    struct kiln_ssh_keypair keypair; /* temporary; empty if none is needed */
    bool communicates;               /* the communicator is not "none" */
    int64_t keys_until; /* QEMU has handed all keys to the guest then; the build's clock */
};

/* The steps, in order of the list in builder.c. */
extern const struct kiln_step_ops kiln_qemu_step_download;
extern const struct kiln_step_ops kiln_qemu_step_output_dir;
extern const struct kiln_step_ops kiln_qemu_step_tpm;
extern const struct kiln_step_ops kiln_qemu_step_floppy;
extern const struct kiln_step_ops kiln_qemu_step_cd;
extern const struct kiln_step_ops kiln_qemu_step_create_disk;
extern const struct kiln_step_ops kiln_qemu_step_copy_disk;
extern const struct kiln_step_ops kiln_qemu_step_resize_disk;
extern const struct kiln_step_ops kiln_qemu_step_http_ip;
extern const struct kiln_step_ops kiln_qemu_step_http_server;
extern const struct kiln_step_ops kiln_qemu_step_port_forward;
extern const struct kiln_step_ops kiln_qemu_step_ssh_key;
extern const struct kiln_step_ops kiln_qemu_step_vnc;
extern const struct kiln_step_ops kiln_qemu_step_efivars;
extern const struct kiln_step_ops kiln_qemu_step_run;
extern const struct kiln_step_ops kiln_qemu_step_qmp;
extern const struct kiln_step_ops kiln_qemu_step_type;
extern const struct kiln_step_ops kiln_qemu_step_guest_address;
extern const struct kiln_step_ops kiln_qemu_step_connect;
extern const struct kiln_step_ops kiln_qemu_step_provision; /* ends with QEMU */
extern const struct kiln_step_ops kiln_qemu_step_cleanup_keys;
extern const struct kiln_step_ops kiln_qemu_step_shutdown;
extern const struct kiln_step_ops kiln_qemu_step_convert_disk;

/* ---- shared by several steps ---- */

/** People may halt the guest, QEMU runs. */
void kiln_qemu_lend_machine(struct kiln_qemu_state *s);

/** A path below the output directory, in its shortest spelling, as Packer has it: manifests and
 *  archives name it. Caller frees. */
char *kiln_qemu_output_path(const struct kiln_qemu_options *o, const char *name);
/** OUT/NAME. Caller frees. */
char *kiln_qemu_disk_path(const struct kiln_qemu_options *o);
/** A qemu-img context whose progress is shown as `what`; ud lives in *tracker. */
struct kiln_qemu_img_tracker {
    struct kiln_build *build;
    const char *what;
    uint64_t bytes; /* to be read, for the progress line; 0: none is shown */
};
struct kiln_qemu_img kiln_qemu_img_for(struct kiln_qemu_img_tracker *tracker);
/** Take the forwarded port, or the VNC port, again: somebody else was quicker than QEMU. */
bool kiln_qemu_take_ssh_port(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err);
bool kiln_qemu_take_vnc_port(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err);
/** Where QEMU listens for the guest's ssh or WinRM: 127.0.0.1, or what ssh_host or winrm_host says
 *  if that is an address of this machine. Borrowed. */
const char *kiln_qemu_forward_address(const struct kiln_qemu_options *o);
/** End QEMU, after a last look at its screen if the build has failed. Nothing if there is none. */
void kiln_qemu_end(struct kiln_qemu_state *s, struct kiln_build *b, bool failed);
/** "QEMU ended (exit code 1) WHEN: its last words"; false. */
bool kiln_qemu_obituary_for(struct kiln_qemu *qemu, const char *when, struct kiln_err *err);
/** QMP has failed with *err. If QEMU ends within a moment, that is why: *err is its obituary then.
 *  False. */
bool kiln_qemu_qmp_failed(struct kiln_qemu_state *s, const char *when, struct kiln_err *err);
/** QEMU has ended: true if the guest powered off, else its obituary (a crash, a signal). */
bool kiln_qemu_powered_off(struct kiln_qemu *qemu, const char *when, struct kiln_err *err);
/** While it is open, people may ask for the guest's screen; they get it after attach. */
bool kiln_qemu_screen_open(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err);
/** QEMU serves VNC now, and takes the password. */
bool kiln_qemu_screen_attach(struct kiln_qemu_state *s, struct kiln_err *err);
/** A look now and then from here on: the rung SCREEN, and the last frames (vm/film.h). */
void kiln_qemu_screen_sample(struct kiln_qemu_state *s);
/** Append the last rows of the screen's text, on lines of their own; nothing if it cannot be read,
 *  or a secret was typed. Takes a second or so at most. */
void kiln_qemu_screen_last_words(struct kiln_qemu_state *s, struct kiln_str *out);
/** A secret is being typed (on), or was: no frame is kept until the screen should have changed. */
void kiln_qemu_screen_veil(struct kiln_qemu_state *s, bool on);
void kiln_qemu_screen_close(struct kiln_qemu_state *s, struct kiln_build *b);
/* signs.c: the rungs below ssh (engine/ladder.h), and what QEMU says, as events. */
/** QEMU runs: how the ladder stands then. */
void kiln_qemu_signs_begin(struct kiln_qemu_state *s);
/** Does QEMU accept connections for the guest? */
bool kiln_qemu_is_forwarded(const struct kiln_qemu_state *s);
/** The guest is what it was when it booted: what was seen of it since is gone. */
void kiln_qemu_signs_back(struct kiln_qemu_state *s);
/** QEMU is gone, or is being ended. */
void kiln_qemu_signs_end(struct kiln_qemu_state *s, const char *why);
/** For struct kiln_qemu_config; ud: the state. */
void kiln_qemu_on_line(void *ud, bool is_stderr, const char *line, size_t len);
void kiln_qemu_on_event(void *ud, const char *name, struct json_object *data);
/** For struct kiln_http_config; ud: the state. */
void kiln_qemu_on_request(void *ud, const struct kiln_http_request *r);
/** Says once that swtpm has ended. */
void kiln_qemu_look_at_tpm(struct kiln_qemu_state *s);
/** For struct kiln_connect; ud: the state. */
void kiln_qemu_look(void *ud);

/** Is there anything for the HTTP server to serve? Without, there is none. */
static inline bool kiln_qemu_serves(const struct kiln_qemu_options *o)
{
    return kiln_is_set(o->http_directory) || o->http_content.keys.n;
}

#endif
