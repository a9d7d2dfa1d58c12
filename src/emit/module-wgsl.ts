// The parts of a standalone module that run its programs on a GPUDevice, besides those of every module and the machine.
import type { GpuProgram, Pieces } from "../gpu/program.ts"
import type { KernelChoice, Loss } from "../loss.ts"
import type { OpName } from "../ops.ts"

/** The operators of the formulas of a program and of its pieces, each once, by name. */
export const operatorsOf = (program: GpuProgram, pieces: Pieces): readonly OpName[] => {
  const scaled = "why" in pieces ? undefined : pieces.scaled
  const names = [...program.formulas, ...(scaled?.formulas ?? [])].flatMap((formula): OpName[] =>
    "op" in formula ? [formula.op] : [],
  )
  return [...new Set(names)].sort()
}

/** The part that is the same for every module. It reads what `moduleText` and the machine define. */
export const wgslText = `
function failing(code, message, details, help) {
  return Object.assign(new Error(lossName + ": " + message + (help ? "; " + help : "")), { code, details })
}

const runners = new WeakMap()
/** The runner of a variant on a device; one that searches for numbers that are not finite is another. */
function runnerOf(device, variant, finite) {
  if (typeof device?.createComputePipelineAsync !== "function") wrong("the first argument of " + lossName + " is no GPUDevice")
  if (!runners.has(device)) runners.set(device, new Map())
  const known = runners.get(device)
  const key = variants.indexOf(variant) * 2 + (finite ? 1 : 0)
  if (!known.has(key)) known.set(key, new GpuRunner(device, variant.program, () => variant.pieces, variant.operators(), failing, finite))
  return known.get(key)
}

/** Elements as the device holds them; ints beyond 32 bits become the nearest that fits. */
function onDevice(array, element) {
  if (element === "f32") return array instanceof Float32Array ? array : Float32Array.from(array)
  if (element === "u32") return Uint32Array.from(array)
  return array instanceof Int32Array ? array : Int32Array.from(array, (x) => Math.max(-2147483648, Math.min(x, 2147483647)))
}

function checkFinite(variant, { results, notFinite }) {
  variant.program.results.forEach(({ name, type }, i) => {
    if (type === "real" && !Number.isFinite(results[i])) throw failing("not-finite", name + " is " + results[i])
  })
  notFinite.forEach((at, k) => {
    if (at >= 0) throw failing("not-finite", (variant.outputs[k] ? "the gradient of " + variant.outputs[k] : "the loss") + " is not finite at element " + at)
  })
}

async function run(device, args, options) {
  const { finite, ...more } = options ?? {}
  const all = ready(args, more)
  const { call, variant, cotangent, grad, losses } = all
  const arrays = variant.inputs.map((i, k) => onDevice(i < 0 ? cotangent : call.arrays[i], variant.program.inputs[k].element))
  const numbers = { sizes: variant.sizes(call), scalars: variant.scalars(call) }
  const outputs = variant.outputs.map((name) => (name === undefined ? losses : grad.get(name)))
  const report = await runnerOf(device, variant, finite === true).run(numbers, arrays, outputs, (found) => {
    if (finite === true) checkFinite(variant, found)
  })
  return answer(all, report.results)
}

/** The bytes of a buffer that hold some elements, 4 each. */
function partOf(device, name, value, length, alignment) {
  const { buffer, offset = 0, size: bytes = Infinity } = typeof value?.getMappedRange === "function" ? { buffer: value } : (value ?? {})
  if (typeof buffer?.getMappedRange !== "function") wrong(name + " is no GPUBuffer and no { buffer, offset, size }")
  if (!(offset % alignment === 0)) outside("the offset of " + name + " is no multiple of " + alignment)
  if (Math.min(bytes, buffer.size - offset) < length * 4) outside("the buffer of " + name + " holds less than " + length + " elements")
  return { buffer, offset, size: length * 4 }
}

/** Writes the commands of a call into an encoder; what it returns waits for them and checks. */
function encode(device, encoder, { inputs: args, sizes, outputs, cotangent, finite = false }) {
  const values = named(args)
  const call = newCall()
  for (const [name, value] of entries(sizes, "sizes")) {
    const k = sizeNames.indexOf(name)
    if (k < 0) wrong(lossName + " has no axis " + name)
    note(call, k, value, "the call")
  }
  const parts = []
  const lengthOf = (input) => input.extents.reduce((total, e) => total * extent(call, e), 1)
  inputs.forEach((input, i) => {
    const value = values.get(input.name)
    if (value === undefined) return
    if (input.extents.length === 0) call.scalars[i] = scalar(input, value)
  })
  settle(call)
  for (const check of checks) if (!check.holds(call)) outside(check.message)
  const alignment = device.limits.minStorageBufferOffsetAlignment
  inputs.forEach((input, i) => {
    const value = values.get(input.name)
    if (value !== undefined && input.extents.length > 0) parts[i] = partOf(device, input.name, value, lengthOf(input), alignment)
  })
  const variant = optionalArrays.some((i) => parts[i] !== undefined) ? variants.at(-1) : variants[0]
  const rows = batchExtents.reduce((total, e) => total * extent(call, e), 1)
  const from = variant.inputs.map((i) => {
    if (i < 0) return partOf(device, "cotangent", cotangent, rows, alignment)
    if (parts[i] === undefined) wrong("this call needs the argument " + inputs[i].name + " too")
    return parts[i]
  })
  const wanted = entries(outputs, "outputs")
  const grad = entries(wanted.get("grad"), "grad")
  for (const name of grad.keys()) if (!gradients.includes(name)) wrong("this module computes no gradient of " + name)
  const to = variant.outputs.map((name) =>
    name === undefined
      ? partOf(device, "the loss", wanted.get("loss"), rows, alignment)
      : partOf(device, "the gradient of " + name, grad.get(name), lengthOf(inputs.find((input) => input.name === name)), alignment),
  )
  to.forEach((part, i) => {
    if ([...from, ...to.slice(0, i)].some((other) => other.buffer === part.buffer))
      wrong("a buffer for a result also holds an argument or another result")
  })
  const copies = variant.program.results.flatMap(({ name }, result) => {
    const value = name.startsWith("grad:") ? grad.get(name.slice(5)) : wanted.get(name)
    return value === undefined ? [] : [{ result, to: partOf(device, name, value, 1, 4) }]
  })
  const numbers = { sizes: variant.sizes(call), scalars: variant.scalars(call) }
  const runner = runnerOf(device, variant, finite)
  const read = runner.encode(encoder, numbers, from, to, copies)
  return {
    async check() {
      const report = await read()
      for (const { result, input: i, below } of variant.labels) {
        if (report.results[result] === 0) continue
        const length = lengthOf(inputs[i])
        const at = length - report.results[result]
        const value = (await runner.machine.word(parts[i], at)) ?? "out of range"
        badLabel(call, inputs[i], at, length, value, below(call))
      }
      if (finite) checkFinite(variant, report)
      const number = (at) => (at < 0 ? undefined : report.results[at])
      return { loss: number(variant.loss), count: number(variant.count), per: number(variant.per) }
    },
  }
}

/** Gives the buffers on a device back. */
function destroy(device) {
  for (const runner of runners.get(device)?.values() ?? []) runner.destroy()
  runners.delete(device)
}

Object.assign(run, { encode, destroy, programs: variants.map((variant) => variant.program) })
`

