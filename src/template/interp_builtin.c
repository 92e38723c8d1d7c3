/* The functions that every Go template has. */
#include "base/encode.h"
#include "base/limits.h"
#include "template/interp_priv.h"

static void set_bool(struct kiln_go_value *ret, bool yes)
{
    *ret = (struct kiln_go_value){ KILN_GO_BOOL, .u.boolean = yes };
}

static void set_int(struct kiln_go_value *ret, enum kiln_go_kind kind, int64_t v)
{
    *ret = (struct kiln_go_value){ kind, .u.integer = v };
}

KILN_INTERP_FUNC(fn_not)
{
    set_bool(ret, !kiln_interp_truth(&args[0]));
    return true;
}

/* ---- comparison ---- */

static bool is_integer(const struct kiln_go_value *v)
{
    return v->kind == KILN_GO_INT || v->kind == KILN_GO_BYTE;
}

static int compare_strings(const struct kiln_go_value *a, const struct kiln_go_value *b)
{
    size_t shorter = a->u.string.len < b->u.string.len ? a->u.string.len : b->u.string.len;
    int c = shorter ? memcmp(a->u.string.s, b->u.string.s, shorter) : 0;

    if (c)
        return c;
    return (a->u.string.len > b->u.string.len) - (a->u.string.len < b->u.string.len);
}

static bool same(const struct kiln_go_value *a, const struct kiln_go_value *b, bool *ret,
                 struct kiln_err *err)
{
    *ret = false;
    if (a->kind == KILN_GO_NIL || b->kind == KILN_GO_NIL) {
        *ret = a->kind == b->kind;
        return true;
    }
    if (is_integer(a) && is_integer(b)) {
        *ret = a->u.integer == b->u.integer;
        return true;
    }
    if (a->kind != b->kind)
        return kiln_err_set(err, KILN_ERR_USER, "incompatible types for comparison");
    switch (a->kind) {
    case KILN_GO_BOOL:
        *ret = a->u.boolean == b->u.boolean;
        return true;
    case KILN_GO_FLOAT:
        *ret = a->u.real <= b->u.real && a->u.real >= b->u.real;
        return true;
    case KILN_GO_STRING:
        *ret = compare_strings(a, b) == 0;
        return true;
    case KILN_GO_MAP:
        return kiln_err_set(err, KILN_ERR_USER, "non-comparable type %s", kiln_go_type_name(a));
    case KILN_GO_NIL:
    case KILN_GO_INT:
    case KILN_GO_BYTE:
        break; /* above */
    }
    return true;
}

KILN_INTERP_FUNC(fn_eq)
{
    bool yes = false;

    if (n < 2)
        return kiln_err_set(err, KILN_ERR_USER, "missing argument for comparison");
    for (size_t i = 1; i < n && !yes; i++) {
        if (!same(&args[0], &args[i], &yes, err))
            return false;
    }
    set_bool(ret, yes);
    return true;
}

KILN_INTERP_FUNC(fn_ne)
{
    bool yes;

    if (!same(&args[0], &args[1], &yes, err))
        return false;
    set_bool(ret, !yes);
    return true;
}

static bool order(const struct kiln_go_value *a, const struct kiln_go_value *b, int *ret,
                  struct kiln_err *err)
{
    enum kiln_go_kind kind = a->kind == KILN_GO_BYTE ? KILN_GO_INT : a->kind;

    if (kind == KILN_GO_NIL || kind == KILN_GO_MAP || b->kind == KILN_GO_NIL ||
        b->kind == KILN_GO_MAP || (kind == KILN_GO_BOOL && b->kind == KILN_GO_BOOL))
        return kiln_err_set(err, KILN_ERR_USER, "invalid type for comparison");
    if (is_integer(a) && is_integer(b))
        *ret = (a->u.integer > b->u.integer) - (a->u.integer < b->u.integer);
    else if (kind == KILN_GO_FLOAT && b->kind == KILN_GO_FLOAT)
        *ret = (a->u.real > b->u.real) - (a->u.real < b->u.real);
    else if (kind == KILN_GO_STRING && b->kind == KILN_GO_STRING)
        *ret = compare_strings(a, b);
    else
        return kiln_err_set(err, KILN_ERR_USER, "incompatible types for comparison");
    return true;
}

KILN_INTERP_FUNC(fn_lt)
{
    int c = 0;

    if (!order(&args[0], &args[1], &c, err))
        return false;
    set_bool(ret, c < 0);
    return true;
}

KILN_INTERP_FUNC(fn_le)
{
    int c = 0;

    if (!order(&args[0], &args[1], &c, err))
        return false;
    set_bool(ret, c <= 0);
    return true;
}

KILN_INTERP_FUNC(fn_gt)
{
    return fn_le(e, args, n, ret, err) && fn_not(e, ret, 1, ret, err);
}

