#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/powershell.h"
#include "provisioner/provisioners.h"
#include "provisioner/remote.h"

/* windows-restart: restart the guest, wait until it is back. provision-postprocess.md, section 7.
 */

#define BETWEEN_LOOKS KILN_MS(500)
#define BEFORE_LOOK   KILN_SECOND(5) /* nothing was seen of a restart: it may be about to begin */

/* Of Windows: a restart is under way, is planned; of a shutdown while one is. */
#define SHUTDOWN_IN_PROGRESS 1115
#define SHUTDOWN_IS_PLANNED  1190
#define NO_SUCH_INTERFACE    1717

/* Does it fail because one is under way? If not, it is taken back. */
#define TRY_COMMAND   "shutdown /r /f /t 60 /c \"packer restart test\""
#define ABORT_COMMAND "shutdown /a"
#define CHECK_SCRIPT  "echo (\"{0} restarted.\" -f [System.Net.Dns]::GetHostName())"

struct windows_restart {
    char *restart_command, *restart_check_command;
    int64_t restart_timeout_ns;
    bool check_registry;
    struct kiln_strv registry_keys;
};

#define SERVICING "\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\"

static const char *const pending_keys[] = {
    "HKLM:SOFTWARE" SERVICING "RebootPending",
    "HKLM:SOFTWARE" SERVICING "PackagesPending",
    "HKLM:Software" SERVICING "RebootInProgress",
};

static const struct kiln_field fields[] = {
    { "restart_command", KILN_STRING, offsetof(struct windows_restart, restart_command),
      .def = "shutdown /r /f /t 0 /c \"packer restart\"",
      .help = "Command that restarts the guest." },
    { "restart_check_command", KILN_STRING, offsetof(struct windows_restart, restart_check_command),
      .help = "Command that can be run once the guest is back; its exit code does not count." },
    { "restart_timeout", KILN_DURATION, offsetof(struct windows_restart, restart_timeout_ns),
      .def = "5m", .help = "How long the guest may take to be back." },
    { "check_registry", KILN_BOOL, offsetof(struct windows_restart, check_registry),
      .help = "Wait also until no registry key says that another restart is pending." },
    { "registry_keys", KILN_STRINGS, offsetof(struct windows_restart, registry_keys),
      .help = "These keys instead of the three of Component Based Servicing: RebootPending, "
              "PackagesPending, RebootInProgress." },
    { 0 },
};

static const struct kiln_schema schema = { "windows-restart", "restarts a Windows guest", fields,
                                           NULL };

struct restart {
    const struct windows_restart *cfg;
    struct kiln_remote_work work;
    bool went_down;
};

static bool is_lost(int status)
{
    return status == KILN_STATUS_WINRM_LOST || status == KILN_STATUS_DISCONNECTED;
}

static bool is_under_way(int status)
{
    return status == SHUTDOWN_IN_PROGRESS || status == SHUTDOWN_IS_PLANNED;
}

static bool restart(struct restart *r, struct kiln_err *err)
{
    int status = 0;

    kiln_say(r->work.build, "Restarting Machine");
    while (!kiln_remote_show(&r->work, r->cfg->restart_command, &status, err)) {
        if (!kiln_remote_again(&r->work, err))
            return false;
    }
    r->went_down = is_lost(status);
    return status == 0 || is_under_way(status) || r->went_down ||
           kiln_err_set(err, KILN_ERR_REMOTE, "Restart script exited with non-zero exit status: %d",
                        status);
}

/* ---- down ---- */

/* Until no restart is under way any more, or the guest does not answer. */
static bool wait_down(struct restart *r, struct kiln_err *err)
{
    int status = 0;

    for (bool seen = false; !r->went_down;) {
        KILN_AUTO_ERR why = { 0 };

        if (!kiln_remote_run(&r->work, TRY_COMMAND, &status, &why)) {
            if (why.kind == KILN_ERR_CANCELLED)
                return kiln_err_move(err, &why);
            r->went_down = true;
        } else if (is_under_way(status) || status == NO_SUCH_INTERFACE) {
            seen = true;
            if (!kiln_wait_us(r->work.cancel, BETWEEN_LOOKS, err))
                return false;
        } else {
            r->went_down = seen || is_lost(status);
            if (status == 0 && !kiln_remote_run(&r->work, ABORT_COMMAND, &status, &why))
                kiln_log("windows-restart: %s: %s", ABORT_COMMAND, kiln_err_text(&why));
            return true;
        }
    }
    return true;
}

