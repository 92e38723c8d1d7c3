/* The communicator's options and the null builder's, from JSON to errors. */
#include "unit.h"

#include "base/fs.h"
#include "base/mem.h"
#include "builder/builders.h"
#include "communicator/config.h"
#include "communicator/key_file.h"
#include "communicator/tunnel.h"

/* The null builder's config is that of the communicator. */
struct decoded {
    struct kiln_comm_config c;
    struct kiln_diag diag;
    struct kiln_strv secrets;
    struct kiln_source *source;
    struct kiln_tree *tree;
    const struct kiln_node *node;
    struct kiln_interp interp;
    bool ok;
};

static void decode(struct decoded *d, const char *json)
{
    struct kiln_prepare p;

    *d = (struct decoded){ .source = kiln_source_new("t.json", json, strlen(json)) };
    d->tree = kiln_json_parse(d->source, &d->diag);
    assert_non_null(d->tree);
    d->node = kiln_tree_root(d->tree);
    p = (struct kiln_prepare){ .schema = kiln_null_builder.schema,
                               .nodes = &d->node,
                               .n_nodes = 1,
                               .interp = &d->interp,
                               .diag = &d->diag,
                               .secrets = &d->secrets };
    assert_int_equal(kiln_null_builder.cfg_size, sizeof(d->c));
    d->ok = kiln_config_decode(&p, &d->c) && kiln_null_builder.prepare(&d->c, &p);
    assert_int_equal(d->ok, d->diag.errors == 0);
}

static void done(struct decoded *d)
{
    kiln_config_done(kiln_null_builder.schema, &d->c);
    kiln_strv_done(&d->secrets);
    kiln_diag_done(&d->diag);
    kiln_tree_free(d->tree);
    kiln_source_unref(d->source);
}

#define HOST    "\"ssh_host\": \"h\", \"ssh_username\": \"u\", "
#define GOOD    HOST "\"ssh_password\": \"pw\", "
#define WINRM   "\"communicator\": \"winrm\", \"winrm_host\": \"h\", \"winrm_username\": \"u\", "
#define BASTION "\"ssh_bastion_host\": \"b\""
#define SEE     ", please reference your communicator documentation"
#define USER                                                                                       \
    "An ssh_username must be specified\n"                                                          \
    "  Note: some builders used to default ssh_username to \"root\"."

static const struct {
    const char *json, *errors; /* texts, one after the other, " | " between; "": none */
} rows[] = {
    { "{" GOOD "\"ssh_port\": 2222}", "" },
    { "{\"communicator\": \"none\"}", "" },
    { "{" HOST "\"ssh_agent_auth\": true}", "" },
    { "{}", USER " | a Host must be specified" SEE " | a Username must be specified" SEE
                 " | one authentication method must be specified" SEE },
    { "{" GOOD "\"ssh_agent_auth\": true}",
      "only one of ssh_agent_auth, ssh_password, and ssh_private_key_file must be specified" },
    { "{" WINRM "\"winrm_password\": \"p\"}", "" },
    { "{" GOOD "\"communicator\": \"winrm\"}",
      "winrm_username must be specified. | a Host must be specified" SEE
      " | a Username must be specified" SEE " | one authentication method must be specified" SEE },
    { "{" WINRM "\"winrm_port\": 65536, \"winrm_timeout\": \"-1m\"}",
      "winrm_port must be between 1 and 65535 | winrm_timeout must not be negative"
      " | one authentication method must be specified" SEE },
    { "{" GOOD "\"communicator\": \"docker\"}", "unknown communicator type: docker" },
    { "{" GOOD "\"communicator\": \"telnet\"}", "Communicator type telnet is invalid" },
    { "{" GOOD "\"ssh_file_transfer_method\": \"ftp\"}",
      "ssh_file_transfer_method ('ftp') is invalid, valid methods: sftp, scp" },
    { "{" GOOD "\"ssh_port\": 70000}", "ssh_port must be between 1 and 65535" },
    { "{" GOOD "\"ssh_handshake_attempts\": -1}", "ssh_handshake_attempts must not be negative" },
    { "{" GOOD "\"ssh_timeout\": \"-1s\"}", "ssh_timeout must not be negative" },
    { "{" GOOD BASTION "}", "ssh_bastion_password or ssh_bastion_private_key_file must be "
                            "specified" },
    { "{" GOOD BASTION ", \"ssh_bastion_password\": \"x\"}", "" },
    { "{" GOOD BASTION ", \"ssh_bastion_agent_auth\": true}", "" },
    { "{" GOOD BASTION ", \"ssh_bastion_interactive\": true}", "" },
    { "{" GOOD BASTION ", \"ssh_bastion_password\": \"x\", \"ssh_bastion_port\": -1}",
      "ssh_bastion_port must be between 1 and 65535" },
    { "{" GOOD BASTION ", \"ssh_bastion_private_key_file\": \"/nonexistent\"}",
      "ssh_bastion_private_key_file is invalid: stat /nonexistent: no such file or directory" },
    { "{" GOOD BASTION ", \"ssh_bastion_password\": \"x\", \"ssh_proxy_host\": \"p\"}",
      "please specify either ssh_bastion_host or ssh_proxy_host, not both" },
    { "{" GOOD "\"ssh_proxy_host\": \"p\", \"ssh_proxy_username\": \"u\"}", "" },
    { "{" GOOD "\"ssh_proxy_host\": \"p\", \"ssh_proxy_port\": 65536}",
      "ssh_proxy_port must be between 1 and 65535" },
    { "{" GOOD "\"ssh_keypair_name\": \"k\"}", "" },
    { "{" GOOD "\"ssh_local_tunnels\": \"80:a:80,81:[::1]:81\"}", "" },
    { "{" GOOD "\"ssh_local_tunnels\": [\"80:a:80\", \"x\"]}",
      "ssh_local_tunnels ('x') is invalid: Error parsing tunnel 'x': [x]" },
    { "{" GOOD "\"ssh_remote_tunnels\": [\"80:a\"]}",
      "ssh_remote_tunnels ('80:a') is invalid: Error parsing forwarding, must be a tcp address: "
      "address a: missing port in address" },
    { "{" GOOD "\"ssh_certificate_file\": \"c\"}",
      "ssh_certificate_file needs ssh_private_key_file: the key that it certifies" },
    { "{" HOST "\"ssh_private_key_file\": \"/nonexistent\"}",
      "ssh_private_key_file is invalid: stat /nonexistent: no such file or directory" },
};

