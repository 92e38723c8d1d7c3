#include "communicator/cert_file.h"

#include <errno.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "communicator/key_file.h"

#define MAX_CERT_FILE (256u << 10)
#define FOR_EVER      UINT64_MAX

/* What comes between the nonce and the serial number, by type: strings of the public key. */
static const struct {
    const char *type;
    unsigned key_strings;
} types[] = {
    { "ssh-rsa-cert-v01@openssh.com", 2 },
    { "ssh-dss-cert-v01@openssh.com", 4 },
    { "ecdsa-sha2-nistp256-cert-v01@openssh.com", 2 },
    { "ecdsa-sha2-nistp384-cert-v01@openssh.com", 2 },
    { "ecdsa-sha2-nistp521-cert-v01@openssh.com", 2 },
    { "ssh-ed25519-cert-v01@openssh.com", 1 },
    { "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 3 },
    { "sk-ssh-ed25519-cert-v01@openssh.com", 2 },
};

/* What is left of the blob. */
struct blob {
    const unsigned char *p;
    size_t left;
};

static bool take_number(struct blob *b, size_t bytes, uint64_t *ret)
{
    uint64_t value = 0;

    if (b->left < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | b->p[i];
    b->p += bytes;
    b->left -= bytes;
    *ret = value;
    return true;
}

static bool take_string(struct blob *b, struct blob *ret)
{
    uint64_t len = 0;

    if (!take_number(b, 4, &len) || len > b->left)
        return false;
    *ret = (struct blob){ b->p, (size_t)len };
    b->p += len;
    b->left -= (size_t)len;
    return true;
}

static bool find_type(const struct blob *name, unsigned *ret_key_strings)
{
    for (size_t i = 0; i < KILN_COUNT(types); i++) {
        if (name->left == strlen(types[i].type) &&
            memcmp(name->p, types[i].type, name->left) == 0) {
            *ret_key_strings = types[i].key_strings;
            return true;
        }
    }
    return false;
}

static bool parse(struct blob b, uint64_t *ret_after, uint64_t *ret_before)
{
    struct blob s;
    uint64_t number = 0;
    unsigned key_strings = 0;

    if (!take_string(&b, &s) || !find_type(&s, &key_strings))
        return false;
    for (unsigned i = 0; i < 1 + key_strings; i++) { /* the nonce is one, too */
        if (!take_string(&b, &s))
            return false;
    }
    return take_number(&b, 8, &number) &&                /* serial */
           take_number(&b, 4, &number) &&                /* user or host */
           take_string(&b, &s) && take_string(&b, &s) && /* id, principals */
           take_number(&b, 8, ret_after) && take_number(&b, 8, ret_before);
}

/* The second word of the first line that is neither empty nor a comment. */
static const char *find_base64(const char *text, size_t *ret_len)
{
    while (*text) {
        const char *line = text + strspn(text, " \t\r");
        size_t word;

        text = line + strcspn(line, "\n");
        text += *text == '\n';
        if (*line == '\n' || *line == '#' || *line == '\0')
            continue;
        line += strcspn(line, " \t\r\n");
        line += strspn(line, " \t");
        word = strcspn(line, " \t\r\n");
        *ret_len = word;
        return word > 0 ? line : NULL;
    }
    return NULL;
}

bool kiln_cert_check(const char *text, int64_t now, struct kiln_err *err)
{
    KILN_AUTO_STR raw = KILN_STR_MAX(MAX_CERT_FILE);
    uint64_t after = 0, before = 0, at = now > 0 ? (uint64_t)now : 0;
    size_t len = 0;
    const char *base64 = find_base64(text, &len);

    if (!base64 || !kiln_base64_decode(&raw, base64, len, NULL))
        return kiln_err_set(err, KILN_ERR_USER, "failed to parse public key: ssh: no key found");
    if (!parse((struct blob){ (const unsigned char *)raw.data, raw.len }, &after, &before))
        return kiln_err_set(err, KILN_ERR_USER, "error loading certificate");
    if (at < after)
        return kiln_err_set(err, KILN_ERR_USER, "ssh: cert is not yet valid");
    if (before != FOR_EVER && at >= before)
        return kiln_err_set(err, KILN_ERR_USER, "ssh: cert has expired");
    return true;
}

bool kiln_cert_file_check(const char *path, struct kiln_err *err)
{
    KILN_AUTO_FREE char *expanded = kiln_key_path(path, err);
    KILN_AUTO_STR text = KILN_STR_MAX(MAX_CERT_FILE);

    return expanded && kiln_fs_read(expanded, MAX_CERT_FILE, &text, err) &&
           (kiln_cert_check(kiln_str_cstr(&text), kiln_clock_wall_us() / 1000000, err) ||
            kiln_err_wrap(err, "%s", expanded));
}
