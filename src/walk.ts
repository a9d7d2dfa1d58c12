// Loops -> their statements one by one, and what each defines and reads.
import { flatMap } from "./lists.ts"
import { ByNumber } from "./by-number.ts"
import type { Kernel, Operand, Stmt } from "./loops.ts"

/** Calls back for every statement of a block and of the blocks inside, outer statements first. */
export function forEachStatement(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  for (const s of body) {
    visit(s)
    if (s.kind === "for") forEachStatement(s.body, visit)
    else if (s.kind === "if") {
      forEachStatement(s.then, visit)
      forEachStatement(s.else, visit)
    }
  }
}

/** A block with other statements in place of each, inner ones first. */
export function replaceStatements(
  body: readonly Stmt[],
  replace: (s: Stmt) => readonly Stmt[],
): readonly Stmt[] {
  return flatMap(body, (s) => {
    if (s.kind === "for") return replace({ ...s, body: replaceStatements(s.body, replace) })
    if (s.kind === "if") {
      const [then, otherwise] = [replaceStatements(s.then, replace), replaceStatements(s.else, replace)]
      return replace(Object.assign({}, s, { then, else: otherwise }))
    }
    return replace(s)
  })
}

/** The operands that a statement itself reads, those of the blocks inside not included. */
export function operandsOf(s: Stmt): readonly Operand[] {
  switch (s.kind) {
    case "let":
      return s.args
    case "load":
      return [s.at]
    case "store":
      return [s.at, s.value]
    case "fill":
      return [s.at, s.length]
    case "sort":
      return [s.keysAt, s.stride, s.indexAt, s.length]
    case "acc":
      return [s.initial]
    case "update":
    case "result":
      return [s.value]
    case "for":
      return [s.from, s.to, ...(s.step ? [s.step] : []), ...(s.growing ? [s.growing.first] : [])]
    case "if":
      return [s.condition]
  }
}

/** A statement with other operands, those of the blocks inside included. */
export function withOperands(s: Stmt, map: (x: Operand) => Operand): Stmt {
  const inside = (body: readonly Stmt[]): Stmt[] => body.map((one) => withOperands(one, map))
  switch (s.kind) {
    case "let":
      return { ...s, args: s.args.map(map) }
    case "load":
      return { ...s, at: map(s.at) }
    case "store":
      return { ...s, at: map(s.at), value: map(s.value) }
    case "fill":
      return { ...s, at: map(s.at), length: map(s.length) }
    case "sort": {
      const { keysAt, stride, indexAt, length } = s
      return { ...s, keysAt: map(keysAt), stride: map(stride), indexAt: map(indexAt), length: map(length) }
    }
    case "acc":
      return { ...s, initial: map(s.initial) }
    case "update":
    case "result":
      return { ...s, value: map(s.value) }
    case "for":
      return {
        ...s,
        from: map(s.from),
        to: map(s.to),
        ...(s.step && { step: map(s.step) }),
        ...(s.growing && { growing: { ...s.growing, first: map(s.growing.first) } }),
        body: inside(s.body),
      }
    case "if":
      return Object.assign({}, s, { condition: map(s.condition), then: inside(s.then), else: inside(s.else) })
  }
}

/** The number that a statement defines, if it defines one. */
export function definedBy(s: Stmt): number | undefined {
  return s.kind === "let" || s.kind === "load" || s.kind === "acc" || s.kind === "for" ? s.id : undefined
}

/** Int operators whose results stay ints below 2^31 in magnitude wherever they are places in an array. */
const placeOps: ReadonlySet<string> = new Set(["add", "sub", "mul", "idiv", "mod", "min", "max"])

/**
 * The int values that serve as places in arrays and as ends of loops and as nothing else. They are below 2^31, so an emitter
 * may compute them in 32 bits; other ints are exact to 2^53.
 */
export function placesIn(kernel: Kernel): ReadonlySet<number> {
  const places = new ByNumber<readonly Operand[]>()
  // What makes another value is no place, and then what makes it is none either.
  const others = (list: readonly Operand[]): void => {
    for (let i = 0; i < list.length; i++) {
      const x = list[i]!
      const made = x.kind === "value" ? places.get(x.id) : undefined
      if (!made) continue
      places.delete((x as { id: number }).id)
      others(made)
    }
  }
  forEachStatement(kernel.body, (s) => {
    if (s.kind === "let") {
      if (s.type !== "int" || !placeOps.has(s.op)) return others(s.args)
      places.set(s.id, s.args)
    } else if (s.kind === "store") others([s.value])
    else if (s.kind !== "load" && s.kind !== "fill" && s.kind !== "sort" && s.kind !== "for")
      others(operandsOf(s))
  })
  const out = new Set<number>()
  places.forEach((_, id) => out.add(id))
  return out
}
