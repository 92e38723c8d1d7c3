/* The provisioners that kiln has; run/registry.c lists them. */
#ifndef KILN_PROVISIONER_PROVISIONERS_H
#define KILN_PROVISIONER_PROVISIONERS_H

#include "engine/component.h"

extern const struct kiln_provisioner_ops kiln_breakpoint_provisioner;
extern const struct kiln_provisioner_ops kiln_file_provisioner;
extern const struct kiln_provisioner_ops kiln_powershell_provisioner;
extern const struct kiln_provisioner_ops kiln_shell_provisioner;
extern const struct kiln_provisioner_ops kiln_shell_local_provisioner;
extern const struct kiln_provisioner_ops kiln_sleep_provisioner;
extern const struct kiln_provisioner_ops kiln_windows_restart_provisioner;
extern const struct kiln_provisioner_ops kiln_windows_shell_provisioner;

#endif
