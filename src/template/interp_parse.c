#include "base/encode.h"
#include "base/limits.h"
#include "base/mem.h"
#include "template/interp_priv.h"

struct scope { /* a variable that is in scope */
    struct kiln_span name;
    struct scope *outer;
    unsigned n; /* this and the outer ones */
};

struct parser {
    struct kiln_arena *arena;
    const char *text;
    const struct kiln_token *t; /* the next token */
    struct scope *vars;
    struct kiln_interp_def *defs;
    unsigned n_defs;
    unsigned depth;  /* blocks and parentheses */
    unsigned ranges; /* {{range}} around */
    size_t *ret_offset;
    struct kiln_err *err;
};

/* What ended a list of nodes. */
enum list_end { LIST_FAILED, LIST_EOF, LIST_END, LIST_ELSE };

static struct kiln_ast *parse_pipeline(struct parser *p, const char *context,
                                       enum kiln_token_type end);
static enum list_end parse_list(struct parser *p, struct kiln_ast **ret);

/* Positions count in lines, as Go's do; the caret gets the exact place. */
static void *fail_at(struct parser *p, size_t pos, const char *fmt, ...) KILN_PRINTF(3, 4);
static void *fail_at(struct parser *p, size_t pos, const char *fmt, ...)
{
    unsigned line = 1;
    va_list ap;
    KILN_AUTO_STR text = { 0 };

    for (size_t i = 0; i < pos; i++)
        line += p->text[i] == '\n';
    va_start(ap, fmt);
    kiln_str_addvf(&text, fmt, ap);
    va_end(ap);
    kiln_interp_shorten(&text);
    if (p->ret_offset)
        *p->ret_offset = pos;
    (void)kiln_err_set(p->err, KILN_ERR_USER, "template: root:%u: %s", line, kiln_str_cstr(&text));
    return NULL;
}

static void *unexpected(struct parser *p, const struct kiln_token *t, const char *context)
{
    const char *s = p->text + t->pos;
    KILN_AUTO_STR shown = { 0 };
    size_t part = t->len;

    if (t->type == KILN_T_ERROR)
        return fail_at(p, t->pos, "%s", t->message);
    if (t->type >= KILN_T_KEYWORD)
        return fail_at(p, t->pos, "unexpected <%.*s> in %s", (int)t->len, s, context);
    if (t->len > 10) {
        unsigned cp;

        part = 0;
        for (int i = 0; i < 10 && part < t->len; i++) {
            size_t n = kiln_utf8_decode(s + part, t->len - part, &cp);

            part += n ? n : 1;
        }
    }
    kiln_go_add_quoted(&shown, s, part);
    return fail_at(p, t->pos, "unexpected %s%s in %s", kiln_str_cstr(&shown),
                   t->len > 10 ? "..." : "", context);
}

static struct kiln_span span_of(const struct parser *p, const struct kiln_token *t)
{
    return (struct kiln_span){ p->text + t->pos, t->len };
}

static const struct kiln_token *take(struct parser *p)
{
    const struct kiln_token *t = p->t;

    if (t->type != KILN_T_EOF && t->type != KILN_T_ERROR)
        p->t++;
    return t;
}

static const struct kiln_token *peek_solid(struct parser *p)
{
    while (p->t->type == KILN_T_SPACE)
        p->t++;
    return p->t;
}

static const struct kiln_token *take_solid(struct parser *p)
{
    (void)peek_solid(p);
    return take(p);
}

static bool expect(struct parser *p, enum kiln_token_type type, const char *context)
{
    const struct kiln_token *t = take_solid(p);

    return t->type == type || unexpected(p, t, context) != NULL;
}

static bool enter(struct parser *p)
{
    if (p->depth >= KILN_MAX_RENDER_DEPTH)
        return fail_at(p, p->t->pos, "more than %d levels of nesting", KILN_MAX_RENDER_DEPTH);
    p->depth++;
    return true;
}

static struct kiln_ast *new_leaf(struct parser *p, enum kiln_ast_type type,
                                 const struct kiln_token *t)
{
    struct kiln_ast *n = kiln_ast_new(p->arena, type, t->pos);

    n->source = span_of(p, t);
    return n;
}

/* ---- variables ---- */

static bool declare(struct parser *p, struct kiln_span name)
{
    struct scope *s = kiln_arena_alloc(p->arena, sizeof(*s));

    *s = (struct scope){ name, p->vars, p->vars ? p->vars->n + 1 : 1 };
    p->vars = s;
    if (s->n <= KILN_MAX_RENDER_NAMES)
        return true;
    return fail_at(p, p->t->pos, "more than %d variables", KILN_MAX_RENDER_NAMES);
}

