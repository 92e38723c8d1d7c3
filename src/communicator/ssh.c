#include "communicator/ssh.h"

#include <assert.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/module.h"
#include "communicator/dir_walk.h"
#include "communicator/scp.h"
#include "communicator/sent.h"
#include "communicator/sftp.h"
#include "communicator/sftp_client.h"
#include "communicator/ssh_relay.h"
#include "communicator/ssh_wait.h"
#include "communicator/tar_put.h"
#include "communicator/tunnel.h"

#define RECONNECT_LIMIT KILN_SECOND(60) /* as long as Packer waits for one handshake */
#define OPEN_LIMIT      KILN_SECOND(60)

struct ssh {
    struct kiln_communicator base; /* first */
    const struct kiln_ssh_ops *ops;
    struct kiln_ssh_config cfg;
    struct kiln_ssh_keys *keys;
    struct kiln_route *route;
    struct kiln_link *link;   /* NULL while there is no connection */
    bool stalled;             /* … or one that ssh_read_write_timeout has given up */
    struct kiln_hub *tunnels; /* in a connection of their own; NULL: none */
    bool had_tunnels;
    struct kiln_ssh_watch watch;                  /* also for reconnecting */
    bool reads_back;                              /* the guest has told what it got (sent.h) */
    enum { TAR_UNKNOWN, TAR_GOOD, TAR_NONE } tar; /* in the guest (tar_put.h) */
};

static const struct kiln_ssh_ops *load(struct kiln_err *err)
{
    return kiln_module_load("ssh", err);
}

void kiln_ssh_config_done(struct kiln_ssh_config *cfg)
{
    if (cfg->bastion)
        kiln_ssh_config_done(cfg->bastion);
    free(cfg->bastion);
    free(cfg->proxy.host);
    free(cfg->proxy.user);
    free(cfg->proxy.password);
    for (size_t i = 0; i < cfg->n_tunnels; i++)
        kiln_tunnel_done(&cfg->tunnels[i]);
    free(cfg->tunnels);
    free(cfg->host);
    free(cfg->user);
    free(cfg->password);
    free(cfg->key_file);
    free(cfg->certificate_file);
    free(cfg->key_pem);
    free(cfg->ciphers);
    free(cfg->kex);
    *cfg = (struct kiln_ssh_config){ 0 };
}

void kiln_ssh_keypair_done(struct kiln_ssh_keypair *pair)
{
    free(pair->public_line);
    free(pair->private_pem);
    *pair = (struct kiln_ssh_keypair){ 0 };
}

bool kiln_ssh_keypair_new(struct kiln_ssh_keypair *ret, const char *type, int64_t bits,
                          const char *comment, struct kiln_err *err)
{
    const struct kiln_ssh_ops *ops = load(err);

    return ops && ops->keypair(ret, type, bits, comment, err);
}

/* ---- connections ---- */

/* A second connection: tunnels move while nobody waits for the first. Its failure is final. */
static bool open_tunnels(struct ssh *s, struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_ssh_config quick = s->cfg; /* strings stay s->cfg's */
    struct kiln_ssh_watch quiet = s->watch;
    struct kiln_link *link = NULL;

    if (s->cfg.n_tunnels == 0 || (s->tunnels && s->ops->hub_alive(s->tunnels)))
        return true;
    s->ops->hub_free(s->tunnels); /* before others listen at its ports */
    s->tunnels = NULL;
    quiet.ladder = NULL; /* the rungs are those of the first */
    quick.timeout_us = RECONNECT_LIMIT;
    quick.attempts = 1;
    if (!kiln_ssh_wait(&link, s->ops, s->route, &quick, s->keys, &quiet, c, err))
        return kiln_err_wrap(err, "open the tunnels");
    s->tunnels = s->ops->hub_new(link, s->cfg.tunnels, s->cfg.n_tunnels, s->had_tunnels, c,
                                 kiln_cancel_deadline(c, RECONNECT_LIMIT), err);
    s->had_tunnels = s->had_tunnels || s->tunnels;
    return s->tunnels != NULL;
}

static bool connect_as(struct ssh *s, const struct kiln_ssh_config *cfg, struct kiln_cancel *c,
                       struct kiln_err *err)
{
    return kiln_ssh_wait(&s->link, s->ops, s->route, cfg, s->keys, &s->watch, c, err) &&
           open_tunnels(s, c, err);
}

