#include "ui/log/pane_log.h"

#include <inttypes.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ui/panes.h"

#define FOLLOW_US KILN_MS(50)  /* between redraws because the log grows */
#define STILL_US  KILN_MS(500) /* the same while its end is not in sight */
#define SAVE_US   KILN_MS(2)   /* of writing a file, in one slice */
#define SEARCH_US KILN_MS(20)  /* of a search at once, before it goes on in slices */

/* ---- life ---- */

static void *new_pane(struct kiln_console *c)
{
    struct kiln_logpane *p = kiln_xcalloc(1, sizeof(*p));
    struct kiln_client *client = kiln_console_client(c);

    p->console = c;
    p->store = kiln_logstore_new(kiln_client_log_fd(client));
    kiln_logstore_grown(p->store, kiln_client_log_size(client));
    p->view = kiln_logview_new(p->store);
    p->follow = true;
    p->h = p->text_w = 1;
    return p;
}

static void free_pane(void *pane)
{
    struct kiln_logpane *p = pane;

    kiln_logpane_save_stop(p);
    free(p->save_path);
    kiln_regex_free(p->search);
    kiln_logview_free(p->view);
    kiln_logstore_free(p->store);
    kiln_str_done(&p->text);
    free(p);
}

/* ---- moving ---- */

static void stay(struct kiln_logpane *p)
{
    p->follow = false;
}

static enum kiln_log_answer walk(struct kiln_logpane *p, struct kiln_logpos from, bool forward,
                                 struct kiln_logpos *ret)
{
    enum kiln_log_answer answer =
        kiln_logview_walk(p->view, from, forward, false, kiln_logpane_soon(), ret);

    if (answer == KILN_LOG_LATER)
        kiln_console_say(p->console, "still looking for lines that the filter shows");
    return answer;
}

static void up(struct kiln_logpane *p)
{
    struct kiln_logpos at;

    stay(p);
    if (p->top_row > 0 && kiln_logpos_compare(p->top, p->cursor) == 0) {
        p->top_row--;
        return;
    }
    if (walk(p, p->cursor, false, &at) != KILN_LOG_FOUND)
        return;
    if (kiln_logpos_compare(at, p->top) < 0) {
        p->top = at;
        p->top_row = kiln_logpane_rows(p, at) - 1;
    }
    p->cursor = at;
}

static void down(struct kiln_logpane *p)
{
    struct kiln_logpos at;

    if (p->follow)
        return;
    if (kiln_logpos_compare(p->top, p->cursor) == 0 &&
        kiln_logpane_rows(p, p->cursor) - p->top_row > p->h) {
        p->top_row++;
        return;
    }
    if (walk(p, p->cursor, true, &at) == KILN_LOG_FOUND)
        p->cursor = at;
}

/* One row is seen on both pages. */
static void page_down(struct kiln_logpane *p)
{
    struct kiln_logpos last;
    int rows;

    if (p->follow)
        return;
    last = kiln_logpane_last_in_sight(p, kiln_logpane_soon());
    rows = kiln_logpane_rows(p, p->top);
    if (kiln_logpos_compare(last, p->top) == 0 && rows - p->top_row > p->h) {
        p->top_row += p->h > 1 ? p->h - 1 : 1; /* within one line */
    } else if (kiln_logpos_compare(last, p->top) > 0 ||
               walk(p, p->top, true, &last) == KILN_LOG_FOUND) {
        p->top = last;
        p->top_row = 0;
    }
    p->cursor = last;
}

static void page_up(struct kiln_logpane *p)
{
    struct kiln_logpos top = p->top;

    stay(p);
    if (p->top_row >= p->h) {
        p->top_row -= p->h > 1 ? p->h - 1 : 1;
        p->cursor = p->top;
        return;
    }
    if (p->h > 1)
        kiln_logpane_to_bottom(p, top, kiln_logpane_soon());
    else if (walk(p, top, false, &p->top) == KILN_LOG_FOUND)
        p->top_row = 0;
    p->cursor = p->top;
}

static void top(struct kiln_logpane *p)
{
    stay(p);
    p->cursor = p->top = (struct kiln_logpos){ 0 };
    p->top_row = 0;
}

static void sideways(struct kiln_logpane *p, int by)
{
    if (p->wrap) {
        kiln_console_say(p->console, "lines are wrapped (:wrap off)");
        return;
    }
    p->left += by;
    if (p->left < 0)
        p->left = 0;
    if (p->left > (int)KILN_LOG_SHOWN_BYTES)
        p->left = (int)KILN_LOG_SHOWN_BYTES;
}

static bool move_action(struct kiln_logpane *p, enum kiln_action action)
{
    int half = p->text_w > 16 ? p->text_w / 2 : 8;

    if (action == KILN_ACT_UP)
        up(p);
    else if (action == KILN_ACT_DOWN)
        down(p);
    else if (action == KILN_ACT_PAGE_UP)
        page_up(p);
    else if (action == KILN_ACT_PAGE_DOWN)
        page_down(p);
    else if (action == KILN_ACT_TOP)
        top(p);
    else if (action == KILN_ACT_BOTTOM)
        p->follow = true;
    else if (action == KILN_ACT_LEFT || action == KILN_ACT_RIGHT)
        sideways(p, action == KILN_ACT_LEFT ? -half : half);
    else
        return false;
    return true;
}

