#include "lookup/aws_config.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"

#define MAX_FILE (1u << 20)

void kiln_aws_credentials_done(struct kiln_aws_credentials *c)
{
    free(c->id);
    free(c->secret);
    free(c->token);
    *c = (struct kiln_aws_credentials){ 0 };
}

void kiln_aws_credentials_move(struct kiln_aws_credentials *to, struct kiln_aws_credentials *from)
{
    kiln_aws_credentials_done(to);
    *to = *from;
    *from = (struct kiln_aws_credentials){ 0 };
}

void kiln_aws_config_free(struct kiln_aws_config *c)
{
    if (!c)
        return;
    kiln_aws_credentials_done(&c->credentials);
    free(c->region);
    free(c->profile_name);
    kiln_strmap_done(&c->profile);
    kiln_str_done(&c->config_text);
    kiln_str_done(&c->credentials_text);
    free(c);
}

static void free_config(struct kiln_aws_config **c)
{
    kiln_aws_config_free(*c);
}

/* $ENV, or ~/.aws/NAME. A file that is not there is empty. */
static bool read_file(const char *env, const char *name, struct kiln_str *out, struct kiln_err *err)
{
    const char *path = kiln_lookup_env(env), *home = kiln_lookup_env("HOME");
    KILN_AUTO_FREE char *standard = home ? kiln_xasprintf("%s/.aws/%s", home, name) : NULL;
    KILN_AUTO_ERR why = { 0 };

    if (!path)
        path = standard;
    if (!path || kiln_fs_read(path, MAX_FILE, out, &why))
        return true;
    return why.os_errno == ENOENT || why.os_errno == ENOTDIR || kiln_err_move(err, &why);
}

/* Keys count in pairs: half of one in one file is not completed by the other. */
static void merge(struct kiln_strmap *to, const struct kiln_strmap *from)
{
    bool pair = kiln_strmap_get(from, "aws_access_key_id") &&
                kiln_strmap_get(from, "aws_secret_access_key");

    if (pair)
        kiln_strmap_set(to, "aws_session_token", "");
    for (size_t i = 0; i < from->keys.n; i++) {
        const char *key = from->keys.v[i];

        if (pair ||
            (!kiln_streq(key, "aws_access_key_id") && !kiln_streq(key, "aws_secret_access_key") &&
             !kiln_streq(key, "aws_session_token")))
            kiln_strmap_set(to, key, from->values.v[i]);
    }
}

bool kiln_aws_profile(const struct kiln_aws_config *c, const char *name, struct kiln_strmap *ret)
{
    KILN_AUTO_STRMAP config = { 0 }, credentials = { 0 };
    bool found = kiln_aws_ini_section(kiln_str_cstr(&c->config_text), name, &config);

    found |= kiln_aws_ini_section(kiln_str_cstr(&c->credentials_text), name, &credentials);
    merge(ret, &config);
    merge(ret, &credentials);
    return found;
}

static bool load_profile(struct kiln_aws_config *c, struct kiln_err *err)
{
    const char *name = kiln_lookup_env("AWS_PROFILE");
    bool asked_for;

    if (!name)
        name = kiln_lookup_env("AWS_DEFAULT_PROFILE");
    asked_for = name != NULL;
    c->profile_name = kiln_xstrdup(asked_for ? name : "default");
    if (!read_file("AWS_CONFIG_FILE", "config", &c->config_text, err) ||
        !read_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", &c->credentials_text, err))
        return false;
    if (!kiln_aws_profile(c, c->profile_name, &c->profile) && asked_for)
        return kiln_err_set(err, KILN_ERR_USER, "failed to get shared config profile, %s", name);
    return true;
}

static bool is_region(const char *s)
{
    return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}

static bool find_region(struct kiln_aws_config *c, struct kiln_err *err)
{
    const char *region = kiln_lookup_env("AWS_REGION");

    if (!region)
        region = kiln_lookup_env("AWS_DEFAULT_REGION");
    if (!region)
        region = kiln_strmap_get(&c->profile, "region");
    if (!region || !*region)
        return kiln_err_set(err, KILN_ERR_USER,
                            "no AWS region: set AWS_REGION, or region in ~/.aws/config");
    if (!is_region(region)) /* it becomes part of a host name */
        return kiln_err_set(err, KILN_ERR_USER, "\"%s\" is not an AWS region", region);
    c->region = kiln_xstrdup(region);
    return true;
}

static void add_secrets(struct kiln_aws_config *c)
{
    kiln_strv_add(c->secrets, c->credentials.secret);
    if (c->credentials.token)
        kiln_strv_add(c->secrets, c->credentials.token);
}

bool kiln_aws_config_load(struct kiln_aws_config **ret, struct kiln_cancel *cancel,
                          struct kiln_strv *secrets, struct kiln_err *err)
{
    KILN_CLEANUP(free_config) struct kiln_aws_config *c = kiln_xcalloc(1, sizeof(*c));

    c->cancel = cancel;
    c->secrets = secrets;
    if (!load_profile(c, err) || !find_region(c, err) ||
        !kiln_aws_find_credentials(c, &c->credentials, err))
        return false;
    add_secrets(c);
    *ret = c;
    c = NULL;
    return true;
}

/* ---- endpoints ---- */

static const char *dns_suffix(const char *region, bool dual_stack)
{
    static const struct {
        const char *region, *suffix, *dual;
    } partitions[] = {
        { "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn" },
        { "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov" },
        { "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk" },
        { "us-isob-", "sc2s.sgov.gov", "api.aws.scloud" },
        { "us-iso-", "c2s.ic.gov", "api.aws.ic.gov" },
        { "eusc-", "amazonaws.eu", "api.amazonwebservices.eu" },
        { "", "amazonaws.com", "api.aws" },
    };
    size_t i = 0;

    while (!kiln_has_prefix(region, partitions[i].region))
        i++;
    return dual_stack ? partitions[i].dual : partitions[i].suffix;
}

static const char *given_endpoint(const struct kiln_aws_config *c, const char *env)
{
    KILN_AUTO_FREE char *name = kiln_xasprintf("AWS_ENDPOINT_URL_%s", env);
    const char *url = kiln_lookup_env(name);

    if (!url)
        url = kiln_lookup_env("AWS_ENDPOINT_URL");
    if (!url)
        url = kiln_strmap_get(&c->profile, "endpoint_url");
    return url && *url ? url : NULL;
}

char *kiln_aws_endpoint(const struct kiln_aws_config *c, const char *service, const char *env,
                        struct kiln_err *err)
{
    const char *url = given_endpoint(c, env);
    bool ignore, fips, dual;

    if (!kiln_lookup_env_bool("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", false, &ignore, err) ||
        !kiln_lookup_env_bool("AWS_USE_FIPS_ENDPOINT", false, &fips, err) ||
        !kiln_lookup_env_bool("AWS_USE_DUALSTACK_ENDPOINT", false, &dual, err))
        return NULL;
    if (url && !ignore)
        return kiln_xstrdup(url);
    return kiln_xasprintf("https://%s%s.%s.%s", service, fips ? "-fips" : "", c->region,
                          dns_suffix(c->region, dual));
}