/* One more try: the guest may have rebooted, or dropped us. */
static bool reconnect(struct ssh *s, struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_ssh_config quick = s->cfg; /* strings stay s->cfg's */

    quick.timeout_us = RECONNECT_LIMIT;
    quick.attempts = 1;
    s->ops->hub_free(s->tunnels); /* of a guest that rebooted nothing may ever come */
    s->tunnels = NULL;
    s->ops->link_free(s->link);
    s->link = NULL;
    s->stalled = false;
    return connect_as(s, &quick, c, err) ||
           kiln_err_wrap(err, "the connection to the guest was lost");
}

/* ---- channels ---- */

static struct kiln_channel *open_once(struct ssh *s, const struct kiln_channel_how *how,
                                      struct kiln_cancel *c, bool *ret_refused,
                                      struct kiln_err *err)
{
    int64_t limit =
        s->cfg.stall_us > 0 && s->cfg.stall_us < OPEN_LIMIT ? s->cfg.stall_us : OPEN_LIMIT;
    struct kiln_channel *ch =
        s->ops->channel_open(s->link, how, c, kiln_cancel_deadline(c, limit), ret_refused, err);

    if (!ch)
        return NULL;
    ch->stall_us = s->cfg.stall_us;
    kiln_ladder_reach(s->watch.ladder, KILN_RUNG_SHELL, "");
    return ch;
}

static struct kiln_channel *open_channel(struct ssh *s, const struct kiln_channel_how *how,
                                         struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    bool refused = false;

    if (s->link && !s->stalled && s->ops->link_alive(s->link)) {
        struct kiln_channel *ch =
            open_tunnels(s, c, &why) ? open_once(s, how, c, &refused, &why) : NULL;

        if (ch)
            return ch;
        if (refused || why.kind == KILN_ERR_CANCELLED) {
            (void)kiln_err_move(err, &why);
            return NULL;
        }
    }
    if (!reconnect(s, c, err))
        return NULL;
    return open_once(s, how, c, &refused, err);
}

/* ---- commands ---- */

/* The guest is gone, or as good as that: a reboot does not always end connections. */
static void give_up(struct ssh *s, struct kiln_channel *ch)
{
    KILN_AUTO_FREE char *text =
        kiln_xasprintf("ssh_read_write_timeout: nothing came from the guest for %lld ms; the "
                       "connection is given up\n",
                       (long long)(ch->stall_us / 1000));

    s->stalled = ch->closed = true;
    if (ch->output)
        ch->output(ch->ud, true, text, strlen(text));
}

