// What one condition says of another holds for all values of what they compare, NaN included.
import { expect, test } from "vitest"
import type { Operand, Stmt } from "../src/loops.ts"
import { ops } from "../src/ops.ts"
import { Numbers } from "../src/unroll/facts.ts"
import { implied } from "../src/unroll/implied.ts"
import { Builder } from "./emit.kernels.ts"

/** Conditions over two numbers: comparisons, and what one and two operators make of them. */
function conditions(b: Builder): { readonly p: Operand; readonly q: Operand; readonly all: Operand[] } {
  const [p, q] = [b.scalar("p"), b.scalar("q")]
  const orders = [
    ["lt", p, q],
    ["le", q, p],
    ["le", p, q],
    ["eq", p, q],
  ] as const
  const atoms = orders.map(([op, x, y]) => b.op(op, x, y))
  const once = [
    ...atoms.map((x) => b.op("not", x)),
    ...atoms.flatMap((x) => atoms.flatMap((y) => [b.op("and", x, y), b.op("or", x, y)])),
  ]
  return { p, q, all: [...atoms, ...once, ...once.slice(0, 12).map((x) => b.op("not", x))] }
}

const b = new Builder()
const { p, q, all } = conditions(b)
const kernel = b.kernel()
const numbers = new Numbers(kernel)
const values = [0, 1, NaN]

function valueOf(s: Extract<Stmt, { kind: "let" }>, read: (x: Operand) => number): number {
  return (ops[s.op].eval as (...args: number[]) => number)(...s.args.map(read))
}

/** The values of all conditions, one list for each pair of numbers. */
const tables = values.flatMap((x) =>
  values.map((y) => {
    const known = new Map<number, number>([
      [idOf(p), x],
      [idOf(q), y],
    ])
    const read = (arg: Operand): number => (arg.kind === "value" ? known.get(arg.id)! : arg.value)
    for (const s of kernel.body) if (s.kind === "let") known.set(s.id, valueOf(s, read))
    return all.map((x) => read(x) !== 0)
  }),
)

function idOf(x: Operand): number {
  if (x.kind !== "value") throw new Error("a literal has no number")
  return x.id
}

test("what is said holds wherever the condition does", () => {
  let said = 0
  for (const [c, condition] of all.entries())
    for (const holds of [true, false])
      for (const [k, x] of all.entries()) {
        const answer = implied(x, { condition, holds }, numbers)
        if (answer === undefined) continue
        said++
        for (const table of tables) if (table[c] === holds) expect(table[k]).toBe(answer)
      }
  expect(said).toBeGreaterThan(2 * all.length)
})

test("parts, opposites and the other order are decided, and no more", () => {
  const other = new Builder()
  const [x, y] = [other.scalar("x"), other.scalar("y")]
  const [below, notBelow] = [other.op("lt", x, y), other.op("le", y, x)]
  const both = other.op("and", below, other.op("eq", x, 0))
  const numbers = new Numbers(other.kernel())
  const say = (one: Operand, condition: Operand, holds: boolean): boolean | undefined =>
    implied(one, { condition, holds }, numbers)
  expect(say(notBelow, below, true)).toBe(false)
  expect(say(notBelow, below, false)).toBe(undefined)
  expect(say(below, both, true)).toBe(true)
  expect(say(both, below, false)).toBe(false)
  expect(say(both, below, true)).toBe(undefined)
})

test("conditions made of one another many times over are soon given up", () => {
  const other = new Builder()
  const chain = (name: string): Operand => {
    let x = other.op("lt", other.scalar(name), 0)
    for (let i = 0; i < 60; i++) x = other.op("and", x, other.op("not", x))
    return x
  }
  const [x, condition] = [chain("x"), chain("y")]
  expect(implied(x, { condition, holds: true }, new Numbers(other.kernel()))).toBe(undefined)
})
