/* What both directions of scp have in common: how the program in the guest ended. */
#ifndef KILN_COMMUNICATOR_SCP_END_H
#define KILN_COMMUNICATOR_SCP_END_H

#include "base/str.h"
#include "communicator/channel.h"

/* The last bytes that a program wrote to its stderr. */
struct kiln_scp_noise {
    char text[512];
    size_t len;
};
void kiln_scp_noise_add(struct kiln_scp_noise *noise, const char *data, size_t len);

/** Why scp is gone before its work was done: always an error. False. */
bool kiln_scp_ended(const struct kiln_channel *ch, const struct kiln_scp_noise *noise,
                    struct kiln_err *err);
/** Its work is done: wait for its end, which must be a good one. */
bool kiln_scp_finish(struct kiln_channel *ch, const struct kiln_scp_noise *noise,
                     struct kiln_cancel *c, struct kiln_err *err);

#endif
