/* The place of a field in its struct, whatever its type. */
#include "base/mem.h"
#include "config/value.h"
#include "template/template.h"

bool kiln_value_is_empty(const struct kiln_field *f, const void *cfg)
{
    const void *at = (const char *)cfg + f->offset;
    const char *text;

    switch (f->type) {
    case KILN_STRING:
        text = *(char *const *)at;
        return !text || !text[0];
    case KILN_TRIBOOL:
        return *(const enum kiln_tristate *)at == KILN_UNSET;
    case KILN_INT:
    case KILN_DURATION:
        return *(const int64_t *)at == 0;
    case KILN_BOOL:
    case KILN_STRINGS:
    case KILN_STRING_ROWS:
    case KILN_STRING_MAP:
    case KILN_INTS:
    case KILN_NESTED:
        break;
    }
    return false;
}

void kiln_value_add_texts(const struct kiln_field *f, const void *cfg, struct kiln_strv *to)
{
    const void *at = (const char *)cfg + f->offset;
    const struct kiln_rows *rows = at;

    switch (f->type) {
    case KILN_STRING:
        if (*(char *const *)at)
            kiln_strv_add(to, *(char *const *)at);
        break;
    case KILN_STRINGS:
        kiln_strv_add_all(to, at);
        break;
    case KILN_STRING_ROWS:
        for (size_t i = 0; i < rows->n; i++)
            kiln_strv_add_all(to, &rows->rows[i]);
        break;
    case KILN_STRING_MAP:
        kiln_strv_add_all(to, &((const struct kiln_strmap *)at)->values);
        break;
    case KILN_BOOL:
    case KILN_TRIBOOL:
    case KILN_INT:
    case KILN_DURATION:
    case KILN_INTS:
    case KILN_NESTED:
        break;
    }
}

static void clear_rows(struct kiln_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        kiln_strv_done(&rows->rows[i]);
    free(rows->rows);
    *rows = (struct kiln_rows){ 0 };
}

void kiln_value_clear(const struct kiln_field *f, void *cfg)
{
    void *at = (char *)cfg + f->offset;

    switch (f->type) {
    case KILN_STRING:
        free(*(char **)at);
        *(char **)at = NULL;
        break;
    case KILN_BOOL:
        *(bool *)at = false;
        break;
    case KILN_TRIBOOL:
        *(enum kiln_tristate *)at = KILN_UNSET;
        break;
    case KILN_INT:
    case KILN_DURATION:
        *(int64_t *)at = 0;
        break;
    case KILN_STRINGS:
        kiln_strv_done(at);
        break;
    case KILN_STRING_ROWS:
        clear_rows(at);
        break;
    case KILN_STRING_MAP:
        kiln_strmap_done(at);
        break;
    case KILN_INTS:
        free(((struct kiln_ints *)at)->v);
        *(struct kiln_ints *)at = (struct kiln_ints){ 0 };
        break;
    case KILN_NESTED:
        break;
    }
}
