#include "base/limits.h"
#include "base/mem.h"
#include "template/interp_priv.h"

struct lexer {
    struct kiln_arena *arena;
    const char *text;
    size_t len, pos;
    unsigned parens;
    bool in_action;
    struct kiln_tokens out;
    size_t cap;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char at(const struct lexer *lx, size_t pos)
{
    return pos < lx->len ? lx->text[pos] : '\0';
}

static bool looking_at(const struct lexer *lx, size_t pos, const char *word)
{
    size_t n = strlen(word);

    return lx->len - pos >= n && memcmp(lx->text + pos, word, n) == 0;
}

static void add_token(struct lexer *lx, struct kiln_token t)
{
    if (lx->out.n == lx->cap) {
        size_t cap = lx->cap ? lx->cap * 2 : 16;
        struct kiln_token *v = kiln_arena_alloc(lx->arena, cap * sizeof(*v));

        if (lx->out.n)
            memcpy(v, lx->out.v, lx->out.n * sizeof(*v));
        lx->out.v = v;
        lx->cap = cap;
    }
    lx->out.v[lx->out.n++] = t;
}

/* False ends the lexing. */
static bool fail(struct lexer *lx, size_t start, const char *fmt, ...) KILN_PRINTF(3, 4);
static bool fail(struct lexer *lx, size_t start, const char *fmt, ...)
{
    KILN_AUTO_STR text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    kiln_str_addvf(&text, fmt, ap);
    va_end(ap);
    add_token(lx,
              (struct kiln_token){ KILN_T_ERROR, start, 0,
                                   kiln_arena_strndup(lx->arena, kiln_str_cstr(&text), text.len) });
    return false;
}

static bool emit(struct lexer *lx, enum kiln_token_type type, size_t start)
{
    add_token(lx, (struct kiln_token){ type, start, lx->pos - start, NULL });
    return true;
}

/* The character at pos and its length in bytes: 0 at the end of the text. */
static size_t peek(const struct lexer *lx, unsigned *ret)
{
    size_t n;

    *ret = 0;
    if (lx->pos >= lx->len)
        return 0;
    *ret = (unsigned char)lx->text[lx->pos];
    if (*ret < 0x80)
        return 1;
    n = kiln_utf8_decode(lx->text + lx->pos, lx->len - lx->pos, ret);
    if (n == 0)
        *ret = 0xfffd;
    return n ? n : 1;
}

/* "bad character U+002D '-'" */
static bool fail_character(struct lexer *lx, size_t start, const char *what)
{
    struct kiln_go_value cp = { .kind = KILN_GO_INT };
    KILN_AUTO_STR text = { 0 };
    unsigned c;

    (void)peek(lx, &c);
    cp.u.integer = c;
    kiln_go_printf(&text, "%#U", 3, &cp, 1);
    return fail(lx, start, "%s %s", what, kiln_str_cstr(&text));
}

static bool is_word(unsigned c)
{
    return c == '_' || (c >= '0' && c <= '9') ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80) ||
           (c >= 0x80 && kiln_interp_is_letter(c));
}

static void skip_word(struct lexer *lx)
{
    unsigned c;
    size_t n;

    while ((n = peek(lx, &c)) && is_word(c))
        lx->pos += n;
}

/* What may follow a name, a field or a variable. */
static bool at_terminator(const struct lexer *lx)
{
    char c = at(lx, lx->pos);

    return lx->pos >= lx->len || is_space(c) || (c && strchr(".,|:()", c)) ||
           looking_at(lx, lx->pos, "}}");
}

/* "- " behind {{ and " -" before }} eat the white space outside. */
static bool has_left_trim(const struct lexer *lx, size_t pos)
{
    return at(lx, pos) == '-' && is_space(at(lx, pos + 1));
}

static bool has_right_trim(const struct lexer *lx, size_t pos)
{
    return is_space(at(lx, pos)) && at(lx, pos + 1) == '-';
}

static bool at_right(const struct lexer *lx, size_t pos, bool *ret_trim)
{
    *ret_trim = has_right_trim(lx, pos) && looking_at(lx, pos + 2, "}}");
    return *ret_trim || looking_at(lx, pos, "}}");
}

static bool lex_close(struct lexer *lx, bool trim)
{
    size_t start = lx->pos;

    lx->pos = start + (trim ? 4 : 2);
    emit(lx, KILN_T_CLOSE, lx->pos - 2);
    lx->out.v[lx->out.n - 1].len = 2;
    while (trim && lx->pos < lx->len && is_space(lx->text[lx->pos]))
        lx->pos++;
    lx->in_action = false;
    return true;
}

