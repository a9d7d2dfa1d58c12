// Random losses that index an array: what the checker lets pass reads inside of it, in every call that passes the checks.
import { expect, test } from "vitest"
import { checkSource } from "../src/compile.ts"
import type { AxisExpr, Expr } from "../src/ir.ts"
import type { Loss } from "../src/loss.ts"
import { doubles } from "../src/run/doubles.ts"
import { evaluator } from "../src/run/interpret.ts"
import type { Input } from "../src/types.ts"

const programs = 600
const callsPerProgram = 12

class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed
  }

  /** An int from low to high, both included. */
  int(low: number, high: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0
    return low + (Math.floor(this.state / 65536) % (high - low + 1))
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!
  }
}

function indexText(random: Random, depth: number): string {
  const atoms = ["t", "t", "u", "s", "n", "y", "o", "free", "k", "m", "size(t)", "size(u)", "0", "1", "2"]
  if (depth === 0) return random.pick(atoms)
  const part = (): string => indexText(random, random.int(0, depth - 1))
  const number = (): number => random.int(1, 3)
  switch (random.int(0, 10)) {
    case 0:
      return `min(${part()}, ${part()})`
    case 1:
      return `max(${part()}, ${part()})`
    case 2:
      return `div(${part()}, ${random.pick(["1", "2", "3", "k"])})`
    case 3:
      return `mod(${part()}, ${random.pick(["2", "3", "size(t)"])})`
    case 4:
      return `clamp(${part()}, 0, ${part()})`
    case 5:
      return `(if ${conditionText(random, depth - 1)} then ${part()} else ${part()})`
    case 6:
      return `${number()} * (${part()})`
    case 7:
      return `relu(${part()})`
    case 8:
      return `(${part()}) * k`
    default:
      return `(${part()} ${random.pick(["+", "-"])} ${part()})`
  }
}

function conditionText(random: Random, depth: number): string {
  const compare = (): string =>
    `${indexText(random, Math.min(depth, 1))} ${random.pick(["<", "<=", ">", ">=", "==", "!="])} ${indexText(random, 0)}`
  switch (random.int(0, 5)) {
    case 0:
      return `${compare()} and ${compare()}`
    case 1:
      return "o != -1"
    case 2:
      return `not (${compare()} or ${compare()})`
    default:
      return compare()
  }
}

function programText(random: Random): string {
  const low = random.int(0, 1)
  const high = random.pick(["size(t) - 1", "size(u)", "2", "size(t) - size(u)", "div(size(t), 2)"])
  const filter = random.pick(["", ` if ${conditionText(random, 1)}`, ` if ${conditionText(random, 2)}`])
  const fallback = random.pick(["", "", "", " ?? 0"])
  const guard = random.pick(["", "", `if ${conditionText(random, 1)} then `])
  const read = `x[t = ${indexText(random, random.int(0, 2))}]${fallback}`
  return `loss f[b](x: [t], w: [u], n: int in [1, 3], y: index t, o: [u] index? t, free: int; k: int in [0, 2] = 1, m: int = 2) =
  let axis s = ${low} .. ${high} in ${random.pick(["sum", "max"])}[t, u, s${filter}](${guard}${read}${guard ? " else 0" : ""})
  where ${random.pick(["free < 9", "n < size(t)", "size(u) > 0", "free >= 0 and free < size(t)"])}`
}

/** Runs one call with random sizes and values; false if the checks of a call refuse it. */
function call(loss: Loss, random: Random): boolean {
  const sizes = new Map([
    ["b", 1],
    ["t", random.int(1, 4)],
    ["u", random.int(0, 4)],
  ])
  const t = sizes.get("t")!
  const values: Readonly<Record<string, () => number>> = {
    x: () => 1,
    w: () => 1,
    y: () => random.int(0, t - 1),
    o: () => random.int(-2, t),
    free: () => random.int(-3, 5),
    k: () => random.int(0, 2),
    m: () => random.int(-1, 4),
  }
  const arrays = new Map<Input, number[]>()
  for (const input of loss.inputs) {
    const length = input.dimensions.reduce((product, d) => product * sizes.get(d.name)!, 1)
    // A domain that no proof relied on is not checked, so it may be left.
    const value = values[input.name] ?? (() => (input.domainUsed ? random.int(1, 3) : random.int(-2, 6)))
    arrays.set(input, Array.from({ length }, value))
  }
  const run = evaluator(doubles, { sizes, elements: (input) => arrays.get(input)! })
  const { core } = loss
  for (const { condition } of loss.checks) if (run.scalar(condition) === 0) return false
  for (const { input, condition, extent } of loss.labelReads) {
    const axes = input.dimensions.map((d) => core.axis(d.name, d.extent))
    const read = run.array(condition, axes)
    if (arrays.get(input)!.some((label, i) => read[i] !== 0 && !(label >= 0 && label < run.size(extent))))
      return false
  }
  const row = (e: Expr): number =>
    run.array(e, [], new Map<AxisExpr, number>(loss.batch.map((a) => [a, 0])))[0]!
  if (row(loss.where) !== 0) row(loss.value)
  return true
}

test(`what ${programs} random losses may read is there`, () => {
  const random = new Random(20260401)
  let accepted = 0
  let called = 0
  for (let i = 0; i < programs; i++) {
    const text = programText(random)
    const { losses, diagnostics } = checkSource(text)
    const codes = diagnostics.filter((one) => one.severity === "error").map((one) => one.code)
    expect(
      codes.filter((code) => !expected.has(code)),
      text,
    ).toEqual([])
    for (const loss of losses) {
      accepted++
      for (let n = 0; n < callsPerProgram; n++)
        try {
          if (call(loss, random)) called++
        } catch (reason) {
          throw new Error(`${reason instanceof Error ? reason.message : reason}\n${text}`, { cause: reason })
        }
    }
  }
  expect(accepted).toBeGreaterThan(programs / 5)
  expect(called).toBeGreaterThan(accepted * 2)
})

const expected = new Set(["index-out-of-range", "label-unguarded", "batch-missing"])
