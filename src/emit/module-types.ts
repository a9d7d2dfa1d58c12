// A kernel -> the types of its module.
import type { Dtype, Input } from "../types.ts"
import type { Loss } from "../loss.ts"
import { hash, quoted } from "./module-literals.ts"
import type { ModuleParts } from "./module-parts.ts"
import { arrayTypeOf } from "./module-wasm.ts"
import { wgslTypes } from "./module-wgsl.ts"

/** The types of a module. */
export function moduleTypes(
  { loss, choice, dtype, version, target, threads = 1 }: ModuleParts,
  name: string,
): string {
  const floats = dtype === "f32" ? "Float32Array" : "Float64Array"
  const rows = choice.reduction === "none" && loss.batch.length > 0
  const property = (input: Input): string => {
    const one = input.type === "bool" ? "boolean" : "number"
    const type = input.dimensions.length > 0 ? `Values<${one}>` : one
    return `  readonly ${quoted(input.name)}${input.default ? "?" : ""}: ${type}`
  }
  const gradients = choice.grad.map((grad) => `readonly ${quoted(grad)}: ${floats}`)
  const optional = choice.grad.map((grad) => `readonly ${quoted(grad)}?: ${floats}`)
  const options = [`readonly grad?: { ${optional.join("; ")} }`]
  if (rows && choice.grad.length > 0) options.push("readonly cotangent?: Values<number>")
  const signature = `(inputs: Inputs, options?: { ${options.join("; ")} })`
  return [
    `// Made by lossc ${version} from source ${hash(loss.source.text)}. Do not edit.`,
    "type Elements<T> =",
    "  | Float32Array | Float64Array | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array",
    "  | readonly T[]",
    "/** A number or a boolean for one row, or an array in row-major order, alone or with its shape. */",
    "export type Values<T> = T | Elements<T> | { readonly data: Elements<T>; readonly shape: readonly number[] }",
    "/** The arguments by name. */",
    "export interface Inputs {",
    ...loss.inputs.filter((input) => !input.isStatic).map(property),
    "}",
    "/** What a call returns; `count` rows were kept, and the mean divides by `per`. */",
    "export interface Result {",
    `  readonly loss: ${rows ? floats : "number"}`,
    `  readonly grad: { ${gradients.join("; ")} }`,
    "  readonly count: number",
    "  readonly per: number",
    "  readonly shape: readonly number[]",
    "}",
    ...(target === "wgsl"
      ? wgslTypes(loss, choice, rows, options.join("; "))
      : target === "wasm"
        ? wasmTypes(loss, dtype, signature, threads)
        : [documented, `declare function run${signature}: Result`]),
    `export { ${name === "default" ? "run as default" : `run as ${name}, run as default`} }`,
    "",
  ].join("\n")
}

const documented =
  "/** Computes the loss and its gradients. Throws a TypeError or a RangeError before anything is written. */"

/** The function of a WebAssembly module, with what belongs to its memory. */
function wasmTypes(loss: Loss, dtype: Dtype, signature: string, threads: number): string[] {
  const allocs = loss.inputs
    .filter((input) => !input.isStatic)
    .map((input) => {
      const type = arrayTypeOf({ input, element: input.type === "real" ? dtype : input.type })
      return `  alloc(name: ${quoted(input.name)}, shape: number | readonly number[]): ${type}`
    })
  return [
    documented,
    "interface Run {",
    `  ${signature}: Result`,
    "  /** An array of zeros in the memory of the module, for an argument or its gradient: calls copy nothing then. */",
    ...allocs,
    "  /** Compiles without blocking; pages may need it before the first call. */",
    "  instantiate(): Promise<void>",
    `  readonly memory: { readonly buffer: ArrayBuffer${threads > 1 ? " | SharedArrayBuffer" : ""} }`,
    ...(threads > 1
      ? [
          "  /** Ends the workers. A call with work for them starts others; Node exits without this. */",
          "  destroy(): void",
        ]
      : []),
    "}",
    "declare const run: Run",
  ]
}
