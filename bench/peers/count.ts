// How many instructions of WebAssembly a kernel executes for an element: its text is counted block by block, and a copy that
// counts how often each block runs is run on a row.
import { assemble, read } from "../../src/emit/assemble.ts"
import { base64 } from "../../src/emit/module-wasm.ts"
import type { KernelOptions, Loss } from "lossc"
import type { Row } from "../rows.ts"

/** What instructions do. Reading and writing locals and constants are none: engines keep these in registers. */
export const kinds = ["vector", "load", "store", "scalar", "address", "branch"] as const
export type Kind = (typeof kinds)[number]
export type Counts = Readonly<Record<Kind, number>>

/** A tree of a text that counters are put into. */
type Node = string | Node[]

const tree = (text: string): Node[] => structuredClone(read(text)) as Node[]

const write = (node: Node): string => (typeof node === "string" ? node : `(${node.map(write).join(" ")})`)

function kindOf(word: string): Kind | undefined {
  if (/^(call|if|br|br_if|return|memory)\b/.test(word)) return "branch"
  if (/\.const$|^(local|global)\./.test(word) || !/\.|^select$/.test(word)) return undefined
  if (/\.load/.test(word)) return "load"
  if (/\.store/.test(word)) return "store"
  if (/^(v128|[if]\d+x\d+)\./.test(word)) return "vector"
  return word.startsWith("i32.") ? "address" : "scalar"
}

/** A place in memory of 8 bytes that grows by 1. */
const counter = (at: number): Node =>
  tree(`((f64.store (i32.const ${at}) (f64.add (f64.load (i32.const ${at})) (f64.const 1))))`)[0]!

/** Puts a counter into every block; returns what each block does once. */
function instrument(module: Node[], from: number): Counts[] {
  const blocks: Counts[] = []
  const visit = (node: Node, counts: Record<Kind, number> | undefined): void => {
    if (typeof node === "string") return
    const [word] = node
    const opens = word === "func" || word === "loop" || word === "then" || word === "else"
    let inside = counts
    if (opens) {
      inside = { vector: 0, load: 0, store: 0, scalar: 0, address: 0, branch: 0 }
      blocks.push(inside)
    }
    const at = from + 8 * (blocks.length - 1)
    const kind = typeof word === "string" ? kindOf(word) : undefined
    if (kind && counts) counts[kind]++
    for (const child of node) visit(child, inside)
    if (!opens) return
    const body = node.findIndex(
      (child, k) =>
        k > 0 &&
        typeof child !== "string" &&
        !["param", "result", "local", "export"].includes(child[0] as string),
    )
    node.splice(body < 0 ? node.length : body, 0, counter(at))
  }
  visit(module, undefined)
  return blocks
}

interface Module {
  (inputs: object, options: object): { readonly loss: number }
  alloc(name: string, length: number): Float32Array | Int32Array
  readonly memory: { readonly buffer: ArrayBuffer }
}

let loaded = 0

/** A module with a memory of its own, also if the same one was loaded before. */
async function load(script: string): Promise<Module> {
  const text = encodeURIComponent(`${script}\n// ${loaded++}`)
  return ((await import(`data:text/javascript,${text}`)) as { readonly default: Module }).default
}

/** Instructions of each kind for one element of a row, constants of a call included. */
export async function instructions(row: Row): Promise<Counts> {
  const options: KernelOptions = {
    target: "wasm",
    dtype: "f32",
    reduction: "mean",
    grad: row.grad,
    static: row.statics ?? {},
  }
  const files = (row.loss as Loss).emit({ ...options, wat: true } as Parameters<Loss["emit"]>[0])
  const script = files.find(({ name }) => name.endsWith(".js"))!.text
  const [name] = Object.keys(row.inputs) as [string]
  // The first array in the memory of a module holds the counters.
  const first = (await load(script)).alloc(name, 1).byteOffset
  const blocks: Counts[] = []
  const binaries = files
    .filter((file) => file.name.endsWith(".wat"))
    .map(({ text }) => {
      const module = tree(text)
      blocks.push(...instrument(module, first + 8 * blocks.length))
      return base64(assemble(write(module)))
    })
  const run = await load(
    script.replace(/const binaries = \[[^\]]*\]/, `const binaries = ${JSON.stringify(binaries)}`),
  )
  run.alloc(name, 2 * blocks.length)
  const inputs = Object.fromEntries(
    Object.entries(row.inputs).map(([key, data]) => [key, { data, shape: row.shapes[key]! }]),
  )
  run(inputs, {})
  const times = new Float64Array(run.memory.buffer, first, blocks.length)
  const per = (kind: Kind): number =>
    blocks.reduce((sum, counts, k) => sum + counts[kind] * times[k]!, 0) / row.elements
  return Object.fromEntries(kinds.map((kind) => [kind, per(kind)])) as Record<Kind, number>
}
