#include "vm/qemu_failure.h"

#include <sys/wait.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define LINES_SHOWN 3

/* First match wins. Texts as of QEMU 5 to 9. */
static const struct {
    const char *needle, *and; /* both in the same line; and may be NULL */
    enum kiln_qemu_failure why;
    const char *advice;
} causes[] = {
    { "-vnc ", "Address already in use", KILN_QEMU_VNC_IN_USE,
      "the VNC port is taken; widen vnc_port_min and vnc_port_max" },
    { "Failed to find an available port", NULL, KILN_QEMU_VNC_IN_USE,
      "the VNC port is taken; widen vnc_port_min and vnc_port_max" },
    { "Could not set up host forwarding rule", NULL, KILN_QEMU_FORWARD_IN_USE,
      "the forwarded port is taken; widen host_port_min and host_port_max" },
    { "Cannot assign requested address", NULL, KILN_QEMU_FAILED,
      "this host does not have that address; see vnc_bind_address" },
    { "Could not access KVM kernel module", "Permission denied", KILN_QEMU_FAILED,
      "join the group kvm, or set \"accelerator\": \"tcg\"" },
    { "Could not access KVM kernel module", NULL, KILN_QEMU_FAILED,
      "this host offers no KVM; set \"accelerator\": \"tcg\"" },
    { "failed to initialize kvm", NULL, KILN_QEMU_FAILED,
      "KVM does not work on this host; set \"accelerator\": \"tcg\"" },
    { "invalid accelerator", NULL, KILN_QEMU_FAILED,
      "this QEMU lacks the accelerator; set \"accelerator\": \"tcg\"" },
    { "Display '", "is not available", KILN_QEMU_FAILED,
      "set \"headless\": true, or install qemu-system-gui" },
    { "does not accept value", "type", KILN_QEMU_FAILED,
      "this QEMU lacks that display; set \"headless\": true" },
    { "gtk initialization failed", NULL, KILN_QEMU_FAILED,
      "there is no display to open a window on; set \"headless\": true" },
    { "Could not initialize SDL", NULL, KILN_QEMU_FAILED,
      "there is no display to open a window on; set \"headless\": true" },
    { "Failed to get \"write\" lock", NULL, KILN_QEMU_FAILED, "another QEMU is using the disk" },
    { "cannot set up guest memory", NULL, KILN_QEMU_FAILED,
      "the host has not that much memory; lower \"memory\"" },
    { "unsupported machine type", NULL, KILN_QEMU_FAILED,
      "the names that this QEMU knows: -machine help" },
    { "unable to find CPU model", NULL, KILN_QEMU_FAILED,
      "the names that this QEMU knows: -cpu help" },
    { "is not a valid device model name", NULL, KILN_QEMU_FAILED,
      "the names that this QEMU knows: -device help" },
    { "bridge helper failed", NULL, KILN_QEMU_FAILED,
      "allow the bridge in /etc/qemu/bridge.conf and make qemu-bridge-helper setuid root" },
    { "No space left on device", NULL, KILN_QEMU_FAILED, "the disk of the host is full" },
};

static bool line_has(const char *line, size_t len, const char *needle)
{
    return !needle || memmem(line, len, needle, strlen(needle)) != NULL;
}

static const char *explain_line(const char *line, size_t len, enum kiln_qemu_failure *ret_why)
{
    for (size_t i = 0; i < KILN_COUNT(causes); i++) {
        if (line_has(line, len, causes[i].needle) && line_has(line, len, causes[i].and)) {
            *ret_why = causes[i].why;
            return causes[i].advice;
        }
    }
    return NULL;
}

const char *kiln_qemu_explain(const char *said, enum kiln_qemu_failure *ret_why)
{
    *ret_why = KILN_QEMU_FAILED;
    while (*said) {
        size_t len = strcspn(said, "\n");
        const char *advice = explain_line(said, len, ret_why);

        if (advice)
            return advice;
        said += len + (said[len] == '\n');
    }
    return NULL;
}

static void add_last_lines(struct kiln_str *out, const char *said)
{
    KILN_AUTO_STRV lines = { 0 };
    size_t n;

    kiln_strv_split(&lines, said, '\n');
    n = lines.n;
    while (n > 0 && !*lines.v[n - 1])
        n--;
    for (size_t i = n > LINES_SHOWN ? n - LINES_SHOWN : 0, first = i; i < n; i++)
        kiln_str_addf(out, "%s%s", i == first ? ": " : "; ", lines.v[i]);
}

char *kiln_qemu_obituary(int wait_status, const char *said, enum kiln_qemu_failure *ret_why)
{
    KILN_AUTO_STR out = { 0 };
    const char *advice = kiln_qemu_explain(said, ret_why);

    if (WIFSIGNALED(wait_status))
        kiln_str_addf(&out, "killed by signal %d (%s)", WTERMSIG(wait_status),
                      strsignal(WTERMSIG(wait_status)));
    else
        kiln_str_addf(&out, "exited with status %d", WEXITSTATUS(wait_status));
    add_last_lines(&out, said);
    if (advice)
        kiln_str_addf(&out, " (%s)", advice);
    return kiln_str_steal(&out);
}
