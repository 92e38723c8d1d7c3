/* The frame around the panes and the bottom line. */
#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ui/console_priv.h"
#include "ui/duration.h"
#include "ui/pane_prompt.h"

#define LINGER_US KILN_MS(300)

#define LINE_H 0x2500u
#define LINE_V 0x2502u
#define TEE_DN 0x252Cu
#define TEE_UP 0x2534u
#define CROSS  0x253Cu

static const struct kiln_style plain;
static const struct kiln_style frame_style = { .attr = KILN_ATTR_DIM };
static const struct kiln_style title_style = { .attr = KILN_ATTR_BOLD };
static const struct kiln_style focus_style = { .attr = KILN_ATTR_BOLD | KILN_ATTR_REVERSE };
static const struct kiln_style error_style = { .fg = KILN_COLOR_ANSI(9), .attr = KILN_ATTR_BOLD };
static const struct kiln_style stop_style = { .fg = KILN_COLOR_ANSI(11), .attr = KILN_ATTR_BOLD };

void kiln_frame_box(const struct kiln_area *box, const char *title, struct kiln_style style)
{
    int right = box->w - 1, bottom = box->h - 1;

    kiln_area_fill(box, 0, 0, box->w, box->h, ' ', plain);
    for (int x = 1; x < right; x++) {
        kiln_area_put(box, x, 0, LINE_H, frame_style);
        kiln_area_put(box, x, bottom, LINE_H, frame_style);
    }
    for (int y = 1; y < bottom; y++) {
        kiln_area_put(box, 0, y, LINE_V, frame_style);
        kiln_area_put(box, right, y, LINE_V, frame_style);
    }
    kiln_area_put(box, 0, 0, 0x250C, frame_style);
    kiln_area_put(box, right, 0, 0x2510, frame_style);
    kiln_area_put(box, 0, bottom, 0x2514, frame_style);
    kiln_area_put(box, right, bottom, 0x2518, frame_style);
    kiln_area_printf(box, 2, 0, style, " %s ", title);
}

/* ---- panes ---- */

static bool can_focus(const struct kiln_console *c, enum kiln_pane_id pane)
{
    return c->layout.panes[pane].w > 0;
}

/* A separator's ends meet the title rows above and below it. */
static void draw_separator(const struct kiln_area *all, const struct kiln_rect *r)
{
    if (r->x == 0)
        return;
    kiln_area_put(all, r->x - 1, r->y - 1, r->y > 1 ? CROSS : TEE_DN, frame_style);
    for (int y = r->y; y < r->y + r->h; y++)
        kiln_area_put(all, r->x - 1, y, LINE_V, frame_style);
    kiln_area_put(all, r->x - 1, r->y + r->h, TEE_UP, frame_style);
}

static void draw_title(struct kiln_console *c, const struct kiln_area *all, enum kiln_pane_id pane)
{
    const struct kiln_pane_ops *ops = kiln_pane_ops_of(pane);
    const struct kiln_rect *r = &c->layout.panes[pane];
    struct kiln_area row = kiln_area_sub(all, r->x, r->y - 1, r->w, 1);
    KILN_AUTO_STR status = { 0 };
    int end = 1, columns;

    end += kiln_area_printf(&row, 1, 0, c->focus == pane ? focus_style : title_style, " %s ",
                            ops->title);
    if (ops->status)
        ops->status(c->panes[pane], &status);
    if (status.len == 0)
        return;
    columns = kiln_text_columns(status.data, status.len);
    if (columns + 2 > row.w - 2 - end) { /* cut on the right */
        columns = row.w - 2 - end - 2;
        kiln_str_truncate(&status, kiln_text_fit(status.data, status.len, columns));
    }
    if (status.len > 0)
        kiln_area_printf(&row, row.w - 1 - columns - 2, 0, plain, " %s ", status.data);
}

static void draw_frames(struct kiln_console *c, const struct kiln_area *all)
{
    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_rect *r = &c->layout.panes[i];

        for (int x = r->x; x < r->x + r->w; x++)
            kiln_area_put(all, x, r->y - 1, LINE_H, frame_style);
    }
    for (int i = 0; i < KILN_PANE__N; i++)
        if (can_focus(c, (enum kiln_pane_id)i))
            draw_separator(all, &c->layout.panes[i]);
    for (int i = 0; i < KILN_PANE__N; i++)
        if (can_focus(c, (enum kiln_pane_id)i))
            draw_title(c, all, (enum kiln_pane_id)i);
}

