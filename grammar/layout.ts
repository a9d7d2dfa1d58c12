/** Text with places where a line may end -> lines. A group is on one line if it fits, else all its places end lines. */

/** Text that is not laid out yet. */
export type Doc =
  | string
  | readonly Doc[]
  | { readonly kind: "line"; readonly flat: string; readonly hard: boolean }
  | { readonly kind: "group"; readonly content: Doc; readonly broken: boolean }
  | { readonly kind: "nest"; readonly by: number | "here"; readonly content: Doc }
  | { readonly kind: "remark"; readonly text: string; readonly trailing: boolean }

/** A space, or the end of a line. */
export const line: Doc = { kind: "line", flat: " ", hard: false }

/** Nothing, or the end of a line. */
export const softline: Doc = { kind: "line", flat: "", hard: false }

/** The end of a line, and nothing where everything has to be on one. */
export const hardline: Doc = { kind: "line", flat: "", hard: true }

/** The end of a line, and a space where everything has to be on one. */
export const newline: Doc = { kind: "line", flat: " ", hard: true }

/** On one line if it fits. */
export function group(content: Doc): Doc {
  return { kind: "group", content, broken: mustBreak(content) }
}

/** Lines inside begin further right. */
export function indent(content: Doc): Doc {
  return { kind: "nest", by: 2, content }
}

/** Lines inside begin where this begins. */
export function align(content: Doc): Doc {
  return { kind: "nest", by: "here", content }
}

/** A comment that has its own line. */
export function remark(text: string): Doc {
  return [{ kind: "remark", text, trailing: false }, hardline]
}

/** A comment that goes to the end of the line, whatever comes in between. */
export function trailing(text: string): Doc {
  return { kind: "remark", text, trailing: true }
}

/** Docs with another between each two. */
export function join(separator: Doc, docs: readonly Doc[]): Doc {
  return docs.flatMap((doc, at) => (at === 0 ? [doc] : [separator, doc]))
}

/** Whether something inside cannot be on one line. Inner groups know already. */
function mustBreak(doc: Doc): boolean {
  if (typeof doc === "string") return false
  if (isList(doc)) return doc.some(mustBreak)
  switch (doc.kind) {
    case "line":
      return doc.hard
    case "group":
      return doc.broken
    case "nest":
      return mustBreak(doc.content)
    case "remark":
      return true
  }
}

function isList(doc: Doc): doc is readonly Doc[] {
  return Array.isArray(doc)
}

/** Everything on one line, without comments. */
export function flatten(doc: Doc): string {
  if (typeof doc === "string") return doc
  if (isList(doc)) return doc.map(flatten).join("")
  if (doc.kind === "line") return doc.flat
  return doc.kind === "remark" ? "" : flatten(doc.content)
}

interface Place {
  readonly indent: number
  readonly flat: boolean
  readonly doc: Doc
}

/** Lays out a document in lines of at most `width` columns, where that is possible. */
export function layOut(doc: Doc, width: number): string {
  const lines: string[] = []
  let current = ""
  let remarks: string[] = []
  const stack: Place[] = [{ indent: 0, flat: false, doc }]
  const endLine = (margin: number) => {
    const [first, ...more] = remarks
    lines.push((first === undefined ? current : `${current.trimEnd()} ${first}`).trimEnd())
    // Two comments cannot share the end of a line: the second would be part of the first.
    for (const text of more) lines.push(" ".repeat(margin) + text)
    remarks = []
    current = " ".repeat(margin)
  }
  while (stack.length > 0) {
    const place = stack.pop()!
    const { doc: at, flat } = place
    if (typeof at === "string") current += at
    else if (isList(at)) {
      for (let index = at.length - 1; index >= 0; index--) stack.push({ ...place, doc: at[index]! })
    } else if (at.kind === "group") {
      const fits = !at.broken && (flat || fit(at.content, width - current.length, stack))
      stack.push({ ...place, flat: fits, doc: at.content })
    } else if (at.kind === "nest") {
      const margin = at.by === "here" ? current.length : place.indent + at.by
      stack.push({ ...place, indent: margin, doc: at.content })
    } else if (at.kind === "remark") {
      if (at.trailing) remarks.push(at.text)
      else {
        if (remarks.length > 0) endLine(place.indent)
        current += at.text
      }
    } else if (flat && !at.hard) current += at.flat
    else endLine(place.indent)
  }
  endLine(0)
  return lines.join("\n").replace(/\n+$/, "") + "\n"
}

/** Whether a document and what follows it up to the next possible line end fit in a width. */
function fit(doc: Doc, width: number, rest: readonly Place[]): boolean {
  let room = width
  let next = rest.length
  const stack: { doc: Doc; flat: boolean }[] = [{ doc, flat: true }]
  while (room >= 0) {
    const place = stack.pop()
    if (!place) {
      if (next === 0) return true
      stack.push(rest[--next]!)
      continue
    }
    const { doc: at, flat } = place
    if (typeof at === "string") room -= at.length
    else if (isList(at))
      for (let index = at.length - 1; index >= 0; index--) stack.push({ doc: at[index]!, flat })
    else if (at.kind === "group") stack.push({ doc: at.content, flat: flat && !at.broken })
    else if (at.kind === "nest") stack.push({ doc: at.content, flat })
    else if (at.kind === "line") {
      if (!flat || at.hard) return true
      room -= at.flat.length
    }
  }
  return false
}
