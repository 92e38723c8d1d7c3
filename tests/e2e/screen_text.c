/*
 * Reads the text of pictures of a guest's screen, for test_text.py and the benchmark.
 *
 *     screen_text [-b N] PICTURE.ppm...
 *
 * Prints for each picture what the font and the grid are, then the rows. The pictures are frames of
 * one screen, in order. -b: reads each N times from scratch and prints the mean CPU time of a
 * frame.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vm/fonts.h"
#include "vm/text.h"

#define MAX_FILE (64u << 20)

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "screen_text: %s: %s\n", what, why);
    exit(2);
}

/* A binary PPM with 255 as its maximum, as QEMU writes it. Caller frees rgbx. */
static struct kiln_text_image load(const char *path)
{
    KILN_AUTO_STR file = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_text_image image = { 0 };
    uint8_t *rgbx;
    int head = 0;

    if (!kiln_fs_read(path, MAX_FILE, &file, &err))
        die(path, kiln_err_text(&err));
    if (sscanf(file.data, "P6 %u %u 255%n", &image.width, &image.height, &head) != 2 || !head ||
        file.len != (size_t)head + 1 + (size_t)image.width * image.height * 3)
        die(path, "no PPM of QEMU's");
    image.stride = (size_t)image.width * 4;
    rgbx = kiln_xcalloc(image.height, image.stride);
    for (size_t i = 0; i < (size_t)image.width * image.height; i++)
        memcpy(rgbx + i * 4, file.data + head + 1 + i * 3, 3);
    image.rgbx = rgbx;
    return image;
}

static void print(const struct kiln_text *t)
{
    KILN_AUTO_STR out = { 0 };

    (void)printf("%ux%u %ux%u+%u+%u cursor %d,%d %s\n", t->columns, t->rows, t->cell_width,
                 t->cell_height, t->x, t->y, t->cursor_column, t->cursor_row,
                 t->font ? t->font : "none");
    kiln_text_all(t, &out);
    (void)printf("%s\n\f\n", kiln_str_cstr(&out));
}

/* Ours alone: others may keep the machine busy. */
static int64_t cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return KILN_SECOND(t.tv_sec) + t.tv_nsec / 1000;
}

/* A frame of which all is new, with the grid known. */
static void bench(struct kiln_text_reader *r, const struct kiln_text_image *image, int times)
{
    int64_t start = cpu_us(), now;

    for (int i = 0; i < times; i++)
        (void)kiln_text_read(r, image, 0, image->height, 0);
    now = cpu_us();
    (void)fprintf(stderr, "frame_us %.1f\n", (double)(now - start) / times);
    (void)kiln_text_forget(r);
    start = cpu_us();
    (void)kiln_text_read(r, image, 0, image->height, 0);
    (void)fprintf(stderr, "search_us %lld\n", (long long)(cpu_us() - start));
}

int main(int argc, char **argv)
{
    struct kiln_text_reader *reader;
    struct kiln_fonts *fonts;
    int times = 0, option;

    while ((option = getopt(argc, argv, "b:")) != -1) {
        if (option == 'b')
            times = (int)strtol(optarg, NULL, 10);
        else
            return 2;
    }
    fonts = kiln_fonts_new(NULL);
    reader = kiln_text_reader_new(fonts);
    for (int i = optind; i < argc; i++) {
        struct kiln_text_image image = load(argv[i]);

        (void)kiln_text_read(reader, &image, 0, image.height, (int64_t)i * KILN_SECOND(100));
        print(kiln_text_of(reader));
        if (times > 0)
            bench(reader, &image, times);
        free((void *)(uintptr_t)image.rgbx);
    }
    kiln_text_reader_free(reader);
    kiln_fonts_free(fonts);
    return 0;
}
