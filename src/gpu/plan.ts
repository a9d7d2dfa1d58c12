// Loops -> steps that a GPU runs one after another: loops whose rows run at once, and what stands between them.
//
// Values outside these loops are computed where they are read, in every step anew, for they are few and cheap. What has state
// is handed on: accumulators, and numbers that a step loads from scratch.
import type { Kernel, Operand, Stmt } from "../loops.ts"
import { type Loop, definedIn, readIn, updatedIn } from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import { operandsOf } from "../walk.ts"
import { marked } from "./apart.ts"
import { collapsed } from "./collapse.ts"
import { distributed } from "./distribute.ts"

/** How values of one accumulator are combined. */
export type Combination = "add" | "mul" | "max" | "min"

/** A condition of an `if` around a step, and the branch in which the step stands. */
export interface Guard {
  readonly condition: Operand
  readonly holds: boolean
}

/** Statements under conditions that one workgroup runs. */
export interface Segment {
  readonly guards: readonly Guard[]
  readonly body: readonly Stmt[]
}

/** A loop whose rows run at once, and the accumulators outside that they share. */
export interface Rows {
  readonly kind: "rows"
  readonly guards: readonly Guard[]
  readonly loop: Loop
  readonly combined: ReadonlyMap<number, Combination>
}

/** What one workgroup does after a loop over rows: it combines their partial results and runs what comes next. */
export interface Between {
  readonly kind: "between"
  /** The step before it. */
  readonly rows?: Rows
  readonly segments: readonly Segment[]
}

export type Step = Rows | Between

/** The statements outside the steps that define a value which any step may compute for itself. */
export type Pure = Extract<Stmt, { kind: "let" | "load" }>
export type Acc = Extract<Stmt, { kind: "acc" }>

/** A kernel as steps. */
export interface Plan {
  readonly steps: readonly Step[]
  readonly pure: ReadonlyMap<number, Pure>
  /** The accumulators outside loops. */
  readonly accs: ReadonlyMap<number, Acc>
}

/** A kernel with its loops as a GPU runs them: the program is made of it. */
export const arranged = (kernel: Kernel): Kernel => collapsed(distributed(marked(kernel)))

/** Plans a kernel that is arranged. */
export function planOf(kernel: Kernel): Plan {
  const planning = new Planning()
  // Results wait for nothing but their values, so they all come last.
  const { body } = kernel
  planning.block([...body.filter((s) => s.kind !== "result"), ...body.filter((s) => s.kind === "result")], [])
  planning.end()
  return planning
}

class Planning implements Plan {
  readonly steps: Step[] = []
  readonly pure = new Map<number, Pure>()
  readonly accs = new Map<number, Acc>()
  private rows: Rows | undefined
  private segments: { readonly guards: readonly Guard[]; readonly body: Stmt[] }[] = []

  block(body: readonly Stmt[], guards: readonly Guard[]): void {
    for (const s of body) {
      if (s.kind === "let" || (s.kind === "load" && s.buffer.kind === "input")) this.pure.set(s.id, s)
      else if (s.kind === "acc") this.accs.set(s.id, s)
      else if (s.kind === "for" && s.apart) this.loop(s, guards)
      else if (s.kind === "if" && hasRows(s)) {
        this.block(s.then, [...guards, { condition: s.condition, holds: true }])
        this.block(s.else, [...guards, { condition: s.condition, holds: false }])
      } else this.serial(s, guards)
    }
  }

  /** Ends the step between loops that is under construction. */
  end(): void {
    if (this.rows || this.segments.length > 0)
      this.steps.push({ kind: "between", ...(this.rows && { rows: this.rows }), segments: this.segments })
    this.rows = undefined
    this.segments = []
  }

  private loop(loop: Loop, guards: readonly Guard[]): void {
    // Loops that share no accumulator with what came before need nothing between them.
    const waits = this.segments.length > 0 || (this.rows?.combined.size ?? 0) > 0
    if (waits) this.end()
    this.rows = { kind: "rows", guards, loop, combined: combinable(loop.body) }
    this.steps.push(this.rows)
  }

  private serial(s: Stmt, guards: readonly Guard[]): void {
    const direct = freeIn([s], guards)
    const computed = withSources(
      this,
      [...direct].filter((id) => this.pure.has(id)),
    )
    const last = this.segments.at(-1)
    // What is computed from an accumulator is computed before the segment: one that changes it must have ended.
    const changed = last ? updatedIn(last.body) : new Map<number, unknown>()
    const joins = last?.guards === guards && ![...computed].some((id) => changed.has(id))
    // A number that one segment loads reaches others, and what is computed before a segment, through memory: in another step.
    const isFar = this.segments.some((segment) =>
      segment.body.some(
        (x) =>
          x.kind === "load" && (computed.has(x.id) || (direct.has(x.id) && !(joins && segment === last))),
      ),
    )
    if (isFar) this.end()
    if (joins && !isFar) last.body.push(s)
    else this.segments.push({ guards, body: [s] })
  }
}

function hasRows(s: Stmt): boolean {
  if (s.kind === "if") return s.then.some(hasRows) || s.else.some(hasRows)
  return s.kind === "for" && s.apart === true
}

/** The numbers of values that statements and guards read or update and do not define themselves. */
export function freeIn(body: readonly Stmt[], guards: readonly Guard[] = []): Set<number> {
  const own = definedIn(body)
  const out = new Set<number>()
  for (const id of [...readIn(body), ...updatedIn(body).keys()]) if (!own.has(id)) out.add(id)
  for (const { condition } of guards) if (condition.kind === "value") out.add(condition.id)
  return out
}

/** Values and all that those which any step computes for itself are computed from. */
export function withSources(plan: Omit<Plan, "steps">, ids: Iterable<number>): ReadonlySet<number> {
  const out = new Set<number>()
  const visit = (id: number): void => {
    if (out.has(id)) return
    out.add(id)
    const s: Stmt | undefined = plan.pure.get(id) ?? plan.accs.get(id)
    if (s) for (const x of operandsOf(s)) if (x.kind === "value") visit(x.id)
  }
  for (const id of ids) visit(id)
  return out
}

/** The loops that a workgroup deals out to its threads. */
export function dealtIn(body: readonly Stmt[]): Loop[] {
  return body.flatMap((s): Loop[] => {
    if (s.kind === "for") return s.apart ? [s] : dealtIn(s.body)
    return s.kind === "if" ? [...dealtIn(s.then), ...dealtIn(s.else)] : []
  })
}
