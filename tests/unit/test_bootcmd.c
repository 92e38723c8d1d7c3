/* Boot command: text -> events, errors, clock, masking, lint. Source: qemu-builder.md, section 5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "bootcmd/bootcmd.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

/* "+S +a -a": S is Shift, printable ASCII stands for itself, other keysyms are hexadecimal, a pause
 * is its length in milliseconds in parentheses. */
static char *spell(const struct kiln_bootcmd *cmd)
{
    struct kiln_str out = { 0 };

    for (size_t i = 0; i < cmd->n_events; i++) {
        const struct kiln_bootcmd_event *ev = &cmd->events[i];

        kiln_str_adds(&out, i ? " " : "");
        if (ev->action == KILN_BOOTCMD_PAUSE) {
            kiln_str_addf(&out, "(%lld)", (long long)(cmd->elements[ev->element].wait_ns / MS));
            continue;
        }
        kiln_str_addc(&out, ev->action == KILN_BOOTCMD_DOWN ? '+' : '-');
        if (ev->keysym == 0xFFE1)
            kiln_str_addc(&out, 'S');
        else if (ev->keysym > 0x20 && ev->keysym < 0x7F)
            kiln_str_addc(&out, (char)ev->keysym);
        else
            kiln_str_addf(&out, "%X", (unsigned)ev->keysym);
    }
    return kiln_str_steal(&out);
}

static void parse(const char *text, struct kiln_bootcmd *cmd)
{
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_bootcmd_parse(text, strlen(text), cmd, NULL, &err))
        fail_msg("%s: %s", text, kiln_err_text(&err));
}

