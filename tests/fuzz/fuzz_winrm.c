/* Any bytes as the answer of a WinRM service. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "communicator/winrm_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_WINRM_REPLY reply = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_winrm_reply_parse(&reply, (const char *)data, size, &err)) {
        assert(err.kind == KILN_ERR_REMOTE);
        return 0;
    }
    for (size_t i = 0, at = 0; i < reply.n_pieces; i++) {
        assert(reply.pieces[i].at == at && reply.pieces[i].len > 0);
        at += reply.pieces[i].len;
        assert(at <= reply.data.len);
    }
    return 0;
}
