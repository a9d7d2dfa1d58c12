// Walks of the core: what an expression reads, and definitions in the order in which they can be computed.
import type { Def, Expr, LoadExpr, Recurrence } from "./expr.ts"

const none: readonly Expr[] = []

/** The children of a node that are expressions (the body of a definition is not a child of its reference). */
export function children(e: Expr): readonly Expr[] {
  return e.kind === "op" ? e.args : e.kind === "load" || e.kind === "ref" ? e.index : none
}

/** How many walks there were: the number of the last one, by which it marks what it met. */
let walks = 0

/** Whether a walk meets a node for the first time. */
function isFirst(e: Expr, walk: number): boolean {
  if (e.walk === walk) return false
  ;(e as { walk: number }).walk = walk
  return true
}

/** Every node reachable from the roots without entering definitions, children before parents. */
export function postorder(roots: readonly Expr[]): Expr[] {
  const out: Expr[] = []
  append(roots, ++walks, out)
  return out
}

function append(list: readonly Expr[], walk: number, out: Expr[]): void {
  for (let i = 0; i < list.length; i++) {
    const e = list[i]!
    if (!isFirst(e, walk)) continue
    append(children(e), walk, out)
    out.push(e)
  }
}

/** The elements of inputs among the nodes of `postorder`. */
export function loadsIn(roots: readonly Expr[]): LoadExpr[] {
  return postorder(roots).filter((e) => e.kind === "load")
}

/** The nodes of `postorder` that are references or have one inside. */
export function postorderOfReads(roots: readonly Expr[]): Expr[] {
  const out: Expr[] = []
  appendReads(roots, ++walks, out)
  return out
}

function appendReads(list: readonly Expr[], walk: number, out: Expr[]): void {
  for (let i = 0; i < list.length; i++) {
    const e = list[i]!
    if (e.refs.length === 0 || !isFirst(e, walk)) continue
    appendReads(children(e), walk, out)
    out.push(e)
  }
}

/**
 * Every definition reachable from the roots, each after those it reads. The states of a recurrence, what is computed at each
 * of its indices, and its steps stand together: what they read comes before them, and what reads them after.
 */
export function definitions(roots: readonly Expr[]): Def[] {
  const out: Def[] = []
  const add = inOrder(readBy, (def) => out.push(def))
  for (const e of postorderOfReads(roots)) if (e.kind === "ref") add(e.def)
  return out
}

/** Visits definitions, each once and after those it reads, in the order of `definitions`. */
export function inOrder(
  readsOf: (def: Def) => readonly Def[],
  visit: (def: Def) => void,
): (def: Def) => void {
  const seen = new Set<Def>()
  const open = (r: Recurrence): void => {
    const inside = new Set([...r.states, ...membersOf(r)])
    for (const def of inside) for (const d of readsOf(def)) if (!inside.has(d)) add(d)
    r.states.forEach(put)
    r.steps.forEach(add)
  }
  const add = (def: Def): void => {
    if (seen.has(def)) return
    const around = recurrencesOf(def).filter(
      (r) => !seen.has(r.states[0]!) && (r.states.includes(def) || membersOf(r).has(def)),
    )
    if (around.length > 0) open(around.reduce((x, y) => (x.id < y.id ? x : y)))
    put(def)
  }
  const put = (def: Def): void => {
    if (seen.has(def)) return
    seen.add(def)
    readsOf(def).forEach(add)
    visit(def)
  }
  return add
}

/** The definitions that a definition reads itself. */
const readBy = (def: Def): readonly Def[] => [...def.filter.refs, ...def.body.refs].map((e) => e.def)

/** The recurrences that a definition reads, directly or not. */
function recurrencesOf(def: Def): Recurrence[] {
  const out = new Set<Recurrence>()
  const visit = (d: Def): void => {
    for (const recurrence of recurrencesIn(d)) {
      if (out.has(recurrence)) continue
      out.add(recurrence)
      recurrence.steps.forEach(visit)
    }
  }
  visit(def)
  return [...out]
}

const memberSets = new WeakMap<Recurrence, ReadonlySet<Def>>()

/**
 * What is computed anew at each index of a recurrence: its steps, and what they read that depends on its states. The states
 * themselves are not among it, those of recurrences inside are.
 */
export function membersOf(r: Recurrence): ReadonlySet<Def> {
  const known = memberSets.get(r)
  if (known) return known
  const reads = (def: Def): readonly Def[] =>
    def.op === "state" && def.recurrence!.id > r.id ? [...readBy(def), ...def.recurrence!.steps] : readBy(def)
  const members = leadingTo(r.steps, reads, (def) => r.states.includes(def))
  if (r.steps.length > 0) memberSets.set(r, members)
  return members
}

/** The starts, and what they read, directly or not, that leads on to an end; the ends themselves are not among it. */
export function leadingTo<T>(
  starts: readonly T[],
  readsOf: (x: T) => readonly T[],
  isEnd: (x: T) => boolean,
): ReadonlySet<T> {
  const reads = new Map<T, readonly T[]>()
  const visit = (x: T): void => {
    if (reads.has(x) || isEnd(x)) return
    const list = readsOf(x)
    reads.set(x, list)
    list.forEach(visit)
  }
  starts.forEach(visit)
  const members = new Set(starts)
  let before: number
  do {
    before = members.size
    for (const [x, list] of reads) if (list.some((y) => isEnd(y) || members.has(y))) members.add(x)
  } while (members.size > before)
  return members
}

const reached = new WeakMap<Def, ReadonlySet<Def>>()

/** The definitions that a definition reads, directly or not, itself included. */
export function reach(def: Def): ReadonlySet<Def> {
  let all = reached.get(def)
  if (!all) {
    const out = new Set([def])
    for (const ref of [...def.filter.refs, ...def.body.refs]) for (const d of reach(ref.def)) out.add(d)
    reached.set(def, (all = out))
  }
  return all
}

const recurrences = new WeakMap<Def, readonly Recurrence[]>()

/** The recurrences whose states or steps a definition reaches. */
export function recurrencesIn(def: Def): readonly Recurrence[] {
  let all = recurrences.get(def)
  if (!all) {
    const out = new Set<Recurrence>()
    for (const { recurrence } of reach(def)) if (recurrence) out.add(recurrence)
    recurrences.set(def, (all = [...out]))
  }
  return all
}
