/* Expressions of the {{ }} language: pipelines, calls, variables, fields. */
#include <stdarg.h>

#include "base/limits.h"
#include "base/mem.h"
#include "template/interp_priv.h"

/* A deeper tree is a {{template}} that calls itself; keeps our own stack small. */
#define MAX_DEPTH (4 * KILN_MAX_RENDER_DEPTH)

/* Bytes that count as much as one node of the tree. */
#define BYTES_PER_STEP 64

/* `template: root:1:2: executing "root" at <upper>: ` and what went wrong there. */
bool kiln_eval_fail(struct kiln_eval *e, const char *fmt, ...)
{
    KILN_AUTO_STR node = { 0 }, what = { 0 };
    size_t column = 0;
    unsigned line = 1;
    va_list ap;

    for (size_t i = 0; i < e->at->pos; i++) {
        column = e->text[i] == '\n' ? 0 : column + 1;
        line += e->text[i] == '\n';
    }
    kiln_ast_print(e->at, &node);
    va_start(ap, fmt);
    kiln_str_addvf(&what, fmt, ap);
    va_end(ap);
    kiln_interp_shorten(&node);
    kiln_interp_shorten(&what);
    if (e->ret_offset)
        *e->ret_offset = e->at->pos;
    return kiln_err_set(
        e->err, KILN_ERR_USER, "template: root:%u:%zu: executing \"%.*s\" at <%s>: %s", line,
        column, (int)e->executing.len, e->executing.s, kiln_str_cstr(&node), kiln_str_cstr(&what));
}

bool kiln_eval_charge(struct kiln_eval *e, size_t bytes, struct kiln_err *err)
{
    e->steps += 1 + bytes / BYTES_PER_STEP;
    return e->steps <= KILN_MAX_RENDER_STEPS ||
           kiln_err_set(err, KILN_ERR_USER, "the template does too much: more than %d steps",
                        KILN_MAX_RENDER_STEPS);
}

bool kiln_eval_work(struct kiln_eval *e, size_t bytes)
{
    KILN_AUTO_ERR err = { 0 };

    return kiln_eval_charge(e, bytes, &err) || kiln_eval_fail(e, "%s", kiln_err_text(&err));
}

bool kiln_eval_string(struct kiln_eval *e, const struct kiln_str *text, struct kiln_go_value *ret,
                      struct kiln_err *err)
{
    if (!kiln_str_ok(text, "the result", err) || !kiln_eval_charge(e, text->len, err))
        return false;
    ret->kind = KILN_GO_STRING;
    ret->u.string.s = kiln_arena_strndup(e->arena, kiln_str_cstr(text), text->len);
    ret->u.string.len = text->len;
    return true;
}

/* ---- names ---- */

void kiln_eval_declare(struct kiln_eval *e, struct kiln_span name, struct kiln_go_value value)
{
    struct kiln_eval_var *v = kiln_arena_alloc(e->arena, sizeof(*v));

    *v = (struct kiln_eval_var){ name, value, e->vars };
    e->vars = v;
}

static struct kiln_eval_var *find_variable(struct kiln_eval *e, struct kiln_span name)
{
    for (struct kiln_eval_var *v = e->vars; v; v = v->outer) {
        if (v->name.len == name.len && memcmp(v->name.s, name.s, name.len) == 0)
            return v;
    }
    return NULL;
}

bool kiln_eval_assign(struct kiln_eval *e, const struct kiln_ast *var, struct kiln_go_value value)
{
    struct kiln_eval_var *v = find_variable(e, var->source);

    if (!v)
        return kiln_eval_fail(e, "undefined variable: %.*s", (int)var->source.len, var->source.s);
    v->value = value;
    return true;
}

