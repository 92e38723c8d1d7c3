/*
 * What a server sent, read; and whole look-ups against a scripted server, whose requests are
 * checked byte by byte.
 */
#include "lookup/lookup.h"

#include "base/clock.h"
#include "base/limits.h"
#include "lookup/providers.h"
#include "net_peer.h"

/* ---- answers ---- */

enum reader { CONSUL, VAULT, AWS, RAW };

static bool read_answer(enum reader reader, const char *text, const char *key, struct kiln_str *out,
                        struct kiln_err *err)
{
    switch (reader) {
    case CONSUL:
        return kiln_consul_read(text, strlen(text), key, out, err);
    case VAULT:
        return kiln_vault_read(text, strlen(text), key, out, err);
    case AWS:
        return kiln_aws_read(text, strlen(text), key, false, out, err);
    case RAW:
        return kiln_aws_read(text, strlen(text), key, true, out, err);
    }
    return false;
}

#define V2(data) "{\"data\":{\"data\":" data ",\"metadata\":{\"version\":1}}}"
#define AWS_(s)  "{\"Name\":\"n\",\"SecretString\":\"" s "\"}"
#define EMPTY                                                                                      \
    "Vault data was empty at the given path; a KV engine of version 2 wants data/ behind its "     \
    "mount: secret/data/NAME"

static const struct {
    enum reader reader;
    const char *text, *key, *want, *error; /* error: the whole text */
} answers[] = {
    { CONSUL, "[{\"Key\":\"k\",\"Value\":\"aMOp\"}]", "k", "h\xc3\xa9", NULL },
    { CONSUL, "[{\"Value\":\"\"}]", "k", NULL, "value is empty at path k" },
    { CONSUL, "[{\"Value\":null}]", "k", NULL, "value is empty at path k" },
    { CONSUL, "[7]", "k", NULL, "value is empty at path k" },
    { CONSUL, "[]", "k", NULL, "key does not exist at the given path: k" },
    { CONSUL, "{}", "k", NULL, "the answer is not Consul's" },
    { CONSUL, "<html>", "k", NULL, "the answer is not JSON" },
    { CONSUL, "", "k", NULL, "the answer is not JSON" },

    { VAULT, "{\"data\":{\"k\":\"one\"}}", "k", "one", NULL },
    { VAULT, V2("{\"k\":\"two\"}"), "k", "two", NULL },
    { VAULT, V2("{\"k\":\"two\"}"), "K", NULL, "Vault path does not contain the requested key" },
    { VAULT, V2("{\"k\":12}"), "k", "12", NULL },
    { VAULT, V2("{\"k\":true}"), "k", NULL, "the value is of type bool, and has to be a string" },
    { VAULT, V2("{\"k\":{}}"), "k", NULL, "the value is of type object, and has to be a string" },
    { VAULT, V2("null"), "k", NULL, "this version of the secret was deleted" },
    { VAULT, "{\"data\":{\"data\":\"v\"}}", "data", "v", NULL },
    { VAULT, "{\"data\":{}}", "k", NULL, EMPTY },
    { VAULT, "{\"data\":7}", "k", NULL, EMPTY },
    { VAULT, "[]", "k", NULL, EMPTY },
    { VAULT, "{\"data\":{\"k\":\"a\\u0000b\"}}", "k", NULL, "the answer is not JSON" },

    { AWS, AWS_("plain"), "", "plain", NULL },
    { AWS, AWS_("plain"), "ignored", "plain", NULL },
    { AWS, AWS_("0123"), "", "0123", NULL },
    { AWS, AWS_("123"), "", "123", NULL }, /* JSON, too: Packer fails */
    { AWS, AWS_("{\\\"a\\\":\\\"x\\\"}"), "", "x", NULL },
    { AWS, AWS_("{\\\"a\\\":\\\"x\\\",\\\"b\\\":7.0}"), "b", "7", NULL },
    { AWS, AWS_("{\\\"a\\\":\\\"x\\\",\\\"b\\\":7}"), "", NULL,
      "Secret has multiple values and no key was set" },
    { AWS, AWS_("{\\\"a\\\":true}"), "a", NULL, "Unsupported secret value type: bool" },
    { AWS, AWS_("{}"), "", NULL, "No secret found for key \"\"" },
    { AWS, AWS_("{\\\"a\\\":1}"), "A", NULL, "No secret found for key \"A\"" },
    { AWS, AWS_("[1]"), "", NULL, "the secret is a list; aws_secretsmanager_raw gives its text" },
    { AWS, "{\"SecretBinary\":\"eHg=\"}", "", NULL, "Secret is not string" },
    { RAW, AWS_("{\\\"a\\\":true}"), "", "{\"a\":true}", NULL },
};

