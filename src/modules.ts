// Parsed files -> what their names mean: functions and losses of a text, of the texts it uses, and of the library.
import type * as Ast from "../grammar/ast.ts"
import type { Callable } from "./check/scope.ts"
import { type Diagnostic, LossError, type Report, error } from "./diagnostics.ts"
import type { Source, Span } from "./source.ts"

/** A text whose declarations can be called. */
export interface Module {
  readonly source: Source
  readonly isLibrary: boolean
  readonly declared: ReadonlyMap<string, readonly Callable[]>
  readonly uses: readonly Module[]
}

/** The functions and losses that are in scope everywhere. */
export interface Library {
  readonly find: (name: string) => readonly Callable[]
  readonly names: () => readonly string[]
}

/** Reads a text. */
export type Parse = (source: Source) => {
  readonly file: Ast.File
  readonly diagnostics: readonly Diagnostic[]
}

/** Finds the text that `use "path"` in another text means; it may throw an error that says why there is none. */
export type Load = (path: string, from: Source) => Source

/** The library of the given texts (file name to text), read when a name is first looked up. */
export function createLibrary(texts: Readonly<Record<string, string>>, parse: Parse): Library {
  let all: Map<string, Callable[]> | undefined
  const read = (): Map<string, Callable[]> => {
    if (all) return all
    all = new Map()
    for (const [name, text] of Object.entries(texts)) {
      const source = { name: `lossc:${name}`, text }
      const { file, diagnostics } = parse(source)
      const errors = diagnostics.filter((one) => one.severity === "error")
      if (errors.length > 0) throw new LossError(errors)
      for (const [called, list] of declare(file, source, [], true).declared)
        all.set(called, [...(all.get(called) ?? []), ...list])
    }
    return all
  }
  return { find: (name) => read().get(name) ?? [], names: () => [...read().keys()] }
}

function declare(file: Ast.File, source: Source, uses: readonly Module[], isLibrary: boolean): Module {
  const declared = new Map<string, Callable[]>()
  const module: Module = { source, isLibrary, declared, uses }
  for (const declaration of file.declarations) {
    if (declaration.kind !== "def" && declaration.kind !== "loss") continue
    const { name } = declaration.name
    const callable: Callable = { kind: declaration.kind, name, declaration, module }
    declared.set(name, [...(declared.get(name) ?? []), callable])
  }
  return module
}

const mostFiles = 100

/** The module of a text, with those it uses read through `load`; what is wrong with them goes to the report. */
export function readModule(
  file: Ast.File,
  source: Source,
  report: Report,
  load: Load | undefined,
  parse: Parse | undefined,
): Module {
  const known = new Map<string, Module | "open">()
  const read = (file: Ast.File, source: Source): Module => {
    known.set(source.name, "open")
    const uses = file.declarations.flatMap((declaration) => {
      if (declaration.kind !== "use") return []
      const { path } = declaration
      const say = (code: string, message: string, help?: string): Module[] => {
        report.add(error(code, source, path.span, message, help === undefined ? {} : { help }))
        return []
      }
      if (!load || !parse)
        return say(
          "use-unavailable",
          `\`${path.value}\` cannot be read: no loader was passed`,
          "compile a file, or pass `load`",
        )
      let other: Source
      try {
        other = load(path.value, source)
      } catch (reason) {
        return say(
          "use-failed",
          `\`${path.value}\` cannot be read: ${reason instanceof Error ? reason.message : String(reason)}`,
        )
      }
      const seen = known.get(other.name)
      if (seen === "open")
        return say(
          "use-cycle",
          `\`${path.value}\` uses this file in turn`,
          "move what both need into a third file",
        )
      if (seen) return [seen]
      if (known.size >= mostFiles) return say("use-failed", `more than ${mostFiles} files are used`)
      const parsed = parse(other)
      parsed.diagnostics.forEach((one) => report.add(one))
      return [read(parsed.file, other)]
    })
    const module = declare(file, source, uses, false)
    checkNames(module, report)
    known.set(source.name, module)
    return module
  }
  return read(file, source)
}

/** How many arguments may be given by position. */
export function arity(callable: Callable): readonly [least: number, most: number] {
  const list = callable.declaration.arguments
  return [list.filter((a) => !a.default).length, list.length]
}

function checkNames(module: Module, report: Report): void {
  for (const [name, list] of module.declared)
    list.forEach((one, i) => {
      const [least, most] = arity(one)
      const earlier = list.slice(0, i).find((other) => {
        const [a, b] = arity(other)
        return (one.kind === "loss" && other.kind === "loss") || (least <= b && a <= most)
      })
      if (!earlier) return
      const span: Span = one.declaration.name.span
      const message = `\`${name}\` is declared twice with the same number of arguments`
      report.add(
        error("duplicate-function", module.source, span, message, { help: "give one of them another name" }),
      )
    })
}
