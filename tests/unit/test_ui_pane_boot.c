/* The boot command's pane: what it shows of a Debian preseed command, editing, stepping. */
#include "boot_pane_bed.h"

#define RAW                                                                                        \
    "\"names\":[\"<esc><wait>\",\"auto <wait>\","                                                  \
    "\"url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg <wait>\",\"<enter>\"]"
#define RENDERED "<esc><wait>auto <wait>url=http://10.0.2.2:8042/p.cfg <wait><enter>"
#define PLAN     "{\"type\":\"boot-plan\",\"build\":\"debian\",\"done\":100000000," RAW

static void key_sent(struct kiln_console *c, int element, int key)
{
    KILN_AUTO_STR json = { 0 };

    kiln_str_addf(&json,
                  "{\"type\":\"key\",\"build\":\"debian\",\"index\":0,\"total\":%d,\"status\":%d,"
                  "\"name\":\"a\",\"down\":true}",
                  element, key);
    bed_event(c, kiln_str_cstr(&json));
}

static void typed(struct kiln_console *c, const char *how)
{
    KILN_AUTO_STR json = { 0 };

    kiln_str_addf(&json, "{\"type\":\"typing\",\"build\":\"debian\",\"name\":\"%s\",\"text\":\"\"}",
                  how);
    bed_event(c, kiln_str_cstr(&json));
}

static struct kiln_console *start(int cols, int rows)
{
    return start_with(cols, rows, PLAN ",\"text\":\"" RENDERED "\"}");
}

/* The whole of it but the bottom line. */
static void looks(struct kiln_console *c, const char *want)
{
    const char *screen = bed_screen(c);
    size_t len = strlen(want);

    if (strncmp(screen, want, len) != 0) {
        (void)fprintf(stderr, "not\n%sbut\n%s", want, screen); /* fail_msg cuts */
        fail_msg("another picture");
    }
}

/* The characters in reverse video, those of the two halves with a '|' between lines. */
static char *marked(struct kiln_console *c)
{
    struct kiln_str out = { 0 };

    kiln_console_draw(c);
    for (int y = 1; y < c->canvas.rows - 1; y++) {
        size_t before = out.len;

        for (int x = 0; x < c->canvas.cols; x++) {
            const struct kiln_cell *cell = &c->canvas.cells[y * c->canvas.cols + x];

            if (cell->style.attr & KILN_ATTR_REVERSE)
                kiln_str_add_utf8(&out, cell->ch ? cell->ch : ' ');
        }
        if (out.len > before)
            kiln_str_addc(&out, '|');
    }
    return kiln_str_steal(&out);
}

#define marks(c, want)                                                                             \
    do {                                                                                           \
        KILN_AUTO_FREE char *marked_ = marked(c);                                                  \
        assert_string_equal(marked_, (want));                                                      \
    } while (0)

/* ---- looking ---- */

static void test_80x24(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    at_element(c, 2);
    key_sent(c, 2, 0);
    looks(c, "─ Boot command ──────────────────────────────────────────────────────── typing ─\n"
             "1 <esc><wait>                     │    83 events, total 0:11.000\n"
             "2 auto <wait>                     │  . down esc         ff1b            0:00.000\n"
             "3 url=http://{{ .HTTPIP }}:{{ .HT │  . up   esc         ff1b     +100ms 0:00.100\n"
             "  TPPort }}/p.cfg <wait>          │  . wait 1s                   +100ms 0:00.200\n"
             "4 <enter>                         │  . down a           61          +1s 0:01.200\n"
             "                                  │  > up   a           61       +100ms 0:01.300\n"
             "                                  │    down u           75       +100ms 0:01.400\n"
             "                                  │    up   u           75       +100ms 0:01.500\n"
             "                                  │    down t           74       +100ms 0:01.600\n"
             "                                  │    up   t           74       +100ms 0:01.700\n"
             "                                  │    down o           6f       +100ms 0:01.800\n"
             "                                  │    up   o           6f       +100ms 0:01.900\n"
             "                                  │    down space       20       +100ms 0:02.000\n"
             "                                  │    up   space       20       +100ms 0:02.100\n"
             "                                  │    wait 1s                   +100ms 0:02.200\n"
             "                                  │    down u           75          +1s 0:03.200\n"
             "                                  │    up   u           75       +100ms 0:03.300\n"
             "                                  │    down r           72       +100ms 0:03.400\n"
             "                                  │    up   r           72       +100ms 0:03.500\n"
             "                                  │    down l           6c       +100ms 0:03.600\n"
             "                                  │    up   l           6c       +100ms 0:03.700\n"
             "                                  │    down =           3d       +100ms 0:03.800\n");
    kiln_console_free(c);
}

