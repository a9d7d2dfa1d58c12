// Instructions over one kind of number, f64 or vectors of it or of f32, written alike: what differs is in this file.

/** Statements and locals of a function of WebAssembly under construction. */
export class Code {
  readonly lines: string[] = []
  readonly locals: [name: string, type: string][] = []
  private depth = 0
  private count = 0

  add(...lines: readonly string[]): void {
    for (const line of lines) this.lines.push("  ".repeat(this.depth) + line)
  }

  /** A level: an opening line without its last parenthesis, what `inside` adds, the parenthesis. */
  block(open: string, inside: () => void): void {
    this.add(open)
    this.depth++
    inside()
    this.depth--
    this.add(")")
  }

  /** Puts lines where others stand already, at their level. */
  insert(at: number, lines: readonly string[]): void {
    this.lines.splice(at, 0, ...lines.map((line) => "  ".repeat(this.depth) + line))
  }

  declare(name: string, type: string): void {
    this.locals.push([name, type])
  }

  /** Computes a value once; the result reads it. */
  let(type: string, value: string): string {
    if (READS.test(value)) return value
    return `(local.get ${this.variable(type, value)})`
  }

  /** A local with a value. */
  variable(type: string, value: string): string {
    const name = `$m${this.count++}`
    this.declare(name, type)
    this.add(`(local.set ${name} ${value})`)
    return name
  }
}
/** What is only read again needs no copy: locals are set once, those of accumulators are read into others first. */
const READS = /^\((local\.get|\w+\.const|v128\.const) [^()]*\)$/

/** A number as the text format writes it. */
export const watNumber = (v: number): string =>
  Number.isNaN(v)
    ? "nan"
    : Math.abs(v) === Infinity
      ? v > 0
        ? "inf"
        : "-inf"
      : Object.is(v, -0)
        ? "-0"
        : String(v)

export const int = (v: number): string => `(i32.const ${v})`

/** The kinds of numbers that instructions compute with. */
export type Kind = "f64" | "f64x2" | "f32x4"

/** What the bits of a kind of number are. */
export const formats = {
  f64: { bits: 52, bias: 1023, int: "i64" },
  f64x2: { bits: 52, bias: 1023, int: "i64x2" },
  f32x4: { bits: 23, bias: 127, int: "i32x4" },
} as const

/**
 * Writes instructions. Operands are expressions; what is used twice has to be the result of `let`. Conditions are i32 for f64,
 * and vectors of all bits or none as wide as the numbers for vectors.
 */
export class Machine {
  readonly kind: Kind
  readonly code: Code
  /** Bits of a fraction, the exponent of 1, and the type of ints as wide. */
  readonly format: (typeof formats)[Kind]
  /** Whether vectors may be multiplied and added by one instruction, which rounds once or twice as the processor likes. */
  private readonly isRelaxed: boolean
  /** Whether elementary functions over f64 need ten digits only. */
  readonly isFast: boolean

  constructor(kind: Kind, code: Code, { isRelaxed = false, isFast = false } = {}) {
    this.kind = kind
    this.code = code
    this.isRelaxed = isRelaxed
    this.isFast = isFast && kind !== "f32x4"
    this.format = formats[kind]
  }

  get isVector(): boolean {
    return this.kind !== "f64"
  }

  /** Whether results have the digits of f32 only. */
  get isShort(): boolean {
    return this.kind === "f32x4"
  }

  let(x: string): string {
    return this.code.let(this.isVector ? "v128" : "f64", x)
  }

  num(v: number): string {
    if (this.kind === "f64") return `(f64.const ${watNumber(v)})`
    const one = watNumber(this.kind === "f32x4" ? Math.fround(v) : v)
    return `(v128.const ${this.kind} ${Array(this.kind === "f32x4" ? 4 : 2)
      .fill(one)
      .join(" ")})`
  }

  private apply(op: string, ...args: readonly string[]): string {
    return `(${this.kind}.${op} ${args.join(" ")})`
  }

  /** Of vectors and a literal, which is not NaN, one instruction of the processor lets NaN through; of two vectors it takes seven. */
  private extreme(op: "max" | "min", x: string, y: string): string {
    const isLiteral = (z: string): boolean => z.startsWith("(v128.const") && !z.includes("nan")
    if (this.isVector && isLiteral(y)) return this.apply(`p${op}`, x, y)
    if (this.isVector && isLiteral(x)) return this.apply(`p${op}`, y, x)
    return this.apply(op, x, y)
  }

