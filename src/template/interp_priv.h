/*
 * Private to interp*.c: tokens → tree → text. The tree and every string made while rendering live
 * in one arena; positions are byte offsets in the text.
 */
#ifndef KILN_TEMPLATE_INTERP_PRIV_H
#define KILN_TEMPLATE_INTERP_PRIV_H

#include "base/arena.h"
#include "template/gofmt.h"
#include "template/interp.h"

/* ---- tokens ---- */

enum kiln_token_type {
    KILN_T_EOF,
    KILN_T_ERROR, /* the last one; .message */
    KILN_T_TEXT,
    KILN_T_OPEN,  /* {{ */
    KILN_T_CLOSE, /* }} */
    KILN_T_SPACE,
    KILN_T_ASSIGN,  /* = */
    KILN_T_DECLARE, /* := */
    KILN_T_PIPE,
    KILN_T_LPAREN,
    KILN_T_RPAREN,
    KILN_T_CHAR, /* any other ASCII character */
    KILN_T_STRING,
    KILN_T_RAW_STRING,
    KILN_T_RUNE,
    KILN_T_NUMBER,
    KILN_T_BOOL,
    KILN_T_NAME,     /* function */
    KILN_T_FIELD,    /* .Name */
    KILN_T_VARIABLE, /* $name */
    KILN_T_KEYWORD,  /* and what follows: shown as <word> in errors */
    KILN_T_BLOCK = KILN_T_KEYWORD,
    KILN_T_BREAK,
    KILN_T_CONTINUE,
    KILN_T_DOT,
    KILN_T_DEFINE,
    KILN_T_ELSE,
    KILN_T_END,
    KILN_T_IF,
    KILN_T_NIL,
    KILN_T_RANGE,
    KILN_T_TEMPLATE,
    KILN_T_WITH,
};

struct kiln_token {
    enum kiln_token_type type;
    size_t pos, len;
    const char *message; /* KILN_T_ERROR: in the arena */
};

struct kiln_tokens {
    struct kiln_token *v; /* in the arena; ends with EOF or ERROR */
    size_t n;
};

/** Never fails: what is wrong becomes the last token. */
struct kiln_tokens kiln_interp_lex(struct kiln_arena *arena, const char *text, size_t len);

/* ---- tree ---- */

enum kiln_ast_type {
    KILN_AST_TEXT,
    KILN_AST_ACTION,
    KILN_AST_IF,
    KILN_AST_WITH,
    KILN_AST_RANGE,
    KILN_AST_TEMPLATE,
    KILN_AST_BREAK,
    KILN_AST_CONTINUE,
    KILN_AST_PIPE,
    KILN_AST_COMMAND,
    KILN_AST_NAME,
    KILN_AST_FIELD,
    KILN_AST_VARIABLE,
    KILN_AST_CHAIN,
    KILN_AST_DOT,
    KILN_AST_NIL,
    KILN_AST_BOOL,
    KILN_AST_NUMBER,
    KILN_AST_STRING,
};

struct kiln_span {
    const char *s; /* borrowed from the text or the arena */
    size_t len;
};

struct kiln_ast {
    enum kiln_ast_type type;
    size_t pos;
    struct kiln_span source; /* as written; leaves, FIELD ".a.b", VARIABLE "$x.a", TEXT */
    struct kiln_ast *next;   /* in its list */
    union {
        struct kiln_ast *pipe; /* ACTION */
        struct {
            struct kiln_ast *pipe, *body, *otherwise; /* lists */
        } branch;                                     /* IF WITH RANGE */
        struct {
            struct kiln_span name;
            struct kiln_ast *pipe; /* or NULL */
        } call;                    /* TEMPLATE */
        struct {
            struct kiln_ast *vars, *commands; /* lists */
            bool assigns;                     /* = rather than := */
        } pipeline;                           /* PIPE */
        struct kiln_ast *args;                /* COMMAND: a list, first is what is called */
        const struct kiln_interp_func *func;  /* NAME */
        struct {
            struct kiln_ast *base;
            struct kiln_span fields; /* ".a.b" */
        } chain;
        struct kiln_go_value constant; /* BOOL STRING */
        struct {
            struct kiln_go_value value; /* NIL: an integer beyond int64_t */
            bool is_int;                /* a place that wants an integer may have it: 3, 3.0 */
            int64_t as_int;
        } number;
    } u;
};

/* {{define}} and {{block}}; the whole text is "root". */
struct kiln_interp_def {
    struct kiln_span name;
    struct kiln_ast *body; /* list; may be NULL */
    struct kiln_interp_def *next;
};

/** NULL: not there. */
const struct kiln_interp_def *kiln_interp_find_def(const struct kiln_interp_def *defs,
                                                   struct kiln_span name);
/** @ret_defs  a list, in the arena; "root" is one of them */
bool kiln_interp_parse(struct kiln_arena *arena, const char *text, size_t len,
                       const struct kiln_interp_def **ret_defs, size_t *ret_offset,
                       struct kiln_err *err);

