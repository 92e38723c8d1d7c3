/* The post-processors that kiln has; run/registry.c lists them. */
#ifndef KILN_POSTPROCESSOR_POSTPROCESSORS_H
#define KILN_POSTPROCESSOR_POSTPROCESSORS_H

#include "engine/component.h"

extern const struct kiln_postprocessor_ops kiln_artifice_postprocessor;
extern const struct kiln_postprocessor_ops kiln_checksum_postprocessor;
extern const struct kiln_postprocessor_ops kiln_compress_postprocessor;
extern const struct kiln_postprocessor_ops kiln_manifest_postprocessor;
extern const struct kiln_postprocessor_ops kiln_shell_local_postprocessor;

#endif
