#include "engine/breaks.h"

#include "base/limits.h"
#include "base/mem.h"

void kiln_place_vec_done(struct kiln_place_vec *vec)
{
    for (size_t i = 0; i < vec->n; i++)
        kiln_place_done(&vec->v[i]);
    free(vec->v);
    *vec = (struct kiln_place_vec){ 0 };
}

#define NOWHERE SIZE_MAX

static size_t index_of(const struct kiln_place_vec *vec, const struct kiln_place *p)
{
    for (size_t i = 0; i < vec->n; i++) {
        if (kiln_place_same(&vec->v[i], p))
            return i;
    }
    return NOWHERE;
}

static void add_take(struct kiln_place_vec *vec, struct kiln_place p)
{
    if (index_of(vec, &p) != NOWHERE) {
        kiln_place_done(&p);
        return;
    }
    vec->v = kiln_xrealloc(vec->v, vec->n + 1, sizeof(*vec->v));
    vec->v[vec->n++] = p;
}

static void remove_at(struct kiln_place_vec *vec, size_t i)
{
    kiln_place_done(&vec->v[i]);
    memmove(vec->v + i, vec->v + i + 1, (--vec->n - i) * sizeof(*vec->v));
}

bool kiln_place_vec_hit(const struct kiln_place_vec *vec, const struct kiln_place *here)
{
    for (size_t i = 0; i < vec->n; i++) {
        const struct kiln_place *p = &vec->v[i];

        if (p->kind == here->kind && p->number == here->number && kiln_streq(p->name, here->name) &&
            (p->row < 0 || p->row == (here->row < 0 ? 0 : here->row)))
            return true;
    }
    return false;
}

void kiln_breaks_done(struct kiln_breaks *b)
{
    kiln_places_done(&b->places);
    kiln_place_vec_done(&b->set);
    free(b->elements);
}

static bool names_something(const struct kiln_place *p)
{
    switch (p->kind) {
    case KILN_PLACE_BEFORE:
    case KILN_PLACE_AFTER:
        return true;
    case KILN_PLACE_ELEMENT:
    case KILN_PLACE_KEY:
    case KILN_PLACE_BOOT_END:
    case KILN_PLACE_TEXT:
        return false;
    }
    return false;
}

static struct kiln_place copy(const struct kiln_place *p)
{
    struct kiln_place c = *p;

    c.build = NULL; /* whoever asked has looked at it */
    c.name = kiln_xstrdup(p->name);
    return c;
}

static struct kiln_place canonical(const struct kiln_breaks *b, enum kiln_place_kind kind,
                                   enum kiln_place_list list, size_t i)
{
    struct kiln_place c = { .kind = kind, .row = -1 };

    if (list == KILN_PLACES_STEPS) {
        c.name = kiln_xstrdup(b->places.names[list].v[i]);
    } else {
        c.name = kiln_xstrdup(kiln_place_lists[list]);
        c.number = (int64_t)i + 1;
    }
    return c;
}

static bool unknown(const struct kiln_breaks *b, const struct kiln_place *p, struct kiln_err *err)
{
    KILN_AUTO_FREE char *guess = kiln_place_guess(p, &b->places);
    KILN_AUTO_STR spec = { 0 };

    kiln_place_format(p, &spec);
    (void)kiln_err_set(err, KILN_ERR_USER,
                       "\"%s\" names no step, provisioner or post-processor of this build",
                       kiln_str_cstr(&spec));
    if (guess && kiln_streq(guess, kiln_str_cstr(&spec)))
        guess[0] = '\0';
    if (guess && guess[0])
        (void)kiln_err_set(err, KILN_ERR_USER,
                           "\"%s\" names nothing in this build; did you mean "
                           "\"%s\"?",
                           kiln_str_cstr(&spec), guess);
    return false;
}

bool kiln_breaks_resolve(const struct kiln_breaks *b, const struct kiln_place *p,
                         struct kiln_place_vec *ret, struct kiln_err *err)
{
    struct kiln_place_vec found = { 0 };

    for (enum kiln_place_list list = 0; names_something(p) && list < KILN_PLACES__N; list++) {
        for (size_t i = 0; i < b->places.names[list].n; i++) {
            if (kiln_place_names(p, &b->places, list, i))
                add_take(&found, canonical(b, p->kind, list, i));
        }
    }
    if (found.n == 0 && names_something(p) && b->complete)
        return unknown(b, p, err);
    if (found.n == 0)
        add_take(&found, copy(p));
    *ret = found;
    return true;
}

