// Elementary functions -> JavaScript statements that compute them in place.
//
// A call of `Math.exp` costs 8 to 14 ns, these statements a third of it: a value is split into a number from a table and a
// short polynomial (Tang, Table-lookup algorithms for elementary functions and their error analysis, 1991). They stand in
// the loop itself, because engines stop inlining functions where loops are unrolled. No branch depends on ordinary values,
// so lanes overlap. NaN goes through.
//
// `fast` is within 1e-10 of the value, relative also for results near 0, and exact at infinities. `full` is within 2 ULP of
// f64; there only `exp` is faster than the engine, and `tanh` nearer. `engine` is `Math`.
import type { Interval, OpName } from "../ops.ts"
import type { Lines } from "./text.ts"

/** How the elementary functions are computed: 1e-10 relative, within 2 ULP of f64, or by the engine's `Math`. */
export type Accuracy = "fast" | "full" | "engine"

/**
 * The tables, with the statements that fill them. `Math_…` are the engine's functions, captured when the factory runs. Each is
 * an array of its own: for an engine that runs the factory once these arrays are constants, read at a place without an addition.
 */
const tables = {
  // e^i at i modulo 2048: below -745.13 exp is 0, above 709.78 it is infinite.
  expWhole: { length: 2048, from: -746, to: 710, at: "i & 2047", value: "Math_exp(i)", uses: ["exp"] },
  // Half of e^(i / 1024), because the polynomial computes the double.
  expParts: { length: 1024, to: 1024, value: "Math_exp(i / 1024) / 2", uses: ["exp"] },
  // 2^(i / 64), what its double lacks as a fraction, and 2^(i - 1075)
  twoParts: { length: 64, to: 64, value: "Math_pow(2, i / 64)", uses: ["pow"] },
  twoLacks: { length: 64, to: 64, value: "lackOfRoot(i)", uses: ["pow"] },
  twoWhole: { length: 4096, to: 2100, value: "Math_pow(2, i - 1075)", uses: ["pow"] },
  // log(1 + c) and 1 / (1 + c) for c = (i - 64) / 128, from -0.5 to 4. Where c is 0 they are exactly 0 and 1.
  log1pParts: { length: 1024, to: 577, value: "Math_log1p((i - 64) / 128)", uses: ["log1p"] },
  log1pInverses: { length: 1024, to: 577, value: "1 / (1 + (i - 64) / 128)", uses: [] },
  // The same for c = i / 512, from 0 to 1.
  log1pUnitParts: { length: 1024, to: 513, value: "Math_log1p(i / 512)", uses: ["log1p"] },
  log1pUnitInverses: { length: 1024, to: 513, value: "1 / (1 + i / 512)", uses: [] },
  // log(c) and 1 / c for the middles c of the parts of 0.6879 to 1.3758 that share the high bits of a double; where 1 is
  // inside they are exactly 0 and 1.
  logParts: { length: 128, to: 128, value: "i === 79 ? 0 : Math_log(logMiddle(i))", uses: ["log"] },
  logInverses: { length: 128, to: 128, value: "i === 79 ? 1 : 1 / logMiddle(i)", uses: [] },
} as const

interface Table {
  readonly length: number
  /** Places are filled from here, default 0, to before `to`; `at` is the place of i where that is another one. */
  readonly from?: number
  readonly to: number
  readonly at?: string
  readonly value: string
  /** The functions of `Math` that fill it. */
  readonly uses: readonly string[]
}

/** A table that the functions look up. */
export type TableName = keyof typeof tables

const UNKNOWN: Interval = [-Infinity, Infinity]

/** 1.5 * 2^52 / n: a number plus this is rounded to a multiple of 1/n, and the low word of the sum is the multiple of it. */
const rounder = (n: number): string => String(6755399441055744 / n)

/** What the double of 2^(i / 64) lacks, as a fraction of it, from its 64th power by six squarings in two doubles (Dekker, 1971). */
const lackOfRoot = [
  "function lackOfRoot(i) {",
  "  let high = Math_pow(2, i / 64), low = 0",
  "  for (let k = 0; k < 6; k++) {",
  "    const t = 134217729 * high, a = t - (t - high), b = high - a, square = high * high",
  "    low = a * a - square + 2 * a * b + b * b + 2 * high * low",
  "    high = square",
  "  }",
  "  const power = Math_pow(2, i)",
  "  return (power - high - low) / (64 * power)",
  "}",
]

/** Where the parts of log start, as the high word of a double; 1 is in the middle of part 79. */
const FIRST = 0x3fe61000

/** The operators that `write` knows. */
// prettier-ignore
export const composed: ReadonlySet<OpName> = new Set<OpName>([
  "exp", "sigmoid", "softplus", "logaddexp", "tanh", "log1mexp", "log1p", "expm1", "log", "xlogy",
])

