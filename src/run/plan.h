/*
 * A plan: template, variables and prepared builds of one run. Made by the supervisor (and by
 * validate and inspect), inherited by the workers through fork. One thread.
 */
#ifndef KILN_RUN_PLAN_H
#define KILN_RUN_PLAN_H

#include "engine/build.h"

struct kiln_plan_options {
    const char *path; /* template; "-" is stdin */
    struct kiln_var_flags vars;
    bool only_given; /* -only= with nothing after it selects no build */
    struct kiln_strv only;
    bool check_only; /* keep no build: a template needs the memory of one, however many it has */
    struct kiln_build_options build; /* its `except` names builds, too */
};
void kiln_plan_options_done(struct kiln_plan_options *o);

struct kiln_plan {
    struct kiln_template *tpl; /* NULL if it could not be parsed */
    struct kiln_edit *file;    /* the template's file, to be written */
    struct kiln_vars vars;
    struct kiln_strv names;     /* rendered builder names, in template order */
    struct kiln_build **builds; /* owned; sorted by name; those that could be prepared */
    size_t n_builds;
    struct kiln_strv secrets; /* of all builds that could be prepared */
    size_t n_selected;        /* builders that -only and -except leave */
    struct kiln_diag diag;
    int64_t start_us;
    char run_uuid[37];
};
void kiln_plan_done(struct kiln_plan *p);

/** Read a template's file; an error names it and what may have been meant. */
bool kiln_plan_read(const char *path, struct kiln_source **ret, struct kiln_diag *diag);
/** Read and parse; problems are in p->diag. */
bool kiln_plan_parse(struct kiln_plan *p, const struct kiln_plan_options *o);
/**
 * The values of variables; Vault and its like are asked for some. What was looked up counts as
 * sensitive, also after an error. After kiln_plan_parse.
 */
bool kiln_plan_vars(struct kiln_plan *p, const struct kiln_plan_options *o);
/** kiln_plan_vars and the checks of the init phase. */
bool kiln_plan_init(struct kiln_plan *p, const struct kiln_plan_options *o);
/** Prepare every selected build; false if any failed (the others are in p->builds). */
bool kiln_plan_prepare(struct kiln_plan *p, const struct kiln_plan_options *o);

/** Every value that must not be shown, of variables and of all builds. */
void kiln_plan_secrets(const struct kiln_plan *p, struct kiln_strv *ret);

/**
 * Save a build's boot command into the template (template/edit.h). Lines that a client got with
 * secrets hidden and did not change become what they were.
 * @ret_backup  path of the old file; "" if nothing changed. Caller frees.
 */
bool kiln_plan_write_boot(struct kiln_plan *p, const struct kiln_build *b, int64_t row,
                          const struct kiln_strv *lines, char **ret_backup, struct kiln_err *err);

/** All components that kiln has. */
const struct kiln_registry *kiln_registry(void);

#endif
