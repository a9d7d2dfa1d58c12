// Loops -> the same, with a mark on those whose iterations may run at once, however deep they stand.
import { cutOf, isCut } from "../blocks.ts"
import { Places } from "../blocks/places.ts"
import type { Buffer, Kernel, Stmt } from "../loops.ts"
import { touchedIn } from "../unroll/facts.ts"

/** A kernel with these marks. */
export function marked(kernel: Kernel): Kernel {
  const places = new Places(kernel)
  const visit = (body: readonly Stmt[], outside: ReadonlySet<Buffer>): Stmt[] => {
    const touched = body.map((s) => touchedIn([s]))
    return body.map((s, i): Stmt => {
      if (s.kind !== "for" && s.kind !== "if") return s
      const others = new Set(outside)
      touched.forEach((set, k) => {
        if (k !== i) for (const b of set) others.add(b)
      })
      if (s.kind === "if")
        return Object.assign({}, s, { then: visit(s.then, others), else: visit(s.else, others) })
      const how = cutOf(s, places, others)
      const inside = visit(s.body, others)
      return { ...s, body: inside, ...(isCut(how) && how.spread.size === 0 && { apart: true }) }
    })
  }
  return { ...kernel, body: visit(kernel.body, new Set()) }
}
