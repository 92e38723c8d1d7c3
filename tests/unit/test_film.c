/* The last frames of a screen: which are kept, and that they are bounded. */
#include "unit.h"

#include <sys/stat.h>

#include "base/framebuffer.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/random.h"
#include "vm/film.h"

#define W 160u
#define H 96u

struct bed {
    char *top, *dir;
    struct kiln_film *film;
    struct kiln_framebuffer fb;
    uint8_t rows[W * H * 4];
};

static void bed_start(struct bed *b)
{
    KILN_AUTO_ERR err = { 0 };

    memset(b, 0, sizeof(*b));
    b->top = kiln_fs_temp_dir("kiln-film-", &err);
    assert_non_null(b->top);
    b->dir = kiln_path_join(b->top, "0.frames");
    b->film = kiln_film_new(b->dir);
    unit_ok(kiln_framebuffer_create(&b->fb, W, H, &err), &err);
}

static void bed_end(struct bed *b)
{
    kiln_film_free(b->film);
    kiln_framebuffer_done(&b->fb);
    assert_true(kiln_fs_remove_tree(b->top, NULL));
    free(b->top);
    free(b->dir);
}

/* A rectangle of a grey; true if that is another frame. */
static bool draw(struct bed *b, unsigned x, unsigned y, unsigned w, unsigned h, int grey)
{
    for (unsigned i = 0; i < h; i++)
        memset(b->rows + ((size_t)(y + i) * W + x) * 4, grey, (size_t)w * 4);
    kiln_framebuffer_write(&b->fb, b->rows, 0, H);
    return kiln_film_take(b->film, &b->fb);
}

static void files_are(struct bed *b, const char *want)
{
    KILN_AUTO_STRV found = { 0 };
    KILN_AUTO_STR names = { 0 };

    if (kiln_fs_exists(b->dir))
        assert_true(kiln_fs_walk(b->dir, &found, NULL));
    for (size_t i = 0; i < found.n; i++) {
        struct stat st;

        kiln_str_addf(&names, "%s%s", i ? " " : "", kiln_path_base(found.v[i]));
        assert_return_code(stat(found.v[i], &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_true(st.st_size > 60);
    }
    assert_string_equal(kiln_str_cstr(&names), want);
}

static void a_cursor_is_no_other_frame(void **state)
{
    struct bed b;

    (void)state;
    bed_start(&b);
    assert_false(kiln_film_take(b.film, &b.fb)); /* nothing was drawn yet */
    files_are(&b, "");
    assert_true(draw(&b, 0, 0, 1, 1, 0));  /* the first */
    for (unsigned x = 0; x < 27; x += 9) { /* a cursor in a 9 x 16 font, wherever it is */
        assert_false(draw(&b, x, 30, 9, 2, 200));
        assert_false(draw(&b, x, 30, 9, 2, 0));
    }
    assert_true(draw(&b, 0, 48, 27, 16, 200)); /* three characters */
    assert_false(draw(&b, 0, 48, 27, 16, 200));
    assert_true(draw(&b, 0, 0, 1, 1, 99) || draw(&b, 100, 80, 1, 1, 99)); /* two far away */
    files_are(&b, "000001.png 000002.png 000003.png");
    bed_end(&b);
}

static void only_the_last_are_kept(void **state)
{
    struct bed b;

    (void)state;
    bed_start(&b);
    for (int i = 0; i < KILN_FILM_FRAMES + 2; i++)
        assert_true(draw(&b, 0, 0, W, H, 10 + i));
    files_are(&b, "000003.png 000004.png 000005.png 000006.png 000007.png 000008.png 000009.png "
                  "000010.png");
    bed_end(&b);
}

/* Nothing is kept that no file may hold. */
static void noise_is_left_out(void **state)
{
    const unsigned side = 1500;
    uint8_t *noise = kiln_xmalloc((size_t)side * side * 4);
    struct kiln_framebuffer fb;
    struct bed b;

    (void)state;
    bed_start(&b);
    assert_true(draw(&b, 0, 0, 1, 1, 0));
    for (size_t i = 0, x = 1; i < (size_t)side * side * 4; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        noise[i] = (uint8_t)(x >> 56);
    }
    assert_true(kiln_framebuffer_create(&fb, side, side, NULL));
    kiln_framebuffer_write(&fb, noise, 0, side);
    assert_true(kiln_film_take(b.film, &fb)); /* another it is */
    files_are(&b, "000001.png");
    kiln_framebuffer_done(&fb);
    free(noise);
    bed_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_is_no_other_frame),
        cmocka_unit_test(only_the_last_are_kept),
        cmocka_unit_test(noise_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
