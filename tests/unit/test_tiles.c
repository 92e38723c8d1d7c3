/* When a picture is another than before. */
#include "vm/tiles.h"

#include "base/framebuffer.h"
#include "base/mem.h"
#include "base/png.h"
#include "unit.h"

#define W 320u
#define H 200u

static const struct kiln_tiles_small small = { .places = 2, .columns = 4, .rows = 2 };

struct bed {
    struct kiln_tiles tiles;
    uint8_t *pixels;
};

static bool draw(struct bed *b, unsigned x, unsigned y, unsigned w, unsigned h, int grey)
{
    const struct kiln_image image = { b->pixels, W, H };

    for (unsigned i = 0; i < h; i++)
        memset(b->pixels + ((size_t)(y + i) * W + x) * KILN_PIXEL_BYTES, grey,
               (size_t)w * KILN_PIXEL_BYTES);
    return kiln_tiles_take(&b->tiles, &image, &small);
}

static void what_is_another_picture(void **unused)
{
    struct bed b = { .pixels = kiln_xcalloc((size_t)W * H, KILN_PIXEL_BYTES) };
    struct kiln_image half = { b.pixels, W / 2, H };

    (void)unused;
    assert_true(draw(&b, 0, 0, 1, 1, 0)); /* the first */
    assert_false(draw(&b, 0, 0, 1, 1, 0));
    for (int i = 1; i < 4; i++) {
        assert_false(draw(&b, W - 24, 0, 24, 16, i * 50)); /* a clock */
        assert_false(draw(&b, 30, 90, 9, 16, i % 2 * 99)); /* and a cursor, elsewhere */
    }
    assert_true(draw(&b, 200, 150, 1, 1, 9)); /* a third place */
    assert_false(draw(&b, 0, 0, 32, 1, 40));
    assert_true(draw(&b, 0, 0, 96, 1, 50)); /* it has grown out of two places */
    assert_true(draw(&b, 0, 100, W, 50, 90));
    assert_true(kiln_tiles_take(&b.tiles, &half, &small));
    kiln_tiles_done(&b.tiles);
    free(b.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_another_picture) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