/* Wait for movement; signs of life are sent while there is none. */
static bool attend(struct ssh *s, struct kiln_channel *ch, int64_t *last_moved,
                   struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    int64_t deadline =
        s->cfg.keep_alive_us > 0 ? kiln_cancel_deadline(c, s->cfg.keep_alive_us) : KILN_NEVER;
    int64_t end = ch->stall_us > 0 ? *last_moved + ch->stall_us : KILN_NEVER;

    switch (ch->ops->pump(ch, c, deadline < end ? deadline : end, &why)) {
    case KILN_WAIT_READY:
        *last_moved = kiln_cancel_now(c);
        return true;
    case KILN_WAIT_TIMEOUT:
        if (kiln_cancel_now(c) >= end)
            give_up(s, ch);
        else
            s->ops->keep_alive(s->link);
        return true;
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    return kiln_err_move(err, &why);
}

static bool ssh_run(struct kiln_communicator *base, const struct kiln_remote *remote,
                    struct kiln_cancel *c, int *ret_status, struct kiln_err *err)
{
    struct ssh *s = (struct ssh *)base;
    KILN_AUTO_FREE char *text = kiln_xasprintf("%s\n", remote->command);
    const struct kiln_channel_how how = { .command = text,
                                          .pty = s->cfg.pty,
                                          .forward_agent = s->cfg.forward_agent,
                                          .output = remote->output,
                                          .ud = remote->ud };
    KILN_CLEANUP(kiln_channel_freep) struct kiln_channel *ch = open_channel(s, &how, c, err);
    int64_t moved = kiln_cancel_now(c);

    if (!ch)
        return false;
    (void)ch->ops->send_eof(ch, NULL); /* if that fails, so does what follows */
    while (!ch->closed) {
        if (!attend(s, ch, &moved, c, err))
            return false;
    }
    *ret_status = ch->status >= 0 ? ch->status : KILN_STATUS_DISCONNECTED;
    return true;
}

/* ---- files ---- */

static struct kiln_channel *open_sftp(struct ssh *s, struct kiln_cancel *c, struct kiln_err *err)
{
    const struct kiln_channel_how how = { .subsystem = "sftp" };
    struct kiln_channel *ch = open_channel(s, &how, c, err);

    if (!ch)
        (void)kiln_err_wrap(err, "start SFTP in the guest (ssh_file_transfer_method)");
    return ch;
}

static struct kiln_channel *open_scp(struct ssh *s, const char *flags, const char *path,
                                     struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_AUTO_FREE char *command = kiln_scp_command(flags, path);
    const struct kiln_channel_how how = { .command = command };

    return open_channel(s, &how, c, err);
}

/* A transfer is over. */
static bool settle(struct ssh *s, const struct kiln_channel *ch, bool ok)
{
    s->stalled = s->stalled || ch->stalled;
    return ok;
}

/* ---- uploads ---- */

/* Windows' shells have neither xargs nor cksum, and might take the words for something else. */
static bool is_windows(const struct ssh *s)
{
    return strstr(s->ops->server(s->link), "Windows") != NULL;
}

static struct kiln_channel *open_command(void *ud, const char *command, struct kiln_cancel *c,
                                         struct kiln_err *err)
{
    const struct kiln_channel_how how = { .command = command };

    return open_channel(ud, &how, c, err);
}

static void close_command(void *ud, struct kiln_channel *ch)
{
    (void)settle(ud, ch, true);
    kiln_channel_free(ch);
}

/* Words for `cd`: a directory, as scp or SFTP understands it. */
static char *cd_words(const struct ssh *s, const char *dir)
{
    KILN_AUTO_STR out = { 0 };

    if (!s->cfg.sftp) {
        kiln_scp_add_path(&out, dir);
    } else {
        dir = kiln_sftp_path(dir);
        kiln_shell_add_quoted(&out, dir[0] == '\0' ? "." : dir);
    }
    return kiln_str_steal(&out);
}

/* Has the guest got it? dir: below it are the names that were noted. */
static bool verify(struct ssh *s, struct kiln_sent *sent, const char *dir, bool renamed,
                   struct kiln_cancel *c, struct kiln_err *err)
{
    const struct kiln_sent_guest guest = { open_command, close_command, s };
    KILN_AUTO_FREE char *cd = cd_words(s, dir);
    bool told = false, ok;

    if (!sent || (s->link && is_windows(s)))
        return true;
    ok = kiln_sent_check(sent, &guest, cd, renamed, c, &told, err);
    s->reads_back = s->reads_back || told;
    return ok;
}

/* Sizes are asked for as long as nobody knows whether the guest will tell more. */
static struct kiln_sftp_watch sftp_watch(const struct ssh *s, struct kiln_sent *sent)
{
    return (struct kiln_sftp_watch){ sent, sent && !s->reads_back };
}

static struct kiln_sent *new_sent(const struct kiln_transfer *t)
{
    return t && t->verify ? kiln_sent_new() : NULL;
}

static bool upload_once(struct ssh *s, const char *src, const char *dst, mode_t mode,
                        const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(dst);
    KILN_CLEANUP(kiln_sent_freep) struct kiln_sent *sent = new_sent(t);
    struct kiln_channel *ch = NULL;
    bool ok;

    /* -d: without the directory it would write a file of that name instead. */
    ch = s->cfg.sftp ? open_sftp(s, c, err) : open_scp(s, "-dt", dir, c, err);
    if (!ch)
        return false;
    ok = s->cfg.sftp ? kiln_sftp_put(ch, src, dst, mode, t, sftp_watch(s, sent), c, err)
                     : kiln_scp_put(ch, src, kiln_path_base(dst), mode, t, sent, c, err);
    ok = settle(s, ch, ok);
    kiln_channel_free(ch);
    return ok && verify(s, sent, dir, false, c, err);
}

/* A guest that is about to reboot, because the provisioner before said so, may still have taken the
 * upload. Once more, to the guest that comes back: a file is then written from its beginning. */
static bool ssh_upload(struct kiln_communicator *base, const char *src, const char *dst,
                       mode_t mode, const struct kiln_transfer *t, struct kiln_cancel *c,
                       struct kiln_err *err)
{
    struct ssh *s = (struct ssh *)base;
    KILN_AUTO_ERR why = { 0 };

    if (upload_once(s, src, dst, mode, t, c, &why))
        return true;
    if (why.kind == KILN_ERR_CANCELLED || (s->link && !s->stalled && s->ops->link_alive(s->link)))
        return kiln_err_move(err, &why);
    kiln_log("upload %s: %s; once more", src, why.msg);
    return upload_once(s, src, dst, mode, t, c, err);
}

static bool sftp_upload_dir(struct ssh *s, const char *src, const char *dst,
                            const struct kiln_transfer *t, struct kiln_cancel *c,
                            struct kiln_err *err)
{
    KILN_CLEANUP(kiln_sent_freep) struct kiln_sent *sent = new_sent(t);
    struct kiln_channel *ch = open_sftp(s, c, err);
    bool ok = ch && settle(s, ch, kiln_sftp_put_dir(ch, src, dst, t, sftp_watch(s, sent), c, err));

    kiln_channel_free(ch);
    return ok && verify(s, sent, dst, false, c, err);
}

static bool scp_upload_dir(struct ssh *s, const char *src, const char *dst, bool contents,
                           const struct kiln_transfer *t, struct kiln_cancel *c,
                           struct kiln_err *err)
{
    KILN_CLEANUP(kiln_sent_freep) struct kiln_sent *sent = new_sent(t);
    /* Contents go into a directory, which must be there (-d). */
    struct kiln_channel *ch = open_scp(s, contents ? "-rdt" : "-rt", dst, c, err);
    bool ok = ch && settle(s, ch, kiln_scp_put_dir(ch, src, contents, t, sent, c, err));

    kiln_channel_free(ch);
    return ok && verify(s, sent, dst, !contents, c, err);
}

/* UNFIT, too, if there is no use in trying. */
static enum kiln_tar_end tar_upload_dir(struct ssh *s, const char *src, const char *dst,
                                        bool contents, const struct kiln_transfer *t,
                                        bool *ret_made, struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_sent_freep) struct kiln_sent *sent = new_sent(t);
    KILN_AUTO_FREE char *name = contents ? kiln_xstrdup("") : kiln_dir_name(src);
    KILN_AUTO_DIR_SURVEY survey = { 0 };
    KILN_AUTO_FREE char *command = NULL;
    struct kiln_channel *ch;
    KILN_AUTO_ERR why = { 0 };
    enum kiln_tar_end end = KILN_TAR_UNFIT;

    if (!kiln_dir_survey(src, &survey, err))
        return KILN_TAR_FAILED;
    if (s->tar == TAR_NONE || survey.odd || survey.files < KILN_TAR_FILES || strchr(name, '\n') ||
        (s->link && is_windows(s)))
        return KILN_TAR_UNFIT;
    command = kiln_tar_command(dst, name, s->tar == TAR_GOOD);
    ch = open_command(s, command, c, &why);
    if (!ch) /* scp may be allowed, or will tell */
        return KILN_TAR_UNFIT;
    end = kiln_tar_put_dir(ch, src, name, &survey, t, sent, ret_made, c, err);
    close_command(s, ch);
    if (end == KILN_TAR_DONE)
        s->tar = TAR_GOOD;
    else if (end == KILN_TAR_MISSING || end == KILN_TAR_BROKE)
        s->tar = TAR_NONE;
    if (end == KILN_TAR_DONE && !verify(s, sent, dst, false, c, err))
        return KILN_TAR_FAILED;
    return end;
}

