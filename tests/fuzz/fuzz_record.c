/*
 * Keys and screens in any order: what is recorded parses, has the keys that were pressed (but for
 * Shift, which characters bring with them), waits by regexes that are some, and says no secret.
 * Input: a command a byte; 'd' and 'u' with 4 bytes of a keysym, 'c' with a character to be typed,
 * 's' with rows of a screen up to a NUL, 't' with a time.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/regex.h"
#include "bootcmd/bootcmd.h"
#include "bootcmd/record.h"
#include "bootcmd/spell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "hunter2"

struct input {
    const uint8_t *p, *end;
};

static uint32_t take(struct input *in, size_t n)
{
    uint32_t v = 0;

    for (; n > 0; n--)
        v = v << 8 | (in->p < in->end ? *in->p++ : 0);
    return v;
}

/* ---- spelling: the same events again ---- */

static void add_event(struct kiln_str *out, uint32_t keysym, bool down)
{
    if (!kiln_bootcmd_is_shift(keysym))
        kiln_str_addf(out, "%c%X ", down ? '+' : '-', (unsigned)keysym);
}

static void check_spelling(struct input in)
{
    KILN_AUTO_STR keys = { 0 }, text = { 0 }, want = { 0 }, got = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_ERR err = { 0 };

    while (in.p < in.end) {
        bool down = take(&in, 1) & 1;
        struct kiln_bootcmd_stroke key = { take(&in, 1), down };
        uint32_t cp;

        if (key.keysym < 0x20 || key.keysym >= 0x7F)
            key.keysym |= 0xFF00;
        if (!kiln_bootcmd_can_spell(key.keysym))
            continue;
        cp = kiln_bootcmd_char_of(key.keysym);
        add_event(&want, cp ? cp : key.keysym, key.down);
        kiln_str_add(&keys, &key, sizeof(key));
    }
    kiln_bootcmd_spell((const void *)keys.data, keys.len / sizeof(struct kiln_bootcmd_stroke),
                       &text);
    assert(kiln_bootcmd_parse(kiln_str_cstr(&text), text.len, &cmd, NULL, &err));
    assert(!strstr(kiln_str_cstr(&text), "{{"));
    for (size_t i = 0; i < cmd.n_events; i++) {
        assert(cmd.events[i].action != KILN_BOOTCMD_PAUSE);
        add_event(&got, cmd.events[i].keysym, cmd.events[i].action == KILN_BOOTCMD_DOWN);
    }
    assert(kiln_streq(kiln_str_cstr(&got), kiln_str_cstr(&want)));
}

/* ---- recording ---- */

static void see(struct kiln_record *r, struct input *in, int64_t now)
{
    KILN_AUTO_STRV rows = { 0 };
    KILN_AUTO_STR text = { 0 };
    struct kiln_record_screen screen = { &rows, (int)take(in, 1) - 1, (int)take(in, 1) - 1 };
    uint8_t c;

    while ((c = (uint8_t)take(in, 1)) != 0)
        kiln_str_addc(&text, (char)(c < 0x80 ? c : '?'));
    if (text.len > 0)
        kiln_strv_split(&rows, kiln_str_cstr(&text), '\n');
    kiln_record_see(r, &screen, now);
}

static void check_elements(const struct kiln_strv *elements)
{
    KILN_AUTO_FREE char *text = kiln_strv_join(elements, "");
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_ERR err = { 0 };

    assert(kiln_bootcmd_parse(text, strlen(text), &cmd, NULL, &err));
    for (size_t i = 0; i < cmd.n_elements; i++) {
        const struct kiln_bootcmd_element *el = &cmd.elements[i];
        KILN_AUTO_FREE char *regex = kiln_xstrndup(cmd.text + el->regex, el->regex_len);
        struct kiln_regex *re = NULL;

        if (el->kind == KILN_BOOTCMD_WAIT_TEXT && !kiln_regex_new(&re, regex, &err)) {
            (void)fprintf(stderr, "%s\n%s\n", text, kiln_err_text(&err));
            abort();
        }
        kiln_regex_free(re);
    }
}

static void record(struct input in)
{
    KILN_AUTO_STRV secrets = { 0 };
    struct kiln_record *r;
    int64_t now = KILN_SECOND(1);

    kiln_strv_add(&secrets, SECRET);
    r = kiln_record_new(&secrets, NULL, now);
    while (in.p < in.end) {
        uint32_t what = take(&in, 1), c;

        switch (what) {
        case 'd':
        case 'u':
            (void)kiln_record_key(r, take(&in, 4), what == 'd', now);
            break;
        case 's':
            see(r, &in, now);
            break;
        case 't':
            now += KILN_MS(100) * take(&in, 1);
            break;
        default:
            c = what == 'c' ? take(&in, 1) : what;
            (void)kiln_record_key(r, c, true, now);
            (void)kiln_record_key(r, c, false, now);
            break;
        }
    }
    kiln_record_end(r, now);
    check_elements(kiln_record_elements(r));
    kiln_record_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct input in = { data, data + size };

    check_spelling(in);
    record(in);
    return 0;
}
