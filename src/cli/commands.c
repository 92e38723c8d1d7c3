#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/machine.h"
#include "cli/terminal.h"
#include "redact/redact.h"

const struct kiln_command_info *kiln_commands(void)
{
    static const struct kiln_command_info commands[] = {
        { "build", kiln_cmd_build, "[FLAGS] TEMPLATE", "build image(s) from a template" },
        { "validate", kiln_cmd_validate, "[FLAGS] TEMPLATE", "check that a template is valid" },
        { "inspect", kiln_cmd_inspect, "TEMPLATE", "see what a template consists of" },
        { "fix", kiln_cmd_fix, "[FLAGS] TEMPLATE", "write an old template in the words of today" },
        { "console", kiln_cmd_console, "[FLAGS] [TEMPLATE]", "try out what {{ }} becomes" },
        { "keys", kiln_cmd_keys, "[FLAGS] TEMPLATE", "rehearse: what would be typed, and when" },
        { "tui", kiln_cmd_tui, "[FLAGS] TEMPLATE", "build, and watch and steer it in a console" },
        { "attach", kiln_cmd_attach, "[FLAGS] [RUN]", "open the console on a run, alive or ended" },
        { "ps", kiln_cmd_ps, "[FLAGS]", "list runs" },
        { "cancel", kiln_cmd_cancel, "RUN", "end a run in order" },
        { "version", kiln_cmd_version, "", "print the version" },
        { "help", kiln_cmd_help, "[COMPONENT]", "options of a builder, provisioner, ..." },
        { 0 },
    };

    return commands;
}

const char *kiln_command_guess(const char *word)
{
    const char *names[32];
    size_t n = 0;

    for (const struct kiln_command_info *c = kiln_commands(); c->name && n < KILN_COUNT(names); c++)
        names[n++] = c->name;
    return kiln_did_you_mean(word, names, n);
}

static bool is_lost; /* something that was to be printed */

void kiln_cli_print(const char *text, size_t len)
{
    KILN_AUTO_STR clean = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (isatty(STDOUT_FILENO)) {
        kiln_terminal_clean(&clean, text, len);
        text = kiln_str_cstr(&clean);
        len = clean.len;
    }
    if (kiln_fs_write_all(STDOUT_FILENO, text, len, &err) || err.os_errno == EPIPE || is_lost)
        return; /* a closed pipe is the reader's wish */
    is_lost = true;
    (void)dprintf(STDERR_FILENO, "error: standard output: %s\n", kiln_err_text(&err));
}

int kiln_cli_end(int status)
{
    return status == 0 && is_lost ? 1 : status;
}

void kiln_cli_printf(const char *fmt, ...)
{
    KILN_AUTO_STR s = { 0 };
    va_list ap;

    va_start(ap, fmt);
    kiln_str_addvf(&s, fmt, ap);
    va_end(ap);
    kiln_cli_print(kiln_str_cstr(&s), s.len);
}

void kiln_cli_record(const struct kiln_cli *cli, const char *type, const char *const *fields,
                     size_t n)
{
    KILN_AUTO_STRV shown = { 0 };
    KILN_AUTO_STR out = { 0 };

    if (!cli->machine)
        return;
    for (size_t i = 0; i < n; i++) {
        KILN_AUTO_STR field = { 0 };

        kiln_redact_text(cli->redactor, fields[i], strlen(fields[i]), &field);
        kiln_strv_add(&shown, kiln_str_cstr(&field));
    }
    kiln_machine_record(&out, kiln_clock_wall_us(), "", type, (const char *const *)shown.v, n);
    kiln_cli_print(out.data, out.len);
}

void kiln_cli_say(const struct kiln_cli *cli, const char *level, const char *fmt, ...)
{
    KILN_AUTO_STR text = { 0 }, shown = { 0 };
    va_list ap;

    va_start(ap, fmt);
    kiln_str_addvf(&text, fmt, ap);
    va_end(ap);
    if (cli->machine) {
        kiln_cli_record(cli, "ui", (const char *[]){ level, kiln_str_cstr(&text) }, 2);
        return;
    }
    kiln_redact_text(cli->redactor, kiln_str_cstr(&text), text.len, &shown);
    kiln_str_addc(&shown, '\n');
    kiln_cli_print(shown.data, shown.len);
}

