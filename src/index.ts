// The surface of lossc: a source text becomes losses, and a loss becomes kernels, files and explanations.
import { checkSource, explainLoss } from "./compile.ts"
import { type Diagnostic, LossError } from "./diagnostics.ts"
import { emitFiles, type EmitOptions, type EmittedFile } from "./emitted.ts"
import type { AllGradients, GradientName, HeadersOf, InputsOf, StaticsOf } from "./header-types.ts"
import { type AnyKernel, type CallOptions, type KernelResult, makeKernel } from "./kernel.ts"
import type { Loss as Checked } from "./loss.ts"
import type { Floats } from "./run/buffers.ts"
import type { InputValue } from "./run/given.ts"
import { failure, listed, suggestion } from "./run/failure.ts"
import type { KernelOptions } from "./run/settings.ts"
import type { GpuDevice } from "./run/gpu-device.ts"
import { type GpuKernel, type GpuOptions, makeGpuKernel } from "./run/webgpu.ts"
import { type ArgumentInfo, argumentsOf, signatureOf } from "./signature.ts"

export { LossError, render, renderAll } from "./diagnostics.ts"
export type { Diagnostic } from "./diagnostics.ts"
export type { EmitOptions, EmittedFile } from "./emitted.ts"
export type { AnyKernel, CallOptions, KernelResult } from "./kernel.ts"
export type { GpuArray, GpuBuffer, GpuCommandEncoder, GpuDevice } from "./run/gpu-device.ts"
export type { EncodeCall, EncodedCall, GpuKernel, GpuOptions } from "./run/webgpu.ts"
export type { InputValue } from "./run/given.ts"
export type { KernelOptions } from "./run/settings.ts"
export type { ArgumentInfo } from "./signature.ts"

/** How a source is read. */
export interface CompileOptions {
  /** For a bare expression: the names that are options, with their defaults. */
  readonly params?: Readonly<Record<string, number>>
  /** The loss to compile, of a source that declares several. */
  readonly name?: string
  /** What to call the source in messages. Default `input`. */
  readonly file?: string
  /**
   * Returns the text that `use "path"` means in the file called `from`, or undefined if there is none. Without it `use` is an
   * error. Nothing else reads files.
   */
  readonly load?: (path: string, from: string) => string | undefined
  /** Called with each warning, such as an argument that is not used. Errors are thrown. */
  readonly onWarning?: (warning: Diagnostic) => void
}

/** What is not known about the types of a loss: its kernels take any names and any arrays. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Unknown = any

/** A loss, compiled up to the choice of what to compute. `H` holds the types of its header. */
export class Loss<H = Unknown> {
  readonly name: string
  /** Only for the types. */
  declare protected readonly header: H

  /** Made by `compile`. `checked` is called when something of the loss is first needed. */
  constructor(name: string, checked: () => Checked) {
    this.name = name
    let known: Checked | undefined
    checkedLosses.set(this, () => (known ??= checked()))
  }

  /** The documentation comment. */
  get doc(): string {
    return checkedOf(this).doc
  }

  /** The header, as written or as inferred from a bare expression. */
  get signature(): string {
    return signatureOf(checkedOf(this))
  }

  /** The arguments in the order of the header. */
  get inputs(): readonly ArgumentInfo[] {
    return argumentsOf(checkedOf(this))
  }

  /** The text that it was compiled from. */
  get source(): string {
    return checkedOf(this).source.text
  }

  /**
   * Makes a kernel: a function from arguments by name to the loss and the gradients that were asked for. Compiling happens at
   * the first call, once for each set of optional arrays and of array types. Throws `LossError` if an option is wrong.
   */
  kernel<const O extends OptionsFor<H>>(options?: O): KernelOf<H, O> {
    return makeKernel(checkedOf(this), options as KernelOptions | undefined) as KernelOf<H, O>
  }

