// What can be wrong with a call: one entry per code, each with the smallest call that raises it.
import type { CatalogueEntry } from "../diagnostics.ts"

/** A code that a call may raise, and how to raise it. */
export interface RunEntry extends CatalogueEntry {
  /** The source of the loss. */
  readonly example: string
  /** Options of the kernel; none if absent. */
  readonly kernel?: Readonly<Record<string, unknown>>
  /** The arguments, and the options of the call. Without it making the kernel is the fault. */
  readonly call?: () => readonly [inputs: unknown, options?: unknown]
}

const pair = "loss f[b](x: [d], y: [d]) = dot(x, y)"
const labels = "loss f[b](z: [c], y: index c) = -z[c = y]"
const two = (): Float64Array => Float64Array.of(1, 2)
const rows = { data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] }

/** Memory that was transferred away. */
function detached(): Float64Array {
  const array = two()
  structuredClone(array, { transfer: [array.buffer as ArrayBuffer] })
  return array
}

const table = {
  "unknown-argument": {
    about: "The call passes something that the loss does not take.",
    example: "loss f[b](x) = x",
    call: () => [{ x: two(), margn: 1 }],
  },
  "missing-argument": {
    about: "The call leaves out an argument that has no default.",
    example: "loss f[b](x, y) = x * y",
    call: () => [{ x: two() }],
  },
  "input-kind": {
    about: "An argument is not a number, an array of numbers or { data, shape }.",
    example: "loss f[b](x) = x",
    call: () => [{ x: "1" }],
  },
  "bad-size": {
    about: "A size is negative, not whole, not a number, or beyond 2,147,483,647.",
    example: "loss f[b](x) = x",
    call: () => [{ x: { data: two(), shape: [NaN] } }],
  },
  "shape-length": {
    about: "The shape of an argument holds more or fewer elements than its data has.",
    example: "loss f[b](x) = x",
    call: () => [{ x: { data: two(), shape: [3] } }],
  },
  "wrong-rank": {
    about: "An argument came with more or fewer axes than the loss declares.",
    example: "loss f[b](x: [d]) = sum(x)",
    call: () => [{ x: { data: two(), shape: [1, 2, 1] } }],
  },
  "size-mismatch": {
    about: "Two arguments have different sizes for one axis. Arrays are never stretched to fit.",
    example: "loss f[b](x, y) = x * y",
    call: () => [{ x: two(), y: Float64Array.of(1) }],
  },
  "unknown-size": {
    about: "An array came without a shape, and nothing else says how its elements divide into axes.",
    example: pair,
    call: () => [{ x: two(), y: two() }],
  },
  "mixed-batch": {
    about: "Some arguments have the batch axis and some lack it: the call is neither a batch nor one row.",
    example: labels,
    call: () => [{ z: rows, y: 1 }],
  },
  "label-range": {
    about: "A label does not point into its axis.",
    example: labels,
    call: () => [{ z: rows, y: Int32Array.of(0, 2) }],
  },
  "not-integer": {
    about: "An integer argument holds a number that is not whole, or too large to be exact.",
    example: labels,
    call: () => [{ z: rows, y: Float64Array.of(0, 0.5) }],
  },
  "not-bool": {
    about: "A bool argument holds something other than 0, 1, true and false.",
    example: "loss f[b](x, m: bool) = if m then x else 0",
    call: () => [{ x: two(), m: Uint8Array.of(1, 2) }],
  },
  domain: {
    about: "An element of an argument is outside the domain that the loss declares for it.",
    example: "loss f[b](p: real in [0, 1]) = p",
    kernel: { check: true },
    call: () => [{ p: two() }],
  },
  "option-domain": {
    about: "An option is outside its constraint.",
    example: "loss f[b](x; margin: real > 0 = 1) = x * margin",
    call: () => [{ x: two(), margin: 0 }],
  },
  "not-a-choice": {
    about: "An option is none of the words that the loss allows.",
    example: 'loss f[b](x; kind: "plain" | "square" = "plain") = if kind == "square" then x^2 else x',
    kernel: { static: { kind: "cube" } },
  },
  "static-at-call": {
    about: "A call passes an option that is fixed when the kernel is made.",
    example: "loss f[b](x; static p: real = 2) = x^p",
    call: () => [{ x: two(), p: 2 }],
  },
  "not-static": {
    about: "A kernel is made with a static option that the loss does not have.",
    example: "loss f[b](x; margin: real = 1) = x * margin",
    kernel: { static: { margin: 1 } },
  },
  "entry-check": {
    about: "The sizes and options of a call break a condition that the loss relies on.",
    example: "loss f[b](x: [h]; static w: int >= 1 = 4) = let axis y = 0 .. size(h) - w in sum[y](x[h = y])",
    call: () => [{ x: rows }],
  },
  "detached-buffer": {
    about: "The memory of an array was transferred elsewhere.",
    example: "loss f[b](x) = x",
    call: () => [{ x: detached() }],
  },
  destroyed: {
    about: "The memory of the kernel was given back by `destroy`.",
    example: "loss f[b](x) = x",
    kernel: { target: "wasm" },
  },
  "out-of-memory": {
    about:
      "The arrays of a call do not fit into the 4 GiB that WebAssembly can have, or there is no more memory.",
    example: "loss f[b](x) = x",
    kernel: { target: "wasm" },
  },
  "worker-lost": {
    about: "A thread of a kernel with `threads` ended in the middle of its work. Nothing was written.",
    example: "loss f[b](x) = x",
    kernel: { target: "wasm", threads: 2 },
  },
  "device-lost": {
    about: "The GPU device is gone: it was destroyed, reset or taken away.",
    example: "loss f[b](x) = x",
  },
  "device-error": {
    about: "The GPU device refused a shader, a buffer or a command.",
    example: "loss f[b](x) = x",
  },
  "device-limit": {
    about: "A call needs more than the GPU device was made for.",
    example: "loss f[b](x) = x",
  },
  "not-finite": {
    about: "A result or a gradient on the GPU is infinite or not a number, and the kernel was asked to look.",
    example: "loss f[b](x) = x",
  },
  "buffer-type": {
    about: "A buffer for a gradient is not a typed array of the kernel's dtype.",
    example: "loss f[b](x) = x",
    kernel: { grad: ["x"], dtype: "f64" },
    call: () => [{ x: two() }, { grad: { x: new Float32Array(2) } }],
  },
  "buffer-length": {
    about: "A buffer for a gradient has another length than the gradient.",
    example: "loss f[b](x) = x",
    kernel: { grad: ["x"], dtype: "f64" },
    call: () => [{ x: two() }, { grad: { x: new Float64Array(1) } }],
  },
  "buffer-overlap": {
    about: "A buffer for a gradient shares memory with an argument or with another gradient.",
    example: "loss f[b](x) = x",
    kernel: { grad: ["x"], dtype: "f64" },
    call: () => {
      const x = two()
      return [{ x }, { grad: { x } }]
    },
  },
  "unknown-gradient": {
    about: "A gradient is asked for, or a buffer given, by a name that the loss or the kernel does not have.",
    example: "loss f[b](x) = x",
    kernel: { grad: ["y"] },
  },
  "not-differentiable": {
    about: "A gradient is asked for by an integer, a bool or a static option.",
    example: labels,
    kernel: { grad: ["y"] },
  },
  "bad-option": {
    about: "An option of a kernel or of a call has a value that it cannot have.",
    example: "loss f[b](x) = x",
    kernel: { dtype: "f16" },
  },
  "target-unavailable": {
    about: "The target needs something that this platform or this call lacks.",
    example: "loss f[b](x) = x",
    kernel: { target: "wgsl" },
  },
  "unknown-loss": {
    about: "The source has no loss of the name that is asked for, or several and none was asked for.",
    example: "loss f[b](x) = x\nloss g[b](x) = -x",
  },
  "code-generation-forbidden": {
    about:
      "This program may not make functions from text (a content security policy forbids it): use an emitted module, or the target `interpret`.",
    example: "loss f[b](x) = x",
  },
} as const satisfies Readonly<Record<string, RunEntry>>

/** A code that a call may raise. */
export type RunCode = keyof typeof table

/** The catalogue of calls. */
export const runCatalogue: Readonly<Record<RunCode, RunEntry>> = table
