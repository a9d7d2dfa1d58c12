// Loops of few iterations, known beforehand -> their iterations one after another.
import { flatMap } from "../lists.ts"
import type { Operand, Stmt } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import { forEachStatement, withOperands } from "../walk.ts"
import { Copier } from "./copy.ts"
import { type Loop, type Numbers, literal, weight, writtenIn } from "./facts.ts"

/** Most iterations of a loop that is written out, and most statements of them all. */
export interface WrittenOut {
  readonly iterations: number
  readonly weight: number
}

/** Rough number of machine operations of a statement. */
export const cost = (s: Stmt): number =>
  s.kind === "let" ? Math.min(ops[s.op].cost ?? 1, 20) : s.kind === "for" ? 0 : 1

/** The iterations of a short loop one after another. */
export function writtenOut(s: Loop, limits: WrittenOut, numbers: Numbers): Stmt[] | undefined {
  if (s.from.kind !== "number" || s.to.kind !== "number") return undefined
  const count = Math.max(0, s.to.value - s.from.value)
  if (count > limits.iterations || count * weight(s.body, cost) > limits.weight) return undefined
  const copier = new Copier(numbers, writtenIn(s.body))
  for (let i = s.from.value; i < s.to.value; i++) {
    copier.substitute(s.id, literal(i))
    copier.copy(s.body)
  }
  return copier.out
}

/** Operators of conditions, and those that choose by one. */
const decidable: ReadonlySet<OpName> = new Set([
  "eq",
  "ne",
  "lt",
  "le",
  "and",
  "or",
  "not",
  "select",
  "guard",
])

/** A block without the conditions that literals decide, and without accumulators that are set outside of branches and loops alone. */
export function decided(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  return new Decider(numbers).settled(body)
}

class Decider {
  private readonly known = new Map<number, Operand>()
  private readonly numbers: Numbers

  constructor(numbers: Numbers) {
    this.numbers = numbers
  }

  settled(body: readonly Stmt[]): Stmt[] {
    const list = this.block(body)
    const plain = setOnly(list, this.numbers)
    return flatMap(list, (s): Stmt[] => {
      if (s.kind === "acc" && plain.has(s.id)) {
        this.known.set(s.id, this.read(s.initial))
        return []
      }
      if (s.kind === "update" && plain.has(s.acc)) {
        this.known.set(s.acc, this.read(s.value))
        return []
      }
      return [this.operands(s)]
    })
  }

  private read(x: Operand): Operand {
    return x.kind === "value" ? (this.known.get(x.id) ?? x) : x
  }

  private block(body: readonly Stmt[]): Stmt[] {
    return flatMap(body, (given): Stmt[] => {
      const s = this.operands(given)
      if (s.kind === "for") return [{ ...s, body: this.block(s.body) }]
      if (s.kind === "if") {
        if (s.condition.kind === "number") return this.block(s.condition.value === 0 ? s.else : s.then)
        return [Object.assign({}, s, { then: this.block(s.then), else: this.block(s.else) })]
      }
      const value = s.kind === "let" ? decide(s) : undefined
      if (s.kind !== "let" || !value) return [s]
      this.known.set(s.id, value)
      return []
    })
  }

  /** A statement with what is known of its operands, blocks inside included. */
  private operands(s: Stmt): Stmt {
    return withOperands(s, (x) => this.read(x))
  }
}

function decide({ op, args }: Extract<Stmt, { kind: "let" }>): Operand | undefined {
  if (!decidable.has(op)) return undefined
  const [x, y, z] = args
  if (op === "select" || op === "guard")
    return x!.kind === "number" ? (x!.value === 0 ? (z ?? literal(0)) : y) : undefined
  const values = flatMap(args, (arg) => (arg.kind === "number" ? [arg.value] : []))
  if (values.length === args.length)
    return literal(Number((ops[op].eval as (...values: number[]) => number | boolean)(...values)))
  if (op !== "and" && op !== "or") return undefined
  const [literalSide, other] = x!.kind === "number" ? [x!, y!] : [y!, x!]
  if (literalSide.kind !== "number") return undefined
  return (literalSide.value === 0) === (op === "or") ? other : literalSide
}

/** Accumulators that the statements of a block itself declare and set, to what does not change, and nothing inside of it changes. */
function setOnly(body: readonly Stmt[], { accs }: Numbers): ReadonlySet<number> {
  const changes = (x: Operand): boolean => x.kind === "value" && accs.has(x.id)
  const out = new Set(flatMap(body, (s) => (s.kind === "acc" && !changes(s.initial) ? [s.id] : [])))
  const own = new Set(body)
  forEachStatement(body, (s) => {
    if (s.kind === "update" && (s.op !== "set" || !own.has(s) || changes(s.value))) out.delete(s.acc)
  })
  return out
}
