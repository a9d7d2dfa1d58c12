// Kernels -> a module that needs nothing else, and its types: two files.
//
// Names of users occur in them only as strings: keys of the arguments and words of messages, escaped to ASCII. The one
// exception is the name of the exported function, which is an identifier of ASCII letters. Documentation is left out.
import { postorder } from "../graph.ts"
import { type Expr, conjuncts } from "../ir.ts"
import type { Kernel } from "../loops.ts"
import type { LabelRead } from "../loss.ts"
import { machineText } from "../run/gpu-text.generated.ts"
import type { Domain, Input } from "../types.ts"
import { type Leaves, inline, numberText } from "./inline.ts"
import { emitJs } from "./js.ts"
import { hash, json, quoted } from "./module-literals.ts"
import type { ModuleParts } from "./module-parts.ts"
import { moduleText } from "./module-text.ts"
import { moduleTypes } from "./module-types.ts"
import { arrayTypeOf, wasmParts, wasmText } from "./module-wasm.ts"
import { operatorsOf, wgslText } from "./module-wgsl.ts"
import { hostText } from "./host.ts"

/** A text of a file. */
export interface ModuleFile {
  readonly name: string
  readonly text: string
}

/**
 * Makes `NAME.js`, an ES module that exports the function NAME and the same as its default, and `NAME.d.ts`. Equal parts give
 * equal bytes. The function takes the arguments by name and `{ grad, cotangent }`, and returns what a kernel returns; it
 * throws a TypeError or a RangeError before anything is written.
 */
export function emitModule(parts: ModuleParts): readonly ModuleFile[] {
  const name = /^[A-Za-z_][A-Za-z0-9_]*$/.test(parts.loss.name) ? parts.loss.name : "loss"
  const writer = new Writer(parts)
  const named = (texts: readonly string[], ending: string): ModuleFile[] =>
    texts.map((text, k) => ({ name: `${name}${k > 0 ? `.${k}` : ""}.${ending}`, text }))
  return [
    { name: `${name}.js`, text: writer.module(name) },
    { name: `${name}.d.ts`, text: moduleTypes(parts, name) },
    ...named(parts.wat ? writer.wats : [], "wat"),
    ...named(parts.wat ? writer.relaxedWats : [], "relaxed.wat"),
    ...named(writer.shaders, "wgsl"),
  ]
}

/** Whether a condition reads no array but one, at its own place. */
const readsOnly = (e: Expr, input: Input): boolean =>
  postorder([e]).every(
    (x) =>
      x.kind !== "ref" &&
      (x.kind !== "load" ||
        (x.input === input && x.index.every((i) => i.kind === "axis")) ||
        x.index.length === 0),
  )

const list = (items: readonly string[]): string => `[${items.join(", ")}]`
/** One item a line. */
const table = (items: readonly string[]): string =>
  items.length === 0 ? "[]" : `[\n${items.map((item) => `  ${item},\n`).join("")}]`

class Writer {
  private readonly parts: ModuleParts
  private readonly inputs: readonly Input[]
  private readonly sizeNames: string[] = []
  private readonly binaries: string[] = []
  private readonly relaxedBinaries: string[] = []
  private readonly sharedAt: number[] = []
  /** The texts of the kernels, without the arrays that may be left out and with all of them. */
  readonly wats: string[] = []
  /** The same with relaxed instructions. */
  readonly relaxedWats: string[] = []
  /** The shaders in the same order. */
  readonly shaders: string[] = []

  constructor(parts: ModuleParts) {
    this.parts = parts
    this.inputs = parts.loss.inputs.filter((input) => !input.isStatic)
  }

