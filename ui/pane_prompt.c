#include "ui/pane_prompt.h"

#include "base/mem.h"
#include "ui/console_priv.h"

#define MAX_ROWS  8
#define MAX_ABOUT 3 /* rows of why something is asked: the log has the rest */

/* A piece of text on the pane: a question's line, or one of its choices. */
struct piece {
    int x, y;
    const char *text; /* borrowed from the model, or constant */
    size_t len;
    int choice; /* -1: none; numbered through all questions */
    const struct kiln_model_build *build;
    const struct kiln_model_prompt *prompt; /* NULL: the choices of a stop */
};

struct pieces {
    struct piece *v; /* owned */
    size_t n, cap;
    int width, y, n_choices;
};

struct prompt_pane {
    struct kiln_console *c;
    struct pieces pieces; /* as they were drawn */
    int at;               /* chosen; -1: none */
    char *key;            /* which one that is (key_of), to find it again; owned; NULL: none */
};

/* ---- what is asked ---- */

static void add_piece(struct pieces *p, struct piece piece)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 32;
        p->v = kiln_xrealloc(p->v, p->cap, sizeof(*p->v));
    }
    p->v[p->n++] = piece;
}

/* The text of a question, wrapped; no more rows than that. */
static void add_text(struct pieces *p, const struct kiln_model_build *b, const char *text, int rows)
{
    while (*text && rows-- > 0) {
        size_t line = strcspn(text, "\n"), fits = kiln_text_fit(text, line, p->width - 2),
               cut = fits;

        if (fits == 0 && line > 0)
            fits = cut = line;
        while (fits < line && cut > 0 && text[cut] != ' ')
            cut--;
        if (fits < line && cut > 0)
            fits = cut;
        add_piece(p,
                  (struct piece){
                      .x = 1, .y = p->y++, .text = text, .len = fits, .choice = -1, .build = b });
        text += fits;
        text += *text == '\n' || *text == ' ';
    }
}

static void add_choice(struct pieces *p, struct piece piece, int *x)
{
    int columns = kiln_text_columns(piece.text, piece.len) + 4;

    if (*x > 1 && *x + columns > p->width) {
        *x = 1;
        p->y++;
    }
    piece.x = *x;
    piece.y = p->y;
    piece.choice = p->n_choices++;
    add_piece(p, piece);
    *x += columns;
}

static void add_choices(struct pieces *p, const struct kiln_model_build *b,
                        const struct kiln_model_prompt *prompt, const struct kiln_strv *choices)
{
    static const char go_on[] = "continue";
    struct piece piece = { .build = b, .prompt = prompt, .text = go_on, .len = sizeof(go_on) - 1 };
    int x = 1;

    if (choices->n == 0)
        add_choice(p, piece, &x);
    KILN_STRV_FOREACH (s, choices) {
        piece.text = s;
        piece.len = strlen(s);
        add_choice(p, piece, &x);
    }
    p->y++;
}

static void add_build(struct pieces *p, const struct kiln_model_build *b, bool named)
{
    if (named && (b->n_prompts > 0 || b->stop.on))
        add_text(p, b, b->label, 1);
    for (size_t i = 0; i < b->n_prompts; i++) {
        if (b->prompts[i].about)
            add_text(p, b, b->prompts[i].about, MAX_ABOUT);
        add_text(p, b, b->prompts[i].text, MAX_ROWS);
        add_choices(p, b, &b->prompts[i], &b->prompts[i].choices);
    }
    if (b->stop.on && b->n_prompts == 0) {
        add_text(p, b, b->stop.text && b->stop.text[0] ? b->stop.text : b->stop.place, MAX_ROWS);
        add_choices(p, b, NULL, &b->stop.commands);
    }
}

static void make_pieces(struct pieces *p, const struct kiln_model *m, int width)
{
    p->n = 0;
    p->y = p->n_choices = 0;
    p->width = width;
    for (size_t i = 0; i < m->n_builds; i++)
        add_build(p, &m->builds[i], m->n_builds > 1);
}

