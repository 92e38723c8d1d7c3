/* Help: every action with its keys, from the same tables that the keys go through. */
#include "base/mem.h"
#include "ui/console_priv.h"

#define KEYS_COLUMN 18
#define WORD_COLUMN 20
#define MAX_KEYS    3 /* of one action; the rest is left out */

struct help_pane {
    struct kiln_console *c;
    int top, height, n_rows;
};

static const char *const headings[KILN_CTX__N] = {
    [KILN_CTX_GLOBAL] = "Everywhere", [KILN_CTX_LIST] = "Moving about",
    [KILN_CTX_BUILDS] = "Builds",     [KILN_CTX_LOG] = "Log",
    [KILN_CTX_SCREEN] = "Screen",     [KILN_CTX_BOOT] = "Boot command",
    [KILN_CTX_PROMPT] = "Questions",
};

/* Where rows go: those above and below the pane are only counted. */
struct sink {
    const struct kiln_area *a;
    int y;
};

static void add_keys(const struct kiln_keymap *m, enum kiln_action action, struct kiln_str *out)
{
    KILN_AUTO_STRV told = { 0 }; /* more than one pane may have it */

    for (size_t i = 0; i < m->n && told.n < MAX_KEYS; i++) {
        KILN_AUTO_STR keys = { 0 };

        if (m->v[i].action != action || m->v[i].arg[0])
            continue;
        kiln_keymap_keys_text(&m->v[i], &keys);
        if (kiln_strv_has(&told, kiln_str_cstr(&keys)))
            continue;
        kiln_str_addf(out, "%s%s", told.n ? ", " : "", kiln_str_cstr(&keys));
        kiln_strv_add(&told, kiln_str_cstr(&keys));
    }
}

/* Bindings that bring their argument along: a row each. */
static void add_with_argument(struct sink *s, const struct kiln_keymap *m, enum kiln_action action)
{
    const struct kiln_style bold = { .attr = KILN_ATTR_BOLD };

    for (size_t i = 0; i < m->n; i++) {
        KILN_AUTO_STR keys = { 0 };

        if (m->v[i].action != action || !m->v[i].arg[0])
            continue;
        kiln_keymap_keys_text(&m->v[i], &keys);
        kiln_area_text(s->a, 1, s->y, keys.data, keys.len, bold);
        kiln_area_printf(s->a, KEYS_COLUMN, s->y++, (struct kiln_style){ 0 }, "%s %s",
                         kiln_actions[action].word, m->v[i].arg);
    }
}

/* From column x on, wrapped at spaces. */
static void add_wrapped(struct sink *s, int x, const char *text)
{
    int room = s->a->w - x > 10 ? s->a->w - x : 10;

    while (*text) {
        size_t len = strlen(text), fits = kiln_text_fit(text, len, room), cut = fits;

        while (fits < len && cut > 0 && text[cut] != ' ')
            cut--;
        fits = cut ? cut : fits;
        kiln_area_text(s->a, x, s->y++, text, fits, (struct kiln_style){ 0 });
        text += fits;
        text += *text == ' ';
    }
}

static void add_action(struct sink *s, const struct kiln_keymap *m, enum kiln_action action)
{
    const struct kiln_action_info *info = &kiln_actions[action];
    const struct kiln_style bold = { .attr = KILN_ATTR_BOLD };
    KILN_AUTO_STR keys = { 0 };
    KILN_AUTO_STR word = { 0 };

    add_keys(m, action, &keys);
    kiln_str_addf(&word, "%s %s", info->word, info->arg);
    if (kiln_text_columns(kiln_str_cstr(&keys), keys.len) >= KEYS_COLUMN - 2)
        kiln_area_text(s->a, 1, s->y++, keys.data, keys.len, bold);
    else
        kiln_area_text(s->a, 1, s->y, kiln_str_cstr(&keys), keys.len, bold);
    if (word.len >= WORD_COLUMN)
        kiln_area_text(s->a, KEYS_COLUMN, s->y++, word.data, word.len, (struct kiln_style){ 0 });
    else
        kiln_area_text(s->a, KEYS_COLUMN, s->y, word.data, word.len, (struct kiln_style){ 0 });
    add_wrapped(s, KEYS_COLUMN + WORD_COLUMN, info->help);
    add_with_argument(s, m, action);
}

