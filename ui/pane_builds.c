/* Builds, and the steps of each: state, time, progress, breakpoints. */
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ui/console_priv.h"
#include "ui/duration.h"
#include "ui/places.h"
#include "ui/progress.h"

#define TIME_COLUMNS 6 /* " 12:34" */

enum row_kind { ROW_BUILD, ROW_STEP, ROW_PROGRESS, ROW_RUNG, ROW_ERROR, ROW_ARTIFACT };

struct row {
    enum row_kind kind;
    size_t build;
    enum kiln_place_list list; /* STEP */
    size_t i;                  /* STEP, RUNG, ARTIFACT */
    bool nested;               /* STEP: a provisioner below its step */
};

struct builds_pane {
    struct kiln_console *c;
    struct row *rows; /* as they were drawn; owned */
    size_t n_rows, cap;
    size_t at;         /* cursor */
    struct row chosen; /* … where the user put it; rows above it come and go */
    size_t top;
    bool moved; /* by the user: else the cursor goes with the running step */
    int height;
};

static const struct kiln_style plain;
static const struct kiln_style faint = { .attr = KILN_ATTR_DIM };
static const struct kiln_style bold = { .attr = KILN_ATTR_BOLD };
static const struct kiln_style red = { .fg = KILN_COLOR_ANSI(9), .attr = KILN_ATTR_BOLD };

static const struct {
    uint32_t glyph;
    struct kiln_style style;
} looks[] = {
    [KILN_MODEL_PENDING] = { 0x25CB, { .attr = KILN_ATTR_DIM } },
    [KILN_MODEL_RUNNING] = { 0x25B8, { .fg = KILN_COLOR_ANSI(14), .attr = KILN_ATTR_BOLD } },
    [KILN_MODEL_STOPPED] = { 0x25A0, { .fg = KILN_COLOR_ANSI(11), .attr = KILN_ATTR_BOLD } },
    [KILN_MODEL_DONE] = { 0x2713, { .fg = KILN_COLOR_ANSI(2) } },
    [KILN_MODEL_FAILED] = { 0x2717, { .fg = KILN_COLOR_ANSI(9), .attr = KILN_ATTR_BOLD } },
    [KILN_MODEL_CANCELLED] = { '-', { .fg = KILN_COLOR_ANSI(3) } },
    [KILN_MODEL_CLEANED] = { 0x2713, { .attr = KILN_ATTR_DIM } },
};

/* ---- which rows there are ---- */

static void add_row(struct builds_pane *p, struct row row)
{
    if (p->n_rows == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 32;
        p->rows = kiln_xrealloc(p->rows, p->cap, sizeof(*p->rows));
    }
    p->rows[p->n_rows++] = row;
}

static bool is_going(enum kiln_model_state state)
{
    return state == KILN_MODEL_RUNNING || state == KILN_MODEL_STOPPED;
}

/* Of the ladder to the guest: the last rung that holds, the next one, and below what does not. */
static void add_rungs(struct builds_pane *p, const struct kiln_model_build *b, size_t build)
{
    size_t height = kiln_model_height(b);
    bool next = false;

    for (size_t i = 0; i < KILN_MODEL_RUNGS && !next; i++) {
        const struct kiln_model_rung *r = &b->rungs[i];
        bool holds = r->state == KILN_MODEL_RUNG_HOLDS;

        if (!r->name || (holds && i + 1 != height))
            continue;
        add_row(p, (struct row){ .kind = ROW_RUNG, .build = build, .i = i });
        next = i >= height && r->state == KILN_MODEL_RUNG_WAITING;
    }
}

static bool waits_for_guest(const struct kiln_model_step *s)
{
    return is_going(s->state) && (strcasecmp(s->name, "StepConnect") == 0 ||
                                  strcasecmp(s->name, "StepWaitGuestAddress") == 0);
}

static void add_steps(struct builds_pane *p, const struct kiln_model_build *b, size_t build,
                      enum kiln_place_list list, bool nested)
{
    for (size_t i = 0; i < b->lists[list].n; i++) {
        const struct kiln_model_step *s = &b->lists[list].v[i];
        bool provisions =
            list == KILN_PLACES_STEPS && s->name && strcasecmp(s->name, "StepProvision") == 0;

        if (!s->name)
            continue;
        add_row(p, (struct row){ ROW_STEP, build, list, i, nested });
        if (provisions)
            add_steps(p, b, build, KILN_PLACES_PROVISIONERS, true);
        else if (waits_for_guest(s))
            add_rungs(p, b, build);
        else if (is_going(s->state) && b->progress.name)
            add_row(p, (struct row){ .kind = ROW_PROGRESS, .build = build });
    }
}

