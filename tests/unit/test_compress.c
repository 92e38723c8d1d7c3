/* Streams cut and joined: the end of deflate streams, packing on all cores, tar headers, zip
 * directories, and reading of files with holes. That the programs people use read what comes out is
 * in golden/cli/compress.txt. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/tar.h"
#include "engine_fixture.h"
#include "postprocessor/codec.h"
#include "postprocessor/deflate_end.h"
#include "postprocessor/input.h"
#include "postprocessor/pack.h"
#include "postprocessor/postprocessors.h"
#include "postprocessor/zip.h"

/* ---- the end of a deflate stream ---- */

/* By zlib: fixed codes ("a"), stored ("ab"), dynamic codes (0…63 and 64 times an x). */
static const struct {
    const char *bytes;
    size_t len;
    size_t last_block, end; /* 0, 0: broken */
} streams[] = {
    { "\x03\x00", 2, 0, 10 },
    { "\x4b\x04\x00", 3, 0, 18 },
    { "\x01\x02\x00\xfd\xff"
      "ab",
      7, 0, 56 },
    { "\x00\x02\x00\xfd\xff"
      "ab\x03\x00",
      9, 56, 66 },
    { "", 0, 0, 0 },
    { "\x4b\x04", 2, 0, 0 },             /* cut short */
    { "\x07\x00", 2, 0, 0 },             /* no such kind of block */
    { "\x01\x02\x00\xfd\xfe", 5, 0, 0 }, /* length and its complement */
    { "\x01\x03\x00\xfc\xff"
      "ab",
      7, 0, 0 },
    { "\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, 0, 0 }, /* codes that cannot be */
};

static void ends_of_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(streams); i++) {
        struct kiln_deflate_end at = { 0 };
        bool good =
            kiln_deflate_find_end((const unsigned char *)streams[i].bytes, streams[i].len, &at);

        assert_int_equal(good, streams[i].end > 0);
        if (!good)
            continue;
        assert_int_equal(at.last_block, streams[i].last_block);
        assert_int_equal(at.end, streams[i].end);
    }
}

static void opened_streams(void **state)
{
    /* One that ends 2 bits into a byte, one at the end of a byte. */
    unsigned char fixed[8] = { 0x4b, 0x04, 0x00 },
                  stored[16] = { 0x01, 0x02, 0x00, 0xfd, 0xff, 'a', 'b' };
    size_t len = 3;

    (void)state;
    assert_true(kiln_deflate_open_end(fixed, &len));
    assert_int_equal(len, 7);
    assert_memory_equal(fixed, "\x4a\x04\x00\x00\x00\xff\xff", 7);
    len = 7;
    assert_true(kiln_deflate_open_end(stored, &len));
    assert_int_equal(len, 12);
    assert_memory_equal(stored, "\x00\x02\x00\xfd\xff\x61\x62\x00\x00\x00\xff\xff", 12);
}

/* ---- packing ---- */

/* Text, noise and zeros in turn. */
static unsigned char *image(size_t size)
{
    unsigned char *data = kiln_xcalloc(1, size);
    uint32_t x = 1;

    for (size_t i = 0; i < size; i++) {
        x = x * 1664525 + 1013904223;
        if ((i >> 17) % 3 == 0)
            data[i] = (unsigned char)('a' + (x >> 24) % 7);
        else if ((i >> 17) % 3 == 1)
            data[i] = (unsigned char)(x >> 24);
    }
    return data;
}

static uint64_t packed(const char *codec, const unsigned char *data, size_t size, size_t piece,
                       struct kiln_str *ret)
{
    KILN_AUTO_FD fd = memfd_create("packed", MFD_CLOEXEC);
    KILN_CLEANUP(kiln_pack_freep) struct kiln_pack *p = NULL;
    struct kiln_cancel *cancel = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };
    uint64_t len = 0;

    unit_ok(kiln_pack_open(&p, fd, codec, 0, cancel, &err), &err);
    for (size_t at = 0; at < size; at += piece)
        unit_ok(kiln_pack_write(p, data + at, size - at < piece ? size - at : piece, &err), &err);
    unit_ok(kiln_pack_finish(p, &len, NULL, &err), &err);
    assert_int_equal(lseek(fd, 0, SEEK_END), len);
    assert_int_equal(pread(fd, kiln_str_space(ret, len), len, 0), len);
    kiln_str_commit(ret, len);
    kiln_pack_freep(&p);
    kiln_cancel_free(cancel);
    return len;
}

/* What comes out depends on what went in, not on how it was cut nor on who was faster. */
static void packing_is_steady(void **state)
{
    static const char *const codecs[] = { NULL, "gzip", "deflate", "bgzf", "lz4", "zstd", "bzip2" };
    const size_t size = (size_t)9 << 20;
    unsigned char *data = image(size);

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(codecs); i++) {
        KILN_AUTO_STR once = { 0 }, again = { 0 };

        (void)packed(codecs[i], data, size, size, &once);
        (void)packed(codecs[i], data, size, 77777, &again);
        assert_int_equal(once.len, again.len);
        assert_memory_equal(once.data, again.data, once.len);
        assert_true(codecs[i] ? once.len < size * 2 / 3 : once.len == size);
    }
    free(data);
}

