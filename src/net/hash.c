/*
 * A ring of buffers with one producer and one reader thread for each algorithm. `lock` guards all
 * fields of struct kiln_hash but the bytes of a buffer, which belong to the producer until pushed
 * and to the readers until the last of them has counted it as read.
 */
#include "net/hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/module.h"
#include "base/thread.h"
#include "net/hash_ops.h"

#define BUFFERS 4

struct lane {
    struct kiln_hash *hash;
    enum kiln_hash_type type;
    void *ctx; /* the lane's thread's own, until joined */
    pthread_t thread;
    bool running;
    uint64_t taken; /* buffers read so far */
};

struct kiln_hash {
    const struct kiln_hash_ops *ops;
    pthread_mutex_t lock;
    pthread_cond_t pushed_more, taken_more;
    unsigned char *buffer[BUFFERS];
    size_t len[BUFFERS];
    uint64_t pushed; /* buffers handed over so far */
    bool ended;      /* nothing more will be pushed */
    struct lane lanes[KILN_HASH__N];
    size_t n_lanes;
};

static const struct {
    const char *name;
    size_t digits;
} kinds[KILN_HASH__N] = {
    [KILN_HASH_MD5] = { "md5", 32 },       [KILN_HASH_SHA1] = { "sha1", 40 },
    [KILN_HASH_SHA224] = { "sha224", 56 }, [KILN_HASH_SHA256] = { "sha256", 64 },
    [KILN_HASH_SHA384] = { "sha384", 96 }, [KILN_HASH_SHA512] = { "sha512", 128 },
};

const char *kiln_hash_name(enum kiln_hash_type type)
{
    return kinds[type].name;
}

size_t kiln_hash_digits(enum kiln_hash_type type)
{
    return kinds[type].digits;
}

bool kiln_hash_by_name(const char *name, size_t len, enum kiln_hash_type *ret)
{
    for (size_t i = 0; i < KILN_COUNT(kinds); i++)
        if (strlen(kinds[i].name) == len && strncasecmp(name, kinds[i].name, len) == 0) {
            *ret = (enum kiln_hash_type)i;
            return true;
        }
    return false;
}

bool kiln_hash_by_digits(size_t digits, enum kiln_hash_type *ret)
{
    for (size_t i = 0; i < KILN_COUNT(kinds); i++)
        if (kinds[i].digits == digits) {
            *ret = (enum kiln_hash_type)i;
            return true;
        }
    return false;
}

/* The next buffer for a lane; false at the end of the data. */
static bool lane_next(struct lane *lane, const unsigned char **ret_data, size_t *ret_len)
{
    struct kiln_hash *h = lane->hash;
    bool more;

    (void)pthread_mutex_lock(&h->lock);
    while (lane->taken == h->pushed && !h->ended)
        (void)pthread_cond_wait(&h->pushed_more, &h->lock);
    more = lane->taken < h->pushed;
    if (more) {
        *ret_data = h->buffer[lane->taken % BUFFERS];
        *ret_len = h->len[lane->taken % BUFFERS];
    }
    (void)pthread_mutex_unlock(&h->lock);
    return more;
}

static void lane_took(struct lane *lane)
{
    struct kiln_hash *h = lane->hash;

    (void)pthread_mutex_lock(&h->lock);
    lane->taken++;
    (void)pthread_cond_signal(&h->taken_more);
    (void)pthread_mutex_unlock(&h->lock);
}

static void *lane_main(void *ud)
{
    struct lane *lane = ud;
    const unsigned char *data;
    size_t len;

    while (lane_next(lane, &data, &len)) {
        lane->hash->ops->update(lane->ctx, data, len);
        lane_took(lane);
    }
    return NULL;
}

static bool lane_start(struct kiln_hash *h, enum kiln_hash_type type, struct kiln_err *err)
{
    struct lane *lane = &h->lanes[h->n_lanes++];

    lane->hash = h;
    lane->type = type;
    lane->ctx = h->ops->start(type, err);
    lane->running =
        lane->ctx && kiln_thread_start(&lane->thread, kiln_hash_name(type), lane_main, lane, err);
    return lane->running;
}

