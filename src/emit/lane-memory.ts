// What a loop in lanes loads and stores -> instructions over vectors, by how the elements of the lanes lie in memory.
//
// One after another they are one vector. As far apart as the elements of rows they are accessed one by one, and four beside one
// another in each of four rows as the rows, turned. All others have an address each.
import { flatMap } from "../lists.ts"
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type Loop, letsIn, literal } from "../unroll/facts.ts"
import { LANES } from "../vector.ts"
import type { LaneKind } from "../vector/kinds.ts"
import { isUnit } from "../vector/shapes.ts"
import { type Square, squaresOf } from "../vector/squares.ts"
import { forEachStatement } from "../walk.ts"
import { LOW, LaneValues, type Scalars, type Vector, get, lanes, shuffle, sizes } from "./lane-values.ts"
import { int } from "./machine.ts"

/** What an instruction adds to an address by itself. */
const LARGEST_OFFSET = 1024

interface Address {
  readonly start: string
  readonly offset: number
}

const reach = ({ start, offset }: Address, more = 0): string =>
  `${offset + more === 0 ? "" : `offset=${offset + more} `}${start}`

const place = ({ start, offset }: Address): string =>
  offset === 0 ? start : `(i32.add ${start} ${int(offset)})`

/** Bytes of the first elements of two vectors in turn, of the last ones, and of their last halves. */
const LOW_PAIRS = "0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23"
const HIGH_PAIRS = "8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31"
const SECOND_HALVES = "8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31"

/** The lane of an instruction stands between the offset and the address. */
const laneOf = (at: string, lane: number): string =>
  at.startsWith("offset=") ? at.replace(" ", ` ${lane} `) : `${lane} ${at}`

/** The memory of one loop. */
export class LaneMemory extends LaneValues {
  private readonly lets: ReturnType<typeof letsIn>
  /** The names of addresses computed before the loop. */
  private readonly starts = new Map<string, string>()
  /** Places and addresses that the block has made, or one around it. */
  protected places = new Map<string, string>()
  /** Reads of accumulators. */
  private readonly changing: ReadonlySet<string>
  /** Four elements beside one another that each lane accesses: vectors across them are turned into those of the lanes. */
  private readonly squares: ReadonlyMap<Stmt, Square>
  /** The columns of squares, those of stores as far as they are known. */
  private readonly columns = new Map<Square, Vector>()
  /** Scratch whose elements lie beside those of the other lanes. */
  private readonly own: ReadonlySet<Buffer>
  private readonly parted: ReadonlySet<Buffer>

  constructor(to: Scalars, loop: Loop) {
    super(to, loop)
    this.lets = letsIn(loop.body)
    const changing = new Set<string>()
    forEachStatement(loop.body, (s) => {
      if (s.kind === "acc") changing.add(get(to.nameOf(s.id)))
    })
    this.changing = changing
    this.own = new Set(loop.rows?.own)
    this.parted = new Set(loop.rows?.parted)
    this.squares = squaresOf(loop, this.shapes)
  }

  private shift(at: string, size: number): string {
    return size === 1 ? at : `(i32.shl ${at} ${int(Math.log2(size))})`
  }

