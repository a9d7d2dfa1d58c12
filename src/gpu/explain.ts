// A program -> what each dispatch does, in words: rows, bytes read and written, and workgroup memory.
import { type OpName, ops } from "../ops.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { arrangementOf } from "./compile.ts"
import type { Fours } from "./fours.ts"
import type { Dispatch, GpuProgram, Pieces } from "./program.ts"
import { type Strip, stripsIn } from "./strips.ts"

/** Explains a program of a kernel. Sizes that are known become numbers, the others stay names. */
export function explainProgram(
  given: Kernel,
  program: GpuProgram,
  sizes: ReadonlyMap<string, number>,
): string {
  const { workgroupSize } = program
  const { kernel, plan, tiles, strips, fours } = arrangementOf(given, { workgroupSize })
  const lengths = new Lengths(kernel, sizes)
  const lines = plan.steps.map((step, d) => {
    const bodies = step.kind === "rows" ? [step.loop] : step.segments.flatMap(({ body }) => body)
    const traffic = new Traffic(lengths)
    traffic.block(bodies, [])
    const rows = step.kind === "rows" ? lengths.steps(step.loop.from, step.loop.to) : undefined
    const tile = step.kind === "rows" ? tiles.get(step) : undefined
    const tiled = new Traffic(lengths, tile?.rows)
    if (tile) tiled.block([tile.loop], [])
    return [
      `${d + 1}. ${rows === undefined ? "one workgroup" : `${rows} rows, ${takers(program.dispatches[d]!)}`}${condition(program, d)}`,
      `   reads ${traffic.text("reads")}`,
      `   writes ${traffic.text("writes")}`,
      ...(tile
        ? [
            `   from ${program.tiledRows} rows on, where they are long, a workgroup for ${tile.rows}: reads ${tiled.text("reads")}`,
          ]
        : []),
      ...vectors(step.kind === "rows" ? fours.get(step) : undefined, lengths, program.foursFrom),
      ...shared(
        stripsIn([...bodies, ...(tile ? [tile.loop] : [])], strips).map(([, strip]) => strip),
        workgroupSize,
      ),
    ].join("\n")
  })
  return [
    ...lines,
    `workgroups of ${program.workgroupSize} threads; ${workgroupBytes(program.shader)} bytes of workgroup memory; ${program.inputs.length + program.outputs.length} arrays of the caller`,
  ].join("\n")
}

/** What is read and written in vectors, if it may be. */
function vectors(fours: Fours | undefined, lengths: Lengths, least: number): string[] {
  if (!fours) return []
  const ends = fours.lengths.map((x) => lengths.text(x))
  const open = ends.filter((end) => Number.isNaN(Number(end)))
  const isOther = (end: string): boolean => Number(end) < least || (!fours.leavesRest && Number(end) % 4 > 0)
  if (ends.some(isOther)) return []
  const multiple = fours.leavesRest ? "" : "a multiple of 4 and "
  const condition = open.length > 0 ? `, where ${open.join(" and ")} is ${multiple}not below ${least}` : ""
  return [`   in vectors of 4: ${[...fours.arrays].map(arrayName).join(", ")}${condition}`]
}

/** What the threads of a workgroup bring into its memory together. */
function shared(strips: readonly Strip[], workgroupSize: number): string[] {
  const parts = strips.flatMap(({ width, reads }) =>
    reads.map(
      ({ load }) => `${arrayName(load.buffer)}, ${workgroupSize} rows by ${width} elements at a time`,
    ),
  )
  return parts.length > 0 ? [`   through workgroup memory: ${[...new Set(parts)].join("; ")}`] : []
}

/** Explains what happens to a batch that a device cannot hold. */
export function explainPieces(pieces: Pieces): string {
  if ("why" in pieces) return `are refused: ${pieces.why}`
  const order = pieces.scaled ? ", once for the sums that the mean divides, and once for the gradients" : ""
  return `run in pieces of rows along axis ${pieces.axis}, with arrays and with buffers${order}`
}

/** When a dispatch runs, if not always. */
function condition({ dispatches, fewRows }: GpuProgram, d: number): string {
  const { way } = dispatches[d]!
  if (way === "rows") return `, if there are more than ${fewRows}, or their parts do not fit`
  return way === "parts" ? ", as a part of fewer rows" : ""
}

/** What handles a row. */
function takers({ entries: [first, second] }: Dispatch): string {
  return second
    ? `a ${first.rowPer} each, or a ${second.rowPer} where they are long`
    : `a ${first.rowPer} each`
}

/** The bytes that the shader declares in workgroup memory, all entry points together. */
export function workgroupBytes(shader: string): number {
  let bytes = 0
  for (const [, size] of shader.matchAll(/var<workgroup> \w+: (?:array<[a-z0-9]+, (\d+)>|[a-z0-9]+);/g))
    bytes += 4 * Number(size ?? 1)
  return bytes
}

