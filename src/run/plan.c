#include "run/plan.h"

#include <errno.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"
#include "lookup/lookup.h"
#include "redact/redact.h"
#include "run/global_config.h"
#include "template/edit.h"

#define MAX_TEMPLATES 6 /* whose names are told in place of one that is not there */

void kiln_plan_options_done(struct kiln_plan_options *o)
{
    kiln_var_flags_done(&o->vars);
    kiln_strv_done(&o->only);
    kiln_strv_done(&o->build.except);
    kiln_strv_done(&o->build.breaks);
}

void kiln_plan_done(struct kiln_plan *p)
{
    for (size_t i = 0; i < p->n_builds; i++)
        kiln_build_free(p->builds[i]);
    free(p->builds);
    kiln_strv_done(&p->names);
    kiln_strv_done(&p->secrets);
    kiln_vars_done(&p->vars);
    kiln_edit_free(p->file);
    kiln_template_free(p->tpl);
    kiln_diag_done(&p->diag);
    *p = (struct kiln_plan){ 0 };
}

/* HCL2 has its own file names; saying so beats a JSON syntax error at line 1. */
static bool looks_like_hcl(const char *path)
{
    return kiln_has_suffix(path, ".pkr.hcl") || kiln_has_suffix(path, ".pkr.json") ||
           kiln_has_suffix(path, ".hcl");
}

/* Templates beside one that is not there. Caller frees; NULL: none. */
static char *suggest_template(const char *path)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(path), *joined = NULL;
    const char *slash = strrchr(path, '/'), *guess;
    KILN_AUTO_STRV names = { 0 }, templates = { 0 };

    (void)kiln_fs_list(dir, &names, NULL);
    KILN_STRV_FOREACH (name, &names) {
        if (kiln_has_suffix(name, ".json"))
            kiln_strv_add(&templates, name);
    }
    guess =
        kiln_did_you_mean(slash ? slash + 1 : path, (const char *const *)templates.v, templates.n);
    if (guess)
        return kiln_xasprintf("did you mean %.*s%s?", slash ? (int)(slash + 1 - path) : 0, path,
                              guess);
    if (templates.n == 0 || templates.n > MAX_TEMPLATES)
        return NULL;
    joined = kiln_strv_join(&templates, ", ");
    return kiln_xasprintf("JSON files in %s: %s", dir, joined);
}

bool kiln_plan_read(const char *path, struct kiln_source **ret, struct kiln_diag *diag)
{
    static const char fix[] = "name a template in JSON, as packer build takes it";
    KILN_AUTO_FREE char *guess = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (!path[0])
        return kiln_diag_error(diag, NULL, KILN_NO_PLACE, "is a variable of the shell not set?",
                               "the template's name is empty");
    if (kiln_fs_is_dir(path))
        return kiln_diag_error(diag, NULL, KILN_NO_PLACE, fix,
                               "%s is a directory: HCL2 templates are not supported yet", path);
    if (looks_like_hcl(path))
        return kiln_diag_error(diag, NULL, KILN_NO_PLACE, fix,
                               "%s: HCL2 templates are not supported yet", path);
    if (kiln_source_read(ret, path, &err))
        return true;
    if (err.os_errno != ENOENT)
        return kiln_diag_take(diag, NULL, KILN_NO_PLACE, &err);
    guess = suggest_template(path);
    return kiln_diag_error(diag, NULL, KILN_NO_PLACE, guess, "%s", kiln_err_text(&err));
}

bool kiln_plan_parse(struct kiln_plan *p, const struct kiln_plan_options *o)
{
    struct kiln_source *source = NULL;

    p->start_us = kiln_clock_wall_us();
    kiln_uuid_time(p->run_uuid);
    if (!kiln_global_config_check(&p->diag) || !kiln_plan_read(o->path, &source, &p->diag))
        return false;
    p->tpl = kiln_template_load(source, o->path, &p->diag);
    p->file = kiln_edit_new(o->path, source);
    kiln_source_unref(source);
    return p->tpl != NULL;
}

bool kiln_plan_vars(struct kiln_plan *p, const struct kiln_plan_options *o)
{
    KILN_CLEANUP(kiln_lookups_freep) struct kiln_lookups *lookups = kiln_lookups_new(NULL);
    bool ok = kiln_vars_resolve(p->tpl, &o->vars, p->start_us, kiln_lookups_interp(lookups),
                                &p->vars, &p->diag);

    kiln_lookups_secrets(lookups, &p->vars.sensitive); /* as part of a value, too */
    return ok;
}

bool kiln_plan_init(struct kiln_plan *p, const struct kiln_plan_options *o)
{
    if (!kiln_plan_vars(p, o))
        return false;
    return kiln_template_check(p->tpl, &p->vars, p->start_us, &p->names, &p->diag);
}

static bool selected(const struct kiln_plan_options *o, const char *name)
{
    if (o->only_given && !kiln_strv_has(&o->only, name))
        return false;
    return !kiln_strv_has(&o->build.except, name);
}