/** The types of such a module, after those of arguments and results. */
export function wgslTypes(
  { inputs }: Loss,
  choice: Omit<KernelChoice, "given">,
  rows: boolean,
  options: string,
): string[] {
  const property = (name: string, optional: boolean, type: string): string =>
    `    readonly ${JSON.stringify(name)}${optional ? "?" : ""}: ${type}`
  return [
    "/** A GPUDevice, a GPUCommandEncoder and a GPUBuffer fit these. */",
    "interface Device { createComputePipelineAsync(descriptor: object): Promise<object> }",
    "interface Encoder { finish(): object }",
    "interface Buffer { readonly size: number; readonly usage: number; destroy(): void }",
    "type Part = Buffer | { readonly buffer: Buffer; readonly offset?: number; readonly size?: number }",
    "interface Call {",
    "  readonly inputs: {",
    ...inputs
      .filter(({ isStatic }) => !isStatic)
      .map(({ name, type, dimensions, default: value }) =>
        property(
          name,
          value !== undefined,
          dimensions.length > 0 ? "Part" : type === "bool" ? "boolean" : "number",
        ),
      ),
    "  }",
    "  readonly sizes?: { readonly [axis: string]: number }",
    "  readonly outputs?: {",
    ...["loss", "count", "per"].map((name) => property(name, true, "Part")),
    `    readonly grad?: { ${choice.grad.map((name) => `readonly ${JSON.stringify(name)}?: Part`).join("; ")} }`,
    "  }",
    ...(rows && choice.grad.length > 0 ? ["  readonly cotangent: Part"] : []),
    "  readonly finite?: boolean",
    "}",
    "interface Run {",
    "  /** Computes the loss and its gradients on a device. Rejects, and then has written nothing. */",
    `  (device: Device, inputs: Inputs, options?: { ${options}; readonly finite?: boolean }): Promise<Result>`,
    "  /** Writes the commands of a call into an encoder, in pieces of rows if a binding is too small. `check` waits until they are done, and rejects if something was wrong. */",
    "  encode(device: Device, encoder: Encoder, call: Call): {",
    "    check(): Promise<{ readonly loss: number | undefined; readonly count: number; readonly per: number }>",
    "  }",
    "  /** Gives the buffers on a device back. */",
    "  destroy(device: Device): void",
    "  /** The shaders, their bindings and how they are dispatched: without the arrays that may be left out, and with all. */",
    "  readonly programs: readonly { readonly shader: string; readonly workgroupSize: number }[]",
    "}",
    "declare const run: Run",
  ]
}
