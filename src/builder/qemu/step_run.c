#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "builder/qemu/boot_script.h"
#include "builder/qemu/retype.h"
#include "engine/debugger.h"
#include "vm/accel.h"
#include "vm/argv.h"
#include "vm/screen.h"
#include "vm/swtpm.h"

/* stepPrepareEfivars, stepRun, stepConfigureQMP: QEMU itself. */

#define START_DEADLINE_US KILN_SECOND(120) /* it may preallocate RAM, or open an image far away */
#define STOP_GRACE_US     KILN_SECOND(2)
#define HALT_LIMIT_US     KILN_SECOND(2) /* for QEMU to obey stop and cont */
#define LAST_BREATH_US    KILN_MS(250)   /* from QEMU's closing its sockets to its having ended */
#define BIND_ATTEMPTS     10             /* ports lost to somebody quicker before we give up */

/* ---- EFI variables ---- */

static bool prepare_efivars(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;

    (void)b;
    if (!s->o->efi_boot)
        return true;
    free(s->efivars);
    s->efivars = kiln_qemu_output_path(s->o, "efivars.fd");
    if (!kiln_fs_copy(s->o->efi_firmware_vars, s->efivars, 0660, err))
        return kiln_err_wrap(err, "efi_firmware_vars");
    return true;
}

const struct kiln_step_ops kiln_qemu_step_efivars = { "stepPrepareEfivars", prepare_efivars, NULL,
                                                      false };

/* ---- accelerator ---- */

static bool note_pid(void *ud, pid_t pid, struct kiln_err *err)
{
    const struct kiln_build *b = ud;

    return kiln_ledger_add_pid(b->ledger, pid, err);
}

/* Template, or the probe's verdict; the line says which and why. */
static bool choose_accelerator(struct kiln_qemu_state *s, struct kiln_build *b, char **ret,
                               struct kiln_err *err)
{
    KILN_AUTO_FREE char *cache = kiln_fs_cache_dir();
    const struct kiln_accel_config how = { .binary = s->qemu_binary,
                                           .cache_dir = cache,
                                           .cancel = b->cancel,
                                           .on_pid = note_pid,
                                           .ud = b };
    struct kiln_accel_choice choice = { 0 };

    if (kiln_is_set(s->o->accelerator)) {
        *ret = kiln_xstrdup(s->o->accelerator);
        return true;
    }
    if (!kiln_accel_choose(&how, &choice, err))
        return false;
    kiln_say(b, "%s", choice.line);
    *ret = kiln_xstrdup(choice.name);
    kiln_accel_choice_done(&choice);
    return true;
}

/* ---- arguments ---- */

static bool render_row(const struct kiln_interp *interp, const struct kiln_strv *row,
                       struct kiln_strv *ret, struct kiln_err *err)
{
    for (size_t i = 0; i < row->n; i++) {
        KILN_AUTO_STR text = { 0 };

        if (!kiln_interp_render(interp, row->v[i], &text, NULL, err))
            return kiln_err_wrap(err, "Error processing QemuArgs");
        kiln_strv_add(ret, kiln_str_cstr(&text));
    }
    return true;
}

static void qemuargs_data(struct kiln_qemu_state *s, struct kiln_strmap *data)
{
    KILN_AUTO_FREE char *http_port = kiln_xasprintf("%d", s->http_port);
    KILN_AUTO_FREE char *ssh_port = kiln_xasprintf("%d", s->ssh_port.port);

    kiln_strmap_set(data, "HTTPIP", s->http_ip);
    kiln_strmap_set(data, "HTTPPort", http_port);
    kiln_strmap_set(data, "HTTPDir", s->o->http_directory ? s->o->http_directory : "");
    kiln_strmap_set(data, "HTTPContent", "");
    kiln_strmap_set(data, "OutputDir", s->o->output_directory);
    kiln_strmap_set(data, "Name", s->o->vm_name);
    kiln_strmap_set(data, "SSHHostPort", ssh_port);
}

static bool render_qemuargs(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_strv *rows,
                            struct kiln_err *err)
{
    struct kiln_interp interp = kiln_build_runtime_interp(b);
    KILN_AUTO_STRMAP data = { 0 };

    qemuargs_data(s, &data);
    interp.data = &data;
    interp.strict_fields = true;
    interp.data_type = "qemu.qemuArgsTemplateData";
    for (size_t i = 0; i < s->o->qemuargs.n; i++) {
        if (!render_row(&interp, &s->o->qemuargs.rows[i], &rows[i], err))
            return false;
    }
    return true;
}

