/* Packer's functions. Source: packer-core.md, 6.2. */
#include <assert.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/random.h"
#include "template/diag.h"
#include "template/interp_priv.h"
#include "template/template.h"

#define LONG_TEXT KILN_STR_MAX(KILN_MAX_RENDERED)

/* The argument as a C string. */
static const char *text_of(struct kiln_eval *e, const struct kiln_go_value *v)
{
    return kiln_arena_strndup(e->arena, v->u.string.s, v->u.string.len);
}

static bool set_text(struct kiln_eval *e, const char *s, struct kiln_go_value *ret,
                     struct kiln_err *err)
{
    *ret = kiln_go_string(s);
    return kiln_eval_charge(e, strlen(s), err);
}

/* ---- what the run knows ---- */

KILN_INTERP_FUNC(fn_user)
{
    const struct kiln_strmap *user = e->ctx->user;
    const char *key = text_of(e, &args[0]), *value = user ? kiln_strmap_get(user, key) : NULL;

    if (!value && e->ctx->undefined_user_is_error)
        return kiln_err_set(err, KILN_ERR_USER, KILN_INTERP_NOT_SET "%s", key);
    return set_text(e, value ? value : "", ret, err) &&
           kiln_eval_charge(e, user ? user->keys.n : 0, err);
}

KILN_INTERP_FUNC(fn_env)
{
    const char *value;

    if (!e->ctx->allow_env)
        return kiln_err_set(err, KILN_ERR_USER, "env vars are not allowed here");
    value = getenv(text_of(e, &args[0]));
    return set_text(e, value ? value : "", ret, err);
}

static bool has_word(const char *const *words, const char *word)
{
    for (; words && *words; words++) {
        if (strcmp(*words, word) == 0)
            return true;
    }
    return false;
}

/* What is not known (yet) is kept as a field, which the next pass fills or finds missing.
 * Source: provision-postprocess.md, 3. */
KILN_INTERP_FUNC(fn_build)
{
    const char *key = text_of(e, &args[0]);
    const char *value = e->ctx->build ? kiln_strmap_get(e->ctx->build, key) : NULL;
    KILN_AUTO_STR field = { 0 };

    if (value)
        return set_text(e, value, ret, err);
    if (!e->ctx->build && !e->ctx->build_keys)
        return kiln_err_set(err, KILN_ERR_USER,
                            "Error validating build variable: the given variable %s will not be "
                            "passed into your plugin.",
                            key);
    if (!has_word(e->ctx->build_keys, key))
        return kiln_err_set(err, KILN_ERR_USER, "loaded data, but couldnt find %s in it.", key);
    kiln_str_addf(&field, "{{.%s}}", key);
    return kiln_eval_string(e, &field, ret, err);
}

KILN_INTERP_FUNC(fn_build_name)
{
    if (!e->ctx->build_name)
        return kiln_err_set(err, KILN_ERR_USER, "build_name not available");
    return set_text(e, e->ctx->build_name, ret, err);
}

KILN_INTERP_FUNC(fn_build_type)
{
    if (!e->ctx->build_type)
        return kiln_err_set(err, KILN_ERR_USER, "build_type not available");
    return set_text(e, e->ctx->build_type, ret, err);
}

KILN_INTERP_FUNC(fn_template_dir)
{
    if (!e->ctx->template_dir)
        return kiln_err_set(err, KILN_ERR_USER, "template path not available");
    return set_text(e, e->ctx->template_dir, ret, err);
}

KILN_INTERP_FUNC(fn_pwd)
{
    KILN_AUTO_FREE char *cwd = getcwd(NULL, 0);
    KILN_AUTO_STR text = { 0 };

    if (!cwd)
        return kiln_err_set(err, KILN_ERR_SYSTEM, "the current directory is gone");
    kiln_str_adds(&text, cwd);
    return kiln_eval_string(e, &text, ret, err);
}

KILN_INTERP_FUNC(fn_packer_version)
{
    return set_text(e, KILN_PACKER_VERSION, ret, err);
}

KILN_INTERP_FUNC(fn_uuid)
{
    char uuid[KILN_UUID_SIZE];
    KILN_AUTO_STR text = { 0 };

    kiln_uuid_time(uuid);
    kiln_str_adds(&text, uuid);
    return kiln_eval_string(e, &text, ret, err);
}

/* ---- time ---- */

KILN_INTERP_FUNC(fn_timestamp)
{
    KILN_AUTO_STR text = { 0 };

    kiln_str_addf(&text, "%lld", (long long)(e->ctx->start_us / 1000000));
    return kiln_eval_string(e, &text, ret, err);
}