static const struct {
    const char *text, *want;
} typed[] = {
    { "", "" },
    { "aB<enter>", "+a -a +S +B -B -S +FF0D -FF0D" },
    { "AB", "+S +A -A -S +S +B -B -S" },
    { "<leftCtrlOn>c<leftCtrlOff>", "+FFE3 +c -c -FFE3" },
    { "<leftShiftOn>a<leftShiftOff>", "+S +a -a -S" },
    { "<cOn>c<cOff>", "+c +c -c -c" },
    { "<XOn><XOff>", "+S +X -X -S" },
    { "<<on><<off>", "+S +< -< -S" },
    { "<>on><>off>", "+S +> -> -S" },
    { "< on>< off>", "+20 -20" },
    { "<<on><<off>wait>", "+S +< -< -S +w -w +a -a +i -i +t -t +S +> -> -S" },
    { "<f1><f10><f13>", "+FFBE -FFBE +FFC7 -FFC7 +S +< -< -S +f -f +1 -1 +3 -3 +S +> -> -S" },
    { "<f11><f12on><f12off>", "+FFC8 -FFC8 +FFC9 -FFC9" },
    { "a<wait2s>b", "+a -a (2000) +b -b" },
    /* every special */
    { "<bs><tab><enter><return><esc><del><insert><home><end>",
      "+FF08 -FF08 +FF09 -FF09 +FF0D -FF0D +FF0D -FF0D +FF1B -FF1B +FFFF -FFFF +FF63 -FF63 "
      "+FF50 -FF50 +FF57 -FF57" },
    { "<left><up><right><down><pageUp><pageDown><spacebar><menu>",
      "+FF51 -FF51 +FF52 -FF52 +FF53 -FF53 +FF54 -FF54 +FF55 -FF55 +FF56 -FF56 +20 -20 "
      "+FF67 -FF67" },
    { "<f2><f3><f4><f5><f6><f7><f8><f9>",
      "+FFBF -FFBF +FFC0 -FFC0 +FFC1 -FFC1 +FFC2 -FFC2 +FFC3 -FFC3 +FFC4 -FFC4 +FFC5 -FFC5 "
      "+FFC6 -FFC6" },
    { "<leftShift><rightShift><leftCtrl><rightCtrl><leftAlt><rightAlt><leftSuper><rightSuper>",
      "+S -S +FFE2 -FFE2 +FFE3 -FFE3 +FFE4 -FFE4 +FFE9 -FFE9 +FFEA -FFEA +FFEB -FFEB "
      "+FFEC -FFEC" },
    { "<leftOption><rightOption><leftCommand><rightCommand>",
      "+FFE7 -FFE7 +FFE8 -FFE8 +FFE9 -FFE9 +FFEA -FFEA" },
    { "<leftOn><leftOff><rightSuperOn><RIGHTSUPEROFF>", "+FF51 -FF51 +FFEC -FFEC" },
    { "<leftOptionOn><leftoptionoff>", "+FFE7 -FFE7" },
    /* case: only "wait" minds it */
    { "<ENTER><EnTeR>", "+FF0D -FF0D +FF0D -FF0D" },
    { "<aON><aoFf>", "+a -a" },
    { "<Wait>", "+S +< -< -S +S +W -W -S +a -a +i -i +t -t +S +> -> -S" },
    /* characters */
    { "\xC3\xA9", "+E9 -E9" },
    { "\xC3\x89", "+S +C9 -C9 -S" },
    { "\xCE\xA9", "+S +3A9 -3A9 -S" },
    { "\xE4\xB8\xAD", "+4E2D -4E2D" },
    { "\xF0\x9F\x98\x80", "+1F600 -1F600" },
    { "\xC4\xB0\xC7\x85", "+S +130 -130 -S +1C5 -1C5" }, /* Lu, and Lt, which is not */
    { "\xC3\x9F", "+DF -DF" },
    { "\n\t", "+A -A +9 -9" },
    { "<\xC3\x89on>", "+S +C9" },
    { "~!@#$%^&*()_+{}|:\"<>?",
      "+S +~ -~ -S +S +! -! -S +S +@ -@ -S +S +# -# -S +S +$ -$ -S +S +% -% -S +S +^ -^ -S "
      "+S +& -& -S +S +* -* -S +S +( -( -S +S +) -) -S +S +_ -_ -S +S ++ -+ -S +S +{ -{ -S "
      "+S +} -} -S +S +| -| -S +S +: -: -S +S +\" -\" -S +S +< -< -S +S +> -> -S +S +? -? -S" },
    { "`-=[]\\;',./09",
      "+` -` +- -- += -= +[ -[ +] -] +\\ -\\ +; -; +' -' +, -, +. -. +/ -/ +0 -0 +9 -9" },
    /* waits */
    { "<wait>", "(1000)" },
    { "<wait0>x", "(1000) +x -x" },
    { "<wait5><wait10>", "(5000) (10000)" },
    { "<wait0.5s><wait1m20s><wait1s2s><wait1h>", "(500) (80000) (3000) (3600000)" },
    { "<wait5ms><wait2m><wait7000us><wait7000\xC2\xB5s><wait4000000ns>",
      "(5) (120000) (7) (7) (4)" },
};

static void test_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(typed); i++) {
        KILN_AUTO_BOOTCMD cmd = { 0 };
        KILN_AUTO_FREE char *got = NULL;

        parse(typed[i].text, &cmd);
        got = spell(&cmd);
        if (strcmp(got, typed[i].want) != 0)
            fail_msg("%s\n  typed    %s\n  expected %s", typed[i].text, got, typed[i].want);
    }
}

/* Near misses of the grammar are literals: as many elements as characters. */
static const char *const literals[] = {
    "<f13>",      "<delete>", "<space>",          "<release>",
    "<Wait>",     "<WAIT5>",  "<wait05>",         "<wait.5s>",
    "<wait1.5>",  "<wait-5>", "<waitOn>",         "<left >",
    "<wait5",     "<wait5s",  "<wait5s3>",        "<wait05s>",
    "<wait1.s>",  "<wait 5>", "<wait5S>",         "<wait5d>",
    "<capsLock>", "<>",       "<lt> <nosuch> <",  "<on>",
    "<enter",     "<enteron", "<wait{{.X}}s>",    "{{ .HTTPIP }}",
    "<aonn>",     "<f1onn>",  "<wait5\xCE\xBCs>",
};

