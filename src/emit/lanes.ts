// A loop in lanes -> instructions over vectors of four lanes, with conditions as masks.
//
// Each accumulator of all iterations is a vector, combined behind the loop; sums are f64. Branches whose condition varies run if
// some lane takes them.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type Loop, type UpdateOp, identities, letsIn, literal } from "../unroll/facts.ts"
import { LANES } from "../vector.ts"
import type { LaneKind } from "../vector/kinds.ts"
import { isUnit } from "../vector/shapes.ts"
import { LaneValues, type Scalars, type Vector, get, lanes, sizes } from "./lane-values.ts"
import { int } from "./machine.ts"
import { direct } from "./wat-math.ts"

/** What an instruction adds to an address by itself. */
const LARGEST_OFFSET = 1024

interface Address {
  readonly start: string
  readonly offset: number
}

const reach = ({ start, offset }: Address, more = 0): string =>
  `${offset + more === 0 ? "" : `offset=${offset + more} `}${start}`

/** Emits one loop. */
export class Lanes extends LaneValues {
  /** Accumulators of all iterations, with how they combine. */
  private readonly reduced = new Map<number, UpdateOp>()
  private readonly lets: ReturnType<typeof letsIn>
  /** The names of addresses computed before the loop. */
  private readonly starts = new Map<string, string>()
  /** Places and addresses of an iteration, made outside of branches. */
  private readonly places = new Map<string, string>()
  /** Of branches. */
  private depth = 0

  constructor(to: Scalars, loop: Loop) {
    super(to, loop)
    this.lets = letsIn(loop.body)
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

  // -------------------------------------------------------------------------------------------- memory

  private shift(at: string, size: number): string {
    return size === 1 ? at : `(i32.shl ${at} ${int(Math.log2(size))})`
  }

  /** The address of the first lane of a place that is linear: what does not change in the loop is added up before it. */
  private address(buffer: Buffer, at: Operand): Address {
    const size = sizes[this.to.elements.get(buffer)!]
    const { fixed, own, constant } = this.parts(at)
    const isOffset = constant > 0 && constant * size <= LARGEST_OFFSET
    const start = this.startOf(
      buffer,
      isOffset || constant === 0 ? fixed : [...fixed, literal(constant)],
      size,
    )
    const sum = own.reduce((x, y) => this.once(`(i32.add ${x} ${this.once(this.shift(y, size))})`), start)
    return { start: sum, offset: isOffset ? constant * size : 0 }
  }

  /** The terms of a place: from outside the loop, of the loop, and numbers. */
  private parts(at: Operand): { fixed: readonly Operand[]; own: readonly string[]; constant: number } {
    if (at.kind === "number") return { fixed: [], own: [], constant: at.value }
    if (!this.inside.has(at.id)) return { fixed: [at], own: [], constant: 0 }
    const made = this.lets.get(at.id)
    if (made?.op !== "add" || made.type !== "int")
      return { fixed: [], own: [this.to.operand(at, "i32")], constant: 0 }
    const [x, y] = made.args.map((arg) => this.parts(arg)) as [
      ReturnType<Lanes["parts"]>,
      ReturnType<Lanes["parts"]>,
    ]
    return { fixed: [...x.fixed, ...y.fixed], own: [...x.own, ...y.own], constant: x.constant + y.constant }
  }

  /** The address of a place from outside the loop, computed before it. */
  private startOf(buffer: Buffer, fixed: readonly Operand[], size: number): string {
    const value = fixed
      .map((x) => this.shift(this.to.operand(x, "i32"), size))
      .reduce((x, y) => `(i32.add ${x} ${y})`, this.to.start(buffer))
    if (fixed.length === 0) return value
    let name = this.starts.get(value)
    if (name === undefined) {
      name = `$at${this.starts.size}_${this.loop.id}`
      this.starts.set(value, name)
      this.code.declare(name, "i32")
      this.before.push(`(local.set ${name} ${value})`)
    }
    return get(name)
  }

  /** A place or an address that several accesses of an iteration have in common. */
  private once(value: string): string {
    const known = this.places.get(value)
    if (known !== undefined) return known
    const made = this.code.let("i32", value)
    if (this.depth === 0) this.places.set(value, made)
    return made
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
      return [`(i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero ${reach(from)})))`]
    return (element === "f64" ? [0, 16] : [0]).map((more) => `(v128.load ${reach(from, more)})`)
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
    value.forEach((one, i) => code.add(`(v128.store ${reach(at, 16 * i)} ${one})`))
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
    this.depth++
    this.either(s)
    this.depth--
  }

  private either(s: Extract<Stmt, { kind: "if" }>): void {
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
      if (body.every((one) => one.kind === "update" && this.kinds.has(one.acc))) {
        // What there is to skip costs less than a branch.
        this.block(body)
        continue
      }
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