/* What of the machine comes straight from the template. */
static struct kiln_vm_config machine(const struct kiln_qemu_state *s)
{
    const struct kiln_qemu_options *o = s->o;

    return (struct kiln_vm_config){
        .name = o->vm_name,
        .machine_type = o->machine_type,
        .memory_mib = (int)o->memory,
        .cpus = (int)o->cpus,
        .sockets = (int)o->sockets,
        .cores = (int)o->cores,
        .threads = (int)o->threads,
        .cpu_model = o->cpu_model,
        .disks = &s->disks,
        .disk_interface = o->disk_interface,
        .disk_cache = o->disk_cache,
        .disk_discard = o->disk_discard,
        .disk_detect_zeroes = o->disk_detect_zeroes,
        .disk_format = o->format,
        .boot_from_disk = o->disk_image,
        .cdrom_interface = o->cdrom_interface,
        .net_device = o->net_device,
        .net_bridge = o->net_bridge,
        .vnc_address = o->vnc_bind_address,
        .headless = o->headless,
        .display = o->display,
        .use_default_display = o->use_default_display,
        .vga = o->vga,
        .firmware = o->firmware,
        .use_pflash = o->use_pflash,
    };
}

/* The rest, which is known only now. Everything is borrowed. */
static void fill_runtime(struct kiln_vm_config *cfg, const struct kiln_qemu_state *s)
{
    const struct kiln_qemu_options *o = s->o;

    if (s->communicates && !kiln_is_set(o->net_bridge)) {
        cfg->forward_address = kiln_qemu_forward_address(o);
        cfg->forward_host_port = s->ssh_port.port;
        cfg->forward_guest_port = kiln_comm_port(&o->comm);
    }
    cfg->vnc_port = s->vnc_port.port;
    cfg->vnc_password = s->vnc_password != NULL;
    cfg->vnc_no_delay = kiln_boot_script_closed_loop(s->boot); /* it sees what the guest takes */
    if (o->efi_boot) {
        cfg->efi_code = o->efi_firmware_code;
        cfg->efi_vars = s->efivars;
    }
    cfg->floppy = s->floppy;
    cfg->qmp_path = s->qmp_path;
}

/* The socket of qmp_enable; NULL if there is none. */
static char *user_qmp_path(const struct kiln_qemu_options *o)
{
    KILN_AUTO_FREE char *name = kiln_xasprintf("%s.monitor", o->vm_name);

    if (!o->qmp_enable)
        return NULL;
    return kiln_is_set(o->qmp_socket_path) ? kiln_xstrdup(o->qmp_socket_path)
                                           : kiln_qemu_output_path(o, name);
}

static bool make_argv(struct kiln_qemu_state *s, struct kiln_build *b, const char *accelerator,
                      int qemu_major, struct kiln_strv *ret, struct kiln_err *err)
{
    const struct kiln_qemu_options *o = s->o;
    struct kiln_vm_config cfg = machine(s);
    struct kiln_strv *rows = kiln_xcalloc(o->qemuargs.n, sizeof(*rows));
    KILN_AUTO_STRV cdroms = { 0 };
    KILN_AUTO_FREE char *user_qmp = user_qmp_path(o);
    KILN_AUTO_FREE char *tpm_socket = s->tpm_dir ? kiln_swtpm_socket(s->tpm_dir) : NULL;
    bool ok = render_qemuargs(s, b, rows, err);

    if (!o->disk_image)
        kiln_strv_add(&cdroms, s->iso.path);
    if (s->cd)
        kiln_strv_add(&cdroms, s->cd);
    fill_runtime(&cfg, s);
    cfg.accelerator = accelerator;
    cfg.qemu_major = qemu_major;
    cfg.cdroms = &cdroms;
    cfg.user_qmp_path = user_qmp;
    cfg.tpm_socket = tpm_socket;
    cfg.tpm_device_type = o->tpm_device_type;
    cfg.qemuargs = rows;
    cfg.n_qemuargs = o->qemuargs.n;
    if (ok)
        kiln_vm_argv(&cfg, ret);
    for (size_t i = 0; i < o->qemuargs.n; i++)
        kiln_strv_done(&rows[i]);
    free(rows);
    return ok;
}

/* ---- start ---- */

/* note_pid, for what has the state. */
static bool note_qemu(void *ud, pid_t pid, struct kiln_err *err)
{
    const struct kiln_qemu_state *s = ud;

    return note_pid(s->build, pid, err);
}

/* The password that was made up for this build is for whoever reads this; the template's own is
 * known to who wrote it, and redacted. */
