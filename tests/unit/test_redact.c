/* Redaction: encodings, overlaps, streams. Source: packer-core.md, 7.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/encode.h"
#include "base/limits.h"
#include "base/mem.h"
#include "redact_naive.h"

#define R KILN_REDACTED

static struct kiln_redactor *build(const struct kiln_strv *secrets)
{
    struct kiln_redactor *r = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_redactor_build(secrets, &r, &err))
        fail_msg("%s", kiln_err_text(&err));
    return r;
}

static void check(const struct kiln_strv *secrets, const char *text, const char *want)
{
    KILN_AUTO_REDACTOR *r = build(secrets);
    KILN_AUTO_STR got = { 0 };

    kiln_redact_text(r, text, strlen(text), &got);
    if (strcmp(kiln_str_cstr(&got), want) != 0)
        fail_msg("text     %s\n  became   %s\n  expected %s", text, kiln_str_cstr(&got), want);
}

static const struct {
    const char *secrets[4];
    const char *text, *want;
} plain[] = {
    { { 0 }, "nothing to hide", "nothing to hide" },
    { { "" }, "nothing to hide", "nothing to hide" },
    { { "hunter2" }, "", "" },
    { { "hunter2" }, "hunter2", R },
    { { "hunter2" }, "pw=hunter2;", "pw=" R ";" },
    { { "hunter2" }, "hunter hunter2hunter2", "hunter " R R },
    { { "hunter2", "hunter2" }, "hunter2", R },
    /* short secrets, as Packer does it */
    { { "e" }, "file: eel", "fil" R ": " R R "l" },
    { { "ab" }, "a ab abc", "a " R " " R "c" },
    /* longest first, in one pass: what was put in is not looked at again */
    { { "abc", "abcdef" }, "abcdef abcde", R " " R "de" },
    { { "abcdef", "abc" }, "abcdef abcde", R " " R "de" },
    { { "qqq", "sens" }, "qqq sens", R " " R },
    { { "abcd", "abcdefgh" }, "abcdefg", R "efg" },
    { { "abcd", "a", "ab" }, "abc abcd", R "c " R },
    /* overlapping ones: no tail of one is left */
    { { "abcd", "cdef" }, "xabcdefx", "x" R "x" },
    { { "abcdabcd" }, "abcdabcdabcd", R },
    { { "aa" }, "aaa", R },
    /* derived forms of less than four bytes are not secrets */
    { { "a'" }, "a'' a\\' a%27", R "' a\\' " R },
    { { "x\ny" }, "x y x\ny x\\ny", "x y " R " " R },
};

static void test_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(plain); i++) {
        KILN_AUTO_STRV secrets = { 0 };

        for (size_t k = 0; k < 4 && plain[i].secrets[k]; k++)
            kiln_strv_add(&secrets, plain[i].secrets[k]);
        check(&secrets, plain[i].text, plain[i].want);
    }
}

