// Statements -> copies of them with numbers of their own, equal values made once.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type Interval, type OpName, ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { type Let, type Numbers, literal, sameOperand, valueOf } from "./facts.ts"

/** A value, what made it of what, and another with the same hash. */
interface Entry {
  readonly by: OpName | Buffer
  readonly type: ScalarType
  readonly args: readonly Operand[]
  readonly value: Operand
  readonly next: Entry | undefined
}

/** Values already made in the copies, by what made them; a block inside another sees those made before it. */
class Made {
  private readonly entries = new Map<number, Entry>()
  private readonly outside: Made | undefined

  constructor(outside?: Made) {
    this.outside = outside
  }

  find(
    by: OpName | Buffer,
    type: ScalarType,
    args: readonly Operand[],
    key = hash(by, args),
  ): Operand | undefined {
    let entry = this.entries.get(key)
    while (entry && !(entry.by === by && entry.type === type && sameArgs(entry.args, args)))
      entry = entry.next
    return entry ? entry.value : this.outside?.find(by, type, args, key)
  }

  add(by: OpName | Buffer, type: ScalarType, args: readonly Operand[], value: Operand): void {
    const key = hash(by, args)
    this.entries.set(key, { by, type, args, value, next: this.entries.get(key) })
  }
}

function hash(by: OpName | Buffer, args: readonly Operand[]): number {
  let h = typeof by === "string" ? by.length * 32 + by.charCodeAt(0) : by.id
  for (const x of args) h = Math.imul(h, 0x2f0b4c47) + (x.kind === "value" ? x.id : ~x.value)
  return h | 0
}

function sameArgs(x: readonly Operand[], y: readonly Operand[]): boolean {
  for (let i = 0; i < x.length; i++) if (!sameOperand(x[i]!, y[i]!)) return false
  return true
}

/** What stands for values; a block inside another sees what stood there when it was begun. */
class Replacements {
  private readonly own = new Map<number, Operand>()
  private readonly outside: Replacements | undefined

  constructor(outside?: Replacements) {
    this.outside = outside
  }

  get(id: number): Operand | undefined {
    return this.own.get(id) ?? this.outside?.get(id)
  }

  set(id: number, by: Operand): void {
    this.own.set(id, by)
  }
}

/**
 * Copies statements several times into one block. Between copies only the substitution changes; a `let` or a load that
 * an earlier copy already made is not made again, so what does not depend on the substitution is shared.
 */
export class Copier {
  /** Statements made so far. */
  out: Stmt[] = []
  private made = new Made()
  private map = new Replacements()
  private readonly numbers: Numbers
  private readonly written: ReadonlySet<Buffer>

  /** `written` are the arrays written while the copies run: loads from them are never shared. */
  constructor(numbers: Numbers, written: ReadonlySet<Buffer>) {
    this.numbers = numbers
    this.written = written
  }

  /** Replaces a value or an accumulator in what is copied from now on. */
  substitute(id: number, by: Operand): void {
    this.map.set(id, by)
  }

  /** A copier for a block inside the current one: it sees the values made so far and keeps its own to itself. */
  inside(): Copier {
    const inner = new Copier(this.numbers, this.written)
    inner.made = new Made(this.made)
    inner.map = new Replacements(this.map)
    return inner
  }

  operand(x: Operand): Operand {
    return x.kind === "value" ? (this.map.get(x.id) ?? x) : x
  }

  /** An int made of ints, folded if it can be. */
  int(op: "add" | "sub" | "mul" | "idiv" | "mod" | "max" | "min", x: Operand, y: Operand): Operand {
    return this.make(op, [x, y], "int")
  }

  /** Several values combined two by two: always the same order, and as few steps after one another as can be. */
  balanced(
    op: "add" | "mul" | "max" | "min",
    values: readonly Operand[],
    type: "int" | "real" = "real",
  ): Operand {
    let level = values
    while (level.length > 1) {
      const next: Operand[] = []
      for (let i = 0; i < level.length; i += 2)
        next.push(i + 1 < level.length ? this.make(op, [level[i]!, level[i + 1]!], type) : level[i]!)
      level = next
    }
    return level[0]!
  }

