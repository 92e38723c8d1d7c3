#include "base/fs.h"
#include "base/mem.h"
#include "provisioner/provisioners.h"
#include "provisioner/remote.h"
#include "provisioner/script.h"

/* windows-shell: upload a batch file, run it by cmd.exe. provision-postprocess.md, section 7. */

#define VAR_FORMAT "set \"%s=%s\" && "

struct windows_shell {
    struct kiln_script_config script;
    bool binary;
    char *execute_command, *remote_path;
    int64_t start_retry_timeout_ns;
};

static const struct kiln_field fields[] = {
    { "binary", KILN_BOOL, offsetof(struct windows_shell, binary),
      .help = "Of no effect: no line ending is changed on the way to Windows." },
    { "execute_command", KILN_STRING, offsetof(struct windows_shell, execute_command), KILN_RAW,
      .def = "{{.Vars}}\"{{.Path}}\"",
      .help = "Command that runs the script; {{.Path}} and {{.Vars}} are known." },
    { "remote_path", KILN_STRING, offsetof(struct windows_shell, remote_path),
      .def = "c:/Windows/Temp/script.bat", .help = "Full path of the uploaded script." },
    { "start_retry_timeout", KILN_DURATION, offsetof(struct windows_shell, start_retry_timeout_ns),
      .def = "5m", .help = "How long to try to upload and start the script again." },
    { 0 },
};

static const struct kiln_include includes[] = {
    { &kiln_script_schema, offsetof(struct windows_shell, script) },
    { 0 },
};

static const struct kiln_schema schema = { "windows-shell", "runs batch files in a Windows guest",
                                           fields, includes };

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    const struct windows_shell *s = cfg;

    return kiln_script_check_one(&s->script, p);
}

static bool render_command(const struct windows_shell *s, struct kiln_build *b,
                           struct kiln_str *ret, struct kiln_err *err)
{
    const char *format = s->script.env_var_format ? s->script.env_var_format : VAR_FORMAT;
    KILN_AUTO_STRMAP extra = { 0 }, data = { 0 };
    KILN_AUTO_STR vars = { 0 };
    struct kiln_interp interp;

    if (!kiln_script_vars(b, &s->script, format, NULL, &vars, err))
        return false;
    kiln_strmap_set(&extra, "Vars", kiln_str_cstr(&vars));
    kiln_strmap_set(&extra, "Path", s->remote_path);
    interp = kiln_script_interp(b, &data, &extra);
    return kiln_interp_render_stable(&interp, s->execute_command, ret, err) ||
           kiln_err_wrap(err, "Error processing command");
}

static bool run_script(const struct windows_shell *s, const struct kiln_remote_work *w,
                       const char *path, const char *command, struct kiln_err *err)
{
    int status = 0;
    bool ok;

    kiln_say(w->build, "Provisioning with shell script: %s", path);
    do {
        ok = kiln_remote_upload(w, path, s->remote_path, 0644, err) ||
             kiln_err_wrap(err, "Error uploading script");
        ok = ok && kiln_remote_show(w, command, &status, err);
    } while (!ok && kiln_remote_again(w, err));
    return ok && kiln_script_check_status(&s->script, status, err);
}

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct windows_shell *s = cfg;
    const struct kiln_remote_work w = {
        b, comm, cancel, kiln_cancel_deadline(cancel, s->start_retry_timeout_ns / 1000)
    };
    KILN_AUTO_STRV scripts = { 0 };
    KILN_AUTO_STR command = { 0 };
    char *inline_file = NULL;
    bool ok;

    kiln_say(b, "Provisioning with windows-shell...");
    kiln_script_files(&s->script, &scripts);
    ok = render_command(s, b, &command, err);
    if (ok && s->script.inline_lines.n) {
        ok =
            kiln_script_write_inline(b, &s->script.inline_lines, NULL, "", 0600, &inline_file, err);
        if (ok)
            kiln_strv_add(&scripts, inline_file);
    }
    for (size_t i = 0; ok && i < scripts.n; i++)
        ok = run_script(s, &w, scripts.v[i], kiln_str_cstr(&command), err);
    kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, inline_file);
    return ok;
}

const struct kiln_provisioner_ops kiln_windows_shell_provisioner = {
    .schema = &schema,
    .cfg_size = sizeof(struct windows_shell),
    .prepare = prepare,
    .provision = provision,
};
