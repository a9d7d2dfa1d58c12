/** Tree -> text. What is printed parses to the same tree, and prints the same again. */

import type {
  Argument,
  Axis,
  Binary,
  Binder,
  Binding,
  Body,
  Comment,
  Declaration,
  Domain,
  Expr,
  File,
  If,
  Let,
  Range,
  Scalar,
  Type,
} from "./ast.ts"
import {
  align,
  flatten,
  group,
  hardline,
  indent,
  join,
  layOut,
  line,
  newline,
  remark,
  softline,
  trailing,
  type Doc,
} from "./layout.ts"
import { levels, operatorLevels } from "./operators.ts"
import { placeRemarks, type Above, type Anchor, type Remarks } from "./remarks.ts"

/** How a tree is printed. */
export interface PrintOptions {
  /** The columns that a line should not exceed. */
  readonly width?: number
}

/** Prints a file, comments included: what `lossc fmt` writes. */
export function print(file: File, options: PrintOptions = {}): string {
  const printer = new Printer(placeRemarks(file))
  return layOut(printer.file(file), options.width ?? 100)
}

/** Prints an expression on one line, without comments. */
export function printExpression(expr: Expr): string {
  return flatten(new Printer(noRemarks).whole(expr))
}

const noRemarks: Remarks = { above: new Map(), behind: new Map(), last: [] }

class Printer {
  readonly remarks: Remarks

  constructor(remarks: Remarks) {
    this.remarks = remarks
  }

  // ------------------------------------------------------------------------------------ comments

  /** A node with the comments that belong to it. */
  private remarked(node: Anchor, doc: Doc): Doc {
    return [this.above(node), doc, this.behind(node)]
  }

  private above(node: Anchor): Doc {
    return remarkLines(this.remarks.above.get(node) ?? [])
  }

  private behind(node: Anchor): Doc {
    const comment = this.remarks.behind.get(node)
    return comment ? trailing(written(comment)) : ""
  }

  private docs(docs: readonly Comment[]): Doc {
    return docs.map(({ text }) => remark(`/// ${text}`.trimEnd()))
  }

  // -------------------------------------------------------------------------------- declarations

  file(file: File): Doc {
    const parts = file.declarations.map((declaration, at): Doc => {
      const before = file.declarations[at - 1]
      const tight = before?.kind === "use" && declaration.kind === "use"
      return [before ? hardline : "", before && !tight ? hardline : "", this.declaration(declaration)]
    })
    const { last } = this.remarks
    const gap = parts.length > 0 && last.length > 0 ? [hardline, hardline] : ""
    return [parts, gap, remarkLines(last)]
  }

  private declaration(node: Declaration): Doc {
    return this.remarked(node, [this.docs(node.docs), this.undocumented(node)])
  }

  private undocumented(node: Declaration): Doc {
    switch (node.kind) {
      case "use":
        return `use "${node.path.value}"`
      case "bare":
        return this.body(node.body)
      case "def":
        return [
          `def ${node.name.name}`,
          this.axes(node.axes),
          this.arguments(node.arguments, []),
          group([" =", indent([line, this.whole(node.body)])]),
        ]
      case "loss":
        return [
          `loss ${node.name.name}`,
          this.axes(node.axes),
          this.arguments(node.arguments, node.options),
          group([" =", indent([line, this.body(node.body)])]),
        ]
    }
  }

  private body(body: Body): Doc {
    // A `let` in parentheses is not seen by the tails, and so keeps its parentheses.
    const value = body.value.kind === "let" ? this.parenthesised(body.value) : this.whole(body.value)
    const head = body.bindings.length > 0 ? this.bindings(body.bindings, value) : value
    const tails = [this.tail("where", body.where), this.tail("per", body.per)]
    return this.remarked(body, [head, tails])
  }

  private tail(word: string, value: Expr | undefined): Doc {
    if (!value) return ""
    return [hardline, this.above(value), `${word} `, align(this.form(value)), this.behind(value)]
  }

  private axes(axes: readonly Axis[]): Doc {
    return axes.length === 0 ? "" : ["[", join(", ", axes.map(printAxis)), "]"]
  }

  private arguments(samples: readonly Argument[], options: readonly Argument[]): Doc {
    if (samples.length + options.length === 0) return "()"
    const list = (args: readonly Argument[]) =>
      join(
        [",", line],
        args.map((one) => this.argument(one)),
      )
    const tail = options.length === 0 ? "" : [";", line, list(options)]
    return group(["(", indent([softline, list(samples), tail]), softline, ")"])
  }

  private argument(node: Argument): Doc {
    const { modifier, name, type, domain } = node
    return this.remarked(node, [
      this.docs(node.docs),
      modifier ? `${modifier} ` : "",
      name.name,
      type ? [": ", printType(type)] : "",
      domain ? [" ", this.domain(domain)] : "",
      node.default ? [" = ", this.whole(node.default)] : "",
    ])
  }

