/* Statements of the {{ }} language: text, actions, branches, loops, templates. */
#include "base/limits.h"
#include "base/mem.h"
#include "template/interp_priv.h"

enum flow { FLOW_FAILED, FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };

static enum flow walk(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *list);

bool kiln_interp_truth(const struct kiln_go_value *v)
{
    switch (v->kind) {
    case KILN_GO_NIL:
        return false;
    case KILN_GO_BOOL:
        return v->u.boolean;
    case KILN_GO_INT:
    case KILN_GO_BYTE:
        return v->u.integer != 0;
    case KILN_GO_FLOAT:
        return v->u.real < 0 || v->u.real > 0;
    case KILN_GO_STRING:
        return v->u.string.len > 0;
    case KILN_GO_MAP:
        return v->u.map->keys.n > 0;
    }
    return false;
}

static bool emit(struct kiln_eval *e, const char *s, size_t len)
{
    if (!kiln_eval_work(e, len))
        return false;
    if (e->out->len - e->start + len > KILN_MAX_RENDERED)
        return kiln_eval_fail(e, "the text becomes longer than %d bytes", KILN_MAX_RENDERED);
    kiln_str_add(e->out, s, len);
    return kiln_str_ok(e->out, "the rendered text", e->err);
}

static bool run_action(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n)
{
    struct kiln_go_value v;
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_RENDERED);

    if (!kiln_eval_pipeline(e, dot, n->u.pipe, &v))
        return false;
    e->at = n;
    if (n->u.pipe->u.pipeline.vars)
        return true;
    if (v.kind == KILN_GO_STRING)
        return emit(e, v.u.string.s, v.u.string.len);
    if (v.kind == KILN_GO_NIL)
        return emit(e, "<no value>", strlen("<no value>"));
    kiln_go_print(&text, &v, 1);
    return emit(e, kiln_str_cstr(&text), text.len);
}

static enum flow run_branch(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n)
{
    struct kiln_eval_var *outer = e->vars;
    struct kiln_go_value v;
    enum flow flow;

    if (!kiln_eval_pipeline(e, dot, n->u.branch.pipe, &v))
        return FLOW_FAILED;
    if (kiln_interp_truth(&v))
        flow = walk(e, n->type == KILN_AST_WITH ? v : dot, n->u.branch.body);
    else
        flow = walk(e, dot, n->u.branch.otherwise);
    e->vars = outer;
    return flow;
}

/* Give the loop variables their values: "$x", or "$index, $x". */
static bool set_loop_vars(struct kiln_eval *e, const struct kiln_ast *var,
                          struct kiln_go_value index, struct kiln_go_value item)
{
    if (!var)
        return true;
    if (!var->next)
        return kiln_eval_assign(e, var, item);
    return kiln_eval_assign(e, var, index) && kiln_eval_assign(e, var->next, item);
}

static enum flow run_iteration(struct kiln_eval *e, const struct kiln_ast *n,
                               struct kiln_go_value index, struct kiln_go_value item)
{
    struct kiln_eval_var *outer = e->vars;
    enum flow flow;

    if (!set_loop_vars(e, n->u.branch.pipe->u.pipeline.vars, index, item) || !kiln_eval_work(e, 0))
        return FLOW_FAILED;
    flow = walk(e, item, n->u.branch.body);
    e->vars = outer;
    return flow == FLOW_CONTINUE ? FLOW_NEXT : flow;
}

static enum flow range_int(struct kiln_eval *e, const struct kiln_ast *n, int64_t count)
{
    enum flow flow = FLOW_NEXT;

    if (n->u.branch.pipe->u.pipeline.vars && n->u.branch.pipe->u.pipeline.vars->next) {
        (void)kiln_eval_fail(e, "can't use %lld to iterate over more than one variable",
                             (long long)count);
        return FLOW_FAILED;
    }
    for (int64_t i = 0; i < count && flow == FLOW_NEXT; i++) {
        struct kiln_go_value v = { KILN_GO_INT, .u.integer = i };

        flow = run_iteration(e, n, v, v);
    }
    return flow;
}

static enum flow range_map(struct kiln_eval *e, const struct kiln_ast *n,
                           const struct kiln_strmap *m)
{
    KILN_AUTO_FREE size_t *order = kiln_go_sorted_keys(m);
    enum flow flow = FLOW_NEXT;

    for (size_t i = 0; i < m->keys.n && flow == FLOW_NEXT; i++)
        flow = run_iteration(e, n, kiln_go_string(m->keys.v[order[i]]),
                             kiln_go_string(m->values.v[order[i]]));
    return flow;
}

static enum flow run_range(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n)
{
    struct kiln_eval_var *outer = e->vars;
    struct kiln_go_value over;
    KILN_AUTO_STR text = { 0 };
    enum flow flow = FLOW_FAILED;

