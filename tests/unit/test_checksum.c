#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/checksum.h"

#define MD5_A    "d41d8cd98f00b204e9800998ecf8427e"
#define MD5_B    "0cc175b9c0f1b6a831c399e269772661"
#define MD5_C    "92eb5ffee6ae2fec3ad71c777531578f"
#define SHA1_A   "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SHA256_A "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA512_A SHA256_A SHA256_A

static void parse_good(void **state)
{
    static const struct {
        const char *in, *want;
        enum kiln_checksum_kind kind;
    } table[] = {
        { "none", "none", KILN_CHECKSUM_NONE },
        { "none:" MD5_A, "none", KILN_CHECKSUM_NONE }, /* what Packer's fixer makes */
        { MD5_A, "md5:" MD5_A, KILN_CHECKSUM_SUM },
        { SHA1_A, "sha1:" SHA1_A, KILN_CHECKSUM_SUM },
        { SHA256_A, "sha256:" SHA256_A, KILN_CHECKSUM_SUM },
        { SHA512_A, "sha512:" SHA512_A, KILN_CHECKSUM_SUM },
        { "SHA1:DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", "sha1:" SHA1_A, KILN_CHECKSUM_SUM },
        { "file:sums", "file:sums", KILN_CHECKSUM_FILE },
        { "file:./sums", "file:./sums", KILN_CHECKSUM_FILE },
        { "file:///abs/sums", "file:///abs/sums", KILN_CHECKSUM_FILE },
        { "file://./sums", "file://./sums", KILN_CHECKSUM_FILE },
        { "file:http://h/SUMS", "file:http://h/SUMS", KILN_CHECKSUM_FILE },
        { "file:file://./sums", "file://./sums", KILN_CHECKSUM_FILE },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        KILN_AUTO_CHECKSUM sum = { 0 };
        KILN_AUTO_ERR err = { 0 };
        KILN_AUTO_FREE char *text = NULL;

        if (!kiln_checksum_parse(table[i].in, &sum, &err))
            fail_msg("%s: %s", table[i].in, kiln_err_text(&err));
        text = kiln_checksum_format(&sum);
        assert_int_equal(sum.kind, table[i].kind);
        assert_string_equal(text, table[i].want);
    }
}