static bool has_provision_step(const struct kiln_model_build *b)
{
    for (size_t i = 0; i < b->lists[KILN_PLACES_STEPS].n; i++) {
        const char *name = b->lists[KILN_PLACES_STEPS].v[i].name;

        if (name && strcasecmp(name, "StepProvision") == 0)
            return true;
    }
    return false;
}

static void add_build(struct builds_pane *p, size_t build, bool open)
{
    const struct kiln_model_build *b = &kiln_console_model(p->c)->builds[build];

    add_row(p, (struct row){ .kind = ROW_BUILD, .build = build });
    if (!open)
        return;
    if (b->error)
        add_row(p, (struct row){ .kind = ROW_ERROR, .build = build });
    add_steps(p, b, build, KILN_PLACES_STEPS, false);
    if (!has_provision_step(b))
        add_steps(p, b, build, KILN_PLACES_PROVISIONERS, false);
    add_steps(p, b, build, KILN_PLACES_POSTPROCESSORS, false);
    for (size_t i = 0; i < b->artifacts.n; i++)
        add_row(p, (struct row){ .kind = ROW_ARTIFACT, .build = build, .i = i });
}

/* All builds with their steps if they fit, else only the shown one's. */
static void make_rows(struct builds_pane *p)
{
    const struct kiln_model *m = kiln_console_model(p->c);

    p->n_rows = 0;
    for (size_t i = 0; i < m->n_builds && p->n_rows <= (size_t)p->height; i++)
        add_build(p, i, true);
    if (p->n_rows <= (size_t)p->height)
        return;
    p->n_rows = 0;
    for (size_t i = 0; i < m->n_builds; i++)
        add_build(p, i, kiln_streq(m->builds[i].label, kiln_console_build(p->c)));
}

/* ---- the cursor ---- */

static const struct kiln_model_build *build_of(const struct builds_pane *p, const struct row *row)
{
    return &kiln_console_model(p->c)->builds[row->build];
}

static bool is_running_row(const struct builds_pane *p, const struct row *row)
{
    const struct kiln_model_build *b = build_of(p, row);

    return row->kind == ROW_STEP && kiln_streq(b->label, kiln_console_build(p->c)) &&
           is_going(b->lists[row->list].v[row->i].state);
}

static bool is_same(const struct row *a, const struct row *b)
{
    return a->kind == b->kind && a->build == b->build && a->list == b->list && a->i == b->i;
}

static void place_cursor(struct builds_pane *p)
{
    size_t h = p->height > 0 ? (size_t)p->height : 1;
    size_t ahead = p->moved ? 0 : h / 5; /* rows that are kept in sight below the running one */

    for (size_t i = 0; i < p->n_rows; i++)
        if (p->moved ? is_same(&p->rows[i], &p->chosen) : is_running_row(p, &p->rows[i]))
            p->at = i; /* the innermost: the last */
    if (p->at >= p->n_rows)
        p->at = p->n_rows > 0 ? p->n_rows - 1 : 0;
    if (p->at < p->top)
        p->top = p->at;
    if (p->at + ahead >= p->top + h)
        p->top = p->at + ahead - h + 1;
    if (p->top + h > p->n_rows)
        p->top = p->n_rows > h ? p->n_rows - h : 0;
}

/* ---- drawing ---- */

static const char *short_name(const char *name)
{
    return strncasecmp(name, "step", 4) == 0 && name[4] ? name + 4 : name;
}

static struct kiln_style selected(struct kiln_style style, bool is)
{
    if (is)
        style.attr = (style.attr & ~KILN_ATTR_DIM) | KILN_ATTR_REVERSE;
    return style;
}

static void draw_time(const struct kiln_area *row, int64_t us, struct kiln_style style)
{
    KILN_AUTO_STR text = { 0 };

    kiln_duration_short(&text, us);
    kiln_area_printf(row, row->w - (int)text.len - 1, 0, style, " %s", text.data);
}

static void draw_build(const struct kiln_model_build *b, const struct kiln_area *row,
                       struct kiln_style base, int64_t now)
{
    struct kiln_style style = looks[b->state].style;
    const char *word = kiln_state_word(b->state);
    int x;

