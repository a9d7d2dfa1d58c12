// Turns a checked loss and options into the files of a standalone module.
import { lower } from "./compile.ts"
import { emitModule } from "./emit/module.ts"
import { gpuProgram } from "./gpu/compile.ts"
import { piecesOf } from "./gpu/pieces.ts"
import type { GpuProgram } from "./gpu/program.ts"
import { withLabelChecks } from "./label-checks.ts"
import type { Kernel } from "./loops.ts"
import type { Loss, Outputs } from "./loss.ts"
import { outputsOf } from "./outputs.ts"
import { failure } from "./run/failure.ts"
import { type KernelOptions, readSettings } from "./run/settings.ts"
import { version } from "./version.generated.ts"

/**
 * What a module is made for: the options of a kernel, without those that concern a call in this process. With `threads` it starts
 * workers as a kernel does, and has their bits.
 */
export type EmitOptions = Omit<KernelOptions, "hvp" | "check" | "memory"> & {
  /** For the target `wasm`: whether the text of the WebAssembly is a file too. Default false. */
  readonly wat?: boolean
}

/** A file that `emit` makes. */
export interface EmittedFile {
  readonly name: string
  readonly text: string
}

/** Makes the files. Throws `LossError` if an option is wrong. */
export function emitFiles(loss: Loss, options: EmitOptions = {}): readonly EmittedFile[] {
  const { wat = false, ...rest } = options
  const settings = readSettings(loss, rest)
  const { target } = settings
  if (target === "interpret")
    throw failure(
      "target-unavailable",
      `there is no module for the target ${target}: emit js, wasm or wgsl`,
      {
        argument: "target",
        value: target,
      },
    )
  if (settings.products.length > 0)
    throw failure("bad-option", "modules compute no Hessian-vector products yet", { argument: "hvp" })
  const { choice, dtype, accuracy, statics, sizes, threads, relaxed, workgroupSize } = settings
  const parts = { loss, choice, dtype, accuracy, statics, sizes, version, target, threads, relaxed, wat }
  const outputs = (given: ReadonlySet<string>) => outputsOf(loss, { ...choice, given })
  if (target !== "wgsl") return emitModule({ ...parts, kernel: (given) => lower(outputs(given), { dtype }) })
  const loops = (of: Outputs): Kernel => lower(of, { dtype, owner: true })
  const program = (kernel: Kernel): GpuProgram =>
    gpuProgram(kernel, workgroupSize === undefined ? {} : { workgroupSize })
  return emitModule({
    ...parts,
    kernel: (given) => loops(withLabelChecks(loss, outputs(given)).outputs),
    labels: (given) => withLabelChecks(loss, outputs(given)).checks,
    program,
    pieces: (given, whole) =>
      piecesOf(loss, { ...choice, given }, outputs(given), whole, (of) => program(loops(of))),
  })
}
