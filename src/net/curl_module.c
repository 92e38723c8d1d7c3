/*
 * HTTP requests by libcurl's multi interface. libcurl says which sockets and which time it waits
 * for; the waiting itself is kiln's, so that cancelling and pausing a build reach it at once.
 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/exchange.h"
#include "net/http_date.h"

#define CONNECT_TIMEOUT_MS 30000L
#define RECEIVE_BUFFER     (256L << 10) /* the default of 16 KiB halves the speed */

extern const struct kiln_curl_ops kiln_curl_ops;

/* libcurl keeps open connections in its multi handle. */
struct kiln_exchange_line {
    CURLM *multi;
};

struct request {
    const struct kiln_exchange *t;
    struct kiln_cancel *cancel;
    CURLM *multi; /* the line's, or ours */
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    CURLU *url; /* NULL: t->url */
    int epoll_fd;
    int64_t timer; /* when libcurl wants to be called, or KILN_NEVER */
    uint64_t received;
    int64_t window_start; /* of the stall check */
    uint64_t window_received;
    struct kiln_exchange_head head;
    bool started; /* head is filled in */
    bool refused; /* the status is not one whose body we take */
    struct kiln_err cb_err;
    char error[CURL_ERROR_SIZE];
};

static void request_done(struct request *r)
{
    if (r->multi && r->easy)
        (void)curl_multi_remove_handle(r->multi, r->easy);
    curl_easy_cleanup(r->easy);
    if (!r->t->line) {
        (void)curl_multi_cleanup(r->multi);
    } else { /* a later close is not for us, who are gone */
        (void)curl_multi_setopt(r->multi, CURLMOPT_SOCKETFUNCTION, NULL);
        (void)curl_multi_setopt(r->multi, CURLMOPT_TIMERFUNCTION, NULL);
    }
    curl_slist_free_all(r->headers);
    curl_slist_free_all(r->connect_to);
    curl_url_cleanup(r->url);
    kiln_fd_closep(&r->epoll_fd);
    kiln_err_clear(&r->cb_err);
}

