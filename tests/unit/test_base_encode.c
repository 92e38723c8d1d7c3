/* Text encodings, each way, and what the decoders refuse. */
#include "base/encode.h"
#include "unit.h"

typedef bool decode_fn(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err);

static void check_decode(decode_fn *decode, const char *text, const char *want, size_t want_len)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    kiln_str_adds(&out, "+");
    unit_ok(decode(&out, text, strlen(text), &err), &err);
    assert_int_equal(out.len, want_len + 1);
    assert_memory_equal(out.data + 1, want, want_len);
}

static void check_refused(decode_fn *decode, const char *text, const char *want)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    kiln_str_adds(&out, "+");
    unit_fails(decode(&out, text, strlen(text), &err), &err, KILN_ERR_USER, want);
    assert_string_equal(out.data, "+");
}

static void test_hex(void **state)
{
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_hex_add(&out, "\x00\x7f\xff", 3);
    assert_string_equal(out.data, "007fff");
    check_decode(kiln_hex_decode, "007fFF", "\x00\x7f\xff", 3);
    check_decode(kiln_hex_decode, "", "", 0);
    check_refused(kiln_hex_decode, "abc", "hex: odd number of digits");
    check_refused(kiln_hex_decode, "aaxb", "hex: not a hex digit at position 2");
}

static void test_base64(void **state)
{
    static const struct {
        const char *plain, *coded;
    } rows[] = { /* RFC 4648, 10 */
                 { "", "" },
                 { "f", "Zg==" },
                 { "fo", "Zm8=" },
                 { "foo", "Zm9v" },
                 { "foob", "Zm9vYg==" },
                 { "fooba", "Zm9vYmE=" },
                 { "foobar", "Zm9vYmFy" },
                 { "\xfb\xff\xfe", "+//+" }
    };
    static const char *const bad[] = { "Z",        "Zg",   "Zg=",  "Zg===", "Zg==Zg==",
                                       "Zg==Zm9v", "=g==", "Z===", "Zm9-",  "Zm 9" };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR out = { 0 };

        kiln_base64_add(&out, rows[i].plain, strlen(rows[i].plain));
        assert_string_equal(kiln_str_cstr(&out), rows[i].coded);
        check_decode(kiln_base64_decode, rows[i].coded, rows[i].plain, strlen(rows[i].plain));
    }
    check_decode(kiln_base64_decode, "Zm\r\n9v\n", "foo", 3);
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        KILN_AUTO_STR out = { 0 };

        if (kiln_base64_decode(&out, bad[i], strlen(bad[i]), NULL))
            fail_msg("base64 '%s' was taken", bad[i]);
        assert_int_equal(out.len, 0);
    }
}

static void test_url(void **state)
{
    KILN_AUTO_STR query = { 0 };
    KILN_AUTO_STR path = { 0 };

    (void)state;
    kiln_url_add_query(&query, "a b/c?d=\xc3\xa4&-_.~");
    assert_string_equal(query.data, "a+b%2Fc%3Fd%3D%C3%A4%26-_.~");
    kiln_url_add_path(&path, "/a b/c?#%\xc3\xa4");
    assert_string_equal(path.data, "/a%20b/c%3F%23%25%C3%A4");
    check_decode(kiln_url_decode, "/a%20b+c%C3%a4", "/a b+c\xc3\xa4", 8);
    check_refused(kiln_url_decode, "a%2", "invalid URL escape");
    check_refused(kiln_url_decode, "%", "invalid URL escape");
    check_refused(kiln_url_decode, "a%zz", "invalid URL escape");
    check_refused(kiln_url_decode, "a%00b", "invalid URL escape");
}

static void test_shell(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "''" },
        { "/bin/sh", "/bin/sh" },
        { "-a=b:c,d@e%f+g_.", "-a=b:c,d@e%f+g_." },
        { "a b", "'a b'" },
        { "$HOME", "'$HOME'" },
        { "~", "'~'" },
        { "it's", "'it'\"'\"'s'" },
        { "'", "''\"'\"''" },
        { "a\nb", "'a\nb'" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR out = { 0 };

        kiln_shell_add_quoted(&out, rows[i].text);
        assert_string_equal(out.data, rows[i].want);
    }
}

static void test_json(void **state)
{
    KILN_AUTO_STR plain = { 0 };
    KILN_AUTO_STR html = { 0 };
    const char text[] = "\"\\/\b\f\n\r\t\a\v\x7f<&>\xe2\x80\xa8\xc3\xa4\xff\0!";

    (void)state;
    kiln_json_add_string(&plain, text, sizeof(text) - 1, KILN_JSON_PLAIN);
    assert_string_equal(plain.data, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0007\\u000b\x7f<&>\xe2\x80\xa8"
                                    "\xc3\xa4\xef\xbf\xbd\\u0000!\"");
    kiln_json_add_string(&html, "<&>\xe2\x80\xa8", 6, KILN_JSON_HTML);
    assert_string_equal(html.data, "\"\\u003c\\u0026\\u003e\\u2028\"");
}

static void test_go(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "\"\"" },
        { "plain 'text'", "\"plain 'text'\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\a\b\f\n\r\t\v\x01\x1b\x7f", "\"\\a\\b\\f\\n\\r\\t\\v\\x01\\x1b\\x7f\"" },
        { "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"" },
        { "\xc2\xa0\xc2\x85", "\"\\u00a0\\u0085\"" },
        { "\xe2\x80\x8b\xef\xbb\xbf", "\"\\u200b\\ufeff\"" },
        { "\xf3\xa0\x80\x81", "\"\\U000e0001\"" },
        { "\xff\xc3", "\"\\xff\\xc3\"" },
        { "\xef\xbf\xbd", "\"\xef\xbf\xbd\"" },
    };
    KILN_AUTO_STR nul = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR out = { 0 };

        kiln_go_add_quoted(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(out.data, rows[i].want);
    }
    kiln_go_add_quoted(&nul, "a\0b", 3);
    assert_string_equal(nul.data, "\"a\\x00b\"");
}

static void test_xml(void **state)
{
    KILN_AUTO_STR out = { 0 };
    const char text[] = "<a b=\"'&\t\r\n\x01\xff\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbe";

    (void)state;
    kiln_xml_add_text(&out, text, sizeof(text) - 1);
    assert_string_equal(out.data, "&lt;a b=&#34;&#39;&amp;&#x9;&#xD;&#xA;\xef\xbf\xbd\xef\xbf\xbd"
                                  "\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbd");
}

static void test_utf16(void **state)
{
    KILN_AUTO_STR out = { 0 };
    const char text[] = "a\xc3\xa4\xff\xf0\x9f\x98\x80"; /* a, umlaut, a bad byte, an emoji */

    (void)state;
    kiln_utf16_add(&out, text, sizeof(text) - 1);
    assert_int_equal(out.len, 10);
    assert_memory_equal(out.data, "a\0\xe4\0\xfd\xff\x3d\xd8\0\xde", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),   cmocka_unit_test(test_base64), cmocka_unit_test(test_url),
        cmocka_unit_test(test_shell), cmocka_unit_test(test_json),   cmocka_unit_test(test_go),
        cmocka_unit_test(test_xml),   cmocka_unit_test(test_utf16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
