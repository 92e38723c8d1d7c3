/*
 * Post-processors: every sequence starts from the builder's artifact; an artifact that nobody keeps
 * is destroyed. Source: provision-postprocess.md, section 9. Unlike Packer, a failure destroys
 * nothing that the builder made: hours of work are not thrown away for a typo in a manifest.
 */
#include "engine/postprocess.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/debugger.h"
#include "engine/step.h"

struct chain {
    struct kiln_build *b;
    struct kiln_artifact *built; /* the builder's */
    bool keep_built;
    size_t number;  /* of the next post-processor, over all sequences */
    bool cancelled; /* looked at once, so that what is done and what is said agree */
    struct kiln_results results;
    struct kiln_strv errors;
    struct kiln_strv stranded; /* texts of artifacts that a failed sequence leaves behind */
};

void kiln_results_done(struct kiln_results *r)
{
    for (size_t i = 0; i < r->n; i++)
        kiln_artifact_unref(r->v[i]);
    free(r->v);
    *r = (struct kiln_results){ 0 };
}

static void results_insert(struct kiln_results *r, size_t at, struct kiln_artifact *a)
{
    r->v = kiln_xrealloc(r->v, r->n + 1, sizeof(struct kiln_artifact *));
    memmove(r->v + at + 1, r->v + at, (r->n - at) * sizeof(struct kiln_artifact *));
    r->v[at] = kiln_artifact_ref(a);
    r->n++;
}

static bool keeps_input(const struct kiln_build_postprocessor *pp)
{
    switch (pp->decl->keep_input_artifact) {
    case KILN_UNSET:
        return pp->ops->keep_input;
    case KILN_YES:
        return true;
    case KILN_NO:
        return pp->ops->keep_input && pp->ops->keep_input_forced;
    }
    return true;
}

static bool process_one(struct kiln_build *b, const struct kiln_build_postprocessor *pp,
                        struct kiln_artifact *in, struct kiln_artifact **ret, struct kiln_err *err)
{
    const char *name = pp->decl->name, *type = pp->decl->type;
    KILN_AUTO_FREE char *target = kiln_xasprintf("%s (%s)", b->label, type);
    const char *outer = b->target;
    bool ok;

    if (strcmp(name, type) == 0)
        kiln_say(b, "Running post-processor: %s", type);
    else
        kiln_say(b, "Running post-processor: %s (type %s)", name, type);
    b->target = target;
    ok = pp->ops->process(pp->cfg, b, in, ret, err);
    b->target = outer;
    return ok;
}

/* The same with a stop before and after it. */
static bool process_numbered(struct chain *c, size_t i, const struct kiln_build_postprocessor *pp,
                             struct kiln_artifact *in, struct kiln_artifact **ret,
                             struct kiln_err *err)
{
    const enum kiln_place_list list = KILN_PLACES_POSTPROCESSORS;
    const char *type = pp->decl->type;
    bool ok;

    (void)kiln_debugger_before(c->b, list, i);
    if (kiln_cancel_fired(c->b->cancel))
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    kiln_step_tell(c->b, list, i, type, KILN_STEP_PENDING, KILN_STEP_RUNNING);
    ok = process_one(c->b, pp, in, ret, err);
    kiln_step_tell(c->b, list, i, type, KILN_STEP_RUNNING, ok ? KILN_STEP_DONE : KILN_STEP_FAILED);
    if (ok)
        kiln_debugger_after(c->b, list, i);
    return ok;
}

static bool is_inside(const char *file, const char *dir)
{
    KILN_AUTO_FREE char *path = kiln_path_abs(file), *root = kiln_path_abs(dir);
    size_t len = strlen(root);

    return strncmp(path, root, len) == 0 && path[len] == '/';
}

/* The file of `made` that was made inside of a directory that would be destroyed with `a`, or NULL.
 */
static const char *made_inside(const struct kiln_artifact *made, const struct kiln_artifact *a)
{
    KILN_STRV_FOREACH (file, &made->files) {
        KILN_STRV_FOREACH (own, &a->own) {
            if (is_inside(file, own) && !kiln_strv_has(&a->files, file))
                return file;
        }
    }
    return NULL;
}

