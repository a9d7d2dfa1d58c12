// Loops in lanes: which loops may run several iterations at once, and what long sums keep.
import { describe, expect, test } from "vitest"
import type { Kernel, Operand, Stmt } from "../src/loops.ts"
import { compile } from "../src/index.ts"
import { KernelMemory } from "../src/run/memory.ts"
import { wasmFunction } from "../src/run/wasm.ts"
import { vectorise } from "../src/vector.ts"
import { forEachStatement } from "../src/walk.ts"
import { callFor, runLoops, runWasm } from "./emit.data.ts"
import { Builder } from "./emit.kernels.ts"

/** Whether some loop of a kernel runs in lanes. */
const runsInLanes = (kernel: Kernel): boolean => {
  let lanes = false
  forEachStatement(vectorise(kernel, new Map(), true).kernel.body, (s: Stmt) => {
    if (s.kind === "for" && s.lanes) lanes = true
  })
  return lanes
}

/** A kernel of one loop over n. */
function one(
  body: (b: Builder, i: ReturnType<Builder["size"]>, n: ReturnType<Builder["size"]>) => void,
): Kernel {
  const b = new Builder("f64")
  const n = b.size("n")
  b.input("x", n)
  b.output("y", n)
  b.scratch(b.sizeOp("add", n, 1))
  b.for("n", n, (i) => body(b, i, n))
  return b.kernel()
}
/** A kernel that computes each row of an array from another: `places` are those of what it reads and writes. */
function rows(
  places: (
    b: Builder,
    row: (by: number) => Operand,
    s: Operand,
    last: Operand,
  ) => readonly [Operand, Operand],
): Kernel {
  const b = new Builder("f64")
  const [n, m] = [b.size("n"), b.size("m")]
  const last = b.sizeOp("sub", m, 1)
  const state = b.scratch(b.sizeOp("mul", m, b.sizeOp("add", n, 2)))
  b.for("n", n, (t) => {
    const row = (by: number): Operand => b.op("mul", m, b.op("add", t, by))
    b.for("m", m, (s) => {
      const [from, to] = places(b, row, s, last)
      b.store(state, to, b.op("add", b.load(state, from), 1))
    })
  })
  return b.kernel()
}
const of = (b: Builder, kind: "inputs" | "outputs" | "scratch") => b.kernel()[kind][0]!

const loops: { name: string; lanes: boolean; kernel: Kernel }[] = [
  {
    name: "a recurrence through memory",
    lanes: false,
    kernel: one((b, i) => {
      const previous = b.load(of(b, "scratch"), i)
      b.store(of(b, "scratch"), b.op("add", i, 1), b.op("add", previous, b.load(of(b, "inputs"), i)))
      b.store(of(b, "outputs"), i, previous)
    }),
  },
  {
    name: "an element of its own for each iteration",
    lanes: true,
    kernel: one((b, i) => {
      b.store(of(b, "scratch"), i, b.load(of(b, "inputs"), i))
      b.store(of(b, "outputs"), i, b.op("mul", 2, b.load(of(b, "scratch"), i)))
    }),
  },
  {
    name: "one element for all iterations, read and written",
    lanes: false,
    kernel: one((b, i) => {
      b.store(of(b, "scratch"), 0, b.op("add", b.load(of(b, "scratch"), 0), b.load(of(b, "inputs"), i)))
    }),
  },
  {
    name: "two stores that may meet",
    lanes: false,
    kernel: one((b, i, n) => {
      b.store(of(b, "outputs"), i, 1)
      b.store(of(b, "outputs"), b.op("sub", b.op("sub", n, 1), i), 2)
    }),
  },
  {
    name: "a row from the one before it, at most at its index",
    lanes: true,
    kernel: rows((b, row, s) => [
      b.op("add", row(0), b.op("max", 0, b.op("sub", s, 2))),
      b.op("add", row(1), s),
    ]),
  },
  {
    name: "a row from the one before it, up to its end",
    lanes: true,
    kernel: rows((b, row, s, last) => [
      b.op("add", row(0), b.op("min", last, b.op("add", s, 2))),
      b.op("add", row(1), s),
    ]),
  },
  {
    name: "a row from the one before it, beyond its end",
    lanes: false,
    kernel: rows((b, row, s) => [b.op("add", row(0), b.op("add", s, 1)), b.op("add", row(1), s)]),
  },
  {
    name: "a row from the one behind it",
    lanes: true,
    kernel: rows((b, row, s) => [b.op("add", row(1), b.op("add", s, 1)), b.op("add", row(0), s)]),
  },
  {
    name: "a row from the one behind it, and its own end",
    lanes: false,
    kernel: rows((b, row, s) => [b.op("sub", b.op("add", row(1), s), 1), b.op("add", row(0), s)]),
  },
]

test.each(loops)("$name: in lanes $lanes", ({ lanes, kernel }) => {
  expect(runsInLanes(kernel)).toBe(lanes)
})

test("an accumulator that is read keeps its order", () => {
  const b = new Builder("f64")
  const n = b.size("n")
  const [x, y] = [b.input("x", n), b.output("y", n)]
  const sum = b.acc(0)
  b.for("n", n, (i) => {
    b.update(sum, "add", b.load(x, i))
    b.store(y, i, sum)
  })
  expect(runsInLanes(b.kernel())).toBe(false)
})

