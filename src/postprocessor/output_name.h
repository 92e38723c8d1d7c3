/* The raw option `output` of post-processors that write a file. */
#ifndef KILN_POSTPROCESSOR_OUTPUT_NAME_H
#define KILN_POSTPROCESSOR_OUTPUT_NAME_H

#include "engine/build.h"

/**
 * `text` rendered with the build's data and BuildName, BuilderType, ChecksumType (NULL: none).
 * Caller frees; NULL on failure.
 */
char *kiln_output_name(struct kiln_build *b, const char *text, const char *checksum_type,
                       struct kiln_err *err);

#endif
