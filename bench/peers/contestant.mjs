// Node's child_process. The tasks: see contestant.hpp.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const nothing = "/bin/true";
const head = "/usr/bin/head";
const ballast = [];

function ended(child) {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`code ${code}`))));
  });
}

const tasks = {
  ballast: (size) => ballast.push(Buffer.alloc(size * 2 ** 20, "x")),
  start: () => ended(spawn(nothing, [], { stdio: ["ignore", "inherit", "inherit"] })),
  async capture(size) {
    const child = spawn(head, ["-c", String(size), "/dev/zero"], { stdio: ["ignore", "pipe", "inherit"] });
    const parts = [];
    child.stdout.on("data", (part) => parts.push(part));
    await ended(child);
    if (Buffer.concat(parts).length !== size) throw new Error("size");
  },
  many: (count) => Promise.all(Array.from({ length: count }, () => tasks.start())),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [task, size] = line.split(" ");
  const begin = process.hrtime.bigint();
  try {
    await tasks[task](Number(size));
    console.log(String(process.hrtime.bigint() - begin));
  } catch (error) {
    console.log(`failed ${error}`);
  }
}
