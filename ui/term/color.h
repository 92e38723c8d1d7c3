/* Exact colours brought down to what a terminal has. Pure. */
#ifndef KILN_UI_COLOR_H
#define KILN_UI_COLOR_H

#include <stdint.h>

/** @color as in ui/term/canvas.h; returns DEFAULT, ANSI(0..255), or RGB if `colors` is 1 << 24. */
uint32_t kiln_color_map(uint32_t color, int colors);

#endif
