#include "engine/powershell.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "provisioner/elevated.h"
#include "provisioner/provisioners.h"
#include "provisioner/remote.h"
#include "provisioner/script.h"

/*
 * powershell: upload a script, run it by PowerShell, remove it. Variables are a script of their
 * own, which the command runs first; inline commands have them in theirs. Source:
 * provision-postprocess.md, section 7.
 */

#define CLEAN_LIMIT KILN_SECOND(60)
#define VAR_FORMAT  "$env:%s=\"%s\"; "

struct powershell {
    struct kiln_script_config script;
    bool binary, use_pwsh, skip_clean;
    char *execute_command, *elevated_execute_command;
    char *remote_path, *remote_env_var_path;
    char *elevated_env_var_format, *elevated_user, *elevated_password;
    char *execution_policy;
    int64_t debug_mode;
    int64_t start_retry_timeout_ns, pause_after_ns;
    /* In the names in the guest: made once, so that a retry finds what the try before left. */
    char id[KILN_UUID_SIZE];
};

/* By their numbers, too. */
static const char *const policies[] = { "bypass",     "allsigned", "default",      "remotesigned",
                                        "restricted", "undefined", "unrestricted", "none" };

#define AT(member) offsetof(struct powershell, member)

static const struct kiln_field fields[] = {
    { "binary", KILN_BOOL, AT(binary),
      .help = "Of no effect: no line ending is changed on the way to Windows." },
    { "execute_command", KILN_STRING, AT(execute_command), KILN_RAW,
      .help = "Command that runs the script; {{.Path}} is its path, {{.Vars}} that of the script "
              "that sets the variables. Not set: powershell -executionpolicy bypass, and for "
              "script and scripts \"& { …; . {{.Vars}}; &'{{.Path}}'; exit $LastExitCode }\", for "
              "inline -file {{.Path}}." },
    { "elevated_execute_command", KILN_STRING, AT(elevated_execute_command), KILN_RAW,
      .help = "The same with elevated_user." },
    { "remote_path", KILN_STRING, AT(remote_path),
      .help = "Full path of the uploaded script (c:/Windows/Temp/script-UUID.ps1)." },
    { "remote_env_var_path", KILN_STRING, AT(remote_env_var_path),
      .help = "Full path of the script that sets the variables "
              "(c:/Windows/Temp/packer-ps-env-vars-UUID.ps1)." },
    { "elevated_env_var_format", KILN_STRING, AT(elevated_env_var_format), .def = VAR_FORMAT,
      .help = "As env_var_format, with elevated_user." },
    { "elevated_user", KILN_STRING, AT(elevated_user),
      .help = "Run the script as this user, as a scheduled task with all rights; SYSTEM works." },
    { "elevated_password", KILN_STRING, AT(elevated_password), KILN_SECRET,
      .help = "Password of elevated_user; none for a service account." },
    { "execution_policy", KILN_STRING, AT(execution_policy), .def = "bypass",
      .help = "bypass, allsigned, default, remotesigned, restricted, undefined, unrestricted, or "
              "none: the command does not say it." },
    { "debug_mode", KILN_INT, AT(debug_mode),
      .help = "1 or 2: Set-PSDebug -Trace with that number." },
    { "use_pwsh", KILN_BOOL, AT(use_pwsh), .help = "Run pwsh, not powershell." },
    { "start_retry_timeout", KILN_DURATION, AT(start_retry_timeout_ns), .def = "5m",
      .help = "How long to try to upload and start the script again." },
    { "skip_clean", KILN_BOOL, AT(skip_clean), .help = "Leave the scripts in the guest." },
    { "pause_after", KILN_DURATION, AT(pause_after_ns), .help = "Pause after the last script." },
    { 0 },
};

static const struct kiln_include includes[] = {
    { &kiln_script_schema, AT(script) },
    { 0 },
};

static const struct kiln_schema schema = { "powershell", "runs PowerShell scripts in the guest",
                                           fields, includes };

/* ---- options ---- */