static void test_literals(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(literals); i++) {
        KILN_AUTO_BOOTCMD cmd = { 0 };
        const char *s = literals[i];
        size_t chars = 0;

        for (const char *p = s; *p; p++)
            chars += ((unsigned char)*p & 0xC0) != 0x80;
        parse(s, &cmd);
        if (cmd.n_elements != chars)
            fail_msg("%s: %zu elements", s, cmd.n_elements);
        for (size_t k = 0; k < cmd.n_elements; k++)
            assert_int_equal(cmd.elements[k].kind, KILN_BOOTCMD_LITERAL);
    }
}

static const struct {
    const char *text, *want;
    enum kiln_bootcmd_note_kind kind;
    size_t start, len; /* of the first note */
    size_t notes;
} bad[] = {
    { "<wait0s>", "Expecting a positive wait value. Got 0s", KILN_BOOTCMD_BAD_WAIT, 0, 8, 1 },
    { "a<wait-5s>", "Expecting a positive wait value. Got -5s", KILN_BOOTCMD_BAD_WAIT, 1, 9, 1 },
    { "x<wait0s>y<wait-1m30s>",
      "Expecting a positive wait value. Got 0s\nExpecting a positive wait value. Got -1m30s",
      KILN_BOOTCMD_BAD_WAIT, 1, 8, 2 },
    { "<wait1h-30m>", "1:6 (5): rule Duration: time: unknown unit \"h-\" in duration \"1h-30m\"",
      KILN_BOOTCMD_BAD_SYNTAX, 5, 6, 1 },
    { "\xC3\xA9\n\xC3\xA9<wait1h-30m>",
      "2:7 (10): rule Duration: time: unknown unit \"h-\" in duration \"1h-30m\"",
      KILN_BOOTCMD_BAD_SYNTAX, 10, 6, 1 },
    { "<wait99999999999999999999>",
      "1:6 (5): rule Integer: strconv.ParseInt: parsing \"99999999999999999999\": value out of "
      "range",
      KILN_BOOTCMD_BAD_SYNTAX, 5, 20, 1 },
    { "<wait9999999999999>", "1:6 (5): rule Integer: the wait is longer than 292 years",
      KILN_BOOTCMD_BAD_SYNTAX, 5, 13, 1 },
    { "<wait 'a' 0s>", "Expecting a positive wait value. Got 0s", KILN_BOOTCMD_BAD_WAIT, 0, 13, 1 },
    { "<wait9999999h>", "1:6 (5): rule Duration: time: invalid duration \"9999999h\"",
      KILN_BOOTCMD_BAD_SYNTAX, 5, 8, 1 },
    { "ab\xFF", "1:3 (2): rule Literal: invalid encoding (not UTF-8)", KILN_BOOTCMD_BAD_SYNTAX, 2,
      1, 1 },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        KILN_AUTO_BOOTCMD_NOTES notes = { 0 };
        struct kiln_bootcmd cmd = { .n_events = 77 };
        KILN_AUTO_ERR err = { 0 };

        if (kiln_bootcmd_parse(bad[i].text, strlen(bad[i].text), &cmd, &notes, &err))
            fail_msg("%s: accepted", bad[i].text);
        assert_int_equal(cmd.n_events, 77); /* written on success only */
        assert_int_equal(err.kind, KILN_ERR_USER);
        assert_string_equal(kiln_err_text(&err), bad[i].want);
        assert_int_equal(notes.n, bad[i].notes);
        assert_int_equal(notes.v[0].kind, bad[i].kind);
        assert_int_equal(notes.v[0].start, bad[i].start);
        assert_int_equal(notes.v[0].len, bad[i].len);
    }
}

