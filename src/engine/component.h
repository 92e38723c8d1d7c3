/*
 * The interfaces that builders, provisioners and post-processors implement, and the registry that
 * finds them by type. Each implementation is one file with one const ops table, listed in
 * registry.c of the layer above (run/).
 *
 * Life of a component: the supervisor decodes its options by the schema, calls prepare() (checks
 * between options; no side effects), forks; the worker calls run()/provision()/process() on its
 * main thread, once.
 */
#ifndef KILN_ENGINE_COMPONENT_H
#define KILN_ENGINE_COMPONENT_H

#include "config/config.h"
#include "engine/artifact.h"
#include "engine/communicator.h"

struct kiln_build;
struct kiln_rehearsal; /* builder/rehearsal.h */

struct kiln_builder_ops {
    const struct kiln_schema *schema; /* .name is the type */
    size_t cfg_size;
    const char *const *data_keys; /* extra names for {{build `K`}}; NULL-terminated or NULL */
    bool (*prepare)(void *cfg, const struct kiln_prepare *); /* reports; false if errors */
    /* Build, run the provisioners by kiln_build_provision(), return the artifact. */
    bool (*run)(void *cfg, struct kiln_build *, struct kiln_artifact **ret, struct kiln_err *);
    /* What would be typed; starts nothing. *ret is empty before. NULL: it types nothing. */
    void (*rehearse)(void *cfg, struct kiln_build *, struct kiln_rehearsal *ret);
    /* The directory of its results, once prepared. NULL: it makes none. */
    const char *(*output)(const void *cfg);
};

struct kiln_provisioner_ops {
    const struct kiln_schema *schema;
    size_t cfg_size;
    bool (*prepare)(void *cfg, const struct kiln_prepare *); /* may be NULL */
    /* `cancel` is the provisioner's own (its timeout fires it). */
    bool (*provision)(void *cfg, struct kiln_build *, struct kiln_communicator *,
                      struct kiln_cancel *cancel, struct kiln_err *);
};

struct kiln_postprocessor_ops {
    const struct kiln_schema *schema;
    size_t cfg_size;
    bool keep_input;        /* keep_input_artifact when the template does not say */
    bool keep_input_forced; /* … and even if it says no */
    bool (*prepare)(void *cfg, const struct kiln_prepare *); /* may be NULL */
    /* *ret may be `in` (then referenced again). */
    bool (*process)(void *cfg, struct kiln_build *, struct kiln_artifact *in,
                    struct kiln_artifact **ret, struct kiln_err *);
};

/* All known components; lists end with NULL. Injected, so that engine/ knows no implementation. */
struct kiln_registry {
    const struct kiln_builder_ops *const *builders;
    const struct kiln_provisioner_ops *const *provisioners;
    const struct kiln_postprocessor_ops *const *postprocessors;
};

#endif
