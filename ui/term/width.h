/*
 * How many columns a character takes on a terminal. Not wcwidth(): that depends on the process's
 * locale, and the terminal's is what counts. Pure.
 */
#ifndef KILN_UI_WIDTH_H
#define KILN_UI_WIDTH_H

#include <stdbool.h>
#include <stdint.h>

/** C0, DEL, C1, surrogates, no Unicode at all: never sent to a terminal. */
bool kiln_char_is_control(uint32_t ch);
/** 0 (combining, invisible, direction marks, controls), 1 or 2. */
int kiln_char_width(uint32_t ch);

#endif
