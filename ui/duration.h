/* Times and rates as the console shows them. Pure. */
#ifndef KILN_UI_DURATION_H
#define KILN_UI_DURATION_H

#include <stdint.h>

#include "base/str.h"
#include "ui/model.h"

void kiln_duration_short(struct kiln_str *out, int64_t us); /* 0:07, 12:34, 1:02:03 */
void kiln_size_short(struct kiln_str *out, double bytes);   /* 812 B, 4.5 MiB */
const char *kiln_state_word(enum kiln_model_state state);   /* "running" */
/** From its beginning to its end, or to `now_us` (monotonic); 0 before. */
int64_t kiln_build_elapsed_us(const struct kiln_model_build *b, int64_t now_us);
int64_t kiln_step_elapsed_us(const struct kiln_model_step *s, int64_t now_us);

#endif
