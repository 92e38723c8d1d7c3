#include "ui/pane_prompt.h"

#include "base/mem.h"
#include "ui/command.h"
#include "ui/console_priv.h"

#define MAX_ROWS  8
#define MAX_ABOUT 3 /* rows of why something is asked: the log has the rest */
#define RETYPE    "retype"

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
    struct pieces pieces;      /* as they were drawn */
    int at;                    /* chosen; -1: none */
    char *key;                 /* which one that is (key_of), to find it again; owned; NULL: none */
    struct kiln_cmdline input; /* what is typed, where that is the answer */
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

/* A question wants a line, which is typed where choices would stand. */
static bool is_input(const struct piece *p)
{
    return p && p->prompt && p->prompt->wants != KILN_MODEL_WANTS_CHOICE;
}

static void add_choices(struct pieces *p, const struct kiln_model_build *b,
                        const struct kiln_model_prompt *prompt, const struct kiln_strv *choices)
{
    struct piece piece = { .build = b, .prompt = prompt };
    int x = 1;

    piece.text = is_input(&piece) ? "answer" : "continue";
    piece.len = strlen(piece.text);
    if (choices->n == 0)
        add_choice(p, piece, &x);
    KILN_STRV_FOREACH (s, choices) {
        piece.text = s;
        piece.len = strlen(s);
        add_choice(p, piece, &x);
    }
    /* "retry" types the boot command again into the guest as it is: that is seldom meant. */
    if (prompt && choices->n > 0 && kiln_strv_has(&b->stop.commands, RETYPE))
        add_choice(p, (struct piece){ .build = b, .text = RETYPE, .len = strlen(RETYPE) }, &x);
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
        add_text(p, b, b->stop.text && b->stop.text[0] ? b->stop.text : b->stop.place.text,
                 MAX_ROWS);
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

static void forget_input(struct prompt_pane *p)
{
    kiln_cmdline_close(&p->input);
    kiln_cmdline_open(&p->input, "");
}

static void set_at(struct prompt_pane *p, int at)
{
    const struct piece *piece = find_choice(p, at);
    char *key = piece ? key_of(piece) : NULL;

    if (!kiln_streq(key, p->key)) /* what was typed is nobody else's answer */
        forget_input(p);
    p->at = piece ? at : -1;
    free(p->key);
    p->key = key;
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

/* More than a word belongs to these: a place, the edit, a terminal. */
static bool is_action(const char *command)
{
    static const char *const words[] = { "run-to", "break", "edit", RETYPE, "shell" };

    for (size_t i = 0; i < KILN_COUNT(words); i++)
        if (kiln_streq(command, words[i]))
            return true;
    return false;
}

static void send_answer(struct prompt_pane *p, const struct piece *piece)
{
    KILN_AUTO_FREE char *text = kiln_xstrndup(piece->text, piece->len);
    struct kiln_request req = { .build = piece->build->label };

    if (piece->prompt) {
        req.command = "answer";
        req.number = piece->prompt->id;
        req.text = is_input(piece)            ? kiln_str_cstr(&p->input.text)
                   : piece->prompt->choices.n ? text
                                              : "";
        kiln_console_command(p->c, &req);
        forget_input(p);
    } else if (is_action(text)) {
        kiln_console_show_build(p->c, piece->build->label);
        kiln_command_run(p->c, text);
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

/* The first `len` bytes of what is typed, as they are shown. */
static void add_typed(struct kiln_str *out, const struct kiln_cmdline *l, size_t len, bool secret)
{
    const char *text = kiln_str_cstr(&l->text);

    if (!secret)
        kiln_str_add(out, text, len);
    for (size_t i = 0; secret && i < len; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80) /* one for a character */
            kiln_str_addc(out, '*');
}

/* The part of it around the cursor. */
static void draw_input(const struct prompt_pane *p, const struct piece *piece,
                       const struct kiln_area *a, int y, bool focused)
{
    static const struct kiln_style plain;
    const struct kiln_cmdline *l = &p->input;
    bool secret = piece->prompt->wants == KILN_MODEL_WANTS_SECRET;
    struct kiln_area field = kiln_area_sub(a, piece->x + 2, y, a->w - piece->x - 2, 1);
    KILN_AUTO_STR text = { 0 };
    int at, from;

    add_typed(&text, l, l->at, secret);
    at = kiln_text_columns(kiln_str_cstr(&text), text.len);
    kiln_str_clear(&text);
    add_typed(&text, l, l->text.len, secret);
    from = at > field.w - 2 ? at - (field.w - 2) : 0;
    kiln_area_put(a, piece->x, y, '>', plain);
    kiln_area_text(&field, -from, 0, kiln_str_cstr(&text), text.len, plain);
    if (focused)
        kiln_area_cursor(&field, at - from, 0);
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

        if (is_input(piece) && piece == at)
            draw_input(p, piece, a, piece->y - from, focused);
        else if (piece->choice < 0)
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

    look_again(p);
    at = find_choice(p, p->at);
    if (at && kiln_console_model(p->c)->n_builds > 1)
        kiln_str_adds(out, at->build->label);
    if (is_input(at))
        kiln_str_addf(out, "%senter answers, tab leaves", out->len > 0 ? "  " : "");
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

/* What edits a line; all others are the console's. */
static bool is_for_input(const struct kiln_key *key)
{
    static const uint32_t named[] = { KILN_KEY_ENTER,  KILN_KEY_ESC,  KILN_KEY_BACKSPACE,
                                      KILN_KEY_DELETE, KILN_KEY_LEFT, KILN_KEY_RIGHT,
                                      KILN_KEY_HOME,   KILN_KEY_END };

    for (size_t i = 0; i < KILN_COUNT(named); i++)
        if (key->code == named[i])
            return key->mods == 0;
    if (key->code >= KILN_KEY_UP)
        return false;
    return key->mods == 0 || (key->mods == KILN_MOD_CTRL && key->code < 128 &&
                              strchr("abdefjkuw", (int)key->code) != NULL);
}

static bool typing(const void *pane)
{
    const struct prompt_pane *p = pane;

    return is_input(find_choice(p, p->at));
}

static bool key(void *pane, const struct kiln_key *key)
{
    struct prompt_pane *p = pane;

    look_again(p);
    if (!typing(p) || !is_for_input(key))
        return false;
    kiln_console_dirty(p->c);
    switch (kiln_cmdline_key(&p->input, key)) {
    case KILN_CMDLINE_DONE:
        choose(p);
        break;
    case KILN_CMDLINE_LEFT: /* the pane stays; Tab leaves it */
        forget_input(p);
        break;
    case KILN_CMDLINE_MORE:
    case KILN_CMDLINE_COMPLETE:
        break;
    }
    return true;
}

static bool paste(void *pane, const char *text, size_t len)
{
    struct prompt_pane *p = pane;

    look_again(p);
    if (!typing(p))
        return false;
    if (len > 0 && text[len - 1] == '\n')
        len--; /* came with the line, belongs to no password */
    kiln_cmdline_insert(&p->input, text, len);
    return true;
}

static void *new_pane(struct kiln_console *c)
{
    struct prompt_pane *p = kiln_xcalloc(1, sizeof(*p));

    p->input.forgets = true;
    forget_input(p);
    p->c = c;
    p->at = -1;
    return p;
}

static void free_pane(void *pane)
{
    struct prompt_pane *p = pane;

    free(p->pieces.v);
    free(p->key);
    kiln_cmdline_close(&p->input);
    kiln_cmdline_done(&p->input);
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
    .key = key,
    .typing = typing,
    .paste = paste,
    .event = event,
};
