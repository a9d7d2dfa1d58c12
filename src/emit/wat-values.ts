// Values and operators of loops -> expressions of WebAssembly, and the functions that they call.
//
// A value is an i32 where ints that stay below 2^31 and conditions are, and an f64 otherwise.
import { definedFunctions } from "../functions.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { isInt32, keepsInt } from "../vector/kinds.ts"
import { placesIn } from "../walk.ts"
import { Code, Machine, int, watNumber } from "./machine.ts"
import type { Accuracy } from "./math.ts"
import { type Names, nameAll } from "./text.ts"
import { definedFunction } from "./wat-functions.ts"
import { functionText, quotient, remainder } from "./wat-helpers.ts"
import { UNKNOWN, comparisons, direct, elementary } from "./wat-math.ts"

/** The types of values in registers. A condition is an i32. */
export type Register = "f64" | "i32"

/** Reads a local. */
export const get = (name: string): string => `(local.get $${name})`

/** The values of one function, as its text names and computes them. */
export class WatValues {
  readonly host: Set<OpName>
  /** The functions of one operator each, and those that serve them, by name. */
  readonly functions: Map<string, string>
  protected readonly helpers: Map<string, string>
  protected readonly names: Names
  protected readonly registers: Map<number, Register>
  readonly places: ReadonlySet<number>
  protected readonly accuracy: Accuracy
  readonly code = new Code()
  protected readonly machine = new Machine("f64", this.code)
  /** Whether elementary functions over f64 need ten digits only. */
  readonly isFast: boolean

  /** `around` is what functions of the same module share. */
  constructor(kernel: Kernel, accuracy: Accuracy, around?: WatValues) {
    this.accuracy = accuracy
    this.isFast = accuracy === "fast"
    this.names = nameAll(kernel)
    this.places = placesIn(kernel)
    this.host = around?.host ?? new Set()
    this.functions = around?.functions ?? new Map()
    this.helpers = around?.helpers ?? new Map()
    this.registers = new Map(around?.registers)
    if (around) return
    this.names.values.forEach(({ kind, type }, id) => {
      this.registers.set(id, kind === "size" || kind === "index" || type === "bool" ? "i32" : "f64")
    })
  }

  // ------------------------------------------------------------------------------------------ operands

  private registerOf(x: Operand): Register {
    if (x.kind === "number") return isInt32(x.value) && !Object.is(x.value, -0) ? "i32" : "f64"
    return this.registers.get(x.id)!
  }

  isInt(id: number): boolean {
    return this.registers.get(id) === "i32" && this.typeOf(id) === "int"
  }

  typeOf(id: number): ScalarType {
    return this.names.values.get(id)!.type
  }

  nameOf(id: number): string {
    return `$${this.names.values.get(id)!.name}`
  }

  start(buffer: Buffer): string {
    return get(this.names.buffers.get(buffer)!)
  }

  operand(x: Operand, as: Register): string {
    if (x.kind === "number")
      return as === "i32" ? int(Math.trunc(x.value)) : `(f64.const ${watNumber(x.value)})`
    const value = get(this.names.values.get(x.id)!.name)
    const is = this.registers.get(x.id)!
    if (is === as) return value
    return as === "f64" ? `(f64.convert_i32_s ${value})` : `(i32.trunc_sat_f64_s ${value})`
  }

  private isBool(x: Operand): boolean {
    return x.kind === "value" && this.names.values.get(x.id)!.type === "bool"
  }

  // ----------------------------------------------------------------------------------------- operators

  private allInt(args: readonly Operand[]): boolean {
    return args.every((x) => this.registerOf(x) === "i32")
  }

  /** The register of a `let`. */
  private register({ id, op, args, type }: Extract<Stmt, { kind: "let" }>): Register {
    if (type === "bool" || this.places.has(id) || op === "indicator") return "i32"
    const numbers = op === "select" || op === "guard" ? args.slice(1) : args
    return type === "int" && keepsInt.has(op) && this.allInt(numbers) ? "i32" : "f64"
  }

