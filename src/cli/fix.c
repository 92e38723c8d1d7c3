#include "template/fix.h"
#include "cli/commands.h"

/* Packer looks at the form and at names of builders here, at no version. */
static bool is_valid(const char *path, const struct kiln_str *text, struct kiln_plan *plan)
{
    struct kiln_source *fixed = kiln_source_new("fixed template", text->data, text->len);

    plan->tpl = kiln_template_load(fixed, path, &plan->diag);
    kiln_source_unref(fixed);
    if (!plan->tpl)
        return false;
    free(plan->tpl->min_version);
    plan->tpl->min_version = NULL;
    return kiln_template_check(plan->tpl, NULL, 0, NULL, &plan->diag);
}

static bool print_fixed(const struct kiln_cli *cli, const struct kiln_plan_options *o,
                        struct kiln_plan *plan, struct kiln_str *text)
{
    struct kiln_source *source;
    bool ok;

    if (!kiln_plan_read(o->path, &source, &plan->diag))
        return false;
    ok = kiln_fix(source, text, &plan->diag);
    kiln_source_unref(source);
    if (!ok)
        return false;
    kiln_cli_warn(plan, o); /* standard output is for the template, which may go into a file */
    kiln_diag_done(&plan->diag);
    kiln_cli_say(cli, "say", "%s", kiln_str_cstr(text));
    return true;
}

static int fix(const struct kiln_cli *cli, const struct kiln_plan_options *o,
               struct kiln_plan *plan, bool validate)
{
    KILN_AUTO_STR text = { 0 };

    if (!print_fixed(cli, o, plan, &text)) {
        kiln_cli_diagnostics(cli, plan, o);
        return 1;
    }
    if (!validate || is_valid(o->path, &text, plan))
        return 0;
    kiln_cli_say(cli, "error",
                 "Error! The fixed template is not valid; lines are those of the text above.");
    kiln_cli_diagnostics(cli, plan, o);
    return 1;
}

int kiln_cmd_fix(const struct kiln_cli *cli, int argc, char **argv)
{
    struct kiln_plan_options o = { 0 };
    struct kiln_plan plan = { 0 };
    bool validate = true;
    const struct kiln_flag flags[] = {
        { "validate", KILN_FLAG_BOOL, &validate, "BOOL", "check the result (true)", NULL },
        { "except", KILN_FLAG_COMMAS, NULL, NULL, NULL, NULL },
        { "only", KILN_FLAG_COMMAS, NULL, NULL, NULL, NULL },
        { "var", KILN_FLAG_PAIRS, NULL, NULL, NULL, NULL },
        { "var-file", KILN_FLAG_EACH, NULL, NULL, NULL, NULL },
        { "config-type", KILN_FLAG_CONFIG, NULL, NULL, NULL, NULL },
        { 0 },
    };
    int rc = kiln_cli_parse(cli, "fix", flags, argc, argv, &o.path);

    if (rc < 0)
        rc = fix(cli, &o, &plan, validate);
    kiln_plan_done(&plan);
    kiln_plan_options_done(&o);
    return rc;
}