  /** A copier that adds to the same statements and shares what they made, with one more substitution of its own. */
  fork(id: number, by: Operand): Copier {
    const other = new Copier(this.numbers, this.written)
    other.out = this.out
    other.made = this.made
    other.map = new Replacements(this.map)
    other.substitute(id, by)
    return other
  }

  /** Substitutes from now on what another copier substitutes. */
  adopt(other: Copier): void {
    this.map = new Replacements(other.map)
  }

  private make(op: OpName, args: readonly Operand[], type: ScalarType, range?: Interval): Operand {
    if (type === "int") {
      if (args.every((x) => x.kind === "number"))
        return literal(
          (ops[op].eval as (...args: number[]) => number)(...args.map((x) => (x as { value: number }).value)),
        )
      const [x, y] = args
      const is = (z: Operand | undefined, v: number): boolean => z?.kind === "number" && z.value === v
      if (op === "add" && is(x, 0)) return y!
      if ((op === "add" || op === "sub") && is(y, 0)) return x!
      if (op === "mul" && is(x, 1)) return y!
      if (op === "mul" && is(y, 1)) return x!
      if (op === "mod" && is(y, 1)) return literal(0)
    }
    const changes = args.some((x) => x.kind === "value" && this.numbers.accs.has(x.id))
    const known = changes ? undefined : this.made.find(op, type, args)
    if (known) return known
    const id = this.numbers.value()
    const s: Let = range ? { kind: "let", id, op, args, type, range } : { kind: "let", id, op, args, type }
    this.out.push(s)
    if (type === "bool") this.numbers.conditions.set(id, s)
    const value = valueOf(id)
    if (!changes) this.made.add(op, type, args, value)
    return value
  }

  copy(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s)
  }

  private block(body: readonly Stmt[]): Stmt[] {
    const inner = this.inside()
    inner.copy(body)
    return inner.out
  }

  private statement(s: Stmt): void {
    switch (s.kind) {
      case "let":
        return this.substitute(
          s.id,
          this.make(
            s.op,
            s.args.map((x) => this.operand(x)),
            s.type,
            s.range,
          ),
        )
      case "load": {
        const at = this.operand(s.at)
        const known = this.written.has(s.buffer) ? undefined : this.made.find(s.buffer, s.type, [at])
        if (known) return this.substitute(s.id, known)
        const id = this.numbers.value()
        this.out.push({ ...s, id, at })
        this.made.add(s.buffer, s.type, [at], valueOf(id))
        return this.substitute(s.id, valueOf(id))
      }
      case "acc": {
        const id = this.numbers.acc(s.type)
        this.out.push({ ...s, id, initial: this.operand(s.initial) })
        return this.substitute(s.id, valueOf(id))
      }
      case "update": {
        const acc = this.operand(valueOf(s.acc)) as { id: number }
        this.out.push({ ...s, acc: acc.id, value: this.operand(s.value) })
        return
      }
      case "store":
        this.out.push({ ...s, at: this.operand(s.at), value: this.operand(s.value) })
        return
      case "fill":
        this.out.push({ ...s, at: this.operand(s.at), length: this.operand(s.length) })
        return
      case "sort":
        this.out.push({
          ...s,
          keysAt: this.operand(s.keysAt),
          stride: this.operand(s.stride),
          indexAt: this.operand(s.indexAt),
          length: this.operand(s.length),
        })
        return
      case "result":
        this.out.push({ ...s, value: this.operand(s.value) })
        return
      case "for": {
        const id = this.numbers.value()
        const bounds = { from: this.operand(s.from), to: this.operand(s.to) }
        const inner = this.inside()
        inner.substitute(s.id, valueOf(id))
        inner.copy(s.body)
        this.out.push({
          ...s,
          ...bounds,
          ...(s.step ? { step: this.operand(s.step) } : {}),
          id,
          body: inner.out,
        })
        return
      }
      case "if":
        this.out.push({
          ...s,
          condition: this.operand(s.condition),
          then: this.block(s.then),
          else: this.block(s.else),
        })
    }
  }
}
