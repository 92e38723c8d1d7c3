/* A progress bar with rate and the time that is left. Pure. */
#ifndef KILN_UI_PROGRESS_H
#define KILN_UI_PROGRESS_H

#include "ui/model.h"
#include "ui/term/canvas.h"

/** From column x of the row to its end; what does not fit is left out. */
void kiln_progress_draw(const struct kiln_model_progress *p, const struct kiln_area *row, int x,
                        struct kiln_style style);

#endif