static void answers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(answers); i++) {
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_ERR err = { 0 };
        bool ok = read_answer(answers[i].reader, answers[i].text, answers[i].key, &out, &err);
        const char *got = ok ? kiln_str_cstr(&out) : kiln_err_text(&err);

        if (ok != !answers[i].error || !kiln_streq(got, ok ? answers[i].want : answers[i].error))
            fail_msg("%s %s: %s", answers[i].text, answers[i].key, got);
    }
}

static void sts_is_read(void **state)
{
    KILN_AUTO_AWS_CREDENTIALS c = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(
        kiln_aws_read_sts("<R><AccessKeyId>A</AccessKeyId>\n<SecretAccessKey>S</SecretAccessKey>"
                          "<SessionToken>T</SessionToken></R>",
                          &c, &err),
        &err);
    assert_string_equal(c.id, "A");
    assert_string_equal(c.secret, "S");
    assert_string_equal(c.token, "T");
    unit_fails(kiln_aws_read_sts("<AccessKeyId>A</AccessKeyId>", &c, &err), &err, KILN_ERR_REMOTE,
               "the answer of AWS STS holds no credentials");
}

static void ini_sections(void **state)
{
    static const char text[] = "a = outside\n"
                               "[default]\n"
                               "# a comment = no\n"
                               "Region=us-east-1 # east\n"
                               "s3 =\n"
                               "  addressing_style = path\n"
                               "key = a;b#c =d\r\n"
                               "[profile  two]\n"
                               "  region = eu-west-1\n"
                               "  role_arn = arn ; old\n"
                               "[profile \"thr ee\"]\n"
                               "region\n"
                               "= x\n"
                               "[default]\n"
                               "last = 1";
    KILN_AUTO_STRMAP m = { 0 }, two = { 0 }, three = { 0 };

    (void)state;
    assert_true(kiln_aws_ini_section(text, "default", &m));
    assert_int_equal(m.keys.n, 4);
    assert_string_equal(kiln_strmap_get(&m, "region"), "us-east-1");
    assert_string_equal(kiln_strmap_get(&m, "s3"), "");
    assert_string_equal(kiln_strmap_get(&m, "key"), "a;b#c =d");
    assert_string_equal(kiln_strmap_get(&m, "last"), "1");
    assert_true(kiln_aws_ini_section(text, "two", &two));
    assert_string_equal(kiln_strmap_get(&two, "region"), "eu-west-1");
    assert_string_equal(kiln_strmap_get(&two, "role_arn"), "arn");
    assert_true(kiln_aws_ini_section(text, "thr ee", &three));
    assert_null(kiln_strmap_get(&three, "region"));
    assert_false(kiln_aws_ini_section(text, "four", &three));
}

/* ---- whole look-ups ---- */

struct bed {
    struct peer peer;
    struct kiln_lookups *l;
    struct kiln_str value;
    struct kiln_err err;
    char *dir; /* HOME */
    bool stopped;
};

static const char *const variables[] = {
    "VAULT_ADDR",
    "VAULT_AGENT_ADDR",
    "VAULT_TOKEN",
    "VAULT_NAMESPACE",
    "VAULT_HEADERS",
    "VAULT_MAX_RETRIES",
    "VAULT_CLIENT_TIMEOUT",
    "VAULT_SKIP_VERIFY",
    "VAULT_DISABLE_REDIRECTS",
    "VAULT_SRV_LOOKUP",
    "VAULT_CLIENT_CERT",
    "VAULT_CACERT",
    "CONSUL_HTTP_ADDR",
    "CONSUL_HTTP_TOKEN",
    "CONSUL_HTTP_TOKEN_FILE",
    "CONSUL_HTTP_AUTH",
    "CONSUL_HTTP_SSL",
    "CONSUL_NAMESPACE",
    "CONSUL_PARTITION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_DISABLED",
};

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static void set_url(const struct bed *b, const char *name, const char *rest)
{
    KILN_AUTO_FREE char *url = kiln_xasprintf("http://127.0.0.1:%d%s", b->peer.port, rest);

    set(name, url);
}

static void bed_open(struct bed *b, const struct turn *turns, size_t n)
{
    *b = (struct bed){ .l = kiln_lookups_new(NULL), .dir = kiln_fs_temp_dir("kiln-test-", NULL) };
    assert_non_null(b->dir);
    for (size_t i = 0; i < KILN_COUNT(variables); i++)
        (void)unsetenv(variables[i]);
    set("HOME", b->dir);
    peer_start(&b->peer, turns, n, false);
}

