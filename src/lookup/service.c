#include "lookup/service.h"

#include <strings.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/fetch.h"
#include "net/url.h"
#include "template/diag.h"
#include "template/gofmt.h"
#include "template/tree.h"

#define MAX_REASON      300 /* bytes of foreign text in an error */
#define MAX_AUTHORITIES (16u << 20)

void kiln_answer_done(struct kiln_answer *a)
{
    kiln_str_done(&a->body);
}

void kiln_service_done(struct kiln_service *s)
{
    free(s->address);
    free(s->unix_socket);
    kiln_strv_done(&s->headers);
    kiln_str_done(&s->authorities);
    *s = (struct kiln_service){ 0 };
}

/* ---- what the environment says ---- */

const char *kiln_lookup_env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

bool kiln_lookup_env_bool(const char *name, bool otherwise, bool *ret, struct kiln_err *err)
{
    const char *value = kiln_lookup_env(name);

    if (value)
        return kiln_go_parse_bool(value, ret) ||
               kiln_err_set(err, KILN_ERR_USER, "could not parse %s: write true or false", name);
    *ret = otherwise;
    return true;
}

static const char *prefixed_env(const char *prefix, const char *name)
{
    KILN_AUTO_FREE char *full = kiln_xasprintf("%s_%s", prefix, name);

    return kiln_lookup_env(full);
}

/* The certificates of a text: keys that lie among them are nothing to read, or to ask a password
 * for. */
static void add_certificates(struct kiln_service *s, const char *pem)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const char *stop;

    for (; (pem = strstr(pem, begin)) && (stop = strstr(pem, end)); pem = stop) {
        stop += strlen(end);
        kiln_str_add(&s->authorities, pem, (size_t)(stop - pem));
        kiln_str_addc(&s->authorities, '\n');
    }
}

/* The files of a directory, those behind symlinks too: that is how Kubernetes mounts secrets. */
static bool list_files(const char *dir, struct kiln_strv *ret, struct kiln_err *err)
{
    KILN_AUTO_STRV names = { 0 };

    if (!kiln_fs_list(dir, &names, err))
        return false;
    KILN_STRV_FOREACH (name, &names) {
        KILN_AUTO_FREE char *path = kiln_path_join(dir, name);
        struct stat st;

        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            kiln_strv_add(ret, path);
    }
    return true;
}

bool kiln_service_add_authorities(struct kiln_service *s, const char *file, const char *dir,
                                  struct kiln_err *err)
{
    KILN_AUTO_STRV files = { 0 };

    if (file)
        kiln_strv_add(&files, file);
    else if (!list_files(dir, &files, err))
        return false;
    KILN_STRV_FOREACH (name, &files) {
        KILN_AUTO_STR text = { 0 };

        if (!kiln_fs_read(name, MAX_AUTHORITIES, &text, err))
            return false;
        add_certificates(s, kiln_str_cstr(&text));
        if (s->authorities.len > MAX_AUTHORITIES)
            return kiln_err_set(err, KILN_ERR_USER, "%s: more than %u bytes of certificates",
                                file ? file : dir, MAX_AUTHORITIES);
    }
    if (s->authorities.len == 0)
        return kiln_err_set(err, KILN_ERR_USER, "%s: no certificate in PEM form",
                            file ? file : dir);
    return true;
}

bool kiln_service_read_tls(struct kiln_service *s, const char *prefix, struct kiln_err *err)
{
    const char *file = prefixed_env(prefix, "CACERT"), *dir = prefixed_env(prefix, "CAPATH");
    const char *bytes = file ? NULL : prefixed_env(prefix, "CACERT_BYTES");

    s->tls.cert = prefixed_env(prefix, "CLIENT_CERT");
    s->tls.key = prefixed_env(prefix, "CLIENT_KEY");
    s->tls.name = prefixed_env(prefix, "TLS_SERVER_NAME");
    if (!s->tls.cert != !s->tls.key)
        return kiln_err_set(err, KILN_ERR_USER,
                            "%s_CLIENT_CERT and %s_CLIENT_KEY: both must be set, or none", prefix,
                            prefix);
    if (bytes) {
        add_certificates(s, bytes);
        return s->authorities.len > 0 ||
               kiln_err_set(err, KILN_ERR_USER, "%s_CACERT_BYTES: no certificate in PEM form",
                            prefix);
    }
    return (!file && !dir) || kiln_service_add_authorities(s, file, dir, err) ||
           kiln_err_wrap(err, "%s_%s", prefix, file ? "CACERT" : "CAPATH");
}

bool kiln_service_set_address(struct kiln_service *s, const char *url, const char *name,
                              struct kiln_err *err)
{
    size_t len = strlen(url);

    if (kiln_has_prefix(url, "unix://")) {
        s->unix_socket = kiln_xstrdup(url + strlen("unix://"));
        s->address = kiln_xstrdup("http://localhost");
        return true;
    }
    if (kiln_url_kind(url) != KILN_URL_HTTP || strpbrk(url, "?#"))
        return kiln_err_set(err, KILN_ERR_USER,
                            "%s is not the URL of a server: write https://HOST:PORT", name);
    while (len > 0 && url[len - 1] == '/')
        len--;
    s->address = kiln_xstrndup(url, len);
    return true;
}

/* ---- asking ---- */

