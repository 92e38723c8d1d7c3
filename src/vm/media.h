/*
 * What goes onto a floppy or a CD: a list of files and directories, by their names in the image.
 * Nothing is read before the image is written. One owner; no threads.
 */
#ifndef KILN_VM_MEDIA_H
#define KILN_VM_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

struct kiln_media_entry {
    char *name;          /* "dir/file.txt": no slash at either end, no empty, "." or ".." part */
    char *source;        /* file on the host; NULL: content, or a directory; owned */
    const char *content; /* borrowed from whoever added it; NULL: source, or a directory */
};

/* Zeroed is empty. Parents come before what is in them. */
struct kiln_media {
    struct kiln_media_entry **v;
    size_t n, cap;
    bool replaces; /* a later file of the same name wins; else it is an error */
    void *index;   /* by name, for media.c */
};

#define KILN_AUTO_MEDIA KILN_CLEANUP(kiln_media_done) struct kiln_media

void kiln_media_done(struct kiln_media *m);

/**
 * Add one thing, and the directories that lead to it. A slash at either end of `name`, and "."
 * parts, are dropped; a directory may be added again.
 *
 * Errors (USER): `name already exists: NAME`; ".." in a name; a file where a directory is.
 */
bool kiln_media_add_file(struct kiln_media *m, const char *name, const char *source,
                         struct kiln_err *err);
bool kiln_media_add_content(struct kiln_media *m, const char *name, const char *content,
                            struct kiln_err *err);
bool kiln_media_add_dir(struct kiln_media *m, const char *name, struct kiln_err *err);

static inline bool kiln_media_is_dir(const struct kiln_media_entry *e)
{
    return !e->source && !e->content;
}

/** Has the path a wildcard: one of *?[ ? */
bool kiln_media_is_pattern(const char *path);
/** As kiln_glob, but a path without wildcard is appended as it is, there or not. */
bool kiln_media_glob(const char *path, struct kiln_strv *ret, struct kiln_err *err);
/**
 * Append `dir` and everything below it as DIR/… paths, a directory before what is in it and with a
 * slash at its end, each directory's entries in bytewise order. Links to files count as files.
 *
 * Errors: a link to a directory, a device or socket (USER); what cannot be read (SYSTEM).
 */
bool kiln_media_walk(const char *dir, struct kiln_strv *ret, struct kiln_err *err);

#endif
