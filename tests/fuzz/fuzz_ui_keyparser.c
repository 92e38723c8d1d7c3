/* Any bytes from a terminal, in two pieces: no crash, and what comes out is a key, a paste or an
 * answer; in the end all bytes are taken. */
#include <assert.h>

#include "ui/term/keyparser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct kiln_keyparser *p, bool late)
{
    struct kiln_key key = { 0 };
    struct kiln_term_reply reply = { 0 };

    for (;;) {
        switch (kiln_keyparser_next(p, late, &key, &reply)) {
        case KILN_INPUT_NONE:
            return;
        case KILN_INPUT_MORE:
            assert(!late);
            return;
        case KILN_INPUT_KEY:
            assert(key.code >= ' ' && key.code <= KILN_KEY_MOUSE);
            assert(key.code < 0x7f || key.code >= 0xa0);
            break;
        case KILN_INPUT_PASTE:
            assert(p->paste.len <= KILN_KEYPARSER_MAX);
            break;
        case KILN_INPUT_REPLY:
            assert(reply.n_params <= KILN_KEYPARSER_MAX_PARAM);
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kiln_keyparser p = { 0 };

    kiln_keyparser_feed(&p, (const char *)data, size / 2);
    drain(&p, false);
    kiln_keyparser_feed(&p, (const char *)data + size / 2, size - size / 2);
    drain(&p, false);
    drain(&p, true);
    assert(p.at == p.in.len || p.pasting);
    kiln_keyparser_done(&p);
    return 0;
}
