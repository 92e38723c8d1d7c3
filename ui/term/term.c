#include "ui/term/term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/strv.h"
#include "ui/term/keyparser.h"
#include "ui/term/outqueue.h"
#include "ui/term/paint.h"

#define ANSWER_US KILN_MS(200) /* that leaving waits for answers to our questions */
#define SYNC_FROM 64           /* bytes of a frame that is worth being wrapped */
#define PARTS     10           /* a second that are drawn, with a limit */

/* A sequence that was cut in its middle, and a string (OSC, DCS) that has no end: both end here. */
static const char unstick[] = "\030\033\\";
static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";
static const char mouse_on[] = "\033[?1000h\033[?1006h", mouse_off[] = "\033[?1006l\033[?1000l";
static const char sync_on[] = "\033[?2026h", sync_off[] = "\033[?2026l";
/* Synchronised updates? Size of a cell? Kitty's pictures? And what every terminal answers: DA1. */
static const char questions[] = "\033[?2026$p\033[16t"
                                "\033_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\033\\\033[c";
/* Who has sixels is asked how large a picture may be: a larger one would not be shown at all. */
static const char sixel_question[] = "\033[?2;4;0S\033[c";

struct kiln_term {
    int fd;
    struct kiln_keeper *keeper; /* borrowed */
    TERMINAL *info;
    struct kiln_strv strings; /* the capabilities, without padding */
    struct kiln_paint_caps paint_caps;
    struct kiln_term_caps caps;
    struct kiln_paint paint;
    struct kiln_outqueue out;
    struct kiln_keyparser keys;
    struct kiln_str frame;
    const char *smcup, *rmcup, *enacs;
    struct termios settings;
    int64_t input_us; /* when the newest bytes came */
    bool modern;      /* knows CSI ? modes and answers questions (or ignores them) */
    bool entered, mouse;
    bool more;            /* the beginning of a key has come */
    bool asked, answered; /* our questions */
    bool asked_size;      /* sixel_question */
    bool behind;          /* not all of the last frame was drawn */
};

/* ---- terminfo ---- */

/* Without $<5>, the padding of terminals with a speed. NULL: it has no such capability. */
static const char *get(struct kiln_term *t, const char *name)
{
    const char *s = tigetstr(name);
    KILN_AUTO_STR out = { 0 };

    if (!s || s == (char *)-1 || !s[0])
        return NULL;
    while (*s) {
        const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;

        if (end)
            s = end + 1;
        else
            kiln_str_addc(&out, *s++);
    }
    kiln_strv_add_take(&t->strings, kiln_str_steal(&out));
    return t->strings.v[t->strings.n - 1];
}

static const char *param(const char *cap, int a, int b)
{
    const char *s = tiparm(cap, a, b);

    return s ? s : "";
}

static bool has(const char *name)
{
    return tigetflag(name) > 0;
}

static void get_acs(struct kiln_term *t)
{
    const char *pairs = get(t, "acsc");

    for (; pairs && pairs[0] && pairs[1]; pairs += 2)
        if (pairs[0] > 0)
            t->paint_caps.acs[(int)pairs[0]] = pairs[1];
}

/* Terminfo's ncv: 2 underline, 4 reverse, 16 dim, 32 bold. */
static uint32_t no_color_attr(void)
{
    int ncv = tigetnum("ncv");

    if (ncv < 0)
        return 0;
    return (ncv & 2 ? KILN_ATTR_UNDERLINE : 0) | (ncv & 4 ? KILN_ATTR_REVERSE : 0) |
           (ncv & 16 ? KILN_ATTR_DIM : 0) | (ncv & 32 ? KILN_ATTR_BOLD : 0);
}

