// Loops -> JavaScript: the text of a factory that makes one function over typed arrays.
//
// Arithmetic is f64 whatever the memory holds. Each outermost loop is a function of its own that is called in chunks: a
// function with one long loop is optimised while it runs (on-stack), loses that in its cold tail on every call, and stays
// slow; a function called often is optimised whole. The first chunks are short: V8 keeps no feedback of types before a function
// was called and left, and a long first call makes it compile a loop of which it knows nothing.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import type { ScalarType } from "../types.ts"
import { unroll } from "../unroll.ts"
import { type Loop, type UpdateOp, countLoops, identities, isElementary, loopsIn } from "../unroll/facts.ts"
import { outsideOf } from "../unroll/outside.ts"
import { numberText } from "./inline.ts"
import { JsValues } from "./js-values.ts"
import type { Accuracy } from "./math.ts"
import { partsOf } from "./parts.ts"
import { sortText } from "./sort.ts"
import { countUses, guarded } from "./values.ts"
import { Lines, type Value, axisComment, textOf } from "./text.ts"

export type { Accuracy } from "./math.ts"

export interface JsOptions {
  /** Default: `fast` for kernels over f32 memory, `full` for f64. */
  readonly accuracy?: Accuracy
  /** False leaves the loops as they come and rounds as their interpreter does. Default true. */
  readonly optimise?: boolean
}

/** Whether a loop in lanes computes elementary functions, so that a call around it costs little. */
const isCostly = (s: Loop): boolean => s.step !== undefined && s.body.some(isElementary)

class Emitter {
  readonly functions: Lines[] = []
  readonly values: JsValues
  private readonly kernel: Kernel
  private uses: ReadonlyMap<number, number> | undefined
  private states = 0
  /** Whether some statement sorts. */
  sorts = false
  /** Whether the statements are in a chunk of rows with several loops inside. */
  private inRow = false
  /** Loops that become functions because they stand in one that would be too large. */
  private parts: ReadonlySet<Loop> = new Set()

  constructor(kernel: Kernel, accuracy: Accuracy) {
    this.kernel = kernel
    this.values = new JsValues(kernel, accuracy)
  }

  private update(s: Extract<Stmt, { kind: "update" }>): string {
    const acc = this.values.names.values.get(s.acc)!
    this.values.atUpdate(s.acc)
    const value = this.values.operand(s.value, acc.type === "bool" ? "bool" : undefined)
    if (s.op === "set") return `${acc.name} = ${value}`
    if (acc.type === "bool") {
      const both = s.op === "min" || s.op === "mul"
      return `${acc.name} = ${acc.name} ${both ? "&&" : "||"} ${value}`
    }
    if (s.op === "add") return `${acc.name} += ${value}`
    if (s.op === "mul") return `${acc.name} *= ${value}`
    this.values.mathFunctions.add(s.op)
    return `${acc.name} = Math_${s.op}(${acc.name}, ${value})`
  }

  private buffer(s: Extract<Stmt, { kind: "load" | "store" | "fill" }>): string {
    return this.values.names.buffers.get(s.buffer)!
  }

  private statements(lines: Lines, body: readonly Stmt[], top: boolean): void {
    this.values.atBorder()
    for (let k = 0; k < body.length; k++) {
      const mayAdd = !top && body[k + 1]?.kind === "update" && body[k + 4]?.kind === "update"
      const either = mayAdd ? this.eitherAdd(body.slice(k, k + 5)) : undefined
      if (either) {
        lines.add(...either)
        k += 4
      } else this.statement(lines, body[k]!, top)
    }
    this.values.atBorder()
  }

