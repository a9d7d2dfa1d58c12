// A loop in lanes -> instructions over vectors of four lanes, with conditions as masks.
//
// What is the same in every lane stays a number. A linear place is kept as that of the first lane. Each accumulator of all
// iterations is a vector, combined behind the loop; sums are f64. Branches whose condition varies run if some lane takes them.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type OpName } from "../ops.ts"
import type { Loop, UpdateOp } from "../unroll/facts.ts"
import { identities } from "../unroll/facts.ts"
import { LANES } from "../vector.ts"
import { type LaneKind, type Surroundings, kindsOf } from "../vector/kinds.ts"
import { type Shape, isUnit, shapesOf } from "../vector/shapes.ts"
import { forEachStatement } from "../walk.ts"
import { type Code, Machine, int, watNumber } from "./machine.ts"
import { Ranges } from "./values.ts"
import { comparisons, direct, elementary } from "./wat-math.ts"

/** One register, or two for f64. */
type Vector = readonly string[]

/** What the loop takes from the emitter of all other statements. */
export interface Scalars extends Surroundings {
  readonly code: Code
  readonly nameOf: (id: number) => string
  readonly operand: (x: Operand, as: "f64" | "i32") => string
  readonly statement: (s: Stmt) => void
  /** Where an array starts. */
  readonly start: (buffer: Buffer) => string
  readonly functionOf: (op: OpName) => string
}

const LOW = "0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23"
const HIGH = "8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15"
/** The first halves of the four ints of 64 bits of two vectors. */
const EVEN = "0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27"
const lanes = [0, 1, 2, 3]
const sizes = { f32: 4, f64: 8, i32: 4, u8: 1 } as const
const get = (name: string): string => `(local.get ${name})`
const shuffle = (which: string, x: string, y: string): string => `(i8x16.shuffle ${which} ${x} ${y})`

/** Emits one loop. */
export class Lanes {
  private readonly to: Scalars
  private readonly loop: Loop
  private readonly code: Code
  private readonly shapes: ReadonlyMap<number, Shape>
  private readonly kinds: ReadonlyMap<number, LaneKind>
  private readonly inside = new Set<number>()
  private readonly short: Machine
  private readonly long: Machine
  /** Vectors made before the loop, by what is in them. */
  private readonly made = new Map<string, Vector>()
  private readonly before: string[] = []
  /** Accumulators of all iterations, with how they combine. */
  private readonly reduced = new Map<number, UpdateOp>()
  private readonly ranges = new Ranges()
  /** The lanes that run, inside a branch. */
  private mask: string | undefined