static struct kiln_ast *use_variable(struct parser *p, const struct kiln_token *t)
{
    struct kiln_span name = span_of(p, t);

    for (const struct scope *s = p->vars; s; s = s->outer) {
        if (s->name.len == name.len && memcmp(s->name.s, name.s, name.len) == 0)
            return new_leaf(p, KILN_AST_VARIABLE, t);
    }
    return fail_at(p, t->pos, "undefined variable \"%.*s\"", (int)name.len, name.s);
}

/* ---- operands, commands, pipelines ---- */

static struct kiln_ast *parse_name(struct parser *p, const struct kiln_token *t)
{
    struct kiln_ast *n = new_leaf(p, KILN_AST_NAME, t);

    n->u.func = kiln_interp_find_func(n->source);
    if (!n->u.func)
        return fail_at(p, t->pos, "function \"%.*s\" not defined", (int)t->len, n->source.s);
    return n;
}

static struct kiln_ast *parse_string(struct parser *p, const struct kiln_token *t)
{
    struct kiln_ast *n = new_leaf(p, KILN_AST_STRING, t);
    struct kiln_span s;

    if (!kiln_interp_unquote(p->arena, n->source, &s))
        return fail_at(p, t->pos, "invalid syntax");
    n->u.constant = (struct kiln_go_value){ KILN_GO_STRING, .u.string = { s.s, s.len } };
    return n;
}

static struct kiln_ast *parse_number(struct parser *p, const struct kiln_token *t)
{
    struct kiln_ast *n = new_leaf(p, KILN_AST_NUMBER, t);
    KILN_AUTO_ERR err = { 0 };

    if (!kiln_interp_number(n, t->type == KILN_T_RUNE, &err))
        return fail_at(p, t->pos, "%s", kiln_err_text(&err));
    return n;
}

static struct kiln_ast *parse_bool(struct parser *p, const struct kiln_token *t)
{
    struct kiln_ast *n = new_leaf(p, KILN_AST_BOOL, t);

    n->u.constant = (struct kiln_go_value){ KILN_GO_BOOL, .u.boolean = t->len == 4 };
    return n;
}

static struct kiln_ast *parse_parens(struct parser *p)
{
    struct kiln_ast *n;

    if (!enter(p))
        return NULL;
    n = parse_pipeline(p, "parenthesized pipeline", KILN_T_RPAREN);
    p->depth--;
    return n;
}

static bool starts_term(enum kiln_token_type type)
{
    return type == KILN_T_LPAREN || (type >= KILN_T_STRING && type <= KILN_T_VARIABLE) ||
           type == KILN_T_DOT || type == KILN_T_NIL;
}

/* A term, which the caller knows to be there. */
static struct kiln_ast *parse_term(struct parser *p)
{
    const struct kiln_token *t = take_solid(p);

    if (t->type == KILN_T_LPAREN)
        return parse_parens(p);
    if (t->type == KILN_T_NAME)
        return parse_name(p, t);
    if (t->type == KILN_T_STRING || t->type == KILN_T_RAW_STRING)
        return parse_string(p, t);
    if (t->type == KILN_T_NUMBER || t->type == KILN_T_RUNE)
        return parse_number(p, t);
    if (t->type == KILN_T_BOOL)
        return parse_bool(p, t);
    if (t->type == KILN_T_VARIABLE)
        return use_variable(p, t);
    if (t->type == KILN_T_FIELD)
        return new_leaf(p, KILN_AST_FIELD, t);
    return new_leaf(p, t->type == KILN_T_DOT ? KILN_AST_DOT : KILN_AST_NIL, t);
}

/* A term and the .fields that stick to it. */
static struct kiln_ast *parse_operand(struct parser *p)
{
    struct kiln_ast *n = parse_term(p), *chain;
    size_t start = p->t->pos, end = start;

    if (!n || p->t->type != KILN_T_FIELD)
        return n;
    while (p->t->type == KILN_T_FIELD) {
        end = p->t->pos + p->t->len;
        p->t++;
    }
    if (n->type == KILN_AST_FIELD || n->type == KILN_AST_VARIABLE) {
        n->source.len = end - n->pos;
        n->pos = start; /* where Go sees the whole; where the caret belongs */
        return n;
    }
    if (n->type != KILN_AST_PIPE && n->type != KILN_AST_NAME) {
        KILN_AUTO_STR shown = { 0 };

        kiln_go_add_quoted(&shown, n->source.s, n->source.len);
        return fail_at(p, start, "unexpected . after term %s", kiln_str_cstr(&shown));
    }
    chain = kiln_ast_new(p->arena, KILN_AST_CHAIN, start);
    chain->u.chain.base = n;
    chain->u.chain.fields = (struct kiln_span){ p->text + start, end - start };
    return chain;
}

