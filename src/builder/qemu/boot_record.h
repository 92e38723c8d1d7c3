/*
 * The command `record`: a person drives the guest by hand (`key`), and what he does becomes
 * elements of a boot command (bootcmd/record.h), which `record` events tell. The build stands
 * meanwhile and the guest runs. The recording is the worker's: a console that loses its connection
 * loses nothing of it, and any other can end it.
 *
 * Rows of the screen come in as events show them: one with a secret in it is never waited for.
 *
 * Threads: the screen's tells what is written there, the reader's the keys and the command, the
 * main thread makes and frees it. One lock over the recording; the bus comes behind it.
 */
#ifndef KILN_BUILDER_QEMU_BOOT_RECORD_H
#define KILN_BUILDER_QEMU_BOOT_RECORD_H

#include "builder/qemu/qemu.h"

struct kiln_boot_record;
struct kiln_text;

/** Borrows s and b. The command is obeyed from now on. */
struct kiln_boot_record *kiln_boot_record_new(struct kiln_qemu_state *s, struct kiln_build *b);
/** The guest is about to go: no command is obeyed any more, and a recording is over. */
void kiln_boot_record_close(struct kiln_boot_record *br); /* NULL is fine */
void kiln_boot_record_free(struct kiln_boot_record *br);  /* once closed; NULL is fine */

/** The guest's screen says this now. */
void kiln_boot_record_text(struct kiln_boot_record *br, const struct kiln_text *text);
/** A person's key. */
void kiln_boot_record_key(struct kiln_boot_record *br, uint32_t keysym, bool down);
/** All keys of people were let go. */
void kiln_boot_record_release(struct kiln_boot_record *br);

#endif
