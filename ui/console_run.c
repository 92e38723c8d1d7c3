/* The loop: terminal, run, signals and time. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "ui/console_priv.h"
#include "ui/settings.h"
#include "ui/shell.h"
#include "ui/term/term.h"

#define FRAME_US                                                                                   \
    KILN_MS(33) /* between two pictures of what comes from the run; a key's is at once */

struct loop {
    struct kiln_console *c;
    struct kiln_term_caps caps; /* as they were drawn */
    int signals;                /* signalfd */
    sigset_t old;
};

/* ---- signals ---- */

static bool open_signals(struct loop *l, struct kiln_err *err)
{
    static const int ours[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT };
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < KILN_COUNT(ours); i++)
        (void)sigaddset(&set, ours[i]);
    (void)sigprocmask(SIG_BLOCK, &set, &l->old);
    l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signals >= 0 || kiln_err_sys(err, errno, "signalfd");
}

static void fit_terminal(struct kiln_console *c)
{
    int cols, rows;

    kiln_term_size(c->term, &cols, &rows);
    if (cols != c->canvas.cols || rows != c->canvas.rows)
        kiln_console_resize(c, cols, rows);
}

static void enter_again(struct kiln_console *c)
{
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_term_enter(c->term, &err))
        c->quit = true;
    fit_terminal(c);
    c->dirty = true;
}

static void take_signals(struct loop *l)
{
    struct signalfd_siginfo info;

    while (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGWINCH)
            fit_terminal(l->c);
        else if (info.ssi_signo == SIGTSTP)
            l->c->leave = true;
        else if (info.ssi_signo == SIGCONT) /* stopped by somebody else: the keeper cleaned up */
            enter_again(l->c);
        else
            l->c->quit = true;
    }
}

/* Ctrl-Z. The whole job stops, as if the terminal had sent the signal. */
static void suspend(struct loop *l)
{
    struct kiln_console *c = l->c;

    c->leave = false;
    if (getpgrp() == getsid(0)) { /* nobody would bring us back */
        kiln_console_say(c, "no shell to go back to; q leaves, the build goes on");
        return;
    }
    kiln_term_leave(c->term);
    (void)kill(0, SIGTSTP); /* the keeper and the shell script around us; SIGCONT takes ours back */
    (void)raise(SIGSTOP);
    enter_again(c);
}

/* ---- input ---- */

static void take_keys(struct kiln_console *c)
{
    struct kiln_key key;
    char *paste;

    while (!c->quit && kiln_term_key(c->term, &key, &paste)) {
        c->answer_due = true;
        if (paste)
            kiln_console_paste(c, paste, strlen(paste));
        else
            kiln_console_key(c, &key);
        free(paste);
    }
}

static bool same_caps(const struct kiln_term_caps *a, const struct kiln_term_caps *b)
{
    return a->colors == b->colors && a->utf8 == b->utf8 && a->sync == b->sync &&
           a->inside == b->inside && a->pixels == b->pixels && a->cell_w == b->cell_w &&
           a->cell_h == b->cell_h && a->sixel_w == b->sixel_w && a->sixel_h == b->sixel_h;
}

static void take_caps(struct loop *l)
{
    const struct kiln_term_caps *now = kiln_term_caps(l->c->term);

    if (!same_caps(now, &l->caps))
        l->c->dirty = true;
    l->caps = *now;
}

/* ---- time ---- */

static bool work(struct kiln_console *c)
{
    bool more = false;

    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_pane_ops *ops = kiln_pane_ops_of((enum kiln_pane_id)i);

        if (ops->work && ops->work(c->panes[i]))
            more = true;
    }
    return more;
}

static void tick(struct kiln_console *c, int64_t now)
{
    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_pane_ops *ops = kiln_pane_ops_of((enum kiln_pane_id)i);

        if (ops->deadline && ops->tick && ops->deadline(c->panes[i]) <= now)
            ops->tick(c->panes[i], now);
    }
    if (c->tick_us <= now) {
        c->dirty = true;
        c->tick_us = KILN_NEVER; /* until it is drawn, which a slow terminal delays */
    }
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the next picture may be drawn, as far as the last one has gone out. */
static int64_t next_frame(const struct kiln_console *c)
{
    return c->answer_due ? 0 : c->drawn_us + FRAME_US;
}

static int64_t next_deadline(const struct kiln_console *c)
{
    int64_t deadline = kiln_term_deadline(c->term);

    if (!c->dirty) /* else the clocks wait for that drawing, too */
        deadline = min64(deadline, c->tick_us);
    else if (kiln_term_idle(c->term))
        deadline = min64(deadline, next_frame(c));
    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_pane_ops *ops = kiln_pane_ops_of((enum kiln_pane_id)i);

        if (ops->deadline)
            deadline = min64(deadline, ops->deadline(c->panes[i]));
    }
    return deadline;
}

/* ---- drawing ---- */

/* What a key does is drawn before the run is listened to and anything else is done. */
static bool must_answer(const struct kiln_console *c)
{
    return c->answer_due && c->dirty && kiln_term_idle(c->term);
}

static void draw_pixels(struct kiln_console *c)
{
    struct kiln_area all = kiln_canvas_area(&c->canvas);

    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_pane_ops *ops = kiln_pane_ops_of((enum kiln_pane_id)i);
        const struct kiln_rect *r = &c->layout.panes[i];
        struct kiln_area a = kiln_area_sub(&all, r->x, r->y, r->w, r->h);
        uint64_t before = kiln_term_queued(c->term);

        if (!ops->pixels)
            continue;
        ops->pixels(c->panes[i], c->term,
                    r->w > 0 && c->overlay.kind == KILN_OVERLAY_NONE ? &a : NULL);
        if (kiln_term_queued(c->term) != before)
            kiln_term_forget_cursor(c->term);
    }
}