static struct kiln_ast *parse_command(struct parser *p)
{
    struct kiln_ast *n = kiln_ast_new(p->arena, KILN_AST_COMMAND, p->t->pos), **tail = &n->u.args;

    for (;;) {
        const struct kiln_token *t = peek_solid(p);

        if (starts_term(t->type)) {
            *tail = parse_operand(p);
            if (!*tail)
                return NULL;
            tail = &(*tail)->next;
            t = p->t;
        }
        if (t->type == KILN_T_SPACE)
            continue;
        if (t->type == KILN_T_PIPE)
            p->t++;
        else if (t->type != KILN_T_CLOSE && t->type != KILN_T_RPAREN)
            return unexpected(p, t, "operand");
        return n;
    }
}

/* "$x :=", "$x =", "$i, $x :=" in front of a pipeline; none of them is fine. */
static bool parse_declarations(struct parser *p, struct kiln_ast *pipe, const char *context)
{
    bool range = strcmp(context, "range") == 0;
    struct kiln_ast **tail = &pipe->u.pipeline.vars;

    while (peek_solid(p)->type == KILN_T_VARIABLE) {
        const struct kiln_token *var = p->t, *next = var + 1;

        while (next->type == KILN_T_SPACE)
            next++;
        if (next->type == KILN_T_ASSIGN || next->type == KILN_T_DECLARE) {
            pipe->u.pipeline.assigns = next->type == KILN_T_ASSIGN;
            *tail = new_leaf(p, KILN_AST_VARIABLE, var);
            p->t = next + 1;
            return declare(p, span_of(p, var));
        }
        if (next->type != KILN_T_CHAR || p->text[next->pos] != ',')
            return true;
        *tail = new_leaf(p, KILN_AST_VARIABLE, var);
        p->t = next + 1;
        if (!declare(p, span_of(p, var)))
            return false;
        if (!range || tail != &pipe->u.pipeline.vars)
            return fail_at(p, p->t->pos, "too many declarations in %s", context);
        tail = &(*tail)->next;
        next = peek_solid(p);
        if (next->type != KILN_T_VARIABLE && next->type != KILN_T_CLOSE &&
            next->type != KILN_T_RPAREN)
            return fail_at(p, next->pos, "range can only initialize variables");
    }
    return true;
}

static bool is_executable(const struct kiln_ast *command)
{
    enum kiln_ast_type type = command->u.args->type;

    return type != KILN_AST_BOOL && type != KILN_AST_DOT && type != KILN_AST_NIL &&
           type != KILN_AST_NUMBER && type != KILN_AST_STRING;
}

static bool check_pipeline(struct parser *p, const struct kiln_ast *pipe, const char *context,
                           size_t end)
{
    const struct kiln_ast *first = pipe->u.pipeline.commands;
    unsigned stage = 2;

    if (!first)
        return fail_at(p, end, "missing value for %s", context);
    for (const struct kiln_ast *c = first->next; c; c = c->next, stage++) {
        if (!is_executable(c))
            return fail_at(p, c->pos, "non executable command in pipeline stage %u", stage);
    }
    return true;
}

/* Up to and with `end`. */
static struct kiln_ast *parse_pipeline(struct parser *p, const char *context,
                                       enum kiln_token_type end)
{
    struct kiln_ast *pipe = kiln_ast_new(p->arena, KILN_AST_PIPE, peek_solid(p)->pos);
    struct kiln_ast **tail = &pipe->u.pipeline.commands;

    if (!parse_declarations(p, pipe, context))
        return NULL;
    for (;;) {
        const struct kiln_token *t = peek_solid(p);

        if (t->type == end) {
            p->t++;
            return check_pipeline(p, pipe, context, t->pos) ? pipe : NULL;
        }
        if (!starts_term(t->type))
            return unexpected(p, t, context);
        *tail = parse_command(p);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
}

/* ---- blocks ---- */

/* The list ended in another way than it should. */
static bool fail_list_end(struct parser *p, enum list_end end, const char *what)
{
    if (end == LIST_EOF)
        return fail_at(p, p->t->pos, "unexpected EOF");
    if (end != LIST_FAILED)
        fail_at(p, p->t->pos, "%s {{%s}}", what, end == LIST_ELSE ? "else" : "end");
    return false;
}

/*
 * {{if pipe}} … {{else}} … {{end}}. "{{else if" and "{{else with" are a block of their own that
 * shares our end.
 */
static struct kiln_ast *parse_branch(struct parser *p, enum kiln_ast_type type, const char *context)
{
    struct scope *vars = p->vars;
    struct kiln_ast *n;
    enum list_end end;

