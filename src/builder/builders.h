/* The builders that kiln has; run/registry.c lists them. */
#ifndef KILN_BUILDER_BUILDERS_H
#define KILN_BUILDER_BUILDERS_H

#include "engine/component.h"

extern const struct kiln_builder_ops kiln_file_builder;
extern const struct kiln_builder_ops kiln_null_builder;
extern const struct kiln_builder_ops kiln_qemu_builder;

#endif