/* All requests were made. */
static void bed_close(struct bed *b)
{
    kiln_strv_done(&b->peer.requests);
    kiln_lookups_free(b->l);
    kiln_str_done(&b->value);
    kiln_err_clear(&b->err);
    assert_true(kiln_fs_remove_tree(b->dir, NULL));
    free(b->dir);
}

static bool get(struct bed *b, enum kiln_lookup_kind kind, const char *name, const char *key)
{
    const struct kiln_lookup *interp = kiln_lookups_interp(b->l);

    kiln_str_clear(&b->value);
    kiln_err_clear(&b->err);
    return interp->get(interp->ud, kind, name, key, &b->value, &b->err);
}

static void gives(struct bed *b, enum kiln_lookup_kind kind, const char *name, const char *key,
                  const char *want)
{
    unit_ok(get(b, kind, name, key), &b->err);
    assert_string_equal(kiln_str_cstr(&b->value), want);
}

static void fails(struct bed *b, enum kiln_lookup_kind kind, const char *name, const char *key,
                  const char *want)
{
    assert_false(get(b, kind, name, key));
    assert_string_equal(kiln_err_text(&b->err), want);
}

/* The request, its Host taken out because the port is another each time. */
static void asked(struct bed *b, size_t i, const char *want)
{
    KILN_AUTO_FREE char *host = kiln_xasprintf("Host: 127.0.0.1:%d\r\n", b->peer.port);
    KILN_AUTO_STR got = { 0 };
    const char *at;

    assert_true(i < b->peer.requests.n);
    at = strstr(b->peer.requests.v[i], host);
    assert_non_null(at);
    kiln_str_add(&got, b->peer.requests.v[i], (size_t)(at - b->peer.requests.v[i]));
    kiln_str_adds(&got, at + strlen(host));
    assert_string_equal(kiln_str_cstr(&got), want);
}

static void secret_is_known(const struct bed *b, const char *secret)
{
    KILN_AUTO_STRV secrets = { 0 };

    kiln_lookups_secrets(b->l, &secrets);
    if (!kiln_strv_has(&secrets, secret))
        fail_msg("%s is not among the secrets", secret);
}

#define JSON(text)                                                                                 \
    {                                                                                              \
        .head = "HTTP/1.1 200 OK", .body = (text), .len = sizeof(text) - 1                         \
    }
#define STATUS(status, text)                                                                       \
    {                                                                                              \
        .head = "HTTP/1.1 " status, .body = (text), .len = sizeof(text) - 1                        \
    }
#define AGENT "User-Agent: kiln/" KILN_VERSION "\r\nAccept: */*\r\n"

static void vault(void **state)
{
    const struct turn turns[] = {
        JSON(V2("{\"a\":\"first secret\",\"b\":\"second\"}")),
        STATUS("403 Forbidden", "{\"errors\":[\"1 error occurred:\\n\\t* permission denied\\n\"]}"),
        STATUS("404 Not Found", "{\"errors\":[]}"),
        STATUS("503 Busy", "{\"errors\":[\"Vault is sealed\"]}"),
    };
    struct bed b;
    KILN_AUTO_FREE char *refused = NULL, *sealed = NULL;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    set_url(&b, "VAULT_ADDR", "/prefix/");
    set("VAULT_TOKEN", "s.tokentoken");
    set("VAULT_NAMESPACE", "team/a");
    set("VAULT_HEADERS", "{\"X-Mesh\": \"yes\"}");
    set("VAULT_MAX_RETRIES", "0");
    gives(&b, KILN_LOOKUP_VAULT, "secret/data/a b", "a", "first secret");
    gives(&b, KILN_LOOKUP_VAULT, "secret/data/a b", "b", "second"); /* not asked again */
    gives(&b, KILN_LOOKUP_VAULT, "secret/data/a b", "a", "first secret");
    refused = kiln_xasprintf("Error reading vault secret: GET http://127.0.0.1:%d/prefix/v1/no: "
                             "403: 1 error occurred: * permission denied",
                             b.peer.port);
    fails(&b, KILN_LOOKUP_VAULT, "no", "a", refused);
    fails(&b, KILN_LOOKUP_VAULT, "none", "a", "Vault Secret does not exist at the given path");
    sealed = kiln_xasprintf("Error reading vault secret: GET http://127.0.0.1:%d/prefix/v1/x: 503: "
                            "Vault is sealed",
                            b.peer.port);
    fails(&b, KILN_LOOKUP_VAULT, "x", "a", sealed);
    peer_stop(&b.peer);
    assert_int_equal(b.peer.requests.n, 4);
    asked(&b, 0,
          "GET /prefix/v1/secret/data/a%20b HTTP/1.1\r\n" AGENT "X-Vault-Token: s.tokentoken\r\n"
          "X-Vault-Request: true\r\nX-Vault-Namespace: team/a\r\nX-Mesh: yes\r\n\r\n");
    secret_is_known(&b, "s.tokentoken");
    secret_is_known(&b, "first secret");
    secret_is_known(&b, "second");
    bed_close(&b);
}