/* From ten minutes on the clock is wider. */
static void test_long(void **state)
{
    struct kiln_console *c =
        start_with(80, 24,
                   "{\"type\":\"boot-plan\",\"build\":\"debian\",\"done\":100000000,"
                   "\"names\":[\"<wait11m>a\"],\"text\":\"<wait11m>a\"}");

    (void)state;
    bed_shows(c, "> wait 11m0s                       0:00.000");
    bed_shows(c, "+11m0s 11:00.000");
    kiln_console_free(c);
}

/* The title says how the keys go out. */
static void test_how_it_is_typed(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    at_element(c, 2);
    key_sent(c, 2, 0);
    typed(c, "blind");
    assert_non_null(strstr(bed_screen(c), "── typing blindly ─"));
    typed(c, "echo");
    typed(c, "repair");
    typed(c, "repair");
    assert_non_null(strstr(bed_screen(c), "── typing, 2 repaired ─"));
    typed(c, "unread");
    assert_non_null(strstr(bed_screen(c), "── typing, but the guest reads no keys, 2 repaired ─"));
    kiln_console_free(c);
}

static void test_60x15(void **state)
{
    struct kiln_console *c = start(60, 15);

    (void)state;
    looks(c, "─ Boot command ─────────────────────────────────────────────\n"
             "1 <esc><wait>\n"
             "2 auto <wait>\n"
             "3 url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg <wait>\n"
             "4 <enter>\n"
             "─── 83 events, total 0:11.000 ──────────────────────────────\n"
             " > down esc            ff1b            0:00.000\n"
             "   up   esc            ff1b     +100ms 0:00.100\n"
             "   wait 1s                      +100ms 0:00.200\n"
             "   down a              61          +1s 0:01.200\n"
             "   up   a              61       +100ms 0:01.300\n");
    bed_keys(c, "z G"); /* beside the other panes; the end */
    looks(c, "─ Builds ──────────────────┬─ Boot command ─────────────────\n");
    bed_shows(c, "│4 <enter>\n");
    bed_shows(c, "│─── 83 events, 0:11.000 ────────\n");
    bed_shows(c, "│   down enter          0:10.800\n");
    bed_shows(c, "│   end                 0:11.000\n");
    kiln_console_free(c);
}

static void test_200x60(void **state)
{
    struct kiln_console *c = start(200, 60);

    (void)state;
    bed_keys(c, "G up up");
    bed_shows(c, "\n3 url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg <wait>      ");
    bed_shows(c, "down enter          ff0d        +1s 0:10.800\n");
    marks(c, "<enter>|   down enter          ff0d        +1s 0:10.800|");
    kiln_console_free(c);
}

/* One cursor: the characters of an event, the events of a character. */
static void test_link(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    marks(c, "<esc>| > down esc         ff1b            0:00.000|");
    bed_keys(c, "right");
    marks(c, "<wait>|   wait 1s                   +100ms 0:00.200|");
    bed_keys(c, "right down");
    marks(c, "a|   up   a           61       +100ms 0:01.300|");
    bed_keys(c, "left");
    marks(c, "a|   down a           61          +1s 0:01.200|");
    bed_keys(c, "G");
    for (int i = 0; i < 12; i++) /* back to the port */
        bed_keys(c, "left");
    marks(c, "{{ .HT|TPPort }}|   down 0           30       +100ms 0:07.800|");
    /* from the text: all that the {{ }} makes */
    bed_keys(c, "enter");
    marks(c, "{{ .HT|TPPort }}|   down 8           38       +100ms 0:07.600|   up   8           38 "
             "      +100ms 0:07.700|   down 0           30       +100ms 0:07.800|   up   0         "
             "  30       +100ms 0:07.900|   down 4           34       +100ms 0:08.000|   up   4    "
             "       34       +100ms 0:08.100|   down 2           32       +100ms 0:08.200|   up   "
             "2           32       +100ms 0:08.300|");
    kiln_console_free(c);
}

