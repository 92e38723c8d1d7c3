/*
 * A console without terminal and run: events in (JSON lines), keys in, text out. It defines the
 * kiln_client_* functions that the console calls; requests land in bed_requests as text.
 */
#ifndef KILN_TESTS_CONSOLE_BED_H
#define KILN_TESTS_CONSOLE_BED_H

#include "unit.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/str.h"
#include "ui/console_priv.h"

static struct kiln_str bed_requests; /* "break text=stepRun on\n" … */
static int bed_log_fd = -1;
/* Set by a test that answers itself: true if it has taken the request over. */
static bool (*bed_answer)(const struct kiln_request *req, kiln_reply_fn *fn, void *ud);

void kiln_client_send(struct kiln_client *client, const struct kiln_request *req, kiln_reply_fn *fn,
                      void *ud)
{
    const struct kiln_reply ok = { .ok = true, .fd = -1 };

    (void)client;
    kiln_str_adds(&bed_requests, req->command);
    if (req->build)
        kiln_str_addf(&bed_requests, " build=%s", req->build);
    if (req->text)
        kiln_str_addf(&bed_requests, " text=%s", req->text);
    if (req->number)
        kiln_str_addf(&bed_requests, " number=%" PRId64, req->number);
    if (req->from)
        kiln_str_addf(&bed_requests, " from=%" PRId64, req->from);
    for (size_t i = 0; req->lines && i < req->lines->n; i++)
        kiln_str_addf(&bed_requests, " [%s]", req->lines->v[i]);
    if (req->on)
        kiln_str_adds(&bed_requests, " on");
    kiln_str_addc(&bed_requests, '\n');
    if (bed_answer && bed_answer(req, fn, ud))
        return;
    if (fn)
        fn(ud, &ok);
}

int kiln_client_log_fd(const struct kiln_client *client)
{
    (void)client;
    return bed_log_fd;
}

uint64_t kiln_client_log_size(const struct kiln_client *client)
{
    (void)client;
    return 0;
}

__attribute__((unused)) static struct kiln_console *bed_console(int cols, int rows)
{
    struct kiln_console *c = kiln_console_new(NULL, NULL, cols, rows);
    KILN_AUTO_STR problems = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(setenv("XDG_CONFIG_HOME", "/nonexistent", 1) == 0, &err);
    unit_ok(kiln_keymap_load(&c->keymap, NULL, &problems, &err), &err);
    assert_string_equal(kiln_str_cstr(&problems), "");
    kiln_str_clear(&bed_requests);
    return c;
}

/* One event as it stands in an event log. */
__attribute__((unused)) static void bed_event(struct kiln_console *c, const char *json)
{
    struct kiln_event_box box = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_event_decode(&box, json, strlen(json), &err), &err);
    kiln_console_handler.event(c, &box.ev);
    kiln_event_box_done(&box);
}

/* Keys as in a key map: "b", ": q enter", "ctrl-x ctrl-c". */
__attribute__((unused)) static void bed_keys(struct kiln_console *c, const char *keys)
{
    struct kiln_strv words = { 0 };

    kiln_strv_split(&words, keys, ' ');
    KILN_STRV_FOREACH (word, &words) {
        struct kiln_key key = { 0 };

        if (!kiln_key_from_text(word, &key))
            fail_msg("%s is no key", word);
        kiln_console_key(c, &key);
    }
    kiln_strv_done(&words);
}

/* What is on the screen: rows without trailing blanks. Valid until the next call. */
__attribute__((unused)) static const char *bed_screen(struct kiln_console *c)
{
    static struct kiln_str out;

    kiln_str_clear(&out);
    kiln_console_draw(c);
    for (int y = 0; y < c->canvas.rows; y++) {
        size_t end = out.len;

        for (int x = 0; x < c->canvas.cols; x++) {
            uint32_t ch = c->canvas.cells[y * c->canvas.cols + x].ch;

            if (ch)
                kiln_str_add_utf8(&out, ch);
            if (ch && ch != ' ')
                end = out.len;
        }
        kiln_str_truncate(&out, end);
        kiln_str_addc(&out, '\n');
    }
    return kiln_str_cstr(&out);
}

#define bed_shows(c, text)                                                                         \
    do {                                                                                           \
        const char *screen_ = bed_screen(c);                                                       \
        if (!strstr(screen_, (text))) {                                                            \
            (void)fputs(screen_, stderr); /* fail_msg cuts */                                      \
            fail_msg("\"%s\" is not on the screen", (text));                                       \
        }                                                                                          \
    } while (0)

#define bed_shows_not(c, text)                                                                     \
    do {                                                                                           \
        const char *screen_ = bed_screen(c);                                                       \
        if (strstr(screen_, (text))) {                                                             \
            (void)fputs(screen_, stderr);                                                          \
            fail_msg("\"%s\" is on the screen", (text));                                           \
        }                                                                                          \
    } while (0)

#endif
