/*
 * Writing into a template: a new boot command in place of the old one, and every other byte as it
 * was. Strings that stay keep their spelling, new ones are laid out as their neighbours are.
 *
 * The functions on text are pure. A struct kiln_edit belongs to one thread.
 */
#ifndef KILN_TEMPLATE_EDIT_H
#define KILN_TEMPLATE_EDIT_H

#include "base/strv.h"
#include "template/node.h"

/**
 * Append the whole source of `builder` with another boot command.
 *
 * @builder  the builder's object (struct kiln_component, node)
 * @row      of its boot_steps, where empty ones do not count (nothing is typed for them); 0 if it
 *           has a boot_command. A row's text is one string: the lines are put together.
 * @lines    the template's strings, as they are before {{ }} is rendered. A list stays a list; a
 *           string that stands for a list stays one if there is one line (without a comma).
 * Errors USER, with file, line and column: there is no such row; the value is none that can be
 * written back, such as "{{user `keys`}}", whose text stands elsewhere; a line is not UTF-8.
 */
bool kiln_edit_boot_text(const struct kiln_node *builder, size_t row, const struct kiln_strv *lines,
                         struct kiln_str *out, struct kiln_err *err);

/** The strings that are there now: those of boot_command, or the one string of a row. Adds to ret.
 */
bool kiln_edit_boot_lines(const struct kiln_node *builder, size_t row, struct kiln_strv *ret,
                          struct kiln_err *err);

/* A template file, and the text that it is known to hold. */
struct kiln_edit;

/** @path  as the user named it; made absolute here, so that the working directory may change.
 *  @source the text that was read from it; a reference is taken */
struct kiln_edit *kiln_edit_new(const char *path, struct kiln_source *source);
void kiln_edit_free(struct kiln_edit *e);

/** What the file says now, as kiln_edit_boot_lines. @builder: index in its list of builders */
bool kiln_edit_lines(const struct kiln_edit *e, size_t builder, size_t row, struct kiln_strv *ret,
                     struct kiln_err *err);

/**
 * Write another boot command into the file: all or nothing, its mode and owner kept, a symlink
 * followed. The old file stays as FILE.bak (FILE.bak.1 … if that is there). From then on the file
 * is known to hold the new text, so that it can be written again.
 *
 * @builder     index in the template's list of builders; row, lines: as above
 * @ret_backup  path of the old file; "" if the file says so already and was left alone. Caller
 *              frees.
 * Errors USER: as above; the template came from standard input; the file is not what was read (it
 * was changed meanwhile); SYSTEM: it cannot be written. Nothing has happened then.
 */
bool kiln_edit_boot(struct kiln_edit *e, size_t builder, size_t row, const struct kiln_strv *lines,
                    char **ret_backup, struct kiln_err *err);

/**
 * Lines that went out with secrets hidden come back edited: put the template's own in for those
 * that nobody changed.
 *
 * @own    the template's strings
 * @shown  the same ones as the editor got them, n of them too
 * @mark   what a secret was shown as ("<sensitive>")
 * @ret    gets the lines with secrets
 * Error USER: a changed line holds the mark, which would be typed or written as it stands.
 */
bool kiln_edit_restore(const struct kiln_strv *own, const struct kiln_strv *shown,
                       const struct kiln_strv *lines, const char *mark, struct kiln_strv *ret,
                       struct kiln_err *err);

#endif
