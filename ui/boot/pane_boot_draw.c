/*
 * How the boot command looks. Beside each other where there is room, else one above the other:
 *
 *      1 <esc><wait>                    12 events, total 0:06.400
 *      2 install <wait5s>                . down esc       ff1b  +100ms  0:00.000
 *      3 url=http://{{ .HTTPIP }}        > up   esc       ff1b  +100ms  0:00.100
 *     3:5 <delete> is not a key …       B  pause 5s             +100ms  0:00.200
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ui/boot/pane_boot.h"

#define SIDE_BY_SIDE 72 /* columns */
#define LIST_MIN     44
#define LIST_MAX     60
#define MAX_BREAKS   64
#define NS_PER_MS    INT64_C(1000000)

#define W_CLOCK  8 /* 0:00.000; one more from ten minutes on */
#define W_WAIT   7 /* +100ms */
#define W_KEYSYM 7 /* 0x10ffff is never longer */
#define W_MARKS  3 /* "B> " */
#define W_PRESS  5 /* "down " */
#define W_NAME   10

static const struct kiln_style plain;
static const struct kiln_style head_style = { .attr = KILN_ATTR_DIM };
static const struct kiln_style error_style = { .fg = KILN_COLOR_ANSI(9), .attr = KILN_ATTR_BOLD };
static const struct kiln_style lint_style = { .fg = KILN_COLOR_ANSI(11) };

/* ---- the source ---- */

struct source_look {
    const struct kiln_boot_pane *p;
    const struct kiln_bootlist *l;
    size_t sent;         /* bytes of raw that have been typed */
    size_t raw, raw_len; /* what the cursor's event was made from */
};

static struct kiln_style style_of(void *ud, size_t line, size_t byte)
{
    const struct source_look *s = ud;
    size_t raw = kiln_bootlist_raw(s->l, line, byte);
    unsigned look = raw < s->l->raw_len ? s->l->look[raw] : 0;
    struct kiln_style style = { 0 };

    if (look & KILN_BOOTLIST_KEY)
        style.fg = KILN_COLOR_ANSI(6);
    if (look & KILN_BOOTLIST_ACTION)
        style.fg = KILN_COLOR_ANSI(5);
    if (raw < s->sent)
        style.attr |= KILN_ATTR_DIM;
    if (look & KILN_BOOTLIST_LINT)
        style = (struct kiln_style){ .fg = KILN_COLOR_ANSI(11), .attr = KILN_ATTR_UNDERLINE };
    if (look & KILN_BOOTLIST_ERROR)
        style = (struct kiln_style){ .fg = KILN_COLOR_ANSI(9), .attr = KILN_ATTR_UNDERLINE };
    if (raw >= s->raw && raw < s->raw + s->raw_len)
        style.attr |= KILN_ATTR_REVERSE;
    return style;
}

static void draw_source(struct kiln_boot_pane *p, const struct kiln_area *a, bool focused)
{
    struct source_look look = { .p = p, .l = kiln_boot_pane_list(p) };
    size_t row, n, len, next = kiln_boot_pane_next(p);

    kiln_boot_pane_selection(p, &row, &n, &look.raw, &look.raw_len);
    if (next >= look.l->n_rows)
        look.sent = next > 0 ? look.l->raw_len : 0;
    else if (next > 0)
        kiln_bootlist_row_raw(look.l, next, &look.sent, &len);
    kiln_editor_draw(p->editor, a, p->editing && focused, style_of, &look);
}

/* ---- what is wrong ---- */

/* The one under the cursor, else the first error, else the first remark. */
static const struct kiln_bootlist_note *pick_note(const struct kiln_boot_pane *p)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);
    const struct kiln_bootlist_note *first = NULL;
    size_t row, n, raw, len, line, byte;

    kiln_boot_pane_selection(p, &row, &n, &raw, &len);
    if (p->editing) {
        kiln_editor_cursor(p->editor, &line, &byte);
        raw = kiln_bootlist_raw(l, line, byte);
    }
    for (size_t i = 0; i < l->n_marks; i++) {
        const struct kiln_bootlist_note *m = &l->marks[i];

        if (raw >= m->raw && raw < m->raw + m->raw_len)
            return m;
        if (!first || (m->error && !first->error))
            first = m;
    }
    return first;
}