  /** A sum one of whose terms is a product as text, by one instruction. */
  private fused(op: "madd" | "nmadd", product: string, other: string): string | undefined {
    const start = `(${this.kind}.mul `
    if (!this.isRelaxed || !product.startsWith(start)) return undefined
    return `(${this.kind}.relaxed_${op} ${product.slice(start.length, -1)} ${other})`
  }

  add = (x: string, y: string): string =>
    this.fused("madd", x, y) ?? this.fused("madd", y, x) ?? this.apply("add", x, y)
  sub = (x: string, y: string): string => this.fused("nmadd", y, x) ?? this.apply("sub", x, y)
  mul = (x: string, y: string): string => this.apply("mul", x, y)
  div = (x: string, y: string): string => this.apply("div", x, y)
  neg = (x: string): string => this.apply("neg", x)
  abs = (x: string): string => this.apply("abs", x)
  sqrt = (x: string): string => this.apply("sqrt", x)
  floor = (x: string): string => this.apply("floor", x)
  ceil = (x: string): string => this.apply("ceil", x)
  max = (x: string, y: string): string => this.extreme("max", x, y)
  min = (x: string, y: string): string => this.extreme("min", x, y)
  eq = (x: string, y: string): string => this.apply("eq", x, y)
  ne = (x: string, y: string): string => this.apply("ne", x, y)
  lt = (x: string, y: string): string => this.apply("lt", x, y)
  le = (x: string, y: string): string => this.apply("le", x, y)

  select(condition: string, x: string, y: string): string {
    return this.isVector ? `(v128.bitselect ${x} ${y} ${condition})` : `(select ${x} ${y} ${condition})`
  }

  /** x where a condition holds that nearly always does, else what is written only for vectors with such a lane. */
  unless(condition: string, x: string, other: () => string): string {
    if (!this.isVector) return this.select(condition, x, other())
    const { code } = this
    const holds = code.let("v128", condition)
    const out = code.variable("v128", x)
    code.block(`(if (i32.eqz (i8x16.all_true ${holds})) (then`, () =>
      code.add(`(local.set ${out} ${this.select(holds, `(local.get ${out})`, this.let(other()))})`),
    )
    code.add(")")
    return `(local.get ${out})`
  }

  /** x where the condition holds, else 0. */
  guard(condition: string, x: string): string {
    return this.isVector ? `(v128.and ${x} ${condition})` : `(select ${x} ${this.num(0)} ${condition})`
  }

  both(x: string, y: string): string {
    return this.isVector ? `(v128.and ${x} ${y})` : `(i32.and ${x} ${y})`
  }

  either(x: string, y: string): string {
    return this.isVector ? `(v128.or ${x} ${y})` : `(i32.or ${x} ${y})`
  }

  not(x: string): string {
    return this.isVector ? `(v128.not ${x})` : `(i32.eqz ${x})`
  }

  // -------------------------------------------------------------------------------- bits of numbers

  /** The bits of a number as an int. */
  bits(x: string): string {
    return this.isVector ? x : `(i64.reinterpret_f64 ${x})`
  }

  fromBits(x: string): string {
    return this.isVector ? x : `(f64.reinterpret_i64 ${x})`
  }

  letBits(x: string): string {
    return this.code.let(this.isVector ? "v128" : "i64", x)
  }

  long(v: bigint): string {
    const { int } = this.format
    if (int === "i64") return `(i64.const ${v})`
    return `(v128.const ${int} ${Array(int === "i32x4" ? 4 : 2)
      .fill(v)
      .join(" ")})`
  }

  ints(op: "add" | "sub", x: string, y: string): string {
    return `(${this.format.int}.${op} ${x} ${y})`
  }

  shift(op: "shl" | "shr_s" | "shr_u", x: string, by: number): string {
    const { int } = this.format
    return `(${int}.${op} ${x} ${int === "i64" ? `(i64.const ${by})` : `(i32.const ${by})`})`
  }

  mask(x: string, bits: bigint): string {
    return this.isVector ? `(v128.and ${x} ${this.long(bits)})` : `(i64.and ${x} ${this.long(bits)})`
  }

  /** Adding it rounds a number to a whole one, which then stands in the last bits. */
  get magic(): number {
    return 1.5 * 2 ** this.format.bits
  }

  /** 2^k for a whole number k in the last bits. */
  power(k: string): string {
    const { bits, bias } = this.format
    return this.fromBits(this.shift("shl", this.ints("add", k, this.long(BigInt(bias))), bits))
  }
}