static void draw_panes(struct kiln_console *c, const struct kiln_area *all)
{
    for (int i = 0; i < KILN_PANE__N; i++) {
        const struct kiln_rect *r = &c->layout.panes[i];
        struct kiln_area a = kiln_area_sub(all, r->x, r->y, r->w, r->h);

        if (r->w > 0)
            kiln_pane_ops_of((enum kiln_pane_id)i)
                ->draw(c->panes[i], &a, c->focus == (enum kiln_pane_id)i);
    }
}

/* ---- the bottom line ---- */

static const char *running_step(const struct kiln_model_build *b)
{
    for (int list = KILN_PLACES__N - 1; list >= 0; list--)
        for (size_t i = 0; i < b->lists[list].n; i++)
            if (b->lists[list].v[i].state == KILN_MODEL_RUNNING ||
                b->lists[list].v[i].state == KILN_MODEL_STOPPED)
                return b->lists[list].v[i].name;
    return NULL;
}

static const char *result_word(int64_t status)
{
    if (status == 0)
        return kiln_state_word(KILN_MODEL_DONE);
    return kiln_state_word(status == 2 ? KILN_MODEL_CANCELLED : KILN_MODEL_FAILED);
}

/* "debian  running 2:13  stepRun" */
static struct kiln_style describe(struct kiln_console *c, struct kiln_str *out)
{
    const struct kiln_model *m = &c->model;
    const struct kiln_model_build *b = kiln_model_find(m, c->build);
    const char *step;

    if (m->over) {
        kiln_str_addf(out, "the run is over: %s", result_word(m->status));
        return m->status == 0 ? title_style : error_style;
    }
    if (c->disconnected) {
        kiln_str_adds(out, "the run's supervisor is gone");
        return error_style;
    }
    if (!b) {
        kiln_str_adds(out, "waiting for the run");
        return plain;
    }
    kiln_str_addf(out, "%s  %s ", b->label, kiln_state_word(b->state));
    kiln_duration_short(out, kiln_build_elapsed_us(b, kiln_console_now(c)));
    step = running_step(b);
    if (b->recording)
        kiln_str_addf(out, "  recording what is done by hand: %zu elements", b->recorded.n);
    else if (b->stop.on)
        kiln_str_addf(out, "  %s",
                      b->stop.text && b->stop.text[0] ? b->stop.text : b->stop.place.text);
    else if (step)
        kiln_str_addf(out, "  %s", step);
    return b->stop.on ? stop_style : plain;
}

static void draw_right(struct kiln_console *c, const struct kiln_area *row, int left)
{
    KILN_AUTO_STR text = { 0 };
    int columns;

    for (size_t i = 0; i < c->n_keys; i++) {
        kiln_key_to_text(&c->keys[i], &text);
        kiln_str_adds(&text, i + 1 < c->n_keys ? " " : " \u2026  ");
    }
    if (kiln_streq(c->model.holder, "you"))
        kiln_str_adds(&text, "controls: you");
    else if (c->model.holder[0])
        kiln_str_addf(&text, "watching (controls: %s)", c->model.holder);
    columns = kiln_text_columns(kiln_str_cstr(&text), text.len);
    if (left + 2 + columns > row->w && kiln_streq(c->model.holder, "you") && c->n_keys == 0)
        return; /* what goes without saying gives way */
    if (left + 2 + columns > row->w)
        kiln_area_fill(row, row->w - columns - 2, 0, columns + 2, 1, ' ', plain);
    kiln_area_text(row, row->w - columns, 0, kiln_str_cstr(&text), text.len, frame_style);
}

/* The part of the line around the cursor. */
static void draw_cmdline(struct kiln_console *c, const struct kiln_area *row)
{
    const struct kiln_cmdline *l = &c->cmdline;
    const char *text = kiln_str_cstr(&l->text);
    int at = kiln_text_columns(text, l->at), from = at > row->w - 3 ? at - (row->w - 3) : 0;
    struct kiln_area rest = kiln_area_sub(row, 1, 0, row->w - 1, 1);

    kiln_area_put(row, 0, 0, ':', title_style);
    kiln_area_text(&rest, -from, 0, text, l->text.len, plain);
    kiln_area_cursor(&rest, at - from, 0);
}

