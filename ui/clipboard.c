#include "ui/clipboard.h"

#include <stdlib.h>

#include "base/encode.h"
#include "ui/term/term.h"

/* Why the terminal cannot take it; NULL: it may. */
static const char *no_clipboard(void)
{
    const char *term = getenv("TERM");

    if (term && kiln_streq(term, "linux"))
        return "the Linux console has no clipboard";
    if (getenv("STY"))
        return "screen does not pass on what is copied";
    return NULL;
}

/*
 * OSC 52, "put this on the clipboard". xterm wants allowWindowOps for it. tmux does as its option
 * set-clipboard says: it must be "on" (the default, "external", ignores programs); then tmux keeps
 * it as a buffer, too, and hands it on to its own terminal.
 */
bool kiln_clipboard_copy(struct kiln_console *c, const char *text, size_t len)
{
    struct kiln_term *term = kiln_console_term(c);
    const char *why = no_clipboard();
    KILN_AUTO_STR osc = { 0 };

    if (why) {
        kiln_console_error(c, "%s; \"copy FILE\" writes a file", why);
        return false;
    }
    kiln_str_adds(&osc, "\033]52;c;");
    kiln_base64_add(&osc, text, len);
    kiln_str_adds(&osc, "\a");
    if (term)
        kiln_term_raw(term, osc.data, osc.len);
    return true;
}
