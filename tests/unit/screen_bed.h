/* The screen pane with a console, a run and a terminal that are ours. */
#ifndef KILN_TESTS_SCREEN_BED_H
#define KILN_TESTS_SCREEN_BED_H

#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/framebuffer.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ui/model.h"
#include "ui/panes.h"
#include "ui/term/term.h"

#define WHITE 0xffffffu
#define BLACK 0x000000u

/* ---- the console, the client and the terminal ---- */

struct kiln_console {
    struct kiln_model model;
    const char *build;
    bool dirty;
    char *said;
    struct kiln_str sent;   /* commands, one a line */
    kiln_reply_fn *replied; /* to `screen`, still to be called */
    void *replied_ud;
    void (*confirmed)(void *ud, bool yes);
    void (*chosen)(void *ud, int index);
    void *ud;
    struct kiln_strv menu;
    char *line;
    struct kiln_term *term;
};

struct kiln_term {
    struct kiln_term_caps caps;
    struct kiln_str out;
    bool busy;
    unsigned epoch;
    long max_bps;
    int forgotten;
};

static struct kiln_console con; /* what kiln_client_send, which knows no console, writes to */

const struct kiln_model *kiln_console_model(const struct kiln_console *c)
{
    return &c->model;
}

struct kiln_client *kiln_console_client(struct kiln_console *c)
{
    (void)c;
    return NULL;
}

struct kiln_term *kiln_console_term(struct kiln_console *c)
{
    return c->term;
}

const char *kiln_console_build(const struct kiln_console *c)
{
    return c->build;
}

void kiln_console_dirty(struct kiln_console *c)
{
    c->dirty = true;
}

void kiln_console_say(struct kiln_console *c, const char *fmt, ...)
{
    va_list ap;

    free(c->said);
    va_start(ap, fmt);
    c->said = kiln_xvasprintf(fmt, ap);
    va_end(ap);
}

void kiln_console_error(struct kiln_console *c, const char *fmt, ...)
{
    va_list ap;

    free(c->said);
    va_start(ap, fmt);
    c->said = kiln_xvasprintf(fmt, ap);
    va_end(ap);
}

void kiln_client_send(struct kiln_client *c, const struct kiln_request *req, kiln_reply_fn *fn,
                      void *ud)
{
    (void)c;
    kiln_str_addf(&con.sent, "%s %s", req->command, req->build ? req->build : "-");
    if (req->keysym)
        kiln_str_addf(&con.sent, " %x", req->keysym);
    kiln_str_addf(&con.sent, " %s\n", req->on ? "on" : "off");
    if (fn) {
        con.replied = fn;
        con.replied_ud = ud;
    }
}

void kiln_console_command(struct kiln_console *c, const struct kiln_request *req)
{
    struct kiln_request filled = *req;

    filled.build = c->build;
    kiln_client_send(NULL, &filled, NULL, NULL);
}

void kiln_console_command_line(struct kiln_console *c, const char *text)
{
    free(c->line);
    c->line = kiln_xstrdup(text);
}

void kiln_console_confirm(struct kiln_console *c, const char *question,
                          void (*fn)(void *ud, bool yes), void *ud)
{
    kiln_console_say(c, "%s", question);
    c->confirmed = fn;
    c->ud = ud;
}

void kiln_console_menu(struct kiln_console *c, const char *title, const struct kiln_strv *choices,
                       void (*fn)(void *ud, int index), void *ud)
{
    (void)title;
    kiln_strv_done(&c->menu);
    kiln_strv_add_all(&c->menu, choices);
    c->chosen = fn;
    c->ud = ud;
}

const struct kiln_term_caps *kiln_term_caps(const struct kiln_term *t)
{
    return &t->caps;
}

bool kiln_term_flush(struct kiln_term *t)
{
    return !t->busy;
}

bool kiln_term_raw(struct kiln_term *t, const void *data, size_t len)
{
    kiln_str_add(&t->out, data, len);
    return true;
}

void kiln_term_forget(struct kiln_term *t)
{
    t->forgotten++;
    t->epoch++;
}

unsigned kiln_term_epoch(const struct kiln_term *t)
{
    return t->epoch;
}

long kiln_term_max_bps(const struct kiln_term *t)
{
    return t->max_bps;
}

/* ---- a pane on a build ---- */

