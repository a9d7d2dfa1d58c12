// Loops -> loops: chunks, jammed loops and lanes, for targets that run one value at a time.
//
// - A loop around one innermost loop is unrolled by eight and its copies are jammed into the inner loop, where they share loads
//   and each has an accumulator of its own (a pairwise product reads a row once for eight others).
// - An innermost loop runs four or eight lanes, each with accumulators of its own, combined in a fixed order at the end: one
//   accumulator would wait for the latency of every addition. What is left over runs in a loop of its own.
// - An innermost loop around a condition that stands still becomes two loops.
// - Loops of few iterations, known beforehand, are written out.
// - Outermost loops are cut into chunks, so that an emitter can make a function of each.
// Sums are added in another order than the interpreter of the original loops adds them; nothing else changes.
import { flatMap } from "./lists.ts"
import type { Kernel, Stmt } from "./loops.ts"
import { chunk } from "./unroll/chunk.ts"
import { type Loop, Numbers, isElementary, hasLoop, weight } from "./unroll/facts.ts"
import { combinable } from "./unroll/outside.ts"
import { hoist } from "./unroll/hoist.ts"
import { factored } from "./unroll/factors.ts"
import { joined } from "./unroll/joined.ts"
import { jam, jammable, onlyInner } from "./unroll/jam.ts"
import { lanes } from "./unroll/lanes.ts"
import { withSingles } from "./unroll/specialise.ts"
import { unswitch } from "./unroll/unswitch.ts"
import { type WrittenOut, cost, writtenOut } from "./unroll/written-out.ts"

/** How far to unroll. */
export interface UnrollOptions {
  /** Most iterations of a loop that is written out, and most statements it may have then. */
  readonly writtenOut: WrittenOut
  /** Lanes of an innermost loop with accumulators: most, and most statements in all of them. */
  readonly lanes: Limits
  /** The same with elementary functions, which keep a processor busy in fewer lanes. */
  readonly elementary: Limits
  /** Most statements in all lanes of a loop that only stores: no addition waits for another, lanes save what a group costs alone. */
  readonly storing: number
  /** Most accumulators in all lanes (16 registers hold them). */
  readonly accumulators: number
  /** Lanes of a light loop that stands alone in a chunk: it has so many iterations that what one group costs besides its lanes counts. */
  readonly flat: Limits
  /** Most iterations jammed into an inner loop, half as many if each has several accumulators; most statements of the inner loop. */
  readonly jam: Limits
}

interface Limits {
  readonly most: number
  readonly weight: number
}

const defaults: UnrollOptions = {
  writtenOut: { iterations: 8, weight: 96 },
  lanes: { most: 8, weight: 192 },
  elementary: { most: 4, weight: 360 },
  storing: 128,
  accumulators: 8,
  flat: { most: 16, weight: 128 },
  jam: { most: 8, weight: 32 },
}

/** Unrolls every loop of a kernel where that is legal and pays. */
export function unroll(kernel: Kernel, options: Partial<UnrollOptions> = {}): Kernel {
  const numbers = new Numbers(kernel)
  const unroller = new Unroller(numbers, { ...defaults, ...options })
  const hoisted = hoist(joined(withSingles(kernel, numbers).body, numbers), numbers)
  const body = kernel.dtype === "f32" ? factored(hoisted, numbers) : hoisted
  return { ...kernel, body: unroller.block(chunk(body, numbers)) }
}

class Unroller {
  readonly numbers: Numbers
  private readonly options: UnrollOptions

  constructor(numbers: Numbers, options: UnrollOptions) {
    this.numbers = numbers
    this.options = options
  }

  block(body: readonly Stmt[]): Stmt[] {
    return flatMap(body, (s) => this.statement(s))
  }

  /** `flat` says that the statement stands directly in a chunk. */
  private statement(s: Stmt, flat = false): Stmt[] {
    if (s.kind === "if") return [{ ...s, then: this.block(s.then), else: this.block(s.else) }]
    if (s.kind !== "for") return [s]
    if (s.step) return [{ ...s, body: flatMap(s.body, (x) => this.statement(x, true)) }]
    const short = writtenOut(s, this.options.writtenOut, this.numbers)
    if (short) return this.block(short)
    if (!hasLoop(s.body)) {
      const switched = unswitch(s, this.numbers)
      return switched ? this.statement(switched) : this.lanes(s, flat)
    }
    const count = this.jammed(s)
    if (count > 1)
      return jam(
        s,
        count,
        this.numbers,
        (inner) => this.lanes(inner),
        (rest) => (rest.kind === "for" ? [{ ...rest, body: this.block(rest.body) }] : [rest]),
      )
    return [{ ...s, body: this.block(s.body) }]
  }

  /** How many iterations of a loop are jammed into its inner loop: one where that is too heavy to gain from what they share. */
  private jammed(s: Loop): number {
    if (!jammable(s)) return 1
    const inner = onlyInner(s)!
    const { most, weight: heaviest } = this.options.jam
    if (weight(inner.body, cost) > heaviest) return 1
    return this.reals(inner) > 1 ? most / 2 : most
  }

  /** How many accumulators of reals a loop updates. Counts are kept in other registers. */
  private reals(s: Loop): number {
    return [...combinable(s.body).keys()].filter((id) => this.numbers.accs.get(id) === "real").length
  }

  private lanes(s: Loop, flat = false): Stmt[] {
    const { accumulators, storing } = this.options
    const own = weight(s.body, cost)
    const accs = this.reals(s)
    // Lanes hide the latency of accumulators; lanes of branches that only store would be text and nothing else.
    if (accs === 0 && s.body.some((x) => x.kind === "if")) return [s]
    const { most, weight: heaviest } = this.options[s.body.some(isElementary) ? "elementary" : "lanes"]
    const limit = accs === 0 ? Math.min(heaviest, storing) : heaviest
    let count = most
    while (count > 1 && (count * own > limit || count * accs > accumulators)) count /= 2
    const { most: more, weight: light } = this.options.flat
    return lanes(
      s,
      flat && count === this.options.lanes.most && more * own <= light ? more : count,
      count,
      this.numbers,
    )
  }
}
