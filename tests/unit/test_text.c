/* Text read from pictures, in a font that is ours; real ones are in e2e/test_text.py. */
#include "unit.h"

#include "base/cancel.h"
#include "base/mem.h"
#include "frames.h"
#include "vm/fonts.h"
#include "vm/text.h"

#define GREY  0xaaaaaau
#define BLACK 0x000000u
#define WHITE 0xffffffu
#define BLUE  0x0000aau

struct psf {
    uint8_t head[4];
    uint8_t glyphs[256][16];
};

/* Glyphs that are all different and far from each other; ASCII. */
static struct psf make_font(void)
{
    struct psf font = { .head = { 0x36, 0x04, 0, 16 } };
    uint32_t seed = 1;

    for (unsigned c = 33; c < 127; c++)
        for (unsigned y = 1; y < 13; y++) {
            seed = seed * 1664525u + 1013904223u;
            font.glyphs[c][y] = (uint8_t)(seed >> 24) & 0x7e & (uint8_t)(seed >> 16);
        }
    return font;
}

static void add(void *ud, struct kiln_face *face)
{
    kiln_fonts_add(ud, face);
}

struct bed {
    struct psf font;
    struct kiln_fonts *fonts;
    struct kiln_text_reader *reader;
    struct kiln_picture p;
    int64_t now_us;
};

static int begin(void **state)
{
    struct bed *b = kiln_xcalloc(1, sizeof(*b));

    b->font = make_font();
    b->fonts = kiln_fonts_new(NULL);
    while (kiln_fonts_load_more(b->fonts)) /* beside whatever this machine has */
        ;
    kiln_font_psf("test", &b->font, sizeof(b->font), add, b->fonts);
    b->reader = kiln_text_reader_new(b->fonts);
    *state = b;
    return 0;
}

static int end(void **state)
{
    struct bed *b = *state;

    kiln_text_reader_free(b->reader);
    kiln_fonts_free(b->fonts);
    kiln_picture_done(&b->p);
    free(b);
    return 0;
}

static void screen(struct bed *b, unsigned width, unsigned height)
{
    kiln_picture_done(&b->p);
    b->p = frame_of(width, height, BLACK);
}

/* As a card draws it; cells are `wide` pixels, 8 or 9. */
static void put(struct bed *b, unsigned wide, unsigned x0, unsigned y0, const char *text,
                uint32_t fg, uint32_t bg)
{
    for (; *text; text++, x0 += wide)
        for (unsigned y = 0; y < 16; y++)
            for (unsigned x = 0; x < wide; x++)
                frame_pixel(&b->p, x0 + x, y0 + y,
                            x < 8 && b->font.glyphs[(unsigned char)*text][y] & 0x80u >> x ? fg
                                                                                          : bg);
}

static bool look(struct bed *b, unsigned y, unsigned rows)
{
    for (size_t i = 3; i < (size_t)b->p.width * b->p.height * 4; i += 4)
        b->p.rgbx[i] = 0;
    b->now_us += KILN_SECOND(100);
    return kiln_text_read(b->reader,
                          &(struct kiln_text_image){ .rgbx = b->p.rgbx,
                                                     .width = b->p.width,
                                                     .height = b->p.height,
                                                     .stride = (size_t)b->p.width * 4 },
                          y, rows, b->now_us);
}

static bool look_at_all(struct bed *b)
{
    return look(b, 0, b->p.height);
}

static const struct kiln_text *text(const struct bed *b)
{
    return kiln_text_of(b->reader);
}

static void check_row(const struct bed *b, unsigned row, const char *want)
{
    KILN_AUTO_STR got = { 0 };

    assert_true(row < text(b)->rows);
    kiln_text_row(text(b), row, &got);
    assert_string_equal(kiln_str_cstr(&got), want);
}

static const struct kiln_text_cell *cell(const struct bed *b, unsigned column, unsigned row)
{
    return &text(b)->cells[row * text(b)->columns + column];
}

#define PANGRAM "The quick brown fox jumps over the lazy dog. 0123456789"