/* Before ports and addresses are known, and for good once the run is over. */
static void test_not_rendered(void **state)
{
    struct kiln_console *c = start_with(80, 24, PLAN "}");

    (void)state;
    bed_shows(c, " not rendered ─\n");
    bed_shows(c, "61 events, total 0:08.600 and more\n");
    for (int i = 0; i < 20; i++)
        bed_keys(c, "right");
    bed_shows(c, "    {{ .HTTPIP }}             +100ms 0:05.600\n");
    bed_event(c, PLAN ",\"text\":\"" RENDERED "\"}");
    bed_shows(c, "83 events, total 0:11.000\n");
    bed_event(c, "{\"type\":\"build-end\",\"build\":\"debian\",\"status\":1,\"text\":\"no\"}");
    bed_event(c, "{\"type\":\"run-end\",\"status\":1}");
    bed_keys(c, "enter x");
    bed_shows(c, "63 events, total 0:08.800 and more\n");
    assert_string_equal(kiln_str_cstr(&bed_requests), "");
    kiln_console_free(c);
}

static void test_secrets(void **state)
{
    struct kiln_console *c =
        start_with(80, 24,
                   "{\"type\":\"boot-plan\",\"build\":\"debian\",\"names\":[\"a<sensitive>b\"],"
                   "\"text\":\"a\xE2\x80\xA2\xE2\x80\xA2"
                   "b\"}");

    (void)state;
    bed_keys(c, "right right");
    bed_shows(c, "    down <sensitive>  ");
    bed_shows_not(c, "2022");
    bed_shows_not(c, "is not a key");
    marks(c, "<sensitive>|   down <sensitive>             +0s 0:00.000|");
    bed_keys(c, "enter end x");
    bed_shows(c, "10 events");
    assert_string_equal(kiln_str_cstr(&bed_requests), "preview build=debian [a<sensitive>bx]\n");
    problem = "cannot";
    bed_keys(c, "y");
    bed_shows(c, "    <sensitive>                  +0s 0:00.000\n");
    bed_shows(c, "cannot");
    bed_shows_not(c, "is not a key");
    kiln_console_free(c);
}

/* ---- editing ---- */

static void test_edit(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    bed_keys(c, "enter down end < d e l e t e >");
    bed_shows(c, " editing ─\n");
    bed_shows(c, "2 auto <wait><delete>             │ ");
    bed_shows(c, "2:12 <delete> is not a key: it is │");
    bed_shows(c, "typed letter by letter; write <del│");
    bed_keys(c, "backspace backspace backspace backspace >");
    bed_shows_not(c, "is not a key");
    bed_shows(c, "85 events, total 0:11.200\n");
    marks(c, "u   down u           75       +100ms 0:03.400|"
             "   up   u           75       +100ms 0:03.500|");
    bed_keys(c, "esc");
    bed_shows(c, " edited ─\n");
    bed_keys(c, "u"); /* revert */
    bed_shows(c, "2 auto <wait>                     │ ");
    bed_shows(c, "83 events, total 0:11.000\n");
    bed_shows(c, "the edit is gone");
    kiln_console_free(c);
}

static void test_error(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    problem = "Error generating boot command: Expecting a positive wait value. Got 0s";
    bed_keys(c, "enter end < w a i t 0 s >");
    bed_shows(c, "has an error\n");
    bed_shows(c, "1:12 Expecting a positive wait va");
    bed_keys(c, "esc a");
    bed_shows(c, "the boot command has an error");
    bed_keys(c, "W");
    bed_shows(c, "the boot command has an error: it is not saved");
    assert_null(strstr(kiln_str_cstr(&bed_requests), "edit"));
    /* what only the rendering tells */
    problem = "Error preparing boot command: no such field";
    bed_keys(c, "enter ctrl-u");
    bed_shows(c, "83 events");
    bed_keys(c, "{ { . X } }");
    bed_shows(c, "Error preparing boot command: no");
    bed_shows(c, "{{.X}}");
    bed_keys(c, "esc a");
    bed_shows(c, "Error preparing boot command: no such field");
    kiln_console_free(c);
}

