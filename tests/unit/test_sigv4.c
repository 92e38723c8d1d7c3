/* Signatures that AWS published for its Signature Version 4, and RFC 4231's of HMAC-SHA256. */
#include "lookup/sigv4.h"

#include "base/encode.h"
#include "base/mem.h"
#include "net/hash.h"
#include "unit.h"

#define TOKEN                                                                                      \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP" \
    "fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT" \
    "7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlz" \
    "m8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

static char id[] = "AKIDEXAMPLE", secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/* The suite's own names. */
static const struct {
    const char *name, *method, *query, *body;
    const char *headers[8]; /* name, value, … */
    const char *signed_names, *signature;
} suite[] = {
    { .name = "get-vanilla",
      .method = "GET",
      .signed_names = "host;x-amz-date",
      .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { .name = "get-vanilla-query-order-key-case",
      .method = "GET",
      .query = "Param1=value1&Param2=value2",
      .signed_names = "host;x-amz-date",
      .signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
    { .name = "post-vanilla",
      .method = "POST",
      .signed_names = "host;x-amz-date",
      .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
    { .name = "post-x-www-form-urlencoded",
      .method = "POST",
      .body = "Param1=value1",
      .headers = { "content-type", "application/x-www-form-urlencoded" },
      .signed_names = "content-type;host;x-amz-date",
      .signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
    { .name = "post-sts-header-before",
      .method = "POST",
      .headers = { "x-amz-security-token", TOKEN },
      .signed_names = "host;x-amz-date;x-amz-security-token",
      .signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
};

static void set_headers(const char *const *given, const char *date, struct kiln_strmap *map)
{
    const bool first = given[0] && strcmp(given[0], "host") < 0;

    if (first)
        kiln_strmap_set(map, given[0], given[1]);
    kiln_strmap_set(map, "host", "example.amazonaws.com");
    kiln_strmap_set(map, "x-amz-date", date);
    if (given[0] && !first)
        kiln_strmap_set(map, given[0], given[1]);
}

static void suite_is_signed(void **state)
{
    const struct kiln_aws_credentials credentials = { .id = id, .secret = secret };
    char date[KILN_AMZ_DATE_SIZE];

    (void)state;
    kiln_sigv4_date(1440938160, date);
    assert_string_equal(date, "20150830T123600Z");
    for (size_t i = 0; i < KILN_COUNT(suite); i++) {
        KILN_AUTO_STRMAP headers = { 0 };
        KILN_AUTO_STR got = { 0 };
        KILN_AUTO_ERR err = { 0 };
        KILN_AUTO_FREE char *want = kiln_xasprintf(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=%s, Signature=%s",
            suite[i].signed_names, suite[i].signature);
        const struct kiln_sigv4 s = {
            .method = suite[i].method,
            .path = "/",
            .query = suite[i].query ? suite[i].query : "",
            .headers = &headers,
            .body = suite[i].body ? suite[i].body : "",
            .region = "us-east-1",
            .service = "service",
            .date = date,
            .credentials = &credentials,
        };

        set_headers(suite[i].headers, date, &headers);
        unit_ok(kiln_sigv4_sign(&s, &got, &err), &err);
        if (!kiln_streq(kiln_str_cstr(&got), want))
            fail_msg("%s: %s", suite[i].name, kiln_str_cstr(&got));
    }
}

/* RFC 4231, 4.2, 4.3 and 4.7 (a key longer than a block). */
static void hmac(void **state)
{
    static const struct {
        const char *fill, *key, *data, *want;
        size_t key_len;
    } cases[] = {
        { "\x0b", NULL, "Hi There",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", 20 },
        { NULL, "Jefe", "what do ya want for nothing?",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", 4 },
        { "\xaa", NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", 131 },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        unsigned char sum[KILN_HMAC_SHA256_SIZE];
        char key[131];
        KILN_AUTO_STR hex = { 0 };
        KILN_AUTO_ERR err = { 0 };

        memset(key, cases[i].fill ? cases[i].fill[0] : 0, sizeof(key));
        if (cases[i].key)
            memcpy(key, cases[i].key, cases[i].key_len);
        unit_ok(kiln_hash_hmac_sha256(key, cases[i].key_len, cases[i].data, strlen(cases[i].data),
                                      sum, &err),
                &err);
        kiln_hex_add(&hex, sum, sizeof(sum));
        assert_string_equal(kiln_str_cstr(&hex), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suite_is_signed),
        cmocka_unit_test(hmac),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
