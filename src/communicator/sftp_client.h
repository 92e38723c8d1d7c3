/*
 * The client's half of SFTP: requests out, answers in, matched by their number. Callers queue
 * requests, each with a function for its answer, and let kiln_sftp_turn() do the waiting. Answer
 * functions run while it does, and only take note.
 */
#ifndef KILN_COMMUNICATOR_SFTP_CLIENT_H
#define KILN_COMMUNICATOR_SFTP_CLIENT_H

#include "base/str.h"
#include "communicator/channel.h"

#define KILN_SFTP_REQUESTS 64           /* under way at once */
#define KILN_SFTP_BLOCK    (32u << 10)  /* what every server takes in one read or write */
#define KILN_SFTP_QUEUE    (256u << 10) /* bytes of requests worth a flush */

enum kiln_sftp_type {
    KILN_SFTP_INIT = 1,
    KILN_SFTP_VERSION = 2,
    KILN_SFTP_OPEN = 3,
    KILN_SFTP_CLOSE = 4,
    KILN_SFTP_READ = 5,
    KILN_SFTP_WRITE = 6,
    KILN_SFTP_FSTAT = 8,
    KILN_SFTP_SETSTAT = 9,
    KILN_SFTP_FSETSTAT = 10,
    KILN_SFTP_MKDIR = 14,
    KILN_SFTP_STAT = 17,
    KILN_SFTP_STATUS = 101,
    KILN_SFTP_HANDLE = 102,
    KILN_SFTP_DATA = 103,
    KILN_SFTP_ATTRS = 105,
};
enum kiln_sftp_status { KILN_SFTP_OK = 0, KILN_SFTP_EOF = 1, KILN_SFTP_NO_SUCH_FILE = 2 };

struct kiln_sftp;

/* An answer; all borrowed for the call. */
struct kiln_sftp_answer {
    enum kiln_sftp_type type;
    uint32_t status;  /* STATUS */
    const char *data; /* HANDLE: the handle; DATA: the bytes; STATUS: the server's words */
    size_t len;
    uint64_t size; /* ATTRS: UINT64_MAX if not told */
    uint32_t mode; /* ATTRS: 0 if not told */
};
/* `ud` and the numbers are those of kiln_sftp_send. An answer that is an error for the whole
 * transfer goes to kiln_sftp_fail. */
typedef void kiln_sftp_answered(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                                const struct kiln_sftp_answer *a);

struct kiln_sftp {
    struct kiln_channel *ch;
    struct kiln_cancel *cancel;
    struct kiln_str in, out;
    struct kiln_str sending; /* what was `out`: answers that come meanwhile may ask more */
    struct kiln_err err;     /* the first failure ends everything */
    bool ready;              /* VERSION has come */
    bool answered;           /* something has come since the turn began */
    size_t start;            /* of the request that is being made, in out */
    unsigned under_way;
    uint32_t next_id;
    struct {
        kiln_sftp_answered *answered; /* NULL: free */
        void *ud;
        uint64_t offset;
        uint32_t id, len;
    } requests[KILN_SFTP_REQUESTS];
};

/** Take the channel over and agree on a version. */
bool kiln_sftp_begin(struct kiln_sftp *s, struct kiln_channel *ch, struct kiln_cancel *c,
                     struct kiln_err *err);
void kiln_sftp_end(struct kiln_sftp *s);

/** Is there room for another request? */
bool kiln_sftp_has_room(const struct kiln_sftp *s);

/** The parts of a request, in the order of the draft. Begin; add what belongs to it; send. */
void kiln_sftp_request(struct kiln_sftp *s, enum kiln_sftp_type type);
void kiln_sftp_add_u32(struct kiln_sftp *s, uint32_t value);
void kiln_sftp_add_u64(struct kiln_sftp *s, uint64_t value);
void kiln_sftp_add_string(struct kiln_sftp *s, const void *data, size_t len);
/** Attributes that hold nothing but permission bits. */
void kiln_sftp_add_mode(struct kiln_sftp *s, uint32_t mode);
/** There must be room. offset, len: for the answer function. */
void kiln_sftp_send(struct kiln_sftp *s, kiln_sftp_answered *answered, void *ud, uint64_t offset,
                    uint32_t len);

/** Write what is queued, without waiting for answers: for much data, so that memory stays small. */
bool kiln_sftp_flush(struct kiln_sftp *s, struct kiln_err *err);
/** Write what is queued; then, unless something was answered meanwhile, wait for movement. */
bool kiln_sftp_turn(struct kiln_sftp *s, struct kiln_err *err);

/** Note a failure: `PATH: file does not exist` … */
void kiln_sftp_fail(struct kiln_sftp *s, const char *path, const struct kiln_sftp_answer *a);
/** `~/x` is x: the server starts in the home directory. In path. */
const char *kiln_sftp_path(const char *path);

#endif