  /**
   * Makes a kernel that runs on a GPUDevice: a function from arguments by name to a promise of the loss and its gradients, with
   * `encode` for arrays that are on the device already. The device has accepted the shader when the promise is kept. Rejects with
   * `LossError` if an option is wrong or the device refuses.
   */
  webgpu<const O extends GpuOptionsFor<H>>(device: GpuDevice, options?: O): Promise<GpuKernelOf<H, O>> {
    return makeGpuKernel(checkedOf(this), device, options as GpuOptions | undefined) as Promise<
      GpuKernelOf<H, O>
    >
  }

  /** Makes standalone files: a module without imports, and its types. Deterministic. Throws `LossError` if an option is wrong. */
  emit(options: EmitOptions = {}): readonly EmittedFile[] {
    return emitFiles(checkedOf(this), options)
  }

  /** The signature, the core, the gradients, the rules that fired and the loops, as text. Throws `LossError` if an option is wrong. */
  explain(options: KernelOptions = {}): string {
    return explainLoss(checkedOf(this), options)
  }
}

const checkedLosses = new WeakMap<object, () => Checked>()

/** The checked form behind a loss, for the parts of lossc that need more than the surface. */
export function checkedOf(loss: Loss): Checked {
  return checkedLosses.get(loss)!()
}

/** Options of a kernel, as far as the header says what they may be. */
export type OptionsFor<H> = 0 extends 1 & H
  ? KernelOptions
  : Omit<KernelOptions, "grad" | "hvp" | "static"> & {
      readonly grad?: "all" | readonly GradientName<H>[]
      readonly hvp?: "all" | readonly GradientName<H>[]
      readonly static?: StaticsOf<H>
    }

/** Options of a kernel on a GPU, as far as the header says what they may be. */
export type GpuOptionsFor<H> = 0 extends 1 & H
  ? GpuOptions
  : Omit<GpuOptions, "grad" | "static"> & Pick<OptionsFor<H>, "grad" | "static">

type GradKeys<H, O> = O extends { readonly grad: infer G } ? Keys<H, G> : never
type ProductKeys<H, O> = O extends { readonly hvp: infer G } ? Keys<H, G> : never
type Keys<H, G> = G extends "all"
  ? AllGradients<H>
  : G extends readonly (infer N extends string)[]
    ? N
    : never
type FloatsOf<O> = O extends { readonly dtype: infer D }
  ? D extends "f64"
    ? Float64Array
    : D extends "f32"
      ? Float32Array
      : Floats
  : "dtype" extends keyof O
    ? Floats
    : Float32Array
type LossOf<H, O> = O extends { readonly reduction: infer R }
  ? R extends "none"
    ? H extends { batch: true }
      ? FloatsOf<O>
      : number
    : number
  : number

type Allocated<V, O> = Float32Array extends V ? FloatsOf<O> : Int32Array extends V ? Int32Array : Uint8Array

/** A kernel, as far as the header says what it takes and gives. */
export type KernelOf<H, O> = 0 extends 1 & H
  ? AnyKernel
  : {
      (
        inputs: InputsOf<H>,
        options?: {
          readonly grad?: { readonly [N in GradKeys<H, O>]?: FloatsOf<O> }
          readonly cotangent?: CallOptions["cotangent"]
          readonly direction?: { readonly [N in ProductKeys<H, O>]: InputValue }
        },
      ): Omit<KernelResult, "loss" | "grad" | "hvp"> & {
        readonly loss: LossOf<H, O>
        readonly grad: { readonly [N in GradKeys<H, O>]: FloatsOf<O> }
        readonly hvp: { readonly [N in ProductKeys<H, O>]: FloatsOf<O> }
      }
      readonly variants: number
      alloc<N extends keyof InputsOf<H>>(
        name: N,
        shape: number | readonly number[],
      ): Allocated<NonNullable<InputsOf<H>[N]>, O>
    } & Pick<AnyKernel, "memory" | "destroy">

