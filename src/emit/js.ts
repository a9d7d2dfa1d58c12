// Loops -> JavaScript: the text of a factory that makes one function over typed arrays.
//
// Arithmetic is f64 whatever the memory holds. Each outermost loop is a function of its own that is called in chunks: a
// function with one long loop is optimised while it runs (on-stack), loses that in its cold tail on every call, and stays
// slow; a function called often is optimised whole. The first chunks are short: V8 keeps no feedback of types before a function
// was called and left, and a long first call makes it compile a loop of which it knows nothing.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { unroll } from "../unroll.ts"
import { type Loop, type UpdateOp, combinable, identities, isElementary, loopsIn } from "../unroll/facts.ts"
import { placesIn } from "../walk.ts"
import { SpecialFunctions } from "./functions.ts"
import { numberText } from "./inline.ts"
import { type Accuracy, Elementary } from "./math.ts"
import { sortText } from "./sort.ts"
import { Ranges, countUses, guarded } from "./values.ts"
import { Lines, type Names, type Value, axisComment, nameAll, outsideOf } from "./text.ts"

export type { Accuracy } from "./math.ts"

/** How many selections by sign have memory of their own, so that lanes do not wait for one another. */
const PICKS = 8

export interface JsOptions {
  /** Default: `fast` for kernels over f32 memory, `full` for f64. */
  readonly accuracy?: Accuracy
  /** False leaves the loops as they come and rounds as their interpreter does. Default true. */
  readonly optimise?: boolean
}

const none: ReturnType<typeof combinable> = new Map()

/** The template of an operator: texts, and between them the places of the parameters. */
interface Template {
  readonly texts: readonly string[]
  readonly places: readonly number[]
  /** Functions of `Math` that it calls. */
  readonly functions: readonly string[]
  /** Whether no operand can be a bool. */
  readonly isNumeric: boolean
}

const templates = new Map<OpName, Template>()

function templateOf(op: OpName): Template {
  let known = templates.get(op)
  if (!known) {
    const { js, params, takes } = ops[op]
    const functions: string[] = []
    const text = js.replace(
      /Math\.([a-z0-9]+)/g,
      (_, f: string) => `Math_${functions[functions.push(f) - 1]}`,
    )
    const parts = text.split(/\$([a-z]+)/)
    known = {
      texts: parts.filter((_, i) => i % 2 === 0),
      places: parts.filter((_, i) => i % 2 === 1).map((p) => params.indexOf(p)),
      functions,
      isNumeric: takes.every((type) => type !== "bool" && type !== "any"),
    }
    templates.set(op, known)
  }
  return known
}

/** Whether a loop in lanes computes elementary functions, so that a call around it costs little. */
const isCostly = (s: Loop): boolean => s.step !== undefined && s.body.some(isElementary)

class Emitter {
  readonly functions: Lines[] = []
  readonly mathFunctions = new Set<string>()
  private readonly kernel: Kernel
  private readonly names: Names
  /** Values that may be computed in 32 bits, by number. */
  private readonly places: ReadonlySet<number>
  private uses: ReadonlyMap<number, number> | undefined
  private states = 0
  /** Whether some statement sorts. */
  sorts = false
  readonly elementary: Elementary
  readonly special = new SpecialFunctions(this.mathFunctions)
  private readonly ranges = new Ranges()
  private readonly signTests = new Set<number>()
  private picks = 0
  /** Where the values of selections of this block lie in memory, by their texts. */
  private readonly picked = new Map<string, number>()
  /** Whether the statements are in a chunk of rows with several loops inside. */
  private inRow = false
  private picksFrom = 0

  constructor(kernel: Kernel, accuracy: Accuracy) {
    this.kernel = kernel
    this.elementary = new Elementary(accuracy, this.mathFunctions)
    this.names = nameAll(kernel)
    this.places = placesIn(kernel)
  }

  private typeOf(x: Operand): ScalarType {
    if (x.kind === "number") return Number.isInteger(x.value) ? "int" : "real"
    return this.names.values.get(x.id)!.type
  }

