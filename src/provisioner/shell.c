#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"
#include "provisioner/provisioners.h"
#include "provisioner/remote.h"
#include "provisioner/script.h"

/*
 * shell: upload a script, run it in the guest, remove it.
 * Source: provision-postprocess.md, section 4.
 */

struct shell {
    struct kiln_script_config script;
    bool binary;
    char *execute_command;
    char *remote_folder, *remote_file, *remote_path;
    int64_t start_retry_timeout_ns;
    int64_t pause_after_ns;
    bool skip_clean, expect_disconnect, use_env_var_file;
    /* Of the names in the guest: once, so that a retry finds what the try before left there. */
    unsigned script_number, vars_number;
};

static const struct kiln_field fields[] = {
    { "binary", KILN_BOOL, offsetof(struct shell, binary),
      .help = "The script is a program: its line endings are left alone." },
    { "execute_command", KILN_STRING, offsetof(struct shell, execute_command), KILN_RAW,
      .help = "Command that runs the script; {{.Path}}, {{.Vars}} and {{.EnvVarFile}} are known "
              "(chmod +x {{.Path}}; {{.Vars}} {{.Path}})." },
    { "inline_shebang", KILN_STRING, offsetof(struct shell, script.inline_shebang),
      .help = "Interpreter line of inline scripts, without \"#!\" (/bin/sh -e)." },
    { "remote_folder", KILN_STRING, offsetof(struct shell, remote_folder), .def = "/tmp",
      .help = "Directory in the guest that the script is uploaded to." },
    { "remote_file", KILN_STRING, offsetof(struct shell, remote_file),
      .help = "Name of the uploaded script (script_NNNN.sh)." },
    { "remote_path", KILN_STRING, offsetof(struct shell, remote_path),
      .help = "Full path of the uploaded script; wins over remote_folder and remote_file." },
    { "start_retry_timeout", KILN_DURATION, offsetof(struct shell, start_retry_timeout_ns),
      .def = "5m", .help = "How long to try to upload and start the script again." },
    { "pause_after", KILN_DURATION, offsetof(struct shell, pause_after_ns),
      .help = "Pause after the last script." },
    { "skip_clean", KILN_BOOL, offsetof(struct shell, skip_clean),
      .help = "Leave the script in the guest." },
    { "expect_disconnect", KILN_BOOL, offsetof(struct shell, expect_disconnect),
      .help = "A connection that ends with the script (a reboot) is fine." },
    { "use_env_var_file", KILN_BOOL, offsetof(struct shell, use_env_var_file),
      .help = "Pass variables in a file instead of on the command line." },
    { 0 },
};

static const struct kiln_include includes[] = {
    { &kiln_script_schema, offsetof(struct shell, script) },
    { 0 },
};

static const struct kiln_schema schema = { "shell", "runs shell scripts in the guest", fields,
                                           includes };

/* One run of the provisioner. */
struct run {
    const struct shell *cfg;
    struct kiln_remote_work work;
    char *remote;      /* path of the script in the guest */
    char *remote_vars; /* path of the variables file; "" without one */
    struct kiln_str vars;
};

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    struct shell *s = cfg;

    s->script_number = (unsigned)kiln_random_below(9999);
    s->vars_number = (unsigned)kiln_random_below(9999);
    return kiln_script_check_one(&s->script, p);
}

static const char *execute_command(const struct shell *s)
{
    if (s->execute_command)
        return s->execute_command;
    return s->use_env_var_file ? "chmod +x {{.Path}}; . {{.EnvVarFile}} && {{.Path}}"
                               : "chmod +x {{.Path}}; {{.Vars}} {{.Path}}";
}

static const char *env_var_format(const struct shell *s)
{
    if (s->script.env_var_format)
        return s->script.env_var_format;
    return s->use_env_var_file ? "export %s='%s'\n" : "%s='%s' ";
}

/* ---- pieces of one attempt ---- */

static bool remotef(struct run *r, int *ret_status, struct kiln_err *err, const char *fmt,
                    const char *path)
{
    KILN_AUTO_STR command = { 0 };

    kiln_str_addf(&command, "%s%s", fmt, path);
    return kiln_remote_run(&r->work, kiln_str_cstr(&command), ret_status, err);
}

