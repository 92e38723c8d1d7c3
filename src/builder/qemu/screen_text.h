/* TEXT events: what is written on the guest's screen, for everybody who looks at the run. */
#ifndef KILN_BUILDER_QEMU_SCREEN_TEXT_H
#define KILN_BUILDER_QEMU_SCREEN_TEXT_H

#include "engine/build.h"
#include "vm/text.h"

/**
 * One event for each row that is another than at generation *told, which becomes that of `text`.
 * A secret that goes on in the next row is not shown either: such rows are masked as a whole.
 *
 * @typing_secrets  the beginning of one, before the cursor, is masked, too, and one of which keys
 *                  were lost or came twice
 */
void kiln_screen_text_say(struct kiln_build *b, const struct kiln_text *text, bool typing_secrets,
                          uint64_t *told);
/** Its rows as those events show them; a row with a secret is U+FFFD. No text has none. Adds. */
void kiln_screen_text_rows(struct kiln_build *b, const struct kiln_text *text,
                           struct kiln_strv *ret);
/** kiln_text_all for a text that is going to be redacted, as an error's is: that finds no secret
 *  which goes on in the next row, and none of which keys were lost or came twice, so those rows are
 *  masked as a whole. Appended. */
void kiln_screen_text_all(struct kiln_build *b, const struct kiln_text *text, struct kiln_str *out);
/** Breakpoints on what is written there. */
void kiln_screen_text_check(struct kiln_build *b, const struct kiln_text *text);

#endif
