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
export const compiler = "cc"
const flags = ["-O3", "-march=native", "-ffast-math"]

/** How the limit is built: as fast as the machine allows, and with what WebAssembly has, vectors of 128 bits that do not fuse. */
// prettier-ignore
export const builds: Readonly<Record<"c" | "c128", { readonly title: string; readonly flags: readonly string[] }>> = {
  c: { title: "C", flags: [...flags, "-mprefer-vector-width=512"] },
  c128: { title: "C, 128 bits", flags: [...flags, "-mprefer-vector-width=128", "-mno-fma", "-DLANES=4"] },
}

const RELAXED = "--experimental-wasm-relaxed-simd"

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
  const node = (side: string, title: string, ...flags: readonly string[]): void => {
    const path = fileURLToPath(new URL("./serve.js", import.meta.url))
    here.push({ side, title, command: (row) => [process.execPath, ...flags, path, side, row, folder] })
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
  // Node 20 has relaxed instructions behind a flag, later ones without.
  node("relaxed", "lossc wasm, relaxed", ...(process.version.startsWith("v20.") ? [RELAXED] : []))
  node("hand", "JS by hand")
  library("jax", "jax-js 0.1.25")
  library("tensorflow", "tf.js 4.22.0")
  const torch = output(python, "-c", "import numpy, torch; print(torch.__version__)")
  const script = `${root}/bench/peers/torch_rows.py`
  if (torch !== undefined)
    here.push({
      side: "torch",
      title: `PyTorch ${torch.replace(/a0$/, "")}`,
      command: (row) => [python, script, row],
    })
  else absent.push(`PyTorch: ${python} has no torch: apt install python3-torch`)
  for (const [side, build] of Object.entries(builds)) {
    const program = `${room}/${side}`
    const made = output(compiler, ...build.flags, "-o", program, `${root}/bench/peers/limit.c`, "-lm")
    if (made === undefined)
      absent.push(`${build.title}: no compiler that runs as ${compiler}: apt install gcc`)
    else here.push({ side, title: build.title, command: (row) => [program, row, side] })
  }
  return { here, absent }
}
