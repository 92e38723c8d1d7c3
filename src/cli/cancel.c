/* `kiln cancel`: end a run in order, and wait until it is over. */
#include "base/mem.h"
#include "cli/commands.h"
#include "run/client.h"

struct cancelling {
    bool over;
    struct kiln_err err;
};

static void on_reply(void *ud, const struct kiln_reply *reply)
{
    struct cancelling *c = ud;

    if (!reply->ok && !c->over)
        (void)kiln_err_set(&c->err, KILN_ERR_REMOTE, "%s", reply->error);
}

static void on_end(void *ud, const struct kiln_err *err)
{
    struct cancelling *c = ud;

    c->over = true;
    kiln_err_clear(&c->err);
    if (err)
        (void)kiln_err_set(&c->err, err->kind, "%s", kiln_err_text(err));
}

static bool cancel(struct kiln_client *client, struct kiln_err *err)
{
    const struct kiln_client_handler handler = { .end = on_end };
    const struct kiln_request take = { .command = "control", .on = true };
    const struct kiln_request end = { .command = "cancel" };
    struct cancelling c = { 0 };

    kiln_client_send(client, &take, NULL, NULL);
    kiln_client_send(client, &end, on_reply, &c);
    while (!c.over && !c.err.msg)
        kiln_client_wait(client, &handler, &c);
    return c.err.msg ? kiln_err_move(err, &c.err) : true;
}

static bool cancel_run(const struct kiln_cli *cli, const char *run, struct kiln_err *err)
{
    struct kiln_client *client;
    const struct kiln_run_info *info;
    char id[KILN_RUN_SHORT];
    bool ok = true, going;

    if (!kiln_client_open(&client, run, err))
        return false;
    info = kiln_client_info(client);
    (void)kiln_run_short(info, id);
    going = info->state == KILN_RUN_GOING;
    if (going)
        ok = cancel(client, err);
    if (ok && info->state == KILN_RUN_ENDED)
        kiln_cli_say(cli, "say", "Run %s %s: %s", id, going ? "is over" : "was over already",
                     kiln_run_result(info));
    else if (ok)
        ok = kiln_err_set(err, KILN_ERR_USER,
                          "run %s: its supervisor was killed; kiln ps -clean removes what it left",
                          id);
    kiln_client_free(client);
    return ok;
}

int kiln_cmd_cancel(const struct kiln_cli *cli, int argc, char **argv)
{
    const struct kiln_flag flags[] = { { 0 } };
    KILN_AUTO_ERR err = { 0 };
    const char *run;
    int rc = kiln_cli_parse_optional(cli, "cancel", flags, argc, argv, &run);

    if (rc >= 0)
        return rc;
    if (!run)
        (void)kiln_err_set(&err, KILN_ERR_USER, "kiln cancel: name a run; kiln ps lists them");
    else if (cancel_run(cli, run, &err))
        return 0;
    kiln_cli_say(cli, "error", "%s", kiln_err_text(&err));
    return 1;
}
