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

const char *kiln_step_break(const struct kiln_model_build *b, enum kiln_model_list list, size_t i,
                            bool after)
{
    KILN_STRV_FOREACH (spec, &b->breaks) {
        const char *slash = strrchr(spec, '/'), *place = slash ? slash + 1 : spec;
        bool is_after = kiln_has_prefix(place, "after:");

        if (kiln_has_prefix(place, "before:"))
            place += strlen("before:");
        else if (is_after)
            place += strlen("after:");
        else if (strchr(place, ':'))
            continue;
        if (is_after == after && names(place, b, list, i))
            return spec;
    }
    return NULL;
}
