#include "communicator/winrm_client.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/exchange.h"

#define ANSWER_SLACK KILN_SECOND(60) /* beyond the time that the guest may keep a request */
#define END_LIMIT    KILN_SECOND(5)

struct kiln_winrm_client {
    const struct kiln_winrm_config *cfg;
    char *url;
    char *user, *password; /* as libcurl wants them */
    struct kiln_exchange_line *line;
};

void kiln_winrm_config_done(struct kiln_winrm_config *cfg)
{
    free(cfg->host);
    free(cfg->user);
    free(cfg->password);
    *cfg = (struct kiln_winrm_config){ 0 };
}

/* ---- one question ---- */

/* libcurl makes NTLM's UTF-16 by putting a zero behind each byte: right for Latin-1. */
static char *for_ntlm(const char *utf8, const char *option, struct kiln_err *err)
{
    struct kiln_str latin = { 0 };
    size_t len = strlen(utf8);

    for (size_t i = 0; i < len;) {
        unsigned cp = 0;
        size_t n = kiln_utf8_decode(utf8 + i, len - i, &cp);

        if (n == 0 || cp > 0xff) {
            kiln_str_done(&latin);
            (void)kiln_err_set(err, KILN_ERR_USER,
                               "%s: with winrm_use_ntlm, only letters of western Europe (Latin-1) "
                               "can be used",
                               option);
            return NULL;
        }
        kiln_str_addc(&latin, (char)cp);
        i += n;
    }
    return kiln_str_steal(&latin);
}

static char *make_url(const struct kiln_winrm_config *cfg)
{
    bool bare_ipv6 = strchr(cfg->host, ':') && cfg->host[0] != '[';

    return kiln_xasprintf("%s://%s%s%s:%d/wsman", cfg->https ? "https" : "http",
                          bare_ipv6 ? "[" : "", cfg->host, bare_ipv6 ? "]" : "", cfg->port);
}

bool kiln_winrm_client_new(struct kiln_winrm_client **ret, const struct kiln_winrm_config *cfg,
                           struct kiln_err *err)
{
    struct kiln_winrm_client *w = kiln_xcalloc(1, sizeof(*w));

    *w = (struct kiln_winrm_client){ .cfg = cfg, .url = make_url(cfg) };
    w->user = cfg->ntlm ? for_ntlm(cfg->user, "winrm_username", err) : kiln_xstrdup(cfg->user);
    if (w->user)
        w->password = cfg->ntlm ? for_ntlm(cfg->password, "winrm_password", err)
                                : kiln_xstrdup(cfg->password);
    if (w->password)
        w->line = kiln_exchange_line_new(err);
    if (!w->line) {
        kiln_winrm_client_free(w);
        return false;
    }
    *ret = w;
    return true;
}

void kiln_winrm_client_free(struct kiln_winrm_client *w)
{
    if (!w)
        return;
    kiln_exchange_line_free(w->line);
    free(w->url);
    free(w->user);
    free(w->password);
    free(w);
}

/* As Go's HTTP client does: no proxy leads to our own machine, where QEMU forwards the port. */
static bool is_local(const char *host)
{
    return kiln_streq(host, "localhost") || kiln_has_prefix(host, "127.") ||
           kiln_streq(host, "::1") || kiln_streq(host, "[::1]");
}

static bool keep(void *ud, const void *data, size_t len, struct kiln_err *err)
{
    kiln_str_add(ud, data, len);
    return kiln_str_ok(ud, "the answer", err);
}

static bool post(struct kiln_winrm_client *w, const struct kiln_exchange *what,
                 struct kiln_cancel *c, long *ret_status, struct kiln_err *err)
{
    const struct kiln_exchange_tls tls = { .insecure = w->cfg->insecure };
    struct kiln_exchange x = *what;
    struct kiln_exchange_head head;

    x.url = w->url;
    x.api = true;
    x.tls = &tls;
    x.line = w->line;
    x.proxy = w->cfg->no_proxy || is_local(w->cfg->host) ? "" : NULL;
    x.stall_us = KILN_WINRM_OPERATION_US + ANSWER_SLACK;
    x.data = keep;
    if (!kiln_exchange_run(&x, c, &head, err))
        return false;
    *ret_status = head.status;
    return true;
}

bool kiln_winrm_client_knock(struct kiln_winrm_client *w, struct kiln_cancel *c, int64_t deadline,
                             struct kiln_err *err)
{
    KILN_AUTO_STR answer = KILN_STR_MAX(KILN_MAX_WINRM_REPLY);
    const struct kiln_exchange x = { .deadline = deadline, .ud = &answer };
    long status;

    return post(w, &x, c, &status, err);
}

static bool refused(const struct kiln_winrm_client *w, long status, struct kiln_err *err)
{
    if (status == 401)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "the guest refuses the login (HTTP status 401): winrm_username or "
                            "winrm_password is wrong, or it does not allow %s",
                            w->cfg->ntlm    ? "NTLM (Negotiate)"
                            : w->cfg->https ? "Basic"
                                            : "Basic without TLS (AllowUnencrypted)");
    return kiln_err_set(err, KILN_ERR_REMOTE, "HTTP status %ld", status);
}

/* True for ANSWER only; err is set by everything else. */
static bool ask(struct kiln_winrm_job *job, struct kiln_winrm_request *r, int64_t limit,
                struct kiln_cancel *c, struct kiln_winrm_reply *ret, struct kiln_err *err)
{
    struct kiln_winrm_client *w = job->client;
    const struct kiln_exchange_login login = { w->user, w->password, w->cfg->ntlm };
    KILN_AUTO_STRV headers = { 0 };
    KILN_AUTO_STR envelope = { 0 }, answer = KILN_STR_MAX(KILN_MAX_WINRM_REPLY);
    struct kiln_exchange x = { .login = &login, .headers = &headers, .ud = &answer };
    KILN_AUTO_ERR why = { 0 };
    long status;

