/* TEXT events: what is written on the guest's screen, for everybody who looks at the run. */
#ifndef KILN_BUILDER_QEMU_SCREEN_TEXT_H
#define KILN_BUILDER_QEMU_SCREEN_TEXT_H

#include "engine/build.h"
#include "vm/text.h"

/**
 * One event for each row that is another than at generation *told, which becomes that of `text`.
 * A secret that goes on in the next row is not shown either: such rows are masked as a whole.
 */
void kiln_screen_text_say(struct kiln_build *b, const struct kiln_text *text, uint64_t *told);
/** Breakpoints on what is written there. */
void kiln_screen_text_check(struct kiln_build *b, const struct kiln_text *text);

#endif
