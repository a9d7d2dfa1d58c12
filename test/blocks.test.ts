// Outermost loops in blocks: which may be cut, and that blocks in any order compute what the whole loop does.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Cut, type Obstacle, blocksOf, isCut } from "../src/blocks.ts"
import { cut } from "../src/blocks/cut.ts"
import { derive, lower } from "../src/compile.ts"
import { type Loss, checkedOf } from "../src/index.ts"
import type { Buffer, Kernel, Operand } from "../src/loops.ts"
import { interpretLoops } from "../src/run/loops.ts"
import { type Settings, readSettings } from "../src/run/settings.ts"
import { verify } from "../src/run/verify.ts"
import * as library from "../src/stdlib.ts"
import { arbitraryInputs } from "../src/testing.ts"
import { random } from "../src/testing/random.ts"
import { type Site, siteMaker } from "../src/testing/site.ts"
import { tinyBlocks } from "./blocks.sizes.ts"
import { Builder } from "./emit.kernels.ts"
import { small } from "./library.settings.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

const settingsOf = (loss: Loss): Settings =>
  readSettings(checkedOf(loss), { grad: "all", dtype: "f64", static: small[loss.name] ?? {} })

function kernelOf(loss: Loss, given: readonly string[] = []): Kernel {
  const { choice } = settingsOf(loss)
  return lower(derive(checkedOf(loss), { ...choice, given: new Set(given) }), { dtype: "f64" })
}

/** Everything a kernel makes at a site, with NaN where it writes nothing. */
function results(kernel: Kernel, { bound }: Site): number[] {
  const elements = (x: Kernel["inputs"][number]): ArrayLike<number> => bound.arrays.get(x.input!)!
  const outputs = kernel.outputs.map(({ name }) => {
    const input = kernel.inputs.find((x) => x.input!.name === name)!
    return new Float64Array(elements(input).length).fill(NaN)
  })
  const scalars = interpretLoops(kernel, {
    inputs: kernel.inputs.map(elements),
    outputs,
    scalars: kernel.scalars.map(({ input }) => bound.scalars.get(input)!),
    sizes: kernel.sizeNames.map((name) => bound.sizes.get(name)!),
  })
  return [...scalars, ...outputs.flatMap((array) => [...array])]
}

describe("of the library", () => {
  const loops: (Cut | Obstacle)[] = []

  test.each(losses)("$name computes the same in blocks, the last block first", (loss) => {
    const at = siteMaker(checkedOf(loss), settingsOf(loss), random(1))
    const inputs = arbitraryInputs(fc, loss, { mostSize: 7, static: small[loss.name] ?? {} })
    for (const drawn of fc.sample(inputs, { seed: 1, numRuns: 2 })) {
      const site = at(drawn)
      const kernel = kernelOf(loss, site.bound.given)
      loops.push(...blocksOf(kernel).values())
      const blocks = cut(kernel, tinyBlocks)
      expect(verify(blocks)).toEqual([])
      const [whole, cuts] = [results(kernel, site), results(blocks, site)]
      const scale = Math.max(1, ...whole.filter(Number.isFinite).map(Math.abs))
      const wrong = whole.findIndex(
        (x, i) => !(Object.is(x, cuts[i]) || Math.abs(x - cuts[i]!) <= 1e-10 * scale),
      )
      expect(wrong < 0 ? "equal" : `${wrong}: ${cuts[wrong]}, not ${whole[wrong]}`).toBe("equal")
    }
  })

  test("is cut nearly everywhere", () => {
    expect(loops.filter(isCut).length).toBeGreaterThan(0.95 * loops.length)
  })
})

