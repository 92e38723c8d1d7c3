/*
 * Places of a build where it can be stopped, and their text form, which -break, the control
 * protocol and the console share. Pure.
 *
 *     [BUILD/]PLACE        BUILD: a label or a pattern with * (none: every build)
 *
 *     before:NAME  NAME    before a step, provisioner or post-processor; NAME is a step's name
 *     after:NAME           ("stepRun"; case and a leading "step" do not matter: "run"), or the type
 *                          of a provisioner or post-processor with its number, counted from 1:
 *                          "shell.2" is the second shell provisioner, "provisioner.3" the third of
 *                          all, "post-processor.1" the first post-processor. No number: each
 *     boot:E               before element E (1, 2 …) of the boot command is typed
 *     boot:R.E             the same in row R (1, 2 …) of boot_steps
 *     key:K                before key event K (1, 2 …, pauses do not count)
 *     boot:end             after the last key
 *     text:REGEX           wherever the build is when this appears in a row of the guest's screen
 *
 * Canonical, as events have it: "before:" or "after:", then the step's name as the plan has it, or
 * "provisioner.N", "post-processor.N" (N - 1 is the index in the PLAN event's names).
 */
#ifndef KILN_ENGINE_PLACE_H
#define KILN_ENGINE_PLACE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

enum kiln_place_kind {
    KILN_PLACE_BEFORE,
    KILN_PLACE_AFTER,
    KILN_PLACE_ELEMENT,
    KILN_PLACE_KEY,
    KILN_PLACE_BOOT_END,
    KILN_PLACE_TEXT,
};

struct kiln_place {
    enum kiln_place_kind kind;
    char *build;    /* owned pattern, NULL: every build */
    char *name;     /* owned; BEFORE, AFTER; TEXT: the regular expression (base/regex.h) */
    int64_t number; /* BEFORE, AFTER: the how-manieth, from 1, 0: each; ELEMENT, KEY: from 0 */
    int64_t row;    /* ELEMENT: from 0; -1: any */
};

/** USER error with a did-you-mean for the form; names are checked when a build knows them. */
bool kiln_place_parse(const char *spec, struct kiln_place *ret, struct kiln_err *err);
/** The canonical text as far as the place alone gives it, without the build; appended. */
void kiln_place_format(const struct kiln_place *p, struct kiln_str *out);
void kiln_place_done(struct kiln_place *p);
bool kiln_place_same(const struct kiln_place *a,
                     const struct kiln_place *b); /* but for the build */

/** Does the place speak of the build with this label? */
bool kiln_place_is_for(const struct kiln_place *p, const char *label);

/* What a build does, in order: what BEFORE and AFTER can name. */
enum kiln_place_list {
    KILN_PLACES_STEPS,
    KILN_PLACES_PROVISIONERS,
    KILN_PLACES_POSTPROCESSORS,
    KILN_PLACES__N
};
struct kiln_places {
    struct kiln_strv names[KILN_PLACES__N]; /* step names, types */
};
void kiln_places_done(struct kiln_places *places);
extern const char *const kiln_place_lists[KILN_PLACES__N]; /* NULL, "provisioner" … as in events */

/** BEFORE, AFTER: does it name entry i of that list? */
bool kiln_place_names(const struct kiln_place *p, const struct kiln_places *places,
                      enum kiln_place_list list, size_t i);
/** The canonical name of entry i: "stepRun", "provisioner.2"; caller frees. */
char *kiln_place_name(const struct kiln_places *places, enum kiln_place_list list, size_t i);
/** For a name that is not there: the nearest that is, as it would be written; NULL: none is near.
 *  Caller frees. */
char *kiln_place_guess(const struct kiln_place *p, const struct kiln_places *places);

#endif