static void errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_STR got = { 0 };
        struct decoded d;

        decode(&d, rows[i].json);
        for (size_t k = 0; k < d.diag.n; k++)
            kiln_str_addf(&got, "%s%s", k > 0 ? " | " : "", d.diag.items[k].text);
        if (!kiln_streq(kiln_str_cstr(&got), rows[i].errors))
            fail_msg("%s\n   got: %s\n  want: %s", rows[i].json, kiln_str_cstr(&got),
                     rows[i].errors);
        done(&d);
    }
}

static void ports(void **state)
{
    static const struct {
        const char *json;
        int port;
    } ports[] = {
        { "{" GOOD "\"winrm_port\": 1}", 22 },
        { "{\"communicator\": \"none\"}", 0 },
        { "{" WINRM "\"ssh_port\": 1}", 5985 },
        { "{" WINRM "\"winrm_use_ssl\": true}", 5986 },
        { "{" WINRM "\"winrm_use_ssl\": true, \"winrm_port\": 55986}", 55986 },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(ports); i++) {
        struct decoded d;

        decode(&d, ports[i].json);
        assert_int_equal(kiln_comm_port(&d.c), ports[i].port);
        done(&d);
    }
}

/* Either limit alone switches the other off. */
static void limits_of_the_wait(void **state)
{
    static const struct {
        const char *json;
        int64_t seconds, attempts;
    } limits[] = {
        { "{" GOOD "\"ssh_pty\": false}", 300, 10 },
        { "{" GOOD "\"ssh_timeout\": \"1h\"}", 3600, 0 },
        { "{" GOOD "\"ssh_handshake_attempts\": 50}", 0, 50 },
        { "{" GOOD "\"ssh_handshake_attempts\": 50, \"ssh_timeout\": \"20s\"}", 20, 50 },
        { "{" GOOD "\"ssh_wait_timeout\": \"10000s\"}", 10000,
          10 }, /* the old name: after all that */
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(limits); i++) {
        struct decoded d;

        decode(&d, limits[i].json);
        assert_true(d.ok);
        assert_int_equal(d.c.ssh_timeout_ns, limits[i].seconds * 1000000000);
        assert_int_equal(d.c.ssh_handshake_attempts, limits[i].attempts);
        assert_int_equal(d.diag.n, 0);
        done(&d);
    }
}