static void password_options(struct kiln_strv *ret)
{
    const struct kiln_registry *r = kiln_registry();

    for (size_t i = 0; r->builders[i]; i++)
        kiln_config_names(r->builders[i]->schema, KILN_SECRET, ret);
    for (size_t i = 0; r->provisioners[i]; i++)
        kiln_config_names(r->provisioners[i]->schema, KILN_SECRET, ret);
    for (size_t i = 0; r->postprocessors[i]; i++)
        kiln_config_names(r->postprocessors[i]->schema, KILN_SECRET, ret);
}

/* Passwords among the options of a template that did not get as far as its builds. A {{user}} is
 * none, nor are those so short that they are shown anyway. */
static void unread_passwords(struct kiln_source *s, struct kiln_strv *ret)
{
    KILN_AUTO_STRV names = { 0 }, found = { 0 };

    password_options(&names);
    kiln_source_secrets(s, &names, &found);
    KILN_STRV_FOREACH (text, &found) {
        if (strlen(text) >= KILN_MIN_PASSWORD && !kiln_interp_has_action(text))
            kiln_strv_add(ret, text);
    }
}

/* What a broken template or variable file shows of itself. */
static void unreadable_secrets(const struct kiln_plan *plan, struct kiln_strv *ret)
{
    const struct kiln_source *seen = NULL;

    for (size_t i = 0; i < plan->diag.n; i++) {
        struct kiln_source *s = plan->diag.items[i].source;

        if (s && s != seen && (!plan->tpl || s->secret))
            kiln_source_secrets(s, plan->tpl ? &plan->tpl->sensitive : NULL, ret);
        if (s && s != seen && !plan->builds)
            unread_passwords(s, ret);
        seen = s;
    }
}

/* Values given on the command line may be secrets even if the template did not get far enough to
 * say so; those of declared sensitive variables are known by now. */
static void collect_secrets(const struct kiln_plan *plan, const struct kiln_plan_options *o,
                            struct kiln_strv *ret)
{
    kiln_plan_secrets(plan, ret);
    unreadable_secrets(plan, ret);
    for (size_t i = 0; plan->tpl && i < plan->tpl->sensitive.n; i++) {
        const char *name = plan->tpl->sensitive.v[i];
        size_t len = strlen(name);

        for (size_t k = 0; k < plan->tpl->n_variables; k++) {
            const struct kiln_variable *v = &plan->tpl->variables[k];

            if (kiln_streq(v->name, name) && v->default_value)
                kiln_strv_add(ret, v->default_value);
        }
        for (size_t k = 0; k < o->vars.sets.n; k++) {
            const char *set = o->vars.sets.v[k];

            if (strncmp(set, name, len) == 0 && set[len] == '=')
                kiln_strv_add(ret, set + len + 1);
        }
    }
}

bool kiln_cli_redactor(const struct kiln_plan *plan, const struct kiln_plan_options *options,
                       struct kiln_redactor **ret, struct kiln_err *err)
{
    KILN_AUTO_STRV secrets = { 0 };

    collect_secrets(plan, options, &secrets);
    return kiln_redactor_build(&secrets, ret, err);
}

static void replace(void *redactor, const char *text, size_t len, struct kiln_str *out)
{
    kiln_redact_text(redactor, text, len, out);
}

/* All of them, redacted, without a newline at the end. */
static bool format_diagnostics(const struct kiln_plan *plan,
                               const struct kiln_plan_options *options, struct kiln_str *out,
                               struct kiln_err *err)
{
    KILN_AUTO_REDACTOR *redactor = NULL;
    KILN_AUTO_STR text = { 0 };

    if (!kiln_cli_redactor(plan, options, &redactor, err))
        return false;
    kiln_diag_format_all(&plan->diag, &(struct kiln_diag_hide){ replace, redactor }, &text);
    while (text.len && text.data[text.len - 1] == '\n')
        kiln_str_truncate(&text, text.len - 1);
    kiln_redact_text(redactor, kiln_str_cstr(&text), text.len, out);
    return true;
}

void kiln_cli_diagnostics(const struct kiln_cli *cli, const struct kiln_plan *plan,
                          const struct kiln_plan_options *options)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (plan->diag.n == 0)
        return;
    if (!format_diagnostics(plan, options, &text, &err))
        kiln_cli_say(cli, "error", "%s", kiln_err_text(&err));
    else
        kiln_cli_say(cli, plan->diag.errors ? "error" : "say", "%s", kiln_str_cstr(&text));
}

