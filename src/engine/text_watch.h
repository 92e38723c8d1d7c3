/*
 * Which of the texts that somebody waits for are on the guest's screen. Private to engine/; the
 * debugger's lock is over it.
 */
#ifndef KILN_ENGINE_TEXT_WATCH_H
#define KILN_ENGINE_TEXT_WATCH_H

#include "base/strv.h"
#include "engine/breaks.h"

struct kiln_text_watch;
struct kiln_text_watches {
    struct kiln_text_watch *v; /* owned */
    size_t n;
};
void kiln_text_watches_done(struct kiln_text_watches *w);
/** Watch for the TEXT places of a and b, and for no others. True: there are some. */
bool kiln_text_watches_set(struct kiln_text_watches *w, const struct kiln_place_vec *a,
                           const struct kiln_place_vec *b);
/** The screen shows these rows: the first expression that appears, or NULL. One that is watched for
 *  since it was there already appears, too. Borrowed. */
const char *kiln_text_watches_look(struct kiln_text_watches *w, const struct kiln_strv *rows);

#endif
