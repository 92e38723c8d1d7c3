#include "engine/event_wire.h"

#include <string.h>

#define HEAD_MAX 128 /* "type" stands after three numbers */

#define MEMBER(word, wire, member, ours)                                                           \
    {                                                                                              \
        .key = (word), .offset = offsetof(struct kiln_event, member), .kind = KILN_WIRE_##wire,    \
        .verbatim = (ours)                                                                         \
    }
#define M(word, wire, member)    MEMBER(word, wire, member, false)
#define OURS(word, wire, member) MEMBER(word, wire, member, true)

const struct kiln_wire_member kiln_wire_members[KILN_WIRE_MEMBERS] = {
    M("seq", U64, seq),           M("mono", I64, mono_us),   M("wall", I64, wall_us),
    M("type", TYPE, type),        M("build", STRING, build), M("target", STRING, target),
    M("level", LEVEL, level),     M("index", I64, index),    M("status", I64, status),
    M("done", U64, done),         M("total", U64, total),    M("keysym", U32, keysym),
    M("scancode", U32, scancode), M("down", BOOL, down),     M("masked", BOOL, masked),
    M("name", STRING, name),      M("id", STRING, id),       OURS("from", STRING, from),
    OURS("to", STRING, to),       M("text", TEXT, text),     M("names", NAMES, names),
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

bool kiln_event_peek(const char *line, size_t len, enum kiln_event_type *ret)
{
    static const char key[] = "\"type\":\"";
    const char *end = line + (len < HEAD_MAX ? len : HEAD_MAX), *word, *quote;

    word = memmem(line, (size_t)(end - line), key, sizeof(key) - 1);
    if (!word)
        return false;
    word += sizeof(key) - 1;
    quote = memchr(word, '"', (size_t)(end - word));
    for (unsigned i = 0; quote && i < KILN_EV__N; i++) {
        if (strlen(kiln_wire_types[i]) == (size_t)(quote - word) &&
            memcmp(kiln_wire_types[i], word, (size_t)(quote - word)) == 0) {
            *ret = (enum kiln_event_type)i;
            return true;
        }
    }
    return false;
}