static bool lex_comment(struct lexer *lx, size_t start)
{
    const char *end;
    bool trim;

    end = memmem(lx->text + lx->pos, lx->len - lx->pos, "*/", 2);
    if (!end)
        return fail(lx, start, "unclosed comment");
    lx->pos = (size_t)(end - lx->text) + 2;
    if (!at_right(lx, lx->pos, &trim))
        return fail(lx, start, "comment ends before closing delimiter");
    lx->pos += trim ? 4 : 2;
    while (trim && lx->pos < lx->len && is_space(lx->text[lx->pos]))
        lx->pos++;
    return true;
}

static bool lex_text(struct lexer *lx)
{
    const char *open = memmem(lx->text + lx->pos, lx->len - lx->pos, "{{", 2);
    size_t start = lx->pos, end = open ? (size_t)(open - lx->text) : lx->len, stop = end;
    bool trim = open && has_left_trim(lx, end + 2);

    while (trim && stop > start && is_space(lx->text[stop - 1]))
        stop--;
    lx->pos = stop;
    if (stop > start)
        emit(lx, KILN_T_TEXT, start);
    if (!open) {
        emit(lx, KILN_T_EOF, lx->pos);
        return false;
    }
    lx->pos = end + 2 + (trim ? 2 : 0);
    if (looking_at(lx, lx->pos, "/*")) {
        lx->pos += 2;
        return lex_comment(lx, lx->pos - 2);
    }
    add_token(lx, (struct kiln_token){ KILN_T_OPEN, end, 2, NULL });
    lx->in_action = true;
    lx->parens = 0;
    return true;
}

static bool lex_space(struct lexer *lx)
{
    size_t start = lx->pos;
    bool trim;

    while (lx->pos < lx->len && is_space(lx->text[lx->pos])) {
        if (at_right(lx, lx->pos, &trim) && trim)
            break; /* the last one belongs to the delimiter */
        lx->pos++;
    }
    return emit(lx, KILN_T_SPACE, start);
}

/* "…" and '…': no line break inside. */
static bool lex_quoted(struct lexer *lx, char quote, enum kiln_token_type type, const char *what)
{
    size_t start = lx->pos;

    for (lx->pos++; lx->pos < lx->len; lx->pos++) {
        char c = lx->text[lx->pos];

        if (c == quote) {
            lx->pos++;
            return emit(lx, type, start);
        }
        if (c == '\\')
            c = at(lx, ++lx->pos);
        if (c == '\n' || lx->pos >= lx->len)
            break;
    }
    return fail(lx, start, "unterminated %s", what);
}

static bool lex_raw_string(struct lexer *lx)
{
    size_t start = lx->pos;
    const char *end = memchr(lx->text + start + 1, '`', lx->len - start - 1);

    if (!end)
        return fail(lx, start, "unterminated raw quoted string");
    lx->pos = (size_t)(end - lx->text) + 1;
    return emit(lx, KILN_T_RAW_STRING, start);
}

static void accept_run(struct lexer *lx, const char *set)
{
    while (lx->pos < lx->len && lx->text[lx->pos] && strchr(set, lx->text[lx->pos]))
        lx->pos++;
}

static bool accept_one(struct lexer *lx, const char *set)
{
    if (lx->pos >= lx->len || !lx->text[lx->pos] || !strchr(set, lx->text[lx->pos]))
        return false;
    lx->pos++;
    return true;
}

/* Shape only; whether it is a number is kiln_interp_number's to say. */
static bool lex_number(struct lexer *lx)
{
    static const char decimal[] = "0123456789_", hex[] = "0123456789abcdefABCDEF_";
    const char *digits = decimal;
    size_t start = lx->pos, n;
    unsigned c;

    (void)accept_one(lx, "+-");
    if (accept_one(lx, "0")) {
        if (accept_one(lx, "xX"))
            digits = hex;
        else if (accept_one(lx, "oO"))
            digits = "01234567_";
        else if (accept_one(lx, "bB"))
            digits = "01_";
    }
    accept_run(lx, digits);
    if (accept_one(lx, "."))
        accept_run(lx, digits);
    if ((digits == decimal && accept_one(lx, "eE")) || (digits == hex && accept_one(lx, "pP"))) {
        (void)accept_one(lx, "+-");
        accept_run(lx, decimal);
    }
    n = peek(lx, &c);
    if (n && (is_word(c) || c == '+' || c == '-')) { /* 1x; also complex numbers: not supported */
        lx->pos += n;
        if (c == '+' || c == '-')
            accept_run(lx, decimal);
        return fail(lx, start, "bad number syntax: \"%.*s\"", (int)(lx->pos - start),
                    lx->text + start);
    }
    return emit(lx, KILN_T_NUMBER, start);
}

