/* Steps of the model as places of the protocol (engine/place.h). Pure. */
#ifndef KILN_UI_PLACES_H
#define KILN_UI_PLACES_H

#include "ui/model.h"

/** "before:stepRun", "after:provisioner.2"; caller frees. */
char *kiln_step_place(const struct kiln_model_build *b, enum kiln_place_list list, size_t i,
                      bool after);
/** The breakpoint that stops there, as it was written; NULL: none. */
const char *kiln_step_break(const struct kiln_model_build *b, enum kiln_place_list list, size_t i,
                            bool after);

/** Is there a breakpoint at that place, however it or the place is written? */
bool kiln_place_has_break(const struct kiln_model_build *b, const char *place);

#endif
