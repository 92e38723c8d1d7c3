/* One line of -machine-readable output. Source: packer-core.md, 2.3. */
#ifndef KILN_CLI_MACHINE_H
#define KILN_CLI_MACHINE_H

#include "base/str.h"

/** Append "SECONDS,TARGET,TYPE,FIELD…\n" with commas and line ends of the fields escaped. */
void kiln_machine_record(struct kiln_str *out, int64_t wall_us, const char *target,
                         const char *type, const char *const *fields, size_t n);

#endif
