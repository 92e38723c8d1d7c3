/*
 * Getting an installer or a disk image: from the first of a list of URLs that works into the cache,
 * verified while it comes in. Local files are used where they are.
 *
 * Several builds and several kiln processes may want the same file: one downloads, the others wait
 * for its lock and find it done. A file under its final name is complete and was verified; what is
 * not lies beside it as TARGET.part and is gone on with the next time.
 *
 * Source: qemu-builder.md, 8.3. Unlike Packer, a stale longer file is cut, a partial one is never
 * taken for complete, and with checksum "none" a cached file is reused if the server still has one
 * of the same length and no younger. What the name says is packed (net/unpack.h) is unpacked,
 * unless the URL says ?archive=false; a checksum is that of the packed file, which stays in the
 * cache, too, so that neither is done again.
 */
#ifndef KILN_NET_DOWNLOAD_H
#define KILN_NET_DOWNLOAD_H

#include "base/cancel.h"
#include "base/strv.h"
#include "net/checksum.h"
#include "net/progress.h"

struct kiln_download {
    const char *what;                     /* "ISO"; for messages */
    const struct kiln_strv *urls;         /* tried in order; http, https, file, or paths */
    const struct kiln_checksum *checksum; /* kind NONE or SUM; a checksum= in a URL's query wins */
    const char *target;    /* NULL: in the cache; with an extension a file, else a directory */
    const char *extension; /* of the name in the cache, without dot; NULL: "iso" */
    const char *cache_dir; /* NULL: kiln_fs_cache_dir() */
    int64_t stall_us;      /* give up on a URL below 1 byte/s for so long; 0: KILN_STALL_US */
    int64_t timeout_us;    /* for all of one URL; 0: none */
    void (*say)(void *ud, const char *line); /* what happens, for people; may be NULL */
    kiln_progress_fn *progress;              /* may be NULL */
    void *ud;
};

struct kiln_downloaded {
    char *path; /* owned; absolute, unless `target` is not */
    char *url;  /* owned; the one that worked, as given */
};

void kiln_downloaded_done(struct kiln_downloaded *d);

/**
 * Runs in the caller's thread, callbacks too; hash threads help meanwhile.
 *
 * Errors: "error downloading WHAT: [E1 E2]" with one E for each URL, of the last one's kind; or
 * CANCELLED, at once.
 */
bool kiln_download(const struct kiln_download *d, struct kiln_cancel *c,
                   struct kiln_downloaded *ret, struct kiln_err *err);

#endif
