/*
 * What all provisioners that run scripts share: where scripts come from, the variables they see,
 * which exit codes are fine. Source: provision-postprocess.md, sections 4, 5, 7.
 */
#ifndef KILN_PROVISIONER_SCRIPT_H
#define KILN_PROVISIONER_SCRIPT_H

#include "engine/build.h"

struct kiln_script_config {
    struct kiln_strv inline_lines;
    char *script;
    struct kiln_strv scripts;
    struct kiln_ints valid_exit_codes;
    struct kiln_strv environment_vars; /* "K=V" */
    struct kiln_strmap env;
    char *env_var_format; /* NULL: the component's default */
    char *inline_shebang; /* no option of the schema below: Windows has none */
};

extern const struct kiln_schema kiln_script_schema;

/** Reports scripts that are not there and variables that are not K=V. */
bool kiln_script_check(const struct kiln_script_config *c, const struct kiln_prepare *p);

/** The same, and reports if not exactly one of script, scripts and inline is there. */
bool kiln_script_check_one(const struct kiln_script_config *c, const struct kiln_prepare *p);

/** script and scripts as one list; borrowed strings are copied. */
void kiln_script_files(const struct kiln_script_config *c, struct kiln_strv *ret);

/**
 * Write the inline lines, rendered with the build's data, to a new private file: the shebang line
 * first. *ret_path: caller unlinks and frees.
 *
 * @lines    the commands
 * @shebang  without "#!"; NULL: none
 * @suffix   of the file name, "" for none
 * @mode     permission bits
 */
bool kiln_script_write_inline(struct kiln_build *b, const struct kiln_strv *lines,
                              const char *shebang, const char *suffix, mode_t mode, char **ret_path,
                              struct kiln_err *err);

/** Append the lines, rendered with the build's data, each with \n behind it. */
bool kiln_script_add_inline(struct kiln_build *b, const struct kiln_strv *lines,
                            struct kiln_str *text, struct kiln_err *err);
/** A new private file with this text; *ret_path: caller unlinks and frees. */
bool kiln_script_write(struct kiln_build *b, const struct kiln_str *text, const char *suffix,
                       mode_t mode, char **ret_path, struct kiln_err *err);

/** Appends a value in the form that it has in the format. */
typedef void kiln_script_escape(struct kiln_str *out, const char *value);

/** The variables as text: sorted by name, values escaped (NULL: as they are), each through the
 *  format. */
bool kiln_script_vars(struct kiln_build *b, const struct kiln_script_config *c, const char *format,
                      kiln_script_escape *escape, struct kiln_str *ret, struct kiln_err *err);

/**
 * The data that execute_command is rendered with: generated data and `extra` on top. The context
 * borrows from *data, which the caller owns.
 */
struct kiln_interp kiln_script_interp(struct kiln_build *b, struct kiln_strmap *data,
                                      const struct kiln_strmap *extra);

/** True, or "Script exited with non-zero exit status: …" (REMOTE). */
bool kiln_script_check_status(const struct kiln_script_config *c, int status, struct kiln_err *err);

#endif