/* A third of it is noise, which is stored: the walk over our own stream finds every byte of it. */
static void packed_stream_ends_where_it_ends(void **state)
{
    const size_t size = (size_t)5 << 20;
    unsigned char *data = image(size);
    KILN_AUTO_STR out = { 0 };
    struct kiln_deflate_end at;

    (void)state;
    (void)packed("deflate", data, size, size, &out);
    assert_true(kiln_deflate_find_end((const unsigned char *)out.data, out.len, &at));
    assert_int_equal(at.last_block, 8 * (out.len - 2));
    assert_int_equal((at.end + 7) / 8, out.len);
    free(data);
}

static void cancel_ends_packing(void **state)
{
    KILN_AUTO_FD fd = memfd_create("packed", MFD_CLOEXEC);
    KILN_CLEANUP(kiln_pack_freep) struct kiln_pack *p = NULL;
    struct kiln_cancel *cancel = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_pack_open(&p, fd, "xz", 9, cancel, &err), &err);
    unit_ok(kiln_pack_write(p, "x", 1, &err), &err);
    kiln_cancel_fire(cancel);
    unit_fails(kiln_pack_write(p, "x", 1, &err), &err, KILN_ERR_CANCELLED, "cancelled");
    unit_fails(kiln_pack_finish(p, NULL, NULL, &err), &err, KILN_ERR_CANCELLED, "cancelled");
    kiln_pack_freep(&p);
    kiln_cancel_free(cancel);
}

static void full_disk_ends_packing(void **state)
{
    KILN_AUTO_FD fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    KILN_CLEANUP(kiln_pack_freep) struct kiln_pack *p = NULL;
    struct kiln_cancel *cancel = kiln_cancel_new();
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_pack_open(&p, fd, "zstd", 0, cancel, &err), &err);
    unit_ok(kiln_pack_write(p, "x", 1, &err), &err);
    assert_false(kiln_pack_finish(p, NULL, NULL, &err));
    assert_int_equal(err.os_errno, ENOSPC);
    kiln_pack_freep(&p);
    kiln_cancel_free(cancel);
}

/* ---- containers ---- */

static void tar_headers(void **state)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_FREE char *name = kiln_xasprintf("%0101d", 0);
    struct stat st = { .st_mode = S_IFREG | 0640, .st_size = 5, .st_uid = 3000000 };

    (void)state;
    kiln_tar_header(&out, "disk.raw", &st);
    assert_int_equal(out.len, 512);
    assert_string_equal(out.data, "disk.raw");
    assert_string_equal(out.data + 100, "0000640");
    assert_memory_equal(out.data + 108, "\x80\x00\x00\x00\x00\x2d\xc6\xc0", 8); /* over 7777777 */
    assert_string_equal(out.data + 124, "00000000005");
    assert_string_equal(out.data + 136, "00000000000");
    assert_memory_equal(out.data + 257, "ustar  ", 8);
    kiln_str_clear(&out);
    st.st_size = (off_t)9 << 30;
    kiln_tar_header(&out, name, &st);
    assert_int_equal(out.len, 3 * 512); /* the name's record, the name, the header */
    assert_int_equal(out.data[156], 'L');
    assert_memory_equal(out.data + 512, name, 102);
    assert_memory_equal(out.data + 1024 + 124, "\x80\0\0\0\0\0\0\x02\x40\0\0\0", 12);
    assert_int_equal(kiln_tar_padding(0), 0);
    assert_int_equal(kiln_tar_padding(1), 511);
    assert_int_equal(kiln_tar_padding(1024), 0);
}

/* A member over 4 GiB and one that begins behind it: their sizes and place are in ZIP64 fields. */
static void large_zip(void **state)
{
    KILN_AUTO_FD fd = memfd_create("zip", MFD_CLOEXEC);
    KILN_AUTO_ERR err = { 0 };
    struct kiln_zip z = { .fd = fd };
    const uint64_t big = (uint64_t)5 << 30;
    unsigned char header[50];

    (void)state;
    unit_ok(kiln_zip_begin(&z, "big", big, &err), &err);
    assert_true(lseek(fd, (off_t)big, SEEK_CUR) > 0);
    unit_ok(kiln_zip_end(&z, 0x12345678, big, &err), &err);
    assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
    assert_memory_equal(header, "PK\x03\x04\x2d\x00\x00\x08\x08\x00\x00\x00\x21\x00", 14);
    assert_memory_equal(header + 14, "\x78\x56\x34\x12\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    assert_memory_equal(header + 30, "big\x01\x00\x10\x00\x00\x00\x00\x40\x01\x00\x00\x00", 15);
    unit_ok(kiln_zip_begin(&z, "far", 1, &err), &err);
    unit_ok(kiln_zip_end(&z, 1, 1, &err), &err);
    unit_ok(kiln_zip_finish(&z, &err), &err);
    assert_int_equal(z.n, 2);
    assert_non_null(memmem(z.central.data, z.central.len, "far\x01\x00\x08\x00", 7));
    assert_non_null(memmem(z.central.data, z.central.len, "PK\x06\x06", 4));
    kiln_zip_done(&z);
}

static void holes_are_zeros(void **state)
{
    char *path = NULL;
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FD fd = kiln_fs_temp_file("kiln-test", "", &path, &err);
    KILN_AUTO_INPUT in = { 0 };
    uint64_t zeros = 0, others = 0;
    size_t n;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 40 << 20), 0);
    assert_int_equal(pwrite(fd, "abc", 3, 10 << 20), 3);
    assert_int_equal(pwrite(fd, "d", 1, (30 << 20) - 1), 1);
    unit_ok(kiln_input_open(&in, path, &err), &err);
    do {
        unit_ok(kiln_input_read(&in, &n, &err), &err);
        for (size_t i = 0; i < n; i++)
            *(in.buffer[i] ? &others : &zeros) += 1;
    } while (n > 0);
    assert_int_equal(others, 4);
    assert_int_equal(zeros + others, 40 << 20);
    kiln_input_close(&in);
    assert_int_equal(unlink(path), 0);
    free(path);
    unit_fails(kiln_input_open(&in, "/tmp", &err), &err, KILN_ERR_USER,
               "read /tmp: is a directory");
}

