/*
 * Places of a build where it can be stopped, and their text form, which -break, the control
 * protocol and the console share. Pure.
 *
 *     [BUILD/]PLACE        BUILD: a label or a pattern with * (none: every build)
 *
 *     before:NAME  NAME    before a step, provisioner or post-processor; NAME is a step's name
 *     after:NAME           ("stepRun"; case and a leading "step" do not matter: "run"), or a
 *                          provisioner's type or "provisioner" with its number: "shell.2" is the
 *                          second shell provisioner, "provisioner.3" the third of all
 *     boot:E               before element E (1, 2 …) of the boot command is typed
 *     boot:R.E             the same in row R of boot_steps
 *     key:K                before key event K (1, 2 …, pauses do not count)
 *     boot:end             after the last key
 */
#ifndef KILN_ENGINE_PLACE_H
#define KILN_ENGINE_PLACE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum kiln_place_kind {
    KILN_PLACE_BEFORE,
    KILN_PLACE_AFTER,
    KILN_PLACE_ELEMENT,
    KILN_PLACE_KEY,
    KILN_PLACE_BOOT_END,
};

struct kiln_place {
    enum kiln_place_kind kind;
    char *build;    /* owned pattern, NULL: every build */
    char *name;     /* owned; BEFORE, AFTER */
    int64_t number; /* BEFORE, AFTER: the how-manieth, 0: each; ELEMENT, KEY: from 0 */
    int64_t row;    /* ELEMENT: from 0; -1: any */
};

/** USER error with a did-you-mean for the form; names are checked when a build knows them. */
bool kiln_place_parse(const char *spec, struct kiln_place *ret, struct kiln_err *err);
/** The canonical text, without the build. */
void kiln_place_format(const struct kiln_place *p, struct kiln_str *out);
void kiln_place_done(struct kiln_place *p);

#endif
