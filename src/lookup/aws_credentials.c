/* Where credentials for AWS may be, in the order in which its own tools look. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "lookup/aws_config.h"
#include "net/url.h"
#include "template/tree.h"

#define CONTAINER_HOST   "http://169.254.170.2"
#define INSTANCE_HOST    "http://169.254.169.254"
#define INSTANCE_TIMEOUT KILN_SECOND(1) /* outside of EC2 nobody answers */
#define PROCESS_TIMEOUT  KILN_SECOND(60)
#define MAX_TOKEN_FILE   (64u << 10)
#define MAX_PROFILES     8 /* that name each other as their source */

static const char *first_env(const char *a, const char *b)
{
    const char *value = kiln_lookup_env(a);

    return value ? value : kiln_lookup_env(b);
}

static bool set(struct kiln_aws_credentials *ret, const char *id, const char *secret,
                const char *token)
{
    if (!id || !*id || !secret || !*secret)
        return false;
    *ret = (struct kiln_aws_credentials){ kiln_xstrdup(id), kiln_xstrdup(secret),
                                          token && *token ? kiln_xstrdup(token) : NULL };
    return true;
}

static bool from_environment(struct kiln_aws_credentials *ret)
{
    return set(ret, first_env("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
               first_env("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
               kiln_lookup_env("AWS_SESSION_TOKEN"));
}

bool kiln_aws_read_credentials(const char *json, size_t len, struct kiln_aws_credentials *ret,
                               struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = kiln_lookup_json(json, len, err);
    const struct kiln_node *root = tree ? kiln_tree_root(tree) : NULL;
    const char *token;

    if (!root)
        return false;
    token = kiln_lookup_string(root, "SessionToken");
    if (!token)
        token = kiln_lookup_string(root, "Token");
    return set(ret, kiln_lookup_string(root, "AccessKeyId"),
               kiln_lookup_string(root, "SecretAccessKey"), token) ||
           kiln_err_set(err, KILN_ERR_REMOTE, "the answer holds no credentials");
}

/* ---- containers and instances ---- */

static bool ask_host(const struct kiln_aws_config *c, struct kiln_service *s, const char *url,
                     const char *method, const char *path, struct kiln_answer *ret,
                     struct kiln_err *err)
{
    const struct kiln_ask ask = { .method = method, .path = path };

    if (!s->address && !kiln_service_set_address(s, url, "the address of AWS credentials", err))
        return false;
    if (!kiln_service_ask(s, &ask, c->cancel, ret, err))
        return false;
    return ret->status == 200 ||
           kiln_service_refused(s, &ask, ret->status, kiln_str_cstr(&ret->body), err);
}

/* Unencrypted only to this machine and to the addresses that ECS and EKS use: as the SDKs. */
static bool is_near(const char *url)
{
    static const char *const hosts[] = { "127.0.0.1",     "localhost",      "[::1]",
                                         "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]" };

    if (kiln_has_prefix(url, "https://"))
        return true;
    if (!kiln_has_prefix(url, "http://"))
        return false;
    for (size_t i = 0; i < KILN_COUNT(hosts); i++) {
        size_t len = strlen(hosts[i]);

        if (strncmp(url + 7, hosts[i], len) == 0 && strchr(":/", url[7 + len]))
            return true;
    }
    return false;
}

static bool container_token(const struct kiln_aws_config *c, struct kiln_service *s,
                            struct kiln_err *err)
{
    const char *file = kiln_lookup_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = kiln_lookup_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    KILN_AUTO_STR text = { 0 };

    if (file) {
        if (!kiln_fs_read(file, MAX_TOKEN_FILE, &text, err))
            return false;
        token = kiln_str_cstr(&text);
    }
    if (token) {
        kiln_strv_add(c->secrets, token);
        kiln_strv_addf(&s->headers, "Authorization: %s", token);
    }
    return true;
}

static bool from_container(const struct kiln_aws_config *c, const char *relative, const char *full,
                           struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    KILN_AUTO_SERVICE s = { .failure = "AWS credentials",
                            .timeout_us = KILN_LOOKUP_TIMEOUT_US,
                            .proxy = "" };
    KILN_AUTO_ANSWER answer = { 0 };

    if (!relative && !is_near(full))
        return kiln_err_set(err, KILN_ERR_USER,
                            "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address "
                            "of this machine");
    s.address = kiln_xstrdup(relative ? CONTAINER_HOST : full);
    if (!container_token(c, &s, err))
        return false;
    kiln_strv_add(&s.headers, "Accept: application/json");
    return ask_host(c, &s, NULL, NULL, relative ? relative : "", &answer, err) &&
           kiln_aws_read_credentials(kiln_str_cstr(&answer.body), answer.body.len, ret, err);
}

/* IMDSv2: a token first, then the name of the instance's role, then its credentials. */
static bool from_instance(const struct kiln_aws_config *c, struct kiln_aws_credentials *ret,
                          struct kiln_err *err)
{
    static const char dir[] = "/latest/meta-data/iam/security-credentials/";
    const char *url = kiln_lookup_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    KILN_AUTO_SERVICE s = { .failure = "AWS credentials",
                            .timeout_us = INSTANCE_TIMEOUT,
                            .proxy = "" };
    KILN_AUTO_ANSWER answer = { 0 };
    KILN_AUTO_FREE char *path = NULL;

    if (!url)
        url = INSTANCE_HOST;
    kiln_strv_add(&s.headers, "X-aws-ec2-metadata-token-ttl-seconds: 300");
    if (!ask_host(c, &s, url, "PUT", "/latest/api/token", &answer, err))
        return false;
    kiln_strv_done(&s.headers);
    kiln_strv_add(c->secrets, kiln_str_cstr(&answer.body));
    kiln_strv_addf(&s.headers, "X-aws-ec2-metadata-token: %s", kiln_str_cstr(&answer.body));
    if (!ask_host(c, &s, url, NULL, dir, &answer, err))
        return false;
    path = kiln_xasprintf("%s%.*s", dir, (int)strcspn(kiln_str_cstr(&answer.body), "\r\n"),
                          kiln_str_cstr(&answer.body));
    return ask_host(c, &s, url, NULL, path, &answer, err) &&
           kiln_aws_read_credentials(kiln_str_cstr(&answer.body), answer.body.len, ret, err);
}

static bool from_surroundings(const struct kiln_aws_config *c, struct kiln_aws_credentials *ret,
                              struct kiln_err *err)
{
    const char *relative = kiln_lookup_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = kiln_lookup_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    KILN_AUTO_ERR why = { 0 };
    bool disabled;

    if (relative || full)
        return from_container(c, relative, full, ret, err);
    if (!kiln_lookup_env_bool("AWS_EC2_METADATA_DISABLED", false, &disabled, err))
        return false;
    if (!disabled && from_instance(c, ret, &why))
        return true;
    return why.kind == KILN_ERR_CANCELLED
               ? kiln_err_move(err, &why)
               : kiln_err_set(err, KILN_ERR_USER,
                              "no AWS credentials: set AWS_ACCESS_KEY_ID and "
                              "AWS_SECRET_ACCESS_KEY, or aws_access_key_id and "
                              "aws_secret_access_key for profile %s in ~/.aws/credentials%s%s",
                              c->profile_name,
                              disabled ? "" : "; the EC2 instance: ", kiln_err_text(&why));
}

/* ---- profiles ---- */

/* The shell splits the command's words, as with the SDKs. It may ask nobody. */
static bool from_process(const struct kiln_aws_config *c, const char *command,
                         struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    const char *const argv[] = { "sh", "-c", command, NULL };
    const struct kiln_spawn how = { .argv = argv };
    KILN_AUTO_STR out = { 0 };
    int code;

    if (!kiln_process_capture(&how, c->cancel, kiln_cancel_deadline(c->cancel, PROCESS_TIMEOUT),
                              &out, NULL, &code, err))
        return kiln_err_wrap(err, "credential_process");
    if (code != 0)
        return kiln_err_set(err, KILN_ERR_USER, "credential_process exits with code %d", code);
    return kiln_aws_read_credentials(kiln_str_cstr(&out), out.len, ret, err) ||
           kiln_err_wrap(err, "credential_process");
}

static bool from_source(const struct kiln_aws_config *c, const char *source,
                        struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    if (kiln_streq(source, "Environment"))
        return from_environment(ret) ||
               kiln_err_set(err, KILN_ERR_USER,
                            "credential_source = Environment, but AWS_ACCESS_KEY_ID and "
                            "AWS_SECRET_ACCESS_KEY are not set");
    if (kiln_streq(source, "Ec2InstanceMetadata") || kiln_streq(source, "EcsContainer"))
        return from_surroundings(c, ret, err);
    return kiln_err_set(err, KILN_ERR_USER,
                        "credential_source has to be Environment, Ec2InstanceMetadata or "
                        "EcsContainer");
}

static bool from_profile(const struct kiln_aws_config *c, const char *name,
                         const struct kiln_strmap *p, unsigned depth,
                         struct kiln_aws_credentials *ret, struct kiln_err *err);

static bool from_other_profile(const struct kiln_aws_config *c, const char *name, unsigned depth,
                               struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    KILN_AUTO_STRMAP p = { 0 };

    if (depth == MAX_PROFILES)
        return kiln_err_set(err, KILN_ERR_USER, "too many profiles name each other");
    if (!kiln_aws_profile(c, name, &p))
        return kiln_err_set(err, KILN_ERR_USER, "source_profile: there is no profile %s", name);
    return from_profile(c, name, &p, depth + 1, ret, err);
}

/* Credentials of the profile itself, before the role that they are for. */
static bool own_credentials(const struct kiln_aws_config *c, const char *name,
                            const struct kiln_strmap *p, unsigned depth,
                            struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    const char *other = kiln_strmap_get(p, "source_profile");
    const char *source = kiln_strmap_get(p, "credential_source");
    const char *command = kiln_strmap_get(p, "credential_process");

    if (other && *other && !kiln_streq(other, name))
        return from_other_profile(c, other, depth, ret, err);
    if (set(ret, kiln_strmap_get(p, "aws_access_key_id"),
            kiln_strmap_get(p, "aws_secret_access_key"), kiln_strmap_get(p, "aws_session_token")))
        return true;
    if (source && *source)
        return from_source(c, source, ret, err);
    if (kiln_strmap_get(p, "sso_start_url") || kiln_strmap_get(p, "sso_session"))
        return kiln_err_set(err, KILN_ERR_USER,
                            "profile %s logs in through AWS SSO, which kiln cannot; try eval "
                            "\"$(aws configure export-credentials --profile %s --format env)\"",
                            name, name);
    if (command && *command)
        return from_process(c, command, ret, err);
    return from_surroundings(c, ret, err);
}

static bool from_profile(const struct kiln_aws_config *c, const char *name,
                         const struct kiln_strmap *p, unsigned depth,
                         struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    const char *role = kiln_strmap_get(p, "role_arn");
    const char *token_file = kiln_strmap_get(p, "web_identity_token_file");
    KILN_AUTO_AWS_CREDENTIALS own = { 0 };

    if (role && token_file)
        return kiln_aws_web_identity(c, token_file, role, kiln_strmap_get(p, "role_session_name"),
                                     ret, err);
    if (!own_credentials(c, name, p, depth, &own, err))
        return false;
    if (role && *role) {
        kiln_strv_add(c->secrets, own.secret);
        return kiln_aws_assume_role(c, p, &own, ret, err);
    }
    kiln_aws_credentials_move(ret, &own);
    return true;
}

bool kiln_aws_find_credentials(struct kiln_aws_config *c, struct kiln_aws_credentials *ret,
                               struct kiln_err *err)
{
    const char *token_file = kiln_lookup_env("AWS_WEB_IDENTITY_TOKEN_FILE");

    if (from_environment(ret))
        return true;
    if (token_file)
        return kiln_aws_web_identity(c, token_file, kiln_lookup_env("AWS_ROLE_ARN"),
                                     kiln_lookup_env("AWS_ROLE_SESSION_NAME"), ret, err);
    return from_profile(c, c->profile_name, &c->profile, 0, ret, err);
}