    p->t++; /* the keyword */
    n = kiln_ast_new(p->arena, type, peek_solid(p)->pos);
    if (!enter(p))
        return NULL;
    n->u.branch.pipe = parse_pipeline(p, context, KILN_T_CLOSE);
    if (!n->u.branch.pipe)
        return NULL;
    p->ranges += type == KILN_AST_RANGE;
    end = parse_list(p, &n->u.branch.body);
    p->ranges -= type == KILN_AST_RANGE;
    if (end == LIST_ELSE && ((type == KILN_AST_IF && p->t->type == KILN_T_IF) ||
                             (type == KILN_AST_WITH && p->t->type == KILN_T_WITH))) {
        n->u.branch.otherwise = parse_branch(p, type, context);
        end = n->u.branch.otherwise ? LIST_END : LIST_FAILED;
    } else if (end == LIST_ELSE) {
        end = parse_list(p, &n->u.branch.otherwise);
    }
    p->vars = vars;
    p->depth--;
    return end == LIST_END || fail_list_end(p, end, "expected end; found") ? n : NULL;
}

static struct kiln_ast *parse_loop_exit(struct parser *p, enum kiln_ast_type type)
{
    struct kiln_ast *n = kiln_ast_new(p->arena, type, p->t->pos);
    const char *word = type == KILN_AST_BREAK ? "{{break}}" : "{{continue}}";

    p->t++;
    if (!expect(p, KILN_T_CLOSE, word))
        return NULL;
    return p->ranges ? n : fail_at(p, n->pos, "%s outside {{range}}", word);
}

/* A quoted name. */
static bool parse_template_name(struct parser *p, const char *context, struct kiln_span *ret)
{
    const struct kiln_token *t = take_solid(p);

    if (t->type != KILN_T_STRING && t->type != KILN_T_RAW_STRING)
        return unexpected(p, t, context) != NULL;
    return kiln_interp_unquote(p->arena, span_of(p, t), ret) ||
           fail_at(p, t->pos, "invalid syntax") != NULL;
}

static bool is_blank(const struct kiln_ast *list)
{
    for (; list; list = list->next) {
        if (list->type != KILN_AST_TEXT)
            return false;
        for (size_t i = 0; i < list->source.len; i++) {
            if (!strchr(" \t\r\n\v\f", list->source.s[i]))
                return false;
        }
    }
    return true;
}

/* A blank definition neither replaces another nor is in its way. */
static bool add_def(struct parser *p, struct kiln_span name, struct kiln_ast *body, size_t pos)
{
    struct kiln_interp_def *def;

    for (def = p->defs; def; def = def->next) {
        if (def->name.len == name.len && memcmp(def->name.s, name.s, name.len) == 0)
            break;
    }
    if (!def) {
        if (++p->n_defs > KILN_MAX_RENDER_NAMES)
            return fail_at(p, pos, "more than %d definitions", KILN_MAX_RENDER_NAMES);
        def = kiln_arena_alloc(p->arena, sizeof(*def));
        *def = (struct kiln_interp_def){ name, body, p->defs };
        p->defs = def;
    } else if (is_blank(def->body)) {
        def->body = body;
    } else if (!is_blank(body)) {
        return fail_at(p, pos, "template: multiple definition of template \"%.*s\"", (int)name.len,
                       name.s);
    }
    return true;
}

/* The body of a {{define}} or {{block}}: a scope of its own. */
static bool parse_def_body(struct parser *p, struct kiln_span name, const char *context)
{
    struct scope *vars = p->vars;
    unsigned ranges = p->ranges;
    struct kiln_ast *body;
    enum list_end end;
    size_t pos = p->t->pos;

    if (!enter(p))
        return false;
    p->vars = NULL;
    p->ranges = 0;
    (void)declare(p, (struct kiln_span){ "$", 1 });
    end = parse_list(p, &body);
    p->vars = vars;
    p->ranges = ranges;
    p->depth--;
    if (end == LIST_ELSE)
        return fail_at(p, p->t->pos, "unexpected {{else}} in %s", context);
    return end == LIST_END ? add_def(p, name, body, pos) : fail_list_end(p, end, "unexpected");
}

static bool parse_define(struct parser *p)
{
    struct kiln_span name = { "", 0 };

    p->t++;
    return parse_template_name(p, "define clause", &name) &&
           expect(p, KILN_T_CLOSE, "define clause") && parse_def_body(p, name, "define clause");
}

static struct kiln_ast *parse_template(struct parser *p, bool block)
{
    const char *context = block ? "block clause" : "template clause";
    struct kiln_ast *n;

