// Emitted modules, imported from files and compared with kernels.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { compileSource, derive, lower } from "../src/compile.ts"
import { emitModule, type ModuleFile } from "../src/emit/module.ts"
import { compile } from "../src/index.ts"
import { makeKernel } from "../src/kernel.ts"
import { type KernelOptions, readSettings } from "../src/run/settings.ts"

type Call = (
  inputs: unknown,
  options?: unknown,
) => {
  readonly loss: number | Float32Array
  readonly grad: Readonly<Record<string, Float32Array>>
  readonly count: number
  readonly per: number
  readonly shape: readonly number[]
}

let folder: string
let count = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lossc-module-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

function files(source: string, options: KernelOptions = {}): readonly ModuleFile[] {
  const loss = compileSource(source)[0]!
  const settings = readSettings(loss, options)
  return emitModule({
    loss,
    ...settings,
    target: settings.target === "wasm" ? "wasm" : "js",
    version: "0.0.0",
    kernel: (given) => lower(derive(loss, { ...settings.choice, given }), settings),
  })
}

async function imported(source: string, options: KernelOptions = {}): Promise<Call> {
  const path = join(folder, `${count++}.mjs`)
  writeFileSync(path, files(source, options)[0]!.text)
  const module = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Record<string, Call>
  expect(Object.keys(module)).toContain(compileSource(source)[0]!.name)
  return module["default"]!
}

const triplet =
  "loss triplet[b](a: [d], p: [d], n: [d]; margin: real >= 0 = 1) = relu(sqdist(a, p) - sqdist(a, n) + margin)"
const crossEntropy = `loss crossEntropy[b](logits: [c], target: index? c; weight: [c] = 1, ignoreIndex: int = -100) =
  let w = weight[c = target] in -(w * logSoftmax(logits)[c = target]) where target != ignoreIndex per w`
const sorted = "loss sorted[b](x: [k], w: [k]) = sum[k](w * x[k = argsort[k](-x)])"
const lists = `loss lists[b](z: [c], y: [k] index? c) =
  sum[k if all[i in k if i <= k](y[k = i] != -1) and y != -1](z[c = y])`
const hinge = "loss hinge[...](x, y; margin: real = 1) = relu(margin - x * y)"

const vector = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(seed + 12.9898 * i) * 3)
const rows = { a: vector(12, 1), p: vector(12, 2), n: { data: vector(12, 3), shape: [4, 3] } }
const labels = { logits: vector(15, 4), target: Int32Array.of(1, -100, 4) }

// prettier-ignore
const cases: { name: string; source: string; options: KernelOptions; calls: [unknown, unknown?][] }[] = [
  { name: "a mean with all gradients", source: triplet, options: { grad: "all" },
    calls: [[rows], [{ ...rows, margin: 0.25 }], [{ a: [1, 2, 3], p: vector(3, 5), n: { data: [0, 0, 1], shape: [3] } }]] },
  { name: "a sum over doubles", source: triplet, options: { grad: ["a"], dtype: "f64", reduction: "sum" },
    calls: [[Object.fromEntries(["a", "p", "n"].map((k, i) => [k, { data: Float64Array.from(vector(12, i)), shape: [4, 3] }]))]] },
  { name: "losses of rows", source: triplet, options: { grad: ["p", "n"], reduction: "none" },
    calls: [[rows], [rows, { cotangent: [1, 2, 0, -1] }]] },
  { name: "the gradient of an option", source: triplet, options: { grad: ["margin", "a"] }, calls: [[rows]] },
  { name: "labels and an optional array", source: crossEntropy, options: { grad: ["logits"] },
    calls: [[labels], [{ ...labels, weight: [1, 2, 0.5, 1, 3] }], [{ ...labels, target: [0, 1, 2], ignoreIndex: 2 }]] },
  { name: "the gradient of an optional array", source: crossEntropy, options: { grad: ["logits", "weight"] },
    calls: [[labels], [{ ...labels, weight: Float64Array.of(1, 2, 0.5, 1, 3) }]] },
  { name: "a sort", source: sorted, options: { grad: "all" },
    calls: [[{ x: { data: vector(300, 1), shape: [2, 150] }, w: vector(300, 2) }]] },
  { name: "lists that end early", source: lists, options: { grad: "all" },
    calls: [[{ z: { data: vector(6, 1), shape: [2, 3] }, y: { data: Int32Array.of(1, -1, -1, 0, 2, -1), shape: [2, 3] } }]] },
  { name: "axes of any rank", source: hinge, options: { grad: "all", reduction: "none" },
    calls: [[{ x: { data: vector(6, 1), shape: [2, 3] }, y: { data: vector(6, 2), shape: [2, 3] } }], [{ x: 0.5, y: 1 }], [{ x: vector(6, 1), y: vector(6, 2) }]] },
]