  private domain(domain: Domain): Doc {
    if (domain.kind === "interval")
      return ["in [", this.arithmetic(domain.low), ", ", this.arithmetic(domain.high), "]"]
    return join(
      " and ",
      domain.bounds.map(({ operator, value }) => [operator, " ", this.arithmetic(value)]),
    )
  }

  // --------------------------------------------------------------------------------- expressions

  /** An expression where nothing of it needs parentheses. */
  whole(expr: Expr): Doc {
    return this.expr(expr, 0)
  }

  /** An expression where `=`, `..` or a comparison follows. */
  private arithmetic(expr: Expr): Doc {
    return this.expr(expr, levels.sum)
  }

  /** An expression in parentheses if it binds less tightly than its surroundings ask. */
  private expr(expr: Expr, least: number): Doc {
    return level(expr) < least ? this.parenthesised(expr) : this.remarked(expr, this.form(expr))
  }

  private parenthesised(expr: Expr): Doc {
    return this.remarked(expr, this.parens(this.form(expr)))
  }

  private parens(doc: Doc): Doc {
    return ["(", align(doc), ")"]
  }

  private form(expr: Expr): Doc {
    switch (expr.kind) {
      case "number":
        return expr.text
      case "boolean":
        return String(expr.value)
      case "string":
        return `"${expr.value}"`
      case "name":
        return expr.name
      case "tuple":
        return this.list(
          "(",
          expr.items.map((item) => this.whole(item)),
          ")",
        )
      case "member":
        return [this.target(expr.target), ".", expr.name.name]
      case "call": {
        const binders = expr.binders.length > 0 ? this.binders(expr.binders, expr.filter, "") : ""
        const named = expr.named.map((one) =>
          this.remarked(one, [`${one.name.name} = `, this.whole(one.value)]),
        )
        const args = [...expr.arguments.map((one) => this.whole(one)), ...named]
        return [expr.callee.name, binders, this.list("(", args, ")")]
      }
      case "substitute": {
        const entries = expr.entries.map(({ axis, value }) => [printIndex(axis), " = ", this.whole(value)])
        const of = [this.target(expr.target), this.list("[", entries, "]")]
        return expr.default ? [of, " ?? ", this.fallback(expr.default)] : of
      }
      case "unary":
        return expr.operator === "-"
          ? ["-", this.expr(expr.operand, levels.negative)]
          : ["not ", this.expr(expr.operand, levels.not)]
      case "binary":
        return this.binary(expr)
      case "if":
        return this.condition(expr)
      case "let":
        return align(this.bindings(expr.bindings, this.inner(expr)))
      case "fold": {
        const grad = expr.grad ? `; grad ${expr.grad}` : ""
        const states = expr.states.map(({ name, type, initial }): Doc => {
          return [name.name, type ? [": ", printType(type)] : "", " = ", this.whole(initial)]
        })
        return group([
          expr.form,
          this.binders(expr.binders, expr.filter, grad),
          this.list("(", states, ")"),
          " =>",
          indent([line, this.whole(expr.step)]),
        ])
      }
    }
  }

  private list(opener: string, items: readonly Doc[], closer: string): Doc {
    if (items.length === 0) return opener + closer
    return group([opener, indent([softline, join([",", line], items)]), softline, closer])
  }

  /** What a substitution or a component stands behind. */
  private target(expr: Expr): Doc {
    return expr.kind === "number" ? this.parenthesised(expr) : this.expr(expr, levels.postfix)
  }

  /** What stands behind `??`: another substitution, or an operand that may have a sign. */
  private fallback(expr: Expr): Doc {
    let operand = expr
    while (operand.kind === "unary" && operand.operator === "-") operand = operand.operand
    const clear = expr.kind === "substitute" || level(operand) === levels.postfix
    return clear ? this.whole(expr) : this.parenthesised(expr)
  }

  private binary(expr: Binary): Doc {
    const { operator } = expr
    const own = operatorLevels[operator]
    if (own === levels.power) {
      const signed = expr.right.kind === "unary" && expr.right.operator === "-"
      const right = signed ? this.whole(expr.right) : this.expr(expr.right, levels.power)
      return [this.expr(expr.left, levels.power + 1), "^", right]
    }
    // A chain of the same level breaks at all its operators or at none.
    const rest: Doc[] = []
    let first: Expr = expr
    while (first.kind === "binary" && operatorLevels[first.operator] === own) {
      const { right } = first
      const operand = level(right) <= own ? this.parens(this.form(right)) : this.form(right)
      const behind = first === expr ? "" : this.behind(first)
      rest.push([line, this.above(right), first.operator, " ", operand, this.behind(right), behind])
      first = first.left
      if (own === levels.comparison) break
    }
    const least = own === levels.comparison ? own + 1 : own
    return group([this.expr(first, least), indent(rest.reverse())])
  }