static bool always_busy(const struct kiln_answer *a)
{
    return a->status == 503;
}

/* As Vault's own clients wait: 1, 2, 3 … times as long. Doubling, the last would take 5 s here. */
static void waits_grow_evenly(void **state)
{
    const struct turn turns[] = { { .head = "HTTP/1.1 503 B\r\nContent-Length: 0", .body = "" } };
    const struct kiln_ask ask = { .path = "/" };
    KILN_AUTO_SERVICE s = { .failure = "x",
                            .timeout_us = KILN_SECOND(20),
                            .retries = 10,
                            .retry_us = KILN_MS(10),
                            .busy = always_busy };
    KILN_AUTO_ANSWER answer = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int64_t start = kiln_clock_mono_us();
    struct peer peer;

    (void)state;
    peer_start(&peer, turns, 1, true);
    s.address = kiln_xasprintf("http://127.0.0.1:%d", peer.port);
    unit_ok(kiln_service_ask(&s, &ask, NULL, &answer, &err), &err);
    assert_true(kiln_clock_mono_us() - start < KILN_SECOND(5));
    peer_stop(&peer);
    assert_int_equal(peer.requests.n, 11);
    kiln_strv_done(&peer.requests);
}

/* A standby sends us to the active server; its token may go there, but not a second time. */
static void vault_redirects_once(void **state)
{
    const struct turn turns[] = {
        { .head = "HTTP/1.1 307 T\r\nLocation: /v1/b\r\nContent-Length: 0", .body = "" },
        JSON("{\"data\":{\"k\":\"moved\"}}"),
        { .head = "HTTP/1.1 307 T\r\nLocation: /v1/b\r\nContent-Length: 0", .body = "" },
        { .head = "HTTP/1.1 307 T\r\nLocation: /v1/c\r\nContent-Length: 0", .body = "" },
    };
    struct bed b;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    set_url(&b, "VAULT_AGENT_ADDR", "");
    set("VAULT_ADDR", "http://127.0.0.1:1");
    set("VAULT_TOKEN", "t");
    gives(&b, KILN_LOOKUP_VAULT, "a", "k", "moved");
    assert_false(get(&b, KILN_LOOKUP_VAULT, "c", "k"));
    assert_non_null(strstr(b.err.msg, ": 307"));
    peer_stop(&b.peer);
    assert_int_equal(b.peer.requests.n, 4);
    asked(&b, 1,
          "GET /v1/b HTTP/1.1\r\n" AGENT "X-Vault-Token: t\r\nX-Vault-Request: true\r\n\r\n");
    bed_close(&b);
}

static const struct {
    const char *name, *value, *error;
} bad_environment[] = {
    { "VAULT_ADDR", "127.0.0.1:8200",
      "VAULT_ADDR is not the URL of a server: write https://HOST:PORT" },
    { "VAULT_TOKEN", "", "Must set VAULT_TOKEN env var in order to use vault template function" },
    { "VAULT_TOKEN", "tok\n",
      "Error reading vault secret: GET http://127.0.0.1:1/v1/x: the value of header X-Vault-Token "
      "holds a line break or another control character" },
    { "VAULT_SKIP_VERIFY", "maybe", "could not parse VAULT_SKIP_VERIFY: write true or false" },
    { "VAULT_CLIENT_TIMEOUT", "soon", "could not parse \"VAULT_CLIENT_TIMEOUT\"" },
    { "VAULT_MAX_RETRIES", "-1", "VAULT_MAX_RETRIES: write a number" },
    { "VAULT_HEADERS", "x", "VAULT_HEADERS is not an object in JSON" },
    { "VAULT_HEADERS", "{\"x-vault-token\":\"a\"}",
      "VAULT_HEADERS: names with X-Vault- are Vault's own" },
    { "VAULT_CLIENT_CERT", "/x",
      "VAULT_CLIENT_CERT and VAULT_CLIENT_KEY: both must be set, or none" },
    { "VAULT_SRV_LOOKUP", "1",
      "VAULT_SRV_LOOKUP: kiln does not ask DNS for Vault's port; write it into VAULT_ADDR" },
};

