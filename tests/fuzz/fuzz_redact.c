/*
 * Secrets, one per 0xFE byte, up to the first 0xFF; then a text. Whole and in pieces it must come
 * out as the slow definition has it.
 */
#include <assert.h>

#include "../unit/redact_naive.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_TEXT 1000 /* the slow way takes its time */

static void split_secrets(const uint8_t *data, size_t size, struct kiln_strv *out)
{
    size_t start = 0;

    for (size_t i = 0; i <= size && out->n < 6; i++) {
        if (i < size && data[i] != 0xFE)
            continue;
        kiln_strv_add_take(out, kiln_xstrndup((const char *)data + start, i - start));
        start = i + 1;
    }
}

static void compare(const struct kiln_str *got, const struct kiln_str *want)
{
    assert(got->len == want->len);
    assert(memcmp(kiln_str_cstr(got), kiln_str_cstr(want), want->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0xFF, size) : NULL;
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_STR want = { 0 }, whole = { 0 }, pieces = { 0 };
    KILN_AUTO_REDACTOR *r = NULL;
    const char *text;
    size_t len;

    if (!end)
        return 0;
    split_secrets(data, (size_t)(end - data), &secrets);
    text = (const char *)end + 1;
    len = size - (size_t)(end + 1 - data);
    len = len < MAX_TEXT ? len : MAX_TEXT;
    if (!kiln_redactor_build(&secrets, &r, NULL))
        return 0;
    naive_redact(&secrets, text, len, &want);
    kiln_redact_text(r, text, len, &whole);
    compare(&whole, &want);
    {
        KILN_AUTO_REDACT_STREAM s = { .redactor = r };

        for (size_t pos = 0, n; pos < len; pos += n) {
            n = 1 + (pos * 7 + size) % 9;
            n = n < len - pos ? n : len - pos;
            kiln_redact_feed(&s, text + pos, n, &pieces);
        }
        kiln_redact_flush(&s, &pieces);
    }
    compare(&pieces, &want);
    return 0;
}