    if (!kiln_eval_pipeline(e, dot, n->u.branch.pipe, &over))
        return FLOW_FAILED;
    if (over.kind == KILN_GO_MAP && over.u.map->keys.n > 0) {
        flow = range_map(e, n, over.u.map);
    } else if (over.kind == KILN_GO_INT && over.u.integer > 0) {
        flow = range_int(e, n, over.u.integer);
    } else if (over.kind == KILN_GO_NIL || over.kind == KILN_GO_MAP || over.kind == KILN_GO_INT) {
        flow = walk(e, dot, n->u.branch.otherwise);
        e->vars = outer;
        return flow;
    } else {
        kiln_go_print(&text, &over, 1);
        (void)kiln_eval_fail(e, "range can't iterate over %s", kiln_str_cstr(&text));
    }
    e->vars = outer;
    return flow == FLOW_BREAK ? FLOW_NEXT : flow;
}

static bool run_template(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n)
{
    const struct kiln_interp_def *def = kiln_interp_find_def(e->defs, n->u.call.name);
    struct kiln_go_value data = { .kind = KILN_GO_NIL };
    struct kiln_span caller = e->executing;
    struct kiln_eval_var *vars;

    e->at = n;
    if (!def)
        return kiln_eval_fail(e, "template \"%.*s\" not defined", (int)n->u.call.name.len,
                              n->u.call.name.s);
    if (n->u.call.pipe && !kiln_eval_pipeline(e, dot, n->u.call.pipe, &data))
        return false;
    e->at = n;
    if (!kiln_eval_enter(e))
        return false;
    vars = e->vars; /* what its pipeline declared persists */
    e->vars = NULL;
    e->executing = def->name;
    kiln_eval_declare(e, (struct kiln_span){ "$", 1 }, data);
    if (walk(e, data, def->body) == FLOW_FAILED)
        return false;
    e->vars = vars;
    e->executing = caller;
    e->depth--;
    return true;
}

static enum flow run(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *n)
{
    bool ok = false;

    e->at = n;
    switch (n->type) {
    case KILN_AST_TEXT:
        ok = emit(e, n->source.s, n->source.len);
        break;
    case KILN_AST_ACTION:
        ok = run_action(e, dot, n);
        break;
    case KILN_AST_IF:
    case KILN_AST_WITH:
        return run_branch(e, dot, n);
    case KILN_AST_RANGE:
        return run_range(e, dot, n);
    case KILN_AST_TEMPLATE:
        ok = run_template(e, dot, n);
        break;
    case KILN_AST_BREAK:
        return FLOW_BREAK;
    case KILN_AST_CONTINUE:
        return FLOW_CONTINUE;
    case KILN_AST_PIPE:
    case KILN_AST_COMMAND:
    case KILN_AST_NAME:
    case KILN_AST_FIELD:
    case KILN_AST_VARIABLE:
    case KILN_AST_CHAIN:
    case KILN_AST_DOT:
    case KILN_AST_NIL:
    case KILN_AST_BOOL:
    case KILN_AST_NUMBER:
    case KILN_AST_STRING:
        ok = kiln_eval_fail(e, "cannot be executed"); /* the parser makes no such statements */
        break;
    }
    return ok ? FLOW_NEXT : FLOW_FAILED;
}

static enum flow walk(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *list)
{
    enum flow flow = FLOW_NEXT;

    if (!kiln_eval_enter(e))
        return FLOW_FAILED;
    for (; list && flow == FLOW_NEXT; list = list->next)
        flow = run(e, dot, list);
    e->depth--;
    return flow;
}

bool kiln_interp_eval(const struct kiln_interp *ctx, struct kiln_arena *arena,
                      const struct kiln_interp_def *defs, const char *text, struct kiln_str *out,
                      size_t *ret_offset, struct kiln_err *err)
{
    const struct kiln_interp_def *root =
        kiln_interp_find_def(defs, (struct kiln_span){ "root", 4 });
    struct kiln_ast nothing = { .type = KILN_AST_TEXT };
    struct kiln_eval e = { .ctx = ctx,
                           .arena = arena,
                           .defs = defs,
                           .text = text,
                           .out = out,
                           .start = out->len,
                           .ret_offset = ret_offset,
                           .err = err,
                           .executing = root->name,
                           .at = &nothing };
    struct kiln_go_value data = { .kind = KILN_GO_NIL };

    if (ctx->data)
        data = (struct kiln_go_value){ KILN_GO_MAP, .u.map = ctx->data };
    kiln_eval_declare(&e, (struct kiln_span){ "$", 1 }, data);
    if (walk(&e, data, root->body) != FLOW_FAILED)
        return true;
    kiln_str_truncate(out, e.start);
    return false;
}