/* ".a" of value. Fields of nothing are nothing. */
static bool eval_field(struct kiln_eval *e, struct kiln_go_value from, const char *name, size_t len,
                       bool has_args, struct kiln_go_value *ret)
{
    KILN_AUTO_FREE char *key = kiln_xstrndup(name, len);
    bool strict = e->ctx->strict_fields;
    const char *value;

    *ret = (struct kiln_go_value){ .kind = KILN_GO_NIL };
    if (from.kind == KILN_GO_NIL)
        return true;
    if (from.kind != KILN_GO_MAP)
        return kiln_eval_fail(e, "can't evaluate field %s in type %s", key,
                              kiln_go_type_name(&from));
    value = kiln_strmap_get(from.u.map, key);
    if (strict && !value)
        return kiln_eval_fail(e, "can't evaluate field %s in type %s", key,
                              e->ctx->data_type ? e->ctx->data_type : "data");
    if (has_args)
        return kiln_eval_fail(e,
                              strict ? "%s has arguments but cannot be invoked as function"
                                     : "%s is not a method but has arguments",
                              key);
    *ret = kiln_go_string(value);
    return kiln_eval_work(e, from.u.map->keys.n + (value ? strlen(value) : 0));
}

/* ".a.b" of value; only the last may have arguments, which is always wrong. */
static bool eval_fields(struct kiln_eval *e, struct kiln_go_value from, struct kiln_span fields,
                        bool has_args, struct kiln_go_value *ret)
{
    const char *p = fields.s, *end = fields.s + fields.len;

    *ret = from;
    while (p < end) {
        const char *name = p + 1;

        p = memchr(name, '.', (size_t)(end - name));
        p = p ? p : end;
        if (!eval_field(e, *ret, name, (size_t)(p - name), has_args && p == end, ret))
            return false;
    }
    return true;
}

static bool not_a_function(struct kiln_eval *e, const struct kiln_ast *args, bool has_final)
{
    KILN_AUTO_STR text = { 0 };

    if (!args->next && !has_final)
        return true;
    kiln_ast_print(args, &text);
    return kiln_eval_fail(e, "can't give argument to non-function %s", kiln_str_cstr(&text));
}

/* n with the arguments behind it in its command (n->next), or none of them if it is one itself. */
static bool eval_variable(struct kiln_eval *e, const struct kiln_ast *n, bool has_args,
                          struct kiln_go_value *ret)
{
    const char *dot = memchr(n->source.s, '.', n->source.len);
    struct kiln_span name = { n->source.s, dot ? (size_t)(dot - n->source.s) : n->source.len };
    struct kiln_span fields = { n->source.s + name.len, n->source.len - name.len };
    const struct kiln_eval_var *v;

    e->at = n;
    v = find_variable(e, name);
    if (!v)
        return kiln_eval_fail(e, "undefined variable: %.*s", (int)name.len, name.s);
    if (!dot && has_args)
        return kiln_eval_fail(e, "can't give argument to non-function %.*s", (int)name.len, name.s);
    return eval_fields(e, v->value, fields, has_args, ret);
}

/* ---- calls ---- */

/* A value for a parameter: s string, i integer, v anything. */
static bool check_type(struct kiln_eval *e, char param, const struct kiln_go_value *v)
{
    const char *want = param == 's' ? "string" : "int";

    if (param == 'v')
        return true;
    if (v->kind == KILN_GO_NIL)
        return kiln_eval_fail(e, "invalid value; expected %s", want);
    if (v->kind != (param == 's' ? KILN_GO_STRING : KILN_GO_INT))
        return kiln_eval_fail(e, "wrong type for value; expected %s; got %s", want,
                              kiln_go_type_name(v));
    return true;
}

static bool eval_number(struct kiln_eval *e, const struct kiln_ast *n, struct kiln_go_value *ret)
{
    e->at = n;
    if (n->u.number.value.kind == KILN_GO_NIL)
        return kiln_eval_fail(e, "%.*s overflows int", (int)n->source.len, n->source.s);
    *ret = n->u.number.value;
    return true;
}

/* A literal for a parameter. */
static bool eval_literal(struct kiln_eval *e, char param, const struct kiln_ast *n,
                         struct kiln_go_value *ret)
{
    const char *want = param == 's' ? "string" : "integer";

    if (param == 'i' && n->type == KILN_AST_NUMBER && n->u.number.is_int) {
        *ret = (struct kiln_go_value){ KILN_GO_INT, .u.integer = n->u.number.as_int };
        return true;
    }
    if (param == 'i' || (param == 's' && n->type != KILN_AST_STRING))
        return kiln_eval_fail(e, "expected %s; found %.*s", want, (int)n->source.len, n->source.s);
    if (n->type == KILN_AST_NUMBER)
        return eval_number(e, n, ret);
    *ret = n->u.constant;
    return true;
}

