// Kernel -> complaints: checks that loops are well formed before anything is made of them.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"

type Kind = "value" | "acc"

class Checker {
  readonly complaints: string[] = []
  private readonly kernel: Kernel
  private readonly known = new Map<number, { readonly type: ScalarType; readonly kind: Kind }>()
  private readonly everDefined = new Set<number>()
  private readonly buffers = new Set<Buffer>()
  private readonly written = new Set<Buffer>()

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  kernelItself(): void {
    const { inputs, outputs, scratch, scalars, sizes, sizeNames, body, results } = this.kernel
    for (const s of scalars) this.define(s.id, s.input.type, "value")
    for (const { id, value } of sizes) {
      if (value.kind === "size") {
        if (!sizeNames.includes(value.name)) this.complain(`size ${value.name} is not passed`)
        this.define(id, "int", "value")
      } else this.apply(id, value.op, value.args, "int")
    }
    const groups = [
      ["input", inputs],
      ["output", outputs],
      ["scratch", scratch],
    ] as const
    for (const [kind, list] of groups)
      for (const b of list) {
        if (b.kind !== kind) this.complain(`buffer ${b.id} of kind ${b.kind} is listed as ${kind}`)
        const holds = kind === "scratch" ? ["f64", "int"] : kind === "output" ? ["f32", "f64"] : [b.element]
        if (!holds.includes(b.element)) this.complain(`buffer ${b.id} of kind ${kind} holds ${b.element}`)
        if (this.buffers.has(b)) this.complain(`buffer ${b.id} is listed twice`)
        this.need(b.length, "int", `the length of buffer ${b.id}`)
        this.buffers.add(b)
      }
    if (new Set(results).size !== results.length) this.complain("a result is listed twice")
    this.block(body)
  }

  private complain(text: string): void {
    this.complaints.push(text)
  }

  private define(id: number, type: ScalarType, kind: Kind): void {
    if (this.everDefined.has(id)) this.complain(`value ${id} is defined twice`)
    this.everDefined.add(id)
    this.known.set(id, { type, kind })
  }

  /** The types an operand may have: a literal can be several. */
  private types(x: Operand, where: string): readonly ScalarType[] {
    if (x.kind === "value") {
      const known = this.known.get(x.id)
      if (known) return [known.type]
      this.complain(`${where} reads value ${x.id}, which is not visible there`)
      return ["real", "int", "bool"]
    }
    if (x.value === 0 || x.value === 1) return ["int", "real", "bool"]
    return Number.isInteger(x.value) ? ["int", "real"] : ["real"]
  }

  /** An int may stand where a real is wanted. */
  private need(x: Operand, type: ScalarType, where: string): void {
    const types = this.types(x, where)
    if (!types.includes(type) && !(type === "real" && types.includes("int")))
      this.complain(`${where} should be ${type}, not ${types[0]}`)
  }

  private apply(id: number, op: keyof typeof ops, args: readonly Operand[], type: ScalarType): void {
    const where = `${op} of value ${id}`
    const entry = ops[op]
    if (args.length !== entry.params.length) this.complain(`${where} has ${args.length} arguments`)
    const types = args.map((x, i) => {
      const possible = this.types(x, where)
      const takes = entry.takes[i]
      if (
        takes === "bool"
          ? !possible.includes("bool")
          : takes === "number" && possible.every((t) => t === "bool")
      )
        this.complain(`${where}: argument ${entry.params[i]} should be ${takes}, not ${possible[0]}`)
      if (takes === "int" && !possible.includes("int"))
        this.complain(`${where}: argument ${entry.params[i]} should be int, not ${possible[0]}`)
      if (x.kind === "number" && type === "bool" && takes === "any" && possible.includes("bool"))
        return "bool" as const
      return possible[0]!
    })
    const made = entry.type(types)
    if (made !== type && !(made === "int" && type === "real") && made !== undefined)
      if (!(op === "select" && type === "bool")) this.complain(`${where} is ${made} but declared ${type}`)
    this.define(id, type, "value")
  }

