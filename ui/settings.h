/* `set NAME VALUE`. */
#ifndef KILN_UI_SETTINGS_H
#define KILN_UI_SETTINGS_H

#include <stdbool.h>

struct kiln_console;

/** "NAME VALUE"; "NAME" alone says what it is. */
void kiln_settings_command(struct kiln_console *c, const char *arg);
/** False (and said at the bottom) if that cannot be set. */
bool kiln_settings_set(struct kiln_console *c, const char *name, const char *value);

#endif
