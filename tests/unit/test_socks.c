/* The client's side of SOCKS5, byte by byte. */
#include "unit.h"

#include "base/mem.h"
#include "communicator/socks.h"

struct exchange {
    const char *what;
    const char *host, *user; /* user: of the proxy, with the password "pw"; NULL: none */
    struct {
        const char *says;  /* the proxy, as much as was wanted; NULL ends */
        const char *reply; /* what is sent then */
    } turns[5];
    enum kiln_err_kind kind; /* of the error; NONE: it is open in the end */
    const char *error;
};

/* In hexadecimal digits, with spaces. */
static const struct exchange rows[] = {
    { "a name, no login",
      "guest",
      NULL,
      { { "", "050100" },
        { "0500", "05010003056775657374 0016" },
        { "0500000101", "" },
        { "0000000016", "" } },
      KILN_ERR_NONE,
      NULL },
    { "IPv4; the answer has IPv6",
      "10.1.2.3",
      NULL,
      { { "", "050100" },
        { "0500", "050100010a010203 0016" },
        { "0500000400", "" },
        { "00000000000000000000000000000000ff", "" } },
      KILN_ERR_NONE,
      NULL },
    { "IPv6; the answer has a name",
      "[::1]",
      NULL,
      { { "", "050100" },
        { "0500", "05010004 00000000000000000000000000000001 0016" },
        { "0500000302", "" },
        { "61620016", "" } },
      KILN_ERR_NONE,
      NULL },
    { "with a login",
      "g",
      "me",
      { { "", "05020002" },
        { "0502", "01026d65027077" },
        { "0100", "050100030167 0016" },
        { "0500000300", "" },
        { "0016", "" } },
      KILN_ERR_NONE,
      NULL },
    { "a login that is not asked for",
      "g",
      "me",
      { { "", "05020002" }, { "0500", "050100030167 0016" }, { "0500000300", "" }, { "0016", "" } },
      KILN_ERR_NONE,
      NULL },
    { "wrong password",
      "g",
      "me",
      { { "", "05020002" }, { "0502", "01026d65027077" }, { "0101", "" } },
      KILN_ERR_USER,
      "the proxy refused the login: are ssh_proxy_username and ssh_proxy_password right?" },
    { "a login is wanted",
      "g",
      NULL,
      { { "", "050100" }, { "05ff", "" } },
      KILN_ERR_USER,
      "the proxy wants a login: set ssh_proxy_username and ssh_proxy_password" },
    { "another kind of login",
      "g",
      "me",
      { { "", "05020002" }, { "05ff", "" } },
      KILN_ERR_USER,
      "the proxy takes no login by name and password" },
    { "a method that was not offered",
      "g",
      NULL,
      { { "", "050100" }, { "0502", "" } },
      KILN_ERR_REMOTE,
      "this is no SOCKS5 proxy" },
    { "SSH",
      "g",
      NULL,
      { { "", "050100" }, { "5353", "" } },
      KILN_ERR_REMOTE,
      "this is no SOCKS5 proxy" },
    { "the guest refuses",
      "g",
      NULL,
      { { "", "050100" }, { "0500", "050100030167 0016" }, { "0505000100", "" } },
      KILN_ERR_REMOTE,
      "the proxy says: connection refused" },
    { "a code of another world",
      "g",
      NULL,
      { { "", "050100" }, { "0500", "050100030167 0016" }, { "05ff000100", "" } },
      KILN_ERR_REMOTE,
      "the proxy says: unknown code: 255" },
    { "a kind of address of another world",
      "g",
      NULL,
      { { "", "050100" }, { "0500", "050100030167 0016" }, { "0500000200", "" } },
      KILN_ERR_REMOTE,
      "this is no SOCKS5 proxy" },
};

static void unhex(struct kiln_str *out, const char *text)
{
    for (; *text; text++) {
        char digits[3] = { text[0], text[1], '\0' };

        if (*text == ' ')
            continue;
        kiln_str_addc(out, (char)strtol(digits, NULL, 16));
        text++;
    }
}

static void exchanges(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        const struct exchange *x = &rows[i];
        char *user = kiln_xstrdup(x->user), password[] = "pw";
        struct kiln_ssh_proxy proxy = { .user = user, .password = user ? password : NULL };
        struct kiln_socks s = { 0 };
        KILN_AUTO_ERR err = { 0 };
        bool ok = kiln_socks_init(&s, &proxy, x->host, 22, &err);

        for (size_t t = 0; t < KILN_COUNT(x->turns) && x->turns[t].says; t++) {
            KILN_AUTO_STR says = { 0 };
            KILN_AUTO_STR want = { 0 };

            unhex(&says, x->turns[t].says);
            unhex(&want, x->turns[t].reply);
            if (says.len > 0) {
                assert_true(ok);
                assert_int_equal(says.len, s.want);
                ok = kiln_socks_feed(&s, (const unsigned char *)says.data, &err);
            }
            if (s.out.len != want.len ||
                memcmp(kiln_str_cstr(&s.out), kiln_str_cstr(&want), want.len))
                fail_msg("%s: turn %zu: another reply", x->what, t);
            kiln_str_clear(&s.out);
        }
        if (x->error) {
            unit_fails(ok, &err, x->kind, x->error);
        } else {
            unit_ok(ok, &err);
            assert_int_equal(s.state, KILN_SOCKS_OPEN);
        }
        kiln_socks_done(&s);
        free(user);
    }
}

static void too_long(void **state)
{
    char text[257];
    struct kiln_ssh_proxy proxy = { .user = text, .password = text };
    struct kiln_ssh_proxy nobody = { 0 };
    struct kiln_socks s;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    memset(text, 'a', 256);
    text[256] = '\0';
    unit_fails(kiln_socks_init(&s, &proxy, "g", 22, &err), &err, KILN_ERR_USER,
               "ssh_proxy_username and ssh_proxy_password must not be longer than 255 bytes");
    assert_false(kiln_socks_init(&s, &nobody, text, 22, &err));
    assert_false(kiln_socks_init(&s, &nobody, "", 22, &err));
    text[255] = '\0';
    kiln_err_clear(&err);
    unit_ok(kiln_socks_init(&s, &proxy, text, 22, &err), &err);
    kiln_socks_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges),
        cmocka_unit_test(too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
