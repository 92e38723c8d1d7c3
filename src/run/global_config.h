/*
 * Packer's own configuration: the file that PACKER_CONFIG names, else ~/.packerconfig. kiln needs
 * nothing that can stand in it; but who broke it shall hear of it, as from Packer, which stops.
 * Source: packer-core.md, 1.4.
 */
#ifndef KILN_RUN_GLOBAL_CONFIG_H
#define KILN_RUN_GLOBAL_CONFIG_H

#include "template/diag.h"

/** No file is fine. False: an error was added, with its place. As Packer, looks at the first JSON
 *  value of the file only. */
bool kiln_global_config_check(struct kiln_diag *diag);

#endif
