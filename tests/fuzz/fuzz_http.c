/*
 * First line: a request URI; second: Range; third: If-Modified-Since; fourth: If-Range. The cleaned
 * path must stay inside, and the reply must be whole.
 */
#include "take_line.h"

#include <stdint.h>

#include "base/mem.h"
#include "net/http_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *uri)
{
    KILN_AUTO_STR clean = { 0 }, plain = { 0 };
    const char *s;

    if (!kiln_http_path(uri, &clean, &plain))
        return;
    s = kiln_str_cstr(&clean);
    if (*s != '/' || strstr(s, "//") || strstr(s, "/../") || strstr(s, "/./") ||
        kiln_has_suffix(s, "/..") || (s[1] && kiln_has_suffix(s, "/")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    KILN_AUTO_STRMAP content = { 0 };
    struct kiln_http_site dir = { .directory = "/usr/share/misc" };
    struct kiln_http_site map = { .content = &content };
    KILN_AUTO_FREE char *uri = NULL, *range = NULL, *since = NULL, *if_range = NULL;
    struct kiln_http_reply reply;
    struct kiln_http_ask ask;

    if (size == 0)
        return 0;
    uri = take_line(&p, end);
    range = take_line(&p, end);
    since = take_line(&p, end);
    if_range = take_line(&p, end);
    check_path(uri);
    kiln_strmap_set(&content, "/preseed.cfg", "d-i");
    ask = (struct kiln_http_ask){
        .uri = uri,
        .range = *range ? range : NULL,
        .if_modified_since = *since ? since : NULL,
        .if_range = *if_range ? if_range : NULL,
    };
    for (int i = 0; i < 2; i++) {
        kiln_http_reply_make(&reply, i ? &map : &dir, &ask);
        if (reply.status < 200 || reply.status > 599)
            abort();
        kiln_http_reply_done(&reply);
    }
    return 0;
}