  /** The address of the first lane of a place that is linear: what does not change in the loop is added up before it. */
  private address(buffer: Buffer, at: Operand): Address {
    const size = sizes[this.to.elements.get(buffer)!] * (this.own.has(buffer) ? LANES : 1)
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
      ReturnType<LaneMemory["parts"]>,
      ReturnType<LaneMemory["parts"]>,
    ]
    return { fixed: [...x.fixed, ...y.fixed], own: [...x.own, ...y.own], constant: x.constant + y.constant }
  }

  /** The address of a place from outside the loop, computed before it. */
  private startOf(buffer: Buffer, fixed: readonly Operand[], size: number): string {
    const value = fixed
      .map((x) => this.shift(this.to.operand(x, "i32"), size))
      .reduce((x, y) => `(i32.add ${x} ${y})`, this.to.start(buffer))
    return fixed.length === 0 ? value : this.ahead(value)
  }

  /** An int of what does not change in the loop, computed before it. */
  private ahead(value: string): string {
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
    if (![...this.changing].some((name) => value.includes(name))) this.places.set(value, made)
    return made
  }

  /** The address of each lane. In lanes that do not run a load reads the first element instead. */
  private addresses(buffer: Buffer, at: Operand): Address[] {
    const size = sizes[this.to.elements.get(buffer)!]
    const start = this.to.start(buffer)
    const isOwn = this.own.has(buffer)
    const shape = at.kind === "value" ? this.shapes.get(at.id) : undefined
    if (!shape) {
      const one = this.code.let("i32", `(i32.add ${start} ${this.shift(this.to.operand(at, "i32"), size)})`)
      return lanes.map(() => ({ start: one, offset: 0 }))
    }
    if (!isOwn && shape.kind === "linear" && (!this.mask || this.isInPart({ buffer, at })))
      return this.strided(this.address(buffer, at), shape.stride, size)
    const places = this.vector(at, "i32")[0]!
    const shifts = Math.log2(isOwn ? size * LANES : size)
    const bytes = shifts === 0 ? places : `(i32x4.shl ${places} ${int(shifts)})`
    const masked = this.mask ? `(v128.and ${bytes} ${this.mask})` : bytes
    const all = this.code.let("v128", `(i32x4.add ${masked} (i32x4.splat ${start}))`)
    return lanes.map((lane) => ({
      start: `(i32x4.extract_lane ${lane} ${all})`,
      offset: isOwn ? lane * size : 0,
    }))
  }

  /** Whether a place is in the part of an array that a lane has for itself, even if it does not run. */
  private isInPart({ buffer, at }: { readonly buffer: Buffer; readonly at: Operand }): boolean {
    return at.kind === "value" && this.shapes.get(at.id)?.kind === "linear" && this.parted.has(buffer)
  }

  /** Addresses as far from one another as a stride. */
  private strided(first: Address, stride: Operand, size: number): Address[] {
    if (stride.kind === "number" && stride.value > 0 && lanes.length * stride.value * size <= LARGEST_OFFSET)
      return lanes.map((lane) => ({ ...first, offset: first.offset + lane * stride.value * size }))
    const bytes =
      stride.kind === "number"
        ? int(stride.value * size)
        : this.ahead(this.shift(this.to.operand(stride, "i32"), size))
    const out = [first]
    for (const lane of lanes.slice(1))
      out.push({ ...first, start: this.once(`(i32.add ${out[lane - 1]!.start} ${bytes})`) })
    return out
  }

  /** Whether the elements of the lanes lie one after another. */
  private isContiguous({ buffer, at }: { readonly buffer: Buffer; readonly at: Operand }): boolean {
    const shape = at.kind === "value" ? this.shapes.get(at.id) : undefined
    return this.own.has(buffer) ? !shape : isUnit(shape)
  }

  protected load(s: Extract<Stmt, { kind: "load" }>): void {
    const element = this.to.elements.get(s.buffer)!
    const kind = this.kinds.get(s.id)!
    const raw: LaneKind = element === "u8" ? "i32" : element
    const square = this.isShortElement(s) ? this.squares.get(s) : undefined
    const value = square
      ? this.fromSquare(s, square)
      : this.isContiguous(s)
        ? this.contiguous(s, element)
        : this.gathered(s, element)
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
    return this.fromLanes(this.addresses(buffer, at), element)
  }

  private fromLanes(addresses: readonly Address[], element: keyof typeof sizes): Vector {
    const from = addresses.map((address) => reach(address))
    if (element === "f64")
      return [0, 2].map((k) => `(v128.load64_lane ${laneOf(from[k + 1]!, 1)} (v128.load64_zero ${from[k]}))`)
    if (element === "u8") {
      const first = `(i32x4.splat (i32.load8_u ${from[0]}))`
      return [
        lanes.slice(1).reduce((x, k) => `(i32x4.replace_lane ${k} ${x} (i32.load8_u ${from[k]}))`, first),
      ]
    }
    return [
      lanes
        .slice(1)
        .reduce((x, k) => `(v128.load32_lane ${laneOf(from[k]!, k)} ${x})`, `(v128.load32_zero ${from[0]})`),
    ]
  }

  private isShortElement({ buffer }: { readonly buffer: Buffer }): boolean {
    return sizes[this.to.elements.get(buffer)!] === 4
  }

  /** The addresses of the rows of a square. */
  private rowsOf({ accesses: [[{ buffer, at }]] }: Square): readonly Address[] {
    return this.strided(this.address(buffer, at), literal(LANES), 4)
  }

  /** One column of a square, all of which are loaded once. */
  private fromSquare(s: Stmt, square: Square): Vector {
    let columns = this.columns.get(square)
    if (!columns) {
      const rows = this.let(this.rowsOf(square).map((row) => `(v128.load ${reach(row)})`))
      columns = this.turned(rows)
      this.columns.set(square, columns)
    }
    return [columns[square.accesses.findIndex((list) => list.some((x) => x === s))]!]
  }

  /** Stores a square once all of its columns are known. */
  private intoSquare(s: Extract<Stmt, { kind: "store" }>, square: Square): void {
    const columns = this.columns.get(square) ?? []
    const known = [...columns]
    known[square.accesses.findIndex(([x]) => x === s)] = this.let(this.vector(s.value, "f32"))[0]!
    this.columns.set(square, known)
    if (known.filter((x) => x !== undefined).length < LANES) return
    const rows = this.rowsOf(square)
    this.turned(known).forEach((row, k) => this.code.add(`(v128.store ${reach(rows[k]!)} ${row})`))
  }

  /** Rows as columns. */
  private turned([a, b, c, d]: Vector): Vector {
    const [low, high] = [LOW_PAIRS, HIGH_PAIRS].map((which) =>
      this.let([shuffle(which, a!, b!), shuffle(which, c!, d!)]),
    ) as [Vector, Vector]
    return this.let(flatMap([low, high], ([x, y]) => [shuffle(LOW, x!, y!), shuffle(SECOND_HALVES, x!, y!)]))
  }

  protected store(s: Extract<Stmt, { kind: "store" }>): void {
    const square = this.isShortElement(s) ? this.squares.get(s) : undefined
    if (square) return this.intoSquare(s, square)
    if (!this.isContiguous(s)) return this.scatter(s)
    const { code } = this
    const element = this.to.elements.get(s.buffer)! as "f32" | "f64"
    const at = this.address(s.buffer, s.at)
    let value = this.term(s.value, element)
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
    const value = this.let(this.term(s.value, s.accumulate ? "f64" : element))
    const to = this.addresses(s.buffer, s.at)
    const store = (lane: number, from: Vector): void => {
      const [bits, k, half] = element === "f32" ? [32, lane, 0] : [64, lane % 2, lane >> 1]
      code.add(`(v128.store${bits}_lane ${laneOf(reach(to[lane]!), k)} ${from[half]})`)
    }
    // What a lane that does not run stores again is its own.
    if (!s.accumulate && this.mask && this.isInPart(s)) {
      code.block(`(if (i32x4.all_true ${this.mask}) (then`, () => lanes.forEach((lane) => store(lane, value)))
      code.block("(else", () => {
        const all = this.let(this.choose(this.mask!, value, this.let(this.fromLanes(to, element))))
        lanes.forEach((lane) => store(lane, all))
      })
      return code.add(")")
    }
    if (!s.accumulate) return this.each((lane) => store(lane, value))
    this.each((lane) => {
      const { start, offset } = to[lane]!
      const at = reach({ start: code.let("i32", start), offset })
      const old = element === "f32" ? `(f64.promote_f32 (f32.load ${at}))` : `(f64.load ${at})`
      const now = `(f64.add ${old} (f64x2.extract_lane ${lane % 2} ${value[lane >> 1]}))`
      code.add(`(${element}.store ${at} ${element === "f32" ? `(f32.demote_f64 ${now})` : now})`)
    })
  }

  protected fill(s: Extract<Stmt, { kind: "fill" }>): void {
    const { to } = this
    const element = to.elements.get(s.buffer)! as "f32" | "f64"
    const length = to.operand(s.length, "i32")
    if (this.own.has(s.buffer))
      return to.fillAt(
        element,
        place(this.address(s.buffer, s.at)),
        `(i32.mul ${length} ${int(LANES)})`,
        s.value,
      )
    const all = this.addresses(s.buffer, s.at)
    this.each((lane) => to.fillAt(element, place(all[lane]!), length, s.value))
  }

  /** What each lane that runs does. Mostly all do. */
  private each(does: (lane: number) => void): void {
    const { code, mask } = this
    if (!mask) return lanes.forEach(does)
    code.block(`(if (i32x4.all_true ${mask}) (then`, () => lanes.forEach(does))
    code.block("(else", () => {
      for (const lane of lanes) {
        code.block(`(if (i32x4.extract_lane ${lane} ${mask}) (then`, () => does(lane))
        code.add(")")
      }
    })
    code.add(")")
  }
}
