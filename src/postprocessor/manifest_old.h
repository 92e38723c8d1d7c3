/*
 * What a manifest file holds already. It is a file that people may have written to: nothing in it
 * is dropped but keys that no manifest has. Pure.
 */
#ifndef KILN_POSTPROCESSOR_MANIFEST_OLD_H
#define KILN_POSTPROCESSOR_MANIFEST_OLD_H

#include <json-c/json.h>

#include "base/err.h"
#include "base/str.h"

/**
 * @ret  {"builds": [...], "last_run_uuid": "..."}, in which every build has all keys, in their
 * order, as Go's encoder would write them again; the caller's to put
 *
 * Errors (USER): not JSON, or a value that is none of its key's type: "builds[2].name is a number,
 * not a string".
 */
bool kiln_manifest_parse(const struct kiln_str *text, struct json_object **ret,
                         struct kiln_err *err);

#endif
