#include "communicator/key_file.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"

#define MAX_KEY_FILE (256u << 10)

char *kiln_key_path(const char *path, struct kiln_err *err)
{
    const char *home = getenv("HOME");

    if (path[0] != '~')
        return kiln_xstrdup(path);
    if (path[1] != '\0' && path[1] != '/') {
        (void)kiln_err_set(err, KILN_ERR_USER, "cannot expand user-specific home dir");
        return NULL;
    }
    if (!home || !*home) {
        (void)kiln_err_set(err, KILN_ERR_USER, "cannot expand ~: HOME is not set");
        return NULL;
    }
    return kiln_xasprintf("%s%s", home, path + 1);
}

/* One PEM block; the parts point into the file's text. */
struct pem {
    const char *type, *body;
    size_t type_len, body_len;
};

/* The first complete block of the text. */
static bool find_pem(const char *text, struct pem *ret)
{
    static const char begin[] = "-----BEGIN ", dashes[] = "-----";

    for (const char *p = text; (p = strstr(p, begin)) != NULL; p += strlen(begin)) {
        const char *type = p + strlen(begin), *end_of_type = strstr(type, dashes);
        KILN_AUTO_FREE char *last = NULL;
        const char *end;

        if (!end_of_type || (p > text && p[-1] != '\n'))
            continue;
        last = kiln_xasprintf("\n-----END %.*s-----", (int)(end_of_type - type), type);
        end = strstr(end_of_type, last);
        if (!end)
            continue;
        ret->type = type;
        ret->type_len = (size_t)(end_of_type - type);
        ret->body = end_of_type + strlen(dashes);
        ret->body_len = (size_t)(end - ret->body);
        return true;
    }
    return false;
}

static bool pem_is(const struct pem *pem, const char *type)
{
    return pem->type_len == strlen(type) && memcmp(pem->type, type, pem->type_len) == 0;
}

/* OpenSSH's own format: a magic word, then the name of the cipher, "none" without a passphrase. */
static bool check_openssh(const struct pem *pem, struct kiln_err *err)
{
    static const char magic[] = "openssh-key-v1"; /* its NUL belongs to it */
    static const char none[] = "\0\0\0\4none";
    KILN_AUTO_STR raw = KILN_STR_MAX(MAX_KEY_FILE);

    if (!kiln_base64_decode(&raw, pem->body, pem->body_len, NULL) ||
        raw.len < sizeof(magic) + sizeof(none) - 1 || memcmp(raw.data, magic, sizeof(magic)) != 0)
        return kiln_err_set(err, KILN_ERR_USER, "ssh: invalid openssh private key format");
    if (memcmp(raw.data + sizeof(magic), none, sizeof(none) - 1) != 0)
        return kiln_err_set(err, KILN_ERR_USER, "ssh: this private key is passphrase protected");
    return true;
}

static bool check_text(const char *path, const char *text, struct kiln_err *err)
{
    static const char *const known[] = { "RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY",
                                         "DSA PRIVATE KEY" };
    struct pem pem;
    KILN_AUTO_FREE char *body = NULL;

    if (!find_pem(text, &pem))
        return kiln_err_set(err, KILN_ERR_USER, "Failed to read key '%s': no key found", path);
    body = kiln_xstrndup(pem.body, pem.body_len);
    if (strstr(body, "Proc-Type: 4,ENCRYPTED"))
        return kiln_err_set(err, KILN_ERR_USER,
                            "Failed to read key '%s': password protected keys are\n"
                            "not supported. Please decrypt the key prior to use.",
                            path);
    if (pem_is(&pem, "OPENSSH PRIVATE KEY"))
        return check_openssh(&pem, err);
    for (size_t i = 0; i < KILN_COUNT(known); i++) {
        if (pem_is(&pem, known[i]))
            return true;
    }
    return kiln_err_set(err, KILN_ERR_USER, "ssh: unsupported key type \"%.*s\"", (int)pem.type_len,
                        pem.type);
}

bool kiln_key_file_check(const char *path, struct kiln_err *err)
{
    static const char context[] = "Error setting up SSH config";
    KILN_AUTO_FREE char *expanded = kiln_key_path(path, err);
    KILN_AUTO_STR text = KILN_STR_MAX(MAX_KEY_FILE);
    struct stat st;
    char why[128];

    if (!expanded)
        return false;
    if (stat(expanded, &st) != 0)
        return kiln_err_set(err, KILN_ERR_USER, "stat %s: %s", expanded,
                            kiln_errno_go(errno, why, sizeof(why)));
    if (S_ISDIR(st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "%s: read %s: %s", context, expanded,
                            kiln_errno_go(EISDIR, why, sizeof(why)));
    if (!kiln_fs_read(expanded, MAX_KEY_FILE, &text, err) ||
        !check_text(expanded, kiln_str_cstr(&text), err))
        return kiln_err_wrap(err, "%s", context);
    return true;
}