static bool check_policy(struct powershell *s, const struct kiln_prepare *p)
{
    int64_t number;

    for (size_t i = 0; i < KILN_COUNT(policies); i++) {
        if (kiln_streq(s->execution_policy, policies[i]))
            return true;
    }
    if (kiln_parse_i64(s->execution_policy, &number)) {
        if (number < 0 || number >= (int64_t)KILN_COUNT(policies))
            return kiln_config_error(
                p, "execution_policy",
                "Invalid execution policy provided. Please supply one of: \"bypass\", "
                "\"allsigned\", \"default\", \"remotesigned\", \"restricted\", \"undefined\", "
                "\"unrestricted\", \"none\".");
        free(s->execution_policy);
        s->execution_policy = kiln_xstrdup(policies[number]);
        return true;
    }
    return kiln_config_error(p, "execution_policy",
                             "%s does not belong to ExecutionPolicy values: bypass, allsigned, "
                             "default, remotesigned, restricted, undefined, unrestricted, none",
                             s->execution_policy);
}

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    struct powershell *s = cfg;
    bool ok = kiln_script_check_one(&s->script, p);

    kiln_uuid_time(s->id);
    if (!kiln_is_set(s->elevated_user) && kiln_is_set(s->elevated_password))
        ok = kiln_config_error(p, "elevated_password",
                               "Must supply an 'elevated_user' if 'elevated_password' provided");
    if (s->debug_mode < 0 || s->debug_mode > 2)
        ok = kiln_config_error(p, "debug_mode",
                               "%lld is an invalid Trace level for `debug_mode`; valid values are "
                               "0, 1, and 2",
                               (long long)s->debug_mode);
    return check_policy(s, p) && ok;
}

/* ---- one run ---- */

struct run {
    const struct powershell *cfg;
    struct kiln_remote_work work;
    bool elevated;
    char *remote, *remote_vars; /* paths in the guest; owned */
    struct kiln_str vars;       /* as PowerShell sets them */
    struct kiln_strv uploaded;  /* files to remove */
};

static void add_default_command(struct kiln_str *out, const struct powershell *s)
{
    bool none = kiln_streq(s->execution_policy, "none");
    const char *quote = none ? "" : "\"";

    if (!none)
        kiln_str_addf(out, "%s -executionpolicy %s ", s->use_pwsh ? "pwsh" : "powershell",
                      s->execution_policy);
    if (s->script.inline_lines.n) {
        kiln_str_adds(out, "-file {{.Path}}");
        return;
    }
    kiln_str_addf(out,
                  "%s%s& { if (Test-Path variable:global:ProgressPreference)"
                  "{set-variable -name variable:global:ProgressPreference -value "
                  "'SilentlyContinue'};",
                  s->use_pwsh && !none ? "-command " : "", quote);
    if (s->debug_mode != 0)
        kiln_str_addf(out, "Set-PsDebug -Trace %d;", (int)s->debug_mode);
    kiln_str_addf(out, ". {{.Vars}}; &'{{.Path}}'; exit $LastExitCode }%s", quote);
}

/* The text that runs the script, before it is rendered. */
static char *command_template(const struct run *r)
{
    const char *own = r->elevated ? r->cfg->elevated_execute_command : r->cfg->execute_command;
    struct kiln_str out = { 0 };

    if (kiln_is_set(own))
        kiln_str_adds(&out, own);
    else
        add_default_command(&out, r->cfg);
    return kiln_str_steal(&out);
}

static bool render(struct run *r, const char *text, struct kiln_str *ret, struct kiln_err *err)
{
    KILN_AUTO_STRMAP extra = { 0 }, data = { 0 };
    struct kiln_interp interp;

    kiln_strmap_set(&extra, "Vars", r->remote_vars);
    kiln_strmap_set(&extra, "Path", r->remote);
    interp = kiln_script_interp(r->work.build, &data, &extra);
    return kiln_interp_render_stable(&interp, text, ret, err) ||
           kiln_err_wrap(err, "Error processing command");
}

static bool upload_text(struct run *r, const struct kiln_str *text, const char *remote,
                        const char *what, struct kiln_err *err)
{
    kiln_strv_add(&r->uploaded, remote);
    for (;;) {
        if (kiln_remote_upload_text(&r->work, text, remote, err))
            return true;
        (void)kiln_err_wrap(err, "%s", what);
        if (!kiln_remote_again(&r->work, err))
            return false;
    }
}