static void defaults(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "{" GOOD "\"ssh_ciphers\": \"aes128-ctr,aes256-ctr\", \"communicator\": \"\"}");
    assert_true(d.ok);
    assert_string_equal(d.c.communicator, "ssh");
    assert_string_equal(d.c.ssh_file_transfer_method, "scp");
    assert_string_equal(d.c.temporary_key_pair_type, "rsa");
    assert_int_equal(d.c.ssh_port, 22);
    assert_int_equal(d.c.ssh_keep_alive_interval_ns, 5000000000);
    assert_int_equal(d.c.ssh_ciphers.n, 2);
    assert_true(kiln_strv_has(&d.secrets, "pw"));
    done(&d);
}

/* The guest's key and certificate are the bastion's, too, if it has no key of its own. */
static void bastion_inherits(void **state)
{
    struct kiln_comm_config c = {
        .communicator = kiln_xstrdup("ssh"),
        .ssh_private_key_file = kiln_xstrdup("k"),
        .ssh_certificate_file = kiln_xstrdup("c"),
        .bastion.host = kiln_xstrdup("b"),
    };
    struct kiln_source *source = kiln_source_new("t.json", "{}", 2);
    struct kiln_diag diag = { 0 };
    struct kiln_tree *tree = kiln_json_parse(source, &diag);
    const struct kiln_node *node = kiln_tree_root(tree);
    const struct kiln_prepare p = {
        .schema = &kiln_comm_schema, .nodes = &node, .n_nodes = 1, .diag = &diag
    };

    (void)state;
    assert_false(kiln_comm_prepare(&c, &p)); /* there is no such file */
    assert_string_equal(c.bastion.private_key_file, "k");
    assert_string_equal(c.bastion.certificate_file, "c");
    assert_int_equal(c.bastion.port, 22);
    free(c.bastion.certificate_file);
    free(c.bastion.private_key_file);
    c.bastion.certificate_file = NULL;
    c.bastion.private_key_file = kiln_xstrdup("own");
    assert_false(kiln_comm_prepare(&c, &p));
    assert_string_equal(c.bastion.private_key_file, "own");
    assert_null(c.bastion.certificate_file);
    kiln_config_done(&kiln_comm_schema, &c);
    kiln_diag_done(&diag);
    kiln_tree_free(tree);
    kiln_source_unref(source);
}

static const struct {
    const char *text, *host; /* NULL: refused */
    int listen_port, port;
    const char *error;
} tunnels[] = {
    { "80:a:81", "a", 80, 81, NULL },
    { "80::81", "", 80, 81, NULL },
    { "080:a:+81", "a", 80, 81, NULL },
    { "80:[::1]:81", "::1", 80, 81, NULL },
    { "80", NULL, 0, 0, "Error parsing tunnel '80': [80]" },
    { "", NULL, 0, 0, "Error parsing tunnel '': []" },
    { "80:a", NULL, 0, 0,
      "Error parsing forwarding, must be a tcp address: address a: missing port in address" },
    { "80::1:80", NULL, 0, 0,
      "Error parsing forwarding, must be a tcp address: address :1:80: too many colons in "
      "address" },
    { "80:[a:80", NULL, 0, 0,
      "Error parsing forwarding, must be a tcp address: address [a:80: missing ']' in address" },
    { "80:[a]", NULL, 0, 0,
      "Error parsing forwarding, must be a tcp address: address [a]: missing port in address" },
    { "80:[a]:1:2", NULL, 0, 0,
      "Error parsing forwarding, must be a tcp address: address [a]:1:2: too many colons in "
      "address" },
    { "80:a]:80", NULL, 0, 0,
      "Error parsing forwarding, must be a tcp address: address a]:80: unexpected ']' in "
      "address" },
    { "80:a:http", NULL, 0, 0,
      "Error parsing forwarding port, must be a valid port: strconv.Atoi: parsing \"http\": "
      "invalid syntax" },
    { " 80:a:80", NULL, 0, 0,
      "Error parsing listening port, must be a valid port: strconv.Atoi: parsing \" 80\": invalid "
      "syntax" },
    { "0:a:80", NULL, 0, 0,
      "Error parsing listening port, must be a valid port: 0 is not between 1 and 65535" },
    { "80:a:65536", NULL, 0, 0,
      "Error parsing forwarding port, must be a valid port: 65536 is not between 1 and 65535" },
};

