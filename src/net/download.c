#include "net/download.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "net/exchange.h"
#include "net/fetch.h"
#include "net/part.h"
#include "net/unpack.h"
#include "net/url.h"

/* One URL on its way. */
struct job {
    const struct kiln_download *d;
    struct kiln_cancel *c;
    char *url;                /* owned; what is asked for: without checksum= and archive= */
    char *plain;              /* owned; the URL as given, fit to be shown */
    char *shown;              /* owned; with the checksum, as Packer shows it */
    struct kiln_checksum sum; /* owned; NONE or SUM */
    char *target;             /* owned */
    char *real;               /* owned; the target behind symlinks, which stay */
    char *part;               /* owned */
    bool named;               /* `target` says the file, which may have been another's before */
    const struct kiln_packing *packing; /* NULL: the file is what is wanted */
    char *unpacked;                     /* owned; what is wanted, if it is in that file */
    int lock_fd;                        /* owned */
    int64_t deadline;
    bool told; /* why it failed was said already */
};

static void job_done(struct job *j)
{
    free(j->url);
    free(j->plain);
    free(j->shown);
    free(j->target);
    free(j->real);
    free(j->part);
    free(j->unpacked);
    kiln_checksum_done(&j->sum);
    kiln_fd_closep(&j->lock_fd);
}

static void say(const struct kiln_download *d, const char *fmt, ...) KILN_PRINTF(2, 3);
static void say(const struct kiln_download *d, const char *fmt, ...)
{
    KILN_AUTO_FREE char *line = NULL;
    va_list ap;

    va_start(ap, fmt);
    line = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    if (d->say)
        d->say(d->ud, line);
}

static void say_waiting(void *ud)
{
    const struct job *j = ud;

    say(j->d, "Waiting for another build that is downloading to %s", j->target);
}

static char *lower_extension(const struct kiln_download *d)
{
    char *ext = kiln_xstrdup(d->extension ? d->extension : "iso");

    for (char *p = ext; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return ext;
}

/* Two directories may have a ./disk.img.gz each. */
static char *source_key(const struct job *j)
{
    KILN_AUTO_FREE char *path =
        kiln_url_kind(j->url) == KILN_URL_HTTP ? NULL : kiln_url_local_path(j->url, NULL);

    return path ? kiln_path_abs(path) : kiln_xstrdup(j->url);
}

/* CACHE/sha1("type:hex").EXT, or of the URL or path without a checksum; or what `target` says. What
 * is packed comes into the cache as it is, and what is in it becomes the result. */
static bool choose_target(struct job *j, struct kiln_err *err)
{
    const struct kiln_download *d = j->d;
    KILN_AUTO_FREE char *cache = d->cache_dir ? kiln_xstrdup(d->cache_dir) : kiln_fs_cache_dir();
    KILN_AUTO_FREE char *key =
        j->sum.kind == KILN_CHECKSUM_SUM ? kiln_checksum_format(&j->sum) : source_key(j);
    KILN_AUTO_FREE char *ext = lower_extension(d);
    char hex[KILN_HASH_HEX_MAX + 1];

    if (!kiln_hash_text(KILN_HASH_SHA1, key, hex, err))
        return false;
    j->named = d->target && *kiln_path_ext(d->target) && !kiln_fs_is_dir(d->target);
    if (j->named)
        j->target = kiln_xstrdup(d->target);
    else
        j->target = kiln_xasprintf("%s/%s.%s", d->target ? d->target : cache, hex, ext);
    if (j->packing) {
        j->unpacked = j->target;
        j->target = kiln_xasprintf("%s/%s.%s", cache, hex, j->packing->suffix);
    }
    j->real = kiln_fs_follow(j->target);
    j->part = kiln_xasprintf("%s.part", j->real);
    return true;
}

/* A path has no query: a '?' in it is part of a name. */
static const struct kiln_packing *packing_of(const char *url)
{
    KILN_AUTO_FREE char *path = kiln_url_path(url);
    KILN_AUTO_FREE char *archive = kiln_url_query_get(url, "archive");

    if (kiln_streq(archive, "false") && kiln_url_kind(url) != KILN_URL_PATH)
        return NULL;
    return kiln_packing_of(path);
}

static bool job_init(struct job *j, const struct kiln_download *d, const char *url,
                     struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_AUTO_FREE char *own = kiln_url_query_get(url, "checksum");
    KILN_AUTO_FREE char *bare = kiln_url_query_set(url, "checksum", NULL);
    KILN_AUTO_FREE char *sum = NULL;
    bool local = kiln_url_kind(url) == KILN_URL_PATH;
    char *wire;

    *j = (struct job){ .d = d, .c = c, .lock_fd = -1, .deadline = KILN_NEVER };
    j->plain = kiln_url_redact(url);
    j->packing = packing_of(url);
    j->url = local ? kiln_xstrdup(url) : kiln_url_query_set(bare, "archive", NULL);
    if (own && !local) {
        if (!kiln_checksum_parse(own, &j->sum, err) || !kiln_fetch_checksum(&j->sum, url, c, err))
            return false;
    } else {
        j->sum = *d->checksum;
        j->sum.source = NULL;
    }
    sum = j->sum.kind == KILN_CHECKSUM_SUM ? kiln_checksum_format(&j->sum) : NULL;
    j->shown = sum ? kiln_url_query_set(j->plain, "checksum", sum) : kiln_xstrdup(j->plain);
    if (!choose_target(j, err))
        return false;
    if (kiln_url_kind(j->url) == KILN_URL_HTTP) {
        wire = kiln_url_escape(j->url);
        free(j->url);
        j->url = wire;
    }
    return true;
}

static bool mismatch(const struct job *j, const char *path, const char *got, struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_REMOTE,
                        "Checksums did not match for %s.\nExpected: %s\nGot: %s\n*%s.digest", path,
                        j->sum.hex, got, kiln_hash_name(j->sum.type));
}

