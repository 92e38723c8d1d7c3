/*
 * The ladder to the guest: what must come true, one thing after the other, until a provisioner can
 * run a command there. Whoever sees a rung says so; nobody guesses: what kiln cannot know stays
 * UNKNOWN. Every change is one RUNG event (event.h).
 *
 * Any thread. A ladder that is NULL takes everything and says nothing.
 */
#ifndef KILN_ENGINE_LADDER_H
#define KILN_ENGINE_LADDER_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Name on the wire, what it means, and where to look while it is the first that does not hold. */
#define KILN_RUNGS(X)                                                                              \
    X(VM, "vm", "the guest's CPUs run", "what do QEMU's messages say?")                            \
    X(SCREEN, "screen", "the screen has changed within the last minute",                           \
      "does the guest boot at all? Look at its screen")                                            \
    X(ANSWER, "answer-file", "the guest has fetched a file from our HTTP server",                  \
      "the guest did not reach our HTTP server: is the boot command typed right, has the guest "   \
      "got its network?")                                                                          \
    X(ADDRESS, "address", "the guest has an address and uses it",                                  \
      "has the guest a driver for its network card, and does it ask for an address?")              \
    X(PORT, "port", "the SSH port takes connections",                                              \
      "nothing accepted a connection: is the guest up, does it have this address, is an SSH "      \
      "server installed and started, and is ssh_port its port?")                                   \
    X(HTTP, "http", "somebody answers at the WinRM port",                                          \
      "nobody answers: is WinRM on, and the firewall of the guest open?")                          \
    X(BANNER, "banner", "an SSH server has said its name",                                         \
      "no SSH server spoke: did the guest boot (look at its screen), has it got its network, is "  \
      "an SSH server installed and started, and is ssh_port its port?")                            \
    X(HOST_KEY, "host-key", "keys are exchanged",                                                  \
      "an SSH server answered, but the key exchange did not finish: is the guest very slow, or "   \
      "do ssh_ciphers and ssh_key_exchange_algorithms suit the server?")                           \
    X(METHODS, "methods", "the server has said how one may log in",                                \
      "keys were exchanged, but the server never said how to log in: is the guest very slow?")     \
    X(LOGIN, "login", "we are logged in",                                                          \
      "the server let nobody in: are ssh_username, ssh_password and the keys those of the "        \
      "installed system?")                                                                         \
    X(SHELL, "shell", "the guest has run something for us",                                        \
      "we are logged in, but nothing has been run: does the user have a shell?")

enum kiln_rung {
#define X(id, name, means, look) KILN_RUNG_##id,
    KILN_RUNGS(X)
#undef X
        KILN_RUNG__N
};

enum kiln_rung_state {
    KILN_RUNG_ABSENT,  /* there is no such rung in this build */
    KILN_RUNG_UNKNOWN, /* it may hold: kiln cannot tell */
    KILN_RUNG_WAITING, /* it does not hold, or not any more */
    KILN_RUNG_HOLDS,
};

const char *kiln_rung_name(enum kiln_rung rung);
const char *kiln_rung_state_name(enum kiln_rung_state state); /* "absent", "unknown", … */

/* Why PORT is UNKNOWN behind a forwarded port. */
#define KILN_LADDER_FORWARDED "QEMU accepts connections for the guest"

struct kiln_ladder;

/* Called when a rung's state or detail changes, one call at a time; must not call the ladder. */
typedef void kiln_ladder_tell(void *ud, enum kiln_rung rung, enum kiln_rung_state from,
                              enum kiln_rung_state to, const char *detail);

/** All rungs are ABSENT. tell: may be NULL. */
struct kiln_ladder *kiln_ladder_new(kiln_ladder_tell *tell, void *ud);
void kiln_ladder_free(struct kiln_ladder *l); /* NULL is fine */

/** detail: one line for people: what was seen. */
void kiln_ladder_set(struct kiln_ladder *l, enum kiln_rung rung, enum kiln_rung_state state,
                     const char *fmt, ...) KILN_PRINTF(4, 5);
/** As set to HOLDS; what must hold for it (from ADDRESS on) does, then, too. */
void kiln_ladder_reach(struct kiln_ladder *l, enum kiln_rung rung, const char *detail);
/** The rungs from this one to SHELL hold no longer, as far as they did: each is what it was set to
 *  before it held, else WAITING. */
void kiln_ladder_fall(struct kiln_ladder *l, enum kiln_rung rung);
/** A rung that HOLDS is WAITING from now on if nobody has set it for so long. */
void kiln_ladder_expire(struct kiln_ladder *l, enum kiln_rung rung, int64_t us);

enum kiln_rung_state kiln_ladder_state(struct kiln_ladder *l, enum kiln_rung rung);
/** The highest that holds now, or that ever did; KILN_RUNG__N: none. */
enum kiln_rung kiln_ladder_highest(struct kiln_ladder *l, bool ever);

/**
 * A few sentences for people: which rung is the last that holds, since when; which comes next, and
 * where to look; what else was seen. Nothing if there is no ladder.
 */
void kiln_ladder_explain(struct kiln_ladder *l, struct kiln_str *out);

#endif
