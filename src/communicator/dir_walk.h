/*
 * The contents of a local directory in the order in which they are sent to a guest. Symlinks are
 * followed: what arrives are copies of what they point to. One thread.
 */
#ifndef KILN_COMMUNICATOR_DIR_WALK_H
#define KILN_COMMUNICATOR_DIR_WALK_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/strv.h"

/* Any of them may end the walk by returning false with err set. */
struct kiln_dir_visitor {
    bool (*enter)(void *ud, const char *name, mode_t mode, struct kiln_err *err);
    bool (*leave)(void *ud, mode_t mode, struct kiln_err *err); /* mode: that of enter */
    /* A regular file; path is where it lies here; size: what it had when the walk passed. */
    bool (*file)(void *ud, const char *path, const char *name, mode_t mode, uint64_t size,
                 struct kiln_err *err);
    void *ud;
};

/**
 * Visit everything below dir (not dir itself), entries of a directory in bytewise order. mode: the
 * permission bits; of a link to a file 0644, as Packer sends it. Fails on what is neither file nor
 * directory, on a link that leads back to a directory that holds it, and below KILN_MAX_TREE_DEPTH
 * levels.
 */
bool kiln_dir_walk(const char *dir, const struct kiln_dir_visitor *v, struct kiln_err *err);

/* What a walk will meet. */
struct kiln_dir_survey {
    uint64_t files, bytes;
    struct kiln_strv names; /* directly below the directory; sorted bytewise */
    mode_t mode;            /* of the directory */
    bool odd;               /* a name has a line break, or a directory keeps its own owner out */
    unsigned depth;         /* while it walks */
};
bool kiln_dir_survey(const char *dir, struct kiln_dir_survey *ret, struct kiln_err *err);
void kiln_dir_survey_done(struct kiln_dir_survey *s);
#define KILN_AUTO_DIR_SURVEY KILN_CLEANUP(kiln_dir_survey_done) struct kiln_dir_survey

/** Only the contents of the directory are meant, not itself: its path ends with "/" or "/.". */
bool kiln_dir_means_contents(const char *dir);
/** The name under which a directory arrives: "b" for /a/b and /a/b/, its own for "."; caller frees.
 */
char *kiln_dir_name(const char *dir);

#endif
