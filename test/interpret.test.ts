// The interpreter of the core against closed forms, and the complex operators against the derivatives of the table.
import { describe, expect, test } from "vitest"
import { type Complex, complex, complexes, step } from "../src/complex.ts"
import { Core, type Expr } from "../src/ir.ts"
import { type OpName, ops } from "../src/ops.ts"
import { doubles } from "../src/run/doubles.ts"
import { evaluator, type Numbers } from "../src/run/interpret.ts"
import { template } from "../src/pattern.ts"
import type { Input } from "../src/types.ts"

const core = new Core()
const n = core.sizeOf("n")
const m = core.sizeOf("m")
const i = core.axis("i", n)
const j = core.axis("j", n)
const k = core.axis("k", m)
const input = (name: string, ...axes: [string, Expr][]): Input => ({
  name,
  type: "real",
  role: "sample",
  dimensions: axes.map(([axis, extent]) => ({ name: axis, extent })),
  isStatic: false,
})
const x = input("x", ["i", n])
const a = input("a", ["i", n], ["k", m])
const s = input("s")

function read(data: Record<string, readonly number[]>, sizes: Record<string, number> = {}) {
  return evaluator(doubles, { sizes: new Map(Object.entries(sizes)), elements: ({ name }) => data[name]! })
}
const reduce = (
  op: "sum" | "prod" | "max" | "min" | "logsumexp" | "argmax" | "argmin",
  body: Expr,
  filter: Expr = core.true,
): Expr => core.define(op, [i], filter, body)

describe("the interpreter", () => {
  const xi = core.load(x, [i])
  const data = { x: [3, -1, 4, -1], s: [2] }
  const at = read(data, { n: 4 })

  test.each([
    ["sum", 5],
    ["prod", 12],
    ["max", 4],
    ["min", -1],
    ["argmax", 2],
    ["argmin", 1],
    ["logsumexp", Math.log(Math.exp(3) + 2 * Math.exp(-1) + Math.exp(4))],
  ] as const)("%s reduces", (op, value) => expect(at.scalar(reduce(op, xi))).toBeCloseTo(value, 14))

  test.each([
    ["sum", 0],
    ["prod", 1],
    ["max", -Infinity],
    ["min", Infinity],
    ["logsumexp", -Infinity],
    ["argmax", -1],
  ] as const)("%s of nothing is its identity", (op, value) => {
    expect(at.scalar(reduce(op, xi, core.op("lt", xi, core.const(-9))))).toBe(value)
    expect(read({ x: [] }, { n: 0 }).scalar(reduce(op, xi))).toBe(value)
  })

  test("logsumexp of infinities is exact", () => {
    const of = (...list: number[]): number =>
      read({ x: list }, { n: list.length }).scalar(reduce("logsumexp", xi))
    expect(of(-Infinity, -Infinity)).toBe(-Infinity)
    expect(of(-Infinity, 1)).toBe(1)
    expect(of(Infinity, 1)).toBe(Infinity)
    expect(of(1000, 1000)).toBeCloseTo(1000 + Math.LN2, 12)
    expect(of(NaN, 1)).toBeNaN()
  })

  test("the first of several largest elements is the argmax", () => {
    expect(read({ x: [1, 7, 7] }, { n: 3 }).scalar(reduce("argmax", xi))).toBe(1)
  })

  test("definitions are read at other indices", () => {
    const pairs = core.define(
      "sum",
      [k],
      core.true,
      core.op("mul", core.load(a, [i, k]), core.load(a, [j, k])),
    )
    const values = read({ a: [1, 2, 3, 4] }, { n: 2, m: 2 })
    expect(values.array(pairs, [i, j])).toEqual([5, 11, 11, 25])
    expect(values.array(pairs, [j], new Map([[i, 1]]))).toEqual([11, 25])
  })

  test("an output is constant along an axis that it lacks", () => {
    expect(at.array(core.const(2), [i])).toEqual([2, 2, 2, 2])
  })

  test("the branch that is not taken is never evaluated", () => {
    const outside = core.load(x, [core.op("add", i, core.const(1))])
    const inside = core.op("lt", core.op("add", i, core.const(1)), n)
    expect(at.array(core.op("select", inside, outside, core.zero), [i])).toEqual([-1, 4, -1, 0])
    expect(at.array(core.op("guard", inside, outside), [i])).toEqual([-1, 4, -1, 0])
    const positive = core.op("lt", core.zero, outside)
    expect(at.array(core.op("and", inside, positive), [i])).toEqual([0, 1, 0, 0])
    expect(at.array(core.op("or", core.op("not", inside), positive), [i])).toEqual([0, 1, 0, 1])
  })

  test("a filter guards the body", () => {
    const inside = core.op("lt", core.op("add", i, core.const(1)), n)
    expect(at.scalar(reduce("sum", core.load(x, [core.op("add", i, core.const(1))]), inside))).toBe(2)
  })

  test.each([[4], [-1], [0.5], [NaN]])("reading at %d is a fault", (index) => {
    expect(() =>
      read({ x: [1, 2, 3, 4], s: [index] }, { n: 4 }).scalar(core.load(x, [core.load(s)])),
    ).toThrow(/index/)
  })

  test("shared subexpressions are evaluated once", () => {
    let calls = 0
    const counting: Numbers<number> = {
      ...doubles,
      apply: (op, args) => {
        calls++
        return doubles.apply(op, args)
      },
    }
    let e: Expr = core.load(s)
    for (let depth = 0; depth < 60; depth++) e = core.op("mul", core.op("sin", e), e)
    evaluator(counting, { sizes: new Map(), elements: () => [0.5] }).scalar(e)
    expect(calls).toBe(120)
  })

  test("maximum and minimum return NaN for NaN", () => {
    const of = (op: "max" | "min"): number => read({ x: [1, NaN, 2] }, { n: 3 }).scalar(reduce(op, xi))
    expect(of("max")).toBeNaN()
    expect(of("min")).toBeNaN()
  })
})

