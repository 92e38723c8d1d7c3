#include "base/clock.h"
#include "cli/commands.h"
#include "cli/machine.h"

int kiln_cmd_version(const struct kiln_cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (cli->machine) {
        KILN_AUTO_STR out = { 0 };
        int64_t now = kiln_clock_wall_us();

        kiln_machine_record(&out, now, "", "version", (const char *[]){ KILN_VERSION }, 1);
        kiln_machine_record(&out, now, "", "version-prelease", (const char *[]){ "" }, 1);
        kiln_machine_record(&out, now, "", "version-commit", (const char *[]){ "" }, 1);
        kiln_cli_print(out.data, out.len);
        return 0;
    }
    kiln_cli_printf("kiln v%s (templates of Packer %s)\n", KILN_VERSION, KILN_PACKER_VERSION);
    return 0;
}