static bool upload(struct run *r, const char *local, struct kiln_err *err)
{
    int status;

    if (!kiln_remote_upload(&r->work, local, r->remote, 0644, err))
        return kiln_err_wrap(err, "Error uploading script");
    if (!remotef(r, &status, err, "chmod 0755 ", r->remote))
        return kiln_err_wrap(err, "Error chmodding script file to 0755 in remote machine");
    return true;
}

/* Packer's retry clock: each thing that is tried again and again has one of its own. */
static void begin_clock(struct run *r)
{
    r->work.deadline = kiln_cancel_deadline(r->work.cancel, r->cfg->start_retry_timeout_ns / 1000);
}

static bool start(struct run *r, const char *local, const char *command, int *ret_status,
                  struct kiln_err *err)
{
    begin_clock(r);
    do {
        if (upload(r, local, err) && kiln_remote_show(&r->work, command, ret_status, err))
            return true;
    } while (kiln_remote_again(&r->work, err));
    return false;
}

/* After a reboot this is what waits for the guest. */
static bool clean(struct run *r, const char *path, struct kiln_err *err)
{
    int status;

    begin_clock(r);
    do {
        if (!remotef(r, &status, err, "rm -f ", path))
            (void)kiln_err_wrap(err, "Error removing temporary script at %s", path);
        else if (status != 0)
            (void)kiln_err_set(err, KILN_ERR_REMOTE, "Error removing temporary script at %s!",
                               path);
        else
            return true;
    } while (kiln_remote_again(&r->work, err));
    return false;
}

/* ---- one script ---- */

/* As Packer reads lines: one that has no end gets one. */
static void add_unix_lines(struct kiln_str *out, const struct kiln_str *text)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] == '\r' && (i + 1 == text->len || text->data[i + 1] == '\n'))
            continue;
        kiln_str_addc(out, text->data[i]);
    }
    if (out->len && out->data[out->len - 1] != '\n')
        kiln_str_addc(out, '\n');
}

/* A copy with "\n" line ends, or NULL if the file is fine as it is. */
static bool fix_lines(struct run *r, const char *path, char **ret_copy, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 }, fixed = { 0 };
    KILN_AUTO_FD fd = -1;

    if (!kiln_fs_read(path, KILN_STR_DEFAULT_MAX, &text, err))
        return kiln_err_wrap(err, "Error opening shell script");
    add_unix_lines(&fixed, &text);
    if (fixed.len == text.len && memcmp(kiln_str_cstr(&fixed), kiln_str_cstr(&text), text.len) == 0)
        return true; /* one taken away and one added make the same length */
    fd = kiln_ledger_temp_file(r->work.build->ledger, "kiln-shell", "", ret_copy, err);
    return fd >= 0 && kiln_fs_write_all(fd, fixed.data, fixed.len, err);
}

static bool render_command(struct run *r, struct kiln_str *ret, struct kiln_err *err)
{
    KILN_AUTO_STRMAP extra = { 0 }, data = { 0 };
    struct kiln_interp interp;

    kiln_strmap_set(&extra, "Vars", kiln_str_cstr(&r->vars));
    kiln_strmap_set(&extra, "EnvVarFile", r->remote_vars);
    kiln_strmap_set(&extra, "Path", r->remote);
    interp = kiln_script_interp(r->work.build, &data, &extra);
    if (!kiln_interp_render_stable(&interp, execute_command(r->cfg), ret, err))
        return kiln_err_wrap(err, "Error processing command");
    return true;
}

static bool check_status(const struct shell *s, int status, struct kiln_err *err)
{
    if (status != KILN_STATUS_DISCONNECTED)
        return kiln_script_check_status(&s->script, status, err);
    if (s->expect_disconnect)
        return true;
    return kiln_err_set(err, KILN_ERR_REMOTE,
                        "Script disconnected unexpectedly. If you expected your script to "
                        "disconnect, i.e. from a restart, you can try adding "
                        "`\"expect_disconnect\": true` or `\"valid_exit_codes\": [0, 2300218]` to "
                        "the shell provisioner parameters.");
}