  constructor(to: Scalars, loop: Loop) {
    this.to = to
    this.loop = loop
    this.code = to.code
    this.shapes = shapesOf(loop)
    this.kinds = kindsOf(loop, this.shapes, to)
    this.short = new Machine("f32x4", to.code)
    this.long = new Machine("f64x2", to.code)
    this.inside.add(loop.id)
    forEachStatement(loop.body, (s) => {
      if (s.kind === "let" || s.kind === "load" || s.kind === "acc") this.inside.add(s.id)
    })
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

  // ------------------------------------------------------------------------------------------- vectors

  private let(x: Vector): Vector {
    return x.map((one) => this.code.let("v128", one))
  }

  private literal(v: number, kind: LaneKind): Vector {
    const vector = (shape: string, text: string, count: number): string =>
      `(v128.const ${shape} ${Array(count).fill(text).join(" ")})`
    if (kind === "f32") return [vector("f32x4", watNumber(Math.fround(v)), 4)]
    if (kind === "f64") return Array<string>(2).fill(vector("f64x2", watNumber(v), 2))
    return [vector("i32x4", String(kind === "mask" ? -Number(v !== 0) : Math.trunc(v)), 4)]
  }

  /** A number in all lanes. */
  private splat(x: Operand & { kind: "value" }, kind: LaneKind): Vector {
    const { to } = this
    if (kind === "f32") return [`(f32x4.splat (f32.demote_f64 ${to.operand(x, "f64")}))`]
    if (kind === "f64") {
      const both = this.code.let("v128", `(f64x2.splat ${to.operand(x, "f64")})`)
      return [both, both]
    }
    const one = to.operand(x, "i32")
    return [`(i32x4.splat ${kind === "mask" ? `(i32.sub ${int(0)} ${one})` : one})`]
  }

  /** A number from outside in all lanes, made before the loop. */
  private fixed(x: Operand & { kind: "value" }, kind: LaneKind): Vector {
    const key = `${x.id}:${kind}`
    let known = this.made.get(key)
    if (!known) {
      const name = `${this.to.nameOf(x.id)}_${kind}_${this.loop.id}`
      this.code.declare(name, "v128")
      const value = kind === "f64" ? `(f64x2.splat ${this.to.operand(x, "f64")})` : this.splat(x, kind)[0]!
      this.before.push(`(local.set ${name} ${value})`)
      known = kind === "f64" ? [get(name), get(name)] : [get(name)]
      this.made.set(key, known)
    }
    return known
  }

  /** The ints of a linear value. */
  private steps(x: Operand & { kind: "value" }, stride: Operand): string {
    const first = `(i32x4.splat ${this.to.operand(x, "i32")})`
    const iota = "(v128.const i32x4 0 1 2 3)"
    if (stride.kind === "number" && stride.value === 1) return `(i32x4.add ${first} ${iota})`
    return `(i32x4.add ${first} (i32x4.mul (i32x4.splat ${this.to.operand(stride, "i32")}) ${iota}))`
  }

  private vector(x: Operand, kind: LaneKind): Vector {
    if (x.kind === "number") return this.literal(x.value, kind)
    const shape = this.shapes.get(x.id)
    if (!shape) return this.inside.has(x.id) ? this.let(this.splat(x, kind)) : this.fixed(x, kind)
    const own = this.kinds.get(x.id)
    if (shape.kind === "linear" || !own)
      return this.convert(this.let([this.steps(x, (shape as { stride: Operand }).stride)]), "i32", kind)
    return this.convert(this.registers(x.id), own, kind)
  }

  private registers(id: number): Vector {
    const name = this.to.nameOf(id)
    return this.kinds.get(id) === "f64" ? [get(name), get(`${name}_h`)] : [get(name)]
  }

  private declare(id: number): void {
    const name = this.to.nameOf(id)
    this.code.declare(name, "v128")
    if (this.kinds.get(id) === "f64") this.code.declare(`${name}_h`, "v128")
  }

  private set(id: number, value: Vector): void {
    const name = this.to.nameOf(id)
    value.forEach((one, i) => this.code.add(`(local.set ${i === 0 ? name : `${name}_h`} ${one})`))
  }

  private convert(x: Vector, from: LaneKind, to: LaneKind): Vector {
    if (from === to) return x
    const [low, high] = x as [string, string]
    if (from === "mask") {
      const ones = this.let([`(v128.and ${low} ${this.literal(1, "i32")[0]})`])
      return this.convert(ones, "i32", to)
    }
    if (to === "mask")
      return this.let([`(i32x4.ne ${this.convert(x, from, "i32")[0]} ${this.literal(0, "i32")[0]})`])
    if (to === "f64") {
      const widen = from === "f32" ? "f64x2.promote_low_f32x4" : "f64x2.convert_low_i32x4_s"
      return this.let([`(${widen} ${low})`, `(${widen} ${shuffle(HIGH, low, low)})`])
    }
    if (from === "f64") {
      const narrow = to === "f32" ? "f32x4.demote_f64x2_zero" : "i32x4.trunc_sat_f64x2_s_zero"
      return this.let([shuffle(LOW, `(${narrow} ${low})`, `(${narrow} ${high})`)])
    }
    return this.let([to === "f32" ? `(f32x4.convert_i32x4_s ${low})` : `(i32x4.trunc_sat_f32x4_s ${low})`])
  }

  /** A mask as wide as f64. */
  private widened(mask: string): Vector {
    return this.let([`(i64x2.extend_low_i32x4_s ${mask})`, `(i64x2.extend_high_i32x4_s ${mask})`])
  }

  private choose(mask: string, x: Vector, y: Vector): Vector {
    const masks = x.length === 2 ? this.widened(mask) : [mask]
    return x.map((one, i) => `(v128.bitselect ${one} ${y[i]} ${masks[i]})`)
  }

  // ----------------------------------------------------------------------------------------- operators

  private value({ id, op, args }: Extract<Stmt, { kind: "let" }>): Vector {
    const kind = this.kinds.get(id)!
    this.ranges.define(id, op, args)
    switch (op) {
      case "and":
      case "or":
        return [`(v128.${op} ${this.vector(args[0]!, "mask")[0]} ${this.vector(args[1]!, "mask")[0]})`]
      case "not":
        return [`(v128.not ${this.vector(args[0]!, "mask")[0]})`]
      case "indicator":
        return this.convert(this.vector(args[0]!, "mask"), "mask", "i32")
      case "select":
      case "guard": {
        const yes = this.vector(args[1]!, kind)
        const mask = this.vector(args[0]!, "mask")[0]!
        if (args[2] && !(args[2].kind === "number" && Object.is(args[2].value, 0)))
          return this.choose(mask, yes, this.vector(args[2], kind))
        const masks = yes.length === 2 ? this.widened(mask) : [mask]
        return yes.map((one, i) => `(v128.and ${one} ${masks[i]})`)
      }
      case "eq":
      case "ne":
      case "lt":
      case "le":
        return [this.comparison(op, args)]
    }
    if (kind === "i32") return [this.place(op, args)]
    return this.number(op, args, kind)
  }

  private kindOf(x: Operand): LaneKind | undefined {
    if (x.kind === "number")
      return Number.isInteger(x.value) && Math.abs(x.value) < 2 ** 31 ? "i32" : undefined
    const own = this.kinds.get(x.id)
    return own ?? (this.shapes.has(x.id) || this.to.isInt(x.id) ? "i32" : undefined)
  }

  private comparison(op: "eq" | "ne" | "lt" | "le", args: readonly Operand[]): string {
    const kinds = args.map((x) => this.kindOf(x))
    if (kinds.includes("mask")) {
      const [x, y] = args.map((a) => this.vector(a, "mask")[0]!) as [string, string]
      return `(i32x4.${op === "eq" || op === "ne" ? op : `${op}_s`} ${x} ${y})`
    }
    if (kinds.every((kind) => kind === "i32")) {
      const [x, y] = args.map((a) => this.vector(a, "i32")[0]!) as [string, string]
      return `(i32x4.${op === "eq" || op === "ne" ? op : `${op}_s`} ${x} ${y})`
    }
    const isShort = kinds.includes("f32") && !kinds.includes("f64")
    const [x, y] = args.map((a) => this.vector(a, isShort ? "f32" : "f64")) as [Vector, Vector]
    const compare = comparisons[op]!
    if (isShort) return compare(this.short, x[0]!, y[0]!)
    const [low, high] = this.let(x.map((one, i) => compare(this.long, one, y[i]!))) as [string, string]
    return shuffle(EVEN, low, high)
  }

  private place(op: OpName, args: readonly Operand[]): string {
    const [x, y] = args.map((a) => this.vector(a, "i32")[0]!) as [string, string]
    if (op === "add" || op === "sub" || op === "mul") return `(i32x4.${op} ${x} ${y})`
    if (op === "max" || op === "min") return `(i32x4.${op}_s ${x} ${y})`
    if (op === "stop") return x
    const right = args[1]!
    const power = right.kind === "number" && right.value > 0 ? Math.log2(right.value) : NaN
    if (Number.isInteger(power))
      return op === "mod"
        ? `(v128.and ${x} ${this.literal(right.kind === "number" ? right.value - 1 : 0, "i32")[0]})`
        : `(i32x4.shr_s ${x} ${int(power)})`
    // Quotients of 32 bits are exact in f64.
    return this.convert(this.number(op, args, "f64"), "f64", "i32")[0]!
  }

  private number(op: OpName, args: readonly Operand[], kind: LaneKind): Vector {
    const [plain, ranged] = [direct[op], elementary[op]]
    if (!plain && !ranged) return this.oneByOne(op, args, kind)
    const list = args.map((x) => this.vector(x, kind))
    const machine = kind === "f32" ? this.short : this.long
    return list[0]!.map((_, half) => {
      const own = list.map((x) => x[half]!)
      return plain ? plain(machine, ...own) : ranged!(machine, own, this.ranges.of(args[0]!))
    })
  }

  /** What has no vector form is computed lane by lane. */
  private oneByOne(op: OpName, args: readonly Operand[], kind: LaneKind): Vector {
    const list = args.map((x) => this.vector(x, "f64"))
    const name = this.to.functionOf(op)
    const result = [0, 1].map((half) => {
      const [first, second] = [0, 1].map((lane) =>
        this.code.let(
          "f64",
          `(call ${name} ${list.map((x) => `(f64x2.extract_lane ${lane} ${x[half]})`).join(" ")})`,
        ),
      )
      return `(f64x2.replace_lane 1 (f64x2.splat ${first}) ${second})`
    })
    return kind === "f32" ? this.convert(this.let(result), "f64", "f32") : result
  }

  // -------------------------------------------------------------------------------------------- memory

  private shift(at: string, size: number): string {
    return size === 1 ? at : `(i32.shl ${at} ${int(Math.log2(size))})`
  }

  /** The address of the first lane of a place that is linear. */
  private address(buffer: Buffer, at: Operand): string {
    const place = this.shift(this.to.operand(at, "i32"), sizes[this.to.elements.get(buffer)!])
    return this.code.let("i32", `(i32.add ${this.to.start(buffer)} ${place})`)
  }

  /** The address of each lane. In lanes that do not run a load reads the first element instead. */
  private addresses(buffer: Buffer, at: Operand): string[] {
    const size = sizes[this.to.elements.get(buffer)!]
    const start = this.to.start(buffer)
    if (at.kind === "number" || !this.shapes.has(at.id)) {
      const one = this.code.let("i32", `(i32.add ${start} ${this.shift(this.to.operand(at, "i32"), size)})`)
      return lanes.map(() => one)
    }
    const places = this.vector(at, "i32")[0]!
    const bytes = size === 1 ? places : `(i32x4.shl ${places} ${int(Math.log2(size))})`
    const masked = this.mask ? `(v128.and ${bytes} ${this.mask})` : bytes
    const all = this.code.let("v128", `(i32x4.add ${masked} (i32x4.splat ${start}))`)
    return lanes.map((lane) => `(i32x4.extract_lane ${lane} ${all})`)
  }

  private isContiguous(at: Operand): boolean {
    return at.kind === "value" && isUnit(this.shapes.get(at.id))
  }

  private load(s: Extract<Stmt, { kind: "load" }>): void {
    const element = this.to.elements.get(s.buffer)!
    const kind = this.kinds.get(s.id)!
    const raw: LaneKind = element === "u8" ? "i32" : element
    const value = this.isContiguous(s.at) ? this.contiguous(s, element) : this.gathered(s, element)
    this.declare(s.id)
    this.set(s.id, this.convert(value.length === 1 && raw === kind ? value : this.let(value), raw, kind))
  }

  private contiguous({ buffer, at }: Extract<Stmt, { kind: "load" }>, element: keyof typeof sizes): Vector {
    const from = this.address(buffer, at)
    if (element === "u8")
      return [`(i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero ${from})))`]
    return element === "f64"
      ? [`(v128.load ${from})`, `(v128.load offset=16 ${from})`]
      : [`(v128.load ${from})`]
  }

  private gathered({ buffer, at }: Extract<Stmt, { kind: "load" }>, element: keyof typeof sizes): Vector {
    const from = this.addresses(buffer, at)
    if (element === "f64")
      return [0, 2].map((k) => `(v128.load64_lane 1 ${from[k + 1]} (v128.load64_zero ${from[k]}))`)
    if (element === "u8") {
      const first = `(i32x4.splat (i32.load8_u ${from[0]}))`
      return [
        lanes.slice(1).reduce((x, k) => `(i32x4.replace_lane ${k} ${x} (i32.load8_u ${from[k]}))`, first),
      ]
    }
    return [
      lanes
        .slice(1)
        .reduce((x, k) => `(v128.load32_lane ${k} ${from[k]} ${x})`, `(v128.load32_zero ${from[0]})`),
    ]
  }

  private store(s: Extract<Stmt, { kind: "store" }>): void {
    if (!this.isContiguous(s.at)) return this.scatter(s)
    const { code } = this
    const element = this.to.elements.get(s.buffer)! as "f32" | "f64"
    const at = this.address(s.buffer, s.at)
    let value = this.vector(s.value, element)
    const old = (): Vector => this.let(this.contiguous({ ...s, kind: "load", id: 0, type: "real" }, element))
    if (s.accumulate) {
      const machine = element === "f32" ? this.short : this.long
      const sum = old()
      value = value.map((one, i) => machine.add(sum[i]!, one))
    }
    if (this.mask) value = this.choose(this.mask, this.let(value), old())
    value.forEach((one, i) => code.add(`(v128.store${i === 0 ? "" : " offset=16"} ${at} ${one})`))
  }

  /** One lane after another, in the order of the iterations. */
  private scatter(s: Extract<Stmt, { kind: "store" }>): void {
    const { code } = this
    const element = this.to.elements.get(s.buffer)! as "f32" | "f64"
    const value = this.vector(s.value, "f64")
    const to = this.addresses(s.buffer, s.at)
    for (const lane of lanes) {
      const one = `(f64x2.extract_lane ${lane % 2} ${value[lane >> 1]})`
      const write = (): void => {
        const at = code.let("i32", to[lane]!)
        const old = element === "f32" ? `(f64.promote_f32 (f32.load ${at}))` : `(f64.load ${at})`
        const now = s.accumulate ? `(f64.add ${old} ${one})` : one
        code.add(`(${element}.store ${at} ${element === "f32" ? `(f32.demote_f64 ${now})` : now})`)
      }
      if (!this.mask) write()
      else {
        code.block(`(if (i32x4.extract_lane ${lane} ${this.mask}) (then`, write)
        code.add(")")
      }
    }
  }

  // ---------------------------------------------------------------------------------------- statements

  private update(s: Extract<Stmt, { kind: "update" }>): void {
    const kind = this.kinds.get(s.acc)
    if (!kind) return this.to.statement(s)
    if (!this.inside.has(s.acc) && !this.reduced.has(s.acc)) this.startReduced(s, kind)
    const acc = this.accumulator(s.acc)
    let value = this.vector(s.value, kind)
    if (s.op !== "set") {
      // What a lane that does not run adds changes nothing.
      if (this.mask) value = this.let(this.choose(this.mask, value, this.literal(identity(s.op, kind), kind)))
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
    return !this.inside.has(acc) && (op === "max" || op === "min") && (kind === "f32" || kind === "f64")
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
      code.block(`(if ${this.to.operand(s.condition, "i32")} (then`, () => this.block(s.then))
      if (s.else.length > 0) code.block("(else", () => this.block(s.else))
      return code.add(")")
    }
    const outer = this.mask
    const condition = this.vector(s.condition, "mask")[0]!
    const within = (x: string): string => (outer ? `(v128.and ${x} ${outer})` : x)
    for (const [body, x] of [
      [s.then, condition],
      [s.else, `(v128.not ${condition})`],
    ] as const) {
      if (body.length === 0) continue
      this.mask = code.let("v128", within(x))
      code.block(`(if (v128.any_true ${this.mask}) (then`, () => this.block(body))
      code.add(")")
    }
    this.mask = outer
  }

  private block(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s)
  }

  private statement(s: Stmt): void {
    const varies = "id" in s && this.kinds.has(s.id)
    switch (s.kind) {
      case "let": {
        if (!varies) return this.to.statement(s)
        const value = this.value(s)
        this.declare(s.id)
        return this.set(s.id, value.length > 1 ? this.let(value) : value)
      }
      case "load":
        return varies ? this.load(s) : this.to.statement(s)
      case "acc":
        if (!varies) return this.to.statement(s)
        this.declare(s.id)
        return this.set(s.id, this.vector(s.initial, this.kinds.get(s.id)!))
      case "update":
        return this.update(s)
      case "store":
        return this.store(s)
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
