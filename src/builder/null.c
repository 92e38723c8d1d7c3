#include "builder/builders.h"
#include "communicator/connect.h"
#include "engine/step.h"

/* null: provisions a machine that is already there. provision-postprocess.md, section 8. */
struct null {
    struct kiln_comm_config comm;
};

static const struct kiln_field fields[] = { { 0 } };
static const struct kiln_include includes[] = {
    { &kiln_comm_schema, offsetof(struct null, comm) },
    { 0 },
};
static const struct kiln_schema schema = {
    "null", "connects to a machine that is there, provisions it, builds nothing", fields, includes
};

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    static const char more[] = "please reference your communicator documentation";
    const struct kiln_comm_config *c = &((struct null *)cfg)->comm;
    bool ok = kiln_comm_prepare(&((struct null *)cfg)->comm, p);
    bool key = kiln_is_set(c->ssh_private_key_file), password = kiln_is_set(c->ssh_password);
    const char *host_key = kiln_comm_is_winrm(c) ? "winrm_host" : "ssh_host";
    const char *user_key = kiln_comm_is_winrm(c) ? "winrm_username" : "ssh_username";

    if (!kiln_comm_is_ssh(c) && !kiln_comm_is_winrm(c))
        return ok;
    if (!kiln_is_set(kiln_comm_host(c)))
        ok = kiln_config_error(p, host_key, "a Host must be specified, %s", more);
    if (!kiln_is_set(kiln_comm_user(c)))
        ok = kiln_config_error(p, user_key, "a Username must be specified, %s", more);
    if (!c->ssh_agent_auth && !kiln_is_set(kiln_comm_password(c)) && !key)
        ok = kiln_config_error(p, NULL, "one authentication method must be specified, %s", more);
    if (c->ssh_agent_auth + password + key > 1)
        ok = kiln_config_error(p, NULL,
                               "only one of ssh_agent_auth, ssh_password, and ssh_private_key_file "
                               "must be specified");
    return ok;
}

static bool connect_run(void *state, struct kiln_build *b, struct kiln_err *err)
{
    const struct null *n = state;
    const struct kiln_connect how = { .comm = &n->comm, .died_fd = -1 };

    return kiln_connect(b, &how, err);
}

static void connect_cleanup(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    (void)state, (void)outcome;
    kiln_disconnect(b);
}

static bool run(void *cfg, struct kiln_build *b, struct kiln_artifact **ret, struct kiln_err *err)
{
    static const struct kiln_step_ops connect_step = { "StepConnect", connect_run, connect_cleanup,
                                                       false };
    const struct kiln_step_ops *const steps[] = { &connect_step, &kiln_step_provision };

    kiln_strmap_set(&b->data, "ID", "Null");
    if (!kiln_steps_run(steps, KILN_COUNT(steps), cfg, b, err))
        return false;
    *ret = kiln_artifact_new("fnoeding.null", "Null",
                             "Did not export anything. This is the null builder");
    return true;
}

const struct kiln_builder_ops kiln_null_builder = {
    .schema = &schema,
    .cfg_size = sizeof(struct null),
    .prepare = prepare,
    .run = run,
};