/** Collects what the functions of one kernel need, and names for their values. */
export class Elementary {
  private readonly accuracy: Accuracy
  private readonly used = new Set<TableName>()
  /** The length of the array `memory`, in which loops put values to read them otherwise. */
  private length = 0
  /** The place in that array where numbers are put whose bits are read. */
  private bits: number | undefined
  private readonly mathFunctions: Set<string>
  private count = 0

  /** `mathFunctions` receives the functions of `Math` that are called. */
  constructor(accuracy: Accuracy, mathFunctions: Set<string>) {
    this.accuracy = accuracy
    this.mathFunctions = mathFunctions
  }

  /** Whether anything is computed otherwise than by the template of its operator. */
  get inPlace(): boolean {
    return this.accuracy !== "engine"
  }

  /** The statements that make the tables, to stand in front of all functions. */
  head(): string[] {
    const lines: string[] = []
    if (this.length > 0) lines.push(`const memory = new Float64Array(${this.length})`)
    if (this.bits !== undefined)
      lines.push(
        "const words = new Int32Array(memory.buffer)",
        `memory[${this.bits}] = 1`,
        `const lowWord = words[${2 * this.bits}] === 0 ? ${2 * this.bits} : ${2 * this.bits + 1}`,
        `const highWord = ${4 * this.bits + 1} - lowWord`,
      )
    if (this.used.has("twoLacks")) lines.push(...lackOfRoot)
    if (this.used.has("logParts"))
      lines.push(
        "function logMiddle(i) {",
        `  words[highWord] = ${FIRST} + i * 8192`,
        "  words[lowWord] = 0",
        `  const low = memory[${this.bits}]`,
        `  words[highWord] = ${FIRST} + i * 8192 + 8192`,
        `  return (low + memory[${this.bits}]) / 2`,
        "}",
      )
    for (const name of this.used) {
      const { length, from = 0, to, at = "i", value } = tables[name] as Table
      lines.push(
        `const ${name} = new Float64Array(${length})`,
        `for (let i = ${from}; i < ${to}; i++) ${name}[${at}] = ${value}`,
      )
    }
    return lines
  }

  /** Writes what computes an operator of arguments in ranges ahead of its use; returns the expression of its value, or nothing if `Math` is as good. */
  write(lines: Lines, op: OpName, args: readonly string[], ranges: readonly Interval[]): string | undefined {
    if (this.accuracy === "engine") return undefined
    const [x, y] = args as [string, string]
    const range = ranges[0]!
    switch (op) {
      case "exp":
        return this.exp(lines, x, range)
      case "sigmoid":
        return this.sigmoid(lines, x)
      case "softplus":
        return `${this.math("max")}(${x}, 0) + ${this.value(lines, this.log1pExp(lines, `-${this.math("abs")}(${x})`))}`
      case "logaddexp": {
        const rest = this.value(lines, this.log1pExp(lines, `-${this.math("abs")}(${x} - ${y})`))
        return `${x} === ${y} ? ${x} + 0.6931471805599453 : ${this.math("max")}(${x}, ${y}) + ${rest}`
      }
    }
    if (op === "tanh") return this.tanh(lines, x)
    if (op === "log1mexp") return this.log1mexp(lines, x)
    if (this.accuracy === "full") return undefined
    switch (op) {
      case "log1p":
        if (range[0] >= 0 && range[1] <= 1) return this.log1pUnit(lines, x)
        return range[0] >= -0.5 && range[1] <= 4 ? this.log1pNear(lines, x) : this.log1p(lines, x)
      case "expm1":
        return this.expm1(lines, x)
      case "log":
        return this.log(lines, x)
      case "xlogy":
        return `${x} === 0 && ${y} === ${y} ? 0 : ${x} * ${this.value(lines, this.log(lines, y))}`
      default:
        return undefined
    }
  }

  private name(): string {
    return `m${this.count++}`
  }

  private value(lines: Lines, expression: string): string {
    const name = this.name()
    lines.add(`const ${name} = ${expression}`)
    return name
  }

  private math(name: string): string {
    this.mathFunctions.add(name)
    return `Math_${name}`
  }

  /** Room in the array `memory`; returns where it starts. */
  room(length: number): number {
    this.length += length
    return this.length - length
  }

  private element(name: TableName, place: string): string {
    this.used.add(name)
    for (const f of tables[name].uses) this.mathFunctions.add(f)
    return `${name}[${place}]`
  }

  /** A number put where its bits can be read: the low word of what `rounder` made is a whole number, for less than a conversion. */
  private put(lines: Lines, x: string): void {
    this.bits ??= this.room(1)
    lines.add(`memory[${this.bits}] = ${x}`)
  }

