/* {{vault}}: one value of a secret in Vault's KV engine, version 1 or 2. */
#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "lookup/providers.h"
#include "template/tree.h"

#define MAX_RETRIES 100

/* Seconds as a bare number, or Go's durations. */
static bool read_timeout(struct kiln_service *s, struct kiln_err *err)
{
    const char *text = kiln_lookup_env("VAULT_CLIENT_TIMEOUT");
    int64_t ns = 0;

    s->timeout_us = KILN_LOOKUP_TIMEOUT_US;
    if (!text)
        return true;
    if (!kiln_parse_i64(text, &ns) || ns < 0 || ns > 1000000) {
        if (!kiln_duration_parse(text, &ns, NULL) || ns < 0)
            return kiln_err_set(err, KILN_ERR_USER, "could not parse \"VAULT_CLIENT_TIMEOUT\"");
    } else {
        ns *= 1000000000;
    }
    if (ns > 0)
        s->timeout_us = ns / 1000;
    return true;
}

static bool read_retries(struct kiln_service *s, struct kiln_err *err)
{
    const char *text = kiln_lookup_env("VAULT_MAX_RETRIES");
    int64_t n = 2;

    if (text && (!kiln_parse_i64(text, &n) || n < 0))
        return kiln_err_set(err, KILN_ERR_USER, "VAULT_MAX_RETRIES: write a number");
    s->retries = n < MAX_RETRIES ? (unsigned)n : MAX_RETRIES;
    s->retry_us = KILN_SECOND(1);
    return true;
}

/* A JSON object of names and values. */
static bool add_headers(struct kiln_service *s, struct kiln_err *err)
{
    const char *text = kiln_lookup_env("VAULT_HEADERS");
    KILN_CLEANUP(kiln_tree_freep)
    struct kiln_tree *tree = text ? kiln_lookup_json(text, strlen(text), NULL) : NULL;
    const struct kiln_node *root = tree ? kiln_tree_root(tree) : NULL;

    if (!text)
        return true;
    if (!root || root->type != KILN_NODE_OBJECT)
        return kiln_err_set(err, KILN_ERR_USER, "VAULT_HEADERS is not an object in JSON");
    for (size_t i = 0; i < root->u.object.n; i++) {
        const struct kiln_member *m = &root->u.object.members[i];

        if (strncasecmp(m->key, "X-Vault-", 8) == 0)
            return kiln_err_set(err, KILN_ERR_USER,
                                "VAULT_HEADERS: names with X-Vault- are Vault's own");
        if (m->value->type != KILN_NODE_STRING)
            return kiln_err_set(err, KILN_ERR_USER, "VAULT_HEADERS holds a value not in quotes");
        kiln_strv_addf(&s->headers, "%s: %s", m->key, m->value->u.string.s);
    }
    return true;
}

static bool busy(const struct kiln_answer *a)
{
    return a->status == 412 || a->status == 429 || (a->status >= 500 && a->status != 501);
}

static bool read_flags(struct kiln_service *s, struct kiln_err *err)
{
    bool stay, srv;

    if (!kiln_lookup_env_bool("VAULT_SKIP_VERIFY", false, &s->tls.insecure, err) ||
        !kiln_lookup_env_bool("VAULT_DISABLE_REDIRECTS", false, &stay, err) ||
        !kiln_lookup_env_bool("VAULT_SRV_LOOKUP", false, &srv, err))
        return false;
    s->redirects = stay ? 0 : 1;
    return !srv || kiln_err_set(err, KILN_ERR_USER,
                                "VAULT_SRV_LOOKUP: kiln does not ask DNS for Vault's port; write "
                                "it into VAULT_ADDR");
}

static bool open_service(struct kiln_lookup_run *run, struct kiln_service *s, struct kiln_err *err)
{
    const char *token = kiln_lookup_env("VAULT_TOKEN");
    const char *namespace = kiln_lookup_env("VAULT_NAMESPACE");
    const char *agent = kiln_lookup_env("VAULT_AGENT_ADDR"),
               *address = kiln_lookup_env("VAULT_ADDR");

    if (!token)
        return kiln_err_set(err, KILN_ERR_USER,
                            "Must set VAULT_TOKEN env var in order to use vault template function");
    kiln_strv_add(&run->credentials, token);
    s->failure = "Error reading vault secret";
    s->busy = busy;
    s->proxy = kiln_lookup_env("VAULT_PROXY_ADDR");
    if (!s->proxy)
        s->proxy = kiln_lookup_env("VAULT_HTTP_PROXY");
    kiln_strv_addf(&s->headers, "X-Vault-Token: %s", token);
    kiln_strv_add(&s->headers, "X-Vault-Request: true");
    if (namespace)
        kiln_strv_addf(&s->headers, "X-Vault-Namespace: %s", namespace);
    return kiln_service_set_address(s,
                                    agent     ? agent
                                    : address ? address
                                              : "https://127.0.0.1:8200",
                                    agent ? "VAULT_AGENT_ADDR" : "VAULT_ADDR", err) &&
           kiln_service_read_tls(s, "VAULT", err) && read_flags(s, err) && read_timeout(s, err) &&
           read_retries(s, err) && add_headers(s, err);
}