  private operand(x: Operand, as?: ScalarType): string {
    if (x.kind === "value") return this.names.values.get(x.id)!.name
    if (as === "bool") return x.value !== 0 ? "true" : "false"
    return numberText(x.value)
  }

  /** The type in which each operand of an operator must be written: decides how literals look. */
  private operandTypes(op: OpName, args: readonly Operand[], result: ScalarType): (ScalarType | undefined)[] {
    const takes = ops[op].takes
    const anyBool = args.some((x, i) => takes[i] === "any" && x.kind === "value" && this.typeOf(x) === "bool")
    return args.map((_, i) => {
      if (takes[i] === "bool") return "bool"
      if (takes[i] === "any" && (op === "select" ? result === "bool" : anyBool)) return "bool"
      return undefined
    })
  }

  /** An int that is a place in an array, in the engine's 32-bit operations. */
  private place(op: OpName, args: readonly Operand[]): string | undefined {
    const x = this.operand(args[0]!)
    const right = args[1]!
    if (op === "mod" || op === "idiv") {
      const power = right.kind === "number" && right.value > 0 ? Math.log2(right.value) : NaN
      if (!Number.isInteger(power)) return undefined
      return op === "mod" ? `${x} & ${2 ** power - 1}` : `${x} >> ${power}`
    }
    if (op === "add") return `(${x} + ${this.operand(right)}) | 0`
    if (op === "sub") return `(${x} - ${this.operand(right)}) | 0`
    if (op !== "mul") return undefined
    this.mathFunctions.add("imul")
    return `Math_imul(${x}, ${this.operand(right)})`
  }

  private expression(op: OpName, args: readonly Operand[], type: ScalarType): string {
    if (ops[op].isDefined) this.special.need(op)
    const { functions, texts, places, isNumeric } = templateOf(op)
    const as = isNumeric ? undefined : this.operandTypes(op, args, type)
    for (const f of functions) this.mathFunctions.add(f)
    let out = texts[0]!
    for (let i = 0; i < places.length; i++) {
      const at = places[i]!
      out += this.operand(args[at]!, as?.[at]) + texts[i + 1]!
    }
    return out
  }

  /** The expression of a `let`, after the statements it needs. */
  private value(lines: Lines, s: Extract<Stmt, { kind: "let" }>): string {
    const { id, op, args, type } = s
    this.ranges.define(s)
    if ((op === "lt" || op === "le") && args.some((x) => x.kind === "number" && x.value === 0))
      this.signTests.add(id)
    return (
      this.pick(lines, op, args, type) ||
      (this.places.has(id) && this.place(op, args)) ||
      this.elementary.write(
        lines,
        op,
        args.map((x) => this.operand(x)),
        args.map((x) => this.ranges.of(x)),
      ) ||
      this.expression(op, args, type)
    )
  }

  /**
   * A selection by the sign of a number, which a branch would mispredict every other time where signs are random: both values
   * are put into memory, and one is read.
   */
  private pick(lines: Lines, op: OpName, args: readonly Operand[], type: ScalarType): string | undefined {
    const [condition, yes, no = { kind: "number", value: 0 }] = args
    if ((op !== "select" && op !== "guard") || type === "bool" || !this.elementary.inPlace) return undefined
    if (condition!.kind !== "value" || !this.signTests.has(condition!.id)) return undefined
    if (this.picks === 0) this.picksFrom = this.elementary.room(2 * PICKS)
    // Written with a bar: `? 1 : 0` would be the branch that this avoids.
    const second = `(${this.operand(condition!)} | 0)`
    const [values, reversed] = [
      `${this.operand(no)} ${this.operand(yes!)}`,
      `${this.operand(yes!)} ${this.operand(no)}`,
    ]
    const found = this.picked.get(values)
    if (found !== undefined) return `table[${found} + ${second}]`
    const mirrored = this.picked.get(reversed)
    if (mirrored !== undefined) return `table[${mirrored + 1} - ${second}]`
    const slot = this.picksFrom + 2 * (this.picks++ % PICKS)
    for (const [before, place] of this.picked) if (place === slot) this.picked.delete(before)
    this.picked.set(values, slot)
    lines.add(`table[${slot}] = ${this.operand(no)}`, `table[${slot + 1}] = ${this.operand(yes!)}`)
    return `table[${slot} + ${second}]`
  }

