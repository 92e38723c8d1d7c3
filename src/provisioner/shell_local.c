#include "provisioner/local_script.h"
#include "provisioner/provisioners.h"

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    return kiln_local_script_prepare(cfg, p);
}

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    (void)comm; /* it runs here */
    return kiln_local_script_run(cfg, b, cancel, err);
}

const struct kiln_provisioner_ops kiln_shell_local_provisioner = {
    .schema = &kiln_local_script_schema,
    .cfg_size = sizeof(struct kiln_local_script),
    .prepare = prepare,
    .provision = provision,
};
