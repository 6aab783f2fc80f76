// Node's child_process. The tasks: see contestant.hpp.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { createInterface } from "node:readline";

const nothing = "/bin/true";
const head = "/usr/bin/head";
const cat = "/bin/cat";
const sleep = ["/bin/sleep", ["1000"]];
const shell = "/bin/sh";
const lineScript =
  "yes 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz! 2>/dev/null " +
  '| head -n "$1"';
const lineSize = 99;
const noPipes = { stdio: ["ignore", "inherit", "inherit"] };
const ballast = [];
let held = [];

// Runs from its making until it is stopped, or until it is read.
class Stopwatch {
  begin = process.hrtime.bigint();
  stop() {
    this.end = process.hrtime.bigint();
  }
  time() {
    return (this.end ?? process.hrtime.bigint()) - this.begin;
  }
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`code ${code}`))));
  });
}

async function collected(child, size) {
  const parts = [];
  child.stdout.on("data", (part) => parts.push(part));
  await ended(child);
  if (Buffer.concat(parts).length !== size) throw new Error("size");
}

const tasks = {
  ballast: (size) => ballast.push(Buffer.alloc(size * 2 ** 20, "x")),
  descriptors(count) {
    for (let i = 0; i < count; ++i) openSync("/dev/null"); // close-on-exec, as all that Node opens
  },
  start(_, call) {
    const child = spawn(nothing, [], noPipes);
    call.stop();
    return ended(child);
  },
  blocked: (_, call) => tasks.start(_, call),
  async capture(size) {
    await collected(spawn(head, ["-c", String(size), "/dev/zero"], { stdio: ["ignore", "pipe", "inherit"] }), size);
  },
  async lines(count) {
    const child = spawn(shell, ["-c", lineScript, "sh", String(count)], { stdio: ["ignore", "pipe", "inherit"] });
    let taken = 0;
    createInterface({ input: child.stdout }).on("line", (line) => (taken += line.length === lineSize ? 1 : 0));
    await ended(child);
    if (taken !== count) throw new Error(`${taken} lines`);
  },
  async feed(fodder) {
    const child = spawn(cat, [], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(fodder);
    await collected(child, fodder.length);
  },
  many: (count) => Promise.all(Array.from({ length: count }, () => tasks.start(0, new Stopwatch()))),
  async hold(count) {
    const begun = Array.from({ length: count }, () => spawn(...sleep, noPipes));
    for (const child of begun) held.push({ child, ended: new Promise((resolve) => child.on("exit", resolve)) });
    await Promise.all(begun.map((child) => once(child, "spawn")));
  },
  async release() {
    for (const { child } of held) child.kill("SIGKILL");
    await Promise.all(held.map(({ ended }) => ended));
    held = [];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [task, size] = line.split(" ");
  const subject = task === "feed" ? Buffer.alloc(Number(size), "x") : Number(size);
  if (!Object.hasOwn(tasks, task)) {
    console.log("absent");
    continue;
  }
  const whole = new Stopwatch();
  const call = new Stopwatch();
  try {
    await tasks[task](subject, call);
    console.log(String((task === "blocked" ? call : whole).time()));
  } catch (error) {
    console.log(`failed ${error}`);
  }
}
