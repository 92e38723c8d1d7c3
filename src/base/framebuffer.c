/*
 * The sequence lock, in C11 terms and without fences (which ThreadSanitizer does not know): every
 * store of a pixel is a release, so none is seen before the odd `lock`; every load of one is an
 * acquire, so `lock` is looked at again only after them. On x86 both are plain moves.
 */
#include "base/framebuffer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"

#define PIXEL       4u
#define MAX_SIDE    65535u /* what a VNC server can announce */
#define READ_TRIES  64
#define MUST_SEALS  (F_SEAL_SHRINK | F_SEAL_GROW)
#define OTHER_SEALS (F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static bool sides_ok(unsigned width, unsigned height)
{
    return width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE &&
           (size_t)width * height <= KILN_MAX_DISPLAY_PIXELS;
}

/* The row's pixels, in the mapping. */
static _Atomic uint32_t *row_of(const struct kiln_framebuffer *fb, unsigned y)
{
    return (_Atomic uint32_t *)(void *)((char *)(fb->head + 1) + (size_t)y * fb->stride);
}

static bool map(struct kiln_framebuffer *fb, int protection, struct kiln_err *err)
{
    void *p = mmap(NULL, fb->size, protection, MAP_SHARED, fb->fd, 0);

    if (p == MAP_FAILED)
        return kiln_err_sys(err, errno, "framebuffer: mmap");
    fb->head = p;
    return true;
}

static bool make_file(struct kiln_framebuffer *fb, struct kiln_err *err)
{
    fb->fd = memfd_create("kiln-framebuffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fb->fd < 0)
        return kiln_err_sys(err, errno, "framebuffer: memfd_create");
    if (ftruncate(fb->fd, (off_t)fb->size) != 0)
        return kiln_err_sys(err, errno, "framebuffer: ftruncate");
    if (!map(fb, PROT_READ | PROT_WRITE, err))
        return false;
    if (fcntl(fb->fd, F_ADD_SEALS, MUST_SEALS | OTHER_SEALS) != 0)
        return kiln_err_sys(err, errno, "framebuffer: seal");
    return true;
}

bool kiln_framebuffer_create(struct kiln_framebuffer *fb, unsigned width, unsigned height,
                             struct kiln_err *err)
{
    struct kiln_framebuffer fresh = { .fd = -1, .width = width, .height = height };

    if (!sides_ok(width, height))
        return kiln_err_set(err, KILN_ERR_USER, "framebuffer: %ux%u pixels are not possible", width,
                            height);
    fresh.stride = width * PIXEL;
    fresh.size = sizeof(*fresh.head) + (size_t)fresh.stride * height;
    if (!make_file(&fresh, err)) {
        kiln_framebuffer_done(&fresh);
        return false;
    }
    fresh.head->width = width;
    fresh.head->height = height;
    fresh.head->stride = fresh.stride;
    fresh.head->magic = KILN_FRAMEBUFFER_MAGIC;
    *fb = fresh;
    return true;
}

static void write_row(_Atomic uint32_t *to, const uint8_t *rgbx, unsigned width)
{
    static const uint8_t used[PIXEL] = { 0xff, 0xff, 0xff, 0 };
    uint32_t mask, pixel;

    memcpy(&mask, used, sizeof(mask));
    for (unsigned x = 0; x < width; x++) {
        memcpy(&pixel, rgbx + (size_t)x * PIXEL, sizeof(pixel));
        atomic_store_explicit(&to[x], pixel & mask, memory_order_release);
    }
}

void kiln_framebuffer_write(struct kiln_framebuffer *fb, const uint8_t *rgbx, unsigned y,
                            unsigned rows)
{
    struct kiln_framebuffer_head *head = fb->head;

    assert(y <= fb->height && rows <= fb->height - y);
    (void)atomic_fetch_add_explicit(&head->lock, 1, memory_order_relaxed); /* odd */
    for (unsigned i = 0; i < rows; i++)
        write_row(row_of(fb, y + i), rgbx + (size_t)i * fb->width * PIXEL, fb->width);
    (void)atomic_fetch_add_explicit(&head->frame, 1, memory_order_release);
    (void)atomic_fetch_add_explicit(&head->lock, 1, memory_order_release);
}

bool kiln_framebuffer_has(const struct kiln_framebuffer *fb, const uint8_t *rgbx, unsigned y,
                          unsigned rows)
{
    assert(y <= fb->height && rows <= fb->height - y);
    for (unsigned i = 0; i < rows; i++) {
        const uint8_t *row = kiln_framebuffer_pixels(fb) + (size_t)(y + i) * fb->stride;
        const uint8_t *other = rgbx + (size_t)i * fb->width * PIXEL;

        for (size_t x = 0; x < fb->width; x++) {
            if (memcmp(row + x * PIXEL, other + x * PIXEL, 3) != 0)
                return false;
        }
    }
    return true;
}

const uint8_t *kiln_framebuffer_pixels(const struct kiln_framebuffer *fb)
{
    return fb->head ? (const uint8_t *)(fb->head + 1) : NULL;
}

/* The sizes of a head that anybody may have written; each is read once. */
static bool check_head(struct kiln_framebuffer *fb, struct kiln_err *err)
{
    const volatile struct kiln_framebuffer_head *head = fb->head;
    unsigned width = head->width, height = head->height, stride = head->stride;

    if (head->magic != KILN_FRAMEBUFFER_MAGIC)
        return kiln_err_set(err, KILN_ERR_REMOTE, "framebuffer: the file is none");
    if (!sides_ok(width, height) || stride % PIXEL != 0 || stride / PIXEL < width ||
        (fb->size - sizeof(*fb->head)) / height < stride)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "framebuffer: %ux%u pixels, %u bytes a row, in a file of %zu bytes",
                            width, height, stride, fb->size);
    fb->width = width;
    fb->height = height;
    fb->stride = stride;
    return true;
}