bool kiln_hash_new(struct kiln_hash **ret, unsigned types, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_hash_freep) struct kiln_hash *h = NULL;
    const struct kiln_hash_ops *ops = kiln_module_load("hash", err);

    assert(types && types < KILN_HASH_BIT(KILN_HASH__N));
    if (!ops)
        return false;
    h = kiln_xcalloc(1, sizeof(*h));
    h->ops = ops;
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->pushed_more, NULL);
    (void)pthread_cond_init(&h->taken_more, NULL);
    for (size_t i = 0; i < BUFFERS; i++)
        h->buffer[i] = kiln_xmalloc(KILN_HASH_BLOCK);
    for (unsigned t = 0; t < KILN_HASH__N; t++)
        if ((types & KILN_HASH_BIT(t)) && !lane_start(h, (enum kiln_hash_type)t, err))
            return false;
    *ret = h;
    h = NULL;
    return true;
}

static void end_lanes(struct kiln_hash *h)
{
    (void)pthread_mutex_lock(&h->lock);
    h->ended = true;
    (void)pthread_cond_broadcast(&h->pushed_more);
    (void)pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < h->n_lanes; i++) {
        if (h->lanes[i].running)
            (void)pthread_join(h->lanes[i].thread, NULL);
        h->lanes[i].running = false;
    }
}

void kiln_hash_free(struct kiln_hash *h)
{
    if (!h)
        return;
    end_lanes(h);
    for (size_t i = 0; i < h->n_lanes; i++)
        if (h->lanes[i].ctx)
            h->ops->free(h->lanes[i].ctx);
    for (size_t i = 0; i < BUFFERS; i++)
        free(h->buffer[i]);
    (void)pthread_cond_destroy(&h->taken_more);
    (void)pthread_cond_destroy(&h->pushed_more);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

void kiln_hash_freep(struct kiln_hash **h)
{
    kiln_hash_free(*h);
    *h = NULL;
}

/* Buffers that the slowest lane has yet to read. */
static uint64_t waiting(const struct kiln_hash *h)
{
    uint64_t least = h->pushed;

    for (size_t i = 0; i < h->n_lanes; i++)
        if (h->lanes[i].taken < least)
            least = h->lanes[i].taken;
    return h->pushed - least;
}

void *kiln_hash_buffer(struct kiln_hash *h)
{
    void *buffer;

    (void)pthread_mutex_lock(&h->lock);
    while (waiting(h) == BUFFERS)
        (void)pthread_cond_wait(&h->taken_more, &h->lock);
    buffer = h->buffer[h->pushed % BUFFERS];
    (void)pthread_mutex_unlock(&h->lock);
    return buffer;
}

void kiln_hash_push(struct kiln_hash *h, size_t len)
{
    assert(len <= KILN_HASH_BLOCK && !h->ended);
    if (len == 0)
        return;
    (void)pthread_mutex_lock(&h->lock);
    h->len[h->pushed % BUFFERS] = len;
    h->pushed++;
    (void)pthread_cond_broadcast(&h->pushed_more);
    (void)pthread_mutex_unlock(&h->lock);
}

void kiln_hash_update(struct kiln_hash *h, const void *data, size_t len)
{
    const unsigned char *p = data;

    while (len > 0) {
        size_t n = len < KILN_HASH_BLOCK ? len : KILN_HASH_BLOCK;

        memcpy(kiln_hash_buffer(h), p, n);
        kiln_hash_push(h, n);
        p += n;
        len -= n;
    }
}

static void finish_hex(const struct kiln_hash_ops *ops, void *ctx, enum kiln_hash_type type,
                       char *ret_hex)
{
    unsigned char digest[KILN_HASH_HEX_MAX / 2];
    KILN_AUTO_STR hex = { 0 };

    ops->finish(ctx, digest);
    kiln_hex_add(&hex, digest, kiln_hash_digits(type) / 2);
    memcpy(ret_hex, kiln_str_cstr(&hex), hex.len + 1);
}

void kiln_hash_finish(struct kiln_hash *h, struct kiln_hash_sums *ret_sums)
{
    end_lanes(h);
    *ret_sums = (struct kiln_hash_sums){ 0 };
    for (size_t i = 0; i < h->n_lanes; i++) {
        struct lane *lane = &h->lanes[i];

        finish_hex(h->ops, lane->ctx, lane->type, ret_sums->hex[lane->type]);
    }
}

bool kiln_hash_text(enum kiln_hash_type type, const char *text, char *ret_hex, struct kiln_err *err)
{
    const struct kiln_hash_ops *ops = kiln_module_load("hash", err);
    void *ctx = ops ? ops->start(type, err) : NULL;

    if (!ctx)
        return false;
    ops->update(ctx, text, strlen(text));
    finish_hex(ops, ctx, type, ret_hex);
    ops->free(ctx);
    return true;
}

/* Of two pieces, one behind the other. */
static bool sha256(const void *a, size_t a_len, const void *b, size_t b_len, unsigned char *ret,
                   struct kiln_err *err)
{
    const struct kiln_hash_ops *ops = kiln_module_load("hash", err);
    void *ctx = ops ? ops->start(KILN_HASH_SHA256, err) : NULL;

    if (!ctx)
        return false;
    ops->update(ctx, a, a_len);
    ops->update(ctx, b, b_len);
    ops->finish(ctx, ret);
    ops->free(ctx);
    return true;
}

bool kiln_hash_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                           unsigned char ret[KILN_HMAC_SHA256_SIZE], struct kiln_err *err)
{
    unsigned char pad[64] = { 0 }, inner[KILN_HMAC_SHA256_SIZE];

    if (key_len > sizeof(pad) && !sha256(key, key_len, "", 0, pad, err))
        return false;
    if (key_len <= sizeof(pad))
        memcpy(pad, key, key_len);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36;
    if (!sha256(pad, sizeof(pad), data, len, inner, err))
        return false;
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36 ^ 0x5c;
    return sha256(pad, sizeof(pad), inner, sizeof(inner), ret, err);
}

