#include "ui/places.h"

#include "base/mem.h"

/* The model's names, borrowed; "" where one is not known yet. */
static struct kiln_places places_of(const struct kiln_model_build *b)
{
    struct kiln_places places = { 0 };

    for (size_t list = 0; list < KILN_PLACES__N; list++) {
        for (size_t i = 0; i < b->lists[list].n; i++) {
            const char *name = b->lists[list].v[i].name;

            kiln_strv_add_borrowed(&places.names[list], name ? name : "");
        }
    }
    return places;
}

char *kiln_step_place(const struct kiln_model_build *b, enum kiln_place_list list, size_t i,
                      bool after)
{
    KILN_CLEANUP(kiln_places_done) struct kiln_places places = places_of(b);
    KILN_AUTO_FREE char *name = kiln_place_name(&places, list, i);

    return kiln_xasprintf("%s:%s", after ? "after" : "before", name);
}

static const char *find_break(const struct kiln_model_build *b, const struct kiln_places *places,
                              enum kiln_place_list list, size_t i, enum kiln_place_kind kind)
{
    for (size_t k = 0; k < b->n_breaks; k++) {
        const struct kiln_model_place *p = &b->breaks[k];

        if (p->known && p->at.kind == kind && kiln_place_names(&p->at, places, list, i))
            return p->text;
    }
    return NULL;
}

const char *kiln_step_break(const struct kiln_model_build *b, enum kiln_place_list list, size_t i,
                            bool after)
{
    KILN_CLEANUP(kiln_places_done) struct kiln_places places = { 0 };

    if (b->n_breaks == 0)
        return NULL;
    places = places_of(b);
    return find_break(b, &places, list, i, after ? KILN_PLACE_AFTER : KILN_PLACE_BEFORE);
}

/* Does a breakpoint stop at one of the steps that the place names? */
static bool has_step_break(const struct kiln_model_build *b, const struct kiln_place *at)
{
    KILN_CLEANUP(kiln_places_done) struct kiln_places places = places_of(b);

    for (int l = 0; l < KILN_PLACES__N; l++) {
        enum kiln_place_list list = (enum kiln_place_list)l;

        for (size_t i = 0; i < b->lists[list].n; i++)
            if (kiln_place_names(at, &places, list, i) && find_break(b, &places, list, i, at->kind))
                return true;
    }
    return false;
}

bool kiln_place_has_break(const struct kiln_model_build *b, const char *place)
{
    KILN_CLEANUP(kiln_place_done) struct kiln_place at = { 0 };

    if (!kiln_place_parse(place, &at, NULL))
        return false;
    for (size_t i = 0; i < b->n_breaks; i++)
        if (b->breaks[i].known && kiln_place_same(&b->breaks[i].at, &at))
            return true;
    return (at.kind == KILN_PLACE_BEFORE || at.kind == KILN_PLACE_AFTER) && has_step_break(b, &at);
}
