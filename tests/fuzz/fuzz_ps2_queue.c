/* QEMU's log, whatever stands in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm/ps2_queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kiln_ps2_count count = { 0 };
    const char *line = (const char *)data, *end;

    for (; size > 0 && (end = memchr(line, '\n', size)) != NULL; line = end + 1) {
        struct kiln_ps2_count before = count;

        kiln_ps2_count_line(&count, line, (size_t)(end - line));
        size -= (size_t)(end + 1 - line);
        if (count.unread > before.unread + 1 || count.puts < before.puts ||
            (count.unread > before.unread && count.puts == before.puts))
            abort();
    }
    kiln_ps2_count_line(&count, line, size);
    return 0;
}