/* ---- searching ---- */

static void search_over(struct kiln_logpane *p, enum kiln_log_answer answer, struct kiln_logpos hit)
{
    const char *pattern = kiln_regex_pattern(p->search);

    p->searching = false;
    kiln_console_dirty(p->console);
    if (answer == KILN_LOG_FOUND) {
        stay(p);
        p->cursor = hit;
        p->found = true;
        if (p->job.wrapped)
            kiln_console_say(p->console, "search went on at the %s",
                             p->job.forward ? "beginning" : "end");
    } else if (kiln_regex_given_up(p->search)) {
        kiln_console_error(p->console, "search: \"%s\" takes too long on too many lines", pattern);
    } else {
        kiln_console_say(p->console, "no line matches \"%s\"", pattern);
    }
}

/* True: there is more to do. */
static bool search_work(struct kiln_logpane *p, int64_t until_us)
{
    struct kiln_logpos hit = { 0 };
    enum kiln_log_answer answer = kiln_logview_search(p->view, &p->job, p->search, until_us, &hit);

    if (answer == KILN_LOG_LATER)
        return true;
    search_over(p, answer, hit);
    return false;
}

static void search_again(struct kiln_logpane *p, bool forward)
{
    if (!p->search) {
        kiln_console_command_line(p->console, "search ");
        return;
    }
    p->job = (struct kiln_logsearch){ .from = p->cursor, .forward = forward };
    if (p->follow && !forward) /* the newest line, too */
        p->job.from = (struct kiln_logpos){ UINT32_MAX, UINT32_MAX };
    p->searching = true;
    (void)search_work(p, kiln_clock_mono_us() + SEARCH_US);
}

/* Whoever follows the log wants what came last: then the search goes back from there. */
static void search(struct kiln_logpane *p, const char *pattern)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_regex *re;

    if (!*pattern) {
        kiln_console_command_line(p->console, "search ");
        return;
    }
    if (!kiln_regex_new(&re, pattern, &err)) {
        kiln_console_error(p->console, "search: %s", kiln_err_text(&err));
        return;
    }
    kiln_regex_free(p->search);
    p->search = re;
    p->search_forward = !p->follow;
    search_again(p, p->search_forward);
}

/* ---- the rest of the actions ---- */

static void set_filter(struct kiln_logpane *p, const char *spec)
{
    const struct kiln_logfilter *now = kiln_logview_filter(p->view);
    KILN_AUTO_ERR err = { 0 };
    struct kiln_logfilter *filter;

    if (!*spec) {
        KILN_AUTO_FREE char *line =
            kiln_xasprintf("filter %s", now ? kiln_logfilter_spec(now) : "");

        kiln_console_command_line(p->console, line);
        return;
    }
    if (!kiln_logfilter_parse(&filter, spec, &err)) {
        kiln_console_error(p->console, "filter: %s", kiln_err_text(&err));
        return;
    }
    p->searching = false;
    kiln_logpane_save_stop(p);
    kiln_logview_set_filter(p->view, filter);
}

static void set_wrap(struct kiln_logpane *p, const char *arg)
{
    if (*arg && !kiln_streq(arg, "on") && !kiln_streq(arg, "off")) {
        kiln_console_error(p->console, "wrap: \"%s\" is neither on nor off", arg);
        return;
    }
    p->wrap = *arg ? kiln_streq(arg, "on") : !p->wrap;
    p->top_row = p->left = 0;
    kiln_console_dirty(p->console);
}

static void toggle_mark(struct kiln_logpane *p)
{
    p->marking = !p->marking;
    p->mark = p->cursor;
    if (p->marking)
        stay(p);
}

static bool file_action(struct kiln_logpane *p, enum kiln_action action, const char *arg)
{
    if (action == KILN_ACT_COPY && !*arg)
        kiln_logpane_copy(p);
    else if (action == KILN_ACT_COPY)
        kiln_logpane_save(p, arg, true);
    else if (action == KILN_ACT_SAVE && !*arg)
        kiln_console_command_line(p->console, "save ");
    else if (action == KILN_ACT_SAVE)
        kiln_logpane_save(p, arg, false);
    else
        return false;
    return true;
}

static bool act(void *pane, enum kiln_action action, const char *arg)
{
    struct kiln_logpane *p = pane;

    kiln_console_dirty(p->console);
    if (action == KILN_ACT_FOLLOW)
        p->follow = !p->follow;
    else if (action == KILN_ACT_SEARCH)
        search(p, arg);
    else if (action == KILN_ACT_SEARCH_NEXT)
        search_again(p, p->search_forward);
    else if (action == KILN_ACT_SEARCH_PREVIOUS)
        search_again(p, !p->search_forward);
    else if (action == KILN_ACT_FILTER)
        set_filter(p, arg);
    else if (action == KILN_ACT_WRAP)
        set_wrap(p, arg);
    else if (action == KILN_ACT_MARK)
        toggle_mark(p);
    else
        return move_action(p, action) || file_action(p, action, arg);
    return true;
}