static void get_caps(struct kiln_term *t)
{
    t->paint_caps = (struct kiln_paint_caps){
        .am = has("am"),
        .xenl = has("xenl"),
        .bce = has("bce"),
        .no_color_attr = no_color_attr(),
        .clear = get(t, "clear"),
        .el = get(t, "el"),
        .cup = get(t, "cup"),
        .cuf = get(t, "cuf"),
        .cr = get(t, "cr"),
        .csr = get(t, "csr"),
        .ri = get(t, "ri"),
        .ech = get(t, "ech"),
        .rep = get(t, "rep"),
        .sgr0 = get(t, "sgr0"),
        .bold = get(t, "bold"),
        .dim = get(t, "dim"),
        .smul = get(t, "smul"),
        .rev = get(t, "rev"),
        .setaf = get(t, "setaf"),
        .setab = get(t, "setab"),
        .op = get(t, "op"),
        .smacs = get(t, "smacs"),
        .rmacs = get(t, "rmacs"),
        .civis = get(t, "civis"),
        .cnorm = get(t, "cnorm"),
        .param = param,
    };
    get_acs(t);
    t->smcup = get(t, "smcup");
    t->rmcup = get(t, "rmcup");
    t->enacs = get(t, "enacs");
}

static bool env_says_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        const char *value = getenv(names[i]);

        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

/* COLORTERM says so; xterm does not, and has them from its patch 331 on. */
static bool has_exact_colors(void)
{
    const char *exact = getenv("COLORTERM"), *xterm = getenv("XTERM_VERSION");
    int patch = 0;

    if (exact && (kiln_streq(exact, "truecolor") || kiln_streq(exact, "24bit")))
        return true;
    return xterm && sscanf(xterm, "XTerm(%d)", &patch) == 1 && patch >= 331;
}

static int count_colors(const char *term)
{
    const char *no = getenv("NO_COLOR");
    int n = tigetnum("colors");

    if ((no && no[0]) || n < 8)
        return 0;
    if (n > 256)
        return 1 << 24;
    if ((n == 256 || kiln_has_prefix(term, "xterm")) && has_exact_colors())
        return 1 << 24;
    return n >= 256 ? 256 : n >= 16 ? 16 : 8;
}

/* Terminals that take an unknown question in silence. */
static bool is_modern(const char *term)
{
    static const char *const old[] = { "vt", "linux", "dumb", "ansi", "cons", "sun", "wy", "tvi" };

    for (size_t i = 0; i < KILN_COUNT(old); i++)
        if (kiln_has_prefix(term, old[i]))
            return false;
    return true;
}

static void decide_caps(struct kiln_term *t, const char *term)
{
    t->caps.inside = getenv("TMUX") || getenv("STY") || kiln_has_prefix(term, "screen") ||
                     kiln_has_prefix(term, "tmux");
    t->caps.colors = count_colors(term);
    t->caps.utf8 = env_says_utf8() && !kiln_has_prefix(term, "vt");
    t->modern = is_modern(term);
    t->paint_caps.colors = t->caps.colors;
    t->paint_caps.utf8 = t->caps.utf8;
    t->paint_caps.poor_font = kiln_has_prefix(term, "linux");
}

static bool setup(struct kiln_term *t, struct kiln_err *err)
{
    const char *term = getenv("TERM");
    int found = 0;

    if (!term || !term[0])
        return kiln_err_set(err, KILN_ERR_USER, "TERM is not set; try TERM=xterm or TERM=vt100");
    if (setupterm(term, t->fd, &found) != OK)
        return kiln_err_set(err, KILN_ERR_USER,
                            "TERM=%.60s: this machine does not know that terminal; try TERM=xterm "
                            "or TERM=vt100",
                            term);
    t->info = cur_term;
    get_caps(t);
    decide_caps(t, term);
    if (!t->paint_caps.cup || !t->paint_caps.clear)
        return kiln_err_set(err, KILN_ERR_USER,
                            "TERM=%.60s: the console cannot place the cursor on that terminal",
                            term);
    t->paint.caps = &t->paint_caps;
    kiln_paint_forget(&t->paint);
    return true;
}

/* ---- take and give back ---- */

static void add(struct kiln_str *out, const char *cap)
{
    if (cap)
        kiln_str_adds(out, cap);
}