    style.attr |= base.attr;
    kiln_area_put(row, 0, 0, looks[b->state].glyph, style);
    base.attr |= KILN_ATTR_BOLD;
    x = 2 + kiln_area_text(row, 2, 0, b->label, strlen(b->label), base);
    if (x + 1 + (int)strlen(word) + TIME_COLUMNS <= row->w)
        kiln_area_text(row, x + 1, 0, word, strlen(word), style);
    if (b->start_us)
        draw_time(row, kiln_build_elapsed_us(b, now), base);
}

static void draw_step(const struct kiln_model_build *b, const struct row *r,
                      const struct kiln_area *row, struct kiln_style base, int64_t now)
{
    const struct kiln_model_step *s = &b->lists[r->list].v[r->i];
    enum kiln_model_state look = s->failed && !is_going(s->state) ? KILN_MODEL_FAILED : s->state;
    struct kiln_style style = looks[look].style, mark = red;
    int x = r->nested ? 4 : 2;

    mark.attr |= base.attr;
    style.attr |= base.attr;
    if (kiln_step_break(b, r->list, r->i, false))
        kiln_area_put(row, x - 2, 0, 0x25CF, mark);
    kiln_area_put(row, x, 0, looks[look].glyph, selected(style, base.attr != 0));
    if (look == KILN_MODEL_PENDING)
        base.attr |= base.attr ? 0 : KILN_ATTR_DIM;
    x += 2 + kiln_area_printf(row, x + 2, 0, base, "%s", short_name(s->name));
    if (s->tries > 1)
        x += kiln_area_printf(row, x, 0, base, ", try %d", s->tries);
    if (kiln_step_break(b, r->list, r->i, true))
        kiln_area_put(row, x + 1, 0, 0x25CF, mark);
    if (s->start_us && (is_going(s->state) || s->end_us - s->start_us >= KILN_SECOND(1)))
        draw_time(row, kiln_step_elapsed_us(s, now), base);
}

static void draw_rung(const struct kiln_model_build *b, size_t i, const struct kiln_area *row,
                      struct kiln_style base)
{
    static const enum kiln_model_state like[] = {
        [KILN_MODEL_RUNG_UNKNOWN] = KILN_MODEL_PENDING,
        [KILN_MODEL_RUNG_WAITING] = KILN_MODEL_PENDING,
        [KILN_MODEL_RUNG_HOLDS] = KILN_MODEL_DONE,
    };
    const struct kiln_model_rung *r = &b->rungs[i];
    struct kiln_style style = looks[like[r->state]].style, dim = faint;
    uint32_t glyph =
        r->state == KILN_MODEL_RUNG_UNKNOWN ? (uint32_t)'?' : looks[like[r->state]].glyph;
    int x = 6;

    style.attr |= base.attr;
    dim = selected(dim, base.attr != 0);
    kiln_area_put(row, 4, 0, glyph, style);
    x += kiln_area_text(row, x, 0, r->name, strlen(r->name), base) + 1;
    if (r->detail)
        kiln_area_text(row, x, 0, r->detail, strcspn(r->detail, "\n"), dim);
}

static void draw_row(struct builds_pane *p, const struct row *r, const struct kiln_area *row,
                     bool chosen)
{
    const struct kiln_model_build *b = build_of(p, r);
    int64_t now = kiln_console_now(p->c);
    struct kiln_style base = selected(plain, chosen);

    if (chosen)
        kiln_area_fill(row, 0, 0, row->w, 1, ' ', base);
    switch (r->kind) {
    case ROW_BUILD:
        draw_build(b, row, base, now);
        break;
    case ROW_STEP:
        draw_step(b, r, row, base, now);
        break;
    case ROW_PROGRESS:
        kiln_progress_draw(&b->progress, row, 4, selected(bold, chosen));
        break;
    case ROW_RUNG:
        draw_rung(b, r->i, row, base);
        break;
    case ROW_ERROR:
        kiln_area_text(row, 2, 0, b->error, strcspn(b->error, "\n"), selected(red, chosen));
        break;
    case ROW_ARTIFACT:
        kiln_area_text(row, 2, 0, b->artifacts.v[r->i], strlen(b->artifacts.v[r->i]),
                       selected(faint, chosen));
        break;
    }
}

