/* Generated data: what a build knows about itself, for templates and for scripts. */
#include "engine/data.h"

#include "base/mem.h"

/* Source: packer-core.md, 4; provision-postprocess.md, 3. */
const char *const kiln_data_keys[] = {
    "ID",           "Host",          "Port",           "User",         "Password",
    "ConnType",     "PackerRunUUID", "PackerHTTPPort", "PackerHTTPIP", "PackerHTTPAddr",
    "SSHPublicKey", "SSHPrivateKey", "WinRMPassword",  NULL,
};

#define NO_HTTP_ADDR "ERR_HTTP_ADDR_NOT_IMPLEMENTED_BY_BUILDER"

static const struct {
    const char *key, *value;
} not_implemented[] = {
    { "ID", "ERR_ID_NOT_IMPLEMENTED_BY_BUILDER" },
    { "PackerHTTPIP", "ERR_HTTP_IP_NOT_IMPLEMENTED_BY_BUILDER" },
    { "PackerHTTPPort", "ERR_HTTP_PORT_NOT_IMPLEMENTED_BY_BUILDER" },
    { "PackerHTTPAddr", NO_HTTP_ADDR },
};

void kiln_data_complete(struct kiln_build *b)
{
    for (size_t i = 0; i < KILN_COUNT(not_implemented); i++) {
        if (!kiln_strmap_get(&b->data, not_implemented[i].key))
            kiln_strmap_set(&b->data, not_implemented[i].key, not_implemented[i].value);
    }
    kiln_strmap_set(&b->data, "PackerRunUUID", b->run_uuid);
}

static size_t count(const char *const *keys)
{
    size_t n = 0;

    while (keys && keys[n])
        n++;
    return n;
}

void kiln_data_declare(struct kiln_build *b, const char *const *more)
{
    size_t n = count(kiln_data_keys), m = count(more);

    b->data_keys = kiln_xcalloc(n + m + 1, sizeof(*b->data_keys));
    for (size_t i = 0; i < n + m; i++) {
        const char *key = i < n ? kiln_data_keys[i] : more[i - n];
        KILN_AUTO_FREE char *text = kiln_xasprintf(
            "Build_%s. To set this dynamically in the Packer template, you must use the `build` "
            "function",
            key);

        b->data_keys[i] = key;
        kiln_strmap_set(&b->placeholders, key,
                        strcmp(key, "WinRMPassword") == 0 ? "{{.WinRMPassword}}" : text);
    }
}

struct kiln_interp kiln_build_runtime_interp(struct kiln_build *b)
{
    struct kiln_interp ctx = b->interp;

    ctx.data = &b->data;
    ctx.build = &b->data;
    return ctx;
}

void kiln_build_script_env(struct kiln_build *b, struct kiln_strmap *env)
{
    static const struct {
        const char *name, *key;
    } http[] = {
        { "PACKER_HTTP_ADDR", "PackerHTTPAddr" },
        { "PACKER_HTTP_IP", "PackerHTTPIP" },
        { "PACKER_HTTP_PORT", "PackerHTTPPort" },
    };
    const char *addr = kiln_strmap_get(&b->data, "PackerHTTPAddr");

    kiln_strmap_set(env, "PACKER_BUILD_NAME", b->name);
    kiln_strmap_set(env, "PACKER_BUILDER_TYPE", b->type);
    if (!addr || strcmp(addr, NO_HTTP_ADDR) == 0)
        return;
    for (size_t i = 0; i < KILN_COUNT(http); i++) {
        const char *value = kiln_strmap_get(&b->data, http[i].key);

        if (value)
            kiln_strmap_set(env, http[i].name, value);
    }
}
