#include "cli/commands.h"

static int validate(const struct kiln_cli *cli, const struct kiln_plan_options *o,
                    struct kiln_plan *plan, bool syntax_only)
{
    bool ok = kiln_plan_parse(plan, o);

    if (ok && syntax_only) /* a variable file that cannot be read is a wrong flag */
        ok = kiln_vars_check_files(plan->tpl, &o->vars.files, &plan->diag);
    else if (ok)
        ok = kiln_plan_init(plan, o) && kiln_plan_prepare(plan, o);
    kiln_cli_diagnostics(cli, plan, o);
    if (!ok)
        return 1;
    kiln_cli_say(cli, "say", "%s",
                 syntax_only ? "Syntax-only check passed. Everything looks okay."
                             : "The configuration is valid.");
    return 0;
}

int kiln_cmd_validate(const struct kiln_cli *cli, int argc, char **argv)
{
    struct kiln_plan_options o = { .check_only = true, .build = { .network_ok = true } };
    struct kiln_plan plan = { 0 };
    bool syntax_only = false;
    const struct kiln_flag flags[] = {
        { "syntax-only", KILN_FLAG_BOOL, &syntax_only, NULL,
          "check the form only, not variables and options", NULL },
        { "except", KILN_FLAG_COMMAS, &o.build.except, "a,b", "builds to leave out", NULL },
        { "only", KILN_FLAG_COMMAS, &o.only, "a,b", "validate these builds only", &o.only_given },
        { "var", KILN_FLAG_PAIRS, &o.vars.sets, "k=v", "set a variable; repeatable", NULL },
        { "var-file", KILN_FLAG_EACH, &o.vars.files, "FILE", "JSON file of variables; repeatable",
          NULL },
        { "config-type", KILN_FLAG_CONFIG, NULL, "json", NULL, NULL },
        { "no-warn-undeclared-var", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "evaluate-datasources", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "ignore-prerelease-plugins", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "use-sequential-evaluation", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { 0 },
    };
    int rc = kiln_cli_parse(cli, "validate", flags, argc, argv, &o.path);

    if (rc < 0)
        rc = validate(cli, &o, &plan, syntax_only);
    kiln_plan_done(&plan);
    kiln_plan_options_done(&o);
    return rc;
}
