// A loop in lanes -> instructions over vectors of four lanes, with conditions as masks.
//
// Each accumulator of all iterations is a vector, combined behind the loop; sums are f64. Branches whose condition varies run if
// some lane takes them.
import { flatMap } from "../lists.ts"
import type { Stmt } from "../loops.ts"
import { type Loop, type UpdateOp, identities } from "../unroll/facts.ts"
import { LANES } from "../vector.ts"
import type { LaneKind } from "../vector/kinds.ts"
import { forEachStatement } from "../walk.ts"
import { LaneMemory } from "./lane-memory.ts"
import { type Scalars, type Vector, get, lanes } from "./lane-values.ts"
import { int } from "./machine.ts"
import { direct } from "./wat-math.ts"

/** Emits one loop. */
export class Lanes extends LaneMemory {
  /** Accumulators of all iterations, with how they combine. */
  private readonly reduced = new Map<number, UpdateOp>()
  /** Accumulators of one iteration that are the largest or the smallest of several numbers. */
  private readonly extremes: ReadonlySet<number>

  constructor(to: Scalars, loop: Loop) {
    super(to, loop)
    this.extremes = extremesIn(loop)
  }

  emit(): void {
    const { code, loop, to } = this
    const index = to.nameOf(loop.id)
    code.declare(index, "i32")
    const end = code.let("i32", to.operand(loop.to, "i32"))
    code.add(`(local.set ${index} ${to.operand(loop.from, "i32")})`)
    code.block(`(if (i32.lt_s ${get(index)} ${end}) (then`, () => {
      const mark = code.lines.length
      code.block(`(loop ${index}`, () => {
        this.block(loop.body)
        code.add(
          `(local.set ${index} (i32.add ${get(index)} ${loop.step ? to.operand(loop.step, "i32") : int(LANES)}))`,
          `(br_if ${index} (i32.lt_s ${get(index)} ${end}))`,
        )
      })
      code.insert(mark, this.before)
      for (const [acc, op] of this.reduced) this.combine(acc, op)
    })
    code.add(")")
  }

  /** Statements that do not run each time: what they make is theirs. */
  private within(body: readonly Stmt[]): void {
    const { places } = this
    this.places = new Map(places)
    this.block(body)
    this.places = places
  }

  // ---------------------------------------------------------------------------------------- statements

  private update(s: Extract<Stmt, { kind: "update" }>): void {
    const kind = this.kinds.get(s.acc)
    if (!kind) return this.to.statement(s)
    if (!this.inside.has(s.acc) && !this.reduced.has(s.acc)) this.startReduced(s, kind)
    const acc = this.accumulator(s.acc)
    let value = this.term(s.value, kind)
    if (s.op !== "set") {
      // What a lane that does not run adds changes nothing.
      if (this.mask) {
        const masked =
          s.op === "add"
            ? this.where(this.mask, value)
            : this.choose(this.mask, value, this.literal(identity(s.op, kind), kind))
        value = this.let(masked)
      }
      value = this.isExtreme(s.acc, s.op)
        ? this.extreme(s.acc, s.op as "max", acc, value, kind)
        : this.combined(s.op, acc, value, kind)
    } else if (this.mask) value = this.choose(this.mask, value, acc)
    this.assign(s.acc, value)
  }

  /**
   * A largest or smallest number of all iterations: one instruction of the processor that passes over NaN, which is noted
   * apart; the one of WebAssembly takes seven.
   */
  private isExtreme(acc: number, op: UpdateOp): boolean {
    const kind = this.kinds.get(acc)
    if (this.inside.has(acc)) return this.extremes.has(acc) && kind === "f32"
    return (op === "max" || op === "min") && (kind === "f32" || kind === "f64")
  }

  /** The registers of a value that is read. An extreme number of each lane is NaN where that was noted: all bits are. */
  protected override registers(id: number): Vector {
    const value = super.registers(id)
    return this.extremes.has(id) && this.kinds.get(id) === "f32"
      ? value.map((one) => `(v128.or ${one} ${get(`${this.to.nameOf(id)}_nan`)})`)
      : value
  }

