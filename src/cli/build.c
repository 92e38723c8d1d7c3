/* `kiln build` and `kiln tui`: the same but for who watches. */
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/detach.h"
#include "cli/printer.h"
#include "engine/place.h"

struct build_flags {
    struct kiln_plan_options plan;
    struct kiln_printer_options printer;
    struct kiln_console_options console;
    const char *on_error;
    long parallel;
    bool tui, detach;
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

#define MAX_FLAGS 24

static size_t add_flags(struct kiln_flag *ret, size_t n, const struct kiln_flag *more,
                        size_t n_more)
{
    memcpy(ret + n, more, n_more * sizeof(*more));
    return n + n_more;
}

static size_t common_flags(struct build_flags *f, struct kiln_flag *ret)
{
    const struct kiln_flag flags[] = {
        { "break", KILN_FLAG_EACH, &f->plan.build.breaks, "PLACE",
          "stop there: a step, shell.2, boot:3, key:17, ...; repeatable", NULL },
        { "checkpoint", KILN_FLAG_BOOL, &f->plan.build.checkpoint, f->tui ? "BOOL" : NULL,
          f->tui ? "keep each guest as it is before typing, for retype (true)"
                 : "keep each guest as it is before typing, for retype",
          NULL },
        { "color", KILN_FLAG_BOOL, &f->printer.color, "BOOL", "colour the output (true)", NULL },
        { "debug", KILN_FLAG_BOOL, &f->plan.build.debug, NULL,
          "pause after every step and before every provisioner", NULL },
        { "except", KILN_FLAG_COMMAS, &f->plan.build.except, "a,b",
          "builds and post-processors to leave out", NULL },
        { "only", KILN_FLAG_COMMAS, &f->plan.only, "a,b", "run these builds only",
          &f->plan.only_given },
        { "force", KILN_FLAG_BOOL, &f->plan.build.force, NULL,
          "replace what earlier builds left (output directory)", NULL },
        { "machine-readable", KILN_FLAG_BOOL, &f->printer.machine, NULL,
          "one comma-separated record per line", NULL },
        { "on-error", KILN_FLAG_STRING, &f->on_error, "WHAT",
          f->tui ? "ask (default), cleanup, abort, run-cleanup-provisioner"
                 : "cleanup (default), abort, ask, run-cleanup-provisioner",
          NULL },
        { "parallel-builds", KILN_FLAG_NUMBER, &f->parallel, "N",
          "builds at a time; 0: no limit (default)", NULL },
        { "timestamp-ui", KILN_FLAG_BOOL, &f->printer.stamps, NULL, "put the time before each line",
          NULL },
        { "var", KILN_FLAG_PAIRS, &f->plan.vars.sets, "k=v", "set a variable; repeatable", NULL },
        { "var-file", KILN_FLAG_EACH, &f->plan.vars.files, "FILE",
          "JSON file of variables; repeatable", NULL },
        { "config-type", KILN_FLAG_CONFIG, NULL, "json", NULL, NULL },
        { "warn-on-undeclared-var", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "ignore-prerelease-plugins", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "use-sequential-evaluation", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "skip-enforcement", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
    };

    return add_flags(ret, 0, flags, KILN_COUNT(flags));
}

/* -1: go on; else the exit code. */
static int parse(const struct kiln_cli *cli, struct build_flags *f, int argc, char **argv)
{
    const struct kiln_flag detach = {
        "detach", KILN_FLAG_BOOL, &f->detach, NULL, "build in the background; kiln attach shows it",
        NULL
    };
    struct kiln_flag flags[MAX_FLAGS] = { 0 };
    size_t n = common_flags(f, flags);
    int rc;

    if (f->tui)
        kiln_console_flags(&f->console, flags + n);
    else
        (void)add_flags(flags, n, &detach, 1);
    rc = kiln_cli_parse(cli, f->tui ? "tui" : "build", flags, argc, argv, &f->plan.path);
    if (rc < 0 && (!parse_on_error(cli, f->on_error, &f->plan.build.on_error) ||
                   !check_breaks(cli, &f->plan.build.breaks)))
        return 1;
    return rc;
}

static int in_foreground(const struct kiln_cli *cli, struct build_flags *f, struct kiln_plan *plan)
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

/* -1: it goes on behind us; else the exit code. */
static int in_background(const struct kiln_cli *cli, struct build_flags *f, struct kiln_plan *plan)
{
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_supervise how = {
        .plan = plan,
        .parallel = f->plan.build.debug ? 1 : f->parallel,
    };

    if (kiln_detach(&how, &err))
        return -1;
    kiln_cli_say(cli, "error", "%s", kiln_err_text(&err));
    return 1;
}

static void say_detached(const struct kiln_cli *cli, const char *id)
{
    kiln_cli_say(cli, "say",
                 "Run %.*s goes on in the background.\n\n"
                 "  kiln attach %.*s   to watch and steer it\n"
                 "  kiln cancel %.*s   to end it",
                 KILN_RUN_SHORT - 1, id, KILN_RUN_SHORT - 1, id, KILN_RUN_SHORT - 1, id);
}

static int supervise(const struct kiln_cli *cli, struct build_flags *f, struct kiln_plan *plan)
{
    int rc;

    if (!f->detach && !f->tui)
        return in_foreground(cli, f, plan);
    rc = in_background(cli, f, plan);
    if (rc >= 0)
        return rc;
    if (f->tui)
        return kiln_console(cli, plan->run_uuid, &f->console);
    say_detached(cli, plan->run_uuid);
    return 0;
}

/* The build that -break names must be one of ours. */
static bool break_finds_build(const struct kiln_cli *cli, const struct kiln_plan *plan,
                              const char *spec)
{
    KILN_CLEANUP(kiln_place_done) struct kiln_place place = { 0 };
    KILN_AUTO_STRV labels = { 0 };
    KILN_AUTO_FREE char *joined = NULL;
    bool found = !kiln_place_parse(spec, &place, NULL);

    for (size_t i = 0; i < plan->n_builds; i++) {
        kiln_strv_add(&labels, plan->builds[i]->label);
        found = found || kiln_strv_has(&plan->builds[i]->breaks, spec);
    }
    joined = kiln_strv_join(&labels, ", ");
    if (!found)
        kiln_cli_say(cli, "error", "-break: place \"%s\": no build is called \"%s\"; there are: %s",
                     spec, place.build, joined);
    return found;
}

static bool breaks_find_builds(const struct kiln_cli *cli, const struct build_flags *f,
                               const struct kiln_plan *plan)
{
    KILN_STRV_FOREACH (spec, &f->plan.build.breaks) {
        if (!break_finds_build(cli, plan, spec))
            return false;
    }
    return true;
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
        return kiln_cli_no_builds(cli, plan);
    if (ok && !breaks_find_builds(cli, f, plan))
        return 1;
    if (f->plan.build.debug)
        kiln_cli_say(cli, "say", "Debug mode enabled. Builds will not be parallelized.");
    /* Valid builds run even when others could not be prepared. */
    return supervise(cli, f, plan) || !ok;
}

static int build(const struct kiln_cli *cli, struct build_flags *f, int argc, char **argv)
{
    struct kiln_plan plan = { 0 };
    struct kiln_cli with_flag = *cli;
    int rc;

    f->printer.machine = cli->machine;
    rc = parse(cli, f, argc, argv);
    if (rc < 0 && f->tui && !kiln_console_possible(cli, &f->console))
        rc = 1;
    if (rc < 0) {
        with_flag.machine = f->printer.machine;
        f->plan.build.network_ok = true;
        f->plan.build.freeze = f->tui || f->detach;
        f->plan.build.interactive =
            f->tui || f->detach || (!f->printer.machine && kiln_printer_has_tty());
        rc = run(&with_flag, f, &plan);
    }
    kiln_plan_done(&plan);
    kiln_plan_options_done(&f->plan);
    return rc;
}

int kiln_cmd_build(const struct kiln_cli *cli, int argc, char **argv)
{
    struct build_flags f = { .printer = { .color = true }, .on_error = "" };

    return build(cli, &f, argc, argv);
}

int kiln_cmd_tui(const struct kiln_cli *cli, int argc, char **argv)
{
    struct build_flags f = { .tui = true, .on_error = "ask", .plan.build.checkpoint = true };

    return build(cli, &f, argc, argv);
}
