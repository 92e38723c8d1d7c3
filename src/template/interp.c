#include "template/interp.h"

#include "base/limits.h"
#include "base/mem.h"
#include "template/interp_priv.h"

#define MAX_PASSES 100

bool kiln_interp_has_action(const char *text)
{
    return strstr(text, "{{") != NULL;
}

bool kiln_interp_render(const struct kiln_interp *ctx, const char *text, struct kiln_str *out,
                        size_t *ret_offset, struct kiln_err *err)
{
    char first[4096]; /* enough for nearly every string of a template */
    KILN_AUTO_ARENA arena = { 0 };
    const struct kiln_interp_def *defs;
    size_t len = strlen(text), start = out->len;

    if (!kiln_interp_has_action(text)) {
        kiln_str_add(out, text, len);
        return kiln_str_ok(out, "the rendered text", err);
    }
    kiln_arena_init(&arena, first, sizeof(first));
    if (!kiln_interp_parse(&arena, text, len, &defs, ret_offset, err) ||
        !kiln_interp_eval(ctx, &arena, defs, text, out, ret_offset, err))
        return false;
    if (!memchr(kiln_str_cstr(out) + start, '\0', out->len - start))
        return true;
    kiln_str_truncate(out, start);
    if (ret_offset)
        *ret_offset = 0;
    return kiln_err_set(err, KILN_ERR_USER, "the rendered text would hold a NUL character");
}

/* What of the text is an action, each by itself; what is none stays. */
static bool render_pieces(const struct kiln_interp *ctx, const char *text, struct kiln_str *out,
                          struct kiln_err *err)
{
    const char *p = text, *start, *end;

    for (; (start = strstr(p, "{{")) && (end = strstr(start, "}}")); p = start + 2) {
        const char *inner = strstr(start + 2, "{{");
        KILN_AUTO_FREE char *piece = kiln_xstrndup(start, (size_t)(end + 2 - start));

        kiln_str_add(out, p, (size_t)(start - p));
        if ((inner && inner < end) || !kiln_interp_check(ctx, piece, NULL, NULL)) {
            kiln_str_adds(out, "{{");
            continue;
        }
        if (!kiln_interp_render(ctx, piece, out, NULL, err))
            return false;
        start = end; /* go on behind it */
    }
    kiln_str_adds(out, p);
    return true;
}

bool kiln_interp_render_again(const struct kiln_interp *ctx, const char *text, struct kiln_str *out,
                              struct kiln_err *err)
{
    KILN_AUTO_STR now = KILN_STR_MAX(KILN_MAX_RENDERED), next = KILN_STR_MAX(KILN_MAX_RENDERED);

    kiln_str_adds(&now, text);
    for (int i = 0; i < MAX_PASSES && kiln_interp_has_action(kiln_str_cstr(&now)); i++) {
        struct kiln_str swap = now;
        bool whole = kiln_interp_check(ctx, kiln_str_cstr(&now), NULL, NULL);

        kiln_str_clear(&next);
        if (!(whole ? kiln_interp_render(ctx, kiln_str_cstr(&now), &next, NULL, err)
                    : render_pieces(ctx, kiln_str_cstr(&now), &next, err)) ||
            !kiln_str_ok(&next, "the rendered text", err))
            return false;
        now = next;
        next = swap;
        if (strcmp(kiln_str_cstr(&now), kiln_str_cstr(&next)) == 0)
            break;
    }
    kiln_str_add(out, kiln_str_cstr(&now), now.len);
    return kiln_str_ok(out, "the rendered text", err);
}

bool kiln_interp_render_stable(const struct kiln_interp *ctx, const char *text,
                               struct kiln_str *out, struct kiln_err *err)
{
    KILN_AUTO_STR once = { 0 };

    return kiln_interp_render(ctx, text, &once, NULL, err) &&
           kiln_interp_render_again(ctx, kiln_str_cstr(&once), out, err);
}

bool kiln_interp_check(const struct kiln_interp *ctx, const char *text, size_t *ret_offset,
                       struct kiln_err *err)
{
    char first[4096];
    KILN_AUTO_ARENA arena = { 0 };
    const struct kiln_interp_def *defs;

    (void)ctx; /* which functions there are does not depend on it, only what they do */
    if (!kiln_interp_has_action(text))
        return true;
    kiln_arena_init(&arena, first, sizeof(first));
    return kiln_interp_parse(&arena, text, strlen(text), &defs, ret_offset, err);
}