static void draw_offers(struct kiln_console *c, const struct kiln_area *all)
{
    const struct kiln_cmdline *l = &c->cmdline;
    struct kiln_area row = kiln_area_sub(all, 0, all->h - 2, all->w, 1);
    size_t first = l->offer < l->offers.n ? l->offer : 0;
    int x = 1;

    if (l->offers.n == 0)
        return;
    kiln_area_fill(&row, 0, 0, row.w, 1, ' ', plain);
    for (size_t i = first; i < l->offers.n && x < row.w; i++) {
        x +=
            kiln_area_printf(&row, x, 0, i == l->offer ? focus_style : plain, "%s", l->offers.v[i]);
        x += 2;
    }
}

static void draw_bottom(struct kiln_console *c, const struct kiln_area *all)
{
    struct kiln_area row = kiln_area_sub(all, 0, all->h - 1, all->w, 1);
    KILN_AUTO_STR state = { 0 };
    struct kiln_style style;
    int x;

    if (c->cmdline.open) {
        draw_cmdline(c, &row);
        draw_offers(c, all);
        return;
    }
    if (c->message) {
        kiln_area_text(&row, 0, 0, c->message, strlen(c->message),
                       c->message_is_error ? error_style : plain);
        return;
    }
    style = describe(c, &state);
    x = kiln_area_text(&row, 0, 0, kiln_str_cstr(&state), state.len, style);
    draw_right(c, &row, x);
}

/* ---- all ---- */

/* Who steps through a boot command resumes and stops ten times a second: the panes shall not jump
 * about meanwhile. */
static int prompt_rows(struct kiln_console *c, int64_t now)
{
    int rows = kiln_prompt_rows(&c->model, c->canvas.cols);

    if (rows > 0) {
        c->prompt_rows = rows;
        c->prompt_until_us = KILN_NEVER;
    } else if (c->prompt_rows > 0) {
        if (c->prompt_until_us == KILN_NEVER)
            c->prompt_until_us = now + LINGER_US;
        if (now >= c->prompt_until_us)
            c->prompt_rows = 0;
    }
    return c->prompt_rows;
}

static void make_layout(struct kiln_console *c, int64_t now)
{
    const struct kiln_layout_want want = {
        .cols = c->canvas.cols,
        .rows = c->canvas.rows,
        .focus = c->focus,
        .shared = c->shared,
        .zoom = c->zoom,
        .prompt_rows = prompt_rows(c, now),
    };

    kiln_layout_make(&c->layout, &want);
}

/* When the times that are shown change next. */
static int64_t next_tick(const struct kiln_console *c, int64_t now)
{
    if (c->prompt_rows > 0 && c->prompt_until_us != KILN_NEVER)
        return c->prompt_until_us;
    for (size_t i = 0; !c->disconnected && i < c->model.n_builds; i++)
        if (c->model.builds[i].state == KILN_MODEL_RUNNING)
            return now + KILN_SECOND(1) - now % KILN_SECOND(1);
    return KILN_NEVER;
}

void kiln_console_draw(struct kiln_console *c)
{
    struct kiln_area all = kiln_canvas_area(&c->canvas);
    int64_t now = kiln_clock_mono_us();

    kiln_canvas_clear(&c->canvas);
    c->dirty = false;
    c->tick_us = KILN_NEVER;
    if (all.w < KILN_CONSOLE_COLS || all.h < KILN_CONSOLE_ROWS) {
        kiln_area_printf(&all, 0, 0, title_style, "kiln needs %d x %d; this is %d x %d",
                         KILN_CONSOLE_COLS, KILN_CONSOLE_ROWS, all.w, all.h);
        return;
    }
    make_layout(c, now);
    c->tick_us = next_tick(c, now);
    draw_frames(c, &all);
    draw_panes(c, &all);
    draw_bottom(c, &all);
    kiln_overlay_draw(c);
}