/* Only a file that cannot shrink is safe to look at through a mapping. */
static bool check_file(struct kiln_framebuffer *fb, struct kiln_err *err)
{
    int seals = fcntl(fb->fd, F_GET_SEALS);
    struct stat st;

    if (seals < 0 || (seals & MUST_SEALS) != MUST_SEALS)
        return kiln_err_set(err, KILN_ERR_REMOTE, "framebuffer: the file is not sealed");
    if (fstat(fb->fd, &st) != 0)
        return kiln_err_sys(err, errno, "framebuffer: fstat");
    fb->size = (size_t)st.st_size;
    if (fb->size < sizeof(*fb->head))
        return kiln_err_set(err, KILN_ERR_REMOTE, "framebuffer: a file of %zu bytes", fb->size);
    return true;
}

bool kiln_framebuffer_map(struct kiln_framebuffer *fb, int fd, struct kiln_err *err)
{
    struct kiln_framebuffer fresh = { .fd = fd };

    if (!check_file(&fresh, err) || !map(&fresh, PROT_READ, err) || !check_head(&fresh, err)) {
        kiln_framebuffer_done(&fresh);
        return false;
    }
    *fb = fresh;
    return true;
}

static void copy_pixels(const struct kiln_framebuffer *fb, unsigned step, uint8_t *rgbx)
{
    for (unsigned y = 0; y < fb->height; y += step) {
        const _Atomic uint32_t *from = row_of(fb, y);

        for (unsigned x = 0; x < fb->width; x += step, rgbx += PIXEL) {
            uint32_t pixel = atomic_load_explicit(&from[x], memory_order_acquire);

            memcpy(rgbx, &pixel, sizeof(pixel));
        }
    }
}

uint64_t kiln_framebuffer_sample(const struct kiln_framebuffer *fb, unsigned step, uint8_t *rgbx)
{
    const struct kiln_framebuffer_head *head = fb->head;

    for (int i = 0; i < READ_TRIES; i++) {
        uint32_t lock = atomic_load_explicit(&head->lock, memory_order_acquire);
        uint64_t frame = atomic_load_explicit(&head->frame, memory_order_acquire);

        if (lock % 2 != 0) { /* let the writer finish, if it is on this processor */
            (void)sched_yield();
            continue;
        }
        if (frame == 0)
            return 0;
        copy_pixels(fb, step, rgbx);
        if (atomic_load_explicit(&head->lock, memory_order_relaxed) == lock)
            return frame;
    }
    return 0;
}

uint64_t kiln_framebuffer_read(const struct kiln_framebuffer *fb, uint8_t *rgbx)
{
    return kiln_framebuffer_sample(fb, 1, rgbx);
}

void kiln_framebuffer_done(struct kiln_framebuffer *fb)
{
    if (fb->head) {
        (void)munmap(fb->head, fb->size);
        kiln_fd_closep(&fb->fd);
    } else if (fb->fd > 0) {
        kiln_fd_closep(&fb->fd);
    }
    *fb = (struct kiln_framebuffer){ .fd = -1 };
}