/* What undoes everything that we may have done. */
static void undoing(const struct kiln_term *t, struct kiln_str *out)
{
    if (t->modern) {
        add(out, unstick);
        add(out, sync_off);
        add(out, mouse_off);
        add(out, paste_off);
    }
    add(out, t->paint_caps.rmacs);
    add(out, t->paint_caps.sgr0);
    add(out, t->paint_caps.cnorm);
    if (!t->rmcup)
        add(out, t->paint_caps.clear);
    add(out, t->rmcup);
}

static bool make_raw(struct kiln_term *t, struct kiln_err *err)
{
    struct termios raw = t->settings;

    cfmakeraw(&raw);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(t->fd, TCSANOW, &raw) < 0)
        return kiln_err_sys(err, errno, "settings of the terminal");
    return true;
}

bool kiln_term_enter(struct kiln_term *t, struct kiln_err *err)
{
    KILN_AUTO_STR undo = { 0 };
    KILN_AUTO_STR begin = { 0 };

    undoing(t, &undo);
    kiln_keeper_hold(t->keeper, undo.data, undo.len);
    if (!make_raw(t, err)) {
        kiln_keeper_release(t->keeper);
        return false;
    }
    add(&begin, t->smcup);
    add(&begin, t->enacs);
    if (t->modern)
        add(&begin, paste_on);
    if (t->mouse)
        add(&begin, mouse_on);
    (void)kiln_outqueue_add(&t->out, begin.data, begin.len);
    kiln_paint_forget(&t->paint);
    t->entered = true;
    return true;
}

static void leave_screen(struct kiln_term *t)
{
    KILN_AUTO_STR undo = { 0 };

    kiln_outqueue_drop(&t->out);
    undoing(t, &undo);
    kiln_tty_write(t->fd, undo.data, undo.len);
    kiln_paint_forget(&t->paint);
}

/* The answers to our questions must not end up in the shell's input. */
static void await_answers(struct kiln_term *t)
{
    int64_t deadline = kiln_cancel_deadline(NULL, ANSWER_US);
    struct kiln_key key;

    while (t->asked && !t->answered &&
           kiln_wait_fd(NULL, t->fd, POLLIN, deadline, NULL) == KILN_WAIT_READY) {
        char *paste;

        if (!kiln_term_key(t, &key, &paste) && t->out.gone)
            return;
        free(paste);
    }
    t->answered = true; /* not a second time */
}

void kiln_term_leave(struct kiln_term *t)
{
    if (!t->entered)
        return;
    t->entered = false;
    leave_screen(t);
    await_answers(t);
    (void)tcflush(t->fd, TCIFLUSH);
    (void)tcsetattr(t->fd, TCSANOW, &t->settings);
    kiln_keeper_release(t->keeper);
}

void kiln_term_pass_through(struct kiln_term *t)
{
    leave_screen(t);
    await_answers(t);
}

bool kiln_term_open(struct kiln_term **ret, int fd, struct kiln_keeper *keeper,
                    struct kiln_err *err)
{
    struct kiln_term *t = kiln_xcalloc(1, sizeof(*t));
    int cols, rows;

    t->keeper = keeper;
    t->fd = isatty(fd) ? kiln_tty_reopen(fd) : -1;
    t->out.fd = t->fd;
    if (t->fd < 0 || tcgetattr(t->fd, &t->settings) < 0) {
        (void)kiln_err_set(err, KILN_ERR_USER,
                           "the console needs a terminal; kiln build works without");
        kiln_term_close(t);
        return false;
    }
    kiln_term_size(t, &cols, &rows);
    if (cols < KILN_CONSOLE_COLS || rows < KILN_CONSOLE_ROWS) {
        (void)kiln_err_set(err, KILN_ERR_USER,
                           "the terminal is too small: %d x %d; the console needs %d x %d", cols,
                           rows, KILN_CONSOLE_COLS, KILN_CONSOLE_ROWS);
        kiln_term_close(t);
        return false;
    }
    if (!setup(t, err) || !kiln_term_enter(t, err)) {
        kiln_term_close(t);
        return false;
    }
    *ret = t;
    return true;
}