static const char *header(CURL *easy, const char *name)
{
    struct curl_header *h;

    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static void read_head(struct request *r)
{
    const char *range = header(r->easy, "Content-Range");
    const char *accept = header(r->easy, "Accept-Ranges");
    curl_off_t length = -1, filetime = -1;

    (void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &r->head.status);
    (void)curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    (void)curl_easy_getinfo(r->easy, CURLINFO_FILETIME_T, &filetime);
    r->head.length = length;
    r->head.last_modified = filetime;
    r->head.ranges = accept && curl_strequal(accept, "bytes");
    if (range &&
        sscanf(range, "bytes %" SCNu64 "-%*u/%" SCNu64, &r->head.offset, &r->head.whole) < 1)
        r->head.offset = UINT64_MAX; /* no offset that anybody asked for */
}

/* The answer is complete but for its body. False ends the request. */
static bool start(struct request *r)
{
    if (r->started)
        return !r->refused;
    read_head(r);
    r->started = true;
    r->refused = !r->t->api && r->head.status != 200 && r->head.status != 206;
    if (r->refused || (r->t->start && !r->t->start(r->t->ud, &r->head, &r->cb_err)))
        return false;
    return true;
}

static size_t on_data(char *data, size_t size, size_t n, void *ud)
{
    struct request *r = ud;
    size_t len = size * n;

    r->received += len;
    if (!start(r) || !r->t->data(r->t->ud, data, len, &r->cb_err))
        return CURL_WRITEFUNC_ERROR;
    return len;
}

static size_t on_header(char *data, size_t size, size_t n, void *ud)
{
    struct request *r = ud;

    (void)data;
    r->received += size * n; /* slow headers are no stall */
    return size * n;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *known)
{
    struct request *r = ud;
    struct epoll_event ev = { .data = { .fd = fd } };

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        ev.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        ev.events |= EPOLLOUT;
    (void)epoll_ctl(r->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
    (void)curl_multi_assign(r->multi, fd, r);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ud)
{
    struct request *r = ud;

    (void)multi;
    r->timer = timeout_ms < 0 ? KILN_NEVER : kiln_cancel_deadline(r->cancel, KILN_MS(timeout_ms));
    return 0;
}

static void add_header(struct request *r, const char *line)
{
    r->headers = curl_slist_append(r->headers, line); /* copied */
}

static void set_part(struct request *r)
{
    const struct kiln_exchange *t = r->t;
    KILN_AUTO_FREE char *range = kiln_xasprintf("%" PRIu64 "-", t->offset);

    (void)curl_easy_setopt(r->easy, CURLOPT_RANGE, range);
    if (t->if_range) {
        char date[KILN_HTTP_DATE_SIZE];
        KILN_AUTO_FREE char *line = NULL;

        kiln_http_date_format(t->if_range, date);
        line = kiln_xasprintf("If-Range: %s", date);
        add_header(r, line);
    }
}

/* HTTP_PROXY, which libcurl passes over, as a CGI program has it from its client. NULL: it does not
 * count, or is not needed. */
static const char *capital_proxy(const char *url)
{
    const char *proxy = getenv("HTTP_PROXY");

    return getenv("http_proxy") || getenv("REQUEST_METHOD") || strncasecmp(url, "http:", 5) != 0
               ? NULL
               : proxy;
}

/* As Go's HTTP client does: no proxy of the environment leads to our own machine, so that none is
 * given what is meant for a server here, as a token is. */
static void set_proxy(CURL *e, const struct kiln_exchange *t)
{
    const char *none = getenv("no_proxy"), *proxy = t->proxy ? t->proxy : capital_proxy(t->url);
    KILN_AUTO_FREE char *with_ours = NULL;

    if (proxy)
        (void)curl_easy_setopt(e, CURLOPT_PROXY, proxy);
    if (t->proxy)
        return;
    if (!none)
        none = getenv("NO_PROXY");
    with_ours = kiln_xasprintf("localhost,127.0.0.0/8,::1,%s", none ? none : "");
    (void)curl_easy_setopt(e, CURLOPT_NOPROXY, kiln_streq(none, "*") ? none : with_ours);
}

/* Strings that libcurl is given are copied by it, but for the body. */
static void set_request(struct request *r)
{
    const struct kiln_exchange *t = r->t;
    CURL *e = r->easy;

    (void)curl_easy_setopt(e, CURLOPT_URL, t->url);
    if (t->body) {
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_len);
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->body);
        add_header(r, "Expect:"); /* no question first whether it may be sent */
    }
    if (t->method && curl_strequal(t->method, "HEAD"))
        (void)curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else if (t->method)
        (void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, t->method);
    if (t->offset > 0)
        set_part(r);
    for (size_t i = 0; t->headers && i < t->headers->n; i++)
        add_header(r, t->headers->v[i]);
    if (t->unix_socket)
        (void)curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, t->unix_socket);
    set_proxy(e, t);
    if (!t->api) {
        (void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
        (void)curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)KILN_MAX_REDIRECTS);
        (void)curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    }
}

/*
 * libcurl takes the name to ask for and to check from the URL only. So the URL gets that name, the
 * connection goes where the URL went, and so does the Host header.
 */
static bool set_server_name(struct request *r, const char *name)
{
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL, *own_port = NULL;
    bool ok = url && !curl_url_set(url, CURLUPART_URL, r->t->url, 0) &&
              !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
              !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
              !curl_url_set(url, CURLUPART_HOST, name, 0);

    if (ok) {
        KILN_AUTO_FREE char *to = kiln_xasprintf("::%s:%s", host, port);
        KILN_AUTO_FREE char *line = NULL;

        (void)curl_url_get(url, CURLUPART_PORT, &own_port, 0); /* NULL: the scheme's */
        line = kiln_xasprintf("Host: %s%s%s", host, own_port ? ":" : "", own_port ? own_port : "");
        add_header(r, line);
        r->connect_to = curl_slist_append(NULL, to);
        r->url = url; /* libcurl keeps the pointer */
        (void)curl_easy_setopt(r->easy, CURLOPT_CONNECT_TO, r->connect_to);
        (void)curl_easy_setopt(r->easy, CURLOPT_CURLU, url);
    } else {
        curl_url_cleanup(url);
    }
    curl_free(host);
    curl_free(port);
    curl_free(own_port);
    return ok;
}