  /**
   * A guarded sum beside a count of what the guard leaves out (`x` where c, and 1 where not c): one condition for both. The
   * additions stand outside it, because an operator that never ran has no types yet, and meeting it throws compiled code away.
   */
  private eitherAdd([p, u, n, q, v]: readonly Stmt[]): readonly string[] | undefined {
    if (!this.values.elementary.inPlace || p?.kind !== "let" || u?.kind !== "update" || v?.kind !== "update")
      return undefined
    if (n?.kind !== "let" || q?.kind !== "let" || u.op !== "add" || v.op !== "add") return undefined
    const [c, x] = guarded(p) ?? []
    const [d, y] = guarded(q) ?? []
    if (!c || !x || !d || !y || y.kind !== "number" || n.op !== "not" || c.kind !== "value") return undefined
    const same = (z: Operand, id: number): boolean => z.kind === "value" && z.id === id
    if (!same(u.value, p.id) || !same(v.value, q.id) || !same(d, n.id) || !same(n.args[0]!, c.id))
      return undefined
    if (u.acc === v.acc || [p, n, q].some((s) => this.timesRead(s.id) !== 1)) return undefined
    const [a, b] = [u.acc, v.acc].map((id) => {
      this.values.atUpdate(id)
      return this.values.names.values.get(id)!.name
    })
    return [
      `const t${p.id} = ${a} + ${this.values.operand(x)}`,
      `const t${q.id} = ${b} + ${this.values.operand(y)}`,
      `if (${this.values.operand(c)}) ${a} = t${p.id}; else ${b} = t${q.id}`,
    ]
  }

  private timesRead(id: number): number | undefined {
    this.uses ??= countUses(this.kernel.body)
    return this.uses.get(id)
  }

  private statement(lines: Lines, s: Stmt, top: boolean): void {
    switch (s.kind) {
      case "let":
        return lines.add(`const t${s.id} = ${this.values.value(lines, s)}`)
      case "load": {
        if (s.type === "real" && s.buffer.kind === "input") this.values.atLoad(s.id)
        const element = `${this.buffer(s)}[${this.values.operand(s.at)}]`
        return lines.add(`const t${s.id} = ${s.type === "bool" ? `${element} !== 0` : element}`)
      }
      case "store": {
        const bool = s.value.kind === "value" && this.values.typeOf(s.value) === "bool"
        const value = this.values.operand(s.value)
        const place = `${this.buffer(s)}[${this.values.operand(s.at)}]`
        return lines.add(`${place} ${s.accumulate ? "+=" : "="} ${bool ? `${value} ? 1 : 0` : value}`)
      }
      case "fill": {
        const at = this.values.operand(s.at)
        const end = s.at.kind === "number" && s.at.value === 0 ? "" : `${at} + `
        return lines.add(
          `${this.buffer(s)}.fill(${numberText(s.value)}, ${at}, ${end}${this.values.operand(s.length)})`,
        )
      }
      case "sort": {
        this.sorts = true
        const places = [s.keysAt, s.stride].map((x) => this.values.operand(x))
        const row = [s.indexAt, s.length].map((x) => this.values.operand(x))
        const keys = this.values.names.buffers.get(s.keys)!
        const list = [keys, ...places, this.values.names.buffers.get(s.index)!, ...row]
        return lines.add(`sortRow(${list.join(", ")})`)
      }
      case "acc":
        return lines.add(
          `let a${s.id} = ${this.values.operand(s.initial, s.type === "bool" ? "bool" : undefined)}`,
        )
      case "update":
        return lines.add(this.update(s))
      case "for":
        if (top && s.growing) return this.chunked(lines, s)
        if ((this.inRow && isCostly(s)) || this.parts.has(s)) return this.outlined(lines, s)
        lines.add(axisComment(s.axis))
        return lines.block(this.head(s), () => this.values.loop(() => this.statements(lines, s.body, false)))
      case "if":
        lines.open(`if (${this.values.operand(s.condition, "bool")}) {`)
        this.statements(lines, s.then, top)
        if (s.else.length > 0) {
          lines.reopen("} else {")
          this.statements(lines, s.else, top)
        }
        return lines.close("}")
      case "result": {
        const bool = s.value.kind === "value" && this.values.typeOf(s.value) === "bool"
        const value = this.values.operand(s.value)
        return lines.add(
          `results[${this.kernel.results.indexOf(s.name)}] = ${bool ? `${value} ? 1 : 0` : value}`,
        )
      }
    }
  }

