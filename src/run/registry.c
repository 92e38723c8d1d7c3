#include "run/plan.h"

#include "builder/builders.h"
#include "postprocessor/postprocessors.h"
#include "provisioner/provisioners.h"

static const struct kiln_builder_ops *const builders[] = {
    &kiln_file_builder,
    &kiln_null_builder,
    &kiln_qemu_builder,
    NULL,
};

static const struct kiln_provisioner_ops *const provisioners[] = {
    &kiln_breakpoint_provisioner,
    &kiln_file_provisioner,
    &kiln_powershell_provisioner,
    &kiln_shell_provisioner,
    &kiln_shell_local_provisioner,
    &kiln_sleep_provisioner,
    &kiln_windows_restart_provisioner,
    &kiln_windows_shell_provisioner,
    NULL,
};

static const struct kiln_postprocessor_ops *const postprocessors[] = {
    &kiln_artifice_postprocessor, &kiln_checksum_postprocessor,    &kiln_compress_postprocessor,
    &kiln_manifest_postprocessor, &kiln_shell_local_postprocessor, NULL,
};

const struct kiln_registry *kiln_registry(void)
{
    static const struct kiln_registry registry = { builders, provisioners, postprocessors };

    return &registry;
}