  module(name: string): string {
    const { loss, choice, dtype, version, sizes } = this.parts
    const variants = this.variants()
    const inputs = table(this.inputs.map((input) => this.input(input)))
    const checks = table(
      loss.checks.flatMap(({ condition, message }) => {
        const holds = this.function(condition)
        return holds === undefined ? [] : [`{ holds: ${holds}, message: ${quoted(message)} }`]
      }),
    )
    const reads = table(loss.labelReads.flatMap((read) => this.labelRead(read)))
    const first = loss.batch.find((axis) => axis.name !== "...")
    const batch = list(loss.batch.map((axis) => this.extent(axis.extent)))
    const rest = loss.batch.map((axis) => String(axis.name === "..."))
    const named = (names: readonly string[]): string => list(names.map(quoted))
    return [
      `// Made by lossc ${version} from source ${hash(loss.source.text)}. Do not edit.`,
      `const lossName = ${quoted(loss.name)}`,
      `const inputs = ${inputs}`,
      `const checks = ${checks}`,
      `const labelReads = ${reads}`,
      `const gradients = ${named(choice.grad)}`,
      `const batch = ${first ? this.extent(first.extent) : "undefined"}`,
      `const batchExtents = ${batch}`,
      `const batchRest = ${list(rest)}`,
      `const floats = ${dtype === "f32" ? "Float32Array" : "Float64Array"}`,
      `const rowLosses = ${this.hasRows()}`,
      ...variants,
      ...this.wasmTables(),
      // Last, because everything above may mention sizes.
      `const sizeNames = ${named(this.sizeNames)}`,
      `const fixedSizes = ${list(this.sizeNames.map((size) => String(sizes.get(size))))}`,
      moduleText + callText + this.runText(),
      `export { ${name === "default" ? "run as default" : `run as ${name}, run as default`} }`,
      "",
    ].join("\n")
  }

  private get isWasm(): boolean {
    return this.parts.target === "wasm"
  }

  private get threads(): number {
    return this.parts.threads ?? 1
  }

  private runText(): string {
    if (this.parts.target === "wgsl") return `\n${machineText}${wgslText}`
    return runText + (this.isWasm ? wasmText(this.threads, this.parts.relaxed === true) : "")
  }

  private wasmTables(): string[] {
    if (!this.isWasm) return []
    const arrayTypes = this.inputs.map((input) =>
      arrayTypeOf({ input, element: input.type === "real" ? this.parts.dtype : input.type }),
    )
    return [
      `const binaries = ${table(this.binaries.map(quoted))}`,
      ...(this.parts.relaxed ? [`const relaxedBinaries = ${table(this.relaxedBinaries.map(quoted))}`] : []),
      ...(this.threads > 1 ? [`const sharedAt = ${list(this.sharedAt.map(String))}`] : []),
      `const arrayTypes = ${list(arrayTypes)}`,
    ]
  }

  /** The statements of the factory of a kernel. */
  private factory(kernel: Kernel, k: number): string {
    const { dtype } = this.parts
    const accuracy = this.parts.accuracy ?? (dtype === "f32" ? "fast" : "full")
    if (!this.isWasm) return emitJs(kernel, { accuracy }).text
    const options = { threads: this.threads, relaxed: this.parts.relaxed === true }
    const { factory, binary, wat, relaxed, sharedAt } = wasmParts(kernel, accuracy, k, options)
    this.binaries.push(binary)
    this.sharedAt.push(sharedAt)
    this.wats.push(wat)
    if (relaxed) {
      this.relaxedBinaries.push(relaxed.binary)
      this.relaxedWats.push(relaxed.wat)
    }
    return factory
  }

  /** Whether the losses of rows are returned one by one. */
  private hasRows(): boolean {
    return this.parts.choice.reduction === "none" && this.parts.loss.batch.length > 0
  }

  private size(name: string): number {
    const known = this.sizeNames.indexOf(name)
    return known >= 0 ? known : this.sizeNames.push(name) - 1
  }

