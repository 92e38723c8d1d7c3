/*
 * The template model: what a template says, whatever language it is written in. Immutable after
 * kiln_template_load; the supervisor makes it and every worker inherits it by fork.
 * Source: packer-core.md, sections 5 and 7.
 */
#ifndef KILN_TEMPLATE_TEMPLATE_H
#define KILN_TEMPLATE_TEMPLATE_H

#include "base/strv.h"
#include "template/node.h"

struct kiln_lookup;

/* The release whose behaviour kiln follows: min_packer_version, {{packer_version}}. */
#define KILN_PACKER_VERSION "1.16.0"

struct kiln_variable {
    char *name;                   /* owned */
    char *default_value;          /* owned; NULL: required */
    size_t offset;                /* of its key */
    const struct kiln_node *node; /* its value in the template: a string or null */
};

enum kiln_tristate { KILN_UNSET, KILN_NO, KILN_YES };

/* A builder, provisioner or post-processor as written. */
struct kiln_component {
    char *type;                     /* owned */
    char *name;                     /* owned; builder and post-processor: default is type */
    const struct kiln_node *node;   /* the whole object (or string, for a post-processor) */
    const struct kiln_node *config; /* without the keys that the core consumes; always an object */
    struct kiln_strv only, except;  /* raw names */
    const struct kiln_node *override; /* object: builder name -> object; NULL: none */
    /* Nanoseconds, because a bare number means that and is announced so ("Pausing 10ns before"). */
    int64_t pause_before_ns; /* 0: none */
    int64_t timeout_ns;      /* 0: none; negative: expires at once */
    char *max_retries;       /* owned; text, may hold {{ }}; NULL: none */
    enum kiln_tristate keep_input_artifact;
};

struct kiln_component_list {
    struct kiln_component *items; /* owned */
    size_t n;
};

struct kiln_template {
    struct kiln_tree *tree; /* owns all nodes */
    char *path;             /* as given; "-" for stdin */
    char *dir;              /* absolute directory of the file; cwd for stdin */
    char *description;      /* owned, or NULL */
    char *min_version;      /* min_packer_version, or NULL */
    struct kiln_component_list builders;
    struct kiln_component_list provisioners;
    struct kiln_component *cleanup;        /* error-cleanup-provisioner, or NULL; owned */
    struct kiln_component_list *sequences; /* post-processor sequences */
    size_t n_sequences;
    struct kiln_variable *variables; /* in source order */
    size_t n_variables;
    struct kiln_strv sensitive; /* variable names */
};

/** Parse and check the shape. NULL if errors were added to diag. */
struct kiln_template *kiln_template_load(struct kiln_source *source, const char *path,
                                         struct kiln_diag *diag);
void kiln_template_free(struct kiln_template *t);

/* ---- variables: values for one run ---- */

struct kiln_vars {
    /* Every variable, fully rendered. Plain text from here on: a value that holds "{{" (a password
     * from the environment, say) is never parsed again, where Packer fails every component. */
    struct kiln_strmap values;
    /* Values (not names) that must never be shown; none is empty: of sensitive variables, and of
     * those that were looked up. Also set when resolving fails. */
    struct kiln_strv sensitive;
};
void kiln_vars_done(struct kiln_vars *v);

struct kiln_var_flags {
    struct kiln_strv sets;  /* -var, "k=v", in order */
    struct kiln_strv files; /* -var-file, in order */
};
void kiln_var_flags_done(struct kiln_var_flags *f);

/**
 * Precedence, required variables, rendering to a fixed point. packer-core.md, section 7.
 * @start_us  Unix microseconds that timestamp & co use for the whole run
 * @lookup   for {{vault}} and its like; NULL: they are not allowed
 */
bool kiln_vars_resolve(const struct kiln_template *t, const struct kiln_var_flags *flags,
                       int64_t start_us, const struct kiln_lookup *lookup, struct kiln_vars *ret,
                       struct kiln_diag *diag);

/** Only: variable files are there, and are objects of strings. */
bool kiln_vars_check_files(const struct kiln_template *t, const struct kiln_strv *files,
                           struct kiln_diag *diag);

/**
 * The checks of Packer's init phase that need rendered builder names: at least one builder, names
 * unique after rendering, only/except/override name existing builders, min_packer_version.
 * @vars       NULL: resolving them failed; only what needs no values is checked, so that the user
 *             sees more than one mistake per run
 * @ret_names  the rendered name of each builder, in template order; set on success with vars
 */
bool kiln_template_check(const struct kiln_template *t, const struct kiln_vars *vars,
                         int64_t start_us, struct kiln_strv *ret_names, struct kiln_diag *diag);

/** Does only/except of `c` let it take part in the build of the raw builder name? */
bool kiln_component_applies(const struct kiln_component *c, const char *raw_builder_name);

#endif
