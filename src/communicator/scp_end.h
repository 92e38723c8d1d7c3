/* What both directions of scp have in common: how the program in the guest ended. */
#ifndef KILN_COMMUNICATOR_SCP_END_H
#define KILN_COMMUNICATOR_SCP_END_H

#include "communicator/channel.h"
#include "communicator/last_words.h"

/** Why scp is gone before its work was done: always an error. False. */
bool kiln_scp_ended(const struct kiln_channel *ch, const struct kiln_last_words *words,
                    struct kiln_err *err);
/** Its work is done: wait for its end, which must be a good one. */
bool kiln_scp_finish(struct kiln_channel *ch, const struct kiln_last_words *words,
                     struct kiln_cancel *c, struct kiln_err *err);

#endif