/* Wherever the grid is, whatever its colours. */
static void finds_the_grid(void **state)
{
    static const struct {
        unsigned w, h, wide, x, y, columns, rows;
    } all[] = {
        { 720, 400, 9, 0, 0, 80, 25 },   { 640, 400, 8, 0, 0, 80, 25 },
        { 1024, 768, 8, 0, 0, 128, 48 }, { 1366, 770, 8, 0, 0, 170, 48 },
        { 800, 600, 8, 2, 10, 99, 36 },  { 1280, 800, 8, 7, 15, 159, 49 },
        { 1024, 768, 9, 3, 0, 113, 48 },
    };
    struct bed *b = *state;

    for (size_t i = 0; i < KILN_COUNT(all); i++) {
        unsigned w = all[i].wide;

        screen(b, all[i].w, all[i].h);
        put(b, w, all[i].x, all[i].y, PANGRAM, GREY, BLACK);
        put(b, w, all[i].x + 2 * w, all[i].y + 20 * 16, "login: ~", WHITE, BLUE);
        put(b, w, all[i].x + 3 * w, all[i].y + 21 * 16, "negative", BLACK, GREY);
        assert_true(look_at_all(b));
        assert_int_equal(text(b)->columns, all[i].columns);
        assert_int_equal(text(b)->rows, all[i].rows);
        assert_int_equal(text(b)->x, all[i].x);
        assert_int_equal(text(b)->y, all[i].y);
        check_row(b, 0, PANGRAM);
        check_row(b, 20, "  login: ~");
        check_row(b, 21, "   negative");
        assert_int_equal(cell(b, 2, 20)->fg, WHITE);
        assert_int_equal(cell(b, 2, 20)->bg, BLUE);
        assert_int_equal(cell(b, 3, 21)->bg, GREY);
        assert_false(look_at_all(b));
    }
}

/* A cursor that is an underline (filled or inverted), a block, or just gone. */
static void cursor_changes_nothing(void **state)
{
    struct bed *b = *state;
    uint64_t generation;

    screen(b, 720, 400);
    put(b, 9, 0, 0, PANGRAM, GREY, BLACK);
    put(b, 9, 0, 16, "ab ", WHITE, BLUE);
    assert_true(look_at_all(b));
    for (unsigned column = 0; column < 3; column++)
        for (unsigned first = 13; first < 15; first++) {
            frame_fill(&b->p, column * 9, 16 + first, 9, 2, WHITE);
            (void)look_at_all(b);
            check_row(b, 1, "ab");
            assert_int_equal(text(b)->cursor_column, column);
            assert_int_equal(text(b)->cursor_row, 1);
            assert_int_equal(cell(b, column, 1)->bg, BLUE);
            generation = text(b)->generation;
            put(b, 9, 0, 16, "ab ", WHITE, BLUE);
            assert_false(look_at_all(b)); /* it blinks: no news */
            assert_int_equal(text(b)->generation, generation);
        }
    put(b, 9, 9, 16, "b", BLUE, WHITE);
    assert_true(look_at_all(b)); /* another colour */
    check_row(b, 1, "ab");
}

static void unknown_is_never_guessed(void **state)
{
    struct bed *b = *state;

    screen(b, 720, 400);
    put(b, 9, 0, 0, PANGRAM, GREY, BLACK);
    put(b, 9, 0, 16, "abcdef", GREY, BLACK);
    frame_pixel(&b->p, 9 + 7, 16 + 8, WHITE);   /* a third colour */
    frame_pixel(&b->p, 18 + 7, 16 + 8, GREY);   /* one dot too many */
    frame_fill(&b->p, 27, 16 + 5, 9, 2, GREY);  /* a bar, but not where cursors are */
    frame_fill(&b->p, 36, 16 + 13, 9, 2, GREY); /* two cursors: none */
    frame_fill(&b->p, 45, 16 + 13, 9, 2, GREY);
    assert_true(look_at_all(b));
    check_row(b, 1, "a\ufffd\ufffd\ufffd\ufffd\ufffd");
    assert_int_equal(cell(b, 1, 1)->code, 0);
    assert_int_equal(text(b)->cursor_row, -1);
}

/* Only the rows that changed, and only they are looked at. */
static void follows_damage(void **state)
{
    struct bed *b = *state;
    uint64_t before;

    screen(b, 640, 400);
    put(b, 8, 0, 0, PANGRAM, GREY, BLACK);
    assert_true(look_at_all(b));
    before = text(b)->generation;
    put(b, 8, 0, 32, "two", GREY, BLACK);
    put(b, 8, 0, 80, "five", GREY, BLACK);
    assert_true(look(b, 40, 1)); /* one line of pixels tells the row */
    check_row(b, 2, "two");
    check_row(b, 5, "");
    assert_true(text(b)->generation > before);
    for (unsigned row = 0; row < text(b)->rows; row++)
        assert_int_equal(text(b)->row_changed[row] > before, row == 2);
    assert_true(look(b, 31, 369));
    check_row(b, 5, "five");
    assert_false(look(b, 0, 0));
    assert_false(look(b, 399, 1));
}

