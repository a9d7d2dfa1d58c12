// Values and operators of loops -> expressions of JavaScript, and the statements that they need ahead of them.
import type { Kernel, Operand, Stmt } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { placesIn } from "../walk.ts"
import { SpecialFunctions } from "./functions.ts"
import { numberText } from "./inline.ts"
import { type Accuracy, Elementary, composed } from "./math.ts"
import { Picks } from "./picks.ts"
import { Ranges } from "./values.ts"
import { type Lines, type Names, nameAll } from "./text.ts"

/** The template of an operator: texts, and between them the places of the parameters. */
interface Template {
  readonly texts: readonly string[]
  readonly places: readonly number[]
  /** Functions of `Math` that it calls. */
  readonly functions: readonly string[]
  /** Whether no operand can be a bool. */
  readonly isNumeric: boolean
}

/** Operators whose values depend on signs or order. */
const picking: ReadonlySet<OpName> = new Set<OpName>(["relu", "max", "min", "and", "or", "select", "guard"])

const templates = new Map<OpName, Template>()

function templateOf(op: OpName): Template {
  let known = templates.get(op)
  if (!known) {
    const { js, params, takes } = ops[op]
    const functions: string[] = []
    const text = js.replace(
      /Math\.([a-z0-9]+)/g,
      (_, f: string) => `Math_${functions[functions.push(f) - 1]}`,
    )
    const parts = text.split(/\$([a-z]+)/)
    known = {
      texts: parts.filter((_, i) => i % 2 === 0),
      places: parts.filter((_, i) => i % 2 === 1).map((p) => params.indexOf(p)),
      functions,
      isNumeric: takes.every((type) => type !== "bool" && type !== "any"),
    }
    templates.set(op, known)
  }
  return known
}

/** The values of one kernel, as its text names and computes them. */
export class JsValues {
  readonly names: Names
  /** Values that may be computed in 32 bits, by number. */
  readonly places: ReadonlySet<number>
  /** The functions of `Math` that are called. */
  readonly mathFunctions = new Set<string>()
  readonly elementary: Elementary
  readonly special = new SpecialFunctions(this.mathFunctions)
  private readonly ranges = new Ranges()
  /** Conditions that random numbers fulfil at random. */
  private readonly uncertain = new Set<number>()
  /**
   * The reals that the innermost loop makes of inputs anew in each iteration. What comes from accumulators and scratch may be
   * the largest number yet, which seldom changes, or a step of a recurrence, which would wait for memory.
   */
  private changing = new Set<number>()
  /** What values are the negative of. */
  private readonly negatives = new Map<number, Operand>()
  readonly picks: Picks

  constructor(kernel: Kernel, accuracy: Accuracy) {
    this.elementary = new Elementary(accuracy, this.mathFunctions)
    this.picks = new Picks((length) => this.elementary.room(length))
    this.names = nameAll(kernel)
    this.places = placesIn(kernel)
  }

  /** Says that a block begins or ends: what is in memory may be that of another iteration, or of none. */
  atBorder(): void {
    this.picks.atBorder()
  }

  /** Says that an accumulator changes. */
  atUpdate(acc: number): void {
    this.picks.atUpdate(this.names.values.get(acc)!.name)
  }

  typeOf(x: Operand): ScalarType {
    if (x.kind === "number") return Number.isInteger(x.value) ? "int" : "real"
    return this.names.values.get(x.id)!.type
  }

  operand(x: Operand, as?: ScalarType): string {
    if (x.kind === "value") return this.names.values.get(x.id)!.name
    if (as === "bool") return x.value !== 0 ? "true" : "false"
    return numberText(x.value)
  }

  /** The type in which each operand of an operator must be written: decides how literals look. */
  private operandTypes(op: OpName, args: readonly Operand[], result: ScalarType): (ScalarType | undefined)[] {
    const takes = ops[op].takes
    const anyBool = args.some((x, i) => takes[i] === "any" && x.kind === "value" && this.typeOf(x) === "bool")
    return args.map((_, i) => {
      if (takes[i] === "bool") return "bool"
      if (takes[i] === "any" && (op === "select" ? result === "bool" : anyBool)) return "bool"
      return undefined
    })
  }