static bool run_script(struct run *r, const char *path, struct kiln_err *err)
{
    KILN_AUTO_STR command = { 0 };
    char *copy = NULL;
    int status = 0;
    bool ok;

    kiln_say(r->work.build, "Provisioning with shell script: %s", path);
    ok = render_command(r, &command, err) && (r->cfg->binary || fix_lines(r, path, &copy, err)) &&
         start(r, copy ? copy : path, kiln_str_cstr(&command), &status, err) &&
         check_status(r->cfg, status, err);
    kiln_ledger_remove(r->work.build->ledger, KILN_OWNED_FILE, copy);
    if (!ok || r->cfg->skip_clean)
        return ok;
    return clean(r, r->remote, err);
}

/* ---- the provisioner ---- */

static bool upload_vars(struct run *r, struct kiln_err *err)
{
    char *local = NULL;
    KILN_AUTO_FD fd = -1;
    int status;
    bool ok;

    if (!r->cfg->use_env_var_file)
        return true;
    fd = kiln_ledger_temp_file(r->work.build->ledger, "kiln-shell-vars", "", &local, err);
    if (fd < 0)
        return false;
    ok = kiln_fs_write_all(fd, kiln_str_cstr(&r->vars), r->vars.len, err);
    begin_clock(r);
    while (ok && !(kiln_remote_upload(&r->work, local, r->remote_vars, 0600, err) &&
                   remotef(r, &status, err, "chmod 0600 ", r->remote_vars)))
        ok = kiln_remote_again(&r->work, err);
    kiln_ledger_remove(r->work.build->ledger, KILN_OWNED_FILE, local);
    return ok ? true : kiln_err_wrap(err, "Error uploading environment variable file");
}

static char *remote_name(const struct shell *s)
{
    if (s->remote_path && s->remote_path[0])
        return kiln_xstrdup(s->remote_path);
    if (s->remote_file && s->remote_file[0])
        return kiln_path_join(s->remote_folder, s->remote_file);
    return kiln_xasprintf("%s/script_%u.sh", s->remote_folder, s->script_number);
}

/* inline_shebang is written unless it was left out and the commands bring their own. */
static const char *shebang(const struct kiln_script_config *c)
{
    if (c->inline_shebang)
        return c->inline_shebang;
    return c->inline_lines.n && kiln_has_prefix(c->inline_lines.v[0], "#!") ? NULL : "/bin/sh -e";
}

static bool run_all(struct run *r, const struct kiln_strv *scripts, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    if (!upload_vars(r, err))
        return false;
    for (size_t i = 0; i < scripts->n; i++) {
        if (!run_script(r, scripts->v[i], err))
            return false;
    }
    /* Packer removes the variables file even if there is none; so the guest sees the same. */
    if (!r->cfg->skip_clean && !clean(r, r->remote_vars, err))
        return false;
    if (r->cfg->pause_after_ns <= 0)
        return true;
    kiln_duration_format(&text, r->cfg->pause_after_ns);
    kiln_say(r->work.build, "Pausing %s after this provisioner...", kiln_str_cstr(&text));
    return kiln_wait_us(r->work.cancel, r->cfg->pause_after_ns / 1000, err);
}

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct shell *s = cfg;
    struct run r = { .cfg = s, .work = { b, comm, cancel, KILN_NEVER } };
    KILN_AUTO_STRV scripts = { 0 };
    char *inline_file = NULL;
    bool ok = true;

    r.remote = remote_name(s);
    r.remote_vars = s->use_env_var_file
                        ? kiln_xasprintf("%s/varfile_%u.sh", s->remote_folder, s->vars_number)
                        : kiln_xstrdup("");
    kiln_script_files(&s->script, &scripts);
    if (s->script.inline_lines.n) {
        ok = kiln_script_write_inline(b, &s->script.inline_lines, shebang(&s->script), "", 0600,
                                      &inline_file, err);
        if (ok)
            kiln_strv_add(&scripts, inline_file);
    }
    ok = ok &&
         kiln_script_vars(b, &s->script, env_var_format(s), kiln_shell_add_escaped, &r.vars, err) &&
         run_all(&r, &scripts, err);
    kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, inline_file);
    kiln_str_done(&r.vars);
    free(r.remote);
    free(r.remote_vars);
    return ok;
}

const struct kiln_provisioner_ops kiln_shell_provisioner = {
    .schema = &schema,
    .cfg_size = sizeof(struct shell),
    .prepare = prepare,
    .provision = provision,
};
