/*
 * The guest's screen. A frame event makes it look at the framebuffer (never more often than the
 * terminal keeps up with); what changed becomes cells in slices between key presses, or a picture
 * where the terminal shows pixels.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/framebuffer.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/module.h"
#include "ui/model.h"
#include "ui/panes.h"
#include "ui/screen/screen_graphics.h"
#include "ui/screen/screen_keyboard.h"
#include "ui/screen/screen_search.h"
#include "ui/screen/screen_view.h"

#define FRAME_US    KILN_MS(40)    /* between two frames; 25 a second */
#define HIDDEN_US   KILN_SECOND(1) /* out of sight: then the run need not send any more */
#define BUSY_US     KILN_MS(20)    /* the terminal or the writer is busy: look again then */
#define OLD_US      KILN_SECOND(2) /* a frame's age is told from then on */
#define MAX_PIXELS  (2u << 20)     /* looked at of one frame; of larger ones every n-th pixel */
#define ROW_BYTES   24             /* a cell of a film, about */
#define ECHO_HZ     5 /* with a limit of bytes a second: no key waits longer for rows of pictures */
#define PIXELS_BPS  4000000  /* slower lines get cells instead of pixels */
#define PNG_LEVEL   6        /* of compression in files */
#define PNG_DEFAULT "screen" /* name, if the build has none */

struct pane {
    struct kiln_console *console;
    const struct kiln_pixels_ops *ops; /* NULL: not loaded (yet) */
    bool load_failed;
    struct kiln_screen_search search;

    char *build;       /* whose screen this is; NULL: none yet */
    bool on;           /* the run was asked for frames, and not yet to stop */
    bool asking;       /* a reply is due, for asked_build */
    char *asked_build; /* whom we asked last */
    bool ask_again;    /* when the reply is there */
    char *why;         /* there is no framebuffer; NULL: nobody said */
    bool gone;         /* what is shown is the last that was seen */
    struct kiln_framebuffer fb;
    struct kiln_picture picture, next; /* the newest frame; room for another */
    uint64_t frame;                    /* counts different pictures */
    int64_t frame_us;                  /* when it came */
    bool news;                         /* there may be a newer one */
    int64_t look_us;                   /* not before */
    int64_t looked_us;                 /* when we last did */
    int64_t convert_us;                /* go on converting not before */

    bool visible;
    int64_t hidden_us; /* out of sight since; KILN_NEVER */
    bool text_toggled; /* the user decided about text */
    struct kiln_screen_view view;
    struct kiln_screen_graphics graphics;
    int64_t pixels_us; /* try again to send the picture; KILN_NEVER */
    struct kiln_screen_keyboard keyboard;
    char *save_path; /* while a question about it is open */
    char *save_next; /* the next frame that is seen goes there; NULL: none does */
};

static const struct kiln_model_build *shown(const struct pane *p)
{
    return kiln_model_find(kiln_console_model(p->console), kiln_console_build(p->console));
}

static const struct kiln_term_caps *caps_of(const struct pane *p)
{
    static const struct kiln_term_caps none = { .colors = 1 << 24, .utf8 = true };
    struct kiln_term *term = kiln_console_term(p->console);

    return term ? kiln_term_caps(term) : &none;
}

/* ---- how it is shown ---- */

static long max_bps(const struct pane *p)
{
    struct kiln_term *term = kiln_console_term(p->console);

    return term ? kiln_term_max_bps(term) : 0;
}

/* Terminals that draw sextants themselves; elsewhere fonts seldom have them. */
static enum kiln_symbols symbols_of(const struct kiln_term_caps *caps)
{
    const char *term = getenv("TERM"), *program = getenv("TERM_PROGRAM");

    if (!caps->utf8)
        return KILN_SYMBOLS_ASCII;
    if (kiln_streq(term, "linux"))
        return KILN_SYMBOLS_HALF; /* its fonts end there */
    if (!caps->inside && (kiln_streq(term, "xterm-kitty") || kiln_streq(term, "xterm-ghostty") ||
                          (term && kiln_has_prefix(term, "foot")) ||
                          kiln_streq(program, "WezTerm") || kiln_streq(program, "ghostty")))
        return KILN_SYMBOLS_SEXTANT;
    return KILN_SYMBOLS_QUAD;
}

