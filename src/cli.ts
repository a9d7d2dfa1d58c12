#!/usr/bin/env node
// The `lossc` program: connects the commands to the process they run in.
import { readFileSync, writeSync } from "node:fs"
import { run } from "./cli/run.ts"
import { wantsColour } from "./cli/terminal.ts"

/** Writes all of a text, also to a pipe that is full; a reader that has gone ends the program quietly. */
function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length;) {
    try {
      from += writeSync(descriptor, bytes, from)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === "EPIPE") process.exit(0)
      if (code !== "EAGAIN") throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => write(1, text),
  note: (text) => write(2, text),
  input: () => readFileSync(0),
  colour: !process.argv.includes("--no-color") && wantsColour(process.env, process.stderr.isTTY === true),
  live: process.stderr.isTTY === true && !process.env["CI"],
})
