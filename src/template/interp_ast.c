#include "base/encode.h"
#include "template/interp_priv.h"

#define MAX_SHOWN 400 /* bytes of a template in an error */

struct kiln_ast *kiln_ast_new(struct kiln_arena *a, enum kiln_ast_type type, size_t pos)
{
    struct kiln_ast *n = kiln_arena_alloc(a, sizeof(*n));

    n->type = type;
    n->pos = pos;
    return n;
}

static void print_list(const struct kiln_ast *n, const char *separator, struct kiln_str *out)
{
    const struct kiln_ast *first = n;

    for (; n; n = n->next) {
        if (n != first)
            kiln_str_adds(out, separator);
        if (n->type == KILN_AST_PIPE)
            kiln_str_addc(out, '(');
        kiln_ast_print(n, out);
        if (n->type == KILN_AST_PIPE)
            kiln_str_addc(out, ')');
    }
}

static void print_pipe(const struct kiln_ast *n, struct kiln_str *out)
{
    if (n->u.pipeline.vars) {
        print_list(n->u.pipeline.vars, ", ", out);
        kiln_str_adds(out, n->u.pipeline.assigns ? " = " : " := ");
    }
    print_list(n->u.pipeline.commands, " | ", out);
}

static void print_chain(const struct kiln_ast *n, struct kiln_str *out)
{
    bool parens = n->u.chain.base->type == KILN_AST_PIPE;

    kiln_str_adds(out, parens ? "(" : "");
    kiln_ast_print(n->u.chain.base, out);
    kiln_str_adds(out, parens ? ")" : "");
    kiln_str_add(out, n->u.chain.fields.s, n->u.chain.fields.len);
}

/* {{word pipe}}; Go prints the rest of the block as well, which helps nobody. */
static void print_action(const char *word, const struct kiln_ast *pipe, struct kiln_str *out)
{
    kiln_str_addf(out, "{{%s", word);
    if (pipe)
        kiln_ast_print(pipe, out);
    kiln_str_adds(out, "}}");
}

static void print_template(const struct kiln_ast *n, struct kiln_str *out)
{
    kiln_str_adds(out, "{{template ");
    kiln_go_add_quoted(out, n->u.call.name.s, n->u.call.name.len);
    if (n->u.call.pipe) {
        kiln_str_addc(out, ' ');
        kiln_ast_print(n->u.call.pipe, out);
    }
    kiln_str_adds(out, "}}");
}

void kiln_ast_print(const struct kiln_ast *n, struct kiln_str *out)
{
    switch (n->type) {
    case KILN_AST_ACTION:
        print_action("", n->u.pipe, out);
        return;
    case KILN_AST_IF:
        print_action("if ", n->u.branch.pipe, out);
        return;
    case KILN_AST_WITH:
        print_action("with ", n->u.branch.pipe, out);
        return;
    case KILN_AST_RANGE:
        print_action("range ", n->u.branch.pipe, out);
        return;
    case KILN_AST_TEMPLATE:
        print_template(n, out);
        return;
    case KILN_AST_BREAK:
        print_action("break", NULL, out);
        return;
    case KILN_AST_CONTINUE:
        print_action("continue", NULL, out);
        return;
    case KILN_AST_PIPE:
        print_pipe(n, out);
        return;
    case KILN_AST_COMMAND:
        print_list(n->u.args, " ", out);
        return;
    case KILN_AST_CHAIN:
        print_chain(n, out);
        return;
    case KILN_AST_TEXT:
    case KILN_AST_NAME:
    case KILN_AST_FIELD:
    case KILN_AST_VARIABLE:
    case KILN_AST_DOT:
    case KILN_AST_NIL:
    case KILN_AST_BOOL:
    case KILN_AST_NUMBER:
    case KILN_AST_STRING:
        kiln_str_add(out, n->source.s, n->source.len);
        return;
    }
}

const struct kiln_interp_def *kiln_interp_find_def(const struct kiln_interp_def *defs,
                                                   struct kiln_span name)
{
    for (; defs; defs = defs->next) {
        if (defs->name.len == name.len && memcmp(defs->name.s, name.s, name.len) == 0)
            return defs;
    }
    return NULL;
}

void kiln_interp_shorten(struct kiln_str *text)
{
    size_t len = MAX_SHOWN;

    if (text->len <= MAX_SHOWN)
        return;
    while ((text->data[len] & 0xc0) == 0x80)
        len--;
    kiln_str_truncate(text, len);
    kiln_str_adds(text, "...");
}
