#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "base/mem.h"
#include "net/url.h"

#define SAME(got, want)                                                                            \
    do {                                                                                           \
        KILN_AUTO_FREE char *got_ = (got);                                                         \
        assert_string_equal(got_, want);                                                           \
    } while (0)

static void kinds(void **state)
{
    static const struct {
        const char *url;
        enum kiln_url_kind kind;
        const char *path, *origin;
    } table[] = {
        { "a.iso", KILN_URL_PATH, "a.iso", "" },
        { "./a b?c.iso", KILN_URL_PATH, "./a b?c.iso", "" },
        { "/abs/a%20b", KILN_URL_PATH, "/abs/a%20b", "" },
        { "C:\\isos\\a.iso", KILN_URL_PATH, "C:\\isos\\a.iso", "" },
        { "http:/x", KILN_URL_PATH, "http:/x", "" },
        { "file:///abs/a%20b.iso", KILN_URL_FILE, "/abs/a b.iso", "" },
        { "FILE:///abs", KILN_URL_FILE, "/abs", "" },
        { "file://./x/y", KILN_URL_FILE, "./x/y", "" },
        { "file://x/y", KILN_URL_FILE, "x/y", "" },
        { "file://localhost/abs", KILN_URL_FILE, "/abs", "" },
        { "file:rel", KILN_URL_FILE, "rel", "" },
        { "http://H.example:80/a%2fb?q#f", KILN_URL_HTTP, "/a/b", "http://h.example:80" },
        { "HTTPS://u:p@h/x", KILN_URL_HTTP, "/x", "https://h" },
        { "https://h", KILN_URL_HTTP, "", "https://h" },
        { "http://h/%zz", KILN_URL_HTTP, "/%zz", "http://h" },
        { "ftp://h/x", KILN_URL_OTHER, "/x", "ftp://h" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        assert_int_equal(kiln_url_kind(table[i].url), table[i].kind);
        SAME(kiln_url_path(table[i].url), table[i].path);
        SAME(kiln_url_origin(table[i].url), table[i].origin);
    }
}

static void local_paths(void **state)
{
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    SAME(kiln_url_local_path("./a%41", &err), "./a%41");
    SAME(kiln_url_local_path("file:///a%41?x=y", &err), "/aA");
    assert_null(kiln_url_local_path("file:///a%4", &err));
    assert_non_null(strstr(err.msg, "file:///a%4"));
    assert_null(kiln_url_local_path("file:///a%00b", &err));
}

static void escapes(void **state)
{
    (void)state;
    SAME(kiln_url_escape("http://h/a b%20c?x=\303\244&y=[1]"), "http://h/a%20b%20c?x=%C3%A4&y=[1]");
    SAME(kiln_url_escape("http://h/\"<>\\^`{|}\001"), "http://h/%22%3C%3E%5C%5E%60%7B%7C%7D%01");
}

static void redaction(void **state)
{
    (void)state;
    SAME(kiln_url_redact("http://u:secret@h/x@y:z"), "http://u:xxxxx@h/x@y:z");
    SAME(kiln_url_redact("http://u:se@cret@h/"), "http://u:xxxxx@h/");
    SAME(kiln_url_redact("http://u@h/"), "http://u@h/");
    SAME(kiln_url_redact("http://h:80/"), "http://h:80/");
    SAME(kiln_url_redact("./a:b@c"), "./a:b@c");
}

static void queries(void **state)
{
    static const struct {
        const char *url, *name, *value, *want;
    } table[] = {
        { "http://h/a?z=1&b=a b", "checksum", "md5:0", "http://h/a?b=a+b&checksum=md5%3A0&z=1" },
        { "./a.iso", "checksum", "md5:0", "./a.iso?checksum=md5%3A0" },
        { "http://h/a?checksum=x&checksum=y", "checksum", NULL, "http://h/a" },
        { "http://h/a?b=2&archive=false&a=%2f#f", "archive", NULL, "http://h/a?a=%2F&b=2#f" },
        { "http://h/a?Z&y=%zz", "x", NULL, "http://h/a?Z&y=%zz" },
        { "http://h/a?b=2&a=1&b=1", "c", "3", "http://h/a?a=1&b=2&b=1&c=3" },
        { "http://h/a?", "c", "3", "http://h/a?c=3" },
    };
    KILN_AUTO_FREE char *none = kiln_url_query_get("http://h/a?x=1", "y");

    (void)state;
    assert_null(none);
    SAME(kiln_url_query_get("http://h/?checksum=sha256%3Aab&x=1", "checksum"), "sha256:ab");
    SAME(kiln_url_query_get("http://h/?flag", "flag"), "");
    for (size_t i = 0; i < KILN_COUNT(table); i++)
        SAME(kiln_url_query_set(table[i].url, table[i].name, table[i].value), table[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),     cmocka_unit_test(local_paths), cmocka_unit_test(escapes),
        cmocka_unit_test(redaction), cmocka_unit_test(queries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
