/* The sequences of post-processors of one build. Private to engine/. */
#ifndef KILN_ENGINE_POSTPROCESS_H
#define KILN_ENGINE_POSTPROCESS_H

#include "engine/build.h"

/**
 * Run all sequences over what the builder made. ret gets the artifacts that exist afterwards, in
 * the order they are listed; also on failure, when `built` is always among them.
 */
bool kiln_postprocess(struct kiln_build *b, struct kiln_artifact *built, struct kiln_results *ret,
                      struct kiln_err *err);

#endif
