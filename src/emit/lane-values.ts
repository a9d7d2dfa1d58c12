// The values of a loop in lanes -> instructions over vectors of four lanes.
//
// What is the same in every lane stays a number. A linear place is kept as that of the first lane.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import type { OpName } from "../ops.ts"
import { type Loop, definedIn } from "../unroll/facts.ts"
import { type LaneKind, type Surroundings, kindsOf } from "../vector/kinds.ts"
import { type Shape, shapesOf } from "../vector/shapes.ts"
import { type Code, Machine, int, watNumber } from "./machine.ts"
import { addedProducts } from "./products.ts"
import { Ranges } from "./values.ts"
import { comparisons, direct, elementary } from "./wat-math.ts"

/** One register, or two for f64. */
export type Vector = readonly string[]

/** What the loop takes from the emitter of all other statements. */
export interface Scalars extends Surroundings {
  readonly code: Code
  /** Whether relaxed instructions may be used. */
  readonly isRelaxed: boolean
  readonly isFast: boolean
  readonly nameOf: (id: number) => string
  readonly operand: (x: Operand, as: "f64" | "i32") => string
  readonly statement: (s: Stmt) => void
  /** Sets elements from an address on. */
  readonly fillAt: (element: "f32" | "f64", at: string, length: string, value: number) => void
  readonly loop: (s: Loop, inside: () => void) => void
  /** Where an array starts. */
  readonly start: (buffer: Buffer) => string
  readonly functionOf: (op: OpName) => string
}

/** Bytes of the first halves of two vectors. */
export const LOW = "0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23"
const HIGH = "8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15"
/** The first halves of the four ints of 64 bits of two vectors. */
const EVEN = "0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27"
/** The numbers of the lanes. */
export const lanes = [0, 1, 2, 3]
/** Bytes of an element in memory. */
export const sizes = { f32: 4, f64: 8, i32: 4, u8: 1 } as const
/** Reads a local. */
export const get = (name: string): string => `(local.get ${name})`
/** Bytes of two vectors as one. */
export const shuffle = (which: string, x: string, y: string): string => `(i8x16.shuffle ${which} ${x} ${y})`

/** The values of one loop. */
export class LaneValues {
  protected readonly to: Scalars
  protected readonly loop: Loop
  protected readonly code: Code
  protected readonly shapes: ReadonlyMap<number, Shape>
  protected readonly kinds: ReadonlyMap<number, LaneKind>
  protected readonly inside: ReadonlySet<number>
  protected readonly short: Machine
  protected readonly long: Machine
  /** Vectors made before the loop, by what is in them. */
  protected readonly made = new Map<string, Vector>()
  protected readonly before: string[] = []
  protected readonly ranges = new Ranges()
  /** Products that sums take as they are, where one instruction multiplies and adds. */
  protected readonly products: ReadonlySet<number>
  /** Their texts, until then. */
  protected readonly waiting = new Map<number, Vector>()
  /** Masks that are negations of others, by how they are read: one instruction takes the other as well. */
  private readonly negations = new Map<string, string>()
  /** The lanes that run, inside a branch. */
  protected mask: string | undefined

  constructor(to: Scalars, loop: Loop) {
    this.to = to
    this.loop = loop
    this.code = to.code
    this.shapes = shapesOf(loop)
    this.kinds = kindsOf(loop, this.shapes, to)
    this.short = new Machine("f32x4", to.code, to)
    this.long = new Machine("f64x2", to.code, to)
    this.products = to.isRelaxed ? addedProducts(loop) : new Set()
    this.inside = definedIn([loop])
  }

  // ------------------------------------------------------------------------------------------- vectors

  protected let(x: Vector): Vector {
    return x.map((one) => this.code.let("v128", one))
  }

  protected literal(v: number, kind: LaneKind): Vector {
    const vector = (shape: string, text: string, count: number): string =>
      `(v128.const ${shape} ${Array(count).fill(text).join(" ")})`
    if (kind === "f32") return [vector("f32x4", watNumber(Math.fround(v)), 4)]
    if (kind === "f64") return Array<string>(2).fill(vector("f64x2", watNumber(v), 2))
    return [vector("i32x4", String(kind === "mask" ? -Number(v !== 0) : Math.trunc(v)), 4)]
  }