static void bad_environments(void **state)
{
    struct bed b;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad_environment); i++) {
        bed_open(&b, NULL, 0);
        set("VAULT_ADDR", "http://127.0.0.1:1");
        set("VAULT_TOKEN", "t");
        set(bad_environment[i].name, bad_environment[i].value);
        fails(&b, KILN_LOOKUP_VAULT, "x", "k", bad_environment[i].error);
        peer_stop(&b.peer);
        bed_close(&b);
    }
}

static void consul(void **state)
{
    const struct turn turns[] = {
        JSON("[{\"Value\":\"Y29uc3VsIHZhbHVl\"}]"),
        STATUS("404 Not Found", ""),
        STATUS("403 Forbidden", "Permission denied"),
    };
    struct bed b;
    KILN_AUTO_FREE char *address = NULL, *refused = NULL, *token = NULL;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    address = kiln_xasprintf("127.0.0.1:%d", b.peer.port); /* no scheme */
    token = kiln_path_join(b.dir, "token");
    put_file(b.dir, "token", " from-file \n", 12);
    set("CONSUL_HTTP_ADDR", address);
    set("CONSUL_HTTP_TOKEN", "from-env");
    set("CONSUL_HTTP_TOKEN_FILE", token);
    set("CONSUL_HTTP_AUTH", "user:password");
    set("CONSUL_NAMESPACE", "n s");
    set("CONSUL_PARTITION", "p");
    gives(&b, KILN_LOOKUP_CONSUL, "/a/b c", "", "consul value");
    fails(&b, KILN_LOOKUP_CONSUL, "none", "", "key does not exist at the given path: none");
    refused = kiln_xasprintf("error reading consul key: GET http://%s/v1/kv/no?ns=n+s&partition=p: "
                             "403: Permission denied",
                             address);
    fails(&b, KILN_LOOKUP_CONSUL, "no", "", refused);
    peer_stop(&b.peer);
    asked(&b, 0,
          "GET /v1/kv/a/b%20c?ns=n+s&partition=p HTTP/1.1\r\n" AGENT
          "X-Consul-Token: from-file\r\nAuthorization: Basic dXNlcjpwYXNzd29yZA==\r\n\r\n");
    secret_is_known(&b, "from-file");
    secret_is_known(&b, "password");
    secret_is_known(&b, "consul value");
    bed_close(&b);
}

/* An answer without an end, one that is too long for a secret, one that stops in its middle. */
static void hostile_servers(void **state)
{
    static char longest[KILN_MAX_SECRET + 64], huge[KILN_MAX_LOOKUP + 2];
    struct turn turns[] = {
        { .head = "HTTP/1.1 200 OK", .body = huge, .len = sizeof(huge) - 1 },
        { .head = "HTTP/1.1 200 OK", .body = longest },
        { .head = "HTTP/1.1 200 OK\r\nContent-Length: 100", .body = "{\"data\"", .len = 7 },
        { .head = "HTTP/1.1 200 OK\r\nContent-Length: 100", .body = "{", .len = 1, .hold = true },
    };
    struct bed b;

    (void)state;
    memset(huge, 'x', sizeof(huge) - 1);
    turns[1].len = (size_t)snprintf(longest, sizeof(longest), "{\"data\":{\"k\":\"%0*d\"}}",
                                    (int)KILN_MAX_SECRET + 1, 0);
    bed_open(&b, turns, KILN_COUNT(turns));
    set_url(&b, "VAULT_ADDR", "");
    set("VAULT_TOKEN", "t");
    assert_false(get(&b, KILN_LOOKUP_VAULT, "a", "k"));
    assert_non_null(strstr(b.err.msg, "the answer has more than 4194304 bytes"));
    fails(&b, KILN_LOOKUP_VAULT, "b", "k", "the value has 65537 bytes, more than 65536");
    assert_false(get(&b, KILN_LOOKUP_VAULT, "c", "k"));
    assert_non_null(strstr(b.err.msg, "unexpected EOF: the server sent 7 of 100 bytes"));
    set("VAULT_CLIENT_TIMEOUT", "50ms");
    assert_false(get(&b, KILN_LOOKUP_VAULT, "d", "k"));
    assert_int_equal(b.err.kind, KILN_ERR_TIMEOUT);
    peer_stop(&b.peer);
    bed_close(&b);
}

/* ---- AWS ---- */

