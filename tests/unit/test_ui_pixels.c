/* Pictures as cells, sixels, kitty's sequences and PNG; text screens read back. */
#include "frames.h"

#include <png.h>

#include "base/encode.h"
#include "base/mem.h"
#include "base/module.h"
#include "ui/screen/kitty.h"
#include "ui/screen/pixels.h"

#define WHITE 0xffffffu
#define BLACK 0x000000u

static const struct kiln_pixels_ops *load(void)
{
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_pixels_ops *ops = kiln_module_load("pixels", &err);

    unit_ok(ops != NULL, &err);
    return ops;
}

/* ---- pictures ---- */

static void fits(void **state)
{
    static const struct {
        unsigned w, h;
        int cols, rows, cell_w, cell_h, want_cols, want_rows;
    } table[] = {
        { 720, 400, 80, 25, 0, 0, 80, 22 },    { 720, 400, 80, 20, 0, 0, 72, 20 },
        { 1024, 768, 80, 24, 0, 0, 64, 24 },   { 1024, 768, 80, 24, 10, 20, 64, 24 },
        { 1024, 768, 80, 24, 10, 10, 32, 24 }, { 1, 1, 80, 24, 0, 0, 48, 24 },
        { 65535, 1, 80, 24, 0, 0, 80, 1 },     { 1, 65535, 80, 24, 0, 0, 1, 24 },
        { 8192, 8192, 1000, 1, 0, 0, 2, 1 },   { 1024, 768, 1, 1, 0, 0, 1, 1 },
        { 640, 480, 200, 60, 8, 16, 160, 60 },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(table); i++) {
        int cols, rows;

        kiln_picture_fit(table[i].w, table[i].h, table[i].cols, table[i].rows, table[i].cell_w,
                         table[i].cell_h, &cols, &rows);
        assert_int_equal(cols, table[i].want_cols);
        assert_int_equal(rows, table[i].want_rows);
    }
}

static void scales(void **state)
{
    struct kiln_picture from = frame_of(4, 2, BLACK), to = { 0 };

    (void)state;
    frame_fill(&from, 2, 0, 2, 2, WHITE);
    frame_pixel(&from, 0, 0, 0xff0000);
    assert_true(kiln_picture_size(&to, 2, 1));
    kiln_picture_scale(&from, &to);
    assert_memory_equal(to.rgbx, "\x7f\0\0\xff\xff\xff\xff\xff", 8);
    assert_true(kiln_picture_size(&to, 8, 4));
    kiln_picture_scale(&from, &to);
    assert_memory_equal(to.rgbx, "\xff\0\0\xff\xff\0\0\xff\0\0\0\xff", 12);
    assert_memory_equal(to.rgbx + (size_t)3 * 8 * 4 + 16, "\xff\xff\xff\xff", 4);
    kiln_picture_done(&from);
    assert_false(kiln_picture_size(&to, 0, 5));
    assert_false(kiln_picture_size(&to, 65535, 65535));
    assert_null(to.rgbx);
}

/* ---- cells ---- */

struct look {
    enum kiln_symbols symbols;
    int colors;
};

static const struct look looks[] = {
    { KILN_SYMBOLS_ASCII, 0 },         { KILN_SYMBOLS_ASCII, 8 },      { KILN_SYMBOLS_ASCII, 256 },
    { KILN_SYMBOLS_HALF, 0 },          { KILN_SYMBOLS_HALF, 8 },       { KILN_SYMBOLS_HALF, 16 },
    { KILN_SYMBOLS_QUAD, 256 },        { KILN_SYMBOLS_QUAD, 1 << 24 }, { KILN_SYMBOLS_SEXTANT, 0 },
    { KILN_SYMBOLS_SEXTANT, 1 << 24 },
};

/* The colour that most of a cell has. */
static uint32_t main_color(const struct kiln_cell *c, int colors)
{
    bool full = c->ch == 0x2588;

    if (colors < 8) /* the terminal's: only light and dark */
        return full != ((c->style.attr & KILN_ATTR_REVERSE) != 0) ? WHITE : BLACK;
    return full ? c->style.fg : c->style.bg;
}

static void check_plain(const struct kiln_cell *c, const struct look *l, uint32_t rgb,
                        unsigned ansi)
{
    if (l->symbols == KILN_SYMBOLS_ASCII && l->colors < 8)
        return; /* shades of letters */
    assert_true(c->ch == ' ' || c->ch == 0x2588);
    if (l->colors < 8)
        assert_int_equal(main_color(c, l->colors), rgb);
    else if (l->colors <= 16)
        assert_int_equal(main_color(c, l->colors), KILN_COLOR_ANSI(ansi));
    else
        assert_int_equal(main_color(c, l->colors), KILN_COLOR_RGB(rgb));
}