static void draw(struct kiln_console *c, int64_t now)
{
    if (!c->dirty || !kiln_term_idle(c->term) || now < next_frame(c))
        return;
    c->answer_due = false;
    kiln_console_draw(c);
    (void)kiln_term_draw(c->term, &c->canvas);
    if (kiln_term_behind(c->term))
        c->dirty = true;
    draw_pixels(c);
    c->drawn_us = now;
}

/* ---- the loop ---- */

static void wait_and_take(struct loop *l, bool busy)
{
    struct kiln_console *c = l->c;
    struct pollfd fds[] = {
        { .fd = kiln_term_fd(c->term), .events = POLLIN },
        { .fd = l->signals, .events = POLLIN },
        { .fd = kiln_client_fd(c->client), .events = POLLIN },
    };
    int64_t deadline = busy ? 0 : next_deadline(c);

    if (kiln_term_blocked(c->term))
        fds[0].events |= POLLOUT;
    (void)kiln_wait_fds(NULL, fds, KILN_COUNT(fds), deadline, NULL);
    if (fds[1].revents)
        take_signals(l);
    take_keys(c); /* also by time: esc alone */
    take_caps(l);
    if (must_answer(c))
        return;
    if (fds[2].revents || kiln_client_more(c->client))
        kiln_client_read(c->client, &kiln_console_handler, c);
}

static void relay_shell(struct loop *l)
{
    struct kiln_console *c = l->c;
    int fd = c->shell_fd;

    c->shell_fd = -1;
    kiln_term_pass_through(c->term);
    kiln_shell_relay(c, fd, l->signals);
    (void)close(fd);
    enter_again(c);
}

static void run_loop(struct loop *l)
{
    struct kiln_console *c = l->c;
    bool busy = false;

    while (!c->quit && !kiln_term_gone(c->term)) {
        int64_t now = kiln_clock_mono_us();

        tick(c, now);
        draw(c, now);
        (void)kiln_term_flush(c->term);
        wait_and_take(l, busy || kiln_client_more(c->client));
        if (c->leave)
            suspend(l);
        if (c->shell_fd >= 0)
            relay_shell(l);
        busy = must_answer(c) || work(c);
    }
}

/* ---- begin and end ---- */

static void apply_options(struct kiln_console *c, const struct kiln_console_options *o)
{
    KILN_AUTO_STR problems = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_keymap_load(&c->keymap, o->keymap, &problems, &err))
        kiln_console_error(c, "%s", kiln_err_text(&err));
    else if (problems.len > 0)
        kiln_console_error(c, "%.*s", (int)strcspn(problems.data, "\n"), problems.data);
    kiln_term_set_max_bps(c->term, o->max_bps);
    c->mouse = o->mouse;
    if (o->mouse)
        kiln_term_mouse(c->term, true);
}

static int find_tty(void)
{
    return isatty(STDIN_FILENO) ? STDIN_FILENO : STDOUT_FILENO;
}

static bool open_console(struct loop *l, struct kiln_client *client,
                         const struct kiln_console_options *options, struct kiln_keeper *keeper,
                         struct kiln_err *err)
{
    struct kiln_term *term;
    int cols, rows;

    if (!open_signals(l, err) || !kiln_term_open(&term, find_tty(), keeper, err))
        return false;
    kiln_term_size(term, &cols, &rows);
    l->c = kiln_console_new(client, term, cols, rows);
    l->c->drawn_us = -FRAME_US;
    apply_options(l->c, options);
    kiln_client_read(client, &kiln_console_handler, l->c); /* what is there for the first picture */
    return true;
}

int kiln_console_run(struct kiln_client *client, const struct kiln_console_options *options,
                     bool *ret_going, struct kiln_err *err)
{
    struct loop l = { .signals = -1 };
    struct kiln_keeper *keeper;
    int status = 1;

    *ret_going = false;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        (void)kiln_err_set(err, KILN_ERR_USER,
                           "the console needs a terminal; `kiln build` works without one");
        return 1;
    }
    if (!kiln_keeper_start(&keeper, find_tty(), err))
        return 1;
    if (open_console(&l, client, options, keeper, err)) {
        struct kiln_term *term = l.c->term;

        run_loop(&l);
        *ret_going = !l.c->model.over && !l.c->disconnected;
        status = l.c->model.over ? l.c->model.status != 0 : l.c->disconnected;
        kiln_console_free(l.c);
        kiln_term_close(term);
    }
    kiln_fd_closep(&l.signals);
    (void)sigprocmask(SIG_SETMASK, &l.old, NULL);
    kiln_keeper_free(keeper);
    return status;
}

bool kiln_console_check_keymap(const char *keymap, struct kiln_err *err)
{
    KILN_AUTO_STR problems = { 0 };
    struct kiln_keymap map;
    bool ok = kiln_keymap_load(&map, keymap, &problems, err);

    kiln_keymap_done(&map);
    if (ok && problems.len > 0) {
        kiln_str_truncate(&problems, problems.len - 1); /* the last newline */
        return kiln_err_set(err, KILN_ERR_USER, "%s", problems.data);
    }
    return ok;
}
