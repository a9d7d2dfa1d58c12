// The whole compiler on one page: source text -> losses -> outputs -> kernel -> text.
//
//   parse      text -> tree                                  grammar/parser.ts
//   check      tree -> core: names, types, axes, ranges      check.ts
//   stabilise  naive formulas -> stable ones                 simplify.ts, rules.ts
//   grad       value -> value and gradients                  grad.ts
//   split      outputs -> dense stores and pinned entries    split.ts
//   expand     logsumexp and kin -> shared primitives        expand.ts
//   schedule   statements -> fused loops                     schedule.ts
//   emit       loops -> text                                 emit/
//
// Each stage is a pure function of plain values, and each value prints.
import { parse } from "../grammar/parser.ts"
import { check } from "./check.ts"
import { type Diagnostic, LossError } from "./diagnostics.ts"
import type { Kernel } from "./loops.ts"
import type { KernelChoice, Loss, Outputs } from "./loss.ts"
import { type Library, createLibrary } from "./modules.ts"
import { outputsOf } from "./outputs.ts"
import { type ScheduleOptions, schedule } from "./schedule.ts"
import type { Source } from "./source.ts"
import { libraryTexts } from "./stdlib.generated.ts"

/** How a source is read. */
export interface CompileSourceOptions {
  /** For a bare expression: the names that are options, with their defaults. */
  readonly params?: Readonly<Record<string, number>>
  /** What the text is called in messages. */
  readonly file?: string
  /** The text that `use "path"` means in the file called `from`. */
  readonly load?: (path: string, from: string) => string | undefined
}

let library: Library | undefined

/** The library of losses and functions that every source sees. */
export function standardLibrary(): Library {
  return (library ??= createLibrary(libraryTexts, parse))
}

/** Parses and checks a source: every loss it declares. Throws `LossError` with all its errors. */
export function compileSource(text: string, options: CompileSourceOptions = {}): readonly Loss[] {
  const { losses, diagnostics } = checkSource(text, options)
  if (diagnostics.some((d) => d.severity === "error")) throw new LossError(diagnostics)
  return losses
}

/** Parses and checks a source, with everything there is to say about it, warnings included. */
export function checkSource(
  text: string,
  options: CompileSourceOptions = {},
): { readonly losses: readonly Loss[]; readonly diagnostics: readonly Diagnostic[] } {
  const source: Source = { name: options.file ?? "input", text }
  const parsed = parse(source)
  const { losses, diagnostics } = check(parsed.file, source, {
    library: standardLibrary(),
    parse,
    ...(options.params && { params: options.params }),
    ...(options.load && { load: loader(options.load) }),
  })
  // Names that a broken declaration would have defined are not worth a message of their own.
  return {
    losses,
    diagnostics: parsed.complete ? [...parsed.diagnostics, ...diagnostics] : parsed.diagnostics,
  }
}

function loader(
  load: (path: string, from: string) => string | undefined,
): (path: string, from: Source) => Source {
  return (path, from) => {
    const text = load(path, from.name)
    if (text === undefined) throw new Error(`there is no file ${path}`)
    return { name: path, text }
  }
}

/** The expressions of a kernel: value, counts and gradients. */
export function derive(loss: Loss, choice: KernelChoice): Outputs {
  return outputsOf(loss, choice)
}

/** The loops of a kernel. */
export function lower(outputs: Outputs, options: ScheduleOptions): Kernel {
  return schedule(outputs, options)
}

export { explainLoss } from "./explain.ts"