/* Vault's own words, from {"errors": [...]} or {"warnings": [...]}. */
static char *texts_of(const struct kiln_node *root, const char *key)
{
    const struct kiln_node *list =
        root && root->type == KILN_NODE_OBJECT ? kiln_node_get(root, key) : NULL;
    KILN_AUTO_STRV texts = { 0 };

    for (size_t i = 0; list && list->type == KILN_NODE_LIST && i < list->u.list.n; i++) {
        const struct kiln_node *text = list->u.list.items[i];

        if (text->type == KILN_NODE_STRING)
            kiln_strv_add(&texts, text->u.string.s);
    }
    return kiln_strv_join(&texts, "; ");
}

static bool take_value(const struct kiln_node *data, const char *key, struct kiln_str *out,
                       struct kiln_err *err)
{
    const struct kiln_member *m = NULL;
    KILN_AUTO_FREE char *text = NULL;

    for (size_t i = 0; i < data->u.object.n && !m; i++) /* the exact name only */
        if (kiln_streq(data->u.object.members[i].key, key))
            m = &data->u.object.members[i];
    if (!m)
        return kiln_err_set(err, KILN_ERR_USER, "Vault path does not contain the requested key");
    if (m->value->type != KILN_NODE_STRING && m->value->type != KILN_NODE_NUMBER)
        return kiln_err_set(err, KILN_ERR_USER, "the value is of type %s, and has to be a string",
                            kiln_node_type_name(m->value->type));
    text = kiln_node_to_text(m->value);
    kiln_str_adds(out, text);
    return true;
}

static const struct kiln_node *object_in(const struct kiln_node *object, const char *key)
{
    const struct kiln_node *node =
        object->type == KILN_NODE_OBJECT ? kiln_node_get(object, key) : NULL;

    return node && node->type == KILN_NODE_OBJECT ? node : NULL;
}

/*
 * Version 2 has {"data": {"data": {…}, "metadata": {…}}}, version 1 {"data": {…}}. As in Packer, a
 * version 1 secret with a key called "data" counts as version 2; unless that key is asked for and
 * is a string, which Packer does not survive.
 */
bool kiln_vault_read(const char *answer, size_t len, const char *key, struct kiln_str *out,
                     struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = kiln_lookup_json(answer, len, err);
    const struct kiln_node *root = tree ? kiln_tree_root(tree) : NULL;
    const struct kiln_node *outer = root ? object_in(root, "data") : NULL;
    const struct kiln_node *inner = outer ? kiln_node_get(outer, "data") : NULL;
    KILN_AUTO_FREE char *warnings = NULL;

    if (!root)
        return false;
    if (inner && inner->type == KILN_NODE_OBJECT)
        return take_value(inner, key, out, err);
    if (inner && inner->type == KILN_NODE_NULL && object_in(outer, "metadata"))
        return kiln_err_set(err, KILN_ERR_USER, "this version of the secret was deleted");
    if (outer && kiln_node_get(outer, key))
        return take_value(outer, key, out, err);
    warnings = texts_of(root, "warnings");
    return kiln_err_set(err, KILN_ERR_USER,
                        "Vault data was empty at the given path%s%s; a KV engine of version 2 "
                        "wants data/ behind its mount: secret/data/NAME",
                        *warnings ? ": " : "", warnings);
}

static bool refused(const struct kiln_service *s, const struct kiln_ask *ask,
                    const struct kiln_answer *a, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep)
    struct kiln_tree *tree = kiln_lookup_json(kiln_str_cstr(&a->body), a->body.len, NULL);
    KILN_AUTO_FREE char *errors = texts_of(tree ? kiln_tree_root(tree) : NULL, "errors");

    return kiln_service_refused(s, ask, a->status, tree ? errors : kiln_str_cstr(&a->body), err);
}

/* 404 with data or warnings is how Vault tells of a deleted version, or of a wrong path. */
static bool says_something(const struct kiln_answer *a)
{
    KILN_CLEANUP(kiln_tree_freep)
    struct kiln_tree *tree = kiln_lookup_json(kiln_str_cstr(&a->body), a->body.len, NULL);
    KILN_AUTO_FREE char *warnings = texts_of(tree ? kiln_tree_root(tree) : NULL, "warnings");

    return tree && (*warnings || object_in(kiln_tree_root(tree), "data"));
}

static bool ask_vault(struct kiln_lookup_run *run, const char *path, struct kiln_err *err)
{
    KILN_AUTO_SERVICE s = { 0 };
    KILN_AUTO_ANSWER answer = { 0 };
    KILN_AUTO_FREE char *full = kiln_xasprintf("/v1/%s", path);
    KILN_AUTO_FREE char *clean = kiln_path_abs(full);
    KILN_AUTO_STR escaped = { 0 };
    struct kiln_ask ask = { 0 };

    kiln_url_add_path(&escaped, clean);
    ask.path = kiln_str_cstr(&escaped);
    if (!open_service(run, &s, err) || !kiln_service_ask(&s, &ask, run->cancel, &answer, err))
        return false;
    if (answer.status == 404 && !says_something(&answer))
        return kiln_err_set(err, KILN_ERR_USER, "Vault Secret does not exist at the given path");
    if (answer.status != 404 && (answer.status < 200 || answer.status > 299))
        return refused(&s, &ask, &answer, err);
    kiln_strmap_set(&run->vault_answers, path, kiln_str_cstr(&answer.body));
    return true;
}

bool kiln_vault_get(struct kiln_lookup_run *run, const char *path, const char *key,
                    struct kiln_str *out, struct kiln_err *err)
{
    const char *answer;

    if (!kiln_strmap_get(&run->vault_answers, path) && !ask_vault(run, path, err))
        return false;
    answer = kiln_strmap_get(&run->vault_answers, path);
    return kiln_vault_read(answer, strlen(answer), key, out, err);
}