describe("by hand", () => {
  /** What a loop over i in n allows, which the statements of an iteration are written into. */
  function verdict(
    write: (b: Builder, i: Operand, out: Buffer, scratch: Buffer, m: Operand) => void,
  ): string {
    const b = new Builder("f64")
    const [n, m] = [b.size("n"), b.size("m")]
    const out = b.output("x", b.sizeOp("mul", n, m))
    const scratch = b.scratch(m)
    b.for("i", n, (i) => write(b, i, out, scratch, m))
    const [how] = blocksOf(b.kernel()).values()
    if (!isCut(how!)) return how!.kind
    return ["cut", ...how.own.map(() => "own"), ...how.spread.values()].join(" ")
  }

  test("rows of its own may be written, forwards and backwards", () => {
    const forwards = verdict((b, i, out, _, m) =>
      b.for("j", m, (j) => b.store(out, b.op("add", b.op("mul", i, m), j), 1)),
    )
    const backwards = verdict((b, i, out, _, m) =>
      b.for("j", m, (j) => {
        const last = b.op("sub", b.op("sub", m, 1), j)
        b.store(out, b.op("add", b.op("mul", i, m), last), 1)
      }),
    )
    const columns = verdict((b, i, out, _, m) =>
      b.for("j", m, (j) => b.store(out, b.op("add", b.op("mul", j, m), i), 1)),
    )
    expect([forwards, columns]).toEqual(["cut", "overlap"])
    expect(backwards).toBe("cut")
  })

  test("places that iterations share may not, whatever their distance", () => {
    expect(verdict((b, _, out) => b.store(out, 0, 1))).toBe("overlap")
    const windows = verdict((b, i, out) =>
      b.for("j", 3, (j) => b.store(out, b.op("add", b.op("mul", i, 2), j), 1)),
    )
    expect(windows).toBe("overlap")
    const apart = verdict((b, i, out) =>
      b.for("j", 3, (j) => b.store(out, b.op("add", b.op("mul", i, 3), j), 1)),
    )
    expect(apart).toBe("cut")
  })

  test("what another iteration wrote may not be read", () => {
    const neighbour = verdict((b, i, out) => {
      b.store(out, i, 1)
      b.load(out, b.op("add", i, 1))
    })
    expect(neighbour).toBe("order")
    expect(verdict((b, i, out) => b.store(out, i, b.load(out, i)))).toBe("cut")
  })

  test("scratch is an iteration's own if it fills it first", () => {
    const filled = verdict((b, i, out, scratch, m) => {
      b.for("j", m, (j) => b.store(scratch, j, i))
      b.store(out, i, b.load(scratch, 0))
    })
    const kept = verdict((b, i, out, scratch) => {
      b.store(out, i, b.load(scratch, 0))
      b.store(scratch, 0, i)
    })
    const sometimes = verdict((b, i, out, scratch) => {
      b.if(b.op("eq", i, 0), () => b.store(scratch, 0, i))
      b.store(out, i, b.load(scratch, 0))
    })
    expect([filled, kept, sometimes]).toEqual(["cut own", "order", "order"])
  })

  test("what a condition fills may be read, or matter, where the condition holds", () => {
    const fillUnder = (b: Builder, condition: Operand, scratch: Buffer): void =>
      b.if(condition, () => b.store(scratch, 0, 1))
    const chosen = (op: "guard" | "select", isSame: boolean): string =>
      verdict((b, i, out, scratch) => {
        const isOdd = b.op("eq", b.op("mod", i, 2), 1)
        fillUnder(b, isOdd, scratch)
        const read = b.op("add", b.load(scratch, 0), 1)
        const condition = isSame ? isOdd : b.op("eq", i, 0)
        b.store(out, i, op === "guard" ? b.op("guard", condition, read) : b.op("select", condition, 0, read))
      })
    expect([chosen("guard", true), chosen("guard", false), chosen("select", true)]).toEqual([
      "cut own",
      "order",
      "order",
    ])
    const inLoop = (to: "m" | "n"): string =>
      verdict((b, i, out, scratch, m) => {
        fillUnder(b, b.op("ne", 0, m), scratch)
        b.for("j", to === "m" ? m : 3, () => b.store(out, i, b.load(scratch, 0)))
      })
    expect([inLoop("m"), inLoop("n")]).toEqual(["cut own", "order"])
  })

  test("places that a sorted order names are apart", () => {
    /** A loop over i that adds to the places which an order holds, in an array over [n, 2]. */
    const sorted = (
      write: (b: Builder, i: Operand, sums: Buffer, order: Buffer, keys: Buffer, n: Operand) => void,
    ): string => {
      const b = new Builder("f64")
      const n = b.size("n")
      const length = b.sizeOp("mul", n, 2)
      const [sums, keys] = [b.scratch(length, [n, 2]), b.scratch(n)]
      const order = b.scratch(length, [2, n], "int")
      b.sort(order, 0, keys, 0, n)
      b.for("i", n, (i) => write(b, i, sums, order, keys, n))
      b.load(sums, 0)
      const how = [...blocksOf(b.kernel()).values()][0]!
      return isCut(how) ? ["cut", ...how.spread.values()].join(" ") : how.kind
    }
    const addTo = (b: Builder, sums: Buffer, k: Operand): void =>
      b.for("j", 2, (j) => b.addTo(sums, b.op("add", b.op("mul", k, 2), j), 1))
    const apart = sorted((b, i, sums, order) => addTo(b, sums, b.load(order, i)))
    const reversed = sorted((b, i, sums, order, _, n) =>
      addTo(b, sums, b.load(order, b.op("sub", b.op("sub", n, 1), i))),
    )
    const twoOrders = sorted((b, i, sums, order, _, n) => {
      addTo(b, sums, b.load(order, i))
      addTo(b, sums, b.load(order, b.op("add", n, i)))
    })
    const halves = sorted((b, i, sums, order) =>
      addTo(b, sums, b.load(order, b.op("floor", b.op("mul", i, 0.5)))),
    )
    const again = sorted((b, i, sums, order, keys, n) => {
      b.sort(order, 0, keys, 0, n)
      addTo(b, sums, b.load(order, i))
    })
    expect([apart, twoOrders, halves]).toEqual(["cut", "cut add", "cut add"])
    expect([reversed, again]).toEqual(["cut add", "order"])
  })

  test("a fill stays in the part of its iteration if it is as long", () => {
    const fill = (length: number, from: number): string => {
      const b = new Builder("f64")
      const n = b.size("n")
      const rows = b.scratch(b.sizeOp("mul", n, 4), [n, 4])
      b.for("i", n, (i) => {
        b.fill(rows, b.op("add", b.op("mul", i, 4), from), length)
        b.addTo(rows, b.op("add", b.op("mul", i, 4), b.load(b.input("x", n, "int"), i)), 1)
      })
      b.load(rows, 0)
      const [how] = blocksOf(b.kernel()).values()
      return isCut(how!) ? "cut" : how!.kind
    }
    expect([fill(4, 0), fill(5, 0), fill(4, 1)]).toEqual(["cut", "overlap", "overlap"])
  })

  test("values may be combined at shared places by one operator", () => {
    const sums = verdict((b, i, _, scratch, m) => b.for("j", m, (j) => b.addTo(scratch, j, i)))
    const largest = verdict((b, i, _, scratch, m) =>
      b.for("j", m, (j) => b.store(scratch, j, b.op("max", b.load(scratch, j), i))),
    )
    const both = verdict((b, i, _, scratch, m) => {
      b.addTo(scratch, 0, i)
      b.for("j", m, (j) => b.store(scratch, j, b.op("max", b.load(scratch, j), i)))
    })
    const read = verdict((b, i, out, scratch, m) =>
      b.for("j", m, (j) => {
        const largest = b.op("max", b.load(scratch, j), i)
        b.store(scratch, j, largest)
        b.store(out, i, largest)
      }),
    )
    expect([sums, largest, both, read]).toEqual(["cut add", "cut max", "order", "order"])
  })
})
