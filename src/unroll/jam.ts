// A loop around one innermost loop -> the same four iterations at a time, jammed into one inner loop.
import { flatMap } from "../lists.ts"
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { Copier } from "./copy.ts"
import {
  type Loop,
  type Numbers,
  countLoops,
  definedIn,
  dependsOn,
  letsIn,
  literal,
  sameOperand,
  updatedIn,
  valueOf,
  writtenIn,
} from "./facts.ts"
import { combinable } from "./outside.ts"
import { groupsEnd, rest } from "./lanes.ts"
import { forEachStatement } from "../walk.ts"

type Store = Extract<Stmt, { kind: "store" }>
type Access = Extract<Stmt, { kind: "load" | "store" }>

/** The one loop directly inside, if there is exactly one and it has no loop inside. */
export function onlyInner(s: Loop): Loop | undefined {
  return countLoops(s.body, 2) === 1 ? s.body.find((x) => x.kind === "for") : undefined
}

/** Whether jamming a loop into its inner loop keeps every result (sums up to their order) and shares anything. */
export function jammable(s: Loop): boolean {
  const inner = onlyInner(s)
  if (!inner || s.step || inner.step) return false
  const own = definedIn([s])
  if ([inner.from, inner.to].some((x) => x.kind === "value" && own.has(x.id))) return false
  const combined = combinable(s.body)
  for (const acc of updatedIn(s.body).keys()) if (!combined.has(acc)) return false
  return accessesAllow(s, inner) && pays(s, inner)
}

function accesses(body: readonly Stmt[], buffer: Buffer): Access[] {
  const out: Access[] = []
  const visit = (list: readonly Stmt[]): void => {
    for (const s of list) {
      if ((s.kind === "load" || s.kind === "store") && s.buffer === buffer) out.push(s)
      if (s.kind === "for") visit(s.body)
      if (s.kind === "if") {
        visit(s.then)
        visit(s.else)
      }
    }
  }
  visit(body)
  return out
}

/** Iterations of the outer loop may be interleaved only if none sees what another writes. */
function accessesAllow(s: Loop, inner: Loop): boolean {
  let plain = true
  const look = (list: readonly Stmt[]): void => {
    for (const x of list) {
      if (x.kind === "fill" || x.kind === "sort" || x.kind === "result") plain = false
      if (x.kind === "for") look(x.body)
      if (x.kind === "if") {
        look(x.then)
        look(x.else)
      }
    }
  }
  look(s.body)
  if (!plain) return false
  const lets = letsIn(s.body)
  for (const buffer of writtenIn(s.body)) {
    const all = accesses(s.body, buffer)
    if (all.every((x) => x.kind === "store" && x.accumulate)) continue
    const at = all[0]!.at
    if (!all.every((x) => sameOperand(x.at, at))) return false
    // Each iteration has an element of its own: the index itself, or a row as long as the inner loop.
    const index = at.kind === "value" && at.id === s.id
    if (!index && !isRowMajor(at, s, inner, lets)) return false
  }
  return true
}

/** True for `s * width + inner` where the inner loop runs from 0 to width. */
export function isRowMajor(at: Operand, s: Loop, inner: Loop, lets: ReturnType<typeof letsIn>): boolean {
  const made = at.kind === "value" ? lets.get(at.id) : undefined
  if (made?.op !== "add" || inner.from.kind !== "number" || inner.from.value !== 0) return false
  const base = made.args.find((x) => !(x.kind === "value" && x.id === inner.id))
  if (!base || !made.args.some((x) => x.kind === "value" && x.id === inner.id)) return false
  const product = base.kind === "value" ? lets.get(base.id) : undefined
  if (product?.op !== "mul") return false
  return (
    product.args.some((x) => x.kind === "value" && x.id === s.id) &&
    product.args.some((x) => sameOperand(x, inner.to))
  )
}

/** Jamming pays if the copies have sums of their own, share a load, or add to one element. */
function pays(s: Loop, inner: Loop): boolean {
  const varies = dependsOn(s.id, s.body)
  const fixed = (x: Operand): boolean => x.kind === "number" || !varies.has(x.id)
  if (updatedIn(inner.body).size > 0) return true
  return inner.body.some(
    (x) => (x.kind === "load" && fixed(x.at)) || (x.kind === "store" && x.accumulate && fixed(x.at)),
  )
}

/** Jams `count` iterations; `inside` unrolls the inner loop further, `remaining` what is left of the outer loop. */
export function jam(
  s: Loop,
  count: number,
  numbers: Numbers,
  inside: (inner: Loop) => Stmt[],
  remaining: (outer: Stmt) => Stmt[],
): Stmt[] {
  const inner = onlyInner(s)!
  const before = new Copier(numbers, new Set())
  const middle = groupsEnd(s, count, before)
  const id = numbers.value()
  const at = s.body.indexOf(inner)
  const written = writtenIn(s.body)
  const outer = new Copier(numbers, written)
  const lane = Array.from({ length: count }, (_, k) =>
    outer.fork(s.id, outer.int("add", valueOf(id), literal(k))),
  )
  for (const copier of lane) copier.copy(s.body.slice(0, at))
  const index = numbers.value()
  const core = outer.inside()
  for (const copier of lane) {
    core.adopt(copier)
    core.substitute(inner.id, valueOf(index))
    core.copy(inner.body)
  }
  const jammed: Loop = {
    ...inner,
    from: outer.operand(inner.from),
    to: outer.operand(inner.to),
    id: index,
    body: addOnce(core.out, numbers),
  }
  outer.out.push(...inside(jammed))
  for (const copier of lane) copier.copy(s.body.slice(at + 1))
  const whole: Stmt = { ...s, id, to: middle, step: literal(count), body: outer.out }
  return [...before.out, whole, ...flatMap(rest(s, middle, numbers), remaining)]
}

/** Copies that add to the same element: their values are added first, then stored once, where the last of them stood. */
export function addOnce(body: readonly Stmt[], numbers: Numbers): readonly Stmt[] {
  const groups: Store[][] = []
  const groupOf = new Map<Stmt, Store[]>()
  for (const s of body) {
    if (s.kind !== "store" || !s.accumulate) continue
    let group = groups.find(([x]) => x!.buffer === s.buffer && sameOperand(x!.at, s.at))
    if (!group) groups.push((group = []))
    group.push(s)
    groupOf.set(s, group)
  }
  if (groups.every((group) => group.length === 1)) return body
  const read = new Set<Buffer>()
  forEachStatement(body, (s) => {
    if (s.kind === "load" || s.kind === "fill" || (s.kind === "store" && !s.accumulate)) read.add(s.buffer)
  })
  return flatMap(body, (s): Stmt[] => {
    const group = groupOf.get(s)
    if (!group || group.length === 1 || read.has(group[0]!.buffer)) return [s]
    const last = group.at(-1)!
    if (s !== last) return []
    const copier = new Copier(numbers, new Set())
    const value = copier.balanced(
      "add",
      group.map((x) => x.value),
    )
    return [...copier.out, { ...last, value }]
  })
}
