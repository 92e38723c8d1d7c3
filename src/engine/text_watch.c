#include "engine/text_watch.h"

#include "base/mem.h"
#include "base/regex.h"

struct kiln_text_watch {
    struct kiln_regex *re; /* owned */
    bool shown;            /* when we looked last */
    bool wanted;
};

static void drop_unwanted(struct kiln_text_watches *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (w->v[i].wanted)
            w->v[n++] = w->v[i];
        else
            kiln_regex_free(w->v[i].re);
    }
    w->n = n;
}

void kiln_text_watches_done(struct kiln_text_watches *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->v[i].wanted = false;
    drop_unwanted(w);
    free(w->v);
    *w = (struct kiln_text_watches){ 0 };
}

static void want(struct kiln_text_watches *w, const char *pattern)
{
    struct kiln_regex *re;

    for (size_t i = 0; i < w->n; i++) {
        if (!kiln_streq(kiln_regex_pattern(w->v[i].re), pattern))
            continue;
        w->v[i].wanted = true;
        return;
    }
    if (!kiln_regex_new(&re, pattern, NULL))
        return; /* it was tried when the place was made */
    w->v = kiln_xrealloc(w->v, w->n + 1, sizeof(*w->v));
    w->v[w->n++] = (struct kiln_text_watch){ .re = re, .wanted = true };
}

static void want_all(struct kiln_text_watches *w, const struct kiln_place_vec *places)
{
    for (size_t i = 0; i < places->n; i++)
        if (places->v[i].kind == KILN_PLACE_TEXT)
            want(w, places->v[i].name);
}

bool kiln_text_watches_set(struct kiln_text_watches *w, const struct kiln_place_vec *a,
                           const struct kiln_place_vec *b)
{
    for (size_t i = 0; i < w->n; i++)
        w->v[i].wanted = false;
    want_all(w, a);
    want_all(w, b);
    drop_unwanted(w);
    return w->n > 0;
}

static bool matches(struct kiln_regex *re, const struct kiln_strv *rows)
{
    KILN_STRV_FOREACH (row, rows) {
        if (kiln_regex_in_row(re, row))
            return true;
    }
    return false;
}

const char *kiln_text_watches_look(struct kiln_text_watches *w, const struct kiln_strv *rows)
{
    const char *found = NULL;

    for (size_t i = 0; i < w->n; i++) {
        bool shown = matches(w->v[i].re, rows);

        if (shown && !w->v[i].shown && !found)
            found = kiln_regex_pattern(w->v[i].re);
        w->v[i].shown = shown;
    }
    return found;
}
