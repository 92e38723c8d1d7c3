/*
 * Component options as data. One const table per component says name, type, place in the struct,
 * default and help; from it come decoding with Packer's weak typing, defaults, unknown-key errors
 * with a did-you-mean, release of the struct, and `kiln help COMPONENT`.
 * Source: packer-core.md, section 9; provision-postprocess.md, section 1.
 *
 *     struct my_config { char *target; int64_t wait_ns; bool headless; struct kiln_strv lines; };
 *     static const struct kiln_field my_fields[] = {
 *         { "target", KILN_STRING, offsetof(struct my_config, target), .help = "file to write" },
 *         { "wait", KILN_DURATION, offsetof(struct my_config, wait_ns), .def = "10s" },
 *         { "lines", KILN_STRINGS, offsetof(struct my_config, lines), .flags = KILN_RAW },
 *         { 0 },
 *     };
 *     const struct kiln_schema my_schema = { "file", "writes a file", my_fields, NULL };
 */
#ifndef KILN_CONFIG_CONFIG_H
#define KILN_CONFIG_CONFIG_H

#include "template/interp.h"
#include "template/node.h"

enum kiln_field_type {
    KILN_STRING,      /* char *: owned, NULL if unset or "", and without default */
    KILN_BOOL,        /* bool */
    KILN_TRIBOOL,     /* enum kiln_tristate (template.h) */
    KILN_INT,         /* int64_t */
    KILN_DURATION,    /* int64_t: NANOseconds; a JSON number means nanoseconds */
    KILN_STRINGS,     /* struct kiln_strv; a string splits at commas, a scalar is one element */
    KILN_STRING_ROWS, /* struct kiln_rows: list of lists of strings */
    KILN_STRING_MAP,  /* struct kiln_strmap */
    KILN_INTS,        /* struct kiln_ints */
    KILN_NESTED,      /* a struct described by .nested, at the field's offset */
};

struct kiln_rows {
    struct kiln_strv *rows; /* owned */
    size_t n;
};
struct kiln_ints {
    int64_t *v; /* owned */
    size_t n;
};

/* Field flags */
#define KILN_RAW        (1u << 0) /* rendered when used, only parsed at prepare time */
#define KILN_SECRET     (1u << 1) /* its value is registered for redaction */
#define KILN_DEPRECATED (1u << 2) /* accepted; .help says what replaces it; a warning is given */
#define KILN_REMOVED    (1u << 3) /* `Deprecated configuration key: 'K'…`, an error */
#define KILN_HIDDEN     (1u << 4) /* not in help */
#define KILN_TRIED      (1u << 5) /* raw, but rendered at prepare time for the mistakes in it */
#define KILN_OPEN       (1u << 6) /* a name or path that everybody sees: what is in it is no secret */

struct kiln_schema;

struct kiln_field {
    const char *name; /* NULL ends the table */
    enum kiln_field_type type;
    size_t offset; /* in the component's struct */
    unsigned flags;
    /* Default as text, decoded like a template's string but never rendered; NULL: the zero value.
     * As in Packer's components, a text, number or duration that is written as "", 0 or "0s" gets
     * it, too; a list only if the key is absent or null. */
    const char *def;
    const char *help;                 /* one or two sentences: meaning, unit, allowed values */
    const struct kiln_schema *nested; /* KILN_NESTED only */
    const char *const *choices;       /* allowed texts, NULL-terminated, or NULL; help and check */
    const char *choice_error;         /* the exact error if none matches; NULL: a general one */
};

struct kiln_schema {
    const char *name;    /* "qemu", "shell-local" */
    const char *summary; /* one line for `kiln help` */
    const struct kiln_field *fields;
    /* Tables of other structs that are members of this one (communicator, iso, http …), keys on the
     * same level. Ended by .schema NULL; the pointer may be NULL. */
    const struct kiln_include {
        const struct kiln_schema *schema;
        size_t offset;
    } * includes;
};

/* What decoding and a component's prepare() may know. All borrowed. */
struct kiln_prepare {
    const struct kiln_schema *schema;
    const struct kiln_node *const *nodes; /* config, then override; objects */
    size_t n_nodes;
    const struct kiln_interp *interp; /* user variables, build name and type, template dir */
    struct kiln_diag *diag;
    struct kiln_strv *secrets; /* values of KILN_SECRET fields are added */
    const char *where;         /* "builder qemu", "provisioner 2 (shell)": for messages */
    bool debug, force;
    bool network_ok; /* prepare may ask the network (checksum files) */
};

/** Set every field to its default (or zero). The struct must be zeroed or decoded before. */
void kiln_config_defaults(const struct kiln_schema *schema, void *cfg);
/**
 * Defaults, then the nodes one on top of the other, every string that is not RAW rendered: scalars
 * replace, maps merge, lists overlay element by element and keep the longer tail. null is as if the
 * key were absent. Reports all problems; false if a value could not be had, and cfg still has to be
 * released. A value that is not among its field's choices is reported and kept: prepare() can then
 * report the rest. Unknown keys stand alone: nothing else is checked then. Lists keep strings of
 * the nodes, whose tree must outlive cfg.
 */
bool kiln_config_decode(const struct kiln_prepare *p, void *cfg);
/** Release what the fields own and zero them; the struct itself is the caller's. */
void kiln_config_done(const struct kiln_schema *schema, void *cfg);
/** The texts of all fields that have one of these flags, appended. */
void kiln_config_texts(const struct kiln_schema *schema, void *cfg, unsigned flags,
                       struct kiln_strv *ret);
/** The names of all options that have one of these flags, appended. */
void kiln_config_names(const struct kiln_schema *schema, unsigned flags, struct kiln_strv *ret);
/** Was the key written in the template (in any of the nodes), and not as null? "map.key" works. */
bool kiln_config_is_set(const struct kiln_prepare *p, const char *key);
/** An error (or warning) placed at the value of `key`, or at the component if it is absent or NULL.
 */
bool kiln_config_error(const struct kiln_prepare *p, const char *key, const char *fmt, ...)
    KILN_PRINTF(3, 4);
void kiln_config_warning(const struct kiln_prepare *p, const char *key, const char *fmt, ...)
    KILN_PRINTF(3, 4);
/** `kiln help COMPONENT`: summary, then each option with type, default, help. */
void kiln_config_help(const struct kiln_schema *schema, struct kiln_str *out);

#endif