KILN_INTERP_FUNC(fn_isotime)
{
    KILN_AUTO_STR text = LONG_TEXT;

    if (n > 1) {
        kiln_str_adds(&text, "too many values, 1 needed: [");
        for (size_t i = 0; i < n; i++)
            kiln_str_addf(&text, "%s%s", i ? " " : "", text_of(e, &args[i]));
        return kiln_err_set(err, KILN_ERR_USER, "%s]", kiln_str_cstr(&text));
    }
    kiln_interp_isotime(&text, e->ctx->start_us,
                        n ? text_of(e, &args[0]) : "2006-01-02T15:04:05Z07:00");
    return kiln_eval_string(e, &text, ret, err);
}

KILN_INTERP_FUNC(fn_strftime)
{
    KILN_AUTO_STR text = LONG_TEXT;

    kiln_interp_strftime(&text, e->ctx->start_us, text_of(e, &args[0]));
    return kiln_eval_string(e, &text, ret, err);
}

/* ---- strings ---- */

static bool change_case(struct kiln_eval *e, const struct kiln_go_value *v, bool upper,
                        struct kiln_go_value *ret, struct kiln_err *err)
{
    KILN_AUTO_STR text = LONG_TEXT;

    kiln_interp_add_case(&text, v->u.string.s, v->u.string.len, upper);
    return kiln_eval_string(e, &text, ret, err);
}

KILN_INTERP_FUNC(fn_upper)
{
    return change_case(e, args, true, ret, err);
}

KILN_INTERP_FUNC(fn_lower)
{
    return change_case(e, args, false, ret, err);
}

static size_t rune_length(struct kiln_span s)
{
    unsigned cp;
    size_t n = kiln_utf8_decode(s.s, s.len, &cp);

    return n ? n : 1;
}

/* Where the next `what` begins in s, SIZE_MAX: nowhere. An empty one is found behind each
 * character. */
static size_t find_next(struct kiln_span s, struct kiln_span what)
{
    const char *p;

    if (what.len == 0)
        return s.len ? rune_length(s) : SIZE_MAX;
    p = memmem(s.s, s.len, what.s, what.len);
    return p ? (size_t)(p - s.s) : SIZE_MAX;
}

static struct kiln_span span_of(const struct kiln_go_value *v)
{
    return (struct kiln_span){ v->u.string.s, v->u.string.len };
}

KILN_INTERP_FUNC(fn_split)
{
    struct kiln_span rest = span_of(&args[0]), sep = span_of(&args[1]);
    int64_t want = args[2].u.integer, count = rest.len || sep.len;
    bool found = false;

    if (want < 0)
        return kiln_err_set(err, KILN_ERR_USER, "the substring %lld was asked for; the first is 0",
                            (long long)want);
    for (int64_t i = 0; i <= want && !found && (rest.len || sep.len); i++) {
        size_t end = find_next(rest, sep);
        bool last = end == SIZE_MAX || (sep.len == 0 && end == rest.len);

        end = last ? rest.len : end;
        found = i == want;
        *ret = (struct kiln_go_value){ KILN_GO_STRING, .u.string = { rest.s, end } };
        count = i + 1;
        if (last)
            break;
        rest.s += end + sep.len;
        rest.len -= end + sep.len;
    }
    if (found)
        return kiln_eval_charge(e, (size_t)(rest.s - args[0].u.string.s), err);
    return kiln_err_set(err, KILN_ERR_USER,
                        "the substring %lld was unavailable using the separator value, %s, only "
                        "%lld values were found",
                        (long long)want, text_of(e, &args[1]), (long long)count);
}

static bool replace(struct kiln_eval *e, const struct kiln_go_value *from,
                    const struct kiln_go_value *to, int64_t limit, const struct kiln_go_value *in,
                    struct kiln_go_value *ret, struct kiln_err *err)
{
    struct kiln_span rest = span_of(in), what = span_of(from);
    KILN_AUTO_STR out = LONG_TEXT;
    size_t skip = what.len == 0 ? 0 : find_next(rest, what);

    while (limit != 0 && skip != SIZE_MAX) {
        kiln_str_add(&out, rest.s, skip);
        kiln_str_add(&out, to->u.string.s, to->u.string.len);
        rest.s += skip + what.len;
        rest.len -= skip + what.len;
        skip = find_next(rest, what);
        limit--;
    }
    kiln_str_add(&out, rest.s, rest.len);
    return kiln_eval_string(e, &out, ret, err);
}

KILN_INTERP_FUNC(fn_replace)
{
    return replace(e, &args[0], &args[1], args[2].u.integer, &args[3], ret, err);
}

KILN_INTERP_FUNC(fn_replace_all)
{
    return replace(e, &args[0], &args[1], -1, &args[2], ret, err);
}

/* ---- not here ---- */

KILN_INTERP_FUNC(fn_sed)
{
    return kiln_err_set(err, KILN_ERR_USER,
                        "template function `sed` is deprecated use `replace` or `replace_all` "
                        "instead.");
}