/* Real pixels? Not as text, not over a slow line. */
static bool in_pixels(const struct pane *p)
{
    long bps = max_bps(p);

    return p->ops && caps_of(p)->pixels != KILN_PIXELS_NONE && !caps_of(p)->inside &&
           (bps <= 0 || bps >= PIXELS_BPS) && !kiln_screen_view_as_text(&p->view);
}

/* The terminal's answers come after the first paint. */
static void take_caps(struct pane *p)
{
    const struct kiln_term_caps *caps = caps_of(p);
    enum kiln_symbols symbols = symbols_of(caps);
    bool text = p->text_toggled ? p->view.text_wanted : caps->pixels == KILN_PIXELS_NONE;

    if (p->view.colors == caps->colors && p->view.symbols == symbols &&
        p->view.cell_w == caps->cell_w && p->view.cell_h == caps->cell_h &&
        p->view.text_wanted == text && p->view.ops == p->ops)
        return;
    p->view.ops = p->ops;
    p->view.colors = caps->colors;
    p->view.symbols = symbols;
    p->view.cell_w = caps->cell_w;
    p->view.cell_h = caps->cell_h;
    p->view.text_wanted = text;
    kiln_screen_view_forget(&p->view);
}

static void load(struct pane *p)
{
    KILN_AUTO_ERR err = { 0 };

    if (p->ops || p->load_failed)
        return;
    p->ops = kiln_module_load("pixels", &err);
    p->load_failed = !p->ops;
    if (p->load_failed)
        kiln_console_error(p->console, "%s", kiln_err_text(&err));
    take_caps(p);
}

/* ---- asking for the framebuffer ---- */

/* The model knows the text of every build, but not where it keeps it from event to event. */
static void sync_text(struct pane *p)
{
    const struct kiln_model_build *b = shown(p);

    kiln_screen_view_set_text(&p->view, b ? &b->text : NULL);
}

static void ask(struct pane *p);
static void save(struct pane *p, const char *path, bool replace);

/* Somebody wants the picture of a screen that was not looked at meanwhile. */
static void save_if_asked(struct pane *p)
{
    KILN_AUTO_FREE char *path = p->save_next;

    p->save_next = NULL;
    if (path)
        save(p, path, false);
}

static void forget_screen(struct pane *p)
{
    kiln_framebuffer_done(&p->fb);
    kiln_picture_done(&p->picture);
    kiln_screen_view_set(&p->view, NULL);
    kiln_screen_view_set_text(&p->view, NULL);
    kiln_screen_keyboard_release(&p->keyboard);
    free(p->why);
    p->why = NULL;
    p->gone = p->news = false;
    p->frame_us = 0;
}

static void take_framebuffer(struct pane *p, const struct kiln_reply *reply)
{
    struct kiln_framebuffer fb = { .fd = -1 };
    KILN_AUTO_ERR err = { 0 };

    free(p->why);
    p->why = NULL;
    if (!reply->ok || reply->fd < 0) {
        p->why = kiln_xstrdup(reply->error ? reply->error : "there is no screen yet");
    } else if (!kiln_framebuffer_map(&fb, reply->fd, &err)) {
        p->why = kiln_xstrdup(kiln_err_text(&err));
    } else {
        kiln_framebuffer_done(&p->fb);
        p->fb = fb;
        p->gone = false;
        p->news = true;
    }
    if (!p->fb.head || !p->news)
        save_if_asked(p); /* what was seen last */
    kiln_console_dirty(p->console);
}

static void replied(void *ud, const struct kiln_reply *reply)
{
    struct pane *p = ud;

    p->asking = false;
    if (!p->ask_again && kiln_streq(p->asked_build, p->build))
        take_framebuffer(p, reply);
    else if (reply->fd >= 0)
        (void)close(reply->fd);
    if (p->ask_again)
        ask(p);
}

static void ask(struct pane *p)
{
    const struct kiln_request req = { .command = "screen", .build = p->build, .on = true };

    p->ask_again = p->asking;
    p->on = p->build != NULL;
    if (p->asking || !p->build)
        return;
    p->asking = true;
    free(p->asked_build);
    p->asked_build = kiln_xstrdup(p->build);
    kiln_client_send(kiln_console_client(p->console), &req, replied, p);
}

static void unwatch(struct pane *p)
{
    const struct kiln_request off = { .command = "screen", .build = p->build };

    if (p->on)
        kiln_client_send(kiln_console_client(p->console), &off, NULL, NULL);
    p->on = false;
}