/* The request up to its date, which the clock gives, and then what is signed. */
static void asked_aws(struct bed *b, size_t i, const char *id, const char *region,
                      const char *signed_names, const char *body)
{
    const char *request = i < b->peer.requests.n ? b->peer.requests.v[i] : "";
    KILN_AUTO_FREE char *credential = kiln_xasprintf(
        "/%s/secretsmanager/aws4_request, SignedHeaders=%s, Signature=", region, signed_names);
    KILN_AUTO_FREE char *begin =
        kiln_xasprintf("\r\nAuthorization: AWS4-HMAC-SHA256 Credential=%s/20", id);

    assert_true(kiln_has_prefix(request, "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\ncontent-type: application/x-amz-json-1.1\r\n"));
    assert_non_null(strstr(request, "\r\nx-amz-target: secretsmanager.GetSecretValue\r\n"));
    assert_non_null(strstr(request, begin));
    assert_non_null(strstr(request, credential));
    assert_true(kiln_has_suffix(request, body));
}

static void aws_from_environment(void **state)
{
    const struct turn turns[] = {
        STATUS("400 Bad Request", "{\"__type\":\"ThrottlingException\",\"message\":\"slow\"}"),
        JSON(AWS_("{\\\"pw\\\":\\\"aws secret\\\"}")),
        STATUS("400 Bad Request", "{\"__type\":\"com.amazonaws#ResourceNotFoundException\","
                                  "\"Message\":\"Secrets Manager can't find it.\"}"),
    };
    struct bed b;
    KILN_AUTO_FREE char *refused = NULL;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    set_url(&b, "AWS_ENDPOINT_URL_SECRETS_MANAGER", "");
    set("AWS_ACCESS_KEY_ID", "AKID");
    set("AWS_SECRET_ACCESS_KEY", "secretkey");
    set("AWS_SESSION_TOKEN", "session token");
    set("AWS_REGION", "eu-west-1");
    gives(&b, KILN_LOOKUP_AWS, "my/\"sec\"", "pw", "aws secret"); /* the second time */
    refused = kiln_xasprintf("Error asking AWS: POST http://127.0.0.1:%d/: 400: "
                             "ResourceNotFoundException: Secrets Manager can't find it.",
                             b.peer.port);
    fails(&b, KILN_LOOKUP_AWS_RAW, "none", "", refused);
    fails(&b, KILN_LOOKUP_AWS, "", "", "At least one secret name must be provided");
    peer_stop(&b.peer);
    asked_aws(&b, 1, "AKID", "eu-west-1",
              "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
              "\r\n\r\n{\"SecretId\":\"my/\\\"sec\\\"\",\"VersionStage\":\"AWSCURRENT\"}");
    assert_non_null(strstr(b.peer.requests.v[1], "\r\nx-amz-security-token: session token\r\n"));
    secret_is_known(&b, "secretkey");
    secret_is_known(&b, "session token");
    bed_close(&b);
}

static void aws_from_files(void **state)
{
    static const char config[] = "[default]\nregion = us-east-1\n"
                                 "[profile work]\nregion = eu-central-1\n"
                                 "aws_access_key_id = IGNORED\naws_secret_access_key = IGNORED\n"
                                 "aws_session_token = IGNORED\n";
    static const char credentials[] = "[work]\naws_access_key_id = FILEID\n"
                                      "aws_secret_access_key = file/secret\n";
    const struct turn turns[] = { JSON(AWS_("x")) };
    struct bed b;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    put_file(b.dir, ".aws/config", config, strlen(config));
    put_file(b.dir, ".aws/credentials", credentials, strlen(credentials));
    set_url(&b, "AWS_ENDPOINT_URL", "");
    set("AWS_PROFILE", "work");
    gives(&b, KILN_LOOKUP_AWS, "s", "", "x");
    peer_stop(&b.peer);
    asked_aws(&b, 0, "FILEID", "eu-central-1", "content-type;host;x-amz-date;x-amz-target", "}");
    secret_is_known(&b, "file/secret");
    bed_close(&b);
}

static void aws_from_a_process(void **state)
{
    static const char config[] = "[default]\nregion = us-east-1\n"
                                 "credential_process = printf '{\"Version\":1,\"AccessKeyId\":"
                                 "\"PROCID\",\"SecretAccessKey\":\"proc secret\"}'\n";
    const struct turn turns[] = { JSON(AWS_("x")) };
    struct bed b;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    put_file(b.dir, ".aws/config", config, strlen(config));
    set_url(&b, "AWS_ENDPOINT_URL", "");
    gives(&b, KILN_LOOKUP_AWS, "s", "", "x");
    peer_stop(&b.peer);
    asked_aws(&b, 0, "PROCID", "us-east-1", "content-type;host;x-amz-date;x-amz-target", "}");
    secret_is_known(&b, "proc secret");
    bed_close(&b);
}

