#include <nettle/hmac.h>
#include <nettle/md4.h>

#include "communicator/ntlm.h"

extern const struct kiln_ntlm_ops kiln_ntlm_ops;

static void md4(const void *data, size_t len, unsigned char *ret_digest)
{
    struct md4_ctx ctx;

    md4_init(&ctx);
    md4_update(&ctx, len, data);
    md4_digest(&ctx, KILN_NTLM_DIGEST, ret_digest);
}

static void hmac_md5(const unsigned char *key, const void *data, size_t len,
                     unsigned char *ret_digest)
{
    struct hmac_md5_ctx ctx;

    hmac_md5_set_key(&ctx, KILN_NTLM_DIGEST, key);
    hmac_md5_update(&ctx, len, data);
    hmac_md5_digest(&ctx, KILN_NTLM_DIGEST, ret_digest);
}

const struct kiln_ntlm_ops kiln_ntlm_ops = { .md4 = md4, .hmac_md5 = hmac_md5 };
