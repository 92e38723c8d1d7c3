/* The prompt pane: questions and stops of all builds, with named choices. */
#ifndef KILN_UI_PANE_PROMPT_H
#define KILN_UI_PANE_PROMPT_H

#include "ui/model.h"

/** Rows that it would like for what is asked now, at that width; 0: nothing is asked. */
int kiln_prompt_rows(const struct kiln_model *m, int width);

#endif
