#!/usr/bin/env python3
"""Python's subprocess, or asyncio with the argument "asyncio". The tasks: see contestant.hpp."""
import asyncio
import subprocess
import sys
import time

NOTHING = "/bin/true"
HEAD = "/usr/bin/head"


class Subprocess:
    def start(self, _):
        subprocess.run([NOTHING], check=True)

    def capture(self, size):
        done = subprocess.run([HEAD, "-c", str(size), "/dev/zero"], check=True, capture_output=True)
        assert len(done.stdout) == size

    def many(self, count):
        for child in [subprocess.Popen([NOTHING]) for _ in range(count)]:
            assert child.wait() == 0


class Asyncio:
    def __init__(self):
        self.loop = asyncio.new_event_loop()

    async def run(self):
        child = await asyncio.create_subprocess_exec(NOTHING)
        assert await child.wait() == 0

    async def output(self, size):
        child = await asyncio.create_subprocess_exec(
            HEAD, "-c", str(size), "/dev/zero", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, _ = await child.communicate()
        assert child.returncode == 0 and len(out) == size

    async def all(self, count):
        await asyncio.gather(*(self.run() for _ in range(count)))

    def start(self, _):
        self.loop.run_until_complete(self.run())

    def capture(self, size):
        self.loop.run_until_complete(self.output(size))

    def many(self, count):
        self.loop.run_until_complete(self.all(count))


def main():
    contestant = Asyncio() if sys.argv[1:] == ["asyncio"] else Subprocess()
    ballast = []
    for line in sys.stdin:
        task, size = line.split()
        begin = time.perf_counter_ns()
        try:
            if task == "ballast":
                ballast.append(b"x" * (int(size) << 20))
            else:
                getattr(contestant, task)(int(size))
            print(time.perf_counter_ns() - begin, flush=True)
        except Exception as error:
            print("failed", repr(error), flush=True)


main()
