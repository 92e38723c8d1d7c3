#include "base/mem.h"
#include "cli/commands.h"
#include "redact/redact.h"

static bool is_sensitive(const struct kiln_template *t, const struct kiln_variable *v)
{
    return kiln_strv_has(&t->sensitive, v->name);
}

static int by_name(const void *a, const void *b)
{
    const struct kiln_variable *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* The variables with (or without) a default, sorted; *ret_width: the longest name. */
static size_t pick_variables(const struct kiln_template *t, bool required,
                             const struct kiln_variable **ret, int *ret_width)
{
    size_t n = 0;

    *ret_width = 0;
    for (size_t i = 0; i < t->n_variables; i++) {
        const struct kiln_variable *v = &t->variables[i];

        if ((v->default_value == NULL) != required)
            continue;
        ret[n++] = v;
        if ((int)strlen(v->name) > *ret_width)
            *ret_width = (int)strlen(v->name);
    }
    if (n > 0)
        qsort(ret, n, sizeof(*ret), by_name);
    return n;
}

/* As Packer: the second heading is there even if all variables are required. */
static void show_variables(const struct kiln_cli *cli, const struct kiln_template *t, bool required)
{
    const struct kiln_variable **vars = kiln_xcalloc(t->n_variables, sizeof(*vars));
    int width;
    size_t n = pick_variables(t, required, vars, &width);

    if (n > 0 || !required)
        kiln_cli_say(cli, "say",
                     required ? "Required variables:\n"
                              : "Optional variables and their defaults:\n");
    for (size_t i = 0; i < n; i++) {
        const struct kiln_variable *v = vars[i];
        const char *value = v->default_value ? v->default_value : "";

        if (is_sensitive(t, v))
            value = "<sensitive>";
        kiln_cli_record(cli, "template-variable",
                        (const char *[]){ v->name, value, required ? "1" : "0" }, 3);
        if (required)
            kiln_cli_say(cli, "say", "  %s", v->name);
        else
            kiln_cli_say(cli, "say", "  %-*s = %s", width, v->name, value);
    }
    if (n > 0 || !required)
        kiln_cli_say(cli, "say", "%s", "");
    free(vars);
}

static int by_builder(const void *a, const void *b)
{
    const struct kiln_component *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void show_builders(const struct kiln_cli *cli, const struct kiln_template *t)
{
    size_t n = t->builders.n;
    const struct kiln_component **list = kiln_xcalloc(n, sizeof(*list));
    int width = 0;

    kiln_cli_say(cli, "say", "Builders:\n");
    if (n == 0)
        kiln_cli_say(cli, "say", "  <No builders>");
    for (size_t i = 0; i < n; i++) {
        list[i] = &t->builders.items[i];
        if ((int)strlen(list[i]->name) > width)
            width = (int)strlen(list[i]->name);
    }
    if (n > 0)
        qsort(list, n, sizeof(*list), by_builder);
    for (size_t i = 0; i < n; i++) {
        kiln_cli_record(cli, "template-builder", (const char *[]){ list[i]->name, list[i]->type },
                        2);
        if (kiln_streq(list[i]->name, list[i]->type))
            kiln_cli_say(cli, "say", "  %s", list[i]->name);
        else
            kiln_cli_say(cli, "say", "  %-*s (%s)", width, list[i]->name, list[i]->type);
    }
    kiln_cli_say(cli, "say", "%s", "");
    free(list);
}

static void show_provisioners(const struct kiln_cli *cli, const struct kiln_template *t)
{
    kiln_cli_say(cli, "say", "Provisioners:\n");
    if (t->provisioners.n == 0)
        kiln_cli_say(cli, "say", "  <No provisioners>");
    for (size_t i = 0; i < t->provisioners.n; i++) {
        const char *type = t->provisioners.items[i].type;

        kiln_cli_record(cli, "template-provisioner", &type, 1);
        kiln_cli_say(cli, "say", "  %s", type);
    }
}

static void inspect(const struct kiln_cli *cli, const struct kiln_template *t)
{
    kiln_cli_say(cli, "say", "Packer Inspect: JSON mode");
    if (t->description && t->description[0]) {
        kiln_cli_say(cli, "say", "Description:\n");
        kiln_cli_say(cli, "say", "%s\n", t->description);
    }
    if (t->n_variables > 0) {
        show_variables(cli, t, true);
        show_variables(cli, t, false);
    } else {
        kiln_cli_say(cli, "say", "Variables:\n");
        kiln_cli_say(cli, "say", "  <No variables>");
        kiln_cli_say(cli, "say", "%s", "");
    }
    show_builders(cli, t);
    show_provisioners(cli, t);
    kiln_cli_say(cli, "say",
                 "\nNote: If your build names contain user variables or template\n"
                 "functions such as 'timestamp', these are processed at build time,\n"
                 "and therefore only show in their raw form here.");
}

/* A default may hold the value of a sensitive variable. */
static bool inspect_redacted(const struct kiln_cli *cli, const struct kiln_plan *plan,
                             const struct kiln_plan_options *o)
{
    KILN_AUTO_REDACTOR *redactor = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_cli quiet = *cli;

    if (!kiln_cli_redactor(plan, o, &redactor, &err)) {
        kiln_cli_say(cli, "error", "%s", kiln_err_text(&err));
        return false;
    }
    quiet.redactor = redactor;
    inspect(&quiet, plan->tpl);
    return true;
}

int kiln_cmd_inspect(const struct kiln_cli *cli, int argc, char **argv)
{
    struct kiln_plan_options o = { 0 };
    struct kiln_plan plan = { 0 };
    const struct kiln_flag flags[] = {
        { "except", KILN_FLAG_COMMAS, &o.build.except, NULL, NULL, NULL },
        { "only", KILN_FLAG_COMMAS, &o.only, NULL, NULL, NULL },
        { "var", KILN_FLAG_PAIRS, &o.vars.sets, "k=v", "set a variable; repeatable", NULL },
        { "var-file", KILN_FLAG_EACH, &o.vars.files, "FILE", "JSON file of variables; repeatable",
          NULL },
        { "config-type", KILN_FLAG_CONFIG, NULL, NULL, NULL, NULL },
        { "use-sequential-evaluation", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { 0 },
    };
    int rc = kiln_cli_parse_optional(cli, "inspect", flags, argc, argv, &o.path);

    if (rc < 0) {
        rc = (o.path ? kiln_plan_parse(&plan, &o) : kiln_cli_empty_plan(&plan)) &&
                     kiln_vars_check_files(plan.tpl, &o.vars.files, &plan.diag)
                 ? 0
                 : 1;
        kiln_cli_diagnostics(cli, &plan, &o);
        if (rc == 0 && !inspect_redacted(cli, &plan, &o))
            rc = 1;
    }
    kiln_plan_done(&plan);
    kiln_plan_options_done(&o);
    return rc;
}