void kiln_cli_warn(const struct kiln_plan *plan, const struct kiln_plan_options *options)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (plan->diag.n == 0)
        return;
    if (!format_diagnostics(plan, options, &text, &err))
        kiln_str_adds(&text, kiln_err_text(&err));
    kiln_str_addc(&text, '\n');
    (void)kiln_fs_write_all(STDERR_FILENO, text.data, text.len, NULL);
}

int kiln_cli_no_builds(const struct kiln_cli *cli, const struct kiln_plan *plan)
{
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_FREE char *joined = NULL;

    kiln_strv_add_all(&names, &plan->names);
    kiln_strv_sort(&names);
    joined = kiln_strv_join(&names, ", ");
    kiln_cli_say(cli, "error", "No builds to run\n  -only and -except leave none of: %s", joined);
    return 1;
}

bool kiln_cli_empty_plan(struct kiln_plan *plan)
{
    static const char text[] = "{\"builders\": [{\"type\": \"null\"}]}";
    struct kiln_source *source = kiln_source_new("built-in", text, sizeof(text) - 1);

    plan->start_us = kiln_clock_wall_us();
    plan->tpl = kiln_template_load(source, "built-in", &plan->diag);
    kiln_source_unref(source);
    return plan->tpl != NULL;
}

static void usage(const struct kiln_cli *cli, const char *command, const struct kiln_flag *flags)
{
    KILN_AUTO_STR s = { 0 };

    for (const struct kiln_command_info *c = kiln_commands(); c->name; c++) {
        if (kiln_streq(c->name, command))
            kiln_str_addf(&s, "Usage: kiln %s %s\n\n  %s\n%s", c->name, c->args, c->summary,
                          flags->name ? "\nOptions:\n" : "");
    }
    kiln_flags_help(flags, &s);
    kiln_cli_say(cli, "say", "%s", kiln_str_cstr(&s));
}

/* After an error, which a screen full of flags would hide. The exit code. */
static int short_usage(const struct kiln_cli *cli, const char *command)
{
    const struct kiln_command_info *c = kiln_commands();

    while (!kiln_streq(c->name, command))
        c++;
    kiln_cli_say(cli, "say", "Usage: kiln %s %s\nkiln %s -h tells more.", command, c->args,
                 command);
    return 1;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && argv[i][0] == '-'; i++) {
        if (kiln_streq(argv[i], "-h") || kiln_streq(argv[i], "-help") ||
            kiln_streq(argv[i], "--help"))
            return true;
    }
    return false;
}

/* -1 with *ret_first set; else the exit code. */
static int parse_flags(const struct kiln_cli *cli, const char *command,
                       const struct kiln_flag *flags, int argc, char **argv, int *ret_first)
{
    KILN_AUTO_ERR err = { 0 };

    if (wants_help(argc, argv)) {
        usage(cli, command, flags);
        return 0;
    }
    if (kiln_flags_parse(flags, argc, argv, ret_first, &err))
        return -1;
    kiln_cli_say(cli, "error", "%s", kiln_err_text(&err));
    return short_usage(cli, command);
}

int kiln_cli_parse(const struct kiln_cli *cli, const char *command, const struct kiln_flag *flags,
                   int argc, char **argv, const char **ret_template)
{
    int first = 0, rc = parse_flags(cli, command, flags, argc, argv, &first);

    if (rc >= 0)
        return rc;
    if (argc - first == 1) {
        *ret_template = argv[first];
        return -1;
    }
    if (argc == first)
        kiln_cli_say(cli, "error", "kiln %s: name a template", command);
    else
        kiln_cli_say(cli, "error", "kiln %s: one template, not %d; flags go before it", command,
                     argc - first);
    return short_usage(cli, command);
}

int kiln_cli_parse_optional(const struct kiln_cli *cli, const char *command,
                            const struct kiln_flag *flags, int argc, char **argv,
                            const char **ret_argument)
{
    int first = 0, rc = parse_flags(cli, command, flags, argc, argv, &first);

    *ret_argument = first < argc ? argv[first] : NULL;
    return rc;
}
