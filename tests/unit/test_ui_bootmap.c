/* Which characters of a boot command made which of the rendered text, and which events. */
#include "base/mem.h"
#include "ui/boot/bootlist.h"
#include "unit.h"

/* Each span as "raw>text", L, A or S before it. */
static char *spell(const struct kiln_bootmap *m, const char *raw, const char *text)
{
    struct kiln_str out = { 0 };

    for (size_t i = 0; i < m->n; i++) {
        const struct kiln_bootmap_span *s = &m->v[i];

        kiln_str_addf(&out, "%s%c %.*s>%.*s", i ? "|" : "", "LAS"[s->kind], (int)s -> raw_len,
                      raw + s -> raw, (int)s -> text_len, text + s -> text);
    }
    return kiln_str_steal(&out);
}

static const struct {
    const char *raw, *text, *want;
} maps[] = {
    { "", "", "" },
    { "", "abc", "" },
    { "abc", "abc", "L abc>abc" },
    { "a{{ .X }}b", "a123b", "L a>a|A {{ .X }}>123|L b>b" },
    { "{{ .X }}", "123", "A {{ .X }}>123" },
    { "{{ .X }}b", "b", "A {{ .X }}>|L b>b" },
    { "http://{{.IP}}:{{.P}}/x", "http://10.0.2.2:80/x",
      "L http://>http://|A {{.IP}}>10.0.2.2|L :>:|A {{.P}}>80|L /x>/x" },
    /* two in a row: nobody can tell them apart */
    { "{{.A}}{{.B}}!", "xy!", "A {{.A}}{{.B}}>xy|L !>!" },
    /* the end counts from the end */
    { "{{.A}}x", "axbxcx", "A {{.A}}>axbxc|L x>x" },
    /* braces and quotes inside */
    { "a{{ \"}}\" }}b", "a}}b", "L a>a|A {{ \"}}\" }}>}}|L b>b" },
    { "a{{ `\\` }}b", "a\\b", "L a>a|A {{ `\\` }}>\\|L b>b" },
    { "a{{ \"\\\"}}\" }}b", "a\"}}b", "L a>a|A {{ \"\\\"}}\" }}>\"}}|L b>b" },
    { "a{{/* }} */}}b", "ab", "L a>a|A {{/* }} */}}>|L b>b" },
    /* one without an end is text */
    { "a{{ .X b", "a{{ .X b", "L a{{ .X b>a{{ .X b" },
    { "a{{ \"x }}", "a{{ \"x }}", "L a{{ \"x }}>a{{ \"x }}" },
    /* white space that the action takes away */
    { "a {{- .X -}} b", "a1b", "L a>a|A  {{- .X -}} >1|L b>b" },
    /* text that is not there: what lies between belongs together */
    { "a{{if .X}}b{{else}}c{{end}}d", "acd", "L a>a|A {{if .X}}b{{else}}c{{end}}>c|L d>d" },
    { "a{{if .X}}b{{end}}", "a", "L a>a|A {{if .X}}b{{end}}>" },
    { "abc", "xyz", "A abc>xyz" },
    { "abcabc", "abc", "A abcabc>abc" },
    { "abc", "abcd", "A abc>abcd" },
    /* secrets */
    { "p=<sensitive>&", "p=\xE2\x80\xA2&", "L p=>p=|S <sensitive>>\xE2\x80\xA2|L &>&" },
    { "{{.A}}<sensitive>", "x\xE2\x80\xA2", "A {{.A}}>|S <sensitive>>x\xE2\x80\xA2" },
};

static void test_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(maps); i++) {
        struct kiln_bootmap m;
        KILN_AUTO_FREE char *got = NULL;

        kiln_bootmap_make(&m, maps[i].raw, maps[i].text);
        got = spell(&m, maps[i].raw, maps[i].text);
        if (strcmp(got, maps[i].want) != 0)
            fail_msg("%s, %s: %s, not %s", maps[i].raw, maps[i].text, got, maps[i].want);
        kiln_bootmap_done(&m);
    }
}

/* Whatever the two texts are, the spans cover them without gaps. */
static void test_cover(void **state)
{
    static const char *const parts[] = { "a", "{{.X}}", "<sensitive>", "b{{- 1 -}} ", "{{", "" };
    static const char *const texts[] = { "", "a", "ab", "a1b", "\xE2\x80\xA2", "aab1", "b b a" };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(parts) * KILN_COUNT(parts) * KILN_COUNT(parts); i++) {
        KILN_AUTO_FREE char *raw =
            kiln_xasprintf("%s%s%s", parts[i % 6], parts[i / 6 % 6], parts[i / 36]);

        for (size_t t = 0; t < KILN_COUNT(texts); t++) {
            struct kiln_bootmap m;
            size_t at = 0, text = 0;

            kiln_bootmap_make(&m, raw, texts[t]);
            for (size_t k = 0; k < m.n; k++) {
                assert_int_equal(m.v[k].raw, at);
                assert_int_equal(m.v[k].text, text);
                at += m.v[k].raw_len;
                text += m.v[k].text_len;
            }
            assert_int_equal(at, strlen(raw));
            assert_true(text == strlen(texts[t]) || m.n == 0);
            kiln_bootmap_done(&m);
        }
    }
}