  /** The nearest multiple of 1/n of a number below 2^31 / n: `at` counts the parts, `rest` is what is left. */
  private nearest(lines: Lines, x: string, n: number): { readonly at: string; readonly rest: string } {
    const z = this.value(lines, `${x} + ${rounder(n)}`)
    this.put(lines, z)
    return {
      at: this.value(lines, "words[lowWord]"),
      rest: this.value(lines, `${x} - (${z} - ${rounder(n)})`),
    }
  }

  /**
   * Splits x, limited to where exp is neither 0 nor infinite, into half of the exponential of a multiple of 1/1024 and what is
   * left.
   */
  private split(
    lines: Lines,
    x: string,
    [low, high] = UNKNOWN,
  ): { readonly half: string; readonly rest: string } {
    // The upper limit is above the largest x of a finite exp, and its nearest multiple of 1/1024 is below.
    const below = low >= -746 ? "" : `${x} < -746 ? -746 : `
    const above = high <= 709.782714 ? "" : `${x} > 709.782714 ? 709.782714 : `
    const w = below + above === "" ? x : this.value(lines, below + above + x)
    const { at: k, rest } = this.nearest(lines, w, 1024)
    const whole = this.element("expWhole", `(${k} >> 10) & 2047`)
    const half = this.value(lines, `${whole} * ${this.element("expParts", `${k} & 1023`)}`)
    return { half, rest }
  }

  private exp(lines: Lines, x: string, range = UNKNOWN): string {
    if (this.accuracy === "full") return this.fullExp(lines, x)
    const { half, rest } = this.split(lines, x, range)
    // 1 + r + r^2 / 2 = (1 + (1 + r)^2) / 2; the next term is r^3 / 6 < 2e-11.
    const q = this.value(lines, `1 + ${rest}`)
    return `${half} * (1 + ${q} * ${q})`
  }

  /** exp by 2^(k / 64) and a polynomial of degree 6, ln 2 / 64 in two parts; the engine's where results are not normal. */
  private fullExp(lines: Lines, x: string): string {
    const out = this.name()
    lines.add(`let ${out} = 0`)
    lines.open(`if (${x} > -708 && ${x} < 709) {`)
    const z = this.value(lines, `${x} * 92.33248261689366 + 6755399441055744`)
    const d = this.value(lines, `${z} - 6755399441055744`)
    const k = this.value(lines, `${d} | 0`)
    // The first part has 32 bits, so its product with a whole number below 2^17 is exact.
    const r = this.value(lines, `${x} - ${d} * ${LN2_HIGH} - ${d} * ${LN2_LOW}`)
    const whole = this.element("twoWhole", `((${k} >> 6) + 1075) & 4095`)
    const t = this.value(lines, `${whole} * ${this.element("twoParts", `${k} & 63`)}`)
    const lack = this.element("twoLacks", `${k} & 63`)
    const p = `0.16666666666666666 + ${r} * (0.041666666666666664 + ${r} * (0.008333333333333333 + ${r} * 0.001388888888888889))`
    lines.add(`${out} = ${t} + ${t} * (${r} + (${r} * ${r} * (0.5 + ${r} * (${p})) + ${lack}))`)
    lines.reopen(`} else {`)
    lines.add(`${out} = ${this.math("exp")}(${x})`)
    lines.close("}")
    return out
  }

  private expm1(lines: Lines, x: string, range = UNKNOWN): string {
    if (this.accuracy === "full") return `${this.math("expm1")}(${x})`
    const { half, rest: r } = this.split(lines, x, range)
    const t = this.value(lines, `${half} + ${half}`)
    // Near 0 the power is exactly 1, and the next term is r^4 / 24 < 5e-12 of the result.
    return `${t} - 1 + ${t} * (${r} * (1 + ${r} * (0.5 + ${r} * 0.16666666666666666)))`
  }

  /** e / (1 + e), or the rest to 1, with e = exp(-|x|); `full` takes back what rounding 1 + e changed. */
  private sigmoid(lines: Lines, x: string): string {
    const e = this.value(
      lines,
      this.exp(lines, this.value(lines, `-${this.math("abs")}(${x})`), [-Infinity, 0]),
    )
    if (this.accuracy !== "full") return `(${x} < 0 ? ${e} : 1) / (1 + ${e})`
    const below = this.value(lines, `1 + ${e}`)
    const q = this.value(lines, `(${x} < 0 ? ${e} : 1) / ${below}`)
    return `${q} - ${q} * (${x} < 0 ? 1 - ${q} : ${q}) * (${e} - (${below} - 1))`
  }

