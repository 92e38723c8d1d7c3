#include "lookup/lookup.h"

#include "base/limits.h"
#include "base/mem.h"
#include "lookup/providers.h"

/* The token of a development server is "root"; to hide that would spoil every line. */
#define MIN_CREDENTIAL 8

struct kiln_lookups {
    struct kiln_lookup interp;
    struct kiln_lookup_run run;
    struct kiln_strmap known; /* "KIND NAME\nKEY" -> value */
};

/* A value that could not be hidden, or not be kept whole, is none to hand out. */
static bool check_value(const struct kiln_str *value, struct kiln_err *err)
{
    if (value->len > KILN_MAX_SECRET)
        return kiln_err_set(err, KILN_ERR_USER, "the value has %zu bytes, more than %u", value->len,
                            KILN_MAX_SECRET);
    if (value->len != strlen(kiln_str_cstr(value)))
        return kiln_err_set(err, KILN_ERR_USER,
                            "the value is binary: it holds a zero byte, which no option can");
    return kiln_str_ok(value, "the value", err);
}

static bool ask(struct kiln_lookups *l, enum kiln_lookup_kind kind, const char *name,
                const char *key, struct kiln_str *value, struct kiln_err *err)
{
    switch (kind) {
    case KILN_LOOKUP_CONSUL:
        return kiln_consul_get(&l->run, name, value, err);
    case KILN_LOOKUP_VAULT:
        return kiln_vault_get(&l->run, name, key, value, err);
    case KILN_LOOKUP_AWS:
        return kiln_aws_get(&l->run, name, key, false, value, err);
    case KILN_LOOKUP_AWS_RAW:
        return kiln_aws_get(&l->run, name, "", true, value, err);
    }
    return false;
}

static bool get(void *ud, enum kiln_lookup_kind kind, const char *name, const char *key,
                struct kiln_str *out, struct kiln_err *err)
{
    struct kiln_lookups *l = ud;
    KILN_AUTO_FREE char *id = kiln_xasprintf("%d %s\n%s", (int)kind, name, key);
    const char *known = kiln_strmap_get(&l->known, id);
    KILN_AUTO_STR value = KILN_STR_MAX(KILN_MAX_LOOKUP);

    if (!known) {
        if (!ask(l, kind, name, key, &value, err))
            return false;
        kiln_strv_add(&l->run.values, kiln_str_cstr(&value));
        if (!check_value(&value, err))
            return false;
        kiln_strmap_set(&l->known, id, kiln_str_cstr(&value));
        known = kiln_str_cstr(&value);
    }
    kiln_str_adds(out, known);
    return true;
}

struct kiln_lookups *kiln_lookups_new(struct kiln_cancel *c)
{
    struct kiln_lookups *l = kiln_xcalloc(1, sizeof(*l));

    l->interp = (struct kiln_lookup){ get, l };
    l->run.cancel = c;
    return l;
}

void kiln_lookups_free(struct kiln_lookups *l)
{
    if (!l)
        return;
    kiln_aws_config_free(l->run.aws);
    kiln_strmap_done(&l->run.vault_answers);
    kiln_strv_done(&l->run.values);
    kiln_strv_done(&l->run.credentials);
    kiln_strmap_done(&l->known);
    free(l);
}

void kiln_lookups_freep(struct kiln_lookups **l)
{
    kiln_lookups_free(*l);
    *l = NULL;
}

const struct kiln_lookup *kiln_lookups_interp(struct kiln_lookups *l)
{
    return &l->interp;
}

static void add_secrets(const struct kiln_strv *from, size_t least, struct kiln_strv *ret)
{
    KILN_STRV_FOREACH (secret, from) {
        size_t len = strlen(secret);

        if (len >= least && len <= KILN_MAX_SECRET)
            kiln_strv_add(ret, secret);
    }
}

void kiln_lookups_secrets(const struct kiln_lookups *l, struct kiln_strv *ret)
{
    add_secrets(&l->run.values, 1, ret);
    add_secrets(&l->run.credentials, MIN_CREDENTIAL, ret);
}