/* Nobody misses it if the command does not name it. */
static bool upload_vars(struct run *r, const char *template, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    if (!strstr(template, "Vars") && !kiln_is_set(r->cfg->remote_env_var_path))
        return true;
    kiln_str_adds(&text, KILN_POWERSHELL_MARK);
    kiln_str_adds(&text, kiln_str_cstr(&r->vars));
    return upload_text(r, &text, r->remote_vars, "Error uploading ps script containing env vars",
                       err);
}

/* The command becomes one that runs it as elevated_user. */
static bool elevate(struct run *r, struct kiln_str *command, struct kiln_err *err)
{
    const struct kiln_interp interp = kiln_build_runtime_interp(r->work.build);
    char uuid[KILN_UUID_SIZE];
    KILN_AUTO_STR password = { 0 }, script = { 0 };
    KILN_AUTO_FREE char *name = NULL, *path = NULL;
    struct kiln_elevated e = { .command = kiln_str_cstr(command), .user = r->cfg->elevated_user };

    if (kiln_is_set(r->cfg->elevated_password) &&
        !kiln_interp_render_again(&interp, r->cfg->elevated_password, &password, err))
        return kiln_err_wrap(err, "elevated_password");
    if (password.len > 0)
        kiln_build_add_secret(r->work.build, kiln_str_cstr(&password));
    kiln_uuid_time(uuid);
    e.password = kiln_str_cstr(&password);
    e.name = name = kiln_xasprintf("packer-%s", uuid);
    e.path = path = kiln_xasprintf("C:/Windows/Temp/packer-elevated-shell-%s.ps1", r->cfg->id);
    kiln_elevated_add_script(&script, &e);
    if (!upload_text(r, &script, path, "Error preparing elevated powershell script", err))
        return false;
    kiln_str_clear(command);
    kiln_str_addf(command, "powershell -executionpolicy bypass -file \"%s\"", path);
    return true;
}

static bool make_command(struct run *r, struct kiln_str *ret, struct kiln_err *err)
{
    KILN_AUTO_FREE char *template = command_template(r);

    return upload_vars(r, template, err) && render(r, template, ret, err) &&
           (!r->elevated || elevate(r, ret, err));
}

static bool run_script(struct run *r, const char *path, struct kiln_err *err)
{
    KILN_AUTO_STR command = { 0 };
    int status = 0;
    bool ok;

    kiln_say(r->work.build, "Provisioning with powershell script: %s", path);
    if (!make_command(r, &command, err))
        return false;
    kiln_strv_add(&r->uploaded, r->remote);
    do {
        ok = kiln_remote_upload(&r->work, path, r->remote, 0644, err) ||
             kiln_err_wrap(err, "Error uploading script");
        ok = ok && kiln_remote_show(&r->work, kiln_str_cstr(&command), &status, err);
    } while (!ok && kiln_remote_again(&r->work, err));
    return ok && kiln_script_check_status(&r->cfg->script, status, err);
}

/* What stays behind does no harm: it is tried for a minute, and that is all. */
static void clean(struct run *r)
{
    KILN_AUTO_STR script = { 0 };
    KILN_AUTO_FREE char *command = NULL;
    KILN_AUTO_ERR why = { 0 };
    int status;

    kiln_str_adds(&script, "Remove-Item -Force -ErrorAction SilentlyContinue -LiteralPath ");
    for (size_t i = 0; i < r->uploaded.n; i++) {
        if (i > 0)
            kiln_str_addc(&script, ',');
        kiln_powershell_add_quoted(&script, r->uploaded.v[i]);
    }
    command = kiln_powershell_command(kiln_str_cstr(&script));
    r->work.deadline = kiln_cancel_deadline(r->work.cancel, CLEAN_LIMIT);
    while (!kiln_remote_run(&r->work, command, &status, &why)) {
        kiln_log("powershell: remove the scripts: %s", kiln_err_text(&why));
        if (!kiln_remote_again(&r->work, &why))
            return;
    }
}