/* Answers that come late: the newest text is asked about, and its answer shown. */
static void test_late_preview(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    held = true;
    bed_keys(c, "enter x y z");
    assert_string_equal(kiln_str_cstr(&bed_requests),
                        "preview build=debian [x<esc><wait>] [auto <wait>] "
                        "[url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg <wait>] [<enter>]\n");
    kiln_str_clear(&bed_requests);
    let_go();
    assert_non_null(strstr(kiln_str_cstr(&bed_requests), "[xyz<esc><wait>]"));
    let_go();
    bed_shows(c, "89 events, total 0:11.600\n");
    assert_null(held_fn);
    /* one that does not come: the text as it stands is better than an old one */
    bed_keys(c, "a");
    kiln_pane_boot.tick(c->panes[KILN_PANE_BOOT], INT64_MAX);
    bed_shows(c, "69 events, total 0:09.400 and more\n");
    bed_keys(c, "b");
    bed_shows(c, "71 events, total 0:09.600 and more\n");
    let_go();
    let_go();
    bed_shows(c, "93 events, total 0:12.000\n");
    kiln_console_free(c);
}

static void test_apply(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    at_element(c, 2); /* <esc>, <wait> and a, of which the press is out */
    key_sent(c, 2, 0);
    bed_keys(c, "enter end x esc a");
    assert_non_null(strstr(kiln_str_cstr(&bed_requests),
                           "\nedit build=debian from=3 [<esc><wait>] [auto <wait>x] "));
    bed_shows(c, "this is typed from now on");
    bed_shows_not(c, " edited ─");
    kiln_str_clear(&bed_requests);

    /* what is typed already was changed: from where on must be asked */
    bed_keys(c, "enter ctrl-home x ctrl-end esc a");
    bed_shows(c, "Go on with element 43, at the cursor?");
    assert_null(strstr(kiln_str_cstr(&bed_requests), "edit "));
    bed_keys(c, "enter");
    assert_null(strstr(kiln_str_cstr(&bed_requests), "edit "));
    bed_keys(c, "a y");
    assert_non_null(
        strstr(kiln_str_cstr(&bed_requests), "edit build=debian from=42 [x<esc><wait>] "));
    kiln_str_clear(&bed_requests);

    bed_event(c, "{\"type\":\"build-end\",\"build\":\"debian\",\"status\":2}");
    bed_keys(c, "enter x esc a");
    bed_shows(c, "the build is over; write saves it into the template");
    bed_event(c, "{\"type\":\"run-end\",\"status\":1}");
    bed_keys(c, "a");
    bed_shows(c, "the run is over: an edit can be neither typed nor saved");
    kiln_console_free(c);
}

#define STEP "{\"type\":\"step\",\"build\":\"debian\",\"name\":\"stepTypeBootCommand\","

/* All typed, or broken off in the middle of it. */
static void test_over(void **state)
{
    static const char *const ends[] = { "done", "failed" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct kiln_console *c = start(80, 24);
        KILN_AUTO_FREE char *end =
            kiln_xasprintf(STEP "\"from\":\"running\",\"to\":\"%s\"}", ends[i]);

        bed_event(c, STEP "\"from\":\"pending\",\"to\":\"running\"}");
        at_element(c, 2);
        bed_event(c, end);
        bed_event(c, STEP "\"from\":\"x\",\"to\":\"cleaned\"}");
        bed_event(c, "{\"type\":\"build-end\",\"build\":\"debian\",\"status\":1}");
        bed_shows(c, i == 0 ? " typed \u2500\n" : " broken off \u2500\n");
        bed_shows(c, i == 0 ? " > end  " : " > down a  ");
        bed_keys(c, "enter x esc a");
        bed_shows(c, i == 0 ? "it is typed already: retype it; write" : "the build is over; write");
        kiln_console_free(c);
    }
}