/* Its end is not taken for a hole. */
static void shorter_is_an_error(void **state)
{
    KILN_AUTO_FREE char *path = NULL;
    KILN_AUTO_FD fd = kiln_fs_temp_file("kiln-shorter", "", &path, NULL);
    KILN_AUTO_INPUT in = { 0 };
    KILN_AUTO_ERR err = { 0 };
    size_t n;

    (void)state;
    assert_int_equal(ftruncate(fd, 2 * KILN_INPUT_BUFFER), 0);
    assert_int_equal(pwrite(fd, "x", 1, KILN_INPUT_BUFFER), 1);
    unit_ok(kiln_input_open(&in, path, &err), &err);
    unit_ok(kiln_input_read(&in, &n, &err), &err); /* the hole before the data */
    assert_int_equal(n, KILN_INPUT_BUFFER);
    assert_int_equal(ftruncate(fd, 5), 0);
    assert_false(kiln_input_read(&in, &n, &err));
    assert_true(kiln_has_suffix(kiln_err_text(&err), "it became shorter meanwhile"));
    (void)unlink(path);
}

/* ---- a disk that is full, as NFS tells it ---- */

static const char *no_room; /* in the names of files that have none; NULL: all have */

/* In the place of the C library's. */
int close(int fd)
{
    char link[64], path[4096] = "";

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (no_room)
        (void)!readlink(link, path, sizeof(path) - 1);
    (void)syscall(SYS_close, fd);
    if (!no_room || !strstr(path, no_room))
        return 0;
    errno = EDQUOT;
    return -1;
}

static void written_when_closed(void **state)
{
    const struct kiln_postprocessor_ops *ops = &kiln_compress_postprocessor;
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-close", NULL);
    KILN_AUTO_FREE void *cfg = kiln_xcalloc(1, ops->cfg_size);
    struct kiln_artifact *in = kiln_artifact_new("x", "", ""), *out = NULL;
    KILN_AUTO_STRV files = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct fixture f;

    (void)state;
    fixture_init(&f);
    assert_int_equal(chdir(dir), 0);
    assert_true(kiln_fs_write_atomic("in", "x", 1, 0600, NULL));
    assert_true(kiln_ledger_open(&f.b.ledger, "ledger", NULL));
    kiln_strv_add(&in->files, "in");
    kiln_config_defaults(ops->schema, cfg);
    no_room = "packer_b_fake";
    assert_false(ops->process(cfg, &f.b, in, &out, &err));
    assert_int_equal(err.os_errno, EDQUOT);
    kiln_err_clear(&err);
    no_room = "copy";
    assert_false(kiln_fs_copy("in", "copy", 0600, &err));
    assert_int_equal(err.os_errno, EDQUOT);
    assert_int_equal(unlink("copy"), 0);
    no_room = NULL;
    kiln_ledger_close(f.b.ledger);
    assert_int_equal(unlink("ledger"), 0);
    assert_true(kiln_fs_list(".", &files, NULL));
    assert_int_equal(files.n, 1); /* in */
    kiln_config_done(ops->schema, cfg);
    kiln_artifact_unref(in);
    fixture_done(&f);
    assert_int_equal(chdir("/"), 0);
    assert_true(kiln_fs_remove_tree(dir, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_of_streams),     cmocka_unit_test(opened_streams),
        cmocka_unit_test(packing_is_steady),   cmocka_unit_test(packed_stream_ends_where_it_ends),
        cmocka_unit_test(cancel_ends_packing), cmocka_unit_test(full_disk_ends_packing),
        cmocka_unit_test(tar_headers),         cmocka_unit_test(large_zip),
        cmocka_unit_test(holes_are_zeros),     cmocka_unit_test(shorter_is_an_error),
        cmocka_unit_test(written_when_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