/** Loops with branches, gathers, scatters, ints and conditions. */
const odd: { name: string; make: (dtype: "f32" | "f64") => Kernel }[] = [
  {
    name: "branches and accumulators of an iteration",
    make: (dtype) => {
      const b = new Builder(dtype)
      const n = b.size("n")
      const [x, y] = [b.input("x", n), b.output("y", n)]
      const [sum, kept] = [b.acc(0), b.acc(0, "int")]
      b.for("n", n, (i) => {
        const v = b.load(x, i)
        const w = b.acc(0)
        b.if(
          b.op("lt", 0, v),
          () => {
            b.if(b.op("lt", v, 1), () => b.update(w, "set", b.op("sqrt", v)))
            b.update(kept, "add", 1)
          },
          () => b.update(w, "set", b.op("neg", v)),
        )
        b.update(sum, "add", w)
        b.store(y, i, b.op("mul", w, 2))
      })
      b.result("loss", sum)
      b.result("count", kept)
      return b.kernel()
    },
  },
  {
    name: "conditions in memory",
    make: (dtype) => {
      const b = new Builder(dtype)
      const n = b.size("n")
      const [x, y] = [b.input("x", n), b.output("y", n)]
      const kept = b.scratch(n)
      b.for("n", n, (i) => b.store(kept, i, b.op("lt", 0, b.load(x, i))))
      b.for("n", n, (i) => {
        const last = b.load(kept, b.op("sub", b.op("sub", n, 1), i))
        b.store(y, i, b.op("select", b.op("lt", 0.5, last), b.load(x, i), 2))
      })
      return b.kernel()
    },
  },
  {
    name: "gathers and scatters",
    make: (dtype) => {
      const b = new Builder(dtype)
      const n = b.size("n")
      const [x, label, flag, y] = [
        b.input("x", n),
        b.input("label", n, "int"),
        b.input("flag", n, "bool"),
        b.output("y", n),
      ]
      const total = b.scratch(n)
      b.fill(y, 0, n, 1)
      b.fill(total, 0, n)
      b.for("n", n, (i) => {
        const at = b.load(label, i)
        b.addTo(total, at, b.op("select", b.load(flag, i), b.load(x, b.op("sub", b.op("sub", n, 1), i)), 3))
        b.if(b.op("lt", at, 2), () => b.store(y, b.op("mod", b.op("add", at, 1), n), b.load(x, at)))
      })
      const [most, least, all] = [b.acc(-Infinity), b.acc(Infinity), b.acc(1)]
      b.for("n", n, (i) => {
        const v = b.load(total, i)
        b.update(most, "max", v)
        b.update(least, "min", b.op("add", v, b.op("mul", i, 2)))
        b.update(all, "mul", b.op("pow", 1.01, v))
      })
      b.result("loss", most)
      b.result("count", least)
      b.result("per", all)
      return b.kernel()
    },
  },
]

describe.each(odd)("$name", ({ make }) => {
  test.each(["f32", "f64"] as const)("over %s agree with the interpreter", (dtype) => {
    const kernel = make(dtype)
    const run = wasmFunction(kernel, new Map(), new KernelMemory())
    for (const n of [3, 4, 5, 7, 8, 9, 31, 64]) {
      const call = callFor(kernel, { n }, [], { labels: 3 })
      const [found, wanted] = [runWasm(run, call), runLoops(kernel, call)]
      wanted.forEach((list, k) =>
        list.forEach((x, i) => {
          const y = found[k]![i]!
          const tolerance = dtype === "f32" ? 1e-6 : 1e-14
          if (!Object.is(x, y) && !(Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x))))
            expect.fail(`n = ${n}, array ${k}, element ${i}: ${y}, not ${x}`)
        }),
      )
    }
  })
})

test("the mean of 2^24 numbers of f32 keeps six digits", () => {
  const kernel = compile("loss f[b](x) = x").kernel({ target: "wasm", grad: ["x"] })
  const n = 2 ** 24
  const x = kernel.alloc("x", n)
  for (let i = 0; i < n; i++) x[i] = 1 + (i % 7) / 16
  let wanted = 0
  for (let i = 0; i < n; i++) wanted += x[i]!
  expect(Math.abs(kernel({ x }).loss / (wanted / n) - 1)).toBeLessThan(1e-12)
})

test.each(odd)("$name keep their results in lanes of the interpreter", ({ make }) => {
  const kernel = make("f64")
  const made = vectorise(kernel, new Map(), true).kernel
  for (const n of [3, 4, 9, 31, 64]) {
    const call = callFor(kernel, { n }, [], { labels: 3 })
    const [found, wanted] = [runLoops(made, call), runLoops(kernel, call)]
    wanted.forEach((list, k) => list.forEach((x, i) => expect(found[k]![i]).toBeCloseTo(x, 10)))
  }
})

test("what a condition adds to a sum takes no branch, what it computes alone does", () => {
  const branches = (text: string): number => {
    const files = compile(`loss f[b](x: [d], y: [d]) = ${text}`).emit({ target: "wasm", wat: true })
    return files.find(({ name }) => name === "f.wat")!.text.match(/v128\.any_true/g)?.length ?? 0
  }
  expect(branches("let e = exp(x) in sum[d](e) * sum[d if x > y](e)")).toBe(0)
  expect(branches("sum[d if x > y](lgamma(x))")).toBeGreaterThan(0)
})
