// Whether each iteration of a loop sets the elements of an array before it reads them, so that it may have an array of its own.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type Loop, letsIn, sameOperand, touchedIn, valueOf } from "../unroll/facts.ts"
import { forEachStatement, operandsOf } from "../walk.ts"
import type { Places } from "./places.ts"

type Branch = Extract<Stmt, { kind: "if" }>
/** A condition that holds, or a loop that one is inside of. */
type Held = Operand | Loop

/** Whether the first statement that touches an array sets its elements, in every iteration or wherever they are read. */
export function fillsFirst(body: readonly Stmt[], buffer: Buffer, places: Places): boolean {
  return new Filling(body, buffer, places).comesFirst(body)
}

class Filling {
  private readonly lets: ReturnType<typeof letsIn>
  private readonly uses = new Map<number, Stmt[]>()
  private readonly buffer: Buffer
  private readonly places: Places

  constructor(body: readonly Stmt[], buffer: Buffer, places: Places) {
    this.lets = letsIn(body)
    this.buffer = buffer
    this.places = places
    forEachStatement(body, (s) => {
      for (const x of operandsOf(s))
        if (x.kind === "value") this.uses.set(x.id, [...(this.uses.get(x.id) ?? []), s])
    })
  }

  comesFirst(body: readonly Stmt[]): boolean {
    const users = body.filter((s) => this.isTouched([s]))
    const [first] = users
    switch (first?.kind) {
      case "store":
        return !first.accumulate
      case "fill":
        return true
      case "sort":
        return first.index === this.buffer && first.keys !== this.buffer
      case "for":
        return this.comesFirst(first.body)
      case "if":
        return (
          this.isOnlyUnder(first, users, []) &&
          [first.then, first.else].every((side) => !this.isTouched(side) || this.comesFirst(side))
        )
      default:
        return false
    }
  }

  /** Whether an array is touched, or what is read from it matters, only in branches that are taken with those of a first one that touch it. */
  private isOnlyUnder(first: Branch, body: readonly Stmt[], holding: readonly Held[]): boolean {
    if (this.isTaken(first, holding)) return true
    return body.every((s) => {
      if (!this.isTouched([s])) return true
      if (s.kind === "for") return this.isOnlyUnder(first, s.body, [...holding, s])
      if (s.kind === "load") return this.isSelected(s.id, first, holding)
      if (s.kind !== "if") return false
      const isElse = sameOperand(s.condition, first.condition) && this.isTouched(first.else)
      const inside = [...holding, ...this.partsOf(s.condition)]
      return this.isOnlyUnder(first, s.then, inside) && (isElse || this.isOnlyUnder(first, s.else, holding))
    })
  }

  /** Whether the branch that touches the array is taken where conditions hold, inside of loops. */
  private isTaken(first: Branch, holding: readonly Held[]): boolean {
    const isHeld = (x: Operand): boolean =>
      holding.some((y) => (y.kind === "for" ? this.places.saysNotEmpty(x, y) : sameOperand(x, y)))
    return this.isTouched(first.then) && this.partsOf(first.condition).every(isHeld)
  }

  /** Whether all that is made of a value is chosen only where that branch is taken. */
  private isSelected(id: number, first: Branch, holding: readonly Held[]): boolean {
    return (this.uses.get(id) ?? []).every((s) => {
      if (s.kind !== "let") return false
      const isIt = (x: Operand): boolean => sameOperand(x, valueOf(id))
      const [condition, then, ...others] = s.args as [Operand, Operand, ...Operand[]]
      const isChosen =
        (s.op === "select" || s.op === "guard") && isIt(then) && ![condition, ...others].some(isIt)
      if (isChosen && this.isTaken(first, [...holding, ...this.partsOf(condition)])) return true
      return this.isSelected(s.id, first, holding)
    })
  }

  /** The conditions that a conjunction says all hold. */
  private partsOf(condition: Operand): Operand[] {
    const made = condition.kind === "value" ? this.lets.get(condition.id) : undefined
    return made?.op === "and" ? made.args.flatMap((x) => this.partsOf(x)) : [condition]
  }

  private readonly isTouched = (body: readonly Stmt[]): boolean => touchedIn(body).has(this.buffer)
}
