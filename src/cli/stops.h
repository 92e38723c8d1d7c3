/* A stopped build (STOP event) as a question on the terminal. Pure. */
#ifndef KILN_CLI_STOPS_H
#define KILN_CLI_STOPS_H

#include "engine/event.h"

/** "Stopped before step stepRun. [c] continue (Enter), [n] next step …:"; appended. */
void kiln_stop_question(const struct kiln_event *ev, struct kiln_str *out);
/** The command that an answer means: a letter of the question, or a command's name; the empty one
 *  continues. NULL: none of those that `commands` (of the STOP event) has. */
const char *kiln_stop_command(const char *answer, const struct kiln_strv *commands);

#endif