/* All is out; then it is typed again from its beginning, with the edit, whatever has the focus. */
static void test_retype(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    bed_event(c, STEP "\"from\":\"pending\",\"to\":\"running\"}");
    at_element(c, 2);
    bed_event(c, STEP "\"from\":\"running\",\"to\":\"done\"}");
    bed_shows(c, " typed \u2500\n");
    bed_keys(c, "T");
    assert_non_null(strstr(kiln_str_cstr(&bed_requests), "\nretype build=debian\n"));
    kiln_str_clear(&bed_requests);
    problem = "no such field";
    bed_keys(c, "enter ctrl-home x esc T");
    assert_null(strstr(kiln_str_cstr(&bed_requests), "retype"));
    problem = NULL;
    bed_keys(c, "enter ctrl-end ctrl-home right y esc 4 T");
    assert_non_null(strstr(kiln_str_cstr(&bed_requests), "\nretype build=debian [xy<esc><wait>] "));
    bed_keys(c, "2");
    bed_event(c, STEP "\"from\":\"done\",\"to\":\"pending\"}");
    bed_event(c,
              "{\"type\":\"boot-plan\",\"build\":\"debian\",\"names\":[\"xy\"],\"text\":\"xy\"}");
    bed_shows_not(c, " typed \u2500\n");
    bed_shows_not(c, " edited \u2500\n");
    bed_shows(c, " > down x  ");
    kiln_console_free(c);
}

/* Somebody else's edit comes while ours is open. */
static void test_other_edit(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    bed_keys(c, "enter x");
    bed_event(c,
              "{\"type\":\"boot-plan\",\"build\":\"debian\",\"names\":[\"abc\"],\"text\":\"abc\"}");
    bed_shows(c, "\n1 x<esc><wait> ");
    bed_keys(c, "esc u");
    bed_shows(c, "\n1 abc ");
    bed_shows(c, "6 events");
    kiln_console_free(c);
}

static void test_paste(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    bed_keys(c, "enter");
    kiln_console_paste(c, "one\ntwo", 7);
    bed_shows(c, "\n1 one ");
    bed_shows(c, "\n2 two<esc><wait> ");
    kiln_console_free(c);
}

static void test_write(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    bed_keys(c, "enter x esc W");
    bed_shows(c, "saved; the old template is /t/debian.json.bak");
    assert_non_null(strstr(kiln_str_cstr(&bed_requests), "write build=debian [x<esc><wait>] "));
    kiln_console_free(c);
}

/* ---- stepping ---- */

static void test_places(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    bed_keys(c, "right right down g b");
    assert_string_equal(kiln_str_cstr(&bed_requests),
                        "run-to build=debian text=boot:3\nbreak build=debian text=boot:3 on\n");
    kiln_str_clear(&bed_requests);
    bed_event(c, "{\"type\":\"breakpoints\",\"build\":\"debian\",\"names\":[\"boot:3\",\"key:5\","
                 "\"boot:end\",\"before:run\",\"boot:2.1\"]}");
    bed_shows(c, "\u2502 B  down a  ");
    bed_shows(c, "\u2502 B  down u  ");
    bed_shows(c, "\u2502    up   u  ");
    bed_keys(c, "b G g");
    assert_string_equal(kiln_str_cstr(&bed_requests),
                        "break build=debian text=boot:3\nrun-to build=debian text=boot:end\n");
    bed_shows(c, "\u2502 B  end  ");
    at_element(c, 5);
    bed_keys(c, "home g");
    bed_shows(c, "that has been typed already");
    kiln_console_free(c);
}

/* A pause that is over is told by the stop behind it only; then the cursor goes along. */
static void test_stop(void **state)
{
    struct kiln_console *c = start(80, 24);

    (void)state;
    at_element(c, 1);
    bed_shows(c, " > wait 1s ");
    bed_event(c, "{\"type\":\"stop\",\"build\":\"debian\",\"name\":\"step\",\"id\":\"boot:3\"}");
    bed_shows(c, " . wait 1s ");
    bed_shows(c, " > down a ");
    marks(c, "a| > down a           61          +1s 0:01.200|");
    kiln_console_free(c);
}

