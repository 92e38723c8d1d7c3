/* One template value into one C value, by Packer's weak typing. Inside config/ only. */
#ifndef KILN_CONFIG_VALUE_H
#define KILN_CONFIG_VALUE_H

#include "config/config.h"

/**
 * Decode `node` into the field's place in `cfg` (the struct that the field's offset is in). A list
 * overlays what is there element by element, a map is merged, the rest is replaced.
 *
 * @path  the option as errors name it: "memory", "qemu_img_args.create"
 * False if an error was reported. KILN_NESTED is the caller's.
 */
bool kiln_value_decode(const struct kiln_prepare *p, const struct kiln_field *f, const char *path,
                       const struct kiln_node *node, void *cfg);

/** Set the field to zero, releasing what it owns. Not for KILN_NESTED. */
void kiln_value_clear(const struct kiln_field *f, void *cfg);

#endif