describe.each(cases)("$name", ({ source, options, calls }) => {
  test("agrees with a kernel", async () => {
    const module = await imported(source, options)
    const kernel = makeKernel(compileSource(source)[0]!, options)
    for (const [inputs, more] of calls) {
      const { hvp: _, ...wanted } = kernel(inputs as never, more as never)
      expect(module(inputs, more)).toEqual(wanted)
    }
  })
})

/** Where two results differ by more than rounding. */
function difference(found: unknown, wanted: unknown, path = "result"): string | undefined {
  if (typeof wanted === "number") {
    const close =
      Object.is(found, wanted) || Math.abs((found as number) - wanted) <= 1e-6 * Math.max(1, Math.abs(wanted))
    return close ? undefined : `${path} is ${String(found)}, not ${wanted}`
  }
  const keys = Object.keys(wanted as object)
  if (Object.keys(found as object).join() !== keys.join()) return `${path} has other parts`
  for (const key of keys) {
    const part = (x: unknown): unknown => (x as Record<string, unknown>)[key]
    const wrong = difference(part(found), part(wanted), `${path}.${key}`)
    if (wrong) return wrong
  }
  return undefined
}

describe.each(cases)("$name, as WebAssembly", ({ source, options, calls }) => {
  test("agrees with a kernel", async () => {
    const module = await imported(source, { ...options, target: "wasm" })
    const kernel = makeKernel(compileSource(source)[0]!, { ...options, target: "js" })
    for (const [inputs, more] of calls) {
      const { hvp: _, ...wanted } = kernel(inputs as never, more as never)
      expect(difference(module(inputs, more), wanted)).toBeUndefined()
    }
  })
})

