#include "lookup/sigv4.h"

#include <time.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/hash.h"

#define DAY 8 /* of a date: 20150830 */

void kiln_sigv4_date(int64_t unix_seconds, char ret[KILN_AMZ_DATE_SIZE])
{
    time_t t = unix_seconds;
    struct tm tm = { 0 };

    (void)gmtime_r(&t, &tm);
    if (strftime(ret, KILN_AMZ_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
        ret[0] = '\0'; /* beyond the year 9999 */
}

static void add_signed_names(const struct kiln_sigv4 *s, struct kiln_str *out)
{
    for (size_t i = 0; i < s->headers->keys.n; i++)
        kiln_str_addf(out, "%s%s", i ? ";" : "", s->headers->keys.v[i]);
}

/* The hash, in hex, of the request in its canonical form. */
static bool hash_request(const struct kiln_sigv4 *s, char *ret_hex, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };
    char body[KILN_HASH_HEX_MAX + 1];

    if (!kiln_hash_text(KILN_HASH_SHA256, s->body, body, err))
        return false;
    kiln_str_addf(&text, "%s\n%s\n%s\n", s->method, s->path, s->query);
    for (size_t i = 0; i < s->headers->keys.n; i++)
        kiln_str_addf(&text, "%s:%s\n", s->headers->keys.v[i], s->headers->values.v[i]);
    kiln_str_addc(&text, '\n');
    add_signed_names(s, &text);
    kiln_str_addf(&text, "\n%s", body);
    return kiln_hash_text(KILN_HASH_SHA256, kiln_str_cstr(&text), ret_hex, err);
}

/* Each key is the hash of the next part of the scope under the one before it. */
static bool sign_text(const struct kiln_sigv4 *s, const char *text, struct kiln_str *ret_hex,
                      struct kiln_err *err)
{
    KILN_AUTO_FREE char *day = kiln_xstrndup(s->date, DAY);
    const char *parts[] = { day, s->region, s->service, "aws4_request", text };
    KILN_AUTO_FREE char *first = kiln_xasprintf("AWS4%s", s->credentials->secret);
    unsigned char key[KILN_HMAC_SHA256_SIZE], next[KILN_HMAC_SHA256_SIZE];

    for (size_t i = 0; i < KILN_COUNT(parts); i++) {
        const void *k = i ? (const void *)key : first;

        if (!kiln_hash_hmac_sha256(k, i ? sizeof(key) : strlen(first), parts[i], strlen(parts[i]),
                                   next, err))
            return false;
        memcpy(key, next, sizeof(key));
    }
    kiln_hex_add(ret_hex, key, sizeof(key));
    return true;
}

bool kiln_sigv4_sign(const struct kiln_sigv4 *s, struct kiln_str *ret, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 }, scope = { 0 }, signature = { 0 };
    char request[KILN_HASH_HEX_MAX + 1];

    kiln_str_addf(&scope, "%.*s/%s/%s/aws4_request", DAY, s->date, s->region, s->service);
    if (!hash_request(s, request, err))
        return false;
    kiln_str_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", s->date, kiln_str_cstr(&scope), request);
    if (!sign_text(s, kiln_str_cstr(&text), &signature, err))
        return false;
    kiln_str_addf(ret, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", s->credentials->id,
                  kiln_str_cstr(&scope));
    add_signed_names(s, ret);
    kiln_str_addf(ret, ", Signature=%s", kiln_str_cstr(&signature));
    return true;
}
