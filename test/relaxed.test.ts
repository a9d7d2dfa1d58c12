// Relaxed instructions: where the engine has them, results differ by rounding at most; where it has not, nothing differs.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import fc from "fast-check"
import compileWat from "watr/compile"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { assemble } from "../src/emit/assemble.ts"
import { type Loss, compile } from "../src/index.ts"
import { isRelaxed } from "../src/run/wasm.ts"
import * as library from "../src/stdlib.ts"
import { arbitraryInputs } from "../src/testing.ts"
import { codeOf } from "./errors.ts"
import { small } from "./library.settings.ts"
import { inSingles } from "./singles.ts"
import { RELAXED, allowRelaxed } from "./relaxed.flag.ts"

allowRelaxed()

const losses = Object.values(library as unknown as Record<string, Loss>)
const missing = "this engine has no relaxed instructions"
const fused = (text: string): number => text.match(/relaxed_n?madd/g)?.length ?? 0

describe("the text", () => {
  const texts = (body: string): { plain: string; relaxed: string } => {
    const files = compile(`loss f[b](x: [d], y: [d]) = ${body}`).emit({
      target: "wasm",
      relaxed: true,
      wat: true,
    })
    const [plain, relaxed] = ["f.wat", "f.relaxed.wat"].map(
      (name) => files.find((f) => f.name === name)!.text,
    )
    return { plain: plain!, relaxed: relaxed! }
  }

  test.each([
    ["sum[d](x * y)", true],
    ["sum[d](exp(x))", true],
    ["max[d](x * x + y * y)", false],
    // It may be 0 because both products are rounded alike.
    ["sum[d](x * x - y * y)", false],
  ])("of %s multiplies and adds at once: %s", (body, some) => {
    const { plain, relaxed } = texts(body)
    expect(fused(plain)).toBe(0)
    expect(fused(relaxed) > 0).toBe(some)
  })

  test("becomes the bytes of another assembler", () => {
    const { relaxed } = texts("sum[d](exp(x) * y)")
    expect(Buffer.compare(assemble(relaxed), compileWat(relaxed) as Uint8Array)).toBe(0)
  })
})

describe("the results", () => {
  test.each(losses.map((loss) => [loss.name, loss] as const))("of %s", (_, loss) => {
    const fixed = small[loss.name] ?? {}
    const [plain, relaxed] = [false, true].map((relaxed) =>
      loss.kernel({ target: "wasm", grad: "all", static: fixed, relaxed }),
    )
    const drawn = fc.sample(arbitraryInputs(fc, loss, { mostSize: 9, static: fixed }), {
      seed: 2,
      numRuns: 2,
    })
    for (const given of drawn.map((one) => inSingles(loss, one))) {
      const [found, wanted] = [relaxed!(given), plain!(given)]
      if (!isRelaxed()) expect(found).toEqual(wanted)
      const numbers = (result: typeof found): number[] => [
        result.loss as number,
        result.count,
        result.per,
        ...Object.values(result.grad as Record<string, Float32Array>).flatMap((array) => [...array]),
      ]
      const scale = Math.max(1, ...numbers(wanted).map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)))
      numbers(found).forEach((x, i) => {
        const meant = numbers(wanted)[i]!
        if (!Object.is(x, meant)) expect(Math.abs(x - meant) / scale).toBeLessThan(1e-5)
      })
    }
  })

  test("of a call are the same every time, and by any number of threads", ({ skip }) => {
    skip(!isRelaxed(), missing)
    const logits = {
      data: Float32Array.from({ length: 70_000 }, (_, i) => 3 * Math.sin(i)),
      shape: [7000, 10],
    }
    const target = Int32Array.from({ length: 7000 }, (_, i) => i % 10)
    const kernels = [1, 1, 3].map((threads) =>
      library.crossEntropy.kernel({ target: "wasm", grad: ["logits"], relaxed: true, threads }),
    )
    const [wanted, ...others] = kernels.map((kernel) => kernel({ logits, target }))
    for (const other of others) expect(other).toEqual(wanted)
    for (const kernel of kernels) kernel.destroy()
  })
})

describe("a module", () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "lossc-relaxed-"))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  /** What a module made with and without them prints in a process with arguments. */
  function run(threads: number, args: readonly string[]): { relaxed: string; plain: string; has: boolean } {
    const [relaxed, plain] = [true, false].map((relaxed) => {
      const name = join(folder, `${relaxed}${threads}.mjs`)
      const emitted = library.binaryCrossEntropyWithLogits.emit({
        target: "wasm",
        grad: ["logits"],
        relaxed,
        threads,
      })
      writeFileSync(name, `${emitted[0]!.text}${relaxed ? "export { isRelaxed }\n" : ""}`)
      const use = join(folder, "use.mjs")
      writeFileSync(
        use,
        `import * as module from ${JSON.stringify(pathToFileURL(name).href)}
         const logits = Float32Array.from({ length: 70000 }, (_, i) => 9 * Math.sin(i)), target = logits.map((x) => x > 1 ? 1 : 0)
         const shape = [7000, 10]
         const { loss, grad } = module.default({ logits: { data: logits, shape }, target: { data: target, shape } })
         console.log(module.isRelaxed === true, loss, grad.logits.join())`,
      )
      return String(execFileSync(process.execPath, [...args, use], { maxBuffer: 2 ** 26 }))
    })
    const [flag, ...rest] = relaxed!.split(" ")
    return { relaxed: rest.join(" "), plain: plain!.split(" ").slice(1).join(" "), has: flag === "true" }
  }

  test.each([1, 2])("of %s threads uses them where the engine has them", (threads) => {
    const without = run(threads, [])
    if (!without.has) expect(without.relaxed).toBe(without.plain)
    const { relaxed, plain, has } = run(threads, RELAXED)
    expect(has).toBe(isRelaxed())
    expect(plain).toBe(without.plain)
    if (!has) return
    expect(relaxed).not.toBe(plain)
    expect(parseFloat(relaxed)).toBeCloseTo(parseFloat(plain), 6)
  })

  test("is as before without the option", () => {
    const emit = (options: object): unknown => library.mse.emit({ target: "wasm", ...options })
    expect(emit({ relaxed: false })).toEqual(emit({}))
  })
})

test("the option is true or false, and for the target wasm", () => {
  expect(codeOf(() => library.mse.kernel({ target: "wasm", relaxed: 1 as never }))).toBe("bad-option")
  expect(codeOf(() => library.mse.kernel({ relaxed: true }))).toBe("bad-option")
  expect(codeOf(() => library.mse.emit({ target: "wgsl", relaxed: true }))).toBe("bad-option")
})