  private condition(expr: If): Doc {
    const { condition, whenTrue, whenFalse } = expr
    if (whenFalse.kind !== "if")
      return group([
        "if ",
        this.whole(condition),
        indent([this.branch("then ", whenTrue), this.branch("else ", whenFalse)]),
      ])
    const arms: Doc[] = [this.arm("if ", condition, whenTrue)]
    let last: Expr = whenFalse
    while (last.kind === "if") {
      arms.push([line, this.above(last), this.arm("else if ", last.condition, last.whenTrue)])
      last = last.whenFalse
    }
    return align(group([arms, this.branch("else ", last)]))
  }

  /** A condition and its value; a comment behind the value does not separate the two. */
  private arm(word: string, condition: Expr, value: Expr): Doc {
    const then = [line, this.above(value), "then ", this.form(value)]
    return [group([word, this.whole(condition), indent(then)]), this.behind(value)]
  }

  /** A part of an `if` on its own line, with its comments above the word. */
  private branch(word: string, value: Expr): Doc {
    return [line, this.above(value), word, this.form(value), this.behind(value)]
  }

  private inner(expr: Let): Doc {
    return expr.body.kind === "let" ? this.parenthesised(expr.body) : this.whole(expr.body)
  }

  private bindings(bindings: readonly Binding[], value: Doc): Doc {
    const docs = bindings.map((binding) => this.remarked(binding, this.binding(binding)))
    if (docs.length === 1) return group(["let ", align(docs), " in", line, value])
    return ["let ", align(join([",", newline], docs)), " in", newline, value]
  }

  private binding(binding: Binding): Doc {
    switch (binding.kind) {
      case "value-binding": {
        const table = binding.binders.length > 0 ? this.binders(binding.binders, undefined, "") : ""
        return [binding.name.name, table, this.given(binding.value)]
      }
      case "tuple-binding":
        return [
          "(",
          join(
            ", ",
            binding.names.map(({ name }) => name),
          ),
          ") = ",
          this.whole(binding.value),
        ]
      case "axis-binding":
        return [`axis ${binding.name.name} = `, this.range(binding.range)]
      case "function-binding":
        return [
          binding.name.name,
          this.axes(binding.axes),
          this.arguments(binding.arguments, []),
          this.given(binding.body),
        ]
    }
  }

  /** What a name stands for. A `let` begins on a line of its own if it needs more than one. */
  private given(value: Expr): Doc {
    if (value.kind !== "let") return [" = ", this.whole(value)]
    return group([" =", indent([line, this.whole(value)])])
  }

  private binders(binders: readonly Binder[], filter: Expr | undefined, end: string): Doc {
    const docs = binders.map(({ index, range }): Doc => {
      return range ? [printIndex(index), " in ", this.range(range)] : printIndex(index)
    })
    const condition = filter ? this.branch("if ", filter) : ""
    return group(["[", indent([softline, join([",", line], docs), condition, end]), softline, "]"])
  }

  private range(range: Range): Doc {
    if (range.kind === "extent") return this.arithmetic(range.value)
    return [this.arithmetic(range.low), " .. ", this.arithmetic(range.high)]
  }
}

/** How tightly an expression holds together; 0 is what reaches as far right as it can. */
function level(expr: Expr): number {
  switch (expr.kind) {
    case "let":
    case "if":
    case "fold":
      return 0
    case "substitute":
      return expr.default ? levels.default : levels.postfix
    case "binary":
      return operatorLevels[expr.operator]
    case "unary":
      return expr.operator === "-" ? levels.negative : levels.not
    default:
      return levels.postfix
  }
}

function remarkLines(remarks: readonly Above[]): Doc {
  return remarks.map(({ comment, gap }) => [remark(written(comment)), gap ? hardline : ""])
}

/** A comment that documents nothing is an ordinary one, however it was written. */
function written(comment: Comment): string {
  return `// ${comment.text}`.trimEnd()
}

function printIndex(index: Binder["index"]): string {
  return index.kind === "rest" ? "..." : index.name
}

function printAxis(axis: Axis): string {
  if (axis.kind !== "components") return printIndex(axis)
  const members = axis.members.map(({ name }) => name).join(", ")
  return axis.name ? `${axis.name.name}: (${members})` : `(${members})`
}

function printType({ axes, scalar }: Type): string {
  const shape = axes.length > 0 || !scalar ? `[${axes.map(printAxis).join(", ")}]` : ""
  return [shape, scalar ? printScalar(scalar) : ""].filter((part) => part !== "").join(" ")
}

function printScalar(scalar: Scalar): string {
  switch (scalar.kind) {
    case "plain":
      return scalar.type
    case "index":
      return `index${scalar.sentinel ? "?" : ""} ${scalar.axis.name}`
    case "choice":
      return scalar.members.map(({ value }) => `"${value}"`).join(" | ")
  }
}