/* From one kind of screen to another, and to pictures. */
static void follows_the_guest(void **state)
{
    struct bed *b = *state;
    uint64_t before;

    screen(b, 800, 600);
    assert_false(look_at_all(b)); /* black */
    assert_int_equal(text(b)->rows, 0);
    put(b, 8, 2, 10, PANGRAM, GREY, BLACK);
    assert_true(look_at_all(b));
    check_row(b, 0, PANGRAM);
    screen(b, 800, 600);
    assert_true(look_at_all(b)); /* all is gone, but not the grid */
    assert_int_equal(text(b)->x, 2);
    put(b, 8, 0, 0, PANGRAM, GREY, BLACK);
    put(b, 8, 0, 16, PANGRAM, GREY, BLACK);
    before = text(b)->generation;
    assert_true(look_at_all(b));
    assert_int_equal(text(b)->x, 0);
    assert_true(text(b)->grid_changed > before);
    check_row(b, 1, PANGRAM);
    for (unsigned i = 0; i < 800 * 600; i++)
        frame_pixel(&b->p, i % 800, i / 800, i * 2654435761u >> 8);
    assert_true(look_at_all(b));
    assert_int_equal(text(b)->rows, 0);
    for (unsigned i = 0; i < 800 * 600; i++) /* two colours, but no letters */
        frame_pixel(&b->p, i % 800, i / 800, i * 2654435761u >> 31 ? WHITE : BLACK);
    assert_false(look_at_all(b));
    screen(b, 7, 15);
    assert_false(look_at_all(b));
    screen(b, 1, 1);
    assert_false(look_at_all(b));
}

/* A search costs time: not in every frame, but not forgotten either. */
static void searches_now_and_then(void **state)
{
    struct bed *b = *state;
    struct kiln_text_image image;

    screen(b, 640, 400);
    frame_fill(&b->p, 9, 9, 50, 50, GREY);
    assert_false(look_at_all(b));
    put(b, 8, 0, 0, PANGRAM, GREY, BLACK);
    frame_fill(&b->p, 0, 17, 100, 100, BLACK);
    image = (struct kiln_text_image){ b->p.rgbx, 640, 400, (size_t)640 * 4 };
    for (size_t i = 3; i < (size_t)640 * 400 * 4; i += 4)
        b->p.rgbx[i] = 0;
    assert_false(kiln_text_read(b->reader, &image, 0, 400, b->now_us + 1));
    assert_true(kiln_text_due(b->reader) > b->now_us);
    assert_true(kiln_text_read(b->reader, &image, 0, 0, kiln_text_due(b->reader)));
    check_row(b, 0, PANGRAM);
    assert_true(kiln_text_due(b->reader) == KILN_NEVER);
}

static void copies(void **state)
{
    struct kiln_text copy = { 0 };
    struct bed *b = *state;
    KILN_AUTO_STR all = { 0 };

    kiln_text_copy(&copy, text(b));
    assert_int_equal(copy.rows, 0);
    screen(b, 720, 400);
    put(b, 9, 0, 0, PANGRAM, GREY, BLACK);
    put(b, 9, 0, 32, "x", GREY, BLACK);
    (void)look_at_all(b);
    kiln_text_copy(&copy, text(b));
    assert_true(kiln_text_forget(b->reader));
    kiln_text_all(&copy, &all);
    assert_string_equal(kiln_str_cstr(&all), PANGRAM "\n\nx");
    kiln_text_copy(&copy, text(b));
    assert_int_equal(copy.rows, 0);
    kiln_text_done(&copy);
}

/* ---- fonts ---- */

static void count(void *ud, struct kiln_face *face)
{
    ++*(int *)ud;
    kiln_face_free(face);
}

static void keep(void *ud, struct kiln_face *face)
{
    *(struct kiln_face **)ud = face;
}