    r->url = w->url;
    r->shell_id = job->shell_id;
    r->command_id = job->command_id;
    kiln_winrm_envelope_add(&envelope, r);
    if (!kiln_str_ok(&envelope, "the request", err))
        return false;
    kiln_strv_add_borrowed(&headers, "Content-Type: application/soap+xml;charset=UTF-8");
    x.body = envelope.data;
    x.body_len = envelope.len;
    x.deadline = kiln_cancel_deadline(c, limit);
    job->rung = KILN_WINRM_NOTHING;
    job->fault_code = 0;
    *ret = (struct kiln_winrm_reply){ 0 };
    if (!post(w, &x, c, &status, &why)) {
        job->lost = job->command_id && why.kind != KILN_ERR_CANCELLED;
        return kiln_err_move(err, &why);
    }
    job->rung = KILN_WINRM_HTTP;
    if (!kiln_winrm_reply_parse(ret, kiln_str_cstr(&answer), answer.len, &why)) {
        job->lost = job->command_id && status != 200; /* 503: the service has stopped */
        return status == 200 ? kiln_err_move(err, &why) : refused(w, status, err);
    }
    job->rung = ret->is_fault ? KILN_WINRM_FAULT : KILN_WINRM_ANSWER;
    job->fault_code = ret->fault_code;
    job->lost = job->command_id && ret->fault_code == KILN_WINRM_FAULT_NO_SHELL;
    if (!ret->is_fault)
        return status == 200 || refused(w, status, err);
    return kiln_err_set(err, KILN_ERR_REMOTE, "WinRM in the guest says: %s",
                        ret->fault ? ret->fault : "no, and not why");
}

/* ---- a command ---- */

static bool begin(struct kiln_winrm_job *job, struct kiln_winrm_request *r, struct kiln_cancel *c,
                  struct kiln_err *err)
{
    KILN_AUTO_WINRM_REPLY reply = { 0 };

    if (!ask(job, r, KILN_WINRM_OPERATION_US + ANSWER_SLACK, c, &reply, err))
        return false;
    if (r->action == KILN_WINRM_CREATE) {
        job->shell_id = reply.shell_id;
        reply.shell_id = NULL;
        return job->shell_id || kiln_err_set(err, KILN_ERR_REMOTE, "WinRM does not name its shell");
    }
    job->command_id = reply.command_id;
    reply.command_id = NULL;
    return job->command_id ||
           kiln_err_set(err, KILN_ERR_REMOTE, "WinRM does not name the command that it started");
}

bool kiln_winrm_job_start(struct kiln_winrm_job *job, struct kiln_winrm_client *w,
                          const char *command, bool piped, struct kiln_cancel *c,
                          struct kiln_err *err)
{
    struct kiln_winrm_request create = { .action = KILN_WINRM_CREATE };
    struct kiln_winrm_request start = { .action = KILN_WINRM_COMMAND,
                                        .command = command,
                                        .piped = piped };

    *job = (struct kiln_winrm_job){ .client = w };
    return begin(job, &create, c, err) && begin(job, &start, c, err);
}

bool kiln_winrm_job_send(struct kiln_winrm_job *job, const void *data, size_t len,
                         struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_winrm_request r = { .action = KILN_WINRM_SEND, .input = data, .input_len = len };
    KILN_AUTO_WINRM_REPLY reply = { 0 };

    return ask(job, &r, KILN_WINRM_OPERATION_US + ANSWER_SLACK, c, &reply, err);
}

bool kiln_winrm_job_receive(struct kiln_winrm_job *job, struct kiln_cancel *c,
                            struct kiln_winrm_reply *ret, struct kiln_err *err)
{
    struct kiln_winrm_request r = { .action = KILN_WINRM_RECEIVE };

    for (;;) {
        KILN_AUTO_ERR why = { 0 };

        if (ask(job, &r, KILN_WINRM_OPERATION_US + ANSWER_SLACK, c, ret, &why)) {
            if (ret->done) { /* deleting the shell is enough then */
                free(job->command_id);
                job->command_id = NULL;
            }
            if (ret->n_pieces > 0 || ret->done)
                return true;
        } else if (job->fault_code != KILN_WINRM_FAULT_TIMED_OUT) {
            kiln_winrm_reply_done(ret);
            return kiln_err_move(err, &why);
        }
        kiln_winrm_reply_done(ret);
    }
}

void kiln_winrm_job_end(struct kiln_winrm_job *job)
{
    static const enum kiln_winrm_action ends[] = { KILN_WINRM_SIGNAL, KILN_WINRM_DELETE };
    int64_t deadline = kiln_cancel_deadline(NULL, END_LIMIT);

    for (size_t i = 0; i < KILN_COUNT(ends) && job->shell_id && !job->lost; i++) {
        struct kiln_winrm_request r = { .action = ends[i] };
        KILN_AUTO_WINRM_REPLY reply = { 0 };
        KILN_AUTO_ERR why = { 0 };

        if (ends[i] == KILN_WINRM_SIGNAL && !job->command_id)
            continue;
        if (!ask(job, &r, deadline - kiln_cancel_now(NULL), NULL, &reply, &why))
            kiln_log("winrm: end a command: %s", kiln_err_text(&why));
        if (job->rung == KILN_WINRM_NOTHING)
            break;
    }
    free(job->shell_id);
    free(job->command_id);
    *job = (struct kiln_winrm_job){ 0 };
}