static void describe_screen(const struct kiln_qemu_state *s, struct kiln_build *b)
{
    KILN_AUTO_FREE char *where =
        kiln_xasprintf("vnc://%s:%d", s->o->vnc_bind_address, s->vnc_port.port);

    kiln_message(b, "The VM will be run headless, without a GUI. If you want to");
    if (s->vnc_password)
        kiln_message(b, "view the screen of the VM, connect via VNC to %s\nwith the password: %s",
                     where, s->vnc_password);
    else
        kiln_message(b, "view the screen of the VM, connect via VNC without a password to\n%s",
                     where);
}

static void describe_start(const struct kiln_qemu_state *s, struct kiln_build *b,
                           const char *accelerator)
{
    const struct kiln_qemu_options *o = s->o;

    kiln_say(b, o->disk_image ? "Starting VM, booting disk image"
                              : "Starting VM, booting from CD-ROM");
    if (o->headless)
        describe_screen(s, b);
    if (kiln_streq(accelerator, "none"))
        kiln_message(b, "WARNING: The VM will be started with no hardware acceleration.\n"
                        "The installation may take considerably longer to finish.");
    if (o->qemuargs.n)
        kiln_say(b, "Overriding default Qemu arguments with qemuargs template option...");
}

static bool take_other_port(struct kiln_qemu_state *s, struct kiln_build *b,
                            enum kiln_qemu_failure why, struct kiln_err *err)
{
    switch (why) {
    case KILN_QEMU_VNC_IN_USE:
        if (!kiln_qemu_take_vnc_port(s, b, err))
            return false;
        if (s->o->headless)
            describe_screen(s, b); /* it is elsewhere now */
        return true;
    case KILN_QEMU_FORWARD_IN_USE:
        return !s->o->skip_nat_mapping && kiln_qemu_take_ssh_port(s, b, err);
    case KILN_QEMU_FAILED:
        break;
    }
    return false;
}

static bool start_once(struct kiln_qemu_state *s, struct kiln_build *b, const char *accelerator,
                       int qemu_major, enum kiln_qemu_failure *ret_why, struct kiln_err *err)
{
    KILN_AUTO_STRV argv = { 0 };
    const struct kiln_qemu_config how = {
        .binary = s->qemu_binary,
        .args = &argv,
        .qmp_path = s->qmp_path,
        .on_pid = note_qemu,
        .on_line = kiln_qemu_on_line,
        .on_event = kiln_qemu_on_event,
        .ud = s,
        .on_death = s->died,
    };

    *ret_why = KILN_QEMU_FAILED;
    if (!make_argv(s, b, accelerator, qemu_major, &argv, err))
        return false;
    free(s->later_boot);
    s->later_boot = kiln_vm_later_boot(&argv);
    return kiln_qemu_start(&s->qemu, &how, b->cancel,
                           kiln_cancel_deadline(b->cancel, START_DEADLINE_US), ret_why, err);
}

/* A guest that the template has halted (-S), or that is off, is left as it is. */
static bool halt_machine(void *ud)
{
    struct kiln_qmp *qmp = kiln_qemu_qmp(((struct kiln_qemu_state *)ud)->qemu);
    int64_t deadline = kiln_cancel_deadline(NULL, HALT_LIMIT_US);
    KILN_AUTO_FREE char *status = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_qmp_status(qmp, NULL, deadline, &status, &err))
        kiln_log("halt the guest: %s", kiln_err_text(&err));
    return kiln_streq(status, "running") && kiln_qmp_command(qmp, "stop", NULL, deadline, NULL);
}

static bool free_machine(void *ud)
{
    struct kiln_qmp *qmp = kiln_qemu_qmp(((struct kiln_qemu_state *)ud)->qemu);
    int64_t deadline = kiln_cancel_deadline(NULL, HALT_LIMIT_US);
    KILN_AUTO_ERR err = { 0 };

    if (kiln_qmp_command(qmp, "cont", NULL, deadline, &err))
        return true;
    kiln_log("let the guest run: %s", kiln_err_text(&err));
    return false;
}

/* Somebody waits for text to appear (text:REGEX). */
static void want_text(void *ud, bool on)
{
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_screen_want_text(((struct kiln_qemu_state *)ud)->screen, on, &err))
        kiln_log("read the guest's screen: %s", kiln_err_text(&err));
}

void kiln_qemu_lend_machine(struct kiln_qemu_state *s)
{
    const struct kiln_machine machine = { halt_machine, free_machine, want_text, s };

    (void)kiln_debugger_machine(s->build, &machine);
}