/* Any key ends a search that goes on; Esc ends whatever there is to end. */
static bool key(void *pane, const struct kiln_key *k)
{
    struct kiln_logpane *p = pane;
    bool esc = k->code == KILN_KEY_ESC;

    if (p->searching) {
        p->searching = false;
        kiln_console_say(p->console, "search stopped");
        return esc;
    }
    if (!esc)
        return false;
    if (p->save) {
        kiln_logpane_save_stop(p);
        kiln_console_say(p->console, "stopped; nothing was saved");
    } else if (p->marking) {
        p->marking = false;
    } else if (p->search) {
        kiln_regex_free(p->search);
        p->search = NULL;
    } else {
        return false;
    }
    kiln_console_dirty(p->console);
    return true;
}

/* ---- what goes on by itself ---- */

static void grown(void *pane, uint64_t size)
{
    struct kiln_logpane *p = pane;

    kiln_logstore_grown(p->store, size);
    p->stale = true;
}

static int64_t deadline(const void *pane)
{
    const struct kiln_logpane *p = pane;

    return p->stale ? p->drawn_us + (p->follow ? FOLLOW_US : STILL_US) : KILN_NEVER;
}

static void tick(void *pane, int64_t now_us)
{
    struct kiln_logpane *p = pane;

    if (now_us < deadline(p))
        return;
    p->stale = false; /* here, for it may not be in sight */
    p->drawn_us = now_us;
    kiln_console_dirty(p->console);
}

static void check_filter(struct kiln_logpane *p)
{
    const struct kiln_logfilter *filter = kiln_logview_filter(p->view);

    if (!filter || !kiln_logfilter_given_up(filter))
        return;
    kiln_console_error(p->console, "filter: \"%s\" takes too long on too many lines",
                       kiln_logfilter_spec(filter));
    kiln_logview_set_filter(p->view, NULL);
}

static bool work(void *pane)
{
    struct kiln_logpane *p = pane;
    int64_t until_us = kiln_logpane_soon();
    bool more = false, changed = false;

    check_filter(p);
    if (p->searching)
        more = search_work(p, until_us);
    if (kiln_clock_mono_us() < until_us)
        more |= kiln_logview_work(p->view, until_us, &changed);
    if (kiln_clock_mono_us() < until_us || !p->searching) {
        bool indexing = kiln_logstore_work(p->store, until_us);

        p->stale |= p->caught_up == indexing; /* numbers and steps come into sight */
        p->caught_up = !indexing;
        more |= indexing;
    }
    if (p->save)
        more |= kiln_logpane_save_work(p, kiln_clock_mono_us() + SAVE_US);
    if (changed)
        kiln_console_dirty(p->console);
    p->stale |= more && (p->searching || p->save || kiln_logview_filter(p->view));
    return more;
}

/* ---- the frame ---- */

static void add_position(struct kiln_logpane *p, struct kiln_str *out)
{
    uint64_t number, total;
    bool exact = kiln_logview_total(p->view, &total);
    bool known = !p->follow && total > 0 && kiln_logview_number(p->view, p->cursor, &number);

    if (known)
        kiln_str_addf(out, "%" PRIu64 " of ", number + 1);
    if (exact || total > 0) /* at first nothing is counted */
        kiln_str_addf(out, "%" PRIu64 "%s%s", total, exact ? "" : "+", known ? "" : " lines");
    if (p->follow)
        kiln_str_adds(out, out->len > 0 ? "  follow" : "follow");
    if (p->left > 0 && !p->wrap)
        kiln_str_addf(out, "  from column %d", p->left + 1);
}

static void status(void *pane, struct kiln_str *out)
{
    struct kiln_logpane *p = pane;
    const struct kiln_logfilter *filter = kiln_logview_filter(p->view);

    add_position(p, out);
    if (p->save)
        kiln_str_addf(out, "  saving %u%%", kiln_logpane_save_percent(p));
    if (p->marking)
        kiln_str_adds(out, "  marking");
    if (p->searching)
        kiln_str_adds(out, "  searching");
    if (p->search)
        kiln_str_addf(out, "  /%s", kiln_regex_pattern(p->search));
    if (filter)
        kiln_str_addf(out, "  [%s]", kiln_logfilter_spec(filter));
}

const struct kiln_pane_ops kiln_pane_log = {
    .name = "log",
    .title = "Log",
    .context = KILN_CTX_LOG,
    .new = new_pane,
    .free = free_pane,
    .draw = kiln_logpane_draw,
    .status = status,
    .action = act,
    .key = key,
    .grown = grown,
    .work = work,
    .deadline = deadline,
    .tick = tick,
};