  private update(s: Extract<Stmt, { kind: "update" }>): string {
    const acc = this.names.values.get(s.acc)!
    const value = this.operand(s.value, acc.type === "bool" ? "bool" : undefined)
    if (s.op === "set") return `${acc.name} = ${value}`
    if (acc.type === "bool") {
      const both = s.op === "min" || s.op === "mul"
      return `${acc.name} = ${acc.name} ${both ? "&&" : "||"} ${value}`
    }
    if (s.op === "add") return `${acc.name} += ${value}`
    if (s.op === "mul") return `${acc.name} *= ${value}`
    this.mathFunctions.add(s.op)
    return `${acc.name} = Math_${s.op}(${acc.name}, ${value})`
  }

  private buffer(s: Extract<Stmt, { kind: "load" | "store" | "fill" }>): string {
    return this.names.buffers.get(s.buffer)!
  }

  private statements(lines: Lines, body: readonly Stmt[], top: boolean): void {
    this.picked.clear()
    for (let k = 0; k < body.length; k++) {
      const either = top || body[k + 1]?.kind !== "update" ? undefined : this.eitherAdd(body.slice(k, k + 5))
      if (either) {
        lines.add(...either)
        k += 4
      } else this.statement(lines, body[k]!, top)
    }
    this.picked.clear()
  }

  /**
   * A guarded sum beside a count of what the guard leaves out (`x` where c, and 1 where not c): one condition for both. The
   * additions stand outside it, because an operator that never ran has no types yet, and meeting it throws compiled code away.
   */
  private eitherAdd([p, u, n, q, v]: readonly Stmt[]): readonly string[] | undefined {
    if (!this.elementary.inPlace || p?.kind !== "let" || u?.kind !== "update" || v?.kind !== "update")
      return undefined
    if (n?.kind !== "let" || q?.kind !== "let" || u.op !== "add" || v.op !== "add") return undefined
    const [c, x] = guarded(p) ?? []
    const [d, y] = guarded(q) ?? []
    if (!c || !x || !d || !y || y.kind !== "number" || n.op !== "not" || c.kind !== "value") return undefined
    const same = (z: Operand, id: number): boolean => z.kind === "value" && z.id === id
    if (!same(u.value, p.id) || !same(v.value, q.id) || !same(d, n.id) || !same(n.args[0]!, c.id))
      return undefined
    if (u.acc === v.acc || [p, n, q].some((s) => this.timesRead(s.id) !== 1)) return undefined
    const [a, b] = [u.acc, v.acc].map((id) => this.names.values.get(id)!.name)
    return [
      `const t${p.id} = ${a} + ${this.operand(x)}`,
      `const t${q.id} = ${b} + ${this.operand(y)}`,
      `if (${this.operand(c)}) ${a} = t${p.id}; else ${b} = t${q.id}`,
    ]
  }

  private timesRead(id: number): number | undefined {
    this.uses ??= countUses(this.kernel.body)
    return this.uses.get(id)
  }