/* n copies of a text. */
static char *repeat(const char *s, size_t n)
{
    struct kiln_str out = { 0 };

    for (size_t i = 0; i < n; i++)
        kiln_str_adds(&out, s);
    return kiln_str_steal(&out);
}

static void test_bounds(void **state)
{
    KILN_AUTO_FREE char *waits = repeat("<wait0s>", 2 * KILN_BOOTCMD_MAX_NOTES);
    KILN_AUTO_FREE char *long_text = repeat("abcdefgh", KILN_MAX_RENDERED / 8 + 1);
    KILN_AUTO_FREE char *fits = repeat("a", KILN_MAX_BOOT_EVENTS / 2);
    KILN_AUTO_BOOTCMD_NOTES notes = { 0 };
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    assert_false(kiln_bootcmd_parse(waits, strlen(waits), &cmd, &notes, NULL));
    assert_int_equal(notes.n, KILN_BOOTCMD_MAX_NOTES + 1);
    assert_non_null(strstr(notes.v[KILN_BOOTCMD_MAX_NOTES].text, "more than 1000 problems"));

    assert_false(kiln_bootcmd_parse(long_text, strlen(long_text), &cmd, NULL, &err));
    assert_string_equal(kiln_err_text(&err),
                        "boot command: 16777224 bytes, at most 16777216 are allowed");
    assert_false(kiln_bootcmd_parse(long_text, KILN_MAX_RENDERED, &cmd, NULL, &err));
    assert_non_null(strstr(kiln_err_text(&err), "more than 1000000 key events"));

    assert_true(kiln_bootcmd_parse(fits, strlen(fits), &cmd, NULL, &err));
    assert_int_equal(cmd.n_events, KILN_MAX_BOOT_EVENTS);
}

/* Elements cover the text, events know their element. */
static void test_elements(void **state)
{
    static const struct kiln_bootcmd_element want[] = {
        { .start = 0, .len = 1, .event = 0, .n_events = 4, .kind = KILN_BOOTCMD_LITERAL },
        { .start = 1, .len = 7, .event = 4, .n_events = 2, .kind = KILN_BOOTCMD_SPECIAL },
        { .start = 8,
          .len = 8,
          .event = 6,
          .n_events = 1,
          .kind = KILN_BOOTCMD_WAIT,
          .wait_ns = 2 * S },
        { .start = 16, .len = 12, .event = 7, .n_events = 1, .kind = KILN_BOOTCMD_ON },
        { .start = 28, .len = 13, .event = 8, .n_events = 1, .kind = KILN_BOOTCMD_OFF },
    };
    static const char *const names[] = { "leftShift", "A",    "A",        "leftShift", "enter",
                                         "enter",     "wait", "leftCtrl", "leftCtrl" };
    KILN_AUTO_BOOTCMD cmd = { 0 };

    (void)state;
    parse("A<enter><wait2s><leftCtrlOn><leftCtrlOff>", &cmd);
    assert_int_equal(cmd.n_elements, KILN_COUNT(want));
    assert_int_equal(cmd.n_events, KILN_COUNT(names));
    for (size_t i = 0; i < cmd.n_elements; i++) {
        const struct kiln_bootcmd_element *e = &cmd.elements[i];

        assert_int_equal(e->start, want[i].start);
        assert_int_equal(e->len, want[i].len);
        assert_int_equal(e->event, want[i].event);
        assert_int_equal(e->n_events, want[i].n_events);
        assert_int_equal(e->wait_ns, want[i].wait_ns);
        assert_int_equal(e->kind, want[i].kind);
        for (size_t k = e->event; k < e->event + e->n_events; k++)
            assert_int_equal(cmd.events[k].element, i);
    }
    for (size_t i = 0; i < cmd.n_events; i++)
        assert_string_equal(cmd.events[i].name, names[i]);
}

