#include "net/url.h"

#include <ctype.h>
#include <strings.h>

#include "base/encode.h"
#include "base/mem.h"
#include "base/strv.h"

/* Length of "scheme" if url starts with "scheme:", else 0. */
static size_t scheme_len(const char *url)
{
    size_t n = 0;

    if (!isalpha((unsigned char)url[0]))
        return 0;
    while (isalnum((unsigned char)url[n]) || (url[n] && strchr("+-.", url[n])))
        n++;
    return url[n] == ':' ? n : 0;
}

static bool scheme_is(const char *url, size_t n, const char *scheme)
{
    return strlen(scheme) == n && strncasecmp(url, scheme, n) == 0;
}

enum kiln_url_kind kiln_url_kind(const char *url)
{
    size_t n = scheme_len(url);

    if (n && scheme_is(url, n, "file"))
        return KILN_URL_FILE;
    if (!n || strncmp(url + n, "://", 3) != 0)
        return KILN_URL_PATH;
    if (scheme_is(url, n, "http") || scheme_is(url, n, "https"))
        return KILN_URL_HTTP;
    return KILN_URL_OTHER;
}

/* The parts of a URL; each is a stretch of the text that was given. */
struct url_parts {
    const char *authority; /* user:password@host:port; NULL if none */
    size_t authority_len;
    const char *path;
    size_t path_len;
    const char *query; /* behind the '?', NULL if none */
    size_t query_len;
    const char *fragment; /* from the '#' on; "" if none */
};

static void url_split(const char *url, struct url_parts *p)
{
    size_t n = scheme_len(url);
    const char *s = url;

    *p = (struct url_parts){ 0 };
    if (kiln_url_kind(url) != KILN_URL_PATH) {
        s += n + 1;
        if (kiln_has_prefix(s, "//")) {
            p->authority = s + 2;
            p->authority_len = strcspn(p->authority, "/?#");
            s = p->authority + p->authority_len;
        }
    }
    p->path = s;
    p->path_len = strcspn(s, "?#");
    s += p->path_len;
    if (*s == '?') {
        p->query = s + 1;
        p->query_len = strcspn(p->query, "#");
        s = p->query + p->query_len;
    }
    p->fragment = s;
}

/* The authority of a file: URL is no host but the start of a relative path, as in file://./x. */
static bool file_path(const struct url_parts *p, struct kiln_str *out, struct kiln_err *err)
{
    bool host = p->authority_len > 0 && !(p->authority_len == strlen("localhost") &&
                                          strncasecmp(p->authority, "localhost", 9) == 0);

    return (!host || kiln_url_decode(out, p->authority, p->authority_len, err)) &&
           kiln_url_decode(out, p->path, p->path_len, err);
}

char *kiln_url_local_path(const char *url, struct kiln_err *err)
{
    KILN_AUTO_STR out = { 0 };
    struct url_parts p;

    if (kiln_url_kind(url) == KILN_URL_PATH)
        return kiln_xstrdup(url);
    url_split(url, &p);
    if (!file_path(&p, &out, err)) {
        kiln_err_wrap(err, "%s", url);
        return NULL;
    }
    return kiln_str_steal(&out);
}

char *kiln_url_path(const char *url)
{
    KILN_AUTO_STR out = { 0 };
    struct url_parts p;
    bool ok;

    if (kiln_url_kind(url) == KILN_URL_PATH)
        return kiln_xstrdup(url);
    url_split(url, &p);
    ok = kiln_url_kind(url) == KILN_URL_FILE ? file_path(&p, &out, NULL)
                                             : kiln_url_decode(&out, p.path, p.path_len, NULL);
    return ok ? kiln_str_steal(&out) : kiln_xstrndup(p.path, p.path_len);
}

/* Length of "user:password@" at the start of the authority, 0 if it has none. */
static size_t userinfo_len(const struct url_parts *p)
{
    const char *at = p->authority ? memrchr(p->authority, '@', p->authority_len) : NULL;

    return at ? (size_t)(at - p->authority) + 1 : 0;
}

char *kiln_url_origin(const char *url)
{
    KILN_AUTO_STR out = { 0 };
    struct url_parts p;
    size_t skip;

    url_split(url, &p);
    if (kiln_url_kind(url) == KILN_URL_FILE || !p.authority)
        return kiln_xstrdup("");
    skip = userinfo_len(&p);
    kiln_str_add(&out, url, (size_t)(p.authority - url));
    kiln_str_add(&out, p.authority + skip, p.authority_len - skip);
    for (size_t i = 0; i < out.len; i++)
        out.data[i] = (char)tolower((unsigned char)out.data[i]);
    return kiln_str_steal(&out);
}

