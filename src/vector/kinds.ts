// The values of a loop in lanes -> what their vectors hold.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import type { OpName } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { type Loop, letsIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import type { Shape } from "./shapes.ts"

/** What a vector of four lanes holds: `f64` needs two registers, a mask has all bits or none of a lane. */
export type LaneKind = "f32" | "f64" | "i32" | "mask"

/** What is known about a kernel around its loops. */
export interface Surroundings {
  /** How arrays lie in memory. */
  readonly elements: ReadonlyMap<Buffer, "f32" | "f64" | "i32" | "u8">
  /** Int values that are computed in 32 bits. */
  readonly places: ReadonlySet<number>
  /** Whether values of f32 memory are computed with in f64. */
  readonly isWide: boolean
  /** Whether a value outside lanes is an int in 32 bits. */
  readonly isInt: (id: number) => boolean
  readonly typeOf: (id: number) => ScalarType
}

/** Int operators that keep 32 bits if their operands have them. */
export const keepsInt: ReadonlySet<OpName> = new Set(["select", "guard", "min", "max", "stop"])

/** Literals that are lost in f32: too small or too large for it. */
const isLost = (v: number): boolean =>
  v !== 0 && Number.isFinite(v) && (Math.abs(v) < 2 ** -126 || Math.abs(v) > 3.4028234663852886e38)

export const isInt32 = (v: number): boolean => Number.isInteger(v) && Math.abs(v) < 2 ** 31

type KindOf = (x: Operand) => LaneKind | undefined

/** The kinds of the values of a loop that are vectors, and of the accumulators that it updates. */
export function kindsOf(
  loop: Loop,
  shapes: ReadonlyMap<number, Shape>,
  around: Surroundings,
): ReadonlyMap<number, LaneKind> {
  const kinds = new Map<number, LaneKind>()
  // Of a value that is the same in all lanes: i32, or nothing because it takes any kind.
  const of: KindOf = (x) => {
    if (x.kind === "number") return isInt32(x.value) ? "i32" : undefined
    return kinds.get(x.id) ?? (shapes.has(x.id) || around.isInt(x.id) ? "i32" : undefined)
  }
  const isVector = (x: Operand): boolean => x.kind === "value" && shapes.has(x.id)
  const own = new Set<number>()
  /** Accumulators of each iteration that are the same in every lane. */
  const same = new Set<number>()
  const counts = countsIn(loop)
  // Accumulators of the loop are read before all their updates are known.
  let before: string
  do {
    before = JSON.stringify([...kinds])
    forEachStatement(loop.body, (s) => {
      if (s.kind === "load" && shapes.has(s.id)) kinds.set(s.id, loaded(s, around))
      else if (s.kind === "let" && shapes.get(s.id)?.kind === "vector") {
        const isCount = loop.rows !== undefined && s.type === "int" && isNearCount(s, counts)
        kinds.set(s.id, isCount ? "i32" : computed(s, of, isVector, around))
      } else if (s.kind === "acc" && shapes.has(s.id)) {
        own.add(s.id)
        kinds.set(s.id, kinds.get(s.id) ?? initial(s, around))
      } else if (s.kind === "acc") same.add(s.id)
      else if (s.kind === "update" && !same.has(s.acc)) {
        const known = kinds.get(s.acc)
        if (own.has(s.acc) ? known !== "mask" : !known)
          kinds.set(
            s.acc,
            own.has(s.acc) ? raised(known!, of(s.value)) : reduced(s, of(s.value), around, loop),
          )
      }
    })
  } while (JSON.stringify([...kinds]) !== before)
  return kinds
}

/** Accumulators that a row adds 0 and 1 to. */
function countsIn(loop: Loop): ReadonlySet<number> {
  const lets = letsIn(loop.body)
  const out = new Set<number>()
  const others = new Set<number>()
  const isBit = (x: Operand): boolean => x.kind === "number" && (x.value === 0 || x.value === 1)
  forEachStatement(loop.body, (s) => {
    if (s.kind === "acc" && s.type === "int" && isBit(s.initial)) out.add(s.id)
    if (s.kind !== "update") return
    const made = s.value.kind === "value" ? lets.get(s.value.id) : undefined
    const isOne =
      made?.op === "indicator" ||
      ((made?.op === "select" || made?.op === "guard") && made.args.slice(1).every(isBit))
    if (s.op !== "add" || !(isOne || isBit(s.value))) others.add(s.acc)
  })
  return new Set([...out].filter((acc) => !others.has(acc)))
}

/** Whether a value is such a count with a small literal added or subtracted. */
const isNearCount = ({ op, args }: Extract<Stmt, { kind: "let" }>, counts: ReadonlySet<number>): boolean =>
  (op === "add" || op === "sub") &&
  args.some((x) => x.kind === "value" && counts.has(x.id)) &&
  args.every((x) => (x.kind === "value" ? counts.has(x.id) : isInt32(2 * x.value)))

function loaded({ buffer, type }: Extract<Stmt, { kind: "load" }>, around: Surroundings): LaneKind {
  const element = around.elements.get(buffer)!
  if (type === "bool") return "mask"
  if (element === "i32") return type === "int" ? "i32" : "f64"
  return element === "f32" && !around.isWide ? "f32" : "f64"
}

function computed(
  { id, op, args, type }: Extract<Stmt, { kind: "let" }>,
  of: KindOf,
  isVector: (x: Operand) => boolean,
  around: Surroundings,
): LaneKind {
  if (type === "bool") return "mask"
  if (op === "indicator" || around.places.has(id)) return "i32"
  const numbers = op === "select" || op === "guard" ? args.slice(1) : args
  if (type === "int" && keepsInt.has(op) && numbers.every((x) => of(x) === "i32")) return "i32"
  if (numbers.some((x) => x.kind === "number" && isLost(x.value))) return "f64"
  const kinds = numbers.filter(isVector).map(of)
  if (kinds.includes("f64") || around.isWide) return "f64"
  // Ints that are no places are exact in f64 only; what has no vectors to follow is as short as memory.
  return kinds.includes("f32") || (kinds.length === 0 && type === "real") ? "f32" : "f64"
}

function initial({ type, initial: value }: Extract<Stmt, { kind: "acc" }>, around: Surroundings): LaneKind {
  if (type === "bool") return "mask"
  if (type === "int") return "i32"
  return around.isWide || (value.kind === "number" && isLost(value.value)) ? "f64" : "f32"
}

/** The kind of an accumulator of each iteration after an update. */
function raised(own: LaneKind, value: LaneKind | undefined): LaneKind {
  return value === "f64" || (own === "i32" && value !== "i32") ? "f64" : own
}

/** The kind of an accumulator of all iterations. Sums are f64, whatever is added, or counts, but for short loops. */
function reduced(
  { acc, op }: Extract<Stmt, { kind: "update" }>,
  value: LaneKind | undefined,
  around: Surroundings,
  { short }: Loop,
): LaneKind {
  const type = around.typeOf(acc)
  if (type === "bool") return "mask"
  if (type === "int" && value === "i32") return "i32"
  return (op === "max" || op === "min" || (short && op === "add")) && value === "f32" ? "f32" : "f64"
}
