#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "builder/builders.h"
#include "builder/qemu/boot_script.h"
#include "builder/qemu/retype.h"

static const struct kiln_step_ops *const steps[] = {
    &kiln_qemu_step_download,    &kiln_qemu_step_output_dir,   &kiln_qemu_step_tpm,
    &kiln_qemu_step_floppy,      &kiln_qemu_step_cd,           &kiln_qemu_step_create_disk,
    &kiln_qemu_step_copy_disk,   &kiln_qemu_step_resize_disk,  &kiln_qemu_step_http_ip,
    &kiln_qemu_step_http_server, &kiln_qemu_step_port_forward, &kiln_qemu_step_ssh_key,
    &kiln_qemu_step_vnc,         &kiln_qemu_step_efivars,      &kiln_qemu_step_run,
    &kiln_qemu_step_qmp,         &kiln_qemu_step_type,         &kiln_qemu_step_guest_address,
    &kiln_qemu_step_connect,     &kiln_qemu_step_provision,    &kiln_qemu_step_cleanup_keys,
    &kiln_qemu_step_shutdown,    &kiln_qemu_step_convert_disk,
};

char *kiln_qemu_output_path(const struct kiln_qemu_options *o, const char *name)
{
    KILN_AUTO_FREE char *joined = kiln_path_join(o->output_directory, name);

    return kiln_path_clean(joined);
}

char *kiln_qemu_disk_path(const struct kiln_qemu_options *o)
{
    return kiln_qemu_output_path(o, o->vm_name);
}

static bool find_program(const char *name, const char *fix, char **ret, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    *ret = kiln_process_find(name, &why);
    return *ret || kiln_err_set(err, KILN_ERR_USER, "Failed creating Qemu driver: %s (%s)",
                                kiln_err_text(&why), fix);
}

static bool find_programs(struct kiln_qemu_state *s, struct kiln_err *err)
{
    KILN_AUTO_FREE char *img = NULL;

    return find_program(s->o->qemu_binary,
                        "install Debian's qemu-system-x86, or set qemu_binary to another program",
                        &s->qemu_binary, err) &&
           find_program("qemu-img", "install Debian's qemu-utils", &img, err);
}

/* Now, not after the download and what else comes before QEMU. */
static bool find_firmware(const struct kiln_qemu_options *o, struct kiln_err *err)
{
    const char *const paths[] = { o->efi_firmware_code, o->efi_firmware_vars };
    static const char *const keys[] = { "efi_firmware_code", "efi_firmware_vars" };

    for (size_t i = 0; o->efi_boot && i < KILN_COUNT(paths); i++) {
        if (!kiln_fs_exists(paths[i]))
            return kiln_err_set(err, KILN_ERR_USER,
                                "%s: stat %s: no such file or directory (Debian's ovmf has some)",
                                keys[i], paths[i]);
    }
    return true;
}

static void describe_artifact(const struct kiln_qemu_options *o, struct kiln_artifact *a)
{
    KILN_AUTO_FREE char *disk = kiln_qemu_disk_path(o);

    kiln_strv_add(&a->own, o->output_directory);
    kiln_strmap_set(&a->state, "diskName", o->vm_name);
    kiln_strmap_set(&a->state, "diskPaths", disk);
    kiln_strmap_set(&a->state, "diskType", o->format);
    kiln_strmap_set(&a->state, "diskSize", o->disk_size);
    kiln_strmap_set(&a->state, "domainType", o->accelerator);
}

static bool list_files(const struct kiln_qemu_options *o, struct kiln_artifact *a,
                       struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = kiln_path_clean(o->output_directory);
    KILN_AUTO_FREE char *efivars = kiln_qemu_output_path(o, "efivars.fd");
    KILN_AUTO_STRV files = { 0 };

    if (!kiln_fs_walk(dir, &files, err))
        return false;
    for (size_t i = 0; i < files.n; i++) {
        if (!o->efi_drop_efivars || !kiln_streq(files.v[i], efivars))
            kiln_strv_add(&a->files, files.v[i]);
    }
    return true;
}

static bool make_artifact(const struct kiln_qemu_options *o, struct kiln_artifact **ret,
                          struct kiln_err *err)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("VM files in directory: %s", o->output_directory);
    struct kiln_artifact *a = kiln_artifact_new("transcend.qemu", "VM", text);

    describe_artifact(o, a);
    if (!list_files(o, a, err)) {
        kiln_artifact_unref(a);
        return false;
    }
    *ret = a;
    return true;
}

static void state_done(struct kiln_qemu_state *s, struct kiln_build *b)
{
    kiln_ledger_remove(b->ledger, KILN_OWNED_TREE, s->work_dir);
    kiln_cancel_free(s->died);
    free(s->qemu_binary);
    free(s->vnc_password);
    free(s->efivars);
    free(s->qmp_path);
    free(s->later_boot);
    free(s->http_ip);
    free(s->guest_address);
    kiln_ssh_keypair_done(&s->keypair);
    kiln_downloaded_done(&s->iso);
    kiln_strv_done(&s->disks);
}

static bool make_work_dir(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    if (!kiln_ledger_temp_dir(b->ledger, "kiln", &s->work_dir, err))
        return false;
    s->qmp_path = kiln_path_join(s->work_dir, "qmp.sock");
    return true;
}

static bool run(void *cfg, struct kiln_build *b, struct kiln_artifact **ret, struct kiln_err *err)
{
    struct kiln_qemu_options *o = cfg;
    struct kiln_qemu_state s = { .o = o,
                                 .build = b,
                                 .communicates = !kiln_comm_is_none(&o->comm),
                                 .http_ip = kiln_xstrdup(KILN_QEMU_HTTP_IP),
                                 .tpm = KILN_SWTPM_INIT,
                                 .ssh_port = { .lock_fd = -1, .listen_fd = -1 },
                                 .vnc_port = { .lock_fd = -1, .listen_fd = -1 } };
    bool ok;

    s.boot = kiln_boot_script_new(&s, b);
    s.retype = kiln_retype_new(&s, b);
    ok = find_programs(&s, err) && find_firmware(o, err) && make_work_dir(&s, b, err) &&
         kiln_qemu_screen_open(&s, b, err) &&
         kiln_steps_run(steps, KILN_COUNT(steps), &s, b, err) && make_artifact(o, ret, err);

    /* After an abort nobody has cleaned up, and their threads must not outlive the state. */
    kiln_qemu_end(&s, b, true);
    kiln_http_server_stop(s.http);
    kiln_qemu_screen_close(&s, b);
    kiln_retype_free(s.retype);
    kiln_boot_script_free(s.boot);
    state_done(&s, b);
    return ok;
}

static const char *output(const void *cfg)
{
    const struct kiln_qemu_options *o = cfg;

    return o->output_directory;
}

static const char *const data_keys[] = { NULL };

const struct kiln_builder_ops kiln_qemu_builder = {
    .schema = &kiln_qemu_schema,
    .cfg_size = sizeof(struct kiln_qemu_options),
    .data_keys = data_keys,
    .prepare = kiln_qemu_prepare,
    .run = run,
    .rehearse = kiln_qemu_rehearse,
    .output = output,
};
