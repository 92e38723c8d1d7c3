/* The shared picture: what is written is read, never a mixture, and a hostile one harms nobody. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/framebuffer.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/thread.h"
#include "unit.h"

#define WIDTH  64u
#define HEIGHT 48u

static struct kiln_framebuffer writer(unsigned width, unsigned height)
{
    struct kiln_framebuffer fb = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_framebuffer_create(&fb, width, height, &err), &err);
    return fb;
}

static struct kiln_framebuffer reader_of(const struct kiln_framebuffer *from)
{
    struct kiln_framebuffer fb = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_framebuffer_map(&fb, fcntl(from->fd, F_DUPFD_CLOEXEC, 3), &err), &err);
    return fb;
}

static void rows_arrive(void **state)
{
    static const uint8_t two[] = { 1, 2, 3, 99, 4, 5, 6, 99 },
                         four[] = { 7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9, 5, 5, 5, 5 };
    static const uint8_t want[] = { 7, 7, 7, 0, 8, 8, 8, 0, 9, 9, 9, 0,
                                    5, 5, 5, 0, 1, 2, 3, 0, 4, 5, 6, 0 };
    struct kiln_framebuffer w = writer(2, 3), r = reader_of(&w);
    uint8_t got[sizeof(want)];

    (void)state;
    assert_int_equal(r.width, 2);
    assert_int_equal(r.height, 3);
    assert_int_equal(kiln_framebuffer_read(&r, got), 0);
    kiln_framebuffer_write(&w, two, 2, 1);
    assert_int_equal(kiln_framebuffer_read(&r, got), 1);
    kiln_framebuffer_write(&w, four, 0, 2);
    assert_int_equal(kiln_framebuffer_read(&r, got), 2);
    assert_memory_equal(got, want, sizeof(want));

    w.head->lock++; /* the writer died in the middle */
    assert_int_equal(kiln_framebuffer_read(&r, got), 0);
    kiln_framebuffer_done(&w);
    kiln_framebuffer_done(&r);
    kiln_framebuffer_done(&r);
    assert_int_equal(r.fd, -1);
}

static void samples(void **state)
{
    uint8_t from[5 * 3 * 4] = { 0 }, got[3 * 2 * 4];
    struct kiln_framebuffer w = writer(5, 3), r = reader_of(&w);

    (void)state;
    for (uint8_t i = 0; i < 15; i++)
        from[i * 4] = i;
    kiln_framebuffer_write(&w, from, 0, 3);
    assert_int_equal(kiln_framebuffer_sample(&r, 2, got), 1);
    for (int i = 0; i < 6; i++)
        assert_int_equal(got[i * 4], i / 3 * 10 + i % 3 * 2);
    assert_int_equal(kiln_framebuffer_sample(&r, 100, got), 1);
    assert_int_equal(got[0], 0);
    kiln_framebuffer_done(&w);
    kiln_framebuffer_done(&r);
}

static void readers_only_read(void **state)
{
    struct kiln_framebuffer w = writer(WIDTH, HEIGHT);

    (void)state;
    assert_ptr_equal(mmap(NULL, w.size, PROT_READ | PROT_WRITE, MAP_SHARED, w.fd, 0), MAP_FAILED);
    assert_int_equal(pwrite(w.fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(w.fd, 0), -1);
    assert_int_equal(ftruncate(w.fd, (off_t)w.size + 1), -1);
    kiln_framebuffer_done(&w);
}

static void impossible_sizes(void **state)
{
    static const unsigned bad[][2] = { { 0, 1 }, { 1, 0 }, { 65536, 1 }, { 65535, 65535 } };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(bad); i++) {
        struct kiln_framebuffer fb = { 0 };
        KILN_AUTO_ERR err = { 0 };

        assert_false(kiln_framebuffer_create(&fb, bad[i][0], bad[i][1], &err));
        assert_int_equal(err.kind, KILN_ERR_USER);
    }
}

#define FILE_SIZE 4096
#define FITS      ((FILE_SIZE - 32) / 4) /* pixels in one row */

