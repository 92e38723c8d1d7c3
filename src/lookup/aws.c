/* {{aws_secretsmanager}}, {{aws_secretsmanager_raw}}. */
#include "base/encode.h"
#include "base/mem.h"
#include "lookup/providers.h"
#include "template/tree.h"

static bool take_value(const struct kiln_node *value, struct kiln_str *out, struct kiln_err *err)
{
    KILN_AUTO_FREE char *text = NULL;

    if (value->type != KILN_NODE_STRING && value->type != KILN_NODE_NUMBER)
        return kiln_err_set(err, KILN_ERR_USER, "Unsupported secret value type: %s",
                            kiln_node_type_name(value->type));
    text = kiln_node_to_text(value);
    kiln_str_adds(out, text);
    return true;
}

static bool take_from_object(const struct kiln_node *object, const char *key, struct kiln_str *out,
                             struct kiln_err *err)
{
    size_t n = object->u.object.n;

    if (*key == '\0' && n > 1)
        return kiln_err_set(err, KILN_ERR_USER, "Secret has multiple values and no key was set");
    if (*key == '\0' && n == 1)
        return take_value(object->u.object.members[0].value, out, err);
    for (size_t i = 0; i < n; i++)
        if (kiln_streq(object->u.object.members[i].key, key))
            return take_value(object->u.object.members[i].value, out, err);
    return kiln_err_set(err, KILN_ERR_USER, "No secret found for key \"%s\"", key);
}

/* A plain text is the secret itself, and so is one that happens to be a number in JSON, on which
 * Packer fails. */
static bool take_secret(const char *text, const char *key, struct kiln_str *out,
                        struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep)
    struct kiln_tree *tree = kiln_lookup_json(text, strlen(text), NULL);
    const struct kiln_node *root = tree ? kiln_tree_root(tree) : NULL;

    if (root && root->type == KILN_NODE_OBJECT)
        return take_from_object(root, key, out, err);
    if (root && root->type == KILN_NODE_LIST)
        return kiln_err_set(err, KILN_ERR_USER,
                            "the secret is a list; aws_secretsmanager_raw gives its text");
    kiln_str_adds(out, text);
    return true;
}

bool kiln_aws_read(const char *answer, size_t len, const char *key, bool raw, struct kiln_str *out,
                   struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = kiln_lookup_json(answer, len, err);
    const char *secret;

    if (!tree)
        return false;
    secret = kiln_lookup_string(kiln_tree_root(tree), "SecretString");
    if (!secret)
        return kiln_err_set(err, KILN_ERR_USER, "Secret is not string");
    if (raw) {
        kiln_str_adds(out, secret);
        return true;
    }
    return take_secret(secret, key, out, err);
}

bool kiln_aws_get(struct kiln_lookup_run *run, const char *name, const char *key, bool raw,
                  struct kiln_str *out, struct kiln_err *err)
{
    KILN_AUTO_ANSWER answer = { 0 };
    KILN_AUTO_STR body = { 0 };
    struct kiln_aws_call call = {
        .service = "secretsmanager",
        .endpoint_env = "SECRETS_MANAGER",
        .content_type = "application/x-amz-json-1.1",
        .target = "secretsmanager.GetSecretValue",
    };

    if (*name == '\0')
        return kiln_err_set(err, KILN_ERR_USER, "At least one secret name must be provided");
    if (!run->aws && !kiln_aws_config_load(&run->aws, run->cancel, &run->credentials, err))
        return false;
    kiln_str_adds(&body, "{\"SecretId\":");
    kiln_json_adds(&body, name);
    kiln_str_adds(&body, ",\"VersionStage\":\"AWSCURRENT\"}");
    call.body = kiln_str_cstr(&body);
    call.credentials = &run->aws->credentials;
    return kiln_aws_call(run->aws, &call, &answer, err) &&
           kiln_aws_read(kiln_str_cstr(&answer.body), answer.body.len, key, raw, out, err);
}
