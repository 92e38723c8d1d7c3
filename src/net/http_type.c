/* Media types: by extension as Go's built-in table has them, else by a look at the content. */
#include <strings.h>

#include "base/fs.h"
#include "base/macros.h"
#include "net/http_reply.h"

static const struct {
    const char *ext, *type;
} by_ext[] = {
    { ".avif", "image/avif" },
    { ".css", "text/css; charset=utf-8" },
    { ".gif", "image/gif" },
    { ".htm", "text/html; charset=utf-8" },
    { ".html", "text/html; charset=utf-8" },
    { ".jpeg", "image/jpeg" },
    { ".jpg", "image/jpeg" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".json", "application/json" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".pdf", "application/pdf" },
    { ".png", "image/png" },
    { ".svg", "image/svg+xml" },
    { ".wasm", "application/wasm" },
    { ".webp", "image/webp" },
    { ".xml", "text/xml; charset=utf-8" },
    /* not built into Go, but in every system's table that it reads */
    { ".gz", "application/gzip" },
    { ".tar", "application/x-tar" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".zip", "application/zip" },
};

static const struct {
    const char *bytes;
    size_t len;
    const char *type;
} by_magic[] = {
    { "%PDF-", 5, "application/pdf" },
    { "\x1f\x8b\x08", 3, "application/x-gzip" },
    { "PK\x03\x04", 4, "application/zip" },
    { "\x89PNG\r\n\x1a\n", 8, "image/png" },
    { "\xff\xd8\xff", 3, "image/jpeg" },
    { "GIF8", 4, "image/gif" },
    { "\xfe\xff", 2, "text/plain; charset=utf-16be" },
    { "\xff\xfe", 2, "text/plain; charset=utf-16le" },
    { "\xef\xbb\xbf", 3, "text/plain; charset=utf-8" },
};

static const char *const html_tags[] = {
    "<!DOCTYPE HTML", "<HTML", "<HEAD",  "<SCRIPT", "<IFRAME", "<H1",   "<DIV", "<FONT",
    "<TABLE",         "<A",    "<STYLE", "<TITLE",  "<B",      "<BODY", "<BR",  "<P",
    "<!--",
};

static const char *markup_type(const char *s, size_t len)
{
    while (len > 0 && *s && strchr("\t\n\f\r ", *s)) {
        s++;
        len--;
    }
    if (len >= 5 && memcmp(s, "<?xml", 5) == 0)
        return "text/xml; charset=utf-8";
    for (size_t i = 0; i < KILN_COUNT(html_tags); i++) {
        size_t n = strlen(html_tags[i]);

        if (len > n && strncasecmp(s, html_tags[i], n) == 0 && (s[n] == ' ' || s[n] == '>'))
            return "text/html; charset=utf-8";
    }
    return NULL;
}

static bool is_text(const unsigned char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\0' || (s[i] < 0x20 && !strchr("\t\n\f\r\x1b", s[i])))
            return false;
    return true;
}

const char *kiln_http_type(const char *name, const void *head, size_t len)
{
    const char *ext = name ? kiln_path_ext(name) : "";
    const char *type = len ? markup_type(head, len) : NULL;

    for (size_t i = 0; i < KILN_COUNT(by_ext); i++)
        if (strcasecmp(ext, by_ext[i].ext) == 0)
            return by_ext[i].type;
    for (size_t i = 0; i < KILN_COUNT(by_magic); i++)
        if (len >= by_magic[i].len && memcmp(head, by_magic[i].bytes, by_magic[i].len) == 0)
            return by_magic[i].type;
    if (type)
        return type;
    return is_text(head, len) ? "text/plain; charset=utf-8" : "application/octet-stream";
}