/* What programs print of a value. Taken from the programs, not from our encoders. */
static const struct {
    const char *by, *secret, *text;
} encodings[] = {
    { "base64", "p\xC3\xA4ss", "cMOkc3M=" },
    { "base64, 0 bytes before", "s3cr3t-pass", "czNjcjN0LXBhc3" },
    { "base64, 1 byte before", "s3cr3t-pass", "MzY3IzdC1wYXNz" },
    { "base64, 2 bytes before", "s3cr3t-pass", "zM2NyM3QtcGFzc" },
    { "base64 without padding", "s3cr3t-pass", "czNjcjN0LXBhc3M" },
    { "base64, URL alphabet", "a\xFB\xEF\xBE?~", "Yfvvvj9-" },
    { "xxd -p", "s3cr3t", "733363723374" },
    { "hex", "z0z0", "7A307A30" },
    { "hex, lower", "\xC3\xA9\xC3\xA9", "c3a9c3a9" },
    { "Go url.QueryEscape", "p@ss w/rd", "p%40ss+w%2Frd" },
    { "Go url.PathEscape", "p@ss w/rd", "p@ss%20w%2Frd" },
    { "curl, lower", "p@ss w/rd", "p%40ss%20w%2frd" },
    { "Python quote", "p@ss w/rd", "p%40ss%20w/rd" },
    { "encodeURIComponent", "it's(50%)", "it's(50%25)" },
    { "encodeURI", "a b&c=d", "a%20b&c=d" },
    { "HTML form", "a*b~c d", "a*b%7Ec+d" },
    { "shell", "it's me", "it'\\''s me" },
    { "Python shlex", "it's me", "it'\"'\"'s me" },
    { "printf %q", "a b$c'd!", "a\\ b\\$c\\'d\\!" },
    { "printf %q, all it escapes", "a,b{c}^!~#=%@*?[]<>|;&()\"`:x",
      "a\\,b\\{c\\}\\^\\!~#=%@\\*\\?\\[\\]\\<\\>\\|\\;\\&\\(\\)\\\"\\`:x" },
    { "in double quotes", "a$b`c\"d\\e", "a\\$b\\`c\\\"d\\\\e" },
    { "in double quotes, !", "a$b!c", "a\\$b\\!c" },
    { "$'...'", "a'b\nc\td\033", "a\\'b\\nc\\td\\E" },
    { "quotemeta", "a.b+c", "a\\.b\\+c" },
    { "PowerShell", "it's me", "it''s me" },
    { "PowerShell, double quotes", "a$b", "a`$b" },
    { "JSON", "a\"b\\c\nd", "a\\\"b\\\\c\\nd" },
    { "Go json", "a<b>&c", "a\\u003cb\\u003e\\u0026c" },
    { "Python json", "p\xC3\xA4ss", "p\\u00e4ss" },
    { "Python json, beyond the BMP", "p\xF0\x9F\x98\x80ss", "p\\ud83d\\ude00ss" },
    { "Java json", "p\xC3\xA4\xC3\xABss", "p\\u00E4\\u00EBss" },
    { "json-c", "a/b/c", "a\\/b\\/c" },
    { "PHP", "a/b\xC3\xA9", "a\\/b\\u00e9" },
    { ".NET", "a\"b+c", "a\\u0022b\\u002Bc" },
    { "Jinja tojson", "it's<", "it\\u0027s\\u003c" },
    { "Go %q", "a\"b\x01\a", "a\\\"b\\x01\\a" },
    { "Go %+q", "p\xC3\xA4ss", "p\\u00e4ss" },
    { "Python repr, in double quotes", "p\x7Fq'\n", "p\\x7fq'\\n" },
    { "Python repr", "p\x7Fq'\n", "p\\x7fq\\'\\n" },
    { "Python bytes", "p\xC3\xA4ss", "p\\xc3\\xa4ss" },
    { "git, ls", "p\xC3\xA4ss", "p\\303\\244ss" },
    { "HTML", "a<b&\"c'", "a&lt;b&amp;&quot;c&#39;" },
    { "Go HTML", "a<b&\"c'", "a&lt;b&amp;&#34;c&#39;" },
    { "Python HTML", "a<b&\"c'", "a&lt;b&amp;&quot;c&#x27;" },
    { "XML", "a<b&\"c'", "a&lt;b&amp;&quot;c&apos;" },
    { "PHP HTML", "it's", "it&#039;s" },
    { "HTML text", "a<b&\"c'", "a&lt;b&amp;\"c'" },
    { "a file without its last newline", "hunter2\n", "hunter2" },
    { "a terminal", "line one\nline two", "line one\r\nline two" },
    { "dos2unix", "line one\r\nline two", "line one\nline two" },
    { "one line of several", "line one\n  line two\n", "line two" },
    { "one line, in JSON", "line one\nline \"two\"\n", "line \\\"two\\\"" },
    { "one line, in base64", "user\npassw0rd", "cGFzc3cwcm" },
    { "lines, in JSON", "line one\nline two", "line one\\nline two" },
};