  private array(buffer: Buffer, at: Operand, where: string): void {
    if (!this.buffers.has(buffer)) this.complain(`${where}: buffer ${buffer.id} is not declared`)
    this.need(at, "int", `${where}: the index of buffer ${buffer.id}`)
  }

  private block(body: readonly Stmt[]): void {
    const before = new Map(this.known)
    for (const s of body) this.statement(s)
    for (const id of this.known.keys()) if (!before.has(id)) this.known.delete(id)
  }

  private statement(s: Stmt): void {
    switch (s.kind) {
      case "let":
        return this.apply(s.id, s.op, s.args, s.type)
      case "load": {
        this.array(s.buffer, s.at, `load of value ${s.id}`)
        if (s.buffer.kind === "scratch" && !this.written.has(s.buffer))
          this.complain(`value ${s.id} is loaded from scratch ${s.buffer.id}, which nothing has written`)
        const holds = s.buffer.element === "f32" || s.buffer.element === "f64" ? "real" : s.buffer.element
        if (holds !== s.type && !(s.buffer.kind === "scratch"))
          this.complain(`value ${s.id} of type ${s.type} is loaded from ${s.buffer.element}`)
        return this.define(s.id, s.type, "value")
      }
      case "store":
        this.array(s.buffer, s.at, "store")
        this.written.add(s.buffer)
        if (s.buffer.kind === "input") this.complain(`a store into input ${s.buffer.id}`)
        this.types(s.value, `a store into buffer ${s.buffer.id}`)
        return
      case "fill":
        this.array(s.buffer, s.at, "fill")
        this.written.add(s.buffer)
        if (s.buffer.kind === "input") this.complain(`a fill of input ${s.buffer.id}`)
        return this.need(s.length, "int", `the length of a fill of buffer ${s.buffer.id}`)
      case "sort":
        this.array(s.keys, s.keysAt, "sort")
        this.array(s.index, s.indexAt, "sort")
        this.written.add(s.index)
        if (s.index.kind !== "scratch" || s.index.element !== "int")
          this.complain(`a sort into buffer ${s.index.id}, which is no scratch of ints`)
        this.need(s.stride, "int", `the stride of a sort by buffer ${s.keys.id}`)
        return this.need(s.length, "int", `the length of a sort by buffer ${s.keys.id}`)
      case "acc":
        this.need(s.initial, s.type, `the initial value of ${s.id}`)
        return this.define(s.id, s.type, "acc")
      case "update": {
        const acc = this.known.get(s.acc)
        if (acc?.kind !== "acc")
          return this.complain(`an update of ${s.acc}, which is no accumulator in scope`)
        return this.need(s.value, acc.type, `an update of ${s.acc}`)
      }
      case "for":
        this.need(s.from, "int", `the start of loop ${s.id}`)
        this.need(s.to, "int", `the end of loop ${s.id}`)
        if (s.step) this.need(s.step, "int", `the step of loop ${s.id}`)
        this.define(s.id, "int", "value")
        if (s.growing) {
          this.need(s.growing.first, "int", `the first chunk of loop ${s.id}`)
          this.define(s.growing.id, "int", "value")
        }
        this.block(s.body)
        this.known.delete(s.id)
        if (s.growing) this.known.delete(s.growing.id)
        return
      case "if":
        this.need(s.condition, "bool", "a condition")
        this.block(s.then)
        return this.block(s.else)
      case "result":
        if (!this.kernel.results.includes(s.name)) this.complain(`result ${s.name} is not listed`)
        this.types(s.value, `result ${s.name}`)
    }
  }
}

/**
 * What is wrong with a kernel: values defined twice, used before they exist or out of scope, buffers and accumulators that
 * are not declared, scratch that is read before any of it is written, types that do not fit. Empty for a sound kernel.
 */
export function verify(kernel: Kernel): readonly string[] {
  const checker = new Checker(kernel)
  checker.kernelItself()
  return checker.complaints
}
