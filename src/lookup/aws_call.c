/* One request to AWS, signed, and what its errors say. */
#include "base/clock.h"
#include "base/mem.h"
#include "lookup/sigv4.h"
#include "template/tree.h"

/* HOST:PORT of a URL as libcurl writes it into the Host header; *ret_path is what follows. */
static char *host_of(const char *url, const char **ret_path)
{
    const char *host = strstr(url, "://") + 3;
    size_t len = strcspn(host, "/");
    const char *standard = kiln_has_prefix(url, "https:") ? ":443" : ":80";
    char *copy = kiln_xstrndup(host, len);

    *ret_path = host + len;
    if (kiln_has_suffix(copy, standard))
        copy[len - strlen(standard)] = '\0';
    return copy;
}

static bool throttled(const struct kiln_answer *a)
{
    return a->status == 429 || a->status >= 500 ||
           (a->status == 400 && strstr(kiln_str_cstr(&a->body), "Throttling"));
}

static void add_headers(const struct kiln_aws_call *call, const char *host, const char *date,
                        struct kiln_strmap *signed_headers)
{
    kiln_strmap_set(signed_headers, "content-type", call->content_type);
    kiln_strmap_set(signed_headers, "host", host);
    kiln_strmap_set(signed_headers, "x-amz-date", date);
    if (call->credentials && call->credentials->token)
        kiln_strmap_set(signed_headers, "x-amz-security-token", call->credentials->token);
    if (call->target)
        kiln_strmap_set(signed_headers, "x-amz-target", call->target);
}

static bool sign(const struct kiln_aws_config *c, const struct kiln_aws_call *call, const char *url,
                 struct kiln_strv *headers, struct kiln_err *err)
{
    const char *path;
    KILN_AUTO_FREE char *host = host_of(url, &path);
    KILN_AUTO_STRMAP map = { 0 };
    KILN_AUTO_STR authorization = { 0 };
    char date[KILN_AMZ_DATE_SIZE];
    const struct kiln_sigv4 s = {
        .method = "POST",
        .path = *path ? path : "/",
        .query = "",
        .headers = &map,
        .body = call->body,
        .region = c->region,
        .service = call->service,
        .date = date,
        .credentials = call->credentials,
    };

    kiln_sigv4_date(kiln_clock_wall_us() / KILN_SECOND(1), date);
    add_headers(call, host, date, &map);
    for (size_t i = 0; i < map.keys.n; i++)
        kiln_strv_addf(headers, "%s: %s", map.keys.v[i], map.values.v[i]);
    if (!call->credentials)
        return true;
    if (!kiln_sigv4_sign(&s, &authorization, err))
        return false;
    kiln_strv_addf(headers, "Authorization: %s", kiln_str_cstr(&authorization));
    return true;
}

/* {"__type": "com.amazonaws…#ResourceNotFoundException", "Message": "…"}, or XML. */
static char *reason_of(const struct kiln_answer *a)
{
    const char *body = kiln_str_cstr(&a->body), *message, *type, *hash;
    KILN_CLEANUP(kiln_tree_freep)
    struct kiln_tree *tree = kiln_lookup_json(body, a->body.len, NULL);

    if (!tree)
        return kiln_xstrdup(body);
    type = kiln_lookup_string(kiln_tree_root(tree), "__type");
    message = kiln_lookup_string(kiln_tree_root(tree), "message"); /* in any case */
    hash = type ? strrchr(type, '#') : NULL;
    type = hash ? hash + 1 : type;
    return kiln_xasprintf("%s%s%s", type ? type : "", type && message ? ": " : "",
                          message ? message : "");
}

bool kiln_aws_call(const struct kiln_aws_config *c, const struct kiln_aws_call *call,
                   struct kiln_answer *ret, struct kiln_err *err)
{
    KILN_AUTO_SERVICE s = {
        .failure = "Error asking AWS",
        .timeout_us = KILN_LOOKUP_TIMEOUT_US,
        .retries = 2,
        .retry_us = KILN_MS(100),
        .busy = throttled,
    };
    KILN_AUTO_FREE char *url = kiln_aws_endpoint(c, call->service, call->endpoint_env, err);
    const char *bundle = kiln_lookup_env("AWS_CA_BUNDLE");
    struct kiln_ask ask = { .body = call->body };

    if (!url || !kiln_service_set_address(&s, url, "the AWS endpoint", err))
        return false;
    if (!bundle)
        bundle = kiln_strmap_get(&c->profile, "ca_bundle");
    if (bundle && *bundle && !kiln_service_add_authorities(&s, bundle, NULL, err))
        return kiln_err_wrap(err, "AWS_CA_BUNDLE");
    ask.path = strchr(strstr(s.address, "://") + 3, '/') ? "" : "/";
    if (!sign(c, call, s.address, &s.headers, err) ||
        !kiln_service_ask(&s, &ask, c->cancel, ret, err))
        return false;
    if (ret->status != 200) {
        KILN_AUTO_FREE char *why = reason_of(ret);

        return kiln_service_refused(&s, &ask, ret->status, why, err);
    }
    return true;
}
