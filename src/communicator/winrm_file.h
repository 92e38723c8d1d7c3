/*
 * Files to and from a guest, by PowerShell in it. A path of the guest may name variables, as in
 * $env:TEMP\x: it means what it would between double quotes, as with Packer.
 */
#ifndef KILN_COMMUNICATOR_WINRM_FILE_H
#define KILN_COMMUNICATOR_WINRM_FILE_H

#include "communicator/winrm_client.h"

/** One file; missing directories above it are made. Its size and SHA-256 are compared. */
bool kiln_winrm_put(struct kiln_winrm_client *w, const char *src, const char *dst,
                    const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err);
/** What is in the directory src, into dst: all files, below directories of their own. */
bool kiln_winrm_put_dir(struct kiln_winrm_client *w, const char *src, const char *dst,
                        const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err);
bool kiln_winrm_get(struct kiln_winrm_client *w, const char *src, int fd,
                    const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err);

#endif
