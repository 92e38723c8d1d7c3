/* First line: the file's URL or a checksum argument; second: the sums file's URL; then its text. */
#include "take_line.h"

#include <stdint.h>

#include "base/mem.h"
#include "net/checksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    KILN_AUTO_FREE char *file = NULL;
    KILN_AUTO_FREE char *sums = NULL;
    KILN_AUTO_CHECKSUM arg = { 0 };
    struct kiln_checksum found = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (size == 0)
        return 0;
    file = take_line(&p, end);
    sums = take_line(&p, end);
    if (kiln_checksum_parse(file, &arg, NULL)) {
        KILN_AUTO_FREE char *text = kiln_checksum_format(&arg);

        (void)text;
    }
    if (kiln_checksum_find(p, (size_t)(end - p), file, sums, &found, &err) &&
        strlen(found.hex) != kiln_hash_digits(found.type))
        abort();
    return 0;
}
