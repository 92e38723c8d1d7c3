/* What the event encoder and decoder share: the members of the JSON object. Private to engine/. */
#ifndef KILN_ENGINE_EVENT_WIRE_H
#define KILN_ENGINE_EVENT_WIRE_H

#include <stddef.h>

#include "engine/event.h"

enum kiln_wire_kind {
    KILN_WIRE_STRING, /* const char * */
    KILN_WIRE_TEXT,   /* text and len */
    KILN_WIRE_NAMES,  /* const struct kiln_strv * */
    KILN_WIRE_I64,
    KILN_WIRE_U64,
    KILN_WIRE_U32,
    KILN_WIRE_BOOL,
    KILN_WIRE_TYPE,
    KILN_WIRE_LEVEL,
};

struct kiln_wire_member {
    const char *key;
    size_t offset; /* in struct kiln_event */
    enum kiln_wire_kind kind;
    bool verbatim; /* ours, not redacted */
};

#define KILN_WIRE_MEMBERS 21
extern const struct kiln_wire_member kiln_wire_members[KILN_WIRE_MEMBERS];

extern const char *const kiln_wire_types[KILN_EV__N];
#define KILN_WIRE_LEVELS (KILN_PLAIN + 1)
extern const char *const kiln_wire_levels[KILN_WIRE_LEVELS];

#endif
