/*
 * Which lines of the log are shown. Text form (`filter` on the command line):
 *
 *     build=NAME step=NAME level=LEVEL[,LEVEL…] text=REGEX
 *
 * each at most once, all must hold. NAME may have * in it and case does not matter; a step is also
 * found without its leading "step" (step=run). text comes last and goes to the end, blanks
 * included. "off", "none" or nothing at all is no filter. One thread.
 */
#ifndef KILN_UI_LOGFILTER_H
#define KILN_UI_LOGFILTER_H

#include "base/err.h"
#include "ui/log/logstore.h"

struct kiln_logfilter;

/** *ret_filter NULL: no filter. USER errors say what would be right. */
bool kiln_logfilter_parse(struct kiln_logfilter **ret_filter, const char *spec,
                          struct kiln_err *err);
void kiln_logfilter_free(struct kiln_logfilter *f);
/** As it was given, without surrounding blanks. */
const char *kiln_logfilter_spec(const struct kiln_logfilter *f);
/** Does it ask for steps, which only the store's index knows? */
bool kiln_logfilter_by_step(const struct kiln_logfilter *f);
bool kiln_logfilter_match(struct kiln_logfilter *f, const struct kiln_logstore *s,
                          const struct kiln_logline *line);
/** Its regular expression took too long too often (base/regex.h): it does not do its work. */
bool kiln_logfilter_given_up(const struct kiln_logfilter *f);

#endif