static int file_with(const struct kiln_framebuffer_head *head, size_t size, int seals)
{
    int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    (void)!pwrite(fd, head, sizeof(*head) < size ? sizeof(*head) : size, 0);
    if (seals)
        assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void hostile_files(void **state)
{
    static const int sealed = F_SEAL_SHRINK | F_SEAL_GROW;
    static const struct {
        uint32_t magic, width, height, stride;
        size_t size;
        int seals;
        bool good;
    } t[] = {
        { KILN_FRAMEBUFFER_MAGIC, FITS, 1, 4 * FITS, FILE_SIZE, F_SEAL_SHRINK | F_SEAL_GROW, true },
        { KILN_FRAMEBUFFER_MAGIC, 4, 4, 1000, FILE_SIZE, F_SEAL_SHRINK | F_SEAL_GROW, true },
        { KILN_FRAMEBUFFER_MAGIC, FITS, 1, 4 * FITS, FILE_SIZE, 0, false },
        { KILN_FRAMEBUFFER_MAGIC, FITS, 1, 4 * FITS, FILE_SIZE, F_SEAL_GROW, false },
        { KILN_FRAMEBUFFER_MAGIC, FITS, 1, 4 * FITS, 31, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, FITS, 1, 4 * FITS, 0, sealed, false },
        { 0, FITS, 1, 4 * FITS, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, FITS + 1, 1, 4 * FITS + 4, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, FITS, 2, 4 * FITS, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 4, 5, 1000, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 4, 1, 12, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 4, 1, 17, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 0, 1, 4, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 1, 0, 4, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 0x40000001, 1, 4, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 1, 0xffffffff, 4, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 1, 0xffffffff, 0, FILE_SIZE, sealed, false },
        { KILN_FRAMEBUFFER_MAGIC, 1, 2, 0xfffffffc, FILE_SIZE, sealed, false },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(t); i++) {
        const struct kiln_framebuffer_head head = {
            .magic = t[i].magic, .width = t[i].width, .height = t[i].height, .stride = t[i].stride
        };
        struct kiln_framebuffer fb = { .fd = -1 };
        KILN_AUTO_ERR err = { 0 };
        int fd = file_with(&head, t[i].size, t[i].seals);

        if (kiln_framebuffer_map(&fb, fd, &err) != t[i].good)
            fail_msg("%zu: %s", i, kiln_err_text(&err));
        if (!t[i].good) {
            assert_int_equal(err.kind, KILN_ERR_REMOTE);
            assert_null(fb.head);
            assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken */
        }
        kiln_framebuffer_done(&fb);
    }
}

static void no_memfd(void **state)
{
    struct kiln_framebuffer fb = { .fd = -1 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_fails(kiln_framebuffer_map(&fb, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), &err), &err,
               KILN_ERR_REMOTE, "framebuffer: the file is not sealed");
    unit_fails(kiln_framebuffer_map(&fb, -1, &err), &err, KILN_ERR_REMOTE,
               "framebuffer: the file is not sealed");
}

/* The head changes after it was checked: the sizes that were checked count. */
static void head_changes(void **state)
{
    struct kiln_framebuffer w = writer(WIDTH, HEIGHT), r = reader_of(&w);
    KILN_AUTO_FREE uint8_t *pixels = kiln_xcalloc(WIDTH * HEIGHT, 4);

    (void)state;
    kiln_framebuffer_write(&w, pixels, 0, HEIGHT);
    w.head->width = w.head->height = w.head->stride = 0x7fffffff;
    assert_int_equal(kiln_framebuffer_read(&r, pixels), 1);
    kiln_framebuffer_done(&w);
    kiln_framebuffer_done(&r);
}

struct storm {
    struct kiln_framebuffer fb;
    atomic_bool stop;
};

/* Frame n is all of one colour made of n. */
static void *write_frames(void *ud)
{
    struct storm *s = ud;
    KILN_AUTO_FREE uint8_t *pixels = kiln_xcalloc(WIDTH * HEIGHT, 4);

    for (unsigned n = 1; !atomic_load(&s->stop); n++) {
        for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
            pixels[4 * i] = (uint8_t)n;
            pixels[4 * i + 1] = (uint8_t)(n >> 8);
            pixels[4 * i + 2] = (uint8_t)(n >> 16);
        }
        kiln_framebuffer_write(&s->fb, pixels, 0, HEIGHT);
    }
    return NULL;
}

static void every_copy_is_whole(void **state)
{
    struct storm s = { .fb = writer(WIDTH, HEIGHT) };
    struct kiln_framebuffer r = reader_of(&s.fb);
    KILN_AUTO_FREE uint8_t *pixels = kiln_xcalloc(WIDTH * HEIGHT, 4);
    KILN_AUTO_ERR err = { 0 };
    uint64_t last = 0;
    pthread_t thread;

    (void)state;
    unit_ok(kiln_thread_start(&thread, "writer", write_frames, &s, &err), &err);
    for (int copies = 0; copies < 2000;) {
        uint64_t frame = kiln_framebuffer_read(&r, pixels);

        if (frame == 0)
            continue; /* the writer was quicker, again and again */
        copies++;
        assert_true(frame >= last);
        last = frame;
        for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
            const uint8_t *p = pixels + 4 * (size_t)i;

            if ((p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16) != (frame & 0xffffff))
                fail_msg("pixel %u of frame %llu is of another", i, (unsigned long long)frame);
        }
    }
    atomic_store(&s.stop, true);
    (void)pthread_join(thread, NULL);
    kiln_framebuffer_done(&s.fb);
    kiln_framebuffer_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_arrive),       cmocka_unit_test(samples),
        cmocka_unit_test(readers_only_read), cmocka_unit_test(hostile_files),
        cmocka_unit_test(impossible_sizes),  cmocka_unit_test(no_memfd),
        cmocka_unit_test(head_changes),      cmocka_unit_test(every_copy_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
