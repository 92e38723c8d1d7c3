#include "provisioner/script.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "template/gofmt.h"

static const struct kiln_field fields[] = {
    { "inline", KILN_STRINGS, offsetof(struct kiln_script_config, inline_lines),
      KILN_RAW | KILN_TRIED, .help = "Commands, one per element, run as one script." },
    { "script", KILN_STRING, offsetof(struct kiln_script_config, script),
      .help = "Path of a script to run." },
    { "scripts", KILN_STRINGS, offsetof(struct kiln_script_config, scripts),
      .help = "Paths of scripts, run in this order." },
    { "valid_exit_codes", KILN_INTS, offsetof(struct kiln_script_config, valid_exit_codes),
      .def = "0", .help = "Exit codes that count as success." },
    { "environment_vars", KILN_STRINGS, offsetof(struct kiln_script_config, environment_vars),
      .help = "Variables for the script, each KEY=VALUE." },
    { "env", KILN_STRING_MAP, offsetof(struct kiln_script_config, env),
      .help = "Variables for the script as a map; wins over environment_vars." },
    { "env_var_format", KILN_STRING, offsetof(struct kiln_script_config, env_var_format),
      .help = "How a variable is written in front of the command; takes name and value." },
    { 0 },
};

const struct kiln_schema kiln_script_schema = { "script", "scripts and their variables", fields,
                                                NULL };

void kiln_script_files(const struct kiln_script_config *c, struct kiln_strv *ret)
{
    if (c->script && c->script[0])
        kiln_strv_add(ret, c->script);
    kiln_strv_add_all(ret, &c->scripts);
}

bool kiln_script_check(const struct kiln_script_config *c, const struct kiln_prepare *p)
{
    KILN_AUTO_STRV files = { 0 };
    bool ok = true;

    kiln_script_files(c, &files);
    for (size_t i = 0; i < files.n; i++) {
        char why[128];

        if (!kiln_fs_exists(files.v[i]))
            ok = kiln_config_error(p, c->scripts.n ? "scripts" : "script",
                                   "Bad script '%s': stat %s: %s", files.v[i], files.v[i],
                                   kiln_errno_go(errno, why, sizeof(why)));
    }
    for (size_t i = 0; i < c->environment_vars.n; i++) {
        const char *var = c->environment_vars.v[i], *eq = strchr(var, '=');

        if (!eq || eq == var)
            ok = kiln_config_error(p, "environment_vars",
                                   "Environment variable not in format 'key=value': %s", var);
    }
    return ok;
}

bool kiln_script_check_one(const struct kiln_script_config *c, const struct kiln_prepare *p)
{
    bool has_script = c->script && c->script[0];
    bool ok = kiln_script_check(c, p);

    if (has_script && c->scripts.n)
        ok = kiln_config_error(p, "script", "Only one of script or scripts can be specified.");
    if (!has_script && c->scripts.n == 0 && c->inline_lines.n == 0)
        ok = kiln_config_error(p, NULL, "Either a script file or inline script must be specified.");
    if ((has_script || c->scripts.n) && c->inline_lines.n)
        ok = kiln_config_error(p, "inline",
                               "Only a script file or an inline script can be "
                               "specified, not both.");
    return ok;
}

/* As if it had been rendered when the build was prepared: {{.ID}} gives the sentence that says to
 * write {{build `ID`}}; and then until it stays the same, with the build's data. */
static bool render_line(struct kiln_build *b, const char *line, struct kiln_str *ret,
                        struct kiln_err *err)
{
    const struct kiln_interp interp = kiln_build_runtime_interp(b);
    struct kiln_interp first = interp;
    KILN_AUTO_STR once = { 0 };

    first.data = &b->placeholders;
    return (kiln_interp_render(&first, line, &once, NULL, err) &&
            kiln_interp_render_again(&interp, kiln_str_cstr(&once), ret, err)) ||
           kiln_err_wrap(err, "Error interpolating command '%s'", line);
}

bool kiln_script_add_inline(struct kiln_build *b, const struct kiln_strv *lines,
                            struct kiln_str *text, struct kiln_err *err)
{
    for (size_t i = 0; i < lines->n; i++) {
        if (!render_line(b, lines->v[i], text, err))
            return false;
        kiln_str_addc(text, '\n');
    }
    return kiln_str_ok(text, "inline script", err);
}

