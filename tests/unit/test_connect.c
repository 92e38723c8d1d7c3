/* What a builder's connection says, and what it leaves in the generated data. */
#include "unit.h"

#include "builder/builders.h"
#include "communicator/connect.h"
#include "engine_fixture.h"
#include "sshd.h"

static struct sshd sshd;

static struct kiln_comm_config options(void)
{
    struct kiln_ssh_config login = sshd_login(&sshd);
    struct kiln_comm_config c = { .communicator = kiln_xstrdup("ssh"),
                                  .ssh_host = kiln_xstrdup("127.0.0.1"),
                                  .ssh_port = sshd.port,
                                  .ssh_username = kiln_xstrdup(login.user),
                                  .ssh_private_key_file = kiln_xstrdup(sshd.key),
                                  .ssh_timeout_ns = INT64_C(30) * 1000000000,
                                  .ssh_file_transfer_method = kiln_xstrdup("scp") };

    kiln_ssh_config_done(&login);
    return c;
}

static void expect_data(const struct fixture *f, const char *key, const char *want)
{
    const char *got = kiln_strmap_get(&f->b.data, key);

    if (!kiln_streq(got, want))
        fail_msg("%s is '%s', not '%s'", key, got ? got : "(none)", want);
}

static void connects(void **state)
{
    struct kiln_comm_config c;
    struct kiln_connect how;
    KILN_AUTO_STR key = { 0 };
    KILN_AUTO_FREE char *port = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct fixture f;

    (void)state;
    if (!sshd_installed())
        skip();
    c = options();
    c.pause_before_connecting_ns = 50000000;
    how = (struct kiln_connect){ .comm = &c, .died_fd = -1 };
    fixture_init(&f);
    unit_ok(kiln_connect(&f.b, &how, &err), &err);
    assert_string_equal(f.b.communicator->ops->type, "ssh");
    fixture_story_is(&f, "[say] Using SSH communicator to connect: 127.0.0.1\n"
                         "[say] Waiting for SSH to become available...\n"
                         "[say] Connected to SSH!\n"
                         "[say] Pausing 50ms before connecting...\n"
                         "[say] Using SSH communicator to connect: 127.0.0.1\n"
                         "[say] Waiting for SSH to become available...\n"
                         "[say] Connected to SSH!\n");
    port = kiln_xasprintf("%d", sshd.port);
    unit_ok(kiln_fs_read(sshd.key, 1 << 16, &key, &err), &err);
    expect_data(&f, "Host", "127.0.0.1");
    expect_data(&f, "Port", port);
    expect_data(&f, "User", c.ssh_username);
    expect_data(&f, "Password", "");
    expect_data(&f, "ConnType", "ssh");
    expect_data(&f, "SSHPublicKey", "");
    expect_data(&f, "SSHPrivateKey", kiln_str_cstr(&key));
    expect_data(&f, "SSHPrivateKeyFile", sshd.key);
    expect_data(&f, "SSHAgentAuth", "false");
    kiln_disconnect(&f.b);
    assert_null(f.b.communicator);
    fixture_done(&f);
    kiln_config_done(&kiln_comm_schema, &c);
}

static void no_communicator(void **state)
{
    struct kiln_comm_config c = { .communicator = kiln_xstrdup("none") };
    const struct kiln_connect how = { .comm = &c, .died_fd = -1 };
    KILN_AUTO_ERR err = { 0 };
    struct fixture f;

    (void)state;
    fixture_init(&f);
    unit_ok(kiln_connect(&f.b, &how, &err), &err);
    assert_string_equal(f.b.communicator->ops->type, "none");
    assert_null(kiln_strmap_get(&f.b.data, "Host"));
    fixture_story_is(&f, "");
    kiln_disconnect(&f.b);
    fixture_done(&f);
    kiln_config_done(&kiln_comm_schema, &c);
}

static void null_builder(void **state)
{
    struct kiln_comm_config c;
    struct kiln_artifact *artifact = NULL;
    KILN_AUTO_ERR err = { 0 };
    struct fixture f;

    (void)state;
    if (!sshd_installed())
        skip();
    c = options();
    fixture_init(&f);
    unit_ok(kiln_null_builder.run(&c, &f.b, &artifact, &err), &err);
    assert_string_equal(artifact->builder_id, "fnoeding.null");
    assert_string_equal(artifact->id, "Null");
    assert_string_equal(artifact->text, "Did not export anything. This is the null builder");
    assert_int_equal(artifact->files.n, 0);
    expect_data(&f, "ID", "Null");
    assert_null(f.b.communicator);
    kiln_artifact_unref(artifact);
    fixture_done(&f);
    kiln_config_done(kiln_null_builder.schema, &c);
}

