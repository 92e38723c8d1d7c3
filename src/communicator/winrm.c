#include "communicator/winrm.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "communicator/dir_walk.h"
#include "communicator/winrm_client.h"
#include "communicator/winrm_file.h"
#include "communicator/winrm_wait.h"

struct winrm {
    struct kiln_communicator base; /* first */
    struct kiln_winrm_config cfg;
    struct kiln_winrm_client *client;
};

static void hand_over(const struct kiln_remote *remote, const struct kiln_winrm_reply *reply)
{
    for (size_t i = 0; remote->output && i < reply->n_pieces; i++)
        remote->output(remote->ud, reply->pieces[i].is_stderr,
                       reply->data.data + reply->pieces[i].at, reply->pieces[i].len);
}

/* Windows has 32 bits, and many write those above 2^31 without a sign. */
static int status_of(const struct kiln_winrm_reply *reply)
{
    return (int)(int32_t)(uint32_t)reply->exit_code;
}

static bool winrm_run(struct kiln_communicator *base, const struct kiln_remote *remote,
                      struct kiln_cancel *c, int *ret_status, struct kiln_err *err)
{
    struct winrm *m = (struct winrm *)base;
    KILN_CLEANUP(kiln_winrm_job_end) struct kiln_winrm_job job = { 0 };
    bool done = false;

    if (!kiln_winrm_job_start(&job, m->client, remote->command, false, c, err))
        return false;
    while (!done) {
        KILN_AUTO_WINRM_REPLY reply = { 0 };
        KILN_AUTO_ERR why = { 0 };

        if (!kiln_winrm_job_receive(&job, c, &reply, &why)) {
            if (!job.lost)
                return kiln_err_move(err, &why);
            kiln_log("winrm: the guest went away: %s", kiln_err_text(&why));
            *ret_status = KILN_STATUS_WINRM_LOST;
            return true;
        }
        hand_over(remote, &reply);
        done = reply.done;
        *ret_status = status_of(&reply);
    }
    return true;
}

/* ---- files ---- */

static bool winrm_upload(struct kiln_communicator *base, const char *src, const char *dst,
                         mode_t mode, const struct kiln_transfer *t, struct kiln_cancel *c,
                         struct kiln_err *err)
{
    struct winrm *m = (struct winrm *)base;
    KILN_AUTO_FREE char *target =
        kiln_xasprintf("%s%s", dst, kiln_has_suffix(dst, "\\") ? kiln_path_base(src) : "");

    (void)mode; /* Windows has none */
    return kiln_winrm_put(m->client, src, target, t, c, err);
}

static bool winrm_upload_dir(struct kiln_communicator *base, const char *src, const char *dst,
                             const struct kiln_transfer *t, struct kiln_cancel *c,
                             struct kiln_err *err)
{
    struct winrm *m = (struct winrm *)base;
    KILN_AUTO_FREE char *name = kiln_dir_name(src);
    KILN_AUTO_FREE char *target =
        kiln_has_suffix(src, "/") ? kiln_xstrdup(dst) : kiln_xasprintf("%s\\%s", dst, name);

    return kiln_winrm_put_dir(m->client, src, target, t, c, err);
}

static bool winrm_download(struct kiln_communicator *base, const char *src, int fd,
                           const struct kiln_transfer *t, struct kiln_cancel *c,
                           struct kiln_err *err)
{
    struct winrm *m = (struct winrm *)base;

    return kiln_winrm_get(m->client, src, fd, t, c, err);
}

static bool winrm_download_dir(struct kiln_communicator *base, const char *src, const char *dst,
                               const struct kiln_transfer *t, struct kiln_cancel *c,
                               struct kiln_err *err)
{
    (void)base, (void)src, (void)dst, (void)t, (void)c;
    return kiln_err_set(err, KILN_ERR_USER, "WinRM doesn't support download dir.");
}

/* ---- life ---- */

static void winrm_free(struct kiln_communicator *base)
{
    struct winrm *m = (struct winrm *)base;

    kiln_winrm_client_free(m->client);
    kiln_winrm_config_done(&m->cfg);
    free(m);
}

bool kiln_winrm_connect_consume(struct kiln_communicator **ret, struct kiln_winrm_config *cfg,
                                const struct kiln_winrm_watch *watch, struct kiln_cancel *c,
                                struct kiln_err *err)
{
    static const struct kiln_communicator_ops ops = {
        .type = "winrm",
        .run = winrm_run,
        .upload = winrm_upload,
        .upload_dir = winrm_upload_dir,
        .download = winrm_download,
        .download_dir = winrm_download_dir,
        .free = winrm_free,
    };
    struct winrm *m = kiln_xcalloc(1, sizeof(*m));

    *m = (struct winrm){ .base = { &ops }, .cfg = *cfg };
    *cfg = (struct kiln_winrm_config){ 0 }; /* ours */
    if (!kiln_winrm_client_new(&m->client, &m->cfg, err) ||
        !kiln_winrm_wait(m->client, &m->cfg, watch, c, err)) {
        winrm_free(&m->base);
        return false;
    }
    *ret = &m->base;
    return true;
}
