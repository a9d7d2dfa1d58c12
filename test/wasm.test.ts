// The target wasm: text and bytes, arrays in the memory of a kernel, memory that grows, is shared and is given back.
import { describe, expect, test } from "vitest"
import compileWat from "watr/compile"
import { derive, lower } from "../src/compile.ts"
import { assemble } from "../src/emit/assemble.ts"
import { emitWat } from "../src/emit/wat.ts"
import { checkedOf, compile } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { KernelMemory } from "../src/run/memory.ts"
import { readSettings } from "../src/run/settings.ts"
import { codeOf } from "./errors.ts"

const mse = compile("loss mse[b](x, y) = (x - y)^2")

describe("text", () => {
  test.each(Object.values(library).map(checkedOf))(
    "of $name becomes the bytes of another assembler",
    (loss) => {
      const statics = new Map<string, number>()
      for (const input of loss.inputs)
        if (input.isStatic) {
          const value = input.default && "expr" in input.default ? input.default.expr : undefined
          statics.set(input.name, value?.kind === "const" ? value.value : 1)
        }
      const grad = loss.inputs.filter((x) => x.type === "real" && x.role !== "option").map((x) => x.name)
      const choice = {
        reduction: "mean",
        grad,
        statics,
        given: new Set<string>(),
        emptyMean: "zero",
      } as const
      for (const dtype of ["f32", "f64"] as const) {
        const { text } = emitWat(lower(derive(loss, choice), { dtype }))
        // The other assembler needs minutes for the longest.
        if (text.length > 120_000) continue
        const wanted = compileWat(text) as Uint8Array
        expect(Buffer.compare(assemble(text), wanted)).toBe(0)
      }
    },
  )

  test.each([library.crossEntropy, library.infoNce, library.listMle].map(checkedOf))(
    "of $name for threads becomes the bytes of another assembler",
    (loss) => {
      const { choice } = readSettings(loss, { grad: "all" })
      const kernel = lower(derive(loss, { ...choice, given: new Set(["tau"]) }), { dtype: "f32" })
      const { text, blocks } = emitWat(kernel, { shared: true, threads: 3 })
      expect(blocks.length).toBeGreaterThan(0)
      expect(Buffer.compare(assemble(text), compileWat(text) as Uint8Array)).toBe(0)
    },
  )

  test("that is wrong is refused", () => {
    for (const [body, says] of [
      ["(f64.ad (f64.const 1))", "no instruction f64.ad"],
      ["(local.get $x)", "$x is not declared"],
      ["(br $here)", "no block $here"],
      ["(f64.add 1)", "takes no 1"],
    ] as const)
      expect(() => assemble(`(module (func $f ${body}))`)).toThrow(says)
    expect(() => assemble("(module (func $f)")).toThrow("parentheses")
    expect(() => assemble("(module (table 1))")).toThrow("no table")
  })
})

describe("arrays in the memory of a kernel", () => {
  test("are read and written where they are", () => {
    const kernel = mse.kernel({ target: "wasm", grad: ["x"] })
    const x = kernel.alloc("x", 3)
    const y = kernel.alloc("y", [3])
    const gradient = kernel.alloc("x", 3)
    x.set([1, 2, 3])
    y.set([0, 0, 1])
    const result = kernel({ x, y }, { grad: { x: gradient } })
    expect(result.loss).toBe(3)
    expect(result.grad.x).toBe(gradient)
    expect([...gradient]).toEqual([1, 2, 3].map((v, i) => Math.fround((2 / 3) * (v - y[i]!))))
    expect(x.buffer).toBe(kernel.memory!.handle.buffer)
    expect([...x]).toEqual([1, 2, 3])
  })

  test("have the types that the kernel reads", () => {
    const loss = compile("loss f[b](x, n: int, m: bool) = if m then x * n else 0")
    for (const target of ["wasm", "js", "interpret"] as const) {
      const kernel = loss.kernel({ target, dtype: "f64" })
      expect(kernel.alloc("x", 2)).toBeInstanceOf(Float64Array)
      expect(kernel.alloc("n", 2)).toBeInstanceOf(Int32Array)
      expect(kernel.alloc("m", 2)).toBeInstanceOf(Uint8Array)
      expect(codeOf(() => kernel.alloc("k" as "x", 2))).toBe("unknown-argument")
      expect(codeOf(() => kernel.alloc("x", [-1]))).toBe("bad-size")
    }
  })

  test("stay apart from the arrays of calls", () => {
    const kernel = mse.kernel({ target: "wasm", grad: ["x"] })
    const x = kernel.alloc("x", 5)
    x.set([1, 2, 3, 4, 5])
    kernel({ x, y: new Float32Array(5) })
    kernel({ x: new Float32Array(50).fill(7), y: new Float32Array(50) })
    expect([...x]).toEqual([1, 2, 3, 4, 5])
  })

  test("that growth detached are refused", () => {
    const kernel = mse.kernel({ target: "wasm" })
    const x = kernel.alloc("x", 2)
    const large = new Float32Array(1 << 20)
    kernel({ x: large, y: large })
    expect(x.length).toBe(0)
    expect(codeOf(() => kernel({ x, y: new Float32Array(2) }))).toBe("detached-buffer")
  })

  test("that a call would detach stop it before anything is written", () => {
    const kernel = compile("loss f[b](x: [d], y: [d]) = sqdist(x, y)").kernel({
      target: "wasm",
      grad: ["x"],
    })
    const x = kernel.alloc("x", 2)
    const y = { data: new Float32Array(1 << 20), shape: [1 << 20, 1] }
    // The array in memory is the buffer of another kernel's gradient here: only its place matters.
    const other = compile("loss g[b](y; x: [k]) = y * sum(x)").kernel({
      target: "wasm",
      memory: kernel.memory!,
    })
    expect(codeOf(() => other({ y: y.data, x }))).toBe("detached-buffer")
    const again = kernel.alloc("x", 2)
    again.set([1, 2])
    expect(other({ y: y.data.fill(1), x: again }).loss).toBe(3)
  })
})