KILN_INTERP_FUNC(fn_ge)
{
    return fn_lt(e, args, n, ret, err) && fn_not(e, ret, 1, ret, err);
}

/* ---- parts ---- */

KILN_INTERP_FUNC(fn_len)
{
    if (args[0].kind == KILN_GO_STRING)
        set_int(ret, KILN_GO_INT, (int64_t)args[0].u.string.len);
    else if (args[0].kind == KILN_GO_MAP)
        set_int(ret, KILN_GO_INT, (int64_t)args[0].u.map->keys.n);
    else if (args[0].kind == KILN_GO_NIL)
        return kiln_err_set(err, KILN_ERR_USER, "len of nil pointer");
    else
        return kiln_err_set(err, KILN_ERR_USER, "len of type %s", kiln_go_type_name(&args[0]));
    return true;
}

/* A position in a string; `limit` is the greatest allowed. */
static bool read_index(const struct kiln_go_value *v, size_t limit, size_t *ret,
                       struct kiln_err *err)
{
    if (v->kind == KILN_GO_NIL)
        return kiln_err_set(err, KILN_ERR_USER, "cannot index slice/array with nil");
    if (!is_integer(v))
        return kiln_err_set(err, KILN_ERR_USER, "cannot index slice/array with type %s",
                            kiln_go_type_name(v));
    if (v->u.integer < 0 || (uint64_t)v->u.integer > limit)
        return kiln_err_set(err, KILN_ERR_USER, "index out of range: %lld",
                            (long long)v->u.integer);
    *ret = (size_t)v->u.integer;
    return true;
}

static bool index_string(struct kiln_go_value *v, const struct kiln_go_value *key,
                         struct kiln_err *err)
{
    size_t i = 0, len = v->u.string.len;

    if (!read_index(key, len ? len - 1 : 0, &i, err))
        return false;
    if (len == 0)
        return kiln_err_set(err, KILN_ERR_USER, "index out of range: 0");
    set_int(v, KILN_GO_BYTE, (unsigned char)v->u.string.s[i]);
    return true;
}

static bool index_map(struct kiln_eval *e, struct kiln_go_value *v, const struct kiln_go_value *key,
                      struct kiln_err *err)
{
    const struct kiln_strmap *m = v->u.map;
    const char *value;

    if (key->kind == KILN_GO_NIL)
        return kiln_err_set(err, KILN_ERR_USER, "value is nil; should be of type string");
    if (key->kind != KILN_GO_STRING)
        return kiln_err_set(err, KILN_ERR_USER, "value has type %s; should be string",
                            kiln_go_type_name(key));
    value = kiln_strmap_get(m, kiln_arena_strndup(e->arena, key->u.string.s, key->u.string.len));
    *v = kiln_go_string(value ? value : "");
    return kiln_eval_charge(e, m->keys.n, err);
}

KILN_INTERP_FUNC(fn_index)
{
    struct kiln_go_value v = args[0];

    if (v.kind == KILN_GO_NIL)
        return kiln_err_set(err, KILN_ERR_USER, "index of untyped nil");
    for (size_t i = 1; i < n; i++) {
        if (v.kind == KILN_GO_STRING ? !index_string(&v, &args[i], err)
            : v.kind == KILN_GO_MAP
                ? !index_map(e, &v, &args[i], err)
                : !kiln_err_set(err, KILN_ERR_USER, "can't index item of type %s",
                                kiln_go_type_name(&v)))
            return false;
    }
    *ret = v;
    return true;
}

KILN_INTERP_FUNC(fn_slice)
{
    struct kiln_go_value v = args[0];
    size_t at[2] = { 0, v.kind == KILN_GO_STRING ? v.u.string.len : 0 };

    if (v.kind == KILN_GO_NIL)
        return kiln_err_set(err, KILN_ERR_USER, "slice of untyped nil");
    if (n > 4)
        return kiln_err_set(err, KILN_ERR_USER, "too many slice indexes: %zu", n - 1);
    if (v.kind != KILN_GO_STRING)
        return kiln_err_set(err, KILN_ERR_USER, "can't slice item of type %s",
                            kiln_go_type_name(&v));
    if (n == 4)
        return kiln_err_set(err, KILN_ERR_USER, "cannot 3-index slice a string");
    for (size_t i = 1; i < n; i++) {
        if (!read_index(&args[i], v.u.string.len, &at[i - 1], err))
            return false;
    }
    if (at[0] > at[1])
        return kiln_err_set(err, KILN_ERR_USER, "invalid slice index: %zu > %zu", at[0], at[1]);
    v.u.string.s += at[0];
    v.u.string.len = at[1] - at[0];
    *ret = v;
    return true;
}