static bool eval_function(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n,
                          const struct kiln_ast *command, const struct kiln_go_value *final,
                          struct kiln_go_value *ret);

static bool eval_chain(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n,
                       bool has_args, struct kiln_go_value *ret)
{
    const struct kiln_ast *base = n->u.chain.base;
    struct kiln_go_value v;

    e->at = n;
    if (base->type == KILN_AST_PIPE ? !kiln_eval_pipeline(e, dot, base, &v)
                                    : !eval_function(e, dot, base, base, NULL, &v))
        return false;
    return eval_fields(e, v, n->u.chain.fields, has_args, ret);
}

/* One argument of a function. */
static bool eval_arg(struct kiln_eval *e, struct kiln_go_value dot, char param,
                     const struct kiln_ast *n, struct kiln_go_value *ret)
{
    bool ok = false;

    e->at = n;
    switch (n->type) {
    case KILN_AST_DOT:
        *ret = dot;
        ok = true;
        break;
    case KILN_AST_NIL:
        *ret = (struct kiln_go_value){ .kind = KILN_GO_NIL };
        return param == 'v' ||
               kiln_eval_fail(e, "cannot assign nil to %s", param == 's' ? "string" : "int");
    case KILN_AST_FIELD:
        ok = eval_fields(e, dot, n->source, false, ret);
        break;
    case KILN_AST_VARIABLE:
        ok = eval_variable(e, n, false, ret);
        break;
    case KILN_AST_PIPE:
        ok = kiln_eval_pipeline(e, dot, n, ret);
        break;
    case KILN_AST_NAME:
        ok = eval_function(e, dot, n, n, NULL, ret);
        break;
    case KILN_AST_CHAIN:
        ok = eval_chain(e, dot, n, false, ret);
        break;
    case KILN_AST_BOOL:
    case KILN_AST_NUMBER:
    case KILN_AST_STRING:
        return eval_literal(e, param, n, ret);
    case KILN_AST_TEXT:
    case KILN_AST_ACTION:
    case KILN_AST_IF:
    case KILN_AST_WITH:
    case KILN_AST_RANGE:
    case KILN_AST_TEMPLATE:
    case KILN_AST_BREAK:
    case KILN_AST_CONTINUE:
    case KILN_AST_COMMAND:
        break; /* the parser makes no such arguments */
    }
    return ok && check_type(e, param, ret);
}

/* The letter of parameter i: the one before '*' repeats. */
static char param_at(const char *params, size_t i)
{
    size_t n = strlen(params);

    if (n > 0 && params[n - 1] == '*')
        n--;
    return params[i < n ? i : n - 1];
}

static bool check_count(struct kiln_eval *e, const struct kiln_interp_func *f, size_t n)
{
    size_t want = strlen(f->params);
    bool more = want > 0 && f->params[want - 1] == '*';

    if (more)
        want -= 2;
    if (more ? n >= want : n == want)
        return true;
    return kiln_eval_fail(e, "wrong number of args for %s: want %s%zu got %zu", f->name,
                          more ? "at least " : "", want, n);
}

/* and, or: stop at the first argument that decides. */
static bool eval_logic(struct kiln_eval *e, struct kiln_go_value dot, bool stop_at,
                       const struct kiln_ast *args, const struct kiln_go_value *final,
                       struct kiln_go_value *ret)
{
    for (; args; args = args->next) {
        if (!eval_arg(e, dot, 'v', args, ret))
            return false;
        if (kiln_interp_truth(ret) == stop_at)
            return true;
    }
    if (final)
        *ret = *final;
    return true;
}

static bool call(struct kiln_eval *e, const struct kiln_interp_func *f,
                 const struct kiln_ast *whole, const struct kiln_go_value *args, size_t n,
                 struct kiln_go_value *ret)
{
    KILN_AUTO_ERR err = { 0 };

    for (size_t i = 0; i < n; i++) {
        if (args[i].kind == KILN_GO_STRING && !kiln_eval_work(e, args[i].u.string.len))
            return false;
    }
    if (f->call(e, args, n, ret, &err))
        return true;
    e->at = whole;
    return kiln_eval_fail(e, "error calling %s: %s", f->name, kiln_err_text(&err));
}

