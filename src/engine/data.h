/* Generated data ({{build `K`}}, {{.K}}): keys and placeholders. Private to engine/. */
#ifndef KILN_ENGINE_DATA_H
#define KILN_ENGINE_DATA_H

#include "engine/build.h"

/** The keys that every builder has; NULL-terminated. */
extern const char *const kiln_data_keys[];

/** At prepare time: set b->data_keys and b->placeholders from them and the builder's own. */
void kiln_data_declare(struct kiln_build *b, const char *const *more);

/** Before provisioners run: ERR_… for what the builder did not set, and the run's UUID. */
void kiln_data_complete(struct kiln_build *b);

#endif