  private statement(lines: Lines, s: Stmt, top: boolean): void {
    switch (s.kind) {
      case "let":
        return lines.add(`const t${s.id} = ${this.value(lines, s)}`)
      case "load": {
        const element = `${this.buffer(s)}[${this.operand(s.at)}]`
        return lines.add(`const t${s.id} = ${s.type === "bool" ? `${element} !== 0` : element}`)
      }
      case "store": {
        const bool = s.value.kind === "value" && this.typeOf(s.value) === "bool"
        const value = this.operand(s.value)
        const place = `${this.buffer(s)}[${this.operand(s.at)}]`
        return lines.add(`${place} ${s.accumulate ? "+=" : "="} ${bool ? `${value} ? 1 : 0` : value}`)
      }
      case "fill": {
        const at = this.operand(s.at)
        const end = s.at.kind === "number" && s.at.value === 0 ? "" : `${at} + `
        return lines.add(
          `${this.buffer(s)}.fill(${numberText(s.value)}, ${at}, ${end}${this.operand(s.length)})`,
        )
      }
      case "sort": {
        this.sorts = true
        const places = [s.keysAt, s.stride].map((x) => this.operand(x))
        const row = [s.indexAt, s.length].map((x) => this.operand(x))
        const keys = this.names.buffers.get(s.keys)!
        const list = [keys, ...places, this.names.buffers.get(s.index)!, ...row]
        return lines.add(`sortRow(${list.join(", ")})`)
      }
      case "acc":
        return lines.add(`let a${s.id} = ${this.operand(s.initial, s.type === "bool" ? "bool" : undefined)}`)
      case "update":
        return lines.add(this.update(s))
      case "for":
        if (top && s.growing) return this.chunked(lines, s)
        if (this.inRow && isCostly(s)) return this.outlined(lines, s)
        lines.add(axisComment(s.axis))
        return lines.block(this.head(s), () => this.statements(lines, s.body, false))
      case "if":
        lines.open(`if (${this.operand(s.condition, "bool")}) {`)
        this.statements(lines, s.then, top)
        if (s.else.length > 0) {
          lines.reopen("} else {")
          this.statements(lines, s.else, top)
        }
        return lines.close("}")
      case "result": {
        const bool = s.value.kind === "value" && this.typeOf(s.value) === "bool"
        const value = this.operand(s.value)
        return lines.add(
          `results[${this.kernel.results.indexOf(s.name)}] = ${bool ? `${value} ? 1 : 0` : value}`,
        )
      }
    }
  }

  private head(s: Loop): string {
    const i = `i${s.id}`
    const step = `${i} = (${i} + ${s.step ? this.operand(s.step) : "1"}) | 0`
    return `for (let ${i} = ${this.operand(s.from)}; ${i} < ${this.operand(s.to)}; ${step}) {`
  }

  /** The head of a loop over chunks. */
  private growing(s: Loop): string {
    const [i, size] = [`i${s.id}`, `s${s.growing!.id}`]
    this.mathFunctions.add("min")
    const start = `${i} = ${this.operand(s.from)}, ${size} = ${this.operand(s.growing!.first)}`
    const next = `${i} += ${size}, ${size} = Math_min(4 * ${size}, ${this.operand(s.step!)})`
    return `for (let ${start}; ${i} < ${this.operand(s.to)}; ${next}) {`
  }

  /** An outermost loop with a step: its body as a function of the index. */
  private chunked(lines: Lines, s: Loop): void {
    const before = this.inRow
    this.inRow = loopsIn(s.body).some((inner) => loopsIn(inner.body).length > 1)
    this.called(lines, s, s.body, [`i${s.id}`], (call) => lines.block(this.growing(s), () => lines.add(call)))
    this.inRow = before
  }

  /** A costly inner loop as a function of its own: an engine allots registers by function, and few are left among other loops. */
  private outlined(lines: Lines, s: Loop): void {
    this.inRow = false
    this.called(lines, s, [s], [], (call) => lines.add(call))
    this.inRow = true
  }

  /** Makes a function of statements and calls it. Accumulators travel through memory. */
  private called(
    lines: Lines,
    s: Loop,
    body: readonly Stmt[],
    index: readonly string[],
    caller: (call: string) => void,
  ): void {
    const number = this.functions.length
    const own = new Lines()
    this.functions.push(own)
    const outside = outsideOf(body)
    const values = outside.values
      .filter((id) => !index.includes(`i${id}`))
      .map((id) => ({ id, ...this.names.values.get(id)! }))
    const combined = outside.updated.length > 0 ? combinable(body) : none
    const accs = outside.updated.map((id) => {
      const acc = this.names.values.get(id)!
      return { ...acc, how: acc.type === "bool" ? undefined : combined.get(id), place: this.states++ }
    })
    const parameters = [
      ...index,
      ...outside.buffers.map((b) => this.names.buffers.get(b)!),
      ...values.map((v) => v.name),
      ...(accs.length > 0 ? ["state"] : []),
      ...(outside.results ? ["results"] : []),
    ]
    own.add(axisComment(s.axis))
    own.block(`function loop${number}(${parameters.join(", ")}) {`, () => {
      // Says what the parameters are, so that the engine converts each once and not where it is used.
      for (const v of values)
        if (v.type !== "bool")
          own.add(this.isPlace(v) ? `${v.name} = ${v.name} | 0` : `${v.name} = +${v.name}`)
      for (const a of accs)
        own.add(
          a.how
            ? `let ${a.name} = ${numberText(identities[a.how]!)}`
            : `let ${a.name} = state[${a.place}]${a.type === "bool" ? " !== 0" : ""}`,
        )
      this.statements(own, body, false)
      for (const a of accs) own.add(this.leave(`state[${a.place}]`, a))
    })
    for (const a of accs) lines.add(`state[${a.place}] = ${a.type === "bool" ? `${a.name} ? 1 : 0` : a.name}`)
    caller(`loop${number}(${parameters.join(", ")})`)
    for (const a of accs) lines.add(`${a.name} = state[${a.place}]${a.type === "bool" ? " !== 0" : ""}`)
  }