/* ---- from elsewhere ---- */

static bool look_up(struct kiln_eval *e, enum kiln_lookup_kind kind,
                    const struct kiln_go_value *name, const struct kiln_go_value *key,
                    struct kiln_go_value *ret, struct kiln_err *err)
{
    static const char *const not_here[] = {
        [KILN_LOOKUP_CONSUL] = "consul_key is not allowed here",
        [KILN_LOOKUP_VAULT] = "Vault vars are only allowed in the variables section",
        [KILN_LOOKUP_AWS] = "AWS Secrets Manager is only allowed in the variables section",
        [KILN_LOOKUP_AWS_RAW] = "AWS Secrets Manager is only allowed in the variables section",
    };
    const struct kiln_lookup *lookup = e->ctx->lookup;
    KILN_AUTO_STR value = LONG_TEXT;

    if (!lookup)
        return kiln_err_set(err, KILN_ERR_USER, "%s", not_here[kind]);
    return lookup->get(lookup->ud, kind, text_of(e, name), key ? text_of(e, key) : "", &value,
                       err) &&
           kiln_eval_string(e, &value, ret, err);
}

KILN_INTERP_FUNC(fn_consul_key)
{
    return look_up(e, KILN_LOOKUP_CONSUL, args, NULL, ret, err);
}

KILN_INTERP_FUNC(fn_vault)
{
    return look_up(e, KILN_LOOKUP_VAULT, args, &args[1], ret, err);
}

KILN_INTERP_FUNC(fn_aws)
{
    if (e->ctx->lookup && n > 2)
        return kiln_err_set(err, KILN_ERR_USER,
                            "only secret name and optional secret key can be provided.");
    if (e->ctx->lookup && n == 0)
        return kiln_err_set(err, KILN_ERR_USER, "secret name must be provided");
    return look_up(e, KILN_LOOKUP_AWS, args, n > 1 ? &args[1] : NULL, ret, err);
}

KILN_INTERP_FUNC(fn_aws_raw)
{
    return look_up(e, KILN_LOOKUP_AWS_RAW, args, NULL, ret, err);
}

const struct kiln_interp_func kiln_interp_packer_funcs[] = {
    { "user", "s", fn_user }, /* first: the one that templates are full of */
    { "aws_secretsmanager", "s*", fn_aws },
    { "aws_secretsmanager_raw", "s", fn_aws_raw },
    { "build", "s", fn_build },
    { "build_name", "", fn_build_name },
    { "build_type", "", fn_build_type },
    { "consul_key", "s", fn_consul_key },
    { "env", "s", fn_env },
    { "isotime", "s*", fn_isotime },
    { "lower", "s", fn_lower },
    { "packer_version", "", fn_packer_version },
    { "pwd", "", fn_pwd },
    { "replace", "ssis", fn_replace },
    { "replace_all", "sss", fn_replace_all },
    { "sed", "ss", fn_sed },
    { "split", "ssi", fn_split },
    { "strftime", "s", fn_strftime },
    { "template_dir", "", fn_template_dir },
    { "timestamp", "", fn_timestamp },
    { "upper", "s", fn_upper },
    { "uuid", "", fn_uuid },
    { "vault", "ss", fn_vault },
    { 0 },
};

static const struct kiln_interp_func *find_in(const struct kiln_interp_func *f,
                                              struct kiln_span name)
{
    for (; f->name; f++) {
        if (strncmp(f->name, name.s, name.len) == 0 && !f->name[name.len])
            return f;
    }
    return NULL;
}

const struct kiln_interp_func *kiln_interp_find_func(struct kiln_span name)
{
    const struct kiln_interp_func *f = find_in(kiln_interp_packer_funcs, name);

    if (f)
        return f;
    if (name.len == 3 && memcmp(name.s, "and", 3) == 0)
        return &kiln_interp_and;
    if (name.len == 2 && memcmp(name.s, "or", 2) == 0)
        return &kiln_interp_or;
    return find_in(kiln_interp_builtins, name);
}

char *kiln_interp_nearest_func(struct kiln_span name)
{
    KILN_AUTO_FREE char *word = kiln_xstrndup(name.s, name.len);
    const struct kiln_interp_func *tables[] = { kiln_interp_packer_funcs, kiln_interp_builtins };
    const char *names[64];
    size_t n = 0;

    for (size_t i = 0; i < KILN_COUNT(tables); i++) {
        for (const struct kiln_interp_func *f = tables[i]; f->name; f++) {
            assert(n < KILN_COUNT(names));
            if (strlen(f->name) > 2) /* eq, ne …: near everything */
                names[n++] = f->name;
        }
    }
    return kiln_xstrdup(kiln_did_you_mean(word, names, n));
}
