/* NTLMv2 with the numbers of MS-NLMP, section 4.2.4, and challenges that make no sense. */
#include "unit.h"

#include "base/encode.h"
#include "communicator/ntlm.h"

static const struct kiln_ntlm_nonce nonce = { { 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa },
                                              0 };

#define HEAD                                                                                       \
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef0000000000000000"             \
    "2400240044000000060070170000000f"
#define NAMES "530065007200760065007200" /* Server */
#define INFO                                                                                       \
    "02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000" /* Domain, Server   \
                                                                                */

/* The answer to a challenge in hex, from `at` on, `len` bytes; or the error. */
static void answer(struct kiln_str *hex, const char *user, const char *challenge, size_t at,
                   size_t len)
{
    KILN_AUTO_STR bytes = { 0 }, message = { 0 };
    KILN_AUTO_ERR err = { 0 };

    assert_true(kiln_hex_decode(&bytes, challenge, strlen(challenge), NULL));
    kiln_str_clear(hex);
    if (!kiln_ntlm_add_authenticate(&message, user, "Password", bytes.data, bytes.len, &nonce,
                                    &err)) {
        assert_int_equal(message.len, 0);
        kiln_str_adds(hex, kiln_err_text(&err));
        return;
    }
    assert_true(at + len <= message.len);
    kiln_hex_add(hex, message.data + at, len);
}

#define LM 64
#define NT (64 + 24)

static void vectors(void **state)
{
    static const struct {
        const char *user, *challenge;
        size_t at, len;
        const char *want;
    } rows[] = {
        { "Domain\\User", HEAD NAMES INFO, LM, 24,
          "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa" },
        { "Domain\\User", HEAD NAMES INFO, NT, 16, "68cd0ab851e51c96aabc927bebef6a1c" },
        { "Domain\\uSER", HEAD NAMES INFO, NT, 16, "68cd0ab851e51c96aabc927bebef6a1c" },
        { "Domain\\User", HEAD NAMES INFO, NT + 16, 28,
          "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000" },
        { "Domain\\User", HEAD NAMES INFO, NT + 44, 36, INFO },
        { "Domain\\User", HEAD NAMES INFO, NT + 84, 20,
          "44006f006d00610069006e005500730065007200" },
        { "User", HEAD NAMES INFO, NT + 84, 20, NAMES "5500730065007200" }, /* the server's */
        { "U@D", HEAD NAMES INFO, NT + 84, 6, "550040004400" },
        /* the server tells the time, and wants no LMv2 then */
        { "User",
          HEAD NAMES "0700080001020304050607080000000000000000000000000000000000000000000000000000",
          LM, 24, "000000000000000000000000000000000000000000000000" },
        { "User",
          HEAD NAMES "0700080001020304050607080000000000000000000000000000000000000000000000000000",
          NT + 24, 8, "0102030405060708" },
    };
    KILN_AUTO_STR got = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        answer(&got, rows[i].user, rows[i].challenge, rows[i].at, rows[i].len);
        assert_string_equal(kiln_str_cstr(&got), rows[i].want);
    }
}

static void nonsense(void **state)
{
    static const char *const rows[] = {
        "",
        "4e544c4d5353500002000000",
        HEAD, /* its parts lie behind its end */
        "4e544c4d53535000030000000c000c003800000033828ae20123456789abcdef0000000000000000"
        "2400240044000000060070170000000f" NAMES INFO, /* another type */
        "4e544c4d53535000020000000c000c00ffffffff33828ae20123456789abcdef0000000000000000"
        "2400240044000000060070170000000f" NAMES INFO, /* an offset that overflows */
        HEAD NAMES "0200ff0044006f006d00610069006e0001000c0053006500720076006500720000000000",
    };
    KILN_AUTO_STR got = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        answer(&got, "User", rows[i], 0, 0);
        assert_string_equal(kiln_str_cstr(&got), "the NTLM challenge makes no sense");
    }
}

static void first_message(void **state)
{
    KILN_AUTO_STR message = { 0 }, hex = { 0 };

    (void)state;
    kiln_ntlm_add_negotiate(&message);
    kiln_hex_add(&hex, message.data, message.len);
    assert_string_equal(kiln_str_cstr(&hex), "4e544c4d535350000100000005828"
                                             "8a000000000000000000000000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(vectors), cmocka_unit_test(nonsense),
                                        cmocka_unit_test(first_message) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
