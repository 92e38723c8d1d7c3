#include "template/diag.h"

#include <stdarg.h>

#include "base/mem.h"

static void item_done(struct kiln_diag_item *item)
{
    kiln_source_unref(item->source);
    kiln_strv_done(&item->builds);
    free(item->text);
    free(item->fix);
}

void kiln_diag_done(struct kiln_diag *d)
{
    for (size_t i = 0; i < d->n; i++)
        item_done(&d->items[i]);
    free(d->items);
    *d = (struct kiln_diag){ 0 };
}

/* The same mistake in a part that several builds share. */
static struct kiln_diag_item *find_same(struct kiln_diag *d, enum kiln_severity severity,
                                        const struct kiln_source *source, size_t offset,
                                        const char *fix, const char *text)
{
    for (size_t i = 0; d->build && source && i < d->n; i++) {
        struct kiln_diag_item *item = &d->items[i];

        if (item->severity == severity && item->source == source && item->offset == offset &&
            item->builds.n > 0 && kiln_streq(item->fix, fix) && kiln_streq(item->text, text))
            return item;
    }
    return NULL;
}

/* Takes text. */
static void add(struct kiln_diag *d, enum kiln_severity severity, struct kiln_source *source,
                size_t offset, const char *fix, char *text)
{
    /* Warnings leave room for the errors that follow them. */
    size_t max = severity == KILN_ERROR ? KILN_MAX_DIAG : KILN_MAX_DIAG / 2;

    struct kiln_diag_item *same = find_same(d, severity, source, offset, fix, text);

    d->errors += severity == KILN_ERROR;
    if (same) {
        if (!kiln_strv_has(&same->builds, d->build))
            kiln_strv_add(&same->builds, d->build);
        free(text);
        return;
    }
    if (d->n >= max) {
        d->dropped++;
        free(text);
        return;
    }
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 8;
        d->items = kiln_xrealloc(d->items, d->cap, sizeof(*d->items));
    }
    d->items[d->n++] = (struct kiln_diag_item){
        .severity = severity,
        .source = kiln_source_ref(source),
        .offset = offset,
        .text = text,
        .fix = kiln_xstrdup(fix),
    };
    if (d->build)
        kiln_strv_add(&d->items[d->n - 1].builds, d->build);
}

bool kiln_diag_error(struct kiln_diag *d, struct kiln_source *source, size_t offset,
                     const char *fix, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(d, KILN_ERROR, source, offset, fix, kiln_xvasprintf(fmt, ap));
    va_end(ap);
    return false;
}

void kiln_diag_warning(struct kiln_diag *d, struct kiln_source *source, size_t offset,
                       const char *fix, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(d, KILN_WARNING, source, offset, fix, kiln_xvasprintf(fmt, ap));
    va_end(ap);
}

bool kiln_diag_take(struct kiln_diag *d, struct kiln_source *source, size_t offset,
                    struct kiln_err *err)
{
    add(d, KILN_ERROR, source, offset, NULL, kiln_xstrdup(kiln_err_text(err)));
    kiln_err_clear(err);
    return false;
}

const char *kiln_did_you_mean(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word);
    unsigned best = len < 4 ? 2 : len < 10 ? 3 : 4; /* the distance has to be below this */
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned distance = kiln_edit_distance(word, candidates[i]);

        if (distance < best) {
            best = distance;
            found = candidates[i];
        }
    }
    return found;
}