describe("a module of WebAssembly", () => {
  type Wasm = Call & {
    alloc(name: string, shape: number | number[]): Float32Array | Int32Array
    instantiate(): Promise<void>
    readonly memory: { readonly buffer: ArrayBuffer }
  }

  test("reads and writes arrays in its memory where they are, and compiles ahead of the first call", async () => {
    const module = (await imported(crossEntropy, { grad: ["logits"], target: "wasm" })) as Wasm
    await module.instantiate()
    const logits = module.alloc("logits", [3, 5])
    const target = module.alloc("target", 3)
    const grad = module.alloc("logits", 15)
    expect(target).toBeInstanceOf(Int32Array)
    logits.set(labels.logits)
    target.set(labels.target)
    const { loss } = module({ logits, target }, { grad: { logits: grad } })
    const wanted = module(labels)
    expect(loss).toBe(wanted.loss)
    expect(grad).toEqual(wanted.grad["logits"])
    expect(logits.buffer).toBe(module.memory.buffer)
  })

  test("refuses arrays that a growth of its memory detached", async () => {
    const module = (await imported("loss f[b](x, y) = x * y", { target: "wasm" })) as Wasm
    const x = module.alloc("x", 2)
    const large = new Float32Array(1 << 19).fill(1)
    expect(module({ x: large, y: large }).loss).toBe(1)
    expect(() => module({ x, y: new Float32Array(2) })).toThrow(/memory of x was transferred/)
    expect(() => module.alloc("z", 2)).toThrow(/no argument z/)
  })

  test("has functions of the host that no text of the module computes", async () => {
    const source = "loss f[b](x) = erf(sin(x)) + x ^ 2.5"
    const module = await imported(source, { grad: "all", target: "wasm" })
    const x = [0.25, 0.5, 1, 1.5, 2]
    const { hvp: _, ...wanted } = makeKernel(compileSource(source)[0]!, { grad: "all" })({ x })
    expect(difference(module({ x }), wanted)).toBeUndefined()
  })

  test("comes with its text if that is asked for", () => {
    const [, , first, second] = compile(crossEntropy).emit({ target: "wasm", wat: true, grad: ["logits"] })
    expect([first!.name, second!.name]).toEqual(["crossEntropy.wat", "crossEntropy.1.wat"])
    expect(first!.text).toMatch(/^\(module\n/)
    expect(compile(crossEntropy).emit({ target: "wasm" })).toHaveLength(2)
  })

  test("has types", () => {
    const types = compile(crossEntropy).emit({ target: "wasm" })[1]!.text
    expect(types).toContain('  alloc(name: "target", shape: number | readonly number[]): Int32Array\n')
    expect(types).toContain("declare const run: Run\nexport { run as crossEntropy, run as default }")
  })
})

test("gradients go into buffers of the caller", async () => {
  const module = await imported(triplet, { grad: "all" })
  const a = new Float32Array(12)
  expect(module(rows, { grad: { a } }).grad["a"]).toBe(a)
  expect(a).toEqual(module(rows).grad["a"])
})

// prettier-ignore
const refused: [name: string, source: string, inputs: unknown, options: unknown, message: RegExp][] = [
  ["a missing argument", triplet, { a: rows.a, p: rows.p }, {}, /needs the argument n/],
  ["an unknown argument", triplet, { ...rows, q: 1 }, {}, /no argument q/],
  ["sizes that disagree", triplet, { ...rows, a: { data: vector(8, 1), shape: [4, 2] } }, {}, /disagree about axis d: 3 in n, 2 in a/],
  ["lengths that disagree", triplet, { ...rows, a: vector(9, 1) }, {}, /a has 9 elements.*ask for 12/],
  ["unknown sizes", triplet, { a: rows.a, p: rows.p, n: rows.a }, {}, /without a shape/],
  ["an option outside its constraint", triplet, { ...rows, margin: -1 }, {}, /margin is -1; expected a number at least 0/],
  ["a label out of range", crossEntropy, { ...labels, target: [1, 5, 0] }, {}, /target is 5 in row 1; expected a whole number from 0 to 4 \(axis c\)/],
  ["a fraction as label", crossEntropy, { ...labels, target: [1, 0.5, 0] }, {}, /target is 0.5 in row 1/],
  ["a number as text", triplet, { ...rows, margin: "1" }, {}, /margin is no number/],
  ["an unknown option", triplet, rows, { into: 1 }, /no option into/],
  ["a buffer of another type", triplet, rows, { grad: { a: new Float64Array(12) } }, /no Float32Array/],
  ["a buffer that is too short", triplet, rows, { grad: { a: new Float32Array(11) } }, /has 11 elements; the gradient has 12/],
  ["a buffer that is an argument", triplet, rows, { grad: { a: rows.a } }, /shares memory/],
  ["a shape that does not hold the elements", triplet, { ...rows, n: { data: vector(11, 1), shape: [4, 3] } }, {}, /its shape holds 12/],
]

test.each(refused)("%s is refused", async (_, source, inputs, options, message) => {
  const module = await imported(source, { grad: source === triplet ? "all" : ["logits"] })
  expect(() => module(inputs, options)).toThrow(message)
})

test("names that are words of JavaScript, or of its objects, are ordinary", async () => {
  const source = "loss class[b](constructor, __proto__: [function]) = constructor + sum(__proto__)"
  const module = await imported(source, { grad: "all" })
  const inputs = JSON.parse(
    '{ "constructor": [1, 2], "__proto__": { "data": [1, 2, 3, 4], "shape": [2, 2] } }',
  ) as unknown
  const { loss, grad } = module(inputs)
  expect(loss).toBe(6.5)
  expect(Object.keys(grad)).toEqual(["constructor", "__proto__"])
})

test("the text is the same every time, of ASCII, without imports and without code generation", () => {
  const all = cases.flatMap(({ source, options }) =>
    (["js", "wasm"] as const).map((target) => ({ source, options: { ...options, target } })),
  )
  for (const { source, options } of all) {
    const [code, types] = files(source, options)
    expect(files(source, options)).toEqual([code, types])
    expect(code!.text).toMatch(/^[\n\x20-\x7e]*$/)
    expect(code!.text).not.toMatch(/\bimport\b|\beval\b|new Function|require\(/)
    expect(code!.text).toMatch(/^\/\/ Made by lossc 0\.0\.0 from source [0-9a-f]{16}\./)
  }
})

test("a module runs where code may not be generated", () => {
  const path = join(folder, "strict.mjs")
  const use = join(folder, "use.mjs")
  writeFileSync(path, files(triplet, { grad: "all" })[0]!.text)
  writeFileSync(
    use,
    `import { triplet } from "./strict.mjs"
     const one = new Float32Array(3).fill(1)
     console.log(triplet({ a: { data: one, shape: [1, 3] }, p: one, n: one }).loss)`,
  )
  const out = execFileSync(process.execPath, ["--disallow-code-generation-from-strings", use])
  expect(String(out).trim()).toBe("1")
})

test("the types accept what the module takes and say what it returns", () => {
  expect(files(triplet, { grad: ["a", "n"] })[1]).toMatchInlineSnapshot(`
    {
      "name": "triplet.d.ts",
      "text": "// Made by lossc 0.0.0 from source e36d5a0f3b328946. Do not edit.
    type Elements<T> =
      | Float32Array | Float64Array | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array
      | readonly T[]
    /** A number or a boolean for one row, or an array in row-major order, alone or with its shape. */
    export type Values<T> = T | Elements<T> | { readonly data: Elements<T>; readonly shape: readonly number[] }
    /** The arguments by name. */
    export interface Inputs {
      readonly "a": Values<number>
      readonly "p": Values<number>
      readonly "n": Values<number>
      readonly "margin"?: number
    }
    /** What a call returns; \`count\` rows were kept, and the mean divides by \`per\`. */
    export interface Result {
      readonly loss: number
      readonly grad: { readonly "a": Float32Array; readonly "n": Float32Array }
      readonly count: number
      readonly per: number
      readonly shape: readonly number[]
    }
    /** Computes the loss and its gradients. Throws a TypeError or a RangeError before anything is written. */
    declare function run(inputs: Inputs, options?: { readonly grad?: { readonly "a"?: Float32Array; readonly "n"?: Float32Array } }): Result
    export { run as triplet, run as default }
    ",
    }
  `)
})
