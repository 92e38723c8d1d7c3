"""The demo template of tests/guest with a real QEMU (tcg), split by step; and the same guest with no wait at all."""
import os
import re
import subprocess
import time

from bench import SOURCE, command, write_json
from measure import Failed
from report import Row, Target
from servers import Http, free_port

ABOUT = "the demo build from start to end, by step, with a real QEMU under tcg"
GUEST = os.path.join(SOURCE, "tests/guest")
USER, PASSWORD = "kiln", "opensesame"  # those of tests/guest/http/answers.cfg

# A step, and the line that ends it; the last one ends with the program.
STEPS = [("start, to the first step", "Retrieving ISO"),
         ("ISO, ports, disk", "Starting VM"),
         ("QEMU start", "Waiting .* for boot"),
         ("boot_wait (3 s)", "Typing the boot command"),
         ("typing", "Waiting for SSH"),
         ("install, reboot, login", "Connected to SSH"),
         ("provisioners", "Gracefully halting"),
         ("shutdown", "Converting hard drive"),
         ("conversion", "Running post-processor"),
         ("post-processors, end", None)]


def write_template(here):
    """The demo template with its output in memory."""
    variables = {"output_dir": os.path.join(here, "demo"), "iso_url": os.path.join(here, "guest/kiln-guest.iso"),
                 "iso_checksum": "file:" + os.path.join(here, "guest/kiln-guest.iso.sha256")}
    return write_json(os.path.join(here, "variables.json"), variables)


def split(run, total):
    """Seconds of each step, from the moments at which lines arrived."""
    at, times = 0.0, {}
    for name, line in STEPS:
        end = run.wait_for(line, 0) if line else total
        times[name], at = end - at, end
    return times


class Bare:
    """The least that any tool could do: the kernel started directly, ssh tried all the time, nothing typed."""

    def __init__(self, bench, here):
        self.bench, self.here, self.times, self.last = bench, here, {}, 0.0
        self.iso = os.path.join(here, "guest/kiln-guest.iso")
        for name in ("boot/vmlinuz", "boot/initrd.img", "isolinux/isolinux.cfg"):
            target = os.path.join(here, os.path.basename(name))
            command("xorriso", "-osirrox", "on", "-indev", "stdio:" + self.iso, "-extract", "/" + name, target)
            os.chmod(target, 0o600)
        with open(os.path.join(here, "isolinux.cfg")) as f:
            self.words = re.search(r"APPEND initrd=\S+ (.*)", f.read()).group(1)

    def qemu(self, disk, *more):
        return ["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", "256", "-display", "none", "-drive",
                "file=%s,if=virtio,format=qcow2,cache=writeback" % disk, "-device", "virtio-net,netdev=n", *more]

    def ssh(self, program, port, *arguments):
        flag = "-P" if program == "scp" else "-p"
        return subprocess.run(["sshpass", "-p", PASSWORD, program, "-F", "/dev/null", flag, str(port), "-o", "LogLevel=ERROR",
                               "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                               "-o", "ConnectTimeout=2", "-o", "PubkeyAuthentication=no", *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0

    def mark(self, name):
        now = time.monotonic() - self.began
        self.times[name], self.last = now - self.last, now

    def install(self, disk, url):
        command("timeout", "120", *self.qemu(
            disk, "-cdrom", self.iso, "-no-reboot", "-netdev", "user,id=n", "-kernel", os.path.join(self.here, "vmlinuz"),
            "-initrd", os.path.join(self.here, "initrd.img"), "-append",
            "%s url=%sanswers.cfg hostname=kiln-demo" % (self.words, url.replace("127.0.0.1", "10.0.2.2"))))

    def use(self, disk):
        """Boots the disk, does what the template's provisioners do, and waits for the end."""
        port = free_port()
        machine = subprocess.Popen(self.qemu(disk, "-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:%d-:22" % port),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            where, deadline = USER + "@127.0.0.1", time.monotonic() + 120
            while not self.ssh("ssh", port, where, "true"):
                if time.monotonic() > deadline or machine.poll() is not None:
                    raise Failed("the installed guest does not answer")
                time.sleep(0.1)
            self.mark("install, reboot, login")
            sudo = "echo %s | sudo -S -p '' " % PASSWORD
            if not (self.ssh("scp", port, "-O", os.path.join(GUEST, "files/welcome.txt"), where + ":/tmp/welcome.txt") and
                    self.ssh("ssh", port, where, sudo + "sh -c 'cp /tmp/welcome.txt /etc/welcome.txt && sync'")):
                raise Failed("the installed guest does not do as told")
            self.mark("provisioners")
            self.ssh("ssh", port, where, sudo + "shutdown -P now")
            machine.wait(60)
            self.mark("shutdown")
        finally:
            machine.kill()
            machine.wait()

    def build(self):
        """Seconds in all."""
        self.times, self.last = {}, 0.0
        disk, image = (os.path.join(self.bench.directory("bare"), name) for name in ("disk", "image"))
        with Http(os.path.join(GUEST, "http")) as server:
            self.began = time.monotonic()
            command("qemu-img", "create", "-q", "-f", "qcow2", disk, "1024M")
            self.install(disk, server.url)
        self.use(disk)
        command("qemu-img", "convert", "-O", "qcow2", disk, image)
        self.mark("conversion")
        return self.last


def run(bench):
    here = bench.directory("demo")
    bench.say("the guest's ISO")
    os.makedirs(os.path.join(SOURCE, "build"), exist_ok=True)
    command(os.path.join(GUEST, "build.sh"), os.path.join(SOURCE, "build/guest"))
    os.symlink(os.path.join(SOURCE, "build/guest"), os.path.join(here, "guest"))
    variables = write_template(here)
    whole = Row("demo build (limit: kernel started directly, nothing typed)", "s", Target("packer", 0.75))
    rest = Row("the same less boot_wait and typing, which the template sets", "s", Target("packer", 0.75), Target("limit", 1.3))
    steps = {name: Row("  " + name, "s") for name, _ in STEPS}
    memory = [Row("demo build: peak memory (RSS), QEMU aside", "MiB"),
              Row("demo build: peak memory (PSS), QEMU aside", "MiB", Target("value", 8)),
              Row("demo build: processes, QEMU aside", "")]

    def tool(side):
        options = ["-force", "-var-file=" + variables]
        with bench.build(side, os.path.join(GUEST, "template.json"), here, options, sample=0.1) as one:
            total = one.finish(300)
            one.sampler.stop()
            times = split(one, total)
            whole.add(side, total)
            rest.add(side, total - times["boot_wait (3 s)"] - times["typing"])
            for name, seconds in times.items():
                steps[name].add(side, seconds)
            for row, value in zip(memory, (one.sampler.rss, one.sampler.pss, one.sampler.processes)):
                row.add(side, value)

    bare = Bare(bench, here)

    def least(side):
        total = bare.build()
        whole.add(side, total)
        rest.add(side, total)
        for name, seconds in bare.times.items():
            steps[name].add(side, seconds)

    bench.say(whole.name)
    bench.rounds(3, {"kiln": tool, "packer": tool, "limit": least}, quick_count=1)
    return [whole, rest, *steps.values(), *memory]