  private readonly leaves: Leaves = {
    size: (name) => `size(call, ${this.size(name)})`,
    scalar: (input) => {
      const fixed = this.parts.statics.get(input)
      if (fixed !== undefined) return input.type === "bool" ? String(fixed !== 0) : numberText(fixed)
      const value = `call.scalars[${this.inputs.indexOf(input)}]`
      return input.type === "bool" ? `(${value} !== 0)` : value
    },
  }

  /** A function of a call. */
  private function(expr: Expr): string | undefined {
    const text = inline(expr, this.leaves)
    return text === undefined ? undefined : `(call) => ${text}`
  }

  /** An extent: the number of a size, or a function. */
  private extent(expr: Expr): string {
    return expr.kind === "size" ? String(this.size(expr.name)) : this.function(expr)!
  }

  private input(input: Input): string {
    const { name, type, role, dimensions, label, domain, domainUsed } = input
    const fields = [
      `name: ${quoted(name)}`,
      `type: ${quoted(type)}`,
      `sample: ${role === "sample"}`,
      `optional: ${input.default !== undefined}`,
      `axes: ${list(dimensions.map((d) => quoted(d.name)))}`,
      `extents: ${list(dimensions.map((d) => this.extent(d.extent)))}`,
    ]
    if (label)
      fields.push(
        `label: { axis: ${quoted(label.axis)}, optional: ${label.optional}, below: ${this.function(label.extent)} }`,
      )
    if (domain) fields.push(`domain: ${this.domain(domain, dimensions.length > 0 && domainUsed === true)}`)
    const initial = this.initial(input)
    if (initial !== undefined) fields.push(`initial: ${initial}`)
    return `{ ${fields.join(", ")} }`
  }

  private domain({ low, high, not }: Domain, data: boolean): string {
    const fields = [
      `data: ${data}`,
      `lowStrict: ${low?.strict === true}`,
      `highStrict: ${high?.strict === true}`,
    ]
    if (low) fields.push(`low: ${this.function(low.value)}`)
    if (high) fields.push(`high: ${this.function(high.value)}`)
    if (not) fields.push(`not: ${this.function(not)}`)
    return `{ ${fields.join(", ")} }`
  }

  /** The default as a function of a call, of the indices of an element and of its place. */
  private initial(input: Input): string | undefined {
    if (!input.default) return undefined
    if ("vector" in input.default) {
      const values = list(input.default.vector.map(numberText))
      return `(call, at, i) => ${values}[i]`
    }
    const axes = input.dimensions.map((d) => this.parts.loss.core.axis(d.name, d.extent))
    const text = inline(input.default.expr, { ...this.leaves, axis: (axis) => `at[${axes.indexOf(axis)}]` })
    return text === undefined ? undefined : `(call, at) => ${text}`
  }

  /** Whether anything reads a label, as a function of a call and of the indices of the label. */
  private labelRead({ input, condition, extent }: LabelRead): string {
    const own = input.dimensions.map((d) => this.parts.loss.core.axis(d.name, d.extent))
    const others = condition.axes.filter((axis) => !own.includes(axis))
    const write = (part: Expr): string | undefined =>
      inline(part, {
        ...this.leaves,
        axis: (axis) => (own.includes(axis) ? `at[${own.indexOf(axis)}]` : `other${others.indexOf(axis)}`),
        element: (array, index) => {
          // An array that may be left out is not there yet.
          if (array.default || !this.inputs.includes(array)) return undefined
          const extents = array.dimensions.map((d) => `extent(call, ${this.extent(d.extent)})`)
          const place = index.reduce(
            (at, one, k) => (k === 0 ? one : `(${at}) * ${extents[k]} + ${one}`),
            "0",
          )
          return `call.arrays[${this.inputs.indexOf(array)}][${place}]`
        },
      })
    // Where only a kernel could tell, labels must be in range that perhaps nothing reads. What stands behind such a condition
    // may be readable only where it holds.
    const parts: string[] = []
    let isWhole = true
    for (const part of conjuncts(condition)) {
      const text = isWhole || readsOnly(part, input) ? write(part) : undefined
      if (text === undefined) isWhole = false
      else parts.push(text)
    }
    const text = parts.join(" && ") || "true"
    let reads = `return ${text}`
    if (others.length > 0) {
      const loops = others.map(
        (axis, k) =>
          `for (let other${k} = 0; other${k} < extent(call, ${this.extent(axis.extent)}); other${k}++) `,
      )
      reads = `${loops.join("")}if (${text}) return true; return false`
    }
    return `{ input: ${this.inputs.indexOf(input)}, below: ${this.function(extent)}, reads: (call, at) => { ${reads} } }`
  }

