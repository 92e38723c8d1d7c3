/*
 * What the console knows of a run, made from its events alone (run/client.h gives them for going
 * and for ended runs). Read by panes; changed by kiln_model_event only. One thread.
 */
#ifndef KILN_UI_MODEL_H
#define KILN_UI_MODEL_H

#include "base/strv.h"
#include "engine/event.h"
#include "engine/place.h"
#include "ui/screen/text_screen.h"

enum kiln_model_state { /* of a build, a step */
                        KILN_MODEL_PENDING,
                        KILN_MODEL_RUNNING,
                        KILN_MODEL_STOPPED,
                        KILN_MODEL_DONE,
                        KILN_MODEL_FAILED,
                        KILN_MODEL_CANCELLED,
                        KILN_MODEL_CLEANED,
};

struct kiln_model_step {
    char *name;
    enum kiln_model_state state;
    int64_t start_us, end_us; /* monotonic; 0: not yet */
    bool failed;              /* also once it is CLEANED */
    int tries;                /* how often it was begun */
};

struct kiln_model_place {
    char *text; /* as it was written */
    bool known; /* it says: */
    struct kiln_place at;
};

struct kiln_model_progress { /* the newest one of the step that runs; name NULL: none */
    char *name;
    uint64_t done, total;
    int64_t start_us, now_us; /* of done 0, and of the newest event */
    uint64_t done_at_start;
};

struct kiln_model_boot {    /* one row of the boot command */
    struct kiln_strv lines; /* the template's strings */
    char *text;             /* rendered; NULL: not known yet */
    char *layout;           /* of the guest's keyboard; NULL: us */
    int64_t interval_ns;
    uint64_t next;     /* element that is being sent, or is sent next */
    uint64_t keys;     /* key events of it that were sent */
    bool sending;      /* it has begun: an edit can change what is behind it only */
    uint64_t next_key; /* key events sent in all rows so far */
    bool begun, over;  /* over: the next row has begun */
};

struct kiln_model_prompt {
    int64_t id;
    char *about; /* why it is asked; NULL: nobody said */
    char *text;
    struct kiln_strv choices; /* none where a line is wanted */
    enum { KILN_MODEL_WANTS_CHOICE, KILN_MODEL_WANTS_TEXT, KILN_MODEL_WANTS_SECRET } wants;
};

/* Of the ladder to the guest; what is told as "absent" is not there. */
struct kiln_model_rung {
    char *name, *detail;
    enum { KILN_MODEL_RUNG_UNKNOWN, KILN_MODEL_RUNG_WAITING, KILN_MODEL_RUNG_HOLDS } state;
};
#define KILN_MODEL_RUNGS 16

struct kiln_model_build {
    char *label;
    enum kiln_model_state state;
    int64_t start_us, end_us;
    char *error; /* FAILED */
    struct {
        struct kiln_model_step *v;
        size_t n;
    } lists[KILN_PLACES__N];
    struct kiln_model_progress progress;
    struct kiln_model_boot *boot; /* rows */
    size_t n_boot;
    struct {         /* how the row that is being typed goes out */
        bool blind;  /* nothing shows it */
        bool unread; /* nor does the guest read it */
        unsigned repairs;
    } typing;
    struct kiln_model_prompt *prompts;
    size_t n_prompts;
    struct kiln_model_place *breaks;
    size_t n_breaks;
    struct {
        bool on;
        char *why, *text;
        struct kiln_model_place place;
        struct kiln_strv commands;
        bool halted; /* the guest's CPUs */
    } stop;
    unsigned screen_w, screen_h; /* 0: no screen */
    uint64_t frame;
    struct kiln_text_screen text; /* what is written on it */
    bool recording;               /* somebody drives the guest by hand */
    struct kiln_strv recorded; /* what was made of it so far, or the last time if it may be used */
    struct kiln_model_rung rungs[KILN_MODEL_RUNGS]; /* by number; those without a name: none */
    struct kiln_strv artifacts;                     /* one line each */
};

struct kiln_model {
    char *tpl;
    int64_t start_us, end_us; /* monotonic; 0: not yet */
    struct kiln_model_build *builds;
    size_t n_builds;
    bool over;
    int64_t status;    /* exit code, once over */
    char holder[8];    /* of the controls: you, other, none; "" an ended run */
    int64_t newest_us; /* monotonic stamp of the newest event */
};

void kiln_model_event(struct kiln_model *m, const struct kiln_event *ev);
void kiln_model_clear(struct kiln_model *m); /* as new */
const struct kiln_model_build *kiln_model_find(const struct kiln_model *m, const char *label);
/** The step that types the boot command: builds without one have no guest of ours, so no screen.
 * NULL: there is none, or it is not known yet (no list of steps). */
const struct kiln_model_step *kiln_model_typing_step(const struct kiln_model_build *b);
/** How many rungs there are up to the last that holds; 0: none does. */
size_t kiln_model_height(const struct kiln_model_build *b);
/** A build waits for an answer or stands at a breakpoint. */
bool kiln_model_asks(const struct kiln_model *m);

#endif
