/** Comments -> the nodes they are printed with, by position. */

import type {
  Argument,
  Binder,
  Binding,
  Body,
  Comment,
  Declaration,
  Expr,
  File,
  NamedArgument,
  Range,
} from "./ast.ts"

/** A node that a comment can be printed with. */
export type Anchor = Declaration | Body | Argument | Binding | Expr | NamedArgument

/** A comment above a node, and whether an empty line follows it. */
export interface Above {
  readonly comment: Comment
  readonly gap: boolean
}

/** Where the comments of a file go. None is lost, but some move to the beginning of what they are in. */
export interface Remarks {
  readonly above: ReadonlyMap<Anchor, readonly Above[]>
  readonly behind: ReadonlyMap<Anchor, Comment>
  readonly last: readonly Above[]
}

/**
 * A node inside another, and whether a comment can be printed with it. A node that is printed first in its
 * parent has no lines above it of its own, one that is printed last leaves the end of its line to the parent,
 * and where no line can end there is no place at all. So a comment that was printed is placed there again.
 */
interface Part {
  readonly node: Anchor
  readonly above: boolean
  readonly behind: "own" | "parent" | "none"
}

const free = (node: Anchor): Part => ({ node, above: true, behind: "own" })
const first = (node: Anchor): Part => ({ node, above: false, behind: "own" })
const last = (node: Anchor): Part => ({ node, above: true, behind: "parent" })
const whole = (node: Anchor): Part => ({ node, above: false, behind: "parent" })
const closed = (node: Anchor): Part => ({ node, above: false, behind: "none" })

/** Finds the place of every comment that documents nothing. */
export function placeRemarks(file: File): Remarks {
  const above = new Map<Anchor, Above[]>()
  const behind = new Map<Anchor, Comment>()
  const end: Above[] = []
  const known = new Map<Anchor | File, readonly Part[]>()
  const { text } = file.source

  /** The line end of a node belongs to it, or to what it is the end of; another comment may have it. */
  const placeBehind = (path: readonly Part[], part: Part, comment: Comment): boolean => {
    let owner: Part | undefined = part
    for (let at = path.length - 1; owner?.behind === "parent"; at--) owner = path[at]
    if (owner?.behind !== "own" || behind.has(owner.node)) return false
    behind.set(owner.node, comment)
    return true
  }

  for (const comment of file.comments) {
    const at = comment.span.start
    const gap = /^[ \t]*(?:\r\n?|\n)[ \t]*[\r\n]/.test(text.slice(comment.span.end, comment.span.end + 200))
    const path: Part[] = []
    let inside: Anchor | File = file
    for (;;) {
      let parts = known.get(inside)
      if (!parts) known.set(inside, (parts = partsOf(inside)))
      const index = firstEndingAfter(parts, at)
      const next = parts[index]
      if (next && next.node.span.start < at) {
        path.push(next)
        inside = next.node
        continue
      }
      const before = parts[index - 1]
      const between = before ? text.slice(before.node.span.end, at) : "\n"
      // Behind `) =`, `=>`, `then` or `else`, a comment is about what follows.
      const ahead = next !== undefined && /=|\bthen\b|\belse\b/.test(between)
      if (before && !ahead && !/[\r\n]/.test(between) && placeBehind(path, before, comment)) break
      let place: Part | undefined = next ?? path.pop()
      while (place && !place.above) place = path.pop()
      if (!place) end.push({ comment, gap })
      else push(above, place.node, { comment, gap })
      break
    }
  }
  return { above, behind, last: end }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key)
  if (known) known.push(value)
  else map.set(key, [value])
}

/** The index of the first part that ends behind an offset; parts are in order. */
function firstEndingAfter(parts: readonly Part[], at: number): number {
  let low = 0
  let high = parts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (parts[middle]!.node.span.end <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** The nodes directly inside a node, in the order of the text. */
function partsOf(node: Anchor | File): readonly Part[] {
  switch (node.kind) {
    case "file":
      return node.declarations.map(free)
    case "use":
    case "number":
    case "boolean":
    case "string":
    case "name":
      return []
    case "def":
      return [...node.arguments.map(free), last(node.body)]
    case "loss":
      return [...node.arguments.map(free), ...node.options.map(free), last(node.body)]
    case "bare":
      return [whole(node.body)]
    case "body": {
      const parts = [
        ...bindingParts(node.bindings),
        free(node.value),
        ...some(node.where, node.per).map(free),
      ]
      if (node.bindings.length === 0) parts[0] = first(node.value)
      parts.push({ ...parts.pop()!, behind: "parent" })
      return parts
    }
    case "argument":
      return [...domainParts(node), ...some(node.default).map(whole)]
    case "named-argument":
      return [whole(node.value)]
    case "value-binding":
      return [...binderParts(node.binders), whole(node.value)]
    case "tuple-binding":
      return [whole(node.value)]
    case "function-binding":
      return [...node.arguments.map(free), whole(node.body)]
    case "axis-binding":
      return rangeParts(node.range)
    case "call": {
      const lists = [...node.arguments, ...node.named].sort((a, b) => a.span.start - b.span.start)
      return [...binderParts(node.binders), ...some(node.filter).map(free), ...lists.map(free)]
    }
    case "binary":
      return node.operator === "^"
        ? [closed(node.left), closed(node.right)]
        : [first(node.left), last(node.right)]
    case "unary":
      return [whole(node.operand)]
    case "if":
      return [first(node.condition), free(node.whenTrue), last(node.whenFalse)]
    case "let":
      return [...bindingParts(node.bindings), last(node.body)]
    case "substitute": {
      const entries = node.entries.map(({ value }) => first(value))
      return [closed(node.target), ...entries, ...some(node.default).map(whole)]
    }
    case "member":
      return [closed(node.target)]
    case "tuple":
      return node.items.map(free)
    case "fold": {
      const states = node.states.map(({ initial }) => first(initial))
      return [...binderParts(node.binders), ...some(node.filter).map(free), ...states, last(node.step)]
    }
  }
}

function bindingParts([head, ...more]: readonly Binding[]): Part[] {
  return head ? [first(head), ...more.map(free)] : []
}

function binderParts(binders: readonly Binder[]): Part[] {
  return binders.flatMap(({ range }) => (range ? rangeParts(range) : []))
}

function rangeParts(range: Range): Part[] {
  return range.kind === "extent" ? [closed(range.value)] : [closed(range.low), closed(range.high)]
}

function domainParts({ domain }: Argument): Part[] {
  if (!domain) return []
  const parts =
    domain.kind === "interval" ? [domain.low, domain.high] : domain.bounds.map(({ value }) => value)
  return parts.map(closed)
}

function some<T>(...nodes: (T | undefined)[]): T[] {
  return nodes.filter((node) => node !== undefined)
}