  private extreme(acc: number, op: "max" | "min", x: Vector, y: Vector, kind: LaneKind): Vector {
    const shape = kind === "f32" ? "f32x4" : "f64x2"
    const nan = `${this.accName(acc)}_nan`
    const notes = y.map((one) => `(${shape}.ne ${one} ${one})`)
    const noted = notes.reduce((sum, one) => `(v128.or ${sum} ${one})`, get(nan))
    this.code.add(`(local.set ${nan} ${noted})`)
    return x.map((one, i) => `(${shape}.p${op} ${one} ${y[i]})`)
  }

  /** The registers of an accumulator: of all iterations under a name of this loop's own. */
  private accumulator(id: number): Vector {
    const name = this.accName(id)
    return this.kinds.get(id) === "f64" ? [get(name), get(`${name}_h`)] : [get(name)]
  }

  private accName(id: number): string {
    return this.inside.has(id) ? this.to.nameOf(id) : `${this.to.nameOf(id)}_${this.loop.id}`
  }

  private assign(id: number, value: Vector): void {
    const name = this.accName(id)
    const list = value.length > 1 ? this.let(value) : value
    list.forEach((one, i) => this.code.add(`(local.set ${i === 0 ? name : `${name}_h`} ${one})`))
  }

  private startReduced({ acc, op }: Extract<Stmt, { kind: "update" }>, kind: LaneKind): void {
    this.reduced.set(acc, op)
    const name = this.accName(acc)
    if (this.isExtreme(acc, op)) {
      this.code.declare(`${name}_nan`, "v128")
      this.before.push(`(local.set ${name}_nan ${this.literal(0, "i32")[0]})`)
    }
    this.literal(identity(op, kind), kind).forEach((one, i) => {
      const register = i === 0 ? name : `${name}_h`
      this.code.declare(register, "v128")
      this.before.push(`(local.set ${register} ${one})`)
    })
  }

  private combined(op: UpdateOp, x: Vector, y: Vector, kind: LaneKind): Vector {
    if (kind === "mask") return [`(v128.${op === "min" || op === "mul" ? "and" : "or"} ${x[0]} ${y[0]})`]
    if (kind === "i32") return [`(i32x4.${op === "max" || op === "min" ? `${op}_s` : op} ${x[0]} ${y[0]})`]
    const machine = kind === "f32" ? this.short : this.long
    return x.map((one, i) => direct[op as "add"]!(machine, one, y[i]!))
  }

  /** Behind the loop: the lanes of an accumulator as one number, then with the number before the loop. */
  private combine(acc: number, op: UpdateOp): void {
    const { code, to } = this
    const kind = this.kinds.get(acc)!
    const name = to.nameOf(acc)
    const x = this.accumulator(acc)
    if (kind === "mask") {
      const every = op === "min" || op === "mul"
      const all = every ? `(i32x4.all_true ${x[0]})` : `(v128.any_true ${x[0]})`
      return code.add(`(local.set ${name} (i32.${every ? "and" : "or"} ${get(name)} ${all}))`)
    }
    if (kind === "f32" && op === "add") {
      const both = code.let("v128", `(f64x2.add ${this.convert(x, kind, "f64").join(" ")})`)
      const sum = `(f64.add (f64x2.extract_lane 0 ${both}) (f64x2.extract_lane 1 ${both}))`
      return code.add(`(local.set ${name} (f64.add ${get(name)} ${sum}))`)
    }
    const parts = lanes.map((lane) => {
      if (kind === "f64") return `(f64x2.extract_lane ${lane % 2} ${x[lane >> 1]})`
      if (kind === "f32") return `(f64.promote_f32 (f32x4.extract_lane ${lane} ${x[0]}))`
      return `(f64.convert_i32_s (i32x4.extract_lane ${lane} ${x[0]}))`
    })
    const two = (a: string, b: string): string => `(f64.${op} ${a} ${b})`
    const all = two(two(parts[0]!, parts[1]!), two(parts[2]!, parts[3]!))
    code.add(`(local.set ${name} ${two(get(name), all)})`)
    if (this.isExtreme(acc, op)) {
      const nan = get(`${this.accName(acc)}_nan`)
      code.add(`(if (v128.any_true ${nan}) (then (local.set ${name} (f64.const nan))))`)
    }
  }