static size_t characters(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

/* Appends nothing if there is nothing to say. */
static struct kiln_style add_message(const struct kiln_boot_pane *p, struct kiln_str *out)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);
    const struct kiln_bootlist_note *note = pick_note(p);
    size_t line, byte;

    if (note && (note->error || !p->edited || !p->problem)) {
        kiln_bootlist_place(l, note->raw, &line, &byte);
        kiln_str_addf(out, "%zu:%zu %s", line + 1, characters(l->raw + note->raw - byte, byte) + 1,
                      note->text);
        if (note->fix)
            kiln_str_addf(out, "; write %s", note->fix);
        return note->error ? error_style : lint_style;
    }
    if (p->edited && p->problem) {
        kiln_str_adds(out, p->problem);
        return error_style;
    }
    if (p->edited && p->by_hand && strstr(l->raw, KILN_BOOTMAP_SECRET_MARK))
        kiln_str_adds(out,
                      "What the guest did not show may be a secret: put {{user `name`}} in the "
                      "place of " KILN_BOOTMAP_SECRET_MARK);
    else if (p->edited && p->by_hand && !p->recording)
        kiln_str_adds(out, "Recorded: edit, apply or write it");
    return plain;
}

/* Rows that text takes in `cols` columns, drawn at the bottom of the area if it is one. */
static int draw_wrapped(const struct kiln_area *a, int y, const struct kiln_str *text, int cols,
                        struct kiln_style style)
{
    const char *p = kiln_str_cstr(text);
    size_t left = text->len;
    int rows = 0;

    while (left > 0 && cols > 0) {
        size_t n = kiln_text_fit(p, left, cols);

        if (n == 0)
            break;
        if (a)
            (void)kiln_area_text(a, 0, y + rows, p, n, style);
        p += n;
        left -= n;
        rows++;
    }
    return rows;
}

/* ---- the events ---- */

struct columns {
    int name, keysym, wait, clock; /* x; 0: not shown */
    int name_w, clock_w;
};

static struct columns lay_out(int w, int64_t total_ns)
{
    struct columns c = { .name = W_MARKS + W_PRESS,
                         .clock_w = W_CLOCK + (total_ns >= KILN_SECOND(600) * 1000) };

    c.name_w = w - c.name - c.clock_w - 1;
    if (c.name_w >= W_NAME + W_WAIT + 1) {
        c.wait = 1;
        c.name_w -= W_WAIT + 1;
    }
    if (c.name_w >= W_NAME + 1 + W_KEYSYM) {
        c.keysym = 1;
        c.name_w -= W_KEYSYM + 1;
    }
    if (c.name_w > KILN_BOOTCMD_NAME_SIZE)
        c.name_w = KILN_BOOTCMD_NAME_SIZE;
    if (c.keysym)
        c.keysym = c.name + c.name_w + 1;
    if (c.wait)
        c.wait = (c.keysym ? c.keysym + W_KEYSYM : c.name + c.name_w) + 1;
    c.clock = (c.wait ? c.wait + W_WAIT : c.keysym ? c.keysym + W_KEYSYM : c.name + c.name_w) + 1;
    return c;
}

static void add_clock(struct kiln_str *out, int64_t ns)
{
    int64_t ms = ns / NS_PER_MS;

    if (ms >= 3600000)
        kiln_str_addf(out, "%" PRId64 ":%02d:%02d", ms / 3600000, (int)(ms / 60000 % 60),
                      (int)(ms / 1000 % 60));
    else
        kiln_str_addf(out, "%d:%02d.%03d", (int)(ms / 60000), (int)(ms / 1000 % 60),
                      (int)(ms % 1000));
}

static void add_wait(struct kiln_str *out, int64_t ns)
{
    kiln_str_addc(out, '+');
    kiln_duration_format(out, ns / NS_PER_MS * NS_PER_MS);
}

/* Text that ends at column x. */
static void put_right(const struct kiln_area *a, int x, int y, const struct kiln_str *text,
                      struct kiln_style style)
{
    (void)kiln_area_text(a, x - kiln_text_columns(kiln_str_cstr(text), text->len), y,
                         kiln_str_cstr(text), text->len, style);
}

static void draw_name(const struct kiln_area *a, int x, int y, int w, const char *name, size_t len,
                      struct kiln_style style)
{
    (void)kiln_area_text(a, x, y, name, kiln_text_fit(name, len, w), style);
}

/* The text of a {{ }} that nobody has rendered. */
static void draw_unknown(const struct kiln_bootlist *l, const struct kiln_area *a, int y,
                         size_t row, const struct columns *c, struct kiln_style style)
{
    size_t raw, len;

    kiln_bootlist_row_raw(l, row, &raw, &len);
    draw_name(a, W_MARKS, y, c->clock - 1 - W_MARKS, l->raw + raw, len, style);
}

/* "wait 5s"; those for the screen: "until 'login:', max 1m30s" */
static void add_pause(const struct kiln_bootlist *l, const struct kiln_bootcmd_event *ev,
                      struct kiln_str *out)
{
    const struct kiln_bootcmd_element *el = &l->cmd.elements[ev->element];