  /** How an accumulator leaves the function of a chunk. */
  private leave(
    place: string,
    a: { readonly name: string; readonly type: ScalarType; readonly how: UpdateOp | undefined },
  ): string {
    if (a.how === "add") return `${place} += ${a.name}`
    if (a.how === "mul") return `${place} *= ${a.name}`
    if (a.how === "max" || a.how === "min") {
      this.mathFunctions.add(a.how)
      return `${place} = Math_${a.how}(${place}, ${a.name})`
    }
    return `${place} = ${a.type === "bool" ? `${a.name} ? 1 : 0` : a.name}`
  }

  /** Whether a value is below 2^31: sizes, indices, places. */
  private isPlace(v: Value & { readonly id: number }): boolean {
    return v.kind === "size" || v.kind === "index" || this.places.has(v.id)
  }

  get stateCount(): number {
    return this.states
  }

  /** The function of the whole kernel. */
  main(): Lines {
    const { kernel, names } = this
    const lines = new Lines()
    const parameters = [
      ...[...kernel.inputs, ...kernel.outputs].map((b) => names.buffers.get(b)!),
      ...kernel.scalars.map((s, i) => (s.input.type === "bool" ? `flag${i}` : `p${i}`)),
      ...kernel.sizeNames.map((_, i) => `n${i}`),
      "results",
    ]
    lines.block(`function kernel(${parameters.join(", ")}) {`, () => {
      kernel.scalars.forEach((s, i) => {
        if (s.input.type === "bool") lines.add(`const p${i} = !!flag${i}`)
      })
      for (const { id, value } of kernel.sizes)
        if (value.kind === "op") lines.add(`const t${id} = ${this.expression(value.op, value.args, "int")}`)
      kernel.scratch.forEach((b, i) => {
        const length = this.operand(b.length)
        lines.add(`if (scratch${i}.length < ${length}) scratch${i} = new ${arrayOf(b)}(${length})`)
      })
      this.statements(lines, kernel.body, true)
    })
    return lines
  }
}

const arrayOf = (scratch: Buffer): string => (scratch.element === "int" ? "Int32Array" : "Float64Array")

/** The text of a factory: the body of a function without parameters that returns the kernel function. */
export function emitJs(kernel: Kernel, options: JsOptions = {}): { readonly text: string } {
  const accuracy = options.accuracy ?? (kernel.dtype === "f32" ? "fast" : "full")
  const emitter = new Emitter(options.optimise === false ? kernel : unroll(kernel), accuracy)
  const main = emitter.main()
  const tables = emitter.elementary.head()
  const head = new Lines()
  const functions = [...emitter.mathFunctions].sort()
  if (functions.length > 0) head.add(`const ${functions.map((f) => `Math_${f} = Math.${f}`).join(", ")}`)
  head.add(...tables)
  if (emitter.stateCount > 0) head.add(`const state = new Float64Array(${emitter.stateCount})`)
  kernel.scratch.forEach((b, i) => head.add(`let scratch${i} = new ${arrayOf(b)}(0)`))
  if (emitter.sorts) head.add(...sortText.split("\n"))
  return {
    text: [head, ...emitter.special.lines, ...emitter.functions, main]
      .map(String)
      .concat("return kernel\n")
      .join("\n"),
  }
}
