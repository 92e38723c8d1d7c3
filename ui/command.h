/* The command line's commands: every action by its word, with its argument. */
#ifndef KILN_UI_COMMAND_H
#define KILN_UI_COMMAND_H

#include <stdbool.h>

struct kiln_console;

/** "search foo", "next", "set max-bps 9600". Says what is wrong, with what was probably meant. */
void kiln_command_run(struct kiln_console *c, const char *line);
/** Tab in the command line: complete the word before the cursor. */
void kiln_command_complete(struct kiln_console *c, bool backwards);

#endif
