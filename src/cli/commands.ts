// What each command does. A command returns its exit code; what it throws is shown by run.ts.
import { mkdirSync, watch, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { parse } from "../../grammar/parser.ts"
import { print } from "../../grammar/print.ts"
import { either, LossError, nearest, renderAll, toJson, type Diagnostic } from "../diagnostics.ts"
import { entryOf } from "../docs/entry.ts"
import { listLibrary } from "../docs/library.ts"
import { checkedOf, compileAll, type Loss } from "../index.ts"
import { source as toSource } from "../source.ts"
import { gradcheck } from "../testing.ts"
import { nested, number, pretty, readData, readPairs, type Value } from "./data.ts"
import { UsageError, type Arguments } from "./options.ts"
import { loader, readSource, theSource, type Given } from "./sources.ts"
import { progress, type Terminal } from "./terminal.ts"

type Action = (args: Arguments, terminal: Terminal) => number | Promise<number>

export const actions: Readonly<Record<string, Action>> = {
  compile,
  check,
  explain,
  eval: evaluate,
  gradcheck: checkGradients,
  fmt: format,
  list,
}

// ------------------------------------------------------------------------------------------------ compile

async function compile(args: Arguments, terminal: Terminal): Promise<number> {
  const target = (args.text("target") ?? "js") as "js" | "wasm" | "wgsl"
  const output = args.text("output") ?? "-"
  const given = theSource(terminal, args)
  if (!args.flag("watch")) return write()
  if (given.path === undefined || output === "-") throw new UsageError("--watch needs a file and -o DIR")
  const path = given.path
  const again = (): void => {
    try {
      write(readSource(terminal, path))
    } catch (error) {
      if (!(error instanceof LossError || error instanceof UsageError)) throw error
      terminal.note(
        error instanceof LossError ? shown(error.diagnostics, args, terminal) : `lossc: ${error.message}\n`,
      )
    }
  }
  again()
  terminal.note(`watching ${path}; press Ctrl-C to stop\n`)
  // The folder is watched, because editors replace a file instead of writing to it.
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(dirname(path), (_, name) => {
    if (name !== null && name !== basename(path)) return
    clearTimeout(timer)
    timer = setTimeout(again, 50)
  })
  return new Promise((_, reject) => watcher.on("error", reject))

  function write(from: Given = given): number {
    const losses = theLosses(from, args, terminal)
    if (output === "-" && losses.length > 1)
      throw new UsageError(
        `${from.name} has ${losses.length} losses: choose one with --loss (${losses.map((loss) => loss.name).join(", ")}), or write all with -o DIR`,
      )
    const files = losses.flatMap((loss) =>
      loss.emit({
        ...kernelOptions(args, "f32"),
        target,
        wat: args.flag("wat"),
        ...natural(args, "threads"),
        ...(args.flag("relaxed") && { relaxed: true }),
      }),
    )
    const ending = args.flag("dts") ? ".d.ts" : args.flag("wat") ? ".wat" : ".js"
    const wanted = files.filter(({ name }) => name.endsWith(ending))
    if (output === "-") terminal.out(wanted.map(({ text }) => text).join("\n"))
    else {
      mkdirSync(output, { recursive: true })
      for (const { name, text } of args.flag("dts") ? wanted : files) {
        writeFileSync(join(output, name), text)
        terminal.note(`wrote ${join(output, name)}\n`)
      }
    }
    return 0
  }
}

// ------------------------------------------------------------------------------------------------ check, explain

function check(args: Arguments, terminal: Terminal): number {
  if (args.operands.length === 0)
    throw new UsageError("name at least one file, `-` for standard input, or `stdlib:NAME`")
  const found: Diagnostic[] = []
  for (const operand of args.operands) {
    const given = readSource(terminal, operand)
    try {
      const before = found.length
      const losses = Object.values(compileGiven(given, args, (warning) => found.push(warning)))
      if (!args.flag("json") && found.length === before)
        terminal.note(`${given.name}: ${count(losses.length, "loss", "losses")}, nothing wrong\n`)
    } catch (error) {
      if (!(error instanceof LossError)) throw error
      found.push(...error.diagnostics)
    }
  }
  if (args.flag("json")) terminal.out(`${JSON.stringify(found.map(toJson), null, 2)}\n`)
  else if (found.length > 0) {
    terminal.note(`${renderAll(found, { colour: terminal.colour })}\n\n`)
    const errors = found.filter(({ severity }) => severity === "error").length
    const warnings = found.length - errors
    const counts = [
      errors > 0 && count(errors, "error", "errors"),
      warnings > 0 && count(warnings, "warning", "warnings"),
    ]
    terminal.note(`${counts.filter((text) => text !== false).join(", ")}\n`)
  }
  return found.some(({ severity }) => severity === "error") ? 1 : 0
}

function explain(args: Arguments, terminal: Terminal): number {
  const losses = theLosses(theSource(terminal, args), args, terminal)
  if (args.flag("json")) {
    const entries = losses.map((loss) => entryOf(checkedOf(loss)))
    terminal.out(`${JSON.stringify(entries.length === 1 ? entries[0] : entries, null, 2)}\n`)
  } else {
    const target = (args.text("target") ?? "js") as "js" | "wasm" | "wgsl"
    const options = { ...kernelOptions(args, "f32"), target }
    terminal.out(`${losses.map((loss) => loss.explain(options)).join("\n\n")}\n`)
  }
  return 0
}

// ------------------------------------------------------------------------------------------------ eval

function evaluate(args: Arguments, terminal: Terminal): number {
  const target = (args.text("target") ?? "js") as "js" | "wasm" | "interpret"
  const given = theSource(terminal, args)
  const loss = theLoss(given, args, terminal)
  const data = readData(terminal, args.texts("data"))
  const options = readPairs("option", args.texts("option"))
  const inputs = Object.fromEntries([...data, ...options])
  const kernel = loss.kernel({ ...kernelOptions(args, "f64"), target })
  const result = kernel(inputs)
  // A gradient has the shape of its argument; one that was left out has that of its default, of which only the length is known.
  const shapeOf = (name: string): readonly number[] | undefined => {
    const value: Value | undefined = options.get(name) ?? data.get(name)
    if (typeof value === "object") return value.shape
    return value !== undefined || loss.inputs.find((input) => input.name === name)?.axes.length === 0
      ? []
      : undefined
  }
  const grad = Object.entries(result.grad).map(([name, values]) => [name, show(values, shapeOf(name))])
  terminal.out(
    `${pretty({
      loss: show(result.loss, result.shape),
      ...(grad.length > 0 && { grad: Object.fromEntries(grad) }),
      count: result.count,
    })}\n`,
  )
  return 0
}

function show(value: number | ArrayLike<number>, shape: readonly number[] | undefined): unknown {
  return typeof value === "number" ? number(value) : nested(value, shape ?? [value.length])
}

// ------------------------------------------------------------------------------------------------ gradcheck

function checkGradients(args: Arguments, terminal: Terminal): number {
  const given = theSource(terminal, args)
  const losses = theLosses(given, args, terminal)
  let failed = 0
  const bar = progress(terminal, "gradcheck", losses.length)
  for (const [index, loss] of losses.entries()) {
    bar.step(index, loss.name)
    const { grad, reduction, static: fixed } = kernelOptions(args, "f64")
    const result = gradcheck(loss, {
      ...natural(args, "runs"),
      ...natural(args, "seed"),
      ...(Array.isArray(grad) && { grad }),
      reduction,
      static: fixed,
    })
    bar.end()
    terminal.out(`${loss.name}: ${result.message}\n`)
    if (!result.ok) failed++
  }
  return failed === 0 ? 0 : 1
}

function natural<N extends "runs" | "seed" | "threads">(args: Arguments, name: N): { [key in N]?: number } {
  const text = args.text(name)
  if (text === undefined) return {}
  if (!/^-?\d+$/.test(text) || (name !== "seed" && !(Number(text) > 0)))
    throw new UsageError(`--${name} takes a whole number, not ${text}`)
  return { [name]: Number(text) } as { [key in N]?: number }
}

// ------------------------------------------------------------------------------------------------ fmt, list

function format(args: Arguments, terminal: Terminal): number {
  if (args.operands.length === 0) throw new UsageError("name at least one file, or `-` for standard input")
  const found: Diagnostic[] = []
  let changed = 0
  for (const operand of args.operands) {
    if (operand.startsWith("stdlib:"))
      throw new UsageError("the library's files are not yours to rewrite: name a file")
    const given = readSource(terminal, operand)
    const { file, complete, diagnostics } = parse(toSource(given.text, given.name))
    if (!complete) {
      found.push(...diagnostics)
      continue
    }
    const text = print(file)
    const same = text === given.text
    if (!same) changed++
    if (args.flag("check")) {
      if (!same) terminal.note(`${given.name} would change\n`)
    } else if (given.path === undefined) terminal.out(text)
    else if (!same) {
      writeFileSync(given.path, text)
      terminal.note(`rewrote ${given.path}\n`)
    }
  }
  if (found.length > 0) terminal.note(shown(found, args, terminal))
  return found.length > 0 || (args.flag("check") && changed > 0) ? 1 : 0
}

function list(args: Arguments, terminal: Terminal): number {
  const word = args.operands.join(" ").toLowerCase()
  const wanted = listLibrary().filter(({ name, about, torch = "" }) =>
    `${name} ${about} ${torch}`.toLowerCase().includes(word),
  )
  if (args.flag("json")) terminal.out(`${JSON.stringify(wanted, null, 2)}\n`)
  else
    for (const { name, header, about, torch } of wanted)
      terminal.out(`${name}${torch ? ` (${torch})` : ""}\n  ${about}\n  ${header.replace(/^loss /, "")}\n`)
  if (wanted.length === 0) terminal.note(`no loss of the library mentions ${JSON.stringify(word)}\n`)
  return wanted.length > 0 ? 0 : 1
}

// ------------------------------------------------------------------------------------------------ losses and options

/** Every loss of a source by name. Throws `LossError`. */
function compileGiven(
  given: Given,
  args: Arguments,
  onWarning: (warning: Diagnostic) => void,
): Readonly<Record<string, Loss>> {
  const params = readPairs("param", args.texts("param"))
  return compileAll(given.text, {
    file: given.name,
    load: loader(given),
    onWarning,
    ...(params.size > 0 && { params: Object.fromEntries(params) as Record<string, number> }),
  })
}

/** The losses that a command is about: the one that is named, or all. Warnings are noted. */
function theLosses(given: Given, args: Arguments, terminal: Terminal): readonly Loss[] {
  const warnings: Diagnostic[] = []
  const losses = compileGiven(given, args, (warning) => warnings.push(warning))
  if (warnings.length > 0) terminal.note(shown(warnings, args, terminal))
  const name = args.text("loss") ?? given.loss
  if (name === undefined) return Object.values(losses)
  if (Object.hasOwn(losses, name)) return [losses[name]!]
  const near = nearest(name, Object.keys(losses))
  throw new UsageError(
    `${given.name} has no loss ${JSON.stringify(name)}${near ? `; did you mean ${near}?` : `; it has ${Object.keys(losses).join(", ") || "none"}`}`,
  )
}

/** The one loss that a command is about. */
function theLoss(given: Given, args: Arguments, terminal: Terminal): Loss {
  const losses = theLosses(given, args, terminal)
  if (losses.length === 1) return losses[0]!
  if (losses.length === 0) throw new UsageError(`${given.name} declares no loss`)
  throw new UsageError(
    `${given.name} has ${losses.length} losses: choose ${either(losses.map((loss) => loss.name))} with --loss`,
  )
}

/** What the options say about a kernel. */
function kernelOptions(args: Arguments, dtype: "f32" | "f64") {
  const grad = args.text("grad")
  return {
    dtype: (args.text("dtype") ?? dtype) as "f32" | "f64",
    reduction: (args.text("reduction") ?? "mean") as "mean" | "sum" | "none",
    ...(grad !== undefined && {
      grad: grad === "all" ? ("all" as const) : grad.split(",").map((name) => name.trim()),
    }),
    static: Object.fromEntries(readPairs("static", args.texts("static"))) as Record<
      string,
      number | string | boolean
    >,
  }
}

function shown(diagnostics: readonly Diagnostic[], args: Arguments, terminal: Terminal): string {
  return args.flag("json")
    ? `${JSON.stringify(diagnostics.map(toJson), null, 2)}\n`
    : `${renderAll(diagnostics, { colour: terminal.colour })}\n`
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`
}
