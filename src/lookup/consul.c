/* {{consul_key}}: one value of Consul's key/value store. */
#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "lookup/providers.h"
#include "template/tree.h"

#define MAX_TOKEN_FILE (64u << 10)

/* CONSUL_HTTP_ADDR is a URL, or only HOST:PORT. CONSUL_HTTP_SSL is never undone by http://. */
static bool set_address(struct kiln_service *s, struct kiln_err *err)
{
    const char *address = kiln_lookup_env("CONSUL_HTTP_ADDR");
    const char *rest = address ? strstr(address, "://") : NULL;
    KILN_AUTO_FREE char *url = NULL;
    bool ssl;

    if (!kiln_lookup_env_bool("CONSUL_HTTP_SSL", false, &ssl, err))
        return false;
    if (rest && (!kiln_has_prefix(address, "http://") || !ssl))
        return kiln_service_set_address(s, address, "CONSUL_HTTP_ADDR", err);
    if (!address)
        address = "127.0.0.1:8500";
    url = kiln_xasprintf("http%s://%s", ssl ? "s" : "", rest ? rest + 3 : address);
    return kiln_service_set_address(s, url, "CONSUL_HTTP_ADDR", err);
}

static bool add_token(struct kiln_lookup_run *run, struct kiln_service *s, struct kiln_err *err)
{
    const char *file = kiln_lookup_env("CONSUL_HTTP_TOKEN_FILE");
    const char *token = kiln_lookup_env("CONSUL_HTTP_TOKEN");
    KILN_AUTO_STR text = { 0 };

    if (file) {
        size_t skip;

        if (!kiln_fs_read(file, MAX_TOKEN_FILE, &text, err))
            return kiln_err_wrap(err, "Error loading token file");
        skip = strspn(kiln_str_cstr(&text), " \t\r\n");
        kiln_str_remove(&text, 0, skip);
        while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
            kiln_str_truncate(&text, text.len - 1);
        if (text.len > 0)
            token = kiln_str_cstr(&text);
    }
    if (token) {
        kiln_strv_add(&run->credentials, token);
        kiln_strv_addf(&s->headers, "X-Consul-Token: %s", token);
    }
    return true;
}

static void add_auth(struct kiln_lookup_run *run, struct kiln_service *s)
{
    const char *auth = kiln_lookup_env("CONSUL_HTTP_AUTH");
    const char *colon = auth ? strchr(auth, ':') : NULL;
    KILN_AUTO_STR text = { 0 }, base64 = { 0 };

    if (!auth)
        return;
    if (colon)
        kiln_strv_add(&run->credentials, colon + 1);
    kiln_str_addf(&text, "%s%s", auth, colon ? "" : ":");
    kiln_base64_add(&base64, text.data, text.len);
    kiln_strv_addf(&s->headers, "Authorization: Basic %s", kiln_str_cstr(&base64));
}

static bool open_service(struct kiln_lookup_run *run, struct kiln_service *s, struct kiln_err *err)
{
    bool verify;

    s->failure = "error reading consul key";
    s->timeout_us = KILN_LOOKUP_TIMEOUT_US;
    s->redirects = 1;
    if (!set_address(s, err) || !kiln_service_read_tls(s, "CONSUL", err) ||
        !kiln_lookup_env_bool("CONSUL_HTTP_SSL_VERIFY", true, &verify, err) ||
        !add_token(run, s, err))
        return false;
    s->tls.insecure = !verify;
    add_auth(run, s);
    return true;
}

static char *path_of(const char *key)
{
    const char *namespace = kiln_lookup_env("CONSUL_NAMESPACE");
    const char *partition = kiln_lookup_env("CONSUL_PARTITION");
    struct kiln_str path = { 0 };

    kiln_str_adds(&path, "/v1/kv/");
    kiln_url_add_path(&path, *key == '/' ? key + 1 : key);
    if (namespace) {
        kiln_str_adds(&path, "?ns=");
        kiln_url_add_query(&path, namespace);
    }
    if (partition) {
        kiln_str_adds(&path, namespace ? "&partition=" : "?partition=");
        kiln_url_add_query(&path, partition);
    }
    return kiln_str_steal(&path);
}

bool kiln_consul_read(const char *answer, size_t len, const char *key, struct kiln_str *out,
                      struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = kiln_lookup_json(answer, len, err);
    const struct kiln_node *root = tree ? kiln_tree_root(tree) : NULL;
    size_t before = out->len;
    const char *value;

    if (!root)
        return false;
    if (root->type != KILN_NODE_LIST)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the answer is not Consul's");
    if (root->u.list.n == 0)
        return kiln_err_set(err, KILN_ERR_USER, "key does not exist at the given path: %s", key);
    value = kiln_lookup_string(root->u.list.items[0], "Value"); /* null: empty */
    if (value && !kiln_base64_decode(out, value, strlen(value), err))
        return kiln_err_wrap(err, "the answer is not Consul's");
    if (out->len == before)
        return kiln_err_set(err, KILN_ERR_USER, "value is empty at path %s", key);
    return true;
}

bool kiln_consul_get(struct kiln_lookup_run *run, const char *key, struct kiln_str *out,
                     struct kiln_err *err)
{
    KILN_AUTO_SERVICE s = { 0 };
    KILN_AUTO_ANSWER answer = { 0 };
    KILN_AUTO_FREE char *path = path_of(key);
    const struct kiln_ask ask = { .path = path };

    if (!open_service(run, &s, err) || !kiln_service_ask(&s, &ask, run->cancel, &answer, err))
        return false;
    if (answer.status == 404)
        return kiln_err_set(err, KILN_ERR_USER, "key does not exist at the given path: %s", key);
    if (answer.status != 200)
        return kiln_service_refused(&s, &ask, answer.status, kiln_str_cstr(&answer.body), err);
    return kiln_consul_read(kiln_str_cstr(&answer.body), answer.body.len, key, out, err);
}
