/*
 * What the template says about keys, made into commands: its rows (one, or those of boot_steps),
 * and the values that their {{ }} are rendered with. Shared by the script that is typed
 * (boot_script.h) and by the rehearsal, which types nothing.
 */
#ifndef KILN_BUILDER_QEMU_BOOT_TEXT_H
#define KILN_BUILDER_QEMU_BOOT_TEXT_H

#include "bootcmd/bootcmd.h"
#include "builder/qemu/qemu.h"

/* It points into itself: it stays where it was initialised. */
struct kiln_boot_text {
    struct kiln_interp interp;
    struct kiln_strmap data, build;   /* what interp reads: {{ .K }}, {{ build `K` }} */
    const struct kiln_layout *layout; /* borrowed: the guest's keyboard; NULL: us */
};

/** Borrows from the build what does not change: its variables. No values yet. */
void kiln_boot_text_init(struct kiln_boot_text *t, struct kiln_build *b);
void kiln_boot_text_done(struct kiln_boot_text *t);

/** Copy what {{ }} may ask for: addresses and names from the state, the rest from generated data.
 */
void kiln_boot_text_values(struct kiln_boot_text *t, const struct kiln_qemu_state *s,
                           const struct kiln_strmap *data);

/** Render and parse lines; events that help to spell a secret, in any encoding, are masked. */
bool kiln_boot_text_command(const struct kiln_boot_text *t, const struct kiln_strv *lines,
                            const struct kiln_strv *secrets, struct kiln_bootcmd *ret,
                            struct kiln_err *err);

/** Do the regexes of all waits compile? Those with {{ in them are not known yet. A note each. */
bool kiln_boot_text_regexes(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes,
                            struct kiln_err *err);

size_t kiln_boot_text_rows(const struct kiln_qemu_options *o); /* 0: boot_steps are all empty */
/** The lines of a row, added to *ret. Returns its description, "" if it has none; borrowed. */
const char *kiln_boot_text_row(const struct kiln_qemu_options *o, size_t row,
                               struct kiln_strv *ret);
/** Is this word in any of the rows, as the template has them? */
bool kiln_boot_text_uses(const struct kiln_qemu_options *o, const char *word);
/** It asks for a port or an address of a server that there is not: HTTPPort will be 0. */
bool kiln_boot_text_lacks_server(const struct kiln_qemu_options *o);
#define KILN_BOOT_TEXT_NO_SERVER                                                                   \
    "the boot command asks for {{ .HTTPPort }}, which is 0: there is no HTTP server without "      \
    "http_directory or http_content"
/** The pause after each key. *ret_closed_loop: nobody says how long it is, so keys go out as fast
 * as the guest takes them (boot_pace.h), and this is about how fast that is. */
int64_t kiln_boot_text_interval_ns(const struct kiln_qemu_options *o, bool *ret_closed_loop);

#endif
