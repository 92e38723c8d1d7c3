/* Logins with an ssh-agent, good, useless and broken, and letting the guest use it. */
#include "unit.h"

#include <sys/un.h>

#include "base/clock.h"
#include "sshd.h"

static struct sshd sshd;
static struct kiln_process agent = KILN_PROCESS_INIT;
static char *agent_socket;

static bool tools_installed(void)
{
    return sshd_installed() && kiln_fs_exists("/usr/bin/ssh-agent") &&
           kiln_fs_exists("/usr/bin/ssh-add");
}

static void add_key(const char *key)
{
    const char *const argv[] = { "ssh-add", "-q", key, NULL };
    const struct kiln_spawn how = { .argv = argv };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_STR errs = { 0 };
    KILN_AUTO_ERR err = { 0 };
    int status = -1;
    /* The agent takes a moment until it listens. */
    for (int64_t end = kiln_clock_mono_us() + KILN_SECOND(20); status != 0;) {
        assert_true(kiln_clock_mono_us() < end);
        unit_ok(kiln_process_capture(&how, NULL, KILN_NEVER, &out, &errs, &status, &err), &err);
    }
}

static void add_key_of_nobody(void)
{
    KILN_AUTO_FREE char *path = kiln_path_join(sshd.dir, "nobody");

    sshd_write_key(&sshd, "nobody", "nobody.pub");
    add_key(path);
}

static int set_up(void **state)
{
    const char *argv[] = { "ssh-agent", "-D", "-a", agent_socket, NULL };
    const struct kiln_spawn how = { .argv = argv };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    if (!tools_installed())
        return 0;
    unit_ok(kiln_process_spawn(&agent, &how, &err), &err);
    return setenv("SSH_AUTH_SOCK", agent_socket, 1);
}

static int tear_down(void **state)
{
    (void)state;
    kiln_process_done(&agent);
    (void)unlink(agent_socket);
    return 0;
}

/* Logs in, runs the command. */
static bool log_in(struct kiln_ssh_config cfg, const char *command, int *ret_status,
                   struct kiln_err *err)
{
    const struct kiln_remote remote = { .command = command };
    struct kiln_cancel *cancel = kiln_cancel_new();
    struct kiln_communicator *comm = NULL;
    bool ok = kiln_ssh_connect_consume(&comm, &cfg, NULL, cancel, err) &&
              comm->ops->run(comm, &remote, cancel, ret_status, err);

    kiln_communicator_free(comm);
    kiln_cancel_free(cancel);
    return ok;
}

static struct kiln_ssh_config with_agent(bool key_file)
{
    struct kiln_ssh_config cfg = sshd_login(&sshd);

    cfg.agent = true;
    if (!key_file) {
        free(cfg.key_file);
        cfg.key_file = NULL;
    }
    return cfg;
}

static void agent_alone(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    int status = -1;

    (void)state;
    if (!tools_installed())
        skip();
    add_key_of_nobody();
    add_key(sshd.key);
    unit_ok(log_in(with_agent(false), "true", &status, &err), &err);
    assert_int_equal(status, 0);
}

/* Packer never comes to the key file then. */
static void useless_agent_and_key_file(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    int status = -1;

    (void)state;
    if (!tools_installed())
        skip();
    add_key_of_nobody();
    unit_ok(log_in(with_agent(true), "true", &status, &err), &err);
    assert_int_equal(status, 0);
}

/* So many keys that the server hangs up before anything else is tried. */
static void agent_that_uses_up_all_tries(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    int status = -1;

    (void)state;
    if (!tools_installed())
        skip();
    for (int i = 0; i < 8; i++)
        add_key_of_nobody();
    unit_ok(log_in(with_agent(true), "true", &status, &err), &err);
    assert_int_equal(status, 0);
}

static void no_agent(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    int status = -1;

    (void)state;
    if (!tools_installed())
        skip();
    assert_return_code(setenv("SSH_AUTH_SOCK", "/nonexistent", 1), errno);
    unit_ok(log_in(with_agent(true), "true", &status, &err), &err);
}

static int listen_at(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(addr.sun_path, path, strlen(path) + 1);
    assert_return_code(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
    assert_return_code(listen(fd, 5), errno);
    return fd;
}

static void agent_that_hangs(void **state)
{
    KILN_AUTO_FREE char *path = kiln_path_join(sshd.dir, "hang");
    struct kiln_ssh_config cfg;
    struct kiln_cancel *cancel, *child;
    struct kiln_communicator *comm = NULL;
    KILN_AUTO_ERR err = { 0 };
    int fd;

    (void)state;
    if (!tools_installed())
        skip();
    fd = listen_at(path);
    assert_return_code(setenv("SSH_AUTH_SOCK", path, 1), errno);
    cancel = kiln_cancel_new();
    child = kiln_cancel_child(cancel, kiln_cancel_deadline(cancel, KILN_SECOND(1)));
    cfg = with_agent(true);
    unit_fails(kiln_ssh_connect_consume(&comm, &cfg, NULL, child, &err), &err, KILN_ERR_CANCELLED,
               "cancelled");
    kiln_cancel_free(child);
    kiln_cancel_free(cancel);
    (void)close(fd);
}

static void guest_uses_agent(void **state)
{
    struct kiln_ssh_config cfg;
    KILN_AUTO_ERR err = { 0 };
    int status = -1;

    (void)state;
    if (!tools_installed())
        skip();
    add_key(sshd.key);
    cfg = sshd_login(&sshd);
    cfg.forward_agent = true;
    /* Twice, and two at once. */
    unit_ok(log_in(cfg, "ssh-add -l && (ssh-add -l & ssh-add -l; wait)", &status, &err), &err);
    assert_int_equal(status, 0);
    unit_ok(log_in(sshd_login(&sshd), "ssh-add -l", &status, &err), &err);
    assert_int_equal(status, 2); /* not asked for: not there */
}

static int group_set_up(void **state)
{
    (void)state;
    sshd_prepare(&sshd, "");
    agent_socket = kiln_path_join(sshd.dir, "agent");
    if (tools_installed())
        sshd_start(&sshd);
    return 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    free(agent_socket);
    sshd_stop(&sshd);
    sshd_done(&sshd);
    return 0;
}

int main(void)
{
#define WITH_AGENT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_AGENT(agent_alone),
        WITH_AGENT(useless_agent_and_key_file),
        WITH_AGENT(agent_that_uses_up_all_tries),
        WITH_AGENT(no_agent),
        WITH_AGENT(agent_that_hangs),
        WITH_AGENT(guest_uses_agent),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