  /** A number in all lanes. */
  protected splat(x: Operand & { kind: "value" }, kind: LaneKind): Vector {
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
  protected fixed(x: Operand & { kind: "value" }, kind: LaneKind): Vector {
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
  protected steps(x: Operand & { kind: "value" }, stride: Operand): string {
    const first = `(i32x4.splat ${this.to.operand(x, "i32")})`
    const iota = "(v128.const i32x4 0 1 2 3)"
    if (stride.kind === "number" && stride.value === 1) return `(i32x4.add ${first} ${iota})`
    return `(i32x4.add ${first} (i32x4.mul (i32x4.splat ${this.to.operand(stride, "i32")}) ${iota}))`
  }

  protected vector(x: Operand, kind: LaneKind): Vector {
    if (x.kind === "number") return this.literal(x.value, kind)
    const shape = this.shapes.get(x.id)
    if (!shape) return this.inside.has(x.id) ? this.let(this.splat(x, kind)) : this.fixed(x, kind)
    const own = this.kinds.get(x.id)
    if (shape.kind === "linear" || !own)
      return this.convert(this.let([this.steps(x, (shape as { stride: Operand }).stride)]), "i32", kind)
    return this.convert(this.registers(x.id), own, kind)
  }

  /** What is added to something: a product may wait for that. */
  protected term(x: Operand, kind: LaneKind): Vector {
    const product = x.kind === "value" ? this.waiting.get(x.id) : undefined
    const own = x.kind === "value" ? this.kinds.get(x.id) : undefined
    if (!product || !own) return this.vector(x, kind)
    return own === kind ? product : this.convert(this.let(product), own, kind)
  }

  protected registers(id: number): Vector {
    const name = this.to.nameOf(id)
    return this.kinds.get(id) === "f64" ? [get(name), get(`${name}_h`)] : [get(name)]
  }

  protected declare(id: number): void {
    const name = this.to.nameOf(id)
    this.code.declare(name, "v128")
    if (this.kinds.get(id) === "f64") this.code.declare(`${name}_h`, "v128")
  }

  protected set(id: number, value: Vector): void {
    const name = this.to.nameOf(id)
    value.forEach((one, i) => this.code.add(`(local.set ${i === 0 ? name : `${name}_h`} ${one})`))
  }

  protected convert(x: Vector, from: LaneKind, to: LaneKind): Vector {
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
  protected widened(mask: string): Vector {
    return this.let([`(i64x2.extend_low_i32x4_s ${mask})`, `(i64x2.extend_high_i32x4_s ${mask})`])
  }

  protected choose(mask: string, x: Vector, y: Vector): Vector {
    const masks = x.length === 2 ? this.widened(mask) : [mask]
    return x.map((one, i) => `(v128.bitselect ${one} ${y[i]} ${masks[i]})`)
  }

  /** The negation of a mask, which will be read by a text. */
  private not(mask: string, as: string): string {
    this.negations.set(as, mask)
    return `(v128.not ${mask})`
  }

  /** x in the lanes of a mask, 0 in the others. */
  protected where(mask: string, x: Vector): Vector {
    const not = this.negations.get(mask)
    if (not !== undefined && x.length === 1) return [`(v128.andnot ${x[0]} ${not})`]
    const masks = x.length === 2 ? this.widened(mask) : [mask]
    return x.map((one, i) => `(v128.and ${one} ${masks[i]})`)
  }

  // ----------------------------------------------------------------------------------------- operators

  protected value(s: Extract<Stmt, { kind: "let" }>): Vector {
    const { id, op, args } = s
    const kind = this.kinds.get(id)!
    this.ranges.define(s)
    switch (op) {
      case "and":
      case "or":
        return [`(v128.${op} ${this.vector(args[0]!, "mask")[0]} ${this.vector(args[1]!, "mask")[0]})`]
      case "not":
        return [this.not(this.vector(args[0]!, "mask")[0]!, get(this.to.nameOf(id)))]
      case "indicator":
        return this.convert(this.vector(args[0]!, "mask"), "mask", "i32")
      case "select":
      case "guard": {
        const yes = this.vector(args[1]!, kind)
        const mask = this.vector(args[0]!, "mask")[0]!
        if (args[2] && !(args[2].kind === "number" && Object.is(args[2].value, 0)))
          return this.choose(mask, yes, this.vector(args[2], kind))
        return this.where(mask, yes)
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

  protected kindOf(x: Operand): LaneKind | undefined {
    if (x.kind === "number")
      return Number.isInteger(x.value) && Math.abs(x.value) < 2 ** 31 ? "i32" : undefined
    const own = this.kinds.get(x.id)
    return own ?? (this.shapes.has(x.id) || this.to.isInt(x.id) ? "i32" : undefined)
  }

  protected comparison(op: "eq" | "ne" | "lt" | "le", args: readonly Operand[]): string {
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

  protected place(op: OpName, args: readonly Operand[]): string {
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

  protected number(op: OpName, args: readonly Operand[], kind: LaneKind): Vector {
    const [plain, ranged] = [direct[op], elementary[op]]
    if (!plain && !ranged) return this.oneByOne(op, args, kind)
    const list = args.map((x) => (op === "add" ? this.term(x, kind) : this.vector(x, kind)))
    const machine = kind === "f32" ? this.short : this.long
    return list[0]!.map((_, half) => {
      const own = list.map((x) => x[half]!)
      return plain ? plain(machine, ...own) : ranged!(machine, own, this.ranges.of(args[0]!))
    })
  }

  /** What has no vector form is computed lane by lane. */
  protected oneByOne(op: OpName, args: readonly Operand[], kind: LaneKind): Vector {
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
}