/** As Go prints a node in an error: normalised, with parentheses where they are needed. */
void kiln_ast_print(const struct kiln_ast *n, struct kiln_str *out);
/** Cut what a template put into an error to a length that somebody would read. */
void kiln_interp_shorten(struct kiln_str *text);
struct kiln_ast *kiln_ast_new(struct kiln_arena *a, enum kiln_ast_type type, size_t pos);

/* ---- literals ---- */

/** The text of a "…" or `…` literal. False: `invalid syntax`. */
bool kiln_interp_unquote(struct kiln_arena *arena, struct kiln_span literal, struct kiln_span *ret);
/** Fill u.number from source. False with Go's text in err. */
bool kiln_interp_number(struct kiln_ast *n, bool is_rune, struct kiln_err *err);

/* ---- functions ---- */

struct kiln_eval;

/* One function of the language. params: s string, i int, v anything; the last one may repeat: '*'.
 * Strings that call makes come from kiln_eval_string; its error text is the bare reason. */
struct kiln_interp_func {
    const char *name, *params;
    bool (*call)(struct kiln_eval *e, const struct kiln_go_value *args, size_t n,
                 struct kiln_go_value *ret, struct kiln_err *err);
};
#define KILN_INTERP_FUNC(fn)                                                                       \
    static bool fn(__attribute__((unused)) struct kiln_eval *e,                                    \
                   __attribute__((unused)) const struct kiln_go_value *args,                       \
                   __attribute__((unused)) size_t n,                                               \
                   __attribute__((unused)) struct kiln_go_value *ret,                              \
                   __attribute__((unused)) struct kiln_err *err)

/** "and", "or": evaluated by the caller, argument by argument. */
extern const struct kiln_interp_func kiln_interp_and, kiln_interp_or;
/** NULL: not defined. */
const struct kiln_interp_func *kiln_interp_find_func(struct kiln_span name);
/** A function whose name is close, or NULL; caller frees. */
char *kiln_interp_nearest_func(struct kiln_span name);
/** Ended by .name NULL. */
extern const struct kiln_interp_func kiln_interp_builtins[], kiln_interp_packer_funcs[];

/* ---- evaluation ---- */

struct kiln_eval_var {
    struct kiln_span name; /* with its $ */
    struct kiln_go_value value;
    struct kiln_eval_var *outer;
};

struct kiln_eval { /* one rendering */
    const struct kiln_interp *ctx;
    struct kiln_arena *arena;
    const struct kiln_interp_def *defs;
    const char *text;
    struct kiln_str *out;
    size_t start; /* length of out when we began */
    size_t steps; /* work done */
    size_t *ret_offset;
    struct kiln_err *err;

    struct kiln_span executing; /* name of the definition */
    const struct kiln_ast *at;  /* what an error is about */
    struct kiln_eval_var *vars;
    unsigned depth;
};

bool kiln_interp_eval(const struct kiln_interp *ctx, struct kiln_arena *arena,
                      const struct kiln_interp_def *defs, const char *text, struct kiln_str *out,
                      size_t *ret_offset, struct kiln_err *err);

/** `template: root:1:2: executing "root" at <NODE>: ` and the reason, about e->at. False. */
bool kiln_eval_fail(struct kiln_eval *e, const char *fmt, ...) KILN_PRINTF(2, 3);
/** Account for work on that many bytes; false, with the bare reason, once it is too much. */
bool kiln_eval_charge(struct kiln_eval *e, size_t bytes, struct kiln_err *err);
/** The same, failing as kiln_eval_fail. */
bool kiln_eval_work(struct kiln_eval *e, size_t bytes);
/** One level deeper (e->depth goes back down by hand); false at the limit. */
bool kiln_eval_enter(struct kiln_eval *e);
/** A string value that owns a copy of text in the arena. False: too long. */
bool kiln_eval_string(struct kiln_eval *e, const struct kiln_str *text, struct kiln_go_value *ret,
                      struct kiln_err *err);
void kiln_eval_declare(struct kiln_eval *e, struct kiln_span name, struct kiln_go_value value);
/** Set the variable that a declaration node names; it must be in scope. */
bool kiln_eval_assign(struct kiln_eval *e, const struct kiln_ast *var, struct kiln_go_value value);
bool kiln_eval_pipeline(struct kiln_eval *e, struct kiln_go_value dot, const struct kiln_ast *pipe,
                        struct kiln_go_value *ret);
bool kiln_interp_truth(const struct kiln_go_value *v);

/* ---- time, UTC ---- */

void kiln_interp_isotime(struct kiln_str *out, int64_t us, const char *layout);
void kiln_interp_strftime(struct kiln_str *out, int64_t us, const char *format);

/* ---- characters beyond ASCII ---- */

bool kiln_interp_is_letter(unsigned cp); /* or digit */
void kiln_interp_add_case(struct kiln_str *out, const char *s, size_t len, bool upper);

#endif