static void test_rows(void **state)
{
    struct kiln_console *c = start_with(
        80, 24, "{\"type\":\"boot-plan\",\"build\":\"debian\",\"names\":[\"ab\"],\"text\":\"ab\"}");

    (void)state;
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"debian\",\"index\":1,\"names\":[\"xyz\"],"
                 "\"text\":\"xyz\"}");
    bed_shows(c, " row 1/2 ");
    bed_keys(c, "G down");
    bed_shows(c, " row 2/2 ");
    bed_shows(c, "\n1 xyz ");
    bed_keys(c, "right b up up up");
    bed_shows(c, " row 1/2 ");
    assert_string_equal(kiln_str_cstr(&bed_requests), "break build=debian text=boot:2.2 on\n");
    bed_event(c, "{\"type\":\"breakpoints\",\"build\":\"debian\",\"names\":[\"key:3\",\"key:7\"]}");
    bed_shows(c, "B  down b ");
    bed_keys(c, "G down");
    bed_shows(c, "B  down y ");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "right b");
    assert_string_equal(kiln_str_cstr(&bed_requests), "break build=debian text=key:7\n");
    bed_event(c, "{\"type\":\"breakpoints\",\"build\":\"debian\",\"names\":[]}");
    bed_keys(c, "left up");
    bed_keys(c, "home");
    bed_event(c, "{\"type\":\"boot\",\"build\":\"debian\",\"done\":1,\"index\":1}");
    bed_shows(c, " row 2/2 ");
    bed_shows(c, " > down y ");
    kiln_console_free(c);
}

/* Waits for the screen end when it shows something: their time is the most it takes. */
static void test_watches(void **state)
{
    struct kiln_console *c =
        start_with(130, 24,
                   "{\"type\":\"boot-plan\",\"build\":\"debian\",\"done\":100000000,"
                   "\"names\":[\"a<wait 'login:' 90s><waitStable 2s 1m>\"],"
                   "\"text\":\"a<wait 'login:' 90s><waitStable 2s 1m>\"}");

    (void)state;
    bed_shows(c, "4 events, total at most 2:30.200");
    bed_shows(c, "until 'login:', max 1m30s ");
    bed_shows(c, "until still 2s, max 1m0s ");
    kiln_console_free(c);
}

static void test_nothing(void **state)
{
    struct kiln_console *c = start_with(80, 24, NULL);

    (void)state;
    bed_shows(c, "this build has no boot command");
    bed_event(c, "{\"type\":\"plan\",\"build\":\"debian\",\"names\":[\"stepTypeBootCommand\"]}");
    bed_shows(c, "no boot command yet");
    bed_keys(c, "enter a u W g b up down left right home end");
    assert_string_equal(kiln_str_cstr(&bed_requests), "");
    bed_event(c, "{\"type\":\"boot-plan\",\"build\":\"debian\",\"names\":[],\"text\":\"\"}");
    bed_shows(c, "0 events");
    bed_keys(c, "enter x");
    bed_shows(c, "2 events");
    kiln_console_free(c);
}

/* A step has failed while there is a checkpoint: back to before typing is a choice, too. */
static void test_retype_by_a_question(void **state)
{
    struct kiln_console *c = start_with(130, 24, FEW);

    (void)state;
    bed_event(c, "{\"type\":\"stop\",\"build\":\"debian\",\"name\":\"prompt\","
                 "\"names\":[\"retype\"]}");
    bed_event(c, "{\"type\":\"prompt\",\"build\":\"debian\",\"index\":4,\"text\":\"What now?\","
                 "\"names\":[\"abort\",\"retry\"]}");
    bed_keys(c, "5"); /* the Question pane */
    bed_shows(c, "[abort]  [retry]  [retype]");
    kiln_str_clear(&bed_requests);
    bed_keys(c, "right enter");
    assert_string_equal(kiln_str_cstr(&bed_requests), "retype build=debian\n");
    kiln_console_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retype_by_a_question),
        cmocka_unit_test(test_watches),
        cmocka_unit_test(test_80x24),
        cmocka_unit_test(test_how_it_is_typed),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_60x15),
        cmocka_unit_test(test_200x60),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_not_rendered),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_late_preview),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_retype),
        cmocka_unit_test(test_other_edit),
        cmocka_unit_test(test_paste),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