/* A private authority, named as for Go programs (so for Packer), OpenSSL and the curl tool. */
static void set_system_authorities(CURL *e)
{
    const char *file = getenv("SSL_CERT_FILE");
    const char *dir = getenv("SSL_CERT_DIR");

    if (file && *file)
        (void)curl_easy_setopt(e, CURLOPT_CAINFO, file);
    if (dir && *dir)
        (void)curl_easy_setopt(e, CURLOPT_CAPATH, dir);
}

/* Authorities that somebody names are the only ones that count. */
static void set_authorities(CURL *e, const char *pem)
{
    struct curl_blob blob = { .data = (char *)pem, .len = strlen(pem), .flags = CURL_BLOB_COPY };

    (void)curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    (void)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    (void)curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
}

static bool set_tls(struct request *r, struct kiln_err *err)
{
    const struct kiln_exchange_tls *tls = r->t->tls;
    CURL *e = r->easy;

    if (!tls || !tls->authorities)
        set_system_authorities(e);
    if (!tls)
        return true;
    if (tls->authorities)
        set_authorities(e, tls->authorities);
    if (tls->cert)
        (void)curl_easy_setopt(e, CURLOPT_SSLCERT, tls->cert);
    if (tls->key)
        (void)curl_easy_setopt(e, CURLOPT_SSLKEY, tls->key);
    if (tls->insecure) {
        (void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return !tls->name || set_server_name(r, tls->name) ||
           kiln_err_set(err, KILN_ERR_USER, "\"%s\" is no name for a server", tls->name);
}

static void set_common(struct request *r)
{
    CURL *e = r->easy;

    (void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
    (void)curl_easy_setopt(e, CURLOPT_USERAGENT, "kiln/" KILN_VERSION);
    (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    (void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* who is cancelled awaits no name server */
    (void)curl_easy_setopt(e, CURLOPT_FILETIME, 1L);
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
    (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
    (void)curl_multi_setopt(r->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(r->multi, CURLMOPT_SOCKETDATA, r);
    (void)curl_multi_setopt(r->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(r->multi, CURLMOPT_TIMERDATA, r);
}

static bool stalled(const struct request *r, struct kiln_err *err)
{
    KILN_AUTO_STR time = { 0 };

    kiln_duration_format(&time, r->t->stall_us * 1000);
    return kiln_err_set(err, KILN_ERR_TIMEOUT,
                        "stalled: less than 1 byte/s for %s (%" PRIu64 " bytes received)",
                        kiln_str_cstr(&time), r->received);
}

/* Fewer than one byte a second for a whole window, or out of time. */
static bool in_time(struct request *r, struct kiln_err *err)
{
    int64_t now = kiln_cancel_now(r->cancel);
    int64_t seconds = r->t->stall_us / KILN_SECOND(1);

    if (now >= r->t->deadline)
        return kiln_err_set(err, KILN_ERR_TIMEOUT, "not done in time (%" PRIu64 " bytes received)",
                            r->received);
    if (now < r->window_start + r->t->stall_us)
        return true;
    if (r->received - r->window_received < (uint64_t)(seconds > 0 ? seconds : 1))
        return stalled(r, err);
    r->window_start = now;
    r->window_received = r->received;
    return true;
}

static void act_on_sockets(struct request *r)
{
    struct epoll_event events[8];
    int running;
    int n = epoll_wait(r->epoll_fd, events, (int)KILN_COUNT(events), 0);

    for (int i = 0; i < n; i++) {
        int mask = 0;

        if (events[i].events & EPOLLIN)
            mask |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT)
            mask |= CURL_CSELECT_OUT;
        if (events[i].events & (EPOLLERR | EPOLLHUP))
            mask |= CURL_CSELECT_ERR;
        (void)curl_multi_socket_action(r->multi, events[i].data.fd, mask, &running);
    }
}

static int64_t next_deadline(const struct request *r)
{
    int64_t at = r->window_start + r->t->stall_us;

    if (r->timer < at)
        at = r->timer;
    return r->t->deadline < at ? r->t->deadline : at;
}

static bool finished(struct request *r, CURLcode *ret_code)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(r->multi, &left)))
        if (msg->msg == CURLMSG_DONE) {
            *ret_code = msg->data.result;
            return true;
        }
    return false;
}

static bool drive(struct request *r, CURLcode *ret_code, struct kiln_err *err)
{
    while (!finished(r, ret_code)) {
        KILN_AUTO_ERR wait_err = { 0 };
        int running;

        switch (kiln_wait_fd(r->cancel, r->epoll_fd, POLLIN, next_deadline(r), &wait_err)) {
        case KILN_WAIT_READY:
            act_on_sockets(r);
            break;
        case KILN_WAIT_TIMEOUT:
            break;
        case KILN_WAIT_CANCELLED:
        case KILN_WAIT_ERROR:
            return kiln_err_move(err, &wait_err);
        }
        if (kiln_cancel_now(r->cancel) >= r->timer) {
            r->timer = KILN_NEVER; /* set anew from within the call */
            (void)curl_multi_socket_action(r->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        if (!in_time(r, err))
            return false;
    }
    return true;
}

static bool failure(struct request *r, CURLcode code, struct kiln_err *err)
{
    curl_off_t body = 0;

    if (r->cb_err.kind != KILN_ERR_NONE)
        return kiln_err_move(err, &r->cb_err);
    (void)curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
    if (code == CURLE_PARTIAL_FILE && r->head.length >= 0)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "unexpected EOF: the server sent %" PRId64 " of %" PRId64 " bytes",
                            (int64_t)body, r->head.length);
    if (code == CURLE_TOO_MANY_REDIRECTS)
        return kiln_err_set(err, KILN_ERR_REMOTE, "stopped after %d redirects", KILN_MAX_REDIRECTS);
    return kiln_err_set(err, code == CURLE_OPERATION_TIMEDOUT ? KILN_ERR_TIMEOUT : KILN_ERR_REMOTE,
                        "%s", *r->error ? r->error : curl_easy_strerror(code));
}

static bool open_request(struct request *r, struct kiln_err *err)
{
    CURLMcode rc;

    r->multi = r->t->line ? r->t->line->multi : curl_multi_init();
    r->easy = curl_easy_init();
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!r->multi || !r->easy || r->epoll_fd < 0)
        return kiln_err_sys(err, errno, "start an HTTP request");
    set_common(r);
    set_request(r);
    if (!set_tls(r, err))
        return false;
    if (r->headers)
        (void)curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
    rc = curl_multi_add_handle(r->multi, r->easy);
    return rc == CURLM_OK || kiln_err_set(err, KILN_ERR_SYSTEM, "%s", curl_multi_strerror(rc));
}

static void tell_redirect(const struct request *r)
{
    char *to = NULL;

    if (r->t->redirect && !curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &to))
        kiln_str_adds(r->t->redirect, to);
}

static void tell_challenges(const struct request *r)
{
    struct curl_header *h;

    for (size_t i = 0; r->t->challenges && curl_easy_header(r->easy, "WWW-Authenticate", i,
                                                            CURLH_HEADER, -1, &h) == CURLHE_OK;
         i++)
        kiln_strv_add(r->t->challenges, h->value);
}

static void global_init(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void start_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, global_init);
}

static struct kiln_exchange_line *line_new(struct kiln_err *err)
{
    struct kiln_exchange_line *line = kiln_xcalloc(1, sizeof(*line));

    start_library();
    line->multi = curl_multi_init();
    if (line->multi)
        return line;
    free(line);
    (void)kiln_err_set(err, KILN_ERR_SYSTEM, "libcurl does not start");
    return NULL;
}

static void line_free(struct kiln_exchange_line *line)
{
    (void)curl_multi_cleanup(line->multi);
    free(line);
}

static bool run(const struct kiln_exchange *t, struct kiln_cancel *c,
                struct kiln_exchange_head *ret_head, struct kiln_err *err)
{
    KILN_CLEANUP(request_done)
    struct request r = {
        .t = t,
        .cancel = c,
        .epoll_fd = -1,
        .timer = KILN_NEVER,
        .window_start = kiln_cancel_now(c),
        .head = { .length = -1, .last_modified = -1 },
    };
    CURLcode code = CURLE_OK;

    start_library();
    if (!open_request(&r, err) || !drive(&r, &code, err))
        return false;
    if (code != CURLE_OK && !r.refused)
        return failure(&r, code, err);
    if (!start(&r) && !r.refused) /* an empty body, or HEAD */
        return kiln_err_move(err, &r.cb_err);
    tell_redirect(&r);
    tell_challenges(&r);
    *ret_head = r.head;
    return true;
}

const struct kiln_curl_ops kiln_curl_ops = {
    .run = run,
    .line_new = line_new,
    .line_free = line_free,
};
