/*
 * Who we are to AWS, and where it is, as its own tools find out:
 *
 *   credentials  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; a web identity
 *                (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME); the profile;
 *                a container's (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI,
 *                AWS_CONTAINER_AUTHORIZATION_TOKEN, _TOKEN_FILE); the EC2 instance's (IMDSv2;
 *                AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT)
 *   profile      AWS_PROFILE, AWS_DEFAULT_PROFILE or "default" in $AWS_CONFIG_FILE (~/.aws/config)
 *                and $AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), whose values count more:
 *                keys, role_arn with source_profile, credential_source or web_identity_token_file,
 *                credential_process
 *   region       AWS_REGION, AWS_DEFAULT_REGION, the profile's
 *   endpoint     AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL, the profile's endpoint_url;
 *                else by region, AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT
 *   authorities  AWS_CA_BUNDLE, the profile's ca_bundle
 *
 * Internal to lookup/. One thread.
 */
#ifndef KILN_LOOKUP_AWS_CONFIG_H
#define KILN_LOOKUP_AWS_CONFIG_H

#include "base/cancel.h"
#include "base/strv.h"
#include "lookup/service.h"

struct kiln_aws_credentials {
    char *id, *secret; /* owned */
    char *token;       /* owned; NULL: none */
};
#define KILN_AUTO_AWS_CREDENTIALS                                                                  \
    KILN_CLEANUP(kiln_aws_credentials_done) struct kiln_aws_credentials
void kiln_aws_credentials_done(struct kiln_aws_credentials *c);
/** Take over what *from holds. */
void kiln_aws_credentials_move(struct kiln_aws_credentials *to, struct kiln_aws_credentials *from);

struct kiln_aws_config {
    struct kiln_aws_credentials credentials;
    char *region;                                  /* owned */
    char *profile_name;                            /* owned */
    struct kiln_strmap profile;                    /* both files' values, names in lower case */
    struct kiln_str config_text, credentials_text; /* the files */
    struct kiln_cancel *cancel;                    /* borrowed; may be NULL */
    struct kiln_strv *secrets;                     /* borrowed: what must not be shown is added */
};

bool kiln_aws_config_load(struct kiln_aws_config **ret, struct kiln_cancel *cancel,
                          struct kiln_strv *secrets, struct kiln_err *err);
void kiln_aws_config_free(struct kiln_aws_config *c); /* NULL is fine */

/** Values of a profile in both files; false if neither has it. Appends. */
bool kiln_aws_profile(const struct kiln_aws_config *c, const char *name, struct kiln_strmap *ret);

/** Where a service is; caller frees. @env  "SECRETS_MANAGER": of its variable's name */
char *kiln_aws_endpoint(const struct kiln_aws_config *c, const char *service, const char *env,
                        struct kiln_err *err);

/** Find credentials by the rules above; c->profile and c->region are set. */
bool kiln_aws_find_credentials(struct kiln_aws_config *c, struct kiln_aws_credentials *ret,
                               struct kiln_err *err);

/** Let STS turn a web identity (a file with a token) into credentials. */
bool kiln_aws_web_identity(const struct kiln_aws_config *c, const char *token_file,
                           const char *role, const char *session, struct kiln_aws_credentials *ret,
                           struct kiln_err *err);
/** Let STS turn credentials into those of the role that a profile names. */
bool kiln_aws_assume_role(const struct kiln_aws_config *c, const struct kiln_strmap *profile,
                          const struct kiln_aws_credentials *from, struct kiln_aws_credentials *ret,
                          struct kiln_err *err);

/**
 * Values of one section of a file in AWS's INI form: [NAME], [profile NAME]; names in lower case,
 * nested lines left out. Appends; false if there is no such section.
 */
bool kiln_aws_ini_section(const char *text, const char *name, struct kiln_strmap *ret);

/** {"AccessKeyId": …, "SecretAccessKey": …, "Token" or "SessionToken": …}. */
bool kiln_aws_read_credentials(const char *json, size_t len, struct kiln_aws_credentials *ret,
                               struct kiln_err *err);
/** <AccessKeyId>, <SecretAccessKey> and <SessionToken> of an answer of STS. */
bool kiln_aws_read_sts(const char *xml, struct kiln_aws_credentials *ret, struct kiln_err *err);

/* One signed POST. */
struct kiln_aws_call {
    const char *service;      /* "secretsmanager": signs, and for the default endpoint */
    const char *endpoint_env; /* see kiln_aws_endpoint */
    const char *content_type;
    const char *target;                             /* X-Amz-Target, or NULL */
    const struct kiln_aws_credentials *credentials; /* NULL: not signed */
    const char *body;
};
/** True for status 200; otherwise the error has AWS's own words. */
bool kiln_aws_call(const struct kiln_aws_config *c, const struct kiln_aws_call *call,
                   struct kiln_answer *ret, struct kiln_err *err);

#endif
