/* Searching the guest's text, and taking it along. */
#ifndef KILN_UI_SCREEN_SEARCH_H
#define KILN_UI_SCREEN_SEARCH_H

#include "ui/pane.h"
#include "ui/screen/screen_view.h"

struct kiln_screen_search { /* all zeroes: nothing is searched for */
    struct kiln_regex *re;  /* owned */
    int row;                /* where it was found */
};
void kiln_screen_search_done(struct kiln_screen_search *s);
/** search, search-next, search-previous, copy; false: it is none of them. */
bool kiln_screen_search_action(struct kiln_screen_search *s, struct kiln_console *c,
                               struct kiln_screen_view *view, enum kiln_action what,
                               const char *arg);

#endif
