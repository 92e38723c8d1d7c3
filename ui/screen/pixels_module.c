/* libchafa (1.12 and later). */
#include "ui/screen/pixels.h"

#include <assert.h>
#include <chafa.h>

#include "base/limits.h"

#define PIXEL      4
#define FIRST_CUBE 16 /* of the 256 colours: a cube of 6 x 6 x 6, then greys */
#define FIRST_GREY 232
#define CUBE       6

/* ---- cells ---- */

static ChafaSymbolTags tags_of(enum kiln_symbols symbols)
{
    const int half = CHAFA_SYMBOL_TAG_SPACE | CHAFA_SYMBOL_TAG_SOLID | CHAFA_SYMBOL_TAG_HALF;

    switch (symbols) {
    case KILN_SYMBOLS_ASCII:
        return (ChafaSymbolTags)(CHAFA_SYMBOL_TAG_SPACE | CHAFA_SYMBOL_TAG_ASCII);
    case KILN_SYMBOLS_HALF:
        return (ChafaSymbolTags)half;
    case KILN_SYMBOLS_QUAD:
        return (ChafaSymbolTags)(half | CHAFA_SYMBOL_TAG_QUAD);
    case KILN_SYMBOLS_SEXTANT:
        return (ChafaSymbolTags)(half | CHAFA_SYMBOL_TAG_QUAD | CHAFA_SYMBOL_TAG_SEXTANT);
    }
    return CHAFA_SYMBOL_TAG_SPACE;
}

static ChafaCanvasMode mode_of(int colors)
{
    if (colors > 256)
        return CHAFA_CANVAS_MODE_TRUECOLOR;
    if (colors == 256)
        return CHAFA_CANVAS_MODE_INDEXED_240; /* not the 16 that the user may have changed */
    if (colors >= 16)
        return CHAFA_CANVAS_MODE_INDEXED_16;
    return colors >= 8 ? CHAFA_CANVAS_MODE_INDEXED_8 : CHAFA_CANVAS_MODE_FGBG_BGFG;
}

static ChafaCanvas *new_canvas(ChafaPixelMode pixels, ChafaCanvasMode mode, ChafaSymbolMap *symbols,
                               int cols, int rows)
{
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    ChafaCanvas *canvas;

    chafa_canvas_config_set_pixel_mode(config, pixels);
    chafa_canvas_config_set_canvas_mode(config, mode);
    chafa_canvas_config_set_geometry(config, cols, rows);
    chafa_canvas_config_set_cell_geometry(config, 1, 1);
    chafa_canvas_config_set_dither_mode(config, CHAFA_DITHER_MODE_NONE);
    chafa_canvas_config_set_work_factor(config, 0.8F);
    /* It stretches the contrast of the whole picture: rows would depend on each other. */
    chafa_canvas_config_set_preprocessing_enabled(config, FALSE);
    if (symbols)
        chafa_canvas_config_set_symbol_map(config, symbols);
    canvas = chafa_canvas_new(config);
    chafa_canvas_config_unref(config);
    return canvas;
}

/* One of the 240 fixed colours as xterm defines them. */
static uint32_t fixed_color(int i)
{
    static const uint32_t level[CUBE] = { 0x00, 0x5f, 0x87, 0xaf, 0xd7, 0xff };
    unsigned n;

    if (i >= FIRST_GREY)
        return KILN_COLOR_RGB(0x010101u * (8u + 10u * (unsigned)(i - FIRST_GREY)));
    n = (unsigned)(i - FIRST_CUBE);
    return KILN_COLOR_RGB(level[n / (CUBE * CUBE)] << 16 | level[n / CUBE % CUBE] << 8 |
                          level[n % CUBE]);
}

static uint32_t color(int raw, int colors)
{
    if (raw < 0)
        return KILN_COLOR_DEFAULT;
    if (colors > 256)
        return KILN_COLOR_RGB((uint32_t)raw & 0xffffffu);
    if (colors == 256)
        return raw >= FIRST_CUBE && raw < 256 ? fixed_color(raw) : KILN_COLOR_DEFAULT;
    return colors >= 8 ? KILN_COLOR_ANSI((uint32_t)raw & 15u) : KILN_COLOR_DEFAULT;
}

static struct kiln_cell cell_at(ChafaCanvas *canvas, int x, int y, int colors)
{
    struct kiln_cell cell = { .ch = chafa_canvas_get_char_at(canvas, x, y) };
    int fg, bg;

    chafa_canvas_get_raw_colors_at(canvas, x, y, &fg, &bg);
    cell.style.fg = color(fg, colors);
    cell.style.bg = color(bg, colors);
    if (colors < 8 && bg >= 0) /* without colours: the pens are swapped */
        cell.style.attr = KILN_ATTR_REVERSE;
    return cell;
}

static void cells(const struct kiln_picture *p, enum kiln_symbols symbols, int colors, int cols,
                  int rows, struct kiln_cell *ret)
{
    ChafaSymbolMap *map = chafa_symbol_map_new();
    ChafaCanvas *canvas;

    assert(cols > 0 && rows > 0 && cols <= KILN_CANVAS_MAX && rows <= KILN_CANVAS_MAX);
    chafa_symbol_map_add_by_tags(map, tags_of(symbols));
    canvas = new_canvas(CHAFA_PIXEL_MODE_SYMBOLS, mode_of(colors), map, cols, rows);
    chafa_symbol_map_unref(map);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED, p->rgbx, (int)p->width,
                                 (int)p->height, (int)p->width * PIXEL);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++)
            *ret++ = cell_at(canvas, x, y, colors);
    chafa_canvas_unref(canvas);
}

/* ---- sixel ---- */

static void sixel(const struct kiln_picture *p, struct kiln_str *out)
{
    ChafaTermInfo *info = chafa_term_db_get_fallback_info(chafa_term_db_get_default());
    ChafaCanvas *canvas = new_canvas(CHAFA_PIXEL_MODE_SIXELS, CHAFA_CANVAS_MODE_TRUECOLOR, NULL,
                                     (int)p->width, (int)p->height);
    GString *text;

    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED, p->rgbx, (int)p->width,
                                 (int)p->height, (int)p->width * PIXEL);
    text = chafa_canvas_print(canvas, info);
    kiln_str_add(out, text->str, text->len);
    (void)g_string_free(text, TRUE);
    chafa_canvas_unref(canvas);
    chafa_term_info_unref(info);
}

const struct kiln_pixels_ops kiln_pixels_ops = { .cells = cells, .sixel = sixel };