static void show_build(struct pane *p, const char *label)
{
    unwatch(p);
    free(p->build);
    p->build = kiln_xstrdup(label);
    forget_screen(p);
    ask(p);
    kiln_console_dirty(p->console);
}

static void take_event(struct pane *p, const struct kiln_event *ev)
{
    if (ev->type == KILN_EV_FRAME) {
        p->news = p->fb.head != NULL;
    } else if (ev->type == KILN_EV_TEXT) {
        kiln_console_dirty(p->console);
    } else if ((ev->type == KILN_EV_SCREEN && ev->done <= 0) || ev->type == KILN_EV_BUILD_END) {
        p->gone = p->picture.rgbx != NULL;
        kiln_framebuffer_done(&p->fb);
        kiln_screen_keyboard_release(&p->keyboard);
        kiln_console_dirty(p->console);
    } else if (p->on &&
               (ev->type == KILN_EV_SCREEN ||
                ((ev->type == KILN_EV_STEP || ev->type == KILN_EV_BUILD_START) && !p->fb.head))) {
        ask(p); /* the step that starts the guest makes it possible */
    }
}

static void event(void *pane, const struct kiln_event *ev)
{
    struct pane *p = pane;
    const char *build = kiln_console_build(p->console);

    sync_text(p);
    if (!ev)
        p->asking = p->ask_again = false; /* whatever was under way is lost */
    if (!ev || !kiln_streq(build, p->build))
        show_build(p, build);
    else if (build && kiln_streq(ev->build, build))
        take_event(p, ev);
}

/* ---- frames ---- */

/* So large a step that a frame costs little, whatever its size. */
static unsigned step_for(const struct kiln_framebuffer *fb)
{
    unsigned step = 1;

    while ((uint64_t)(fb->width / step + 1) * (fb->height / step + 1) > MAX_PIXELS &&
           (uint64_t)fb->width * fb->height > MAX_PIXELS)
        step++;
    return step;
}

static void look(struct pane *p, int64_t now)
{
    unsigned step = step_for(&p->fb);
    struct kiln_picture swap;

    if (!kiln_picture_size(&p->next, (p->fb.width + step - 1) / step,
                           (p->fb.height + step - 1) / step))
        return;
    if (kiln_framebuffer_sample(&p->fb, step, p->next.rgbx) == 0) {
        p->news = p->fb.head->frame > 0; /* the writer is in the middle of one */
        p->look_us = now + BUSY_US;
        return;
    }
    p->frame_us = now;
    save_if_asked(p);
    if (kiln_picture_equal(&p->next, &p->picture))
        return;
    swap = p->picture;
    p->picture = p->next;
    p->next = swap;
    p->frame++;
    load(p);
    kiln_screen_view_set(&p->view, &p->picture);
    if (!kiln_screen_view_pending(&p->view) || in_pixels(p))
        kiln_console_dirty(p->console);
}

static bool terminal_is_busy(const struct pane *p)
{
    struct kiln_term *term = kiln_console_term(p->console);

    return term && !kiln_term_flush(term);
}