/* ---- up ---- */

/* Does the command print the word? ret: it does. False only if cancelled. */
static bool prints(struct restart *r, const char *command, const char *word, bool *ret,
                   struct kiln_err *err)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR why = { 0 };
    int status = 0;

    *ret = false;
    if (kiln_remote_capture(&r->work, command, &out, &status, &why))
        *ret = strstr(kiln_str_cstr(&out), word);
    else if (why.kind == KILN_ERR_CANCELLED)
        return kiln_err_move(err, &why);
    else
        kiln_log("windows-restart: %s", kiln_err_text(&why));
    return true;
}

static bool look_at_registry(struct restart *r, bool *ret_pending, struct kiln_err *err)
{
    const struct kiln_strv *own = &r->cfg->registry_keys;
    const char *const *keys = own->n > 0 ? (const char *const *)own->v : pending_keys;
    size_t n = own->n > 0 ? own->n : KILN_COUNT(pending_keys);

    *ret_pending = false;
    for (size_t i = 0; i < n && !*ret_pending; i++) {
        KILN_AUTO_STR script = { 0 };
        KILN_AUTO_FREE char *command = NULL;

        kiln_str_adds(&script, "Test-Path ");
        kiln_powershell_add_quoted(&script, keys[i]);
        command = kiln_powershell_command(kiln_str_cstr(&script));
        if (!prints(r, command, "True", ret_pending, err))
            return false;
    }
    return true;
}

/* The user's own check, once. *done: it could be run. */
static bool check(struct restart *r, const char *command, bool *done, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    int status = 0;

    if (kiln_remote_show(&r->work, command, &status, &why))
        *done = !is_lost(status);
    else if (why.kind == KILN_ERR_CANCELLED)
        return kiln_err_move(err, &why);
    return true;
}

static bool wait_up(struct restart *r, struct kiln_err *err)
{
    KILN_AUTO_FREE char *command = kiln_powershell_command(CHECK_SCRIPT);
    const char *own = r->cfg->restart_check_command;
    bool checked = !own || !*own || kiln_streq(own, command);
    int64_t pause = r->went_down ? BETWEEN_LOOKS : BEFORE_LOOK;

    for (bool up = false, pending = false;; pause = BETWEEN_LOOKS) {
        if (!kiln_wait_us(r->work.cancel, pause, err))
            return false;
        if (!checked && !check(r, own, &checked, err))
            return false;
        if (!checked)
            continue;
        if (!prints(r, command, "restarted.", &up, err))
            return false;
        if (up && r->cfg->check_registry && !look_at_registry(r, &pending, err))
            return false;
        if (up && !pending)
            return true;
    }
}

/* ---- the provisioner ---- */

static bool wait_for_restart(struct restart *r, struct kiln_cancel *cancel, struct kiln_err *err)
{
    struct kiln_build *b = r->work.build;
    KILN_CLEANUP(kiln_cancel_freep)
    struct kiln_cancel *limited =
        kiln_cancel_child(cancel, kiln_cancel_deadline(cancel, r->cfg->restart_timeout_ns / 1000));
    KILN_AUTO_ERR why = { 0 };

    kiln_say(b, "Waiting for machine to restart...");
    r->work.cancel = limited;
    if (wait_down(r, &why) && wait_up(r, &why)) {
        kiln_say(b, "Machine successfully restarted, moving on");
        return true;
    }
    if (kiln_cancel_timed_out(limited)) {
        (void)kiln_err_set(&why, KILN_ERR_TIMEOUT, "Timeout waiting for machine to restart.");
        kiln_error(b, "%s", kiln_err_text(&why));
    } else {
        kiln_error(b, "Error waiting for machine to restart: %s", kiln_err_text(&why));
    }
    return kiln_err_move(err, &why);
}

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct windows_restart *w = cfg;
    struct restart r = {
        .cfg = w,
        .work = { b, comm, cancel, kiln_cancel_deadline(cancel, w->restart_timeout_ns / 1000) },
    };

    return restart(&r, err) && wait_for_restart(&r, cancel, err);
}

const struct kiln_provisioner_ops kiln_windows_restart_provisioner = {
    .schema = &schema,
    .cfg_size = sizeof(struct windows_restart),
    .provision = provision,
};
