/* Private keys: read, and made. */
#include <ctype.h>
#include <libssh/libssh.h>

#include "base/mem.h"
#include "communicator/key_file.h"
#include "communicator/ssh_link.h"

void kiln_ssh_keys_free(struct kiln_ssh_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->n; i++)
        ssh_key_free(keys->v[i].key);
    free(keys);
}

static void add(struct kiln_ssh_keys *keys, ssh_key key, const char *what)
{
    keys->v[keys->n].key = key;
    keys->v[keys->n++].what = what;
}

/* What goes between "ssh_" and the rest of the option's name. */
static const char *whose(const struct kiln_ssh_config *cfg)
{
    return cfg->is_bastion ? "bastion_" : "";
}

static bool add_certificate(ssh_key key, const struct kiln_ssh_config *cfg, struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_key_path(cfg->certificate_file, err);
    ssh_key certificate = NULL;
    bool ok;

    if (!path)
        return false;
    ok = ssh_pki_import_cert_file(path, &certificate) == SSH_OK &&
         ssh_pki_copy_cert_to_privkey(certificate, key) == SSH_OK;
    ssh_key_free(certificate);
    return ok || kiln_err_set(err, KILN_ERR_USER,
                              "ssh_%scertificate_file: %s is not a certificate for the key in "
                              "ssh_%sprivate_key_file",
                              whose(cfg), path, whose(cfg));
}

static bool add_key_file(struct kiln_ssh_keys *keys, const struct kiln_ssh_config *cfg,
                         struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = NULL;
    ssh_key key = NULL;

    if (!kiln_key_file_check(cfg->key_file, err))
        return kiln_err_wrap(err, "ssh_%sprivate_key_file is invalid", whose(cfg));
    path = kiln_key_path(cfg->key_file, err);
    if (!path || ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key) != SSH_OK)
        return kiln_err_set(err, KILN_ERR_USER,
                            "ssh_%sprivate_key_file is invalid: %s holds no key that can be used",
                            whose(cfg), cfg->key_file);
    add(keys, key, "key file");
    return !cfg->certificate_file || add_certificate(key, cfg, err);
}

struct kiln_ssh_keys *kiln_ssh_keys_new(const struct kiln_ssh_config *cfg, struct kiln_err *err)
{
    struct kiln_ssh_keys *keys = kiln_xcalloc(1, sizeof(*keys));
    ssh_key key = NULL;

    if (cfg->key_file && !add_key_file(keys, cfg, err)) {
        kiln_ssh_keys_free(keys);
        return NULL;
    }
    if (cfg->key_pem &&
        ssh_pki_import_privkey_base64(cfg->key_pem, NULL, NULL, NULL, &key) == SSH_OK)
        add(keys, key, "temporary key");
    return keys;
}

struct key_type {
    const char *name;
    enum ssh_keytypes_e type;
    int bits[4]; /* allowed ones, the default first; RSA: any from 1024 on */
};

static const struct key_type key_types[] = {
    { "rsa", SSH_KEYTYPE_RSA, { 4096 } },
    { "ecdsa", SSH_KEYTYPE_ECDSA, { 521, 384, 256 } },
    { "ed25519", SSH_KEYTYPE_ED25519, { 0 } },
    { "dsa", SSH_KEYTYPE_DSS, { 1024 } },
};

static bool same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
    }
    return *a == *b;
}

static bool bits_allowed(const struct key_type *t, int64_t bits)
{
    if (t->type == SSH_KEYTYPE_RSA)
        return bits >= 1024 && bits <= 16384;
    for (size_t i = 0; i < KILN_COUNT(t->bits) && t->bits[i] != 0; i++) {
        if (t->bits[i] == bits)
            return true;
    }
    return t->type == SSH_KEYTYPE_ED25519;
}

static bool choose(const char *type, int64_t bits, enum ssh_keytypes_e *ret_type, int *ret_bits,
                   struct kiln_err *err)
{
    for (size_t i = 0; i < KILN_COUNT(key_types); i++) {
        const struct key_type *t = &key_types[i];

        if (!same_word(t->name, type))
            continue;
        if (bits == 0)
            bits = t->bits[0];
        if (!bits_allowed(t, bits))
            return kiln_err_set(err, KILN_ERR_USER,
                                "temporary_key_pair_bits: %lld is no size of %s keys",
                                (long long)bits, t->name);
        *ret_type = t->type;
        *ret_bits = (int)bits;
        return true;
    }
    return kiln_err_set(err, KILN_ERR_USER,
                        "temporary_key_pair_type: '%s' is none of rsa, ecdsa, ed25519, dsa", type);
}

/* Both halves as text; libssh's strings are freed by its own function. */
static bool export_pair(ssh_key key, const char *comment, struct kiln_ssh_keypair *ret)
{
    char *public_part = NULL, *private_part = NULL;
    bool ok = ssh_pki_export_pubkey_base64(key, &public_part) == SSH_OK &&
              ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &private_part) == SSH_OK;

    if (ok) {
        ret->public_line =
            kiln_xasprintf("%s %s%s%s\n", ssh_key_type_to_char(ssh_key_type(key)), public_part,
                           comment && *comment ? " " : "", comment ? comment : "");
        ret->private_pem = kiln_xstrdup(private_part);
    }
    ssh_string_free_char(public_part);
    ssh_string_free_char(private_part);
    return ok;
}

bool kiln_ssh_make_keypair(struct kiln_ssh_keypair *ret, const char *type, int64_t bits,
                           const char *comment, struct kiln_err *err)
{
    enum ssh_keytypes_e key_type = SSH_KEYTYPE_UNKNOWN;
    ssh_key key = NULL;
    int key_bits = 0;
    bool ok;

    if (!choose(type, bits, &key_type, &key_bits, err))
        return false;
    ok = ssh_pki_generate(key_type, key_bits, &key) == SSH_OK && export_pair(key, comment, ret);
    ssh_key_free(key);
    return ok ||
           kiln_err_set(err, KILN_ERR_SYSTEM, "make a temporary %s key pair: libssh cannot", type);
}