static bool must_convert(const struct pane *p)
{
    return p->visible && kiln_screen_view_pending(&p->view) && !in_pixels(p);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t deadline(const void *pane)
{
    const struct pane *p = pane;
    int64_t at = kiln_screen_keyboard_deadline(&p->keyboard);

    if (p->visible)
        at = earlier(at, p->pixels_us);
    if (p->on && p->hidden_us != KILN_NEVER)
        at = earlier(at, p->hidden_us + HIDDEN_US);
    if (must_convert(p))
        return earlier(at, p->convert_us);
    return p->visible && p->news ? earlier(at, p->look_us) : at;
}

/* Look at the newest frame, unless the terminal is busy with older ones. */
static void take_news(struct pane *p, int64_t now)
{
    if (terminal_is_busy(p)) {
        p->look_us = now + BUSY_US;
        return;
    }
    p->news = false;
    p->looked_us = now;
    p->look_us = now + FRAME_US;
    look(p, now);
}

/* How many rows may go to the terminal before it looks for keys again. */
static int rows_at_once(const struct pane *p)
{
    long rows = max_bps(p) / ECHO_HZ / ROW_BYTES / (p->view.cols > 0 ? p->view.cols : 1);

    if (max_bps(p) <= 0 || rows >= KILN_CANVAS_MAX)
        return KILN_CANVAS_MAX;
    return rows > 0 ? (int)rows : 1;
}

/* All of a frame, so that no row starves; then rest as long as that took. */
static void convert(struct pane *p, int64_t now)
{
    bool limited = max_bps(p) > 0;

    if (limited && terminal_is_busy(p)) {
        p->convert_us = now + BUSY_US;
        return;
    }
    if (kiln_screen_view_work(&p->view, rows_at_once(p))) {
        if (limited)
            kiln_console_dirty(p->console);
        return;
    }
    kiln_console_dirty(p->console);
    now = kiln_clock_mono_us();
    if (now + (now - p->looked_us) > p->look_us)
        p->look_us = now + (now - p->looked_us);
}

static void tick(void *pane, int64_t now)
{
    struct pane *p = pane;

    kiln_screen_keyboard_tick(&p->keyboard, now);
    if (now >= p->pixels_us) {
        p->pixels_us = KILN_NEVER;
        kiln_console_dirty(p->console);
    }
    if (p->hidden_us != KILN_NEVER && now >= p->hidden_us + HIDDEN_US)
        unwatch(p);
    if (p->visible && p->news && now >= p->look_us && !must_convert(p))
        take_news(p, now);
    if (must_convert(p) && now >= p->convert_us)
        convert(p, now);
}

/* ---- drawing ---- */

static void draw_words(const struct kiln_area *a, const char *text)
{
    const struct kiln_style dim = { .attr = KILN_ATTR_DIM };
    size_t len = strlen(text);
    int lines = (kiln_text_columns(text, len) + a->w - 1) / a->w, y = (a->h - lines) / 2;

    for (y = y > 0 ? y : 0; len > 0 && y < a->h; y++) {
        size_t n = kiln_text_fit(text, len, a->w);
        size_t cut = n;

        while (n < len && cut > 0 && text[cut] != ' ')
            cut--;
        n = cut > 0 ? cut : n > 0 ? n : len;
        kiln_area_text(a, (a->w - kiln_text_columns(text, n)) / 2, y, text, n, dim);
        text += n + (n < len && text[n] == ' ');
        len = strlen(text);
    }
}

static void draw_reason(const struct pane *p, const struct kiln_area *a)
{
    KILN_AUTO_FREE char *text = NULL;
    const struct kiln_model_build *b = shown(p);

    if (!b)
        draw_words(a, "no build yet");
    else if (b->start_us && !kiln_model_typing_step(b))
        draw_words(a, "this build has no screen");
    else if (kiln_console_model(p->console)->over || b->end_us > 0)
        draw_words(a, "the build is over: its screen is gone");
    else if (p->fb.head)
        draw_words(a, "no picture yet");
    else if (!p->why)
        draw_words(a, "no screen yet");
    else
        draw_words(a, text = kiln_xasprintf("no screen yet: %s", p->why));
}

static void draw(void *pane, const struct kiln_area *a, bool focused)
{
    struct pane *p = pane;

    (void)focused;
    p->visible = true;
    sync_text(p);
    take_caps(p);
    kiln_screen_view_resize(&p->view, a->w, a->h);
    if (!p->picture.rgbx && !kiln_screen_view_as_text(&p->view)) {
        draw_reason(p, a);
        return;
    }
    if (!p->ops && !kiln_screen_view_as_text(&p->view))
        draw_words(a, "kiln's module for pictures is missing");
    else if (!in_pixels(p))
        kiln_screen_view_draw(&p->view, a);
}

/* Nobody has to send what nobody sees. A menu over it comes and goes. */
static void mind_visibility(struct pane *p, bool visible)
{
    p->visible = visible;
    if (!visible && p->hidden_us == KILN_NEVER)
        p->hidden_us = kiln_clock_mono_us();
    if (!visible)
        return;
    p->hidden_us = KILN_NEVER;
    if (!p->on)
        ask(p);
}

static void pixels(void *pane, struct kiln_term *term, const struct kiln_area *a)
{
    struct pane *p = pane;

    p->pixels_us = KILN_NEVER;
    mind_visibility(p, a != NULL);
    if (!a || !p->picture.rgbx || !in_pixels(p)) {
        if (kiln_screen_graphics_hide(&p->graphics, term))
            kiln_console_dirty(p->console);
    } else if (!kiln_screen_graphics_show(&p->graphics, term, p->ops, a, &p->picture, p->frame)) {
        p->pixels_us = kiln_clock_mono_us() + BUSY_US;
    }
}

static void add_age(const struct pane *p, struct kiln_str *out)
{
    int64_t age = kiln_clock_mono_us() - p->frame_us;

    if (p->frame_us > 0 && age >= OLD_US)
        kiln_str_addf(out, "  %lld s old", (long long)(age / KILN_SECOND(1)));
}

static void status(void *pane, struct kiln_str *out)
{
    const struct pane *p = pane;
    const struct kiln_model_build *b = shown(p);

    if (b && b->recording)
        kiln_str_adds(out, "RECORDING  ");
    if (p->keyboard.on)
        kiln_str_adds(out, "keyboard: guest, Ctrl-] ends  ");
    if (p->keyboard.text.len > p->keyboard.at)
        kiln_str_addf(out, "typing %zu  ", p->keyboard.text.len - p->keyboard.at);
    if (b && b->stop.on && b->stop.halted)
        kiln_str_adds(out, "halted  ");
    if (!p->picture.rgbx)
        return;
    if (p->gone) {
        kiln_str_adds(out, "the last that was seen");
        return;
    }
    kiln_str_addf(out, "%ux%u", p->fb.width, p->fb.height);
    if (kiln_screen_view_as_text(&p->view) && p->view.text->rows > p->view.area_rows)
        kiln_str_addf(out, "  lines %d-%d", p->view.top + 1, p->view.top + p->view.area_rows);
    add_age(p, out);
}

/* ---- PNG ---- */

/* BUILD-DATE-TIME.png, here. */
static char *default_path(const struct pane *p)
{
    time_t now = (time_t)(kiln_clock_wall_us() / KILN_SECOND(1));
    char *path, stamp[32];
    struct tm tm;

    (void)localtime_r(&now, &tm); /* as the log shows it */
    (void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
    path = kiln_xasprintf("%s-%s.png", p->build ? p->build : PNG_DEFAULT, stamp);
    for (char *c = path; *c; c++)
        if (*c == '/' || (unsigned char)*c <= ' ')
            *c = '-';
    return path;
}

/* All of its pixels, if it is still there; else what was seen last. */
static bool make_png(struct pane *p, struct kiln_str *out, unsigned *ret_w, unsigned *ret_h,
                     struct kiln_err *err)
{
    struct kiln_picture whole = { 0 };
    bool ok;

    if (p->fb.head && kiln_picture_size(&whole, p->fb.width, p->fb.height) &&
        kiln_framebuffer_read(&p->fb, whole.rgbx) == 0)
        kiln_picture_done(&whole);
    *ret_w = whole.rgbx ? whole.width : p->picture.width;
    *ret_h = whole.rgbx ? whole.height : p->picture.height;
    ok = kiln_picture_png(whole.rgbx ? &whole : &p->picture, PNG_LEVEL, out, err);
    kiln_picture_done(&whole);
    return ok;
}

static void save_answer(void *ud, bool yes)
{
    struct pane *p = ud;

    if (yes && p->save_path)
        save(p, p->save_path, true);
    free(p->save_path);
    p->save_path = NULL;
}

static void ask_to_replace(struct pane *p, const char *path)
{
    KILN_AUTO_FREE char *question = kiln_xasprintf("%s exists: replace it?", path);

    free(p->save_path);
    p->save_path = kiln_xstrdup(path);
    kiln_console_confirm(p->console, question, save_answer, p);
}

static void save(struct pane *p, const char *path, bool replace)
{
    KILN_AUTO_STR png = { 0 };
    KILN_AUTO_ERR err = { 0 };
    unsigned w, h;
    bool ok;

    if (!p->picture.rgbx) {
        kiln_console_error(p->console, "there is no picture to save");
        return;
    }
    ok = make_png(p, &png, &w, &h, &err) &&
         (replace ? kiln_fs_write_atomic(path, png.data, png.len, 0666, &err)
                  : kiln_fs_write_new(path, png.data, png.len, 0666, &err));
    if (ok)
        kiln_console_say(p->console, "saved %s (%ux%u)", path, w, h);
    else if (err.os_errno == EEXIST)
        ask_to_replace(p, path);
    else
        kiln_console_error(p->console, "%s", kiln_err_text(&err));
}

static void take_picture(struct pane *p, const char *path)
{
    if (p->on || !p->fb.head) {
        save(p, path, false);
        return;
    }
    free(p->save_next);
    p->save_next = kiln_xstrdup(path);
    ask(p);
}

/* ---- keys ---- */

static void toggle_text(struct pane *p)
{
    bool was = kiln_screen_view_as_text(&p->view);

    p->text_toggled = true;
    p->view.text_wanted = p->view.text_always = !was;
    p->view.scrolled = false;
    kiln_screen_view_forget(&p->view);
    if (!was && !kiln_screen_view_has_text(&p->view))
        kiln_console_say(p->console, "the guest shows no text");
    kiln_console_dirty(p->console);
}

static bool scroll(struct pane *p, int dx, int dy)
{
    bool ok = kiln_screen_view_scroll(&p->view, dx, dy);

    if (ok)
        kiln_console_dirty(p->console);
    return ok;
}

static void follow(struct pane *p)
{
    p->view.scrolled = false;
    kiln_screen_view_forget(&p->view);
    kiln_console_dirty(p->console);
}

static bool list_action(struct pane *p, enum kiln_action action)
{
    int page = p->view.area_rows;

    if (action == KILN_ACT_UP || action == KILN_ACT_DOWN)
        return scroll(p, 0, action == KILN_ACT_UP ? -1 : 1);
    if (action == KILN_ACT_PAGE_UP || action == KILN_ACT_PAGE_DOWN)
        return scroll(p, 0, action == KILN_ACT_PAGE_UP ? -page : page);
    if (action == KILN_ACT_LEFT || action == KILN_ACT_RIGHT)
        return scroll(p, action == KILN_ACT_LEFT ? -8 : 8, 0);
    if (action == KILN_ACT_TOP)
        return scroll(p, -KILN_CANVAS_MAX, -KILN_CANVAS_MAX);
    if (action != KILN_ACT_BOTTOM)
        return false;
    follow(p);
    return true;
}

static bool action(void *pane, enum kiln_action what, const char *arg)
{
    struct pane *p = pane;
    KILN_AUTO_FREE char *path = NULL;

    if (what == KILN_ACT_KEYBOARD) {
        kiln_screen_keyboard_toggle(&p->keyboard);
    } else if (what == KILN_ACT_RECORD) {
        kiln_screen_keyboard_record(&p->keyboard);
    } else if (what == KILN_ACT_CHORD) {
        kiln_screen_keyboard_chord(&p->keyboard, arg);
    } else if (what == KILN_ACT_TEXT) {
        toggle_text(p);
    } else if (what == KILN_ACT_PICTURE) {
        path = arg[0] ? kiln_xstrdup(arg) : default_path(p);
        take_picture(p, path);
    } else {
        return kiln_screen_search_action(&p->search, p->console, &p->view, what, arg) ||
               list_action(p, what);
    }
    return true;
}

static bool key(void *pane, const struct kiln_key *k)
{
    struct pane *p = pane;

    return kiln_screen_keyboard_key(&p->keyboard, k);
}

static bool typing(const void *pane)
{
    const struct pane *p = pane;

    return p->keyboard.on;
}

static bool paste(void *pane, const char *text, size_t len)
{
    struct pane *p = pane;

    return kiln_screen_keyboard_paste(&p->keyboard, text, len);
}

/* ---- life ---- */

static void *new_pane(struct kiln_console *c)
{
    struct pane *p = kiln_xcalloc(1, sizeof(*p));

    p->console = c;
    p->fb.fd = -1;
    p->pixels_us = p->hidden_us = KILN_NEVER;
    p->keyboard.console = c;
    return p;
}

static void free_pane(void *pane)
{
    struct pane *p = pane;

    if (!p)
        return;
    kiln_framebuffer_done(&p->fb);
    kiln_picture_done(&p->picture);
    kiln_picture_done(&p->next);
    kiln_screen_view_done(&p->view);
    kiln_screen_graphics_done(&p->graphics);
    kiln_screen_keyboard_done(&p->keyboard);
    free(p->build);
    free(p->asked_build);
    kiln_screen_search_done(&p->search);
    free(p->why);
    free(p->save_path);
    free(p->save_next);
    free(p);
}

const struct kiln_pane_ops kiln_pane_screen = {
    .name = "screen",
    .title = "Screen",
    .context = KILN_CTX_SCREEN,
    .new = new_pane,
    .free = free_pane,
    .draw = draw,
    .status = status,
    .action = action,
    .key = key,
    .typing = typing,
    .paste = paste,
    .event = event,
    .deadline = deadline,
    .tick = tick,
    .pixels = pixels,
};