/* Does the file have the checksum? *ret_hex is what it has instead. False also on failure. */
static bool verify(struct job *j, const char *path, struct kiln_err *err)
{
    struct kiln_progress progress = { .fn = j->d->progress, .ud = j->d->ud };
    struct kiln_hash_sums sums;

    if (!kiln_hash_file(path, KILN_HASH_BIT(j->sum.type), j->c, &progress, &sums, err))
        return false;
    return kiln_streq(sums.hex[j->sum.type], j->sum.hex) ||
           mismatch(j, path, sums.hex[j->sum.type], err);
}

static bool use_local(struct job *j, char **ret_path, struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_url_local_path(j->url, err);
    KILN_AUTO_FREE char *abs = path ? kiln_path_abs(path) : NULL;
    struct stat st;
    char why[128];

    if (!abs)
        return false;
    if (stat(abs, &st) != 0)
        return kiln_err_set(err, KILN_ERR_USER, "source path error: stat %s: %s", abs,
                            kiln_errno_go(errno, why, sizeof(why)));
    if (S_ISDIR(st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "source path error: %s is a directory", abs);
    if (j->sum.kind == KILN_CHECKSUM_SUM && !verify(j, abs, err))
        return false;
    *ret_path = abs;
    abs = NULL;
    return true;
}

static struct kiln_exchange exchange_of(const struct job *j)
{
    return (struct kiln_exchange){
        .url = j->url,
        .stall_us = j->d->stall_us > 0 ? j->d->stall_us : KILN_STALL_US,
        .deadline = j->deadline,
    };
}

/* Without a checksum a file is good if the server has one of its length that is no younger. */
static bool unchanged(struct job *j, const struct stat *st, struct kiln_err *err)
{
    struct kiln_exchange t = exchange_of(j);
    struct kiln_exchange_head head;

    t.method = "HEAD";
    if (!kiln_exchange_run(&t, j->c, &head, err))
        return false;
    if (head.status != 200 || head.length != st->st_size)
        return false;
    return head.last_modified >= 0 ? head.last_modified <= (int64_t)st->st_mtim.tv_sec
                                   : head.ranges;
}

enum cached { CACHED_GOOD, CACHED_BAD, CACHED_ERROR };

/* Is the file under the final name the one that is wanted? A bad one is made the partial file:
 * Packer leaves its partial ones under that name, and empty ones where a server said 404. */
static enum cached look_in_cache(struct job *j, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    struct stat st;
    bool good;

    if (stat(j->target, &st) != 0)
        return CACHED_BAD;
    if (!S_ISREG(st.st_mode)) {
        kiln_err_set(err, KILN_ERR_USER, "%s is in the way and not a file", j->target);
        return CACHED_ERROR;
    }
    if (j->sum.kind == KILN_CHECKSUM_SUM)
        good = verify(j, j->target, &why);
    else
        good = kiln_url_kind(j->url) == KILN_URL_HTTP && unchanged(j, &st, &why);
    if (good)
        return CACHED_GOOD;
    if (why.kind == KILN_ERR_CANCELLED || why.kind == KILN_ERR_SYSTEM) {
        kiln_err_move(err, &why);
        return CACHED_ERROR;
    }
    if (kiln_url_kind(j->url) == KILN_URL_HTTP && j->sum.kind == KILN_CHECKSUM_SUM &&
        !kiln_fs_exists(j->part))
        (void)rename(j->real, j->part);
    return CACHED_BAD;
}

enum outcome {
    OUT_DONE,
    OUT_FAILED,
    OUT_STALE, /* what had been there before does not fit: begin again */
};

static enum outcome settle(struct job *j, struct kiln_part *part, struct kiln_err *err)
{
    char hex[KILN_HASH_HEX_MAX + 1];

    if (!kiln_part_finish(part, hex, err))
        return OUT_FAILED;
    if (!part->checked || kiln_streq(hex, j->sum.hex))
        return kiln_part_publish(part, j->real, err) ? OUT_DONE : OUT_FAILED;
    if (part->resumed > 0)
        return OUT_STALE;
    say(j->d, "Checksum did not match, removing %s", j->target);
    j->told = true;
    (void)kiln_part_restart(part, NULL); /* an empty one is removed when closed */
    mismatch(j, j->target, hex, err);
    return OUT_FAILED;
}

static enum outcome failed_at(const struct job *j, struct kiln_err *err)
{
    kiln_err_wrap(err, "%s", j->plain);
    return OUT_FAILED;
}

static enum outcome receive(struct job *j, struct kiln_part *part, struct kiln_err *err)
{
    struct kiln_exchange t = exchange_of(j);
    struct kiln_exchange_head head;

    t.offset = part->pos;
    t.if_range = part->checked ? 0 : part->mtime;
    t.start = kiln_part_start;
    t.data = kiln_part_data;
    t.ud = part;
    if (!kiln_exchange_run(&t, j->c, &head, err))
        return part->stale ? OUT_STALE : failed_at(j, err);
    if (head.status == 416 &&
        part->pos > 0) /* nothing behind it: it is complete, or another file */
        return part->checked ? settle(j, part, err) : OUT_STALE;
    if (head.status != 200 && head.status != 206) {
        kiln_err_set(err, KILN_ERR_REMOTE, "bad response code: %ld", head.status);
        return failed_at(j, err);
    }
    if (part->pos < head.whole) { /* a server may give less of a range than was asked for */
        kiln_err_set(err, KILN_ERR_REMOTE, "unexpected EOF: the server sent %llu of %llu bytes",
                     (unsigned long long)part->pos, (unsigned long long)head.whole);
        return part->resumed > 0 ? OUT_STALE : failed_at(j, err);
    }
    return settle(j, part, err);
}

static bool fetch(struct job *j, struct kiln_err *err)
{
    KILN_AUTO_PART part = KILN_PART_INIT;

    part.progress = (struct kiln_progress){ .fn = j->d->progress, .ud = j->d->ud };
    if (!kiln_part_open(&part, j->part, &j->sum, j->c, err))
        return false;
    for (;;) {
        KILN_AUTO_ERR why = { 0 };

        switch (receive(j, &part, &why)) {
        case OUT_DONE:
            return true;
        case OUT_FAILED:
            return kiln_err_move(err, &why);
        case OUT_STALE: /* at most once: the part is empty from here on */
            say(j->d, "The partial download does not fit, starting over: %s", j->target);
            if (!kiln_part_restart(&part, err))
                return false;
            break;
        }
    }
}

/* ---- what is packed ---- */

/* As old as what it was in: unpacked before, and that has not changed since. */
static bool is_unpacked(const struct job *j, const struct stat *packed)
{
    struct stat st;

    return !j->named && stat(j->unpacked, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_mtim.tv_sec == packed->st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == packed->st_mtim.tv_nsec;
}

static bool publish_unpacked(const struct job *j, const char *temp, const struct stat *packed,
                             struct kiln_err *err)
{
    const struct timespec times[] = { packed->st_mtim, packed->st_mtim };

    if (utimensat(AT_FDCWD, temp, times, 0) == 0 && rename(temp, j->unpacked) == 0)
        return true;
    kiln_err_sys(err, errno, "%s", j->unpacked);
    (void)unlink(temp);
    return false;
}

static bool unpack(struct job *j, const char *packed, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(j->unpacked);
    /* Not by pid: who is killed leaves it, and the next one, under the same lock, begins it anew.
     */
    KILN_AUTO_FREE char *temp =
        kiln_xasprintf("%s.%.8s.unpacking", j->unpacked, kiln_path_base(j->target));
    struct kiln_progress progress = { .fn = j->d->progress, .ud = j->d->ud };
    struct stat st;

    if (stat(packed, &st) != 0)
        return kiln_err_sys(err, errno, "%s", packed);
    if (is_unpacked(j, &st))
        return true;
    say(j->d, "Unpacking %s", packed);
    return kiln_fs_mkdirs(dir, 0755, err) &&
           kiln_unpack(j->packing, packed, temp, j->c, &progress, err) &&
           publish_unpacked(j, temp, &st, err);
}

static bool get_file(struct job *j, char **ret_path, struct kiln_err *err)
{
    enum kiln_url_kind kind = kiln_url_kind(j->url);
    KILN_AUTO_FREE char *dir = kiln_path_dir(j->real);
    KILN_AUTO_FREE char *lock = kiln_xasprintf("%s.lock", j->real);

    if (kind == KILN_URL_OTHER) {
        say(j->d, "Trying %s", j->shown);
        return kiln_err_set(
            err, KILN_ERR_USER,
            "error downloading '%s': kiln reads http, https and file URLs and paths", j->shown);
    }
    if (!kiln_fs_mkdirs(dir, 0755, err) ||
        !kiln_lock_wait(lock, j->c, say_waiting, j, &j->lock_fd, err))
        return false;
    if (j->d->timeout_us > 0)
        j->deadline = kiln_cancel_deadline(j->c, j->d->timeout_us);
    say(j->d, "Trying %s", j->shown);
    if (kind != KILN_URL_HTTP && j->sum.kind == KILN_CHECKSUM_NONE)
        return use_local(j, ret_path, err);
    switch (look_in_cache(j, err)) {
    case CACHED_ERROR:
        return false;
    case CACHED_BAD:
        if (kind != KILN_URL_HTTP)
            return use_local(j, ret_path, err);
        if (!fetch(j, err))
            return false;
        break;
    case CACHED_GOOD:
        break;
    }
    *ret_path = kiln_xstrdup(j->target);
    return true;
}

static bool get(struct job *j, char **ret_path, struct kiln_err *err)
{
    KILN_AUTO_FREE char *packed = NULL;

    if (!j->packing)
        return get_file(j, ret_path, err);
    if (!get_file(j, &packed, err) || !unpack(j, packed, err))
        return false;
    *ret_path = kiln_xstrdup(j->unpacked);
    return true;
}

static bool try_url(const struct kiln_download *d, const char *url, struct kiln_cancel *c,
                    struct kiln_downloaded *ret, struct kiln_err *err)
{
    KILN_CLEANUP(job_done) struct job j = { .lock_fd = -1 };
    KILN_AUTO_FREE char *plain = kiln_url_redact(url);

    say(d, "Trying %s", plain);
    if (!job_init(&j, d, url, c, err) || !get(&j, &ret->path, err)) {
        if (!j.told && err->kind != KILN_ERR_CANCELLED)
            say(d, "Download failed %s", kiln_err_text(err));
        return false;
    }
    ret->url = kiln_xstrdup(url);
    say(d, "%s => %s", j.shown, ret->path);
    return true;
}

void kiln_downloaded_done(struct kiln_downloaded *d)
{
    free(d->path);
    free(d->url);
    *d = (struct kiln_downloaded){ 0 };
}

bool kiln_download(const struct kiln_download *d, struct kiln_cancel *c,
                   struct kiln_downloaded *ret, struct kiln_err *err)
{
    KILN_AUTO_STRV failures = { 0 };
    KILN_AUTO_FREE char *all = NULL;
    enum kiln_err_kind kind = KILN_ERR_USER;

    KILN_STRV_FOREACH (url, d->urls) {
        KILN_AUTO_ERR why = { 0 };
        struct kiln_downloaded got = { 0 };

        if (try_url(d, url, c, &got, &why)) {
            *ret = got;
            return true;
        }
        if (why.kind == KILN_ERR_CANCELLED)
            return kiln_err_move(err, &why);
        kind = why.kind;
        kiln_strv_add(&failures, kiln_err_text(&why));
    }
    all = kiln_strv_join(&failures, " ");
    return kiln_err_set(err, kind, "error downloading %s: [%s]", d->what, all);
}