static bool lex_name(struct lexer *lx)
{
    static const struct {
        const char *word;
        enum kiln_token_type type;
    } words[] = {
        { "block", KILN_T_BLOCK },
        { "break", KILN_T_BREAK },
        { "continue", KILN_T_CONTINUE },
        { "define", KILN_T_DEFINE },
        { "else", KILN_T_ELSE },
        { "end", KILN_T_END },
        { "if", KILN_T_IF },
        { "nil", KILN_T_NIL },
        { "range", KILN_T_RANGE },
        { "template", KILN_T_TEMPLATE },
        { "with", KILN_T_WITH },
        { "true", KILN_T_BOOL },
        { "false", KILN_T_BOOL },
    };
    size_t start = lx->pos;

    skip_word(lx);
    if (!at_terminator(lx))
        return fail_character(lx, start, "bad character");
    for (size_t i = 0; i < KILN_COUNT(words); i++) {
        if (strlen(words[i].word) == lx->pos - start && looking_at(lx, start, words[i].word))
            return emit(lx, words[i].type, start);
    }
    return emit(lx, KILN_T_NAME, start);
}

/* .Name or $name; alone they are the data and the whole data. */
static bool lex_field(struct lexer *lx, enum kiln_token_type type)
{
    size_t start = lx->pos++;

    if (at_terminator(lx))
        return emit(lx, type == KILN_T_FIELD ? KILN_T_DOT : type, start);
    skip_word(lx);
    if (!at_terminator(lx))
        return fail_character(lx, start, "bad character");
    return emit(lx, type, start);
}

static bool lex_symbol(struct lexer *lx, char c)
{
    size_t start = lx->pos++;

    switch (c) {
    case '=':
        return emit(lx, KILN_T_ASSIGN, start);
    case ':':
        if (at(lx, lx->pos) != '=')
            return fail(lx, start, "expected :=");
        lx->pos++;
        return emit(lx, KILN_T_DECLARE, start);
    case '|':
        return emit(lx, KILN_T_PIPE, start);
    case '(':
        lx->parens++;
        return emit(lx, KILN_T_LPAREN, start);
    case ')':
        if (lx->parens == 0)
            return fail(lx, start, "unexpected right paren");
        lx->parens--;
        return emit(lx, KILN_T_RPAREN, start);
    default:
        return emit(lx, KILN_T_CHAR, start);
    }
}

static bool lex_action(struct lexer *lx)
{
    unsigned c;
    bool trim;

    if (at_right(lx, lx->pos, &trim))
        return lx->parens ? fail(lx, lx->pos, "unclosed left paren") : lex_close(lx, trim);
    if (peek(lx, &c) == 0)
        return fail(lx, lx->pos, "unclosed action");
    if (c < 0x80 && is_space((char)c))
        return lex_space(lx);
    if (c == '"')
        return lex_quoted(lx, '"', KILN_T_STRING, "quoted string");
    if (c == '\'')
        return lex_quoted(lx, '\'', KILN_T_RUNE, "character constant");
    if (c == '`')
        return lex_raw_string(lx);
    if (c == '$')
        return lex_field(lx, KILN_T_VARIABLE);
    if (c == '.' && (at(lx, lx->pos + 1) < '0' || at(lx, lx->pos + 1) > '9'))
        return lex_field(lx, KILN_T_FIELD);
    if (c == '.' || c == '+' || c == '-' || (c >= '0' && c <= '9'))
        return lex_number(lx);
    if (is_word(c))
        return lex_name(lx);
    if (c > ' ' && c < 0x7f)
        return lex_symbol(lx, (char)c);
    return fail_character(lx, lx->pos, "unrecognized character in action:");
}

struct kiln_tokens kiln_interp_lex(struct kiln_arena *arena, const char *text, size_t len)
{
    struct lexer lx = { .arena = arena, .text = text, .len = len };

    while (lx.in_action ? lex_action(&lx) : lex_text(&lx)) {
        if (lx.out.n > KILN_MAX_RENDER_STEPS) {
            (void)fail(&lx, lx.pos, "more than %d words in one text", KILN_MAX_RENDER_STEPS);
            break;
        }
    }
    return lx.out;
}
