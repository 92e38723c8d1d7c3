/* Digests against published vectors, and the ring with its threads. */
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/hash.h"
#include "net_peer.h"

#define ALL ((1u << KILN_HASH__N) - 1)

static const char *const abc[KILN_HASH__N] = {
    /* RFC 1321 A.5 and FIPS 180-4 examples */
    [KILN_HASH_MD5] = "900150983cd24fb0d6963f7d28e17f72",
    [KILN_HASH_SHA1] = "a9993e364706816aba3e25717850c26c9cd0d89d",
    [KILN_HASH_SHA224] = "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    [KILN_HASH_SHA256] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    [KILN_HASH_SHA384] = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                         "8086072ba1e7cc2358baeca134c825a7",
    [KILN_HASH_SHA512] = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};

static void vectors(void **state)
{
    KILN_CLEANUP(kiln_hash_freep) struct kiln_hash *h = NULL;
    struct kiln_hash_sums sums;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_hash_new(&h, ALL, &err), &err);
    kiln_hash_update(h, "a", 1);
    kiln_hash_update(h, "", 0);
    kiln_hash_update(h, "bc", 2);
    kiln_hash_finish(h, &sums);
    for (unsigned t = 0; t < KILN_HASH__N; t++) {
        char hex[KILN_HASH_HEX_MAX + 1];

        assert_string_equal(sums.hex[t], abc[t]);
        unit_ok(kiln_hash_text((enum kiln_hash_type)t, "abc", hex, &err), &err);
        assert_string_equal(hex, abc[t]);
        assert_int_equal(kiln_hash_digits((enum kiln_hash_type)t), strlen(abc[t]));
    }
}

static void only_what_was_asked(void **state)
{
    KILN_CLEANUP(kiln_hash_freep) struct kiln_hash *h = NULL;
    struct kiln_hash_sums sums;

    (void)state;
    assert_true(kiln_hash_new(&h, KILN_HASH_BIT(KILN_HASH_SHA1), NULL));
    kiln_hash_finish(h, &sums); /* of nothing */
    assert_string_equal(sums.hex[KILN_HASH_SHA1], "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_string_equal(sums.hex[KILN_HASH_MD5], "");
}

static void names(void **state)
{
    enum kiln_hash_type type;

    (void)state;
    assert_true(kiln_hash_by_name("SHA256x", 6, &type) && type == KILN_HASH_SHA256);
    assert_false(kiln_hash_by_name("sha2567", 7, &type));
    assert_false(kiln_hash_by_name("sha25", 5, &type));
    assert_true(kiln_hash_by_digits(32, &type) && type == KILN_HASH_MD5);
    assert_false(kiln_hash_by_digits(33, &type));
}

struct seen {
    unsigned calls;
    uint64_t done, total;
    struct kiln_cancel *fire;
};

static void on_progress(void *ud, uint64_t done, uint64_t total)
{
    struct seen *seen = ud;

    assert_true(done >= seen->done);
    seen->calls++;
    seen->done = done;
    seen->total = total;
    if (seen->fire)
        kiln_cancel_fire(seen->fire);
}

/* More data than the ring holds, not a multiple of its blocks: each byte is counted, in order. */
static void large_file(void **state)
{
    size_t len = 9 * KILN_HASH_BLOCK + 12345;
    KILN_AUTO_FREE unsigned char *data = kiln_xmalloc(len);
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "large");
    KILN_CLEANUP(kiln_hash_freep) struct kiln_hash *h = NULL;
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    struct kiln_hash_sums by_file, by_memory;
    struct seen seen = { 0 };
    struct kiln_progress progress = { .fn = on_progress, .ud = &seen };
    KILN_AUTO_ERR err = { 0 };

    for (size_t i = 0; i < len; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    put_file(*state, "large", data, len);
    unit_ok(kiln_hash_file(path, ALL, c, &progress, &by_file, &err), &err);
    assert_true(kiln_hash_new(&h, ALL, NULL));
    kiln_hash_update(h, data, 1000);
    kiln_hash_update(h, data + 1000, len - 1000);
    kiln_hash_finish(h, &by_memory);
    assert_memory_equal(&by_file, &by_memory, sizeof(by_file));
    assert_int_equal(seen.done, len);
    assert_int_equal(seen.total, len);
}

/* At most ten reports a second, none without news, and the end always. */
static void throttled(void **state)
{
    struct seen seen = { 0 };
    struct kiln_progress progress = { .fn = on_progress, .ud = &seen };
    int64_t start = kiln_clock_mono_us();

    (void)state;
    for (uint64_t i = 1; i <= 1000; i++)
        kiln_progress_tick(&progress, i, 2000);
    assert_in_range(seen.calls, 1, (kiln_clock_mono_us() - start) / KILN_MS(100) + 1);
    kiln_progress_end(&progress, 2000, 2000);
    assert_int_equal(seen.done, 2000);
    seen.calls = 0;
    kiln_progress_end(&progress, 2000, 2000);
    progress.next_us = 0; /* as if long ago */
    kiln_progress_tick(&progress, 2000, 2000);
    assert_int_equal(seen.calls, 0);
    kiln_progress_tick(NULL, 1, 1);
}

static void cancelled(void **state)
{
    KILN_AUTO_FREE char *data = kiln_xcalloc(4, KILN_HASH_BLOCK);
    KILN_AUTO_FREE char *path = kiln_path_join(*state, "zero");
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    struct seen seen = { .fire = c };
    struct kiln_progress progress = { .fn = on_progress, .ud = &seen };
    struct kiln_hash_sums sums;
    KILN_AUTO_ERR err = { 0 };

    put_file(*state, "zero", data, 4 * KILN_HASH_BLOCK);
    assert_false(kiln_hash_file(path, 1, c, &progress, &sums, &err));
    assert_int_equal(err.kind, KILN_ERR_CANCELLED);
    assert_int_equal(seen.calls, 1);
}

static void not_a_file(void **state)
{
    KILN_AUTO_FREE char *fifo = kiln_path_join(*state, "fifo");
    KILN_AUTO_FREE char *none = kiln_path_join(*state, "none");
    KILN_AUTO_FREE char *want_fifo =
        kiln_xasprintf("%s is neither a regular file nor a disk", fifo);
    KILN_AUTO_FREE char *want_dir =
        kiln_xasprintf("%s is a directory, not a file", (const char *)*state);
    KILN_AUTO_FREE char *want_none = kiln_xasprintf("open %s: No such file or directory", none);
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    struct kiln_hash_sums sums;
    KILN_AUTO_ERR err = { 0 };

    assert_int_equal(mkfifo(fifo, 0600), 0);
    unit_fails(kiln_hash_file(fifo, 1, c, NULL, &sums, &err), &err, KILN_ERR_USER, want_fifo);
    unit_fails(kiln_hash_file(*state, 1, c, NULL, &sums, &err), &err, KILN_ERR_USER, want_dir);
    unit_fails(kiln_hash_file(none, 1, c, NULL, &sums, &err), &err, KILN_ERR_SYSTEM, want_none);
}

/* Freed with data under way, and without any: the threads end. */
static void thrown_away(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct kiln_hash *h = NULL;

        assert_true(kiln_hash_new(&h, ALL, NULL));
        if (i % 2)
            kiln_hash_update(h, abc, sizeof(abc));
        kiln_hash_free(h);
    }
    kiln_hash_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(only_what_was_asked),
        cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(large_file, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(cancelled, enter_dir, leave_dir),
        cmocka_unit_test_setup_teardown(not_a_file, enter_dir, leave_dir),
        cmocka_unit_test(thrown_away),
        cmocka_unit_test(throttled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
