// Turns a checked loss into what is shown of it: its header as text, and its arguments as plain data.
import type { Expr } from "./ir.ts"
import type { Loss } from "./loss.ts"
import { doubles } from "./run/doubles.ts"
import { evaluator } from "./run/interpret.ts"
import { type Domain, type Input, type Role, type ScalarType, dimensionText } from "./types.ts"

/** One argument of a loss. */
export interface ArgumentInfo {
  readonly name: string
  readonly type: ScalarType
  /** One value a row, the same for all rows, or an option. */
  readonly role: Role
  /** The names of the axes in memory order, batch axes included; `...` stands for any number of axes. Empty for a scalar. */
  readonly axes: readonly string[]
  /** For axes whose entries have names: those, by axis. */
  readonly components?: Readonly<Record<string, readonly string[]>>
  /** For labels: the name of the axis pointed into, and whether a label may hold something else where nothing reads it. */
  readonly label?: { readonly axis: string; readonly optional: boolean }
  /** The declared domain as text, such as `in [0, 1]`. */
  readonly domain?: string
  /** The words of a choice. */
  readonly choices?: readonly string[]
  /** Fixed when a kernel is made. */
  readonly static: boolean
  /** Whether it may be left out. */
  readonly optional: boolean
  /** The default, where it is one number, truth or word; a computed default has none here. */
  readonly default?: number | boolean | string
  readonly doc?: string
}

/** The arguments of a loss in the order of its header. */
export function argumentsOf(loss: Loss): readonly ArgumentInfo[] {
  return loss.inputs.map((input) => ({
    name: input.name,
    type: input.type,
    role: input.role,
    axes: input.dimensions.map((d) => d.name),
    ...componentsOf(input),
    ...(input.label && { label: { axis: input.label.axis, optional: input.label.optional } }),
    ...(input.domain && { domain: domainText(input.domain) }),
    ...(input.choices && { choices: input.choices }),
    static: input.isStatic,
    optional: input.default !== undefined,
    ...defaultOf(input),
    ...(input.doc !== undefined && { doc: input.doc }),
  }))
}

function componentsOf({ dimensions }: Input): Pick<ArgumentInfo, "components"> {
  const named = dimensions.flatMap(({ name, components }) =>
    components ? [[name, components] as const] : [],
  )
  return named.length > 0 ? { components: Object.fromEntries(named) } : {}
}

/** The header: as written, without comments, or as inferred from a bare expression. */
export function signatureOf(loss: Loss): string {
  const written = headerText(loss.source.text.slice(loss.span.start, loss.span.end))
  if (written !== undefined) return written
  const batch = loss.batch.length > 0 ? `[${loss.batch.map((axis) => axis.name).join(", ")}]` : ""
  const names = new Set(loss.batch.map((axis) => axis.name))
  const one = (input: Input): string => {
    const own = input.dimensions.filter((d) => !names.has(d.name)).map(dimensionText)
    const scalar = input.choices
      ? input.choices.map((choice) => JSON.stringify(choice)).join(" | ")
      : input.label
        ? `index${input.label.optional ? "?" : ""} ${input.label.axis}`
        : input.type === "real" && own.length > 0
          ? ""
          : input.type
    const type = [own.length > 0 ? `[${own.join(", ")}]` : "", scalar].filter(Boolean).join(" ")
    const prefix = input.role === "shared" ? "shared " : input.isStatic && !input.choices ? "static " : ""
    const initial = defaultOf(input).default
    return (
      `${prefix}${input.name}` +
      (type === "real" && input.role !== "option" && !input.domain ? "" : `: ${type}`) +
      (input.domain ? ` ${domainText(input.domain)}` : "") +
      (initial === undefined ? "" : ` = ${typeof initial === "string" ? JSON.stringify(initial) : initial}`)
    )
  }
  const options = loss.inputs.filter((input) => input.role === "option")
  const others = loss.inputs.filter((input) => input.role !== "option")
  return `loss ${loss.name}${batch}(${others.map(one).join(", ")}${options.length > 0 ? `; ${options.map(one).join(", ")}` : ""})`
}

/** The text from `loss` to before the `=` that starts the body, on one line. */
function headerText(text: string): string | undefined {
  const plain = text.replace(/\/\/[^\n\r]*/g, "")
  const start = /^\s*loss\b/.exec(plain)
  if (!start) return undefined
  let depth = 0
  for (let at = 0; at < plain.length; at++) {
    const c = plain[at]!
    if (c === '"') at = Math.max(at, plain.indexOf('"', at + 1))
    else if (c === "(" || c === "[") depth++
    else if (c === ")" || c === "]") depth--
    else if (c === "=" && depth === 0) return plain.slice(0, at).replace(/\s+/g, " ").trim()
  }
  return undefined
}

/** A number without axes and sizes, if the expression is one. */
function constant(expr: Expr): number | undefined {
  if (expr.axes.length > 0) return undefined
  try {
    return evaluator(doubles, { sizes: new Map(), elements: () => [] }).size(expr)
  } catch {
    return undefined
  }
}

function defaultOf(input: Input): { readonly default?: number | boolean | string } {
  if (!input.default || "vector" in input.default) return {}
  const value = constant(input.default.expr)
  if (value === undefined || Number.isNaN(value)) return {}
  if (input.choices) return { default: input.choices[value]! }
  return { default: input.type === "bool" ? value !== 0 : value }
}

/** A domain as it would be written. */
export function domainText({ low, high, not }: Domain): string {
  const bound = (expr: Expr): string => String(constant(expr) ?? "…")
  if (low && high && !low.strict && !high.strict && !not)
    return `in [${bound(low.value)}, ${bound(high.value)}]`
  return [
    low && `${low.strict ? ">" : ">="} ${bound(low.value)}`,
    high && `${high.strict ? "<" : "<="} ${bound(high.value)}`,
    not && `!= ${bound(not)}`,
  ]
    .filter((part) => part !== undefined)
    .join(" and ")
}
