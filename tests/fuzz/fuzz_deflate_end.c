/* Any bytes: the walk over a deflate stream ends, inside the data, and an opened stream has its end
 * where the walk found it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "postprocessor/deflate_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size + KILN_DEFLATE_JOIN + 2);
    struct kiln_deflate_end at = { 0 };
    size_t len = size;

    assert(copy);
    if (size)
        memcpy(copy, data, size);
    if (kiln_deflate_open_end(copy, &len)) {
        assert(len <= size + KILN_DEFLATE_JOIN);
        memcpy(copy + len, "\x03\x00", 2); /* the end that comes behind the last stream */
        assert(kiln_deflate_find_end(copy, len + 2, &at));
        assert(at.last_block == 8 * len);
    }
    free(copy);
    return 0;
}
