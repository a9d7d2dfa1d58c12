// Loops -> text: one statement a line, as `explain` shows them and tests compare them.
import type { Buffer, Kernel, Operand, Stmt } from "./loops.ts"
import type { Interval, OpName } from "./ops.ts"

const infix: Partial<Record<OpName, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  and: "and",
  or: "or",
}
const updates = { set: "=", add: "+=", mul: "*=", max: "max=", min: "min=" } as const

/** A kernel as text. */
export function printKernel(kernel: Kernel): string {
  const printer = new Printer(kernel)
  return [...printer.head(), ...printer.block(kernel.body, "")].join("\n")
}

class Printer {
  private readonly kernel: Kernel
  private readonly names = new Map<number, string>()
  private count = 0

  constructor(kernel: Kernel) {
    this.kernel = kernel
    for (const b of kernel.inputs) this.names.set(b.id, b.input!.name)
    for (const b of kernel.outputs) this.names.set(b.id, b.name === "loss" ? "loss" : `d_${b.name}`)
    kernel.scratch.forEach((b, i) => this.names.set(b.id, `row${i}`))
    for (const s of kernel.scalars) this.names.set(s.id, s.input.name)
  }

  head(): string[] {
    const sizes = this.kernel.sizes.map(({ id, value }) => {
      const text = value.kind === "size" ? `size(${value.name})` : this.apply(value.op, value.args)
      this.names.set(id, value.kind === "size" ? `n_${value.name}` : this.fresh())
      return `${this.names.get(id)} = ${text}`
    })
    return [
      ...sizes,
      ...this.kernel.scratch.map((b) => `${this.name(b.id)}: ${b.element}[${this.operand(b.length)}]`),
    ]
  }

  block(list: readonly Stmt[], indent: string): string[] {
    return list.flatMap((s) => this.statement(s).map((line) => indent + line))
  }

  private fresh(): string {
    return `t${this.count++}`
  }

  /** A name for an index: that of its axis, primed where it is taken. */
  private unused(name: string): string {
    const taken = new Set(this.names.values())
    while (taken.has(name)) name += "'"
    return name
  }

  private name(id: number): string {
    let name = this.names.get(id)
    if (!name) this.names.set(id, (name = this.fresh()))
    return name
  }

  private operand(x: Operand): string {
    return x.kind === "number" ? String(x.value) : this.name(x.id)
  }

  private element(buffer: Buffer, at: Operand): string {
    return `${this.name(buffer.id)}[${this.operand(at)}]`
  }

  private apply(op: OpName, args: readonly Operand[]): string {
    const list = args.map((x) => this.operand(x))
    const symbol = infix[op]
    if (symbol) return list.join(` ${symbol} `)
    if (op === "select") return `if ${list[0]} then ${list[1]} else ${list[2]}`
    if (op === "guard") return `if ${list[0]} then ${list[1]} else 0`
    return `${op}(${list.join(", ")})`
  }

  private statement(s: Stmt): string[] {
    switch (s.kind) {
      case "let":
        return [`${this.name(s.id)} = ${this.apply(s.op, s.args)}${s.range ? known(s.range) : ""}`]
      case "load":
        return [`${this.name(s.id)} = ${this.element(s.buffer, s.at)}`]
      case "store":
        return [`${this.element(s.buffer, s.at)} ${s.accumulate ? "+=" : "="} ${this.operand(s.value)}`]
      case "fill":
        return [`fill ${this.element(s.buffer, s.at)} .. ${this.operand(s.length)} with ${s.value}`]
      case "sort": {
        const [index, keys] = [this.element(s.index, s.indexAt), this.element(s.keys, s.keysAt)]
        const stride = this.operand(s.stride)
        const every = stride === "1" ? "" : ` every ${stride}`
        return [`sort ${index} .. ${this.operand(s.length)} by ${keys}${every}`]
      }
      case "acc":
        return [`var ${this.name(s.id)} = ${this.operand(s.initial)}`]
      case "update":
        return [`${this.name(s.acc)} ${updates[s.op]} ${this.operand(s.value)}`]
      case "for": {
        const name = this.unused(s.axis)
        this.names.set(s.id, name)
        return [
          `for ${name} from ${this.operand(s.from)} to ${this.operand(s.to)}`,
          ...this.block(s.body, "  "),
        ]
      }
      case "if": {
        const lines = [`if ${this.operand(s.condition)}`, ...this.block(s.then, "  ")]
        return s.else.length === 0 ? lines : [...lines, "else", ...this.block(s.else, "  ")]
      }
      case "result":
        return [`${s.name}: ${this.operand(s.value)}`]
    }
  }
}

/** What is known of a value, behind the statement that makes it. */
const known = ([low, high]: Interval): string =>
  `  (${[low > -Infinity ? [`at least ${low}`] : [], high < Infinity ? [`at most ${high}`] : []].flat().join(", ")})`