static bool on_body(void *ud, const void *data, size_t len, struct kiln_err *err)
{
    struct kiln_str *body = ud;

    if (body->len + len > KILN_MAX_LOOKUP)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the answer has more than %u bytes",
                            KILN_MAX_LOOKUP);
    kiln_str_add(body, data, len);
    return true;
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* As Go's HTTP client: a name and password are for the server that they were given for. */
static void add_headers(const struct kiln_service *s, const char *url, struct kiln_strv *ret)
{
    KILN_AUTO_FREE char *own = kiln_url_origin(s->address), *asked = kiln_url_origin(url);

    KILN_STRV_FOREACH (header, &s->headers) {
        if (kiln_streq(own, asked) || strncasecmp(header, "Authorization:", 14) != 0)
            kiln_strv_add(ret, header);
    }
}

static bool ask_url(const struct kiln_service *s, const struct kiln_ask *a, const char *url,
                    struct kiln_str *redirect, struct kiln_cancel *c, struct kiln_answer *ret,
                    struct kiln_err *err)
{
    KILN_AUTO_STRV headers = { 0 };
    struct kiln_exchange_tls tls = s->tls;
    struct kiln_exchange_head head;
    struct kiln_exchange x = {
        .url = url,
        .method = a->method,
        .headers = &headers,
        .body = a->body,
        .body_len = a->body ? strlen(a->body) : 0,
        .api = true,
        .redirect = redirect,
        .unix_socket = s->unix_socket,
        .proxy = s->proxy,
        .tls = &tls,
        .stall_us = KILN_STALL_US,
        .deadline = kiln_cancel_deadline(c, s->timeout_us),
        .data = on_body,
        .ud = &ret->body,
    };

    if (s->authorities.len > 0)
        tls.authorities = kiln_str_cstr(&s->authorities);
    add_headers(s, url, &headers);
    if (a->headers)
        kiln_strv_add_all(&headers, a->headers);
    kiln_str_clear(&ret->body);
    if (!kiln_exchange_run(&x, c, &head, err))
        return false;
    ret->status = head.status;
    return true;
}

static bool follow(const char *from, const char *to, struct kiln_err *err)
{
    if (strncasecmp(from, "https:", 6) == 0 && strncasecmp(to, "https:", 6) != 0)
        return kiln_err_set(err, KILN_ERR_REMOTE, "redirect would cause protocol downgrade");
    return true;
}

static const char *method_of(const struct kiln_ask *a)
{
    return a->method ? a->method : a->body ? "POST" : "GET";
}

static bool ask_once(const struct kiln_service *s, const struct kiln_ask *a, struct kiln_cancel *c,
                     struct kiln_answer *ret, struct kiln_err *err)
{
    KILN_AUTO_FREE char *url = kiln_xasprintf("%s%s", s->address, a->path);

    for (unsigned i = 0;; i++) {
        KILN_AUTO_STR to = { 0 };
        KILN_AUTO_FREE char *shown = kiln_url_redact(url);

        if (!ask_url(s, a, url, &to, c, ret, err) ||
            (is_redirect(ret->status) && !follow(url, kiln_str_cstr(&to), err)))
            return kiln_err_wrap(err, "%s: %s %s", s->failure, method_of(a), shown);
        if (!is_redirect(ret->status) || to.len == 0 || i == s->redirects)
            return true;
        free(url);
        url = kiln_str_steal(&to);
    }
}

bool kiln_service_ask(const struct kiln_service *s, const struct kiln_ask *a, struct kiln_cancel *c,
                      struct kiln_answer *ret, struct kiln_err *err)
{
    for (unsigned i = 0;; i++) {
        if (!ask_once(s, a, c, ret, err))
            return false;
        if (!s->busy || !s->busy(ret) || i == s->retries)
            return true;
        if (!kiln_wait_us(c, s->retry_us * (i + 1), err))
            return false;
    }
}

bool kiln_service_refused(const struct kiln_service *s, const struct kiln_ask *a, long status,
                          const char *why, struct kiln_err *err)
{
    KILN_AUTO_FREE char *url = kiln_xasprintf("%s%s", s->address, a->path);
    KILN_AUTO_FREE char *shown = kiln_url_redact(url);
    KILN_AUTO_STR reason = { 0 };

    for (const char *p = why; *p && reason.len < MAX_REASON; p++) {
        bool blank = (unsigned char)*p <= ' ' || *p == 0x7f;

        if (!blank || (p > why && reason.len > 0 && reason.data[reason.len - 1] != ' '))
            kiln_str_addc(&reason, blank ? ' ' : *p);
    }
    while (reason.len > 0 && reason.data[reason.len - 1] == ' ')
        kiln_str_truncate(&reason, reason.len - 1);
    return kiln_err_set(err, KILN_ERR_REMOTE, "%s: %s %s: %ld%s%s", s->failure, method_of(a), shown,
                        status, reason.len ? ": " : "", kiln_str_cstr(&reason));
}

/* ---- answers ---- */

struct kiln_tree *kiln_lookup_json(const char *text, size_t len, struct kiln_err *err)
{
    struct kiln_source *source = kiln_source_new("the answer", text, len);
    struct kiln_diag diag = { 0 };
    struct kiln_tree *tree = kiln_json_parse_lenient(source, &diag);

    if (!tree)
        kiln_err_set(err, KILN_ERR_REMOTE, "the answer is not JSON");
    kiln_source_unref(source);
    kiln_diag_done(&diag);
    return tree;
}

const char *kiln_lookup_string(const struct kiln_node *object, const char *key)
{
    const struct kiln_node *value =
        object->type == KILN_NODE_OBJECT ? kiln_node_get(object, key) : NULL;

    return value && value->type == KILN_NODE_STRING ? value->u.string.s : NULL;
}