describe("memory", () => {
  test("is shared by several kernels", () => {
    const first = mse.kernel({ target: "wasm", grad: ["x"] })
    const second = compile("loss mae[b](x, y) = abs(x - y)").kernel({ target: "wasm", memory: first.memory! })
    const x = first.alloc("x", 2)
    const y = second.alloc("y", 2)
    x.set([1, 4])
    expect(first({ x, y }).loss).toBe(8.5)
    expect(second({ x, y }).loss).toBe(2.5)
    expect(second.memory).toBe(first.memory)
  })

  test("is an option of the target wasm only", () => {
    expect(codeOf(() => mse.kernel({ target: "js", memory: new KernelMemory() }))).toBe("bad-option")
    expect(codeOf(() => mse.kernel({ target: "wasm", memory: {} as KernelMemory }))).toBe("bad-option")
  })

  test("that is reserved does not grow", () => {
    const kernel = mse.kernel({ target: "wasm", grad: ["x"] })
    kernel.memory!.reserve(2 ** 25)
    const arrays = Array.from({ length: 6 }, () => kernel.alloc("x", 2 ** 20))
    expect(arrays.every((array) => array.length === 2 ** 20)).toBe(true)
    const [x, y, gradient] = arrays as [Float32Array, Float32Array, Float32Array]
    expect(kernel({ x: x.fill(2), y }, { grad: { x: gradient } }).loss).toBe(4)
    expect(gradient[5]).toBe(Math.fround(4 / 2 ** 20))
  })

  test("that was given back is not used", () => {
    const kernel = mse.kernel({ target: "wasm" })
    const x = kernel.alloc("x", 2)
    kernel.destroy()
    expect(x.length).toBe(0)
    expect(kernel.memory!.byteLength).toBe(0)
    expect(codeOf(() => kernel({ x: new Float32Array(2), y: new Float32Array(2) }))).toBe("destroyed")
    expect(codeOf(() => kernel.alloc("x", 2))).toBe("destroyed")
    kernel.destroy()
  })

  test("has an end", () => {
    const kernel = mse.kernel({ target: "wasm" })
    expect(codeOf(() => kernel.alloc("x", 2 ** 31 - 1))).toBe("out-of-memory")
    expect(kernel({ x: new Float32Array(2), y: new Float32Array(2).fill(1) }).loss).toBe(1)
  })
})

test("arrays of other types keep their digits", () => {
  // As text without types, which would leave these arrays out.
  const text: string = "loss f[b](x, n: int) = x * n"
  const kernel = compile(text).kernel({ target: "wasm", reduction: "sum" })
  expect(kernel({ x: Float64Array.of(1 + 2 ** -40), n: Float64Array.of(2 ** 40) }).loss).toBe(2 ** 40 + 1)
  expect(kernel({ x: Float32Array.of(0.5), n: Int8Array.of(-3) }).loss).toBe(-1.5)
  expect(kernel({ x: Int32Array.of(2 ** 30 + 1), n: Uint32Array.of(2 ** 31) }).loss).toBe(
    (2 ** 30 + 1) * 2 ** 31,
  )
})
