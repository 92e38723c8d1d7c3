/*
 * Small things from a URL or a path, and questions about large ones. All calls block in the
 * caller's thread until done, cancelled, or stalled for a minute.
 */
#ifndef KILN_NET_FETCH_H
#define KILN_NET_FETCH_H

#include "base/cancel.h"
#include "base/str.h"
#include "base/strv.h"
#include "net/checksum.h"

#define KILN_STALL_US KILN_SECOND(60) /* less than a byte a second for so long ends a transfer */

/**
 * Append the content of an http, https or file URL, or of a path (relative to the cwd), to out.
 * More than `max` bytes, or a status other than 200, is an error. Errors name the URL.
 */
bool kiln_fetch_text(const char *url, size_t max, struct kiln_cancel *c, struct kiln_str *out,
                     struct kiln_err *err);

/**
 * A checksum argument of kind FILE looked up in its file: *sum becomes kind SUM. The other kinds
 * are left as they are, without any access. Failure leaves *sum alone.
 *
 * @file_url  the file to be checked; of a list of URLs, the first
 */
bool kiln_fetch_checksum(struct kiln_checksum *sum, const char *file_url, struct kiln_cancel *c,
                         struct kiln_err *err);

/**
 * Which of the URLs a guest may read by itself, piece by piece (iso_skip_cache): each is asked with
 * HEAD; the last that answers with a 2xx status and "Accept-Ranges: bytes" is it.
 *
 * @ret_url  points into urls
 */
bool kiln_fetch_probe_ranges(const struct kiln_strv *urls, struct kiln_cancel *c,
                             const char **ret_url, struct kiln_err *err);

#endif
