#include "engine/communicator.h"

void kiln_communicator_free(struct kiln_communicator *c)
{
    if (c)
        c->ops->free(c);
}
