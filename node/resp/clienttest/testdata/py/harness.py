"""What the programs of this directory share: steps with a name, and asking the
test that started them to stop and start nodes."""
import os
import sys
import time
import traceback

# Where the nodes serve: [(host, port)].
NODES = [(a.split(":")[0], int(a.split(":")[1])) for a in os.environ["ATOLL_NODES"].split(",")]
FAMILIES = os.environ["ATOLL_FAMILIES"].split(",")


def step(name, family=None):
    """Run the function it decorates. A part that needs a family of commands is left
    out where the nodes do not have it."""

    def run(f):
        if family and family not in FAMILIES:
            return
        try:
            f()
        except Exception:
            print(f"failed {name}: {traceback.format_exc()}", flush=True)
            sys.exit(1)
        print(f"step {name}", flush=True)

    return run


def ask(what):
    """Have the test do something: "stop 0" or "start 0". It is done on return."""
    print(f"ask {what}", flush=True)
    reply = sys.stdin.readline().strip()
    assert reply == "done", reply


def until(f):
    """Repeat what may fail as yet until it does not."""
    since = time.monotonic()
    while True:
        try:
            return f()
        except Exception:
            if time.monotonic() - since > 15:
                raise
            time.sleep(0.02)


def refused(error, f, *args, **kwargs):
    """Check that a call raises an error."""
    try:
        got = f(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"want {error.__name__}, got {got!r}")


def same(got, want):
    """Check that two values are the same."""
    assert got == want, f"want {want!r}, got {got!r}"


def finish():
    """End the program well."""
    print("finished", flush=True)
