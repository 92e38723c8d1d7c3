/* The boot command's pane in a console of console_bed.h, and a run that answers its previews. */
#ifndef KILN_TESTS_BOOT_PANE_BED_H
#define KILN_TESTS_BOOT_PANE_BED_H

#include "console_bed.h"

#define FEW                                                                                        \
    "{\"type\":\"boot-plan\",\"build\":\"debian\",\"done\":100000000,"                             \
    "\"names\":[\"a<esc>\",\"b<enter>c\"],\"text\":\"a<esc>b<enter>c\"}"

static void at_element(struct kiln_console *c, int element)
{
    KILN_AUTO_STR json = { 0 };

    kiln_str_addf(&json, "{\"type\":\"boot\",\"build\":\"debian\",\"index\":%d}", element);
    bed_event(c, kiln_str_cstr(&json));
}

static char *problem;          /* of the next previews; NULL: they are rendered */
static bool held;              /* answers wait until let_go */
static kiln_reply_fn *held_fn; /* that of the newest request */
static void *held_ud;
static struct kiln_str held_text;

static void replace(struct kiln_str *s, const char *what, const char *with)
{
    char *at;

    while ((at = strstr(kiln_str_cstr(s), what))) {
        KILN_AUTO_FREE char *tail = kiln_xstrdup(at + strlen(what));

        kiln_str_truncate(s, (size_t)(at - s->data));
        kiln_str_adds(s, with);
        kiln_str_adds(s, tail);
    }
}

static void reply(kiln_reply_fn *fn, void *ud, const char *text)
{
    const struct kiln_reply r = { .ok = problem == NULL, .error = problem, .text = text, .fd = -1 };

    fn(ud, &r);
}

static bool answer(const struct kiln_request *req, kiln_reply_fn *fn, void *ud)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_FREE char *raw = req->lines ? kiln_strv_join(req->lines, "") : NULL;

    if (kiln_streq(req->command, "preview")) {
        kiln_str_adds(&text, raw);
        replace(&text, "{{ .HTTPIP }}", "10.0.2.2");
        replace(&text, "{{ .HTTPPort }}", "8042");
        replace(&text, "<sensitive>", "\xE2\x80\xA2\xE2\x80\xA2");
    } else if (kiln_streq(req->command, "write")) {
        kiln_str_adds(&text, "/t/debian.json.bak");
    } else {
        return false;
    }
    if (!held) {
        reply(fn, ud, kiln_str_cstr(&text));
        return true;
    }
    held_fn = fn;
    held_ud = ud;
    kiln_str_done(&held_text);
    kiln_str_adds(&held_text, kiln_str_cstr(&text));
    return true;
}

/* The answer that waits, then; the next one waits again. */
__attribute__((unused)) static void let_go(void)
{
    kiln_reply_fn *fn = held_fn;
    KILN_AUTO_FREE char *text = kiln_str_steal(&held_text);

    assert_non_null(fn);
    held_fn = NULL;
    reply(fn, held_ud, text);
}

static struct kiln_console *start_with(int cols, int rows, const char *plan)
{
    struct kiln_console *c = bed_console(cols, rows);

    bed_answer = answer;
    problem = NULL;
    held = false;
    held_fn = NULL;
    bed_event(c, "{\"type\":\"run-start\",\"text\":\"t.json\",\"names\":[\"debian\"]}");
    bed_event(c, "{\"type\":\"build-start\",\"build\":\"debian\",\"mono\":1000000}");
    if (plan)
        bed_event(c, plan);
    bed_keys(c, "2 z");
    kiln_str_clear(&bed_requests);
    return c;
}

#endif
