/* Any bytes, in pieces whose size the first byte gives, through the QMP codec. */
#include <stddef.h>
#include <stdint.h>

#include "vm/qmp_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_CLEANUP(kiln_qmp_codec_done) struct kiln_qmp_codec codec = { 0 };
    size_t step = size > 0 ? 1 + (size_t)data[0] : 1;
    enum kiln_qmp_next got = KILN_QMP_MORE;

    for (size_t at = size > 0; at < size && got != KILN_QMP_BAD; at += step) {
        if (!kiln_qmp_codec_feed(&codec, data + at, size - at < step ? size - at : step, NULL))
            break;
        do {
            KILN_AUTO_QMP_MESSAGE m = { 0 };

            got = kiln_qmp_codec_next(&codec, &m, NULL);
        } while (got == KILN_QMP_MESSAGE);
    }
    return 0;
}
