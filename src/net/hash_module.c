/* Digests by libcrypto, which uses the processor's own instructions where it has them. */
#include <assert.h>
#include <openssl/evp.h>

#include "base/macros.h"
#include "net/hash_ops.h"

extern const struct kiln_hash_ops kiln_hash_ops;

static const char *const openssl_name[KILN_HASH__N] = {
    [KILN_HASH_MD5] = "MD5",       [KILN_HASH_SHA1] = "SHA1",     [KILN_HASH_SHA224] = "SHA224",
    [KILN_HASH_SHA256] = "SHA256", [KILN_HASH_SHA384] = "SHA384", [KILN_HASH_SHA512] = "SHA512",
};

static void *start(enum kiln_hash_type type, struct kiln_err *err)
{
    EVP_MD *md = EVP_MD_fetch(NULL, openssl_name[type], NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!md || !ctx || !EVP_DigestInit_ex2(ctx, md, NULL)) {
        kiln_err_set(err, KILN_ERR_SYSTEM, "%s: not offered by this machine's OpenSSL",
                     kiln_hash_name(type));
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MD_free(md); /* the context holds its own reference */
    return ctx;
}

/* Digests of memory only fail on misuse, which would be our bug. */
static void update(void *ctx, const void *data, size_t len)
{
    int ok = EVP_DigestUpdate(ctx, data, len);

    assert(ok == 1);
}

static void finish(void *ctx, unsigned char *ret_digest)
{
    int ok = EVP_DigestFinal_ex(ctx, ret_digest, NULL);

    assert(ok == 1);
}

static void free_ctx(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

const struct kiln_hash_ops kiln_hash_ops = {
    .start = start,
    .update = update,
    .finish = finish,
    .free = free_ctx,
};
