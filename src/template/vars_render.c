#include "template/vars_render.h"

#include "base/mem.h"

/*
 * A protected run goes through the renderer as MARK, its number, END, padded to its own length so
 * that offsets in errors stay right. A MARK that the value itself holds is protected the same way.
 */
#define MARK '\x01'
#define END  '\x02'

struct run {
    const char *start;
    size_t len;
};

struct runs {
    struct run *v; /* owned */
    size_t n, cap;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* Length of a protected run at p, or 0: {{, one space or none, a dot, anything on one line, }}. */
static size_t run_length(const char *p)
{
    const char *q = p + 2;

    if (*p == MARK)
        return 1;
    if (p[0] != '{' || p[1] != '{')
        return 0;
    q += is_space(*q);
    if (*q++ != '.')
        return 0;
    for (; *q != '\0'; q++) {
        if (q[0] == '}' && q[1] == '}')
            return (size_t)(q - p) + 2;
        if (*q == '\n' && !(q[1] == '}' && q[2] == '}'))
            return 0;
    }
    return 0;
}

static void add_run(struct runs *runs, const char *start, size_t len)
{
    if (runs->n == runs->cap) {
        runs->cap = runs->cap ? runs->cap * 2 : 8;
        runs->v = kiln_xrealloc(runs->v, runs->cap, sizeof(*runs->v));
    }
    runs->v[runs->n++] = (struct run){ start, len };
}

static void protect(const char *raw, struct runs *runs, struct kiln_str *out)
{
    const char *p = raw;

    while (*p != '\0') {
        size_t len = run_length(p);
        size_t plain = strcspn(p + 1, "{\x01") + 1;

        if (len == 0) {
            kiln_str_add(out, p, plain);
            p += plain;
            continue;
        }
        kiln_str_addc(out, MARK);
        kiln_str_addf(out, "%0*zu", len > 3 ? (int)len - 2 : 1, runs->n);
        kiln_str_addc(out, END);
        add_run(runs, p, len);
        p += len;
    }
}

static void restore(const char *text, const struct runs *runs, struct kiln_str *out)
{
    const char *p = text;

    while (*p != '\0') {
        size_t plain = strcspn(p, "\x01");
        char *end;
        size_t i;

        kiln_str_add(out, p, plain);
        p += plain;
        if (*p == '\0')
            break;
        i = p[1] >= '0' && p[1] <= '9' ? strtoul(p + 1, &end, 10) : SIZE_MAX;
        if (i < runs->n && *end == END) {
            kiln_str_add(out, runs->v[i].start, runs->v[i].len);
            p = end + 1;
        } else {
            kiln_str_addc(out, *p++);
        }
    }
}

bool kiln_vars_render(const struct kiln_interp *ctx, const char *raw, struct kiln_str *out,
                      size_t *ret_offset, struct kiln_err *err)
{
    KILN_AUTO_STR safe = { 0 };
    KILN_AUTO_STR rendered = { 0 };
    struct runs runs = { 0 };
    bool ok;

    protect(raw, &runs, &safe);
    ok = kiln_interp_render(ctx, kiln_str_cstr(&safe), &rendered, ret_offset, err);
    if (ok)
        restore(kiln_str_cstr(&rendered), &runs, out);
    free(runs.v);
    return ok;
}

static const char *skip_space(const char *p)
{
    while (is_space(*p))
        p++;
    return p;
}

bool kiln_vars_is_open(const char *raw)
{
    for (const char *p = strstr(raw, "{{"); p; p = strstr(p + 1, "{{")) {
        const char *q = skip_space(p + 2);

        if (!kiln_has_prefix(q, "user"))
            continue;
        q = skip_space(q + 4);
        if (*q != '`')
            continue;
        for (q++; *q != '\0' && *q != '\n'; q++) /* a later closing backquote counts as well */
            if (*q == '`' && kiln_has_prefix(skip_space(q + 1), "}}"))
                return true;
    }
    return false;
}
