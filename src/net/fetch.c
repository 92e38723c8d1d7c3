#include "net/fetch.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/module.h"
#include "net/exchange.h"
#include "net/url.h"

/* libcurl sends them as they are: a line break in a value would begin a header of its own. */
static bool headers_are_sane(const struct kiln_strv *headers, struct kiln_err *err)
{
    for (size_t i = 0; headers && i < headers->n; i++) {
        const char *h = headers->v[i];

        for (const char *p = h; *p; p++) {
            if ((unsigned char)*p < ' ' || *p == 0x7f)
                return kiln_err_set(err, KILN_ERR_USER,
                                    "the value of header %.*s holds a line break or another "
                                    "control character",
                                    (int)strcspn(h, ":"), h);
        }
    }
    return true;
}

bool kiln_exchange_run(const struct kiln_exchange *t, struct kiln_cancel *c,
                       struct kiln_exchange_head *ret_head, struct kiln_err *err)
{
    const struct kiln_curl_ops *ops;

    if (!headers_are_sane(t->headers, err))
        return false;
    ops = kiln_module_load("curl", err);
    return ops && ops->run(t, c, ret_head, err);
}

struct kiln_exchange_line *kiln_exchange_line_new(struct kiln_err *err)
{
    const struct kiln_curl_ops *ops = kiln_module_load("curl", err);

    return ops ? ops->line_new(err) : NULL;
}

void kiln_exchange_line_free(struct kiln_exchange_line *line)
{
    const struct kiln_curl_ops *ops = line ? kiln_module_load("curl", NULL) : NULL;

    if (ops)
        ops->line_free(line);
}

struct text {
    struct kiln_str *out;
    size_t left;
};

static bool on_text(void *ud, const void *data, size_t len, struct kiln_err *err)
{
    struct text *text = ud;

    if (len > text->left)
        return kiln_err_set(err, KILN_ERR_REMOTE, "larger than a file of this kind may be");
    text->left -= len;
    kiln_str_add(text->out, data, len);
    return true;
}

static bool fetch_http(const char *url, size_t max, struct kiln_cancel *c, struct kiln_str *out,
                       struct kiln_err *err)
{
    struct text text = { .out = out, .left = max };
    struct kiln_exchange t = {
        .url = url, .stall_us = KILN_STALL_US, .deadline = KILN_NEVER, .data = on_text, .ud = &text
    };
    struct kiln_exchange_head head;

    if (!kiln_exchange_run(&t, c, &head, err))
        return false;
    if (head.status != 200)
        return kiln_err_set(err, KILN_ERR_REMOTE, "bad response code: %ld", head.status);
    return kiln_str_ok(out, "the answer", err);
}

bool kiln_fetch_text(const char *url, size_t max, struct kiln_cancel *c, struct kiln_str *out,
                     struct kiln_err *err)
{
    KILN_AUTO_FREE char *shown = kiln_url_redact(url);

    switch (kiln_url_kind(url)) {
    case KILN_URL_PATH:
    case KILN_URL_FILE: {
        KILN_AUTO_FREE char *path = kiln_url_local_path(url, err);

        return path && kiln_fs_read(path, max, out, err);
    }
    case KILN_URL_HTTP:
        return fetch_http(url, max, c, out, err) || kiln_err_wrap(err, "%s", shown);
    case KILN_URL_OTHER:
        break;
    }
    return kiln_err_set(err, KILN_ERR_USER, "%s: kiln reads http, https and file URLs and paths",
                        shown);
}

bool kiln_fetch_checksum(struct kiln_checksum *sum, const char *file_url, struct kiln_cancel *c,
                         struct kiln_err *err)
{
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_CHECKSUM_FILE);
    struct kiln_checksum found;

    if (sum->kind != KILN_CHECKSUM_FILE)
        return true;
    if (!kiln_fetch_text(sum->source, KILN_MAX_CHECKSUM_FILE, c, &text, err))
        return kiln_err_wrap(err, "Error downloading checksum file");
    if (!kiln_checksum_find(kiln_str_cstr(&text), text.len, file_url, sum->source, &found, err))
        return false;
    kiln_checksum_done(sum);
    *sum = found;
    return true;
}

static bool serves_ranges(const char *url, struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_exchange t = {
        .url = url, .method = "HEAD", .stall_us = KILN_STALL_US, .deadline = KILN_NEVER
    };
    struct kiln_exchange_head head;

    if (kiln_url_kind(url) != KILN_URL_HTTP)
        return kiln_err_set(err, KILN_ERR_USER, "not an http or https URL");
    if (!kiln_exchange_run(&t, c, &head, err))
        return false;
    if (head.status < 200 || head.status > 299)
        return kiln_err_set(err, KILN_ERR_REMOTE, "bad response code: %ld", head.status);
    return head.ranges || kiln_err_set(err, KILN_ERR_REMOTE, "no Accept-Ranges: bytes");
}

bool kiln_fetch_probe_ranges(const struct kiln_strv *urls, struct kiln_cancel *c,
                             const char **ret_url, struct kiln_err *err)
{
    KILN_AUTO_STRV reasons = { 0 };
    KILN_AUTO_FREE char *all = NULL;
    const char *good = NULL;

    KILN_STRV_FOREACH (url, urls) {
        KILN_AUTO_ERR why = { 0 };
        KILN_AUTO_FREE char *shown = kiln_url_redact(url);

        if (serves_ranges(url, c, &why))
            good = url;
        else if (why.kind == KILN_ERR_CANCELLED)
            return kiln_err_move(err, &why);
        else
            kiln_strv_addf(&reasons, "%s: %s", shown, kiln_err_text(&why));
    }
    if (good) {
        *ret_url = good;
        return true;
    }
    all = kiln_strv_join(&reasons, "; ");
    return kiln_err_set(err, KILN_ERR_REMOTE,
                        "No byte serving support. The HTTP server must support "
                        "Accept-Ranges=bytes (%s)",
                        all);
}
