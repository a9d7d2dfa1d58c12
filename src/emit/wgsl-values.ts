// Operands and array elements of the loops -> WGSL expressions.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import type { Names, Value } from "./text.ts"
import { wgslOperation } from "./wgsl-math.ts"
import { wgslNumber } from "./wgsl-numbers.ts"

/** The WGSL type of each scalar type. */
export const wgslTypes: Readonly<Record<ScalarType, "f32" | "i32" | "bool">> = {
  real: "f32",
  int: "i32",
  bool: "bool",
}

/** Where an array is for the shader: a variable with elements of its own type, or vectors of four, or words of the arena from a base on. */
export type Place =
  | { readonly kind: "variable" | "vectors"; readonly name: string; readonly element: "f32" | "i32" | "u32" }
  | { readonly kind: "arena"; readonly base: string; readonly element: "f32" | "i32" | "u32" }

/** Where the arrays of an entry point are, and how it reads and writes them. */
export interface Memory {
  readonly place: (buffer: Buffer) => Place
  /** Loads or stores of neighbours, by the first of them. */
  readonly neighbours: ReadonlyMap<Stmt, readonly Stmt[]>
  /** What is set in vectors. */
  readonly fills: ReadonlySet<Stmt>
}

/** Writes the values of one kernel. */
export class WgslValues {
  private readonly names: Names
  /** Names of accumulators that stand for others for a while: the part of one thread. */
  private readonly renamed = new Map<number, string>()
  /** The functions that the expressions call. */
  readonly uses = new Set<string>()

  constructor(names: Names) {
    this.names = names
  }

  /** What a number stands for. Indices have names of their own: `i32` is a type. */
  value(id: number): Value {
    const value = this.names.values.get(id)!
    return value.kind === "index" ? { ...value, name: `k${id}` } : value
  }

  typeOf(x: Operand): ScalarType {
    if (x.kind === "value") return this.value(x.id).type
    return Number.isInteger(x.value) ? "int" : "real"
  }

  /** The name of a value where it is defined, or of a uniform where it comes from the host. */
  name(id: number): string {
    const { name, kind, type } = this.value(id)
    if (kind !== "size" && kind !== "scalar") return this.renamed.get(id) ?? name
    return type === "bool" ? `(u.${name} != 0)` : `u.${name}`
  }

  /** An operand as a value of a type. */
  operand(x: Operand, type: ScalarType): string {
    if (x.kind === "number") return wgslNumber(x.value, type)
    return this.converted(this.name(x.id), this.value(x.id).type, type)
  }

  converted(text: string, from: ScalarType, to: ScalarType): string {
    if (from === to) return text
    if (to === "real") return from === "int" ? `f32(${text})` : `select(0.0f, 1.0f, ${text})`
    if (to === "int") return from === "real" ? `i32(${text})` : `select(0, 1, ${text})`
    return from === "real" ? `(${text} != 0.0f)` : `(${text} != 0)`
  }

  /** The value of an operator. */
  operation(op: OpName, args: readonly Operand[], type: ScalarType): string {
    const types = argumentTypes(op, args, type, (x) => this.typeOf(x))
    const texts = args.map((x, i) => (x.kind === "number" ? this.operand(x, types[i]!) : this.name(x.id)))
    const { expression, uses } = wgslOperation(op, texts, types, type)
    for (const name of uses) this.uses.add(name)
    return expression
  }

  /** The element of an array as a value of a type. */
  load(place: Place, at: string, type: ScalarType): string {
    const { element } = place
    const word =
      place.kind !== "arena"
        ? elementAt(place, at)
        : element === "u32"
          ? `arena[${place.base} + ${at}]`
          : `bitcast<${element}>(arena[${place.base} + ${at}])`
    return this.loaded(place, word, type)
  }

  /** What an element holds as a value of a type. */
  loaded({ element }: Place, word: string, type: ScalarType): string {
    // A bool is a word that is not 0.
    return element === "u32"
      ? `(${word} != 0u)`
      : this.converted(word, element === "f32" ? "real" : "int", type)
  }

  /** `array[at] = value`. */
  store(place: Place, at: string, value: Operand, type: ScalarType = this.typeOf(value)): string {
    return this.write(place, at, this.operand(value, place.element === "f32" ? "real" : type))
  }

  /** Writes the text of a value of the element's type. */
  write(place: Place, at: string, text: string): string {
    return place.kind !== "arena"
      ? `${elementAt(place, at)} = ${text};`
      : `arena[${place.base} + ${at}] = bitcast<u32>(${text});`
  }

  /** Runs `inside` while an accumulator has another name. */
  rename<T>(names: ReadonlyMap<number, string>, inside: () => T): T {
    const before = new Map([...names.keys()].map((id) => [id, this.renamed.get(id)]))
    for (const [id, name] of names) this.renamed.set(id, name)
    const result = inside()
    for (const [id, name] of before)
      if (name === undefined) this.renamed.delete(id)
      else this.renamed.set(id, name)
    return result
  }
}

/** An element of an array that is bound. */
const elementAt = ({ kind, name }: Exclude<Place, { kind: "arena" }>, at: string): string =>
  kind === "vectors" ? `${vectorAt(name, at)}[${at} & 3]` : `${name}[${at}]`

/** The vector of four elements in which one stands. */
export const vectorAt = (name: string, at: string): string => `${name}[${at} >> 2u]`

/** The types of the arguments of an operator; literals take the type that fits the others. */
function argumentTypes(
  op: OpName,
  args: readonly Operand[],
  type: ScalarType,
  typeOf: (x: Operand) => ScalarType,
): ScalarType[] {
  const { takes } = ops[op]
  const known = args.filter((x, i) => x.kind === "value" && !(takes[i] === "bool")).map(typeOf)
  const isReal =
    type === "real" || known.includes("real") || args.some((x) => x.kind === "number" && !isWhole(x.value))
  return args.map((x, i) => {
    if (x.kind === "value") return typeOf(x)
    if (takes[i] === "bool") return "bool"
    if (takes[i] === "int") return "int"
    if (isReal) return "real"
    return known.includes("bool") || (known.length === 0 && type === "bool") ? "bool" : "int"
  })
}

const isWhole = (v: number): boolean => Number.isInteger(v)

/** `acc = acc op value`. */
export function updated(
  name: string,
  op: Extract<Stmt, { kind: "update" }>["op"],
  value: string,
  type: ScalarType,
): string {
  if (op === "set") return `${name} = ${value};`
  if (type === "bool") return `${name} = ${name} ${op === "max" || op === "add" ? "||" : "&&"} ${value};`
  if (op === "add" || op === "mul") return `${name} ${op === "add" ? "+=" : "*="} ${value};`
  return `${name} = ${op}(${name}, ${value});`
}

/** What combining starts from. */
export function identity(op: "add" | "mul" | "max" | "min", type: ScalarType): string {
  if (type === "bool") return op === "max" || op === "add" ? "false" : "true"
  const value = { add: 0, mul: 1, max: -Infinity, min: Infinity }[op]
  return wgslNumber(value, type)
}

/** The WGSL element of an array of the kernel. */
export const elementOf = ({ element }: Buffer): "f32" | "i32" | "u32" =>
  element === "int" ? "i32" : element === "bool" ? "u32" : "f32"