struct bed {
    void *pane;
    struct kiln_canvas canvas;
    struct kiln_framebuffer writer;
    struct kiln_term term;
};

static const struct kiln_pane_ops *const ops = &kiln_pane_screen;

static inline void happen(struct bed *b, struct kiln_event ev)
{
    ev.build = ev.build ? ev.build : "debian";
    kiln_model_event(&con.model, &ev);
    if (!con.build)
        con.build = "debian";
    ops->event(b->pane, &ev);
}

static inline int begin(void **state)
{
    struct bed *b = kiln_xcalloc(1, sizeof(*b));

    memset(&con, 0, sizeof(con));
    (void)snprintf(con.model.holder, sizeof(con.model.holder), "you");
    b->writer.fd = -1;
    b->term.caps = (struct kiln_term_caps){ .colors = 1 << 24, .utf8 = true };
    b->pane = ops->new (&con);
    kiln_canvas_resize(&b->canvas, 80, 24);
    happen(b, (struct kiln_event){ .type = KILN_EV_BUILD_START });
    *state = b;
    return 0;
}

static inline int end(void **state)
{
    struct bed *b = *state;

    ops->free(b->pane);
    kiln_canvas_done(&b->canvas);
    kiln_framebuffer_done(&b->writer);
    kiln_str_done(&b->term.out);
    kiln_model_clear(&con.model);
    kiln_str_done(&con.sent);
    kiln_strv_done(&con.menu);
    free(con.said);
    free(con.line);
    free(b);
    return 0;
}

static inline void check_sent(const char *want)
{
    assert_string_equal(kiln_str_cstr(&con.sent), want);
    kiln_str_clear(&con.sent);
}

static inline void reply(const struct kiln_reply *r)
{
    kiln_reply_fn *fn = con.replied;

    assert_non_null(fn);
    con.replied = NULL;
    fn(con.replied_ud, r);
}

/* The run hands over a framebuffer that shows `p`. */
static inline void show(struct bed *b, const struct kiln_picture *p)
{
    KILN_AUTO_ERR err = { 0 };

    kiln_framebuffer_done(&b->writer);
    unit_ok(kiln_framebuffer_create(&b->writer, p->width, p->height, &err), &err);
    kiln_framebuffer_write(&b->writer, p->rgbx, 0, p->height);
    if (!con.replied)
        happen(b,
               (struct kiln_event){ .type = KILN_EV_SCREEN, .done = p->width, .total = p->height });
    reply(&(struct kiln_reply){ .ok = true, .fd = fcntl(b->writer.fd, F_DUPFD_CLOEXEC, 3) });
}

static inline void draw(struct bed *b)
{
    struct kiln_area a = kiln_canvas_area(&b->canvas);

    kiln_canvas_clear(&b->canvas);
    con.dirty = false;
    ops->draw(b->pane, &a, true);
    if (con.term)
        ops->pixels(b->pane, con.term, &a);
}

/* As the console's loop does, until nothing is to be done; time passes as fast as it is asked for.
 */
static inline void settle(struct bed *b)
{
    int64_t now = kiln_clock_mono_us();

    for (int i = 0; i < 1000; i++) {
        int64_t at = ops->deadline(b->pane);

        if (con.dirty) {
            draw(b);
            continue;
        }
        if (at == KILN_NEVER)
            return;
        now = at > now ? at : now;
        ops->tick(b->pane, now);
    }
    fail_msg("it never rests");
}

static inline void check_row(const struct bed *b, int row, const char *want)
{
    KILN_AUTO_STR got = { 0 };

    for (int x = 0; x < b->canvas.cols; x++)
        kiln_str_add_utf8(&got, b->canvas.cells[row * b->canvas.cols + x].ch);
    while (got.len > 0 && got.data[got.len - 1] == ' ')
        kiln_str_truncate(&got, got.len - 1);
    assert_string_equal(kiln_str_cstr(&got), want);
}

static inline void check_status(const struct bed *b, const char *want)
{
    KILN_AUTO_STR got = { 0 };

    ops->status(b->pane, &got);
    assert_string_equal(kiln_str_cstr(&got), want);
}

static inline const struct kiln_cell *cell(const struct bed *b, int x, int y)
{
    return &b->canvas.cells[y * b->canvas.cols + x];
}

static inline uint32_t color(const struct kiln_cell *c)
{
    return c->ch == 0x2588 ? c->style.fg : c->style.bg;
}

#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
