/* Finds rows that have only moved up or down (a log that follows, a list that scrolls): moving them
 * on the terminal takes thirty bytes, writing them anew a thousand. Pure. */
#ifndef KILN_UI_SCROLL_H
#define KILN_UI_SCROLL_H

#include "ui/term/canvas.h"

struct kiln_scroll {
    int top, bottom; /* rows of the region, both in it */
    int by;          /* > 0: up by so many rows, < 0: down */
};

/** Both canvases have the same size. False: nothing that is worth it. */
bool kiln_scroll_find(const struct kiln_canvas *was, const struct kiln_canvas *now,
                      struct kiln_scroll *ret);
/** Do to the picture what a terminal does; rows that come in are blank. */
void kiln_scroll_apply(struct kiln_canvas *c, const struct kiln_scroll *s);

#endif
