/*
 * One build: what the template asks for, prepared (supervisor), and its running state (worker).
 *
 * The supervisor makes builds with kiln_build_prepare(); after fork the worker sets the run-time
 * part and calls kiln_build_run(). Worker's main thread unless a function says otherwise.
 */
#ifndef KILN_ENGINE_BUILD_H
#define KILN_ENGINE_BUILD_H

#include "engine/component.h"
#include "engine/event.h"
#include "engine/ledger.h"
#include "template/template.h"

enum kiln_on_error {
    KILN_ON_ERROR_CLEANUP,
    KILN_ON_ERROR_ABORT,
    KILN_ON_ERROR_ASK,
    KILN_ON_ERROR_RUN_CLEANUP_PROVISIONER
};

struct kiln_build_options {
    bool debug, force;
    enum kiln_on_error on_error;
    struct kiln_strv except; /* -except: builds, and post-processors to stop at */
    bool interactive;        /* somebody can answer prompts */
    bool network_ok;
    bool builder_only; /* prepare no provisioner and no post-processor */
    bool freeze;       /* halt the guest while a question is open (debugger.h) */
    /* Keep the guest as it is before anything is typed, to go back to (rewind.h). */
    bool checkpoint;
    struct kiln_strv breaks; /* -break: specs (place.h) that are well-formed */
};

struct kiln_build_provisioner {
    const struct kiln_provisioner_ops *ops;
    const struct kiln_component *decl;
    void *cfg; /* owned; ops->cfg_size bytes */
    int64_t max_retries;
};
struct kiln_build_postprocessor {
    const struct kiln_postprocessor_ops *ops;
    const struct kiln_component *decl;
    void *cfg;
};
struct kiln_build_sequence {
    struct kiln_build_postprocessor *items; /* owned */
    size_t n;
};

struct kiln_control;  /* control.h */
struct kiln_debugger; /* debugger.h */
struct kiln_ladder;   /* ladder.h */
struct kiln_prompter; /* how prompts reach a person; run/ implements it */
struct kiln_rewind;   /* rewind.h */
struct kiln_steps;    /* the step runner's state; step.h */

struct kiln_build {
    /* -- set by kiln_build_prepare -- */
    const struct kiln_template *tpl; /* borrowed */
    const struct kiln_component *decl;
    char *name;  /* rendered builder name: build_name, PACKER_BUILD_NAME, manifest */
    char *label; /* what people see: "type.name" if named, else the type */
    const char *type;
    struct kiln_interp interp; /* for provisioners and post-processors; borrows from vars */
    const struct kiln_build_options *options;
    const struct kiln_builder_ops *ops;
    void *cfg;                                   /* owned */
    struct kiln_build_provisioner *provisioners; /* owned; those that apply to this build */
    size_t n_provisioners;
    struct kiln_build_provisioner *cleanup; /* or NULL */
    struct kiln_build_sequence *sequences;
    size_t n_sequences;
    struct kiln_strv secrets; /* from variables and KILN_SECRET options */
    char *run_uuid;           /* PACKER_RUN_UUID */
    const char **data_keys;   /* what {{build `K`}} may ask for; owned array of borrowed names */
    struct kiln_strmap placeholders; /* what {{.K}} of those gives at prepare time */
    /* Breakpoints to begin with, as the supervisor knows them: -break, and what clients set before
     * the worker started. Specs (place.h) that are for this build. */
    struct kiln_strv breaks;

    /* -- set by the worker before kiln_build_run; borrowed -- */
    /* Cleanups of steps see another one that nobody fires, steps that can be gone back over a child
     * (rewind.h). */
    struct kiln_cancel *cancel;
    /* What provisioners wait on instead, while there is a machine that can die under them: a child
     * of `cancel` that its builder fires then. NULL: there is none. */
    struct kiln_cancel *machine_cancel;
    struct kiln_bus *bus;
    struct kiln_ledger *ledger;
    struct kiln_prompter *prompter;
    const char *frames_dir; /* for what is to be kept of the guest's screen; NULL: nothing is */
    const _Atomic bool *audience; /* a client that can answer is there now, even without a terminal;
                                     memory shared with the supervisor; NULL: there never is */
    struct kiln_control *control; /* commands from outside; NULL: none come */
    struct kiln_debugger *debugger; /* NULL: nothing stops */
    struct kiln_rewind *rewind;     /* NULL: nobody goes back */
    const char *target; /* current line prefix; NULL: label. Changed around post-processors */

    /* -- running state -- */
    struct kiln_ladder *ladder;             /* to the guest (ladder.h); NULL: nobody looks */
    struct kiln_strmap data;                /* generated data: ID, Host, PackerHTTPAddr … */
    struct kiln_communicator *communicator; /* NULL until connected; owned by its step */
    struct kiln_steps *steps;               /* while kiln_steps_run is at work */
    _Atomic int64_t progress_us;            /* when kiln_progress last sent */
};

/**
 * Decode and check all components of one builder for the build `name`. Problems go to diag (stamped
 * with the label). NULL if there were errors. What must not be shown of it, nor of its problems, is
 * added to secrets in either case.
 */
