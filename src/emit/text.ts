// Loops -> what every textual backend needs of them: a name for each value, indented lines.
//
// No text of the user ends up in code: values are called after their numbers, arrays after their places.
import { ByNumber } from "../by-number.ts"
import { flatMap } from "../lists.ts"
import type { Buffer, Kernel } from "../loops.ts"
import type { ScalarType } from "../types.ts"
import { forEachStatement } from "../walk.ts"

/** What a value number stands for. */
export interface Value {
  readonly name: string
  readonly type: ScalarType
  readonly kind: "size" | "scalar" | "let" | "load" | "acc" | "index"
}

/** The names of one kernel. */
export interface Names {
  readonly values: ByNumber<Value>
  readonly buffers: ReadonlyMap<Buffer, string>
}

/** Gives every value and array of a kernel its identifier. */
export function nameAll(kernel: Kernel): Names {
  const values = new ByNumber<Value>()
  kernel.scalars.forEach(({ id, input }, i) =>
    values.set(id, { name: `p${i}`, type: input.type, kind: "scalar" }),
  )
  for (const { id, value } of kernel.sizes)
    values.set(id, {
      name: value.kind === "size" ? `n${kernel.sizeNames.indexOf(value.name)}` : `t${id}`,
      type: "int",
      kind: "size",
    })
  forEachStatement(kernel.body, (s) => {
    if (s.kind === "let" || s.kind === "load")
      values.set(s.id, { name: `t${s.id}`, type: s.type, kind: s.kind })
    else if (s.kind === "acc") values.set(s.id, { name: `a${s.id}`, type: s.type, kind: "acc" })
    else if (s.kind === "for") {
      values.set(s.id, { name: `i${s.id}`, type: "int", kind: "index" })
      if (s.growing) values.set(s.growing.id, { name: `s${s.growing.id}`, type: "int", kind: "index" })
    }
  })
  const buffers = new Map<Buffer, string>()
  kernel.inputs.forEach((b, i) => buffers.set(b, `in${i}`))
  kernel.outputs.forEach((b, i) => buffers.set(b, `out${i}`))
  kernel.scratch.forEach((b, i) => buffers.set(b, `scratch${i}`))
  return { values, buffers }
}

/** Lines of code under construction. */
export class Lines {
  readonly list: string[] = []
  private indent = ""

  add(...lines: readonly string[]): void {
    for (const line of lines) this.list.push(line === "" ? "" : this.indent + line)
  }

  /** Adds a line; those that follow stand one level deeper. */
  open(line: string): void {
    this.add(line)
    this.indent += "  "
  }

  /** Ends a level with a line. */
  close(line: string): void {
    this.indent = this.indent.slice(2)
    this.add(line)
  }

  /** Ends a level and opens the next with one line (`} else {`). */
  reopen(line: string): void {
    this.close(line)
    this.indent += "  "
  }

  /** A level: an opening line, what `inside` adds, a closing brace. */
  block(open: string, inside: () => void): void {
    this.open(open)
    inside()
    this.close("}")
  }

  toString(): string {
    return this.list.join("\n")
  }
}

/** The lines of several parts, an empty one for a part without any, and a last one. */
export function textOf(parts: readonly Lines[], last: string): string {
  return [...flatMap(parts, ({ list }) => (list.length > 0 ? list : [""])), last].join("\n")
}

/** An axis as a comment may show it: names of users are printed only if they cannot be anything but a name. */
export const axisComment = (axis: string): string =>
  /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(axis) ? `// for ${axis}` : "// an unnamed axis"
