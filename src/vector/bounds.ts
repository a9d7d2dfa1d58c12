// Places that a loop reads and writes -> from where to where each can be, and the proof that some never meet.
//
// A recurrence writes the row behind the one that it reads: what it reads ends where what it writes begins, whatever its index.
import type { Kernel, Operand, Stmt } from "../loops.ts"
import { type Sum, add, constant, multiply } from "../blocks/products.ts"
import { type Loop, definedIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"

/** An int is not below all of `low`, nor above all of `high`. Empty where nothing is known. */
interface Range {
  readonly low: readonly Sum[]
  readonly high: readonly Sum[]
}

type Let = Extract<Stmt, { kind: "let" }>

/** Knows the ints of one kernel. */
export class Bounds {
  private readonly lets = new Map<number, Let>()
  private readonly loops = new Map<number, Loop>()
  private readonly exact = new Map<number, Sum>()
  /** Values that are never below 0. */
  private readonly positive = new Set<number>()

  constructor({ sizes }: Kernel, body: readonly Stmt[]) {
    for (const { id, value } of sizes) {
      if (value.kind === "size") this.positive.add(id)
      else this.exact.set(id, this.computed(id, value.op, value.args))
    }
    forEachStatement(body, (s) => {
      if (s.kind === "let" && s.type === "int") {
        this.lets.set(s.id, s)
        this.exact.set(s.id, this.computed(s.id, s.op, s.args))
      }
      if (s.kind === "for") this.loops.set(s.id, s)
      if (s.kind === "for" && this.isPositive(this.sum(s.from))) this.positive.add(s.id)
    })
  }

  private computed(id: number, op: string, args: readonly Operand[]): Sum {
    const [x, y] = args
    if (op === "mul") return multiply(this.sum(x!), this.sum(y!))
    if (op === "add" || op === "sub") return add(this.sum(x!), this.sum(y!), op === "add" ? 1 : -1)
    return [{ times: 1, factors: [id] }]
  }

  private sum(x: Operand): Sum {
    if (x.kind === "number") return constant(x.value)
    return this.exact.get(x.id) ?? [{ times: 1, factors: [x.id] }]
  }

  private isPositive(x: Sum): boolean {
    return x.every(({ times, factors }) => times > 0 && factors.every((f) => this.positive.has(f)))
  }

  /** Whether two places of a loop are different, each at any index of its own. */
  areApart(x: Operand, y: Operand, loop: Loop): boolean {
    const own = definedIn([loop])
    const [a, b] = [x, y].map((at) => this.range(at, own)) as [Range, Range]
    // A loop that runs has an index.
    const length = add(add(this.sum(loop.to), this.sum(loop.from), -1), constant(1), -1)
    const isAbove = (one: Sum, other: Sum): boolean => {
      const between = add(add(one, other, -1), constant(1), -1)
      return this.isPositive(between) || this.isPositive(add(between, length, -1))
    }
    const isBehind = ({ low }: Range, { high }: Range): boolean =>
      low.length > 0 && high.length > 0 && low.every((one) => high.every((other) => isAbove(one, other)))
    return isBehind(a, b) || isBehind(b, a)
  }

  /** What a value can be in a loop, `own` being what the loop defines. */
  private range(x: Operand, own: ReadonlySet<number>): Range {
    if (x.kind === "number" || !own.has(x.id)) return { low: [this.sum(x)], high: [this.sum(x)] }
    const loop = this.loops.get(x.id)
    if (loop) {
      const [from, to] = [this.range(loop.from, own), this.range(loop.to, own)]
      return { low: from.low, high: each(to.high, [constant(1)], -1) }
    }
    const made = this.lets.get(x.id)
    if (!made) return { low: [], high: [] }
    const [a, b] = made.args.map((arg) => this.range(arg, own)) as [Range, Range]
    const either = (one: readonly Sum[], other: readonly Sum[]): readonly Sum[] =>
      one.length > 0 && other.length > 0 ? [...one, ...other] : []
    switch (made.op) {
      case "add":
        return { low: each(a.low, b.low), high: each(a.high, b.high) }
      case "sub":
        return { low: each(a.low, b.high, -1), high: each(a.high, b.low, -1) }
      case "min":
        return { low: either(a.low, b.low), high: a.high.length > 0 ? a.high : b.high }
      case "max":
        return { low: a.low.length > 0 ? a.low : b.low, high: either(a.high, b.high) }
      default:
        return { low: [], high: [] }
    }
  }
}

/** So many possibilities are worth looking at. */
const MOST = 16

const each = (x: readonly Sum[], y: readonly Sum[], sign: 1 | -1 = 1): readonly Sum[] =>
  x.length * y.length > MOST ? [] : x.flatMap((one) => y.map((other) => add(one, other, sign)))
