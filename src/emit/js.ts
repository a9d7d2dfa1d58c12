// Loops -> JavaScript: the text of a factory that makes one function over typed arrays.
//
// Arithmetic is f64 whatever the memory holds. Each outermost loop is a function of its own that is called in chunks: a
// function with one long loop is optimised while it runs (on-stack), loses that in its cold tail on every call, and stays
// slow; a function called often is optimised whole.
import type { Kernel, Operand, Stmt } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { Lines, type Names, axisComment, forEachStatement, nameAll, outsideOf } from "./text.ts"

/** How the elementary functions are computed: 1e-10 relative, within 2 ULP of f64, or by the engine's `Math`. */
export type Accuracy = "fast" | "full" | "engine"

export interface JsOptions {
  /** Default: `fast` for kernels over f32 memory, `full` for f64. */
  readonly accuracy?: Accuracy
  /** False leaves the loops as they come and rounds as their interpreter does. Default true. */
  readonly optimise?: boolean
}

/** Elements per call of a loop without loops inside; rows per call of others are chosen to have as many elements. */
const CHUNK = 4096
/** Fewest rows per call of a loop with loops inside. */
const ROWS = 8

type Loop = Extract<Stmt, { kind: "for" }>

/** Text of a number; negative ones in parentheses, so that `a--b` cannot arise. */
const numberText = (v: number): string =>
  v < 0 || Object.is(v, -0) ? `(${Object.is(v, -0) ? "-0" : v})` : String(v)

class Emitter {
  readonly functions: Lines[] = []
  readonly mathFunctions = new Set<string>()
  private readonly kernel: Kernel
  private readonly names: Names
  private readonly outline: boolean
  private states = 0

