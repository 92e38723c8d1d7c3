/*
 * Files over the protocol of scp, as spoken by `scp -t` and `scp -f` in the guest. Each function
 * drives one program that was started with kiln_scp_command(); it is at its end afterwards.
 * Source: qemu-builder.md, 9.5 and 9.6; OpenSSH's scp.c is the protocol's only description.
 */
#ifndef KILN_COMMUNICATOR_SCP_H
#define KILN_COMMUNICATOR_SCP_H

#include "base/str.h"
#include "communicator/channel.h"
#include "communicator/sent.h"
#include "engine/communicator.h"

/** `scp FLAGS PATH`. The guest's shell still expands ~, $X and patterns, but blanks, quotes and the
 *  like are escaped. Caller frees. */
char *kiln_scp_command(const char *flags, const char *path);
/** The PATH of that alone. */
void kiln_scp_add_path(struct kiln_str *out, const char *path);

/** src becomes `name` in the directory that scp -t was given. sent: takes note; may be NULL. */
bool kiln_scp_put(struct kiln_channel *ch, const char *src, const char *name, mode_t mode,
                  const struct kiln_transfer *t, struct kiln_sent *sent, struct kiln_cancel *c,
                  struct kiln_err *err);
/** The directory src, or only its contents, into what scp -rt was given. */
bool kiln_scp_put_dir(struct kiln_channel *ch, const char *src, bool contents,
                      const struct kiln_transfer *t, struct kiln_sent *sent, struct kiln_cancel *c,
                      struct kiln_err *err);

/** The one file of scp -f, written to fd. */
bool kiln_scp_get(struct kiln_channel *ch, int fd, const struct kiln_transfer *t,
                  struct kiln_cancel *c, struct kiln_err *err);
/** All that scp -rf sends, below the directory dst, which is made. The guest can neither name a
 *  path outside of it nor send more than limits.h allows. */
bool kiln_scp_get_dir(struct kiln_channel *ch, const char *dst, const struct kiln_transfer *t,
                      struct kiln_cancel *c, struct kiln_err *err);

#endif