/* What is waited for: "/regex/ limit" or "still limit" in seconds; "typed" if it is no watch. */
static void describe_watch(const struct kiln_bootcmd *cmd, struct kiln_str *out)
{
    const struct kiln_bootcmd_element *e = &cmd->elements[0];

    if (!kiln_bootcmd_watches(e) || cmd->n_elements != 1)
        kiln_str_adds(out, "typed");
    else if (e->kind == KILN_BOOTCMD_WAIT_TEXT)
        kiln_str_addf(out, "/%.*s/ %g", (int)e->regex_len, cmd->text + e->regex,
                      (double)e->wait_ns / S);
    else
        kiln_str_addf(out, "%g %g", (double)e->still_ns / S, (double)e->wait_ns / S);
}

static void test_watches(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "<wait 'login:'>", "/login:/ 300" },
        { "<wait  'a|b'  90s >", "/a|b/ 90" },
        { "<wait 'it\\'s' 1m30s>", "/it\\'s/ 90" },
        { "<wait '\\\\' 5>", "/\\\\/ 5" },
        { "<wait '>' 5>", "/>/ 5" },
        { "<waitStable>", "2 300" },
        { "<waitStable 0.5s>", "0.5 300" },
        { "<waitStable 3 10m>", "3 600" },
        { "<wait ''>", "typed" },
        { "<wait 'a' soon>", "typed" },
        { "<wait 'a' 5x>", "typed" },
        { "<wait 'a' 5s 6s>", "typed" },
        { "<wait 'a'5s>", "typed" },
        { "<wait'a'>", "typed" },
        { "<wait 'a\\'>", "typed" },
        { "<wait 'a", "typed" },
        { "<wait \"a\">", "typed" },
        { "<Wait 'a'>", "typed" },
        { "<waitstable>", "typed" },
        { "<waitStable5s>", "typed" },
        { "<waitStable 5s 6s 7s>", "typed" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_BOOTCMD cmd = { 0 };
        KILN_AUTO_STR got = { 0 };

        parse(rows[i].text, &cmd);
        describe_watch(&cmd, &got);
        if (strcmp(kiln_str_cstr(&got), rows[i].want) != 0)
            fail_msg("%s: %s, not %s", rows[i].text, kiln_str_cstr(&got), rows[i].want);
    }
}

static void test_watches_take_no_time(void **state)
{
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_STR packer = { 0 };

    (void)state;
    parse("a<wait 'x' 90s>b<wait1s><waitStable 1s 1m30.5s><enter>", &cmd);
    assert_int_equal(kiln_bootcmd_clock(&cmd, 100 * MS, NULL), 1600 * MS);
    assert_int_equal(kiln_bootcmd_slack(&cmd), 180500 * MS);
    kiln_bootcmd_export(&cmd, 0, cmd.text_len, &packer);
    assert_string_equal(kiln_str_cstr(&packer), "a<wait1m30s>b<wait1s><wait1m30.5s><enter>");
    kiln_str_clear(&packer);
    kiln_bootcmd_export(&cmd, 1, 3, &packer); /* one that begins there and ends later */
    assert_string_equal(kiln_str_cstr(&packer), "<wait1m30s>");
}

static void test_names(void **state)
{
    static const struct {
        const char *text, *name;
    } names[] = { { " ", "space" },
                  { "\n", "U+000A" },
                  { "\x7F", "U+007F" },
                  { "\xC2\xA0", "U+00A0" },
                  { "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80" },
                  { "<RIGHTCOMMAND>", "rightCommand" } };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        KILN_AUTO_BOOTCMD cmd = { 0 };

        parse(names[i].text, &cmd);
        assert_string_equal(cmd.events[0].name, names[i].name);
    }
}

