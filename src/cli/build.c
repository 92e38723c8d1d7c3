#include "base/mem.h"
#include "cli/commands.h"
#include "cli/printer.h"
#include "engine/place.h"

struct build_flags {
    struct kiln_plan_options plan;
    struct kiln_printer_options printer;
    const char *on_error;
    long parallel;
};

static bool parse_on_error(const struct kiln_cli *cli, const char *word, enum kiln_on_error *ret)
{
    static const struct {
        const char *word;
        enum kiln_on_error value;
    } words[] = {
        { "", KILN_ON_ERROR_CLEANUP },
        { "cleanup", KILN_ON_ERROR_CLEANUP },
        { "abort", KILN_ON_ERROR_ABORT },
        { "ask", KILN_ON_ERROR_ASK },
        { "run-cleanup-provisioner", KILN_ON_ERROR_RUN_CLEANUP_PROVISIONER },
    };

    for (size_t i = 0; i < KILN_COUNT(words); i++) {
        if (kiln_streq(word, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    kiln_cli_say(cli, "error",
                 "-on-error=%s: must be one of cleanup, abort, ask, run-cleanup-provisioner", word);
    return false;
}

static bool check_breaks(const struct kiln_cli *cli, const struct kiln_strv *specs)
{
    KILN_STRV_FOREACH (spec, specs) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_place place;

        if (!kiln_place_parse(spec, &place, &err)) {
            kiln_cli_say(cli, "error", "-break: %s", kiln_err_text(&err));
            return false;
        }
        kiln_place_done(&place);
    }
    return true;
}

/* -1: go on; else the exit code. */
static int parse(const struct kiln_cli *cli, struct build_flags *f, int argc, char **argv)
{
    const struct kiln_flag flags[] = {
        { "break", KILN_FLAG_EACH, &f->plan.build.breaks, "PLACE",
          "stop there: a step, shell.2, boot:3, key:17, ...; repeatable", NULL },
        { "color", KILN_FLAG_BOOL, &f->printer.color, "BOOL", "colour the output (true)", NULL },
        { "debug", KILN_FLAG_BOOL, &f->plan.build.debug, NULL,
          "pause after every step and before every provisioner", NULL },
        { "except", KILN_FLAG_COMMAS, &f->plan.except, "a,b",
          "builds and post-processors to leave out", NULL },
        { "only", KILN_FLAG_COMMAS, &f->plan.only, "a,b", "run these builds only",
          &f->plan.only_given },
        { "force", KILN_FLAG_BOOL, &f->plan.build.force, NULL,
          "replace what earlier builds left (output directory)", NULL },
        { "machine-readable", KILN_FLAG_BOOL, &f->printer.machine, NULL,
          "one comma-separated record per line", NULL },
        { "on-error", KILN_FLAG_STRING, &f->on_error, "WHAT",
          "cleanup (default), abort, ask, run-cleanup-provisioner", NULL },
        { "parallel-builds", KILN_FLAG_NUMBER, &f->parallel, "N",
          "builds at a time; 0: no limit (default)", NULL },
        { "timestamp-ui", KILN_FLAG_BOOL, &f->printer.stamps, NULL, "put the time before each line",
          NULL },
        { "var", KILN_FLAG_EACH, &f->plan.vars.sets, "k=v", "set a variable; repeatable", NULL },
        { "var-file", KILN_FLAG_EACH, &f->plan.vars.files, "FILE",
          "JSON file of variables; repeatable", NULL },
        { "config-type", KILN_FLAG_STRING, NULL, "json", NULL, NULL },
        { "warn-on-undeclared-var", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "ignore-prerelease-plugins", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "use-sequential-evaluation", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "skip-enforcement", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { 0 },
    };
    int rc = kiln_cli_parse(cli, "build", flags, argc, argv, &f->plan.path);

    if (rc < 0 && (!parse_on_error(cli, f->on_error, &f->plan.build.on_error) ||
                   !check_breaks(cli, &f->plan.build.breaks)))
        return 1;
    return rc;
}

static int supervise(const struct kiln_cli *cli, struct build_flags *f, struct kiln_plan *plan)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_printer *printer = kiln_printer_new(&f->printer);
    const struct kiln_supervise how = {
        .plan = plan,
        .parallel = f->plan.build.debug ? 1 : f->parallel,
        .client = &kiln_printer_client,
        .client_ud = printer,
    };
    int rc = kiln_supervise(&how, &err);

    kiln_printer_free(printer);
    if (err.msg)
        kiln_cli_say(cli, "error", "%s", err.msg);
    return rc;
}

static int nothing_to_run(const struct kiln_cli *cli, const struct kiln_plan *plan)
{
    KILN_AUTO_STRV names = { 0 };
    KILN_AUTO_FREE char *joined = NULL;

    kiln_strv_add_all(&names, &plan->names);
    kiln_strv_sort(&names);
    joined = kiln_strv_join(&names, ", ");
    kiln_cli_say(cli, "error", "No builds to run\n  -only and -except leave none of: %s", joined);
    return 1;
}

static int run(const struct kiln_cli *cli, struct build_flags *f, struct kiln_plan *plan)
{
    bool ok = kiln_plan_parse(plan, &f->plan) && kiln_plan_init(plan, &f->plan);

    if (ok)
        ok = kiln_plan_prepare(plan, &f->plan);
    kiln_cli_diagnostics(cli, plan, &f->plan);
    if (!plan->tpl || (plan->n_builds == 0 && plan->diag.errors))
        return 1;
    if (plan->n_builds == 0)
        return nothing_to_run(cli, plan);
    if (f->plan.build.debug)
        kiln_cli_say(cli, "say", "Debug mode enabled. Builds will not be parallelized.");
    /* Valid builds run even when others could not be prepared. */
    return supervise(cli, f, plan) || !ok;
}

int kiln_cmd_build(const struct kiln_cli *cli, int argc, char **argv)
{
    struct build_flags f = { .printer = { .color = true }, .on_error = "" };
    struct kiln_plan plan = { 0 };
    struct kiln_cli with_flag = *cli;
    int rc;

    f.printer.machine = cli->machine;
    rc = parse(cli, &f, argc, argv);
    if (rc < 0) {
        with_flag.machine = f.printer.machine;
        f.plan.build.network_ok = true;
        f.plan.build.interactive = !f.printer.machine && kiln_printer_has_tty();
        kiln_strv_add_all(&f.plan.build.except, &f.plan.except);
        rc = run(&with_flag, &f, &plan);
    }
    kiln_plan_done(&plan);
    kiln_plan_options_done(&f.plan);
    return rc;
}