/* Of characters that look the same, the more common; of negatives, both. */
static void faces(void **state)
{
    struct kiln_bitmap upper = { 0 }, lower = { 0 }, letter = { { 0, 0x1800, 0x2400, 0x1800 } };
    struct kiln_face *f = kiln_face_new("x", 8, 16);
    const struct kiln_glyph *g;

    (void)state;
    for (unsigned y = 0; y < 16; y++)
        *(y < 8 ? &upper.rows[y] : &lower.rows[y]) = 0xff00;
    assert_null(kiln_face_new("x", 17, 16));
    assert_null(kiln_face_new("x", 8, 33));
    assert_null(kiln_face_find(f, &letter));
    kiln_face_add(f, &letter, 0x43e, 0); /* Cyrillic */
    kiln_face_add(f, &letter, 'o', 1);
    kiln_face_add(f, &letter, 0xba, 2);
    kiln_face_add(f, &lower, 0x2584, 0xdc);
    kiln_face_add(f, &upper, 0x2580, 0xdf);
    kiln_face_add(f, &letter, 7, 3); /* nobody prints that */
    kiln_face_add(f, &(struct kiln_bitmap){ 0 }, 'x', 4);
    assert_int_equal(f->n, 3);
    assert_int_equal(kiln_face_find(f, &letter)->code, 'o');
    g = kiln_face_find(f, &upper);
    assert_int_equal(g->code, 0x2584);
    assert_false(kiln_face_is(f, g, &upper));
    assert_int_equal(f->glyphs[g->negative - 1].code, 0x2580);
    letter.rows[0] = 0x8000;
    assert_null(kiln_face_find(f, &letter));
    kiln_face_free(f);
}

static void broken_fonts(void **state)
{
    struct bed *b = *state;
    uint8_t *d = (uint8_t *)&b->font;
    int n = 0;

    for (size_t len = 0; len < sizeof(b->font); len += len < 64 ? 1 : 97)
        kiln_font_psf("x", d, len, count, &n);
    assert_int_equal(n, 0);
    d[3] = 200;
    kiln_font_psf("x", d, sizeof(b->font), count, &n);
    d[3] = 0;
    kiln_font_psf("x", d, sizeof(b->font), count, &n);
    assert_int_equal(n, 0);
    kiln_font_pf2("x", "FILE\0\0\0\4PFF2CHIX\xff\xff\xff\xff", 20, count, &n);
    kiln_font_uefi(" ", 1, count, &n);
    kiln_font_vga("x", d, sizeof(b->font), count, &n);
    assert_int_equal(n, 0);
}

static void psf2_with_table(void **state)
{
    static const uint8_t file[] = { 0x72, 0xb5, 0x4a, 0x86, 0, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 2,
                                    0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 0, 12, 0, 0, 0,
                                    /* 12x8 */
                                    1, 0x10, 2, 0x20, 4, 0x40, 8, 0x80, 1, 0, 2, 0, 4, 0, 8, 0,
                                    0xff, 0xf0, 0x80, 0x10, 0x80, 0x10, 0x80, 0x10, 0x80, 0x10,
                                    0x80, 0x10, 0x80, 0x10, 0xff, 0xff,
                                    /* е and e, then a sequence; a box */
                                    0xd0, 0xb5, 'e', 0xfe, 'e', 0xcc, 0x81, 0xff, 0xe2, 0x96, 0xa1,
                                    0xff };
    static const struct kiln_bitmap first = { { 0x0110, 0x0220, 0x0440, 0x0880, 0x0100, 0x0200,
                                                0x0400, 0x0800 } };
    static const struct kiln_bitmap box = { { 0xfff0, 0x8010, 0x8010, 0x8010, 0x8010, 0x8010,
                                              0x8010, 0xfff0 } };
    struct kiln_face *f = NULL;

    (void)state;
    kiln_font_psf("x", file, sizeof(file), keep, &f);
    assert_non_null(f);
    assert_int_equal(f->width, 12);
    assert_int_equal(f->height, 8);
    assert_int_equal(f->n, 2);
    assert_int_equal(kiln_face_find(f, &first)->code, 'e');
    assert_int_equal(kiln_face_find(f, &box)->code, 0x25a1);
    kiln_face_free(f);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    static const struct CMUnitTest tests[] = {
        T(finds_the_grid),
        T(cursor_changes_nothing),
        T(unknown_is_never_guessed),
        T(follows_damage),
        T(follows_the_guest),
        T(searches_now_and_then),
        T(copies),
        T(faces),
        T(broken_fonts),
        T(psf2_with_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