static int by_name(const void *a, const void *b)
{
    const struct kiln_build *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* A build that was only to be checked leaves nothing but its secrets. */
static void keep(struct kiln_plan *p, struct kiln_build *b, bool check_only)
{
    if (check_only)
        kiln_build_free(b);
    else
        p->builds[p->n_builds++] = b;
}

/* Names of -only and -except that nothing has: most likely misspelt, and Packer does not say so. */
static void check_names(struct kiln_plan *p, const char *flag, const struct kiln_strv *given,
                        const struct kiln_strv *known)
{
    KILN_STRV_FOREACH (name, given) {
        const char *guess = kiln_did_you_mean(name, (const char *const *)known->v, known->n);
        KILN_AUTO_FREE char *fix = guess ? kiln_xasprintf("did you mean \"%s\"?", guess) : NULL;

        if (name[0] && !kiln_strv_has(known, name))
            kiln_diag_warning(&p->diag, NULL, KILN_NO_PLACE, fix, "%s: nothing is called \"%s\"",
                              flag, name);
    }
}

static void check_selection(struct kiln_plan *p, const struct kiln_plan_options *o)
{
    KILN_AUTO_STRV all = { 0 };

    if (p->n_selected == 0 && !o->check_only)
        return; /* told as an error */
    kiln_strv_add_all(&all, &p->names);
    check_names(p, "-only", &o->only, &all);
    for (size_t i = 0; i < p->tpl->n_sequences; i++)
        for (size_t k = 0; k < p->tpl->sequences[i].n; k++)
            kiln_strv_add(&all, p->tpl->sequences[i].items[k].name);
    check_names(p, "-except", &o->build.except, &all);
}

/* A build is known by its label, in events and in commands. Events have secrets replaced: by those
 * of this build in its worker, by those of all in the supervisor. So the label has to be free of
 * them, or the two speak of different builds. */
static void hide_in_labels(struct kiln_plan *p)
{
    KILN_AUTO_REDACTOR *redactor = NULL;
    KILN_AUTO_STRV secrets = { 0 }, taken = { 0 };

    kiln_plan_secrets(p, &secrets);
    if (!kiln_redactor_build(&secrets, &redactor, NULL))
        return; /* nor does the supervisor start then */
    for (size_t i = 0; i < p->n_builds; i++) {
        struct kiln_build *b = p->builds[i];
        KILN_AUTO_STR shown = { 0 };
        size_t len;

        kiln_redact_text(redactor, b->label, strlen(b->label), &shown);
        len = shown.len;
        for (size_t n = 2; kiln_strv_has(&taken, kiln_str_cstr(&shown)); n++) {
            kiln_str_truncate(&shown, len);
            kiln_str_addf(&shown, "-%zu", n);
        }
        free(b->label);
        b->label = kiln_str_steal(&shown);
        kiln_strv_add(&taken, b->label);
    }
}

bool kiln_plan_prepare(struct kiln_plan *p, const struct kiln_plan_options *o)
{
    size_t n = p->tpl->builders.n;
    bool ok = true;

    p->builds = kiln_xcalloc(n, sizeof(struct kiln_build *));
    for (size_t i = 0; i < n; i++) {
        struct kiln_build *b;

        if (!selected(o, p->names.v[i]))
            continue;
        p->n_selected++;
        b = kiln_build_prepare(p->tpl, &p->vars, &p->tpl->builders.items[i], p->names.v[i],
                               kiln_registry(), &o->build, p->start_us, p->run_uuid, &p->secrets,
                               &p->diag);
        if (b)
            keep(p, b, o->check_only);
        else
            ok = false;
    }
    check_selection(p, o);
    if (p->n_builds > 0) /* qsort wants a non-NULL base */
        qsort(p->builds, p->n_builds, sizeof(*p->builds), by_name);
    hide_in_labels(p);
    return ok;
}

void kiln_plan_secrets(const struct kiln_plan *p, struct kiln_strv *ret)
{
    kiln_strv_add_all(ret, &p->vars.sensitive);
    kiln_strv_add_all(ret, &p->secrets);
}

/* ---- saving a boot command ---- */

static size_t builder_index(const struct kiln_plan *p, const struct kiln_build *b)
{
    size_t i = 0;

    while (i < p->names.n && !kiln_streq(p->names.v[i], b->name))
        i++;
    return i;
}

/* What a client saw of the template's own lines. */
static bool redact_lines(const struct kiln_plan *p, const struct kiln_strv *own,
                         struct kiln_strv *ret, struct kiln_err *err)
{
    KILN_AUTO_REDACTOR *redactor = NULL;
    KILN_AUTO_STRV secrets = { 0 };

    kiln_plan_secrets(p, &secrets);
    if (!kiln_redactor_build(&secrets, &redactor, err))
        return false;
    KILN_STRV_FOREACH (line, own) {
        KILN_AUTO_STR shown = { 0 };

        kiln_redact_text(redactor, line, strlen(line), &shown);
        kiln_strv_add(ret, kiln_str_cstr(&shown));
    }
    return true;
}

bool kiln_plan_write_boot(struct kiln_plan *p, const struct kiln_build *b, int64_t row,
                          const struct kiln_strv *lines, char **ret_backup, struct kiln_err *err)
{
    KILN_AUTO_STRV own = { 0 }, shown = { 0 }, now = { 0 };
    size_t builder = builder_index(p, b);

    if (row < 0)
        return kiln_err_set(err, KILN_ERR_USER, "the boot command has no row %lld",
                            (long long)row + 1);
    return kiln_edit_lines(p->file, builder, (size_t)row, &own, err) &&
           redact_lines(p, &own, &shown, err) &&
           kiln_edit_restore(&own, &shown, lines, KILN_REDACTED, &now, err) &&
           kiln_edit_boot(p->file, builder, (size_t)row, &now, ret_backup, err);
}