  /** The kernels: without the arrays that may be left out, and with all of them. */
  private variants(): string[] {
    const { choice } = this.parts
    const arrays = this.inputs.filter((input) => input.default && input.dimensions.length > 0)
    const scalars = this.inputs.filter((input) => input.default && input.dimensions.length === 0)
    const needed = arrays.filter((input) => choice.grad.includes(input.name))
    const sets = needed.length === arrays.length ? [arrays] : [needed, arrays]
    const texts = sets.map((set, k) => this.variant(k, set, new Set([...scalars, ...set].map((i) => i.name))))
    return [
      ...texts,
      `const optionalArrays = ${list(arrays.map((input) => String(this.inputs.indexOf(input))))}`,
      `const variants = ${list(sets.map((_, k) => `variant${k}`))}`,
    ]
  }

  /** A scalar input of a kernel in a call. */
  private number(input: Input): string {
    const at = this.inputs.indexOf(input)
    return at >= 0 ? `call.scalars[${at}]` : numberText(this.parts.statics.get(input) ?? NaN)
  }

  /** Which arrays a variant needs, and where its numbers are. */
  private results(set: readonly Input[], { results }: Kernel): string[] {
    const at = (result: string): string => String(results.indexOf(result))
    const own = results.filter((result) => result.startsWith("grad:"))
    return [
      `  arrays: ${list(set.map((input) => String(this.inputs.indexOf(input))))},`,
      `  results: ${results.length},`,
      `  loss: ${at("loss")}, count: ${at("count")}, per: ${at("per")},`,
      `  scalarGradients: ${list(own.map((result) => `[${quoted(result.slice(5))}, ${at(result)}]`))},`,
    ]
  }

  /** A variant that runs on a device: a program, and what it takes from a call. */
  private gpuVariant(k: number, set: readonly Input[], kernel: Kernel, given: ReadonlySet<string>): string {
    const program = this.parts.program!(kernel)
    this.shaders.push(program.shader)
    let losses = this.hasRows()
    const outputs = kernel.outputs.map(({ name }) => {
      if (!losses || name !== "loss") return quoted(name!)
      losses = false
      return "undefined"
    })
    const labels = this.parts.labels!(given).map(
      ({ name, input, extent }) =>
        `{ result: ${kernel.results.indexOf(name)}, input: ${this.inputs.indexOf(input)}, below: ${this.function(extent)} }`,
    )
    const scalars = kernel.scalars.map(({ input }) => this.number(input))
    return [
      `function operators${k}() {`,
      hostText(operatorsOf(program)).replace(/^(?=.)/gm, "  "),
      "  return host",
      "}",
      `const variant${k} = {`,
      ...this.results(set, kernel),
      `  program: ${json(program)},`,
      `  operators: operators${k},`,
      `  inputs: ${list(kernel.inputs.map(({ input }) => String(this.inputs.indexOf(input!))))},`,
      `  outputs: ${list(outputs)},`,
      `  labels: ${list(labels)},`,
      `  sizes: (call) => ${list(kernel.sizeNames.map((size) => `size(call, ${this.size(size)})`))},`,
      `  scalars: (call) => ${list(scalars)},`,
      "}",
    ].join("\n")
  }

