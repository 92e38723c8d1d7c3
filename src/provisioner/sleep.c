#include "engine/build.h"
#include "provisioner/provisioners.h"

/* sleep: lets time pass, and says nothing. provision-postprocess.md, section 7. */
struct sleep {
    int64_t duration_ns;
};

static const struct kiln_field fields[] = {
    { "duration", KILN_DURATION, offsetof(struct sleep, duration_ns),
      .help = "How long; a bare number is nanoseconds." },
    { 0 },
};

static const struct kiln_schema schema = { "sleep", "lets time pass", fields, NULL };

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct sleep *s = cfg;

    (void)b;
    (void)comm;
    return kiln_wait_us(cancel, s->duration_ns / 1000, err);
}

const struct kiln_provisioner_ops kiln_sleep_provisioner = {
    .schema = &schema,
    .cfg_size = sizeof(struct sleep),
    .provision = provision,
};