static void plain_colors(void **state)
{
    const struct kiln_pixels_ops *ops = load();
    struct kiln_picture white = frame_of(32, 16, WHITE), black = frame_of(32, 16, BLACK);
    struct kiln_cell cells[8];

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(looks); i++) {
        ops->cells(&white, looks[i].symbols, looks[i].colors, 4, 2, cells);
        for (int c = 0; c < 8; c++)
            check_plain(&cells[c], &looks[i], WHITE, looks[i].colors == 8 ? 7 : 15);
        ops->cells(&black, looks[i].symbols, looks[i].colors, 4, 2, cells);
        for (int c = 0; c < 8; c++)
            check_plain(&cells[c], &looks[i], BLACK, 0);
    }
    kiln_picture_done(&white);
    kiln_picture_done(&black);
}

static void allowed_characters(void **state)
{
    const struct kiln_pixels_ops *ops = load();
    struct kiln_picture p = frame_of(160, 80, BLACK);
    struct kiln_cell cells[200];

    (void)state;
    for (unsigned i = 0; i < 160 * 80; i++)
        frame_pixel(&p, i % 160, i / 160, i * 2654435761u >> 8);
    for (size_t i = 0; i < KILN_COUNT(looks); i++) {
        ops->cells(&p, looks[i].symbols, looks[i].colors, 20, 10, cells);
        for (int c = 0; c < 200; c++) {
            uint32_t ch = cells[c].ch;

            if (looks[i].symbols == KILN_SYMBOLS_ASCII)
                assert_in_range(ch, ' ', '~');
            else if (looks[i].symbols < KILN_SYMBOLS_SEXTANT)
                assert_true(ch == ' ' || (ch >= 0x2580 && ch <= 0x259F));
            else
                assert_true(ch == ' ' || (ch >= 0x2580 && ch <= 0x259F) ||
                            (ch >= 0x1FB00 && ch <= 0x1FB3B));
        }
    }
    kiln_picture_done(&p);
}

/* Upper half red, lower half blue: one half block with both colours. */
static void half_blocks(void **state)
{
    const struct kiln_pixels_ops *ops = load();
    struct kiln_picture p = frame_of(8, 8, 0xff0000);
    struct kiln_cell c;

    (void)state;
    frame_fill(&p, 0, 4, 8, 4, 0x0000ff);
    ops->cells(&p, KILN_SYMBOLS_HALF, 1 << 24, 1, 1, &c);
    assert_true(c.ch == 0x2580 || c.ch == 0x2584);
    assert_int_equal(c.ch == 0x2580 ? c.style.fg : c.style.bg, KILN_COLOR_RGB(0xff0000));
    assert_int_equal(c.ch == 0x2580 ? c.style.bg : c.style.fg, KILN_COLOR_RGB(0x0000ff));
    kiln_picture_done(&p);
}

/* A checkerboard of quarter cells. */
static void quarter_blocks(void **state)
{
    const struct kiln_pixels_ops *ops = load();
    struct kiln_picture p = frame_of(16, 8, BLACK);
    struct kiln_cell c[2];

    (void)state;
    for (unsigned x = 0; x < 16; x += 8) {
        frame_fill(&p, x, 0, 4, 4, WHITE);
        frame_fill(&p, x + 4, 4, 4, 4, WHITE);
    }
    ops->cells(&p, KILN_SYMBOLS_QUAD, 1 << 24, 2, 1, c);
    for (int i = 0; i < 2; i++)
        assert_true(c[i].ch == 0x259A || c[i].ch == 0x259E);
    kiln_picture_done(&p);
}

/* What a row becomes does not depend on the others: screens are converted in bands. */
static void rows_are_alone(void **state)
{
    const struct kiln_pixels_ops *ops = load();
    struct kiln_picture p = frame_of(80, 32, BLACK), row;
    struct kiln_cell all[40], one[10];

    (void)state;
    for (unsigned i = 0; i < 80 * 32; i++)
        frame_pixel(&p, i % 80, i / 80, i * 2654435761u >> (i / 80 / 8 * 4));
    for (size_t i = 0; i < KILN_COUNT(looks); i++) {
        ops->cells(&p, looks[i].symbols, looks[i].colors, 10, 4, all);
        for (unsigned y = 0; y < 4; y++) {
            row = (struct kiln_picture){ p.rgbx + (size_t)y * 8 * 80 * 4, 80, 8, 0 };
            ops->cells(&row, looks[i].symbols, looks[i].colors, 10, 1, one);
            assert_memory_equal(one, all + (size_t)y * 10, sizeof(one));
        }
    }
    kiln_picture_done(&p);
}

/* ---- sixel ---- */