/* Must `a` stay, though nobody keeps it, for what a post-processor wrote beside its files? */
static bool is_needed(const struct chain *c, const struct kiln_artifact *a,
                      const struct kiln_artifact *out)
{
    const char *file = out ? made_inside(out, a) : NULL;

    for (size_t i = 0; i < c->results.n && !file; i++)
        file = made_inside(c->results.v[i], a);
    if (file)
        kiln_say(c->b, "Keeping %s: %s lies in it", a->text, kiln_path_base(file));
    return file != NULL;
}

static void destroy(struct chain *c, struct kiln_artifact *a, const char *type)
{
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_artifact_destroy(a, &err))
        kiln_strv_addf(&c->errors, "Failed cleaning up prior artifact: %s; pp is %s",
                       kiln_err_text(&err), type);
}

/* What becomes of the input of member i, now that the member is done with it. */
static void settle_input(struct chain *c, const struct kiln_build_postprocessor *pp, size_t i,
                         struct kiln_artifact *in, const struct kiln_artifact *out)
{
    bool keep = keeps_input(pp) || out == in;

    if (i == 0)
        c->keep_built = c->keep_built || keep;
    else if (keep || is_needed(c, in, out))
        results_insert(&c->results, c->results.n, in);
    else
        destroy(c, in, pp->decl->type);
}

static void run_sequence(struct chain *c, const struct kiln_build_sequence *seq)
{
    struct kiln_artifact *prior = kiln_artifact_ref(c->built);
    size_t number = c->number;

    c->number += seq->n;
    for (size_t i = 0; i < seq->n; i++) {
        struct kiln_artifact *out = NULL;
        KILN_AUTO_ERR err = { 0 };

        if (!process_numbered(c, number + i, &seq->items[i], prior, &out, &err)) {
            kiln_strv_addf(&c->errors, "Post-processor failed: %s", kiln_err_text(&err));
            if (prior != c->built)
                kiln_strv_add(&c->stranded, prior->text);
        }
        if (!out) { /* failed, or nothing to go on with */
            kiln_artifact_unref(prior);
            return;
        }
        settle_input(c, &seq->items[i], i, prior, out);
        kiln_artifact_unref(prior);
        prior = out;
    }
    results_insert(&c->results, c->results.n, prior);
    kiln_artifact_unref(prior);
}

/* The builder's artifact at the end; only a clean run may destroy it. */
static void settle_built(struct chain *c)
{
    KILN_AUTO_ERR err = { 0 };

    if (c->keep_built || c->errors.n > 0 || c->cancelled || is_needed(c, c->built, NULL))
        results_insert(&c->results, 0, c->built);
    else if (!kiln_artifact_destroy(c->built, &err))
        kiln_strv_addf(&c->errors, "Error destroying builder artifact: %s; bad artifact: %s",
                       kiln_err_text(&err), c->built->text);
}

static bool failure(const struct chain *c, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    if (c->cancelled)
        return kiln_err_set(err, KILN_ERR_CANCELLED,
                            "Build was cancelled.\nThe builder's artifact is kept: %s",
                            c->built->text);
    kiln_str_addf(&text, "%zu error(s) occurred:\n", c->errors.n);
    KILN_STRV_FOREACH (one, &c->errors) {
        kiln_str_addf(&text, "\n* %s", one);
    }
    kiln_str_addf(&text, "\n\nThe builder's artifact is kept: %s", c->built->text);
    KILN_STRV_FOREACH (one, &c->stranded) {
        kiln_str_addf(&text, "\nSo is what was made of it: %s", one);
    }
    return kiln_err_set(err, KILN_ERR_REMOTE, "%s", kiln_str_cstr(&text));
}

bool kiln_postprocess(struct kiln_build *b, struct kiln_artifact *built, struct kiln_results *ret,
                      struct kiln_err *err)
{
    struct chain c = { .b = b, .built = built, .keep_built = b->n_sequences == 0 };
    bool ok;

    for (size_t i = 0; i < b->n_sequences && !kiln_cancel_fired(b->cancel); i++)
        run_sequence(&c, &b->sequences[i]);
    c.cancelled = kiln_cancel_fired(b->cancel);
    settle_built(&c);
    ok = c.errors.n == 0 && !c.cancelled;
    if (!ok)
        (void)failure(&c, err);
    *ret = c.results;
    kiln_strv_done(&c.errors);
    kiln_strv_done(&c.stranded);
    return ok;
}
