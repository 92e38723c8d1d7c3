/*
 * JSON that programs say to each other: QEMU, qemu-img, kiln and its clients. By json-c; for who
 * reads a few members and trusts none. (Templates have places in their text: template/json.h.
 * Writing is encode.h's.) No state, any thread.
 */
#ifndef KILN_BASE_JSON_H
#define KILN_BASE_JSON_H

#include <stdint.h>

#include "base/err.h"

struct json_object;

#define KILN_AUTO_JSON KILN_CLEANUP(kiln_json_putp) struct json_object
void kiln_json_putp(struct json_object **o); /* json_object_put; NULL is fine */

/**
 * One object, and nothing but white space behind it, at most `depth` levels deep; strict JSON in
 * UTF-8. NULL with err: REMOTE, json-c's reason. The caller puts it.
 */
struct json_object *kiln_json_read(const char *text, size_t len, int depth, struct kiln_err *err);

/* Members of an object: what stands there if it is of that type, else NULL, `otherwise`, false. An
 * `o` that is NULL or no object has none. Strings are borrowed, and end at their first NUL. */
const char *kiln_json_string(struct json_object *o, const char *key);
int64_t kiln_json_int(struct json_object *o, const char *key, int64_t otherwise);
bool kiln_json_true(struct json_object *o, const char *key);

#endif
