/** Text files of cases -> cases: `# name`, an input, `==>` and the output that is expected. */

import { readdirSync, readFileSync } from "node:fs"
import type { Binder, Binding, Expr, Range } from "../grammar/ast.ts"

/** One case of a file. */
export interface Case {
  readonly name: string
  readonly input: string
  readonly output: string
}

const root = new URL("./cases/", import.meta.url)

/** The cases of a file, such as `parse/calls`. */
export function casesOf(file: string): readonly Case[] {
  const text = readFileSync(new URL(`${file}.txt`, root), "utf8")
  return text
    .split(/^(?=# )/m)
    .filter((part) => part.startsWith("# "))
    .map((part) => {
      const end = part.indexOf("\n")
      const [input = "", output = ""] = part.slice(end).split(/^==>$/m)
      return { name: part.slice(2, end), input: input.trim(), output: output.trim() }
    })
}

/** The files of a folder of cases. */
export function filesOf(folder: string): readonly string[] {
  return readdirSync(new URL(`${folder}/`, root))
    .filter((file) => file.endsWith(".txt"))
    .map((file) => `${folder}/${file.slice(0, -".txt".length)}`)
    .sort()
}

/** The library's own files, as further samples. */
export function libraryTexts(): readonly { readonly name: string; readonly text: string }[] {
  const folder = new URL("../stdlib/", import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith(".loss"))
    .sort()
    .map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }))
}

/** A tree without the places of its nodes: equal for texts that mean the same. */
export function bare(node: unknown): unknown {
  return JSON.parse(JSON.stringify(node, (key, value) => (places.has(key) ? undefined : value)))
}

const places = new Set(["span", "at", "source", "comments"])

/** An expression with every operation in front of its operands. */
export function outline(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return expr.text
    case "boolean":
      return String(expr.value)
    case "string":
      return JSON.stringify(expr.value)
    case "name":
      return expr.name
    case "unary":
      return `(${expr.operator} ${outline(expr.operand)})`
    case "binary":
      return `(${expr.operator} ${outline(expr.left)} ${outline(expr.right)})`
    case "if":
      return `(if ${outline(expr.condition)} ${outline(expr.whenTrue)} ${outline(expr.whenFalse)})`
    case "tuple":
      return `(tuple ${expr.items.map(outline).join(" ")})`
    case "member":
      return `(member ${outline(expr.target)} ${expr.name.name})`
    case "let":
      return `(let ${expr.bindings.map(outlineBinding).join(" ")} ${outline(expr.body)})`
    case "substitute": {
      const entries = expr.entries.map(({ axis, value }) => ` [${indexOf(axis)} ${outline(value)}]`).join("")
      const fallback = expr.default ? ` ${outline(expr.default)}` : ""
      return `(${expr.default ? "default" : "substitute"} ${outline(expr.target)}${entries}${fallback})`
    }
    case "call": {
      const args = expr.arguments.map((one) => ` ${outline(one)}`).join("")
      const named = expr.named.map(({ name, value }) => ` ${name.name}=${outline(value)}`).join("")
      return `(${expr.callee.name}${outlineBinders(expr.binders, expr.filter)}${args}${named})`
    }
    case "fold": {
      const states = expr.states.map(({ name, type, initial }) => {
        return ` ${name.name}${type ? `:${type.axes.length}` : ""}=${outline(initial)}`
      })
      const grad = expr.grad ? ` ${expr.grad}` : ""
      const binders = outlineBinders(expr.binders, expr.filter)
      return `(${expr.form}${binders}${grad}${states.join("")} ${outline(expr.step)})`
    }
  }
}

function outlineBinding(binding: Binding): string {
  switch (binding.kind) {
    case "value-binding":
      return `{${binding.name.name}${outlineBinders(binding.binders, undefined)} ${outline(binding.value)}}`
    case "axis-binding":
      return `{axis ${binding.name.name} ${outlineRange(binding.range)}}`
    case "tuple-binding":
      return `{(${binding.names.map(({ name }) => name).join(" ")}) ${outline(binding.value)}}`
    case "function-binding": {
      const axes = binding.axes.map((axis) => (axis.kind === "name" ? axis.name : axis.kind)).join(" ")
      const args = binding.arguments.map(({ name }) => name.name).join(" ")
      return `{${binding.name.name}[${axes}](${args}) ${outline(binding.body)}}`
    }
  }
}

function outlineBinders(binders: readonly Binder[], filter: Expr | undefined): string {
  const shown = binders.map(({ index, range }) => indexOf(index) + (range ? `:${outlineRange(range)}` : ""))
  if (filter) shown.push(`if ${outline(filter)}`)
  return shown.length === 0 ? "" : `[${shown.join(" ")}]`
}

function outlineRange(range: Range): string {
  return range.kind === "extent" ? outline(range.value) : `${outline(range.low)}..${outline(range.high)}`
}

function indexOf(index: Binder["index"]): string {
  return index.kind === "rest" ? "..." : index.name
}
