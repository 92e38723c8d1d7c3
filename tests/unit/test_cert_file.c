/* OpenSSH certificates: what they are made of, and when they are valid. */
#include "unit.h"

#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "communicator/cert_file.h"

#define ED25519 "ssh-ed25519-cert-v01@openssh.com"
#define FOREVER UINT64_MAX

static void add_number(struct kiln_str *s, uint64_t n, int bytes)
{
    while (bytes-- > 0)
        kiln_str_addc(s, (char)(n >> (8 * bytes)));
}

static void add_string(struct kiln_str *s, const char *text)
{
    add_number(s, strlen(text), 4);
    kiln_str_adds(s, text);
}

/* With so many strings of a key; cut: bytes that are missing at the end. */
static char *make(const char *type, int key_strings, uint64_t after, uint64_t before, size_t cut)
{
    KILN_AUTO_STR raw = { 0 };
    KILN_AUTO_STR text = { 0 };

    add_string(&raw, type);
    for (int i = 0; i < 1 + key_strings; i++)
        add_string(&raw, "some bytes");
    add_number(&raw, 7, 8); /* serial */
    add_number(&raw, 1, 4); /* a user's */
    add_string(&raw, "id");
    add_string(&raw, "");
    add_number(&raw, after, 8);
    add_number(&raw, before, 8);
    kiln_str_truncate(&raw, raw.len - cut);
    kiln_str_addf(&text, "# a comment\n\n%s ", type);
    kiln_base64_add(&text, raw.data, raw.len);
    kiln_str_adds(&text, " somebody@somewhere\n");
    return kiln_str_steal(&text);
}

static const struct {
    const char *type;
    int key_strings;
    uint64_t after, before;
    size_t cut;
    const char *error; /* at second 1000; NULL: valid */
} rows[] = {
    { ED25519, 1, 0, FOREVER, 0, NULL },
    { ED25519, 1, 1000, 1001, 0, NULL },
    { "ssh-rsa-cert-v01@openssh.com", 2, 0, FOREVER, 0, NULL },
    { "ssh-dss-cert-v01@openssh.com", 4, 0, FOREVER, 0, NULL },
    { "ecdsa-sha2-nistp256-cert-v01@openssh.com", 2, 0, FOREVER, 0, NULL },
    { "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 3, 0, FOREVER, 0, NULL },
    { "sk-ssh-ed25519-cert-v01@openssh.com", 2, 0, FOREVER, 0, NULL },
    { ED25519, 1, 1001, FOREVER, 0, "ssh: cert is not yet valid" },
    { ED25519, 1, FOREVER, FOREVER, 0, "ssh: cert is not yet valid" },
    { ED25519, 1, 0, 1000, 0, "ssh: cert has expired" },
    { ED25519, 1, 0, FOREVER, 1, "error loading certificate" },
    { ED25519, 1, 0, FOREVER, 60, "error loading certificate" },
    { "ssh-ed25519", 1, 0, FOREVER, 0, "error loading certificate" },
};

static void validity(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *text =
            make(rows[i].type, rows[i].key_strings, rows[i].after, rows[i].before, rows[i].cut);
        KILN_AUTO_ERR err = { 0 };

        if (rows[i].error)
            unit_fails(kiln_cert_check(text, 1000, &err), &err, KILN_ERR_USER, rows[i].error);
        else
            unit_ok(kiln_cert_check(text, 1000, &err), &err);
    }
}

static void no_certificates(void **state)
{
    static const char *const texts[] = {
        "", "\n\n", "# only a comment", "ssh-ed25519", "ssh-ed25519 *** me", "   \n\t"
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(texts); i++) {
        KILN_AUTO_ERR err = { 0 };

        unit_fails(kiln_cert_check(texts[i], 1000, &err), &err, KILN_ERR_USER,
                   "failed to parse public key: ssh: no key found");
    }
}

static void files(void **state)
{
    KILN_AUTO_FREE char *path = NULL, *text = make(ED25519, 1, 0, 1000, 0), *want = NULL;
    KILN_AUTO_ERR err = { 0 };
    int fd = kiln_fs_temp_file("kiln-cert", "", &path, NULL);

    (void)state;
    assert_true(fd >= 0);
    assert_true(kiln_fs_write_atomic(path, text, strlen(text), 0600, NULL));
    want = kiln_xasprintf("%s: ssh: cert has expired", path);
    unit_fails(kiln_cert_file_check(path, &err), &err, KILN_ERR_USER, want);
    kiln_fd_closep(&fd);
    assert_true(kiln_fs_remove_tree(path, NULL));
    assert_false(kiln_cert_file_check(path, &err));
    assert_non_null(strstr(err.msg, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity),
        cmocka_unit_test(no_certificates),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