static void tunnel_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(tunnels); i++) {
        KILN_AUTO_ERR err = { 0 };
        struct kiln_ssh_tunnel t = { 0 };
        bool ok = kiln_tunnel_parse(&t, tunnels[i].text, &err);

        if (!tunnels[i].host) {
            unit_fails(ok, &err, KILN_ERR_USER, tunnels[i].error);
            continue;
        }
        unit_ok(ok, &err);
        assert_string_equal(t.host, tunnels[i].host);
        assert_int_equal(t.listen_port, tunnels[i].listen_port);
        assert_int_equal(t.port, tunnels[i].port);
        kiln_tunnel_done(&t);
    }
}

/* ---- key files ---- */

#define PEM(type, body) "-----BEGIN " type "-----\n" body "\n-----END " type "-----\n"

static const struct {
    const char *text, *error; /* after "Error setting up SSH config: "; NULL: good */
} keys[] = {
    { PEM("RSA PRIVATE KEY", "AAAA"), NULL },
    { "a comment\n" PEM("EC PRIVATE KEY", "AAAA"), NULL },
    { PEM("PRIVATE KEY", "AAAA"), NULL },
    /* "openssh-key-v1\0", then the cipher's name: none, aes256-ctr */
    { PEM("OPENSSH PRIVATE KEY", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAA="), NULL },
    { PEM("OPENSSH PRIVATE KEY", "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI="),
      "ssh: this private key is passphrase protected" },
    { PEM("OPENSSH PRIVATE KEY", "AAAA"), "ssh: invalid openssh private key format" },
    { PEM("OPENSSH PRIVATE KEY", "*"), "ssh: invalid openssh private key format" },
    { PEM("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA"),
      "Failed to read key 'K': password protected keys are\n"
      "not supported. Please decrypt the key prior to use." },
    { PEM("ENCRYPTED PRIVATE KEY", "AAAA"), "ssh: unsupported key type \"ENCRYPTED PRIVATE KEY\"" },
    { PEM("CERTIFICATE", "AAAA"), "ssh: unsupported key type \"CERTIFICATE\"" },
    { "ssh-ed25519 AAAA me\n", "Failed to read key 'K': no key found" },
    { "", "Failed to read key 'K': no key found" },
    { "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", "Failed to read key 'K': no key found" },
    { "-----BEGIN ", "Failed to read key 'K': no key found" },
};

static void key_files(void **state)
{
    KILN_AUTO_FREE char *path = NULL;
    int fd = kiln_fs_temp_file("kiln-key", "", &path, NULL);

    (void)state;
    assert_return_code(fd, 0);
    for (size_t i = 0; i < KILN_COUNT(keys); i++) {
        KILN_AUTO_ERR err = { 0 };
        KILN_AUTO_FREE char *want = NULL;
        const char *k = keys[i].error ? strstr(keys[i].error, "'K'") : NULL;

        assert_true(kiln_fs_write_atomic(path, keys[i].text, strlen(keys[i].text), 0600, NULL));
        if (k)
            want = kiln_xasprintf("Error setting up SSH config: %.*s'%s'%s",
                                  (int)(k - keys[i].error), keys[i].error, path, k + 3);
        else if (keys[i].error)
            want = kiln_xasprintf("Error setting up SSH config: %s", keys[i].error);
        if (want)
            unit_fails(kiln_key_file_check(path, &err), &err, KILN_ERR_USER, want);
        else
            unit_ok(kiln_key_file_check(path, &err), &err);
    }
    kiln_fd_closep(&fd);
    assert_true(kiln_fs_remove_tree(path, NULL));
}

static void key_paths(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *home = NULL, *in_home = NULL, *plain = NULL;

    (void)state;
    assert_int_equal(setenv("HOME", "/home/me", 1), 0);
    home = kiln_key_path("~", &err);
    in_home = kiln_key_path("~/.ssh/id", &err);
    plain = kiln_key_path("a~", &err);
    assert_string_equal(home, "/home/me");
    assert_string_equal(in_home, "/home/me/.ssh/id");
    assert_string_equal(plain, "a~");
    unit_fails(kiln_key_path("~bob/id", &err), &err, KILN_ERR_USER,
               "cannot expand user-specific home dir");
    unit_fails(kiln_key_file_check("/", &err), &err, KILN_ERR_USER,
               "Error setting up SSH config: read /: is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),
        cmocka_unit_test(ports),
        cmocka_unit_test(limits_of_the_wait),
        cmocka_unit_test(defaults),
        cmocka_unit_test(key_files),
        cmocka_unit_test(key_paths),
        cmocka_unit_test(bastion_inherits),
        cmocka_unit_test(tunnel_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