static void make(struct kiln_bootlist *l, const char *lines, const char *rendered)
{
    KILN_AUTO_STRV strv = { 0 };

    kiln_strv_split(&strv, lines, '|');
    kiln_bootlist_make(l, &strv, rendered, NULL, 100000000);
}

/* The keys of the guest's keyboard: "<" needs no Shift on a French one, "1" does. */
static void test_layout(void **state)
{
    static const struct kiln_layout fr = {
        .name = "fr", .n = 2, .keys = { { '1', 0x02, true, false }, { '<', 0x56, false, false } }
    };
    KILN_AUTO_STRV lines = { 0 };
    struct kiln_bootlist l;

    (void)state;
    kiln_strv_add(&lines, "<1{{.A}}");
    kiln_bootlist_make(&l, &lines, "<1<", &fr, 100000000);
    assert_int_equal(l.n_rows, 8);
    assert_int_equal(l.cmd.events[l.rows[0].event].scancode, 0x56);
    assert_string_equal(l.cmd.events[l.rows[2].event].name, "leftShift");
    assert_int_equal(l.rows[6].element, 2);
    kiln_bootlist_done(&l);
}

static void test_places(void **state)
{
    struct kiln_bootlist l;
    size_t a, n;

    (void)state;
    make(&l, "<esc>|x{{.A}}<wait{{.B}}s>|", "<esc>x12<wait5s>");
    assert_int_equal(l.n_lines, 3);
    assert_int_equal(l.n_rows, 9);
    /* an element that literal text and an action made */
    kiln_bootlist_row_raw(&l, 8, &a, &n);
    assert_int_equal(a, kiln_bootlist_raw(&l, 1, strlen("x{{.A}}")));
    assert_int_equal(n, strlen("<wait{{.B}}s>"));
    /* every character of an action stands for all that it made */
    for (size_t i = 6; i < 12; i++) {
        kiln_bootlist_rows_at(&l, i, &a, &n);
        assert_int_equal(a, 4);
        assert_int_equal(n, 4);
    }
    kiln_bootlist_rows_at(&l, 3, &a, &n);
    assert_int_equal(a, 0);
    assert_int_equal(n, 2);
    kiln_bootlist_rows_at(&l, l.raw_len, &a, &n);
    assert_int_equal(a, 9);
    assert_int_equal(n, 0);
    kiln_bootlist_place(&l, 5, &a, &n);
    assert_int_equal(a, 1);
    assert_int_equal(n, 0);
    assert_int_equal(kiln_bootlist_row_of(&l, 1, 1), 3);
    assert_int_equal(kiln_bootlist_row_of(&l, 1, 2), 4);
    assert_int_equal(kiln_bootlist_row_of(&l, 99, 0), 9);
    assert_int_equal(l.total_ns, INT64_C(5800000000));
    kiln_bootlist_done(&l);
}

/* Marks stand where the mistake was written, also behind a rendered value. */
static void test_marks(void **state)
{
    struct kiln_bootlist l;

    (void)state;
    make(&l, "{{.A}}|<delete>", "1234567<delete>");
    assert_int_equal(l.n_marks, 1);
    assert_int_equal(l.marks[0].raw, 6);
    assert_int_equal(l.marks[0].raw_len, 8);
    assert_false(l.marks[0].error);
    assert_string_equal(l.marks[0].fix, "<del>");
    assert_int_equal(l.look[0], KILN_BOOTLIST_ACTION);
    assert_int_equal(l.look[6], KILN_BOOTLIST_LINT);
    kiln_bootlist_done(&l);

    make(&l, "{{.A}}|<wait1h-30m>", "1234567<wait1h-30m>");
    assert_false(l.valid);
    assert_int_equal(l.n_rows, 0);
    assert_int_equal(l.n_marks, 1);
    assert_true(l.marks[0].error);
    assert_int_equal(l.marks[0].raw, 11);
    assert_string_equal(l.marks[0].text,
                        "rule Duration: time: unknown unit \"h-\" in duration \"1h-30m\"");
    kiln_bootlist_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),    cmocka_unit_test(test_cover), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_places), cmocka_unit_test(test_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
