#include "engine/event_wire.h"

#define MEMBER(word, wire, member, ours)                                                           \
    {                                                                                              \
        .key = (word), .offset = offsetof(struct kiln_event, member), .kind = KILN_WIRE_##wire,    \
        .verbatim = (ours)                                                                         \
    }
#define M(word, wire, member)    MEMBER(word, wire, member, false)
#define OURS(word, wire, member) MEMBER(word, wire, member, true)

const struct kiln_wire_member kiln_wire_members[KILN_WIRE_MEMBERS] = {
    M("seq", U64, seq),       M("mono", I64, mono_us),    M("wall", I64, wall_us),
    M("type", TYPE, type),    M("build", STRING, build),  M("target", STRING, target),
    M("level", LEVEL, level), M("index", I64, index),     M("status", I64, status),
    M("done", U64, done),     M("total", U64, total),     M("keysym", U32, keysym),
    M("down", BOOL, down),    M("masked", BOOL, masked),  M("name", STRING, name),
    M("id", STRING, id),      OURS("from", STRING, from), OURS("to", STRING, to),
    M("text", TEXT, text),    M("names", NAMES, names),
};

const char *const kiln_wire_types[KILN_EV__N] = {
#define X(id, word, help) [KILN_EV_##id] = (word),
    KILN_EVENTS(X)
#undef X
};

const char *const kiln_wire_levels[KILN_WIRE_LEVELS] = {
    [KILN_SAY] = "say",       [KILN_MESSAGE] = "message", [KILN_ERRLINE] = "error",
    [KILN_OUTPUT] = "output", [KILN_PLAIN] = "plain",
};