void kiln_term_close(struct kiln_term *t)
{
    if (!t)
        return;
    kiln_term_leave(t);
    if (t->info)
        (void)del_curterm(t->info);
    kiln_paint_done(&t->paint);
    kiln_outqueue_done(&t->out);
    kiln_keyparser_done(&t->keys);
    kiln_str_done(&t->frame);
    kiln_strv_done(&t->strings);
    kiln_fd_closep(&t->fd);
    free(t);
}

const struct kiln_term_caps *kiln_term_caps(const struct kiln_term *t)
{
    return &t->caps;
}

int kiln_term_fd(const struct kiln_term *t)
{
    return t->fd;
}

static int within(int n, int max)
{
    return n < 1 ? 1 : n > max ? max : n;
}

void kiln_term_size(struct kiln_term *t, int *ret_cols, int *ret_rows)
{
    struct winsize ws = { 0 };

    if (ioctl(t->fd, TIOCGWINSZ, &ws) < 0 || ws.ws_col == 0 || ws.ws_row == 0) {
        ws.ws_col = 80; /* a serial line does not say */
        ws.ws_row = 24;
    }
    *ret_cols = within(ws.ws_col, KILN_CANVAS_MAX);
    *ret_rows = within(ws.ws_row, KILN_CANVAS_MAX);
    if (ws.ws_xpixel && ws.ws_ypixel) {
        t->caps.cell_w = ws.ws_xpixel / ws.ws_col;
        t->caps.cell_h = ws.ws_ypixel / ws.ws_row;
    }
}

/* ---- out ---- */

bool kiln_term_draw(struct kiln_term *t, const struct kiln_canvas *c)
{
    bool sync;

    if (!t->entered || !kiln_outqueue_empty(&t->out))
        return t->out.gone;
    kiln_str_clear(&t->frame);
    t->paint.max_bytes = (size_t)((t->out.max_bps + PARTS - 1) / PARTS);
    t->behind = !kiln_paint_frame(&t->paint, c, &t->frame);
    sync = t->caps.sync && t->frame.len >= SYNC_FROM;
    if (sync)
        (void)kiln_outqueue_add(&t->out, sync_on, sizeof(sync_on) - 1);
    (void)kiln_outqueue_add(&t->out, t->frame.data, t->frame.len);
    if (sync)
        (void)kiln_outqueue_add(&t->out, sync_off, sizeof(sync_off) - 1);
    if (!t->asked) { /* after the first picture: nobody waits for the answers */
        t->asked = true;
        if (t->modern && !t->caps.inside)
            (void)kiln_outqueue_add(&t->out, questions, sizeof(questions) - 1);
        else
            t->answered = true;
    }
    return true;
}

bool kiln_term_flush(struct kiln_term *t)
{
    return kiln_outqueue_flush(&t->out, kiln_clock_mono_us());
}

bool kiln_term_behind(const struct kiln_term *t)
{
    return t->behind;
}

bool kiln_term_idle(const struct kiln_term *t)
{
    return kiln_outqueue_empty(&t->out);
}

uint64_t kiln_term_queued(const struct kiln_term *t)
{
    return t->out.sent + (t->out.bytes.len - t->out.at);
}

bool kiln_term_blocked(const struct kiln_term *t)
{
    return t->out.blocked;
}

bool kiln_term_gone(const struct kiln_term *t)
{
    return t->out.gone;
}

int64_t kiln_term_deadline(const struct kiln_term *t)
{
    int64_t out = kiln_outqueue_deadline(&t->out);
    int64_t key = t->more ? t->input_us + KILN_KEYPARSER_ESC_US : KILN_NEVER;

    return out < key ? out : key;
}

