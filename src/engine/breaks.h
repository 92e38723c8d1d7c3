/*
 * Breakpoints of one build, against what the build does. A place is kept in its canonical form: one
 * that names three provisioners becomes three breakpoints. What is not known yet (the builder's
 * steps) is kept as it was written until it is. Private to engine/; the debugger's lock is over it.
 */
#ifndef KILN_ENGINE_BREAKS_H
#define KILN_ENGINE_BREAKS_H

#include "engine/place.h"

struct kiln_place_vec {
    struct kiln_place *v; /* owned */
    size_t n;
};
void kiln_place_vec_done(struct kiln_place_vec *vec);
/** Is the canonical place `here` in it? */
bool kiln_place_vec_hit(const struct kiln_place_vec *vec, const struct kiln_place *here);

struct kiln_breaks {
    struct kiln_places places;
    bool complete; /* places has the steps, too: no name comes any more */
    struct kiln_place_vec set;
    size_t *elements; /* owned: of each row of the boot command; NULL: not known */
    size_t n_rows;
    uint64_t keys; /* key events of all of it */
};
void kiln_breaks_done(struct kiln_breaks *b);

/** All places that p means, canonical. USER if there are none and there will be none. */
bool kiln_breaks_resolve(const struct kiln_breaks *b, const struct kiln_place *p,
                         struct kiln_place_vec *ret, struct kiln_err *err);
/** Set or remove. USER: it names nothing; there is none to be removed. */
bool kiln_breaks_change(struct kiln_breaks *b, const struct kiln_place *p, bool on,
                        struct kiln_err *err);
/** The steps are in places now: what was not known is resolved; errors get one text for each that
 *  names nothing, and those are gone. */
void kiln_breaks_complete(struct kiln_breaks *b, struct kiln_strv *errors);
/** So much will be typed (copied): errors get one text for each breakpoint behind its end. They
 *  stay, an edit may bring what they name. */
void kiln_breaks_boot(struct kiln_breaks *b, const size_t *elements, size_t n_rows, uint64_t keys,
                      struct kiln_strv *errors);
/** USER: the place is behind the end of what will be typed, as far as that is known. */
bool kiln_breaks_reach(const struct kiln_breaks *b, const struct kiln_place *p,
                       struct kiln_err *err);
void kiln_breaks_list(const struct kiln_breaks *b, struct kiln_strv *ret); /* specs; adds */

#endif
