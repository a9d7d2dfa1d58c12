/** Comments -> the nodes they are printed with, by position. */

import type {
  Argument,
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

/** Where the comments of a file go. None is lost, but one inside an expression may move to its beginning. */
export interface Remarks {
  readonly above: ReadonlyMap<Anchor, readonly Above[]>
  readonly behind: ReadonlyMap<Anchor, readonly Comment[]>
  readonly last: readonly Above[]
}

/** Finds the place of every comment that documents nothing. */
export function placeRemarks(file: File): Remarks {
  const above = new Map<Anchor, Above[]>()
  const behind = new Map<Anchor, Comment[]>()
  const last: Above[] = []
  const children = new Map<Anchor | File, readonly Anchor[]>()
  const { text } = file.source

  for (const comment of file.comments) {
    const at = comment.span.start
    const gap = /^[ \t]*(?:\r\n?|\n)[ \t]*[\r\n]/.test(text.slice(comment.span.end, comment.span.end + 200))
    let inside: Anchor | File = file
    for (;;) {
      let parts = children.get(inside)
      if (!parts) children.set(inside, (parts = anchors(inside)))
      const index = firstEndingAfter(parts, at)
      const next: Anchor | undefined = parts[index]
      if (next && next.span.start < at) {
        inside = next
        continue
      }
      const before = parts[index - 1]
      const between = before ? text.slice(before.span.end, at) : "\n"
      // Behind `) =`, `=>`, `then` or `else`, a comment is about what follows.
      const ahead = next !== undefined && /[)=]|\bthen\b|\belse\b/.test(between)
      if (before && !ahead && !/[\r\n]/.test(between)) push(behind, before, comment)
      else if (next) push(above, next, { comment, gap })
      else if (inside.kind === "file") last.push({ comment, gap })
      else push(above, inside, { comment, gap })
      break
    }
  }
  return { above, behind, last }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key)
  if (known) known.push(value)
  else map.set(key, [value])
}

/** The index of the first part that ends behind an offset; parts are in order. */
function firstEndingAfter(parts: readonly Anchor[], at: number): number {
  let low = 0
  let high = parts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (parts[middle]!.span.end <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** The anchors directly inside a node, in the order of the text. */
function anchors(node: Anchor | File): readonly Anchor[] {
  switch (node.kind) {
    case "file":
      return node.declarations
    case "use":
    case "number":
    case "boolean":
    case "string":
    case "name":
      return []
    case "def":
      return [...node.arguments, node.body]
    case "loss":
      return [...node.arguments, ...node.options, node.body]
    case "bare":
      return [node.body]
    case "body":
      return [...node.bindings, node.value, ...some(node.where, node.per)]
    case "argument":
      return [...domainParts(node), ...some(node.default)]
    case "named-argument":
      return [node.value]
    case "value-binding":
      return [...node.binders.flatMap(({ range }) => rangeParts(range)), node.value]
    case "tuple-binding":
      return [node.value]
    case "function-binding":
      return [...node.arguments, node.body]
    case "axis-binding":
      return rangeParts(node.range)
    case "call":
      return [
        ...node.binders.flatMap(({ range }) => rangeParts(range)),
        ...some(node.filter),
        ...node.arguments,
        ...node.named,
      ].sort((a, b) => a.span.start - b.span.start)
    case "binary":
      return [node.left, node.right]
    case "unary":
      return [node.operand]
    case "if":
      return [node.condition, node.whenTrue, node.whenFalse]
    case "let":
      return [...node.bindings, node.body]
    case "substitute":
      return [node.target, ...node.entries.map(({ value }) => value), ...some(node.default)]
    case "member":
      return [node.target]
    case "tuple":
      return node.items
    case "fold":
      return [
        ...node.binders.flatMap(({ range }) => rangeParts(range)),
        ...some(node.filter),
        ...node.states.map(({ initial }) => initial),
        node.step,
      ]
  }
}

function some<T>(...nodes: (T | undefined)[]): T[] {
  return nodes.filter((node) => node !== undefined)
}

function rangeParts(range: Range | undefined): Expr[] {
  if (!range) return []
  return range.kind === "extent" ? [range.value] : [range.low, range.high]
}

function domainParts({ domain }: Argument): Expr[] {
  if (!domain) return []
  return domain.kind === "interval" ? [domain.low, domain.high] : domain.bounds.map(({ value }) => value)
}
