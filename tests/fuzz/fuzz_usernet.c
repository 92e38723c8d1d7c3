/* Any text as the answer to `info usernet`. */
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "vm/usernet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_STR text = { 0 };

    kiln_str_add(&text, data, size);
    (void)kiln_usernet_read(kiln_str_cstr(&text), 22);
    return 0;
}
