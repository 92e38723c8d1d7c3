/* The console of ui/, loaded when it is wanted, for `kiln tui` and `kiln attach`. */
#ifndef KILN_CLI_CONSOLE_H
#define KILN_CLI_CONSOLE_H

#include "cli/commands.h"
#include "ui/console.h"

#define KILN_CONSOLE_FLAGS 3
/** Writes KILN_CONSOLE_FLAGS flags that set `o`. */
void kiln_console_flags(struct kiln_console_options *o, struct kiln_flag *ret);

/** Is there a terminal, and is the key map in order? Says so if not. */
bool kiln_console_possible(const struct kiln_cli *cli, const struct kiln_console_options *o);

/** Open the console on a run (as kiln_client_open takes it); returns the exit code. */
int kiln_console(const struct kiln_cli *cli, const char *run, const struct kiln_console_options *o);

#endif
