/* What unpack.c calls in the module. */
#ifndef KILN_NET_UNPACK_OPS_H
#define KILN_NET_UNPACK_OPS_H

#include "net/unpack.h"

struct kiln_unpack_ops {
    /* Into an open, empty file. */
    bool (*unpack)(const struct kiln_packing *how, const char *from, int to, struct kiln_cancel *c,
                   struct kiln_progress *progress, struct kiln_err *err);
};

#endif