/* n names the function; its arguments follow it in `whole`, unless n stands alone (whole == n). */
static bool eval_function(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n,
                          const struct kiln_ast *whole, const struct kiln_go_value *final,
                          struct kiln_go_value *ret)
{
    const struct kiln_interp_func *f = n->u.func;
    const struct kiln_ast *first = whole == n ? NULL : n->next;
    struct kiln_go_value few[6], *args = few;
    size_t count = final != NULL, i = 0;

    e->at = n;
    for (const struct kiln_ast *a = first; a; a = a->next)
        count++;
    if (!check_count(e, f, count))
        return false;
    if (f == &kiln_interp_and || f == &kiln_interp_or)
        return eval_logic(e, dot, f == &kiln_interp_or, first, final, ret);
    if (!kiln_eval_work(e, count * sizeof(*args)))
        return false;
    if (count > KILN_COUNT(few))
        args = kiln_arena_alloc(e->arena, count * sizeof(*args));
    for (const struct kiln_ast *a = first; a; a = a->next, i++) {
        if (!eval_arg(e, dot, param_at(f->params, i), a, &args[i]))
            return false;
    }
    if (final) {
        if (!check_type(e, param_at(f->params, i), final))
            return false;
        args[i] = *final;
    }
    return call(e, f, whole, args, count, ret);
}

/* ---- commands and pipelines ---- */

static bool eval_command(struct kiln_eval *e, struct kiln_go_value dot,
                         const struct kiln_ast *command, const struct kiln_go_value *final,
                         struct kiln_go_value *ret)
{
    const struct kiln_ast *n = command->u.args;
    bool has_args = n->next || final;

    switch (n->type) {
    case KILN_AST_FIELD:
        e->at = n;
        return eval_fields(e, dot, n->source, has_args, ret);
    case KILN_AST_CHAIN:
        return eval_chain(e, dot, n, has_args, ret);
    case KILN_AST_NAME:
        return eval_function(e, dot, n, command, final, ret);
    case KILN_AST_PIPE:
        return not_a_function(e, n, final) && kiln_eval_pipeline(e, dot, n, ret);
    case KILN_AST_VARIABLE:
        return eval_variable(e, n, has_args, ret);
    case KILN_AST_DOT:
        e->at = n;
        *ret = dot;
        return not_a_function(e, n, final);
    case KILN_AST_BOOL:
    case KILN_AST_STRING:
        e->at = n;
        *ret = n->u.constant;
        return not_a_function(e, n, final);
    case KILN_AST_NUMBER:
        e->at = n;
        return not_a_function(e, n, final) && eval_number(e, n, ret);
    case KILN_AST_NIL:
        e->at = n;
        return not_a_function(e, n, final) && kiln_eval_fail(e, "nil is not a command");
    case KILN_AST_TEXT:
    case KILN_AST_ACTION:
    case KILN_AST_IF:
    case KILN_AST_WITH:
    case KILN_AST_RANGE:
    case KILN_AST_TEMPLATE:
    case KILN_AST_BREAK:
    case KILN_AST_CONTINUE:
    case KILN_AST_COMMAND:
        break; /* the parser makes no such commands */
    }
    return kiln_eval_fail(e, "cannot be evaluated");
}

bool kiln_eval_enter(struct kiln_eval *e)
{
    if (e->depth >= MAX_DEPTH)
        return kiln_eval_fail(e, "exceeded maximum template depth (%d)", MAX_DEPTH);
    e->depth++;
    return true;
}

bool kiln_eval_pipeline(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *pipe,
                        struct kiln_go_value *ret)
{
    struct kiln_go_value final;
    bool has_final = false;

    e->at = pipe;
    if (!kiln_eval_enter(e))
        return false;
    for (const struct kiln_ast *c = pipe->u.pipeline.commands; c; c = c->next) {
        if (!kiln_eval_work(e, 0) || !eval_command(e, dot, c, has_final ? &final : NULL, ret))
            return false;
        final = *ret;
        has_final = true;
    }
    e->depth--;
    for (const struct kiln_ast *var = pipe->u.pipeline.vars; var; var = var->next) {
        if (!pipe->u.pipeline.assigns)
            kiln_eval_declare(e, var->source, *ret);
        else if (!kiln_eval_assign(e, var, *ret))
            return false;
    }
    return true;
}
