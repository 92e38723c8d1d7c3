/* Everything in base/ that reads text from outside: decoders, durations, the line splitter. */
#include <assert.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/limits.h"
#include "base/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef bool decode_fn(struct kiln_str *out, const char *s, size_t len, struct kiln_err *err);
typedef void encode_fn(struct kiln_str *out, const void *data, size_t len);

/* What was decoded must come back from its encoding. */
static void round_trip(decode_fn *decode, encode_fn *encode, const char *text, size_t len)
{
    KILN_AUTO_STR plain = { 0 };
    KILN_AUTO_STR coded = { 0 };
    KILN_AUTO_STR again = { 0 };

    if (!decode(&plain, text, len, NULL)) {
        assert(plain.len == 0);
        return;
    }
    encode(&coded, kiln_str_cstr(&plain), plain.len);
    assert(decode(&again, kiln_str_cstr(&coded), coded.len, NULL));
    assert(again.len == plain.len);
    assert(memcmp(kiln_str_cstr(&again), kiln_str_cstr(&plain), plain.len) == 0);
}

static void url_path(struct kiln_str *out, const void *data, size_t len)
{
    (void)len; /* the decoder lets no NUL through */
    kiln_url_add_path(out, data);
}

static void duration(const char *text)
{
    KILN_AUTO_STR out = { 0 };
    int64_t ns, again;

    if (!kiln_duration_parse(text, &ns, NULL))
        return;
    kiln_duration_format(&out, ns);
    assert(kiln_duration_parse(kiln_str_cstr(&out), &again, NULL) && again == ns);
    kiln_duration_words(&out, ns);
}

static void collect(void *ud, const char *line, size_t len)
{
    assert(len <= KILN_MAX_LINE && !memchr(line, '\n', len));
    kiln_str_add(ud, line, len);
    kiln_str_addc(ud, '\n');
}

/* The pieces that the text comes in must not matter (for lines below the maximum). */
static void lines(const char *text, size_t len)
{
    KILN_AUTO_STR whole = { 0 };
    KILN_AUTO_STR pieces = { 0 };
    KILN_AUTO_LINES a = KILN_LINES_INIT(collect, &whole);
    KILN_AUTO_LINES b = KILN_LINES_INIT(collect, &pieces);
    size_t step = len ? (unsigned char)text[0] % 7 + 1 : 1;

    kiln_lines_feed(&a, text, len);
    kiln_lines_end(&a);
    for (size_t i = 0; i < len; i += step)
        kiln_lines_feed(&b, text + i, len - i < step ? len - i : step);
    kiln_lines_end(&b);
    assert(whole.len == pieces.len);
    assert(memcmp(kiln_str_cstr(&whole), kiln_str_cstr(&pieces), whole.len) == 0);
}

static void quotes(const char *text, size_t len)
{
    KILN_AUTO_STR out = { 0 };
    unsigned cp;

    kiln_json_add_string(&out, text, len, KILN_JSON_HTML);
    kiln_go_add_quoted(&out, text, len);
    for (size_t i = 0, n; i < out.len; i += n) {
        n = kiln_utf8_decode(out.data + i, out.len - i, &cp);
        assert(n > 0); /* whatever came in, UTF-8 goes out */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_STR text = { 0 };

    kiln_str_add(&text, data, size);
    round_trip(kiln_hex_decode, kiln_hex_add, text.data, size);
    round_trip(kiln_base64_decode, kiln_base64_add, text.data, size);
    round_trip(kiln_url_decode, url_path, text.data, size);
    duration(text.data);
    quotes(text.data, size);
    if (size < KILN_MAX_LINE)
        lines(text.data, size);
    return 0;
}
