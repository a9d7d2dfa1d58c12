// Turns the values of options into numbers, after checking their kinds and constraints.
import type { Expr } from "../ir.ts"
import type { Domain, Input } from "../types.ts"
import type { Bounds } from "./elements.ts"
import { inWords, within } from "./elements.ts"
import { describe, failure, listed, suggestion } from "./failure.ts"
import { expected } from "./given.ts"

const { isSafeInteger } = Number

/** The number that stands for the value of a scalar: members of a choice by index, bools as 0 and 1. Throws `LossError`. */
export function readScalar(input: Input, value: unknown): number {
  const { name, choices, type } = input
  if (choices) {
    const at = typeof value === "string" ? choices.indexOf(value) : -1
    if (at < 0)
      throw failure(
        "not-a-choice",
        `\`${name}\` is ${describe(value)}; expected ${expected(input)}`,
        { argument: name, value },
        typeof value === "string" ? suggestion(value, choices) : undefined,
      )
    return at
  }
  if (type === "bool") {
    if (typeof value === "boolean") return +value
    if (value === 0 || value === 1) return value
    if (typeof value === "number")
      throw failure("not-bool", `\`${name}\` is ${value}; expected true or false`, { argument: name, value })
    throw wrong(input, value)
  }
  const number = typeof value === "bigint" && type === "int" ? Number(value) : value
  if (typeof number !== "number") throw wrong(input, value)
  if (type === "int" && !isSafeInteger(number))
    throw failure("not-integer", `\`${name}\` is ${number}; expected a whole number`, {
      argument: name,
      value: number,
    })
  return number
}

function wrong(input: Input, value: unknown): Error {
  return failure("input-kind", `\`${input.name}\` is ${describe(value)}; expected ${expected(input)}`, {
    argument: input.name,
  })
}

/** A domain with its bounds as numbers. */
export function boundsOf(domain: Domain, evaluate: (expr: Expr) => number): Bounds {
  const { low, high, not } = domain
  return {
    low: low ? evaluate(low.value) : -Infinity,
    lowStrict: low?.strict ?? false,
    high: high ? evaluate(high.value) : Infinity,
    highStrict: high?.strict ?? false,
    not: not && evaluate(not),
  }
}

/** Refuses an option outside its constraint. Throws `LossError`. */
export function checkScalar(input: Input, value: number, evaluate: (expr: Expr) => number): void {
  const { domain, name } = input
  if (!domain) return
  const bounds = boundsOf(domain, evaluate)
  if (!within(value, bounds))
    throw failure(
      input.role === "option" ? "option-domain" : "domain",
      `\`${name}\` is ${value}; expected ${inWords(bounds)}`,
      { argument: name, value },
    )
}

/** The values of the static options by name, defaults filled in. Throws `LossError`. */
export function readStatics(
  inputs: readonly Input[],
  given: unknown,
  evaluate: (expr: Expr, values: ReadonlyMap<Input, number>) => number,
): ReadonlyMap<Input, number> {
  const statics = inputs.filter((input) => input.isStatic)
  const values = ownEntries(given, "static")
  for (const name of values.keys()) {
    if (statics.some((input) => input.name === name)) continue
    const known = inputs.some((input) => input.name === name)
    throw failure(
      "not-static",
      known
        ? `\`${name}\` is no static option: pass it when you call the kernel`
        : `the loss has no static option \`${name}\``,
      { argument: name },
      known
        ? undefined
        : suggestion(
            name,
            statics.map((input) => input.name),
          ),
    )
  }
  const out = new Map<Input, number>()
  const missing: string[] = []
  for (const input of statics) {
    const value = values.get(input.name)
    if (value === undefined && input.default === undefined) missing.push(input.name)
    else if (value !== undefined) out.set(input, readScalar(input, value))
    else if ("expr" in input.default!) out.set(input, evaluate(input.default.expr, out))
  }
  if (missing.length > 0)
    throw failure(
      "missing-argument",
      `static options are missing: ${listed(missing)}`,
      { argument: missing[0] },
      `make the kernel with static: { ${missing[0]}: … }`,
    )
  for (const [input, value] of out) checkScalar(input, value, (expr) => evaluate(expr, out))
  return out
}

/** The own properties of an object whose values are not undefined; names such as `__proto__` are ordinary. */
export function ownEntries(object: unknown, what: string): Map<string, unknown> {
  const out = new Map<string, unknown>()
  if (object === undefined || object === null) return out
  if (typeof object !== "object")
    throw failure(
      "bad-option",
      `\`${what}\` is ${describe(object)}; expected an object with names and values`,
    )
  for (const name of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[name]
    if (value !== undefined) out.set(name, value)
  }
  return out
}
