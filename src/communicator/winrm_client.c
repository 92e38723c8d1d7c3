#include "communicator/winrm_client.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "communicator/ntlm.h"
#include "net/exchange.h"

#define ANSWER_SLACK KILN_SECOND(60) /* beyond the time that the guest may keep a request */
#define END_LIMIT    KILN_SECOND(5)
#define KNOCK_LIMIT  KILN_SECOND(5)

struct kiln_winrm_client {
    const struct kiln_winrm_config *cfg;
    char *url;
    char *basic; /* the header that logs in each request; NULL: NTLM logs in the line */
    struct kiln_exchange_line *line;
    bool admitted; /* the line was logged in when it was last used */
    bool silent;   /* the last question got no answer */
};

void kiln_winrm_config_done(struct kiln_winrm_config *cfg)
{
    free(cfg->host);
    free(cfg->user);
    free(cfg->password);
    *cfg = (struct kiln_winrm_config){ 0 };
}

static char *make_url(const struct kiln_winrm_config *cfg)
{
    bool bare_ipv6 = strchr(cfg->host, ':') && cfg->host[0] != '[';

    return kiln_xasprintf("%s://%s%s%s:%d/wsman", cfg->https ? "https" : "http",
                          bare_ipv6 ? "[" : "", cfg->host, bare_ipv6 ? "]" : "", cfg->port);
}

static char *basic_header(const struct kiln_winrm_config *cfg)
{
    KILN_AUTO_FREE char *login = kiln_xasprintf("%s:%s", cfg->user, cfg->password);
    struct kiln_str header = { 0 };

    kiln_str_adds(&header, "Authorization: Basic ");
    kiln_base64_add(&header, login, strlen(login));
    return kiln_str_steal(&header);
}

bool kiln_winrm_client_new(struct kiln_winrm_client **ret, const struct kiln_winrm_config *cfg,
                           struct kiln_err *err)
{
    struct kiln_winrm_client *w = kiln_xcalloc(1, sizeof(*w));

    *w = (struct kiln_winrm_client){ .cfg = cfg,
                                     .url = make_url(cfg),
                                     .basic = cfg->ntlm ? NULL : basic_header(cfg),
                                     .line = kiln_exchange_line_new(err) };
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
    free(w->basic);
    free(w);
}

static bool keep(void *ud, const void *data, size_t len, struct kiln_err *err)
{
    kiln_str_add(ud, data, len);
    return kiln_str_ok(ud, "the answer", err);
}

/* One request and its answer, whoever may ask. */
struct post {
    const char *authorization;   /* a header, or NULL */
    const struct kiln_str *body; /* NULL: GET */
    int64_t deadline;
    struct kiln_str *answer;
    struct kiln_strv *challenges; /* or NULL */
};

static bool post(struct kiln_winrm_client *w, const struct post *p, struct kiln_cancel *c,
                 long *ret_status, struct kiln_err *err)
{
    const struct kiln_exchange_tls tls = { .insecure = w->cfg->insecure };
    KILN_AUTO_STRV headers = { 0 };
    const struct kiln_exchange x = {
        .url = w->url,
        .api = true,
        .headers = &headers,
        .body = p->body ? kiln_str_cstr(p->body) : NULL,
        .body_len = p->body ? p->body->len : 0,
        .challenges = p->challenges,
        .proxy = w->cfg->no_proxy ? "" : NULL,
        .tls = &tls,
        .line = w->line,
        .stall_us = KILN_WINRM_OPERATION_US + ANSWER_SLACK,
        .deadline = p->deadline,
        .data = keep,
        .ud = p->answer,
    };
    struct kiln_exchange_head head;

    if (p->body)
        kiln_strv_add_borrowed(&headers, "Content-Type: application/soap+xml;charset=UTF-8");
    if (p->authorization)
        kiln_strv_add_borrowed(&headers, p->authorization);
    kiln_str_clear(p->answer);
    w->silent = true;
    if (!kiln_exchange_run(&x, c, &head, err))
        return false;
    w->silent = false;
    *ret_status = head.status;
    return true;
}

bool kiln_winrm_client_knock(struct kiln_winrm_client *w, struct kiln_cancel *c,
                             struct kiln_err *err)
{
    KILN_AUTO_STR answer = KILN_STR_MAX(KILN_MAX_WINRM_REPLY);
    const struct post p = { .deadline = kiln_cancel_deadline(c, KNOCK_LIMIT), .answer = &answer };
    long status;