static void test_nul_is_a_character(void **state)
{
    KILN_AUTO_BOOTCMD cmd = { 0 };

    (void)state;
    assert_true(kiln_bootcmd_parse("a\0b", 3, &cmd, NULL, NULL));
    assert_int_equal(cmd.n_events, 6);
    assert_int_equal(cmd.events[2].keysym, 0);
    assert_memory_equal(cmd.text, "a\0b", 4);
}

/* A pause after every single event, Shift included; waits on top of it. */
static void test_clock(void **state)
{
    static const int64_t shifted[] = { 0, 100 * MS, 200 * MS, 300 * MS, 400 * MS, 500 * MS };
    KILN_AUTO_BOOTCMD cmd = { 0 };
    int64_t at[16];

    (void)state;
    parse("aB", &cmd);
    assert_int_equal(kiln_bootcmd_clock(&cmd, 100 * MS, at), 600 * MS);
    assert_memory_equal(at, shifted, sizeof(shifted));
    assert_int_equal(kiln_bootcmd_clock(&cmd, 0, NULL), 0);
    assert_int_equal(kiln_bootcmd_clock(&cmd, -5, NULL), 0);
    kiln_bootcmd_done(&cmd);

    parse("a<wait2s>b<wait0>", &cmd);
    assert_int_equal(kiln_bootcmd_clock(&cmd, 100 * MS, at), 3400 * MS);
    assert_int_equal(at[1], 100 * MS);
    assert_int_equal(at[2], 200 * MS);  /* the wait begins after the pause of -a */
    assert_int_equal(at[3], 2200 * MS); /* +b */
    assert_int_equal(at[5], 2400 * MS); /* <wait0>: one second */
    kiln_bootcmd_done(&cmd);

    parse("<wait2562047h><wait2562047h>a", &cmd);
    assert_int_equal(kiln_bootcmd_clock(&cmd, 100 * MS, at), INT64_MAX);
    assert_int_equal(at[3], INT64_MAX);
}

static void test_interval(void **state)
{
    static const struct {
        int64_t configured;
        const char *env;
        int64_t want;
    } rows[] = {
        { 0, NULL, -1 },         { 0, "", -1 },
        { 0, "10ms", 10 * MS },  { 0, "0", 0 },
        { 0, "0s", 0 },          { 0, "-1s", 0 },
        { 0, "10", -1 },         { 0, "soon", -1 },
        { 50, "10ms", 50 },      { 20 * MS, NULL, 20 * MS },
        { -1, "10ms", 10 * MS }, { -1, NULL, -1 },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        int64_t ns = -1;
        bool said = kiln_bootcmd_interval(rows[i].configured, rows[i].env, &ns);

        assert_int_equal(ns, rows[i].want);
        assert_int_equal(said, ns >= 0);
    }
}

/* One letter per element: m masked, . not. */
static const struct {
    const char *text, *secrets[3], *want;
} masks[] = {
    { "xs3cretx", { "s3cret" }, ".mmmmmm." },
    { "x<enter>s3cret<enter>", { "s3cret" }, "..mmmmmm." },
    { "pa<wait>ss", { "pass" }, "mm.mm" },
    { "a<<on><<off>b", { "a<b" }, "mmmm" },
    { "a b", { "a b" }, "mmm" },
    { "a<spacebar>b<enter>", { "a b\n" }, "mmmm" },
    { "<leftShiftOn>a<leftShiftOff>", { "<leftShiftOn>" }, "m.." },
    { "aaaab", { "aaa" }, "mmmm." },
    { "abcdef", { "bc", "de", "" }, ".mmmm." },
    { "p\xC3\xA9q", { "p\xC3\xA9" }, "mm." },
    { "abc", { "xyz", "" }, "..." },
    { "<wait 'id s3cret'><wait5>", { "s3cret" }, "m." },
    { "", { "a" }, "" },
};

