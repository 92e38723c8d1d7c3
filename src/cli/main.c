#include "base/process.h"
#include "cli/commands.h"

static void print_help(void)
{
    kiln_cli_printf("Usage: kiln [--version] [--help] COMMAND [ARGS]\n\nCommands:\n");
    for (const struct kiln_command_info *c = kiln_commands(); c->name; c++)
        kiln_cli_printf("    %-12s %s\n", c->name, c->summary);
}

static bool is_any(const char *word, const char *a, const char *b, const char *c)
{
    return kiln_streq(word, a) || kiln_streq(word, b) || kiln_streq(word, c);
}

/* -machine-readable may stand anywhere; the first one is taken out. */
static int take_machine_flag(int argc, char **argv, bool *ret)
{
    for (int i = 1; i < argc; i++) {
        if (!kiln_streq(argv[i], "-machine-readable") && !kiln_streq(argv[i], "--machine-readable"))
            continue;
        memmove(argv + i, argv + i + 1, (size_t)(argc - i) * sizeof(*argv));
        *ret = true;
        return argc - 1;
    }
    return argc;
}

int main(int argc, char **argv)
{
    struct kiln_cli cli = { 0 };

    kiln_process_setup();
    argc = take_machine_flag(argc, argv, &cli.machine);
    if (argc < 2) {
        print_help();
        return 127;
    }
    if (is_any(argv[1], "-v", "-version", "--version"))
        return kiln_cmd_version(&cli, 0, NULL);
    if (is_any(argv[1], "-h", "-help", "--help")) {
        print_help();
        return 0;
    }
    if (argv[1][0] == '-') {
        kiln_cli_printf("Invalid flags before the subcommand: %s\n"
                        "Put flags after the command: kiln build %s TEMPLATE\n",
                        argv[1], argv[1]);
        return 1;
    }
    for (const struct kiln_command_info *c = kiln_commands(); c->name; c++) {
        if (kiln_streq(argv[1], c->name))
            return kiln_cli_end(c->run(&cli, argc - 2, argv + 2));
    }
    kiln_cli_printf("kiln: unknown command \"%s\"\n", argv[1]);
    if (kiln_command_guess(argv[1])) {
        kiln_cli_printf("  did you mean \"%s\"?\n", kiln_command_guess(argv[1]));
        return 127;
    }
    kiln_cli_printf("\n");
    print_help();
    return 127;
}