/* ---- inline commands ---- */

/* The commands as one script, which ends with the status of the last program that failed. */
static bool write_inline(struct run *r, char **ret_path, struct kiln_err *err)
{
    const struct powershell *s = r->cfg;
    KILN_AUTO_STR text = { 0 };

    kiln_str_adds(&text, KILN_POWERSHELL_MARK "$global:ProgressPreference = 'SilentlyContinue'\n");
    if (s->debug_mode != 0)
        kiln_str_addf(&text, "Set-PSDebug -Trace %d\n", (int)s->debug_mode);
    kiln_str_addf(&text, "$kilnStatus = 0\ntry {\n%s\n", kiln_str_cstr(&r->vars));
    if (!kiln_script_add_inline(r->work.build, &s->script.inline_lines, &text, err))
        return false;
    kiln_str_adds(&text, "} catch {\n"
                         "Write-Error \"An error occurred: $_\" -ErrorAction Continue\n"
                         "$kilnStatus = 1\n"
                         "}\n"
                         "if ((Test-Path variable:global:LASTEXITCODE) -and $LASTEXITCODE) "
                         "{ exit $LASTEXITCODE }\n"
                         "exit $kilnStatus\n");
    return kiln_script_write(r->work.build, &text, ".ps1", 0600, ret_path, err);
}

/* ---- the provisioner ---- */

static char *path_or(const struct powershell *s, const char *own, const char *stem,
                     const char *script)
{
    if (kiln_is_set(own) && kiln_has_suffix(own, "/")) /* into that directory, by its own name */
        return kiln_xasprintf("%s%s", own, kiln_path_base(script));
    if (kiln_is_set(own))
        return kiln_xstrdup(own);
    return kiln_xasprintf("c:/Windows/Temp/%s-%s.ps1", stem, s->id);
}

static bool run_all(struct run *r, struct kiln_strv *scripts, struct kiln_err *err)
{
    const struct powershell *s = r->cfg;
    KILN_AUTO_STR text = { 0 };

    for (size_t i = 0; i < scripts->n; i++) {
        bool ok;

        r->remote = path_or(s, s->remote_path, "script", scripts->v[i]);
        ok = run_script(r, scripts->v[i], err);
        free(r->remote);
        r->remote = NULL;
        if (!ok)
            return false;
    }
    if (!s->skip_clean)
        clean(r);
    if (s->pause_after_ns <= 0)
        return true;
    kiln_duration_format(&text, s->pause_after_ns);
    kiln_say(r->work.build, "Pausing %s after this provisioner...", kiln_str_cstr(&text));
    return kiln_wait_us(r->work.cancel, s->pause_after_ns / 1000, err);
}

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct powershell *s = cfg;
    struct run r = {
        .cfg = s,
        .work = { b, comm, cancel, kiln_cancel_deadline(cancel, s->start_retry_timeout_ns / 1000) },
        .elevated = kiln_is_set(s->elevated_user),
        .remote_vars = path_or(s, s->remote_env_var_path, "packer-ps-env-vars", ""),
    };
    const char *format = r.elevated                 ? s->elevated_env_var_format
                         : s->script.env_var_format ? s->script.env_var_format
                                                    : VAR_FORMAT;
    KILN_AUTO_STRV scripts = { 0 };
    char *inline_file = NULL;
    bool ok;

    kiln_say(b, "Provisioning with Powershell...");
    kiln_script_files(&s->script, &scripts);
    ok = kiln_script_vars(b, &s->script, format, kiln_powershell_add_escaped, &r.vars, err);
    if (ok && s->script.inline_lines.n) {
        ok = write_inline(&r, &inline_file, err);
        if (ok)
            kiln_strv_add(&scripts, inline_file);
    }
    ok = ok && run_all(&r, &scripts, err);
    kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, inline_file);
    kiln_str_done(&r.vars);
    kiln_strv_done(&r.uploaded);
    free(r.remote_vars);
    return ok;
}

const struct kiln_provisioner_ops kiln_powershell_provisioner = {
    .schema = &schema,
    .cfg_size = sizeof(struct powershell),
    .prepare = prepare,
    .provision = provision,
};