bool kiln_script_write(struct kiln_build *b, const struct kiln_str *text, const char *suffix,
                       mode_t mode, char **ret_path, struct kiln_err *err)
{
    char *path = NULL;
    KILN_AUTO_FD fd = kiln_ledger_temp_file(b->ledger, "kiln-shell", suffix, &path, err);

    if (fd < 0)
        return false;
    if (!kiln_fs_write_all(fd, text->data, text->len, err)) {
        kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, path);
        return kiln_err_wrap(err, "write script");
    }
    (void)fchmod(fd, mode);
    *ret_path = path;
    return true;
}

bool kiln_script_write_inline(struct kiln_build *b, const struct kiln_strv *lines,
                              const char *shebang, const char *suffix, mode_t mode, char **ret_path,
                              struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    if (shebang)
        kiln_str_addf(&text, "#!%s\n", shebang);
    return kiln_script_add_inline(b, lines, &text, err) &&
           kiln_script_write(b, &text, suffix, mode, ret_path, err);
}

static bool render_var(const struct kiln_interp *interp, kiln_script_escape *escape,
                       struct kiln_strmap *vars, const char *key, const char *value,
                       struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_STR quoted = { 0 };

    if (!kiln_interp_render_again(interp, value, &text, err))
        return kiln_err_wrap(err, "environment variable %s", key);
    if (!escape)
        escape = kiln_str_adds;
    escape(&quoted, kiln_str_cstr(&text));
    kiln_strmap_set(vars, key, kiln_str_cstr(&quoted));
    return true;
}

bool kiln_script_vars(struct kiln_build *b, const struct kiln_script_config *c, const char *format,
                      kiln_script_escape *escape, struct kiln_str *ret, struct kiln_err *err)
{
    const struct kiln_interp interp = kiln_build_runtime_interp(b);
    KILN_AUTO_STRMAP vars = { 0 };
    KILN_AUTO_STRV names = { 0 };

    kiln_build_script_env(b, &vars);
    for (size_t i = 0; i < c->environment_vars.n; i++) {
        const char *var = c->environment_vars.v[i], *eq = strchr(var, '=');
        KILN_AUTO_FREE char *key = kiln_xstrndup(var, (size_t)(eq - var));

        if (!render_var(&interp, escape, &vars, key, eq + 1, err))
            return false;
    }
    for (size_t i = 0; i < c->env.keys.n; i++) {
        if (!render_var(&interp, escape, &vars, c->env.keys.v[i], c->env.values.v[i], err))
            return false;
    }
    kiln_strv_add_all(&names, &vars.keys);
    kiln_strv_sort(&names);
    for (size_t i = 0; i < names.n; i++) {
        const struct kiln_go_value args[] = {
            kiln_go_string(names.v[i]),
            kiln_go_string(kiln_strmap_get(&vars, names.v[i])),
        };

        kiln_go_printf(ret, format, strlen(format), args, KILN_COUNT(args));
    }
    return kiln_str_ok(ret, "environment variables", err);
}

struct kiln_interp kiln_script_interp(struct kiln_build *b, struct kiln_strmap *data,
                                      const struct kiln_strmap *extra)
{
    struct kiln_interp interp = kiln_build_runtime_interp(b);

    kiln_strmap_copy(data, &b->data);
    kiln_strmap_copy(data, extra);
    interp.data = data;
    interp.build_keys = NULL; /* what is not known now never will be */
    return interp;
}

bool kiln_script_check_status(const struct kiln_script_config *c, int status, struct kiln_err *err)
{
    KILN_AUTO_STR allowed = { 0 };

    for (size_t i = 0; i < c->valid_exit_codes.n; i++) {
        if (c->valid_exit_codes.v[i] == status)
            return true;
        kiln_str_addf(&allowed, "%s%lld", i ? " " : "", (long long)c->valid_exit_codes.v[i]);
    }
    if (c->valid_exit_codes.n == 0) { /* [] is as if it were not given */
        if (status == 0)
            return true;
        kiln_str_addc(&allowed, '0');
    }
    return kiln_err_set(err, KILN_ERR_REMOTE,
                        "Script exited with non-zero exit status: %d. Allowed exit codes are: [%s]",
                        status, kiln_str_cstr(&allowed));
}
