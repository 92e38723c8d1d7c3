/*
 * Closed-loop typing: how fast keys go out when the template names no boot_key_interval. Where the
 * guest's screen shows what is typed, characters go as fast as it takes them, a few under way at a
 * time; one that was lost or doubled is seen and repaired with backspaces; and the key that ends a
 * line goes out once the line is right. Where nothing is shown (menus, passwords, pictures), a safe
 * pace. TYPING events tell which.
 *
 *     step_type.c, for each element:  before() … the element's own key events … after()
 *
 * Repairs are not part of the boot command: no KEY event tells of them. Main thread.
 */
#ifndef KILN_BUILDER_QEMU_BOOT_PACE_H
#define KILN_BUILDER_QEMU_BOOT_PACE_H

#include "builder/qemu/boot_script.h"
#include "vm/vnc.h"

struct kiln_pace;

/** Borrows all of it until free. */
struct kiln_pace *kiln_pace_new(struct kiln_qemu_state *s, struct kiln_build *b,
                                struct kiln_vnc *vnc);
void kiln_pace_free(struct kiln_pace *p); /* NULL is fine */

/** Before an element: until the guest can take it; before one that ends a line, until the line is
 *  right. REMOTE: QEMU ended, or VNC; USER: the line cannot be made right; CANCELLED. */
bool kiln_pace_before(struct kiln_pace *p, const struct kiln_boot_element *el,
                      struct kiln_err *err);
/** Behind its last key event. */
bool kiln_pace_after(struct kiln_pace *p, const struct kiln_boot_element *el, struct kiln_err *err);
/** The pause after each of its key events. */
int64_t kiln_pace_interval_us(const struct kiln_pace *p);
/** Others may have typed or moved things meanwhile: a new line begins here. */
void kiln_pace_forget(struct kiln_pace *p);

#endif
