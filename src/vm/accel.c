#include "vm/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/accel_cache.h"
#include "vm/accel_probe.h"

/* What QEMU emulates: the X of qemu-system-X; a binary of another name is taken for a native one.
 */
static char *target_arch(const char *path, const char *host)
{
    static const char prefix[] = "qemu-system-";
    KILN_AUTO_FREE char *real = realpath(path, NULL);
    const char *name = kiln_path_base(real ? real : path);

    return kiln_xstrdup(kiln_has_prefix(name, prefix) ? name + strlen(prefix) : host);
}

static bool can_virtualise(const char *host, const char *target)
{
    return kiln_streq(host, target) || (kiln_streq(host, "x86_64") && kiln_streq(target, "i386"));
}

static void choose(struct kiln_accel_choice *choice, bool kvm, const char *reason)
{
    choice->name = kvm ? "kvm" : "tcg";
    choice->line = kiln_xasprintf("accelerator: %s (%s)", choice->name, reason);
}

/* Decide without a probe where there is nothing to compare. */
static bool choose_at_once(const struct kiln_accel_config *cfg, const char *path,
                           struct kiln_accel_choice *choice)
{
    struct utsname host_name;
    const char *host = cfg->host_arch;
    const char *device = cfg->kvm_device ? cfg->kvm_device : "/dev/kvm";
    KILN_AUTO_FREE char *target = NULL, *reason = NULL;
    KILN_AUTO_FD fd = -1;
    char text[128];

    if (!host)
        host = uname(&host_name) == 0 ? host_name.machine : "?";
    target = target_arch(path, host);
    if (!can_virtualise(host, target)) {
        reason = kiln_xasprintf("a host of type %s cannot run %s guests under kvm", host, target);
        choose(choice, false, reason);
        return true;
    }
    fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        const char *hint = errno == EACCES ? "; is this user in the group kvm?" : "";

        reason = kiln_xasprintf("%s: %s%s", device, kiln_errno_go(errno, text, sizeof(text)), hint);
        choose(choice, false, reason);
        return true;
    }
    if (!kiln_streq(target, "x86_64") && !kiln_streq(target, "i386")) {
        reason = kiln_xasprintf("%s opens; there is no probe guest for %s", device, target);
        choose(choice, true, reason);
        return true;
    }
    return false;
}

/* One build measures, the others wait for what it finds. */
static bool measure_or_remember(const struct kiln_accel_config *cfg,
                                const struct kiln_accel_cache *cache,
                                struct kiln_accel_verdict *verdict, struct kiln_err *err)
{
    const struct kiln_accel_probe probe = {
        .binary = cache->binary,
        .limit_us = KILN_SECOND(2),
        .cancel = cfg->cancel,
        .on_pid = cfg->on_pid,
        .ud = cfg->ud,
    };
    KILN_AUTO_FD lock = -1;
    KILN_AUTO_ERR why = { 0 };

    if (cache->lock && kiln_fs_mkdirs(cfg->cache_dir, 0755, NULL) &&
        !kiln_lock_wait(cache->lock, cfg->cancel, NULL, NULL, &lock, &why) &&
        why.kind == KILN_ERR_CANCELLED)
        return kiln_err_move(err, &why);
    if (kiln_accel_cache_load(cache, verdict))
        return true;
    if (!kiln_accel_measure(&probe, verdict, err))
        return false;
    if (!verdict->passing) /* as when another program has the CPU's virtualisation */
        kiln_accel_cache_store(cache, verdict);
    return true;
}

bool kiln_accel_choose(const struct kiln_accel_config *cfg, struct kiln_accel_choice *ret_choice,
                       struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_process_find(cfg->binary, err);
    KILN_CLEANUP(kiln_accel_cache_done) struct kiln_accel_cache cache = { 0 };
    struct kiln_accel_verdict verdict = { 0 };

    if (!path)
        return false;
    if (choose_at_once(cfg, path, ret_choice))
        return true;
    kiln_accel_cache_init(&cache, cfg->cache_dir, path);
    if (!kiln_accel_cache_load(&cache, &verdict) &&
        !measure_or_remember(cfg, &cache, &verdict, err))
        return false;
    choose(ret_choice, verdict.kvm, verdict.reason);
    free(verdict.reason);
    return true;
}

void kiln_accel_choice_done(struct kiln_accel_choice *choice)
{
    free(choice->line);
    *choice = (struct kiln_accel_choice){ 0 };
}