    return post(w, &p, c, &status, err);
}

/* ---- NTLM: the line is logged in by the first request on it, in two steps ---- */

/* WinRM's name for it is Negotiate; other servers, which imitate it, have the other one. */
static const char *const schemes[] = { "Negotiate", "NTLM" };

static char *scheme_header(const char *scheme, const struct kiln_str *message)
{
    struct kiln_str header = { 0 };

    kiln_str_addf(&header, "Authorization: %s ", scheme);
    kiln_base64_add(&header, message->data, message->len);
    return kiln_str_steal(&header);
}

/* The challenge of that scheme, if the server has sent one. */
static bool find_challenge(const struct kiln_strv *challenges, const char *scheme,
                           struct kiln_str *ret)
{
    size_t len = strlen(scheme);

    KILN_STRV_FOREACH (text, challenges) {
        if (strncasecmp(text, scheme, len) == 0 && text[len] == ' ' &&
            kiln_base64_decode(ret, text + len + 1, strlen(text + len + 1), NULL) && ret->len > 0)
            return true;
    }
    return false;
}

/* Ask for a challenge, and answer it with the request. */
static bool post_ntlm(struct kiln_winrm_client *w, const struct post *p, const char *scheme,
                      struct kiln_cancel *c, long *ret_status, struct kiln_err *err)
{
    const struct kiln_str nothing = { 0 };
    KILN_AUTO_STR message = { 0 }, challenge = { 0 };
    KILN_AUTO_STRV challenges = { 0 };
    KILN_AUTO_FREE char *first = NULL, *second = NULL;
    struct post step = *p;
    struct kiln_ntlm_nonce nonce;

    kiln_ntlm_add_negotiate(&message);
    step.authorization = first = scheme_header(scheme, &message);
    step.body = &nothing;
    step.challenges = &challenges;
    if (!post(w, &step, c, ret_status, err))
        return false;
    if (*ret_status != 401 || !find_challenge(&challenges, scheme, &challenge))
        return true; /* it does not want to */
    kiln_str_clear(&message);
    kiln_ntlm_nonce_new(&nonce);
    if (!kiln_ntlm_add_authenticate(&message, w->cfg->user, w->cfg->password, challenge.data,
                                    challenge.len, &nonce, err))
        return false;
    step = *p;
    step.authorization = second = scheme_header(scheme, &message);
    return post(w, &step, c, ret_status, err);
}

/* The request, logged in. */
static bool post_as_user(struct kiln_winrm_client *w, struct post *p, struct kiln_cancel *c,
                         long *ret_status, struct kiln_err *err)
{
    *ret_status = 401;
    p->authorization = w->basic;
    if ((w->basic || w->admitted) && !post(w, p, c, ret_status, err))
        return false;
    for (size_t i = 0; !w->basic && *ret_status == 401 && i < KILN_COUNT(schemes); i++) {
        if (!post_ntlm(w, p, schemes[i], c, ret_status, err))
            return false;
    }
    w->admitted = *ret_status != 401;
    return true;
}

/* ---- one question ---- */

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
    KILN_AUTO_STR envelope = { 0 }, answer = KILN_STR_MAX(KILN_MAX_WINRM_REPLY);
    struct post p = { .body = &envelope,
                      .answer = &answer,
                      .deadline = kiln_cancel_deadline(c, limit) };
    KILN_AUTO_ERR why = { 0 };
    long status;

    r->url = w->url;
    r->shell_id = job->shell_id;
    r->command_id = job->command_id;
    kiln_winrm_envelope_add(&envelope, r);
    if (!kiln_str_ok(&envelope, "the request", err))
        return false;
    job->rung = KILN_WINRM_NOTHING;
    job->fault_code = 0;
    job->denied = false;
    *ret = (struct kiln_winrm_reply){ 0 };
    if (!post_as_user(w, &p, c, &status, &why)) {
        job->lost = job->command_id && why.kind != KILN_ERR_CANCELLED && !answer.failed;
        return kiln_err_move(err, &why);
    }
    job->rung = KILN_WINRM_HTTP;
    if (!kiln_winrm_reply_parse(ret, kiln_str_cstr(&answer), answer.len, &why)) {
        job->denied = status == 401;
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
    if (w->silent && !kiln_winrm_client_knock(w, c, err))
        return false;
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
