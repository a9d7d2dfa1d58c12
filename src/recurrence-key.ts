// What a recurrence computes, as text: the same for recurrences that differ in the names of their states alone.
import type { Def, Expr, Recurrence } from "./expr.ts"
import { membersOf } from "./graph.ts"
import type { Input } from "./types.ts"

/**
 * A text that two recurrences of one core have in common if their states start and go on alike. What does not depend on the
 * states is one node wherever it stands, and goes by its number; what does is written out, each part once.
 */
export function recurrenceKey(recurrence: Recurrence, numberOf: (input: Input) => number): string {
  const inside = membersOf(recurrence)
  const parts: string[] = []
  const places = new Map<string, string>()
  const part = (text: string): string => {
    let place = places.get(text)
    if (place === undefined) {
      places.set(text, (place = `$${parts.length}`))
      parts.push(text)
    }
    return place
  }
  const states = new Map<Def, string>()
  const recurrences = new Map<Recurrence, string>()
  const ofRecurrence = (r: Recurrence): string => {
    let name = recurrences.get(r)
    if (name === undefined) {
      const number = recurrences.size
      recurrences.set(r, (name = `recurrence ${number}`))
      r.states.forEach((state, i) => states.set(state, `state ${number} ${i}`))
      const starts = r.states.map((s) => `${s.type} ${ids(s.formals)} ${ofExpr(s.body)}`)
      const steps = r.steps.map((s) => ofExpr(s.body))
      parts.push(`${name} ${r.descending} ${starts.join()} ${steps.join()}`)
    }
    return name
  }
  const ofDef = (def: Def): string => {
    const { recurrence: r } = def
    if (r) {
      const name = ofRecurrence(r)
      return def.op === "state" ? states.get(def)! : `${name} ${r.steps.indexOf(def)}`
    }
    return part(`${def.op} ${ids(def.formals)} ${ids(def.bound)} ${ofExpr(def.filter)} ${ofExpr(def.body)}`)
  }
  const depends = (def: Def): boolean => recurrence.states.includes(def) || inside.has(def)
  const done = new Map<Expr, string>()
  const ofExpr = (e: Expr): string => {
    let text = done.get(e)
    if (text === undefined) {
      if (!e.refs.some((ref) => depends(ref.def))) text = `${e.id}`
      else if (e.kind === "op") text = part(`${e.op}(${e.args.map(ofExpr).join()})`)
      else if (e.kind === "load") text = part(`load ${numberOf(e.input)}[${e.index.map(ofExpr).join()}]`)
      else if (e.kind === "ref")
        text = part(`${depends(e.def) ? ofDef(e.def) : `def ${e.def.id}`}[${e.index.map(ofExpr).join()}]`)
      else throw new Error(`a ${e.kind} reads no state`)
      done.set(e, text)
    }
    return text
  }
  ofRecurrence(recurrence)
  return parts.join("\n")
}

const ids = (list: readonly Expr[]): string => list.map((e) => e.id).join()