struct kiln_build *kiln_build_prepare(const struct kiln_template *t, const struct kiln_vars *vars,
                                      const struct kiln_component *builder, const char *name,
                                      const struct kiln_registry *registry,
                                      const struct kiln_build_options *options, int64_t start_us,
                                      const char *run_uuid, struct kiln_strv *secrets,
                                      struct kiln_diag *diag);
void kiln_build_free(struct kiln_build *b);

/* The results of a build, in the order they are listed. */
struct kiln_results {
    struct kiln_artifact **v; /* owned references */
    size_t n;
};
void kiln_results_done(struct kiln_results *r);

/**
 * Builder, then post-processors. False: the build failed (err; kind CANCELLED if it was stopped),
 * artifacts that survive may still be in *ret.
 *
 * It tells the whole story itself: the build's secrets go to the bus first, then BUILD_START, …,
 * one ARTIFACT for each result of a good build, and BUILD_END. A finished builder's output is
 * dropped from the ledger before the first post-processor runs. A post-processor that fails costs
 * nobody the builder's artifact: it stays, and the error says where.
 */
bool kiln_build_run(struct kiln_build *b, struct kiln_results *ret, struct kiln_err *err);

/**
 * Run all provisioners with their wrappers (pause_before, timeout, retries, debug pauses). Called
 * by builders, inside their provisioning step. `comm` NULL: "No communicator found…".
 */
bool kiln_build_provision(struct kiln_build *b, struct kiln_communicator *comm,
                          struct kiln_err *err);
/** The error-cleanup-provisioner, if any; says so first. `cause`: the text of the build's error. */
bool kiln_build_cleanup_provision(struct kiln_build *b, struct kiln_communicator *comm,
                                  const char *cause, struct kiln_err *err);

/* ---- lines; any thread ---- */
void kiln_say(struct kiln_build *b, const char *fmt, ...) KILN_PRINTF(2, 3);
void kiln_message(struct kiln_build *b, const char *fmt, ...) KILN_PRINTF(2, 3);
void kiln_error(struct kiln_build *b, const char *fmt, ...) KILN_PRINTF(2, 3);
/** Complete lines of a program, \n between them: stdout (KILN_OUTPUT) or stderr (KILN_ERRLINE).
 *  Raw bytes of a program go through output.h instead. */
void kiln_output(struct kiln_build *b, enum kiln_level level, const char *text, size_t len);
/** done of total bytes; total 0 = unknown. Sent at most 10 times a second, and always at the
 *  beginning (done 0) and the end (done == total: say so even if it was not known before). */
void kiln_progress(struct kiln_build *b, const char *name, uint64_t done, uint64_t total);
void kiln_emit(struct kiln_build *b, struct kiln_event *ev); /* any other event */
/** A value that came to be during the build (password, key) and must never be shown. */
void kiln_build_add_secret(struct kiln_build *b, const char *value);

/* ---- prompts; main thread ---- */
struct kiln_prompt {
    /* Why it is asked, for who sees the question but not the log; NULL: nothing. */
    const char *about;
    const char *text;
    const struct kiln_strv *choices; /* NULL: any line, and an empty one goes on */
    /* KILN_WANTS_SECRET: who types the answer does not see it, and from then on nobody does: it is
     * a secret of the build. */
    const char *wants; /* NULL: a choice; KILN_WANTS_TEXT, KILN_WANTS_SECRET */
};
struct kiln_prompter {
    /* Sends PROMPT and PROMPT_END; blocks until answered, cancelled, or nobody can answer (kind
     * USER, KILN_NOBODY_TO_ASK). b->cancel is paused meanwhile, so a wait on it returns only when
     * it fires: the answer must wake this function by another way. */
    bool (*ask)(struct kiln_prompter *, struct kiln_build *, const struct kiln_prompt *q,
                char **ret_answer, struct kiln_err *);
    /* Answers the question that is open, if one is; NULL: nobody will. Any thread. */
    void (*answer)(struct kiln_prompter *, const char *text);
};
#define KILN_NOBODY_TO_ASK "Error asking for input: no available tty"
/** Is there anybody who could answer? Any thread. */
bool kiln_can_ask(const struct kiln_build *b);
/** Ask a person. The build's clock stands still meanwhile. *ret_answer: caller frees, one line.
 *  Unless kiln_can_ask: kind USER, KILN_NOBODY_TO_ASK. */
bool kiln_ask(struct kiln_build *b, const struct kiln_prompt *q, char **ret_answer,
              struct kiln_err *err);

/* ---- things that provisioners share ---- */
/**
 * The build's interpolation context for run-time rendering, with b->data as both {{.K}} and
 * {{build `K`}}; it borrows from b. kiln_build_provision has put the ERR_… placeholders into
 * b->data by then, if the builder has steps.
 */
struct kiln_interp kiln_build_runtime_interp(struct kiln_build *b);
/** PACKER_BUILD_NAME, PACKER_BUILDER_TYPE, PACKER_HTTP_ADDR/IP/PORT if served. */
void kiln_build_script_env(struct kiln_build *b, struct kiln_strmap *env);

#endif
