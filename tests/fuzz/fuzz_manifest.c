/* Any bytes as a manifest that was there: an error that says what is wrong, or the builds in it,
 * which are read again as they were written. */
#include <assert.h>
#include <stdint.h>

#include "postprocessor/manifest_old.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_STR text = { 0 }, again = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct json_object *got = NULL, *same = NULL;

    kiln_str_add(&text, data, size);
    if (text.len == 0 || !kiln_manifest_parse(&text, &got, &err)) {
        assert(text.len == 0 || err.kind == KILN_ERR_USER);
        return 0;
    }
    kiln_str_adds(&again, json_object_to_json_string_ext(got, JSON_C_TO_STRING_PLAIN));
    assert(kiln_manifest_parse(&again, &same, NULL));
    assert(strcmp(json_object_to_json_string_ext(same, JSON_C_TO_STRING_PLAIN),
                  kiln_str_cstr(&again)) == 0);
    (void)json_object_put(got);
    (void)json_object_put(same);
    return 0;
}
