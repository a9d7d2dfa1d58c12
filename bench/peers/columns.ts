// The columns of the table: how each side is started, and whether it is here.
import { execFileSync } from "node:child_process"
import { createRequire } from "node:module"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { mse } from "lossc/stdlib"
import { missing, packages } from "./install.ts"

export interface Column {
  readonly side: string
  readonly title: string
  /** The program and its words for a row. */
  readonly command: (row: string) => readonly [string, ...string[]]
}

/** The folder of package.json. */
export const root = dirname(createRequire(import.meta.url).resolve("lossc/package.json"))

const python = "/usr/bin/python3"
/** How the limit is built. */
export const compiler: readonly string[] = [
  "cc",
  "-O3",
  "-march=native",
  "-ffast-math",
  "-mprefer-vector-width=512",
]

/** The output of a program, or undefined where it does not run. */
function output(command: string, ...words: readonly string[]): string | undefined {
  try {
    return execFileSync(command, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim()
  } catch {
    return undefined
  }
}

/** Why there is no column of two threads. */
function unthreaded(): string | undefined {
  try {
    const options = { target: "wasm", threads: 2 } as const
    mse.kernel(options).destroy()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.split("\n")[0] : String(error)
  }
}

/** The columns that can be measured here, and a line for each that cannot. `room` is for what gets built. */
export function columns(
  folder: string,
  room: string,
): { readonly here: readonly Column[]; readonly absent: readonly string[] } {
  const here: Column[] = []
  const absent: string[] = []
  const node = (side: string, title: string): void => {
    const path = fileURLToPath(new URL("./serve.js", import.meta.url))
    here.push({ side, title, command: (row) => [process.execPath, path, side, row, folder] })
  }
  const library = (side: string, title: string): void => {
    const lacking = missing(side, folder)
    if (lacking.length === 0) node(side, title)
    else absent.push(`${title}: npm install --no-save ${packages[side]!.join(" ")}`)
  }
  node("js", "lossc js")
  node("wasm", "lossc wasm")
  const reason = unthreaded()
  if (reason === undefined) node("threads", "lossc wasm, 2 threads")
  else absent.push(`lossc wasm, 2 threads: ${reason}`)
  node("hand", "JS by hand")
  library("jax", "jax-js 0.1.25")
  library("tensorflow", "tf.js 4.22.0")
  const torch = output(python, "-c", "import numpy, torch; print(torch.__version__)")
  const script = `${root}/bench/peers/torch_rows.py`
  if (torch !== undefined)
    here.push({ side: "torch", title: `PyTorch ${torch}, 1 thread`, command: (row) => [python, script, row] })
  else absent.push(`PyTorch: ${python} has no torch: apt install python3-torch`)
  const limit = `${room}/limit`
  if (output(...(compiler as [string]), "-o", limit, `${root}/bench/peers/limit.c`, "-lm") !== undefined)
    here.push({ side: "c", title: "C, fused by hand", command: (row) => [limit, row] })
  else absent.push("C: no compiler that runs as cc: apt install gcc")
  return { here, absent }
}