describe("the complex step", () => {
  /** Points of the interval where the operator is sampled, away from its kinks. */
  const points = (op: OpName): number[][] => {
    const { params, domain = {} } = ops[op]
    let state = 12345
    const unit = (): number => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff
    return Array.from({ length: 200 }, () =>
      params.map((p) => {
        const [low, high] = domain[p] ?? [-8, 8]
        return low + (high - low) * unit()
      }),
    )
  }
  const differentiable = (Object.keys(ops) as OpName[]).filter(
    (op) => ops[op].partials && !["select", "guard", "surrogate"].includes(op),
  )

  test.each(differentiable)("%s has the value and the derivative of the table", (op) => {
    for (const at of points(op)) {
      const value = ops[op].eval(...at)
      const scale = Math.max(Math.abs(value), 1e-300)
      expect(
        Math.abs(
          complexes.apply(
            op,
            at.map((v) => complex(v)),
          ).re - value,
        ) / scale,
      ).toBeLessThan(4e-15)
      ops[op].params.forEach((name, which) => {
        if (ops[op].takes[which] === "int") return
        const args = at.map((v, position) => complex(v, position === which ? step : 0))
        const { im } = complexes.apply(op, args)
        const derivative = partial(op, name, at, value)
        // 1 - tanh^2 cancels; the complex step does not.
        const size = Math.max(Math.abs(derivative), op === "tanh" ? 1 : 1e-12)
        expect(Math.abs(im / step - derivative) / size, `${op} by ${name} at ${at.join()}`).toBeLessThan(
          2e-13,
        )
      })
    }
  })

  test("products with infinity keep constants constant", () => {
    const { apply } = complexes
    expect(apply("mul", [complex(2), complex(Infinity, step)]).im).toBe(2 * step)
    expect(apply("div", [complex(1), complex(Infinity)])).toEqual(complex(0))
    expect(apply("exp", [complex(Infinity)])).toEqual(complex(Infinity))
  })

  test("kinks have the subgradients that are documented", () => {
    const slope = (op: OpName, ...args: number[]): number =>
      complexes.apply(
        op,
        args.map((v, which) => complex(v, which === 0 ? step : 0)),
      ).im / step
    expect(slope("relu", 0)).toBe(0)
    expect(slope("abs", 0)).toBe(0)
    expect(slope("sign", 0)).toBe(0)
    expect(slope("max", 0, 0)).toBe(0.5)
    expect(slope("min", 0, 0)).toBe(0.5)
    expect(slope("clampMin", 0, 0)).toBe(1)
    expect(slope("clampMax", 0, 0)).toBe(1)
    expect(slope("clamp", 1, -1, 1)).toBe(1)
    expect(slope("root", 0)).toBe(0)
    expect(slope("sqrt", 0)).toBe(Infinity)
    expect(slope("pow", 0, 0)).toBe(0)
    expect(slope("pow", 0, 1)).toBe(1)
    expect(slope("pow", 0, 2)).toBe(0)
    expect(slope("pow", -2, 3)).toBeCloseTo(12, 12)
    expect(slope("stop", 3)).toBe(0)
  })

  test("a reduction splits a tie evenly and has no slope where everything is -inf", () => {
    const values = [complex(1, step), complex(1), complex(0)]
    expect(complexes.fold.max(values)).toEqual(complex(1, step / 2))
    expect(complexes.fold.logsumexp([complex(-Infinity, step), complex(-Infinity)])).toEqual(
      complex(-Infinity),
    )
    const two: Complex[] = [complex(0, step), complex(Math.log(3))]
    expect(complexes.fold.logsumexp(two).im / step).toBeCloseTo(0.25, 15)
  })
})

/** The derivative of the table, read as an expression over the parameters and `out`. */
function partial(op: OpName, name: string, at: readonly number[], out: number): number {
  const text = ops[op].partials?.[name]
  if (text === undefined) return 0
  const names = [...ops[op].params, "out"]
  const here = new Core()
  const holes = Object.fromEntries(names.map((one) => [one, here.load(input(one))]))
  const values = new Map(names.map((one, index) => [one, index < at.length ? at[index]! : out]))
  return evaluator(doubles, { sizes: new Map(), elements: (from) => [values.get(from.name)!] }).scalar(
    template(text)(here, holes),
  )
}
