#include "ui/places.h"

#include <strings.h>

#include "base/mem.h"

static const char *const list_names[KILN_LIST__N] = {
    [KILN_LIST_PROVISIONERS] = "provisioner",
    [KILN_LIST_POSTPROCESSORS] = "post-processor",
};

char *kiln_step_place(const struct kiln_model_build *b, enum kiln_model_list list, size_t i,
                      bool after)
{
    const char *when = after ? "after" : "before";

    if (list_names[list])
        return kiln_xasprintf("%s:%s.%zu", when, list_names[list], i + 1);
    return kiln_xasprintf("%s:%s", when, b->lists[list].v[i].name);
}

static const char *without_step(const char *name)
{
    return strncasecmp(name, "step", 4) == 0 && name[4] ? name + 4 : name;
}

/* "stepRun", "shell.2", "provisioner.3": does it name entry i? */
static bool names(const char *spec, const struct kiln_model_build *b, enum kiln_model_list list,
                  size_t i)
{
    const struct kiln_model_step *v = b->lists[list].v;
    const char *dot = strrchr(spec, '.');
    KILN_AUTO_FREE char *name = kiln_xstrndup(spec, dot ? (size_t)(dot - spec) : strlen(spec));
    int64_t number = 0, count = 0;

    if (!v[i].name || (dot && !kiln_parse_i64(dot + 1, &number)))
        return false;
    if (list == KILN_LIST_STEPS)
        return strcasecmp(without_step(spec), without_step(v[i].name)) == 0;
    if (strcasecmp(name, list_names[list]) == 0)
        return number == 0 || number == (int64_t)i + 1;
    for (size_t k = 0; k <= i; k++)
        count += kiln_streq(v[k].name, v[i].name);
    return strcasecmp(name, v[i].name) == 0 && (number == 0 || number == count);
}

/* What of a place names a step or its like; NULL: it is another kind of place. */
static const char *name_in(const char *place, bool *ret_after)
{
    const char *slash = strrchr(place, '/');

    place = slash ? slash + 1 : place;
    *ret_after = kiln_has_prefix(place, "after:");
    if (kiln_has_prefix(place, "before:"))
        return place + strlen("before:");
    if (*ret_after)
        return place + strlen("after:");
    return strchr(place, ':') ? NULL : place;
}

const char *kiln_step_break(const struct kiln_model_build *b, enum kiln_model_list list, size_t i,
                            bool after)
{
    KILN_STRV_FOREACH (spec, &b->breaks) {
        bool is_after;
        const char *name = name_in(spec, &is_after);

        if (name && is_after == after && names(name, b, list, i))
            return spec;
    }
    return NULL;
}

bool kiln_place_has_break(const struct kiln_model_build *b, const char *place)
{
    bool after;
    const char *name = name_in(place, &after);

    if (kiln_strv_has(&b->breaks, place))
        return true;
    for (int l = 0; name && l < KILN_LIST__N; l++) {
        enum kiln_model_list list = (enum kiln_model_list)l;

        for (size_t i = 0; i < b->lists[list].n; i++)
            if (names(name, b, list, i) && kiln_step_break(b, list, i, after))
                return true;
    }
    return false;
}