bool kiln_term_raw(struct kiln_term *t, const void *data, size_t len)
{
    return t->entered && kiln_outqueue_add(&t->out, data, len);
}

void kiln_term_forget(struct kiln_term *t)
{
    kiln_paint_forget(&t->paint);
}

void kiln_term_forget_cursor(struct kiln_term *t)
{
    t->paint.x = t->paint.y = -1;
    t->paint.style_known = false;
}

void kiln_term_set_max_bps(struct kiln_term *t, long bytes_per_second)
{
    t->out.max_bps = bytes_per_second;
}

long kiln_term_max_bps(const struct kiln_term *t)
{
    return t->out.max_bps;
}

unsigned kiln_term_epoch(const struct kiln_term *t)
{
    return t->paint.epoch;
}

uint64_t kiln_term_bytes(const struct kiln_term *t)
{
    return t->out.sent;
}

void kiln_term_mouse(struct kiln_term *t, bool on)
{
    t->mouse = on;
    if (on)
        (void)kiln_term_raw(t, mouse_on, sizeof(mouse_on) - 1);
    else
        (void)kiln_term_raw(t, mouse_off, sizeof(mouse_off) - 1);
}

/* ---- in ---- */

static void read_input(struct kiln_term *t)
{
    char buf[4096];
    ssize_t n = read(t->fd, buf, sizeof(buf));

    if (n > 0) {
        kiln_keyparser_feed(&t->keys, buf, (size_t)n);
        t->input_us = kiln_clock_mono_us();
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        t->out.gone = true;
    }
}

/* The last answer: every terminal gives it. */
static void take_attributes(struct kiln_term *t, const struct kiln_term_reply *r)
{
    for (int i = 1; i < r->n_params; i++)
        if (r->params[i] == 4 && t->caps.pixels == KILN_PIXELS_NONE)
            t->caps.pixels = KILN_PIXELS_SIXEL;
    t->answered = t->caps.pixels != KILN_PIXELS_SIXEL || t->asked_size;
    if (t->answered)
        return;
    t->asked_size = true;
    (void)kiln_outqueue_add(&t->out, sixel_question, sizeof(sixel_question) - 1);
}

static void take_reply(struct kiln_term *t, const struct kiln_term_reply *r)
{
    if (r->final == 'y' && r->params[0] == 2026) {
        t->caps.sync = r->params[1] == 1 || r->params[1] == 2;
    } else if (r->final == 't' && r->params[0] == 6 && r->params[1] < 1000 && r->params[2] < 1000) {
        t->caps.cell_h = r->params[1];
        t->caps.cell_w = r->params[2];
    } else if (r->final == '_' && r->ok) {
        t->caps.pixels = KILN_PIXELS_KITTY;
    } else if (r->final == 'S' && r->params[0] == 2 && r->params[1] == 0) {
        t->caps.sixel_w = r->params[2];
        t->caps.sixel_h = r->params[3];
    } else if (r->final == 'c') {
        take_attributes(t, r);
    }
    t->paint.no_scroll = t->caps.pixels != KILN_PIXELS_NONE;
}

bool kiln_term_key(struct kiln_term *t, struct kiln_key *ret, char **ret_paste)
{
    bool have_read = false;

    *ret_paste = NULL;
    for (;;) {
        struct kiln_term_reply reply = { 0 };
        bool late = t->more && kiln_clock_mono_us() - t->input_us >= KILN_KEYPARSER_ESC_US;

        t->more = false;
        switch (kiln_keyparser_next(&t->keys, late, ret, &reply)) {
        case KILN_INPUT_KEY:
            return true;
        case KILN_INPUT_PASTE:
            *ret_paste = kiln_str_steal(&t->keys.paste);
            return true;
        case KILN_INPUT_REPLY:
            take_reply(t, &reply);
            continue;
        case KILN_INPUT_MORE:
            t->more = true;
            break;
        case KILN_INPUT_NONE:
            break;
        }
        if (have_read)
            return false;
        have_read = true;
        read_input(t);
    }
}