bool kiln_hash_feed_fd(struct kiln_hash *h, int fd, const char *name, uint64_t len,
                       struct kiln_cancel *c, struct kiln_progress *progress, struct kiln_err *err)
{
    uint64_t done = 0;

    while (done < len) {
        size_t want = len - done < KILN_HASH_BLOCK ? (size_t)(len - done) : KILN_HASH_BLOCK;
        ssize_t n = kiln_fs_read_some(fd, kiln_hash_buffer(h), want);

        if (n < 0)
            return kiln_err_sys(err, errno, "read %s", name);
        if (n == 0)
            break;
        kiln_hash_push(h, (size_t)n);
        done += (uint64_t)n;
        kiln_progress_tick(progress, done, len);
        if (kiln_cancel_fired(c))
            return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled while reading %s", name);
    }
    kiln_progress_end(progress, done, len);
    return true;
}

/* Bytes to read of an open file; UINT64_MAX where only reading tells. */
static bool readable_size(int fd, const char *path, uint64_t *ret, struct kiln_err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", path);
    if (S_ISDIR(st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "%s is a directory, not a file", path);
    if (S_ISREG(st.st_mode)) {
        *ret = (uint64_t)st.st_size;
    } else if (S_ISBLK(st.st_mode)) {
        off_t end = lseek(fd, 0, SEEK_END);

        if (end < 0 || lseek(fd, 0, SEEK_SET) != 0)
            return kiln_err_sys(err, errno, "seek in %s", path);
        *ret = (uint64_t)end;
    } else {
        return kiln_err_set(err, KILN_ERR_USER, "%s is neither a regular file nor a disk", path);
    }
    return true;
}

bool kiln_hash_file(const char *path, unsigned types, struct kiln_cancel *c,
                    struct kiln_progress *progress, struct kiln_hash_sums *ret_sums,
                    struct kiln_err *err)
{
    KILN_CLEANUP(kiln_hash_freep) struct kiln_hash *h = NULL;
    /* O_NONBLOCK: a FIFO must not hang the open before it is refused. */
    KILN_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint64_t size = 0;

    if (fd < 0)
        return kiln_err_sys(err, errno, "open %s", path);
    if (!readable_size(fd, path, &size, err) || !kiln_hash_new(&h, types, err))
        return false;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (!kiln_hash_feed_fd(h, fd, path, size, c, progress, err))
        return false;
    kiln_hash_finish(h, ret_sums);
    return true;
}