/** Sizes and lengths of loops as text. */
class Lengths {
  private readonly texts = new Map<number, string>()

  constructor({ sizes }: Kernel, known: ReadonlyMap<string, number>) {
    for (const { id, value } of sizes)
      this.texts.set(
        id,
        value.kind === "size"
          ? String(known.get(value.name) ?? value.name)
          : apply(
              value.op,
              value.args.map((x) => this.text(x)),
            ),
      )
  }

  /** A number, an expression over sizes, or `n` if only the kernel knows it. */
  text(x: Operand): string {
    return x.kind === "number" ? String(x.value) : (this.texts.get(x.id) ?? "n")
  }

  /** How many steps a loop has. */
  steps(from: Operand, to: Operand): string {
    return apply("sub", [this.text(to), this.text(from)])
  }
}

const infix: Partial<Record<OpName, string>> = { add: "+", sub: "-", mul: "*" }

function apply(op: OpName, args: readonly string[]): string {
  const numbers = args.map(Number)
  if (numbers.every((x) => !Number.isNaN(x))) return String(ops[op].eval(...numbers))
  if (op === "sub" && args[1] === "0") return args[0]!
  if (op === "mul") return product(args)
  return op in infix ? `(${args.join(` ${infix[op]} `)})` : `${op}(${args.join(", ")})`
}

/** A product with its number first. */
function product(factors: readonly string[]): string {
  let number = 1
  const names: string[] = []
  for (const factor of factors.flatMap((one) => (one.startsWith("(") ? [one] : one.split(" * "))))
    if (Number.isNaN(Number(factor))) names.push(factor)
    else number *= Number(factor)
  return [...(number === 1 && names.length > 0 ? [] : [String(number)]), ...names].join(" * ")
}

/** An array as the user calls it. */
const arrayName = ({ kind, input, name }: Buffer): string =>
  input?.name ?? (kind === "scratch" ? "scratch" : name === "loss" ? "loss" : `d ${name}`)

/** The bytes that statements read and write, by array; what stands under a condition counts as if it held. */
class Traffic {
  private readonly bytes = {
    reads: new Map<string, Map<string, number>>(),
    writes: new Map<string, Map<string, number>>(),
  }
  private readonly lengths: Lengths
  /** Rows that the statements handle at a time. */
  private readonly rows: number

  constructor(lengths: Lengths, rows = 1) {
    this.lengths = lengths
    this.rows = rows
  }

  block(body: readonly Stmt[], loops: readonly string[]): void {
    for (const s of body) {
      if (s.kind === "for") this.block(s.body, [...loops, this.lengths.steps(s.from, s.to)])
      else if (s.kind === "if") {
        const branches = [s.then, s.else].map((branch) => {
          const traffic = new Traffic(this.lengths, this.rows)
          traffic.block(branch, loops)
          return traffic
        })
        this.addLargest(branches)
      } else if (s.kind === "load") this.note("reads", s.buffer, loops)
      else if (s.kind === "store") {
        if (s.accumulate) this.note("reads", s.buffer, loops)
        this.note("writes", s.buffer, loops)
      } else if (s.kind === "fill") this.note("writes", s.buffer, [...loops, this.lengths.text(s.length)])
    }
  }

  /** Adds what the branches of a condition move: the larger number wherever both move something. */
  private addLargest(branches: readonly Traffic[]): void {
    for (const which of ["reads", "writes"] as const) {
      const arrays = new Set(branches.flatMap((one) => [...one.bytes[which].keys()]))
      for (const array of arrays) {
        const maps = branches.map((one) => one.bytes[which].get(array) ?? new Map<string, number>())
        for (const key of new Set(maps.flatMap((map) => [...map.keys()])))
          this.add(which, array, key, Math.max(...maps.map((map) => map.get(key) ?? 0)))
      }
    }
  }

  private add(which: "reads" | "writes", array: string, key: string, times: number): void {
    const terms = this.bytes[which].get(array) ?? new Map<string, number>()
    terms.set(key, (terms.get(key) ?? 0) + times)
    this.bytes[which].set(array, terms)
  }

  text(which: "reads" | "writes"): string {
    const arrays = [...this.bytes[which]].map(([array, terms]) => {
      const sum = [...terms].map(([loops, times]) => product([String(4 * times), loops]))
      const number = sum.reduce((total, term) => total + Number(term), 0)
      return `${array} ${Number.isNaN(number) ? sum.join(" + ") : number} bytes`
    })
    return arrays.join(", ") || "nothing"
  }

  private note(which: "reads" | "writes", buffer: Buffer, loops: readonly string[]): void {
    this.add(which, arrayName(buffer), product(loops), 1 / this.rows)
  }
}