/* ---- temporary keys ---- */

static void temporary_key_only_if_it_can_matter(void **state)
{
    static const struct {
        const char *json, *password;
        bool wanted;
    } rows[] = {
        { "{}", NULL, true }, /* nothing else could get us in */
        { "{}", "secret", false },
        { "{\"boot_command\": \"{{ .SSHPublicKey }}\"}", "secret", true },
        { "{\"x\": \"{{build `SSHPrivateKey`}}\"}", "secret", true },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        char type[] = "ed25519", password[] = "secret", name[] = "kiln-key";
        struct kiln_comm_config c = { .temporary_key_pair_type = type,
                                      .temporary_key_pair_name = name,
                                      .ssh_password = rows[i].password ? password : NULL };
        struct kiln_source *source = kiln_source_new("t.json", rows[i].json, strlen(rows[i].json));
        struct kiln_diag diag = { 0 };
        struct kiln_tree *tree = kiln_json_parse(source, &diag);
        struct kiln_component decl = { .node = kiln_tree_root(tree) };
        struct kiln_ssh_keypair pair = { 0 };
        KILN_AUTO_ERR err = { 0 };
        struct fixture f;

        fixture_init(&f);
        f.b.decl = &decl;
        unit_ok(kiln_connect_new_keypair(&f.b, &c, &pair, &err), &err);
        assert_int_equal(pair.private_pem != NULL, rows[i].wanted);
        if (rows[i].wanted) {
            assert_true(kiln_has_suffix(pair.public_line, " kiln-key\n"));
            expect_data(&f, "SSHPublicKey", pair.public_line); /* before anybody has logged in */
        }
        fixture_story_is(
            &f, rows[i].wanted ? "[say] Creating temporary ED25519 SSH key for instance...\n" : "");
        fixture_done(&f);
        kiln_ssh_keypair_done(&pair);
        kiln_diag_done(&diag);
        kiln_tree_free(tree);
        kiln_source_unref(source);
    }
}

struct recorder {
    struct kiln_communicator base;
    struct kiln_str commands;
};

static bool record(struct kiln_communicator *base, const struct kiln_remote *remote,
                   struct kiln_cancel *c, int *ret_status, struct kiln_err *err)
{
    (void)c, (void)err;
    kiln_str_addf(&((struct recorder *)base)->commands, "%s\n", remote->command);
    *ret_status = 1;
    return true;
}

static void keys_are_cleared(void **state)
{
    static const struct kiln_communicator_ops ops = { .type = "recorder", .run = record };
    struct recorder r = { .base = { &ops } };
    char name[] = "a/key.1";
    struct kiln_comm_config c = { .temporary_key_pair_name = name };
    struct fixture f;

    (void)state;
    fixture_init(&f);
    f.b.communicator = &r.base;
    kiln_connect_clear_keys(&f.b, &c); /* not asked for */
    c.ssh_clear_authorized_keys = true;
    kiln_connect_clear_keys(&f.b, &c);
    fixture_story_is(&f, "[say] Trying to remove ephemeral keys from authorized_keys files\n");
    assert_string_equal(kiln_str_cstr(&r.commands),
                        "sed -i.bak '/ a\\/key\\.1$/d' ~/.ssh/authorized_keys; "
                        "rm ~/.ssh/authorized_keys.bak\n"
                        "sudo sed -i.bak '/ a\\/key\\.1$/d' /root/.ssh/authorized_keys; "
                        "sudo rm /root/.ssh/authorized_keys.bak\n");
    kiln_str_done(&r.commands);
    f.b.communicator = NULL;
    fixture_done(&f);
}

static int group_set_up(void **state)
{
    (void)state;
    sshd_prepare(&sshd, "");
    if (sshd_installed())
        sshd_start(&sshd);
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    sshd_stop(&sshd);
    sshd_done(&sshd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects),         cmocka_unit_test(no_communicator),
        cmocka_unit_test(null_builder),     cmocka_unit_test(temporary_key_only_if_it_can_matter),
        cmocka_unit_test(keys_are_cleared),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
