// Kernel + arrays -> results: walks the loops in f64. This is what a kernel means; every emitter is judged by it.
//
// Scratch is filled with NaN before each call and values vanish at the end of their block, so a schedule that reads a buffer
// too early or a value out of its scope is found at once.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import { sorted } from "./sorted.ts"

/** The arguments of one call, each list in the order of the kernel's own. */
export interface LoopArguments {
  readonly inputs: readonly ArrayLike<number>[]
  /** Written in place; their element type rounds what is stored. */
  readonly outputs: readonly (Float32Array | Float64Array)[]
  /** Bools as 0 and 1. */
  readonly scalars: readonly number[]
  readonly sizes: readonly number[]
}

const combine = (op: "set" | "add" | "mul" | "max" | "min", x: number, y: number): number =>
  op === "set"
    ? y
    : op === "add"
      ? x + y
      : op === "mul"
        ? x * y
        : op === "max"
          ? Math.max(x, y)
          : Math.min(x, y)

class Walker {
  private readonly values = new Map<number, number>()
  private readonly arrays = new Map<Buffer, { readonly data: ArrayLike<number>; readonly length: number }>()
  private readonly results: Float64Array
  private readonly kernel: Kernel

  constructor(kernel: Kernel, args: LoopArguments) {
    this.kernel = kernel
    this.results = new Float64Array(kernel.results.length).fill(NaN)
    kernel.scalars.forEach((s, i) => this.define(s.id, args.scalars[i]!))
    for (const { id, value } of kernel.sizes)
      this.define(
        id,
        value.kind === "size"
          ? args.sizes[kernel.sizeNames.indexOf(value.name)]!
          : this.apply(value.op, value.args),
      )
    const bind = (buffer: Buffer, data: ArrayLike<number>): void => {
      this.arrays.set(buffer, { data, length: this.read(buffer.length) })
    }
    kernel.inputs.forEach((b, i) => bind(b, args.inputs[i]!))
    kernel.outputs.forEach((b, i) => bind(b, args.outputs[i]!))
    for (const b of kernel.scratch) bind(b, new Float64Array(this.read(b.length)).fill(NaN))
  }

  run(): Float64Array {
    this.block(this.kernel.body)
    return this.results
  }

  private read(x: Operand): number {
    if (x.kind === "number") return x.value
    const value = this.values.get(x.id)
    if (value === undefined) throw new Error(`value ${x.id} is read where it does not exist`)
    return value
  }

  private define(id: number, value: number): void {
    if (value === undefined) throw new Error(`value ${id} has no value`)
    if (this.values.has(id)) throw new Error(`value ${id} is defined twice`)
    this.values.set(id, value)
  }

  private apply(op: OpName, args: readonly Operand[]): number {
    return (ops[op].eval as (...args: number[]) => number)(...args.map((x) => this.read(x)))
  }

  private place(buffer: Buffer, at: number): number[] {
    const array = this.arrays.get(buffer)
    if (!array) throw new Error(`buffer ${buffer.id} is not declared`)
    if (!Number.isInteger(at) || at < 0 || at >= array.length)
      throw new Error(`element ${at} of buffer ${buffer.id}, which has ${array.length}`)
    return array.data as number[]
  }

  private block(body: readonly Stmt[]): void {
    const defined: number[] = []
    for (const s of body) {
      this.statement(s)
      if (s.kind === "let" || s.kind === "load" || s.kind === "acc") defined.push(s.id)
    }
    for (const id of defined) this.values.delete(id)
  }

  /** Iterations that may run in any order: the last first, each with scratch of its own that nothing has written. */
  private backwards(s: Extract<Stmt, { kind: "for" }>, from: number, to: number, step: number): void {
    for (let i = from + Math.ceil((to - from) / step - 1) * step; i >= from; i -= step) {
      for (const buffer of s.blocks!.own) (this.arrays.get(buffer)!.data as Float64Array).fill(NaN)
      this.define(s.id, i)
      this.block(s.body)
      this.values.delete(s.id)
    }
  }

  private statement(s: Stmt): void {
    switch (s.kind) {
      case "let":
        return this.define(s.id, this.apply(s.op, s.args))
      case "load": {
        const at = this.read(s.at)
        const value = this.place(s.buffer, at)[at]!
        return this.define(s.id, s.type === "bool" ? +(value !== 0) : value)
      }
      case "store": {
        if (s.buffer.kind === "input") throw new Error(`a store into input ${s.buffer.id}`)
        const at = this.read(s.at)
        const data = this.place(s.buffer, at)
        const value = this.read(s.value)
        data[at] = s.accumulate ? data[at]! + value : value
        return
      }
      case "fill": {
        const from = this.read(s.at)
        const to = from + this.read(s.length)
        for (let at = from; at < to; at++) this.place(s.buffer, at)[at] = s.value
        return
      }
      case "sort": {
        const [from, stride, to] = [this.read(s.keysAt), this.read(s.stride), this.read(s.indexAt)]
        const keys = Array.from({ length: this.read(s.length) }, (_, i) => {
          const at = from + i * stride
          return this.place(s.keys, at)[at]!
        })
        sorted(keys).forEach((place, i) => (this.place(s.index, to + i)[to + i] = place))
        return
      }
      case "acc":
        return this.define(s.id, this.read(s.initial))
      case "update": {
        const old = this.read({ kind: "value", id: s.acc })
        this.values.set(s.acc, combine(s.op, old, this.read(s.value)))
        return
      }
      case "for": {
        const to = this.read(s.to)
        const { lanes = 1 } = s
        const step = s.step ? this.read(s.step) : lanes
        if (!(step > 0)) throw new Error(`loop ${s.id} has step ${step}`)
        if (s.blocks) return this.backwards(s, this.read(s.from), to, step)
        let size = s.growing ? this.read(s.growing.first) : step
        for (let i = this.read(s.from); i < to; i += size, size = Math.min(4 * size, step)) {
          if (s.growing) this.define(s.growing.id, size)
          for (let lane = 0; lane < lanes; lane++) {
            this.define(s.id, i + lane)
            this.block(s.body)
            this.values.delete(s.id)
          }
          if (s.growing) this.values.delete(s.growing.id)
        }
        return
      }
      case "if":
        return this.block(this.read(s.condition) !== 0 ? s.then : s.else)
      case "result":
        this.results[this.kernel.results.indexOf(s.name)] = this.read(s.value)
    }
  }
}

/** Runs a kernel by walking its loops; the outputs are written and the scalar results returned in the kernel's order. */
export function interpretLoops(kernel: Kernel, args: LoopArguments): Float64Array {
  return new Walker(kernel, args).run()
}