static void test_mask(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(masks); i++) {
        KILN_AUTO_BOOTCMD cmd = { 0 };
        KILN_AUTO_STRV secrets = { 0 };
        KILN_AUTO_STR got = { 0 };

        for (size_t k = 0; k < 3 && masks[i].secrets[k]; k++)
            kiln_strv_add(&secrets, masks[i].secrets[k]);
        parse(masks[i].text, &cmd);
        kiln_bootcmd_mask(&cmd, &secrets);
        for (size_t k = 0; k < cmd.n_elements; k++)
            kiln_str_addc(&got, cmd.events[cmd.elements[k].event].masked ? 'm' : '.');
        assert_string_equal(kiln_str_cstr(&got), masks[i].want);
        for (size_t k = 0; k < cmd.n_events; k++)
            assert_int_equal(cmd.events[k].masked, kiln_streq(cmd.events[k].name, "<sensitive>"));
    }
}

static void test_mask_range(void **state)
{
    KILN_AUTO_BOOTCMD cmd = { 0 };

    (void)state;
    parse("aB<enter>c", &cmd);
    kiln_bootcmd_mask_range(&cmd, 1, 2); /* B, and a part of <enter> */
    for (size_t i = 0; i < cmd.n_events; i++)
        assert_int_equal(cmd.events[i].masked, i >= 2 && i < 8);
    kiln_bootcmd_mask_range(&cmd, 10, 5); /* past the end */
    kiln_bootcmd_mask_range(&cmd, 9, 0);
    assert_false(cmd.events[8].masked);
    assert_int_equal(cmd.events[2].keysym, 0xFFE1); /* the typist still needs it */
}

struct lint_row {
    const char *text;
    const char *want; /* "start+len fix" of each finding, separated by "; " */
};

static const struct lint_row lints[] = {
    { "<enter><wait5>abc<leftCtrlOn>c<leftCtrlOff>", "" },
    { "a<delete>b", "1+8 <del>" },
    { "<space>", "0+7 <spacebar>" },
    { "<Backspace><escape>", "0+11 <bs>; 11+8 <esc>" },
    { "<entre>", "0+7 <enter>" },
    { "<ctrlOn>x<ctrlOff>", "0+8 <leftCtrlOn>; 9+9 <leftCtrlOff>" },
    { "<left >", "0+7 <left>" },
    { "<page_up>", "0+9 <pageUp>" },
    { "<f13>", "0+5 -" },
    { "<release>", "0+9 -" },
    { "<html>", "0+6 -" },
    { "<Wait>", "0+6 <wait>" },
    { "<WAIT5>", "0+7 <wait5>" },
    { "<wait05>", "0+8 <wait5>" },
    { "<wait 'login:' 5s><waitStable>", "" },
    { "<waitstable>", "0+12 <waitStable>" },
    { "<waitstable 2s 1m>", "0+18 <waitStable 2s 1m>" },
    { "<Wait-Stable5S>", "0+15 <waitStable 5s>" },
    { "<waitStable 1s 2s 3s>", "0+21 <waitStable>" },
    { "<wait \"login:\" 5s>x", "0+18 -" },
    { "<wait 'login: 5s>", "0+17 -" },
    { "<wait.5s>", "0+9 <wait0.5s>" },
    { "<wait1.5>", "0+9 <wait1.5s>" },
    { "<wait-5>", "0+8 <wait5>" },
    { "<waitOn>", "0+8 <wait>" },
    { "<wait 5>", "0+8 <wait5>" },
    { "<wait5sec>", "0+10 <wait5>" },
    { "<wait5", "0+6 <wait5>" },
    { "<enter<wait>", "0+6 <enter>" },
    { "a < b > c <b and c> </a> <> <1>", "" },
    { "if [ a <b ]", "" },
    { "{{ if lt 1 2 }}<foo>{{ end }}", "15+5 -" },
    { "{{ \"<delete>\" }}<delete>", "16+8 <del>" },
    { "<wait{{ .X }}>", "" },
    { "<<on><<off>wait>", "" },
    { "<leftShiftOn>a", "0+13 <leftShiftOff>" },
    { "<XOn>", "0+5 <XOff>" },
    { "<leftAltOn><leftCtrlOn>x<leftAltOff>", "11+12 <leftCtrlOff>" },
    { "<leftCtrlOn><leftCtrlOn>x<leftCtrlOff>", "" },
};