#define STS(id)                                                                                    \
    "<A><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>role secret</SecretAccessKey>"           \
    "<SessionToken>role-token</SessionToken></A>"

/* A role, by the keys of another profile; then the secret, by the role's. */
static void aws_from_a_role(void **state)
{
    static const char config[] = "[default]\nregion = us-east-1\nrole_arn = arn:aws:iam::1:role/r\n"
                                 "source_profile = base\nexternal_id = e&e\n"
                                 "role_session_name = me\n"
                                 "[profile base]\naws_access_key_id = BASE\n"
                                 "aws_secret_access_key = base secret\n";
    const struct turn turns[] = { JSON(STS("ROLEID")), JSON(AWS_("x")) };
    struct bed b;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    put_file(b.dir, ".aws/config", config, strlen(config));
    set_url(&b, "AWS_ENDPOINT_URL", "");
    gives(&b, KILN_LOOKUP_AWS, "s", "", "x");
    peer_stop(&b.peer);
    assert_true(kiln_has_suffix(b.peer.requests.v[0],
                                "\r\n\r\nAction=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%"
                                "3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=me&DurationSeconds=900"
                                "&ExternalId=e%26e"));
    assert_non_null(strstr(b.peer.requests.v[0], "/us-east-1/sts/aws4_request, SignedHeaders="
                                                 "content-type;host;x-amz-date, Signature="));
    asked_aws(&b, 1, "ROLEID", "us-east-1",
              "content-type;host;x-amz-date;x-amz-security-token;x-amz-target", "}");
    secret_is_known(&b, "role secret");
    secret_is_known(&b, "base secret");
    bed_close(&b);
}

static void aws_from_a_web_identity(void **state)
{
    const struct turn turns[] = { JSON(STS("WEBID")), JSON(AWS_("x")) };
    KILN_AUTO_FREE char *token = NULL;
    struct bed b;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    put_file(b.dir, "token", "web.token", 9);
    token = kiln_path_join(b.dir, "token");
    set_url(&b, "AWS_ENDPOINT_URL", "");
    set("AWS_REGION", "us-east-1");
    set("AWS_ROLE_ARN", "arn");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    gives(&b, KILN_LOOKUP_AWS, "s", "", "x");
    peer_stop(&b.peer);
    assert_null(strstr(b.peer.requests.v[0], "Authorization"));
    assert_true(kiln_has_suffix(b.peer.requests.v[0], "&WebIdentityToken=web.token"));
    secret_is_known(&b, "web.token");
    bed_close(&b);
}

