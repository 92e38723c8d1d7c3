/*
 * Where a file comes from: a plain path, a file: URL, or http(s). Pure text work: no file is looked
 * at, no connection made. No threads, no state.
 */
#ifndef KILN_NET_URL_H
#define KILN_NET_URL_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum kiln_url_kind {
    KILN_URL_PATH,  /* no scheme: a path, relative to the cwd unless it starts with '/' */
    KILN_URL_FILE,  /* file:///abs, file://./relative, file:relative */
    KILN_URL_HTTP,  /* http:// or https:// */
    KILN_URL_OTHER, /* any other scheme: ftp://, s3://, … */
};

/** Schemes are matched in any case. "C:\x" and "a:b" without "//" are paths; "file:x" is not. */
enum kiln_url_kind kiln_url_kind(const char *url);

/**
 * The path on this machine that a PATH or FILE names, as written ("./x" stays relative); escapes
 * and a query are undone for FILE only. NULL (err USER) for a bad escape. Caller frees.
 */
char *kiln_url_local_path(const char *url, struct kiln_err *err);

/**
 * The part of the URL that names the file, decoded, without query and fragment: "/a b.iso" for
 * "http://h/a%20b.iso?x". Bad escapes are kept as written. For a PATH, the path. Caller frees.
 */
char *kiln_url_path(const char *url);

/** "scheme://host:port" in lower case without user and password; "" for PATH and FILE. Caller
 * frees. */
char *kiln_url_origin(const char *url);

/** The URL as it goes over the line: spaces, controls and bytes beyond ASCII escaped, what is
 * escaped already left alone. Caller frees. */
char *kiln_url_escape(const char *url);

/** The URL fit for a message: a password in it is shown as "xxxxx". Caller frees. */
char *kiln_url_redact(const char *url);

/** The value, decoded, of the first query parameter `name`, or NULL if it has none. Caller frees.
 */
char *kiln_url_query_get(const char *url, const char *name);

/**
 * The URL with the query parameter `name` set to `value` (NULL removes it). The query is put
 * together anew, sorted by name, as Go's url.Values does: "a b" becomes "a+b". A query that becomes
 * empty goes with its '?'; one that had nothing to remove stays as written. Caller frees.
 */
char *kiln_url_query_set(const char *url, const char *name, const char *value);

#endif
