#include "cli/console.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/module.h"

void kiln_console_flags(struct kiln_console_options *o, struct kiln_flag *ret)
{
    const struct kiln_flag flags[KILN_CONSOLE_FLAGS] = {
        { "keymap", KILN_FLAG_STRING, &o->keymap, "NAME", "default, vim, emacs, or a file", NULL },
        { "max-bps", KILN_FLAG_NUMBER, &o->max_bps, "N",
          "bytes a second to the terminal; 0: no limit (default)", NULL },
        { "mouse", KILN_FLAG_BOOL, &o->mouse, NULL,
          "take the mouse (the terminal's own copying then needs Shift)", NULL },
    };

    memcpy(ret, flags, sizeof(flags));
}

bool kiln_console_possible(const struct kiln_cli *cli, const struct kiln_console_options *o)
{
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_ui_ops *ui;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        kiln_cli_say(cli, "error", "The console needs a terminal; kiln build -detach does without");
        return false;
    }
    ui = kiln_module_load("ui", &err);
    if (ui && ui->check_keymap(o->keymap, &err))
        return true;
    kiln_cli_say(cli, "error", "%s", kiln_err_text(&err));
    return false;
}

int kiln_console(const struct kiln_cli *cli, const char *run, const struct kiln_console_options *o)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *id = NULL;
    const struct kiln_ui_ops *ui = kiln_module_load("ui", &err);
    struct kiln_client *client = NULL;
    const char *result = NULL;
    bool going = false;
    int rc = 1;

    if (ui && kiln_client_open(&client, run, &err)) {
        char buf[KILN_RUN_SHORT];

        id = kiln_xstrdup(kiln_run_short(kiln_client_info(client), buf));
        rc = ui->run(client, o, &going, &err);
        if (!going && kiln_client_info(client)->state == KILN_RUN_ENDED)
            result = kiln_run_result(kiln_client_info(client));
    }
    kiln_client_free(client);
    if (err.msg)
        kiln_cli_say(cli, "error", "%s", err.msg);
    else if (going)
        kiln_cli_say(cli, "say", "%s goes on; kiln attach %s", id, id);
    else if (result)
        kiln_cli_say(cli, "say", "%s is over: %s; kiln attach %s shows it again", id, result, id);
    return rc;
}