static void parse_bad(void **state)
{
    static const struct {
        const char *in, *want;
    } table[] = {
        { "abcd", "Unknown type for checksum abcd in \"abcd\"" },
        { "", "Unknown type for checksum  in \"\"" },
        { "sha3:" MD5_A, "unsupported checksum type: sha3 in \"sha3:" MD5_A "\"" },
        { "sha256:xyz",
          "invalid checksum: encoding/hex: invalid byte: U+0078 'x' in \"sha256:xyz\"" },
        { "sha256:abc", "invalid checksum: encoding/hex: odd length hex string in \"sha256:abc\"" },
        { "md5:" SHA256_A,
          "invalid checksum: md5 has 32 hex digits, not 64, in \"md5:" SHA256_A "\"" },
        { "http://h/SUMS", "invalid checksum: encoding/hex: invalid byte: U+002F '/' in "
                           "\"http://h/SUMS\" (write file:URL for a file of checksums)" },
        { "file:", "no URL or path behind \"file:\" in checksum" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        KILN_AUTO_CHECKSUM sum = { 0 };
        KILN_AUTO_ERR err = { 0 };

        assert_false(kiln_checksum_parse(table[i].in, &sum, &err));
        assert_string_equal(err.msg, table[i].want);
        assert_int_equal(err.kind, KILN_ERR_USER);
    }
}

#define ISO  "http://h/debian/iso-cd/a b.iso"
#define SUMS "http://h/debian/SUMS"

static void find_good(void **state)
{
    static const struct {
        const char *text, *file, *sums, *want;
    } table[] = {
        /* GNU, BSD, openssl; the last line need not end */
        { MD5_A "  x.iso\n" MD5_B "  y.iso\n", "http://h/x.iso", SUMS, MD5_A },
        { MD5_A "  x.iso\n" MD5_B "  y.iso", "http://h/y.iso", SUMS, MD5_B },
        { MD5_A " *x.iso\r\n", "x.iso", "SUMS", MD5_A },
        { MD5_A "\t?x.iso\n", "x.iso", "SUMS", MD5_A },
        { "SHA256 (x.iso) = " SHA256_A "\n", "x.iso", "SUMS", SHA256_A },
        { "sha1(x.iso)= " SHA1_A "\n", "x.iso", "SUMS", SHA1_A },
        { "MD5 (a (1).iso) = " MD5_A "\n", "a (1).iso", "SUMS", MD5_A },
        /* names with spaces are names, and belong to their file only */
        { MD5_A "  other name.iso\n" MD5_B "  a b.iso\n", ISO, SUMS, MD5_B },
        { MD5_A "  c d.iso\n" MD5_B "  x.iso\n", "x.iso", "SUMS", MD5_B },
        { "\\" MD5_A "  a\\\\b\\nc\n", "a\\b\nc", "SUMS", MD5_A },
        /* relative and absolute names */
        { MD5_A "  iso-cd/a b.iso\n", ISO, SUMS, MD5_A },
        { MD5_A "  ./iso-cd/a b.iso\n", ISO, SUMS, MD5_A },
        { MD5_A "  ../iso-cd/a b.iso\n", ISO, "http://h/debian/sums/S", MD5_A },
        { MD5_A "  /debian/iso-cd/a b.iso\n", ISO, "http://other/S", MD5_A },
        { MD5_A "  sub/x.iso\n", "/d/sub/x.iso", "/d/SUMS", MD5_A },
        /* the exact name beats a similar one, the longer one a shorter one, any name a bare sum */
        { MD5_A "  x\n" MD5_B "  x.iso\n", "http://h/x.iso", SUMS, MD5_B },
        { MD5_A "  iso-cd/a\n" MD5_B "  a b.iso\n", ISO, SUMS, MD5_B },
        { MD5_A "  a\n" MD5_B "  debian/iso\n", ISO, SUMS, MD5_B },
        { MD5_A "\n" MD5_B "  debian\n", ISO, SUMS, MD5_B },
        { MD5_A "\n", ISO, SUMS, MD5_A },
        { "  " MD5_A "  ", ISO, SUMS, MD5_A },
        /* the first among equals */
        { MD5_A "  x.iso\n" SHA1_A "  x.iso\n", "x.iso", "SUMS", MD5_A },
        /* what is no checksum is passed over */
        { "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# " MD5_B "  x.iso\n" MD5_A
          "  x.iso\n",
          "x.iso", "SUMS", MD5_A },
        { "/" MD5_B "  x.iso\nzz\nMD5 (x.iso) = 12\n" MD5_A "  x.iso", "x.iso", "SUMS", MD5_A },
        { MD5_C "x.iso\n" MD5_A "  x.iso", "x.iso", "SUMS", MD5_A },
        { "D41D8CD98F00B204E9800998ECF8427E  x.iso", "x.iso", "SUMS", MD5_A },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        struct kiln_checksum sum = { 0 };
        KILN_AUTO_ERR err = { 0 };

        if (!kiln_checksum_find(table[i].text, strlen(table[i].text), table[i].file, table[i].sums,
                                &sum, &err))
            fail_msg("row %zu: %s", i, kiln_err_text(&err));
        assert_int_equal(sum.kind, KILN_CHECKSUM_SUM);
        if (strcmp(sum.hex, table[i].want) != 0)
            fail_msg("row %zu: %s", i, sum.hex);
    }
}

static void find_none(void **state)
{
    static const char *const texts[] = {
        "", "\n\n", MD5_A "  y.iso\n", "MD5 (y.iso) = " MD5_A, "MD5 () = " MD5_A, "MD5 (", ")", "\\"
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(texts); i++) {
        struct kiln_checksum sum = { 0 };
        KILN_AUTO_ERR err = { 0 };

        assert_false(
            kiln_checksum_find(texts[i], strlen(texts[i]), "http://u:pw@h/x.iso", "S", &sum, &err));
        assert_string_equal(err.msg, "no checksum found in: http://u:xxxxx@h/x.iso in \"file:S\"");
    }
}

/* A line that is too long is passed over whole, not cut to something that fits. */
static void find_long_line(void **state)
{
    KILN_AUTO_STR text = { 0 };
    struct kiln_checksum sum = { 0 };

    (void)state;
    kiln_str_adds(&text, MD5_B "  x.iso");
    for (size_t i = 0; i < KILN_MAX_LINE; i++)
        kiln_str_addc(&text, 'x');
    kiln_str_adds(&text, "\n" MD5_A "  x.iso\n");
    assert_true(kiln_checksum_find(text.data, text.len, "x.iso", "S", &sum, NULL));
    assert_string_equal(sum.hex, MD5_A);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_good), cmocka_unit_test(parse_bad),      cmocka_unit_test(find_good),
        cmocka_unit_test(find_none),  cmocka_unit_test(find_long_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
