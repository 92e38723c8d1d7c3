/* Credentials of a role, from AWS's Security Token Service. */
#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"
#include "lookup/aws_config.h"

#define MAX_TOKEN_FILE (64u << 10)

static char *element(const char *xml, const char *name)
{
    KILN_AUTO_FREE char *open = kiln_xasprintf("<%s>", name);
    const char *start = strstr(xml, open);

    if (!start)
        return NULL;
    start += strlen(open);
    return kiln_xstrndup(start, strcspn(start, "<"));
}

bool kiln_aws_read_sts(const char *xml, struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    KILN_AUTO_AWS_CREDENTIALS c = {
        .id = element(xml, "AccessKeyId"),
        .secret = element(xml, "SecretAccessKey"),
        .token = element(xml, "SessionToken"),
    };

    if (!c.id || !*c.id || !c.secret || !*c.secret || !c.token)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the answer of AWS STS holds no credentials");
    kiln_aws_credentials_move(ret, &c);
    return true;
}

static void add_parameter(struct kiln_str *body, const char *name, const char *value)
{
    kiln_str_addf(body, "%s%s=", body->len ? "&" : "", name);
    kiln_url_add_query(body, value);
}

static void begin(struct kiln_str *body, const char *action, const char *role, const char *session)
{
    char uuid[KILN_UUID_SIZE];
    KILN_AUTO_FREE char *made_up = NULL;

    kiln_uuid_time(uuid);
    made_up = kiln_xasprintf("kiln-%.8s", uuid);
    add_parameter(body, "Action", action);
    add_parameter(body, "Version", "2011-06-15");
    add_parameter(body, "RoleArn", role);
    add_parameter(body, "RoleSessionName", session && *session ? session : made_up);
}

static bool ask(const struct kiln_aws_config *c, const struct kiln_aws_credentials *from,
                const struct kiln_str *body, struct kiln_aws_credentials *ret, struct kiln_err *err)
{
    KILN_AUTO_ANSWER answer = { 0 };
    const struct kiln_aws_call call = {
        .service = "sts",
        .endpoint_env = "STS",
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .credentials = from,
        .body = kiln_str_cstr(body),
    };

    return kiln_aws_call(c, &call, &answer, err) &&
           kiln_aws_read_sts(kiln_str_cstr(&answer.body), ret, err);
}

bool kiln_aws_web_identity(const struct kiln_aws_config *c, const char *token_file,
                           const char *role, const char *session, struct kiln_aws_credentials *ret,
                           struct kiln_err *err)
{
    KILN_AUTO_STR token = { 0 }, body = { 0 };

    if (!role || !*role)
        return kiln_err_set(err, KILN_ERR_USER, "role ARN is not set (AWS_ROLE_ARN)");
    if (!kiln_fs_read(token_file, MAX_TOKEN_FILE, &token, err))
        return kiln_err_wrap(err, "AWS web identity token");
    kiln_strv_add(c->secrets, kiln_str_cstr(&token));
    begin(&body, "AssumeRoleWithWebIdentity", role, session);
    add_parameter(&body, "WebIdentityToken", kiln_str_cstr(&token));
    return ask(c, NULL, &body, ret, err);
}

bool kiln_aws_assume_role(const struct kiln_aws_config *c, const struct kiln_strmap *profile,
                          const struct kiln_aws_credentials *from, struct kiln_aws_credentials *ret,
                          struct kiln_err *err)
{
    const char *external = kiln_strmap_get(profile, "external_id");
    const char *seconds = kiln_strmap_get(profile, "duration_seconds");
    KILN_AUTO_STR body = { 0 };

    if (kiln_strmap_get(profile, "mfa_serial"))
        return kiln_err_set(err, KILN_ERR_USER,
                            "the role wants a second factor (mfa_serial), for which nobody can be "
                            "asked; set AWS_ACCESS_KEY_ID and its like to a session's keys");
    begin(&body, "AssumeRole", kiln_strmap_get(profile, "role_arn"),
          kiln_strmap_get(profile, "role_session_name"));
    add_parameter(&body, "DurationSeconds", seconds && *seconds ? seconds : "900");
    if (external)
        add_parameter(&body, "ExternalId", external);
    return ask(c, from, &body, ret, err);
}
