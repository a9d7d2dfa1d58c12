// Turns a fault in a call into the error that its caller gets.
import type { RunCode } from "../catalogue/run.ts"
import { error, LossError, nearest, quote, type Diagnostic } from "../diagnostics.ts"

/** Facts of a fault for programs; `argument`, `axis`, `row` and `value` wherever they apply. */
export type Details = NonNullable<Diagnostic["details"]>

/** The error of a wrong call, for `throw failure("label-range", …)`. */
export function failure(code: RunCode, message: string, details: Details = {}, help?: string): LossError {
  return new LossError([error(code, undefined, undefined, message, { details, help })])
}

/** `did you mean …?`, or the names there are. */
export function suggestion(name: string, names: Iterable<string>): string | undefined {
  const all = [...names]
  const near = nearest(name, all)
  if (near !== undefined) return `did you mean ${quote(near)}?`
  return all.length === 0 ? undefined : `there ${all.length === 1 ? "is" : "are"} ${listed(all)}`
}

/** `a`, `a and b`, `a, b and c`, each between backticks; long lists are cut. */
export function listed(names: readonly string[]): string {
  const words = names.slice(0, 12).map(quote)
  if (names.length > words.length) words.push(`${names.length - words.length} more`)
  if (words.length < 2) return words[0] ?? "nothing"
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`
}

/** What a value is, in a few words: for messages about values of a wrong kind. */
export function describe(value: unknown): string {
  if (value === null) return "null"
  if (typeof value === "string")
    return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (typeof value === "number" || typeof value === "boolean") return String(value)
  if (typeof value === "bigint") return `the bigint ${value}`
  if (Array.isArray(value)) return "an array"
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`
  return typeof value === "undefined"
    ? "undefined"
    : typeof value === "object"
      ? "an object"
      : `a ${typeof value}`
}
