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

/** Set the field to its .def, which is taken as it stands. */
void kiln_value_set_default(const struct kiln_field *f, void *cfg);
/** A text that is empty, a number that is 0, a tribool that is unset. False for other types. */
bool kiln_value_is_empty(const struct kiln_field *f, const void *cfg);
/** Every text that the field holds: for secrets and choices. */
void kiln_value_add_texts(const struct kiln_field *f, const void *cfg, struct kiln_strv *to);

/** Set the field to zero, releasing what it owns. Not for KILN_NESTED. */
void kiln_value_clear(const struct kiln_field *f, void *cfg);

#endif