  /** e / (e + 2) with e = expm1(2 x). `full` takes x > 0, where an error of e shrinks, and takes back what rounding changed. */
  private tanh(lines: Lines, x: string): string {
    if (this.accuracy === "full") {
      const size = this.value(lines, `${this.math("abs")}(${x})`)
      const e = this.value(lines, this.expm1(lines, `${size} > 20 ? 40 : 2 * ${size}`))
      const below = this.value(lines, `${e} + 2`)
      const q = this.value(lines, `${e} / ${below}`)
      const lost = this.value(lines, `${size} < 1 ? ${e} - (${below} - 2) : 0`)
      return `${this.math("sign")}(${x}) * (${q} - ${q} * (0.5 - 0.5 * ${q}) * ${lost})`
    }
    const limited = this.value(lines, `${x} < -20 ? -40 : ${x} > 20 ? 40 : 2 * ${x}`)
    const e = this.value(lines, this.expm1(lines, limited, [-40, 40]))
    return `${e} / (${e} + 2)`
  }

  /** log(1 + r) for |r| <= 1/256: the next term is r^4 / 5 < 5e-11 of the result. */
  private series(r: string): string {
    return `${r} - ${r} * ${r} * (0.5 - ${r} * (0.3333333333333333 - ${r} * 0.25))`
  }

  private log1p(lines: Lines, x: string): string {
    if (this.accuracy === "full") return `${this.math("log1p")}(${x})`
    const out = this.name()
    lines.add(`let ${out} = 0`)
    lines.open(`if (${x} > -0.5 && ${x} < 4) {`)
    lines.add(`${out} = ${this.log1pNear(lines, x)}`)
    lines.reopen("} else {")
    lines.add(`${out} = ${this.math("log1p")}(${x})`)
    lines.close("}")
    return out
  }

  /** log1p from -0.5 to 4, by the nearest multiple of 1/128. */
  private log1pNear(lines: Lines, x: string): string {
    const { at, rest } = this.nearest(lines, x, 128)
    const i = this.value(lines, `(${at} + 64) & 1023`)
    const r = this.value(lines, `${rest} * ${this.element("log1pInverses", i)}`)
    return `${this.element("log1pParts", i)} + (${this.series(r)})`
  }

  /**
   * log1p from 0 to 1, by the nearest multiple of 1/512: r^4 / 4 is taken from r^2, because T3 has its largest values at the
   * ends, and what is left is below h^3 / 16 < 6e-11 of the result for |r| <= h = 1/1024.
   */
  private log1pUnit(lines: Lines, x: string): string {
    const { at, rest } = this.nearest(lines, x, 512)
    const i = this.value(lines, `${at} & 1023`)
    const r = this.value(lines, `${rest} * ${this.element("log1pUnitInverses", i)}`)
    const series = `${r} - ${r} * ${r} * (${0.5 + 3 / 2 ** 24} - ${r} * 0.3333333333333333)`
    return `${this.element("log1pUnitParts", i)} + (${series})`
  }

  /** log1p(exp(x)) for x <= 0. */
  private log1pExp(lines: Lines, x: string): string {
    const e = this.value(lines, this.exp(lines, this.value(lines, x), [-Infinity, 0]))
    return this.accuracy === "full" ? this.log1p(lines, e) : this.log1pUnit(lines, e)
  }

  /** log by exponent and the nearest of 128 values: the exponential of a multiple of ln 2, a table, and a series. */
  private log(lines: Lines, x: string): string {
    if (this.accuracy === "full") return `${this.math("log")}(${x})`
    const out = this.name()
    lines.add(`let ${out} = 0`)
    lines.open(`if (${x} > 2.3e-308 && ${x} < Infinity) {`)
    this.put(lines, x)
    const j = this.value(lines, `words[highWord] - ${FIRST}`)
    const k = this.value(lines, `${j} >> 20`)
    const i = this.value(lines, `(${j} >> 13) & 127`)
    const power = this.element("twoWhole", `(1075 - ${k}) & 4095`)
    const r = this.value(lines, `${x} * ${power} * ${this.element("logInverses", i)} - 1`)
    lines.add(`${out} = ${k} * 0.6931471805599453 + ${this.element("logParts", i)} + (${this.series(r)})`)
    lines.reopen("} else {")
    lines.add(`${out} = ${this.math("log")}(${x})`)
    lines.close("}")
    return out
  }

  /** log(1 - exp x) for x < 0, switching at -ln 2 (Maechler, 2012). */
  private log1mexp(lines: Lines, x: string): string {
    const out = this.name()
    lines.add(`let ${out} = 0`)
    lines.open(`if (${x} > -0.6931471805599453) {`)
    const near = this.value(lines, this.expm1(lines, x))
    lines.add(`${out} = ${this.log(lines, this.value(lines, `-${near}`))}`)
    lines.reopen("} else {")
    const e = this.value(lines, this.exp(lines, x))
    lines.add(`${out} = ${this.log1p(lines, this.value(lines, `-${e}`))}`)
    lines.close("}")
    return out
  }
}

/** ln 2 / 64 with the last 21 bits of the double cut off, and what is missing. */
const LN2_HIGH = "0.010830424667801708"
const LN2_LOW = "2.8447437476627285e-11"
