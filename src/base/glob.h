/*
 * Patterns for file names as Go's filepath.Match and filepath.Glob have them, which differ from the
 * shell's and glob(3)'s:
 *
 *     *            any characters, also none
 *     ?            one character
 *     [a-z\]]      one of these; [^...] one of the others. `-` and `]` only behind a backslash
 *     \c           the character c
 *
 * No wildcard stands for a slash; all of them stand for a dot at the beginning of a name. No state.
 */
#ifndef KILN_BASE_GLOB_H
#define KILN_BASE_GLOB_H

#include "base/strv.h"

/**
 * Can all of it be read? (Go overlooks what is behind a * that nothing got to.) False (USER):
 * "syntax error in pattern".
 */
bool kiln_glob_check(const char *pattern, struct kiln_err *err);
/** Does it match a file's name, which has no slash? False also if it cannot be read. */
bool kiln_glob_match(const char *pattern, const char *name);
/**
 * Append the paths of what is there and matches, cleaned (fs.h), each directory's in bytewise
 * order; no match adds nothing, and neither does a directory that cannot be read. What has no
 * wildcard is appended as it is if it is there. Errors: as for kiln_glob_check; more than
 * KILN_MAX_TREE_ENTRIES match (USER).
 */
bool kiln_glob(const char *pattern, struct kiln_strv *ret, struct kiln_err *err);

#endif