static const char places[] =
    "A step, a provisioner or a post-processor: run, shell, shell.2, provisioner.3, before:NAME, "
    "after:NAME. In the boot command: boot:12 (before that element), boot:2.5 (of row 2), key:17 "
    "(key event), boot:end. When the guest's screen shows it: text:REGEX. BUILD/PLACE is for that "
    "build only.";

static void add_all(struct sink *s, const struct kiln_keymap *m)
{
    const struct kiln_style title = { .attr = KILN_ATTR_BOLD | KILN_ATTR_UNDERLINE };

    add_wrapped(s, 1,
                "Each line: keys, command (also after \":\"), what it does. Panes take their "
                "own keys first. The help key, q or esc closes this.");
    for (int ctx = 0; ctx < KILN_CTX__N; ctx++) {
        s->y++;
        kiln_area_printf(s->a, 1, s->y++, title, "%s", headings[ctx]);
        for (int i = KILN_ACT_NONE + 1; i < KILN_ACT__N; i++)
            if ((int)kiln_actions[i].context == ctx)
                add_action(s, m, (enum kiln_action)i);
    }
    s->y++;
    kiln_area_printf(s->a, 1, s->y++, title, "Places");
    add_wrapped(s, 1, places);
}

static void clamp_top(struct help_pane *p)
{
    int last = p->n_rows - p->height;

    if (p->top > last)
        p->top = last;
    if (p->top < 0)
        p->top = 0;
}

static void draw(void *pane, const struct kiln_area *a, bool focused)
{
    struct help_pane *p = pane;
    struct sink count = { .a = &(struct kiln_area){ .canvas = a->canvas, .w = a->w } };
    struct sink s = { .a = a };

    (void)focused;
    add_all(&count, kiln_console_keymap(p->c)); /* an area without rows */
    p->height = a->h;
    p->n_rows = count.y;
    clamp_top(p);
    s.y = -p->top;
    add_all(&s, kiln_console_keymap(p->c));
}

static void status(void *pane, struct kiln_str *out)
{
    const struct help_pane *p = pane;

    if (p->n_rows > p->height && p->height > 0)
        kiln_str_addf(out, "%d%%", p->top * 100 / (p->n_rows - p->height));
}

static bool action(void *pane, enum kiln_action act, const char *arg)
{
    struct help_pane *p = pane;

    (void)arg;
    if (act == KILN_ACT_UP)
        p->top--;
    else if (act == KILN_ACT_DOWN)
        p->top++;
    else if (act == KILN_ACT_PAGE_UP)
        p->top -= p->height - 1;
    else if (act == KILN_ACT_PAGE_DOWN)
        p->top += p->height - 1;
    else if (act == KILN_ACT_TOP)
        p->top = 0;
    else if (act == KILN_ACT_BOTTOM)
        p->top = p->n_rows;
    else
        return false;
    clamp_top(p);
    return true;
}

static bool key(void *pane, const struct kiln_key *k)
{
    struct help_pane *p = pane;

    if (k->code != KILN_KEY_ESC && (k->code != 'q' || k->mods != 0))
        return false;
    kiln_console_action(p->c, KILN_ACT_HELP, "");
    return true;
}

static void *new_pane(struct kiln_console *c)
{
    struct help_pane *p = kiln_xcalloc(1, sizeof(*p));

    p->c = c;
    return p;
}

const struct kiln_pane_ops kiln_pane_help = {
    .name = "help",
    .title = "Help",
    .context = KILN_CTX_GLOBAL,
    .new = new_pane,
    .free = free,
    .draw = draw,
    .status = status,
    .action = action,
    .key = key,
};
