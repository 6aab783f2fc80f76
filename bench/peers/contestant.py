#!/usr/bin/env python3
"""Python's subprocess, or asyncio with the argument "asyncio". The tasks: see contestant.hpp."""
import asyncio
import os
import subprocess
import sys
import time

NOTHING = "/bin/true"
HEAD = "/usr/bin/head"
CAT = "/bin/cat"
SLEEP = ["/bin/sleep", "1000"]
LINE_SIZE = 99
LINES = ["/bin/sh", "-c", "yes 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
         "0123456789abcdefghijklmnopqrstuvwxyz! 2>/dev/null | head -n \"$1\"", "sh"]


class Stopwatch:
    """Runs from its making until it is stopped, or until it is read."""

    def __init__(self):
        self.begin = time.perf_counter_ns()
        self.end = None

    def stop(self):
        self.end = time.perf_counter_ns()

    def time(self):
        return (self.end or time.perf_counter_ns()) - self.begin


class Subprocess:
    def __init__(self):
        self.held = []

    def start(self, call):
        with subprocess.Popen([NOTHING]) as child:
            call.stop()
        assert child.returncode == 0

    def capture(self, size):
        done = subprocess.run([HEAD, "-c", str(size), "/dev/zero"], check=True, capture_output=True)
        assert len(done.stdout) == size

    def lines(self, count):
        with subprocess.Popen([*LINES, str(count)], stdout=subprocess.PIPE) as child:
            taken = sum(len(line) == LINE_SIZE + 1 for line in child.stdout)
        assert child.returncode == 0 and taken == count

    def feed(self, fodder):
        done = subprocess.run([CAT], input=fodder, check=True, capture_output=True)
        assert len(done.stdout) == len(fodder)

    def many(self, count):
        for child in [subprocess.Popen([NOTHING]) for _ in range(count)]:
            assert child.wait() == 0

    def hold(self, count):
        self.held += [subprocess.Popen(SLEEP) for _ in range(count)]

    def release(self, _):
        for child in self.held:
            child.kill()
        for child in self.held:
            child.wait()
        self.held.clear()


class Asyncio:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.held = []

    async def run(self, call):
        child = await asyncio.create_subprocess_exec(NOTHING)
        call.stop()
        assert await child.wait() == 0

    async def output(self, size):
        child = await asyncio.create_subprocess_exec(
            HEAD, "-c", str(size), "/dev/zero", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, _ = await child.communicate()
        assert child.returncode == 0 and len(out) == size

    async def each_line(self, count):
        child = await asyncio.create_subprocess_exec(*LINES, str(count), stdout=subprocess.PIPE)
        taken = 0
        async for line in child.stdout:
            taken += len(line) == LINE_SIZE + 1
        assert await child.wait() == 0 and taken == count

    async def through(self, fodder):
        child = await asyncio.create_subprocess_exec(
            CAT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, _ = await child.communicate(fodder)
        assert child.returncode == 0 and len(out) == len(fodder)

    async def all(self, count):
        await asyncio.gather(*(self.run(Stopwatch()) for _ in range(count)))

    async def stay(self, count):
        for _ in range(count):
            child = await asyncio.create_subprocess_exec(*SLEEP)
            self.held.append((child, asyncio.create_task(child.wait())))

    async def end(self):
        for child, _ in self.held:
            child.kill()
        await asyncio.gather(*(ended for _, ended in self.held))
        self.held.clear()

    def start(self, call):
        self.loop.run_until_complete(self.run(call))

    def capture(self, size):
        self.loop.run_until_complete(self.output(size))

    def lines(self, count):
        self.loop.run_until_complete(self.each_line(count))

    def feed(self, fodder):
        self.loop.run_until_complete(self.through(fodder))

    def many(self, count):
        self.loop.run_until_complete(self.all(count))

    def hold(self, count):
        self.loop.run_until_complete(self.stay(count))

    def release(self, _):
        self.loop.run_until_complete(self.end())


def main():
    contestant = Asyncio() if sys.argv[1:] == ["asyncio"] else Subprocess()
    ballast = []
    for line in sys.stdin:
        task, size = line.split()
        subject = b"x" * int(size) if task == "feed" else int(size)
        whole = Stopwatch()
        call = Stopwatch()
        try:
            if task == "ballast":
                ballast.append(b"x" * (int(size) << 20))
            elif task == "descriptors":
                for _ in range(int(size)):
                    os.open("/dev/null", os.O_RDONLY)  # close-on-exec, as all that Python opens
            elif task in ("start", "blocked"):
                contestant.start(call)
            elif hasattr(contestant, task):
                getattr(contestant, task)(subject)
            else:
                print("absent", flush=True)
                continue
            print((call if task == "blocked" else whole).time(), flush=True)
        except Exception as error:
            print("failed", repr(error), flush=True)


main()