int kiln_prompt_rows(const struct kiln_model *m, int width)
{
    struct pieces p = { 0 };
    int rows;

    if (!kiln_model_asks(m))
        return 0;
    make_pieces(&p, m, width);
    free(p.v);
    rows = p.y < 1 ? 1 : p.y;
    return rows < MAX_ROWS ? rows : MAX_ROWS;
}

/* The pieces point into the model, which may have moved. */
static void look_again(struct prompt_pane *p)
{
    make_pieces(&p->pieces, kiln_console_model(p->c), p->pieces.width ? p->pieces.width : 80);
}

/* ---- choices ---- */

/* Words that end or throw away something. */
static bool is_destructive(const struct piece *p)
{
    static const char *const words[] = { "clean", "abort", "cancel", "delete",
                                         "skip",  "exit",  "quit",   "destroy" };
    KILN_AUTO_FREE char *text = kiln_xstrndup(p->text, p->len);

    for (size_t i = 0; i < KILN_COUNT(words); i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static const struct piece *find_choice(const struct prompt_pane *p, int choice)
{
    for (size_t i = 0; i < p->pieces.n; i++)
        if (p->pieces.v[i].choice == choice && choice >= 0)
            return &p->pieces.v[i];
    return NULL;
}

/* "debian 4 retry"; of a stop "debian -1 continue" */
static char *key_of(const struct piece *p)
{
    return kiln_xasprintf("%s %lld %.*s", p->build->label,
                          p->prompt ? (long long)p->prompt->id : -1, (int)p->len, p->text);
}

static void set_at(struct prompt_pane *p, int at)
{
    const struct piece *piece = find_choice(p, at);

    p->at = piece ? at : -1;
    free(p->key);
    p->key = piece ? key_of(piece) : NULL;
}

/* Where the chosen one is now; -1: gone. */
static int find_again(const struct prompt_pane *p)
{
    for (int i = 0; i < p->pieces.n_choices; i++) {
        KILN_AUTO_FREE char *key = key_of(find_choice(p, i));

        if (kiln_streq(key, p->key))
            return i;
    }
    return -1;
}

/* The first that does no harm, of a build's questions; NULL: of any. */
static int safe_choice(const struct prompt_pane *p, const char *build)
{
    for (int i = 0; i < p->pieces.n_choices; i++) {
        const struct piece *piece = find_choice(p, i);

        if (!is_destructive(piece) && (!build || kiln_streq(piece->build->label, build)))
            return i;
    }
    return build ? safe_choice(p, NULL) : -1;
}

static void send_answer(struct prompt_pane *p, const struct piece *piece)
{
    KILN_AUTO_FREE char *text = kiln_xstrndup(piece->text, piece->len);
    struct kiln_request req = { .build = piece->build->label };

    if (piece->prompt) {
        req.command = "answer";
        req.number = piece->prompt->id;
        req.text = piece->prompt->choices.n ? text : "";
        kiln_console_command(p->c, &req);
    } else if (kiln_streq(text, "run-to") || kiln_streq(text, "break")) { /* wants a place */
        KILN_AUTO_FREE char *line = kiln_xasprintf("%s ", text);

        kiln_console_command_line(p->c, line);
    } else {
        req.command = text;
        kiln_console_command(p->c, &req);
    }
}

static void confirmed(void *ud, bool yes)
{
    struct prompt_pane *p = ud;
    const struct piece *piece;

    look_again(p);
    piece = find_choice(p, p->at);
    if (yes && piece)
        send_answer(p, piece);
}

static void choose(struct prompt_pane *p)
{
    const struct piece *piece;

    look_again(p);
    piece = find_choice(p, p->at);
    if (!piece) {
        kiln_console_say(p->c, "move to a choice first");
    } else if (is_destructive(piece)) {
        KILN_AUTO_FREE char *question =
            kiln_xasprintf("%s: really %.*s?", piece->build->label, (int)piece->len, piece->text);

        kiln_console_confirm(p->c, question, confirmed, p);
    } else {
        send_answer(p, piece);
    }
}

/* ---- the pane ---- */

/* Another set of questions: the pieces point into the model. Who is about to answer one stays
 * there; who is not is led to the newest. */
static void event(void *pane, const struct kiln_event *ev)
{
    struct prompt_pane *p = pane;
    bool asks = ev && ev->type == KILN_EV_PROMPT;
    int at;

    if (ev && ev->type != KILN_EV_PROMPT && ev->type != KILN_EV_PROMPT_END &&
        ev->type != KILN_EV_STOP && ev->type != KILN_EV_RESUME && ev->type != KILN_EV_BUILD_END)
        return;
    look_again(p);
    at = find_again(p);
    if (at < 0 && kiln_overlay_is_for(p->c, p))
        kiln_overlay_close(p->c);
    if (at < 0 || (asks && p->c->focus != KILN_PANE_PROMPT))
        at = safe_choice(p, asks ? ev->build : NULL);
    set_at(p, at);
}

static void draw(void *pane, const struct kiln_area *a, bool focused)
{
    static const struct kiln_style plain, bold = { .attr = KILN_ATTR_BOLD },
                                          chosen = { .attr = KILN_ATTR_REVERSE };
    struct prompt_pane *p = pane;
    const struct piece *at;
    int from;

    make_pieces(&p->pieces, kiln_console_model(p->c), a->w);
    at = find_choice(p, p->at);
    from = at && at->y >= a->h ? at->y - a->h + 1 : 0;
    for (size_t i = 0; i < p->pieces.n; i++) {
        const struct piece *piece = &p->pieces.v[i];

        if (piece->choice < 0)
            kiln_area_text(a, piece->x, piece->y - from, piece->text, piece->len, bold);
        else
            kiln_area_printf(a, piece->x, piece->y - from, focused && piece == at ? chosen : plain,
                             "[%.*s]", (int)piece->len, piece->text);
    }
}

/* Whose answer it would be: its name may have been scrolled away. */
static void status(void *pane, struct kiln_str *out)
{
    struct prompt_pane *p = pane;
    const struct piece *at;

    if (kiln_console_model(p->c)->n_builds < 2)
        return;
    look_again(p);
    at = find_choice(p, p->at);
    if (at)
        kiln_str_adds(out, at->build->label);
}

/* The other panes show the build that is asked about. */
static void move_to(struct prompt_pane *p, int at)
{
    const struct piece *piece;

    set_at(p, at);
    piece = find_choice(p, p->at);
    if (piece)
        kiln_console_show_build(p->c, piece->build->label);
}

static bool action(void *pane, enum kiln_action act, const char *arg)
{
    struct prompt_pane *p = pane;
    int last = p->pieces.n_choices - 1;

    (void)arg;
    if (act == KILN_ACT_LEFT || act == KILN_ACT_UP)
        move_to(p, p->at > 0 ? p->at - 1 : 0);
    else if (act == KILN_ACT_RIGHT || act == KILN_ACT_DOWN)
        move_to(p, p->at < last ? p->at + 1 : last);
    else if (act == KILN_ACT_CHOOSE)
        choose(p);
    else
        return false;
    return true;
}

static void *new_pane(struct kiln_console *c)
{
    struct prompt_pane *p = kiln_xcalloc(1, sizeof(*p));

    p->c = c;
    p->at = -1;
    return p;
}

static void free_pane(void *pane)
{
    struct prompt_pane *p = pane;

    free(p->pieces.v);
    free(p->key);
    free(p);
}

const struct kiln_pane_ops kiln_pane_prompt = {
    .name = "prompt",
    .title = "Question",
    .context = KILN_CTX_PROMPT,
    .new = new_pane,
    .free = free_pane,
    .draw = draw,
    .status = status,
    .action = action,
    .event = event,
};
