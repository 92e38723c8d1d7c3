/*
 * The iso_checksum argument and files of checksums (SHA256SUMS). Pure: text in, values out.
 * kiln_download_checksum (net/download.h) fetches the file that an argument names.
 *
 * Source: qemu-builder.md, 8.1 and 8.2. Where Packer's reading goes against its own documentation,
 * the documentation is followed: a last line without a newline counts, names may hold spaces, the
 * exact name beats a similar one wherever it stands, and a digest has the length of its type.
 */
#ifndef KILN_NET_CHECKSUM_H
#define KILN_NET_CHECKSUM_H

#include "base/err.h"
#include "net/hash.h"

enum kiln_checksum_kind {
    KILN_CHECKSUM_NONE, /* "none": do not check */
    KILN_CHECKSUM_SUM,  /* type and hex */
    KILN_CHECKSUM_FILE, /* still to be looked up in the file that `source` names */
};

struct kiln_checksum {
    enum kiln_checksum_kind kind;
    enum kiln_hash_type type;
    char hex[KILN_HASH_HEX_MAX + 1]; /* lower case */
    char *source;                    /* owned; FILE: URL or path */
};

void kiln_checksum_done(struct kiln_checksum *sum); /* zeroed: kind NONE */
#define KILN_AUTO_CHECKSUM KILN_CLEANUP(kiln_checksum_done) struct kiln_checksum

/**
 * `none`, HEX, TYPE:HEX (md5 sha1 sha224 sha256 sha384 sha512, any case) or file:URL-or-path.
 * `none:ANYTHING`, which Packer's fixer makes, is none. err USER names the argument.
 */
bool kiln_checksum_parse(const char *arg, struct kiln_checksum *ret, struct kiln_err *err);

/** "none" or "type:hex"; the argument's own form for FILE. Caller frees. */
char *kiln_checksum_format(const struct kiln_checksum *sum);

/**
 * Find the checksum of a file in the text of a sums file. Its lines may be GNU's (`HEX  NAME`, `HEX
 * *NAME`, with `\` escapes), BSD's (`TYPE (NAME) = HEX`, `TYPE(NAME)= HEX`), and a bare HEX. Those
 * that begin with one of # / -, do not parse or are over-long are passed over. The best match wins,
 * the first among equals: NAME is the file's base name, or its path relative to the sums file or
 * absolute; then the longest NAME found inside the file's path; then a HEX that has no name.
 *
 * @text      `len` bytes, any content
 * @file_url  what is to be checked: URL or path
 * @sums_url  where the text came from, for relative names and the message
 * @ret_sum   kind SUM
 */
bool kiln_checksum_find(const char *text, size_t len, const char *file_url, const char *sums_url,
                        struct kiln_checksum *ret_sum, struct kiln_err *err);

#endif