static void draw(void *pane, const struct kiln_area *a, bool focused)
{
    struct builds_pane *p = pane;

    p->height = a->h;
    make_rows(p);
    place_cursor(p);
    for (int y = 0; y < a->h && p->top + (size_t)y < p->n_rows; y++) {
        size_t i = p->top + (size_t)y;
        struct kiln_area row = kiln_area_sub(a, 0, y, a->w, 1);

        draw_row(p, &p->rows[i], &row, focused && i == p->at);
    }
}

static void status(void *pane, struct kiln_str *out)
{
    const struct builds_pane *p = pane;
    const struct kiln_model *m = kiln_console_model(p->c);
    size_t done = 0;

    for (size_t i = 0; i < m->n_builds; i++)
        done += m->builds[i].state >= KILN_MODEL_DONE;
    if (m->n_builds > 1)
        kiln_str_addf(out, "%zu of %zu", done, m->n_builds);
}

/* ---- actions ---- */

static void move_to(struct builds_pane *p, size_t at)
{
    const struct row *row;

    if (p->n_rows == 0)
        return;
    p->at = at < p->n_rows ? at : p->n_rows - 1;
    row = &p->rows[p->at];
    p->moved = !is_running_row(p, row);
    p->chosen = *row;
    kiln_console_show_build(p->c, build_of(p, row)->label);
}

static bool move(struct builds_pane *p, enum kiln_action action)
{
    size_t page = p->height > 1 ? (size_t)p->height - 1 : 1;

    if (action == KILN_ACT_UP)
        move_to(p, p->at > 0 ? p->at - 1 : 0);
    else if (action == KILN_ACT_DOWN)
        move_to(p, p->at + 1);
    else if (action == KILN_ACT_PAGE_UP)
        move_to(p, p->at > page ? p->at - page : 0);
    else if (action == KILN_ACT_PAGE_DOWN)
        move_to(p, p->at + page);
    else if (action == KILN_ACT_TOP)
        move_to(p, 0);
    else if (action == KILN_ACT_BOTTOM)
        move_to(p, SIZE_MAX);
    else
        return false;
    return true;
}

static void toggle_break(struct builds_pane *p, const struct row *row, bool after)
{
    const struct kiln_model_build *b = build_of(p, row);
    const char *there = kiln_step_break(b, row->list, row->i, after);
    KILN_AUTO_FREE char *place = kiln_step_place(b, row->list, row->i, after);
    const struct kiln_request req = {
        .command = "break", .build = b->label, .text = there ? there : place, .on = !there
    };

    kiln_console_command(p->c, &req);
}

static void run_here(struct builds_pane *p, const struct row *row)
{
    const struct kiln_model_build *b = build_of(p, row);
    KILN_AUTO_FREE char *place = kiln_step_place(b, row->list, row->i, false);
    const struct kiln_request req = { .command = "run-to", .build = b->label, .text = place };

    kiln_console_command(p->c, &req);
}

static bool action(void *pane, enum kiln_action act, const char *arg)
{
    struct builds_pane *p = pane;
    const struct row *row = p->at < p->n_rows ? &p->rows[p->at] : NULL;

    (void)arg;
    if (move(p, act))
        return true;
    if (act != KILN_ACT_BREAK_HERE && act != KILN_ACT_BREAK_AFTER && act != KILN_ACT_RUN_HERE)
        return false;
    if (!row || row->kind != ROW_STEP)
        kiln_console_say(p->c, "move to a step first");
    else if (act == KILN_ACT_RUN_HERE)
        run_here(p, row);
    else
        toggle_break(p, row, act == KILN_ACT_BREAK_AFTER);
    return true;
}

static void event(void *pane, const struct kiln_event *ev)
{
    struct builds_pane *p = pane;

    if (!ev) /* rows point into the model that was */
        p->n_rows = 0;
}

static void *new_pane(struct kiln_console *c)
{
    struct builds_pane *p = kiln_xcalloc(1, sizeof(*p));

    p->c = c;
    return p;
}

static void free_pane(void *pane)
{
    struct builds_pane *p = pane;

    free(p->rows);
    free(p);
}

const struct kiln_pane_ops kiln_pane_builds = {
    .name = "builds",
    .title = "Builds",
    .context = KILN_CTX_BUILDS,
    .new = new_pane,
    .free = free_pane,
    .draw = draw,
    .status = status,
    .action = action,
    .event = event,
};
