/*
 * A directory as one tar stream into `tar -x` in the guest, for many files: scp in the guest
 * answers every file twice, and SFTP four times. What arrives is what scp would have made: names,
 * contents, modes (less the guest's umask), new times, the owner who logs in. Only where
 * that is so is tar used: nothing that is there already is written to, because tars replace files,
 * and links to directories, that scp writes through.
 *
 * GNU tar, bsdtar and busybox' tar understand the options. The guest's login shell starts a script
 * for sh, which looks around, tells what it has seen, and touches nothing until it is told to go
 * on. One thread.
 */
#ifndef KILN_COMMUNICATOR_TAR_PUT_H
#define KILN_COMMUNICATOR_TAR_PUT_H

#include "communicator/channel.h"
#include "communicator/dir_walk.h"
#include "communicator/sent.h"
#include "engine/communicator.h"

#define KILN_TAR_FILES 32 /* below that scp is no slower */

enum kiln_tar_end {
    KILN_TAR_DONE,
    KILN_TAR_UNFIT,   /* tar would not do as scp does; the guest is as it was */
    KILN_TAR_MISSING, /* the same, and there is no tar that can be used, nor will there be */
    KILN_TAR_BROKE,   /* tar ended before its time: err says how; something may be there */
    KILN_TAR_FAILED,  /* err: a file here, the connection, CANCELLED, TIMEOUT */
};

/**
 * The command that kiln_tar_put_dir speaks to. dst: as for kiln_scp_command. name: the directory to
 * be made in dst; "": the contents go there. tested: a tar has been found in this guest before.
 * Caller frees.
 */
char *kiln_tar_command(const char *dst, const char *name, bool tested);
/**
 * @name      as for the command
 * @survey    of src
 * @ret_made  dst was missing and has been made: it has the contents now. Also set if BROKE
 */
enum kiln_tar_end kiln_tar_put_dir(struct kiln_channel *ch, const char *src, const char *name,
                                   const struct kiln_dir_survey *survey,
                                   const struct kiln_transfer *t, struct kiln_sent *sent,
                                   bool *ret_made, struct kiln_cancel *c, struct kiln_err *err);

#endif
