#include "base/strv.h"

#include <assert.h>

#include "base/mem.h"
#include "base/str.h"

void kiln_strv_done(struct kiln_strv *sv)
{
    for (size_t i = 0; i < sv->n && !sv->borrowed; i++)
        free(sv->v[i]);
    free(sv->v);
    *sv = (struct kiln_strv){ 0 };
}

static void push(struct kiln_strv *sv, char *s)
{
    if (sv->n + 2 > sv->cap) {
        sv->cap = sv->cap ? sv->cap * 2 : 8;
        sv->v = kiln_xrealloc(sv->v, sv->cap, sizeof(*sv->v));
    }
    sv->v[sv->n++] = s;
    sv->v[sv->n] = NULL;
}

/* From here on the items are the list's own. */
static void own(struct kiln_strv *sv)
{
    for (size_t i = 0; i < sv->n && sv->borrowed; i++)
        sv->v[i] = kiln_xstrdup(sv->v[i]);
    sv->borrowed = false;
}

void kiln_strv_add(struct kiln_strv *sv, const char *s)
{
    kiln_strv_add_take(sv, kiln_xstrdup(s));
}

void kiln_strv_addf(struct kiln_strv *sv, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kiln_strv_add_take(sv, kiln_xvasprintf(fmt, ap));
    va_end(ap);
}

void kiln_strv_add_take(struct kiln_strv *sv, char *s)
{
    assert(s);
    own(sv);
    push(sv, s);
}

void kiln_strv_add_borrowed(struct kiln_strv *sv, const char *s)
{
    if (sv->n > 0 && !sv->borrowed) {
        kiln_strv_add(sv, s);
        return;
    }
    sv->borrowed = true;
    push(sv, (char *)s); /* never written to, nor freed */
}

void kiln_strv_add_all(struct kiln_strv *sv, const struct kiln_strv *from)
{
    for (size_t i = 0; i < from->n; i++)
        kiln_strv_add(sv, from->v[i]);
}

void kiln_strv_set(struct kiln_strv *sv, size_t i, const char *s)
{
    char *copy = kiln_xstrdup(s); /* s may be the string replaced */

    assert(i < sv->n && copy);
    own(sv);
    free(sv->v[i]);
    sv->v[i] = copy;
}

static bool find(const struct kiln_strv *sv, const char *s, size_t *ret_i)
{
    for (size_t i = 0; i < sv->n; i++) {
        if (strcmp(sv->v[i], s) == 0) {
            *ret_i = i;
            return true;
        }
    }
    return false;
}

bool kiln_strv_has(const struct kiln_strv *sv, const char *s)
{
    size_t i;

    return find(sv, s, &i);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void kiln_strv_sort(struct kiln_strv *sv)
{
    if (sv->n > 1)
        qsort(sv->v, sv->n, sizeof(*sv->v), compare);
}

void kiln_strv_split(struct kiln_strv *sv, const char *s, char sep)
{
    if (!*s)
        return;
    for (;;) {
        const char *end = strchrnul(s, sep);

        kiln_strv_add_take(sv, kiln_xstrndup(s, (size_t)(end - s)));
        if (!*end)
            return;
        s = end + 1;
    }
}

char *kiln_strv_join(const struct kiln_strv *sv, const char *sep)
{
    struct kiln_str out = { 0 };

    for (size_t i = 0; i < sv->n; i++) {
        if (i)
            kiln_str_adds(&out, sep);
        kiln_str_adds(&out, sv->v[i]);
    }
    return kiln_str_steal(&out);
}

void kiln_strmap_done(struct kiln_strmap *m)
{
    kiln_strv_done(&m->keys);
    kiln_strv_done(&m->values);
}

void kiln_strmap_set(struct kiln_strmap *m, const char *key, const char *value)
{
    size_t i;

    if (find(&m->keys, key, &i)) {
        kiln_strv_set(&m->values, i, value);
        return;
    }
    kiln_strv_add(&m->keys, key);
    kiln_strv_add(&m->values, value);
}

const char *kiln_strmap_get(const struct kiln_strmap *m, const char *key)
{
    size_t i;

    return find(&m->keys, key, &i) ? m->values.v[i] : NULL;
}

void kiln_strmap_copy(struct kiln_strmap *to, const struct kiln_strmap *from)
{
    for (size_t i = 0; i < from->keys.n; i++)
        kiln_strmap_set(to, from->keys.v[i], from->values.v[i]);
}
