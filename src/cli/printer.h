/*
 * The plain client: events as lines for people, or as -machine-readable records. Prints each event
 * at once. Prompts are asked on the controlling terminal. Lives in the supervisor's process and
 * thread. Source of the forms: packer-core.md, section 2.
 */
#ifndef KILN_CLI_PRINTER_H
#define KILN_CLI_PRINTER_H

#include "run/supervisor.h"

struct kiln_printer_options {
    bool color;   /* -color */
    bool stamps;  /* -timestamp-ui */
    bool machine; /* -machine-readable */
    bool patient; /* outlet.h; not within a supervisor */
};

struct kiln_printer;

struct kiln_printer *kiln_printer_new(const struct kiln_printer_options *options);
void kiln_printer_free(struct kiln_printer *p);
extern const struct kiln_client_ops kiln_printer_client; /* ud = struct kiln_printer */

/** Is there a terminal that a prompt could be asked on? */
bool kiln_printer_has_tty(void);

#endif