static bool ssh_upload_dir(struct kiln_communicator *base, const char *src, const char *dst,
                           const struct kiln_transfer *t, struct kiln_cancel *c,
                           struct kiln_err *err)
{
    struct ssh *s = (struct ssh *)base;
    bool contents = kiln_dir_means_contents(src), made = false;
    KILN_AUTO_ERR why = { 0 };

    if (s->cfg.sftp) /* who asks for that may have a guest that runs nothing */
        return sftp_upload_dir(s, src, dst, t, c, err);
    switch (tar_upload_dir(s, src, dst, contents, t, &made, c, &why)) {
    case KILN_TAR_DONE:
        return true;
    case KILN_TAR_UNFIT:
    case KILN_TAR_MISSING:
        return scp_upload_dir(s, src, dst, contents, t, c, err);
    case KILN_TAR_BROKE:
        kiln_log("upload %s: %s; once more by scp", src, why.msg);
        return scp_upload_dir(s, src, dst, contents || made, t, c, err) ||
               kiln_err_wrap(err, "%s; then scp", why.msg);
    case KILN_TAR_FAILED:
        break;
    }
    return kiln_err_move(err, &why);
}

/* ---- downloads ---- */

static bool ssh_download(struct kiln_communicator *base, const char *src, int fd,
                         const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err)
{
    struct ssh *s = (struct ssh *)base;
    KILN_CLEANUP(kiln_channel_freep) struct kiln_channel *ch = NULL;

    ch = s->cfg.sftp ? open_sftp(s, c, err) : open_scp(s, "-f", src, c, err);
    if (!ch)
        return false;
    return settle(s, ch,
                  s->cfg.sftp ? kiln_sftp_get(ch, src, fd, t, c, err)
                              : kiln_scp_get(ch, fd, t, c, err));
}

