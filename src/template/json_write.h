/* A tree of nodes as JSON text, laid out as Go's encoding/json does it. Pure. */
#ifndef KILN_TEMPLATE_JSON_WRITE_H
#define KILN_TEMPLATE_JSON_WRITE_H

#include "template/node.h"

/**
 * Append the value: keys sorted bytewise, two spaces for each level, numbers in their shortest form
 * ("5900.0" becomes 5900, 1e21 stays 1e+21), strings as UTF-8 where only control bytes, '"', '\\',
 * '&', U+2028 and U+2029 are escaped. No newline at the end.
 */
void kiln_json_write(const struct kiln_node *value, struct kiln_str *out);

#endif