type NameOf<H> = H extends { name: infer N extends string } ? N : never

/** A kernel on a GPU, as far as the header says what it takes and gives. */
export type GpuKernelOf<H, O> = 0 extends 1 & H
  ? GpuKernel
  : {
      (
        inputs: InputsOf<H>,
        options?: {
          readonly grad?: { readonly [N in GradKeys<H, O>]?: Float32Array }
          readonly cotangent?: CallOptions["cotangent"]
        },
      ): Promise<
        Omit<KernelResult, "loss" | "grad" | "hvp"> & {
          readonly loss: LossOf<H, O>
          readonly grad: { readonly [N in GradKeys<H, O>]: Float32Array }
        }
      >
    } & Pick<GpuKernel, "encode" | "variants" | "destroy">

/** The loss that `compile` returns: typed where the header of the source can be read. */
export type Compiled<S extends string, O> = [HeadersOf<S>] extends [never]
  ? Loss
  : O extends { readonly name: infer N extends string }
    ? [Extract<HeadersOf<S>, { name: N }>] extends [never]
      ? Loss
      : Loss<Extract<HeadersOf<S>, { name: N }>>
    : IsUnion<NameOf<HeadersOf<S>>> extends true
      ? { readonly "lossc: several losses here, pass { name: … }": NameOf<HeadersOf<S>> }
      : Loss<HeadersOf<S>>
type IsUnion<T, U = T> = [T] extends [never]
  ? false
  : T extends unknown
    ? [U] extends [T]
      ? false
      : true
    : never

/** The losses that `compileAll` returns, by name. */
export type CompiledAll<S extends string> = [HeadersOf<S>] extends [never]
  ? Readonly<Record<string, Loss>>
  : { readonly [H in HeadersOf<S> as NameOf<H>]: Loss<H> }

/**
 * Compiles the only loss of a source, or the one called `name`. A source is declarations, or one bare expression. Throws
 * `LossError` with everything that is wrong with the text.
 */
export function compile<const S extends string, const O extends CompileOptions>(
  source: S,
  options?: O,
): Compiled<S, O> {
  const all = read(source, options ?? {})
  const wanted = options?.name
  const names = all.map((loss) => loss.name)
  const found =
    wanted === undefined ? (all.length === 1 ? all[0] : undefined) : all.find((loss) => loss.name === wanted)
  if (!found)
    throw wanted === undefined
      ? failure(
          "unknown-loss",
          `the source declares ${listed(names)}`,
          {},
          names.length > 0 ? "say which one: { name: … }" : undefined,
        )
      : failure(
          "unknown-loss",
          `the source declares no loss \`${wanted}\``,
          { argument: wanted },
          suggestion(wanted, names),
        )
  return new Loss(found.name, () => found) as Compiled<S, O>
}

/** Compiles every loss of a source, by name. Throws `LossError` with everything that is wrong with the text. */
export function compileAll<const S extends string>(
  source: S,
  options: Omit<CompileOptions, "name"> = {},
): CompiledAll<S> {
  const all = read(source, options)
  return Object.fromEntries(all.map((loss) => [loss.name, new Loss(loss.name, () => loss)])) as CompiledAll<S>
}

/** The losses of a source. Warnings are passed on; errors are thrown, and come before the warnings. */
function read(source: string, { params, file, load, onWarning }: CompileOptions): readonly Checked[] {
  const { losses, diagnostics } = checkSource(source, {
    ...(params !== undefined && { params }),
    ...(file !== undefined && { file }),
    ...(load !== undefined && { load }),
  })
  const errors = diagnostics.filter(({ severity }) => severity === "error")
  const warnings = diagnostics.filter(({ severity }) => severity !== "error")
  if (errors.length > 0) throw new LossError([...errors, ...warnings])
  if (onWarning) warnings.forEach(onWarning)
  return losses
}