static void test_encodings(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(encodings); i++) {
        KILN_AUTO_STRV secrets = { 0 };
        KILN_AUTO_STR text = { 0 };

        kiln_strv_add(&secrets, encodings[i].secret);
        kiln_str_addf(&text, "[%s]", encodings[i].text);
        check(&secrets, kiln_str_cstr(&text), "[" R "]");
    }
}

/* A key of many lines: as one, line by line, escaped, and in wrapped base64. */
static void test_private_key(void **state)
{
    static const char digits[] = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7/+";
    KILN_AUTO_STR key = { 0 }, crlf = { 0 }, json = { 0 }, lines = { 0 };
    KILN_AUTO_STRV secrets = { 0 };

    (void)state;
    for (int i = 0; i < 40; i++) {
        kiln_str_addf(&key, "%s%08d\n", digits, i * 7919);
        kiln_str_addf(&crlf, "%s%08d\r\n", digits, i * 7919);
        kiln_str_addf(&json, "%s%08d\\n", digits, i * 7919);
        kiln_str_addf(&lines, "%s\\n", R);
    }
    kiln_strv_add(&secrets, key.data);
    assert_true(key.len > KILN_REDACT_WHOLE_MAX);
    check(&secrets, key.data, R);
    check(&secrets, crlf.data, R);
    check(&secrets, json.data, lines.data);
    check(&secrets, "x MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7/+00007919 y",
          "x " R " y");
}

/* base64(1) and openssl wrap it; every whole line of theirs is known. */
static void test_wrapped_base64(void **state)
{
    static const size_t widths[] = { 64, 76 };
    KILN_AUTO_STR key = { 0 }, text = { 0 };
    KILN_AUTO_STRV secrets = { 0 };

    (void)state;
    for (int i = 0; i < 60; i++)
        kiln_str_addf(&key, "key material %d%s", i * 7919, i % 3 ? "; " : "\n");
    kiln_strv_add(&secrets, key.data);
    kiln_base64_add(&text, key.data, key.len);
    for (size_t w = 0; w < KILN_COUNT(widths); w++) {
        for (size_t pos = 0; pos + widths[w] <= text.len; pos += widths[w]) {
            KILN_AUTO_FREE char *line = kiln_xstrndup(text.data + pos, widths[w]);

            check(&secrets, line, R);
        }
    }
}

static void test_null_redactor(void **state)
{
    KILN_AUTO_REDACT_STREAM s = { 0 };
    KILN_AUTO_STR out = { 0 };
    size_t start, len;

    (void)state;
    kiln_redact_text(NULL, "abc", 3, &out);
    kiln_redact_feed(&s, "def", 3, &out);
    assert_string_equal(out.data, "abcdef");
    kiln_redact_flush(&s, &out);
    assert_string_equal(out.data, "abcdef");
    assert_false(kiln_redact_find(NULL, "abc", 3, 0, &start, &len));
    assert_int_equal(kiln_redactor_size(NULL), 0);
    kiln_redactor_free(NULL);
}

static void test_nul_bytes(void **state)
{
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;

    (void)state;
    kiln_strv_add(&secrets, "s3cret");
    r = build(&secrets);
    kiln_redact_text(r, "a\0s3cret\0b", 10, &out);
    assert_int_equal(out.len, 4 + strlen(R));
    assert_memory_equal(out.data, "a\0" R "\0b", out.len);
}

/* Only what may be the beginning of a secret waits for more. */
static void test_held_back(void **state)
{
    static const struct {
        const char *piece, *out;
    } steps[] = {
        { "plain text\n", "plain text\n" },
        { "pw: hun", "pw: " },
        { "t", "" },
        { "er", "" },
        { "2!\n", R "!\n" },
        { "hunt", "" },
        { "ing h", "hunting " },
        { "", "" },
        { "unter2", R },
        { "hunter2hunte", R },
        { "r3", "hunter3" },
        { "hunter", "" },
    };
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_strv_add(&secrets, "hunter2");
    r = build(&secrets);
    {
        KILN_AUTO_REDACT_STREAM s = { .redactor = r };

        for (size_t i = 0; i < KILN_COUNT(steps); i++) {
            kiln_str_clear(&out);
            kiln_redact_feed(&s, steps[i].piece, strlen(steps[i].piece), &out);
            assert_string_equal(kiln_str_cstr(&out), steps[i].out);
        }
        kiln_redact_flush(&s, &out);
        assert_string_equal(out.data, "hunter");
        kiln_redact_feed(&s, "2", 1, &out); /* after a flush the text starts anew */
        assert_string_equal(out.data, "hunter2");
    }
}