static bool run(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    struct kiln_qemu_version version = { 0 };
    KILN_AUTO_FREE char *accelerator = NULL;
    enum kiln_qemu_failure why;
    int attempts = 0, major;

    if (!kiln_qemu_version_probe(&version, s->qemu_binary, b->cancel,
                                 kiln_cancel_deadline(b->cancel, START_DEADLINE_US), err))
        return kiln_err_wrap(err, "Error determining qemu version");
    major = version.major;
    kiln_qemu_version_done(&version);
    if (!choose_accelerator(s, b, &accelerator, err))
        return false;
    describe_start(s, b, accelerator);
    kiln_cancel_free(s->died); /* of a try before */
    s->died = kiln_cancel_child(b->cancel, KILN_NEVER);
    for (;;) {
        KILN_AUTO_ERR failed = { 0 };

        if (start_once(s, b, accelerator, major, &why, &failed)) {
            kiln_boot_script_values(s->boot); /* before anybody may drive the guest by hand */
            kiln_qemu_lend_machine(s);
            kiln_qemu_signs_begin(s);
            return true;
        }
        if (why == KILN_QEMU_FAILED || ++attempts == BIND_ATTEMPTS ||
            !take_other_port(s, b, why, NULL)) {
            (void)kiln_err_move(err, &failed);
            return kiln_err_wrap(err, "Error launching VM");
        }
    }
}

void kiln_qemu_end(struct kiln_qemu_state *s, struct kiln_build *b, bool failed)
{
    KILN_AUTO_FREE char *user_qmp = user_qmp_path(s->o);
    pid_t pid;

    if (!s->qemu)
        return;
    if (failed)
        kiln_screen_sample_now(s->screen); /* what it shows in the end */
    pid = kiln_qemu_pid(s->qemu);
    kiln_retype_drop(s->retype);
    (void)kiln_debugger_machine(b, NULL);
    kiln_qemu_signs_end(s, "QEMU has been ended");
    kiln_qemu_stop(s->qemu, STOP_GRACE_US);
    kiln_qemu_free(s->qemu);
    s->qemu = NULL;
    if (pid > 0)
        kiln_ledger_drop_pid(b->ledger, pid);
    if (user_qmp)
        (void)unlink(user_qmp); /* a QEMU that was killed left it */
}

static void stop(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    kiln_qemu_end(state, b, outcome == KILN_OUTCOME_FAILED);
}

const struct kiln_step_ops kiln_qemu_step_run = { "stepRun", run, stop, false };

bool kiln_qemu_obituary_for(struct kiln_qemu *qemu, const char *when, struct kiln_err *err)
{
    KILN_AUTO_FREE char *words = NULL;

    (void)kiln_qemu_ended(qemu); /* reaps it, so that there is an exit code */
    words = kiln_qemu_last_words(qemu);
    return kiln_err_set(err, KILN_ERR_REMOTE, "QEMU ended (exit code %d) %s%s%s",
                        kiln_qemu_exit_code(qemu), when, words && words[0] ? ": " : "",
                        words ? words : "");
}

bool kiln_qemu_powered_off(struct kiln_qemu *qemu, const char *when, struct kiln_err *err)
{
    (void)kiln_qemu_ended(qemu);
    if (kiln_qemu_exit_code(qemu) == 0 && !kiln_qemu_ended_by(qemu))
        return true;
    return kiln_qemu_obituary_for(qemu, when, err);
}

/* ---- QMP ---- */

bool kiln_qemu_qmp_failed(struct kiln_qemu_state *s, const char *when, struct kiln_err *err)
{
    struct kiln_cancel *c = s->build->cancel;

    if (!kiln_qemu_wait(s->qemu, c, kiln_cancel_deadline(c, LAST_BREATH_US), NULL))
        return false;
    kiln_qemu_signs_end(s, "QEMU has ended");
    if (err)
        kiln_err_clear(err);
    return kiln_qemu_obituary_for(s->qemu, when, err);
}

static bool configure_qmp(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    KILN_AUTO_FREE char *user_qmp = user_qmp_path(s->o);

    if (user_qmp)
        kiln_say(b, "QMP socket at: %s", user_qmp);
    if (s->vnc_password &&
        !kiln_qmp_set_vnc_password(kiln_qemu_qmp(s->qemu), s->vnc_password, b->cancel,
                                   kiln_cancel_deadline(b->cancel, KILN_SECOND(10)), err)) {
        (void)kiln_err_wrap(err, "set the VNC password");
        return kiln_qemu_qmp_failed(s, "before it took the VNC password", err);
    }
    return kiln_qemu_screen_attach(s, err);
}

const struct kiln_step_ops kiln_qemu_step_qmp = { "stepConfigureQMP", configure_qmp, NULL, false };