  /** An int that is a place in an array, in the engine's 32-bit operations. */
  private place(op: OpName, args: readonly Operand[]): string | undefined {
    const x = this.operand(args[0]!)
    const right = args[1]!
    if (op === "mod" || op === "idiv") {
      const power = right.kind === "number" && right.value > 0 ? Math.log2(right.value) : NaN
      if (!Number.isInteger(power)) return undefined
      return op === "mod" ? `${x} & ${2 ** power - 1}` : `${x} >> ${power}`
    }
    if (op === "add") return `(${x} + ${this.operand(right)}) | 0`
    if (op === "sub") return `(${x} - ${this.operand(right)}) | 0`
    if (op !== "mul") return undefined
    this.mathFunctions.add("imul")
    return `Math_imul(${x}, ${this.operand(right)})`
  }

  expression(op: OpName, args: readonly Operand[], type: ScalarType): string {
    if (ops[op].isDefined) this.special.need(op)
    const { functions, texts, places, isNumeric } = templateOf(op)
    const as = isNumeric ? undefined : this.operandTypes(op, args, type)
    for (const f of functions) this.mathFunctions.add(f)
    let out = texts[0]!
    for (let i = 0; i < places.length; i++) {
      const at = places[i]!
      out += this.operand(args[at]!, as?.[at]) + texts[i + 1]!
    }
    return out
  }

  /** The expression of a `let`, after the statements it needs. */
  value(lines: Lines, s: Extract<Stmt, { kind: "let" }>): string {
    const { id, op, args, type } = s
    this.ranges.define(s)
    if (this.isUncertain(op, args)) this.uncertain.add(id)
    if (type === "real" && this.comeFromInputs(args)) this.changing.add(id)
    // An accumulator may have changed since.
    if (op === "neg" && args[0]!.kind === "value" && this.names.values.get(args[0]!.id)!.kind !== "acc")
      this.negatives.set(id, args[0]!)
    return (
      this.pick(lines, op, args, type) ||
      (this.places.has(id) && this.place(op, args)) ||
      (composed.has(op) &&
        this.elementary.write(
          lines,
          op,
          args.map((x) => this.operand(x)),
          args.map((x) => this.ranges.of(x)),
        )) ||
      this.expression(op, args, type)
    )
  }

  /** The statements of a loop. */
  loop(inside: () => void): void {
    const before = this.changing
    this.changing = new Set()
    inside()
    this.changing = before
  }

  /** Says that a real of an input is loaded. */
  atLoad(id: number): void {
    this.changing.add(id)
  }

  private comeFromInputs(args: readonly Operand[]): boolean {
    const of = args.filter((x) => x.kind === "value" && this.names.values.get(x.id)!.type === "real")
    return of.length > 0 && this.areChanging(of)
  }

  private isUncertain(op: OpName, args: readonly Operand[]): boolean {
    if (op === "and" || op === "or") return args.every((x) => x.kind === "value" && this.uncertain.has(x.id))
    if (op !== "lt" && op !== "le") return false
    return args.some((x) => x.kind === "number" && x.value === 0) || this.areChanging(args)
  }

  private areChanging(args: readonly Operand[]): boolean {
    return args.every((x) => x.kind === "value" && this.changing.has(x.id))
  }

  /** A value that depends on the signs or the order of numbers. */
  private pick(lines: Lines, op: OpName, args: readonly Operand[], type: ScalarType): string | undefined {
    if (!this.elementary.inPlace || !picking.has(op)) return undefined
    const write = (line: string): void => lines.add(line)
    const [first, yes, no = { kind: "number", value: 0 }] = args
    if (op === "relu") {
      this.mathFunctions.add("abs")
      const negative = first!.kind === "value" ? this.negatives.get(first!.id) : undefined
      return this.picks.relu(write, this.operand(negative ?? first!), negative !== undefined)
    }
    if ((op === "max" || op === "min") && this.areChanging(args))
      return this.picks.extreme(write, op, this.operand(first!), this.operand(yes!))
    // The engine would write a branch.
    if ((op === "and" || op === "or") && this.isUncertain(op, args))
      return `((${this.operand(first!)} | 0) ${op === "and" ? "&" : "|"} (${this.operand(yes!)} | 0)) === 1`
    if ((op !== "select" && op !== "guard") || type === "bool") return undefined
    if (first!.kind !== "value" || !this.uncertain.has(first!.id)) return undefined
    const [condition, one, other] = [first!, yes!, no].map((x) => this.operand(x)) as [string, string, string]
    return this.picks.either(write, condition, one, other)
  }
}