/* A shorter secret is not sent while a longer one may still be there. */
static void test_held_for_the_longer(void **state)
{
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_strv_add(&secrets, "abcd");
    kiln_strv_add(&secrets, "abcdefgh");
    r = build(&secrets);
    {
        KILN_AUTO_REDACT_STREAM s = { .redactor = r };

        kiln_redact_feed(&s, "abcdefg", 7, &out);
        assert_int_equal(out.len, 0);
        kiln_redact_feed(&s, "x", 1, &out);
        assert_string_equal(kiln_str_cstr(&out), R "efgx");
    }
}

/* A generated password joins while a text is under way. */
static void test_new_redactor(void **state)
{
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_REDACTOR *before = NULL, *after = NULL;
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_strv_add(&secrets, "s3cret");
    before = build(&secrets);
    kiln_strv_add(&secrets, "generated");
    after = build(&secrets);
    {
        KILN_AUTO_REDACT_STREAM s = { .redactor = before };

        kiln_redact_feed(&s, "generated s3c", 13, &out);
        s.redactor = after;
        kiln_redact_feed(&s, "ret generated", 13, &out);
        kiln_redact_flush(&s, &out);
        assert_string_equal(out.data, "generated " R " " R);
    }
}

static void test_find(void **state)
{
    static const char text[] = "pw=p%40ss+p@ss, abcdef";
    static const size_t want[][2] = { { 3, 6 }, { 10, 4 }, { 16, 4 }, { 18, 4 } };
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    size_t from = 0, start, len, n = 0;

    (void)state;
    kiln_strv_add(&secrets, "p@ss");
    kiln_strv_add(&secrets, "abcd");
    kiln_strv_add(&secrets, "cdef");
    r = build(&secrets);
    for (; kiln_redact_find(r, text, strlen(text), from, &start, &len); from = start + 1, n++) {
        assert_true(n < KILN_COUNT(want));
        assert_int_equal(start, want[n][0]);
        assert_int_equal(len, want[n][1]);
    }
    assert_int_equal(n, KILN_COUNT(want));
}

static void test_limits(void **state)
{
    KILN_AUTO_STRV secrets = { 0 };
    struct kiln_redactor *r = NULL;
    KILN_AUTO_ERR err = { 0 };
    char *big = kiln_xmalloc(KILN_MAX_SECRET + 2);

    (void)state;
    for (size_t i = 0; i <= KILN_MAX_SECRET; i++)
        big[i] = (char)('a' + i % 23);
    big[KILN_MAX_SECRET + 1] = '\0';
    kiln_strv_add_take(&secrets, big);
    assert_false(kiln_redactor_build(&secrets, &r, &err));
    assert_null(r);
    assert_int_equal(err.kind, KILN_ERR_USER);
    assert_non_null(strstr(kiln_err_text(&err), "65537 bytes, at most 65536"));

    secrets.v[0][KILN_MAX_SECRET] = '\0';
    r = build(&secrets);
    kiln_redactor_free(r);
    check(&secrets, secrets.v[0], R);
    while (secrets.n <= KILN_MAX_SECRETS / KILN_MAX_SECRET)
        kiln_strv_add(&secrets, secrets.v[0]);
    r = NULL;
    assert_false(kiln_redactor_build(&secrets, &r, &err));
    assert_non_null(strstr(kiln_err_text(&err), "bytes together"));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return *seed >> 8;
}