char *kiln_url_escape(const char *url)
{
    KILN_AUTO_STR out = { 0 };

    for (const unsigned char *p = (const unsigned char *)url; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}", *p))
            kiln_str_addf(&out, "%%%02X", *p);
        else
            kiln_str_addc(&out, (char)*p);
    }
    return kiln_xstrdup(kiln_str_cstr(&out));
}

char *kiln_url_redact(const char *url)
{
    KILN_AUTO_STR out = { 0 };
    struct url_parts p;
    const char *colon;
    size_t user;

    url_split(url, &p);
    user = userinfo_len(&p);
    colon = user ? memchr(p.authority, ':', user) : NULL;
    if (!colon)
        return kiln_xstrdup(url);
    kiln_str_add(&out, url, (size_t)(colon - url) + 1);
    kiln_str_adds(&out, "xxxxx");
    kiln_str_adds(&out, p.authority + user - 1);
    return kiln_str_steal(&out);
}

static void query_decode(const char *s, size_t len, struct kiln_str *out)
{
    KILN_AUTO_FREE char *plain = kiln_xstrndup(s, len);

    for (char *c = plain; *c; c++)
        if (*c == '+')
            *c = ' ';
    if (!kiln_url_decode(out, plain, strlen(plain), NULL))
        kiln_str_adds(out, plain);
}

/* Parameters in the order given; a name may come more than once. */
struct query {
    struct kiln_strv names, values;
};

static void query_done(struct query *q)
{
    kiln_strv_done(&q->names);
    kiln_strv_done(&q->values);
}

static void query_parse(struct query *q, const char *s, size_t len)
{
    KILN_AUTO_FREE char *text = kiln_xstrndup(s, len);
    KILN_AUTO_STRV pairs = { 0 };

    kiln_strv_split(&pairs, text, '&');
    KILN_STRV_FOREACH (pair, &pairs) {
        size_t n = strcspn(pair, "=");
        KILN_AUTO_STR name = { 0 }, value = { 0 };

        if (!*pair)
            continue;
        query_decode(pair, n, &name);
        if (pair[n])
            query_decode(pair + n + 1, strlen(pair + n + 1), &value);
        kiln_strv_add(&q->names, kiln_str_cstr(&name));
        kiln_strv_add(&q->values, kiln_str_cstr(&value));
    }
}

char *kiln_url_query_get(const char *url, const char *name)
{
    KILN_CLEANUP(query_done) struct query q = { 0 };
    struct url_parts p;

    url_split(url, &p);
    if (p.query)
        query_parse(&q, p.query, p.query_len);
    for (size_t i = 0; i < q.names.n; i++)
        if (kiln_streq(q.names.v[i], name))
            return kiln_xstrdup(q.values.v[i]);
    return NULL;
}

static void query_format(const struct query *q, struct kiln_str *out)
{
    KILN_AUTO_STRV sorted = { 0 };
    const char *last = NULL;

    kiln_strv_add_all(&sorted, &q->names);
    kiln_strv_sort(&sorted);
    KILN_STRV_FOREACH (name, &sorted) {
        if (kiln_streq(name, last)) /* all values of a name come with its first mention */
            continue;
        last = name;
        for (size_t i = 0; i < q->names.n; i++) {
            if (!kiln_streq(q->names.v[i], name))
                continue;
            kiln_str_addc(out, out->len ? '&' : '?');
            kiln_url_add_query(out, name);
            kiln_str_addc(out, '=');
            kiln_url_add_query(out, q->values.v[i]);
        }
    }
}

char *kiln_url_query_set(const char *url, const char *name, const char *value)
{
    KILN_CLEANUP(query_done) struct query q = { 0 };
    KILN_CLEANUP(query_done) struct query kept = { 0 };
    KILN_AUTO_STR query = { 0 }, out = { 0 };
    struct url_parts p;

    url_split(url, &p);
    if (p.query)
        query_parse(&q, p.query, p.query_len);
    if (!value && !kiln_strv_has(&q.names, name))
        return kiln_xstrdup(url);
    for (size_t i = 0; i < q.names.n; i++)
        if (!kiln_streq(q.names.v[i], name)) {
            kiln_strv_add(&kept.names, q.names.v[i]);
            kiln_strv_add(&kept.values, q.values.v[i]);
        }
    if (value) {
        kiln_strv_add(&kept.names, name);
        kiln_strv_add(&kept.values, value);
    }
    query_format(&kept, &query);
    kiln_str_add(&out, url, (size_t)(p.path - url) + p.path_len);
    kiln_str_adds(&out, kiln_str_cstr(&query));
    kiln_str_adds(&out, p.fragment);
    return kiln_str_steal(&out);
}
