#include "cli/commands.h"

int kiln_cmd_version(const struct kiln_cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (cli->machine) {
        kiln_cli_record(cli, "version", (const char *[]){ KILN_VERSION }, 1);
        kiln_cli_record(cli, "version-prelease", (const char *[]){ "" }, 1);
        kiln_cli_record(cli, "version-commit", (const char *[]){ "" }, 1);
    }
    kiln_cli_say(cli, "say", "kiln v%s (templates of Packer %s)", KILN_VERSION,
                 KILN_PACKER_VERSION);
    return 0;
}