/* DCS params q raster-attributes { colours, rows of six pixels } ST. */
static void sixel_is_well_formed(void **state)
{
    const struct kiln_pixels_ops *ops = load();
    struct kiln_picture p = frame_of(50, 32, 0xff0000);
    KILN_AUTO_STR out = { 0 };
    unsigned w = 0, h = 0;
    const char *q;

    (void)state;
    frame_fill(&p, 10, 10, 20, 10, 0x00ff00);
    ops->sixel(&p, &out);
    assert_true(kiln_has_prefix(out.data, "\033P"));
    assert_true(kiln_has_suffix(out.data, "\033\\"));
    q = strchr(out.data, 'q');
    assert_non_null(q);
    assert_int_equal(strspn(out.data + 2, "0123456789;"), q - out.data - 2);
    assert_int_equal(sscanf(q, "q\"1;1;%u;%u", &w, &h), 2);
    assert_int_equal(w, 50);
    assert_in_range(h, 30, 32); /* chafa makes whole rows of six */
    for (const char *c = q; c < out.data + out.len - 2; c++)
        assert_true(*c >= ' ' && *c <= '~');
    kiln_picture_done(&p);
}

/* ---- kitty ---- */

static void kitty_chunks(void **state)
{
    static const size_t sizes[] = { 1, 3071, 3072, 3073, 10000 };
    KILN_AUTO_FREE char *data = kiln_xmalloc(10000);

    (void)state;
    for (size_t i = 0; i < 10000; i++)
        data[i] = (char)(i * 7);
    for (size_t i = 0; i < KILN_COUNT(sizes); i++) {
        const char *first = "\033_Ga=T,f=100,i=9,p=1,c=40,r=12,C=1,q=2,m=", *p;
        KILN_AUTO_STR out = { 0 };
        KILN_AUTO_STR back = { 0 };
        bool more = true;

        kiln_kitty_show(&out, 9, 40, 12, data, sizes[i]);
        assert_true(kiln_has_prefix(out.data, first));
        for (p = out.data + strlen(first); more; p = strstr(p, "\033\\") + 2) {
            size_t n;

            if (back.len > 0) {
                assert_memory_equal(p, "\033_Gm=", 5);
                p += 5;
            }
            assert_true((p[0] == '0' || p[0] == '1') && p[1] == ';');
            more = p[0] == '1';
            p += 2;
            n = strcspn(p, "\033");
            assert_true(n <= 4096 && (!more || n % 4 == 0));
            assert_true(kiln_base64_decode(&back, p, n, NULL));
        }
        assert_ptr_equal(p, out.data + out.len);
        assert_int_equal(back.len, sizes[i]);
        assert_memory_equal(back.data, data, sizes[i]);
    }
}

static void kitty_removes(void **state)
{
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_kitty_remove(&out, 9);
    assert_string_equal(out.data, "\033_Ga=d,d=I,i=9,q=2\033\\");
}

/* ---- PNG ---- */

static void png_comes_back(void **state)
{
    struct kiln_picture p = frame_of(33, 17, 0x123456), got = { 0 };
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    frame_fill(&p, 3, 5, 9, 9, 0xfedcba);
    for (int level = 0; level <= 9; level += 3) {
        png_image image = { .version = PNG_IMAGE_VERSION };

        kiln_str_clear(&out);
        unit_ok(kiln_picture_png(&p, level, &out, &err), &err);
        assert_true(png_image_begin_read_from_memory(&image, out.data, out.len));
        assert_int_equal(image.format, PNG_FORMAT_RGB);
        image.format = PNG_FORMAT_RGBA;
        assert_true(kiln_picture_size(&got, image.width, image.height));
        assert_true(png_image_finish_read(&image, NULL, got.rgbx, 0, NULL));
        assert_true(kiln_picture_equal(&p, &got));
    }
    kiln_picture_done(&p);
    kiln_picture_done(&got);
}

static void png_has_bounds(void **state)
{
    struct kiln_picture p = frame_of(64, 64, 0x123456);
    KILN_AUTO_STR out = KILN_STR_MAX(50);
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_fails(kiln_picture_png(&p, 0, &out, &err), &err, KILN_ERR_USER,
               "PNG: longer than the limit of 50 bytes");
    kiln_picture_done(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits),           cmocka_unit_test(scales),
        cmocka_unit_test(plain_colors),   cmocka_unit_test(allowed_characters),
        cmocka_unit_test(half_blocks),    cmocka_unit_test(quarter_blocks),
        cmocka_unit_test(rows_are_alone), cmocka_unit_test(sixel_is_well_formed),
        cmocka_unit_test(kitty_chunks),   cmocka_unit_test(kitty_removes),
        cmocka_unit_test(png_comes_back), cmocka_unit_test(png_has_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
