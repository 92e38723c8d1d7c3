/* <wait 'regex' 90s> and <waitStable 2s>: the typist waits for what the guest's screen shows. */
#ifndef KILN_BUILDER_QEMU_BOOT_WATCH_H
#define KILN_BUILDER_QEMU_BOOT_WATCH_H

#include "builder/qemu/boot_script.h"

/**
 * Until a row of the screen matches, or nothing changed for so long: no text, and where there is
 * none, no more of the picture than cursors and clocks (kiln_screen_wait_change). A row that
 * matches already is enough; letters mind case only if the regex has a capital (base/regex.h).
 *
 * TIMEOUT: the limit passed; the error says what the screen shows and which row is nearest.
 * CANCELLED: the build was. REMOTE: QEMU ended.
 */
bool kiln_boot_watch(struct kiln_qemu_state *s, const struct kiln_boot_element *el,
                     struct kiln_cancel *c, struct kiln_err *err);

#endif
