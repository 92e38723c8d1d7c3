#!/usr/bin/env python3
"""Runs kiln and Debian's packer on the same work and prints how they compare. See README.md.

It is not a test: whatever it measures, it ends with 0 unless it could not run at all.
"""
import argparse
import importlib
import json
import os
import platform
import shutil
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import SOURCE, Bench  # noqa: E402
from measure import Failed, read  # noqa: E402
from report import table  # noqa: E402

CASES = ["startup", "provisioners", "upload", "iso", "redaction", "compress", "waiting", "demo", "console", "text", "typing"]


def options():
    parser = argparse.ArgumentParser(description="kiln and packer on the same work: ratios")
    parser.add_argument("--kiln", default=os.environ.get("KILN") or os.path.join(SOURCE, "build/kiln"),
                        help="default: $KILN or build/kiln of this source tree")
    parser.add_argument("--packer", default=shutil.which("packer"), help="default: the one on PATH, if any")
    parser.add_argument("--quick", action="store_true", help="less data and fewer rounds: a first look, no proof")
    parser.add_argument("--only", metavar="CASE", action="append", choices=CASES, help="one of: " + " ".join(CASES))
    parser.add_argument("--json", metavar="FILE", help="write all samples there")
    return parser.parse_args()


def machine():
    """What a reader needs to judge the figures, and nothing that names the machine."""
    cpu = read("/proc/cpuinfo")
    has = [f for f in ("aes", "sha_ni", "avx2", "avx512f", "vaes", "vpclmulqdq") if " %s " % f in cpu.replace("\n", " ")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "memory": "%.0f GiB" % memory,
            "architecture": platform.machine(), "cpu flags": " ".join(has),
            "load before": os.getloadavg()[0]}


def run_case(bench, name):
    """The rows of one case, as far as it could be measured."""
    module = importlib.import_module("cases." + name)
    print("%s: %s" % (name, module.ABOUT), file=sys.stderr, flush=True)
    rows = []
    try:
        for row in module.run(bench):
            rows.append(row)
    except Failed as why:
        bench.note("%s: not measured to the end: %s" % (name, why))
    except Exception:  # a broken case must not take the others with it
        bench.note("%s: not measured to the end:\n%s" % (name, traceback.format_exc()))
    return rows


def main():
    chosen = options()
    for program in (chosen.kiln, chosen.packer):
        if program and not os.access(program, os.X_OK):
            sys.exit("bench: no program %s; build kiln first, or name another with --kiln" % program)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # may be ignored here; what we start must heed it
    host = machine()
    print(", ".join("%s %s" % (k, v) for k, v in host.items()), file=sys.stderr)
    with Bench(chosen.kiln, chosen.packer, chosen.quick) as bench:
        if not chosen.packer:
            bench.note("packer is not installed, its column stays empty; tests/setup.sh bench installs it")
        results = {}
        for name in CASES:
            if not chosen.only or name in chosen.only:
                results[name] = run_case(bench, name)
                print(table(results[name]), "\n", flush=True)
        for text in bench.notes:
            print("note: " + text)
        if chosen.json:
            with open(chosen.json, "w") as f:
                json.dump({"machine": host, "quick": chosen.quick, "notes": bench.notes,
                           "cases": {n: [r.data() for r in rows] for n, rows in results.items()}}, f, indent=1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
