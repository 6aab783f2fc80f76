// Node's child_process. The tasks: see contestant.hpp.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const nothing = "/bin/true";
const head = "/usr/bin/head";
const cat = "/bin/cat";
const shell = "/bin/sh";
const lineScript =
  "yes 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz! 2>/dev/null " +
  '| head -n "$1"';
const lineSize = 99;
const ballast = [];

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
  start: () => ended(spawn(nothing, [], { stdio: ["ignore", "inherit", "inherit"] })),
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
  many: (count) => Promise.all(Array.from({ length: count }, () => tasks.start())),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [task, size] = line.split(" ");
  const subject = task === "feed" ? Buffer.alloc(Number(size), "x") : Number(size);
  const begin = process.hrtime.bigint();
  try {
    await tasks[task](subject);
    console.log(String(process.hrtime.bigint() - begin));
  } catch (error) {
    console.log(`failed ${error}`);
  }
}