    p->t++;
    n = kiln_ast_new(p->arena, KILN_AST_TEMPLATE, peek_solid(p)->pos);
    if (!parse_template_name(p, context, &n->u.call.name))
        return NULL;
    if (!block && peek_solid(p)->type == KILN_T_CLOSE) {
        p->t++;
        return n;
    }
    n->u.call.pipe = parse_pipeline(p, context, KILN_T_CLOSE);
    if (!n->u.call.pipe)
        return NULL;
    return !block || parse_def_body(p, n->u.call.name, context) ? n : NULL;
}

static struct kiln_ast *parse_action(struct parser *p)
{
    const struct kiln_token *t = peek_solid(p);
    struct kiln_ast *n;

    if (t->type == KILN_T_IF)
        return parse_branch(p, KILN_AST_IF, "if");
    if (t->type == KILN_T_WITH)
        return parse_branch(p, KILN_AST_WITH, "with");
    if (t->type == KILN_T_RANGE)
        return parse_branch(p, KILN_AST_RANGE, "range");
    if (t->type == KILN_T_TEMPLATE || t->type == KILN_T_BLOCK)
        return parse_template(p, t->type == KILN_T_BLOCK);
    if (t->type == KILN_T_BREAK)
        return parse_loop_exit(p, KILN_AST_BREAK);
    if (t->type == KILN_T_CONTINUE)
        return parse_loop_exit(p, KILN_AST_CONTINUE);
    n = kiln_ast_new(p->arena, KILN_AST_ACTION, t->pos);
    n->u.pipe = parse_pipeline(p, "command", KILN_T_CLOSE);
    return n->u.pipe ? n : NULL;
}

/* {{end}} or {{else …}}, if that comes next; "if" and "with" behind else are left to the caller. */
static bool at_list_end(struct parser *p, enum list_end *ret)
{
    if (peek_solid(p)->type == KILN_T_END) {
        p->t++;
        *ret = expect(p, KILN_T_CLOSE, "end") ? LIST_END : LIST_FAILED;
        return true;
    }
    if (p->t->type != KILN_T_ELSE)
        return false;
    p->t++;
    *ret = LIST_ELSE;
    if (peek_solid(p)->type != KILN_T_IF && p->t->type != KILN_T_WITH &&
        !expect(p, KILN_T_CLOSE, "else"))
        *ret = LIST_FAILED;
    return true;
}

static enum list_end parse_list(struct parser *p, struct kiln_ast **ret)
{
    enum list_end end;

    for (*ret = NULL;;) {
        const struct kiln_token *t = peek_solid(p);

        if (t->type == KILN_T_EOF)
            return LIST_EOF;
        if (t->type != KILN_T_TEXT && t->type != KILN_T_OPEN) {
            (void)unexpected(p, t, "input");
            return LIST_FAILED;
        }
        p->t++;
        if (t->type == KILN_T_TEXT) {
            *ret = new_leaf(p, KILN_AST_TEXT, t);
        } else if (at_list_end(p, &end)) {
            return end;
        } else if (p->depth == 0 && p->t->type == KILN_T_DEFINE) {
            if (!parse_define(p))
                return LIST_FAILED;
            continue;
        } else {
            *ret = parse_action(p);
            if (!*ret)
                return LIST_FAILED;
        }
        ret = &(*ret)->next;
    }
}

bool kiln_interp_parse(struct kiln_arena *arena, const char *text, size_t len,
                       const struct kiln_interp_def **ret_defs, size_t *ret_offset,
                       struct kiln_err *err)
{
    struct parser p = { .arena = arena, .text = text, .ret_offset = ret_offset, .err = err };
    struct kiln_ast *body;
    enum list_end end;

    p.t = kiln_interp_lex(arena, text, len).v;
    (void)declare(&p, (struct kiln_span){ "$", 1 });
    end = parse_list(&p, &body);
    if (end != LIST_EOF)
        return fail_list_end(&p, end, "unexpected");
    if (!add_def(&p, (struct kiln_span){ "root", 4 }, body, p.t->pos))
        return false;
    *ret_defs = p.defs;
    return true;
}
