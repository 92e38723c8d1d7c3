/* kiln console: what the {{ }} language makes of a line. Source: packer-core.md, 1.2. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/lines.h"
#include "base/mem.h"
#include "base/module.h"
#include "cli/commands.h"
#include "cli/readline.h"
#include "redact/redact.h"
#include "template/interp.h"

#define WIDTH 80 /* of the text of an error */

struct session {
    const struct kiln_cli *cli;
    const struct kiln_plan *plan;
    struct kiln_interp ctx;
    bool last_only;       /* of a pipe only the last result is printed, and "exit" is not obeyed */
    struct kiln_str last; /* the result of the last line */
    bool ended;
};

static const char help[] =
    "Type text with {{ }} in it, and Enter shows what a template would make of it:\n\n"
    "  {{user `name`}}     a variable of the template\n"
    "  {{isotime | upper}} what its functions return\n"
    "  variables           all variables and their values\n"
    "  exit                leave; so do Ctrl-D and Ctrl-C on an empty line";

static void list_variables(const struct kiln_vars *vars, struct kiln_str *out)
{
    KILN_AUTO_STRV names = { 0 };

    kiln_strv_add_all(&names, &vars->values.keys);
    kiln_strv_sort(&names);
    kiln_str_addc(out, '\n');
    KILN_STRV_FOREACH (name, &names)
        kiln_str_addf(out, "%s: %s,\n", name, kiln_strmap_get(&vars->values, name));
}

/* Broken at spaces where a line would be longer than WIDTH. */
static void add_folded(struct kiln_str *out, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t space = strspn(text, " "), word = strcspn(text + space, " \n");

        if (column > 0 && column + space + word > WIDTH) {
            kiln_str_addc(out, '\n');
            text += space;
            space = column = 0;
        }
        kiln_str_add(out, text, space + word);
        text += space + word;
        column += space + word;
        if (*text == '\n') {
            kiln_str_addc(out, *text++);
            column = 0;
        }
    }
}

static void render(struct session *s, const char *line)
{
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_RENDERED), why = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (kiln_interp_render(&s->ctx, line, &text, NULL, &err) &&
        kiln_str_ok(&text, "the result", &err)) {
        kiln_str_add(&s->last, text.data, text.len);
        return;
    }
    /* Packer does not know how serious it is. */
    add_folded(&why, kiln_err_text(&err));
    kiln_cli_say(s->cli, "say", "???????: Interpolation error\n\n%s\n\n", kiln_str_cstr(&why));
}

/* False: leave. */
static bool evaluate(struct session *s, const char *line)
{
    kiln_str_clear(&s->last);
    if (kiln_streq(line, "exit"))
        return s->last_only;
    if (kiln_streq(line, "help"))
        kiln_str_adds(&s->last, help);
    else if (kiln_streq(line, "variables"))
        list_variables(&s->plan->vars, &s->last);
    else
        render(s, line);
    return true;
}

static void print_last(const struct session *s)
{
    kiln_cli_say(s->cli, "message", "%s", kiln_str_cstr(&s->last));
}

static bool on_line(void *ud, const char *line, size_t len)
{
    struct session *s = ud;
    KILN_AUTO_FREE char *text = NULL;

    for (; len > 0 && strchr(" \t\r\n", *line); line++)
        len--;
    while (len > 0 && strchr(" \t\r\n", line[len - 1]))
        len--;
    text = kiln_xstrndup(line, len);
    if (!evaluate(s, text))
        return false;
    if (!s->last_only)
        print_last(s);
    return true;
}

static void on_stream_line(void *ud, const char *line, size_t len)
{
    struct session *s = ud;

    s->ended = s->ended || !on_line(s, line, len);
}

/* As they come, so that a program may write one and wait for the answer. */
static bool read_stream(struct session *s, struct kiln_err *err)
{
    KILN_AUTO_LINES lines = KILN_LINES_INIT(on_stream_line, s);
    char block[4096];
    ssize_t n = 1;

    while (n > 0 && !s->ended) {
        n = read(STDIN_FILENO, block, sizeof(block));
        if (n < 0 && errno != EINTR)
            return kiln_err_sys(err, errno, "read standard input");
        if (n > 0)
            kiln_lines_feed(&lines, block, (size_t)n);
    }
    if (!s->ended)
        kiln_lines_end(&lines);
    if (s->last_only)
        print_last(s);
    return true;
}

static bool ask(struct session *s, struct kiln_err *err)
{
    const struct kiln_readline_ops *readline;
    struct stat st;

    s->last_only = fstat(STDIN_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return read_stream(s, err);
    readline = kiln_module_load("readline", err);
    return readline && readline->run("> ", on_line, s, err);
}

/* Variables that cannot be worked out leave a console without variables, as in Packer. */
static int console(const struct kiln_cli *cli, struct kiln_plan *plan,
                   const struct kiln_plan_options *o)
{
    KILN_AUTO_REDACTOR *redactor = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_cli quiet = *cli;
    struct session s = { .cli = &quiet, .plan = plan };
    bool ok;

    (void)kiln_plan_vars(plan, o);
    kiln_cli_warn(plan, o);
    s.ctx = (struct kiln_interp){
        .user = &plan->vars.values,
        .template_dir = o->path ? plan->tpl->dir : NULL,
        .start_us = plan->start_us,
    };
    ok = kiln_cli_redactor(plan, o, &redactor, &err);
    quiet.redactor = redactor;
    ok = ok && ask(&s, &err);
    if (!ok)
        kiln_cli_say(&quiet, "error", "%s", kiln_err_text(&err));
    kiln_str_done(&s.last);
    return ok ? 0 : 1;
}

int kiln_cmd_console(const struct kiln_cli *cli, int argc, char **argv)
{
    struct kiln_plan_options o = { 0 };
    struct kiln_plan plan = { 0 };
    const struct kiln_flag flags[] = {
        { "var", KILN_FLAG_PAIRS, &o.vars.sets, "k=v", "set a variable; repeatable", NULL },
        { "var-file", KILN_FLAG_EACH, &o.vars.files, "FILE", "JSON file of variables; repeatable",
          NULL },
        { "except", KILN_FLAG_COMMAS, NULL, NULL, NULL, NULL },
        { "only", KILN_FLAG_COMMAS, NULL, NULL, NULL, NULL },
        { "config-type", KILN_FLAG_CONFIG, NULL, NULL, NULL, NULL },
        { "use-sequential-evaluation", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { 0 },
    };
    int rc = kiln_cli_parse_optional(cli, "console", flags, argc, argv, &o.path);

    /* A variable file that cannot be read is a wrong flag; all else about variables is a warning.
     */
    if (rc < 0 && (o.path ? kiln_plan_parse(&plan, &o) : kiln_cli_empty_plan(&plan)) &&
        kiln_vars_check_files(plan.tpl, &o.vars.files, &plan.diag)) {
        rc = console(cli, &plan, &o);
    } else if (rc < 0) {
        kiln_cli_diagnostics(cli, &plan, &o);
        rc = 1;
    }
    kiln_plan_done(&plan);
    kiln_plan_options_done(&o);
    return rc;
}