static bool ssh_download_dir(struct kiln_communicator *base, const char *src, const char *dst,
                             const struct kiln_transfer *t, struct kiln_cancel *c,
                             struct kiln_err *err)
{
    struct ssh *s = (struct ssh *)base;
    KILN_CLEANUP(kiln_channel_freep) struct kiln_channel *ch = open_scp(s, "-rf", src, c, err);

    return ch && settle(s, ch, kiln_scp_get_dir(ch, dst, t, c, err));
}

/* ---- shell ---- */

static bool ssh_shell(struct kiln_communicator *base, struct kiln_remote_shell *shell,
                      struct kiln_cancel *c, struct kiln_err *err)
{
    struct ssh *s = (struct ssh *)base;
    KILN_CLEANUP(kiln_ssh_relay_freep) struct kiln_ssh_relay *relay = kiln_ssh_relay_new(shell);
    uint32_t size = shell->size;
    const struct kiln_channel_how how = { .pty = true,
                                          .term = shell->term,
                                          .cols = (int)(size >> 16),
                                          .rows = (int)(size & 0xffff),
                                          .output = kiln_ssh_relay_output,
                                          .ud = relay,
                                          .forward_agent = s->cfg.forward_agent };
    KILN_CLEANUP(kiln_channel_freep) struct kiln_channel *ch = open_channel(s, &how, c, err);

    return ch && kiln_ssh_relay_run(relay, s->ops, ch, c, err);
}

/* ---- life ---- */

static void ssh_free(struct kiln_communicator *base)
{
    struct ssh *s = (struct ssh *)base;

    s->ops->hub_free(s->tunnels);
    s->ops->link_free(s->link);
    kiln_route_free(s->route);
    s->ops->keys_free(s->keys);
    kiln_ssh_config_done(&s->cfg);
    free(s);
}

bool kiln_ssh_connect_consume(struct kiln_communicator **ret, struct kiln_ssh_config *cfg,
                              const struct kiln_ssh_watch *watch, struct kiln_cancel *c,
                              struct kiln_err *err)
{
    static const struct kiln_communicator_ops ops = {
        .type = "ssh",
        .run = ssh_run,
        .upload = ssh_upload,
        .upload_dir = ssh_upload_dir,
        .download = ssh_download,
        .download_dir = ssh_download_dir,
        .shell = ssh_shell,
        .free = ssh_free,
    };
    struct ssh *s = kiln_xcalloc(1, sizeof(*s));

    *s =
        (struct ssh){ .base = { &ops }, .ops = load(err), .cfg = *cfg, .watch = { .died_fd = -1 } };
    if (watch)
        s->watch = *watch;
    *cfg = (struct kiln_ssh_config){ 0 }; /* ours */
    if (!s->ops) {
        kiln_ssh_config_done(&s->cfg);
        free(s);
        return false;
    }
    s->keys = s->ops->keys_new(&s->cfg, err);
    s->route = s->keys ? kiln_route_new(&s->cfg, s->ops, err) : NULL;
    if (!s->route || !connect_as(s, &s->cfg, c, err)) {
        ssh_free(&s->base);
        return false;
    }
    *ret = &s->base;
    return true;
}