    if (el->kind == KILN_BOOTCMD_WAIT_TEXT && ev->masked)
        kiln_str_addf(out, "until %s, max ", ev->name);
    else if (el->kind == KILN_BOOTCMD_WAIT_TEXT)
        kiln_str_addf(out, "until '%.*s', max ", (int)el->regex_len, l->cmd.text + el->regex);
    else if (el->kind == KILN_BOOTCMD_WAIT_STABLE) {
        kiln_str_adds(out, "until still ");
        kiln_duration_format(out, el->still_ns);
        kiln_str_adds(out, ", max ");
    } else {
        kiln_str_adds(out, "wait ");
    }
    kiln_duration_format(out, el->wait_ns);
}

static void draw_key(const struct kiln_bootlist *l, const struct kiln_area *a, int y,
                     const struct kiln_bootcmd_event *ev, const struct columns *c,
                     struct kiln_style style)
{
    KILN_AUTO_STR name = { 0 };

    if (ev->action == KILN_BOOTCMD_PAUSE) {
        add_pause(l, ev, &name);
        draw_name(a, W_MARKS, y, (c->keysym ? c->keysym + W_KEYSYM : c->name + c->name_w) - W_MARKS,
                  name.data, name.len, style);
        return;
    }
    kiln_area_printf(a, W_MARKS, y, style, "%s", ev->action == KILN_BOOTCMD_DOWN ? "down" : "up");
    draw_name(a, c->name, y, c->name_w, ev->name, strlen(ev->name), style);
    if (c->keysym && !ev->masked)
        kiln_area_printf(a, c->keysym, y, style, "%" PRIx32, ev->keysym);
}

struct list_look {
    const struct kiln_bootlist *l;
    size_t next, selected, n_selected;
    size_t breaks[MAX_BREAKS]; /* events */
    size_t n_breaks;
};

static bool has_break(const struct list_look *k, size_t event)
{
    for (size_t i = 0; i < k->n_breaks; i++)
        if (k->breaks[i] == event)
            return true;
    return false;
}

static void draw_row(const struct list_look *k, const struct kiln_area *a, int y, size_t row,
                     const struct columns *c)
{
    const struct kiln_bootlist *l = k->l;
    size_t i = row < l->n_rows ? l->rows[row].event : l->cmd.n_events;
    int64_t at = row < l->n_rows ? l->at_ns[i] : l->total_ns;
    KILN_AUTO_STR wait = { 0 }, clock = { 0 };
    struct kiln_style style = { 0 };

    if (row < k->next)
        style.attr |= KILN_ATTR_DIM;
    if (row == k->next)
        style.attr |= KILN_ATTR_BOLD;
    if (row >= k->selected && row < k->selected + k->n_selected)
        style.attr |= KILN_ATTR_REVERSE;
    if (style.attr & KILN_ATTR_REVERSE)
        kiln_area_fill(a, 0, y, c->clock + c->clock_w, 1, ' ', style);
    kiln_area_put(a, 0, y, has_break(k, i) ? 'B' : ' ', has_break(k, i) ? error_style : style);
    kiln_area_put(a, 1, y, row == k->next ? '>' : row < k->next ? '.' : ' ', style);
    if (row == l->n_rows)
        (void)kiln_area_text(a, W_MARKS, y, "end", 3, style);
    else if (l->rows[row].unknown)
        draw_unknown(l, a, y, row, c, style);
    else
        draw_key(l, a, y, &l->cmd.events[i], c, style);
    if (c->wait && row > 0) {
        add_wait(&wait, at - l->at_ns[l->rows[row - 1].event]);
        put_right(a, c->wait + W_WAIT, y, &wait, style);
    }
    add_clock(&clock, at);
    put_right(a, c->clock + c->clock_w, y, &clock, style);
}

static void find_breaks(const struct kiln_boot_pane *p, struct list_look *k)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);

    if (!b || p->edited) /* places are those of the plan */
        return;
    for (size_t i = 0; i < b->n_breaks && k->n_breaks < MAX_BREAKS; i++)
        k->n_breaks += b->breaks[i].known &&
                       kiln_boot_pane_event_at(p, &b->breaks[i].at, &k->breaks[k->n_breaks]);
}

static void scroll_list(struct kiln_boot_pane *p, const struct list_look *k, int h)
{
    size_t rows = (size_t)h, last = k->selected + (k->n_selected > 0 ? k->n_selected - 1 : 0);

    if (last >= p->top + rows)
        p->top = last + 1 - rows;
    if (k->selected < p->top)
        p->top = k->selected;
    if (p->top + rows > k->l->n_rows + 1)
        p->top = k->l->n_rows + 1 > rows ? k->l->n_rows + 1 - rows : 0;
    p->page = h > 1 ? h - 1 : 1;
}