/* Twenty ordinary secrets, two keys among them, take little memory. */
static void test_size(void **state)
{
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    uint32_t seed = 1;

    (void)state;
    for (int i = 0; i < 20; i++) {
        KILN_AUTO_STR s = { 0 };

        for (int k = 0; k < (i < 2 ? 3300 : 20); k++)
            kiln_str_addc(&s, k % 65 == 64 ? '\n' : (char)('!' + next_random(&seed) % 94));
        kiln_strv_add(&secrets, s.data);
    }
    r = build(&secrets);
    assert_true(kiln_redactor_size(r) < 1 << 20);
}

/* A text of few different characters, with forms of the secrets strewn in. */
static void random_text(uint32_t *seed, const struct kiln_strv *forms, struct kiln_str *out)
{
    static const char alphabet[] = "aabbc'\n";
    size_t n = next_random(seed) % 40;

    for (size_t i = 0; i < n; i++) {
        if (forms->n && next_random(seed) % 4 == 0)
            kiln_str_adds(out, forms->v[next_random(seed) % forms->n]);
        else
            kiln_str_addc(out, alphabet[next_random(seed) % (sizeof(alphabet) - 1)]);
        if (out->len && next_random(seed) % 6 == 0)
            kiln_str_truncate(out, out->len - 1);
    }
}

static void random_secrets(uint32_t *seed, struct kiln_strv *secrets)
{
    static const struct kiln_strv none = { 0 };
    size_t n = next_random(seed) % 5;

    for (size_t i = 0; i < n; i++) {
        KILN_AUTO_STR s = { 0 };

        random_text(seed, &none, &s);
        kiln_str_truncate(&s, next_random(seed) % 2 ? 3 : 9);
        kiln_strv_add(secrets, kiln_str_cstr(&s));
    }
}

static void redact_in_pieces(uint32_t *seed, const struct kiln_redactor *r,
                             const struct kiln_str *text, struct kiln_str *out)
{
    KILN_AUTO_REDACT_STREAM s = { .redactor = r };
    size_t longest = 1 + next_random(seed) % 12;

    for (size_t pos = 0; pos < text->len;) {
        size_t n = next_random(seed) % (longest + 1);

        n = n < text->len - pos ? n : text->len - pos;
        kiln_redact_feed(&s, text->data + pos, n, out);
        pos += n;
    }
    kiln_redact_flush(&s, out);
    assert_int_equal(s.held.len, 0);
    assert_int_equal(s.covered, 0);
}

static void test_random(void **state)
{
    uint32_t seed = 20;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        KILN_AUTO_STRV secrets = { 0 }, forms = { 0 };
        KILN_AUTO_STR text = { 0 }, want = { 0 }, whole = { 0 }, pieces = { 0 };
        KILN_AUTO_REDACTOR *r = NULL;

        random_secrets(&seed, &secrets);
        KILN_STRV_FOREACH (s, &secrets) {
            kiln_redact_forms(s, &forms);
        }
        random_text(&seed, &forms, &text);
        r = build(&secrets);
        naive_redact(&secrets, kiln_str_cstr(&text), text.len, &want);
        kiln_redact_text(r, kiln_str_cstr(&text), text.len, &whole);
        redact_in_pieces(&seed, r, &text, &pieces);
        if (strcmp(kiln_str_cstr(&whole), kiln_str_cstr(&want)) != 0 ||
            strcmp(kiln_str_cstr(&pieces), kiln_str_cstr(&want)) != 0)
            fail_msg("round %d: %s\n  whole    %s\n  pieces   %s\n  expected %s", round,
                     kiln_str_cstr(&text), kiln_str_cstr(&whole), kiln_str_cstr(&pieces),
                     kiln_str_cstr(&want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_private_key),   cmocka_unit_test(test_wrapped_base64),
        cmocka_unit_test(test_null_redactor), cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_held_back),     cmocka_unit_test(test_held_for_the_longer),
        cmocka_unit_test(test_new_redactor),  cmocka_unit_test(test_find),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_size),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
