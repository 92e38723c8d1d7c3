/* Any bytes as the challenge of an NTLM login. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "communicator/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct kiln_ntlm_nonce nonce;
    KILN_AUTO_STR message = { 0 };

    if (kiln_ntlm_add_authenticate(&message, "user", "password", data, size, &nonce, NULL))
        assert(message.len >= 64 && message.len < (size_t)1 << 20);
    else
        assert(message.len == 0);
    return 0;
}