/* Nothing here is a function value. */
KILN_INTERP_FUNC(fn_call)
{
    if (args[0].kind == KILN_GO_NIL)
        return kiln_err_set(err, KILN_ERR_USER, "call of nil");
    return kiln_err_set(err, KILN_ERR_USER, "non-function of type %s", kiln_go_type_name(&args[0]));
}

/* ---- text ---- */

#define LONG_TEXT KILN_STR_MAX(KILN_MAX_RENDERED)

KILN_INTERP_FUNC(fn_print)
{
    KILN_AUTO_STR out = LONG_TEXT;

    kiln_go_print(&out, args, n);
    return kiln_eval_string(e, &out, ret, err);
}

KILN_INTERP_FUNC(fn_println)
{
    KILN_AUTO_STR out = LONG_TEXT;

    kiln_go_println(&out, args, n);
    return kiln_eval_string(e, &out, ret, err);
}

KILN_INTERP_FUNC(fn_printf)
{
    KILN_AUTO_STR out = LONG_TEXT;

    kiln_go_printf(&out, args[0].u.string.s, args[0].u.string.len, args + 1, n - 1);
    return kiln_eval_string(e, &out, ret, err);
}

/* What the escapers escape: as print, but with what an action prints for nothing. */
static void join_args(struct kiln_str *out, const struct kiln_go_value *args, size_t n)
{
    static const struct kiln_go_value nothing = { KILN_GO_STRING,
                                                  .u.string = { "<no value>", 10 } };

    for (size_t i = 0; i < n; i++) {
        const struct kiln_go_value *v = args[i].kind == KILN_GO_NIL ? &nothing : &args[i];
        const struct kiln_go_value *before =
            i == 0 || args[i - 1].kind == KILN_GO_NIL ? &nothing : &args[i - 1];

        if (i > 0 && v->kind != KILN_GO_STRING && before->kind != KILN_GO_STRING)
            kiln_str_addc(out, ' ');
        kiln_go_print(out, v, 1);
    }
}

KILN_INTERP_FUNC(fn_html)
{
    KILN_AUTO_STR in = LONG_TEXT, out = LONG_TEXT;

    join_args(&in, args, n);
    for (size_t i = 0; i < in.len; i++) {
        static const char special[] = "<>&\"'";
        static const char *const names[] = { "&lt;", "&gt;", "&amp;", "&#34;", "&#39;" };
        const char *p = in.data[i] ? strchr(special, in.data[i]) : NULL;

        if (!in.data[i])
            kiln_str_add_utf8(&out, 0xfffd);
        else if (p)
            kiln_str_adds(&out, names[p - special]);
        else
            kiln_str_addc(&out, in.data[i]);
    }
    return kiln_eval_string(e, &out, ret, err);
}

static void add_js(struct kiln_str *out, unsigned c)
{
    if (c == '\\' || c == '\'' || c == '"')
        kiln_str_addf(out, "\\%c", (char)c);
    else if (c < ' ' || c == '<' || c == '>' || c == '&' || c == '=' ||
             (c >= 0x80 && !kiln_go_is_printable(c)))
        kiln_str_addf(out, "\\u%04X", c);
    else
        kiln_str_add_utf8(out, c);
}

KILN_INTERP_FUNC(fn_js)
{
    KILN_AUTO_STR in = LONG_TEXT, out = LONG_TEXT;

    join_args(&in, args, n);
    for (size_t i = 0; i < in.len;) {
        unsigned c = 0xfffd;
        size_t step = kiln_utf8_decode(in.data + i, in.len - i, &c);

        add_js(&out, c);
        i += step ? step : 1;
    }
    return kiln_eval_string(e, &out, ret, err);
}

KILN_INTERP_FUNC(fn_urlquery)
{
    KILN_AUTO_STR in = LONG_TEXT, out = LONG_TEXT;

    join_args(&in, args, n);
    kiln_url_add_query(&out, kiln_str_cstr(&in));
    return kiln_eval_string(e, &out, ret, err);
}

const struct kiln_interp_func kiln_interp_and = { .name = "and", .params = "vv*" };
const struct kiln_interp_func kiln_interp_or = { .name = "or", .params = "vv*" };

const struct kiln_interp_func kiln_interp_builtins[] = {
    { "call", "vv*", fn_call },
    { "eq", "vv*", fn_eq },
    { "ge", "vv", fn_ge },
    { "gt", "vv", fn_gt },
    { "html", "v*", fn_html },
    { "index", "vv*", fn_index },
    { "js", "v*", fn_js },
    { "le", "vv", fn_le },
    { "len", "v", fn_len },
    { "lt", "vv", fn_lt },
    { "ne", "vv", fn_ne },
    { "not", "v", fn_not },
    { "print", "v*", fn_print },
    { "printf", "sv*", fn_printf },
    { "println", "v*", fn_println },
    { "slice", "vv*", fn_slice },
    { "urlquery", "v*", fn_urlquery },
    { 0 },
};