static void draw_list(struct kiln_boot_pane *p, const struct kiln_area *a)
{
    struct list_look k = { .l = kiln_boot_pane_list(p), .next = kiln_boot_pane_next(p) };
    struct columns c;
    size_t raw, len;

    if (!k.l->valid || a->h < 1)
        return;
    c = lay_out(a->w, k.l->total_ns);
    kiln_boot_pane_selection(p, &k.selected, &k.n_selected, &raw, &len);
    if (!p->editing && k.n_selected == 0)
        k.n_selected = 1; /* the end, too */
    find_breaks(p, &k);
    scroll_list(p, &k, a->h);
    for (int y = 0; y < a->h && p->top + (size_t)y <= k.l->n_rows; y++)
        draw_row(&k, a, y, p->top + (size_t)y, &c);
}

static bool watches(const struct kiln_bootcmd *cmd)
{
    for (size_t i = 0; i < cmd->n_elements; i++)
        if (kiln_bootcmd_watches(&cmd->elements[i]))
            return true;
    return false;
}

/* "45 events, total 0:06.400" */
static void add_head(const struct kiln_boot_pane *p, int w, struct kiln_str *out)
{
    const struct kiln_bootlist *l = kiln_boot_pane_list(p);

    if (!l->valid) {
        kiln_str_adds(out, "has an error");
        return;
    }
    kiln_str_addf(out, "%zu event%s%s%s ", l->n_rows, l->n_rows == 1 ? "" : "s",
                  w >= LIST_MIN ? ", total" : ",", watches(&l->cmd) ? " at most" : "");
    add_clock(out, l->total_ns);
    if (l->open_end)
        kiln_str_adds(out, " and more");
}

/* ---- all of it ---- */

static void draw_left(struct kiln_boot_pane *p, const struct kiln_area *a, bool focused)
{
    KILN_AUTO_STR message = { 0 };
    struct kiln_style style = add_message(p, &message);
    int rows = draw_wrapped(NULL, 0, &message, a->w, style);
    int max = a->h >= 16 ? 4 : a->h >= 4 ? 2 : a->h > 1 ? 1 : 0;
    struct kiln_area text, bottom;

    rows = rows < max ? rows : max;
    text = kiln_area_sub(a, 0, 0, a->w, a->h - rows);
    bottom = kiln_area_sub(a, 0, a->h - rows, a->w, rows);
    draw_source(p, &text, focused);
    (void)draw_wrapped(&bottom, 0, &message, a->w, style);
}

static void draw_beside(struct kiln_boot_pane *p, const struct kiln_area *a, bool focused)
{
    int w = a->w * 2 / 5 < LIST_MIN ? LIST_MIN : a->w * 2 / 5 > LIST_MAX ? LIST_MAX : a->w * 2 / 5;
    struct kiln_area left = kiln_area_sub(a, 0, 0, a->w - w - 2, a->h);
    struct kiln_area head = kiln_area_sub(a, a->w - w, 0, w, 1);
    struct kiln_area list = kiln_area_sub(a, a->w - w, 1, w, a->h - 1);
    KILN_AUTO_STR text = { 0 };

    add_head(p, a->w, &text);
    (void)kiln_area_text(&head, W_MARKS, 0, text.data, text.len, head_style);
    for (int y = 0; y < a->h; y++)
        kiln_area_put(a, left.w, y, 0x2502, head_style);
    draw_left(p, &left, focused);
    draw_list(p, &list);
}

static void draw_stacked(struct kiln_boot_pane *p, const struct kiln_area *a, bool focused)
{
    int h = a->h < 3 ? a->h : (a->h - 1) * (p->editing ? 3 : 2) / 5;
    struct kiln_area top, head, list;
    KILN_AUTO_STR text = { 0 };

    h = h < 1 ? 1 : h;
    top = kiln_area_sub(a, 0, 0, a->w, h);
    draw_left(p, &top, focused);
    if (a->h < 3)
        return;
    head = kiln_area_sub(a, 0, h, a->w, 1);
    list = kiln_area_sub(a, 0, h + 1, a->w, a->h - h - 1);
    for (int x = 0; x < a->w; x++)
        kiln_area_put(&head, x, 0, 0x2500, head_style);
    add_head(p, a->w, &text);
    (void)kiln_area_printf(&head, W_MARKS, 0, head_style, " %s ", kiln_str_cstr(&text));
    draw_list(p, &list);
}

static bool has_guest(const struct kiln_boot_pane *p)
{
    const struct kiln_model_build *b = kiln_boot_pane_build(p);

    return !b || !b->start_us || kiln_model_typing_step(b);
}

void kiln_boot_pane_draw(struct kiln_boot_pane *p, const struct kiln_area *a, bool focused)
{
    if (a->h < 1 || a->w < 1)
        return;
    if (!kiln_boot_pane_model(p) && !p->edited)
        kiln_area_printf(a, 0, 0, head_style,
                         has_guest(p) ? "no boot command yet" : "this build has no boot command");
    else if (a->w >= SIDE_BY_SIDE)
        draw_beside(p, a, focused);
    else
        draw_stacked(p, a, focused);
}
