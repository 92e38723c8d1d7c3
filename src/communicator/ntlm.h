/*
 * NTLMv2, the login of Windows without a domain controller: the three messages, whose bearer (here:
 * HTTP) is somebody else's. No session security: what is said afterwards is neither signed nor
 * sealed. MD4 and HMAC-MD5 are nettle's, in the module kiln-ntlm.so: OpenSSL has no MD4 any more,
 * and libcurl sends these messages only under a name that WinRM does not know. No state, any
 * thread. Source: MS-NLMP, sections 2.2.1, 3.1.5 and 3.3.2.
 */
#ifndef KILN_COMMUNICATOR_NTLM_H
#define KILN_COMMUNICATOR_NTLM_H

#include <stdint.h>

#include "base/str.h"

/* Chosen anew for each login. */
struct kiln_ntlm_nonce {
    unsigned char bytes[8];
    uint64_t time; /* 100 ns since 1601; the server's own counts, if it tells it */
};
void kiln_ntlm_nonce_new(struct kiln_ntlm_nonce *ret);

/** The first message: we want to log in. */
void kiln_ntlm_add_negotiate(struct kiln_str *out);

/**
 * The third message: the proof that we know the password.
 *
 * @user       UTF-8; DOMAIN\NAME, NAME@DOMAIN, or NAME: of the domain that the server is in
 * @password   UTF-8
 * @challenge  the server's message, the second one
 *
 * Errors: REMOTE if the challenge makes no sense; SYSTEM if the module is missing.
 */
bool kiln_ntlm_add_authenticate(struct kiln_str *out, const char *user, const char *password,
                                const void *challenge, size_t len,
                                const struct kiln_ntlm_nonce *nonce, struct kiln_err *err);

#define KILN_NTLM_DIGEST 16 /* bytes */

struct kiln_ntlm_ops {
    void (*md4)(const void *data, size_t len, unsigned char *ret_digest);
    void (*hmac_md5)(const unsigned char *key, const void *data, size_t len,
                     unsigned char *ret_digest); /* key: of KILN_NTLM_DIGEST bytes */
};

#endif
