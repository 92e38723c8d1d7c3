/*
 * The {{ }} language: Go's text/template with Packer's functions, as templates in the wild use it.
 * Source: packer-core.md, section 6. Pure but for `env`, `pwd` and the clock values in the context.
 *
 * A context is filled by its owner and only read here; rendering is thread-safe on one context.
 */
#ifndef KILN_TEMPLATE_INTERP_H
#define KILN_TEMPLATE_INTERP_H

#include <stdint.h>

#include "base/str.h"
#include "base/strv.h"

/* In the error text of a {{user `k`}} that is not defined (undefined_user_is_error), before k. */
#define KILN_INTERP_NOT_SET "Error: variable not set: "

/* What else than the template a value may come from. */
enum kiln_lookup_kind {
    KILN_LOOKUP_CONSUL,  /* {{consul_key `name`}} */
    KILN_LOOKUP_VAULT,   /* {{vault `name` `key`}} */
    KILN_LOOKUP_AWS,     /* {{aws_secretsmanager `name` `key`}}; without a key that is "" */
    KILN_LOOKUP_AWS_RAW, /* {{aws_secretsmanager_raw `name`}} */
};

/* Who asks there; the template layer knows no network. */
struct kiln_lookup {
    /* Append the value to out. The error is a whole sentence, as the template's user reads it. */
    bool (*get)(void *ud, enum kiln_lookup_kind kind, const char *name, const char *key,
                struct kiln_str *out, struct kiln_err *err);
    void *ud;
};

/* One thing that `.Name` may be: a string, or (rarely) a list or map of strings. */
struct kiln_interp {
    const struct kiln_strmap *user;  /* {{user `k`}}; may be NULL */
    const struct kiln_strmap *data;  /* {{.Key}}; NULL: every field prints <no value> */
    const struct kiln_strmap *build; /* {{build `K`}} at run time; NULL: not available */
    /* Names that {{build `K`}} may ask for though `build` lacks them: it renders to {{.K}}. At
     * prepare time that is all of them. NULL: none; NULL-terminated. */
    const char *const *build_keys;
    const char *build_name;           /* {{build_name}}; NULL: not available */
    const char *build_type;           /* {{build_type}}; NULL: not available */
    const char *template_dir;         /* absolute; NULL: `template path not available` */
    int64_t start_us;                 /* Unix microseconds for timestamp, isotime, strftime */
    bool allow_env;                   /* only while variables are rendered */
    const struct kiln_lookup *lookup; /* as allow_env; NULL: not allowed here */
    bool undefined_user_is_error;     /* inside variables; elsewhere an undefined one is "" */
    bool strict_fields;    /* a field that data lacks is an error (boot_command, qemuargs …) */
    const char *data_type; /* Go-like type name for that error; NULL: "data" */
};

/**
 * Render `text`. Errors carry Packer's wording (`template: root:1:3: executing …`) without the
 * `invalid 'FIELD':` around it; the caller adds that, and *ret_offset (may be NULL) is the byte
 * offset in text that the error is about, for the caret.
 */
bool kiln_interp_render(const struct kiln_interp *ctx, const char *text, struct kiln_str *out,
                        size_t *ret_offset, struct kiln_err *err);

/**
 * Render again and again until the text stops changing (at most 100 times). From the second time on
 * what does not parse came from a value (a password with "{{", say) and stays as it is.
 */
bool kiln_interp_render_stable(const struct kiln_interp *ctx, const char *text,
                               struct kiln_str *out, struct kiln_err *err);

/** The same for a text that was rendered before: from the first time on. */
bool kiln_interp_render_again(const struct kiln_interp *ctx, const char *text, struct kiln_str *out,
                              struct kiln_err *err);

/** Only parse: syntax errors and unknown functions fail; for fields that are rendered later. */
bool kiln_interp_check(const struct kiln_interp *ctx, const char *text, size_t *ret_offset,
                       struct kiln_err *err);

/**
 * What a user may do about an error of the functions above ("did you mean \"upper\"?"), or NULL;
 * caller frees. @offset  as they set it
 */
char *kiln_interp_hint(const char *text, size_t offset, const struct kiln_err *err);

/** True if rendering could change text (it holds "{{"). */
bool kiln_interp_has_action(const char *text);

#endif
