/* Secrets in templates and variable files that are no JSON: what is found, and when nothing of the
 * text may be shown. */
#include "unit.h"

#include "base/macros.h"
#include "template/source.h"

#define LIST "\"sensitive-variables\": [\"pw\"]"

static const struct {
    const char *text;
    const char *found; /* joined by a blank */
    bool hidden;
} cases[] = {
    /* whole strings */
    { "{\"pw\": \"s3cret\", \"x\" 5, " LIST "}", "s3cret", false },
    { LIST ", {\"pw\"\n:\n\"s3cret\"\n}", "s3cret", false },
    { "{\"pw\": \"a\\/b\\\"c\"}" LIST, "a/b\"c a\\/b\\\"c", false },
    { "{\"pw\": \"one\"}{\"pw\": \"two\"} " LIST, "one two", false },
    { "{\"pw\": \"last\"} \"sensitive-variables\": [ \"pw\" ,\n \"other", "last", false },
    { "{\"pw\": \"v\", \"other\": \"w\" , " LIST ", \"sensitive-variables\": \"other\"}", "v w",
      false },
    /* no strings */
    { "{\"pw\": 1234, " LIST, "1234", false },
    { "{\"pw\": null, " LIST, "", false },
    { "{\"pw\": open.sesame, " LIST, "open.sesame", false },
    { "{\"pw\": 'open', " LIST, "'open'", false },
    /* where it ends is not known */
    { "{\"pw\": \"s3cret,\n \"x\": 5, " LIST, "", true },
    { "{\"pw\": \"s3\"cret\", " LIST, "s3", true },
    { "{\"pw\": \"s3cret\" \"x\": 5, " LIST, "s3cret", true },
    { "{\"pw\": open sesame, " LIST, "open", true },
    { "{\"pw\": [\"s3cret\"], " LIST, "", true },
    { "{\"pw\": {\"k\": \"s3cret\"}, " LIST, "", true },
    { LIST ", \"pw\":", "", true },
    /* nothing to hide */
    { "{\"pw\": \"shown", "", false },
    { "{\"pwd\": \"shown, " LIST, "", false },
    { "{\"x\": \"pw\", \"shown\": 5 5, " LIST, "", false },
    { "\"sensitive-variables\"", "", false },
    { "\"sensitive-variables\":", "", false },
    { "\"sensitive-variables\": [\"pw", "", false },
    { "", "", false },
};

static void check(const char *text, const struct kiln_strv *names, const char *found, bool hidden)
{
    struct kiln_source *s = kiln_source_new("t.json", text, strlen(text));
    KILN_AUTO_STRV secrets = { 0 };
    char *joined;

    kiln_source_secrets(s, names, &secrets);
    joined = kiln_strv_join(&secrets, " ");
    if (strcmp(joined, found) != 0 || s->secret != hidden)
        fail_msg("%s\n  found [%s], hidden %d\n  want [%s], hidden %d", text, joined, s->secret,
                 found, hidden);
    free(joined);
    kiln_source_unref(s);
}

static void test_its_own_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(cases); i++)
        check(cases[i].text, NULL, cases[i].found, cases[i].hidden);
}

/* A variable file does not say which of its values are secret: the template does. */
static void test_names_given(void **state)
{
    KILN_AUTO_STRV names = { 0 };

    (void)state;
    check("{\"pw\": \"s3cret\"", &names, "", false);
    kiln_strv_add(&names, "pw");
    check("{\"pw\": \"s3cret\"", &names, "s3cret", false);
    check("{\"x\": \"y\", \"sensitive-variables\": [\"x\"]", &names, "", false);
}

/* Every beginning of a text: no read behind its end (sanitizer build). */
static void test_cut_anywhere(void **state)
{
    const char *text = LIST ", {\"pw\" : \"s3\\\"cret\" , \"pw\":bare}";

    (void)state;
    for (size_t len = 0; len <= strlen(text); len++) {
        struct kiln_source *s = kiln_source_new("t.json", text, len);
        KILN_AUTO_STRV secrets = { 0 };

        kiln_source_secrets(s, NULL, &secrets);
        kiln_source_unref(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_own_list),
        cmocka_unit_test(test_names_given),
        cmocka_unit_test(test_cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