static bool change_one(struct kiln_breaks *b, struct kiln_place *take, bool on)
{
    size_t at = index_of(&b->set, take);

    if (on) {
        add_take(&b->set, *take);
        *take = (struct kiln_place){ 0 };
        return true;
    }
    if (at == NOWHERE)
        return false;
    remove_at(&b->set, at);
    return true;
}

bool kiln_breaks_change(struct kiln_breaks *b, const struct kiln_place *p, bool on,
                        struct kiln_err *err)
{
    KILN_CLEANUP(kiln_place_vec_done) struct kiln_place_vec found = { 0 };
    KILN_AUTO_STR spec = { 0 };
    bool any = false;

    if (on && b->set.n >= KILN_MAX_BREAKS)
        return kiln_err_set(err, KILN_ERR_USER, "there are %d breakpoints, which is the most",
                            KILN_MAX_BREAKS);
    if ((on && !kiln_breaks_reach(b, p, err)) || !kiln_breaks_resolve(b, p, &found, err))
        return false;
    for (size_t i = 0; i < found.n; i++)
        any = change_one(b, &found.v[i], on) || any;
    if (any)
        return true;
    kiln_place_format(p, &spec);
    return kiln_err_set(err, KILN_ERR_USER, "there is no breakpoint at \"%s\"",
                        kiln_str_cstr(&spec));
}

void kiln_breaks_complete(struct kiln_breaks *b, struct kiln_strv *errors)
{
    struct kiln_place_vec before = b->set;

    b->set = (struct kiln_place_vec){ 0 };
    b->complete = true;
    for (size_t i = 0; i < before.n; i++) {
        KILN_AUTO_ERR err = { 0 };

        if (!kiln_breaks_change(b, &before.v[i], true, &err))
            kiln_strv_add(errors, kiln_err_text(&err));
    }
    kiln_place_vec_done(&before);
}

/* ---- the boot command ---- */

/* Elements of the row, or of the longest where none is named. */
static size_t elements_of(const struct kiln_breaks *b, int64_t row)
{
    size_t most = 0;

    for (size_t i = 0; i < b->n_rows; i++) {
        if ((row < 0 || row == (int64_t)i) && b->elements[i] > most)
            most = b->elements[i];
    }
    return most;
}

bool kiln_breaks_reach(const struct kiln_breaks *b, const struct kiln_place *p,
                       struct kiln_err *err)
{
    bool is_key = p->kind == KILN_PLACE_KEY;
    KILN_AUTO_STR spec = { 0 };
    uint64_t n;

    if (!b->elements || (!is_key && p->kind != KILN_PLACE_ELEMENT))
        return true;
    n = is_key ? b->keys : elements_of(b, p->row);
    if ((uint64_t)p->number < n)
        return true;
    kiln_place_format(p, &spec);
    return kiln_err_set(
        err, KILN_ERR_USER, "\"%s\" is behind the end of what is typed there, which has %llu %s",
        kiln_str_cstr(&spec), (unsigned long long)n, is_key ? "key events" : "elements");
}

void kiln_breaks_boot(struct kiln_breaks *b, const size_t *elements, size_t n_rows, uint64_t keys,
                      struct kiln_strv *errors)
{
    b->elements = kiln_xrealloc(b->elements, n_rows, sizeof(*b->elements));
    memcpy(b->elements, elements, n_rows * sizeof(*b->elements));
    b->n_rows = n_rows;
    b->keys = keys;
    for (size_t i = 0; i < b->set.n; i++) {
        KILN_AUTO_ERR err = { 0 };

        if (!kiln_breaks_reach(b, &b->set.v[i], &err))
            kiln_strv_add(errors, kiln_err_text(&err));
    }
}

void kiln_breaks_list(const struct kiln_breaks *b, struct kiln_strv *ret)
{
    for (size_t i = 0; i < b->set.n; i++) {
        KILN_AUTO_STR spec = { 0 };

        kiln_place_format(&b->set.v[i], &spec);
        kiln_strv_add(ret, kiln_str_cstr(&spec));
    }
}
