/* Command line flags as Packer takes them. */
#include "unit.h"

#include "base/mem.h"
#include "cli/flags.h"

struct got {
    bool force, force_seen;
    const char *color;
    long parallel;
    struct kiln_strv only, vars;
};

/* What a command line gives: values, joined, and the index of the first positional argument. */
static const struct {
    const char *line; /* arguments, separated by "|" */
    const char *want; /* force seen color parallel [only] [vars] first */
    const char *error;
} rows[] = {
    { "", "0 0 - 0 [] [] 0", NULL },
    { "t.json", "0 0 - 0 [] [] 0", NULL },
    { "-force|t.json", "1 1 - 0 [] [] 1", NULL },
    { "--force|t.json", "1 1 - 0 [] [] 1", NULL },
    { "-force=false|t.json", "0 1 - 0 [] [] 1", NULL },
    { "-force=T", "1 1 - 0 [] [] 1", NULL },
    { "-force|-force=0", "0 1 - 0 [] [] 2", NULL },
    /* a boolean takes no argument of its own */
    { "-force|false", "1 1 - 0 [] [] 1", NULL },
    { "-color=x", "0 0 x 0 [] [] 1", NULL },
    { "-color|x|y", "0 0 x 0 [] [] 2", NULL },
    { "-color=|y", "0 0  0 [] [] 1", NULL },
    { "-color|-force", "0 0 -force 0 [] [] 2", NULL },
    { "-color=a=b", "0 0 a=b 0 [] [] 1", NULL },
    { "-color=x|-color=y", "0 0 y 0 [] [] 2", NULL },
    { "-parallel|3", "0 0 - 3 [] [] 2", NULL },
    { "-parallel=-1", "0 0 - -1 [] [] 1", NULL },
    { "-only=a,b|-only|c", "0 0 - 0 [a b c] [] 3", NULL },
    { "-var|a=1,2|-var=b=", "0 0 - 0 [] [a=1,2 b=] 3", NULL },
    /* no effect */
    { "-ignored=x|-force", "1 1 - 0 [] [] 2", NULL },
    /* where they end */
    { "t.json|-force", "0 0 - 0 [] [] 0", NULL },
    { "-|-force", "0 0 - 0 [] [] 0", NULL },
    { "--|-force", "0 0 - 0 [] [] 1", NULL },
    { "-force|--|-force", "1 1 - 0 [] [] 2", NULL },

    { "-color", NULL, "flag needs an argument: -color" },
    { "-force|-var", NULL, "flag needs an argument: -var" },
    { "-force=maybe", NULL, "invalid boolean value \"maybe\" for -force: use true or false" },
    { "-force=", NULL, "invalid boolean value \"\" for -force: use true or false" },
    { "-parallel=two", NULL, "invalid value \"two\" for flag -parallel: not a whole number" },
    { "-parallel=1.5", NULL, "invalid value \"1.5\" for flag -parallel: not a whole number" },
    { "-parallel=", NULL, "invalid value \"\" for flag -parallel: not a whole number" },
    { "-forse|x", NULL, "flag provided but not defined: -forse; did you mean -force?" },
    { "-colour=x", NULL, "flag provided but not defined: -colour; did you mean -color?" },
    { "-zzzzzz", NULL, "flag provided but not defined: -zzzzzz" },
    { "-FORCE", NULL, "flag provided but not defined: -FORCE" },
    { "-forceful-and-much-longer-than-any-flag-of-ours", NULL,
      "flag provided but not defined: -forceful-and-much-longer-than-any-flag-of-ours" },
    { "-=x", NULL, "bad flag syntax: -=x" },
    { "--=x", NULL, "bad flag syntax: --=x" },
    { "---force", NULL, "bad flag syntax: ---force" },
};

static void show(const struct got *g, int first, struct kiln_str *out)
{
    KILN_AUTO_FREE char *only = kiln_strv_join(&g->only, " "),
                        *vars = kiln_strv_join(&g->vars, " ");

    kiln_str_addf(out, "%d %d %s %ld [%s] [%s] %d", g->force, g->force_seen,
                  g->color ? g->color : "-", g->parallel, only, vars, first);
}

static void check_row(const char *line, const char *want, const char *error)
{
    struct got g = { 0 };
    const struct kiln_flag flags[] = {
        { "force", KILN_FLAG_BOOL, &g.force, NULL, "help", &g.force_seen },
        { "color", KILN_FLAG_STRING, &g.color, "WHEN", "help", NULL },
        { "parallel", KILN_FLAG_NUMBER, &g.parallel, "N", "help", NULL },
        { "only", KILN_FLAG_COMMAS, &g.only, "A,B", "help", NULL },
        { "var", KILN_FLAG_EACH, &g.vars, "K=V", "help", NULL },
        { "ignored", KILN_FLAG_STRING, NULL, NULL, NULL, NULL },
        { 0 },
    };
    KILN_AUTO_STRV argv = { 0 };
    KILN_AUTO_STR shown = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int first = -1;
    bool ok;

    if (*line)
        kiln_strv_split(&argv, line, '|');
    ok = kiln_flags_parse(flags, (int)argv.n, argv.v, &first, &err);
    show(&g, first, &shown);
    if (error ? ok || strcmp(kiln_err_text(&err), error) != 0 || first != -1
              : !ok || strcmp(kiln_str_cstr(&shown), want) != 0)
        fail_msg("%s: got %s; %s", line, kiln_str_cstr(&shown), ok ? "ok" : kiln_err_text(&err));
    kiln_strv_done(&g.only);
    kiln_strv_done(&g.vars);
}

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_row(rows[i].line, rows[i].want, rows[i].error);
}

static void test_help(void **state)
{
    const struct kiln_flag flags[] = {
        { "force", KILN_FLAG_BOOL, NULL, NULL, "Do it.", NULL },
        { "hidden", KILN_FLAG_BOOL, NULL, NULL, NULL, NULL },
        { "var", KILN_FLAG_EACH, NULL, "NAME=VALUE", "Set it.", NULL },
        { "a-name-with-which-nothing-lines-up", KILN_FLAG_EACH, NULL, "X", "Long.", NULL },
        { 0 },
    };
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_flags_help(flags, &out);
    assert_string_equal(kiln_str_cstr(&out), "  -force                     Do it.\n"
                                             "  -var=NAME=VALUE            Set it.\n"
                                             "  -a-name-with-which-nothing-lines-up=X Long.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
