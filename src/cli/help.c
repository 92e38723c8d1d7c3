#include "cli/commands.h"

static void list_commands(void)
{
    kiln_cli_printf("kiln builds machine images from Packer templates.\n\nCommands "
                    "(kiln COMMAND -h tells their flags):\n");
    for (const struct kiln_command_info *c = kiln_commands(); c->name; c++)
        kiln_cli_printf("  kiln %-10s %-18s %s\n", c->name, c->args, c->summary);
}

static void list_schema(const struct kiln_schema *s)
{
    kiln_cli_printf("  %-16s %s\n", s->name, s->summary);
}

static void list_components(void)
{
    const struct kiln_registry *r = kiln_registry();

    kiln_cli_printf("\nBuilders:\n");
    for (size_t i = 0; r->builders[i]; i++)
        list_schema(r->builders[i]->schema);
    kiln_cli_printf("\nProvisioners:\n");
    for (size_t i = 0; r->provisioners[i]; i++)
        list_schema(r->provisioners[i]->schema);
    kiln_cli_printf("\nPost-processors:\n");
    for (size_t i = 0; r->postprocessors[i]; i++)
        list_schema(r->postprocessors[i]->schema);
    kiln_cli_printf("\nkiln help COMPONENT lists the options of one of them.\n");
}

static void show(const char *kind, const struct kiln_schema *s, size_t *found)
{
    KILN_AUTO_STR text = { 0 };

    kiln_str_addf(&text, "%s%s ", (*found)++ ? "\n" : "", kind);
    kiln_config_help(s, &text);
    kiln_cli_print(text.data, text.len);
}

/* A name may be a provisioner's and a post-processor's: show both. */
static size_t show_component(const char *name)
{
    const struct kiln_registry *r = kiln_registry();
    size_t found = 0;

    for (size_t i = 0; r->builders[i]; i++) {
        if (kiln_streq(r->builders[i]->schema->name, name))
            show("Builder", r->builders[i]->schema, &found);
    }
    for (size_t i = 0; r->provisioners[i]; i++) {
        if (kiln_streq(r->provisioners[i]->schema->name, name))
            show("Provisioner", r->provisioners[i]->schema, &found);
    }
    for (size_t i = 0; r->postprocessors[i]; i++) {
        if (kiln_streq(r->postprocessors[i]->schema->name, name))
            show("Post-processor", r->postprocessors[i]->schema, &found);
    }
    return found;
}

/* A component or a command. */
static const char *guess_name(const char *word)
{
    const struct kiln_registry *r = kiln_registry();
    const char *names[64], *guess;
    size_t n = 0;

    for (size_t i = 0; r->builders[i] && n < KILN_COUNT(names); i++)
        names[n++] = r->builders[i]->schema->name;
    for (size_t i = 0; r->provisioners[i] && n < KILN_COUNT(names); i++)
        names[n++] = r->provisioners[i]->schema->name;
    for (size_t i = 0; r->postprocessors[i] && n < KILN_COUNT(names); i++)
        names[n++] = r->postprocessors[i]->schema->name;
    guess = kiln_did_you_mean(word, names, n);
    return guess ? guess : kiln_command_guess(word);
}

int kiln_cmd_help(const struct kiln_cli *cli, int argc, char **argv)
{
    const char *guess;

    if (argc == 0 || argv[0][0] == '-' || kiln_streq(argv[0], "help")) {
        list_commands();
        list_components();
        return 0;
    }
    for (const struct kiln_command_info *c = kiln_commands(); c->name; c++) {
        if (kiln_streq(c->name, argv[0]))
            return c->run(cli, 1, (char *[]){ (char[]){ "-h" }, NULL });
    }
    if (show_component(argv[0]) > 0)
        return 0;
    kiln_cli_printf("kiln help: no command or component is called \"%s\"\n", argv[0]);
    guess = guess_name(argv[0]);
    if (guess)
        kiln_cli_printf("  did you mean \"%s\"?\n", guess);
    else
        list_components();
    return 1;
}
