/*
 * Communicators that reach no guest. Both: commands "succeed" with status 0 and print nothing.
 * Source: provision-postprocess.md, sections 2 and 8.
 */
#ifndef KILN_COMMUNICATOR_NONE_H
#define KILN_COMMUNICATOR_NONE_H

#include "engine/communicator.h"

/** "communicator": "none". Transfers fail with `Upload is not implemented when …`. */
struct kiln_communicator *kiln_communicator_none(void);
/** The file builder's machine that is not there: transfers succeed, too. */
struct kiln_communicator *kiln_communicator_mock(void);

#endif
