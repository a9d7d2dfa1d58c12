// Kernels -> a module that needs nothing else, and its types: two files.
//
// Names of users occur in them only as strings: keys of the arguments and words of messages, escaped to ASCII. The one
// exception is the name of the exported function, which is an identifier of ASCII letters. Documentation is left out.
import type { Kernel } from "../loops.ts"
import { machineText } from "../run/gpu-text.generated.ts"
import type { Input } from "../types.ts"
import { emitJs } from "./js.ts"
import { ModuleInputs } from "./module-inputs.ts"
import { hash, json, list, quoted, table } from "./module-literals.ts"
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

class Writer {
  private readonly parts: ModuleParts
  private readonly inputs: ModuleInputs
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
    this.inputs = new ModuleInputs(parts)
  }

  module(name: string): string {
    const { loss, choice, dtype, version, sizes } = this.parts
    const variants = this.variants()
    const inputs = table(this.inputs.list.map((input) => this.inputs.input(input)))
    const checks = table(
      loss.checks.flatMap(({ condition, message }) => {
        const holds = this.inputs.function(condition)
        return holds === undefined ? [] : [`{ holds: ${holds}, message: ${quoted(message)} }`]
      }),
    )
    const reads = table(loss.labelReads.flatMap((read) => this.inputs.labelRead(read)))
    const first = loss.batch.find((axis) => axis.name !== "...")
    const batch = list(loss.batch.map((axis) => this.inputs.extent(axis.extent)))
    const rest = loss.batch.map((axis) => String(axis.name === "..."))
    const named = (names: readonly string[]): string => list(names.map(quoted))
    return [
      `// Made by lossc ${version} from source ${hash(loss.source.text)}. Do not edit.`,
      `const lossName = ${quoted(loss.name)}`,
      `const inputs = ${inputs}`,
      `const checks = ${checks}`,
      `const labelReads = ${reads}`,
      `const gradients = ${named(choice.grad)}`,
      `const batch = ${first ? this.inputs.extent(first.extent) : "undefined"}`,
      `const batchExtents = ${batch}`,
      `const batchRest = ${list(rest)}`,
      `const floats = ${dtype === "f32" ? "Float32Array" : "Float64Array"}`,
      `const rowLosses = ${this.hasRows()}`,
      ...variants,
      ...this.wasmTables(),
      // Last, because everything above may mention sizes.
      `const sizeNames = ${named(this.inputs.sizeNames)}`,
      `const fixedSizes = ${list(this.inputs.sizeNames.map((size) => String(sizes.get(size))))}`,
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
    const arrayTypes = this.inputs.list.map((input) =>
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

  /** The kernels: without the arrays that may be left out, and with all of them. */
  private variants(): string[] {
    const { choice } = this.parts
    const arrays = this.inputs.list.filter((input) => input.default && input.dimensions.length > 0)
    const scalars = this.inputs.list.filter((input) => input.default && input.dimensions.length === 0)
    const needed = arrays.filter((input) => choice.grad.includes(input.name))
    const sets = needed.length === arrays.length ? [arrays] : [needed, arrays]
    const texts = sets.map((set, k) => this.variant(k, set, new Set([...scalars, ...set].map((i) => i.name))))
    return [
      ...texts,
      `const optionalArrays = ${list(arrays.map((input) => String(this.inputs.list.indexOf(input))))}`,
      `const variants = ${list(sets.map((_, k) => `variant${k}`))}`,
    ]
  }

  /** Which arrays a variant needs, and where its numbers are. */
  private results(set: readonly Input[], { results }: Kernel): string[] {
    const at = (result: string): string => String(results.indexOf(result))
    const own = results.filter((result) => result.startsWith("grad:"))
    return [
      `  arrays: ${list(set.map((input) => String(this.inputs.list.indexOf(input))))},`,
      `  results: ${results.length},`,
      `  loss: ${at("loss")}, count: ${at("count")}, per: ${at("per")},`,
      `  scalarGradients: ${list(own.map((result) => `[${quoted(result.slice(5))}, ${at(result)}]`))},`,
    ]
  }

  /** A variant that runs on a device: a program, and what it takes from a call. */
  private gpuVariant(k: number, set: readonly Input[], kernel: Kernel, given: ReadonlySet<string>): string {
    const program = this.parts.program!(kernel)
    const pieces = this.parts.pieces!(given, program)
    this.shaders.push(program.shader)
    let losses = this.hasRows()
    const outputs = kernel.outputs.map(({ name }) => {
      if (!losses || name !== "loss") return quoted(name!)
      losses = false
      return "undefined"
    })
    const labels = this.parts.labels!(given).map(
      ({ name, input, extent }) =>
        `{ result: ${kernel.results.indexOf(name)}, input: ${this.inputs.list.indexOf(input)}, below: ${this.inputs.function(extent)} }`,
    )
    const scalars = kernel.scalars.map(({ input }) => this.inputs.number(input))
    return [
      `function operators${k}() {`,
      hostText(operatorsOf(program, pieces)).replace(/^(?=.)/gm, "  "),
      "  return host",
      "}",
      `const variant${k} = {`,
      ...this.results(set, kernel),
      `  program: ${json(program)},`,
      `  pieces: ${json(pieces)},`,
      `  operators: operators${k},`,
      `  inputs: ${list(kernel.inputs.map(({ input }) => String(this.inputs.list.indexOf(input!))))},`,
      `  outputs: ${list(outputs)},`,
      `  labels: ${list(labels)},`,
      `  sizes: (call) => ${list(kernel.sizeNames.map((size) => `size(call, ${this.inputs.size(size)})`))},`,
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
        const at = this.inputs.list.indexOf(b.input!)
        return at < 0 ? "cotangent" : `call.arrays[${at}]`
      }),
      ...kernel.outputs.map((b) => {
        if (!losses || b.name !== "loss") return `grad.get(${quoted(b.name!)})`
        losses = false
        return "losses"
      }),
      ...kernel.scalars.map(({ input }) => this.inputs.number(input)),
      ...kernel.sizeNames.map((size) => `size(call, ${this.inputs.size(size)})`),
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