  protected value(s: Extract<Stmt, { kind: "let" }>): string {
    const { op, args, type } = s
    const register = this.register(s)
    this.registers.set(s.id, register)
    switch (op) {
      case "and":
      case "or":
        return `(i32.${op} ${this.operand(args[0]!, "i32")} ${this.operand(args[1]!, "i32")})`
      case "not":
        return `(i32.eqz ${this.operand(args[0]!, "i32")})`
      case "indicator":
        return this.operand(args[0]!, "i32")
      case "select":
      case "guard": {
        const no: Operand = args[2] ?? { kind: "number", value: 0 }
        return `(select ${this.operand(args[1]!, register)} ${this.operand(no, register)} ${this.operand(args[0]!, "i32")})`
      }
      case "eq":
      case "ne":
      case "lt":
      case "le":
        return this.comparison(op, args)
    }
    if (register === "i32" && type === "int") return this.place(op, args)
    return this.number(op, args, type === "bool")
  }

  private comparison(op: "eq" | "ne" | "lt" | "le", args: readonly Operand[]): string {
    if (this.allInt(args) || args.some((x) => this.isBool(x))) {
      const signed = op === "lt" || op === "le" ? `${op}_s` : op
      return `(i32.${signed} ${args.map((x) => this.operand(x, "i32")).join(" ")})`
    }
    const [x, y] = args.map((a) => this.operand(a, "f64")) as [string, string]
    return comparisons[op]!(this.machine, x, y)
  }

  /** An int in 32 bits. */
  private place(op: OpName, args: readonly Operand[]): string {
    const list = args.map((a) => this.operand(a, "i32"))
    const [x, y] = list as [string, string]
    if (op === "add" || op === "sub" || op === "mul") return `(i32.${op} ${x} ${y})`
    if (op === "stop") return x
    if (op === "max" || op === "min") {
      const [a, b] = [this.code.let("i32", x), this.code.let("i32", y)]
      return `(select ${a} ${b} (i32.${op === "max" ? "gt_s" : "lt_s"} ${a} ${b}))`
    }
    const right = args[1]!
    const power = right.kind === "number" && right.value > 0 ? Math.log2(right.value) : NaN
    if (Number.isInteger(power))
      return op === "mod" ? `(i32.and ${x} ${int(2 ** power - 1)})` : `(i32.shr_s ${x} ${int(power)})`
    this.helpers.set(op, op === "mod" ? remainder : quotient)
    return `(call $int_${op} ${x} ${y})`
  }

  /** A number, or a condition of operators that only the host has. */
  private number(op: OpName, args: readonly Operand[], isBool: boolean): string {
    const list = args.map((a) => this.operand(a, "f64"))
    const write = direct[op]
    if (write) return write(this.machine, ...list.map((x) => this.machine.let(x)))
    const call = `(call ${this.functionOf(op)} ${list.join(" ")})`
    return isBool ? `(f64.ne ${call} (f64.const 0))` : call
  }

  /** The name of the function of an operator, or of one that serves the special functions. */
  functionOf(name: string): string {
    const op = name as OpName
    const entry = Object.hasOwn(ops, name) ? ops[op] : undefined
    const isDefined = !entry || entry.isDefined
    const write = this.accuracy === "engine" ? undefined : elementary[op]
    if (!write && !isDefined) this.host.add(op)
    else if (!this.functions.has(name)) {
      this.functions.set(name, "")
      const code = new Code()
      const params =
        entry?.params ??
        definedFunctions()
          .get(name)!
          .arguments.map((a) => a.name.name)
      const args = params.map((_, i) => get(`x${i}`))
      const m = new Machine("f64", code, { isFast: this.isFast })
      code.add(
        write ? write(m, args, UNKNOWN) : definedFunction(m, name, args, (called) => this.functionOf(called)),
      )
      this.functions.set(
        name,
        functionText(
          `$${name}`,
          params.map((_, i) => [`$x${i}`, "f64"]),
          ["f64"],
          code,
        ),
      )
    }
    return `$${name}`
  }
}