  private head(s: Loop): string {
    const i = `i${s.id}`
    const step = `${i} = (${i} + ${s.step ? this.values.operand(s.step) : "1"}) | 0`
    return `for (let ${i} = ${this.values.operand(s.from)}; ${i} < ${this.values.operand(s.to)}; ${step}) {`
  }

  /** The head of a loop over chunks. */
  private growing(s: Loop): string {
    const [i, size] = [`i${s.id}`, `s${s.growing!.id}`]
    this.values.mathFunctions.add("min")
    const start = `${i} = ${this.values.operand(s.from)}, ${size} = ${this.values.operand(s.growing!.first)}`
    const next = `${i} += ${size}, ${size} = Math_min(4 * ${size}, ${this.values.operand(s.step!)})`
    return `for (let ${start}; ${i} < ${this.values.operand(s.to)}; ${next}) {`
  }

  /** An outermost loop with a step: its body as a function of the index. */
  private chunked(lines: Lines, s: Loop): void {
    const before = this.inRow
    this.inRow = loopsIn(s.body).some((inner) => countLoops(inner.body, 2) > 1)
    this.called(lines, s, s.body, [`i${s.id}`], (call) => lines.block(this.growing(s), () => lines.add(call)))
    this.inRow = before
  }

  /** A costly inner loop as a function of its own: an engine allots registers by function, and few are left among other loops. */
  private outlined(lines: Lines, s: Loop): void {
    const before = this.inRow
    this.inRow = false
    this.called(lines, s, [s], [], (call) => lines.add(call))
    this.inRow = before
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
    const before = this.parts
    this.parts = partsOf(body)
    const outside = outsideOf(body)
    const values = outside.values
      .filter((id) => !index.includes(`i${id}`))
      .map((id) => ({ id, ...this.values.names.values.get(id)! }))
    const accs = outside.updated.map((id) => {
      const acc = this.values.names.values.get(id)!
      return { ...acc, how: acc.type === "bool" ? undefined : outside.combined.get(id), place: this.states++ }
    })
    const parameters = [
      ...index,
      ...outside.buffers.map((b) => this.values.names.buffers.get(b)!),
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
    this.parts = before
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
      this.values.mathFunctions.add(a.how)
      return `${place} = Math_${a.how}(${place}, ${a.name})`
    }
    return `${place} = ${a.type === "bool" ? `${a.name} ? 1 : 0` : a.name}`
  }

  /** Whether a value is below 2^31: sizes, indices, places. */
  private isPlace(v: Value & { readonly id: number }): boolean {
    return v.kind === "size" || v.kind === "index" || this.values.places.has(v.id)
  }

  get stateCount(): number {
    return this.states
  }

  /** The function of the whole kernel. */
  main(): Lines {
    const { kernel } = this
    const { names } = this.values
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
        if (value.kind === "op")
          lines.add(`const t${id} = ${this.values.expression(value.op, value.args, "int")}`)
      kernel.scratch.forEach((b, i) => {
        const length = this.values.operand(b.length)
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
  const tables = [...emitter.values.elementary.head(), ...emitter.values.picks.head()]
  const head = new Lines()
  const functions = [...emitter.values.mathFunctions].sort()
  if (functions.length > 0) head.add(`const ${functions.map((f) => `Math_${f} = Math.${f}`).join(", ")}`)
  head.add(...tables)
  if (emitter.stateCount > 0) head.add(`const state = new Float64Array(${emitter.stateCount})`)
  kernel.scratch.forEach((b, i) => head.add(`let scratch${i} = new ${arrayOf(b)}(0)`))
  if (emitter.sorts) head.add(...sortText.split("\n"))
  const parts = [head, ...emitter.values.special.lines, ...emitter.functions, main]
  return { text: textOf(parts, "return kernel\n") }
}