  constructor(kernel: Kernel, outline: boolean) {
    this.kernel = kernel
    this.names = nameAll(kernel)
    this.outline = outline
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

  private expression(op: OpName, args: readonly Operand[], type: ScalarType): string {
    const entry = ops[op]
    const as = this.operandTypes(op, args, type)
    const text = new Map(entry.params.map((p, i) => [p, this.operand(args[i]!, as[i])]))
    return entry.js
      .replace(/Math\.([a-z0-9]+)/g, (_, f: string) => {
        this.mathFunctions.add(f)
        return `Math_${f}`
      })
      .replace(/\$([a-z]+)/g, (_, p: string) => text.get(p)!)
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
    for (const s of body) this.statement(lines, s, top)
  }

  private statement(lines: Lines, s: Stmt, top: boolean): void {
    switch (s.kind) {
      case "let":
        return lines.add(`const t${s.id} = ${this.expression(s.op, s.args, s.type)}`)
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
      case "acc":
        return lines.add(`let a${s.id} = ${this.operand(s.initial, s.type === "bool" ? "bool" : undefined)}`)
      case "update":
        return lines.add(this.update(s))
      case "for":
        if (top && this.outline) return this.chunked(lines, s)
        lines.add(axisComment(s.axis))
        return lines.block(this.head(s, this.operand(s.from), this.operand(s.to)), () =>
          this.statements(lines, s.body, false),
        )
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

  private head(s: Loop, from: string, to: string): string {
    const step = s.step ?? 1
    return `for (let i${s.id} = ${from}; i${s.id} < ${to}; i${s.id} ${step === 1 ? "+= 1" : `+= ${step}`}) {`
  }

  /** A loop as a function called with one range after another. */
  private chunked(lines: Lines, s: Loop): void {
    const number = this.functions.length
    const outside = outsideOf([s])
    const own = new Lines()
    this.functions.push(own)
    const bounds = [s.from, s.to]
    const read = (id: number): boolean =>
      outsideOf(s.body).values.includes(id) || !bounds.some((x) => x.kind === "value" && x.id === id)
    const values = outside.values.filter(read).map((id) => this.names.values.get(id)!.name)
    const accs = outside.updated.map((id) => ({ id, ...this.names.values.get(id)!, place: this.states++ }))
    const parameters = [
      ...outside.buffers.map((b) => this.names.buffers.get(b)!),
      ...values,
      ...(accs.length > 0 ? ["state"] : []),
      ...(outside.results ? ["results"] : []),
    ]
    const combine = this.blockable(
      s,
      accs.map((a) => a.id),
    )
    own.add(axisComment(s.axis))
    own.block(`function loop${number}(from, to${parameters.map((p) => `, ${p}`).join("")}) {`, () => {
      for (const a of accs) {
        const how = combine.get(a.id)
        if (how) own.add(`let ${a.name} = ${how.identity}`)
        else own.add(`let ${a.name} = state[${a.place}]${a.type === "bool" ? " !== 0" : ""}`)
      }
      own.block(this.head(s, "from", "to"), () => this.statements(own, s.body, false))
      for (const a of accs) {
        const how = combine.get(a.id)
        const place = `state[${a.place}]`
        if (how?.op === "add") own.add(`${place} += ${a.name}`)
        else if (how?.op === "mul") own.add(`${place} *= ${a.name}`)
        else if (how) {
          this.mathFunctions.add(how.op)
          own.add(`${place} = Math_${how.op}(${place}, ${a.name})`)
        } else own.add(`${place} = ${a.type === "bool" ? `${a.name} ? 1 : 0` : a.name}`)
      }
    })
    for (const a of accs) lines.add(`state[${a.place}] = ${a.type === "bool" ? `${a.name} ? 1 : 0` : a.name}`)
    const to = this.operand(s.to)
    const chunk = this.chunkSize(s)
    if (chunk.includes("(")) lines.add(`const chunk${number} = ${chunk}`)
    const size = chunk.includes("(") ? `chunk${number}` : chunk
    lines.block(`for (let from = ${this.operand(s.from)}; from < ${to}; from += ${size}) {`, () =>
      lines.add(
        `loop${number}(from, Math_min(from + ${size}, ${to})${parameters.map((p) => `, ${p}`).join("")})`,
      ),
    )
    this.mathFunctions.add("min")
    for (const a of accs) lines.add(`${a.name} = state[${a.place}]${a.type === "bool" ? " !== 0" : ""}`)
  }

  get stateCount(): number {
    return this.states
  }

  /** Rows or elements per call, as text. */
  private chunkSize(s: Loop): string {
    const inner: Loop[] = []
    forEachStatement(s.body, (x) => {
      if (x.kind === "for") inner.push(x)
    })
    if (inner.length === 0) return String(Math.ceil(CHUNK / (s.step ?? 1)) * (s.step ?? 1))
    const step = s.step ?? 1
    const fixed = inner.every((x) => x.from.kind === "number" && x.to.kind === "number")
    const outside = new Set(outsideOf([s]).values)
    const lengths = inner.map((x) => x.to).filter((x) => x.kind === "number" || outside.has(x.id))
    if (fixed) {
      const longest = Math.max(1, ...lengths.map((x) => (x.kind === "number" ? x.value : 1)))
      return String(Math.max(1, Math.floor(Math.max(ROWS, CHUNK / longest) / step)) * step)
    }
    if (lengths.length < inner.length) return String(Math.max(1, Math.floor(ROWS / step)) * step)
    this.mathFunctions.add("max")
    const all = [...new Set(lengths.map((x) => this.operand(x)))]
    return `Math_max(${ROWS / step}, (${CHUNK / step} / Math_max(${all.join(", ")}, 1)) | 0)${step === 1 ? "" : ` * ${step}`}`
  }

  /** The accumulators whose sum over a chunk can be taken apart: combined by one operator and never read inside. */
  private blockable(
    s: Loop,
    ids: readonly number[],
  ): Map<number, { op: "add" | "mul" | "max" | "min"; identity: string }> {
    const out = new Map<number, { op: "add" | "mul" | "max" | "min"; identity: string }>()
    const read = new Set(outsideOf(s.body).values)
    const reads = new Set<number>(read)
    const found = new Map<number, Set<string>>()
    forEachStatement(s.body, (x) => {
      if (x.kind === "update") found.set(x.acc, (found.get(x.acc) ?? new Set<string>()).add(x.op))
      const operands = x.kind === "let" ? x.args : x.kind === "store" || x.kind === "update" ? [x.value] : []
      for (const o of operands) if (o.kind === "value") reads.add(o.id)
      if (x.kind === "if" && x.condition.kind === "value") reads.add(x.condition.id)
    })
    for (const id of ids) {
      const used = found.get(id)
      if (!used || used.size !== 1 || reads.has(id) || this.names.values.get(id)!.type === "bool") continue
      const [op] = used
      if (op === "add") out.set(id, { op, identity: "0" })
      else if (op === "mul") out.set(id, { op, identity: "1" })
      else if (op === "max") out.set(id, { op, identity: "-Infinity" })
      else if (op === "min") out.set(id, { op, identity: "Infinity" })
    }
    return out
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
        lines.add(`if (scratch${i}.length < ${length}) scratch${i} = new Float64Array(${length})`)
      })
      this.statements(lines, kernel.body, true)
    })
    return lines
  }
}

/** The text of a factory: the body of a function without parameters that returns the kernel function. */
export function emitJs(kernel: Kernel, options: JsOptions = {}): { readonly text: string } {
  const emitter = new Emitter(kernel, options.optimise ?? true)
  const main = emitter.main()
  const head = new Lines()
  const functions = [...emitter.mathFunctions].sort()
  if (functions.length > 0) head.add(`const ${functions.map((f) => `Math_${f} = Math.${f}`).join(", ")}`)
  if (emitter.stateCount > 0) head.add(`const state = new Float64Array(${emitter.stateCount})`)
  kernel.scratch.forEach((_, i) => head.add(`let scratch${i} = new Float64Array(0)`))
  return { text: [head, ...emitter.functions, main].map(String).concat("return kernel\n").join("\n") }
}