static void check_lint(const struct lint_row *row, const char *secret,
                       void (*lint)(const struct kiln_bootcmd *, struct kiln_bootcmd_notes *))
{
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_BOOTCMD_NOTES notes = { 0 };
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_STR got = { 0 };

    kiln_strv_add(&secrets, secret);
    parse(row->text, &cmd);
    kiln_bootcmd_mask(&cmd, &secrets);
    lint(&cmd, &notes);
    for (size_t k = 0; k < notes.n; k++)
        kiln_str_addf(&got, "%s%zu+%zu %s", k ? "; " : "", notes.v[k].start, notes.v[k].len,
                      notes.v[k].fix ? notes.v[k].fix : "-");
    if (strcmp(kiln_str_cstr(&got), row->want) != 0)
        fail_msg("%.80s\n  found    %s\n  expected %s", row->text, kiln_str_cstr(&got), row->want);
}

static void test_lint(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(lints); i++)
        check_lint(&lints[i], "", kiln_bootcmd_lint);
}

/* A password may hold what looks like a key; no note may quote it. */
static void test_lint_secret(void **state)
{
    static const struct {
        struct lint_row row;
        const char *secret;
    } rows[] = {
        { { "root<enter>pass<delete>word<enter>", "" }, "pass<delete>word" },
        { { "pa<wait5<delete>", "8+8 <del>" }, "pa<wait5" },
        { { "<enter!x", "" }, "enter!x" },
        { { "a<XOn>b<YOn>", "1+5 -; 7+5 <YOff>" }, "a<XOn>b" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_lint(&rows[i].row, rows[i].secret, kiln_bootcmd_lint);
}

static void test_lint_typed(void **state)
{
    KILN_AUTO_FREE char *fits = repeat("a", KILN_MAX_BOOT_LINE), *over = NULL, *two = NULL;
    KILN_AUTO_FREE char *spaced = kiln_xasprintf("%s<spacebar>", fits);
    KILN_AUTO_FREE char *erased = kiln_xasprintf("<bs>a%s<bs>", fits);
    static const struct lint_row rows[] = {
        { "", "" },
        { "aB~ <enter><f12><leftCtrlOn>c<leftCtrlOff><wait>", "" },
        { "a\xC3\xA9<wait>\xE4\xB8\xAD", "1+2 -; 9+3 -" },
        { "\xEF\xBC\xA1", "0+3 -" }, /* U+FF21 is no keysym of a special key */
        { "<\xC3\xA9On>", "0+6 -" },
        { "a\nb\tc", "1+1 <enter>; 3+1 <tab>" },
        { "xhunterx<wait>hunter", "1+1 -; 14+1 -" },
    };
    struct lint_row lines[4];

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_lint(&rows[i], "hunter", kiln_bootcmd_lint_typed);
    over = kiln_xasprintf("x<enter>%sa", fits);
    two = kiln_xasprintf("%s<wait><enter>%s", fits, fits);
    lines[0] = (struct lint_row){ over, "8+2048 -" };
    lines[1] = (struct lint_row){ two, "" };
    lines[2] = (struct lint_row){ spaced, "0+2057 -" };
    lines[3] = (struct lint_row){ erased, "" };
    for (size_t i = 0; i < KILN_COUNT(lines); i++)
        check_lint(&lines[i], "", kiln_bootcmd_lint_typed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typed),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_watches),
        cmocka_unit_test(test_watches_take_no_time),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nul_is_a_character),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_mask_range),
        cmocka_unit_test(test_lint),
        cmocka_unit_test(test_lint_secret),
        cmocka_unit_test(test_lint_typed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
