/* The terminal's clipboard. */
#ifndef KILN_UI_CLIPBOARD_H
#define KILN_UI_CLIPBOARD_H

#include "ui/pane.h"

/** Put text on it. False: the terminal cannot take it, and the user has been told why. */
bool kiln_clipboard_copy(struct kiln_console *c, const char *text, size_t len);

#endif