static void aws_from_a_container(void **state)
{
    const struct turn turns[] = {
        JSON("{\"AccessKeyId\":\"ECSID\",\"SecretAccessKey\":\"s s\",\"Token\":\"t t\"}"),
        JSON(AWS_("x")),
    };
    struct bed b;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    set_url(&b, "AWS_ENDPOINT_URL", "");
    set_url(&b, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/v2/creds?id=1");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
    set("AWS_REGION", "us-east-1");
    gives(&b, KILN_LOOKUP_AWS, "s", "", "x");
    peer_stop(&b.peer);
    assert_true(kiln_has_prefix(b.peer.requests.v[0], "GET /v2/creds?id=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(b.peer.requests.v[0], "\r\nAuthorization: Basic abc\r\n"));
    asked_aws(&b, 1, "ECSID", "us-east-1",
              "content-type;host;x-amz-date;x-amz-security-token;x-amz-target", "}");
    bed_close(&b);
}

static void aws_from_an_instance(void **state)
{
    const struct turn turns[] = {
        JSON("imds-token"),
        JSON("my-role\n"),
        JSON("{\"Code\":\"Success\",\"AccessKeyId\":\"EC2ID\",\"SecretAccessKey\":\"ec2 secret\","
             "\"Token\":\"t\"}"),
        JSON(AWS_("x")),
    };
    struct bed b;

    (void)state;
    bed_open(&b, turns, KILN_COUNT(turns));
    set_url(&b, "AWS_ENDPOINT_URL", "");
    set_url(&b, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    set("AWS_REGION", "us-east-1");
    gives(&b, KILN_LOOKUP_AWS, "s", "", "x");
    peer_stop(&b.peer);
    asked(&b, 0,
          "PUT /latest/api/token HTTP/1.1\r\n" AGENT
          "X-aws-ec2-metadata-token-ttl-seconds: 300\r\n\r\n");
    asked(&b, 2,
          "GET /latest/meta-data/iam/security-credentials/my-role HTTP/1.1\r\n" AGENT
          "X-aws-ec2-metadata-token: imds-token\r\n\r\n");
    asked_aws(&b, 3, "EC2ID", "us-east-1",
              "content-type;host;x-amz-date;x-amz-security-token;x-amz-target", "}");
    secret_is_known(&b, "ec2 secret");
    bed_close(&b);
}

static const struct {
    const char *config, *name, *value, *error;
} bad_aws[] = {
    { "", NULL, NULL, "no AWS region: set AWS_REGION, or region in ~/.aws/config" },
    { "", "AWS_PROFILE", "gone", "failed to get shared config profile, gone" },
    { "", "AWS_REGION", "evil.host/", "\"evil.host/\" is not an AWS region" },
    { "", "AWS_REGION", "us-east-1",
      "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or aws_access_key_id "
      "and aws_secret_access_key for profile default in ~/.aws/credentials" },
    { "[default]\nregion=r\nsso_session=x\n", NULL, NULL,
      "profile default logs in through AWS SSO, which kiln cannot; try eval \"$(aws configure "
      "export-credentials --profile default --format env)\"" },
    { "[default]\nregion=r\nrole_arn=a\nsource_profile=b\n[b]\nsource_profile=default\n", NULL,
      NULL, "too many profiles name each other" },
    { "[default]\nregion=r\ncredential_process=exit 3\n", NULL, NULL,
      "credential_process exits with code 3" },
    { "[default]\nregion=r\ncredential_process=echo no\n", NULL, NULL,
      "credential_process: the answer is not JSON" },
    { "[default]\nregion=r\n", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x",
      "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of this machine" },
};

static void bad_aws_environments(void **state)
{
    struct bed b;

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad_aws); i++) {
        bed_open(&b, NULL, 0);
        set("AWS_EC2_METADATA_DISABLED", "true");
        put_file(b.dir, ".aws/config", bad_aws[i].config, strlen(bad_aws[i].config));
        if (bad_aws[i].name)
            set(bad_aws[i].name, bad_aws[i].value);
        fails(&b, KILN_LOOKUP_AWS, "s", "", bad_aws[i].error);
        peer_stop(&b.peer);
        bed_close(&b);
    }
}

static void endpoints(void **state)
{
    static const struct {
        const char *region, *fips, *dual, *want;
    } cases[] = {
        { "us-east-1", "false", "false", "https://secretsmanager.us-east-1.amazonaws.com" },
        { "cn-north-1", "false", "false", "https://secretsmanager.cn-north-1.amazonaws.com.cn" },
        { "us-gov-west-1", "true", "false",
          "https://secretsmanager-fips.us-gov-west-1.amazonaws.com" },
        { "eu-west-1", "false", "true", "https://secretsmanager.eu-west-1.api.aws" },
        { "us-isob-east-1", "false", "false",
          "https://secretsmanager.us-isob-east-1.sc2s.sgov.gov" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(variables); i++)
        (void)unsetenv(variables[i]);
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        char region[32];
        const struct kiln_aws_config c = { .region = region };
        KILN_AUTO_FREE char *got = NULL;

        (void)snprintf(region, sizeof(region), "%s", cases[i].region);
        set("AWS_USE_FIPS_ENDPOINT", cases[i].fips);
        set("AWS_USE_DUALSTACK_ENDPOINT", cases[i].dual);
        got = kiln_aws_endpoint(&c, "secretsmanager", "SECRETS_MANAGER", NULL);
        assert_string_equal(got, cases[i].want);
    }
    (void)unsetenv("AWS_USE_FIPS_ENDPOINT");
    (void)unsetenv("AWS_USE_DUALSTACK_ENDPOINT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read),     cmocka_unit_test(sts_is_read),
        cmocka_unit_test(ini_sections),         cmocka_unit_test(vault),
        cmocka_unit_test(waits_grow_evenly),    cmocka_unit_test(vault_redirects_once),
        cmocka_unit_test(bad_environments),     cmocka_unit_test(consul),
        cmocka_unit_test(hostile_servers),      cmocka_unit_test(aws_from_environment),
        cmocka_unit_test(aws_from_files),       cmocka_unit_test(aws_from_a_process),
        cmocka_unit_test(aws_from_a_role),      cmocka_unit_test(aws_from_a_web_identity),
        cmocka_unit_test(aws_from_a_container), cmocka_unit_test(aws_from_an_instance),
        cmocka_unit_test(bad_aws_environments), cmocka_unit_test(endpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
