/*
 * What an upload has sent, and whether the guest has it. ssh itself protects what is on the way;
 * what is left are disks that are full or broken, servers that lie, and files that somebody else
 * writes to at the same time.
 *
 * The sender takes note of each file while it sends, from the same bytes. Afterwards one command in
 * the guest reads all of them back: cksum, because POSIX has it everywhere and because it is the
 * only one that costs next to nothing beside the upload itself (sha256sum takes as long again), or
 * where it is missing wc. The guest's SHELL, xargs and one of them are needed; a guest that cannot
 * is not asked for more. One thread.
 */
#ifndef KILN_COMMUNICATOR_SENT_H
#define KILN_COMMUNICATOR_SENT_H

#include <stdbool.h>
#include <stddef.h>

#include "communicator/channel.h"

struct kiln_sent;

struct kiln_sent *kiln_sent_new(void);
void kiln_sent_free(struct kiln_sent *s); /* NULL is fine */
void kiln_sent_freep(struct kiln_sent **s);

/* For the sender, in the order of the walk; s NULL: nobody wants to know. */
void kiln_sent_enter(struct kiln_sent *s, const char *name); /* a directory */
void kiln_sent_leave(struct kiln_sent *s);
size_t kiln_sent_file(struct kiln_sent *s, const char *name); /* the number of a new file */
void kiln_sent_data(struct kiln_sent *s, size_t file, const void *data, size_t len);

/* How to reach the guest for reading back. */
struct kiln_sent_guest {
    struct kiln_channel *(*open)(void *ud, const char *command, struct kiln_cancel *c,
                                 struct kiln_err *err);
    void (*close)(void *ud, struct kiln_channel *ch);
    void *ud;
};

/**
 * @cd       the directory into which files were sent, as words for the guest's shell behind `cd`
 * @renamed  the outermost directory may have got the name of `cd` itself, because that was missing
 * @ret_told the guest told something about at least one file
 *
 * False: a file is missing, shorter, longer or other than what was sent (REMOTE), or CANCELLED. A
 * guest that tells nothing is no error.
 */
bool kiln_sent_check(struct kiln_sent *s, const struct kiln_sent_guest *guest, const char *cd,
                     bool renamed, struct kiln_cancel *c, bool *ret_told, struct kiln_err *err);

#endif