  private branch(s: Extract<Stmt, { kind: "if" }>): void {
    const { code } = this
    if (s.condition.kind === "number" || !this.shapes.has(s.condition.id)) {
      code.block(`(if ${this.to.operand(s.condition, "i32")} (then`, () => this.within(s.then))
      if (s.else.length > 0) code.block("(else", () => this.within(s.else))
      return code.add(")")
    }
    const outer = this.mask
    const condition = this.vector(s.condition, "mask")[0]!
    const both = (x: string): string => (outer ? `(v128.and ${x} ${outer})` : x)
    for (const [body, x] of [
      [s.then, condition],
      [s.else, `(v128.not ${condition})`],
    ] as const) {
      if (body.length === 0) continue
      this.mask = code.let("v128", both(x))
      if (body.every((one) => one.kind === "update" && this.kinds.has(one.acc))) {
        // What there is to skip costs less than a branch.
        this.block(body)
        continue
      }
      code.block(`(if (v128.any_true ${this.mask}) (then`, () => this.within(body))
      code.add(")")
    }
    this.mask = outer
  }

  private block(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s)
  }

  private statement(s: Stmt): void {
    const { code, to } = this
    const varies = "id" in s && this.kinds.has(s.id)
    switch (s.kind) {
      case "let": {
        if (!varies) return this.to.statement(s)
        const value = this.value(s)
        if (this.products.has(s.id)) return void this.waiting.set(s.id, value)
        this.declare(s.id)
        return this.set(s.id, value.length > 1 ? this.let(value) : value)
      }
      case "load":
        return varies ? this.load(s) : this.to.statement(s)
      case "acc":
        if (!varies) return this.to.statement(s)
        this.declare(s.id)
        if (this.isExtreme(s.id, "max")) {
          const nan = `${to.nameOf(s.id)}_nan`
          code.declare(nan, "v128")
          code.add(`(local.set ${nan} ${this.literal(0, "i32")[0]})`)
        }
        return this.set(s.id, this.vector(s.initial, this.kinds.get(s.id)!))
      case "update":
        return this.update(s)
      case "store":
        return this.store(s)
      case "fill":
        return this.fill(s)
      case "for":
        return this.to.loop(s, () => this.within(s.body))
      case "if":
        return this.branch(s)
      default:
        throw new Error(`no ${s.kind} runs in lanes`)
    }
  }
}

const identity = (op: UpdateOp, kind: LaneKind): number => {
  if (kind === "i32" && op === "max") return -(2 ** 31)
  if (kind === "i32" && op === "min") return 2 ** 31 - 1
  if (kind === "mask") return op === "min" || op === "mul" ? 1 : 0
  return identities[op]!
}

/** The accumulators of an iteration that start at a literal and are updated by `max` alone, or by `min`. */
function extremesIn(loop: Loop): ReadonlySet<number> {
  const ways = new Map<number, Set<UpdateOp>>()
  forEachStatement(loop.body, (s) => {
    if (s.kind === "acc" && s.initial.kind === "number" && !Number.isNaN(s.initial.value))
      ways.set(s.id, new Set())
  })
  forEachStatement(loop.body, (s) => {
    if (s.kind === "update") ways.get(s.acc)?.add(s.op)
  })
  return new Set(
    flatMap([...ways], ([acc, ops]) => (ops.size === 1 && (ops.has("max") || ops.has("min")) ? [acc] : [])),
  )
}
