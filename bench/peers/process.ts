// A side of the comparison in a process of its own, and what it is asked. It answers each line with one line:
//
//   load FOLDER K SIZE...  reads in0, in1, .. of the folder, which are the row at its size number K, runs once, writes the
//                          gradients to SIDE.0, SIDE.1, .. and answers the loss and perhaps a note; all raw, in the order of the row
//   time MS                calls for so many ms and answers the ns of a call
//
// Times are processor time, so that what other programs take is not counted, but on the clock for a side of several threads.
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"

export interface Asked {
  ask(line: string): Promise<string>
  end(): void
}

/** Starts a program. An answer fails with what the program wrote to its error output if it ends instead. */
export function start(command: string, words: readonly string[]): Asked {
  const child: ChildProcess = spawn(command, words, { stdio: ["pipe", "pipe", "pipe"] })
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = []
  let complaint = ""
  child.stderr!.on("data", (text: Buffer) => (complaint = (complaint + text.toString()).slice(-2000)))
  const over = (): void => {
    for (const { reject } of waiting.splice(0)) reject(new Error(complaint.trim() || `${command} ended`))
  }
  child.on("error", (error) => {
    complaint = error.message
    over()
  })
  child.on("close", over)
  child.stdin!.on("error", () => {})
  createInterface({ input: child.stdout! }).on("line", (line) => waiting.shift()?.resolve(line))
  return {
    ask: (line) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        if (child.exitCode === null) child.stdin!.write(`${line}\n`)
        else over()
      }),
    end: () => void child.kill(),
  }
}
