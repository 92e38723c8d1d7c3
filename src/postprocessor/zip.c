#include "postprocessor/zip.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"

#define VERSION_DEFLATE 20
#define VERSION_ZIP64   45
#define FLAG_UTF8       0x0800
#define METHOD_DEFLATE  8
#define DATE_1980       0x0021 /* 1 January, the first day there is */
#define EXTRA_ZIP64     1
#define MAX32           0xffffffffu

static void put(struct kiln_str *s, uint64_t value, unsigned bytes)
{
    for (; bytes > 0; bytes--, value >>= 8)
        kiln_str_addc(s, (char)(value & 0xff));
}

static uint64_t at_most(uint64_t value, uint64_t max)
{
    return value < max ? value : max;
}

/* What local header and directory have in common: version … sizes. */
static void put_common(struct kiln_str *s, bool big, uint32_t crc, uint64_t compressed,
                       uint64_t size)
{
    put(s, big ? VERSION_ZIP64 : VERSION_DEFLATE, 2);
    put(s, FLAG_UTF8, 2);
    put(s, METHOD_DEFLATE, 2);
    put(s, 0, 2); /* midnight */
    put(s, DATE_1980, 2);
    put(s, crc, 4);
    put(s, big ? MAX32 : compressed, 4);
    put(s, big ? MAX32 : size, 4);
}

static void put_local(struct kiln_str *s, const struct kiln_zip *z, uint32_t crc,
                      uint64_t compressed)
{
    bool big = z->size > KILN_ZIP_BIG;

    put(s, 0x04034b50, 4);
    put_common(s, big, crc, compressed, z->size);
    put(s, strlen(z->name), 2);
    put(s, big ? 20 : 0, 2);
    kiln_str_adds(s, z->name);
    if (big) {
        put(s, EXTRA_ZIP64, 2);
        put(s, 16, 2);
        put(s, z->size, 8);
        put(s, compressed, 8);
    }
}

bool kiln_zip_begin(struct kiln_zip *z, const char *name, uint64_t size, struct kiln_err *err)
{
    KILN_AUTO_STR header = { 0 };
    off_t at = lseek(z->fd, 0, SEEK_CUR);

    if (at < 0)
        return kiln_err_sys(err, errno, "zip: seek");
    if (strlen(name) > UINT16_MAX)
        return kiln_err_set(err, KILN_ERR_USER, "zip: a name of %zu bytes is too long",
                            strlen(name));
    z->at = (uint64_t)at;
    z->size = size;
    z->name = name;
    put_local(&header, z, 0, 0);
    return kiln_fs_write_all(z->fd, header.data, header.len, err);
}

static void put_central(struct kiln_zip *z, uint32_t crc, uint64_t compressed)
{
    struct kiln_str *s = &z->central;
    bool big = z->size > KILN_ZIP_BIG, far = z->at >= MAX32;

    put(s, 0x02014b50, 4);
    put(s, big || far ? VERSION_ZIP64 : VERSION_DEFLATE, 2); /* made by: no system's modes */
    put_common(s, big, crc, compressed, z->size);
    put(s, strlen(z->name), 2);
    put(s, (big || far ? 4u : 0u) + (big ? 16u : 0u) + (far ? 8u : 0u), 2);
    put(s, 0, 2); /* comment */
    put(s, 0, 2); /* disk */
    put(s, 0, 2); /* internal attributes */
    put(s, 0, 4); /* external attributes */
    put(s, at_most(z->at, MAX32), 4);
    kiln_str_adds(s, z->name);
    if (!big && !far)
        return;
    put(s, EXTRA_ZIP64, 2);
    put(s, (big ? 16u : 0u) + (far ? 8u : 0u), 2);
    if (big) {
        put(s, z->size, 8);
        put(s, compressed, 8);
    }
    if (far)
        put(s, z->at, 8);
}

bool kiln_zip_end(struct kiln_zip *z, uint32_t crc, uint64_t compressed, struct kiln_err *err)
{
    KILN_AUTO_STR header = { 0 };

    put_local(&header, z, crc, compressed); /* as long as before */
    if (pwrite(z->fd, header.data, header.len, (off_t)z->at) != (ssize_t)header.len)
        return kiln_err_sys(err, errno, "zip: write");
    put_central(z, crc, compressed);
    z->n++;
    return kiln_str_ok(&z->central, "the directory of the zip", err);
}

bool kiln_zip_finish(struct kiln_zip *z, struct kiln_err *err)
{
    struct kiln_str *s = &z->central;
    uint64_t size = s->len, at;
    off_t here = lseek(z->fd, 0, SEEK_CUR);

    if (here < 0)
        return kiln_err_sys(err, errno, "zip: seek");
    at = (uint64_t)here;
    if (z->n >= UINT16_MAX || at >= MAX32 || size >= MAX32) {
        put(s, 0x06064b50, 4); /* ZIP64 end of the directory */
        put(s, 44, 8);
        put(s, VERSION_ZIP64, 2);
        put(s, VERSION_ZIP64, 2);
        put(s, 0, 8); /* disks */
        put(s, z->n, 8);
        put(s, z->n, 8);
        put(s, size, 8);
        put(s, at, 8);
        put(s, 0x07064b50, 4); /* where that is */
        put(s, 0, 4);
        put(s, at + size, 8);
        put(s, 1, 4);
    }
    put(s, 0x06054b50, 4);
    put(s, 0, 4); /* disks */
    put(s, at_most(z->n, UINT16_MAX), 2);
    put(s, at_most(z->n, UINT16_MAX), 2);
    put(s, at_most(size, MAX32), 4);
    put(s, at_most(at, MAX32), 4);
    put(s, 0, 2); /* comment */
    return kiln_str_ok(s, "the directory of the zip", err) &&
           kiln_fs_write_all(z->fd, s->data, s->len, err);
}

void kiln_zip_done(struct kiln_zip *z)
{
    kiln_str_done(&z->central);
}