  private variant(k: number, set: readonly Input[], given: ReadonlySet<string>): string {
    const kernel = this.parts.kernel(given)
    if (this.parts.program) return this.gpuVariant(k, set, kernel, given)
    const text = this.factory(kernel, k)
    let losses = this.hasRows()
    const args = [
      ...kernel.inputs.map((b) => {
        const at = this.inputs.indexOf(b.input!)
        return at < 0 ? "cotangent" : `call.arrays[${at}]`
      }),
      ...kernel.outputs.map((b) => {
        if (!losses || b.name !== "loss") return `grad.get(${quoted(b.name!)})`
        losses = false
        return "losses"
      }),
      ...kernel.scalars.map(({ input }) => this.number(input)),
      ...kernel.sizeNames.map((size) => `size(call, ${this.size(size)})`),
      "results",
    ]
    return [
      `function makeKernel${k}() {`,
      text.replace(/^(?=.)/gm, "  ").trimEnd(),
      "}",
      `let kernel${k}`,
      `const variant${k} = {`,
      ...this.results(set, kernel),
      "  run(call, cotangent, losses, grad, results) {",
      `    kernel${k} ??= makeKernel${k}()`,
      `    kernel${k}(${args.join(", ")})`,
      "  },",
      "}",
    ].join("\n")
  }
}

/** What surrounds a run: everything that is checked before, and the result. */
const callText = `
function ready(args, options) {
  const call = bind(args)
  const more = entries(options, "the options")
  for (const name of more.keys()) if (name !== "grad" && name !== "cotangent") wrong("there is no option " + name)
  const buffers = entries(more.get("grad"), "the option grad")
  for (const name of buffers.keys()) if (!gradients.includes(name)) wrong("this module computes no gradient of " + name)
  const variant = optionalArrays.some((i) => call.arrays[i] !== undefined) ? variants.at(-1) : variants[0]
  for (const i of variant.arrays) call.arrays[i] ??= elementsOf(call, inputs[i], fill(call, inputs[i]))
  checkLabels(call)
  const sizes = batchExtents.map((e) => extent(call, e))
  const rows = sizes.reduce((total, one) => total * one, 1)
  let cotangent
  if (rowLosses && gradients.length > 0) {
    const input = { name: "cotangent", type: "real", extents: [], axes: [] }
    const weights = given(input, more.get("cotangent") ?? new floats(rows).fill(1)).elements
    if (weights.length !== rows) outside("cotangent has " + weights.length + " elements; there are " + rows + " rows")
    cotangent = elementsOf(call, input, weights)
  } else if (more.get("cotangent") !== undefined) wrong("only gradients of the losses of rows take a cotangent")
  const grad = new Map()
  for (const name of gradients) {
    const i = inputs.findIndex((input) => input.name === name)
    grad.set(name, output(buffers, name, inputs[i].extents.length > 0 ? call.arrays[i].length : 1))
  }
  checkOverlap(buffers, [...call.arrays, cotangent])
  return { call, variant, sizes, cotangent, grad, losses: rowLosses ? new floats(rows) : undefined }
}
function answer({ call, variant, sizes, grad, losses }, results) {
  for (const [name, at] of variant.scalarGradients) grad.get(name)[0] = results[at]
  const first = batchRest.indexOf(false)
  return {
    loss: rowLosses ? losses : results[variant.loss],
    grad: Object.fromEntries(grad),
    count: results[variant.count],
    per: results[variant.per],
    shape: sizes.flatMap((one, k) =>
      call.single && k === first ? [] : batchRest[k] ? (call.unfolded[batchExtents[k]] ?? [one]) : [one],
    ),
  }
}
`

/** The exported function, where it runs at once. */
const runText = `
function run(args, options) {
  const all = ready(args, options)
  const results = new Float64Array(all.variant.results)
  all.variant.run(all.call, all.cotangent, all.losses, all.grad, results)
  return answer(all, results)
}
`
